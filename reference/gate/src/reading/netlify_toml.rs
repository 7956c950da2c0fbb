//! The bytes of a `netlify.toml` and the places in them, which rules and header fields are both read from.

use std::borrow::Cow;
use std::ops::Range;
use std::str::Utf8Error;

use toml::Spanned;
use toml::de::DeTable;

use crate::reading::columns::Columns;
use crate::span::{RuleFile, Span};

/// TOML-4, HEADERS-8: a text in which every line break, with the white space around it, is one space.
pub(crate) fn on_one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(['\n', '\r']) {
        return Cow::Borrowed(text);
    }
    let lines = text.split(['\n', '\r']).map(|line| line.trim_matches([' ', '\t']));
    Cow::Owned(lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}

/// A file, parsed once for rules and header fields alike.
pub(crate) struct Document<'a> {
    pub(crate) file: TomlFile<'a>,
    pub(crate) root: Result<Spanned<DeTable<'a>>, NoToml>,
}

/// Why a file is no TOML.
pub(crate) enum NoToml {
    NotUtf8(Utf8Error),
    Syntax(toml::de::Error),
}

impl<'a> Document<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Document<'a> {
        let file = TomlFile::new(bytes);
        let text = std::str::from_utf8(file.bytes()).map_err(NoToml::NotUtf8);
        let root = text.and_then(|text| DeTable::parse(text).map_err(NoToml::Syntax));
        Document { file, root }
    }

    /// The text, as far as it is one.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.file.bytes())
    }
}

/// A file without its byte-order mark, and where its lines start.
pub struct TomlFile<'a> {
    bytes: &'a [u8],
    /// How many bytes of the file come before them.
    base: usize,
    lines: Vec<usize>,
    columns: Columns<'a>,
}

impl<'a> TomlFile<'a> {
    /// A file with these bytes.
    pub fn new(file: &'a [u8]) -> TomlFile<'a> {
        let bytes = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        TomlFile { bytes, base: file.len() - bytes.len(), lines, columns: Columns::new(bytes) }
    }

    /// What a TOML parser gets to read; the ranges that it tells are ranges of this.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The place in the file of a range of [`TomlFile::bytes`].
    pub(crate) fn span(&self, range: &Range<usize>) -> Span {
        let line = self.lines.partition_point(|start| *start <= range.start);
        let line_start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.columns.between(line_start, range.start) + 1;
        Span { file: RuleFile::Toml, start: self.base + range.start, end: self.base + range.end, line, column }
    }
}
