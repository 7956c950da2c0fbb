//! What is wrong with a line of a rule file, where, and what to write instead (RULES-6).

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use crate::span::Span;

pub mod catalogue;

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The line is not in force as written.
    Error,
    /// The line is in force, and may not mean what its author thinks.
    Warning,
}

/// One finding about one place in a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable name of the kind of problem, in kebab case.
    pub id: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The text at fault.
    pub span: Span,
    /// What is wrong, in one lower-case sentence.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// What this gate does for visitors, where the catalogue cannot say it so exactly: a sealed path, a gate that does
    /// not start, the file that is served.
    pub note: Option<String>,
    /// What `check --fix` writes instead. There is none where the change could open a path to anybody.
    pub fix: Option<Fix>,
    /// RULES-9: the line names a role, and not even its path can be read, so no gate starts with this file.
    pub refuses_to_start: bool,
    /// LINT-1: the change that `help` proposes, where one has been proved.
    pub advice: Option<Advice>,
}

/// A change to the rules that mends a finding, opens nothing to anybody who was denied, locks nobody out who was admitted,
/// and brings no new finding (LINT-1). It is for the author to make: it does change what visitors get.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Advice {
    /// What is written in the place of which rules.
    pub edits: Vec<Edit>,
}

/// Lines in the place of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edit {
    /// The rule, as [`crate::Rule::span`] says it.
    pub span: Span,
    /// The lines, in the form of `_redirects`; none where the rule goes.
    pub lines: Vec<String>,
}

/// A change to the file in which a problem was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Make a comment of the line that the problem's span begins on. Its author wrote it for something.
    CommentOut,
    /// Take out the line that the problem's span begins on, with what ends it.
    RemoveLine,
    /// Write `text` in place of the bytes from `start` to `end`.
    Replace {
        /// First byte to replace, counted from the start of the file.
        start: usize,
        /// First byte after those to replace.
        end: usize,
        /// What to write there.
        text: String,
    },
}

/// What makes a comment of a line.
pub const COMMENT: &str = "# ";

/// No more than this many bytes of a line are shown around the fault.
const SHOWN: usize = 1000;

impl Problem {
    /// The problem as a person reads it: `file:line:column`, the line, a caret under the fault, and the help.
    ///
    /// `source` is the whole file that the problem was found in. Control characters are made visible, so that a
    /// rule file cannot write to the terminal.
    pub fn render(&self, file_name: &str, source: &[u8], colour: bool) -> String {
        let (line, start, end) = self.shown_line(source);
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(harmless(&self.message)).id(self.id);
        let snippet = Snippet::source(line)
            .line_start(self.span.line)
            .path(harmless(file_name))
            .annotation(AnnotationKind::Primary.span(start..end));
        let mut group = Group::with_title(title).element(snippet);
        let visitor = Level::NOTE.with_name("visitor").message(harmless(self.visitor()));
        group = group.element(visitor);
        if let Some(elsewhere) = self.elsewhere() {
            group = group.element(Level::NOTE.with_name("other gates").message(elsewhere));
        }
        group = group.element(Level::HELP.message(harmless(&self.help)));
        if self.fix.is_some() {
            group = group.element(Level::HELP.with_name("fix").message("`rolegate check --fix` does it"));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    /// What a visitor gets from this gate.
    pub fn visitor(&self) -> &str {
        let generic = || catalogue::find(self.id).map_or("", |entry| entry.visitor);
        self.note.as_deref().unwrap_or_else(generic)
    }

    /// What a visitor gets from other gates, where that is known to differ.
    pub fn elsewhere(&self) -> Option<&'static str> {
        catalogue::elsewhere(self.id, self.severity, self.note.is_some())
    }

    /// The line at fault as text, and where in it the fault lies. Bytes that are no UTF-8 become U+FFFD.
    fn shown_line(&self, source: &[u8]) -> (String, usize, usize) {
        // A file can be one long line; no more of it is looked at than is shown.
        let before = source.get(self.span.start.saturating_sub(SHOWN)..self.span.start).unwrap_or_default();
        let line_start = before.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1)
            + self.span.start.saturating_sub(SHOWN);
        let line_end = source
            .get(self.span.start..)
            .unwrap_or_default()
            .iter()
            .take(SHOWN)
            .position(|byte| matches!(byte, b'\n' | b'\r'))
            .map_or_else(|| source.len().min(self.span.start + SHOWN), |at| self.span.start + at);
        let text = |from: usize, to: usize| {
            let bytes = source.get(from..to).unwrap_or_default();
            visible(&String::from_utf8_lossy(bytes))
        };
        let head = text(line_start, self.span.start);
        let fault = text(self.span.start, self.span.end.min(line_end));
        let tail = text(self.span.end.min(line_end), line_end);
        let (start, end) = (head.len(), head.len() + fault.len());
        (head + &fault + &tail, start, end)
    }
}

/// Something that is so of no place in a file, as a person reads it, with colours that a terminal understands.
pub(crate) fn render_note(severity: Severity, message: &str, help: &str) -> String {
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let group = Group::with_title(level.primary_title(harmless(message))).element(Level::HELP.message(harmless(help)));
    Renderer::styled().render(&[group])
}

/// A text without characters that a terminal would obey: the library leaves those of C1 (U+0080 to U+009F) as they are.
fn harmless(text: &str) -> String {
    let left = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    normalize_untrusted_str(text).chars().map(|c| if left(c) { '\u{fffd}' } else { c }).collect()
}

/// Control characters are shown as spaces of the same place, so that the caret stays under the fault.
fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| *c != '\u{feff}')
        .map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c })
        .collect()
}
