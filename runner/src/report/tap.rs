//! TAP 14: one test point a case, with a YAML block where it is no pass.
//!
//! A finding that does not fail the run, known or a SHOULD, is a `TODO`, which is how TAP says “not ok, and nobody stops for it”. TAP has no place for a
//! baseline that is no longer true but a point of its own, which fails.

use std::fmt::Write as _;

use super::aggregate::Aggregate;

use super::outcome::{Outcome, Weight};
use crate::text::visible;
use crate::verdict::Verdict;

/// The TAP stream.
#[must_use]
pub fn render(run: &Aggregate) -> String {
    let mut out = String::from("TAP version 14\n");
    for (name, value) in run.stamp() {
        comment(&mut out, &format!("{name}: {value}"));
    }
    for failed in &run.gates_failed {
        comment(&mut out, &format!("no gate: {failed}"));
    }
    for (suite, reason) in &run.left_out {
        comment(&mut out, &format!("left out: {suite}: {reason}"));
    }
    for (invariant, reason) in &run.without {
        comment(&mut out, &format!("not checked: {}: {reason}", invariant.name()));
    }
    let _ = writeln!(out, "1..{}", run.outcomes.len().saturating_add(run.stale.len()));
    for (number, outcome) in (1_usize..).zip(run.outcomes.values()) {
        point(&mut out, run, number, outcome);
    }
    for (number, problem) in (run.outcomes.len().saturating_add(1)..).zip(&run.stale) {
        let _ = writeln!(out, "not ok {number} - {}", description(&format!("baseline {problem}")));
    }
    out
}

fn point(out: &mut String, run: &Aggregate, number: usize, outcome: &Outcome) {
    let ok = if outcome.verdict.is_finding() { "not ok" } else { "ok" };
    let _ = write!(out, "{ok} {number} - {}", description(&outcome.id));
    if let Some(entry) = &outcome.known {
        let _ = write!(out, " # TODO known: {}", description(&entry.told()));
    }
    match &outcome.verdict {
        Verdict::Unsupported { feature, reason } => {
            let _ = write!(out, " # SKIP {}", description(&format!("{feature}: {reason}")));
        }
        verdict if verdict.is_finding() && run.weight(outcome) == Weight::Advisory => {
            let _ = write!(out, " # TODO {} that fails no run", outcome.level.as_str());
        }
        _ => {}
    }
    out.push('\n');
    if matches!(outcome.verdict, Verdict::Pass | Verdict::Unsupported { .. }) {
        return;
    }
    out.push_str("  ---\n");
    let mut row = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name}: {}", quoted(text));
    };
    row("verdict", outcome.verdict.name());
    row("requirement", outcome.requirement());
    row("level", outcome.level.as_str());
    if let Some(entry) = &outcome.known {
        row("known", &format!("{}: {}", entry.at(), entry.told()));
    }
    row("expected", &outcome.expected);
    row("actual", &outcome.actual());
    if let Some(why) = &outcome.why {
        row("why", why);
    }
    row("at", &format!("{}:{}", outcome.path(), outcome.line));
    if let Some(evidence) = &outcome.evidence {
        row("again", &evidence.again);
    }
    out.push_str("  ...\n");
}

fn comment(out: &mut String, text: &str) {
    for line in visible(text).lines() {
        let _ = writeln!(out, "# {line}");
    }
}

/// A description on one line in which no `#` begins a directive.
fn description(text: &str) -> String {
    let line = visible(text).replace(['\n', '\t'], " ");
    line.replace('\\', "\\\\").replace('#', "\\#")
}

/// A double-quoted YAML scalar on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in visible(text).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
