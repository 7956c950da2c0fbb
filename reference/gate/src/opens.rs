//! Whether new rules let somebody see what the old ones denied them. Pure: rules and sites in, one example out.
//!
//! RELOAD-3. Nobody can try every request, so what is asked for is a reason why nothing opens, and where there is none the
//! answer is that something does. The reason has these parts.
//!
//! 1. Each gate of the old rules stands in the new ones, or a wider one does (`Comparison::heir`), and it covers every file
//!    that it covered, under whatever spelling or link, and wherever the file has been moved to. Where it has been moved, no rule leads
//!    around that gate.
//! 2. A rule *stays* if it and every old rule above it that it meets stand in the new rules, in that order. Such a rule
//!    decides nothing that it did not decide before: what kept it from a request is still above it.
//! 3. Any other rule that lets somebody see something may not come before a gate, or lift one, or lead to what a gate closes,
//!    unless whoever has its role has that of the gate too.
//!
//! 4. A denial lets an unforced rule act that a file went before (SHADOW-3). So where a gate is new to the requests of an unforced
//!    rule, that rule may not lead to what a gate closes either.
//!
//! 5. Where a file is gone, each rule that acts at its paths leads from there to nothing that a gate closes.
//!
//! So what is added, taken away or moved is compared with the old gates, and the rest of a long list is not.

mod files;
mod leads;
mod lookup;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::rc::Rc;

use self::files::Paths;
use crate::elsewhere::remote::Server;
use crate::path::{RequestPath, segments};
use crate::rules::{Apply, Covered, Effect, Pattern, QueryConstraint, QueryValue, RoleCondition, Rule, RuleSet};
use crate::site::Site;
use crate::span::Span;

/// So many comparisons of two rules, or of a rule and a path, are made; who changes more says so with a signal.
const MOST: usize = 20_000_000;

/// What opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// A path, or the beginning of one.
    pub path: String,
    /// Whom the old rules turned away there.
    pub turned_away: String,
    /// Where the old rule stands that did.
    pub gate: Span,
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Opening { path, turned_away, gate } = self;
        write!(f, "`{path}` would open to {turned_away}, whom line {} of {} turned away before", gate.line, gate.file)
    }
}

/// What would open if `new` took the place of `old`, each a list of rules before a site; `None` where nothing does.
///
/// `moved` holds files that the old site had under another name: that name, and the new one.
pub fn opens<S: Site>(
    old: (&RuleSet, &S),
    new: (&RuleSet, &S),
    moved: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
) -> Option<Opening> {
    if !old.0.rules().iter().any(Rule::is_gate) {
        return None;
    }
    let mut comparison = Comparison::new(old, new);
    match comparison.find(moved) {
        Ok(()) => None,
        Err(Stop::Opens(opening)) => Some(*opening),
        Err(Stop::TooMuch(gate)) => Some(Opening {
            path: gate.pattern.to_string(),
            turned_away: format!("{} for all that can be told of so many changes", turned_away(gate)),
            gate: gate.span,
        }),
    }
}

/// Why the search ends.
enum Stop<'a> {
    Opens(Box<Opening>),
    /// There is more to compare than is compared.
    TooMuch(&'a Rule),
}

type Found<'a> = Result<(), Stop<'a>>;

/// A gate of the old rules.
struct Gate<'a> {
    rule: &'a Rule,
    /// Where it stands in the old list.
    place: usize,
    /// Where what covers it stands in the new one.
    heir: usize,
    /// The paths of all files that it may cover.
    reach: Covered,
    /// What it covers of a site that another server has, as the loosest of servers read paths.
    there: Pattern,
}

/// A rule of the new list that does not stay, and how far it reaches.
struct Change<'a> {
    rule: &'a Rule,
    apply: &'a Apply,
    place: usize,
    /// Where the same rule stands in the old list.
    was: Option<usize>,
    /// It stays, but acts where a file went before it.
    stays: bool,
    /// An old rule above it that it meets is gone, or below it, so that it may decide what it was kept from.
    is_uncovered: bool,
    /// One of those is a gate that gave those whom it admitted something else, or nobody anything.
    admits_more: bool,
}

impl Change<'_> {
    /// Whether it stood above this gate before, and decided there what it decides now.
    fn stood_above(&self, gate: &Gate<'_>) -> bool {
        let decides_more = self.admits_more || (self.is_uncovered && self.rule.role().is_none());
        self.was.is_some_and(|was| was < gate.place) && !decides_more
    }
}

/// An old rule that is gone, or that another one stands above now.
struct Overtaken<'a> {
    rule: &'a Rule,
    /// The paths of all files that it may cover, if it is a gate.
    covered: Option<Covered>,
}

impl Overtaken<'_> {
    fn may_meet(&self, pattern: &Pattern) -> bool {
        match &self.covered {
            Some(covered) => covered.may_meet(pattern),
            None => self.rule.pattern.may_meet(pattern),
        }
    }
}

/// What an old rule fetched from another server for those alone whom a gate admitted.
struct Fetched<'a> {
    gate: &'a Rule,
    server: Option<Server>,
    reach: Covered,
}

struct Comparison<'a, S> {
    old: &'a RuleSet,
    new: &'a RuleSet,
    old_site: &'a S,
    new_site: &'a S,
    /// Where each rule, by what it says, stands first.
    first_old: HashMap<String, usize>,
    first_new: HashMap<String, usize>,
    /// Whether some file has several names.
    has_links: bool,
    /// Names of the old site that the new one does not have.
    gone: Rc<[&'a str]>,
    fetched: Rc<[Fetched<'a>]>,
    left: usize,
}

impl<'a, S: Site> Comparison<'a, S> {
    fn new((old, old_site): (&'a RuleSet, &'a S), (new, new_site): (&'a RuleSet, &'a S)) -> Comparison<'a, S> {
        let (first_old, first_new) = (first_places(old), first_places(new));
        // RULES-14: asked for each change and each gate, and the names are many.
        let has_links =
            [old_site, new_site].iter().any(|site| site.names().any(|name| !site.same_file(name).is_empty()));
        let gone = old_site.names().filter(|name| !new_site.has(name)).collect();
        let fetched = Rc::default();
        Comparison { old, new, old_site, new_site, first_old, first_new, has_links, gone, fetched, left: MOST }
    }

    fn find(&mut self, moved: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) -> Found<'a> {
        let gates = self.gates()?;
        self.fetched = self.fetched(&gates)?.into();
        let changes = self.changes(&gates)?;
        for change in &changes {
            if !change.stays {
                self.comes_before_or_lifts(change, &gates)?;
            }
            self.leads_behind(change, &gates)?;
        }
        let at = Paths::of(&gates, self.new);
        self.files(&at, &gates, &changes)?;
        self.gone(&at, &gates)?;
        self.moved(&at, moved)
    }

    fn spend(&mut self, steps: usize, gate: &'a Rule) -> Found<'a> {
        self.left = self.left.checked_sub(steps).ok_or(Stop::TooMuch(gate))?;
        Ok(())
    }

    /// The old gates, each with what covers it now.
    fn gates(&mut self) -> Result<Vec<Gate<'a>>, Stop<'a>> {
        let mut gates = Vec::new();
        for (place, rule) in self.old.rules().iter().enumerate().filter(|(_, rule)| rule.is_gate()) {
            let Some(heir) = self.heir(rule)? else {
                return Err(open(rule.pattern.example("…").name(), rule));
            };
            let (reach, there) = (rule.pattern.with_spellings(), rule.pattern.loosely());
            gates.push(Gate { rule, place, heir, reach, there });
        }
        Ok(gates)
    }

    /// Where a gate stands in the new list that turns away everybody whom `gate` turns away.
    fn heir(&mut self, gate: &'a Rule) -> Result<Option<usize>, Stop<'a>> {
        if let Some(place) = self.first_new.get(&said(gate)) {
            return Ok(Some(*place));
        }
        self.spend(self.new.rules().len(), gate)?;
        Ok(self.new.rules().iter().position(|other| turns_away_all_of(other, gate)))
    }

    /// The new rules that let somebody see something and do not stay.
    fn changes(&mut self, gates: &[Gate<'a>]) -> Result<Vec<Change<'a>>, Stop<'a>> {
        let Some(some_gate) = gates.first().map(|gate| gate.rule) else { return Ok(Vec::new()) };
        let places: Vec<Option<usize>> =
            self.old.rules().iter().map(|rule| self.first_new.get(&said(rule)).copied()).collect();
        // For each old rule, the last place that one above it has in the new list.
        let lowest_above: Vec<Option<usize>> = places
            .iter()
            .scan(None, |lowest, place| {
                let above = *lowest;
                *lowest = (*lowest).max(*place);
                Some(above)
            })
            .collect();
        // Old rules that are gone, and those that a rule which stood below them stands above now, each with its place there.
        let mut highest_below = usize::MAX;
        let mut overtaken: Vec<(usize, Option<usize>, Overtaken<'a>)> = Vec::new();
        for (at, (rule, now)) in self.old.rules().iter().zip(&places).enumerate().rev() {
            if now.is_none_or(|now| highest_below < now) {
                let covered = rule.is_gate().then(|| rule.pattern.with_spellings());
                overtaken.push((at, *now, Overtaken { rule, covered }));
            }
            highest_below = highest_below.min(now.unwrap_or(usize::MAX));
        }
        overtaken.reverse();
        // STATUS-5.own-tree: for a path in the tree of one such redirect all others are passed over, wherever they stand.
        let trees = |rules: &'a RuleSet| rules.rules().iter().filter(|rule| rule.own_tree().is_some()).map(said);
        let same_trees = trees(self.old).eq(trees(self.new));
        // A rule that stays leads to another file where the one that it led to is gone.
        let is_replaced = self.has_a_replaced_file();
        let mut changes = Vec::new();
        // The gates further up that are new, and the last place in the old list of one that is not.
        let (mut new_gates, mut last_gate): (Vec<Covered>, Option<usize>) = (Vec::new(), None);
        for (place, rule) in self.new.rules().iter().enumerate() {
            let was = self.first_old.get(&said(rule)).copied();
            self.spend(1 + overtaken.len() + new_gates.len(), some_gate)?;
            let meets_a_new_gate = was.is_some_and(|was| last_gate.is_some_and(|last| last > was))
                || new_gates.iter().any(|gate| self.has_links || gate.may_meet(&rule.pattern));
            if rule.is_gate() {
                match was {
                    Some(was) => last_gate = last_gate.max(Some(was)),
                    None => new_gates.push(rule.pattern.with_spellings()),
                }
            }
            let Some(apply) = rule.apply() else { continue };
            // Whom a gate admitted to the very file that is there got no other answer from it than from this rule.
            let gave_the_same = |at: usize| {
                let gate = self.old.rules().get(at).filter(|gate| gate.is_gate());
                rule.role().is_some() && rule.leads_to_itself() && gate.is_some_and(Rule::leads_to_itself)
            };
            let above = overtaken.iter().take_while(|(at, ..)| was.is_some_and(|was| *at < was));
            let above = above.filter(|(_, now, _)| now.is_none_or(|now| now > place));
            let mut gone = above
                .filter(|(at, _, other)| (self.has_links || other.may_meet(&rule.pattern)) && !gave_the_same(*at))
                .peekable();
            let is_uncovered = gone.peek().is_some();
            let admits_more = gone.any(|(at, ..)| self.old.rules().get(*at).is_some_and(Rule::is_gate));
            let in_order = was.and_then(|was| lowest_above.get(was));
            let in_order = in_order.is_some_and(|lowest| lowest.is_none_or(|lowest| lowest < place));
            let stays = same_trees && in_order && !is_uncovered;
            // A forced redirect shows nothing of what lies at its path.
            let shows = !(apply.is_redirect() && (apply.force || !self.new_site.is_listed()));
            let acts_anew = meets_a_new_gate && !apply.force && self.new_site.is_listed();
            let leads_anew = is_replaced && !apply.is_redirect() && !apply.to.is_absolute();
            if shows && (!stays || acts_anew || leads_anew) {
                changes.push(Change { rule, apply, place, was, stays, is_uncovered, admits_more });
            }
        }
        Ok(changes)
    }

    /// Whether another file, which was there, is now what lies at the path of one that is gone: `a.html` where `a` was; or whether
    /// two names that were of one file, or are now, are of two.
    fn has_a_replaced_file(&self) -> bool {
        let (old, new) = (self.old_site, self.new_site);
        let is_other = |name: &&str| {
            let path = RequestPath::of(segments(name));
            new.file(&path).is_some_and(|other| old.has(&other))
        };
        let stays_one = |name: &str| old.same_file(name) == new.same_file(name);
        self.gone.iter().any(is_other) || (self.has_links && !new.names().filter(|name| old.has(name)).all(stays_one))
    }

    fn has_same_names(&self) -> bool {
        let same = |name: &str| self.old_site.same_file(name) == self.new_site.same_file(name);
        self.old_site.names().eq(self.new_site.names()) && self.new_site.names().all(same)
    }

    /// Whether a rule decides before the gate on a path of it, or admits somebody whom it turns away.
    fn comes_before_or_lifts(&mut self, change: &Change<'a>, gates: &[Gate<'a>]) -> Found<'a> {
        let Change { rule, apply, place, .. } = change;
        // What a local rule without a role shows instead is looked at by where it leads.
        if rule.role().is_none() && !apply.is_proxy() {
            return Ok(());
        }
        for gate in gates {
            self.spend(1, gate.rule)?;
            let is_above = *place < gate.heir;
            // RULES-9: no role lifts a seal. ROLE-3: nor does a rule without one lift anything.
            let lifts = rule.role().is_some() && !gate.rule.is_sealed();
            let matters = if is_above { !change.stood_above(gate) } else { lifts };
            let meets = self.has_links || gate.reach.may_meet(&rule.pattern);
            if matters && meets && share_an_origin(rule, gate.rule) && !is_no_wider(rule, gate.rule) {
                return Err(open(rule.pattern.example("…").name(), gate.rule));
            }
        }
        Ok(())
    }
}

/// What a rule says, so that two rules which say the same say it in the same words.
fn said(rule: &Rule) -> String {
    match rule.apply() {
        Some(apply) if !apply.headers.is_empty() => format!("{rule} {:?}", apply.headers),
        _ => rule.to_string(),
    }
}

fn first_places(rules: &RuleSet) -> HashMap<String, usize> {
    let mut places = HashMap::new();
    for (place, rule) in rules.rules().iter().enumerate() {
        places.entry(said(rule)).or_insert(place);
    }
    places
}

fn open<'a>(path: &str, gate: &Rule) -> Stop<'a> {
    let path = if path.is_empty() { "/" } else { path };
    Stop::Opens(Box::new(Opening { path: path.to_owned(), turned_away: turned_away(gate), gate: gate.span }))
}

fn turned_away(gate: &Rule) -> String {
    match gate.role() {
        Some(RoleCondition::AnyOf(roles)) => format!("visitors without the role {}", listed(roles)),
        Some(RoleCondition::AnyToken) => "visitors without a valid token".to_owned(),
        None => "visitors".to_owned(),
    }
}

fn listed(roles: &[String]) -> String {
    let quoted: Vec<String> = roles.iter().map(|role| format!("`{role}`")).collect();
    quoted.join(" or ")
}

/// Whether `other` turns away, wherever `gate` does, everybody whom it does.
fn turns_away_all_of(other: &Rule, gate: &Rule) -> bool {
    other.pattern.covers(&gate.pattern) && turns_away_whom(other, gate)
}

/// The same, whatever the paths.
fn turns_away_whom(other: &Rule, gate: &Rule) -> bool {
    let same_place = other.origin.is_none() || other.origin == gate.origin;
    match (&other.effect, &gate.effect) {
        _ if !same_place => false,
        // RULES-9: whatever the query.
        (Effect::Seal, _) => true,
        (Effect::Apply(_), Effect::Seal) => false,
        (Effect::Apply(_), Effect::Apply(_)) => {
            // ROLE-3.redirect
            let keeps_as_much = other.protects() || !gate.protects();
            keeps_as_much && is_no_wider(other, gate) && covers_query(&other.query, &gate.query)
        }
    }
}

fn covers_query(wide: &[QueryConstraint], narrow: &[QueryConstraint]) -> bool {
    let covers = |one: &QueryConstraint, other: &QueryConstraint| {
        one.key == other.key && (matches!(one.value, QueryValue::Capture(_)) || one.value == other.value)
    };
    wide.is_empty()
        || wide.len() == narrow.len() && wide.iter().all(|one| narrow.iter().any(|other| covers(one, other)))
}

/// Whether whoever satisfies the role of `rule` satisfies that of `gate` too. Everybody satisfies a rule without a role.
fn is_no_wider(rule: &Rule, gate: &Rule) -> bool {
    match (rule.role(), gate.role()) {
        (Some(_), Some(RoleCondition::AnyToken)) => true,
        (Some(RoleCondition::AnyOf(listed)), Some(RoleCondition::AnyOf(enough))) => {
            let enough: HashSet<&String> = enough.iter().collect();
            listed.iter().all(|role| enough.contains(role))
        }
        _ => false,
    }
}

fn share_an_origin(one: &Rule, other: &Rule) -> bool {
    one.origin.is_none() || other.origin.is_none() || one.origin == other.origin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::MemorySite;

    /// RULES-14: the cost grows with what has changed, and a long list is compared in a moment.
    #[test]
    fn a_long_list_is_compared() {
        let list = |first: &str| -> String {
            (0..5_000).fold(first.to_owned(), |all, n| {
                all + &format!("/m/{n}/* /m/{n}/:splat 200! Role=admin\n/o/{n} /m/{n} 301\n")
            })
        };
        let site = MemorySite::new((0..5_000).map(|n| format!("/m/{n}/x.html")));
        let (old, new) =
            (RuleSet::parse(list("/a /b 301\n").as_bytes()).rules, RuleSet::parse(list("").as_bytes()).rules);
        let none: [(&str, &str); 0] = [];
        assert_eq!(opens((&old, &site), (&new, &site), none), None);
        let mut comparison = Comparison::new((&old, &site), (&new, &site));
        assert!(comparison.find(none).is_ok());
        assert!(MOST - comparison.left < 500_000, "{}", MOST - comparison.left);
        // Each file has another name after a build, and a page stands in for what is not there.
        let with_page = RuleSet::parse(format!("{}/* /index.html 200\n", list("")).as_bytes()).rules;
        let built = |hash: &str| {
            let names = (0..5_000).map(|n| format!("/assets/{n}-{hash}.js"));
            MemorySite::new(names.chain(["/index.html".to_owned(), "/m/1/x.html".to_owned()]))
        };
        let (before, after) = (built("a1"), built("b2"));
        let mut comparison = Comparison::new((&with_page, &before), (&with_page, &after));
        assert!(comparison.find(none).is_ok());
        assert!(MOST - comparison.left < 500_000, "{}", MOST - comparison.left);
    }
}
