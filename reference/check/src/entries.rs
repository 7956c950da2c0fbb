//! Advice as text of `netlify.toml`: the values of an entry that change, or entries in the place of one (LINT-1).
//!
//! What comes of it is read once more. Where it is not rule by rule what was proved, nothing is written.

use std::ops::Range;

use rolegate::problem::{Advice, Edit, Replacement};
use rolegate::rules::{Apply, Effect, QueryValue, RoleCondition, Rule, RuleFiles, RuleSet, lines};
use rolegate::span::RuleFile;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// Text in the place of bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The bytes that go; none where text is put between two.
    pub range: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

/// What the advice writes into the rule files. `None` where an entry of `netlify.toml` is written in a way in which it cannot be changed
/// by itself.
pub fn written(advice: &Advice, files: RuleFiles<'_>) -> Option<Vec<(RuleFile, Change)>> {
    let mut written = Vec::new();
    for Edit { span, lines } in advice.edits.iter().filter(|edit| edit.span.file != RuleFile::Toml) {
        let bytes = if span.file == RuleFile::Headers { files.headers } else { files.redirects };
        let range = if lines.is_empty() { line_of(bytes, span.start) } else { span.start..span.end };
        written.push((span.file, Change { range, text: lines.join("\n") }));
    }
    if advice.edits.iter().any(|edit| edit.span.file == RuleFile::Toml) {
        written.extend(changes(advice, files.toml)?.into_iter().map(|change| (RuleFile::Toml, change)));
    }
    let texts = advice
        .texts
        .iter()
        .map(|Replacement { span, text }| (span.file, Change { range: span.start..span.end, text: text.clone() }));
    written.extend(texts);
    Some(written)
}

/// The line that a byte is of, with what ends it.
fn line_of(bytes: &[u8], at: usize) -> Range<usize> {
    let mut end = 0;
    for line in lines(bytes) {
        let start = end;
        end += line.len();
        if at < end {
            return start..end;
        }
    }
    end..end
}

/// What the advice writes into `netlify.toml`, in the order of the places. `None` where an entry is written in a way in which it
/// cannot be changed by itself.
pub fn changes(advice: &Advice, toml: &[u8]) -> Option<Vec<Change>> {
    let text = std::str::from_utf8(toml).ok()?;
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let file = File::read(text.get(mark..)?)?;
    let before = rules_of(toml);
    let mut wanted: Vec<Vec<Rule>> = before.iter().map(|rule| vec![rule.clone()]).collect();
    let mut changes = Vec::new();
    for edit in advice.edits.iter().filter(|edit| edit.span.file == RuleFile::Toml) {
        let place = before.iter().position(|rule| rule.span == edit.span)?;
        let old = before.get(place)?;
        let new = in_place_of(old, &edit.lines)?;
        changes.extend(file.entry(edit.span.start.checked_sub(mark)?)?.becomes(old, &new)?);
        *wanted.get_mut(place)? = new;
    }
    changes.iter_mut().for_each(|change| change.range = change.range.start + mark..change.range.end + mark);
    changes.sort_by_key(|change| change.range.start);
    let after = rules_of(applied(text, 0, &changes)?.as_bytes());
    let is_same = |(one, other): (&Rule, &Rule)| is_for_the_same(one, other) && one.effect == other.effect;
    let wanted: Vec<Rule> = wanted.into_iter().flatten().collect();
    (after.len() == wanted.len() && after.iter().zip(&wanted).all(is_same)).then_some(changes)
}

fn rules_of(toml: &[u8]) -> Vec<Rule> {
    let read = RuleSet::read(RuleFiles { redirects: b"", toml, headers: b"" });
    read.rules.rules().iter().filter(|rule| rule.span.file == RuleFile::Toml).cloned().collect()
}

/// The rules that lines of the advice say. The one that the entry becomes keeps the headers of that, for which a line has no spelling.
fn in_place_of(old: &Rule, lines: &[String]) -> Option<Vec<Rule>> {
    let rules = lines.iter().map(|line| match RuleSet::parse(line.as_bytes()).rules.rules() {
        [rule] => Some(rule.clone()),
        _ => None,
    });
    let mut rules = rules.collect::<Option<Vec<Rule>>>()?;
    let kept = kept(old, &rules).and_then(|place| rules.get_mut(place));
    if let (Some(Effect::Apply(new)), Effect::Apply(old)) = (kept.map(|rule| &mut rule.effect), &old.effect) {
        new.headers.clone_from(&old.headers);
    }
    Some(rules)
}

/// Which of the rules the entry becomes: the one for the same requests, or else the first one for other paths that asks for the same.
fn kept(old: &Rule, new: &[Rule]) -> Option<usize> {
    let asks = |rule: &Rule| rule.apply().map(|apply| apply.conditions.clone());
    let is_wider = |rule: &Rule| (&rule.origin, &rule.query, asks(rule)) == (&old.origin, &old.query, asks(old));
    new.iter().position(|rule| is_for_the_same(old, rule)).or_else(|| new.iter().position(is_wider))
}

fn is_for_the_same(one: &Rule, other: &Rule) -> bool {
    (&one.origin, &one.pattern, &one.query) == (&other.origin, &other.pattern, &other.query)
}

/// A stretch of `text`, which begins at `start` of the file, with what changes in it.
fn applied(text: &str, start: usize, changes: &[Change]) -> Option<String> {
    let mut written = String::new();
    let mut at = 0;
    for Change { range, text: new } in changes {
        written.push_str(text.get(at..range.start.checked_sub(start)?)?);
        written.push_str(new);
        at = range.end.checked_sub(start)?;
    }
    written.push_str(text.get(at..)?);
    Some(written)
}

/// The file without a byte-order mark.
struct File<'t> {
    text: &'t str,
    root: Spanned<DeTable<'t>>,
    /// What ends its lines.
    newline: &'static str,
}

impl<'t> File<'t> {
    fn read(text: &'t str) -> Option<File<'t>> {
        let root = DeTable::parse(text).ok()?;
        Some(File { text, root, newline: if text.contains("\r\n") { "\r\n" } else { "\n" } })
    }

    /// The entry with a value that begins at this byte, if it is written below a `[[redirects]]` of its own.
    fn entry(&self, at: usize) -> Option<Entry<'_>> {
        let DeValue::Array(entries) = self.root.get_ref().get("redirects")?.get_ref() else { return None };
        let mut tables = entries.iter().filter_map(|entry| entry.get_ref().as_table());
        let is_it = |table: &&DeTable<'_>| table.iter().any(|(_, value)| value.span().start == at);
        let table = tables.find(is_it)?;
        let mut entry: Option<(usize, usize)> = None;
        let (mut depth, mut is_first) = (0_usize, true);
        for token in Source::new(self.text).lex() {
            let (start, end) = (token.span().start(), token.span().end());
            match token.kind() {
                TokenKind::Newline => is_first = true,
                TokenKind::Comment | TokenKind::Whitespace | TokenKind::Eof => {}
                kind => {
                    if kind == TokenKind::LeftSquareBracket && is_first && depth == 0 {
                        let header = self.text.get(end..).unwrap_or_default();
                        let list = header.strip_prefix('[');
                        let name = list.unwrap_or(header).split([']', '\n']).next().unwrap_or_default().trim();
                        let is_own =
                            list.is_none() && name.split('.').next().is_some_and(|key| key.trim() == "redirects");
                        if !is_own {
                            if entry.is_some_and(|(own, _)| own <= at) && start > at {
                                break;
                            }
                            entry = (list.is_some() && name == "redirects").then_some((start, end));
                        }
                    }
                    match kind {
                        TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
                        TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    is_first = false;
                    if let Some((_, last)) = &mut entry {
                        *last = end;
                    }
                }
            }
        }
        let (start, last) = entry.filter(|(start, last)| (start..last).contains(&&at))?;
        let range = self.line_start(start)..self.line_end(last);
        Some(Entry { file: self, table, range })
    }

    fn line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
    }

    /// Where the line ends, before what ends it.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }
}

/// A `[[redirects]]` with what stands below it.
struct Entry<'f> {
    file: &'f File<'f>,
    table: &'f DeTable<'f>,
    /// Its lines, without what ends the last one.
    range: Range<usize>,
}

impl Entry<'_> {
    /// The changes that write these rules in the place of the entry, which is `old`.
    fn becomes(&self, old: &Rule, new: &[Rule]) -> Option<Vec<Change>> {
        let kept = kept(old, new);
        let values = match kept.and_then(|place| new.get(place)) {
            Some(rule) => self.values(old, rule)?,
            None => Vec::new(),
        };
        if let ([_], Some(_)) = (new, kept) {
            return Some(values);
        }
        let own = self.file.text.get(self.range.clone())?;
        let own = applied(own, self.range.start, &values)?;
        let written =
            |(place, rule): (usize, &Rule)| if Some(place) == kept { Some(own.clone()) } else { self.written(rule) };
        let entries = new.iter().enumerate().map(written).collect::<Option<Vec<String>>>()?;
        let mut range = self.range.clone();
        if entries.is_empty() {
            // The lines go with what ends them, and with one empty line of the two around them.
            for _ in 0..2 {
                let rest = self.file.text.get(range.end..).unwrap_or_default();
                range.end += [self.file.newline].iter().find(|end| rest.starts_with(**end)).map_or(0, |end| end.len());
            }
        }
        let between = [self.file.newline; 2].concat();
        Some(vec![Change { range, text: entries.join(&between) }])
    }

    /// What changes in the entry where its rule becomes another one.
    fn values(&self, old: &Rule, new: &Rule) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        if old.pattern != new.pattern {
            changes.push(self.set(&["from", "origin"], &quoted(&written_from(new)))?);
        }
        let (Effect::Apply(old), Effect::Apply(new)) = (&old.effect, &new.effect) else { return None };
        if old.to != new.to {
            changes.push(self.set(&["to", "destination"], &quoted(&new.to.to_string()))?);
        }
        if old.status != new.status {
            changes.push(self.set(&["status"], &new.status.to_string())?);
        }
        if old.force != new.force {
            changes.push(self.set(&["force"], &new.force.to_string())?);
        }
        if old.conditions.role != new.conditions.role {
            let roles = roles(new.conditions.role.as_ref()?);
            changes.push(self.set_role(&roles)?);
        }
        changes.sort_by_key(|change| change.range.start);
        // Several that are put in at one place are one.
        let mut merged: Vec<Change> = Vec::new();
        for change in changes {
            match merged.last_mut().filter(|last| last.range == change.range) {
                Some(last) => last.text += &change.text,
                None => merged.push(change),
            }
        }
        Some(merged)
    }

    fn value(&self, keys: &[&str]) -> Option<&Spanned<DeValue<'_>>> {
        self.table.iter().find(|(key, _)| keys.contains(&key.get_ref().as_ref())).map(|(_, value)| value)
    }

    /// Writes a value under the first of the keys, or under the one that is there.
    fn set(&self, keys: &[&str], value: &str) -> Option<Change> {
        match self.value(keys) {
            Some(old) => Some(Change { range: old.span(), text: value.to_owned() }),
            None => self.put(&format!("{} = {value}", keys.first()?)),
        }
    }

    fn set_role(&self, roles: &str) -> Option<Change> {
        let Some(conditions) = self.value(&["conditions"]) else {
            return self.put(&format!("conditions = {{ Role = {roles} }}"));
        };
        let table = conditions.get_ref().as_table()?;
        if let Some((_, role)) = table.iter().find(|(key, _)| key.get_ref().as_ref() == "Role") {
            return Some(Change { range: role.span(), text: roles.to_owned() });
        }
        let start = conditions.span().start;
        self.file.text.get(start..)?.starts_with('{').then(|| Change {
            range: start + 1..start + 1,
            text: if table.is_empty() { format!(" Role = {roles} ") } else { format!(" Role = {roles},") },
        })
    }

    /// A further line below the one that holds `from`.
    fn put(&self, line: &str) -> Option<Change> {
        let from = self.value(&["from", "origin"])?.span();
        let at = self.file.line_end(from.end);
        Some(Change { range: at..at, text: [self.file.newline, self.indent()?, line].concat() })
    }

    /// What stands before the fields of this entry.
    fn indent(&self) -> Option<&str> {
        let from = self.value(&["from", "origin"])?.span();
        let line = self.file.text.get(self.file.line_start(from.start)..from.start)?;
        line.get(..line.len() - line.trim_start().len())
    }

    /// A rule as an entry of its own.
    fn written(&self, rule: &Rule) -> Option<String> {
        let Effect::Apply(apply) = &rule.effect else { return None };
        let Apply { to, status, force, conditions, headers, signed } = apply.as_ref();
        if !headers.is_empty() {
            return None;
        }
        let mut lines = vec![format!("from = {}", quoted(&written_from(rule)))];
        lines.push(format!("to = {}", quoted(&to.to_string())));
        lines.push(format!("status = {status}"));
        if *force {
            lines.push("force = true".to_owned());
        }
        if !rule.query.is_empty() {
            let pairs = rule.query.iter().map(|constraint| {
                let value = match &constraint.value {
                    QueryValue::Capture(name) => format!(":{name}"),
                    QueryValue::Literal(text) => String::from_utf8(text.clone()).ok()?,
                };
                Some(format!("{} = {}", quoted(&String::from_utf8(constraint.key.clone()).ok()?), quoted(&value)))
            });
            lines.push(format!("query = {{ {} }}", pairs.collect::<Option<Vec<_>>>()?.join(", ")));
        }
        let mut asked: Vec<String> = conditions.role.iter().map(|role| format!("Role = {}", roles(role))).collect();
        for condition in conditions.others() {
            asked.push(format!("{} = {}", condition.key.name()?, list(&condition.values)));
        }
        if !asked.is_empty() {
            lines.push(format!("conditions = {{ {} }}", asked.join(", ")));
        }
        lines.extend(signed.iter().map(|variable| format!("signed = {}", quoted(variable))));
        let header = self.file.text.get(self.range.start..)?.split('[').next()?;
        let (indent, newline) = (self.indent()?, self.file.newline);
        let fields: String = lines.iter().flat_map(|line| [newline, indent, line]).collect();
        Some(format!("{header}[[redirects]]{fields}"))
    }
}

fn written_from(rule: &Rule) -> String {
    let origin = rule.origin.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{origin}{}", rule.pattern)
}

fn roles(role: &RoleCondition) -> String {
    match role {
        RoleCondition::AnyToken => list(&["*".to_owned()]),
        RoleCondition::AnyOf(roles) => list(roles),
    }
}

fn list(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("[{}]", values.join(", "))
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            c if c.is_control() => written.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file with these lines in the place of the rule at `place`.
    fn follow(toml: &str, place: usize, lines: &[&str]) -> Option<String> {
        let span = rules_of(toml.as_bytes())[place].span;
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let changes = changes(&Advice { edits: vec![Edit { span, lines }], texts: Vec::new() }, toml.as_bytes())?;
        applied(toml, 0, &changes)
    }

    #[test]
    fn lint_1_a_value_changes_and_the_rest_stays() {
        let toml = "# mine\n[[redirects]]\n  to = '/b' # there\n  from = '/a/*' # here\n  status = 302\n  [redirects.headers]\n  X = 'y'\n\n# next\n[[headers]]\nfor = '/*'\n[headers.values]\nA = 'b'\n";
        let written = follow(toml, 0, &["/a/* /c 301! Role=x,y"]).unwrap();
        assert_eq!(
            written,
            toml.replace("'/b'", "\"/c\"")
                .replace("302", "301")
                .replace("# here\n", "# here\n  force = true\n  conditions = { Role = [\"x\", \"y\"] }\n")
        );
        let toml = "\u{feff}[[redirects]]\r\nfrom = '/a'\r\nto = '/b'\r\nforce = true\r\nconditions = {Role = ['x'], Country = ['de']}\r\n";
        assert_eq!(
            follow(toml, 0, &["/a /b 301 Role=* Country=de"]).unwrap(),
            toml.replace("true", "false").replace("['x']", "[\"*\"]")
        );
        let toml = "[[redirects]]\nfrom = '/a'\nto = '/b'\nconditions = {Country = ['de']}";
        assert_eq!(
            follow(toml, 0, &["/a /b 301! Role=x Country=de"]).unwrap(),
            "[[redirects]]\nfrom = '/a'\nforce = true\nto = '/b'\nconditions = { Role = [\"x\"],Country = ['de']}"
        );
    }

    #[test]
    fn lint_1_entries_are_written_beside_one_and_taken_out() {
        let toml = "[[redirects]]\n  from = '/a/*'\n  status = 200\n  force = true\n  conditions = { Role = ['x'] }\n\n# the second\n[[redirects]]\nfrom = '/b'\nto = '/c'\n";
        let fallback = "[[redirects]]\n  from = \"/a/*\"\n  to = \"/login?at=:splat\"\n  status = 302\n  force = true\n\n# the second";
        assert_eq!(
            follow(toml, 0, &["/a/* /a/:splat 200! Role=x", "/a/* /login?at=:splat 302!"]).unwrap(),
            toml.replace("# the second", fallback)
        );
        assert_eq!(follow(toml, 0, &[]).unwrap(), "# the second\n[[redirects]]\nfrom = '/b'\nto = '/c'\n");
        let asks = "[[redirects]]\nfrom = \"/b\"\nto = \"/d\"\nstatus = 302\nquery = { \"q\" = \":q\" }\nconditions = { Role = [\"x\"], Language = [\"en\", \"de\"] }\n\n[[redirects]]\nfrom = '/b'";
        assert_eq!(
            follow(toml, 1, &["/b q=:q /d 302 Role=x Language=en,de", "/b /c 301"]).unwrap(),
            toml.replace("[[redirects]]\nfrom = '/b'", asks)
        );
    }

    #[test]
    fn lint_1_what_cannot_be_changed_by_itself_stays() {
        // No lines of its own.
        assert_eq!(follow("redirects = [{ from = '/a', to = '/b' }]\n", 0, &["/a /c 301"]), None);
        // A condition is taken away, or is another one.
        let toml = "[[redirects]]\nfrom = '/a'\nto = '/b'\nconditions = {Role = ['x'], Country = ['de']}\n";
        assert_eq!(follow(toml, 0, &["/a /b 301 Country=de"]), None);
        assert_eq!(follow(toml, 0, &["/a /b 301 Role=x Country=fr"]), None);
        // A line that is no rule.
        assert_eq!(follow(toml, 0, &["# nothing"]), None);
    }
}
