//! Working on failures, from outside: what fits a mistyped word, a saved run told again, only what failed asked again.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Output, Stdio};

use assert_cmd::Command;
use common::text;
use gatecheck::report::json::Report;

const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mini");

/// Where the program keeps its last run in these tests.
fn state() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("state-{:?}", std::thread::current().id()))
}

/// Runs the program over the small corpus, in the root of the checkout.
fn gatecheck(arguments: &[&str]) -> Output {
    common::gatecheck(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), state())
        .args(["--corpus", MINI])
        .args(arguments)
        .output()
        .unwrap()
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
    // What is asked alone, nothing can pass that speaks against a defect, and in such a run nobody is ever turned away.
    let told = gatecheck(&["run", "--only-failed", &report, "--broken-gate", "token/exp-ignored"]);
    assert_eq!(told.status.code(), Some(1));
    let (said, noted) = (text(&told.stdout), text(&told.stderr));
    assert!(!said.contains("everybody is let in") && !said.contains("`exp` is not looked at"), "{said}");
    assert!(noted.contains("only what failed before is asked"), "{noted}");
    let nothing = gatecheck(&["run", "--only-failed", &again]);
    assert_eq!(nothing.status.code(), Some(0));
    assert!(text(&nothing.stdout).contains("nothing that failed"), "{}", text(&nothing.stdout));
}

#[test]
fn a_run_that_was_cut_short_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let whole = read(&broken(folder.path()));
    let (part, rest) = (folder.path().join("part.json"), folder.path().join("rest.json"));
    let format = |file: &Path| format!("json={}", file.display());
    let gate = ["--broken-gate", "token/exp-ignored", "--jobs", "1"];
    // In the order of this seed the case that fails is not the last.
    let first = gatecheck(&[&["run", "--fail-fast", "--seed", "1", "--format", &format(&part)][..], &gate].concat());
    assert_eq!(first.status.code(), Some(1), "{}", text(&first.stderr));
    let cut = read(&part.display().to_string());
    assert_eq!(cut.run.as_ref().unwrap().planned, Some(whole.results.len()), "the report says that it is a part");
    assert!(cut.results.len() < whole.results.len(), "{}", text(&first.stdout));
    assert!(text(&first.stdout).contains(&format!(
        "{} of {} cases were asked",
        cut.results.len(),
        whole.results.len()
    )));
    let part = part.display().to_string();
    let second = gatecheck(&[&["run", "--resume", &part, "--format", &format(&rest)][..], &gate].concat());
    assert_eq!(second.status.code(), Some(1), "{}", text(&second.stderr));
    let all = read(&rest.display().to_string());
    let verdicts = |report: &Report| -> Vec<(String, String)> {
        report.results.iter().map(|result| (result.id.clone(), result.verdict.clone())).collect()
    };
    assert_eq!(verdicts(&all), verdicts(&whole));
    assert_eq!(all.run.as_ref().unwrap().planned, None);
    assert_eq!(all.run.unwrap().conditions.patterns, whole.run.unwrap().conditions.patterns);
    let other = gatecheck(&["run", "--resume", &part]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("name the same gate in the same way"), "{}", text(&other.stderr));
    let nothing = gatecheck(&["run", "--resume", &rest.display().to_string()]);
    assert!(text(&nothing.stdout).contains("nothing is left to ask"), "{}", text(&nothing.stdout));
    // Who resumes a run that has failed gets its status again.
    assert_eq!(nothing.status.code(), Some(1));
}

/// A run that asked nothing is no pass.
#[test]
fn a_run_that_asked_nothing_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut run = read(&broken(folder.path()));
    for result in &mut run.results {
        "unsupported".clone_into(&mut result.verdict);
    }
    std::fs::write(&report, serde_json::to_string(&run).unwrap()).unwrap();
    let told = gatecheck(&["report", &report.display().to_string()]);
    assert_eq!(told.status.code(), Some(3), "{}{}", text(&told.stdout), text(&told.stderr));
    assert!(text(&told.stdout).contains("NOTHING ASKED"), "{}", text(&told.stdout));
}

/// A group has several gates, and these placeholders are those of one.
#[test]
fn a_group_is_not_told_the_path_of_one_gate() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate.yaml");
    std::fs::write(&gate, "name: mine\ngroup: true\ncommand: gate {site} {port} {gate-path}\n").unwrap();
    let run = gatecheck(&["run", "--gate", &gate.display().to_string()]);
    assert_eq!(run.status.code(), Some(2), "{}", text(&run.stdout));
    assert!(text(&run.stderr).contains("leave `group` out"), "{}", text(&run.stderr));
}

/// A gate as a script in the current folder: it is found there, and answers every request with what the folder says.
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

#[test]
fn a_case_is_asked_again_and_both_sides_are_shown() {
    let broken = ["--broken-gate", "token/exp-ignored"];
    let again = gatecheck(&[&["again", "role/denial/expired"], &broken[..]].concat());
    let said = text(&again.stdout);
    assert_eq!(again.status.code(), Some(1), "{said}{}", text(&again.stderr));
    for part in [
        "Sent to http://127.0.0.1:",
        "GET /members/home HTTP/1.1",
        "nf_jwt=<token>",
        "Expected\n  `denied` (status 302, Location `/login`)",
        "HTTP/1.1 200",
        "Verdict: leak",
        "protected /members/home.html in the body",
        "The time of the token was not looked at.",
        "gatecheck serve role/denial --broken-gate token/exp-ignored   keeps the gate up",
        "curl -isS --path-as-is",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(
        gatecheck(&["again", "role/denial/no-token/file", "--broken-gate", "token/exp-ignored"]).status.code(),
        Some(0)
    );
    let unknown = gatecheck(&["again", "role/denial/expird"]);
    assert!(text(&unknown.stderr).contains("did you mean `role/denial/expired`?"), "{}", text(&unknown.stderr));
}

#[test]
fn again_asks_the_gate_of_the_last_run_or_of_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = broken(folder.path());
    let said = text(&gatecheck(&["report", &report]).stdout);
    assert!(said.contains("again     gatecheck again role/denial/expired\n"), "{said}");
    assert!(!said.contains("by hand"), "its gate is gone with its port: {said}");
    assert_eq!(gatecheck(&["again", "role/denial/expired"]).status.code(), Some(1), "the last run's gate leaks");
    assert_eq!(gatecheck(&["run"]).status.code(), Some(0));
    assert_eq!(gatecheck(&["again", "role/denial/expired"]).status.code(), Some(0), "the last run's gate is sound");
    assert_eq!(gatecheck(&["again", "role/denial/expired", "--report", &report]).status.code(), Some(1));
    let named = gatecheck(&["again", "role/denial/expired", "--report", &report, "--gate", "embedded"]);
    assert_eq!(named.status.code(), Some(0), "the gate that is named as well: {}", text(&named.stderr));
}

/// Starts `gatecheck serve`, asks what it prints to be asked, and stops it.
#[cfg(unix)]
#[test]
fn a_suite_is_served_with_its_tokens_until_it_is_stopped() {
    use std::io::Read as _;
    for gate in [&["--broken-gate", "token/exp-ignored"][..], &[]] {
        let mut served = std::process::Command::new(assert_cmd::cargo::cargo_bin("gatecheck"))
            .env("NO_COLOR", "1")
            .args(["--corpus", MINI, "serve", "role/denial"])
            .args(gate)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(served.stdout.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        let address = first.split_whitespace().next().unwrap().strip_prefix("http://").unwrap().to_owned();
        let token = lines.find_map(|line| line.strip_prefix("  admin  ").map(str::to_owned)).unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let request = format!(
            "GET /members/home HTTP/1.1\r\nHost: a.example\r\nCookie: nf_jwt={token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{gate:?}: {answer}");
        let stopped = std::process::Command::new("kill").args(["-TERM", &served.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        assert_eq!(served.wait().unwrap().code(), Some(0));
    }
    let unknown = gatecheck(&["serve", "role/denail"]);
    assert!(text(&unknown.stderr).contains("did you mean `role/denial`?"), "{}", text(&unknown.stderr));
}

/// The program over the whole corpus: there are more suites than anybody wants to read of.
fn on_the_corpus(arguments: &[&str]) -> Output {
    common::gatecheck(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), state()).args(arguments).output().unwrap()
}

#[test]
fn a_gate_that_cannot_be_started_is_told_once() {
    for (command, says) in [
        ("./no-such-program {site} {port}", "no gate  the gate cannot be started: `./no-such-program`: "),
        (
            "sh -c 'echo no secret in {site} >&2; exit 3' {port}",
            "no gate  the gate starts on no site, not on a plain one either: it ended with exit status: 3",
        ),
    ] {
        let run = on_the_corpus(&["run", "--quick", "--launch", command]);
        let told = text(&run.stdout);
        assert_eq!(run.status.code(), Some(3), "{told}");
        assert!(told.starts_with(says), "{told}");
        assert_eq!(told.matches("no gate").count(), 1, "{told}");
        assert!(told.lines().count() < 20, "{told}");
    }
}

#[test]
fn lines_are_as_wide_as_the_terminal() {
    let arguments = ["run", "--broken-gate", "token/exp-ignored", "--all", "--whole", "9"];
    for columns in [80, 100] {
        let mut command = common::gatecheck(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), state());
        let run =
            command.env("COLUMNS", columns.to_string()).args(["--corpus", MINI]).args(arguments).output().unwrap();
        let told = text(&run.stdout);
        // What has no space in it cannot be broken.
        let too_long = |line: &&str| line.chars().count() > columns && line.trim_start().contains(' ');
        let long: Vec<&str> = told.lines().filter(too_long).collect();
        assert!(long.is_empty() && told.contains("again"), "{columns}: {long:#?}");
    }
}

#[test]
fn a_run_that_watches_runs_again_when_a_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.py");
    std::fs::write(&file, "one").unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_gatecheck"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .envs([("NO_COLOR", "1"), ("XDG_STATE_HOME", state().to_str().unwrap())])
        .args(["--corpus", MINI, "run", "role/denial", "--watch", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until = |word: &str| lines.by_ref().map(Result::unwrap).find(|line| line.starts_with(word));
    for change in ["two and more", "three and still more"] {
        assert!(until("pass").is_some());
        assert!(until("waiting for a change in ").is_some());
        std::fs::write(&file, change).unwrap();
    }
    assert!(until("pass").is_some());
    child.kill().unwrap();
    child.wait().unwrap();
    let missing = gatecheck(&["run", "--watch", "./no-such-file"]);
    assert_eq!(missing.status.code(), Some(2), "{}", text(&missing.stdout));
}

/// The command of a gate in Python that answers by these lines, whatever it is asked; said aloud where there is no Python.
#[cfg(unix)]
fn python_gate(folder: &Path, answer: &[&str]) -> Option<String> {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no python3");
        return None;
    }
    let gate = format!(
        "import http.server, sys\n\
         class Gate(http.server.BaseHTTPRequestHandler):\n    \
         def do_GET(self):\n        \
         {}\n    \
         do_HEAD = do_GET\n\
         http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), Gate).serve_forever()\n",
        answer.join("\n        ")
    );
    let file = folder.join("gate.py");
    std::fs::write(&file, gate).unwrap();
    Some(format!("python3 {} {{site}} {{port}}", file.display()))
}

/// Where the settings of a gate are others than those of the suites, that is the cause, and no defect of its tokens is.
#[cfg(unix)]
#[test]
fn that_nobody_is_let_in_is_told_first() {
    let folder = tempfile::tempdir().unwrap();
    let answer = [
        "self.send_response(302)",
        "self.send_header('Location', '/login')",
        "self.send_header('Content-Length', '0')",
        "self.end_headers()",
    ];
    let Some(launch) = python_gate(folder.path(), &answer) else { return };
    let run = on_the_corpus(&["run", "--launch", &launch, "token/exp", "token/nbf", "token/typ", "token/signature"]);
    let said = text(&run.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("1. nobody is let in: the control of") && said.contains("ROLE-1"), "{said}");
    assert!(!said.contains(" 2. "), "nothing else is a cause: {said}");
    // One suite is enough where nothing else is known; and whoever forgot the secret is told so before the first case.
    let run = on_the_corpus(&["run", "--launch", &launch, "role/denial"]);
    let said = text(&run.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("1. nobody is let in: the control failed"), "{said}");
    let without = "`{secret}` stands nowhere in its command";
    let init = common::gatecheck(folder.path(), state()).args(["init", "--launch", &launch]).output().unwrap();
    for note in [text(&run.stderr), text(&init.stderr)] {
        let note = note.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(note.starts_with("note: ") && note.contains(without), "{note}");
    }
    let run = on_the_corpus(&["run", "--launch", &format!("{launch} {{secret}}"), "role/denial"]);
    assert!(!text(&run.stderr).contains("note: "), "{}", text(&run.stderr));
}

/// A gate that throws says why where nobody looks: `again` shows it, and that nothing came.
#[cfg(unix)]
#[test]
fn what_a_gate_prints_is_shown_beside_an_answer_that_did_not_come() {
    let folder = tempfile::tempdir().unwrap();
    let answer = ["raise TypeError('no role in ' + self.headers.get('Cookie', 'nothing'))"];
    let Some(launch) = python_gate(folder.path(), &answer) else { return };
    let again = gatecheck(&["again", "role/denial/expired", "--launch", &format!("{launch} {{secret}}")]);
    let said = text(&again.stdout);
    for part in
        ["\n  connection closed without a response\n", "The gate printed\n", "TypeError: no role in nf_jwt=<token>"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}
