//! A decision in words: as JSON for programs, as text for people.

use std::fmt::Write as _;

use serde::Serialize;

use crate::decide::{Decision, Outcome, PassedOver};
use crate::rules::{Rule, RuleSet};

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
    /// Why the request target is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The rule that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deciding {
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
    /// The line that the rule stands on.
    pub line: usize,
    /// `condition`, `host`, `loop`, `path`, `query`, `role` or `sealed`.
    pub why: &'static str,
    #[serde(skip)]
    reason: String,
    #[serde(skip)]
    text: String,
}

impl Explanation {
    /// The explanation of a decision made by `rules`.
    pub fn new(rules: &RuleSet, decision: &Decision) -> Explanation {
        let rule = |place: usize| rules.rules().get(place);
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
                line: rule.span.line,
                text: rule.text.clone(),
                status: rule.apply().map_or(0, |apply| apply.status),
                target: decision.target.clone().unwrap_or_default(),
            }),
            denied: decision.denied,
            passed_over: decision
                .passed_over
                .iter()
                .filter_map(|(place, why)| Some((rule(*place)?, *why)))
                .map(|(rule, why)| Passed {
                    line: rule.span.line,
                    why: why.word(),
                    reason: reason(rule, why),
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
        let width = self
            .passed_over
            .iter()
            .map(|passed| passed.line)
            .chain(self.rule.as_ref().map(|rule| rule.line))
            .max()
            .map_or(1, |line| line.to_string().len());
        let mut entry = |line: usize, rule: &str, reason: &str| {
            let rule: String = rule.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            // Writing to a string does not fail.
            let _ = write!(text, "\n  line {line:>width$}  {rule}\n  {:indent$}  {reason}\n", "", indent = width + 5);
        };
        let mut other_paths = 0;
        for passed in &self.passed_over {
            if passed.why == PassedOver::Path.word() && passed.reason.is_empty() {
                other_paths += 1;
            } else {
                entry(passed.line, &passed.text, &passed.reason);
            }
        }
        if let Some(rule) = &self.rule {
            let shadowed = if self.outcome == "serve" {
                "decides: it is not forced, and there is a file at the requested path".to_owned()
            } else {
                format!("decides: {} to {}", rule.status, rule.target)
            };
            entry(rule.line, &rule.text, &shadowed);
        } else if self.refused.is_none() {
            text.push_str("\n  no rule decides\n");
        }
        if other_paths > 0 {
            let rules = if other_paths == 1 { "rule is" } else { "rules are" };
            let _ = write!(text, "\n  {other_paths} {rules} for other paths\n");
        }
        if self.denied {
            text.push_str("\n  the visitor is denied: the file at the requested path is never the answer\n");
        }
        text
    }

    fn headline(&self) -> String {
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

/// Why a rule did not decide, in a sentence; empty where it is for another path and has nothing to do with the request.
fn reason(rule: &Rule, why: PassedOver) -> String {
    match why {
        PassedOver::Condition => {
            let conditions = rule.apply().map(|apply| apply.conditions.to_string()).unwrap_or_default();
            format!("passed over: not all of `{}` hold", conditions.trim())
        }
        PassedOver::Host => "passed over: it is for another scheme or host".to_owned(),
        PassedOver::Loop => "passed over: it would redirect the request to itself".to_owned(),
        PassedOver::Path => String::new(),
        PassedOver::Query => "passed over: the query parameters are not exactly those it asks for".to_owned(),
        PassedOver::Role => "denies: the visitor holds no valid token with a role that it asks for".to_owned(),
        PassedOver::Sealed => "denies: this line is in error and names a role, so it admits nobody".to_owned(),
    }
}
