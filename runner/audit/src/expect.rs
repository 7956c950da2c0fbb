//! What the rules say becomes what must come back. Where a gate may choose, every choice is accepted.

use gatecheck::corpus::expectation::{Alternative, Expected, LocationExpectation, REFUSALS};
use gatecheck::corpus::source::Level;
use gatecheck::corpus::template::Template;

use crate::model::{Answer, Said};

/// The name of the alternative that a visitor who is not let in gets.
pub const DENIED: &str = "denied";
/// The name of the alternative that sends a visitor to another spelling of the path (STATIC-3).
pub const RESPELLED: &str = "sent to another spelling";

/// What must come back.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The alternatives.
    pub expected: Expected,
    /// How binding they are.
    pub level: Level,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Writing {
    /// As a browser writes it.
    Plain,
    /// So that servers read it in two ways, or refuse it.
    Odd,
}

/// What a request is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The request target.
    pub target: &'a str,
    /// How the request is written.
    pub writing: Writing,
    /// What the visitor gets at the path that the gate is for.
    pub at_the_gate: Option<&'a Said>,
    /// Whether somebody asks who may be let in, by a near miss or another spelling.
    pub is_near_miss: bool,
    /// The requirement under which sources disagree, if they do.
    pub contested: Option<&'static str>,
    /// Whether the request asks for a part or a condition, so that 206, 304, 412 and 416 are answers too.
    pub conditional: bool,
    /// What the same request would get if the condition that nobody can choose held.
    pub otherwise: Option<&'a Said>,
}

/// What must come back for what the rules say.
#[must_use]
pub fn wanted(said: &Said, context: Context<'_>) -> Wanted {
    let mut alternatives = of(said, context);
    alternatives.extend(context.otherwise.into_iter().flat_map(|other| of(other, context)));
    match context.contested {
        Some(id) => Wanted {
            expected: Expected::Observe {
                labels: vec![(format!("as the reference reads it ({id})"), alternatives)],
                reference: None,
            },
            level: Level::Survey,
        },
        None => Wanted { expected: Expected::Judge(alternatives), level: Level::Must },
    }
}

fn of(said: &Said, context: Context<'_>) -> Vec<Alternative> {
    let mut all = vec![as_said(said)];
    if let (Answer::Shown { status: 200, file }, true) = (&said.answer, context.conditional) {
        // RFC 9110 §13.1, §14.2: a part, what the visitor has already, or what the condition refuses. A denial is no 2xx answer, and no condition is looked at.
        all.push(Alternative { admits: Some(file.clone()), ..Alternative::plain(&[206, 304, 412, 416]) });
    }
    // STATIC-3: a gate may send a visitor to another spelling of the same path. Of an odd one nobody knows which it takes for the right one, so that it has to
    // stay on the site.
    let other = |location| Alternative {
        name: Some(RESPELLED.to_owned()),
        location: Some(location),
        same_origin: true,
        ..Alternative::plain(&[301, 302, 307, 308])
    };
    match (&said.answer, context.writing) {
        (_, Writing::Odd) => all.push(other(LocationExpectation::Any)),
        // A server that knows one spelling of each path alone may ask for it before it asks who the visitor is.
        (answer, Writing::Plain) if said.denied || !matches!(answer, Answer::Refused(_) | Answer::Forwarded) => {
            let file = match answer {
                Answer::Shown { file, .. } => Some(file.as_str()),
                _ => None,
            };
            all.push(other(LocationExpectation::Spelled(spellings_of(context.target, file))));
        }
        _ => {}
    }
    if context.writing == Writing::Odd {
        let refused: Vec<u16> = REFUSALS.iter().copied().chain([401, 403]).collect();
        all.push(Alternative { closed: true, name: Some("refused".to_owned()), ..Alternative::plain(&refused) });
        let is_one = |gate: &&Said| gate.denied || matches!(gate.answer, Answer::Shown { .. });
        all.extend(context.at_the_gate.filter(is_one).map(as_said));
    }
    // STATIC-3: a file has names that only some servers know. Whoever may have it loses nothing where one of them is none.
    let is_known_as = |file: &str| {
        let path = context.target.split('?').next().unwrap_or_default();
        path == crate::ground::path_of(file) || path == crate::ground::pretty(file)
    };
    if let Answer::Shown { file, .. } = &said.answer
        && context.is_near_miss
        && !is_known_as(file)
    {
        all.push(Alternative::plain(&[404]));
    }
    all
}

/// The other ways to write a path that a host may prefer: with or without a slash, `.html` or `index.html`, in small letters; the query stays. Where there is a
/// query the path itself is one of them, since a host may take that away.
pub(crate) fn spellings_of(target: &str, file: Option<&str>) -> Vec<String> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (target, String::new()),
    };
    let bare = path.strip_suffix('/').unwrap_or(path);
    let page = bare
        .strip_suffix("/index.html")
        .or_else(|| bare.strip_suffix(".html"))
        .or_else(|| bare.strip_suffix("/index"))
        .unwrap_or(bare);
    let ends = ["", "/", ".html", "/index.html"];
    let mut all: Vec<String> = [page, bare, bare.strip_suffix(".html").unwrap_or(bare)]
        .iter()
        .flat_map(|page| ends.map(|end| format!("{page}{end}")))
        .collect();
    all.extend(file.map(crate::ground::path_of));
    all.extend(file.map(crate::ground::pretty));
    let small: Vec<String> = all.iter().map(|path| path.to_ascii_lowercase()).collect();
    all.extend(small);
    all.iter_mut().filter(|path| path.is_empty()).for_each(|path| path.push('/'));
    all.sort_unstable();
    all.dedup();
    all.retain(|other| (other != path || !query.is_empty()) && other.starts_with('/'));
    all.into_iter().map(|path| format!("{path}{query}")).collect()
}

fn as_said(said: &Said) -> Alternative {
    let name = said.denied.then(|| DENIED.to_owned());
    let plain = match &said.answer {
        Answer::Refused(code) => {
            let all: Vec<u16> = REFUSALS.iter().copied().chain([401, 403, *code]).collect();
            Alternative { closed: true, ..Alternative::plain(&all) }
        }
        // Where a gate has no page for a denial, some say so with another status.
        Answer::NotFound if said.denied => Alternative::plain(&[404, 401, 403]),
        Answer::NotFound => Alternative::plain(&[404]),
        Answer::Forwarded => Alternative { status: Vec::new(), ..Alternative::plain(&[]) },
        Answer::Redirect { status: code, location } => Alternative {
            location: Some(LocationExpectation::Is(Template::text(location))),
            ..Alternative::plain(&[*code])
        },
        Answer::Shown { status: code, file } => {
            Alternative { shows: Some(file.clone()), ..Alternative::plain(&[*code]) }
        }
    };
    Alternative { name, ..plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_have_a_file_may_be_told_that_a_name_of_it_is_none() {
        let shown = |file: &str| {
            let answer = Answer::Shown { status: 200, file: file.to_owned() };
            Said { answer, by: Some(0), denied: false, closed_by: Vec::new() }
        };
        let nothing = Said { answer: Answer::NotFound, by: None, denied: false, closed_by: Vec::new() };
        let page = shown("/a/index.html");
        let context = |target, writing, is_near_miss| Context {
            target,
            writing,
            at_the_gate: Some(&page),
            is_near_miss,
            contested: None,
            conditional: false,
            otherwise: None,
        };
        let accepts = |said: &Said, context: Context<'_>, status: u16, file: Option<&str>| {
            let all = of(said, context);
            all.iter().any(|one| one.status.contains(&status) && one.shows.as_deref() == file && one.location.is_none())
        };
        assert!(accepts(&page, context("/a/index", Writing::Plain, true), 404, None));
        assert!(!accepts(&page, context("/a/", Writing::Plain, true), 404, None));
        assert!(!accepts(&page, context("/a/index", Writing::Plain, false), 404, None));
        // Which path an odd spelling stands for is not certain, and its visitor may have the file of one of them.
        assert!(accepts(&nothing, context("/x//../a/", Writing::Odd, true), 200, Some("/a/index.html")));
        assert!(!accepts(&nothing, context("/x/a/", Writing::Plain, true), 200, Some("/a/index.html")));
    }

    #[test]
    fn an_ending_may_be_left_away_alone() {
        assert!(spellings_of("/a/index.html", None).contains(&"/a/index".to_owned()));
    }

    #[test]
    fn a_path_may_be_written_otherwise_and_not_as_it_is() {
        for (target, file, others) in [
            ("/a/home", Some("/a/home.html"), &["/a/home.html", "/a/home/", "/a/home/index.html"][..]),
            ("/a/", Some("/a/index.html"), &["/a", "/a.html", "/a/index.html"]),
            ("/", Some("/index.html"), &["/index.html"]),
            ("/a?x=1", None, &["/a?x=1", "/a.html?x=1", "/a/?x=1", "/a/index.html?x=1"]),
            (
                "/A/index",
                None,
                &[
                    "/A",
                    "/A.html",
                    "/A/",
                    "/A/index.html",
                    "/A/index/",
                    "/A/index/index.html",
                    "/a",
                    "/a.html",
                    "/a/",
                    "/a/index",
                    "/a/index.html",
                    "/a/index/",
                    "/a/index/index.html",
                ],
            ),
        ] {
            assert_eq!(spellings_of(target, file), others, "{target}");
        }
    }
}
