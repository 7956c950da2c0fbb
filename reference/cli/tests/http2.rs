//! HTTP/2, with prior knowledge and over TLS: the same answers, and limits of its own.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rolegate::TokenSettings;
use rolegate_server::config::{Config, KeySource};
use rolegate_server::reload::{Occasion, Reloader};
use rolegate_server::server::tls::Tls;
use rolegate_server::{GateInForce, Limits, Operations, ServerOptions};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};

use common::{Running, SECRET, request, seed_site, site, token, write};

fn config(folder: &Path) -> Config {
    let key = KeySource::Secret { name: "SECRET".to_owned(), secret: SECRET.as_bytes().to_vec() };
    Config::of(folder.to_owned(), key, TokenSettings::default())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

async fn connected(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> SendRequest<Empty<Bytes>> {
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn ask(
    client: &mut SendRequest<Empty<Bytes>>,
    uri: &str,
    fields: &[(&str, &str)],
) -> (u16, hyper::HeaderMap, String) {
    let mut asked = hyper::Request::builder().uri(uri);
    for (name, value) in fields {
        asked = asked.header(*name, *value);
    }
    client.ready().await.unwrap();
    let (head, body) = client.send_request(asked.body(Empty::new()).unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned())
}

#[test]
fn answers_are_those_of_http_1() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let sent = token(&["admin"]);
    let cookie = format!("nf_jwt={sent}");
    block_on(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let mut client = connected(stream).await;
        for (path, fields) in [
            ("/", [].as_slice()),
            ("/testauth/deep/page", &[]),
            ("/testauth/", &[("cookie", "nf_jwt=x.y.z")]),
            ("/testauth/deep/page?x=1", &[("cookie", cookie.as_str())]),
            ("/style.css", &[("range", "bytes=2-4")]),
            ("/a%2fb", &[]),
            ("/%zz", &[]),
        ] {
            let (status, headers, body) = ask(&mut client, &format!("http://localhost{path}"), fields).await;
            let same = gate.get(path, fields);
            assert_eq!((status, &body), (same.status, &same.body), "{path}");
            for name in ["cache-control", "vary", "content-type", "content-range", "etag"] {
                let value = headers.get(name).map_or("", |value| value.to_str().unwrap());
                assert_eq!(value, same.header(name), "{path} {name}");
            }
            assert!(!headers.contains_key("connection"));
        }
        // RFC 9113 §8.2.3: crumbs make one cookie, and the token twice is still two tokens (COOKIE-3).
        let crumbs = [("cookie", "a=b"), ("cookie", cookie.as_str()), ("cookie", "c=d")];
        assert_eq!(ask(&mut client, "http://localhost/testauth/", &crumbs).await.0, 200);
        let two = [("cookie", cookie.as_str()), ("cookie", "nf_jwt=other")];
        assert_eq!(ask(&mut client, "http://localhost/testauth/", &two).await.0, 404);
        // The host is `:authority`, and another `Host` is not overheard; neither ends the connection.
        assert_eq!(ask(&mut client, "http://localhost/", &[("host", "elsewhere")]).await.0, 400);
        assert_eq!(ask(&mut client, "http://localhost/", &[("host", "localhost")]).await.0, 200);
    });
}

#[test]
fn cost_2_crumbs_are_counted_before_they_are_joined() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let cookie = format!("nf_jwt={}", token(&["admin"]));
    block_on(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let mut client = connected(stream).await;
        // The first request puts the long crumb into the table of HPACK; each of the others names it by an index, again and again.
        let long = format!("n={}", "v".repeat(3_900));
        for (crumbs, status) in [
            (vec![long.as_str(); 8], 200),
            (vec![long.as_str(); 9], 431),
            (vec!["a=b"; 255], 200),
            (vec!["a=b"; 256], 431),
            (vec!["a=b; a=b; a=b; a=b"; 64], 431),
            (vec![";"; 300], 200),
        ] {
            let mut fields: Vec<_> = crumbs.iter().map(|crumb| ("cookie", *crumb)).collect();
            fields.push(("cookie", cookie.as_str()));
            for _ in 0..3 {
                let answered = ask(&mut client, "http://localhost/testauth/", &fields).await.0;
                assert_eq!(answered, status, "{} crumbs of {} bytes", crumbs.len(), crumbs[0].len());
            }
        }
        // HTTP/1.1 alike.
        let lines = |count: usize| format!("{}{cookie}", "a=b; ".repeat(count));
        assert_eq!(gate.get("/testauth/", &[("cookie", &lines(255))]).status, 200);
        assert_eq!(gate.get("/testauth/", &[("cookie", &lines(256))]).status, 431);
    });
}

#[test]
fn a_head_over_the_limit_is_refused() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    block_on(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let mut client = connected(stream).await;
        let long = "x".repeat(33 * 1024);
        assert_eq!(ask(&mut client, "http://localhost/", &[("x", &long)]).await.0, 431);
        assert_eq!(ask(&mut client, &format!("http://localhost/{}", &long[..9000]), &[]).await.0, 414);
        assert_eq!(ask(&mut client, "http://localhost/", &[]).await.0, 200);
    });
}

#[test]
fn a_connection_that_does_nothing_is_closed() {
    let folder = seed_site();
    write(folder.path(), "big.bin", &"x".repeat(8 << 20));
    let brief = Duration::from_millis(300);
    let limits = Limits { head_timeout: brief, write_timeout: brief, connections: 1, ..Limits::default() };
    let gate = Running::with_limits(folder.path(), limits);
    // Idle; then one that asks for much, opens no window and takes nothing. There is one place for all of them.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut idle = gate.client();
    idle.send(preface);
    idle.until_closed();
    let mut greedy = gate.client();
    greedy.send(preface);
    // HEADERS of stream 1, END_STREAM and END_HEADERS: `:method` GET, `:scheme` http, `:path`, `:authority` a.
    greedy.send(b"\0\0\x0f\x01\x05\0\0\0\x01\x82\x86\x04\x08/big.bin\x41\x01a");
    let sent = greedy.until_closed().len();
    assert!(sent > 60_000 && sent < 100_000, "no more than the first window: {sent}");
    assert_eq!(gate.get("/", &[]).status, 200);
}

/// A client that writes frames as it likes (RFC 9113 §4.1).
struct Frames(common::Client, Vec<Frame>);

/// Type, stream and payload.
type Frame = (u8, u32, Vec<u8>);

impl Frames {
    /// The preface, and settings: `SETTINGS_INITIAL_WINDOW_SIZE` alone.
    fn open(gate: &Running, window: u32) -> Frames {
        let mut frames = Frames(gate.client(), Vec::new());
        frames.0.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        frames.send(4, 0, 0, &[&[0, 4], window.to_be_bytes().as_slice()].concat());
        frames
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.0.send(&[&head, payload].concat());
    }

    /// `GET path`, whose length is below 127.
    fn get(&mut self, stream: u32, path: &str) {
        self.ask(b"\x82", stream, path);
    }

    fn ask(&mut self, method: &[u8], stream: u32, path: &str) {
        let path = [&[u8::try_from(path.len()).unwrap()], path.as_bytes()].concat();
        self.send(1, 5, stream, &[method, b"\x86\x04", path.as_slice(), b"\x41\x01a"].concat());
    }

    fn reset(&mut self, stream: u32) {
        self.send(3, 0, stream, &8_u32.to_be_bytes());
    }

    fn open_window(&mut self, stream: u32, bytes: u32) {
        self.send(8, 0, stream, &bytes.to_be_bytes());
    }

    /// The next frame; `None` when the connection is closed.
    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.stream.read_exact(&mut head).ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.0.stream.read_exact(&mut payload).ok()?;
        Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
    }

    /// The first frame of this type on this stream, among those that have come and those that will.
    fn until(&mut self, kind: u8, stream: u32) -> Vec<u8> {
        loop {
            if let Some(at) = self.1.iter().position(|(seen, on, _)| (*seen, *on) == (kind, stream)) {
                return self.1.remove(at).2;
            }
            let next = self.next().expect("the connection goes on");
            self.1.push(next);
        }
    }
}

/// A site whose one large file is not kept in memory.
fn large_site() -> tempfile::TempDir {
    let folder = seed_site();
    write(folder.path(), "big.bin", &"x".repeat(2 << 20));
    folder
}

fn impatient() -> Limits {
    Limits { write_timeout: Duration::from_millis(400), ..Limits::default() }
}

#[test]
fn pace_1_each_stream_has_to_move() {
    let folder = large_site();
    let gate = Running::with_limits(folder.path(), impatient());
    for (window, opens) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let mut client = Frames::open(&gate, window);
        client.get(1, "/big.bin");
        client.get(3, "/big.bin");
        client.until(1, 1);
        // Other requests, pings and bytes of the window one by one are no progress of this stream.
        let mut stream = 5;
        let reset = loop {
            client.ask(b"\x42\x04HEAD", stream, "/nothing");
            client.send(6, 0, 0, &[0; 8]);
            client.send(2, 0, 1, &[0, 0, 0, 0, 1]);
            if opens > 0 {
                client.open_window(1, opens);
            }
            stream += 2;
            let frame = client.next().expect("the connection goes on");
            if frame.0 == 3 && frame.1 == 1 {
                break frame;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(reset.2.len(), 4, "{window} {opens}");
        // What takes its bytes goes on, on the same connection.
        client.open_window(0, 1 << 20);
        client.get(stream, "/style.css");
        client.open_window(stream, 1 << 16);
        assert_eq!(client.until(0, stream), b"0123456789");
    }
}

#[test]
fn pace_1_resets_and_new_streams_are_no_progress() {
    let folder = large_site();
    let gate = Running::with_limits(folder.path(), impatient());
    let mut client = Frames::open(&gate, 0);
    // What has come is lost where a closed connection is written to, so it is read meanwhile.
    let mut read = client.0.stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = read.read_to_end(&mut bytes);
        bytes
    });
    let mut stream = 1;
    while !reader.is_finished() && stream < 4_000 {
        client.get(stream, "/big.bin");
        client.get(stream + 2, "/big.bin");
        // Shortly before they are late.
        std::thread::sleep(Duration::from_millis(300));
        client.reset(stream);
        client.reset(stream + 2);
        stream += 4;
    }
    assert!(goes_away(&reader.join().unwrap(), NO_ERROR), "no GOAWAY");
}

#[test]
fn pace_2_open_files_are_shared() {
    let folder = large_site();
    let limits = Limits { files_per_connection: 2, files_per_client: 3, ..impatient() };
    let gate = Running::with_limits(folder.path(), limits);
    let mut greedy = Frames::open(&gate, 0);
    for stream in [1, 3, 5, 7, 9] {
        greedy.get(stream, "/big.bin");
    }
    // Two are answered; the others wait until those are reset.
    greedy.until(1, 1);
    greedy.until(1, 3);
    // From memory, and over another connection, all is answered meanwhile.
    greedy.get(11, "/style.css");
    greedy.until(1, 11);
    let mut other = Frames::open(&gate, 1 << 16);
    other.get(1, "/big.bin");
    other.until(1, 1);
    greedy.until(3, 1);
    greedy.until(1, 5);
}

#[test]
fn pace_2_no_connection_makes_the_gate_keep_much() {
    let folder = large_site();
    let gate = Running::with_limits(folder.path(), impatient());
    let mut client = Frames::open(&gate, 0);
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let settings = client.until(4, 0);
    let window = settings.chunks(6).find(|setting| setting[..2] == [0, 4]).expect("SETTINGS_INITIAL_WINDOW_SIZE");
    assert!(number(&window[2..]) <= 128 << 10, "of a stream: {window:?}");
    // The first window of a connection, and what is added to it.
    let more = number(&client.until(8, 0));
    assert!(65_535 + more <= 128 << 10, "of a connection: {more} more");
}

#[test]
fn pace_2_one_client_has_its_share_of_the_connections() {
    let folder = seed_site();
    let limits = Limits { connections_per_client: Some(2), ..Limits::default() };
    let gate = Running::with_limits(folder.path(), limits.clone());
    let kept = [gate.client(), gate.client()];
    assert_eq!(gate.client().until_closed(), "");
    drop(kept);
    // A proxy of the operator speaks for many.
    let keys = rolegate::Keys::hs256(SECRET.as_bytes()).unwrap();
    let site = rolegate_server::DirSite::open(folder.path()).unwrap();
    let edge = rolegate::Edge { trusted: vec!["127.0.0.0/8".parse().unwrap()], ..rolegate::Edge::default() };
    let behind =
        rolegate_server::KeyedGate::new(rolegate::RuleSet::default(), keys, TokenSettings::default(), site).unwrap();
    let gate = Running::of(behind.with_edge(edge), limits, None);
    let kept: Vec<_> = (0..5).map(|_| gate.client()).collect();
    assert_eq!(gate.get("/", &[]).status, 200);
    drop(kept);
}

#[test]
fn streams_that_are_reset_at_once_end_the_connection() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let mut stream = TcpStream::connect(gate.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in (1..4_001_u32).step_by(2) {
        bytes.extend_from_slice(b"\0\0\x06\x01\x05");
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(b"\x82\x86\x84\x41\x01a");
        bytes.extend_from_slice(b"\0\0\x04\x03\0");
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(b"\0\0\0\x08");
    }
    // CVE-2023-44487. The gate may close before all is written.
    let _ = stream.write_all(&bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(goes_away(&answer, ENHANCE_YOUR_CALM), "{} bytes came back, and no word of it", answer.len());
    assert_eq!(gate.get("/", &[]).status, 200, "the process goes on");
}

/// RFC 9113 §7
const NO_ERROR: u8 = 0;
const ENHANCE_YOUR_CALM: u8 = 0x0b;

/// Whether a GOAWAY frame with this error stands among the frames (RFC 9113 §4.1, §6.8).
fn goes_away(mut frames: &[u8], error: u8) -> bool {
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = frames {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let payload = rest.get(..length).unwrap_or(rest);
        if *kind == 7 && payload.get(7) == Some(&error) {
            return true;
        }
        frames = rest.get(length..).unwrap_or_default();
    }
    false
}

/// A self-signed certificate for `localhost` in two files.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(folder, "cert.pem", &made.cert.pem());
    write(folder, "key.pem", &made.signing_key.serialize_pem());
    made.cert.der().clone()
}

async fn handshake(
    gate: &Running,
    trusted: &CertificateDer<'static>,
    protocol: &[u8],
) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = tokio::net::TcpStream::connect(gate.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[test]
fn tls_from_files_and_again_on_reload() {
    let folder = site(&[("_redirects", "https://localhost/secure /page 200\n"), ("page.html", "by TLS")]);
    let files = tempfile::tempdir().unwrap();
    let first = certificate(files.path());
    let tls = Arc::new(Tls::open(files.path().join("cert.pem"), files.path().join("key.pem")).unwrap());
    let config = config(folder.path());
    let loaded = config.load().unwrap();
    let in_force = Arc::new(GateInForce::new(loaded.gate));
    let operations = Arc::new(Operations::default());
    let options =
        ServerOptions { tls: Some(Arc::clone(&tls)), operations: Arc::clone(&operations), ..ServerOptions::default() };
    let gate = Running::serving(Arc::clone(&in_force), options);
    let mut reloader = Reloader::new(config, &loaded.source, in_force, operations).with_tls(Some(tls));
    block_on(async {
        let mut kept = connected(handshake(&gate, &first, b"h2").await.unwrap()).await;
        let (status, _, body) = ask(&mut kept, "https://localhost/secure", &[]).await;
        assert_eq!((status, body.as_str()), (200, "by TLS"), "the scheme is that of the connection");
        {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut stream = handshake(&gate, &first, b"http/1.1").await.unwrap();
            let asked = request("GET", "/secure", &[("Connection", "close")]);
            stream.write_all(asked.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("by TLS"), "{answer}");
        }
        // A key that is not the certificate's: all of the old version stays.
        let other = tempfile::tempdir().unwrap();
        let second = certificate(other.path());
        std::fs::copy(other.path().join("cert.pem"), files.path().join("cert.pem")).unwrap();
        assert!(reloader.reload(Occasion::Told, &mut || false).is_err());
        assert!(handshake(&gate, &first, b"h2").await.is_ok());
        std::fs::copy(other.path().join("key.pem"), files.path().join("key.pem")).unwrap();
        reloader.reload(Occasion::Told, &mut || false).unwrap();
        assert!(handshake(&gate, &first, b"h2").await.is_err());
        assert!(handshake(&gate, &second, b"h2").await.is_ok());
        assert_eq!(ask(&mut kept, "https://localhost/secure", &[]).await.0, 200, "a connection goes on");
    });
}
