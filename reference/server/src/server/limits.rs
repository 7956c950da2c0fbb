//! What the clients of a server may cost it.

use std::time::Duration;

use super::head::HeadLimits;
use crate::pace::Measure;

/// What the clients of a server may cost it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait in the queue of the system.
    pub connections: usize,
    /// Connections at a time from one IPv4 address or IPv6 /64; further ones are closed.
    pub connections_per_client: Option<usize>,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// Bytes of a request head; a longer one is answered 431.
    pub head: usize,
    /// Bytes of a request target; a longer one is answered 414.
    pub target: usize,
    /// How long a connection may be idle, or take to send a request head, before it is closed.
    pub head_timeout: Duration,
    /// How long a client may leave an answer unread before it is cut off.
    pub write_timeout: Duration,
    /// PACE-1: bytes a second that a client has to take of an answer, on average over [`Limits::write_timeout`], and to send of
    /// a body that is forwarded.
    pub rate: u64,
    /// Files that are open at a time while they are sent; further requests wait for [`Limits::write_timeout`].
    pub files: usize,
    /// Those of them for one IPv4 address or IPv6 /64.
    pub files_per_client: usize,
    /// Those of them for one HTTP/2 connection.
    pub files_per_connection: usize,
    /// Requests at a time that upstreams answer; further ones wait.
    pub forwarded: usize,
    /// Those of them from one IPv4 address or IPv6 /64 to one upstream, tunnels and answers under way included.
    pub forwarded_per_client: usize,
    /// How long a stop waits for the answers that are under way.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 10_240,
            // A tenth: many people may come from one address, and none of them may have all places.
            connections_per_client: Some(1024),
            streams: 100,
            head: 32 * 1024,
            target: rolegate::path::MAX_TARGET,
            head_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            // Less than any modem; a single byte now and then is far less.
            rate: 128,
            files: 4096,
            files_per_client: 256,
            files_per_connection: 32,
            forwarded: 4096,
            // Less than the hundred connections that many servers have for all.
            forwarded_per_client: 64,
            drain: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// PACE-1: how fast answers have to be taken.
    pub(crate) fn of_an_answer(&self) -> Measure {
        Measure::new(self.write_timeout, self.rate)
    }

    /// The part of them that holds for one request head.
    pub(crate) fn of_a_head(&self) -> HeadLimits {
        HeadLimits { head: self.head, target: self.target }
    }
}
