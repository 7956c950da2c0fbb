//! What happens: picks become connections, requests, reloads, changes of keys, other answers of the upstream, and time.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use rolegate::edge::Connection;
use rolegate::request::{Origin, Scheme};
use rolegate_server::in_force::GateInForce;
use rolegate_server::proxy::{Proxy, ProxySettings, Roots};
use rolegate_server::server::{ServerOptions, Shared};

use super::Tally;
use super::frames;
use super::http1::{Http1, connect};
use super::http2::{Http2, Wanted};
use super::upstream::{GOOD_MANNERS, MANNERS, Upstream};
use super::verdict::{Court, InForce};
use super::worlds::{KEYS, Kind, PEERS, UPSTREAM, World, Worlds};
use crate::small::{Picks, edit};

/// No run takes more steps.
const STEPS: usize = 40;
/// Nor more connections of a kind.
const CONNECTIONS: usize = 4;

/// The server, what is in force, and the connections.
struct Stage<'w> {
    court: Court<'w>,
    gate: Arc<GateInForce>,
    shared: Arc<Shared>,
    upstream: Upstream,
    key: usize,
    http1: Vec<Http1>,
    http2: Vec<Http2>,
}

/// Plays the script that `bytes` are.
pub(super) async fn play(worlds: &Worlds, bytes: &[u8]) -> Tally {
    let mut picks = Picks(bytes);
    let kind =
        [Kind::Here, Kind::Here, Kind::Upstream, Kind::InFront].get(picks.number() % 4).copied().unwrap_or(Kind::Here);
    worlds.change_keys(0);
    let Some(world) = worlds.world(kind, &mut picks) else { return Tally::default() };
    let mut stage = Stage::new(worlds, kind, world);
    for _ in 0..STEPS {
        if picks.0.is_empty() {
            break;
        }
        stage.step(&mut picks).await;
    }
    stage.finish().await
}

impl<'w> Stage<'w> {
    fn new(worlds: &'w Worlds, kind: Kind, world: World) -> Stage<'w> {
        let settings = ProxySettings {
            upstream: Origin::parse(UPSTREAM).filter(|_| kind == Kind::Upstream),
            roots: Roots::These(Vec::new()),
            tunnel_timeout: Duration::from_secs(60),
            body_limit: 16,
            ..ProxySettings::default()
        };
        let options = ServerOptions {
            operations: Arc::clone(&worlds.operations),
            proxy: settings.clone(),
            authorize: kind == Kind::InFront,
            ..ServerOptions::default()
        };
        let upstream = Upstream::default();
        let gate = Arc::new(GateInForce::shared(Arc::clone(&world.gate)));
        let mut shared = Shared::new(PORT, Arc::clone(&gate), options);
        shared.proxy = Proxy::new(settings.clone(), &shared.limits).dialling(Arc::new(upstream.clone()));
        let court =
            Court { worlds, kind, settings, history: Vec::new(), tally: Cell::default(), upstream_is_good: true };
        let mut stage =
            Stage { court, gate, shared: Arc::new(shared), upstream, key: 0, http1: Vec::new(), http2: Vec::new() };
        stage.put_in_force(world);
        stage
    }

    fn put_in_force(&mut self, world: World) {
        self.gate.share(Arc::clone(&world.gate));
        let keys = Arc::clone(&world.gate.keys().current());
        self.court.history.push(InForce { world, keys, key: self.key });
    }

    async fn step(&mut self, picks: &mut Picks<'_>) {
        let wording = Wording { worlds: self.court.worlds };
        match picks.number() % 16 {
            // Several requests, of which only the last waits for its answer.
            0..=3 => {
                let (number, piece) =
                    (picks.number() % 3, [4096, 1, 7, 50].get(picks.number() % 4).copied().unwrap_or(4096));
                let place = self.http1(picks);
                for _ in 0..=number {
                    let bytes = wording.request(picks);
                    if let Some(connection) = self.http1.get_mut(place) {
                        connection.ask(&bytes, piece, &self.court).await;
                    }
                }
                if let Some(connection) = self.http1.get_mut(place).filter(|_| picks.number() % 4 != 3) {
                    connection.take(&self.court).await;
                }
            }
            4..=6 => {
                let place = self.http2(picks).await;
                for _ in 0..=picks.number() % 4 {
                    let wanted = wording.wanted(picks);
                    if let Some(connection) = self.http2.get_mut(place) {
                        connection.ask(wanted, &self.court).await;
                    }
                }
                if let Some(connection) = self.http2.get_mut(place).filter(|_| picks.number() % 4 != 3) {
                    connection.take(&self.court).await;
                }
            }
            7 | 8 => {
                if let Some(world) = self.court.worlds.world(self.court.kind, picks) {
                    self.put_in_force(world);
                }
            }
            9 => {
                self.key = picks.number() % KEYS;
                self.court.worlds.change_keys(self.key);
                let world = self.court.history.last().map(|then| then.world.clone());
                world.into_iter().for_each(|world| self.put_in_force(world));
            }
            10 => {
                let manner = picks.number() % MANNERS;
                self.upstream.answer_in_manner(manner);
                self.court.upstream_is_good &= manner < GOOD_MANNERS;
            }
            11 => {
                self.http1.iter_mut().for_each(Http1::excuse);
                tokio::time::sleep(Duration::from_secs(
                    [1, 14, 16, 31, 70].get(picks.number() % 5).copied().unwrap_or(1),
                ))
                .await;
            }
            12 => self.take().await,
            13 => {
                let (bytes, words) = frames::noise(picks, &wording);
                let place = self.http1(picks);
                if let Some(connection) = self.http1.get_mut(place) {
                    connection.send_noise(&bytes, words, &self.court).await;
                }
            }
            14 => {
                let (place, number) = (picks.number(), picks.number());
                let count = self.http2.len().max(1);
                if let Some(connection) = self.http2.get_mut(place % count) {
                    connection.reset(number);
                }
            }
            _ => {
                // One of the connections ends, or the server says that it will.
                let (place, stops) = (picks.number() % self.http1.len().max(1), picks.number() % 2 == 1);
                if let Some(connection) = self.http1.get_mut(place).filter(|_| stops) {
                    connection.stop();
                } else if place < self.http1.len() {
                    self.http1.swap_remove(place).finish(&self.court).await;
                }
            }
        }
    }

    async fn take(&mut self) {
        for connection in &mut self.http1 {
            connection.take(&self.court).await;
        }
        for connection in &mut self.http2 {
            connection.take(&self.court).await;
        }
    }

    /// The place of a connection, a new one or one that is there.
    fn http1(&mut self, picks: &mut Picks<'_>) -> usize {
        let place = picks.number() % CONNECTIONS;
        if place < self.http1.len() {
            return place;
        }
        let connection = peer(picks);
        let room = [64 * 1024, 64, 4096].get(picks.number() % 3).copied().unwrap_or(4096);
        self.http1.push(Http1::new(connect(&self.shared, connection, room), connection));
        self.http1.len() - 1
    }

    async fn http2(&mut self, picks: &mut Picks<'_>) -> usize {
        let place = picks.number() % CONNECTIONS;
        if place < self.http2.len() {
            return place;
        }
        let connection = peer(picks);
        let served = connect(&self.shared, connection, 16 * 1024);
        self.http2.extend(Http2::open(served, connection, picks).await);
        self.http2.len().saturating_sub(1)
    }

    async fn finish(self) -> Tally {
        for connection in self.http1 {
            connection.finish(&self.court).await;
        }
        for connection in self.http2 {
            connection.finish(&self.court).await;
        }
        self.court.tally.get()
    }
}

/// The port that the server is asked at.
const PORT: u16 = 80;

fn peer(picks: &mut Picks<'_>) -> Connection {
    let peer = picks.pick(&PEERS).parse().unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
    Connection { peer, port: PORT, scheme: Scheme::Http }
}

const TARGETS: &[&str] = &[
    "/members/home",
    "/members/home.html",
    "/members/",
    "/members",
    "/members/index.html",
    "/members/long.txt",
    "/members/disk.bin",
    "/members/deep/page",
    "/editors/page.html",
    "/editors/pre.html",
    "/editors/pre.html.gz",
    "/editors/pre.html.br",
    "/sealed/page.html",
    "/vault",
    "/vault.html",
    "/hosted/page",
    "/public/note.txt",
    "/public/long.txt",
    "/",
    "/about",
    "/nothing",
    "/api/x",
    "/old/note.txt",
    "/page",
    "/__gate/authorize",
    "/__gate/subrequest",
    "/__gate/authorize/members/home",
    "/__gate/authorize/public/x",
];
const METHODS: &[&str] = &["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "PUT", "TRACE", "get", "CONNECT", "DELETE"];
const HOSTS: &[&str] =
    &["a.example", "a.example", "b.example", "A.EXAMPLE", "a.example:80", "a.example.", "a.example:8080", "up.example"];
const QUERIES: &[&str] = &["", "", "?q=1", "?", "?../members/home", "?page=/members"];
const RANGES: &[&str] = &[
    "bytes=0-0",
    "bytes=0-",
    "bytes=-5",
    "bytes=1-3,7-9",
    "bytes=0-9999999",
    "bytes=9-1",
    "items=1-2",
    "bytes=40000-",
];
const CODINGS: &[&str] = &["gzip", "br", "gzip, br", "identity;q=0, br", "*", "gzip;q=0, *;q=0", "x-gzip", ""];
const DATES: &[&str] =
    &["Sun, 13 Sep 2020 12:26:40 GMT", "Thu, 01 Jan 2099 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "x"];
const COOKIES: &[&str] =
    &["nf_jwt=", "nf_jwt=", "nf_jwt=", "NF_JWT=", " nf_jwt =", "nf_jwt=\"", "a=b; nf_jwt=", "c; nf_jwt=", "nf_jwt"];
const OTHERS: &[(&str, &str)] = &[
    ("Accept-Language", "de"),
    ("X-Country", "de"),
    ("X-Forwarded-For", "198.51.100.1"),
    ("X-Forwarded-For", "192.0.2.1"),
    ("X-Forwarded-Host", "a.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Uri", "/public/note.txt"),
    ("X-Original-URI", "/members/home"),
    ("X-Original-URI", "/editors/page.html"),
    ("X-Forwarded-Method", "POST"),
    ("X-HTTP-Method-Override", "PUT"),
    ("Authorization", "Basic YTpi"),
    ("Cookie", "c=1"),
    ("X-Rewrite-URL", "/members/home"),
    ("Cache-Control", "no-cache"),
    ("TE", "trailers"),
];
/// What speaks of the connection or the body; in HTTP/1.1 alone.
const FRAMING: &[(&str, &[u8])] = &[
    ("", b""),
    ("", b""),
    ("", b""),
    ("Content-Length: 0\r\n", b""),
    ("Content-Length: 5\r\n", b"abcde"),
    ("Content-Length: 40\r\n", b"GET /members/home HTTP/1.1\r\nHost: a.ex\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", b"20\r\nabcdeabcdeabcdeabcdeabcdeabcdeab\r\n0\r\n\r\n"),
    ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    ("Content-Length: 1\r\nContent-Length: 2\r\n", b"a"),
    ("Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    ("Connection: close\r\n", b""),
    ("Connection: cookie, host\r\n", b""),
    ("Connection: upgrade\r\nUpgrade: websocket\r\n", b""),
    ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", b""),
    ("Expect: 100-continue\r\nContent-Length: 3\r\n", b"abc"),
    ("X-A: b\r\n folded\r\n", b""),
    ("X-A : b\r\n", b""),
    ("X-A: b\n", b""),
];

/// How the script puts things.
pub(super) struct Wording<'w> {
    worlds: &'w Worlds,
}

impl Wording<'_> {
    pub(super) fn method(&self, picks: &mut Picks<'_>) -> String {
        picks.pick(METHODS).to_owned()
    }

    pub(super) fn host(&self, picks: &mut Picks<'_>) -> &'static str {
        picks.pick(HOSTS)
    }

    /// A target in one of its spellings.
    pub(super) fn target(&self, picks: &mut Picks<'_>) -> Vec<u8> {
        let mut target = picks.pick(TARGETS).to_owned();
        for _ in 0..picks.number() % 3 {
            let place = picks.number().checked_rem(target.len()).unwrap_or_default();
            let (before, after) = target.split_at_checked(place).unwrap_or_default();
            let first = after.chars().next().unwrap_or('/');
            target = match picks.number() % 14 {
                0 => format!("{before}%{:02x}{}", u32::from(first), after.get(1..).unwrap_or_default()),
                1 => format!("{before}/{after}"),
                2 => format!("{before}/./{after}"),
                3 => format!("{before}/x/..{after}"),
                4 => format!("{before}//..{after}"),
                5 => format!("{before}%2F{after}"),
                6 => format!("{before}%2e%2e/{after}"),
                7 => format!("{before};x{after}"),
                8 => format!("{before}\\{after}"),
                9 => format!("{before}%00{after}"),
                10 => format!("{before}{}{}", first.to_ascii_uppercase(), after.get(1..).unwrap_or_default()),
                11 => format!("{target}/"),
                12 => format!("/public/..{target}"),
                _ => format!("http://{}{target}", picks.pick(HOSTS)),
            };
        }
        target += picks.pick(QUERIES);
        target.into_bytes()
    }

    /// Fields that may stand in a request of either version.
    pub(super) fn fields(&self, picks: &mut Picks<'_>) -> Vec<(String, Vec<u8>)> {
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        for _ in 0..picks.number() % 5 {
            let (name, value) = match picks.number() % 10 {
                0..=3 => ("cookie", self.cookie(picks)),
                4 => ("range", picks.pick(RANGES).as_bytes().to_vec()),
                5 => ("accept-encoding", picks.pick(CODINGS).as_bytes().to_vec()),
                6 => (picks.pick(&["if-none-match", "if-match", "if-range"]), self.tag(picks)),
                7 => {
                    let name = picks.pick(&["if-modified-since", "if-unmodified-since", "if-range"]);
                    (name, picks.pick(DATES).as_bytes().to_vec())
                }
                _ => {
                    let (name, value) = OTHERS.get(picks.number() % OTHERS.len()).copied().unwrap_or_default();
                    (name, value.as_bytes().to_vec())
                }
            };
            fields.push((name.to_ascii_lowercase(), value));
        }
        fields
    }

    fn cookie(&self, picks: &mut Picks<'_>) -> Vec<u8> {
        let name = picks.pick(COOKIES);
        let tokens = &self.worlds.tokens;
        let token =
            tokens.get(picks.number() % tokens.len().max(1)).map(|token| token.text.as_str()).unwrap_or_default();
        let value = [name.as_bytes(), token.as_bytes()].concat();
        if picks.number() % 6 == 5 {
            let change = [picks.number(), picks.number(), picks.number(), picks.number()];
            return edit(&value, &change.map(|number| u8::try_from(number).unwrap_or_default()));
        }
        value
    }

    fn tag(&self, picks: &mut Picks<'_>) -> Vec<u8> {
        let tags = &self.worlds.tags;
        let known = tags.get(picks.number() % tags.len().max(1)).map(|(tag, _)| tag.as_str()).unwrap_or_default();
        match picks.number() % 5 {
            0 => b"*".to_vec(),
            1 => b"\"none\"".to_vec(),
            2 => format!("W/{known}").into_bytes(),
            _ => known.as_bytes().to_vec(),
        }
    }

    /// A request of HTTP/1.1, and sometimes not quite one.
    pub(super) fn request(&self, picks: &mut Picks<'_>) -> Vec<u8> {
        let mut bytes = format!("{} ", self.method(picks)).into_bytes();
        bytes.extend(self.target(picks));
        bytes.extend_from_slice(
            picks
                .pick(&[" HTTP/1.1\r\n", " HTTP/1.1\r\n", " HTTP/1.1\r\n", " HTTP/1.0\r\n", " HTTP/1.1\n", "\r\n"])
                .as_bytes(),
        );
        for _ in 0..[1, 1, 1, 1, 0, 2].get(picks.number() % 6).copied().unwrap_or(1) {
            bytes.extend_from_slice(format!("Host: {}\r\n", self.host(picks)).as_bytes());
        }
        for (name, value) in self.fields(picks) {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend(value);
            bytes.extend_from_slice(b"\r\n");
        }
        let (lines, body) = FRAMING.get(picks.number() % FRAMING.len()).copied().unwrap_or_default();
        bytes.extend_from_slice(lines.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        if picks.number() % 8 == 7 {
            let change = [picks.number(), picks.number(), picks.number(), picks.number()];
            return edit(&bytes, &change.map(|number| u8::try_from(number % 256).unwrap_or_default()));
        }
        bytes
    }

    /// A request of HTTP/2.
    pub(super) fn wanted(&self, picks: &mut Picks<'_>) -> Wanted {
        let target = self.target(picks);
        Wanted {
            method: self.method(picks),
            target: String::from_utf8_lossy(&target).into_owned(),
            host: self.host(picks),
            fields: self.fields(picks),
            body: [&b""[..], b"", b"", b"abcde", b"a body of more than sixteen bytes"]
                .get(picks.number() % 5)
                .copied()
                .unwrap_or_default(),
            slow: picks.number() % 4 == 3,
        }
    }
}
