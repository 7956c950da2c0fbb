//! Where in a rule file something stands.

/// A range of bytes in a rule file, with the line and column at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte, counted from the start of the file.
    pub start: usize,
    /// First byte after the range.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte, from 1, in characters as an editor counts them.
    pub column: usize,
}
