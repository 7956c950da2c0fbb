//! Destinations: the `to` of a rule, and what becomes of it when names are substituted (SUBST-1 to SUBST-5, LOC-1 to LOC-3).

mod fill;
mod spelled;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::captures::Captures;
use crate::cost::step;
use crate::query;
use crate::request::{Origin, Scheme};
use fill::{
    canonical, climbs, encode_for_host, encode_for_path, encode_for_query, fill, is_ambiguous, is_canonical,
    lacks_a_label,
};

/// Where a rule leads: a URL or a local path, with names to be substituted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Fixed(Fixed),
    Template(Box<Template>),
}

/// A destination without any name in it, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fixed {
    /// Canonical where the destination is local.
    path: Box<str>,
    /// What most destinations do not have.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct More {
    site: Option<(Scheme, Box<str>)>,
    /// The path as the rule file has it, where that is not the canonical one.
    written: Option<Box<str>>,
    query: Option<Box<str>>,
    fragment: Option<Box<str>>,
}

/// A destination with names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template {
    site: Option<(Scheme, Vec<Part>)>,
    path: Vec<Part>,
    query: Option<Vec<Part>>,
    fragment: Option<Vec<Part>>,
}

/// A stretch of a [`Template`]. Literal text is encoded already.
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
    /// Readers of the path could find other segments in it than the rule names: captured text holds a separator, dots or a
    /// control character in whatever escape, or nothing (SUBST-5).
    pub ambiguous: bool,
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

    /// Whether one of the names stands anywhere in `text`.
    fn stand_in(&self, text: &str) -> bool {
        !self.names.is_empty() && text.split(':').skip(1).any(|after| self.at_start_of(after).is_some())
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
    /// The stretches of the path.
    pub(super) fn path_parts(&self) -> Cow<'_, [Part]> {
        match &self.0 {
            Kind::Fixed(fixed) => Cow::Owned(vec![Part::Literal(fixed.path.to_string())]),
            Kind::Template(template) => Cow::Borrowed(&template.path),
        }
    }

    /// The stretches of the path, where a name stands anywhere in the destination.
    pub(super) fn template_path(&self) -> &[Part] {
        match &self.0 {
            Kind::Fixed(_) => &[],
            Kind::Template(template) => &template.path,
        }
    }

    /// Reads a `to`, which begins with `/`, `http://` or `https://`.
    pub(super) fn parse(text: &str, names: &Names<'_>) -> Result<Destination, DestinationFault> {
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
        let fixed_host = site.as_ref().is_none_or(|(_, host)| host.iter().all(Part::is_literal));
        let holds_name =
            !fixed_host || [Some(path), query, fragment].into_iter().flatten().any(|at| names.stand_in(at));
        Ok(Destination(if holds_name {
            Kind::Template(Box::new(Template {
                site,
                path: split_names(path, names),
                query: query.map(|query| split_names(query, names)),
                fragment: fragment.map(|fragment| split_names(fragment, names)),
            }))
        } else {
            let site = site.map(|(scheme, host)| (scheme, fill(&host, &Captures::default(), encode_for_host).into()));
            Kind::Fixed(Fixed::new(site, path, query, fragment))
        }))
    }

    /// How often a name stands in it.
    pub(super) fn count_of_names(&self) -> usize {
        let Kind::Template(template) = &self.0 else { return 0 };
        let Template { site, path, query, fragment } = template.as_ref();
        let parts = site.iter().flat_map(|(_, host)| host).chain(path).chain(query.iter().chain(fragment).flatten());
        parts.filter(|part| !part.is_literal()).count()
    }

    /// Whether anything that a request supplies lands in it.
    pub fn takes_captures(&self) -> bool {
        matches!(self.0, Kind::Template(_))
    }

    /// The names that stand in the path.
    pub fn names_in_path(&self) -> impl Iterator<Item = &str> {
        self.template_path().iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Capture(name) => Some(name.as_str()),
        })
    }

    /// Whether the destination is a URL with a host.
    pub fn is_absolute(&self) -> bool {
        match &self.0 {
            Kind::Fixed(fixed) => fixed.more.as_ref().is_some_and(|more| more.site.is_some()),
            Kind::Template(template) => template.site.is_some(),
        }
    }

    /// Whether the destination leads to the same host, or the same site, for every request.
    pub fn has_fixed_host(&self) -> bool {
        match &self.0 {
            Kind::Fixed(_) => true,
            Kind::Template(template) => {
                template.site.as_ref().is_none_or(|(_, host)| host.iter().all(Part::is_literal))
            }
        }
    }

    /// Text in the path that looks like a name and is none; it stays as it is (SUBST-1).
    pub(super) fn unknown_name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Fixed(fixed) => like_a_name(fixed.written()),
            Kind::Template(template) => template.path.iter().find_map(|part| match part {
                Part::Literal(text) => like_a_name(text),
                Part::Capture(_) => None,
            }),
        }
    }

    /// The destination with every name replaced by what it stands for.
    pub fn substitute(&self, captures: &Captures) -> Substituted {
        match &self.0 {
            Kind::Fixed(fixed) => fixed.substituted(),
            Kind::Template(template) => template.fill(captures),
        }
    }
}

/// A segment of `path` that looks like a name.
fn like_a_name(path: &str) -> Option<&str> {
    path.split('/').find(|segment| {
        segment.strip_prefix(':').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    })
}

impl Fixed {
    fn new(site: Option<(Scheme, Box<str>)>, path: &str, query: Option<&str>, fragment: Option<&str>) -> Fixed {
        let clean = |text: &str| query::clean(text.as_bytes()).into_boxed_str();
        let written = clean(path);
        let (path, written) = if site.is_some() || is_canonical(&written) {
            (written, None)
        } else {
            (canonical(&written).into(), Some(written))
        };
        let more = More { site, written, query: query.map(clean), fragment: fragment.map(clean) };
        Fixed { path, more: (more != More::default()).then(|| Box::new(more)) }
    }

    /// The path as the rule file has it.
    fn written(&self) -> &str {
        self.more.as_ref().and_then(|more| more.written.as_deref()).unwrap_or(&self.path)
    }

    /// Nothing that a request supplies is in it, so it leads nowhere but where the rule says.
    fn substituted(&self) -> Substituted {
        let path = self.path.as_ref().to_owned();
        let Some(more) = &self.more else {
            return Substituted { site: None, path, query: None, fragment: None, astray: false, ambiguous: false };
        };
        Substituted {
            site: more.site.as_ref().map(|(scheme, host)| (*scheme, host.as_ref().to_owned())),
            path,
            query: more.query.as_deref().map(str::to_owned),
            fragment: more.fragment.as_deref().map(str::to_owned),
            astray: false,
            ambiguous: false,
        }
    }
}

impl Template {
    fn fill(&self, captures: &Captures) -> Substituted {
        let path = fill(&self.path, captures, encode_for_path);
        // What is canonical has no segment of dots, whoever supplied it.
        let plain = is_canonical(&path);
        // Without an escape, a parameter or an end that may be empty there is nothing to read in two ways.
        let ambiguous =
            (!plain || path.contains(['%', ';']) || path.ends_with('/')) && is_ambiguous(&self.path, captures);
        Substituted {
            site: self.site.as_ref().map(|(scheme, host)| (*scheme, fill(host, captures, encode_for_host))),
            path: if self.site.is_some() || plain { path } else { canonical(&path) },
            query: self.query.as_ref().map(|parts| fill(parts, captures, encode_for_query)),
            fragment: self.fragment.as_ref().map(|parts| fill(parts, captures, encode_for_path)),
            astray: (!plain && climbs(&self.path, captures))
                || self.site.as_ref().is_some_and(|(_, host)| lacks_a_label(host, captures)),
            ambiguous,
        }
    }
}

impl Part {
    fn is_literal(&self) -> bool {
        matches!(self, Part::Literal(_))
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
    pub fn origin(&self) -> Option<Origin> {
        self.site.as_ref().map(|(scheme, host)| Origin::new(*scheme, host))
    }

    /// The destination alone, without anything of the request's query.
    pub(crate) fn into_text(self) -> String {
        if self.site.is_none() && self.query.is_none() && self.fragment.is_none() {
            return self.path;
        }
        self.to_string()
    }

    fn reference(&self, query: Option<&str>) -> String {
        let site = self.site.as_ref().map(|(scheme, host)| format!("{}://{host}", scheme.name()));
        let mut text = site.unwrap_or_default();
        let length = |part: Option<&str>| part.map_or(0, |part| part.len() + 1);
        text.reserve(self.path.len() + length(query) + length(self.fragment.as_deref()));
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

/// The scheme of a URL and what follows `://`. Only lower case, as RULES-3 has it.
pub(super) fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    [(Scheme::Http, "http://"), (Scheme::Https, "https://")]
        .into_iter()
        .find_map(|(scheme, prefix)| Some((scheme, text.strip_prefix(prefix)?)))
}

/// Cuts text at the names in it, and encodes what lies between.
fn split_names(text: &str, names: &Names<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let push_literal = |parts: &mut Vec<Part>, literal: &str| {
        if !literal.is_empty() {
            parts.push(Part::Literal(query::clean(literal.as_bytes())));
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

#[cfg(test)]
mod tests;
