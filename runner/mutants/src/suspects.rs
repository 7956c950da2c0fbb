//! From what a gate answered to the known defects that would answer so.
//!
//! Which cases fail says little: a defect that opens everything and one that opens one door may fail the same case. So a known defect is a suspect only for
//! the cases to which its broken gate gives the answer that came: the same status, the same place of a redirect, the same files, the same fields found wanting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gatecheck::answer::Class;
use gatecheck::corpus::{CaseRef, Corpus};
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::invariants::Invariant;
use gatecheck::run::{Plan, RunOptions};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Mutant;
use super::gate::BrokenGate;
use super::ground::Sites;

/// Case to the class of the answer to it.
pub type Answers<'a> = BTreeMap<&'a str, Class>;

/// How much of what a defect fails must have been answered as its broken gate does.
const LEAST_PART: f64 = 0.6;
/// How much of it must be left to explain when the defects before it are named.
const LEAST_LEFT: f64 = 0.5;
/// No more defects than this are looked at closely.
const CANDIDATES: usize = 60;
/// No more cases than this are asked of one broken gate.
const ASKED: usize = 120;
/// How many broken gates are asked at a time.
const AT_ONCE: usize = 4;

/// A defect with the cases that explain why it is suspected.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The known defect.
    pub mutant: &'static Mutant,
    /// The cases to which its broken gate gives the answer that came, and that no suspect before it explains.
    pub cases: Vec<String>,
}

/// A known defect beside what came.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The defect.
    pub mutant: &'static Mutant,
    /// All that it fails, whether it was asked or not.
    pub row: usize,
    /// All that it fails of what was asked.
    pub fails: usize,
    /// What it fails and failed here.
    pub hits: Vec<&'a str>,
}

/// Whether a defect can be named: where the cases of its own requirement were not asked, or nothing of them failed, what else it fails says of something else.
/// `requirement` is the one that a case tests; what it only touches says little of why it failed.
#[must_use]
pub fn is_told_by_its_own<'c>(
    mutant: &Mutant,
    row: &BTreeSet<&str>,
    requirement: impl Fn(&str) -> &'c str,
    failed: impl Fn(&str) -> bool,
) -> bool {
    let is_own = |case: &&&str| requirement(case) == mutant.requirement;
    let mut own = row.iter().filter(is_own).peekable();
    own.peek().is_none() || own.any(|case| failed(case))
}

/// The defects of which much failed here, the likeliest first.
#[must_use]
pub fn candidates<'a>(
    rows: &BTreeMap<&str, BTreeSet<&'a str>>,
    asked: &BTreeSet<&str>,
    came: &Answers<'_>,
) -> Vec<Candidate<'a>> {
    let mut all: Vec<Candidate<'a>> = super::all()
        .filter_map(|mutant| {
            let row = rows.get(mutant.id)?;
            let of_those_asked = row.iter().copied().filter(|case| asked.contains(case));
            let (hits, others): (Vec<&str>, Vec<&str>) = of_those_asked.partition(|case| came.contains_key(case));
            let fails = hits.len().saturating_add(others.len());
            (!hits.is_empty()).then_some(Candidate { mutant, row: row.len(), fails, hits })
        })
        .filter(|one| part(one.hits.len(), one.fails) >= LEAST_PART)
        .collect();
    all.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(a.mutant.id.cmp(b.mutant.id)));
    all.truncate(CANDIDATES);
    all
}

/// Many cases and few that are missing.
fn rank(one: &Candidate<'_>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rank")]
    let hits = one.hits.len() as f64;
    part(one.hits.len(), one.fails).powi(4) * (1.0 + hits).ln()
}

fn part(some: usize, all: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = some as f64 / all.max(1) as f64;
    share
}

/// The cases of a candidate that its broken gate is asked: all, or as many as is worth it, evenly spread.
#[must_use]
pub fn sample<'a>(hits: &[&'a str]) -> Vec<&'a str> {
    let step = hits.len().div_ceil(ASKED).max(1);
    hits.iter().step_by(step).copied().collect()
}

/// The suspects among the candidates, by what their broken gates answer. Each explains answers that those before it do not; one case is enough only where it
/// is all that the defect fails, for of a defect that fails more a run of a part of the corpus has asked too little to tell it from others.
#[must_use]
pub fn select<'a>(
    candidates: &[Candidate<'a>],
    theirs: &BTreeMap<&str, Answers<'_>>,
    came: &Answers<'_>,
    most: usize,
) -> Vec<Suspect> {
    let agreeing: Vec<(&Candidate<'a>, Vec<&'a str>, usize)> = candidates
        .iter()
        .filter_map(|one| {
            let answers = theirs.get(one.mutant.id)?;
            let sampled: Vec<&str> = sample(&one.hits);
            let same: Vec<&'a str> = one
                .hits
                .iter()
                .copied()
                .filter(|case| answers.get(case).is_some_and(|class| came.get(case) == Some(class)))
                .collect();
            // What was not asked counts as what was.
            let share = part(same.len(), sampled.len());
            let enough = share * part(one.hits.len(), one.fails) >= LEAST_PART;
            enough.then_some((one, same, sampled.len()))
        })
        .collect();
    let mut open: BTreeSet<&str> = came.keys().copied().collect();
    let mut named: Vec<Suspect> = Vec::new();
    while named.len() < most {
        let best = agreeing
            .iter()
            .filter(|(one, ..)| !named.iter().any(|suspect| suspect.mutant.id == one.mutant.id))
            .filter_map(|(one, same, sampled)| {
                let left: Vec<&str> = same.iter().copied().filter(|case| open.contains(case)).collect();
                let whole = part(one.hits.len(), one.fails) * part(same.len(), *sampled);
                let exact = left.len() == 1 && one.row == 1;
                let enough = (left.len() >= 2 || exact) && part(left.len(), same.len()) >= LEAST_LEFT;
                let weight = whole.powi(3) * part(left.len(), 1).sqrt();
                enough.then_some((one, left, weight))
            })
            .max_by(|a, b| a.2.total_cmp(&b.2).then(b.0.fails.cmp(&a.0.fails)).then(b.0.mutant.id.cmp(a.0.mutant.id)));
        let Some((one, left, _)) = best else { break };
        // What was not asked of its broken gate is explained with the rest, where the rest is as it answers.
        let asked: BTreeSet<&str> = sample(&one.hits).into_iter().collect();
        let explained: Vec<&str> = one
            .hits
            .iter()
            .copied()
            .filter(|case| left.contains(case) || (!asked.contains(case) && open.contains(case)))
            .collect();
        for case in &explained {
            open.remove(case);
        }
        named.push(Suspect { mutant: one.mutant, cases: explained.into_iter().map(str::to_owned).collect() });
    }
    named
}

/// What the broken gates of these defects answer to the cases that are worth asking.
pub async fn ask<'a>(
    corpus: &'a Arc<Corpus>,
    sites: &Arc<Sites>,
    wanted: Vec<(&'static Mutant, Vec<String>)>,
) -> BTreeMap<&'static str, Answers<'a>> {
    let ids: BTreeSet<&str> = corpus.cases().map(|(_, case)| case.id.as_str()).collect();
    let mut all: BTreeMap<&'static str, Answers<'a>> = BTreeMap::new();
    let mut wanted = wanted.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((mutant, ids)) = wanted.next()
        {
            let (corpus, sites) = (Arc::clone(corpus), Arc::clone(sites));
            running.spawn(async move { (mutant.id, answers(corpus, sites, mutant, ids).await) });
        }
        let Some(done) = running.join_next().await else { break };
        let Ok((mutant, found)) = done else { continue };
        let told = found.into_iter().filter_map(|(case, class)| Some((*ids.get(case.id())?, class)));
        all.insert(mutant, told.collect());
    }
    all
}

async fn answers(
    corpus: Arc<Corpus>,
    sites: Arc<Sites>,
    mutant: &'static Mutant,
    patterns: Vec<String>,
) -> Vec<(CaseRef, Class)> {
    let gate = Gate::InProcess(Arc::new(BrokenGate::new(*mutant, sites)));
    let without = [(Invariant::Liveness, "a known defect".to_owned())].into();
    let options = RunOptions { patterns, without, ..RunOptions::default() };
    let mut found = Vec::new();
    let Ok(plan) = Plan::new(&corpus, &gate, &options) else { return found };
    let (events, mut happened) = mpsc::unbounded_channel();
    let running = tokio::spawn(gatecheck::run::run(Arc::clone(&corpus), gate, options, plan, events));
    while let Some(event) = happened.recv().await {
        let Event::CaseFinished(finished) = event else { continue };
        found.extend(Class::of(&finished).map(|class| (finished.case.clone(), class)));
    }
    let _ = running.await;
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_named_by_what_fails_of_its_own_requirement() {
        let mutant = crate::all().next().unwrap();
        let requirement = |case: &str| if case == "own" { mutant.requirement } else { "ANOTHER-1" };
        for (row, failed, is_told) in [
            (vec!["own", "other"], "own", true),
            (vec!["own", "other"], "other", false),
            (vec!["other", "another"], "other", true),
        ] {
            let told = is_told_by_its_own(mutant, &row.iter().copied().collect(), requirement, |case| case == failed);
            assert_eq!(told, is_told, "{row:?}, of which {failed} failed");
        }
    }
}
