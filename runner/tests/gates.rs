//! The gate files that are shipped: each is opened as `--gate NAME` opens it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::path::Path;

use gatecheck::gates::launch::GateFile;

#[test]
fn every_shipped_gate_file_opens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("gates");
    let mut opened = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let here = entry.unwrap().path();
        if here.is_dir() {
            let gate = GateFile::open(&here.join("gate.yaml")).unwrap_or_else(|error| panic!("{error}"));
            assert!(!gate.name.is_empty() && gate.command.contains("{port}"), "{}", here.display());
            assert!(gate.lacks().values().all(|reason| !reason.is_empty()), "{}", here.display());
            opened.push(here);
        }
    }
    assert!(!opened.is_empty(), "no gate files in {}", folder.display());
}
