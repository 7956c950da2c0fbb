//! Which roles open which rules (ROLE-1, ROLE-4 to ROLE-6, RULES-8).

use Defect::{RuleList, Visitor as Who};
use rolegate::rules::{Effect, RoleCondition, Rule};
use rolegate::visitor::Visitor;

use crate::scene::Scene;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "role/in-any-case",
        "ROLE-5",
        "role names are compared without regard to case",
        Who(|scene| granted(scene, |listed, held| listed.to_lowercase() == held.to_lowercase())),
    ),
    Mutant::new(
        "role/trimmed",
        "ROLE-5",
        "white space around a role name is dropped",
        Who(|scene| granted(scene, |listed, held| listed.trim() == held.trim())),
    ),
    Mutant::new(
        "role/by-prefix",
        "ROLE-5",
        "a role that begins with the wanted name is enough",
        Who(|scene| granted(scene, |listed, held| held.starts_with(listed))),
    ),
    Mutant::new(
        "role/by-suffix",
        "ROLE-5",
        "a role that ends in the wanted name is enough",
        Who(|scene| granted(scene, |listed, held| held.ends_with(listed))),
    ),
    Mutant::new(
        "role/abbreviated",
        "ROLE-5",
        "a role that is the beginning of the wanted name is enough",
        Who(|scene| granted(scene, |listed, held| !held.is_empty() && listed.starts_with(held))),
    ),
    Mutant::new(
        "role/list-in-one-name",
        "ROLE-5",
        "a comma inside a role of the token parts it into two",
        Who(|scene| granted(scene, |listed, held| held.split(',').any(|part| part == listed))),
    ),
    Mutant::new(
        "role/invisible-characters-dropped",
        "ROLE-5",
        "characters that nobody sees are dropped from role names",
        Who(|scene| {
            let visible = |text: &str| {
                text.chars()
                    .filter(|c| {
                        !c.is_control() && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
                    })
                    .collect::<String>()
            };
            granted(scene, |listed, held| visible(listed) == visible(held))
        }),
    ),
    Mutant::new(
        "role/wide-letters-folded",
        "ROLE-5",
        "full-width letters in a role count as ordinary ones",
        Who(|scene| granted(scene, |listed, held| narrow(held) == listed)),
    ),
    Mutant::new(
        "role/alike",
        "ROLE-5",
        "roles are compared as a lenient database does: case, signs and letters that look alike do not count",
        Who(|scene| granted(scene, are_alike)),
    ),
    Mutant::new(
        "role/any-token-will-do",
        "ROLE-2",
        "every valid token opens every gate, whatever its roles",
        Who(|scene| granted(scene, |_, _| true).or_everything(scene)),
    ),
    Mutant::new(
        "role/star-in-a-token",
        "ROLE-6",
        "a role `*` in a token opens every gate",
        Who(|scene| granted(scene, |_, held| held == "*")),
    ),
    Mutant::new(
        "role/pattern-in-a-token",
        "ROLE-5",
        "a role in a token is read as a pattern",
        Who(|scene| granted(scene, |_, held| matches!(held, ".*" | "%" | "*" | "adm*" | "adm.n" | "admi?" | "a*"))),
    ),
    Mutant::new(
        "role/admin-passes-all",
        "ROLE-5",
        "the role `admin` outranks every other",
        Who(|scene| granted(scene, |_, held| held == "admin")),
    ),
    Mutant::new(
        "role/star-is-literal",
        "ROLE-6",
        "`Role=*` asks for a role named `*`",
        RuleList(|rules| {
            with_roles(rules, |role| match role {
                RoleCondition::AnyToken => RoleCondition::AnyOf(vec!["*".to_owned()]),
                other => other,
            })
        }),
    ),
    Mutant::new(
        "role/star-in-a-list",
        "ROLE-6",
        "a `*` among other roles passes every valid token",
        RuleList(|rules| {
            with_roles(rules, |role| match role {
                RoleCondition::AnyOf(list) if list.iter().any(|role| role == "*") => RoleCondition::AnyToken,
                other => other,
            })
        }),
    ),
    Mutant::new(
        "role/star-wants-some-role",
        "ROLE-6",
        "`Role=*` turns away a valid token without any role",
        Who(|scene| match scene.visitor() {
            Visitor::Holder(roles) if roles.iter().next().is_none() => Visitor::Anonymous,
            other => other,
        }),
    ),
    Mutant::new(
        "role/first-of-the-list-only",
        "RULES-8",
        "only the first role of a list counts",
        RuleList(|rules| {
            with_roles(rules, |role| match role {
                RoleCondition::AnyOf(list) => RoleCondition::AnyOf(list.into_iter().take(1).collect()),
                other => other,
            })
        }),
    ),
    Mutant::new(
        "role/list-not-parted",
        "RULES-8",
        "a list of roles is read as one role with commas in its name",
        RuleList(|rules| {
            with_roles(rules, |role| match role {
                RoleCondition::AnyOf(list) => RoleCondition::AnyOf(vec![list.join(",")]),
                other => other,
            })
        }),
    ),
    Mutant::new(
        "role/every-one-of-the-list",
        "RULES-8",
        "a visitor needs all roles of a list",
        Who(|scene| {
            let visitor = scene.visitor();
            let Visitor::Holder(held) = &visitor else { return visitor };
            // What is short of any list that it is part of does not count at all.
            let short = |list: &Vec<String>| list.iter().any(|role| !held.contains(role));
            let lists: Vec<Vec<String>> = lists(scene).into_iter().filter(short).collect();
            let kept = held
                .iter()
                .filter(|role| !lists.iter().any(|list| list.len() > 1 && list.iter().any(|other| other == role)));
            Visitor::with_roles(kept.map(str::to_owned).collect::<Vec<_>>())
        }),
    ),
    Mutant::new(
        "role/exclamation-mark-negates",
        "ROLE-5",
        "a role with `!` in front passes those who do not hold it",
        Who(|scene| {
            let visitor = scene.visitor();
            let Visitor::Holder(held) = &visitor else { return visitor };
            let negated = lists(scene)
                .into_iter()
                .flatten()
                .filter(|role| role.strip_prefix(['!', '-']).is_some_and(|role| !held.contains(role)));
            Visitor::with_roles(held.iter().map(str::to_owned).chain(negated).collect::<Vec<_>>())
        }),
    ),
];

/// The role lists of the rules.
fn lists(scene: &Scene<'_>) -> Vec<Vec<String>> {
    let list = |rule: &Rule| match rule.role() {
        Some(RoleCondition::AnyOf(list)) => Some(list.clone()),
        _ => None,
    };
    scene.ground.rules.rules().iter().filter_map(list).collect()
}

/// The visitor, with every role of the rules that one of the held roles stands for.
fn granted(scene: &Scene<'_>, stands_for: impl Fn(&str, &str) -> bool) -> Visitor {
    let visitor = scene.visitor();
    let Visitor::Holder(held) = &visitor else { return visitor };
    let more = lists(scene).into_iter().flatten().filter(|listed| held.iter().any(|held| stands_for(listed, held)));
    Visitor::with_roles(held.iter().map(str::to_owned).chain(more).collect::<Vec<_>>())
}

trait OrEverything {
    /// A holder gets every role that there is, be the token without any.
    fn or_everything(self, scene: &Scene<'_>) -> Self;
}

impl OrEverything for Visitor {
    fn or_everything(self, scene: &Scene<'_>) -> Self {
        match self {
            Self::Holder(_) => Self::with_roles(lists(scene).into_iter().flatten().collect::<Vec<_>>()),
            other => other,
        }
    }
}

/// The rules with every role condition changed.
fn with_roles(mut rules: Vec<Rule>, change: impl Fn(RoleCondition) -> RoleCondition) -> Vec<Rule> {
    for rule in &mut rules {
        if let Effect::Apply(apply) = &mut rule.effect {
            apply.conditions.role = apply.conditions.role.take().map(&change);
        }
    }
    rules
}

/// Whether two names differ in case, signs or letters beyond ASCII only, or one holds the other.
fn are_alike(listed: &str, held: &str) -> bool {
    let letters = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<Vec<char>>();
    let (listed, held) = (letters(listed), letters(held));
    let same = |(a, b): (&char, &char)| a == b || !a.is_ascii() || !b.is_ascii();
    let holds = |long: &[char], short: &[char]| {
        !short.is_empty() && long.windows(short.len()).any(|part| part.iter().zip(short).all(same))
    };
    holds(&listed, &held) || holds(&held, &listed)
}

/// Full-width letters as ASCII.
fn narrow(text: &str) -> String {
    let ascii = |c: char| match u32::from(c) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.chars().map(ascii).collect()
}
