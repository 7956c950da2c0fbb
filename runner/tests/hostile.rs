//! Gates that mean harm, over loopback: neither client reads without end, what came is looked through all the same, and the report says that it was cut.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::io::{Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gatecheck::corpus::Corpus;
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::report::Kind;
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::Verdict;
use gatecheck::wire::plain::{Clients, HttpVersion, Plain, PlainOptions};
use gatecheck::wire::raw::Wire;
use gatecheck::wire::{Answer, End, Exchange, LONGEST_ANSWER, Sent, Target, Trust};

/// How long an exchange may take that ends by its length.
const LONG: Duration = Duration::from_secs(30);
/// How long one may take that nothing else ends.
const SHORT: Duration = Duration::from_millis(400);
const MARK: &[u8] = b"looked-for";

/// What a gate does with a connection on which a request has come.
type Harm = fn(&mut TcpStream) -> std::io::Result<()>;

/// A gate that does harm on every connection; its threads end with their connections.
fn gate(harm: Harm) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(200) {
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || {
                let mut head = [0; 2048];
                let _ = stream.set_write_timeout(Some(Duration::from_secs(10)));
                if stream.read(&mut head).is_ok_and(|count| count > 0) {
                    let _ = harm(&mut stream);
                }
            });
        }
    });
    address
}

/// Writes a piece until the other side has had enough.
fn without_end(stream: &mut TcpStream, piece: &[u8]) -> std::io::Result<()> {
    let pieces = piece.repeat((16 << 10) / piece.len() + 1);
    loop {
        stream.write_all(&pieces)?;
    }
}

fn drips(stream: &mut TcpStream, piece: &[u8]) -> std::io::Result<()> {
    loop {
        stream.write_all(piece)?;
        std::thread::sleep(Duration::from_millis(10));
    }
}

const HARMS: [(&str, Harm); 17] = [
    ("a body without an end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nlooked-for")?;
        without_end(stream, b"aaaaaaaa")
    }),
    ("a body of a length that nobody has", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nlooked-for")?;
        without_end(stream, b"aaaaaaaa")
    }),
    ("chunks without an end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nlooked-for\r\n")?;
        without_end(stream, b"1\r\na\r\n")
    }),
    ("a chunk of a size that nobody has", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\nlooked-for")?;
        without_end(stream, b"aaaaaaaa")
    }),
    ("a chunk extension without an end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: looked-for\r\nTransfer-Encoding: chunked\r\n\r\n5;a=")?;
        without_end(stream, b"aaaaaaaa")
    }),
    ("trailers without an end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: looked-for\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")?;
        without_end(stream, b"X-Trailer: aaaaaaaa\r\n")
    }),
    ("a trailer line without an end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: looked-for\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ")?;
        without_end(stream, b"aaaaaaaa")
    }),
    ("fields without an end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        without_end(stream, b"X: looked-for\r\n")
    }),
    ("a field without an end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: looked-for")?;
        without_end(stream, b"aaaaaaaa")
    }),
    ("interim responses without an end", |stream| {
        without_end(stream, b"HTTP/1.1 103 Early Hints\r\nLink: looked-for\r\n\r\n")
    }),
    ("what is no HTTP, without an end", |stream| without_end(stream, b"<p>looked-for</p>\n")),
    ("a reason without an end", |stream| {
        stream.write_all(b"HTTP/1.1 200 looked-for")?;
        without_end(stream, b"aaaaaaaa")
    }),
    ("a compressed body that is much larger", |stream| {
        let mut coded = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        coded.write_all(MARK)?;
        coded.write_all(&vec![0; 3 * LONGEST_ANSWER])?;
        let coded = coded.finish()?;
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nX: looked-for\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            coded.len()
        )?;
        stream.write_all(&coded)
    }),
    ("a body that drips", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nlooked-for")?;
        drips(stream, b"a")
    }),
    ("a head that drips", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: looked-for")?;
        drips(stream, b"a")
    }),
    ("silence", |stream| stream.read(&mut [0; 1]).map(|_| ())),
    ("half a body, and the end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nlooked-for")
    }),
];

fn target(address: SocketAddr) -> Target {
    Target {
        https: false,
        host: "127.0.0.1".to_owned(),
        port: address.port(),
        connect_to: None,
        trust: Trust::default(),
    }
}

fn get(target: &Target, raw: bool) -> Sent {
    let host = target.host_value();
    Sent {
        raw: raw.then(|| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()),
        byte_exact: raw,
        ..Sent::get(target, "/")
    }
}

async fn by_both(address: SocketAddr, harm: &str) -> [(&'static str, Exchange); 3] {
    let target = target(address);
    let slow = harm.ends_with("drips") || harm == "silence";
    let limit = if slow { SHORT } else { LONG };
    // The ordinary client passes over interim responses by itself, and it is the clock that ends it.
    let of_plain = if slow || harm.starts_with("interim") { SHORT } else { LONG };
    let options = PlainOptions { version: HttpVersion::Http1, limit: of_plain, remote: None };
    let plain = Plain::new(target.clone(), Clients::new(options).unwrap());
    let wire = Wire::new(target.clone(), None, limit);
    [
        ("plain", plain.exchange(get(&target, false)).await.unwrap()),
        ("raw", wire.exchange(get(&target, false)).await.unwrap()),
        ("raw, as a whole", wire.exchange(get(&target, true)).await.unwrap()),
    ]
}

#[test]
fn neither_client_reads_without_end() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (harm, does) in HARMS {
        let address = gate(does);
        for (client, exchange) in runtime.block_on(by_both(address, harm)) {
            let told = format!("{client}: {harm}");
            let bytes = exchange.answer.bytes();
            assert!(bytes.len() <= LONGEST_ANSWER, "{told}: {}", bytes.len());
            assert!(exchange.elapsed < LONG * 2, "{told}: {:?}", exchange.elapsed);
            let end = exchange.answer.response().map(|response| response.end);
            assert!(harm.contains("compressed") || end != Some(End::Whole), "{told}: {end:?}");
            if let Some(decoded) = exchange.answer.response().and_then(gatecheck::wire::Response::decoded) {
                assert!(
                    decoded.cut && decoded.bytes.len() == LONGEST_ANSWER && decoded.bytes.starts_with(MARK),
                    "{told}"
                );
            }
            // The ordinary client gives nothing of a head that it cannot read.
            let gives = client != "plain" || exchange.answer.response().is_some();
            let seen = bytes.windows(MARK.len()).any(|part| part == MARK);
            assert!(seen || !gives || harm == "silence", "{told}: {:?}", &bytes[..bytes.len().min(100)]);
            let too_long = matches!(exchange.answer, Answer::TooLong(_)) || end == Some(End::TooLong);
            let endless = harm.ends_with("without an end") || harm.ends_with("nobody has");
            if client != "plain" && endless && harm != "fields without an end" {
                assert!(too_long, "{told}: {end:?} {}", gatecheck::judge::summary(&exchange.answer));
            }
            if harm.ends_with("drips") && gives {
                assert!(end == Some(End::TimedOut) || matches!(exchange.answer, Answer::TimedOut(_)), "{told}");
            }
        }
    }
}

const CASES: &str = "\
title: One gated page
source: By hand
site:
  rules: |
    /members/* /members/:splat 200! Role=admin
    /members/* /login 302
  files:
    /members/home.html: protected
    /login.html: public
control: in
denied: { status: 302, location: /login }
cases:
  - { id: in, requirement: ROLE-1, request: { path: /members/home, token: admin }, expect: { status: 200, shows: /members/home.html } }
  - { id: out, requirement: ROLE-1, why: w, request: { path: /members/home }, expect: denied }
  - { id: exact, requirement: ROLE-1, why: w, request: { target: /members/home }, expect: denied }
";

/// A corpus with one gated page, asked for by both clients.
fn corpus() -> Arc<Corpus> {
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini");
    let read = |name: &str| std::fs::read_to_string(mini.join(name)).unwrap();
    let files = [
        ("requirements.yaml", read("requirements.yaml")),
        ("tokens.yaml", read("tokens.yaml")),
        ("role/gate.yaml", CASES.to_owned()),
    ];
    let files = files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    Arc::new(Corpus::load("by hand", files).unwrap_or_else(|errors| panic!("{errors:#?}")))
}

#[test]
fn a_report_says_that_an_answer_was_cut_and_what_leaked_before() {
    let corpus = corpus();
    let gate_at = gate(|stream| {
        let canary = gatecheck::deploy::canary("role/gate", "/members/home.html");
        write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{canary}\r\n", canary.len())?;
        without_end(stream, b"4000\r\n").or(Ok(()))
    });
    let gate = Gate::Remote(target(gate_at));
    let options = RunOptions { timeout: LONG, ..RunOptions::default() };
    let plan = Plan::new(&corpus, &gate, &options).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    runtime.block_on(gatecheck::run::run(Arc::clone(&corpus), gate, options, plan, events));
    let mut run = Aggregate::new(ReportOptions::default());
    while let Ok(event) = happened.try_recv() {
        if let Event::CaseFinished(finished) = &event {
            let exchange = finished.exchange.as_ref().unwrap();
            assert!(exchange.answer.bytes().len() <= 100_000, "no more is handed on than a report needs");
            assert!(finished.lengths.wire > 1_000_000 && finished.lengths.wire <= LONGEST_ANSWER);
        }
        run.note(&event);
    }
    for (id, outcome) in &run.outcomes {
        let denied = !id.ends_with("/in");
        assert!(!denied || matches!(outcome.verdict, Verdict::Leak(_)), "{id}: {:?}", outcome.verdict);
        assert!(outcome.came.contains("cut here: more than 4194304 bytes came"), "{id}: {}", outcome.came);
    }
    for kind in
        [Kind::Json, Kind::Har, Kind::Html, Kind::Sarif, Kind::Junit, Kind::Tap, Kind::Markdown, Kind::Annotations]
    {
        let text = kind.render(&run).unwrap();
        assert!(text.contains("more than 4194304 bytes came"), "{kind}");
        assert!(text.len() < 2_000_000, "{kind}: {}", text.len());
    }
}

/// HEAD, 204 and 304 have no content: what comes all the same is there to be read by whoever asks.
#[tokio::test]
async fn what_comes_behind_an_answer_without_content_is_read() {
    let behind: [(&str, Harm); 4] = [
        ("at once", |stream| stream.write_all(b"HTTP/1.1 401 No\r\nContent-Length: 10\r\n\r\nlooked-for")),
        ("apart", |stream| {
            stream.write_all(b"HTTP/1.1 401 No\r\nContent-Length: 10\r\n\r\n")?;
            std::thread::sleep(Duration::from_millis(3));
            stream.write_all(b"looked-for")?;
            std::thread::sleep(Duration::from_millis(500));
            Ok(())
        }),
        ("before it closes", |stream| {
            stream.write_all(b"HTTP/1.1 401 No\r\nConnection: close\r\n\r\n")?;
            std::thread::sleep(Duration::from_millis(3));
            stream.write_all(b"looked-for")
        }),
        ("nothing", |stream| {
            stream.write_all(b"HTTP/1.1 401 No\r\nContent-Length: 10\r\n\r\n")?;
            std::thread::sleep(Duration::from_millis(500));
            Ok(())
        }),
    ];
    for (how, harm) in behind {
        let target = target(gate(harm));
        let sent = Sent { method: "HEAD".into(), ..Sent::get(&target, "/") };
        let exchange = Wire::new(target, None, LONG).exchange(sent).await.unwrap();
        let response = exchange.answer.response().unwrap();
        let wanted = if how == "nothing" { &b""[..] } else { MARK };
        assert_eq!((response.body.as_slice(), response.end), (wanted, End::Whole), "{how}");
        assert!(response.wire.ends_with(wanted), "{how}");
    }
    let endless: Harm = |stream| {
        stream.write_all(b"HTTP/1.1 304 No\r\n\r\nlooked-for")?;
        without_end(stream, b"aaaaaaaa")
    };
    let target = target(gate(endless));
    let exchange = Wire::new(target.clone(), None, LONG).exchange(Sent::get(&target, "/")).await.unwrap();
    let response = exchange.answer.response().unwrap();
    assert!(response.body.starts_with(MARK));
    assert_eq!(response.end, End::TooLong);
    let told = gatecheck::invariants::no_content(&exchange).unwrap().actual;
    assert!(told.contains("more than 4194304 bytes came"), "{told}");
}
