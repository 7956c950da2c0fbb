//! What becomes of `:splat` and `:name` in a target (SUBST-1 to SUBST-5).

use Defect::{Decide, Reply, Request, RuleList};
use rolegate::decide::{Decision, Outcome};
use rolegate::rules::Rule;
use rolegate::visitor::Visitor;

use super::status::reread;
use crate::scene::Scene;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "subst/first-place-only",
        "SUBST-1",
        "a name is put in at its first place in the target only",
        RuleList(|rules| {
            targets(rules, |target, names| {
                let mut out = target.to_owned();
                for name in names {
                    let mark = format!(":{name}");
                    if let Some(at) = out.find(&mark).map(|at| at + mark.len()) {
                        let (head, tail) = out.split_at_checked(at).unwrap_or((&out, ""));
                        out = format!("{head}{}", tail.replace(&mark, &format!("%3A{name}")));
                    }
                }
                out
            })
        }),
    ),
    Mutant::new(
        "subst/shortest-name-wins",
        "SUBST-1",
        "`:year` is read as `:y` and `ear`",
        RuleList(|rules| {
            targets(rules, |target, names| {
                let mut out = target.to_owned();
                for name in names {
                    for letter in 'a'..='z' {
                        let escaped = format!(":{name}%{:02X}", u32::from(letter));
                        out = out.replace(&format!(":{name}{letter}"), &escaped);
                    }
                }
                out
            })
        }),
    ),
    Mutant::new(
        "subst/unknown-name-dropped",
        "SUBST-1",
        "a name that nothing captures is left out of the target",
        RuleList(|rules| {
            targets(rules, |target, names| {
                let known = |segment: &str| {
                    segment
                        .strip_prefix(':')
                        .is_none_or(|name| names.iter().any(|known| name.starts_with(known.as_str())))
                };
                target.split('/').map(|segment| if known(segment) { segment } else { "" }).collect::<Vec<_>>().join("/")
            })
        }),
    ),
    Mutant::new(
        "subst/names-not-put-in",
        "SUBST-1",
        "placeholders other than `:splat` are not put in",
        RuleList(|rules| {
            targets(rules, |target, names| {
                names
                    .iter()
                    .filter(|name| *name != "splat")
                    .fold(target.to_owned(), |out, name| out.replace(&format!(":{name}"), &format!("%3A{name}")))
            })
        }),
    ),
    Mutant::new(
        "subst/splat-loses-its-slash",
        "SUBST-2",
        "a splat loses the slash at its end",
        Request(|asked| {
            let (path, _) = asked.split();
            if path.len() > 1
                && path.ends_with(b"/")
                && let Some(other) = asked.with_path(|path| path.trim_end_matches('/').to_owned())
            {
                *asked = other;
            }
        }),
    ),
    Mutant::new(
        "subst/empty-splat-takes-the-slash",
        "SUBST-2",
        "an empty splat takes the slash before it away",
        Reply(|scene, decision, reply| {
            let rule = decision.by.and_then(|by| scene.ground.rules.rules().get(by));
            let splat = rule.is_some_and(|rule| rule.text.contains("/:splat"));
            let asked_with_slash = scene.path().is_some_and(|path| path.trailing_slash());
            if splat && !asked_with_slash {
                reply.edit("location", |location| {
                    let (path, rest) = location
                        .split_once('?')
                        .map_or((location.as_str(), String::new()), |(path, query)| (path, format!("?{query}")));
                    format!("{}{rest}", if path.len() > 1 { path.trim_end_matches('/') } else { path })
                });
            }
        }),
    ),
    Mutant::new(
        "subst/question-mark-not-encoded",
        "SUBST-3",
        "`?` and `#` in substituted text are not encoded",
        Reply(|_, _, reply| reply.edit("location", |location| location.replace("%3F", "?").replace("%23", "#"))),
    ),
    Mutant::new(
        "subst/ampersand-not-encoded",
        "SUBST-3",
        "`&` in substituted text is not encoded",
        Reply(|_, _, reply| reply.edit("location", |location| location.replace("%26", "&"))),
    ),
    Mutant::new(
        "subst/percent-not-encoded",
        "SUBST-3",
        "`%` in substituted text is not encoded",
        Reply(|_, _, reply| reply.edit("location", |location| location.replace("%25", "%"))),
    ),
    Mutant::new(
        "subst/encoded-twice",
        "SUBST-3",
        "substituted text is encoded twice",
        Reply(|_, _, reply| reply.edit("location", |location| location.replace('%', "%25"))),
    ),
    Mutant::new(
        "subst/double-slash-kept",
        "SUBST-3",
        "a local target that comes out as `//host` is sent as it is",
        Reply(|scene, _, reply| {
            let path = String::from_utf8_lossy(scene.asked.split().0).into_owned();
            if let Some((_, rest)) = path.split_once("//") {
                reply.edit("location", |location| {
                    if location.trim_start_matches('/') == rest.trim_start_matches('/') {
                        format!("//{rest}")
                    } else {
                        location
                    }
                });
            }
        }),
    ),
    Mutant::new(
        "subst/encoded-slash-opens-a-host",
        "SUBST-3",
        "an encoded slash in a splat becomes a slash, so that a target leads to another host",
        Decide(|scene, visitor| {
            let raw = String::from_utf8_lossy(scene.asked.split().0).to_lowercase();
            let slash = ["%2f", "%5c", "\\"].into_iter().find(|mark| raw.contains(mark));
            let Some((mark, other)) =
                slash.and_then(|mark| Some((mark, scene.asked.with_path(|_| raw.replace(mark, "/"))?)))
            else {
                return scene.decide(visitor);
            };
            let mut decision = scene.decide_at(&other, visitor);
            if let Outcome::Redirect { location, .. } = &mut decision.outcome {
                if let Some((_, rest)) = raw.split_once(mark) {
                    *location = format!("//{}", rest.replace(mark, "/").trim_start_matches('/'));
                }
                return decision;
            }
            scene.decide(visitor)
        }),
    ),
    Mutant::new(
        "subst/splat-climbs",
        "SUBST-4",
        "dots in a splat climb out of the folder that the target names",
        Decide(|scene, visitor| {
            let raw = String::from_utf8_lossy(scene.asked.split().0).into_owned();
            let lower = raw.to_lowercase();
            if !(lower.contains("%2f") || lower.contains("%5c") || lower.contains('\\'))
                || !lower.contains('.') && !lower.contains("%2e")
            {
                return scene.decide(visitor);
            }
            let marked = lower
                .replace("%2e", ".")
                .replace("%2f", "/")
                .replace("%5c", "/")
                .replace('\\', "/")
                .replace("../", "climb-");
            let marked = marked.strip_suffix("..").map(|start| format!("{start}climb-")).unwrap_or(marked);
            let Some(other) = scene.asked.with_path(|_| marked) else { return scene.decide(visitor) };
            let decision = scene.decide_at(&other, visitor);
            let rewrites = matches!(decision.outcome, Outcome::NotFound { .. } | Outcome::Rewrite { .. });
            match &decision.target {
                Some(target) if rewrites && target.contains("climb-") => {
                    let climbed = scene.without_rules(&scene.asked.at(target.replace("climb-", "../")));
                    Decision { outcome: climbed.outcome, denied: false, ..decision }
                }
                _ => scene.decide(visitor),
            }
        }),
    ),
    Mutant::new(
        "subst/separators-forwarded",
        "SUBST-5",
        "captured text is encoded and forwarded, whatever the server behind the gate makes of it",
        Decide(|scene, visitor| past_a_refusal(scene, visitor, str::to_owned)),
    ),
    Mutant::new(
        "subst/captured-text-decoded-again",
        "SUBST-5",
        "captured text is decoded once more on its way into the path of a file or of a forwarded request",
        Decide(|scene, visitor| {
            past_a_refusal(scene, visitor, |target| {
                let escapes =
                    [("%25", "%"), ("%2F", "/"), ("%2f", "/"), ("%2E", "."), ("%2e", "."), ("%5C", "/"), ("%5c", "/")];
                escapes.iter().fold(target.to_owned(), |target, (escape, text)| target.replace(escape, text))
            })
        }),
    ),
    Mutant::new(
        "subst/line-break-in-location",
        "LOC-3",
        "an encoded line break in a path becomes one in `Location`",
        Reply(|scene, _, reply| {
            let lower = String::from_utf8_lossy(&scene.asked.target).to_lowercase();
            if !lower.contains("%0d") && !lower.contains("%0a") {
                return;
            }
            let marked =
                lower.replace("%0d%0a", "line-break").replace("%0d", "line-break").replace("%0a", "line-break");
            let decision = scene.decide_at(&scene.asked.at(marked), &scene.visitor());
            if let Outcome::Redirect { status, location } = decision.outcome {
                let broken = location.replace("%3A", ":").replace("%20", " ").replace("line-break", "\r\n");
                *reply = crate::scene::Reply::redirect(status, &broken);
            }
        }),
    ),
    Mutant::new(
        "subst/host-not-encoded",
        "SUBST-3",
        "substituted text in a host is not encoded",
        Reply(|scene, decision, reply| {
            let absolute = decision
                .by
                .and_then(|by| scene.ground.rules.rules().get(by))
                .and_then(Rule::apply)
                .is_some_and(|apply| apply.to.is_absolute());
            if absolute {
                reply.edit("location", |location| {
                    let text = location.replace("%2E", ".").replace("%3A", ":").replace("%40", "@").replace("%2F", "/");
                    text.replace("%3F", "?").replace("%20", " ").replace("%23", "#")
                });
            }
        }),
    ),
];

/// The decision, with what is refused for its path fetched from where `edit` says.
fn past_a_refusal(scene: &Scene<'_>, visitor: &Visitor, edit: impl FnOnce(&str) -> String) -> Decision {
    let decision = scene.decide(visitor);
    let (Outcome::NotFound { forced: false, .. }, Some(target)) = (&decision.outcome, &decision.target) else {
        return decision;
    };
    let target = edit(target);
    if target.starts_with("http") {
        return Decision { outcome: Outcome::Proxy { url: target }, ..decision };
    }
    match scene.without_rules(&scene.asked.at(target)).outcome {
        Outcome::Serve { file } => Decision { outcome: Outcome::Rewrite { status: 200, file }, ..decision },
        _ => decision,
    }
}

/// The rules with every target changed, given the names that the rule captures.
fn targets(rules: Vec<Rule>, change: impl Fn(&str, &[String]) -> String) -> Vec<Rule> {
    rules
        .into_iter()
        .map(|rule| {
            let fields: Vec<&str> = rule.text.split_whitespace().collect();
            let Some(at) = fields.iter().skip(1).position(|field| field.starts_with('/') || field.contains("://"))
            else {
                return rule;
            };
            let target = fields.get(at + 1).copied().unwrap_or_default();
            let mut names = names(&fields);
            names.sort_by_key(String::len);
            let changed = change(target, &names);
            let text: Vec<String> = fields
                .iter()
                .enumerate()
                .map(|(place, field)| if place == at + 1 { changed.clone() } else { (*field).to_owned() })
                .collect();
            let again = (changed != target).then(|| reread(&rule, &text.join(" "))).flatten();
            again.unwrap_or(rule)
        })
        .collect()
}

/// The names that the source and the query fields of a rule capture.
fn names(fields: &[&str]) -> Vec<String> {
    let from = fields.first().copied().unwrap_or_default();
    let mut names: Vec<String> =
        from.split('/').filter_map(|segment| segment.strip_prefix(':')).map(str::to_owned).collect();
    names.extend(fields.iter().skip(1).filter_map(|field| field.split_once("=:")).map(|(_, name)| name.to_owned()));
    if from.contains('*') {
        names.push("splat".to_owned());
    }
    names
}
