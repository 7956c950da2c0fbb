//! The gate: rules, key, settings and site, checked to belong together before the first request.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::cookie;
use crate::decide::{Decision, decide};
use crate::edge::Edge;
use crate::files::DirSite;
use crate::proxy::sign::Signatures;
use crate::request::Request;
use crate::rules::RuleSet;
use crate::site::Site;
use crate::span::Span;
use crate::token::{self, KeyRing, Time, TokenError, TokenSettings};
use crate::visitor::{Visitor, identify};

/// A gate that can answer requests. Holds no state between them.
#[derive(Debug)]
pub struct Gate<S: Site> {
    rules: RuleSet,
    keys: KeyRing,
    settings: TokenSettings,
    site: S,
    edge: Edge,
    signatures: Signatures,
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
    /// A gate over `site`.
    ///
    /// # Errors
    /// [`StartError`] where answering requests would leave open what the rules mean to close.
    pub fn new(
        rules: RuleSet,
        keys: impl Into<KeyRing>,
        settings: TokenSettings,
        site: S,
    ) -> Result<Gate<S>, StartError> {
        let keys = keys.into();
        // RULES-9
        if let Some(span) = rules.unreadable().first() {
            return Err(StartError::UnreadableRoleRule(*span));
        }
        // ROLE-10
        if keys.current().is_empty()
            && let Some(rule) = rules.rules().iter().find(|rule| rule.role().is_some())
        {
            return Err(StartError::RoleRuleWithoutKey(rule.span));
        }
        // HEADERS-6
        if let Some(span) = site.headers().unreadable().first() {
            return Err(StartError::UnreadableBasicAuth(*span));
        }
        let rules = site.headers().seal(rules);
        Ok(Gate { rules, keys, settings, site, edge: Edge::default(), signatures: Signatures::default() })
    }

    /// The same gate, which believes what `edge` says; a new one believes nobody but the connection.
    pub fn with_edge(self, edge: Edge) -> Gate<S> {
        Gate { edge, ..self }
    }

    /// The same gate with the secrets that its signed rules name. Without them such a rule is not followed (PROXY-1).
    #[must_use]
    pub fn signing_with(self, signatures: Signatures) -> Gate<S> {
        Gate { signatures, ..self }
    }

    /// The secrets of signed rules.
    pub fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// The decision about one request at the time `now`.
    pub fn decide(&self, request: &Request<'_>, now: Time) -> Decision {
        decide(&self.rules, request, &self.visitor(request, now), &self.site)
    }

    /// Who asks, by the cookies of `request`.
    pub fn visitor(&self, request: &Request<'_>, now: Time) -> Visitor {
        let visitor = identify(request.cookie_lines(), &self.keys.current(), &self.settings, now);
        // TOKEN-12.refresh
        if visitor == Visitor::Rejected(TokenError::UnknownKey) {
            self.keys.note_missed();
        }
        visitor
    }

    /// When the token of `request` runs out, which is valid at the time `now`, rounded down to whole seconds; `None` where
    /// there is no such token, or it never runs out.
    pub fn token_ends(&self, request: &Request<'_>, now: Time) -> Option<Time> {
        let token = cookie::token(request.cookie_lines())?;
        let claims = token::verify(token, &self.keys.current(), &self.settings, now).ok()?;
        let leeway = i64::try_from(self.settings.leeway.as_secs()).unwrap_or(i64::MAX);
        Some(Time::from_seconds(claims.expiration()?.saturating_add(leeway)))
    }

    /// The rules, in list order.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The keys that tokens are verified with.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
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

/// The gate in force. A request reads it once and keeps what it read; a reload puts another whole gate in its place.
///
/// So every answer comes from one version of rules, key and site, and no request waits for a reload.
#[derive(Debug)]
pub struct GateInForce {
    gate: ArcSwap<Gate<DirSite>>,
}

impl GateInForce {
    /// Puts the first gate in force.
    pub fn new(gate: Gate<DirSite>) -> GateInForce {
        GateInForce { gate: ArcSwap::from_pointee(gate) }
    }

    /// The same with a gate that somebody else keeps as well.
    pub(crate) fn shared(gate: Arc<Gate<DirSite>>) -> GateInForce {
        GateInForce { gate: ArcSwap::new(gate) }
    }

    /// The gate for one request, from its first step to its last.
    pub fn gate(&self) -> Guard<Arc<Gate<DirSite>>> {
        self.gate.load()
    }

    /// Puts another gate in force for every request that has not read this one yet.
    pub fn replace(&self, gate: Gate<DirSite>) {
        self.share(Arc::new(gate));
    }

    /// As [`GateInForce::replace`], with a gate that somebody else keeps as well.
    pub(crate) fn share(&self, gate: Arc<Gate<DirSite>>) {
        self.gate.store(gate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::MemorySite;
    use crate::token::Keys;

    fn start(rules: &str, key: Option<&[u8]>) -> Result<(), StartError> {
        let rules = RuleSet::parse(rules.as_bytes()).rules;
        let keys = key.map_or_else(Keys::none, |secret| Keys::hs256(secret).unwrap());
        Gate::new(rules, keys, TokenSettings::default(), MemorySite::default()).map(|_| ())
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
