use super::*;
use crate::path::Refused;
use crate::rules::{Oddity, PatternFaultKind};

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap().0
}

#[test]
fn match_1_to_8() {
    for (rule, path, matches) in [
        ("/", "/", true),
        ("/", "/index.html", false),
        ("/a", "/a", true),
        ("/a", "/a/", true),
        ("/a/", "/a", true),
        ("/a", "/A", false),
        ("/a", "/a/b", false),
        ("/a", "/a.html", false),
        ("/a/*", "/a", true),
        ("/a/*", "/a/", true),
        ("/a/*", "/a/x/y", true),
        ("/a/*", "/ab", false),
        ("/a/*", "/", false),
        ("/*", "/", true),
        ("/*", "/x/y", true),
        ("/:x", "/a", true),
        ("/:x", "/", false),
        ("/:x", "/a/b", false),
        ("/n/:y/:m", "/n/1/2/", true),
        ("/n/pre-:x", "/n/pre-a", false),
        ("/n/pre-:x", "/n/pre-:x", true),
        ("/:y.html", "/anything", true),
        ("/:", "/:", true),
        ("/:", "/a", false),
        ("/a.b", "/axb", false),
        ("/a(|)+", "/a(|)+", true),
        ("/caf%C3%A9", "/café", true),
        ("/café", "/caf%c3%a9", true),
        ("/a%20b", "/a b", true),
        ("/%61", "/a", true),
        ("/%2A", "/a", false),
        ("/%2A", "/*", true),
        ("/%3Aa", "/b", false),
        ("/%3Aa", "/:a", true),
        ("/a*", "/a", true),
        ("/a*", "/ab", true),
        ("/a*", "/abc/d", true),
        ("/a*", "/b", false),
        ("/a*", "/", false),
        ("/a*/", "/ab", true),
        ("/a/*/c", "/a/b/c", true),
        ("/a/*/c", "/a/b/b/c", true),
        ("/a/*/c", "/a/c/c/c", true),
        ("/a/*/c", "/a/c", false),
        ("/a/*/c", "/a/b/c/d", false),
        ("/a/*/*", "/a", false),
        ("/a/*/*", "/a/b", true),
        ("/*/b/*/d", "/a/b/c/d", true),
        ("/*/b/*/d", "/b/b/d", false),
        ("/*/b/*/d", "/b/b/d/d", true),
        ("/*/b/*", "/a/b", true),
        ("/a/*.html", "/a/x.html", false),
        ("/a/*.html", "/a/*.html", true),
        ("/a*/b", "/ax/b", false),
        ("//a///b", "/a/b", true),
        ("/x/../a", "/a", true),
        ("/x/%2e%2E/a/./*", "/a/z", true),
    ] {
        let target = crate::Target::parse(path.as_bytes()).unwrap();
        assert_eq!(pattern(rule).matches(&target.path), matches, "{rule} {path}");
    }
}

#[test]
fn captures() {
    for (rule, path, name, value) in [
        ("/a/*", "/a", "splat", ""),
        ("/a/*", "/a/", "splat", ""),
        ("/a/*", "/a/x/y", "splat", "x/y"),
        ("/a/*", "/a/x/", "splat", "x/"),
        ("/a*", "/a", "splat", ""),
        ("/a*", "/abc/d/", "splat", "bc/d/"),
        ("/a*", "/a/d", "splat", "/d"),
        ("/a/*/c", "/a/x/c/c/", "splat", "x/c"),
        ("/*/b/*", "/x/b/y/b/z", "splat", "x/b/y"),
        ("/:x/:x", "/1/2", "x", "1"),
        ("/:x/*/:y", "/1/2/3/4", "y", "4"),
    ] {
        let path = crate::Target::parse(path.as_bytes()).unwrap().path;
        let captures = pattern(rule).captures(&path).unwrap();
        assert_eq!(captures.find(name).unwrap().text(), value.as_bytes(), "{rule} {path}");
    }
}

#[test]
fn oddities() {
    let odd = |text| Pattern::parse(text).unwrap().1;
    assert_eq!(odd("/a/:b/*"), []);
    assert_eq!(odd("/"), []);
    assert_eq!(odd("/a/"), []);
    assert_eq!(odd("/a*"), [Oddity::PrefixStar]);
    assert_eq!(odd("/a/*/b"), [Oddity::MiddleStar]);
    assert_eq!(odd("/a/*.html"), [Oddity::LiteralStar]);
    for text in ["//a", "/a//b", "/a/./b", "/a/../b", "/a//", "/a/."] {
        assert_eq!(odd(text), [Oddity::NotCanonical], "{text}");
    }
}

#[test]
fn faults_cover_what_could_have_been_meant() {
    for (text, kind, at, covering) in [
        ("/a?b=c", PatternFaultKind::Query, 2, "/a*"),
        ("/a/*?b", PatternFaultKind::Query, 4, "/a/*"),
        ("/a#b", PatternFaultKind::Fragment, 2, "/a*"),
        ("/a/?b", PatternFaultKind::Query, 3, "/a/*"),
        ("/a/b%zz/c", PatternFaultKind::Segment(Refused::Escape), 4, "/a/b*"),
        ("/a/%zz", PatternFaultKind::Segment(Refused::Escape), 3, "/a/*"),
        ("/a%2Fb", PatternFaultKind::Segment(Refused::EncodedSlash), 2, "/a*"),
        ("/a\\b", PatternFaultKind::Segment(Refused::Backslash), 2, "/a*"),
        ("/a/:b%2f", PatternFaultKind::Segment(Refused::EncodedSlash), 5, "/a/*"),
        ("/a/**", PatternFaultKind::DoubleStar, 3, "/a/*"),
        ("/a%00", PatternFaultKind::Segment(Refused::Control), 2, "/a*"),
        ("/*/%ff", PatternFaultKind::Segment(Refused::NotUtf8), 3, "/*"),
    ] {
        let fault = Pattern::parse(text).unwrap_err();
        assert_eq!((fault.kind, fault.start, fault.covering.to_string().as_str()), (kind, at, covering), "{text}");
    }
}
