//! What is not asked for the budget, by kind, in words.

use std::collections::BTreeMap;

use crate::probe::Kind;
use crate::table::count;

/// How many requests of each kind are left out for the budget.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LeftOut(BTreeMap<Kind, usize>);

impl LeftOut {
    /// What is left out; a kind of which nothing is left out is no part of it.
    #[must_use]
    pub fn of(by_kind: impl IntoIterator<Item = (Kind, usize)>) -> Self {
        Self(by_kind.into_iter().filter(|(_, requests)| *requests > 0).collect())
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left out, for example `12 requests for closed files by their names`.
    #[must_use]
    pub fn told(&self) -> String {
        let parts = self.0.iter().map(|(kind, requests)| {
            let what = match kind {
                Kind::Rule => "by further visitors",
                Kind::Cache => "of two visitors for one URL",
                Kind::Session => "with cookies that the site gives to everybody",
                Kind::Spelling => "for near misses and in other spellings",
                Kind::File => "for closed files by their names",
                Kind::Token => "with tokens and cookies of the corpus, which try the key that all gates share",
            };
            format!("{} {what}", count(*requests, "request"))
        });
        parts.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_named() {
        assert!(LeftOut::of([(Kind::File, 0)]).is_empty());
        let left_out = LeftOut::of([(Kind::File, 1), (Kind::Token, 1290), (Kind::Rule, 0)]);
        assert_eq!(
            left_out.told(),
            "1 request for closed files by their names; 1,290 requests with tokens and cookies of the corpus, which try the key that all gates share"
        );
    }
}
