//! The CMS itself, in a browser, at the sample site with `rolegate serve --identity --git`: an editor without the role is sent
//! away; one with it comes in by the session that the widget has, opens, saves, uploads, deletes, and takes a draft to a
//! published merge. What was done is looked up with git.
//!
//! Needs git, Chromium, Node.js, and the packages of `reference/identity/tests/decap` and `reference/identity/tests/clients`
//! (`npm ci --ignore-scripts --legacy-peer-deps` in each); where one is missing the test says so and asks nothing.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

#[path = "../../identity/tests/git_gateway/repository.rs"]
mod repository;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use repository::{FILES, bare, git, has_git, skipped};

/// What the editor is asked for at the sample site.
const ADA: &str = "ada@site.example";

/// Ends with the test.
struct Gate(Child);

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../identity/tests")
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

/// The sample site with its widget, the CMS, and the collection of the test.
fn site(folder: &Path, widget: &Path, cms: &Path, is_workflow: bool) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/identity-site/site");
    fs::create_dir_all(folder.join("admin")).unwrap();
    for name in ["_redirects", "index.html", "identity.js", "style.css", "admin/index.html"] {
        fs::copy(sample.join(name), folder.join(name)).unwrap();
    }
    fs::copy(widget, folder.join("netlify-identity-widget.js")).unwrap();
    fs::copy(cms, folder.join("admin/decap-cms.js")).unwrap();
    let mut config = fs::read_to_string(tests().join("decap/config.yml")).unwrap();
    if is_workflow {
        config.push_str("publish_mode: editorial_workflow\n");
    }
    fs::write(folder.join("admin/config.yml"), config).unwrap();
    let status = r#"{"components":[{"name":"Git Gateway","status":"operational"}]}"#;
    fs::write(folder.join("status.json"), status).unwrap();
}

/// Lets an editor work in the CMS; yields the repository, and what was asked of the gateway. `None` where something is
/// missing.
fn edited(mode: &str) -> Option<(tempfile::TempDir, PathBuf, Vec<String>)> {
    if !has_git() {
        return None;
    }
    let cms = tests().join("decap/node_modules/decap-cms/dist/decap-cms.js");
    let widget = tests().join("clients/node_modules/netlify-identity-widget/build/netlify-identity-widget.js");
    let Some(chromium) = chromium() else {
        skipped("there is no Chromium, so the CMS was not driven");
        return None;
    };
    if !cms.is_file() || !widget.is_file() || !tests().join("decap/node_modules/puppeteer-core").is_dir() {
        skipped(
            "the packages are missing (`npm ci --ignore-scripts --legacy-peer-deps` in reference/identity/tests/decap and in \
             reference/identity/tests/clients)",
        );
        return None;
    }
    let kept = bare(FILES);
    let path = kept.path().join("site.git");
    let published = kept.path().join("site");
    let identity = kept.path().join("identity");
    site(&published, &widget, &cms, mode == "workflow");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
    command.env_remove("JWT_SECRET").env("RUST_LOG", "rolegate=warn").arg("serve").arg(&published);
    command.args(["--port", "0", "--identity-autoconfirm", "--git-roles", "editor", "--git"]).arg(&path);
    command.arg("--identity").arg(&identity).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut gate = Gate(command.spawn().expect("the gate starts"));
    let mut line = String::new();
    BufReader::new(gate.0.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let port = line.trim().rsplit_once(':').expect(&line).1;
    let output = Command::new("node")
        .arg(tests().join("decap/drive.mjs"))
        .arg(&chromium)
        .arg(format!("http://site.localhost:{port}"))
        .args([mode, ADA])
        .env("ROLEGATE", env!("CARGO_BIN_EXE_rolegate"))
        .env("IDENTITY", &identity)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            skipped(&format!("Node.js cannot be run ({error}), so the CMS was not driven"));
            return None;
        }
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let asked: Vec<String> = said.lines().filter_map(|line| line.strip_prefix("asked: ")).map(str::to_owned).collect();
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
    let picture = fs::read(tests().join("decap/picture.png")).expect("a picture");
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
