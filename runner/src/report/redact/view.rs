//! Readings of a text: what somebody finds who undoes an escape, an encoding or a compression in it. Each byte of a reading knows where in the text it
//! comes from, so that what is found in a reading can be taken out of the text.

use std::io::Read as _;

/// Fewer characters in a row than this say nothing.
pub(super) const RUN: usize = 12;
/// How much comes out of compressed bytes in a text.
const INFLATED: u64 = 256 << 10;
/// How many places of a text are tried as the beginning of compressed bytes.
const BEGINNINGS: usize = 64;
/// A run of fewer different digits is filling.
const DIFFERENT: u32 = 6;
/// As much may stand between two digits of an encoding.
const BETWEEN: usize = 8;
/// A tag or a control sequence longer than this is none.
const LONGEST_MARK: usize = 256;

/// From where to where in the text.
pub(super) type Span = (u32, u32);

/// The place that holds all of these.
pub(super) fn around(spans: &[Span]) -> Option<Span> {
    Some((spans.iter().map(|span| span.0).min()?, spans.iter().map(|span| span.1).max()?))
}

/// A reading of a text.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    pub(super) spans: Vec<Span>,
    reversed: bool,
}

impl View {
    /// The text as it stands.
    pub(super) fn of(text: &[u8]) -> Self {
        let spans = (0_u32..).zip(1..).take(text.len()).collect();
        Self { bytes: text.to_vec(), spans, reversed: false }
    }

    /// What can be read out of it in one step. What was not looked at to its end is told to `unread`.
    pub(super) fn readings(&self, unread: &mut Vec<Span>) -> Vec<Self> {
        let mut found = Vec::new();
        found.extend(self.unescaped());
        found.extend(self.unmarked());
        for coding in &DIGITS {
            let runs = self.runs_of(coding);
            if !runs.is_empty() {
                found.extend((0..coding.shifts).filter_map(|shift| self.undone(coding, shift, &runs)));
            }
        }
        if self.has_numbers() {
            found.extend([8, 10, 2].into_iter().filter_map(|radix| self.numbers(radix)));
        }
        found.extend(self.inflated(unread));
        found
    }

    /// Whether it was turned round on the way: then one more step is as far as anybody goes.
    pub(super) fn is_reversed(&self) -> bool {
        self.reversed
    }

    fn push(&mut self, byte: u8, span: Span) {
        self.bytes.push(byte);
        self.spans.push(span);
    }

    /// Byte and place, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u8, Span)> + '_ {
        self.bytes.iter().copied().zip(self.spans.iter().copied())
    }

    /// The same from its end to its beginning.
    pub(super) fn backwards(&self) -> Self {
        let mut out = Self { reversed: true, ..Self::default() };
        self.iter().rev().for_each(|(byte, span)| out.push(byte, span));
        out
    }

    /// The same where `step` says how many bytes from a place on stand for something else, and for which bytes; none if it never does.
    fn rewritten(&self, step: impl Fn(&[u8]) -> Option<(usize, Vec<u8>)>) -> Option<Self> {
        let mut out = Self { reversed: self.reversed, ..Self::default() };
        let (mut at, mut changed) = (0_usize, false);
        while let (Some(byte), Some(span)) = (self.bytes.get(at), self.spans.get(at)) {
            match step(self.bytes.get(at..).unwrap_or_default()) {
                Some((length, instead)) => {
                    changed = true;
                    let end = at.saturating_add(length.max(1));
                    let whole = self.spans.get(at..end.min(self.spans.len())).and_then(around).unwrap_or(*span);
                    instead.into_iter().for_each(|byte| out.push(byte, whole));
                    at = end;
                }
                None => {
                    out.push(*byte, *span);
                    at = at.saturating_add(1);
                }
            }
        }
        changed.then_some(out)
    }

    pub(super) fn unescaped(&self) -> Option<Self> {
        let has = |byte: &[u8]| memchr::memmem::find(&self.bytes, byte).is_some();
        let may_be = memchr::memchr3(b'%', b'&', b'\\', &self.bytes).is_some()
            || [&b"="[..], b"0x", b"0X", b"U+", b"u+"].into_iter().any(has);
        may_be.then(|| self.rewritten(escape)).flatten()
    }

    /// Without tags, control sequences of a terminal and the framing of chunks, which can stand between any two characters.
    fn unmarked(&self) -> Option<Self> {
        let may_be = memchr::memchr3(b'<', 0x1b, b'\r', &self.bytes).is_some();
        may_be.then(|| self.rewritten(|rest| mark(rest).map(|length| (length, Vec::new())))).flatten()
    }

    /// The runs of digits of a coding that are long enough, and no filling, as values.
    fn runs_of(&self, coding: &Digits) -> Vec<Self> {
        let mut runs = Vec::new();
        let mut run = Self::default();
        let mut keep = |run: &mut Self| {
            let run = std::mem::take(run);
            let bytes = run.bytes.len().saturating_mul(usize::try_from(coding.bits).unwrap_or(8)) / 8;
            let set = run
                .bytes
                .iter()
                .fold(0_u64, |set, value| set | 1_u64.checked_shl(u32::from(*value)).unwrap_or_default());
            if bytes >= RUN && set.count_ones() >= DIFFERENT {
                runs.push(run);
            }
        };
        // How many digits stand without anything between them, and how much else has come since.
        let (mut row, mut between) = (0_usize, 0_usize);
        for (byte, span) in self.iter() {
            match (coding.value)(byte) {
                Some(value) => {
                    row = if between > 0 { 1 } else { row.saturating_add(1) };
                    between = 0;
                    run.push(value, span);
                }
                None if !byte.is_ascii_alphanumeric() && byte != b'=' && row >= coding.row && between < BETWEEN => {
                    between = between.saturating_add(1);
                }
                None => {
                    keep(&mut run);
                    (row, between) = (0, 0);
                }
            }
        }
        keep(&mut run);
        runs
    }

    /// Digits of a coding put together to bytes, the first `shift` of each run left out.
    fn undone(&self, coding: &Digits, shift: usize, runs: &[Self]) -> Option<Self> {
        let mut out = Self { reversed: self.reversed, ..Self::default() };
        runs.iter().for_each(|run| run.put_together(coding, shift, &mut out));
        (!out.bytes.is_empty()).then_some(out)
    }

    /// Moves a run of values, as bytes, to `out`.
    fn put_together(&self, coding: &Digits, shift: usize, out: &mut Self) {
        let (mut kept, mut count) = (0_u32, 0_u32);
        let mut from: Option<Span> = None;
        for (value, span) in self.iter().skip(shift) {
            let whole = from.and_then(|from| around(&[from, span])).unwrap_or(span);
            from = Some(whole);
            kept = (kept << coding.bits | u32::from(value)) & 0xffff;
            count = count.saturating_add(coding.bits);
            if count >= 8 {
                count = count.saturating_sub(8);
                out.push(u8::try_from(kept >> count & 0xff).unwrap_or_default(), whole);
                from = (count > 0).then_some(span);
            }
        }
    }

    /// Whether there are as many numbers as make a run.
    fn has_numbers(&self) -> bool {
        let ends = self.bytes.windows(2).filter(|pair| {
            pair.first().is_some_and(u8::is_ascii_digit) && !pair.last().is_some_and(u8::is_ascii_alphanumeric)
        });
        ends.take(RUN - 1).count() == RUN - 1
    }

    /// Lists of numbers, as `[101, 121, 74]`, `145 171` or `01100101 01111001`.
    fn numbers(&self, radix: u32) -> Option<Self> {
        let mut out = Self { reversed: self.reversed, ..Self::default() };
        let mut run = Self::default();
        let mut number: Option<(u32, u32, Span)> = None;
        let longest = if radix == 2 { 8 } else { 3 };
        let mut flush = |run: &mut Self| {
            let run = std::mem::take(run);
            if run.bytes.len() >= RUN {
                run.iter().for_each(|(byte, span)| out.push(byte, span));
            }
        };
        for (byte, span) in self.iter().chain([(b' ', (0, 0))]) {
            let digit = char::from(byte).to_digit(radix);
            match (digit, number) {
                (Some(digit), Some((value, length, whole))) if length < longest => {
                    let value = value.saturating_mul(radix).saturating_add(digit);
                    number = Some((value, length.saturating_add(1), around(&[whole, span]).unwrap_or(span)));
                }
                (Some(digit), None) => number = Some((digit, 1, span)),
                (None, Some((value, _, whole))) => {
                    match u8::try_from(value) {
                        Ok(value) => run.push(value, whole),
                        Err(_) => flush(&mut run),
                    }
                    number = None;
                    if byte.is_ascii_alphanumeric() {
                        flush(&mut run);
                    }
                }
                // Too many digits, or a word between the numbers.
                (Some(_), Some(_)) => {
                    number = None;
                    flush(&mut run);
                }
                (None, None) if byte.is_ascii_alphanumeric() => flush(&mut run),
                (None, None) => {}
            }
        }
        flush(&mut run);
        (!out.bytes.is_empty()).then_some(out)
    }

    /// What gzip or zlib has made of something. All of it comes from all that is behind its beginning.
    fn inflated(&self, unread: &mut Vec<Span>) -> Option<Self> {
        let mut out = Self { reversed: self.reversed, ..Self::default() };
        let gzip = memchr::memmem::find_iter(&self.bytes, b"\x1f\x8b\x08").map(|at| (at, true));
        let zlib = memchr::memchr_iter(0x78, &self.bytes)
            .filter(|at| {
                let second = self.bytes.get(at.saturating_add(1)).copied().map(u16::from);
                second.is_some_and(|second| (0x7800 | second) % 31 == 0 && second & 0x20 == 0)
            })
            .map(|at| (at, false));
        for (count, (at, gzip)) in gzip.chain(zlib).enumerate() {
            if count >= BEGINNINGS {
                unread.extend(self.spans.get(at..).and_then(around));
                break;
            }
            let coded = self.bytes.get(at..).unwrap_or_default();
            let mut bytes = Vec::new();
            let _ = if gzip {
                flate2::read::GzDecoder::new(coded).take(INFLATED).read_to_end(&mut bytes)
            } else {
                flate2::read::ZlibDecoder::new(coded).take(INFLATED).read_to_end(&mut bytes)
            };
            let whole = self.spans.get(at..).and_then(around);
            if u64::try_from(bytes.len()).is_ok_and(|length| length >= INFLATED) {
                unread.extend(whole);
            }
            if let Some(whole) = whole.filter(|_| bytes.len() >= RUN) {
                bytes.into_iter().for_each(|byte| out.push(byte, whole));
            }
        }
        (!out.bytes.is_empty()).then_some(out)
    }
}

/// An encoding of bytes in digits of some bits each.
struct Digits {
    bits: u32,
    /// How many ways there are to begin in the middle of it.
    shifts: usize,
    value: fn(u8) -> Option<u8>,
    /// After how many digits in a row something else may stand, and more digits follow: the words of a text are no lines of digits.
    row: usize,
}

const DIGITS: [Digits; 3] = [
    Digits { bits: 4, shifts: 2, value: hexadecimal, row: 1 },
    Digits { bits: 5, shifts: 8, value: base32, row: 24 },
    Digits { bits: 6, shifts: 4, value: base64, row: 16 },
];

fn hexadecimal(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn base32(byte: u8) -> Option<u8> {
    match byte.to_ascii_uppercase() {
        letter @ b'A'..=b'Z' => Some(letter.saturating_sub(b'A')),
        digit @ b'2'..=b'7' => Some(digit.saturating_sub(b'2').saturating_add(26)),
        _ => None,
    }
}

fn base64(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte.saturating_sub(b'A')),
        b'a'..=b'z' => Some(byte.saturating_sub(b'a').saturating_add(26)),
        b'0'..=b'9' => Some(byte.saturating_sub(b'0').saturating_add(52)),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// The escape at the beginning of `rest`: its length, and what it stands for.
fn escape(rest: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (first, rest) = rest.split_first()?;
    let (length, instead) = match first {
        b'%' => match rest.first()? {
            b'u' | b'U' => fixed(rest, 1, 4)?,
            _ => fixed(rest, 0, 2)?,
        },
        b'=' => fixed(rest, 0, 2)?,
        b'0' if matches!(rest.first()?, b'x' | b'X') => fixed(rest, 1, 2)?,
        b'U' | b'u' if rest.first()? == &b'+' => fixed(rest, 1, 4)?,
        b'&' => entity(rest)?,
        b'\\' => backslash(rest)?,
        _ => return None,
    };
    Some((length.saturating_add(1), instead))
}

fn backslash(rest: &[u8]) -> Option<(usize, Vec<u8>)> {
    match rest.first()? {
        b'u' | b'x' if rest.get(1)? == &b'{' => {
            let (length, instead) = number(rest, 2, 16, 6)?;
            let closed = rest.get(length)? == &b'}';
            closed.then(|| (length.saturating_add(1), instead))
        }
        b'u' => fixed(rest, 1, 4),
        b'U' => fixed(rest, 1, 8),
        b'x' => fixed(rest, 1, 2),
        b'\\' | b'/' => Some((1, rest.get(..1)?.to_vec())),
        b'n' | b'r' | b't' | b'b' | b'f' | b'v' if !rest.get(1)?.is_ascii_hexdigit() || rest.first()? != &b'b' => {
            Some((1, b" ".to_vec()))
        }
        b'0'..=b'3' if rest.get(1..3)?.iter().all(|digit| matches!(digit, b'0'..=b'7')) => number(rest, 0, 8, 3),
        // CSS: a space after the digits belongs to them.
        _ => {
            let (length, instead) = number(rest, 0, 16, 6)?;
            Some((length.saturating_add(usize::from(rest.get(length) == Some(&b' '))), instead))
        }
    }
}

/// `&#101;`, `&#x65;`, `&amp;`; other named ones stand for what is no letter of a token.
fn entity(rest: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (length, instead) = match (rest.first()?, rest.get(1)) {
        (b'#', Some(b'x' | b'X')) => number(rest, 2, 16, 8)?,
        (b'#', _) => number(rest, 1, 10, 8)?,
        _ => {
            let length = rest.iter().take(32).take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let name = rest.get(..length)?;
            let closed = rest.get(length)? == &b';';
            let instead: &[u8] = if name == b"amp" { b"&" } else { b" " };
            (closed && !name.is_empty()).then(|| (length, instead.to_vec()))?
        }
    };
    Some((length.saturating_add(usize::from(rest.get(length) == Some(&b';'))), instead))
}

/// Exactly `count` hexadecimal digits behind the first `skip` bytes.
fn fixed(rest: &[u8], skip: usize, count: usize) -> Option<(usize, Vec<u8>)> {
    let end = skip.saturating_add(count);
    let (length, instead) = number(rest, skip, 16, count)?;
    (length == end).then_some((end, instead))
}

/// The character that at most `most` digits behind the first `skip` bytes stand for, and where they end.
fn number(rest: &[u8], skip: usize, radix: u32, most: usize) -> Option<(usize, Vec<u8>)> {
    let digits: Vec<u32> =
        rest.iter().skip(skip).take(most).map_while(|digit| char::from(*digit).to_digit(radix)).collect();
    let value = digits.iter().try_fold(0_u32, |value, digit| value.checked_mul(radix)?.checked_add(*digit))?;
    let instead = match u8::try_from(value) {
        Ok(byte) => vec![byte],
        // Full-width forms of ASCII.
        Err(_) if (0xff01..=0xff5e).contains(&value) => vec![u8::try_from(value.saturating_sub(0xfee0)).ok()?],
        Err(_) => char::from_u32(value)?.to_string().into_bytes(),
    };
    (!digits.is_empty()).then(|| (skip.saturating_add(digits.len()), instead))
}

/// The length of what stands for nothing at the beginning of `rest`.
fn mark(rest: &[u8]) -> Option<usize> {
    let within = rest.get(..LONGEST_MARK).unwrap_or(rest);
    let end = match within {
        [b'<', next, ..] if next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?') => {
            within.iter().position(|byte| *byte == b'>')?
        }
        [0x1b, b'[', ..] => within.iter().skip(2).position(|byte| (0x40..=0x7e).contains(byte))?.saturating_add(2),
        [b'\r', b'\n', line @ ..] => {
            let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let ended = digits > 0 && digits <= 8 && matches!(line.get(digits), Some(b'\r' | b';' | b' '));
            let end = line.windows(2).position(|pair| pair == b"\r\n").filter(|_| ended)?;
            end.saturating_add(3)
        }
        _ => return None,
    };
    Some(end.saturating_add(1))
}
