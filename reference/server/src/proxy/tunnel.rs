//! What follows an answer 101: bytes both ways, until one side ends or both are silent for too long.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::server::shares::Place;

/// A connection that has switched to another protocol, with the upstream's behind it.
#[derive(Debug)]
pub struct Tunnel {
    pub(super) client: OnUpgrade,
    pub(super) upstream: OnUpgrade,
    pub(super) idle: Duration,
    /// PACE-2: what it holds at the upstream.
    pub(super) place: Arc<Place>,
}

impl Tunnel {
    /// Carries bytes until the end. Nothing of what goes through is read.
    pub async fn run(self) {
        let Tunnel { client, upstream, idle, place: _place } = self;
        let (client, upstream) = match tokio::try_join!(client, upstream) {
            Ok(ends) => ends,
            Err(error) => return tracing::debug!(%error, "a change of protocol did not come about"),
        };
        let moved = Arc::new(Mutex::new(Instant::now()));
        let mut client = Watched { stream: TokioIo::new(client), moved: Arc::clone(&moved) };
        let mut upstream = Watched { stream: TokioIo::new(upstream), moved: Arc::clone(&moved) };
        let silence = async {
            loop {
                let last = *moved.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= idle {
                    return;
                }
                tokio::time::sleep_until(last + idle).await;
            }
        };
        tokio::select! {
            ended = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a tunnel broke");
                }
            }
            () = silence => tracing::debug!("a tunnel was silent for too long"),
        }
    }
}

/// A stream that notes when it was last read from.
struct Watched<S> {
    stream: S,
    moved: Arc<Mutex<Instant>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let ended = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Poll::Ready(ended)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
