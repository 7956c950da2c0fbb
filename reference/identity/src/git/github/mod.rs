//! The answers, as GitHub gives them.

mod compare;
mod pulls;
mod reads;
mod words;
mod writes;

use http::StatusCode;
use http::header::ALLOW;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::GitGateway;
use super::editor::Editor;
use super::program::GitError;
use super::repository::{Kind, Oid};
use super::route::{Revision, Route};
use crate::{Call, Reply};

/// A question and who asks it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who is asked.
    pub gateway: &'a GitGateway,
    /// The request.
    pub call: &'a Call,
    /// Who asks.
    pub editor: &'a Editor,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Refusal {
    /// What the CMS is told.
    Told(StatusCode, String),
    /// Git or the disk failed, which is the operator's to hear.
    Failed(GitError),
}

impl From<GitError> for Refusal {
    fn from(error: GitError) -> Refusal {
        Refusal::Failed(error)
    }
}

impl Refusal {
    /// What is not there, or not for authors.
    pub fn not_found() -> Refusal {
        Refusal::Told(StatusCode::NOT_FOUND, "Not Found".to_owned())
    }

    /// What cannot be done.
    pub fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::Told(StatusCode::UNPROCESSABLE_ENTITY, message.into())
    }

    /// In GitHub's shape: the CMS shows `message`.
    pub fn into_reply(self) -> Reply {
        let (status, message) = match self {
            Refusal::Told(status, message) => (status, message),
            Refusal::Failed(error) => {
                tracing::error!(%error, "Git Gateway");
                (StatusCode::INTERNAL_SERVER_ERROR, "The repository cannot be read or written; see the log".to_owned())
            }
        };
        let reply = Reply::json(status, &json!({ "message": message }));
        // What GitHub says of a request that cannot be merged as it is.
        if status == StatusCode::METHOD_NOT_ALLOWED { reply.with(ALLOW, "") } else { reply }
    }
}

/// An answer, or why there is none.
pub type Answer = Result<Reply, Refusal>;

impl Question<'_> {
    /// The answer.
    ///
    /// # Errors
    /// Where something is not there, may not be, or fails.
    pub fn answer(self, route: &Route) -> Answer {
        match route {
            // It is answered before anybody's role is looked at.
            Route::Settings => Err(Refusal::not_found()),
            Route::Branch(name) => self.branch(name),
            Route::Tree { revision, path } => self.tree(revision, path),
            Route::Blob(sha) => self.blob(sha),
            Route::Contents(path) => self.contents(path),
            Route::Commits => self.commits(),
            Route::Commit(revision) => self.commit(revision),
            Route::CommitStatus(revision) => self.commit_status(revision),
            Route::Compare { base, head } => self.compare(base, head),
            Route::Ref(name) => self.a_ref(name),
            Route::CreateRef => self.create_ref(),
            Route::MoveRef(name) => self.move_ref(name),
            Route::DeleteRef(name) => self.delete_ref(name),
            Route::CreateBlob => self.create_blob(),
            Route::CreateTree => self.create_tree(),
            Route::CreateCommit => self.create_commit(),
            Route::Pulls => self.pulls(),
            Route::OpenPull => self.open_pull(),
            Route::Pull(number) => self.pull(*number),
            Route::PullCommits(number) => self.pull_commits(*number),
            Route::ChangePull(number) => self.change_pull(*number),
            Route::Merge(number) => self.merge(*number),
            Route::Labels(number) => self.set_labels(*number),
            Route::User(login) => self.user(login),
        }
    }

    /// What the body says.
    fn body<T: DeserializeOwned>(self) -> Result<T, Refusal> {
        // A list would be read as the members of a structure in their order.
        let members: Map<String, Value> = serde_json::from_slice(&self.call.body).map_err(|error| {
            if error.is_data() {
                Refusal::invalid("Invalid request.\n\nThe body is a JSON object.")
            } else {
                Refusal::Told(StatusCode::BAD_REQUEST, "Problems parsing JSON".to_owned())
            }
        })?;
        serde_json::from_value(Value::Object(members))
            .map_err(|error| Refusal::invalid(format!("Invalid request.\n\n{error}")))
    }

    /// The commit that a request names: of a branch that is there for authors, or by all its digits.
    fn revision(self, text: &str) -> Result<Oid, Refusal> {
        let repository = &self.gateway.repository;
        let found = match Revision::read(text) {
            Revision::Branch(name) => match self.gateway.branch(&name) {
                Some(branch) => repository.tip(&branch.full())?,
                None => None,
            },
            Revision::Commit(oid) => repository.has(&oid, Kind::Commit)?.then_some(oid),
        };
        found.ok_or_else(Refusal::not_found)
    }

    /// The commit that is published.
    fn published(self) -> Result<Oid, Refusal> {
        let full = format!("refs/heads/{}", self.gateway.published);
        self.gateway.repository.tip(&full)?.ok_or_else(Refusal::not_found)
    }

    /// Whether the answer shall be a file's bytes and no JSON.
    fn wants_raw(self) -> bool {
        let accepted = self.call.header(http::header::ACCEPT).unwrap_or_default();
        accepted.split(',').any(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.starts_with("application/vnd.github") && kind.ends_with("raw")
        })
    }
}
