//! `netlify.toml`: each of its `[[redirects]]` becomes a rule, in the order in which they stand (TOML-1 to TOML-3).
//!
//! The same pieces as in `_redirects`, under names of their own. RULES-9 holds here too: an entry that names a role and
//! cannot be read is sealed, and where its path cannot be read, or the file cannot and names a role, no gate starts.

mod entry;

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::{is_like_role, is_like_role_joined, is_unseen, within_one_edit};
use super::file::Read;
use super::instead::Instead;
use super::parts::{self, Fault, Parts, Remarks, UNREADABLE_NOTE, seal, seal_note};
use crate::problem::Severity;
use crate::reading::netlify_toml::{Document, NoToml, TomlFile};
use crate::rules::{Effect, Rule};
use crate::span::{Places, Span};
use crate::words;

/// Reads a whole file.
pub(crate) fn read(document: &Document<'_>) -> Read {
    let mut reader = Reader { file: &document.file, read: Read::default() };
    let text = document.text();
    match &document.root {
        Ok(root) => reader.document(&text, root.get_ref()),
        Err(NoToml::Syntax(error)) => {
            let message = format!("this is no TOML: {}", error.message().replace('\n', ", "));
            let range = error.span().unwrap_or(0..0);
            let (before, rest) = text.split_at_checked(range.start).unwrap_or_default();
            let (help, heading) = syntax_help(error.message(), before, rest);
            let fault = Fault::at(range.clone(), "toml-syntax", message, help);
            let fault = match (unquoted(&text, range.start), heading) {
                (Some((place, instead)), _) => fault.told(place, instead),
                (None, Some(heading)) => in_double_brackets(fault, &text, heading),
                (None, None) => fault,
            };
            reader.unparsed(&text, fault);
        }
        Err(NoToml::NotUtf8(error)) => {
            let at = error.valid_up_to();
            let range = at..error.error_len().map_or(document.file.bytes().len(), |length| at + length);
            let (message, help) = (format!("byte {at} of this file is not UTF-8"), words::help::NOT_UTF_8.to_owned());
            reader.unparsed(&text, Fault::at(range, "invalid-utf8", message, help));
        }
    }
    reader.read.rules.sort_by_key(|rule| rule.span);
    reader.read.problems.sort_by_key(|problem| problem.span);
    reader.read
}

/// What to write instead of the value of the line that this byte is of, where that is neither quoted nor of another type, and where it
/// stands.
fn unquoted(text: &str, at: usize) -> Option<(Range<usize>, Instead)> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(start..)?.lines().next()?;
    let (key, rest) = line.split_once('=')?;
    let indent = key.get(..key.len() - key.trim_start().len())?;
    let written = rest.split('#').next()?;
    let value = written.trim();
    let begin = start + key.len() + 1 + (written.len() - written.trim_start().len());
    let is_plain = |text: &str| !text.is_empty() && !text.contains(['"', '\'', '\\', '[', ']', '{', '}', ',', '=']);
    if !is_plain(key.trim()) || !is_plain(value) || value.len() > MAX_SHOWN || at < begin {
        return None;
    }
    let status = value.strip_suffix('!').filter(|digits| parts::read_status(digits).is_some());
    let small = value.to_lowercase();
    let (help, text) = match (key.trim(), status) {
        ("status", Some(code)) => (
            format!("write `{code}` and, to force, `force = true` on a line of its own"),
            format!("{code}\n{indent}force = true"),
        ),
        ("force", _) if matches!(small.as_str(), "true" | "false") => {
            (format!("write `{small}`, in small letters"), small)
        }
        ("status" | "force", _) => return None,
        _ => (format!("a text stands in quotation marks: write `\"{value}\"`"), format!("\"{value}\"")),
    };
    let help = format!("{help}; until then no rule of this file is in force");
    Some((begin..begin + value.len(), Instead::new(help, text)))
}

/// No longer text is repeated in what is said about it.
const MAX_SHOWN: usize = 80;

/// What is wrong where a list of entries has this heading, in single brackets, each time.
fn in_double_brackets(fault: Fault, text: &str, name: &str) -> Fault {
    let mut start = 0;
    text.split_inclusive('\n').fold(fault, |fault, line| {
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        if line.trim() != name {
            return fault;
        }
        fault.writing(at..at, "[").writing(at + name.len()..at + name.len(), "]")
    })
}

/// Whether a field of this name in the conditions of an entry has slid there from above their heading.
pub(super) fn is_field(name: &str) -> bool {
    ["force", "from", "signed", "status", "to"].contains(&name)
}

/// What to do about a file that is no TOML, which ends here to be any, and the heading that is to have double brackets.
fn syntax_help(message: &str, before: &str, rest: &str) -> (&'static str, Option<&'static str>) {
    if message.contains("duplicate key") {
        let mut headings = before.lines().rev().chain(rest.lines().take(1)).map(str::trim);
        match headings.find(|line| ["[headers]", "[redirects]"].contains(line)) {
            Some("[headers]") => {
                let help = "a list of entries has two brackets: write `[[headers]]` for each in the place of `[headers]`; until then no \
                            rule of this file is in force";
                return (help, Some("[headers]"));
            }
            Some(_) => {
                let help = "a list of entries has two brackets: write `[[redirects]]` for each in the place of `[redirects]`; until \
                            then no rule of this file is in force";
                return (help, Some("[redirects]"));
            }
            None => {}
        }
        let help =
            "write what stands under both names under one, each key once; until then no rule of this file is in force";
        return (help, None);
    }
    let help = match rest.trim_start().as_bytes() {
        [b'/', ..] => {
            "a line that begins with a path stands in `_redirects`; until it is gone no rule of this file is in force"
        }
        [b'{', ..] => {
            "write `[[redirects]]` and `name = value` below it, this is JSON; until then no rule of this file is in force"
        }
        _ => "correct this place; until then no rule of this file is in force",
    };
    (help, None)
}

struct Reader<'a> {
    file: &'a TomlFile<'a>,
    read: Read,
}

impl Reader<'_> {
    /// A file that cannot be read at all.
    fn unparsed(&mut self, text: &str, fault: Fault) {
        let span = self.file.span(&fault.range);
        let mut problem = fault.into_problem(Severity::Error, |range| self.file.span(range));
        // RULES-9
        let mut words = text.split(|c: char| !(c.is_alphanumeric() || is_unseen(c)));
        if words.any(|word| word.split(is_unseen).any(is_like_role) || is_like_role_joined(word)) {
            problem.note = Some("no gate starts with this file, because it names a role and cannot be read".to_owned());
            problem.refuses_to_start = true;
            self.read.unreadable.push(span);
        }
        self.read.problems.push(problem);
    }

    fn document(&mut self, text: &str, root: &DeTable<'_>) {
        for (key, value) in root {
            let (name, table) = (key.get_ref().as_ref(), value.get_ref());
            if name == "redirects" {
                self.redirects(text, key.span(), value);
            } else if name.to_lowercase().starts_with("condition") && names_role("", table) {
                let message = format!("`{name}` stands in no rule, so no rule asks for this role");
                let help = "write `[redirects.conditions]`, below the rule that it is for".to_owned();
                self.refused(Fault::at(key.span(), "toml-misplaced", message, help), value);
            } else {
                self.misplaced(key.get_ref(), key.span(), value);
            }
        }
    }

    /// TOML-1: `[[redirects]]`, an array of tables.
    fn redirects(&mut self, text: &str, key: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let DeValue::Array(entries) = value.get_ref() else {
            let message = words::message::TOML_REDIRECTS.to_owned();
            let help = "write `[[redirects]]`, in double brackets, above every rule".to_owned();
            let fault = Fault::at(key.clone(), "toml-redirects", message, help);
            let around = (key.start.checked_sub(1), key.end + 1);
            let is_heading = around.0.is_some_and(|start| {
                let begins = text.get(..start).is_none_or(|before| before.is_empty() || before.ends_with('\n'));
                begins && text.get(start..around.1) == Some("[redirects]")
            });
            let fault = match is_heading {
                true => fault.writing(key.start..key.start, "[").writing(key.end..key.end, "]"),
                false => fault,
            };
            self.refused(fault, value);
            return;
        };
        for entry in entries {
            let DeValue::Table(table) = entry.get_ref() else {
                let message = "this is no table, so it is no rule".to_owned();
                let help = "write `[[redirects]]`, and the fields of the rule below it".to_owned();
                self.refused(Fault::at(entry.span(), "toml-redirects", message, help), entry);
                continue;
            };
            let mut remarks = Remarks::new();
            match entry::read(text, entry.span(), table, &mut remarks) {
                Ok((parts, from, fields)) => {
                    for (severity, fault) in remarks {
                        self.read.problems.push(fault.into_problem(severity, |range| self.file.span(range)));
                    }
                    let Parts { origin, pattern, query, apply } = parts;
                    let places = Places::of(fields.into_iter().map(|(name, at)| (name, self.file.span(&at))));
                    self.put(&from, |span| {
                        let effect = Effect::Apply(Box::new(apply));
                        Rule { span, text: String::new(), origin, pattern, query, effect, places }
                    });
                }
                Err(fault) => self.refused(fault, entry),
            }
        }
    }

    /// A list of redirects where nobody looks for one: its gates would not be in force.
    fn misplaced(&mut self, key: &str, range: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let lists = matches!(value.get_ref(), DeValue::Array(_) | DeValue::Table(_));
        if lists && is_like_redirects(key) {
            let message = format!("`{key}` is not read here, so none of its rules is in force");
            let help = words::help::TOML_MISPLACED.to_owned();
            self.refused(Fault::at(range, "toml-misplaced", message, help), value);
            return;
        }
        match value.get_ref() {
            DeValue::Table(table) => {
                for (key, value) in table {
                    self.misplaced(key.get_ref(), key.span(), value);
                }
            }
            DeValue::Array(items) => {
                for table in items.iter().filter_map(|item| item.get_ref().as_table()) {
                    for (key, value) in table {
                        self.misplaced(key.get_ref(), key.span(), value);
                    }
                }
            }
            _ => {}
        }
    }

    /// RULES-6, and RULES-9 for every table in `value` that names a role: it is sealed, or no gate starts.
    fn refused(&mut self, fault: Fault, value: &Spanned<DeValue<'_>>) {
        let span = self.file.span(&fault.range);
        let mut problem = fault.into_problem(Severity::Error, |range| self.file.span(range));
        let single = std::slice::from_ref(value);
        let tables = match value.get_ref() {
            DeValue::Array(items) => items.get(..).unwrap_or_default(),
            _ => single,
        };
        for table in tables.iter().filter(|table| names_role("", table.get_ref())) {
            match table.get_ref().as_table().and_then(entry::covering) {
                Some((from, (origin, pattern))) => {
                    problem.note = Some(seal_note(origin.as_ref(), &pattern));
                    self.put(&from, |span| seal(span, String::new(), (origin, pattern)));
                }
                None => {
                    problem.note = Some(UNREADABLE_NOTE.to_owned());
                    problem.refuses_to_start = true;
                    self.read.unreadable.push(span);
                    break;
                }
            }
        }
        self.read.problems.push(problem);
    }

    fn put(&mut self, from: &Range<usize>, rule: impl FnOnce(Span) -> Rule) {
        let mut rule = rule(self.file.span(from));
        rule.text = rule.to_string();
        self.read.rules.push(rule);
    }
}

/// RULES-9: whether a role is named by a key, or by a text but for the path with which it begins.
fn names_role(key: &str, value: &DeValue<'_>) -> bool {
    let is_place = matches!(key, "from" | "origin" | "to" | "destination");
    is_role_named(key)
        || match value {
            DeValue::String(text) => {
                if is_place {
                    names_role_behind_path(text)
                } else {
                    is_role_named(text)
                }
            }
            DeValue::Array(items) => items.iter().any(|item| names_role("", item.get_ref())),
            DeValue::Table(table) => table.iter().any(|(key, value)| names_role(key.get_ref(), value.get_ref())),
            _ => false,
        }
}

/// Whether a text is like `role`, or a word of it.
fn is_role_named(text: &str) -> bool {
    let mut words = text.split(|c: char| is_unseen(c) || matches!(c, ',' | ';' | '&'));
    words.any(is_like_role) || is_like_role(text) || is_like_role_joined(text)
}

/// Whether a role is asked for behind the first word of a text, which is a path: by a word with an `=` or a colon, beside a status, or
/// behind a comma.
/// The name of a page may well have the word in it.
fn names_role_behind_path(text: &str) -> bool {
    text.trim().split_once(is_unseen).is_some_and(|(path, rest)| {
        let asks = |word: &str| word.contains(['=', ':', '\u{ff1d}', '\u{ff1a}']);
        let is_status = |word: &str| parts::read_status(word.trim_end_matches('!')).is_some();
        let mut words = rest.split(is_unseen);
        (asks(rest) || path.ends_with([',', ';']) || words.any(is_status)) && is_role_named(rest)
    })
}

fn is_like_redirects(key: &str) -> bool {
    let key: String = key.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    key.starts_with("redirect") || within_one_edit(&key, "redirects")
}

#[cfg(test)]
mod tests;
