//! Odd requests that lead to something other than the answer of the gate: an error of the gate's own, the start page, or a file past the rules.

use Defect::{Decide, Reply, RuleList, RuleText};
use rolegate::TokenError;
use rolegate::decide::{Decision, Outcome};
use rolegate::rules::{ConditionKey, Conditions, Effect, RoleCondition, Rule};
use rolegate::visitor::Visitor;

use crate::jwt::Token;
use crate::scene::{Reply as Answer, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "odd/names-by-their-beginning",
        "NOLEAK-1",
        "a file is found under every name that begins with its own, and past the rules",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let Some(path) = scene.path().filter(|_| scene.own_file().is_none()) else { return decision };
            let path = path.name().to_owned();
            let begins = |name: &str| path.starts_with(name.strip_suffix(".html").unwrap_or(name));
            match scene.file(|name| name != "/index.html" && begins(name)) {
                Some(file) => Decision { outcome: Outcome::Serve { file }, denied: false, ..decision },
                None => decision,
            }
        }),
    ),
    Mutant::new(
        "odd/paths-without-a-file",
        "NOLEAK-1",
        "a path under which there is no file is not matched",
        Decide(
            |scene, visitor| {
                if scene.own_file().is_none() { scene.without_rules(scene.asked) } else { scene.decide(visitor) }
            },
        ),
    ),
    Mutant::new(
        "odd/lists-of-several",
        "RULES-8",
        "a list of several roles, countries or languages is not looked at",
        RuleList(|rules| {
            edited(rules, |conditions| {
                if matches!(&conditions.role, Some(RoleCondition::AnyOf(list)) if list.len() > 1) {
                    conditions.role = None;
                }
                for key in [ConditionKey::Country, ConditionKey::Language] {
                    if conditions.values(key).len() > 1 {
                        conditions.set(key, Vec::new());
                    }
                }
            })
        }),
    ),
    Mutant::new(
        "odd/dots-in-captures-are-500",
        "SUBST-4",
        "dots in a captured part of the path are answered with 500",
        Reply(|scene, _, reply| {
            if has_dots(scene) {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "odd/dots-lead-home",
        "STATIC-2",
        "a path that climbs out of the site is answered with the start page",
        Reply(|scene, _, reply| {
            if has_dots(scene) {
                *reply = Answer::text(200, "Welcome\n");
            }
        }),
    ),
    Mutant::new(
        "odd/hidden-files-are-403",
        "STATIC-2",
        "a file that is never served is answered with 403, which says that it is there",
        Reply(|scene, _, reply| {
            let path =
                String::from_utf8_lossy(&percent_encoding::percent_decode(scene.asked.split().0).collect::<Vec<_>>())
                    .to_lowercase();
            if ["_redirects", "_headers", "netlify.toml", "/."].iter().any(|hidden| path.contains(hidden)) {
                *reply = Answer::text(403, "Forbidden\n");
            }
        }),
    ),
    Mutant::new(
        "odd/requests-with-a-body",
        "HTTP-5",
        "a request that carries a body is not matched",
        Decide(|scene, visitor| {
            let carries = ["content-length", "transfer-encoding", "trailer"];
            if carries.iter().any(|name| scene.asked.text(name).is_some()) {
                scene.without_rules(scene.asked)
            } else {
                scene.decide(visitor)
            }
        }),
    ),
    Mutant::new(
        "odd/redirects-with-two-slashes",
        "SUBST-3",
        "a redirect with captured text begins with two slashes, so that its first segment is read as a host",
        Reply(|scene, decision, reply| {
            let rule = decision.by.and_then(|by| scene.ground.rules.rules().get(by));
            let captures = rule.and_then(Rule::apply).is_some_and(|apply| apply.to.to_string().contains("/:"));
            if captures {
                reply.edit(
                    "location",
                    |location| {
                        if location.starts_with('/') { format!("/{location}") } else { location }
                    },
                );
            }
        }),
    ),
    Mutant::new(
        "odd/lines-beyond-ascii-dropped",
        "RULES-9",
        "a line with a character beyond ASCII is dropped, and its path is open",
        RuleText(|text| {
            let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.is_ascii());
            lines.flatten().copied().collect()
        }),
    ),
    Mutant::new(
        "odd/header-members-open",
        "TOKEN-4",
        "a token whose header has members that the gate does not know is let in unchecked",
        Decide(|scene, visitor| {
            let is_odd = token(scene)
                .is_some_and(|token| token.header.keys().any(|name| !["alg", "typ", "cty"].contains(&name.as_str())));
            match visitor {
                Visitor::Rejected(_) if is_odd => scene.without_rules(scene.asked),
                _ => scene.decide(visitor),
            }
        }),
    ),
    Mutant::new(
        "odd/absolute-form-leads-home",
        "HTTP-4",
        "a target that is a whole URL is answered with the start page",
        Reply(|scene, _, reply| {
            if !scene.asked.target.starts_with(b"/") {
                *reply = Answer::text(200, "Welcome\n");
            }
        }),
    ),
    Mutant::new(
        "odd/way-to-the-roles-blocked",
        "CLAIM-3",
        "a token whose way to the roles ends before them opens the gate",
        Decide(|scene, visitor| {
            let blocked = token(scene).is_some_and(|token| {
                let first = token.role_path().first();
                token.roles().is_none() && first.is_some_and(|first| token.claims.contains_key(first))
            });
            match visitor {
                Visitor::Holder(_) if blocked => scene.without_rules(scene.asked),
                _ => scene.decide(visitor),
            }
        }),
    ),
    Mutant::new(
        "odd/octets-in-the-query-are-500",
        "LOC-2",
        "a query with a byte that no URL has is answered with 500",
        Reply(|scene, _, reply| {
            if scene.asked.split().1.is_some_and(|query| query.iter().any(is_no_url)) {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "odd/octets-in-the-path-are-500",
        "LOC-3",
        "a path with a byte that no URL has is answered with 500",
        Reply(|scene, _, reply| {
            if scene.asked.split().0.iter().any(is_no_url) {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "odd/long-cookies-are-500",
        "COOKIE-4",
        "a token of more than two thousand bytes is answered with 500",
        Reply(|scene, _, reply| {
            if scene.asked.header("cookie").any(|line| line.len() > 2000) {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "odd/no-cookie-is-500",
        "COOKIE-4",
        "a request without a cookie is answered with 500",
        Reply(|scene, _, reply| {
            if scene.token().is_none_or(|token| token.is_empty()) {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "odd/long-tokens-open",
        "TOKEN-8",
        "a token that is too long to be read opens the gate",
        Decide(|scene, visitor| match visitor {
            Visitor::Rejected(TokenError::TooLong) => scene.without_rules(scene.asked),
            _ => scene.decide(visitor),
        }),
    ),
    Mutant::new(
        "odd/folders-get-a-slash",
        "LOC-1",
        "a folder without a slash is redirected to itself with one, before the gate is asked",
        Reply(|scene, _, reply| {
            let (path, _) = scene.asked.split();
            let is_folder = scene.own_file().is_some_and(|file| file.ends_with("/index.html"));
            if is_folder && !path.ends_with(b"/") {
                *reply = Answer::redirect(301, &format!("{}/", String::from_utf8_lossy(path)));
            }
        }),
    ),
    Mutant::new(
        "odd/methods-lead-home",
        "HTTP-1",
        "TRACE, CONNECT and methods that nobody knows are answered with the start page",
        Reply(|scene, _, reply| {
            let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
            if !known.contains(&scene.asked.method.as_str()) || scene.asked.target == b"*" {
                *reply = Answer::text(200, "Welcome\n");
            }
        }),
    ),
    Mutant::new(
        "odd/errors-repeat-the-address",
        "NOLEAK-6",
        "the page for an address that cannot be read, or is not found, has the address written into it",
        Reply(|scene, decision, reply| {
            if matches!(decision.outcome, Outcome::BadRequest(_) | Outcome::NotFound { .. }) {
                let said = [b" ".as_slice(), &scene.asked.target].concat();
                reply.fill([reply.body.as_slice(), &said].concat());
            }
        }),
    ),
    Mutant::new(
        "odd/exemption-of-everything",
        "ROLE-11",
        "a public rule above a gate opens the gate",
        Decide(|scene, visitor| {
            let mut public = false;
            scene.decide_with(visitor, |rule| {
                public |= !rule.is_gate();
                !(rule.is_gate() && public)
            })
        }),
    ),
    Mutant::new(
        "odd/other-conditions-are-enough",
        "ROLE-7",
        "where a rule has another condition, its role is not asked for",
        RuleList(|rules| {
            edited(rules, |conditions| {
                if conditions.others().iter().any(|condition| condition.key != ConditionKey::Unknown) {
                    conditions.role = None;
                }
            })
        }),
    ),
    Mutant::new(
        "odd/lists-with-signs",
        "RULES-8",
        "a role name with a sign in it is not looked at, so that the rule is for everybody",
        RuleList(|rules| {
            let is_sign = |c: char| !(c.is_alphanumeric() || "-_.".contains(c));
            edited(rules, |conditions| {
                if matches!(&conditions.role, Some(RoleCondition::AnyOf(list)) if list.iter().any(|name| name.contains(is_sign)))
                {
                    conditions.role = None;
                }
            })
        }),
    ),
    Mutant::new(
        "odd/refused-spellings-are-403",
        "NOLEAK-5",
        "a spelling that cannot be read is answered with 403, as if there were something to hide",
        Reply(|_, decision, reply| {
            if let Outcome::BadRequest(_) = decision.outcome {
                *reply = Answer::text(403, "Forbidden\n");
            }
        }),
    ),
    Mutant::new(
        "odd/errors-tell-why",
        "NOLEAK-6",
        "a header says what is wrong with an address that cannot be read",
        Reply(|_, decision, reply| {
            if let Outcome::BadRequest(refused) = decision.outcome {
                reply.set("x-error", refused.to_string());
            }
        }),
    ),
    Mutant::new(
        "odd/unknown-paths-show-the-start-page",
        "NOLEAK-1",
        "a path under which there is no file shows the start page, before the gate is asked",
        Reply(|scene, _, reply| {
            if scene.own_file().is_none() {
                *reply = Answer::text(200, "Welcome\n");
            }
        }),
    ),
    Mutant::new(
        "odd/bodies-lead-home",
        "HTTP-5",
        "a request that carries a body is answered with the start page",
        Reply(|scene, _, reply| {
            if ["content-length", "transfer-encoding", "trailer"].iter().any(|name| scene.asked.text(name).is_some()) {
                *reply = Answer::text(200, "Welcome\n");
            }
        }),
    ),
    Mutant::new(
        "odd/redirects-to-what-was-written",
        "SUBST-3",
        "an address in the path or the query becomes the target of a redirect",
        Reply(|scene, _, reply| {
            let target = String::from_utf8_lossy(&scene.asked.target).to_lowercase();
            let behind = target.get(1..).unwrap_or_default();
            if ["//", "%2f%2f", "\\", "%5c", "http:", "https:"].iter().any(|mark| behind.contains(mark)) {
                *reply = Answer::redirect(302, "//evil.example/");
            }
        }),
    ),
    Mutant::new(
        "odd/cookies-parted-by-any-sign",
        "COOKIE-2",
        "spaces, commas and other signs part cookies as well",
        Defect::Request(|asked| {
            for (_, value) in asked.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
                for byte in value.iter_mut().filter(|byte| b" \t,&:|\"".contains(byte)) {
                    *byte = b';';
                }
            }
        }),
    ),
];

fn has_dots(scene: &Scene<'_>) -> bool {
    let path = String::from_utf8_lossy(&scene.asked.target).to_lowercase();
    ["..", "%2e", ".%", "%c0", "%252e"].iter().any(|dots| path.contains(dots))
}

fn is_no_url(byte: &u8) -> bool {
    !byte.is_ascii_graphic() || b"\"<>\\^`{|}".contains(byte)
}

fn token<'a>(scene: &Scene<'a>) -> Option<Token<'a>> {
    Some(Token::read(&scene.token()?, scene.ground, scene.now))
}

fn edited(mut rules: Vec<Rule>, edit: impl Fn(&mut Conditions)) -> Vec<Rule> {
    for rule in &mut rules {
        if let Effect::Apply(apply) = &mut rule.effect {
            edit(&mut apply.conditions);
        }
    }
    rules
}
