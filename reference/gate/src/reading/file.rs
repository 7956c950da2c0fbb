//! A whole `_redirects` file: lines are told apart, read one by one, and put together with what is wrong with them.

use std::cell::OnceCell;
use std::ops::Range;

use super::fields;
use super::from;
use super::parse::read_line;
use super::parts::{self, Fault, Parts, UNREADABLE_NOTE, seal_note};
use super::{Line, LineKind};
use crate::cost::step;
use crate::problem::{Problem, Severity};
use crate::reading::columns::Columns;
use crate::rules::{Effect, Rule};
use crate::span::{Places, RuleFile, Span};
use crate::words;

/// What one rule file holds, before the rules of all files become one list.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) rules: Vec<Rule>,
    pub(crate) unreadable: Vec<Span>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) lines: Vec<Line>,
}

/// Reads a whole file.
pub(crate) fn read(bytes: &[u8]) -> Read {
    let mut reader = Reader { read: Read::default(), kind: LineKind::Blank };
    let (mut start, all) = (0, bytes);
    let mut first_alone = None;
    for (at, line) in fields::lines(bytes).enumerate() {
        // RULES-13: a byte-order mark is no part of the first rule.
        let mark = if at == 0 { "\u{feff}".as_bytes() } else { b"" };
        step(1 + line.len());
        let columns = OnceCell::new();
        let bytes = line.strip_prefix(mark).unwrap_or(line);
        let skipped = line.len() - bytes.len();
        reader.line(LineText { bytes, start: start + skipped, number: at + 1, columns: &columns });
        let kind = reader.kind;
        let span = Span { file: RuleFile::Redirects, start, end: start + line.len(), line: at + 1, column: 1 };
        reader.read.lines.push(Line { span, kind });
        start += line.len();
        // What ends the last line parts nothing, nor does one of several.
        let parts = || all.get(start).is_some_and(|next| !matches!(next, b'\r' | b'\n'));
        if first_alone.is_none() && line.ends_with(b"\r") && parts() {
            let column = String::from_utf8_lossy(bytes).chars().count();
            first_alone = Some(Span { start: start - 1, end: start, column, ..span });
        }
    }
    reader.read.problems.extend(first_alone.map(ended_by_cr));
    reader.read.problems.sort_by_key(|problem| problem.span);
    reader.read
}

/// RULES-1: a line that CR alone ends, which others take for a part of the next.
fn ended_by_cr(span: Span) -> Problem {
    let fault = Fault::at(0..0, "line-end", words::message::LINE_END, words::help::LINE_END);
    fault.into_problem(Severity::Warning, |_| span)
}

/// A line, and where it stands.
#[derive(Clone, Copy)]
struct LineText<'a> {
    bytes: &'a [u8],
    start: usize,
    number: usize,
    /// Counted where the first problem asks for them.
    columns: &'a OnceCell<Columns<'a>>,
}

impl LineText<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        let before = || self.columns.get_or_init(|| Columns::new(self.bytes)).between(0, range.start);
        let column = if range.start == 0 { 1 } else { before() + 1 };
        Span {
            file: RuleFile::Redirects,
            start: self.start + range.start,
            end: self.start + range.end,
            line: self.number,
            column,
        }
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
        self.into_problem(severity, |range| line.span(range.clone()))
    }
}

struct Reader {
    read: Read,
    kind: LineKind,
}

impl Reader {
    fn line(&mut self, line: LineText<'_>) {
        let range = line.trimmed();
        // RULES-9: a line that could not be trimmed is read as it stands; it is never taken for a blank one.
        let content = line.bytes.get(range.clone()).unwrap_or(line.bytes);
        // RULES-1
        if content.is_empty() {
            self.kind = LineKind::Blank;
            return;
        }
        if content.starts_with(b"#") {
            self.kind = LineKind::Comment;
            return;
        }
        let line = LineText { bytes: content, start: line.start + range.start, ..line };
        let indent = range.start;
        let shift = |mut problem: Problem| {
            problem.span.column += indent;
            problem.instead.iter_mut().for_each(|instead| instead.span.column += indent);
            problem
        };
        let text = || String::from_utf8_lossy(content);
        let mut span = line.span(0..content.len());
        span.column += indent;

        let mut remarks = Vec::new();
        match read_line(content, &mut remarks) {
            Ok(parts) => {
                self.read
                    .problems
                    .extend(remarks.into_iter().map(|(severity, fault)| shift(fault.problem(severity, line))));
                let Parts { origin, pattern, query, apply } = parts;
                self.put(Rule {
                    span,
                    // RULES-13: it is UTF-8, which is told sooner than what is not.
                    text: str::from_utf8(content).map_or_else(|_| text().into_owned(), str::to_owned),
                    origin,
                    pattern,
                    query,
                    effect: Effect::Apply(Box::new(apply)),
                    places: Places::default(),
                });
            }
            // RULES-9
            Err(fault) if fields::names_role(&fields::fields(&text())) => {
                let mut problem = shift(fault.problem(Severity::Error, line));
                match covering(content) {
                    Some((origin, pattern)) => {
                        problem.note = Some(seal_note(origin.as_ref(), &pattern));
                        let text = text().into_owned();
                        self.put(parts::seal(span, text, (origin, pattern)));
                    }
                    None => {
                        problem.note = Some(UNREADABLE_NOTE.to_owned());
                        problem.refuses_to_start = true;
                        self.read.unreadable.push(span);
                        self.kind = LineKind::Error;
                    }
                }
                self.read.problems.push(problem);
            }
            // RULES-6
            Err(fault) => {
                self.read.problems.push(shift(fault.problem(Severity::Error, line)));
                self.kind = LineKind::Error;
            }
        }
    }

    fn put(&mut self, rule: Rule) {
        self.kind = LineKind::Rule(self.read.rules.len());
        self.read.rules.push(rule);
    }
}

/// RULES-9: what a line in error covers, if its path can be read at all.
fn covering(content: &[u8]) -> Option<from::Covered> {
    let end = content.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(content.len());
    let field = content.get(..end).unwrap_or_default();
    let valid = match std::str::from_utf8(field) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(field.get(..error.valid_up_to())?).ok()?,
    };
    from::covering(valid, valid.len() < field.len())
}
