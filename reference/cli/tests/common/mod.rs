//! A gate on loopback, a raw client, and tokens; for the tests of the rim.
#![allow(dead_code, clippy::print_stderr, reason = "each test binary uses a part of it, and says what it skips")]

pub mod front;
pub mod mmdb;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rolegate::{Edge, Keys, RuleFiles, RuleSet, TokenSettings};
use rolegate_server::{DebugPage, DirSite, GateInForce, KeyedGate, Limits, Server, ServerOptions};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub const SECRET: &str = "secret";

/// The rules of the tutorial, word for word.
pub const SEED_RULES: &str = "/testauth/* /testauth/:splat 200! Role=admin\n/testauth/ /testlogin 404\n";

/// The site of the tutorial, with a page below the gate.
pub fn seed_site() -> TempDir {
    site(&[
        ("_redirects", SEED_RULES),
        ("index.html", "home"),
        ("testlogin.html", "please log in"),
        ("testauth/index.html", "the members' area"),
        ("testauth/deep/page.html", "a members' page"),
        ("404.html", "nothing here"),
        ("style.css", "0123456789"),
    ])
}

pub fn site(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        write(folder.path(), name, content);
    }
    folder
}

pub fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
    std::fs::write(path, content).expect("written");
}

/// A token with these roles, valid for an hour, signed with [`SECRET`].
pub fn token(roles: &[&str]) -> String {
    let exp = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + 3600;
    sign(
        r#"{"alg":"HS256","typ":"JWT"}"#,
        &serde_json::json!({ "exp": exp, "app_metadata": { "authorization": { "roles": roles } } }).to_string(),
    )
}

/// A token with this role, valid for an hour, signed with another secret.
pub fn token_by(secret: &str, role: &str) -> String {
    let exp = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + 3600;
    let payload = serde_json::json!({ "exp": exp, "app_metadata": { "authorization": { "roles": [role] } } });
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    sign_parts(&header, payload.to_string().as_bytes(), secret.as_bytes())
}

pub fn sign(header: &str, payload: &str) -> String {
    sign_parts(&URL_SAFE_NO_PAD.encode(header), payload.as_bytes(), SECRET.as_bytes())
}

/// A token with this first part as it is, signed with `secret`.
pub fn sign_parts(first: &str, payload: &[u8], secret: &[u8]) -> String {
    let message = format!("{first}.{}", URL_SAFE_NO_PAD.encode(payload));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).expect("any length is a key");
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A gate that listens on loopback until it is dropped.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn rules_of(folder: &Path) -> RuleSet {
    let read = |name| std::fs::read(folder.join(name)).unwrap_or_default();
    let [redirects, toml, headers] = ["_redirects", "netlify.toml", "_headers"].map(read);
    RuleSet::read(RuleFiles { redirects: &redirects, toml: &toml, headers: &headers }).rules
}

impl Running {
    pub fn start(folder: &Path) -> Running {
        Running::with_limits(folder, Limits::default())
    }

    pub fn with_limits(folder: &Path, limits: Limits) -> Running {
        let keys = Keys::hs256(SECRET.as_bytes()).expect("a key");
        Running::with(folder, keys, TokenSettings::default(), limits)
    }

    pub fn with(folder: &Path, keys: Keys, settings: TokenSettings, limits: Limits) -> Running {
        let rules = rules_of(folder);
        let site = DirSite::open(folder).expect("a site");
        Running::of(KeyedGate::new(rules, keys, settings, site).expect("a gate"), limits, None)
    }

    /// A gate that believes what `edge` says.
    pub fn with_edge(folder: &Path, edge: Edge) -> Running {
        let keys = Keys::hs256(SECRET.as_bytes()).expect("a key");
        let rules = rules_of(folder);
        let site = DirSite::open(folder).expect("a site");
        let gate = KeyedGate::new(rules, keys, TokenSettings::default(), site).expect("a gate");
        Running::of(gate.with_edge(edge), Limits::default(), None)
    }

    /// A gate with a debug page.
    pub fn with_debug_page(folder: &Path, edge: Edge, page: DebugPage) -> Running {
        let keys = Keys::hs256(SECRET.as_bytes()).expect("a key");
        let rules = rules_of(folder);
        let site = DirSite::open(folder).expect("a site");
        let gate = KeyedGate::new(rules, keys, TokenSettings::default(), site).expect("a gate");
        Running::of(gate.with_edge(edge), Limits::default(), Some(page))
    }

    pub fn of(gate: KeyedGate<DirSite>, limits: Limits, debug_page: Option<DebugPage>) -> Running {
        Running::serve(gate, ServerOptions { limits, debug_page, ..ServerOptions::default() })
    }

    pub fn serve(gate: KeyedGate<DirSite>, options: ServerOptions) -> Running {
        let gate = Arc::new(GateInForce::new(gate));
        Running::serving(gate, options)
    }

    /// A gate in force that the test can replace.
    pub fn serving(gate: Arc<GateInForce>, options: ServerOptions) -> Running {
        let (stop, stopped) = oneshot::channel::<()>();
        let (said, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let any = SocketAddr::from(([127, 0, 0, 1], 0));
                let server = Server::bind(any, gate, options).await.expect("a port");
                said.send(server.local_addr()).expect("the test waits");
                let stop = async {
                    let _ = stopped.await;
                };
                server.run(stop).await.expect("served");
            });
        });
        Running { address: address.recv().expect("an address"), stop: Some(stop), thread: Some(thread) }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub fn get(&self, target: &str, headers: &[(&str, &str)]) -> Response {
        self.ask("GET", target, headers)
    }

    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let mut client = self.client();
        client.send(request(method, target, headers).as_bytes());
        client.response(method == "HEAD")
    }

    /// What comes back for these bytes until the gate closes the connection.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut client = self.client();
        client.send(bytes);
        client.until_closed()
    }

    /// Asks the gate to stop, and says how long that took.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server did not panic");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        // A thread that panics here would hide the failure of the test.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

pub struct Client {
    pub stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    /// The value of a header; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        Client { stream, read: Vec::new() }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // The gate may have closed already; what it said before is what counts.
        let _ = self.stream.write_all(bytes);
    }

    pub fn response(&mut self, is_head: bool) -> Response {
        loop {
            let mut lines = [httparse::EMPTY_HEADER; 64];
            let mut parsed = httparse::Response::new(&mut lines);
            if let httparse::Status::Complete(length) = parsed.parse(&self.read).expect("a response") {
                let status = parsed.code.expect("a status");
                let headers: Vec<_> = parsed
                    .headers
                    .iter()
                    .map(|line| (line.name.to_owned(), String::from_utf8_lossy(line.value).into_owned()))
                    .collect();
                let mut response = Response { status, headers, body: String::new() };
                self.read.drain(..length);
                if !is_head && status != 304 {
                    let length = response.header("content-length").parse().expect("a length");
                    while self.read.len() < length {
                        assert_ne!(self.more(), 0, "closed within a body");
                    }
                    response.body = String::from_utf8_lossy(&self.read[..length]).into_owned();
                    self.read.drain(..length);
                }
                return response;
            }
            assert_ne!(self.more(), 0, "closed before a response: {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    pub fn until_closed(&mut self) -> String {
        while self.more() > 0 {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    fn more(&mut self) -> usize {
        let mut chunk = [0; 65536];
        let n = match self.stream.read(&mut chunk) {
            Ok(n) => n,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("the gate neither answers nor closes: {error}"),
        };
        self.read.extend_from_slice(&chunk[..n]);
        n
    }
}
