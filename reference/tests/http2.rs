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

use common::{Running, SECRET, request, seed_site, site, token, write};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rolegate::config::{Config, KeySource};
use rolegate::reload::{Occasion, Reloader};
use rolegate::server::tls::Tls;
use rolegate::{GateInForce, Limits, Operations, ServerOptions, TokenSettings};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};

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
    assert!(goes_away(&answer, ENHANCE_YOUR_CALM), "{} octets came back, and no word of it", answer.len());
    assert_eq!(gate.get("/", &[]).status, 200, "the process goes on");
}

/// RFC 9113 §7
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
