//! NOLEAK-3: every path that may name the same file as one that a pattern matches.

use smol_str::SmolStr;

use super::Segment;
use crate::cost::step;
use crate::rules::Pattern;
use crate::uri::segments;

/// Every path that may name the same file as one that a pattern matches, whether the site lies here (STATIC-1) or on a server that
/// knows pretty URLs (UPSTREAM-2), and of others next to none.
///
/// `/x`, `/x.html`, `/x/index` and `/x/index.html` may be one file, so they are one page, `/x`. What holds a page in a content coding is
/// covered with it, and not the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// A path begins with these. The last one, where it is written out, is the name of a page.
    head: Vec<Segment>,
    below: Below,
}

/// What may stand below the head of [`Covered`], and need not.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Below {
    /// Any number of segments.
    Anything,
    /// These, of which a page is the shorter form, and spellings of `index`.
    Spelled(Vec<Segment>),
}

impl Pattern {
    /// NOLEAK-3: every path that may name the same file as one that this pattern matches.
    pub fn with_spellings(&self) -> Covered {
        let mut head = self.head.clone();
        let mut below = Vec::new();
        while let Some(last) = head.pop() {
            match last {
                Segment::Literal(text) if !is_index(page_of(&text)) => {
                    head.push(Segment::Literal(page_of(&text).into()));
                    break;
                }
                Segment::Prefix(text) if !INDEX.starts_with(page_that_begins(&text)) => {
                    head.push(Segment::Prefix(page_that_begins(&text).into()));
                    break;
                }
                other => below.push(other),
            }
        }
        below.reverse();
        let is_open = self.splat || !self.middles.is_empty();
        Covered { head, below: if is_open { Below::Anything } else { Below::Spelled(below) } }
    }
}

impl Covered {
    /// Whether a pattern may match one of these paths.
    pub fn may_meet(&self, pattern: &Pattern) -> bool {
        let is_open = pattern.splat || !pattern.middles.is_empty();
        let longer = pattern.head.get(self.head.len()..);
        let lengths_meet = longer.map_or(is_open, |more| self.goes_on(more));
        let mut both = self.head.iter().zip(&pattern.head).enumerate().inspect(|_| step(1));
        lengths_meet
            && both.all(|(at, (own, other))| own.may_meet(other) || (self.is_last(at) && is_spelled(other, own)))
    }

    /// Whether some path is one of these and one of `other`.
    pub fn may_share_with(&self, other: &Covered) -> bool {
        let (own, others) = (self.head.len(), other.head.len());
        let lengths_meet = match (self.head.get(others..), other.head.get(own..)) {
            (_, Some(more)) => self.goes_on(more),
            (more, None) => more.is_some_and(|more| other.goes_on(more)),
        };
        let mut both = self.head.iter().zip(&other.head).enumerate().inspect(|_| step(1));
        lengths_meet
            && both.all(|(at, (a, b))| {
                let is_one_spelled = (self.is_last(at) && is_spelled(b, a)) || (other.is_last(at) && is_spelled(a, b));
                a.may_meet(b) || is_one_spelled
            })
    }

    /// Whether the path with this name is one of these.
    pub fn matches_name(&self, name: &str) -> bool {
        let head = segments(name).iter().map(|text| Segment::Literal(SmolStr::from(*text))).collect();
        self.may_meet(&Pattern { head, middles: Vec::new(), splat: false })
    }

    fn is_last(&self, at: usize) -> bool {
        at + 1 == self.head.len()
    }

    /// Whether such segments may stand below the head.
    fn goes_on(&self, more: &[Segment]) -> bool {
        let Below::Spelled(shorter) = &self.below else { return true };
        let is_free = |at: usize| matches!(shorter.get(at), Some(Segment::Placeholder(_)));
        more.iter().enumerate().inspect(|_| step(1)).all(|(at, segment)| is_free(at) || may_be_index(segment))
    }
}

const INDEX: &str = "index";

/// Whether the segment that is written so may be the one that is left out of a path.
fn is_index(page: &str) -> bool {
    page.is_empty() || page == INDEX
}

/// A name without `.html`, as often as it ends in it.
fn page_of(mut name: &str) -> &str {
    while let Some(page) = name.strip_suffix(HTML) {
        name = page;
    }
    name
}

const HTML: &str = ".html";

/// The same for the beginning of a name, which may end within an ending.
fn page_that_begins(mut begin: &str) -> &str {
    while let Some((page, _)) =
        begin.rsplit_once('.').filter(|(_, end)| HTML.get(1..).is_some_and(|html| html.starts_with(end)))
    {
        begin = page;
    }
    begin
}

/// The page that a file with this name holds, and that which it holds in a content coding.
fn pages_in(name: &str) -> impl Iterator<Item = &str> {
    let uncoded = [".br", ".gz"].iter().find_map(|ending| name.strip_suffix(ending));
    [Some(name), uncoded].into_iter().flatten().map(page_of)
}

fn may_be_index(segment: &Segment) -> bool {
    match segment {
        Segment::Literal(text) => pages_in(text).any(is_index),
        Segment::Placeholder(_) => true,
        Segment::Prefix(text) => INDEX.starts_with(&**text) || text.starts_with(INDEX) || text.starts_with('.'),
    }
}

/// Whether a segment may be a spelling of the name of a page.
fn is_spelled(segment: &Segment, page: &Segment) -> bool {
    let Segment::Literal(page) = page else { return false };
    match segment {
        Segment::Literal(text) => pages_in(text).any(|other| other == &**page),
        Segment::Placeholder(_) => true,
        Segment::Prefix(text) => text.strip_prefix(&**page).is_some_and(|end| end.starts_with('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::RequestPath;
    use crate::site::{Elsewhere, MemorySite, Site as _, Spellings};

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap().0
    }

    /// Each pattern, what may be a file that it matches, and what is another one.
    const COVERED: &[(&str, &[&str], &[&str])] = &[
        (
            "/app",
            &["/app", "/app.html", "/app/index", "/app/index.html", "/app.br", "/app.html.gz", "/app/index.html.br"],
            &[
                "/app-pro",
                "/app.pdf",
                "/apps",
                "/app/x",
                "/ap",
                "/",
                "/app.htm",
                "/app/indexes",
                "/x/app",
                "/app.html/x",
            ],
        ),
        ("/app.html", &["/app", "/app.html", "/app.html.br", "/app/index.html"], &["/app.js", "/app2.html", "/app/x"]),
        (
            "/app/*",
            &["/app", "/app.html", "/app/x", "/app/x/y", "/app.html.gz"],
            &["/app-pro", "/app-pro/x", "/application", "/"],
        ),
        (
            "/a/report.pdf",
            &["/a/report.pdf", "/a/report.pdf.gz", "/a/report.pdf.html"],
            &["/a/report", "/a/report.doc", "/a"],
        ),
        ("/a/x.html.br", &["/a/x.html.br"], &["/a/x.html", "/a/x"]),
        (
            "/a/index.html",
            &["/a", "/a.html", "/a/index", "/a/index.html", "/a/index.html.gz"],
            &["/a/x", "/a/x/index.html", "/"],
        ),
        ("/a/index.html.br", &["/a/index.html.br"], &["/a", "/a/index.html"]),
        ("/index.html", &["/", "/index", "/index.html"], &["/a", "/a/index.html"]),
        ("/", &["/", "/index", "/index.html", "/index.html.gz"], &["/a", "/a.html"]),
        ("/a/:x", &["/a", "/a/b", "/a/b.html", "/a/b/index.html", "/a.html"], &["/a/b/c", "/b", "/ab", "/"]),
        ("/:x", &["/", "/b", "/b.html", "/b/index"], &["/b/c"]),
        ("/:x/b", &["/a/b", "/a/b.html", "/a/b/index"], &["/a", "/a/c", "/"]),
        ("/a/index/:x", &["/a", "/a/index", "/a/index/b"], &["/a/b", "/a/b/index"]),
        ("/:x/*", &["/", "/b", "/b/c"], &[]),
        ("/a/b*", &["/a/b", "/a/bc", "/a/b.html", "/a/bc/d"], &["/a", "/a/c", "/ab"]),
        ("/a.h*", &["/a", "/a.html", "/a.htm"], &["/b", "/"]),
        ("/a/in*", &["/a", "/a/index.html", "/a/inn"], &["/b", "/ab"]),
        ("/a/*/c", &["/a/b/c", "/a/b/c.html"], &["/b", "/ab"]),
        ("/*", &["/", "/a", "/a/b"], &[]),
    ];

    #[test]
    fn noleak_3_what_may_be_the_same_file_and_nothing_else() {
        for (text, same, others) in COVERED {
            let covered = pattern(text).with_spellings();
            for (paths, expected) in [(same, true), (others, false)] {
                for path in *paths {
                    assert_eq!(covered.may_meet(&pattern(path)), expected, "{text} {path}");
                    let name = path.strip_suffix('/').unwrap_or(path);
                    assert_eq!(covered.matches_name(name), expected, "{text} {name}");
                    // What is one file for both is so whichever is asked.
                    let other = pattern(path).with_spellings();
                    assert_eq!(covered.may_share_with(&other), other.may_share_with(&covered), "{text} {path}");
                    assert!(!expected || covered.may_share_with(&other), "{text} {path}");
                }
            }
        }
    }

    #[test]
    fn noleak_3_rules_beside_a_gate() {
        for (gate, rule, expected) in [
            ("/app/*", "/app-pro/*", false),
            ("/app/*", "/app*", true),
            ("/app/*", "/app-*", false),
            ("/app/*", "/app.*", true),
            ("/app", "/app/*", true),
            ("/app", "/:x", true),
            ("/app", "/:x/y", false),
            ("/app", "/:x/:y", true),
            ("/app", "/*/y", true),
            ("/app/index.html", "/app*", true),
            ("/a/b", "/a/b/in*", true),
            ("/a/b", "/a/b/x*", false),
            ("/a/:x", "/a/b/*", true),
        ] {
            assert_eq!(pattern(gate).with_spellings().may_meet(&pattern(rule)), expected, "{gate} {rule}");
        }
        for (one, other, expected) in [
            ("/app/*", "/app-pro/*", false),
            ("/a/b/*", "/a", false),
            ("/a", "/a.html", true),
            ("/a.html", "/a/index.html", true),
            ("/a/:x", "/a/b/:y", true),
            ("/a/b.html", "/a/:x", true),
            ("/a/x.html.br", "/a/x", true),
            ("/a/x.pdf", "/a/x.doc", false),
        ] {
            let (a, b) = (pattern(one).with_spellings(), pattern(other).with_spellings());
            assert_eq!((a.may_share_with(&b), b.may_share_with(&a)), (expected, expected), "{one} {other}");
        }
    }

    /// Texts of up to two segments of these, and some of three.
    fn paths(of: &[&str]) -> Vec<String> {
        let one: Vec<String> = of.iter().map(|segment| format!("/{segment}")).collect();
        let further = |paths: &[String]| -> Vec<String> {
            paths.iter().flat_map(|path| of.iter().map(move |segment| format!("{path}/{segment}"))).collect()
        };
        let two = further(&one);
        let three = further(&two).into_iter().step_by(5).collect();
        [vec![String::new()], one, two, three].concat()
    }

    /// Asked of every file and pattern of a small alphabet.
    #[test]
    fn noleak_3_whatever_serves_the_file_is_covered() {
        let of_patterns = ["a", "a.html", "index", "index.html", ":x", "a.h*", "in*", "*"];
        let patterns: Vec<Pattern> = paths(&of_patterns).iter().map(|text| pattern(text)).collect();
        let covered: Vec<Covered> = patterns.iter().map(Pattern::with_spellings).collect();
        let (mut asked, mut left_out) = (0, 0);
        let mut ask = |names: &[String], serving: &[String]| {
            let gates =
                patterns.iter().zip(&covered).filter(|(gate, _)| names.iter().any(|name| gate.matches_name(name)));
            let gates: Vec<&Covered> = gates.map(|(_, covered)| covered).collect();
            for covered in &gates {
                for path in serving {
                    assert!(covered.matches_name(path), "{path} of {names:?} is not in {covered:?}");
                    asked += 1;
                }
                assert!(gates.iter().step_by(7).all(|other| covered.may_share_with(other)), "{names:?} {covered:?}");
            }
            for rule in patterns.iter().step_by(5).filter(|rule| serving.iter().any(|path| rule.matches_name(path))) {
                assert!(gates.iter().all(|covered| covered.may_meet(rule)), "{rule} {names:?}");
            }
            left_out += covered.iter().filter(|covered| !serving.iter().any(|path| covered.matches_name(path))).count();
        };
        for file in paths(&["a", "a.html", "index", "index.html", "a.html.br", "index.html.gz"]) {
            let plain = file.strip_suffix(".br").or(file.strip_suffix(".gz")).unwrap_or(&file);
            let site = MemorySite::new([file.as_str(), plain].into_iter().filter(|name| !name.is_empty()));
            let own: Vec<String> = Spellings::of(&site, &file).iter().map(str::to_owned).collect();
            let names: Vec<String> = own.iter().cloned().chain(site.other_names(&file)).collect();
            ask(&names, &own);
            // The same path of a site that another server has.
            let path = RequestPath::of(segments(&file));
            let there = Elsewhere.file(&path).unwrap();
            let names = Spellings::of(&Elsewhere, &there).and(Elsewhere.other_names(&there));
            ask(&names.iter().map(str::to_owned).collect::<Vec<_>>(), std::slice::from_ref(&file));
        }
        assert!(asked > 1_000 && left_out > 1_000, "{asked} {left_out}");
    }
}
