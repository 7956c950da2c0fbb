//! Who gets in by a rule, as the text beside the cursor.

use std::fmt::Write as _;

use rolegate::rules::Rule;
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

fn headline(rule: &Rule) -> String {
    match (rule.is_sealed(), rule.role()) {
        (true, _) => "This line is in error and names a role, so it admits nobody.".to_owned(),
        (false, Some(_)) if rule.protects() => {
            "A gate: what lies at its paths is for those alone whom it names.".to_owned()
        }
        (false, Some(_)) => "It sends those whom it names elsewhere, and protects nothing.".to_owned(),
        (false, None) => "A rule for everybody.".to_owned(),
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
