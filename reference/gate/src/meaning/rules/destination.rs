//! Destinations: the `to` of a rule, and what becomes of it when names are substituted (SUBST-1 to SUBST-5, LOC-1 to LOC-3).

pub(crate) mod fill;

use super::captures::Captures;
use crate::authority::{Origin, Scheme};
use crate::uri;
use fill::{
    canonical, climbs, encode_for_host, encode_for_path, encode_for_query, fill, is_ambiguous, is_canonical,
    lacks_a_label,
};

/// Where a rule leads: a URL or a local path, with names to be substituted. Literal text in it is encoded already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub(crate) path: Box<[Part]>,
    /// What most destinations do not have.
    pub(crate) more: Option<Box<More>>,
}

/// What a destination has besides its path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct More {
    /// Of a URL the scheme and the host.
    pub(crate) site: Option<(Scheme, Vec<Part>)>,
    pub(crate) query: Option<Vec<Part>>,
    pub(crate) fragment: Option<Vec<Part>>,
}

/// A stretch of a [`Destination`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
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

impl Destination {
    /// Scheme and host, where the destination is a URL.
    pub(crate) fn site(&self) -> Option<&(Scheme, Vec<Part>)> {
        self.more.as_ref()?.site.as_ref()
    }

    /// All stretches.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        let more = self.more.iter().flat_map(|more| {
            let More { site, query, fragment } = more.as_ref();
            let host = site.iter().flat_map(|(_, host)| host);
            host.chain(query.iter().chain(fragment).flatten())
        });
        self.path.iter().chain(more)
    }

    /// Whether anything that a request supplies lands in it.
    pub fn takes_captures(&self) -> bool {
        !self.parts().all(Part::is_literal)
    }

    /// The names that stand in the path.
    pub fn names_in_path(&self) -> impl Iterator<Item = &str> {
        self.path.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Capture(name) => Some(name.as_str()),
        })
    }

    /// Whether the destination is a URL with a host.
    pub fn is_absolute(&self) -> bool {
        self.site().is_some()
    }

    /// Whether the destination leads to the same host, or the same site, for every request.
    pub fn has_fixed_host(&self) -> bool {
        self.site().is_none_or(|(_, host)| host.iter().all(Part::is_literal))
    }

    /// The destination with every name replaced by what it stands for.
    pub fn substitute(&self, captures: &Captures) -> Substituted {
        let path = fill(&self.path, captures, encode_for_path);
        // What is canonical has no segment of dots, whoever supplied it.
        let plain = is_canonical(&path);
        // Without an escape, a parameter or an end that may be empty there is nothing to read in two ways.
        let ambiguous = self.names_in_path().next().is_some()
            && (!plain || path.contains(['%', ';']) || path.ends_with('/'))
            && is_ambiguous(&self.path, captures);
        let climbs = !plain && climbs(&self.path, captures);
        let More { site, query, fragment } = self.more.as_deref().unwrap_or(&More::NONE);
        Substituted {
            site: site.as_ref().map(|(scheme, host)| (*scheme, fill(host, captures, encode_for_host))),
            path: if site.is_some() || plain { path } else { canonical(&path) },
            query: query.as_ref().map(|parts| fill(parts, captures, encode_for_query)),
            fragment: fragment.as_ref().map(|parts| fill(parts, captures, encode_for_path)),
            astray: climbs || site.as_ref().is_some_and(|(_, host)| lacks_a_label(host, captures)),
            ambiguous,
        }
    }
}

impl More {
    pub(crate) const NONE: More = More { site: None, query: None, fragment: None };
}

impl Part {
    pub(crate) fn is_literal(&self) -> bool {
        matches!(self, Part::Literal(_))
    }
}

impl Substituted {
    /// LOC-2: the reference that a client is sent to, when it asked with this raw query; without one, the destination alone.
    pub fn location(&self, request_query: Option<&[u8]>) -> String {
        let query = self.resulting_query(request_query);
        let site = self.site.as_ref().map(|(scheme, host)| format!("{}://{host}", scheme.name()));
        let mut text = site.unwrap_or_default();
        let length = |part: Option<&str>| part.map_or(0, |part| part.len() + 1);
        text.reserve(self.path.len() + length(query.as_deref()) + length(self.fragment.as_deref()));
        text.push_str(&self.path);
        if let Some(query) = &query {
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

    /// The destination alone, without anything of the request's query.
    pub(crate) fn into_text(self) -> String {
        if self.site.is_none() && self.query.is_none() && self.fragment.is_none() {
            return self.path;
        }
        self.location(None)
    }

    /// The query of [`Substituted::location`]: the destination's own, else the one of the request.
    pub(crate) fn resulting_query(&self, request_query: Option<&[u8]>) -> Option<String> {
        let passed_on = || request_query.filter(|query| !query.is_empty()).map(uri::clean);
        self.query.clone().or_else(passed_on)
    }

    /// Scheme and host, where the destination is a URL.
    pub fn origin(&self) -> Option<Origin> {
        self.site.as_ref().map(|(scheme, host)| Origin::new(*scheme, host))
    }
}
