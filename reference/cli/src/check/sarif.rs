//! Problems as SARIF 2.1.0: kinds of problems are the rules, and each result has its region and, where there is one, its fix.

use std::ops::Range;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rolegate::{Problem, RuleFile};
use rolegate_check::InWords as _;
use rolegate_check::catalogue::{self, Entry};
use rolegate_server::Source;
use serde::Serialize;

use super::json::{edit, places_of, severity};
use super::places::Places;
use super::{Checked, Failure};

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

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<Finding>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    /// LAYOUT-3: what is so of no place in a file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_configuration_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Kind>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help: Message,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Properties {
    tags: Vec<&'static str>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Repair>,
    /// A comment of the file that accepts it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

/// The same text counted in lines and columns, and in bytes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
    byte_offset: usize,
    byte_length: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Repair {
    description: Message,
    artifact_changes: [ArtifactChange; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange {
    artifact_location: Artifact,
    replacements: [Replacement; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: Region,
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted_content: Option<Message>,
}

/// The log.
pub(super) fn report(checked: &Checked) -> Result<String, Failure> {
    let source = &checked.source;
    let all = checked.all();
    let kinds: Vec<&Entry> =
        catalogue::all().filter(|entry| all.iter().any(|(problem, _)| problem.id == entry.id)).collect();
    let places = [RuleFile::Redirects, RuleFile::Toml, RuleFile::Headers]
        .map(|file| Places::new(file, source.file(file).bytes()));
    let results = all.iter().map(|(problem, accepted)| {
        let rule_index = kinds.iter().position(|kind| kind.id == problem.id).unwrap_or_default();
        finding(problem, *accepted, rule_index, source, places_of(problem, &places))
    });
    let notifications = source.layout.notes.iter().map(|note| Notification {
        level: severity(note.severity),
        message: Message { text: format!("{}\nhelp: {}", note.message, note.help) },
    });
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            invocations: [Invocation {
                execution_successful: true,
                tool_configuration_notifications: notifications.collect(),
            }],
            column_kind: "unicodeCodePoints",
            results: results.collect(),
            tool: Tool {
                driver: Driver {
                    name: "rolegate",
                    version: env!("CARGO_PKG_VERSION"),
                    rules: kinds.iter().map(|entry| kind(entry)).collect(),
                },
            },
        }],
    };
    serde_json::to_string_pretty(&log).map_err(|error| Failure::cannot_run(error.to_string()))
}

fn kind(entry: &Entry) -> Kind {
    let elsewhere = entry.elsewhere.map_or_else(String::new, |text| format!(" Other gates: {text}."));
    Kind {
        id: entry.id,
        short_description: Message { text: format!("{}.", entry.meaning) },
        full_description: Message { text: format!("Visitor: {}.{elsewhere}", entry.visitor) },
        help: Message { text: format!("{}.", entry.fix) },
        default_configuration: Configuration { level: severity(entry.severity) },
        properties: Properties { tags: ["security"].into_iter().chain(entry.traps.iter().copied()).collect() },
    }
}

fn finding(
    problem: &Problem,
    accepted: Option<&str>,
    rule_index: usize,
    source: &Source,
    places: &Places<'_>,
) -> Finding {
    let file = || Artifact { uri: uri(&source.name(problem.span.file)) };
    let text = problem.in_lines();
    let region = region(problem.span.start..problem.span.end, places);
    let fixes = edit(problem, places).into_iter().map(|(range, text)| Repair {
        description: Message { text: problem.help.clone() },
        artifact_changes: [ArtifactChange {
            artifact_location: file(),
            replacements: [Replacement {
                deleted_region: self::region(range, places),
                inserted_content: (!text.is_empty()).then_some(Message { text }),
            }],
        }],
    });
    Finding {
        rule_id: problem.id,
        rule_index,
        level: severity(problem.severity),
        message: Message { text },
        fixes: fixes.collect(),
        suppressions: accepted
            .map(|reason| Suppression { kind: "inSource", justification: reason.to_owned() })
            .into_iter()
            .collect(),
        locations: [Location { physical_location: PhysicalLocation { artifact_location: file(), region } }],
    }
}

fn region(range: Range<usize>, places: &Places<'_>) -> Region {
    let (start, end) = (places.place(range.start), places.place(range.end));
    Region {
        start_line: start.line,
        start_column: start.column,
        end_line: end.line,
        end_column: end.column,
        byte_offset: range.start,
        byte_length: range.end.saturating_sub(range.start),
    }
}

/// A file as a URI: relative as it was named, so that it is found in the repository.
fn uri(name: &str) -> String {
    let path = utf8_percent_encode(name.strip_prefix("./").unwrap_or(name), NOT_IN_A_URI).to_string();
    if path.starts_with('/') { format!("file://{path}") } else { path }
}
