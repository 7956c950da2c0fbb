//! Whose finding it is, and why: what happened decides, and not which case was asked.
//!
//! An invariant is asked after every refused request, so that a case may fail for what its own requirement does not say. Then the finding is one of the
//! requirement that the invariant holds. The `why` of a case speaks of a gate that gives the wrong answer; where there was none, or where something else is
//! wrong, it would be a word about something that did not happen.

use super::causes::common::ADDED_QUERY;
use super::outcome::Outcome;
use crate::corpus::Corpus;
use crate::invariants::Invariant;
use crate::verdict::{DOWN, Mismatch, Verdict};
use crate::wire::Answer;

/// Puts an outcome under the requirement that it is a finding of, with the words for what happened.
pub(super) fn attribute(outcome: &mut Outcome, corpus: &Corpus) {
    if is_refusal(&outcome.verdict) {
        outcome.why = Some("The gate does not start on the site of this suite.".to_owned());
        return;
    }
    let Some((id, why)) = invariant(&outcome.verdict).or_else(|| added_query(outcome)) else {
        if let Some(why) = no_answer(outcome) {
            outcome.why = Some(why.to_owned());
        }
        return;
    };
    outcome.why = Some(why.to_owned());
    if let Some(requirement) = corpus.requirement(id) {
        outcome.requirements.retain(|other| other != id);
        outcome.requirements.insert(0, id.to_owned());
        outcome.level = requirement.level;
        outcome.question = requirement.question();
    }
}

/// The requirement of the invariant that alone was broken, and what happened.
fn invariant(verdict: &Verdict) -> Option<(&'static str, &'static str)> {
    let Verdict::Fail(mismatches) = verdict else { return None };
    let (first, rest) = mismatches.split_first()?;
    if first.what == DOWN {
        return Some((
            Invariant::Liveness.requirement(),
            "The gate went down on this request, asked alone on a fresh start.",
        ));
    }
    let broken = first.invariant()?;
    rest.iter().all(|other| other.invariant() == Some(broken)).then(|| (broken.requirement(), broken.why()))
}

/// Where a redirect leads to the right place and has a query of its own, the visitor got what the case is about.
fn added_query(outcome: &Outcome) -> Option<(&'static str, &'static str)> {
    /// What speaks of the place of a redirect itself.
    const OF_ITS_OWN: [&str; 3] = ["LOC-", "QUERY-", "SUBST-"];
    let Verdict::Fail(mismatches) = &outcome.verdict else { return None };
    let is_of_its_own = OF_ITS_OWN.iter().any(|area| outcome.requirement().starts_with(area));
    let is_all = !mismatches.is_empty() && mismatches.iter().all(|one| one.added_query().is_some());
    (is_all && !is_of_its_own)
        .then_some((ADDED_QUERY, "The redirect leads where it should, with a query that its rule does not write."))
}

fn is_refusal(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Fail(mismatches) if mismatches.iter().any(Mismatch::is_refusal))
}

/// What happened where there is no answer to speak of; a leak is one, whatever came with it.
fn no_answer(outcome: &Outcome) -> Option<&'static str> {
    if !matches!(outcome.verdict, Verdict::Fail(_)) {
        return None;
    }
    match &outcome.evidence.as_ref()?.exchange.answer {
        Answer::Closed(_) => Some("The gate closed the connection and gave no answer, asked alone as well."),
        Answer::TimedOut(_) => Some("The gate gave no answer within the time limit, asked alone as well."),
        Answer::TooLong(_) => Some("What the gate sent is no answer of a bounded size."),
        Answer::Response(response) if response.status >= 500 => {
            Some("The gate failed on this request: its answer is an error of its own.")
        }
        Answer::Response(_) => None,
    }
}
