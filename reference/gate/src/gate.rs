//! The gate: rules, settings and site, checked to belong together before the first request.

use crate::decide::{Decision, decide};
use crate::edge::Edge;
use crate::request::Request;
use crate::rule_set::RuleSet;
use crate::site::Site;
use crate::span::Span;
use crate::token::{Keys, Time, TokenSettings};
use crate::visitor::{Visitor, identify};

/// A gate that can answer requests. It holds no key and no state between requests: whoever asks it brings the keys that are
/// in force.
#[derive(Debug)]
pub struct Gate<S: Site> {
    rules: RuleSet,
    settings: TokenSettings,
    site: S,
    edge: Edge,
}

/// Why a gate does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// RULES-9: a line names a role, and its path cannot be read.
    #[error("line {}: this rule names a role, and its path cannot be read", .0.line)]
    UnreadableRoleRule(Span),
    /// HEADERS-6: a line of `_headers` asks for a password, and its path cannot be read.
    #[error("line {}: `Basic-Auth` stands under no path that can be read", .0.line)]
    UnreadableBasicAuth(Span),
    /// ROLE-10: a rule names a role, and there is no key to verify a token with.
    #[error("line {}: this rule asks for a role, and no key to verify tokens is configured", .0.line)]
    RoleRuleWithoutKey(Span),
}

impl StartError {
    /// The rule that is at fault.
    pub fn span(&self) -> Span {
        match self {
            StartError::UnreadableRoleRule(span)
            | StartError::UnreadableBasicAuth(span)
            | StartError::RoleRuleWithoutKey(span) => *span,
        }
    }
}

impl<S: Site> Gate<S> {
    /// A gate over `site` that starts with `keys`.
    ///
    /// # Errors
    /// [`StartError`] where answering requests would leave open what the rules mean to close.
    pub fn new(rules: RuleSet, keys: &Keys, settings: TokenSettings, site: S) -> Result<Gate<S>, StartError> {
        // RULES-9
        if let Some(span) = rules.unreadable().first() {
            return Err(StartError::UnreadableRoleRule(*span));
        }
        // ROLE-10
        if keys.is_empty()
            && let Some(rule) = rules.rules().iter().find(|rule| rule.role().is_some())
        {
            return Err(StartError::RoleRuleWithoutKey(rule.span));
        }
        // HEADERS-6
        if let Some(span) = rules.unreadable_headers().first() {
            return Err(StartError::UnreadableBasicAuth(*span));
        }
        Ok(Gate { rules, settings, site, edge: Edge::default() })
    }

    /// The same gate, which believes what `edge` says; a new one believes nobody but the connection.
    #[must_use]
    pub fn with_edge(self, edge: Edge) -> Gate<S> {
        Gate { edge, ..self }
    }

    /// The decision about one request at the time `now`, with these keys in force.
    pub fn decide(&self, request: &Request<'_>, keys: &Keys, now: Time) -> Decision {
        self.decide_for(request, &identify(request.cookie_lines(), keys, &self.settings, now))
    }

    /// The decision about a request of a visitor who is known already.
    pub fn decide_for(&self, request: &Request<'_>, visitor: &Visitor) -> Decision {
        decide(&self.rules, request, visitor, &self.site)
    }

    /// The rules, in list order.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// How tokens are read.
    pub fn settings(&self) -> &TokenSettings {
        &self.settings
    }

    /// Whom the gate believes about a visitor.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The site behind the gate.
    pub fn site(&self) -> &S {
        &self.site
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::MemorySite;

    fn start(rules: &str, key: Option<&[u8]>) -> Result<(), StartError> {
        let rules = RuleSet::parse(rules.as_bytes()).rules;
        let keys = key.map_or_else(Keys::none, |secret| Keys::hs256(secret).unwrap());
        Gate::new(rules, &keys, TokenSettings::default(), MemorySite::default()).map(|_| ())
    }

    #[test]
    fn what_does_not_start() {
        let secret = Some(&b"secret"[..]);
        assert_eq!(start("/a /b", None), Ok(()));
        assert_eq!(start("/a /b 200! Role=x", secret), Ok(()));
        assert!(
            matches!(start("/a /b\n/a /b 200! Role=x", None), Err(StartError::RoleRuleWithoutKey(span)) if span.line == 2)
        );
        assert!(
            matches!(start("a /b 200! Role=x", secret), Err(StartError::UnreadableRoleRule(span)) if span.line == 1)
        );
        // A sealed line needs no key: no token could open it.
        assert_eq!(start("/a /b Role=x", None), Ok(()));
    }
}
