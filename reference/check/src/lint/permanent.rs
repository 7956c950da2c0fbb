//! Redirects that depend on a role, and that a browser may keep for good (NOLEAK-4).

use rolegate::decide::Outcome;
use rolegate::rules::Rule;
use rolegate::site::Site;
use rolegate::visitor::Visitor;

use super::admitted::holder;
use super::advice::{Found, Proposal, answering};
use super::scene::{Field, Scene, Visit, warning};

/// What is odd about a permanent redirect of those whom a gate denies, or of those who hold a role: both change when somebody logs in or
/// out, and the answer that a browser keeps does not (RFC 9110, section 15.4.2; RFC 9111, section 4.2.2).
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| matches!(apply.status, 301 | 308))?;
    // Where no gate stands above, nobody is denied.
    let is_below = |gate: &Rule| gate.pattern.with_spellings().may_meet(&rule.pattern);
    if rule.role().is_none() && !scene.closed.iter().any(|(at, gate)| *at < place && is_below(gate)) {
        return None;
    }
    let visitor = rule.role().map_or(Visitor::Anonymous, holder);
    let visit = Visit::of(rule);
    let decision = scene.answer(&visit.by(&visitor)).filter(|decision| decision.by == Some(place))?;
    let Outcome::Redirect { location, .. } = &decision.outcome else { return None };
    // Without a role those alone are sent whom a gate denies; from one spelling of a file to another everybody is.
    if rule.role().is_none() {
        let admitted = scene.answer(&visit.by(&holder(scene.gate_of(&decision)?.role()?)))?;
        if admitted.outcome == decision.outcome {
            return None;
        }
    }
    let status = apply.status;
    let (message, then) = match rule.role() {
        Some(_) => (
            format!("this sends those who hold a role on for good: {status} is a permanent redirect"),
            "who logs out is sent there still",
        ),
        None => (
            format!("this sends those who are denied away for good: {status} is a permanent redirect"),
            "who logs in afterwards is sent there still",
        ),
    };
    let at = visit.target();
    let visitor = format!(
        "at `{at}` a redirect to `{location}`, which a browser asks for anew; where a browser keeps it, {then}"
    );
    let help = "write 302, which is for now";
    let found = warning(rule, Field::To, "role-redirect-kept", message, visitor, help);
    let now = answering(rule, |apply| apply.status = 302);
    Some(found.proposing([Proposal {
        help: format!("write `{now}`, which is for now"),
        changes: vec![(place, vec![now])],
        closes: None,
    }]))
}
