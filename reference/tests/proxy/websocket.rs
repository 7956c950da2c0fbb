//! PROXY-4: a WebSocket goes through once its visitor is admitted; nothing else is smuggled in its place.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use super::common::{request, token};
use super::upstream::Upstream;
use super::{GATED, OPEN, ProxySettings, gate};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Message, accept, client};

#[test]
fn proxy_4_a_websocket_for_who_is_admitted() {
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
    let gate = gate(GATED, &origin, ProxySettings::default());
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
