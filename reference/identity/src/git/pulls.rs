//! Pull requests: what the editorial workflow knows of a draft besides its branch. Git has no such thing, so they are
//! records in a file of the gateway's own folder. Where the branches are is never written down, but looked up.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::moves::write_whole;
use super::program::GitError;
use crate::Moment;

/// How many closed ones are kept.
const KEPT: usize = 1000;

/// A pull request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pull {
    /// Its number, from 1 on.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The text.
    #[serde(default)]
    pub body: String,
    /// The branch that is drafted on.
    pub head: String,
    /// The commit that `head` was at when the request was closed.
    #[serde(default)]
    pub last: Option<String>,
    /// The labels; the CMS keeps the state of a draft in one.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The e-mail address of whoever opened it.
    pub login: String,
    /// The name of whoever opened it.
    pub name: String,
    /// When it was opened.
    pub created: Moment,
    /// When something of it changed.
    pub updated: Moment,
    /// When it was closed, if it is.
    #[serde(default)]
    pub closed: Option<Moment>,
    /// The commit that merged it, if it is merged.
    #[serde(default)]
    pub merged: Option<String>,
}

impl Pull {
    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }
}

/// All of them.
#[derive(Debug)]
pub struct Pulls {
    path: PathBuf,
    kept: Kept,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Kept {
    last: u64,
    pulls: Vec<Pull>,
}

impl Pulls {
    /// Reads the file; there need be none.
    ///
    /// # Errors
    /// Where it cannot be read: what is drafted would be lost with the next change.
    pub fn open(path: PathBuf) -> Result<Pulls, GitError> {
        let kept = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(GitError::File { path, error }),
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| GitError::File { path: path.clone(), error: error.into() })?,
        };
        Ok(Pulls { path, kept })
    }

    /// All of them, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Pull> {
        self.kept.pulls.iter().rev()
    }

    /// The one of this number.
    pub fn numbered(&self, number: u64) -> Option<&Pull> {
        self.kept.pulls.iter().find(|pull| pull.number == number)
    }

    /// The open one of this branch.
    pub fn open_of(&self, head: &str) -> Option<&Pull> {
        self.kept.pulls.iter().find(|pull| pull.is_open() && pull.head == head)
    }

    /// Opens one; its number is given to it.
    ///
    /// # Errors
    /// Where the disk fails; then nothing has changed.
    pub fn add(&mut self, pull: Pull) -> Result<Pull, GitError> {
        let mut kept = self.kept.clone();
        kept.last = kept.last.saturating_add(1);
        let pull = Pull { number: kept.last, ..pull };
        kept.pulls.push(pull.clone());
        self.keep(kept)?;
        Ok(pull)
    }

    /// Changes those that `which` holds for.
    ///
    /// # Errors
    /// Where the disk fails; then nothing has changed.
    pub fn change(&mut self, which: impl Fn(&Pull) -> bool, how: impl Fn(&mut Pull)) -> Result<(), GitError> {
        if !self.kept.pulls.iter().any(&which) {
            return Ok(());
        }
        let mut kept = self.kept.clone();
        kept.pulls.iter_mut().filter(|pull| which(pull)).for_each(how);
        self.keep(kept)
    }

    fn keep(&mut self, mut kept: Kept) -> Result<(), GitError> {
        let closed = kept.pulls.iter().filter(|pull| !pull.is_open()).count();
        let mut surplus = closed.saturating_sub(KEPT);
        kept.pulls.retain(|pull| {
            let goes = surplus > 0 && !pull.is_open();
            surplus = surplus.saturating_sub(usize::from(goes));
            !goes
        });
        let path = &self.path;
        let bytes = serde_json::to_vec_pretty(&kept)
            .map_err(|error| GitError::File { path: path.clone(), error: error.into() })?;
        write_whole(path, &bytes)?;
        self.kept = kept;
        Ok(())
    }
}
