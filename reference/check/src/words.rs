//! Problems in words: as a person reads them, with a caret under the fault.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};
use rolegate::problem::{Problem, Severity};
use rolegate::span::Span;

use crate::catalogue;

/// No more than this many bytes of a line are shown around the fault.
const SHOWN: usize = 1000;

/// A problem in the words of the catalogue.
pub trait InWords {
    /// The problem as a person reads it: `file:line:column`, the line, a caret under the fault, and the help.
    ///
    /// `source` is the whole file that the problem was found in. Control characters are made visible, so that a
    /// rule file cannot write to the terminal.
    fn render(&self, file_name: &str, source: &[u8], colour: bool) -> String;

    /// What a visitor gets from this gate.
    fn visitor(&self) -> &str;

    /// What a visitor gets from other gates, where that is known to differ.
    fn elsewhere(&self) -> Option<&'static str>;

    /// All that is said of the problem, a sentence on each line, for readers that show the place themselves.
    fn in_lines(&self) -> String;
}

impl InWords for Problem {
    fn render(&self, file_name: &str, source: &[u8], colour: bool) -> String {
        let (line, start, end) = shown_line(self.span, source);
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

    fn visitor(&self) -> &str {
        let generic = || catalogue::visitor(self.id);
        self.note.as_deref().unwrap_or_else(generic)
    }

    fn elsewhere(&self) -> Option<&'static str> {
        catalogue::elsewhere(self.id, self.severity, self.note.is_some())
    }

    fn in_lines(&self) -> String {
        let elsewhere = self.elsewhere().map_or_else(String::new, |text| format!("\nother gates: {text}"));
        format!("{}\nvisitor: {}{elsewhere}\nhelp: {}", self.message, self.visitor(), self.help)
    }
}

/// The line at fault as text, and where in it the fault lies. Bytes that are no UTF-8 become U+FFFD.
fn shown_line(span: Span, source: &[u8]) -> (String, usize, usize) {
    // A file can be one long line; no more of it is looked at than is shown.
    let before = source.get(span.start.saturating_sub(SHOWN)..span.start).unwrap_or_default();
    let line_start = before.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1)
        + span.start.saturating_sub(SHOWN);
    let line_end = source
        .get(span.start..)
        .unwrap_or_default()
        .iter()
        .take(SHOWN)
        .position(|byte| matches!(byte, b'\n' | b'\r'))
        .map_or_else(|| source.len().min(span.start + SHOWN), |at| span.start + at);
    let text = |from: usize, to: usize| {
        let bytes = source.get(from..to).unwrap_or_default();
        visible(&String::from_utf8_lossy(bytes))
    };
    let head = text(line_start, span.start);
    let fault = text(span.start, span.end.min(line_end));
    let tail = text(span.end.min(line_end), line_end);
    let (start, end) = (head.len(), head.len() + fault.len());
    (head + &fault + &tail, start, end)
}

/// Something that is so of no place in a file, as a person reads it, with colours that a terminal understands.
pub fn render_note(severity: Severity, message: &str, help: &str) -> String {
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
