//! Lines and columns of a rule file, for reports that give both ends of a range.

use rolegate::columns::Columns;
use rolegate::{RuleFile, Span};

/// Where the lines of a file start.
pub(super) struct Places<'a> {
    bytes: &'a [u8],
    starts: Vec<usize>,
    columns: Columns<'a>,
}

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl<'a> Places<'a> {
    pub(super) fn new(file: RuleFile, bytes: &'a [u8]) -> Places<'a> {
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            // RULES-1: CR alone ends a line too, but not in TOML.
            b'\r' => file != RuleFile::Toml && bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Places { bytes, starts, columns: Columns::new(bytes) }
    }

    /// Where a byte stands.
    pub(super) fn place(&self, at: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        // RULES-13: a byte-order mark is no part of the first line.
        let mark = "\u{feff}".as_bytes();
        let start = if line == 1 && at >= mark.len() && self.bytes.starts_with(mark) { mark.len() } else { start };
        Place { line, column: self.columns.between(start, at) + 1 }
    }

    /// The bytes of a line with what ends it.
    pub(super) fn line(&self, line: usize) -> std::ops::Range<usize> {
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied().unwrap_or(self.bytes.len());
        start..self.starts.get(line).copied().unwrap_or(self.bytes.len())
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> usize {
        self.starts.iter().filter(|start| **start < self.bytes.len()).count()
    }

    /// The end of a span, whose beginning is known.
    pub(super) fn end(&self, span: Span) -> Place {
        self.place(span.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_and_characters_of_several_bytes() {
        let text = "\u{feff}/é x\r\n\r/日本 y\n".as_bytes();
        let places = Places::new(RuleFile::Redirects, text);
        for (at, line, column) in [(3, 1, 1), (6, 1, 3), (7, 1, 4), (10, 2, 1), (11, 3, 1), (18, 3, 4)] {
            assert_eq!(places.place(at), Place { line, column }, "{at}");
        }
        assert_eq!(text.get(places.line(3)), Some("/日本 y\n".as_bytes()));
        assert_eq!(places.line(9), text.len()..text.len());
        let toml = Places::new(RuleFile::Toml, b"a\rb\nc");
        assert_eq!(toml.place(2), Place { line: 1, column: 3 });
        assert_eq!(toml.place(4), Place { line: 2, column: 1 });
    }
}
