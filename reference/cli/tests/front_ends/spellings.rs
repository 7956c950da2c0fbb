//! FRONT-1: thousands of spellings of gated paths, put to real servers by nobody in particular.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rolegate::{Keys, RuleSet, TokenSettings};
use rolegate_server::{DirSite, KeyedGate, ServerOptions};
use tempfile::TempDir;

use super::common::{Running, SECRET, site};
use super::{Front, RULES, free, gate_with, readable, start_apache, start_caddy, start_haproxy, start_nginx};

/// What no answer may hold.
const PROTECTED: [&str; 6] =
    ["the members' page", "the members' index", "a closed page", "a page for a token", "Role=", "hidden"];

/// Pages for everybody, each by its one plain spelling.
const PUBLIC: [(&str, &str); 9] = [
    ("/public.html", "for everybody"),
    ("/public.html?a=/../b//c;d", "for everybody"),
    ("/login.html", "please log in"),
    ("/caf%C3%A9.html", "a page in UTF-8"),
    ("/a%20b.html", "a page with a space"),
    ("/me@home.html", "a page with a sign"),
    ("/me%40home.html", "a page with a sign"),
    ("/100%25.html", "a page with a percent sign"),
    ("/deep/er/page.html", "a deep page"),
];

fn spelled_site() -> TempDir {
    let folder = site(&[
        ("_redirects", RULES),
        ("members/index.html", "the members' index"),
        ("members/home.html", "the members' page"),
        ("closed/page.html", "a closed page"),
        ("token/page.html", "a page for a token"),
        ("public.html", "for everybody"),
        ("login.html", "please log in"),
        ("caf\u{e9}.html", "a page in UTF-8"),
        ("a b.html", "a page with a space"),
        ("me@home.html", "a page with a sign"),
        ("100%.html", "a page with a percent sign"),
        ("deep/er/page.html", "a deep page"),
        ("x/page.html", "a folder to climb out of"),
        (".env", "hidden"),
    ]);
    readable(folder.path());
    folder
}

const GATED: [&str; 7] =
    ["members/home.html", "members/home", "members", "members/", "closed/page.html", "token/page.html", "_redirects"];

/// Spellings that some server may read as a gated path. There are the same ones each time.
fn spellings() -> Vec<String> {
    let starts = [
        "",
        "/x",
        "/public.html",
        "/public",
        "/members",
        "/deep/er",
        "/no-such",
        "/..",
        "/%2e%2e",
        "/x;y",
        "/x/y",
        "/.",
    ];
    let between = [
        "/", "//", "///", "/./", "/.//", "//./", "%2F", "/%2F", "%2f/", "\\", "%5C", "/%2e/", ";/", "/;/", "%3B/",
        "%00/", "/%20/", "%23/", "%3F/",
    ];
    let climbs = [
        "..",
        "../..",
        "..//..",
        "%2e%2e",
        "%2E%2E",
        ".%2e",
        "%2E.",
        "..;",
        "..;x",
        "..%3B",
        "...",
        ". .",
        "..%20",
        "%20..",
        "..%00",
        "%252e%252e",
        "%25%32%65%25%32%65",
        "%c0%ae%c0%ae",
        "%u002e%u002e",
        "..%2F..",
        "..%5C..",
        ".",
        "%2e",
        "",
    ];
    let ends = ["/", "//", "/./", "%2F", "%2f", "\\", "%5c", "%252F", "/%2E/", "%c0%af", "/;/"];
    let mut spelled = Vec::new();
    for start in starts {
        for separator in between {
            for climb in climbs {
                for end in ends {
                    let gated = GATED.get(spelled.len() % GATED.len()).expect("one of them");
                    spelled.push(format!("{start}{separator}{climb}{end}{gated}"));
                }
            }
        }
    }
    // Every pair of neighbours is kept by some; all of them would take too long.
    let mut kept: Vec<String> = spelled.into_iter().step_by(23).collect();
    for gated in GATED {
        for tail in [
            "",
            "/",
            "//",
            "/.",
            "/..",
            "/x/..",
            "/x//../",
            "//..",
            "/./",
            "%20",
            ".",
            "%2e",
            "%2E",
            ";",
            ";x=y",
            "%3Bx",
            "%00",
            "%00.html",
            "%2500",
            "?",
            "??",
            "%3F",
            "%3Fx",
            "%23",
            "#",
            "#x",
            "%0a",
            "%0D%0A",
            "%09",
            "\\",
            "%5C",
            "::$DATA",
            ":",
            "~",
            "*",
            ".html",
            "/index.html",
            "/index",
            "/home",
            "/%2e",
            "/%2e%2e/members/home",
            "%2f",
            "%2F",
            "%252f",
            "%",
            "%%",
            "%zz",
            "%e2%80%8b",
            "%C2%AD",
            "%EF%BC%8F",
            "+",
            "&",
            ",",
            "|",
            "^",
            "`",
            "\"",
            "<",
            "{",
            "[",
            "é",
        ] {
            kept.push(format!("/{gated}{tail}"));
            kept.push(format!("//{gated}{tail}"));
            kept.push(format!("/x/../{gated}{tail}"));
        }
        for at in 0..gated.len() {
            let (before, from) = gated.split_at(at);
            let (one, after) = from.split_at(1);
            let byte = one.as_bytes().first().expect("a byte");
            for escape in [
                format!("%{byte:02x}"),
                format!("%{byte:02X}"),
                format!("%25{byte:02X}"),
                format!("%u00{byte:02x}"),
                one.to_uppercase(),
            ] {
                kept.push(format!("/{before}{escape}{after}"));
                kept.push(format!("/public.html/../{before}{escape}{after}"));
            }
        }
        for form in [
            "http://localhost/",
            "http://localhost//",
            "http://localhost/x//../",
            "https://localhost/",
            "HTTP://localhost/",
            "http://other.example/",
            "http:///",
            "http:/",
            "http:",
            "//localhost/",
            "///localhost/../",
            "/\\localhost/",
            "",
            "./",
            "*/",
            "?/../",
            "/?/../",
            "#/../",
            "http://localhost?/../",
            "http://localhost/public.html#/../",
            "http://user@localhost/",
            "http://localhost\\",
            "file:///",
            "/http://localhost/",
        ] {
            kept.push(format!("{form}{gated}"));
        }
    }
    kept
}

/// Everything that comes back for one request.
fn asked(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let _ =
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes());
    let mut answer = Vec::new();
    // A server may reset the connection behind a refusal; what it said before is what counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// FRONT-1: no spelling gets a protected byte, and what is public comes by its plain spelling.
fn no_spelling_passes(front: &Front) {
    for (target, body) in PUBLIC {
        let answer = front.get(target, &[]);
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{target}");
    }
    let spellings = spellings();
    assert!(spellings.len() > 4000, "{} are few", spellings.len());
    std::thread::scope(|scope| {
        for part in spellings.chunks(spellings.len().div_ceil(4)) {
            scope.spawn(move || {
                for target in part {
                    let answer = asked(front.address, target);
                    for text in PROTECTED {
                        assert!(!answer.contains(text), "{target} shows `{text}`: {answer}");
                    }
                }
            });
        }
    });
    for (target, body) in PUBLIC {
        assert_eq!(front.get(target, &[]).body, body, "{target}, after all that");
    }
}

#[test]
fn no_spelling_passes_nginx() {
    for elsewhere in [false, true] {
        let folder = spelled_site();
        let gate = gate_with(folder.path(), elsewhere, None);
        if let Some(front) = start_nginx(folder.path(), gate.address) {
            no_spelling_passes(&front);
        }
    }
}

#[test]
fn no_spelling_passes_caddy() {
    for elsewhere in [false, true] {
        let folder = spelled_site();
        let gate = gate_with(folder.path(), elsewhere, None);
        if let Some(front) = start_caddy(folder.path(), gate.address) {
            no_spelling_passes(&front);
        }
    }
}

#[test]
fn no_spelling_passes_haproxy() {
    let folder = spelled_site();
    // The application: whoever may ask it gets everything.
    let keys = Keys::hs256(SECRET.as_bytes()).expect("a key");
    let open = DirSite::open(folder.path()).expect("a site");
    let open = KeyedGate::new(RuleSet::default(), keys, TokenSettings::default(), open).expect("a gate");
    let application = Running::serve(open, ServerOptions::default());
    let gate = gate_with(folder.path(), true, Some(application.address));
    if let Some(front) = start_haproxy(gate.address) {
        no_spelling_passes(&front);
    }
}

#[test]
fn no_spelling_passes_apache() {
    let folder = spelled_site();
    let own = free();
    let gate = gate_with(folder.path(), true, Some(own));
    if let Some(front) = start_apache(folder.path(), gate.address, own) {
        no_spelling_passes(&front);
    }
}
