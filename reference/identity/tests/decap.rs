//! The CMS itself, in a browser: log in, open, save, upload, delete, and the editorial workflow to a published merge. What it
//! has done is looked up with git.
//!
//! Needs git, Chromium, Node.js, and the packages of `tests/decap/package-lock.json` (`npm ci --ignore-scripts
//! --legacy-peer-deps` in `tests/decap`); where one is missing the test says so and asks nothing.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;
#[path = "git_gateway/desk.rs"]
mod desk;
#[path = "decap/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::World;
use desk::{FILES, bare, git, has_git, options};
use rolegate_identity::Handler;
use rolegate_identity::git::{GitGateway, GitHandler, GitOptions};
use serde_json::json;
use server::Server;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decap")
}

/// The browser that `CHROMIUM` names, or one that is found in `PATH`.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    named
        .into_iter()
        .chain(folders.iter().flat_map(|folder| usual.map(|name| folder.join(name))))
        .find(|path| path.is_file())
}

/// Lets an editor work in the CMS; yields the repository, and what was asked of the gateway. `None` where something is
/// missing.
fn edited(mode: &str) -> Option<(tempfile::TempDir, PathBuf, Vec<String>)> {
    if !has_git() {
        return None;
    }
    let (Some(chromium), cms) = (chromium(), folder().join("node_modules/decap-cms/dist/decap-cms.js")) else {
        eprintln!("SKIPPED: there is no Chromium, so the CMS was not driven");
        return None;
    };
    if !cms.is_file() || !folder().join("node_modules/puppeteer-core").is_dir() {
        eprintln!("SKIPPED: the packages are missing (`npm ci --ignore-scripts --legacy-peer-deps` in tests/decap)");
        return None;
    }
    let kept = bare(FILES);
    let path = kept.path().join("site.git");
    let roles = vec!["editor".to_owned()];
    let gateway = GitGateway::open(GitOptions { roles, ..options(&path) }).expect("a gateway");
    let world = World::new(|_| {});
    let ada = world.user("ada@site.example");
    let named = json!({ "app_metadata": { "roles": ["editor"] }, "user_metadata": { "full_name": "Ada Lovelace" } });
    assert_eq!(world.change(&ada, named).status, 200);
    let handlers: Vec<Box<dyn Handler>> =
        vec![Box::new(GitHandler::new(gateway, world.tokens)), Box::new(world.service)];
    let server = Server::start(handlers, folder(), cms, mode == "workflow");
    let output =
        Command::new("node").arg(folder().join("drive.mjs")).arg(&chromium).arg(server.origin()).arg(mode).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: Node.js cannot be run ({error}), so the CMS was not driven");
            return None;
        }
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let asked = server.asked();
    assert!(output.status.success(), "{said}\n{}", asked.join("\n"));
    let failed: Vec<&String> = asked.iter().filter(|line| line.starts_with('5')).collect();
    assert!(failed.is_empty(), "{failed:?}");
    git(&path, &["fsck", "--strict", "--no-dangling"]);
    Some((kept, path, asked))
}

#[test]
fn an_editor_saves_uploads_and_deletes() {
    let Some((_kept, path, _)) = edited("simple") else {
        return;
    };
    assert_eq!(
        git(&path, &["log", "--reverse", "--format=%an <%ae>|%cn|%s", "main"]).lines().collect::<Vec<_>>(),
        [
            "Owner <owner@site.example>|Owner|start",
            "Ada Lovelace <ada@site.example>|Git Gateway|Update Posts “first”",
            "Ada Lovelace <ada@site.example>|Git Gateway|Create Posts “grüße-aus-köln”",
            "Ada Lovelace <ada@site.example>|Git Gateway|Upload “static/uploads/picture.png”",
            "Ada Lovelace <ada@site.example>|Git Gateway|Delete “static/uploads/picture.png”",
            "Ada Lovelace <ada@site.example>|Git Gateway|Upload “static/uploads/picture.png”",
            "Ada Lovelace <ada@site.example>|Git Gateway|Delete Posts “second”",
        ]
    );
    let files = git(&path, &["-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "main"]);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        [
            "_redirects",
            "content/posts/first.md",
            "content/posts/grüße-aus-köln.md",
            "index.html",
            "netlify.toml",
            "static/admin/config.yml",
            "static/uploads/logo.svg",
            "static/uploads/picture.png",
        ]
    );
    let first = git(&path, &["show", "main:content/posts/first.md"]);
    assert!(first.contains("title: First, edited") && first.contains("Edited in a browser"), "{first}");
    let picture = std::fs::read(folder().join("picture.png")).expect("a picture");
    let stored = Command::new("git").arg("-C").arg(&path).args(["show", "main:static/uploads/picture.png"]).output();
    assert_eq!(stored.expect("git runs").stdout, picture);
}

#[test]
fn a_draft_is_published() {
    let Some((_kept, path, asked)) = edited("workflow") else {
        return;
    };
    let log = git(&path, &["log", "--first-parent", "--format=%an|%cn|%s|%P", "main"]);
    let mut lines = log.lines();
    let merge = lines.next().unwrap_or_default();
    assert!(merge.starts_with("Ada Lovelace|Git Gateway|Merge pull request #1 from local/cms/posts/a-draft|"), "{log}");
    assert_eq!(merge.rsplit('|').next().unwrap_or_default().split(' ').count(), 2, "{log}");
    assert_eq!(lines.count(), 1, "{log}");
    let draft = git(&path, &["show", "main:content/posts/a-draft.md"]);
    assert!(draft.contains("title: A draft") && draft.contains("Written anew in drafts"), "{draft}");
    assert_eq!(git(&path, &["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    assert!(!git(&path, &["ls-tree", "-r", "--name-only", "main"]).contains("never-published"));
    for call in [
        "201 POST /github/pulls",
        "200 PUT /github/issues/1/labels",
        "200 PUT /github/pulls/1/merge",
        "200 PATCH /github/pulls/2",
    ] {
        assert!(asked.iter().any(|line| line == call), "{call}: {asked:?}");
    }
}
