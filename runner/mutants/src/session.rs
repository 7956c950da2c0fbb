//! One self-test: every broken gate, every idle gate and the sound ones are tried, a number of them at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gatecheck::corpus::assertion::unsaid;
use gatecheck::gates::InProcess;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::matrix::Matrix;
use super::trial::{Fate, Trial, Trials};
use super::{Mutant, idle};

/// What is tried.
#[derive(Clone, Debug)]
pub struct TestPlan {
    /// The broken gates.
    pub mutants: Vec<&'static Mutant>,
    /// What of the kill matrix is measured.
    pub measure: Measure,
    /// What is known of the kill matrix.
    pub kept: Matrix,
    /// The reference as its own server serves it: it must be charged with nothing.
    pub reference: Arc<dyn InProcess>,
    /// How many gates are tried at a time.
    pub at_once: usize,
}

/// What of the kill matrix is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Every selected case.
    All,
    /// What the kept matrix does not know: suites that have changed, and new broken gates.
    News,
    /// Nothing; a broken gate is only asked until a case catches it.
    Nothing,
}

/// What came of a self-test.
#[derive(Debug)]
pub struct Outcome {
    /// What became of each broken gate.
    pub fates: Vec<Fate>,
    /// Idle gate to the cases that it passes.
    pub proven: BTreeMap<&'static str, BTreeSet<String>>,
    /// The sound gates, and what they were charged with.
    pub alarms: Vec<(&'static str, Trial)>,
    /// The kept matrix with what was measured.
    pub matrix: Matrix,
    /// How many pairs of a broken gate and a case were measured.
    pub measured: usize,
    /// The MUST cases that assert what the sentence they stand under does not say.
    pub unsaid: BTreeSet<String>,
}

/// Tries everything that the plan names.
pub async fn carry_out(trials: &Arc<Trials>, plan: &TestPlan) -> Outcome {
    let kept = &plan.kept;
    let news = news(trials, kept);
    let rows = kept.rows();
    let turns = Arc::new(Semaphore::new(plan.at_once.max(1)));
    let mut mutants = JoinSet::new();
    for mutant in plan.mutants.iter().copied() {
        let known: BTreeSet<String> =
            rows.get(mutant.id).into_iter().flatten().map(|case| (*case).to_owned()).collect();
        let measured = match plan.measure {
            Measure::All => Some(trials.patterns().to_vec()),
            Measure::News if !kept.knows(mutant.id) => Some(trials.patterns().to_vec()),
            Measure::News => Some(news.clone()).filter(|suites| !suites.is_empty()),
            Measure::Nothing => None,
        };
        let (trials, turns) = (Arc::clone(trials), Arc::clone(&turns));
        mutants.spawn(async move {
            let _turn = turns.acquire_owned().await;
            let Some(patterns) = measured else { return (trials.kill(mutant, &known).await, None) };
            let whole = trials.measure(mutant, &patterns).await;
            let asked = if whole.by_its_own { whole.clone() } else { trials.kill(mutant, &known).await };
            let fate = if asked.killers.is_empty() { whole.clone() } else { asked };
            (fate, Some((patterns, whole.killers)))
        });
    }
    let mut idles = JoinSet::new();
    for (name, habit) in idle::ALL.iter().copied() {
        let (trials, turns) = (Arc::clone(trials), Arc::clone(&turns));
        idles.spawn(async move {
            let _turn = turns.acquire_owned().await;
            (name, trials.idle(name, habit).await.passed)
        });
    }
    let alarms = vec![
        ("the reference", trials.reference(Arc::clone(&plan.reference)).await),
        ("the reference, served as the broken gates are", trials.sound().await),
    ];
    let proven = idles.join_all().await.into_iter().collect();
    let (mut matrix, mut measured) = (kept.clone(), 0_usize);
    let mut fates = Vec::new();
    for (fate, whole) in mutants.join_all().await {
        if let Some((patterns, killers)) = whole {
            let asked: Vec<String> = trials.matching(&patterns).map(|case| case.id.clone()).collect();
            measured = measured.saturating_add(asked.len());
            matrix.note(fate.mutant.id, asked, &killers);
        }
        fates.push(fate);
    }
    fates.sort_by_key(|fate| fate.mutant.id);
    if is_whole(trials, plan) {
        trials.corpus().suites.iter().for_each(|suite| matrix.settle(suite));
        matrix.prune(|id| super::all().any(|mutant| mutant.id == id), trials.corpus());
    }
    Outcome { fates, proven, alarms, matrix, measured, unsaid: unsaid(trials.corpus()) }
}

/// The suites that have changed since they were measured.
fn news(trials: &Trials, kept: &Matrix) -> Vec<String> {
    let stale = trials.corpus().suites.iter().filter(|suite| !kept.is_fresh(suite));
    stale.map(|suite| suite.id.clone()).collect()
}

/// Whether the matrix knows everything afterwards.
fn is_whole(trials: &Trials, plan: &TestPlan) -> bool {
    trials.patterns().is_empty() && plan.measure != Measure::Nothing && plan.mutants.len() == super::all().count()
}

impl Outcome {
    /// The broken gates that no case catches.
    pub fn survivors(&self) -> impl Iterator<Item = &Fate> {
        self.fates.iter().filter(|fate| fate.killers.is_empty())
    }

    /// What the sound gates were charged with, by gate.
    pub fn false_alarms(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.alarms.iter().flat_map(|(gate, trial)| {
            let unjudged = trial.unjudged.iter().map(|(case, _)| case);
            trial.found.iter().chain(unjudged).chain(&trial.not_started).map(move |what| (*gate, what.as_str()))
        })
    }

    /// Whether every broken gate is caught, no idle gate passes anything, and no sound gate is charged with anything.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.survivors().next().is_none()
            && self.false_alarms().next().is_none()
            && self.proven.values().all(BTreeSet::is_empty)
            && self.unsaid.is_empty()
    }
}
