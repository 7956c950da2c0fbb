//! Gates: how a subject gets the rules of a suite, and where it then listens.
//!
//! - [`launch`]: any command that serves a folder; once for each suite, or for each group of suites with equal settings.
//! - [`InProcess`]: a gate of this process that somebody else hands in: the embedded reference, on loopback, or a broken gate of the self-test, without sockets.
//! - a URL: a gate that already runs, with one suite or a bundle deployed to it.

pub mod launch;
mod parts;
mod placeholders;
mod port;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::deploy::Deployment;
use crate::invariants::Invariant;
use crate::wire::memory::Door;
use crate::wire::{Target, Trust};

/// A gate that listens.
pub struct Running {
    /// Where.
    pub target: Target,
    /// The way in, if it listens in this process only.
    pub door: Option<Door>,
    stop: Option<Stop>,
    log: Option<std::path::PathBuf>,
    /// How long its log was when it listened: what it says of its start is no reason to go down.
    log_at_start: u64,
    ended: Option<Ended>,
}

/// Says how a command ended, if it has.
type Ended = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Option<String>> + Send>> + Send + Sync>;

/// With this exit status a command says that its gate cannot have the site of a suite, and why: no fault, but a feature that it lacks.
pub const UNSUPPORTED: i32 = 77;

/// Ends a running gate.
type Stop = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Why a gate does not listen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GateError {
    /// The gate said no, or did not come up. The text has everything it said.
    #[error("the gate did not start for {site}: {reason}")]
    NotStarted {
        /// The suite or bundle.
        site: String,
        /// What it said.
        reason: String,
    },
    /// The command cannot be run, whatever the site.
    #[error("the gate cannot be started: {0}")]
    NotRun(String),
    /// The command ended by itself before it listened: it does not take the site, or does not run at all.
    #[error("the gate did not start for {site}: it ended with {status}\n{said}")]
    Ended {
        /// The suites of the site.
        site: String,
        /// How it ended, in words.
        status: String,
        /// Its exit status; none where a signal ended it.
        code: Option<i32>,
        /// The end of what it said.
        said: String,
    },
    /// Nobody answers at the URL.
    #[error("the gate at {origin} cannot be reached: {reason}")]
    Unreachable {
        /// Scheme and authority.
        origin: String,
        /// What the network said.
        reason: String,
    },
    /// Somebody answers at the URL, and it is not the gate that is meant, or it has not the settings that the cases need.
    #[error("nothing was asked of {origin}: {why}")]
    NotIt {
        /// Scheme and authority.
        origin: String,
        /// What was seen, and what to do.
        why: String,
    },
    /// The site could not be written, or something else on this machine.
    #[error("{0}")]
    Harness(String),
}

/// A gate that this process serves.
pub trait InProcess: std::fmt::Debug + Send + Sync {
    /// The name in reports.
    fn name(&self) -> String;

    /// What the user asked for, in a word.
    fn stated(&self) -> String {
        self.name()
    }

    /// Whether it listens on a socket, so that ordinary clients reach it; otherwise it has a door in this process.
    fn has_socket(&self) -> bool {
        false
    }

    /// The features that it lacks, with the reason.
    fn unsupported(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Starts the gate on a site.
    fn start<'a>(
        &'a self,
        deployment: &'a Deployment<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Running, GateError>> + Send + 'a>>;
}

/// What is tested.
pub enum Gate {
    /// A gate in this process.
    InProcess(Arc<dyn InProcess>),
    /// A command.
    Launch(Box<launch::GateFile>),
    /// A gate that already runs.
    Remote(Target),
}

impl Gate {
    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::InProcess(gate) => gate.name(),
            Self::Launch(file) => file.name.clone(),
            Self::Remote(target) => target.origin(),
        }
    }

    /// What the user asked for, in one line: the command with its placeholders as written, the URL, or `embedded`.
    #[must_use]
    pub fn stated(&self) -> String {
        match self {
            Self::InProcess(gate) => gate.stated(),
            Self::Launch(file) => file.command.split_whitespace().collect::<Vec<_>>().join(" "),
            Self::Remote(target) => match target.connect_to {
                Some(address) => format!("{} at {address}", target.origin()),
                None => target.origin(),
            },
        }
    }

    /// The features that the gate lacks, with the reason.
    #[must_use]
    pub fn unsupported(&self) -> BTreeMap<String, String> {
        match self {
            Self::Launch(file) => file.lacks(),
            Self::Remote(_) => {
                let reason = "the gate runs already, and the runner is none of the proxies that it was told to trust";
                BTreeMap::from([("trusted-proxy".to_owned(), reason.to_owned())])
            }
            Self::InProcess(gate) => gate.unsupported(),
        }
    }

    /// The invariants that it cannot be asked, with the reason.
    #[must_use]
    pub fn without(&self) -> BTreeMap<Invariant, String> {
        match self {
            Self::Launch(file) => file.without.clone(),
            Self::InProcess(_) | Self::Remote(_) => BTreeMap::new(),
        }
    }

    /// Starts the gate on a site.
    ///
    /// # Errors
    /// It does not come up, or the site cannot be written.
    pub async fn start(&self, deployment: &Deployment<'_>) -> Result<Running, GateError> {
        let mut suites = deployment.suites.iter();
        let is_lacking = deployment.upstream.is_empty() && suites.any(|(suite, _)| suite.needs_upstream());
        // A rule that leads nowhere would pass for one that forwards nothing.
        if is_lacking && !matches!(self, Self::Remote(_)) {
            return Err(GateError::Harness("no free port on loopback for the upstream".to_owned()));
        }
        match self {
            Self::InProcess(gate) => gate.start(deployment).await,
            Self::Launch(file) => launch::start(file, deployment).await,
            Self::Remote(target) => {
                let connected = match target.connect_to {
                    Some(address) => TcpStream::connect(address).await,
                    None => TcpStream::connect((target.host.trim_matches(['[', ']']), target.port)).await,
                };
                match connected {
                    Ok(_) => Ok(Running {
                        target: target.clone(),
                        door: None,
                        stop: None,
                        log: None,
                        log_at_start: 0,
                        ended: None,
                    }),
                    Err(error) => Err(GateError::Unreachable { origin: target.origin(), reason: error.to_string() }),
                }
            }
        }
    }
}

impl GateError {
    /// What went wrong, without the sites on which it did.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::NotStarted { reason, .. } => reason.clone(),
            Self::Ended { status, said, .. } => format!("it ended with {status}\n{said}"),
            _ => self.to_string(),
        }
    }

    /// Whether it is about the site that was asked for.
    #[must_use]
    pub fn is_of_a_site(&self) -> bool {
        matches!(self, Self::NotStarted { .. } | Self::Ended { .. })
    }

    /// The line that says best why a command ended, where one did.
    #[must_use]
    pub fn last_line(&self) -> String {
        let Self::Ended { said, .. } = self else { return self.to_string() };
        telling_line(said).unwrap_or_default()
    }
}

/// No more characters than this are told of a line.
const LINE: usize = 400;

/// The line of a log that says best why a command ended: the last one that speaks of an error, or the last one.
fn telling_line(text: &str) -> Option<String> {
    let mut last = text.lines().rev().take(200).map(str::trim).filter(|line| !line.is_empty());
    let found = last.clone().find(|line| line.contains("Error") || line.contains("panicked")).or_else(|| last.next());
    found.map(|line| match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    })
}

impl Running {
    /// A gate that listens on a socket, and what ends it.
    #[must_use]
    pub fn at(target: Target, end: impl Future<Output = ()> + Send + Sync + 'static) -> Self {
        Self {
            target,
            door: None,
            stop: Some(Box::new(move || Box::pin(end))),
            log: None,
            log_at_start: 0,
            ended: None,
        }
    }

    /// A gate behind a door of this process, served by tasks that end with it. It is asked as if it listened on a port of loopback.
    #[must_use]
    pub fn here(door: Door, tasks: JoinSet<()>) -> Self {
        let stop: Stop = Box::new(move || Box::pin(async move { drop(tasks) }));
        let target = Target {
            https: false,
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: 8080,
            connect_to: None,
            trust: Trust::default(),
        };
        Self { target, door: Some(door), stop: Some(stop), log: None, log_at_start: 0, ended: None }
    }

    /// What it has printed since it listened, if it is a command; no more than the end of that.
    #[must_use]
    pub fn printed(&self) -> String {
        self.log.as_deref().map(|log| log_since(log, self.log_at_start)).unwrap_or_default()
    }

    /// The line of its log that says best why it went down, behind a colon; empty if there is none.
    #[must_use]
    pub fn last_words(&self) -> String {
        telling_line(&self.printed()).map(|line| format!(": {line}")).unwrap_or_default()
    }

    /// How it ended, in words and behind a space, if it is a command that has.
    pub async fn how_it_ended(&self) -> String {
        let Some(ended) = &self.ended else { return String::new() };
        ended().await.map(|status| format!(" ({status})")).unwrap_or_default()
    }

    /// Stops the gate, if this process started it.
    pub async fn stop(self) {
        if let Some(stop) = self.stop {
            stop().await;
        }
    }
}

/// No more bytes than this are read of what a gate has printed: a gate may print without end.
const LOG_READ: u64 = 256 << 10;

/// The end of what a gate has printed; empty where nothing can be read.
fn log_end(log: &Path) -> String {
    log_since(log, 0)
}

/// The end of what it has printed behind so many bytes.
fn log_since(log: &Path, start: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_READ).max(start)))?;
        let mut bytes = Vec::new();
        file.take(LOG_READ).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// A folder for a deployment that is removed when it goes out of scope.
///
/// # Errors
/// The folder or what belongs in it cannot be written.
pub fn site_folder(deployment: &Deployment<'_>) -> Result<tempfile::TempDir, GateError> {
    let folder = tempfile::Builder::new()
        .prefix(FOLDER)
        .tempdir()
        .map_err(|error| GateError::Harness(format!("no temporary folder: {error}")))?;
    deployment
        .write(folder.path())
        .map_err(|error| GateError::Harness(format!("the site of {} cannot be written: {error}", deployment.name())))?;
    Ok(folder)
}

/// How the name of a folder begins that one start has for itself.
const FOLDER: &str = "gatecheck-";

/// The text without the folders that each start has of its own, so that the same words are the same cause.
#[must_use]
pub fn without_folders(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once(FOLDER) {
        Some((_, rest)) => rest.split_once('/').map_or("…".to_owned(), |(_, file)| format!("…/{file}")),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_the_same_whatever_the_folder() {
        let said = "it ended with exit status: 1: Error: no secret in";
        for path in ["/tmp/gatecheck-aB1/_redirects", "/tmp/gatecheck-Zz9/_redirects"] {
            assert_eq!(without_folders(&format!("{said} {path}")), format!("{said} …/_redirects"));
        }
        assert_eq!(without_folders("/tmp/gatecheck-aB1 is empty"), "… is empty");
    }
}
