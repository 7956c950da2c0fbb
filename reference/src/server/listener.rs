//! The sockets that connections come from.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A connection's place among those that a server has at a time; free again when it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// Waits for a place, then for a connection.
pub(crate) async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<Place>) {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                // Out of file descriptors, or the client has gone again: neither ends the server.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
