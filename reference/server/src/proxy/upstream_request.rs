//! What is to be forwarded, if a decision says so. Pure.

use std::net::IpAddr;

use hyper::header::{HeaderName, HeaderValue};
use rolegate::answer::cache_rules;
use rolegate::caches::CacheRules;
use rolegate::decide::{Decision, Outcome};
use rolegate::query;
use rolegate::request::Scheme;
use rolegate::site::Site;
use rolegate::token::Time;

use super::ProxySettings;
use super::fields::Sender;
use crate::in_force::KeyedGate;

/// One request that is to be forwarded, beside what is in it.
#[derive(Clone, Debug)]
pub struct UpstreamRequest {
    /// Where to: `http` or `https`, host, path and query.
    pub url: String,
    /// The fields that the rule adds.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// What becomes of `x-nf-sign`.
    pub signature: Signature,
    /// NOLEAK-4: what caches may keep of the answer.
    pub cache_rules: CacheRules,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The visitor's address, as far as it is known.
    pub client: Option<IpAddr>,
    /// Whether the connection comes from a proxy that the operator trusts.
    pub through_proxy: bool,
    /// The host that the visitor asked.
    pub host: Option<String>,
    /// The scheme that the visitor used.
    pub scheme: Scheme,
    /// The answer is a page with this status, whatever the request would do with it (STATUS-3, NOLEAK-2).
    pub page: Option<u16>,
}

/// Whether a request is signed.
#[derive(Clone, Debug)]
pub enum Signature {
    /// The rule does not ask for it.
    Unasked,
    /// With this value.
    Value(HeaderValue),
    /// The rule asks for it, and there is no secret: the request does not go.
    Impossible,
}

/// What is known of the visitor's side of a request.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The visitor's address, as far as it is known.
    pub client: Option<IpAddr>,
    /// Whether the connection comes from a proxy that the operator trusts.
    pub through_proxy: bool,
    /// The host that the visitor asked.
    pub host: Option<&'a str>,
    /// The scheme that the visitor used.
    pub scheme: Scheme,
}

impl UpstreamRequest {
    /// What `decision` has forwarded; `None` where the gate answers itself.
    pub fn of<S: Site>(
        decision: &Decision,
        gate: &KeyedGate<S>,
        visit: Visit<'_>,
        settings: &ProxySettings,
        now: Time,
    ) -> Option<UpstreamRequest> {
        let (url, page) = match &decision.outcome {
            Outcome::Proxy { url } => (url.clone(), None),
            Outcome::Serve { .. } => (at_upstream(settings, decision, None)?, decision.denied.then_some(200)),
            Outcome::Rewrite { status, .. } => (
                at_upstream(settings, decision, decision.target.as_deref())?,
                (decision.denied || *status != 200).then_some(*status),
            ),
            Outcome::BadRequest(_) | Outcome::NotFound { .. } | Outcome::Redirect { .. } => return None,
        };
        // A rule adds to what it forwards by its own URL.
        let is_proxy = matches!(decision.outcome, Outcome::Proxy { .. });
        let rule = decision.by.filter(|_| is_proxy).and_then(|by| gate.rules().rules().get(by));
        let apply = rule.and_then(|rule| rule.apply());
        let signed = apply.and_then(|apply| apply.signed.as_deref());
        Some(UpstreamRequest {
            url,
            add: apply.map(|apply| apply.headers.clone()).unwrap_or_default(),
            signature: match signed {
                None => Signature::Unasked,
                Some(variable) => gate
                    .signatures()
                    .sign(variable, &settings.claims, now)
                    .map_or(Signature::Impossible, Signature::Value),
            },
            cache_rules: cache_rules(decision),
            peer: visit.peer,
            client: visit.client,
            through_proxy: visit.through_proxy,
            host: visit.host.map(str::to_owned),
            scheme: visit.scheme,
            page,
        })
    }

    pub(super) fn sender<'a>(&'a self, settings: &'a ProxySettings) -> Sender<'a> {
        Sender {
            peer: Some(self.peer),
            trusted: self.through_proxy,
            vouched: &settings.vouched,
            host: self.host.as_deref(),
            scheme: self.scheme,
        }
    }
}

/// UPSTREAM-1: the canonical path at the server that has the site, with the query of the request; or `target` with its own
/// query, where it has one (LOC-2). `None` where no server has it.
fn at_upstream(settings: &ProxySettings, decision: &Decision, target: Option<&str>) -> Option<String> {
    let upstream = settings.upstream.as_ref()?;
    let asked = decision.read.as_ref()?;
    let path = match target {
        Some(target) => target.split('#').next().unwrap_or(target).to_owned(),
        None => asked.path.encoded(),
    };
    let query = asked.query.as_ref().filter(|query| !query.is_empty() && !path.contains('?'));
    let query = query.map(|query| format!("?{}", query::clean(query))).unwrap_or_default();
    Some(format!("{upstream}{path}{query}"))
}
