//! Places in a text as the protocol counts them: lines from 0, and UTF-16 code units from 0.

use std::ops::Range;

use lsp_types::Position;

/// A text, and where its lines start.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// LSP 3.17: a line ends in LF, CR LF, or CR alone.
    pub(crate) fn new(text: &'t str) -> Lines<'t> {
        let bytes = text.as_bytes();
        let is_end = |at: usize, byte: u8| byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let ends = bytes.iter().enumerate().filter(|(at, byte)| is_end(*at, **byte));
        Lines { text, starts: std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect() }
    }

    /// Where a byte stands; within a character, where that begins.
    pub(crate) fn position(&self, at: usize) -> Position {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let units = self.text.get(start..at).unwrap_or_default().encode_utf16().count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { line: number(line), character: number(units) }
    }

    /// The byte at a place; behind the end of a line the end, within a character its beginning.
    pub(crate) fn offset(&self, position: Position) -> usize {
        let line = usize::try_from(position.line).unwrap_or(usize::MAX);
        let Some(start) = self.starts.get(line).copied() else { return self.text.len() };
        let text = self.text.get(start..self.line(line).end).unwrap_or_default().trim_end_matches(['\r', '\n']);
        let wanted = usize::try_from(position.character).unwrap_or(usize::MAX);
        let mut units = 0;
        for (at, character) in text.char_indices() {
            units += character.len_utf16();
            if units > wanted {
                return start + at;
            }
        }
        start + text.len()
    }

    /// A range of bytes.
    pub(crate) fn range(&self, bytes: Range<usize>) -> lsp_types::Range {
        lsp_types::Range { start: self.position(bytes.start), end: self.position(bytes.end) }
    }

    /// The bytes of the line, from 0, with what ends it.
    pub(crate) fn line(&self, line: usize) -> Range<usize> {
        let at = |line: usize| self.starts.get(line).copied().unwrap_or(self.text.len());
        at(line)..at(line + 1)
    }

    /// The bytes of the line that a byte stands on, with what ends it.
    pub(crate) fn line_of(&self, at: usize) -> Range<usize> {
        self.line(self.starts.partition_point(|start| *start <= at).saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_utf_16() {
        let text = "é\u{1f600}x\r\n\r日本\ny";
        let lines = Lines::new(text);
        for (at, line, character) in [
            (0, 0, 0),
            (2, 0, 1),
            (6, 0, 3),
            (7, 0, 4),
            (9, 1, 0),
            (10, 2, 0),
            (13, 2, 1),
            (16, 2, 2),
            (17, 3, 0),
            (18, 3, 1),
        ] {
            let position = Position { line, character };
            assert_eq!(lines.position(at), position, "{at}");
            assert_eq!(lines.offset(position), at, "{at}");
        }
        assert_eq!(lines.position(4), Position { line: 0, character: 1 }, "within a character");
        assert_eq!(lines.offset(Position { line: 0, character: 2 }), 2, "between its two units");
        assert_eq!(lines.offset(Position { line: 0, character: 99 }), 7);
        assert_eq!(lines.offset(Position { line: 9, character: 0 }), text.len());
        assert_eq!(lines.position(999), Position { line: 3, character: 1 });
        assert_eq!((lines.line(0), lines.line_of(12)), (0..9, 10..17));
    }
}
