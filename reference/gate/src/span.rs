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

/// Where fields of an entry of `netlify.toml` stand: the value of `to`, of each parameter and of each condition. Of a line that
/// is to be seen in its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Option<Box<[Place]>>);

/// A field by its name.
type Place = (Box<str>, Span);

impl Places {
    /// The places of fields, by their names.
    pub fn of(fields: impl IntoIterator<Item = (String, Span)>) -> Places {
        let fields: Box<[Place]> = fields.into_iter().map(|(name, span)| (name.into_boxed_str(), span)).collect();
        Places(Some(fields).filter(|fields| !fields.is_empty()))
    }

    /// Where the field with this name stands, whatever the case.
    pub fn find(&self, name: &str) -> Option<Span> {
        let mut fields = self.0.iter().flatten();
        fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, span)| *span)
    }
}
