//! Pages for those who hold no role yet (ROLE-3.redirect).

use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Rule};
use rolegate::site::Site;

use super::advice::say_the_same;
use super::names::is_login_page;
use super::scene::{LOOKED_AT, Scene, page_of};

/// Whether the rule is new and shows a page for those who hold no role yet at its own path, below a role rule that only redirects there:
/// such a rule keeps nothing.
pub(super) fn shows_way_in<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> bool {
    let is_own = |apply: &Apply| apply.status == 200 && rule.leads_to_itself();
    let is_page = || rule.pattern.literal().is_some_and(|path| is_for_newcomers(scene, &RequestPath::of(path)));
    let spellings = || rule.pattern.with_spellings();
    rule.role().is_none() && rule.apply().is_some_and(is_own) && is_page() && {
        let rules = scene.rules();
        let sends = |there: &Rule| there.pattern == rule.pattern && there.role().is_some() && !there.protects();
        let keeps = |there: &Rule| there.protects() && spellings().may_meet(&there.pattern);
        rules.iter().any(sends) && !rules.iter().any(|there| keeps(there) || say_the_same(there, rule))
    }
}

/// Whether what lies at the path is for those who hold no role yet: a page to log in, the front page of the site, or the page to which a
/// rule sends those whom a gate denies.
fn is_for_newcomers<S: Site>(scene: &Scene<'_, S>, path: &RequestPath) -> bool {
    let is_front = matches!(path.name(), "" | "/" | "/index.html" | "/index");
    let answers =
        |rule: &Rule| rule.role().is_none() && scene.closed.iter().any(|(_, gate)| gate.pattern == rule.pattern);
    let leads_there = |rule: &Rule| {
        let page = rule.apply().filter(|apply| apply.is_redirect()).and_then(page_of);
        let page = page.and_then(|page| RequestPath::parse(page.as_bytes()).ok());
        page.is_some_and(|page| page.same_but_for_slash(path))
    };
    let mut rules = scene.rules().iter().take(LOOKED_AT);
    is_front || is_login_page(path.name()) || rules.any(|rule| answers(rule) && leads_there(rule))
}
