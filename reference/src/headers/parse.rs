//! Reads a `_headers` file line by line.

use std::collections::BTreeSet;
use std::ops::Range;

use hyper::header::{HeaderName, HeaderValue};

use super::pattern::{HeaderPath, PathFault, PathFaultKind};
use super::{Block, ParsedHeaders, apply};
use crate::problem::{Problem, Severity};
use crate::rules::{Effect, MAX_LINE, Pattern, Rule, lines};
use crate::span::{RuleFile, Span};

/// More header names than this in one file are refused: an answer has to carry them.
const MAX_NAMES: usize = 100;

/// Reads a whole file.
pub(super) fn file(bytes: &[u8]) -> ParsedHeaders {
    let mut reader = Reader::default();
    let mark = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    let mut start = 0;
    for (at, line) in lines(bytes).enumerate() {
        let skip = if at == 0 { mark } else { 0 };
        let is_space = |byte: &u8| byte.is_ascii_whitespace();
        let text = line.get(skip..).unwrap_or_default();
        let indent = text.iter().take_while(|byte| is_space(byte)).count();
        let content = text.get(indent..).unwrap_or_default().trim_ascii_end();
        if !content.is_empty() && !content.starts_with(b"#") {
            reader.line(Line { content, start: start + skip + indent, number: at + 1, indent });
        }
        start += line.len();
    }
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
    names: BTreeSet<String>,
    under: Under,
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

struct Fault {
    id: &'static str,
    range: Range<usize>,
    message: String,
    help: String,
}

impl Reader {
    fn line(&mut self, line: Line<'_>) {
        let whole = 0..line.content.len();
        let read = std::str::from_utf8(line.content).map_err(|error| Fault {
            id: "not-utf-8",
            range: error.valid_up_to()..whole.end,
            message: "this line is not UTF-8 text".to_owned(),
            help: "save the file as UTF-8".to_owned(),
        });
        let read = read.and_then(|text| match text.len() > MAX_LINE {
            true => Err(Fault {
                id: "line-too-long",
                range: whole.clone(),
                message: format!("this line has {} bytes; no more than {MAX_LINE} are read", text.len()),
                help: "write a shorter value".to_owned(),
            }),
            false => Ok(text),
        });
        let lossy = String::from_utf8_lossy(line.content);
        let result = if lossy.starts_with('/') {
            self.under = Under::Unreadable;
            if let Some((path, rest)) = lossy.split_once(char::is_whitespace)
                && asks_for_password(rest)
            {
                self.under = HeaderPath::parse(path).map_or(Under::Unreadable, |_| Under::Path(path.to_owned()));
                self.password(line);
                self.under = Under::Unreadable;
                return;
            }
            read.and_then(|text| self.path(text))
        } else if asks_for_password(&lossy) {
            self.password(line);
            return;
        } else {
            read.and_then(|text| self.field(text))
        };
        if let Err(Fault { id, range, message, help }) = result {
            self.parsed.problems.push(Problem {
                id,
                severity: Severity::Error,
                span: line.span(range),
                message,
                help,
                note: None,
                fix: None,
                refuses_to_start: false,
            });
        }
    }

    /// HEADERS-2
    fn path(&mut self, text: &str) -> Result<(), Fault> {
        let path = HeaderPath::parse(text).map_err(|fault| explain(text, fault))?;
        self.under = Under::Path(text.to_owned());
        self.parsed.rules.blocks.push(Block { path, fields: Vec::new() });
        Ok(())
    }

    /// HEADERS-1, HEADERS-3, HEADERS-4
    fn field(&mut self, text: &str) -> Result<(), Fault> {
        let Some((name, value)) = text.split_once(':') else {
            return Err(Fault {
                id: "no-colon",
                range: 0..text.len(),
                message: "this is neither a path nor a header field".to_owned(),
                help: "begin a path with `/`, and write a header field as `Name: value`".to_owned(),
            });
        };
        let (written, value) = (0..name.len(), value.trim());
        let name = name.trim_end();
        if matches!(name, "http" | "https") && value.starts_with("//") {
            return Err(Fault {
                id: "url-for-path",
                range: 0..text.len(),
                message: "header fields are given to paths, not to URLs".to_owned(),
                help: "leave scheme and host out, and begin with `/`".to_owned(),
            });
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
                });
            }
        }
        let Ok(known) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(Fault {
                id: "header-name",
                range: written,
                message: format!("`{name}` is no name of a header field"),
                help: "use letters, digits and hyphens".to_owned(),
            });
        };
        if apply::is_reserved(&known) {
            return Err(Fault {
                id: "header-reserved",
                range: written,
                message: format!("`{name}` is what the server itself says, and cannot be set"),
                help: match known.as_str() {
                    "location" => "write a rule with a redirect status into `_redirects`".to_owned(),
                    _ => "leave this line out".to_owned(),
                },
            });
        }
        let value_range = text.len().saturating_sub(value.len())..text.len();
        let value = match HeaderValue::from_bytes(value.as_bytes()) {
            Ok(checked) if !value.is_empty() => checked,
            Ok(_) => {
                return Err(Fault {
                    id: "header-value",
                    range: 0..text.len(),
                    message: format!("`{name}` has no value"),
                    help: "write the value behind the colon, or leave this line out".to_owned(),
                });
            }
            Err(_) => {
                return Err(Fault {
                    id: "header-value",
                    range: value_range,
                    message: format!("the value of `{name}` holds a control character"),
                    help: "write printable characters only".to_owned(),
                });
            }
        };
        if !self.names.contains(known.as_str()) {
            if self.names.len() >= MAX_NAMES {
                return Err(Fault {
                    id: "too-many-names",
                    range: written,
                    message: format!("this file names more than {MAX_NAMES} header fields"),
                    help: "leave some of them out".to_owned(),
                });
            }
            self.names.insert(known.as_str().to_owned());
        }
        if let Some(block) = self.parsed.rules.blocks.last_mut() {
            block.add(known, value);
        }
        Ok(())
    }

    /// HEADERS-6
    fn password(&mut self, line: Line<'_>) {
        let span = line.span(0..line.content.len());
        let message = "`Basic-Auth` asks for a password, which this gate does not know how to ask for".to_owned();
        let help = "close the path with a rule in `_redirects` that asks for a role, and take this line out".to_owned();
        let (note, refuses_to_start) = match &self.under {
            Under::Path(path) => {
                let pattern = Pattern::covering_star(path);
                let note = format!("nobody is admitted to `{pattern}` until this line is gone");
                self.parsed.rules.seals.push(Rule {
                    span,
                    text: format!("{path} (`Basic-Auth` in `_headers`)"),
                    origin: None,
                    pattern,
                    query: Vec::new(),
                    effect: Effect::Seal,
                });
                (note, false)
            }
            Under::Nothing | Under::Unreadable => {
                self.parsed.rules.unreadable.push(span);
                ("this line stands under no path that can be read, so no gate starts with this file".to_owned(), true)
            }
        };
        self.parsed.problems.push(Problem {
            id: "basic-auth",
            severity: Severity::Error,
            span,
            message,
            help,
            note: Some(note),
            fix: None,
            refuses_to_start,
        });
    }
}

impl Block {
    /// HEADERS-3: a name that comes again under the same path adds to the value.
    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        let Some((_, before)) = self.fields.iter_mut().find(|(known, _)| *known == name) else {
            self.fields.push((name, value));
            return;
        };
        let joined = [before.as_bytes(), b", ", value.as_bytes()].concat();
        if let Ok(joined) = HeaderValue::from_bytes(&joined) {
            *before = joined;
        }
    }
}

/// HEADERS-6: whether a line means `Basic-Auth`, however its name is written.
fn asks_for_password(line: &str) -> bool {
    let letters = line.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase);
    letters.take("basicauth".len()).eq("basicauth".chars())
}

fn explain(text: &str, PathFault { range, kind }: PathFault) -> Fault {
    let at_fault = text.get(range.clone()).unwrap_or(text);
    let (id, message, help) = match kind {
        PathFaultKind::Space => (
            "path-space",
            "a path stands alone on its line".to_owned(),
            "write header fields on lines of their own, and a space in a path as `%20`".to_owned(),
        ),
        PathFaultKind::Delimiter => (
            "path-query",
            format!("`{at_fault}` holds a query or a fragment, and header fields are given to paths"),
            "leave out what begins with `?` or `#`".to_owned(),
        ),
        PathFaultKind::Dots => (
            "path-dots",
            format!("no request path holds the segment `{at_fault}`"),
            "write the path without dot segments".to_owned(),
        ),
        PathFaultKind::Refused(refused) => (
            "path-unreadable",
            format!("no request matches this path: {refused}"),
            "write the characters themselves, or valid escapes such as `%20`".to_owned(),
        ),
    };
    Fault { id, range, message, help }
}
