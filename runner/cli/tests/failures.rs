//! Working on failures, from outside: what fits a mistyped word, a saved run told again, only what failed asked again.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use gatecheck::report::json::Report;

const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mini");

/// Runs the program over the small corpus, in the root of the checkout.
fn gatecheck(arguments: &[&str]) -> Output {
    Command::cargo_bin("gatecheck")
        .unwrap()
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .env("NO_COLOR", "1")
        .args(["--corpus", MINI])
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The JSON report of a run against a gate that takes expired tokens.
fn broken(folder: &Path) -> String {
    let report = folder.join("report.json").display().to_string();
    let run = gatecheck(&["run", "--broken-gate", "token/exp-ignored", "--format", &format!("json={report}")]);
    assert_eq!(run.status.code(), Some(1), "{}{}", text(&run.stdout), text(&run.stderr));
    report
}

fn read(report: &str) -> Report {
    serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap()
}

#[test]
fn a_mistyped_word_is_answered_with_the_word_that_may_have_been_meant() {
    for (arguments, says) in [
        (&["run", "role/denail"][..], "no case fits `role/denail`; did you mean `role/denial`?"),
        (&["run", "TOKEN7"], "did you mean `TOKEN-7`?"),
        (&["list", "role/denial/expird"], "did you mean `role/denial/expired`?"),
        (&["show", "role/denial/expird"], "did you mean `role/denial/expired`?"),
        (&["self-test", "role/denail"], "did you mean `role/denial`?"),
        (&["run", "--broken-gate", "token/exp-ignord"], "did you mean `token/exp-ignored`?"),
    ] {
        let output = gatecheck(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(says), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_requirement_can_be_a_glob() {
    assert_eq!(text(&gatecheck(&["list", "TOKEN-*"]).stdout), text(&gatecheck(&["list", "TOKEN-7"]).stdout));
    let (all, of_roles) = (text(&gatecheck(&["list"]).stdout), text(&gatecheck(&["list", "ROLE-*"]).stdout));
    assert!(!of_roles.is_empty() && of_roles.len() < all.len(), "{of_roles}");
}

#[test]
fn broken_gates_are_listed_with_what_they_break() {
    let listed = text(&gatecheck(&["list", "--broken-gates", "token/exp-ignored"]).stdout);
    assert!(listed.starts_with("token/exp-ignored") && listed.contains("TOKEN-5"), "{listed}");
}

#[test]
fn a_saved_run_is_told_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let report = broken(folder.path());
    let (again, tap) = (folder.path().join("again.json"), folder.path().join("report.tap"));
    let told = gatecheck(&[
        "report",
        &report,
        "--format",
        &format!("json={}", again.display()),
        "--format",
        &format!("tap={}", tap.display()),
    ]);
    assert_eq!(told.status.code(), Some(1), "the status is that of the run: {}", text(&told.stderr));
    assert!(text(&told.stdout).contains("role/denial/expired"), "{}", text(&told.stdout));
    assert_eq!(std::fs::read_to_string(again).unwrap(), std::fs::read_to_string(&report).unwrap());
    assert!(std::fs::read_to_string(tap).unwrap().starts_with("TAP version 14\n"));
    let other = Command::cargo_bin("gatecheck").unwrap().args(["report", &report]).output().unwrap();
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("another corpus"), "{}", text(&other.stderr));
}

#[test]
fn only_what_failed_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let report = broken(folder.path());
    let failed: Vec<String> =
        read(&report).results.iter().filter(|result| result.is_finding()).map(|result| result.id.clone()).collect();
    assert!(!failed.is_empty() && failed.len() < read(&report).results.len(), "{failed:?}");
    let again = folder.path().join("again.json").display().to_string();
    let run = gatecheck(&["run", "--only-failed", &report, "--format", &format!("json={again}")]);
    assert_eq!(run.status.code(), Some(0), "the reference passes: {}", text(&run.stdout));
    let asked: Vec<String> = read(&again).results.iter().map(|result| result.id.clone()).collect();
    assert_eq!(asked, failed);
    let nothing = gatecheck(&["run", "--only-failed", &again]);
    assert_eq!(nothing.status.code(), Some(0));
    assert!(text(&nothing.stdout).contains("nothing that failed"), "{}", text(&nothing.stdout));
}

/// A gate as a script in the folder where the user stands: it is found there, and answers every request with what the folder says.
#[cfg(unix)]
#[test]
fn a_command_starts_in_the_folder_of_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("gate.sh"),
        "test -f here.txt && echo found it && exit 7\necho not here; exit 8\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("here.txt"), "").unwrap();
    let run = Command::cargo_bin("gatecheck")
        .unwrap()
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .args(["--corpus", MINI, "run", "--launch", "sh gate.sh {site} {port}"])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(3), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("found it"), "{}", text(&run.stdout));
}
