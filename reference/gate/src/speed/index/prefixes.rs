//! MATCH-8: rules whose last segment begins with a text, as in `/a*`.
//!
//! A segment of a request is hashed byte by byte, so that every text that it begins with is found in one pass,
//! however many texts there are and however long they are.

use std::hash::{BuildHasher as _, Hasher as _};

use super::List;
use crate::cost::step;
use crate::speed::hash::Quick;
use crate::speed::table::Table;

#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes {
    lists: Vec<(String, List)>,
    places: Table,
    hasher: Quick,
    /// The different lengths of the texts, shortest first; known once [`Prefixes::close`] was called.
    lengths: Vec<usize>,
}

impl Prefixes {
    /// Adds to the rules for segments that begin with `text`.
    pub(crate) fn add(&mut self, text: &str, add: impl FnOnce(&mut List)) {
        let hash = hash(&self.hasher, text);
        match self.find(hash, text.as_bytes()).and_then(|place| self.lists.get_mut(place)) {
            Some((_, list)) => add(list),
            None => {
                let mut list = List::default();
                add(&mut list);
                self.places.add(hash, self.lists.len());
                self.lists.push((text.to_owned(), list));
            }
        }
    }

    fn find(&self, hash: u64, text: &[u8]) -> Option<usize> {
        self.places.find(hash, |place| self.lists.get(place).is_some_and(|(known, _)| known.as_bytes() == text))
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
            let place = self.find(state.finish(), text)?;
            self.lists.get(place).map(|(_, list)| list)
        })
    }
}

fn hash(hasher: &Quick, text: &str) -> u64 {
    let mut state = hasher.build_hasher();
    text.bytes().for_each(|byte| state.write_u8(byte));
    state.finish()
}
