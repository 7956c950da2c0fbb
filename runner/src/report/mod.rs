//! Reporters: events in, something for a person or a program out.
//!
//! One fold, [`aggregate`], takes the events in and lets no secret through; every format is a renderer that reads it. Two of them also write
//! while the run goes: [`terminal`] (a progress bar) and [`ndjson`].

pub mod aggregate;
pub mod annotations;
mod attribution;
pub mod badge;
pub mod causes;
pub mod compare;
pub mod evidence;
pub mod har;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod merge;
pub mod ndjson;
pub mod no_gate;
pub mod outcome;
pub mod record;
pub mod redact;
pub mod reread;
pub mod sarif;
pub mod score;
pub mod tap;
pub mod terminal;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::aggregate::Aggregate;
use self::outcome::Outcome;
use self::score::{Score, Scores};
use crate::corpus::source::Level;
use crate::exit::ExitStatus;
use crate::verdict::{Fault, Verdict};

/// How many cases got which verdict.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Summary {
    /// As expected.
    pub pass: usize,
    /// Not as expected.
    pub fail: usize,
    /// Protected content came through.
    pub leak: usize,
    /// As expected, but the control failed.
    pub unproven: usize,
    /// The gate lacks a feature.
    pub unsupported: usize,
    /// What the gate does where nothing is prescribed.
    pub observed: usize,
    /// The harness, or the way to the gate.
    pub error: usize,
    /// Failed or was left unproven, as a baseline says. A known leak is counted as a leak.
    #[serde(default)]
    pub known: usize,
}

/// Counts, and what they mean for the exit status.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// All cases.
    pub summary: Summary,
    /// What came of the two questions.
    pub scores: Scores,
    /// MUST cases that failed or were left unproven, and are not known.
    pub must_findings: usize,
    /// SHOULD cases that failed, leaked or were left unproven, and are not known.
    pub should_findings: usize,
    /// Leaks that are not known, other than those of a SHOULD.
    pub new_leaks: usize,
    /// Leaks that a baseline names.
    pub known_leaks: usize,
    /// Cases that had no gate to ask.
    pub unreachable: usize,
    /// What is no longer true in a baseline.
    pub stale: usize,
}

/// A format of the report.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// GitHub workflow commands, one a finding.
    Annotations,
    /// The endpoint badge of shields.io.
    BadgeJson,
    /// A badge as a picture.
    BadgeSvg,
    /// HAR 1.2 of the failed exchanges.
    Har,
    /// A page for people.
    Html,
    /// The whole run as one object.
    Json,
    /// JUnit XML.
    Junit,
    /// A summary for a CI step.
    Markdown,
    /// One object a line, written while the run goes.
    Ndjson,
    /// SARIF 2.1.0.
    Sarif,
    /// TAP 14.
    Tap,
}

/// A report that cannot be written in its format.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written: {0}")]
pub struct RenderError(String);

impl From<serde_json::Error> for RenderError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl Kind {
    /// Every format.
    pub const ALL: [Self; 11] = [
        Self::Json,
        Self::Ndjson,
        Self::Junit,
        Self::Tap,
        Self::Sarif,
        Self::Markdown,
        Self::Annotations,
        Self::BadgeJson,
        Self::BadgeSvg,
        Self::Har,
        Self::Html,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Annotations => "annotations",
            Self::BadgeJson => "badge-json",
            Self::BadgeSvg => "badge-svg",
            Self::Har => "har",
            Self::Html => "html",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Ndjson => "ndjson",
            Self::Sarif => "sarif",
            Self::Tap => "tap",
        }
    }

    /// Whether another program may want to read it from a pipe; a page and a picture are files.
    #[must_use]
    pub fn goes_to_standard_output(self) -> bool {
        !matches!(self, Self::BadgeSvg | Self::Html)
    }

    /// The whole report in this format.
    ///
    /// # Errors
    /// None that a run can bring about.
    pub fn render(self, run: &Aggregate) -> Result<String, RenderError> {
        match self {
            Self::Annotations => Ok(annotations::render(run)),
            Self::BadgeJson => badge::render_json(run),
            Self::BadgeSvg => Ok(badge::render_svg(run)),
            Self::Har => har::render(run),
            Self::Html => Ok(html::render(run)),
            Self::Json => json::render(run),
            Self::Junit => junit::render(run),
            Self::Markdown => Ok(markdown::render(run)),
            Self::Ndjson => ndjson::render(run),
            Self::Sarif => sarif::render(run),
            Self::Tap => Ok(tap::render(run)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("no format `{name}`; known: {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl Summary {
    /// Every verdict with its count, the heaviest first.
    #[must_use]
    pub fn by_weight(&self) -> [(&'static str, usize); 8] {
        [
            ("leak", self.leak),
            ("fail", self.fail),
            ("error", self.error),
            ("unproven", self.unproven),
            ("known", self.known),
            ("pass", self.pass),
            ("observed", self.observed),
            ("unsupported", self.unsupported),
        ]
    }

    /// Counts a case by the name under which it stands in reports; a name that there is not counts nothing.
    pub fn count(&mut self, name: &str) {
        let slot = match name {
            "leak" => &mut self.leak,
            "known" => &mut self.known,
            "error" => &mut self.error,
            "fail" => &mut self.fail,
            "observed" => &mut self.observed,
            "pass" => &mut self.pass,
            "unproven" => &mut self.unproven,
            "unsupported" => &mut self.unsupported,
            _ => return,
        };
        *slot = slot.saturating_add(1);
    }

    /// The worst verdict that there is; `not asked` where there is none.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        self.by_weight().iter().find(|(_, count)| *count > 0).map_or("not asked", |(name, _)| name)
    }

    /// All cases.
    #[must_use]
    pub fn total(&self) -> usize {
        self.by_weight().iter().map(|(_, count)| count).sum()
    }
}

impl Tally {
    /// Counts one case.
    pub fn count(&mut self, outcome: &Outcome) {
        let known = outcome.known.is_some();
        self.summary.count(outcome.standing());
        self.scores.count(outcome);
        let slot = match (&outcome.verdict, outcome.level) {
            (Verdict::Leak(_), _) if known => &mut self.known_leaks,
            (Verdict::Leak(_), Level::Should) => &mut self.should_findings,
            (Verdict::Leak(_), _) => &mut self.new_leaks,
            (Verdict::Error(Fault::NotAsked(_) | Fault::Unreachable(_)), _) => &mut self.unreachable,
            (Verdict::Fail(_) | Verdict::Unproven(_), Level::Must) if !known => &mut self.must_findings,
            (Verdict::Fail(_) | Verdict::Unproven(_), Level::Should) if !known => &mut self.should_findings,
            _ => return,
        };
        *slot = slot.saturating_add(1);
    }

    /// How the run ends: what was found comes first, then the gate that cannot be reached, then the harness.
    #[must_use]
    pub fn exit_status(&self, strict: bool) -> ExitStatus {
        let missed = |score: Score| score.must_findings > 0 || (strict && score.should_findings > 0);
        if self.new_leaks > 0 || self.stale > 0 || missed(self.scores.format) {
            ExitStatus::Findings
        } else if missed(self.scores.defence) {
            ExitStatus::Defence
        } else if self.unreachable > 0 {
            ExitStatus::Unreachable
        } else if self.summary.error > 0 {
            ExitStatus::Harness
        } else {
            ExitStatus::AsExpected
        }
    }
}

/// `1,234 pass, 2 leak`: pass always, the others where there are any, in order of weight.
#[must_use]
pub fn counts(summary: &Summary) -> String {
    let mut parts = vec![format!("{} pass", summary.pass)];
    for (name, count) in [
        ("leak", summary.leak),
        ("fail", summary.fail),
        ("unproven", summary.unproven),
        ("known", summary.known),
        ("error", summary.error),
        ("unsupported", summary.unsupported),
        ("observed", summary.observed),
    ] {
        if count > 0 || name == "leak" {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.join(", ")
}

/// No more findings of a kind than this are told by id; the rest by number.
const BY_ID: usize = 20;

/// What stands above the leaks that no cause explains.
fn leaks_title(run: &Aggregate, count: usize) -> String {
    let which = if run.causes.is_empty() { "" } else { ", and no cause below says why" };
    format!("Protected content came through in {}{which}", cases(count))
}

/// `1 case`, `2 cases`.
#[must_use]
pub fn cases(count: usize) -> String {
    if count == 1 { "1 case".to_owned() } else { format!("{count} cases") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::question::Question;

    fn tally(pass: usize, leak: usize, must: usize, should: usize, error: usize, unreachable: usize) -> Tally {
        let fail = must + should;
        let format = Score { must_findings: must, should_findings: should, ..Score::default() };
        Tally {
            summary: Summary { pass, fail, leak, error, ..Summary::default() },
            scores: Scores { format, ..Scores::default() },
            must_findings: must,
            should_findings: should,
            new_leaks: leak,
            unreachable,
            ..Tally::default()
        }
    }

    fn leaking(level: Level) -> Outcome {
        Outcome {
            id: "a/b/c".to_owned(),
            suite: "a/b".to_owned(),
            file: "a/b.yaml".to_owned(),
            folder: "conformance-cases/",
            line: 1,
            requirements: vec!["ROLE-1".to_owned()],
            level,
            question: Question::Format,
            why: None,
            expected: String::new(),
            came: String::new(),
            location: None,
            verdict: Verdict::Leak(Vec::new()),
            known: None,
            elapsed: std::time::Duration::ZERO,
            attempts: 1,
            evidence: None,
        }
    }

    #[test]
    fn exit_statuses() {
        for (tally, strict, status) in [
            (tally(9, 0, 0, 0, 0, 0), false, ExitStatus::AsExpected),
            (tally(9, 0, 1, 0, 0, 0), false, ExitStatus::Findings),
            (tally(9, 1, 0, 0, 0, 0), false, ExitStatus::Findings),
            (tally(9, 0, 0, 1, 0, 0), false, ExitStatus::AsExpected),
            (tally(9, 0, 0, 1, 0, 0), true, ExitStatus::Findings),
            (tally(0, 0, 0, 0, 9, 9), false, ExitStatus::Unreachable),
            (tally(9, 0, 0, 0, 9, 1), false, ExitStatus::Unreachable),
            (tally(9, 0, 0, 0, 1, 0), false, ExitStatus::Harness),
            (tally(9, 1, 0, 0, 1, 1), false, ExitStatus::Findings),
        ] {
            assert_eq!(tally.exit_status(strict), status, "{tally:?}");
        }
        // A leak that only a SHOULD calls one is a finding of that SHOULD.
        for (level, strict, status) in [
            (Level::Must, false, ExitStatus::Findings),
            (Level::Survey, false, ExitStatus::Findings),
            (Level::Should, false, ExitStatus::AsExpected),
            (Level::Should, true, ExitStatus::Findings),
        ] {
            let mut tally = Tally::default();
            tally.count(&leaking(level));
            assert_eq!((tally.exit_status(strict), tally.summary.leak), (status, 1), "{level:?}");
        }
        let known = Tally { known_leaks: 1, ..tally(9, 0, 0, 0, 0, 0) };
        assert_eq!(known.exit_status(true), ExitStatus::AsExpected);
        assert_eq!(Tally { stale: 1, ..known }.exit_status(false), ExitStatus::Findings);
        // Whoever does what the format says and could be harder is told so by a status of its own.
        let defence = |tally: Tally| Tally {
            scores: Scores { format: tally.scores.defence, defence: tally.scores.format },
            ..tally
        };
        for (tally, strict, status) in [
            (defence(tally(9, 0, 1, 0, 0, 0)), false, ExitStatus::Defence),
            (defence(tally(9, 0, 0, 1, 0, 0)), false, ExitStatus::AsExpected),
            (defence(tally(9, 0, 0, 1, 0, 0)), true, ExitStatus::Defence),
            (defence(tally(9, 1, 1, 0, 0, 0)), false, ExitStatus::Findings),
            (defence(tally(9, 0, 1, 0, 0, 1)), false, ExitStatus::Defence),
        ] {
            assert_eq!(tally.exit_status(strict), status, "{tally:?}");
        }
    }
}
