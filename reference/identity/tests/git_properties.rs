//! What must hold for every path that an author may write: at random, for the seeds of the fuzz target, and for every input
//! that once broke it.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use rolegate_identity::git::properties::git_tree_paths;

/// Text that looks like a path in the content, with what readers of names take differently.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "content/",
            "static/uploads/",
            "/",
            ".",
            "..",
            "_redirects",
            "netlify.toml",
            "netlify",
            ".git",
            "admin",
            "functions",
            "_headers",
            "a",
            "B",
            "é",
            "\\",
            ":",
            "%2e%2e",
            "%2f",
            "~1",
            " ",
            "\u{200c}",
            "\u{feff}",
            "\u{301}",
            "\u{ff0f}",
            "\u{ff0e}",
            "\u{2024}",
            "\u{2025}",
            "\u{131}",
            "\u{130}",
            "\u{17f}",
            "\u{212a}",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        // A name that decides who gets in, with each letter in some other guise.
        (prop::sample::select(vec!["_redirects", "netlify.toml", "admin", "functions", "_headers"]), any::<u64>())
            .prop_map(|(name, guise)| disguised(name, guise)),
    ];
    (prop::bool::weighted(0.9), vec(piece, 0..10)).prop_map(|(within, pieces)| {
        let start = if within { "content/" } else { "" };
        format!("{start}{}", pieces.concat())
    })
}

fn disguised(name: &str, guise: u64) -> String {
    name.chars()
        .zip(0_u32..)
        .map(|(letter, at)| match guise.rotate_right(at * 3) % 8 {
            0 => letter.to_ascii_uppercase(),
            // The full-width form of ASCII.
            1 => char::from_u32(u32::from(letter) + 0xFEE0).unwrap(),
            2 if letter == 'i' => '\u{131}',
            3 if letter == 'i' => '\u{130}',
            2 if letter == 's' => '\u{17f}',
            4 if letter == 'n' => '\u{f1}',
            _ => letter,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_path_leaves_the_content(path in path()) {
        git_tree_paths(path.as_bytes());
    }

    #[test]
    fn no_bytes_leave_the_content(bytes in vec(any::<u8>(), 0..40)) {
        git_tree_paths(&bytes);
    }
}

#[test]
fn seeds_and_regressions() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut seeds = 0;
    for (folder, prefix) in [("corpus", "seed-"), ("regressions", "")] {
        let folder = fuzz.join(folder).join("git_tree_paths");
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with(prefix) || name == ".gitkeep" {
                continue;
            }
            seeds += usize::from(!prefix.is_empty());
            let input = fs::read(entry.path()).unwrap();
            let outcome = std::panic::catch_unwind(|| git_tree_paths(&input));
            assert!(outcome.is_ok(), "the property does not hold for {name}");
        }
    }
    assert!(seeds > 0, "there is no seed");
}
