//! What must hold for every refused request, whatever the case expects: checked without an oracle, by asking again.
//!
//! - **uniform**: a bad token is no token. The denial of a request with a token equals the denial of the same request without one: status, Location,
//!   header names, and the body with dates and ids masked.
//! - **liveness**: right after the hostile request the gate still admits the control, on the same connection and on a new one.
//! - **secrets**: no answer carries the token that came with the request, or the secret (TOKEN-11); for admitted requests as well.
//! - **metadata**: the `ETag`, `Last-Modified` and length of protected content are as secret as its text.
//! - **no-content**: behind an answer that ends with its head (to HEAD, with 204 or 304) comes nothing; for admitted requests as well.
//!
//! Leaks are looked for in every answer that these questions bring. Each invariant can be switched off for a gate that cannot be asked so, and the report says so.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::judge::{early_end, summary};
use crate::text::printable;
use crate::verdict::Mismatch;
use crate::wire::{Answer, End, Exchange, Response};

/// An invariant by name, as `--without` and gate files have it.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, clap::ValueEnum, schemars::JsonSchema, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Invariant {
    /// After a hostile request the control is still admitted.
    Liveness,
    /// ETag, Last-Modified and length of protected content stay secret.
    Metadata,
    /// Nothing comes behind an answer that ends with its head.
    NoContent,
    /// Neither token nor secret comes back.
    Secrets,
    /// A bad token is no token.
    Uniform,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: [Self; 5] = [Self::Liveness, Self::Metadata, Self::NoContent, Self::Secrets, Self::Uniform];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::Metadata => "metadata",
            Self::NoContent => "no-content",
            Self::Secrets => "secrets",
            Self::Uniform => "uniform",
        }
    }

    /// The requirement that it holds every gate to.
    #[must_use]
    pub fn requirement(self) -> &'static str {
        match self {
            Self::Liveness => "HTTP-11",
            Self::Metadata => "NOLEAK-2",
            Self::NoContent => "HTTP-1",
            Self::Secrets => "TOKEN-11",
            Self::Uniform => "TOKEN-10.uniform",
        }
    }

    /// What a gate that breaks it has got wrong.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Liveness => "Right after this request the gate no longer admitted whom it admits.",
            Self::Metadata => "A refused visitor was told what describes the protected file.",
            Self::NoContent => {
                "Content came behind an answer that ends with its head, where a client takes it for the next answer."
            }
            Self::Secrets => "The token or the secret stands in the answer.",
            Self::Uniform => {
                "A bad token got another answer than no token, which tells whoever sends it what is wrong with it."
            }
        }
    }
}

/// What differs where a bad token is told from none.
pub(crate) const UNIFORM: &str = "bad token is no token";
/// What differs where a refused visitor is told what describes the content.
pub(crate) const METADATA: &str = "what describes the content";
/// What differs where content comes behind an answer that has none.
pub(crate) const CONTENT: &str = "what comes behind the head";
/// What differs where a secret stands in an answer.
pub(crate) const SECRETS: &str = "what an answer may hold";

/// What an admitted visitor was told about a protected file: values that nobody else may see.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The entity tag, without `W/`.
    pub etag: Option<Vec<u8>>,
    /// The modification date.
    pub last_modified: Option<Vec<u8>>,
    /// The length in bytes.
    pub length: Option<usize>,
}

impl Metadata {
    /// Reads them off the answer that admitted the control.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        Self {
            etag: response.header("etag").next().map(|tag| opaque(tag).to_vec()),
            last_modified: response.header("last-modified").next().map(<[u8]>::to_vec),
            length: (response.status == 200).then_some(response.body.len()).filter(|length| *length > 0),
        }
    }

    /// Without the modification date, for a gate whose files were not written by this runner and may all bear the date of one deployment.
    #[must_use]
    pub fn without_date(self) -> Self {
        Self { last_modified: None, ..self }
    }

    /// Which of them a refused visitor was told.
    #[must_use]
    pub fn leaked(&self, exchange: &Exchange) -> Option<&'static str> {
        let response = exchange.answer.response()?;
        if self.etag.is_some() && response.header("etag").next().map(opaque) == self.etag.as_deref() {
            return Some("ETag");
        }
        if self.last_modified.is_some() && response.header("last-modified").next() == self.last_modified.as_deref() {
            return Some("Last-Modified");
        }
        let number = |value: &[u8]| std::str::from_utf8(value).ok()?.trim().parse::<usize>().ok();
        let total = response
            .header("content-range")
            .find_map(|value| number(value.rsplit(|byte| *byte == b'/').next().unwrap_or_default()));
        if total.is_some() && total == self.length {
            return Some("Content-Range");
        }
        // With a body the body itself is searched; without one the length is all that there is to leak.
        let bare = exchange.sent.is_head() || response.status == 304;
        let declared = response.header("content-length").find_map(number);
        (bare && declared.is_some() && declared == self.length).then_some("Content-Length")
    }
}

/// That a refused visitor was told what describes the content.
pub(crate) fn describes(place: &str) -> Mismatch {
    let expected = format!("{BEFORE}{place}{BEHIND}");
    Mismatch { what: METADATA.to_owned(), expected, actual: "the same".to_owned() }
}

/// What describes the content, where a mismatch says that a refused visitor was told it.
pub(crate) fn described(mismatch: &Mismatch) -> Option<&str> {
    (mismatch.what == METADATA).then(|| mismatch.expected.strip_prefix(BEFORE)?.strip_suffix(BEHIND))?
}

const BEFORE: &str = "not the ";
const BEHIND: &str = " that whoever is admitted is told";

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// HTTP-1: the content behind an answer that ends with its head (RFC 9112 §6.3).
#[must_use]
pub fn no_content(exchange: &Exchange) -> Option<Mismatch> {
    let response = exchange.answer.response()?;
    if response.body.is_empty() || !exchange.sent.is_answered_without_content(response.status) {
        return None;
    }
    let length = match response.body.len() {
        1 => "1 byte".to_owned(),
        length => format!("{length} bytes"),
    };
    // Of what does not end, only the beginning was read.
    let more = early_end(response.end).filter(|_| response.end != End::Closed);
    let actual = more.map_or_else(|| length.clone(), |why| format!("{length}, {why}"));
    Some(Mismatch { what: CONTENT.to_owned(), expected: "nothing".to_owned(), actual })
}

/// TOKEN-11: whether the answer carries the signature of the token in the cookie, or the secret.
///
/// A token in the request target is no finding: a redirect passes the query on, and the visitor put it there. Nor is one in a `Set-Cookie` where `may_renew` says
/// that a site may give a visitor the cookie anew.
#[must_use]
pub fn secrets(exchange: &Exchange, secret: &str, may_renew: bool) -> Option<Mismatch> {
    // Shorter texts stand in pages by chance.
    const TELLING: usize = 16;
    let bytes = match exchange.answer.response().filter(|_| may_renew) {
        Some(response) => Cow::Owned(without_cookies(response)),
        None => Cow::Borrowed(exchange.answer.bytes()),
    };
    let found = |what: &str| {
        let actual = format!("{what} stands in it");
        Some(Mismatch { what: SECRETS.to_owned(), expected: "neither token nor secret in it".to_owned(), actual })
    };
    let carries = |needle: &[u8]| needle.len() >= TELLING && memchr::memmem::find(&bytes, needle).is_some();
    if carries(secret.as_bytes()) {
        return found("the secret");
    }
    let cookies = exchange.sent.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    for (_, value) in cookies {
        let token = value.split(|byte| *byte == b'=').nth(1).unwrap_or_default();
        let signature = token.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        let in_target = memchr::memmem::find(&exchange.sent.target, signature).is_some();
        if !in_target && carries(signature) {
            return found("the token");
        }
    }
    None
}

/// Fields and body of a response, without what it sets as a cookie.
fn without_cookies(response: &Response) -> Vec<u8> {
    let fields = response.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"));
    let lines = fields.flat_map(|(name, value)| [name.as_bytes(), b": ", value, b"\n"]);
    lines.chain([response.body.as_slice()]).collect::<Vec<_>>().concat()
}

/// The difference between a denial with a bad token and the denial without any.
#[must_use]
pub fn uniform(with_token: &Answer, without: &Answer) -> Option<Mismatch> {
    let differs = |what: &str, expected: String, actual: String| {
        Some(Mismatch { what: format!("{UNIFORM}: {what}"), expected, actual })
    };
    let (Answer::Response(bad), Answer::Response(none)) = (with_token, without) else {
        let same = std::mem::discriminant(with_token) == std::mem::discriminant(without);
        return if same { None } else { differs("answer", summary(without), summary(with_token)) };
    };
    if bad.status != none.status {
        return differs("status", none.status.to_string(), bad.status.to_string());
    }
    let location = |response: &Response| response.header("location").map(printable).collect::<Vec<_>>().join(", ");
    if location(bad) != location(none) {
        return differs("Location", location(none), location(bad));
    }
    let names = |response: &Response| response.headers.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    if names(bad) != names(none) {
        let list = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(", ");
        return differs("header names", list(names(none)), list(names(bad)));
    }
    let (bad_body, none_body) = (masked(&bad.body), masked(&none.body));
    if bad_body != none_body {
        let at = bad_body.iter().zip(&none_body).take_while(|(a, b)| a == b).count();
        let excerpt = |body: &[u8]| printable(body.get(at..at.saturating_add(60).min(body.len())).unwrap_or_default());
        return differs(
            &format!("body from byte {at}"),
            format!("`{}`", excerpt(&none_body)),
            format!("`{}`", excerpt(&bad_body)),
        );
    }
    None
}

/// A body with every run of digits and hexadecimal digits of some length (dates, request ids, ports) replaced by `#`.
fn masked(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':')).count();
        let digits = rest.iter().take(run).any(u8::is_ascii_digit);
        if digits && run >= 2 {
            out.push(b'#');
            rest = rest.get(run..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        Answer::Response(Box::new(Response { status, headers, body: body.as_bytes().to_vec(), ..Response::default() }))
    }

    #[test]
    fn a_bad_token_is_no_token() {
        let none = answer(302, &[("location", "/login")], "go 12:00:01");
        assert_eq!(uniform(&answer(302, &[("location", "/login")], "go 12:00:02"), &none), None);
        for (bad, what) in [
            (answer(400, &[("location", "/login")], "go 12:00:02"), "status"),
            (answer(302, &[("location", "/login?e=expired")], "go"), "Location"),
            (answer(302, &[("location", "/login"), ("x-reason", "expired")], "go"), "header names"),
            (answer(302, &[("location", "/login")], "token expired"), "body"),
            (Answer::Closed(Vec::new()), "answer"),
        ] {
            let found = uniform(&bad, &none).unwrap();
            assert!(found.what.contains(what), "{found:?}");
        }
    }
}
