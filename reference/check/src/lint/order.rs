//! Rules that are never met, because of one further up.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use rolegate::problem::{Fix, Problem};
use rolegate::rules::{Apply, Condition, ConditionKey, Conditions, RoleCondition, Rule};
use rolegate::site::Site;

use super::admitted::wider_above;
use super::advice::Found;
use super::scene::{Field, Scene, on_line, place_of, warning};
use super::shadowed::Shadow;
use super::too_late::role_on_the_answer;

/// Each rule where it was met first and where it was met last, with that place, by what it means.
pub(super) type Seen<'r> = HashMap<String, (&'r Rule, &'r Rule, usize)>;

/// What is said of a rule that never decides.
pub(super) enum Unmet {
    /// It is told.
    Told(Box<Found>),
    /// It stands there for other gates, which may not know the spelling of the one further up.
    OfOthers,
}

/// Why the rule at `place` never decides, if it never does.
pub(super) fn problem<'r, S: Site>(
    scene: &Scene<'r, S>,
    place: usize,
    rule: &'r Rule,
    seen: &mut Seen<'r>,
) -> Option<Unmet> {
    duplicate(place, rule, seen).or_else(|| Some(Unmet::Told(Box::new(unmet(scene, place, rule)?))))
}

/// What the rule says, so that two rules which say the same say it in the same words.
pub(super) fn meaning(rule: &Rule) -> String {
    let mut meaning = rule.to_string();
    if let Some(apply) = rule.apply().filter(|apply| !apply.headers.is_empty()) {
        // Writing to a text cannot fail.
        let _ = write!(meaning, " {:?}", apply.headers);
    }
    meaning
}

/// RULES-11: an exact duplicate never decides.
fn duplicate<'r>(place: usize, rule: &'r Rule, seen: &mut Seen<'r>) -> Option<Unmet> {
    rule.apply()?;
    let (first, last, last_place) = match seen.entry(meaning(rule)) {
        Entry::Vacant(entry) => {
            entry.insert((rule, rule, place));
            return None;
        }
        Entry::Occupied(entry) => entry.into_mut(),
    };
    // A line between the two that is no rule here may be one elsewhere.
    let is_next = *last_place + 1 == place;
    let follows = is_next && last.span.line + 1 == rule.span.line;
    (*last, *last_place) = (rule, place);
    if from_of(first) != from_of(rule) {
        return Some(Unmet::OfOthers);
    }
    let first = place_of(first.span, rule.span);
    let message = format!("this rule already stands on {first}, where it is met first");
    // RULES-11.duplicate-lines: where the last one counts, what stands in between is met before it.
    let (help, fix) = if follows {
        ("remove this line".to_owned(), on_line(rule, Fix::RemoveLine))
    } else if is_next {
        ("remove this line, if nothing but comments stands between the two".to_owned(), None)
    } else {
        (format!("keep one of them; other gates meet what stands between {first} and this line first"), None)
    };
    let found = warning(rule, Field::Beginning(""), "duplicate", message, None, help);
    Some(Unmet::Told(Box::new(Problem { fix, span: rule.span, ..found.problem }.into())))
}

/// `from` as it is written, where the file has lines.
fn from_of(rule: &Rule) -> &str {
    rule.text.split_whitespace().next().unwrap_or_default()
}

/// SHADOW-2: the first match is chosen before anything else, so a rule that decides for all leaves nothing to others.
fn unmet<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let shadow = Shadow::over(scene, place, rule)?;
    if let Some(found) = role_on_the_answer((shadow.at, shadow.above), (place, rule)) {
        return Some(found);
    }
    // Who is denied above is asked there, and others are let in who are not to be.
    if rule.protects()
        && let Some(found) = wider_above(scene, place, rule)
    {
        return Some(found);
    }
    Some(shadow.told())
}

/// Whether every other gate that takes the path of `rule` takes it for one of `above` too. Others are known to match nothing with dot
/// segments or empty ones, to know one alone of the spellings of a letter beyond ASCII, and to tell `/a` from `/a/`.
pub(super) fn is_known_as_it_is(above: &Rule, rule: &Rule) -> bool {
    let (from, other) = (from_of(above), from_of(rule));
    if from == other {
        return true;
    }
    // MATCH-8.prefix
    if other_star(from) {
        return false;
    }
    let path = from.split_once("://").map_or(from, |(_, rest)| rest.trim_start_matches(|c| c != '/'));
    let inner = path.strip_suffix('/').unwrap_or(path);
    let is_plain = from.is_ascii() && !from.contains('%');
    let is_tidy = inner.split('/').skip(1).all(|segment| !matches!(segment, "" | "." | ".."));
    let ends_alike = above.pattern.ends_in_splat() || from.ends_with('/') == other.ends_with('/');
    is_plain && is_tidy && ends_alike
}

/// Whether a star stands elsewhere than as the last segment, which other gates read otherwise.
fn other_star(from: &str) -> bool {
    from.strip_suffix("/*").unwrap_or(from).contains('*')
}

/// The answer of `above`, if it decides every request that `rule` could decide.
pub(super) fn leaves_nothing_to<'r, S: Site>(scene: &Scene<'_, S>, above: &'r Rule, rule: &Rule) -> Option<&'r Apply> {
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
    let role_holds = match (&wider.role, &narrower.role) {
        (None, _) => true,
        (Some(RoleCondition::AnyToken), other) => other.is_some(),
        (Some(RoleCondition::AnyOf(wide)), Some(RoleCondition::AnyOf(narrow))) => all_among(narrow, wide),
        (Some(_), _) => false,
    };
    role_holds
        && wider.others().iter().all(|Condition { key, values: wide }| {
            let narrow = narrower.values(*key);
            match key {
                // RULES-10
                ConditionKey::Unknown => false,
                // COND-3.role: beside a role the country is another one than without.
                ConditionKey::Country if wider.role.is_some() != narrower.role.is_some() => false,
                _ => !narrow.is_empty() && all_among(narrow, wide),
            }
        })
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
    let is_redirect = apply.is_redirect();
    is_redirect
        && (above.captures_query()
            || (scene.has_trees() && above.own_tree().is_some())
            || apply.to.reach().may_meet(&rule.pattern))
}
