//! A repository with a site's files, and git to look into it. Tests of the program use it too.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Whether there is git; says aloud where there is none.
pub fn has_git() -> bool {
    let there =
        Command::new("git").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !there {
        skipped("git is not installed, so nothing was asked of Git Gateway");
    }
    there
}

/// Says aloud that something was not tried.
pub fn skipped(why: &str) {
    // Not `eprintln`: the test harness would swallow it.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Runs git in a folder and yields what it answered.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Owner", "-c", "user.email=owner@site.example", "-c", "init.defaultBranch=main"])
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The files that every repository of these tests begins with.
pub const FILES: &[(&str, &str)] = &[
    ("_redirects", "/members/* 200! Role=admin\n"),
    ("netlify.toml", "[build]\n"),
    ("index.html", "home\n"),
    ("content/posts/first.md", "---\ntitle: First\n---\nHello\n"),
    ("content/posts/second.md", "---\ntitle: Second\n---\nHello again\n"),
    ("static/uploads/logo.svg", "<svg/>\n"),
    ("static/admin/config.yml", "backend:\n"),
];

/// A repository with a work tree and these files on `main`.
pub fn work_tree(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q"]);
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        std::fs::write(path, content).expect("written");
    }
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "start"]);
    folder
}

/// A bare copy of it.
pub fn bare(files: &[(&str, &str)]) -> TempDir {
    let source = work_tree(files);
    let folder = tempfile::tempdir().expect("a folder");
    git(source.path(), &["clone", "-q", "--bare", ".", &folder.path().join("site.git").display().to_string()]);
    folder
}
