//! Redirects one after the other: in a circle, or to where there is nothing.

use rolegate::decide::{Outcome, PassedOver};
use rolegate::rules::Rule;
use rolegate::site::Site;

use super::advice::Found;
use super::scene::{Field, Scene, Visit, place_of, warning};
use super::walk::HOPS;

/// Redirects one after the other that end where there is nothing. One alone may lead to what is built elsewhere; what another
/// rule of the list leads on is meant to be there.
pub(super) fn into_nothing<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    if scene.is_bare() || !scene.site.is_listed() || rule.pattern.literal().is_none() {
        return None;
    }
    let mut visit = Visit::of(rule);
    let mut way = vec![visit.clone()];
    let mut places: Vec<usize> = Vec::new();
    while places.len() < HOPS {
        let decision = scene.answer(&visit)?;
        match (&decision.outcome, decision.by) {
            (Outcome::Redirect { location, .. }, Some(by)) => {
                if places.is_empty() && by != place {
                    return None;
                }
                places.push(by);
                visit = scene.follow(&visit, location)?;
                way.push(visit.clone());
            }
            (Outcome::NotFound { forced: false, .. }, None) if places.len() > 1 && !decision.denied => break,
            _ => return None,
        }
    }
    // What the platform serves lies in no folder.
    if places.len() == HOPS || way.last().is_some_and(|last| last.target().starts_with("/.")) {
        return None;
    }
    let hops = hops(&way);
    let by: Vec<String> =
        places.iter().filter_map(|at| scene.rule(*at)).map(|by| place_of(by.span, rule.span)).collect();
    let message = format!("this leads on to where there is nothing: {}", hops.join(" → "));
    let visitor = format!("a 404 at {}, by way of {}", hops.last()?, by.join(" and "));
    let help = "each redirect is matched anew: what one rule leads to another can lead on";
    Some(warning(rule, Field::To, "chain-into-nothing", message, visitor, help))
}

/// A circle of redirects of which the rule is the first in the list; else the rules that asked for a role in vain on the way.
pub(super) fn circle<S: Site>(
    scene: &Scene<'_, S>,
    place: usize,
    rule: &Rule,
    visit: &Visit,
) -> Result<Found, Vec<usize>> {
    let mut asked = Vec::new();
    let mut visits = vec![visit.clone()];
    let mut places = Vec::new();
    let mut round = None;
    while let (Some(last), None, true) = (visits.last(), round, places.len() < HOPS) {
        let Some(decision) = scene.answer(last) else { return Err(asked) };
        let denials = decision.passed_over.iter().filter(|(_, why)| matches!(why, PassedOver::Role));
        asked.extend(denials.map(|(at, _)| *at));
        let (Outcome::Redirect { location, .. }, Some(by)) = (&decision.outcome, decision.by) else {
            return Err(asked);
        };
        let Some(next) = scene.follow(last, location) else { return Err(asked) };
        // Each circle is told of once: where it begins here.
        if places.is_empty() && by != place {
            return Err(asked);
        }
        places.push(by);
        round = visits.iter().position(|before| before.place() == next.place());
        visits.push(next);
    }
    let circle = places.get(round.unwrap_or_default()..).unwrap_or_default();
    if !circle.contains(&place) || circle.iter().min() != Some(&place) {
        return Err(asked);
    }
    let way = |visits: &[Visit]| hops(visits).join(" → ");
    let start = visits.get(round.unwrap_or_default()..).unwrap_or_default();
    let message = match round {
        Some(_) => format!("this leads in a circle: {}", way(start)),
        None => format!("this leads on and on: {} → …", way(start.get(..3).unwrap_or(start))),
    };
    let who = match visit.visitor.roles().and_then(|roles| roles.iter().next()) {
        Some(role) => format!("with the role `{role}`, "),
        None if visit.visitor.roles().is_some() => "with a token that names no role, ".to_owned(),
        None => String::new(),
    };
    let forced = circle.iter().filter_map(|at| scene.rule(*at)?.apply()).all(|apply| apply.force);
    let files = if forced { "" } else { "where there is no file, " };
    let visitor = format!("{who}{files}an error of the browser, after many redirects");
    let help = "let one of the rules lead to a page, or leave that page out of its `from`";
    Ok(warning(rule, Field::To, "redirect-loop", message, visitor, help))
}

/// Where visits go, as a text for each: with scheme and host where these differ.
fn hops(way: &[Visit]) -> Vec<String> {
    let host = |visit: &Visit| (visit.place().0, visit.place().1.map(str::to_owned));
    let first = way.first().map(host);
    let differ = way.iter().any(|visit| Some(host(visit)) != first);
    way.iter()
        .map(|visit| if differ { format!("`{}`", visit.address()) } else { format!("`{}`", visit.target()) })
        .collect()
}
