//! The gate in force: rules and site with the keys that verify tokens, swapped as a whole.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use rolegate::cookie;
use rolegate::decide::Decision;
use rolegate::edge::Edge;
use rolegate::gate::{Gate, StartError};
use rolegate::request::Request;
use rolegate::rules::RuleSet;
use rolegate::site::Site;
use rolegate::token::{Time, TokenError, TokenSettings};
use rolegate::visitor::Visitor;

use crate::files::DirSite;
use crate::key_ring::KeyRing;
use crate::proxy::sign::Signatures;

/// A gate with the ring of keys that verify its tokens and the secrets of its signed rules.
#[derive(Debug)]
pub struct KeyedGate<S: Site> {
    gate: Gate<S>,
    keys: KeyRing,
    signatures: Signatures,
}

impl<S: Site> KeyedGate<S> {
    /// A gate over `site`.
    ///
    /// # Errors
    /// [`StartError`] where answering requests would leave open what the rules mean to close.
    pub fn new(
        rules: RuleSet,
        keys: impl Into<KeyRing>,
        settings: TokenSettings,
        site: S,
    ) -> Result<KeyedGate<S>, StartError> {
        let keys = keys.into();
        let gate = Gate::new(rules, &keys.current(), settings, site)?;
        Ok(KeyedGate { gate, keys, signatures: Signatures::default() })
    }

    /// The same gate, which believes what `edge` says; a new one believes nobody but the connection.
    #[must_use]
    pub fn with_edge(self, edge: Edge) -> KeyedGate<S> {
        KeyedGate { gate: self.gate.with_edge(edge), ..self }
    }

    /// The same gate with the secrets that its signed rules name. Without them such a rule is not followed (PROXY-1).
    #[must_use]
    pub fn signing_with(self, signatures: Signatures) -> KeyedGate<S> {
        KeyedGate { signatures, ..self }
    }

    /// The secrets of signed rules.
    pub fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// The decision about one request at the time `now`.
    pub fn decide(&self, request: &Request<'_>, now: Time) -> Decision {
        self.gate.decide_for(request, &self.visitor(request, now))
    }

    /// Who asks, by the cookies of `request`.
    pub fn visitor(&self, request: &Request<'_>, now: Time) -> Visitor {
        let visitor = self.keys.current().identify(request.cookie_lines(), self.settings(), now);
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
        let claims = self.keys.current().verify(token, self.settings(), now).ok()?;
        let leeway = i64::try_from(self.settings().leeway.as_secs()).unwrap_or(i64::MAX);
        Some(Time::from_seconds(claims.expiration()?.saturating_add(leeway)))
    }

    /// The rules, in list order.
    pub fn rules(&self) -> &RuleSet {
        self.gate.rules()
    }

    /// The keys that tokens are verified with.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// How tokens are read.
    pub fn settings(&self) -> &TokenSettings {
        self.gate.settings()
    }

    /// Whom the gate believes about a visitor.
    pub fn edge(&self) -> &Edge {
        self.gate.edge()
    }

    /// The site behind the gate.
    pub fn site(&self) -> &S {
        self.gate.site()
    }
}

/// The gate in force. A request reads it once and keeps what it read; a reload puts another whole gate in its place.
///
/// So every answer comes from one version of rules, key and site, and no request waits for a reload.
#[derive(Debug)]
pub struct GateInForce {
    gate: ArcSwap<KeyedGate<DirSite>>,
}

impl GateInForce {
    /// Puts the first gate in force.
    pub fn new(gate: KeyedGate<DirSite>) -> GateInForce {
        GateInForce { gate: ArcSwap::from_pointee(gate) }
    }

    /// The same with a gate that somebody else keeps as well.
    pub fn shared(gate: Arc<KeyedGate<DirSite>>) -> GateInForce {
        GateInForce { gate: ArcSwap::new(gate) }
    }

    /// The gate for one request, from its first step to its last.
    pub fn gate(&self) -> Guard<Arc<KeyedGate<DirSite>>> {
        self.gate.load()
    }

    /// Puts another gate in force for every request that has not read this one yet.
    pub fn replace(&self, gate: KeyedGate<DirSite>) {
        self.share(Arc::new(gate));
    }

    /// As [`GateInForce::replace`], with a gate that somebody else keeps as well.
    pub fn share(&self, gate: Arc<KeyedGate<DirSite>>) {
        self.gate.store(gate);
    }
}
