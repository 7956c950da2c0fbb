//! The JSON report: one object, stable and described by `conformance-cases/schema/report.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Summary;
use crate::corpus::expectation::Expected;
use crate::corpus::source::Level;
use crate::corpus::{Case, Corpus};
use crate::event::{Event, Finished};
use crate::judge::{describe, summary};
use crate::verdict::Verdict;

/// A run, whole.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The gate's name.
    pub gate: String,
    /// What was asked.
    pub corpus: CorpusStamp,
    /// How many cases got which verdict.
    pub summary: Summary,
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

/// Folds events into a [`Report`].
#[derive(Debug, Default)]
pub struct JsonReporter {
    corpus: Option<std::sync::Arc<Corpus>>,
    report: Report,
}

impl JsonReporter {
    /// Takes an event in.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::RunStarted(started) => {
                self.report.gate.clone_from(&started.gate);
                self.report.corpus = CorpusStamp {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    digest: started.corpus.digest.clone(),
                };
                self.corpus = Some(std::sync::Arc::clone(&started.corpus));
            }
            Event::CaseFinished(finished) => {
                self.report.summary.count(&finished.verdict);
                let found = self.corpus.as_ref().and_then(|corpus| {
                    let suite = corpus.suites.get(finished.suite)?;
                    Some(result(&suite.file, suite.cases.get(finished.case)?, finished))
                });
                self.report.results.extend(found);
            }
            Event::GateFailed { .. } | Event::RunFinished { .. } => {}
        }
    }

    /// The report.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.report.results.sort_by(|a, b| a.id.cmp(&b.id));
        self.report
    }
}

fn result(file: &str, case: &Case, finished: &Finished) -> CaseResult {
    CaseResult {
        id: case.id.clone(),
        requirements: case.requirements.clone(),
        level: case.level,
        verdict: finished.verdict.name().to_owned(),
        expected: expected(&case.expected),
        actual: actual(finished),
        file: file.to_owned(),
        line: case.line,
        millis: finished.exchange.as_ref().map_or(0.0, |exchange| (exchange.elapsed.as_secs_f64() * 1e6).round() / 1e3),
        attempts: finished.attempts,
    }
}

/// An expectation in one line.
#[must_use]
pub fn expected(expected: &Expected) -> String {
    let any = |alternatives: &[crate::corpus::expectation::Alternative]| {
        alternatives.iter().map(describe).collect::<Vec<_>>().join("; or ")
    };
    match expected {
        Expected::Judge(alternatives) => any(alternatives),
        Expected::Observe { labels, .. } => labels
            .iter()
            .map(|(label, alternatives)| format!("{label}: {}", any(alternatives)))
            .collect::<Vec<_>>()
            .join(" | "),
    }
}

/// What came back in one line, and why it is no pass.
#[must_use]
pub fn actual(finished: &Finished) -> String {
    let came = finished.exchange.as_ref().map(|exchange| summary(&exchange.answer)).unwrap_or_default();
    let why = match &finished.verdict {
        Verdict::Pass => return came,
        Verdict::Error(fault) => fault.to_string(),
        Verdict::Unproven(why) => why.clone(),
        Verdict::Fail(mismatches) => mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Verdict::Leak(leaks) => leaks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Verdict::Observed(label) => label.clone(),
        Verdict::Unsupported { feature, reason } => format!("{feature}: {reason}"),
    };
    if came.is_empty() { why } else { format!("{came} ({why})") }
}
