//! Runs git, by lists of arguments and never by a shell.
//!
//! Git's own plumbing and no library: whoever has a repository has git, it is what the operator's hooks, filters and
//! settings were written for, and it writes objects, refs and indexes so that a kill leaves them whole.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use thiserror::Error;

/// How long one run may take; what is asked of git here takes milliseconds.
const LONGEST_RUN: Duration = Duration::from_secs(30);
/// The most bytes of what git says of an error that are kept.
const LONGEST_COMPLAINT: u64 = 4096;
/// The most bytes that git may answer, if nothing else is asked.
pub const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Why git gave no answer.
#[derive(Debug, Error)]
pub enum GitError {
    /// It could not be run.
    #[error("`{program}` cannot be run: {error}; install git, 2.38 or later")]
    Absent {
        /// The program.
        program: String,
        /// What the system says.
        error: io::Error,
    },
    /// It is too old.
    #[error("`{0}` is too old: install git 2.38 or later")]
    Old(String),
    /// It ended with another status than 0.
    #[error("`git {command}` failed: {said}")]
    Failed {
        /// The subcommand.
        command: String,
        /// What it said.
        said: String,
    },
    /// It took too long and was ended.
    #[error("`git {0}` took longer than 30 s")]
    Slow(String),
    /// It answered more than was asked for.
    #[error("`git {command}` answered more than {most} bytes")]
    Long {
        /// The subcommand.
        command: String,
        /// The most bytes that were wanted.
        most: usize,
    },
    /// It answered what cannot be read.
    #[error("`git {0}` answered what cannot be read")]
    Unreadable(&'static str),
    /// A file beside the repository could not be read or written.
    #[error("`{path}`: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl GitError {
    /// The error of a file.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> GitError + use<> {
        let path = path.to_owned();
        move |error| GitError::File { path, error }
    }
}

/// Git on one repository.
#[derive(Debug)]
pub struct Program {
    program: PathBuf,
    /// The folder that holds objects and refs; none as long as it is looked for.
    pub git_dir: Option<PathBuf>,
}

/// What a run is given.
#[derive(Debug, Default)]
pub struct Run<'a> {
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    index: Option<PathBuf>,
    variables: Vec<(&'static str, String)>,
    input: &'a [u8],
    held: Option<File>,
    most: Option<usize>,
}

impl<'a> Run<'a> {
    /// A run of a subcommand.
    pub fn new(arguments: &[&str]) -> Run<'a> {
        Run { arguments: arguments.iter().map(OsString::from).collect(), ..Run::default() }
    }

    /// One more argument.
    pub fn and(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// In this work tree, and with its own repository.
    pub fn within(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// With this index file.
    pub fn with_index(mut self, index: &Path) -> Self {
        self.index = Some(index.to_owned());
        self
    }

    /// With this variable.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// With these bytes on standard input.
    pub fn reading(mut self, input: &'a [u8]) -> Self {
        self.input = input;
        self
    }

    /// With this file on standard input, which is not read, so that its lock lasts as long as git runs.
    pub fn holding(mut self, lock: File) -> Self {
        self.held = Some(lock);
        self
    }

    /// With an answer of at most so many bytes.
    pub fn at_most(mut self, most: usize) -> Self {
        self.most = Some(most);
        self
    }

    fn command(&self) -> String {
        self.arguments.first().map(|command| command.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: i32,
    /// What it wrote to standard output.
    pub answer: Vec<u8>,
    /// What it said, without the space around it.
    pub said: String,
}

impl Program {
    /// Git under this name.
    pub fn new(program: PathBuf) -> Program {
        Program { program, git_dir: None }
    }

    /// Runs git and wants status 0; yields what it answered.
    ///
    /// # Errors
    /// Where it did not end so.
    pub fn answer(&self, run: Run<'_>) -> Result<Vec<u8>, GitError> {
        let command = run.command();
        let ended = self.run(run)?;
        if ended.status == 0 { Ok(ended.answer) } else { Err(GitError::Failed { command, said: ended.said }) }
    }

    /// The same, for one line of text.
    ///
    /// # Errors
    /// As [`Program::answer`].
    pub fn line(&self, run: Run<'_>) -> Result<String, GitError> {
        let answer = self.answer(run)?;
        let text = String::from_utf8(answer).map_err(|_| GitError::Unreadable("…"))?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// Runs git to its end.
    ///
    /// # Errors
    /// Where it cannot be run, takes too long, answers too much, or is ended by a signal.
    pub fn run(&self, run: Run<'_>) -> Result<Ended, GitError> {
        let command = run.command();
        let most = run.most.unwrap_or(LONGEST_ANSWER);
        let input = run.input;
        let mut child = self.spawn(run)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Mutex::new(child);
        let (done, is_done) = mpsc::channel::<()>();
        thread::scope(|scope| {
            // Git may end before it has read everything, which is no error of the reader's.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            let said = scope.spawn(move || {
                let mut said = String::new();
                let mut bytes = Vec::new();
                if let Some(mut stderr) = stderr {
                    let _ = stderr.by_ref().take(LONGEST_COMPLAINT).read_to_end(&mut bytes);
                    let _ = io::copy(&mut stderr, &mut io::sink());
                }
                said.push_str(String::from_utf8_lossy(&bytes).trim());
                said
            });
            let child = &child;
            let guard = scope.spawn(move || {
                let is_late = is_done.recv_timeout(LONGEST_RUN) == Err(mpsc::RecvTimeoutError::Timeout);
                if is_late {
                    let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
                }
                is_late
            });
            let mut answer = Vec::new();
            let read = stdout.map(|stdout| stdout.take(most as u64 + 1).read_to_end(&mut answer));
            let is_long = answer.len() > most;
            if is_long {
                let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
            }
            let said = said.join().unwrap_or_default();
            // Both outputs are closed, so it has ended or is about to.
            let status = child.lock().unwrap_or_else(PoisonError::into_inner).wait();
            drop(done);
            let is_late = guard.join().unwrap_or_default();
            match (read, status) {
                _ if is_late => Err(GitError::Slow(command)),
                _ if is_long => Err(GitError::Long { command, most }),
                (Some(Err(error)), _) | (_, Err(error)) => {
                    Err(GitError::Absent { program: self.program.display().to_string(), error })
                }
                (_, Ok(status)) => match status.code() {
                    Some(status) => Ok(Ended { status, answer, said }),
                    None => Err(GitError::Failed { command, said: format!("it was ended: {status}") }),
                },
            }
        })
    }

    fn spawn(&self, run: Run<'_>) -> Result<Child, GitError> {
        let mut command = Command::new(&self.program);
        // What a calling git or a user's shell says of another repository must not reach this one.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        command.args(["--no-pager", "--no-replace-objects", "--literal-pathspecs", "--no-optional-locks"]);
        // On the disk before it is told; no housekeeping within a request.
        command.args(["-c", "core.fsync=loose-object,reference", "-c", "gc.auto=0", "-c", "core.quotePath=false"]);
        match (&run.folder, &self.git_dir) {
            (Some(folder), _) => {
                command.arg("-C").arg(folder);
            }
            (None, Some(git_dir)) => {
                command.arg("--git-dir").arg(git_dir);
            }
            (None, None) => {}
        }
        if let Some(index) = &run.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.envs(run.variables).args(run.arguments);
        let stdin = match run.held {
            Some(held) => Stdio::from(held),
            None if run.input.is_empty() => Stdio::null(),
            None => Stdio::piped(),
        };
        let spawned = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        spawned.map_err(|error| GitError::Absent { program: self.program.display().to_string(), error })
    }
}
