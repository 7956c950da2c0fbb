//! What a run finds out of a site while it asks: which fields describe a closed file alone, and for which files it was looked whether they are built otherwise.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use tokio::sync::Mutex;

use crate::wire::Exchange;

/// What was found out.
#[derive(Debug, Default)]
pub struct FoundOut {
    /// By the field and its value: whether it describes a closed file alone.
    fields: RwLock<BTreeMap<(&'static str, Vec<u8>), bool>>,
    /// How often it was looked whether an answer is a closed file. One looks at a time, so that what one learns the next one knows.
    pub looks: Mutex<BTreeMap<String, usize>>,
}

impl FoundOut {
    /// Whether the field of an answer describes a closed file alone; `None` where that is not known yet.
    #[must_use]
    pub fn is_of_a_file(&self, field: &'static str, exchange: &Exchange) -> Option<bool> {
        let known = self.fields.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&(field, value(field, exchange))).copied()
    }

    /// Keeps whether it does.
    pub fn keep(&self, field: &'static str, exchange: &Exchange, is_of_a_file: bool) {
        let mut known = self.fields.write().unwrap_or_else(PoisonError::into_inner);
        known.insert((field, value(field, exchange)), is_of_a_file);
    }
}

/// Whether two answers bear the field, and the same in it.
#[must_use]
pub fn bear_the_same(field: &str, one: &Exchange, other: &Exchange) -> bool {
    let value = |exchange| value(field, exchange);
    !value(one).is_empty() && value(one) == value(other)
}

fn value(field: &str, exchange: &Exchange) -> Vec<u8> {
    let name = field.to_ascii_lowercase();
    let response = exchange.answer.response();
    response.and_then(|response| response.header(&name).next().map(<[u8]>::to_vec)).unwrap_or_default()
}
