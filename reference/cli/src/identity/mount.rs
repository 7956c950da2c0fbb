//! Between the server and the handlers of the identity service: requests, tokens, and what the gate answers.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use rolegate::{Explanation, Request, Scheme, Visitor, decide, visitor_in_words};
use rolegate_identity::operator::{Explained, Gate};
use rolegate_identity::{Call, Handler, Moment, Reply};
use rolegate_server::{GateInForce, Mount, server};

/// A handler below its prefix, or a whole host of this machine's.
#[derive(Debug)]
pub(super) struct Mounted {
    handler: Arc<dyn Handler>,
    host: Option<&'static str>,
}

impl Mounted {
    /// Below the handler's prefix, by any host of the server.
    pub(super) fn new(handler: Arc<dyn Handler>) -> Mounted {
        Mounted { handler, host: None }
    }

    /// By this host alone, and for visitors at this machine alone.
    pub(super) fn at_host(host: &'static str, handler: Arc<dyn Handler>) -> Mounted {
        Mounted { handler, host: Some(host) }
    }

    fn call(&self, asked: &server::Mounted, body: Bytes) -> Call {
        let at = |host: &str| format!("{}://{}", asked.scheme.name(), host.to_ascii_lowercase());
        Call {
            method: asked.method.clone(),
            path: self.below(&asked.path).unwrap_or_default().to_owned(),
            query: asked.query.clone(),
            headers: asked.headers.clone(),
            body,
            origin: at(&asked.host),
            home: at(&asked.home),
            client: asked.client,
            now: Moment::now(),
        }
    }

    fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.handler.prefix()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Mount for Mounted {
    fn takes(&self, host: &str, path: &str) -> bool {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let name = name.strip_suffix('.').unwrap_or(name);
        self.host.is_none_or(|own| own.eq_ignore_ascii_case(name)) && self.below(path).is_some()
    }

    fn body_limit(&self, method: &Method, path: &str) -> usize {
        self.handler.body_limit(method, self.below(path).unwrap_or_default())
    }

    fn refuses(&self, asked: &server::Mounted) -> Option<Response<Bytes>> {
        if self.host.is_some() && !asked.is_here {
            return Some(response(Reply::error(StatusCode::NOT_FOUND, "Not found")));
        }
        self.handler.refuses(&self.call(asked, Bytes::new())).map(response)
    }

    fn answer(&self, asked: &server::Mounted, body: Option<Bytes>) -> Response<Bytes> {
        response(body.map_or_else(Reply::too_large, |body| self.handler.answer(&self.call(asked, body))))
    }
}

fn response(reply: Reply) -> Response<Bytes> {
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// Asks the gate in force.
#[derive(Debug)]
pub(super) struct Explainer {
    gate: Arc<GateInForce>,
    host: String,
}

impl Explainer {
    pub(super) fn new(gate: Arc<GateInForce>, host: String) -> Explainer {
        Explainer { gate, host }
    }
}

impl Gate for Explainer {
    fn explain(&self, path: &str, roles: Option<&[String]>) -> Explained {
        let gate = self.gate.gate();
        let target = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let request = Request {
            method: "GET",
            target: target.as_bytes(),
            host: Some(&self.host),
            scheme: Scheme::Http,
            headers: &[],
            country: None,
        };
        let visitor = roles.map_or(Visitor::Anonymous, |roles| Visitor::with_roles(roles.iter().cloned()));
        let decision = decide(gate.rules().rules(), &request, &visitor, gate.site());
        let explanation = Explanation::new(gate.rules(), &decision, &request, &visitor);
        let text = format!("visitor: {}\n{}", visitor_in_words(&visitor), explanation.text());
        Explained { status: explanation.status, denied: explanation.denied, text }
    }
}
