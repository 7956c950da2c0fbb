//! What a draft has changed, as GitHub compares two branches: from where they parted.

use std::collections::VecDeque;

use http::StatusCode;
use serde_json::{Value, json};

use super::super::program::{GitError, Run};
use super::super::repository::{Change, Oid, Repository};
use super::words::listed;
use super::{Answer, Question, Refusal};
use crate::Reply;

/// The most commits that are listed.
const MOST_COMMITS: &str = "--max-count=250";
/// The longest patch of one file that is shown, in bytes.
const LONGEST_PATCH: usize = 256 * 1024;
/// What stands for the patch of a text that has none, or that is too long. The CMS takes a file without one for a picture,
/// and removes pictures that nobody names.
const NO_PATCH: &str = "@@ -0,0 +0,0 @@";

impl Question<'_> {
    pub(super) fn compare(self, base: &str, head: &str) -> Answer {
        let repository = &self.gateway.repository;
        let (base, head) = (self.revision(base)?, self.revision(head)?);
        let fork = repository.fork(&base, &head)?.ok_or_else(|| {
            Refusal::Told(StatusCode::NOT_FOUND, format!("No common ancestor between {base} and {head}."))
        })?;
        let (behind, ahead) = repository.apart(&base, &head)?;
        let status = match (behind, ahead) {
            (0, 0) => "identical",
            (0, _) => "ahead",
            (_, 0) => "behind",
            _ => "diverged",
        };
        let range = format!("{base}..{head}");
        let oids = repository.listed(&["--topo-order", "--reverse", MOST_COMMITS, &range], None)?;
        let commits: Vec<Value> = repository.commits(&oids)?.iter().map(listed).collect();
        let ends = repository.commits(&[base, fork.clone()])?;
        let mut ends = ends.iter().map(listed);
        let body = json!({
            "base_commit": ends.next(),
            "merge_base_commit": ends.next(),
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": commits,
            "files": files(repository, &fork, &head)?,
        });
        Ok(Reply::json(StatusCode::OK, &body))
    }
}

fn files(repository: &Repository, old: &Oid, new: &Oid) -> Result<Vec<Value>, GitError> {
    let changes = repository.changes(old, new, true)?;
    let mut counts = counts(repository, old, new)?;
    let mut patches = patches(repository, old, new)?;
    // A file that becomes a link is two patches; then nobody knows which is whose.
    let are_known = patches.len() == changes.len();
    Ok(changes
        .iter()
        .map(|change| file(change, counts.pop_front(), patches.pop_front().filter(|_| are_known)))
        .collect())
}

fn file(change: &Change, count: Option<Count>, patch: Option<String>) -> Value {
    let status = match change.status {
        'A' => "added",
        'D' => "removed",
        'R' => "renamed",
        _ => "modified",
    };
    let sha = if change.status == 'D' { &change.old } else { &change.new };
    let count = count.unwrap_or_default();
    let mut file = json!({
        "filename": String::from_utf8_lossy(&change.path),
        "status": status,
        "sha": sha,
        "additions": count.added,
        "deletions": count.removed,
        "changes": count.added.saturating_add(count.removed),
    });
    if let Some(file) = file.as_object_mut() {
        if !count.is_binary {
            let patch = patch.filter(|patch| !patch.is_empty() && patch.len() <= LONGEST_PATCH);
            file.insert("patch".to_owned(), json!(patch.unwrap_or_else(|| NO_PATCH.to_owned())));
        }
        if let Some(previous) = &change.previous {
            file.insert("previous_filename".to_owned(), json!(String::from_utf8_lossy(previous)));
        }
    }
    file
}

#[derive(Debug, Default)]
struct Count {
    added: u64,
    removed: u64,
    is_binary: bool,
}

/// How many lines differ, in the order of the changes: `ADDED<TAB>REMOVED<TAB>PATH`, or an empty path and then two.
fn counts(repository: &Repository, old: &Oid, new: &Oid) -> Result<VecDeque<Count>, GitError> {
    let run = Run::new(&["diff-tree", "-r", "-z", "-M50%", "--numstat"]).and(old.as_str()).and(new.as_str());
    let answer = repository.git().answer(run)?;
    let text = String::from_utf8_lossy(&answer);
    let mut fields = text.split('\0');
    let mut counts = VecDeque::new();
    while let Some(field) = fields.next().filter(|field| !field.is_empty()) {
        let mut words = field.splitn(3, '\t');
        let (added, removed) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if words.next().is_none_or(str::is_empty) {
            // The two paths of what was renamed.
            let _ = (fields.next(), fields.next());
        }
        let number = |text: &str| text.parse().unwrap_or_default();
        counts.push_back(Count { added: number(added), removed: number(removed), is_binary: added == "-" });
    }
    Ok(counts)
}

/// What differs, in the order of the changes, without the lines before the first difference.
fn patches(repository: &Repository, old: &Oid, new: &Oid) -> Result<VecDeque<String>, GitError> {
    let run = Run::new(&["diff-tree", "-r", "-p", "-M50%", "--no-ext-diff", "--no-textconv", "--no-color"]);
    let answer = match repository.git().answer(run.and(old.as_str()).and(new.as_str())) {
        Err(GitError::Long { .. }) => return Ok(VecDeque::new()),
        answer => answer?,
    };
    let text = String::from_utf8_lossy(&answer);
    let mut patches: VecDeque<String> = VecDeque::new();
    let mut is_in = false;
    for line in text.split_inclusive('\n') {
        // Within a difference every line starts with a sign, so this is no content.
        if line.starts_with("diff --git ") {
            patches.push_back(String::new());
            is_in = false;
        }
        is_in |= line.starts_with("@@ ");
        if let Some(patch) = patches.back_mut().filter(|_| is_in) {
            patch.push_str(line);
        }
    }
    Ok(patches)
}
