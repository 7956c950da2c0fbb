//! One request becomes one answer: the head as it was sent, the gate in force, its decision, the response.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use arc_swap::Guard;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use rolegate::answer::cache_rules;
use rolegate::authorize::{self, Manner};
use rolegate::caches::Keeping;
use rolegate::decide::Decision;
use rolegate::edge::{Country, Seen};
use rolegate::path::origin_form;
use rolegate::request::Request;
use rolegate::site::Site as _;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::activity::{Activity, Watched};
use super::connection::Here;
use super::head::{Fault, Head};
use super::io::Tap;
use super::standing::Standing;
use super::{http2, log, mounts, shares};
use crate::clock;
use crate::files::DirSite;
use crate::files::body::Body;
use crate::in_force::KeyedGate;
use crate::proxy::fields::has_no_end;
use crate::proxy::{Forwarded, Tunnel, UpstreamRequest, Visit};
use crate::respond::{self, Ask};

/// What is done about a decision.
enum Next {
    /// The server in front is told that it may serve, unless it would find another file than the gate has seen.
    Admit(Manner),
    /// It is sent to an upstream.
    Forward(Box<UpstreamRequest>),
    /// The server in front is told that it may not.
    Refuse(Manner),
    /// It is answered here.
    Respond,
}

/// An answer on its way.
pub(crate) enum Answering<'a> {
    /// It is here. Most answers wait for nothing, and need no room in a connection where they could.
    Now(Option<Response<Body>>),
    /// Something is waited for.
    Later(Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>),
}

impl Future for Answering<'_> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Answering::Now(response) => response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
            Answering::Later(response) => response.as_mut().poll(cx).map(Ok),
        }
    }
}

/// The answer to the next request of an HTTP/1.1 connection.
pub(crate) fn answer_http1<'a>(here: &'a Here, tap: &Tap, seen: hyper::Request<Incoming>) -> Answering<'a> {
    let asked = Asked::now(here);
    let decided = tap.next(|head| match head {
        Ok(head) if agrees(&head, &seen) => asked.decide(&head).map(|decided| (decided, head.last)),
        Ok(_) => Err(DISAGREEMENT),
        Err(fault) => Err(fault),
    });
    let (decided, last) = match decided {
        Ok(decided) => decided,
        Err(fault) => return Answering::Now(Some(asked.refuse(fault))),
    };
    let closing = move |mut response: Response<Body>| {
        if last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    };
    match decided {
        Decided::Answer(response) => Answering::Now(Some(closing(response))),
        Decided::Mounted(call) => {
            Answering::Later(Box::pin(async move { closing(here.server.mounts.carry_out(call, seen).await) }))
        }
        Decided::Plan(plan) => Answering::Later(Box::pin(async move {
            let mut plan = plan;
            let (response, tunnel) = asked.carry_out(&mut plan, seen, None).await;
            // PROXY-4.ends: no tunnel without what it stands on.
            if let Some(tunnel) = tunnel.zip(plan.standing).map(Box::new) {
                *here.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
            }
            closing(response)
        })),
    }
}

/// The answer to a request of an HTTP/2 connection, with a body that `activity` knows of.
pub(crate) async fn answer_http2(
    here: &Here,
    activity: &Arc<Activity>,
    mut seen: hyper::Request<Incoming>,
) -> Response<Watched> {
    let pending = activity.begin();
    let asked = Asked::now(here);
    let limits = here.server.limits.of_a_head();
    let decided = http2::join_cookies(seen.headers_mut(), limits);
    let decided = decided.and_then(|()| http2::read(&seen, limits)).and_then(|head| asked.decide(&head));
    let mut response = match decided {
        Ok(Decided::Answer(response)) => response,
        Ok(Decided::Mounted(call)) => Box::pin(here.server.mounts.carry_out(call, seen)).await,
        // Nothing is switched to another protocol in HTTP/2: no request can ask for it (RFC 9113 §8.6).
        Ok(Decided::Plan(mut plan)) => Box::pin(asked.carry_out(&mut plan, seen, Some(activity.files()))).await.0,
        Err(fault) => asked.refuse(fault),
    };
    // RFC 9113 §8.2.2: the connection goes on with other streams, and such a field is malformed.
    response.headers_mut().remove(CONNECTION);
    response.map(|body| pending.answered(body))
}

/// A request that has come, and the one version of the gate that it is answered by.
struct Asked<'a> {
    here: &'a Here,
    gate: Guard<Arc<KeyedGate<DirSite>>>,
    started: Instant,
}

/// What comes of a request head that can be read.
enum Decided {
    /// The answer.
    Answer(Response<Body>),
    /// What is still to be done for it.
    Plan(Box<Plan>),
    /// It is not the rules that answer.
    Mounted(Box<mounts::MountedCall>),
}

/// What the gate decided, and how it is carried out where that takes its time.
struct Plan {
    decision: Decision,
    next: Next,
    /// What of the request still matters.
    ask: Ask,
    line: Option<Line>,
    /// The visitor's address, as far as it is known.
    client: Option<IpAddr>,
    /// What an answer without an end stands on, if the request goes to an upstream.
    standing: Option<Standing>,
}

/// What the log says of a request, if anybody reads it.
struct Line {
    method: String,
    path: String,
}

impl<'a> Asked<'a> {
    fn now(here: &'a Here) -> Asked<'a> {
        // The one place where a request meets a version of the gate: everything below uses this one.
        Asked { here, gate: here.server.gate.gate(), started: Instant::now() }
    }

    fn decide(&self, head: &Head<'_>) -> Result<Decided, Fault> {
        let Here { server, connection, .. } = self.here;
        let (gate, now) = (&self.gate, clock::now());
        // HOST-2: nobody but a trusted proxy asks about somebody else's request.
        let may_ask = server.authorize && gate.edge().trusts(connection.peer.to_canonical());
        let question = may_ask.then(|| authorize::asked(head.target)).flatten();
        // HOST-2, HOST-3, COND-3
        let seen = gate.edge().see(*connection, head.target, head.host, &head.headers, gate.rules());
        let (known, is_clear) = match (seen, question) {
            (Ok(known), _) => (known, true),
            (Err(why), None) => return Err(Fault::Malformed(why.0)),
            // The server in front gets an answer of the kind that it understands.
            (Err(why), Some(_)) => {
                tracing::warn!("{why}");
                (Seen::nothing(*connection), false)
            }
        };
        // TOKEN-11: for the operator's own addresses; for everybody else there is no such page.
        if let Some(page) = server.debug_page.as_ref().and_then(|page| page.answer(gate, head, &known, now)) {
            return Ok(Decided::Answer(page));
        }
        if let Some(refusal) = server.mounts.refusal(&known) {
            return Ok(Decided::Answer(refusal));
        }
        if let Some(call) = server.mounts.call(head, &known, *connection, &gate.edge().ports) {
            return Ok(Decided::Mounted(Box::new(call)));
        }
        // HTTP-4: its host is known by now.
        let sent = origin_form(head.target);
        let (method, target) = match question.map(|_| authorize::original(head.method, head.target, &head.headers)) {
            // What has no target is no request.
            _ if !is_clear => (head.method, &b""[..]),
            None => (head.method, &*sent),
            Some(Ok(original)) => (original.method, original.target),
            Some(Err(why)) => {
                tracing::warn!("{why}");
                (head.method, &b""[..])
            }
        };
        let request = Request {
            method,
            target,
            host: known.address,
            scheme: known.scheme,
            headers: &head.headers,
            country: known.country.as_ref().map(Country::code),
        };
        let decision = match question {
            Some(_) => authorize::decide(gate.rules(), &request, &gate.visitor(&request, now), gate.site()),
            None => gate.decide(&request, now),
        };
        let line = log::is_on().then(|| Line { method: head.method.to_owned(), path: log::path(&decision, target) });
        let visit = Visit {
            peer: connection.peer,
            client: known.client,
            through_proxy: known.through_proxy,
            host: known.host,
            scheme: known.scheme,
        };
        let next = match question {
            Some(manner) if authorize::admits(&decision, target) => Next::Admit(manner),
            Some(manner) => Next::Refuse(manner),
            None => UpstreamRequest::of(&decision, gate, visit, server.proxy.settings(), now)
                .map_or(Next::Respond, |upstream_request| Next::Forward(Box::new(upstream_request))),
        };
        let ask = match question {
            // What the visitor gets is told whole.
            Some(_) => Ask::of(&Request { headers: &[], ..request }),
            None => Ask::of(&request),
        };
        let at_once = matches!(next, Next::Respond)
            .then(|| respond::respond_at_once(gate.site(), gate.rules().headers(), &decision, &ask));
        Ok(match at_once.flatten() {
            Some(response) => {
                self.note(&decision, line.as_ref(), response.status());
                Decided::Answer(response)
            }
            None => {
                let standing = match &next {
                    Next::Forward(upstream_request) => Some(Standing::of(*connection, head, upstream_request)),
                    _ => None,
                };
                Decided::Plan(Box::new(Plan { decision, next, ask, line, client: known.client, standing }))
            }
        })
    }

    /// The answer, and what follows it where the protocol is switched. `files` are those that this connection may have open.
    async fn carry_out(
        &self,
        plan: &mut Plan,
        seen: hyper::Request<Incoming>,
        files: Option<Arc<Semaphore>>,
    ) -> (Response<Body>, Option<Tunnel>) {
        let Plan { decision, next, ask, line, client, standing } = plan;
        let (site, fields) = (self.gate.site(), self.gate.rules().headers());
        let (response, tunnel) = match next {
            // PROXY-1
            Next::Forward(upstream_request) => Box::pin(self.forward(upstream_request, standing, seen)).await,
            Next::Admit(manner) => {
                let is_as_seen = Box::pin(self.is_as_seen(decision)).await;
                (if is_as_seen { respond::admit(decision) } else { respond::not_as_seen(*manner) }, None)
            }
            // PACE-2: what could not be answered at once opens a file.
            Next::Respond | Next::Refuse(_) => {
                // Many may wait, so a request that waits takes little room.
                drop(seen);
                match Box::pin(self.place(*client, files)).await {
                    None => (self.crowded(decision), None),
                    Some(place) => {
                        let response = match next {
                            Next::Refuse(manner) => {
                                Box::pin(respond::refuse_to(*manner, site, fields, decision, ask)).await
                            }
                            _ => Box::pin(respond::respond(site, fields, decision, ask)).await,
                        };
                        (response.map(|body| body.holding(place)), None)
                    }
                }
            }
        };
        self.note(decision, line.as_ref(), response.status());
        (response, tunnel)
    }

    /// FRONT-2: whether the server in front finds what the gate has seen.
    async fn is_as_seen(&self, decision: &Decision) -> bool {
        if !self.gate.site().is_listed() {
            return true;
        }
        let Some(path) = decision.read.as_ref().map(|read| read.path.clone()) else { return false };
        let gate = Arc::clone(&self.gate);
        let looked = tokio::task::spawn_blocking(move || gate.site().is_as_seen(&path));
        looked.await.unwrap_or(false)
    }

    /// A place for an open file, among those of the connection, of the client and of all.
    async fn place(&self, client: Option<IpAddr>, files: Option<Arc<Semaphore>>) -> Option<impl Send + 'static> {
        let Here { server, .. } = self.here;
        let patience = server.limits.write_timeout;
        // The semaphore is never closed.
        let of_connection = match files {
            Some(files) => Some(timeout(patience, files.acquire_owned()).await.ok()?.ok()?),
            None => None,
        };
        let place = server.files.place(client.map(shares::client), patience).await?;
        Some((of_connection, place))
    }

    fn crowded(&self, decision: &Decision) -> Response<Body> {
        let mut response =
            respond::refuse(StatusCode::SERVICE_UNAVAILABLE, "503: too many files are being sent at present.\n");
        response.headers_mut().insert(RETRY_AFTER, const { HeaderValue::from_static("5") });
        cache_rules(decision).restrict(response.headers_mut());
        response
    }

    /// Counts and logs what was answered.
    fn note(&self, decision: &Decision, line: Option<&Line>, status: StatusCode) {
        self.here.server.operations.metrics().answered(decision, status, self.started.elapsed());
        if let Some(Line { method, path }) = line {
            log::answered(self.gate.rules(), method, path, decision, status, self.started);
        }
    }

    /// What the upstream answers. What may go on for as long as the upstream likes takes what it stands on with it.
    async fn forward(
        &self,
        upstream_request: &UpstreamRequest,
        standing: &mut Option<Standing>,
        seen: hyper::Request<Incoming>,
    ) -> (Response<Body>, Option<Tunnel>) {
        let server = &self.here.server;
        let Forwarded { mut response, tunnel, upstream_failed } = server.proxy.forward(upstream_request, seen).await;
        if upstream_failed {
            server.operations.metrics().upstream_failed();
        }
        // PROXY-4.ends: how an answer calls itself says nothing of when it ends; its length does.
        let depended = upstream_request.cache_rules.keeping == Keeping::ByTheVisitor && upstream_request.page.is_none();
        let is_open = !response.headers().contains_key(CONTENT_LENGTH) && !response.body().is_end_stream();
        if (has_no_end(response.headers()) || (depended && is_open))
            && let Some(standing) = standing.take()
        {
            let server = Arc::clone(server);
            let over = async move { standing.over(&server.gate, server.proxy.settings(), clock::now).await };
            response = response.map(|body| body.until(over));
        }
        (response, tunnel)
    }

    fn refuse(&self, fault: Fault) -> Response<Body> {
        let response = refuse(fault);
        self.here.server.operations.metrics().refused(response.status());
        log::refused(fault, response.status());
        response
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_target_that_hyper_accepts_is_the_target_it_hands_on() {
        // What `agrees` relies on, for every byte that can stand in a target.
        for byte in (0x21..=0xff_u8).filter(|byte| *byte != b'#') {
            for target in [
                [b"/a".as_slice(), &[byte], b"b"].concat(),
                [b"/a?b".as_slice(), &[byte], b"c"].concat(),
                [b"/".as_slice(), &[byte]].concat(),
                [b"/%2e/../".as_slice(), &[byte, byte], b"?"].concat(),
            ] {
                if let Ok(uri) = hyper::Uri::try_from(target.as_slice()) {
                    assert_eq!(uri.path_and_query().map(|seen| seen.as_str().as_bytes()), Some(target.as_slice()));
                }
            }
        }
    }
}
