//! Rules that fetch something by what a visitor writes, or that fetch what a gate closes.

use rolegate::decide::{Outcome, Remote};
use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Captures, QueryValue, Rule, is_of_a_function};
use rolegate::site::Site;

use super::admitted::holder;
use super::advice::{Closing, Found, Proposal, answering, page_rule};
use super::names::is_denial_page;
use super::scene::{Field, Scene, Visit, WORD, page_of, place_of, warning};
use super::shadowed::joined;
use super::walk::page_for_the_others;
use super::ways::shown_at;

/// What is odd about what the rule at `place` fetches.
pub(super) fn problems<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Vec<Found> {
    let fetches = rule.apply().is_some_and(|apply| !apply.is_redirect());
    let undone = || page_for_the_others(scene, place, rule).or_else(|| gate_undone(scene, place, rule));
    let undone = (rule.role().is_none() && fetches).then(undone).flatten();
    let undone = undone.or_else(|| sent_there(scene, place, rule));
    let open = function_open(scene, place, rule);
    query_capture_in_path(rule).into_iter().chain(undone).chain(open).collect()
}

/// SUBST-5: the value of a parameter may hold anything, where a segment of a path holds one name.
fn query_capture_in_path(rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| !apply.is_redirect())?;
    let mut names = apply.to.names_in_path();
    let name = names.find(|name| {
        let is_captured = |value: &QueryValue| matches!(value, QueryValue::Capture(known) if known == name);
        !rule.pattern.captures_name(name) && rule.query.iter().any(|constraint| is_captured(&constraint.value))
    })?;
    let message =
        format!("`:{name}` is whatever a visitor writes into the query, and it lands in the path of what is fetched");
    let help =
        format!("capture it as a segment of the path, or put it into the query of the target: `?{name}=:{name}`");
    Some(warning(rule, Field::To, "query-capture-in-path", message, None, help))
}

/// RULES-12: a function is at a path of the platform as well, and no rule is met there.
fn function_open<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let role = rule.role().filter(|_| rule.protects())?;
    is_function(rule.apply()?).then_some(())?;
    let visit = Visit::of(rule);
    let run = scene.answer(&visit.by(&holder(role))).filter(|run| run.by == Some(place))?;
    let own = RequestPath::parse(run.target?.as_bytes()).ok()?;
    let there = scene.answer(&visit.bare().at(&own)).filter(|there| !there.denied)?;
    let is_missing = matches!(there.outcome, Outcome::NotFound { .. });
    // Elsewhere a rule for everything is not met there either.
    let what = match there.by.and_then(|by| scene.rule(by)) {
        Some(by) => format!("what {} says: this gate runs no functions", place_of(by.span, rule.span)),
        None if is_missing => "a 404: this gate runs no functions".to_owned(),
        None => "the file".to_owned(),
    };
    let message = format!("the function is at `{own}` as well, where no rule is met: nobody is asked for a role there");
    let visitor = format!("at `{own}` {what}");
    let help = "no rule can name that path: the function has to look at the token itself";
    Some(warning(rule, Field::To, "gate-function-open", message, visitor, help))
}

/// ROLE-12: a rule without a role that leads to where a gate leads those whom it admits.
fn gate_undone<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let (at, gate, visitor, is_past) = scene.closed.iter().find_map(|(at, gate)| {
        let above = |ask: fn(&Scene<'_, S>, usize, &Rule, &Rule) -> Option<String>| {
            (*at < place).then(|| ask(scene, place, rule, gate)).flatten()
        };
        let back = above(refused).or_else(|| above(run));
        let is_past = back.is_none();
        let visitor = back.or_else(|| way_past(scene, place, rule, gate))?;
        Some((*at, *gate, visitor, is_past))
    })?;
    let line = place_of(gate.span, rule.span);
    let message = format!("this leads to what {line} keeps for others, without asking for a role");
    // At other paths a wider rule is for everybody.
    let is_wider = rule.pattern != gate.pattern && rule.pattern.covers(&gate.pattern);
    let is_whole = gate.pattern.stem().is_some_and(|stem| stem.is_empty()) && rule.pattern == gate.pattern;
    let is_exemption = at < place && would_except(scene, rule, gate);
    let help = match is_wider {
        _ if is_past && !is_wider => {
            format!("what {line} keeps is kept at these paths as well by the same `Role=` alone")
        }
        _ if is_exemption => format!(
            "what excepts its own paths from a gate stands above the gate, where everybody gets what lies there: this line is meant to stand above \
             {line}"
        ),
        _ if is_whole && !rule.is_proxy() => format!(
            "{line} closes every path of the site to all who do not hold the role, scripts and style sheets too: what answers them shows a \
             page to log in"
        ),
        true => format!("those whom {line} denies are to be answered between the two, with a page to log in, or a 404"),
        false => format!("those whom {line} denies are to be answered with something else"),
    };
    let found = warning(rule, Field::To, "gate-undone", message, visitor, help);
    // LINT-1: that it opens them is what it is for, and nobody can prove that it is meant.
    if is_exemption {
        return Some(found);
    }
    let apply = rule.apply()?;
    let page = scene.denial_page().unwrap_or("/denied");
    let between = is_wider.then(|| page_rule(gate, page, 401, true)).flatten().map(|page| Proposal {
        help: format!("put `{page}` below {line}, so that those whom it denies are answered there"),
        changes: vec![(at, vec![gate.clone(), page])],
        closes: Some(Closing::by(gate)),
    });
    let role = gate.role().filter(|_| !is_wider).cloned().map(|role| Proposal {
        help: "add the same `Role=` here".to_owned(),
        // At other paths it closes what nobody was asked for there.
        closes: is_past.then(|| Closing { but_for: Some(role.clone()), ..Closing::by(rule) }),
        changes: vec![(place, vec![answering(rule, |apply| apply.conditions.role = Some(role))])],
    });
    let out = (rule.pattern == gate.pattern).then(|| Proposal {
        help: format!("take this line out: those whom {line} denies are answered by what comes later, or with a 404"),
        changes: vec![(place, Vec::new())],
        closes: None,
    });
    let joined = joined(scene, (at, gate), (place, rule), apply);
    // Who is denied the whole site needs a page to log in.
    let log_in = scene.denial_page().filter(|_| is_whole && !rule.is_proxy());
    let log_in = log_in.and_then(|page| page_rule(rule, page, 401, apply.force)).map(|shown| Proposal {
        help: format!("show those who are denied a page that is for them, in the place of this line: `{shown}`"),
        changes: vec![(place, vec![shown])],
        closes: None,
    });
    Some(found.proposing([log_in, joined, between, role, out].into_iter().flatten()))
}

/// What those get whom a gate denies that shows its own path, where a rule below it forwards what is asked there, or has a
/// function answer it; and what those get whom a gate denies that runs a function, where a function answers them.
fn run<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, gate: &Rule) -> Option<String> {
    let (apply, own) = (rule.apply()?, gate.apply()?);
    let runs = rule.is_proxy() || is_function(apply);
    let runs_too = is_function(apply) && is_function(own);
    if own.to.is_absolute()
        || !runs
        || rule.role().is_some()
        || !rule.pattern.covers(&gate.pattern)
        || !(runs_too || gate.pattern.covers(&own.to.reach()))
    {
        return None;
    }
    // A function or a server with which people log in is what those who are denied need.
    let named = apply.to.substitute(&Captures::default()).path;
    if !apply.to.takes_captures() && (is_denial_page(&named) || !is_function(apply)) {
        return None;
    }
    let closed = Visit::of(gate);
    let visit = Visit::of(rule).at(&closed.path()?);
    let decision = scene.answer(&visit)?;
    // One function for everything else is none that the gate keeps.
    if runs_too && !apply.to.takes_captures() {
        let kept = scene.answer(&closed.by(&holder(gate.role()?)))?;
        (kept.target == decision.target).then_some(())?;
    }
    let what = if rule.is_proxy() {
        "what this rule forwards to"
    } else {
        "what the function answers, on a host that runs it"
    };
    (decision.by == Some(place) && decision.denied)
        .then(|| format!("at `{}` {what}, without being asked for a role", visit.target()))
}

/// Whether the rule leads to a function of the platform.
pub(super) fn is_function(apply: &Apply) -> bool {
    !apply.to.is_absolute() && is_of_a_function(&apply.to.to_string())
}

/// What those get whom the gate denies, and whom the rule would lead back.
fn refused<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, gate: &Rule) -> Option<String> {
    if !rule.pattern.may_meet(&gate.pattern) {
        return None;
    }
    // ROLE-3: the file at the requested path is hidden in any case, and many rules are for all who have no other answer.
    let shows_its_own = gate.apply().is_none_or(|apply| gate.pattern.covers(&apply.to.reach()));
    let is_same = gate.apply().zip(rule.apply()).is_some_and(|(kept, open)| shows_the_same(scene, kept, open));
    let is_exemption = shows_its_own && would_except(scene, rule, gate);
    if shows_its_own && !rule.is_proxy() && !is_same && !is_exemption {
        return None;
    }
    let closed = Visit::of(gate);
    let path = if is_exemption { Visit::of(rule).path()? } else { closed.path()? };
    let visits = [Visit::of(rule).at(&path), closed];
    visits.iter().find_map(|visit| {
        let decision = scene.answer(visit)?;
        let is_refused =
            matches!(decision.outcome, Outcome::NotFound { forced, .. } if forced || is_same || is_exemption);
        (decision.denied && is_refused && decision.by == Some(place))
            .then(|| format!("at `{path}` a 404, as if this rule were not there: it leads back to what is denied"))
    })
}

/// Whether the rule would except its own paths from a gate that stands above it.
pub(super) fn would_except<S: Site>(scene: &Scene<'_, S>, rule: &Rule, gate: &Rule) -> bool {
    let Some(open) = rule.apply() else { return false };
    let own = || scene.page_at(&RequestPath::of(rule.pattern.literal()?).encoded());
    let shown = || scene.page_at(&open.to.substitute(&Captures::default()).path);
    let leads_to_own = || !open.to.takes_captures() && own().is_some_and(|own| shown() == Some(own));
    open.status == 200
        && gate.pattern != rule.pattern
        && gate.pattern.covers(&rule.pattern)
        && (rule.pattern.covers(&open.to.reach()) || leads_to_own())
}

/// Whether two rules lead to the same paths, or to one page of the site.
fn shows_the_same<S: Site>(scene: &Scene<'_, S>, one: &Apply, other: &Apply) -> bool {
    let page = |apply: &Apply| scene.page_at(&page_of(apply)?);
    one.to == other.to || page(one).is_some_and(|page_of_one| page(other) == Some(page_of_one))
}

/// What those get who ask at a path that the gate does not cover.
fn way_past<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, gate: &Rule) -> Option<String> {
    let (open, closed) = (rule.apply()?, gate.apply()?);
    if !gate.is_proxy() || !rule.is_proxy() {
        return None;
    }
    let (kept, reach) = (closed.to.reach(), open.to.reach());
    let paths = [kept.common(&reach, WORD), Some(kept.example(WORD)), shown_at(rule, &Visit::of(rule))];
    paths.into_iter().flatten().find_map(|shown| {
        let [open_at, closed_at] = [way_to(rule, &shown)?, way_to(gate, &shown)?];
        let there = scene.answer(&closed_at)?;
        let here = scene.answer(&open_at)?;
        let is_open = here.by == Some(place) && !here.denied && matches!(here.outcome, Outcome::Proxy { .. });
        let [fetched, kept] = [(rule, &open_at), (gate, &closed_at)].map(|(rule, visit)| fetched(rule, visit, &shown));
        (is_open && there.denied && fetched?.is(&kept?)).then(|| {
            let [open_at, closed_at] = [&open_at, &closed_at].map(Visit::target);
            format!("at `{open_at}` what is closed at `{closed_at}`, without being asked for a role")
        })
    })
}

/// What to ask for so that the rule fetches what lies at a path, or whatever it always does.
fn way_to(rule: &Rule, shown: &RequestPath) -> Option<Visit> {
    let visit = Visit::of(rule);
    if !rule.apply()?.to.takes_captures() {
        return Some(visit);
    }
    rule.way_to(shown).map(|way| visit.by_way(&way))
}

/// What a rule fetches for a visit that asks for `shown`.
fn fetched(rule: &Rule, visit: &Visit, shown: &RequestPath) -> Option<Remote> {
    let to = &rule.apply()?.to;
    let target = to.substitute(&rule.pattern.captures(&visit.path()?)?);
    let path = if to.takes_captures() { shown.encoded() } else { target.path.clone() };
    Some(Remote::of(target.origin().as_ref(), &path))
}

/// Where those are sent whom the gate denies: to what it fetches for the others.
fn sent_there<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let open = rule.apply().filter(|apply| apply.is_redirect() && apply.to.is_absolute() && rule.role().is_none())?;
    let gates = scene.gates_beside(rule.text.len()).iter().filter(|(at, gate)| *at < place && gate.is_proxy());
    let (gate, url) = gates.filter(|(_, gate)| gate.pattern.covers(&rule.pattern)).find_map(|(_, gate)| {
        let to = gate.apply().map(|apply| apply.to.reach())?;
        let meets = [to.common(&open.to.reach(), WORD), Some(to.example(WORD))];
        meets.into_iter().flatten().find_map(|shown| {
            let visit = way_to(gate, &shown)?;
            let here = scene.answer(&visit).filter(|here| here.by == Some(place) && here.denied)?;
            let Outcome::Redirect { location, .. } = here.outcome else { return None };
            let [sent, kept] = [rule, *gate].map(|rule| exactly(rule, &visit));
            sent?.is(&kept?).then_some((*gate, (visit, location)))
        })
    })?;
    let (visit, location) = url;
    let line = place_of(gate.span, rule.span);
    let message = format!("this sends those whom {line} denies to the very URL that it fetches for others");
    let visitor = format!("at `{}` a redirect to `{location}`, where nobody here asks for a role", visit.target());
    let help = format!("lead those whom {line} denies elsewhere, such as to a page to log in");
    let found = warning(rule, Field::To, "gate-undone", message, visitor, help);
    let page = scene.denial_page().and_then(|page| page_rule(rule, page, 401, open.force));
    Some(found.proposing(page.map(|page| Proposal {
        help: format!("show those whom {line} denies a page that is for them: `{page}`"),
        changes: vec![(place, vec![page])],
        closes: None,
    })))
}

/// Where a rule leads a visit.
fn exactly(rule: &Rule, visit: &Visit) -> Option<Remote> {
    let target = rule.apply()?.to.substitute(&rule.pattern.captures(&visit.path()?)?);
    Some(Remote::of(target.origin().as_ref(), &target.path))
}
