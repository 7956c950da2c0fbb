//! The fields of forwarded requests and of their answers, whatever both sides write.

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};
use rolegate::caches::{CacheRules, Keeping, Varies};
use rolegate::cookie;
use rolegate::request::Scheme;
use rolegate_server::proxy::fields::{
    Additions, Sender, back, goes_in_a_circle, onward, passes_as_trailer, wanted_upgrade,
};

/// What ends at the gate, written down once more and not taken from the code under test.
const ONE_HOP: [&str; 9] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// What a client does not say to an upstream, with `-` for `_`.
const THE_GATES_WORD: [&str; 16] = [
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "remote-user",
    "ssl-client-verify",
    "true-client-ip",
    "x-client-cert",
    "x-envoy-original-path",
    "x-http-method-override",
    "x-nf-sign",
    "x-original-url",
    "x-real-ip",
    "x-remote-user",
    "x-rewrite-url",
    "x-waws-unencoded-url",
];

/// PROXY-2, PROXY-5, NOLEAK-4: the lines of `bytes` are the fields of a request and of an answer. Nothing that is for one hop goes
/// further, nor what `Connection` lists; what the gate says of the client is said once and by the gate; the token stays; and
/// what depended on a role is for no shared cache.
pub fn forward_fields(bytes: &[u8]) {
    let client = fields(bytes);
    let peer = [192, 0, 2, 7].into();
    let sender =
        Sender { peer: Some(peer), trusted: false, vouched: &[], host: Some("site.example"), scheme: Scheme::Https };
    let own = [(HeaderName::from_static("x-own"), HeaderValue::from_static("rule"))];
    let additions = Additions { token: false, fields: &own, signature: None, upgrade: None, pseudonym: "gate" };
    let sent = onward(&client, sender, additions);
    ends_here(&client, &sent, &["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via", "x-own"]);
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "site.example"),
        ("x-forwarded-proto", "https"),
        ("x-own", "rule"),
    ] {
        assert_eq!(sent.get_all(name).iter().collect::<Vec<_>>(), [value], "{name} is not the gate's own");
    }
    the_gates_word_alone(&sent, &[]);
    let lines = || sent.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    assert!(cookie::pairs(lines()).all(|(name, _)| name != cookie::TOKEN_COOKIE.as_bytes()), "the token goes on");
    assert!(goes_in_a_circle(&sent, "gate"), "the gate does not know its own request again");

    // A trusted proxy passes on what a client says of itself, so it counts no more than the client, but where the operator vouches for it.
    let vouched = [HeaderName::from_static("x-real-ip")];
    let through = Sender { trusted: true, vouched: &vouched, ..sender };
    the_gates_word_alone(&onward(&client, through, additions), &["x-real-ip"]);
    the_gates_word_alone(&onward(&client, Sender { trusted: false, ..through }, additions), &[]);

    // A trusted upstream gets every cookie, and a change of protocol is asked for in the gate's own words.
    let upgrade = wanted_upgrade(&client);
    let sent = onward(&client, sender, Additions { token: true, upgrade: upgrade.as_ref(), ..additions });
    if let Some(protocol) = &upgrade {
        assert_eq!(sent.get_all(header::CONNECTION).iter().collect::<Vec<_>>(), ["upgrade"]);
        assert_eq!(sent.get_all(header::UPGRADE).iter().collect::<Vec<_>>(), [protocol]);
        let text = String::from_utf8_lossy(protocol.as_bytes()).to_ascii_lowercase();
        assert!(!["h2", "h3", "http", "tls"].iter().any(|name| text.trim().starts_with(name)), "a tunnel for requests");
    }

    for (keeping, varies) in [
        (Keeping::ByAnybody, Varies::Never),
        (Keeping::ByAnybody, Varies::WithLanguage),
        (Keeping::ByTheVisitor, Varies::WithCookie),
        (Keeping::Nowhere, Varies::WithLanguage),
    ] {
        let rules = CacheRules { keeping, varies };
        let answer = back(client.clone(), rules);
        ends_here(&client, &answer, &["cache-control", "vary"]);
        let again = back(answer.clone(), rules);
        assert_eq!(answer, again, "a second gate in the way changes the answer");
        let is_named = |name: &str| {
            answer.get_all(header::VARY).iter().any(|value| {
                let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
                value.split(',').any(|own| own.trim() == name)
            })
        };
        assert!(varies == Varies::Never || is_named("cookie"), "the same for everybody");
        assert!(varies != Varies::WithLanguage || is_named("accept-language"), "the same in every language");
        if keeping == Keeping::ByAnybody {
            continue;
        }
        let said: Vec<_> = answer.get_all(header::CACHE_CONTROL).iter().collect();
        let private =
            said.first().and_then(|value| value.to_str().ok()).is_some_and(|value| value.starts_with("private, "));
        assert!(said.len() == 1 && private, "a shared cache may keep it: {said:?}");
        super::nothing_steers_caches(&answer);
    }
    // Whoever merges trailers into the head does not find there what was taken out of it.
    let trailers: HeaderMap = client.iter().filter(|(name, _)| passes_as_trailer(name)).map(owned).collect();
    super::nothing_steers_caches(&trailers);
    for name in [header::CACHE_CONTROL, header::VARY, header::SET_COOKIE, header::ALT_SVC] {
        assert!(!trailers.contains_key(&name), "{name} comes after the body");
    }
}

/// Nothing goes on that the client says of itself or of what is asked, but for `vouched`.
fn the_gates_word_alone(sent: &HeaderMap, vouched: &[&str]) {
    for name in sent.keys().filter(|name| !vouched.contains(&name.as_str())) {
        let plain = name.as_str().replace('_', "-");
        assert!(!THE_GATES_WORD.contains(&plain.as_str()), "{name} of a client goes on");
        assert!(!plain.starts_with("x-forwarded-") || plain == name.as_str(), "{name} passes for the gate's own");
    }
}

fn owned((name, value): (&HeaderName, &HeaderValue)) -> (HeaderName, HeaderValue) {
    (name.clone(), value.clone())
}

/// Nothing for one hop, and nothing that `Connection` lists, but for what the gate says itself.
fn ends_here(from: &HeaderMap, to: &HeaderMap, own: &[&str]) {
    for name in ONE_HOP {
        assert!(!to.contains_key(name), "{name} goes further");
    }
    for line in from.get_all(header::CONNECTION) {
        for name in line.as_bytes().split(|byte| *byte == b',') {
            let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
            let Ok(name) = HeaderName::try_from(name) else { continue };
            assert!(
                own.contains(&name.as_str()) || !to.contains_key(&name),
                "{name} goes further although it is listed"
            );
        }
    }
}

/// `name: value` lines; what is none is left out.
fn fields(bytes: &[u8]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (Some(name), Some(value)) = (line.get(..colon), line.get(colon + 1..)) else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            map.append(name, value);
        }
    }
    map
}
