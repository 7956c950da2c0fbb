//! A file of the site with all its representations: the bytes as they are, and the same in content codings.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::HeaderValue;
use sha2::{Digest, Sha256};

use super::coding::{Accepts, Coding, is_compressible};
use super::entry::{Entry, Stored, entity_tag};

/// A text shorter than this is sent as it is.
const SHORTEST: u64 = 1024;
/// What lies beside a longer file is not compared with it, so that opening a site takes no longer than that.
const LONGEST_COMPARED: u64 = 64 * 1024 * 1024;

/// A file, and what it is sent as.
#[derive(Debug)]
pub struct File {
    /// The file itself.
    pub(crate) plain: Arc<Entry>,
    /// The files whose names say that they are codings of this one, whether they are or not.
    beside: Vec<(Coding, Arc<Entry>)>,
    coded: Vec<(Coding, Coded)>,
}

#[derive(Debug)]
enum Coded {
    /// A file of the site that holds the same content in the coding.
    Beside(Arc<Entry>),
    /// Made when the site was opened, with its entity tag.
    Made(Bytes, HeaderValue),
}

/// The representation of a file that is about to be the answer (RFC 9110 §3.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen<'s> {
    pub(crate) stored: Stored<'s>,
    pub(crate) coding: Option<Coding>,
}

/// The entries that by their names are codings of the file `name`.
pub(super) fn beside(name: &str, entries: &BTreeMap<String, Arc<Entry>>) -> Vec<(Coding, Arc<Entry>)> {
    Coding::ALL
        .into_iter()
        .filter_map(|coding| Some((coding, Arc::clone(entries.get(&format!("{name}{}", coding.suffix()))?))))
        .collect()
}

impl File {
    /// A file that is only sent as it is.
    pub(super) fn plain(plain: Arc<Entry>) -> File {
        File { plain, beside: Vec::new(), coded: Vec::new() }
    }

    /// A file with its codings: what lies beside it, if that is the same content, else what is made of it now in no more
    /// than `memory` bytes.
    pub(super) fn coded(plain: Arc<Entry>, beside: Vec<(Coding, Arc<Entry>)>, memory: u64) -> File {
        let mut left = memory;
        let text = plain.kept().filter(|_| plain.length() >= SHORTEST && is_compressible(&plain.media_type));
        let mut coded = Vec::new();
        for coding in Coding::ALL {
            let precompressed =
                beside.iter().find(|(other, entry)| *other == coding && is_coded(coding, entry, &plain));
            if let Some((_, entry)) = precompressed {
                coded.push((coding, Coded::Beside(Arc::clone(entry))));
            } else if let Some(made) = text.and_then(|text| coding.encode(text))
                && let Some(rest) = left.checked_sub(made.len() as u64)
            {
                left = rest;
                let tag = entity_tag(&Sha256::digest(&made));
                coded.push((coding, Coded::Made(made.into(), tag)));
            }
        }
        File { plain, beside, coded }
    }

    /// Whether the file is made of just these entries.
    pub(super) fn is_made_of(&self, plain: &Arc<Entry>, beside: &[(Coding, Arc<Entry>)]) -> bool {
        Arc::ptr_eq(&self.plain, plain)
            && self.beside.len() == beside.len()
            && self.beside.iter().zip(beside).all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1))
    }

    /// How many bytes were made of the file.
    pub(super) fn made(&self) -> u64 {
        let made = |(_, coded): &(Coding, Coded)| match coded {
            Coded::Beside(_) => 0,
            Coded::Made(bytes, _) => bytes.len() as u64,
        };
        self.coded.iter().map(made).sum()
    }

    /// Whether it depends on the request which representation is sent.
    pub(crate) fn is_negotiated(&self) -> bool {
        !self.coded.is_empty()
    }

    /// The representation that the client likes best; none where it refuses all.
    pub(crate) fn choose(&self, accepts: Accepts) -> Option<Chosen<'_>> {
        let coding = accepts.choose(self.coded.iter().map(|(coding, _)| *coding))?;
        let coded = coding.and_then(|coding| self.coded.iter().find(|(other, _)| *other == coding));
        let stored = match coded {
            Some((_, Coded::Made(bytes, tag))) => Stored::AtHand(bytes, tag),
            Some((_, Coded::Beside(entry))) => entry.stored(),
            None => self.plain.stored(),
        };
        Some(Chosen { stored, coding })
    }

    /// Every representation: its entity tag, its bytes, and whether it is in a coding. What cannot be read is left out.
    pub fn representations(&self) -> Vec<(String, Vec<u8>, bool)> {
        let of_entry = |entry: &Entry, coded| {
            let mut bytes = Vec::new();
            entry.reader().ok()?.read_to_end(&mut bytes).ok()?;
            let tag = entity_tag(&Sha256::digest(&bytes));
            Some((tag.to_str().ok()?.to_owned(), bytes, coded))
        };
        let coded = self.coded.iter().filter_map(|(_, coded)| match coded {
            Coded::Beside(entry) => of_entry(entry, true),
            Coded::Made(bytes, tag) => Some((tag.to_str().ok()?.to_owned(), bytes.to_vec(), true)),
        });
        of_entry(&self.plain, false).into_iter().chain(coded).collect()
    }

    #[cfg(test)]
    pub(super) fn codings(&self) -> impl Iterator<Item = (Coding, bool)> {
        self.coded.iter().map(|(coding, coded)| (*coding, matches!(coded, Coded::Beside(_))))
    }
}

/// Whether the entry beside a file is the same content in the coding; a stale one, or one that cannot be read, is not.
fn is_coded(coding: Coding, beside: &Entry, plain: &Entry) -> bool {
    let compare = || coding.is_coding_of(beside.reader().ok()?, plain.reader().ok()?).ok();
    plain.length() <= LONGEST_COMPARED && compare().unwrap_or(false)
}
