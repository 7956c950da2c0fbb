//! `check --fix` changes nothing that anybody gets, and the advice of `check` opens nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use rolegate::decide::{Decision, Outcome, decide as decide_by_index};
use rolegate::path::{Ambiguity, Refused};
use rolegate::problem::{Advice, Problem};
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
pub(super) const ENDS: &[&str] = &["\n", "\r\n", " # why\n", "\r"];

const SEGMENTS: &[&str] = &["a", "b", "ab", "a.html", "index.html", "-", "login"];

pub(super) struct Case {
    pub(super) files: Vec<&'static str>,
    pub(super) rules: String,
}

impl Case {
    fn new(bytes: &[u8]) -> Case {
        Case::of(bytes, FILES, FROM, TO)
    }

    fn of(bytes: &[u8], files: &[&'static str], from: &[&'static str], to: &[&'static str]) -> Case {
        Case::with(bytes, files, &[from, QUERY, to, STATUS, CONDITIONS, ENDS])
    }

    /// Lines of which each field is one of an alphabet.
    pub(super) fn with(bytes: &[u8], files: &[&'static str], alphabets: &[&[&'static str]]) -> Case {
        let mut picks = Picks(bytes);
        let files = (0..picks.number() % 5).map(|_| picks.pick(files)).collect();
        let mut rules = String::new();
        while !picks.0.is_empty() && rules.len() < 1000 {
            for alphabet in alphabets {
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
pub(super) const PAGES: &[&str] = &["/a/b.html", "/login.html", "/index.html", "/b.html", "/a/index.html", "/a.html"];
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
/// admitted, and moves no rule without a role above one with a role. RULES-9: nor does whoever mends an error as it is advised.
pub fn advice_opens_nothing(bytes: &[u8]) {
    advice_on_rules_opens_nothing(bytes);
    super::mended::advice_on_errors_opens_nothing(bytes);
}

fn advice_on_rules_opens_nothing(bytes: &[u8]) {
    let case = Case::of(bytes, PAGES, SIMPLE, LEADS);
    let site = MemorySite::new(case.files.iter().copied());
    let before = RuleSet::parse(case.rules.as_bytes()).rules;
    let problems = lint(&before, &site);
    // Several findings may advise the same.
    let mut advised: BTreeMap<String, Vec<&Problem>> = BTreeMap::new();
    for problem in &problems {
        let Some(advice) = &problem.advice else { continue };
        let edited = followed(&before, advice);
        for line in advice.edits.iter().flat_map(|edit| &edit.lines) {
            let read = RuleSet::parse(line.as_bytes());
            assert_eq!(read.rules.rules().len(), 1, "{line} is no rule\n{problem:?}\n{case}\nfollowed:\n{edited}");
        }
        advised.entry(edited).or_default().push(problem);
    }
    if advised.is_empty() {
        return;
    }
    let texts = || advised.keys().map(String::as_str).chain([case.rules.as_str()]);
    let asked = Asked::of(&texts().collect::<Vec<_>>());
    let visitors = asked.visitors.iter().map(|visitor| {
        let was: Vec<Got> = asked.all(&before, visitor, &site).collect();
        // The page for those who are denied is theirs, too.
        let had: HashSet<String> = was.iter().filter_map(|was| was.shown.clone()).collect();
        (visitor, was, had)
    });
    let visitors: Vec<_> = visitors.collect();
    for (edited, problems) in &advised {
        let after = RuleSet::parse(edited.as_bytes()).rules;
        let told = || format!("{problems:?}\n{case}\nfollowed:\n{edited}");
        // A gate that is meant for others alone is what that one is about.
        let is_meant = problems.iter().all(|problem| matches!(problem.id, "gate-wider-below" | "gate-wider-above"));
        for (visitor, was, had) in &visitors {
            let mut known: HashMap<String, ByName> = HashMap::new();
            for ((target, was), is) in asked.targets().zip(was).zip(asked.all(&after, visitor, &site)) {
                let new = is.shown.as_ref().filter(|new| was.shown.as_ref() != Some(*new) && !had.contains(*new));
                // What another rule keeps from them is kept, whatever the status with which it would be shown; but a page to log in is for them.
                let new = new.filter(|new| *new != "/login.html");
                let by_name = new.map(|new| {
                    *known.entry(new.clone()).or_insert_with(|| asked.by_name(&before, visitor, &site, new))
                });
                let is_opened = by_name.is_some_and(|own| !own.is_public && (was.denied || own.is_denied));
                assert!(!is_opened, "{visitor:?} gets {new:?} at {target}\n{}", told());
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

/// What a visitor gets, as far as advice is judged by it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) shown: Option<String>,
    pub(super) denied: bool,
    pub(super) by: Option<usize>,
}

/// What a visitor gets of a file by its own name, wherever they ask for it.
#[derive(Clone, Copy)]
pub(super) struct ByName {
    pub(super) is_denied: bool,
    pub(super) is_public: bool,
}

/// Who asks, and for what. Of requests that differ only in what no rule names, one is asked.
pub(super) struct Asked {
    pub(super) visitors: Vec<Visitor>,
    targets: Vec<String>,
    visits: Vec<&'static Visit>,
}

impl Asked {
    /// Those for rules with these texts.
    pub(super) fn of(texts: &[&str]) -> Asked {
        let names = |word: &str| texts.iter().any(|text| text.contains(word));
        let mut visitors = vec![Visitor::Anonymous, Visitor::with_roles(["nobody names this one"])];
        let roles = ["r", "s"].into_iter().filter(|role| names(&format!("Role={role}")) || names(&format!(",{role}")));
        visitors.extend(roles.map(|role| Visitor::with_roles([role])));
        let names_a_parameter = names("q=");
        let targets = targets().filter(|target| names_a_parameter || !target.contains('?')).collect();
        let mut known = HashSet::new();
        let visits = VISITS.iter().filter(|visit| known.insert(said_to(visit, names))).collect();
        Asked { visitors, targets, visits }
    }

    /// Every target as often as it is asked for.
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().flat_map(|target| self.visits.iter().map(move |_| target.as_str()))
    }

    /// Every decision about these targets.
    pub(super) fn all(&self, rules: &RuleSet, visitor: &Visitor, site: &MemorySite) -> impl Iterator<Item = Got> {
        self.targets
            .iter()
            .flat_map(move |target| self.visits.iter().map(move |visit| got(rules, visit, target, visitor, site)))
    }

    /// What a visitor gets who asks for a file by its own name.
    pub(super) fn by_name(&self, rules: &RuleSet, visitor: &Visitor, site: &MemorySite, name: &str) -> ByName {
        let got = || self.visits.iter().map(|visit| got(rules, visit, name, visitor, site));
        let is_file = name.starts_with('/');
        // Who is sent elsewhere for what their request says, without a role in it, is denied nothing.
        let is_public = is_file && got().all(|got| !got.denied) && got().any(|got| got.shown.as_deref() == Some(name));
        ByName { is_denied: is_file && got().all(|got| got.denied), is_public }
    }
}

/// What of a visit rules may go by that name only such words: the host, the country, what is in cookies, the languages.
fn said_to(
    (host, country, headers): &'static Visit,
    names: impl Fn(&str) -> bool,
) -> (Option<&'static str>, Option<&'static str>, Vec<&'static [u8]>) {
    let is_named = |header: &str| match header {
        "cookie" => names("Cookie") || names("Country"),
        _ => names("Language"),
    };
    let headers = headers.iter().filter(|(header, _)| is_named(header)).map(|(_, value)| *value);
    (Some(*host).filter(|host| names(host)), country.filter(|_| names("Country")), headers.collect())
}

fn got(rules: &RuleSet, (host, country, headers): &Visit, target: &str, visitor: &Visitor, site: &MemorySite) -> Got {
    let (target, host, country) = (target.as_bytes(), Some(*host), *country);
    let request = Request { method: "GET", target, host, scheme: Scheme::Https, headers, country };
    let decision = decide_by_index(rules, &request, visitor, site);
    Got { shown: shown(&decision), denied: decision.denied, by: decision.by }
}

fn targets() -> impl Iterator<Item = String> {
    let one = SEGMENTS.iter().map(|segment| format!("/{segment}"));
    let two = one.clone().flat_map(|first| SEGMENTS.iter().map(move |second| format!("{first}/{second}")));
    // What a rule for a parameter gives somebody is theirs, whatever its value.
    let asked = one.clone().chain(two.clone()).map(|target| target + "?q=1");
    let asked = asked.chain(one.clone().map(|target| target + "?q=2"));
    let more = ["/", "/b.html", "/a/", "/a/b/a/b", "/?q=1", "/a?q=1", "/a?q=", "/a/b?q=2", "/b?q", "/a.html?q=1"];
    more.into_iter().map(str::to_owned).chain(one).chain(two).chain(asked)
}

type Headers = &'static [(&'static str, &'static [u8])];

/// Host, country and header lines of a visit.
type Visit = (&'static str, Option<&'static str>, Headers);

const VISITS: &[Visit] = &[
    ("b.example", None, &[]),
    ("a.example", None, &[]),
    ("b.example", Some("de"), &[("cookie", b"c=1"), ("accept-language", b"en")]),
    ("b.example", None, &[("cookie", b"c=1"), ("accept-language", b"en")]),
    ("b.example", Some("at"), &[("accept-language", b"en")]),
    ("b.example", None, &[("accept-language", b"en")]),
    ("a.example", None, &[("accept-language", b"en")]),
    ("a.example", Some("de"), &[("cookie", b"c=1"), ("accept-language", b"en")]),
    // COND-3.role: who claims to be elsewhere.
    ("b.example", Some("de"), &[("cookie", b"nf_country=at")]),
    ("a.example", Some("at"), &[("cookie", b"nf_country=fr; c=1")]),
    // Who comes from there may leave all else out.
    ("b.example", Some("de"), &[]),
    ("a.example", Some("de"), &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that is not asked is decided as the one that is.
    #[test]
    fn what_no_rule_names_decides_nothing() {
        let mut state = 1_u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        let mut left_out = 0;
        for _ in 0..40 {
            let bytes: Vec<u8> = (0..20).map(|_| byte()).collect();
            let case = Case::of(&bytes, PAGES, SIMPLE, LEADS);
            let site = MemorySite::new(case.files.iter().copied());
            let rules = RuleSet::parse(case.rules.as_bytes()).rules;
            let asked = Asked::of(&[&case.rules]);
            let names = |word: &str| case.rules.contains(word);
            let visitors = [
                (Visitor::Anonymous, 0),
                (Visitor::with_roles(["r"]), if names("Role=r") { 2 } else { 1 }),
                (Visitor::with_roles(["s"]), if names("Role=s") || names(",s") { asked.visitors.len() - 1 } else { 1 }),
            ];
            for (visitor, standing_in) in &visitors {
                for target in targets() {
                    for visit in VISITS {
                        let alike = |other: &&&'static Visit| said_to(other, names) == said_to(visit, names);
                        let for_it = asked.visits.iter().find(alike).unwrap();
                        let short = if names("q=") { &*target } else { target.split('?').next().unwrap() };
                        assert!(asked.targets.iter().any(|asked| asked == short));
                        let one = got(&rules, for_it, short, &asked.visitors[*standing_in], &site);
                        assert_eq!(
                            got(&rules, visit, &target, visitor, &site),
                            one,
                            "{visitor:?} {target} {visit:?}\n{case}"
                        );
                        left_out += usize::from(visit != *for_it || short != target);
                    }
                }
            }
        }
        assert!(left_out > 20_000, "{left_out}");
    }
}
