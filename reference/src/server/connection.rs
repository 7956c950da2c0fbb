//! One connection, from its first octet to its last.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::answer::{Here, answer};
use super::debug::DebugPage;
use super::head::MAX_HEADER_LINES;
use super::io::{Tap, Tapped};
use super::limits::Limits;
use crate::edge::Connection;
use crate::gate::GateInForce;
use crate::proxy::Proxy;
use crate::request::Scheme;

/// Answers the requests of one connection until it ends, or until `on_stop` and the answer under way is sent.
pub(crate) async fn serve(
    stream: TcpStream,
    in_force: &GateInForce,
    proxy: &Proxy,
    authorize: bool,
    debug_page: Option<&DebugPage>,
    limits: &Limits,
    mut on_stop: watch::Receiver<()>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY is not available");
    }
    // A client that has gone again has no address.
    let Ok(peer) = stream.peer_addr() else { return };
    let from = Connection { peer: peer.ip(), scheme: Scheme::Http };
    let tap = Tap::new(limits.of_a_head());
    let stream = Tapped::new(stream, tap.clone(), limits.write_timeout);
    let here = Here { in_force, proxy, authorize, debug_page, connection: from, tunnel: Mutex::default() };
    let service = service_fn(|request| {
        let (here, tap) = (&here, &tap);
        async move { Ok::<_, Infallible>(answer(here, tap, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client may end its side after the last request and still wants the answer.
        .half_close(true)
        .header_read_timeout(limits.head_timeout)
        .max_headers(MAX_HEADER_LINES)
        // Twice the limit of a head, so that a head over the limit is read whole and answered by the gate.
        .max_buf_size((2 * limits.head).max(8 * 1024))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut stopping = false;
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = on_stop.changed() => {
            stopping = true;
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    // A tunnel has no end of its own to wait for.
    let tunnel = here.tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(tunnel) = tunnel.filter(|_| !stopping) {
        tokio::select! {
            () = tunnel.run() => {}
            _ = on_stop.changed() => {}
        }
    }
}
