//! The JSON report: one object, stable and described by `conformance-cases/schema/report.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aggregate::{Aggregate, Outcome, millis, timestamp};
use super::{RenderError, Summary};
use crate::corpus::source::Level;

/// A run, whole.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The gate's name.
    pub gate: String,
    /// What was asked.
    pub corpus: CorpusStamp,
    /// Who asked, whom, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunStamp>,
    /// How many cases got which verdict.
    pub summary: Summary,
    /// What was said by gates that did not start or could not be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates_failed: Vec<String>,
    /// Suites that are left out, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
    /// Invariants that are not checked, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_checked: BTreeMap<String, String>,
    /// Every case, sorted by id.
    pub results: Vec<CaseResult>,
}

/// Which corpus was asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct CorpusStamp {
    /// The version of the corpus.
    pub version: String,
    /// SHA-256 over names and contents of its files, in hexadecimal.
    pub digest: String,
}

/// Who asked, whom, and when.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct RunStamp {
    /// The version of `gatecheck`.
    pub runner: String,
    /// What was asked for, as stated: a URL, a command line, `embedded`.
    pub target: String,
    /// When the run began, as RFC 3339 has it, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// How far the gate's clock is ahead of this one, in seconds: the median of `Date` minus local time. `Date` has whole seconds, so
    /// that a gate whose clock is right shows about -0.5. Absent where no answer had a `Date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<f64>,
}

/// One case and its verdict.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct CaseResult {
    /// The full id.
    pub id: String,
    /// What it tests (the first) and touches.
    pub requirements: Vec<String>,
    /// How binding it is.
    pub level: Level,
    /// `pass`, `fail`, `leak`, `unproven`, `unsupported`, `observed` or `error`.
    pub verdict: String,
    /// What the case expects.
    pub expected: String,
    /// What came back, and for a verdict other than `pass` why.
    pub actual: String,
    /// The suite file, relative to the corpus.
    pub file: String,
    /// The line of the case in it.
    pub line: u64,
    /// From the first octet sent to the last octet received, in milliseconds.
    pub millis: f64,
    /// How often the request was sent.
    pub attempts: u32,
}

impl Report {
    /// The report of a run.
    #[must_use]
    pub fn of(run: &Aggregate) -> Self {
        Self {
            gate: run.pins.gate.clone(),
            corpus: CorpusStamp::of(run),
            run: Some(RunStamp::of(run)),
            summary: run.tally.summary,
            gates_failed: run.gates_failed.clone(),
            left_out: run.left_out.clone(),
            not_checked: run.without.iter().map(|(one, why)| (one.name().to_owned(), why.clone())).collect(),
            results: run.outcomes.values().map(CaseResult::of).collect(),
        }
    }
}

impl CorpusStamp {
    /// The corpus of a run.
    #[must_use]
    pub fn of(run: &Aggregate) -> Self {
        Self { version: run.pins.corpus_version.clone(), digest: run.pins.corpus_digest.clone() }
    }
}

impl RunStamp {
    /// The stamp of a run, as far as it has gone.
    #[must_use]
    pub fn of(run: &Aggregate) -> Self {
        Self {
            runner: run.pins.runner_version.clone(),
            target: run.pins.target.clone(),
            started: run.pins.started.map(timestamp),
            finished: run.pins.finished.map(timestamp),
            clock_offset: run.clock_offset(),
        }
    }
}

impl CaseResult {
    /// The result of a case.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        Self {
            id: outcome.id.clone(),
            requirements: outcome.requirements.clone(),
            level: outcome.level,
            verdict: outcome.verdict.name().to_owned(),
            expected: outcome.expected.clone(),
            actual: outcome.actual(),
            file: outcome.file.clone(),
            line: outcome.line,
            millis: millis(outcome.elapsed),
            attempts: outcome.attempts,
        }
    }
}

/// The JSON report.
///
/// # Errors
/// None that a run can bring about.
pub fn render(run: &Aggregate) -> Result<String, RenderError> {
    Ok(serde_json::to_string_pretty(&Report::of(run))? + "\n")
}
