//! Markdown for the summary of a CI step: the verdict, the counts, then the findings by requirement.
//!
//! Every text of a gate goes through `text` or a fence, so that nothing in an answer is read as Markdown or HTML.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::aggregate::Aggregate;
use super::causes::Row;
use super::evidence::shortened;
use super::outcome::{Chapter, Outcome};
use super::{BY_ID, cases, leaks_title};
use crate::corpus::source::Requirement;
use crate::text::visible;
use crate::verdict::Verdict;

/// A step summary may have a mebibyte; more findings than this are told by id.
const WHOLE: usize = 40;
/// And more than this by number.
const LISTED: usize = 400;
/// Longer lines are cut.
const LINE: usize = 600;

/// The summary.
#[must_use]
pub fn render(run: &Aggregate) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## {}: {}\n", text(&run.pins.gate), text(run.headline()));
    counts(&mut out, run);
    for failed in &run.gates_failed {
        let _ = writeln!(out, "**No gate**\n\n{}", fence(&shortened(&failed.to_string(), LINE)));
    }
    for problem in &run.stale {
        let _ = writeln!(out, "- **stale baseline** {}", text(&problem.to_string()));
    }
    if !run.stale.is_empty() {
        out.push('\n');
    }
    leaks(&mut out, run);
    causes(&mut out, run);
    table(&mut out, run);
    findings(&mut out, run);
    known(&mut out, run);
    for ((feature, reason), count) in run.unsupported() {
        let _ = writeln!(out, "- Not asked: {} for lack of {}: {}", cases(count), text(feature), text(reason));
    }
    for (reason, count) in run.not_asked() {
        let _ = writeln!(out, "- Not asked: {}: {}", cases(count), text(reason));
    }
    for line in run.weather.told() {
        let _ = writeln!(out, "- {}", text(&line));
    }
    for (suite, reason) in &run.left_out {
        let _ = writeln!(out, "- Left out: {}: {}", text(suite), text(reason));
    }
    for (invariant, reason) in &run.without {
        let _ = writeln!(out, "- Not checked: {}: {}", text(invariant.name()), text(reason));
    }
    pins(&mut out, run);
    out
}

fn counts(out: &mut String, run: &Aggregate) {
    let _ = writeln!(out, "**{}**\n", run.score_line());
    let all = run.tally.summary.by_weight();
    let told = all.iter().filter(|(name, count)| *count > 0 || matches!(*name, "pass" | "leak"));
    let (names, numbers): (Vec<&str>, Vec<String>) = told.map(|(name, count)| (*name, count.to_string())).unzip();
    let _ = writeln!(out, "| {} |", names.join(" | "));
    let _ = writeln!(out, "|{}", " ---: |".repeat(names.len()));
    let _ = writeln!(out, "| {} |\n", numbers.join(" | "));
}

/// The leaks that no cause explains; each is told whole further below.
fn leaks(out: &mut String, run: &Aggregate) {
    let leaks = run.unexplained_leaks();
    if leaks.is_empty() {
        return;
    }
    let _ = writeln!(out, "### {}\n", leaks_title(run, leaks.len()));
    for outcome in leaks.iter().take(BY_ID) {
        let _ = writeln!(
            out,
            "- **leak** {} {}: {}",
            text(outcome.requirement()),
            text(&outcome.id),
            text(&shortened(&outcome.actual(), LINE))
        );
    }
    if leaks.len() > BY_ID {
        let _ = writeln!(out, "- … and {} more", leaks.len().saturating_sub(BY_ID));
    }
    out.push('\n');
}

/// What is wrong, in at most ten lines, each with its smallest example.
fn causes(out: &mut String, run: &Aggregate) {
    if run.causes.is_empty() {
        return;
    }
    let _ = writeln!(out, "### What is wrong\n");
    for (number, cause) in (1..).zip(&run.causes) {
        let _ = writeln!(
            out,
            "{number}. **{}** ({}, {})",
            text(&cause.says),
            text(&cause.requirement),
            cases(cause.cases.len())
        );
        for (row, said) in cause.rows(run) {
            let said = shortened(&said, LINE);
            // What is copied into a shell is code, so that nothing makes other quotes or dashes of it.
            let said = if matches!(row, Row::Request | Row::Again) { code(&said) } else { text(&said) };
            let _ = writeln!(out, "   - {}: {said}", row.name());
        }
    }
    out.push('\n');
}

/// How each requirement stands that has a finding.
fn table(out: &mut String, run: &Aggregate) {
    let chapters: Vec<_> =
        run.chapters().into_iter().filter(|chapter| chapter.findings() > 0 && chapter.tells(run)).collect();
    if chapters.is_empty() {
        return;
    }
    let _ = writeln!(out, "| requirement | level | question | findings | cases |\n| --- | --- | --- | ---: | ---: |");
    for chapter in &chapters {
        let requirement = chapter.requirement;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            linked(requirement),
            requirement.level.as_str(),
            requirement.question().name(),
            told_findings(chapter),
            chapter.summary.total()
        );
    }
    out.push('\n');
}

/// How many findings, and which of them bind otherwise than their requirement: `3 (2 SHOULD)`.
fn told_findings(chapter: &Chapter<'_>) -> String {
    let others = chapter.of_other_levels(|_| true);
    let others: Vec<String> = others.iter().map(|(level, count)| format!("{count} {}", level.as_str())).collect();
    match others.is_empty() {
        true => chapter.findings().to_string(),
        false => format!("{} ({})", chapter.findings(), others.join(", ")),
    }
}

/// The id of a requirement, and where its sentence is explained.
fn linked(requirement: &Requirement) -> String {
    let id = text(&requirement.id);
    requirement.page().map_or_else(|| id.clone(), |page| format!("[{id}]({page})"))
}

fn findings(out: &mut String, run: &Aggregate) {
    let told: Vec<&Outcome> = run.findings().into_iter().filter(|outcome| !outcome.is_told_elsewhere(run)).collect();
    if told.is_empty() {
        return;
    }
    let whole: BTreeSet<&str> = told.iter().take(WHOLE).map(|outcome| outcome.id.as_str()).collect();
    for (requirement, mut group) in run.findings_by_requirement() {
        group.retain(|outcome| whole.contains(outcome.id.as_str()));
        if group.is_empty() {
            continue;
        }
        let _ = writeln!(out, "### {} {}\n", linked(requirement), requirement.level.as_str());
        let _ = writeln!(out, "{}\n", text(&requirement.sentence));
        for outcome in group {
            finding(out, outcome);
        }
    }
    let rest: Vec<&&Outcome> = told.iter().skip(WHOLE).collect();
    if !rest.is_empty() {
        let _ = writeln!(out, "<details><summary>and {} more</summary>\n", rest.len());
        for outcome in rest.iter().take(LISTED) {
            let _ =
                writeln!(out, "- **{}** {} {}", outcome.verdict.name(), text(outcome.requirement()), text(&outcome.id));
        }
        if rest.len() > LISTED {
            let _ = writeln!(out, "- … and {} more", rest.len().saturating_sub(LISTED));
        }
        let _ = writeln!(out, "\n</details>\n");
    }
}

fn finding(out: &mut String, outcome: &Outcome) {
    let _ = writeln!(out, "<details><summary><b>{}</b> {}</summary>\n", outcome.verdict.name(), text(&outcome.id));
    let mut row = |name: &str, said: &str| {
        let _ = writeln!(out, "- {name}: {}", text(&shortened(said, LINE)));
    };
    row("expected", &outcome.expected);
    row("got", &outcome.actual());
    if let Some(why) = &outcome.why {
        row("why", why);
    }
    row("at", &format!("{}:{}", outcome.path(), outcome.line));
    if outcome.attempts > 1 {
        row("attempts", &outcome.attempts.to_string());
    }
    if let Some(evidence) = &outcome.evidence {
        let _ = writeln!(out, "\n{}", fence(&shortened(&evidence.again, 4 * LINE)));
    }
    let _ = writeln!(out, "\n</details>\n");
}

/// A row for each entry of the baseline that covers anything; every leak by its id.
fn known(out: &mut String, run: &Aggregate) {
    let known = run.known();
    if known.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "### Known failures\n\n| entry | cases | why | owner | until |\n| --- | ---: | --- | --- | --- |"
    );
    for (entry, outcomes) in &known {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            text(&entry.at()),
            outcomes.len(),
            text(&entry.reason),
            text(&entry.owner),
            entry.expires.map(|day| day.to_string()).unwrap_or_default()
        );
    }
    out.push('\n');
    for outcome in known.iter().flat_map(|(_, outcomes)| outcomes).filter(|one| matches!(one.verdict, Verdict::Leak(_)))
    {
        let _ = writeln!(out, "- **known leak** {}", text(&outcome.id));
    }
    out.push('\n');
}

fn pins(out: &mut String, run: &Aggregate) {
    let _ = writeln!(out, "\n<details><summary>About this run</summary>\n\n| | |\n| --- | --- |");
    for (name, said) in run.stamp() {
        let _ = writeln!(out, "| {name} | {} |", text(&said));
    }
    let _ = writeln!(out, "\n</details>");
}

/// A text that is nothing but text, in a paragraph, a list or a table cell: whatever could begin something is a character reference.
pub(super) fn text(said: &str) -> String {
    let mut out = String::new();
    for c in visible(said).chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            '&' | '<' | '>' | '"' | '\'' | '|' | '*' | '_' | '~' | '`' | '[' | ']' | '(' | ')' | '#' | '@' | '\\'
            | '!' | '$' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    // GitHub makes links of bare addresses.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// A block of code, fenced by more backticks than stand in a row anywhere in it.
fn fence(code: &str) -> String {
    let code = visible(code);
    let fence = "`".repeat(longest_row(&code).saturating_add(1).max(3));
    format!("{fence}\n{code}\n{fence}")
}

/// A span of code in a line, between more backticks than stand in a row anywhere in it.
fn code(said: &str) -> String {
    let said = visible(said).replace(['\n', '\t'], " ");
    let ticks = "`".repeat(longest_row(&said).saturating_add(1));
    // Markdown takes one space away at each end, and a backtick there would count as one of ours.
    let space = if said.starts_with(['`', ' ']) || said.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{space}{said}{space}{ticks}")
}

fn longest_row(code: &str) -> usize {
    code.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Parser};

    #[test]
    fn a_span_of_code_is_what_was_said() {
        for said in ["curl 'http://a/`b'", "`", "``x`", "a <b>*c*</b> [d](e) | $f @g", " x ", "gatecheck again a/b"] {
            let line = format!("- again: {}", super::code(said));
            let spans: Vec<Event<'_>> = Parser::new(&line).filter(|event| matches!(event, Event::Code(_))).collect();
            assert_eq!(spans, [Event::Code(said.into())], "{line}");
        }
    }
}
