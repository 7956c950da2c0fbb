//! A quick hash for texts of a rule file, seeded anew for each table, so that nobody can write texts that fall together.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map whose keys come from a rule file.
pub(crate) type Map<K, V> = HashMap<K, V, Quick>;

/// What hashers begin with.
#[derive(Clone, Debug)]
pub(crate) struct Quick {
    seed: u64,
    factor: u64,
}

impl Default for Quick {
    fn default() -> Quick {
        // The standard library's hasher is seeded by the operating system.
        let random = RandomState::new();
        Quick { seed: random.hash_one(0_u8), factor: random.hash_one(1_u8) | 1 }
    }
}

impl BuildHasher for Quick {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher { state: self.seed, factor: self.factor }
    }
}

/// Multiplies word by word, and folds the upper half of each product into the lower one.
#[derive(Clone, Debug)]
pub(crate) struct QuickHasher {
    state: u64,
    factor: u64,
}

impl Hasher for QuickHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((word, after)) = rest.split_first_chunk() {
            self.write_u64(u64::from_le_bytes(*word));
            rest = after;
        }
        // What is left, and how much that is.
        self.write_u64(rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.factor);
        self.state = (product >> 64) as u64 ^ product as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_texts_have_different_hashes() {
        let texts = (0..2_000).map(|length| "a".repeat(length));
        let texts = texts.chain((0..2_000).map(|number| format!("page-{number}"))).chain(["a\0".into(), "\0".into()]);
        let quick = Quick::default();
        let mut hashes: Vec<u64> = texts.map(|text| quick.hash_one(text.as_str())).collect();
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
        assert_ne!(quick.hash_one("a"), Quick::default().hash_one("a"), "each table has a seed of its own");
    }
}
