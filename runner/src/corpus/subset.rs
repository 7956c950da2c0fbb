//! The corpus for a gate that is only a part of one: rules without roles, or tokens without rules.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::expectation::{Alternative, Expected, LocationExpectation};
use super::request::{Carrier, Form};
use super::shape::{one_gate, without_roles};
use super::source::Access;
use super::template::{Piece, Template};
use super::{Case, Corpus, Suite, TOKEN_COOKIE};

/// A gate that reads no rules: a token opens one path, whatever stands in front of it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenOnly {
    /// What a denied visitor gets.
    #[serde(default)]
    pub denial: Denial,
    /// Where the token stands: `nf_jwt` or another cookie, or `authorization` for `Authorization: Bearer`.
    #[serde(default)]
    pub token: Option<String>,
}

/// What a denied visitor gets.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Denial {
    /// A page, or none, with this status: 401, 403 or 404.
    Status(u16),
    /// A redirect to this place.
    Redirect {
        /// The place, as a `location` of a case is written; `any` for any.
        redirect: String,
    },
}

impl Default for Denial {
    fn default() -> Self {
        Self::Status(401)
    }
}

impl TokenOnly {
    fn carrier(&self) -> Carrier {
        match self.token.as_deref() {
            None => Carrier::default(),
            Some("authorization") => Carrier::Authorization,
            Some(name) => Carrier::Cookie(name.to_owned()),
        }
    }

    /// What a denied visitor gets, as an expectation.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn denied(&self) -> Result<Alternative, String> {
        match &self.denial {
            Denial::Status(status @ (401 | 403 | 404)) => Ok(Alternative::of_status("denied", &[*status])),
            Denial::Status(status) => {
                Err(format!("`denial: {status}`: write 401, 403, 404, or `{{ redirect: /login }}`"))
            }
            Denial::Redirect { redirect } => {
                let location = match redirect.as_str() {
                    "any" => LocationExpectation::Any,
                    place => LocationExpectation::Is(Template::parse(place)?),
                };
                let status = [301, 302, 303, 307, 308];
                Ok(Alternative { location: Some(location), ..Alternative::of_status("denied", &status) })
            }
        }
    }
}

impl Corpus {
    /// The corpus for a gate that reads tokens and no rules: suites with one gate are asked, in the gate's own words; the others need `rules`.
    ///
    /// # Errors
    /// What the gate file says of the denial cannot be understood.
    #[must_use = "the corpus is another one"]
    pub fn for_tokens_only(mut self, gate: &TokenOnly) -> Result<Self, String> {
        let (denied, carrier) = (gate.denied()?, gate.carrier());
        for suite in self.suites.iter_mut().map(Arc::make_mut) {
            let Some(one) = one_gate(suite) else { continue };
            let is_named = |one: &&Alternative| one.name.as_deref() == Some("denied");
            let written = suite.cases.iter().find_map(|case| case.expected.alternatives().find(is_named).cloned());
            for case in suite.cases.iter_mut().map(Arc::make_mut) {
                // What lies beside the gate is denied to nobody, even where the suite's denial looks like the answer there.
                let written = written.as_ref().filter(|_| may_be_below(case, &one.path));
                in_the_words_of(case, written, &denied, &carrier);
            }
        }
        Ok(self)
    }

    /// The corpus for a gate that reads rules and no roles: the lines that name one are left out, and so are the cases for which they matter.
    #[must_use]
    pub fn without_roles(mut self) -> Self {
        for suite in self.suites.iter_mut().map(Arc::make_mut) {
            // Without lines there is nothing to leave out.
            if suite.toml.is_some() || std::str::from_utf8(&suite.rules).is_err() {
                continue;
            }
            let (rules, closed) = without_roles(suite);
            let asked: Vec<bool> = suite.cases.iter().map(|case| needs_no_role(suite, case, &closed)).collect();
            suite.rules = rules;
            for (case, _) in suite.cases.iter_mut().map(Arc::make_mut).zip(asked).filter(|(_, asked)| *asked) {
                case.features.retain(|feature| feature != "role");
                // Nobody is denied here, so that it proves itself.
                case.control.clone_from(&case.id);
            }
        }
        self
    }
}

/// The page of a site that says that there is none (STATIC-1).
const OWN_404: &str = "/404.html";

/// Whether a request may be for something below this path; of one that is no plain path nobody knows.
fn may_be_below(case: &Case, gate: &str) -> bool {
    match plain_path(case) {
        Some(path) => is_below(path, gate),
        None => true,
    }
}

/// The target of a request in which nothing is put in.
fn written_path(case: &Case) -> Option<&str> {
    let (Form::Path(target) | Form::Target(target)) = &case.request.form else { return None };
    match target.pieces() {
        [Piece::Text(path)] => Some(path),
        _ => None,
    }
}

/// The same where nothing in it is escaped or read in two ways.
fn plain_path(case: &Case) -> Option<&str> {
    written_path(case).filter(|path| !path.contains(['%', '\\', ';']) && !path.contains("//") && !path.contains("/."))
}

fn is_below(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// A denial as this gate gives it, and a token where this gate looks for it.
fn in_the_words_of(case: &mut Case, written: Option<&Alternative>, denied: &Alternative, carrier: &Carrier) {
    let alternatives: Vec<&mut Alternative> = match &mut case.expected {
        Expected::Judge(alternatives) => alternatives.iter_mut().collect(),
        Expected::Observe { labels, .. } => labels.iter_mut().flat_map(|(_, alternatives)| alternatives).collect(),
    };
    for one in alternatives {
        // No shared cache may keep what was asked with `Authorization`, whatever the answer names (RFC 9111 §3.5).
        if *carrier == Carrier::Authorization {
            one.headers.remove("vary");
            one.also.values_mut().for_each(|asked| {
                asked.headers.remove("vary");
            });
        }
        // Which page says that there is none, the format decides.
        if one.shows.as_deref() == Some(OWN_404) && one.status == [404] {
            one.shows = None;
        }
        if is_denial(one, written) {
            let (also, headers) = (std::mem::take(&mut one.also), std::mem::take(&mut one.headers));
            *one = Alternative { also, headers, ..denied.clone() };
        }
    }
    case.request.carrier = carrier.clone();
    let Carrier::Cookie(name) = carrier else {
        if case.request.templates().any(|text| text.tokens().next().is_some() || holds(text, TOKEN_COOKIE)) {
            case.features.push("cookie".to_owned());
        }
        return;
    };
    if name != TOKEN_COOKIE {
        case.request.templates_mut().for_each(|text| text.replace(TOKEN_COOKIE, name));
    }
}

/// Whether an expectation is the denial of its suite, by name or by what it says.
fn is_denial(one: &Alternative, written: Option<&Alternative>) -> bool {
    let place = |location: &Option<LocationExpectation>| match location {
        Some(LocationExpectation::Is(target)) => target.to_string(),
        Some(LocationExpectation::Any) => "any".to_owned(),
        Some(LocationExpectation::Spelled(spellings)) => spellings.join(" "),
        None => String::new(),
    };
    one.name.as_deref() == Some("denied")
        || written.is_some_and(|written| {
            one.status == written.status
                && place(&one.location) == place(&written.location)
                && one.shown() == written.shown()
        })
}

fn holds(text: &Template, needle: &str) -> bool {
    text.pieces().iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains(needle)))
}

/// Whether a case is about rules alone: no token, nothing protected, nobody denied, and no line that is left out could match.
fn needs_no_role(suite: &Suite, case: &Case, closed: &[String]) -> bool {
    let Expected::Judge(alternatives) = &case.expected else { return false };
    let is_protected = |file: &str| suite.files.get(file).is_some_and(|file| file.access == Access::Protected);
    let turns_away = |one: &Alternative| {
        one.name.as_deref().is_some_and(|name| ["denied", "refused", "not-canonical"].contains(&name))
            || one.shown().is_some_and(is_protected)
    };
    let Some(path) = written_path(case) else { return false };
    !case.request.carries_token()
        && case.request.cookies.is_empty()
        && case.of.is_none()
        && !alternatives.iter().any(turns_away)
        && !closed.iter().any(|start| is_below(path, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus() -> Corpus {
        Corpus::embedded().unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    #[test]
    fn a_gate_without_rules_is_asked_in_its_own_words() {
        let gate = TokenOnly { denial: Denial::Status(403), token: Some("authorization".to_owned()) };
        let corpus = corpus().for_tokens_only(&gate).unwrap_or_else(|error| panic!("{error}"));
        let asked = |case: &&Case| !case.features.iter().any(|one| ["rules", "cookie"].contains(&one.as_str()));
        let cases: Vec<&Case> = corpus.cases().map(|(_, case)| case).filter(asked).collect();
        assert!(cases.len() > 1000, "{}", cases.len());
        let denied = |case: &&&Case| case.expected.alternatives().any(|one| one.name.as_deref() == Some("denied"));
        for case in cases.iter().filter(denied) {
            let denials = case.expected.alternatives().filter(|one| one.name.as_deref() == Some("denied"));
            for one in denials {
                assert_eq!((one.status.as_slice(), one.location.is_none()), (&[403][..], true), "{}", case.id);
            }
            assert_eq!(case.request.carrier, Carrier::Authorization, "{}", case.id);
        }
        let alternatives = || cases.iter().flat_map(|case| case.expected.alternatives());
        assert!(!alternatives().any(|one| one.headers.contains_key("vary")));
        // Which page says that there is none, such a gate does not know.
        assert!(!alternatives().any(|one| one.status == [404] && one.shows.as_deref() == Some(OWN_404)));
        // A page that is missing beside the gate is missing for everybody.
        let beside = cases.iter().find(|case| case.id == "static/not-found/unknown/asset").unwrap();
        assert!(beside.expected.alternatives().all(|one| one.status == [404]), "{beside:#?}");
        let (name, value) = Carrier::Authorization.field(b"a.b.c");
        assert_eq!((name.as_str(), value.as_slice()), ("Authorization", b"Bearer a.b.c".as_slice()));
        let to = TokenOnly { denial: Denial::Redirect { redirect: "/sign-in".to_owned() }, token: None };
        assert!(to.denied().is_ok_and(|one| one.location.is_some() && one.status.contains(&302)));
        assert!(TokenOnly { denial: Denial::Status(200), token: None }.denied().is_err());
    }

    #[test]
    fn a_gate_without_roles_is_asked_what_needs_none() {
        let written = corpus();
        let needed_one: std::collections::BTreeSet<&str> = written
            .cases()
            .filter(|(_, case)| case.features.iter().any(|one| one == "role"))
            .map(|(_, case)| case.id.as_str())
            .collect();
        let corpus = written.clone().without_roles();
        let asked = |case: &Case| !case.features.iter().any(|one| one == "role");
        let (mut plain, mut closed) = (0_usize, 0_usize);
        for (suite, case) in corpus.cases() {
            match asked(case) {
                true => plain = plain.saturating_add(1),
                false => closed = closed.saturating_add(1),
            }
            // A suite that named no role needed none before.
            if asked(case) && needed_one.contains(case.id.as_str()) {
                assert!(!case.request.carries_token() && !case.shows_protected(suite), "{}", case.id);
            }
        }
        assert!(plain > 500 && closed > 5000, "{plain} {closed}");
        let rules = |suite: &Suite| String::from_utf8_lossy(&suite.rules).contains("Role=");
        assert!(corpus.suites.iter().filter(|suite| suite.toml.is_none()).all(|suite| {
            std::str::from_utf8(&suite.rules).is_err() || !rules(suite) || suite.rules.starts_with(b"#")
        }));
    }
}
