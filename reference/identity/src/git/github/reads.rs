//! What the CMS reads: branches, trees, files, commits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde_json::{Value, json};

use super::super::program::GitError;
use super::super::repository::{Entry, Kind, Object, Oid};
use super::super::route::parameter;
use super::words::{API, OWNER, listed, reference};
use super::{Answer, Question, Refusal};
use crate::Reply;

impl Question<'_> {
    pub(super) fn branch(self, name: &str) -> Answer {
        let branch = self.gateway.branch(name).ok_or_else(|| self.no_branch(name))?;
        let tip = self.gateway.repository.tip(&branch.full())?.ok_or_else(Refusal::not_found)?;
        let commit = self.gateway.repository.commit(&tip)?.ok_or_else(Refusal::not_found)?;
        let url = format!("{API}/repos/{OWNER}/{}/branches/{}", self.gateway.name, branch.name());
        let protected = !branch.is_draft();
        let body = json!({
            "name": branch.name(), "commit": listed(&commit), "_links": { "self": url }, "protected": protected
        });
        Ok(Reply::json(StatusCode::OK, &body))
    }

    /// The CMS asks for `master` if its own settings say nothing, which costs people an hour each.
    fn no_branch(self, name: &str) -> Refusal {
        if name == "master" || name == "main" {
            let published = &self.gateway.published;
            tracing::warn!(
                "the CMS asks for branch `{name}`; `backend.branch` of its config.yml should be `{published}`"
            );
        }
        Refusal::not_found()
    }

    pub(super) fn a_ref(self, name: &str) -> Answer {
        let branch = self.gateway.branch(name).ok_or_else(Refusal::not_found)?;
        let tip = self.gateway.repository.tip(&branch.full())?.ok_or_else(Refusal::not_found)?;
        Ok(Reply::json(StatusCode::OK, &reference(&branch.full(), &tip)))
    }

    pub(super) fn tree(self, revision: &str, path: &str) -> Answer {
        let repository = &self.gateway.repository;
        let root = match Oid::read(revision) {
            Some(oid) if repository.has(&oid, Kind::Tree)? => oid,
            _ => self.revision(revision)?,
        };
        let tree = self.at(&root, path)?.filter(|object| object.kind == Kind::Tree).ok_or_else(Refusal::not_found)?;
        let recursive = parameter(&self.call.query, "recursive").is_some();
        let (entries, truncated) = match repository.entries(tree.oid.as_str(), recursive) {
            // Folder by folder it can still be read.
            Err(GitError::Long { .. }) if recursive => (repository.entries(tree.oid.as_str(), false)?, true),
            entries => (entries?, false),
        };
        let entries: Vec<Value> = entries.iter().map(entry).collect();
        let body = json!({ "sha": tree.oid.as_str(), "tree": entries, "truncated": truncated });
        Ok(Reply::json(StatusCode::OK, &body))
    }

    pub(super) fn blob(self, sha: &str) -> Answer {
        let oid = Oid::read(sha).ok_or_else(|| {
            Refusal::invalid("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
        })?;
        let found = self.gateway.repository.object(oid.to_string())?.filter(|object| object.kind == Kind::Blob);
        let content = self.content(&found.ok_or_else(Refusal::not_found)?)?;
        if self.wants_raw() {
            return Ok(raw(content));
        }
        let (size, content) = (content.len(), STANDARD.encode(&content));
        let body = json!({ "sha": oid.as_str(), "size": size, "encoding": "base64", "content": content });
        Ok(Reply::json(StatusCode::OK, &body))
    }

    pub(super) fn contents(self, path: &str) -> Answer {
        let named = parameter(&self.call.query, "ref");
        let root = match named {
            Some(named) => self.revision(named.strip_prefix("refs/heads/").unwrap_or(&named))?,
            None => self.published()?,
        };
        let found = self.at(&root, path)?.ok_or_else(Refusal::not_found)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        match found.kind {
            Kind::Blob => {
                let content = self.content(&found)?;
                if self.wants_raw() {
                    return Ok(raw(content));
                }
                let (size, content) = (content.len(), STANDARD.encode(&content));
                let body = json!({
                    "type": "file", "name": name, "path": path, "sha": found.oid.as_str(), "size": size,
                    "encoding": "base64", "content": content,
                });
                Ok(Reply::json(StatusCode::OK, &body))
            }
            Kind::Tree => {
                let entries = self.gateway.repository.entries(found.oid.as_str(), false)?;
                let entries: Vec<Value> = entries.iter().map(|entry| content_entry(path, entry)).collect();
                Ok(Reply::json(StatusCode::OK, &entries))
            }
            Kind::Commit | Kind::Tag => Err(Refusal::not_found()),
        }
    }

    pub(super) fn commits(self) -> Answer {
        let repository = &self.gateway.repository;
        let start = match parameter(&self.call.query, "sha") {
            Some(revision) => self.revision(&revision)?,
            None => self.published()?,
        };
        let page = self.page();
        let path = parameter(&self.call.query, "path").filter(|path| !path.is_empty());
        if path.as_deref().is_some_and(|path| !is_readable(path)) {
            return Ok(Reply::json(StatusCode::OK, &json!([])));
        }
        let most = format!("--max-count={}", page.size.saturating_add(1));
        let skip = format!("--skip={}", page.skipped());
        let mut oids = repository.listed(&[&most, &skip, start.as_str()], path.as_deref())?;
        let goes_on = oids.len() > page.size;
        oids.truncate(page.size);
        let commits: Vec<Value> = repository.commits(&oids)?.iter().map(listed).collect();
        Ok(self.paged(Reply::json(StatusCode::OK, &commits), "commits", page, goes_on))
    }

    pub(super) fn commit(self, revision: &str) -> Answer {
        let oid = self.revision(revision)?;
        let commit = self.gateway.repository.commit(&oid)?.ok_or_else(Refusal::not_found)?;
        Ok(Reply::json(StatusCode::OK, &listed(&commit)))
    }

    /// Nothing builds or checks commits here.
    pub(super) fn commit_status(self, revision: &str) -> Answer {
        let oid = self.revision(revision)?;
        let body = json!({ "state": "pending", "statuses": [], "sha": oid.as_str(), "total_count": 0 });
        Ok(Reply::json(StatusCode::OK, &body))
    }

    /// What lies at a path of a commit or tree; its own tree where the path is empty.
    fn at(self, root: &Oid, path: &str) -> Result<Option<Object>, Refusal> {
        if path.is_empty() {
            return Ok(self.gateway.repository.object(format!("{root}^{{tree}}"))?);
        }
        if !is_readable(path) {
            return Ok(None);
        }
        Ok(self.gateway.repository.object(format!("{root}:{path}"))?)
    }

    fn content(self, object: &Object) -> Result<Vec<u8>, Refusal> {
        let most = self.gateway.longest_file;
        if object.size > most as u64 {
            return Err(Refusal::invalid(format!("this file is longer than {most} bytes, which is the longest shown")));
        }
        Ok(self.gateway.repository.blob(&object.oid, most)?)
    }
}

/// Whether a path can be put to git as it is. Reading needs no more: the name must not be something else to git than a
/// path from the root on.
fn is_readable(path: &str) -> bool {
    path.split('/').all(|name| !name.is_empty() && name != "." && name != ".." && !name.contains(char::is_control))
}

fn raw(content: Vec<u8>) -> Reply {
    let reply = Reply { body: content.into(), ..Reply::empty(StatusCode::OK) };
    reply.with(CONTENT_TYPE, "application/octet-stream").with(X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn entry(entry: &Entry) -> Value {
    let path = String::from_utf8_lossy(&entry.path);
    let mut body = json!({ "path": path, "mode": entry.mode, "type": entry.kind, "sha": entry.oid.as_str() });
    if let (Some(size), Some(body)) = (entry.size, body.as_object_mut()) {
        body.insert("size".to_owned(), json!(size));
    }
    body
}

fn content_entry(folder: &str, entry: &Entry) -> Value {
    let name = String::from_utf8_lossy(&entry.path);
    let path = if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
    let kind = match (entry.kind.as_str(), entry.mode.as_str()) {
        ("tree", _) => "dir",
        ("commit", _) => "submodule",
        (_, "120000") => "symlink",
        _ => "file",
    };
    json!({ "type": kind, "name": name, "path": path, "sha": entry.oid.as_str(), "size": entry.size.unwrap_or_default() })
}
