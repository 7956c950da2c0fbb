//! The sockets that connections come from, and the places that they take.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shares::client;

/// How many connections there may be, in all and from one client.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    per_client: Option<usize>,
    taken: Taken,
}

/// How many places each client has.
type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A place among all.
pub(crate) type Permit = Option<OwnedSemaphorePermit>;

/// A connection's place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_all: Permit,
    of_client: Option<(IpAddr, Taken)>,
}

impl Places {
    pub(crate) fn new(all: usize, per_client: Option<usize>) -> Places {
        Places { all: Arc::new(Semaphore::new(all)), per_client, taken: Arc::default() }
    }

    /// A place for a connection from `address`; the permit comes back where this client has its share already.
    fn of(&self, address: IpAddr, permit: Permit) -> Result<Place, Permit> {
        let Some(limit) = self.per_client else { return Ok(Place::of_nobody(permit)) };
        let client = client(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(client).or_default();
        if *count >= limit {
            return Err(permit);
        }
        *count = count.saturating_add(1);
        Ok(Place { _of_all: permit, of_client: Some((client, Arc::clone(&self.taken))) })
    }
}

impl Place {
    /// A place that is no client's.
    pub(crate) fn of_nobody(permit: Permit) -> Place {
        Place { _of_all: permit, of_client: None }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((client, taken)) = &self.of_client else { return };
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(client);
            }
        }
    }
}

/// Waits for a place, then for a connection. Where its client has its share already, the connection is to be closed.
pub(crate) async fn accept(listener: &TcpListener, places: &Places) -> (TcpStream, SocketAddr, Result<Place, Permit>) {
    // The semaphore is never closed.
    let permit = Arc::clone(&places.all).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, places.of(peer.ip(), permit)),
            Err(error) => {
                // Out of file descriptors, or the client has gone again: neither ends the server.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_share_and_no_more() {
        let places = Places::new(10, Some(2));
        let of = |address: &str| places.of(address.parse().unwrap(), None).ok();
        let (one, _two) = (of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert!(one.is_some());
        assert!(of("192.0.2.1").is_none());
        assert!(of("192.0.2.2").is_some());
        drop(one);
        assert!(of("192.0.2.1").is_some());
        let _six = (of("2001:db8::1"), of("2001:db8::2"));
        assert!(of("2001:db8::3").is_none());
        assert!(of("2001:db8:0:1::3").is_some());
        assert!(Places::new(1, None).of("192.0.2.1".parse().unwrap(), None).is_ok());
        drop((_two, _six));
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
