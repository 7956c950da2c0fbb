//! What tells a user's file in the bytes of an answer: runs of bytes that stand in no public file, and digests of whole files.
//!
//! A leak is told by bytes alone, so a run that any public file holds tells nothing, and one that several closed files hold tells a leak only to somebody who
//! may have none of them.

mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{PoisonError, RwLock};

use sha2::{Digest, Sha256};

use self::table::{LOOKED_AT, Table};
use crate::corpus::source::Access;
use crate::wire::LONGEST_ANSWER;

/// No more runs than this are taken from one file.
const MOST_OF_A_FILE: usize = 64;
/// No more runs than this are taken from all files together.
const MOST_OF_ALL: usize = 400_000;
/// Shorter files are told by nothing but what they are as a whole.
const SHORTEST: usize = 4;

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
    ///
    /// What was learned of a page is more than its text: pages for one role and for another may have the same around it. So it tells nothing beside a file that the
    /// visitor may have.
    #[must_use]
    pub fn leaked(&self, bytes: &[u8], may_have: &dyn Fn(&str) -> bool) -> Option<&str> {
        let is_own = |files: &[u32]| files.iter().filter_map(|at| self.name(*at)).any(may_have);
        let (mut local, mut learned, mut has_own) = (None, None, false);
        let mut look = |found: &mut Option<u32>, files: &[u32]| match is_own(files) {
            true => has_own = true,
            false => *found = found.or(files.first().copied()),
        };
        self.runs.each(bytes, |_, _, run| look(&mut local, &run.files));
        if let Some(files) = self.whole(bytes) {
            let closed = |at: &&u32| self.name(**at).is_some_and(|name| self.is_closed(name));
            if files.iter().all(|at| closed(&at)) {
                look(&mut local, files);
            }
        }
        self.learned
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .each(bytes, |_, _, run| look(&mut learned, &run.files));
        self.name(local.or(learned.filter(|_| !has_own))?)
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

    /// Whether the bytes are the file as it is deployed, as far as was learned.
    #[must_use]
    pub fn shows_learned(&self, file: &str, bytes: &[u8]) -> bool {
        let Some(wanted) = self.closed.get(file) else { return false };
        let mut found = false;
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        learned.each(bytes, |_, _, run| found |= run.files.contains(wanted));
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

    /// Takes marks from what an admitted visitor got in the place of this file, where it is not built as the local one. Whatever stands in `others` too, or in a
    /// public answer that was seen, tells nothing. Whether anything is left, and is not the same as in the place of another file: else it is no content of this one.
    pub fn learn(&self, file: &str, body: &[u8], others: impl IntoIterator<Item = Vec<u8>>) -> bool {
        let Some(at) = self.closed.get(file) else { return false };
        // A file that is as here teaches nothing, least of all where a public file is the same.
        let is_local = self.digests.get(at).is_some_and(|known| known.0 == body.len() && known.1 == digest(body));
        if is_local || self.shows(file, body) {
            return false;
        }
        let mut fresh = Table::default();
        fresh.take(body, *at, MOST_OF_A_FILE);
        fresh.make_filter();
        let mut in_public = HashSet::new();
        let mut forget = |body: &[u8]| {
            fresh.each(body, |hash, index, _| {
                in_public.insert((hash, index));
            });
        };
        self.seen.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|seen| forget(seen));
        others.into_iter().for_each(|other| forget(&other));
        fresh.forget(&in_public);
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        let known = |hash: &u64, bytes: &[u8]| {
            learned.runs.get(hash).and_then(|runs| runs.iter().find(|run| run.bytes == bytes))
        };
        for (hash, runs) in &fresh.runs {
            is_new |= runs.iter().any(|run| known(hash, &run.bytes).is_none_or(|known| known.files.contains(at)));
        }
        if !is_new {
            return false;
        }
        for (hash, runs) in fresh.runs {
            let known = learned.runs.entry(hash).or_default();
            for run in runs {
                match known.iter_mut().find(|other| other.bytes == run.bytes) {
                    Some(other) if other.files.contains(at) => {}
                    Some(other) => other.files.push(*at),
                    None => known.push(run),
                }
            }
        }
        learned.make_filter();
        true
    }

    /// How many closed files are deployed otherwise than they lie here, as far as somebody was let in to them.
    #[must_use]
    pub fn learned(&self) -> usize {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let files: HashSet<u32> = learned.runs.values().flatten().flat_map(|run| run.files.iter().copied()).collect();
        files.len()
    }

    /// The names of public files.
    pub fn public(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| !self.is_closed(name))
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
        assert!(marks.learn("/members/a.html", built, []));
        assert_eq!(marks.learned(), 1);
        assert!(marks.shows_learned("/members/a.html", built) && !marks.shows("/members/a.html", built));
        assert_eq!(marks.leaked(built, &|_| false), Some("/members/a.html"));
        assert_eq!(marks.leaked(chrome, &|_| false), None, "public answers have it too");
        // A closed file that is the same as a public one.
        let same = b"A text that stands in a public file and in a closed one, of many letters.";
        let files = [("/open.txt", Access::Public), ("/members/same.txt", Access::Protected)];
        let files = files.map(|(name, access)| Named { name: name.to_owned(), access });
        let marks = Marks::of(&files, |_| Some(same.to_vec()));
        assert!(!marks.learn("/members/same.txt", same, []));
        assert_eq!(marks.leaked(same, &|_| false), None, "everybody may have it");
    }

    #[test]
    fn what_is_said_to_others_too_is_no_content_of_a_file() {
        let marks = marks();
        let error = b"<p>Your session is not known to this server, please start again and sign in.</p>";
        // Whoever sends a bad token reads the same.
        assert!(!marks.learn("/members/a.html", error, [error.to_vec()]));
        // The same in the place of two files is no content of the second.
        assert!(marks.learn("/members/a.html", error, []));
        assert!(!marks.learn("/members/b.html", error, []));
        assert_eq!(marks.leaked(error, &|_| false), Some("/members/a.html"));
        // What stands around the pages of all members, beside a file that the visitor may have.
        let page = [error.as_slice(), FILES[2].2.as_bytes()].concat();
        assert_eq!(marks.leaked(&page, &|file| file == "/members/b.html"), None);
        assert_eq!(marks.leaked(&page, &|_| false), Some("/members/b.html"));
    }
}
