//! Gates that an unforced rule further up answers for some visitors, hosts or paths: the file that is there is served, and nobody is
//! asked for a role (SHADOW-1, SHADOW-2).

use std::collections::HashMap;

use rolegate::decide::{Outcome, decide};
use rolegate::path::RequestPath;
use rolegate::request::Request;
use rolegate::rules::{Apply, ConditionKey, Conditions, Rule, RuleSet};
use rolegate::site::{Site, Spellings};
use rolegate::visitor::Visitor;

use super::advice::{Closing, Found, Proposal};
use super::order::leaves_nothing_to;
use super::scene::{Field, Scene, Visit, folder_path, name_as_path, place_of, segments, warning};

/// So many files under a gate are tried for each rule above it.
const FILES: usize = 8;

/// A way by a gate.
pub(super) struct Bypass<'r> {
    at: usize,
    above: &'r Rule,
    visit: Visit,
    file: String,
}

/// The first way by each gate, by the place of the gate.
pub(super) type Bypasses<'r> = HashMap<usize, Bypass<'r>>;

/// Which of the rules at `places` deny the request to somebody without a token, were the rule at `by` and all before it not there;
/// but for those from which that rule excepts its paths on purpose. What is forced goes before files, and shows no other.
pub(super) fn gates_passed(
    rules: &RuleSet,
    site: &impl Site,
    request: &Request<'_>,
    by: usize,
    places: &[usize],
) -> Vec<usize> {
    let Some(above) = rules.rules().get(by).filter(|above| is_loose(above)) else { return Vec::new() };
    let below = places.iter().filter(|place| **place > by);
    let below: Vec<(usize, &Rule)> = below.filter_map(|place| Some((*place, rules.rules().get(*place)?))).collect();
    if !below.iter().any(|(_, rule)| rule.protects()) {
        return Vec::new();
    }
    let rest: Vec<Rule> = below.iter().map(|(_, rule)| (*rule).clone()).collect();
    let decision = decide(rest.as_slice(), request, &Visitor::Anonymous, site);
    let denials = decision.denials().filter_map(|at| below.get(at));
    denials.filter(|(_, gate)| gate.protects() && !is_exemption(site, above, gate)).map(|(place, _)| *place).collect()
}

/// Whether a file may be served before the rule, or the rule shows its own paths to whoever likes.
fn is_loose(above: &Rule) -> bool {
    above.apply().is_some_and(|apply| !apply.force || (shows_own(above, apply) && is_for_the_asking(above, apply)))
}

fn shows_own(rule: &Rule, apply: &Apply) -> bool {
    (200..300).contains(&apply.status) && rule.leads_to_itself()
}

/// Whether the rule asks for what everybody can send: a parameter, a cookie, a language.
fn is_for_the_asking(rule: &Rule, apply: &Apply) -> bool {
    let sent = [ConditionKey::Cookie, ConditionKey::Language];
    !rule.query.is_empty() || apply.conditions.others().iter().any(|condition| sent.contains(&condition.key))
}

/// Whether the rule stands above the gate so that its own paths are not gated: it names some of them and shows what lies there or a
/// page among them, or it shows them to those of whom it speaks.
fn is_exemption(site: &impl Site, above: &Rule, gate: &Rule) -> bool {
    let Some(apply) = above.apply().filter(|apply| !apply.is_redirect() && !apply.to.is_absolute()) else {
        return false;
    };
    let is_plain = above.origin.is_none() && above.query.is_empty() && apply.conditions == Conditions::default();
    let reach = apply.to.reach();
    let own_file = || {
        let [own, shown] = [above.pattern.literal()?, reach.literal()?].map(RequestPath::of);
        let [own, shown] = [&own, &shown].map(|path| site.file(path));
        Some(own.is_some() && own == shown)
    };
    // Another spelling of the same pages.
    let is_spelled =
        || [".html", "/index.html"].iter().any(|end| format!("{}{end}", above.pattern) == reach.to_string());
    let names_own = || above.pattern.covers(&reach) || own_file() == Some(true) || is_spelled();
    (shows_own(above, apply) && !is_for_the_asking(above, apply))
        || (is_plain && gate.pattern.covers(&above.pattern) && names_own())
}

/// All ways by gates that the files show.
pub(super) fn bypasses<'r, S: Site>(scene: &Scene<'r, S>) -> Bypasses<'r> {
    let mut found = Bypasses::new();
    let last = scene.closed.last().map_or(0, |(place, _)| *place);
    if !scene.site.is_listed() || scene.is_bare() {
        return found;
    }
    for (at, above) in scene.rules().iter().enumerate().take(last) {
        if above.role().is_some() || !is_loose(above) {
            continue;
        }
        if scene.is_used_up() {
            break;
        }
        let visit = Visit::of(above);
        for path in tried(scene, at, above, &found) {
            let visit = visit.at(&path);
            let Some(decision) = scene.answer(&visit).filter(|decision| decision.by == Some(at)) else { continue };
            let is_forced = above.apply().is_some_and(|apply| apply.force);
            let file = match decision.outcome {
                Outcome::Serve { file } => file,
                Outcome::Rewrite { file, .. } if is_forced => file,
                _ => continue,
            };
            for place in scene.gates_passed(&visit, at) {
                let is_told = || scene.rule(place).is_none_or(|gate| leaves_nothing_to(scene, above, gate).is_some());
                if !found.contains_key(&place) && !is_told() {
                    found.insert(place, Bypass { at, above, visit: visit.clone(), file: file.clone() });
                }
            }
        }
    }
    found
}

/// Paths of files that the rule matches, under gates further down of which no way by is known.
fn tried<S: Site>(scene: &Scene<'_, S>, at: usize, above: &Rule, found: &Bypasses<'_>) -> Vec<RequestPath> {
    if let Some(own) = above.pattern.literal() {
        scene.spend(above.text.len());
        let own = RequestPath::of(own);
        return if scene.site.file(&own).is_some() { vec![own] } else { Vec::new() };
    }
    let gates = scene.closed.iter().filter(|(place, _)| *place > at && !found.contains_key(place));
    gates.flat_map(|(_, gate)| under(scene, above, gate)).collect()
}

/// Paths of a few files that both match.
fn under<S: Site>(scene: &Scene<'_, S>, above: &Rule, gate: &Rule) -> Vec<RequestPath> {
    scene.spend(above.text.len().min(gate.text.len()));
    if !above.pattern.may_meet(&gate.pattern) {
        return Vec::new();
    }
    if let Some(own) = gate.pattern.literal() {
        let own = RequestPath::of(own);
        return if scene.site.file(&own).is_some() { vec![own] } else { Vec::new() };
    }
    let stems = [above, gate].into_iter().filter_map(|rule| rule.pattern.stem());
    let stem = stems.max_by_key(Vec::len).unwrap_or_default();
    let below = folder_path(&stem) + "/";
    let paths = scene.names_below(&below).filter_map(|name| {
        scene.spend(name.len());
        let spellings = Spellings::of(scene.site, name);
        let matching =
            spellings.iter().filter(|path| above.pattern.matches_name(path) && gate.pattern.matches_name(path));
        matching.min_by_key(|path| path.len()).map(|path| RequestPath::of(segments(path)))
    });
    paths.take(FILES).collect()
}

/// What is said of the gate at `place`, if there is a way by it.
pub(super) fn problem<S: Site>(
    scene: &Scene<'_, S>,
    bypasses: &Bypasses<'_>,
    place: usize,
    gate: &Rule,
) -> Option<Found> {
    let Bypass { at, above, visit, file } = bypasses.get(&place)?;
    let line = place_of(above.span, gate.span);
    let apply = above.apply()?;
    let host = above.origin.as_ref().map(ToString::to_string).unwrap_or_default();
    let conditions: Vec<String> = apply
        .conditions
        .others()
        .iter()
        .filter_map(|one| Some(format!("`{}={}`", one.key.name()?, one.values.first()?)))
        .collect();
    let with = if conditions.is_empty() { String::new() } else { format!(" with {}", conditions.join(" and ")) };
    let asked = format!("`{host}{}`{with}", visit.target());
    let message = format!("{line} answers before this gate at {asked}, and asks for no role");
    let visitor = format!("at {asked} the file `{}`, without being asked for a role", name_as_path(file));
    let why = match is_for_the_asking(above, apply) && shows_own(above, apply) {
        true => "whoever likes sends what that asks for",
        false => "since that is not forced, files go before it",
    };
    let help = format!("a gate is met where it stands, and {line} goes first; {why}");
    let found = warning(gate, Field::From, "gate-shadowed", message, visitor, help).problem;
    let found = Found::from(rolegate::problem::Problem { span: gate.span, ..found });
    let moved = after_gates(scene, *at, above).map(|(last, rule)| Proposal {
        help: format!("move {line} below {}", place_of(rule.span, gate.span)),
        changes: vec![(*at, Vec::new()), (last, vec![rule.clone(), (*above).clone()])],
        closes: Some(Closing::by(gate)),
    });
    Some(found.proposing(moved))
}

/// The last gate that the rule meets further down, or the last answer for those whom one of them denies.
fn after_gates<'r, S: Site>(scene: &Scene<'r, S>, at: usize, above: &Rule) -> Option<(usize, &'r Rule)> {
    let gates = scene.closed.iter().filter(|(place, gate)| *place > at && gate.pattern.may_meet(&above.pattern));
    let gates: Vec<&(usize, &Rule)> = gates.collect();
    let (last, _) = gates.last()?;
    let is_answer =
        |rule: &Rule| gates.iter().any(|(_, gate)| gate.pattern == rule.pattern && gate.origin == rule.origin);
    let answers = scene.rules().iter().enumerate().skip(*last).take(super::scene::LOOKED_AT);
    answers.take_while(|(place, rule)| place == last || is_answer(rule)).last()
}
