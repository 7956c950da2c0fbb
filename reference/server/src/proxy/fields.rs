//! Which header fields go to an upstream, and which come back from it. Pure.
//!
//! What a client says about the hop that it sees ends at the gate (RFC 9110 §7.6.1). What only the gate may say (who the
//! client is, which host and scheme it asked, that the request is signed) is taken out first and set afterwards, so that
//! neither a field of that name nor a `Connection` that lists it decides what the upstream believes.

use std::net::IpAddr;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use rolegate::caches::{self, CacheRules};
use rolegate::cookie::TOKEN_COOKIE;
use rolegate::edge::marks::{self, Mark};
use rolegate::request::Scheme;

/// RFC 9110 §7.6.1, with the older names that implementations still read.
const HOP_BY_HOP: [&str; 12] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "trailers",
    "upgrade",
];

/// The field that carries the signature of a signed rule (PROXY-1).
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-nf-sign");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// RFC 9110 §7.6.3: an address that is passed on by more servers than this goes in a circle.
const MOST_HOPS: usize = 20;

/// Whose request it is, and what the upstream is told about it.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The address at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// Whether that is a proxy whose forwarding fields the operator trusts.
    pub trusted: bool,
    /// PROXY-5: what such a proxy may say of the visitor beside where the request came from.
    pub vouched: &'a [HeaderName],
    /// The host that the visitor asked.
    pub host: Option<&'a str>,
    /// The scheme that the visitor used.
    pub scheme: Scheme,
}

/// What the upstream gets beside the client's own fields.
#[derive(Clone, Copy, Debug)]
pub struct Additions<'a> {
    /// Whether the cookie `nf_jwt` goes along (PROXY-2).
    pub token: bool,
    /// The fields of the rule.
    pub fields: &'a [(HeaderName, HeaderValue)],
    /// The value of `x-nf-sign`.
    pub signature: Option<&'a HeaderValue>,
    /// The protocol that the client asks to switch to.
    pub upgrade: Option<&'a HeaderValue>,
    /// The name of this gate in `Via`.
    pub pseudonym: &'a str,
}

/// The fields of a request as the upstream gets them; `Host` is left to whoever sends it.
pub fn onward(client: &HeaderMap, sender: Sender<'_>, additions: Additions<'_>) -> HeaderMap {
    let listed = listed(client);
    let mut fields = HeaderMap::with_capacity(client.len() + 6);
    for (name, value) in client {
        let plain = marks::plain(name.as_str());
        // PROXY-5: a trusted proxy writes the fields that it knows, and passes on all others as the client wrote them.
        let is_for_the_gate = match marks::mark(&plain) {
            Some(Mark::Request) => true,
            Some(Mark::Client) => !sender.trusted || (*name != FORWARDED_FOR && !sender.vouched.contains(name)),
            Some(Mark::Passage) | None => false,
        };
        // PROXY-2
        let goes = !is_hop_by_hop(&plain)
            && !listed.iter().any(|other| other.eq_ignore_ascii_case(name.as_str()))
            && !is_for_the_gate
            && plain != SIGNATURE.as_str()
            // The gate has met the expectation by the time that the body is asked for.
            && *name != header::EXPECT
            && *name != header::HOST;
        if !goes {
            continue;
        }
        if *name == header::COOKIE && !additions.token {
            if let Some(rest) = without_token(value.as_bytes()).and_then(|rest| HeaderValue::from_bytes(&rest).ok()) {
                fields.append(name, rest);
            }
        } else {
            fields.append(name, value.clone());
        }
    }
    tell_about(&mut fields, sender);
    if let Ok(via) = HeaderValue::try_from(format!("1.1 {}", additions.pseudonym)) {
        fields.append(header::VIA, via);
    }
    if let Some(protocol) = additions.upgrade {
        fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(header::UPGRADE, protocol.clone());
    }
    // The rule's own fields come last, and win.
    for (name, value) in additions.fields.iter().filter(|(name, _)| may_be_added(name)) {
        fields.insert(name, value.clone());
    }
    if let Some(signature) = additions.signature {
        fields.insert(SIGNATURE, signature.clone());
    }
    fields
}

/// Whether a field of a rule can be added to a request: it neither frames the message nor speaks for the gate.
pub fn may_be_added(name: &HeaderName) -> bool {
    !is_hop_by_hop(name.as_str())
        && *name != header::CONTENT_LENGTH
        && *name != header::HOST
        && *name != header::EXPECT
        && *name != SIGNATURE
}

/// PROXY-6.coded: whether a body comes in one piece after the other and no other coding, as far as framing goes: what is coded for this hop in a
/// way that nobody undoes here would reach the client as something else than it is.
pub fn is_framed_plainly(upstream: &HeaderMap) -> bool {
    let mut codings =
        upstream.get_all(header::TRANSFER_ENCODING).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let is_chunked = codings.next().is_none_or(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"));
    is_chunked && codings.next().is_none()
}

/// The fields of an answer as the client gets them.
pub fn back(upstream: HeaderMap, rules: CacheRules) -> HeaderMap {
    let listed = listed(&upstream);
    let mut fields = HeaderMap::with_capacity(upstream.len() + 2);
    for (name, value) in &upstream {
        let for_one_hop = is_hop_by_hop(name.as_str()) && *name != header::TRAILER;
        let goes = !for_one_hop
            && !listed.iter().any(|other| other.eq_ignore_ascii_case(name.as_str()))
            // RFC 7838: it would lead browsers past the gate.
            && *name != header::ALT_SVC;
        if goes {
            fields.append(name, value.clone());
        }
    }
    // NOLEAK-4
    rules.restrict(&mut fields);
    fields
}

/// Whether a trailer field may pass: framing, routing, cookies and what caches go by never come after the body (RFC 9110
/// §6.5.1), where they would be read by whoever merges trailers into the head.
pub fn passes_as_trailer(name: &HeaderName) -> bool {
    !is_hop_by_hop(name.as_str())
        && !caches::steers_caches(name)
        && ![
            header::ALT_SVC,
            header::AUTHORIZATION,
            header::CACHE_CONTROL,
            header::CONTENT_ENCODING,
            header::CONTENT_LENGTH,
            header::CONTENT_RANGE,
            header::CONTENT_TYPE,
            header::COOKIE,
            header::HOST,
            header::LOCATION,
            header::SET_COOKIE,
            header::VARY,
        ]
        .contains(name)
}

/// Takes out what would make the answer another one than the whole page.
pub fn ask_for_a_page(client: &mut HeaderMap) {
    let conditions = [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE];
    for name in conditions.into_iter().chain([header::IF_RANGE, header::RANGE, header::UPGRADE]) {
        client.remove(name);
    }
    for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONTENT_ENCODING, header::TRANSFER_ENCODING] {
        client.remove(name);
    }
}

/// Takes out what tells about the file that the page is.
pub fn answer_as_a_page(fields: &mut HeaderMap) {
    for name in [header::ETAG, header::LAST_MODIFIED, header::ACCEPT_RANGES, header::CONTENT_RANGE] {
        fields.remove(name);
    }
}

/// RFC 9110 §7.6.3: whether this gate has seen the request before, or too many others have.
pub fn goes_in_a_circle(client: &HeaderMap, pseudonym: &str) -> bool {
    let mut hops: usize = 0;
    for line in client.get_all(header::VIA) {
        for hop in line.as_bytes().split(|byte| *byte == b',') {
            hops = hops.saturating_add(1);
            if hop.split(u8::is_ascii_whitespace).any(|word| word == pseudonym.as_bytes()) {
                return true;
            }
        }
    }
    hops > MOST_HOPS
}

/// PROXY-7: whether upstreams are asked with this method, without a further word of the operator: those of RFC 9110, PATCH and QUERY.
///
/// A method in small letters is another one, which an upstream may take for the same.
pub fn may_ask_with(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "QUERY")
}

/// PROXY-7: whether an operator can name this method: its answer does not show the request, with what the gate has added to it, and it opens no
/// tunnel.
pub fn may_be_asked_with(method: &Method) -> bool {
    !["TRACE", "TRACK", "DEBUG", "CONNECT"].iter().any(|never| method.as_str().eq_ignore_ascii_case(never))
}

/// PROXY-7.hops, RFC 9110 §7.6.2: whether a request may be passed on by so many servers as it says. It says one less from here on.
pub fn goes_further(client: &mut HeaderMap) -> bool {
    let mut lines = client.get_all(header::MAX_FORWARDS).iter();
    let Some(line) = lines.next() else { return true };
    let number = line.to_str().ok().and_then(|text| text.trim().parse::<u32>().ok()).filter(|_| lines.next().is_none());
    // What is no number says nothing that could be kept, and the request ends here.
    let Some(left) = number.and_then(|number| number.checked_sub(1)) else { return false };
    client.insert(header::MAX_FORWARDS, left.into());
    true
}

/// The protocol that a client asks to switch to, where the gate lets it pass.
///
/// HTTP itself and TLS do not: further requests would go through such a tunnel past the rules.
pub fn wanted_upgrade(client: &HeaderMap) -> Option<HeaderValue> {
    if !listed(client).iter().any(|name| name.eq_ignore_ascii_case("upgrade")) {
        return None;
    }
    let mut lines = client.get_all(header::UPGRADE).iter();
    let protocol = lines.next()?;
    let text = protocol.to_str().ok()?.trim();
    let name = text.split('/').next().unwrap_or(text).to_ascii_lowercase();
    let is_token = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte));
    let one = lines.next().is_none() && !text.is_empty() && text.split('/').all(is_token);
    let carries_requests =
        name.starts_with("h2") || name.starts_with("h3") || name.starts_with("http") || name.starts_with("tls");
    (one && !carries_requests).then(|| protocol.clone())
}

/// Whether an answer with status 101 switches to the protocol that was asked for.
pub fn switches_to(upstream: &HeaderMap, wanted: &HeaderValue) -> bool {
    let mut lines = upstream.get_all(header::UPGRADE).iter();
    let said = lines.next().map(HeaderValue::as_bytes).unwrap_or_default();
    said.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes().trim_ascii()) && lines.next().is_none()
}

/// Whether an answer goes on for as long as both sides like: events (HTML §9.2) and parts that replace one another.
pub fn has_no_end(back: &HeaderMap) -> bool {
    let written = back.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = written.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    [b"text/event-stream".as_slice(), b"multipart/x-mixed-replace"].iter().any(|one| kind.eq_ignore_ascii_case(one))
}

fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.contains(&name)
}

/// The names that the `Connection` lines list.
fn listed(fields: &HeaderMap) -> Vec<String> {
    fields
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Says who asked, what host, and how: what the gate itself takes for true. A chain of addresses that came through a trusted
/// proxy is kept, and gets one longer.
fn tell_about(fields: &mut HeaderMap, sender: Sender<'_>) {
    let said: Vec<String> =
        fields.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok().map(str::to_owned)).collect();
    let chain: Vec<String> = said.into_iter().chain(sender.peer.map(|peer| peer.to_canonical().to_string())).collect();
    set(fields, FORWARDED_FOR, &chain.join(", "));
    set(fields, FORWARDED_PROTO, sender.scheme.name());
    set(fields, FORWARDED_HOST, sender.host.unwrap_or_default());
}

/// An empty value is no field.
fn set(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    fields.remove(&name);
    if let Ok(value) = HeaderValue::try_from(value)
        && !value.is_empty()
    {
        fields.insert(name, value);
    }
}

/// A `Cookie` line without the token; `None` where nothing else stands in it. The other pairs stay as they are.
fn without_token(line: &[u8]) -> Option<Vec<u8>> {
    let is_token = |pair: &&[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(TOKEN_COOKIE.as_bytes())
    };
    let kept: Vec<&[u8]> = line.split(|byte| *byte == b';').filter(|pair| !is_token(pair)).collect();
    let kept = kept.join(&b';');
    let kept = kept.trim_ascii();
    (!kept.is_empty()).then(|| kept.to_vec())
}

#[cfg(test)]
mod tests;
