//! The walls of this crate: what it may depend on, what `meaning` may import, and how long it may be.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that fails may panic, and reads the disk"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A text to be read in an afternoon has no more lines than this.
const MOST_LINES: usize = 2_500;
/// So many crates `rolegate` itself depends on at most, on a machine with an operating system.
const MOST_CRATES: usize = 12;
/// What `meaning` imports besides itself: the vocabulary that all of the crate shares.
const SHARED: [&str; 11] =
    ["meaning", "authority", "cost", "elsewhere", "json", "refusal", "role_path", "signature", "span", "time", "uri"];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file below `folder` that is no file of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no source lies in {}", folder.display());
    found
}

/// A source without the tests at its end.
fn without_tests(text: &str) -> &str {
    text.split_once("\n#[cfg(test)]\nmod tests").map_or(text, |(code, _)| code)
}

#[test]
fn the_crate_depends_on_what_is_allowed_and_nothing_else() {
    let allowed = text(&folder().join("allowed.txt"));
    let allowed: BTreeSet<&str> = allowed.lines().filter(|line| !line.starts_with('#')).collect();
    let manifest: toml::Table = text(&folder().join("Cargo.toml")).parse().unwrap();
    let of = |table: Option<&toml::Value>| {
        let table = table.and_then(toml::Value::as_table);
        table.map(|table| table.keys().cloned().collect::<BTreeSet<String>>()).unwrap_or_default()
    };
    let mut known = of(manifest.get("dependencies"));
    assert!(known.len() <= MOST_CRATES, "rolegate depends on {} crates; at most {MOST_CRATES}", known.len());
    known.extend(of(manifest.get("build-dependencies")));
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(toml::Table::values) {
        known.extend(of(target.get("dependencies")));
    }
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    assert_eq!(known, allowed, "Cargo.toml and allowed.txt differ");
}

/// `meaning` is read without the rest: it imports its own modules and the vocabulary that all of the crate shares.
#[test]
fn meaning_imports_neither_reading_nor_speed() {
    let meaning = folder().join("src/meaning");
    let own = text(&meaning.join("mod.rs"));
    let own = own.lines().filter_map(|line| line.rsplit_once("mod ")?.1.strip_suffix(';'));
    let allowed: BTreeSet<&str> = own.chain(SHARED).collect();
    for file in sources(&meaning) {
        let source = text(&file);
        for line in without_tests(&source).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for (at, _) in line.match_indices("crate::") {
                let rest = line.get(at + "crate::".len()..).unwrap_or_default();
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                let module = rest.get(..end).unwrap_or_default();
                assert!(allowed.contains(module), "{}: `{}` imports `{module}`", file.display(), line.trim());
            }
        }
    }
}

#[test]
fn meaning_is_read_in_an_afternoon() {
    let lines = |file: &PathBuf| without_tests(&text(file)).lines().count();
    let lines: usize = sources(&folder().join("src/meaning")).iter().map(lines).sum();
    assert!(lines <= MOST_LINES, "`meaning` has {lines} lines without its tests; at most {MOST_LINES}");
}
