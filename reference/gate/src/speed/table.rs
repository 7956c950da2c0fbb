//! Places in a list, by the hash of what lies there. The list keeps the texts, so that a table holds nothing but numbers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    first: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    /// Further places under a hash that is there already, which of 64 bits next to none is.
    further: Vec<(u64, usize)>,
}

impl Table {
    /// The place under `hash` that is the right one.
    pub(crate) fn find(&self, hash: u64, is_right: impl Fn(usize) -> bool) -> Option<usize> {
        let first = *self.first.get(&hash)?;
        if is_right(first) {
            return Some(first);
        }
        self.further.iter().find(|(known, place)| *known == hash && is_right(*place)).map(|(_, place)| *place)
    }

    /// Adds a place that is not there yet.
    pub(crate) fn add(&mut self, hash: u64, place: usize) {
        match self.first.entry(hash) {
            Entry::Occupied(_) => self.further.push((hash, place)),
            Entry::Vacant(first) => drop(first.insert(place)),
        }
    }

    pub(crate) fn reserve(&mut self, places: usize) {
        self.first.reserve(places);
    }
}

/// A key that is a hash already.
#[derive(Clone, Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_a_hash_is_told_apart() {
        let texts = ["a", "b", "c"];
        let mut table = Table::default();
        table.add(1, 0);
        table.add(1, 1);
        table.add(2, 2);
        for (hash, text, place) in
            [(1, "a", Some(0)), (1, "b", Some(1)), (2, "c", Some(2)), (2, "a", None), (3, "a", None)]
        {
            assert_eq!(table.find(hash, |at| texts[at] == text), place, "{text}");
        }
    }
}
