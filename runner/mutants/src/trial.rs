//! One gate against a selection of the corpus: what was found, what passed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gatecheck::corpus::source::Level;
use gatecheck::corpus::{Case, Corpus};
use gatecheck::event::{Event, Finished};
use gatecheck::gates::{Gate, InProcess};
use gatecheck::invariants::Invariant;
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::Verdict;
use tokio::sync::mpsc;

use super::gate::BrokenGate;
use super::ground::Sites;
use super::idle::{Habit, IdleGate};
use super::{Defect, Mutant};

/// How many known killers are tried before anything else.
const KNOWN: usize = 3;

/// When to stop asking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Until {
    /// At the first finding.
    Killed,
    /// When every case has been asked.
    End,
}

/// What a gate was found to do.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The ids of MUST and SHOULD cases that failed or leaked, and of any case that leaked.
    pub found: BTreeSet<String>,
    /// The ids of MUST and SHOULD cases that passed, each with its control.
    pub passed: BTreeSet<String>,
    /// Cases without a judgement: unproven, or without an answer, with the reason.
    pub unjudged: Vec<(String, String)>,
    /// Why a site was not served at all.
    pub not_started: Vec<String>,
    /// How many cases were finished.
    pub asked: usize,
}

/// Everything that the trials of one self-test share.
#[derive(Debug)]
pub struct Trials {
    corpus: Arc<Corpus>,
    sites: Arc<Sites>,
    /// Which cases are selected; none means all.
    patterns: Vec<String>,
}

/// How a mutant fared.
#[derive(Clone, Debug)]
pub struct Fate {
    /// The mutant.
    pub mutant: &'static Mutant,
    /// The cases that caught it; the first few if it was stopped at its first kill.
    pub killers: BTreeSet<String>,
    /// Whether one of them tests or touches the requirement that the mutant breaks.
    pub by_its_own: bool,
    /// Why a site was not served at all, if any was not.
    pub not_started: Vec<String>,
}

impl Trials {
    /// Trials on a corpus, restricted to the cases that fit the patterns.
    #[must_use]
    pub fn new(corpus: Arc<Corpus>, patterns: Vec<String>) -> Self {
        Self { corpus, sites: Arc::default(), patterns }
    }

    /// The corpus.
    #[must_use]
    pub fn corpus(&self) -> &Arc<Corpus> {
        &self.corpus
    }

    /// Which cases are selected; none means all.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The reference as its own server serves it, which is handed in.
    pub async fn reference(&self, gate: Arc<dyn InProcess>) -> Trial {
        self.try_gate(Gate::InProcess(gate), self.patterns.clone(), Until::End, ORDINARY).await
    }

    /// The reference as the mutants are served: what it is charged with would be the fault of that server.
    pub async fn sound(&self) -> Trial {
        let mutant = Mutant::new("none", "", "nothing is wrong", Defect::None);
        let gate = BrokenGate::new(mutant, Arc::clone(&self.sites));
        self.try_gate(Gate::InProcess(Arc::new(gate)), self.patterns.clone(), Until::End, ORDINARY).await
    }

    /// An idle gate.
    pub async fn idle(&self, name: &'static str, habit: Habit) -> Trial {
        let gate = IdleGate::new(name, habit, Arc::clone(&self.sites));
        let pace = if let Habit::Hang = habit { IMPATIENT } else { ORDINARY };
        self.try_gate(Gate::InProcess(Arc::new(gate)), self.patterns.clone(), Until::End, pace).await
    }

    /// A mutant: cases known to catch it, then the cases of its requirement, then all of them, up to the first that catches it.
    pub async fn kill(&self, mutant: &'static Mutant, known: &BTreeSet<String>) -> Fate {
        let mut first: Vec<&Case> = self.matching(&self.patterns).filter(|case| known.contains(&case.id)).collect();
        // Whichever of them answers first is named, so those of other requirements come in only where it has none of its own.
        if first.iter().any(|case| is_own(mutant, case)) {
            first.retain(|case| is_own(mutant, case));
        }
        let mut stages = vec![first.into_iter().take(KNOWN).map(|case| case.id.clone()).collect::<Vec<_>>()];
        if self.patterns.is_empty() {
            stages.push(vec![mutant.requirement.to_owned()]);
        }
        stages.retain(|patterns| !patterns.is_empty());
        stages.push(self.patterns.clone());
        let mut fate = Fate { mutant, killers: BTreeSet::new(), by_its_own: false, not_started: Vec::new() };
        for patterns in stages {
            let trial = self.try_gate(self.gate(mutant), patterns, Until::Killed, ORDINARY).await;
            fate.not_started.extend(trial.not_started);
            fate.killers.extend(trial.found);
            if !fate.killers.is_empty() {
                break;
            }
        }
        fate.by_its_own = self.by_its_own(mutant, &fate.killers);
        fate
    }

    /// A mutant against every case that fits the patterns.
    ///
    /// A gate that remembers nothing answers the control after a hostile request as it did before it, so it is not asked whether it does.
    pub async fn measure(&self, mutant: &'static Mutant, patterns: &[String]) -> Fate {
        let pace = if mutant.remembers { ORDINARY } else { FORGETFUL };
        let trial = self.try_gate(self.gate(mutant), patterns.to_vec(), Until::End, pace).await;
        let by_its_own = self.by_its_own(mutant, &trial.found);
        Fate { mutant, killers: trial.found, by_its_own, not_started: trial.not_started }
    }

    /// The cases that fit one of the patterns; all if there are none.
    pub fn matching(&self, patterns: &[String]) -> impl Iterator<Item = &Case> {
        let fits = |case: &&Case| patterns.is_empty() || patterns.iter().any(|pattern| case.matches(pattern));
        self.corpus.cases().map(|(_, case)| case).filter(fits)
    }

    fn gate(&self, mutant: &'static Mutant) -> Gate {
        Gate::InProcess(Arc::new(BrokenGate::new(*mutant, Arc::clone(&self.sites))))
    }

    fn by_its_own(&self, mutant: &Mutant, killers: &BTreeSet<String>) -> bool {
        self.corpus.cases().any(|(_, case)| killers.contains(&case.id) && is_own(mutant, case))
    }

    async fn try_gate(&self, gate: Gate, patterns: Vec<String>, until: Until, pace: Pace) -> Trial {
        let without = pace.without.iter().map(|one| (*one, "this gate remembers nothing".to_owned())).collect();
        let options = RunOptions { patterns, jobs: pace.jobs, timeout: pace.timeout, without, ..RunOptions::default() };
        let mut trial = Trial::default();
        let plan = match Plan::new(&self.corpus, &gate, &options) {
            Ok(plan) => plan,
            Err(error) => {
                trial.not_started.push(error.to_string());
                return trial;
            }
        };
        let (events, mut happened) = mpsc::unbounded_channel();
        let running = tokio::spawn(gatecheck::run::run(Arc::clone(&self.corpus), gate, options, plan, events));
        while let Some(event) = happened.recv().await {
            match event {
                Event::CaseFinished(finished) => note(&mut trial, &finished),
                Event::GateFailed(failed) => trial.not_started.push(failed.to_string()),
                _ => {}
            }
            if until == Until::Killed && !trial.found.is_empty() {
                break;
            }
        }
        running.abort();
        let _ = running.await;
        trial
    }
}

fn note(trial: &mut Trial, finished: &Finished) {
    trial.asked = trial.asked.saturating_add(1);
    let case = finished.case.case();
    let binding = case.level != Level::Survey;
    match &finished.verdict {
        Verdict::Leak(_) => {
            trial.found.insert(case.id.clone());
        }
        Verdict::Fail(_) if binding => {
            trial.found.insert(case.id.clone());
        }
        Verdict::Pass if binding => {
            trial.passed.insert(case.id.clone());
        }
        Verdict::Unproven(why) => trial.unjudged.push((case.id.clone(), why.clone())),
        Verdict::Error(why) => trial.unjudged.push((case.id.clone(), why.to_string())),
        _ => {}
    }
}

/// Whether a case tests or touches the requirement that a mutant breaks, or a part of it.
#[must_use]
pub fn is_own(mutant: &Mutant, case: &Case) -> bool {
    case.requirements.iter().any(|id| breaks(mutant, id))
}

/// Whether a mutant breaks this requirement, a part of it, or the whole that it is a part of.
#[must_use]
pub fn breaks(mutant: &Mutant, requirement: &str) -> bool {
    let within =
        |part: &str, whole: &str| part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    within(requirement, mutant.requirement) || within(mutant.requirement, requirement)
}

/// How hard a gate is asked.
#[derive(Clone, Copy)]
struct Pace {
    jobs: usize,
    timeout: Duration,
    without: &'static [Invariant],
}

const ORDINARY: Pace = Pace { jobs: 16, timeout: Duration::from_secs(5), without: &[] };
/// For a gate that remembers nothing.
const FORGETFUL: Pace = Pace { without: &[Invariant::Liveness], ..ORDINARY };
/// For a gate that never answers: many at a time, each for a moment.
const IMPATIENT: Pace = Pace { jobs: 400, timeout: Duration::from_millis(60), without: &[] };
