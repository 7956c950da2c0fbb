//! The socket, with a copy of what hyper has read from it.
//!
//! Why this exists: see [`super::head`]. hyper reads request heads from this adapter and tidies
//! them; the adapter keeps the same bytes, and the service takes each head from here in the order
//! in which hyper calls it. Both sides parse with `httparse`, so both cut a pipeline of several
//! heads at the same bytes. Bodies would break that bond, so there are none: a request that
//! announces one is the last of its connection, and nothing behind it is kept or read as a
//! request.
//!
//! The adapter also bounds how long a client may leave the answer unread, and closes in two steps
//! (RFC 9112 §9.6): it stops writing, then reads and drops a bounded rest, so that the answer is
//! not lost to a reset while the client is still sending.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::head::{self, Fault, Head, HeadLimits};
use super::preface::Preface;
use super::timer::HeadClock;
use crate::pace::{Measure, Pace};

/// How long the adapter waits for the client to close after the last answer.
const LINGER: Duration = Duration::from_secs(1);
/// How many bytes it reads and drops meanwhile.
const LINGER_BYTES: usize = 256 * 1024;

/// The copy holds at most so many heads of the largest size.
const COPIES: usize = 8;
/// The room for a copy that an idle connection keeps.
const KEPT: usize = 1024;

/// The bytes that hyper has read and whose requests have not been answered yet.
///
/// One clone belongs to the socket, the other to the service of the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Tap {
    shared: Arc<Mutex<Shared>>,
    limits: HeadLimits,
    clock: HeadClock,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: Vec<u8>,
    /// No further head will be taken from this connection.
    ended: bool,
}

impl Tap {
    /// A tap whose heads come in the time of `clock`.
    pub(crate) fn new(limits: HeadLimits, clock: HeadClock) -> Tap {
        Tap { shared: Arc::default(), limits, clock }
    }

    /// Hands the next request head to `decide` and forgets its bytes.
    ///
    /// After a fault or a head that ends the connection every further call is a fault, whatever
    /// follows in the bytes.
    pub(crate) fn next<T>(&self, decide: impl FnOnce(Result<Head<'_>, Fault>) -> T) -> T {
        self.clock.stop();
        let mut shared = self.lock();
        if shared.ended {
            return decide(Err(Fault::Malformed("a request behind the last of its connection")));
        }
        let Some((head, length)) = head::first(&shared.bytes, self.limits) else {
            shared.end();
            return decide(Err(Fault::Malformed("not a request head")));
        };
        let is_last = head.as_ref().map_or(true, |head| head.last);
        let decided = decide(head);
        if is_last {
            shared.end();
        } else {
            shared.bytes.drain(..length);
            // What a long head took is not kept for as long as the connection is idle.
            if shared.bytes.is_empty() && shared.bytes.capacity() > KEPT {
                shared.bytes = Vec::new();
            }
        }
        decided
    }

    fn record(&self, read: &[u8]) {
        let mut shared = self.lock();
        if shared.ended {
            return;
        }
        // hyper stops reading at a bound of its own, well below this one. A copy with a gap in it would be worse than
        // none: bytes from behind the gap could pass for a head that hyper never saw.
        if shared.bytes.len().saturating_add(read.len()) > COPIES.saturating_mul(self.limits.head) {
            shared.end();
        } else {
            shared.bytes.extend_from_slice(read);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn end(&mut self) {
        self.ended = true;
        self.bytes = Vec::new();
    }
}

/// A stream whose reads are copied into a [`Tap`], if there is one, and whose client has to take what is written at some
/// pace (PACE-1).
#[derive(Debug)]
pub(crate) struct Tapped<S> {
    stream: S,
    /// What was read from the stream before, and how much of it has been handed on.
    preface: Preface,
    handed_on: usize,
    tap: Option<Tap>,
    pace: Pace,
    /// Runs while a write waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Who else wants to know that a write waits.
    blocked: Option<Arc<AtomicBool>>,
    /// Runs while the end of the client's bytes is awaited, after our own end was sent.
    linger: Option<Pin<Box<Sleep>>>,
    lingered: usize,
    read_ended: bool,
    write_ended: bool,
}

impl<S> Tapped<S> {
    pub(crate) fn new(stream: S, preface: Preface, tap: Option<Tap>, measure: Measure) -> Tapped<S> {
        Tapped {
            stream,
            preface,
            handed_on: 0,
            tap,
            pace: Pace::new(measure),
            stalled: None,
            blocked: None,
            linger: None,
            lingered: 0,
            read_ended: false,
            write_ended: false,
        }
    }

    /// The same, and `blocked` is true while a write waits for the client.
    pub(crate) fn telling(mut self, blocked: Arc<AtomicBool>) -> Tapped<S> {
        self.blocked = Some(blocked);
        self
    }

    fn tell(&self, blocked: bool) {
        if let Some(flag) = &self.blocked {
            flag.store(blocked, Relaxed);
        }
    }

    /// Passes a write's progress on; an error once the client has taken too little for too long.
    fn written(&mut self, progress: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match progress {
            Poll::Ready(Ok(bytes)) if self.pace.late_at().is_some() => {
                self.pace.moved(bytes as u64, Instant::now());
                progress
            }
            Poll::Ready(_) => progress,
            Poll::Pending => self.stalls(cx).map(Err),
        }
    }

    /// Nothing more is to be written.
    fn flushed(&mut self, progress: Poll<io::Result<()>>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if progress.is_pending() {
            return self.stalls(cx).map(Err);
        }
        if self.pace.late_at().is_some() {
            self.pace.clear();
            self.stalled = None;
            self.tell(false);
        }
        progress
    }

    /// Waits for the client until it is late.
    fn stalls(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let now = Instant::now();
        self.pace.wait(now);
        self.tell(true);
        let late = self.pace.late_at().unwrap_or(now);
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(late)));
        if stalled.deadline() != late {
            stalled.as_mut().reset(late);
        }
        stalled.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let tapped = &mut *self;
        match tapped.preface.bytes().get(tapped.handed_on..) {
            Some(rest) if !rest.is_empty() => {
                let part = rest.get(..buf.remaining().min(rest.len())).unwrap_or_default();
                buf.put_slice(part);
                tapped.handed_on = tapped.handed_on.saturating_add(part.len());
                // What follows goes with it: hyper makes room for more each time that it reads a piece of a head.
                if let Poll::Ready(Err(error)) = Pin::new(&mut tapped.stream).poll_read(cx, buf) {
                    return Poll::Ready(Err(error));
                }
            }
            _ => ready!(Pin::new(&mut tapped.stream).poll_read(cx, buf))?,
        }
        let read = buf.filled().get(before..).unwrap_or_default();
        tapped.read_ended = read.is_empty();
        if let Some(tap) = &tapped.tap {
            tap.record(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(progress, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = bufs.iter().filter(|buf| !buf.is_empty());
        let progress = match (filled.next(), filled.next()) {
            // What is one piece goes by the plain system call, which has less to do than the one for several.
            (Some(only), None) => Pin::new(&mut self.stream).poll_write(cx, only),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        };
        self.written(progress, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(cx);
        self.flushed(progress, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tapped = &mut *self;
        if let Some(tap) = &tapped.tap {
            tap.clock.stop();
        }
        if !tapped.write_ended {
            ready!(Pin::new(&mut tapped.stream).poll_shutdown(cx))?;
            tapped.write_ended = true;
        }
        let linger = tapped.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + LINGER)));
        let mut dropped = [0; 4096];
        while !tapped.read_ended && tapped.lingered < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut dropped);
            match Pin::new(&mut tapped.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) => {
                    tapped.lingered = tapped.lingered.saturating_add(buf.filled().len());
                    tapped.read_ended = buf.filled().is_empty();
                }
                Poll::Ready(Err(_)) => tapped.read_ended = true,
                Poll::Pending => {
                    ready!(linger.as_mut().poll(cx));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMITS: HeadLimits = HeadLimits { head: 256, target: 64 };

    fn target(tap: &Tap) -> Result<String, Fault> {
        tap.next(|head| head.map(|head| String::from_utf8_lossy(head.target).into_owned()))
    }

    #[test]
    fn heads_come_in_the_order_of_the_wire() {
        let tap = Tap::new(LIMITS, HeadClock::new());
        tap.record(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTT");
        assert_eq!(target(&tap), Ok("/1".to_owned()));
        tap.record(b"P/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(target(&tap), Ok("/2".to_owned()));
    }

    #[tokio::test]
    async fn the_first_bytes_come_with_what_follows() {
        let head = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let (mut client, mut server) = tokio::io::duplex(64);
        client.write_all(head).await.unwrap();
        let preface = Preface::read(&mut server).await.unwrap().unwrap();
        assert!(preface.bytes().len() < head.len());
        let tap = Tap::new(LIMITS, HeadClock::new());
        let mut tapped = Tapped::new(server, preface, Some(tap.clone()), Measure::new(Duration::from_secs(1), 1));
        let mut read = [0; 64];
        assert_eq!(tapped.read(&mut read).await.unwrap(), head.len());
        assert_eq!(target(&tap), Ok("/".to_owned()));
        client.write_all(head).await.unwrap();
        assert_eq!(tapped.read(&mut read).await.unwrap(), head.len());
        assert_eq!(target(&tap), Ok("/".to_owned()));
    }

    #[test]
    fn nothing_behind_a_body_is_a_request() {
        let tap = Tap::new(LIMITS, HeadClock::new());
        tap.record(b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(target(&tap), Ok("/1".to_owned()));
        tap.record(b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(target(&tap).is_err());
    }

    #[test]
    fn a_fault_ends_the_connection() {
        let tap = Tap::new(LIMITS, HeadClock::new());
        tap.record(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(target(&tap).is_err());
        assert!(target(&tap).is_err());
    }

    #[test]
    fn the_copy_is_bounded_and_never_has_a_gap() {
        let tap = Tap::new(LIMITS, HeadClock::new());
        tap.record(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
        for _ in 0..100 {
            tap.record(&[b'x'; 100]);
        }
        assert!(tap.lock().bytes.len() <= COPIES * LIMITS.head);
        tap.record(b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(target(&tap).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_byte_now_and_then_is_late() {
        for (taken, waits, late) in [(1, 7, true), (300, 7, false), (1, 100, true)] {
            let (mut client, server) = tokio::io::duplex(1);
            let measure = Measure::new(Duration::from_secs(30), 10);
            let mut tapped = Tapped::new(server, Preface::default(), None, measure);
            let reader = async {
                for _ in 0..20 {
                    tokio::time::sleep(Duration::from_secs(waits)).await;
                    for _ in 0..taken {
                        client.read_u8().await?;
                    }
                }
                io::Result::Ok(())
            };
            let writer = async move {
                tapped.write_all(&vec![b'x'; 20 * taken]).await?;
                tapped.flush().await
            };
            let (_, written) = tokio::join!(reader, writer);
            assert_eq!(written.is_err(), late, "{taken} bytes every {waits} s");
        }
    }
}
