//! The run: every verdict once, and an answer that would break out of any format that lets it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gatecheck::baseline::Baseline;
use gatecheck::corpus::{CaseRef, Corpus};
use gatecheck::event::{Conditions, Event, Finished, Lengths, Started};
use gatecheck::invariants::Invariant;
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::report::no_gate::NoGate;
use gatecheck::verdict::{Fault, Leak, Mismatch, Verdict};
use gatecheck::wire::{Answer, Client, Exchange, Response, Sent, Target, Trust};

/// What no report may hold.
pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ2aXNpdG9yLTEifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
/// Nor this.
pub const SECRET: &str = "a-secret-that-nobody-should-read";

const DENIAL: &str = r#"title: What a visitor without the role gets
settings: { secret: a-secret-that-nobody-should-read }
site:
  rules: |
    /members/* /members/:splat 200! Role=admin
    /members/* /login 302
  files: { /members/home.html: protected, /login.html: public }
control: admin-is-admitted
denied: { status: 302, location: /login }
cases:
  - id: admin-is-admitted
    requirement: ROLE-1
    request: { path: /members/home, token: admin }
    expect: { status: 200, shows: /members/home.html }
  - id: hostile-answer
    requirement: [NOLEAK-1, ROLE-2]
    why: The file was looked up before the rule, for 100% & <b>all</b> spellings [of] {it}.
    request: { target: "/members/home?q=<script>&x=%7B|", token: admin }
    expect: denied
  - id: proves-nothing
    requirement: ROLE-2
    request: { path: /members/home }
    expect: denied
  - id: no-answer
    requirement: ROLE-2
    request: { path: /members/home }
    expect: denied
"#;

const ODD: &str = r#"title: Odd requests
site:
  rules: /a /b 302
  files: {}
control: control
cases:
  - { id: control, requirement: HTTP-1, request: { path: /a }, expect: { status: 302, location: /b } }
  - { id: nul-in-target, requirement: HTTP-1, request: { path: /a }, expect: { status: 400 } }
  - { id: should-be-so, requirement: HTTP-2, request: { path: /a }, expect: { status: 302, location: /b } }
  - { id: lacking, requirement: HTTP-1, features: [country], request: { path: /a }, expect: { status: 302, location: /b } }
  - id: who-knows
    requirement: QUERY-1
    request: { path: /a }
    observe: { kept: { status: 302, location: /b }, dropped: { status: 404 } }
"#;

const REQUIREMENTS: &str = r#"
- { id: ROLE-1, level: MUST, provenance: documented, sentence: A visitor with the role gets in. }
- { id: ROLE-2, level: MUST, provenance: documented, sentence: "A visitor without it does not, and *nobody* says `why` | <i>never</i>." }
- { id: NOLEAK-1, level: MUST, provenance: hardening, sentence: Protected content never reaches a denied visitor., note: Not in any byte. }
- { id: HTTP-1, level: MUST, provenance: rfc, sentence: A malformed request is refused. }
- { id: HTTP-2, level: SHOULD, provenance: rfc, sentence: A connection is kept. }
- { id: QUERY-1, level: SURVEY, provenance: contested, sentence: The query may be kept. }
- { id: RULES-6, level: MUST, provenance: documented, sentence: A bad line stops no other., no-case: It cannot be seen over HTTP. }
"#;

const TOKENS: &str = "admin: { header: { alg: HS256, typ: JWT }, claims: { sub: visitor-1 }, roles: [admin] }\n";

/// The corpus of the run.
pub fn files() -> BTreeMap<String, String> {
    [("requirements.yaml", REQUIREMENTS), ("tokens.yaml", TOKENS), ("role/denial.yaml", DENIAL), ("http/odd.yaml", ODD)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into()
}

/// The run, folded.
pub fn aggregate() -> Aggregate {
    fold(&events())
}

/// What somebody answers for in the same run; two of its entries are no longer true.
pub const KNOWN: &str = r#"# Known failures
- cases: http/odd/should-be-so
  reason: "It says `close` | <i>after</i> each answer, see [12]."
  owner: edge-team
- cases: [http/odd/nul-in-target]
  reason: The parser stops at NUL.
  owner: edge-team
  expires: 2027-06-30
  verdict: fail
- cases: role/denial/hostile-answer
  reason: Mended in the next release.
  owner: ann
  expires: 2027-02-01
  verdict: leak
- cases: role/denial/proves-nothing
  reason: It was to be mended by now.
  owner: ann
  expires: 2026-12-31
- cases: role/denial/admin-is-admitted
  reason: It did not let anybody in.
  owner: ann
"#;

/// The same run with failures that are known.
pub fn with_known() -> Aggregate {
    let baseline = Baseline::parse("known.yaml", KNOWN).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let mut run = Aggregate::new(ReportOptions::default()).knowing(baseline);
    events().iter().for_each(|event| run.note(event));
    run
}

/// A run whose gate did not start.
pub fn no_gate() -> Aggregate {
    let corpus = corpus();
    let reason = "the gate at http://127.0.0.1:1 cannot be reached: connection refused".to_owned();
    let case = case_ref(&corpus, "role/denial/no-answer");
    fold(&[
        started(&corpus, 1),
        Event::GateFailed(NoGate { sites: Vec::new(), reason: reason.clone() }),
        Event::CaseFinished(Box::new(Finished {
            case,
            verdict: Verdict::Error(Fault::Unreachable(reason)),
            exchange: None,
            lengths: Lengths::default(),
            target: None,
            is_proven: true,
            attempts: 0,
        })),
        finished(),
    ])
}

/// What happens in the run.
pub fn events() -> Vec<Event> {
    let corpus = corpus();
    let mut events = vec![started(&corpus, 9)];
    let mut done = |id: &str, verdict: Verdict, exchange: Option<Exchange>, attempts: u32| {
        let case = case_ref(&corpus, id);
        let target = exchange.is_some().then(gate);
        let lengths = exchange.as_ref().map(|exchange| Lengths::of(&exchange.answer)).unwrap_or_default();
        let is_proven = !matches!(verdict, Verdict::Unproven(_));
        let finished = Finished { case, verdict, exchange, lengths, target, is_proven, attempts };
        events.push(Event::CaseFinished(Box::new(finished)));
    };
    let login = || answer(302, &[("location", b"/login")], b"");
    done("role/denial/admin-is-admitted", Verdict::Pass, Some(exchange(b"/members/home", login(), 0)), 1);
    done(
        "role/denial/hostile-answer",
        Verdict::Leak(vec![Leak { file: "/members/home.html".to_owned(), place: "body".into() }]),
        Some(hostile()),
        2,
    );
    done(
        "role/denial/proves-nothing",
        Verdict::Unproven("the control `role/denial/admin-is-admitted` did not pass (fail)".to_owned()),
        Some(exchange(b"/members/home", login(), 2)),
        1,
    );
    done(
        "role/denial/no-answer",
        Verdict::Error(Fault::Unreachable("connection reset by peer (os error 104)".to_owned())),
        None,
        3,
    );
    done("http/odd/control", Verdict::Pass, Some(exchange(b"/a", login(), 4)), 1);
    done(
        "http/odd/nul-in-target",
        Verdict::Fail(vec![Mismatch {
            what: "answer".to_owned(),
            expected: "status 400".to_owned(),
            actual: "connection closed without a response".to_owned(),
        }]),
        Some(raw()),
        1,
    );
    done(
        "http/odd/should-be-so",
        Verdict::Fail(vec![
            Mismatch { what: "status".to_owned(), expected: "302".to_owned(), actual: "200".to_owned() },
            Mismatch { what: "Location".to_owned(), expected: "`/b`".to_owned(), actual: "none".to_owned() },
        ]),
        Some(exchange(b"/a", answer(200, &[("content-type", b"text/plain")], b"here you are\n"), 6)),
        1,
    );
    done(
        "http/odd/lacking",
        Verdict::Unsupported { feature: "country".to_owned(), reason: "it has no map # of the \\ world".to_owned() },
        None,
        0,
    );
    done(
        "http/odd/who-knows",
        Verdict::Observed("kept".to_owned()),
        Some(exchange(b"/a", answer(302, &[("location", b"/b")], b""), 8)),
        1,
    );
    events.push(finished());
    events
}

/// What a person has to see, without what changes with a release or fills pages.
pub fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("AAAAAAAAAA") {
        let run = rest[at..].len() - rest[at..].trim_start_matches('A').len();
        out.push_str(&rest[..at]);
        out.push_str("[A, again and again]");
        rest = &rest[at + run..];
    }
    out.push_str(rest);
    let mut shown = String::new();
    for piece in out.split_inclusive('"') {
        let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '"');
        match piece.len() > 1000 && piece.chars().all(base64) {
            true => shown.push_str(&format!("{} and so on\"", &piece[..40])),
            false => shown.push_str(piece),
        }
    }
    let mut out = shown;
    for (from, to) in [("<style>", "</style>"), ("<script>\"use strict\"", "</script>")] {
        if let Some(start) = out.find(from)
            && let Some(end) = out[start..].find(to)
        {
            out.replace_range(start..start + end, from);
        }
    }
    while let Some(start) = out.find("'sha256-") {
        let end = out[start + 1..].find('\'').map_or(out.len(), |end| start + end + 2);
        out.replace_range(start..end, "DIGEST");
    }
    // A line for each element, so that a change can be read.
    if out.starts_with("<!DOCTYPE") {
        out = out.replace('<', "\n<");
    }
    out.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

fn fold(events: &[Event]) -> Aggregate {
    let mut run = Aggregate::new(ReportOptions::default());
    events.iter().for_each(|event| run.note(event));
    run
}

pub fn corpus() -> Arc<Corpus> {
    Arc::new(Corpus::load("by hand", files()).unwrap_or_else(|errors| panic!("{errors:#?}")))
}

fn case_ref(corpus: &Corpus, id: &str) -> CaseRef {
    corpus.refs().find(|case| case.id() == id).unwrap_or_else(|| panic!("no case {id}"))
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn started(corpus: &Arc<Corpus>, cases: usize) -> Event {
    Event::RunStarted(Started {
        gate: "gate.example <&> \"it\"".to_owned(),
        target: "https://gate.example".to_owned(),
        at: at(0),
        corpus: Arc::clone(corpus),
        cases,
        starts: 1,
        shard: None,
        seed: Some(20_270_115),
        conditions: Conditions { timeout: Duration::from_secs(5), ..Conditions::default() },
        left_out: [("toml/base".to_owned(), "not in this bundle".to_owned())].into(),
        without: [(Invariant::Metadata, "switched off with --without".to_owned())].into(),
    })
}

fn finished() -> Event {
    Event::RunFinished { at: at(2) + Duration::from_millis(500), elapsed: Duration::from_millis(2500) }
}

fn gate() -> Target {
    Target { https: true, host: "gate.example".to_owned(), port: 443, connect_to: None, trust: Trust::default() }
}

fn answer(status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Response {
    let mut response = Response { status, body: body.to_vec(), ..Response::default() };
    response.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
    response.wire = format!("HTTP/1.1 {status} Whatever\r\n").into_bytes();
    for (name, value) in headers {
        response.wire.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    response.wire.extend([b"\r\n", body].concat());
    response
}

/// An exchange some seconds into the run, with a gate whose clock is a minute and a half ahead.
fn exchange(target: &[u8], mut response: Response, seconds: u64) -> Exchange {
    let date = httpdate::fmt_http_date(at(seconds + 90));
    response.headers.push(("date".to_owned(), date.into_bytes()));
    Exchange {
        sent: Sent {
            method: "GET".to_owned(),
            target: target.to_vec(),
            host: b"gate.example".to_vec(),
            headers: vec![("Cookie".to_owned(), format!("a=b; nf_jwt={TOKEN}").into_bytes())],
            body: Vec::new(),
            raw: None,
            responses: 1,
            byte_exact: false,
            linger: Duration::ZERO,
        },
        client: Client::Plain,
        answer: Answer::Response(Box::new(response)),
        started: at(seconds),
        elapsed: Duration::from_micros(1234),
    }
}

/// What a gate that means harm, or one that is broken, may answer.
fn hostile() -> Exchange {
    let mut body = Vec::new();
    body.extend(b"\x00\x07\x1b[31mred\x1b[0m\x7f ]]> --> </pre></script><script>pwned=1</script><img src=x onerror=pwned=1>\r\n");
    body.extend(b"| cell | **bold** _it_ [link](http://evil.example) `tick` ``` ```` # SKIP %0A ::error::x <!--\n");
    body.extend("\u{fffe}\u{ffff}\u{202e}gnp.exe\u{2028}\u{feff} {0} {{x}} \"quotes\" 'single' \\ &amp;\n".as_bytes());
    body.extend(b"\xff\xfe\xc3(\n");
    body.extend(format!("you sent {TOKEN}, signed {}, with {SECRET}\n", TOKEN.rsplit('.').next().unwrap()).bytes());
    body.extend(std::iter::repeat_n(b'A', 200_000));
    let headers: [(&str, &[u8]); 4] = [
        ("content-type", b"text/html; charset=utf-8"),
        ("x-evil", b"</script>\x01]]>\xff,title=x::y"),
        ("set-cookie", b"nf_jwt=short; Path=/; HttpOnly"),
        ("location", b"/login?<script>|`*"),
    ];
    exchange(b"/members/home?q=<script>&x=%7B|", answer(200, &headers, &body), 1)
}

/// A request that is no HTTP, and no answer to it.
fn raw() -> Exchange {
    let mut exchange = exchange(b"", Response::default(), 5);
    let bytes = format!("GET /a\x00b]]>'% HTTP/1.1\r\nHost: gate.example\r\nCookie: nf_jwt={TOKEN}\r\n\r\nx=1");
    exchange.sent.raw = Some(bytes.into_bytes());
    exchange.sent.byte_exact = true;
    exchange.client = Client::Raw;
    exchange.answer = Answer::Closed(b"HTT\x00".to_vec());
    exchange
}
