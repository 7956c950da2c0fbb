//! Where `serve` forwards requests to, what goes with them, and how long they may take.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use base64::Engine as _;
use serde_json::Value;

use crate::Row;
use crate::commands::TlsFiles;
use crate::common::{site, token};
use crate::gate::{Gate, file};
use crate::upstream::Upstream;

const TRUSTED: [&str; 2] = ["--trusted-proxy", "127.0.0.1"];
/// What an upstream says at once, of an answer that never ends.
const BEGUN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun";

pub const ROWS: &[Row] = &[
    ("serve", "--upstream", |_| {
        let upstream = Upstream::plain();
        let folder = site(&[("_redirects", "/members/* 200! Role=admin\n")]);
        let gate = Gate::start(folder.path(), &["--upstream", &origin(&upstream)]);
        assert_eq!(gate.get("/page", &[]).body, "up");
    }),
    ("serve", "--elsewhere", |_| {
        // What the folder does not hold lies with the server in front.
        for (option, status) in [(["--elsewhere"].as_slice(), 200), (&[], 404)] {
            assert_eq!(authorized(&[&["--authorize"], option].concat(), "/page"), status, "{option:?}");
        }
    }),
    ("serve", "--authorize", |_| {
        assert_eq!((authorized(&["--authorize"], "/"), authorized(&[], "/")), (200, 404));
    }),
    ("serve", "--trust-upstream", |_| {
        let upstream = Upstream::plain();
        let cookie = format!("nf_jwt={}", token(&[]));
        for (options, comes) in [(["--trust-upstream", &origin(&upstream)].as_slice(), true), (&[], false)] {
            let (_folder, gate) = before(&upstream, options);
            gate.get("/api/a", &[("Cookie", &cookie)]);
            assert_eq!(upstream.asked().last().expect("asked").header("cookie").contains("nf_jwt"), comes);
        }
    }),
    ("serve", "--pass-field", |_| {
        let upstream = Upstream::plain();
        for (options, comes) in [(["--pass-field", "X-Real-IP"].as_slice(), true), (&[], false)] {
            let (_folder, gate) = before(&upstream, &[&TRUSTED, options].concat());
            gate.get("/api/a", &[("X-Real-IP", "192.0.2.1")]);
            assert_eq!(upstream.asked().last().expect("asked").has("x-real-ip"), comes);
        }
    }),
    ("serve", "--pass-method", |_| {
        let upstream = Upstream::plain();
        let (_folder, gate) = before(&upstream, &["--pass-method", "PROPFIND"]);
        assert_eq!(gate.ask("PROPFIND", "/api/a", &[]).status, 200);
        assert_eq!(upstream.one().line, "PROPFIND /a HTTP/1.1");
        let (_folder, gate) = before(&upstream, &[]);
        assert_ne!(gate.ask("PROPFIND", "/api/a", &[]).status, 200);
    }),
    ("serve", "--http2-upstream", |_| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let folder = site(&[("_redirects", &format!("/api/* {origin}/:splat 200\n"))]);
        let gate = Gate::start(folder.path(), &["--http2-upstream", &origin]);
        let mut client = gate.client();
        client.send(b"GET /api/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut begun = [0; 14];
        listener.accept().expect("a connection").0.read_exact(&mut begun).expect("read");
        assert_eq!(&begun, b"PRI * HTTP/2.0");
    }),
    ("serve", "--upstream-ca", |_| {
        let tls = TlsFiles::made();
        let behind = site(&[("index.html", "behind TLS")]);
        let behind = Gate::start(behind.path(), &tls.options());
        let rule = format!("/api/* https://localhost:{}/:splat 200\n", behind.address.port());
        let folder = site(&[("_redirects", &rule)]);
        for (options, status) in [(["--upstream-ca", &tls.certificate].as_slice(), 200), (&[], 502)] {
            assert_eq!(Gate::start(folder.path(), options).get("/api/", &[]).status, status, "{options:?}");
        }
        let (_folder, empty) = file("no certificate");
        let refused = Gate::try_start(folder.path(), &["--upstream-ca", &empty]).err().expect("refused");
        assert!(refused.contains("it holds no certificate"), "{refused}");
    }),
    // That these times arrive is held in `reference/cli/src/proxy.rs`; here, that they end what would take longer.
    ("serve", "--connect-timeout", |_| {
        // The only place is taken, so the second request waits as long as connecting may take, and less than the first.
        let upstream = Upstream::saying("");
        let (_folder, gate) = before(&upstream, &["--max-forwarded", "1", "--connect-timeout", "0.1"]);
        let _first = waiting(&gate, &upstream);
        assert_eq!(gate.get("/api/second", &[]).status, 503);
    }),
    ("serve", "--answer-timeout", |_| {
        let (_folder, gate) = before(&Upstream::saying(""), &["--answer-timeout", "0.1"]);
        assert_eq!(gate.get("/api/a", &[]).status, 504);
    }),
    ("serve", "--upstream-idle-timeout", |_| {
        let (_folder, gate) = before(&Upstream::saying(BEGUN), &["--upstream-idle-timeout", "0.1"]);
        let mut client = gate.client();
        client.send(b"GET /api/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(client.until_closed().ends_with("begun"));
    }),
    ("serve", "--max-body", |_| {
        let upstream = Upstream::plain();
        for (options, status) in [(["--max-body", "3"].as_slice(), 413), (&[], 200)] {
            let (_folder, gate) = before(&upstream, options);
            let mut client = gate.client();
            client.send(b"POST /api/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
            assert_eq!(client.response(false).status, status, "{options:?}");
        }
    }),
    ("serve", "--max-forwarded", |_| one_at_a_time("--max-forwarded")),
    ("serve", "--max-forwarded-per-client", |_| one_at_a_time("--max-forwarded-per-client")),
    ("serve", "--site-url", |_| is_signed("--site-url", "https://a.example", "site_url")),
    ("serve", "--site-id", |_| is_signed("--site-id", "an-id", "netlify_id")),
    ("serve", "--deploy-context", |_| is_signed("--deploy-context", "production", "deploy_context")),
];

fn origin(upstream: &Upstream) -> String {
    format!("http://{}", upstream.address)
}

/// A gate that forwards `/api/` to `upstream`, and signs what is below `/signed/`.
fn before(upstream: &Upstream, options: &[&str]) -> (tempfile::TempDir, Gate) {
    let origin = origin(upstream);
    let rules = format!("/api/* {origin}/:splat 200\n/signed/* {origin}/:splat 200 Sign=API_SECRET\n");
    let folder = site(&[("_redirects", &rules)]);
    let gate = Gate::start(folder.path(), options);
    (folder, gate)
}

/// What a gate says to a trusted proxy that asks about `path`.
fn authorized(options: &[&str], path: &str) -> u16 {
    let folder = site(&[("_redirects", "/members/* /members/:splat 200! Role=admin\n"), ("index.html", "home")]);
    let gate = Gate::start(folder.path(), &[&TRUSTED, options].concat());
    let fields = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Uri", path),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "a.example"),
        ("X-Forwarded-For", "192.0.2.1"),
    ];
    gate.get("/__gate/authorize", &fields).status
}

/// A request that the upstream has, and does not answer.
fn waiting(gate: &Gate, upstream: &Upstream) -> crate::common::Client {
    let mut first = gate.client();
    first.send(b"GET /api/first HTTP/1.1\r\nHost: localhost\r\n\r\n");
    gate.until(|_| (!upstream.asked().is_empty()).then_some(()));
    first
}

/// While one request is under way, another one is not let through.
fn one_at_a_time(option: &str) {
    let upstream = Upstream::start(|asked, stream| {
        if !asked.line.contains("first") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup").expect("written");
        }
    });
    for (options, status) in [([option, "1", "--connect-timeout", "0.1"].as_slice(), 503), (&[], 200)] {
        let (_folder, gate) = before(&upstream, options);
        let _first = waiting(&gate, &upstream);
        assert_eq!(gate.get("/api/second", &[]).status, status, "{options:?}");
    }
}

/// What the option says stands in the signature.
fn is_signed(option: &str, value: &str, claim: &str) {
    let upstream = Upstream::plain();
    let (_folder, gate) = before(&upstream, &[option, value]);
    assert_eq!(gate.get("/signed/a", &[]).status, 200);
    let signature = upstream.one().header("x-nf-sign");
    let payload = signature.split('.').nth(1).expect("three parts");
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64");
    let claims: Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(claims[claim], value, "{claims}");
}
