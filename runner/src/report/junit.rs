//! JUnit XML: a test suite for each suite, a test case for each case.
//!
//! A finding is a failure whatever its level, with the level in front of its message; an error of the harness is an error, a lack of the gate is
//! skipped, and so is a known failure, with what is known as the message: a failure would turn every viewer red, and a pass would hide it. What XML cannot hold is escaped before it is written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::RenderError;
use super::aggregate::Aggregate;
use super::evidence::{block, shortened};
use super::outcome::Outcome;
use crate::text::visible;
use crate::verdict::Verdict;

/// Longer requests and answers are cut.
const BYTES_SHOWN: usize = 4000;

impl From<quick_junit::SerializeError> for RenderError {
    fn from(error: quick_junit::SerializeError) -> Self {
        Self(error.to_string())
    }
}

/// The JUnit report.
///
/// # Errors
/// None that a run can bring about.
pub fn render(run: &Aggregate) -> Result<String, RenderError> {
    let mut report = Report::new(visible(&format!("gatecheck: {}", run.pins.gate)));
    report.set_time(run.pins.elapsed);
    if let Some(started) = run.pins.started {
        report.set_timestamp(DateTime::<Utc>::from(started));
    }
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for outcome in run.outcomes.values() {
        let suite = suites.entry(&outcome.suite).or_insert_with(|| suite(run, &outcome.suite));
        suite.add_test_case(case(run, outcome));
        suite.time = Some(suite.time.unwrap_or_default().saturating_add(outcome.elapsed));
    }
    report.add_test_suites(suites.into_values());
    if !run.stale.is_empty() {
        report.add_test_suite(baseline(run));
    }
    Ok(report.to_string()?)
}

fn suite(run: &Aggregate, id: &str) -> TestSuite {
    let mut suite = TestSuite::new(visible(id));
    for (name, value) in run.stamp() {
        suite.add_property(Property::new(name.replace(' ', "-"), visible(&value)));
    }
    suite
}

/// What is no longer true in a baseline fails the run, so it fails here too.
fn baseline(run: &Aggregate) -> TestSuite {
    let mut suite = suite(run, "baseline");
    for problem in &run.stale {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("stale");
        status.set_message(visible(&problem.to_string()));
        let mut case = TestCase::new(visible(&format!("{}:{}", problem.file, problem.line)), status);
        case.set_classname("baseline");
        suite.add_test_case(case);
    }
    suite
}

fn case(run: &Aggregate, outcome: &Outcome) -> TestCase {
    let mut case = TestCase::new(visible(&outcome.id), status(run, outcome));
    case.set_classname(visible(&outcome.suite.replace('/', ".")));
    case.set_time(outcome.elapsed);
    for requirement in &outcome.requirements {
        case.add_property(Property::new("requirement", visible(requirement)));
    }
    case.add_property(Property::new("level", outcome.level.as_str()));
    case.add_property(Property::new("verdict", outcome.verdict.name()));
    if let Some(entry) = &outcome.known {
        case.add_property(Property::new("known", visible(&entry.at())));
    }
    case.add_property(Property::new("at", visible(&format!("{}:{}", outcome.path(), outcome.line))));
    if let Verdict::Observed(what) = &outcome.verdict {
        case.add_property(Property::new("observed", visible(what)));
    }
    case
}

fn status(run: &Aggregate, outcome: &Outcome) -> TestCaseStatus {
    if let Some(entry) = &outcome.known {
        let mut status = TestCaseStatus::skipped();
        status.set_type("known");
        status.set_message(visible(&format!("known {}, {}: {}", outcome.verdict.name(), entry.at(), entry.told())));
        status.set_description(visible(&description(run, outcome)));
        return status;
    }
    match &outcome.verdict {
        Verdict::Pass | Verdict::Observed(_) => TestCaseStatus::success(),
        Verdict::Unsupported { .. } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(visible(&outcome.reasons().join("; ")));
            status
        }
        Verdict::Error(_) => finding(run, outcome, NonSuccessKind::Error),
        Verdict::Fail(_) | Verdict::Leak(_) | Verdict::Unproven(_) => finding(run, outcome, NonSuccessKind::Failure),
    }
}

fn finding(run: &Aggregate, outcome: &Outcome, kind: NonSuccessKind) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let message = format!(
        "{} {}: expected {}, got {}",
        outcome.level.as_str(),
        outcome.requirement(),
        outcome.expected,
        outcome.actual()
    );
    status.set_type(outcome.verdict.name());
    status.set_message(visible(&shortened(&message, BYTES_SHOWN)));
    status.set_description(visible(&description(run, outcome)));
    status
}

fn description(run: &Aggregate, outcome: &Outcome) -> String {
    let mut out = String::new();
    if let Some(requirement) = run.requirement(outcome.requirement()) {
        let _ = writeln!(out, "{} {}: {}", requirement.id, requirement.level.as_str(), requirement.sentence);
    }
    let _ = writeln!(out, "expected: {}", outcome.expected);
    let _ = writeln!(out, "got: {}", outcome.actual());
    if let Some(why) = &outcome.why {
        let _ = writeln!(out, "why: {why}");
    }
    let _ = writeln!(out, "at: {}:{}", outcome.path(), outcome.line);
    if let Some(evidence) = &outcome.evidence {
        let _ = writeln!(out, "again: {}", evidence.again);
        let _ = writeln!(out, "\n{}", shortened(block(&evidence.exchange.sent.bytes()).trim_end(), BYTES_SHOWN));
        let _ = writeln!(out, "\n{}", shortened(&block(evidence.exchange.answer.bytes()), BYTES_SHOWN));
    }
    out
}
