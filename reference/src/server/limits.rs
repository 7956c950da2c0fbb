//! What the clients of a server may cost it.

use std::time::Duration;

use super::head::HeadLimits;

/// What the clients of a server may cost it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait in the queue of the system.
    pub connections: usize,
    /// Connections at a time from one IPv4 address or IPv6 /64; further ones are closed.
    pub connections_per_client: Option<usize>,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// Octets of a request head; a longer one is answered 431.
    pub head: usize,
    /// Octets of a request target; a longer one is answered 414.
    pub target: usize,
    /// How long a connection may be idle, or take to send a request head, before it is closed.
    pub head_timeout: Duration,
    /// How long a client may leave an answer unread before the connection is closed.
    pub write_timeout: Duration,
    /// How long a stop waits for the answers that are under way.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 10_240,
            connections_per_client: None,
            streams: 100,
            head: 32 * 1024,
            target: crate::path::MAX_TARGET,
            head_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The part of them that holds for one request head.
    pub(crate) fn of_a_head(&self) -> HeadLimits {
        HeadLimits { head: self.head, target: self.target }
    }
}
