//! What a handler is asked and what it answers, without sockets: a [`Call`] and a [`Reply`].

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::Moment;

/// Answers the requests below one path.
pub trait Handler: Send + Sync + fmt::Debug {
    /// The path below which it answers, without a slash at the end, such as `/.netlify/identity`. A path is below it if it
    /// is the same or goes on with a slash.
    fn prefix(&self) -> &str;

    /// The longest body that is read for such a request, in bytes; a longer one is answered by [`Reply::too_large`] before
    /// the handler hears of it. `path` is that of [`Call::path`].
    fn body_limit(&self, method: &Method, path: &str) -> usize;

    /// The answer by the head alone, whose call has no body yet: none where the body is to be read. It waits for nothing.
    fn refuses(&self, _: &Call) -> Option<Reply> {
        None
    }

    /// The answer. It may wait for the disk, for a password hash or for a child process, so it is called on a thread that
    /// nobody else waits for, and only by a bounded number of threads at a time.
    fn answer(&self, call: &Call) -> Reply;
}

/// A request as a handler sees it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// What follows the prefix, percent-encoded as it was sent: empty, or with a slash at its start.
    pub path: String,
    /// What follows the first `?`, percent-encoded as it was sent; empty where there is none.
    pub query: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, no longer than [`Handler::body_limit`] allows.
    pub body: Bytes,
    /// The origin by which the visitor came, such as `http://site.localhost:8888`. Its host is one that the server answers to.
    pub origin: String,
    /// The origin that links in mails lead to: that of the host by which the visitor came, at a port where the site answers.
    pub home: String,
    /// The visitor's address.
    pub client: IpAddr,
    /// When the request came.
    pub now: Moment,
}

impl Call {
    /// The value of the only field of this name; `None` where there is none, where there are several, and where it is no
    /// visible ASCII.
    pub fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        let mut values = self.headers.get_all(name.as_ref()).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }
}

/// The answer to a [`Call`].
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header fields, without those of framing.
    pub headers: HeaderMap,
    /// The body; for HEAD the server leaves it out.
    pub body: Bytes,
}

impl Reply {
    /// An answer without a body and without a media type: the clients take an empty body of type JSON for an error.
    pub fn empty(status: StatusCode) -> Reply {
        Reply { status, ..Reply::default() }.with(CACHE_CONTROL, "no-store")
    }

    /// A JSON document. No cache keeps it: nearly all of them speak of one user.
    pub fn json(status: StatusCode, document: &impl Serialize) -> Reply {
        match serde_json::to_vec(document) {
            Ok(body) => Reply { body: body.into(), ..Reply::empty(status) }.with(CONTENT_TYPE, "application/json"),
            // No document of ours has keys that are no text.
            Err(_) => Reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// A page.
    pub fn html(status: StatusCode, page: String) -> Reply {
        Reply { body: page.into(), ..Reply::empty(status) }.with(CONTENT_TYPE, "text/html; charset=utf-8")
    }

    /// The error of GoTrue and of Git Gateway: `{"code":N,"msg":"…"}`.
    pub fn error(status: StatusCode, message: &str) -> Reply {
        Reply::json(status, &json!({ "code": status.as_u16(), "msg": message }))
    }

    /// The answer to a body that is longer than [`Handler::body_limit`].
    pub fn too_large() -> Reply {
        Reply::error(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large")
    }

    /// The answer to a method that is none of `allowed`, a list with commas; an empty one is what allows none at present
    /// (RFC 9110 §15.5.6, §10.2.1).
    pub fn not_allowed(allowed: &str) -> Reply {
        Reply::empty(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, allowed)
    }

    /// A redirect.
    pub fn found(location: &str) -> Reply {
        Reply::empty(StatusCode::FOUND).with(LOCATION, location)
    }

    /// The same with this field; one of the same name is replaced. A value that cannot stand in a field is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
