//! `gatecheck.toml` from outside: written by `gatecheck init`, read by `gatecheck run`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

mod common;

use std::path::Path;
use std::process::Output;

use common::text;
use gatecheck::report::json::Report;

const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mini");

/// Runs the program over the small corpus in a folder.
fn gatecheck(folder: &Path, arguments: &[&str]) -> Output {
    common::gatecheck(folder, folder).args(["--corpus", MINI]).args(arguments).output().unwrap()
}

fn report(file: &Path) -> Report {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn what_init_writes_run_reads() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A gate that ends at once is enough to see which one is started, and where.
    let launch = "sh -c 'echo the gate of the file; exit 77' {site} {port}";
    let init =
        ["init", "--launch", launch, "--profile", "format", "--baseline", "known.yaml", "--report", "json=a.json"];
    let written = gatecheck(folder, &init);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert!(text(&written.stdout).contains("known.yaml is written, without any known failure"));
    let run = gatecheck(folder, &["run"]);
    // It can have no site, so that nothing is asked of it.
    assert_eq!(run.status.code(), Some(3), "{}{}", text(&run.stdout), text(&run.stderr));
    assert!(text(&run.stdout).contains("the gate of the file"), "{}", text(&run.stdout));
    let told = report(&folder.join("a.json"));
    assert_eq!(told.run.unwrap().conditions.profile, "format");
    // The command line goes before it, and it can be left out.
    let other = gatecheck(folder, &["run", "--broken-gate", "token/exp-ignored", "--profile", "all"]);
    assert_eq!(other.status.code(), Some(1), "{}", text(&other.stdout));
    std::fs::remove_file(folder.join("a.json")).unwrap();
    assert_eq!(gatecheck(folder, &["run", "--no-config", "role/denial"]).status.code(), Some(0));
    assert!(!folder.join("a.json").exists());
    // Elsewhere it is named, and its paths are those of its folder.
    let below = folder.join("below");
    std::fs::create_dir(&below).unwrap();
    assert_eq!(gatecheck(&below, &["run", "--config", "../gatecheck.toml"]).status.code(), Some(3));
    assert!(folder.join("a.json").exists());
}

#[test]
fn nothing_is_written_over_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("gatecheck.toml");
    std::fs::write(&file, "# mine\n").unwrap();
    let refused = gatecheck(folder, &["init", "https://gate.example", "--suite", "role/denial"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("is there already; nothing was written. --force writes over it"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "# mine\n");
    let forced = gatecheck(folder, &["init", "https://gate.example", "--suite", "role/denial", "--force"]);
    assert!(text(&forced.stdout).contains("over the one that was there"), "{}", text(&forced.stdout));
    assert!(std::fs::read_to_string(&file).unwrap().contains("url = \"https://gate.example\""));
}

const LAUNCH: &str = "gate {site} {port} {secret}";

#[test]
fn what_cannot_be_used_is_not_written_and_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (arguments, says) in [
        (&["init"][..], "nothing says which gate it is; write `gatecheck init --launch"),
        (&["init", "--launch", "gate {sites} {port}"], "did you mean `{site}`?"),
        (&["init", "gate.example"], "`gate.example` is no URL"),
        (&["init", "--gate", "./gate.yaml", "--report", "xml=x"], "no format `xml`"),
        (&["init", "--gate", "./gate.yaml"], "there is no gate file ./gate.yaml"),
        (&["init", "http://127.0.0.1:1"], "--bundle MANIFEST or --suite SUITE says which"),
        (&["init", "http://127.0.0.1:1", "--bundle", "no.json"], "there is no file no.json"),
        (&["init", "--launch", LAUNCH, "--report", "junit=a", "--report", "junit=b"], "`junit=a` is one already"),
        (&["init", "--launch", LAUNCH, "--report", "html=sub/a.html"], "there is no folder sub"),
        (&["init", "--launch", "gate {site} {port} --jwks {jwks}"], "write `--jwks={jwks}` as one word"),
    ] {
        let output = gatecheck(folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(says), "{arguments:?}: {}", text(&output.stderr));
        assert!(!folder.join("gatecheck.toml").exists(), "{arguments:?}");
    }
    std::fs::write(folder.join("gatecheck.toml"), "profile = 'format'\n[settings]\njops = 3\n").unwrap();
    let run = gatecheck(folder, &["run"]);
    assert_eq!(run.status.code(), Some(2));
    let says = "gatecheck.toml:3:1: there is no setting `jops`; did you mean `jobs`?";
    assert!(text(&run.stderr).contains(says), "{}", text(&run.stderr));
}

#[test]
fn quick_asks_a_part_and_says_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quick.json");
    let run = |more: &[&str]| {
        let mut command = common::gatecheck(&root, folder.path());
        command.args(["run", "--quick", "--format", &format!("json={}", file.display())]).args(more).output().unwrap()
    };
    let whole = run(&[]);
    assert_eq!(whole.status.code(), Some(0), "the reference passes: {}", text(&whole.stdout));
    let asked = report(&file).results.len();
    assert!((200..500).contains(&asked), "{asked}");
    assert!(text(&whole.stdout).contains(&format!("quick: {asked} of ")), "{}", text(&whole.stdout));
    let broken = run(&["--broken-gate", "token/exp-ignored"]);
    assert_eq!(broken.status.code(), Some(1), "{}", text(&broken.stdout));
    assert_eq!(run(&["role"]).status.code(), Some(0));
    assert!(report(&file).results.iter().all(|result| result.id.starts_with("role/")));
    assert!(!report(&file).results.is_empty());
}
