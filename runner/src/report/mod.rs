//! Reporters: events in, something for a person or a program out. All of them count with the same [`Summary`].

pub mod json;
pub mod terminal;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::corpus::source::Level;
use crate::event::Event;
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
}

/// Counts, and what they mean for the exit status.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// All cases.
    pub summary: Summary,
    /// MUST cases that failed or were left unproven.
    pub must_findings: usize,
    /// SHOULD cases that failed or were left unproven.
    pub should_findings: usize,
    /// Cases that had no gate to ask.
    pub unreachable: usize,
}

impl Summary {
    /// Counts one verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        let slot = match verdict {
            Verdict::Error(_) => &mut self.error,
            Verdict::Fail(_) => &mut self.fail,
            Verdict::Leak(_) => &mut self.leak,
            Verdict::Observed(_) => &mut self.observed,
            Verdict::Pass => &mut self.pass,
            Verdict::Unproven(_) => &mut self.unproven,
            Verdict::Unsupported { .. } => &mut self.unsupported,
        };
        *slot = slot.saturating_add(1);
    }

    /// All cases.
    #[must_use]
    pub fn total(&self) -> usize {
        [self.pass, self.fail, self.leak, self.unproven, self.unsupported, self.observed, self.error].iter().sum()
    }
}

impl Tally {
    /// Counts what an event says.
    pub fn note(&mut self, event: &Event, corpus: Option<&crate::corpus::Corpus>) {
        match event {
            Event::CaseFinished(finished) => {
                self.summary.count(&finished.verdict);
                if let Verdict::Error(Fault::Unreachable(_)) = &finished.verdict {
                    self.unreachable = self.unreachable.saturating_add(1);
                }
                let level = corpus
                    .and_then(|corpus| corpus.suites.get(finished.suite)?.cases.get(finished.case))
                    .map(|case| case.level);
                if matches!(finished.verdict, Verdict::Fail(_) | Verdict::Unproven(_)) {
                    match level {
                        Some(Level::Must) => self.must_findings = self.must_findings.saturating_add(1),
                        Some(Level::Should) => self.should_findings = self.should_findings.saturating_add(1),
                        Some(Level::Survey) | None => {}
                    }
                }
            }
            Event::GateFailed { .. } | Event::RunFinished { .. } | Event::RunStarted(_) => {}
        }
    }

    /// How the run ends: what was found comes first, then the gate that cannot be reached, then the harness.
    #[must_use]
    pub fn exit_status(&self, strict: bool) -> ExitStatus {
        if self.summary.leak > 0 || self.must_findings > 0 || (strict && self.should_findings > 0) {
            ExitStatus::Findings
        } else if self.unreachable > 0 {
            ExitStatus::Unreachable
        } else if self.summary.error > 0 {
            ExitStatus::Harness
        } else {
            ExitStatus::AsExpected
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(pass: usize, leak: usize, must: usize, should: usize, error: usize, unreachable: usize) -> Tally {
        let fail = must + should;
        Tally {
            summary: Summary { pass, fail, leak, error, ..Summary::default() },
            must_findings: must,
            should_findings: should,
            unreachable,
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
    }
}
