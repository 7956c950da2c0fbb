//! How `netlify.toml` is read (TOML-1 to TOML-3).

use Defect::{Decide, RuleList, TomlText};
use rolegate::decide::Decision;
use rolegate::rules::{Apply, ConditionKey, Effect, RoleCondition, Rule};
use rolegate::span::RuleFile;
use rolegate::visitor::Visitor;

use crate::scene::Scene;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new("toml/not-read", "TOML-2", "`netlify.toml` is not read", TomlText(|_| String::new())),
    Mutant::new(
        "toml/in-place-of-the-file",
        "TOML-2",
        "where there is a `netlify.toml`, `_redirects` is not read",
        RuleList(|rules| {
            let has_toml = rules.iter().any(is_toml);
            rules.into_iter().filter(|rule| !has_toml || is_toml(rule)).collect()
        }),
    ),
    Mutant::new(
        "toml/before-the-file",
        "TOML-2",
        "the rules of `netlify.toml` come before those of `_redirects`",
        RuleList(|mut rules| {
            rules.sort_by_key(|rule| !is_toml(rule));
            rules
        }),
    ),
    Mutant::new(
        "toml/denial-forgotten",
        "TOML-2",
        "a denial by `_redirects` ends the walk, and `netlify.toml` is not asked for an answer",
        Decide(|scene, visitor| {
            let of_the_file = scene.decide_with(visitor, |rule| !is_toml(rule));
            if of_the_file.denied { of_the_file } else { scene.decide(visitor) }
        }),
    ),
    Mutant::new(
        "toml/older-names-not-read",
        "TOML-1",
        "`origin`, `destination`, `params` and `parameters` are not known, and their entry is dropped",
        TomlText(|text| {
            let older = ["origin", "destination", "params", "parameters"];
            entries(text, |entry| older.iter().all(|name| value(entry, name).is_none()).then(|| entry.to_owned()))
        }),
    ),
    Mutant::new(
        "toml/point-in-a-status",
        "TOML-4",
        "an entry whose status is written with a point or an exponent is dropped",
        TomlText(|text| {
            entries(text, |entry| {
                let whole =
                    value(entry, "status").is_none_or(|status| status.bytes().all(|b| b.is_ascii_digit() || b == b'"'));
                whole.then(|| entry.to_owned())
            })
        }),
    ),
    Mutant::new(
        "toml/first-line-of-a-value",
        "TOML-4",
        "of a header value over several lines only the first is read",
        TomlText(|text| {
            let pieces = text.split("\"\"\"").enumerate();
            let first = |piece: &'_ str| piece.trim().lines().next().unwrap_or_default().to_owned();
            let pieces = pieces.map(|(at, piece)| if at % 2 == 1 { first(piece) } else { piece.to_owned() });
            pieces.collect::<Vec<_>>().join("\"\"\"")
        }),
    ),
    Mutant::new(
        "toml/query-ignored",
        "TOML-1",
        "the parameters of an entry are not looked at",
        RuleList(|rules| in_toml(rules, |rule| rule.query.clear())),
    ),
    Mutant::new(
        "toml/query-never-met",
        "TOML-1",
        "an entry with parameters is dropped",
        RuleList(|rules| rules.into_iter().filter(|rule| !is_toml(rule) || rule.query.is_empty()).collect()),
    ),
    Mutant::new(
        "toml/force-ignored",
        "TOML-1",
        "`force = true` is not looked at",
        TomlText(|text| lines(text, |line| if set(line, "force") { String::new() } else { line.to_owned() })),
    ),
    Mutant::new(
        "toml/always-forced",
        "TOML-1",
        "every entry wins over an existing file",
        RuleList(|rules| with_apply(rules, |apply| apply.force = true)),
    ),
    Mutant::new(
        "toml/force-by-presence",
        "TOML-1",
        "an entry is forced where `force` stands in it, whatever it says",
        TomlText(|text| {
            lines(text, |line| if set(line, "force") { "force = true\n".to_owned() } else { line.to_owned() })
        }),
    ),
    Mutant::new(
        "toml/302-by-default",
        "TOML-1",
        "an entry without a status is a 302",
        TomlText(|text| {
            entries(text, |entry| {
                let left_out = value(entry, "status").is_none() && value(entry, "to").is_some();
                Some(if left_out { entry.replacen("to =", "status = 302\nto =", 1) } else { entry.to_owned() })
            })
        }),
    ),
    Mutant::new(
        "toml/status-as-text-dropped",
        "TOML-1",
        "an entry whose status is a text is dropped",
        TomlText(|text| {
            entries(text, |entry| {
                let is_text = value(entry, "status").is_some_and(|status| status.starts_with('"'));
                (!is_text).then(|| entry.to_owned())
            })
        }),
    ),
    Mutant::new(
        "toml/without-target-dropped",
        "TOML-1",
        "an entry without `to` is dropped",
        TomlText(|text| {
            entries(text, |entry| {
                let has_target = value(entry, "to").is_some() || value(entry, "destination").is_some();
                has_target.then(|| entry.to_owned())
            })
        }),
    ),
    Mutant::new(
        "toml/placeholders-as-text",
        "TOML-1",
        "a name in `to` is not substituted",
        TomlText(|text| {
            lines(text, |line| if set(line, "to") { line.replace(":page", "%3Apage") } else { line.to_owned() })
        }),
    ),
    Mutant::new(
        "toml/splat-left-out",
        "TOML-1",
        "the target of an entry without `to` is the folder, whatever the `*` stands for",
        TomlText(|text| {
            entries(text, |entry| {
                let left_out = value(entry, "to").is_none() && value(entry, "destination").is_none();
                let from = value(entry, "from").map(|from| from.trim_matches('"').trim_end_matches("/*").to_owned());
                let with = |from: String| entry.replacen("from =", &format!("to = \"{from}/home\"\nfrom ="), 1);
                Some(from.filter(|_| left_out).map_or_else(|| entry.to_owned(), with))
            })
        }),
    ),
    Mutant::new(
        "toml/roles-dropped",
        "TOML-1",
        "a `Role` in an entry is not looked at",
        RuleList(|rules| with_apply(rules, |apply| apply.conditions.role = None)),
    ),
    Mutant::new(
        "toml/any-token-admits",
        "TOML-1",
        "an entry with a role admits every valid token",
        RuleList(|rules| {
            with_apply(rules, |apply| {
                apply.conditions.role = apply.conditions.role.as_ref().map(|_| RoleCondition::AnyToken);
            })
        }),
    ),
    Mutant::new(
        "toml/all-roles-wanted",
        "TOML-1",
        "of several roles in an entry a visitor needs every one",
        Decide(|scene, visitor| decide_by_roles(scene, visitor, |held, roles| roles.iter().all(held))),
    ),
    Mutant::new(
        "toml/first-role-only",
        "TOML-1",
        "of several roles in an entry only the first is read",
        Decide(|scene, visitor| decide_by_roles(scene, visitor, |held, roles| roles.first().is_some_and(held))),
    ),
    Mutant::new(
        "toml/commas-do-not-part",
        "TOML-1",
        "a text with commas is one role",
        TomlText(|text| {
            lines(text, |line| {
                let quoted = line.trim_start().starts_with("Role = \"") && line.contains(',');
                if quoted { line.replace(", ", "%2C") } else { line.to_owned() }
            })
        }),
    ),
    Mutant::new(
        "toml/condition-names-in-one-case",
        "TOML-1",
        "`role` in lower case is no condition",
        TomlText(|text| text.replace("{ role = \"admin\" }", "{ }")),
    ),
    Mutant::new(
        "toml/star-is-a-role",
        "TOML-1",
        "a `Role` of `*` is a role of that name",
        RuleList(|rules| {
            with_apply(rules, |apply| {
                if let Some(RoleCondition::AnyToken) = apply.conditions.role {
                    apply.conditions.role = Some(RoleCondition::AnyOf(vec!["*".to_owned()]));
                }
            })
        }),
    ),
    Mutant::new(
        "toml/languages-dropped",
        "TOML-1",
        "a `Language` in an entry is not looked at",
        RuleList(|rules| with_apply(rules, |apply| apply.conditions.set(ConditionKey::Language, Vec::new()))),
    ),
    Mutant::new(
        "toml/countries-dropped",
        "TOML-1",
        "a `Country` in an entry is not looked at",
        RuleList(|rules| with_apply(rules, |apply| apply.conditions.set(ConditionKey::Country, Vec::new()))),
    ),
    Mutant::new(
        "toml/cookies-dropped",
        "TOML-1",
        "a `Cookie` in an entry is not looked at",
        RuleList(|rules| with_apply(rules, |apply| apply.conditions.set(ConditionKey::Cookie, Vec::new()))),
    ),
    Mutant::new(
        "toml/entry-in-error-dropped",
        "TOML-3",
        "an entry that cannot be read is dropped, and its path is open",
        RuleList(|rules| rules.into_iter().filter(|rule| !is_toml(rule) || !rule.is_sealed()).collect()),
    ),
    Mutant::new(
        "toml/entry-in-error-for-everybody",
        "TOML-3",
        "an entry that cannot be read keeps its path and loses its conditions",
        TomlText(|text| {
            entries(text, |entry| {
                let broken = value(entry, "conditions").is_some_and(|conditions| !conditions.starts_with('{'));
                Some(if broken { without(entry, "conditions") } else { entry.to_owned() })
            })
        }),
    ),
    Mutant::new(
        "toml/entry-in-error-stops-the-rest",
        "TOML-3",
        "what stands below an entry that cannot be read is not read",
        RuleList(|rules| {
            let end = rules.iter().position(|rule| is_toml(rule) && rule.is_sealed()).unwrap_or(rules.len());
            rules.into_iter().take(end).collect()
        }),
    ),
    Mutant::new(
        "toml/force-as-text",
        "TOML-3",
        "`force = \"yes\"` and `force = 1` are taken for true",
        TomlText(|text| {
            lines(text, |line| {
                let odd = set(line, "force") && !line.contains("true") && !line.contains("false");
                if odd { "force = true\n".to_owned() } else { line.to_owned() }
            })
        }),
    ),
    Mutant::new(
        "toml/mark-in-a-status",
        "TOML-3",
        "a `!` in a status of `netlify.toml` is taken as it is in `_redirects`",
        TomlText(|text| {
            lines(text, |line| match line.trim_end().strip_suffix("!\"") {
                Some(before) if set(line, "status") => format!("{}\nforce = true\n", before.replace('"', "")),
                _ => line.to_owned(),
            })
        }),
    ),
    Mutant::new(
        "toml/unknown-conditions-dropped",
        "TOML-3",
        "a condition that nobody knows is left out",
        TomlText(|text| {
            text.replace(", Weekday = [\"monday\"]", "").replace("conditions = { Weekday = \"monday\" }\n", "")
        }),
    ),
    Mutant::new(
        "toml/conditions-of-another-type-dropped",
        "TOML-3",
        "`conditions` that is no table is left out where it names no role",
        TomlText(|text| text.replace("conditions = \"Language=en\"\n", "")),
    ),
    Mutant::new(
        "toml/sealed-for-strangers-only",
        "TOML-3",
        "an entry that cannot be read closes its path to visitors without a token alone",
        Decide(|scene, visitor| match visitor {
            Visitor::Holder(_) => scene.decide_with(visitor, |rule| !is_toml(rule) || !rule.is_sealed()),
            _ => scene.decide(visitor),
        }),
    ),
    Mutant::new(
        "toml/file-needed",
        "TOML-1",
        "`netlify.toml` is read only where there is a `_redirects` with rules",
        Decide(|scene, visitor| {
            let has_file = scene.ground.rules.rules().iter().any(|rule| rule.span.file == RuleFile::Redirects);
            scene.decide_with(visitor, |rule| has_file || !is_toml(rule))
        }),
    ),
];

fn is_toml(rule: &Rule) -> bool {
    rule.span.file == RuleFile::Toml
}

fn in_toml(mut rules: Vec<Rule>, change: impl Fn(&mut Rule)) -> Vec<Rule> {
    rules.iter_mut().filter(|rule| is_toml(rule)).for_each(change);
    rules
}

fn with_apply(rules: Vec<Rule>, change: impl Fn(&mut Apply)) -> Vec<Rule> {
    in_toml(rules, |rule| {
        if let Effect::Apply(apply) = &mut rule.effect {
            change(apply);
        }
    })
}

/// The decision where an entry with several roles admits those of whom `admits` says so.
fn decide_by_roles(
    scene: &Scene<'_>,
    visitor: &Visitor,
    admits: impl Fn(&dyn Fn(&String) -> bool, &[String]) -> bool,
) -> Decision {
    let held = |role: &String| visitor.roles().is_some_and(|roles| roles.contains(role));
    scene.decide_over(visitor, |rule| {
        let mut rule = rule.clone();
        if is_toml(&rule)
            && let Effect::Apply(apply) = &mut rule.effect
            && let Some(RoleCondition::AnyOf(roles)) = &apply.conditions.role
            && !admits(&held, roles)
        {
            apply.conditions.role = Some(RoleCondition::AnyOf(Vec::new()));
        }
        Some(rule)
    })
}

/// The file with every entry changed or left out.
fn entries(text: &str, change: impl Fn(&str) -> Option<String>) -> String {
    entries_of("[[redirects]]\n", text, change)
}

/// The file with everything that stands below one of these marks changed or left out, the mark with it.
pub(super) fn entries_of(mark: &str, text: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let mut parts = text.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for entry in parts.filter_map(change) {
        out.push_str(mark);
        out.push_str(&entry);
    }
    out
}

/// The file with every line changed.
pub(super) fn lines(text: &str, change: impl Fn(&str) -> String) -> String {
    text.split_inclusive('\n').map(change).collect()
}

/// Whether a line gives this key a value.
fn set(line: &str, key: &str) -> bool {
    line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// The value of a key in an entry, as written.
fn value<'e>(entry: &'e str, key: &str) -> Option<&'e str> {
    let line = entry.lines().find(|line| set(line, key))?;
    Some(line.split_once('=')?.1.trim())
}

/// The entry without a key.
fn without(entry: &str, key: &str) -> String {
    lines(entry, |line| if set(line, key) { String::new() } else { line.to_owned() })
}
