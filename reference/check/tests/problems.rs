//! What a person is told about a rule file: one oddity a file, with the rules that are kept.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rolegate::{MemorySite, RuleFile, RuleFiles, RuleSet};
use rolegate_check::InWords as _;
use rolegate_check::lint::lint;

#[test]
fn problems() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redirects");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 30);
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        let is_toml = file.extension().is_some_and(|extension| extension == "toml");
        let (redirects, toml) = if is_toml { (&[][..], bytes.as_slice()) } else { (bytes.as_slice(), &[][..]) };
        let mut parsed = RuleSet::read(RuleFiles { redirects, toml, headers: b"" });
        parsed.problems.extend(lint(&parsed.rules, &MemorySite::default()));
        parsed.problems.sort_by_key(|problem| problem.span);
        let shown_as = if is_toml { RuleFile::Toml } else { RuleFile::Redirects };
        let mut text = String::new();
        for rule in parsed.rules.rules() {
            writeln!(text, "line {}: {rule}{}", rule.span.line, if rule.is_sealed() { " (sealed)" } else { "" })
                .unwrap();
        }
        for problem in &parsed.problems {
            writeln!(text, "\n{}", problem.render(shown_as.name(), &bytes, false)).unwrap();
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots/problems" }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let bytes = b"/admin/* /admin/:splat Role=admin\n";
    let parsed = RuleSet::parse(bytes);
    let problem = parsed.problems.first().unwrap();
    assert!(problem.render("_redirects", bytes, true).contains("\u{1b}["));
    assert!(!problem.render("_redirects", bytes, false).contains('\u{1b}'));
}
