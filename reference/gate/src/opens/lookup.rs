//! Which rules have to do with a path, out of many.

use crate::path::{RequestPath, segments};
use crate::query::Parameters;
use crate::rules::{Effect, Pattern, Rule, RuleSet};
use crate::site::{Site, Spellings};
use crate::span::{Places, RuleFile, Span};

/// What is to be found by the pattern of a path.
pub(super) struct Lookup<T> {
    rules: RuleSet,
    items: Vec<T>,
}

impl<T> Lookup<T> {
    pub(super) fn of(items: impl IntoIterator<Item = (Pattern, T)>) -> Lookup<T> {
        let (patterns, items): (Vec<Pattern>, Vec<T>) = items.into_iter().unzip();
        let span = Span { file: RuleFile::Redirects, start: 0, end: 0, line: 0, column: 0 };
        let bare = patterns.into_iter().map(|pattern| Rule {
            span,
            text: String::new(),
            origin: None,
            pattern,
            query: Vec::new(),
            effect: Effect::Seal,
            places: Places::default(),
        });
        Lookup { rules: RuleSet::of(bare), items }
    }

    /// What stands under the patterns that match one of these names, in order.
    pub(super) fn at<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Vec<&T> {
        let names: Vec<N> = names.into_iter().collect();
        let parameters = Parameters::default();
        let paths: Vec<_> = names.iter().map(|name| segments(name.as_ref())).collect();
        let places = self.rules.candidates(&paths, None, &parameters);
        let matches = |place: &usize| {
            let rule = self.rules.rules().get(*place);
            rule.is_some_and(|rule| names.iter().any(|name| rule.pattern.matches_name(name.as_ref())))
        };
        places.filter(matches).filter_map(|place| self.items.get(place)).collect()
    }
}

/// Every path of the file that is served at the path with this name.
pub(super) fn names_at(site: &impl Site, name: &str) -> Vec<String> {
    let path = RequestPath::of(segments(name));
    site.file(&path).map_or_else(|| vec![path.name().to_owned()], |file| names_of(site, &file))
}

/// Every path of a file.
pub(super) fn names_of(site: &impl Site, file: &str) -> Vec<String> {
    Spellings::of(site, file).and(site.other_names(file)).iter().map(str::to_owned).collect()
}
