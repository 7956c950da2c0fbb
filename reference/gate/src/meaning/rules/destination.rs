//! Destinations: the `to` of a rule, and what becomes of it when names are substituted (SUBST-1 to SUBST-5, LOC-1 to LOC-3).

pub(crate) mod fill;

use std::borrow::Cow;
use std::fmt;

use super::captures::Captures;
use crate::query;
use crate::request::{Origin, Scheme};
use fill::{
    canonical, climbs, encode_for_host, encode_for_path, encode_for_query, fill, is_ambiguous, is_canonical,
    lacks_a_label,
};

/// Where a rule leads: a URL or a local path, with names to be substituted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(pub(crate) Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fixed(Fixed),
    Template(Box<Template>),
}

/// A destination without any name in it, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    /// Canonical where the destination is local.
    pub(crate) path: Box<str>,
    /// What most destinations do not have.
    pub(crate) more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct More {
    pub(crate) site: Option<(Scheme, Box<str>)>,
    /// The path as the rule file has it, where that is not the canonical one.
    pub(crate) written: Option<Box<str>>,
    pub(crate) query: Option<Box<str>>,
    pub(crate) fragment: Option<Box<str>>,
}

/// A destination with names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) site: Option<(Scheme, Vec<Part>)>,
    pub(crate) path: Vec<Part>,
    pub(crate) query: Option<Vec<Part>>,
    pub(crate) fragment: Option<Vec<Part>>,
}

/// A stretch of a [`Template`]. Literal text is encoded already.
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
    /// The stretches of the path.
    pub(crate) fn path_parts(&self) -> Cow<'_, [Part]> {
        match &self.0 {
            Kind::Fixed(fixed) => Cow::Owned(vec![Part::Literal(fixed.path.to_string())]),
            Kind::Template(template) => Cow::Borrowed(&template.path),
        }
    }

    /// The stretches of the path, where a name stands anywhere in the destination.
    pub(crate) fn template_path(&self) -> &[Part] {
        match &self.0 {
            Kind::Fixed(_) => &[],
            Kind::Template(template) => &template.path,
        }
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

    /// The destination with every name replaced by what it stands for.
    pub fn substitute(&self, captures: &Captures) -> Substituted {
        match &self.0 {
            Kind::Fixed(fixed) => fixed.substituted(),
            Kind::Template(template) => template.fill(captures),
        }
    }
}

impl Fixed {
    /// The path as the rule file has it.
    pub(crate) fn written(&self) -> &str {
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
    pub(crate) fn is_literal(&self) -> bool {
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
