//! What the README and the guides say: every command runs as it stands there, every link leads somewhere.
//!
//! A block that begins with ```` ```console ```` is run line by line by `sh`, in a folder of the page, with the two programs of this
//! build in `PATH`. What a comment before a block can say stands in `docs/page.rs`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]
#![cfg(unix)]

#[path = "docs/links.rs"]
mod links;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/programs.rs"]
mod programs;
#[path = "docs/shell.rs"]
mod shell;

use std::path::{Path, PathBuf};

use page::Page;

/// Folders that hold no page of ours.
const NO_PAGES: [&str; 6] = [".git", "target", "node_modules", "corpus", "vectors", "snapshots"];

/// How many lines the README may have, so that its first screen stays its first screen.
const README_LINES: usize = 150;

/// The root of the repository: the nearest folder above this crate that holds the corpus.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().find(|folder| folder.join("conformance-cases").is_dir());
    root.expect("a checkout").canonicalize().expect("a folder")
}

/// Every Markdown file below `folder`, in order.
fn markdown_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if !NO_PAGES.iter().any(|other| name == *other) {
                markdown_files(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Every page of the repository.
fn pages() -> Vec<Page> {
    let root = root();
    let mut files = Vec::new();
    markdown_files(&root, &mut files);
    files.into_iter().map(|file| Page::read(&root, &file)).collect()
}

/// Fails with all of `faults`, if there are any.
fn none_of(faults: &[String], what: &str) {
    assert!(faults.is_empty(), "{} {what}:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_command_runs_as_it_is_written() {
    let programs = programs::Programs::built(&root());
    let pages = pages();
    let faults: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = pages.iter().map(|page| scope.spawn(|| shell::run(page, &programs))).collect();
        runs.into_iter().flat_map(|run| run.join().expect("no panic")).collect()
    });
    none_of(&faults, "commands do not do what their page says");
}

#[test]
fn every_option_that_a_page_names_exists() {
    let programs = programs::Programs::built(&root());
    let faults: Vec<String> = pages().iter().flat_map(|page| programs.unknown_options(page)).collect();
    none_of(&faults, "options are unknown to the program");
}

#[test]
fn every_link_leads_somewhere() {
    let faults: Vec<String> = pages().iter().flat_map(links::dead).collect();
    none_of(&faults, "links lead nowhere");
}

#[test]
fn the_readme_is_short() {
    let lines = std::fs::read_to_string(root().join("README.md")).expect("README.md").lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines, and may have {README_LINES}: move something to docs/");
}
