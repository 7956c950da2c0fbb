//! Tokens whose signature has been found right, so that it is not checked again for every request of a visit.
//!
//! Only the signature is remembered, for these very octets and this very set of keys: the memory belongs to the set and
//! goes with it, and everything else about a token, its times before all, is looked at every time.

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;

/// The octets of tokens that one generation holds at most. A token is 8 KiB at most, and most are below one.
const MAX_OCTETS: usize = 2 * 1024 * 1024;

/// A bounded memory of tokens. What has not been asked for since the last but one change of generations is forgotten.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashSet<Box<[u8]>>,
    old: HashSet<Box<[u8]>>,
    young_octets: usize,
}

impl Memory {
    /// Whether `token` has been remembered.
    pub(super) fn holds(&self, token: &[u8]) -> bool {
        // A thread that panicked here leaves the memory unused, which costs time and nothing else.
        let Ok(mut generations) = self.0.lock() else { return false };
        if generations.young.contains(token) {
            return true;
        }
        match generations.old.take(token) {
            Some(token) => {
                generations.add(token);
                true
            }
            None => false,
        }
    }

    /// Remembers `token`.
    pub(super) fn remember(&self, token: &[u8]) {
        if let Ok(mut generations) = self.0.lock() {
            generations.add(token.into());
        }
    }
}

impl Generations {
    fn add(&mut self, token: Box<[u8]>) {
        if self.young_octets + token.len() > MAX_OCTETS {
            self.old = std::mem::take(&mut self.young);
            self.young_octets = 0;
        }
        self.young_octets += token.len();
        self.young.insert(token);
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
    use super::*;

    #[test]
    fn it_holds_what_was_remembered_and_stays_bounded() {
        let memory = Memory::default();
        let token = |number: usize| format!("{number:01024}").into_bytes();
        assert!(!memory.holds(&token(0)));
        memory.remember(&token(0));
        for number in 1..20_000 {
            memory.remember(&token(number));
            assert!(memory.holds(&token(number)) && memory.holds(&token(0)), "what is asked for stays");
        }
        assert!(!memory.holds(&token(1)), "what is not asked for is forgotten");
        let generations = memory.0.lock().unwrap();
        let octets: usize = generations.young.iter().chain(&generations.old).map(|token| token.len()).sum();
        assert!(octets <= 2 * MAX_OCTETS);
    }
}
