//! Whether an answer may be what it is.

use std::cell::Cell;
use std::sync::Arc;

use rolegate::authorize;
use rolegate::decide::{Decision, decide};
use rolegate::edge::Connection;
use rolegate::path::Target;
use rolegate::request::Request;
use rolegate::visitor::identify;
use rolegate_server::key_ring::RememberingKeys;
use rolegate_server::proxy::{ProxySettings, UpstreamRequest, Visit};

use super::Tally;
use super::answers::Answer;
use super::requests::Asked;
use super::upstream::protected_at;
use super::worlds::{Kind, Needs, PROTECTED, World, Worlds};

/// What is in force from one moment on.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) world: World,
    pub(super) keys: Arc<RememberingKeys>,
    /// The number of the keys.
    pub(super) key: usize,
}

/// What answers are judged by.
#[derive(Debug)]
pub(super) struct Court<'w> {
    pub(super) worlds: &'w Worlds,
    pub(super) kind: Kind,
    pub(super) settings: ProxySettings,
    pub(super) history: Vec<InForce>,
    pub(super) tally: Cell<Tally>,
    /// Whether the upstream has only ever sent whole answers at once, so that an answer must come of each request.
    pub(super) upstream_is_good: bool,
}

impl Court<'_> {
    /// ROLE-3, NOLEAK-2, NOLEAK-4: holds an answer to its request.
    pub(super) fn judge(&self, connection: Connection, asked: &Asked, answer: &Answer) {
        assert!((200..600).contains(&answer.status) || answer.status == 101, "{asked:?} {answer:?}");
        let window = self.history.get(asked.since..).unwrap_or_default();
        let mut shown = answer.of_protected(self.worlds);
        shown.extend(self.shown_in_front(connection, asked, answer, window));
        let tally = self.tally.get();
        self.tally.set(Tally { answers: tally.answers + 1, shown: tally.shown + shown.len(), ..tally });
        for place in shown {
            let Some((name, byte, _)) = PROTECTED.get(place) else { continue };
            let intended = window.iter().any(|then| self.means(then, name, &asked.words));
            assert!(intended, "{name} is not for this visitor\n{asked:#?}\n{}", told(answer));
            let defined = window.iter().any(|then| self.decides(then, connection, asked, asked, name, *byte));
            assert!(defined, "{name} is not the answer by the definition\n{asked:#?}\n{}", told(answer));
            // The same request without its cookies.
            let mut stranger = asked.clone();
            stranger.fields.retain(|(name, _)| name != "cookie");
            let open = window.iter().any(|then| self.decides(then, connection, asked, &stranger, name, *byte));
            assert!(
                open || !is_shared(asked, answer),
                "a cache gives {name} to strangers\n{asked:#?}\n{}",
                told(answer)
            );
        }
    }

    /// Holds what nobody can read to what any visitor on the connection may have.
    pub(super) fn judge_noise(&self, since: usize, words: &[u8], received: &[u8]) {
        let tally = self.tally.get();
        self.tally.set(Tally { noise: tally.noise + 1, ..tally });
        let window = self.history.get(since..).unwrap_or_default();
        for place in super::answers::protected_in_noise(received) {
            let Some((name, ..)) = PROTECTED.get(place) else { continue };
            let intended = window.iter().any(|then| self.means(then, name, words));
            assert!(intended, "{name} is not for this visitor\n{:?}", String::from_utf8_lossy(words));
        }
    }

    /// Whether the author means a visitor who says these words to have this; what is not known is not held against anybody.
    fn means(&self, then: &InForce, name: &str, words: &[u8]) -> bool {
        let valid = self.worlds.tokens.iter().filter(|token| token.key == Some(then.key));
        let mut sent = valid.filter(|token| memchr::memmem::find(words, token.text.as_bytes()).is_some());
        match then.world.needs(name) {
            None | Some(Needs::Anybody) => true,
            Some(Needs::Nobody) => false,
            Some(Needs::Token) => sent.next().is_some(),
            Some(Needs::Roles(roles)) => sent.any(|token| token.roles.iter().any(|role| roles.contains(role))),
        }
    }

    /// Whether the answer to `visitor`, who asks like `asked`, holds this by the definition.
    fn decides(
        &self,
        then: &InForce,
        connection: Connection,
        asked: &Asked,
        visitor: &Asked,
        name: &str,
        byte: u8,
    ) -> bool {
        let gate = &then.world.gate;
        let shown = visitor.seen_by(gate, connection, |request, seen| {
            let through_proxy = seen.through_proxy;
            let Some(decision) = self.decision(then, request, through_proxy) else { return false };
            if self.is_question(request, through_proxy) {
                return front_shows(&decision.0, &decision.1) == Some(name);
            }
            let visit = Visit {
                peer: connection.peer,
                client: seen.client,
                through_proxy,
                host: seen.host,
                scheme: seen.scheme,
            };
            match UpstreamRequest::of(&decision.0, gate, visit, &self.settings, rolegate_server::clock::now()) {
                Some(upstream_request) => protected_at(&upstream_request.url) == Some(byte),
                None => decision.0.outcome.file().is_some_and(|file| is_of(file, name)),
            }
        });
        debug_assert_eq!(asked.target, visitor.target);
        shown.unwrap_or(false)
    }

    /// What is decided about a request, or about the one that it describes, and the target of that.
    fn decision(&self, then: &InForce, request: &Request<'_>, through_proxy: bool) -> Option<(Decision, Vec<u8>)> {
        let gate = &then.world.gate;
        let visitor = identify(request.cookie_lines(), &then.keys, gate.settings(), rolegate_server::clock::now());
        let request = if self.is_question(request, through_proxy) {
            let original = authorize::original(request.method, request.target, request.headers).ok()?;
            Request { method: original.method, target: original.target, ..*request }
        } else {
            *request
        };
        Some((decide(gate.rules().rules(), &request, &visitor, gate.site()), request.target.to_vec()))
    }

    fn is_question(&self, request: &Request<'_>, through_proxy: bool) -> bool {
        self.kind == Kind::InFront && through_proxy && authorize::asked(request.target).is_some()
    }

    /// What the server in front shows after this answer.
    fn shown_in_front(
        &self,
        connection: Connection,
        asked: &Asked,
        answer: &Answer,
        window: &[InForce],
    ) -> Option<usize> {
        let then = window.first().filter(|_| answer.status == 200)?;
        let target = asked.seen_by(&then.world.gate, connection, |request, seen| {
            let original = authorize::original(request.method, request.target, request.headers).ok()?;
            self.is_question(request, seen.through_proxy).then(|| original.target.to_vec())
        });
        let name = at_front(&target.flatten()?)?;
        PROTECTED.iter().position(|(protected, ..)| *protected == name)
    }
}

/// What the server in front shows if a decision lets it.
fn front_shows(decision: &Decision, target: &[u8]) -> Option<&'static str> {
    authorize::admits(decision, target).then(|| at_front(target)).flatten()
}

/// What the server in front has at a target. Its rules are for its files, so it speaks of them as an upstream does.
fn at_front(target: &[u8]) -> Option<&'static str> {
    let path = Target::parse(target).ok()?.path;
    let first = path.segments().next()?;
    PROTECTED.iter().map(|(name, ..)| *name).find(|name| name.strip_prefix("up:/") == Some(first))
}

/// Whether `file` is `name`, or the same in a coding.
fn is_of(file: &str, name: &str) -> bool {
    file.strip_prefix(name).is_some_and(|rest| matches!(rest, "" | ".gz" | ".br"))
}

fn told(answer: &Answer) -> String {
    let fields: String =
        answer.fields.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value))).collect();
    format!("{}\n{fields}{} bytes", answer.status, answer.body.len())
}

/// Cache rules for one kind of shared cache, which such a cache follows before all others (RFC 9213), or instead of them.
const TARGETED: &[&str] = &[
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "edge-control",
    "netlify-cdn-cache-control",
    "surrogate-control",
    "vercel-cdn-cache-control",
    "x-accel-expires",
];

/// NOLEAK-4, RFC 9111 §3, §4.1: whether some shared cache stores the answer, and finds it again for others. One that has to ask
/// the gate first counts too: nothing but its own care stands between.
fn is_shared(asked: &Asked, answer: &Answer) -> bool {
    if asked.method != "GET" {
        return false;
    }
    let caches = |rules: &str| {
        let rules = rules.to_ascii_lowercase();
        let has = |word: &str| rules.split(',').any(|rule| rule.trim() == word);
        !has("no-store") && !has("private")
    };
    let admitted = answer.field("x-gate-cache");
    let by_target = TARGETED.iter().filter_map(|name| answer.field(name)).any(|rules| rules != "0" && caches(&rules));
    let in_general = caches(&admitted.or_else(|| answer.field("cache-control")).unwrap_or_default());
    let vary = answer.field("vary").unwrap_or_default().to_ascii_lowercase();
    let by_cookie = vary.split(',').any(|name| matches!(name.trim(), "cookie" | "*"));
    by_target || (in_general && !by_cookie)
}
