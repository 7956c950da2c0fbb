//! One connection, from its first byte to its last: TLS where it is configured, then HTTP/2 or HTTP/1.1.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rolegate::edge::Connection;
use rolegate::request::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::activity::{Activity, Streams};
use super::answer::{answer_http1, answer_http2};
use super::head::MAX_HEADER_LINES;
use super::io::{Tap, Tapped};
use super::preface::Preface;
use super::standing::Standing;
use super::timer::HeadClock;
use super::{OnStop, Shared};
use crate::clock;
use crate::proxy::Tunnel;

/// How many bytes of answers HTTP/2 keeps for one stream until the client takes them.
const SEND_BUFFER: usize = 64 * 1024;

/// How many bytes of bodies an HTTP/2 client may send that nobody has taken yet, on one stream and on all of a connection (PACE-2). Twice what a
/// client has at first (RFC 9113 §6.9.2): more makes uploads faster over long ways, and is what each connection can make the gate keep.
const WINDOW: u32 = 128 * 1024;

/// What the requests of one connection are answered with.
pub struct Here {
    pub server: Arc<Shared>,
    pub connection: Connection,
    /// What follows the last answer, where it switched to another protocol, and what that stands on.
    pub tunnel: Mutex<Option<Box<(Tunnel, Standing)>>>,
}

/// Answers the requests of one connection until it ends, or until `on_stop` and the answers under way are sent.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, server: Arc<Shared>, on_stop: OnStop) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY is not available");
    }
    // Each way of its own is boxed, so that a connection takes the room of the protocol that it speaks, and not that of
    // the others or of what came before.
    let tls = server.tls.as_ref().map(|tls| tls.in_force());
    let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
    let connection = Connection { peer: peer.ip(), scheme, port: server.port };
    let here = Here { server, connection, tunnel: Mutex::default() };
    match tls {
        Some(tls) => Box::pin(secure(stream, tls, here, on_stop)).await,
        None => plain(stream, here, on_stop).await,
    }
}

/// The same without TLS, over any stream.
pub async fn plain<S>(mut stream: S, here: Here, mut on_stop: OnStop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let patience = here.server.limits.head_timeout;
    let preface = tokio::select! {
        preface = timeout(patience, Preface::read(&mut stream)) => preface,
        _ = &mut on_stop => return,
    };
    // A client that has said nothing gets no answer.
    let Ok(Ok(Some(preface))) = preface else { return };
    if preface.is_http2() {
        Box::pin(http2(stream, preface, here, on_stop)).await;
    } else {
        Box::pin(http1(stream, preface, here, on_stop)).await;
    }
}

async fn secure(stream: TcpStream, tls: Arc<ServerConfig>, here: Here, mut on_stop: OnStop) {
    let patience = here.server.limits.head_timeout;
    let stream = tokio::select! {
        accepted = timeout(patience, TlsAcceptor::from(tls).accept(stream)) => match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "no TLS connection came about"),
            Err(_) => return,
        },
        _ = &mut on_stop => return,
    };
    // RFC 9113 §3.2: over TLS the two have agreed on the protocol.
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        Box::pin(http2(stream, Preface::default(), here, on_stop)).await;
    } else {
        Box::pin(http1(stream, Preface::default(), here, on_stop)).await;
    }
}

async fn http1<S>(stream: S, preface: Preface, here: Here, mut on_stop: OnStop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &here.server.limits;
    let clock = HeadClock::new();
    let tap = Tap::new(limits.of_a_head(), clock.clone());
    let stream = Tapped::new(stream, preface, Some(tap.clone()), limits.of_an_answer());
    let service = service_fn(|request| answer_http1(&here, &tap, request));
    let connection = http1::Builder::new()
        .timer(clock.clone())
        // A client may end its side after the last request and still wants the answer.
        .half_close(true)
        .header_read_timeout(limits.head_timeout)
        .max_headers(MAX_HEADER_LINES)
        // Twice the limit of a head, so that a head over the limit is read whole and answered by the gate.
        .max_buf_size((2 * limits.head).max(8 * 1024))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut too_late = std::pin::pin!(clock.ran_out(limits.head_timeout));
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            // A head that is there is not late.
            biased;
            ended = connection.as_mut() => break ended,
            _ = &mut on_stop, if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = too_late.as_mut() => return tracing::debug!("a request head did not come in time"),
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    // A tunnel has no end of its own to wait for.
    let tunnel = here.tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(tunnel) = tunnel.filter(|_| !stopping) {
        Box::pin(follow(*tunnel, &here.server, on_stop)).await;
    }
}

/// Follows a tunnel to its end: its own, that of what it stands on (PROXY-4.ends), or the server's.
async fn follow((tunnel, standing): (Tunnel, Standing), server: &Shared, mut on_stop: OnStop) {
    tokio::select! {
        () = tunnel.run() => {}
        () = standing.over(&server.gate, server.proxy.settings(), clock::now) => {
            tracing::debug!("a tunnel ended with what it stood on");
        }
        _ = &mut on_stop => {}
    }
}

async fn http2<S>(stream: S, preface: Preface, here: Here, mut on_stop: OnStop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let here = Arc::new(here);
    let limits = &here.server.limits;
    let activity = Arc::new(Activity::new(limits.of_an_answer(), limits.files_per_connection));
    let stream = Tapped::new(stream, preface, None, limits.of_an_answer()).telling(activity.blocked());
    let service = service_fn(|request| {
        let (here, activity) = (Arc::clone(&here), Arc::clone(&activity));
        async move { Ok::<_, Infallible>(answer_http2(&here, &activity, request).await) }
    });
    let bytes = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    // h2 itself ends a connection that resets streams faster than they are answered (CVE-2023-44487) or sends header
    // blocks without an end (CVE-2024-27316).
    let connection = http2::Builder::new(Streams(Arc::clone(&activity)))
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(bytes(limits.head.saturating_add(32 * MAX_HEADER_LINES)))
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let (mut ending, mut worn_out) = (false, false);
    loop {
        let before = activity.turns();
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            _ = &mut on_stop, if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            // PACE-1
            () = activity.worn_out() => {
                if worn_out {
                    return tracing::debug!("a client goes on to leave its answers");
                }
                (ending, worn_out) = (true, true);
                connection.as_mut().graceful_shutdown();
            }
            () = sleep(limits.head_timeout) => {
                let is_idle = activity.turns() == before && activity.is_idle();
                if is_idle && ending {
                    return;
                }
                if is_idle {
                    ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;
    use hyper::body::Incoming;

    use super::*;
    use crate::server::answer::Answering;

    fn of_future<F: Future>(_: impl Fn(TcpStream, SocketAddr, Arc<Shared>, OnStop) -> F) -> usize {
        size_of::<F>()
    }

    fn of_http1<F: Future>(_: impl Fn(TcpStream, Preface, Here, OnStop) -> F) -> usize {
        size_of::<F>()
    }

    fn of_http2<F: Future>(_: impl Fn(&'static Here, &'static Arc<Activity>, Request<Incoming>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_takes_little_room() {
        let sizes = [of_future(serve), of_http1(http1::<TcpStream>), size_of::<Answering<'_>>()];
        let sizes = [sizes.as_slice(), &[of_http2(answer_http2)]].concat();
        assert!(sizes.iter().zip([1024, 2048, 192, 1280]).all(|(size, most)| *size <= most), "{sizes:?}");
    }
}
