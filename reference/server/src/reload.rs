//! A new version of rules, key and site, put in the place of the old one as a whole, or not at all.
//!
//! RELOAD-1: what is loaded is held to what the first version was held to; where it is refused, the old one stays and
//! the reason is said. RELOAD-2: a request never sees anything in between ([`GateInForce`]).
//!
//! A reload runs on a thread of its own, since it reads the disk. It is told to, or finds out by itself through
//! [`Watch`]. In the second case nobody has said that the change is complete, so more is asked (RELOAD-3): every file that
//! was written to has been closed, nothing has changed for a while, nothing changes during the load, no rule file is gone or
//! cut off, and nobody gets what the old version denied them ([`opens()`]). Doubt keeps the old version, and says so.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rolegate::opens::{Opening, opens};
use rolegate::problem::{Problem, Severity};
use rolegate::span::RuleFile;

use crate::config::{Config, LoadError, Loaded};
use crate::files::DirSite;
use crate::in_force::{GateInForce, KeyedGate};
use crate::server::Operations;
use crate::server::tls::{Tls, TlsError};
use crate::source::{Source, SourceFile};

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
    /// The same, and a file that matters is still open for writing; when it is closed, [`Occasion::Changed`] follows.
    Writing,
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
    /// RELOAD-3: somebody would see what the old version denies them, and nobody has said that this is meant.
    #[error("{0}, as if the files were not complete; a SIGHUP loads them as they are")]
    Opens(Box<Opening>),
    /// RELOAD-3: a rule file is not what one is that somebody has written to its end.
    #[error("`{}` {what}, as if it were not complete; a SIGHUP loads it as it is", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// RELOAD-3: the new secret is so short that it can be guessed, as half of one would be.
    #[error("the new secret is much weaker than the old one, as if it were not complete; a SIGHUP loads it as it is")]
    WeakerKey,
    /// Something has changed during the load, which will be repeated.
    #[error("something changed while it was read")]
    Unsteady,
}

impl ReloadError {
    /// Whether the new version is a whole gate, and nobody knows whether it is meant (RELOAD-3).
    pub fn is_doubt(&self) -> bool {
        match self {
            ReloadError::Opens(_) | ReloadError::Incomplete { .. } | ReloadError::WeakerKey => true,
            ReloadError::Load(_) | ReloadError::Tls(_) | ReloadError::Unsteady => false,
        }
    }
}

/// What loads new versions.
#[derive(Debug)]
pub struct Reloader {
    config: Config,
    gate: Arc<GateInForce>,
    tls: Option<Arc<Tls>>,
    operations: Arc<Operations>,
    known: BTreeSet<String>,
    /// What the rule files in force look like.
    shapes: [Shape; 3],
    /// Why the last version was refused.
    refused: Option<String>,
    patience: Duration,
}

/// What of a rule file tells whether another version of it is complete.
#[derive(Clone, Copy, Debug)]
struct Shape {
    is_there: bool,
    is_blank: bool,
    ends_its_last_line: bool,
}

impl Shape {
    fn of(file: &SourceFile) -> Shape {
        let bytes = file.bytes();
        Shape {
            is_there: file.bytes.is_some(),
            is_blank: bytes.trim_ascii().is_empty(),
            ends_its_last_line: matches!(bytes.last(), Some(b'\n' | b'\r')),
        }
    }

    fn all(source: &Source) -> [Shape; 3] {
        RULE_FILES.map(|file| Shape::of(source.file(file)))
    }

    /// What makes the next version of the file look unfinished.
    fn doubt(self, next: Shape) -> Option<&'static str> {
        match self {
            Shape { is_there: true, .. } if !next.is_there => Some("is gone"),
            Shape { is_blank: false, .. } if next.is_blank => Some("holds nothing any more"),
            Shape { ends_its_last_line: true, .. } if !next.is_blank && !next.ends_its_last_line => {
                Some("ends in the middle of a line")
            }
            _ => None,
        }
    }
}

const RULE_FILES: [RuleFile; 3] = [RuleFile::Redirects, RuleFile::Toml, RuleFile::Headers];

impl Reloader {
    /// A reloader for the gate that `config` gave, with this text of its rules.
    pub fn new(config: Config, first: &Source, gate: Arc<GateInForce>, operations: Arc<Operations>) -> Reloader {
        let known = all_said(first);
        let shapes = Shape::all(first);
        Reloader { config, gate, tls: None, operations, known, shapes, refused: None, patience: RESTLESS }
    }

    /// The same, which also reads certificate and key of the server again.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Reloader {
        Reloader { tls, ..self }
    }

    /// The same, which says after so long what it waits for.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Reloader {
        Reloader { patience, ..self }
    }

    /// Reloads on every occasion that comes, until there is nobody left to send one.
    pub fn run(mut self, occasions: &Receiver<Occasion>) {
        let mut next = None;
        loop {
            let Some(occasion) = next.take().or_else(|| occasions.recv().ok()) else { return };
            let Some(occasion) = self.settled(occasions, occasion) else { return };
            let mut came = None;
            let ended = self.reload(occasion, &mut || {
                came = occasions.try_iter().fold(came, |before, next| Some(later(before, next)));
                came.is_some()
            });
            if matches!(ended, Err(ReloadError::Unsteady)) {
                next = came.or(Some(Occasion::Changed));
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
                let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(millis, problems, "a new version is in force");
                Ok(())
            }
            Err(error) => {
                // It is tried again with every change, and said once.
                if occasion == Occasion::Told || self.refused != Some(error.to_string()) {
                    tracing::error!(%error, "the new version is refused, the old one stays in force");
                }
                Err(error)
            }
        };
        self.refused = ended.as_ref().err().map(ToString::to_string);
        self.operations.reloaded(self.refused.clone(), ended.as_ref().is_err_and(ReloadError::is_doubt));
        ended
    }

    fn load(&mut self, occasion: Occasion, changed: &mut dyn FnMut() -> bool) -> Result<Source, ReloadError> {
        let Loaded { gate, source } = self.config.load_again(self.gate.gate().site())?;
        let certificate = self.tls.as_ref().map(|tls| tls.load()).transpose()?;
        // RELOAD-3
        if occasion != Occasion::Told {
            if changed() {
                return Err(ReloadError::Unsteady);
            }
            self.doubt(&gate, &source)?;
        }
        // RELOAD-1: nothing below can fail.
        if let (Some(tls), Some(certificate)) = (&self.tls, certificate) {
            tls.replace(certificate);
        }
        self.gate.replace(gate);
        Ok(source)
    }

    /// RELOAD-3: why the version that was found may not be the one that is meant.
    fn doubt(&self, gate: &KeyedGate<DirSite>, source: &Source) -> Result<(), ReloadError> {
        for (file, (before, now)) in RULE_FILES.into_iter().zip(self.shapes.into_iter().zip(Shape::all(source))) {
            if let Some(what) = before.doubt(now) {
                return Err(ReloadError::Incomplete { path: source.file(file).path.clone(), what });
            }
        }
        let old = self.gate.gate();
        if old.keys().current().warning().is_none() && gate.keys().current().warning().is_some() {
            return Err(ReloadError::WeakerKey);
        }
        let moved = gate.site().moved_since(old.site());
        match opens((old.rules(), old.site()), (gate.rules(), gate.site()), moved) {
            Some(opening) => Err(ReloadError::Opens(Box::new(opening))),
            None => Ok(()),
        }
    }

    /// Waits until nothing has changed for a while and nothing is being written, if that is needed; `None` where nobody is
    /// left.
    fn settled(&self, occasions: &Receiver<Occasion>, mut occasion: Occasion) -> Option<Occasion> {
        let began = Instant::now();
        let mut warned = false;
        while occasion != Occasion::Told {
            let wait = if occasion == Occasion::Writing { self.patience } else { QUIET };
            match occasions.recv_timeout(wait) {
                Ok(next) => occasion = next,
                Err(RecvTimeoutError::Timeout) if occasion == Occasion::Changed => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
            if !warned && began.elapsed() >= self.patience {
                let what = match occasion {
                    Occasion::Writing => "a file is open for writing and is not closed",
                    Occasion::Changed | Occasion::Told => "files keep changing",
                };
                tracing::warn!("{what}; a reload waits for that, or for a SIGHUP");
                self.operations.waits(format!("{what}; a SIGHUP loads them as they are"));
                warned = true;
            }
        }
        Some(occasion)
    }

    /// What is wrong with the new rules and was not with the old ones.
    fn say_new_problems(&mut self, source: &Source) -> usize {
        let now = all_said(source);
        // LAYOUT-3
        for note in source.layout.notes.iter().filter(|note| !self.known.contains(&note.message)) {
            tracing::warn!(help = note.help, "{}", note.message);
        }
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
        self.shapes = Shape::all(source);
        source.problems.len()
    }
}

/// What counts of two occasions that came one after the other: what the operator says, else the last.
fn later(before: Option<Occasion>, next: Occasion) -> Occasion {
    if before == Some(Occasion::Told) { Occasion::Told } else { next }
}

/// Everything that is said of a version.
fn all_said(source: &Source) -> BTreeSet<String> {
    let problems = source.problems.iter().map(|problem| said(source, problem));
    problems.chain(source.layout.notes.iter().map(|note| note.message.clone())).collect()
}

/// A problem without its place, which moves when a line is added above it.
fn said(source: &Source, problem: &Problem) -> String {
    let text = source.file(problem.span.file).bytes().get(problem.span.start..problem.span.end).unwrap_or_default();
    format!("{} {} {}", problem.id, problem.message, String::from_utf8_lossy(text))
}
