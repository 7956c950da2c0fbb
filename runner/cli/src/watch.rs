//! `gatecheck run --watch`: again whenever a file changes, until somebody ends it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gatecheck::exit::ExitStatus;

use super::run::interruption;
use super::{Failure, say, tell_failure};

/// How often is looked, and how long files rest before they count as written.
const REST: Duration = Duration::from_millis(300);
/// Folders that tools fill and nobody writes.
const PASSED_OVER: [&str; 5] = [".git", ".venv", "__pycache__", "node_modules", "target"];
/// No more files than this are looked at.
const MOST_FILES: usize = 10_000;

/// Each file with its length and when it was written.
type Seen = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Runs, and runs again after each change of the files and of what lies in the folders; the status is that of the last run.
///
/// # Errors
/// A path is not there, or a run was interrupted. A mistake in what is watched is told, and the next change waited for.
pub(super) fn watching(
    paths: &[PathBuf],
    mut run: impl FnMut() -> Result<ExitStatus, Failure>,
) -> Result<ExitStatus, Failure> {
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(Failure::usage(format!("--watch {}: there is no such file or folder", missing.display())));
    }
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    loop {
        let seen = look(paths);
        let status = match run() {
            Err(failure) if failure.status == ExitStatus::Usage => tell_failure(&failure),
            Err(failure) => return Err(failure),
            Ok(status) => status,
        };
        say(&format!("\nwaiting for a change in {}; Ctrl-C ends it\n", names.join(", ")));
        if !changes(paths, &seen)? {
            return Ok(status);
        }
    }
}

/// Waits for a change that has come to rest; false where somebody ended the wait.
fn changes(paths: &[PathBuf], seen: &Seen) -> Result<bool, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::harness(error.to_string()))?;
    let changed = runtime.block_on(async {
        let wait = async {
            let mut last = look(paths);
            loop {
                tokio::time::sleep(REST).await;
                let now = look(paths);
                if now == last && now != *seen {
                    break;
                }
                last = now;
            }
        };
        tokio::select! {
            () = interruption() => false,
            () = wait => true,
        }
    });
    Ok(changed)
}

/// The files as they are.
fn look(paths: &[PathBuf]) -> Seen {
    let mut seen = Seen::new();
    let mut open: Vec<PathBuf> = paths.to_vec();
    while let Some(path) = open.pop() {
        let Ok(about) = path.metadata() else { continue };
        if !about.is_dir() {
            seen.insert(path, (about.len(), about.modified().ok()));
        } else if seen.len() < MOST_FILES
            && let Ok(entries) = path.read_dir()
        {
            // A link could lead round in a circle.
            let entries = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()));
            open.extend(entries.map(|entry| entry.path()).filter(|path| !is_passed_over(path)));
        }
    }
    seen
}

fn is_passed_over(path: &Path) -> bool {
    path.file_name().is_some_and(|name| PASSED_OVER.iter().any(|other| name == *other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_comes_or_goes_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().to_path_buf()];
        let gate = folder.path().join("src/gate.py");
        std::fs::create_dir_all(folder.path().join("src")).unwrap();
        std::fs::create_dir_all(folder.path().join("node_modules/x")).unwrap();
        let mut seen = look(&paths);
        for (what, file, text, is_change) in [
            ("it comes", &gate, Some("one"), true),
            ("nothing", &gate, Some("one"), false),
            ("it is longer", &gate, Some("one more"), true),
            ("what a tool writes", &folder.path().join("node_modules/x/y.js"), Some("x"), false),
            ("it goes", &gate, None, true),
        ] {
            let before = gate.metadata().and_then(|about| about.modified()).ok();
            match text {
                Some(text) => std::fs::write(file, text).unwrap(),
                None => std::fs::remove_file(file).unwrap(),
            }
            if let (false, Some(before)) = (is_change, before) {
                std::fs::File::options().write(true).open(&gate).unwrap().set_modified(before).unwrap();
            }
            let now = look(&paths);
            assert_eq!(now != seen, is_change, "{what}: {now:?}");
            seen = now;
        }
    }
}
