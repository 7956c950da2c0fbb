//! The HTTP/1.1 server: hyper on tokio, with a bound on everything that a client sends or leaves lying.
//!
//! One task a connection. hyper frames the messages; `io` keeps the bytes of each request head, `head` reads them
//! again and refuses what is ambiguous; the gate decides; `respond` answers. Nothing about a request outlives
//! its answer.

use std::convert::Infallible;
use std::io as std_io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::decide::{Decision, Outcome};
use crate::files::DirSite;
use crate::files::body::Body;
use crate::gate::Gate;
use crate::path::Target;
use crate::request::{Request, Scheme};
use crate::respond::{self, Ask};
use crate::token::Time;
use head::{Fault, Head, HeadLimits, MAX_HEADER_LINES};
use io::{Tap, Tapped};

pub mod head;
mod io;

/// What the clients of a server may cost it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait in the queue of the system.
    pub connections: usize,
    /// Octets of a request head; a longer one is answered 431.
    pub head: usize,
    /// Octets of a request target; a longer one is answered 414.
    pub target: usize,
    /// How long a connection may be idle, or take to send a request head, before it is closed.
    pub head_timeout: Duration,
    /// How long a client may leave an answer unread before the connection is closed.
    pub write_timeout: Duration,
    /// How long a stop waits for the answers that are under way.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1024,
            head: 32 * 1024,
            target: crate::path::MAX_TARGET,
            head_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// How a server serves.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// What its clients may cost.
    pub limits: Limits,
}

/// A server that listens; [`Server::run`] answers.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    gate: Arc<Gate<DirSite>>,
    options: ServerOptions,
}

impl Server {
    /// Listens on `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// Where the address is taken or may not be used.
    pub async fn bind(address: SocketAddr, gate: Arc<Gate<DirSite>>, options: ServerOptions) -> std_io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Server { listener, address, gate, options })
    }

    /// The address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is ready; then takes no further connection, waits for the answers that are under way
    /// as long as [`Limits::drain`] says, and closes what is left.
    ///
    /// # Errors
    /// None at present: a failing connection ends alone, a failing `accept` is tried again.
    pub async fn run(self, stop: impl Future<Output = ()>) -> std_io::Result<()> {
        let Server { listener, gate, options, .. } = self;
        let limits = options.limits;
        let places = Arc::new(Semaphore::new(limits.connections));
        let (stopping, on_stop) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, place) = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &places) => accepted,
            };
            connections.spawn(serve_connection(stream, place, Arc::clone(&gate), limits.clone(), on_stop.clone()));
        }
        drop(listener);
        // A connection that is waiting for a request ends at once, one that is answering ends after the answer.
        stopping.send_replace(());
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.drain, drained).await.is_err() {
            tracing::warn!(connections = connections.len(), "closing connections that did not end in time");
        }
        connections.shutdown().await;
        Ok(())
    }
}

/// Waits for a place, then for a connection.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                // Out of file descriptors, or the client has gone again: neither ends the server.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    place: Option<OwnedSemaphorePermit>,
    gate: Arc<Gate<DirSite>>,
    limits: Limits,
    mut on_stop: watch::Receiver<()>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY is not available");
    }
    let tap = Tap::new(HeadLimits { head: limits.head, target: limits.target });
    let stream = Tapped::new(stream, tap.clone(), limits.write_timeout);
    let service = service_fn(|request| {
        let (tap, gate) = (&tap, &gate);
        async move { Ok::<_, Infallible>(answer(gate, tap, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client may end its side after the last request and still wants the answer.
        .half_close(true)
        .header_read_timeout(limits.head_timeout)
        .max_headers(MAX_HEADER_LINES)
        // Twice the limit of a head, so that a head over the limit is read whole and answered by the gate.
        .max_buf_size((2 * limits.head).max(8 * 1024))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = on_stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(place);
}

/// The answer to the next request of a connection.
async fn answer(gate: &Gate<DirSite>, tap: &Tap, seen: &hyper::Request<Incoming>) -> Response<Body> {
    let started = Instant::now();
    let decided = tap.next(|head| {
        let head = head.and_then(|head| if agrees(&head, seen) { Ok(head) } else { Err(DISAGREEMENT) })?;
        let request = Request {
            method: head.method,
            target: head.target,
            host: head.host,
            scheme: Scheme::Http,
            headers: &head.headers,
            country: None,
        };
        let path = tracing::enabled!(tracing::Level::INFO)
            .then(|| Target::parse(head.target).map(|target| target.path.to_string()).unwrap_or_default())
            .unwrap_or_default();
        Ok((gate.decide(&request, Time::now()), Ask::of(&request), path, head.last))
    });
    match decided {
        Ok((decision, ask, path, last)) => {
            let mut response = respond::respond(gate.site(), &decision, &ask).await;
            if last {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            log(gate, seen, &path, &decision, response.status(), started);
            response
        }
        Err(fault) => {
            let response = refuse(fault);
            let why = if let Fault::Malformed(why) = fault { why } else { "a limit is exceeded" };
            tracing::info!(status = response.status().as_u16(), why, "refused");
            response
        }
    }
}

const DISAGREEMENT: Fault = Fault::Malformed("two readings of the request head differ");

/// Whether hyper and the gate speak of the same request. They always should; if ever not, nothing is answered.
fn agrees(head: &Head<'_>, seen: &hyper::Request<Incoming>) -> bool {
    let is_origin_form = head.target.starts_with(b"/");
    let seen_target = seen.uri().path_and_query().map_or("", |target| target.as_str());
    head.method == seen.method().as_str() && (!is_origin_form || head.target == seen_target.as_bytes())
}

/// The answer to a request head that gets no decision; the connection is closed after it.
pub fn refuse(fault: Fault) -> Response<Body> {
    match fault {
        Fault::Malformed(_) => respond::refuse(StatusCode::BAD_REQUEST, "400: this request cannot be read.\n"),
        Fault::LongTarget => respond::refuse(StatusCode::URI_TOO_LONG, "414: this address is too long.\n"),
        Fault::LongHead => {
            respond::refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "431: the head of this request is too long.\n")
        }
    }
}

/// One line a request. TOKEN-11: no query, no header, and not why a token failed.
fn log(
    gate: &Gate<DirSite>,
    seen: &hyper::Request<Incoming>,
    path: &str,
    decision: &Decision,
    status: StatusCode,
    started: Instant,
) {
    let outcome = match &decision.outcome {
        Outcome::BadRequest(_) => "bad-request",
        Outcome::NotFound { forced: true, .. } => "not-found (forced)",
        Outcome::NotFound { .. } => "not-found",
        Outcome::Proxy { .. } => "proxy",
        Outcome::Redirect { .. } => "redirect",
        Outcome::Rewrite { .. } => "rewrite",
        Outcome::Serve { .. } => "serve",
    };
    let rule = decision.by.and_then(|by| gate.rules().rules().get(by)).map(|rule| rule.span.line);
    tracing::info!(
        method = seen.method().as_str(),
        path,
        status = status.as_u16(),
        outcome,
        rule,
        denied = decision.denied,
        millis = started.elapsed().as_millis(),
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_target_that_hyper_accepts_is_the_target_it_hands_on() {
        // What `agrees` relies on, for every octet that can stand in a target.
        for octet in (0x21..=0xff_u8).filter(|octet| *octet != b'#') {
            for target in [
                [b"/a".as_slice(), &[octet], b"b"].concat(),
                [b"/a?b".as_slice(), &[octet], b"c"].concat(),
                [b"/".as_slice(), &[octet]].concat(),
                [b"/%2e/../".as_slice(), &[octet, octet], b"?"].concat(),
            ] {
                if let Ok(uri) = hyper::Uri::try_from(target.as_slice()) {
                    assert_eq!(uri.path_and_query().map(|seen| seen.as_str().as_bytes()), Some(target.as_slice()));
                }
            }
        }
    }
}
