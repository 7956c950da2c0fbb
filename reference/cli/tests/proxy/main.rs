//! Forwarding, against real upstreams on loopback (PROXY-1 to PROXY-6).
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

#[path = "../common/mod.rs"]
mod common;
mod elsewhere;
mod secure;
mod upstream;
mod websocket;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use rolegate::TokenSettings;
use rolegate_server::proxy::ProxySettings;
use rolegate_server::{Config, KeySource, ServerOptions, Variables};

use common::{Running, SECRET, request, site, token};
use upstream::Upstream;

/// A gate with these rules; `UP` in them stands for the upstream.
pub fn gate(rules: &str, upstream: &str, proxy: ProxySettings) -> Running {
    let folder = site(&[("_redirects", &rules.replace("UP", upstream)), ("login.html", "please log in")]);
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    let config = Config {
        variables: Variables::Given(BTreeMap::from([("API_SECRET".to_owned(), "s3cret".to_owned())])),
        ..Config::of(folder.path().to_owned(), key, TokenSettings::default())
    };
    Running::serve(config.load().expect("a gate").gate, ServerOptions { proxy, ..ServerOptions::default() })
}

fn before(upstream: &Upstream, rules: &str) -> Running {
    gate(rules, &format!("http://{}", upstream.address), ProxySettings::default())
}

const OPEN: &str = "/api/* UP/v1/:splat 200";
const GATED: &str = "/api/* UP/v1/:splat 200! Role=admin\n/api/* /login 302";

fn admin() -> String {
    format!("a=1; nf_jwt={}; b=2", token(&["admin"]))
}

#[test]
fn proxy_1_method_path_query_body_and_fields_go() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, GATED);
    let cookie = admin();
    let body = "x".repeat(5);
    let head = request(
        "PATCH",
        "/api/b%20c/?q=1&q=%41",
        &[("Cookie", &cookie), ("Content-Length", "5"), ("Content-Type", "a/b"), ("X-Own", "1"), ("X-Own", "2")],
    );
    let mut client = gate.client();
    client.send(format!("{head}{body}").as_bytes());
    let answer = client.response(false);
    assert_eq!((answer.status, answer.body.as_str()), (200, "up"));
    let asked = upstream.one();
    assert_eq!(asked.line, "PATCH /v1/b%20c/?q=1&q=%41 HTTP/1.1");
    assert_eq!(asked.body, "xxxxx");
    for (name, value) in [
        ("host", upstream.address.to_string().as_str()),
        ("cookie", "a=1; b=2"),
        ("content-type", "a/b"),
        ("x-own", "1 | 2"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-proto", "http"),
    ] {
        assert_eq!(asked.header(name), value, "{name}");
    }
}

#[test]
fn proxy_2_what_ends_at_the_gate() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, OPEN);
    let answer = gate.get(
        "/api/a",
        &[
            ("Connection", "x-secret, x-forwarded-for, keep-alive"),
            ("X-Secret", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Authorization", "Basic x"),
            ("TE", "trailers"),
            ("X-Forwarded-For", "203.0.113.9"),
            ("X-Forwarded-Host", "evil.example"),
            ("X-Original-URL", "/admin"),
            ("x-nf-sign", "forged"),
        ],
    );
    assert_eq!(answer.status, 200);
    let asked = upstream.one();
    for name in ["connection", "x-secret", "keep-alive", "proxy-authorization", "te", "x-original-url", "x-nf-sign"] {
        assert!(!asked.has(name), "{name}: {asked:?}");
    }
    assert_eq!(asked.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(asked.header("x-forwarded-host"), "localhost");
}

#[test]
fn proxy_2_the_token_goes_to_trusted_upstreams() {
    let upstream = Upstream::plain();
    let origin = format!("http://{}", upstream.address);
    let trusted = vec![rolegate::request::Origin::parse(&origin).unwrap()];
    let gate = gate(GATED, &origin, ProxySettings { trusted, ..ProxySettings::default() });
    let cookie = admin();
    assert_eq!(gate.get("/api/a", &[("Cookie", &cookie)]).status, 200);
    assert_eq!(upstream.one().header("cookie"), cookie);
}

#[test]
fn a_denied_request_does_not_reach_the_upstream() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, GATED);
    let bad = format!("nf_jwt={}x", token(&["admin"]));
    for headers in [vec![], vec![("Cookie", bad.as_str())], vec![("Upgrade", "websocket"), ("Connection", "upgrade")]] {
        for target in ["/api/a", "/API/../api/a", "//api//a", "/%61pi/a", "http://other/api/a"] {
            assert_eq!(gate.get(target, &headers).status, 302, "{target} {headers:?}");
        }
    }
    // HTTP-7: nothing is promised, and nothing of the body is waited for.
    let head = request("POST", "/api/a", &[("Expect", "100-continue"), ("Content-Length", "5")]);
    let answer = gate.raw(head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 302 "), "{answer}");
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
}

#[test]
fn a_body_is_awaited_when_it_is_wanted() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, OPEN);
    let mut client = gate.client();
    client.send(request("POST", "/api/a", &[("Expect", "100-continue"), ("Content-Length", "5")]).as_bytes());
    let mut promise = [0; 25];
    client.stream.read_exact(&mut promise).expect("a promise");
    assert_eq!(&promise, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(b"hello");
    assert_eq!(client.response(false).status, 200);
    let asked = upstream.one();
    assert_eq!(asked.body, "hello");
    assert!(!asked.has("expect"));
}

#[test]
fn bodies_stream_both_ways() {
    // The upstream answers while the request is still being sent, and neither side is held back until it ends.
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = Upstream::start(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").unwrap();
        wait.lock().unwrap().recv().unwrap();
        stream.write_all(b"4\r\nlast\r\n0\r\n\r\n").unwrap();
    });
    let gate = before(&upstream, OPEN);
    let mut client = gate.client();
    client.send(request("GET", "/api/a", &[("Connection", "close")]).as_bytes());
    let mut read = String::new();
    while !read.contains("first") {
        let mut chunk = [0; 1024];
        let n = client.stream.read(&mut chunk).expect("the first piece before the last one was made");
        assert_ne!(n, 0);
        read.push_str(&String::from_utf8_lossy(&chunk[..n]));
    }
    go.send(()).unwrap();
    let rest = client.until_closed();
    assert!(rest.contains("last"), "{rest}");

    let (seen, arrived) = mpsc::channel::<()>();
    let seen = std::sync::Mutex::new(seen);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut read = String::new();
        let mut chunk = [0; 1024];
        while !read.contains("hello") {
            let n = stream.read(&mut chunk).unwrap();
            read.push_str(&String::from_utf8_lossy(&chunk[..n]));
        }
        seen.lock().unwrap().send(()).unwrap();
        while !read.contains("world") {
            let n = stream.read(&mut chunk).unwrap();
            read.push_str(&String::from_utf8_lossy(&chunk[..n]));
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    });
    let gate = self::gate(OPEN, &origin, ProxySettings::default());
    let mut client = gate.client();
    client.send(request("PUT", "/api/a", &[("Content-Length", "10")]).as_bytes());
    client.send(b"hello");
    arrived.recv_timeout(Duration::from_secs(10)).expect("the first half before the second was sent");
    client.send(b"world");
    assert_eq!(client.response(false).body, "ok");
}

#[test]
fn what_comes_back() {
    let upstream = Upstream::saying(
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 302 Found\r\nLocation: http://internal.example/x\r\n\
         Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nAlt-Svc: h3=\":443\"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
         Cache-Control: public, max-age=600\r\nCDN-Cache-Control: max-age=600\r\nContent-Length: 0\r\n\r\n",
    );
    let gate = before(&upstream, GATED);
    let answer = gate.get("/api/a", &[("Cookie", &admin())]);
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), "http://internal.example/x", "not followed");
    for name in ["x-hop", "keep-alive", "alt-svc", "cdn-cache-control"] {
        assert_eq!(answer.header(name), "", "{name}");
    }
    let cookies: Vec<_> =
        answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, v)| v.as_str()).collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    // NOLEAK-4
    assert_eq!(answer.header("cache-control"), "private, max-age=600, must-revalidate");
    assert_eq!(answer.header("vary"), "Cookie");
    assert_eq!(upstream.asked().len(), 1);
}

#[test]
fn answers_without_a_body() {
    let upstream = Upstream::start(|asked, stream| {
        let head = match asked.line.as_str() {
            line if line.starts_with("HEAD") => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            line if line.contains("304") => "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
            _ => "HTTP/1.1 204 No Content\r\n\r\n",
        };
        stream.write_all(head.as_bytes()).unwrap();
    });
    let gate = before(&upstream, OPEN);
    let head = gate.ask("HEAD", "/api/a", &[]);
    assert_eq!((head.status, head.header("content-length")), (200, "9"));
    let unchanged = gate.ask("GET", "/api/304", &[("If-None-Match", "\"x\"")]);
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, "\"x\""));
    let none = gate.raw(request("DELETE", "/api/204", &[("Connection", "close")]).as_bytes());
    assert!(none.starts_with("HTTP/1.1 204 ") && none.ends_with("\r\n\r\n"), "{none}");
}

#[test]
fn proxy_2_upstreams_that_fail() {
    let unused = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let quick = || ProxySettings {
        answer_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(300),
        ..ProxySettings::default()
    };
    let gone = gate(OPEN, &format!("http://{unused}"), quick());
    assert_eq!(gone.get("/api/a", &[]).status, 502);
    assert_eq!(gate(OPEN, "http://nowhere.invalid", quick()).get("/api/a", &[]).status, 502);
    for (says, status) in [
        ("", 502),
        ("HTTP/1.1 2", 502),
        ("220 smtp.example ready\r\n", 502),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 502),
        // PROXY-6.coded
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 502),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 502),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: deflate\r\n\r\nx", 502),
        // PROXY-6.begins
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 502),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nCache-Control: public\r\n\r\n", 502),
    ] {
        let upstream = Upstream::start(move |_, stream| {
            stream.write_all(says.as_bytes()).unwrap();
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        let gate = gate(OPEN, &format!("http://{}", upstream.address), quick());
        let answer = gate.get("/api/a", &[]);
        assert_eq!((answer.status, answer.header("cache-control")), (status, "private, no-store"), "{says:?}");
    }
    let begins = Upstream::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_secs(3));
    });
    assert_eq!(gate(OPEN, &format!("http://{}", begins.address), quick()).get("/api/a", &[]).status, 504);
    let silent = Upstream::start(|_, _| std::thread::sleep(Duration::from_secs(3)));
    let gate = gate(OPEN, &format!("http://{}", silent.address), quick());
    assert_eq!(gate.get("/api/a", &[]).status, 504);
    // A body that never comes is the client's fault.
    let mut client = gate.client();
    client.send(request("POST", "/api/a", &[("Content-Length", "5")]).as_bytes());
    assert_eq!(client.response(false).status, 408);
}

#[test]
fn an_answer_that_breaks_off_is_not_made_whole() {
    for idle in [false, true] {
        let upstream = Upstream::start(move |_, stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").unwrap();
            if idle {
                std::thread::sleep(Duration::from_secs(3));
            }
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        let proxy = ProxySettings { idle_timeout: Duration::from_millis(300), ..ProxySettings::default() };
        let gate = gate(OPEN, &format!("http://{}", upstream.address), proxy);
        let answer = gate.raw(request("GET", "/api/a", &[]).as_bytes());
        assert!(answer.contains("first") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    }
}

#[test]
fn proxy_6_bodies_over_the_limit() {
    let upstream = Upstream::plain();
    let proxy = ProxySettings { body_limit: 10, ..ProxySettings::default() };
    let gate = gate(OPEN, &format!("http://{}", upstream.address), proxy);
    for (length, status) in [(10, 200), (11, 413)] {
        let mut client = gate.client();
        client.send(request("POST", "/api/a", &[("Content-Length", &length.to_string())]).as_bytes());
        client.send("x".repeat(length).as_bytes());
        assert_eq!(client.response(false).status, status, "{length}");
    }
    let head = request("POST", "/api/a", &[("Transfer-Encoding", "chunked")]);
    let answer = gate.raw(format!("{head}b\r\nhello world\r\n0\r\n\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(upstream.asked().iter().all(|asked| asked.body.len() <= 10), "{:?}", upstream.asked());
}

#[test]
fn proxy_6_bodies_that_come_too_slowly() {
    let (closed, seen) = mpsc::channel();
    let closed = std::sync::Mutex::new(closed);
    let upstream = Upstream::start(move |asked, stream| {
        if asked.body == "(cut)" {
            closed.lock().unwrap().send(()).unwrap();
        } else {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup");
        }
    });
    let proxy = ProxySettings { answer_timeout: Duration::from_millis(500), ..ProxySettings::default() };
    let gate = gate(OPEN, &format!("http://{}", upstream.address), proxy);
    let chunked = [("Transfer-Encoding", "chunked")];
    for (head, first, drip) in [
        (request("POST", "/api/a", &[("Content-Length", "1000")]), "", "x"),
        (request("POST", "/api/a", &chunked), "", "1\r\nx\r\n"),
        // Nothing at all behind the promise to send it; and trailers that never end.
        (request("POST", "/api/a", &[("Content-Length", "5"), ("Expect", "100-continue")]), "", ""),
        (request("POST", "/api/a", &chunked), "1\r\nx\r\n0\r\n", "X: y\r\n"),
    ] {
        let mut client = gate.client();
        client.send(format!("{head}{first}").as_bytes());
        let mut dripping = client.stream.try_clone().unwrap();
        let drips = std::thread::spawn(move || {
            for _ in 0..40 {
                std::thread::sleep(Duration::from_millis(50));
                if dripping.write_all(drip.as_bytes()).is_err() {
                    return;
                }
            }
        });
        let answer = client.until_closed();
        assert!(answer.contains("HTTP/1.1 408 "), "{head}{first}: {answer}");
        seen.recv_timeout(Duration::from_secs(5)).expect("the upstream is let go");
        drips.join().unwrap();
    }
}

#[test]
fn pace_2_one_client_has_its_share_of_an_upstream() {
    let upstream = Upstream::plain();
    let folder = site(&[("_redirects", &OPEN.replace("UP", &format!("http://{}", upstream.address)))]);
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    let edge = rolegate::Edge { trusted: vec!["127.0.0.1".parse().unwrap()], ..rolegate::Edge::default() };
    let config = Config::of(folder.path().to_owned(), key, TokenSettings::default());
    let limits = rolegate_server::Limits { forwarded_per_client: 2, ..rolegate_server::Limits::default() };
    let proxy = ProxySettings { connect_timeout: Duration::from_millis(300), ..ProxySettings::default() };
    let loaded = config.load().unwrap().gate.with_edge(edge);
    let gate = Running::serve(loaded, ServerOptions { proxy, limits, ..ServerOptions::default() });
    let of = |address: &'static str| [("X-Forwarded-For", address), ("Content-Length", "5")];
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut client = gate.client();
            client.send(request("POST", "/api/a", &of("192.0.2.1")).as_bytes());
            client.send(b"x");
            client
        })
        .collect();
    // Once both hold their places, which nobody can see from here, there is none left.
    let third = || {
        let mut third = gate.client();
        third.send(format!("{}abcde", request("POST", "/api/a", &of("192.0.2.1"))).as_bytes());
        third.response(false)
    };
    let answer = (0..200).map(|_| third()).find(|answer| answer.status != 200).expect("a place is refused");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    // Another visitor is served, and so is this one when it is done.
    assert_eq!(gate.get("/api/a", &[("X-Forwarded-For", "192.0.2.2")]).status, 200);
    for mut client in held {
        client.send(b"xxxx");
        assert_eq!(client.response(false).status, 200);
    }
    assert_eq!(gate.get("/api/a", &[("X-Forwarded-For", "192.0.2.1")]).status, 200);
}

#[test]
fn proxy_3_circles() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, OPEN);
    assert_eq!(gate.get("/api/a", &[]).status, 200);
    let via = upstream.one().header("via");
    assert_eq!(gate.get("/api/a", &[("Via", &format!("1.1 other, {via}"))]).status, 508);
    assert_eq!(upstream.asked().len(), 1);
}

#[test]
fn proxy_7_methods_that_go_on() {
    let upstream = Upstream::plain();
    let methods = vec![hyper::Method::from_bytes(b"PROPFIND").unwrap()];
    let origin = format!("http://{}", upstream.address);
    let gate = gate(OPEN, &origin, ProxySettings { methods, ..ProxySettings::default() });
    for method in ["TRACE", "trace", "TRACK", "DEBUG", "SEARCH", "COPY", "get"] {
        let answer = gate.ask(method, "/api/a", &[]);
        assert_eq!((answer.status, answer.header("cache-control")), (405, "private, no-store"), "{method}");
    }
    assert_eq!(gate.ask("OPTIONS", "/api/a", &[("Max-Forwards", "0")]).status, 200);
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
    assert_eq!(gate.ask("PROPFIND", "/api/a", &[("Depth", "0")]).body, "up");
    assert_eq!(gate.ask("OPTIONS", "/api/a", &[("Max-Forwards", "2")]).body, "up");
    assert_eq!(upstream.asked()[1].header("max-forwards"), "1");
}

#[test]
fn proxy_1_signed() {
    use base64::Engine as _;
    let upstream = Upstream::plain();
    let gate = before(&upstream, "/api/* UP/:splat 200 Sign=API_SECRET");
    assert_eq!(gate.get("/api/a", &[("x-nf-sign", "forged")]).status, 200);
    let signature = upstream.one().header("x-nf-sign");
    let payload = signature.split('.').nth(1).expect("three parts");
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["iss"], "netlify");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert_eq!(common::sign_parts(signature.split('.').next().unwrap(), &payload, b"s3cret"), signature);
}

#[test]
fn connections_are_kept() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, OPEN);
    let mut client = gate.client();
    for _ in 0..5 {
        client.send(request("GET", "/api/a", &[]).as_bytes());
        assert_eq!(client.response(false).body, "up");
    }
    assert_eq!(upstream.asked().len(), 5);
}
