//! The gate on a real socket: bytes in, bytes out.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::time::{Duration, Instant};

use rolegate_server::Limits;

use common::{Running, request, seed_site, site, token, write};

fn admin() -> String {
    format!("a=b; nf_jwt={}", token(&["admin"]))
}

#[test]
fn the_tutorial_works_as_it_says() {
    let folder = seed_site();
    let gate = Running::start(folder.path());

    for target in ["/testauth/", "/testauth", "/testauth/index.html"] {
        let admitted = gate.get(target, &[("Cookie", &admin())]);
        assert_eq!((admitted.status, admitted.body.as_str()), (200, "the members' area"), "{target}");
        assert_eq!(admitted.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(admitted.header("cache-control"), "private, max-age=0, must-revalidate");
        assert_eq!(admitted.header("vary"), "Cookie");
    }
    assert_eq!(gate.get("/testauth/deep/page", &[("Cookie", &admin())]).body, "a members' page");

    let member = format!("nf_jwt={}", token(&["member"]));
    for headers in [&[][..], &[("Cookie", "nf_jwt=x.y.z")], &[("Cookie", &member)]] {
        let denied = gate.get("/testauth/", headers);
        assert_eq!((denied.status, denied.body.as_str()), (404, "please log in"));
        assert_eq!(denied.header("cache-control"), "private, no-store");
        assert_eq!(denied.header("vary"), "Cookie");
        assert_eq!(denied.header("etag"), "");
        // Below the gate there is no denial response, so the answer is the forced 404.
        let denied = gate.get("/testauth/deep/page", headers);
        assert_eq!((denied.status, denied.body.as_str()), (404, "nothing here"));
    }

    let home = gate.get("/", &[]);
    assert_eq!((home.status, home.body.as_str()), (200, "home"));
    assert_eq!(home.header("cache-control"), "public, max-age=0, must-revalidate");
    assert_eq!(home.header("vary"), "");
    assert_eq!(home.header("x-content-type-options"), "nosniff");
    assert_eq!(gate.get("/testlogin", &[]).status, 200);
    assert_eq!(gate.get("/_redirects", &[]).status, 404);
}

/// Each kind of answer: a file, a page for the denied, a redirect for them and for all, what is not there, and what cannot be read.
#[test]
fn no_field_comes_twice() {
    let rules = "/members/* 200! Role=admin\n/members/* /login 302!\n/shown/* 200! Role=admin\n/shown/* /login 401!\n\
        /bare/* 200! Role=admin\n/old /login 301\n/de /login 302 Language=de\n";
    let folder = site(&[("_redirects", rules), ("login.html", "log in"), ("members/a.html", "a")]);
    let gate = Running::start(folder.path());
    let member = admin();
    for target in ["/login", "/members/a", "/shown/a", "/bare/a", "/old", "/de", "/nowhere", "/%zz"] {
        for headers in [&[][..], &[("Cookie", member.as_str())], &[("Accept-Language", "de")]] {
            let answer = gate.get(target, headers);
            let mut names: Vec<String> = answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
            names.sort();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{target} {:?}", answer.headers);
        }
    }
}

#[test]
fn a_denied_visitor_learns_nothing_from_any_method_or_header() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let admitted = gate.get("/testauth/deep/page", &[("Cookie", &admin())]);
    let (tag, date) = (admitted.header("etag"), admitted.header("last-modified"));
    assert!(!tag.is_empty() && !date.is_empty());

    let plain = gate.get("/testauth/deep/page", &[]);
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "TRACE"] {
        for header in [
            ("If-None-Match", tag),
            ("If-None-Match", "*"),
            ("If-Match", "\"x\""),
            ("If-Modified-Since", date),
            ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Range", "bytes=0-0"),
            ("Range", "bytes=999-"),
            ("Accept-Encoding", "gzip, br"),
        ] {
            let denied = gate.ask(method, "/testauth/deep/page", &[header]);
            assert_eq!((denied.status, &denied.body), (404, &plain.body), "{method} {header:?}");
            for name in ["etag", "last-modified", "content-range", "accept-ranges", "allow"] {
                assert_eq!(denied.header(name), "", "{method} {header:?}");
            }
        }
    }
    let head = gate.ask("HEAD", "/testauth/deep/page", &[]);
    assert_eq!((head.status, head.header("content-length")), (404, plain.body.len().to_string().as_str()));
}

#[test]
fn methods() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "X-MINE"] {
        let answer = gate.ask(method, "/testauth/", &[("Cookie", &admin())]);
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method}");
        assert_eq!(gate.ask(method, "/none", &[]).status, 404, "{method}");
    }
    let mut client = gate.client();
    client.send(request("HEAD", "/style.css", &[]).as_bytes());
    client.send(request("GET", "/style.css", &[]).as_bytes());
    let (head, get) = (client.response(true), client.response(false));
    assert_eq!(get.body, "0123456789");
    for name in ["content-length", "content-type", "etag", "last-modified", "accept-ranges", "cache-control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert_ne!(head.header(name), "", "{name}");
    }
}

#[test]
fn conditions_and_ranges_on_an_admitted_file() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let whole = gate.get("/style.css", &[]);
    let (tag, date) = (whole.header("etag").to_owned(), whole.header("last-modified").to_owned());

    for header in [("If-None-Match", tag.as_str()), ("If-Modified-Since", &date)] {
        let answer = gate.get("/style.css", &[header]);
        assert_eq!((answer.status, answer.header("etag")), (304, tag.as_str()));
        assert_eq!(answer.header("content-length"), "");
        assert_eq!(answer.header("cache-control"), whole.header("cache-control"));
    }
    assert_eq!(gate.get("/style.css", &[("If-Match", "\"x\"")]).status, 412);

    let part = gate.get("/style.css", &[("Range", "bytes=2-4")]);
    assert_eq!((part.status, part.body.as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    let none = gate.get("/style.css", &[("Range", "bytes=10-")]);
    assert_eq!((none.status, none.header("content-range")), (416, "bytes */10"));
    let changed = gate.get("/style.css", &[("Range", "bytes=2-4"), ("If-Range", "\"x\"")]);
    assert_eq!((changed.status, changed.body.as_str()), (200, "0123456789"));
    assert_eq!(gate.ask("HEAD", "/style.css", &[("Range", "bytes=2-4")]).status, 200);

    let parts = gate.get("/style.css", &[("Range", "bytes=0-1,-2")]);
    let boundary = parts.header("content-type").strip_prefix("multipart/byteranges; boundary=").expect("multipart");
    assert_eq!(parts.status, 206);
    let part = |range: &str, bytes: &str| {
        format!(
            "\r\n--{boundary}\r\nContent-Type: text/css; charset=utf-8\r\nContent-Range: bytes {range}/10\r\n\r\n{bytes}"
        )
    };
    assert_eq!(parts.body, part("0-1", "01") + &part("8-9", "89") + &format!("\r\n--{boundary}--\r\n"));
}

#[test]
fn a_page_with_another_status_ignores_conditions() {
    let folder = site(&[
        ("_redirects", "/old /gone.html 410\n/app/* /app.html 200\n"),
        ("gone.html", "gone"),
        ("app.html", "app"),
    ]);
    let gate = Running::start(folder.path());
    for header in [("If-None-Match", "*"), ("Range", "bytes=0-0")] {
        let answer = gate.get("/old", &[header]);
        assert_eq!((answer.status, answer.body.as_str(), answer.header("etag")), (410, "gone", ""));
    }
    let part = gate.get("/app/x", &[("Range", "bytes=0-0")]);
    assert_eq!((part.status, part.body.as_str()), (206, "a"));
}

#[test]
fn redirects_carry_no_body() {
    let folder = site(&[("_redirects", "/a/* /b/:splat 302\n")]);
    let gate = Running::start(folder.path());
    let answer = gate.get("/a/%3Cscript%3E?x=1", &[]);
    assert_eq!((answer.status, answer.header("location"), answer.body.as_str()), (302, "/b/%3Cscript%3E?x=1", ""));
    assert_eq!(answer.header("content-length"), "0");
}

#[test]
fn long_files_are_streamed() {
    let content: String = (0..200_000).map(|n| format!("{n:06}\n")).collect();
    let folder = site(&[]);
    write(folder.path(), "long.txt", &content);
    let gate = Running::start(folder.path());
    let whole = gate.get("/long.txt", &[]);
    assert!(whole.body == content);
    let part = gate.get("/long.txt", &[("Range", "bytes=7-699999")]);
    assert_eq!(part.status, 206);
    assert!(part.body == content[7..700_000]);
    assert_eq!(gate.get("/long.txt", &[("If-None-Match", whole.header("etag"))]).status, 304);

    write(folder.path(), "long.txt", &content.replace('0', "1"));
    let changed = gate.get("/long.txt", &[]);
    assert_eq!((changed.status, changed.header("etag"), changed.header("retry-after")), (503, "", "1"));
}

#[test]
fn the_site_is_served_as_it_was_when_it_was_opened() {
    let folder = site(&[("a.txt", "before")]);
    let gate = Running::start(folder.path());
    write(folder.path(), "a.txt", "after");
    write(folder.path(), "new.txt", "new");
    assert_eq!(gate.get("/a.txt", &[]).body, "before");
    assert_eq!(gate.get("/new.txt", &[]).status, 404);
    std::fs::remove_file(folder.path().join("a.txt")).expect("removed");
    assert_eq!(gate.get("/a.txt", &[]).body, "before");
}

#[test]
fn a_connection_is_kept_and_a_pipeline_is_answered_in_order() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let mut client = gate.client();
    for _ in 0..3 {
        client.send(request("GET", "/", &[]).as_bytes());
        assert_eq!(client.response(false).body, "home");
    }
    let cookie = admin();
    let pipeline = [
        request("GET", "/testauth/", &[("Cookie", &cookie)]),
        request("GET", "/testauth/", &[]),
        "\r\n".to_owned() + &request("GET", "/style.css", &[]),
        request("GET", "/testauth/deep/page", &[("Cookie", &cookie)]),
        request("GET", "/none", &[]),
    ]
    .concat();
    let expected = ["the members' area", "please log in", "0123456789", "a members' page", "nothing here"];
    client.send(pipeline.as_bytes());
    for body in expected {
        assert_eq!(client.response(false).body, body);
    }
    // The same byte by byte, and many times over in one piece.
    for byte in pipeline.as_bytes().chunks(1) {
        client.send(byte);
    }
    client.send(pipeline.repeat(50).as_bytes());
    for body in expected.iter().cycle().take(51 * 5) {
        assert_eq!(client.response(false).body, *body);
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_the_connection_closed() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let next = "GET /style.css HTTP/1.1\r\nHost: a\r\n\r\n";
    for head in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n",
        "GET /testauth/#x HTTP/1.1\r\nHost: a\r\n",
        "GET /# HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n",
        "GET / HTTP/1.1\nHost: a\r\n",
        "GET /\r\nHost: a\r\n",
        "GET / / HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n",
        "G@T / HTTP/1.1\r\nHost: a\r\n",
        "PRI * HTTP/2.0\r\n",
    ] {
        let answer = gate.raw(format!("{head}\r\n{next}").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head:?}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{head:?}: {answer}");
    }
    assert_eq!(gate.get("/", &[]).status, 200, "the process goes on");
}

#[test]
fn targets_without_a_safe_reading_are_refused() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    for target in ["testauth/", "*", "/%zz", "/%00", "/a%2fb", "/a%5cb", "/a\\b", "http://u@a/", "//%2e%2e%2f"] {
        let answer = gate.get(target, &[("Cookie", &admin())]);
        assert_eq!(answer.status, 400, "{target}");
    }
    assert!(
        gate.raw(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .starts_with("HTTP/1.1 400 ")
    );
    for target in
        ["/%74estauth/deep/page", "//testauth//deep/page", "/x/../testauth/deep/page", "http://h/testauth/deep/page"]
    {
        assert_eq!(gate.get(target, &[]).body, "nothing here", "{target}");
        assert_eq!(gate.get(target, &[("Cookie", &admin())]).body, "a members' page", "{target}");
    }
}

#[test]
fn limits_of_a_head() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let long = |n: usize| "x".repeat(n);
    for (bytes, status) in [
        (request("GET", &format!("/{}", long(8_000)), &[]), "404"),
        (request("GET", &format!("/{}", long(9_000)), &[]), "414"),
        (request("GET", &format!("/{}", long(40_000)), &[]), "414"),
        (request("GET", "/", &[("X", &long(30_000))]), "200"),
        (request("GET", "/", &[("X", &long(40_000))]), "431"),
        (request("GET", "/", &[("X", &long(900_000))]), "431"),
        (request("GET", "/", &[("X", "y"); 99]), "200"),
        (request("GET", "/", &[("X", "y"); 100]), "431"),
    ] {
        let mut client = gate.client();
        client.send(bytes.as_bytes());
        let answer = client.response(false);
        assert_eq!(answer.status.to_string(), status, "{}…", &bytes[..40]);
    }
}

#[test]
fn a_body_is_never_read_as_a_request() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let hidden = "GET /style.css HTTP/1.1\r\nHost: a\r\n\r\n";
    let table = [
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc{hidden}"),
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n{hidden}"),
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n{hidden}"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n{hidden}"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n{hidden}"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{hidden}"),
    ];
    for bytes in table {
        let answer = gate.raw(bytes.as_bytes());
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{bytes:?}: {answer}");
        assert!(!answer.contains("0123456789"), "{bytes:?}: {answer}");
        assert!(!answer.contains("100 Continue"), "{bytes:?}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{bytes:?}: {answer}");
    }
    // The answer arrives although most of the body is still on its way.
    let big = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n{}", "x".repeat(200_000));
    assert!(gate.raw(big.as_bytes()).starts_with("HTTP/1.1 405 "));
}

#[test]
fn http_1_0_and_half_closed_clients() {
    let folder = seed_site();
    let gate = Running::start(folder.path());
    let answer = gate.raw(b"GET / HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.ends_with("home"), "{answer}");
    let mut client = gate.client();
    client.send(request("GET", "/", &[]).as_bytes());
    client.stream.shutdown(std::net::Shutdown::Write).expect("half closed");
    assert!(client.until_closed().ends_with("home"));
}

#[test]
fn a_slow_head_and_an_idle_connection_are_closed() {
    let folder = seed_site();
    let limits = Limits { head_timeout: Duration::from_millis(300), ..Limits::default() };
    let gate = Running::with_limits(folder.path(), limits);
    let started = Instant::now();
    let mut slow = gate.client();
    let mut idle = gate.client();
    let mut kept = gate.client();
    kept.send(request("GET", "/", &[]).as_bytes());
    assert_eq!(kept.response(false).status, 200);
    for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX" {
        slow.send(&[*byte]);
        std::thread::sleep(Duration::from_millis(20));
    }
    for client in [&mut slow, &mut idle, &mut kept] {
        assert_eq!(client.until_closed(), "");
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_client_that_does_not_read_is_closed() {
    let folder = site(&[]);
    write(folder.path(), "big.bin", &"x".repeat(32 << 20));
    let limits = Limits { connections: 1, write_timeout: Duration::from_millis(300), ..Limits::default() };
    let gate = Running::with_limits(folder.path(), limits);
    let mut greedy = gate.client();
    greedy.send(request("GET", "/big.bin", &[]).as_bytes());
    // The only place becomes free again once the greedy client is given up.
    assert_eq!(gate.get("/none", &[]).status, 404);
    drop(greedy);
}

#[test]
fn a_stop_lets_answers_end_and_does_not_wait_for_ever() {
    let folder = site(&[("index.html", "home")]);
    write(folder.path(), "big.bin", &"x".repeat(32 << 20));
    let mut gate = Running::start(folder.path());
    let mut idle = gate.client();
    idle.send(request("GET", "/", &[]).as_bytes());
    assert_eq!(idle.response(false).status, 200);
    let mut busy = gate.client();
    busy.send(request("GET", "/big.bin", &[]).as_bytes());
    std::thread::sleep(Duration::from_millis(200));
    gate.stop();
    assert_eq!(idle.until_closed(), "", "an idle connection is closed at once");
    assert_eq!(busy.response(false).body.len(), 32 << 20, "an answer under way is sent to its end");
    drop(busy);
    gate.wait();

    let limits = Limits { drain: Duration::from_millis(300), ..Limits::default() };
    let mut gate = Running::with_limits(folder.path(), limits);
    let mut stuck = gate.client();
    stuck.send(request("GET", "/big.bin", &[]).as_bytes());
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    gate.stop();
    gate.wait();
    assert!(started.elapsed() < Limits::default().drain, "not as long as a stop waits unless it is told otherwise");
}
