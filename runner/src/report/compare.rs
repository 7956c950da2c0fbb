//! Two runs side by side, case by case: what leaks or fails now and did not, what was mended, what came back otherwise, what is new and what is gone.
//!
//! It reads reports alone, so that runs of different gates, corpora and versions can be compared; ids that were renamed in between are the same case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use owo_colors::OwoColorize;
use schemars::JsonSchema;
use serde::Serialize;

use super::json::{CaseResult, Report};
use super::markdown::text;
use super::merge::Named;
use super::{RenderError, Summary};
use super::{cases, counts};
use crate::corpus::source::Level;
use crate::exit::ExitStatus;
use crate::text::visible_json;

/// What changed between two runs.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Comparison {
    /// The run before.
    pub before: Side,
    /// The run after.
    pub after: Side,
    /// Whether something is worse: a leak, a MUST that fails (with `--strict` also: a SHOULD) that did not before, and that no baseline names.
    pub worse: bool,
    /// How many cases are as they were.
    pub same: usize,
    /// Every case that is not, by what became of it and id.
    pub changes: Vec<Change>,
}

/// One of the two runs.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Side {
    /// The file as it was named.
    pub file: String,
    /// The gate's name.
    pub gate: String,
    /// The corpus digest.
    pub corpus: String,
    /// Counts.
    pub summary: Summary,
}

/// What became of a case.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It leaks and did not.
    Leaking,
    /// It fails, is unproven or could not be asked, and was none of that.
    Failing,
    /// It was one of these and is none.
    Mended,
    /// Another verdict of the same weight, another observation, or another answer.
    Otherwise,
    /// It is asked now, was not before, and does not fail.
    New,
    /// It was asked before and is not now.
    Gone,
}

/// One case that is not as it was.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Change {
    /// What became of it.
    pub became: Became,
    /// The full id, as it is now.
    pub id: String,
    /// The requirement that it tests.
    pub requirement: String,
    /// How binding it is.
    pub level: Level,
    /// The verdict before; `known` where a baseline named it; absent for a new case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// The verdict now; absent for one that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// What came back before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came_before: Option<String>,
    /// What comes back now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comes_now: Option<String>,
    /// Whether it makes the run worse.
    pub worse: bool,
}

impl Became {
    /// Every kind of change, in the order in which they are told.
    pub const ALL: [Self; 6] = [Self::Leaking, Self::Failing, Self::Mended, Self::Otherwise, Self::New, Self::Gone];

    /// A heading.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Leaking => "leaking now",
            Self::Failing => "failing now",
            Self::Mended => "mended",
            Self::Otherwise => "answered otherwise",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

impl Comparison {
    /// Compares two runs; `current_id` gives the id that an id has now.
    #[must_use]
    pub fn of(before: &Named, after: &Named, strict: bool, current_id: impl Fn(&str) -> String) -> Self {
        let index = |report: &Report| -> BTreeMap<String, CaseResult> {
            report.results.iter().map(|result| (current_id(&result.id), result.clone())).collect()
        };
        let (mut was, is) = (index(&before.report), index(&after.report));
        let mut same = 0_usize;
        let mut changes = Vec::new();
        for (id, now) in &is {
            match change(id, was.remove(id).as_ref(), Some(now), strict) {
                Some(change) => changes.push(change),
                None => same = same.saturating_add(1),
            }
        }
        changes.extend(was.iter().filter_map(|(id, gone)| change(id, Some(gone), None, strict)));
        changes.sort_by(|a, b| (a.became, &a.id).cmp(&(b.became, &b.id)));
        Self {
            before: Side::of(before),
            after: Side::of(after),
            worse: changes.iter().any(|change| change.worse),
            same,
            changes,
        }
    }

    /// How `gatecheck compare` ends.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        if self.worse { ExitStatus::Findings } else { ExitStatus::AsExpected }
    }

    /// The comparison as JSON.
    ///
    /// # Errors
    /// None that a comparison can bring about.
    pub fn json(&self) -> Result<String, RenderError> {
        Ok(visible_json(serde_json::to_string_pretty(self)?) + "\n")
    }

    /// The comparison for people at a terminal; no more than `most` cases of a kind, but every leak.
    #[must_use]
    pub fn terminal(&self, most: usize) -> String {
        let mut out = String::new();
        for (name, side) in [("before", &self.before), ("after", &self.after)] {
            let _ = writeln!(out, "{name:<6}  {}: {}  {}", side.gate, counts(&side.summary), side.file.dimmed());
        }
        if self.before.corpus != self.after.corpus {
            let _ = writeln!(out, "{}", "the two were asked by different corpora; cases may have changed".yellow());
        }
        for (became, all) in self.by_kind() {
            let heading = match became {
                Became::Leaking | Became::Failing => became.heading().red().bold().to_string(),
                Became::Mended => became.heading().green().bold().to_string(),
                _ => became.heading().bold().to_string(),
            };
            let _ = writeln!(out, "\n{heading}  {}", all.len());
            let shown = if became == Became::Leaking { all.len() } else { most };
            for change in all.iter().take(shown) {
                let _ = writeln!(
                    out,
                    "  {}  {} {}  {}",
                    change.id.bold(),
                    change.requirement.dimmed(),
                    change.level.as_str().dimmed(),
                    change.verdicts()
                );
                for (name, came) in [("before", &change.came_before), ("now", &change.comes_now)] {
                    if let Some(came) = came.as_ref().filter(|_| change.was.is_some() && change.is.is_some()) {
                        let _ = writeln!(out, "    {name:<7} {came}");
                    }
                }
            }
            if all.len() > shown {
                let _ = writeln!(out, "  … and {} more; --all shows them", all.len().saturating_sub(shown));
            }
        }
        let _ = writeln!(out, "\n{}", self.closing());
        out
    }

    /// The comparison for the summary of a CI step; no more than `most` cases of a kind, but every leak.
    #[must_use]
    pub fn markdown(&self, most: usize) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "## {}\n\n| | gate | result |\n| --- | --- | --- |", text(&self.closing()));
        for (name, side) in [("before", &self.before), ("after", &self.after)] {
            let _ = writeln!(out, "| {name} | {} | {} |", text(&side.gate), counts(&side.summary));
        }
        for (became, all) in self.by_kind() {
            let _ = writeln!(
                out,
                "\n### {} ({})\n\n| case | requirement | verdict | before | now |\n| --- | --- | --- | --- | --- |",
                became.heading(),
                all.len()
            );
            let shown = if became == Became::Leaking { all.len() } else { most };
            for change in all.iter().take(shown) {
                let _ = writeln!(
                    out,
                    "| {} | {} {} | {} | {} | {} |",
                    text(&change.id),
                    text(&change.requirement),
                    change.level.as_str(),
                    change.verdicts(),
                    text(change.came_before.as_deref().unwrap_or_default()),
                    text(change.comes_now.as_deref().unwrap_or_default())
                );
            }
            if all.len() > shown {
                let _ = writeln!(out, "\n… and {} more", all.len().saturating_sub(shown));
            }
        }
        out
    }

    fn by_kind(&self) -> impl Iterator<Item = (Became, Vec<&Change>)> {
        Became::ALL
            .into_iter()
            .map(|became| (became, self.changes.iter().filter(|change| change.became == became).collect::<Vec<_>>()))
            .filter(|(_, all)| !all.is_empty())
    }

    /// `worse: 1 leaking now, 2 mended; 131 cases as they were`
    fn closing(&self) -> String {
        let parts: Vec<String> =
            self.by_kind().map(|(became, all)| format!("{} {}", all.len(), became.heading())).collect();
        let verdict = match (self.worse, parts.is_empty()) {
            (true, _) => "worse: ",
            (false, true) => "no change",
            (false, false) => "not worse: ",
        };
        format!("{verdict}{}; {} as they were", parts.join(", "), cases(self.same))
    }
}

impl Side {
    fn of(named: &Named) -> Self {
        Self {
            file: named.file.clone(),
            gate: named.report.gate.clone(),
            corpus: named.report.corpus.digest.clone(),
            summary: named.report.summary,
        }
    }
}

impl Change {
    fn verdicts(&self) -> String {
        match (&self.was, &self.is) {
            (Some(was), Some(is)) if was == is => is.clone(),
            (Some(was), Some(is)) => format!("{was} → {is}"),
            (Some(only), None) | (None, Some(only)) => only.clone(),
            (None, None) => String::new(),
        }
    }
}

fn change(id: &str, was: Option<&CaseResult>, is: Option<&CaseResult>, strict: bool) -> Option<Change> {
    let became = became(was, is)?;
    let one = is.or(was)?;
    let binding = one.level == Level::Must || (strict && one.level == Level::Should);
    let unknown = is.is_some_and(|now| now.known.is_none());
    Some(Change {
        became,
        id: id.to_owned(),
        requirement: one.requirements.first().cloned().unwrap_or_default(),
        level: one.level,
        was: was.map(|one| one.standing().to_owned()),
        is: is.map(|one| one.standing().to_owned()),
        came_before: was.map(|one| one.actual.clone()),
        comes_now: is.map(|one| one.actual.clone()),
        worse: unknown
            && ((became == Became::Leaking && (binding || one.level == Level::Survey))
                || (became == Became::Failing && binding)),
    })
}

fn became(was: Option<&CaseResult>, is: Option<&CaseResult>) -> Option<Became> {
    let leaks = |one: Option<&CaseResult>| one.is_some_and(|one| one.verdict == "leak");
    let fails = |one: Option<&CaseResult>| one.is_some_and(|one| one.is_finding() && one.standing() != "known");
    match (was, is) {
        (_, Some(_)) if leaks(is) && !leaks(was) => Some(Became::Leaking),
        (_, Some(_)) if fails(is) && !fails(was) => Some(Became::Failing),
        (Some(_), Some(_)) if fails(was) && !is.is_some_and(CaseResult::is_finding) => Some(Became::Mended),
        (Some(a), Some(b)) => {
            let other = a.standing() != b.standing() || steady(&a.actual) != steady(&b.actual);
            let known_and_mended = a.is_finding() && !b.is_finding();
            if known_and_mended { Some(Became::Mended) } else { other.then_some(Became::Otherwise) }
        }
        (None, Some(_)) => Some(Became::New),
        (Some(_), None) => Some(Became::Gone),
        (None, None) => None,
    }
}

/// An answer without the port that a gate on loopback happened to get.
fn steady(came: &str) -> String {
    let mut out = String::with_capacity(came.len());
    let mut rest = came;
    while let Some((before, after)) = rest.split_once("127.0.0.1:") {
        out.push_str(before);
        out.push_str("127.0.0.1");
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(verdict: &str, actual: &str) -> CaseResult {
        serde_json::from_value(serde_json::json!({
            "id": "a/b/c", "requirements": ["ROLE-1"], "level": "MUST", "verdict": verdict, "expected": "", "actual": actual,
            "file": "a/b.yaml", "line": 1, "millis": 0.0, "attempts": 1,
        }))
        .unwrap()
    }

    fn known(verdict: &str) -> CaseResult {
        let stamp = serde_json::json!({ "at": "known.yaml:1", "reason": "r", "owner": "o" });
        CaseResult { known: serde_json::from_value(stamp).unwrap(), ..result(verdict, "x") }
    }

    #[test]
    fn what_became_of_a_case() {
        let port = |port: &str| result("pass", &format!("status 301, Location `http://127.0.0.1:{port}/b`"));
        for (was, is, became, worse) in [
            (Some(result("pass", "x")), Some(result("pass", "x")), None, false),
            (Some(port("4000")), Some(port("4001")), None, false),
            (Some(result("pass", "x")), Some(result("pass", "y")), Some(Became::Otherwise), false),
            (Some(result("observed", "kept")), Some(result("observed", "dropped")), Some(Became::Otherwise), false),
            (Some(result("pass", "x")), Some(result("leak", "x")), Some(Became::Leaking), true),
            (Some(result("fail", "x")), Some(result("leak", "x")), Some(Became::Leaking), true),
            (None, Some(result("leak", "x")), Some(Became::Leaking), true),
            (Some(result("pass", "x")), Some(known("leak")), Some(Became::Leaking), false),
            (Some(result("pass", "x")), Some(result("fail", "x")), Some(Became::Failing), true),
            (Some(result("pass", "x")), Some(result("error", "x")), Some(Became::Failing), true),
            (Some(result("unsupported", "x")), Some(result("unproven", "x")), Some(Became::Failing), true),
            (Some(known("fail")), Some(result("fail", "x")), Some(Became::Failing), true),
            (None, Some(result("fail", "x")), Some(Became::Failing), true),
            (Some(result("fail", "x")), Some(result("unproven", "x")), Some(Became::Otherwise), false),
            (Some(result("leak", "x")), Some(result("fail", "x")), Some(Became::Otherwise), false),
            (Some(result("fail", "x")), Some(known("fail")), Some(Became::Otherwise), false),
            (Some(result("fail", "x")), Some(result("pass", "x")), Some(Became::Mended), false),
            (Some(known("fail")), Some(result("pass", "x")), Some(Became::Mended), false),
            (Some(known("leak")), Some(result("pass", "x")), Some(Became::Mended), false),
            (None, Some(result("pass", "x")), Some(Became::New), false),
            (Some(result("pass", "x")), None, Some(Became::Gone), false),
        ] {
            let told =
                format!("{:?} to {:?}", was.as_ref().map(CaseResult::standing), is.as_ref().map(CaseResult::standing));
            let change = change("a/b/c", was.as_ref(), is.as_ref(), false);
            assert_eq!(change.as_ref().map(|change| change.became), became, "{told}");
            assert_eq!(change.is_some_and(|change| change.worse), worse, "{told}");
        }
    }

    #[test]
    fn a_should_is_worse_with_strict_alone() {
        let should = CaseResult { level: Level::Should, ..result("fail", "x") };
        for (strict, worse) in [(false, false), (true, true)] {
            assert_eq!(change("a/b/c", Some(&result("pass", "x")), Some(&should), strict).unwrap().worse, worse);
        }
    }
}
