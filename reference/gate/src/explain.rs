//! A decision in words: as JSON for programs, as text for people.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cookie;
use crate::decide::{Decision, Outcome, PassedOver};
use crate::path::Target;
use crate::query::Parameters;
use crate::request::{Origin, Request};
use crate::rules::{
    Condition, ConditionKey, ConditionKeys, Conditions, RoleCondition, Rule, RuleSet, is_of_a_function,
};
use crate::said::Said;
use crate::span::RuleFile;
use crate::visitor::Visitor;

/// A decision, ready to be written. The JSON members are stable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `bad-request`, `not-found`, `proxy`, `redirect`, `rewrite` or `serve`.
    pub outcome: &'static str,
    /// The status that is answered.
    pub status: u16,
    /// Where a redirect leads, or where a request is forwarded to.
    pub location: Option<String>,
    /// The file whose content is answered.
    pub file: Option<String>,
    /// The rule that decided.
    pub rule: Option<Deciding>,
    /// Whether the visitor did not satisfy a role condition that covers the path.
    pub denied: bool,
    /// The rules before it, in list order, each with the reason why it did not decide.
    pub passed_over: Vec<Passed>,
    /// Whether what the rule leads to is hidden because it is denied.
    #[serde(skip)]
    is_hidden: bool,
    /// Why the request target is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The rule that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deciding {
    /// The file that the rule stands in.
    pub file: &'static str,
    /// The line that the rule stands on.
    pub line: usize,
    /// The rule as written.
    pub text: String,
    /// The status that it names, 301 where it names none.
    pub status: u16,
    /// Its destination after substitution.
    pub target: String,
}

/// A rule that did not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// The file that the rule stands in.
    pub file: &'static str,
    /// The line that the rule stands on.
    pub line: usize,
    /// `condition`, `host`, `loop`, `path`, `query`, `role` or `sealed`.
    pub why: &'static str,
    /// The same in a sentence; empty for a rule that is for another path and has nothing to do with the request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The rule as written.
    #[serde(skip)]
    pub text: String,
}

/// `line 3` for a line of `_redirects`, with its file for another.
fn label(file: &str, line: usize) -> String {
    if file == RuleFile::Redirects.name() { format!("line {line}") } else { format!("{file} line {line}") }
}

impl Explanation {
    /// The explanation of what `rules` decided about a request of a visitor.
    ///
    /// TOKEN-11: it says why a token failed and which roles it holds, so it is for trusted eyes.
    pub fn new(rules: &RuleSet, decision: &Decision, request: &Request<'_>, visitor: &Visitor) -> Explanation {
        let rule = |place: usize| rules.rules().get(place);
        let said = Said::of(request);
        let (outcome, location, refused) = match &decision.outcome {
            Outcome::BadRequest(refused) => ("bad-request", None, Some(refused.to_string())),
            Outcome::NotFound { .. } => ("not-found", None, None),
            Outcome::Proxy { url } => ("proxy", Some(url.clone()), None),
            Outcome::Redirect { location, .. } => ("redirect", Some(location.clone()), None),
            Outcome::Rewrite { .. } => ("rewrite", None, None),
            Outcome::Serve { .. } => ("serve", None, None),
        };
        Explanation {
            outcome,
            status: decision.outcome.status(),
            location,
            file: decision.outcome.file().map(str::to_owned),
            rule: decision.by.and_then(rule).map(|rule| Deciding {
                file: rule.span.file.name(),
                line: rule.span.line,
                text: rule.text.clone(),
                status: rule.apply().map_or(0, |apply| apply.status),
                target: decision.target.clone().unwrap_or_default(),
            }),
            denied: decision.denied,
            is_hidden: matches!(decision.outcome, Outcome::NotFound { forced: true, .. }),
            passed_over: decision
                .passed_over
                .iter()
                .filter_map(|(place, why)| Some((rule(*place)?, *why)))
                .map(|(rule, why)| Passed {
                    file: rule.span.file.name(),
                    line: rule.span.line,
                    why: why.word(),
                    reason: reason(rule, why, decision.read.as_ref(), request, &said, visitor),
                    text: rule.text.clone(),
                })
                .collect(),
            refused,
        }
    }

    /// The text for a person: what is answered, then rule by rule why.
    ///
    /// Rules for other paths are counted and not listed.
    pub fn text(&self) -> String {
        let mut text = self.headline();
        text.push('\n');
        let places = self.passed_over.iter().map(|passed| (passed.file, passed.line));
        let places = places.chain(self.rule.as_ref().map(|rule| (rule.file, rule.line)));
        let width = places.map(|(file, line)| label(file, line).len()).max().unwrap_or_default();
        let mut entry = |file: &str, line: usize, rule: &str, reason: &str| {
            let rule: String = rule.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let label = label(file, line);
            // Writing to a string does not fail.
            let _ = write!(text, "\n  {label:>width$}  {rule}\n  {:width$}  {reason}\n", "");
        };
        for passed in self.passed_over.iter().filter(|passed| !passed.is_for_another_path()) {
            entry(passed.file, passed.line, &passed.text, &passed.reason);
        }
        let other_paths = self.for_other_paths();
        if let (Some(rule), Some(decides)) = (&self.rule, self.decides()) {
            entry(rule.file, rule.line, &rule.text, &decides);
        } else if self.refused.is_none() {
            text.push_str("\n  no rule decides\n");
        }
        if other_paths > 0 {
            let rules = if other_paths == 1 { "rule is" } else { "rules are" };
            let _ = write!(text, "\n  {other_paths} {rules} for other paths\n");
        }
        if self.denied {
            text.push_str("\n  the visitor is denied: the file at the requested path is never the answer\n");
            if self.rule.is_none() {
                text.push_str("  no later rule says what to show instead, so it is a 404\n");
            }
        }
        text
    }

    /// How many rules before the deciding one are for other paths and have nothing to do with the request.
    pub fn for_other_paths(&self) -> usize {
        self.passed_over.iter().filter(|passed| passed.is_for_another_path()).count()
    }

    /// What the deciding rule does, in a sentence; none where no rule decides.
    pub fn decides(&self) -> Option<String> {
        let rule = self.rule.as_ref()?;
        Some(if self.outcome == "serve" {
            "decides: it is not forced, and there is a file at the requested path".to_owned()
        } else {
            format!("decides: {} to {}{}", rule.status, rule.target, self.why_nothing(rule))
        })
    }

    /// Why a rule that decides shows nothing.
    fn why_nothing(&self, rule: &Deciding) -> &'static str {
        if self.outcome != "not-found" || (300..400).contains(&rule.status) {
            return "";
        }
        match () {
            () if is_of_a_function(&rule.target) => ", a function, and functions are not run here",
            () if self.denied && self.is_hidden => ", which leads back to what is denied",
            () => ", and there is no such file",
        }
    }

    /// What is answered, in one line.
    pub fn headline(&self) -> String {
        let status = self.status;
        let shown = |file: &Option<String>| file.as_ref().map(|file| format!(", showing {file}")).unwrap_or_default();
        let location = self.location.as_deref().unwrap_or_default();
        match (&self.refused, self.outcome) {
            (Some(refused), _) => format!("{status} bad request: {refused}"),
            (None, "redirect") => format!("{status} redirect to {location}"),
            (None, "proxy") => format!("{status} forwarded to {location}"),
            (None, "not-found") => format!("{status} not found{}", shown(&self.file)),
            (None, "serve") => format!("{status} the file at the requested path{}", shown(&self.file)),
            (None, _) => format!("{status} rewrite{}", shown(&self.file)),
        }
    }
}

impl Passed {
    /// Whether the rule has nothing to do with the request.
    pub fn is_for_another_path(&self) -> bool {
        self.why == PassedOver::Path.word() && self.reason.is_empty()
    }
}

/// Who asks, in words.
///
/// TOKEN-11: it says why a token failed and which roles it holds, so it is for trusted eyes.
pub fn visitor_in_words(visitor: &Visitor) -> String {
    match visitor {
        Visitor::Anonymous => "an anonymous visitor".to_owned(),
        Visitor::Rejected(error) => format!("an anonymous visitor (token rejected: {error})"),
        Visitor::Holder(roles) => match roles.iter().count() {
            0 => "a visitor with a valid token and no role".to_owned(),
            1 => format!("a visitor with role {}", quoted(roles.iter(), "and")),
            _ => format!("a visitor with roles {}", quoted(roles.iter(), "and")),
        },
    }
}

/// Why a rule did not decide, in a sentence; empty where it is for another path and has nothing to do with the request.
fn reason(
    rule: &Rule,
    why: PassedOver,
    target: Option<&Target>,
    request: &Request<'_>,
    said: &Said<'_>,
    visitor: &Visitor,
) -> String {
    let conditions = rule.apply().map(|apply| &apply.conditions);
    match why {
        PassedOver::Condition(unmet) => match conditions {
            Some(conditions) => format!("passed over: {}", unmet_in_words(conditions, unmet, said)),
            None => String::new(),
        },
        PassedOver::Host => passed_over_for_host(rule, target, request),
        PassedOver::Loop => "passed over: it would redirect the request to itself".to_owned(),
        PassedOver::OwnTree => "passed over: the path lies where such a redirect leads already".to_owned(),
        PassedOver::Path => String::new(),
        PassedOver::Query => passed_over_for_query(rule, target),
        PassedOver::Role => {
            let asked = conditions.and_then(|conditions| conditions.role.as_ref());
            format!("denies: {}", asked.map(|role| not_held(role, visitor, request)).unwrap_or_default())
        }
        // HEADERS-6
        PassedOver::Sealed if rule.span.file == RuleFile::Headers && rule.text.contains("`Basic-Auth`") => {
            "denies: it asks for a password, which this gate does not know how to ask for, so it admits nobody"
                .to_owned()
        }
        PassedOver::Sealed => "denies: this line is in error and names a role, so it admits nobody".to_owned(),
    }
}

/// What the rule asks for, and what the visitor has instead.
fn not_held(role: &RoleCondition, visitor: &Visitor, request: &Request<'_>) -> String {
    let asked = match role {
        RoleCondition::AnyToken => "any valid token".to_owned(),
        RoleCondition::AnyOf(roles) => quoted(roles.iter().map(String::as_str), "or"),
    };
    let wants = format!("it asks for {asked}");
    let sent_token = || cookie::pairs(request.cookie_lines()).any(|(name, _)| name == cookie::TOKEN_COOKIE.as_bytes());
    match visitor {
        // COOKIE-3
        Visitor::Anonymous if sent_token() => {
            format!("{wants}; the cookie `{}` is empty, or there twice with different values", cookie::TOKEN_COOKIE)
        }
        Visitor::Anonymous => format!("{wants}, and the visitor sent no token"),
        Visitor::Rejected(error) => format!("{wants}, and the visitor's token is rejected: {error}"),
        Visitor::Holder(held) if held.iter().next().is_none() => {
            format!("{wants}; the visitor's token is valid and holds no role")
        }
        Visitor::Holder(held) => {
            // ROLE-5
            let but_for_case = held.iter().find_map(|held| {
                let RoleCondition::AnyOf(roles) = role else { return None };
                roles.iter().find(|role| role.to_lowercase() == held.trim().to_lowercase()).map(|role| (held, role))
            });
            let hint = but_for_case.map_or(String::new(), |(held, role)| {
                format!(" (roles are compared exactly: `{}` is not `{}`)", held.escape_debug(), role.escape_debug())
            });
            format!("{wants}; the visitor holds {}{hint}", quoted(held.iter(), "and"))
        }
    }
}

/// COND-1: the conditions that do not hold, and what is known instead. RULES-10: one that nobody knows comes first.
fn unmet_in_words(conditions: &Conditions, unmet: ConditionKeys, said: &Said<'_>) -> String {
    let unmet = conditions.others().iter().filter(|condition| unmet.contains(condition.key));
    let (unknown, known): (Vec<_>, Vec<_>) = unmet.partition(|condition| condition.key == ConditionKey::Unknown);
    let all = unknown.into_iter().chain(known);
    let words: Vec<String> = all.map(|condition| in_words(condition, conditions.role.is_some(), said)).collect();
    words.join("; ")
}

fn in_words(condition: &Condition, beside_role: bool, said: &Said<'_>) -> String {
    let values = |last| quoted(condition.values.iter().map(String::as_str), last);
    let sent = |name: &str| said.cookie(name).map(text);
    match condition.key {
        ConditionKey::Country => {
            let known = match (sent("nf_country").filter(|_| !beside_role), said.country(true).map(text)) {
                (Some(chosen), _) => format!("the visitor has chosen `{chosen}` (cookie `nf_country`)"),
                (None, Some(country)) => format!("the visitor is in `{country}`"),
                (None, None) => "the visitor's country is not known".to_owned(),
            };
            // COND-3.role
            let ignored = beside_role && sent("nf_country").is_some();
            let hint = if ignored { "; beside a role the cookie `nf_country` does not count" } else { "" };
            format!("it asks for country {}; {known}{hint}", values("or"))
        }
        ConditionKey::Language => {
            let known = match (sent("nf_lang"), said.language()) {
                (Some(chosen), _) => format!("the visitor has chosen `{chosen}` (cookie `nf_lang`)"),
                (None, Some(tag)) => format!("the visitor's first language is `{}`", text(tag)),
                (None, None) => "the visitor names no language".to_owned(),
            };
            format!("it asks for language {}; {known}", values("or"))
        }
        ConditionKey::Cookie => format!("it asks for a cookie {} with a value, and there is none", values("or")),
        ConditionKey::Unknown => {
            format!("{} is no condition that anybody knows, so the rule never holds", values("and"))
        }
    }
}

fn passed_over_for_host(rule: &Rule, target: Option<&Target>, request: &Request<'_>) -> String {
    let own = rule.origin.as_ref().map(ToString::to_string).unwrap_or_default();
    let host = target.and_then(|target| target.host.as_deref()).or(request.host);
    match host {
        Some(host) => {
            format!("passed over: it is for `{own}`, and the request for `{}`", Origin::new(request.scheme, host))
        }
        None => format!("passed over: it is for `{own}`, and the request names no host"),
    }
}

fn passed_over_for_query(rule: &Rule, target: Option<&Target>) -> String {
    let keys = rule.query.iter().map(|one| text(&one.key)).collect::<Vec<_>>();
    let asked = quoted(keys.iter().map(String::as_str), "and");
    let sent = target.and_then(|target| target.query.as_deref().map(Parameters::parse)).unwrap_or_default();
    // QUERY-1, QUERY-2
    match sent.len() {
        0 => format!("passed over: it asks for the query parameters {asked}, and the request has none"),
        _ => format!("passed over: the query parameters are not exactly those it asks for, {asked}"),
    }
}

/// `` `a`, `b` or `c` ``
fn quoted<'a>(names: impl Iterator<Item = &'a str>, last: &str) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{}`", name.escape_debug())).collect();
    match names.pop() {
        Some(only) if names.is_empty() => only,
        Some(end) => format!("{} {last} {end}", names.join(", ")),
        None => String::new(),
    }
}

/// Bytes of a request as a person can read them.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

impl Outcome {
    /// The status that is answered; for [`Outcome::Proxy`] the one that the rule names.
    pub fn status(&self) -> u16 {
        match self {
            Outcome::BadRequest(refused) => refused.status(),
            Outcome::NotFound { .. } => 404,
            Outcome::Proxy { .. } | Outcome::Serve { .. } => 200,
            Outcome::Redirect { status, .. } | Outcome::Rewrite { status, .. } => *status,
        }
    }

    /// The name of the file whose content is answered.
    pub fn file(&self) -> Option<&str> {
        match self {
            Outcome::BadRequest(_) | Outcome::Proxy { .. } | Outcome::Redirect { .. } => None,
            Outcome::NotFound { page, .. } => page.as_deref(),
            Outcome::Rewrite { file, .. } | Outcome::Serve { file } => Some(file),
        }
    }
}

impl Decision {
    /// The places of the rules that denied the visitor, in list order.
    pub fn denials(&self) -> impl Iterator<Item = usize> + '_ {
        let denials = self.passed_over.iter().filter(|(_, why)| matches!(why, PassedOver::Role | PassedOver::Sealed));
        denials.map(|(place, _)| *place)
    }
}

impl PassedOver {
    /// The reason as one word.
    pub fn word(self) -> &'static str {
        match self {
            PassedOver::Condition(_) => "condition",
            PassedOver::Host => "host",
            PassedOver::Loop => "loop",
            PassedOver::OwnTree => "own-tree",
            PassedOver::Path => "path",
            PassedOver::Query => "query",
            PassedOver::Role => "role",
            PassedOver::Sealed => "sealed",
        }
    }
}
