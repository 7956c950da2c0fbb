//! Rules that are never met, because of one further up.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::scene::{Field, Scene, Visit, on_line, place_of, warning};
use crate::problem::{Fix, Problem};
use crate::rules::{Apply, Conditions, RoleCondition, Rule};
use crate::site::Site;
use crate::span::Span;

/// Where each rule was met first, by what it means.
pub(super) type Seen = HashMap<String, Span>;

/// Why the rule at `place` never decides, if it never does.
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, seen: &mut Seen) -> Option<Problem> {
    duplicate(rule, seen).or_else(|| unmet(scene, place, rule))
}

/// RULES-11: an exact duplicate never decides.
fn duplicate(rule: &Rule, seen: &mut Seen) -> Option<Problem> {
    let apply = rule.apply()?;
    let mut meaning = rule.to_string();
    if !apply.headers.is_empty() {
        // Writing to a text cannot fail.
        let _ = write!(meaning, " {:?}", apply.headers);
    }
    let first = match seen.entry(meaning) {
        Entry::Vacant(entry) => {
            entry.insert(rule.span);
            return None;
        }
        Entry::Occupied(entry) => *entry.get(),
    };
    let message = format!("this rule already stands on {}, where it is met first", place_of(first, rule.span));
    let found = warning(rule, Field::Beginning(""), "duplicate", message, None, "remove this line");
    Some(Problem { fix: on_line(rule, Fix::RemoveLine), span: rule.span, ..found })
}

/// SHADOW-2: the first match is chosen before anything else, so a rule that decides for all leaves nothing to others.
fn unmet<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Problem> {
    let visit = Visit::of(rule);
    let path = rule.pattern.example(super::scene::WORD);
    let candidates = scene.candidates(&path, &visit);
    let before = candidates.into_iter().take_while(|(at, _)| *at < place);
    let (above, by) = before.filter_map(|(_, above)| Some((above, leaves_nothing_to(scene, above, rule)?))).next()?;
    let line = place_of(above.span, rule.span);
    if rule.is_gate() && by.conditions.role.is_none() {
        let message = format!("nobody is ever asked for a role here: {line} matches these paths first");
        let visitor = if by.force {
            format!("what {line} says, without being asked for a role")
        } else {
            format!("the file, or where there is none what {line} says, without being asked for a role")
        };
        let found = warning(rule, Field::From, "gate-shadowed", message, visitor, "move this line above it");
        return Some(Problem { span: rule.span, ..found });
    }
    let message = format!("this rule never decides: {line} matches these paths first");
    let help = format!("move this line above {line}, or remove it");
    let found = warning(rule, Field::From, "rule-unreachable", message, format!("what {line} says"), help);
    Some(Problem { span: rule.span, fix: removable(above, rule), ..found })
}

/// A gate also covers other spellings of its files (NOLEAK-3), which nothing decides that stands for its path alone, and what
/// it would show stays hidden from those whom it denies (ROLE-12). It leaves nothing behind only where the gate above asks
/// for the same role and shows the same.
fn removable(above: &Rule, rule: &Rule) -> Option<Fix> {
    let shows = |rule: &Rule| rule.apply().map(|apply| apply.to.clone());
    let says_the_same = || {
        (rule.role(), &rule.pattern, &rule.query, shows(rule))
            == (above.role(), &above.pattern, &above.query, shows(above))
    };
    if rule.is_gate() && !says_the_same() {
        return None;
    }
    on_line(rule, Fix::CommentOut)
}

/// The answer of `above`, if it decides every request that `rule` could decide.
fn leaves_nothing_to<'r, S: Site>(scene: &Scene<'_, S>, above: &'r Rule, rule: &Rule) -> Option<&'r Apply> {
    let apply = above.apply()?;
    let covers = (above.origin.is_none() || above.origin == rule.origin)
        && (above.query.is_empty() || above.query == rule.query)
        && above.pattern.covers(&rule.pattern);
    // RULES-9: a seal is no condition that anybody meets.
    let everybody = Conditions::default();
    let asked = rule.apply().map_or(&everybody, |apply| &apply.conditions);
    if !covers {
        return None;
    }
    scene.spend(above.text.len() + rule.text.len());
    (holds_with(&apply.conditions, asked) && !may_step_aside(scene, above, apply, rule)).then_some(apply)
}

/// Whether `wider` holds for everybody for whom `narrower` does.
fn holds_with(wider: &Conditions, narrower: &Conditions) -> bool {
    let Conditions { role, country, language, cookie, unknown } = wider;
    if wider == &Conditions::default() {
        return true;
    }
    let role_holds = match (role, &narrower.role) {
        (None, _) => true,
        (Some(RoleCondition::AnyToken), other) => other.is_some(),
        (Some(RoleCondition::AnyOf(wide)), Some(RoleCondition::AnyOf(narrow))) => all_among(narrow, wide),
        (Some(_), _) => false,
    };
    let among = |wide: &[String], narrow: &[String]| wide.is_empty() || (!narrow.is_empty() && all_among(narrow, wide));
    // COND-3.role: beside a role the country is another one than without.
    let same_country = country.is_empty() || role.is_some() == narrower.role.is_some();
    role_holds
        && same_country
        && among(country, &narrower.country)
        && among(language, &narrower.language)
        && among(cookie, &narrower.cookie)
        && unknown.is_empty()
}

/// Whether every item of one list is one of the other; both can be long.
fn all_among(narrow: &[String], wide: &[String]) -> bool {
    if narrow.len() * wide.len() <= 64 {
        return narrow.iter().all(|item| wide.contains(item));
    }
    let wide: HashSet<&str> = wide.iter().map(String::as_str).collect();
    narrow.iter().all(|item| wide.contains(item.as_str()))
}

/// STATUS-5: whether the rule could be ignored for a path of the other one, because it would lead to itself. STATUS-5.own-tree: or
/// because the path lies in its tree, or in that of another such rule.
fn may_step_aside<S: Site>(scene: &Scene<'_, S>, above: &Rule, apply: &Apply, rule: &Rule) -> bool {
    let is_redirect = (300..400).contains(&apply.status);
    is_redirect
        && (above.captures_query()
            || (scene.has_trees() && above.own_tree().is_some())
            || apply.to.reach().may_meet(&rule.pattern))
}
