//! In which order cases are asked.

use std::hash::{BuildHasher, Hasher, RandomState};

use sha2::{Digest, Sha256};

/// The order in which suites are started and their cases asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Order {
    seed: Option<u32>,
}

impl Order {
    /// The order of a seed; as written if there is none.
    #[must_use]
    pub fn of(seed: Option<u32>) -> Self {
        Self { seed }
    }

    /// A seed that nobody chose.
    #[must_use]
    pub fn fresh_seed() -> u32 {
        let [a, b, c, d, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Puts things with ids in order. The place of an id depends on nothing but the seed and the id, so that a case that is added moves no other.
    pub fn sort<T>(self, things: &mut [T], id: impl Fn(&T) -> String) {
        if let Some(seed) = self.seed {
            things.sort_by_cached_key(|thing| {
                let id = id(thing);
                let digest: [u8; 32] =
                    Sha256::new().chain_update(seed.to_le_bytes()).chain_update(&id).finalize().into();
                (digest, id)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_an_order() {
        let ids: Vec<String> = (0..50).map(|number| format!("case-{number:02}")).collect();
        let order = |seed: Option<u32>, ids: &[String]| {
            let mut ids = ids.to_vec();
            Order::of(seed).sort(&mut ids, Clone::clone);
            ids
        };
        assert_eq!(order(None, &ids), ids);
        assert_ne!(order(Some(1), &ids), ids);
        assert_eq!(order(Some(1), &ids), order(Some(1), &ids.iter().rev().cloned().collect::<Vec<_>>()));
        assert_ne!(order(Some(1), &ids), order(Some(2), &ids));
        // A case that is added moves no other.
        let (fewer, all) = (order(Some(1), &ids[1..]), order(Some(1), &ids));
        assert_eq!(fewer, all.into_iter().filter(|id| *id != ids[0]).collect::<Vec<_>>());
    }
}
