//! One connection, from its first octet to its last.

use std::convert::Infallible;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::answer::answer;
use super::debug::DebugPage;
use super::head::MAX_HEADER_LINES;
use super::io::{Tap, Tapped};
use super::limits::Limits;
use crate::edge::Connection;
use crate::gate::GateInForce;
use crate::request::Scheme;

/// Answers the requests of one connection until it ends, or until `on_stop` and the answer under way is sent.
pub(crate) async fn serve(
    stream: TcpStream,
    gate: &GateInForce,
    limits: &Limits,
    debug_page: Option<&DebugPage>,
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
    let service = service_fn(|request| {
        let tap = &tap;
        async move { Ok::<_, Infallible>(answer(gate, debug_page, from, tap, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client may end its side after the last request and still wants the answer.
        .half_close(true)
        .header_read_timeout(limits.head_timeout)
        .max_headers(MAX_HEADER_LINES)
        // Twice the limit of a head, so that a head over the limit is read whole and answered by the gate.
        .max_buf_size((2 * limits.head).max(8 * 1024))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = on_stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
