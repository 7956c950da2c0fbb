//! From what a gate answered to the known defects that would answer so.
//!
//! Which cases fail says little: a defect that opens everything and one that opens one door may fail the same case. So a known defect is a suspect only for
//! the cases to which its broken gate gives the answer that came: the same status, the same place of a redirect, the same files, the same fields found wanting.

use std::cmp::Ordering;
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
use super::trial::breaks;

/// Case to the class of the answer to it.
pub type Answers<'a, C = Class> = BTreeMap<&'a str, C>;

/// How much of what a defect fails must have been answered as its broken gate does.
const LEAST_PART: f64 = 0.6;
/// How much of it must be left to explain when the defects before it are named.
const LEAST_LEFT: f64 = 0.5;
/// As few cases as this say little where nothing beside them passed, or one of them is of another requirement.
const FEW: usize = 2;
/// No more cases than this are asked of one broken gate.
const ASKED: usize = 120;
/// No more than this of all of them.
const MOST_ASKED: usize = 60 * ASKED;
/// How many broken gates are asked at a time.
const AT_ONCE: usize = 4;

/// A defect with the cases that explain why it is suspected.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The known defect.
    pub mutant: &'static Mutant,
    /// Other known defects that would give all of these answers as well: what was asked does not tell them apart.
    pub others: Vec<&'static Mutant>,
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
    /// What of this tests the requirement that it breaks; none where no case does that it fails.
    pub own: Option<BTreeSet<&'a str>>,
}

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Came<'a, C = Class> {
    /// What was asked.
    pub asked: BTreeSet<&'a str>,
    /// What came to the cases that failed.
    pub answers: Answers<'a, C>,
}

/// The defects of which much failed here, the likeliest first. `requirement` is the one that a case tests: of a defect of whose own nothing failed, what else it
/// fails says of something else.
#[must_use]
pub fn candidates<'a, 'c, C>(
    rows: &BTreeMap<&str, BTreeSet<&'a str>>,
    came: &Came<'_, C>,
    requirement: impl Fn(&str) -> &'c str,
) -> Vec<Candidate<'a>> {
    let mut all: Vec<Candidate<'a>> = super::all()
        .filter_map(|mutant| {
            let row = rows.get(mutant.id)?;
            let of_those_asked = row.iter().copied().filter(|case| came.asked.contains(case));
            let (hits, others): (Vec<&str>, Vec<&str>) =
                of_those_asked.partition(|case| came.answers.contains_key(case));
            let is_own = |case: &&str| breaks(mutant, requirement(case));
            let fails = hits.len().saturating_add(others.len());
            let own = row.iter().any(is_own).then(|| hits.iter().copied().filter(is_own).collect::<BTreeSet<_>>());
            let is_told = !hits.is_empty() && own.as_ref().is_none_or(|own| !own.is_empty());
            is_told.then_some(Candidate { mutant, row: row.len(), fails, hits, own })
        })
        .filter(|one| part(one.hits.len(), one.fails) >= LEAST_PART)
        .collect();
    all.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(a.mutant.id.cmp(b.mutant.id)));
    let mut asked = 0_usize;
    all.into_iter()
        .take_while(|one| {
            asked = asked.saturating_add(sample(&one.hits).len());
            asked <= MOST_ASKED
        })
        .collect()
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

/// A candidate whose broken gate answers as this one did.
struct Agreeing<'c, 'a> {
    candidate: &'c Candidate<'a>,
    /// The cases to which it does.
    same: Vec<&'a str>,
    /// How much of what it fails came as it answers.
    whole: f64,
}

impl<'a> Agreeing<'_, 'a> {
    /// By how much it is held up: what came as it answers, less where something passed that it fails.
    fn support(&self) -> f64 {
        part(self.same.len(), 1) * part(self.candidate.hits.len(), self.candidate.fails)
    }

    /// Which of two that explain the same says less beyond it: the one that fails less of the corpus, or the first by id.
    fn narrower(&self, other: &Self) -> Ordering {
        let (one, other) = (self.candidate, other.candidate);
        other.row.cmp(&one.row).then(other.mutant.id.cmp(one.mutant.id))
    }

    /// What of it nobody has explained yet, if that is enough to name the defect.
    fn left<C>(&self, came: &Came<'_, C>, open: &BTreeSet<&str>) -> Option<Vec<&'a str>> {
        let left: Vec<&str> = self.same.iter().copied().filter(|case| open.contains(case)).collect();
        let is_exact = left.len() == 1 && self.candidate.row == 1;
        let is_enough = (left.len() >= 2 || is_exact) && part(left.len(), self.same.len()) >= LEAST_LEFT;
        let is_clear = match left.len() > FEW {
            true => self.is_told_by(&left),
            false => left.iter().all(|case| self.is_told_by(&[*case])) && stands_out(&left, &self.candidate.hits, came),
        };
        (is_enough && is_clear).then_some(left)
    }

    /// Whether one of these cases tests the requirement that the defect breaks: others speak of other defects.
    fn is_told_by(&self, cases: &[&str]) -> bool {
        self.candidate.own.as_ref().is_none_or(|own| cases.iter().any(|case| own.contains(case)))
    }
}

/// Whether a case beside these, in one of their suites, passed: where all of a suite fails, a few of its cases do not say why.
fn stands_out<C>(cases: &[&str], hits: &[&str], came: &Came<'_, C>) -> bool {
    let suites: BTreeSet<&str> = cases.iter().map(|case| suite(case)).collect();
    came.asked
        .iter()
        .any(|case| suites.contains(suite(case)) && !came.answers.contains_key(case) && !hits.contains(case))
}

/// The suite of a case: what stands before the second slash of its id.
fn suite(case: &str) -> &str {
    case.match_indices('/').nth(1).and_then(|(end, _)| case.get(..end)).unwrap_or(case)
}

/// The suspects among the candidates, by what their broken gates answer. Each explains answers that those before it do not, of its own requirement too; one case
/// is enough only where it is all that the defect fails, for of a defect that fails more a run of a part of the corpus has asked too little to tell it from others.
#[must_use]
pub fn select<'a, C: PartialEq>(
    candidates: &[Candidate<'a>],
    theirs: &BTreeMap<&str, Answers<'_, C>>,
    came: &Came<'_, C>,
    most: usize,
) -> Vec<Suspect> {
    let agreeing: Vec<Agreeing<'_, 'a>> = candidates
        .iter()
        .filter_map(|candidate| {
            let answers = theirs.get(candidate.mutant.id)?;
            let sampled: Vec<&str> = sample(&candidate.hits);
            let is_same = |case: &&str| answers.get(case).is_some_and(|class| came.answers.get(case) == Some(class));
            let same: Vec<&'a str> = candidate.hits.iter().copied().filter(is_same).collect();
            // What was not asked counts as what was.
            let whole = part(same.len(), sampled.len()) * part(candidate.hits.len(), candidate.fails);
            (whole >= LEAST_PART).then_some(Agreeing { candidate, same, whole })
        })
        .collect();
    let mut open: BTreeSet<&str> = came.answers.keys().copied().collect();
    let mut named: Vec<Suspect> = Vec::new();
    while named.len() < most {
        let is_new =
            |one: &&Agreeing<'_, 'a>| !named.iter().any(|suspect| suspect.mutant.id == one.candidate.mutant.id);
        let best = agreeing
            .iter()
            .filter(is_new)
            .filter_map(|one| {
                let left = one.left(came, &open)?;
                let weight = one.whole.powi(3) * part(left.len(), 1).sqrt();
                Some((one, left, weight))
            })
            .max_by(|(a, _, light), (b, _, heavy)| light.total_cmp(heavy).then_with(|| a.narrower(b)));
        let Some((best, left, _)) = best else { break };
        // Whatever gives all of these answers and is held up by as much is not told from it, though others may have explained the rest of it already.
        let gives_all =
            |one: &&Agreeing<'_, 'a>| one.is_told_by(&one.same) && left.iter().all(|case| one.same.contains(case));
        let mut alike: Vec<&Agreeing<'_, 'a>> =
            agreeing.iter().filter(is_new).filter(gives_all).filter(|one| one.support() >= best.support()).collect();
        alike.sort_by(|a, b| b.support().total_cmp(&a.support()).then_with(|| b.narrower(a)));
        let mut alike = alike.into_iter();
        let Some(first) = alike.next() else { break };
        let others: Vec<&'static Mutant> = alike.map(|one| one.candidate.mutant).collect();
        // What was not asked of its broken gate is explained with the rest, where the rest is as it answers.
        let Candidate { mutant, hits, .. } = first.candidate;
        let asked: BTreeSet<&str> = sample(hits).into_iter().collect();
        let is_explained = |case: &&str| open.contains(case) && (first.same.contains(case) || !asked.contains(case));
        let explained: Vec<&str> = hits.iter().copied().filter(is_explained).collect();
        for case in &explained {
            open.remove(case);
        }
        named.push(Suspect { mutant, others, cases: explained.into_iter().map(str::to_owned).collect() });
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

    /// What broken gates fail of these cases, and with which answers; and what came: every case that is not among the answers passed.
    struct Told {
        candidates: Vec<Candidate<'static>>,
        theirs: BTreeMap<&'static str, Answers<'static, u16>>,
        came: Came<'static, u16>,
    }

    impl Told {
        fn new(passed: &[&'static str], answers: &[(&'static str, u16)]) -> Self {
            let answers: Answers<'_, u16> = answers.iter().copied().collect();
            let asked = answers.keys().chain(passed).copied().collect();
            Self { candidates: Vec::new(), theirs: BTreeMap::new(), came: Came { asked, answers } }
        }

        /// A known defect that fails these cases so; those that begin with `own` are of its own requirement. `row` is all that it fails.
        fn and(mut self, row: usize, fails: &[(&'static str, u16)]) -> Self {
            let mutant = crate::all().nth(self.candidates.len()).unwrap();
            let hits: Vec<&str> =
                fails.iter().map(|(case, _)| *case).filter(|case| self.came.answers.contains_key(case)).collect();
            let own = hits.iter().copied().filter(|case| case.starts_with("own")).collect();
            self.candidates.push(Candidate { mutant, row, fails: fails.len(), hits, own: Some(own) });
            self.theirs.insert(mutant.id, fails.iter().copied().collect());
            self
        }

        /// Which of them are named, by their place in the list; behind each those that are not told from it.
        fn named(&self) -> Vec<Vec<usize>> {
            let place = |mutant: &Mutant| self.candidates.iter().position(|one| one.mutant.id == mutant.id).unwrap();
            select(&self.candidates, &self.theirs, &self.came, 10)
                .iter()
                .map(|suspect| std::iter::once(&suspect.mutant).chain(&suspect.others).map(|one| place(one)).collect())
                .collect()
        }
    }

    const THREE: [(&str, u16); 3] = [("own/a/x", 404), ("other/a/y", 404), ("other/a/z", 404)];

    #[test]
    fn a_defect_is_named_for_the_answers_of_its_broken_gate() {
        assert_eq!(Told::new(&[], &THREE).and(3, &THREE).named(), [[0]]);
        let others = [("own/a/x", 200), ("other/a/y", 200), ("other/a/z", 404)];
        assert!(Told::new(&[], &THREE).and(3, &others).named().is_empty(), "other answers");
    }

    #[test]
    fn a_defect_is_not_named_for_cases_of_somebody_elses_requirement() {
        let others = [("other/a/w", 404), ("other/a/y", 404), ("other/a/z", 404)];
        assert!(Told::new(&[], &others).and(3, &others).named().is_empty());
        // What of its own is explained already is not its own any more.
        let more = [THREE.as_slice(), &[("other/b/v", 404), ("other/b/w", 404)]].concat();
        let first = ["own/a/x", "own/a/q", "own/a/r", "own/a/s", "own/a/t", "own/a/u"].map(|case| (case, 404));
        let came = [first.as_slice(), &more].concat();
        assert_eq!(Told::new(&[], &came).and(50, &first).and(5, &more).named(), [[0]]);
    }

    #[test]
    fn a_few_cases_are_enough_where_one_beside_them_passed() {
        let two = [("own/a/x", 404), ("own/a/y", 404)];
        assert_eq!(Told::new(&["own/a/p"], &two).and(2, &two).named(), [[0]]);
        assert!(Told::new(&["own/b/p"], &two).and(2, &two).named().is_empty(), "nothing of the suite passed");
        let mixed = [("own/a/x", 404), ("other/a/y", 404)];
        assert!(Told::new(&["own/a/p"], &mixed).and(2, &mixed).named().is_empty(), "one of another requirement");
        let one = [("own/a/x", 404)];
        assert_eq!(Told::new(&["own/a/p"], &one).and(1, &one).named(), [[0]], "all that it fails");
        assert!(Told::new(&["own/a/p"], &one).and(9, &one).named().is_empty(), "one of nine");
    }

    #[test]
    fn defects_that_are_not_told_apart_are_one_cause_and_the_one_that_says_least_stands_first() {
        let wider = [THREE.as_slice(), &[("own/b/w", 302)]].concat();
        assert_eq!(Told::new(&[], &THREE).and(3, &THREE).and(80, &THREE).named(), [[0, 1]]);
        assert_eq!(Told::new(&[], &wider).and(3, &THREE).and(4, &wider).named(), [[1]], "one explains more");
    }

    #[test]
    fn a_narrow_defect_does_not_stand_for_a_wide_one_of_which_others_explain_the_rest() {
        let narrow = [("own/s/1", 200), ("own/s/2", 200)];
        let shared = [("other/h/1", 404), ("other/h/2", 404), ("other/h/3", 404)];
        let wide = [shared.as_slice(), &narrow, &[("own/s/9", 200)]].concat();
        let first = [shared.as_slice(), &[("own/h/4", 404)]].concat();
        let came = [first.as_slice(), &narrow, &[("own/s/9", 500)]].concat();
        let told = Told::new(&["own/s/p"], &came).and(9, &first).and(50, &wide).and(2, &narrow);
        assert_eq!(told.named(), [vec![0], vec![1, 2]]);
    }

    #[test]
    fn what_no_case_of_its_own_tells_is_no_candidate() {
        let mutant = crate::all().next().unwrap();
        let requirement = |case: &str| if case.starts_with("own") { mutant.requirement } else { "ANOTHER-1" };
        let came =
            |failed: &'static str| Came { asked: ["own/a/x", "other/a/y"].into(), answers: [(failed, 404)].into() };
        let row = |cases: &[&'static str]| BTreeMap::from([(mutant.id, cases.iter().copied().collect())]);
        for (cases, failed, told) in [
            (["own/a/x", "other/a/y"], "own/a/x", 0),
            (["own/a/x", "other/a/z"], "own/a/x", 1),
            (["own/a/x", "other/a/z"], "other/a/y", 0),
            (["other/a/y", "other/a/z"], "other/a/y", 1),
        ] {
            let found = candidates(&row(&cases), &came(failed), requirement);
            assert_eq!(found.len(), told, "{cases:?}, of which {failed} failed");
        }
    }
}
