//! The run: plan, start gates, ask, judge, tell. Bounded in concurrency and time; a verdict is never retried into a pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::corpus::request::{Form, TokenRef};
use crate::corpus::template::{Fill, Piece};
use crate::corpus::{Case, Corpus, Suite};
use crate::deploy::{Deployment, Manifest, SiteFiles};
use crate::event::{Event, Finished, Started};
use crate::gates::{Gate, GateError, Running};
use crate::invariants::{Invariant, Metadata, uniform};
use crate::judge::{Judgement, Scene, judge, leaks, summary};
use crate::mint::Mint;
use crate::verdict::{Fault, Leak, Mismatch, Verdict};
use crate::wire::plain::{HttpVersion, Plain};
use crate::wire::raw::Wire;
use crate::wire::{Answer, Exchange, Response, Sent, Target};

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Which cases: patterns as [`Case::matches`] has them; none means all.
    pub patterns: Vec<String>,
    /// How many requests may be under way at once.
    pub jobs: usize,
    /// The time limit of one answer.
    pub timeout: Duration,
    /// At most this many requests a second.
    pub rate: Option<f64>,
    /// How often a request is sent again when the connection itself failed.
    pub retries: u32,
    /// The HTTP version of ordinary requests.
    pub http: HttpVersion,
    /// Whether certificates are taken unchecked.
    pub insecure: bool,
    /// What a running gate serves.
    pub serves: Serves,
    /// Invariants that are not checked, with the reason.
    pub without: BTreeMap<Invariant, String>,
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
        let mut selected = BTreeSet::new();
        for pattern in &options.patterns {
            if !corpus.cases().any(|(_, case)| case.matches(pattern)) {
                return Err(PlanError::NothingSelected(pattern.clone()));
            }
        }
        for (suite_at, suite) in corpus.suites.iter().enumerate() {
            for (case_at, case) in suite.cases.iter().enumerate() {
                if options.patterns.is_empty() || options.patterns.iter().any(|pattern| case.matches(pattern)) {
                    selected.insert((suite_at, case_at));
                }
            }
        }
        let mut left_out = BTreeMap::new();
        let suites: BTreeSet<usize> = selected.iter().map(|(suite, _)| *suite).collect();
        let rounds = match (gate, &options.serves) {
            (Gate::Remote(_), Serves::Bundle(manifest)) => {
                if manifest.corpus_digest != corpus.digest {
                    return Err(PlanError::OtherCorpus(manifest.corpus_digest.chars().take(12).collect()));
                }
                let mut round = Round { suites: Vec::new() };
                for suite_at in suites {
                    let Some(suite) = corpus.suites.get(suite_at) else { continue };
                    match manifest.suites.get(&suite.id) {
                        Some(prefix) => round.suites.push((suite_at, prefix.clone())),
                        None => {
                            left_out.insert(suite.id.clone(), "not in this bundle".to_owned());
                            selected.retain(|(other, _)| *other != suite_at);
                        }
                    }
                }
                vec![round]
            }
            (Gate::Remote(_), Serves::Suite) if suites.len() != 1 => return Err(PlanError::NeedsOneSuite),
            (Gate::Launch(file), _) if file.group => {
                let borrowed: Vec<&Suite> = suites.iter().filter_map(|at| corpus.suites.get(*at)).collect();
                let index = |suite: &Suite| corpus.suites.iter().position(|other| other.id == suite.id);
                Deployment::grouped(&borrowed)
                    .iter()
                    .map(|one| Round { suites: one.suites.iter().filter_map(|(suite, prefix)| Some((index(suite)?, prefix.clone()))).collect() })
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

/// Everything that the tasks of a run share.
struct Shared {
    corpus: Arc<Corpus>,
    gate: Gate,
    options: RunOptions,
    plan: Plan,
    requests: Semaphore,
    pace: Pace,
    events: mpsc::UnboundedSender<Event>,
}

/// Runs the plan and sends what happens to `events`.
pub async fn run(corpus: Arc<Corpus>, gate: Gate, options: RunOptions, plan: Plan, events: mpsc::UnboundedSender<Event>) {
    let started = Instant::now();
    let at_once = match &gate {
        Gate::Embedded => 8,
        Gate::Launch(file) => file.at_once,
        Gate::Remote(_) => 1,
    };
    let _ = events.send(Event::RunStarted(Started {
        gate: gate.name(),
        corpus: Arc::clone(&corpus),
        cases: plan.cases(),
        starts: plan.rounds.len(),
        left_out: plan.left_out.clone(),
        without: options.without.clone(),
    }));
    let shared = Arc::new(Shared {
        requests: Semaphore::new(options.jobs.max(1)),
        pace: Pace::new(options.rate),
        corpus,
        gate,
        options,
        plan,
        events,
    });
    let starts = Arc::new(Semaphore::new(at_once.max(1)));
    let mut rounds = JoinSet::new();
    for round in shared.plan.rounds.clone() {
        let (shared, starts) = (Arc::clone(&shared), Arc::clone(&starts));
        rounds.spawn(async move {
            let _turn = starts.acquire_owned().await;
            run_round(&shared, &round).await;
        });
    }
    while rounds.join_next().await.is_some() {}
    let _ = shared.events.send(Event::RunFinished { elapsed: started.elapsed() });
}

async fn run_round(shared: &Arc<Shared>, round: &Round) {
    let suites: Vec<(&Suite, String)> = round.suites.iter().filter_map(|(at, prefix)| Some((shared.corpus.suites.get(*at)?, prefix.clone()))).collect();
    let Some(settings) = suites.first().map(|(suite, _)| suite.settings.clone()) else { return };
    let deployment = Deployment { suites, settings };
    let running = match shared.gate.start(&deployment).await {
        Ok(running) => running,
        Err(error) => return gate_failed(shared, round, &deployment.name(), &error),
    };
    let clients = Clients::new(shared, &running);
    match clients {
        Ok(clients) => {
            let clients = Arc::new(clients);
            let mut suites = JoinSet::new();
            for (suite, prefix) in round.suites.clone() {
                let (shared, clients) = (Arc::clone(shared), Arc::clone(&clients));
                suites.spawn(async move { run_suite(&shared, &clients, suite, &prefix).await });
            }
            while suites.join_next().await.is_some() {}
        }
        Err(error) => gate_failed(shared, round, &deployment.name(), &error),
    }
    running.stop().await;
}

/// Reports a gate that did not start, and every selected case of the round as an error.
fn gate_failed(shared: &Shared, round: &Round, site: &str, error: &GateError) {
    let _ = shared.events.send(Event::GateFailed { site: site.to_owned(), reason: error.to_string() });
    for (suite, case) in &shared.plan.selected {
        if round.suites.iter().any(|(other, _)| other == suite) {
            shared.finish(Finished {
                suite: *suite,
                case: *case,
                verdict: Verdict::Error(Fault::Unreachable(error.to_string())),
                exchange: None,
                target: None,
                attempts: 0,
            });
        }
    }
}

/// The two clients for one running gate.
struct Clients {
    target: Target,
    origin: String,
    plain: Plain,
    wire: Wire,
}

impl Clients {
    fn new(shared: &Shared, running: &Running) -> Result<Self, GateError> {
        let target = running.target.clone();
        let plain = Plain::new(target.clone(), shared.options.http, shared.options.insecure, shared.options.timeout).map_err(GateError::Harness)?;
        let tls = target.https.then(|| crate::wire::tls::config(shared.options.insecure)).transpose();
        let tls = tls.map_err(|error| GateError::Harness(format!("no TLS on this machine: {error}")))?;
        let wire = Wire::new(target.clone(), tls, shared.options.timeout);
        Ok(Self { origin: target.origin(), target, plain, wire })
    }
}

/// What one suite needs while it is being asked.
struct Stage {
    suite: usize,
    prefix: String,
    files: SiteFiles,
}

async fn run_suite(shared: &Arc<Shared>, clients: &Arc<Clients>, suite_at: usize, prefix: &str) {
    let Some(suite) = shared.corpus.suites.get(suite_at) else { return };
    let stage = Arc::new(Stage { suite: suite_at, prefix: prefix.to_owned(), files: SiteFiles::of(suite) });
    let selected: Vec<usize> = shared.plan.selected.iter().filter(|(suite, _)| *suite == suite_at).map(|(_, case)| *case).collect();
    // The controls first: what they show decides whether a denial proves anything.
    let controls: BTreeSet<usize> = selected
        .iter()
        .filter_map(|at| suite.cases.get(*at))
        .filter_map(|case| suite.cases.iter().position(|other| other.id == case.control))
        .collect();
    let mut proofs = BTreeMap::new();
    for at in &controls {
        let Some(case) = suite.cases.get(*at) else { continue };
        let finished = ask(shared, clients, &stage, *at, None).await;
        let admitted = finished.exchange.as_ref().and_then(|exchange| exchange.answer.response()).map(Metadata::of);
        // A gate elsewhere may give every file the date of its deployment, which is no secret then.
        let metadata = admitted.map(|metadata| if matches!(shared.gate, Gate::Remote(_)) { metadata.without_date() } else { metadata });
        proofs.insert(case.id.clone(), Proof { case: *at, verdict: finished.verdict.clone(), metadata: metadata.unwrap_or_default() });
        if selected.contains(at) {
            shared.finish(finished);
        }
    }
    let proofs = Arc::new(proofs);
    let mut cases = JoinSet::new();
    for at in selected.into_iter().filter(|at| !controls.contains(at)) {
        let (shared, clients, stage, proofs) = (Arc::clone(shared), Arc::clone(clients), Arc::clone(&stage), Arc::clone(&proofs));
        cases.spawn(async move {
            let control = shared.corpus.suites.get(stage.suite).and_then(|suite| suite.cases.get(at)).map(|case| case.control.as_str());
            let proof = control.and_then(|control| proofs.get(control));
            let mut finished = ask(&shared, &clients, &stage, at, proof).await;
            if let (Verdict::Pass | Verdict::Observed(_), Some(control), Some(proof)) = (&finished.verdict, control, proof)
                && proof.verdict != Verdict::Pass
            {
                finished.verdict = Verdict::Unproven(format!("the control `{control}` did not pass ({})", proof.verdict.name()));
            }
            shared.finish(finished);
        });
    }
    while cases.join_next().await.is_some() {}
}

impl Shared {
    fn finish(&self, finished: Finished) {
        let _ = self.events.send(Event::CaseFinished(Box::new(finished)));
    }
}

/// What the control of a case has shown.
struct Proof {
    case: usize,
    verdict: Verdict,
    metadata: Metadata,
}

/// Sends one case, judges the answer and, with the proof of its control, checks the invariants.
async fn ask(shared: &Shared, clients: &Clients, stage: &Stage, case_at: usize, proof: Option<&Proof>) -> Finished {
    let mut finished = Finished { suite: stage.suite, case: case_at, verdict: Verdict::Pass, exchange: None, target: Some(clients.target.clone()), attempts: 0 };
    let Some((suite, case)) = shared.corpus.suites.get(stage.suite).and_then(|suite| Some((suite, suite.cases.get(case_at)?))) else { return finished };
    if let Some((feature, reason)) = lacking(shared, case, stage) {
        finished.verdict = Verdict::Unsupported { feature, reason };
        return finished;
    }
    loop {
        let sent = match compose(suite, case, &clients.target, &stage.prefix, now()) {
            Ok(sent) => sent,
            Err(error) => {
                finished.verdict = Verdict::Error(Fault::Harness(error));
                return finished;
            }
        };
        finished.attempts = finished.attempts.saturating_add(1);
        match send(shared, clients, sent).await {
            Ok(exchange) => {
                let scene = Scene { origin: &clients.origin, prefix: &stage.prefix, files: &stage.files };
                let judgement = judge(&case.expected, &exchange, &scene);
                finished.verdict = match proof.filter(|proof| proof.verdict == Verdict::Pass && suite.has_protected_files()) {
                    Some(proof) => Again { shared, clients, suite, case, scene, proof }.check(judgement, &exchange).await,
                    None => judgement.verdict,
                };
                finished.exchange = Some(exchange);
                return finished;
            }
            Err(error) if finished.attempts <= shared.options.retries => {
                let _ = error;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) => {
                finished.verdict = Verdict::Error(Fault::Unreachable(error.to_string()));
                return finished;
            }
        }
    }
}

/// Asks again, to check what must hold for every refused request.
struct Again<'a> {
    shared: &'a Shared,
    clients: &'a Clients,
    suite: &'a Suite,
    case: &'a Case,
    scene: Scene<'a>,
    proof: &'a Proof,
}

impl Again<'_> {
    async fn check(&self, judgement: Judgement<'_>, exchange: &Exchange) -> Verdict {
        let Judgement { verdict, fitting } = judgement;
        let shows = fitting.and_then(|one| one.shown()).is_some();
        if shows || !matches!(verdict, Verdict::Pass | Verdict::Observed(_)) {
            return verdict;
        }
        let on = |invariant| !self.shared.options.without.contains_key(&invariant);
        let mut found = Vec::new();
        if on(Invariant::Metadata)
            && let Some(place) = self.proof.metadata.leaked(exchange)
        {
            return Verdict::Leak(vec![Leak { file: "content (what describes it)".to_owned(), place }]);
        }
        let denied = fitting.and_then(|one| one.name.as_deref()) == Some("denied");
        if on(Invariant::Uniform) && denied && self.case.request.carries_token() && exchange.sent.raw.is_none() {
            match self.without_token(exchange).await {
                Ok(answer) => found.extend(uniform(&exchange.answer, &answer)),
                Err(error) => return Verdict::Error(Fault::Unreachable(error.to_string())),
            }
        }
        if on(Invariant::Liveness) {
            match self.liveness(exchange).await {
                Ok(Verdict::Pass) => {}
                Ok(Verdict::Fail(mismatches)) => found.extend(mismatches),
                Ok(other) => return other,
                Err(error) => return Verdict::Error(Fault::Unreachable(error.to_string())),
            }
        }
        if found.is_empty() { verdict } else { Verdict::Fail(found) }
    }

    /// The answer to the same request without any cookie, or without the field in which the token stood.
    async fn without_token(&self, exchange: &Exchange) -> std::io::Result<Answer> {
        let mut request = self.case.request.clone();
        request.token = None;
        request.cookies.clear();
        request.headers.retain(|(_, value)| value.tokens().next().is_none());
        let case = Case { request, ..self.case.clone() };
        let mut sent = compose(self.suite, &case, &self.clients.target, self.scene.prefix, now()).map_err(std::io::Error::other)?;
        sent.byte_exact = exchange.sent.byte_exact;
        send(self.shared, self.clients, sent).await.map(|exchange| exchange.answer)
    }

    /// The control right after the hostile request, on the same connection and on a new one.
    async fn liveness(&self, exchange: &Exchange) -> std::io::Result<Verdict> {
        let Some(control) = self.suite.cases.get(self.proof.case) else { return Ok(Verdict::Pass) };
        let control_sent = || compose(self.suite, control, &self.clients.target, self.scene.prefix, now()).map_err(std::io::Error::other);
        let _turn = self.shared.requests.acquire().await;
        self.shared.pace.wait().await;
        let mut connection = self.clients.wire.connect().await?;
        let hostile = connection.exchange(exchange.sent.clone()).await;
        let leaked = leaks(None, &hostile, &self.scene);
        if !leaked.is_empty() {
            return Ok(Verdict::Leak(leaked));
        }
        let mut checked = Vec::new();
        if hostile.answer.response().is_some_and(Response::keeps_connection) && exchange.sent.raw.is_none() {
            let again = connection.exchange(control_sent()?).await;
            // A gate may close a connection that it first meant to keep (RFC 9112 §9.6); that is no answer, and no failure.
            if !matches!(&again.answer, Answer::Closed(octets) if octets.is_empty()) {
                checked.push(("on the same connection", again));
            }
        }
        checked.push(("on a new connection", self.clients.wire.exchange(control_sent()?).await?));
        let mismatches: Vec<Mismatch> = checked
            .iter()
            .filter(|(_, again)| judge(&control.expected, again, &self.scene).verdict != Verdict::Pass)
            .map(|(place, again)| Mismatch {
                what: format!("the control right after, {place}"),
                expected: "admitted as before".to_owned(),
                actual: summary(&again.answer),
            })
            .collect();
        Ok(if mismatches.is_empty() { Verdict::Pass } else { Verdict::Fail(mismatches) })
    }
}

async fn send(shared: &Shared, clients: &Clients, sent: Sent) -> std::io::Result<Exchange> {
    let _turn = shared.requests.acquire().await;
    shared.pace.wait().await;
    if sent.byte_exact { clients.wire.exchange(sent).await } else { clients.plain.exchange(sent).await }
}

/// The feature that a case needs and the gate lacks.
fn lacking(shared: &Shared, case: &Case, stage: &Stage) -> Option<(String, String)> {
    let unsupported = shared.gate.unsupported();
    if let Some(feature) = case.features.iter().find(|feature| unsupported.contains_key(*feature)) {
        return Some((feature.clone(), unsupported.get(feature).cloned().unwrap_or_default()));
    }
    if shared.options.http == HttpVersion::Http2 && case.request.is_byte_exact() && !matches!(&shared.gate, Gate::Remote(target) if target.https) {
        return Some(("http-1".to_owned(), "the gate is asked over HTTP/2 alone, and this request is written in HTTP/1.1".to_owned()));
    }
    if !stage.prefix.is_empty() && !moves(&case.request) {
        return Some(("root-path".to_owned(), "this request names the root of the site, and the suite is deployed under a path prefix".to_owned()));
    }
    None
}

/// Whether a request can be asked of a suite under a path prefix.
fn moves(request: &crate::corpus::request::Request) -> bool {
    let has_prefix = |text: &crate::corpus::template::Template| text.pieces().contains(&Piece::Prefix);
    match &request.form {
        Form::Path(_) => true,
        Form::Raw { bytes, .. } => has_prefix(bytes),
        Form::Target(target) => has_prefix(target) || starts_with_one_slash(target),
    }
}

fn starts_with_one_slash(target: &crate::corpus::template::Template) -> bool {
    match target.pieces().first() {
        Some(Piece::Text(text)) => text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/\\"),
        _ => false,
    }
}

/// The seconds since the epoch by this machine's clock.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}

/// A case becomes octets.
///
/// # Errors
/// A sentence that says which part of the case cannot be said.
pub fn compose(suite: &Suite, case: &Case, target: &Target, prefix: &str, now: i64) -> Result<Sent, String> {
    let mint = Mint { recipes: &suite.recipes, settings: &suite.settings, now };
    let places = Places { mint, host: target.host_value(), prefix };
    let request = &case.request;
    let mut sent = Sent {
        method: request.method.clone(),
        target: Vec::new(),
        host: places.host.clone().into_bytes(),
        headers: Vec::new(),
        body: Vec::new(),
        raw: None,
        responses: 1,
        byte_exact: request.is_byte_exact(),
    };
    match &request.form {
        Form::Path(path) => {
            sent.target = prefix.as_bytes().to_vec();
            sent.target.extend(path.render(&places)?);
        }
        Form::Target(text) => {
            if starts_with_one_slash(text) {
                sent.target = prefix.as_bytes().to_vec();
            }
            sent.target.extend(text.render(&places)?);
        }
        Form::Raw { bytes, responses } => {
            sent.raw = Some(bytes.render(&places)?);
            sent.responses = *responses;
            return Ok(sent);
        }
    }
    if let Some(host) = &request.host {
        sent.host = host.render(&places)?;
    }
    let token = match &request.token {
        None => None,
        Some(TokenRef::Named(name)) => Some(mint.named(name)?),
        Some(TokenRef::Inline(recipe)) => Some(mint.mint(recipe)?),
    };
    if let Some(token) = token {
        sent.headers.push(("Cookie".to_owned(), [b"nf_jwt=".as_slice(), &token].concat()));
    }
    for line in &request.cookies {
        sent.headers.push(("Cookie".to_owned(), line.render(&places)?));
    }
    for (name, value) in &request.headers {
        sent.headers.push((name.clone(), value.render(&places)?));
    }
    if let Some(body) = &request.body {
        sent.body = body.render(&places)?;
    }
    // What an ordinary client would refuse or repair goes over the byte-exact wire.
    let odd_value = |value: &[u8]| value.iter().any(|octet| *octet < 0x20 && *octet != b'\t' || *octet == 0x7f) || value.starts_with(b" ") || value.ends_with(b" ");
    let framing = |name: &str| ["content-length", "transfer-encoding", "connection", "host", "te", "upgrade", "expect"].iter().any(|own| name.eq_ignore_ascii_case(own));
    sent.byte_exact |= sent.headers.iter().any(|(name, value)| odd_value(value) || framing(name) || !is_token(name)) || odd_value(&sent.host) || !is_token(&sent.method);
    sent.byte_exact |= sent.method == "CONNECT" || request.host.is_some();
    Ok(sent)
}

/// Whether a text is a token of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet))
}

/// Placeholders of a request.
struct Places<'a> {
    mint: Mint<'a>,
    host: String,
    prefix: &'a str,
}

impl Fill for Places<'_> {
    type Error = String;

    fn fill(&self, piece: &Piece, out: &mut Vec<u8>) -> Result<(), String> {
        match piece {
            Piece::Token(name) => out.extend(self.mint.named(name)?),
            Piece::Now(offset) => out.extend(self.mint.now.saturating_add(*offset).to_string().bytes()),
            Piece::Host => out.extend(self.host.bytes()),
            Piece::Prefix => out.extend(self.prefix.bytes()),
            Piece::Secret => out.extend(self.mint.settings.secret.bytes()),
            Piece::Claims | Piece::Header => return Err("`$(claims)` and `$(header)` belong into a recipe".to_owned()),
            Piece::Octets(octets) => out.extend(octets),
            Piece::Text(text) => out.extend(text.bytes()),
        }
        Ok(())
    }
}

/// Spreads requests so that no more than a number of them starts each second.
struct Pace {
    gap: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    fn new(rate: Option<f64>) -> Self {
        let gap = rate.filter(|rate| rate.is_finite() && *rate > 0.0).and_then(|rate| Duration::try_from_secs_f64(rate.recip()).ok());
        Self { gap, next: Mutex::new(None) }
    }

    async fn wait(&self) {
        let Some(gap) = self.gap else { return };
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let mine = next.filter(|next| *next > now).unwrap_or(now);
        *next = mine.checked_add(gap);
        drop(next);
        tokio::time::sleep_until(mine.into()).await;
    }
}
