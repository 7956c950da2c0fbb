//! The invariants on trial: for each a broken gate that cases catch by it alone. An invariant, a control or a listener that is left out fails here.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use gatecheck::corpus::Corpus;
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::invariants::Invariant;
use gatecheck::listener::Listener;
use gatecheck::run::{Plan, RunOptions, run};
use gatecheck::verdict::Verdict;
use gatecheck_mutants::all;
use gatecheck_mutants::gate::BrokenGate;
use gatecheck_mutants::idle::{ALL as IDLE, IdleGate};
use tokio::sync::mpsc;

fn corpus() -> Corpus {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    let open = || Corpus::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases")).unwrap();
    CORPUS.get_or_init(open).clone()
}

fn broken(id: &str) -> Gate {
    let mutant = all().find(|mutant| mutant.id == id).unwrap_or_else(|| panic!("no mutant `{id}`"));
    Gate::InProcess(Arc::new(BrokenGate::new(*mutant, Arc::default())))
}

/// The verdicts on one suite, by case.
async fn verdicts(corpus: &Corpus, gate: Gate, suite: &str, without: Option<Invariant>) -> Vec<(String, Verdict)> {
    let without = without.map(|invariant| (invariant, "to see whether it is missed".to_owned()));
    let options = RunOptions {
        patterns: vec![suite.to_owned()],
        without: without.into_iter().collect(),
        ..RunOptions::default()
    };
    let plan = Plan::new(corpus, &gate, &options).unwrap();
    let corpus = Arc::new(corpus.clone());
    let (events, mut happened) = mpsc::unbounded_channel();
    let running = tokio::spawn(run(Arc::clone(&corpus), gate, options, plan, events));
    let mut verdicts = Vec::new();
    while let Some(event) = happened.recv().await {
        if let Event::CaseFinished(finished) = event {
            verdicts.push((finished.case.id().to_owned(), finished.verdict));
        }
    }
    running.await.unwrap();
    verdicts
}

fn charged(verdicts: &[(String, Verdict)]) -> BTreeSet<&str> {
    let is_charge = |verdict: &Verdict| matches!(verdict, Verdict::Fail(_) | Verdict::Leak(_));
    verdicts.iter().filter(|(_, verdict)| is_charge(verdict)).map(|(case, _)| case.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invariant_that_is_left_out_is_missed() {
    let corpus = corpus();
    for invariant in Invariant::ALL {
        let (mutant, suite) = match invariant {
            Invariant::Liveness => ("cache/denial-kept-for-all", "role/denial"),
            Invariant::Metadata => ("precondition/date-on-a-denial", "role/denial"),
            Invariant::NoContent => ("method/head-with-words-on-a-denial", "noleak/methods"),
            Invariant::Secrets => ("token/repeated-to-its-holder", "role/denial"),
            Invariant::Uniform => ("token/reason-in-a-header", "role/denial"),
        };
        let with = verdicts(&corpus, broken(mutant), suite, None).await;
        let without = verdicts(&corpus, broken(mutant), suite, Some(invariant)).await;
        let missed = charged(&with).difference(&charged(&without)).count();
        assert!(missed > 0, "{}: left out, nothing in {suite} misses it on {mutant}", invariant.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_that_is_left_out_is_missed() {
    let idle = || {
        let (name, habit) = IDLE.iter().find(|(name, _)| *name == "always-302").unwrap();
        Gate::InProcess(Arc::new(IdleGate::new(name, *habit, Arc::default())))
    };
    let mut corpus = corpus();
    let unproven = verdicts(&corpus, idle(), "role/denial", None).await;
    assert!(unproven.iter().all(|(_, verdict)| *verdict != Verdict::Pass));
    assert!(unproven.iter().any(|(_, verdict)| matches!(verdict, Verdict::Unproven(_))));
    // The same with a control that any gate passes which never lets anybody in: now it passes for a gate.
    let suite = Arc::make_mut(corpus.suites.iter_mut().find(|suite| suite.id == "role/denial").unwrap());
    let denied = "role/denial/no-token";
    assert!(suite.case(denied).is_some());
    suite.cases.iter_mut().for_each(|case| denied.clone_into(&mut Arc::make_mut(case).control));
    let passed = verdicts(&corpus, idle(), "role/denial", None).await;
    assert!(passed.iter().any(|(_, verdict)| *verdict == Verdict::Pass));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_the_listener_is_noticed() {
    let listener = Listener::open().await;
    assert_eq!(listener.verdict().await, Verdict::Pass);
    let address = listener.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    tokio::net::TcpStream::connect(address).await.unwrap();
    assert!(matches!(listener.verdict().await, Verdict::Fail(_)));
}
