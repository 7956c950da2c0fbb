//! Rules that name a host, with a real server in front: they are decided by the name that it routed by (HOST-2, HOST-3, HTTP-4).
//!
//! The servers know one host with a gate and one without, and have a page of the gated one that nobody without the role may get,
//! however the host is written. Where a server is not installed its test says so and asks nothing.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::path::Path;

use rolegate::{Edge, Forwarding, TokenSettings};
use rolegate_server::{Config, KeySource, ServerOptions};
use tempfile::TempDir;

use common::front::{Front, example, free};
use common::{Running, SECRET, site, token};

const RULES: &str = "\
http://gated.example/area/* /area/:splat 200! Role=admin
https://gated.example/area/* /area/:splat 200! Role=admin
http://open.example/area/* /area/:splat 200!
https://open.example/area/* /area/:splat 200!
";

const PAGE: &str = "a page of the gated host";

fn folder() -> TempDir {
    let folder = site(&[("_redirects", RULES), ("area/page.html", PAGE)]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    folder
}

fn gate(site: &Path, forwarding: Forwarding, authorize: bool) -> Running {
    let edge = Edge { trusted: vec!["127.0.0.1".parse().unwrap()], forwarding, ..Edge::default() };
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    let config = Config { edge, ..Config::of(site.to_owned(), key, TokenSettings::default()) };
    Running::serve(config.load().expect("a gate").gate, ServerOptions { authorize, ..ServerOptions::default() })
}

/// What holds with every server in front: whatever leads to the gated host meets its gate.
fn the_gate_holds(front: &Front) {
    let port = front.address.port();
    let admin = format!("nf_jwt={}", token(&["admin"]));
    for target in ["/area/page.html", "/area/page"] {
        let answer = front.ask(target, "gated.example", &[("Cookie", &admin)]).expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (200, PAGE), "{target}");
        let answer = front.ask(target, "open.example", &[]).expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (200, PAGE), "{target}");
    }
    let hosts = [
        "gated.example".to_owned(),
        format!("gated.example:{port}"),
        "gated.example:8081".to_owned(),
        "gated.example:80".to_owned(),
        "gated.example:443".to_owned(),
        "gated.example:08081".to_owned(),
        "gated.example:65616".to_owned(),
        "gated.example:".to_owned(),
        "gated.example.".to_owned(),
        "gated.example.:8081".to_owned(),
        "GATED.Example".to_owned(),
        "Gated.Example:8081".to_owned(),
        "gated%2eexample".to_owned(),
        "gated.example, open.example".to_owned(),
        "open.example@gated.example".to_owned(),
    ];
    // Escapes, lists and user information are other names to some servers, and there is no rule for those.
    let (names, odd) = hosts.split_at(12);
    let claims: [&[(&str, &str)]; 10] = [
        &[],
        &[("X-Forwarded-Host", "open.example")],
        &[("X-Forwarded-Host", "open.example, open.example")],
        &[("X_Forwarded_Host", "open.example")],
        &[("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Host", "open.example")],
        &[("X-Forwarded-For", "192.0.2.1, 127.0.0.1"), ("X-Forwarded-Host", "open.example, open.example")],
        &[("X-Forwarded-Host", "gated.example:8081")],
        &[("Forwarded", "for=127.0.0.1;host=open.example")],
        &[("X-Original-Host", "open.example"), ("X-Host", "open.example")],
        &[("X-Forwarded-Port", "8081")],
    ];
    let denied = |target: &str, host: &str, headers: &[(&str, &str)]| {
        let answer = front.ask(target, host, headers);
        let leaks = answer.as_ref().is_some_and(|answer| answer.status == 200 || answer.body.contains(PAGE));
        assert!(!leaks, "{target} {host} {headers:?}: {answer:?}");
    };
    for host in names {
        for claim in claims {
            denied("/area/page.html", host, claim);
            denied("/area/page", host, claim);
        }
    }
    for host in odd {
        denied("/area/page.html", host, &[("X-Forwarded-Host", "open.example")]);
    }
    // RFC 9112 §3.2.2: the host of the request line is the one that the server goes by, or it refuses.
    for authority in ["gated.example", "gated.example:8081", "Gated.Example", "gated.example."] {
        for host in ["evil.example", "gated.example", "gated.example:8081", "open.example"] {
            for claim in claims {
                denied(&format!("http://{authority}/area/page.html"), host, claim);
            }
        }
    }
}

#[test]
fn beside_nginx() {
    let folder = folder();
    let gate = gate(folder.path(), Forwarding::XForwarded, true);
    let address = free();
    let text = example("nginx/nginx.conf", address, gate.address, folder.path());
    if let Some(front) = Front::nginx(address, &text) {
        the_gate_holds(&front);
    }
}

#[test]
fn beside_caddy() {
    let folder = folder();
    let gate = gate(folder.path(), Forwarding::XForwarded, true);
    let address = free();
    let text = example("caddy/Caddyfile", address, gate.address, folder.path());
    if let Some(front) = Front::caddy(address, &text) {
        the_gate_holds(&front);
    }
}

#[test]
fn behind_nginx() {
    let folder = folder();
    let gate = gate(folder.path(), Forwarding::XForwardedSet, false);
    let address = free();
    let text = format!(
        "events {{}}\nhttp {{\nserver {{\nlisten {address};\nlocation / {{\nproxy_pass http://{};\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\nproxy_set_header X-Forwarded-Proto $scheme;\n\
         proxy_set_header X-Forwarded-Host $host;\n}}\n}}\n}}\n",
        gate.address
    );
    if let Some(front) = Front::nginx(address, &text) {
        the_gate_holds(&front);
    }
}

#[test]
fn behind_caddy() {
    let folder = folder();
    let gate = gate(folder.path(), Forwarding::XForwarded, false);
    let address = free();
    // Its own X-Forwarded-Host holds the port that the visitor wrote.
    let text = format!(
        "{{\nadmin off\nauto_https off\n}}\nhttp://:{} {{\nbind 127.0.0.1\nreverse_proxy {}\n}}\n",
        address.port(),
        gate.address
    );
    if let Some(front) = Front::caddy(address, &text) {
        the_gate_holds(&front);
    }
}

#[test]
fn behind_haproxy() {
    let folder = folder();
    for forwarding in [Forwarding::XForwarded, Forwarding::XForwardedSet] {
        let gate = gate(folder.path(), forwarding, false);
        let address = free();
        let text = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
             frontend front\n bind {address}\n option forwardfor\n http-request set-header X-Forwarded-Proto http\n \
             http-request set-header X-Forwarded-Host %[req.hdr(host),host_only]\n default_backend gate\n\
             backend gate\n server gate {}\n",
            gate.address
        );
        if let Some(front) = Front::haproxy(address, &text) {
            the_gate_holds(&front);
        }
    }
}

#[test]
fn a_proxy_that_names_a_host_and_hands_on_a_url() {
    let folder = folder();
    let gate = gate(folder.path(), Forwarding::XForwarded, false);
    let address = free();
    // It serves one site, says so, and hands on the request line as it came.
    let text = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
         frontend front\n bind {address}\n option forwardfor\n http-request set-header X-Forwarded-Host gated.example\n \
         default_backend gate\nbackend gate\n server gate {}\n",
        gate.address
    );
    let Some(front) = Front::haproxy(address, &text) else { return };
    for (target, host) in [
        ("/area/page.html", "open.example"),
        ("http://open.example/area/page.html", "open.example"),
        ("http://open.example/area/page.html", "gated.example"),
        ("http://gated.example/area/page.html", "open.example"),
        ("https://open.example/area/page.html", "open.example"),
        ("http://evil.example/area/page.html", "evil.example"),
        ("http://gated.example:8081/area/page.html", "gated.example:8081"),
    ] {
        let answer = front.ask(target, host, &[]);
        assert!(answer.as_ref().is_none_or(|answer| answer.status != 200), "{target} {host}: {answer:?}");
    }
}

#[test]
fn what_a_server_in_front_describes_holds_no_host() {
    let folder = folder();
    let gate = gate(folder.path(), Forwarding::XForwarded, true);
    let said = ("X-Forwarded-Host", "gated.example");
    for (name, target) in [
        ("X-Forwarded-Uri", "http://open.example/area/page"),
        ("X-Original-URI", "HTTP://open.example/area/page"),
        ("X-Original-URI", "https://open.example"),
        ("X-Forwarded-Uri", "open.example/area/page"),
    ] {
        let answer = gate.get("/__gate/authorize", &[said, (name, target)]);
        assert_eq!(answer.status, 400, "{name} {target}");
        let answer = gate.get("/__gate/subrequest", &[said, (name, target)]);
        assert_eq!((answer.status, answer.header("x-gate-status")), (403, "400"), "{name} {target}");
    }
    // What cannot be told is a refusal in a form that each server in front understands.
    for fields in [
        [("X-Forwarded-Host", "gated.example:8081"), ("X-Forwarded-For", "192.0.2.1")],
        [("X-Forwarded-Host", "open.example"), ("X-Forwarded-For", "192.0.2.1, 127.0.0.1")],
        [("X-Forwarded-Host", "a b"), ("X-Forwarded-For", "192.0.2.1")],
    ] {
        let lines = [fields[0], fields[1], ("X-Forwarded-Uri", "/area/page")];
        assert_eq!(gate.get("/__gate/authorize", &lines).status, 400, "{fields:?}");
        let answer = gate.get("/__gate/subrequest", &lines);
        assert_eq!((answer.status, answer.header("x-gate-status")), (403, "400"), "{fields:?}");
    }
}
