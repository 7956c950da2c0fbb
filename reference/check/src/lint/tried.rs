//! What advice is tried with: visits that have to do with the rules that it changes.

use std::collections::{BTreeSet, HashSet};

use rolegate::path::RequestPath;
use rolegate::rules::{ConditionKey, Rule};
use rolegate::site::Site;

use super::scene::{LOOKED_AT, Scene, Visit, WORD, folder_path, segments};

/// What so many other rules ask for is tried at each path.
const CROSSED: usize = 16;

/// Visits that have to do with the rules that change: what they match, what they lead to, and what matches beside them.
pub(super) fn visits<S: Site>(scene: &Scene<'_, S>, touched: &[&Rule]) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    let neighbours = scene.rules().iter().filter(|rule| {
        touched.iter().any(|other| {
            let leads = rule.apply().is_some_and(|apply| apply.to.reach().may_meet(&other.pattern));
            leads || rule.pattern.may_meet(&other.pattern)
        })
    });
    let neighbours: Vec<&Rule> = neighbours.take(LOOKED_AT).collect();
    // What other rules ask for, at the paths of these.
    let conditions = || neighbours.iter().filter_map(|rule| Some(&rule.apply()?.conditions));
    let cookies = conditions().flat_map(|conditions| conditions.values(ConditionKey::Cookie));
    let cookies: Vec<String> = cookies.take(CROSSED).cloned().collect();
    let countries = conditions().flat_map(|conditions| conditions.values(ConditionKey::Country).first());
    let countries = countries.map(String::as_str);
    let countries: BTreeSet<&str> = countries.collect();
    let countries: Vec<Option<&str>> = countries.into_iter().map(Some).take(2).chain([None]).collect();
    let paths = |rules: &[&Rule]| -> Vec<RequestPath> {
        let all = rules.iter().flat_map(|rule| {
            let shortest = without_splat(rule);
            [shortest.as_ref().and_then(as_a_page), shortest, Some(rule.pattern.example(WORD))]
        });
        let paths: BTreeSet<String> = all.flatten().map(|path| path.encoded()).collect();
        paths.iter().filter_map(|path| RequestPath::parse(path.as_bytes()).ok()).collect()
    };
    let crossed = neighbours.get(..CROSSED).unwrap_or(&neighbours);
    let of_neighbours = crossed.iter().map(|rule| (Visit::of(rule), touched));
    // And the other way round: what these ask for, at the paths of other rules.
    let of_touched = touched.iter().flat_map(|rule| Visit::one_for_each_value(rule)).map(|visit| (visit, crossed));
    for (first, others) in of_neighbours.chain(of_touched) {
        for path in &paths(others) {
            let visit = first.at(path);
            visits.extend(countries.iter().map(|country| visit.from(*country, &cookies)));
            visits.push(visit.elsewhere());
            visits.push(visit);
        }
        let asking = others.iter().filter(|other| !other.query.is_empty());
        visits.extend(asking.map(|other| first.where_goes(&Visit::of(other))));
    }
    for rule in touched.iter().chain(&neighbours).copied() {
        let visit = Visit::of(rule);
        let shortest = without_splat(rule).map(|path| visit.at(&path));
        for visit in [Some(visit), shortest].into_iter().flatten() {
            visits.push(visit.without_query());
            visits.push(visit.bare());
            visits.push(visit);
        }
    }
    for rule in touched {
        let visit = Visit::of(rule).bare();
        let reach = rule.apply().map(|apply| apply.to.reach());
        for pattern in [Some(&rule.pattern), reach.as_ref()].into_iter().flatten() {
            let Some(stem) = pattern.stem() else { continue };
            let stem = folder_path(&stem);
            let names = scene.names_below(&stem).map(segments).map(RequestPath::of);
            visits.extend(names.chain([RequestPath::of(segments(&stem))]).map(|path| visit.at(&path)));
        }
        let names = scene.names_below("").map(segments).map(RequestPath::of);
        visits.extend(names.filter_map(|name| rule.path_to(&name)).map(|path| visit.at(&path)));
    }
    let mut known = HashSet::new();
    visits.retain(|visit| known.insert(format!("{visit:?}")));
    visits
}

/// The path that the rule is for where nothing is in the place of its splat: rules for one segment may meet it there alone.
fn without_splat(rule: &Rule) -> Option<RequestPath> {
    let path = rule.pattern.example(WORD);
    let segments: Vec<&str> = path.segments().collect();
    let (_, stem) = segments.split_last().filter(|_| rule.pattern.ends_in_splat())?;
    Some(RequestPath::of(stem.iter().copied()))
}

/// The name of the page at a path, which a gate for the folder covers too and which lies outside the folder for other rules.
fn as_a_page(path: &RequestPath) -> Option<RequestPath> {
    let segments: Vec<&str> = path.segments().collect();
    let (last, before) = segments.split_last().filter(|(last, _)| !last.is_empty() && !last.ends_with(".html"))?;
    let page = format!("{last}.html");
    Some(RequestPath::of(before.iter().copied().chain([page.as_str()])))
}
