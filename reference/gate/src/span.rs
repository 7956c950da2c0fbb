//! Where in a rule file something stands.

use std::fmt;

/// A file that rules come from; in this order (TOML-2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleFile {
    /// `_redirects`
    #[default]
    Redirects,
    /// `netlify.toml`
    Toml,
    /// `_headers`, where a password closes a path (HEADERS-6)
    Headers,
}

/// A range of bytes in a rule file, with the line and column at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: RuleFile,
    /// First byte, counted from the start of the file.
    pub start: usize,
    /// First byte after the range.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte, from 1, in characters as an editor counts them.
    pub column: usize,
}

impl RuleFile {
    /// The name that the format gives the file.
    pub fn name(self) -> &'static str {
        match self {
            RuleFile::Redirects => "_redirects",
            RuleFile::Toml => "netlify.toml",
            RuleFile::Headers => "_headers",
        }
    }
}

impl fmt::Display for RuleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
