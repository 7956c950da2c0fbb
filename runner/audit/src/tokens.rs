//! The corpus' own tokens and cookies, asked of a user's gate. Who sends them is told by the model, since the secret is known.

use std::collections::BTreeSet;

use gatecheck::corpus::recipe::{Recipe, Signature};
use gatecheck::corpus::request::{Form, Request, TokenRef};
use gatecheck::corpus::shape::OF_THE_RULES;
use gatecheck::corpus::source::Level;
use gatecheck::corpus::{Case, DEFAULT_ROLE_PATH, Settings, Suite};
use gatecheck::run::{Place, compose};
use gatecheck::wire::{Sent, Target, Trust};

use crate::model::{Who, who_sends};
use crate::moved::Home;
use crate::probe::Tokens;

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
const HAS: [&str; 4] = ["audience", "cookie", "http-1", "raw-target"];

/// The secret of a site whose secret nobody told: nothing that is signed with it may count.
pub(crate) const UNKNOWN: &str = "the-secret-of-this-site-is-not-known-here-and-this-is-not-it-00000";

/// Every case of the corpus in which nothing but the token, where it stands or the fields around it differs from the control, for a gate with these settings that
/// asks for this role. Without the secret they are forgeries.
#[must_use]
pub fn borrowed(tokens: Tokens<'_>, role: &str) -> Vec<Borrowed> {
    let Tokens { corpus, settings, knows_secret, now } = tokens;
    // The same gate, with the roles where the corpus has them.
    let usual = Settings { role_path: DEFAULT_ROLE_PATH.to_owned(), ..settings.clone() };
    let mut all = Vec::new();
    for suite in corpus.suites.iter().filter(|suite| is_for(suite, settings)) {
        let (own, usual) = (Moved::of(suite, settings, role), Moved::of(suite, &usual, role));
        for case in suite.cases.iter().filter(|case| is_about_the_visitor(suite, case)) {
            let Some(sent) = own.send(case, now) else { continue };
            let size: usize = sent.headers.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
            if size > LONGEST {
                continue;
            }
            let Some(who) = own.who(&sent, now) else { continue };
            // What puts the roles into a token in a way of its own did not put them where this gate looks.
            if own.suite.settings != usual.suite.settings
                && usual.send(case, now).is_none_or(|sent| usual.who(&sent, now).as_ref() != Some(&who))
            {
                continue;
            }
            // Only the issuer can make such a token, and its bearer holds the role: where parsers may differ, or its form alone is at fault, that is no way in.
            let may_differ = || case.level == Level::Should && who == Who::Nobody && own.is_of_the_issuer(case);
            if knows_secret && (case.holder.is_some() || may_differ()) {
                continue;
            }
            // Whatever is signed with a secret that is not the site's makes nobody of whoever sends it.
            let who = if knows_secret { who } else { Who::Nobody };
            if lets_in(&who, role) && negotiates(&sent.headers) {
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

/// A suite whose tokens are made for another gate.
struct Moved<'a> {
    suite: Suite,
    home: Home<'a>,
}

impl<'a> Moved<'a> {
    fn of(suite: &Suite, settings: &Settings, role: &'a str) -> Self {
        let home = Home::of(suite, settings, role);
        let suite = Suite {
            settings: settings.clone(),
            recipes: home.recipes(suite),
            cases: Vec::new(),
            files: std::collections::BTreeMap::new(),
            ..suite.clone()
        };
        Self { suite, home }
    }

    /// What a case sends; none where it cannot be sent, or is not the same at this gate.
    fn send(&self, case: &Case, now: i64) -> Option<Sent> {
        let trust = Trust::default();
        let nowhere = Target { https: false, host: "site.example".to_owned(), port: 80, connect_to: None, trust };
        let place = Place { target: &nowhere, prefix: "", listener: "http://127.0.0.1:1" };
        let token = case.request.token.as_ref().map(|token| self.home.token(token));
        if token.as_ref().is_some_and(|token| !self.home.has_moved(&self.suite.recipes, token)) {
            return None;
        }
        let case = Case { request: Request { token, ..case.request.clone() }, ..case.clone() };
        compose(&self.suite, &case, &place, now).ok()
    }

    /// Whether only whoever knows the key can make the token of a case: nothing is wrong with its signature.
    fn is_of_the_issuer(&self, case: &Case) -> bool {
        let Some(token) = case.request.token.as_ref().map(|token| self.home.token(token)) else { return false };
        let recipe = match &token {
            TokenRef::Inline(recipe) => Some(&**recipe),
            TokenRef::Named(name) => self.suite.recipes.find(name),
        };
        let recipe = recipe.and_then(|recipe| self.suite.recipes.flatten(recipe).ok());
        recipe.is_some_and(|recipe| {
            let Recipe { key, mac, signature, flip, edits, .. } = recipe;
            let is_right = matches!(signature, None | Some(Signature::Ok));
            is_right && key.is_none() && mac.is_none() && flip.is_none() && edits.is_empty()
        })
    }

    fn who(&self, sent: &Sent, now: i64) -> Option<Who> {
        who_sends(&sent.headers, &self.suite.settings, now)
    }
}

/// Whether a suite is about tokens that such a gate reads: it has no settings, but for an issuer and an audience where the gate asks for one of them as well.
fn is_for(suite: &Suite, settings: &Settings) -> bool {
    let Settings { issuer, audience, .. } = &suite.settings;
    let asks_for_names = issuer.is_some() || audience.is_some();
    let named = Settings { issuer: issuer.clone(), audience: audience.clone(), ..Settings::default() };
    suite.settings == named && (!asks_for_names || settings.issuer.is_some() || settings.audience.is_some())
}

/// Whether a field other than `Cookie` stands there more than once.
fn repeats_a_field(headers: &[(String, Vec<u8>)]) -> bool {
    let mut seen = BTreeSet::new();
    let mut names = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).filter(|name| name != "cookie");
    names.any(|name| !seen.insert(name))
}

/// Whether that is somebody whom a gate for this role lets in.
fn lets_in(who: &Who, role: &str) -> bool {
    matches!(who, Who::Holder(roles) if roles.iter().any(|held| held == role))
}

/// Whether a request says what its answer may look like. In the corpus a visitor is turned away all the same; one whose role this site's gate asks for is let in,
/// and then a server may have nothing to show that would do (RFC 9110 §15.5.7).
fn negotiates(headers: &[(String, Vec<u8>)]) -> bool {
    headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("accept"))
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
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use gatecheck::corpus::Corpus;

    use super::*;

    fn tokens(corpus: &Corpus, settings: &Settings, knows_secret: bool) -> Vec<Borrowed> {
        borrowed(Tokens { corpus, settings, knows_secret, now: 1_800_000_000 }, "admin")
    }

    #[test]
    fn tokens_of_most_kinds_are_borrowed() {
        let corpus = Corpus::embedded().unwrap();
        for knows_secret in [true, false] {
            let all = tokens(&corpus, &Settings::default(), knows_secret);
            let suites: BTreeSet<&str> = all.iter().filter_map(|one| one.id.split('/').next()).collect();
            assert!(all.len() >= 400, "{knows_secret}: {}", all.len());
            for suite in ["claim", "cookie", "jose", "json", "token"] {
                assert!(suites.contains(suite), "{knows_secret}: {suites:?}");
            }
            let is_nobody = |one: &Borrowed| one.who == Who::Nobody;
            assert_eq!(!knows_secret, all.iter().all(is_nobody));
            let in_the_query = all.iter().filter(|one| one.query.as_ref().is_some_and(|query| query.contains("=ey")));
            // The issuer alone can sign what is wrong in its form and right in what it says.
            assert_eq!(!knows_secret, all.iter().any(|one| one.id.starts_with("json/encoding/half-a-pair-in-a-claim")));
            let refused = |id: &str| all.iter().any(|one| one.id.contains(id) && one.may_be_refused);
            assert!(!refused("condition/tag-weak"));
            // What only the issuer can make, and parsers read in two ways.
            assert_eq!(all.iter().any(|one| one.id.contains("/half-a-pair-in-a-claim/")), !knows_secret);
            // Most go over connections that are kept.
            assert!(all.iter().filter(|one| one.is_exact).count() * 10 < all.len(), "{knows_secret}");
            assert!(in_the_query.clone().count() >= 4 && in_the_query.clone().all(is_nobody));
        }
    }

    #[test]
    fn whoever_is_let_in_asks_for_no_coding_that_nothing_has() {
        let corpus = Corpus::embedded().unwrap();
        // A role that the corpus has for somebody whom its own gate turns away.
        for role in ["user", "admin", "editor"] {
            let settings = Settings::default();
            let tokens = Tokens { corpus: &corpus, settings: &settings, knows_secret: true, now: 1_800_000_000 };
            let all = borrowed(tokens, role);
            let asks = |one: &&Borrowed| negotiates(&one.headers);
            assert!(!all.iter().filter(asks).any(|one| lets_in(&one.who, role)), "{role}");
            assert!(all.iter().filter(asks).count() > 0, "{role}: who is turned away is, whatever the coding");
        }
    }

    /// The claims of the token in a cookie, where they are an object.
    fn claims(one: &Borrowed) -> Option<serde_json::Map<String, serde_json::Value>> {
        let cookie = one.headers.iter().find(|(name, _)| name == "Cookie")?;
        let text = std::str::from_utf8(&cookie.1).ok()?.strip_prefix("nf_jwt=")?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?).ok()?).ok()
    }

    #[test]
    fn what_a_gate_asks_for_beside_the_token_changes_nothing_about_it() {
        let corpus = Corpus::embedded().unwrap();
        let plain = tokens(&corpus, &Settings::default(), true);
        let (issuer, audience) = (Some("https://id.example".to_owned()), Some("my \"site\" $(now)".to_owned()));
        let at = |path: &str| Settings { role_path: path.to_owned(), ..Settings::default() };
        for settings in [
            Settings { issuer: issuer.clone(), ..Settings::default() },
            Settings { audience: audience.clone(), ..Settings::default() },
            Settings { issuer, audience, role_path: "roles".to_owned(), ..Settings::default() },
            at("roles"),
            at("app_metadata.roles"),
            at("/https:~1~1site.example~1roles"),
            at("realm.access.of.roles"),
            Settings {
                secret: "another secret, of 64 bytes and more, that this test alone knows".to_owned(),
                ..at("a.b")
            },
        ] {
            let moved = tokens(&corpus, &settings, true);
            let of = |id: &str| moved.iter().find(|one| one.id == id);
            let mut missing = 0;
            for one in &plain {
                let Some(same) = of(&one.id) else {
                    missing += 1;
                    continue;
                };
                // Their own fault is what the gate asks for.
                let is_of_another = ["/other-issuer/", "/other-audience", "/issuer-as-role"];
                let is_of_another = is_of_another.iter().any(|part| one.id.contains(part));
                assert!(same.who == one.who || is_of_another, "{}: {settings:?}", one.id);
                if let Some(claims) = claims(same).filter(|claims| !claims.contains_key("alg")) {
                    let bears = |name: &str, own: &Option<String>| own.is_none() || claims.contains_key(name);
                    let bears = bears("iss", &settings.issuer) && bears("aud", &settings.audience);
                    assert!(bears, "{}: {settings:?}: {claims:?}", one.id);
                }
            }
            // A text that says in its own way where the roles are cannot be moved.
            let is_usual = settings.role_path == DEFAULT_ROLE_PATH;
            assert!(if is_usual { missing == 0 } else { missing * 10 < plain.len() }, "{missing}: {settings:?}");
            for (asked, part) in [(&settings.issuer, "issuer"), (&settings.audience, "audience")] {
                let (bad, good): (Vec<_>, Vec<_>) = moved
                    .iter()
                    .filter(|one| one.id.contains("keys/audience/"))
                    .partition(|one| one.who == Who::Nobody);
                let of = |all: &[&Borrowed]| {
                    let names = [format!("/other-{part}/"), format!("/no-{part}")];
                    all.iter().filter(|one| names.iter().any(|name| one.id.contains(name))).count()
                };
                assert!(if asked.is_some() { of(&bad) >= 11 && of(&good) == 0 } else { of(&bad) == 0 }, "{settings:?}");
            }
        }
    }
}
