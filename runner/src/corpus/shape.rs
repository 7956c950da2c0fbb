//! What the rules of a suite ask of a gate, and whether a gate that reads no rules can be asked them.
//!
//! A gate may read rules without roles, as hosts of pages do, or tokens without rules, as whatever stands before one path. What it lacks are the features
//! `role`, `placeholder`, `splat` and `rules`; they are read off the rules, so that no suite has to name them.

use std::collections::BTreeSet;

use super::Suite;

/// A feature that is read off the rules and cases, and named by no suite.
pub const OF_THE_RULES: [&str; 5] = ["cache-fields", "placeholder", "role", "rules", "splat"];

/// The one gate of a site that has no other rules: what a gate has to be told that reads none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OneGate {
    /// The path that is guarded, without a slash at its end, and everything below it.
    pub path: String,
    /// The role that opens it.
    pub role: String,
}

/// A line of rules that is in force, in its fields.
fn lines(suite: &Suite) -> impl Iterator<Item = Vec<&str>> {
    let text = std::str::from_utf8(&suite.rules).unwrap_or_default();
    text.lines()
        .map(|line| line.split([' ', '\t']).filter(|field| !field.is_empty()).collect::<Vec<_>>())
        .filter(|fields| fields.first().is_some_and(|first| !first.starts_with('#')))
}

/// Whether a line names a role, however it is written.
fn names_a_role(fields: &[&str]) -> bool {
    // A line whose fields are joined by commas has one field.
    let joined = fields.first().is_some_and(|first| first.to_ascii_lowercase().contains("role="));
    joined || fields.iter().skip(1).any(|field| field.to_ascii_lowercase().contains("rol"))
}

/// What the rules of a suite ask of a gate.
#[must_use]
pub fn features(suite: &Suite) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let toml = suite.toml.is_some();
    if toml || lines(suite).any(|line| names_a_role(&line)) || std::str::from_utf8(&suite.rules).is_err() {
        found.insert("role");
    }
    let first = |line: &Vec<&str>| line.first().map(|from| (*from).to_owned()).unwrap_or_default();
    if lines(suite).any(|line| first(&line).contains("/:")) {
        found.insert("placeholder");
    }
    if lines(suite).any(|line| first(&line).contains('*')) {
        found.insert("splat");
    }
    if one_gate(suite).is_none() {
        found.insert("rules");
    }
    found
}

/// The one gate of a suite whose rules say nothing else: `/p/* /p/:splat 200! Role=r`, and what whoever is denied gets.
#[must_use]
pub fn one_gate(suite: &Suite) -> Option<OneGate> {
    if suite.toml.is_some() || suite.headers.is_some() {
        return None;
    }
    let all: Vec<Vec<&str>> = lines(suite).collect();
    let (gate, rest) = all.split_first()?;
    let [from, to, "200!", condition] = gate.as_slice() else { return None };
    let path = from.strip_suffix("/*").filter(|path| path.starts_with('/') && !path.contains([':', '*', '%']))?;
    let role = condition.strip_prefix("Role=").filter(|role| !role.contains([',', '*', '"']))?;
    let denial = match rest {
        [] => true,
        [line] => {
            matches!(line.as_slice(), [again, _, status] if again == from && ["302", "401", "404"].contains(status))
        }
        _ => false,
    };
    (to.strip_suffix("/:splat") == Some(path) && denial && !role.is_empty())
        .then(|| OneGate { path: path.to_owned(), role: role.to_owned() })
}

/// The text of the rules without the lines that name a role, and where those stood: the beginning of each path up to its first star or name.
#[must_use]
pub fn without_roles(suite: &Suite) -> (Vec<u8>, Vec<String>) {
    let text = String::from_utf8_lossy(&suite.rules).into_owned();
    let mut kept = String::new();
    let mut closed = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split([' ', '\t']).filter(|field| !field.is_empty()).collect();
        let comment = fields.first().is_none_or(|first| first.starts_with('#'));
        if !comment && names_a_role(&fields) {
            let from = fields.first().copied().unwrap_or_default();
            let beginning = from.split(['*', ':']).next().unwrap_or_default();
            closed.push(beginning.trim_end_matches('/').to_owned());
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    (kept.into_bytes(), closed)
}
