//! A connection whose bytes the script writes itself, and what comes back on it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use rolegate::edge::Connection;
use rolegate_server::server::connection::{Here, plain};
use rolegate_server::server::{OnStop, Shared};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::answers::{self, Next};
use super::requests::Asked;
use super::verdict::Court;

/// Longer than anything takes that waits for nobody.
const QUIET: Duration = Duration::from_millis(1);
/// As long as a gate may leave a client without an answer or an end: longer than each of its own bounds.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to the server, and the task that serves it.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) stream: DuplexStream,
    pub(super) task: JoinHandle<()>,
    pub(super) polls: Arc<AtomicUsize>,
    pub(super) stop: Option<oneshot::Sender<Infallible>>,
}

/// Connects to `server`.
pub(super) fn connect(server: &Arc<Shared>, connection: Connection, room: usize) -> Served {
    let (stream, theirs) = duplex(room);
    let (stop, on_stop) = oneshot::channel();
    let here = Here { server: Arc::clone(server), connection, tunnel: std::sync::Mutex::default() };
    let polls = Arc::new(AtomicUsize::new(0));
    let served = Counted { polls: Arc::clone(&polls), serving: Box::pin(serve(theirs, here, on_stop)) };
    Served { stream, task: tokio::spawn(served), polls, stop: Some(stop) }
}

async fn serve(stream: DuplexStream, here: Here, on_stop: OnStop) {
    plain(stream, here, on_stop).await;
}

impl Served {
    /// The server stops.
    pub(super) fn stop(&mut self) {
        self.stop = None;
    }
}

/// A future that counts how often it is asked.
struct Counted {
    polls: Arc<AtomicUsize>,
    serving: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polls = self.polls.fetch_add(1, Relaxed);
        // RULES-14: far more than any run of the script gives reason for.
        assert!(polls < 100_000, "a connection is busy without an end");
        self.serving.as_mut().poll(cx)
    }
}

/// A connection of HTTP/1.1, or of noise.
#[derive(Debug)]
pub(super) struct Http1 {
    served: Served,
    connection: Connection,
    /// Requests without an answer.
    asked: VecDeque<Asked>,
    sent: Vec<u8>,
    /// What was said in pieces, in one piece.
    words: Vec<u8>,
    received: Vec<u8>,
    /// How much of `received` has been read as answers.
    read: usize,
    /// Since when nobody can tell which bytes are the answer to what.
    noise: Option<usize>,
    ended: bool,
    closed: bool,
    /// The client has let time pass, or has broken off, so the server may have given up.
    excused: bool,
}

impl Http1 {
    pub(super) fn new(served: Served, connection: Connection) -> Http1 {
        Http1 {
            served,
            connection,
            asked: VecDeque::new(),
            sent: Vec::new(),
            words: Vec::new(),
            received: Vec::new(),
            read: 0,
            noise: None,
            ended: false,
            closed: false,
            excused: false,
        }
    }

    /// Sends a request in pieces of `piece` bytes, each of which the server may read by itself.
    pub(super) async fn ask(&mut self, bytes: &[u8], piece: usize, court: &Court<'_>) {
        match Asked::read(bytes, court.history.len().saturating_sub(1)) {
            Some(asked) if self.noise.is_none() => self.asked.push_back(asked),
            _ => self.make_noise(court),
        }
        for piece in bytes.chunks(piece.max(1)) {
            self.send(piece, court).await;
        }
    }

    /// Sends what is no request, with these words in it.
    pub(super) async fn send_noise(&mut self, bytes: &[u8], words: Vec<u8>, court: &Court<'_>) {
        self.make_noise(court);
        self.words.extend(words);
        self.send(bytes, court).await;
    }

    fn make_noise(&mut self, court: &Court<'_>) {
        let since = self.asked.front().map_or(court.history.len().saturating_sub(1), |asked| asked.since);
        self.noise.get_or_insert(since);
    }

    async fn send(&mut self, bytes: &[u8], court: &Court<'_>) {
        self.sent.extend_from_slice(bytes);
        let mut rest = bytes;
        let mut attempts = 0;
        while !rest.is_empty() && !self.closed {
            match timeout(QUIET, self.served.stream.write(rest)).await {
                Ok(Ok(written)) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
                Ok(_) => self.closed = true,
                Err(_) => {
                    // The server writes first; whoever never takes that gets no further.
                    self.take(court).await;
                    attempts += 1;
                    if attempts > 100 {
                        self.closed = true;
                    }
                }
            }
        }
        self.excused |= self.closed;
    }

    /// Takes what is there, and judges each answer that is whole.
    pub(super) async fn take(&mut self, court: &Court<'_>) {
        while !self.ended && self.take_once(QUIET, court).await {}
    }

    /// Whether anything came within `patience`.
    async fn take_once(&mut self, patience: Duration, court: &Court<'_>) -> bool {
        let mut buf = [0; 8 * 1024];
        let Ok(read) = timeout(patience, self.served.stream.read(&mut buf)).await else { return false };
        // A pipe breaks where its other end is dropped.
        let read = read.unwrap_or(0);
        self.ended = read == 0;
        self.received.extend_from_slice(buf.get(..read).unwrap_or_default());
        self.read_answers(court);
        true
    }

    fn read_answers(&mut self, court: &Court<'_>) {
        loop {
            let rest = self.received.get(self.read..).unwrap_or_default();
            let Some(asked) = self.asked.front() else {
                assert!(
                    rest.is_empty() || self.noise.is_some(),
                    "an answer that nobody asked for: {}",
                    String::from_utf8_lossy(rest)
                );
                break;
            };
            match answers::next(rest, asked.method == "HEAD", self.ended) {
                Next::Partial => break,
                Next::Interim(length) => self.read += length,
                Next::Whole(answer, length) => {
                    court.judge(self.connection, asked, &answer);
                    self.read += length;
                    let closes = answer.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
                    self.excused |= closes || asked.is_last || !asked.is_plain;
                    self.asked.pop_front();
                }
                Next::Switched(answer) => {
                    court.judge(self.connection, asked, &answer);
                    self.make_noise(court);
                    self.excused = true;
                    break;
                }
            }
        }
    }

    /// Lets time pass.
    pub(super) fn excuse(&mut self) {
        self.excused = true;
    }

    pub(super) fn stop(&mut self) {
        self.served.stop();
        self.excused = true;
    }

    /// Ends the client's side and waits for the server's.
    pub(super) async fn finish(mut self, court: &Court<'_>) {
        // The server may have ended first.
        self.served.stream.shutdown().await.ok();
        while !self.ended {
            let came = self.take_once(PATIENCE, court).await;
            assert!(came, "neither an answer nor an end\n{:?}", self.asked);
        }
        // RULES-14: answers that nothing excuses come.
        let deserves_one = !self.excused && self.noise.is_none() && court.upstream_is_good;
        let unanswered = self.asked.front().filter(|asked| asked.is_plain && deserves_one);
        assert!(unanswered.is_none(), "no answer\n{unanswered:?}");
        if let Some(since) = self.noise {
            court.judge_noise(
                since,
                &[self.sent.as_slice(), &self.words].concat(),
                self.received.get(self.read..).unwrap_or_default(),
            );
        }
        let polls = self.served.polls.load(Relaxed);
        let most = 400 + 4 * (self.sent.len() + self.received.len() / 64);
        assert!(polls <= most, "{polls} polls for {} bytes", self.sent.len());
        let served = timeout(PATIENCE, self.served.task).await;
        assert!(matches!(served, Ok(Ok(()))), "the task of a connection ends: {served:?}");
    }
}
