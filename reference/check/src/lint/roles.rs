//! Names of roles that are written like something else, or like one another: names are compared letter for letter (ROLE-5, ROLE-6).

use std::collections::HashMap;

use rolegate::rules::{RoleCondition, Rule};
use rolegate::words;

use super::advice::Found;
use super::forward::is_function;
use super::scene::{Field, place_of, warning};

/// No more than so many names of one rule are looked at.
const LOOKED_AT: usize = 16;

/// How long a name may be that is said in full.
const SHOWN: usize = 40;

/// How each role is spelled where it is named first, by the same in lower case.
pub(super) struct Spelled<'a> {
    first: HashMap<String, First<'a>>,
}

struct First<'a> {
    role: &'a str,
    by: &'a Rule,
    /// Some rule names it in two ways, which nobody does by mistake.
    is_on_purpose: bool,
}

impl<'a> Spelled<'a> {
    pub(super) fn of(rules: &'a [Rule]) -> Spelled<'a> {
        let mut first: HashMap<String, First<'a>> = HashMap::new();
        for rule in rules {
            let mut own = HashMap::new();
            for role in listed(rule) {
                let lower = role.to_lowercase();
                let is_on_purpose = *own.entry(lower.clone()).or_insert(role) != role;
                first.entry(lower).or_insert(First { role, by: rule, is_on_purpose }).is_on_purpose |= is_on_purpose;
            }
        }
        Spelled { first }
    }
}

fn listed(rule: &Rule) -> &[String] {
    match rule.role() {
        Some(RoleCondition::AnyOf(roles)) => roles,
        Some(RoleCondition::AnyToken) | None => &[],
    }
}

/// A role in the query of a destination that is shown here, where nothing looks at a query: it asks nobody for a role.
pub(super) fn behind_the_destination(rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| rule.role().is_none() && (200..300).contains(&apply.status))?;
    let to = apply.to.to_string();
    let (_, query) = to.split_once('?').filter(|_| !apply.to.is_absolute() && !is_function(apply))?;
    let is_role = |text: &&str| text.split_once('=').is_some_and(|(key, _)| key.eq_ignore_ascii_case("role"));
    let asked = query.split(['&', '#']).find(is_role)?;
    let message = format!("`{}` stands behind the destination, where it asks nobody for a role", shown(asked));
    let visitor = "what the rule shows, without being asked for a role".to_owned();
    Some(warning(rule, Field::To, "query-like-role", message, visitor, words::help::QUERY_LIKE_ROLE))
}

/// What is odd about the names of roles that the rule lists: one remark of a kind speaks for all.
pub(super) fn problems(spelled: &Spelled<'_>, rule: &Rule) -> impl Iterator<Item = Found> {
    let roles = listed(rule);
    let of_role = |found: (&str, &'static str, String, &str)| {
        let (role, id, message, help) = found;
        let visitor = format!("for those alone who hold a role that is called `{}`, letter for letter", shown(role));
        warning(rule, Field::Beginning("role="), id, message, visitor, help)
    };
    let looked_at = || roles.iter().take(LOOKED_AT);
    let pattern = looked_at().find_map(|role| {
        let (is_none, help) = meant_otherwise(role, roles.len() == 1)?;
        Some((role.as_str(), "role-pattern", format!("`{}` is the name of one role: {is_none}", shown(role)), help))
    });
    let case = looked_at().find_map(|role| {
        let First { role: other, by, is_on_purpose } = spelled.first.get(&role.to_lowercase())?;
        let line = place_of(by.span, rule.span);
        let message = format!("`{}` is another role than `{}` on {line}", shown(role), shown(other));
        let help = "upper and lower case count in the name of a role: write it as it stands in the token";
        (*other != role && !is_on_purpose).then_some((role.as_str(), "role-other-case", message, help))
    });
    [pattern, case].into_iter().flatten().map(of_role)
}

fn shown(role: &str) -> String {
    role.chars().take(SHOWN).collect()
}

/// What the name of a role is taken for and is not, and what to write instead.
fn meant_otherwise(role: &str, is_alone: bool) -> Option<(&'static str, &'static str)> {
    const ANY: &str = "for every valid token write `Role=*` and nothing else";
    let is_enclosed = |(begin, end): (char, char)| {
        role.len() > 2 && role.strip_prefix(begin).is_some_and(|rest| rest.strip_suffix(end).is_some())
    };
    let parts_names =
        |(at, _): (usize, &str)| role.get(..at).is_some_and(is_word) && role.get(at + 1..).is_some_and(is_word);
    if !role.is_empty() && role.chars().all(|c| c == '*') {
        Some(("a star stands for every role where it is alone", ANY))
    } else if is_enclosed(('%', '%')) || role.contains('$') && !role.ends_with('$') {
        Some(("nothing is put in the place of a variable", "write the name of the role itself"))
    } else if role.contains(['*', '?']) || is_enclosed(('^', '$')) || is_enclosed(('/', '/')) {
        Some((
            "there are no patterns",
            "name each role that is meant, with commas between them; for every valid token write `Role=*` and nothing else",
        ))
    } else if negated(role).is_some() {
        Some((
            "there are no negations",
            "name the roles of those whom the rule lets in, and write below it what everybody else gets",
        ))
    } else if role.ends_with('!') {
        Some(("what forces a rule stands elsewhere", "write the `!` directly after the status, as in `200!`"))
    } else if is_escaped(role) {
        Some((
            "an escape in it stands for no other character",
            "name the role as it stands in the token; one with a space or a comma in it has to be called otherwise there",
        ))
    } else if role.match_indices('+').any(parts_names) {
        Some((
            "nothing asks for two roles at once",
            "with a comma between two roles whoever holds one of them is let in; for those who hold both let the token name a role of its own",
        ))
    } else if is_alone && ["any", "anyone", "anybody"].iter().any(|any| role.eq_ignore_ascii_case(any)) {
        Some(("no word stands for every role", ANY))
    } else {
        None
    }
}

/// The role in what is written as its negation.
pub(super) fn negated(role: &str) -> Option<&str> {
    let rest = role.strip_prefix(['!', '-', '~', '^', '\u{ac}', '\u{2013}', '\u{2212}']);
    rest.filter(|rest| !rest.is_empty())
}

/// Whether a name is meant otherwise than it is read.
pub(super) fn is_odd(role: &str) -> bool {
    meant_otherwise(role, false).is_some()
}

fn is_word(text: &str) -> bool {
    text.len() > 1 && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}

/// Whether a text holds `%` and two hexadecimal digits.
fn is_escaped(text: &str) -> bool {
    let is_hex = |rest: &str| rest.get(..2).is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    text.match_indices('%').filter_map(|(at, _)| text.get(at + 1..)).any(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_5_names_that_are_meant_otherwise() {
        for (role, is_alone, what) in [
            ("!guest", true, "negations"),
            ("-guest", true, "negations"),
            ("~guest", false, "negations"),
            ("^guest", true, "negations"),
            ("\u{2212}guest", true, "negations"),
            ("admin*", true, "patterns"),
            ("team-?", true, "patterns"),
            ("^admin$", true, "patterns"),
            ("/admin/", true, "patterns"),
            (".*", true, "patterns"),
            ("*", false, "alone"),
            ("**", true, "alone"),
            ("$ADMIN_ROLE", true, "variable"),
            ("%ADMIN%", true, "variable"),
            ("admin!", true, "forces"),
            ("night%20shift", true, "escape"),
            ("admin+editor", true, "two roles"),
            ("any", true, "every role"),
        ] {
            let found = meant_otherwise(role, is_alone);
            assert!(found.is_some_and(|(is_none, _)| is_none.contains(what)), "{role}: {found:?}");
        }
        for role in
            ["admin", "team.blue", "site-editor_2", "c++", "a/b", "a@b", "100%", "us$", "-", "ünïcode", "any-admin"]
        {
            assert_eq!(meant_otherwise(role, true), None, "{role}");
        }
        assert_eq!(meant_otherwise("any", false), None);
    }
}
