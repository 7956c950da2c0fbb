//! A service without sockets, a clock that a test moves, and mails that a test reads.
#![allow(dead_code, clippy::type_complexity, reason = "not every test uses all of it; what is remembered is read once")]

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rolegate_identity::hooks::{Caller, Target};
use rolegate_identity::mail::{Mail, Mailbox};
use rolegate_identity::password::Cost;
use rolegate_identity::store::{FileStore, Store};
use rolegate_identity::tokens::SecretTokens;
use rolegate_identity::{Call, Handler as _, Moment, Parts, Reply, Service, Settings, Tokens as _};
use serde_json::{Value, json};

pub const SECRET: &[u8] = b"a secret of thirty-two bytes, ok";
pub const ORIGIN: &str = "http://site.localhost:8888";
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A service and what stands around it.
pub struct World {
    pub service: Service,
    pub mails: Arc<Mails>,
    pub hooks: Arc<Hooks>,
    pub tokens: Arc<SecretTokens>,
    pub now: Mutex<Moment>,
}

#[derive(Debug, Default)]
pub struct Mails(pub Mutex<Vec<Mail>>);

impl Mailbox for Mails {
    fn deliver(&self, mail: &Mail, _: Moment) -> io::Result<()> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(())
    }

    fn newest(&self, _: usize) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Event functions that answer what a test says, and remember what they were asked.
#[derive(Default)]
pub struct Hooks {
    pub asked: Mutex<Vec<(Vec<(String, String)>, Value)>>,
    pub answers: Mutex<Vec<io::Result<(u16, Vec<u8>)>>>,
    /// What somebody else does while the next one is asked.
    pub meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

impl Caller for Hooks {
    fn post(&self, _: &Target, fields: &[(&str, &str)], document: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.asked.lock().unwrap().push((fields, serde_json::from_slice(document).unwrap()));
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() { Ok((204, Vec::new())) } else { answers.remove(0) }
    }
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub reply: Reply,
}

impl Answer {
    pub fn field(&self, name: &str) -> &str {
        self.reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The message of an error of the one shape, or code and sentence of the other.
    pub fn error(&self) -> String {
        match (&self.body["msg"], &self.body["error"], &self.body["error_description"]) {
            (Value::String(message), ..) => {
                assert_eq!(self.body["code"], json!(self.status));
                message.clone()
            }
            (_, Value::String(error), Value::String(sentence)) => format!("{error}: {sentence}"),
            (_, Value::String(error), _) => error.clone(),
            _ => String::new(),
        }
    }
}

/// A request, before it is sent.
pub struct Ask<'a> {
    world: &'a World,
    call: Call,
}

impl World {
    pub fn new(change: impl FnOnce(&mut Settings)) -> World {
        World::over(Arc::new(FileStore::in_memory().unwrap()), change)
    }

    pub fn over(store: Arc<dyn Store>, change: impl FnOnce(&mut Settings)) -> World {
        let mut settings = Settings { password_cost: Cost::CHEAP, token_attempts: 0, ..Settings::default() };
        change(&mut settings);
        let (mails, hooks) = (Arc::new(Mails::default()), Arc::new(Hooks::default()));
        let tokens = Arc::new(SecretTokens::new(SECRET).unwrap());
        let service = Service::new(Parts {
            store,
            tokens: tokens.clone(),
            mailbox: mails.clone(),
            caller: hooks.clone(),
            settings,
        })
        .unwrap();
        World { service, mails, hooks, tokens, now: Mutex::new(Moment::from_seconds(1_700_000_000)) }
    }

    pub fn wait(&self, time: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = now.after(time);
    }

    pub fn ask(&self, method: &str, target: &str) -> Ask<'_> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ask {
            world: self,
            call: Call {
                method: Method::from_bytes(method.as_bytes()).unwrap(),
                path: path.to_owned(),
                query: query.to_owned(),
                headers: HeaderMap::new(),
                body: Default::default(),
                origin: ORIGIN.to_owned(),
                home: ORIGIN.to_owned(),
                client: [127, 0, 0, 1].into(),
                now: *self.now.lock().unwrap(),
            },
        }
    }

    pub fn get(&self, target: &str) -> Answer {
        self.ask("GET", target).send()
    }

    pub fn post(&self, target: &str, body: Value) -> Answer {
        self.ask("POST", target).json(body).send()
    }

    /// The token in the last mail.
    pub fn mailed(&self) -> String {
        self.mails.0.lock().unwrap().last().expect("a mail").link.rsplit_once('=').unwrap().1.to_owned()
    }

    pub fn log_in(&self, email: &str, password: &str) -> Answer {
        let [email, password] = [email, password]
            .map(|text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string());
        self.ask("POST", "/token").form(&format!("grant_type=password&username={email}&password={password}")).send()
    }

    pub fn refresh(&self, token: &str) -> Answer {
        self.ask("POST", "/token").form(&format!("grant_type=refresh_token&refresh_token={token}")).send()
    }

    /// A confirmed user with the password `password`; its id.
    pub fn user(&self, email: &str) -> String {
        let made = self
            .ask("POST", "/admin/users")
            .bearer(self.service.operator_token())
            .json(json!({ "email": email, "password": "password", "confirm": true }))
            .send();
        assert_eq!(made.status, 200, "{made:?}");
        made.body["id"].as_str().unwrap().to_owned()
    }

    /// Changes a user as the operator.
    pub fn change(&self, id: &str, changes: Value) -> Answer {
        self.ask("PUT", &format!("/admin/users/{id}")).bearer(self.service.operator_token()).json(changes).send()
    }

    /// The access token of a log-in.
    pub fn access(&self, email: &str) -> String {
        let answer = self.log_in(email, "password");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    pub fn sign(&self, claims: Value) -> String {
        self.tokens.sign(claims.as_object().unwrap())
    }

    pub fn claims(&self, token: &str) -> Value {
        Value::Object(self.tokens.read(token, *self.now.lock().unwrap()).unwrap())
    }
}

impl Ask<'_> {
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.call
            .headers
            .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.field("authorization", &format!("Bearer {token}"))
    }

    pub fn origin(mut self, origin: &str) -> Self {
        self.call.origin = origin.to_owned();
        self
    }

    pub fn json(mut self, body: Value) -> Self {
        self.call.body = body.to_string().into();
        self
    }

    pub fn text(mut self, body: &str) -> Self {
        self.call.body = body.to_owned().into();
        self
    }

    pub fn form(self, body: &str) -> Self {
        self.field("content-type", "application/x-www-form-urlencoded").text(body)
    }

    pub fn client(mut self, client: [u8; 4]) -> Self {
        self.call.client = client.into();
        self
    }

    pub fn send(self) -> Answer {
        let reply = self.world.service.answer(&self.call);
        let is_json = reply.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        assert_eq!(reply.headers.get("cache-control").map(|value| value.to_str().unwrap()), Some("no-store"));
        assert!(is_json || reply.status != 200 || self.call.path == "/stand-in", "{reply:?}");
        let body = if is_json { serde_json::from_slice(&reply.body).expect("JSON") } else { Value::Null };
        Answer { status: reply.status.as_u16(), body, reply }
    }
}
