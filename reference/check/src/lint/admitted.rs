//! Who gets what a role rule speaks of: others than those it names, nobody, or the wrong ones.

use rolegate::decide::{Decision, Outcome, PassedOver};
use rolegate::path::RequestPath;
use rolegate::rules::{Conditions, Effect, RoleCondition, Rule};
use rolegate::site::{NOT_FOUND_PAGE, Site, Spellings};
use rolegate::visitor::Visitor;

use super::advice::{Closing, Found, Proposal, answering, changed, page_rule};
use super::backwards;
use super::names::{is_denial_page, names_somebody_without};
use super::scene::{Field, LOOKED_AT, Scene, Visit, folder_path, name_as_path, page_of, place_of, segments, warning};
use super::values::never_hold;

/// What is odd about whom the rule at `place` admits, or answers where a gate does not.
pub(super) fn problems<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Vec<Found> {
    match rule.role() {
        Some(role) => {
            let backwards = backwards::problem(scene, place, rule);
            let is_backwards = backwards.is_some();
            let wider = || wider(scene, place, rule, role).or_else(|| wider_above(scene, place, rule));
            let others = || wider().into_iter().chain(no_way_in(scene, place, rule));
            backwards.into_iter().chain((!is_backwards).then(others).into_iter().flatten()).collect()
        }
        None => narrow_fallback(scene, place, rule).into_iter().collect(),
    }
}

/// Whether somebody is denied, and nothing answers.
pub(super) fn is_bare_404(decision: &Decision) -> bool {
    decision.denied && decision.by.is_none() && matches!(decision.outcome, Outcome::NotFound { .. })
}

/// A visitor whom the condition admits.
pub(super) fn holder(role: &RoleCondition) -> Visitor {
    match role {
        RoleCondition::AnyOf(roles) => Visitor::with_roles(roles.first().cloned()),
        RoleCondition::AnyToken => Visitor::with_roles(Vec::<String>::new()),
    }
}

/// ROLE-4: a wider gate below admits others to what this one keeps.
fn wider<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, role: &RoleCondition) -> Option<Found> {
    if !rule.protects() {
        return None;
    }
    let visit = Visit::of(rule);
    let kept = scene.answer(&visit.by(&holder(role))).filter(|kept| kept.by == Some(place))?;
    let others = scene
        .closed
        .iter()
        .filter(|(at, other)| *at > place && other.pattern != rule.pattern && other.pattern.covers(&rule.pattern));
    let (other, admitted) = others.take(LOOKED_AT).find_map(|(at, other)| {
        let visitor = other.role().filter(|wide| *wide != role).and_then(|wide| stranger(wide, role))?;
        let here = scene.answer(&visit.by(&visitor))?;
        let same = kept.target == here.target && !here.denied;
        (here.by == Some(*at) && same).then_some((*other, visitor))
    })?;
    let line = place_of(other.span, rule.span);
    let who = called(&admitted);
    let message = format!("{line} admits others to what this gate keeps: who is denied here is asked again there");
    let visitor = format!("with {who}, at `{}` the same as those whom this gate admits", visit.target());
    let help =
        format!("a role rule admits, whatever role rules before it did not: {line} covers `{}` too", rule.pattern);
    let found = warning(rule, Field::From, "gate-wider-below", message, visitor, help);
    let proposal = |answer: Rule| Proposal {
        help: format!("if it is for those alone whom this gate names, put `{answer}` below it"),
        changes: vec![(place, vec![rule.clone(), answer])],
        closes: Some(Closing { to_the_admitted: true, ..Closing::by(rule) }),
    };
    Some(found.proposing(answers_between(scene, rule, &visit).into_iter().map(proposal)))
}

/// What may answer those whom a gate denies before a wider one is met: what those get there who have no role at all, a page that says
/// no, or nothing.
fn answers_between<S: Site>(scene: &Scene<'_, S>, gate: &Rule, visit: &Visit) -> Vec<Rule> {
    let there = scene.answer(visit).filter(|there| there.denied).and_then(|there| scene.rule(there.by?));
    let there = there.filter(|there| there.role().is_none() && there.apply().and_then(page_of).is_some());
    let of_others = there.map(|there| {
        changed(there, |answer| {
            (answer.pattern, answer.query, answer.origin) =
                (gate.pattern.clone(), gate.query.clone(), gate.origin.clone());
            if let Effect::Apply(apply) = &mut answer.effect {
                (apply.force, apply.conditions) = (true, Conditions::default());
            }
        })
    });
    let says_no = |answer: &Rule| answer.apply().is_some_and(|apply| (400..500).contains(&apply.status));
    let (first, last) = (of_others.clone().filter(says_no), of_others.filter(|answer| !says_no(answer)));
    let page = scene.denial_page().and_then(|page| page_rule(gate, page, 401, true));
    let nothing = page_rule(gate, NOT_FOUND_PAGE, 404, true);
    [first, page, last, nothing].into_iter().flatten().collect()
}

/// ROLE-4: a wider gate above has let others in to what this one is to keep.
pub(super) fn wider_above<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let role = rule.role().filter(|_| rule.protects() && !rule.is_sealed())?;
    // A page for those who have less is for those who have more as well.
    if matches!(role, RoleCondition::AnyOf(roles) if roles.iter().all(|role| names_somebody_without(role))) {
        return None;
    }
    let above = scene.closed.iter().filter(|(at, other)| {
        *at < place && other.pattern != rule.pattern && other.pattern.covers(&rule.pattern) && !other.is_sealed()
    });
    let mut above = above.peekable();
    above.peek()?;
    let visit = Visit::of(rule);
    let kept = scene.alone(rule, &visit.by(&holder(role)))?;
    let (at, other, admitted) = above.take(LOOKED_AT).find_map(|(at, other)| {
        let visitor = other.role().filter(|wide| *wide != role).and_then(|wide| stranger(wide, role))?;
        let here = scene.answer(&visit.by(&visitor))?;
        let same = kept.target == here.target && !here.denied;
        (here.by == Some(*at) && same).then_some((*at, *other, visitor))
    })?;
    let line = place_of(other.span, rule.span);
    let who = called(&admitted);
    let folder = RequestPath::of(rule.pattern.fixed());
    let message = format!("{line} has already admitted {who} to `{folder}`, so this gate keeps nothing from them");
    let visitor = format!("with {who}, at `{}` the same as those whom this gate admits", visit.target());
    let own = answer_of(scene, place, rule);
    let page = scene.denial_page().unwrap_or("/denied");
    let denial = match own {
        Some((_, own)) => answering(own, |apply| apply.force = true),
        None => page_rule(rule, page, 401, true)?,
    };
    let help = format!("for those alone whom this gate names, put it and `{denial}` above {line}");
    let found = warning(rule, Field::From, "gate-wider-above", message, visitor, help.clone());
    let out = own.map(|(own, _)| (own, Vec::new()));
    let changes = [(at, vec![rule.clone(), denial, other.clone()]), (place, Vec::new())].into_iter().chain(out);
    Some(found.proposing([Proposal {
        help,
        changes: changes.collect(),
        closes: Some(Closing { to_the_admitted: true, ..Closing::by(rule) }),
    }]))
}

/// The rule below a gate that answers those whom it denies, at the same paths.
fn answer_of<'r, S: Site>(scene: &Scene<'r, S>, place: usize, gate: &Rule) -> Option<(usize, &'r Rule)> {
    let mut below = scene.rules().iter().enumerate().skip(place + 1).take(LOOKED_AT);
    below.find(|(_, rule)| {
        let is_plain = rule.apply().is_some_and(|apply| apply.conditions == Conditions::default());
        is_plain && rule.query.is_empty() && (&rule.pattern, &rule.origin) == (&gate.pattern, &gate.origin)
    })
}

/// What a visitor is called.
pub(super) fn called(visitor: &Visitor) -> String {
    match visitor.roles().and_then(|roles| roles.iter().next()) {
        Some(role) => format!("the role `{role}`"),
        None => "any valid token".to_owned(),
    }
}

/// Somebody whom one condition admits and the other does not.
pub(super) fn stranger(wide: &RoleCondition, narrow: &RoleCondition) -> Option<Visitor> {
    match (wide, narrow) {
        (_, RoleCondition::AnyToken) => None,
        (RoleCondition::AnyToken, RoleCondition::AnyOf(_)) => Some(Visitor::with_roles(Vec::<String>::new())),
        (RoleCondition::AnyOf(wide), RoleCondition::AnyOf(narrow)) => {
            let other = wide.iter().take(LOOKED_AT).find(|role| !narrow.contains(role))?;
            Some(Visitor::with_roles([other.clone()]))
        }
    }
}

/// Those whom a gate denies get nothing at all, and the page to log in lies behind it.
fn no_way_in<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    if !rule.protects() || !rule.pattern.ends_in_splat() {
        return None;
    }
    let visit = Visit::of(rule).bare();
    let stem = rule.pattern.stem()?;
    let below = folder_path(&stem) + "/";
    let behind = |name: &&str| {
        Spellings::of(scene.site, name).iter().all(|spelling| {
            let decision = scene.answer(&visit.at(&RequestPath::of(segments(spelling))));
            decision.is_some_and(|decision| {
                let first = decision.passed_over.iter().find(|(_, why)| matches!(why, PassedOver::Role));
                is_bare_404(&decision) && first.is_some_and(|(at, _)| *at == place)
            })
        })
    };
    let page = scene.login_pages().iter().copied().filter(|name| name.starts_with(&below)).find(behind);
    // Another way is a page that the denied are shown or sent to, here or at the front page.
    let front = RequestPath::parse(b"/").ok()?;
    let answered = |visit: &Visit| scene.answer(visit).is_none_or(|decision| !is_bare_404(&decision));
    if answered(&visit) || answered(&visit.at(&front)) {
        return None;
    }
    let Some(page) = page else { return whole_site(scene, place, rule) };
    let page = name_as_path(page);
    let message = format!("nobody can log in: `{page}` and what it loads lie behind this gate");
    let visitor = format!("a 404 at `{page}`, as everywhere below `{}`", rule.pattern);
    let help = "those who are denied need a page to log in that is not denied to them";
    let found = warning(rule, Field::From, "gate-without-way-in", message, visitor, help);
    Some(found.proposing(page_rule(rule, &page, 401, false).map(|page| Proposal {
        help: format!("show them the page in the place of what is denied, below this line: `{page}`"),
        changes: vec![(place, vec![rule.clone(), page])],
        closes: None,
    })))
}

/// One page stands for the whole site and is for those alone who hold a role, so that nobody comes to hold it here.
fn whole_site<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply()?;
    let is_whole = rule.pattern.stem()?.is_empty() && rule.origin.is_none() && rule.query.is_empty();
    let front = Visit::of(rule).bare().at(&RequestPath::parse(b"/").ok()?);
    let asked = scene.answer(&front)?.passed_over.iter().find(|(_, why)| matches!(why, PassedOver::Role)).copied();
    if page_of(apply).is_none() || !is_whole || asked.is_none_or(|(at, _)| at != place) {
        return None;
    }
    // Who is led to a page to log in by a rule above or below is not at a loss, wherever that page lies.
    let has_way = |other: &Rule| {
        let to = other.apply().map(|apply| apply.to.to_string()).unwrap_or_default();
        other.role().is_none() && (is_denial_page(&other.pattern.to_string()) || is_denial_page(&to))
    };
    if scene.rules().iter().take(LOOKED_AT).any(has_way) {
        return None;
    }
    let message = "nobody can log in: the whole site lies behind this gate".to_owned();
    let visitor = "a 404 at `/`, as everywhere".to_owned();
    let help = "the fallback of a single-page app stands without a condition: with one it is for those who hold the role, and everybody else gets \
                a 404 everywhere; where the whole site is for members, those who are denied need a page to log in";
    let found = warning(rule, Field::From, "gate-without-way-in", message, visitor, help);
    let page = scene.denial_page().and_then(|page| page_rule(rule, page, 401, false));
    Some(found.proposing(page.map(|page| Proposal {
        help: format!("show those who are denied a page in the place of what is denied, below this line: `{page}`"),
        changes: vec![(place, vec![rule.clone(), page])],
        closes: None,
    })))
}

/// An answer for those whom a gate denies, which asks for more than the gate does. Of several one below the other the last is told: an
/// answer for all others would stand below that.
fn narrow_fallback<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let Narrow { gate, asks_for, visit } = asks_for_more(scene, place, rule)?;
    let mut below = scene.rules().iter().enumerate().skip(place + 1).take(LOOKED_AT);
    let is_next = |(at, other): (usize, &Rule)| {
        let is_alike = other.pattern == rule.pattern && other.role().is_none();
        is_alike && asks_for_more(scene, at, other).is_some_and(|next| std::ptr::eq(next.gate, gate))
    };
    if below.any(is_next) {
        return None;
    }
    let line = place_of(gate.span, rule.span);
    let message =
        format!("this answers those whom {line} denies, and asks for {asks_for} that the gate does not ask for");
    let visitor = format!("at `{}` a 404", visit.target());
    let help = format!("nothing answers those who are denied without {asks_for}");
    let found = warning(rule, Field::From, "fallback-narrower", message, visitor, help);
    let wide = changed(rule, |rule| {
        rule.query.clear();
        rule.origin = None;
        if let Effect::Apply(apply) = &mut rule.effect {
            apply.conditions = Conditions::default();
        }
    });
    let wide = Some(wide).filter(|_| !rule.captures_query());
    Some(found.proposing(wide.map(|wide| Proposal {
        help: format!("add the answer for all others below it: `{wide}`"),
        changes: vec![(place, vec![rule.clone(), wide])],
        closes: None,
    })))
}

/// What an answer asks for that the gate above it does not.
struct Narrow<'r> {
    gate: &'r Rule,
    asks_for: String,
    /// Of somebody who is denied, and not answered.
    visit: Visit,
}

fn asks_for_more<'r, S: Site>(scene: &Scene<'r, S>, place: usize, rule: &Rule) -> Option<Narrow<'r>> {
    let apply = rule.apply().filter(|apply| !never_hold(apply))?;
    let of_path = [("a parameter", !rule.query.is_empty()), ("a host", rule.origin.is_some())];
    let of_path = of_path.into_iter().filter(|(_, asks)| *asks).map(|(what, _)| what.to_owned());
    let keys = apply.conditions.others().iter().filter_map(|condition| condition.key.name());
    let asks_for = of_path.chain(keys.map(|name| format!("a {}", name.to_lowercase()))).next()?;
    let visit = Visit::of(rule);
    let decision = scene.answer(&visit)?;
    if decision.by != Some(place) || !decision.denied {
        return None;
    }
    let visit = visit.bare().elsewhere();
    let there = scene.answer(&visit).filter(is_bare_404)?;
    let (at, _) = there.passed_over.iter().find(|(_, why)| *why == PassedOver::Role)?;
    let gate = scene.rule(*at).filter(|gate| gate.protects() && rule.pattern.covers(&gate.pattern))?;
    Some(Narrow { gate, asks_for, visit })
}
