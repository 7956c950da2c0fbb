//! What a rule answers with (STATUS-1 to STATUS-6), and when a file wins over it (SHADOW-1, SHADOW-2).

use Defect::{Decide, Reply};
use rolegate::decide::{Decision, Outcome, PassedOver};
use rolegate::rules::{Rule, RuleSet};

use crate::scene::Reply as Answer;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "status/301-as-302",
        "STATUS-1",
        "every redirect is a 302",
        Reply(|_, _, reply| {
            if reply.status == 301 {
                reply.status = 302;
            }
        }),
    ),
    Mutant::new(
        "status/302-as-301",
        "STATUS-1",
        "every redirect is a 301",
        Reply(|_, _, reply| {
            if reply.status == 302 {
                reply.status = 301;
            }
        }),
    ),
    Mutant::new(
        "status/redirect-without-location",
        "STATUS-1",
        "a redirect has no `Location`",
        Reply(|_, _, reply| reply.drop("location")),
    ),
    Mutant::new(
        "status/rewrite-as-redirect",
        "STATUS-2",
        "a rule with the status 200 redirects",
        Reply(|_, decision, reply| {
            if let (Outcome::Rewrite { status: 200, .. }, Some(target)) = (&decision.outcome, &decision.target) {
                *reply = Answer::redirect(302, target);
            }
        }),
    ),
    Mutant::new(
        "status/404-as-200",
        "STATUS-3",
        "a rule with the status 404 or 401 shows its page with 200",
        Reply(|_, decision, reply| {
            if let Outcome::Rewrite { status: 400.., .. } = &decision.outcome {
                reply.status = 200;
            }
        }),
    ),
    Mutant::new(
        "status/401-as-redirect",
        "STATUS-3",
        "a rule with the status 401 redirects",
        Reply(|_, decision, reply| {
            if let (Outcome::Rewrite { status: 401, .. }, Some(target)) = (&decision.outcome, &decision.target) {
                *reply = Answer::redirect(302, target);
            }
        }),
    ),
    Mutant::new(
        "status/error-page-lost",
        "STATUS-3",
        "a rule with the status 404 or 401 answers without its page",
        Reply(|_, decision, reply| {
            if let Outcome::Rewrite { status: status @ 400.., .. } = &decision.outcome {
                *reply = Answer::text(*status, "No\n");
            }
        }),
    ),
    Mutant::new(
        "status/loops",
        "STATUS-5",
        "a redirect whose target is the request itself fires",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let looping =
                decision.passed_over.iter().find(|(_, why)| *why == PassedOver::Loop).map(|(place, _)| *place);
            let rule = looping.and_then(|place| scene.ground.rules.rules().get(place)).and_then(Rule::apply);
            match (rule, scene.path(), scene.own_file()) {
                (Some(apply), Some(path), file) if file.is_none() || apply.force || decision.denied => {
                    let outcome = Outcome::Redirect { status: apply.status, location: path.encoded() };
                    Decision { outcome, by: looping, ..decision }
                }
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "status/ever-deeper",
        "STATUS-5.own-tree",
        "a redirect into a tree of its own acts within the tree",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let passed =
                decision.passed_over.iter().find(|(_, why)| *why == PassedOver::OwnTree).map(|(place, _)| *place);
            let rule = passed.and_then(|place| scene.ground.rules.rules().get(place));
            match (rule, rule.and_then(Rule::apply), scene.path()) {
                (Some(rule), Some(apply), Some(path)) if scene.own_file().is_none() || apply.force => {
                    let captures = rule.pattern.captures(&path).unwrap_or_default();
                    let location = apply.to.substitute(&captures).location(None);
                    Decision { outcome: Outcome::Redirect { status: apply.status, location }, by: passed, ..decision }
                }
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "status/own-tree-ends-the-walk",
        "STATUS-5.own-tree",
        "in the tree of a redirect no rule is tried, the gates below it included",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let in_tree = decision.passed_over.iter().any(|(_, why)| *why == PassedOver::OwnTree);
            if in_tree { scene.without_rules(scene.asked) } else { decision }
        }),
    ),
    Mutant::new(
        "status/own-tree-before-the-role",
        "STATUS-5.own-tree",
        "in the tree of a redirect its role is not asked for, and no rule is tried",
        Decide(|scene, visitor| {
            let path = scene.path();
            let leads_here = |rule: &Rule| {
                let begins =
                    rule.to_string().split_once(' ').and_then(|(_, to)| Some(to.split_once("/:splat")?.0.to_owned()));
                let redirects = rule.apply().is_some_and(|apply| apply.is_redirect());
                redirects
                    && path.as_ref().is_some_and(|path| {
                        let below = |tree: &String| !tree.is_empty() && path.name().starts_with(&format!("{tree}/"));
                        rule.pattern.matches(path) && begins.as_ref().is_some_and(below)
                    })
            };
            if scene.ground.rules.rules().iter().any(leads_here) {
                scene.without_rules(scene.asked)
            } else {
                scene.decide(visitor)
            }
        }),
    ),
    Mutant::new(
        "status/own-tree-of-the-next",
        "STATUS-5.own-tree",
        "a redirect into its own tree is passed over where its conditions hold, and the next one sends the visitor on",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let mut trees = decision.passed_over.iter().filter(|(_, why)| *why == PassedOver::OwnTree);
            match (trees.next(), trees.next()) {
                (Some((first, _)), Some(_)) => {
                    let first = scene.ground.rules.rules().get(*first).cloned();
                    scene.decide_with(visitor, |rule| Some(rule) != first.as_ref())
                }
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "status/loop-is-500",
        "STATUS-5",
        "a redirect to the request itself is answered with 500",
        Reply(|_, decision, reply| {
            if decision.passed_over.iter().any(|(_, why)| *why == PassedOver::Loop) {
                *reply = Answer::text(500, "Loop\n");
            }
        }),
    ),
    Mutant::new(
        "status/loop-ends-the-walk",
        "STATUS-5",
        "behind a rule that leads to the request itself no rule is tried",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let looping = decision.passed_over.iter().any(|(_, why)| *why == PassedOver::Loop);
            if looping && !decision.denied { scene.without_rules(scene.asked) } else { decision }
        }),
    ),
    Mutant::new(
        "status/missing-target-is-500",
        "STATUS-6",
        "a rewrite to a file that is not there is answered with 500",
        Reply(|_, decision, reply| {
            if let (Outcome::NotFound { forced: false, .. }, Some(_)) = (&decision.outcome, decision.by) {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "status/missing-target-passed-over",
        "STATUS-6",
        "a rewrite to a file that is not there is passed over",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            match (&decision.outcome, decision.by.and_then(|by| scene.ground.rules.rules().get(by))) {
                (Outcome::NotFound { forced: false, .. }, Some(rule)) => {
                    scene.decide_with(visitor, |other| other != rule)
                }
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "status/missing-target-without-page",
        "STATUS-6",
        "a rewrite to a file that is not there is a 404 without the page of the site",
        Reply(|_, decision, reply| {
            if let (Outcome::NotFound { forced: false, page: Some(_) }, Some(_)) = (&decision.outcome, decision.by) {
                *reply = Answer::text(404, "Not found\n");
            }
        }),
    ),
    Mutant::new(
        "shadow/files-before-rules",
        "SHADOW-1",
        "a file that exists is served before any rule is looked at",
        Decide(|scene, visitor| match scene.own_file() {
            Some(_) => scene.without_rules(scene.asked),
            None => scene.decide(visitor),
        }),
    ),
    Mutant::new(
        "shadow/public-files-before-redirects",
        "SHADOW-1",
        "a file wins over a forced rule that has no role",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let plain =
                decision.by.and_then(|by| scene.ground.rules.rules().get(by)).is_some_and(|rule| rule.role().is_none());
            match scene.own_file() {
                Some(file) if plain && !decision.denied => Decision { outcome: Outcome::Serve { file }, ..decision },
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "shadow/walk-goes-on",
        "SHADOW-2",
        "an unforced rule that gives way to a file does not end the walk",
        Decide(|scene, visitor| {
            let mut skipped: Vec<Rule> = Vec::new();
            loop {
                let decision = scene.decide_with(visitor, |rule| !skipped.contains(rule));
                let rules: Vec<&Rule> =
                    scene.ground.rules.rules().iter().filter(|rule| !skipped.contains(rule)).collect();
                match (&decision.outcome, decision.by.and_then(|by| rules.get(by))) {
                    (Outcome::Serve { .. }, Some(rule)) if !decision.denied && rule.role().is_none() => {
                        skipped.push((*rule).clone())
                    }
                    _ => return decision,
                }
            }
        }),
    ),
];

/// The rule that another text means, in the place of `rule`.
pub(super) fn reread(rule: &Rule, text: &str) -> Option<Rule> {
    let parsed = RuleSet::parse(format!("{text}\n").as_bytes()).rules;
    let other = parsed.rules().first()?.clone();
    Some(Rule { span: rule.span, text: rule.text.clone(), ..other })
}
