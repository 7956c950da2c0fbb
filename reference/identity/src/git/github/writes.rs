//! What the CMS writes: files, trees, commits, and where branches are.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::super::branch::Branch;
use super::super::merge;
use super::super::moves::Moved;
use super::super::pulls::Pull;
use super::super::repository::{Kind, Oid};
use super::super::trees::{self, Edit, MOST_CHANGES};
use super::words::{plain, reference};
use super::{Answer, Question, Refusal};
use crate::Reply;

/// How often a move is tried anew when the branch has moved meanwhile.
const ATTEMPTS: usize = 3;
/// The longest message of a commit, in bytes.
const LONGEST_MESSAGE: usize = 64 * 1024;
const NOT_FORWARD: &str = "Update is not a fast forward";

const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PAD);

#[derive(Deserialize)]
struct NewBlob {
    content: String,
    #[serde(default)]
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct NewTree {
    base_tree: Option<String>,
    tree: Vec<NewEntry>,
}

#[derive(Deserialize)]
struct NewEntry {
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    /// `null` removes the file; without the member the entry means nothing.
    #[serde(default, deserialize_with = "said")]
    sha: Option<Option<String>>,
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What else a body says of author, committer and date is not read: the token says who writes.
#[derive(Deserialize)]
struct NewCommit {
    message: String,
    tree: String,
    parents: Vec<String>,
}

#[derive(Deserialize)]
struct NewRef {
    #[serde(rename = "ref")]
    full: String,
    sha: String,
}

#[derive(Deserialize)]
struct NewTip {
    sha: String,
    #[serde(default)]
    force: bool,
}

impl Question<'_> {
    pub(super) fn create_blob(self) -> Answer {
        let asked: NewBlob = self.body()?;
        let content = match asked.encoding.as_deref() {
            Some("base64") => {
                let text: String = asked.content.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                BASE64.decode(text).map_err(|_| Refusal::invalid("content is not valid Base64"))?
            }
            None | Some("utf-8") => asked.content.into_bytes(),
            Some(other) => return Err(Refusal::invalid(format!("encoding `{other}` is not known: base64 or utf-8"))),
        };
        if content.len() > self.gateway.longest_file {
            let message =
                format!("a file may be {} bytes long, and this one has {}", self.gateway.longest_file, content.len());
            return Err(Refusal::Told(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        let oid = self.gateway.repository.store(&content)?;
        Ok(Reply::json(StatusCode::CREATED, &json!({ "sha": oid.as_str() })))
    }

    pub(super) fn create_tree(self) -> Answer {
        let asked: NewTree = self.body()?;
        if asked.tree.len() > MOST_CHANGES {
            return Err(Refusal::invalid(format!("a tree may have {MOST_CHANGES} changes")));
        }
        let base = asked.base_tree.as_deref().and_then(Oid::read);
        let base = base.ok_or_else(|| Refusal::invalid("base_tree is not a valid tree SHA"))?;
        let edits: Result<Vec<Edit>, Refusal> = asked.tree.into_iter().map(|entry| self.edit(entry)).collect();
        let made = trees::edited(&self.gateway.repository, &base, &edits?)?;
        let tree = made.map_err(Refusal::invalid)?;
        Ok(Reply::json(StatusCode::CREATED, &json!({ "sha": tree.as_str(), "truncated": false })))
    }

    fn edit(self, entry: NewEntry) -> Result<Edit, Refusal> {
        let path = self.gateway.writable.admit(&entry.path).map_err(|error| Refusal::invalid(error.to_string()))?;
        if entry.mode != "100644" || entry.kind != "blob" {
            let message =
                format!("`{path}`: mode and type are `100644` and `blob`; links, programs and modules are not written");
            return Err(Refusal::invalid(message));
        }
        let blob = match entry.sha {
            Some(None) => None,
            Some(Some(sha)) => {
                Some(Oid::read(&sha).ok_or_else(|| Refusal::invalid(format!("tree.sha {sha} is not a valid blob")))?)
            }
            None => return Err(Refusal::invalid(format!("`{path}` has no sha; store the content as a blob first"))),
        };
        Ok(Edit { path, blob })
    }

    pub(super) fn create_commit(self) -> Answer {
        let asked: NewCommit = self.body()?;
        let repository = &self.gateway.repository;
        self.has_a_name()?;
        if asked.message.trim().is_empty() || asked.message.len() > LONGEST_MESSAGE || asked.message.contains('\0') {
            return Err(Refusal::invalid(format!(
                "message is empty, longer than {LONGEST_MESSAGE} bytes, or holds a NUL"
            )));
        }
        let tree = Oid::read(&asked.tree).ok_or_else(|| Refusal::invalid("Tree SHA does not exist"))?;
        if !repository.has(&tree, Kind::Tree)? {
            return Err(Refusal::invalid("Tree SHA does not exist"));
        }
        let [parent] = asked.parents.as_slice() else {
            return Err(Refusal::invalid("a commit has one parent; branches are merged by pull requests"));
        };
        let parent = Oid::read(parent).ok_or_else(|| Refusal::invalid("Parent SHA does not exist"))?;
        if !repository.has(&parent, Kind::Commit)? {
            return Err(Refusal::invalid("Parent SHA does not exist or is not a commit object"));
        }
        self.may_differ(&parent, &tree)?;
        let oid = merge::commit(repository, &tree, &[&parent], &asked.message, self.editor, self.call.now)?;
        let made = repository.commit(&oid)?.ok_or_else(Refusal::not_found)?;
        Ok(Reply::json(StatusCode::CREATED, &plain(&made)))
    }

    /// Commits carry the name of whoever is logged in.
    pub(super) fn has_a_name(self) -> Result<(), Refusal> {
        if self.editor.email.is_empty() || self.editor.name.is_empty() {
            return Err(Refusal::invalid("the token names no e-mail address, so nobody would be the author"));
        }
        Ok(())
    }

    /// Whether an author may make these differences.
    pub(super) fn may_differ(self, old: &Oid, new: &Oid) -> Result<(), Refusal> {
        let changes = self.gateway.repository.changes(old, new, false)?;
        trees::refused(&changes, &self.gateway.writable).map_or(Ok(()), |reason| Err(Refusal::invalid(reason)))
    }

    pub(super) fn create_ref(self) -> Answer {
        let asked: NewRef = self.body()?;
        let draft = asked.full.strip_prefix("refs/heads/").and_then(|name| self.gateway.branch(name));
        let draft = draft.ok_or_else(|| {
            Refusal::invalid(format!("`{}` is no draft: here branches are `refs/heads/cms/…`", asked.full))
        })?;
        let tip = self.commit_of(&asked.sha)?;
        let mut state = self.gateway.state();
        if self.gateway.repository.tip(&draft.full())?.is_some() {
            return Err(Refusal::invalid("Reference already exists"));
        }
        if self.clashes(&draft)? {
            return Err(Refusal::invalid("Reference update failed"));
        }
        self.may_draft(&tip)?;
        // A request whose draft is gone was closed with it, and stays so.
        self.close_pulls(&mut state, draft.name(), None)?;
        let full = draft.full();
        match state.writer.move_branch(&self.gateway.repository, &full, None, Some(&tip))? {
            Moved::Done => Ok(Reply::json(StatusCode::CREATED, &reference(&full, &tip))),
            Moved::Elsewhere => Err(Refusal::invalid("Reference already exists")),
            Moved::Changed(said) => Err(checked_out(&draft, &said)),
        }
    }

    pub(super) fn move_ref(self, name: &str) -> Answer {
        let asked: NewTip = self.body()?;
        let repository = &self.gateway.repository;
        let branch = self.gateway.branch(name).ok_or_else(|| Refusal::invalid("Reference does not exist"))?;
        let tip = self.commit_of(&asked.sha)?;
        let mut state = self.gateway.state();
        for _ in 0..ATTEMPTS {
            let full = branch.full();
            let old = repository.tip(&full)?.ok_or_else(|| Refusal::invalid("Reference does not exist"))?;
            let is_forced = asked.force && branch.is_draft();
            if !is_forced && !repository.leads_to(&old, &tip)? {
                return Err(Refusal::invalid(NOT_FORWARD));
            }
            if branch.is_draft() {
                self.may_draft(&tip)?
            } else {
                self.may_differ(&old, &tip)?
            }
            match state.writer.move_branch(repository, &full, Some(&old), Some(&tip))? {
                Moved::Done => {
                    let now = self.call.now;
                    let is_its = |pull: &Pull| pull.is_open() && pull.head == branch.name();
                    state.pulls.change(is_its, |pull| pull.updated = now)?;
                    return Ok(Reply::json(StatusCode::OK, &reference(&full, &tip)));
                }
                Moved::Elsewhere => {}
                Moved::Changed(said) => return Err(checked_out(&branch, &said)),
            }
        }
        Err(Refusal::invalid(NOT_FORWARD))
    }

    pub(super) fn delete_ref(self, name: &str) -> Answer {
        let repository = &self.gateway.repository;
        let branch = self.gateway.branch(name).ok_or_else(|| Refusal::invalid("Reference does not exist"))?;
        if !branch.is_draft() {
            return Err(Refusal::invalid("Cannot delete the branch that is published"));
        }
        let mut state = self.gateway.state();
        let full = branch.full();
        let old = repository.tip(&full)?.ok_or_else(|| Refusal::invalid("Reference does not exist"))?;
        match state.writer.move_branch(repository, &full, Some(&old), None)? {
            Moved::Done => {
                self.close_pulls(&mut state, branch.name(), Some(&old))?;
                Ok(Reply::empty(StatusCode::NO_CONTENT))
            }
            Moved::Elsewhere => Err(Refusal::invalid("Reference cannot be deleted: it has moved meanwhile")),
            Moved::Changed(said) => Err(checked_out(&branch, &said)),
        }
    }

    /// The commit that a body names.
    fn commit_of(self, sha: &str) -> Result<Oid, Refusal> {
        let oid = Oid::read(sha).ok_or_else(|| Refusal::invalid("The sha parameter must be all digits of a commit"))?;
        if self.gateway.repository.has(&oid, Kind::Commit)? {
            Ok(oid)
        } else {
            Err(Refusal::invalid("Object does not exist"))
        }
    }

    /// Whether a draft may be at this commit: what it has changed since it left the published branch is an author's to
    /// change.
    fn may_draft(self, tip: &Oid) -> Result<(), Refusal> {
        let fork = self.gateway.repository.fork(&self.published()?, tip)?;
        let fork =
            fork.ok_or_else(|| Refusal::invalid("this commit has nothing in common with the published branch"))?;
        self.may_differ(&fork, tip)
    }

    /// Whether there is a branch `a` beside `a/b`, which git cannot have.
    fn clashes(self, branch: &Branch) -> Result<bool, Refusal> {
        let repository = &self.gateway.repository;
        let above = branch.name().match_indices('/').filter_map(|(end, _)| branch.name().get(..end));
        for name in above {
            if repository.tip(&format!("refs/heads/{name}"))?.is_some() {
                return Ok(true);
            }
        }
        Ok(!repository.tips(&format!("{}/", branch.full()))?.is_empty())
    }
}

fn checked_out(branch: &Branch, said: &str) -> Refusal {
    Refusal::invalid(format!("branch `{}` is checked out, and its files cannot follow: {said}", branch.name()))
}
