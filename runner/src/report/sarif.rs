//! SARIF 2.1.0: requirements are the rules, findings are the results, and each points at its line in the case files.
//!
//! What the harness could not ask is a notification of the invocation, since it says nothing about the gate.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use super::RenderError;
use super::aggregate::{Aggregate, timestamp};
use super::cases;
use super::causes::Cause;
use super::evidence::{Evidence, block, shortened};
use super::outcome::{Outcome, Weight};
use crate::baseline::Entry;
use crate::corpus::question::Question;
use crate::corpus::source::{Level, Provenance, Requirement};
use crate::text::{printable, visible, visible_json};
use crate::wire::Answer;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What the name of a file may hold and a URI cannot.
const NOT_IN_A_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'#')
    .add(b'?');
/// Longer bodies are cut; viewers show them in a side panel.
const BODY_SHOWN: usize = 4000;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
    properties: RunProperties<'a>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'a str,
    semantic_version: &'a str,
    information_uri: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    level: Level,
    provenance: Provenance,
    question: Question,
    tags: [&'static str; 2],
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_utc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time_utc: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, &'a str>,
    /// Empty means that none of the results is suppressed (§3.27.23), so it is always there.
    suppressions: Vec<Suppression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_request: Option<WebRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_response: Option<WebResponse>,
    properties: ResultProperties<'a>,
}

/// A baseline's entry that covers the result.
#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
    location: Location,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
}

#[derive(Serialize)]
struct WebRequest {
    protocol: &'static str,
    version: &'static str,
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Content>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Content>,
    no_response_received: bool,
}

#[derive(Serialize)]
struct Content {
    text: String,
}

#[derive(Serialize)]
struct ResultProperties<'a> {
    case: &'a str,
    requirements: &'a [String],
    level: Level,
    verdict: &'static str,
    expected: &'a str,
    actual: String,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunProperties<'a> {
    gate: &'a str,
    target: &'a str,
    corpus_version: &'a str,
    corpus_digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_offset: Option<f64>,
    seeds: &'a [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    summary: super::Summary,
    scores: super::score::Scores,
    #[serde(skip_serializing_if = "<[Cause]>::is_empty")]
    causes: &'a [Cause],
}

/// The SARIF log.
///
/// # Errors
/// None that a run can bring about.
pub fn render(run: &Aggregate) -> Result<String, RenderError> {
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [sarif_run(run)] };
    Ok(visible_json(serde_json::to_string_pretty(&log)?) + "\n")
}

fn sarif_run(run: &Aggregate) -> Run<'_> {
    let chapters = run.chapters();
    // Causes come first: each is a rule of its own, and its example a result of it.
    let of_causes = run.causes.iter().enumerate().map(|(at, cause)| Rule {
        id: cause_id(at),
        short_description: Message { text: visible(&cause.says) },
        full_description: Some(Message { text: format!("Look at {}.", cause.look) }),
        help_uri: run.requirement(&cause.requirement).and_then(Requirement::page),
        default_configuration: Configuration { level: "error" },
        properties: RuleProperties {
            level: run.requirement(&cause.requirement).map_or(Level::Must, |one| one.level),
            provenance: run.requirement(&cause.requirement).map_or(Provenance::Hardening, |one| one.provenance),
            question: run.requirement(&cause.requirement).map_or(Question::Defence, Requirement::question),
            tags: ["security", "cause"],
        },
    });
    let index: BTreeMap<&str, usize> =
        (run.causes.len()..).zip(&chapters).map(|(at, one)| (one.requirement.id.as_str(), at)).collect();
    let rules = chapters.iter().map(|chapter| {
        let requirement = chapter.requirement;
        Rule {
            id: &requirement.id,
            short_description: Message { text: requirement.sentence.clone() },
            full_description: requirement.note.clone().map(|text| Message { text }),
            help_uri: requirement.page(),
            default_configuration: Configuration { level: level_of(requirement.level) },
            properties: RuleProperties {
                level: requirement.level,
                provenance: requirement.provenance,
                question: requirement.question(),
                tags: ["security", "conformance"],
            },
        }
    });
    let pins = &run.pins;
    Run {
        tool: Tool {
            driver: Driver {
                name: "gatecheck",
                version: &pins.runner_version,
                semantic_version: &pins.runner_version,
                information_uri: env!("CARGO_PKG_REPOSITORY"),
                rules: of_causes.chain(rules).collect(),
            },
        },
        invocations: [invocation(run)],
        column_kind: "unicodeCodePoints",
        results: run
            .causes
            .iter()
            .enumerate()
            .filter_map(|(at, cause)| {
                let mut told = result(run, cause.example(run)?, at);
                told.rule_id = cause_id(at);
                told.message = Message {
                    text: escaped(&format!("{} ({}). Look at {}.", cause.says, cases(cause.cases.len()), cause.look)),
                };
                told.partial_fingerprints = BTreeMap::from([("gatecheckCause/v1", cause.says.as_str())]);
                Some(told)
            })
            .chain(
                run.all_findings()
                    .into_iter()
                    .filter(|outcome| run.weight(outcome) != Weight::Broken)
                    .filter_map(|outcome| Some(result(run, outcome, *index.get(outcome.requirement())?))),
            )
            .collect(),
        properties: RunProperties {
            gate: &pins.gate,
            target: &pins.target,
            corpus_version: &pins.corpus_version,
            corpus_digest: &pins.corpus_digest,
            clock_offset: run.clock_offset(),
            seeds: &pins.seeds,
            shard: pins.shard.map(|shard| shard.to_string()),
            summary: run.tally.summary,
            scores: run.tally.scores,
            causes: &run.causes,
        },
    }
}

fn invocation(run: &Aggregate) -> Invocation {
    let gates = run.gates_failed.iter().map(|failed| Notification {
        level: "error",
        message: Message { text: visible(&failed.to_string()) },
        locations: Vec::new(),
    });
    let broken = run.findings().into_iter().filter(|outcome| run.weight(outcome) == Weight::Broken);
    let cases = broken.map(|outcome| Notification {
        level: "error",
        message: Message { text: format!("{}: {}", outcome.id, visible(&outcome.actual())) },
        locations: vec![location(outcome)],
    });
    let stale = run.stale.iter().map(|problem| Notification {
        level: "error",
        message: Message { text: visible(&problem.message) },
        locations: vec![location_at(&problem.file, problem.line)],
    });
    let not_asked: Vec<Notification> = gates.chain(cases).collect();
    let execution_successful = not_asked.is_empty();
    let notifications: Vec<Notification> = not_asked.into_iter().chain(stale).collect();
    Invocation {
        execution_successful,
        exit_code: run.exit_status().code(),
        start_time_utc: run.pins.started.map(timestamp),
        end_time_utc: run.pins.finished.map(timestamp),
        tool_execution_notifications: notifications,
    }
}

fn result<'a>(run: &Aggregate, outcome: &'a Outcome, rule_index: usize) -> SarifResult<'a> {
    let evidence = outcome.evidence.as_ref();
    SarifResult {
        rule_id: outcome.requirement(),
        rule_index,
        level: match run.weight(outcome) {
            Weight::Failing | Weight::Broken => "error",
            Weight::Advisory | Weight::Known => "warning",
        },
        message: Message { text: message(outcome) },
        locations: [location(outcome)],
        partial_fingerprints: BTreeMap::from([("gatecheckCase/v1", outcome.id.as_str())]),
        suppressions: outcome.known.iter().map(|entry| suppression(entry)).collect(),
        web_request: evidence.map(web_request),
        web_response: evidence.map(web_response),
        properties: ResultProperties {
            case: &outcome.id,
            requirements: &outcome.requirements,
            level: outcome.level,
            verdict: outcome.verdict.name(),
            expected: &outcome.expected,
            actual: outcome.actual(),
            attempts: outcome.attempts,
            again: evidence.map(|evidence| evidence.again.as_str()),
        },
    }
}

/// Brackets and braces are escaped: in a SARIF message they begin a link or a placeholder (§3.11).
fn message(outcome: &Outcome) -> String {
    let mut text =
        format!("{}: {}. Expected {}, got {}.", outcome.verdict.name(), outcome.id, outcome.expected, outcome.actual());
    if let Some(why) = &outcome.why {
        text.push(' ');
        text.push_str(why);
    }
    escaped(&text)
}

fn escaped(text: &str) -> String {
    let text = visible(text).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    text.replace('{', "{{").replace('}', "}}")
}

/// The id of the rule of a cause, by its place.
fn cause_id(at: usize) -> &'static str {
    const IDS: [&str; 10] =
        ["CAUSE-1", "CAUSE-2", "CAUSE-3", "CAUSE-4", "CAUSE-5", "CAUSE-6", "CAUSE-7", "CAUSE-8", "CAUSE-9", "CAUSE-10"];
    IDS.get(at).copied().unwrap_or("CAUSE")
}

fn suppression(entry: &Entry) -> Suppression {
    Suppression {
        kind: "external",
        status: "accepted",
        justification: visible(&entry.told()),
        location: location_at(&entry.file, entry.line),
    }
}

fn location(outcome: &Outcome) -> Location {
    location_at(&outcome.path(), outcome.line)
}

fn location_at(path: &str, line: u64) -> Location {
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation {
                uri: utf8_percent_encode(path, NOT_IN_A_URI).to_string(),
                uri_base_id: "%SRCROOT%",
            },
            region: Region { start_line: line.max(1) },
        },
    }
}

fn level_of(level: Level) -> &'static str {
    match level {
        Level::Must => "error",
        Level::Should => "warning",
        Level::Survey => "note",
    }
}

fn web_request(evidence: &Evidence) -> WebRequest {
    let request = super::har::Head::of(evidence);
    WebRequest {
        protocol: "HTTP",
        version: "1.1",
        method: request.method,
        target: request.target,
        headers: headers(&request.headers),
        body: content(&request.body),
    }
}

fn web_response(evidence: &Evidence) -> WebResponse {
    match &evidence.exchange.answer {
        Answer::Response(response) => WebResponse {
            status_code: Some(response.status),
            headers: headers(&response.headers),
            body: content(&response.body),
            no_response_received: false,
        },
        Answer::Closed(bytes) | Answer::TimedOut(bytes) | Answer::TooLong(bytes) => WebResponse {
            status_code: None,
            headers: BTreeMap::new(),
            body: content(bytes),
            no_response_received: bytes.is_empty(),
        },
    }
}

/// SARIF has an object here, so fields of one name share a member.
fn headers(fields: &[(String, Vec<u8>)]) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in fields {
        let value = printable(value);
        out.entry(name.clone())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&value);
            })
            .or_insert(value);
    }
    out
}

fn content(bytes: &[u8]) -> Option<Content> {
    (!bytes.is_empty()).then(|| Content { text: shortened(&block(bytes), BODY_SHOWN) })
}
