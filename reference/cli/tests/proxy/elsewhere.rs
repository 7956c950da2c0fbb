//! UPSTREAM: the site lies on another server, and the folder holds the rules alone.

use std::io::Write as _;

use rolegate::TokenSettings;
use rolegate::request::Origin;
use rolegate_server::proxy::ProxySettings;
use rolegate_server::{Config, KeySource, ServerOptions, SiteOptions};

use super::common::{Running, SECRET, site, token};
use super::upstream::Upstream;

const RULES: &str = "\
/members/* /members/:splat 200! Role=admin
/members/* /login 302
/secret.html /secret.html 200! Role=admin
/shown/* /shown/:splat 200! Role=admin
/shown/* /please/log-in 401
/closed/* 200! Role=admin
/old/* /new/:splat 200
";

fn before(upstream: &Upstream, rules: &str) -> Running {
    let folder = site(&[("_redirects", rules), ("index.html", "of the folder")]);
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    let server = Origin::parse(&format!("http://{}", upstream.address));
    let options = SiteOptions { elsewhere: true, server, ..SiteOptions::default() };
    let config = Config { options, ..Config::of(folder.path().to_owned(), key, TokenSettings::default()) };
    let proxy =
        ProxySettings { upstream: Origin::parse(&format!("http://{}", upstream.address)), ..ProxySettings::default() };
    Running::serve(config.load().expect("a gate").gate, ServerOptions { proxy, ..ServerOptions::default() })
}

#[test]
fn upstream_1_what_a_visitor_may_see_is_got_there() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, RULES);
    let cookie = format!("nf_jwt={}", token(&["admin"]));
    for (target, cookie, asked) in [
        ("/", "", "GET / HTTP/1.1"),
        ("/a/b/?q=1", "", "GET /a/b/?q=1 HTTP/1.1"),
        ("/a%40b?", "", "GET /a@b HTTP/1.1"),
        ("/old/x?q=1", "", "GET /new/x?q=1 HTTP/1.1"),
        ("/members/home/?q", &cookie, "GET /members/home/?q HTTP/1.1"),
        ("http://localhost/a", "", "GET /a HTTP/1.1"),
        ("/closed/a", &cookie, "GET /closed/a HTTP/1.1"),
    ] {
        let answer = gate.get(target, &[("Cookie", cookie)]);
        assert_eq!((answer.status, answer.body.as_str()), (200, "up"), "{target}");
        assert_eq!(upstream.asked().last().unwrap().line, asked);
    }
    let answer = gate.get("/members/home", &[("Cookie", &cookie)]);
    assert_eq!(answer.header("cache-control"), "private, max-age=0, must-revalidate");
    assert!(upstream.asked().iter().all(|asked| !asked.header("cookie").contains("nf_jwt")));
}

#[test]
fn upstream_2_no_spelling_of_a_gated_path_gets_there() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, RULES);
    for target in [
        "/members/home",
        "/members",
        "/members.html",
        "/members/index.html",
        "//members/home",
        "/%6dembers/home",
        "/x/../members/home",
        "/secret",
        "/secret/",
        "/secret.html/",
        "/secret/index.html",
        "/closed/a",
        "/a%2fb",
        "/a%5cb",
        "/members/home%00",
        "/x\\..\\members",
        "/closed.html",
    ] {
        let answer = gate.get(target, &[]);
        assert!([302, 400, 404].contains(&answer.status), "{target}: {answer:?}");
    }
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
}

#[test]
fn front_1_what_an_upstream_may_read_in_another_way_is_refused() {
    let upstream = Upstream::plain();
    // By a site elsewhere, and by a rule for a URL.
    let gate = before(&upstream, RULES);
    let folder = site(&[("_redirects", &format!("/* http://{}/:splat 200!", upstream.address))]);
    let by_rule = Running::start(folder.path());
    let cookie = format!("nf_jwt={}", token(&["admin"]));
    for target in [
        "//a",
        "/a//b",
        "/a//",
        "/public//../a",
        "/a/../b",
        "/./a",
        "/a/.",
        "/%2E%2E/a",
        "/%61",
        "/%c3%a9",
        "/a;b",
        "/..;/a",
        "/a%3Bb",
        "/a%3Fb",
        "/a%23b",
        "/a.",
        "/a./b",
        "/a%20",
        "/%20a/b",
        "/%2561",
        "/%252e%252e/a",
        "/%25u002e/a",
        "http://localhost//a",
    ] {
        for gate in [&gate, &by_rule] {
            let answer = gate.get(target, &[("Cookie", &cookie)]);
            assert_eq!(answer.status, 400, "{target}: {answer:?}");
        }
    }
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
    for target in [
        "/",
        "/a/",
        "/a.b/c",
        "/caf%C3%A9?x=//../;",
        "/a%20b",
        "/100%25",
        "/a,b:c@d!e",
        "http://localhost",
        "http://localhost?a",
    ] {
        for gate in [&gate, &by_rule] {
            assert_eq!(gate.get(target, &[]).status, 200, "{target}");
        }
    }
}

#[test]
fn upstream_2_the_front_page_has_spellings_too() {
    for gated in ["/", "/index.html"] {
        let upstream = Upstream::plain();
        let gate = before(&upstream, &format!("{gated} /home 200! Role=admin"));
        for target in ["/", "/index", "/index/", "/index.html", "/index.html/"] {
            assert_eq!(gate.get(target, &[]).status, 404, "{target} where `{gated}` is gated");
        }
        for target in ["//", "/x/.."] {
            assert_eq!(gate.get(target, &[]).status, 400, "{target} where `{gated}` is gated");
        }
        assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
    }
}

#[test]
fn role_12_no_url_of_that_server_is_a_way_round_the_gate() {
    let (upstream, other) = (Upstream::plain(), Upstream::plain());
    let port = upstream.address.port();
    for host in [format!("127.0.0.1:{port}"), format!("LOCALHOST:{port}"), format!("[::ffff:127.0.0.1]:{port}")] {
        let rules = format!("/members/* /members/:splat 200! Role=admin\n/* http://{host}/:splat 200!");
        let gate = before(&upstream, &rules);
        for target in ["/members/home", "/members/home.html", "/members/", "/members/home?a=b"] {
            assert_eq!(gate.get(target, &[]).status, 404, "{target} by {host}");
        }
        assert_eq!(gate.get("//members/home", &[]).status, 400, "FRONT-1");
    }
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());

    let elsewhere = format!("/members/* /members/:splat 200! Role=admin\n/* http://{}/:splat 200!", other.address);
    let gate = before(&upstream, &elsewhere);
    assert_eq!(gate.get("/members/home", &[]).status, 200, "another server has something else there");
    assert_eq!(other.one().line, "GET /members/home HTTP/1.1");

    // And by a path of the site: what the gate would have shown lies at another path than the one asked for.
    let gate = before(&upstream, "/vault/* /kept/:splat 200! Role=admin\n/vault/* /kept/:splat.html 200");
    assert_eq!(gate.get("/vault/gold", &[]).status, 404);
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
}

#[test]
fn subst_5_captured_text_does_not_climb_there() {
    let upstream = Upstream::plain();
    let gate = before(&upstream, "/doc page=:page /docs/:page 200\n/tree/* /trees/:splat 200");
    for target in ["/doc?page=../api", "/doc?page=..%5Capi", "/doc?page="] {
        assert_eq!(gate.get(target, &[]).status, 404, "{target}");
    }
    for target in ["/tree/%252e%252e/api", "/tree/..;/api"] {
        assert_eq!(gate.get(target, &[]).status, 400, "FRONT-1: {target}");
    }
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
    assert_eq!(gate.get("/doc?page=intro", &[]).status, 200);
    assert_eq!(upstream.one().line, "GET /docs/intro?page=intro HTTP/1.1");
}

#[test]
fn status_3_a_page_is_shown_with_the_status_of_the_rule() {
    let upstream = Upstream::start(|asked, stream| {
        let status = if asked.line.contains("/please/log-in") { "200 OK" } else { "404 Not Found" };
        write!(stream, "HTTP/1.1 {status}\r\nETag: \"x\"\r\nContent-Length: 2\r\n\r\nup").unwrap();
    });
    let gate = before(&upstream, RULES);
    let head = super::common::request(
        "POST",
        "/shown/a",
        &[("If-None-Match", "*"), ("Range", "bytes=0-0"), ("Content-Length", "3")],
    );
    let mut client = gate.client();
    client.send(format!("{head}abc").as_bytes());
    let answer = client.response(false);
    assert_eq!((answer.status, answer.body.as_str(), answer.header("etag")), (401, "up", ""));
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let asked = upstream.one();
    assert_eq!((asked.line.as_str(), asked.body.as_str()), ("GET /please/log-in HTTP/1.1", ""));
    assert!(!asked.has("range") && !asked.has("if-none-match") && !asked.has("content-length"), "{asked:?}");
}
