//! One case with its verdict, and one requirement with its cases, as every report tells them.

use std::sync::Arc;
use std::time::Duration;

use super::Summary;
use super::aggregate::Aggregate;
use super::evidence::Evidence;
use super::redact::{Glances, Redactor};
use crate::baseline::Entry;
use crate::corpus::expectation::{Alternative, Expected};
use crate::corpus::question::Question;
use crate::corpus::source::{Level, Requirement};
use crate::event::Finished;
use crate::judge::{describe, summary};
use crate::text::printable;
use crate::verdict::{Fault, Verdict};

/// One case with its verdict, ready to be told.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The full id.
    pub id: String,
    /// The id of the suite.
    pub suite: String,
    /// The file of the case, relative to its folder.
    pub file: String,
    /// The folder of that file in a checkout, with a slash at its end; empty where the file says it all.
    pub folder: &'static str,
    /// The line of the case in it.
    pub line: u64,
    /// What the case tests (the first) and touches.
    pub requirements: Vec<String>,
    /// How binding it is.
    pub level: Level,
    /// Which of the two questions it asks.
    pub question: Question,
    /// What a gate that fails has got wrong.
    pub why: Option<String>,
    /// What the case expects, in one line.
    pub expected: String,
    /// What came back, in one line; empty if nothing was sent.
    pub came: String,
    /// The `Location` that came, if one did.
    pub location: Option<String>,
    /// The judgement.
    pub verdict: Verdict,
    /// The entry of the baseline that covers it.
    pub known: Option<Arc<Entry>>,
    /// From the first byte sent to the last byte received.
    pub elapsed: Duration,
    /// How often the request was sent.
    pub attempts: u32,
    /// What was sent and what came back; kept for findings alone.
    pub evidence: Option<Evidence>,
}

/// How much a finding weighs: the scale on which every format that has one is set.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Weight {
    /// It fails the run.
    Failing,
    /// It leaves a gap: there was no gate to ask, or the harness is at fault.
    Broken,
    /// It is told and fails nothing.
    Advisory,
    /// A baseline covers it.
    Known,
}

/// A requirement and the cases that test it.
#[derive(Clone, Debug)]
pub struct Chapter<'a> {
    /// The requirement.
    pub requirement: &'a Requirement,
    /// The cases of this run whose first requirement it is, by id.
    pub outcomes: Vec<&'a Outcome>,
    /// Their verdicts.
    pub summary: Summary,
}

impl Outcome {
    /// A case that is finished, without what must not be shown.
    pub(super) fn of(finished: &Finished, show_secrets: bool, glances: &mut Glances) -> Self {
        let (suite, case) = (finished.case.suite(), finished.case.case());
        let redactor = Redactor::knowing(&suite.settings.secret, finished.exchange.as_ref(), show_secrets);
        let evidence = finished.exchange.as_ref().zip(finished.target.as_ref());
        Self {
            id: case.id.clone(),
            suite: suite.id.clone(),
            file: case.file.as_ref().unwrap_or(&suite.file).clone(),
            folder: suite.folder(),
            line: case.line,
            requirements: case.requirements.clone(),
            level: case.level,
            question: case.question,
            why: case.why.clone(),
            expected: glances.text(&redactor, &expected(&case.expected)),
            came: glances
                .quoted(&redactor, &finished.exchange.as_ref().map(|one| summary(&one.answer)).unwrap_or_default()),
            location: finished
                .exchange
                .as_ref()
                .and_then(|one| one.answer.response())
                .and_then(|response| Some(glances.quoted(&redactor, &printable(response.header("location").next()?)))),
            verdict: redactor.verdict(&finished.verdict),
            known: None,
            elapsed: finished.exchange.as_ref().map(|exchange| exchange.elapsed).unwrap_or_default(),
            attempts: finished.attempts,
            evidence: evidence
                .filter(|_| finished.verdict.is_finding())
                .map(|(exchange, target)| Evidence::new(exchange, finished.lengths, target, &redactor)),
        }
    }

    /// The requirement that it tests.
    #[must_use]
    pub fn requirement(&self) -> &str {
        self.requirements.first().map_or("", String::as_str)
    }

    /// The suite file as it stands in a checkout.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}{}", self.folder, self.file)
    }

    /// The verdict as it is counted: `known` where a baseline covers it, but a leak stays a leak.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        match (&self.known, &self.verdict) {
            (Some(_), verdict) if !matches!(verdict, Verdict::Leak(_)) => "known",
            (_, verdict) => verdict.name(),
        }
    }

    /// What there is to say beside what came back: each difference, each leak, the reason. Empty for a pass.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        reasons(&self.verdict)
    }

    /// What came back in one line, and why it is no pass.
    #[must_use]
    pub fn actual(&self) -> String {
        with_reasons(&self.came, &self.reasons())
    }

    /// Whether it is told once for many cases: there was no gate to ask, or it gave no answer.
    #[must_use]
    pub fn is_told_elsewhere(&self, run: &Aggregate) -> bool {
        match self.verdict {
            Verdict::Error(Fault::Unreachable(_)) => self.attempts == 0 && !run.gates_failed.is_empty(),
            Verdict::Error(Fault::NotAsked(_)) => true,
            _ => false,
        }
    }
}

impl Chapter<'_> {
    /// How many of its cases a person should look at.
    #[must_use]
    pub fn findings(&self) -> usize {
        let Summary { fail, leak, unproven, error, .. } = self.summary;
        [fail, leak, unproven, error].iter().sum()
    }

    /// How many of these findings bind otherwise than the requirement, by level.
    #[must_use]
    pub fn of_other_levels(&self, is_one: impl Fn(&Outcome) -> bool) -> Vec<(Level, usize)> {
        let levels = [Level::Must, Level::Should, Level::Survey].into_iter();
        let others = levels.filter(|level| *level != self.requirement.level).map(|level| {
            let of_it = |outcome: &&&Outcome| outcome.verdict.is_finding() && outcome.level == level && is_one(outcome);
            (level, self.outcomes.iter().filter(of_it).count())
        });
        others.filter(|(_, count)| *count > 0).collect()
    }

    /// Its cases by verdict, `1 leak`, the heaviest first. A case may bind less than its requirement: then its level stands beside it, `2 fail (SHOULD)`.
    #[must_use]
    pub fn counted(&self) -> Vec<String> {
        let mut counts = Vec::new();
        for (name, all) in self.summary.by_weight() {
            let others = self.of_other_levels(|outcome| outcome.standing() == name);
            let own = others.iter().fold(all, |rest, (_, count)| rest.saturating_sub(*count));
            counts.extend((own > 0).then(|| format!("{own} {name}")));
            counts.extend(others.iter().map(|(level, count)| format!("{count} {name} ({})", level.as_str())));
        }
        counts
    }

    /// Whether one of its cases is a finding that is told by itself, and not once for many.
    #[must_use]
    pub fn tells(&self, run: &Aggregate) -> bool {
        self.outcomes.iter().any(|outcome| outcome.verdict.is_finding() && !outcome.is_told_elsewhere(run))
    }

    /// The verdict on the requirement: the worst of its cases, `not asked` where there is none.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        self.summary.standing()
    }
}

/// An expectation in one line.
#[must_use]
pub fn expected(expected: &Expected) -> String {
    let any = |alternatives: &[Alternative]| alternatives.iter().map(describe).collect::<Vec<_>>().join("; or ");
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
    with_reasons(&came, &reasons(&finished.verdict))
}

fn reasons(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Error(fault) => vec![fault.to_string()],
        Verdict::Unproven(why) => vec![why.clone()],
        Verdict::Fail(mismatches) => mismatches.iter().map(ToString::to_string).collect(),
        Verdict::Leak(leaks) => leaks.iter().map(ToString::to_string).collect(),
        Verdict::Observed(label) => vec![label.clone()],
        Verdict::Unsupported { feature, reason } => vec![format!("{feature}: {reason}")],
    }
}

fn with_reasons(came: &str, reasons: &[String]) -> String {
    match (came.is_empty(), reasons) {
        (_, []) => came.to_owned(),
        (true, reasons) => reasons.join("; "),
        (false, reasons) => format!("{came} ({})", reasons.join("; ")),
    }
}

/// The order of findings of one weight: the worst first.
pub(super) fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Leak(_) => 0,
        Verdict::Fail(_) => 1,
        Verdict::Error(_) => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Mismatch;

    #[test]
    fn what_binds_less_than_its_requirement_is_told_with_its_level() {
        let requirement: Requirement =
            serde_saphyr::from_str("{id: X-1, level: MUST, provenance: documented, sentence: It is so.}").unwrap();
        let failed = || {
            let mismatch = Mismatch { what: "status".to_owned(), expected: "200".to_owned(), actual: "404".to_owned() };
            Verdict::Fail(vec![mismatch])
        };
        let outcome = |level: Level, verdict: Verdict| Outcome {
            id: String::new(),
            suite: String::new(),
            file: String::new(),
            folder: "",
            line: 1,
            requirements: vec!["X-1".to_owned()],
            level,
            question: Question::Format,
            why: None,
            expected: String::new(),
            came: String::new(),
            location: None,
            verdict,
            known: None,
            elapsed: Duration::ZERO,
            attempts: 1,
            evidence: None,
        };
        let told = |outcomes: &[Outcome]| {
            let mut summary = Summary::default();
            outcomes.iter().for_each(|outcome| summary.count(outcome.standing()));
            Chapter { requirement: &requirement, outcomes: outcomes.iter().collect(), summary }.counted().join(", ")
        };
        let (must, should, passed) =
            (outcome(Level::Must, failed()), outcome(Level::Should, failed()), outcome(Level::Should, Verdict::Pass));
        assert_eq!(told(&[must.clone(), passed.clone()]), "1 fail, 1 pass");
        assert_eq!(told(&[should.clone(), should.clone(), passed.clone()]), "2 fail (SHOULD), 1 pass");
        assert_eq!(told(&[must, should, passed]), "1 fail, 1 fail (SHOULD), 1 pass");
    }
}
