//! A new version of rules, key and site, put in the place of the old one as a whole, or not at all.
//!
//! RELOAD-1: what is loaded is held to what the first version was held to; where it is refused, the old one stays and
//! the reason is said. RELOAD-2: a request never sees anything in between ([`GateInForce`]).
//!
//! A reload runs on a thread of its own, since it reads the disk. It is told to, or finds out by itself through
//! [`Watch`]. In the second case nobody has said that the change is complete, so more is asked: nothing may have changed
//! for a while, nothing may change during the load, and a version that closes nothing does not follow one that did
//! (RELOAD-3): a rule file that is being written looks like that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::config::{Config, LoadError, Loaded};
use crate::files::DirSite;
use crate::gate::{Gate, GateInForce};
use crate::problem::{Problem, Severity};
use crate::server::Operations;
use crate::server::tls::{Tls, TlsError};
use crate::source::Source;

pub use watch::Watch;

mod watch;

/// How long nothing may have changed before a change counts as complete.
pub const QUIET: Duration = Duration::from_millis(200);
/// After so long without such a pause, the log says what a reload waits for.
const RESTLESS: Duration = Duration::from_secs(30);
/// How many new problems the log shows.
const SHOWN: usize = 20;

/// Why there might be a new version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Occasion {
    /// The operator says so; whatever is there is meant.
    Told,
    /// Something has changed on disk.
    Changed,
}

/// Why the old version stays.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The new one is not a gate.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// RELOAD-3: the old rules ask for a role, the new ones do not, and nobody has said that this is meant.
    #[error(
        "no rule asks for a role any more, as if the rules were not written to their end; a SIGHUP loads them as they are"
    )]
    OpensAll,
    /// Something has changed during the load, which will be repeated.
    #[error("something changed while it was read")]
    Unsteady,
}

/// What loads new versions.
#[derive(Debug)]
pub struct Reloader {
    config: Config,
    gate: Arc<GateInForce>,
    tls: Option<Arc<Tls>>,
    operations: Arc<Operations>,
    known: BTreeSet<String>,
}

impl Reloader {
    /// A reloader for the gate that `config` gave, with this text of its rules.
    pub fn new(config: Config, first: &Source, gate: Arc<GateInForce>, operations: Arc<Operations>) -> Reloader {
        let known = first.problems.iter().map(|problem| said(first, problem)).collect();
        Reloader { config, gate, tls: None, operations, known }
    }

    /// The same, which also reads certificate and key of the server again.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Reloader {
        Reloader { tls, ..self }
    }

    /// Reloads on every occasion that comes, until there is nobody left to send one.
    pub fn run(mut self, occasions: &Receiver<Occasion>) {
        while let Ok(occasion) = occasions.recv() {
            let Some(occasion) = settled(occasions, occasion) else { return };
            let mut again = || occasions.try_iter().count() > 0;
            while let Err(ReloadError::Unsteady) = self.reload(occasion, &mut again) {
                let Some(_) = settled(occasions, Occasion::Changed) else { return };
            }
        }
    }

    /// Loads the version that is on disk now, and puts it in force.
    ///
    /// `changed` says whether something has changed since it was last asked.
    ///
    /// # Errors
    /// Why the old version stays in force. It is logged and counted already, except [`ReloadError::Unsteady`].
    pub fn reload(&mut self, occasion: Occasion, changed: &mut dyn FnMut() -> bool) -> Result<(), ReloadError> {
        let began = Instant::now();
        let ended = match self.load(occasion, changed) {
            Err(ReloadError::Unsteady) => return Err(ReloadError::Unsteady),
            Ok(source) => {
                let problems = self.say_new_problems(&source);
                tracing::info!(millis = began.elapsed().as_millis(), problems, "a new version is in force");
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the new version is refused, the old one stays in force");
                Err(error)
            }
        };
        self.operations.reloaded(ended.as_ref().err().map(ToString::to_string));
        ended
    }

    fn load(&self, occasion: Occasion, changed: &mut dyn FnMut() -> bool) -> Result<Source, ReloadError> {
        let Loaded { gate, source } = self.config.load_again(self.gate.gate().site())?;
        let certificate = self.tls.as_ref().map(|tls| tls.load()).transpose()?;
        // RELOAD-3
        if occasion == Occasion::Changed {
            if changed() {
                return Err(ReloadError::Unsteady);
            }
            if asks_for_a_role(&self.gate.gate()) && !asks_for_a_role(&gate) {
                return Err(ReloadError::OpensAll);
            }
        }
        // RELOAD-1: nothing below can fail.
        if let (Some(tls), Some(certificate)) = (&self.tls, certificate) {
            tls.replace(certificate);
        }
        self.gate.replace(gate);
        Ok(source)
    }

    /// What is wrong with the new rules and was not with the old ones.
    fn say_new_problems(&mut self, source: &Source) -> usize {
        let now: BTreeSet<String> = source.problems.iter().map(|problem| said(source, problem)).collect();
        let new = source.problems.iter().filter(|problem| !self.known.contains(&said(source, problem)));
        for problem in new.take(SHOWN) {
            let (line, column) = (problem.span.line, problem.span.column);
            let (id, message, help) = (problem.id, &problem.message, &problem.help);
            let file = source.name(problem.span.file);
            match problem.severity {
                Severity::Error => tracing::error!(id, line, column, help, "{file}: {message}"),
                Severity::Warning => tracing::warn!(id, line, column, help, "{file}: {message}"),
            }
        }
        self.known = now;
        source.problems.len()
    }
}

/// Waits until nothing has changed for a while, if that is needed; `None` where nobody is left.
fn settled(occasions: &Receiver<Occasion>, mut occasion: Occasion) -> Option<Occasion> {
    let began = Instant::now();
    let mut warned = false;
    while occasion == Occasion::Changed {
        match occasions.recv_timeout(QUIET) {
            Ok(next) => occasion = next,
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        if !warned && began.elapsed() > RESTLESS {
            tracing::warn!("files keep changing; a reload waits until they rest, or for a SIGHUP");
            warned = true;
        }
    }
    Some(occasion)
}

fn asks_for_a_role(gate: &Gate<DirSite>) -> bool {
    gate.rules().rules().iter().any(|rule| rule.role().is_some())
}

/// A problem without its place, which moves when a line is added above it.
fn said(source: &Source, problem: &Problem) -> String {
    let text = source.file(problem.span.file).bytes().get(problem.span.start..problem.span.end).unwrap_or_default();
    format!("{} {} {}", problem.id, problem.message, String::from_utf8_lossy(text))
}
