//! What kinds of assertion there are, and which sentence of the ledger says which.
//!
//! Every sentence says which answer comes: status, `Location`, the file that is shown. Whatever else a case asserts must be said by the sentence that it
//! stands under, which names the kind (`says` in the ledger); else a gate would miss a MUST for what that MUST does not say.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Corpus;
use super::expectation::{Alternative, Expected, HeaderExpectation};
use super::source::Level;

/// A kind of assertion beyond which answer it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The body, byte for byte, or that there is none.
    Body,
    /// What caches may do: `Cache-Control` and its like, `Vary: Cookie`.
    Cache,
    /// The content coding, and `Vary: Accept-Encoding`.
    Coding,
    /// Whether the connection ends.
    Connection,
    /// Fields of the site, of an error, or of whoever smuggles one in.
    Fields,
    /// `Content-Length`.
    Length,
    /// `Allow`, and what else tells which methods there are.
    Methods,
    /// Where a `Location` leads, as a browser reads it.
    Origin,
    /// `Content-Range` and `Accept-Ranges`.
    Range,
    /// What the server behind the gate was asked.
    Upstream,
    /// What tells one state of a file from another: `ETag`, `Last-Modified`, digests.
    Validators,
}

impl Kind {
    /// The name in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Cache => "cache",
            Self::Coding => "coding",
            Self::Connection => "connection",
            Self::Fields => "fields",
            Self::Length => "length",
            Self::Methods => "methods",
            Self::Origin => "origin",
            Self::Range => "range",
            Self::Upstream => "upstream",
            Self::Validators => "validators",
        }
    }
}

/// The kinds of what an alternative asserts beyond which answer it is.
#[must_use]
pub fn kinds(alternative: &Alternative) -> BTreeSet<Kind> {
    let mut kinds: BTreeSet<Kind> =
        alternative.headers.iter().filter_map(|(name, field)| of_field(name, field)).collect();
    let others = [
        (alternative.empty_body || alternative.part.is_some(), Kind::Body),
        // The built-in expectation says of a redirect which one it may be.
        (alternative.same_origin && alternative.name.as_deref() != Some("not-canonical"), Kind::Origin),
        (alternative.then_closed, Kind::Connection),
        (
            alternative.upstream.as_ref().is_some_and(|asked| !asked.headers.is_empty() || asked.body.is_some()),
            Kind::Upstream,
        ),
    ];
    kinds.extend(others.into_iter().filter(|(is_there, _)| *is_there).map(|(_, kind)| kind));
    kinds
}

/// The kind of an assertion about a field; none for `Location`, which is a part of which answer it is.
fn of_field(name: &str, field: &HeaderExpectation) -> Option<Kind> {
    let speaks_of_coding =
        || field.contains.iter().chain(&field.one_of).all(|word| word.eq_ignore_ascii_case("accept-encoding"));
    Some(match name {
        "location" => return None,
        "etag" | "last-modified" | "digest" | "content-digest" | "repr-digest" | "content-md5" => Kind::Validators,
        "content-length" => Kind::Length,
        "content-range" | "accept-ranges" => Kind::Range,
        "content-encoding" => Kind::Coding,
        "vary" if speaks_of_coding() => Kind::Coding,
        "vary" | "age" | "expires" | "pragma" | "surrogate-control" => Kind::Cache,
        name if name.ends_with("cache-control") => Kind::Cache,
        "allow" | "dav" => Kind::Methods,
        _ => Kind::Fields,
    })
}

/// The MUST cases that assert what the sentence they stand under does not say: a line for each written case and kind.
#[must_use]
pub fn unsaid(corpus: &Corpus) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (suite, case) in corpus.cases().filter(|(_, case)| case.level == Level::Must) {
        let Expected::Judge(alternatives) = &case.expected else { continue };
        let Some(requirement) = case.requirements.first().and_then(|id| corpus.requirement(id)) else { continue };
        for kind in alternatives.iter().flat_map(kinds).filter(|kind| !requirement.says.contains(kind)) {
            found.insert(format!(
                "{}:{}: `{}` asserts `{}`, which {} does not say; put it under `also:` and the requirement that does",
                suite.file,
                case.line,
                case.written_id,
                kind.name(),
                requirement.id
            ));
        }
    }
    found
}
