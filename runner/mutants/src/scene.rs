//! What a defect sees of a request, and what it can change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rolegate::decide::{Decision, decide};
use rolegate::path::{RequestPath, Target};
use rolegate::request::{Request, Scheme};
use rolegate::rules::{Rule, RuleSet};
use rolegate::token::{Keys, Time};
use rolegate::visitor::{Visitor, identify};
use rolegate::{cookie, site};

use super::ground::Ground;

/// A request, read.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method as sent.
    pub method: String,
    /// The request target as sent.
    pub target: Vec<u8>,
    /// The one value of `Host`.
    pub host: Option<String>,
    /// Whether the gate takes the connection for one over TLS.
    pub https: bool,
    /// The header lines as sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The visitor's country, if the gate believes it knows.
    pub country: Option<String>,
    /// Whether it came through a proxy that the gate trusts.
    pub through_proxy: bool,
}

impl Asked {
    /// Lends the request to a part of the reference.
    pub fn lend<T>(&self, to: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        to(&Request {
            method: &self.method,
            target: &self.target,
            host: self.host.as_deref(),
            scheme: if self.https { Scheme::Https } else { Scheme::Http },
            headers: &headers,
            country: self.country.as_deref(),
        })
    }

    /// The values of every line of a header, by lower-case name.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.headers.iter().filter(move |(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// The first value of a header as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let value = self.header(name).next()?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The request for another target.
    #[must_use]
    pub fn at(&self, target: impl Into<Vec<u8>>) -> Self {
        Self { target: target.into(), ..self.clone() }
    }

    /// The target before its query, as sent, and the query behind its `?`.
    #[must_use]
    pub fn split(&self) -> (&[u8], Option<&[u8]>) {
        match self.target.iter().position(|byte| *byte == b'?') {
            Some(at) => {
                (self.target.get(..at).unwrap_or_default(), Some(self.target.get(at + 1..).unwrap_or_default()))
            }
            None => (&self.target, None),
        }
    }

    /// The target with its path rewritten as text, the query left as it is; `None` where that changes nothing.
    #[must_use]
    pub fn with_path(&self, edit: impl FnOnce(&str) -> String) -> Option<Self> {
        let (path, query) = self.split();
        let text = std::str::from_utf8(path).ok()?;
        let edited = edit(text);
        if edited == text {
            return None;
        }
        let mut target = edited.into_bytes();
        if let Some(query) = query {
            target.push(b'?');
            target.extend_from_slice(query);
        }
        Some(self.at(target))
    }
}

/// What a broken gate remembers: nothing, unless that is its defect.
#[derive(Debug, Default)]
pub struct Memory {
    /// The visitor of the first request on this connection.
    pub visitor: Mutex<Option<Visitor>>,
    /// Replies by target, for all connections of the gate.
    pub replies: Arc<Mutex<BTreeMap<Vec<u8>, Reply>>>,
}

/// One request in front of a broken gate.
#[derive(Debug)]
pub struct Scene<'a> {
    /// Rules, files, settings.
    pub ground: &'a Ground,
    /// The request.
    pub asked: &'a Asked,
    /// The time.
    pub now: Time,
    /// What was kept of earlier requests.
    pub memory: &'a Memory,
}

impl Scene<'_> {
    /// The visitor, found out as the reference does.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        self.visitor_of(self.asked)
    }

    /// The visitor behind another request, found out as the reference does.
    #[must_use]
    pub fn visitor_of(&self, asked: &Asked) -> Visitor {
        asked.lend(|request| identify(request.cookie_lines(), &self.ground.keys, &self.ground.settings, self.now))
    }

    /// The visitor who sends this text as the token.
    #[must_use]
    pub fn visitor_with(&self, token: &[u8]) -> Visitor {
        let line = [b"nf_jwt=", token].concat();
        identify([line.as_slice()], &self.ground.keys, &self.ground.settings, self.now)
    }

    /// The visitor as other keys and settings find out.
    #[must_use]
    pub fn visitor_by(&self, keys: &Keys) -> Visitor {
        self.asked.lend(|request| identify(request.cookie_lines(), keys, &self.ground.settings, self.now))
    }

    /// The token in the cookie, as the reference reads it.
    #[must_use]
    pub fn token(&self) -> Option<Vec<u8>> {
        self.asked.lend(|request| cookie::token(request.cookie_lines()).map(<[u8]>::to_vec))
    }

    /// The decision of the reference.
    #[must_use]
    pub fn decide(&self, visitor: &Visitor) -> Decision {
        self.decide_as(self.asked, &self.ground.rules, visitor)
    }

    /// The decision of the reference about another request.
    #[must_use]
    pub fn decide_at(&self, asked: &Asked, visitor: &Visitor) -> Decision {
        self.decide_as(asked, &self.ground.rules, visitor)
    }

    /// The decision of the reference about another request under other rules.
    #[must_use]
    pub fn decide_as(&self, asked: &Asked, rules: &RuleSet, visitor: &Visitor) -> Decision {
        asked.lend(|request| decide(rules, request, visitor, &self.ground.site.files))
    }

    /// The decision where each rule is first looked at, and kept, changed or left out.
    #[must_use]
    pub fn decide_over(&self, visitor: &Visitor, look: impl FnMut(&Rule) -> Option<Rule>) -> Decision {
        let rules = RuleSet::of(self.ground.rules.rules().iter().filter_map(look));
        self.decide_as(self.asked, &rules, visitor)
    }

    /// The decision where only rules that `keep` wants are in force.
    #[must_use]
    pub fn decide_with(&self, visitor: &Visitor, mut keep: impl FnMut(&Rule) -> bool) -> Decision {
        self.decide_over(visitor, |rule| keep(rule).then(|| rule.clone()))
    }

    /// What would be answered if there were no rules.
    #[must_use]
    pub fn without_rules(&self, asked: &Asked) -> Decision {
        self.decide_as(asked, &RuleSet::default(), &Visitor::Anonymous)
    }

    /// The target, where the reference can read it.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        Target::parse(&self.asked.target).ok()
    }

    /// The canonical path of the request, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<RequestPath> {
        Some(self.target()?.path)
    }

    /// The name of that path, as files are named.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        Some(self.path()?.name().to_owned())
    }

    /// The file at the requested path, gate or no gate.
    #[must_use]
    pub fn own_file(&self) -> Option<String> {
        let path = self.path()?;
        site::look_up(&path, |name| self.ground.site.files.names().any(|other| other == name))
    }

    /// The name of a file of the site, as the reference lists it.
    #[must_use]
    pub fn file(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        self.ground.site.files.names().find(|name| wanted(name)).map(str::to_owned)
    }

    /// The bytes of a file on disk.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.ground.site.folder().join(name.trim_start_matches('/'))).ok()
    }

    /// The reply that was kept for a target.
    #[must_use]
    pub fn kept(&self, target: &[u8]) -> Option<Reply> {
        self.memory.replies.lock().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    /// Keeps a reply for a target.
    pub fn keep(&self, target: &[u8], reply: &Reply) {
        self.memory.replies.lock().unwrap_or_else(PoisonError::into_inner).insert(target.to_vec(), reply.clone());
    }
}

/// A response on its way out.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Header lines; nothing is added to them.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply of this status and text.
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        let mut reply = Self { status, ..Self::default() };
        reply.set("content-type", "text/plain; charset=utf-8");
        reply.fill(text.as_bytes().to_vec());
        reply
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        let mut reply = Self { status, ..Self::default() };
        reply.set("location", location);
        reply.fill(Vec::new());
        reply
    }

    /// The first value of a header, by lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// Puts a header line in the place of all of that name.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.drop(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Takes every header line of that name away.
    pub fn drop(&mut self, name: &str) {
        self.headers.retain(|(other, _)| other != name);
    }

    /// Changes a header value, where there is one.
    pub fn edit(&mut self, name: &str, edit: impl FnOnce(String) -> String) {
        if let Some(value) = self.header(name) {
            self.set(name, edit(value));
        }
    }

    /// Puts in a body, and the length that it has.
    pub fn fill(&mut self, body: Vec<u8>) {
        self.set("content-length", body.len().to_string());
        self.body = body;
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out =
            format!("HTTP/1.1 {} {}\r\n", self.status, if self.status < 400 { "OK" } else { "No" }).into_bytes();
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }
}
