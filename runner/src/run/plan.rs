//! What a run asks: the selected cases, grouped by the start of the gate and by the control that they stand or fall with. Everything is found
//! here, before the first request, so that nothing can be missed later.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{RunOptions, Serves};
use crate::corpus::patterns::Patterns;
use crate::corpus::question::Profile;
use crate::corpus::{CaseRef, Corpus, Suite};
use crate::deploy::{Deployment, Manifest};
use crate::gates::Gate;
use crate::shard::Shard;

/// The cases of a run and the starts they need.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) rounds: Vec<Round>,
    pub(super) left_out: BTreeMap<String, String>,
}

/// One start of the gate.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) parts: Vec<Part>,
}

/// What is asked of one suite.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) suite: Arc<Suite>,
    /// The path prefix under which the suite is deployed.
    pub(super) prefix: String,
    pub(super) groups: Vec<Group>,
}

/// A control, and the cases that prove something only where it passes. A site of a user may have a gate that lets nobody in: its cases have no control.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) control: Option<Asking>,
    pub(super) cases: Vec<Asking>,
}

/// A case that is asked, and what is told of its answer.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) case: CaseRef,
    /// Whether the case itself is selected: a control is asked all the same, and so is what a further requirement speaks of.
    pub(super) is_selected: bool,
    /// The selected cases of further requirements, which are said of the same answer.
    pub(super) further: Vec<CaseRef>,
}

/// A selection that cannot be run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// No case fits any of the patterns.
    #[error("no case fits `{0}`; `gatecheck list` shows the ids")]
    NothingSelected(String),
    /// The profile leaves none of the selected cases.
    #[error("no selected case belongs to the profile `{0}`; `--profile all` asks every one")]
    NothingOfProfile(String),
    /// The cases of this id are asked no more.
    #[error("`{0}` is asked no more: {1}")]
    Retired(String, String),
    /// A running gate serves one suite, and the selection spans several.
    #[error("the gate at this URL serves one suite; name it with --suite, or deploy a bundle and say --bundle")]
    NeedsOneSuite,
    /// The bundle was made from another corpus.
    #[error("the bundle was made from another corpus ({0}); deploy a fresh one, or use the gatecheck that made it")]
    OtherCorpus(String),
    /// A case or suite depends on something that is not there.
    #[error("`{case}` depends on {on}, which is not there")]
    Lost {
        /// The case or suite.
        case: String,
        /// What it depends on.
        on: String,
    },
}

impl Plan {
    /// Plans a run.
    ///
    /// # Errors
    /// The selection is empty, does not fit what the gate serves, or depends on a case that is not there.
    pub fn new(corpus: &Corpus, gate: &Gate, options: &RunOptions) -> Result<Self, PlanError> {
        let mut selected = selection(corpus, &options.patterns, options.profile)?;
        let left_out = left_out(corpus, &options.serves, &selected)?;
        selected.retain(|case| !left_out.contains_key(&case.suite().id));
        let is_one_suite = |selected: &[CaseRef]| {
            selected.first().is_some_and(|first| selected.iter().all(|case| case.suite().id == first.suite().id))
        };
        if let (Gate::Remote(_), Serves::Suite) = (gate, &options.serves)
            && !is_one_suite(&selected)
        {
            return Err(PlanError::NeedsOneSuite);
        }
        let selected = part(&selected, options.shard);
        let of_suites = selected.chunk_by(|one, other| one.suite().id == other.suite().id);
        let parts = of_suites.filter_map(|cases| Some((cases.first()?.suite(), cases)));
        let parts = parts.map(|(suite, cases)| Part::new(suite, cases)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { rounds: rounds(parts, gate, &options.serves)?, left_out })
    }

    /// How many cases will be finished.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.rounds.iter().map(|round| round.selected().count()).sum()
    }
}

impl Round {
    /// Every case that will be finished.
    pub(super) fn selected(&self) -> impl Iterator<Item = &CaseRef> {
        self.parts.iter().flat_map(|part| &part.groups).flat_map(|group| {
            group
                .control
                .iter()
                .chain(&group.cases)
                .flat_map(|asking| asking.is_selected.then_some(&asking.case).into_iter().chain(&asking.further))
        })
    }
}

impl Part {
    /// The selected cases of a suite, in written order, under their controls.
    fn new(suite: &Arc<Suite>, selected: &[CaseRef]) -> Result<Self, PlanError> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let askings = askings(suite, selected)?;
        for asking in &askings {
            let id = &asking.case.case().control;
            if !groups.contains_key(id) {
                let lost = || lost(asking.case.id(), format!("the control `{id}`"));
                let control = match id.as_str() {
                    "" if suite.own.is_some() => None,
                    id => Some(Asking::new(CaseRef::of(suite, id).ok_or_else(lost)?)),
                };
                groups.insert(id.clone(), Group { control, cases: Vec::new() });
            }
        }
        for asking in askings {
            let control = asking.case.case().control.clone();
            // A control is asked first, whether it has a control of its own or not.
            if let Some(own) = groups.get_mut(asking.case.id()) {
                own.control = Some(asking);
            } else if let Some(group) = groups.get_mut(&control) {
                group.cases.push(asking);
            } else {
                return Err(lost(asking.case.id(), format!("the control `{control}`")));
            }
        }
        Ok(Self { suite: Arc::clone(suite), prefix: String::new(), groups: groups.into_values().collect() })
    }
}

impl Asking {
    fn new(case: CaseRef) -> Self {
        Self { case, is_selected: false, further: Vec::new() }
    }
}

/// The requests that answer for the selected cases: what a further requirement says of an answer has none of its own.
fn askings(suite: &Arc<Suite>, selected: &[CaseRef]) -> Result<Vec<Asking>, PlanError> {
    let mut askings: Vec<Asking> = Vec::new();
    for case in selected {
        let Some(place) = case.case().of else {
            askings.push(Asking { is_selected: true, ..Asking::new(case.clone()) });
            continue;
        };
        let asked = CaseRef::at(suite, place).ok_or_else(|| lost(case.id(), "an answer to another case".to_owned()))?;
        match askings.iter_mut().rev().find(|asking| asking.case == asked) {
            Some(asking) => asking.further.push(case.clone()),
            None => askings.push(Asking { further: vec![case.clone()], ..Asking::new(asked) }),
        }
    }
    Ok(askings)
}

fn lost(id: &str, on: String) -> PlanError {
    PlanError::Lost { case: id.to_owned(), on }
}

/// The starts that the gate needs for these suites.
fn rounds(mut parts: Vec<Part>, gate: &Gate, serves: &Serves) -> Result<Vec<Round>, PlanError> {
    Ok(match (gate, serves) {
        _ if parts.is_empty() => Vec::new(),
        (Gate::Remote(_), Serves::Bundle(manifest)) => {
            for part in &mut parts {
                let prefix = manifest.suites.get(&part.suite.id).cloned();
                part.prefix = prefix.ok_or_else(|| lost(&part.suite.id, "a place in the bundle".to_owned()))?;
            }
            vec![Round { parts }]
        }
        (Gate::Launch(file), _) if file.group => grouped(parts),
        _ => parts.into_iter().map(|part| Round { parts: vec![part] }).collect(),
    })
}

/// As few starts as can be.
fn grouped(parts: Vec<Part>) -> Vec<Round> {
    let suites: Vec<Arc<Suite>> = parts.iter().map(|part| Arc::clone(&part.suite)).collect();
    let borrowed: Vec<&Suite> = suites.iter().map(|suite| &**suite).collect();
    // Each suite to its start, and where it is deployed there.
    let deployments = Deployment::grouped(&borrowed);
    let mut places: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for (start, deployment) in deployments.iter().enumerate() {
        places.extend(deployment.suites.iter().map(|(suite, prefix)| (suite.id.as_str(), (start, prefix.as_str()))));
    }
    let mut rounds: BTreeMap<usize, Round> = BTreeMap::new();
    for mut part in parts {
        // One that shares no start has one of its own.
        let (start, prefix) =
            places.get(part.suite.id.as_str()).copied().unwrap_or((deployments.len().saturating_add(rounds.len()), ""));
        prefix.clone_into(&mut part.prefix);
        rounds.entry(start).or_insert_with(|| Round { parts: Vec::new() }).parts.push(part);
    }
    rounds.into_values().collect()
}

/// The cases that ask a question of the profile and fit any of the patterns, in written order; all of the profile if there are no patterns.
///
/// # Errors
/// A pattern fits no case, or the profile leaves none.
pub fn selection(corpus: &Corpus, patterns: &[String], profile: Profile) -> Result<Vec<CaseRef>, PlanError> {
    let wanted = Patterns::new(patterns);
    let mut idle = wanted.words();
    let mut selected = Vec::new();
    for case in corpus.refs() {
        let mut fits = patterns.is_empty();
        for pattern in wanted.fitting(case.case()) {
            idle.remove(pattern);
            fits = true;
        }
        if fits && profile.asks(case.case().question) {
            selected.push(case);
        }
    }
    if let Some(pattern) = patterns.iter().find(|pattern| idle.contains(pattern.trim_end_matches('/'))) {
        return Err(match corpus.retired(pattern) {
            Some(why) => PlanError::Retired(pattern.clone(), why.to_owned()),
            None => PlanError::NothingSelected(pattern.clone()),
        });
    }
    if selected.is_empty() {
        return Err(PlanError::NothingOfProfile(profile.to_string()));
    }
    Ok(selected)
}

/// The part of the selection that a shard asks.
fn part(selected: &[CaseRef], shard: Option<Shard>) -> &[CaseRef] {
    let range = shard.map(|shard| shard.range(selected.len()));
    range.and_then(|range| selected.get(range)).unwrap_or(selected)
}

/// The selected suites that the gate does not serve, with the reason.
fn left_out(corpus: &Corpus, serves: &Serves, selected: &[CaseRef]) -> Result<BTreeMap<String, String>, PlanError> {
    let Serves::Bundle(manifest) = serves else { return Ok(BTreeMap::new()) };
    let Manifest { corpus_digest, suites, .. } = &**manifest;
    if *corpus_digest != corpus.digest {
        return Err(PlanError::OtherCorpus(corpus_digest.chars().take(12).collect()));
    }
    let missing = selected.iter().map(|case| &case.suite().id).filter(|id| !suites.contains_key(*id));
    Ok(missing.map(|id| (id.clone(), "not in this bundle".to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus() -> Corpus {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini");
        Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    fn launched(group: bool) -> Gate {
        let file =
            crate::gates::launch::GateFile { group, ..crate::gates::launch::GateFile::of_command("gate {port}") };
        Gate::Launch(Box::new(file))
    }

    fn ids<'a>(cases: impl Iterator<Item = &'a CaseRef>) -> Vec<String> {
        let mut ids: Vec<String> = cases.map(|case| case.id().to_owned()).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn every_selected_case_is_finished_once() {
        let corpus = corpus();
        let all = ids(corpus.refs().collect::<Vec<_>>().iter());
        for group in [false, true] {
            let plan = Plan::new(&corpus, &launched(group), &RunOptions::default()).unwrap();
            assert_eq!(ids(plan.rounds.iter().flat_map(Round::selected)), all);
            assert_eq!(plan.cases(), all.len());
        }
        for case in corpus.refs() {
            let options = RunOptions { patterns: vec![case.id().to_owned()], ..RunOptions::default() };
            let wanted = selection(&corpus, &options.patterns, Profile::All).unwrap();
            let plan = Plan::new(&corpus, &launched(false), &options).unwrap();
            assert_eq!(ids(plan.rounds.iter().flat_map(Round::selected)), ids(wanted.iter()), "{case:?}");
        }
    }

    #[test]
    fn what_a_case_depends_on_is_there_or_nothing_is_run() {
        let spoiled = |change: fn(&mut crate::corpus::Case)| {
            let mut corpus = corpus();
            for suite in corpus.suites.iter_mut().map(Arc::make_mut) {
                suite.cases.iter_mut().map(Arc::make_mut).for_each(change);
            }
            Plan::new(&corpus, &launched(false), &RunOptions::default())
        };
        assert!(spoiled(|_| ()).is_ok());
        let no_control = spoiled(|case| "nowhere/control".clone_into(&mut case.control));
        assert!(matches!(no_control, Err(PlanError::Lost { on, .. }) if on == "the control `nowhere/control`"));
        let no_answer = spoiled(|case| case.of = Some(usize::MAX));
        assert!(matches!(no_answer, Err(PlanError::Lost { on, .. }) if on == "an answer to another case"));
    }
}
