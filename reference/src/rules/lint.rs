//! What can be said only of a rule among the others: warnings, none of which changes what a rule does.

use std::collections::HashMap;

use super::captures::Captures;
use super::fields;
use super::pattern::{Pattern, Segment};
use super::{Apply, Rule, RuleSet};
use crate::path::RequestPath;
use crate::problem::{Problem, Severity};
use crate::query::Parameters;

/// Patterns with more segments are not looked up by their parents, which would take time in their square.
const MAX_DEPTH: usize = 16;

pub(super) fn problems(set: &RuleSet) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut lines = HashMap::new();
    let mut public: HashMap<&Pattern, &Rule> = HashMap::new();
    for rule in &set.rules {
        if let Some(problem) = duplicate(rule, &mut lines) {
            problems.push(problem);
        } else {
            problems.extend(shadowed_gate(rule, &public));
            problems.extend(leads_into_gate(rule, set));
        }
        if is_public(rule) {
            public.entry(&rule.pattern).or_insert(rule);
        }
    }
    problems
}

/// RULES-11: an exact duplicate never decides.
fn duplicate(rule: &Rule, lines: &mut HashMap<String, usize>) -> Option<Problem> {
    let fields: Vec<&str> = fields::fields(&rule.text).iter().map(|field| field.text).collect();
    let first = *lines.entry(fields.join(" ")).or_insert(rule.span.line);
    let message = || format!("this rule already stands on line {first}, where it is met first");
    (first != rule.span.line).then(|| warning(rule, "duplicate", message(), "remove this line"))
}

/// Whether a rule decides for everybody whose path it matches.
fn is_public(rule: &Rule) -> bool {
    let unconditional = |apply: &Apply| apply.conditions == super::Conditions::default();
    rule.origin.is_none() && rule.query.is_empty() && rule.apply().is_some_and(unconditional)
}

/// SHADOW-2: the first match is chosen before anything else, so a public rule above a gate leaves nothing to it.
fn shadowed_gate(rule: &Rule, public: &HashMap<&Pattern, &Rule>) -> Option<Problem> {
    if public.is_empty() || !rule.is_gate() || rule.pattern.head.len() > MAX_DEPTH {
        return None;
    }
    let parents = (0..=rule.pattern.head.len()).filter_map(|length| {
        let head = rule.pattern.head.get(..length)?;
        let is_whole = !head.iter().any(|segment| matches!(segment, Segment::Prefix(_)));
        let parent = Pattern { head: head.to_vec(), middles: Vec::new(), splat: true };
        is_whole.then(|| public.get(&parent)).flatten()
    });
    let above = parents.chain(public.get(&rule.pattern)).min_by_key(|above| above.span.line)?;
    let message = format!("nobody is ever asked for a role here: line {} matches these paths first", above.span.line);
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
        .filter_map(|at| set.rules.get(at))
        .take_while(|other| !is_public(other))
        .find(|other| other.is_gate() && other.pattern.matches(&path))?;
    // The denial response of a gate over a whole site lies inside it.
    if gate.pattern == rule.pattern {
        return None;
    }
    let message = format!(
        "this leads into `{}`, which line {} gates, and the target of a rewrite is not matched again",
        gate.pattern, gate.span.line
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
        refuses_to_start: false,
    }
}
