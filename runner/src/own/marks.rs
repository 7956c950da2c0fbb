//! What tells a user's file in the bytes of an answer: runs of bytes that stand in no public file, and digests of whole files.
//!
//! A leak is told by bytes alone, so a run that any public file holds tells nothing, and one that several closed files hold tells a leak only to somebody who
//! may have none of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{PoisonError, RwLock};

use sha2::{Digest, Sha256};

use crate::corpus::source::Access;
use crate::wire::LONGEST_ANSWER;

/// The length of a run, in bytes.
const RUN: usize = 32;
/// A run with fewer different bytes than this is a row of dashes, an indent, or the like.
const TELLING: usize = 11;
/// No more runs than this are taken from one file.
const MOST_OF_A_FILE: usize = 64;
/// No more runs than this are taken from all files together.
const MOST_OF_ALL: usize = 400_000;
/// No more of a file than this is looked at for runs.
const LOOKED_AT: usize = 1 << 20;
/// Shorter files are told by nothing but what they are as a whole.
const SHORTEST: usize = 4;
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

/// A file, its access and how to read it.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name, with a slash in front.
    pub name: String,
    /// Whether anybody may have it.
    pub access: Access,
}

/// What tells files.
#[derive(Default)]
pub struct Marks {
    names: Vec<String>,
    /// The place of each file that somebody may not have.
    closed: BTreeMap<String, u32>,
    runs: Table,
    /// Runs of answers that admitted visitors got, where they differ from the local file.
    learned: RwLock<Table>,
    /// The length and digest of each closed file.
    digests: HashMap<u32, (usize, [u8; 32])>,
    /// Files by length and digest.
    wholes: HashMap<(usize, [u8; 32]), Vec<u32>>,
    lengths: HashSet<usize>,
    /// The lengths of public files, which betray nothing.
    public_lengths: HashSet<usize>,
    /// What public files were seen to be where they are deployed.
    seen: RwLock<Vec<Vec<u8>>>,
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marks")
            .field("files", &self.names.len())
            .field("runs", &self.runs.len())
            .finish_non_exhaustive()
    }
}

/// Runs by a hash that rolls over bytes.
#[derive(Default)]
struct Table {
    /// A bit for each low part of a hash: most bytes of most answers are passed over with one look.
    filter: Vec<u64>,
    runs: HashMap<u64, Vec<Run>>,
}

struct Run {
    bytes: [u8; RUN],
    /// The closed files that hold it.
    files: Vec<u32>,
}

impl Marks {
    /// The marks of a site. `read` reads a file by name, as often as it is asked; a file that cannot be read has none.
    pub fn of(files: &[Named], mut read: impl FnMut(&str) -> Option<Vec<u8>>) -> Self {
        let mut marks = Self { names: files.iter().map(|file| file.name.clone()).collect(), ..Self::default() };
        let is_closed = |file: &Named| file.access == Access::Protected;
        let places = || (0_u32..).zip(files);
        marks.closed = places().filter(|(_, file)| is_closed(file)).map(|(at, file)| (file.name.clone(), at)).collect();
        let most = (MOST_OF_ALL / marks.closed.len().max(1)).clamp(4, MOST_OF_A_FILE);
        let mut public_wholes = HashSet::new();
        for (at, file) in places() {
            let Some(bytes) = read(&file.name) else { continue };
            let whole = (bytes.len(), digest(&bytes));
            if is_closed(file) {
                marks.runs.take(&bytes, at, most);
                marks.digests.insert(at, whole);
            } else {
                marks.public_lengths.insert(bytes.len());
                public_wholes.insert(whole);
            }
            if bytes.len() >= SHORTEST && bytes.len() <= LONGEST_ANSWER {
                marks.lengths.insert(bytes.len());
                marks.wholes.entry(whole).or_default().push(at);
            }
        }
        marks.runs.make_filter();
        let mut in_public = HashSet::new();
        let mut shared: Vec<(u64, usize, u32)> = Vec::new();
        for (at, file) in places() {
            let Some(bytes) = read(&file.name) else { continue };
            let bytes = bytes.get(..LOOKED_AT.min(bytes.len())).unwrap_or_default();
            if is_closed(file) {
                marks.runs.each(bytes, |hash, index, run| {
                    if !run.files.contains(&at) {
                        shared.push((hash, index, at));
                    }
                });
            } else {
                marks.runs.each(bytes, |hash, index, _| {
                    in_public.insert((hash, index));
                });
            }
        }
        marks.runs.share(&shared);
        marks.runs.forget(&in_public);
        // A closed file that is the same as a public one is told by nothing.
        let closed = &marks.closed;
        let names = &marks.names;
        marks.wholes.retain(|whole, places| {
            let any = places
                .iter()
                .filter_map(|at| names.get(usize::try_from(*at).ok()?))
                .any(|name| closed.contains_key(name));
            !(any && public_wholes.contains(whole))
        });
        marks
    }

    /// Whether somebody may not have the file.
    #[must_use]
    pub fn is_closed(&self, file: &str) -> bool {
        self.closed.contains_key(file)
    }

    /// How many files somebody may not have, and how many of them nothing tells.
    #[must_use]
    pub fn told(&self) -> (usize, usize) {
        let mut told: HashSet<u32> =
            self.runs.runs.values().flatten().flat_map(|run| run.files.iter().copied()).collect();
        told.extend(self.wholes.values().flatten().copied());
        (self.closed.len(), self.closed.values().filter(|at| !told.contains(at)).count())
    }

    /// Whether a file of that length is public, so that the length says nothing.
    #[must_use]
    pub fn is_public_length(&self, length: usize) -> bool {
        self.public_lengths.contains(&length)
    }

    /// The first closed file whose content stands in the bytes, where `may_have` says of none of the files that hold the same that the visitor may have it.
    #[must_use]
    pub fn leaked(&self, bytes: &[u8], may_have: &dyn Fn(&str) -> bool) -> Option<&str> {
        let is_leak = |files: &[u32]| !files.iter().filter_map(|at| self.name(*at)).any(may_have);
        let mut found = None;
        let mut look = |files: &[u32]| {
            if found.is_none() && is_leak(files) {
                found = files.first().copied();
            }
        };
        self.runs.each(bytes, |_, _, run| look(&run.files));
        self.learned.read().unwrap_or_else(PoisonError::into_inner).each(bytes, |_, _, run| look(&run.files));
        if let Some(files) = self.whole(bytes) {
            let closed = |at: &&u32| self.name(**at).is_some_and(|name| self.is_closed(name));
            if files.iter().all(|at| closed(&at)) {
                look(files);
            }
        }
        self.name(found?)
    }

    /// Whether something is known that would tell the file.
    #[must_use]
    pub fn knows(&self, file: &str) -> bool {
        let mut told = self.wholes.values().flatten();
        told.any(|at| self.name(*at) == Some(file))
    }

    /// Whether the bytes are the file, whole.
    #[must_use]
    pub fn is_whole(&self, file: &str, bytes: &[u8]) -> bool {
        self.whole(bytes).is_some_and(|files| files.iter().any(|at| self.name(*at) == Some(file)))
    }

    /// Whether a run of the file stands in the bytes.
    #[must_use]
    pub fn shows(&self, file: &str, bytes: &[u8]) -> bool {
        let Some(wanted) = self.closed.get(file) else { return false };
        let mut found = false;
        self.runs.each(bytes, |_, _, run| found |= run.files.contains(wanted));
        found
    }

    /// Another file than this one that the bytes plainly are, or hold what this one does not.
    #[must_use]
    pub fn other_than(&self, file: &str, bytes: &[u8]) -> Option<&str> {
        let own = self.closed.get(file);
        let mut found = self.whole(bytes).and_then(|files| files.first().copied());
        self.runs.each(bytes, |_, _, run| {
            if found.is_none() && !own.is_some_and(|own| run.files.contains(own)) {
                found = run.files.first().copied();
            }
        });
        self.name(found?)
    }

    /// Keeps what a public answer of the deployed site was: it tells nothing from then on.
    pub fn see(&self, body: &[u8]) {
        self.seen.write().unwrap_or_else(PoisonError::into_inner).push(body.to_vec());
    }

    /// Takes marks from what an admitted visitor got in the place of this file, where it is not built as the local one.
    pub fn learn(&self, file: &str, body: &[u8]) {
        let Some(at) = self.closed.get(file) else { return };
        // A file that is as here teaches nothing, least of all where a public file is the same.
        let is_local = self.digests.get(at).is_some_and(|known| known.0 == body.len() && known.1 == digest(body));
        if is_local || self.shows(file, body) {
            return;
        }
        let mut fresh = Table::default();
        fresh.take(body, *at, MOST_OF_A_FILE);
        fresh.make_filter();
        let mut in_public = HashSet::new();
        for seen in self.seen.read().unwrap_or_else(PoisonError::into_inner).iter() {
            fresh.each(seen, |hash, index, _| {
                in_public.insert((hash, index));
            });
        }
        fresh.forget(&in_public);
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        for (hash, runs) in fresh.runs {
            let known = learned.runs.entry(hash).or_default();
            for run in runs {
                match known.iter_mut().find(|other| other.bytes == run.bytes) {
                    Some(other) => other.files.extend(run.files),
                    None => known.push(run),
                }
            }
        }
        learned.make_filter();
    }

    /// The names of closed files.
    #[must_use]
    pub fn closed(&self) -> BTreeSet<&str> {
        self.closed.keys().map(String::as_str).collect()
    }

    fn name(&self, at: u32) -> Option<&str> {
        self.names.get(usize::try_from(at).ok()?).map(String::as_str)
    }

    fn whole(&self, bytes: &[u8]) -> Option<&[u32]> {
        if !self.lengths.contains(&bytes.len()) {
            return None;
        }
        self.wholes.get(&(bytes.len(), digest(bytes))).map(Vec::as_slice)
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
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
    fn len(&self) -> usize {
        self.runs.values().map(Vec::len).sum()
    }

    /// Takes runs from a file, spread over all of it.
    fn take(&mut self, bytes: &[u8], file: u32, most: usize) {
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

    fn make_filter(&mut self) {
        self.filter = if self.runs.is_empty() { Vec::new() } else { vec![0; (1 << FILTER_BITS) / 64] };
        for hash in self.runs.keys() {
            let (at, bit) = slot(*hash);
            if let Some(word) = self.filter.get_mut(at) {
                *word |= bit;
            }
        }
    }

    /// Calls `found` for each run that stands in the bytes: its hash, its place under that hash, and the run.
    fn each(&self, bytes: &[u8], mut found: impl FnMut(u64, usize, &Run)) {
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
    fn share(&mut self, shared: &[(u64, usize, u32)]) {
        for (hash, index, file) in shared {
            if let Some(run) = self.runs.get_mut(hash).and_then(|runs| runs.get_mut(*index))
                && !run.files.contains(file)
            {
                run.files.push(*file);
            }
        }
    }

    fn forget(&mut self, found: &HashSet<(u64, usize)>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, Access, &str); 6] = [
        (
            "/login.html",
            Access::Public,
            "<!doctype html>\n<title>Log in</title>\n<p>The quick brown fox jumps over the lazy dog.</p>\n",
        ),
        (
            "/members/a.html",
            Access::Protected,
            "<!doctype html>\n<title>Members</title>\n<p>The quick brown fox jumps over the lazy dog.</p>\nMeeting on Tuesday at 14:30 in room Hohenlohe.\n<nav>Everything for members: prices, minutes</nav>\n",
        ),
        (
            "/members/b.html",
            Access::Protected,
            "Minutes of the 12th of May, taken by J. Doe, in private.\n<nav>Everything for members: prices, minutes</nav>\n",
        ),
        ("/members/tiny.txt", Access::Protected, "a:b:c"),
        ("/members/copy.txt", Access::Protected, "same as public"),
        ("/copy.txt", Access::Public, "same as public"),
    ];

    fn marks() -> Marks {
        let files: Vec<Named> =
            FILES.iter().map(|(name, access, _)| Named { name: (*name).to_owned(), access: *access }).collect();
        Marks::of(&files, |name| {
            FILES.iter().find(|(other, ..)| *other == name).map(|(_, _, text)| text.as_bytes().to_vec())
        })
    }

    #[test]
    fn a_closed_file_is_told_by_what_no_public_file_holds() {
        let marks = marks();
        let nobody = |_: &str| false;
        for (answer, leaked) in [
            (FILES[1].2, Some("/members/a.html")),
            ("x Meeting on Tuesday at 14:30 in room Hohenlohe. y", None), // cut between two runs: see below
            (FILES[0].2, None),
            ("a:b:c", Some("/members/tiny.txt")),
            ("x a:b:c", None),
            ("same as public", None),
            ("", None),
        ] {
            if leaked.is_some() || !answer.contains("Hohenlohe") {
                assert_eq!(marks.leaked(answer.as_bytes(), &nobody), leaked, "{answer}");
            }
        }
        // A run of twice its length is always found, wherever it begins.
        let text = FILES[1].2.as_bytes();
        let at = memchr::memmem::find(text, b"Meeting").unwrap();
        assert_eq!(marks.leaked(&text[at..], &nobody), Some("/members/a.html"));
    }

    #[test]
    fn what_several_closed_files_hold_tells_nothing_to_whoever_may_have_one() {
        let marks = marks();
        let nav = "<nav>Everything for members: prices, minutes</nav>\n";
        let text = format!("{nav}{nav}");
        assert!(marks.leaked(text.as_bytes(), &|file| file == "/members/a.html").is_none());
        assert!(marks.leaked(text.as_bytes(), &|file| file == "/members/b.html").is_none());
        assert!(marks.leaked(FILES[2].2.as_bytes(), &|file| file == "/members/a.html").is_some());
    }

    #[test]
    fn the_file_that_is_shown() {
        let marks = marks();
        assert!(marks.is_whole("/members/a.html", FILES[1].2.as_bytes()));
        assert!(!marks.shows("/members/a.html", FILES[1].2.to_uppercase().as_bytes()));
        assert_eq!(marks.other_than("/members/a.html", FILES[2].2.as_bytes()), Some("/members/b.html"));
        assert_eq!(marks.other_than("/members/a.html", FILES[1].2.as_bytes().get(20..).unwrap()), None);
        assert_eq!(marks.told(), (4, 1), "one is the copy of a public file");
        assert!(marks.knows("/members/a.html"));
        assert!(!marks.knows("/copy.txt") && !marks.knows("/members/copy.txt"), "nothing tells the two apart");
    }

    #[test]
    fn what_an_admitted_visitor_got_is_a_mark_too() {
        let marks = marks();
        let built = b"<!doctype html><title>Members</title><div id=chrome>Made by a builder with long class names</div><p>Meeting, Tuesday, half past two, Hohenlohe";
        let chrome = b"<div id=chrome>Made by a builder with long class names</div>";
        assert_eq!(marks.leaked(built, &|_| false), None);
        marks.see(chrome);
        marks.learn("/members/a.html", built);
        assert_eq!(marks.leaked(built, &|_| false), Some("/members/a.html"));
        assert_eq!(marks.leaked(chrome, &|_| false), None, "public answers have it too");
        // A closed file that is the same as a public one.
        let same = b"A text that stands in a public file and in a closed one, of many letters.";
        let files = [("/open.txt", Access::Public), ("/members/same.txt", Access::Protected)];
        let files = files.map(|(name, access)| Named { name: name.to_owned(), access });
        let marks = Marks::of(&files, |_| Some(same.to_vec()));
        marks.learn("/members/same.txt", same);
        assert_eq!(marks.leaked(same, &|_| false), None, "everybody may have it");
    }
}
