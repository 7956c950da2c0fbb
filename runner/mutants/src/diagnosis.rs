//! From the set of failed cases to the likeliest known defect: the observed failures are compared with what each mutant fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use gatecheck::corpus::Corpus;
use gatecheck::event::Event;
use gatecheck::verdict::Verdict;

use super::Mutant;
use super::matrix::Matrix;

/// A defect that would explain failures.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The known defect.
    pub mutant: &'static Mutant,
    /// How well its failures and the observed ones fit, from 0 to 1: 1 where they are the same.
    pub fit: f64,
    /// How many of the failures it explains that no suspect before it does.
    pub explains: usize,
}

/// How well a defect has to fit to be named.
const LEAST_FIT: f64 = 0.25;
/// How much of what a defect fails must have failed for it to be named.
const LEAST_PART: f64 = 0.5;
/// How many suspects are named.
const MOST: usize = 5;

/// What each known defect fails, among the cases that were asked.
#[derive(Debug)]
pub struct Symptoms<'a> {
    /// Case to its place in the lists below.
    places: BTreeMap<&'a str, usize>,
    /// How much a case says: one that few defects fail says more about which it is.
    weights: Vec<f64>,
    /// The cases that each defect fails, and what they weigh together.
    defects: Vec<(&'static Mutant, Vec<usize>, f64)>,
}

impl<'a> Symptoms<'a> {
    /// The symptoms that the matrix knows.
    #[must_use]
    pub fn of(matrix: &'a Matrix, asked: &BTreeSet<&str>) -> Self {
        let rows = matrix.rows();
        let mut places = BTreeMap::new();
        let mut counts: Vec<u32> = Vec::new();
        let mut defects = Vec::new();
        for mutant in super::all() {
            let cases = rows.get(mutant.id).into_iter().flatten().filter(|case| asked.contains(*case));
            let mut row = Vec::new();
            for case in cases {
                let place = *places.entry(*case).or_insert(counts.len());
                match counts.get_mut(place) {
                    Some(count) => *count = count.saturating_add(1),
                    None => counts.push(1),
                }
                row.push(place);
            }
            if !row.is_empty() {
                defects.push((mutant, row, 0.0));
            }
        }
        let weights: Vec<f64> = counts.into_iter().map(|count| f64::from(count).recip()).collect();
        for (_, row, weight) in &mut defects {
            *weight = row.iter().filter_map(|place| weights.get(*place)).sum();
        }
        Self { places, weights, defects }
    }

    /// The likeliest defects behind these failures, best first. Each explains failures that those before it do not.
    #[must_use]
    pub fn suspects(&self, failed: &BTreeSet<&str>) -> Vec<Suspect> {
        let mut left: Vec<bool> = self.weights.iter().map(|_| false).collect();
        // A failure that no known defect has counts as much as one that a single defect has.
        let mut unknown = 0.0;
        for case in failed {
            match self.places.get(case).and_then(|place| left.get_mut(*place)) {
                Some(open) => *open = true,
                None => unknown += 1.0,
            }
        }
        let mut named: Vec<Suspect> = Vec::new();
        while named.len() < MOST {
            let observed = self.weigh(left.iter().enumerate().filter(|(_, open)| **open).map(|(place, _)| place));
            let is_open = |place: &usize| left.get(*place).copied().unwrap_or_default();
            let best = self
                .defects
                .iter()
                .filter(|(mutant, _, _)| !named.iter().any(|suspect| suspect.mutant.id == mutant.id))
                .map(|(mutant, row, own)| {
                    let both = self.weigh(row.iter().copied().filter(is_open));
                    let either = own + observed + unknown - both;
                    // Where a gate has several defects none is alike to all its failures: then count how much of the defect is there.
                    (*mutant, row, both / either, both / own)
                })
                .filter(|(_, _, _, part)| *part >= LEAST_PART)
                .max_by(|a, b| a.2.total_cmp(&b.2).then(a.3.total_cmp(&b.3)).then(b.1.len().cmp(&a.1.len())));
            let Some((mutant, row, alike, part)) = best else { break };
            let explains = row.iter().filter(|place| is_open(place)).count();
            let fit = if named.is_empty() { alike.max(part * 0.5) } else { part * 0.5 };
            if explains == 0 || fit < LEAST_FIT {
                break;
            }
            named.push(Suspect { mutant, fit, explains });
            for place in row {
                if let Some(open) = left.get_mut(*place) {
                    *open = false;
                }
            }
        }
        named
    }

    fn weigh(&self, places: impl Iterator<Item = usize>) -> f64 {
        places.filter_map(|place| self.weights.get(place)).sum()
    }
}

/// Watches a run, and says at its end what the failures look like.
#[derive(Debug, Default)]
pub struct Watch {
    corpus: Option<Arc<Corpus>>,
    asked: BTreeSet<(usize, usize)>,
    failed: BTreeSet<(usize, usize)>,
}

impl Watch {
    /// Notes an event.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::RunStarted(started) => self.corpus = Some(Arc::clone(&started.corpus)),
            Event::CaseFinished(finished) => {
                let place = (finished.suite, finished.case);
                match &finished.verdict {
                    Verdict::Fail(_) | Verdict::Leak(_) => {
                        self.asked.insert(place);
                        self.failed.insert(place);
                    }
                    Verdict::Pass | Verdict::Observed(_) => {
                        self.asked.insert(place);
                    }
                    // What was not judged says nothing, but it would have been judged if the defect were another.
                    Verdict::Unproven(_) => {
                        self.asked.insert(place);
                    }
                    Verdict::Error(_) | Verdict::Unsupported { .. } => {}
                }
            }
            _ => {}
        }
    }

    /// The likeliest defects, best first. A suite that has changed since it was measured says nothing.
    #[must_use]
    pub fn suspects(&self) -> Vec<Suspect> {
        let Some(corpus) = self.corpus.as_ref().filter(|_| !self.failed.is_empty()) else { return Vec::new() };
        let matrix = Matrix::kept(corpus);
        let ids = |places: &BTreeSet<(usize, usize)>| -> BTreeSet<&str> {
            let suite = |at: usize| corpus.suites.get(at).filter(|suite| matrix.is_fresh(suite));
            places.iter().filter_map(|(at, case)| Some(suite(*at)?.cases.get(*case)?.id.as_str())).collect()
        };
        Symptoms::of(&matrix, &ids(&self.asked)).suspects(&ids(&self.failed))
    }

    /// What the failures look like, in lines for people; empty where nothing known fits.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        for (at, suspect) in self.suspects().iter().enumerate() {
            let lead = if at == 0 { "looks like:" } else { "      and:" };
            let cases = gatecheck::report::cases(suspect.explains);
            let _ = writeln!(out, "{lead} {}  ({}, {cases})", suspect.mutant.says, suspect.mutant.requirement);
        }
        out
    }
}
