//! Path patterns: literal segments, placeholders and splats (MATCH-1 to MATCH-8).

use smol_str::SmolStr;

use super::captures::Captures;
use crate::cost::step;
use crate::path::RequestPath;
use crate::uri::segments;

/// The path of a rule.
///
/// A pattern is a run of segments from the start of the path, then for each `*` in the middle one or more segments
/// and another run, and at the end perhaps a splat. MATCH-2: a trailing slash is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The segments before the first `*`.
    pub(crate) head: Vec<Segment>,
    /// For each `*` in the middle, the segments between it and the next.
    pub(crate) middles: Vec<Vec<Segment>>,
    /// Whether the pattern ends in a splat, which matches any number of segments, none included (MATCH-3).
    pub(crate) splat: bool,
}

/// One segment of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    /// MATCH-5, MATCH-6: this text and no other.
    Literal(SmolStr),
    /// MATCH-4: any one segment.
    Placeholder(SmolStr),
    /// MATCH-8: `/a*`; a segment that begins with this text. Only before a splat.
    Prefix(SmolStr),
}

impl Pattern {
    /// Whether the pattern matches `path`.
    pub fn matches(&self, path: &RequestPath) -> bool {
        self.matches_name(path.name())
    }

    /// Whether the pattern matches the path with this name.
    pub fn matches_name(&self, name: &str) -> bool {
        self.matches_segments(&segments(name))
    }

    /// Whether the pattern matches the path of these decoded segments.
    pub(crate) fn matches_segments(&self, segments: &[&str]) -> bool {
        self.place(segments).is_some()
    }

    /// What the placeholders and splats stand for in `path`, if the pattern matches it.
    pub fn captures(&self, path: &RequestPath) -> Option<Captures> {
        self.captures_of(&segments(path.name()), path.trailing_slash())
    }

    /// The same for the path of these decoded segments.
    pub(crate) fn captures_of(&self, segments: &[&str], trailing_slash: bool) -> Option<Captures> {
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
