//! `check --fix` changes nothing that anybody gets.

use std::fmt;

use super::small::{FILES, Picks};
use crate::decide::decide as decide_by_index;
use crate::fix;
use crate::request::{Request, Scheme};
use crate::rules::RuleSet;
use crate::site::MemorySite;
use crate::visitor::Visitor;

/// Few of each, so that rules meet: the same path in several spellings, paths that cover each other, and hosts.
const FROM: &[&str] = &[
    "/a",
    "/*",
    "/a/*",
    "/:x",
    "/a.html",
    "/a/b",
    "/x/../a",
    "/a//b",
    "/a/index.html",
    "/:x/*",
    "https://a.example/a",
    "https://a.example/*",
    "/a*",
    "/*/b",
    "/a/%62",
];
const QUERY: &[&str] = &["", "", "", " q=1", " q=:x"];
const TO: &[&str] = &[
    " /a",
    " /b",
    " /:splat",
    " /a/:splat",
    " /a.html",
    " /a?q=1",
    " https://a.example/:splat",
    " https://a.example/a",
    " /:x",
    "",
];
const STATUS: &[&str] = &[" 200!", " 301", " 301!", " 200", " 404", " 404!"];
const CONDITIONS: &[&str] = &[
    "",
    " Role=r",
    " Role=r,s",
    " Role=*",
    " Country=de",
    " Country=de,at",
    " Role=r Country=de",
    " Cookie=c",
    " Role=s Cookie=c",
    " Language=en",
    " Role",
    " Typo=x",
];
const ENDS: &[&str] = &["\n", "\r\n", " # why\n", "\r"];

const SEGMENTS: &[&str] = &["a", "b", "ab", "a.html", "index.html", "-"];

struct Case {
    files: Vec<&'static str>,
    rules: String,
}

impl Case {
    fn new(bytes: &[u8]) -> Case {
        let mut picks = Picks(bytes);
        let files = (0..picks.number() % 5).map(|_| picks.pick(FILES)).collect();
        let mut rules = String::new();
        while !picks.0.is_empty() && rules.len() < 1000 {
            for alphabet in [FROM, QUERY, TO, STATUS, CONDITIONS, ENDS] {
                rules += picks.pick(alphabet);
            }
        }
        Case { files, rules }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files {}\n{}", self.files.join(" "), self.rules)
    }
}

/// NOLEAK-1, ROLE-3: every decision is as it was, so that no path that was shut is open; and nothing is left to fix.
pub fn fix_opens_nothing(bytes: &[u8]) {
    let case = Case::new(bytes);
    let site = MemorySite::new(case.files.iter().copied());
    let fixed = fix::fix(case.rules.as_bytes(), &[], &site);
    if fixed.changes.is_empty() {
        assert_eq!(fixed.redirects, case.rules.as_bytes(), "what changes is told\n{case}");
        return;
    }
    let again = fix::fix(&fixed.redirects, &[], &site);
    assert!(again.changes.is_empty(), "a second time changes more\n{case}");

    let (before, after) = (RuleSet::parse(case.rules.as_bytes()).rules, RuleSet::parse(&fixed.redirects).rules);
    let visitors = [
        Visitor::Anonymous,
        Visitor::with_roles(Vec::<String>::new()),
        Visitor::with_roles(["r"]),
        Visitor::with_roles(["s"]),
        Visitor::with_roles(["r", "s"]),
    ];
    let one = SEGMENTS.iter().map(|segment| format!("/{segment}"));
    let two = one.clone().flat_map(|first| SEGMENTS.iter().map(move |second| format!("{first}/{second}")));
    let more = ["/", "/a/", "/a/b/a/b", "/?q=1", "/a?q=1", "/a?q=", "/a/b?q=2", "/b?q", "/a.html?q=1"];
    for target in more.into_iter().map(str::to_owned).chain(one).chain(two) {
        for (host, country, headers) in VISITS {
            let (target, host, country) = (target.as_bytes(), Some(*host), *country);
            let request = Request { method: "GET", target, host, scheme: Scheme::Https, headers, country };
            for visitor in &visitors {
                let decide = |rules: &RuleSet| {
                    let decision = decide_by_index(rules, &request, visitor, &site);
                    (decision.outcome, decision.target, decision.denied, decision.role_dependent)
                };
                assert_eq!(
                    decide(&before),
                    decide(&after),
                    "{visitor:?} at {}\n{case}\nfixed:\n{}",
                    String::from_utf8_lossy(target),
                    String::from_utf8_lossy(&fixed.redirects)
                );
            }
        }
    }
}

type Headers = &'static [(&'static str, &'static [u8])];

/// Host, country and header lines of a visit.
const VISITS: &[(&str, Option<&str>, Headers)] = &[
    ("b.example", None, &[]),
    ("a.example", Some("de"), &[("cookie", b"c=1"), ("accept-language", b"en")]),
    // COND-3.role: who claims to be elsewhere.
    ("b.example", Some("de"), &[("cookie", b"nf_country=at")]),
    ("a.example", Some("at"), &[("cookie", b"nf_country=fr; c=1")]),
];
