//! Gates that did not start or could not be reached: on which sites, and why. The same reason is told once.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gates::without_folders;

/// No more sites than this are told by name.
const NAMED: usize = 3;

/// Sites on which there was no gate, for one reason.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct NoGate {
    /// The suites of the sites; none where it is not for the site that there is no gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// What went wrong, whole.
    pub reason: String,
}

impl NoGate {
    /// Notes sites that a gate did not start for, with those that it did not start for by the same reason.
    pub fn note(self, all: &mut Vec<Self>) {
        let said = without_folders(&self.reason);
        match all.iter_mut().find(|other| without_folders(&other.reason) == said) {
            Some(other) => other.sites.extend(self.sites),
            None => all.push(self),
        }
    }
}

impl fmt::Display for NoGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sites, reason } = self;
        let (named, rest) = sites.split_at_checked(NAMED).unwrap_or((sites, &[]));
        match (named, rest.len()) {
            ([], _) => write!(f, "{reason}"),
            (named, 0) => write!(f, "the gate did not start for {}: {reason}", named.join(", ")),
            (named, more) => write!(f, "the gate did not start for {} and {more} more: {reason}", named.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_reason_is_told_once() {
        let mut all = Vec::new();
        for (site, folder, said) in [
            ("role/any", "/tmp/gatecheck-aB1/_redirects", "no secret in"),
            ("role/list", "/tmp/gatecheck-Zz9/_redirects", "no secret in"),
            ("toml/any", "/tmp/gatecheck-Zz9/netlify.toml", "cannot read"),
            ("role/more", "/tmp/gatecheck-Zy1/_redirects", "no secret in"),
            ("role/most", "/tmp/gatecheck-Zy2/_redirects", "no secret in"),
        ] {
            NoGate { sites: vec![site.to_owned()], reason: format!("{said} {folder}") }.note(&mut all);
        }
        NoGate { sites: Vec::new(), reason: "it is not there".to_owned() }.note(&mut all);
        let told: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "the gate did not start for role/any, role/list, role/more and 1 more: no secret in /tmp/gatecheck-aB1/_redirects",
                "the gate did not start for toml/any: cannot read /tmp/gatecheck-Zz9/netlify.toml",
                "it is not there",
            ]
        );
    }
}
