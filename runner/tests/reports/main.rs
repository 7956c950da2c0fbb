//! One small run, made by hand through the events, in every format: a snapshot for people, and a schema or a reader of the format for the rest.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

mod browser;
mod har;
mod known;
mod reread;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use gatecheck::event::Event;
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::report::json::{CaseResult, Report};
use gatecheck::report::ndjson::NdjsonWriter;
use gatecheck::report::no_gate::NoGate;
use gatecheck::report::record::AnswerRecord;
use gatecheck::report::score::Scores;
use gatecheck::report::terminal::{TerminalOptions, TerminalReporter};
use gatecheck::report::{Kind, Summary};
use gatecheck::schema;
use gatecheck::text::hides;
use gatecheck::wire::Answer;
use serde::Deserialize;
use serde_json::Value;

use self::run::{SECRET, TOKEN, aggregate, events, no_gate, steady, with_known};

fn render(kind: Kind) -> String {
    kind.render(&aggregate()).unwrap()
}

#[test]
fn every_format_as_a_person_sees_it() {
    for kind in Kind::ALL {
        insta::assert_snapshot!(kind.name(), steady(&render(kind)));
    }
}

#[test]
fn no_format_holds_a_secret_unless_it_was_asked_for() {
    let mut open = Aggregate::new(ReportOptions { show_secrets: true, strict: false });
    events().iter().for_each(|event| open.note(event));
    for kind in Kind::ALL {
        let text = render(kind);
        let signature = TOKEN.rsplit('.').next().unwrap();
        for secret in [TOKEN, signature, SECRET] {
            assert!(!text.contains(secret), "{kind} holds {secret}");
        }
        let tells = !matches!(kind, Kind::Annotations | Kind::BadgeJson | Kind::BadgeSvg);
        assert_eq!(kind.render(&open).unwrap().contains(TOKEN), tells, "{kind}");
    }
}

#[test]
fn no_format_holds_what_is_made_of_a_secret_or_what_hides() {
    let signature = TOKEN.rsplit('.').next().unwrap();
    let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
    let reversed: String = TOKEN.chars().rev().collect();
    let spaced: String = SECRET.chars().flat_map(|c| [c, ' ']).collect();
    let escaped: String = TOKEN.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hidden = "\u{202e}\u{61c}\u{200b}\u{2066}\u{feff}\u{2028}\u{e0041}\u{9b}\u{7f}\u{1b}[2J";
    let mut run = Aggregate::new(ReportOptions::default());
    for mut event in events() {
        if let Event::RunStarted(started) = &mut event {
            started.gate = format!("{hidden} gate");
            started.target = format!("run.sh {hidden}");
            started.left_out = [("toml/base".to_owned(), format!("{hidden} left"))].into();
        }
        if let Event::CaseFinished(finished) = &mut event {
            // The secret of another suite is none of this one.
            let secret = if finished.case.suite().settings.secret == SECRET { &spaced } else { "" };
            let body = format!("{hex}\n{reversed}\n{secret}\n{escaped}\n{hidden} of the body");
            for text in finished.verdict.texts_mut() {
                text.push_str(&format!(" {reversed} {hidden}"));
            }
            if let Some(Answer::Response(response)) = finished.exchange.as_mut().map(|one| &mut one.answer) {
                let fields = [("location", &hex), ("server", &escaped), ("x-hidden", &hidden.to_owned())];
                response.headers.extend(fields.map(|(name, value)| (name.to_owned(), value.clone().into_bytes())));
                response.body = body.clone().into_bytes();
                response.wire =
                    format!("HTTP/1.1 200 OK\r\nServer: {escaped}\r\nX-Hidden: {hidden}\r\n\r\n{body}").into_bytes();
            }
        }
        run.note(&event);
    }
    let reason = format!("it said:\n  {hex}\n  {hidden} reason");
    run.note(&Event::GateFailed(NoGate { sites: vec!["role/denial".to_owned()], reason }));
    let terminal = TerminalReporter::new(TerminalOptions {
        all: true,
        whole: 99,
        observations: true,
        progress: false,
        columns: 80,
    });
    let terminal = anstream::adapter::strip_str(&terminal.render(&run)).to_string();
    let reports = Kind::ALL.map(|kind| (kind.name(), kind.render(&run).unwrap()));
    for (kind, text) in reports.into_iter().chain([("terminal", terminal)]) {
        for part in [&hex[40..64], &reversed[20..44], &spaced[..24], &escaped[30..60], &signature[..16]] {
            assert!(!text.contains(part), "{kind} holds {part}");
        }
        let found: Vec<char> =
            text.chars().filter(|c| hides(*c) || c.is_control() && !matches!(c, '\n' | '\t' | '\r')).collect();
        assert!(found.is_empty(), "{kind} holds {found:?}");
        let shows = text.contains("202e");
        assert!(shows || kind.starts_with("badge"), "{kind} does not show what hid");
    }
    // Whoever reads the JSON gets the bytes.
    let report: Report = serde_json::from_str(&Kind::Json.render(&run).unwrap()).unwrap();
    let kept = report.results.iter().filter_map(|result| result.exchange.as_ref()).any(|exchange| {
        matches!(&exchange.answer, AnswerRecord::Response { body, .. } if body.bytes().unwrap().ends_with(format!("{hidden} of the body").as_bytes()))
    });
    assert!(kept);
}

#[test]
fn every_format_copes_with_a_run_without_a_gate_and_with_no_run_at_all() {
    for run in [no_gate(), Aggregate::default()] {
        for kind in Kind::ALL {
            let text = kind.render(&run).unwrap();
            assert!(text.ends_with('\n') || kind == Kind::Html, "{kind}");
        }
    }
    let run = no_gate();
    assert_eq!(run.headline(), "NO GATE");
    for kind in [Kind::Json, Kind::Ndjson, Kind::Tap, Kind::Sarif, Kind::Markdown, Kind::Annotations, Kind::Html] {
        assert!(kind.render(&run).unwrap().contains("connection refused"), "{kind}");
    }
}

#[test]
fn json_fits_its_schema() {
    let committed = schema::all().into_iter().find(|(name, _)| *name == "report.json").map(|(_, text)| text).unwrap();
    for run in [aggregate(), with_known(), no_gate(), Aggregate::default()] {
        let value: Value = serde_json::from_str(&Kind::Json.render(&run).unwrap()).unwrap();
        valid(&committed, &value);
    }
    let report: Report = serde_json::from_str(&render(Kind::Json)).unwrap();
    assert_eq!(report.summary.total(), report.results.len());
    let stamp = report.run.unwrap();
    assert_eq!(stamp.target, "https://gate.example");
    assert_eq!(stamp.clock_offset, Some(89.999), "the gate's clock runs a minute and a half ahead");
    assert_eq!(stamp.started.as_deref(), Some("2027-01-15T08:00:00.000Z"));
    assert_eq!(stamp.finished.as_deref(), Some("2027-01-15T08:00:02.500Z"));

    // A report of an earlier version has none of the newer members, and is read all the same.
    let old = r#"{"gate":"g","corpus":{"version":"1","digest":"d"},"summary":{"pass":0,"fail":0,"leak":0,"unproven":0,"unsupported":0,"observed":0,"error":0},"results":[]}"#;
    assert!(serde_json::from_str::<Report>(old).unwrap().run.is_none());
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "being read is the test")]
struct RunStarted {
    event: String,
    gate: String,
    corpus: BTreeMap<String, String>,
    runner: String,
    target: String,
    started: String,
    seeds: Vec<u32>,
    cases: usize,
    left_out: BTreeMap<String, String>,
    not_checked: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "being read is the test")]
struct CaseFinished {
    event: String,
    id: String,
    requirements: Vec<String>,
    level: String,
    question: String,
    verdict: String,
    expected: String,
    actual: String,
    #[serde(default)]
    came: String,
    location: Option<String>,
    #[serde(default)]
    mismatches: Vec<Value>,
    #[serde(default)]
    leaks: Vec<Value>,
    what: Option<String>,
    reason: Option<String>,
    file: String,
    line: u64,
    millis: f64,
    attempts: u32,
    exchange: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "being read is the test")]
struct RunFinished {
    event: String,
    runner: String,
    target: String,
    started: String,
    finished: String,
    clock_offset: f64,
    millis: f64,
    seeds: Vec<u32>,
    conditions: Value,
    verdict: String,
    exit_status: u8,
    summary: Summary,
    scores: Scores,
}

#[test]
fn ndjson_is_written_while_the_run_goes() {
    let mut run = Aggregate::new(ReportOptions::default());
    let mut stream = NdjsonWriter::new(Vec::new());
    let all = events();
    for event in &all {
        run.note(event);
        stream.note(event, &run);
    }
    let text = String::from_utf8(stream.finish().unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), all.len(), "a line for each event");
    let (first, rest) = lines.split_first().unwrap();
    let (last, cases) = rest.split_last().unwrap();
    let started: RunStarted = serde_json::from_str(first).unwrap();
    assert_eq!((started.event.as_str(), started.cases), ("run-started", cases.len()));
    let mut summary = BTreeMap::<String, usize>::new();
    for (line, event) in cases.iter().zip(all.iter().skip(1)) {
        let case: CaseFinished = serde_json::from_str(line).unwrap();
        let Event::CaseFinished(finished) = event else { panic!("{line}") };
        assert_eq!((case.event.as_str(), case.verdict.as_str()), ("case-finished", finished.verdict.name()));
        *summary.entry(case.verdict).or_default() += 1;
    }
    let finished: RunFinished = serde_json::from_str(last).unwrap();
    assert_eq!((finished.event.as_str(), finished.exit_status), ("run-finished", 1));
    let asked = finished.scores.format.asked + finished.scores.defence.asked;
    assert_eq!(asked + finished.summary.observed + finished.summary.unsupported, finished.summary.total());
    for (name, count) in finished.summary.by_weight() {
        assert_eq!(summary.get(name).copied().unwrap_or_default(), count, "{name}");
    }
    // The same lines come out of the whole run, by id.
    let sorted = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&text), sorted(&render(Kind::Ndjson)));
    // Every line of a case is its result in the JSON report.
    let report: Report = serde_json::from_str(&render(Kind::Json)).unwrap();
    for line in cases {
        let case: CaseResult = serde_json::from_str(line).unwrap();
        let same = report.results.iter().find(|one| one.id == case.id).unwrap();
        assert_eq!(serde_json::to_value(same).unwrap(), serde_json::to_value(case).unwrap());
    }
}

#[test]
fn junit_is_read_back_and_counted() {
    let text = render(Kind::Junit);
    let again = quick_junit::Report::deserialize_from_str(&text).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    let summary = aggregate().tally.summary;
    assert_eq!((again.tests, count("testcase")), (summary.total(), summary.total()));
    assert_eq!((again.failures, count("failure")), (summary.fail + summary.leak + summary.unproven, again.failures));
    assert_eq!((again.errors, count("error")), (summary.error, summary.error));
    assert_eq!((again.skipped, count("skipped")), (summary.unsupported, summary.unsupported));
    assert_eq!(count("testsuite"), 2);
    let said: String = document.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()).collect();
    for hostile in ["]]>", "</script>", "\\u{0}", "\\xff\\xfe", "\\u{fffe}\\u{ffff}", "\\u{202e}"] {
        assert!(said.contains(hostile), "{hostile} is shown");
    }
    only_plain_characters(&text);
}

#[test]
fn the_badge_is_well_formed_and_its_endpoint_as_documented() {
    let text = render(Kind::BadgeSvg);
    let document = roxmltree::Document::parse(&text).unwrap();
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let title = document.descendants().find(|node| node.has_tag_name("title")).and_then(|node| node.text());
    assert_eq!(title, Some("gatecheck: format 1/3 · defence 1/4 · 1 leak"));

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Endpoint {
        schema_version: u8,
        label: String,
        message: String,
        color: String,
        is_error: bool,
    }
    let endpoint: Endpoint = serde_json::from_str(&render(Kind::BadgeJson)).unwrap();
    assert_eq!((endpoint.schema_version, endpoint.is_error), (1, true));
    assert_eq!(title, Some(format!("{}: {}", endpoint.label, endpoint.message).as_str()));
    assert_eq!(endpoint.color, "red");
}

#[test]
fn sarif_has_what_the_specification_requires() {
    for run in [aggregate(), with_known(), no_gate()] {
        let log: Value = serde_json::from_str(&Kind::Sarif.render(&run).unwrap()).unwrap();
        valid(include_str!("sarif-part.json"), &log);
    }
    let log: Value = serde_json::from_str(&render(Kind::Sarif)).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let summary = aggregate().tally.summary;
    assert_eq!(results.len(), summary.fail + summary.leak + summary.unproven);
    for result in results {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        // The line is that of the case: it holds its id.
        let place = &result["locations"][0]["physicalLocation"];
        let file = place["artifactLocation"]["uri"].as_str().unwrap().strip_prefix("conformance-cases/").unwrap();
        let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
        let name = result["properties"]["case"].as_str().unwrap().rsplit('/').next().unwrap();
        assert!(run::files()[file].lines().nth(line - 1).unwrap().contains(name), "{file}:{line} is {name}");
    }
    let levels: Vec<&str> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "error", "error", "warning"], "the heaviest first; a SHOULD warns");
    let broken = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    assert_eq!(broken.as_array().unwrap().len(), summary.error);
}

#[test]
fn tap_is_read_by_its_grammar() {
    let text = render(Kind::Tap);
    only_plain_characters(&text);
    let points = tap(&text);
    let run = aggregate();
    let summary = run.tally.summary;
    assert_eq!(points.len(), summary.total());
    let skipped = points.iter().filter(|point| point.directive.starts_with("SKIP")).count();
    assert_eq!(skipped, summary.unsupported);
    let todo: Vec<&str> = points
        .iter()
        .filter(|point| point.directive.starts_with("TODO"))
        .map(|point| point.description.as_str())
        .collect();
    assert_eq!(todo, ["http/odd/should-be-so"], "a SHOULD fails no run");
    for (point, outcome) in points.iter().zip(run.outcomes.values()) {
        assert_eq!(point.description, outcome.id);
        assert_eq!(point.ok, !outcome.verdict.is_finding());
        if let Some(block) = &point.block {
            assert_eq!(block["verdict"], outcome.verdict.name());
            assert_eq!(block["expected"], outcome.expected);
        }
    }
}

struct Point {
    ok: bool,
    description: String,
    directive: String,
    block: Option<BTreeMap<String, String>>,
}

/// A strict reader: version, comments and plan, then the test points in order, each with at most one YAML block, and nothing else.
fn tap(text: &str) -> Vec<Point> {
    let mut lines = text.lines().peekable();
    assert_eq!(lines.next(), Some("TAP version 14"));
    while lines.next_if(|line| line.starts_with("# ")).is_some() {}
    let plan: usize = lines.next().unwrap().strip_prefix("1..").unwrap().parse().unwrap();
    let mut points: Vec<Point> = Vec::new();
    while let Some(line) = lines.next() {
        let (ok, rest) = match line.strip_prefix("not ok ") {
            Some(rest) => (false, rest),
            None => (true, line.strip_prefix("ok ").unwrap_or_else(|| panic!("no test point: {line}"))),
        };
        let (number, rest) = rest.split_once(" - ").unwrap();
        assert_eq!(number.parse::<usize>().unwrap(), points.len() + 1);
        let (description, directive) = unescaped(rest);
        assert!(
            directive.is_empty() || directive.starts_with("SKIP ") || directive.starts_with("TODO "),
            "{directive}"
        );
        let mut block = None;
        if lines.next_if(|line| *line == "  ---").is_some() {
            let mut yaml = String::new();
            loop {
                let line = lines.next().expect("a block ends");
                if line == "  ..." {
                    break;
                }
                yaml.push_str(line.strip_prefix("  ").expect("a block is indented"));
                yaml.push('\n');
            }
            block = Some(serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}")));
        }
        points.push(Point { ok, description, directive, block });
    }
    assert_eq!(points.len(), plan);
    points
}

/// The description up to the first `#` that no backslash stands before, and what stands behind it.
fn unescaped(text: &str) -> (String, String) {
    let mut description = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => description.push(characters.next().unwrap()),
            '#' => return (description.trim_end().to_owned(), characters.as_str().trim_start().to_owned()),
            c => description.push(c),
        }
    }
    (description, String::new())
}

#[test]
fn annotations_are_read_as_the_runner_of_workflows_reads_them() {
    let text = render(Kind::Annotations);
    only_plain_characters(&text);
    let read: Vec<(String, BTreeMap<String, String>, String)> = text.lines().map(command).collect();
    let count = |name: &str| read.iter().filter(|(command, ..)| command == name).count();
    assert_eq!((count("error"), count("warning"), count("notice"), read.len()), (4, 1, 1, 6));
    let (_, properties, message) = &read[0];
    assert_eq!(properties["file"], "conformance-cases/role/denial.yaml");
    assert!(properties["title"].starts_with("leak NOLEAK-1: role/denial/"), "{properties:?}");
    assert!(
        message.starts_with("expected ") && message.contains('\n') && message.contains("100% & <b>all</b>"),
        "{message}"
    );
}

/// `::name key=value,key=value::message`, unescaped.
fn command(line: &str) -> (String, BTreeMap<String, String>, String) {
    let (head, data) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
    let (name, properties) = head.split_once(' ').unwrap();
    let plain = |text: &str| {
        text.replace("%0A", "\n").replace("%0D", "\r").replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    };
    let properties = properties.split(',').map(|pair| pair.split_once('=').unwrap());
    (name.to_owned(), properties.map(|(key, value)| (key.to_owned(), plain(value))).collect(), plain(data))
}

#[test]
fn markdown_holds_no_markup_but_ours() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let text = render(Kind::Markdown);
    only_plain_characters(&text);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM;
    let (mut blocks, mut spans, mut said) = (0, Vec::new(), String::new());
    for event in Parser::new_ext(&text, options) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let ours = ["<details>", "</details>", "<summary>", "</summary>", "<b>", "</b>"];
                let rest = ours.iter().fold(html.to_string(), |rest, tag| rest.replace(tag, ""));
                assert!(!rest.contains('<'), "{html}");
            }
            // From the id of a requirement to where it is explained.
            Event::Start(Tag::Link { dest_url, .. })
                if dest_url.starts_with(concat!(env!("CARGO_PKG_HOMEPAGE"), "requirements/#")) => {}
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Emphasis | Tag::Strikethrough) => {
                panic!("{event:?}")
            }
            Event::Start(Tag::CodeBlock(_)) => blocks += 1,
            Event::Code(code) => spans.push(code.to_string()),
            Event::Text(text) => said.push_str(&text),
            _ => {}
        }
    }
    assert_eq!(blocks, 4, "a command line for each finding that was sent");
    assert_eq!(spans, [""; 0], "causes alone have them as code, and none was looked for");
    for hostile in ["/login?<script>|`*", "100% & <b>all</b> spellings [of] {it}", "*nobody* says `why` | <i>never</i>"]
    {
        assert!(said.contains(hostile), "{hostile} is text");
    }
}

fn valid(schema: &str, value: &Value) {
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// No control characters beside line feed and tab, nothing that XML forbids or that reorders text.
fn only_plain_characters(text: &str) {
    let odd = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}')
    };
    assert_eq!(text.chars().find(|c| odd(*c)), None);
}
