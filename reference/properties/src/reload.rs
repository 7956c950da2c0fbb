//! New rules that take the place of old ones without a word from anybody open nothing.

use std::collections::HashSet;
use std::fmt;

use rolegate::decide::{Decision, Outcome, decide};
use rolegate::opens::opens;
use rolegate::path::{RequestPath, segments};
use rolegate::request::{Request, Scheme};
use rolegate::rules::RuleSet;
use rolegate::site::{MemorySite, Site};
use rolegate::visitor::Visitor;

use super::small::{FILES, Picks};

const FROM: &[&str] = &[
    "/a",
    "/*",
    "/a/*",
    "/b/*",
    "/:x",
    "/a.html",
    "/a/b",
    "/b",
    "/:x/*",
    "/a/:x",
    "https://a.example/a/*",
    "https://a.example/*",
    "/a*",
    "/*/b",
    "/index.html",
];
const QUERY: &[&str] = &["", "", "", "", " q=1", " q=:x"];
const TO: &[&str] = &[
    " /:splat",
    " /a",
    " /b",
    " /a/:splat",
    " /b/:splat",
    " /a.html",
    " /a/:x",
    " /:x",
    " https://u.example/:splat",
    " https://u.example/a",
    " https://v.example/:splat",
    "",
];
const STATUS: &[&str] = &[" 200!", " 200!", " 200", " 301", " 302!", " 404", " 401!"];
const CONDITIONS: &[&str] =
    &[" Role=r", "", "", " Role=r,s", " Role=*", " Role=s", " Role", " Country=de", " Role=r Country=de", " Cookie=c"];

struct Case {
    old: (String, MemorySite),
    new: (String, MemorySite),
    /// Files that have another name in the new site: that in the old one, and the new one.
    moved: Vec<(&'static str, &'static str)>,
}

impl Case {
    fn new(bytes: &[u8]) -> Case {
        let mut picks = Picks(bytes);
        let old_files: Vec<&str> = (0..picks.number() % 6).map(|_| picks.pick(FILES)).collect();
        let mut new_files = old_files.clone();
        if picks.number() % 3 == 1 {
            new_files.push(picks.pick(FILES));
        }
        let site = |files: &[&'static str], links: usize| {
            let site = MemorySite::new(files.iter().copied());
            match (links, files) {
                (1, [one, .., other]) if one != other => site.with_links(&[*one, *other]),
                _ => site,
            }
        };
        let (old_links, new_links) = (picks.number(), picks.number() % 4);
        let moved = moved(old_links, &old_files);
        new_files.retain(|name| !moved.iter().any(|(old, _)| old == name));
        new_files.extend(moved.iter().map(|(_, new)| *new));
        let old_links = old_links % 4;
        let mut old: Vec<String> = Vec::new();
        for _ in 0..=picks.number() % 5 {
            old.push(line(&mut picks));
        }
        let mut new = old.clone();
        // Lines are taken out, put in, moved and cut.
        while !picks.0.is_empty() && new.len() < 12 {
            let at = picks.number().checked_rem(new.len() + 1).unwrap_or_default();
            match picks.number() % 4 {
                0 if at < new.len() => drop(new.remove(at)),
                1 if at < new.len() => {
                    let moved = new.remove(at);
                    new.insert(picks.number().checked_rem(new.len() + 1).unwrap_or_default(), moved);
                }
                2 if at < new.len() => {
                    let cut = picks.number();
                    if let Some(line) = new.get_mut(at) {
                        line.truncate(cut.checked_rem(line.len()).unwrap_or_default());
                    }
                }
                _ => new.insert(at, line(&mut picks)),
            }
        }
        Case {
            old: (old.join("\n"), site(&old_files, old_links)),
            new: (new.join("\n"), site(&new_files, new_links)),
            moved,
        }
    }
}

/// Which files are moved: onto a name that may exist already, or two that change places.
fn moved(number: usize, files: &[&'static str]) -> Vec<(&'static str, &'static str)> {
    let at =
        |list: &[&'static str], place: usize| place.checked_rem(list.len()).and_then(|place| list.get(place)).copied();
    let from = at(files, number / 4);
    let pairs = match number % 4 {
        2 => vec![(from, at(FILES, number / 16))],
        3 => vec![(from, at(files, number / 16)), (at(files, number / 16), from)],
        _ => Vec::new(),
    };
    pairs.into_iter().filter_map(|(old, new)| Some((old?, new?))).filter(|(old, new)| old != new).collect()
}

fn line(picks: &mut Picks<'_>) -> String {
    [FROM, QUERY, TO, STATUS, CONDITIONS].map(|alphabet| picks.pick(alphabet)).concat()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, (rules, site)) in [("old", &self.old), ("new", &self.new)] {
            writeln!(f, "{name}, {site:?}\n{rules}")?;
        }
        writeln!(f, "moved {:?}", self.moved)
    }
}

/// RELOAD-3: where nothing is said to open, nobody gets what the old rules denied them.
pub fn reload_opens_nothing(bytes: &[u8]) {
    let case = Case::new(bytes);
    let (old, new) = (RuleSet::parse(case.old.0.as_bytes()).rules, RuleSet::parse(case.new.0.as_bytes()).rules);
    // No gate starts with these.
    if !old.unreadable().is_empty() || !new.unreadable().is_empty() {
        return;
    }
    let (before, after) = ((&old, &case.old.1), (&new, &case.new.1));
    if opens(before, after, case.moved.iter().copied()).is_some() {
        return;
    }
    if let Err(found) = look_for_an_opening(before, after, &case.moved) {
        // The message is what makes a failure readable.
        assert!(found.is_empty(), "{found}\n{case}");
    }
}

/// Asserts that nobody gets by the new rules what the old ones denied them, over many requests.
pub fn holds_what_was_denied(old: (&RuleSet, &MemorySite), new: (&RuleSet, &MemorySite)) {
    let found = look_for_an_opening(old, new, &[]);
    assert_eq!(found, Ok(()), "from\n{:#?}\nto\n{:#?}", texts(old.0), texts(new.0));
}

fn texts(rules: &RuleSet) -> Vec<&str> {
    rules.rules().iter().map(|rule| rule.text.as_str()).collect()
}

const SEGMENTS: &[&str] = &["a", "b", "m", "x", "a.html", "index.html", "deep", "-"];

type Headers = &'static [(&'static str, &'static [u8])];

/// Host, country and header lines of a visit.
const VISITS: &[(&str, Option<&str>, Headers)] =
    &[("b.example", None, &[]), ("a.example", Some("de"), &[("cookie", b"c=1")]), ("a.example", None, &[])];

fn look_for_an_opening(
    old: (&RuleSet, &MemorySite),
    new: (&RuleSet, &MemorySite),
    moved: &[(&str, &str)],
) -> Result<(), String> {
    // The name that a file of the new site had in the old one.
    let old_name =
        |name: &str| moved.iter().find(|(_, new)| *new == name).map_or(name.to_owned(), |(old, _)| (*old).to_owned());
    let one = SEGMENTS.iter().map(|segment| format!("/{segment}"));
    let two = one.clone().flat_map(|first| SEGMENTS.iter().map(move |second| format!("{first}/{second}")));
    let more = ["/", "/a/", "/m/x.html", "/m/deep/y", "/x.html", "/q?q=1", "/n", "/n/x", "/api/x", "/404", "/login"];
    let mut paths: Vec<String> = more.into_iter().map(str::to_owned).chain(one).chain(two).collect();
    paths.extend(new.1.names().map(path_of));
    let targets: Vec<String> = paths.iter().flat_map(|path| [path.clone(), format!("{path}?q=1")]).collect();
    let visitors = [
        Visitor::Anonymous,
        Visitor::with_roles(Vec::<String>::new()),
        Visitor::with_roles(["r"]),
        Visitor::with_roles(["s"]),
        Visitor::with_roles(["admin"]),
        Visitor::with_roles(["editor"]),
    ];
    for visitor in &visitors {
        let ask_as = |visitor: &Visitor, (rules, site): (&RuleSet, &MemorySite), target: &str, visit: Visit| {
            let (host, country, headers) = visit;
            let request = Request {
                method: "GET",
                target: target.as_bytes(),
                host: Some(host),
                scheme: Scheme::Https,
                headers,
                country,
            };
            decide(rules, &request, visitor, site)
        };
        let ask =
            |version: (&RuleSet, &MemorySite), target: &str, visit: Visit| ask_as(visitor, version, target, visit);
        let all = || targets.iter().flat_map(|target| VISITS.iter().map(move |visit| (target, *visit)));
        // Whoever has a token may leave it out, and may ask for anything else.
        let more: Vec<String> = paths.iter().map(|path| format!("{path}?q=2")).collect();
        let more = || more.iter().flat_map(|target| VISITS.iter().map(move |visit| (target, *visit)));
        let without = |target: &str, visit: Visit| ask_as(&Visitor::Anonymous, old, target, visit);
        let had = all().chain(more()).flat_map(|(target, visit)| [ask(old, target, visit), without(target, visit)]);
        let had: HashSet<Content> = had.filter_map(|decision| content(&decision)).collect();
        // What the old rules show of a file that is new is no doing of the new ones.
        let new_files = (old.0, new.1);
        let shown: HashSet<Content> = all()
            .filter_map(|(target, visit)| content(&ask(new_files, target, visit)))
            .filter(|got| matches!(got, Content::File(name) if !old.1.has(name) && old_name(name) == *name))
            .collect();
        for (target, visit) in all() {
            let now = ask(new, target, visit);
            let got = content(&now).filter(|got| !shown.contains(got)).map(|got| match got {
                Content::File(name) => Content::File(old_name(&name)),
                url => url,
            });
            let Some(got) = got.filter(|got| !had.contains(got)) else { continue };
            let was_denied = match &got {
                Content::File(name) => ask(old, &path_of(name), visit).denied,
                // What is fetched as the answer for those who are denied is no opening.
                Content::Url(_) => ask(old, target, visit).denied && !now.denied,
            };
            if was_denied {
                return Err(format!("{visitor:?} gets {got:?} at {target} of {visit:?}"));
            }
        }
    }
    Ok(())
}

fn path_of(name: &str) -> String {
    RequestPath::of(segments(name)).encoded()
}

type Visit = (&'static str, Option<&'static str>, Headers);

#[derive(Debug, PartialEq, Eq, Hash)]
enum Content {
    File(String),
    Url(String),
}

/// What of the site, or of another server, is shown.
fn content(decision: &Decision) -> Option<Content> {
    match &decision.outcome {
        Outcome::Serve { file } | Outcome::Rewrite { file, .. } => Some(Content::File(file.clone())),
        Outcome::Proxy { url } => Some(Content::Url(url.clone())),
        Outcome::NotFound { .. } | Outcome::Redirect { .. } | Outcome::BadRequest(_) => None,
    }
}
