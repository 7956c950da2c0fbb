//! Forwarding to another server (PROXY-1, PROXY-2).
//!
//! The decision comes first and is not repeated here: what arrives has been admitted, and its URL holds nothing of the
//! request but text that was captured and encoded again. [`fields`] says which header fields go, [`sign`] signs; both are pure.
//! The rest is the rim: [`Proxy`] keeps the connections and bounds how long an upstream may take.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use rolegate::request::{Origin, Scheme};
use tokio::time::Instant;

use crate::files::body::Body;
use crate::pace::Measure;
use crate::server::Limits;
use crate::server::shares::{self, Place, Shares};
pub use client::Roots;
use client::{Clients, HttpClient};
use connect::Dial;
use fields::Additions;
use sign::SiteClaims;
use stream::{Download, Progress, Upload};
pub use tunnel::Tunnel;
pub use upstream_request::{Signature, UpstreamRequest, Visit};

mod client;
#[doc(hidden)]
pub mod connect;
pub mod fields;
pub mod sign;
mod stream;
mod tunnel;
mod upstream_request;

/// What the operator says about upstreams.
#[derive(Clone, Debug)]
pub struct ProxySettings {
    /// UPSTREAM-1: the server that has the site, where it is not in the folder.
    pub upstream: Option<Origin>,
    /// PROXY-2: the upstreams that get the cookie `nf_jwt`.
    pub trusted: Vec<Origin>,
    /// PROXY-5: fields about the visitor that trusted proxies write themselves ([`may_be_vouched_for`](rolegate::edge::marks::may_be_vouched_for)).
    pub vouched: Vec<HeaderName>,
    /// PROXY-7.reach: further methods that upstreams are asked with.
    pub methods: Vec<Method>,
    /// Upstreams without TLS that are spoken to in HTTP/2 without asking first (RFC 9113 §3.3).
    pub http2: Vec<Origin>,
    /// Whom the gate believes to be an upstream over TLS.
    pub roots: Roots,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the head of an answer may take, from when the last of the request was sent.
    pub answer_timeout: Duration,
    /// How long an upstream may be silent within an answer.
    pub idle_timeout: Duration,
    /// How long both ends of a tunnel may be silent.
    pub tunnel_timeout: Duration,
    /// Bytes of a request body; a longer one is answered 413.
    pub body_limit: u64,
    /// What signatures say about the site.
    pub claims: SiteClaims,
}

impl Default for ProxySettings {
    fn default() -> ProxySettings {
        ProxySettings {
            upstream: None,
            trusted: Vec::new(),
            vouched: Vec::new(),
            methods: Vec::new(),
            http2: Vec::new(),
            roots: Roots::Machine,
            connect_timeout: Duration::from_secs(5),
            // The format owner's documentation gives a proxied request 26 seconds.
            answer_timeout: Duration::from_secs(26),
            idle_timeout: Duration::from_secs(60),
            tunnel_timeout: Duration::from_secs(60 * 60),
            body_limit: 64 << 20,
            claims: SiteClaims::default(),
        }
    }
}

/// The gate's connections to upstreams. One for a server; outlives every reload.
#[derive(Debug)]
pub struct Proxy {
    settings: ProxySettings,
    /// The name of this very process in `Via`, so that it knows its own requests again.
    pseudonym: String,
    /// Made at the first use: most gates forward nothing, and reading the trusted certificates takes time.
    clients: OnceLock<Option<Clients>>,
    /// PACE-2: what each client may have of each upstream.
    shares: Shares<(IpAddr, Origin)>,
    /// PROXY-6: how fast a body has to come.
    upload: Measure,
    /// What connects to upstreams, where that is not TCP.
    dial: Option<Dial>,
}

/// What came of an upstream request.
#[derive(Debug)]
pub struct Forwarded {
    /// The answer for the client.
    pub response: Response<Body>,
    /// What follows it, where the protocol was switched.
    pub tunnel: Option<Tunnel>,
    /// PROXY-2: the answer is the gate's own, because the upstream gave none.
    pub upstream_failed: bool,
}

/// Why a request got no answer from its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// PROXY-7: upstreams are not asked with this method.
    Method,
    /// PROXY-7.hops: it goes no further than here, and there is nothing more to say about the address.
    LastHop,
    /// The request has come round.
    Circle,
    /// The body is longer than the limit.
    TooLarge,
    /// The client stopped sending.
    SlowClient,
    /// PACE-2: this client has its share of the upstream, or all is taken.
    Crowded,
    /// PROXY-2: nobody there, or nobody who speaks HTTP.
    Unreachable,
    /// PROXY-2: no answer in time.
    Slow,
}

impl Proxy {
    /// A proxy with no connection yet, for the clients of a server with these limits.
    pub fn new(settings: ProxySettings, limits: &Limits) -> Proxy {
        use std::hash::{BuildHasher as _, Hasher as _};
        // The standard library seeds its hash maps at random; nothing but a chance meeting has to be ruled out.
        let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let pseudonym = format!("rolegate-{random:016x}");
        let shares = Shares::new(limits.forwarded, limits.forwarded_per_client);
        let upload = Measure::new(settings.answer_timeout, limits.rate);
        Proxy { settings, pseudonym, clients: OnceLock::new(), shares, upload, dial: None }
    }

    /// The same, over connections that `dial` opens.
    #[must_use]
    #[doc(hidden)]
    pub fn dialling(self, dial: Dial) -> Proxy {
        Proxy { dial: Some(dial), ..self }
    }

    /// What the operator says about upstreams.
    pub fn settings(&self) -> &ProxySettings {
        &self.settings
    }

    /// Forwards a request that was admitted, and gives the upstream's answer back while it comes in.
    pub async fn forward(&self, upstream_request: &UpstreamRequest, request: Request<Incoming>) -> Forwarded {
        let is_head = request.method() == Method::HEAD;
        match self.ask(upstream_request, request).await {
            Ok(forwarded) => forwarded,
            Err(failure) => {
                // Where to is the operator's own text, but for what was captured: the host says enough.
                let upstream = upstream_request.url.split('/').nth(2).unwrap_or_default();
                tracing::warn!(upstream, status = failure.status().as_u16(), "not forwarded: {}", failure.sentence());
                let upstream_failed = matches!(failure, Failure::Unreachable | Failure::Slow);
                let mut response = failure.response(is_head);
                // NOLEAK-4: that somebody got as far as this depended on the role.
                upstream_request.cache_rules.restrict(response.headers_mut());
                Forwarded { response, tunnel: None, upstream_failed }
            }
        }
    }

    async fn ask(
        &self,
        upstream_request: &UpstreamRequest,
        mut request: Request<Incoming>,
    ) -> Result<Forwarded, Failure> {
        self.may_ask(upstream_request.page.is_some(), &mut request)?;
        let uri = target(&upstream_request.url).ok_or(Failure::Unreachable)?;
        let origin = origin(&uri).ok_or(Failure::Unreachable)?;
        let clients = self.clients().ok_or(Failure::Unreachable)?;
        let prior_knowledge = self.settings.http2.contains(&origin);
        let upgrade = Some(fields::wanted_upgrade(request.headers()))
            .filter(|_| {
                upstream_request.page.is_none()
                    && request.version() == Version::HTTP_11
                    && request.body().is_end_stream()
            })
            .flatten();
        let on_upgrade = upgrade.as_ref().map(|_| hyper::upgrade::on(&mut request));
        let (mut head, body) = request.into_parts();
        // A page is got, whatever else the request would do (NOLEAK-2).
        let body = Some(body).filter(|body| upstream_request.page.is_none() && !body.is_end_stream());
        if upstream_request.page.is_some() {
            fields::ask_for_a_page(&mut head.headers);
            if head.method != Method::HEAD {
                head.method = Method::GET;
            }
        }
        let additions = Additions {
            token: self.settings.trusted.contains(&origin),
            fields: &upstream_request.add,
            signature: match &upstream_request.signature {
                Signature::Value(value) => Some(value),
                Signature::Unasked => None,
                Signature::Impossible => return Err(Failure::Unreachable),
            },
            upgrade: upgrade.as_ref(),
            pseudonym: &self.pseudonym,
        };
        // A place is waited for as long as a connection is.
        let client = upstream_request.client.map(|client| (shares::client(client), origin));
        let place = self.shares.place(client, self.settings.connect_timeout).await.ok_or(Failure::Crowded)?;
        let place = Arc::new(place);
        let (upload, progress) = Upload::new(body, self.settings.body_limit, self.upload, Some(Arc::clone(&place)));
        let mut onward = Request::new(upload);
        *onward.method_mut() = head.method;
        *onward.uri_mut() = uri;
        *onward.headers_mut() = fields::onward(&head.headers, upstream_request.sender(&self.settings), additions);
        let client = match upgrade {
            Some(_) => &clients.http1,
            None if prior_knowledge => &clients.http2,
            None => &clients.negotiated,
        };
        let mut answer = self.await_head(client, onward, &progress).await?;
        let tunnel = match (answer.status(), &upgrade, on_upgrade) {
            (StatusCode::SWITCHING_PROTOCOLS, Some(wanted), Some(client))
                if fields::switches_to(answer.headers(), wanted) =>
            {
                let upstream = hyper::upgrade::on(&mut answer);
                Some(Tunnel { client, upstream, idle: self.settings.tunnel_timeout, place: Arc::clone(&place) })
            }
            // Nobody asked for it.
            (StatusCode::SWITCHING_PROTOCOLS, ..) => return Err(Failure::Unreachable),
            _ => None,
        };
        if !fields::is_framed_plainly(answer.headers()) {
            return Err(Failure::Unreachable);
        }
        let mut response = self.come_back(answer, tunnel.is_some(), upstream_request, place).await?;
        if let (Some(_), Some(protocol)) = (&tunnel, upgrade) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(header::UPGRADE, protocol);
        }
        Ok(Forwarded { response, tunnel, upstream_failed: false })
    }

    /// PROXY-7: whether a request may go further at all. A page is got with GET, whatever the request asks with.
    fn may_ask(&self, is_for_a_page: bool, request: &mut Request<Incoming>) -> Result<(), Failure> {
        if !is_for_a_page {
            let method = request.method().clone();
            if !fields::may_ask_with(&method) && !self.settings.methods.contains(&method) {
                return Err(Failure::Method);
            }
            if method == Method::OPTIONS && !fields::goes_further(request.headers_mut()) {
                return Err(Failure::LastHop);
            }
        }
        if fields::goes_in_a_circle(request.headers(), &self.pseudonym) {
            return Err(Failure::Circle);
        }
        if declared_length(request).is_some_and(|length| length > self.settings.body_limit) {
            return Err(Failure::TooLarge);
        }
        Ok(())
    }

    /// The answer of the upstream as it goes to the client. One that leads to a tunnel has no body.
    async fn come_back(
        &self,
        answer: Response<Incoming>,
        leads_to_a_tunnel: bool,
        upstream_request: &UpstreamRequest,
        place: Arc<Place>,
    ) -> Result<Response<Body>, Failure> {
        let (head, body) = answer.into_parts();
        let body = if leads_to_a_tunnel {
            Body::default()
        } else {
            let mut download = Download::new(body, self.settings.idle_timeout, place);
            // PROXY-6.begins
            let began = download.begin().await;
            began.map_err(|error| if timed_out(&error) { Failure::Slow } else { Failure::Unreachable })?;
            Body::of_stream(download)
        };
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        *response.headers_mut() = fields::back(head.headers, upstream_request.cache_rules);
        if let Some(status) = upstream_request.page {
            fields::answer_as_a_page(response.headers_mut());
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            }
        }
        Ok(response)
    }

    fn clients(&self) -> Option<&Clients> {
        let made = self.clients.get_or_init(|| {
            Clients::new(&self.settings.roots, self.settings.connect_timeout, self.dial.as_ref())
                .inspect_err(|error| tracing::error!(%error, "no upstream can be reached: TLS cannot be set up"))
                .ok()
        });
        made.as_ref()
    }

    /// Sends the request and waits for the head of the answer. The time runs anew with every piece of the request's body.
    async fn await_head(
        &self,
        client: &HttpClient,
        request: Request<Upload>,
        progress: &Progress,
    ) -> Result<Response<Incoming>, Failure> {
        let mut answer = std::pin::pin!(client.request(request));
        loop {
            let deadline = progress.state().moved + self.settings.answer_timeout;
            let error = tokio::select! {
                answer = answer.as_mut() => match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                },
                () = tokio::time::sleep_until(deadline) => {
                    let state = progress.state();
                    if state.moved + self.settings.answer_timeout > Instant::now() {
                        continue;
                    }
                    return Err(if state.awaited && !state.ended { Failure::SlowClient } else { Failure::Slow });
                }
            };
            let state = progress.state();
            tracing::debug!(?error, "an upstream gave no answer");
            return Err(match state {
                _ if state.too_large => Failure::TooLarge,
                _ if state.broken => Failure::SlowClient,
                _ if timed_out(&error) => Failure::Slow,
                _ => Failure::Unreachable,
            });
        }
    }
}

impl Failure {
    fn status(self) -> StatusCode {
        match self {
            Failure::Method => StatusCode::METHOD_NOT_ALLOWED,
            Failure::LastHop => StatusCode::OK,
            Failure::Circle => StatusCode::LOOP_DETECTED,
            Failure::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Failure::SlowClient => StatusCode::REQUEST_TIMEOUT,
            Failure::Crowded => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Unreachable => StatusCode::BAD_GATEWAY,
            Failure::Slow => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Failure::Method => "405: this address does not answer requests with this method.\n",
            Failure::LastHop => "200: this request goes no further than here.\n",
            Failure::Circle => "508: this address is forwarded in a circle.\n",
            Failure::TooLarge => "413: the body of this request is too long.\n",
            Failure::SlowClient => "408: the body of this request did not come.\n",
            Failure::Crowded => "503: too many requests to the server behind this address are under way.\n",
            Failure::Unreachable => "502: the server behind this address cannot be reached.\n",
            Failure::Slow => "504: the server behind this address takes too long.\n",
        }
    }

    fn response(self, is_head: bool) -> Response<Body> {
        let sentence = self.sentence();
        let mut response = Response::new(if is_head { Body::default() } else { Body::of(sentence) });
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CONTENT_LENGTH, sentence.len().into());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if matches!(self, Failure::Method | Failure::LastHop) {
            headers
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY"));
        }
        if self == Failure::Crowded {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if matches!(self, Failure::TooLarge | Failure::SlowClient | Failure::Crowded) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The URL without its fragment, which is not sent (RFC 9110 §7.1).
fn target(url: &str) -> Option<Uri> {
    let without_fragment = url.split('#').next().unwrap_or(url);
    without_fragment.parse().ok().filter(|uri: &Uri| uri.host().is_some_and(|host| !host.is_empty()))
}

fn origin(uri: &Uri) -> Option<Origin> {
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    Some(Origin::new(scheme, uri.authority()?.as_str()))
}

fn declared_length(request: &Request<Incoming>) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn timed_out(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        next = error.source();
    }
    false
}
