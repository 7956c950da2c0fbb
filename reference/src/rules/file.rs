//! A whole rule file: lines are told apart, read one by one, and put together with what is wrong with them.

use std::ops::Range;

use super::fields;
use super::lint;
use super::parse::{Fault, Parts, read_line, split_from};
use super::pattern::Pattern;
use super::{Effect, Line, LineKind, Parsed, Rule, RuleSet};
use crate::path::is_authority;
use crate::problem::{Problem, Severity};
use crate::request::Origin;
use crate::span::Span;

/// Reads a whole file.
pub(super) fn file(bytes: &[u8]) -> Parsed {
    let mut reader = Reader::default();
    // RULES-13: a byte-order mark is no part of the first rule.
    let mark = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    let mut start = 0;
    for (at, line) in fields::lines(bytes).enumerate() {
        let skip = if at == 0 { mark } else { 0 };
        reader.line(LineText { bytes: line.get(skip..).unwrap_or_default(), start: start + skip, number: at + 1 });
        let kind = reader.kind;
        let span = Span { start, end: start + line.len(), line: at + 1, column: 1 };
        reader.parsed.lines.push(Line { span, kind });
        start += line.len();
    }
    let Reader { rules, unreadable, mut parsed, .. } = reader;
    parsed.rules = RuleSet::new(rules, unreadable);
    parsed.problems.extend(lint::problems(&parsed.rules));
    parsed.problems.sort_by_key(|problem| problem.span);
    parsed
}

/// A line, and where it stands.
#[derive(Clone, Copy)]
struct LineText<'a> {
    bytes: &'a [u8],
    start: usize,
    number: usize,
}

impl LineText<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        let before = self.bytes.get(..range.start).unwrap_or_default();
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        Span { start: self.start + range.start, end: self.start + range.end, line: self.number, column }
    }

    /// The line without white space around it.
    fn trimmed(&self) -> Range<usize> {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let start = self.bytes.iter().position(|byte| !is_space(byte)).unwrap_or(self.bytes.len());
        let end = self.bytes.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
        start..end
    }
}

impl Fault {
    fn problem(self, severity: Severity, line: LineText<'_>) -> Problem {
        let Fault { id, range, message, help } = self;
        Problem { id, severity, span: line.span(range), message, help, note: None, refuses_to_start: false }
    }
}

struct Reader {
    rules: Vec<Rule>,
    unreadable: Vec<Span>,
    parsed: Parsed,
    kind: LineKind,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { rules: Vec::new(), unreadable: Vec::new(), parsed: Parsed::default(), kind: LineKind::Blank }
    }
}

impl Reader {
    fn line(&mut self, line: LineText<'_>) {
        let range = line.trimmed();
        let content = line.bytes.get(range.clone()).unwrap_or_default();
        // RULES-1
        if content.is_empty() {
            self.kind = LineKind::Blank;
            return;
        }
        if content.starts_with(b"#") {
            self.kind = LineKind::Comment;
            return;
        }
        let line = LineText { bytes: content, start: line.start + range.start, number: line.number };
        let indent = range.start;
        let shift = |mut problem: Problem| {
            problem.span.column += indent;
            problem
        };
        let text = String::from_utf8_lossy(content);
        let mut span = line.span(0..content.len());
        span.column += indent;

        let mut remarks = Vec::new();
        match read_line(content, &mut remarks) {
            Ok(parts) => {
                self.parsed
                    .problems
                    .extend(remarks.into_iter().map(|(severity, fault)| shift(fault.problem(severity, line))));
                let Parts { origin, pattern, query, apply } = parts;
                self.put(Rule {
                    span,
                    text: text.into_owned(),
                    origin,
                    pattern,
                    query,
                    effect: Effect::Apply(Box::new(apply)),
                });
            }
            // RULES-9
            Err(fault) if fields::names_role(&fields::fields(&text)) => {
                let mut problem = shift(fault.problem(Severity::Error, line));
                match covering(content) {
                    Some((origin, pattern)) => {
                        problem.note = Some(format!(
                            "this line names a role, so nobody is admitted to `{}{pattern}` until it is corrected",
                            origin.as_ref().map(ToString::to_string).unwrap_or_default(),
                        ));
                        let text = text.into_owned();
                        self.put(Rule { span, text, origin, pattern, query: Vec::new(), effect: Effect::Seal });
                    }
                    None => {
                        problem.note = Some(
                            "this line names a role and its path cannot be read, so no gate starts with this file"
                                .to_owned(),
                        );
                        problem.refuses_to_start = true;
                        self.unreadable.push(span);
                        self.kind = LineKind::Error;
                    }
                }
                self.parsed.problems.push(problem);
            }
            // RULES-6
            Err(fault) => {
                self.parsed.problems.push(shift(fault.problem(Severity::Error, line)));
                self.kind = LineKind::Error;
            }
        }
    }

    fn put(&mut self, rule: Rule) {
        self.kind = LineKind::Rule(self.rules.len());
        self.rules.push(rule);
    }
}

/// RULES-9: what a line in error covers, if its path can be read at all.
fn covering(content: &[u8]) -> Option<(Option<Origin>, Pattern)> {
    let end = content.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(content.len());
    let field = content.get(..end).unwrap_or_default();
    let valid = match std::str::from_utf8(field) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(field.get(..error.valid_up_to())?).ok()?,
    };
    // A space that is none to the format ends the path as its author sees it.
    let valid = valid.split(char::is_whitespace).next()?;
    let (origin, path) = split_from(valid)?;
    let origin = match origin {
        // A host that cannot be read is every host.
        Some((scheme, host)) if is_authority(host) => Some(Origin::new(scheme, host)),
        _ => None,
    };
    let path = if path.is_empty() { "/" } else { path };
    let cut_short = valid.len() < field.len() && std::str::from_utf8(field).is_err();
    let pattern = if cut_short {
        Pattern::covering(path, path.len())
    } else {
        match Pattern::parse(path) {
            Ok((pattern, _)) => pattern,
            Err(fault) => fault.covering,
        }
    };
    Some((origin, pattern))
}
