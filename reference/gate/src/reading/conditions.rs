//! Conditions as they are put together: one of each key, in the order of the keys.

use crate::rules::{Condition, ConditionKey, Conditions};

/// RULES-7: the condition that a rule file calls by this name.
pub(super) fn named(name: &str) -> Option<ConditionKey> {
    match name {
        "Country" | "country" => Some(ConditionKey::Country),
        "Language" | "language" => Some(ConditionKey::Language),
        "Cookie" => Some(ConditionKey::Cookie),
        _ => None,
    }
}

impl Conditions {
    /// The values that are listed under `key`.
    pub fn values(&self, key: ConditionKey) -> &[String] {
        self.others.iter().find(|condition| condition.key == key).map(|one| one.values.as_slice()).unwrap_or_default()
    }

    /// Lists these values under `key`, in the place of others; without values there is no such condition.
    pub fn set(&mut self, key: ConditionKey, values: Vec<String>) {
        self.others.retain(|condition| condition.key != key);
        if !values.is_empty() {
            let place = self.others.partition_point(|condition| condition.key < key);
            self.others.insert(place, Condition { key, values });
        }
    }

    /// Lists one more value under `key`.
    pub fn add(&mut self, key: ConditionKey, value: String) {
        let place = self.others.partition_point(|condition| condition.key < key);
        match self.others.get_mut(place).filter(|condition| condition.key == key) {
            Some(condition) => condition.values.push(value),
            None => self.others.insert(place, Condition { key, values: vec![value] }),
        }
    }
}
