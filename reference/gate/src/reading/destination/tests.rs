use super::*;
use crate::rules::Captures;

fn captures(pairs: &[(&str, &str)]) -> Captures {
    let mut captures = Captures::default();
    for (name, value) in pairs {
        if *name == "splat" {
            let (value, slash) = value.strip_suffix('/').map_or((*value, false), |value| (value, true));
            captures.add_splat(&value.split('/').collect::<Vec<_>>(), slash);
        } else {
            captures.add_text(name, value.as_bytes().to_vec());
        }
    }
    captures
}

fn location(to: &str, pairs: &[(&str, &str)], query: Option<&str>) -> String {
    let names = Names::new(pairs.iter().map(|(name, _)| *name));
    Destination::parse(to, &names).unwrap().substitute(&captures(pairs)).location(query.map(str::as_bytes))
}

#[test]
fn subst() {
    for (to, pairs, expected) in [
        ("/b/:splat", &[("splat", "x/y/")][..], "/b/x/y/"),
        ("/b/:splat", &[("splat", "")], "/b/"),
        ("/:y-:m/:d", &[("y", "1"), ("m", "2"), ("d", "3")], "/1-2/3"),
        ("/:year", &[("y", "1")], "/:year"),
        ("/:year", &[("y", "1"), ("year", "2")], "/2"),
        ("/:y.html", &[("y", "1"), ("y.html", "2")], "/2"),
        ("/:y.htm", &[("y", "1"), ("y.html", "2")], "/1.htm"),
        ("/:n/:n", &[("n", "1"), ("n", "2")], "/1/1"),
        ("/:no", &[], "/:no"),
        ("/*", &[("splat", "x")], "/*"),
        (
            "/b?q=:v#:v",
            &[("v", "a b&c=d#e/f\r\n%+")],
            "/b?q=a+b%26c%3Dd%23e%2Ff%0D%0A%25%2B#a%20b%26c=d%23e%2Ff%0D%0A%25+",
        ),
        ("/b/:v", &[("v", "a/../b?c")], "/b/a%2F..%2Fb%3Fc"),
        ("/b/:v/c", &[("v", "..")], "/c"),
        ("/b/%2e%2E/c", &[], "/c"),
        ("/:v", &[("v", "/evil.example")], "/%2Fevil.example"),
        ("/:splat", &[("splat", "/evil.example")], "/evil.example"),
        ("/:v", &[("v", "\\evil.example")], "/%5Cevil.example"),
        ("/a b\"<>\\^`{|}é%zz%41", &[], "/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%C3%A9%25zz%41"),
        ("https://h.example", &[], "https://h.example/"),
        ("https://h.example:8080/a//../b", &[], "https://h.example:8080/a//../b"),
        ("https://:t.h.example/x", &[("t", "a")], "https://a.h.example/x"),
        ("https://:t.h.example/x", &[("t", "evil.example/")], "https://evil%2Eexample%2F.h.example/x"),
        ("https://bücher.example/", &[], "https://b%C3%BCcher.example/"),
        ("/a?x=1?y#f#g", &[], "/a?x=1?y#f%23g"),
    ] {
        assert_eq!(location(to, pairs, None), expected, "{to}");
    }
}

#[test]
fn astray() {
    for (to, pairs, expected) in [
        ("/b/:v", &[("v", "..")][..], true),
        ("/b/:v", &[("v", "...")], false),
        ("/b/:splat", &[("splat", "")], false),
        ("https://:splat/a", &[("splat", "")], true),
        ("https://:v.h.example/", &[("v", "")], true),
        ("https://h.:v:8080/", &[("v", "")], true),
        ("https://:v.h.example/:splat", &[("v", "a"), ("splat", "")], false),
    ] {
        let names = Names::new(pairs.iter().map(|(name, _)| *name));
        let substituted = Destination::parse(to, &names).unwrap().substitute(&captures(pairs));
        assert_eq!(substituted.astray, expected, "{to}");
    }
}

#[test]
fn subst_5_what_readers_could_disagree_about() {
    const PLACES: [&str; 5] = ["/b/:v", "/b/:v/c", "/b/v:v", "/b/:v.x", "/b/x%2F:v"];
    let ambiguous = |to: &str, name: &str, text: &[u8]| {
        let mut captures = Captures::default();
        match (name, str::from_utf8(text)) {
            ("splat", Ok(text)) => captures.add_splat(&text.split('/').collect::<Vec<_>>(), false),
            _ => captures.add_text(name, text.to_vec()),
        }
        Destination::parse(to, &Names::new([name])).unwrap().substitute(&captures).ambiguous
    };
    // Alone, beside other text, below an escaped slash, with an address before it or not.
    let texts: [&[u8]; 26] = [
        b"../api/secret",
        b"a/b",
        b"/",
        b"a\\b",
        b"..\\a",
        b"a\0",
        b"a\r\nX: y",
        b"a\tb",
        "a\u{85}b".as_bytes(),
        b"a%2fb",
        b"a%2Fb",
        b"a%5cb",
        b"a%00b",
        b"a%0d%0ab",
        b"a%252fb",
        b"a%25252fb",
        b"a%2525252525252fb",
        b"%2e%2e%2f",
        b"\xc0\xafa",
        b"\xc0\xae\xc0\xae",
        b"a%c0%afb",
        b"a%25c0%25af",
        b"\xff",
        b"a;/../b",
        b"a%3B%2F..",
        b"a?/..",
    ];
    for text in texts {
        for to in PLACES {
            let shown = String::from_utf8_lossy(text);
            assert!(ambiguous(to, "v", text), "{to} {shown:?}");
            assert!(ambiguous(&format!("http://up.example{to}"), "v", text), "{to} {shown:?}");
        }
    }
    // Where the text is a whole segment.
    for text in [
        "",
        ".",
        "..",
        "...",
        ". .",
        " ",
        "%2e",
        "%2e%2e",
        ".%2E",
        "%252e%252e",
        "..;a",
        ";a",
        "..%3Ba",
        "..?a",
        "?a",
        "#",
        "%2e.",
    ] {
        assert!(ambiguous("/b/:v", "v", text.as_bytes()), "{text:?}");
        assert!(ambiguous("/b/:v/c", "v", text.as_bytes()), "{text:?}");
        assert!(ambiguous("/b/x%2F:v", "v", text.as_bytes()), "{text:?}");
    }
    // With what stands beside it.
    for (to, text) in [
        ("/b/.:v", "."),
        ("/b/.:v", ""),
        ("/b/:v.", ""),
        ("/b/%2e:v", "."),
        ("/b/x%252:v", "f"),
        ("/b/x%25:v", "2f"),
        ("/b/x%:v", "2f"),
        ("/b/x%:v", "5c"),
    ] {
        assert!(ambiguous(to, "v", text.as_bytes()), "{to} {text:?}");
    }
    for text in ["%2e%2e/x", "x/..;/y", "x/%2fy", "x/;/y", "x/...", "x%5cy"] {
        assert!(ambiguous("/b/:splat", "splat", text.as_bytes()), "{text:?}");
    }
    // What is plain text stays: no reader makes anything else of it.
    for text in [
        "a",
        "a.b",
        "a;b=c",
        "50%",
        "50%25",
        "a%41",
        "a b",
        "a?b",
        "a#b",
        "a&b",
        "caf\u{e9}",
        ".well-known",
        "a..b",
        "a..",
        "..a",
        "%u002e",
    ] {
        for to in ["/b/:v", "/b/:v/c", "/b/x%2F:v", "http://up.example/b/:v"] {
            assert!(!ambiguous(to, "v", text.as_bytes()), "{to} {text:?}");
        }
    }
    for text in ["", "a", "a/b", "a/b/"] {
        assert!(!ambiguous("/b/:splat", "splat", text.as_bytes()), "{text:?}");
        assert!(!ambiguous("/b/:splat/c", "splat", text.as_bytes()), "{text:?}");
    }
    // In a query and in a fragment nothing is a separator of the path.
    assert!(!ambiguous("/b?v=:v#:v", "v", b"../a"));
}

#[test]
fn loc_2() {
    for (to, query, expected) in [
        ("/b", None, "/b"),
        ("/b", Some(""), "/b"),
        ("/b", Some("a=1"), "/b?a=1"),
        ("/b#f", Some("a=1"), "/b?a=1#f"),
        ("/b?c=2#f", Some("a=1"), "/b?c=2#f"),
        ("/b?", Some("a=1"), "/b?"),
        ("/b", Some("a=%zz b\"#"), "/b?a=%25zz%20b%22%23"),
        ("https://h", Some("a=1"), "https://h/?a=1"),
    ] {
        assert_eq!(location(to, &[], query), expected, "{to}");
    }
}

#[test]
fn faults() {
    use DestinationFaultKind::{Authority, OtherSite, PartOfLabel};
    for (to, kind) in [
        ("//evil", OtherSite),
        ("/\\evil", OtherSite),
        ("https://", Authority),
        ("https:///a", Authority),
        ("https://u@h/", Authority),
        ("https://a b/", Authority),
        ("https://h:port/", Authority),
        ("https://h%2Fx/", Authority),
        ("https://h\\x/", Authority),
        ("https://a:x.h/", PartOfLabel),
        ("https://h::x/", PartOfLabel),
        ("https://:x:x/", PartOfLabel),
        ("https://:x-a.h/", PartOfLabel),
    ] {
        let fault = Destination::parse(to, &Names::new(["x"])).unwrap_err();
        assert_eq!(fault.kind, kind, "{to}");
    }
}
