//! How a branch moves: from the commit that was seen to the new one, or not at all, also where the program is killed.
//!
//! Git writes objects beside their place and renames them, and a ref through a lock file that becomes the ref. A kill leaves
//! the ref as it was or as it should be, and perhaps the lock file, which would stop everybody. So what is about to move is
//! written down before, and cleared up by whoever opens the repository next. That one has to be alone: one lock is held as
//! long as the gateway lives, and by the git that it runs, so that a git that outlives it is waited for.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::program::{GitError, LONGEST_ANSWER, Run};
use super::repository::{Oid, Repository};

/// How long another gateway, or a git that it has left, is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a run of git may take; a lock file that is younger than what was written down by more is somebody else's.
const LONGEST_RUN: Duration = Duration::from_secs(40);

/// The right to write to a repository; one for a repository on this machine.
#[derive(Debug)]
pub struct Writer {
    lock: File,
}

/// What became of a move.
#[derive(Debug, PartialEq, Eq)]
pub enum Moved {
    /// The branch is at the new commit.
    Done,
    /// It was not at the commit that was seen, so nothing moved.
    Elsewhere,
    /// Its files are checked out and have been changed by somebody, so nothing moved. Says what git said.
    Changed(String),
}

/// A move that has been begun.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    full: String,
    old: Option<String>,
    new: Option<String>,
    work_tree: Option<PathBuf>,
}

impl Writer {
    /// Waits until nobody else writes, and finishes what a kill has interrupted; says what it could not.
    ///
    /// # Errors
    /// Where another gateway has the repository, or its files cannot be written.
    pub fn open(repository: &Repository) -> Result<(Writer, Option<String>), GitError> {
        let path = repository.own_dir.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(GitError::file(&path))?;
        let begun = SystemTime::now();
        while let Err(error) = lock.try_lock() {
            let is_taken = matches!(error, TryLockError::WouldBlock);
            if !is_taken || begun.elapsed().unwrap_or(PATIENCE) >= PATIENCE {
                let taken = "another gateway serves this repository; end it, or give each its own clone";
                let error = if is_taken { io::Error::other(taken) } else { error.into() };
                return Err(GitError::File { path, error });
            }
            thread::sleep(Duration::from_millis(20));
        }
        let writer = Writer { lock };
        clear_indexes(repository)?;
        let left = writer.finish(repository)?;
        Ok((writer, left))
    }

    /// Moves a branch from `old` to `new`; none is a branch that is not there.
    ///
    /// # Errors
    /// Where git or the disk fail.
    pub fn move_branch(
        &self,
        repository: &Repository,
        full: &str,
        old: Option<&Oid>,
        new: Option<&Oid>,
    ) -> Result<Moved, GitError> {
        let work_tree = work_tree_of(repository, full)?;
        let files = match (work_tree, old, new) {
            (None, ..) => None,
            (Some(folder), Some(old), Some(new)) => Some(Files { folder, old, new }),
            (Some(folder), ..) => return Ok(Moved::Changed(format!("it is checked out in {}", folder.display()))),
        };
        if let Some(files) = &files
            && let Some(said) = files.hinder(repository)?
        {
            return Ok(Moved::Changed(said));
        }
        let text = |oid: Option<&Oid>| oid.map(Oid::to_string);
        let work_tree = files.as_ref().map(|files| files.folder.clone());
        let pending = Pending { full: full.to_owned(), old: text(old), new: text(new), work_tree };
        let path = repository.own_dir.join("pending.json");
        write_whole(&path, &serde_json::to_vec(&pending).unwrap_or_default())?;
        let moved = self.update_ref(repository, full, old, new);
        if let (Ok(Moved::Done), Some(files)) = (&moved, &files) {
            files.take(repository)?;
        }
        if let Err(GitError::Slow(_)) = &moved {
            // It was ended like a gateway that is killed, and has left the same.
            self.finish(repository)?;
        } else {
            fs::remove_file(&path).map_err(GitError::file(&path))?;
        }
        moved
    }

    fn update_ref(
        &self,
        repository: &Repository,
        full: &str,
        old: Option<&Oid>,
        new: Option<&Oid>,
    ) -> Result<Moved, GitError> {
        let Some(none) = old.or(new).map(Oid::none) else {
            return Ok(Moved::Done);
        };
        let before = old.map_or(none.as_str(), Oid::as_str);
        let run = Run::new(&["update-ref", "--no-deref", "-m", "Git Gateway"]);
        let run = match new {
            Some(new) => run.and(full).and(new.as_str()).and(before),
            None => run.and("-d").and(full).and(before),
        };
        let held = self.lock.try_clone().map_err(GitError::file(&repository.own_dir))?;
        let ended = repository.git().run(run.holding(held))?;
        if ended.status == 0 {
            return Ok(Moved::Done);
        }
        // It says so in words alone; whether the branch has moved tells it for certain.
        if repository.tip(full)?.as_ref() != old {
            return Ok(Moved::Elsewhere);
        }
        Err(GitError::Failed { command: "update-ref".to_owned(), said: ended.said })
    }

    /// Finishes a move that was begun and not ended.
    fn finish(&self, repository: &Repository) -> Result<Option<String>, GitError> {
        let path = repository.own_dir.join("pending.json");
        let Ok(written) = fs::read(&path) else {
            return Ok(None);
        };
        let since = fs::metadata(&path).and_then(|metadata| metadata.modified()).map_err(GitError::file(&path))?;
        let mut left = None;
        // It is renamed into its place when it is whole, so what cannot be read is none of ours.
        if let Ok(pending) = serde_json::from_slice::<Pending>(&written) {
            let git_dir = &repository.git_dir;
            for lock in [format!("{}.lock", pending.full), "HEAD.lock".to_owned(), "packed-refs.lock".to_owned()] {
                clear_lock(&git_dir.join(lock), since)?;
            }
            left = finish_files(repository, &pending, since)?;
        }
        fs::remove_file(&path).map_err(GitError::file(&path))?;
        Ok(left)
    }
}

/// The files of a branch that is checked out, which move with it.
struct Files<'a> {
    folder: PathBuf,
    old: &'a Oid,
    new: &'a Oid,
}

impl Files<'_> {
    /// What stands against it: somebody has changed what would be written.
    fn hinder(&self, repository: &Repository) -> Result<Option<String>, GitError> {
        // It fails where files have changed, which the next one looks at more closely.
        repository.git().run(Run::new(&["update-index", "-q", "--refresh"]).within(&self.folder))?;
        let ended = repository.git().run(self.read_tree(&["-n"]))?;
        Ok((ended.status != 0).then_some(ended.said))
    }

    fn take(&self, repository: &Repository) -> Result<(), GitError> {
        repository.git().answer(self.read_tree(&[])).map(drop)
    }

    /// Puts back what a kill has left half written, as far as it is certain that nobody else wrote it: what is there is the
    /// start of what should be there, or all of it, and the index does not know it yet.
    fn take_back(&self, repository: &Repository) -> Result<(), GitError> {
        for change in repository.changes(self.old, self.new, false)? {
            let (Ok(path), Some(new)) = (std::str::from_utf8(&change.path), Oid::read(&change.new)) else {
                continue;
            };
            let file = self.folder.join(path);
            let is_file = fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file());
            if change.new == new.none() || !is_file {
                continue;
            }
            let wanted = repository.blob(&new, LONGEST_ANSWER)?;
            if !wanted.starts_with(&fs::read(&file).map_err(GitError::file(&file))?) {
                continue;
            }
            if change.old == new.none() {
                fs::remove_file(&file).map_err(GitError::file(&file))?;
            } else {
                let run = Run::new(&["checkout-index", "-f", "--"]).and(path).within(&self.folder);
                repository.git().answer(run)?;
            }
        }
        Ok(())
    }

    fn read_tree(&self, more: &[&str]) -> Run<'static> {
        let run = Run::new(&[&["read-tree", "-m", "-u"], more].concat());
        run.and(self.old.as_str()).and(self.new.as_str()).within(&self.folder)
    }
}

fn finish_files(repository: &Repository, pending: &Pending, since: SystemTime) -> Result<Option<String>, GitError> {
    let read = |text: &Option<String>| text.as_deref().and_then(Oid::read);
    let (Some(folder), Some(old), Some(new)) = (&pending.work_tree, read(&pending.old), read(&pending.new)) else {
        return Ok(None);
    };
    let index = Run::new(&["rev-parse", "--path-format=absolute", "--git-path", "index.lock"]).within(folder);
    clear_lock(Path::new(&repository.git().line(index)?), since)?;
    if repository.tip(&pending.full)?.as_ref() != Some(&new) {
        return Ok(None);
    }
    let files = Files { folder: folder.clone(), old: &old, new: &new };
    let mut hinder = files.hinder(repository)?;
    if hinder.is_some() {
        files.take_back(repository)?;
        hinder = files.hinder(repository)?;
    }
    let Some(hinder) = hinder else {
        files.take(repository)?;
        return Ok(None);
    };
    let folder = folder.display();
    Ok(Some(format!(
        "the files in {folder} are older than their branch, because the last save was interrupted, and git does not \
         replace them: {hinder}; look at `git -C {folder} status`"
    )))
}

/// Where a branch is checked out.
fn work_tree_of(repository: &Repository, full: &str) -> Result<Option<PathBuf>, GitError> {
    let answer = repository.git().answer(Run::new(&["worktree", "list", "--porcelain", "-z"]))?;
    let text = String::from_utf8_lossy(&answer);
    let wanted = format!("branch {full}");
    let record = text.split("\0\0").find(|record| record.split('\0').any(|line| line == wanted));
    Ok(record.and_then(|record| record.split('\0').find_map(|line| line.strip_prefix("worktree ")).map(PathBuf::from)))
}

/// Removes a lock file that was left by the move that began at `since`.
fn clear_lock(path: &Path, since: SystemTime) -> Result<(), GitError> {
    let Ok(made) = fs::metadata(path).and_then(|metadata| metadata.modified()) else {
        return Ok(());
    };
    let is_ours = made.duration_since(since).is_ok_and(|later| later <= LONGEST_RUN);
    if is_ours { fs::remove_file(path).map_err(GitError::file(path)) } else { Ok(()) }
}

/// Removes the indexes of trees that were being written when a gateway was killed.
fn clear_indexes(repository: &Repository) -> Result<(), GitError> {
    let own_dir = &repository.own_dir;
    for entry in fs::read_dir(own_dir).map_err(GitError::file(own_dir))? {
        let entry = entry.map_err(GitError::file(own_dir))?;
        if entry.file_name().to_string_lossy().starts_with("index-") {
            fs::remove_file(entry.path()).map_err(GitError::file(own_dir))?;
        }
    }
    Ok(())
}

/// Writes a file so that it is there whole or as it was before.
///
/// # Errors
/// Where the disk fails.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<(), GitError> {
    let beside = path.with_extension("new");
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(GitError::file(path))
}
