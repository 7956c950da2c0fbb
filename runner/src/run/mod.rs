//! The run: plan, start gates, ask, judge, tell. Bounded in concurrency and time; a verdict is never retried into a pass.

mod ask;
mod compose;
mod keeper;
pub mod order;
mod pace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{OnceCell, Semaphore, mpsc};
use tokio::task::JoinSet;

pub use self::compose::{Place, compose};

use self::ask::{Proof, Stage};
use self::keeper::{Clients, Keeper};
use self::order::{Order, Shard};
use self::pace::Pace;
use crate::corpus::entitlement::Entitlements;
use crate::corpus::question::Profile;
use crate::corpus::{Corpus, Suite};
use crate::deploy::{Deployment, Manifest, SiteFiles};
use crate::event::{Conditions, Event, Finished, Lengths, Started};
use crate::gates::{Gate, GateError, UNSUPPORTED};
use crate::invariants::Invariant;
use crate::listener::Listener;
use crate::own::Manners;
use crate::report::evidence::TOLD;
use crate::upstream::Upstream;
use crate::verdict::{Fault, Mismatch, REFUSAL, Verdict};
use crate::wire::Exchange;
use crate::wire::plain::{self, HttpVersion, PlainOptions};

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Which cases: patterns as [`crate::corpus::Case::matches`] has them; none means all.
    pub patterns: Vec<String>,
    /// Which questions are asked.
    pub profile: Profile,
    /// Which part of them; all if there is none.
    pub shard: Option<Shard>,
    /// What the order is shuffled by; as written if there is none.
    pub seed: Option<u32>,
    /// How many cases may be under way at once.
    pub jobs: usize,
    /// The time limit of one answer.
    pub timeout: Duration,
    /// At most this many requests a second.
    pub rate: Option<f64>,
    /// How often a request is sent again when the connection itself failed.
    pub retries: u32,
    /// The HTTP version of ordinary requests.
    pub http: HttpVersion,
    /// What a running gate serves.
    pub serves: Serves,
    /// Invariants that are not checked, with the reason.
    pub without: BTreeMap<Invariant, String>,
    /// How the run behaves towards a site that is no test object; none where it is one.
    pub manners: Option<Manners>,
}

impl Default for RunOptions {
    /// Every case, against a gate that the runner starts.
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            profile: Profile::All,
            shard: None,
            seed: None,
            jobs: 16,
            timeout: Duration::from_secs(5),
            rate: None,
            retries: 0,
            http: HttpVersion::Http1,
            serves: Serves::Suite,
            without: BTreeMap::new(),
            manners: None,
        }
    }
}

/// What a gate that already runs serves.
#[derive(Clone, Debug)]
pub enum Serves {
    /// A bundle, as its manifest says.
    Bundle(Box<Manifest>),
    /// The runner starts the gate itself, or the gate serves the one selected suite at its root.
    Suite,
}

/// One start of the gate: the suites with their prefixes.
#[derive(Clone, Debug)]
struct Round {
    suites: Vec<(usize, String)>,
}

/// The cases of a run and the starts they need.
#[derive(Clone, Debug)]
pub struct Plan {
    rounds: Vec<Round>,
    selected: BTreeSet<(usize, usize)>,
    left_out: BTreeMap<String, String>,
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
}

impl Plan {
    /// Plans a run.
    ///
    /// # Errors
    /// The selection is empty, or does not fit what the gate serves.
    pub fn new(corpus: &Corpus, gate: &Gate, options: &RunOptions) -> Result<Self, PlanError> {
        let mut selected = selection(corpus, &options.patterns, options.profile)?;
        let left_out = left_out(corpus, &options.serves, &selected)?;
        selected.retain(|(at, _)| !corpus.suites.get(*at).is_some_and(|suite| left_out.contains_key(&suite.id)));
        let suites_of = |selected: &BTreeSet<(usize, usize)>| -> BTreeSet<usize> {
            selected.iter().map(|(suite, _)| *suite).collect()
        };
        if let (Gate::Remote(_), Serves::Suite) = (gate, &options.serves)
            && suites_of(&selected).len() != 1
        {
            return Err(PlanError::NeedsOneSuite);
        }
        if let Some(shard) = options.shard {
            let range = shard.range(selected.len());
            selected = selected.into_iter().skip(range.start).take(range.len()).collect();
        }
        let suites = suites_of(&selected);
        let rounds = match (gate, &options.serves) {
            _ if suites.is_empty() => Vec::new(),
            (Gate::Remote(_), Serves::Bundle(manifest)) => {
                let placed = suites.into_iter().filter_map(|at| {
                    let prefix = manifest.suites.get(&corpus.suites.get(at)?.id)?;
                    Some((at, prefix.clone()))
                });
                vec![Round { suites: placed.collect() }]
            }
            (Gate::Launch(file), _) if file.group => {
                let borrowed: Vec<&Suite> = suites.iter().filter_map(|at| corpus.suites.get(*at)).collect();
                let index = |suite: &Suite| corpus.suites.iter().position(|other| other.id == suite.id);
                Deployment::grouped(&borrowed)
                    .iter()
                    .map(|one| Round {
                        suites: one
                            .suites
                            .iter()
                            .filter_map(|(suite, prefix)| Some((index(suite)?, prefix.clone())))
                            .collect(),
                    })
                    .collect()
            }
            _ => suites.into_iter().map(|suite| Round { suites: vec![(suite, String::new())] }).collect(),
        };
        Ok(Self { rounds, selected, left_out })
    }

    /// How many cases will be finished.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.selected.len()
    }
}

/// The places of the cases that ask a question of the profile and fit any of the patterns; of all if there are none.
///
/// # Errors
/// A pattern fits no case, or the profile leaves none.
pub fn selection(
    corpus: &Corpus,
    patterns: &[String],
    profile: Profile,
) -> Result<BTreeSet<(usize, usize)>, PlanError> {
    if let Some(pattern) = patterns.iter().find(|pattern| !corpus.cases().any(|(_, case)| case.matches(pattern))) {
        return Err(match corpus.retired(pattern) {
            Some(why) => PlanError::Retired(pattern.clone(), why.to_owned()),
            None => PlanError::NothingSelected(pattern.clone()),
        });
    }
    let mut selected = BTreeSet::new();
    for (suite_at, suite) in corpus.suites.iter().enumerate() {
        for (case_at, case) in suite.cases.iter().enumerate() {
            let fits = patterns.is_empty() || patterns.iter().any(|pattern| case.matches(pattern));
            if fits && profile.asks(case.question) {
                selected.insert((suite_at, case_at));
            }
        }
    }
    if selected.is_empty() {
        return Err(PlanError::NothingOfProfile(profile.to_string()));
    }
    Ok(selected)
}

/// The selected suites that the gate does not serve, with the reason.
fn left_out(
    corpus: &Corpus,
    serves: &Serves,
    selected: &BTreeSet<(usize, usize)>,
) -> Result<BTreeMap<String, String>, PlanError> {
    let Serves::Bundle(manifest) = serves else { return Ok(BTreeMap::new()) };
    if manifest.corpus_digest != corpus.digest {
        return Err(PlanError::OtherCorpus(manifest.corpus_digest.chars().take(12).collect()));
    }
    let suites = selected.iter().filter_map(|(at, _)| corpus.suites.get(*at));
    let missing = suites.filter(|suite| !manifest.suites.contains_key(&suite.id));
    Ok(missing.map(|suite| (suite.id.clone(), "not in this bundle".to_owned())).collect())
}

/// Everything that the tasks of a run share.
struct Shared {
    corpus: Arc<Corpus>,
    gate: Gate,
    options: RunOptions,
    plan: Plan,
    /// A turn for each case that may be under way.
    turns: Arc<Semaphore>,
    pace: Pace,
    listener: Listener,
    upstream: Upstream,
    /// The ordinary clients; none for a gate of this process, which only the byte-exact wire reaches.
    ordinary: Option<Result<plain::Clients, String>>,
    /// The same over HTTP/2, where a case is asked so whatever the run speaks.
    second: Option<Result<plain::Clients, String>>,
    /// Whether the gate starts on a plain site, once it has been tried.
    plain: OnceCell<bool>,
    events: mpsc::UnboundedSender<Event>,
}

/// Runs the plan and sends what happens to `events`.
pub async fn run(
    corpus: Arc<Corpus>,
    gate: Gate,
    options: RunOptions,
    plan: Plan,
    events: mpsc::UnboundedSender<Event>,
) {
    let started = Instant::now();
    let at_once = match &gate {
        Gate::InProcess(_) => 8,
        Gate::Launch(file) => file.at_once,
        Gate::Remote(_) => 1,
    };
    let _ = events.send(Event::RunStarted(Started {
        gate: gate.name(),
        target: gate.stated(),
        at: SystemTime::now(),
        corpus: Arc::clone(&corpus),
        cases: plan.cases(),
        starts: plan.rounds.len(),
        shard: options.shard,
        seed: options.seed,
        conditions: Conditions::of(&options),
        left_out: plan.left_out.clone(),
        without: options.without.clone(),
    }));
    let shared = Arc::new(Shared {
        turns: Arc::new(Semaphore::new(options.jobs.max(1))),
        pace: Pace::new(options.rate),
        listener: Listener::open().await,
        upstream: Upstream::open().await,
        ordinary: (!matches!(&gate, Gate::InProcess(gate) if !gate.has_socket())).then(|| {
            plain::Clients::new(PlainOptions {
                version: options.http,
                limit: options.timeout,
                remote: if let Gate::Remote(target) = &gate { Some(target) } else { None },
            })
        }),
        second: second_clients(&corpus, &gate, &options),
        plain: OnceCell::new(),
        corpus,
        gate,
        options,
        plan,
        events,
    });
    // With one job, one thing happens after the other: then the order of a seed is the order of the requests.
    let starts = Arc::new(Semaphore::new(at_once.min(shared.options.jobs).max(1)));
    let mut queue = shared.plan.rounds.clone();
    let first = |round: &Round| {
        let suite = round.suites.first().and_then(|(at, _)| shared.corpus.suites.get(*at));
        suite.map(|suite| suite.id.clone()).unwrap_or_default()
    };
    Order::of(shared.options.seed).sort(&mut queue, first);
    let mut rounds = JoinSet::new();
    for round in queue {
        let shared = Arc::clone(&shared);
        let turn = Arc::clone(&starts).acquire_owned().await;
        rounds.spawn(async move {
            run_round(&shared, &round).await;
            drop(turn);
        });
    }
    while rounds.join_next().await.is_some() {}
    let _ = shared.events.send(Event::RunFinished { at: SystemTime::now(), elapsed: started.elapsed() });
}

/// Clients for the cases that are asked over HTTP/2. Only a site behind TLS is: there the version is agreed on, so that one that speaks none is asked all
/// the same.
fn second_clients(corpus: &Corpus, gate: &Gate, options: &RunOptions) -> Option<Result<plain::Clients, String>> {
    let Gate::Remote(target) = gate else { return None };
    let is_wanted = target.https && corpus.cases().any(|(_, case)| case.over_http2);
    is_wanted.then(|| {
        plain::Clients::new(PlainOptions { version: HttpVersion::Http2, limit: options.timeout, remote: Some(target) })
    })
}

async fn run_round(shared: &Arc<Shared>, round: &Round) {
    let keeper = match Keeper::start(Arc::clone(shared), round.clone()).await {
        Ok(keeper) => Arc::new(keeper),
        Err(error) => return not_started(shared, round, &error).await,
    };
    let mut suites = round.suites.clone();
    Order::of(shared.options.seed)
        .sort(&mut suites, |(at, _)| shared.corpus.suites.get(*at).map(|suite| suite.id.clone()).unwrap_or_default());
    let mut cases = JoinSet::new();
    for (suite, prefix) in suites {
        start_suite(&keeper, suite, &prefix, &mut cases).await;
    }
    while cases.join_next().await.is_some() {}
    keeper.stop().await;
}

/// What a gate says that does not start: with exit status 77, that it cannot have this site, and why; otherwise, where it starts on a plain site, that it
/// fails what the suite tests, unless the ledger lets it refuse such a site. A gate that starts nowhere is none.
async fn not_started(shared: &Arc<Shared>, round: &Round, error: &GateError) {
    let GateError::Ended { status, code, .. } = error else { return gate_failed(shared, round, error) };
    if round.suites.len() > 1 {
        // Which of them it does not take, it says by itself.
        for one in &round.suites {
            Box::pin(run_round(shared, &Round { suites: vec![one.clone()] })).await;
        }
        return;
    }
    let said = error.last_line();
    let refusal = match code {
        Some(code) if *code == UNSUPPORTED => Verdict::Unsupported {
            feature: SITE.to_owned(),
            reason: if said.is_empty() { status.clone() } else { said },
        },
        _ if !starts_on_a_plain_site(shared).await => return gate_failed(shared, round, error),
        _ if suite_of(shared, round).is_some_and(|suite| suite.may_refuse.is_some()) => Verdict::Pass,
        _ => Verdict::Fail(vec![Mismatch {
            what: REFUSAL.to_owned(),
            expected: "it serves the site of this suite".to_owned(),
            actual: format!("it ended with {status}: {said}"),
        }]),
    };
    for (suite, case) in shared.plan.selected.iter().filter(|(suite, _)| round.suites.iter().any(|(at, _)| at == suite))
    {
        shared.finish(Finished {
            suite: *suite,
            case: *case,
            verdict: refusal.clone(),
            exchange: None,
            lengths: Lengths::default(),
            target: None,
            attempts: 0,
        });
    }
}

/// The name under which a gate lacks the site of a suite.
const SITE: &str = "site";

fn suite_of<'a>(shared: &'a Shared, round: &Round) -> Option<&'a Suite> {
    shared.corpus.suites.get(round.suites.first()?.0)
}

/// Whether the gate starts on a site without anything odd; asked once in a run.
async fn starts_on_a_plain_site(shared: &Shared) -> bool {
    let plain = async {
        let Some(suite) = shared.corpus.suites.first().map(Suite::plain) else { return false };
        let settings = suite.settings.clone();
        let suites = vec![(&suite, String::new())];
        let started = shared.gate.start(&Deployment { suites, settings, upstream: String::new() }).await;
        match started {
            Ok(running) => {
                running.stop().await;
                true
            }
            Err(_) => false,
        }
    };
    *shared.plain.get_or_init(|| plain).await
}

/// Reports a gate that did not start, and every selected case of the round as an error.
fn gate_failed(shared: &Shared, round: &Round, error: &GateError) {
    let _ = shared.events.send(Event::GateFailed { reason: error.to_string() });
    for (suite, case) in &shared.plan.selected {
        if round.suites.iter().any(|(other, _)| other == suite) {
            shared.finish(Finished {
                suite: *suite,
                case: *case,
                verdict: Verdict::Error(Fault::Unreachable(error.to_string())),
                exchange: None,
                lengths: Lengths::default(),
                target: None,
                attempts: 0,
            });
        }
    }
}

/// Asks the controls of a suite, then gives each of its cases a task as turns come free.
async fn start_suite(keeper: &Arc<Keeper>, suite_at: usize, prefix: &str, cases: &mut JoinSet<()>) {
    let shared = &keeper.shared;
    let Some(suite) = shared.corpus.suites.get(suite_at) else { return };
    let stage = Arc::new(Stage {
        suite: suite_at,
        prefix: prefix.to_owned(),
        files: SiteFiles::of(suite),
        entitlements: Entitlements::of(suite),
    });
    let mut selected: Vec<usize> =
        shared.plan.selected.iter().filter(|(suite, _)| *suite == suite_at).map(|(_, case)| *case).collect();
    Order::of(shared.options.seed)
        .sort(&mut selected, |at| suite.cases.get(*at).map(|case| case.id.clone()).unwrap_or_default());
    // What further requirements say of an answer is told with the case that is asked for it.
    let wanted: BTreeSet<usize> = selected.iter().copied().collect();
    let asked_for = |at: usize| suite.cases.get(at).and_then(|case| case.of).unwrap_or(at);
    let mut told = BTreeSet::new();
    let selected: Vec<usize> = selected.into_iter().map(asked_for).filter(|at| told.insert(*at)).collect();
    // The controls first, whether they are selected or not: what they show decides whether a denial proves anything.
    let controls: BTreeSet<usize> = selected
        .iter()
        .filter_map(|at| suite.cases.get(*at))
        .filter_map(|case| suite.cases.iter().position(|other| other.id == case.control))
        .collect();
    let mut proofs = BTreeMap::new();
    for at in &controls {
        let Some(case) = suite.cases.get(*at) else { continue };
        let turn = shared.turns.acquire().await;
        let finished = keeper.ask(&stage, *at, None).await;
        drop(turn);
        proofs.insert(case.id.clone(), Proof::of(shared, *at, &finished));
        shared.tell(&stage, &wanted, finished, None);
    }
    let (proofs, wanted) = (Arc::new(proofs), Arc::new(wanted));
    for at in selected.into_iter().filter(|at| !controls.contains(at)) {
        let turn = Arc::clone(&shared.turns).acquire_owned().await;
        let (keeper, stage, proofs) = (Arc::clone(keeper), Arc::clone(&stage), Arc::clone(&proofs));
        let wanted = Arc::clone(&wanted);
        cases.spawn(async move {
            let case = keeper.shared.corpus.suites.get(stage.suite).and_then(|suite| suite.cases.get(at));
            let proof = case.and_then(|case| proofs.get(&case.control));
            let finished = keeper.ask(&stage, at, proof).await;
            let unproven = case
                .zip(proof)
                .filter(|(_, proof)| proof.verdict != Verdict::Pass)
                .map(|(case, proof)| format!("the control `{}` did not pass ({})", case.control, proof.verdict.name()));
            keeper.shared.tell(&stage, &wanted, finished, unproven.as_deref());
            drop(turn);
        });
    }
}

impl Shared {
    fn place<'a>(&'a self, clients: &'a Clients, prefix: &'a str) -> Place<'a> {
        Place { target: &clients.target, prefix, listener: self.listener.url() }
    }

    /// Tells what came of a case, and of what further requirements say of its answer, as far as they are selected. What passed proves nothing where
    /// the control did not pass.
    fn tell(&self, stage: &Stage, wanted: &BTreeSet<usize>, finished: Finished, unproven: Option<&str>) {
        let proven = |finished: Finished| match (&finished.verdict, unproven) {
            (Verdict::Pass | Verdict::Observed(_), Some(why)) => {
                Finished { verdict: Verdict::Unproven(why.to_owned()), ..finished }
            }
            _ => finished,
        };
        let cases = self.corpus.suites.get(finished.suite).map(|suite| suite.cases.as_slice()).unwrap_or_default();
        let further =
            cases.iter().enumerate().filter(|(at, case)| case.of == Some(finished.case) && wanted.contains(at));
        for (at, further) in further {
            let verdict = ask::further(stage, cases.get(finished.case), further, &finished);
            self.finish(proven(Finished { case: at, verdict, ..finished.clone() }));
        }
        if wanted.contains(&finished.case) {
            self.finish(proven(finished));
        }
    }

    /// Tells that a case is finished. Nothing bounds how many of these wait to be read, so none of them may be long.
    fn finish(&self, mut finished: Finished) {
        if let Some(exchange) = finished.exchange.take() {
            finished.lengths = Lengths::of(&exchange.answer);
            finished.exchange = Some(Exchange { answer: exchange.answer.shortened(TOLD), ..exchange });
        }
        let _ = self.events.send(Event::CaseFinished(Box::new(finished)));
    }
}
