//! The bodies that the identity service reads.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a property that fails panics, and what is indexed is as long as that"
)]

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rolegate_identity::body::Form;
use rolegate_identity::hooks::Loopback;
use rolegate_identity::mail::{Mail, Mailbox};
use rolegate_identity::password::Cost;
use rolegate_identity::store::FileStore;
use rolegate_identity::tokens::SecretTokens;
use rolegate_identity::{Call, Handler as _, Moment, Parts, Service, Settings};
use serde_json::Value;

/// A service is asked so often, and then another takes its place, so that its store stays small.
const ASKED: u32 = 500;
const PASSWORD: &str = "password";
const FORM: &str = "application/x-www-form-urlencoded";

/// A service in memory, and how often it was asked.
static SERVICE: Mutex<Option<(u32, Service)>> = Mutex::new(None);

/// Whatever is sent to the routes that need no token: nothing panics, nothing of ours fails, no tokens come without the
/// password, and no answer holds what nobody may have. A form is read as it was written.
///
/// The first byte picks the route; what follows up to a line end is the query, and the rest is the body.
pub fn identity_bodies(bytes: &[u8]) {
    a_form_is_read_as_it_was_written(bytes);
    let Some((route, rest)) = bytes.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (query, body) = rest.split_at(end);
    // A server hands on no other target.
    if !query.iter().all(u8::is_ascii_graphic) {
        return;
    }
    let query = String::from_utf8_lossy(query).into_owned();
    let (method, path) = [
        (Method::POST, "/token"),
        (Method::POST, "/signup"),
        (Method::POST, "/verify"),
        (Method::POST, "/recover"),
        (Method::GET, "/callback"),
        (Method::POST, "/stand-in"),
        (Method::GET, "/authorize"),
    ][usize::from(*route) % 7]
        .clone();
    let call = Call {
        method,
        path: path.to_owned(),
        query: query.clone(),
        headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(FORM))]),
        body: body.to_vec().into(),
        origin: "http://site.localhost".to_owned(),
        home: "http://site.localhost".to_owned(),
        client: [127, 0, 0, 1].into(),
        now: Moment::from_seconds(1_700_000_000),
    };
    let mut kept = SERVICE.lock().unwrap_or_else(PoisonError::into_inner);
    let (asked, service) = match kept.take() {
        Some((asked, service)) if asked < ASKED => (asked, service),
        _ => (0, service()),
    };
    let reply = service.answer(&call);
    let status = reply.status.as_u16();
    assert!(status < 500, "{path}: {status}");
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert!(!text.contains(service.operator_token()), "{path}: the operator's token");
    if status == 200 && path != "/stand-in" {
        let document: Value = serde_json::from_slice(&reply.body).expect("a JSON document");
        if document.get("access_token").is_some() {
            let form = Form::of(&call);
            assert_eq!(path, "/token");
            assert_eq!(form.field("password"), Some(PASSWORD), "tokens without the password");
        }
        let is_admin = document.get("role").is_some_and(|role| role != "");
        assert!(!is_admin && document.pointer("/app_metadata/roles").is_none(), "{document}");
    }
    *kept = Some((asked + 1, service));
}

/// Each piece between NUL bytes is a name or a value.
fn a_form_is_read_as_it_was_written(bytes: &[u8]) {
    let pieces: Vec<&[u8]> = bytes.split(|byte| *byte == 0).take(32).collect();
    let pairs = pieces.chunks_exact(2).map(|pair| (pair[0], pair[1])).filter(|(name, _)| !name.is_empty());
    let pairs: Vec<_> = pairs.collect();
    let encode = |text: &[u8]| percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%20", "+");
    let text = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>();
    let form = Form::read(&text.join("&"));
    let as_text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (name, _) in &pairs {
        let first = pairs.iter().find(|(other, _)| as_text(other) == as_text(name)).map(|(_, value)| as_text(value));
        assert_eq!(form.field(&as_text(name)), first.as_deref(), "{text:?}");
    }
}

fn service() -> Service {
    let settings = Settings {
        password_cost: Cost::CHEAP,
        token_attempts: 0,
        autoconfirm: true,
        providers: vec!["github".to_owned()],
        ..Settings::default()
    };
    let service = Service::new(Parts {
        store: Arc::new(FileStore::in_memory().expect("memory")),
        tokens: Arc::new(SecretTokens::new(b"a secret of thirty-two bytes, ok").expect("a secret")),
        mailbox: Arc::new(Nowhere),
        caller: Arc::new(Loopback),
        settings,
    });
    let service = service.expect("a service");
    let body = serde_json::json!({ "email": "a@b.example", "password": PASSWORD }).to_string();
    let made = service.answer(&Call {
        method: Method::POST,
        path: "/signup".to_owned(),
        query: String::new(),
        headers: HeaderMap::new(),
        body: body.into(),
        origin: "http://site.localhost".to_owned(),
        home: "http://site.localhost".to_owned(),
        client: [127, 0, 0, 1].into(),
        now: Moment::from_seconds(1_700_000_000),
    });
    assert_eq!(made.status.as_u16(), 200);
    service
}

/// Takes mails, and keeps none.
#[derive(Debug)]
struct Nowhere;

impl Mailbox for Nowhere {
    fn deliver(&self, _: &Mail, _: Moment) -> io::Result<()> {
        Ok(())
    }

    fn newest(&self, _: usize) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}
