//! What must not come back, and how it is found again in a reading of a text.

use super::view::{RUN, Span, View, around};

/// As many bytes of a signature in a row say whose it is.
const RAW_RUN: usize = 8;
/// A run of fewer different characters is filling.
const DIFFERENT: u32 = 6;
/// The bits of the sieve for secrets, as a power of two.
const SIEVE_BITS: u32 = 16;

/// Secrets, as their runs: any of them gives one away.
#[derive(Clone, Debug, Default)]
pub(super) struct Needles {
    /// What stands in the place of each, and how many runs of it in a row it takes.
    secrets: Vec<(&'static str, usize)>,
    /// Letters and digits in lower case, forwards and backwards, as they are and moved by thirteen letters, with the place of the secret; sorted.
    runs: Vec<(u128, usize)>,
    /// Bytes of signatures, forwards and backwards, with the place of the secret; sorted.
    raw: Vec<(u128, usize)>,
    sieve: Sieve,
}

/// A bit for each run that there is, so that most others need no search.
#[derive(Clone, Debug, Default)]
struct Sieve {
    words: Vec<u64>,
    /// How many bits there are, as a power of two; six at the least.
    bits: u32,
}

/// All runs of the readings of a text, so that a secret can be held against them without reading the text again.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    /// Digests of runs of letters and digits, sorted.
    letters: Vec<u64>,
    /// Digests of runs of bytes, sorted.
    raw: Vec<u64>,
    sieve: Sieve,
}

impl Needles {
    /// Adds a secret: `least` is how many letters and digits of it in a row are recognised, and [`RUN`] at the least; `telling` says which runs count.
    pub(super) fn add<'a>(
        &mut self,
        by: &'static str,
        texts: impl IntoIterator<Item = &'a [u8]>,
        least: usize,
        telling: fn(&[u8]) -> bool,
    ) {
        let place = self.secrets.len();
        self.secrets.push((by, least.saturating_sub(RUN).saturating_add(1)));
        for text in texts {
            let letters: Vec<u8> = text.iter().filter_map(|byte| folded(*byte)).collect();
            let moved: Vec<u8> = letters.iter().map(|byte| thirteen(*byte)).collect();
            for mut letters in [letters, moved] {
                for _ in 0..2 {
                    let all = letters.windows(RUN).zip(runs(letters.iter().copied(), RUN));
                    let told = all.filter(|(run, _)| is_no_filling(run) && telling(run));
                    self.runs.extend(told.map(|(_, run)| (run, place)));
                    letters.reverse();
                }
            }
        }
    }

    /// The secret that was added last can be found by these bytes too.
    pub(super) fn add_raw(&mut self, bytes: &[u8]) {
        let place = self.secrets.len().saturating_sub(1);
        self.raw.extend(runs(bytes.iter().copied(), RAW_RUN).map(|run| (run, place)));
        self.raw.extend(runs(bytes.iter().rev().copied(), RAW_RUN).map(|run| (run, place)));
    }

    /// Makes them ready to be searched for.
    pub(super) fn ready(mut self) -> Self {
        self.sieve = Sieve::new(SIEVE_BITS);
        for list in [&mut self.runs, &mut self.raw] {
            list.sort_unstable();
            list.dedup();
            list.iter().for_each(|(run, _)| self.sieve.add(digest(*run)));
        }
        self
    }

    /// Where a reading has any of them.
    pub(super) fn find(&self, view: &View, found: &mut Vec<(Span, &'static str)>) {
        let (letters, spans): (Vec<u8>, Vec<Span>) =
            view.iter().filter_map(|(byte, span)| Some((folded(byte)?, span))).unzip();
        // How many runs of each secret end here, one behind the other.
        let mut rows = vec![(0_usize, 0_usize); self.secrets.len()];
        for (at, run) in runs(letters.iter().copied(), RUN).enumerate() {
            for place in self.places(&self.runs, run) {
                let (Some((by, least)), Some((row, last))) = (self.secrets.get(place), rows.get_mut(place)) else {
                    continue;
                };
                *row = if last.saturating_add(1) == at { row.saturating_add(1) } else { 1 };
                *last = at;
                if *row >= *least {
                    let first = at.saturating_add(1).saturating_sub(*least);
                    let spans = spans.get(first..at.saturating_add(RUN)).unwrap_or_default();
                    found.extend(around(spans).map(|span| (span, *by)));
                }
            }
        }
        if self.raw.is_empty() {
            return;
        }
        for (at, run) in runs(view.bytes.iter().copied(), RAW_RUN).enumerate() {
            for place in self.places(&self.raw, run) {
                let spans = view.spans.get(at..at.saturating_add(RAW_RUN)).unwrap_or_default();
                let by = self.secrets.get(place).map_or("<secret>", |(by, _)| *by);
                found.extend(around(spans).map(|span| (span, by)));
            }
        }
    }

    /// The secrets that have a run.
    fn places<'a>(&'a self, list: &'a [(u128, usize)], run: u128) -> impl Iterator<Item = usize> + 'a {
        let may_be = self.sieve.may_have(digest(run));
        let from = if may_be { list.partition_point(|(other, _)| *other < run) } else { list.len() };
        list.iter().skip(from).take_while(move |(other, _)| *other == run).map(|(_, place)| *place)
    }
}

/// The last `length` bytes as a number, at each byte at which there are as many.
fn runs(bytes: impl Iterator<Item = u8>, length: usize) -> impl Iterator<Item = u128> {
    let bits = u32::try_from(length).unwrap_or(16).saturating_mul(8);
    let mask = 1_u128.checked_shl(bits).map_or(u128::MAX, |end| end.saturating_sub(1));
    let numbers = bytes.scan(0_u128, move |number, byte| {
        *number = (*number << 8 | u128::from(byte)) & mask;
        Some(*number)
    });
    numbers.skip(length.saturating_sub(1))
}

impl Sieve {
    fn new(bits: u32) -> Self {
        let bits = bits.clamp(6, 24);
        Self { words: vec![0; 1_usize.checked_shl(bits.saturating_sub(6)).unwrap_or(1)], bits }
    }

    /// The word and the bit that are for a digest.
    fn place(&self, digest: u64) -> (usize, u64) {
        let mixed = digest >> 64_u32.saturating_sub(self.bits).min(63);
        (usize::try_from(mixed >> 6).unwrap_or_default(), 1 << (mixed & 63))
    }

    fn add(&mut self, digest: u64) {
        let (word, bit) = self.place(digest);
        if let Some(word) = self.words.get_mut(word) {
            *word |= bit;
        }
    }

    fn may_have(&self, digest: u64) -> bool {
        let (word, bit) = self.place(digest);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }
}

impl Runs {
    /// Adds those of a reading.
    pub(super) fn add(&mut self, view: &View) {
        let letters = view.bytes.iter().filter_map(|byte| folded(*byte));
        self.letters.extend(runs(letters, RUN).map(digest));
        self.raw.extend(runs(view.bytes.iter().copied(), RAW_RUN).map(digest));
    }

    /// Makes them ready to be held against.
    pub(super) fn ready(mut self) -> Self {
        for list in [&mut self.letters, &mut self.raw] {
            list.sort_unstable();
            list.dedup();
            list.shrink_to_fit();
        }
        let count = self.letters.len().saturating_add(self.raw.len());
        // One bit of sixteen is set.
        self.sieve = Sieve::new(usize::BITS.saturating_sub(count.leading_zeros()).saturating_add(4));
        self.letters.iter().chain(&self.raw).for_each(|digest| self.sieve.add(*digest));
        self
    }

    /// Whether there is a run of letters and digits that these texts have too, as [`Needles::add`] takes them: `false` is certain.
    pub(super) fn may_have(&self, text: &[u8]) -> bool {
        let letters = || text.iter().filter_map(|byte| folded(*byte));
        let as_it_is = runs(letters(), RUN);
        let moved = runs(letters().map(thirteen), RUN);
        as_it_is.chain(moved).any(|run| [run, backwards(run, RUN)].iter().any(|run| self.has(&self.letters, *run)))
    }

    /// Whether there is a run of these bytes, as [`Needles::add_raw`] takes them: `false` is certain.
    pub(super) fn may_have_raw(&self, bytes: &[u8]) -> bool {
        let mut all = runs(bytes.iter().copied(), RAW_RUN);
        all.any(|run| [run, backwards(run, RAW_RUN)].iter().any(|run| self.has(&self.raw, *run)))
    }

    fn has(&self, list: &[u64], run: u128) -> bool {
        let digest = digest(run);
        self.sieve.may_have(digest) && list.binary_search(&digest).is_ok()
    }
}

/// A run as a number of half as many bits: two that are the same have the same.
fn digest(run: u128) -> u64 {
    let folded =
        u64::try_from(run >> 64).unwrap_or_default() ^ u64::try_from(run & u128::from(u64::MAX)).unwrap_or_default();
    folded.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The same run from its end to its beginning.
fn backwards(run: u128, length: usize) -> u128 {
    let bits = u32::try_from(length).unwrap_or(16).saturating_mul(8);
    run.swap_bytes().checked_shr(128_u32.saturating_sub(bits)).unwrap_or_default()
}

fn is_no_filling(run: &[u8]) -> bool {
    let set = run.iter().fold(0_u128, |set, byte| set | 1_u128.checked_shl(u32::from(*byte)).unwrap_or_default());
    set.count_ones() >= DIFFERENT
}

fn folded(byte: u8) -> Option<u8> {
    byte.is_ascii_alphanumeric().then(|| byte.to_ascii_lowercase())
}

fn thirteen(byte: u8) -> u8 {
    match byte {
        b'a'..=b'm' => byte.saturating_add(13),
        b'n'..=b'z' => byte.saturating_sub(13),
        other => other,
    }
}
