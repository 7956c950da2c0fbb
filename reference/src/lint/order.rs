//! What can be said only of a rule among the others: warnings, none of which changes what a rule does.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;

use crate::path::RequestPath;
use crate::problem::{Fix, Problem, Severity};
use crate::query::Parameters;
use crate::rules::{Apply, Captures, Conditions, Rule, RuleSet};
use crate::span::{RuleFile, Span};

/// No more than so many rules that can match a path are looked at, so that no file takes time in its square.
const LOOKED_AT: usize = 64;

pub(super) fn problems(set: &RuleSet) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = HashMap::new();
    for (place, rule) in set.rules().iter().enumerate() {
        if let Some(problem) = duplicate(rule, &mut seen) {
            problems.push(problem);
            continue;
        }
        problems.extend(shadowed_gate(place, rule, set));
        problems.extend(leads_into_gate(rule, set));
    }
    problems
}

/// RULES-11: an exact duplicate never decides.
fn duplicate(rule: &Rule, seen: &mut HashMap<String, Span>) -> Option<Problem> {
    let apply = rule.apply()?;
    let mut meaning = rule.to_string();
    if !apply.headers.is_empty() {
        // Writing to a text cannot fail.
        let _ = write!(meaning, " {:?}", apply.headers);
    }
    let first = match seen.entry(meaning) {
        Entry::Vacant(entry) => {
            entry.insert(rule.span);
            return None;
        }
        Entry::Occupied(entry) => *entry.get(),
    };
    let message = format!("this rule already stands on {}, where it is met first", place_of(first, rule.span));
    let fix = (rule.span.file == RuleFile::Redirects).then_some(Fix::RemoveLine);
    Some(Problem { fix, ..warning(rule, "duplicate", message, "remove this line") })
}

/// `line 3`, or `line 3 of _redirects` where that is another file than the one that is spoken of.
fn place_of(span: Span, from: Span) -> String {
    if span.file == from.file { format!("line {}", span.line) } else { format!("line {} of {}", span.line, span.file) }
}

/// Whether a rule decides for everybody whose path it matches.
fn is_public(rule: &Rule) -> bool {
    let unconditional = |apply: &Apply| apply.conditions == Conditions::default();
    rule.origin.is_none() && rule.query.is_empty() && rule.apply().is_some_and(unconditional)
}

/// SHADOW-2: the first match is chosen before anything else, so a public rule above a gate leaves nothing to it.
fn shadowed_gate(place: usize, rule: &Rule, set: &RuleSet) -> Option<Problem> {
    if !rule.is_gate() {
        return None;
    }
    let path = rule.pattern.example("-");
    let above = set
        .candidates::<String>(&path, [], rule.origin.as_ref(), &Parameters::default())
        .take(LOOKED_AT)
        .take_while(|at| *at < place)
        .filter_map(|at| set.rules().get(at))
        .find(|above| is_public(above) && above.pattern.covers(&rule.pattern))?;
    let message =
        format!("nobody is ever asked for a role here: {} matches these paths first", place_of(above.span, rule.span));
    Some(warning(rule, "gate-shadowed", message, "move this line above it"))
}

/// STATUS-4: the target of a rewrite is not matched again.
fn leads_into_gate(rule: &Rule, set: &RuleSet) -> Option<Problem> {
    let apply = rule.apply().filter(|apply| !(300..400).contains(&apply.status) && !apply.to.is_absolute())?;
    if rule.role().is_some() {
        return None;
    }
    // With nothing captured, names are empty, and what is left is where every target lies.
    let target = apply.to.substitute(&Captures::default());
    let path = RequestPath::parse(target.path.as_bytes()).ok()?;
    let gate = set
        .candidates::<String>(&path, [], rule.origin.as_ref(), &Parameters::default())
        .filter_map(|at| set.rules().get(at))
        .take(LOOKED_AT)
        .take_while(|other| !is_public(other))
        .find(|other| other.is_gate() && other.pattern.matches(&path))?;
    // The denial response of a gate over a whole site lies inside it.
    if gate.pattern == rule.pattern {
        return None;
    }
    let message = format!(
        "this leads into `{}`, which {} gates, and the target of a rewrite is not matched again",
        gate.pattern,
        place_of(gate.span, rule.span)
    );
    Some(warning(rule, "leads-into-gate", message, "add the same `Role=` here, or lead elsewhere"))
}

fn warning(rule: &Rule, id: &'static str, message: String, help: &str) -> Problem {
    Problem {
        id,
        severity: Severity::Warning,
        span: rule.span,
        message,
        help: help.to_owned(),
        note: None,
        fix: None,
        refuses_to_start: false,
    }
}
