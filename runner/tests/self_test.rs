//! Whether the corpus can be believed, in short: a dozen broken gates are caught, no idle gate passes anything, and the diagnosis that is kept is fresh.
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
use gatecheck::mutants::diagnosis::suspects;
use gatecheck::mutants::matrix::Matrix;
use gatecheck::mutants::trial::Court;
use gatecheck::mutants::{Mutant, all, idle};

fn corpus() -> Arc<Corpus> {
    static CORPUS: OnceLock<Arc<Corpus>> = OnceLock::new();
    let open = || Arc::new(Corpus::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance-cases")).unwrap());
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
    let court = Court::new(corpus(), Vec::new());
    let known = Matrix::kept(&corpus());
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
        let fate = court.kill(mutant(id), &known).await;
        assert!(!fate.killers.is_empty(), "{id} survives");
        assert!(fate.by_its_own, "{id} is caught by {:?}, and by no case of {}", fate.killers, fate.mutant.requirement);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_idle_gate_passes_anything() {
    let court = Court::new(corpus(), SUITES.map(str::to_owned).to_vec());
    for (name, habit) in idle::ALL {
        let trial = court.idle(name, *habit).await;
        assert!(trial.asked > 50, "{name} was asked {} cases", trial.asked);
        assert!(trial.passed.is_empty(), "{name} passes {:?}", trial.passed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_of_the_broken_gates_is_sound() {
    let court = Court::new(corpus(), SUITES.map(str::to_owned).to_vec());
    let trial = court.sound().await;
    assert!(trial.found.is_empty() && trial.unjudged.is_empty() && trial.not_started.is_empty(), "{trial:?}");
    assert!(trial.passed.len() > 50);
}

#[test]
#[ignore = "needs the kill matrix that `gatecheck self-test --matrix --keep runner/src/mutants/kills.txt` measures"]
fn the_kept_matrix_names_every_mutant_and_can_be_read_back() {
    let corpus = corpus();
    let matrix = Matrix::kept(&corpus);
    let measured: BTreeSet<&str> = matrix.rows().map(|(mutant, _)| mutant).collect();
    let missing: Vec<&str> = all().map(|mutant| mutant.id).filter(|id| !measured.contains(id)).collect();
    assert!(
        missing.is_empty(),
        "not measured: {missing:?}; run `gatecheck self-test --matrix --keep runner/src/mutants/kills.txt`"
    );
    assert_eq!(Matrix::read(&matrix.write(&corpus), &corpus), matrix);
}

/// Cases come and go, so the kept matrix may lag behind a little, and no more.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the kill matrix that `gatecheck self-test --matrix --keep runner/src/mutants/kills.txt` measures"]
async fn the_kept_matrix_is_fresh() {
    let court = Court::new(corpus(), vec!["token/exp".to_owned(), "http/conditional".to_owned()]);
    let matrix = Matrix::kept(&corpus());
    for id in ["token/exp-ignored", "token/exp-null-is-never", "precondition/if-match-ignored"] {
        let found = court.whole(mutant(id)).await.killers;
        let kept: BTreeSet<String> = matrix
            .killers(id)
            .unwrap()
            .iter()
            .filter(|case| case.starts_with("token/exp/") || case.starts_with("http/conditional/"))
            .cloned()
            .collect();
        let (both, either) = (found.intersection(&kept).count(), found.union(&kept).count());
        assert!(both * 10 >= either * 9, "{id}: found {found:?}, kept {kept:?}");
    }
}

#[test]
#[ignore = "needs the kill matrix that `gatecheck self-test --matrix --keep runner/src/mutants/kills.txt` measures"]
fn nine_in_ten_single_defects_are_named_first() {
    let corpus = corpus();
    let matrix = Matrix::kept(&corpus);
    let asked: BTreeSet<&str> = corpus.cases().map(|(_, case)| case.id.as_str()).collect();
    let (mut right, mut rows) = (0, 0);
    for (id, cases) in matrix.rows() {
        let failed: BTreeSet<&str> = cases.iter().map(String::as_str).collect();
        rows += 1;
        right += usize::from(suspects(&matrix, &asked, &failed).first().is_some_and(|suspect| suspect.mutant.id == id));
    }
    assert!(right * 10 >= rows * 9, "{right} of {rows}");
}

#[test]
#[ignore = "needs the kill matrix that `gatecheck self-test --matrix --keep runner/src/mutants/kills.txt` measures"]
fn two_defects_at_once_are_both_named() {
    let corpus = corpus();
    let matrix = Matrix::kept(&corpus);
    let asked: BTreeSet<&str> = corpus.cases().map(|(_, case)| case.id.as_str()).collect();
    let failed: BTreeSet<&str> = ["token/exp-ignored", "cookie/authorization-read"]
        .iter()
        .flat_map(|id| matrix.killers(id).unwrap())
        .map(String::as_str)
        .collect();
    let named: BTreeSet<&str> = suspects(&matrix, &asked, &failed).iter().map(|suspect| suspect.mutant.id).collect();
    assert!(named.contains("token/exp-ignored") && named.contains("cookie/authorization-read"), "{named:?}");
}
