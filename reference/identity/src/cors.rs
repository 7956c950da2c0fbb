//! Which pages of other origins may use what is served here, and how browsers are told so (the Fetch standard, CORS).

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};

use crate::{Call, Reply};

/// What clients of Identity and the CMS send; `X-Nf-Client` comes with every request of the newer ones.
const FIELDS: &str = "Accept, Authorization, Content-Type, X-JWT-AUD, X-Use-Cookie, X-Nf-Client";

/// The origin of a page elsewhere that the operator lets in.
pub fn foreign_origin<'a>(origins: &[String], call: &'a Call) -> Option<&'a str> {
    call.header("origin").filter(|origin| origins.iter().any(|allowed| allowed == origin))
}

/// The same answer with what a browser asks for before it shows it to such a page. `methods` are those of the API.
pub fn told(origins: &[String], methods: &str, reply: Reply, call: &Call) -> Reply {
    let Some(origin) = foreign_origin(origins, call) else {
        return if origins.is_empty() { reply } else { varied(reply) };
    };
    let reply = varied(reply)
        .with(ACCESS_CONTROL_ALLOW_ORIGIN, origin)
        .with(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true")
        .with(ACCESS_CONTROL_EXPOSE_HEADERS, "Link, X-Total-Count");
    if call.method != Method::OPTIONS {
        return reply;
    }
    reply
        .with(ACCESS_CONTROL_ALLOW_METHODS, methods)
        .with(ACCESS_CONTROL_ALLOW_HEADERS, FIELDS)
        .with(ACCESS_CONTROL_MAX_AGE, "600")
}

/// An answer of which caches know that it is another one for another origin.
fn varied(reply: Reply) -> Reply {
    let others = reply.headers.get(VARY).and_then(|fields| fields.to_str().ok());
    let fields = others.map_or_else(|| "Origin".to_owned(), |others| format!("{others}, Origin"));
    reply.with(VARY, &fields)
}
