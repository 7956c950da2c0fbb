//! Bad weather: a gate, or something in front of it, that limits requests, shows challenge pages or drops connections. It is waited for, and what cannot be
//! asked is *not asked*, never the gate's failure.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gatecheck::corpus::Corpus;
use gatecheck::corpus::source::Access;
use gatecheck::event::{Event, Weather};
use gatecheck::exit::ExitStatus;
use gatecheck::gates::Gate;
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::report::json::Report;
use gatecheck::report::terminal::{TerminalOptions, TerminalReporter};
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::{Fault, Verdict};
use gatecheck::wire::{Target, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const LIMITED: &str = "429 Too Many Requests\r\nRetry-After: 0";
const DENIED: &str = "302 Found\r\nLocation: /login";
const CHALLENGE: &str = "403 Forbidden\r\nCF-Mitigated: challenge";
const DROPPED: &str = "";

/// A server whose answer to request number N, with this request line, is what `answer` says: status and fields, or nothing at all.
async fn server(answer: impl Fn(usize, &str) -> &'static str + Send + Sync + 'static) -> (Target, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let (counted, answer) = (Arc::clone(&count), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (count, answer) = (Arc::clone(&count), Arc::clone(&answer));
            tokio::spawn(async move {
                let mut head = [0; 8192];
                let Ok(read) = stream.read(&mut head).await else { return };
                if read == 0 {
                    return;
                }
                let line = String::from_utf8_lossy(&head[..read]).lines().next().unwrap_or_default().to_owned();
                let fields = answer(count.fetch_add(1, Ordering::SeqCst), &line);
                if fields != DROPPED {
                    let whole = format!("HTTP/1.1 {fields}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    let _ = stream.write_all(whole.as_bytes()).await;
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    (Target { https: false, host: "127.0.0.1".to_owned(), port, connect_to: None, trust: Trust::default() }, counted)
}

struct Seen {
    verdicts: Vec<Verdict>,
    weather: Vec<Weather>,
    run: Aggregate,
}

/// The small corpus against a server.
async fn asked(target: Target, options: RunOptions) -> Seen {
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini");
    let corpus = Arc::new(Corpus::open(&mini).unwrap());
    let gate = Gate::Remote(target);
    let plan = Plan::new(&corpus, &gate, &options).unwrap();
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    gatecheck::run::run(corpus, gate, options, plan, events).await;
    let mut seen = Seen { verdicts: Vec::new(), weather: Vec::new(), run: Aggregate::new(ReportOptions::default()) };
    while let Ok(event) = happened.try_recv() {
        seen.run.note(&event);
        match event {
            Event::CaseFinished(finished) => seen.verdicts.push(finished.verdict),
            Event::Weather(weather) => seen.weather.push(weather),
            _ => {}
        }
    }
    assert!(!seen.verdicts.is_empty());
    seen
}

fn told(run: &Aggregate) -> String {
    let options = TerminalOptions { all: false, whole: 1, observations: false, progress: false, columns: 400 };
    TerminalReporter::new(options).render(run)
}

fn one_job() -> RunOptions {
    RunOptions { jobs: 1, retries: 2, ..RunOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_limits_requests_is_asked_again_and_it_is_told() {
    let limiting = server(|number, _| if number % 3 == 0 { DENIED } else { LIMITED }).await.0;
    let limited = asked(limiting, one_job()).await;
    let free = asked(server(|_, _| DENIED).await.0, one_job()).await;
    assert_eq!(limited.verdicts, free.verdicts, "what is limited and what is not get the same verdicts");
    assert!(free.weather.is_empty() && free.run.weather.is_fair());
    assert!(matches!(limited.weather[..], [Weather::Pause { status: 429, .. }, ..]), "{:?}", limited.weather);
    let text = told(&limited.run);
    assert!(text.contains("put off, because the gate asked for a pause (429, or 503 with Retry-After)"), "{text}");
    let report = serde_json::to_value(Report::of(&limited.run)).unwrap();
    assert_eq!(report["run"]["weather"]["put_off"], limited.weather.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_answered_is_not_asked_and_the_gate_is_left_alone() {
    let (target, count) = server(|_, _| LIMITED).await;
    let seen = asked(target, one_job()).await;
    for verdict in &seen.verdicts {
        let Verdict::Error(Fault::NotAsked(why)) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains("it answered 429 and asked for a pause"), "{why}");
    }
    assert!(count.load(Ordering::SeqCst) < 20, "it is asked no more: {count:?}");
    assert_eq!(seen.run.exit_status(), ExitStatus::Unreachable);
    let text = told(&seen.run);
    assert!(text.contains("not asked: ") && text.contains("left alone"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_pause_than_the_run_waits_for_is_not_waited_for() {
    let started = Instant::now();
    let (target, _) = server(|_, _| "503 Service Unavailable\r\nRetry-After: 100000").await;
    let seen = asked(target, RunOptions { longest_pause: Duration::from_secs(1), ..one_job() }).await;
    assert!(seen.verdicts.iter().all(|verdict| matches!(verdict, Verdict::Error(Fault::NotAsked(_)))));
    assert!(started.elapsed() < Duration::from_secs(1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_page_is_no_answer() {
    let seen = asked(server(|_, _| CHALLENGE).await.0, one_job()).await;
    for verdict in seen.verdicts {
        let Verdict::Error(Fault::NotAsked(why)) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains("a challenge page (`cf-mitigated`)"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_in_an_answer_that_limits_is_a_leak_all_the_same() {
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini");
    let corpus = Corpus::open(&mini).unwrap();
    let suite = corpus.suites.iter().find(|suite| suite.has_protected_files()).unwrap();
    let (path, _) = suite.files.iter().find(|(_, file)| file.access == Access::Protected).unwrap();
    let canary = gatecheck::deploy::canary(&suite.id, path);
    let answer: &'static str = format!("429 Too Many Requests\r\nRetry-After: 0\r\nX-Content: {canary}").leak();
    let seen = asked(server(move |_, _| answer).await.0, one_job()).await;
    assert!(seen.verdicts.iter().any(|verdict| matches!(verdict, Verdict::Leak(_))), "{:?}", seen.verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_drop_are_asked_again() {
    let (target, _) = server(|number, _| if number % 2 == 0 { DROPPED } else { DENIED }).await;
    let dropping = asked(target, one_job()).await;
    let free = asked(server(|_, _| DENIED).await.0, one_job()).await;
    assert_eq!(dropping.verdicts, free.verdicts);
    assert!(dropping.weather.contains(&Weather::Dropped));
    let text = told(&dropping.run);
    assert!(text.contains("sent again, because the connection ended before the answer"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_drops_every_connection_was_not_asked() {
    let seen = asked(server(|_, _| DROPPED).await.0, one_job()).await;
    for verdict in seen.verdicts {
        let Verdict::Error(Fault::NotAsked(why)) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains("connections drop"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_bounded_by_the_rate() {
    let (target, count) = server(|number, _| if number % 4 == 0 { LIMITED } else { DENIED }).await;
    let started = Instant::now();
    asked(target, RunOptions { jobs: 8, rate: Some(40.0), ..RunOptions::default() }).await;
    let gaps = u32::try_from(count.load(Ordering::SeqCst)).unwrap() - 1;
    assert!(started.elapsed() >= Duration::from_millis(25) * gaps, "{gaps} in {:?}", started.elapsed());
}
