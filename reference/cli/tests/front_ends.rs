//! The gate beside nginx and Caddy, and behind HAProxy and Apache, with the example configurations as they stand in
//! `reference/examples/`.
//!
//! Needs the real servers; where one is not installed its test says so and asks nothing.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;
#[path = "front_ends/spellings.rs"]
mod spellings;
#[path = "proxy/upstream.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod upstream;
#[path = "front_ends/words.rs"]
mod words;

use std::net::SocketAddr;
use std::path::Path;

use rolegate::TokenSettings;
use rolegate::edge::Edge;
use rolegate::request::Origin;
use rolegate_server::proxy::ProxySettings;
use rolegate_server::{Config, KeySource, ServerOptions, SiteOptions};
use tempfile::TempDir;

use common::front::{Front, example, free};
use common::{Running, SECRET, site, token};

const RULES: &str = "\
/members/* /members/:splat 200! Role=admin
/members/* /login 302
/closed/* 200! Role=admin
/token/* 200! Role=admin
/token/* /login 401
/swapped /public 200!
/old /public 301
";

fn front_site() -> TempDir {
    site(&[
        ("_redirects", RULES),
        ("members/home.html", "the members' page"),
        ("closed/page.html", "a closed page"),
        ("token/page.html", "a page for a token"),
        ("swapped.html", "what is replaced"),
        ("public.html", "for everybody"),
        ("login.html", "please log in"),
        (".env", "hidden"),
    ])
}

fn gate(site: &Path) -> Running {
    gate_with(site, false, None)
}

/// A gate that trusts this machine's proxies; with an `upstream` it has the site there.
fn gate_with(site: &Path, elsewhere: bool, upstream: Option<SocketAddr>) -> Running {
    let edge = Edge { trusted: vec!["127.0.0.1".parse().unwrap()], ..Edge::default() };
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    let options = SiteOptions { elsewhere: elsewhere || upstream.is_some(), ..SiteOptions::default() };
    let config = Config { edge, options, ..Config::of(site.to_owned(), key, TokenSettings::default()) };
    let upstream = upstream.and_then(|upstream| Origin::parse(&format!("http://{upstream}")));
    let proxy = ProxySettings { upstream, ..ProxySettings::default() };
    let options = ServerOptions { authorize: proxy.upstream.is_none(), proxy, ..ServerOptions::default() };
    Running::serve(config.load().expect("a gate").gate, options)
}

/// Lets a server that runs as another user read the folder.
fn readable(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    }
}

/// What holds with every server in front.
fn admitted_denied_and_odd(front: &Front, statuses: [u16; 3]) {
    let [login, closed, unauthorized] = statuses;
    let admin = format!("nf_jwt={}", token(&["admin"]));
    let bad = format!("nf_jwt={}x", token(&["admin"]));
    let other = format!("nf_jwt={}", token(&["other"]));
    for target in ["/members/home", "/members/home.html"] {
        for cookie in ["", &bad, &other] {
            let answer = front.get(target, &[("Cookie", cookie)]);
            assert_eq!(answer.status, login, "{target} {cookie:?}: {answer:?}");
            assert!(!answer.body.contains("the members' page"), "{target}: {answer:?}");
            assert_eq!(answer.header("location"), "/login", "{target}");
            assert!(answer.header("cache-control").contains("no-store"), "{answer:?}");
        }
    }
    let answer = front.get("/members/home", &[("Cookie", &admin)]);
    assert_eq!((answer.status, answer.body.as_str()), (200, "the members' page"));
    assert!(answer.header("cache-control").contains("private"), "{answer:?}");
    assert_eq!(front.get("/members/home.html", &[("Cookie", &admin)]).body, "the members' page");

    let answer = front.get("/public", &[]);
    assert_eq!((answer.status, answer.body.as_str()), (200, "for everybody"));
    assert!(answer.header("cache-control").contains("public"), "{answer:?}");
    assert_eq!(front.get("/login", &[]).body, "please log in");

    assert_eq!(front.get("/closed/page", &[]).status, closed);
    assert_eq!(front.get("/closed/page", &[("Cookie", &admin)]).body, "a closed page");
    assert_eq!(front.get("/token/page", &[]).status, unauthorized);
    assert_ne!(front.get("/swapped", &[]).body, "what is replaced");

    // What can be read in two ways reaches no file.
    for target in [
        "/public/..%2fmembers/home.html",
        "/x%2f..%2fmembers/home.html",
        "/members%2fhome.html",
        "/..;/members/home.html",
        "//members//home",
        "/%6dembers/home",
        "/x/../members/home",
        "/public//../members/home.html",
        "/x//../members/home.html",
        "/members%5chome.html",
        "/members/home%00.html",
        "/members/home.html%2500",
        "/.%2fmembers/home.html",
        "/_redirects",
        "/.env",
        "/%2eenv",
        "/__gate/authorize",
        "/__gate/subrequest",
    ] {
        let answer = front.get(target, &[]);
        assert_ne!(answer.status, 200, "{target}: {answer:?}");
        for text in ["the members' page", "hidden", "Role="] {
            assert!(!answer.body.contains(text), "{target}: {answer:?}");
        }
    }
    // The visitor's own description of the request is not believed.
    for name in ["X-Original-URI", "X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL"] {
        let answer = front.get("/members/home", &[(name, "/public")]);
        assert!(answer.status != 200 && !answer.body.contains("the members' page"), "{name}: {answer:?}");
    }
    for (name, value) in [("Range", "bytes=0-3"), ("If-None-Match", "*")] {
        let answer = front.get("/members/home", &[(name, value)]);
        assert_eq!((answer.status, answer.header("etag"), answer.header("content-range")), (login, "", ""), "{name}");
    }
    assert_eq!(front.send("HEAD", "/members/home", &[]).status, login);
    assert_eq!(front.send("POST", "/members/home", &[("Content-Length", "0")]).status, login);
}

fn start_nginx(site: &Path, gate: SocketAddr) -> Option<Front> {
    let address = free();
    Front::nginx(address, &example("nginx/nginx.conf", address, gate, site))
}

fn start_caddy(site: &Path, gate: SocketAddr) -> Option<Front> {
    let address = free();
    Front::caddy(address, &example("caddy/Caddyfile", address, gate, site))
}

fn start_haproxy(gate: SocketAddr) -> Option<Front> {
    let address = free();
    // It has no folder.
    Front::haproxy(address, &example("haproxy/haproxy.cfg", address, gate, Path::new("/")))
}

/// Apache in front of the gate, and behind it at `own`.
fn start_apache(site: &Path, gate: SocketAddr, own: SocketAddr) -> Option<Front> {
    let address = free();
    let text = example("apache/site.conf", address, gate, site);
    assert!(text.contains("127.0.0.1:3000"));
    Front::apache(address, &text.replace("127.0.0.1:3000", &own.to_string()))
}

#[test]
fn nginx() {
    let folder = front_site();
    readable(folder.path());
    let gate = gate(folder.path());
    if let Some(front) = start_nginx(folder.path(), gate.address) {
        admitted_denied_and_odd(&front, [302, 404, 401]);
    }
}

#[test]
fn caddy() {
    let folder = front_site();
    readable(folder.path());
    let gate = gate(folder.path());
    if let Some(front) = start_caddy(folder.path(), gate.address) {
        admitted_denied_and_odd(&front, [302, 404, 401]);
    }
}

/// FRONT-2: the server in front finds what is on the disk, so that it is told no where the gate has not seen this.
#[cfg(unix)]
#[test]
fn what_has_come_since_is_not_admitted() {
    use std::fs::{create_dir, remove_file, rename, write};
    use std::os::unix::fs::symlink;
    type Change = fn(&dyn Fn(&str) -> std::path::PathBuf);
    let changes: [(&str, u16, Change); 11] = [
        ("nothing", 200, |_| {}),
        ("written in place", 403, |at| write(at("public.html"), "another").unwrap()),
        ("written beside and renamed", 403, |at| {
            write(at("t"), "another").unwrap();
            rename(at("t"), at("public.html")).unwrap();
        }),
        ("a gated file in its place", 403, |at| rename(at("members/home.html"), at("public.html")).unwrap()),
        ("a link to a gated file in its place", 403, |at| {
            remove_file(at("public.html")).unwrap();
            symlink("members/home.html", at("public.html")).unwrap();
        }),
        ("a further name of a gated file in its place", 403, |at| {
            remove_file(at("public.html")).unwrap();
            std::fs::hard_link(at("members/home.html"), at("public.html")).unwrap();
        }),
        ("a file that is found first", 403, |at| rename(at("members/home.html"), at("public")).unwrap()),
        ("a file that is found later", 403, |at| {
            create_dir(at("public")).unwrap();
            rename(at("members/home.html"), at("public/index.html")).unwrap();
        }),
        ("a dot file that some server finds", 403, |at| {
            create_dir(at("public")).unwrap();
            write(at("public/.html"), "hidden").unwrap();
        }),
        ("another link, another mode", 200, |at| std::fs::hard_link(at("public.html"), at(".kept")).unwrap()),
        ("a folder", 200, |at| create_dir(at("public")).unwrap()),
    ];
    for (what, status, change) in changes {
        let folder = front_site();
        let gate = gate(folder.path());
        change(&|name| folder.path().join(name));
        let described = [("X-Forwarded-Uri", "/public")];
        assert_eq!(gate.get("/__gate/authorize", &described).status, status, "{what}");
        assert_eq!(gate.get("/__gate/subrequest", &described).status, status, "{what}");
    }
}

#[test]
fn nobody_else_is_answered() {
    let folder = front_site();
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    let config = Config::of(folder.path().to_owned(), key, TokenSettings::default());
    let untrusted =
        Running::serve(config.load().unwrap().gate, ServerOptions { authorize: true, ..ServerOptions::default() });
    assert_eq!(untrusted.get("/__gate/authorize", &[("X-Forwarded-Uri", "/public")]).status, 404);
    let gate = gate(folder.path());
    for (headers, status) in [
        (vec![("X-Forwarded-Uri", "/public")], 200),
        (vec![("X-Original-URI", "/public")], 200),
        (vec![], 400),
        (vec![("X-Forwarded-Uri", "/public"), ("X-Forwarded-Uri", "/members/home")], 400),
        (vec![("X-Forwarded-Uri", "/public"), ("X-Original-URI", "//public")], 400),
        (vec![("X-Forwarded-Uri", "/public,/members/home")], 400),
        (vec![("X-Forwarded-Uri", "/public, /members/home")], 400),
        (vec![("X-Forwarded-Uri", "http://localhost/public")], 400),
        (vec![("X-Forwarded-Uri", "")], 400),
        (vec![("X-Forwarded-Uri", "/a%2fb")], 400),
        // FRONT-1
        (vec![("X-Forwarded-Uri", "//public")], 400),
        (vec![("X-Forwarded-Uri", "/x/../public")], 400),
        (vec![("X-Forwarded-Uri", "/%70ublic")], 400),
        (vec![("X-Forwarded-Uri", "/public;x")], 400),
        (vec![("X-Forwarded-Uri", "/members/home")], 302),
    ] {
        assert_eq!(gate.get("/__gate/authorize", &headers).status, status, "{headers:?}");
        let answer = gate.get("/__gate/subrequest", &headers);
        assert_eq!(answer.status, if status == 200 { 200 } else { 403 }, "{headers:?}");
        let told = if status == 200 { String::new() } else { status.to_string() };
        assert_eq!(answer.header("x-gate-status"), told, "{headers:?}");
    }
    // Envoy's way.
    assert_eq!(gate.get("/__gate/authorize/public", &[]).status, 200);
    assert_eq!(gate.get("/__gate/authorize/members/home", &[]).status, 302);
}
