//! Who may have which file: content is leaked only to somebody who may not have it.
//!
//! A suite says it by what it expects. Whoever a case expects to be shown a file may have that file, whatever else goes wrong; and so may whoever sends the
//! same token with another request. Where a site is sealed against everybody, the suite names those for whom it is meant (`meant-for`). Where the form alone of
//! what is sent must not count, the case names the token whose holder sends it (`holder`). A visitor without a token is nobody: what one of them may have, by
//! country or host, another may not. Several requests on one connection are several visitors, and what belongs to one of them is leaked to the others, unless
//! the case names its holder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::expectation::{Alternative, Expected};
use super::source::Access;
use super::{Case, Suite};

/// The files of a suite by the recipe of the token that opens them.
#[derive(Clone, Debug, Default)]
pub struct Entitlements(BTreeMap<String, Arc<BTreeSet<String>>>);

impl Entitlements {
    /// What the cases of a suite say.
    #[must_use]
    pub fn of(suite: &Suite) -> Self {
        if let Some(own) = &suite.own {
            return Self(own.may_have.clone());
        }
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for token in &suite.meant_for {
            let closed = suite.files.iter().filter(|(_, file)| file.access == Access::Protected);
            found.entry(token.clone()).or_default().extend(closed.map(|(path, _)| path.clone()));
        }
        for case in suite.cases.iter().filter(|case| !case.request.is_several()) {
            for token in case.request.whole_tokens() {
                found.entry(token.to_owned()).or_default().extend(shown(case));
            }
        }
        Self(found.into_iter().map(|(token, files)| (token, Arc::new(files))).collect())
    }

    /// The files that the visitor of a case may have.
    #[must_use]
    pub fn of_case(&self, case: &Case) -> Arc<BTreeSet<String>> {
        // On one connection a server in front may send the requests of many.
        if case.request.is_several() {
            return case.holder.as_ref().and_then(|token| self.0.get(token)).map(Arc::clone).unwrap_or_default();
        }
        let mut by_token =
            case.request.whole_tokens().chain(case.holder.as_deref()).filter_map(|token| self.0.get(token));
        let mut own = shown(case).peekable();
        match (by_token.next(), by_token.next(), own.peek()) {
            (Some(files), None, None) => Arc::clone(files),
            (first, second, _) => {
                let files = first.into_iter().chain(second).chain(by_token).flat_map(|files| files.iter().cloned());
                Arc::new(own.chain(files).collect())
            }
        }
    }
}

/// The files that a case expects its visitor to be shown. Where the sources disagree nobody is entitled.
fn shown(case: &Case) -> impl Iterator<Item = String> + '_ {
    let alternatives: &[Alternative] = match &case.expected {
        Expected::Judge(alternatives) => alternatives,
        Expected::Observe { .. } => &[],
    };
    alternatives.iter().filter_map(|one| one.shown().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Corpus, LoadError};

    const SUITE: &str = "\
title: Who may have what
source: By hand
site:
  rules: |
    /members/* /members/:splat 200! Role=admin
  files:
    /members/home.html: protected
    /members/other.html: protected
    /login.html: public
control: in
denied: { status: 302, location: /login }
cases:
  - { id: in, requirement: ROLE-1, request: { path: /members/home, token: admin }, expect: { status: 200, shows: /members/home.html } }
  - { id: hostile, requirement: ROLE-1, why: w, request: { target: /members//home, token: admin }, expect: denied }
  - { id: cookie-line, requirement: ROLE-1, why: w, request: { path: /, cookies: ['a=b; nf_jwt=$(token:admin); c=d'] }, expect: denied }
  - { id: quoted, requirement: ROLE-1, why: w, request: { path: /, cookies: ['nf_jwt=\"$(token:admin)\"'] }, expect: denied }
  - { id: raw, requirement: ROLE-1, why: w, request: { raw: [\"GET  /members/home HTTP/1.1\", \"Cookie: nf_jwt=$(token:admin)\", \"\", \"\"] }, expect: { status: 400 } }
  - { id: with-more-behind, requirement: ROLE-1, why: w, request: { path: /, cookies: [nf_jwt=$(token:admin)x] }, expect: denied }
  - { id: with-more-in-front, requirement: ROLE-1, why: w, request: { path: /, cookies: [nf_jwt=x$(token:admin)] }, expect: denied }
  - { id: escaped-behind, requirement: ROLE-1, why: w, request: { path: /, cookies: [nf_jwt=$(token:admin)%00] }, expect: denied }
  - { id: two-in-one, requirement: ROLE-1, why: w, request: { path: /, cookies: ['nf_jwt=$(token:admin)$(token:admin)'] }, expect: denied }
  - { id: pipeline, requirement: ROLE-1, why: w, request: { raw: [\"GET / HTTP/1.1\", \"Cookie: nf_jwt=$(token:admin)\", \"\", \"GET /members/home HTTP/1.1\", \"\", \"\"], responses: 2 }, expect: denied }
  - { id: smuggled, requirement: ROLE-1, why: w, request: { raw: [\"GET / HTTP/1.1\", \"Cookie: nf_jwt=$(token:admin)\", \"Content-Length: 9\", \"\", \"GET /members/home HTTP/1.1\", \"\", \"\"] }, expect: denied }
  - { id: another, requirement: ROLE-1, why: w, request: { path: /, token: expired }, expect: denied }
  - { id: in-another-form, requirement: ROLE-1, why: w, holder: admin, request: { path: /, token: { base: admin, claims-text: '$(claims) ' } }, expect: denied }
  - { id: in-another-form-of-nobody, requirement: ROLE-1, why: w, request: { path: /, token: { base: admin, claims-text: '$(claims) ' } }, expect: denied }
  - { id: pipeline-of-one, requirement: ROLE-1, why: w, holder: admin, request: { raw: [\"GET / HTTP/1.1\", \"X\", \"\", \"GET /members/home HTTP/1.1\", \"Cookie: nf_jwt=$(token:admin)\", \"\", \"\"], responses: 2 }, expect: denied }
  - { id: nobody, requirement: ROLE-1, why: w, request: { path: / }, expect: denied }
  - { id: by-itself, requirement: ROLE-1, request: { path: /members/other }, expect: { status: 200, shows: /members/other.html } }
";

    fn corpus(suite: String) -> Corpus {
        load(suite).unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    fn load(suite: String) -> Result<Corpus, Vec<LoadError>> {
        let mini = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini");
        let read = |name: &str| std::fs::read_to_string(mini.join(name)).unwrap();
        let files = [
            ("requirements.yaml", read("requirements.yaml")),
            ("tokens.yaml", read("tokens.yaml")),
            ("role/who.yaml", suite),
        ];
        let files = files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        Corpus::load("by hand", files)
    }

    #[test]
    fn whoever_is_shown_a_file_may_have_it() {
        let corpus = corpus(SUITE.to_owned());
        let suite = &corpus.suites[0];
        let entitlements = Entitlements::of(suite);
        let holders = ["in", "hostile", "cookie-line", "quoted", "raw", "in-another-form", "pipeline-of-one"];
        for case in &suite.cases {
            let own: &[&str] = match case.written_id.as_str() {
                "by-itself" => &["/members/other.html"],
                id if holders.contains(&id) => &["/members/home.html"],
                _ => &[],
            };
            let may_have = entitlements.of_case(case);
            assert_eq!(may_have.iter().map(String::as_str).collect::<Vec<_>>(), own, "{}", case.id);
        }
    }

    #[test]
    fn whoever_a_sealed_site_is_meant_for_may_have_its_files() {
        let suite = SUITE.replace("source: By hand", "source: By hand\nmeant-for: admin");
        let corpus = corpus(suite);
        let suite = &corpus.suites[0];
        let entitlements = Entitlements::of(suite);
        for (id, own) in [("hostile", 2), ("another", 0), ("nobody", 0)] {
            let case = suite.cases.iter().find(|case| case.written_id == id).unwrap();
            assert_eq!(entitlements.of_case(case).len(), own, "{id}");
        }
        let misspelt = load(SUITE.replace("source: By hand", "source: By hand\nmeant-for: admn")).unwrap_err();
        assert!(misspelt[0].message.contains("did you mean `admin`?"), "{misspelt:#?}");
        let misspelt = load(SUITE.replace("holder: admin", "holder: admn")).unwrap_err();
        assert!(misspelt[0].message.contains("did you mean `admin`?"), "{misspelt:#?}");
    }
}
