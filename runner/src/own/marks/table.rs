//! Runs of bytes, found in any bytes with one look at each.

use std::collections::{HashMap, HashSet};

/// The length of a run, in bytes.
const RUN: usize = 32;
/// A run with fewer different bytes than this is a row of dashes, an indent, or the like.
const TELLING: usize = 11;
/// No more of a file than this is looked at for runs.
pub(super) const LOOKED_AT: usize = 1 << 20;
/// Bytes of a text that pages of all makers begin and end with, whatever the site.
const BOILERPLATE: &[&[u8]] = &[
    b"<!doctype html>",
    b"<!DOCTYPE html>",
    b"<meta charset",
    b"name=\"viewport\"",
    b"initial-scale=1",
    b"<?xml version=",
    b"</body>",
    b"</html>",
    b"<head>",
];

/// Runs by a hash that rolls over bytes.
#[derive(Default)]
pub(super) struct Table {
    /// A bit for each low part of a hash: most bytes of most answers are passed over with one look.
    filter: Vec<u64>,
    pub(super) runs: HashMap<u64, Vec<Run>>,
}

pub(super) struct Run {
    pub(super) bytes: [u8; RUN],
    /// The closed files that hold it.
    pub(super) files: Vec<u32>,
}

/// The factor of the rolling hash: odd, and with bits all over.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
/// Bits of the filter, as a power of two.
const FILTER_BITS: u32 = 20;

/// The factor that the oldest byte of a run has got.
const OLDEST: u64 = {
    let (mut power, mut at) = (1_u64, 1);
    while at < RUN {
        power = power.wrapping_mul(FACTOR);
        at += 1;
    }
    power
};

fn mixed(byte: u8) -> u64 {
    u64::from(byte).wrapping_add(1).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

fn hash_of(run: &[u8]) -> u64 {
    run.iter().fold(0_u64, |hash, byte| hash.wrapping_mul(FACTOR).wrapping_add(mixed(*byte)))
}

fn slot(hash: u64) -> (usize, u64) {
    let bits = hash >> (64 - FILTER_BITS);
    (usize::try_from(bits / 64).unwrap_or_default(), 1 << (bits % 64))
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.runs.values().map(Vec::len).sum()
    }

    /// Takes runs from a file, spread over all of it.
    pub(super) fn take(&mut self, bytes: &[u8], file: u32, most: usize) {
        let bytes = bytes.get(..LOOKED_AT.min(bytes.len())).unwrap_or_default();
        let stride = (bytes.len() / most.max(1)).max(RUN);
        let mut next = 0;
        let mut taken = 0;
        while let Some(run) = next_telling(bytes, &mut next) {
            if taken >= most {
                break;
            }
            let known = self.runs.entry(hash_of(&run)).or_default();
            match known.iter_mut().find(|other| other.bytes == run) {
                Some(other) if !other.files.contains(&file) => other.files.push(file),
                Some(_) => {}
                None => known.push(Run { bytes: run, files: vec![file] }),
            }
            taken = taken.saturating_add(1);
            next = next.saturating_add(stride);
        }
    }

    pub(super) fn make_filter(&mut self) {
        self.filter = if self.runs.is_empty() { Vec::new() } else { vec![0; (1 << FILTER_BITS) / 64] };
        for hash in self.runs.keys() {
            let (at, bit) = slot(*hash);
            if let Some(word) = self.filter.get_mut(at) {
                *word |= bit;
            }
        }
    }

    /// Calls `found` for each run that stands in the bytes: its hash, its place under that hash, and the run.
    pub(super) fn each(&self, bytes: &[u8], mut found: impl FnMut(u64, usize, &Run)) {
        let Some((first, rest)) = bytes.split_at_checked(RUN).filter(|_| !self.runs.is_empty()) else { return };
        let mut look = |hash: u64, end: usize| {
            let (at, bit) = slot(hash);
            if self.filter.get(at).is_none_or(|word| word & bit == 0) {
                return;
            }
            let Some(runs) = self.runs.get(&hash) else { return };
            let here = end.checked_sub(RUN).and_then(|start| bytes.get(start..end));
            for (index, run) in runs.iter().enumerate().filter(|(_, run)| Some(run.bytes.as_slice()) == here) {
                found(hash, index, run);
            }
        };
        let mut hash = hash_of(first);
        look(hash, RUN);
        for ((old, new), end) in bytes.iter().zip(rest).zip(RUN.saturating_add(1)..) {
            hash = hash.wrapping_sub(mixed(*old).wrapping_mul(OLDEST)).wrapping_mul(FACTOR).wrapping_add(mixed(*new));
            look(hash, end);
        }
    }

    /// Notes further files that hold a run.
    pub(super) fn share(&mut self, shared: &[(u64, usize, u32)]) {
        for (hash, index, file) in shared {
            if let Some(run) = self.runs.get_mut(hash).and_then(|runs| runs.get_mut(*index))
                && !run.files.contains(file)
            {
                run.files.push(*file);
            }
        }
    }

    pub(super) fn forget(&mut self, found: &HashSet<(u64, usize)>) {
        for (hash, runs) in &mut self.runs {
            let mut index = 0;
            runs.retain(|_| {
                index += 1;
                !found.contains(&(*hash, index - 1))
            });
        }
        self.runs.retain(|_, runs| !runs.is_empty());
        self.make_filter();
    }
}

/// The first run from `next` on that tells something; `next` then is where it begins.
fn next_telling(bytes: &[u8], next: &mut usize) -> Option<[u8; RUN]> {
    loop {
        let run: [u8; RUN] = bytes.get(*next..next.checked_add(RUN)?)?.try_into().ok()?;
        if tells(&run) {
            return Some(run);
        }
        *next = next.saturating_add(4);
    }
}

/// Whether a run is more than a row of dashes, or a part of what all pages have.
fn tells(run: &[u8; RUN]) -> bool {
    let mut seen = [false; 256];
    for byte in run {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() >= TELLING
        && !BOILERPLATE.iter().any(|text| memchr::memmem::find(run, text).is_some())
}
