//! What to ask for so that a rule leads to something that another one speaks of.

use rolegate::path::RequestPath;
use rolegate::rules::{Captures, Pattern, Rule};
use rolegate::site::Site;

use super::scene::{Scene, Visit, WORD, folder_path, segments};

/// So many files are asked for by one rule.
const FILES: usize = 2;

/// Visits that the rule is for and leads to paths of `kept`, each with that path: such as a file of the site has first, which
/// says more than a made-up one.
pub(super) fn ways_into<S: Site>(scene: &Scene<'_, S>, rule: &Rule, kept: &Pattern) -> Vec<(Visit, RequestPath)> {
    let Some(apply) = rule.apply() else { return Vec::new() };
    let visit = Visit::of(rule);
    // Without a name in it a destination is one page, whatever is wanted.
    if !apply.to.takes_captures() {
        let page = RequestPath::parse(apply.to.substitute(&Captures::default()).path.as_bytes()).ok();
        return page.filter(|page| kept.matches(page)).map(|page| (visit, page)).into_iter().collect();
    }
    let reach = apply.to.reach();
    let (own, other) = (reach.fixed(), kept.fixed());
    let folder = if own.len() > other.len() { own } else { other };
    let prefix = folder_path(&folder) + "/";
    let files = scene.names_below(&prefix).map(|name| RequestPath::of(segments(name)));
    let way = |shown: RequestPath| {
        scene.spend(shown.name().len());
        let way = rule.way_to(&shown).filter(|_| kept.matches(&shown))?;
        Some((visit.by_way(&way), shown))
    };
    let files = files.filter_map(way).take(FILES);
    let made_up = [kept.common(&reach, WORD), Some(kept.example(WORD)), shown_at(rule, &visit)];
    let mut ways: Vec<_> = files.collect();
    ways.extend(made_up.into_iter().flatten().filter_map(way));
    ways
}

/// What the rule leads to for the visit, on whatever host.
pub(super) fn shown_at(rule: &Rule, visit: &Visit) -> Option<RequestPath> {
    let target = rule.apply()?.to.substitute(&rule.pattern.captures(&visit.path()?)?);
    RequestPath::parse(target.path.as_bytes()).ok()
}
