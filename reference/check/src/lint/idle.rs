//! Gates that close nothing, beside a folder that they seem to be meant for.

use rolegate::decide::Outcome;
use rolegate::path::RequestPath;
use rolegate::rules::{Rule, within_one_edit};
use rolegate::site::Site;

use super::advice::{Closing, Found, Proposal, line_at};
use super::names::is_denial_page;
use super::scene::{Field, Scene, Visit, folder_path, name_as_path, page_of, segments, warning};

/// So many segments at the start of `from` can be those of the folder that is published.
const PUBLISHED: usize = 3;

/// LINT-5: what is odd about a gate that shows its own paths, where there is no file at any of them.
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|_| rule.protects() && scene.site.is_listed() && !scene.is_bare())?;
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    let is_own = !apply.to.is_absolute() && rule.pattern.covers(&apply.to.reach());
    if !is_own || holds(scene, rule, &stem) || page_for_routes(scene, rule).is_some() {
        return None;
    }
    let visit = Visit::of(rule).bare();
    let near = near(scene, rule, &stem);
    let (meant, file) = near.into_iter().find_map(|meant| {
        let file = files_of(scene, rule, &meant).into_iter().find(|file| scene.is_public(file, &visit))?;
        Some((meant, file))
    })?;
    let file = name_as_path(&file);
    let meant = format!("/{}", meant.join("/"));
    let what = if rule.pattern.ends_in_splat() { "below" } else { "at" };
    let message = format!("there is no file {what} `{}`, so this gate closes nothing", RequestPath::of(&stem));
    let visitor = format!("`{file}`, without being asked for a role");
    let help = format!("if `{meant}` is meant, write `from` as it is called in the folder that is published");
    let found = warning(rule, Field::From, "gate-closes-nothing", message, visitor, help);
    let end = if rule.pattern.ends_in_splat() { "/*" } else { "" };
    let path = RequestPath::of(segments(&meant)).encoded();
    let to = if end.is_empty() { format!("{path} ") } else { String::new() };
    let force = if apply.force { "!" } else { "" };
    let is_plain = rule.origin.is_none() && rule.query.is_empty();
    let line = format!("{path}{end} {to}{}{force}{}", apply.status, apply.conditions);
    let gate = line_at(rule, &line).filter(|_| is_plain);
    Some(found.proposing(gate.map(|gate| Proposal {
        help: format!("if `{meant}` is meant, write the same gate for that: `{gate}`"),
        closes: Some(Closing::by(&gate)),
        // What is built one day may well lie where the gate is now.
        changes: vec![(place, vec![rule.clone(), gate])],
    })))
}

/// The place of a wider rule that shows a page of the site at the paths of the rule: no file lies at the routes of a single-page
/// app.
pub(super) fn page_for_routes<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> Option<usize> {
    let decision = scene.answer(&Visit::of(rule))?;
    let (at, Outcome::Rewrite { status: 200..300, .. }) = (decision.by?, &decision.outcome) else { return None };
    let other = scene.rule(at).filter(|other| other.role().is_none() && other.pattern != rule.pattern)?;
    page_of(other.apply()?).filter(|page| !is_denial_page(page)).map(|_| at)
}

/// Whether there is a file that the gate is for.
pub(super) fn holds<S: Site>(scene: &Scene<'_, S>, rule: &Rule, stem: &[&str]) -> bool {
    let own = RequestPath::of(stem);
    let below = format!("{}/", own.name());
    scene.site.file(&own).is_some() || (rule.pattern.ends_in_splat() && scene.names_below(&below).next().is_some())
}

/// Files that a gate on this path would be for.
fn files_of<S: Site>(scene: &Scene<'_, S>, rule: &Rule, path: &[&str]) -> Vec<String> {
    let own = RequestPath::of(path);
    let below = rule.pattern.ends_in_splat().then(|| scene.names_below(&format!("{}/", own.name())));
    let below = below.into_iter().flatten().map(str::to_owned);
    let page = scene.site.file(&own).map(std::borrow::Cow::into_owned);
    // Nothing lies below a file that is no page, whatever it is called.
    let page = page.filter(|file| !rule.pattern.ends_in_splat() || file.ends_with(".html"));
    page.into_iter().chain(below).take(8).collect()
}

/// Paths that may be meant: without the name of the folder that is published, or with the name of a neighbour that is called
/// almost so.
fn near<'n, S: Site>(scene: &'n Scene<'_, S>, rule: &Rule, stem: &[&'n str]) -> Vec<Vec<&'n str>> {
    let is_there = |path: &[&str]| !files_of(scene, rule, path).is_empty();
    let without = (1..stem.len().min(PUBLISHED + 1)).filter_map(|cut| stem.get(cut..)).map(<[&str]>::to_vec);
    let mut near: Vec<Vec<&str>> = without.filter(|path| is_there(path)).collect();
    let folder = |at: usize| folder_path(stem.get(..at).unwrap_or_default()) + "/";
    // The first segment that nothing is called.
    let Some(at) = (0..stem.len()).find(|at| scene.names_below(&folder(at + 1)).next().is_none()) else { return near };
    let (Some(before), Some(wrong), Some(after)) = (stem.get(..at), stem.get(at), stem.get(at + 1..)) else {
        return near;
    };
    let has_kind = |name: &str| {
        let is_there = |end: &str| scene.names_below(&format!("{}{name}{end}", folder(at))).next().is_some();
        is_there("/") || is_there(".html") || extension(name) == extension(wrong)
    };
    let called = scene.called_in(&folder(at)).into_iter().filter(|name| is_near(name, wrong));
    for name in called.filter(|name| has_kind(name)) {
        let path = [before, &[name], after].concat();
        if is_there(&path) {
            near.push(path);
        }
    }
    near
}

/// What follows the last dot of a name.
fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, end)| end)
}

/// Whether two names differ in one letter, or in two that stand in each other's place, or in a word at the end or the start.
fn is_near(name: &str, written: &str) -> bool {
    let (name, written) = (name.to_lowercase(), written.to_lowercase());
    let (a, b): (Vec<char>, Vec<char>) = (name.chars().collect(), written.chars().collect());
    // Upper and lower case are another finding.
    if a == b || a.len().min(b.len()) < 3 {
        return false;
    }
    let starts = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let ends = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (longer, shorter) = (a.len().max(b.len()), a.len().min(b.len()));
    let long = if a.len() > b.len() { &a } else { &b };
    let is_cut =
        |at: Option<usize>| at.and_then(|at| long.get(at)).is_some_and(|letter| matches!(letter, '-' | '_' | '.'));
    let is_word_more = longer > shorter
        && ((starts == shorter && is_cut(Some(shorter)))
            || (ends == shorter && is_cut((longer - shorter).checked_sub(1))));
    within_one_edit(&name, &written) || is_word_more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_almost_the_same() {
        for (name, written, expected) in [
            ("admin", "amdin", true),
            ("admin", "adimn", true),
            ("admin", "admn", true),
            ("admin", "admins", true),
            ("admin", "\u{430}dmin", true),
            ("members", "members-area", true),
            ("members", "our_members", true),
            ("members", "memberships", false),
            ("admin", "Admin", false),
            ("admin", "docs", false),
            ("a", "b", false),
        ] {
            assert_eq!(is_near(name, written), expected, "{name} {written}");
            assert_eq!(is_near(written, name), expected, "{written} {name}");
        }
    }
}
