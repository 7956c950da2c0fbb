//! Keeps one gate running. A hostile request may take a gate down, or make it close, reset or hang what others have asked; then it is started again, and the
//! cases that were under way are asked once more, alone, so that the one that did it can be named and the others are not blamed.

use std::sync::Arc;

use tokio::sync::RwLock;

use super::Shared;
use super::ask::{Proof, Stage, ask};
use super::kept::Kept;
use super::plan::Round;
use crate::corpus::{CaseRef, Suite};
use crate::deploy::Deployment;
use crate::event::{Event, Finished, Weather};
use crate::gates::{Gate, GateError, Running};
use crate::verdict::{DOWN, Fault, Mismatch, Verdict};
use crate::wire::plain::Plain;
use crate::wire::raw::Wire;
use crate::wire::tls::why;
use crate::wire::{Answer, End, Target};

/// A gate that goes down more often than this is left down.
const MOST_STARTS: usize = 300;

/// The two clients for one running gate.
pub(super) struct Clients {
    pub(super) target: Target,
    pub(super) origin: String,
    /// None for a gate that only the byte-exact wire reaches.
    pub(super) plain: Option<Plain>,
    /// For cases that are asked over HTTP/2, whatever the run speaks.
    pub(super) second: Option<Plain>,
    pub(super) wire: Wire,
    pub(super) kept: Kept,
}

impl Clients {
    fn new(shared: &Shared, running: &Running) -> Result<Self, GateError> {
        let target = running.target.clone();
        let options = &shared.options;
        let ordinary = shared.ordinary().transpose().map_err(GateError::Harness)?;
        let plain = ordinary.map(|clients| Plain::new(target.clone(), clients));
        let second = shared.second.clone().transpose().map_err(GateError::Harness)?;
        let second = second.map(|clients| Plain::new(target.clone(), clients));
        let wire = match &running.door {
            Some(door) => Wire::within(door.clone(), options.timeout),
            None => {
                let tls = target.https.then(|| crate::wire::tls::config(&target.trust)).transpose();
                let tls = tls.map_err(|error| GateError::Harness(format!("no TLS on this machine: {error}")))?;
                Wire::new(target.clone(), tls, options.timeout)
            }
        };
        Ok(Self { origin: target.origin(), target, plain, second, wire, kept: Kept::default() })
    }

    /// The same without a connection, for a gate that is on its way down.
    fn without_connections(&self) -> Self {
        let (target, origin, wire) = (self.target.clone(), self.origin.clone(), self.wire.clone());
        Self { target, origin, plain: None, second: None, wire, kept: Kept::default() }
    }
}

/// A gate that is started again when it goes down.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    round: Round,
    slot: RwLock<Slot>,
    /// Held by many while they ask, by one while it asks alone.
    floor: RwLock<()>,
}

struct Slot {
    running: Option<Running>,
    clients: Arc<Clients>,
    starts: usize,
}

impl Slot {
    /// Stops the gate. Its connections are closed first: many a server ends only when the last of them has.
    async fn stop(&mut self) {
        self.clients = Arc::new(self.clients.without_connections());
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }
}

impl Keeper {
    /// Starts the gate for the suites of a round.
    pub(super) async fn start(shared: Arc<Shared>, round: Round) -> Result<Self, GateError> {
        let (running, clients) = start(&shared, &round).await?;
        let slot = RwLock::new(Slot { running: Some(running), clients: Arc::new(clients), starts: 1 });
        Ok(Self { shared, round, slot, floor: RwLock::new(()) })
    }

    /// Asks a case; if the gate falls over meanwhile, whoever made it, asks the case again, alone, and if it falls over again on a fresh start.
    pub(super) async fn ask(&self, stage: &Stage, case: &CaseRef, proof: Option<&Proof>) -> Finished {
        let together = self.floor.read().await;
        let (clients, starts) = self.state().await;
        let first = ask(&self.shared, &clients, stage, case, proof).await;
        drop(together);
        if !matches!(self.shared.gate, Gate::Launch(_)) || matches!(first.verdict, Verdict::Leak(_)) {
            return first;
        }
        let fell = fell_over(&first);
        if fell.is_none() && self.state().await.1 == starts {
            return first;
        }
        let _alone = self.floor.write().await;
        let mut attempts = first.attempts;
        // Others may have hung it, and may have had it started again since.
        let hangs = fell == Some(Fall::Hung) && self.state().await.1 == starts;
        let was_down = self.is_down().await;
        let mut fresh = hangs || was_down;
        let again = loop {
            if fresh && self.restart().await.is_err() {
                return Finished { attempts, ..first };
            }
            let clients = self.clients().await;
            let again = ask(&self.shared, &clients, stage, case, proof).await;
            attempts = attempts.saturating_add(again.attempts);
            // What came before may have worn it out: only on a fresh start it is this case alone.
            if fresh || fell_over(&again).is_none() || matches!(again.verdict, Verdict::Leak(_)) {
                break again;
            }
            fresh = true;
        };
        if !self.is_down().await {
            if was_down {
                let _ = self.shared.events.send(Event::Weather(Weather::WentDown));
            }
            return Finished { attempts, ..again };
        }
        let slot = self.slot.read().await;
        let (last_words, ended) = match &slot.running {
            Some(running) => (running.last_words(), running.how_it_ended().await),
            None => Default::default(),
        };
        drop(slot);
        let down = Mismatch {
            what: DOWN.to_owned(),
            expected: "still there after the request".to_owned(),
            actual: format!("it went down{ended}{last_words}"),
        };
        let verdict = match again.verdict {
            Verdict::Leak(leaks) => Verdict::Leak(leaks),
            _ => Verdict::Fail(vec![down]),
        };
        let _ = self.restart().await;
        Finished { verdict, attempts, ..again }
    }

    /// Stops the gate.
    pub(super) async fn stop(&self) {
        let mut slot = self.slot.write().await;
        if let Some(running) = slot.running.as_ref().filter(|_| self.shared.options.tells_prints) {
            let _ = self.shared.events.send(Event::Printed(running.printed()));
        }
        slot.stop().await;
    }

    async fn clients(&self) -> Arc<Clients> {
        self.state().await.0
    }

    /// The clients for the gate that runs, and which start of it that is.
    async fn state(&self) -> (Arc<Clients>, usize) {
        let slot = self.slot.read().await;
        (Arc::clone(&slot.clients), slot.starts)
    }

    async fn is_down(&self) -> bool {
        self.clients().await.wire.connect().await.is_err()
    }

    async fn restart(&self) -> Result<(), GateError> {
        let mut slot = self.slot.write().await;
        if slot.starts >= MOST_STARTS {
            return Err(GateError::Harness(format!("the gate went down {MOST_STARTS} times")));
        }
        slot.stop().await;
        slot.starts = slot.starts.saturating_add(1);
        let (running, clients) = start(&self.shared, &self.round).await?;
        slot.running = Some(running);
        slot.clients = Arc::new(clients);
        Ok(())
    }
}

/// How a gate fell over under a case.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Fall {
    /// It closed the connection, reset it, or refused it.
    Down,
    /// It did not answer in time.
    Hung,
}

/// Whether the gate fell over under a case, in its own request or in those that it was asked afterwards. That may be the work of a neighbour, so that only
/// asking alone tells.
fn fell_over(finished: &Finished) -> Option<Fall> {
    if matches!(finished.verdict, Verdict::Error(Fault::Unreachable(_))) {
        return Some(Fall::Down);
    }
    let by_answer = match finished.exchange.as_ref().map(|exchange| &exchange.answer)? {
        Answer::Closed(_) => Some(Fall::Down),
        Answer::TimedOut(_) => Some(Fall::Hung),
        Answer::TooLong(_) => None,
        Answer::Response(response) => match response.end {
            End::Closed => Some(Fall::Down),
            End::TimedOut => Some(Fall::Hung),
            End::TooLong | End::Whole => None,
        },
    };
    let passed = matches!(finished.verdict, Verdict::Pass | Verdict::Observed(_));
    by_answer.filter(|_| !passed).or(match &finished.verdict {
        Verdict::Fail(mismatches) if mismatches.iter().any(Mismatch::is_of_liveness) => Some(Fall::Hung),
        _ => None,
    })
}

async fn start(shared: &Shared, round: &Round) -> Result<(Running, Clients), GateError> {
    let suites: Vec<(&Suite, String)> = round.parts.iter().map(|part| (&*part.suite, part.prefix.clone())).collect();
    let settings = suites.first().map(|(suite, _)| suite.settings.clone());
    let settings = settings.ok_or_else(|| GateError::Harness("a round without suites".to_owned()))?;
    let running =
        shared.gate.start(&Deployment { suites, settings, upstream: shared.upstream.url().to_owned() }).await?;
    let clients = Clients::new(shared, &running)?;
    // Said once, and not with every case.
    if let Gate::Remote(target) = &shared.gate {
        let connected = clients.wire.connect().await;
        connected.map_err(|error| GateError::Unreachable { origin: target.origin(), reason: why(&error) })?;
    }
    Ok((running, clients))
}
