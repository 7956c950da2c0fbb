//! The one fold behind every report: events in, a run as it can be told. Renderers only read it, so no two of them can disagree.
//!
//! Secrets leave here: what a renderer finds in an [`Outcome`] is fit to be shown, unless the user asked for secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};

use super::attribution::attribute;
use super::causes::{Cause, Named, causes, causes_of_failures};
use super::json::WeatherStamp;
use super::no_gate::NoGate;
use super::outcome::{Chapter, Outcome, Weight, rank};
use super::redact::{Glances, Redactor};
use super::{Summary, Tally};
use crate::baseline::{Baseline, Day, Entry};
use crate::corpus::source::{Level, Requirement};
use crate::corpus::{Case, Corpus, LoadError};
use crate::event::{Conditions, Event, Finished};
use crate::invariants::Invariant;
use crate::shard::Shard;
use crate::verdict::{Fault, Verdict};
use crate::wire::Exchange;

mod end;

/// What the user decides about every report at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReportOptions {
    /// Whether tokens and secrets may stand in a report.
    pub show_secrets: bool,
    /// Whether a SHOULD counts.
    pub strict: bool,
}

/// A run, as far as it has gone.
#[derive(Clone, Debug, Default)]
pub struct Aggregate {
    /// What the user decided.
    pub options: ReportOptions,
    /// What the run was.
    pub pins: Pins,
    /// Counts.
    pub tally: Tally,
    /// Every finished case, by id.
    pub outcomes: BTreeMap<String, Outcome>,
    /// Gates that did not start or could not be reached, by reason: everything they said.
    pub gates_failed: Vec<NoGate>,
    /// Suites that are left out, with the reason.
    pub left_out: BTreeMap<String, String>,
    /// Invariants that are not checked, with the reason.
    pub without: BTreeMap<Invariant, String>,
    /// What came between the runner and the gate.
    pub weather: WeatherStamp,
    /// What is known to fail.
    pub baseline: Baseline,
    /// What is wrong with the gate, in at most ten lines; known when the run is over and somebody has looked.
    pub causes: Vec<Cause>,
    /// What is no longer true in the baseline; complete when the run is over.
    pub stale: Vec<LoadError>,
    corpus: Option<Arc<Corpus>>,
    offsets: Vec<f64>,
    is_resumed: bool,
    as_of: Option<Day>,
    glances: Glances,
}

/// What pins a run down, so that it can be compared with another.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// The gate's name.
    pub gate: String,
    /// What was asked for, as stated.
    pub target: String,
    /// The version of the corpus.
    pub corpus_version: String,
    /// SHA-256 over names and contents of its files, in hexadecimal.
    pub corpus_digest: String,
    /// The version of `gatecheck`.
    pub runner_version: String,
    /// When the run began.
    pub started: Option<SystemTime>,
    /// When it ended.
    pub finished: Option<SystemTime>,
    /// From start to end, by a clock that is never set.
    pub elapsed: Duration,
    /// Which part of the selection was asked; all if there is none.
    pub shard: Option<Shard>,
    /// What the order was shuffled by: one seed for a run, one for each part that was merged; none if the order is as written.
    pub seeds: Vec<u32>,
    /// What verdicts can depend on beside the gate and the corpus.
    pub conditions: Conditions,
    /// How many cases were to be finished; there are fewer where the run was cut short.
    pub planned: usize,
}

impl Aggregate {
    /// A run that has not begun.
    #[must_use]
    pub fn new(options: ReportOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// The same run, with failures that are known.
    #[must_use]
    pub fn knowing(self, baseline: Baseline) -> Self {
        Self { baseline, ..self }
    }

    /// Takes an event in.
    pub fn note(&mut self, event: &Event) {
        match event {
            // What was asked before stays what it was, under its own conditions.
            Event::RunStarted(started) if self.is_resumed => {
                self.pins.seeds.extend(started.seed.filter(|seed| !self.pins.seeds.contains(seed)));
            }
            Event::RunStarted(started) => {
                let version = env!("CARGO_PKG_VERSION");
                self.corpus = Some(Arc::clone(&started.corpus));
                self.pins = Pins {
                    gate: self.shown(&started.gate),
                    target: self.shown(&started.target),
                    corpus_version: version.to_owned(),
                    corpus_digest: started.corpus.digest.clone(),
                    runner_version: version.to_owned(),
                    started: Some(started.at),
                    finished: None,
                    elapsed: Duration::ZERO,
                    shard: started.shard,
                    seeds: started.seed.into_iter().collect(),
                    conditions: started.conditions.clone(),
                    planned: started.cases,
                };
                self.left_out =
                    started.left_out.iter().map(|(suite, reason)| (suite.clone(), self.shown(reason))).collect();
                self.without = started.without.iter().map(|(one, reason)| (*one, self.shown(reason))).collect();
            }
            Event::CaseFinished(finished) => {
                self.offsets.extend(finished.exchange.as_ref().and_then(offset));
                let outcome = Outcome::of(finished, self.options.show_secrets, &mut self.glances);
                self.take(finished.case.case(), outcome);
            }
            Event::GateFailed(failed) => {
                let failed = NoGate { sites: failed.sites.clone(), reason: self.shown(&failed.reason) };
                failed.note(&mut self.gates_failed);
            }
            Event::Weather(weather) => self.weather.note(*weather),
            Event::Looked(_) | Event::Printed(_) => {}
            Event::RunFinished { at, elapsed } => {
                self.pins.finished = Some(*at);
                self.pins.elapsed = if self.is_resumed { self.pins.elapsed.saturating_add(*elapsed) } else { *elapsed };
                self.close();
            }
        }
    }

    /// Takes a case in.
    pub(super) fn take(&mut self, case: &Case, mut outcome: Outcome) {
        if let Some(corpus) = &self.corpus {
            attribute(&mut outcome, corpus);
        }
        outcome.known = self.baseline.covering(case, &outcome.verdict, self.today()).cloned();
        self.tally.count(&outcome);
        self.outcomes.insert(outcome.id.clone(), outcome);
    }

    /// Where the clock offset of single answers is no longer known, their median stands for them.
    pub(super) fn set_clock_offset(&mut self, median: Option<f64>) {
        self.offsets = median.into_iter().collect();
    }

    /// Whose requirements and cases they are.
    pub(super) fn set_corpus(&mut self, corpus: Arc<Corpus>) {
        self.corpus = Some(corpus);
    }

    /// Holds the baseline against what was found, when everything is in.
    pub(super) fn close(&mut self) {
        let Some(corpus) = &self.corpus else { return };
        let verdict = |id: &str| self.outcomes.get(id).map(|outcome| &outcome.verdict);
        self.stale = self.baseline.problems(corpus, self.today());
        self.stale.extend(self.baseline.contradictions(corpus, verdict, self.today()));
        self.tally.stale = self.stale.len();
    }

    /// Says what is wrong with the gate, with the known defects that would give these answers.
    pub fn explain(&mut self, named: &[Named]) {
        self.causes = causes(self, named);
    }

    /// The same where only what had failed before was asked again.
    pub fn explain_failures(&mut self) {
        self.causes = causes_of_failures(self);
    }

    /// How many findings the causes explain.
    #[must_use]
    pub fn explained(&self) -> usize {
        self.causes.iter().flat_map(|cause| &cause.cases).collect::<BTreeSet<_>>().len()
    }

    /// The leaks that are not known and that no cause explains: what fails the run first.
    #[must_use]
    pub fn unexplained_leaks(&self) -> Vec<&Outcome> {
        let explained: BTreeSet<&String> = self.causes.iter().flat_map(|cause| &cause.cases).collect();
        let is_one =
            |outcome: &&Outcome| matches!(outcome.verdict, Verdict::Leak(_)) && !explained.contains(&outcome.id);
        self.findings().into_iter().filter(is_one).collect()
    }

    /// On which day the baseline is read.
    pub(super) fn set_day(&mut self, day: Option<Day>) {
        self.as_of = day;
    }

    /// The day on which the run began, if no other was set.
    fn today(&self) -> Day {
        self.as_of.unwrap_or_else(|| Day::of(self.pins.started.unwrap_or(SystemTime::UNIX_EPOCH)))
    }

    /// The case that an event is about.
    #[must_use]
    pub fn outcome_of(&self, finished: &Finished) -> Option<&Outcome> {
        self.outcomes.get(finished.case.id())
    }

    /// The findings that are not known, the heaviest first: what fails the run before what does not, leaks before all, then by id.
    #[must_use]
    pub fn findings(&self) -> Vec<&Outcome> {
        let mut found = self.all_findings();
        found.retain(|outcome| outcome.known.is_none());
        found
    }

    /// The findings that are not known, by the requirement that they are of: the requirement with the heaviest first, then as in the ledger.
    #[must_use]
    pub fn findings_by_requirement(&self) -> Vec<(&Requirement, Vec<&Outcome>)> {
        let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in self.findings() {
            groups.entry(outcome.requirement()).or_default().push(outcome);
        }
        let requirements = self.corpus.as_deref().map(|corpus| corpus.requirements.as_slice()).unwrap_or_default();
        let mut found: Vec<(&Requirement, Vec<&Outcome>)> =
            requirements.iter().filter_map(|one| Some((one, groups.remove(one.id.as_str())?))).collect();
        found.sort_by_key(|(_, group)| group.first().map(|outcome| (self.weight(outcome), rank(&outcome.verdict))));
        found
    }

    /// The findings, the known ones last.
    #[must_use]
    pub fn all_findings(&self) -> Vec<&Outcome> {
        let mut found: Vec<&Outcome> = self.outcomes.values().filter(|outcome| outcome.verdict.is_finding()).collect();
        found.sort_by_key(|outcome| (self.weight(outcome), rank(&outcome.verdict)));
        found
    }

    /// The entries of the baseline that cover anything, in written order, with what they cover: leaks first, then by id.
    #[must_use]
    pub fn known(&self) -> Vec<(&Entry, Vec<&Outcome>)> {
        let mut known = self.all_findings();
        known.retain(|outcome| outcome.known.is_some());
        self.baseline
            .entries
            .iter()
            .map(|entry| {
                let by_it = |outcome: &&&Outcome| outcome.known.as_ref().is_some_and(|known| Arc::ptr_eq(known, entry));
                (&**entry, known.iter().filter(by_it).copied().collect::<Vec<_>>())
            })
            .filter(|(_, outcomes)| !outcomes.is_empty())
            .collect()
    }

    /// Every requirement of the ledger with its cases, in written order.
    #[must_use]
    pub fn chapters(&self) -> Vec<Chapter<'_>> {
        let mut by_requirement: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in self.outcomes.values() {
            by_requirement.entry(outcome.requirement()).or_default().push(outcome);
        }
        let requirements = self.corpus.as_deref().map(|corpus| corpus.requirements.as_slice()).unwrap_or_default();
        requirements
            .iter()
            .map(|requirement| {
                let outcomes = by_requirement.remove(requirement.id.as_str()).unwrap_or_default();
                let mut summary = Summary::default();
                outcomes.iter().for_each(|outcome| summary.count(outcome.standing()));
                Chapter { requirement, outcomes, summary }
            })
            .collect()
    }

    /// How many cases were not asked for lack of which feature, and the reason.
    #[must_use]
    pub fn unsupported(&self) -> BTreeMap<(&str, &str), usize> {
        let mut counts = BTreeMap::<_, usize>::new();
        for outcome in self.outcomes.values() {
            if let Verdict::Unsupported { feature, reason } = &outcome.verdict {
                let count = counts.entry((feature.as_str(), reason.as_str())).or_default();
                *count = count.saturating_add(1);
            }
        }
        counts
    }

    /// How many cases were not asked, by the reason: nothing is said of the gate by them.
    #[must_use]
    pub fn not_asked(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::<_, usize>::new();
        for outcome in self.outcomes.values() {
            if let Verdict::Error(Fault::NotAsked(why)) = &outcome.verdict {
                let count = counts.entry(why.as_str()).or_default();
                *count = count.saturating_add(1);
            }
        }
        counts
    }

    /// The requirement of that id.
    #[must_use]
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.corpus.as_deref()?.requirement(id)
    }

    /// How much a finding weighs.
    #[must_use]
    pub fn weight(&self, outcome: &Outcome) -> Weight {
        let counts = match outcome.level {
            Level::Must => true,
            Level::Should => self.options.strict,
            Level::Survey => false,
        };
        match outcome.verdict {
            _ if outcome.known.is_some() => Weight::Known,
            Verdict::Leak(_) if counts || outcome.level == Level::Survey => Weight::Failing,
            Verdict::Error(_) => Weight::Broken,
            Verdict::Fail(_) | Verdict::Unproven(_) if counts => Weight::Failing,
            _ => Weight::Advisory,
        }
    }

    /// Whether the gate runs whether this program does or not.
    #[must_use]
    pub fn is_of_a_url(&self) -> bool {
        ["http://", "https://"].iter().any(|scheme| self.pins.target.starts_with(scheme))
    }

    /// The same run, which goes on: what is asked from now on is added to it. `options` are those of the rest.
    #[must_use]
    pub fn resumed(mut self, options: ReportOptions) -> Self {
        self.gates_failed.clear();
        Self { options, is_resumed: true, ..self }
    }

    /// How far the gate's clock is ahead of this machine's, in seconds: the median over all answers of `Date` minus local time. `Date` has
    /// whole seconds, so that a gate whose clock is right shows about −0.5.
    #[must_use]
    pub fn clock_offset(&self) -> Option<f64> {
        let mut sorted = self.offsets.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.get(sorted.len() / 2)?;
        let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
        Some(f64::midpoint(*lower, *upper)).map(|median| (median * 1e3).round() / 1e3)
    }

    /// A text that belongs to no case, without the secret of any suite.
    fn shown(&self, text: &str) -> String {
        if self.options.show_secrets {
            return Redactor::new(true).text(text);
        }
        let suites = self.corpus.iter().flat_map(|corpus| &corpus.suites);
        Redactor::of_secrets(suites.map(|suite| suite.settings.secret.as_str())).text(text)
    }
}

impl Pins {
    /// The first digits of the corpus digest, enough to tell two corpora apart.
    #[must_use]
    pub fn short_digest(&self) -> &str {
        self.corpus_digest.get(..12).unwrap_or(&self.corpus_digest)
    }

    /// What the order was shuffled by; several after a merge.
    #[must_use]
    pub fn seed(&self) -> Option<String> {
        let seeds: Vec<String> = self.seeds.iter().map(u32::to_string).collect();
        (!seeds.is_empty()).then(|| seeds.join(" "))
    }
}

/// A time as RFC 3339 has it, in UTC, to the millisecond.
#[must_use]
pub fn timestamp(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A length of time in milliseconds, to the microsecond.
#[must_use]
pub fn millis(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1e6).round() / 1e3
}

/// How far the clock behind an answer is ahead of this one, in seconds.
fn offset(exchange: &Exchange) -> Option<f64> {
    let date = exchange.answer.response()?.header("date").next()?;
    let theirs = httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok()?;
    let ours = exchange.started.checked_add(exchange.elapsed)?;
    Some(match theirs.duration_since(ours) {
        Ok(ahead) => ahead.as_secs_f64(),
        Err(behind) => -behind.duration().as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_offset_is_the_median() {
        for (offsets, median) in [
            (&[][..], None),
            (&[-0.5][..], Some(-0.5)),
            (&[3.0, -900.0, 2.0][..], Some(2.0)),
            (&[1.0, 2.0, 4.0, 1000.0][..], Some(3.0)),
        ] {
            let run = Aggregate { offsets: offsets.to_vec(), ..Aggregate::default() };
            assert_eq!(run.clock_offset(), median, "{offsets:?}");
        }
    }
}
