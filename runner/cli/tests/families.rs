//! The families in the README of the corpus. `GATECHECK_UPDATE=1 cargo test -p gatecheck-cli --test families` writes their table anew.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::path::Path;

#[test]
fn the_table_of_families_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = gatecheck::corpus::Corpus::open(&root).unwrap_or_else(|errors| panic!("{errors:?}"));
    let file = root.join("README.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once("<!-- families -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of families -->").unwrap();
    let table = gatecheck_cli::list::families_table(&corpus);
    let fresh = format!("{before}<!-- families -->\n{table}<!-- end of families -->{after}");
    if std::env::var_os("GATECHECK_UPDATE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    } else {
        assert!(
            text == fresh,
            "README.md is stale; run `GATECHECK_UPDATE=1 cargo test -p gatecheck-cli --test families`"
        );
    }
}

#[test]
fn every_family_has_cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = gatecheck::corpus::Corpus::open(&root).unwrap_or_else(|errors| panic!("{errors:?}"));
    let counts = gatecheck_cli::list::families(&corpus);
    for family in &corpus.families {
        assert!(counts.contains_key(family.id.as_str()), "{} has no case", family.id);
    }
    assert!(counts.len() >= 60, "{} families", counts.len());
}
