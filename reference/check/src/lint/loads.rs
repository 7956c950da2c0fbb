//! What the page for those who are denied loads, and whether they get that.

use rolegate::decide::Outcome;
use rolegate::path::RequestPath;
use rolegate::problem::Problem;
use rolegate::rules::{Rule, RuleSet};
use rolegate::site::Site;

use super::scene::{Field, LOOKED_AT, Scene, Visit, name_as_path, place_of, warning};
use crate::markup::{Loaded, loaded};

/// So many bytes of a page are read.
pub const READ: u64 = 256 * 1024;

/// So many pages are read, each once.
const PAGES: usize = 16;

/// What is odd about what pages for those who are denied load. `read` gives the first [`READ`] bytes of a file.
pub fn lint_pages(rules: &RuleSet, site: &impl Site, read: impl Fn(&str) -> Option<Vec<u8>>) -> Vec<Problem> {
    let scene = Scene::new(rules, site);
    let mut pages: Vec<(String, Loaded)> = Vec::new();
    let mut problems = Vec::new();
    let denying = || scene.closed.iter().copied();
    for (place, rule) in scene.rules().iter().enumerate() {
        if rule.is_gate() || rule.apply().is_none_or(|apply| apply.to.is_absolute()) || scene.is_used_up() {
            continue;
        }
        let mut gates = denying().filter(|(at, gate)| *at < place && gate.pattern.may_meet(&rule.pattern));
        let Some((asked, base, page)) = gates.find_map(|(_, gate)| shown(&scene, place, rule, gate)) else { continue };
        let known = pages.iter().position(|(known, _)| *known == page);
        let at = known.or_else(|| {
            let bytes = (pages.len() < PAGES).then(|| read(&page)).flatten()?;
            pages.push((page.clone(), loaded(&String::from_utf8_lossy(&bytes))));
            Some(pages.len() - 1)
        });
        if let Some((_, loads)) = at.and_then(|at| pages.get(at)) {
            problems.extend(gated(&scene, rule, &asked, &base, &page, loads));
        }
    }
    problems
}

/// The page that the rule shows or leads to where the gate denies: the request, the path at which a browser has the page, and
/// its file.
fn shown<S: Site>(
    scene: &Scene<'_, S>,
    place: usize,
    rule: &Rule,
    gate: &Rule,
) -> Option<(Visit, RequestPath, String)> {
    let closed = Visit::of(gate);
    let visits = [closed.clone(), Visit::of(rule).at(&closed.path()?)];
    visits.iter().find_map(|visit| {
        let decision = scene.answer(visit)?;
        if decision.by != Some(place) || !decision.denied {
            return None;
        }
        let Outcome::Redirect { location, .. } = &decision.outcome else {
            return Some((visit.clone(), visit.path()?, decision.outcome.file()?.to_owned()));
        };
        let next = scene.follow(visit, location)?;
        let there = scene.answer(&next).filter(|there| !there.denied)?;
        Some((visit.clone(), next.path()?, there.outcome.file()?.to_owned()))
    })
}

fn gated<S: Site>(
    scene: &Scene<'_, S>,
    rule: &Rule,
    asked: &Visit,
    base: &RequestPath,
    page: &str,
    loads: &Loaded,
) -> Option<Problem> {
    let own = name_as_path(page);
    let is_there = |path: &RequestPath| scene.site.file(path).is_some();
    let denied = loads.urls.iter().take(LOOKED_AT).filter_map(|url| {
        let path = loads.path(&base.encoded(), url)?;
        let meant = loads.path(&own, url)?;
        let decision = scene.answer(&asked.bare().at(&path)).filter(|decision| decision.denied)?;
        (is_there(&path) || is_there(&meant)).then_some((url, path, meant, scene.gate_of(&decision)?))
    });
    let denied: Vec<_> = denied.collect();
    let (url, path, meant, gate) = denied.first()?;
    let line = place_of(gate.span, rule.span);
    let page = name_as_path(page);
    let more = match denied.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let message = if path == meant {
        format!("`{page}` loads `{path}`{more}, which {line} denies to those who are to see the page")
    } else {
        format!(
            "`{page}` loads `{url}`{more}, which is `{path}` where the page is seen at `{base}`, and {line} denies that"
        )
    };
    let visitor = format!("the page without it: at `{path}` there is for them what {line} leaves them");
    let help = "what the page loads has to be open to those who are denied: where no gate is, by a path from the root, or in \
                the page itself";
    Some(warning(rule, Field::To, "login-page-assets-gated", message, visitor, help).problem)
}
