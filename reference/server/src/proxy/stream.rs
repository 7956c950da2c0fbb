//! Bodies on their way through the gate: frame by frame, never collected, each side as fast as the other reads.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::fields;
use crate::pace::{Measure, Pace};
use crate::server::shares::Place;

/// What is known of a request's body while it is being passed on.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// When the last of it came.
    pub(super) moved: Instant,
    /// More of it is awaited from the client.
    pub(super) awaited: bool,
    /// The end was reached.
    pub(super) ended: bool,
    /// It was longer than the limit.
    pub(super) too_large: bool,
    /// The client's side broke or was too slow, so the upstream is not to blame.
    pub(super) broken: bool,
}

impl Progress {
    fn new() -> Progress {
        let moved = Instant::now();
        let state = State { moved, awaited: false, ended: false, too_large: false, broken: false };
        Progress(Arc::new(Mutex::new(state)))
    }

    pub(super) fn state(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The body of a request, counted. Trailer fields are dropped, as RFC 9110 §6.5.1 lets any recipient do.
///
/// It looks after its own pace, since an upstream that answers early leaves it on its own.
#[derive(Debug)]
pub(super) struct Upload<B = Incoming> {
    client: Option<B>,
    left: u64,
    progress: Progress,
    pace: Pace,
    late: Option<Pin<Box<Sleep>>>,
    /// PACE-2: what the request holds at the upstream.
    _place: Option<Arc<Place>>,
}

impl<B: Body> Upload<B> {
    pub(super) fn new(
        client: Option<B>,
        limit: u64,
        measure: Measure,
        place: Option<Arc<Place>>,
    ) -> (Upload<B>, Progress) {
        let progress = Progress::new();
        if client.as_ref().is_none_or(Body::is_end_stream) {
            progress.update(|state| state.ended = true);
        }
        let (pace, kept) = (Pace::new(measure), progress.clone());
        (Upload { client, left: limit, progress, pace, late: None, _place: place }, kept)
    }

    /// Ready with an error when the client has sent too little for too long.
    fn awaits(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let now = Instant::now();
        self.pace.wait(now);
        self.progress.update(|state| state.awaited = true);
        let at = self.pace.late_at().unwrap_or(now);
        let late = self.late.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if late.deadline() != at {
            late.as_mut().reset(at);
        }
        ready!(late.as_mut().poll(cx));
        self.progress.update(|state| state.broken = true);
        Poll::Ready(io::Error::other("the body comes too slowly"))
    }
}

impl<B> Body for Upload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let upload = &mut *self;
        loop {
            let Some(client) = &mut upload.client else { return Poll::Ready(None) };
            let Poll::Ready(frame) = Pin::new(client).poll_frame(cx) else {
                return upload.awaits(cx).map(|late| Some(Err(late)));
            };
            let now = Instant::now();
            match frame {
                None => {
                    upload.progress.update(|state| (state.ended, state.moved) = (true, now));
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    upload.progress.update(|state| state.broken = true);
                    return Poll::Ready(Some(Err(io::Error::other(error))));
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    // An empty frame is nothing that has come.
                    if data.is_empty() {
                        continue;
                    }
                    let Some(left) = upload.left.checked_sub(data.len() as u64) else {
                        upload.progress.update(|state| state.too_large = true);
                        return Poll::Ready(Some(Err(io::Error::other("the body is longer than the limit"))));
                    };
                    upload.left = left;
                    upload.pace.moved(data.len() as u64, now);
                    upload.pace.rest(now);
                    upload.progress.update(|state| (state.awaited, state.moved) = (false, now));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.client.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.client.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// The body of an answer; an error once the upstream has been silent for too long.
#[derive(Debug)]
pub(super) struct Download {
    upstream: Incoming,
    idle: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    /// The first piece, where it came before anybody asked for it.
    first: Option<Frame<Bytes>>,
    /// PACE-2: what the request holds at the upstream.
    _place: Arc<Place>,
}

impl Download {
    pub(super) fn new(upstream: Incoming, idle: Duration, place: Arc<Place>) -> Download {
        Download { upstream, idle, silence: None, first: None, _place: place }
    }

    /// PROXY-6.begins: waits for the first piece of a body whose length is known; of any other it is only looked whether it is there, since a stream of
    /// events may have nothing to say for long.
    ///
    /// # Errors
    /// Where the body breaks off before, or nothing comes in time.
    pub(super) async fn begin(&mut self) -> io::Result<()> {
        let is_awaited = self.size_hint().exact().is_some_and(|length| length > 0);
        let first = poll_fn(|cx| match Pin::new(&mut *self).poll_frame(cx) {
            Poll::Pending if !is_awaited => Poll::Ready(None),
            polled => polled,
        });
        self.first = first.await.transpose()?;
        Ok(())
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let download = &mut *self;
        if let Some(first) = download.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        match Pin::new(&mut download.upstream).poll_frame(cx) {
            Poll::Ready(frame) => {
                download.silence = None;
                Poll::Ready(frame.map(|frame| frame.map(filtered).map_err(io::Error::other)))
            }
            Poll::Pending => {
                let idle = download.idle;
                let silence = download.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
                ready!(silence.as_mut().poll(cx));
                Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.upstream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64);
        let rest = self.upstream.size_hint();
        let mut whole = SizeHint::new();
        whole.set_lower(rest.lower().saturating_add(first));
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper.saturating_add(first));
        }
        whole
    }
}

fn filtered(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(trailers) => {
            let passing = trailers.iter().filter(|(name, _)| fields::passes_as_trailer(name));
            let passing: HeaderMap = passing.map(|(name, value)| (name.clone(), value.clone())).collect();
            Frame::trailers(passing)
        }
        Err(data) => data,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::BodyExt as _;
    use tokio::sync::mpsc;

    use super::*;

    /// A body that sends `bytes` every `gap` seconds, for ever.
    fn dripping(bytes: usize, gap: u64) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let (send, receive) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(gap)).await;
                if send.send(Ok(Frame::data(Bytes::from(vec![b'x'; bytes])))).await.is_err() {
                    return;
                }
            }
        });
        Channel(receive)
    }

    struct Channel(mpsc::Receiver<Result<Frame<Bytes>, Infallible>>);

    impl Body for Channel {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(cx)
        }
    }

    /// After how many seconds an upload breaks off, where each piece takes the upstream `busy` seconds.
    async fn breaks_off(bytes: usize, gap: u64, busy: u64) -> Option<u64> {
        let measure = Measure::new(Duration::from_secs(26), 128);
        let (mut upload, progress) = Upload::new(Some(dripping(bytes, gap)), u64::MAX, measure, None);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(600) {
            match upload.frame().await {
                Some(Ok(_)) => tokio::time::sleep(Duration::from_secs(busy)).await,
                _ => {
                    assert!(progress.state().broken);
                    return Some(start.elapsed().as_secs());
                }
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn proxy_6_uploads_keep_a_pace() {
        assert_eq!(breaks_off(1, 7, 0).await, Some(26), "a byte every seven seconds");
        assert_eq!(breaks_off(0, 1, 0).await, Some(26), "empty frames");
        assert_eq!(breaks_off(1, 1000, 0).await, Some(26), "none at all");
        assert_eq!(breaks_off(200, 1, 0).await, None, "slow, and fast enough");
        assert_eq!(breaks_off(4000, 20, 0).await, None);
        assert_eq!(breaks_off(10_000, 1, 60).await, None, "the upstream is slow, not the client");
    }
}
