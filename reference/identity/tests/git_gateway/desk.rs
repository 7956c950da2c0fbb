//! A repository, a gateway to it, and somebody who asks.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method};
use rolegate_identity::git::{GitGateway, GitOptions};
use rolegate_identity::{Call, Moment, Reply};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

#[path = "repository.rs"]
mod repository;

pub use repository::{FILES, bare, git, has_git, work_tree};

/// A gateway and its repository.
pub struct Desk {
    pub gateway: GitGateway,
    pub path: PathBuf,
    pub claims: Map<String, Value>,
    pub headers: HeaderMap,
    folder: Option<TempDir>,
}

impl Desk {
    /// Over a bare repository.
    pub fn new() -> Desk {
        let folder = bare(FILES);
        let path = folder.path().join("site.git");
        Desk { folder: Some(folder), ..Desk::at(&path) }
    }

    /// Over a repository with a work tree.
    pub fn checked_out() -> Desk {
        let folder = work_tree(FILES);
        let path = folder.path().to_owned();
        Desk { folder: Some(folder), ..Desk::at(&path) }
    }

    /// Over the repository that lies there.
    pub fn at(path: &Path) -> Desk {
        Desk::with(GitOptions { roles: vec!["editor".to_owned()], ..options(path) })
    }

    pub fn with(options: GitOptions) -> Desk {
        let path = options.repository.clone();
        let gateway = GitGateway::open(options).expect("a gateway");
        let claims = claims("ada@site.example", "Ada Lovelace", &["editor"]);
        Desk { gateway, path, claims, headers: HeaderMap::new(), folder: None }
    }

    /// The answer to a request for what follows the prefix.
    pub fn reply(&self, method: &str, target: &str, body: &str) -> Reply {
        let call = self.call(method, target, body);
        assert!(
            body.len() <= self.gateway.body_limit(&call.method, &call.path).max(1024),
            "{method} {target}: too long"
        );
        self.gateway.answer(&call, &self.claims)
    }

    /// A request for what follows the prefix.
    pub fn call(&self, method: &str, target: &str, body: &str) -> Call {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Call {
            method: Method::from_bytes(method.as_bytes()).expect("a method"),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: self.headers.clone(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            origin: "http://site.localhost:8888".to_owned(),
            home: "http://site.localhost:8888".to_owned(),
            client: [127, 0, 0, 1].into(),
            now: Moment::from_seconds(1_800_000_000),
        }
    }

    /// Status and JSON of an answer below `github/`.
    pub fn ask(&self, method: &str, target: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.reply(method, &format!("/github/{target}"), &body);
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    /// The JSON of an answer that has to succeed.
    pub fn get(&self, target: &str) -> Value {
        let (status, body) = self.ask("GET", target, Value::Null);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments)
    }

    pub fn tip(&self, branch: &str) -> String {
        self.git(&["rev-parse", &format!("refs/heads/{branch}")])
    }

    /// Stores content.
    pub fn blob(&self, content: &[u8]) -> String {
        let (status, body) =
            self.ask("POST", "git/blobs", json!({ "content": STANDARD.encode(content), "encoding": "base64" }));
        assert_eq!(status, 201, "{body}");
        text(&body["sha"])
    }

    /// Stores a commit on top of another one as the CMS does: blobs, tree, commit. `None` removes a file.
    pub fn commit(&self, parent: &str, files: &[(&str, Option<&str>)], message: &str) -> Result<String, String> {
        let entries: Vec<Value> = files
            .iter()
            .map(|(path, content)| {
                let sha = content.map(|content| self.blob(content.as_bytes()));
                json!({ "path": path, "mode": "100644", "type": "blob", "sha": sha })
            })
            .collect();
        let (status, tree) = self.ask("POST", "git/trees", json!({ "base_tree": parent, "tree": entries }));
        if status != 201 {
            return Err(format!("{status} {}", text(&tree["message"])));
        }
        let forged = json!({ "name": "Mallory", "email": "m@site.example", "date": "2001-01-01T00:00:00Z" });
        let body = json!({ "message": message, "tree": tree["sha"], "parents": [parent], "author": forged });
        let (status, commit) = self.ask("POST", "git/commits", body);
        if status != 201 {
            return Err(format!("{status} {}", text(&commit["message"])));
        }
        Ok(text(&commit["sha"]))
    }

    /// Moves a branch.
    pub fn move_to(&self, branch: &str, sha: &str, force: bool) -> (u16, String) {
        let (status, body) =
            self.ask("PATCH", &format!("git/refs/heads/{branch}"), json!({ "sha": sha, "force": force }));
        (status, text(&body["message"]))
    }

    /// Saves as the CMS does without the workflow.
    pub fn save(&self, files: &[(&str, Option<&str>)], message: &str) -> Result<String, String> {
        let branch = self.get("branches/main");
        let commit = self.commit(&text(&branch["commit"]["sha"]), files, message)?;
        match self.move_to("main", &commit, false) {
            (200, _) => Ok(commit),
            (status, message) => Err(format!("{status} {message}")),
        }
    }

    /// Drafts as the CMS does with the workflow; yields the number of the request.
    pub fn draft(&self, slug: &str, files: &[(&str, Option<&str>)]) -> u64 {
        let commit = self.commit(&self.tip("main"), files, &format!("Create {slug}")).expect("a commit");
        let head = format!("cms/posts/{slug}");
        let (status, body) =
            self.ask("POST", "git/refs", json!({ "ref": format!("refs/heads/{head}"), "sha": commit }));
        assert_eq!(status, 201, "{body}");
        let body =
            json!({ "title": format!("Create {slug}"), "body": "", "head": format!("local:{head}"), "base": "main" });
        let (status, pull) = self.ask("POST", "pulls", body);
        assert_eq!(status, 201, "{pull}");
        let number = pull["number"].as_u64().expect("a number");
        let (status, body) =
            self.ask("PUT", &format!("issues/{number}/labels"), json!({ "labels": ["decap-cms/draft"] }));
        assert_eq!(status, 200, "{body}");
        number
    }
}

pub fn options(path: &Path) -> GitOptions {
    GitOptions { branch: Some("main".to_owned()), repository: path.to_owned(), ..GitOptions::of("") }
}

pub fn claims(email: &str, name: &str, roles: &[&str]) -> Map<String, Value> {
    let claims = json!({
        "sub": "11111111-1111-4111-8111-111111111111", "email": email,
        "app_metadata": { "provider": "email", "roles": roles }, "user_metadata": { "full_name": name },
    });
    claims.as_object().cloned().unwrap_or_default()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
