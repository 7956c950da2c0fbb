//! What is said of gates that somebody else wrote: what is named first is true of them, and what is not true of them is not named.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

#[path = "small_gates/gate.rs"]
mod gate;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use gate::{Fault, PatientGate, SmallGate};
use gatecheck::corpus::Corpus;
use gatecheck::gates::Gate;
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::report::causes::Named;
use gatecheck::run::{Plan, RunOptions, run};
use gatecheck_mutants::diagnosis::Watch;
use tokio::sync::mpsc;

fn corpus() -> Arc<Corpus> {
    static CORPUS: OnceLock<Arc<Corpus>> = OnceLock::new();
    let open =
        || Arc::new(Corpus::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases")).unwrap());
    Arc::clone(CORPUS.get_or_init(open))
}

async fn causes(faults: &'static [Fault], patterns: Vec<String>) -> Vec<Named> {
    asked(faults, patterns).await.1
}

/// The run as it is told, and the known defects that are named.
async fn asked(faults: &'static [Fault], patterns: Vec<String>) -> (Aggregate, Vec<Named>) {
    asked_of(Gate::InProcess(Arc::new(SmallGate(faults))), patterns).await
}

async fn asked_of(gate: Gate, patterns: Vec<String>) -> (Aggregate, Vec<Named>) {
    let corpus = corpus();
    let options = RunOptions { patterns, ..RunOptions::default() };
    let plan = Plan::new(&corpus, &gate, &options).unwrap();
    let (events, mut happened) = mpsc::unbounded_channel();
    let mut report = Aggregate::new(ReportOptions::default());
    let mut watch = Watch::new(Arc::clone(&corpus));
    let running = tokio::spawn(run(corpus, gate, options, plan, events));
    while let Some(event) = happened.recv().await {
        watch.note(&event);
        report.note(&event);
    }
    running.await.unwrap();
    let named = watch.causes().await;
    report.explain(&named);
    (report, named)
}

/// What the gate lacks and gets wrong whatever else is wrong with it, by the known defects that say so: it reads `_redirects` alone, of that paths, statuses and
/// `Role=`, it knows neither hosts nor codings, serves every file that is there, and of a token looks at no more than signature, times that are numbers and roles.
const TRUE_OF_ALL: [&str; 16] = [
    "cache/without-vary",
    "coding/head-is-plain",
    "coding/none",
    "headers/not-read",
    "host/rules-for-hosts-dropped",
    "open/token-of-odd-beginning",
    "open/token-with-unknown-extensions",
    "proxy/nothing-forwarded",
    "rules/unreadable-role-line-dropped",
    "static/dot-files-in-folders-served",
    "static/dot-files-served",
    "toml/not-read",
    "token/crit-ignored",
    "token/last-of-two-names",
    "token/nbf-ignored",
    "token/typ-ignored",
];

/// What is wrong with a gate beside that, and the known defect that has to be named for it.
const GATES: [(&[Fault], &str); 2] =
    [(&[Fault::ExpiredTokens], "token/exp-ignored"), (&[Fault::SplatWantsASegment], "match/splat-wants-a-segment")];

/// A cause that is false costs whoever reads it more than one that is missing.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_of_a_small_gate_is_true_of_it() {
    for (faults, theirs) in GATES {
        let named = causes(faults, corpus().quick(&[])).await;
        let told: Vec<(&str, &str)> = named.iter().map(|one| (one.broken_gate.as_str(), one.says.as_str())).collect();
        let is_true = |id: &str| TRUE_OF_ALL.contains(&id) || id == theirs;
        let wrong: Vec<_> = told.iter().filter(|(id, _)| !is_true(id)).collect();
        assert!(wrong.is_empty(), "{faults:?}: is this true of the gate? {wrong:#?}");
        assert!(told.iter().any(|(told, _)| *told == theirs), "{faults:?}: {told:#?}");
        assert!(told.len() >= 5, "{faults:?}: {told:#?}");
    }
}

/// Who is let in is told from who has the right, and from what they are shown.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in_is_told_for_what_it_is() {
    for (faults, patterns, says, never) in [
        (
            &[Fault::NobodyIsAsked][..],
            &["role/list", "role/denial", "claim/default-path", "token/exp"][..],
            "everybody is let in: ",
            "nobody is let in",
        ),
        (
            &[Fault::TwoSlashes],
            &["role/denial", "match/splat"],
            "whoever holds the role is not turned away, and gets something else than the page (status 404",
            "nobody is let in",
        ),
    ] {
        let (run, _) = asked(faults, patterns.iter().map(|one| (*one).to_owned()).collect()).await;
        let told: Vec<(&str, &str, usize)> =
            run.causes.iter().map(|one| (&*one.requirement, &*one.says, one.cases.len())).collect();
        assert!(told.first().is_some_and(|(_, told, _)| told.contains(says)), "{faults:?}: {told:#?}");
        assert!(!told.iter().any(|(_, told, _)| told.contains(never)), "{faults:?}: {told:#?}");
    }
}

/// What no known defect answers alike, and is the same in many answers.
#[tokio::test(flavor = "multi_thread")]
async fn what_many_findings_have_in_common_is_a_cause() {
    for (faults, requirement, says) in [
        (&[Fault::TagOnTheMissing][..], "NOLEAK-2", "who is denied is told the `ETag` of what is denied"),
        (
            &[Fault::NextInLocation],
            "LOC-2",
            "the `Location` of a redirect has a query that its rule does not write: `next`",
        ),
        (&[Fault::ErrorForTheMissing], "", "the answer is an error of the gate's own, with status 500"),
    ] {
        let patterns = ["cookie/name", "role/list", "role/denial", "claim/default-path"];
        let (run, _) = asked(faults, patterns.map(str::to_owned).into()).await;
        let told: Vec<(&str, &str, usize)> =
            run.causes.iter().map(|one| (&*one.requirement, &*one.says, one.cases.len())).collect();
        let cause = run.causes.first().unwrap_or_else(|| panic!("{faults:?}: no cause"));
        assert_eq!(cause.says, says, "{told:#?}");
        assert!(requirement.is_empty() || cause.requirement == requirement, "{told:#?}");
        let of_it = cause.cases.iter().filter_map(|id| run.outcomes.get(id));
        let others = of_it.filter(|one| !requirement.is_empty() && one.requirement() != requirement);
        assert_eq!(others.count(), 0, "{says}: the findings stand under what they break");
        let explained: BTreeSet<&String> = run.causes.iter().flat_map(|cause| &cause.cases).collect();
        let rest = run.findings().into_iter().filter(|one| !explained.contains(&one.id));
        let rest: Vec<String> = rest.map(|one| format!("{}: {}", one.id, one.actual())).collect();
        assert!(rest.len() * 10 <= explained.len(), "{told:#?}, and not {rest:#?}");
    }
}

/// A server that finishes what is under way would wait for connections that the run keeps for its controls.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_waits_for_its_connections_is_not_kept_waiting() {
    let gate = PatientGate::default();
    let held = Arc::clone(&gate.held);
    let patterns = ["path/dot-segments", "path/escapes", "http"].map(str::to_owned).to_vec();
    let (report, _) = asked_of(Gate::InProcess(Arc::new(gate)), patterns).await;
    assert!(report.tally.summary.total() > 20);
    assert_eq!(held.load(Ordering::Relaxed), 0);
}
