//! What comes back from an upstream (PROXY-1 to PROXY-4, NOLEAK-4).

use crate::scene::Reply as Answer;
use crate::{Defect, Mutant};

use Defect::Back;
use gatecheck::wire::Response;

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "proxy/always-200",
        "PROXY-1",
        "whatever the upstream's status, the answer is a 200",
        Back(|_, came, reply| {
            if came.is_some_and(|response| response.status != 101) {
                reply.status = 200;
            }
        }),
    ),
    Mutant::new(
        "proxy/missing-is-502",
        "PROXY-1",
        "a 404 of the upstream counts as a failure of it",
        Back(|_, came, reply| {
            if came.is_some_and(|response| response.status == 404) {
                *reply = Answer::text(502, "Bad gateway\n");
            }
        }),
    ),
    Mutant::new(
        "proxy/unreachable-is-200",
        "PROXY-2",
        "an upstream that cannot be reached is answered with a sentence and the status 200",
        Back(|_, came, reply| failed(came, reply, 200)),
    ),
    Mutant::new(
        "proxy/unreachable-is-404",
        "PROXY-2",
        "an upstream that cannot be reached is a 404",
        Back(|_, came, reply| failed(came, reply, 404)),
    ),
    Mutant::new(
        "proxy/unreachable-is-500",
        "PROXY-2",
        "an upstream that cannot be reached is a 500",
        Back(|_, came, reply| failed(came, reply, 500)),
    ),
    Mutant::new(
        "proxy/unreachable-is-504",
        "PROXY-2",
        "an upstream that cannot be reached counts as one that is slow",
        Back(|_, came, reply| failed(came, reply, 504)),
    ),
    Mutant::new(
        "proxy/hop-by-hop-returned",
        "PROXY-2",
        "`Keep-Alive` of the upstream is passed on",
        Back(|_, came, reply| returned(came, reply, &["keep-alive"])),
    ),
    Mutant::new(
        "proxy/challenge-returned",
        "PROXY-2",
        "`Proxy-Authenticate` of the upstream is passed on",
        Back(|_, came, reply| returned(came, reply, &["proxy-authenticate"])),
    ),
    Mutant::new(
        "proxy/listed-fields-returned",
        "PROXY-2",
        "what `Connection` of the upstream lists is passed on",
        Back(|_, came, reply| returned(came, reply, &["x-hop"])),
    ),
    Mutant::new(
        "proxy/one-cookie-returned",
        "PROXY-2",
        "of several `Set-Cookie` lines the last is passed on",
        Back(|_, _, reply| {
            let mut cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie");
            if let Some(last) = cookies.next_back().map(|(_, value)| value.clone()) {
                reply.set("set-cookie", last);
            }
        }),
    ),
    Mutant::new(
        "proxy/cookies-not-returned",
        "PROXY-2",
        "`Set-Cookie` of the upstream is taken away",
        Back(|_, _, reply| reply.drop("set-cookie")),
    ),
    Mutant::new(
        "proxy/redirect-followed",
        "PROXY-3",
        "a redirect of the upstream is followed by the gate",
        Back(|_, came, reply| {
            if came.is_some_and(|response| (300..400).contains(&response.status)) {
                *reply = Answer::text(200, "what lies there\n");
            }
        }),
    ),
    Mutant::new(
        "proxy/redirect-to-the-upstream",
        "PROXY-3",
        "a `Location` of the upstream is made into an address on the upstream's own host",
        Back(|_, came, reply| {
            if came.is_some() {
                reply.edit("location", |location| {
                    if location.starts_with('/') { format!("http://127.0.0.1:1{location}") } else { location }
                });
            }
        }),
    ),
    Mutant::new(
        "proxy/protocol-switched-unasked",
        "PROXY-4",
        "a 101 that nobody asked for is passed on",
        Back(|_, came, reply| {
            if let Some(response) = came.filter(|response| response.status == 101) {
                *reply = Answer { status: 101, headers: response.headers.clone(), body: Vec::new() };
            }
        }),
    ),
    Mutant::new(
        "proxy/cache-rules-of-the-upstream",
        "NOLEAK-4",
        "the upstream's `Cache-Control` is passed on from behind a role",
        Back(|_, came, reply| returned(came, reply, &["cache-control"])),
    ),
    Mutant::new(
        "proxy/shared-cache-rules-of-the-upstream",
        "NOLEAK-4",
        "the upstream's `CDN-Cache-Control` is passed on from behind a role",
        Back(|_, came, reply| returned(came, reply, &["cdn-cache-control"])),
    ),
    Mutant::new(
        "proxy/steering-fields-of-the-upstream",
        "NOLEAK-4.steering",
        "of an upstream's fields for caches, only those that RFC 9111 and RFC 9213 name are taken out from behind a role",
        Back(|_, came, reply| returned(came, reply, MADE_UP)),
    ),
    Mutant::new(
        "proxy/steering-fields-with-underscores",
        "NOLEAK-4.steering",
        "a field for caches passes from behind a role where its name is written with underscores",
        Back(|_, came, reply| returned(came, reply, &["x_accel_expires"])),
    ),
    Mutant::new(
        "proxy/keys-of-caches-of-the-upstream",
        "NOLEAK-4.steering",
        "what a cache keeps an answer under is passed on from behind a role",
        Back(|_, came, reply| {
            returned(
                came,
                reply,
                &["netlify-vary", "no-vary-search", "surrogate-key", "cache-tag", "netlify-cache-tag"],
            )
        }),
    ),
    Mutant::new(
        "proxy/older-cache-rules-of-the-upstream",
        "NOLEAK-4.steering",
        "`Expires` and `Pragma` of the upstream are passed on from behind a role",
        Back(|_, came, reply| returned(came, reply, &["expires", "pragma"])),
    ),
    Mutant::new(
        "proxy/steering-fields-with-denials",
        "NOLEAK-4.steering",
        "an upstream's fields for caches are passed on with what a denied visitor is shown",
        Back(|decision, came, reply| {
            if decision.denied {
                returned(came, reply, MADE_UP);
            }
        }),
    ),
    Mutant::new(
        "proxy/steering-fields-of-a-304",
        "NOLEAK-4.steering",
        "an upstream's fields for caches are taken out of whole answers from behind a role, and of a 304 not",
        Back(|_, came, reply| {
            if reply.status == 304 {
                returned(came, reply, MADE_UP);
            }
        }),
    ),
    Mutant::new(
        "proxy/steering-fields-of-an-error",
        "NOLEAK-4.steering",
        "an upstream's fields for caches are taken out of what went well behind a role, and of errors not",
        Back(|_, came, reply| {
            if reply.status >= 400 {
                returned(came, reply, MADE_UP);
            }
        }),
    ),
    Mutant::new(
        "proxy/without-vary",
        "NOLEAK-4",
        "what an upstream behind a role answers does not say `Vary: Cookie`",
        Back(|_, _, reply| reply.drop("vary")),
    ),
];

/// Names that caches have made up.
const MADE_UP: &[&str] = &[
    "akamai-cache-control",
    "cf-edge-cache",
    "edge-control",
    "fastly-cache-control",
    "surrogate-control",
    "vercel-cdn-cache-control",
    "x-accel-expires",
    "x-accel-redirect",
    "x-litespeed-cache-control",
    "x-varnish-ttl",
];

/// Passes on what the upstream has sent under these names.
fn returned(came: Option<&Response>, reply: &mut Answer, names: &[&str]) {
    for name in names {
        if let Some(value) = came.and_then(|response| response.header(name).next().map(<[u8]>::to_vec)) {
            reply.set(name, value);
        }
    }
}

/// Another status where the upstream has given no answer.
fn failed(came: Option<&Response>, reply: &mut Answer, status: u16) {
    if came.is_none() {
        *reply = Answer::text(status, "The server is not there\n");
    }
}
