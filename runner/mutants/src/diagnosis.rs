//! Watches a run of any gate, and names the known defects that would give the answers that came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gatecheck::answer::Class;
use gatecheck::corpus::{CaseRef, Corpus};
use gatecheck::event::Event;
use gatecheck::report::causes::{MOST as MOST_CAUSES, Named};
use gatecheck::verdict::Verdict;

use super::matrix::Matrix;
use super::suspects::{Came, Suspect, ask, candidates, sample, select};

/// Watches a run, and says at its end which known defects would give the answers that came.
#[derive(Debug)]
pub struct Watch {
    /// As it is written: a broken gate is asked what the cases say, and not what another gate is asked in its place.
    written: Arc<Corpus>,
    asked: BTreeSet<CaseRef>,
    failed: BTreeMap<CaseRef, Class>,
}

impl Watch {
    /// A watch that has seen nothing yet; `written` is the corpus before it was made to fit a gate.
    #[must_use]
    pub fn new(written: Arc<Corpus>) -> Self {
        Self { written, asked: BTreeSet::new(), failed: BTreeMap::new() }
    }

    /// Notes an event.
    pub fn note(&mut self, event: &Event) {
        let Event::CaseFinished(finished) = event else { return };
        match &finished.verdict {
            Verdict::Fail(_) | Verdict::Leak(_) => {
                self.asked.insert(finished.case.clone());
                self.failed.extend(Class::of(finished).map(|class| (finished.case.clone(), class)));
            }
            Verdict::Pass | Verdict::Observed(_) => {
                self.asked.insert(finished.case.clone());
            }
            // What was not judged says nothing.
            Verdict::Error(_) | Verdict::Unproven(_) | Verdict::Unsupported { .. } => {}
        }
    }

    /// The known defects that would give these answers, best first; their broken gates are asked. A suite that has changed since it was measured says nothing.
    pub async fn causes(&self) -> Vec<Named> {
        if self.failed.is_empty() {
            return Vec::new();
        }
        let corpus = &self.written;
        let matrix = Matrix::kept(corpus);
        let fresh: BTreeSet<&str> =
            corpus.suites.iter().filter(|suite| matrix.is_fresh(suite)).map(|suite| suite.id.as_str()).collect();
        let is_fresh = |case: &CaseRef| fresh.contains(case.suite().id.as_str());
        let asked = self.asked.iter().filter(|case| is_fresh(case)).map(CaseRef::id).collect();
        let failed = self.failed.iter().filter(|(case, _)| is_fresh(case));
        let came = Came { asked, answers: failed.map(|(case, class)| (case.id(), class.clone())).collect() };
        let tests: BTreeMap<&str, &str> =
            corpus.cases().map(|(_, case)| (case.id.as_str(), case.requirement())).collect();
        let candidates = candidates(&matrix.rows(), &came, |case| tests.get(case).copied().unwrap_or_default());
        let wanted = candidates
            .iter()
            .map(|one| (one.mutant, sample(&one.hits).into_iter().map(str::to_owned).collect()))
            .collect();
        let theirs = ask(corpus, &Arc::default(), wanted).await;
        select(&candidates, &theirs, &came, MOST_CAUSES)
            .into_iter()
            .map(|suspect| Named {
                broken_gate: suspect.mutant.id.to_owned(),
                says: says(&suspect),
                requirement: suspect.mutant.requirement.to_owned(),
                cases: suspect.cases,
            })
            .collect()
    }
}

/// No more defects than this are told where what was asked does not tell them apart.
const ALIKE: usize = 3;

/// What is wrong, in plain words: what of several, where what was asked does not tell them apart.
fn says(suspect: &Suspect) -> String {
    let all: Vec<&str> =
        std::iter::once(suspect.mutant).chain(suspect.others.iter().copied()).map(|one| one.says).collect();
    let (told, rest) = all.split_at_checked(ALIKE).unwrap_or((&all, &[]));
    let told = told.join("; or ");
    match rest.len() {
        0 => told,
        1 => format!("{told}; or one other that answers alike here"),
        many => format!("{told}; or one of {many} others that answer alike here"),
    }
}
