//! PROXY-4.ends: what a tunnel stands on. The request that opened it is kept, and put to the gate again when the answer could
//! be another one: when the token has run out, and when another gate or other keys are in force.

use std::sync::Arc;
use std::time::Duration;

use rolegate::caches::Keeping;
use rolegate::edge::{Connection, Country};
use rolegate::path::origin_form;
use rolegate::request::Request;
use rolegate::token::Time;

use super::head::Head;
use crate::files::DirSite;
use crate::in_force::{GateInForce, KeyedGate};
use crate::proxy::{ProxySettings, UpstreamRequest, Visit};

/// How long a tunnel may outlive what it stands on.
const LAG: Duration = Duration::from_secs(1);

/// The request that opened a tunnel, and where it led.
#[derive(Debug)]
pub struct Standing {
    connection: Connection,
    method: String,
    target: Vec<u8>,
    host: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    url: String,
    /// The visitor had been denied something when the tunnel opened.
    denied: bool,
}

/// What a gate says about a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Stands { until: Option<Time> },
    Falls,
}

impl Standing {
    /// What a tunnel stands on that this request opens.
    pub(crate) fn of(connection: Connection, head: &Head<'_>, upstream_request: &UpstreamRequest) -> Standing {
        let owned = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
        Standing {
            connection,
            method: head.method.to_owned(),
            target: head.target.to_vec(),
            host: head.host.map(str::to_owned),
            headers: head.headers.iter().map(owned).collect(),
            url: upstream_request.url.clone(),
            denied: upstream_request.cache_rules.keeping == Keeping::Nowhere,
        }
    }

    /// Ready when the gate in force would not open the tunnel, and [`LAG`] later at most. `clock` says what time it is.
    pub(crate) async fn over(&self, in_force: &GateInForce, settings: &ProxySettings, clock: impl Fn() -> Time) {
        let mut known = None;
        let mut until = None;
        loop {
            let now = clock();
            let gate = Arc::clone(&in_force.gate());
            let keys = Arc::clone(&gate.keys().current());
            let is_new = known
                .as_ref()
                .is_none_or(|(old_gate, old_keys)| !Arc::ptr_eq(old_gate, &gate) || !Arc::ptr_eq(old_keys, &keys));
            if is_new || until.is_some_and(|until| until <= now) {
                match self.verdict(&gate, settings, now) {
                    Verdict::Stands { until: next } => until = next,
                    Verdict::Falls => return,
                }
                known = Some((gate, keys));
            }
            tokio::time::sleep(LAG).await;
        }
    }

    fn verdict(&self, gate: &KeyedGate<DirSite>, settings: &ProxySettings, now: Time) -> Verdict {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let seen = gate.edge().see(self.connection, &self.target, self.host.as_deref(), &headers, gate.rules());
        let Ok(seen) = seen else { return Verdict::Falls };
        let target = origin_form(&self.target);
        let request = Request {
            method: &self.method,
            target: &target,
            host: seen.address,
            scheme: seen.scheme,
            headers: &headers,
            country: seen.country.as_ref().map(Country::code),
        };
        let visit = Visit {
            peer: self.connection.peer,
            client: seen.client,
            through_proxy: seen.through_proxy,
            host: seen.host,
            scheme: seen.scheme,
        };
        let decision = gate.decide(&request, now);
        match UpstreamRequest::of(&decision, gate, visit, settings, now) {
            Some(upstream_request) if self.is_led_by(&upstream_request) => {
                Verdict::Stands { until: gate.token_ends(&request, now) }
            }
            _ => Verdict::Falls,
        }
    }

    fn is_led_by(&self, upstream_request: &UpstreamRequest) -> bool {
        let is_newly_denied = upstream_request.cache_rules.keeping == Keeping::Nowhere && !self.denied;
        upstream_request.url == self.url && upstream_request.page.is_none() && !is_newly_denied
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rolegate::caches::{CacheRules, Varies};
    use rolegate::mint;
    use rolegate::request::Scheme;
    use rolegate::rules::RuleSet;
    use rolegate::token::{Keys, TokenSettings};
    use tokio::time::Instant;

    use super::*;
    use crate::proxy::Signature;

    const GATED: &str = "/api/* http://up.example/:splat 200! Role=admin\n";
    const BEGIN: i64 = 1_000_000;

    fn gate(folder: &Path, rules: &str, leeway: u64) -> KeyedGate<DirSite> {
        let settings = TokenSettings { leeway: Duration::from_secs(leeway), ..TokenSettings::default() };
        let rules = RuleSet::parse(rules.as_bytes()).rules;
        KeyedGate::new(rules, Keys::hs256(b"secret").unwrap(), settings, DirSite::open(folder).unwrap()).unwrap()
    }

    fn head<'a>(cookie: &'a str) -> Head<'a> {
        let headers = vec![("cookie", cookie.as_bytes())];
        Head { method: "GET", target: b"/api/a", host: Some("localhost"), headers, last: true }
    }

    fn cookie(exp: i64) -> String {
        let claims = serde_json::json!({ "exp": exp, "app_metadata": { "authorization": { "roles": ["admin"] } } });
        format!("nf_jwt={}", token(&claims))
    }

    fn token(claims: &serde_json::Value) -> String {
        let secret = rolegate::token::Secret::new(b"secret").unwrap();
        mint(&secret, claims.as_object().unwrap())
    }

    /// After how many seconds a tunnel falls; `change` is made after ten.
    async fn falls_after(rules: &str, exp: i64, leeway: u64, change: impl FnOnce(&GateInForce, &Path)) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let in_force = GateInForce::new(gate(folder.path(), rules, leeway));
        let connection = Connection { peer: [192, 0, 2, 1].into(), port: 80, scheme: Scheme::Http };
        let cookie = cookie(BEGIN + exp);
        let upstream_request = UpstreamRequest {
            url: "http://up.example/a".to_owned(),
            add: Vec::new(),
            signature: Signature::Unasked,
            cache_rules: CacheRules { keeping: Keeping::ByTheVisitor, varies: Varies::WithCookie },
            peer: connection.peer,
            client: None,
            through_proxy: false,
            host: None,
            scheme: Scheme::Http,
            page: None,
        };
        let standing = Standing::of(connection, &head(&cookie), &upstream_request);
        let start = Instant::now();
        let clock = || Time::from_seconds(BEGIN + i64::try_from(start.elapsed().as_secs()).unwrap());
        let settings = ProxySettings::default();
        let over = standing.over(&in_force, &settings, clock);
        let changes = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            change(&in_force, folder.path());
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = over => start.elapsed().as_secs(),
            () = changes => unreachable!(),
            () = tokio::time::sleep(Duration::from_secs(10_000)) => u64::MAX,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn proxy_4_ends_a_tunnel_falls_with_its_token() {
        let nothing = |_: &GateInForce, _: &Path| {};
        assert_eq!(falls_after(GATED, 100, 0, nothing).await, 100);
        assert_eq!(falls_after(GATED, 100, 30, nothing).await, 130);
        assert_eq!(falls_after(GATED, -5, 0, nothing).await, 0, "it had run out when the tunnel opened");
        // Nobody asked for the token.
        assert_eq!(falls_after("/api/* http://up.example/:splat 200", 100, 0, nothing).await, u64::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn proxy_4_ends_a_tunnel_falls_with_its_rule_and_its_key() {
        for (rules, falls) in [
            (GATED, u64::MAX),
            ("# another line\n/api/* http://up.example/:splat 200! Role=admin,other\n", u64::MAX),
            ("/api/* http://up.example/:splat 200!\n", u64::MAX),
            ("", 10),
            ("/api/* http://up.example/:splat 200! Role=other\n", 10),
            ("/api/* http://other.example/:splat 200! Role=admin\n", 10),
            ("/api/* /login 302!\n", 10),
            ("/api/a x 200! Role=admin\n/api/* http://up.example/:splat 200!\n", 10),
        ] {
            let swap = |in_force: &GateInForce, folder: &Path| in_force.replace(gate(folder, rules, 0));
            assert!(
                (falls..=falls.saturating_add(1)).contains(&falls_after(GATED, 1_000_000, 0, swap).await),
                "{rules}"
            );
        }
        let other_key = |in_force: &GateInForce, _: &Path| {
            in_force.gate().keys().replace(Keys::hs256(b"another").unwrap());
        };
        assert!((10..=11).contains(&falls_after(GATED, 1_000_000, 0, other_key).await));
    }
}
