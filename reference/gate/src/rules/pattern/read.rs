//! The segments of a pattern as they are written: what each spells, and what is at fault.

use std::borrow::Cow;

use super::{Oddity, Pattern, PatternFault, PatternFaultKind, Segment};
use crate::cost::step;
use crate::path::{self, Refused, Resolver};

/// A segment as written, with the text it spells.
pub(super) struct RawSegment<'a> {
    pub(super) raw: &'a str,
    pub(super) decoded: Cow<'a, str>,
}

impl AsRef<str> for RawSegment<'_> {
    fn as_ref(&self) -> &str {
        &self.decoded
    }
}

pub(super) enum Kind {
    Star,
    Segment(Segment, Option<Oddity>),
}

impl RawSegment<'_> {
    pub(super) fn classify(self, last: bool) -> Kind {
        if self.raw == "*" {
            return Kind::Star;
        }
        // MATCH-4: the rest of the segment is the name.
        if let Some(name) = self.raw.strip_prefix(':').filter(|name| !name.is_empty()) {
            return Kind::Segment(Segment::Placeholder(name.into()), None);
        }
        if last && self.raw.ends_with('*') {
            let prefix = self.decoded.strip_suffix('*').unwrap_or(&self.decoded);
            return Kind::Segment(Segment::Prefix(prefix.into()), Some(Oddity::PrefixStar));
        }
        let oddity = self.raw.contains('*').then_some(Oddity::LiteralStar);
        Kind::Segment(Segment::Literal(self.decoded.as_ref().into()), oddity)
    }
}

pub(super) fn read_segments(text: &str) -> Result<Vec<RawSegment<'_>>, PatternFault> {
    let mut offset = 1;
    step(text.len());
    let relative = text.strip_prefix('/').unwrap_or_default();
    let mut segments = Vec::with_capacity(8);
    for raw in relative.split('/') {
        let delimiter = raw.find(['?', '#']);
        let path_part = delimiter.and_then(|at| raw.get(..at)).unwrap_or(raw);
        if let Some(at) = path_part.as_bytes().windows(2).position(|pair| pair == b"**") {
            let kind = PatternFaultKind::DoubleStar;
            let (start, end) = (offset + at, offset + at + 2);
            return Err(PatternFault { start, end, kind, covering: Pattern::covering(text, start) });
        }
        let decoded = path::spelled_by(path_part.as_bytes()).map_err(|refused| {
            let (from, to) = where_refused(path_part, refused);
            let (start, end) = (offset + from, offset + to);
            let kind = PatternFaultKind::Segment(refused);
            PatternFault { start, end, kind, covering: Pattern::covering(text, start) }
        })?;
        if let Some(at) = delimiter {
            let start = offset + at;
            let before = text.get(..start).unwrap_or_default();
            let kind = if text.get(start..).is_some_and(|rest| rest.starts_with('?')) {
                PatternFaultKind::Query
            } else {
                PatternFaultKind::Fragment
            };
            let covering = match Pattern::parse(before) {
                Ok((pattern, _)) => pattern,
                Err(fault) => fault.covering,
            };
            return Err(PatternFault { start, end: text.len(), kind, covering });
        }
        segments.push(RawSegment { raw, decoded });
        offset += raw.len() + 1;
    }
    Ok(segments)
}

/// The bytes of `segment` that `refused` speaks of.
fn where_refused(segment: &str, refused: Refused) -> (usize, usize) {
    let lower = segment.to_ascii_lowercase();
    let bad_escape = || {
        let mut escapes = lower.match_indices('%');
        escapes.find(|(at, _)| path::escape(lower.as_bytes().get(at + 1..).unwrap_or_default()).is_none())
    };
    let found = match refused {
        Refused::Backslash => {
            lower.find("%5c").map(|at| (at, at + 3)).or_else(|| lower.find('\\').map(|at| (at, at + 1)))
        }
        Refused::EncodedSlash => lower.find("%2f").map(|at| (at, at + 3)),
        Refused::Escape => bad_escape().map(|(at, _)| (at, at + 1)),
        _ => lower.find('%').map(|at| (at, segment.len())),
    };
    found.unwrap_or((0, segment.len()))
}

/// The segments that are left when dots and empty segments are resolved, as they are in requests (NOLEAK-1).
pub(super) fn resolve(raw: Vec<RawSegment<'_>>) -> Vec<RawSegment<'_>> {
    let mut resolver = Resolver::default();
    raw.into_iter().for_each(|segment| resolver.push(segment));
    let (segments, _) = resolver.into_segments();
    segments
}
