//! From the set of failed cases to the likeliest known defect: the observed failures are compared with what each mutant fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::Mutant;
use super::matrix::Matrix;
use crate::corpus::Corpus;
use crate::event::Event;
use crate::verdict::Verdict;

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
/// How many suspects are named.
const MOST: usize = 5;

/// The likeliest defects behind these failures, among the cases that were asked, best first. Each explains failures that those before it do not.
#[must_use]
pub fn suspects(matrix: &Matrix, asked: &BTreeSet<&str>, failed: &BTreeSet<&str>) -> Vec<Suspect> {
    let rows: Vec<(&'static Mutant, BTreeSet<&str>)> = super::all()
        .filter_map(|mutant| {
            let cases = matrix.killers(mutant.id)?.iter().map(String::as_str).filter(|case| asked.contains(case));
            Some((mutant, cases.collect::<BTreeSet<&str>>()))
        })
        .filter(|(_, cases)| !cases.is_empty())
        .collect();
    let weights = weights(rows.iter().map(|(_, cases)| cases));
    let weigh = |cases: &mut dyn Iterator<Item = &&str>| {
        cases.map(|case| weights.get(*case).copied().unwrap_or(1.0)).sum::<f64>()
    };
    let mut left = failed.clone();
    let mut named: Vec<Suspect> = Vec::new();
    while named.len() < MOST && !left.is_empty() {
        let best = rows
            .iter()
            .filter(|(mutant, _)| !named.iter().any(|suspect| suspect.mutant.id == mutant.id))
            .map(|(mutant, cases)| {
                let both = weigh(&mut cases.intersection(&left));
                let either = weigh(&mut cases.union(&left));
                let own = weigh(&mut cases.iter());
                // Where a gate has several defects none is alike to all its failures: then count how much of the defect is there.
                let jaccard = if either > 0.0 { both / either } else { 0.0 };
                let there = if own > 0.0 { both / own } else { 0.0 };
                (*mutant, cases, jaccard.max(0.0), there)
            })
            .filter(|(_, _, _, there)| *there >= 0.5)
            .max_by(|a, b| a.2.total_cmp(&b.2).then(a.3.total_cmp(&b.3)).then(b.1.len().cmp(&a.1.len())));
        let Some((mutant, cases, fit, there)) = best else { break };
        let explains = cases.intersection(&left).count();
        let fit = if named.is_empty() { fit.max(there * 0.5) } else { there * 0.5 };
        if explains == 0 || fit < LEAST_FIT {
            break;
        }
        named.push(Suspect { mutant, fit, explains });
        left.retain(|case| !cases.contains(case));
    }
    named
}

/// A case that few defects fail says more about which it is.
fn weights<'a>(rows: impl Iterator<Item = &'a BTreeSet<&'a str>>) -> BTreeMap<&'a str, f64> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for case in rows.flatten() {
        let count = counts.entry(case).or_default();
        *count = count.saturating_add(1);
    }
    counts.into_iter().map(|(case, count)| (case, 1.0 / f64::from(count))).collect()
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

    /// The likeliest defects, best first.
    #[must_use]
    pub fn suspects(&self) -> Vec<Suspect> {
        let Some(corpus) = self.corpus.as_ref().filter(|_| !self.failed.is_empty()) else { return Vec::new() };
        let ids = |places: &BTreeSet<(usize, usize)>| -> BTreeSet<&str> {
            places
                .iter()
                .filter_map(|(suite, case)| Some(corpus.suites.get(*suite)?.cases.get(*case)?.id.as_str()))
                .collect()
        };
        suspects(&Matrix::kept(corpus), &ids(&self.asked), &ids(&self.failed))
    }

    /// What the failures look like, in lines for people; empty where nothing known fits.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        for (at, suspect) in self.suspects().iter().enumerate() {
            let lead = if at == 0 { "looks like:" } else { "      and:" };
            let cases = crate::report::terminal::cases(suspect.explains);
            let _ = writeln!(out, "{lead} {}  ({}, {cases})", suspect.mutant.says, suspect.mutant.requirement);
        }
        out
    }
}
