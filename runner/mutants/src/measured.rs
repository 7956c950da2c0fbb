//! How well causes are named, measured on gates whose defects are known: one, two or three at a time.
//!
//! A gate with several defects is made of the answers of gates with one: to a case that several of them fail it gives the answer of the first. A defect shows if
//! enough of the answers are its own. Whoever has the same cases and the same answers is the same cause under another name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gatecheck::answer::Class;
use gatecheck::corpus::Corpus;
use gatecheck::report::causes::MOST;

use super::Mutant;
use super::ground::Sites;
use super::matrix::Matrix;
use super::suspects::{Answers, Came, ask, candidates, sample, select};

/// How many causes are looked at for a true one.
const FIRST: usize = 5;
/// No more cases of one defect than this are asked.
const ASKED: usize = 400;

/// How well causes are named.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Measured {
    /// How many gates were looked at.
    pub gates: usize,
    /// How many defects showed.
    pub true_ones: usize,
    /// How many of them were named among the first five.
    pub named: usize,
    /// How many causes were named.
    pub told: usize,
    /// How many of them were none.
    pub wrong: usize,
    /// What was not named, and what was named and is none.
    pub notes: Vec<String>,
}

/// Gates with `size` defects each, `count` of them, drawn by a seed.
pub async fn measure(corpus: &Arc<Corpus>, matrix: &Matrix, size: usize, count: usize, seed: u64) -> Measured {
    let fresh: BTreeSet<&str> =
        corpus.cases().filter(|(suite, _)| matrix.is_fresh(suite)).map(|(_, case)| case.id.as_str()).collect();
    let rows: BTreeMap<&str, BTreeSet<&str>> = matrix
        .rows()
        .into_iter()
        .map(|(id, row)| (id, row.into_iter().filter_map(|case| fresh.get(case).copied()).collect::<BTreeSet<_>>()))
        .filter(|(_, row)| !row.is_empty())
        .collect();
    let tests: BTreeMap<&str, &str> = corpus.cases().map(|(_, case)| (case.id.as_str(), case.requirement())).collect();
    let requirement = |case: &str| tests.get(case).copied().unwrap_or_default();
    let drawn: Vec<&'static Mutant> =
        super::all().filter(|mutant| !mutant.remembers && rows.contains_key(mutant.id)).collect();
    let sites: Arc<Sites> = Arc::default();
    let mut known: BTreeMap<&'static str, Answers<'_>> = BTreeMap::new();
    let mut dice = Dice(seed);
    let mut measured = Measured::default();
    for _ in 0..count {
        let mut group: Vec<&'static Mutant> = Vec::new();
        while group.len() < size.min(drawn.len()) {
            let Some(one) = drawn.get(dice.below(drawn.len())) else { break };
            if !group.iter().any(|other| other.id == one.id) {
                group.push(one);
            }
        }
        let parts: BTreeMap<&str, Vec<&str>> =
            group.iter().filter_map(|one| Some((one.id, spread(rows.get(one.id)?)))).collect();
        let wanted = group.iter().map(|one| (*one, parts.get(one.id).into_iter().flatten().copied()));
        learn(corpus, &sites, &mut known, wanted).await;
        // What was left out of a long row is as if nobody had asked it.
        let left_out: BTreeSet<&str> = group
            .iter()
            .filter_map(|one| rows.get(one.id))
            .flatten()
            .filter(|case| !parts.values().flatten().any(|asked| asked == *case))
            .copied()
            .collect();
        let asked: BTreeSet<&str> = fresh.difference(&left_out).copied().collect();
        let mut came: Answers<'_> = BTreeMap::new();
        let mut own: BTreeMap<&str, usize> = BTreeMap::new();
        for one in &group {
            for case in parts.get(one.id).into_iter().flatten() {
                let Some(class) = known.get(one.id).and_then(|answers| answers.get(case)) else { continue };
                if !came.contains_key(case) {
                    came.insert(case, class.clone());
                    let count = own.entry(one.id).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
        let came = Came { asked, answers: came };
        let likely = candidates(&rows, &came, requirement);
        learn(corpus, &sites, &mut known, likely.iter().map(|one| (one.mutant, sample(&one.hits).into_iter()))).await;
        let suspects = select(&likely, &known, &came, MOST);
        let same = |a: &str, b: &str| a == b || are_twins(&rows, &came.asked, &known, a, b);
        measured.gates = measured.gates.saturating_add(1);
        for one in &group {
            let mine = own.get(one.id).copied().unwrap_or_default();
            let whole = rows.get(one.id).map_or(0, BTreeSet::len);
            let all = rows.get(one.id).map_or(0, |row| row.intersection(&came.asked).count());
            // Most of it must be its own: what others hide cannot be seen.
            if !(mine >= 2 || (mine == 1 && whole == 1)) || mine.saturating_mul(5) < all.saturating_mul(3) {
                continue;
            }
            measured.true_ones = measured.true_ones.saturating_add(1);
            if suspects.iter().take(FIRST).any(|suspect| same(suspect.mutant.id, one.id)) {
                measured.named = measured.named.saturating_add(1);
            } else {
                let told: Vec<&str> = suspects.iter().map(|suspect| suspect.mutant.id).collect();
                measured.notes.push(format!("{} ({mine} of {all}) is not among: {}", one.id, told.join(", ")));
            }
        }
        for suspect in &suspects {
            measured.told = measured.told.saturating_add(1);
            if !group.iter().any(|one| same(suspect.mutant.id, one.id)) {
                measured.wrong = measured.wrong.saturating_add(1);
                let group: Vec<&str> = group.iter().map(|one| one.id).collect();
                measured.notes.push(format!("{} is none of: {}", suspect.mutant.id, group.join(", ")));
            }
        }
    }
    measured
}

/// Asks what is not known yet.
async fn learn<'a>(
    corpus: &'a Arc<Corpus>,
    sites: &Arc<Sites>,
    known: &mut BTreeMap<&'static str, Answers<'a>>,
    wanted: impl Iterator<Item = (&'static Mutant, impl Iterator<Item = &'a str>)>,
) {
    let wanted: Vec<(&'static Mutant, Vec<String>)> = wanted
        .map(|(mutant, cases)| {
            let answers = known.get(mutant.id);
            let new = cases.filter(|case| !answers.is_some_and(|answers| answers.contains_key(case)));
            (mutant, new.map(str::to_owned).collect::<Vec<_>>())
        })
        .filter(|(_, cases)| !cases.is_empty())
        .collect();
    for (mutant, answers) in ask(corpus, sites, wanted).await {
        known.entry(mutant).or_default().extend(answers);
    }
}

/// Whether two defects fail the same cases with the same answers, as far as both were asked.
fn are_twins(
    rows: &BTreeMap<&str, BTreeSet<&str>>,
    asked: &BTreeSet<&str>,
    known: &BTreeMap<&'static str, Answers<'_>>,
    a: &str,
    b: &str,
) -> bool {
    let row = |id: &str| -> BTreeSet<&str> {
        rows.get(id).map(|row| row.intersection(asked).copied().collect()).unwrap_or_default()
    };
    let class = |id: &str, case: &str| -> Option<&Class> { known.get(id)?.get(case) };
    let (of_a, of_b) = (row(a), row(b));
    let both = of_a.intersection(&of_b).count();
    let nearly = both.saturating_mul(10) >= of_a.len().max(of_b.len()).saturating_mul(9);
    nearly
        && of_a.intersection(&of_b).all(|case| match (class(a, case), class(b, case)) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        })
}

fn spread<'a>(row: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let step = row.len().div_ceil(ASKED).max(1);
    row.iter().step_by(step).copied().collect()
}

/// Numbers that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        // Knuth's constants for a linear congruential generator of 64 bits; the high half is good enough to draw by.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default().checked_rem(bound).unwrap_or_default()
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { gates, true_ones, named, told, wrong, .. } = self;
        write!(
            f,
            "{gates} gates: {named} of {true_ones} defects that show are among the first five causes; {wrong} of {told} causes are none"
        )
    }
}
