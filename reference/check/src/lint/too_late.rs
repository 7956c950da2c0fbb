//! What is meant by a rule that stands below one for more paths.

use rolegate::problem::Problem;
use rolegate::rules::{Conditions, RoleCondition, Rule};
use rolegate::site::Site;
use rolegate::span::RuleFile;

use super::advice::{Closing, Found, Proposal, answering, page_rule};
use super::idle::holds;
use super::names::is_denial_page;
use super::scene::{Field, Scene, WORD, page_of, place_of, warning};

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

/// A role that stands on the answer for those who are denied, below a rule that shows everybody the files: it belongs there.
pub(super) fn role_on_the_answer((at, above): (usize, &Rule), (place, rule): (usize, &Rule)) -> Option<Found> {
    let (open, apply) = (above.apply()?, rule.apply()?);
    let role = rule.role().filter(|_| open.conditions == Conditions::default())?;
    let same_paths = (&above.pattern, &above.origin, &above.query) == (&rule.pattern, &rule.origin, &rule.query);
    let shows_own = (200..300).contains(&open.status) && (open.is_proxy() || open.to.reach() == above.pattern);
    let turns_away = apply.status >= 400 || page_of(apply).is_some_and(|page| is_denial_page(&page));
    if !same_paths || !shows_own || !turns_away {
        return None;
    }
    let line = place_of(above.span, rule.span);
    let message =
        format!("the role stands on the answer for those who are denied, and {line} shows everybody what lies there");
    let visitor = format!("what {line} says, without being asked for a role");
    let gate = answering(above, |own| own.conditions.role = Some(role.clone()));
    let answer = answering(rule, |own| own.conditions.role = None);
    let help = match rule.span.file {
        RuleFile::Redirects => {
            format!("the role belongs on {line}: write `{gate}` there, and here `{answer}` for everybody else")
        }
        _ => format!(
            "the role belongs in the entry of {line}: move the condition `Role` there, and leave it out of this one"
        ),
    };
    let found = warning(rule, Field::Beginning("role="), "gate-backwards", message, visitor, help.clone());
    let found = Found { problem: Problem { span: rule.span, ..found.problem }, ..found };
    let closes = Some(Closing::by(&gate));
    Some(found.proposing([Proposal { help, changes: vec![(at, vec![gate]), (place, vec![answer])], closes }]))
}

/// What to write where a gate shows the same as one further up, and what answers those whom that one denies stands in between.
pub(super) fn with_both_roles(gate: &Rule, rule: &Rule) -> String {
    let to = |rule: &Rule| rule.apply().map(|apply| (apply.to.clone(), apply.status));
    match (gate.role(), rule.role()) {
        (Some(RoleCondition::AnyOf(first)), Some(RoleCondition::AnyOf(more))) if to(gate) == to(rule) => {
            let named: Vec<String> = more.iter().map(|role| format!("`{role}`")).collect();
            let both: Vec<&str> = first.iter().chain(more).map(String::as_str).collect();
            format!(
                ". Who holds {} alone never gets in; if they may see the same, name them on {}, `Role={}`, and take this line out",
                named.join(" or "),
                place_of(gate.span, rule.span),
                both.join(",")
            )
        }
        _ => String::new(),
    }
}

/// What is meant by a gate that another rule leaves nothing to, where nobody can prove what to write.
pub(super) fn order_meant(above: &Rule, gate: &Rule, line: &str) -> String {
    let page = |rule: &Rule| rule.apply().filter(|apply| (200..300).contains(&apply.status)).and_then(page_of);
    match (page(above), page(gate)) {
        (Some(own), Some(other)) if own != other && above.pattern == gate.pattern => format!(
            "{line} has answered before this line is met, and above it this line would take `{own}` from everybody else: a redirect for those who \
             hold the role takes nothing from others, `{}` above {line}",
            answering(gate, |apply| (apply.status, apply.force) = (302, true))
        ),
        _ => format!(
            "{line} has answered before the gate is met, so the order is what is wrong: the gate, and the answer for those whom it denies, are \
             meant to stand above {line}"
        ),
    }
}
