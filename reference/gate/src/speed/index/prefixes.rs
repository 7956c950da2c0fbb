//! MATCH-8: rules whose last segment begins with a text, as in `/a*`.
//!
//! A segment of a request is hashed byte by byte, so that every text that it begins with is found in one pass,
//! however many texts there are and however long they are.

use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::List;
use crate::cost::step;

#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes {
    lists: HashTable<(String, List)>,
    hasher: RandomState,
    /// The different lengths of the texts, shortest first; known once [`Prefixes::close`] was called.
    lengths: Vec<usize>,
}

impl Prefixes {
    /// The rules for segments that begin with `text`.
    pub(crate) fn entry(&mut self, text: &str) -> &mut List {
        let Prefixes { lists, hasher, .. } = self;
        let hash = |text: &str| hash(hasher, text);
        let entry = lists.entry(hash(text), |(known, _)| known == text, |(known, _)| hash(known));
        &mut entry.or_insert_with(|| (text.to_owned(), List::default())).into_mut().1
    }

    /// Makes ready to be asked.
    pub(crate) fn close(&mut self) {
        self.lengths = self.lists.iter().map(|(text, _)| text.len()).collect();
        self.lengths.sort_unstable();
        self.lengths.dedup();
    }

    /// The rules for every text that `segment` begins with.
    pub(crate) fn of<'a>(&'a self, segment: &str) -> impl Iterator<Item = &'a List> {
        let mut state = self.hasher.build_hasher();
        let mut hashed = 0;
        self.lengths.iter().map_while(move |length| segment.as_bytes().get(..*length)).filter_map(move |text| {
            let more = text.get(hashed..).unwrap_or_default();
            step(more.len() + 1);
            more.iter().for_each(|byte| state.write_u8(*byte));
            hashed = text.len();
            let found = self.lists.find(state.finish(), |(known, _)| known.as_bytes() == text)?;
            Some(&found.1)
        })
    }
}

fn hash(hasher: &RandomState, text: &str) -> u64 {
    let mut state = hasher.build_hasher();
    text.bytes().for_each(|byte| state.write_u8(byte));
    state.finish()
}
