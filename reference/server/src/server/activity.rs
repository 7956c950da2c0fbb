//! Whether an HTTP/2 connection does anything, and whether each of its streams does (PACE-1).
//!
//! In HTTP/1.1 a stalled write says that the client does not read. In HTTP/2 a client can leave its windows shut while the
//! socket stays free, so each body notes how much of it the client has let go. Neither requests nor resets are progress,
//! only bytes that leave, and each stream counts for itself: one whose bytes do not leave is reset, and a connection that has
//! many such streams is ended.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::files::body::Body;
use crate::pace::{Measure, Pace};

/// A connection is ended when its streams have stood still for so many times the patience with one of them.
const STALLS: u32 = 16;
/// A body begins with a piece of this size. A client that takes pieces quickly gets larger ones, so that what waits for
/// one that takes nothing is little.
const FIRST_PIECE: usize = 4 * 1024;
/// No piece is larger, nor is a frame of HTTP/2 by default (RFC 9113 §4.2).
const LARGEST_PIECE: usize = 16 * 1024;
/// No piece but the last is smaller. The last is no larger where there are several: nobody watches over what h2 keeps of a
/// body that has ended.
const SMALLEST_PIECE: usize = 1024;
/// A piece is taken quickly that is taken in this time.
const QUICKLY: Duration = Duration::from_secs(1);

/// What happens on one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    measure: Measure,
    /// Requests whose answer is not there yet, and bodies that are not at their end.
    open: AtomicUsize,
    /// Grows with every request, and with every one that is done with.
    turns: AtomicUsize,
    /// For how long streams have stood still, in milliseconds, one beside the other.
    stood: AtomicU64,
    worn_out: Notify,
    /// Whether the socket takes no more at present.
    blocked: Arc<AtomicBool>,
    /// The files that may be open at a time.
    files: Arc<Semaphore>,
}

tokio::task_local! {
    /// The stream that a task is for; hyper tells nobody.
    static STREAM: Arc<Stream>;
}

/// One stream of a connection.
#[derive(Debug)]
struct Stream(Mutex<Pace>);

/// The tasks of the streams of one connection, each of which ends when its client takes too little.
#[derive(Clone, Debug)]
pub(crate) struct Streams(pub(crate) Arc<Activity>);

/// A request whose answer is not there yet.
#[derive(Debug)]
pub(crate) struct Pending(Turn);

/// A request from its beginning to the end of its answer.
#[derive(Debug)]
struct Turn(Arc<Activity>);

/// The body of an answer, cut into pieces.
#[derive(Debug)]
pub(crate) struct Watched {
    body: Body,
    turn: Turn,
    stream: Arc<Stream>,
    /// What the body has given and was not handed on yet.
    rest: Bytes,
    piece: usize,
    /// The size of the last piece and when it was handed on. hyper keeps it until the windows have room for some of it.
    handed: Option<(usize, Instant)>,
    /// The size of the piece before. It is in the hands of h2, which lets hyper go on once the windows had room for it.
    queued: usize,
}

impl Activity {
    pub(crate) fn new(measure: Measure, files: usize) -> Activity {
        Activity {
            measure,
            open: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            stood: AtomicU64::new(0),
            worn_out: Notify::new(),
            blocked: Arc::default(),
            files: Arc::new(Semaphore::new(files.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A request has come.
    pub(crate) fn begin(self: &Arc<Activity>) -> Pending {
        self.turns.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        Pending(Turn(Arc::clone(self)))
    }

    /// A number that is another one when a request has come or is done with.
    pub(crate) fn turns(&self) -> usize {
        self.turns.load(Relaxed)
    }

    /// Nothing is asked, and nothing is being sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.load(Relaxed) == 0
    }

    /// What is true while the socket takes no more.
    pub(crate) fn blocked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.blocked)
    }

    /// The files of this connection that may be open at a time.
    pub(crate) fn files(&self) -> Arc<Semaphore> {
        Arc::clone(&self.files)
    }

    /// Ready when streams have stood still for too long, all in all; then it begins anew.
    pub(crate) async fn worn_out(&self) {
        self.worn_out.notified().await;
    }

    fn stood_still(&self, time: Duration) {
        let most = self.measure.patience.saturating_mul(STALLS).as_millis();
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let stood = self.stood.fetch_add(time, Relaxed).saturating_add(time);
        if u128::from(stood) >= most {
            self.stood.store(0, Relaxed);
            self.worn_out.notify_one();
        }
    }
}

impl Stream {
    fn new(measure: Measure) -> Arc<Stream> {
        Arc::new(Stream(Mutex::new(Pace::new(measure))))
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when the client has taken too little for too long. Asked again whenever its task is woken.
    async fn late(&self, activity: &Activity) {
        loop {
            let at = std::future::poll_fn(|_| self.pace().late_at().map_or(Poll::Pending, Poll::Ready)).await;
            tokio::time::sleep_until(at).await;
            let mut pace = self.pace();
            if pace.late_at().is_none_or(|at| at > Instant::now()) {
                continue;
            }
            // Then it may be another stream's turn, and whether the socket is read at all is looked at elsewhere.
            if !activity.blocked.load(Relaxed) {
                return;
            }
            pace.clear();
            pace.wait(Instant::now());
        }
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let Streams(activity) = self.clone();
        tokio::spawn(async move {
            let known = Stream::new(activity.measure);
            let mut stream = pin!(STREAM.scope(Arc::clone(&known), stream));
            tokio::select! {
                biased;
                () = &mut stream => {}
                // h2 resets a stream that is let go before its end.
                () = known.late(&activity) => tracing::debug!("a client left an answer where it was"),
            }
        });
    }
}

impl Pending {
    /// The answer is there; its body is sent from here on.
    pub(crate) fn answered(self, body: Body) -> Watched {
        let Pending(turn) = self;
        let stream = STREAM.try_with(Arc::clone).unwrap_or_else(|_| Stream::new(turn.0.measure));
        Watched { body, turn, stream, rest: Bytes::new(), piece: FIRST_PIECE, handed: None, queued: 0 }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
        self.0.turns.fetch_add(1, Relaxed);
    }
}

impl Watched {
    /// The client has let go what came before, and wants more.
    fn asked(&mut self, now: Instant) {
        let Some((size, at)) = self.handed.take() else { return };
        let mut pace = self.stream.pace();
        pace.moved(self.queued as u64, now);
        pace.rest(now);
        self.queued = size;
        let quickly = now.saturating_duration_since(at) < QUICKLY;
        let piece = if quickly { self.piece.saturating_mul(2) } else { self.piece / 2 };
        self.piece = piece.clamp(SMALLEST_PIECE, LARGEST_PIECE);
    }

    /// The next piece of what the body has given.
    fn cut(&mut self, now: Instant) -> Bytes {
        let left = self.body.size_hint().exact();
        let left = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        let left = left.saturating_add(self.rest.len());
        let most = if left > SMALLEST_PIECE { left.saturating_sub(SMALLEST_PIECE) } else { left };
        let piece = self.rest.split_to(self.piece.min(most).min(self.rest.len()));
        self.handed = Some((piece.len(), now));
        self.stream.pace().wait(now);
        piece
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let waited = self.stream.pace().waited(Instant::now());
        let Turn(activity) = &self.turn;
        // Whoever resets a stream shortly before it is late has it stand still as well.
        if waited >= activity.measure.patience / 2 && !activity.blocked.load(Relaxed) {
            activity.stood_still(waited);
        }
    }
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let watched = &mut *self;
        let now = Instant::now();
        watched.asked(now);
        while watched.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut watched.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                end => {
                    watched.stream.pace().clear();
                    return Poll::Ready(end);
                }
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => watched.rest = data,
                Err(trailers) => {
                    watched.stream.pace().clear();
                    return Poll::Ready(Some(Ok(trailers)));
                }
            }
        }
        Poll::Ready(Some(Ok(Frame::data(watched.cut(now)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut both = SizeHint::new();
        if let Some(upper) = hint.upper() {
            both.set_upper(upper.saturating_add(rest));
        }
        both.set_lower(hint.lower().saturating_add(rest));
        both
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn activity() -> Arc<Activity> {
        Arc::new(Activity::new(Measure::new(30 * SECOND, 100), 8))
    }

    async fn piece(body: &mut Watched) -> usize {
        body.frame().await.unwrap().unwrap().into_data().unwrap().len()
    }

    #[tokio::test]
    async fn whose_turn_it_is() {
        let activity = activity();
        assert!(activity.is_idle());
        let pending = activity.begin();
        assert!(!activity.is_idle());
        let mut body = pending.answered(Body::of("text"));
        let before = activity.turns();
        assert!(body.frame().await.is_some() && body.frame().await.is_none());
        assert!(!activity.is_idle() && activity.turns() == before, "bytes are no turn");
        drop(body);
        assert!(activity.is_idle() && activity.turns() != before);
        drop(activity.begin());
        assert!(activity.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_grow_with_who_takes_them() {
        let mut body = activity().begin().answered(Body::of(vec![0_u8; 100 * 1024]));
        assert_eq!(body.size_hint().exact(), Some(100 * 1024));
        let mut sizes = Vec::new();
        for wait in [0, 0, 0, 0, 5, 5, 5, 5, 5] {
            sizes.push(piece(&mut body).await / 1024);
            tokio::time::sleep(wait * SECOND).await;
        }
        assert_eq!(sizes, [4, 8, 16, 16, 16, 8, 4, 2, 1]);
        let mut last = 0;
        while !body.is_end_stream() {
            last = piece(&mut body).await;
        }
        assert_eq!(last, SMALLEST_PIECE);
        for (length, pieces) in [(1, [1].as_slice()), (1024, &[1024]), (1500, &[476, 1024]), (6000, &[4096, 880, 1024])]
        {
            let mut body = activity().begin().answered(Body::of(vec![0_u8; length]));
            for size in pieces {
                assert_eq!(piece(&mut body).await, *size, "{length}");
            }
            assert!(body.is_end_stream());
        }
    }

    /// How long a stream lives whose client waits `wait` before it takes each piece.
    async fn lives(activity: &Arc<Activity>, wait: Duration) -> Duration {
        let (start, pending) = (Instant::now(), activity.begin());
        let (over, ended) = tokio::sync::oneshot::channel::<()>();
        hyper::rt::Executor::execute(&Streams(Arc::clone(activity)), async move {
            let mut body = pending.answered(Body::of(vec![0_u8; 20 * 1024]));
            while let Some(frame) = body.frame().await {
                drop(frame);
                tokio::time::sleep(wait).await;
            }
            drop(over);
        });
        let _gone = ended.await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_takes_too_little_is_let_go() {
        let activity = activity();
        assert_eq!(lives(&activity, 1000 * SECOND).await, 30 * SECOND);
        // Slow, and fast enough.
        assert!(lives(&activity, 5 * SECOND).await > 60 * SECOND);
        assert!(activity.is_idle());
        // The socket takes nothing: nobody's own fault.
        activity.blocked().store(true, Relaxed);
        assert!(lives(&activity, 100 * SECOND).await > 1000 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_wears_out_by_resets_too() {
        for wait in [1000 * SECOND, 20 * SECOND] {
            let activity = activity();
            let mut streams = 0;
            let worn_out = activity.worn_out();
            tokio::pin!(worn_out);
            loop {
                // A client that resets each stream after 20 s, and one that leaves them.
                let stream = tokio::time::timeout(wait, lives(&activity, 1000 * SECOND));
                tokio::select! {
                    biased;
                    () = &mut worn_out => break,
                    _ = stream => streams += 1,
                }
                assert!(streams < 100, "never");
            }
            assert!((15..=25).contains(&streams), "{streams}");
        }
    }
}
