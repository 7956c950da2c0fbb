//! PROXY-4: a WebSocket goes through once its visitor is admitted; nothing else is smuggled in its place.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rolegate::{Keys, TokenSettings};
use rolegate_server::{Config, DirSite, GateInForce, KeySource, KeyedGate, ServerOptions};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Message, accept, client};

use super::common::{Running, SECRET, request, sign, site, token};
use super::upstream::Upstream;
use super::{GATED, OPEN, ProxySettings, gate};

/// A server that sends back what it gets; its origin.
fn echo() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(|| {
                let Ok(mut socket) = accept(stream) else { return };
                while let Ok(message) = socket.read() {
                    if !message.is_text() || socket.send(message).is_err() {
                        return;
                    }
                }
            });
        }
    });
    origin
}

fn load(rules: &str) -> KeyedGate<DirSite> {
    let folder = site(&[("_redirects", rules)]);
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    Config::of(folder.path().to_owned(), key, TokenSettings::default()).load().unwrap().gate
}

/// The cookie of an admin whose token runs out in so many seconds.
fn cookie_for(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims =
        serde_json::json!({ "exp": now + seconds, "app_metadata": { "authorization": { "roles": ["admin"] } } });
    format!("nf_jwt={}", sign(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string()))
}

#[test]
fn proxy_4_ends_a_stream_without_an_end_ends_with_its_token_and_its_rule() {
    const CHUNKED: &str = "Transfer-Encoding: chunked";
    let rows = [
        (CHUNKED, "Content-Type: text/event-stream", true),
        (CHUNKED, "Content-Type: Text/Event-Stream ; charset=utf-8", true),
        (CHUNKED, "Content-Type: multipart/x-mixed-replace;boundary=x", true),
        // A role had a say, and nobody says when it ends.
        (CHUNKED, "Content-Type: application/x-ndjson", true),
        (CHUNKED, "Content-Type: text/plain\r\nContent-Type: text/event-stream", true),
        (CHUNKED, "X-Nothing: of its kind", true),
        ("Content-Length: 700", "Content-Type: text/event-stream", true),
        ("Content-Length: 700", "Content-Type: application/json", false),
    ];
    let ends = |(framing, kind, has_no_end): (&'static str, &'static str, bool)| {
        // A hundred pieces in ten seconds.
        let upstream = Upstream::start(move |_, stream| {
            let head = format!("HTTP/1.1 200 OK\r\n{framing}\r\n{kind}\r\n\r\n");
            let mut pieces =
                std::iter::repeat_n(if framing == CHUNKED { "7\r\ndata:x\n\r\n" } else { "data:x\n" }, 100);
            let mut is_written = stream.write_all(head.as_bytes()).is_ok();
            while let (true, Some(piece)) = (is_written, pieces.next()) {
                is_written = stream.write_all(piece.as_bytes()).is_ok();
                std::thread::sleep(Duration::from_millis(100));
            }
            if framing == CHUNKED {
                let _ = stream.write_all(b"0\r\n\r\n");
            }
        });
        let is_whole = |answer: &str| answer.ends_with("0\r\n\r\n") || answer.matches("data:x").count() == 100;
        let gated = GATED.replace("UP", &format!("http://{}", upstream.address));
        let in_force = Arc::new(GateInForce::new(load(&gated)));
        let gate = Running::serving(Arc::clone(&in_force), ServerOptions::default());
        let read = |cookie: &str| {
            let mut client = gate.client();
            client.send(request("GET", "/api/a", &[("Cookie", cookie), ("Connection", "close")]).as_bytes());
            client.until_closed()
        };
        let brief = read(&cookie_for(2));
        assert!(brief.starts_with("HTTP/1.1 200 ") && brief.contains("data:x"), "{kind}: {brief}");
        assert_eq!(!is_whole(&brief), has_no_end, "{kind}: its token has run out: {brief}");
        if has_no_end {
            let under_another_rule = std::thread::scope(|scope| {
                let reader = scope.spawn(|| read(&cookie_for(3600)));
                std::thread::sleep(Duration::from_millis(1200));
                in_force.replace(load(&gated.replace("admin", "owner")));
                reader.join().unwrap()
            });
            assert!(under_another_rule.contains("data:x"), "{kind}: {under_another_rule}");
            assert!(!is_whole(&under_another_rule), "{kind}: its rule is no more");
        }
    };
    std::thread::scope(|scope| {
        for row in rows {
            scope.spawn(move || ends(row));
        }
    });
}

#[test]
fn proxy_4_ends_a_tunnel_ends_with_its_token_its_rule_and_its_key() {
    let origin = echo();
    let load = |rules: &str| load(&rules.replace("UP", &origin));
    let in_force = Arc::new(GateInForce::new(load(GATED)));
    let gate = Running::serving(Arc::clone(&in_force), ServerOptions::default());
    let open = |seconds: u64| {
        let mut request = format!("ws://{}/api/socket", gate.address).into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie_for(seconds).parse().unwrap());
        let stream = TcpStream::connect(gate.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (mut socket, _) = client(request, stream).expect("a socket");
        socket.send(Message::text("hello")).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text("hello"));
        socket
    };
    let is_over = |error: tungstenite::Error| match error {
        tungstenite::Error::Io(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        _ => true,
    };
    let [mut brief, mut kept] = [2, 3600].map(open);
    assert!(is_over(brief.read().expect_err("its token has run out")));
    // Rules under which the same would be opened change nothing.
    in_force.replace(load("# again\n/api/* UP/v1/:splat 200! Role=admin"));
    std::thread::sleep(Duration::from_millis(1200));
    kept.send(Message::text("still there")).unwrap();
    assert_eq!(kept.read().unwrap(), Message::text("still there"));
    in_force.replace(load("/api/* UP/v1/:splat 200! Role=owner"));
    assert!(is_over(kept.read().expect_err("its rule is no more")));
    in_force.replace(load(GATED));
    let mut other = open(3600);
    in_force.gate().keys().replace(Keys::hs256(b"another secret").unwrap());
    assert!(is_over(other.read().expect_err("its key is no more")));
}

#[test]
fn proxy_4_a_websocket_for_who_is_admitted() {
    let gate = gate(GATED, &echo(), ProxySettings::default());
    let ask = |cookie: &str| {
        let mut request = format!("ws://{}/api/socket", gate.address).into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        client(request, TcpStream::connect(gate.address).unwrap()).map_err(|error| error.to_string())
    };
    let (mut socket, response) = ask(&format!("nf_jwt={}", token(&["admin"]))).expect("a socket");
    assert_eq!(response.status(), 101);
    for text in ["hello", &"x".repeat(300_000)] {
        socket.send(Message::text(text.to_owned())).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text(text.to_owned()));
    }
    let denied = ask("nf_jwt=none").expect_err("no socket");
    assert!(denied.contains("302"), "{denied}");
}

#[test]
fn proxy_4_http_is_no_protocol_to_switch_to() {
    let upstream = Upstream::plain();
    let gate = gate(OPEN, &format!("http://{}", upstream.address), ProxySettings::default());
    for protocol in ["h2c", "HTTP/2.0", "TLS/1.2", "websocket, h2c"] {
        let head = request(
            "GET",
            "/api/a",
            &[
                ("Connection", "Upgrade, HTTP2-Settings"),
                ("Upgrade", protocol),
                ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
            ],
        );
        let mut client = gate.client();
        client.send(head.as_bytes());
        assert_eq!(client.response(false).status, 200, "{protocol}");
    }
    for asked in upstream.asked() {
        assert!(!asked.has("upgrade") && !asked.has("connection") && !asked.has("http2-settings"), "{asked:?}");
    }
}

#[test]
fn proxy_4_only_the_protocol_that_was_asked_for() {
    let upstream = Upstream::start(|_, stream| {
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\nspoken")
            .unwrap();
    });
    let gate = gate(OPEN, &format!("http://{}", upstream.address), ProxySettings::default());
    let head = request("GET", "/api/a", &[("Connection", "upgrade"), ("Upgrade", "websocket")]);
    let answer = gate.raw(head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 502 ") && !answer.contains("spoken"), "{answer}");
}
