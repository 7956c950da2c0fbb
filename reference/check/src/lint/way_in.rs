//! Pages for those who hold no role yet (ROLE-3.redirect).

use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Rule};
use rolegate::site::Site;

use super::advice::say_the_same;
use super::names::{is_front_page, is_login_page};
use super::scene::Scene;

/// Whether the rule is new and shows a page for those who hold no role yet at its own path, below a role rule that only redirects there:
/// such a rule keeps nothing.
pub(super) fn shows_way_in<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> bool {
    let is_own = |apply: &Apply| apply.status == 200 && rule.leads_to_itself();
    let is_page = || rule.pattern.literal().is_some_and(|path| is_for_newcomers(&RequestPath::of(path)));
    let spellings = || rule.pattern.with_spellings();
    rule.role().is_none() && rule.apply().is_some_and(is_own) && is_page() && {
        let rules = scene.rules();
        let sends = |there: &Rule| there.pattern == rule.pattern && there.role().is_some() && !there.protects();
        let keeps = |there: &Rule| there.protects() && spellings().may_meet(&there.pattern);
        rules.iter().any(sends) && !rules.iter().any(|there| keeps(there) || say_the_same(there, rule))
    }
}

/// Whether what lies at the path is for those who hold no role yet: a page to log in, or the front page of the site.
fn is_for_newcomers(path: &RequestPath) -> bool {
    is_front_page(path.name()) || is_login_page(path.name())
}
