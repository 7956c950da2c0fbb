//! The gate as middleware for axum: what it admits is served by whatever lies behind it, under the name of the file.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rolegate::answer::NOT_FORWARDED;
use rolegate::{Answer, AnswerBody, Decision, Gate, Keys, MemorySite, Scheme, Time};

/// A gate over the files with these names, and the keys of its tokens.
#[derive(Debug)]
pub struct Gated {
    /// The gate.
    pub gate: Gate<MemorySite>,
    /// The keys in force.
    pub keys: Keys,
    /// The scheme that visitors use.
    pub scheme: Scheme,
}

/// The middleware, for `axum::middleware::from_fn_with_state`. Behind it stands a service that serves files by their names.
pub async fn gate(State(gated): State<Arc<Gated>>, mut request: Request, next: Next) -> Response {
    let decision = decide(&gated, &request);
    let Answer { status, fields, body } = Answer::of(&decision, request.method().as_str());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match body {
        AnswerBody::File(name) => {
            *request.uri_mut() = uri(name);
            next.run(request).await
        }
        AnswerBody::Page(name) => {
            // NOLEAK-2: whole, whatever the visitor asked, and without what tells about the file.
            let mut plain = Request::new(Body::empty());
            *plain.uri_mut() = uri(name);
            let mut response = next.run(plain).await;
            *response.status_mut() = if response.status().is_success() { status } else { StatusCode::NOT_FOUND };
            for name in [header::ETAG, header::LAST_MODIFIED, header::ACCEPT_RANGES] {
                response.headers_mut().remove(name);
            }
            response
        }
        AnswerBody::Sentence(sentence) => with_status(status, Body::from(sentence)),
        AnswerBody::Location(_) => with_status(status, Body::empty()),
        AnswerBody::Upstream(_) => with_status(status, Body::from(NOT_FORWARDED)),
    };
    response.headers_mut().extend(fields);
    response
}

fn decide(gated: &Gated, request: &Request) -> Decision {
    let headers: Vec<(&str, &[u8])> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs());
    let request = rolegate::Request {
        method: request.method().as_str(),
        target: request.uri().path_and_query().map_or("/", |target| target.as_str()).as_bytes(),
        host: request.headers().get(header::HOST).and_then(|host| host.to_str().ok()),
        scheme: gated.scheme,
        headers: &headers,
        country: None,
    };
    gated.gate.decide(&request, &gated.keys, Time::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

fn uri(name: &str) -> Uri {
    let segments = name.split('/').map(|segment| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string());
    Uri::try_from(segments.collect::<Vec<_>>().join("/")).unwrap_or_default()
}

fn with_status(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
