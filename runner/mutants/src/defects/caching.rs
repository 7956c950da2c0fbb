//! What a cache may keep (NOLEAK-4), and a gate that keeps what it must not.

use Defect::Reply;
use rolegate::decide::{Decision, Outcome, PassedOver};
use rolegate::rules::ConditionKey;

use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "cache/admitted-is-public",
        "NOLEAK-4",
        "what an admitted visitor gets may be stored for everybody",
        Reply(|_, decision, reply| {
            if decision.role_dependent && !decision.denied {
                reply.set("cache-control", "public, max-age=3600");
            }
        }),
    ),
    Mutant::new(
        "cache/without-cache-control",
        "NOLEAK-4",
        "what depends on a role says nothing to caches",
        Reply(|_, decision, reply| {
            if decision.role_dependent {
                reply.drop("cache-control");
            }
        }),
    ),
    Mutant::new(
        "cache/without-vary",
        "NOLEAK-4",
        "what depends on a role does not say `Vary: Cookie`",
        Reply(|_, _, reply| reply.drop("vary")),
    ),
    Mutant::new(
        "cache/denial-is-stored",
        "NOLEAK-4",
        "a denial may be stored",
        Reply(|_, decision, reply| {
            if decision.denied {
                reply.set("cache-control", "public, max-age=600");
            }
        }),
    ),
    Mutant::new(
        "cache/static-endings-are-public",
        "NOLEAK-4",
        "a protected style sheet or script may be stored for everybody",
        Reply(|scene, decision, reply| {
            let raw = String::from_utf8_lossy(scene.asked.split().0).into_owned();
            if decision.role_dependent
                && !decision.denied
                && [".css", ".js", ".png", ".txt"].iter().any(|ending| raw.ends_with(ending))
            {
                reply.set("cache-control", "public, max-age=31536000, immutable");
                reply.drop("vary");
            }
        }),
    ),
    Mutant::new(
        "cache/not-modified-is-public",
        "NOLEAK-4",
        "a 304 for an admitted visitor is without the rules for caches",
        Reply(|_, _, reply| {
            if reply.status == 304 {
                reply.drop("cache-control");
                reply.drop("vary");
            }
        }),
    ),
    Mutant::new(
        "cache/conditions-without-vary",
        "NOLEAK-4.conditions",
        "what a language, cookie or country condition chose is told to caches as the same for everybody",
        Reply(|_, decision, reply| {
            if is_chosen(decision) {
                reply.drop("vary");
                reply.set("cache-control", "public, max-age=0, must-revalidate");
            }
        }),
    ),
    Mutant::new(
        "cache/conditions-vary-where-they-hold",
        "NOLEAK-4.conditions",
        "where a condition failed, the answer is told to caches as the same for everybody",
        Reply(|_, decision, reply| {
            let has_failed = decision.passed_over.iter().any(|(_, why)| matches!(why, PassedOver::Condition(_)));
            if has_failed && is_chosen(decision) {
                reply.drop("vary");
                reply.set("cache-control", "public, max-age=0, must-revalidate");
            }
        }),
    ),
    Mutant::new(
        "cache/language-without-its-cookie",
        "NOLEAK-4.conditions",
        "what a language condition chose varies with `Accept-Language` alone, and not with the cookie that chooses a language",
        Reply(|_, decision, reply| {
            if is_chosen(decision) && decision.conditions.contains(ConditionKey::Language) {
                reply.set("vary", "Accept-Language");
            }
        }),
    ),
    Mutant::new(
        "cache/country-is-public",
        "NOLEAK-4.conditions",
        "what a country condition chose may be stored for everybody whose cookies are the same, wherever they are",
        Reply(|_, decision, reply| {
            if is_chosen(decision) && decision.conditions.contains(ConditionKey::Country) {
                reply.set("cache-control", "public, max-age=0, must-revalidate");
            }
        }),
    ),
    Mutant::new(
        "cache/shared-by-all-visitors",
        "ROLE-2",
        "the gate keeps a page by its address and shows it to the next visitor",
        Reply(|scene, decision, reply| match scene.kept(&scene.asked.target) {
            Some(kept) if scene.asked.method == "GET" => *reply = kept,
            _ => {
                if let (Outcome::Rewrite { .. }, 200, "GET") =
                    (&decision.outcome, reply.status, scene.asked.method.as_str())
                {
                    scene.keep(&scene.asked.target, reply);
                }
            }
        }),
    )
    .remembering(),
    Mutant::new(
        "cache/denial-kept-for-all",
        "ROLE-1",
        "the gate keeps a denial by its address and gives it to the next visitor",
        Reply(|scene, decision, reply| match scene.kept(&scene.asked.target) {
            Some(kept) if scene.asked.method == "GET" => *reply = kept,
            _ => {
                if decision.denied && scene.asked.method == "GET" {
                    scene.keep(&scene.asked.target, reply);
                }
            }
        }),
    )
    .remembering(),
];

/// Whether conditions alone had a say, and no role.
fn is_chosen(decision: &Decision) -> bool {
    !decision.denied && !decision.role_dependent && !decision.conditions.is_empty()
}
