//! What belongs to a fuzz target is there for each, and the script that runs them fails where one fails.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The names in a folder, without their last extension.
fn stems(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// What stands behind `before` and in front of `after` in each line.
fn between(text: &str, before: &str, after: &str) -> BTreeSet<String> {
    let of_line = |line: &str| Some(line.split_once(before)?.1.split_once(after)?.0.to_owned());
    text.lines().filter_map(of_line).collect()
}

#[test]
fn every_target_has_all_that_belongs_to_it() {
    let manifest: toml::Table = text("fuzz/Cargo.toml").parse().unwrap();
    let bins = manifest.get("bin").and_then(toml::Value::as_array).unwrap();
    let targets: BTreeSet<String> =
        bins.iter().map(|bin| bin.get("name").and_then(toml::Value::as_str).unwrap().to_owned()).collect();
    assert_eq!(stems("fuzz/fuzz_targets"), targets);
    assert_eq!(stems("fuzz/corpus"), targets);
    assert_eq!(stems("fuzz/regressions"), targets);
    assert_eq!(between(&text("reference/properties/tests/replay.rs"), "    replay(\"", "\""), targets);
    assert_eq!(between(&text("fuzz/README.md"), "| `", "` |"), targets);
    assert!(stems("fuzz/dictionaries").is_subset(&targets), "a dictionary is named for its target");
    // The scripts of others ask for the list.
    assert!(text("fuzz/oss-fuzz/build.sh").contains("$(cargo fuzz list)"));
    assert!(text(".clusterfuzzlite/build.sh").contains("fuzz/oss-fuzz/build.sh"));
}

/// Runs `.ci/fuzz` with this in the place of cargo.
fn run_with(cargo: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cargo");
    fs::write(&path, format!("#!/bin/sh\n{cargo}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut script = Command::new(root().join(".ci/fuzz"));
    let output = script.env("PATH", path).env("TMPDIR", folder.path()).env("FUZZ_AT_ONCE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, said)
}

#[test]
fn a_target_that_fails_fails_the_run_and_is_shown() {
    let (output, said) = run_with("[ $2 = list ] && echo one && exit\necho stat::number_of_executed_units: 7\n");
    assert!(output.status.success() && said.contains("one: stat::number_of_executed_units: 7"), "{said}");
    let crash = "[ $2 = list ] && echo one && echo two && exit\n[ $2 = build ] && exit\n\
        echo \"thread panicked at src/x.rs\"; echo the sentence; echo Base64: eA==; exit 77\n";
    let (output, said) = run_with(crash);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("the sentence") && said.contains("Base64: eA==") && said.contains("one: FAILED"), "{said}");
    assert!(!said.contains("two:"), "{said}");
    let (output, said) = run_with("[ $2 = list ] && echo one && exit\n[ $2 = build ] && exit 1\nexit 0\n");
    assert!(!output.status.success(), "what is not built is no success: {said}");
    let (output, said) = run_with("exit 1\n");
    assert!(!output.status.success(), "no list is no success: {said}");
}

#[test]
fn the_driver_asks_as_often_as_it_is_told() {
    let drive = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_drive")).args(words).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for name in ["advice_opens_nothing", "fix_opens_nothing", "reload_opens_nothing"] {
        let (status, said) = drive(&[name, "20", "7"]);
        assert!(
            status == Some(0) && said.starts_with(&format!("{name}: 20 inputs of seed 7 in ")),
            "{status:?} {said}"
        );
    }
    for (words, says) in [
        (&["no_property", "20"] as &[&str], "no property `no_property`\nusage: drive NAME COUNT [SEED], with one of "),
        (&["fix_opens_nothing"], "a property and a number of inputs, please\n"),
        (&["fix_opens_nothing", "many"], "the number of inputs and the seed are whole numbers\n"),
    ] {
        let (status, said) = drive(words);
        assert!(status == Some(2) && said.starts_with(says), "{status:?} {said}");
    }
}
