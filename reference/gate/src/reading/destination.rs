//! Destinations as a rule file writes them: a URL or a local path, with names to be substituted (RULES-3, SUBST-1, SUBST-3).

use std::ops::Range;

use crate::cost::step;
use crate::meaning::rules::destination::{More, Part};
use crate::request::Scheme;
use crate::rules::Destination;
use crate::uri;

/// Why a text is no destination; `range` holds the bytes at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DestinationFault {
    pub(crate) range: Range<usize>,
    pub(crate) kind: DestinationFaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DestinationFaultKind {
    /// The authority cannot be one.
    Authority,
    /// `//host` or `/\host`, which a browser reads as another site.
    OtherSite,
    /// A name inside a host label, or in the place of the port.
    PartOfLabel,
}

/// The names that a rule captures, so kept that the longest one at a place is found without trying each.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    /// In order.
    names: Vec<&'a str>,
    /// The different lengths, longest first.
    lengths: Vec<usize>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(names: impl IntoIterator<Item = &'a str>) -> Names<'a> {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        let mut lengths: Vec<usize> = names.iter().map(|name| name.len()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Names { names, lengths }
    }

    /// Each of them once, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a str> {
        let mut last = None;
        self.names.iter().copied().filter(move |name| last.replace(*name) != Some(*name))
    }

    /// SUBST-1: the longest name that `text` begins with. `:year` is never `:y` and `ear`.
    fn at_start_of<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.lengths.iter().find_map(|length| {
            step(1);
            let (name, after) = text.split_at_checked(*length)?;
            let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            (ends && self.names.binary_search(&name).is_ok()).then_some(name)
        })
    }
}

impl Destination {
    /// Reads a `to`, which begins with `/`, `http://` or `https://`.
    pub(crate) fn parse(text: &str, names: &Names<'_>) -> Result<Destination, DestinationFault> {
        step(text.len());
        let (site, rest) = match split_scheme(text) {
            Some((scheme, after)) => {
                let end = after.find(['/', '?', '#']).unwrap_or(after.len());
                let (authority, rest) = after.split_at_checked(end).unwrap_or((after, ""));
                let offset = text.len() - after.len();
                (Some((scheme, read_authority(authority, offset, names)?)), rest)
            }
            None => {
                // SUBST-3: a local destination stays on the site.
                if text.starts_with("//") || text.starts_with("/\\") {
                    return Err(DestinationFault { range: 0..text.len(), kind: DestinationFaultKind::OtherSite });
                }
                (None, text)
            }
        };
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let path = if path.is_empty() { "/" } else { path };
        let more = More {
            site,
            query: query.map(|query| split_names(query, names)),
            fragment: fragment.map(|fragment| split_names(fragment, names)),
        };
        let more = (more != More::default()).then(|| Box::new(more));
        Ok(Destination { path: split_names(path, names).into(), more })
    }

    /// How often a name stands in it.
    pub(crate) fn count_of_names(&self) -> usize {
        self.parts().filter(|part| !part.is_literal()).count()
    }

    /// Text in the path or the query that looks like a name and is none; it stays as it is (SUBST-1).
    pub fn unknown_name(&self) -> Option<&str> {
        let query = self.more.as_ref().and_then(|more| more.query.as_deref()).unwrap_or_default();
        let in_path = self.path.iter().filter_map(literal).flat_map(|text| text.split('/'));
        let pairs = query.iter().filter_map(literal).flat_map(|text| text.split('&'));
        let values = pairs.filter_map(|pair| Some(pair.split_once('=')?.1));
        in_path.chain(values).find(|text| is_like_a_name(text))
    }
}

fn literal(part: &Part) -> Option<&str> {
    match part {
        Part::Literal(text) => Some(text),
        Part::Capture(_) => None,
    }
}

/// Whether a segment or a value looks like a name.
fn is_like_a_name(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|name| {
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        is_number || name.starts_with(|c: char| c.is_ascii_alphabetic())
    })
}

/// The scheme of a URL and what follows `://`. Only lower case, as RULES-3 has it.
pub(crate) fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    [(Scheme::Http, "http://"), (Scheme::Https, "https://")]
        .into_iter()
        .find_map(|(scheme, prefix)| Some((scheme, text.strip_prefix(prefix)?)))
}

/// Cuts text at the names in it, and encodes what lies between.
fn split_names(text: &str, names: &Names<'_>) -> Vec<Part> {
    // Most texts hold no name.
    let mut parts = Vec::with_capacity(1);
    let push_literal = |parts: &mut Vec<Part>, literal: &str| {
        if !literal.is_empty() {
            parts.push(Part::Literal(uri::clean(literal.as_bytes())));
        }
    };
    // What is left of the text, and how much of it holds no name.
    let (mut rest, mut searched) = (text, 0);
    while let Some((before, after)) = rest.get(searched..).and_then(|unsearched| unsearched.split_once(':')) {
        let colon = searched + before.len();
        searched = match names.at_start_of(after) {
            Some(name) => {
                push_literal(&mut parts, rest.get(..colon).unwrap_or_default());
                parts.push(Part::Capture(name.to_owned()));
                rest = after.get(name.len()..).unwrap_or_default();
                0
            }
            None => colon + 1,
        };
    }
    push_literal(&mut parts, rest);
    parts
}

/// SUBST-3: in a host a name stands for one whole label, so that what it stands for adds no host.
fn read_authority(text: &str, offset: usize, names: &Names<'_>) -> Result<Vec<Part>, DestinationFault> {
    let fault = |kind| DestinationFault { range: offset..offset + text.len(), kind };
    // A name can hold a dot, so labels are cut only after the names are.
    let parts = split_names(text, names);
    // Every name as the label `x`, to look at the authority as a whole.
    let mut shape = String::new();
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(text) => shape.push_str(text),
            Part::Capture(_) => {
                let after = match parts.get(at + 1) {
                    Some(Part::Literal(text)) => text.starts_with(['.', ':']),
                    Some(Part::Capture(_)) => false,
                    None => true,
                };
                if !after || !(shape.is_empty() || shape.ends_with('.')) {
                    return Err(fault(DestinationFaultKind::PartOfLabel));
                }
                shape.push('x');
            }
        }
    }
    // An internationalized name stands here percent-encoded (RFC 3986 §3.2.2).
    let ascii: String = shape
        .split('%')
        .enumerate()
        .fold(String::new(), |text, (at, piece)| text + if at == 0 { piece } else { piece.get(2..).unwrap_or("%") });
    let named = if ascii.is_empty() && !shape.is_empty() { "x" } else { ascii.as_str() };
    if !crate::authority::is_authority(named) || escapes_are_ascii(&shape) {
        return Err(fault(DestinationFaultKind::Authority));
    }
    Ok(parts)
}

/// Whether an escape in `text` means an ASCII character: a host that hides one is refused.
fn escapes_are_ascii(text: &str) -> bool {
    text.match_indices('%')
        .filter_map(|(at, _)| crate::uri::escape(text.as_bytes().get(at + 1..)?))
        .any(|(value, _)| value.is_ascii())
}

#[cfg(test)]
mod tests;
