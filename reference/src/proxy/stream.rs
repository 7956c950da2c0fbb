//! Bodies on their way through the gate: frame by frame, never collected, each side as fast as the other reads.

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

/// What is known of a request's body while it is being passed on.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// When the last of it came.
    pub(super) moved: Instant,
    /// The end was reached.
    pub(super) ended: bool,
    /// It was longer than the limit.
    pub(super) too_large: bool,
    /// The client's side broke, so the upstream is not to blame.
    pub(super) broken: bool,
}

impl Progress {
    fn new() -> Progress {
        Progress(Arc::new(Mutex::new(State { moved: Instant::now(), ended: false, too_large: false, broken: false })))
    }

    pub(super) fn state(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.moved = Instant::now();
        change(&mut state);
    }
}

/// The body of a request, counted. Trailer fields are dropped, as RFC 9110 §6.5.1 lets any recipient do.
#[derive(Debug)]
pub(super) struct Upload {
    client: Option<Incoming>,
    left: u64,
    progress: Progress,
}

impl Upload {
    pub(super) fn new(client: Option<Incoming>, limit: u64) -> (Upload, Progress) {
        let progress = Progress::new();
        if client.as_ref().is_none_or(Body::is_end_stream) {
            progress.update(|state| state.ended = true);
        }
        (Upload { client, left: limit, progress: progress.clone() }, progress)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let upload = &mut *self;
        let Some(client) = &mut upload.client else { return Poll::Ready(None) };
        loop {
            match ready!(Pin::new(&mut *client).poll_frame(cx)) {
                None => {
                    upload.progress.update(|state| state.ended = true);
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    upload.progress.update(|state| state.broken = true);
                    return Poll::Ready(Some(Err(io::Error::other(error))));
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let Some(left) = upload.left.checked_sub(data.len() as u64) else {
                        upload.progress.update(|state| state.too_large = true);
                        return Poll::Ready(Some(Err(io::Error::other("the body is longer than the limit"))));
                    };
                    upload.left = left;
                    upload.progress.update(|_| {});
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
}

impl Download {
    pub(super) fn new(upstream: Incoming, idle: Duration) -> Download {
        Download { upstream, idle, silence: None }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let download = &mut *self;
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
        self.upstream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.upstream.size_hint()
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
