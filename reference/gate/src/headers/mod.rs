//! The rules of a `_headers` file and of the `[[headers]]` of `netlify.toml`: bytes in; header fields for the site's own
//! files, and a list of problems out.
//!
//! Reading never fails as a whole (HEADERS-1). The fields apply to what is served from the site and to nothing else, and
//! none of them can undo what the gate says itself: framing, validators, and the cache rules of answers that depended on a
//! role (HEADERS-4, HEADERS-5).
//!
//! `Basic-Auth` is a gate of its own kind, which this one does not have. HEADERS-6: its path is sealed, so that nobody is
//! admitted; where the path cannot be read, no gate starts.

mod apply;
mod field;
mod parse;
mod password;
mod pattern;
mod toml;

use http::header::{HeaderName, HeaderValue};

pub use pattern::HeaderPath;

use crate::path::RequestPath;
use crate::problem::Problem;
use crate::reading::netlify_toml::Document;
use crate::rules::Rule;
use crate::span::Span;

pub use apply::Fields;

/// Header fields by path, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct HeaderRules {
    blocks: Vec<Block>,
}

/// A path, and the header fields under it.
#[derive(Clone, Debug)]
struct Block {
    path: HeaderPath,
    fields: Vec<(HeaderName, HeaderValue)>,
    /// While the file is read: further values of a field, by its place.
    more: Vec<(usize, HeaderValue)>,
}

/// What the files of header fields hold.
#[derive(Debug, Default)]
pub(crate) struct ParsedHeaders {
    pub(crate) rules: HeaderRules,
    /// HEADERS-6: the sealed rules that stand for `Basic-Auth`.
    pub(crate) seals: Vec<Rule>,
    /// HEADERS-6: lines that ask for a password and whose path cannot be read.
    pub(crate) unreadable: Vec<Span>,
    pub(crate) problems: Vec<Problem>,
}

/// Reads a `_headers` file, and below it the `[[headers]]` of a `netlify.toml` (HEADERS-8).
pub(crate) fn read(headers: &[u8], toml: &Document<'_>) -> ParsedHeaders {
    let mut parsed = parse::file(headers);
    let below = toml::file(toml);
    parsed.rules.blocks.extend(below.rules.blocks);
    parsed.seals.extend(below.seals);
    parsed.unreadable.extend(below.unreadable);
    parsed.problems.extend(below.problems);
    parsed
}

impl HeaderRules {
    /// The header fields for a request for `path`, in the order of the files; of a name that comes twice the later counts.
    pub fn fields(&self, path: &RequestPath) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let name = path.name();
        self.blocks.iter().filter(move |block| block.path.matches(name)).flat_map(Block::fields)
    }

    /// The header fields for every path of the site alike.
    pub fn fields_for_all(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.blocks.iter().filter(|block| block.path.is_everything()).flat_map(Block::fields)
    }

    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

impl Block {
    fn fields(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.fields.iter().map(|(name, value)| (name, value))
    }
}
