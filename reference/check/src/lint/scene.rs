//! The rules and the files that are looked at, and requests made up to try them.

mod visit;

use std::cell::{Cell, OnceCell};
use std::collections::{HashMap, HashSet};

use rolegate::cost::step;
use rolegate::decide::{Decision, Outcome, decide};
use rolegate::path::{RequestPath, Target};
use rolegate::problem::{Fix, Problem, Severity};
use rolegate::request::{Origin, Scheme};
use rolegate::rules::{Apply, Captures, RoleCondition, Rule, RuleSet};
use rolegate::site::Site;
use rolegate::span::{RuleFile, Span};
use rolegate::speed::decide_within;
use rolegate::visitor::Visitor;
use unicode_normalization::UnicodeNormalization as _;

use super::advice::Found;
use super::bypass::gates_passed;
use super::names::{is_denial_page, is_login_page};
use super::order::meaning;

/// No more than so many rules, files or gates are looked at for one rule.
pub(super) const LOOKED_AT: usize = 64;

/// No more than so many roles are tried, each as a visitor.
const ROLES: usize = 8;

/// The word in the place of a free segment.
pub(super) use rolegate::witness::WORD;
pub(super) use visit::Visit;

/// Rules and files, with what is asked of them often.
pub(super) struct Scene<'a, S> {
    set: &'a RuleSet,
    pub(super) site: &'a S,
    /// In byte order.
    names: Vec<&'a str>,
    /// The same in lower case with each as it is, in the order of these, once somebody asks.
    folded: OnceCell<Vec<(String, &'a str)>>,
    /// Those of scripts and style sheets, once somebody asks.
    assets: OnceCell<Vec<&'a str>>,
    /// The last place of each rule, by what it says, once somebody asks.
    last: OnceCell<HashMap<String, usize>>,
    /// Those of files that have several, in byte order.
    linked: Vec<&'a str>,
    /// Role rules that protect something, and sealed ones, each with its place, in list order, as many as are looked at.
    pub(super) closed: Vec<(usize, &'a Rule)>,
    /// A visitor for each role.
    pub(super) holders: Vec<Visitor>,
    origins: HashSet<&'a Origin>,
    has_trees: bool,
    /// Files with which people log in, as many as are looked at.
    login_pages: Vec<&'a str>,
    /// The page that is shown for what is denied.
    denial_page: Option<String>,
    /// How much more may be compared, in bytes.
    left: Cell<usize>,
}

/// RULES-14: so much is compared for each byte of the rules, for all of them together.
const COMPARED: usize = 256;

/// The same for the first rules, however few there are.
const COMPARED_AT_LEAST: usize = 64 * 1024;

/// What it takes to keep hidden what a rule would have shown, beyond the first few.
const DENIED: usize = 2048;
const FEW: usize = 4;

/// What a look at a rule takes beside the comparison of its text.
const LOOK: usize = 16;

impl<'a, S: Site> Scene<'a, S> {
    pub(super) fn new(set: &'a RuleSet, site: &'a S) -> Scene<'a, S> {
        let rules = set.rules();
        let roles = rules.iter().filter_map(Rule::role).flat_map(|role| match role {
            RoleCondition::AnyOf(roles) => roles.as_slice(),
            RoleCondition::AnyToken => &[],
        });
        let mut known = HashSet::new();
        let holders = roles.filter(|role| known.insert(*role)).take(ROLES).map(|role| Visitor::with_roles([role]));
        let names: Vec<&str> = site.names().collect();
        let login_pages: Vec<&str> = names.iter().copied().filter(|name| is_login_page(name)).take(LOOKED_AT).collect();
        Scene {
            set,
            site,
            denial_page: denial_page(rules, site, &login_pages),
            login_pages,
            linked: names.iter().copied().filter(|name| !site.same_file(name).is_empty()).collect(),
            names,
            folded: OnceCell::new(),
            assets: OnceCell::new(),
            last: OnceCell::new(),
            closed: rules.iter().enumerate().filter(|(_, rule)| rule.protects()).take(LOOKED_AT).collect(),
            holders: holders.collect(),
            origins: rules.iter().filter_map(|rule| rule.origin.as_ref()).collect(),
            has_trees: rules.iter().filter(|rule| rule.own_tree().is_some()).take(2).count() > 1,
            left: Cell::new(rules.iter().map(|rule| rule.text.len()).sum::<usize>() * COMPARED + COMPARED_AT_LEAST),
        }
    }

    /// The same, with so much to compare.
    pub(super) fn with_left(set: &'a RuleSet, site: &'a S, left: usize) -> Scene<'a, S> {
        Scene { left: Cell::new(left), ..Scene::new(set, site) }
    }

    /// How much more may be compared, in bytes.
    pub(super) fn left(&self) -> usize {
        self.left.get()
    }

    /// Notes that so many bytes were compared. A rule is cheap to look at, unless hundreds are in the way of each; a file
    /// of such rules uses all up, and what comes then is not looked at.
    pub(super) fn spend(&self, bytes: usize) {
        step(bytes);
        self.left.set(self.left.get().saturating_sub(bytes));
    }

    /// Notes a comparison of each of `rules` with a text of so many bytes.
    fn spend_on<'r>(&self, rules: impl Iterator<Item = &'r Rule>, length: usize) {
        // To read a target, and to make one up, is dearer than to compare it.
        self.spend(8 * length + rules.map(|rule| LOOK + rule.text.len().min(length)).sum::<usize>());
    }

    /// Whether nothing more is compared.
    pub(super) fn is_used_up(&self) -> bool {
        self.left.get() == 0
    }

    /// Files with which people log in, in byte order.
    pub(super) fn login_pages(&self) -> &[&'a str] {
        &self.login_pages
    }

    /// The path of the page that is shown for what is denied, as the rules or the files name it.
    pub(super) fn denial_page(&self) -> Option<&str> {
        self.denial_page.as_deref()
    }

    /// Whether a rule that leads to this path shows a file of the site, or nobody knows.
    pub(super) fn shows(&self, path: &str) -> bool {
        self.page_at(path).is_some()
    }

    /// The path of the file that a rule shows which leads to this path; that path itself where nobody knows the files.
    pub(super) fn page_at(&self, path: &str) -> Option<String> {
        if self.is_bare() {
            return Some(path.to_owned());
        }
        let path = RequestPath::parse(path.as_bytes()).ok()?;
        let file = self.site.file(&path)?;
        Some(name_as_path(&file))
    }

    /// The gates that are looked at, each compared with a text of so many bytes.
    pub(super) fn gates_beside(&self, length: usize) -> &[(usize, &'a Rule)] {
        if self.is_used_up() {
            return &[];
        }
        self.spend_on(self.closed.iter().map(|(_, rule)| *rule), length);
        &self.closed
    }

    /// The first rule that denied, and keeps something.
    pub(super) fn gate_of(&self, decision: &Decision) -> Option<&'a Rule> {
        decision.denials().find_map(|at| self.rule(at).filter(|gate| gate.protects()))
    }

    pub(super) fn set(&self) -> &'a RuleSet {
        self.set
    }

    pub(super) fn rules(&self) -> &'a [Rule] {
        self.set.rules()
    }

    pub(super) fn rule(&self, place: usize) -> Option<&'a Rule> {
        self.set.rules().get(place)
    }

    /// STATUS-5.own-tree: whether several rules redirect into trees of their own.
    pub(super) fn has_trees(&self) -> bool {
        self.has_trees
    }

    /// Whether nothing is known of the files.
    pub(super) fn is_bare(&self) -> bool {
        self.names.is_empty()
    }

    /// The names of files that begin with `prefix`, as many as are looked at.
    pub(super) fn names_below<'s>(&'s self, prefix: &str) -> impl Iterator<Item = &'a str> + use<'s, 'a, S> {
        below(&self.names, prefix)
    }

    /// What lies in the folder with this name, which ends in a slash: folders and files, as many as are looked at,
    /// a page without its `.html`.
    pub(super) fn called_in(&self, folder: &str) -> Vec<&'a str> {
        let mut called = Vec::new();
        let mut at = self.names.partition_point(|name| *name < folder);
        while let Some(rest) = self.names.get(at).and_then(|name| name.strip_prefix(folder)) {
            if called.len() == LOOKED_AT {
                break;
            }
            match rest.split_once('/') {
                Some((name, _)) => {
                    called.push(name);
                    let next = format!("{folder}{name}0");
                    // `0` comes next to the slash.
                    at = self.names.partition_point(|name| *name < next.as_str()).max(at + 1);
                }
                None => {
                    called.push(rest.strip_suffix(".html").unwrap_or(rest));
                    at += 1;
                }
            }
        }
        self.spend(LOOK * called.len());
        called
    }

    /// Where the last rule stands that says what this one says.
    pub(super) fn last_alike(&self, rule: &Rule) -> Option<usize> {
        let last = self
            .last
            .get_or_init(|| self.rules().iter().enumerate().map(|(place, rule)| (meaning(rule), place)).collect());
        last.get(&meaning(rule)).copied()
    }

    /// Scripts and style sheets, as many as are looked at.
    pub(super) fn assets(&self) -> &[&'a str] {
        self.assets.get_or_init(|| {
            let is_asset = |name: &&&str| [".js", ".mjs", ".css"].iter().any(|end| name.ends_with(end));
            self.names.iter().filter(is_asset).take(LOOKED_AT).copied().collect()
        })
    }

    /// The same of files that have several names.
    pub(super) fn linked_below<'s>(&'s self, prefix: &str) -> impl Iterator<Item = &'a str> + use<'s, 'a, S> {
        below(&self.linked, prefix)
    }

    /// The names of files that begin with `prefix` but for upper and lower case and the composition of characters, as many as are looked at.
    pub(super) fn names_like(&self, prefix: &str) -> impl Iterator<Item = &'a str> {
        let folded = self.folded.get_or_init(|| {
            let mut folded: Vec<_> = self.names.iter().map(|name| (folded(name), *name)).collect();
            folded.sort_unstable();
            folded
        });
        let prefix = self::folded(prefix);
        let start = folded.partition_point(|(name, _)| *name < prefix);
        let names = folded.get(start..).unwrap_or_default().iter().take(LOOKED_AT);
        names.take_while(move |(name, _)| name.starts_with(&prefix)).map(|(_, name)| *name)
    }

    /// The rules that can match a visit to `path` as `visit` makes it, with their places, as many as are looked at.
    pub(super) fn candidates(&self, path: &RequestPath, visit: &Visit) -> Vec<(usize, &'a Rule)> {
        if self.is_used_up() {
            return Vec::new();
        }
        let parameters = visit.parameters();
        let origin = visit.origin();
        let places = self.set.candidates(&[path.segments().collect()], origin.as_ref(), &parameters).take(LOOKED_AT);
        let found: Vec<_> = places.filter_map(|place| Some((place, self.rule(place)?))).collect();
        self.spend_on(found.iter().map(|(_, rule)| *rule), visit.target.len() + path.name().len());
        found
    }

    /// What the gate answers; `None` where too many rules would have to be looked at.
    pub(super) fn answer(&self, visit: &Visit) -> Option<Decision> {
        if self.is_used_up() {
            return None;
        }
        let headers = visit.headers();
        let decision = decide_within(LOOKED_AT, self.set, &visit.request(&headers), &visit.visitor, self.site);
        let length = visit.target.len();
        match &decision {
            Some(decision) => {
                let looked_at = decision.passed_over.iter().map(|(place, _)| *place).chain(decision.by);
                self.spend_on(looked_at.filter_map(|place| self.rule(place)), length);
                // What each gate would have shown is worked out for whom they deny; few do so at one path.
                let many = decision.passed_over.len().saturating_sub(FEW);
                self.spend(if decision.denied { many * DENIED } else { 0 });
            }
            None => self.spend(8 * length + LOOKED_AT * (LOOK + length)),
        }
        decision
    }

    /// What the gate would answer, were the rule the only one.
    pub(super) fn alone(&self, rule: &Rule, visit: &Visit) -> Option<Decision> {
        if self.is_used_up() {
            return None;
        }
        self.spend_on([rule].into_iter(), visit.target.len());
        let headers = visit.headers();
        Some(decide([rule.clone()].as_slice(), &visit.request(&headers), &visit.visitor, self.site))
    }

    /// The gates by which the rule at `by` leads the visit, without asking for a role.
    pub(super) fn gates_passed(&self, visit: &Visit, by: usize) -> Vec<usize> {
        let candidates = visit.path().map(|path| self.candidates(&path, visit)).unwrap_or_default();
        let places: Vec<usize> = candidates.into_iter().map(|(place, _)| place).collect();
        gates_passed(self.set, self.site, &visit.request(&visit.headers()), by, &places)
    }

    /// Whether anybody gets the file with this name by asking for it.
    pub(super) fn is_public(&self, name: &str, visit: &Visit) -> bool {
        let Ok(path) = RequestPath::parse(name_as_path(name).as_bytes()) else { return false };
        self.answer(&visit.at(&path))
            .is_some_and(|decision| !decision.denied && decision.outcome == Outcome::Serve { file: name.to_owned() })
    }

    /// The visit that a redirect leads to, where it stays on a host that the rules know.
    pub(super) fn follow(&self, visit: &Visit, location: &str) -> Option<Visit> {
        let target = location.split('#').next()?;
        if target.starts_with('/') {
            return Some(Visit { target: target.to_owned(), ..visit.clone() });
        }
        let scheme = if target.starts_with("https:") { Scheme::Https } else { Scheme::Http };
        let host = Target::parse(target.as_bytes()).ok()?.host?;
        if !self.origins.contains(&Origin::new(scheme, &host)) {
            return None;
        }
        let (_, rest) = target.split_once("://")?;
        let target = rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/");
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Some(Visit { target, host: Some(host), scheme, ..visit.clone() })
    }
}

/// The path of the one page of the site that a rule leads to, whoever asks; none where a name stands in it, or a host.
pub(super) fn page_of(apply: &Apply) -> Option<String> {
    let is_page = !apply.to.is_absolute() && !apply.to.takes_captures();
    is_page.then(|| apply.to.substitute(&Captures::default()).path)
}

/// What rules show or lead to for those who are denied, or else the page to log in.
fn denial_page(rules: &[Rule], site: &impl Site, login_pages: &[&str]) -> Option<String> {
    let named = rules.iter().filter_map(|rule| {
        let apply = rule.apply().filter(|apply| apply.conditions.role.is_none())?;
        let path = page_of(apply)?;
        (matches!(apply.status, 401 | 403) || is_denial_page(&path)).then_some(path)
    });
    let is_there = |path: &String| {
        let is_known = || RequestPath::parse(path.as_bytes()).ok().is_some_and(|path| site.file(&path).is_some());
        site.names().next().is_none() || is_known()
    };
    let mut named = named.take(LOOKED_AT).filter(is_there);
    named.next().or_else(|| login_pages.first().map(|name| name_as_path(name)))
}

fn below<'s, 'a>(names: &'s [&'a str], prefix: &str) -> impl Iterator<Item = &'a str> + use<'s, 'a> {
    let start = names.partition_point(|name| *name < prefix);
    let names = names.get(start..).unwrap_or_default().iter().copied();
    let prefix = prefix.to_owned();
    names.take_while(move |name| name.starts_with(&prefix)).take(LOOKED_AT)
}

/// The path of a folder, by its segments, without a slash at its end.
pub(super) fn folder_path(segments: &[&str]) -> String {
    segments.iter().map(|segment| format!("/{segment}")).collect()
}

/// What a name has in common with those that people take for it: without regard to upper and lower case and to how characters are composed (Unicode NFKC).
pub(super) fn folded(name: &str) -> String {
    name.nfkc().collect::<String>().to_lowercase()
}

/// The path of a file by its own name, encoded.
pub(super) fn name_as_path(name: &str) -> String {
    RequestPath::of(segments(name)).encoded()
}

/// The segments of a name.
pub(super) fn segments(name: &str) -> impl Iterator<Item = &str> {
    name.split('/').filter(|segment| !segment.is_empty())
}

/// `line 3`, or `line 3 of _redirects` where that is another file than the one that is spoken of.
pub(super) fn place_of(span: Span, from: Span) -> String {
    if span.file == from.file { format!("line {}", span.line) } else { format!("line {} of {}", span.line, span.file) }
}

/// A field of a rule's line.
#[derive(Clone, Copy)]
pub(super) enum Field<'f> {
    /// The first one.
    From,
    /// The destination.
    To,
    /// The one that begins so, whatever the case.
    Beginning(&'f str),
}

/// Where a field of a rule stands; the whole rule where that cannot be told.
pub(super) fn place_of_field(rule: &Rule, field: Field<'_>) -> Span {
    if rule.span.file == RuleFile::Toml {
        let place = match field {
            Field::From => None,
            Field::To => rule.places.find("to"),
            Field::Beginning(begin) => rule.places.find(begin.trim_end_matches('=')),
        };
        return place.unwrap_or(rule.span);
    }
    // RULES-13: a line that is no UTF-8 has other bytes than its text.
    if rule.span.file != RuleFile::Redirects || rule.text.len() != rule.span.end.saturating_sub(rule.span.start) {
        return rule.span;
    }
    let mut start = 0;
    let mut fields = rule.text.split([' ', '\t']).filter_map(|text| {
        let at = start;
        start += text.len() + 1;
        (!text.is_empty()).then_some((at, text))
    });
    let is_destination = |text: &str| ["/", "http://", "https://"].iter().any(|begin| text.starts_with(begin));
    let found = match field {
        Field::From => fields.next(),
        Field::To => fields.skip(1).find(|(_, text)| is_destination(text)),
        Field::Beginning(begin) => {
            fields.find(|(_, text)| text.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin)))
        }
    };
    let Some((at, text)) = found else { return rule.span };
    let before = rule.text.get(..at).unwrap_or_default();
    let start = rule.span.start + at;
    Span { start, end: start + text.len(), column: rule.span.column + before.chars().count(), ..rule.span }
}

/// A warning about a field of a rule; `visitor` says what this gate does about it.
pub(super) fn warning(
    rule: &Rule,
    field: Field<'_>,
    id: &'static str,
    message: String,
    visitor: impl Into<Option<String>>,
    help: impl Into<String>,
) -> Found {
    let problem = Problem {
        id,
        severity: Severity::Warning,
        span: place_of_field(rule, field),
        message,
        help: help.into(),
        note: visitor.into(),
        fix: None,
        refuses_to_start: false,
        advice: None,
        instead: Vec::new(),
    };
    problem.into()
}

/// A fix of the rule's line, in the file whose rules stand on lines.
pub(super) fn on_line(rule: &Rule, fix: Fix) -> Option<Fix> {
    (rule.span.file == RuleFile::Redirects).then_some(fix)
}
