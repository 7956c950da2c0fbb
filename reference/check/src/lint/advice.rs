//! What is proposed, and the proof that it makes nothing worse (LINT-1).
//!
//! A lint that knows what to write instead says it as a change to the list of rules. Before anybody reads it the changed
//! list is looked at in its turn, and decided for visits and visitors that have to do with the change. Advice that fails
//! is not told; what is wrong is told all the same.

use std::collections::HashMap;

use rolegate::opens::opens;
use rolegate::problem::{Advice, Edit, Problem, Severity};
use rolegate::rules::{Conditions, Effect, Pattern, RoleCondition, Rule, RuleSet};
use rolegate::site::Site;
use rolegate::span::RuleFile;

use super::entry::in_toml;
use super::no_worse::{Changed, is_denial_page, is_no_worse};
use super::scene::{Scene, Visit};
use super::stars;
use super::way_in;

/// RULES-14: so many rules are looked at again to prove advice, over all of it.
const PROVED_OVER: usize = 20_000;

/// So many gates beside one another weigh as much as one rule.
const GATES: usize = 8;

/// So much advice is proved, however few the rules are.
const PROVED: usize = 16;

/// So many bytes may be compared for one proof. Where that is not enough the rules are too long, or too many of them meet, and
/// no more is proved.
pub(super) const COMPARED: usize = 2_000_000;

/// What is told of every gate before a function, and no rule can mend.
const OF_FUNCTIONS: &str = "gate-function-open";

/// What a lint has found, and what it would have written instead.
pub(super) struct Found {
    pub(super) problem: Problem,
    /// In the order in which they are tried.
    pub(super) proposals: Vec<Proposal>,
}

/// A change to the rules that has yet to be proved.
pub(super) struct Proposal {
    /// What to write, in words, for when it is proved.
    pub(super) help: String,
    /// For each place of the list that changes, the rules in the place of that rule.
    pub(super) changes: Vec<(usize, Vec<Rule>)>,
    /// What is closed on purpose.
    pub(super) closes: Option<Closing>,
}

/// Paths that are closed, and to whom.
pub(super) struct Closing {
    pub(super) patterns: Vec<Pattern>,
    /// To all who do not satisfy it; none where they are closed to everybody.
    pub(super) but_for: Option<RoleCondition>,
    /// Whether that holds for those too whom another role rule admits.
    pub(super) to_the_admitted: bool,
    /// What gates cover no more, since there is nothing; whoever says so has looked.
    pub(super) leaves: Option<Pattern>,
}

impl Closing {
    /// What a gate covers, to those whom it turns away.
    pub(super) fn by(gate: &Rule) -> Closing {
        Closing::by_all(std::slice::from_ref(gate))
    }

    /// What several gates cover that ask for the same role.
    pub(super) fn by_all(gates: &[Rule]) -> Closing {
        let but_for = gates.first().and_then(|gate| gate.role().cloned());
        let patterns = gates.iter().map(|gate| gate.pattern.clone()).collect();
        Closing { patterns, but_for, to_the_admitted: false, leaves: None }
    }

    pub(super) fn is_for(&self, visit: &Visit) -> bool {
        visit.path().is_some_and(|path| self.patterns.iter().any(|pattern| pattern.matches(&path)))
    }
}

impl From<Problem> for Found {
    fn from(problem: Problem) -> Found {
        Found { problem, proposals: Vec::new() }
    }
}

impl Found {
    /// The same with changes that may be told.
    pub(super) fn proposing(mut self, proposals: impl IntoIterator<Item = Proposal>) -> Found {
        self.proposals.extend(proposals);
        self
    }
}

/// How often each kind was found.
pub(super) type Kinds = HashMap<&'static str, usize>;

pub(super) fn count(kinds: &Kinds, id: &str) -> usize {
    kinds.get(id).copied().unwrap_or_default()
}

/// Whether no kind is found more often than before.
pub(super) fn brings_nothing(kinds: &Kinds, before: &Kinds) -> bool {
    kinds.keys().all(|id| *id == OF_FUNCTIONS || count(kinds, id) <= count(before, id))
}

/// How often each kind was found, and how often each that reading finds of a star stands in the list.
pub(super) fn kinds(found: &[Found], rules: &[Rule]) -> Kinds {
    let mut kinds = Kinds::new();
    for found in found.iter().filter(|found| !stars::is_of_reading(found.problem.id)) {
        *kinds.entry(found.problem.id).or_default() += 1;
    }
    stars::count(rules, &mut kinds);
    kinds
}

/// What was found, with the advice that is proved in the place of what is said without any. `again` looks at a changed list.
pub(super) fn proved<S: Site>(
    scene: &Scene<'_, S>,
    found: Vec<Found>,
    again: impl Fn(&RuleSet) -> Option<Kinds>,
) -> Vec<Problem> {
    let before = kinds(&found, scene.rules());
    let mut left = so_many(scene);
    let mut told = HashMap::new();
    let prove = |Found { mut problem, proposals }| {
        for proposal in proposals {
            // The same change can mend several findings; it is proved for each kind of them once.
            let key = (problem.id, lines(&proposal, scene));
            let holds = match told.get(&key) {
                Some(holds) => *holds,
                None if left == 0 || scene.is_used_up() => false,
                None => {
                    left -= 1;
                    let own = Scene::with_left(scene.set(), scene.site, COMPARED);
                    let holds = is_proved(&own, problem.id, &proposal, &before, &again);
                    left = if own.is_used_up() { 0 } else { left };
                    told.insert(key, holds);
                    holds
                }
            };
            if holds {
                problem.advice = Some(Advice { edits: lines(&proposal, scene), texts: Vec::new() });
                problem.help = in_words(scene, &proposal);
                break;
            }
        }
        if problem.span.file == RuleFile::Toml {
            for text in [&mut problem.message, &mut problem.help] {
                *text = text.replace("this line", "this entry");
            }
        }
        problem
    };
    found.into_iter().map(prove).collect()
}

/// How much is proved for these rules.
pub(super) fn so_many<S: Site>(scene: &Scene<'_, S>) -> usize {
    // Whether a change opens anything is asked of each gate beside each other one.
    let gates = scene.rules().iter().filter(|rule| rule.is_gate()).count();
    let weight = scene.rules().len() + gates.saturating_mul(gates) / GATES;
    (PROVED_OVER / weight.max(1)).clamp(1, PROVED)
}

/// What to write, as the file spells it that changes.
fn in_words<S: Site>(scene: &Scene<'_, S>, Proposal { help, changes, .. }: &Proposal) -> String {
    let is_toml = |place: &usize| scene.rule(*place).is_some_and(|rule| rule.span.file == RuleFile::Toml);
    in_toml(help, changes.iter().filter(|(place, _)| is_toml(place)).flat_map(|(_, rules)| rules))
}

/// The change as text in the place of rules.
fn lines<S: Site>(proposal: &Proposal, scene: &Scene<'_, S>) -> Vec<Edit> {
    let edits = proposal.changes.iter().filter_map(|(place, rules)| {
        let lines = rules.iter().map(|rule| if rule.text.is_empty() { rule.to_string() } else { rule.text.clone() });
        Some(Edit { span: scene.rule(*place)?.span, lines: lines.collect() })
    });
    edits.collect()
}

fn is_proved<S: Site>(
    scene: &Scene<'_, S>,
    id: &'static str,
    proposal: &Proposal,
    before: &Kinds,
    again: impl Fn(&RuleSet) -> Option<Kinds>,
) -> bool {
    let Proposal { changes, closes, .. } = proposal;
    if !changes.iter().flat_map(|(_, rules)| rules).all(|rule| reads_as(scene, rule)) {
        return false;
    }
    // RULES-9, SUBST-1: a line in error is mended, and not moved; where one leads that names what it does not capture, its author does not know.
    let is_in_error = |rule: &Rule| rule.apply().is_none_or(|apply| apply.to.unknown_name().is_some());
    let is_moved = |place: usize, rule: &Rule| is_in_error(rule) && scene.rule(place) != Some(rule);
    if changes.iter().any(|(place, rules)| rules.iter().any(|rule| is_moved(*place, rule))) {
        return false;
    }
    let may_go_before = closes.as_ref().is_some_and(|closes| closes.to_the_admitted);
    if !may_go_before && goes_before_a_gate(scene, changes) {
        return false;
    }
    let edited = |stay: &[(usize, &Rule)], as_told: &dyn Fn(usize, &Rule) -> Option<Rule>| {
        let in_place = |place: usize, rule: &Rule| match changes.iter().find(|(at, _)| *at == place) {
            Some(_) if stay.iter().any(|(at, _)| *at == place) => vec![rule.clone()],
            Some((_, rules)) => rules.iter().filter_map(|new| as_told(place, new)).collect(),
            None => vec![rule.clone()],
        };
        RuleSet::of(scene.rules().iter().enumerate().flat_map(|(place, rule)| in_place(place, rule)))
    };
    let set = edited(&[], &|_, rule| Some(rule.clone()));
    // A page that says that something is denied is for those who are denied, and a role rule that gives those whom it admits
    // something that no gate keeps opens nothing: of the rest a reason is asked why nothing opens.
    let mut raised = raised(scene, changes);
    let leaves = closes.as_ref().and_then(|closes| closes.leaves.as_ref());
    let left = changes.iter().filter_map(|(place, _)| Some((*place, scene.rule(*place)?)));
    raised.extend(left.filter(|(_, rule)| rule.is_gate() && Some(&rule.pattern) == leaves));
    let rest = edited(&raised, &|place, rule| {
        if raised.iter().any(|(_, moved)| *moved == rule) {
            return None;
        }
        let was = scene.rule(place).filter(|was| gives_no_more(scene, was, rule));
        if is_denial_page(rule) || way_in::shows_way_in(scene, rule) { None } else { Some(was.unwrap_or(rule).clone()) }
    });
    if opens((scene.set(), scene.site), (&rest, scene.site), [("", ""); 0]).is_some() {
        return false;
    }
    let after = Scene::with_left(&set, scene.site, scene.left());
    let of_places = changes.iter().flat_map(|(place, rules)| scene.rule(*place).into_iter().chain(rules));
    let changed = Changed {
        touched: of_places.collect(),
        places: changes.iter().map(|(place, _)| *place).collect(),
        closes: closes.as_ref(),
        mended: Vec::new(),
    };
    let is_better = is_no_worse(scene, &after, &changed) && {
        let Some(kinds) = again(&set) else {
            scene.spend(COMPARED);
            return false;
        };
        count(&kinds, id) < count(before, id) && brings_nothing(&kinds, before)
    };
    scene.spend(scene.left().saturating_sub(after.left()));
    is_better
}

/// The role rules, each with its place, that go above other role rules alone, or above what shows the same to everybody. That opens nothing:
/// whom they admit they admitted where they stood, or others did.
fn raised<'r, S: Site>(scene: &Scene<'r, S>, changes: &[(usize, Vec<Rule>)]) -> Vec<(usize, &'r Rule)> {
    let out = changes.iter().filter(|(_, rules)| rules.is_empty());
    let moved = out.filter_map(|(from, _)| {
        let rule = scene.rule(*from).filter(|rule| rule.role().is_some() && !rule.is_sealed())?;
        let (to, _) = changes.iter().find(|(to, rules)| to < from && rules.contains(rule))?;
        let mut between = scene.rules().get(*to..*from)?.iter();
        let shares = |other: &Rule| other.pattern.with_spellings().may_share_with(&rule.pattern.with_spellings());
        // ROLE-4: where nobody denies before, a gate that shows its own paths lifts no denial, and gives what everybody got.
        let is_first = || !scene.rules().iter().take(*to).any(|other| other.is_gate() && shares(other));
        let is_harmless = |other: &Rule| {
            let asks = other.role().is_some() && !other.is_sealed();
            asks || !shares(other) || (rule.protects() && shows_the_same_to_all(other, rule) && is_first())
        };
        between.all(is_harmless).then_some((*from, rule))
    });
    moved.collect()
}

/// Whether a rule shows everybody what lies at its own paths, and another one shows the same at some of them.
fn shows_the_same_to_all(all: &Rule, some: &Rule) -> bool {
    let shows_own = |rule: &Rule| {
        rule.leads_to_itself()
            && rule.pattern.stem().is_some()
            && rule.apply().is_some_and(|apply| (200..300).contains(&apply.status))
    };
    let is_for_all = all.apply().is_some_and(|apply| apply.conditions == Conditions::default());
    let is_anywhere = all.origin.is_none() && all.query.is_empty() && all.pattern.covers(&some.pattern);
    is_for_all && is_anywhere && shows_own(all) && shows_own(some)
}

/// Whether a rule that asks for no role would answer where a role rule below it does now. What it answers nobody is asked
/// again, so those are locked out whom the role rule admits, or others get what it keeps.
fn goes_before_a_gate<S: Site>(scene: &Scene<'_, S>, changes: &[(usize, Vec<Rule>)]) -> bool {
    changes.iter().any(|(place, rules)| {
        let is_there = |rule: &Rule| scene.rule(*place).is_some_and(|there| there == rule);
        let mut new = rules.iter().enumerate().filter(|(_, rule)| !rule.is_gate() && !is_there(rule));
        new.any(|(at, rule)| {
            // A gate that goes further up before it stays before it.
            let goes_too = |gate: &Rule| rules.iter().take(at).any(|other| are_for_the_same(other, gate));
            let mut below = scene.rules().iter().skip(place + 1).filter(|below| below.is_gate() && !goes_too(below));
            below.any(|gate| gate.pattern.with_spellings().may_meet(&rule.pattern))
        })
    })
}

/// Whether two rules are the same, wherever they stand.
pub(super) fn say_the_same(one: &Rule, other: &Rule) -> bool {
    (&one.origin, &one.pattern, &one.query, &one.effect) == (&other.origin, &other.pattern, &other.query, &other.effect)
}

/// Whether two rules are for the same visitors at the same paths, whatever they show.
fn are_for_the_same(one: &Rule, other: &Rule) -> bool {
    let for_whom = |rule: &Rule| rule.apply().map(|apply| apply.conditions.clone());
    (&one.origin, &one.pattern, &one.query, for_whom(one))
        == (&other.origin, &other.pattern, &other.query, for_whom(other))
}

/// Whether two role rules differ in what they show alone, and no gate has to do with that.
fn gives_no_more<S: Site>(scene: &Scene<'_, S>, was: &Rule, is: &Rule) -> bool {
    let Some(apply) = is.apply().filter(|_| are_for_the_same(was, is) && is.role().is_some()) else { return false };
    let reach = apply.to.reach().with_spellings();
    let is_kept = |gate: &Rule| match apply.to.is_absolute() {
        true => gate.is_proxy(),
        false => reach.may_meet(&gate.pattern) || gate.apply().is_some_and(|own| reach.may_meet(&own.to.reach())),
    };
    !scene.rules().iter().filter(|rule| rule.is_gate()).any(is_kept)
}

/// Whether the rule stands in the list already, or its line reads as what it is, and not as one in error, which is sealed.
fn reads_as<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> bool {
    let same = |other: &Rule| say_the_same(other, rule);
    let read = RuleSet::parse(rule.to_string().as_bytes());
    let is_whole = !read.problems.iter().any(|problem| problem.severity == Severity::Error);
    is_whole && read.rules.rules().iter().any(same) || scene.rules().iter().any(|other| other == rule)
}

/// A rule that shows a page of the site to those who have not been answered, with this status.
pub(super) fn page_rule(of: &Rule, page: &str, status: u16, force: bool) -> Option<Rule> {
    let force = if force { "!" } else { "" };
    let line = format!(
        "{}{} {page} {status}{force}",
        of.origin.as_ref().map(ToString::to_string).unwrap_or_default(),
        of.pattern
    );
    line_at(of, &line)
}

/// A line as a rule in the place of another one.
pub(super) fn line_at(place: &Rule, line: &str) -> Option<Rule> {
    let rule = RuleSet::parse(line.as_bytes()).rules.rules().first()?.clone();
    Some(Rule { span: place.span, ..rule })
}

/// The rule with another destination.
pub(super) fn leading_to(rule: &Rule, to: &str) -> Option<Rule> {
    let line = format!("{} {to} {}", rule.pattern, rule.apply()?.status);
    let to = line_at(rule, &line)?.apply()?.to.clone();
    Some(answering(rule, |apply| apply.to = to))
}

/// The rule with another answer, and the text that says so.
pub(super) fn changed(rule: &Rule, change: impl FnOnce(&mut Rule)) -> Rule {
    let mut rule = rule.clone();
    change(&mut rule);
    rule.text = rule.to_string();
    rule
}

/// The same where the answer alone changes.
pub(super) fn answering(rule: &Rule, change: impl FnOnce(&mut rolegate::rules::Apply)) -> Rule {
    changed(rule, |rule| {
        if let Effect::Apply(apply) = &mut rule.effect {
            change(apply);
        }
    })
}
