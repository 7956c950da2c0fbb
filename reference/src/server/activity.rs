//! Whether an HTTP/2 connection does anything, and whose turn it is.
//!
//! In HTTP/1.1 a stalled write says that the client does not read. In HTTP/2 a client can leave its windows shut while
//! the socket stays free, so the bodies themselves say when they were last asked for more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::files::body::Body;

/// What happens on one connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Requests whose answer is not there yet.
    pending: AtomicUsize,
    /// Bodies that are not at their end.
    open: AtomicUsize,
    /// Those of them that have more, and wait for the client to take it.
    untaken: AtomicUsize,
    /// Grows with every request and every piece of a body.
    progress: AtomicUsize,
}

/// A request whose answer is not there yet.
#[derive(Debug)]
pub(crate) struct Pending(Arc<Activity>);

/// The body of an answer, which tells its connection of its progress.
#[derive(Debug)]
pub(crate) struct Watched {
    body: Body,
    activity: Arc<Activity>,
    untaken: bool,
}

impl Activity {
    /// A request has come.
    pub(crate) fn begin(self: &Arc<Activity>) -> Pending {
        self.progress.fetch_add(1, Relaxed);
        self.pending.fetch_add(1, Relaxed);
        Pending(Arc::clone(self))
    }

    /// A number that is another one when something has happened.
    pub(crate) fn progress(&self) -> usize {
        self.progress.load(Relaxed)
    }

    /// Nothing is asked, and nothing is being sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.load(Relaxed) == 0 && self.open.load(Relaxed) == 0
    }

    /// Something could be sent if the client took it.
    pub(crate) fn waits_for_client(&self) -> bool {
        self.untaken.load(Relaxed) > 0
    }
}

impl Pending {
    /// The answer is there; its body is sent from here on.
    pub(crate) fn answered(self, body: Body) -> Watched {
        let activity = Arc::clone(&self.0);
        activity.open.fetch_add(1, Relaxed);
        activity.untaken.fetch_add(1, Relaxed);
        Watched { body, activity, untaken: true }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Relaxed);
    }
}

impl Watched {
    fn set_untaken(&mut self, untaken: bool) {
        match (self.untaken, untaken) {
            (false, true) => self.activity.untaken.fetch_add(1, Relaxed),
            (true, false) => self.activity.untaken.fetch_sub(1, Relaxed),
            _ => 0,
        };
        self.untaken = untaken;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.set_untaken(false);
        self.activity.open.fetch_sub(1, Relaxed);
        self.activity.progress.fetch_add(1, Relaxed);
    }
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.activity.progress.fetch_add(1, Relaxed);
        self.set_untaken(matches!(polled, Poll::Ready(Some(Ok(_)))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn whose_turn_it_is() {
        let activity = Arc::new(Activity::default());
        assert!(activity.is_idle());
        let pending = activity.begin();
        assert!(!activity.is_idle() && !activity.waits_for_client());
        let mut body = pending.answered(Body::of("text"));
        assert!(!activity.is_idle() && activity.waits_for_client());
        let before = activity.progress();
        assert!(body.frame().await.is_some());
        assert_ne!(activity.progress(), before);
        assert!(body.frame().await.is_none());
        assert!(!activity.is_idle() && !activity.waits_for_client());
        drop(body);
        assert!(activity.is_idle());
        drop(activity.begin());
        assert!(activity.is_idle());
    }
}
