//! Path patterns: literal segments, placeholders and splats (MATCH-1 to MATCH-8).

mod read;

use std::fmt;

use percent_encoding::{AsciiSet, percent_encode};

use super::captures::{Captured, Captures};
use super::parts::MAX_NAMES;
use super::text::Text;
use crate::cost::step;
use crate::path::{self, Refused, RequestPath, SEGMENT};
use read::{Kind, read_segments, resolve};

/// The path of a rule.
///
/// A pattern is a run of segments from the start of the path, then for each `*` in the middle one or more segments
/// and another run, and at the end perhaps a splat. MATCH-2: a trailing slash is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The segments before the first `*`.
    pub(super) head: Vec<Segment>,
    /// For each `*` in the middle, the segments between it and the next.
    pub(super) middles: Vec<Vec<Segment>>,
    /// Whether the pattern ends in a splat, which matches any number of segments, none included (MATCH-3).
    pub(super) splat: bool,
}

/// One segment of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    /// MATCH-5, MATCH-6: this text and no other.
    Literal(Text),
    /// MATCH-4: any one segment.
    Placeholder(Text),
    /// MATCH-8: `/a*`; a segment that begins with this text. Only before a splat.
    Prefix(Text),
}

/// RULES-14.bounds: every run behind a star in the middle is looked for in the whole of a request's path.
const MAX_BEHIND_STAR: usize = 32;

/// Why a text is no pattern; `start..end` are the bytes at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternFault {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: PatternFaultKind,
    /// RULES-9: a pattern that covers everything the text could have meant.
    pub(super) covering: Pattern,
}

/// What keeps a text from being a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternFaultKind {
    /// `**`
    DoubleStar,
    /// A `#`.
    Fragment,
    /// RULES-14.bounds: more placeholders than [`MAX_NAMES`].
    ManyNames,
    /// RULES-14.bounds: more segments behind the first star than [`MAX_BEHIND_STAR`].
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
    pub(super) fn covering(text: &str, end: usize) -> Pattern {
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
            pattern.middles.last_mut().unwrap_or(&mut pattern.head).push(Segment::Prefix(prefix.as_str().into()));
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

    /// Whether a `*` stands before the end.
    #[cfg(feature = "cost")]
    pub fn has_star_in_the_middle(&self) -> bool {
        !self.middles.is_empty()
    }

    /// Whether the pattern matches `path`.
    pub fn matches(&self, path: &RequestPath) -> bool {
        self.matches_name(path.name())
    }

    /// Whether the pattern matches the path with this name.
    pub fn matches_name(&self, name: &str) -> bool {
        self.matches_segments(&path::segments(name))
    }

    /// Whether the pattern matches the path of these decoded segments.
    pub(crate) fn matches_segments(&self, segments: &[&str]) -> bool {
        self.place(segments).is_some()
    }

    /// What the placeholders and splats stand for in `path`, if the pattern matches it.
    pub fn captures(&self, path: &RequestPath) -> Option<Captures> {
        self.captures_of(&path::segments(path.name()), path.trailing_slash())
    }

    /// The same for the path of these decoded segments.
    pub(super) fn captures_of(&self, segments: &[&str], trailing_slash: bool) -> Option<Captures> {
        let starts = self.place(segments)?;
        let mut captures = Captures::default();
        let mut at = capture_run(&self.head, segments, 0, &mut captures);
        for (run, start) in self.middles.iter().zip(starts) {
            captures.add_splat(segments.get(at..start).unwrap_or_default(), false);
            at = capture_run(run, segments, start, &mut captures);
        }
        if self.splat {
            // SUBST-2: the trailing slash belongs to the splat, unless there is nothing before it.
            let rest = segments.get(at..).unwrap_or_default();
            match self.middles.last().unwrap_or(&self.head).last() {
                Some(Segment::Prefix(prefix)) => {
                    let whole = at.checked_sub(1).and_then(|at| segments.get(at));
                    let tail = whole.and_then(|whole| whole.strip_prefix(&**prefix)).unwrap_or_default();
                    captures.add_splat(&[&[tail], rest].concat(), trailing_slash);
                }
                _ => captures.add_splat(rest, trailing_slash && !rest.is_empty()),
            }
        }
        Some(captures)
    }

    /// Whether every path that `other` matches is matched by this pattern; `false` where that is not plain.
    pub fn covers(&self, other: &Pattern) -> bool {
        if self == other {
            return true;
        }
        let covers = |(own, other): (&Segment, &Segment)| match (own, other) {
            (Segment::Placeholder(_), Segment::Placeholder(_) | Segment::Literal(_)) => true,
            (Segment::Prefix(_), _) => false,
            _ => own == other,
        };
        let long_enough = if self.splat {
            self.head.len() <= other.head.len()
        } else {
            self.head.len() == other.head.len() && !other.splat && other.middles.is_empty()
        };
        self.middles.is_empty() && long_enough && self.head.iter().zip(&other.head).inspect(|_| step(1)).all(covers)
    }

    /// A path that the pattern matches, with `word` for every segment that is free.
    pub fn example(&self, word: &str) -> RequestPath {
        let mut path = Vec::new();
        let mut run = |segments: &[Segment]| {
            path.extend(segments.iter().map(|segment| match segment {
                Segment::Literal(text) => text.to_string(),
                Segment::Placeholder(_) => word.to_owned(),
                Segment::Prefix(text) => format!("{}{word}", &**text),
            }));
        };
        run(&self.head);
        for middle in &self.middles {
            run(&[Segment::Literal(word.into())]);
            run(middle);
        }
        if self.splat {
            run(&[Segment::Literal(word.into())]);
        }
        RequestPath::of(path)
    }

    /// RULES-12: whether the pattern begins with `/.netlify`.
    pub(super) fn is_reserved(&self) -> bool {
        let Some(Segment::Literal(first) | Segment::Prefix(first)) = self.head.first() else {
            return false;
        };
        first.starts_with(".netlify")
    }

    /// The names that `captures` defines, in order; a name can stand twice.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let runs = std::iter::once(&self.head).chain(&self.middles).flatten();
        let placeholders = runs.filter_map(|segment| match segment {
            Segment::Placeholder(name) => Some(&**name),
            Segment::Literal(_) | Segment::Prefix(_) => None,
        });
        let has_splat = self.splat || !self.middles.is_empty();
        placeholders.chain(has_splat.then_some(Captured::SPLAT))
    }

    /// Where each run after a middle `*` starts; `None` where the pattern does not match.
    ///
    /// MATCH-8: stars are greedy. Placing every run as far to the right as it goes gives the first star all it can
    /// have, then the second, and needs no going back.
    fn place(&self, segments: &[&str]) -> Option<Vec<usize>> {
        if !run_matches(&self.head, segments, 0) {
            return None;
        }
        let Some((last, before)) = self.middles.split_last() else {
            return (self.splat || segments.len() == self.head.len()).then(Vec::new);
        };
        let mut starts = vec![0; self.middles.len()];
        let mut end = segments.len();
        // A `*` takes at least one segment.
        let lowest = |stars_before: usize| self.head.len() + 1 + stars_before;
        let mut runs = starts.iter_mut().zip(&self.middles).enumerate().rev();
        if !self.splat {
            let (_, (start, _)) = runs.next()?;
            *start = end.checked_sub(last.len()).filter(|start| *start >= lowest(before.len()))?;
            if !run_matches(last, segments, *start) {
                return None;
            }
            end = start.checked_sub(1)?;
        }
        for (stars_before, (start, run)) in runs {
            let rightmost = end.checked_sub(run.len())?;
            *start = (lowest(stars_before)..=rightmost).rev().find(|start| run_matches(run, segments, *start))?;
            end = start.checked_sub(1)?;
        }
        Some(starts)
    }
}

impl fmt::Display for Pattern {
    /// The pattern as a rule file spells it; reading that again gives the same pattern.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ends_in_star = false;
        let mut run = |f: &mut fmt::Formatter<'_>, segments: &[Segment]| {
            for segment in segments {
                match segment {
                    Segment::Placeholder(name) => write!(f, "/:{}", &**name)?,
                    Segment::Prefix(prefix) => {
                        ends_in_star = true;
                        write!(f, "/{}*", Spelled(prefix))?;
                    }
                    Segment::Literal(text) => write!(f, "/{}", Spelled(text))?,
                }
            }
            Ok(())
        };
        run(f, &self.head)?;
        for middle in &self.middles {
            f.write_str("/*")?;
            run(f, middle)?;
        }
        if self.splat && !ends_in_star {
            f.write_str("/*")?;
        } else if self.head.is_empty() && self.middles.is_empty() {
            f.write_str("/")?;
        }
        Ok(())
    }
}

/// Literal text, so encoded that no part of it is read as a placeholder or a splat.
struct Spelled<'a>(&'a str);

impl fmt::Display for Spelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LITERAL: &AsciiSet = &SEGMENT.add(b'*');
        let rest = match self.0.strip_prefix(':') {
            Some(rest) => {
                f.write_str("%3A")?;
                rest
            }
            None => self.0,
        };
        percent_encode(rest.as_bytes(), LITERAL).fmt(f)
    }
}

/// Notes what is odd, once however often it stands there.
fn note(oddities: &mut Vec<Oddity>, oddity: Oddity) {
    if !oddities.contains(&oddity) {
        oddities.push(oddity);
    }
}

fn run_matches(run: &[Segment], segments: &[&str], start: usize) -> bool {
    let Some(window) = start.checked_add(run.len()).and_then(|end| segments.get(start..end)) else {
        return false;
    };
    run.iter().zip(window).inspect(|_| step(1)).all(|(pattern, segment)| match pattern {
        Segment::Literal(text) => text.as_bytes() == segment.as_bytes(),
        Segment::Placeholder(_) => true,
        Segment::Prefix(prefix) => segment.as_bytes().starts_with(prefix.as_bytes()),
    })
}

/// Notes what the placeholders of a run stand for; the place after the run.
fn capture_run(run: &[Segment], segments: &[&str], start: usize, captures: &mut Captures) -> usize {
    for (pattern, segment) in run.iter().zip(segments.iter().skip(start)) {
        if let Segment::Placeholder(name) = pattern {
            step(segment.len());
            captures.add_text(name, segment.as_bytes().to_vec());
        }
    }
    start + run.len()
}

#[cfg(test)]
mod tests;
