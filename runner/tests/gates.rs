//! The gates that are shipped: each file opens, each says how it is installed and pins what it takes, and each gate is started and
//! asked where its parts are there. Where they are not, the test says so and asks nothing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message, and one that skips should say so"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatecheck::corpus::Corpus;
use gatecheck::deploy::Deployment;
use gatecheck::event::Event;
use gatecheck::gates::launch::GateFile;
use gatecheck::gates::{Gate, GateError};
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::Verdict;

/// What each gate is asked: the smallest gate there is, and tokens with times, which share one start where a gate shares starts.
const SUITES: [&str; 2] = ["role/denial", "token/exp"];
/// The most lines that a file of glue has.
const GLUE: usize = 100;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gates")
}

/// The folders of the gates, by name.
fn shipped() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut gates: Vec<PathBuf> = entries.filter(|path| path.join("gate.yaml").is_file()).collect();
    gates.sort();
    assert!(gates.len() >= 10, "{gates:?}");
    gates
}

fn open(gate: &Path) -> GateFile {
    GateFile::open(&gate.join("gate.yaml")).unwrap_or_else(|error| panic!("{error}"))
}

fn name(gate: &Path) -> &str {
    gate.file_name().and_then(|name| name.to_str()).unwrap()
}

#[test]
fn every_shipped_gate_file_opens() {
    for here in shipped() {
        let gate = open(&here);
        let place = here.display();
        let told_its_port = [&gate.command].into_iter().chain(gate.files.values()).any(|text| text.contains("{port}"));
        assert!(!gate.name.is_empty() && told_its_port, "{place}");
        assert!(gate.lacks().values().all(|reason| !reason.is_empty()), "{place}");
        assert!(gate.about.is_some() && !gate.needs.is_empty(), "{place}: what it is, and what it needs");
    }
}

#[test]
fn every_shipped_gate_says_how_it_is_installed() {
    for here in shipped() {
        let install = open(&here).install.unwrap_or_else(|| panic!("{}: no line that installs it", here.display()));
        let line = install.replace("{here}", &format!("runner/gates/{}", name(&here)));
        let read_me = std::fs::read_to_string(here.join("README.md")).unwrap();
        for command in [&line, &format!("cargo conform --gate {}", name(&here))] {
            assert!(read_me.lines().any(|said| said == format!("$ {command}")), "{}: {command}", here.display());
        }
        let programs = ["apt-get install ", "npm ci ", "python3 -m venv "];
        assert!(programs.iter().any(|program| install.starts_with(program)), "from Debian, npm or PyPI: {install}");
    }
}

#[test]
fn every_package_of_a_shipped_gate_is_pinned() {
    for here in shipped() {
        let read = |file: &str| std::fs::read_to_string(here.join(file)).ok();
        if let Some(package) = read("package.json") {
            let package: serde_json::Value = serde_json::from_str(&package).unwrap();
            let kinds =
                ["dependencies", "optionalDependencies"].iter().filter_map(|kind| package.get(kind)?.as_object());
            for (dependency, version) in kinds.flatten() {
                let exact = version
                    .as_str()
                    .is_some_and(|version| version.chars().all(|one| one.is_ascii_digit() || one == '.'));
                assert!(exact, "{}: {dependency} {version}", here.display());
            }
            let lock: serde_json::Value = serde_json::from_str(&read("package-lock.json").unwrap()).unwrap();
            let packages = lock.get("packages").and_then(serde_json::Value::as_object).unwrap();
            for (package, what) in packages.iter().filter(|(package, _)| !package.is_empty()) {
                let whole = what.get("integrity").is_some() || what.get("inBundle").is_some();
                assert!(whole && what.get("resolved").is_none(), "{}: {package}", here.display());
            }
        }
        if read("requirements.in").is_some() {
            let pinned = read("requirements.txt").unwrap();
            assert!(pinned.contains("==") && pinned.contains("--hash=sha256:"), "{}", here.display());
        }
    }
}

#[test]
fn glue_is_short() {
    for folder in shipped().into_iter().chain([folder()]) {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for file in files
            .filter(|file| file.extension().is_some_and(|kind| ["js", "mjs", "py"].iter().any(|glue| kind == *glue)))
        {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= GLUE, "{}: {lines} lines", file.display());
        }
    }
}

#[test]
fn every_shipped_gate_runs_where_its_parts_are() {
    let corpus = Arc::new(Corpus::open(&folder().join("../../conformance-cases")).unwrap());
    for here in shipped() {
        let file = open(&here);
        if let Err(missing) = file.is_whole() {
            let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
            continue;
        }
        let run = run(&corpus, file);
        eprintln!("{}: {} pass, {} otherwise", name(&here), run.passed, run.otherwise);
        assert_eq!(run.errors, Vec::<String>::new(), "{}: the harness has errors", here.display());
        assert!(run.passed > 0, "{}: nothing passes", here.display());
    }
}

/// What came of a run; what a gate gets wrong is no matter here.
#[derive(Default)]
struct Run {
    passed: usize,
    otherwise: usize,
    errors: Vec<String>,
}

fn run(corpus: &Arc<Corpus>, file: GateFile) -> Run {
    let patterns = SUITES.iter().map(|suite| (*suite).to_owned()).collect();
    let options = RunOptions { patterns, jobs: 8, timeout: Duration::from_secs(30), ..RunOptions::default() };
    let gate = Gate::Launch(Box::new(file));
    let plan = Plan::new(corpus, &gate, &options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    runtime.block_on(gatecheck::run::run(Arc::clone(corpus), gate, options, plan, events));
    let mut run = Run::default();
    while let Ok(event) = happened.try_recv() {
        match event {
            Event::GateFailed(failed) => run.errors.push(failed.to_string()),
            Event::CaseFinished(finished) => match finished.verdict {
                Verdict::Error(fault) => run.errors.push(format!("{fault:?}")),
                Verdict::Pass => run.passed += 1,
                _ => run.otherwise += 1,
            },
            _ => {}
        }
    }
    run
}

/// The gate notes its port and waits; whoever is quicker listens there, and the gate ends as one does that finds its port taken.
#[cfg(unix)]
#[tokio::test]
async fn a_gate_whose_port_somebody_has_taken_is_started_on_another() {
    let corpus = Corpus::open(&folder().join("../../conformance-cases")).unwrap();
    let suite = corpus.suites.iter().find(|suite| suite.id == "role/denial").unwrap();
    let settings = suite.settings.clone();
    let deployment = Deployment { suites: vec![(suite, String::new())], settings, upstream: String::new() };
    let notes = tempfile::tempdir().unwrap();
    let place = notes.path().display();
    let command = format!(
        "sh -c 'if [ -e {place}/1 ]; then echo {{port}} > {place}/2.new; mv {place}/2.new {place}/2; exec sleep 60; fi; \
         echo {{port}} > {place}/1.new; mv {place}/1.new {place}/1; until [ -e {place}/taken ]; do sleep 0.05; done; exit 1'"
    );
    let gate = Gate::Launch(Box::new(GateFile::of_command(&command)));
    let port_of_start = async |note: &str| loop {
        match std::fs::read_to_string(notes.path().join(note)) {
            Ok(port) => break ([127, 0, 0, 1], port.trim().parse::<u16>().unwrap()).into(),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let thieves = async {
        let first = tokio::net::TcpSocket::new_v4().unwrap();
        first.bind(port_of_start("1").await).unwrap();
        std::fs::write(notes.path().join("taken"), "").unwrap();
        // It listens in the place of the second start, so that this one counts as ready.
        let second = tokio::net::TcpListener::bind(port_of_start("2").await).await.unwrap();
        (first, second)
    };
    let both = async { tokio::join!(gate.start(&deployment), thieves) };
    let (started, taken) = tokio::time::timeout(Duration::from_secs(60), both).await.expect("a second start");
    let running = started.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(running.target.port, taken.1.local_addr().unwrap().port());
    running.stop().await;
}

/// The runner has no upstream where this machine has no free port; a rule that leads nowhere would pass for one that forwards nothing.
#[tokio::test]
async fn a_gate_does_not_start_without_the_upstream_that_its_rules_name() {
    let corpus = Corpus::open(&folder().join("../../conformance-cases")).unwrap();
    let gate = Gate::Launch(Box::new(GateFile::of_command("false")));
    for (suite, is_harness) in [("proxy/forward", true), ("role/denial", false)] {
        let suite = corpus.suites.iter().find(|one| one.id == suite).unwrap();
        let error = gate.start(&Deployment::alone(suite)).await.err().expect("neither starts");
        assert_eq!(matches!(error, GateError::Harness(_)), is_harness, "{}: {error}", suite.id);
    }
}
