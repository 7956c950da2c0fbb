//! Destinations: the `to` of a rule, and what becomes of it when names are substituted (SUBST-1 to SUBST-4, LOC-1 to LOC-3).

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::captures::{Captured, Captures};
use crate::path::{Resolver, SEGMENT};
use crate::query;
use crate::request::{Origin, Scheme};

/// Where a rule leads: a URL or a local path, with names to be substituted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    site: Option<(Scheme, Vec<Part>)>,
    pub(super) path: Vec<Part>,
    query: Option<Vec<Part>>,
    fragment: Option<Vec<Part>>,
    /// What it always becomes, where there is no name in it.
    fixed: Option<Box<Substituted>>,
}

/// A stretch of a [`Destination`]. Literal text is encoded already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Capture(String),
}

/// A destination after substitution. Everything in it is ASCII and a valid part of a URI (LOC-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substituted {
    /// Scheme and authority, where the destination is a URL.
    pub site: Option<(Scheme, String)>,
    /// The path; canonical where the destination is local.
    pub path: String,
    /// The destination's own query.
    pub query: Option<String>,
    /// The fragment.
    pub fragment: Option<String>,
    /// The place is not one that the rule names: captured text has made a segment of dots (SUBST-4), or there is none
    /// where a label of the host should be, so that a browser takes what comes next for the host (SUBST-3).
    pub astray: bool,
}

/// Why a text is no destination; `range` holds the bytes at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DestinationFault {
    pub(super) range: Range<usize>,
    pub(super) kind: DestinationFaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DestinationFaultKind {
    /// The authority cannot be one.
    Authority,
    /// `//host` or `/\host`, which a browser reads as another site.
    OtherSite,
    /// A name inside a host label, or in the place of the port.
    PartOfLabel,
}

/// The names that a rule captures, so kept that the longest one at a place is found without trying each.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    /// In order.
    names: Vec<&'a str>,
    /// The different lengths, longest first.
    lengths: Vec<usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(names: impl IntoIterator<Item = &'a str>) -> Names<'a> {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        let mut lengths: Vec<usize> = names.iter().map(|name| name.len()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Names { names, lengths }
    }

    /// SUBST-1: the longest name that `text` begins with. `:year` is never `:y` and `ear`.
    fn at_start_of<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.lengths.iter().find_map(|length| {
            let (name, after) = text.split_at_checked(*length)?;
            let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            (ends && self.names.binary_search(&name).is_ok()).then_some(name)
        })
    }
}

impl Destination {
    /// Reads a `to`, which begins with `/`, `http://` or `https://`.
    pub(super) fn parse(text: &str, names: &Names<'_>) -> Result<Destination, DestinationFault> {
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
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(split_names(fragment, names))),
            None => (rest, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(split_names(query, names))),
            None => (rest, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        let mut destination = Destination { site, path: split_names(path, names), query, fragment, fixed: None };
        if !destination.parts().any(|part| matches!(part, Part::Capture(_))) {
            destination.fixed = Some(Box::new(destination.fill(&Captures::default())));
        }
        Ok(destination)
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        let host = self.site.iter().flat_map(|(_, host)| host);
        host.chain(&self.path).chain(self.query.iter().flatten()).chain(self.fragment.iter().flatten())
    }

    /// Whether anything that a request supplies lands in it.
    pub(crate) fn takes_captures(&self) -> bool {
        self.fixed.is_none()
    }

    /// Whether the destination is a URL with a host.
    pub fn is_absolute(&self) -> bool {
        self.site.is_some()
    }

    /// Whether the destination leads to the same host, or the same site, for every request.
    pub fn has_fixed_host(&self) -> bool {
        self.site.as_ref().is_none_or(|(_, host)| host.iter().all(|part| matches!(part, Part::Literal(_))))
    }

    /// Text in the path that looks like a name and is none; it stays as it is (SUBST-1).
    pub(super) fn unknown_name(&self) -> Option<&str> {
        self.path.iter().find_map(|part| match part {
            Part::Literal(text) => text.split('/').find(|segment| {
                segment.strip_prefix(':').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
            }),
            Part::Capture(_) => None,
        })
    }

    /// The destination with every name replaced by what it stands for.
    pub fn substitute(&self, captures: &Captures) -> Substituted {
        self.fixed.as_deref().cloned().unwrap_or_else(|| self.fill(captures))
    }

    fn fill(&self, captures: &Captures) -> Substituted {
        let path = fill(&self.path, captures, encode_for_path);
        Substituted {
            site: self.site.as_ref().map(|(scheme, host)| (*scheme, fill(host, captures, encode_for_host))),
            path: if self.is_absolute() { path } else { canonical(&path) },
            query: self.query.as_ref().map(|parts| fill(parts, captures, encode_for_query)),
            fragment: self.fragment.as_ref().map(|parts| fill(parts, captures, encode_for_path)),
            astray: climbs(&self.path, captures)
                || self.site.as_ref().is_some_and(|(_, host)| lacks_a_label(host, captures)),
        }
    }
}

impl Substituted {
    /// LOC-2: the reference that a client is sent to, when it asked with this raw query.
    pub fn location(&self, request_query: Option<&[u8]>) -> String {
        let query = self.resulting_query(request_query);
        self.reference(query.as_deref())
    }

    /// The query of [`Substituted::location`]: the destination's own, else the one of the request.
    pub(crate) fn resulting_query(&self, request_query: Option<&[u8]>) -> Option<String> {
        let passed_on = || request_query.filter(|query| !query.is_empty()).map(query::clean);
        self.query.clone().or_else(passed_on)
    }

    /// Scheme and host, where the destination is a URL.
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.site.as_ref().map(|(scheme, host)| Origin::new(*scheme, host))
    }

    fn reference(&self, query: Option<&str>) -> String {
        let mut text = String::new();
        if let Some((scheme, host)) = &self.site {
            text = format!("{}://{host}", scheme.name());
        }
        text.push_str(&self.path);
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        // LOC-2: the fragment comes last.
        if let Some(fragment) = &self.fragment {
            text.push('#');
            text.push_str(fragment);
        }
        text
    }
}

impl fmt::Display for Substituted {
    /// The destination alone, without anything of the request's query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reference(self.query.as_deref()))
    }
}

impl fmt::Display for Destination {
    /// The destination as a rule file spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, parts: &[Part]| {
            parts.iter().try_for_each(|part| match part {
                Part::Literal(text) => f.write_str(text),
                Part::Capture(name) => write!(f, ":{name}"),
            })
        };
        if let Some((scheme, host)) = &self.site {
            write!(f, "{}://", scheme.name())?;
            write(f, host)?;
        }
        write(f, &self.path)?;
        if let Some(query) = &self.query {
            f.write_char('?')?;
            write(f, query)?;
        }
        if let Some(fragment) = &self.fragment {
            f.write_char('#')?;
            write(f, fragment)?;
        }
        Ok(())
    }
}

/// The scheme of a URL and what follows `://`. Only lower case, as RULES-3 has it.
pub(super) fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    [(Scheme::Http, "http://"), (Scheme::Https, "https://")]
        .into_iter()
        .find_map(|(scheme, prefix)| Some((scheme, text.strip_prefix(prefix)?)))
}

/// Cuts text at the names in it, and encodes what lies between.
fn split_names(text: &str, names: &Names<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(':') {
        literal.push_str(before);
        match names.at_start_of(after) {
            Some(name) => {
                push_literal(&mut parts, &mut literal);
                parts.push(Part::Capture(name.to_owned()));
                rest = after.get(name.len()..).unwrap_or_default();
            }
            None => {
                literal.push(':');
                rest = after;
            }
        }
    }
    literal.push_str(rest);
    push_literal(&mut parts, &mut literal);
    parts
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(query::clean(literal.as_bytes())));
        literal.clear();
    }
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
    if !crate::path::is_authority(named) || escapes_are_ascii(&shape) {
        return Err(fault(DestinationFaultKind::Authority));
    }
    Ok(parts)
}

/// Whether an escape in `text` means an ASCII character: a host that hides one is refused.
fn escapes_are_ascii(text: &str) -> bool {
    text.match_indices('%')
        .filter_map(|(at, _)| crate::path::escape(text.as_bytes().get(at + 1..)?))
        .any(|(value, _)| value.is_ascii())
}

fn fill(parts: &[Part], captures: &Captures, encode: impl Fn(&Captured) -> String) -> String {
    parts.iter().fold(String::new(), |text, part| match part {
        Part::Literal(literal) => text + literal,
        // Every name in a destination is one that its pattern captures.
        Part::Capture(name) => text + &captures.find(name).map(&encode).unwrap_or_default(),
    })
}

/// SUBST-3: whether the text for a label of the host is empty: `https://:splat/a` must not become `https:///a`.
fn lacks_a_label(host: &[Part], captures: &Captures) -> bool {
    host.iter().any(|part| match part {
        Part::Literal(_) => false,
        Part::Capture(name) => captures.find(name).is_none_or(|captured| captured.text().is_empty()),
    })
}

/// SUBST-4: whether text that the request has supplied makes, alone or with what stands beside it, a segment of dots.
fn climbs(path: &[Part], captures: &Captures) -> bool {
    let mut segment = String::new();
    let mut supplied = false;
    for part in path {
        let text = match part {
            Part::Literal(text) => text.clone(),
            Part::Capture(name) => {
                supplied = true;
                captures.find(name).map(encode_for_path).unwrap_or_default()
            }
        };
        let mut pieces = text.split('/');
        segment.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            if supplied && is_dots(&segment) {
                return true;
            }
            segment = piece.to_owned();
            supplied = matches!(part, Part::Capture(_));
        }
    }
    supplied && is_dots(&segment)
}

/// Whether a segment is `.` or `..`, escaped or not (RFC 3986 §6.2.2.3).
fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// SUBST-3: adds no `?`, `#`, `&`, control character; and a `/` only where the splat has one.
fn encode_for_path(captured: &Captured) -> String {
    let encode = |bytes: &[u8]| percent_encode(bytes, SEGMENT).to_string();
    match captured {
        Captured::Splat { segments, trailing_slash } => {
            let mut text = segments.iter().map(|segment| encode(segment.as_bytes())).collect::<Vec<_>>().join("/");
            if *trailing_slash {
                text.push('/');
            }
            text
        }
        Captured::Text(text) => encode(text),
    }
}

/// QUERY-4
fn encode_for_query(captured: &Captured) -> String {
    query::form_encode(&captured.text())
}

/// SUBST-3: nothing but letters, digits and `-` stands in a host as it is.
fn encode_for_host(captured: &Captured) -> String {
    const LABEL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');
    percent_encode(&captured.text(), LABEL).to_string()
}

/// SUBST-3, SUBST-4: a local path without dot segments and empty segments, so that it begins with exactly one slash
/// and leads nowhere above the root. Other escapes stay as they are.
fn canonical(path: &str) -> String {
    let mut resolver = Resolver::default();
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        let dots = || segment.to_ascii_lowercase().replace("%2e", ".");
        resolver.push(if is_dots(segment) { dots() } else { segment.to_owned() });
    }
    let (segments, trailing_slash) = resolver.into_segments();
    let mut text = segments.iter().fold(String::new(), |text, segment| text + "/" + segment);
    if trailing_slash {
        text.push('/');
    }
    text
}

#[cfg(test)]
mod tests;
