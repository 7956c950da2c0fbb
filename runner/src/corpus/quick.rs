//! The cases of `gatecheck run --quick`: the few that catch most broken gates. They are data of this crate, since it knows no broken gate;
//! `gatecheck-mutants` chooses them from the kill matrix, and its test holds the list to what it claims.

use super::patterns::Patterns;
use super::{Case, Corpus};

const CHOSEN: &str = include_str!("../../quick.txt");

/// The ids of the chosen cases.
pub fn chosen() -> impl Iterator<Item = &'static str> {
    CHOSEN.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Corpus {
    /// The ids of the chosen cases that this corpus has and that fit one of the patterns.
    #[must_use]
    pub fn quick(&self, patterns: &[String]) -> Vec<String> {
        let chosen: Vec<String> = chosen().map(str::to_owned).collect();
        let (chosen, wanted) = (Patterns::new(&chosen), Patterns::new(patterns));
        let is_chosen = |case: &&Case| chosen.fitting(case).any(|id| case.is(id)) && wanted.fit(case);
        self.cases().map(|(_, case)| case).filter(is_chosen).map(|case| case.id.clone()).collect()
    }
}
