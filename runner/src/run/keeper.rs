//! Keeps one gate running. A hostile request may take a gate down; then it is started again, and the cases that were under way are asked
//! once more, alone, so that the one that did it can be named and the others are not blamed.

use std::sync::Arc;

use tokio::sync::RwLock;

use super::ask::{Proof, Stage, ask};
use super::{Round, Shared};
use crate::corpus::Suite;
use crate::deploy::Deployment;
use crate::event::Finished;
use crate::gates::{Gate, GateError, Running};
use crate::verdict::{Fault, Mismatch, Verdict};
use crate::wire::Target;
use crate::wire::plain::Plain;
use crate::wire::raw::Wire;

/// A gate that goes down more often than this is left down.
const MOST_STARTS: usize = 300;

/// The two clients for one running gate.
pub(super) struct Clients {
    pub(super) target: Target,
    pub(super) origin: String,
    /// None for a gate that only the byte-exact wire reaches.
    pub(super) plain: Option<Plain>,
    pub(super) wire: Wire,
}

impl Clients {
    fn new(shared: &Shared, running: &Running) -> Result<Self, GateError> {
        let target = running.target.clone();
        let options = &shared.options;
        let ordinary = shared.ordinary.clone().transpose().map_err(GateError::Harness)?;
        let plain = ordinary.map(|clients| Plain::new(target.clone(), clients));
        let wire = match &running.door {
            Some(door) => Wire::within(door.clone(), options.timeout),
            None => {
                let tls = target.https.then(|| crate::wire::tls::config(options.insecure)).transpose();
                let tls = tls.map_err(|error| GateError::Harness(format!("no TLS on this machine: {error}")))?;
                Wire::new(target.clone(), tls, options.timeout)
            }
        };
        Ok(Self { origin: target.origin(), target, plain, wire })
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

impl Keeper {
    /// Starts the gate for the suites of a round.
    pub(super) async fn start(shared: Arc<Shared>, round: Round) -> Result<Self, GateError> {
        let (running, clients) = start(&shared, &round).await?;
        let slot = RwLock::new(Slot { running: Some(running), clients: Arc::new(clients), starts: 1 });
        Ok(Self { shared, round, slot, floor: RwLock::new(()) })
    }

    /// Asks a case; if the gate goes down meanwhile, starts it again and asks the case alone.
    pub(super) async fn ask(&self, stage: &Stage, case: usize, proof: Option<&Proof>) -> Finished {
        let together = self.floor.read().await;
        let clients = self.clients().await;
        let first = ask(&self.shared, &clients, stage, case, proof).await;
        drop(together);
        if !matches!(first.verdict, Verdict::Error(Fault::Unreachable(_)))
            || !matches!(self.shared.gate, Gate::Launch(_))
        {
            return first;
        }
        let _alone = self.floor.write().await;
        if self.is_down().await && self.restart().await.is_err() {
            return first;
        }
        let clients = self.clients().await;
        let again = ask(&self.shared, &clients, stage, case, proof).await;
        let attempts = first.attempts.saturating_add(again.attempts);
        if !self.is_down().await {
            return Finished { attempts, ..again };
        }
        let last_words = self.slot.read().await.running.as_ref().map(Running::last_words).unwrap_or_default();
        let down = Mismatch {
            what: "the gate".to_owned(),
            expected: "still there after the request".to_owned(),
            actual: format!("it went down{last_words}"),
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
        if let Some(running) = self.slot.write().await.running.take() {
            running.stop().await;
        }
    }

    async fn clients(&self) -> Arc<Clients> {
        Arc::clone(&self.slot.read().await.clients)
    }

    async fn is_down(&self) -> bool {
        self.clients().await.wire.connect().await.is_err()
    }

    async fn restart(&self) -> Result<(), GateError> {
        let mut slot = self.slot.write().await;
        if slot.starts >= MOST_STARTS {
            return Err(GateError::Harness(format!("the gate went down {MOST_STARTS} times")));
        }
        if let Some(running) = slot.running.take() {
            running.stop().await;
        }
        slot.starts = slot.starts.saturating_add(1);
        let (running, clients) = start(&self.shared, &self.round).await?;
        slot.running = Some(running);
        slot.clients = Arc::new(clients);
        Ok(())
    }
}

async fn start(shared: &Shared, round: &Round) -> Result<(Running, Clients), GateError> {
    let suites: Vec<(&Suite, String)> =
        round.suites.iter().filter_map(|(at, prefix)| Some((shared.corpus.suites.get(*at)?, prefix.clone()))).collect();
    let settings = suites.first().map(|(suite, _)| suite.settings.clone());
    let settings = settings.ok_or_else(|| GateError::Harness("a round without suites".to_owned()))?;
    let running =
        shared.gate.start(&Deployment { suites, settings, upstream: shared.upstream.url().to_owned() }).await?;
    let clients = Clients::new(shared, &running)?;
    Ok((running, clients))
}
