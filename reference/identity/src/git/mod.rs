//! Git Gateway: the part of GitHub's API that the CMS uses, over a repository on this machine's disk.
//!
//! 1. [`route`]: a method and a path become one question, or none. Pure.
//! 2. [`editor`]: the claims of the visitor's token say who writes. A request never does.
//! 3. `path`, `branch`: what an author may write: canonical paths inside the content folders, and none that decides who
//!    gets in; the published branch and drafts. Pure.
//! 4. `program`, `repository`, `trees`, `merge`: git's own plumbing.
//! 5. `moves`: how a branch moves, also when it is killed on the way. `pulls`: what git does not know.
//! 6. `github`: the answers.
//!
//! What may be written is asked twice: when a tree is made, so that the author hears it at once, and of the whole
//! difference when a branch moves, because a commit can come from anywhere.

pub mod branch;
pub mod editor;
mod github;
mod merge;
mod moves;
pub mod path;
mod program;
mod pulls;
mod repository;
pub mod route;
mod trees;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::cors;
use crate::refusal::NO_BEARER;
use crate::tokens::{NOBODYS, Tokens, bearer, subject};
use crate::{Call, Handler, Reply};
use branch::Branch;
use editor::Editor;
use moves::Writer;
use path::{Writable, WritableError};
use program::GitError;
use pulls::Pulls;
use repository::Repository;
use route::Route;

/// The path below which the CMS looks for it.
pub const PREFIX: &str = "/.netlify/git";
/// The longest body that is not the content of a file, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;

/// What the operator says.
#[derive(Clone, Debug)]
pub struct GitOptions {
    /// A bare repository, or a work tree.
    pub repository: PathBuf,
    /// The branch that is published; the one that HEAD names if none is said.
    pub branch: Option<String>,
    /// The roles of `app_metadata.roles` that may edit. If there are none, everybody may who is logged in.
    pub roles: Vec<String>,
    /// The folders and files that authors may write.
    pub content: Vec<String>,
    /// Files that decide who gets in, or what runs, and which authors may write all the same.
    pub allowed: Vec<String>,
    /// The longest file that is stored or shown, in bytes.
    pub longest_file: usize,
    /// The program.
    pub git: PathBuf,
}

impl GitOptions {
    /// The content folders if none are named.
    pub const CONTENT: [&str; 2] = ["content", "static/uploads"];
    /// The longest file if nothing is said, in bytes.
    pub const LONGEST_FILE: usize = 10 * 1024 * 1024;

    /// Reads `REPO` or `REPO:BRANCH`; the last colon counts.
    pub fn of(text: &str) -> GitOptions {
        let (repository, branch) = match text.rsplit_once(':') {
            Some((repository, branch)) => (repository, Some(branch.to_owned())),
            None => (text, None),
        };
        GitOptions {
            repository: PathBuf::from(repository),
            branch,
            roles: Vec::new(),
            content: GitOptions::CONTENT.map(str::to_owned).to_vec(),
            allowed: Vec::new(),
            longest_file: GitOptions::LONGEST_FILE,
            git: PathBuf::from("git"),
        }
    }
}

/// Why there is no gateway.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Git or the disk failed.
    #[error("--git: {0}")]
    Git(#[from] GitError),
    /// The branch is not there, or cannot be one that is published.
    #[error("--git: there is no branch `{0}` to publish; write --git REPO:BRANCH, and commit to it first")]
    Branch(String),
    /// HEAD names no branch.
    #[error("--git: HEAD of the repository names no branch; write --git REPO:BRANCH")]
    Detached,
    /// What editors may write cannot be meant.
    #[error(transparent)]
    Writable(#[from] WritableError),
    /// Nothing could be written.
    #[error("--git-content names no folder; write for example --git-content content,static/uploads")]
    NoContent,
}

/// The gateway to one repository.
#[derive(Debug)]
pub struct GitGateway {
    repository: Repository,
    /// The branch that is published.
    published: String,
    writable: Writable,
    roles: Vec<String>,
    longest_file: usize,
    /// The repository's name in answers.
    name: String,
    /// What one request at a time changes.
    state: Mutex<State>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct State {
    writer: Writer,
    pulls: Pulls,
}

impl GitGateway {
    /// Opens the repository, alone, and clears up what a kill has left.
    ///
    /// # Errors
    /// Where there is no such repository or branch, another gateway has it, or a content folder cannot be one.
    pub fn open(options: GitOptions) -> Result<GitGateway, OpenError> {
        let writable = Writable::new(&options.content, &options.allowed)?;
        if options.content.is_empty() && options.allowed.is_empty() {
            return Err(OpenError::NoContent);
        }
        let repository = Repository::open(options.git, &options.repository)?;
        let published = match options.branch {
            Some(branch) => branch,
            None => repository.head()?.ok_or(OpenError::Detached)?,
        };
        let is_draft = Branch::read(&published, "").is_some();
        let tip = if branch::is_plain(&published) { repository.tip(&format!("refs/heads/{published}"))? } else { None };
        if tip.is_none() || is_draft {
            return Err(OpenError::Branch(published));
        }
        let (writer, left) = Writer::open(&repository)?;
        let pulls = Pulls::open(repository.own_dir.join("pulls.json"))?;
        let mut notes =
            vec![format!("editors may write {} of branch `{published}`, and nothing else", writable.folders())];
        if options.roles.is_empty() {
            notes.push("everybody who is logged in may edit; name roles with --git-roles".to_owned());
        }
        let opened = writable.allowed().iter();
        notes.extend(opened.map(|path| format!("editors may write `{path}`, so they decide who gets in or what runs")));
        notes.extend(left);
        Ok(GitGateway {
            name: name_of(&options.repository),
            repository,
            published,
            writable,
            roles: options.roles,
            longest_file: options.longest_file,
            state: Mutex::new(State { writer, pulls }),
            notes,
        })
    }

    /// What the operator should be told: who may write what, and what an interrupted save has left.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The longest body that is read for such a request, in bytes.
    pub fn body_limit(&self, method: &Method, path: &str) -> usize {
        match Route::read(method.as_str(), path) {
            // A file as base64 in JSON, perhaps with line ends.
            Some(Route::CreateBlob) => self.longest_file.saturating_mul(2).saturating_add(4096),
            _ => LONGEST_BODY,
        }
    }

    /// The answer to a visitor who may not edit, whatever they send.
    fn refuses(&self, call: &Call, claims: &Map<String, Value>) -> Option<Reply> {
        let is_for_all = Route::read(call.method.as_str(), &call.path) == Some(Route::Settings);
        let message = "Access to endpoint not allowed: your role doesn't allow access";
        let may_ask = is_for_all || Editor::of(claims).may_edit(&self.roles);
        (!may_ask).then(|| Reply::error(StatusCode::UNAUTHORIZED, message))
    }

    /// The answer to a call, whose path is what follows [`PREFIX`], by a visitor whose token has been verified and says
    /// these claims.
    pub fn answer(&self, call: &Call, claims: &Map<String, Value>) -> Reply {
        if let Some(refusal) = self.refuses(call, claims) {
            return refusal;
        }
        let editor = Editor::of(claims);
        let route = Route::read(call.method.as_str(), &call.path);
        if route == Some(Route::Settings) {
            let roles = if self.roles.is_empty() { Value::Null } else { json!(self.roles) };
            let settings =
                json!({ "github_enabled": true, "gitlab_enabled": false, "bitbucket_enabled": false, "roles": roles });
            return Reply::json(StatusCode::OK, &settings);
        }
        let answer = match route {
            Some(route) => github::Question { gateway: self, call, editor: &editor }.answer(&route),
            None => Err(github::Refusal::not_found()),
        };
        match answer {
            Ok(reply) => for_this_visitor(call, reply),
            Err(refusal) => refusal.into_reply(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is kept changes whole or not at all, so a panic elsewhere leaves it as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn branch(&self, name: &str) -> Option<Branch> {
        Branch::read(name, &self.published)
    }
}

/// A gateway for whoever brings a token of the gate.
#[derive(Debug)]
pub struct GitHandler {
    gateway: GitGateway,
    tokens: Arc<dyn Tokens>,
    /// Origins of other hosts whose pages may use it.
    origins: Vec<String>,
}

impl GitHandler {
    /// The gateway, behind these tokens. `origins` are those of other hosts whose pages may use it, as
    /// [`crate::Settings::cors_origins`] has them.
    pub fn new(gateway: GitGateway, tokens: Arc<dyn Tokens>, origins: Vec<String>) -> GitHandler {
        GitHandler { gateway, tokens, origins }
    }

    fn told(&self, reply: Reply, call: &Call) -> Reply {
        cors::told(&self.origins, "GET, HEAD, POST, PUT, PATCH, DELETE", reply, call)
    }

    /// What the token of the call says, or what is wrong with it.
    fn claims(&self, call: &Call) -> Result<Map<String, Value>, String> {
        let token = bearer(call).ok_or_else(|| NO_BEARER.to_owned())?;
        let claims = self.tokens.read(token, call.now).map_err(|reason| format!("Invalid token: {reason}"))?;
        if subject(&claims).is_some() { Ok(claims) } else { Err(NOBODYS.to_owned()) }
    }
}

impl Handler for GitHandler {
    fn prefix(&self) -> &str {
        PREFIX
    }

    fn body_limit(&self, method: &Method, path: &str) -> usize {
        self.gateway.body_limit(method, path)
    }

    /// A body of many megabytes is read for those alone who may send one.
    fn refuses(&self, call: &Call) -> Option<Reply> {
        // A browser asks so, without a token, before it sends one from a page elsewhere.
        if call.method == Method::OPTIONS && cors::foreign_origin(&self.origins, call).is_some() {
            return Some(self.told(Reply::empty(StatusCode::NO_CONTENT), call));
        }
        let refusal = match self.claims(call) {
            Ok(claims) => self.gateway.refuses(call, &claims),
            Err(message) => Some(Reply::error(StatusCode::UNAUTHORIZED, &message)),
        };
        refusal.map(|refusal| self.told(refusal, call))
    }

    fn answer(&self, call: &Call) -> Reply {
        let reply = match self.claims(call) {
            Ok(claims) => self.gateway.answer(call, &claims),
            Err(message) => Reply::error(StatusCode::UNAUTHORIZED, &message),
        };
        self.told(reply, call)
    }
}

/// What the repository is called in answers: its folder's name, in letters that need no escape.
fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    if plain.is_empty() { "site".to_owned() } else { plain }
}

/// An answer that the visitor's own browser may keep, and asks about each time. The CMS leaves it to the browser.
fn for_this_visitor(call: &Call, reply: Reply) -> Reply {
    let is_read = call.method == Method::GET || call.method == Method::HEAD;
    if !is_read || reply.status != StatusCode::OK {
        return reply;
    }
    let digest = Sha256::digest(&reply.body);
    let tag: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let is_known = call.header(IF_NONE_MATCH).is_some_and(|known| {
        known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
    });
    let reply = if is_known { Reply::empty(StatusCode::NOT_MODIFIED) } else { reply };
    reply.with(CACHE_CONTROL, "private, no-cache").with(VARY, "Authorization, Accept").with(ETAG, &tag)
}
