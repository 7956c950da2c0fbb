//! Problems as JSON. A member is added when there is something new to say, and none changes its meaning; if one ever has
//! to, `version` grows.

use std::fmt::Write as _;
use std::ops::Range;

use rolegate::problem::COMMENT;
use rolegate::{Fix, Problem, RuleFile, Severity};
use rolegate_check::InWords as _;
use rolegate_check::catalogue;
use rolegate_check::entries;
use rolegate_check::fix::Change;
use rolegate_server::Source;
use rolegate_server::layout::Note;
use serde::Serialize;

use super::map::MapReport;
use super::places::Places;
use super::{Checked, Failure, refuses, total};

#[derive(Serialize)]
struct Report {
    version: u32,
    /// The folder whose files the rules are for.
    published: String,
    /// Whether it is there; where it is not, every path may be a file.
    built: bool,
    /// The rule files that there are.
    files: Vec<String>,
    /// How many rules are in force.
    rules: usize,
    errors: usize,
    warnings: usize,
    /// How many of the problems `--fix` can put right.
    fixable: usize,
    /// How many findings comments of the files accept; they count as neither errors nor warnings.
    accepted: usize,
    /// How many of those can leave a gate open.
    accepted_open: usize,
    /// Whether no gate starts with these files.
    refuses_to_start: bool,
    /// What is odd about where the files lie.
    notes: Vec<About>,
    problems: Vec<Finding>,
    /// What `--fix` has just written.
    fixed: Vec<Written>,
    /// Who gets what, with `--map`.
    #[serde(skip_serializing_if = "Option::is_none")]
    map: Option<MapReport>,
}

#[derive(Serialize)]
struct About {
    severity: &'static str,
    message: String,
    help: String,
}

#[derive(Serialize)]
struct Finding {
    file: String,
    /// From 1; columns count characters.
    line: usize,
    column: usize,
    end_line: usize,
    /// Of the first character after the text at fault.
    end_column: usize,
    /// In bytes, from the start of the file; the end is the first byte after the text at fault.
    start: usize,
    end: usize,
    id: &'static str,
    severity: &'static str,
    traps: &'static [&'static str],
    message: String,
    /// What a visitor gets from this gate.
    visitor: String,
    /// What a visitor gets from other gates, where that is known to differ.
    other_gates: Option<&'static str>,
    help: String,
    refuses_to_start: bool,
    fix: Option<Edit>,
    /// Why the author of the file accepts it, where a comment says so.
    accepted: Option<String>,
    /// The change that `help` proposes, where one has been proved: it is for the author to make.
    advice: Option<Vec<Proposed>>,
    /// The same, whichever file it changes, as text in the place of bytes.
    edits: Option<Vec<Replaced>>,
}

/// Lines to write in the place of a rule, or of a line that is in error.
#[derive(Serialize)]
struct Proposed {
    file: String,
    /// Where the rule or the line stands.
    line: usize,
    /// In the form of the file; none where the rule or the line goes.
    lines: Vec<String>,
}

/// Text to write into a file in place of the bytes from `start` to `end`.
#[derive(Serialize)]
struct Replaced {
    file: String,
    start: usize,
    end: usize,
    text: String,
}

/// Text to write in place of the bytes from `start` to `end`.
#[derive(Serialize)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

#[derive(Serialize)]
struct Written {
    file: String,
    /// The line before anything was written.
    line: usize,
    ids: Vec<&'static str>,
    before: String,
    /// `null` where the line was taken out.
    after: Option<String>,
}

/// The report, in one object.
pub(super) fn report(checked: &Checked, changes: &[Change], map: Option<MapReport>) -> Result<String, Failure> {
    let Checked { rules, source, accepted, .. } = checked;
    let places = [RuleFile::Redirects, RuleFile::Toml, RuleFile::Headers]
        .map(|file| Places::new(file, source.file(file).bytes()));
    let all = checked.all();
    let findings = all.iter().map(|(problem, reason)| finding(problem, *reason, source, places_of(problem, &places)));
    let report = Report {
        version: 1,
        published: source.layout.published.display().to_string(),
        built: source.layout.is_built,
        files: source.there().map(|file| file.path.display().to_string()).collect(),
        rules: rules.rules().len(),
        errors: total(source, Severity::Error),
        warnings: total(source, Severity::Warning),
        fixable: source.fixable(),
        accepted: accepted.len(),
        accepted_open: accepted.iter().filter(|accepted| accepted.opens()).count(),
        refuses_to_start: refuses(source),
        notes: source.layout.notes.iter().map(about).collect(),
        problems: findings.collect(),
        fixed: changes.iter().map(|change| written(change, source)).collect(),
        map,
    };
    let text = serde_json::to_string_pretty(&report).map_err(|error| Failure::cannot_run(error.to_string()))?;
    Ok(with_escapes(&text))
}

/// The same JSON (RFC 8259 §7) with escapes for what steers a terminal or is not seen. Outside of its texts JSON holds no such
/// character.
fn with_escapes(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        let hides = matches!(c,
            '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
        if hides {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a text cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

fn about(note: &Note) -> About {
    let Note { severity, message, help } = note.clone();
    About { severity: self::severity(severity), message, help }
}

/// The places of the file that a problem is in.
pub(super) fn places_of<'p>(problem: &Problem, places: &'p [Places<'p>; 3]) -> &'p Places<'p> {
    let [redirects, toml, headers] = places;
    match problem.span.file {
        RuleFile::Redirects => redirects,
        RuleFile::Toml => toml,
        RuleFile::Headers => headers,
    }
}

fn finding(problem: &Problem, accepted: Option<&str>, source: &Source, places: &Places<'_>) -> Finding {
    let span = problem.span;
    let end = places.end(span);
    Finding {
        file: source.name(span.file),
        line: span.line,
        column: span.column,
        end_line: end.line,
        end_column: end.column,
        start: span.start,
        end: span.end,
        id: problem.id,
        severity: severity(problem.severity),
        traps: catalogue::find(problem.id).map_or(&[], |entry| entry.traps),
        message: problem.message.clone(),
        visitor: problem.visitor().to_owned(),
        other_gates: problem.elsewhere(),
        help: problem.help.clone(),
        refuses_to_start: problem.refuses_to_start,
        accepted: accepted.map(str::to_owned),
        // An entry of `netlify.toml` is not written in lines: there the help says what to write.
        edits: problem.advice.as_ref().and_then(|advice| entries::written(advice, source.files())).map(|written| {
            let replaced = |(file, change): (RuleFile, entries::Change)| Replaced {
                file: source.name(file),
                start: change.range.start,
                end: change.range.end,
                text: change.text,
            };
            written.into_iter().map(replaced).collect()
        }),
        advice: problem.advice.as_ref().filter(|advice| is_in_lines(advice)).map(|advice| {
            let proposed = |edit: &rolegate::problem::Edit| Proposed {
                file: source.name(edit.span.file),
                line: edit.span.line,
                lines: edit.lines.clone(),
            };
            advice.edits.iter().map(proposed).collect()
        }),
        fix: edit(problem, places).map(|(range, text)| Edit { start: range.start, end: range.end, text }),
    }
}

fn is_in_lines(advice: &rolegate::problem::Advice) -> bool {
    advice.texts.is_empty() && advice.edits.iter().all(|edit| edit.span.file != RuleFile::Toml)
}

/// `error` or `warning`.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The bytes that a fix replaces, and what with.
pub(super) fn edit(problem: &Problem, places: &Places<'_>) -> Option<(Range<usize>, String)> {
    match problem.fix.as_ref()? {
        Fix::CommentOut => Some((problem.span.start..problem.span.start, COMMENT.to_owned())),
        Fix::RemoveLine => Some((places.line(problem.span.line), String::new())),
    }
}

fn written(change: &Change, source: &Source) -> Written {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches(['\r', '\n']).to_owned();
    Written {
        file: source.name(RuleFile::Redirects),
        line: change.line,
        ids: change.ids.clone(),
        before: text(&change.before),
        after: change.after.as_deref().map(text),
    }
}
