//! NDJSON: one object a line, written while the run goes, so that a program can follow it.
//!
//! The first line says what is run, one line follows for each case, and the last one has the summary.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use super::aggregate::{Aggregate, timestamp};
use super::json::{CaseResult, CorpusStamp, RunStamp, Stale};
use super::no_gate::NoGate;
use super::score::Scores;
use super::{RenderError, Summary};
use crate::event::Event;
use crate::text::visible_json;

/// A line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    RunStarted {
        gate: &'a str,
        corpus: CorpusStamp,
        runner: &'a str,
        target: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        started: Option<String>,
        #[serde(skip_serializing_if = "<[u32]>::is_empty")]
        seeds: &'a [u32],
        #[serde(skip_serializing_if = "Option::is_none")]
        shard: Option<String>,
        cases: usize,
        left_out: &'a BTreeMap<String, String>,
        not_checked: BTreeMap<&'static str, &'a str>,
    },
    CaseFinished(Box<CaseResult>),
    GateFailed(NoGate),
    RunFinished {
        #[serde(flatten)]
        run: Box<RunStamp>,
        verdict: &'static str,
        exit_status: u8,
        summary: Summary,
        scores: Box<Scores>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        stale: Vec<Stale>,
    },
}

/// Writes each event as it comes.
pub struct NdjsonWriter<W> {
    out: W,
    broken: Option<std::io::Error>,
}

impl<W: Write> NdjsonWriter<W> {
    /// A writer that has written nothing yet.
    pub fn new(out: W) -> Self {
        Self { out, broken: None }
    }

    /// Writes what happened; `run` has taken the event in already. After a line that could not be written there are no more.
    pub fn note(&mut self, event: &Event, run: &Aggregate) {
        if self.broken.is_some() {
            return;
        }
        let line = match event {
            Event::RunStarted(started) => Some(head(run, started.cases)),
            Event::CaseFinished(finished) => {
                run.outcome_of(finished).map(|outcome| Line::CaseFinished(Box::new(CaseResult::of(outcome))))
            }
            Event::GateFailed(failed) => {
                let told = run.gates_failed.iter().find(|told| told.sites.ends_with(&failed.sites));
                told.map(|told| Line::GateFailed(NoGate { sites: failed.sites.clone(), reason: told.reason.clone() }))
            }
            // The last line tells of all of it.
            Event::Weather(_) => None,
            Event::Looked(_) | Event::Printed(_) => None,
            Event::RunFinished { .. } => Some(tail(run)),
        };
        if let Some(line) = line {
            self.broken = self.write(&line).err();
        }
    }

    /// Hands back what was written to.
    ///
    /// # Errors
    /// The first line that could not be written.
    pub fn finish(self) -> std::io::Result<W> {
        match self.broken {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }

    fn write(&mut self, line: &Line<'_>) -> std::io::Result<()> {
        let mut text = visible_json(serde_json::to_string(line)?);
        text.push('\n');
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

/// The lines of a run that is over, the cases by id.
///
/// # Errors
/// None that a run can bring about.
pub fn render(run: &Aggregate) -> Result<String, RenderError> {
    let mut out = String::new();
    let gates = run.gates_failed.iter().cloned().map(Line::GateFailed);
    let cases = run.outcomes.values().map(|outcome| Line::CaseFinished(Box::new(CaseResult::of(outcome))));
    for line in std::iter::once(head(run, run.outcomes.len())).chain(gates).chain(cases).chain([tail(run)]) {
        out.push_str(&visible_json(serde_json::to_string(&line)?));
        out.push('\n');
    }
    Ok(out)
}

fn head(run: &Aggregate, cases: usize) -> Line<'_> {
    Line::RunStarted {
        gate: &run.pins.gate,
        corpus: CorpusStamp::of(run),
        runner: &run.pins.runner_version,
        target: &run.pins.target,
        started: run.pins.started.map(timestamp),
        seeds: &run.pins.seeds,
        shard: run.pins.shard.map(|shard| shard.to_string()),
        cases,
        left_out: &run.left_out,
        not_checked: run.without.iter().map(|(one, why)| (one.name(), why.as_str())).collect(),
    }
}

fn tail(run: &Aggregate) -> Line<'_> {
    Line::RunFinished {
        run: Box::new(RunStamp::of(run)),
        verdict: run.headline(),
        exit_status: run.exit_status().code(),
        summary: run.tally.summary,
        scores: Box::new(run.tally.scores),
        stale: run.stale.iter().map(Stale::of).collect(),
    }
}
