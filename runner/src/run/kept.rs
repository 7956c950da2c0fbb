//! What one case leaves behind for the next, at one running gate: connections on which nothing but a control was asked, and the answers to requests without a
//! token. Neither decides anything alone: whoever finds something with what was kept asks once more without it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::wire::raw::Connection;
use crate::wire::{Answer, Sent};

/// As many connections are kept, at the most: a gate may have room for few.
const MOST_CONNECTIONS: usize = 8;
/// As many answers are kept, at the most.
const MOST_ANSWERS: usize = 4 << 10;
/// A longer answer is not kept.
const LONGEST: usize = 16 << 10;

/// What was kept.
#[derive(Default)]
pub(super) struct Kept {
    connections: Mutex<Vec<Connection>>,
    answers: Mutex<HashMap<Vec<u8>, Answer>>,
}

impl Kept {
    /// A connection on which nothing but a control was asked, if one is left.
    pub(super) fn connection(&self) -> Option<Connection> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a connection on which a control was asked, and answered so that it stays open.
    pub(super) fn keep_connection(&self, connection: Connection) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.len() < MOST_CONNECTIONS {
            connections.push(connection);
        }
    }

    /// What the gate answered when it was sent the same before.
    pub(super) fn answer(&self, sent: &Sent) -> Option<Answer> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&key(sent)).cloned()
    }

    /// Keeps an answer.
    pub(super) fn keep_answer(&self, sent: &Sent, answer: &Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < MOST_ANSWERS && answer.response().is_some() && answer.bytes().len() <= LONGEST {
            answers.insert(key(sent), answer.clone());
        }
    }
}

/// The bytes, and which client sends them.
fn key(sent: &Sent) -> Vec<u8> {
    let mut key = sent.bytes();
    key.push(u8::from(sent.byte_exact));
    key
}
