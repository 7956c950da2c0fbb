//! When a request goes to an upstream, and for whom (PROXY-1 to PROXY-4).

use Defect::{Ahead, Decide};
use rolegate::decide::{Decision, Outcome};
use rolegate::rules::{Effect, RoleCondition, Rule};
use rolegate::visitor::Visitor;

use crate::forward::for_everybody;
use crate::scene::Scene;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "proxy/asks-before-it-decides",
        "PROXY-1",
        "the upstream is asked first, and the visitor is looked at before its answer is passed on",
        Ahead(|_| false),
    ),
    Mutant::new(
        "proxy/failure-before-the-decision",
        "PROXY-2",
        "an upstream that is down is told of before the visitor is looked at",
        Ahead(|reply| reply.status >= 500),
    ),
    Mutant::new(
        "proxy/role-ignored",
        "PROXY-1",
        "a rule that forwards is followed whatever its role",
        Decide(|scene, visitor| over_proxies(scene, visitor, |rule| Some(for_everybody(rule)))),
    ),
    Mutant::new(
        "proxy/any-token-forwards",
        "PROXY-1",
        "a rule that forwards is followed for every valid token",
        Decide(|scene, visitor| {
            over_proxies(scene, visitor, |rule| {
                let mut rule = rule.clone();
                if let Effect::Apply(apply) = &mut rule.effect {
                    apply.conditions.role = apply.conditions.role.as_ref().map(|_| RoleCondition::AnyToken);
                }
                Some(rule)
            })
        }),
    ),
    Mutant::new(
        "proxy/writes-ungated",
        "HTTP-1",
        "the role is asked for GET and HEAD only; other methods are forwarded",
        Decide(|scene, visitor| {
            if matches!(scene.asked.method.as_str(), "GET" | "HEAD") {
                return scene.decide(visitor);
            }
            over_proxies(scene, visitor, |rule| Some(for_everybody(rule)))
        }),
    ),
    Mutant::new(
        "proxy/websocket-ungated",
        "PROXY-4",
        "a request for another protocol is forwarded without a look at the visitor",
        Decide(|scene, visitor| {
            if scene.asked.header("upgrade").next().is_none() {
                return scene.decide(visitor);
            }
            over_proxies(scene, visitor, |rule| Some(for_everybody(rule)))
        }),
    ),
    Mutant::new(
        "proxy/rule-passed-over",
        "PROXY-1",
        "a rule with a URL and the status 200 is passed over",
        Decide(|scene, visitor| over_proxies(scene, visitor, |_| None)),
    ),
    Mutant::new(
        "proxy/nothing-forwarded",
        "PROXY-1",
        "a rule with a URL and the status 200 ends in a 404; nothing is forwarded",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            match &decision.outcome {
                Outcome::Proxy { .. } => {
                    Decision { outcome: Outcome::NotFound { forced: false, page: None }, ..decision }
                }
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "proxy/redirects-instead",
        "PROXY-1",
        "the visitor is sent to the upstream with a redirect",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            match &decision.outcome {
                Outcome::Proxy { url } => {
                    let outcome = Outcome::Redirect { status: 302, location: url.clone() };
                    Decision { outcome, ..decision }
                }
                _ => decision,
            }
        }),
    ),
    Mutant::new(
        "proxy/file-passed-over",
        "SHADOW-1",
        "a rule that forwards wins over an existing file without being forced",
        Decide(|scene, visitor| {
            over_proxies(scene, visitor, |rule| {
                let mut rule = rule.clone();
                if let Effect::Apply(apply) = &mut rule.effect {
                    apply.force = true;
                }
                Some(rule)
            })
        }),
    ),
];

/// The decision where each rule that forwards is changed or left out.
fn over_proxies(scene: &Scene<'_>, visitor: &Visitor, change: impl Fn(&Rule) -> Option<Rule>) -> Decision {
    scene.decide_over(visitor, |rule| if rule.is_proxy() { change(rule) } else { Some(rule.clone()) })
}
