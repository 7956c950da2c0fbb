//! Ports of loopback for gates that are launched.
//!
//! A port that is free when it is looked for may be somebody's when the gate comes to it. So none is taken that systems give to connections (Linux begins at 32768,
//! RFC 6335 §6 at 49152), and no two of this process are the same; what other processes take is asked afterwards ([`is_taken`]).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpListener;

use super::GateError;

/// Where ports are looked for.
const PORTS: Range<u16> = 12_000..32_000;

/// How many ports have been looked at, counted from a number that nobody chose, so that two runs begin at different ones.
static LOOKED_AT: LazyLock<AtomicU16> = LazyLock::new(|| {
    let [a, b, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
    AtomicU16::new(u16::from_le_bytes([a, b]) % PORTS.end.saturating_sub(PORTS.start))
});

/// A port on which nobody listens.
pub(super) async fn free() -> Result<u16, GateError> {
    for _ in PORTS {
        let count = PORTS.end.saturating_sub(PORTS.start);
        let next = |number: u16| Some(number.saturating_add(1) % count);
        let number = LOOKED_AT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        let port = PORTS.start.saturating_add(number);
        if !is_taken(port).await {
            return Ok(port);
        }
    }
    Err(GateError::Harness("no free port".to_owned()))
}

/// Whether somebody listens on a port.
pub(super) async fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.is_err()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test]
    async fn ports_are_free_and_no_two_the_same() {
        let mut ports = BTreeSet::new();
        for _ in 0..50 {
            let port = free().await.unwrap();
            assert!(PORTS.contains(&port));
            assert!(ports.insert(port), "{port} twice");
        }
    }

    #[tokio::test]
    async fn a_port_that_somebody_listens_on_is_taken() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(is_taken(port).await);
    }
}
