//! Path patterns as a rule file writes them: what each spells, what is odd about it, and what is at fault.

use std::borrow::Cow;

use super::parts::MAX_NAMES;
use crate::cost::step;
use crate::meaning::rules::pattern::Segment;
use crate::path::{self, Refused};
use crate::rules::{Captured, Pattern};
use crate::uri::Resolver;

/// RULES-14.bounds: every run behind a star in the middle is looked for in the whole of a request's path.
const MAX_BEHIND_STAR: usize = 32;

/// Why a text is no pattern; `start..end` are the bytes at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternFault {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: PatternFaultKind,
    /// RULES-9: a pattern that covers everything the text could have meant.
    pub(crate) covering: Pattern,
}

/// What keeps a text from being a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternFaultKind {
    /// `**`
    DoubleStar,
    /// A `#`.
    Fragment,
    /// RULES-14.bounds: more placeholders than `MAX_NAMES`.
    ManyNames,
    /// RULES-14.bounds: more segments behind the first star than `MAX_BEHIND_STAR`.
    ManyStars,
    /// A `?`.
    Query,
    /// A segment that no request path can hold.
    Segment(Refused),
}

/// What is odd about a pattern that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A `*` that is no splat.
    LiteralStar,
    /// MATCH-8: `/a/*/c`.
    MiddleStar,
    /// Dot segments or empty segments.
    NotCanonical,
    /// MATCH-8: `/a*`.
    PrefixStar,
}

impl Pattern {
    /// The names that `captures` defines, in order; a name can stand twice.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let runs = std::iter::once(&self.head).chain(&self.middles).flatten();
        let placeholders = runs.filter_map(|segment| match segment {
            Segment::Placeholder(name) => Some(&**name),
            Segment::Literal(_) | Segment::Prefix(_) => None,
        });
        let has_splat = self.splat || !self.middles.is_empty();
        placeholders.chain(has_splat.then_some(Captured::SPLAT))
    }

    /// Reads a path that begins with a slash, and says what is odd about it.
    pub fn parse(text: &str) -> Result<(Pattern, Vec<Oddity>), PatternFault> {
        let mut segments = read_segments(text)?;
        let mut oddities = Vec::new();

        // MATCH-2: a slash at the end is no part of it, and `//` is `/`.
        segments.pop_if(|last| last.raw.is_empty());
        if matches!(segments.as_slice(), [only] if only.raw.is_empty()) {
            segments.clear();
        }
        // NOLEAK-1: dots and empty segments are resolved as they are in requests.
        if segments.iter().any(|segment| matches!(segment.decoded.as_ref(), "" | "." | "..")) {
            oddities.push(Oddity::NotCanonical);
            segments = resolve(segments);
        }

        let last = segments.len().saturating_sub(1);
        let splats = usize::from(segments.last().is_some_and(|segment| segment.raw == "*"));
        let head = Vec::with_capacity(segments.len() - splats);
        let mut pattern = Pattern { head, middles: Vec::new(), splat: false };
        let (mut names, mut behind_star) = (0, 0);
        for (at, segment) in segments.into_iter().enumerate() {
            behind_star += usize::from(!pattern.middles.is_empty());
            let kind = segment.classify(at == last);
            names += usize::from(matches!(kind, Kind::Segment(Segment::Placeholder(_), _)));
            let bound = if names > MAX_NAMES { Some(PatternFaultKind::ManyNames) } else { None };
            if let Some(kind) = bound.or((behind_star > MAX_BEHIND_STAR).then_some(PatternFaultKind::ManyStars)) {
                // Whatever the path matches begins as it does up to the first star.
                let covering = Pattern { head: pattern.head, middles: Vec::new(), splat: true };
                return Err(PatternFault { start: 0, end: text.len(), kind, covering });
            }
            match kind {
                Kind::Star if at == last => pattern.splat = true,
                Kind::Star => {
                    note(&mut oddities, Oddity::MiddleStar);
                    pattern.middles.push(Vec::new());
                }
                Kind::Segment(segment, oddity) => {
                    oddity.into_iter().for_each(|oddity| note(&mut oddities, oddity));
                    pattern.splat = matches!(segment, Segment::Prefix(_));
                    pattern.middles.last_mut().unwrap_or(&mut pattern.head).push(segment);
                }
            }
        }
        Ok((pattern, oddities))
    }

    /// RULES-9: the pattern of everything that begins with the readable part of `text`, which ends before `end`.
    pub(crate) fn covering(text: &str, end: usize) -> Pattern {
        let readable = text.get(..end).unwrap_or_default();
        let (parents, partial) = readable.rsplit_once('/').unwrap_or_default();
        let mut pattern = match Pattern::parse(parents) {
            Ok((pattern, _)) if !pattern.splat => pattern,
            Ok((pattern, _)) => return pattern,
            Err(fault) => return fault.covering,
        };
        pattern.splat = true;
        if !partial.is_empty()
            && !partial.starts_with(':')
            && !partial.contains('*')
            && let Ok(prefix) = path::decode_segment(partial.as_bytes())
        {
            pattern.middles.last_mut().unwrap_or(&mut pattern.head).push(Segment::Prefix(prefix.as_ref().into()));
        }
        pattern
    }

    /// HEADERS-6: the pattern of everything that a path could mean in which a `*` may stand anywhere.
    pub(crate) fn covering_star(text: &str) -> Pattern {
        if let Some(star) = text.find('*') {
            return Pattern::covering(text, star);
        }
        match Pattern::parse(text) {
            Ok((pattern, _)) => pattern,
            Err(fault) => fault.covering,
        }
    }
}

/// Notes what is odd, once however often it stands there.
fn note(oddities: &mut Vec<Oddity>, oddity: Oddity) {
    if !oddities.contains(&oddity) {
        oddities.push(oddity);
    }
}

/// A segment as written, with the text it spells.
pub(crate) struct RawSegment<'a> {
    pub(crate) raw: &'a str,
    pub(crate) decoded: Cow<'a, str>,
}

impl AsRef<str> for RawSegment<'_> {
    fn as_ref(&self) -> &str {
        &self.decoded
    }
}

pub(crate) enum Kind {
    Star,
    Segment(Segment, Option<Oddity>),
}

impl RawSegment<'_> {
    pub(crate) fn classify(self, last: bool) -> Kind {
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

pub(crate) fn read_segments(text: &str) -> Result<Vec<RawSegment<'_>>, PatternFault> {
    let mut offset = 1;
    step(text.len());
    let relative = text.strip_prefix('/').unwrap_or(text);
    let mut segments = Vec::with_capacity(8);
    for raw in relative.split('/') {
        let delimiter = raw.find(['?', '#']);
        let path_part = delimiter.and_then(|at| raw.get(..at)).unwrap_or(raw);
        if let Some(at) = path_part.as_bytes().windows(2).position(|pair| pair == b"**") {
            let kind = PatternFaultKind::DoubleStar;
            let (start, end) = (offset + at, offset + at + 2);
            return Err(PatternFault { start, end, kind, covering: Pattern::covering(text, start) });
        }
        let decoded = path::decode_segment(path_part.as_bytes()).map_err(|refused| {
            let (from, to) = where_refused(path_part, refused);
            let (start, end) = (offset + from, offset + to);
            let kind = PatternFaultKind::Segment(refused);
            PatternFault { start, end, kind, covering: Pattern::covering(text, start) }
        })?;
        if let Some(at) = delimiter {
            let start = offset + at;
            let kind = if text.get(start..).is_some_and(|rest| rest.starts_with('?')) {
                PatternFaultKind::Query
            } else {
                PatternFaultKind::Fragment
            };
            let covering = Pattern::covering(text, start);
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
        escapes.find(|(at, _)| crate::uri::escape(lower.as_bytes().get(at + 1..).unwrap_or_default()).is_none())
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
pub(crate) fn resolve(raw: Vec<RawSegment<'_>>) -> Vec<RawSegment<'_>> {
    let mut resolver = Resolver::default();
    raw.into_iter().for_each(|segment| resolver.push(segment));
    let (segments, _) = resolver.into_segments();
    segments
}
