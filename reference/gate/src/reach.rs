//! Which paths a pattern and a destination have to do with, for those who look at rules and not at requests.

mod covered;

use crate::cost::step;
use crate::elsewhere::readings::{Readings, loose_segment};
use crate::meaning::rules::destination::Part;
use crate::meaning::rules::pattern::Segment;
use crate::path::{self, RequestPath, segments};
use crate::rules::{Captured, Captures, Destination, Oddity, Pattern, QueryValue, Rule};

pub use covered::Covered;

/// The word in the place of a free segment, where a path is made up.
pub const EXAMPLE: &str = "example";

/// Whether a path is one of those at which the platform runs a function.
pub fn is_of_a_function(path: &str) -> bool {
    ["/.netlify/functions/", "/.netlify/builders/"].iter().any(|begin| path.starts_with(begin))
}

impl Pattern {
    /// Whether a `*` stands before the end.
    #[cfg(feature = "cost")]
    pub fn has_star_in_the_middle(&self) -> bool {
        !self.middles.is_empty()
    }

    /// Whether every path that `other` matches is matched by this pattern; `false` where that is not plain.
    pub fn covers(&self, other: &Pattern) -> bool {
        if self == other {
            return true;
        }
        let covers = |(own, other): (&Segment, &Segment)| match (own, other) {
            (Segment::Placeholder(_), Segment::Placeholder(_) | Segment::Literal(_)) => true,
            (Segment::Prefix(own), Segment::Literal(other) | Segment::Prefix(other)) => other.starts_with(&**own),
            (Segment::Prefix(_), Segment::Placeholder(_)) => false,
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
    pub(crate) fn is_reserved(&self) -> bool {
        let Some(Segment::Literal(first) | Segment::Prefix(first)) = self.head.first() else {
            return false;
        };
        first.starts_with(".netlify")
    }

    /// The segments of the one path that the pattern matches, if it is one alone.
    pub fn literal(&self) -> Option<Vec<&str>> {
        if self.splat { None } else { self.stem() }
    }

    /// The segments that stand before a splat, or all where there is none; `None` where one of them is free.
    pub fn stem(&self) -> Option<Vec<&str>> {
        if !self.middles.is_empty() {
            return None;
        }
        let texts = self.head.iter().map(|segment| match segment {
            Segment::Literal(text) => Some(&**text),
            Segment::Placeholder(_) | Segment::Prefix(_) => None,
        });
        texts.collect()
    }

    /// The segments before the first one that is free.
    pub fn fixed(&self) -> Vec<&str> {
        let texts = self.head.iter().map_while(|segment| match segment {
            Segment::Literal(text) => Some(&**text),
            Segment::Placeholder(_) | Segment::Prefix(_) => None,
        });
        texts.collect()
    }

    /// Whether a segment of the path, or a splat, is captured under this name.
    pub fn captures_name(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// Whether the pattern matches any depth below its stem.
    pub fn ends_in_splat(&self) -> bool {
        self.splat
    }

    /// ROLE-12: the pattern of what the loosest of servers make of the paths that this one matches, and of more besides.
    pub(crate) fn loosely(&self) -> Pattern {
        let loose = |segment: &Segment| match segment {
            Segment::Literal(text) => loose_segment(text).map(|text| Segment::Literal(text.into())),
            Segment::Prefix(text) => Some(Segment::Prefix(text.to_lowercase().into())),
            Segment::Placeholder(_) => Some(segment.clone()),
        };
        match self.head.iter().map(loose).collect() {
            Some(head) => Pattern { head, middles: self.middles.clone(), splat: self.splat },
            None => Pattern { head: Vec::new(), middles: Vec::new(), splat: true },
        }
    }

    /// A path that both patterns match, with `word` for every segment that is free; none where that is not plain.
    pub fn common(&self, other: &Pattern, word: &str) -> Option<RequestPath> {
        let (long, short) = if self.head.len() < other.head.len() { (other, self) } else { (self, other) };
        let free = Segment::Placeholder(word.into());
        let others = short.head.iter().chain(std::iter::repeat(&free));
        let both = long.head.iter().zip(others).map(|(one, other)| match (one, other) {
            (Segment::Placeholder(_), other) | (Segment::Prefix(_), other @ Segment::Literal(_)) => other.clone(),
            (one, _) => one.clone(),
        });
        let splat = long.splat && short.splat;
        let path = Pattern { head: both.collect(), middles: Vec::new(), splat }.example(word);
        (self.matches(&path) && other.matches(&path)).then_some(path)
    }

    /// Whether a path may be matched by both patterns; `true` where that is not plain.
    pub fn may_meet(&self, other: &Pattern) -> bool {
        let is_open = |pattern: &Pattern| pattern.splat || !pattern.middles.is_empty();
        let (own, others) = (self.head.len(), other.head.len());
        let lengths_meet = (is_open(self) || others <= own) && (is_open(other) || own <= others);
        lengths_meet && self.head.iter().zip(&other.head).inspect(|_| step(1)).all(|(a, b)| a.may_meet(b))
    }
}

impl Segment {
    fn may_meet(&self, other: &Segment) -> bool {
        match (self, other) {
            (Segment::Placeholder(_), _) | (_, Segment::Placeholder(_)) => true,
            (Segment::Literal(a), Segment::Literal(b)) => a == b,
            (Segment::Prefix(prefix), Segment::Literal(text)) | (Segment::Literal(text), Segment::Prefix(prefix)) => {
                text.starts_with(&**prefix)
            }
            (Segment::Prefix(a), Segment::Prefix(b)) => a.starts_with(&**b) || b.starts_with(&**a),
        }
    }
}

/// The text of a path without its dot segments and empty segments, spelled as it is where that reads the same.
pub(crate) fn tidy(path: &str, pattern: &Pattern) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    kept.retain(|segment| !segment.is_empty());
    let text = format!("/{}", kept.join("/"));
    match Pattern::parse(&text) {
        Ok((again, oddities)) if again == *pattern && !oddities.contains(&Oddity::NotCanonical) => text,
        _ => pattern.to_string(),
    }
}

/// A piece of the path of a destination.
enum Step {
    /// This segment.
    Literal(String),
    /// What stands for a name of the path: one segment.
    One(String),
    /// What stands for the splat: any number of them.
    Rest,
}

impl Destination {
    /// A pattern of every path that the destination can become, be it with more besides.
    pub fn reach(&self) -> Pattern {
        let (steps, whole) = self.steps();
        let mut pattern = Pattern { head: Vec::new(), middles: Vec::new(), splat: !whole };
        for step in steps {
            match step {
                Step::Literal(text) => pattern.head.push(Segment::Literal(text.as_str().into())),
                Step::One(name) => pattern.head.push(Segment::Placeholder(name.as_str().into())),
                Step::Rest => pattern.splat = true,
            }
        }
        pattern
    }

    /// ROLE-12: a pattern of every path that another server may read in what the destination becomes, be it with more besides, as
    /// [`Pattern::loosely`] has it.
    pub(crate) fn fetches(&self) -> Pattern {
        if !self.takes_captures() {
            let loose = Readings::of(&self.substitute(&Captures::default()).path).loose;
            let head = segments(&loose).iter().map(|text| Segment::Literal((*text).into())).collect();
            return Pattern { head, middles: Vec::new(), splat: false };
        }
        // Behind dots that are hidden anything may lie.
        let hides = |part: &Part| matches!(part, Part::Literal(text) if text.to_lowercase().contains("%5c") || text.contains('\\'));
        if self.path.iter().any(hides) {
            return Pattern { head: Vec::new(), middles: Vec::new(), splat: true };
        }
        self.reach().loosely()
    }

    /// What stands between the slashes of the path, without segments of dots, and whether that is all of it: what stands behind
    /// dots that take back a splat cannot be told.
    pub(crate) fn segments(&self) -> (Vec<Vec<Part>>, bool) {
        let mut segments: Vec<Vec<Part>> = vec![Vec::new()];
        for part in &self.path {
            let Part::Literal(text) = part else {
                segments.last_mut().into_iter().for_each(|segment| segment.push(part.clone()));
                continue;
            };
            for (at, text) in text.split('/').enumerate() {
                if at > 0 {
                    segments.push(Vec::new());
                }
                let text = (!text.is_empty()).then(|| Part::Literal(text.to_owned()));
                segments.last_mut().into_iter().for_each(|segment| segment.extend(text.clone()));
            }
        }
        let mut kept: Vec<Vec<Part>> = Vec::new();
        for segment in segments.into_iter().filter(|segment| !segment.is_empty()) {
            match dots(&segment).as_deref() {
                Some(".") => {}
                Some("..") => {
                    if kept.pop().is_some_and(|last| last.iter().any(is_splat)) {
                        return (kept, false);
                    }
                }
                _ => kept.push(segment),
            }
        }
        (kept, true)
    }

    /// The path as far as it can be cut into segments, and whether that is all of it.
    fn steps(&self) -> (Vec<Step>, bool) {
        let has_dots = || {
            let literals = self.path.iter().filter_map(|part| match part {
                Part::Literal(text) => Some(text),
                Part::Capture(_) => None,
            });
            literals.flat_map(|text| text.split('/')).any(|text| dots(&[Part::Literal(text.to_owned())]).is_some())
        };
        // What another server makes of dots cannot be told.
        if self.is_absolute() && has_dots() {
            return (Vec::new(), false);
        }
        let (segments, whole) = self.segments();
        let mut steps = Vec::new();
        for segment in &segments {
            if matches!(steps.last(), Some(Step::Rest)) {
                return (steps, false);
            }
            steps.push(match segment.as_slice() {
                [Part::Literal(text)] => match path::decode_segment(text.as_bytes()) {
                    Ok(text) => Step::Literal(text.into_owned()),
                    Err(_) => return (steps, false),
                },
                [part] if is_splat(part) => Step::Rest,
                [Part::Capture(name)] => Step::One(name.clone()),
                _ => return (steps, false),
            });
        }
        (steps, whole)
    }
}

fn is_splat(part: &Part) -> bool {
    matches!(part, Part::Capture(name) if name == Captured::SPLAT)
}

/// The dots that a segment is.
fn dots(segment: &[Part]) -> Option<String> {
    let [Part::Literal(text)] = segment else { return None };
    let text = path::decode_segment(text.as_bytes()).ok()?;
    matches!(text.as_ref(), "." | "..").then(|| text.into_owned())
}

impl Rule {
    /// STATUS-5.own-tree: the fixed path below which the rule puts what its splat holds, if the rule matches there too and makes a
    /// longer path of what it matches.
    pub fn own_tree(&self) -> Option<RequestPath> {
        let apply = self.apply().filter(|apply| apply.is_redirect() && self.pattern.splat)?;
        let [Part::Literal(before), Part::Capture(name), after @ ..] = apply.to.path.as_ref() else { return None };
        let fixed = before.strip_suffix('/').filter(|text| name == Captured::SPLAT && !text.is_empty())?;
        step(before.len());
        let tree = RequestPath::parse(fixed.as_bytes()).ok()?;
        let head: Vec<Segment> = tree.segments().map(|segment| Segment::Literal(segment.into())).collect();
        let goes_on = after.iter().any(|part| !matches!(part, Part::Literal(text) if text == "/"));
        let behind_stars: usize = self.pattern.middles.iter().map(|run| run.len() + 1).sum();
        let gets_longer = head.len() + usize::from(goes_on) > self.pattern.head.len() + behind_stars;
        let below = Pattern { head, middles: Vec::new(), splat: true };
        (gets_longer && self.pattern.may_meet(&below)).then_some(tree)
    }

    /// Whether the rule leads from each path to that very path of the site.
    pub fn leads_to_itself(&self) -> bool {
        self.apply().is_some_and(|apply| !apply.to.is_absolute() && apply.to.reach() == self.pattern)
    }

    /// Whether a name of the query can land in the destination, where it need not be a whole segment.
    pub fn captures_query(&self) -> bool {
        self.query.iter().any(|constraint| matches!(constraint.value, QueryValue::Capture(_)))
    }

    /// What each path that [`Rule::path_to`] can be asked for begins with, in whole segments: what the destination writes out
    /// before it takes anything from the request. `None` where it leads nowhere, or to what is no plain path.
    pub fn leads_below(&self) -> Option<String> {
        let (steps, true) = self.apply()?.to.steps() else { return None };
        let literals = steps.iter().map_while(|step| match step {
            Step::Literal(text) => Some(["/", text].concat()),
            Step::One(_) | Step::Rest => None,
        });
        Some(literals.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap().0
    }

    fn rule(line: &str) -> Rule {
        RuleSet::parse(line.as_bytes()).rules.rules()[0].clone()
    }

    #[test]
    fn patterns_that_may_meet() {
        for (a, b, expected) in [
            ("/a", "/a", true),
            ("/a", "/b", false),
            ("/a", "/a/b", false),
            ("/a/*", "/a", true),
            ("/a/*", "/a/b/c", true),
            ("/a/*", "/b/*", false),
            ("/:x", "/a", true),
            ("/:x/b", "/a/*", true),
            ("/a*", "/ab/c", true),
            ("/a*", "/b", false),
            ("/a*", "/ab*", true),
            ("/a/*/c", "/a/b", true),
            ("/*", "/", true),
        ] {
            assert_eq!(pattern(a).may_meet(&pattern(b)), expected, "{a} {b}");
            assert_eq!(pattern(b).may_meet(&pattern(a)), expected, "{b} {a}");
        }
    }

    #[test]
    fn paths_of_two_patterns() {
        for (a, b, expected) in [
            ("/a/*", "/:x/secret", Some("/a/secret")),
            ("/a/*", "/*", Some("/a/word")),
            ("/a", "/:x", Some("/a")),
            ("/a/*", "/a", Some("/a")),
            ("/a/*", "/b/*", None),
            ("/a*", "/ab/*", Some("/ab/word")),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                let path = pattern(a).common(&pattern(b), "word").map(|path| path.encoded());
                assert_eq!(path.as_deref(), expected, "{a} {b}");
            }
        }
    }

    #[test]
    fn tidy_text_keeps_its_spelling_where_it_can() {
        for (path, expected) in [
            ("/日本//ü", "/日本/ü"),
            ("/a/./%62/../c/*", "/a/c/*"),
            ("/a/%2e%2e/:x/", "/:x"),
            ("/..", "/"),
            ("//a", "/a"),
        ] {
            assert_eq!(tidy(path, &pattern(path)), expected, "{path}");
        }
    }

    #[test]
    fn reach_of_destinations() {
        for (line, reach) in [
            ("/a /b/c?x=y 200", "/b/c"),
            ("/a/* /b/:splat 200", "/b/*"),
            ("/a/* /:splat 200", "/*"),
            ("/a/* /:splat/b 200", "/*"),
            ("/a/:x /b/:x/ 200", "/b/:x"),
            ("/a/:x /b/x-:x/c 200", "/b/*"),
            ("/a /b/../c 200", "/c"),
            ("/a/* /b/../c/./:splat 200", "/c/*"),
            ("/a/:x /:x/%2e%2e/c 200", "/c"),
            ("/a/* /b/:splat/../c 200", "/b/*"),
            ("/a/* https://b.example/b/../c/:splat 200", "/*"),
            ("/a / 200", "/"),
        ] {
            assert_eq!(rule(line).apply().unwrap().to.reach().to_string(), reach, "{line}");
        }
    }
}
