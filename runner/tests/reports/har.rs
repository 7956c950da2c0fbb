//! HAR 1.2 read by structs that hold every member of the specification and no other.
#![expect(dead_code, reason = "being read is the test")]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatecheck::report::Kind;
use gatecheck::report::aggregate::Aggregate;
use serde::Deserialize;

use crate::run::{aggregate, no_gate};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    version: String,
    creator: Creator,
    browser: Option<Creator>,
    pages: Option<Vec<serde_json::Value>>,
    entries: Vec<Entry>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Creator {
    name: String,
    version: String,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Entry {
    pageref: Option<String>,
    started_date_time: String,
    time: f64,
    request: Request,
    response: Response,
    cache: Cache,
    timings: Timings,
    #[serde(rename = "serverIPAddress")]
    server_ip_address: Option<String>,
    connection: Option<String>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    http_version: String,
    cookies: Vec<Cookie>,
    headers: Vec<Pair>,
    query_string: Vec<Pair>,
    post_data: Option<PostData>,
    headers_size: i64,
    body_size: i64,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Response {
    status: u16,
    status_text: String,
    http_version: String,
    cookies: Vec<Cookie>,
    headers: Vec<Pair>,
    content: Content,
    #[serde(rename = "redirectURL")]
    redirect_url: String,
    headers_size: i64,
    body_size: i64,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Cookie {
    name: String,
    value: String,
    path: Option<String>,
    domain: Option<String>,
    expires: Option<String>,
    http_only: Option<bool>,
    secure: Option<bool>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    value: String,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PostData {
    mime_type: String,
    params: Vec<serde_json::Value>,
    text: String,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Content {
    size: i64,
    compression: Option<i64>,
    mime_type: String,
    text: Option<String>,
    encoding: Option<String>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Cache {
    before_request: Option<serde_json::Value>,
    after_request: Option<serde_json::Value>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timings {
    blocked: Option<f64>,
    dns: Option<f64>,
    connect: Option<f64>,
    send: f64,
    wait: f64,
    receive: f64,
    ssl: Option<f64>,
    comment: Option<String>,
}

fn read(run: &Aggregate) -> Log {
    let text = Kind::Har.render(run).unwrap();
    serde_json::from_str::<Har>(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).log
}

#[test]
fn har_is_what_the_specification_has() {
    let log = read(&aggregate());
    assert_eq!((log.version.as_str(), log.entries.len()), ("1.2", 4), "the findings that were sent");
    let mut last = String::new();
    for entry in &log.entries {
        assert!(entry.started_date_time > last, "in the order in which they were sent");
        last.clone_from(&entry.started_date_time);
        let Timings { send, wait, receive, .. } = entry.timings;
        assert!((send + wait + receive - entry.time).abs() < 1e-9);
        let url = url::Url::parse(&entry.request.url).unwrap();
        assert_eq!(url.host_str(), Some("gate.example"), "{url}");
        assert!(entry.request.cookies.iter().any(|cookie| cookie.name == "nf_jwt" && cookie.value == "<token>"));
    }
    let hostile = &log.entries[0];
    assert_eq!(hostile.request.query_string.len(), 2);
    let content = &hostile.response.content;
    assert!(
        content.size > 200_000 && content.comment.as_deref().is_some_and(|text| text.starts_with("the first 65536 of"))
    );
    assert_eq!(content.encoding.as_deref(), Some("base64"));
    let bytes = BASE64_STANDARD.decode(content.text.as_deref().unwrap()).unwrap();
    assert!(bytes.starts_with(b"\x00\x07\x1b[31mred") && memchr::memmem::find(&bytes, b"<token>").is_some());

    let raw = &log.entries[2];
    assert_eq!((raw.request.method.as_str(), raw.response.status), ("GET", 0));
    assert_eq!(raw.request.post_data.as_ref().map(|data| data.text.as_str()), Some("x=1"));
    assert!(raw.response.comment.as_deref().is_some_and(|why| why.contains("closed")));
    assert!(read(&no_gate()).entries.is_empty());
}
