//! Who gets in by a rule, as the text beside the cursor.

use std::fmt::Write as _;

use rolegate::rules::{RoleCondition, Rule};
use rolegate::span::RuleFile;
use rolegate_check::map::{Class, Row, Who};

use crate::checked::{Checked, Sites};
use crate::lines::Lines;

/// The rule of a file that a byte is a part of, by its place in the list.
pub(crate) fn rule_at(checked: &Checked, file: RuleFile, lines: &Lines<'_>, text: &str, at: usize) -> Option<usize> {
    let rules = || checked.rules.rules().iter().enumerate().filter(|(_, rule)| rule.span.file == file);
    let line = lines.line_of(at);
    if let Some((place, _)) = rules().find(|(_, rule)| line.contains(&rule.span.start)) {
        return Some(place);
    }
    if file != RuleFile::Toml {
        return None;
    }
    // An entry is known by its `from`, wherever that stands in it.
    let is_header = |line: &str| line.trim_start().starts_with('[') && !line.trim_start().starts_with("[redirects.");
    let start = (0..=line.start).rev().find(|at| {
        let line = text.get(*at..).and_then(|rest| rest.lines().next());
        (*at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n')) && line.is_some_and(is_header)
    })?;
    let rest = text.get(start..)?;
    let end = rest
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .find(|at| rest.get(*at..).and_then(|rest| rest.lines().next()).is_some_and(is_header));
    let entry = start..end.map_or(text.len(), |end| start + end);
    rules().find(|(_, rule)| entry.contains(&rule.span.start)).map(|(place, _)| place)
}

/// The text, in Markdown.
pub(crate) fn text(checked: &Checked, sites: &Sites, place: usize) -> Option<String> {
    let rule = checked.rules.rules().get(place)?;
    let mut text = format!("{}\n\n", headline(rule));
    let Some((visitors, row)) = sites.row(checked, place) else {
        text.push_str("Too many rules have a say about these paths to ask who gets what.");
        return Some(text);
    };
    let by_this: Vec<String> =
        visitors.iter().zip(&row.gets).filter(|(_, gets)| gets.by == Some(place)).map(|(who, _)| name(who)).collect();
    let decides = match by_this.len() {
        0 => "It decides for nobody".to_owned(),
        count if count == visitors.len() => "It decides for everybody".to_owned(),
        _ => format!("It decides for {}", by_this.join(", ")),
    };
    // Writing to a text does not fail.
    let _ = writeln!(text, "{decides} at {}{}:\n", code(&row.asked.target), circumstances(&row));
    text.push_str("| visitor | gets | by |\n| --- | --- | --- |\n");
    for (who, gets) in visitors.iter().zip(&row.gets) {
        let by = gets.by.and_then(|by| checked.rules.rules().get(by));
        let by = match by {
            Some(by) if by.span == rule.span => "this rule".to_owned(),
            Some(by) if by.span.file == rule.span.file => format!("line {}", by.span.line),
            Some(by) => format!("line {} of {}", by.span.line, by.span.file),
            None => "no rule".to_owned(),
        };
        let mark = if gets.class == Class::Open { "**" } else { "" };
        let _ = writeln!(text, "| {} | {mark}{}{mark} | {by} |", name(who), cell(&gets.words()));
    }
    Some(text)
}

/// What the rule says.
fn headline(rule: &Rule) -> String {
    let origin = rule.origin.as_ref().map(ToString::to_string).unwrap_or_default();
    let from = code(&format!("{origin}{}", rule.pattern));
    let Some(apply) = rule.apply() else {
        return format!("This line is in error and names a role, so it admits nobody to {from}.");
    };
    let (to, status) = (code(&apply.to.to_string()), apply.status);
    let does = match status {
        300..400 => format!("sends visitors of {from} to {to}, with the status {status}"),
        200 if rule.is_proxy() => format!("forwards what is asked at {from} to {to}"),
        200 => format!("shows {to} at {from}"),
        _ => format!("shows {to} at {from}, with the status {status}"),
    };
    let files = if apply.force { "whether there is a file or not" } else { "where there is no file" };
    let says = match rule.role() {
        None => format!("For everybody it {does}, {files}."),
        Some(role) if rule.protects() => {
            format!("A gate: for {} it {does}, {files}. To all others its paths are closed.", holders(role))
        }
        Some(role) => format!("For {} it {does}, {files}. It protects nothing.", holders(role)),
    };
    let parameters = rule.query.iter().map(|constraint| code(&String::from_utf8_lossy(&constraint.key)));
    let others = apply.conditions.others().iter();
    let others = others
        .map(|one| code(&format!("{}={}", one.key.name().unwrap_or("an unknown condition"), one.values.join(","))));
    let asked: Vec<String> = parameters.map(|key| format!("the parameter {key}")).chain(others).collect();
    if asked.is_empty() { says } else { format!("{says} It asks for {} besides.", asked.join(", ")) }
}

fn holders(role: &RoleCondition) -> String {
    match role {
        RoleCondition::AnyToken => "whoever holds a valid token".to_owned(),
        RoleCondition::AnyOf(roles) => {
            let roles: Vec<String> = roles.iter().map(|role| code(role)).collect();
            format!("the {} {}", if roles.len() == 1 { "role" } else { "roles" }, roles.join(", "))
        }
    }
}

fn circumstances(row: &Row) -> String {
    let host =
        row.asked.host.as_ref().map(|host| format!(" of {}", code(&format!("{}://{host}", row.asked.scheme.name()))));
    let when = if row.when.is_empty() { String::new() } else { format!(" with {}", cell(&row.when.join(", "))) };
    host.unwrap_or_default() + &when
}

fn name(who: &Who) -> String {
    match who {
        Who::Role(role) => code(role),
        Who::Anonymous | Who::Other => who.words().to_owned(),
    }
}

/// A text as code, within a cell of a table too.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() || c == '`' { '\u{fffd}' } else { c }).collect();
    format!("`{}`", text.replace('|', "\\|"))
}

/// A text that no part of becomes markup.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => cell.push('\u{fffd}'),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '<' | '>' | '&' | '!' | '#' => cell.extend(['\\', c]),
            c => cell.push(c),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use rolegate::rules::RuleSet;

    use super::*;

    #[test]
    fn what_a_rule_says() {
        for (line, says) in [
            (
                "/m/* /m/:splat 200! Role=admin",
                "A gate: for the role `admin` it shows `/m/:splat` at `/m/*`, whether there is a file or not. To all others its \
                 paths are closed.",
            ),
            (
                "https://a.example/m/* /m/:splat 200 Role=a,b",
                "A gate: for the roles `a`, `b` it shows `/m/:splat` at `https://a.example/m/*`, where there is no file. To all \
                 others its paths are closed.",
            ),
            (
                "/login /app 302! Role=*",
                "For whoever holds a valid token it sends visitors of `/login` to `/app`, with the status 302, whether there is \
                 a file or not. It protects nothing.",
            ),
            (
                "/a tab=x /b 301 Country=de,at",
                "For everybody it sends visitors of `/a` to `/b`, with the status 301, where there is no file. It asks for the \
                 parameter `tab`, `Country=de,at` besides.",
            ),
            (
                "/api/* https://up.example/:splat 200!",
                "For everybody it forwards what is asked at `/api/*` to `https://up.example/:splat`, whether there is a file or \
                 not.",
            ),
            (
                "/m/* /login 401",
                "For everybody it shows `/login` at `/m/*`, with the status 401, where there is no file.",
            ),
            ("/m/* 200! ROLE=a", "This line is in error and names a role, so it admits nobody to `/m/*`."),
        ] {
            let rules = RuleSet::parse(line.as_bytes()).rules;
            assert_eq!(rules.rules().first().map(headline).as_deref(), Some(says), "{line}");
        }
    }
}
