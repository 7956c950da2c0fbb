//! Who is let in at all: nobody, everybody, or those alone who should be and who are shown something else.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, LEAST, SUITES, cause};
use crate::report::aggregate::Aggregate;
use crate::report::outcome::Outcome;
use crate::verdict::{CONTROL, Verdict};
use crate::wire::Sent;

/// A cause that says all about some suites: what else came there says nothing.
pub(super) struct Wholly<'a> {
    pub(super) cause: Cause,
    pub(super) suites: BTreeSet<&'a str>,
}

/// What stands in the expectation of a case whose visitor is turned away.
const DENIED: &str = "`denied`";

/// What came of the controls, by suite.
#[derive(Default)]
pub(super) struct Controls<'a> {
    /// Those that were answered as whoever is denied: the suite and its control.
    kept_out: BTreeMap<&'a str, &'a Outcome>,
    /// Those that were answered otherwise.
    otherwise: BTreeMap<&'a str, &'a Outcome>,
    /// The suites whose control was let in, by whatever else passed there.
    let_in: BTreeSet<&'a str>,
}

impl<'a> Controls<'a> {
    pub(super) fn of(run: &'a Aggregate) -> Self {
        let mut failed: BTreeMap<&str, &Outcome> = BTreeMap::new();
        let mut denials: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut controls = Self::default();
        for outcome in run.outcomes.values() {
            let suite = outcome.suite.as_str();
            if let Verdict::Unproven(why) = &outcome.verdict {
                let control = why.strip_prefix(CONTROL).and_then(|rest| rest.split_once('`'));
                failed.extend(control.and_then(|(control, _)| Some((suite, run.outcomes.get(control)?))));
            }
            match &outcome.verdict {
                Verdict::Unproven(_) | Verdict::Pass if outcome.expected.contains(DENIED) => {
                    denials.entry(suite).or_default().insert(outcome.came.as_str());
                    if outcome.verdict == Verdict::Pass {
                        controls.let_in.insert(suite);
                    }
                }
                _ => {}
            }
        }
        for (suite, control) in failed {
            controls.let_in.remove(suite);
            let is_denied = denials.get(suite).is_none_or(|came| came.contains(control.came.as_str()));
            let answered = if is_denied { &mut controls.kept_out } else { &mut controls.otherwise };
            answered.insert(suite, control);
        }
        controls
    }
}

/// That hardly anybody who should be let in is, whatever the suite, and the suites of which that is so: then a setting is another one, and which denials came
/// says nothing. Somebody who is answered otherwise than those who are turned away was let in.
pub(super) fn nobody_is_let_in<'a>(run: &Aggregate, controls: &Controls<'a>, least: usize) -> Option<Wholly<'a>> {
    let Controls { kept_out, otherwise, let_in } = controls;
    let all = kept_out.len().saturating_add(otherwise.len()).saturating_add(let_in.len());
    let is_hardly_anybody = all.saturating_sub(kept_out.len()).saturating_mul(4) <= kept_out.len();
    if kept_out.len() < least || !is_hardly_anybody {
        return None;
    }
    let suites: BTreeSet<&str> = kept_out.keys().copied().collect();
    let of_suites = match all {
        1 => "the control failed".to_owned(),
        _ => format!("the control of {} of {all} suites failed", suites.len()),
    };
    let says = format!(
        "nobody is let in: {of_suites}; the secret, the role path or the cookie of the gate is not that of the suite"
    );
    let is_of_them = |outcome: &&&Outcome| {
        suites.contains(outcome.suite.as_str()) && matches!(outcome.verdict, Verdict::Fail(_) | Verdict::Unproven(_))
    };
    let cases: Vec<String> = run.findings().iter().filter(is_of_them).map(|outcome| outcome.id.clone()).collect();
    let controls: Vec<String> = kept_out.values().map(|one| one.id.clone()).filter(|id| cases.contains(id)).collect();
    let mut told = cause(run, says, "ROLE-1", if controls.is_empty() { cases.clone() } else { controls }, None)?;
    told.cases = cases;
    NOBODY.clone_into(&mut told.look);
    Some(Wholly { cause: told, suites })
}

/// What to look at where nobody is let in.
const NOBODY: &str = "what the gate is told: `{secret}`, `{role-path}`, the cookie `nf_jwt`; and whether it asks for a claim that the tokens do not have, such as `iat`";

/// That somebody who should be let in is not turned away, and does not get the page either: one cause for each answer that several controls got.
pub(super) fn others_are_shown(run: &Aggregate, controls: &Controls<'_>) -> Vec<Cause> {
    let mut by_answer: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for control in controls.otherwise.values() {
        by_answer.entry(control.came.as_str()).or_default().push(control);
    }
    let told = by_answer.into_iter().filter(|(_, controls)| controls.len() >= LEAST);
    told.filter_map(|(came, controls)| {
        let count = controls.len();
        let says = format!(
            "whoever holds the role is not turned away, and gets something else than the page ({came}): the control of {count} suites failed"
        );
        let suites: BTreeSet<&str> = controls.iter().map(|one| one.suite.as_str()).collect();
        let mut told = cause(run, says, "ROLE-1", controls.iter().map(|one| one.id.clone()).collect(), None)?;
        let is_unproven = |outcome: &&Outcome| {
            suites.contains(outcome.suite.as_str()) && matches!(outcome.verdict, Verdict::Unproven(_))
        };
        told.cases.extend(run.findings().into_iter().filter(is_unproven).map(|outcome| outcome.id.clone()));
        OTHERWISE.clone_into(&mut told.look);
        Some(told)
    })
    .collect()
}

/// What to look at where holders of the role are shown something else.
const OTHERWISE: &str = "where the rule of the gate leads: how `:splat` is put into its target, and under which name the file is looked for";

/// That hardly anybody is turned away, in whatever suite, not even a visitor without any token: then roles are not asked for, and which token came says nothing.
pub(super) fn everybody_is_let_in(run: &Aggregate) -> Option<Wholly<'_>> {
    let (mut open, mut denying) = (BTreeSet::new(), BTreeSet::new());
    // Where something else would do as well, it does not say whether anybody was to be turned away.
    let to_be_denied = run.outcomes.values().filter(|outcome| outcome.expected.starts_with(DENIED));
    for outcome in to_be_denied {
        match &outcome.verdict {
            Verdict::Leak(_) => open.insert(outcome.suite.as_str()),
            Verdict::Pass => denying.insert(outcome.suite.as_str()),
            _ => false,
        };
    }
    let suites: BTreeSet<&str> = open.difference(&denying).copied().collect();
    if suites.len() < SUITES || denying.len().saturating_mul(4) > suites.len() {
        return None;
    }
    let all = suites.len().saturating_add(denying.len());
    let is_of_them =
        |outcome: &&Outcome| suites.contains(outcome.suite.as_str()) && matches!(outcome.verdict, Verdict::Leak(_));
    let leaks: Vec<&Outcome> = run.findings().into_iter().filter(is_of_them).collect();
    let of_nobody = leaks.iter().filter(|outcome| is_of_nobody(outcome)).map(|outcome| outcome.id.clone()).collect();
    let says = format!(
        "everybody is let in: in {} of {all} suites nobody is turned away, a visitor without any token neither",
        suites.len()
    );
    let mut told = cause(run, says, "ROLE-2", of_nobody, None)?;
    told.cases = leaks.iter().map(|outcome| outcome.id.clone()).collect();
    EVERYBODY.clone_into(&mut told.look);
    Some(Wholly { cause: told, suites })
}

/// What to look at where everybody is let in.
const EVERYBODY: &str = "whether the gate reads the role conditions of its rules at all";

/// Whether a plain request for a page was sent by a visitor without anything in hand.
fn is_of_nobody(outcome: &Outcome) -> bool {
    let Some(evidence) = &outcome.evidence else { return false };
    let Sent { method, headers, raw, .. } = &evidence.exchange.sent;
    let is_token = |name: &str| ["cookie", "authorization"].iter().any(|one| name.eq_ignore_ascii_case(one));
    method == "GET" && raw.is_none() && !headers.iter().any(|(name, _)| is_token(name))
}
