//! Every option of every command, given to the program: what it does then that it does not do without it.
//!
//! The table is held to the program's own list, so that no option comes without a row. What one option does in full is tested
//! beside the code that does it; here it arrives there.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod forwarding;
mod gate;
mod identity;
mod limits;
#[path = "../../../identity/tests/git_gateway/repository.rs"]
mod repository;
mod tokens;
#[path = "../proxy/upstream.rs"]
mod upstream;
mod visitors;

use std::collections::BTreeSet;
use std::sync::Mutex;

/// Commands with commas between, one of their options, and a test that fails where the command does not have it.
type Row = (&'static str, &'static str, fn(&str));

/// The parts of the table.
const TABLE: [&[Row]; 6] =
    [commands::ROWS, tokens::ROWS, visitors::ROWS, forwarding::ROWS, limits::ROWS, identity::ROWS];

/// How many rows are tried at a time.
const AT_ONCE: usize = 4;

/// Each command with each of its options, one by one.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, fn(&str))> {
    TABLE
        .into_iter()
        .flatten()
        .flat_map(|(commands, option, effect)| commands.split(", ").map(|command| (command, *option, *effect)))
}

/// What the program offers a shell to complete, hidden options too: `serve --host`.
fn offered() -> BTreeSet<String> {
    let output = assert_cmd::cargo::cargo_bin_cmd!("rolegate").args(["completions", "bash"]).output().expect("it runs");
    let script = String::from_utf8(output.stdout).expect("UTF-8");
    let mut command = "";
    let mut offered = BTreeSet::new();
    for line in script.lines().map(str::trim) {
        if let Some(label) = line.strip_suffix(')').filter(|label| label.starts_with("rolegate")) {
            command = label;
        } else if let Some(words) = line.strip_prefix("opts=\"") {
            let names: Vec<&str> = command.split("__subcmd__").skip(1).collect();
            let options = words.trim_end_matches('"').split(' ').filter(|word| word.starts_with("--"));
            let own = options.filter(|option| !["--help", "--version"].contains(option));
            offered.extend(own.map(|option| format!("{} {option}", names.join(" "))));
        }
    }
    offered
}

#[test]
fn the_table_has_a_row_for_each_option() {
    let known: BTreeSet<String> = rows().map(|(command, option, _)| format!("{command} {option}")).collect();
    let offered = offered();
    assert!(offered.len() > 100, "the list can be read: {offered:?}");
    let missing: Vec<_> = offered.difference(&known).collect();
    let unknown: Vec<_> = known.difference(&offered).collect();
    assert!(missing.is_empty(), "options without a row in reference/cli/tests/options: {missing:?}");
    assert!(unknown.is_empty(), "rows of options that the program does not have: {unknown:?}");
}

#[test]
fn every_option_has_its_effect() {
    let waiting = Mutex::new(rows().collect::<Vec<_>>().into_iter());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((command, option, effect)) = waiting.lock().unwrap().next() else { break };
                    if std::panic::catch_unwind(|| effect(command)).is_err() {
                        faults.lock().unwrap().push(format!("rolegate {command} {option}"));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "without effect, as the messages above say: {faults:#?}");
}
