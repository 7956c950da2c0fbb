//! The corpus' own tokens and cookies, asked of a user's gate. Who sends them is told by the model, since the secret is known.

use std::collections::BTreeSet;

use gatecheck::corpus::request::{Form, Request};
use gatecheck::corpus::shape::OF_THE_RULES;
use gatecheck::corpus::source::Level;
use gatecheck::corpus::{Case, Corpus, Settings, Suite};
use gatecheck::run::{Place, compose};
use gatecheck::wire::{Target, Trust};

use crate::model::{Who, who_sends};
use crate::renamed;

/// Header lines that speak of a visitor, from a case of the corpus.
#[derive(Clone, Debug)]
pub struct Borrowed {
    /// The id of the case.
    pub id: String,
    /// The header lines.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The query, where a token stands in it.
    pub query: Option<String>,
    /// Who that is.
    pub who: Who,
    /// Whether an ordinary client would change it on the way.
    pub is_exact: bool,
    /// Whether hosts may refuse it for its form alone: its length, or a field that stands there twice.
    pub may_be_refused: bool,
}

/// Longer header lines are refused by some hosts for their length alone.
const LONG: usize = 3500;
/// Longer ones are not asked.
const LONGEST: usize = 40_000;

/// What a gate of the corpus may lack and every gate that is audited has.
const HAS: [&str; 3] = ["cookie", "http-1", "raw-target"];

/// The secret of a site whose secret nobody told: nothing that is signed with it may count.
pub(crate) const UNKNOWN: &str = "the-secret-of-this-site-is-not-known-here-and-this-is-not-it-00000";

/// Every case of the corpus in which nothing but the token, where it stands or the fields around it differs from the control, for a gate with this secret that asks
/// for this role. Without the secret they are forgeries.
#[must_use]
pub fn borrowed(corpus: &Corpus, secret: Option<&str>, role_path: &str, role: &str, now: i64) -> Vec<Borrowed> {
    let is_known = secret.is_some();
    let secret = secret.unwrap_or(UNKNOWN);
    let nowhere =
        Target { https: false, host: "site.example".to_owned(), port: 80, connect_to: None, trust: Trust::default() };
    let mut all = Vec::new();
    for suite in corpus.suites.iter().filter(|suite| suite.settings == Settings::default()) {
        let settings = Settings { secret: secret.to_owned(), role_path: role_path.to_owned(), ..Settings::default() };
        let moved = Suite {
            settings,
            recipes: renamed::recipes(suite, role),
            cases: Vec::new(),
            files: std::collections::BTreeMap::new(),
            ..(**suite).clone()
        };
        for case in suite.cases.iter().filter(|case| is_about_the_visitor(suite, case)) {
            let place = Place { target: &nowhere, prefix: "", listener: "http://127.0.0.1:1" };
            let token = case.request.token.as_ref().map(|token| renamed::token(token, role));
            let case = Case { request: Request { token, ..case.request.clone() }, ..(**case).clone() };
            let Ok(sent) = compose(&moved, &case, &place, now) else { continue };
            let size: usize = sent.headers.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
            if size > LONGEST {
                continue;
            }
            // Whatever is signed with a secret that is not the site's makes nobody of whoever sends it.
            let who = if is_known { who_sends(&sent.headers, secret, role_path, now) } else { Some(Who::Nobody) };
            let Some(who) = who else { continue };
            // Nobody but the issuer can sign it, and in the hands of a holder it opens what they may have.
            if is_known && case.holder.is_some() {
                continue;
            }
            let is_exact = sent.byte_exact;
            let query = String::from_utf8(sent.target).ok();
            let query = query.and_then(|target| target.split_once('?').map(|(_, query)| query.to_owned()));
            let may_be_refused = size > LONG || repeats_a_field(&sent.headers);
            all.push(Borrowed { id: case.id.clone(), headers: sent.headers, query, who, is_exact, may_be_refused });
        }
    }
    all
}

/// Whether a field other than `Cookie` stands there more than once.
fn repeats_a_field(headers: &[(String, Vec<u8>)]) -> bool {
    let mut seen = BTreeSet::new();
    let mut names = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).filter(|name| name != "cookie");
    names.any(|name| !seen.insert(name))
}

fn is_about_the_visitor(suite: &Suite, case: &Case) -> bool {
    let Some(control) = suite.case(&case.control) else { return false };
    let target = |case: &Case| match &case.request.form {
        Form::Path(text) | Form::Target(text) => Some(text.to_string()),
        Form::Raw { .. } => None,
    };
    let request = &case.request;
    let Some((own, control)) = target(case).zip(target(control)) else { return false };
    let in_the_query = match &request.form {
        Form::Path(text) | Form::Target(text) => text.tokens().next().is_some(),
        Form::Raw { .. } => false,
    };
    let only_a_token_more = in_the_query && own.split_once('?').is_some_and(|(path, _)| path == control);
    case.level != Level::Survey
        && (own == control || only_a_token_more)
        && request.method == "GET"
        && request.body.is_none()
        && request.host.is_none()
        && (request.carries_token() || !request.cookies.is_empty())
        && case
            .features
            .iter()
            .map(String::as_str)
            .all(|feature| HAS.contains(&feature) || OF_THE_RULES.contains(&feature))
        && request
            .headers
            .iter()
            .all(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_most_kinds_are_borrowed() {
        let corpus = Corpus::embedded().unwrap();
        for (secret, least) in [(Some(gatecheck::corpus::DEFAULT_SECRET), 400), (None, 400)] {
            let all = borrowed(&corpus, secret, gatecheck::corpus::DEFAULT_ROLE_PATH, "admin", 1_800_000_000);
            let suites: BTreeSet<&str> = all.iter().filter_map(|one| one.id.split('/').next()).collect();
            assert!(all.len() >= least, "{secret:?}: {}", all.len());
            for suite in ["claim", "cookie", "jose", "json", "token"] {
                assert!(suites.contains(suite), "{secret:?}: {suites:?}");
            }
            let is_nobody = |one: &Borrowed| one.who == Who::Nobody;
            assert_eq!(secret.is_none(), all.iter().all(is_nobody));
            let in_the_query = all.iter().filter(|one| one.query.as_ref().is_some_and(|query| query.contains("=ey")));
            // The issuer alone can sign what is wrong in its form and right in what it says.
            assert_eq!(
                secret.is_none(),
                all.iter().any(|one| one.id.starts_with("json/encoding/half-a-pair-in-a-claim"))
            );
            let refused = |id: &str| all.iter().any(|one| one.id.contains(id) && one.may_be_refused);
            assert!(!refused("condition/tag-weak"));
            // Most go over connections that are kept.
            assert!(all.iter().filter(|one| one.is_exact).count() * 10 < all.len(), "{secret:?}");
            assert!(in_the_query.clone().count() >= 4 && in_the_query.clone().all(is_nobody));
        }
    }
}
