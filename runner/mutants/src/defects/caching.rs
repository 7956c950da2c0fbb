//! What a cache may keep (NOLEAK-4), and a gate that keeps what it must not.

use Defect::Reply;
use rolegate::decide::Outcome;

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
