//! Whether the corpus can be believed, in short: a dozen broken gates are caught, no idle gate passes anything, the matrix that is
//! kept is fresh, and defects are named.
//! `gatecheck self-test` asks all of them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use gatecheck::corpus::Corpus;
use gatecheck_mutants::matrix::Matrix;
use gatecheck_mutants::measured::measure;
use gatecheck_mutants::teeth::{reasons, teeth};
use gatecheck_mutants::trial::Trials;
use gatecheck_mutants::{Mutant, all, idle};

fn corpus() -> Arc<Corpus> {
    static CORPUS: OnceLock<Arc<Corpus>> = OnceLock::new();
    let open =
        || Arc::new(Corpus::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases")).unwrap());
    Arc::clone(CORPUS.get_or_init(open))
}

fn mutant(id: &str) -> &'static Mutant {
    all().find(|mutant| mutant.id == id).unwrap_or_else(|| panic!("no mutant `{id}`"))
}

/// Suites that between them ask for most of what a gate does; the whole corpus is for `gatecheck self-test`.
const SUITES: [&str; 4] = ["role/denial", "token/exp", "http/conditional", "cookie/elsewhere"];

#[test]
fn ids_are_unique_and_requirements_stand_in_the_ledger() {
    let corpus = corpus();
    let mut ids = BTreeSet::new();
    for mutant in all() {
        assert!(ids.insert(mutant.id), "{} stands twice", mutant.id);
        assert!(
            corpus.requirement(mutant.requirement).is_some(),
            "{}: no requirement {}",
            mutant.id,
            mutant.requirement
        );
        assert!(!mutant.says.ends_with('.') && !mutant.says.is_empty(), "{}: a clause without a full stop", mutant.id);
    }
    assert!(ids.len() >= 120, "{} broken gates", ids.len());
    assert!(idle::ALL.len() >= 15, "{} idle gates", idle::ALL.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dozen_broken_gates_are_caught_by_their_own_requirement() {
    let trials = Trials::new(corpus(), Vec::new());
    let matrix = Matrix::kept(&corpus());
    let known = matrix.rows();
    for id in [
        "token/signature-unchecked",
        "token/exp-in-milliseconds",
        "claim/roles-that-users-edit",
        "role/in-any-case",
        "denial/ends-in-the-file",
        "rules/unreadable-role-line-dropped",
        "match/splat-without-slash",
        "subst/splat-climbs",
        "location/query-dropped",
        "cookie/name-by-its-end",
        "path/encoded-dots-unresolved-by-rules",
        "precondition/tag-on-a-denial",
        "cache/admitted-is-public",
    ] {
        let killers = known.get(id).into_iter().flatten().map(|case| (*case).to_owned()).collect();
        let fate = trials.kill(mutant(id), &killers).await;
        assert!(!fate.killers.is_empty(), "{id} survives");
        assert!(fate.by_its_own, "{id} is caught by {:?}, and by no case of {}", fate.killers, fate.mutant.requirement);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_idle_gate_passes_anything() {
    let trials = Trials::new(corpus(), SUITES.map(str::to_owned).to_vec());
    for (name, habit) in idle::ALL {
        let trial = trials.idle(name, *habit).await;
        assert!(trial.asked > 50, "{name} was asked {} cases", trial.asked);
        assert!(trial.passed.is_empty(), "{name} passes {:?}", trial.passed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_of_the_broken_gates_is_sound() {
    let trials = Trials::new(corpus(), SUITES.map(str::to_owned).to_vec());
    let trial = trials.sound().await;
    assert!(trial.found.is_empty() && trial.unjudged.is_empty() && trial.not_started.is_empty(), "{trial:?}");
    assert!(trial.passed.len() > 50);
}

/// What `gatecheck self-test` measures by itself where it must, and says how to keep.
const KEEP: &str = "run `gatecheck self-test --keep runner/mutants/kills.txt`";

#[test]
fn the_kept_matrix_can_be_read_back() {
    let corpus = corpus();
    let matrix = Matrix::kept(&corpus);
    assert!(matrix.rows().values().filter(|cases| !cases.is_empty()).count() >= 120, "{KEEP}");
    assert_eq!(Matrix::read(&matrix.write(&corpus), &corpus), matrix);
}

/// Suites and broken gates come and go, so the kept matrix may lag behind a little, and no more.
#[test]
fn the_kept_matrix_knows_nine_in_ten_suites_and_broken_gates() {
    let corpus = corpus();
    let matrix = Matrix::kept(&corpus);
    let stale: Vec<&str> =
        corpus.suites.iter().filter(|suite| !matrix.is_fresh(suite)).map(|suite| suite.id.as_str()).collect();
    let new: Vec<&str> = all().map(|mutant| mutant.id).filter(|id| !matrix.knows(id)).collect();
    assert!(stale.len() * 10 <= corpus.suites.len(), "changed since they were measured: {stale:?}; {KEEP}");
    assert!(new.len() * 10 <= all().count(), "never measured: {new:?}; {KEEP}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_kept_matrix_says_is_what_happens() {
    let suites = ["token/exp", "http/conditional"];
    let trials = Trials::new(corpus(), Vec::new());
    let matrix = Matrix::kept(&corpus());
    let rows = matrix.rows();
    for id in ["token/exp-ignored", "token/exp-null-is-never", "precondition/if-match-ignored"] {
        let found = trials.measure(mutant(id), &suites.map(str::to_owned)).await.killers;
        let is_in = |case: &&str| suites.iter().any(|suite| case.starts_with(&format!("{suite}/")));
        let kept: BTreeSet<String> = rows[id].iter().copied().filter(is_in).map(str::to_owned).collect();
        let (both, either) = (found.intersection(&kept).count(), found.union(&kept).count());
        assert!(both * 10 >= either * 9, "{id}: found {found:?}, kept {kept:?}; {KEEP}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defects_are_named_first_and_nothing_else_is_named() {
    let corpus = corpus();
    let matrix = Matrix::kept(&corpus);
    for (size, count) in [(1, 12), (2, 6), (3, 4)] {
        let found = measure(&corpus, &matrix, size, count, 11).await;
        assert!(found.true_ones >= count, "{found}: too few show; {KEEP}");
        assert!(found.named * 10 >= found.true_ones * 9, "{found}: {:#?}", found.notes);
        assert!(found.wrong * 20 <= found.told, "{found}: {:#?}", found.notes);
    }
}

#[test]
fn every_case_that_turns_a_visitor_away_bites_or_is_excused() {
    let corpus = corpus();
    let reasons = reasons().unwrap();
    for reason in &reasons {
        assert!(reason.reason.len() > 20 && reason.reason.ends_with('.'), "{}: a sentence, please", reason.cases);
    }
    let teeth = teeth(&corpus, &Matrix::kept(&corpus), &reasons);
    let blunt: Vec<&str> = teeth.blunt.iter().map(|case| case.id.as_str()).collect();
    assert!(teeth.biting > 1000, "{} cases bite", teeth.biting);
    assert!(
        blunt.is_empty(),
        "these catch no broken gate of their own requirement; write one in runner/mutants/src/defects, or a reason in runner/mutants/reasons.yaml, and {KEEP}: {blunt:#?}"
    );
    assert!(teeth.idle_reasons.is_empty(), "these excuse no case: {:?}", teeth.idle_reasons);
}
