//! The run: plan, start gates, ask, judge, tell. Bounded in concurrency and time; a verdict is never retried into a pass.

mod ask;
mod compose;
mod keeper;
mod kept;
mod lacks;
mod learn;
pub mod order;
mod plan;
mod send;
mod weather;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{OnceCell, Semaphore, mpsc};
use tokio::task::JoinSet;

pub(crate) use self::compose::now;
pub use self::compose::{Place, compose};
pub use self::plan::{Plan, PlanError, selection};
pub(crate) use self::weather::Weather;

use self::ask::{Proof, Stage};
use self::keeper::{Clients, Keeper};
use self::lacks::Lacks;
use self::order::Order;
use self::plan::{Asking, Group, Part, Round};
use crate::corpus::entitlement::Entitlements;
use crate::corpus::question::Profile;
use crate::corpus::{Corpus, Suite};
use crate::deploy::{Deployment, Manifest, SiteFiles};
use crate::event::{Conditions, Event, Finished, Lengths, Started};
use crate::gates::{Gate, GateError, UNSUPPORTED};
use crate::invariants::Invariant;
use crate::listener::Listener;
use crate::look::{About, Given, look, wrong};
use crate::report::evidence::TOLD;
use crate::report::no_gate::NoGate;
use crate::shard::Shard;
use crate::upstream::Upstream;
use crate::verdict::{CONTROL, Fault, Mismatch, REFUSAL, Verdict};
use crate::wire::plain::{self, HttpVersion, PlainOptions};
use crate::wire::{Exchange, Target};

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
    /// How often a request is sent again when the connection itself failed, as long as the run's budget for that lasts.
    pub retries: u32,
    /// The HTTP version of ordinary requests.
    pub http: HttpVersion,
    /// What a running gate serves.
    pub serves: Serves,
    /// Invariants that are not checked, with the reason.
    pub without: BTreeMap<Invariant, String>,
    /// The longest pause that an answer may ask for (429, or 503 with `Retry-After`); one that asks for more is not waited for.
    pub longest_pause: Duration,
    /// The `User-Agent` of every request, for a site that is no test object.
    pub user_agent: Option<String>,
    /// A path at which a site that is no test object showed everybody a file before the run. What is refused there as well says nothing of its rules.
    pub open_page: Option<String>,
    /// Whether a gate that runs already is looked at before the first case.
    pub look: bool,
    /// Whether a server in front of the gate reads the requests first.
    pub behind_proxy: bool,
    /// Whether what a gate prints is an event.
    pub tells_prints: bool,
}

/// The longest pause that is waited for where nothing else is said.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(120);

impl RunOptions {
    /// What of them verdicts can depend on.
    fn conditions(&self) -> Conditions {
        let Self { patterns, http, timeout, retries, profile, .. } = self;
        Conditions { patterns: patterns.clone(), http: *http, timeout: *timeout, retries: *retries, profile: *profile }
    }
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
            longest_pause: LONGEST_PAUSE,
            user_agent: None,
            open_page: None,
            look: false,
            behind_proxy: false,
            tells_prints: false,
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

/// Everything that the tasks of a run share.
struct Shared {
    corpus: Arc<Corpus>,
    gate: Gate,
    options: RunOptions,
    /// A turn for each case that may be under way.
    turns: Arc<Semaphore>,
    weather: Weather,
    listener: Listener,
    upstream: Upstream,
    /// The ordinary clients of a gate that runs already.
    remote: Option<Result<plain::Clients, String>>,
    /// The same over HTTP/2, where a case is asked so whatever the run speaks.
    second: Option<Result<plain::Clients, String>>,
    /// Whether the gate starts on a plain site, once it has been tried.
    plain: OnceCell<bool>,
    /// Whether the gate has started on any site.
    has_started: AtomicBool,
    /// Why the gate starts nowhere, once that is known: then nobody tries again.
    nowhere: OnceLock<GateError>,
    lacks: Lacks,
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
        conditions: options.conditions(),
        left_out: plan.left_out.clone(),
        without: options.without.clone(),
    }));
    let shared = Arc::new(Shared {
        turns: Arc::new(Semaphore::new(options.jobs.max(1))),
        weather: {
            let weather = Weather::new(options.rate, options.longest_pause, plan.cases());
            if options.user_agent.is_some() { weather.at_a_site() } else { weather }
        },
        listener: Listener::open().await,
        upstream: Upstream::open().await,
        remote: match &gate {
            Gate::Remote(target) => Some(ordinary(&options, Some(target))),
            Gate::InProcess(_) | Gate::Launch(_) => None,
        },
        second: second_clients(&corpus, &gate, &options),
        plain: OnceCell::new(),
        has_started: AtomicBool::new(false),
        nowhere: OnceLock::new(),
        lacks: Lacks::of(&gate, &options),
        corpus,
        gate,
        options,
        events,
    });
    if let Some(error) = looked(&shared, &plan).await {
        plan.rounds.iter().for_each(|round| gate_failed(&shared, round, &error));
        let _ = shared.events.send(Event::RunFinished { at: SystemTime::now(), elapsed: started.elapsed() });
        return;
    }
    // With one job, one thing happens after the other: then the order of a seed is the order of the requests.
    let starts = Arc::new(Semaphore::new(at_once.min(shared.options.jobs).max(1)));
    let mut queue = plan.rounds;
    let first = |round: &Round| round.parts.first().map(|part| part.suite.id.clone());
    Order::of(shared.options.seed).sort(&mut queue, |round| first(round).unwrap_or_default());
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

fn ordinary(options: &RunOptions, remote: Option<&Target>) -> Result<plain::Clients, String> {
    plain::Clients::new(PlainOptions { version: options.http, limit: options.timeout, remote })
}

impl Shared {
    /// The ordinary clients of a gate that is up now; none for one of this process that only the byte-exact wire reaches. A gate that is started has its own,
    /// so that no connection outlives it.
    fn ordinary(&self) -> Option<Result<plain::Clients, String>> {
        match &self.gate {
            Gate::InProcess(gate) if !gate.has_socket() => None,
            Gate::InProcess(_) | Gate::Launch(_) => Some(ordinary(&self.options, None)),
            Gate::Remote(_) => self.remote.clone(),
        }
    }
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

/// Looks at a gate that runs already, and says why nothing is asked of it if nothing can be. That nobody answers is said by the start.
async fn looked(shared: &Shared, plan: &Plan) -> Option<GateError> {
    let Gate::Remote(target) = &shared.gate else { return None };
    if !shared.options.look {
        return None;
    }
    let manifest = match &shared.options.serves {
        Serves::Bundle(manifest) => Some(&**manifest),
        Serves::Suite => None,
    };
    let given = Given {
        target,
        manifest,
        limit: shared.options.timeout,
        weather: &shared.weather,
        behind_proxy: shared.options.behind_proxy,
    };
    let suites: Vec<Arc<Suite>> =
        plan.rounds.iter().flat_map(|round| &round.parts).map(|part| Arc::clone(&part.suite)).collect();
    let checks = look(&shared.corpus, &suites, given).await;
    let wrong = wrong(&checks).filter(|check| check.about != About::Server);
    let error = wrong.map(|check| GateError::NotIt { origin: target.origin(), why: check.to_string() });
    let _ = shared.events.send(Event::Looked(checks));
    error
}

async fn run_round(shared: &Arc<Shared>, round: &Round) {
    if let Some(error) = shared.nowhere.get() {
        return unasked(shared, round, &no_gate(error));
    }
    let keeper = match Keeper::start(Arc::clone(shared), round.clone()).await {
        Ok(keeper) => Arc::new(keeper),
        Err(error) => return not_started(shared, round, &error).await,
    };
    shared.has_started.store(true, Ordering::Relaxed);
    let mut parts: Vec<&Part> = round.parts.iter().collect();
    Order::of(shared.options.seed).sort(&mut parts, |part| part.suite.id.clone());
    let mut cases = JoinSet::new();
    for part in parts {
        start_suite(&keeper, part, &mut cases).await;
    }
    while cases.join_next().await.is_some() {}
    keeper.stop().await;
}

/// What a gate says that does not start: with exit status 77, that it cannot have this site, and why; otherwise, where it starts on a plain site, that it
/// fails what the suite tests, unless the ledger lets it refuse such a site. A gate that starts nowhere is none.
async fn not_started(shared: &Arc<Shared>, round: &Round, error: &GateError) {
    if starts_nowhere(shared, round, error).await {
        // Of several that try at once, the first says it.
        if shared.nowhere.set(error.clone()).is_ok() {
            let reason = match error {
                GateError::NotRun(_) => error.reason(),
                _ => format!("the gate starts on no site, not on a plain one either: {}", error.reason()),
            };
            let _ = shared.events.send(Event::GateFailed(NoGate { sites: Vec::new(), reason }));
        }
        return unasked(shared, round, &no_gate(error));
    }
    let GateError::Ended { status, code, .. } = error else { return gate_failed(shared, round, error) };
    let [Part { suite, .. }] = round.parts.as_slice() else {
        // Which of them it does not take, it says by itself.
        for part in &round.parts {
            Box::pin(run_round(shared, &Round { parts: vec![part.clone()] })).await;
        }
        return;
    };
    let said = error.last_line();
    let refusal = match code {
        Some(code) if *code == UNSUPPORTED => Verdict::Unsupported {
            feature: SITE.to_owned(),
            reason: if said.is_empty() { status.clone() } else { said },
        },
        _ if !starts_on_a_plain_site(shared, suite).await => return gate_failed(shared, round, error),
        _ if suite.may_refuse.is_some() => Verdict::Pass,
        _ => Verdict::Fail(vec![Mismatch {
            what: REFUSAL.to_owned(),
            expected: "it serves the site of this suite".to_owned(),
            actual: format!("it ended with {status}: {said}"),
        }]),
    };
    unasked(shared, round, &refusal);
}

/// Whether a command that did not start for a round starts for none: it cannot be run, or it has not started yet, and does not on a plain site either.
async fn starts_nowhere(shared: &Shared, round: &Round, error: &GateError) -> bool {
    let lacks_the_site = match error {
        GateError::NotRun(_) => return true,
        GateError::Ended { code, .. } => *code == Some(UNSUPPORTED),
        GateError::NotStarted { .. } => false,
        GateError::Unreachable { .. } | GateError::NotIt { .. } | GateError::Harness(_) => return false,
    };
    let Some(part) = round.parts.first() else { return false };
    let is_untried = matches!(shared.gate, Gate::Launch(_)) && !shared.has_started.load(Ordering::Relaxed);
    is_untried && !lacks_the_site && !starts_on_a_plain_site(shared, &part.suite).await
}

/// The name under which a gate lacks the site of a suite.
const SITE: &str = "site";

/// Whether the gate starts on a site without anything odd; asked once in a run.
async fn starts_on_a_plain_site(shared: &Shared, like: &Suite) -> bool {
    let plain = async {
        let suite = like.plain();
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
    let sites = round.parts.iter().map(|part| part.suite.id.clone()).filter(|_| error.is_of_a_site()).collect();
    let _ = shared.events.send(Event::GateFailed(NoGate { sites, reason: error.reason() }));
    unasked(shared, round, &no_gate(error));
}

/// The verdict on a case that no gate was there for.
fn no_gate(error: &GateError) -> Verdict {
    Verdict::Error(Fault::Unreachable(error.reason()))
}

/// Gives every selected case of a round the same verdict, of which none was asked.
fn unasked(shared: &Shared, round: &Round, verdict: &Verdict) {
    for case in round.selected() {
        shared.finish(Finished {
            case: case.clone(),
            verdict: verdict.clone(),
            exchange: None,
            lengths: Lengths::default(),
            target: None,
            is_proven: true,
            attempts: 0,
        });
    }
}

/// Asks the controls of a suite, then gives each of its cases a task as turns come free.
async fn start_suite(keeper: &Arc<Keeper>, part: &Part, cases: &mut JoinSet<()>) {
    let shared = &keeper.shared;
    let stage = Arc::new(Stage {
        suite: Arc::clone(&part.suite),
        prefix: part.prefix.clone(),
        files: SiteFiles::of(&part.suite),
        entitlements: Entitlements::of(&part.suite),
    });
    // The controls first, whether they are selected or not: what they show decides whether a denial proves anything.
    let mut proven: Vec<(&Asking, Option<Arc<Proof>>)> = Vec::new();
    for Group { control, cases } in &part.groups {
        let proof = match control {
            Some(control) => {
                let turn = shared.turns.acquire().await;
                let finished = keeper.ask(&stage, &control.case, None).await;
                drop(turn);
                let proof = Arc::new(Proof::of(shared, &finished));
                shared.tell(&stage, control, finished, None);
                Some(proof)
            }
            None => None,
        };
        proven.extend(cases.iter().map(|asking| (asking, proof.clone())));
    }
    proven.sort_by_key(|(asking, _)| asking.case.case().line);
    Order::of(shared.options.seed).sort(&mut proven, |(asking, _)| asking.case.id().to_owned());
    if let Some(own) = &part.suite.own {
        proven.sort_by_key(|(asking, _)| own.stages.get(asking.case.id()).copied().unwrap_or_default());
    }
    for (asking, proof) in proven {
        let turn = Arc::clone(&shared.turns).acquire_owned().await;
        let (keeper, stage, asking) = (Arc::clone(keeper), Arc::clone(&stage), asking.clone());
        cases.spawn(async move {
            let mut finished = keeper.ask(&stage, &asking.case, proof.as_deref()).await;
            // Whose control needs what the gate lacks needs it too.
            if let Some(lacks @ Verdict::Unsupported { .. }) = proof.as_deref().map(|proof| &proof.verdict)
                && matches!(finished.verdict, Verdict::Pass | Verdict::Observed(_))
            {
                finished.verdict = lacks.clone();
            }
            let failed = proof.filter(|proof| proof.verdict != Verdict::Pass);
            let unproven =
                failed.map(|proof| format!("{CONTROL}{}` did not pass ({})", proof.control.id(), proof.verdict.name()));
            keeper.shared.tell(&stage, &asking, finished, unproven.as_deref());
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
    fn tell(&self, stage: &Stage, asking: &Asking, finished: Finished, unproven: Option<&str>) {
        let proven = |finished: Finished| match (&finished.verdict, unproven) {
            (Verdict::Pass | Verdict::Observed(_), Some(why)) => {
                Finished { verdict: Verdict::Unproven(why.to_owned()), is_proven: false, ..finished }
            }
            _ => Finished { is_proven: unproven.is_none(), ..finished },
        };
        for further in &asking.further {
            let verdict = ask::further(stage, further.case(), &finished);
            self.finish(proven(Finished { case: further.clone(), verdict, ..finished.clone() }));
        }
        if asking.is_selected {
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
