//! Patterns that select cases, as [`Case::matches`] has them, read once for many cases.

use std::collections::BTreeSet;

use super::Case;

/// Some patterns. None at all fit every case.
#[derive(Clone, Debug)]
pub struct Patterns<'a> {
    /// Ids, starts of ids at a slash, requirements and families.
    words: BTreeSet<&'a str>,
    globs: Vec<&'a str>,
}

impl<'a> Patterns<'a> {
    /// Reads patterns.
    #[must_use]
    pub fn new(patterns: &'a [String]) -> Self {
        let (globs, words): (Vec<&str>, Vec<&str>) =
            patterns.iter().map(|pattern| pattern.trim_end_matches('/')).partition(|pattern| pattern.contains('*'));
        Self { words: words.into_iter().collect(), globs }
    }

    /// Whether any of them fits a case, or there are none.
    #[must_use]
    pub fn fit(&self, case: &Case) -> bool {
        (self.words.is_empty() && self.globs.is_empty()) || self.fitting(case).next().is_some()
    }

    /// All of them, without a slash at the end.
    #[must_use]
    pub fn words(&self) -> BTreeSet<&'a str> {
        self.words.iter().chain(&self.globs).copied().collect()
    }

    /// Those that fit a case, without a slash at the end.
    pub fn fitting<'b>(&'b self, case: &'b Case) -> impl Iterator<Item = &'a str> + 'b {
        let named = case.requirements.iter().chain(&case.family).map(String::as_str);
        let words = named.chain(case.ids().flat_map(starts)).filter_map(|word| self.words.get(word).copied());
        words.chain(self.globs.iter().copied().filter(|glob| case.matches(glob)))
    }
}

/// An id, and its starts at a slash.
fn starts(id: &str) -> impl Iterator<Item = &str> {
    id.match_indices('/').filter_map(|(at, _)| id.get(..at)).chain([id])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Corpus;

    #[test]
    fn patterns_together_fit_what_one_of_them_fits() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini");
        let corpus = Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let lists = [
            &[][..],
            &["role"],
            &["role/"],
            &["rol"],
            &["role/denial/no-token"],
            &["role/denial/no-token/x", "ROLE-1"],
            &["*/denial/*", "TOKEN-*"],
            &["pol-order", "nothing"],
        ];
        for list in lists.map(|list| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()) {
            let patterns = Patterns::new(&list);
            for (_, case) in corpus.cases() {
                let fits = list.is_empty() || list.iter().any(|pattern| case.matches(pattern));
                assert_eq!(patterns.fit(case), fits, "{} by {list:?}", case.id);
            }
        }
    }
}
