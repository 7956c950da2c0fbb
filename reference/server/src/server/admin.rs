//! The operator's own listener: `/metrics`, `/health`, `/ready`. Nothing of it is reachable through the public one.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::hosts;
use super::listener::{self, Places};
use super::operations::{Operations, Readiness};

/// How many scrapers may be connected at a time.
const CONNECTIONS: usize = 32;
/// How long a scraper may be idle, or take to ask.
const PATIENCE: Duration = Duration::from_secs(60);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// A listener for the operator.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    operations: Arc<Operations>,
    names: Arc<[String]>,
}

impl Admin {
    /// Listens on `address`, for questions about the server that shares `operations`.
    ///
    /// # Errors
    /// Where the address is taken or may not be used.
    pub async fn bind(address: SocketAddr, operations: Arc<Operations>) -> io::Result<Admin> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Admin { listener, address, operations, names: Arc::default() })
    }

    /// The same, for requests that name one of these hosts too. Without them it answers where the host is an address or
    /// `localhost`, so that no page of a stranger's reads it through a name that leads here (ADMIN-1).
    #[must_use]
    pub fn named(self, names: Vec<String>) -> Admin {
        Admin { names: names.into(), ..self }
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers for as long as the future is polled: to the last moment of a stop, so that its end can be watched.
    pub async fn run(self) {
        let places = Places::new(CONNECTIONS, None);
        let mut connections = JoinSet::new();
        loop {
            let (stream, _, place) = tokio::select! {
                Some(_) = connections.join_next() => continue,
                accepted = listener::accept(&self.listener, &places) => accepted,
            };
            let (operations, names) = (Arc::clone(&self.operations), Arc::clone(&self.names));
            connections.spawn(async move {
                let service =
                    service_fn(|asked| std::future::ready(Ok::<_, Infallible>(answer(&operations, &names, &asked))));
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .max_buf_size(8 * 1024)
                    .serve_connection(TokioIo::new(stream), service);
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection of the operator ended early");
                }
                drop(place);
            });
        }
    }
}

fn answer<B>(operations: &Operations, names: &[String], asked: &Request<B>) -> Response<Full<Bytes>> {
    // ADMIN-1
    if !is_for_here(asked, names) {
        return page(
            StatusCode::MISDIRECTED_REQUEST,
            TEXT,
            "421: this address is asked by its number, as localhost, or by a name that --admin-name says.\n".to_owned(),
        );
    }
    if !matches!(*asked.method(), Method::GET | Method::HEAD) {
        let mut refused =
            page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "405: this address answers GET and HEAD only.\n".to_owned());
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match (asked.uri().path(), operations.readiness()) {
        ("/metrics", _) => page(StatusCode::OK, OPEN_METRICS, operations.metrics().text()),
        // Whoever can read this is alive.
        ("/health", _) => page(StatusCode::OK, TEXT, "alive\n".to_owned()),
        ("/ready", Readiness::Ready) => page(StatusCode::OK, TEXT, "ready\n".to_owned()),
        ("/ready", Readiness::Outdated(why)) => {
            page(StatusCode::OK, TEXT, format!("ready, with an older version; the last reload was refused: {why}\n"))
        }
        ("/ready", Readiness::Stopping) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "stopping\n".to_owned()),
        _ => page(StatusCode::NOT_FOUND, TEXT, "404: there is /metrics, /health and /ready.\n".to_owned()),
    }
}

/// Whether every host that the request names is one of the operator's; a client of HTTP/1.0 may name none.
fn is_for_here<B>(asked: &Request<B>, names: &[String]) -> bool {
    let lines = asked.headers().get_all(header::HOST).iter().map(|line| line.to_str().unwrap_or_default());
    let mut hosts = lines.chain(asked.uri().authority().map(Authority::as_str)).peekable();
    (hosts.peek().is_some() || asked.version() == Version::HTTP_10)
        && hosts.all(|host| hosts::is_nobody_elses(host, names))
}

fn page(status: StatusCode, media_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_1_a_strangers_name_reads_nothing() {
        let names = ["gate.internal".to_owned()];
        let status = |version: Version, uri: &str, hosts: &[&str]| {
            let asked = Request::builder().version(version).uri(uri);
            let asked = hosts.iter().fold(asked, |asked, host| asked.header("host", *host)).body(()).unwrap();
            answer(&Operations::default(), &names, &asked).status().as_u16()
        };
        for (uri, hosts, expected) in [
            ("/metrics", ["127.0.0.1:9888"].as_slice(), 200),
            ("/metrics", &["localhost:9888"], 200),
            ("/metrics", &["gate.internal:9888"], 200),
            ("http://127.0.0.1:9888/metrics", &["127.0.0.1:9888"], 200),
            ("/metrics", &["evil.example:9888"], 421),
            ("/ready", &["evil.example"], 421),
            ("/nothing", &["evil.example"], 421),
            ("/metrics", &["127.0.0.1", "evil.example"], 421),
            ("/metrics", &[""], 421),
            ("/metrics", &[], 421),
            ("http://evil.example/metrics", &["127.0.0.1"], 421),
            ("http://127.0.0.1/metrics", &["evil.example"], 421),
        ] {
            assert_eq!(status(Version::HTTP_11, uri, hosts), expected, "{uri} {hosts:?}");
        }
        assert_eq!(status(Version::HTTP_10, "/metrics", &[]), 200);
        assert_eq!(status(Version::HTTP_10, "/metrics", &["evil.example"]), 421);
    }
}
