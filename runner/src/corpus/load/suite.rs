//! A suite: its site, its settings and names, and what its cases refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};

use super::case::Context;
use super::{Loader, hex};
use crate::corpus::assertion::{Kind, kinds};
use crate::corpus::expectation::{Expected, Names};
use crate::corpus::recipe::Recipes;
use crate::corpus::settings::Settings;
use crate::corpus::shape::features;
use crate::corpus::source::{Requirement, SuiteSource};
use crate::corpus::{Case, Suite, TOML_FILE, template};

/// The suite with the features that are read off its rules and cases.
fn with_features(mut suite: Suite) -> Suite {
    let of_rules = features(&suite);
    for case in &mut suite.cases {
        let case = Arc::make_mut(case);
        let asserts_cache = case.expected.alternatives().flat_map(kinds).any(|kind| kind == Kind::Cache);
        let found = of_rules.iter().copied().chain(asserts_cache.then_some("cache-fields"));
        let found = found.chain(suite.settings.trust_upstream.then_some("trusted-upstream"));
        case.features.extend(found.map(str::to_owned));
        if case.requirements.iter().any(|id| id.starts_with("COOKIE-")) {
            case.features.push("cookie".to_owned());
        }
    }
    suite
}

impl Loader {
    pub(super) fn suite(
        &mut self,
        file: &str,
        text: &str,
        mut source: SuiteSource,
        shared: &Recipes,
        ledger: &BTreeMap<&str, &Requirement>,
    ) -> Option<Suite> {
        let before = self.errors.len();
        let id = file.strip_suffix(".yaml").unwrap_or(file);
        let rules = match (&source.site.rules, &source.site.rules_hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(digits)) => template::hex(digits).unwrap_or_else(|error| {
                self.say(file, None, format!("`rules-hex`: {error}"));
                Vec::new()
            }),
            (None, None) if source.site.toml.is_some() => Vec::new(),
            _ => {
                self.say(file, None, "`site` has either `rules` or `rules-hex`".to_owned());
                Vec::new()
            }
        };
        self.site(file, &source, &rules);
        let settings = Settings::understand(source.settings.clone()).unwrap_or_else(|error| {
            self.say(file, None, error);
            Settings::default()
        });
        let recipes = self.recipes(file, std::mem::take(&mut source.tokens), shared);
        let mut named: Vec<(String, Spanned<Value>)> = Vec::new();
        named.extend(source.denied.take().map(|denied| ("denied".to_owned(), denied)));
        named.extend(std::mem::take(&mut source.expectations));
        let values: Vec<(String, Value)> =
            named.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect();
        let names = Names::understand(&values).unwrap_or_else(|(name, error)| {
            let place = named.iter().find(|(other, _)| *other == name).map(|(_, value)| value.referenced);
            self.say(file, place, format!("`{name}`: {error}"));
            Names::default()
        });
        for feature in &source.features.0 {
            self.known_feature(file, None, feature);
        }
        for token in source.meant_for.0.iter().filter(|token| recipes.find(token).is_none()) {
            self.say(file, None, format!("`meant-for`: {}", crate::corpus::recipe::unknown(token, recipes.0.keys())));
        }
        let context = Context { file, suite_id: id, suite: &source, names: &names, recipes: &recipes, ledger };
        let mut cases = Vec::new();
        let mut ids = BTreeSet::new();
        for case in &source.cases {
            let first: usize = cases.len();
            for mut expanded in self.case(&context, case) {
                expanded.of = expanded.of.map(|at| first.saturating_add(at));
                if !ids.insert(expanded.id.clone()) {
                    self.say(file, Some(case.id.referenced), format!("the id `{}` stands twice", expanded.id));
                }
                cases.push(expanded);
            }
        }
        self.references(file, id, &source, &cases, &ids);
        let suite = (self.errors.len() == before).then(|| Suite {
            digest: hex(&Sha256::digest(text)),
            id: id.to_owned(),
            file: file.to_owned(),
            title: source.title,
            about: source.about,
            standalone: source.standalone,
            may_refuse: source.may_refuse,
            meant_for: source.meant_for.0,
            settings,
            rules,
            toml: source.site.toml,
            headers: source.site.headers,
            mark_rules: source.site.mark_rules,
            files: source.site.files.into_iter().map(|(path, spec)| (path, spec.value)).collect(),
            own: None,
            recipes,
            cases: cases.into_iter().map(Arc::new).collect(),
        });
        suite.map(with_features)
    }

    /// The files of the site, and the features without which it is none.
    fn site(&mut self, file: &str, source: &SuiteSource, rules: &[u8]) {
        if source.site.toml.is_some() && !source.features.0.iter().any(|feature| feature == "toml") {
            self.say(
                file,
                None,
                "`site.toml` needs `features: toml`, since not every gate reads such a file".to_owned(),
            );
        }
        if source.site.toml.is_some() && source.site.files.contains_key(TOML_FILE) {
            self.say(file, None, format!("`{TOML_FILE}` is written from `site.toml`, and stands among the files too"));
        }
        if source.site.headers.is_some() && source.site.files.contains_key("/_headers") {
            self.say(file, None, "`site` has either `headers` or a file `/_headers`".to_owned());
        }
        for (path, spec) in &source.site.files {
            if !path.starts_with('/')
                || path.split('/').skip(1).any(|name| name.is_empty() || name == "." || name == "..")
            {
                self.say(file, Some(spec.referenced), format!("`{path}` is no file path; write `/folder/name.html`"));
            }
            if spec.value.size.is_some_and(|size| size < 256) {
                self.say(
                    file,
                    Some(spec.referenced),
                    format!("`{path}`: a file needs at least 256 bytes, for its canary"),
                );
            }
        }
        if memchr::memmem::find(rules, crate::upstream::PLACEHOLDER.as_bytes()).is_some()
            && !source.features.0.iter().any(|feature| feature == "proxy")
        {
            self.say(file, None, "rules that name `$(upstream)` need `features: proxy`".to_owned());
        }
    }

    /// What cases name: the control, and files.
    fn references(&mut self, file: &str, id: &str, source: &SuiteSource, cases: &[Case], ids: &BTreeSet<String>) {
        let control = format!("{id}/{}", source.control.value);
        match cases.iter().find(|case| case.id == control) {
            None => self.say(
                file,
                Some(source.control.referenced),
                format!("no case `{}` in this suite to be its control", source.control.value),
            ),
            Some(case) if matches!(case.expected, Expected::Observe { .. }) => {
                self.say(
                    file,
                    Some(source.control.referenced),
                    "a control needs an `expect`, not an `observe`".to_owned(),
                );
            }
            Some(_) => {}
        }
        let places: BTreeMap<&str, serde_saphyr::Location> =
            source.cases.iter().map(|case| (case.id.value.as_str(), case.id.referenced)).collect();
        for case in cases {
            let place = places.get(case.written_id.as_str()).copied();
            if !ids.contains(&case.control) {
                self.say(
                    file,
                    place,
                    format!("`{}` has the control `{}`, which is no case of this suite", case.id, case.control),
                );
            }
            for shown in case
                .expected
                .alternatives()
                .flat_map(|one| one.shown().into_iter().chain(one.hides.iter().map(String::as_str)))
            {
                if !source.site.files.contains_key(shown) {
                    self.say(file, place, format!("`{}` names `{shown}`, which is no file of this suite", case.id));
                }
            }
        }
    }
}
