//! Which paths and queries a rule matches (MATCH-2 to MATCH-7, QUERY-1, QUERY-3, QUERY-4).

use Defect::{Decide, Request, RuleList};
use rolegate::path::RequestPath;
use rolegate::rules::{Pattern, QueryValue, Rule, RuleSet};

use crate::scene::Scene;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "match/splat-without-slash",
        "MATCH-3",
        "`/a/*` matches `/ab`",
        Decide(|scene, visitor| {
            scene.decide_over(visitor, |rule| {
                let prefix = rule
                    .pattern
                    .to_string()
                    .strip_suffix("/*")
                    .filter(|start| !start.is_empty())
                    .map(|start| format!("{start}*"));
                Some(instead(scene, rule, prefix))
            })
        }),
    ),
    Mutant::new(
        "match/splat-wants-a-segment",
        "MATCH-3",
        "`/a/*` does not match `/a`",
        Decide(|scene, visitor| scene.decide_with(visitor, |rule| behind_splat(scene, rule) != Some(0))),
    ),
    Mutant::new(
        "match/splat-is-one-segment",
        "MATCH-3",
        "a splat matches a single segment",
        Decide(|scene, visitor| {
            scene.decide_with(visitor, |rule| behind_splat(scene, rule).is_none_or(|count| count < 2))
        }),
    ),
    Mutant::new(
        "match/slash-at-the-end-counts",
        "MATCH-2",
        "`/a` and `/a/` are different paths",
        Decide(|scene, visitor| {
            let slash = scene.path().is_some_and(|path| path.trailing_slash());
            scene.decide_with(visitor, |rule| {
                let from = rule.text.split_whitespace().next().unwrap_or_default();
                from.ends_with('*') || from.ends_with('/') == slash
            })
        }),
    ),
    Mutant::new(
        "match/placeholder-takes-several",
        "MATCH-4",
        "a placeholder at the end takes more than one segment",
        Decide(|scene, visitor| {
            scene.decide_over(visitor, |rule| {
                let text = rule.pattern.to_string();
                let wide = text
                    .rsplit_once('/')
                    .filter(|(_, last)| last.starts_with(':'))
                    .map(|(start, _)| format!("{start}/*"));
                let wide = wide
                    .filter(|_| scene.path().is_some_and(|path| path.segments().count() >= text.split('/').count()));
                Some(instead(scene, rule, wide))
            })
        }),
    ),
    Mutant::new(
        "match/placeholder-takes-nothing",
        "MATCH-4",
        "a placeholder at the end may be left out",
        Decide(|scene, visitor| {
            scene.decide_over(visitor, |rule| {
                let text = rule.pattern.to_string();
                Some(instead(
                    scene,
                    rule,
                    text.rsplit_once('/')
                        .filter(|(_, last)| last.starts_with(':'))
                        .map(|(start, _)| format!("{start}/")),
                ))
            })
        }),
    ),
    Mutant::new(
        "match/placeholder-inside-a-segment",
        "MATCH-4",
        "a colon inside a segment begins a placeholder",
        Decide(|scene, visitor| {
            scene.decide_over(visitor, |rule| {
                let text = rule.pattern.to_string();
                let inside = |segment: &str| segment.find(':').is_some_and(|at| at > 0);
                let wide: Vec<&str> =
                    text.split('/').map(|segment| if inside(segment) { ":any" } else { segment }).collect();
                let wide = wide.join("/");
                Some(instead(scene, rule, (wide != text).then_some(wide)))
            })
        }),
    ),
    Mutant::new(
        "match/without-regard-to-case",
        "MATCH-5",
        "paths are compared without regard to case",
        Decide(|scene, visitor| {
            let lower = scene.path().and_then(|path| RequestPath::parse(path.encoded().to_lowercase().as_bytes()).ok());
            scene.decide_over(visitor, |rule| {
                let folded = pattern(&rule.pattern.to_string().to_lowercase());
                let fits = lower.as_ref().is_some_and(|lower| folded.is_some_and(|folded| folded.matches(lower)));
                Some(instead(scene, rule, fits.then(|| exact(scene))))
            })
        }),
    ),
    Mutant::new(
        "match/dot-is-any-character",
        "MATCH-6",
        "a `.` in a rule matches any character",
        Decide(|scene, visitor| {
            scene.decide_over(visitor, |rule| {
                let (text, path) = (rule.pattern.to_string(), scene.name().unwrap_or_default());
                let fits = text.contains('.')
                    && text.chars().count() == path.chars().count()
                    && text.chars().zip(path.chars()).all(|(wanted, c)| wanted == c || wanted == '.');
                Some(instead(scene, rule, fits.then(|| exact(scene))))
            })
        }),
    ),
    Mutant::new(
        "match/dot-repeated-by-plus",
        "MATCH-6",
        "a `+` in a rule repeats the character before it",
        Decide(|scene, visitor| {
            scene.decide_over(visitor, |rule| {
                let text = rule.pattern.to_string();
                let fits = text.split_once('+').is_some_and(|(start, rest)| {
                    let name = scene.name().unwrap_or_default();
                    let last = start.chars().last().unwrap_or('+');
                    let middle = name.strip_prefix(start).and_then(|middle| middle.strip_suffix(rest));
                    middle.is_some_and(|middle| middle.chars().all(|c| c == last))
                });
                Some(instead(scene, rule, fits.then(|| exact(scene))))
            })
        }),
    ),
    Mutant::new(
        "match/escapes-compared-as-text",
        "MATCH-7",
        "`%61` and `a` are different in a path",
        Decide(|scene, visitor| {
            let raw = String::from_utf8_lossy(scene.asked.split().0).replace('%', "%25");
            let path = RequestPath::parse(raw.as_bytes());
            scene.decide_with(visitor, |rule| {
                let from = rule.text.split_whitespace().next().unwrap_or_default().replace('%', "%25");
                let (Some(from), Ok(path)) = (pattern(&from), &path) else { return true };
                from.matches(path)
            })
        }),
    ),
    Mutant::new(
        "match/escapes-decoded-twice",
        "MATCH-7",
        "escapes in a path are decoded twice",
        Request(|asked| {
            let twice = asked.with_path(|path| path.replace("%25", "%"));
            if let Some(twice) = twice.filter(|twice| rolegate::Target::parse(&twice.target).is_ok()) {
                *asked = twice;
            }
        }),
    ),
    Mutant::new(
        "query/not-asked-for",
        "QUERY-1",
        "the query parameters of a rule are ignored",
        RuleList(|mut rules| {
            rules.iter_mut().for_each(|rule| rule.query.clear());
            rules
        }),
    ),
    Mutant::new(
        "query/values-not-compared",
        "QUERY-1",
        "a parameter with another value is good enough",
        RuleList(|mut rules| {
            for constraint in rules.iter_mut().flat_map(|rule| &mut rule.query) {
                if let QueryValue::Literal(_) = &constraint.value {
                    constraint.value = QueryValue::Capture("any".to_owned());
                }
            }
            rules
        }),
    ),
    Mutant::new(
        "query/keys-in-any-case",
        "QUERY-1",
        "parameter names are compared without regard to case",
        Request(|asked| {
            each_pair(asked, |key, value| match value {
                Some(value) => format!("{}={value}", key.to_lowercase()),
                None => key.to_lowercase(),
            });
        }),
    ),
    Mutant::new(
        "query/order-matters",
        "QUERY-1",
        "parameters have to come in the order of the rule",
        Decide(|scene, visitor| {
            let query = String::from_utf8_lossy(scene.asked.split().1.unwrap_or_default()).into_owned();
            scene.decide_with(visitor, |rule| {
                let places: Vec<Option<usize>> = rule
                    .query
                    .iter()
                    .map(|wanted| query.find(&format!("{}=", String::from_utf8_lossy(&wanted.key))))
                    .collect();
                places.is_sorted()
            })
        }),
    ),
    Mutant::new(
        "query/bare-key-is-empty",
        "QUERY-3",
        "a bare `?key` counts as `?key=`",
        Request(|asked| each_pair(asked, |key, value| format!("{key}={}", value.unwrap_or_default()))),
    ),
    Mutant::new(
        "query/plus-is-a-plus",
        "QUERY-4",
        "`+` in a query is not read as a space",
        Request(|asked| {
            each_pair(asked, |key, value| match value {
                Some(value) => format!("{key}={}", value.replace('+', "%2B")),
                None => key.to_owned(),
            });
        }),
    ),
    Mutant::new(
        "query/value-not-decoded",
        "QUERY-4",
        "a parameter is captured without being decoded",
        Request(|asked| {
            each_pair(asked, |key, value| match value {
                Some(value) => format!("{key}={}", value.replace('%', "%25")),
                None => key.to_owned(),
            });
        }),
    ),
];

/// The pattern that a text means.
pub(super) fn pattern(text: &str) -> Option<Pattern> {
    let rules = RuleSet::parse(format!("{text} /x 301\n").as_bytes()).rules;
    rules.rules().first().filter(|rule| !rule.is_sealed()).map(|rule| rule.pattern.clone())
}

/// The rule with another pattern, if its own does not match and the other one does.
fn instead(scene: &Scene<'_>, rule: &Rule, text: Option<String>) -> Rule {
    let mut changed = rule.clone();
    let path = scene.path();
    let matches = |pattern: &Pattern| path.as_ref().is_some_and(|path| pattern.matches(path));
    if !matches(&rule.pattern)
        && let Some(other) = text.and_then(|text| pattern(&text)).filter(matches)
    {
        changed.pattern = other;
    }
    changed
}

/// The path of the request as the text of a pattern.
fn exact(scene: &Scene<'_>) -> String {
    let path = scene.path().map(|path| path.encoded()).unwrap_or_default();
    path.replace('*', "%2A").replace("/:", "/%3A")
}

/// How many segments stand where the splat of a rule is, if the rule matches.
fn behind_splat(scene: &Scene<'_>, rule: &Rule) -> Option<usize> {
    let path = scene.path()?;
    let text = rule.pattern.to_string();
    let before = text.strip_suffix("/*").filter(|before| !before.contains('*'))?;
    let own = before.split('/').filter(|segment| !segment.is_empty()).count();
    // `/*` has nothing before its splat and always has a path to match.
    (own > 0 && rule.pattern.matches(&path)).then(|| path.segments().count().saturating_sub(own))
}

/// Rewrites every pair of the query.
fn each_pair(asked: &mut crate::scene::Asked, write: impl Fn(&str, Option<&str>) -> String) {
    let (path, Some(query)) = asked.split() else { return };
    let Ok(query) = std::str::from_utf8(query) else { return };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((key, value)) => write(key, Some(value)),
        None if pair.is_empty() => String::new(),
        None => write(pair, None),
    };
    let pairs: Vec<String> = query.split('&').map(pair).collect();
    let target = [path, b"?", pairs.join("&").as_bytes()].concat();
    asked.target = target;
}
