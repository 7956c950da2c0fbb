//! Connections that one case leaves to the next, and answers that are asked for once: whatever a gate does with connections that stay open, the verdicts are the
//! same.

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

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gatecheck::corpus::Corpus;
use gatecheck::deploy::SiteFiles;
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::Verdict;
use gatecheck::wire::{Target, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What a gate does with a connection.
#[derive(Clone, Copy)]
struct Habit {
    /// After so many answers to the byte-exact wire it is closed, without a word.
    answers: usize,
    /// After a visitor was turned away nobody is let in on it any more.
    bears_a_grudge: bool,
    /// Who is turned away is told something else from the second time on, on whatever connection.
    grows_rude: bool,
}

const SOUND: Habit = Habit { answers: usize::MAX, bears_a_grudge: false, grows_rude: false };

/// How many connections were opened, and how many requests came.
#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    refused_with_a_token: AtomicUsize,
    without_a_token: AtomicUsize,
}

fn is_admin(head: &str) -> bool {
    let parts: Vec<&str> = head.split("nf_jwt=").nth(1).unwrap_or_default().split(['.', '\r', ';']).collect();
    let json = |part: &str| {
        serde_json::from_slice::<serde_json::Value>(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default())
            .unwrap_or_default()
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    parts.len() > 2 && json(parts[0])["typ"] == "JWT" && json(parts[1])["exp"].as_u64().is_some_and(|exp| exp > now)
}

async fn verdicts(habit: Habit) -> (Vec<(String, Verdict)>, Arc<Counts>) {
    let corpus = Arc::new(Corpus::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini")).unwrap());
    let body = SiteFiles::of(&corpus.suites[0]).bodies["/members/home.html"].clone();
    let admitted = [
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(),
        &body,
    ]
    .concat();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counts = Arc::new(Counts::default());
    let counted = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.connections.fetch_add(1, Ordering::SeqCst);
            let (admitted, counted) = (admitted.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                let mut has_refused = false;
                for answers in 1.. {
                    let mut head = vec![0; 8192];
                    let Ok(read @ 1..) = stream.read(&mut head).await else { return };
                    let head = String::from_utf8_lossy(&head[..read]).into_owned();
                    let answer = if is_admin(&head) && !(habit.bears_a_grudge && has_refused) {
                        admitted.clone()
                    } else {
                        has_refused = true;
                        let count = if head.contains("nf_jwt=") {
                            counted.refused_with_a_token.fetch_add(1, Ordering::SeqCst)
                        } else {
                            counted.without_a_token.fetch_add(1, Ordering::SeqCst);
                            0
                        };
                        let more = if habit.grows_rude && count > 0 { "X-Again: you\r\n" } else { "" };
                        format!("HTTP/1.1 302 Found\r\nLocation: /login\r\n{more}Content-Length: 0\r\n\r\n")
                            .into_bytes()
                    };
                    // The ordinary client says what it accepts; it has its own way with connections that end.
                    let may_close = !head.to_ascii_lowercase().contains("accept:");
                    if stream.write_all(&answer).await.is_err() || (may_close && answers >= habit.answers) {
                        return;
                    }
                }
            });
        }
    });
    let gate = Gate::Remote(Target {
        https: false,
        host: "127.0.0.1".to_owned(),
        port,
        connect_to: None,
        trust: Trust::default(),
    });
    let options = RunOptions { jobs: 1, ..RunOptions::default() };
    let plan = Plan::new(&corpus, &gate, &options).unwrap();
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    gatecheck::run::run(corpus, gate, options, plan, events).await;
    let mut seen = Vec::new();
    while let Ok(event) = happened.try_recv() {
        if let Event::CaseFinished(finished) = event {
            seen.push((finished.case.id().to_owned(), finished.verdict));
        }
    }
    assert!(seen.len() > 3);
    seen.sort_by(|one, other| one.0.cmp(&other.0));
    (seen, counts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_gate_has_closed_is_no_failure() {
    for answers in [2, 3, 4, usize::MAX] {
        let (seen, _) = verdicts(Habit { answers, ..SOUND }).await;
        for (id, verdict) in seen {
            assert_eq!(verdict, Verdict::Pass, "{id}, {answers} answers on a connection");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_answers_are_used_again() {
    let (seen, counts) = verdicts(SOUND).await;
    let refused = seen.len() - 1;
    let connections = counts.connections.load(Ordering::SeqCst);
    // Some of the ordinary client and to see that the gate is there, one for the first refused case; then one for each, and not two.
    assert!(connections <= refused + 4, "{connections} connections for {refused} refused cases");
    // Two cases without a token are asked twice each; of the others one is asked without its token.
    assert_eq!(counts.without_a_token.load(Ordering::SeqCst), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_connection_is_found_all_the_same() {
    let (seen, _) = verdicts(Habit { bears_a_grudge: true, ..SOUND }).await;
    for (id, verdict) in seen.into_iter().filter(|(id, _)| !id.ends_with("admin-is-admitted")) {
        let Verdict::Fail(found) = verdict else { panic!("{id}: {verdict:?}") };
        assert!(found[0].what.contains("on the same connection"), "{id}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_that_differs_from_the_one_that_was_kept_is_found() {
    let (seen, _) = verdicts(Habit { grows_rude: true, ..SOUND }).await;
    let told_apart = seen.iter().filter(
        |(_, verdict)| matches!(verdict, Verdict::Fail(found) if found[0].what.contains("bad token is no token")),
    );
    assert!(told_apart.count() > 0, "{seen:?}");
}
