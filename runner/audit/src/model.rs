//! The reference as the model of a user's rules. Nothing else in this crate knows it, but for the mint of the self-test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gatecheck::corpus::Settings;
use gatecheck_mutants::reference::{keys, token_settings};
use rolegate::decide::Outcome;
use rolegate::request::Request;
use rolegate::rules::{ConditionKey, Conditions, RoleCondition};
use rolegate::token::Time;
use rolegate::visitor::Visitor;
use rolegate::witness::{WORD, Witness};
use rolegate::{Claims, Keys, Rule, RuleSet, Scheme, decide, identify};
use rolegate_server::{DirSite, SiteOptions, Source};
use serde_json::{Map, Value};

/// A site as the gate reads it: rules in force, files, and where both lie.
#[derive(Debug)]
pub struct Model {
    rules: RuleSet,
    files: DirSite,
    /// The folder that is published.
    pub published: PathBuf,
    /// Its name; empty where it has none.
    pub folder: String,
    /// The rule files as they are read.
    pub texts: Texts,
    /// What the reader of the rules should know before anything is asked, a sentence each.
    pub notes: Vec<String>,
    /// Every rule in list order.
    pub views: Vec<RuleView>,
}

/// The rule files as they are read; empty where there is none.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// `_redirects`
    pub redirects: Vec<u8>,
    /// `netlify.toml`
    pub toml: Vec<u8>,
    /// `_headers`
    pub headers: Vec<u8>,
}

/// What a reader sees of a rule.
#[derive(Clone, Debug)]
pub struct RuleView {
    /// The rule file as the user named its folder.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The rule in one line, as written.
    pub text: String,
    /// Path and host of `from`.
    pub pattern: String,
    /// The conditions, as written.
    pub condition: String,
    /// The roles that it names.
    pub roles: Vec<String>,
    /// Whether it decides who sees its path.
    pub is_gate: bool,
    /// Whether it admits nobody, because it cannot be read.
    pub is_sealed: bool,
    /// Whether it leads to another server, or to a function.
    pub forwards: bool,
    /// Whether it sends a visitor elsewhere, so that no file need lie behind it.
    pub redirects: bool,
    /// The host that it is for; none where it is for every host.
    pub host: Option<String>,
    /// Whether it asks for a country, which nobody can choose.
    pub asks_country: bool,
    /// Whether it asks for query parameters.
    pub asks_query: bool,
    /// Whether it asks for more than a path and a role: query parameters, a country, a language, a cookie.
    pub asks_more: bool,
    /// Where sources disagree about such a rule, the requirement that says so.
    pub contested: Option<&'static str>,
    /// The path that it leads to, with its names, where that is a path of this site.
    pub to: Option<String>,
}

/// A request, as the model is asked about it.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The request target.
    pub target: Vec<u8>,
    /// `GET` or `HEAD`.
    pub method: String,
    /// The host.
    pub host: Option<String>,
    /// Whether the connection is encrypted.
    pub https: bool,
    /// Header lines.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The country, where it is known.
    pub country: Option<String>,
}

/// Who asks, as far as the rules care.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Who {
    /// Nobody known.
    #[default]
    Nobody,
    /// Whose token counts, with these roles.
    Holder(Vec<String>),
}

/// What the rules say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// What is answered.
    pub answer: Answer,
    /// The rule that decides, by its place in the list.
    pub by: Option<usize>,
    /// Whether a role that covers the path is missing.
    pub denied: bool,
    /// The gates that did not let the visitor in.
    pub closed_by: Vec<usize>,
}

/// What is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The request target has no safe reading.
    Refused(u16),
    /// Nothing to show.
    NotFound,
    /// The request goes on to another server, or to a function.
    Forwarded,
    /// The visitor is sent elsewhere.
    Redirect {
        /// The status.
        status: u16,
        /// The `Location`.
        location: String,
    },
    /// A file is shown.
    Shown {
        /// The status.
        status: u16,
        /// The file.
        file: String,
    },
}

/// A request that a rule is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Made {
    /// The request target.
    pub target: String,
    /// The host that the rule names.
    pub host: Option<String>,
    /// Header lines that its conditions ask for.
    pub headers: Vec<(String, String)>,
    /// The country that its conditions ask for.
    pub country: Option<String>,
}

/// Where functions of a site are called.
const FUNCTIONS: [&str; 2] = ["/.netlify/functions/", "/.netlify/builders/"];

impl Model {
    /// Reads a site: `folder` is the root of its project, or the folder that is published.
    ///
    /// # Errors
    /// What the gate would not start with, in a sentence.
    pub fn read(folder: &Path, toml: Option<&Path>) -> Result<Self, String> {
        let (rules, source) = Source::read(folder, toml).map_err(|error| error.to_string())?;
        if let Some(note) = source.layout.refusal() {
            return Err(format!("{}: {}", note.message, note.help));
        }
        if !source.layout.is_built {
            return Err(format!("`{}` is not there: build the site first", source.layout.published.display()));
        }
        if let Some(problem) = source.refusal() {
            let name = source.name(problem.span.file);
            return Err(format!("{name}:{}: {}; no gate starts with it", problem.span.line, problem.message));
        }
        let options = SiteOptions { memory: 0, longest: 0, compress: false, ..SiteOptions::default() };
        let published = source.layout.published.clone();
        let files = DirSite::open_with(&published, options).map_err(|error| error.to_string())?;
        let notes = source.layout.notes.iter().map(|note| format!("{}: {}", note.message, note.help)).collect();
        let texts = Texts {
            redirects: source.redirects.bytes().to_vec(),
            toml: source.toml.bytes().to_vec(),
            headers: source.headers.bytes().to_vec(),
        };
        let mut seen = BTreeSet::new();
        let views = rules.rules().iter().map(|rule| view(rule, &source, &mut seen)).collect();
        let folder = published.canonicalize().unwrap_or_default();
        let folder = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { rules, files, published, folder, texts, notes, views })
    }

    /// The names of the files, with a slash in front, in byte order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.names()
    }

    /// The content of a file.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.published.join(name.trim_start_matches('/'))).ok()
    }

    /// A request that the rule at this place is for, with `word` in the place of each free segment.
    #[must_use]
    pub fn made(&self, place: usize, word: &str) -> Option<Made> {
        let rule = self.rules.rules().get(place)?;
        let Witness { target, host, headers, country, .. } = Witness::of(rule, word);
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Some(Made { target, host, headers, country })
    }

    /// The word that stands for a free segment where nothing better is known.
    #[must_use]
    pub fn word() -> &'static str {
        WORD
    }

    /// What the rules say to a request.
    #[must_use]
    pub fn decide(&self, ask: &Ask, who: &Who) -> Said {
        let headers: Vec<(&str, &[u8])> =
            ask.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let request = Request {
            method: &ask.method,
            target: &ask.target,
            host: ask.host.as_deref(),
            scheme: if ask.https { Scheme::Https } else { Scheme::Http },
            headers: &headers,
            country: ask.country.as_deref(),
        };
        let visitor = match who {
            Who::Nobody => Visitor::Anonymous,
            Who::Holder(roles) => Visitor::with_roles(roles.iter().map(String::as_str)),
        };
        let decision = decide(&self.rules, &request, &visitor, &self.files);
        let to_function = decision.target.as_deref().is_some_and(is_function);
        let closed_by = decision.denials().collect();
        let answer = match decision.outcome {
            Outcome::BadRequest(refused) => Answer::Refused(refused.status()),
            Outcome::Proxy { .. } => Answer::Forwarded,
            Outcome::Redirect { status, location } => Answer::Redirect { status, location },
            _ if to_function => Answer::Forwarded,
            Outcome::NotFound { .. } => Answer::NotFound,
            Outcome::Rewrite { status, file } => Answer::Shown { status, file },
            Outcome::Serve { file } => Answer::Shown { status: 200, file },
        };
        Said { answer, by: decision.by, denied: decision.denied, closed_by }
    }
}

/// Who sends these header lines to a gate with these settings; `None` where it will be somebody else before long, because a token runs out.
#[must_use]
pub fn who_sends(headers: &[(String, Vec<u8>)], settings: &Settings, now: i64) -> Option<Who> {
    let (keys, settings) = (keys(settings).ok()?, token_settings(settings).ok()?);
    let lines = || {
        let cookies = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        cookies.map(|(_, value)| value.as_slice())
    };
    let at = |seconds: i64| match identify(lines(), &keys, &settings, Time::from_seconds(seconds)) {
        Visitor::Holder(roles) => Who::Holder(roles.iter().map(|role| role.to_string()).collect()),
        Visitor::Anonymous | Visitor::Rejected(_) => Who::Nobody,
    };
    let (then, later) = (at(now), at(now.saturating_add(300)));
    (then == later).then_some(then)
}

/// What stands in a token that somebody handed over. Whether its signature is right, only its key says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Inside {
    /// The roles where the gate looks for them.
    pub roles: Vec<String>,
    /// When it runs out, and from when on it counts, in seconds since the epoch.
    pub times: (Option<i64>, Option<i64>),
}

/// Looks into a token; `None` where it is no JSON Web Token (RFC 7519 §7.2).
#[must_use]
pub fn look_into(token: &[u8], role_path: &str) -> Option<Inside> {
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let [header, claims, _] = parts.as_slice() else { return None };
    let object = |part: &[u8]| -> Option<Map<String, Value>> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    object(header)?;
    let claims = object(claims)?;
    #[expect(clippy::cast_possible_truncation, reason = "a time is a whole number of seconds here, and saturates")]
    let time = |name: &str| claims.get(name).and_then(Value::as_f64).map(|seconds| seconds as i64);
    let times = (time("exp"), time("nbf"));
    let roles = Claims::new(claims.clone()).roles(&role_path.parse().ok()?);
    Some(Inside { roles: roles.iter().map(str::to_owned).collect(), times })
}

/// Whether a text can be a secret, and if not why.
///
/// # Errors
/// A sentence.
pub fn check_secret(secret: &str) -> Result<(), String> {
    Keys::hs256(secret.as_bytes()).map(|_| ()).map_err(|error| error.to_string())
}

fn is_function(path: &str) -> bool {
    FUNCTIONS.iter().any(|start| path.starts_with(start))
}

fn view(rule: &Rule, source: &Source, seen: &mut BTreeSet<String>) -> RuleView {
    let apply = rule.apply();
    let to = apply.filter(|apply| !apply.to.is_absolute()).map(|apply| apply.to.to_string());
    let conditions = apply.map(|apply| apply.conditions.to_string()).unwrap_or_default();
    let roles = match rule.role() {
        Some(RoleCondition::AnyOf(roles)) => roles.clone(),
        _ => Vec::new(),
    };
    let mut text = rule.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        text = rule.to_string();
    }
    let is_double = !seen.insert(format!("{:?} {text}", rule.span.file));
    RuleView {
        file: source.name(rule.span.file).trim_start_matches("./").to_owned(),
        line: u64::try_from(rule.span.line).unwrap_or_default().max(1),
        pattern: match &rule.origin {
            Some(origin) => format!("{origin}{}", rule.pattern),
            None => rule.pattern.to_string(),
        },
        condition: if rule.is_sealed() { "sealed".to_owned() } else { conditions.trim().to_owned() },
        roles,
        is_gate: rule.is_gate(),
        is_sealed: rule.is_sealed(),
        redirects: apply.is_some_and(|apply| apply.is_redirect()),
        forwards: rule.is_proxy() || to.as_deref().is_some_and(is_function),
        host: rule.origin.as_ref().map(|origin| origin.host().to_owned()),
        asks_country: apply.is_some_and(|apply| !apply.conditions.values(ConditionKey::Country).is_empty()),
        asks_query: !rule.query.is_empty(),
        asks_more: !rule.query.is_empty() || apply.is_some_and(|apply| asks_more(&apply.conditions)),
        contested: contested(rule, is_double),
        to,
        text,
    }
}

/// Whether there are conditions beside the role.
fn asks_more(conditions: &Conditions) -> bool {
    conditions.others().iter().any(|condition| condition.key != ConditionKey::Unknown)
}

/// The SURVEY requirement that such a rule falls under.
fn contested(rule: &Rule, is_double: bool) -> Option<&'static str> {
    let apply = rule.apply()?;
    let pattern = rule.pattern.to_string();
    let stars = pattern.matches('*').count();
    let conditions = &apply.conditions;
    let has_colon =
        matches!(rule.role(), Some(RoleCondition::AnyOf(roles)) if roles.iter().any(|role| role.contains(':')));
    let repeated = rule.text.to_ascii_lowercase().matches(" role=").count() > 1;
    let checks = [
        (stars > 1 || (stars == 1 && !pattern.ends_with("/*")), "MATCH-8"),
        (matches!(apply.status, 303 | 307 | 308), "STATUS-1.other-redirects"),
        (matches!(apply.status, 403 | 410 | 451), "STATUS-3.other-errors"),
        (
            !matches!(apply.status, 200 | 301 | 302 | 303 | 307 | 308 | 401 | 403 | 404 | 410 | 451),
            "RULES-11.status-range",
        ),
        (apply.to.to_string().contains('*'), "SUBST-6"),
        (repeated, "RULES-11.repeated-role"),
        (is_double, "RULES-11.duplicate-lines"),
        (has_colon, "ROLE-8"),
        (rule.role().is_some() && asks_more(conditions), "ROLE-7.elsewhere"),
    ];
    checks.into_iter().find(|(holds, _)| *holds).map(|(_, id)| id)
}
