//! What an operator may know about a running server: its counters, and whether it is ready.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::metrics::Metrics;

/// The counters and the state of one server, shared by all that takes part in it.
#[derive(Debug, Default)]
pub struct Operations {
    metrics: Metrics,
    stopping: AtomicBool,
    refused: Mutex<Option<String>>,
}

/// Whether a server wants requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It does, and serves an older version than the one on disk: the last reload was refused, for this reason.
    ///
    /// Still ready, since the old version is whole; to stop serving would turn a typing error into an outage.
    Outdated(String),
    /// It is about to stop.
    Stopping,
}

impl Operations {
    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether the server wants requests.
    pub fn readiness(&self) -> Readiness {
        if self.stopping.load(Ordering::Relaxed) {
            return Readiness::Stopping;
        }
        match &*self.refused.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => Readiness::Outdated(why.clone()),
            None => Readiness::Ready,
        }
    }

    /// Says that the server will stop soon. A load balancer that asks sends no further requests.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// A reload ended: a new version is in force, or it was refused for this reason and the old one stays.
    ///
    /// `doubtful` says that what was refused is a gate, of which nobody knows whether it is meant (RELOAD-3).
    pub(crate) fn reloaded(&self, refused: Option<String>, doubtful: bool) {
        self.metrics.reloaded(refused.is_none(), doubtful);
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// There is another version on disk, which cannot be loaded yet for this reason.
    pub(crate) fn waits(&self, why: String) {
        self.metrics.in_doubt();
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}
