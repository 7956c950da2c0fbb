//! Tokens that have been verified, so that a visit does not pay for each of its requests what its first one has paid.
//!
//! Remembered is what depends on the bytes of the token and the set of keys alone: that it is sound and signed, and its
//! payload. The memory belongs to the set and goes with it; settings and times are looked at every time.

use std::cell::RefCell;
use std::fmt;
use std::hash::BuildHasher as _;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use foldhash::quality::RandomState;
use hashbrown::HashTable;
use rolegate::token::Verified;
use serde_json::{Map, Value};
use thread_local::ThreadLocal;

/// About how many bytes one generation of all threads holds at most, tokens and payloads together, where the threads
/// are no more than eight.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// What each thread may hold at least.
const MIN_SHARE: usize = MAX_BYTES / 8;

/// A bounded memory of tokens. What has not been asked for since the last but one change of generations is forgotten.
///
/// Each thread remembers for itself: a token is verified once by each, and none waits for another.
pub(crate) struct Memory {
    hasher: RandomState,
    threads: ThreadLocal<RefCell<Generations>>,
    /// How many bytes one generation of one thread holds at most.
    share: usize,
}

#[derive(Default)]
struct Generations {
    young: HashTable<Entry>,
    old: HashTable<Entry>,
    young_bytes: usize,
}

struct Entry {
    hash: u64,
    token: Box<[u8]>,
    verified: Verified,
    bytes: usize,
}

impl Default for Memory {
    fn default() -> Memory {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Memory {
            hasher: RandomState::default(),
            threads: ThreadLocal::new(),
            share: (MAX_BYTES / threads).max(MIN_SHARE),
        }
    }
}

impl Memory {
    /// What is known of `token`, if it has been remembered.
    pub(super) fn recall(&self, token: &[u8]) -> Option<Verified> {
        let hash = self.hash(token);
        let mut generations = self.threads.get()?.borrow_mut();
        if let Some(entry) = generations.young.find(hash, |entry| entry.is(token)) {
            return Some(entry.verified.clone());
        }
        let (entry, _) = generations.old.find_entry(hash, |entry| entry.is(token)).ok()?.remove();
        let verified = entry.verified.clone();
        generations.add(entry, self.share);
        Some(verified)
    }

    /// Remembers `token`.
    pub(super) fn remember(&self, token: &[u8], verified: &Verified) {
        let bytes = token.len() + bytes_of_members(verified.payload());
        let entry = Entry { hash: self.hash(token), token: token.into(), verified: verified.clone(), bytes };
        self.threads.get_or_default().borrow_mut().add(entry, self.share);
    }

    /// Seeded in every process. A visitor without the key puts nothing in, so nobody else can crowd a place.
    fn hash(&self, token: &[u8]) -> u64 {
        self.hasher.hash_one(token)
    }
}

impl Entry {
    /// In constant time, so that how long a wrong token takes says nothing about a right one (TOKEN-2).
    fn is(&self, token: &[u8]) -> bool {
        verify_slices_are_equal(&self.token, token).is_ok()
    }
}

impl Generations {
    fn add(&mut self, entry: Entry, most: usize) {
        if self.young_bytes.saturating_add(entry.bytes) > most {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes = self.young_bytes.saturating_add(entry.bytes);
        self.young.insert_unique(entry.hash, entry, |entry| entry.hash);
    }
}

/// About how many bytes these members hold; rather more than less.
fn bytes_of_members(members: &Map<String, Value>) -> usize {
    // A name, its hash and a place in the order, and some of each to spare.
    const MEMBER: usize = 2 * (size_of::<String>() + size_of::<Value>() + 4 * size_of::<usize>());
    members.iter().map(|(name, value)| MEMBER + name.len() + bytes_of(value)).sum()
}

fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| 2 * size_of::<Value>() + bytes_of(item)).sum(),
        Value::Object(members) => bytes_of_members(members),
    }
}

impl fmt::Debug for Memory {
    /// TOKEN-11: the tokens are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

#[cfg(test)]
mod tests {
    use rolegate::mint;
    use rolegate::token::{Keys, Secret, TokenSettings, authenticate};

    use super::*;

    fn verified(payload: Value) -> Verified {
        let Value::Object(members) = payload else { panic!("an object") };
        let secret = Secret::new(b"secret").unwrap();
        let token = mint(&secret, &members);
        authenticate(token.as_bytes(), &Keys::from(secret), &TokenSettings::default()).unwrap()
    }

    #[test]
    fn it_holds_what_was_remembered_and_stays_bounded() {
        let memory = Memory::default();
        let token = |number: usize| format!("{number:01024}").into_bytes();
        let small = verified(serde_json::json!({ "a": "b" }));
        assert!(memory.recall(&token(0)).is_none());
        memory.remember(&token(0), &small);
        for number in 1..20_000 {
            memory.remember(&token(number), &small);
            let known = |number| memory.recall(&token(number)).is_some();
            assert!(known(number) && known(0), "what is asked for stays");
        }
        assert!(memory.recall(&token(1)).is_none(), "what is not asked for is forgotten");
        assert!(memory.recall(&token(0)[1..]).is_none());
        let generations = memory.threads.get().unwrap().borrow();
        let bytes: usize = generations.young.iter().chain(&generations.old).map(|entry| entry.bytes).sum();
        assert!(bytes <= 2 * MAX_BYTES);
    }

    #[test]
    fn a_payload_counts_as_what_it_takes() {
        let memory = Memory::default();
        let large = verified(serde_json::json!({ "a": vec![0; 2_500] }));
        for number in 0..1_000 {
            memory.remember(format!("{number}").as_bytes(), &large);
        }
        let generations = memory.threads.get().unwrap().borrow();
        let held = generations.young.len() + generations.old.len();
        assert!(held * 2_500 * size_of::<Value>() <= 2 * MAX_BYTES, "{held}");
    }
}
