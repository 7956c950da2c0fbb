//! The committed schemas are those of the types. `GATECHECK_UPDATE=1 cargo test --test schema` writes them anew.

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

use gatecheck::corpus::features::{Teller, table};
use gatecheck::schema;

#[test]
fn schemas_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance-cases/schema");
    let update = std::env::var_os("GATECHECK_UPDATE").is_some();
    for (name, text) in schema::all() {
        let file = folder.join(name);
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == text, "{} is stale; run `GATECHECK_UPDATE=1 cargo test --test schema`", file.display());
    }
}

#[test]
fn every_suite_fits_the_schema() {
    let suite = schema::all().into_iter().find(|(name, _)| *name == "suite.json").map(|(_, text)| text).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&suite).unwrap()).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance-cases");
    let corpus = gatecheck::corpus::Corpus::open(&root).unwrap_or_else(|errors| panic!("{errors:?}"));
    for suite in &corpus.suites {
        let text = std::fs::read_to_string(root.join(&suite.file)).unwrap();
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}:\n{}", suite.file, errors.join("\n"));
    }
}

#[test]
fn every_shipped_gate_file_fits_the_schema_and_the_guide_has_every_field() {
    let schema = schema::all().into_iter().find(|(name, _)| *name == "gate.json").map(|(_, text)| text).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(here.join("gates")).unwrap().map(|entry| entry.unwrap().path().join("gate.yaml"));
    for file in files.filter(|file| file.is_file()) {
        let value: serde_json::Value = serde_saphyr::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}:\n{}", file.display(), errors.join("\n"));
    }
    assert!(!validator.is_valid(&serde_json::json!({ "name": "mine", "command": "gate {site} {port}", "at_once": 2 })));

    let guide = std::fs::read_to_string(here.join("../docs/judge-my-gate.md")).unwrap();
    for field in schema["properties"].as_object().unwrap().keys() {
        assert!(guide.contains(&format!("| `{field}` |")), "docs/judge-my-gate.md has no row for `{field}`");
    }
}

#[test]
fn the_tables_of_features_are_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/judge-my-gate.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let tables = [("features", Teller::Gate), ("features that the runner sees", Teller::Runner)];
    let fresh = tables.into_iter().fold(text.clone(), |text, (name, told_by)| {
        let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (before, rest) = text.split_once(&start).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        format!("{before}{start}{}{end}{after}", table(told_by))
    });
    if std::env::var_os("GATECHECK_UPDATE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    } else {
        assert!(text == fresh, "{} is stale; run `GATECHECK_UPDATE=1 cargo test --test schema`", file.display());
    }
}
