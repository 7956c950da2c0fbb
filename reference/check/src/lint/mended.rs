//! What reading names to write in the place of what is in error, and the proof that it may be told (LINT-1).
//!
//! RULES-9: what names a role and is in error is sealed, or keeps a gate from starting. Where it is mended those get in whom the file
//! names, at the paths that were closed, and nobody else. So the changed files are read, looked at and decided in their turn, beside
//! the same rules with a seal where the mended one stands. A text that fails is not told; the words of the help are told all the same.

use std::collections::HashMap;
use std::ops::Range;

use rolegate::opens::opens;
use rolegate::problem::{Advice, Edit, Problem, Replacement};
use rolegate::rules::{ConditionKey, Effect, RoleCondition, Rule, RuleFiles, RuleSet, lines};
use rolegate::site::Site;
use rolegate::span::{RuleFile, Span};

use super::advice::{COMPARED, Kinds, brings_nothing, count, say_the_same, so_many};
use super::no_worse::{Changed, is_no_worse};
use super::scene::Scene;

/// RULES-14: so many times a rule that has come is looked at beside another one for a proof.
const BESIDE: usize = 100_000;

/// What was found of the files as they stand.
pub(super) struct Before {
    /// By reading, of each kind.
    read: Kinds,
    /// How much keeps a gate from starting.
    refusing: usize,
    /// By looking at the rules, of each kind.
    pub(super) looked: Kinds,
}

impl Before {
    /// What reading has found.
    pub(super) fn of(read: &[Problem]) -> Before {
        Before { read: kinds(read), refusing: refusing(read), looked: HashMap::new() }
    }
}

fn kinds(problems: &[Problem]) -> Kinds {
    let mut kinds = Kinds::new();
    problems.iter().for_each(|problem| *kinds.entry(problem.id).or_default() += 1);
    kinds
}

fn refusing(problems: &[Problem]) -> usize {
    problems.iter().filter(|problem| problem.refuses_to_start).count()
}

/// Makes advice of what reading names to write, where it is proved, and leaves nothing unproved. `again` looks at changed rules.
pub(super) fn prove<S: Site>(
    scene: &Scene<'_, S>,
    files: RuleFiles<'_>,
    before: &Before,
    problems: &mut [Problem],
    again: impl Fn(&RuleSet) -> Option<Kinds>,
) {
    let mut left = so_many(scene);
    for problem in problems {
        let instead = std::mem::take(&mut problem.instead);
        if instead.is_empty() || problem.advice.is_some() || left == 0 || scene.is_used_up() {
            continue;
        }
        left -= 1;
        let Some(edited) = Edited::of(files, &instead) else { continue };
        if is_proved(scene, &edited, problem, before, &mut left, &again) {
            problem.advice = edited.advice(problem.span, instead);
        }
    }
}

/// A rule file with texts in the place of bytes of it.
struct Edited<'f> {
    files: RuleFiles<'f>,
    file: RuleFile,
    bytes: Vec<u8>,
    /// From the first byte that goes to the last one.
    range: Range<usize>,
    /// Whether single characters go, which nobody sees, and nothing else changes.
    takes_out: bool,
}

fn bytes_of<'f>(files: RuleFiles<'f>, file: RuleFile) -> &'f [u8] {
    match file {
        RuleFile::Redirects => files.redirects,
        RuleFile::Toml => files.toml,
        RuleFile::Headers => files.headers,
    }
}

impl<'f> Edited<'f> {
    /// `None` where the texts stand in several files, or in each other's way.
    fn of(files: RuleFiles<'f>, instead: &[Replacement]) -> Option<Edited<'f>> {
        let file = instead.first()?.span.file;
        let old = bytes_of(files, file);
        let mut sorted: Vec<&Replacement> = instead.iter().collect();
        sorted.sort_by_key(|one| (one.span.start, one.span.end));
        let (mut bytes, mut at) = (Vec::with_capacity(old.len()), 0);
        for Replacement { span, text } in &sorted {
            bytes.extend_from_slice(old.get(at..span.start).filter(|_| span.file == file)?);
            bytes.extend_from_slice(text.as_bytes());
            at = span.end;
        }
        bytes.extend_from_slice(old.get(at..)?);
        let range = sorted.first()?.span.start..at;
        let is_one = |one: &&Replacement| {
            let gone = old.get(one.span.start..one.span.end).and_then(|gone| std::str::from_utf8(gone).ok());
            one.text.is_empty() && gone.is_some_and(|gone| gone.chars().count() == 1 && !gone.is_ascii())
        };
        let takes_out = sorted.iter().all(is_one);
        Some(Edited { files, file, bytes, range, takes_out })
    }

    fn read(&self) -> rolegate::rules::Parsed {
        RuleSet::read(match self.file {
            RuleFile::Redirects => RuleFiles { redirects: &self.bytes, ..self.files },
            RuleFile::Toml => RuleFiles { toml: &self.bytes, ..self.files },
            RuleFile::Headers => RuleFiles { headers: &self.bytes, ..self.files },
        })
    }

    /// The change as it is told: the line as it will be, where rules stand on lines.
    fn advice(&self, of: Span, instead: Vec<Replacement>) -> Option<Advice> {
        if self.file == RuleFile::Toml {
            return Some(Advice { edits: Vec::new(), texts: instead });
        }
        let old = bytes_of(self.files, self.file);
        let own = line(old, of.start)?;
        let is_inside = own.start <= self.range.start && self.range.end <= own.end;
        let end = (own.end + self.bytes.len()).checked_sub(old.len())?;
        let new = std::str::from_utf8(self.bytes.get(own.start..end)?).ok().filter(|_| is_inside)?;
        let lines = new.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()).collect();
        let before = old.get(..own.start)?.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let column = String::from_utf8_lossy(before).trim_start_matches('\u{feff}').chars().count() + 1;
        let span = Span { start: own.start, end: own.end, column, ..of };
        Some(Advice { edits: vec![Edit { span, lines }], texts: Vec::new() })
    }

    /// The text in which the roles are named: the line, or all of `netlify.toml`.
    fn said(&self) -> String {
        let old = if self.takes_out { &self.bytes } else { bytes_of(self.files, self.file) };
        let place = if self.file == RuleFile::Toml { Some(0..old.len()) } else { line(old, self.range.start) };
        String::from_utf8_lossy(place.and_then(|place| old.get(place)).unwrap_or_default()).into_owned()
    }
}

/// The line that a byte is of, without white space around it.
fn line(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let mut start = 0;
    let line = lines(bytes).find(|line| {
        start += line.len();
        at < start || start == bytes.len()
    })?;
    let start = start - line.len();
    let mark = if start == 0 { "\u{feff}".as_bytes() } else { b"" };
    let text = line.strip_prefix(mark).unwrap_or(line);
    let own = text.trim_ascii_start();
    let start = start + line.len() - own.len();
    Some(start..start + own.trim_ascii_end().len())
}

fn is_proved<S: Site>(
    scene: &Scene<'_, S>,
    edited: &Edited<'_>,
    problem: &Problem,
    before: &Before,
    left: &mut usize,
    again: impl Fn(&RuleSet) -> Option<Kinds>,
) -> bool {
    let parsed = edited.read();
    let read = kinds(&parsed.problems);
    let is_gone = count(&read, problem.id) < count(&before.read, problem.id);
    if !is_gone || !brings_nothing(&read, &before.read) || refusing(&parsed.problems) > before.refusing {
        return false;
    }
    let change = Change::between(scene.rules(), &parsed.rules, problem.refuses_to_start);
    if change.come.len().saturating_mul(parsed.rules.rules().len()) > BESIDE {
        return false;
    }
    let sealed = change.sealed();
    let was = if change.refuses { &sealed } else { scene.set() };
    if !change.admits_those_alone_whom_it_names(&edited.said(), scene.site)
        || !change.stays_below_gates()
        || opens((was, scene.site), (&sealed, scene.site), [("", ""); 0]).is_some()
    {
        return false;
    }
    let old = Scene::with_left(was, scene.site, COMPARED);
    let new = Scene::with_left(&parsed.rules, scene.site, COMPARED);
    let places = match change.refuses {
        true => change.mended.clone(),
        false => (change.start..change.start + change.gone.len()).collect(),
    };
    let touched = places.iter().filter_map(|at| was.rules().get(*at)).chain(change.come).collect();
    let changed = Changed { touched, places, closes: None, mended: change.mended.clone() };
    let is_better = is_no_worse(&old, &new, &changed);
    if old.is_used_up() || new.is_used_up() {
        *left = 0;
    }
    is_better && again(&parsed.rules).is_some_and(|found| brings_nothing(&found, &before.looked))
}

/// Where the rules as they stand and the changed ones differ.
struct Change<'r> {
    new: &'r RuleSet,
    /// The place of the first rule that differs.
    start: usize,
    gone: &'r [Rule],
    come: &'r [Rule],
    /// The places of the role rules that have come.
    mended: Vec<usize>,
    /// Whether no gate starts with the files as they stand: nobody is let in by what stands there.
    refuses: bool,
}

impl<'r> Change<'r> {
    fn between(old: &'r [Rule], new: &'r RuleSet, refuses: bool) -> Change<'r> {
        let same = |(one, other): &(&Rule, &Rule)| say_the_same(one, other);
        let start = old.iter().zip(new.rules()).take_while(same).count();
        let (gone, come) = (old.get(start..).unwrap_or_default(), new.rules().get(start..).unwrap_or_default());
        let end = gone.iter().rev().zip(come.iter().rev()).take_while(same).count();
        let gone = gone.get(..gone.len() - end).unwrap_or_default();
        let come = come.get(..come.len() - end).unwrap_or_default();
        let mended = (start..).zip(come).filter(|(_, rule)| rule.role().is_some()).map(|(place, _)| place).collect();
        Change { new, start, gone, come, mended, refuses }
    }

    /// The new rules with a seal in the place of each role rule that has come.
    fn sealed(&self) -> RuleSet {
        let rules = self.new.rules().iter().enumerate();
        RuleSet::of(rules.map(|(place, rule)| if self.mended.contains(&place) { seal(rule) } else { rule.clone() }))
    }

    fn mended(&self) -> impl Iterator<Item = (usize, &'r Rule)> {
        self.mended.iter().filter_map(|place| Some((*place, self.new.rules().get(*place)?)))
    }

    /// Whether each role rule that has come closes what was sealed, to all but those whom the text names, and nothing else that was
    /// closed is open.
    fn admits_those_alone_whom_it_names(&self, text: &str, site: &impl Site) -> bool {
        let is_there = |one: &Rule, other: &Rule| one.pattern == other.pattern && one.origin == other.origin;
        let was_sealed = |rule: &Rule| self.gone.iter().any(|seal| seal.is_sealed() && is_there(seal, rule));
        let is_still_closed = |gone: &Rule| match gone.apply() {
            None => self.mended().any(|(_, rule)| is_there(rule, gone)),
            // RULES-10: it has never acted.
            Some(apply) => {
                apply.conditions.role.is_none() && !apply.conditions.values(ConditionKey::Unknown).is_empty()
            }
        };
        let is_begun = !self.refuses || (self.gone.is_empty() && !self.mended.is_empty());
        let has_links = site.names().any(|name| !site.same_file(name).is_empty());
        is_begun
            && self.gone.iter().all(is_still_closed)
            && self.mended().all(|(place, rule)| {
                (self.refuses || was_sealed(rule))
                    && rule.role().is_some_and(|role| is_named(role, text))
                    && closes_as_a_seal(rule)
                    && !(has_links && self.new.rules().iter().filter(|other| other.is_gate()).nth(1).is_some())
                    && self
                        .new
                        .rules()
                        .iter()
                        .enumerate()
                        .all(|(at, other)| at == place || agree(rule, place, other, at))
            })
    }

    /// Whether no rule that has come and asks for no role stands above a gate that it meets.
    fn stays_below_gates(&self) -> bool {
        let mut without_role = (self.start..).zip(self.come).filter(|(_, rule)| !rule.is_gate());
        without_role.all(|(place, rule)| {
            let mut below = self.new.rules().iter().skip(place + 1).filter(|below| below.is_gate());
            !below.any(|gate| gate.pattern.with_spellings().may_meet(&rule.pattern))
        })
    }
}

/// RULES-9: the rule that lets nobody in where this one lets those in whom it names.
fn seal(rule: &Rule) -> Rule {
    let mut seal = Rule { query: Vec::new(), effect: Effect::Seal, ..rule.clone() };
    seal.text = seal.to_string();
    seal
}

/// Whether a rule keeps its paths from all who do not hold its role, whatever else they say.
fn closes_as_a_seal(rule: &Rule) -> bool {
    rule.protects() && rule.query.is_empty() && rule.apply().is_some_and(|apply| apply.conditions.others().is_empty())
}

/// Whether each role stands in the text, by itself.
fn is_named(role: &RoleCondition, text: &str) -> bool {
    let is_of_a_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let stands = |word: &str| {
        text.match_indices(word).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
            ![before, after].into_iter().flatten().any(is_of_a_word)
        })
    };
    match role {
        RoleCondition::AnyOf(roles) => roles.iter().all(|role| stands(role)),
        RoleCondition::AnyToken => ["=*", "= *", ":*", ": *", "\"*\"", "'*'"].iter().any(|any| text.contains(any)),
    }
}

/// Whether a mended rule and another one of the list let nobody in to what one of them keeps.
fn agree(rule: &Rule, place: usize, other: &Rule, at: usize) -> bool {
    let (Some(role), Some(apply)) = (rule.role(), rule.apply()) else { return false };
    let (own, its) = (rule.pattern.with_spellings(), other.pattern.with_spellings());
    let meets = own.may_share_with(&its);
    let (is_above, leads) = (at < place, apply.to.reach());
    match (other.apply(), other.role()) {
        // RULES-9: no role lifts a seal.
        (None, _) => apply.to.is_absolute() || !its.may_meet(&leads),
        (Some(answer), Some(asked)) if !answer.is_redirect() => {
            let (rule_is_no_wider, other_is_no_wider) = (is_no_wider(role, asked), is_no_wider(asked, role));
            let is_led_into = match apply.to.is_absolute() {
                true => other.is_proxy(),
                false => its.may_meet(&leads) || leads.with_spellings().may_meet(&answer.to.reach()),
            };
            (!meets || if is_above { rule_is_no_wider } else { other_is_no_wider })
                && (!is_led_into || rule_is_no_wider)
        }
        // ROLE-3.redirect: it keeps nothing, and shows nothing.
        (Some(_), Some(_)) => true,
        // RULES-9: behind a seal it shows nothing that depends on the path.
        (Some(answer), None) => {
            let follows = answer.to.takes_captures() || answer.to.is_absolute();
            is_above || !meets || answer.is_redirect() || !follows || other.leads_to_itself()
        }
    }
}

/// Whether whoever satisfies the first satisfies the second.
fn is_no_wider(one: &RoleCondition, other: &RoleCondition) -> bool {
    match (one, other) {
        (_, RoleCondition::AnyToken) => true,
        (RoleCondition::AnyOf(listed), RoleCondition::AnyOf(enough)) => listed.iter().all(|role| enough.contains(role)),
        (RoleCondition::AnyToken, RoleCondition::AnyOf(_)) => false,
    }
}
