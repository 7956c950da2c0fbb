//! One request becomes one answer: the head as it was sent, the gate in force, its decision, the response.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Response, StatusCode};

use super::debug::DebugPage;
use super::head::{Fault, Head};
use super::io::Tap;
use super::log;
use crate::authorize::{self, Manner};
use crate::decide::Decision;
use crate::edge::{Connection, Country};
use crate::files::body::Body;
use crate::gate::GateInForce;
use crate::proxy::{Errand, Proxy, Tunnel, Visit};
use crate::request::Request;
use crate::respond::{self, Ask};
use crate::token::Time;

/// What the requests of a connection are answered with.
pub(crate) struct Here<'a> {
    pub(crate) in_force: &'a GateInForce,
    pub(crate) proxy: &'a Proxy,
    /// Whether a trusted proxy is told who may see what.
    pub(crate) authorize: bool,
    /// Where the debug page stands.
    pub(crate) debug_page: Option<&'a DebugPage>,
    pub(crate) connection: Connection,
    /// What follows the last answer, where it switched to another protocol.
    pub(crate) tunnel: Mutex<Option<Tunnel>>,
}

/// What is done about a decision.
enum Next {
    /// The server in front is told that it may serve.
    Admit,
    /// It is sent to an upstream.
    Forward(Box<Errand>),
    /// The server in front is told that it may not.
    Refuse(Manner),
    /// It is answered here.
    Respond,
}

/// The answer to the next request of an HTTP/1.1 connection.
pub(crate) async fn answer(here: &Here<'_>, tap: &Tap, seen: hyper::Request<Incoming>) -> Response<Body> {
    let Here { in_force, proxy, authorize: answers_proxies, debug_page, connection, tunnel } = here;
    let started = Instant::now();
    // The one place where a request meets a version of the gate: everything below uses this one.
    let gate = in_force.gate();
    let decided = tap.next(|head| {
        let head = head.and_then(|head| if agrees(&head, &seen) { Ok(head) } else { Err(DISAGREEMENT) })?;
        // HOST-2, COND-3
        let known = gate.edge().see(*connection, head.host, &head.headers).map_err(|why| Fault::Malformed(why.0))?;
        // TOKEN-11: for the operator's own addresses; for everybody else there is no such page.
        if let Some(page) = debug_page.and_then(|page| page.answer(&gate, &head, &known, Time::now())) {
            return Ok((Decided::Page(page), head.last));
        }
        // HOST-2: nobody but a trusted proxy asks about somebody else's request.
        let question = authorize::asked(head.target).filter(|_| *answers_proxies && known.through_proxy);
        let (method, target) = match question.map(|_| authorize::original(head.method, head.target, &head.headers)) {
            None => (head.method, head.target),
            Some(Ok(original)) => (original.method, original.target),
            Some(Err(why)) => {
                tracing::warn!("{why}");
                // What has no target is no request.
                (head.method, &b""[..])
            }
        };
        let request = Request {
            method,
            target,
            host: known.host,
            scheme: known.scheme,
            headers: &head.headers,
            country: known.country.as_ref().map(Country::code),
        };
        let path = log::is_on().then(|| log::path(target));
        let now = Time::now();
        let decision = gate.decide(&request, now);
        let visit = Visit {
            peer: connection.peer,
            through_proxy: known.through_proxy,
            host: request.host,
            scheme: request.scheme,
            target,
        };
        let next = match question {
            Some(_) if authorize::admits(&decision, target) => Next::Admit,
            Some(manner) => Next::Refuse(manner),
            None => Errand::of(&decision, &gate, visit, proxy.settings(), now)
                .map_or(Next::Respond, |errand| Next::Forward(Box::new(errand))),
        };
        let ask = match question {
            // What the visitor gets is told whole.
            Some(_) => Ask::of(&Request { headers: &[], ..request }),
            None => Ask::of(&request),
        };
        Ok((Decided::Request(decision, next, ask, path), head.last))
    });
    match decided {
        Ok((Decided::Page(mut page), last)) => {
            if last {
                page.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            page
        }
        Ok((Decided::Request(decision, next, ask, path), last)) => {
            let method = seen.method().clone();
            let mut response = match next {
                // PROXY-1
                Next::Forward(errand) => {
                    let forwarded = proxy.forward(&errand, seen).await;
                    *tunnel.lock().unwrap_or_else(PoisonError::into_inner) = forwarded.tunnel;
                    forwarded.response
                }
                Next::Admit => respond::admit(&decision),
                Next::Refuse(Manner::AsIs) => respond::refuse_as_is(gate.site(), &decision, &ask).await,
                Next::Refuse(Manner::StatusOnly) => respond::refuse_by_status(gate.site(), &decision, &ask).await,
                Next::Respond => respond::respond(gate.site(), &decision, &ask).await,
            };
            if last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            if let Some(path) = path {
                log::answered(gate.rules(), method.as_str(), &path, &decision, response.status(), started);
            }
            response
        }
        Err(fault) => {
            let response = refuse(fault);
            log::refused(fault, response.status());
            response
        }
    }
}

/// What comes of a request head that can be read.
enum Decided {
    /// The debug page, ready to be sent.
    Page(Response<Body>),
    /// What the gate decided, what is done about it, what of the request still matters, and its path for the log.
    Request(Decision, Next, Ask, Option<String>),
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
