//! TOKEN-11: the debug page, for those who may see it and for those who may not.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use base64::Engine as _;
use rolegate::{CountrySource, Edge, Forwarding};
use rolegate_server::DebugPage;

use common::{Response, Running, SECRET, request, seed_site, token};

fn start(folder: &tempfile::TempDir, edge: Edge) -> Running {
    let page = DebugPage::new("/__gate/debug", DebugPage::this_machine()).unwrap();
    Running::with_debug_page(folder.path(), edge, page)
}

/// The page without its markup: a line for each text.
fn words(response: &Response) -> String {
    let (_, body) = response.body.split_once("</style>").expect("a style");
    let mut text = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => {
                in_tag = true;
                if !text.ends_with('\n') {
                    text.push('\n');
                }
            }
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_page_says() {
    let folder = seed_site();
    let gate = start(&folder, Edge::default());
    let cookie = |roles: &[&str]| format!("nf_jwt={}", token(roles));
    let (admin, editor, broken) = (cookie(&["admin"]), cookie(&["editor", "<b>"]), format!("{}x", cookie(&["admin"])));
    let mut all = String::new();
    for (query, cookie) in [
        ("", ""),
        ("?path=/testauth/", ""),
        ("?path=/testauth/deep/page", editor.as_str()),
        ("?path=/testauth/deep/page", &admin),
        ("?path=/testauth/", &broken),
        ("?path=/testauth/&roles=admin,+guest", &editor),
        ("?path=/a%252fb", ""),
        ("?path=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&roles=%22%3E%3Cimg+src=x%3E", ""),
    ] {
        let headers: &[(&str, &str)] = if cookie.is_empty() { &[] } else { &[("Cookie", cookie)] };
        let response = gate.get(&format!("/__gate/debug{query}"), headers);
        assert_eq!(response.status, 200, "{query}");
        assert!(!response.body.contains("<script") && !response.body.contains("<img"), "{}", response.body);
        // TOKEN-11: neither the secret nor a part of a token.
        for part in cookie.trim_start_matches("nf_jwt=").split('.').filter(|part| part.len() > 8) {
            assert!(!response.body.contains(part), "the page holds a token");
        }
        assert!(!response.body.contains(&format!(">{SECRET}<")));
        all.push_str(&format!("== {query}\n{}\n\n", words(&response)));
    }
    insta::assert_snapshot!("debug_page", all);
}

#[test]
fn nothing_but_its_own_style_may_act_in_the_page() {
    let folder = seed_site();
    let response = start(&folder, Edge::default()).get("/__gate/debug", &[]);
    let (_, rest) = response.body.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let digest = base64::engine::general_purpose::STANDARD.encode(<sha2::Sha256 as sha2::Digest>::digest(style));
    assert_eq!(
        response.header("content-security-policy"),
        format!(
            "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    );
    assert_eq!(response.header("cache-control"), "private, no-store");
    assert_eq!(response.header("referrer-policy"), "no-referrer");
    assert!(!response.body.contains(" style=") && !response.body.contains("http-equiv"));
}

#[test]
fn for_everybody_else_there_is_no_such_page() {
    let folder = seed_site();
    let usual = Running::start(folder.path());
    let nothing = usual.get("/__gate/debug", &[]);
    assert_eq!((nothing.status, nothing.body.as_str()), (404, "nothing here"));

    let gate = start(&folder, Edge::default());
    for headers in [
        [("X-Forwarded-For", "127.0.0.1")],
        [("Forwarded", "for=127.0.0.1")],
        [("Via", "1.1 proxy")],
        [("X-Azure-ClientIP", "127.0.0.1")],
        [("X_Real_IP", "127.0.0.1")],
        [("X-Request-Id", "1")],
    ] {
        let response = gate.get("/__gate/debug", &headers);
        assert_eq!((response.status, response.body.as_str()), (404, "nothing here"), "{headers:?}");
    }
    assert!(gate.raw(b"GET /__gate/debug HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").contains("404"));
    assert_ne!(gate.ask("POST", "/__gate/debug", &[]).status, 200);
    let other = Running::with_debug_page(
        folder.path(),
        Edge::default(),
        DebugPage::new("/__gate/debug", vec!["192.0.2.0/24".parse().unwrap()]).unwrap(),
    );
    assert_eq!(other.get("/__gate/debug", &[]).status, 404);

    // Through a trusted proxy it is for the visitor, not for the proxy.
    let edge = Edge {
        trusted: vec!["127.0.0.1".parse().unwrap()],
        forwarding: Forwarding::XForwarded,
        country: CountrySource::Unknown,
        ports: Vec::new(),
    };
    let proxied = start(&folder, edge);
    // An address that a field says is never this machine's.
    for (address, status) in
        [("127.0.0.1", 404), ("::1", 404), ("192.0.2.1", 404), ("127.0.0.1, 192.0.2.1", 404), ("unknown", 404)]
    {
        assert_eq!(proxied.get("/__gate/debug", &[("X-Forwarded-For", address)]).status, status, "{address}");
    }
    assert_eq!(proxied.get("/__gate/debug", &[]).status, 404);
}

#[test]
fn the_page_ends_a_connection_like_any_answer_and_takes_head() {
    let folder = seed_site();
    let gate = start(&folder, Edge::default());
    let mut client = gate.client();
    client.send(request("HEAD", "/__gate/debug", &[]).as_bytes());
    let head = client.response(true);
    client.send(request("GET", "/__gate/debug/", &[]).as_bytes());
    let page = client.response(false);
    assert_eq!(head.header("content-length"), page.body.len().to_string());
}
