//! HAR 1.2 of the failed exchanges, for the network tools that read it.
//!
//! HAR speaks of texts and URLs; what a hostile request or answer has instead of them is escaped, and a body that is no UTF-8 is base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use serde::Serialize;

use super::RenderError;
use super::aggregate::{Aggregate, millis, timestamp};
use super::evidence::Evidence;
use super::outcome::Outcome;
use crate::text::{printable, visible, visible_json};
use crate::wire::{Answer, Client, End, Exchange, Response};

/// What a URL cannot hold; the rest stays as it was sent.
const NOT_IN_A_URL: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'\\');

#[derive(Serialize)]
struct Har {
    log: Log,
}

#[derive(Serialize)]
struct Log {
    version: &'static str,
    creator: Creator,
    entries: Vec<Entry>,
    comment: String,
}

#[derive(Serialize)]
struct Creator {
    name: &'static str,
    version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: String,
    time: f64,
    request: Request,
    response: HarResponse,
    cache: Cache,
    timings: Timings,
    comment: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    http_version: &'static str,
    cookies: Vec<Pair>,
    headers: Vec<Pair>,
    query_string: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData>,
    headers_size: i64,
    body_size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HarResponse {
    status: u16,
    status_text: String,
    http_version: &'static str,
    cookies: Vec<Pair>,
    headers: Vec<Pair>,
    content: Content,
    #[serde(rename = "redirectURL")]
    redirect_url: String,
    headers_size: i64,
    body_size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Clone, Serialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: String,
    params: [Pair; 0],
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    size: usize,
    mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
struct Cache {}

#[derive(Serialize)]
struct Timings {
    send: f64,
    wait: f64,
    receive: f64,
}

/// The HAR log.
///
/// # Errors
/// None that a run can bring about.
pub fn render(run: &Aggregate) -> Result<String, RenderError> {
    let mut failed: Vec<(&Outcome, &Evidence)> =
        run.all_findings().into_iter().filter_map(|outcome| Some((outcome, outcome.evidence.as_ref()?))).collect();
    failed.sort_by_key(|(_, evidence)| evidence.exchange.started);
    let pins = &run.pins;
    let log = Log {
        version: "1.2",
        creator: Creator { name: "gatecheck", version: pins.runner_version.clone() },
        entries: failed.into_iter().map(|(outcome, evidence)| entry(outcome, evidence)).collect(),
        comment: visible(&run.colophon()),
    };
    Ok(visible_json(serde_json::to_string_pretty(&Har { log })?) + "\n")
}

/// A request as texts, whether it was sent in parts or as a whole.
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Head {
    /// Reads it off what was sent; a request that was sent as a whole may be no HTTP at all, and is read as far as it goes.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let sent = &evidence.exchange.sent;
        let Some(raw) = &sent.raw else {
            let mut headers = vec![("Host".to_owned(), sent.host.clone())];
            headers.extend(sent.headers.iter().cloned());
            let target = printable(&sent.target);
            return Self { method: visible(&sent.method), target, headers, body: sent.body.clone() };
        };
        let end = memchr::memmem::find(raw, b"\r\n\r\n");
        let (head, rest) = raw.split_at_checked(end.unwrap_or(raw.len())).unwrap_or((raw, &[]));
        let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = lines.next().unwrap_or_default();
        let (method, after) = parted(first, b' ');
        let target = after.strip_suffix(b" HTTP/1.1").or(after.strip_suffix(b" HTTP/1.0")).unwrap_or(after);
        Self {
            method: printable(method),
            target: printable(target),
            headers: lines
                .map(|line| parted(line, b':'))
                .map(|(name, value)| (printable(name), value.trim_ascii().to_vec()))
                .collect(),
            body: rest.strip_prefix(b"\r\n\r\n").unwrap_or(rest).to_vec(),
        }
    }
}

fn entry(outcome: &Outcome, evidence: &Evidence) -> Entry {
    let exchange = &evidence.exchange;
    let time = millis(exchange.elapsed);
    let mut comment = format!(
        "{} {}: {} ({}:{}). Expected {}, got {}.",
        outcome.verdict.name(),
        outcome.requirement(),
        outcome.id,
        outcome.path(),
        outcome.line,
        outcome.expected,
        outcome.actual()
    );
    if outcome.attempts > 1 {
        comment.push_str(&format!(" Sent {} times.", outcome.attempts));
    }
    if let Some(entry) = &outcome.known {
        comment.push_str(&format!(" Known, {}: {}.", entry.at(), entry.told()));
    }
    Entry {
        started_date_time: timestamp(exchange.started),
        time,
        request: request(evidence),
        response: match &exchange.answer {
            Answer::Response(response) => har_response(response, evidence),
            Answer::Closed(bytes) => no_response("connection closed without a whole response", bytes, evidence),
            Answer::TimedOut(bytes) => no_response("no whole response within the time limit", bytes, evidence),
            Answer::TooLong(bytes) => no_response("no response in as much as is read of an answer", bytes, evidence),
        },
        cache: Cache {},
        timings: Timings { send: 0.0, wait: time, receive: 0.0 },
        comment: visible(&comment),
    }
}

fn request(evidence: &Evidence) -> Request {
    let Exchange { sent, client, .. } = &evidence.exchange;
    let head = Head::of(evidence);
    let query = head.target.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
    let field = |name: &str| {
        let found = head.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| printable(value))
    };
    Request {
        url: url(evidence, &head.target),
        http_version: "HTTP/1.1",
        cookies: cookies(&head.headers, "cookie"),
        query_string: query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| Pair { name: name.to_owned(), value: value.to_owned() })
            .collect(),
        post_data: (!head.body.is_empty()).then(|| PostData {
            mime_type: field("content-type").unwrap_or_default(),
            params: [],
            text: printable(&head.body),
        }),
        headers_size: -1,
        body_size: size(head.body.len()),
        comment: (*client == Client::Raw).then(|| {
            let how = if sent.raw.is_some() { "sent as a whole" } else { "sent byte for byte" };
            format!("{how}; what is no text is escaped here, the exact bytes: {}", evidence.again)
        }),
        method: head.method,
        headers: pairs(&head.headers),
    }
}

fn har_response(response: &Response, evidence: &Evidence) -> HarResponse {
    let text = |name: &str| response.header(name).next().map(printable).unwrap_or_default();
    HarResponse {
        status: response.status,
        status_text: reason(&response.wire),
        http_version: "HTTP/1.1",
        cookies: cookies(&response.headers, "set-cookie"),
        headers: pairs(&response.headers),
        content: content(&response.body, evidence.body_length, text("content-type")),
        redirect_url: text("location"),
        headers_size: -1,
        body_size: size(evidence.body_length),
        comment: match response.end {
            End::Whole => None,
            End::Closed => Some("the connection ended before the response did".to_owned()),
            End::TimedOut => Some("not whole within the time limit".to_owned()),
            End::TooLong => Some("longer than is read of an answer, and cut".to_owned()),
        },
    }
}

/// What browsers write where there was no response: status 0.
fn no_response(why: &str, bytes: &[u8], evidence: &Evidence) -> HarResponse {
    HarResponse {
        status: 0,
        status_text: String::new(),
        http_version: "",
        cookies: Vec::new(),
        headers: Vec::new(),
        content: content(bytes, evidence.wire_length, "x-unknown".to_owned()),
        redirect_url: String::new(),
        headers_size: -1,
        body_size: -1,
        comment: Some(why.to_owned()),
    }
}

fn content(bytes: &[u8], length: usize, mime_type: String) -> Content {
    let cut = length > bytes.len() && !bytes.is_empty();
    let (text, encoding) = match std::str::from_utf8(bytes) {
        Ok("") => (None, None),
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (Some(BASE64_STANDARD.encode(bytes)), Some("base64")),
    };
    let comment = cut.then(|| format!("the first {} of {length} bytes", bytes.len()));
    Content { size: length, mime_type, text, encoding, comment }
}

/// The target on the gate's origin; one that is a URL itself stands alone.
fn url(evidence: &Evidence, target: &str) -> String {
    let origin = evidence.target.origin();
    let url = match target {
        target if target.starts_with('/') => format!("{origin}{target}"),
        target if target.contains("://") => target.to_owned(),
        target => format!("{origin}/{target}"),
    };
    percent_encode(url.as_bytes(), NOT_IN_A_URL).to_string()
}

/// The reason phrase, as it came.
fn reason(wire: &[u8]) -> String {
    let line = wire.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    line.splitn(3, |byte| *byte == b' ').nth(2).map(printable).unwrap_or_default()
}

fn cookies(headers: &[(String, Vec<u8>)], field: &str) -> Vec<Pair> {
    let lines = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(field));
    // A Set-Cookie line holds one pair and its attributes, a Cookie line any number of pairs.
    let most = if field == "set-cookie" { 1 } else { usize::MAX };
    lines
        .flat_map(|(_, value)| value.split(|byte| *byte == b';').take(most))
        .map(|pair| parted(pair.trim_ascii(), b'='))
        .map(|(name, value)| Pair { name: printable(name), value: printable(value) })
        .collect()
}

fn pairs(headers: &[(String, Vec<u8>)]) -> Vec<Pair> {
    headers.iter().map(|(name, value)| Pair { name: visible(name), value: printable(value) }).collect()
}

/// What stands before and behind the first `at`; nothing stands behind where there is none.
fn parted(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == at);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn size(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
