//! Reads a `_headers` file line by line.

use std::ops::Range;

use super::field::{Names, Part};
use super::password::{self, Closed};
use super::pattern::{HeaderPath, PathFault, PathFaultKind};
use super::{Block, ParsedHeaders};
use crate::cost::step;
use crate::problem::{Problem, Replacement, Severity};
use crate::reading::fields::{Field, fields, is_destination, is_like_role, names_role};
use crate::reading::{from, parts};
use crate::rules::{MAX_LINE, lines};
use crate::span::{RuleFile, Span};
use crate::words;

/// Reads a whole file.
pub(super) fn file(bytes: &[u8]) -> ParsedHeaders {
    let mut reader = Reader::default();
    let mut start = 0;
    for (at, line) in lines(bytes).enumerate() {
        let mark = if at == 0 { "\u{feff}".as_bytes() } else { b"" };
        let text = line.strip_prefix(mark).unwrap_or(line);
        let indented = text.trim_ascii_start();
        let (skipped, indent) = (line.len() - text.len(), text.len() - indented.len());
        let content = indented.trim_ascii_end();
        if !content.is_empty() && !content.starts_with(b"#") {
            reader.line(Line { content, start: start + skipped + indent, number: at + 1, indent });
        }
        start += line.len();
    }
    reader.parsed.rules.blocks.iter_mut().for_each(Block::close);
    reader.parsed
}

#[derive(Clone, Copy)]
struct Line<'a> {
    /// Without white space around it.
    content: &'a [u8],
    start: usize,
    number: usize,
    indent: usize,
}

impl Line<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        let before = self.content.get(..range.start).unwrap_or_default();
        let column = self.indent + String::from_utf8_lossy(before).chars().count() + 1;
        Span {
            file: RuleFile::Headers,
            start: self.start + range.start,
            end: self.start + range.end,
            line: self.number,
            column,
        }
    }
}

#[derive(Default)]
struct Reader {
    parsed: ParsedHeaders,
    names: Names,
    under: Under,
    closed: Closed,
}

/// Which path the next header line belongs to.
#[derive(Clone, Debug, Default)]
enum Under {
    /// None has been written yet.
    #[default]
    Nothing,
    /// One that cannot be read.
    Unreadable,
    /// That of the last block, as it was written.
    Path(String),
}

/// Why a piece of a file is not in force; the range is that of the bytes at fault.
pub(super) struct Fault {
    pub(super) id: &'static str,
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
    /// What the help names to write in the place of which bytes, where it names one thing.
    pub(super) instead: Option<(Range<usize>, String)>,
}

impl Fault {
    /// The fault as it is told, with the place of each range.
    pub(super) fn into_problem(self, place: impl Fn(&Range<usize>) -> Span) -> Problem {
        let Fault { id, range, message, help, instead } = self;
        let instead = instead.map(|(range, text)| Replacement { span: place(&range), text });
        Problem {
            id,
            severity: Severity::Error,
            span: place(&range),
            message,
            help,
            note: None,
            fix: None,
            refuses_to_start: false,
            advice: None,
            instead: instead.into_iter().collect(),
        }
    }
}

impl Reader {
    fn line(&mut self, line: Line<'_>) {
        let whole = 0..line.content.len();
        let read = std::str::from_utf8(line.content).map_err(|error| Fault {
            id: "not-utf-8",
            range: error.valid_up_to()..whole.end,
            message: "this line is not UTF-8 text".to_owned(),
            help: words::help::NOT_UTF_8.to_owned(),
            instead: None,
        });
        let read = read.and_then(|text| match text.len() > MAX_LINE {
            true => Err(Fault {
                id: "line-too-long",
                range: whole.clone(),
                message: words::message::line_too_long(text.len()),
                help: "write a shorter value".to_owned(),
                instead: None,
            }),
            false => Ok(text),
        });
        let lossy = String::from_utf8_lossy(line.content);
        step(1 + line.content.len());
        let fields = fields(&lossy);
        if is_rule(&fields) {
            (self.under, self.closed) = (Under::Unreadable, Closed::default());
            return self.rule(line, &lossy, &fields);
        }
        let result = if lossy.starts_with('/') {
            self.under = Under::Unreadable;
            self.closed = Closed::default();
            if let Some((path, rest)) = lossy.split_once(char::is_whitespace)
                && password::is_asked_for(rest)
            {
                self.under = HeaderPath::parse(path).map_or(Under::Unreadable, |_| Under::Path(path.to_owned()));
                self.password(line);
                self.under = Under::Unreadable;
                return;
            }
            read.and_then(|text| self.path(text))
        } else if password::is_asked_for(&lossy) {
            self.password(line);
            return;
        } else {
            read.and_then(|text| self.field(line, text))
        };
        if let Err(fault) = result {
            self.parsed.problems.push(fault.into_problem(|range| line.span(range.clone())));
        }
    }

    /// HEADERS-2
    fn path(&mut self, text: &str) -> Result<(), Fault> {
        let path = HeaderPath::parse(text).map_err(|fault| explain(text, fault))?;
        self.under = Under::Path(text.to_owned());
        self.parsed.rules.blocks.push(Block { path, fields: Vec::new(), more: Vec::new() });
        Ok(())
    }

    /// HEADERS-1, HEADERS-3, HEADERS-4
    fn field(&mut self, line: Line<'_>, text: &str) -> Result<(), Fault> {
        let Some((name, rest)) = text.split_once(':') else {
            return Err(Fault {
                id: "no-colon",
                range: 0..text.len(),
                message: "this is neither a path nor a header field".to_owned(),
                help: words::help::NO_COLON.to_owned(),
                instead: None,
            });
        };
        let (written, value) = (0..name.len(), rest.trim());
        let value_start = text.len() - rest.trim_start().len();
        let name = name.trim_end();
        if matches!(name, "http" | "https") && value.starts_with("//") {
            return Err(Fault {
                id: "url-for-path",
                range: 0..text.len(),
                message: "header fields are given to paths, not to URLs".to_owned(),
                help: words::help::URL_FOR_PATH.to_owned(),
                instead: path_of_url(value).map(|path| (0..text.len(), path.to_owned())),
            });
        }
        if let Under::Path(path) = &self.under
            && is_like_role(name)
        {
            let message = format!("`{name}` is a header field of the answers here, and `{path}` is open to everybody");
            let help = words::help::ROLE_IN_HEADERS.to_owned();
            let fault = Fault { id: "role-in-headers", range: 0..text.len(), message, help, instead: None };
            let problem = fault.into_problem(|range| line.span(range.clone()));
            self.parsed.problems.push(Problem { severity: Severity::Warning, ..problem });
        }
        match &self.under {
            Under::Path(_) => {}
            // The path has been reported.
            Under::Unreadable => return Ok(()),
            Under::Nothing => {
                return Err(Fault {
                    id: "no-path",
                    range: 0..text.len(),
                    message: "this header field stands under no path".to_owned(),
                    help: "write the path that it is for on a line before it, such as `/*`".to_owned(),
                    instead: None,
                });
            }
        }
        let (known, value) = self.names.read(name, value).map_err(|fault| Fault {
            range: match fault.part {
                Part::Name => written,
                Part::Value => value_start..value_start + value.len(),
                Part::Both => 0..text.len(),
            },
            id: fault.id,
            message: fault.message,
            help: fault.help,
            instead: fault.goes.then(|| (0..text.len(), String::new())),
        })?;
        if let Some(block) = self.parsed.rules.blocks.last_mut() {
            block.add(known, value);
        }
        Ok(())
    }

    /// HEADERS-2: a rule is in force nowhere but in `_redirects`. RULES-9: where it names a role, its path is closed.
    fn rule(&mut self, line: Line<'_>, text: &str, fields: &[Field<'_>]) {
        let range = 0..line.content.len();
        let span = line.span(range.clone());
        let (message, help) = ("a rule is not read here".to_owned(), words::help::RULE_IN_HEADERS.to_owned());
        let fault = Fault { id: "rule-in-headers", range, message, help, instead: None };
        let mut problem = fault.into_problem(|_| span);
        if names_role(fields) {
            match fields.first().and_then(|from| from::covering(from.text, false)) {
                Some((origin, pattern)) => {
                    problem.note = Some(parts::seal_note(origin.as_ref(), &pattern));
                    let text = format!("{text} (in `_headers`)");
                    self.parsed.seals.push(parts::seal(span, text, (origin, pattern)));
                }
                None => {
                    problem.note = Some(parts::UNREADABLE_NOTE.to_owned());
                    problem.refuses_to_start = true;
                    self.parsed.unreadable.push(span);
                }
            }
        }
        self.parsed.problems.push(problem);
    }

    /// HEADERS-6
    fn password(&mut self, line: Line<'_>) {
        let span = line.span(0..line.content.len());
        let path = match &self.under {
            Under::Path(path) => Some(path.as_str()),
            Under::Nothing | Under::Unreadable => None,
        };
        password::close(&mut self.parsed, span, path, &mut self.closed);
    }
}

/// Whether a line is a rule: a path, and behind it a destination, a status or a role.
fn is_rule(fields: &[Field<'_>]) -> bool {
    let is_status = |field: &Field<'_>| parts::read_status(field.text.trim_end_matches('!')).is_some();
    match fields.split_first() {
        Some((from, rest)) if is_destination(from.text) => {
            rest.iter().any(|field| is_destination(field.text) || is_status(field)) || names_role(fields)
        }
        _ => false,
    }
}

/// HEADERS-2: why `text` is no path.
pub(super) fn explain(text: &str, PathFault { range, kind }: PathFault) -> Fault {
    let at_fault = text.get(range.clone()).unwrap_or(text);
    let (id, message, help) = match kind {
        PathFaultKind::Space => {
            ("path-space", "a path stands alone on its line".to_owned(), words::help::PATH_SPACE.to_owned())
        }
        PathFaultKind::Delimiter => (
            "path-query",
            format!("`{at_fault}` holds a query or a fragment, and header fields are given to paths"),
            words::help::PATH_QUERY.to_owned(),
        ),
        PathFaultKind::Dots => (
            "path-dots",
            format!("no request path holds the segment `{at_fault}`"),
            "write the path without dot segments".to_owned(),
        ),
        PathFaultKind::Refused(refused) => (
            "path-unreadable",
            format!("no request matches this path: {refused}"),
            words::help::PATH_UNREADABLE.to_owned(),
        ),
    };
    // What no browser sends goes; what a `#` or a `?` of the path itself would be nobody has said.
    let path = text.split(['?', '#']).next().filter(|_| kind == PathFaultKind::Delimiter);
    let instead = path.map(|path| (path.len()..text.len(), String::new()));
    Fault { id, range, message, help, instead }
}

/// The path of a URL whose scheme is taken away.
fn path_of_url(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("//")?;
    rest.find('/').and_then(|at| rest.get(at..))
}
