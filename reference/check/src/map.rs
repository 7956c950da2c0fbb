//! Who gets what: for each area of paths and each visitor what the gate answers, found by asking it.
//!
//! No rule is read a second time here: every answer is a decision of [`rolegate::decide()`] about a request that is made up, for
//! each file of the site and for what each rule is for (LINT-4). A path at which no gate has a say is the same for everybody, and
//! is asked for once.

mod asker;
mod ways;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem::Discriminant;
use std::sync::Arc;

use rolegate::decide::{Decision, Outcome};
use rolegate::path::RequestPath;
use rolegate::rules::{RoleCondition, Rule, RuleSet, is_of_a_function};
use rolegate::site::{Site, Spellings};
use rolegate::speed::decide_within;
use rolegate::visitor::Visitor;
use rolegate::witness::{WORD, Witness};

use asker::{Asker, LOOKED_AT, file_at, headers, path_of, request, when};

/// No more than so many roles are asked for, each as a visitor.
const ROLES: usize = 24;

/// Who gets what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// Those for whom each row says what they get, in that order.
    pub visitors: Vec<Who>,
    /// How many roles are named besides.
    pub further_roles: usize,
    /// Where a gate has a say, in the order in which the list names the paths.
    pub areas: Vec<Area>,
    /// Where none has, so that everybody gets the same: one answer in each row.
    pub everybody: Vec<Row>,
    /// For so many paths nobody knows, since too many rules have a say.
    pub not_asked: usize,
}

/// A visitor of the map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// Without a token.
    Anonymous,
    /// With a token that names this role.
    Role(String),
    /// With a token that names a role that no rule names.
    Other,
}

/// Paths about which one gate, the narrowest over them, says the most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// The paths, as that gate writes them.
    pub paths: String,
    /// Each gate that has a say somewhere in it, by its place in the list.
    pub gates: BTreeSet<usize>,
    /// Requests, those for files in the order of their names.
    pub rows: Vec<Row>,
    /// Other requests by which what lies or is shown here is given to whom it is not given here.
    pub ways: Vec<Row>,
}

/// A request, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is asked for, as a person says it.
    pub label: String,
    /// What else has to be so, such as `Country=de`.
    pub when: Vec<String>,
    /// The request.
    pub asked: Witness,
    /// The file at the path.
    pub file: Option<String>,
    /// What each visitor gets; those who get the same share it.
    pub gets: Vec<Arc<Gets>>,
}

/// What a visitor gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gets {
    /// What that amounts to.
    pub class: Class,
    /// The answer.
    pub reply: Reply,
    /// The rule that decides, by its place in the list.
    pub by: Option<usize>,
}

/// An answer without the path that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Likeness<'a> {
    class: Class,
    by: Option<usize>,
    reply: Discriminant<Reply>,
    /// The status with which a file is shown, and which one where it is another than the one at the path.
    file: Option<(u16, Option<&'a str>)>,
}

/// What an answer amounts to for whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// There is something, and it is given.
    Open,
    /// Sent elsewhere.
    Sent,
    /// Denied, and shown something else in its place.
    Instead,
    /// Denied, and nothing is shown.
    Closed,
    /// There is nothing.
    Nothing,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// A file of the site.
    File {
        /// The status.
        status: u16,
        /// Its name.
        file: String,
        /// Whether it is the file at the path.
        is_own: bool,
    },
    /// A redirect.
    Redirect {
        /// The status.
        status: u16,
        /// Where to.
        location: String,
    },
    /// What another server answers.
    Forwarded {
        /// Where it is asked.
        url: String,
    },
    /// What a function of the platform answers.
    Function {
        /// Its path.
        path: String,
    },
    /// 404, since a rule leads to a file that is not there.
    NoFile {
        /// Where the rule leads.
        path: String,
    },
    /// 404.
    NotFound,
    /// The request is refused with this status.
    Refused {
        /// The status.
        status: u16,
    },
}

impl Map {
    /// Asks for every file of the site and for what every rule is for.
    pub fn of(rules: &RuleSet, site: &impl Site) -> Map {
        let Visitors { who: visitors, tokens, further_roles } = Visitors::of(rules);
        Asker::new(rules, site, tokens, Map { visitors, further_roles, ..Map::default() }).ask()
    }

    /// What each visitor gets for the request that the rule at `place` is for.
    pub fn at(rules: &RuleSet, site: &impl Site, place: usize) -> Option<(Vec<Who>, Row)> {
        let rule = rules.rules().get(place)?;
        let Visitors { who, tokens, .. } = Visitors::of(rules);
        let (asked, when) = (Witness::of(rule, WORD), when(rule));
        // Of what a gate keeps a file that is there says more than a path at which there is none.
        let is_kept = |name: &&str| rule.protects() && rule.pattern.matches_name(name);
        let there = site.names().find(is_kept).filter(|_| rule.pattern.literal().is_none());
        let target = there.map_or(asked.target.clone(), |name| {
            let spellings = Spellings::of(site, name);
            let shortest =
                spellings.iter().filter(|path| rule.pattern.matches_name(path)).min_by_key(|path| path.len());
            let query = asked.target.find('?').and_then(|at| asked.target.get(at..)).unwrap_or_default();
            path_of(shortest.unwrap_or(name)).encoded() + query
        });
        let asked = Witness { target, ..asked };
        let file = file_at(site, &asked.target);
        let gets = tokens.iter().map(|visitor| {
            let decision = decide_within(LOOKED_AT, rules, &request(&asked, &headers(&asked)), visitor, site)?;
            Some(Arc::new(Gets::of(&decision, file.as_deref(), &asked.target)))
        });
        let gets: Option<Vec<_>> = gets.collect();
        Some((who, Row { label: asked.target.clone(), when, asked, file, gets: gets? }))
    }
}

/// Those who are asked for.
struct Visitors {
    who: Vec<Who>,
    /// Each as the gate sees them.
    tokens: Vec<Visitor>,
    /// How many roles are named beyond those.
    further_roles: usize,
}

impl Visitors {
    fn of(rules: &RuleSet) -> Visitors {
        let named = rules.rules().iter().filter_map(Rule::role).flat_map(|role| match role {
            RoleCondition::AnyOf(roles) => roles.as_slice(),
            RoleCondition::AnyToken => &[],
        });
        let mut known = HashSet::new();
        let mut named = named.filter(|role| known.insert(*role)).cloned();
        let roles: Vec<String> = named.by_ref().take(ROLES).collect();
        let further_roles = named.count();
        let mut other = "a role that no rule names".to_owned();
        while known.contains(&other) {
            other.push('\'');
        }
        let who = std::iter::once(Who::Anonymous).chain(roles.into_iter().map(Who::Role)).chain([Who::Other]);
        let who: Vec<Who> = who.collect();
        let tokens = who.iter().map(|who| match who {
            Who::Anonymous => Visitor::Anonymous,
            Who::Role(role) => Visitor::with_roles([role]),
            Who::Other => Visitor::with_roles([&other]),
        });
        Visitors { tokens: tokens.collect(), who, further_roles }
    }
}

impl Who {
    /// The visitor in a word or two.
    pub fn words(&self) -> &str {
        match self {
            Who::Anonymous => "anonymous",
            Who::Role(role) => role,
            Who::Other => "another role",
        }
    }
}

impl Row {
    /// A request for this path that has what the rule asks for; `file` is the one at the path.
    fn of(rule: &Rule, path: &RequestPath, file: Option<String>) -> Row {
        let asked = Witness { target: path.encoded(), ..Witness::of(rule, WORD) };
        let label = rule.origin.as_ref().map(ToString::to_string).unwrap_or_default() + &asked.target;
        Row { label, when: when(rule), asked, file, gets: Vec::new() }
    }
}

impl Area {
    /// Puts the rows for the same path beside each other, in the order in which the paths came.
    fn sort(&mut self) {
        let mut places: HashMap<String, usize> = HashMap::new();
        for row in &self.rows {
            let next = places.len();
            places.entry(row.label.clone()).or_insert(next);
        }
        self.rows.sort_by_key(|row| places.get(&row.label).copied());
    }
}

impl Gets {
    /// The file that is given, and is not given in the place of something denied.
    fn given(&self) -> Option<&str> {
        match &self.reply {
            Reply::File { file, .. } if self.class == Class::Open => Some(file),
            _ => None,
        }
    }

    /// `own`: the file at the path; `target`: what was asked for.
    fn of(decision: &Decision, own: Option<&str>, target: &str) -> Gets {
        let by = decision.by;
        let reply = match (&decision.outcome, &decision.target) {
            (Outcome::BadRequest(refused), _) => Reply::Refused { status: refused.status() },
            (Outcome::Proxy { url }, _) => Reply::Forwarded { url: url.clone() },
            (Outcome::Redirect { status, location }, _) => {
                Reply::Redirect { status: *status, location: location.clone() }
            }
            (Outcome::Rewrite { status, file }, _) => {
                Reply::File { status: *status, file: file.clone(), is_own: own == Some(file) }
            }
            (Outcome::Serve { file }, _) => Reply::File { status: 200, file: file.clone(), is_own: own == Some(file) },
            (Outcome::NotFound { forced: false, .. }, Some(path)) if by.is_some() && is_of_a_function(path) => {
                Reply::Function { path: path.clone() }
            }
            (Outcome::NotFound { forced: false, .. }, Some(path)) if by.is_some() => {
                Reply::NoFile { path: path.clone() }
            }
            // RULES-12: no rule is met there.
            (Outcome::NotFound { .. }, _) if by.is_none() && is_of_a_function(target) => {
                Reply::Function { path: target.to_owned() }
            }
            (Outcome::NotFound { .. }, _) => Reply::NotFound,
        };
        let class = match (&reply, decision.denied) {
            (Reply::Redirect { .. }, _) => Class::Sent,
            (Reply::File { .. } | Reply::Forwarded { .. } | Reply::Function { .. }, false) => Class::Open,
            (Reply::File { .. } | Reply::Forwarded { .. } | Reply::Function { .. }, true) => Class::Instead,
            (Reply::NoFile { .. } | Reply::NotFound | Reply::Refused { .. }, true) => Class::Closed,
            (Reply::NoFile { .. } | Reply::NotFound | Reply::Refused { .. }, false) => Class::Nothing,
        };
        Gets { class, reply, by }
    }

    /// Whether two answers differ in nothing but the paths that they are for.
    pub fn is_like(&self, other: &Gets) -> bool {
        self.likeness() == other.likeness()
    }

    /// What is equal for answers that differ in nothing but the paths that they are for.
    pub fn likeness(&self) -> Likeness<'_> {
        let file = match &self.reply {
            Reply::File { status, file, is_own } => Some((*status, Some(file.as_str()).filter(|_| !is_own))),
            _ => None,
        };
        Likeness { class: self.class, by: self.by, reply: std::mem::discriminant(&self.reply), file }
    }

    /// The answer in a few words.
    pub fn words(&self) -> String {
        match &self.reply {
            Reply::File { status: 200, is_own: true, .. } => "the file".to_owned(),
            Reply::File { status, is_own: true, .. } => format!("the file, {status}"),
            Reply::File { status: 200, file, .. } => format!("shows {file}"),
            Reply::File { status, file, .. } => format!("{status} {file}"),
            Reply::Redirect { status, location } => format!("{status} → {location}"),
            Reply::Forwarded { url } => format!("forwarded to {url}"),
            Reply::Function { path } => format!("runs {path}"),
            Reply::NoFile { path } if path.starts_with("/.netlify/") => format!("404, {path} is not here"),
            Reply::NoFile { path } => format!("404, no file {path}"),
            Reply::NotFound if self.class == Class::Closed => "denied, 404".to_owned(),
            Reply::NotFound => "404".to_owned(),
            Reply::Refused { status } => format!("refused, {status}"),
        }
    }
}

impl Class {
    /// Every class, the most open first.
    pub const ALL: [Class; 5] = [Class::Open, Class::Sent, Class::Instead, Class::Closed, Class::Nothing];

    /// The class in a word, as reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Open => "open",
            Class::Sent => "sent",
            Class::Instead => "instead",
            Class::Closed => "closed",
            Class::Nothing => "nothing",
        }
    }

    /// What it means, as a legend says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Class::Open => "gets what is there",
            Class::Sent => "is sent elsewhere",
            Class::Instead => "is denied, and shown something else",
            Class::Closed => "is denied: a 404",
            Class::Nothing => "there is nothing: a 404",
        }
    }
}

#[cfg(test)]
mod tests {
    use rolegate::MemorySite;

    use super::*;

    fn map(rules: &str, files: &[&str]) -> Map {
        Map::of(&RuleSet::parse(rules.as_bytes()).rules, &MemorySite::new(files.iter().copied()))
    }

    /// An area as lines: its paths and places, then each row with the answers.
    fn lines(map: &Map) -> Vec<String> {
        let rows = |rows: &[Row]| {
            let row = |row: &Row| {
                let gets: Vec<String> =
                    row.gets.iter().map(|gets| format!("{}: {}", gets.class.name(), gets.words())).collect();
                let when = row.when.iter().map(|when| format!(" {when}")).collect::<String>();
                format!("  {}{when} = {}", row.label, gets.join(" | "))
            };
            rows.iter().map(row).collect::<Vec<_>>()
        };
        let areas = map.areas.iter().flat_map(|area| {
            std::iter::once(format!("{} {:?}", area.paths, area.gates.iter().collect::<Vec<_>>()))
                .chain(rows(&area.rows))
                .chain(rows(&area.ways).into_iter().map(|row| format!("  way{row}")))
        });
        areas.chain(["everybody".to_owned()]).chain(rows(&map.everybody)).collect()
    }

    #[test]
    fn lint_4_who_gets_what() {
        let rules = "/admin/* /admin/:splat 200! Role=admin,staff\n/admin/* /login 302\n/old /new 301\n";
        let map = map(rules, &["/admin/index.html", "/admin/u.html", "/login.html", "/index.html"]);
        let words: Vec<&str> = map.visitors.iter().map(Who::words).collect();
        assert_eq!(words, ["anonymous", "admin", "staff", "another role"]);
        assert_eq!(
            lines(&map),
            [
                "/admin/* [0]",
                "  /admin = sent: 302 → /login | open: the file | open: the file | sent: 302 → /login",
                "  /admin/u = sent: 302 → /login | open: the file | open: the file | sent: 302 → /login",
                "  any other path = sent: 302 → /login | nothing: 404, no file /admin/example | nothing: 404, no file /admin/example | sent: 302 → /login",
                "everybody",
                "  / = open: the file",
                "  /login = open: the file",
                "  /old = sent: 301 → /new",
            ]
        );
    }

    #[test]
    fn lint_4_every_cell_is_the_decision_for_its_visitor() {
        let rules = "/a/* 200! Role=r1,r2\n/a/b/* 200! Role=r3\n/a/* /login 401\n/c/* /a/:splat 200! Role=*\n/c/* 200! Role=r4\n\
            /d /e 302! Role=r5\n/d /login 200! Role=r1 Country=de\n/* 200! Role=r6,r2\n/s/* 200! Role=\"r1\"\n";
        let files =
            ["/a/x.html", "/a/b/y.html", "/c/z.html", "/d.html", "/e.html", "/s/s.html", "/login.html", "/index.html"];
        let (rules, site) = (RuleSet::parse(rules.as_bytes()).rules, MemorySite::new(files));
        let map = Map::of(&rules, &site);
        let Visitors { tokens, .. } = Visitors::of(&rules);
        assert!(map.areas.len() > 4, "{:#?}", lines(&map));
        for row in map.areas.iter().flat_map(|area| area.rows.iter().chain(&area.ways)) {
            for (visitor, gets) in tokens.iter().zip(&row.gets) {
                let decision = rolegate::decide(&rules, &request(&row.asked, &headers(&row.asked)), visitor, &site);
                assert_eq!(
                    **gets,
                    Gets::of(&decision, row.file.as_deref(), &row.asked.target),
                    "{} {visitor:?}",
                    row.label
                );
            }
        }
    }

    #[test]
    fn lint_4_the_narrowest_gate_names_the_area() {
        let rules = "/admin/* 200! Role=admin\n/* 200! Role=user\n/* /login.html 401\n";
        let map = map(rules, &["/admin/x.html", "/login.html"]);
        assert_eq!(
            lines(&map),
            [
                "/admin/* [0, 1]",
                "  /admin/x = instead: 401 /login.html | open: the file | open: the file | instead: 401 /login.html",
                "  any other path = instead: 401 /login.html | nothing: 404, no file /admin/example | nothing: 404, no file /admin/example | instead: 401 /login.html",
                "/* [1]",
                "  /login = closed: denied, 404 | closed: denied, 404 | open: the file | closed: denied, 404",
                "  any other path = instead: 401 /login.html | instead: 401 /login.html | nothing: 404, no file /example | instead: 401 /login.html",
                "everybody",
            ]
        );
    }

    #[test]
    fn lint_4_hosts_conditions_functions_and_seals() {
        let rules = "https://b.example/m/* /m/:splat 200! Role=a\n/api/* /.netlify/functions/:splat 200! Role=a\n\
            /de /de.html 200! Role=a Country=de\n/s/* /s/:splat 200! ROLE=a\n/up/* https://up.example/:splat 200! Role=a\n";
        let map = map(rules, &["/m/x.html", "/de.html", "/s/y.html"]);
        assert_eq!(
            lines(&map),
            [
                "https://b.example/m/* [0]",
                "  https://b.example/m/x = closed: denied, 404 | open: the file | closed: denied, 404",
                "  any other path = closed: denied, 404 | nothing: 404, no file /m/example | closed: denied, 404",
                "  way  /m/x = open: the file | open: the file | open: the file",
                "/api/* [1]",
                "  any other path = closed: denied, 404 | open: runs /.netlify/functions/example | closed: denied, 404",
                "  way  /.netlify/functions/example = open: runs /.netlify/functions/example | \
                 open: runs /.netlify/functions/example | open: runs /.netlify/functions/example",
                "/de [2]",
                "  /de = closed: denied, 404 | open: the file | closed: denied, 404",
                "  /de Country=de = closed: denied, 404 | open: the file | closed: denied, 404",
                "/s/* [3]",
                "  /s/y = closed: denied, 404 | closed: denied, 404 | closed: denied, 404",
                "  any other path = closed: denied, 404 | closed: denied, 404 | closed: denied, 404",
                "/up/* [4]",
                "  any other path = closed: denied, 404 | open: forwarded to https://up.example/example | closed: denied, 404",
                "everybody",
            ]
        );
    }

    #[test]
    fn lint_4_files_are_asked_with_what_rules_ask_for() {
        let rules = "/beta/* /beta/:splat 200! Cookie=beta\n/beta/* 200! Role=b\n/beta/* /login 302!\n\
            /fr/* 200! Country=fr Role=s\n/fr/* /login 302!\n";
        let map = map(rules, &["/beta/b.html", "/fr/index.html", "/login.html"]);
        let lines = lines(&map);
        let has = |line: &str| assert!(lines.iter().any(|other| other.trim_start() == line), "{line}\n{lines:#?}");
        has("/beta/b = sent: 302 → /login | open: the file | sent: 302 → /login | sent: 302 → /login");
        has("way  /beta/b Cookie=beta = open: the file | open: the file | open: the file | open: the file");
        has("/fr Country=fr = sent: 302 → /login | sent: 302 → /login | open: the file | sent: 302 → /login");
    }

    #[test]
    fn lint_4_what_leads_behind_a_gate_stands_in_its_area() {
        let rules = "/members/* 200! Role=m\n/members/* /login 302!\n/preview/* /members/:splat 200\n\
            /y /members/a 200\n/k/* /members/:splat 200! Role=k\n/free/* /pages/:splat 200\n";
        let map = map(rules, &["/members/a.html", "/login.html", "/pages/b.html"]);
        let area = map.areas.iter().find(|area| area.paths == "/members/*").unwrap();
        let everybody_gets = |label: &str| {
            let row = area.ways.iter().find(|row| row.label == label);
            let row = row.unwrap_or_else(|| panic!("{label}: {:#?}", lines(&map)));
            assert_eq!(row.gets.len(), map.visitors.len(), "{label}");
            assert!(row.gets.iter().all(|gets| gets.words() == "shows /members/a.html"), "{label}: {row:?}");
        };
        everybody_gets("/preview/a.html");
        everybody_gets("/y");
        let other = map.areas.iter().find(|area| area.paths == "/k/*").unwrap();
        let row = other.rows.iter().find(|row| row.label == "/k/a.html").unwrap();
        let words: Vec<String> = row.gets.iter().map(|gets| gets.words()).collect();
        assert_eq!(words, ["denied, 404", "denied, 404", "shows /members/a.html", "denied, 404"]);
        assert!(map.everybody.iter().all(|row| row.label != "/free/b.html"), "it is kept by nobody");
    }

    /// Rules, files, the paths of an area, and the ways beside its gates.
    type Ways = (&'static str, &'static [&'static str], &'static str, &'static [&'static str]);

    const WAYS: &[Ways] = &[
        // A rule above that a file goes before, for some.
        (
            "/* /beta/:splat 200 Cookie=beta\n/m/* 200! Role=a\n/m/* /login 401",
            &["/m/x.html", "/login.html"],
            "/m/*",
            &["/m/x Cookie=beta = open: the file"],
        ),
        (
            "http://a.example/* https://a.example/:splat 301\n/m/* 200! Role=a",
            &["/m/x.html"],
            "/m/*",
            &["http://a.example/m/x = open: the file"],
        ),
        ("http://a.example/* https://a.example/:splat 301!\n/m/* 200! Role=a", &["/m/x.html"], "/m/*", &[]),
        // What a gate shows lies open at its own path, and what sends visitors there.
        (
            "/app/* /files/:splat 200! Role=a\n/y /files/x 302\n/z /other 302",
            &["/files/x.html", "/other.html"],
            "/app/*",
            &["/files/x = open: the file", "/y = sent: 302 → /files/x"],
        ),
        // A page that stands for many paths is one.
        ("/app/* /index.html 200! Role=a\n/* /index.html 200", &["/index.html"], "/app/*", &["/ = open: the file"]),
        // Functions, and what other servers are asked for.
        (
            "/api/* /.netlify/functions/:splat 200! Role=a",
            &["/index.html"],
            "/api/*",
            &["/.netlify/functions/example = open: runs /.netlify/functions/example"],
        ),
        (
            "/s/* https://up.example/s/:splat 200! Role=a\n/o/* https://up.example/s/:splat 200\n\
             /p https://up.example/s/deep/x 302\n/q/* https://up.example/q/:splat 200",
            &["/index.html"],
            "/s/*",
            &[
                "/o/*, any other path = open: forwarded to https://up.example/s/example",
                "/p = sent: 302 → https://up.example/s/deep/x",
            ],
        ),
        // A gate for others, under another name; those whom both admit are no news.
        (
            "/m/* 200! Role=a\n/k/* /m/:splat 200! Role=a,b",
            &["/m/x.html"],
            "/m/*",
            &["/k/x.html = closed: denied, 404 | open: shows /m/x.html | open: shows /m/x.html | closed: denied, 404"],
        ),
        ("/m/* 200! Role=a\n/k/* /m/:splat 200! Role=a", &["/m/x.html"], "/m/*", &[]),
        ("/m/* 200! Role=a\n/m/* /login 401", &["/m/x.html", "/login.html"], "/m/*", &[]),
    ];

    #[test]
    fn lint_4_ways_beside_a_gate() {
        for (rules, files, paths, expected) in WAYS {
            let map = map(rules, files);
            let area = map.areas.iter().find(|area| area.paths == *paths).unwrap();
            let visitors = map.visitors.len();
            let told: Vec<String> = area
                .ways
                .iter()
                .map(|row| {
                    assert_eq!(row.gets.len(), visitors, "{rules}: {}", row.label);
                    let mut gets: Vec<String> =
                        row.gets.iter().map(|gets| format!("{}: {}", gets.class.name(), gets.words())).collect();
                    if gets.iter().all(|one| Some(one) == gets.first()) {
                        gets.truncate(1);
                    }
                    let when = row.when.iter().map(|when| format!(" {when}")).collect::<String>();
                    format!("{}{when} = {}", row.label, gets.join(" | "))
                })
                .collect();
            assert_eq!(told, *expected, "{rules}");
        }
    }

    #[test]
    fn lint_4_of_many_rules_that_ask_for_more_those_count_that_have_a_say() {
        let languages: String = (0..500).map(|at| format!("/x{at}/* /en/:splat 302! Language=en\n")).collect();
        let rules = format!("{languages}/m/a /b 302! Language=fr Role=m\n/m/* 200! Role=m\n");
        let map = map(&rules, &["/m/a.html", "/m/c.html", "/x499/y.html"]);
        assert_eq!(map.not_asked, 0);
        let lines = lines(&map);
        let has = |line: &str| assert!(lines.iter().any(|other| other.trim_start() == line), "{line}\n{lines:#?}");
        has("/m/a Language=fr = closed: denied, 404 | sent: 302 → /b | closed: denied, 404");
        has("/x499/y Language=en = sent: 302 → /en/y");
        // More than are asked about at one file.
        let many: String = (0..40).map(|at| format!("/* /b 302! Cookie=c{at}\n")).collect();
        assert_eq!(super::tests::map(&many, &["/a.html"]).not_asked, 8);
    }

    #[test]
    fn lint_4_rules_that_lead_elsewhere_cost_nothing_at_a_file() {
        let others: String = (0..3000).map(|at| format!("/x{at}/* /y{at}/:splat 200\n")).collect();
        let files: Vec<String> = (0..1500).map(|at| format!("/m/f{at}.html")).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let map = map(&format!("/m/* 200! Role=m\n{others}/z/* /m/:splat 200\n"), &files);
        assert_eq!(map.not_asked, 0);
        let area = map.areas.iter().find(|area| area.paths == "/m/*").unwrap();
        assert_eq!(area.ways.iter().filter(|row| row.label.starts_with("/z/")).count(), 1500);
    }

    #[test]
    fn lint_4_names_at_and_below_a_path() {
        let names = ["/a", "/a!b", "/a/b", "/a/c/d", "/a0", "/b/a"].map(str::to_owned);
        let found = |path: &str| {
            let (own, below) = asker::at_and_below(&names, path);
            (own.map(String::as_str), below.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(found("/a"), (Some("/a"), vec!["/a/b", "/a/c/d"]));
        assert_eq!(found("/b"), (None, vec!["/b/a"]));
        assert_eq!(found("/c"), (None, vec![]));
        assert_eq!(found("").1.len(), names.len());
    }

    #[test]
    fn lint_4_many_rules_that_lead_to_many_files_are_not_all_asked() {
        let rules: String = (0..2000).map(|at| format!("/x{at}/* /m/:splat 200\n")).collect();
        let files: Vec<String> = (0..2000).map(|at| format!("/m/f{at}.html")).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let map = map(&format!("/m/* 200! Role=m\n{rules}"), &files);
        assert!(map.not_asked > 0, "what was left out is said");
        let rows: usize = map.areas.iter().map(|area| area.rows.len() + area.ways.len()).sum();
        assert!((2000..40_000).contains(&rows), "{rows}");
        // One gate that shows all files of a site elsewhere has a row for each.
        let map = self::map("/app/* /m/:splat 200! Role=m\n", &files);
        assert!(map.not_asked == 0 && map.areas.iter().any(|area| area.rows.len() > 2000), "{:?}", map.not_asked);
    }

    #[test]
    fn lint_4_what_nobody_can_meet_has_no_row() {
        let map = map("/m/* 200! Role=a\n/* /403.html 403 Country=!NZ\n", &["/m/x.html", "/403.html"]);
        let rows = map.areas.iter().flat_map(|area| &area.rows);
        assert!(rows.chain(&map.everybody).all(|row| row.when.is_empty()), "{map:?}");
    }

    #[test]
    fn lint_4_what_is_too_much_is_said() {
        let rules: String = (0..2000).map(|role| format!("/* 200! Role=r{role}\n")).collect();
        let map = map(&rules, &["/x.html"]);
        assert_eq!((map.visitors.len(), map.further_roles, map.areas.len(), map.not_asked), (26, 1976, 0, 2));
    }

    #[test]
    fn lint_4_what_a_rule_gives() {
        let rules = RuleSet::parse(b"/m/* /m/:splat 200! Role=a\n/m/* /login 302\n").rules;
        let (visitors, row) = Map::at(&rules, &MemorySite::new(["/m/example.html"]), 0).unwrap();
        let told: Vec<String> =
            visitors.iter().zip(&row.gets).map(|(who, gets)| format!("{} {}", who.words(), gets.words())).collect();
        assert_eq!(told, ["anonymous 302 → /login", "a the file", "another role 302 → /login"]);
        assert_eq!(Map::at(&rules, &MemorySite::default(), 9), None);
        // Of a file that is there.
        let rules = RuleSet::parse(b"/* /index.html 200\n/m/* /m/:splat 200! Role=a\n").rules;
        let (_, row) = Map::at(&rules, &MemorySite::new(["/index.html", "/m/x.html"]), 1).unwrap();
        assert_eq!((row.asked.target.as_str(), row.gets[0].words().as_str()), ("/m/x", "the file"));
    }
}
