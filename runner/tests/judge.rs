//! The judge itself on trial: for every check an answer that fits and answers that differ in that one thing. A check that is left out, or turned round,
//! fails a row.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use gatecheck::corpus::Corpus;
use gatecheck::corpus::expectation::{Alternative, Expected, HeaderExpectation, UpstreamExpectation};
use gatecheck::corpus::source::{Access, Level};
use gatecheck::deploy::{SiteFiles, canary};
use gatecheck::judge::{Scene, further as further_verdict, judge, upstream};
use gatecheck::upstream::Received;
use gatecheck::verdict::Verdict;
use gatecheck::wire::{Answer, Client, End, Exchange, Response, Sent};

const ORIGIN: &str = "http://gate.example";

/// A corpus of one case that expects this.
fn corpus(expect: &str) -> Corpus {
    let request = if expect.starts_with("request:") { "" } else { "request: { path: /x/y?q=1 }\n    " };
    let suite = format!(
        "title: One case
site:
  rules: |
    /a /b 302
  files:
    /open.html: public
    /page.html: public
    /secret.html: protected
    /vault.html: protected
control: two
denied: {{ status: 302, location: /login }}
cases:
  - id: one
    requirement: ROLE-1
    {request}{expect}
  - id: two
    requirement: ROLE-1
    request: {{ path: /open }}
    expect: {{ status: 200, shows: /open.html }}
"
    );
    let files = [
        (
            "requirements.yaml",
            "- { id: ROLE-1, level: MUST, provenance: rfc, sentence: Something. }\n- { id: TOKEN-7, level: SHOULD, provenance: rfc, sentence: Something else. }\n".to_owned(),
        ),
        ("tokens.yaml", "admin: { header: { alg: HS256, typ: JWT }, claims: { exp: 1 }, roles: [admin] }\n".to_owned()),
        ("area/suite.yaml", suite),
    ];
    let files: BTreeMap<String, String> = files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    Corpus::load("here", files).unwrap_or_else(|errors| panic!("{expect}: {errors:?}"))
}

/// An answer, in the few words that a row has for it.
#[derive(Clone, Default)]
struct Came {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
    before: String,
    behind: String,
    then_closed: bool,
}

fn came(status: u16) -> Came {
    Came { status, ..Came::default() }
}

impl Came {
    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn to(self, location: &'static str) -> Self {
        self.with("location", location)
    }

    fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    /// The content of a file.
    fn file(self, path: &str) -> Self {
        let canary = canary("area/suite", path);
        self.body(&format!("<p>{canary}</p>"))
    }

    /// Some bytes of a file.
    fn bytes(self, path: &str, bytes: std::ops::RangeInclusive<usize>) -> Self {
        let files = SiteFiles::of(&corpus("expect: denied").suites[0]);
        self.body(std::str::from_utf8(&files.bodies[path][bytes]).unwrap())
    }

    fn then_closed(mut self) -> Self {
        self.then_closed = true;
        self
    }

    fn before(mut self, path: &str) -> Self {
        self.before = canary("area/suite", path);
        self
    }

    fn behind(mut self, path: &str) -> Self {
        self.behind = canary("area/suite", path);
        self
    }

    fn answer(&self) -> Answer {
        let headers =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        let body = self.body.as_bytes().to_vec();
        let wire = [self.before.as_bytes(), &body, self.behind.as_bytes()].concat();
        Answer::Response(Box::new(Response {
            status: self.status,
            headers,
            body,
            wire,
            earlier: self.before.len(),
            then_closed: self.then_closed,
            end: End::Whole,
        }))
    }
}

fn verdict(expect: &str, answer: Answer) -> Verdict {
    let corpus = corpus(expect);
    verdict_on(&corpus.suites[0].cases[0].expected, &SiteFiles::of(&corpus.suites[0]), answer)
}

fn verdict_on(expected: &Expected, files: &SiteFiles, answer: Answer) -> Verdict {
    verdict_for(expected, files, answer, &BTreeSet::new())
}

fn verdict_for(expected: &Expected, files: &SiteFiles, answer: Answer, may_have: &BTreeSet<String>) -> Verdict {
    let scene = Scene { origin: ORIGIN, prefix: "", files, may_have };
    judge(expected, &exchange(answer), &scene).verdict
}

fn exchange(answer: Answer) -> Exchange {
    let sent = Sent {
        method: "GET".to_owned(),
        target: b"/x/y?q=1".to_vec(),
        host: b"gate.example".to_vec(),
        headers: Vec::new(),
        body: Vec::new(),
        raw: None,
        responses: 1,
        byte_exact: false,
        linger: Duration::ZERO,
    };
    Exchange { sent, client: Client::Raw, answer, started: SystemTime::UNIX_EPOCH, elapsed: Duration::ZERO }
}

/// An expectation, answers that fit it, and answers that differ.
type Row = (&'static str, Vec<Came>, Vec<Came>);

fn table() -> Vec<Row> {
    vec![
        ("expect: { status: 200 }", vec![came(200)], vec![came(201), came(404), came(200).to("/login")]),
        ("expect: { status: [400, 404] }", vec![came(400), came(404)], vec![came(200), came(401)]),
        (
            "expect: denied",
            vec![came(302).to("/login"), came(302).to("http://gate.example/login"), came(302).to("../login")],
            vec![
                came(302),
                came(301).to("/login"),
                came(302).to("/Login"),
                came(302).to("/login/"),
                came(302).to("/login?q=1"),
                came(302).to("login"),
                came(302).to("//login"),
                came(302).to("https://gate.example/login"),
                came(302).to("/login").to("/login"),
            ],
        ),
        ("expect: { status: 302, location: any }", vec![came(302).to("/anywhere")], vec![came(302)]),
        (
            "expect: { status: 302, location: any, same-origin: true }",
            vec![came(302).to("/x"), came(302).to("http://gate.example/x")],
            vec![
                came(302).to("//evil.example"),
                came(302).to("/\\evil.example"),
                came(302).to("https://gate.example/x"),
                came(302),
            ],
        ),
        (
            "expect: { status: 302, location: '/b?a=1&c=%20#part' }",
            vec![
                came(302).to("/b?a=1&c=%20#part"),
                came(302).to("/b?a=1&c=+#part"),
                came(302).to("/%62?a=1&c=%20#part"),
            ],
            vec![
                came(302).to("/b?a=1&c=%20"),
                came(302).to("/b?c=%20&a=1#part"),
                came(302).to("/b#part"),
                came(302).to("/%2Fb?a=1&c=%20#part"),
            ],
        ),
        (
            "expect: { status: 200, shows: /open.html }",
            vec![came(200).file("/open.html")],
            vec![came(200), came(200).file("/page.html"), came(200).body("canary-")],
        ),
        (
            "expect: { status: 200, shows: /secret.html }",
            vec![came(200).file("/secret.html")],
            vec![came(200), came(200).file("/open.html")],
        ),
        (
            "expect: { status: 200, hides: [/page.html] }",
            vec![came(200), came(200).file("/open.html")],
            vec![came(200).file("/page.html")],
        ),
        ("expect: { status: 200, body: empty }", vec![came(200)], vec![came(200).body("x")]),
        (
            "expect: { status: 200, headers: { allow: { is: 'GET, HEAD' } } }",
            vec![came(200).with("allow", "GET, HEAD")],
            vec![
                came(200),
                came(200).with("allow", "GET"),
                came(200).with("allow", "GET, HEAD").with("allow", "GET, HEAD"),
            ],
        ),
        (
            "expect: { status: 200, headers: { vary: { contains: [cookie, accept] } } }",
            vec![came(200).with("vary", "Accept, Cookie"), came(200).with("vary", "cookie").with("vary", "accept")],
            vec![came(200), came(200).with("vary", "Cookie"), came(200).with("vary", "Accept-Cookie")],
        ),
        (
            "expect: { status: 200, headers: { cache-control: { one-of: [private, no-store] } } }",
            vec![came(200).with("cache-control", "private, max-age=0"), came(200).with("cache-control", "No-Store")],
            vec![came(200), came(200).with("cache-control", "public")],
        ),
        (
            "expect: { status: 200, headers: { cache-control: { lacks: [public] } } }",
            vec![came(200), came(200).with("cache-control", "private")],
            vec![came(200).with("cache-control", "max-age=1, public")],
        ),
        (
            "expect: { status: 200, headers: { etag: { absent: true } } }",
            vec![came(200)],
            vec![came(200).with("etag", "\"x\"")],
        ),
        (
            "expect: { status: 200, headers: { etag: { present: true } } }",
            vec![came(200).with("etag", "\"x\"")],
            vec![came(200)],
        ),
        (
            "expect: { any-of: [denied, { status: 404 }] }",
            vec![came(302).to("/login"), came(404)],
            vec![came(200), came(302).to("/elsewhere"), came(404).to("/login")],
        ),
        (
            "expect: refused",
            vec![came(400), came(431), came(302).to("/login")],
            vec![came(200), came(500), came(302).to("/x")],
        ),
        (
            "expect: not-canonical",
            vec![came(400), came(404), came(308).to("/x"), came(302).to("/login")],
            vec![came(200), came(301).to("//evil.example"), came(500)],
        ),
        (
            "expect: { status: 200, part: { of: /open.html, first: 2, last: 9 } }",
            vec![came(200).bytes("/open.html", 2..=9)],
            vec![came(200), came(200).bytes("/open.html", 1..=9), came(200).bytes("/open.html", 2..=10)],
        ),
        (
            "request: { raw: ['GET / HTTP/1.1', 'Host: $(host)'] }\n    expect: { status: 400, then-closed: true }",
            vec![came(400).then_closed()],
            vec![came(400), came(200).then_closed()],
        ),
    ]
}

#[test]
fn every_check_passes_what_fits_and_fails_what_does_not() {
    for (expect, fits, differs) in table() {
        for row in fits {
            assert_eq!(verdict(expect, row.answer()), Verdict::Pass, "{expect}: {} {:?}", row.status, row.headers);
        }
        for row in differs {
            let found = verdict(expect, row.answer());
            assert!(matches!(found, Verdict::Fail(_)), "{expect}: {} {:?} is {found:?}", row.status, row.headers);
        }
    }
}

#[test]
fn protected_content_leaks_wherever_it_stands() {
    let secret = || canary("area/suite", "/secret.html");
    let header: &'static str = Box::leak(format!("x-{}", secret()).into_boxed_str());
    let denied = || came(302).to("/login");
    for (expect, leaking) in [
        ("expect: denied", denied().file("/secret.html")),
        ("expect: denied", denied().behind("/secret.html")),
        ("expect: denied", denied().before("/secret.html")),
        ("expect: denied", denied().with("x-note", header)),
        ("expect: denied", came(200).file("/secret.html")),
        ("expect: { status: 200, shows: /secret.html }", came(200).file("/vault.html")),
        ("expect: { status: 200, shows: /secret.html }", came(200).file("/secret.html").before("/secret.html")),
        ("expect: { status: 404, shows: /secret.html }", came(200).file("/secret.html")),
        ("level: survey\n    observe: { open: { status: 200 }, closed: denied }", came(200).file("/secret.html")),
    ] {
        let found = verdict(expect, leaking.answer());
        assert!(matches!(found, Verdict::Leak(_)), "{expect}: {found:?}");
    }
    for (expect, allowed) in [
        ("expect: denied", denied().file("/open.html")),
        ("expect: { status: 200, shows: /secret.html }", came(200).file("/secret.html").behind("/secret.html")),
        ("expect: { status: 302, location: /login, earlier-shows: [/secret.html] }", denied().before("/secret.html")),
    ] {
        assert_eq!(verdict(expect, allowed.answer()), Verdict::Pass, "{expect}");
    }
    let bytes = format!("HTTP/1.1 20{}", secret()).into_bytes();
    for answer in [Answer::Closed(bytes.clone()), Answer::TimedOut(bytes)] {
        assert!(matches!(verdict("expect: refused", answer), Verdict::Leak(_)));
    }
}

#[test]
fn content_in_the_hands_of_somebody_who_may_have_it_is_a_fail() {
    let may_have = BTreeSet::from(["/secret.html".to_owned()]);
    let denied = || came(302).to("/login");
    let header: &'static str = Box::leak(canary("area/suite", "/secret.html").into_boxed_str());
    for (expect, answer, leaks) in [
        ("expect: denied", denied().file("/secret.html"), false),
        ("expect: denied", denied().behind("/secret.html"), false),
        ("expect: denied", denied().with("x-note", header), false),
        ("expect: denied", came(200).file("/secret.html"), false),
        ("expect: { status: 400 }", came(200).file("/secret.html"), false),
        ("expect: { status: 200, shows: /open.html }", came(200).file("/secret.html"), false),
        // Of another file it is a leak all the same, and of both as well.
        ("expect: denied", came(200).file("/vault.html"), true),
        ("expect: denied", came(200).file("/secret.html").behind("/vault.html"), true),
        ("expect: { status: 200, shows: /secret.html }", came(200).file("/vault.html"), true),
    ] {
        let corpus = corpus(expect);
        let files = SiteFiles::of(&corpus.suites[0]);
        let found = verdict_for(&corpus.suites[0].cases[0].expected, &files, answer.answer(), &may_have);
        assert_eq!(matches!(found, Verdict::Leak(_)), leaks, "{expect}: {found:?}");
        assert!(matches!(found, Verdict::Leak(_) | Verdict::Fail(_)), "{expect}: {found:?}");
    }
}

#[test]
fn no_answer_is_no_refusal_but_where_the_case_says_so() {
    assert_eq!(verdict("expect: refused", Answer::Closed(Vec::new())), Verdict::Pass);
    assert_eq!(verdict("expect: { status: 400, closed: true }", Answer::Closed(Vec::new())), Verdict::Pass);
    for (expect, answer) in [
        ("expect: denied", Answer::Closed(Vec::new())),
        ("expect: { status: 400 }", Answer::Closed(Vec::new())),
        ("expect: refused", Answer::TimedOut(Vec::new())),
        ("expect: refused", Answer::Closed(b"HTTP/1.1 4".to_vec())),
    ] {
        assert!(matches!(verdict(expect, answer), Verdict::Fail(_)), "{expect}");
    }
}

/// Whoever takes a lone line feed for the end of a line reads a request of HTTP/0.9 there, and answers it without a head.
#[test]
fn content_without_a_head_is_a_refusal_where_the_request_may_have_no_version() {
    let secret = canary("area/suite", "/secret.html");
    let page = b"<html><h1>404 Not Found</h1></html>".to_vec();
    let ended = b"/x\n".to_vec();
    for (expect, target, came, wanted) in [
        ("expect: refused", &ended, page.clone(), "pass"),
        ("expect: refused", &ended, Vec::new(), "pass"),
        ("expect: refused", &ended, secret.into_bytes(), "leak"),
        ("expect: refused", &ended, b"HTTP/1.1 4".to_vec(), "fail"),
        ("expect: refused", &b"/x".to_vec(), page.clone(), "fail"),
        ("expect: refused", &b"/x\r\n".to_vec(), page.clone(), "fail"),
        ("expect: not-canonical", &ended, page.clone(), "fail"),
    ] {
        let corpus = corpus(expect);
        let files = SiteFiles::of(&corpus.suites[0]);
        let scene = Scene { origin: ORIGIN, prefix: "", files: &files, may_have: &BTreeSet::new() };
        let mut exchange = exchange(Answer::Closed(came));
        exchange.sent.target.clone_from(target);
        let found = judge(&corpus.suites[0].cases[0].expected, &exchange, &scene).verdict;
        assert_eq!(found.name(), wanted, "{expect}: {exchange:?}");
    }
}

#[test]
fn what_is_observed_is_the_first_that_fits() {
    let observe =
        "level: survey\n    observe: { closed: denied, open: { status: 200 }, found: { status: [200, 404] } }";
    for (answer, seen) in [(came(302).to("/login"), "closed"), (came(200), "open"), (came(404), "found")] {
        assert_eq!(verdict(observe, answer.answer()), Verdict::Observed(seen.to_owned()));
    }
    assert!(
        matches!(verdict(observe, came(500).answer()), Verdict::Observed(other) if other.starts_with("something else"))
    );
}

/// One thing that an expectation can ask for, taken out of it: the judge as if it did not look. `None` where the expectation does not ask for it.
type LeaveOut = fn(&Alternative) -> Option<Alternative>;

/// Everything that an expectation can ask for. The pattern names every field, so that a new one does not compile until it is here.
fn checks() -> Vec<(&'static str, LeaveOut)> {
    let Alternative {
        name: _,
        status: _,
        location: _,
        same_origin: _,
        shows: _,
        part: _,
        admits: _, // lets a file be seen, and asks for nothing
        hides: _,
        empty_body: _,
        headers: _,
        earlier_shows: _, // lets a file be seen, and asks for nothing
        closed: _,        // lets an answer be missing, and asks for nothing
        then_closed: _,
        upstream: _, // judged by itself: `what_the_upstream_was_asked` takes it apart
        also: _,     // judged by itself: `what_further_requirements_say`
    } = alternative("expect: denied");
    let mut checks: Vec<(&'static str, LeaveOut)> = vec![
        ("status", |one| (!one.status.is_empty()).then(|| Alternative { status: Vec::new(), ..one.clone() })),
        ("location", |one| one.location.is_some().then(|| Alternative { location: None, ..one.clone() })),
        ("same-origin", |one| one.same_origin.then(|| Alternative { same_origin: false, ..one.clone() })),
        ("shows", |one| one.shows.is_some().then(|| Alternative { shows: None, ..one.clone() })),
        ("part", |one| one.part.is_some().then(|| Alternative { part: None, ..one.clone() })),
        ("hides", |one| (!one.hides.is_empty()).then(|| Alternative { hides: Vec::new(), ..one.clone() })),
        ("body", |one| one.empty_body.then(|| Alternative { empty_body: false, ..one.clone() })),
        ("then-closed", |one| one.then_closed.then(|| Alternative { then_closed: false, ..one.clone() })),
    ];
    let HeaderExpectation { is: _, contains: _, one_of: _, lacks: _, absent: _, present: _ } =
        HeaderExpectation::default();
    checks.extend::<[(&'static str, LeaveOut); 6]>([
        ("headers.is", |one| without_field(one, |field| field.is.take().is_some())),
        ("headers.contains", |one| without_field(one, |field| !std::mem::take(&mut field.contains).is_empty())),
        ("headers.one-of", |one| without_field(one, |field| !std::mem::take(&mut field.one_of).is_empty())),
        ("headers.lacks", |one| without_field(one, |field| !std::mem::take(&mut field.lacks).is_empty())),
        ("headers.absent", |one| without_field(one, |field| std::mem::take(&mut field.absent))),
        ("headers.present", |one| without_field(one, |field| std::mem::take(&mut field.present))),
    ]);
    checks
}

fn without_field(one: &Alternative, take: fn(&mut HeaderExpectation) -> bool) -> Option<Alternative> {
    let mut one = one.clone();
    let mut asked = false;
    one.headers.values_mut().for_each(|field| asked |= take(field));
    asked.then_some(one)
}

fn alternative(expect: &str) -> Alternative {
    corpus(expect).suites[0].cases[0].expected.alternatives().next().unwrap().clone()
}

/// The check of the checks: a judge that left one out would pass an answer that the table above fails; one that turned it round would fail an answer
/// that the table passes.
#[test]
fn a_check_that_is_left_out_or_turned_round_is_noticed() {
    let table = table();
    for (check, leave_out) in checks() {
        let (mut left_out, mut turned_round) = (0, 0);
        for (expect, fits, differs) in &table {
            let corpus = corpus(expect);
            let files = SiteFiles::of(&corpus.suites[0]);
            let Expected::Judge(alternatives) = &corpus.suites[0].cases[0].expected else { continue };
            let blind: Vec<Alternative> = alternatives.iter().filter_map(leave_out).collect();
            if blind.len() < alternatives.len() {
                continue;
            }
            turned_round += fits.len();
            let passes =
                |row: &&Came| verdict_on(&Expected::Judge(blind.clone()), &files, row.answer()) == Verdict::Pass;
            left_out += differs.iter().filter(passes).count();
        }
        assert!(left_out > 0, "no row of the table fails for {check} alone");
        assert!(turned_round > 0, "no row of the table passes for {check}");
    }
}

#[test]
fn what_the_upstream_was_asked() {
    let asked = |method: &str, target: &str, headers: &[(&str, &str)], body: &str| Received {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.to_owned(),
    };
    let right = || asked("PUT", "/api/x?q=1", &[("x-a", "1")], "hello");
    let one_of = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let wanted = UpstreamExpectation {
        method: Some("PUT".to_owned()),
        target: Some("/api/x?q=1".to_owned()),
        headers: [("x-a".to_owned(), HeaderExpectation { contains: one_of(&["1"]), ..HeaderExpectation::default() })]
            .into(),
        body: Some("hello".to_owned()),
    };
    // Every member taken out in turn: what it alone can see must then pass.
    let UpstreamExpectation { method: _, target: _, headers: _, body: _ } = &wanted;
    let without: [(UpstreamExpectation, Received); 4] = [
        (UpstreamExpectation { method: None, ..wanted.clone() }, asked("GET", "/api/x?q=1", &[("x-a", "1")], "hello")),
        (UpstreamExpectation { target: None, ..wanted.clone() }, asked("PUT", "/api/y", &[("x-a", "1")], "hello")),
        (UpstreamExpectation { headers: BTreeMap::new(), ..wanted.clone() }, asked("PUT", "/api/x?q=1", &[], "hello")),
        (UpstreamExpectation { body: None, ..wanted.clone() }, asked("PUT", "/api/x?q=1", &[("x-a", "1")], "")),
    ];
    let expecting = |upstream: Option<UpstreamExpectation>| Alternative { upstream, ..alternative("expect: denied") };
    let whole = expecting(Some(wanted.clone()));
    assert!(upstream(Some(&whole), &[right()]).is_empty());
    assert!(upstream(Some(&whole), &[right(), right()]).is_empty(), "a request may be sent again");
    assert!(!upstream(Some(&whole), &[]).is_empty(), "nothing got there");
    for (blind, wrong) in without {
        assert!(!upstream(Some(&whole), std::slice::from_ref(&wrong)).is_empty(), "{wrong:?}");
        assert!(upstream(Some(&expecting(Some(blind))), std::slice::from_ref(&wrong)).is_empty(), "{wrong:?}");
    }
    // A denied request must not get there.
    assert!(!upstream(Some(&expecting(None)), &[right()]).is_empty());
    assert!(!upstream(None, &[right()]).is_empty());
    assert!(upstream(Some(&expecting(None)), &[]).is_empty());
}

/// What another requirement says of an answer is a finding of that requirement, whatever the case itself makes of the answer.
#[test]
fn what_further_requirements_say() {
    let corpus =
        corpus("expect: { status: 302, location: /login, also: { TOKEN-7: { headers: { X-A: { is: 'yes' } } } } }");
    let suite = &corpus.suites[0];
    let (case, files) = (&suite.cases[0], SiteFiles::of(suite));
    let further: Vec<_> = suite.cases.iter().filter(|other| other.of == Some(0)).collect();
    assert_eq!(further.len(), 1);
    assert!(further[0].id.contains("@TOKEN-7"), "{}", further[0].id);
    assert_eq!((further[0].requirement(), further[0].level), ("TOKEN-7", Level::Should));
    let nobody = BTreeSet::new();
    let scene = Scene { origin: "http://gate.example", prefix: "", files: &files, may_have: &nobody };
    for (came, of_case, of_further) in [
        (came(302).to("/login").with("x-a", "yes"), "pass", "pass"),
        (came(302).to("/login"), "pass", "fail"),
        (came(404).with("x-a", "yes"), "fail", "pass"),
        (came(404), "fail", "fail"),
    ] {
        let exchange = exchange(came.answer());
        assert_eq!(judge(&case.expected, &exchange, &scene).verdict.name(), of_case);
        assert_eq!(further_verdict(&case.expected, "TOKEN-7", &exchange, &scene).name(), of_further);
    }
    let silent = exchange(Answer::Closed(Vec::new()));
    assert_eq!(further_verdict(&case.expected, "TOKEN-7", &silent, &scene).name(), "unproven");
}

/// The same for the watch over protected files: with no file protected, every leak of the table above would pass for what else it is.
#[test]
fn the_watch_for_leaks_left_out_is_noticed() {
    let corpus = corpus("expect: denied");
    let mut files = SiteFiles::of(&corpus.suites[0]);
    let denied = || came(302).to("/login");
    let leaking = [denied().file("/secret.html"), denied().behind("/secret.html"), denied().before("/secret.html")];
    let expected = &corpus.suites[0].cases[0].expected;
    for row in &leaking {
        assert!(matches!(verdict_on(expected, &files, row.answer()), Verdict::Leak(_)));
    }
    files.canaries.values_mut().for_each(|(_, access)| *access = Access::Public);
    for row in &leaking {
        assert_eq!(verdict_on(expected, &files, row.answer()), Verdict::Pass);
    }
}

/// Where the place that an answer leads to cannot be compared, nothing fits.
#[test]
fn a_location_that_cannot_be_resolved_fits_nothing() {
    let nobody = BTreeSet::new();
    for expect in
        ["expect: { status: 302, location: /login }", "expect: { status: 302, location: any, same-origin: true }"]
    {
        let corpus = corpus(expect);
        let files = SiteFiles::of(&corpus.suites[0]);
        let expected = &corpus.suites[0].cases[0].expected;
        for (origin, verdict) in [(ORIGIN, "pass"), ("no origin", "fail")] {
            let scene = Scene { origin, prefix: "", files: &files, may_have: &nobody };
            let judged = judge(expected, &exchange(came(302).to("/login").answer()), &scene);
            assert_eq!(judged.verdict.name(), verdict, "{expect} at {origin}");
        }
    }
}
