//! The way back: a JSON report and the corpus that it was made with become the run again, so that it can be told in every format.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use super::aggregate::{Aggregate, Pins, ReportOptions};
use super::json::{CaseResult, HARNESS, NO_GATE, NOT_ASKED, Report, RunStamp};
use super::outcome::Outcome;
use crate::baseline::{Baseline, Day};
use crate::corpus::question::Profile;
use crate::corpus::{Case, Corpus, Suite};
use crate::event::Conditions;
use crate::invariants::Invariant;
use crate::verdict::{Fault, Leak, Mismatch, Verdict};
use crate::wire::plain::HttpVersion;

/// Why a report cannot be read back.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RereadError {
    /// A member that no report of this version has.
    #[error("{0}")]
    Malformed(String),
    /// A case that the corpus does not have.
    #[error("`{0}` is no case of this corpus")]
    NoCase(String),
    /// Another corpus was asked.
    #[error(
        "it was made with another corpus ({theirs}, here: {ours}); use the gatecheck that made it, or name its corpus with --corpus"
    )]
    OtherCorpus {
        /// The first digits of the digest in the report.
        theirs: String,
        /// The first digits of the digest of the corpus in use.
        ours: String,
    },
}

impl Aggregate {
    /// The run that a report tells of; its baseline is read as of the day of the run, or of another one.
    ///
    /// # Errors
    /// The report was made with another corpus, or holds what no report of this version does.
    pub fn reread(report: &Report, corpus: &Arc<Corpus>, as_of: Option<Day>) -> Result<Self, RereadError> {
        if report.corpus.digest != corpus.digest {
            let short = |digest: &str| digest.chars().take(12).collect();
            return Err(RereadError::OtherCorpus { theirs: short(&report.corpus.digest), ours: short(&corpus.digest) });
        }
        let stamp = report.run.clone().unwrap_or_default();
        let options = ReportOptions { show_secrets: stamp.conditions.show_secrets, strict: stamp.conditions.strict };
        let mut run =
            Self::new(options).knowing(Baseline { entries: report.baseline.iter().cloned().map(Arc::new).collect() });
        run.pins = pins(report, &stamp)?;
        run.weather = stamp.weather;
        run.set_day(as_of);
        run.gates_failed.clone_from(&report.gates_failed);
        run.causes.clone_from(&report.causes);
        run.left_out.clone_from(&report.left_out);
        for (name, why) in &report.not_checked {
            let invariant = Invariant::ALL.into_iter().find(|one| one.name() == name);
            let invariant = invariant.ok_or_else(|| malformed("not_checked", name, "there is no such invariant"))?;
            run.without.insert(invariant, why.clone());
        }
        run.set_clock_offset(stamp.clock_offset);
        run.set_corpus(Arc::clone(corpus));
        let cases: BTreeMap<&str, (&Suite, &Case)> =
            corpus.cases().map(|(suite, case)| (case.id.as_str(), (suite, case))).collect();
        for result in &report.results {
            let found = cases.get(result.id.as_str());
            let (suite, case) = found.ok_or_else(|| RereadError::NoCase(result.id.clone()))?;
            run.take(case, outcome(result, suite, case.why.clone())?);
        }
        run.close();
        Ok(run)
    }
}

impl CaseResult {
    /// The verdict.
    ///
    /// # Errors
    /// There is no such verdict.
    pub fn judgement(&self) -> Result<Verdict, RereadError> {
        let reason = || self.reason.clone().unwrap_or_else(|| self.actual.clone());
        let what = || self.what.clone().unwrap_or_default();
        Ok(match (self.verdict.as_str(), self.what.as_deref()) {
            ("pass", _) => Verdict::Pass,
            ("fail", _) => Verdict::Fail(
                self.mismatches
                    .iter()
                    .map(|one| Mismatch {
                        what: one.what.clone(),
                        expected: one.expected.clone(),
                        actual: one.actual.clone(),
                    })
                    .collect(),
            ),
            ("leak", _) => Verdict::Leak(
                self.leaks.iter().map(|one| Leak { file: one.file.clone(), place: one.place.clone().into() }).collect(),
            ),
            ("observed", _) => Verdict::Observed(what()),
            ("unproven", _) => Verdict::Unproven(reason()),
            ("unsupported", _) => Verdict::Unsupported { feature: what(), reason: reason() },
            ("error", Some(NO_GATE)) => Verdict::Error(Fault::Unreachable(reason())),
            ("error", Some(NOT_ASKED)) => Verdict::Error(Fault::NotAsked(reason())),
            ("error", Some(HARNESS)) => Verdict::Error(Fault::Harness(reason())),
            (other, _) => return Err(malformed("verdict", other, "there is no such verdict")),
        })
    }
}

fn outcome(result: &CaseResult, suite: &Suite, why: Option<String>) -> Result<Outcome, RereadError> {
    let elapsed = duration("millis", result.millis)?;
    let evidence = result.exchange.as_ref().map(|record| record.evidence(elapsed)).transpose();
    Ok(Outcome {
        id: result.id.clone(),
        suite: suite.id.clone(),
        file: result.file.clone(),
        folder: suite.folder(),
        line: result.line,
        requirements: result.requirements.clone(),
        level: result.level,
        question: result.question,
        why,
        expected: result.expected.clone(),
        came: result.came.clone(),
        location: result.location.clone(),
        verdict: result.judgement()?,
        known: None,
        elapsed,
        attempts: result.attempts,
        evidence: evidence.map_err(|error| RereadError::Malformed(format!("{}: {error}", result.id)))?,
    })
}

fn pins(report: &Report, stamp: &RunStamp) -> Result<Pins, RereadError> {
    let conditions = &stamp.conditions;
    Ok(Pins {
        gate: report.gate.clone(),
        target: stamp.target.clone(),
        corpus_version: report.corpus.version.clone(),
        corpus_digest: report.corpus.digest.clone(),
        runner_version: stamp.runner.clone(),
        started: stamp.started.as_deref().map(|text| time("started", text)).transpose()?,
        finished: stamp.finished.as_deref().map(|text| time("finished", text)).transpose()?,
        elapsed: duration("millis", stamp.millis)?,
        shard: stamp
            .shard
            .as_deref()
            .map(|text| text.parse().map_err(|why: String| RereadError::Malformed(format!("`shard`: {why}"))))
            .transpose()?,
        seeds: stamp.seeds.clone(),
        planned: stamp.planned.unwrap_or(report.results.len()),
        conditions: Conditions {
            patterns: conditions.patterns.clone(),
            http: match conditions.http.as_str() {
                "" | "1.1" => HttpVersion::Http1,
                "2" => HttpVersion::Http2,
                other => return Err(malformed("http", other, "write `1.1` or `2`")),
            },
            timeout: Duration::from_millis(conditions.timeout_millis),
            retries: conditions.retries,
            profile: match conditions.profile.as_str() {
                "" => Profile::All,
                name => name.parse().map_err(|why: String| RereadError::Malformed(format!("`profile`: {why}")))?,
            },
        },
    })
}

fn time(member: &str, text: &str) -> Result<SystemTime, RereadError> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc).into())
        .map_err(|error| malformed(member, text, &error.to_string()))
}

fn duration(member: &str, millis: f64) -> Result<Duration, RereadError> {
    // To the microsecond, as the report has it.
    Duration::try_from_secs_f64(millis / 1e3)
        .map(|length| {
            Duration::from_micros(u64::try_from(length.as_nanos().saturating_add(500) / 1000).unwrap_or(u64::MAX))
        })
        .map_err(|error| malformed(member, &millis.to_string(), &error.to_string()))
}

fn malformed(member: &str, value: &str, why: &str) -> RereadError {
    RereadError::Malformed(format!("`{member}: {value}`: {why}"))
}
