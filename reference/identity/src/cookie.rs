//! The cookie `nf_jwt`, as the service sets and clears it.

use http::header::SET_COOKIE;

use crate::settings::{CookieMode, Settings};
use crate::{Call, Moment, Reply};

/// How long the cookie lives, in seconds; the token in it is good for a shorter time.
const LIFE: u64 = 24 * 60 * 60;

/// Browsers drop a longer cookie without a word.
pub const MAX_COOKIE: usize = 4096;

/// Adds the cookie with `token` where the caller asked for it, or comes by a name for which no client asks.
pub fn set(reply: Reply, call: &Call, settings: &Settings, token: &str) -> Reply {
    match call.header("x-use-cookie") {
        Some("") | None => {
            let is_wanted = settings.cookie == CookieMode::Always && !settings.strict;
            if is_wanted && is_bare_loopback(&call.origin) && is_same_origin(call) {
                // Not HttpOnly: a client that writes the cookie itself has to be able to replace it.
                return reply.with(SET_COOKIE, &format!("nf_jwt={token}; Path=/; SameSite=Lax"));
            }
            reply
        }
        Some("session") => reply.with(SET_COOKIE, &format!("nf_jwt={token}; Path=/; HttpOnly; Secure")),
        Some(_) => {
            let expires = date(Moment::from_seconds(call.now.seconds().saturating_add(LIFE)));
            reply.with(
                SET_COOKIE,
                &format!("nf_jwt={token}; Path=/; Expires={expires}; Max-Age={LIFE}; HttpOnly; Secure"),
            )
        }
    }
}

/// Adds the line that removes the cookie, whoever has set it.
pub fn clear(reply: Reply, now: Moment) -> Reply {
    let past = date(Moment::from_seconds(now.seconds().saturating_sub(10 * 3600)));
    reply.with(SET_COOKIE, &format!("nf_jwt=; Path=/; Expires={past}; Max-Age=0; HttpOnly; Secure"))
}

/// Whether an origin has one of the hosts for which the widget asks for a site URL and sends no `X-Use-Cookie`.
fn is_bare_loopback(origin: &str) -> bool {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0" | "[::1]")
}

/// Whether the request does not come from a page of another origin.
pub fn is_same_origin(call: &Call) -> bool {
    !call.headers.contains_key("origin") || call.header("origin") == Some(&*call.origin)
}

fn date(moment: Moment) -> String {
    httpdate::fmt_http_date(moment.system_time())
}
