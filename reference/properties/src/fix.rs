//! `check --fix` changes nothing that anybody gets, and the advice of `check` opens nothing.

use std::collections::HashSet;
use std::fmt;

use rolegate::decide::{Decision, Outcome, decide as decide_by_index};
use rolegate::path::{Ambiguity, Refused};
use rolegate::problem::Advice;
use rolegate::request::{Request, Scheme};
use rolegate::rules::{Rule, RuleSet};
use rolegate::site::MemorySite;
use rolegate::visitor::Visitor;
use rolegate_check::fix;
use rolegate_check::lint::lint;

use super::small::{FILES, Picks};

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

const SEGMENTS: &[&str] = &["a", "b", "ab", "a.html", "index.html", "-", "login"];

struct Case {
    files: Vec<&'static str>,
    rules: String,
}

impl Case {
    fn new(bytes: &[u8]) -> Case {
        Case::of(bytes, FILES, FROM, TO)
    }

    fn of(bytes: &[u8], files: &[&'static str], from: &[&'static str], to: &[&'static str]) -> Case {
        let mut picks = Picks(bytes);
        let files = (0..picks.number() % 5).map(|_| picks.pick(files)).collect();
        let mut rules = String::new();
        while !picks.0.is_empty() && rules.len() < 1000 {
            for alphabet in [from, QUERY, to, STATUS, CONDITIONS, ENDS] {
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
    for target in targets() {
        for (host, country, headers) in VISITS {
            let (target, host, country) = (target.as_bytes(), Some(*host), *country);
            let request = Request { method: "GET", target, host, scheme: Scheme::Https, headers, country };
            for visitor in &visitors {
                let decide = |rules: &RuleSet| decide_by_index(rules, &request, visitor, &site);
                let (was, is) = (decide(&before), decide(&after));
                // FRONT-3: what a rule names that never acts is read by nobody any more.
                let named_by_what_is_gone = was.outcome == Outcome::BadRequest(Refused::Ambiguous(Ambiguity::Named));
                let outcome = |decision: &Decision| (!named_by_what_is_gone).then(|| decision.outcome.clone());
                let said = |decision: &Decision| {
                    (outcome(decision), decision.target.clone(), decision.denied, decision.role_dependent)
                };
                assert_eq!(
                    said(&was),
                    said(&is),
                    "{visitor:?} at {}\n{case}\nfixed:\n{}",
                    String::from_utf8_lossy(target),
                    String::from_utf8_lossy(&fixed.redirects)
                );
            }
        }
    }
}

/// Of what advice is about: a tree, a page to log in, and what lies beside.
const PAGES: &[&str] = &["/a/b.html", "/login.html", "/index.html", "/b.html", "/a/index.html", "/a.html"];
const SIMPLE: &[&str] = &["/a/*", "/*", "/a", "/b", "/b/*", "/login", "/a/b", "/:x", "https://a.example/a/*"];
const LEADS: &[&str] = &[
    " /a/:splat",
    " /login",
    " /login.html",
    " /:splat",
    " /b",
    " /b/:splat",
    " /a",
    " https://up.example/:splat",
    " https://up.example/a/:splat",
    " /.netlify/functions/:splat",
];

/// LINT-1: whoever follows the advice of `check` opens nothing to anybody who was denied, denies nobody whom a role rule
/// admitted, and moves no rule without a role above one with a role.
pub fn advice_opens_nothing(bytes: &[u8]) {
    let case = Case::of(bytes, PAGES, SIMPLE, LEADS);
    let site = MemorySite::new(case.files.iter().copied());
    let before = RuleSet::parse(case.rules.as_bytes()).rules;
    let problems = lint(&before, &site);
    let advised: Vec<_> = problems.iter().filter_map(|problem| Some((problem, problem.advice.as_ref()?))).collect();
    if advised.is_empty() {
        return;
    }
    let visitors = [
        Visitor::Anonymous,
        Visitor::with_roles(["nobody names this one"]),
        Visitor::with_roles(["r"]),
        Visitor::with_roles(["s"]),
    ];
    let visitors = visitors.map(|visitor| {
        let was: Vec<_> = asked(&before, &visitor, &site).collect();
        // The page for those who are denied is theirs, too.
        let had: HashSet<_> = was.iter().filter_map(|(_, was)| shown(was)).collect();
        (visitor, was, had)
    });
    for (problem, advice) in advised {
        let edited = followed(&before, advice);
        let after = RuleSet::parse(edited.as_bytes()).rules;
        let told = || format!("{problem:?}\n{case}\nfollowed:\n{edited}");
        for line in advice.edits.iter().flat_map(|edit| &edit.lines) {
            let read = RuleSet::parse(line.as_bytes());
            assert_eq!(read.rules.rules().len(), 1, "{line} is no rule\n{}", told());
        }
        for (visitor, was, had) in &visitors {
            for ((target, was), (_, is)) in was.iter().zip(asked(&after, visitor, &site)) {
                let new = shown(&is).filter(|new| shown(was).as_ref() != Some(new) && !had.contains(new));
                // What another rule keeps from them is kept, whatever the status with which it would be shown; but a page to log in is for them.
                let new = new.filter(|new| new != "/login.html" && !is_public_by_name(&before, visitor, &site, new));
                let is_kept = |new: &String| is_denied_by_name(&before, visitor, &site, new);
                assert!(
                    !new.as_ref().is_some_and(|new| was.denied || is_kept(new)),
                    "{visitor:?} gets {new:?} at {target}\n{}",
                    told()
                );
                // A gate that is meant for others alone is what that one is about.
                let is_meant = matches!(problem.id, "gate-wider-below" | "gate-wider-above");
                let admitted =
                    !is_meant && was.by.and_then(|by| before.rules().get(by)).is_some_and(|by| by.role().is_some());
                assert!(!(admitted && !was.denied && is.denied), "{visitor:?} is locked out at {target}\n{}", told());
            }
        }
    }
}

/// The rules as lines, with what the advice says in their place.
fn followed(rules: &RuleSet, advice: &Advice) -> String {
    let edit = |rule: &Rule| advice.edits.iter().find(|edit| edit.span == rule.span);
    let lines = rules.rules().iter().flat_map(|rule| match edit(rule) {
        Some(edit) => edit.lines.clone(),
        None => vec![rule.to_string()],
    });
    lines.map(|line| line + "\n").collect()
}

/// What a visitor gets of the site or of another server, whatever the query.
fn shown(decision: &Decision) -> Option<String> {
    match &decision.outcome {
        Outcome::Proxy { url } => url.split('?').next().map(str::to_owned),
        outcome => outcome.file().map(str::to_owned),
    }
}

/// Whether a visitor is denied a file by its own name, wherever they ask for it.
fn is_denied_by_name(rules: &RuleSet, visitor: &Visitor, site: &MemorySite, name: &str) -> bool {
    name.starts_with('/') && by_name(rules, visitor, site, name).all(|decision| decision.denied)
}

/// Whether a visitor gets a file by its own name, wherever they ask for it.
fn is_public_by_name(rules: &RuleSet, visitor: &Visitor, site: &MemorySite, name: &str) -> bool {
    name.starts_with('/')
        && by_name(rules, visitor, site, name)
            .all(|decision| !decision.denied && shown(&decision).as_deref() == Some(name))
}

/// What a visitor gets who asks for a file by its own name.
fn by_name<'a>(
    rules: &'a RuleSet,
    visitor: &'a Visitor,
    site: &'a MemorySite,
    name: &'a str,
) -> impl Iterator<Item = Decision> + 'a {
    VISITS.iter().map(move |(host, country, headers)| {
        let target = name.as_bytes();
        let request =
            Request { method: "GET", target, host: Some(host), scheme: Scheme::Https, headers, country: *country };
        decide_by_index(rules, &request, visitor, site)
    })
}

/// Every decision about the paths of the alphabet.
fn asked<'a>(
    rules: &'a RuleSet,
    visitor: &'a Visitor,
    site: &'a MemorySite,
) -> impl Iterator<Item = (String, Decision)> + 'a {
    targets().flat_map(move |target| {
        VISITS
            .iter()
            .map(move |(host, country, headers)| {
                let request = Request {
                    method: "GET",
                    target: target.as_bytes(),
                    host: Some(host),
                    scheme: Scheme::Https,
                    headers,
                    country: *country,
                };
                (target.clone(), decide_by_index(rules, &request, visitor, site))
            })
            .collect::<Vec<_>>()
    })
}

fn targets() -> impl Iterator<Item = String> {
    let one = SEGMENTS.iter().map(|segment| format!("/{segment}"));
    let two = one.clone().flat_map(|first| SEGMENTS.iter().map(move |second| format!("{first}/{second}")));
    // What a rule for a parameter gives somebody is theirs.
    let asked = one.clone().chain(two.clone()).map(|target| target + "?q=1");
    let more = ["/", "/a/", "/a/b/a/b", "/?q=1", "/a?q=1", "/a?q=", "/a/b?q=2", "/b?q", "/a.html?q=1"];
    more.into_iter().map(str::to_owned).chain(one).chain(two).chain(asked)
}

type Headers = &'static [(&'static str, &'static [u8])];

/// Host, country and header lines of a visit.
const VISITS: &[(&str, Option<&str>, Headers)] = &[
    ("b.example", None, &[]),
    ("a.example", None, &[]),
    ("b.example", Some("de"), &[("cookie", b"c=1"), ("accept-language", b"en")]),
    ("b.example", None, &[("cookie", b"c=1"), ("accept-language", b"en")]),
    ("b.example", None, &[("accept-language", b"en")]),
    ("a.example", Some("de"), &[("cookie", b"c=1"), ("accept-language", b"en")]),
    // COND-3.role: who claims to be elsewhere.
    ("b.example", Some("de"), &[("cookie", b"nf_country=at")]),
    ("a.example", Some("at"), &[("cookie", b"nf_country=fr; c=1")]),
];
