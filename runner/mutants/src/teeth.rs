//! Whether the cases bite: each case that turns a visitor away catches a broken gate of its own requirement, or a written reason says why it cannot.

use std::collections::BTreeMap;

use gatecheck::corpus::expectation::{Alternative, Expected};
use gatecheck::corpus::{Case, Corpus, Suite};
use serde::Deserialize;

use super::Mutant;
use super::matrix::Matrix;
use super::trial::is_own;

const REASONS: &str = include_str!("../reasons.yaml");

/// Why some cases catch no broken gate of their own requirement.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The cases: a pattern as [`Case::matches`] has it.
    pub cases: String,
    /// Why, in one sentence.
    pub reason: String,
}

/// What the cases that turn visitors away are good for.
#[derive(Clone, Debug, Default)]
pub struct Teeth<'a> {
    /// How many catch a broken gate of their own requirement.
    pub biting: usize,
    /// How many do not, for a written reason.
    pub excused: usize,
    /// Those that do not, without a reason.
    pub blunt: Vec<&'a Case>,
    /// Reasons that excuse no case.
    pub idle_reasons: Vec<Reason>,
}

impl Teeth<'_> {
    /// Whether every case bites or is excused, and every excuse is needed.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        self.blunt.is_empty() && self.idle_reasons.is_empty()
    }
}

/// The written reasons.
///
/// # Errors
/// The file cannot be read as a list of them.
pub fn reasons() -> Result<Vec<Reason>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        cases: Vec<String>,
        reason: String,
    }
    let written: Vec<Written> = serde_saphyr::from_str(REASONS).map_err(|error| format!("reasons.yaml: {error}"))?;
    let apart = |one: Written| one.cases.into_iter().map(move |cases| Reason { cases, reason: one.reason.clone() });
    Ok(written.into_iter().flat_map(apart).collect())
}

/// Looks at the cases of every suite that was measured as it is.
#[must_use]
pub fn teeth<'a>(corpus: &'a Corpus, matrix: &Matrix, reasons: &[Reason]) -> Teeth<'a> {
    let mut teeth = Teeth::default();
    let mutants: BTreeMap<&str, &Mutant> = super::all().map(|mutant| (mutant.id, mutant)).collect();
    let mut needed = vec![false; reasons.len()];
    for (suite, case) in corpus.cases().filter(|(suite, case)| turns_away(suite, case)) {
        let mut excuses = reasons.iter().zip(&mut needed).filter(|(reason, _)| case.matches(&reason.cases)).peekable();
        if !matrix.is_fresh(suite) {
            // Nobody knows whether it bites, so its reasons stay.
            excuses.for_each(|(_, needed)| *needed = true);
            continue;
        }
        if matrix.caught_by(&case.id).any(|id| mutants.get(id).is_some_and(|mutant| is_own(mutant, case))) {
            teeth.biting = teeth.biting.saturating_add(1);
            continue;
        }
        let excused = excuses.peek().is_some();
        excuses.for_each(|(_, needed)| *needed = true);
        if excused {
            teeth.excused = teeth.excused.saturating_add(1);
        } else {
            teeth.blunt.push(case);
        }
    }
    teeth.idle_reasons =
        reasons.iter().zip(needed).filter(|(_, needed)| !needed).map(|(reason, _)| reason.clone()).collect();
    teeth
}

/// Whether the answer that a case expects keeps the visitor out: it is called a denial or a refusal, or it is an error where something is protected.
fn turns_away(suite: &Suite, case: &Case) -> bool {
    let Expected::Judge(alternatives) = &case.expected else { return false };
    // What a further requirement says of an answer turns nobody away; the case that has the answer does.
    if case.of.is_some() {
        return false;
    }
    let named = |one: &str| ["denied", "refused", "not-canonical"].contains(&one);
    let is_error = |one: &Alternative| one.shown().is_none() && one.status.iter().all(|status| *status >= 400);
    alternatives.iter().any(|one| one.name.as_deref().is_some_and(named))
        || (suite.has_protected_files() && alternatives.iter().all(is_error))
}
