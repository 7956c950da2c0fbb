//! What is counted while the gate runs, for Prometheus.
//!
//! No label carries anything that a visitor can choose, nor a role, a path or a token: outcome, class of the status and
//! result are all there is, so the number of series is fixed.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use rolegate::decide::Decision;

use requests::Requests;

mod requests;

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Arc<Requests>,
    connections: Gauge,
    connections_opened: Counter,
    connections_turned_away: Counter,
    reloads: [Counter; 2],
    last_reload: Gauge,
    last_reload_failed: Gauge,
    last_reload_doubtful: Gauge,
    key_refreshes: [Counter; 2],
    upstream_errors: Counter,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("rolegate");
        let requests = Arc::<Requests>::default();
        registry.register_collector(Box::new(Arc::clone(&requests)));
        let connections = Gauge::default();
        registry.register("connections", "Connections that are open", connections.clone());
        let connections_opened = Counter::default();
        registry.register("connections_opened", "Connections taken", connections_opened.clone());
        let connections_turned_away = Counter::default();
        let words = "Connections closed at once, because their address had too many";
        registry.register("connections_turned_away", words, connections_turned_away.clone());
        let reloads = results(&mut registry, "reloads", "Reloads of rules, keys and site, by result");
        let last_reload = Gauge::default();
        let words = "When the gate in force was loaded, since 1970";
        registry.register_with_unit("last_load_timestamp", words, Unit::Seconds, last_reload.clone());
        let last_reload_failed = Gauge::default();
        let words = "1 where the last reload was refused, and an older version stays in force";
        registry.register("reload_failing", words, last_reload_failed.clone());
        let last_reload_doubtful = Gauge::default();
        let words = "1 where the version on disk may be unfinished, or would open what is closed, and waits for a word";
        registry.register("reload_doubtful", words, last_reload_doubtful.clone());
        let key_refreshes = results(&mut registry, "key_refreshes", "Fetches of a key set from its URL, by result");
        let upstream_errors = Counter::default();
        let words = "Requests that the server behind the gate did not answer, or not in time";
        registry.register("upstream_errors", words, upstream_errors.clone());
        let metrics = Metrics {
            registry,
            requests,
            connections,
            connections_opened,
            connections_turned_away,
            reloads,
            last_reload,
            last_reload_failed,
            last_reload_doubtful,
            key_refreshes,
            upstream_errors,
        };
        metrics.last_reload.set(seconds_now());
        metrics
    }
}

fn results(registry: &mut Registry, name: &str, help: &str) -> [Counter; 2] {
    let family = Family::<ResultLabel, Counter>::default();
    let counters = ["ok", "failed"].map(|result| family.get_or_create(&ResultLabel { result }).clone());
    registry.register(name, help, family);
    counters
}

impl Metrics {
    /// A request was decided and answered.
    pub(crate) fn answered(&self, decision: &Decision, status: StatusCode, took: Duration) {
        self.requests.answered(decision, status, took);
    }

    /// A request got no decision.
    pub(crate) fn refused(&self, status: StatusCode) {
        self.requests.refused(status);
    }

    /// A connection is open until the value is dropped.
    pub(crate) fn connection(&self) -> OpenConnection<'_> {
        self.connections_opened.inc();
        self.connections.inc();
        OpenConnection { metrics: self }
    }

    /// A connection was closed at once.
    pub(crate) fn turned_away(&self) {
        self.connections_turned_away.inc();
    }

    /// A new version came into force, or did not, and if not may be in doubt alone.
    pub(crate) fn reloaded(&self, ok: bool, doubtful: bool) {
        self.last_reload_doubtful.set(i64::from(doubtful));
        count_result(&self.reloads, ok);
        self.last_reload_failed.set(i64::from(!ok));
        if ok {
            self.last_reload.set(seconds_now());
        }
    }

    /// A new version cannot be loaded yet.
    pub(crate) fn in_doubt(&self) {
        self.last_reload_failed.set(1);
        self.last_reload_doubtful.set(1);
    }

    /// A key set was fetched from its URL, or could not be.
    pub fn keys_refreshed(&self, ok: bool) {
        count_result(&self.key_refreshes, ok);
    }

    /// The server behind the gate did not answer.
    pub fn upstream_failed(&self) {
        self.upstream_errors.inc();
    }

    /// Everything in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing to a string does not fail; if it ever did, half a page would look like a whole one.
            Err(std::fmt::Error) => String::new(),
        }
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct OpenConnection<'a> {
    metrics: &'a Metrics,
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

fn count_result([succeeded, failed]: &[Counter; 2], ok: bool) {
    if ok {
        succeeded.inc()
    } else {
        failed.inc()
    };
}

fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rolegate::site::MemorySite;

    use super::*;

    #[test]
    fn what_is_counted() {
        let metrics = Metrics::default();
        let rules = rolegate::RuleSet::parse(b"/a /b 200! Role=x").rules;
        let headers = [];
        let request = rolegate::Request {
            method: "GET",
            target: b"/a",
            host: None,
            scheme: rolegate::Scheme::Http,
            headers: &headers,
            country: None,
        };
        let decision = rolegate::decide(&rules, &request, &rolegate::Visitor::Anonymous, &MemorySite::default());
        metrics.answered(&decision, StatusCode::NOT_FOUND, Duration::from_micros(70));
        metrics.refused(StatusCode::BAD_REQUEST);
        metrics.reloaded(false, true);
        let open = metrics.connection();
        let text = metrics.text();
        for line in [
            "rolegate_requests_total{outcome=\"not_found\",status=\"4xx\"} 1",
            "rolegate_requests_total{outcome=\"refused\",status=\"4xx\"} 1",
            "rolegate_requests_total{outcome=\"serve\",status=\"2xx\"} 0",
            "rolegate_denials_total 1",
            "rolegate_request_duration_seconds_bucket{le=\"0.0001\"} 1",
            "rolegate_connections 1",
            "rolegate_reloads_total{result=\"failed\"} 1",
            "rolegate_reload_failing 1",
            "rolegate_reload_doubtful 1",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        drop(open);
        assert!(metrics.text().contains("\nrolegate_connections 0\n"));
    }
}
