//! What is meant by a rule that stands below one for more paths.

use rolegate::rules::Rule;
use rolegate::site::Site;

use super::advice::{answering, page_rule};
use super::idle::holds;
use super::names::is_denial_page;
use super::scene::{Scene, WORD, page_of};

/// A gate over the routes of a single-page app, at which no file lies, below a rule that shows everybody the page of the app: the gate
/// that shows this page to those who hold the role.
pub(super) fn for_routes<S: Site>(scene: &Scene<'_, S>, above: &Rule, gate: &Rule) -> Option<Rule> {
    let (apply, own) = (above.apply()?, gate.apply()?);
    let stem = gate.pattern.stem().filter(|stem| !stem.is_empty() && gate.pattern.ends_in_splat())?;
    let is_own = !own.to.is_absolute() && own.to.takes_captures() && gate.pattern.covers(&own.to.reach());
    if !is_own || scene.is_bare() || !scene.site.is_listed() || holds(scene, gate, &stem) {
        return None;
    }
    let page = page_of(apply).filter(|page| (200..300).contains(&apply.status) && !is_denial_page(page))?;
    scene.shows(&page).then(|| answering(gate, |own| own.to = apply.to.clone()))
}

/// The answer for those whom such a gate denies, where nobody has written one.
pub(super) fn page_below<S: Site>(scene: &Scene<'_, S>, gate: &Rule) -> Option<Rule> {
    let shown = gate.apply().and_then(page_of).and_then(|page| scene.page_at(&page));
    let page = scene.denial_page().filter(|page| shown.as_deref() != Some(page))?;
    page_rule(gate, page, 401, false)
}

/// Whether a rule leads where the one above it leads from the same paths, so that it says nothing of its own.
pub(super) fn leads_alike(above: &Rule, rule: &Rule) -> bool {
    let (Some(wide), Some(narrow)) = (above.apply(), rule.apply()) else { return false };
    let path = rule.pattern.example(WORD);
    let to = |rule: &Rule| Some(rule.apply()?.to.substitute(&rule.pattern.captures(&path)?));
    let (Some(there), Some(here)) = (to(above), to(rule)) else { return false };
    (wide.status, there.origin(), &there.path, wide.is_redirect() && wide.force)
        == (narrow.status, here.origin(), &here.path, narrow.is_redirect() && narrow.force)
}
