//! Every case of the corpus is a test of its own against the embedded reference: `cargo test role/denial` finds them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gatecheck::corpus::Corpus;
use gatecheck::corpus::expectation::Expected;
use gatecheck::event::{Event, Finished};
use gatecheck::report::outcome::{actual, expected};
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::Verdict;
use gatecheck_cli::embedded;
use libtest_mimic::{Arguments, Failed, Trial};

/// The verdicts of one suite, found when the first of its cases is asked for.
type Verdicts = OnceLock<BTreeMap<String, Finished>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = match Corpus::open(&folder) {
        Ok(corpus) => Arc::new(corpus.held_to_the_reference()),
        Err(errors) => {
            for error in errors {
                eprintln!("{error}");
            }
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    for suite in &corpus.suites {
        let verdicts: Arc<Verdicts> = Arc::new(OnceLock::new());
        for case in &suite.cases {
            // The embedded gate speaks plain HTTP; `tests/deployed.rs` asks these.
            let needs_tls = case.features.iter().any(|feature| feature == "tls");
            let (corpus, verdicts, suite, case) =
                (Arc::clone(&corpus), Arc::clone(&verdicts), suite.id.clone(), case.id.clone());
            let trial = Trial::test(case.clone(), move || {
                let verdicts = verdicts.get_or_init(|| run_suite(&corpus, &suite));
                let finished = verdicts.get(&case).ok_or("the case was not run")?;
                check(finished)
            });
            trials.push(trial.with_ignored_flag(needs_tls));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn check(finished: &Finished) -> Result<(), Failed> {
    let (suite, case) = (finished.case.suite(), finished.case.case());
    match (&finished.verdict, &case.expected) {
        (Verdict::Pass, _) => Ok(()),
        // A SURVEY case that records no choice of the reference.
        (Verdict::Observed(_), Expected::Observe { .. }) => Ok(()),
        _ => Err(format!(
            "{}:{}\n  expected {}\n  got      {}",
            suite.file,
            case.line,
            expected(&case.expected),
            actual(finished)
        )
        .into()),
    }
}

fn run_suite(corpus: &Arc<Corpus>, suite: &str) -> BTreeMap<String, Finished> {
    let options = RunOptions {
        patterns: vec![suite.to_owned()],
        jobs: 8,
        timeout: Duration::from_secs(10),
        ..RunOptions::default()
    };
    let plan = Plan::new(corpus, &embedded::gate(), &options).expect("the suite has cases");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    runtime.block_on(gatecheck::run::run(Arc::clone(corpus), embedded::gate(), options, plan, events));
    let mut verdicts = BTreeMap::new();
    while let Ok(event) = happened.try_recv() {
        if let Event::CaseFinished(finished) = event {
            verdicts.insert(finished.case.id().to_owned(), *finished);
        }
    }
    verdicts
}
