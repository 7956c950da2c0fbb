//! The JSON report: one object, stable and described by `conformance-cases/schema/report.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aggregate::{Aggregate, millis, timestamp};
use super::causes::Cause;
use super::no_gate::NoGate;
use super::outcome::Outcome;
use super::record::ExchangeRecord;
use super::score::Scores;
use super::{RenderError, Summary};
use crate::baseline::{Day, Entry};
use crate::corpus::LoadError;
use crate::corpus::question::Question;
use crate::corpus::source::Level;
use crate::event::Weather;
use crate::text::{visible, visible_json};
use crate::verdict::{Fault, Verdict};
use crate::wire::plain::HttpVersion;

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
    /// What came of the two questions: does it do what the format says, and is it hard to get past?
    #[serde(default)]
    pub scores: Scores,
    /// Gates that did not start or could not be reached, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates_failed: Vec<NoGate>,
    /// What is wrong with the gate, in at most ten lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Suites that are left out, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
    /// Invariants that are not checked, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_checked: BTreeMap<String, String>,
    /// What is known to fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<Entry>,
    /// What is no longer true in the baseline, and fails the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<Stale>,
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
    /// From start to end, in milliseconds; of all parts together after a merge.
    #[serde(default)]
    pub millis: f64,
    /// What the order was shuffled by: one seed for a run, one for each part that was merged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<u32>,
    /// Which part of the selection was asked, `I/N`; absent if it was all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// What came between the runner and the gate, if anything did.
    #[serde(default, skip_serializing_if = "WeatherStamp::is_fair")]
    pub weather: WeatherStamp,
    /// How many cases were to be finished; only where there are fewer results, because the run was cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<usize>,
    /// What verdicts can depend on beside the gate and the corpus.
    #[serde(default)]
    pub conditions: ConditionsStamp,
}

/// What came between the runner and the gate.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct WeatherStamp {
    /// Requests that were sent again after a pause that an answer asked for (429, or 503 with `Retry-After`).
    pub put_off: usize,
    /// The longest of these pauses, in milliseconds.
    pub longest_pause_millis: u64,
    /// Requests that were sent again because their connection dropped.
    pub dropped: usize,
    /// How often the gate went down under requests of which none takes it down alone, and was started again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub went_down: usize,
}

/// What verdicts can depend on beside the gate and the corpus.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ConditionsStamp {
    /// Patterns that selected the cases; none means all.
    pub patterns: Vec<String>,
    /// The HTTP version of ordinary requests, `1.1` or `2`.
    pub http: String,
    /// The time limit of one answer, in milliseconds.
    pub timeout_millis: u64,
    /// How often a request is sent again when the connection itself failed.
    pub retries: u32,
    /// Which questions were asked: `format`, `defence` or `all`.
    #[serde(default)]
    pub profile: String,
    /// Whether a SHOULD that fails fails the run.
    pub strict: bool,
    /// Whether tokens and secrets may stand in the report.
    pub show_secrets: bool,
}

/// What is no longer true in a baseline.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Stale {
    /// The file as it was named.
    pub file: String,
    /// The line of the entry, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
    /// What is wrong and what to do.
    pub message: String,
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
    /// Which of the two questions it asks.
    #[serde(default)]
    pub question: Question,
    /// `pass`, `fail`, `leak`, `unproven`, `unsupported`, `observed` or `error`.
    pub verdict: String,
    /// What the case expects.
    pub expected: String,
    /// What came back, and for a verdict other than `pass` why.
    pub actual: String,
    /// What came back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub came: String,
    /// The `Location` that came, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// With `fail`: each difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Difference>,
    /// With `leak`: what came through, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<LeakRecord>,
    /// With `observed`: what the gate does. With `unsupported`: the feature that it lacks. With `error`: `no gate`, `not asked` or `harness`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// With `unproven`, `unsupported` and `error`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The entry of the baseline that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownStamp>,
    /// The suite file, relative to the corpus.
    pub file: String,
    /// The line of the case in it.
    pub line: u64,
    /// From the first byte sent to the last byte received, in milliseconds.
    pub millis: f64,
    /// How often the request was sent.
    pub attempts: u32,
    /// What was sent and what came back; for findings alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Box<ExchangeRecord>>,
}

/// One difference between an expectation and an answer.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Difference {
    /// What differs, for example `status`.
    pub what: String,
    /// What the case expects.
    pub expected: String,
    /// What came back.
    pub actual: String,
}

/// Protected content that came through.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LeakRecord {
    /// The protected file.
    pub file: String,
    /// The place in the answer.
    pub place: String,
}

/// The entry of a baseline that covers a case.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct KnownStamp {
    /// File and line.
    pub at: String,
    /// Why it is so.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which the entry holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Day>,
}

/// The `what` of an `error` that had no gate to ask.
pub(super) const NO_GATE: &str = "no gate";
/// The `what` of an `error` that the gate gave no answer to, because it wants to be left alone or drops connections.
pub(super) const NOT_ASKED: &str = "not asked";
/// The `what` of an `error` of the harness.
pub(super) const HARNESS: &str = "harness";

impl Report {
    /// The report of a run.
    #[must_use]
    pub fn of(run: &Aggregate) -> Self {
        Self {
            gate: run.pins.gate.clone(),
            corpus: CorpusStamp::of(run),
            run: Some(RunStamp::of(run)),
            summary: run.tally.summary,
            scores: run.tally.scores,
            gates_failed: run.gates_failed.clone(),
            causes: run.causes.clone(),
            left_out: run.left_out.clone(),
            not_checked: run.without.iter().map(|(one, why)| (one.name().to_owned(), why.clone())).collect(),
            baseline: run.baseline.entries.iter().map(|entry| (**entry).clone()).collect(),
            stale: run.stale.iter().map(Stale::of).collect(),
            results: run.outcomes.values().map(CaseResult::of).collect(),
        }
    }
}

impl Report {
    /// The report with texts in which nothing hides: it may come from anywhere. What was sent and what came back stays as it is.
    #[must_use]
    pub fn with_visible_texts(mut self) -> Self {
        let show = |text: &mut String| *text = visible(text);
        show(&mut self.gate);
        self.run.iter_mut().for_each(|run| show(&mut run.target));
        self.gates_failed.iter_mut().for_each(|failed| show(&mut failed.reason));
        self.gates_failed.iter_mut().flat_map(|failed| &mut failed.sites).for_each(show);
        self.left_out.values_mut().chain(self.not_checked.values_mut()).for_each(show);
        for result in &mut self.results {
            [&mut result.expected, &mut result.actual, &mut result.came].into_iter().for_each(show);
            result.location.iter_mut().chain(&mut result.what).chain(&mut result.reason).for_each(show);
            for one in &mut result.mismatches {
                [&mut one.what, &mut one.expected, &mut one.actual].into_iter().for_each(show);
            }
            for one in &mut result.leaks {
                [&mut one.file, &mut one.place].into_iter().for_each(show);
            }
            result.exchange.iter_mut().for_each(|exchange| show(&mut exchange.again));
        }
        self
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
            millis: millis(run.pins.elapsed),
            seeds: run.pins.seeds.clone(),
            shard: run.pins.shard.map(|shard| shard.to_string()),
            weather: run.weather,
            planned: (run.missing() > 0).then_some(run.pins.planned),
            conditions: ConditionsStamp::of(run),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl WeatherStamp {
    /// Whether nothing came between.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in what happened.
    pub fn note(&mut self, weather: Weather) {
        match weather {
            Weather::Dropped => self.dropped = self.dropped.saturating_add(1),
            Weather::WentDown => self.went_down = self.went_down.saturating_add(1),
            Weather::Pause { length, .. } => {
                self.put_off = self.put_off.saturating_add(1);
                let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
                self.longest_pause_millis = self.longest_pause_millis.max(millis);
            }
        }
    }

    /// The weather of both parts of a run.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            put_off: self.put_off.saturating_add(other.put_off),
            longest_pause_millis: self.longest_pause_millis.max(other.longest_pause_millis),
            dropped: self.dropped.saturating_add(other.dropped),
            went_down: self.went_down.saturating_add(other.went_down),
        }
    }

    /// What a person should know of it, a sentence each.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let count =
            |count: usize| if count == 1 { "1 request was".to_owned() } else { format!("{count} requests were") };
        let seconds = Duration::from_millis(self.longest_pause_millis).as_secs_f64();
        let put_off = (self.put_off > 0).then(|| {
            format!(
                "waited: {} put off, because the gate asked for a pause (429, or 503 with Retry-After), of up to {seconds:.1} s; --rate N asks more slowly",
                count(self.put_off)
            )
        });
        let dropped = (self.dropped > 0).then(|| {
            format!("dropped: {} sent again, because the connection ended before the answer", count(self.dropped))
        });
        let went_down = (self.went_down > 0).then(|| {
            let times = if self.went_down == 1 { "once".to_owned() } else { format!("{} times", self.went_down) };
            format!(
                "went down: the gate ended by itself {times}, under requests of which none ends it alone; it was started again, and what was under way was asked \
                 again. No request may take it away from those that follow (HTTP-11)"
            )
        });
        went_down.into_iter().chain(put_off).chain(dropped).collect()
    }
}

impl ConditionsStamp {
    /// The conditions of a run.
    #[must_use]
    pub fn of(run: &Aggregate) -> Self {
        let conditions = &run.pins.conditions;
        Self {
            patterns: conditions.patterns.clone(),
            http: match conditions.http {
                HttpVersion::Http1 => "1.1",
                HttpVersion::Http2 => "2",
            }
            .to_owned(),
            timeout_millis: u64::try_from(conditions.timeout.as_millis()).unwrap_or(u64::MAX),
            retries: conditions.retries,
            profile: conditions.profile.to_string(),
            strict: run.options.strict,
            show_secrets: run.options.show_secrets,
        }
    }
}

impl Stale {
    /// What a baseline's mistake says.
    #[must_use]
    pub fn of(error: &LoadError) -> Self {
        let LoadError { file, line, column, message } = error.clone();
        Self { file, line, column, message }
    }
}

impl CaseResult {
    /// The result of a case.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let mut result = Self {
            id: outcome.id.clone(),
            requirements: outcome.requirements.clone(),
            level: outcome.level,
            question: outcome.question,
            verdict: outcome.verdict.name().to_owned(),
            expected: outcome.expected.clone(),
            actual: outcome.actual(),
            came: outcome.came.clone(),
            location: outcome.location.clone(),
            mismatches: Vec::new(),
            leaks: Vec::new(),
            what: None,
            reason: None,
            known: outcome.known.as_deref().map(KnownStamp::of),
            file: outcome.file.clone(),
            line: outcome.line,
            millis: millis(outcome.elapsed),
            attempts: outcome.attempts,
            exchange: outcome.evidence.as_ref().map(|evidence| Box::new(ExchangeRecord::of(evidence))),
        };
        match &outcome.verdict {
            Verdict::Pass => {}
            Verdict::Error(Fault::Harness(why)) => result.because(HARNESS, why),
            Verdict::Error(Fault::NotAsked(why)) => result.because(NOT_ASKED, why),
            Verdict::Error(Fault::Unreachable(why)) => result.because(NO_GATE, why),
            Verdict::Fail(mismatches) => {
                let differences = mismatches.iter().map(|one| Difference {
                    what: one.what.clone(),
                    expected: one.expected.clone(),
                    actual: one.actual.clone(),
                });
                result.mismatches = differences.collect();
            }
            Verdict::Leak(leaks) => {
                let records =
                    leaks.iter().map(|one| LeakRecord { file: one.file.clone(), place: one.place.to_string() });
                result.leaks = records.collect();
            }
            Verdict::Observed(label) => result.what = Some(label.clone()),
            Verdict::Unproven(why) => result.reason = Some(why.clone()),
            Verdict::Unsupported { feature, reason } => result.because(feature, reason),
        }
        result
    }

    /// Whether a person should look at it.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        matches!(self.verdict.as_str(), "error" | "fail" | "leak" | "unproven")
    }

    /// The verdict as it is counted: `known` where a baseline covers it, but a leak stays a leak.
    #[must_use]
    pub fn standing(&self) -> &str {
        if self.known.is_some() && self.verdict != "leak" { "known" } else { &self.verdict }
    }

    fn because(&mut self, what: &str, why: &str) {
        self.what = Some(what.to_owned());
        self.reason = Some(why.to_owned());
    }
}

impl KnownStamp {
    fn of(entry: &Entry) -> Self {
        Self { at: entry.at(), reason: entry.reason.clone(), owner: entry.owner.clone(), expires: entry.expires }
    }
}

/// The JSON report.
///
/// # Errors
/// None that a run can bring about.
pub fn render(run: &Aggregate) -> Result<String, RenderError> {
    Ok(visible_json(serde_json::to_string_pretty(&Report::of(run))?) + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_the_gate_went_down_is_told() {
        let mut weather = WeatherStamp::default();
        assert!(weather.told().is_empty());
        weather.note(Weather::WentDown);
        let told = weather.with(weather).told();
        assert!(told.first().is_some_and(|line| line.contains("ended by itself 2 times")), "{told:?}");
        let read: WeatherStamp = serde_json::from_str(r#"{"put_off":0,"longest_pause_millis":0,"dropped":0}"#).unwrap();
        assert!(read.is_fair(), "an older report");
    }
}
