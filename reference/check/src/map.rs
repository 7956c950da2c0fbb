//! Who gets what: for each area of paths and each visitor what the gate answers, found by asking it.
//!
//! No rule is read a second time here: every answer is a decision of [`rolegate::decide()`] about a request that is made up, for
//! each file of the site and for what each rule is for (LINT-4). A path at which no gate has a say is the same for everybody, and
//! is asked for once.

mod asker;
#[cfg(test)]
mod tests;
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
