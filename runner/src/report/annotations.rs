//! CI annotations: one GitHub workflow command a finding, pointing into the case files, and one for each entry of a baseline that covers anything.
//!
//! GitHub shows the first ten errors and the first ten warnings of a step, so the heaviest come first.

use std::fmt::Write as _;

use super::aggregate::Aggregate;
use super::cases;
use super::evidence::shortened;
use super::outcome::{Outcome, Weight};
use crate::text::visible;
use crate::verdict::Verdict;

/// Longer messages are cut; the whole text stands in the other reports.
const MESSAGE: usize = 1000;

/// The annotations.
#[must_use]
pub fn render(run: &Aggregate) -> String {
    let mut out = String::new();
    for failed in &run.gates_failed {
        let title = property(&visible(&format!("no gate: {}", run.pins.gate)));
        let _ = writeln!(out, "::error title={title}::{}", data(&shortened(&visible(&failed.to_string()), MESSAGE)));
    }
    for (reason, count) in run.not_asked() {
        let said = format!("{} not asked: {}", cases(count), visible(reason));
        let _ = writeln!(out, "::error title=not asked::{}", data(&shortened(&said, MESSAGE)));
    }
    for problem in &run.stale {
        let _ = writeln!(
            out,
            "::error file={},line={},col={},title=stale baseline::{}",
            property(&problem.file),
            problem.line,
            problem.column,
            data(&visible(&problem.message))
        );
    }
    for outcome in run.findings() {
        if outcome.is_told_elsewhere(run) {
            continue;
        }
        let command = match run.weight(outcome) {
            Weight::Failing | Weight::Broken => "error",
            Weight::Advisory | Weight::Known => "warning",
        };
        let title = format!("{} {}: {}", outcome.verdict.name(), outcome.requirement(), outcome.id);
        let _ = writeln!(
            out,
            "::{command} file={},line={},title={}::{}",
            property(&outcome.path()),
            outcome.line,
            property(&visible(&title)),
            data(&message(run, outcome))
        );
    }
    for (entry, outcomes) in run.known() {
        let leaks = outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Leak(_))).count();
        let command = if leaks > 0 { "warning" } else { "notice" };
        let title = match leaks {
            0 => format!("known: {}", cases(outcomes.len())),
            _ => format!("known leak: {}", cases(leaks)),
        };
        let _ = writeln!(
            out,
            "::{command} file={},line={},title={}::{}",
            property(&entry.file),
            entry.line,
            property(&title),
            data(&shortened(&visible(&entry.told()), MESSAGE))
        );
    }
    let _ = writeln!(out, "::notice title={}::{}", property(&visible(&run.pins.gate)), data(&visible(&run.colophon())));
    out
}

fn message(run: &Aggregate, outcome: &Outcome) -> String {
    let mut text = format!("expected {}\ngot {}", outcome.expected, outcome.actual());
    if let Some(why) = &outcome.why {
        let _ = write!(text, "\n{why}");
    }
    let mut text = shortened(&visible(&text), MESSAGE);
    if let Some(requirement) = run.requirement(outcome.requirement()) {
        let _ = write!(text, "\n{} {}: {}", requirement.id, requirement.level.as_str(), requirement.sentence);
    }
    text
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
