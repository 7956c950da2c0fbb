//! RULES-9, LINT-1: what is in error and is mended as `check` advises lets in those alone whom the line names.

use std::collections::{HashMap, HashSet};

use rolegate::problem::{Problem, Severity};
use rolegate::rules::{Parsed, RoleCondition, Rule, RuleFiles, RuleSet};
use rolegate::site::MemorySite;
use rolegate::visitor::Visitor;
use rolegate_check::lint::lint_with;

use super::fix::{Asked, ByName, Case, ENDS, Got, PAGES};

/// Fields as people write them, of which some are errors; what is right stands there more than once, so that most lines have one error.
const FROM: &[&str] = &[
    "/a/*",
    "/a/*",
    "/a/*",
    "/a/*",
    "/a/*",
    "/b/*",
    "/b/*",
    "/b/*",
    "/*",
    "/b",
    "/login",
    "/a",
    "/a/**",
    "\"/a/*\"",
    "\u{ff0f}a/*",
    "/a?q=1",
    "/a\\b",
    "/a/100%/*",
    "'/a'",
    "/a/*\u{200b}",
];
const QUERY: &[&str] = &["", "", "", "", "", "", "", "", "", "", " q=1", " Role=r", " ->"];
const TO: &[&str] = &[
    "",
    "",
    "",
    " /a/:splat",
    " /a/:splat",
    " /login",
    " /b",
    " /b/:splat",
    " /:splat",
    " https://up.example/:splat",
    " /.netlify/functions/x",
    " \"/b\"",
    " b.html",
    " www.b.example/c",
    " https://up.example:splat",
];
const STATUS: &[&str] =
    &[" 200!", " 200!", " 200!", " 200!", " 200", " 200", " 401!", " 302", " 200 !", " 200\u{ff01}", ""];
const CONDITIONS: &[&str] = &[
    "",
    "",
    " Role=r",
    " Role=r",
    " Role=s",
    " Role=s",
    " Role=\"r\"",
    " Role=r;s",
    " Roles=r",
    " Role: r",
    " Role = r",
    " Role=r, s",
    " Role=r 200!",
    " Role=\"r\" Country=de",
    " Role=r&s",
    " Rolle=*",
    " ROLE=r,s",
    " Contry=de",
    " Role=r /b",
    " Role=['r','s']",
    " role:s // why",
    " Ro\u{ad}le=s",
    " Role=r Role=s",
];

pub(super) fn advice_on_errors_opens_nothing(bytes: &[u8]) {
    let case = Case::with(bytes, PAGES, &[FROM, QUERY, TO, STATUS, CONDITIONS, ENDS]);
    let site = MemorySite::new(case.files.iter().copied());
    let files = |text| RuleFiles { redirects: text, toml: b"", headers: b"" };
    let Parsed { rules, problems, .. } = RuleSet::read(files(case.rules.as_bytes()));
    let errors = |problems: &[Problem], id: &str| problems.iter().filter(|problem| problem.id == id).count();
    let found: Vec<Problem> = problems.clone();
    for problem in lint_with(problems, files(case.rules.as_bytes()), &rules, &site) {
        assert!(problem.instead.is_empty(), "what is not proved is told\n{case}");
        let is_of_reading = problem.severity == Severity::Error && errors(&found, problem.id) > 0;
        let Some(advice) = problem.advice.as_ref().filter(|_| is_of_reading) else { continue };
        assert_eq!(advice.edits.len(), 1, "one line is written anew\n{problem:?}\n{case}");
        let Some(edit) = advice.edits.first() else { continue };
        let line = edit.lines.join("\n");
        let with = |line: &str| {
            let (before, after) = (case.rules.get(..edit.span.start), case.rules.get(edit.span.end..));
            [before.unwrap_or_default(), line, after.unwrap_or_default()].concat()
        };
        let edited = with(&line);
        let mended = RuleSet::parse(edited.as_bytes());
        let told = format!("{problem:?}\n{case}\nfollowed:\n{edited}");
        assert!(errors(&mended.problems, problem.id) < errors(&found, problem.id), "it is in error still\n{told}");
        // Of a line with which no gate starts nobody gets anything: it closes as much as a seal.
        let sealed = RuleSet::parse(with(&format!("{} Role", line.split(' ').next().unwrap_or_default())).as_bytes());
        let before = if problem.refuses_to_start { &sealed.rules } else { &rules };
        let old = case.rules.get(edit.span.start..edit.span.end).unwrap_or_default();
        let place = mended.rules.rules().iter().position(|rule| rule.span.start == edit.span.start);
        let own = place.and_then(|place| mended.rules.rules().get(place));
        if let Some(RoleCondition::AnyOf(roles)) = own.and_then(Rule::role) {
            let bare = old.replace('\u{ad}', "");
            assert!(
                roles.iter().all(|role| bare.contains(role.as_str())),
                "a role that the line does not name\n{told}"
            );
        }
        let asked = Asked::of(&[&case.rules, &edited]);
        for visitor in &asked.visitors {
            let of = Mended { asked: &asked, visitor, site: &site, before, after: &mended.rules, place, own };
            of.opens_nothing(&told);
        }
    }
}

/// A line that is mended, and a visitor who asks.
struct Mended<'m> {
    asked: &'m Asked,
    visitor: &'m Visitor,
    site: &'m MemorySite,
    before: &'m RuleSet,
    after: &'m RuleSet,
    /// Where the rule of the line stands, if it is one.
    place: Option<usize>,
    own: Option<&'m Rule>,
}

impl Mended<'_> {
    fn opens_nothing(&self, told: &str) {
        let Mended { asked, visitor, site, before, after, place, own } = self;
        let was: Vec<Got> = asked.all(before, visitor, site).collect();
        let had: HashSet<&String> = was.iter().filter_map(|was| was.shown.as_ref()).collect();
        let is_named = own.and_then(Rule::role).is_some_and(|role| role.holds(visitor));
        let mut known: HashMap<(String, bool), ByName> = HashMap::new();
        for ((target, was), is) in asked.targets().zip(&was).zip(asked.all(after, visitor, site)) {
            let new = is.shown.as_ref().filter(|new| was.shown.as_ref() != Some(*new) && !had.contains(new));
            let new = new.filter(|new| *new != "/login.html");
            let is_let_in = is_named && !is.denied && is.by == *place;
            let by_name = new.map(|new| {
                let asked_of = if is_let_in { after } else { before };
                let ask = || asked.by_name(asked_of, visitor, site, new);
                *known.entry((new.clone(), is_let_in)).or_insert_with(ask)
            });
            if is_let_in {
                let is_kept = by_name.is_some_and(|own| own.is_denied);
                assert!(!is_kept, "{visitor:?} gets {new:?} at {target}, which another gate keeps\n{told}");
                continue;
            }
            let is_opened = by_name.is_some_and(|own| !own.is_public && (was.denied || own.is_denied));
            assert!(!is_opened, "{visitor:?} gets {new:?} at {target}\n{told}");
            let is_undenied = was.denied && !is.denied && is.shown.is_some();
            assert!(!is_undenied, "{visitor:?} is denied no more at {target}\n{told}");
            let admitted = was.by.and_then(|by| before.rules().get(by)).is_some_and(|by| by.role().is_some());
            assert!(!(admitted && !was.denied && is.denied), "{visitor:?} is locked out at {target}\n{told}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A property of edits says nothing where there are none.
    #[test]
    fn many_errors_have_an_edit() {
        let mut state = 1_u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        let mut edits = 0;
        for _ in 0..200 {
            let bytes: Vec<u8> = (0..8).map(|_| byte()).collect();
            let case = Case::with(&bytes, PAGES, &[FROM, QUERY, TO, STATUS, CONDITIONS, ENDS]);
            let files = RuleFiles { redirects: case.rules.as_bytes(), toml: b"", headers: b"" };
            let read = RuleSet::read(files);
            let site = MemorySite::new(case.files.iter().copied());
            let found = lint_with(read.problems, files, &read.rules, &site);
            let is_edit = |problem: &&Problem| problem.severity == Severity::Error && problem.advice.is_some();
            edits += found.iter().filter(is_edit).count();
        }
        assert!(edits > 20, "{edits}");
    }
}
