//! Living with failures, from outside: order and parts change no verdict; baselines, merging and comparing do what their help says.

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

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::text;
use gatecheck::corpus::Corpus;
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::gates::launch::GateFile;
use gatecheck::report::json::Report;
use gatecheck::run::{Plan, RunOptions};
use gatecheck::shard::Shard;
use gatecheck::wire::{Target, Trust};
use gatecheck_cli::embedded;

const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mini");

/// Ids with their verdicts, in the order in which they came.
fn verdicts(corpus: &Arc<Corpus>, options: RunOptions) -> Vec<(String, String)> {
    verdicts_of(corpus, embedded::gate(), options)
}

fn verdicts_of(corpus: &Arc<Corpus>, gate: Gate, options: RunOptions) -> Vec<(String, String)> {
    let plan = Plan::new(corpus, &gate, &options).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    runtime.block_on(gatecheck::run::run(Arc::clone(corpus), gate, options, plan, events));
    let mut out = Vec::new();
    while let Ok(event) = happened.try_recv() {
        if let Event::CaseFinished(finished) = event {
            let id = finished.case.id().to_owned();
            out.push((id, format!("{:?}", finished.verdict)));
        }
    }
    out
}

#[test]
fn verdicts_depend_on_neither_seed_nor_parts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = Arc::new(Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}")));
    let options = || RunOptions {
        patterns: ["role", "shadow", "cookie/name"].map(str::to_owned).to_vec(),
        ..RunOptions::default()
    };
    let sorted = |verdicts: Vec<(String, String)>| verdicts.into_iter().collect::<BTreeMap<_, _>>();
    let as_written = sorted(verdicts(&corpus, options()));
    assert!(as_written.len() > 100 && as_written.values().any(|verdict| verdict.starts_with("Pass")));
    for seed in [1, 2] {
        let parts = (1..=3).map(|index| Shard::new(index, 3).unwrap());
        let together: Vec<(String, String)> = parts
            .flat_map(|shard| verdicts(&corpus, RunOptions { seed: Some(seed), shard: Some(shard), ..options() }))
            .collect();
        assert_eq!(together.len(), as_written.len(), "no case is asked twice or not at all");
        assert_eq!(sorted(together), as_written, "seed {seed}");
    }
    let order = |seed: u32| {
        let all = verdicts(
            &corpus,
            RunOptions { seed: Some(seed), jobs: 1, patterns: vec!["shadow".to_owned()], ..options() },
        );
        all.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    let first = order(7);
    assert_eq!(first, order(7), "the same seed is the same order");
    assert_ne!(first, order(8));
}

/// Where a gate that falls over finds its port; the test below is that gate when it is set.
const PORT_OF_THE_GATE: &str = "GATECHECK_TEST_PORT";
/// And where it finds its site.
const SITE_OF_THE_GATE: &str = "GATECHECK_TEST_SITE";

/// With which status it refuses sites that name a role; not at all without.
const REFUSAL_OF_THE_GATE: &str = "GATECHECK_TEST_REFUSAL";

/// The gate of the test below.
fn falling_gate() -> GateFile {
    let program = std::env::current_exe().unwrap();
    let mut file = GateFile::of_command(&format!("{} --exact a_gate_that_falls_over --nocapture", program.display()));
    file.env.insert(PORT_OF_THE_GATE.to_owned(), "{port}".to_owned());
    file.env.insert(SITE_OF_THE_GATE.to_owned(), "{site}".to_owned());
    file
}

/// No test: a gate that shows `/members/home` to whoever has a token, of whatever kind, and that falls over under every tenth request while others are
/// under way. The test of the jobs starts this program again to have it.
#[test]
fn a_gate_that_falls_over() {
    let Ok(port) = std::env::var(PORT_OF_THE_GATE) else { return };
    if let Ok(status) = std::env::var(REFUSAL_OF_THE_GATE) {
        let rules = std::fs::read_to_string(Path::new(&std::env::var(SITE_OF_THE_GATE).unwrap()).join("_redirects"));
        if rules.unwrap().contains("Role=") {
            eprintln!("Error: it knows no roles");
            #[expect(clippy::exit, reason = "this is how it refuses a site")]
            std::process::exit(status.parse().unwrap());
        }
    }
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let count = Arc::clone(&count);
        std::thread::spawn(move || {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
                head.push(byte[0]);
            }
            if head.is_empty() {
                return;
            }
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            if number.is_multiple_of(10) {
                // Half of an answer, or nothing, is what those beside it get as well.
                let _ =
                    stream.write_all(&b"HTTP/1.1 302 Found\r\nLoc"[..if number.is_multiple_of(20) { 0 } else { 23 }]);
                #[expect(clippy::exit, reason = "this is how it falls over")]
                std::process::exit(101);
            }
            let home = head.starts_with(b"GET /members/home HTTP/1.1\r\n");
            let token = head.windows(7).any(|part| part == b"nf_jwt=");
            let page = std::env::var(SITE_OF_THE_GATE).ok();
            let page = page.and_then(|site| std::fs::read(Path::new(&site).join("members/home.html")).ok());
            let (status, body) = match (home, token, page) {
                (true, true, Some(page)) => ("200 OK", page),
                (true, false, _) => ("302 Found\r\nLocation: /login", Vec::new()),
                _ => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        });
    }
}

/// A site that a gate does not take: a lack where it says so, right where the ledger allows it, and else a failure of what the suite tests.
#[test]
fn a_refused_site_is_a_lack_a_failure_or_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = Arc::new(Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}")));
    let with = |status: &str, patterns: &[&str]| {
        let mut file = falling_gate();
        file.env.insert(REFUSAL_OF_THE_GATE.to_owned(), status.to_owned());
        let patterns = patterns.iter().map(|one| (*one).to_owned()).collect();
        let found =
            verdicts_of(&corpus, Gate::Launch(Box::new(file)), RunOptions { patterns, ..RunOptions::default() });
        assert!(!found.is_empty());
        found.into_iter().map(|(_, verdict)| verdict).collect::<std::collections::BTreeSet<_>>()
    };
    let only = |found: std::collections::BTreeSet<String>, start: &str, holds: &str| {
        assert!(found.iter().all(|verdict| verdict.starts_with(start) && verdict.contains(holds)), "{found:#?}");
    };
    only(with("77", &["role/denial"]), "Unsupported", "it knows no roles");
    only(with("3", &["role/denial"]), "Fail", "the start of the gate");
    only(with("3", &["role/denial"]), "Fail", "it ended with exit status: 3: Error: it knows no roles");
    only(with("3", &["rules/sealed-without-a-path"]), "Pass", "");
    let nowhere = Gate::Launch(Box::new(GateFile::of_command("false")));
    let options = RunOptions { patterns: vec!["role/denial".to_owned()], ..RunOptions::default() };
    assert!(verdicts_of(&corpus, nowhere, options).iter().all(|(_, verdict)| verdict.starts_with("Error(Unreachable")));
}

#[test]
fn verdicts_do_not_depend_on_how_many_are_asked_at_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = Arc::new(Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}")));
    let found: Vec<BTreeMap<String, String>> = [(1, 1), (4, 2), (16, 3)]
        .map(|(jobs, seed)| {
            let gate = Gate::Launch(Box::new(falling_gate()));
            let options = RunOptions {
                jobs,
                seed: Some(seed),
                patterns: ["role/denial", "shadow/first-match"].map(str::to_owned).to_vec(),
                ..RunOptions::default()
            };
            verdicts_of(&corpus, gate, options).into_iter().collect()
        })
        .into();
    // Nor on which part of the run they are asked in.
    let parts = (1..=2).map(|index| {
        let options = RunOptions {
            shard: Shard::new(index, 2),
            seed: Some(4),
            patterns: ["role/denial", "shadow/first-match"].map(str::to_owned).to_vec(),
            ..RunOptions::default()
        };
        verdicts_of(&corpus, Gate::Launch(Box::new(falling_gate())), options)
    });
    let together: BTreeMap<String, String> = parts.flatten().collect();
    let found: Vec<BTreeMap<String, String>> = found.into_iter().chain([together]).collect();
    for verdict in ["Pass", "Leak", "Fail"] {
        assert!(found[0].values().any(|found| found.starts_with(verdict)), "{verdict}: {found:#?}");
    }
    for (id, verdict) in &found[0] {
        assert!(!verdict.contains("Error") && !verdict.contains("closed without"), "{id}: {verdict}");
        assert!(
            found.iter().all(|run| &run[id] == verdict),
            "{id}: {:?}",
            found.iter().map(|run| &run[id]).collect::<Vec<_>>()
        );
    }
}

fn gatecheck(folder: &Path, arguments: &[&str]) -> Output {
    common::gatecheck(folder, env!("CARGO_TARGET_TMPDIR")).args(["--corpus", MINI]).args(arguments).output().unwrap()
}

/// A gate that says 200 and nothing else.
fn always_200() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
                    head.push(byte[0]);
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
            });
        }
    });
    format!("http://{address}")
}

fn report(folder: &Path, file: &str) -> Report {
    serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap()
}

#[test]
fn zero_is_no_bound() {
    let folder = tempfile::tempdir().unwrap();
    for (argument, values) in
        [("--jobs", &["0"][..]), ("--rate", &["0", "-1", "NaN", "inf"]), ("--timeout", &["0", "-1", "NaN"])]
    {
        for value in values {
            let output = gatecheck(folder.path(), &["run", &format!("{argument}={value}")]);
            assert_eq!(output.status.code(), Some(2), "{argument}={value}");
            assert!(text(&output.stderr).contains(argument), "{}", text(&output.stderr));
        }
    }
}

/// A gate that counts what it is asked: it shows the page to whoever has a token, and sends everybody else to log in.
fn counting(count: Arc<AtomicUsize>) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let count = Arc::clone(&count);
            std::thread::spawn(move || {
                let mut byte = [0];
                loop {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read(&mut byte) {
                            Ok(1) => head.push(byte[0]),
                            _ => return,
                        }
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    let page = gatecheck::deploy::canary("role/denial", "/members/home.html");
                    let (status, body) = match head.windows(7).any(|part| part == b"nf_jwt=") {
                        true => ("200 OK", page.as_str()),
                        false => ("302 Found\r\nLocation: /login", ""),
                    };
                    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                }
            });
        }
    });
    Target { https: false, host: "127.0.0.1".to_owned(), port, connect_to: None, trust: Trust::default() }
}

#[test]
fn the_rate_bounds_every_request() {
    const RATE: u32 = 100;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = Arc::new(Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}")));
    let count = Arc::new(AtomicUsize::new(0));
    let gate = Gate::Remote(counting(Arc::clone(&count)));
    let options =
        RunOptions { patterns: vec!["role/denial".to_owned()], rate: Some(f64::from(RATE)), ..RunOptions::default() };
    let started = std::time::Instant::now();
    let found = verdicts_of(&corpus, gate, options);
    let elapsed = started.elapsed();
    let asked = u32::try_from(count.load(Ordering::SeqCst)).unwrap();
    assert!(asked as usize > found.len() + 3, "{asked} requests for {} cases: the control is asked again", found.len());
    let least = std::time::Duration::from_secs(1) * (asked - 1) / RATE;
    assert!(elapsed >= least, "{asked} requests in {elapsed:?}, and not before {least:?}");
}

#[test]
fn parts_are_run_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for part in ["1/2", "2/2"] {
        let format = format!("json={}.json", &part[..1]);
        let output = gatecheck(folder, &["run", "--shard", part, "--seed", "5", "--format", &format]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains(&format!("seed 5, part {part}")), "{}", text(&output.stdout));
    }
    let output =
        gatecheck(folder, &["merge", "2.json", "1.json", "--format", "json=all.json", "--format", "junit=all.xml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(std::fs::read_to_string(folder.join("all.xml")).unwrap().contains("<testcase"));
    let whole = report(folder, "all.json");
    assert_eq!(whole.results.len(), report(folder, "1.json").results.len() + report(folder, "2.json").results.len());

    let output = gatecheck(folder, &["run", "--format", "json=whole.json"]);
    assert_eq!(output.status.code(), Some(0));
    let output = gatecheck(folder, &["compare", "whole.json", "all.json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("no change; "), "{}", text(&output.stdout));

    let output = gatecheck(folder, &["merge", "1.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("part 2/2 is missing; run it with `--shard 2/2`"),
        "{}",
        text(&output.stderr)
    );
    let output = gatecheck(folder, &["merge", "1.json", "whole.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("whole.json is a whole run"), "{}", text(&output.stderr));
    for wrong in ["3/2", "0/2", "x"] {
        assert_eq!(gatecheck(folder, &["run", "--shard", wrong]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn failures_become_known_and_known_ones_are_held_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = always_200();
    let run = |more: &[&str]| {
        let mut arguments = vec!["run", &url, "--suite", "role/denial", "--no-look"];
        arguments.extend(more);
        gatecheck(folder, &arguments)
    };
    assert_eq!(run(&["--format", "json=before.json"]).status.code(), Some(1));
    let write =
        ["baseline", "write", "known.yaml", "before.json", "--reason", "It has no rules: \"yet\".", "--owner", "edge"];
    let output = gatecheck(folder, &write);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    insta::assert_snapshot!("baseline", std::fs::read_to_string(folder.join("known.yaml")).unwrap());
    let output = gatecheck(folder, &write);
    assert_eq!(output.status.code(), Some(2), "a baseline is not overwritten");
    assert!(text(&output.stderr).contains("is there already"));

    let output = run(&["--baseline", "known.yaml", "--format", "json=known.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("pass, with known failures"), "{}", text(&output.stdout));
    let known = report(folder, "known.json");
    assert!(known.summary.known > 0 && known.summary.fail == 0);
    assert!(known.results.iter().all(|result| result.known.is_some() == result.is_finding()));

    for report in [None, Some("before.json")] {
        let mut arguments = vec!["baseline", "check", "known.yaml"];
        arguments.extend(report.iter().flat_map(|report| ["--report", *report]));
        let output = gatecheck(folder, &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    }

    // The reference does it right, so everything that is known passes now.
    let output = gatecheck(folder, &["run", "--baseline", "known.yaml", "--format", "json=mended.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("STALE BASELINE"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("known.yaml:2:3: all "), "{}", text(&output.stdout));
    assert_eq!(
        gatecheck(folder, &["baseline", "check", "known.yaml", "--report", "mended.json"]).status.code(),
        Some(1)
    );

    let output = gatecheck(folder, &["compare", "before.json", "mended.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("mended"), "{}", text(&output.stdout));
    let output = gatecheck(folder, &["compare", "mended.json", "before.json", "--format", "json=-"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let schema = gatecheck::schema::all().into_iter().find(|(name, _)| *name == "comparison.json").unwrap().1;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let comparison: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(validator.is_valid(&comparison), "{comparison}");
    assert_eq!(comparison["worse"], true);

    let output = gatecheck(
        folder,
        &["matrix", "before.json", "mended.json", "--format", "html=matrix.html", "--format", "markdown=matrix.md"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let steady = |text: &str| {
        let port = url.rsplit(':').next().unwrap();
        text.replace(port, "PORT").replace(env!("CARGO_PKG_VERSION"), "VERSION")
    };
    insta::assert_snapshot!("matrix", steady(&text(&output.stdout)));
    insta::assert_snapshot!("matrix-markdown", steady(&std::fs::read_to_string(folder.join("matrix.md")).unwrap()));
    assert!(std::fs::read_to_string(folder.join("matrix.html")).unwrap().starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_baseline_that_names_nothing_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let known = "- { cases: role/denial/no-tokn, reason: r, owner: o }\n- { cases: role/denial/no-token, reason: r, owner: o, expires: 2020-01-01 }\n";
    std::fs::write(folder.join("known.yaml"), known).unwrap();
    let output = gatecheck(folder, &["baseline", "check", "known.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!("baseline-check", text(&output.stdout));
    std::fs::write(folder.join("known.yaml"), "- cases: role/denial\n  reason: r\n").unwrap();
    let output = gatecheck(folder, &["run", "--baseline", "known.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("known.yaml:2:3: missing field `owner`"), "{}", text(&output.stderr));
}

#[test]
fn ids_of_earlier_releases_still_mean_their_cases() {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for name in ["requirements.yaml", "tokens.yaml", "role/denial.yaml"] {
        files.insert(name.to_owned(), std::fs::read_to_string(Path::new(MINI).join(name)).unwrap());
    }
    let load = |aliases: &str| {
        let mut files = files.clone();
        files.insert("aliases.yaml".to_owned(), aliases.to_owned());
        Corpus::load("by hand", files)
    };
    let corpus = load("role/gates: role/denial\nrole/denial/anonymous: role/denial/no-token\nrole/denial/wrong: { retired: it was }\n").unwrap();
    let fitting = |pattern: &str| corpus.cases().filter(|(_, case)| case.matches(pattern)).count();
    assert_eq!(fitting("role/gates"), fitting("role/denial"));
    assert_eq!(fitting("role/gates/no-token"), 2);
    assert_eq!(fitting("role/denial/anonymous"), 2);
    assert_eq!(fitting("role/gates/*"), fitting("role/denial/*"));
    assert_eq!(corpus.current_id("role/denial/anonymous"), "role/denial/no-token");
    assert_eq!(corpus.current_id("role/gates/no-token"), "role/denial/no-token");
    assert_eq!(corpus.retired("role/denial/wrong"), Some("it was"));
    for (aliases, says) in [
        ("role/denial: role/other\n", "aliases.yaml:1:14: `role/denial` is an id that there is"),
        ("role/old: role/other\n", "`role/old` leads to `role/other`, which is no case and no suite"),
        ("role/old: { gone: why }\n", "write the id that it has now, or `{ retired: WHY }`"),
        ("role/old: { retired: '' }\n", "`retired` is empty"),
    ] {
        let errors = load(aliases).unwrap_err();
        assert!(errors[0].to_string().contains(says), "{}", errors[0]);
    }
}
