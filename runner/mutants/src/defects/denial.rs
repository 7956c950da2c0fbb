//! What a visitor without the role gets (ROLE-2 to ROLE-4, ROLE-7, ROLE-9, ROLE-11, ROLE-12, SHADOW-3).

use Defect::{Decide, Reply, RuleList};
use rolegate::decide::{Decision, Outcome, PassedOver};
use rolegate::rules::{Effect, Rule, RuleSet};
use rolegate::visitor::Visitor;

use crate::scene::{Reply as Answer, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "denial/is-403",
        "ROLE-2",
        "a denied visitor gets 403 in the place of the next rule",
        Reply(|_, decision, reply| {
            if decision.denied {
                *reply = Answer::text(403, "Forbidden\n");
            }
        }),
    ),
    Mutant::new(
        "denial/is-404",
        "ROLE-2",
        "a denied visitor gets 404 in the place of the next rule",
        Reply(|_, decision, reply| {
            if decision.denied && decision.by.is_some() {
                *reply = Answer::text(404, "Not found\n");
            }
        }),
    ),
    Mutant::new(
        "denial/ends-in-the-file",
        "ROLE-3",
        "where no rule follows the gate, the file is served",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            match scene.own_file() {
                Some(file) if decision.denied && decision.by.is_none() => admitted(decision, file),
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "denial/role-redirect-keeps-the-file",
        "ROLE-3.redirect",
        "after a role rule that redirects the file stays hidden, whatever rule leads there",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            match (&decision.outcome, scene.own_file()) {
                (Outcome::Rewrite { file, .. }, Some(own)) if decision.denied && *file == own => {
                    Decision { outcome: Outcome::NotFound { forced: true, page: None }, ..decision }
                }
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "denial/role-redirect-denies-nobody",
        "ROLE-3.redirect",
        "a role rule that redirects is no role rule for those who do not hold the role",
        Decide(|scene, visitor| {
            scene.decide_with(visitor, |rule| !redirects(rule) || rule.role().is_none_or(|role| role.holds(visitor)))
        }),
    ),
    Mutant::new(
        "denial/role-redirect-lifts-the-gate",
        "ROLE-3.redirect",
        "where a role rule that redirects has denied, no gate beside it keeps anything",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let rules = scene.ground.rules.rules();
            let denied_by = |(place, why): &(usize, PassedOver)| {
                *why == PassedOver::Role && rules.get(*place).is_some_and(redirects)
            };
            if decision.denied && decision.passed_over.iter().any(denied_by) {
                scene.decide_with(visitor, |rule| !rule.is_gate())
            } else {
                decision
            }
        }),
    ),
    Mutant::new(
        "denial/leads-back-in-other-words",
        "ROLE-12",
        "a later rule leads a denied visitor back to what the gate would have shown",
        Decide(|scene, visitor| led_back(scene, scene.decide(visitor), PassedOver::Role)),
    ),
    Mutant::new(
        "denial/leads-back-past-a-seal",
        "RULES-9",
        "a later rule leads a visitor whom a sealed line denies along the requested path",
        Decide(|scene, visitor| led_back(scene, scene.decide(visitor), PassedOver::Sealed)),
    ),
    Mutant::new(
        "denial/yields-to-the-file",
        "SHADOW-3",
        "after a denial the file still wins over an unforced rule",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let rule = decision.by.and_then(|by| scene.ground.rules.rules().get(by));
            let unforced =
                rule.and_then(Rule::apply).is_some_and(|apply| !apply.force && apply.conditions.role.is_none());
            match scene.own_file() {
                Some(file) if decision.denied && unforced => admitted(decision, file),
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "denial/shows-the-file-as-denial",
        "SHADOW-3",
        "a rule behind the gate that leads back to the denied file shows it",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let (Some(file), Some(target)) = (scene.own_file(), decision.target.clone()) else { return decision };
            let shown = scene.without_rules(&scene.asked.at(target)).outcome;
            let rule = decision.by.and_then(|by| scene.ground.rules.rules().get(by)).and_then(Rule::apply);
            match (rule, shown.file() == Some(&file)) {
                (Some(apply), true) if decision.denied && !apply.is_redirect() => {
                    Decision { outcome: Outcome::Rewrite { status: apply.status, file }, denied: false, ..decision }
                }
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "denial/by-the-first-role-rule",
        "ROLE-4",
        "once a role rule has denied, later role rules are not tried",
        Decide(|scene, visitor| {
            let path = scene.path();
            let mut denied = false;
            scene.decide_with(visitor, |rule| {
                let Some(role) = rule.role() else { return true };
                let before = denied;
                denied |= path.as_ref().is_some_and(|path| rule.pattern.matches(path)) && !role.holds(visitor);
                !before
            })
        }),
    ),
    Mutant::new(
        "denial/after-the-other-conditions",
        "ROLE-7",
        "the role is tested last, so a rule whose country or language fails denies nobody",
        Decide(|scene, visitor| {
            scene.decide_with(visitor, |rule| rule.role().is_none() || others_hold(scene, visitor, rule))
        }),
    ),
    Mutant::new(
        "denial/own-404-page-shown",
        "ROLE-3",
        "the page for what is not found is shown even where it is the denied file",
        Decide(|scene, visitor| {
            let mut decision = scene.decide(visitor);
            if let Outcome::NotFound { page, .. } = &mut decision.outcome {
                *page = scene.file(|name| name == "/404.html");
            }
            decision
        }),
    ),
    Mutant::new(
        "denial/without-the-404-page",
        "ROLE-3",
        "a denial without a rule is an empty 404 although the site has a page for it",
        Reply(|_, decision, reply| {
            if let Outcome::NotFound { forced: true, page: Some(_) } = &decision.outcome {
                *reply = Answer::text(404, "Not found\n");
            }
        }),
    ),
    Mutant::new(
        "denial/status-200",
        "ROLE-3",
        "the 404 of a denial is sent with the status 200",
        Reply(|_, decision, reply| {
            if let Outcome::NotFound { forced: true, .. } = &decision.outcome {
                reply.status = 200;
            }
        }),
    ),
    Mutant::new(
        "denial/only-by-forced-rules",
        "ROLE-3",
        "a role rule that is not forced gives way to the file and denies nobody",
        Decide(|scene, visitor| {
            let file = scene.own_file().is_some();
            scene.decide_with(visitor, |rule| {
                !(file && rule.role().is_some() && rule.apply().is_some_and(|apply| !apply.force))
            })
        }),
    ),
    Mutant::new(
        "denial/of-everything",
        "ROLE-9",
        "one gate anywhere closes the whole site for those without the role",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let gates = scene.ground.rules.rules().iter().filter_map(Rule::role);
            let denied = gates.into_iter().any(|role| !role.holds(visitor));
            if denied && matches!(decision.outcome, Outcome::Serve { .. }) {
                let outcome = Outcome::NotFound { forced: true, page: None };
                return Decision { outcome, denied: true, ..decision };
            }
            decision
        }),
    ),
    Mutant::new(
        "denial/whatever-the-query",
        "ROLE-9",
        "a gate for certain query parameters covers its path whatever the query",
        RuleList(|mut rules| {
            rules.iter_mut().filter(|rule| rule.role().is_some()).for_each(|rule| rule.query.clear());
            rules
        }),
    ),
    Mutant::new(
        "denial/before-exemptions",
        "ROLE-11",
        "role rules are tried before all other rules",
        RuleList(|mut rules| {
            rules.sort_by_key(|rule| !rule.is_gate());
            rules
        }),
    ),
    Mutant::new(
        "denial/not-for-token-holders",
        "ROLE-2",
        "a visitor with a valid token and another role is not denied",
        Decide(|scene, visitor| {
            scene.decide_with(visitor, |rule| {
                !(rule.role().is_some_and(|role| !role.holds(visitor)) && matches!(visitor, Visitor::Holder(_)))
            })
        }),
    ),
    Mutant::new(
        "denial/not-for-admitted-targets",
        "ROLE-1",
        "an admitted visitor is sent to the target of the role rule instead of being shown it",
        Reply(|scene, decision, reply| {
            let rule = decision.by.and_then(|by| scene.ground.rules.rules().get(by));
            if let (Some(true), Outcome::Rewrite { .. }, Some(target)) =
                (rule.map(|rule| rule.role().is_some()), &decision.outcome, &decision.target)
            {
                *reply = Answer::redirect(302, target);
            }
        }),
    ),
    Mutant::new(
        "denial/tells-what-exists",
        "NOLEAK-5",
        "a denied visitor gets 404 for a file that is not there, and the denial for one that is",
        Reply(|scene, decision, reply| {
            if decision.denied && scene.own_file().is_none() {
                *reply = Answer::text(404, "Not found\n");
            }
        }),
    ),
    Mutant::new(
        "denial/spelling-only",
        "NOLEAK-3",
        "a gate covers the one spelling that it names: `/x` and not `/x.html`",
        Decide(|scene, visitor| {
            let path = scene.path();
            scene.decide_with(visitor, |rule| {
                !rule.is_gate() || path.as_ref().is_some_and(|path| rule.pattern.matches(path))
            })
        }),
    ),
    Mutant::new(
        "denial/index-pages-open",
        "NOLEAK-3",
        "a gate on a folder does not cover its `index.html` under that name",
        Decide(|scene, visitor| {
            let path = scene.path();
            let index = path.as_ref().is_some_and(|path| path.name().contains("/index"));
            scene.decide_with(visitor, |rule| {
                !(rule.is_gate() && index) || path.as_ref().is_some_and(|path| rule.pattern.matches(path))
            })
        }),
    ),
];

/// The decision, with what is refused because it leads back to what a gate of this kind has denied shown after all.
fn led_back(scene: &Scene<'_>, decision: Decision, gate: PassedOver) -> Decision {
    let denies = decision.passed_over.iter().any(|(_, why)| *why == gate);
    let rule = decision.by.and_then(|by| scene.ground.rules.rules().get(by)).and_then(Rule::apply);
    let (Outcome::NotFound { forced: true, .. }, Some(apply), Some(target), true) =
        (&decision.outcome, rule, &decision.target, denies)
    else {
        return decision;
    };
    if apply.to.is_absolute() {
        return Decision { outcome: Outcome::Proxy { url: target.clone() }, ..decision };
    }
    let shown = scene.without_rules(&scene.asked.at(target.clone())).outcome;
    match shown.file() {
        Some(file) if scene.own_file().as_deref() != Some(file) => {
            let outcome = Outcome::Rewrite { status: apply.status, file: file.to_owned() };
            Decision { outcome, ..decision }
        }
        _ => decision,
    }
}

/// Whether the rule sends those whom it admits elsewhere.
fn redirects(rule: &Rule) -> bool {
    rule.apply().is_some_and(|apply| apply.is_redirect())
}

fn admitted(decision: Decision, file: String) -> Decision {
    Decision { outcome: Outcome::Serve { file }, denied: false, ..decision }
}

/// Whether all conditions of a rule but the role hold.
fn others_hold(scene: &Scene<'_>, visitor: &Visitor, rule: &Rule) -> bool {
    let mut open = rule.clone();
    if let Effect::Apply(apply) = &mut open.effect {
        apply.conditions.role = None;
    }
    let decision = scene.decide_as(scene.asked, &RuleSet::of([open]), visitor);
    !decision.passed_over.iter().any(|(_, why)| matches!(why, PassedOver::Condition(_)))
}
