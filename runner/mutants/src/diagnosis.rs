//! From the set of failed cases to the likeliest known defect: the observed failures are compared with what each mutant fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gatecheck::answer::Class;
use gatecheck::corpus::Corpus;
use gatecheck::event::Event;
use gatecheck::report::causes::{MOST as MOST_CAUSES, Named};
use gatecheck::verdict::Verdict;

use super::Mutant;
use super::matrix::Matrix;
use super::suspects::{Answers, ask, candidates, sample, select};

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

/// Watches a run, and says at its end which known defects would give the answers that came.
#[derive(Debug)]
pub struct Watch {
    /// As it is written: a broken gate is asked what the cases say, and not what another gate is asked in its place.
    written: Arc<Corpus>,
    corpus: Option<Arc<Corpus>>,
    asked: BTreeSet<(usize, usize)>,
    failed: BTreeMap<(usize, usize), Class>,
}

impl Watch {
    /// A watch that has seen nothing yet; `written` is the corpus before it was made to fit a gate.
    #[must_use]
    pub fn new(written: Arc<Corpus>) -> Self {
        Self { written, corpus: None, asked: BTreeSet::new(), failed: BTreeMap::new() }
    }

    /// Notes an event.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::RunStarted(started) => self.corpus = Some(Arc::clone(&started.corpus)),
            Event::CaseFinished(finished) => {
                let place = (finished.suite, finished.case);
                match &finished.verdict {
                    Verdict::Fail(_) | Verdict::Leak(_) => {
                        self.asked.insert(place);
                        let case = self.corpus.as_deref().and_then(|corpus| {
                            let suite = corpus.suites.get(place.0)?;
                            Some((suite, suite.cases.get(place.1)?))
                        });
                        if let Some(class) = case.and_then(|(suite, case)| Class::of(suite, case, finished)) {
                            self.failed.insert(place, class);
                        }
                    }
                    // What was not judged says nothing, but it would have been judged if the defect were another.
                    Verdict::Pass | Verdict::Observed(_) | Verdict::Unproven(_) => {
                        self.asked.insert(place);
                    }
                    Verdict::Error(_) | Verdict::Unsupported { .. } => {}
                }
            }
            _ => {}
        }
    }

    /// The known defects that would give these answers, best first; their broken gates are asked. A suite that has changed since it was measured says nothing.
    pub async fn causes(&self) -> Vec<Named> {
        if self.failed.is_empty() {
            return Vec::new();
        }
        let corpus = &self.written;
        let matrix = Matrix::kept(corpus);
        let id = |place: &(usize, usize)| {
            let suite = corpus.suites.get(place.0).filter(|suite| matrix.is_fresh(suite))?;
            Some(suite.cases.get(place.1)?.id.as_str())
        };
        let asked: BTreeSet<&str> = self.asked.iter().filter_map(id).collect();
        let came: Answers<'_> =
            self.failed.iter().filter_map(|(place, class)| Some((id(place)?, class.clone()))).collect();
        let rows = matrix.rows();
        let candidates = candidates(&rows, &asked, &came);
        let wanted = candidates
            .iter()
            .map(|one| (one.mutant, sample(&one.hits).into_iter().map(str::to_owned).collect()))
            .collect();
        let theirs = ask(corpus, &Arc::default(), wanted).await;
        select(&candidates, &theirs, &came, MOST_CAUSES)
            .into_iter()
            .map(|suspect| Named {
                broken_gate: suspect.mutant.id.to_owned(),
                says: suspect.mutant.says.to_owned(),
                requirement: suspect.mutant.requirement.to_owned(),
                cases: suspect.cases,
            })
            .collect()
    }
}
