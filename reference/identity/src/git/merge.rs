//! How commits are made: of a tree, and of two branches that are merged.

use super::editor::Editor;
use super::program::{GitError, Run};
use super::repository::{Oid, Repository};
use crate::Moment;

/// Who puts commits there: the gateway. Who wrote them is the editor.
const COMMITTER: (&str, &str) = ("Git Gateway", "git-gateway@localhost");

/// Makes a commit of a tree.
///
/// # Errors
/// Where git fails.
pub fn commit(
    repository: &Repository,
    tree: &Oid,
    parents: &[&Oid],
    message: &str,
    editor: &Editor,
    now: Moment,
) -> Result<Oid, GitError> {
    let mut run = Run::new(&["commit-tree"]).and(tree.as_str());
    for parent in parents {
        run = run.and("-p").and(parent.as_str());
    }
    let text = format!("{}\n", message.trim_end_matches('\n'));
    let date = format!("{} +0000", now.seconds());
    let (name, email) = COMMITTER;
    let run = run
        .and("-F")
        .and("-")
        .with("GIT_AUTHOR_NAME", editor.name.as_str())
        .with("GIT_AUTHOR_EMAIL", editor.email.as_str())
        .with("GIT_AUTHOR_DATE", date.as_str())
        .with("GIT_COMMITTER_NAME", name)
        .with("GIT_COMMITTER_EMAIL", email)
        .with("GIT_COMMITTER_DATE", date)
        .reading(text.as_bytes());
    repository.oid("commit-tree", run)
}

/// The tree that holds what both have done since they parted; `None` where they contradict each other.
///
/// Files are followed by their path alone. What is renamed on one side and changed on the other contradicts, because a
/// change that follows a rename could leave the content folders.
///
/// # Errors
/// Where git fails.
pub fn merged(repository: &Repository, base: &Oid, head: &Oid) -> Result<Option<Oid>, GitError> {
    let run = Run::new(&["-c", "merge.renames=false", "-c", "merge.directoryRenames=false", "merge-tree"]);
    let run = run.and("--write-tree").and("--no-messages").and(base.as_str()).and(head.as_str());
    let ended = repository.git().run(run)?;
    match ended.status {
        0 => Ok(Oid::read(String::from_utf8_lossy(&ended.answer).trim())),
        1 => Ok(None),
        _ => Err(GitError::Failed { command: "merge-tree".to_owned(), said: ended.said }),
    }
}
