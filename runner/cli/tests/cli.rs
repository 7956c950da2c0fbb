//! The command line from outside: what it prints, and the status it ends with.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use common::text;

/// A corpus that does not change, for snapshots of what a person reads.
const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mini");

fn gatecheck(arguments: &[&str]) -> Output {
    common::gatecheck(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), env!("CARGO_TARGET_TMPDIR"))
        .args(arguments)
        .output()
        .unwrap()
}

/// A gate that gives every request the same answer, until the test ends.
fn canned(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || {
                let _ = read_head(&mut stream);
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    format!("http://{address}")
}

fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        seen.push(byte[0]);
    }
    Ok(())
}

/// What differs from run to run: ports, times, digests.
fn steady(output: &str) -> String {
    let mut out = String::new();
    for line in output.lines() {
        let mut line = line.to_owned();
        while let Some(at) = line.find("127.0.0.1:") {
            let end = line[at + 10..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |end| at + 10 + end);
            line.replace_range(at..end, "GATE");
        }
        if let Some(at) = line.find(" in 0.").or_else(|| line.find(" in 1.")).or_else(|| line.find(" in 2.")) {
            line.replace_range(at.., " in TIME");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[test]
fn status_0_the_reference_passes() {
    let output = gatecheck(&["run", "role/denial"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("0 leak"));
}

#[test]
fn status_1_a_gate_that_always_says_200() {
    let url = canned("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    // So wide that no line is broken where its length depends on port and time.
    let output = common::gatecheck(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), env!("CARGO_TARGET_TMPDIR"))
        .env("COLUMNS", "160")
        .args(["--corpus", MINI, "run", &url, "--suite", "role/denial", "--whole", "1", "--no-look"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    insta::assert_snapshot!("always-200", steady(&text(&output.stdout)));
}

#[test]
fn status_1_a_gate_that_denies_everything_proves_nothing() {
    let url = canned("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let report = tempfile::NamedTempFile::new().unwrap();
    let format = format!("json={}", report.path().display());
    let output = gatecheck(&["run", &url, "--suite", "role/denial", "--format", &format, "--no-look"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let report: gatecheck::report::json::Report =
        serde_json::from_str(&std::fs::read_to_string(report.path()).unwrap()).unwrap();
    assert!(report.summary.unproven > 0);
    let denied = report.results.iter().filter(|result| result.expected.contains("denied"));
    assert!(denied.clone().count() > 0);
    for result in denied {
        assert_eq!(result.verdict, "unproven", "{}", result.id);
    }
}

#[test]
fn one_run_writes_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let formats: Vec<String> = gatecheck::report::Kind::ALL
        .iter()
        .filter(|kind| kind.name() != "tap")
        .map(|kind| format!("--format={kind}={}", folder.path().join(kind.name()).display()))
        .collect();
    let mut arguments = vec!["run", "role/denial", "--format", "tap=-"];
    arguments.extend(formats.iter().map(String::as_str));
    let output = gatecheck(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (tap, terminal) = (text(&output.stdout), text(&output.stderr));
    assert!(
        tap.starts_with("TAP version 14\n") && !tap.contains("cases/s"),
        "standard output is the report's alone: {tap}"
    );
    assert!(terminal.contains("0 leak"), "the terminal report makes way: {terminal}");
    for kind in gatecheck::report::Kind::ALL.iter().filter(|kind| kind.name() != "tap") {
        assert!(!std::fs::read(folder.path().join(kind.name())).unwrap().is_empty(), "{kind}");
    }
    let report: gatecheck::report::json::Report =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("json")).unwrap()).unwrap();
    let stamp = report.run.unwrap();
    assert_eq!(stamp.target, "embedded");
    assert!(stamp.started < stamp.finished, "{stamp:?}");
    assert!(stamp.clock_offset.is_some_and(|offset| (-1.5..0.5).contains(&offset)), "its clock is ours: {stamp:?}");
}

/// The corpus of the project has many suites, and a gate at a URL has one.
#[test]
fn status_2_a_url_serves_one_suite() {
    let output = gatecheck(&["run", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--suite"), "{}", text(&output.stderr));
}

#[test]
fn status_2_a_gate_with_a_name_that_is_near() {
    let folder = tempfile::tempdir().unwrap();
    for gate in ["runner/gates/nginx-njs", "mine"] {
        std::fs::create_dir_all(folder.path().join(gate)).unwrap();
        std::fs::write(folder.path().join(gate).join("gate.yaml"), "name: one\n").unwrap();
    }
    for (name, says) in [
        ("nginx-nsj", "runner/gates/nginx-nsj/gate.yaml; did you mean `nginx-njs`?\n"),
        ("mine", "runner/gates/mine/gate.yaml; did you mean `./mine`?\n"),
        ("embeded", "; did you mean `embedded`?\n"),
        ("other", "; write a name under `runner/gates/`, or the path of a gate file"),
    ] {
        let output = common::gatecheck(folder.path(), folder.path()).args(["run", "--gate", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(text(&output.stderr).contains(says), "{name}: {}", text(&output.stderr));
    }
}

#[test]
fn status_2_usage() {
    for (arguments, says) in [
        (&["run", "no/such/case"][..], "no case fits `no/such/case`"),
        (&["run", "--gate", "no-such-gate"], "no-such-gate"),
        (&["run", "http://a.example", "http://b.example"], "one URL"),
        (&["run", "http://a.example/path", "--suite", "role/denial"], "scheme, host and port"),
        (&["run", "--format", "json"], "json=PATH"),
        (&["run", "--format", "xml=x"], "no format `xml`"),
        (&["run", "--format", "html=-"], "for a browser"),
        (&["run", "--format", "json=-", "--format", "tap=-"], "only one --format"),
        (&["run", "--format", "json=no/such/folder/x"], "there is no folder no/such/folder"),
        (&["run", "--no-such-flag"], "--no-such-flag"),
        (&["run", "--launch", "gate {sites} {port}"], "did you mean `{site}`?"),
        (&["run", "--launch", "gate {site}"], "`{port}` stands nowhere"),
        (&["show", "role/denial/no-tokn"], "did you mean"),
        (
            &["run", "http://127.0.0.2:1", "--suite", "role/denial", "--connect-to", "127.0.0.1:1"],
            "`127.0.0.2` is an address: write the one to ask into the URL",
        ),
        (&["run", "--gate", "./mine/gate.yaml"], "there is no ./mine/gate.yaml; write a name under `runner/gates/`"),
        (
            &["run", "--broken-gate", "token/exp-ignord"],
            "no broken gate `token/exp-ignord`; did you mean `token/exp-ignored`?\n",
        ),
        (&["serve", "role/denail"], "no suite `role/denail`; did you mean `role/denial`?\n"),
        (
            &["run", "http://a.example", "--bundle", "out/bundle-1/manifest.json"],
            "write one with `gatecheck bundle out`, which makes out/bundle-1/manifest.json",
        ),
        (
            &["run", "--baseline", "none.yaml"],
            "write one from a JSON report with `gatecheck baseline write none.yaml REPORT",
        ),
        (&["run", "--config", "none.toml"], "`gatecheck init` writes such a file"),
        (&["report", "none.json"], "write one with `gatecheck run --format json=none.json`"),
        (&["audit", "--site", "none"], "name the root of the project, or the folder that is published"),
        (&["audit", "--jobs", "0"], "0 requests at once ask nothing"),
    ] {
        let output = gatecheck(&[&["--corpus", MINI], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(says), "{arguments:?}: {}", text(&output.stderr));
    }
    let many = gatecheck(&["run", "http://127.0.0.1:1"]);
    assert_eq!(many.status.code(), Some(2));
    assert!(text(&many.stderr).contains("--suite"), "one suite is served there: {}", text(&many.stderr));
}

#[test]
fn status_3_no_gate() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = gatecheck(&["run", &format!("http://{closed}"), "--suite", "role/denial"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("cannot be reached"));

    let output = gatecheck(&["run", "--launch", "no-such-program {site} {port}", "role/denial"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("no-such-program"));
}

#[test]
fn status_4_a_faulty_corpus_says_where() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("requirements.yaml"),
        "- { id: A-1, level: MUST, provenance: rfc, sentence: x }\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("tokens.yaml"), "admin: { header: { alg: HS256, typ: JWT } }\n").unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    let suite = "title: t\nsite:\n  rules: /a /b\n  files: {}\ncontrol: one\ncases:\n  - id: one\n    requirement: A-2\n    request: { path: /a, token: admim }\n    expect: { status: 301, location: /b }\n  - id: two\n    requirement: A-1\n    request: { path: /a/../b }\n    expect: { stats: 301 }\n";
    std::fs::write(folder.path().join("a/b.yaml"), suite).unwrap();
    let output = gatecheck(&["--corpus", &folder.path().display().to_string(), "run"]);
    assert_eq!(output.status.code(), Some(4));
    let said = text(&output.stderr).replace(&folder.path().display().to_string(), "CORPUS");
    insta::assert_snapshot!("faulty-corpus", said);
}

#[test]
fn help_of_the_alias_works() {
    let output = gatecheck(&["run", "--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for word in ["--launch", "--bundle", "--show-secrets", "Exit status"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn show_explains_a_case_without_its_secrets() {
    let output = gatecheck(&["--corpus", MINI, "show", "role/denial/expired"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("show", text(&output.stdout));

    let with_token = text(&gatecheck(&["show", "role/denial/admin-is-admitted"]).stdout);
    assert!(
        with_token.contains("nf_jwt=<token>") && with_token.contains(r#"{"alg":"HS256","typ":"JWT"}"#),
        "{with_token}"
    );
    assert!(!with_token.contains("eyJ"), "{with_token}");

    // A token that is shown can be sent, and is what it is called.
    let shown = text(&gatecheck(&["--corpus", MINI, "show", "role/denial/expired", "--show-secrets"]).stdout);
    let claims = shown.lines().find_map(|line| line.trim().strip_prefix("claims ")).unwrap();
    let claims: serde_json::Value = serde_json::from_str(claims.trim()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(claims["exp"].as_u64().unwrap() < now, "{claims}");
}

#[test]
fn a_bundle_that_is_deployed_passes_as_a_whole() {
    let out = tempfile::tempdir().unwrap();
    let bundles = out.path().join("bundles");
    let output = gatecheck(&["bundle", &bundles.display().to_string(), "role", "match", "seed"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let manifest: gatecheck::deploy::Manifest =
        serde_json::from_str(&std::fs::read_to_string(bundles.join("bundle-1/manifest.json")).unwrap()).unwrap();
    assert!(manifest.suites.len() > 5);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rules = std::fs::read(bundles.join("bundle-1/site/_redirects")).unwrap();
    let site = rolegate_server::files::DirSite::open(bundles.join("bundle-1/site")).unwrap();
    let keys = rolegate::token::Keys::hs256(manifest.secret.as_bytes()).unwrap();
    let gate = rolegate_server::in_force::KeyedGate::new(
        rolegate::rules::RuleSet::parse(&rules).rules,
        keys,
        Default::default(),
        site,
    )
    .unwrap();
    let server = runtime
        .block_on(rolegate_server::server::Server::bind(
            ([127, 0, 0, 1], 0).into(),
            rolegate_server::GateInForce::new(gate).into(),
            Default::default(),
        ))
        .unwrap();
    let url = format!("http://{}", server.local_addr());
    runtime.spawn(server.run(std::future::pending()));

    let path = bundles.join("bundle-1/manifest.json").display().to_string();
    let output = gatecheck(&["run", &url, "--bundle", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("left out"), "suites of other bundles are named");
}

#[test]
fn a_run_against_a_broken_gate_says_what_it_looks_like() {
    let run = gatecheck(&["run", "--broken-gate", "token/exp-in-milliseconds", "token/exp", "policy/times"]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    let said = text(&run.stdout);
    // Causes come first, each with an example and what to look at; single findings only where they are asked for.
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines[0].starts_with("What is wrong: 1 cause for "), "{said}");
    assert!(lines[1].contains("`exp` is compared in milliseconds with a clock that counts seconds"), "{said}");
    assert!(lines[2].contains("TOKEN-5"), "{said}");
    for name in ["example", "request", "expected", "got", "again", "look at"] {
        assert!(lines.iter().take(10).any(|line| line.trim_start().starts_with(name)), "{name}: {said}");
    }
    assert!(said.contains("--all tells each of them"), "{said}");
    let markdown =
        gatecheck(&["run", "--broken-gate", "token/exp-in-milliseconds", "token/exp", "--format", "markdown=-"]);
    let copied = "\n   - again: `curl -isS --path-as-is -H 'Cookie: nf_jwt=<token>' 'http://127.0.0.1:8080/";
    assert!(text(&markdown.stdout).contains(copied), "{}", text(&markdown.stdout));
}

#[test]
fn an_unknown_broken_gate_is_named() {
    let run = gatecheck(&["run", "--broken-gate", "token/exp-in-minutes"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("no broken gate `token/exp-in-minutes`"), "{}", text(&run.stderr));
}

#[test]
fn as_the_reference_a_gate_is_held_to_its_choices() {
    // Where the sources disagree everybody may choose, and the reference has.
    let observed = gatecheck(&["run", "--broken-gate", "query/not-asked-for", "query/matching/escapes"]);
    let held = gatecheck(&["run", "--broken-gate", "query/not-asked-for", "--as-reference", "query/matching/escapes"]);
    assert_eq!((observed.status.code(), held.status.code()), (Some(0), Some(1)), "{}", text(&held.stdout));
    let reference = gatecheck(&["run", "--as-reference", "query/matching/escapes"]);
    assert_eq!(reference.status.code(), Some(0), "{}", text(&reference.stdout));
}

#[test]
fn a_run_that_fails_fast_stops_at_the_first_failure() {
    let report = tempfile::NamedTempFile::new().unwrap();
    let format = format!("json={}", report.path().display());
    let run =
        gatecheck(&["run", "--broken-gate", "denial/is-403", "--fail-fast", "--strict", "--format", &format, "token"]);
    // What failed is a MUST of the defence or of the format, whichever came first.
    assert!(matches!(run.status.code(), Some(1 | 5)), "{}", text(&run.stderr));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report.path()).unwrap()).unwrap();
    let verdicts: Vec<&str> =
        report["results"].as_array().unwrap().iter().filter_map(|case| case["verdict"].as_str()).collect();
    assert_eq!(verdicts.iter().filter(|verdict| ["fail", "leak"].contains(verdict)).count(), 1, "{verdicts:?}");
}

/// A gate that never listens, so that the run waits for it; it has a child of its own.
#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_no_gate_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, command) = (folder.path().join("gate.pid"), folder.path().join("gate.sh"));
    let report = folder.path().join("report.json");
    std::fs::write(&command, format!("sleep 300 &\necho $! $$ >'{}'\nwait\n", gate.display())).unwrap();
    let mut run = std::process::Command::new(assert_cmd::cargo::cargo_bin("gatecheck"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args(["run", "role/denial", "--launch", &format!("sh '{}' {{site}} {{port}}", command.display())])
        .args(["--format", &format!("json={}", report.display())])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let soon = |what: &str, holds: &dyn Fn() -> bool| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !holds() {
            assert!(std::time::Instant::now() < deadline, "{what}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    let started = || std::fs::read_to_string(&gate).unwrap_or_default();
    soon("the gate was not started", &|| started().ends_with('\n'));
    let signal = |arguments: &[&str]| std::process::Command::new("kill").args(arguments).output().unwrap().status;
    assert!(signal(&["-TERM", &run.id().to_string()]).success());
    let status = run.wait().unwrap();
    let mut said = String::new();
    run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains("the run was interrupted"), "{said}");
    // The report says it too, and whoever renders it again hears it.
    let told: gatecheck::report::json::Report =
        serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    let run = told.run.unwrap();
    assert!(run.planned.is_some_and(|planned| planned > told.results.len()) && run.millis > 0.0, "{run:?}");
    let again = gatecheck(&["report", &report.display().to_string()]);
    assert_eq!(again.status.code(), Some(4), "{}", text(&again.stdout));
    assert!(text(&again.stdout).contains("CUT SHORT"), "{}", text(&again.stdout));
    for process in started().split_whitespace() {
        soon("the gate still runs", &|| !signal(&["-0", process]).success());
    }
}
