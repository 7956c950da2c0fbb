//! Which gate was asked last, so that `gatecheck again` need not be told. No answer and no token is kept, only what stood on the command line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Failure;
use super::gate::GateArgs;

/// The gate of the last run.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Last {
    /// Where the user stood.
    pub(super) folder: PathBuf,
    /// The URL, if the gate ran already.
    pub(super) url: Option<String>,
    /// The options that name the gate.
    pub(super) gate: GateArgs,
}

/// Keeps which gate is asked. A machine on which that cannot be written has no last run, and that is all.
pub(super) fn remember(url: Option<&str>, gate: &GateArgs) {
    let (Some(file), Ok(folder)) = (file(), std::env::current_dir()) else { return };
    let last = Last { folder, url: url.map(str::to_owned), gate: gate.clone() };
    if let (Some(parent), Ok(text)) = (file.parent(), serde_json::to_vec(&last))
        && std::fs::create_dir_all(parent).is_ok()
    {
        let _ = private(&file).and_then(|mut out| std::io::Write::write_all(&mut out, &text));
    }
}

/// The gate of the last run.
pub(super) fn recall() -> Result<Last, Failure> {
    let read = file().and_then(|file| std::fs::read(file).ok()).and_then(|text| serde_json::from_slice(&text).ok());
    read.ok_or_else(|| {
        Failure::usage("there is no last run; name the gate as for `gatecheck run`, or a report with --report")
    })
}

/// A file that its owner alone may read: a command line may hold a secret.
fn private(file: &std::path::Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// Where programs keep what they remember (XDG Base Directory Specification).
fn file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .or_else(|| absolute("LOCALAPPDATA"))?;
    Some(state.join("gatecheck/last-run.json"))
}
