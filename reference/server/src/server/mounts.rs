//! What is answered here before the rules are asked: services of the operator's in the gate's own origin.
//!
//! A mount is asked for its answer on a thread that may wait, and a bounded number of them at a time, so that the gate's own
//! answers never wait for one. What of a request it gets was seen by the gate: its host is one that the server answers to.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{HeaderMap, Method, Response, StatusCode};
use rolegate::edge::{Connection, Seen, marks};
use rolegate::path::origin_form;
use rolegate::request::Scheme;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::head::Head;
use super::hosts;
use super::shares::{Place, Shares};
use crate::files::body::Body;
use crate::respond;

/// So many requests are under way at the mounts at a time; further ones wait.
const AT_A_TIME: usize = 64;
/// How long a request waits for its turn, and how long its body may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// PACE-2: a body that may be longer than this, in bytes, is one of the long ones.
const SHORT: usize = 64 * 1024;
/// So many short bodies are held at a time, and so many of one client: 32 MiB.
const SHORT_BODIES: (usize, usize) = (512, 256);
/// So many long ones are, and so many of one client.
const LONG_BODIES: (usize, usize) = (6, 3);

/// The status and the text for a request that reached no mount.
type Unanswered = (StatusCode, &'static str);
const BUSY: Unanswered = (StatusCode::SERVICE_UNAVAILABLE, "503: too many requests are under way at present.\n");

/// Answers some requests before the rules are asked.
pub trait Mount: Send + Sync + fmt::Debug {
    /// Whether a request for this host and this path, as it was sent, is answered here.
    fn takes(&self, host: &str, path: &str) -> bool;

    /// The longest body that such a request may have, in bytes.
    fn body_limit(&self, method: &Method, path: &str) -> usize;

    /// The answer by the head alone, where the body needs not be read. It waits for nothing.
    fn refuses(&self, asked: &Mounted) -> Option<Response<Bytes>>;

    /// The answer; it may take its time. A body of `None` was longer than the limit.
    fn answer(&self, asked: &Mounted, body: Option<Bytes>) -> Response<Bytes>;
}

/// A request that a [`Mount`] takes.
#[derive(Clone, Debug)]
pub struct Mounted {
    /// The method.
    pub method: Method,
    /// The path as it was sent.
    pub path: String,
    /// What follows the first `?`, as it was sent.
    pub query: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The scheme that the visitor used.
    pub scheme: Scheme,
    /// The host that the visitor asked, with its port where one is named.
    pub host: String,
    /// The same host, by a port at which the site answers: what is opened later, by somebody else than who asks now, leads
    /// there.
    pub home: String,
    /// The visitor's address, or that of the proxy that does not tell it.
    pub client: IpAddr,
    /// Whether the visitor sits at this machine: by the connection, with no proxy between, and by a name of this machine's.
    pub is_here: bool,
}

/// The mounts of a server.
#[derive(Debug)]
pub(crate) struct Mounts {
    mounts: Vec<Arc<dyn Mount>>,
    /// The names that the server answers to, beside those of this machine; it answers to all where nobody says.
    names: Option<Vec<String>>,
    places: Arc<Semaphore>,
    short: Shares<IpAddr>,
    long: Shares<IpAddr>,
}

/// A request, and who answers it.
#[derive(Debug)]
pub(crate) struct MountedCall {
    mount: Arc<dyn Mount>,
    asked: Mounted,
}

impl Mounts {
    pub(crate) fn new(mounts: Vec<Arc<dyn Mount>>, names: Option<Vec<String>>) -> Mounts {
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        let shares = |(all, each)| Shares::new(all, each);
        Mounts { mounts, names, places, short: shares(SHORT_BODIES), long: shares(LONG_BODIES) }
    }

    /// The refusal of a request for a host that is not this server's: a name of a stranger's can lead here (DNS rebinding).
    pub(crate) fn refusal(&self, seen: &Seen<'_>) -> Option<Response<Body>> {
        let names = self.names.as_ref()?;
        let is_own = seen.host.is_some_and(|host| hosts::is_own(host, names));
        (!is_own).then(|| {
            respond::refuse(
                StatusCode::MISDIRECTED_REQUEST,
                "421: this server does not answer to the name by which it was asked.\n",
            )
        })
    }

    /// Who answers a request, if it is a mount. `ports` are those of the site's own addresses, beside that of the listener.
    pub(crate) fn call(
        &self,
        head: &Head<'_>,
        seen: &Seen<'_>,
        connection: Connection,
        ports: &[u16],
    ) -> Option<MountedCall> {
        if self.mounts.is_empty() {
            return None;
        }
        let target = origin_form(head.target);
        let target = std::str::from_utf8(&target).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let host = seen.host.unwrap_or_default();
        let mount = self.mounts.iter().find(|mount| mount.takes(host, path))?;
        let client = seen.client.unwrap_or(connection.peer);
        let is_own = |port| port == connection.port || ports.contains(&port);
        let home = match host {
            // Whom the operator trusts says by which port the visitor came.
            host if seen.through_proxy => host.to_owned(),
            host => hosts::by_own_port(host, seen.scheme, connection.port, is_own),
        };
        let is_here = client.is_loopback()
            && !seen.through_proxy
            && !head.headers.iter().any(|(name, _)| marks::mark(name).is_some())
            && hosts::is_own(host, &[]);
        let asked = Mounted {
            method: Method::from_bytes(head.method.as_bytes()).ok()?,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            scheme: seen.scheme,
            host: host.to_owned(),
            home,
            client,
            is_here,
        };
        Some(MountedCall { mount: Arc::clone(mount), asked })
    }

    /// The answer to a request that a mount takes.
    pub(crate) async fn carry_out(&self, call: Box<MountedCall>, seen: hyper::Request<Incoming>) -> Response<Body> {
        let MountedCall { mount, mut asked } = *call;
        let (parts, body) = seen.into_parts();
        asked.headers = parts.headers;
        let (method, path) = (asked.method.clone(), asked.path.clone());
        let answer = match mount.refuses(&asked) {
            Some(refusal) => refusal,
            None => match self.answer(mount, asked, body).await {
                Ok(answer) => answer,
                Err((status, text)) => return respond::refuse(status, text),
            },
        };
        // TOKEN-11: no query, which may hold tokens.
        tracing::info!(%method, path, status = answer.status().as_u16(), outcome = "mounted");
        let (mut parts, bytes) = answer.into_parts();
        if parts.status != StatusCode::NO_CONTENT {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        }
        Response::from_parts(parts, if method == Method::HEAD { Body::default() } else { Body::of(bytes) })
    }

    /// The mount's own answer, on a thread that may wait.
    async fn answer(
        &self,
        mount: Arc<dyn Mount>,
        asked: Mounted,
        body: Incoming,
    ) -> Result<Response<Bytes>, Unanswered> {
        // PACE-2: whoever lets a body be waited for takes no turn from others.
        let (body, held) = self.read(body, mount.body_limit(&asked.method, &asked.path), asked.client).await?;
        // The semaphore is never closed.
        let Ok(Ok(place)) = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await else {
            return Err(BUSY);
        };
        let answered = tokio::task::spawn_blocking(move || {
            let answer = mount.answer(&asked, body);
            drop((place, held));
            answer
        });
        answered.await.map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "500: no answer could be made.\n"))
    }

    /// A body, `None` where it is longer than `limit` bytes, and the place among the bodies that it takes until it is dropped.
    async fn read(
        &self,
        body: Incoming,
        limit: usize,
        client: IpAddr,
    ) -> Result<(Option<Bytes>, Option<Place>), Unanswered> {
        if body.is_end_stream() {
            return Ok((Some(Bytes::new()), None));
        }
        let bodies = if limit > SHORT { &self.long } else { &self.short };
        let held = bodies.place(Some(client), PATIENCE).await.ok_or(BUSY)?;
        match timeout(PATIENCE, Limited::new(body, limit).collect()).await {
            Ok(Ok(body)) => Ok((Some(body.to_bytes()), Some(held))),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Ok((None, Some(held))),
            Ok(Err(_)) | Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "408: the body did not come.\n")),
        }
    }
}
