//! The net under the readings. Nobody can undo every encoding; but what is made of a token looks like one: letters, digits and signs without any order, where
//! those of a page, a path or a date have some. Where a gate that was sent a token answers with that, its length and digest are told in its place.

use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use crate::text::hides;

/// So many characters in a row are looked at together. A signature has more.
const WINDOW: usize = 24;
/// As much disorder among them is that of an encoding; a text has half as much.
const LEAST: usize = 24;
/// As much is enough beside such a place.
const BESIDE: usize = 16;
/// As many different characters are among them.
const DIFFERENT: usize = 12;
/// Words of no more characters are looked at together: an encoding may be written in groups.
const GROUP: usize = 8;
/// So many hexadecimal digits in a row are a number, whose digits have no order either: canaries, digests and ids are. What is written in them was read.
const NUMBER: usize = 8;
/// What lies between two finds that are this near is part of them.
const NEAR: usize = WINDOW;

/// For each letter, which letters follow it in words: 250 pairs, which are 97 of 100 in English text and in HTML, and 37 of 100 by chance.
const FOLLOW: [&str; 26] = [
    "bcdgiklmnprstuvy",
    "aeijlorsuy",
    "acehiklmorstu",
    "adeilmostu",
    "acdefglmnpqrstvwxy",
    "aefiortu",
    "acehinrtu",
    "aeiort",
    "abcdefglmnoprstvz",
    "e",
    "ae",
    "adeilostuy",
    "abeilmopsu",
    "abcdefgiklostuy",
    "bcdfgiklmnoprstuvw",
    "aeiloprstuy",
    "asu",
    "acdegiklmnorstuy",
    "acdehilopstu",
    "adehilmoprstuwxy",
    "bceilmnoprst",
    "aei",
    "aehior",
    "prt",
    "opst",
    "e",
];

/// A character as it is read, and from where to where it stands.
#[derive(Clone, Copy)]
struct Sign {
    read: Read,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Read {
    Lower(u8),
    Upper(u8),
    Digit(u8),
    /// Any other character of ASCII that can be seen.
    Mark(u8),
    /// A letter or a sign of another script: a page may be written in it.
    Other,
    /// A byte of no text.
    Raw(u8),
    Space,
}

/// Where a text has what a token may have been made into, in order, without overlaps.
pub(super) fn dense(text: &[u8]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for group in groups(&signs(text)) {
        let windows: Vec<(&[Sign], usize)> = group.windows(WINDOW).map(|window| (window, disorder(window))).collect();
        for run in windows.chunk_by(|(_, one), (_, next)| *one >= BESIDE && *next >= BESIDE) {
            let sure = || run.iter().filter(|(window, disorder)| *disorder >= LEAST && is_varied(window));
            let (Some(first), Some(last)) = (sure().find_map(core), sure().rev().find_map(core)) else { continue };
            // What is beside it in its word, and not quite as much without order, belongs to it.
            let (wide_start, _) = run.iter().find_map(core).unwrap_or(first);
            let (_, wide_end) = run.iter().rev().find_map(core).unwrap_or(last);
            let is_space = u8::is_ascii_whitespace;
            let before = text.get(wide_start..first.0).unwrap_or_default().iter().rev();
            let behind = text.get(last.1..wide_end).unwrap_or_default().iter();
            let start = first.0.saturating_sub(before.take_while(|byte| !is_space(byte)).count());
            let last = last.1.saturating_add(behind.take_while(|byte| !is_space(byte)).count());
            match found.last_mut() {
                Some((_, end)) if start <= end.saturating_add(NEAR) => *end = last.max(*end),
                _ => found.push((start, last)),
            }
        }
    }
    found
}

/// What stands in the place of such bytes.
pub(super) fn told(bytes: &[u8]) -> String {
    let digest: String = Sha256::digest(bytes).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("<{} bytes that a token may be in, SHA-256 {digest}>", bytes.len())
}

/// Words with the short ones beside them, each without what stands between.
fn groups(signs: &[Sign]) -> Vec<Vec<Sign>> {
    let mut all = Vec::new();
    let mut group: Vec<Sign> = Vec::new();
    for word in signs.split(|sign| sign.read == Read::Space).filter(|word| !word.is_empty()) {
        group.extend(without_numbers(word));
        if word.len() > GROUP {
            // The next word may be short; what it is joined to has been looked at.
            all.push(std::mem::take(&mut group));
        }
    }
    all.push(group);
    all
}

/// A word in which the digits of long hexadecimal numbers are all the same.
fn without_numbers(word: &[Sign]) -> Vec<Sign> {
    let mut out = word.to_vec();
    for (lower, upper) in [(true, false), (false, true)] {
        let is_digit = |sign: &Sign| match sign.read {
            Read::Digit(_) | Read::Mark(b'-') => true,
            Read::Lower(letter) => lower && letter <= b'f',
            Read::Upper(letter) => upper && letter <= b'F',
            _ => false,
        };
        for run in out.chunk_by_mut(|one, next| is_digit(one) == is_digit(next)) {
            if run.len() >= NUMBER && run.iter().all(is_digit) {
                run.iter_mut().for_each(|sign| sign.read = Read::Digit(b'0'));
            }
        }
    }
    out
}

fn disorder(window: &[Sign]) -> usize {
    window.iter().zip(window.iter().skip(1)).map(|(one, next)| surprise(one.read, next.read)).sum()
}

fn is_varied(window: &[Sign]) -> bool {
    let mut values: Vec<u16> = window.iter().map(|sign| value(sign.read)).collect();
    values.sort_unstable();
    values.dedup();
    values.len() >= DIFFERENT
}

/// From where to where there is disorder: the end of a word in front of it, and the beginning of one behind it, are none.
fn core((window, _): &(&[Sign], usize)) -> Option<(usize, usize)> {
    let odd = || window.iter().zip(window.iter().skip(1)).filter(|(one, next)| surprise(one.read, next.read) > 1);
    Some((odd().next()?.1.start, odd().next_back()?.0.end))
}

/// How little a character is expected behind another.
fn surprise(one: Read, next: Read) -> usize {
    let follows = |one: u8, next: u8| {
        let place = usize::from(one.to_ascii_lowercase().saturating_sub(b'a'));
        FOLLOW.get(place).is_some_and(|next_ones| next_ones.as_bytes().contains(&next.to_ascii_lowercase()))
    };
    match (one, next) {
        (Read::Raw(_), _) | (_, Read::Raw(_)) | (Read::Lower(_), Read::Upper(_)) => 2,
        (Read::Lower(one) | Read::Upper(one), Read::Lower(next)) | (Read::Upper(one), Read::Upper(next)) => {
            if follows(one, next) { 0 } else { 2 }
        }
        (Read::Lower(_) | Read::Upper(_), Read::Digit(_)) | (Read::Digit(_), Read::Lower(_) | Read::Upper(_)) => 2,
        (Read::Mark(one), Read::Mark(next)) => usize::from(one != next),
        (Read::Digit(_), Read::Digit(_)) | (Read::Other, Read::Other) => 0,
        _ => 1,
    }
}

fn value(read: Read) -> u16 {
    match read {
        Read::Lower(byte) | Read::Upper(byte) | Read::Digit(byte) | Read::Mark(byte) => u16::from(byte),
        Read::Raw(byte) => u16::from(byte).saturating_add(0x100),
        Read::Other | Read::Space => 0,
    }
}

/// The characters of a text: an escape is what it stands for, a full-width letter the letter, and what is not seen is left out.
fn signs(text: &[u8]) -> Vec<Sign> {
    let mut out = Vec::with_capacity(text.len());
    let mut start = 0_usize;
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        let mut skip_to = 0_usize;
        for (at, c) in valid.char_indices().filter(|(_, c)| !hides(*c) && !is_accent(*c)) {
            if at < skip_to {
                continue;
            }
            let (read, length) = escape(valid.as_bytes().get(at..).unwrap_or_default()).unwrap_or((c, c.len_utf8()));
            skip_to = at.saturating_add(length);
            out.push(Sign { read: sign(read), start: start.saturating_add(at), end: start.saturating_add(skip_to) });
        }
        start = start.saturating_add(valid.len());
        for byte in chunk.invalid() {
            out.push(Sign { read: Read::Raw(*byte), start, end: start.saturating_add(1) });
            start = start.saturating_add(1);
        }
    }
    // What would part words parts nothing among the bytes of no text.
    let is_raw = |sign: Option<&Sign>| sign.is_some_and(|sign| matches!(sign.read, Read::Raw(_)));
    let spaces = (0..out.len()).filter(|at| out.get(*at).is_some_and(|sign| sign.read == Read::Space));
    let among: Vec<usize> =
        spaces.filter(|at| is_raw(out.get(at.wrapping_sub(1))) || is_raw(out.get(at.saturating_add(1)))).collect();
    for at in among {
        if let Some(sign) = out.get_mut(at) {
            sign.read = Read::Raw(b' ');
        }
    }
    out
}

/// Whether it stands over the character before it.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

fn sign(c: char) -> Read {
    let c = if c.is_ascii() { c } else { c.nfkc().next().unwrap_or(c) };
    let Ok(byte) = u8::try_from(c) else { return Read::Other };
    match byte {
        b'a'..=b'z' => Read::Lower(byte),
        b'A'..=b'Z' => Read::Upper(byte),
        b'0'..=b'9' => Read::Digit(byte),
        b' ' | b'\t' | b'\r' | b'\n' => Read::Space,
        0x21..=0x7e => Read::Mark(byte),
        0x80.. => Read::Other,
        _ => Read::Raw(byte),
    }
}

/// What `%41` and `\u0041` stand for, and how long they are.
fn escape(rest: &[u8]) -> Option<(char, usize)> {
    let (length, digits) = match rest {
        [b'%', digits @ ..] => (3, digits.get(..2)?),
        [b'\\', b'u', digits @ ..] => (6, digits.get(..4)?),
        _ => return None,
    };
    let digits = std::str::from_utf8(digits).ok()?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    Some((char::from_u32(code)?, length))
}
