//! What clients may cost, on the command line.

use std::time::Duration;

use clap::Args;
use rolegate::Limits;

/// What clients may cost.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Connections at a time; further ones wait in the queue of the system
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().connections, value_parser = at_least_one)]
    max_connections: usize,
    /// Connections at a time from one IPv4 address or IPv6 /64; further ones are closed. Leave it out behind a proxy
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    max_connections_per_client: Option<usize>,
    /// Requests at a time on one HTTP/2 connection
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().streams,
        value_parser = clap::value_parser!(u32).range(1..))]
    max_streams: u32,
    /// Octets of a request head; a longer one is answered 431
    #[arg(long, value_name = "OCTETS", default_value_t = 32 * 1024,
        value_parser = clap::value_parser!(u32).range(1024..=1024 * 1024))]
    max_head: u32,
    /// Seconds that a connection may be idle, or take to send a request head
    #[arg(long, value_name = "SECONDS", default_value_t = seconds(Limits::default().head_timeout),
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    head_timeout: u64,
    /// Seconds that a client may leave an answer unread
    #[arg(long, value_name = "SECONDS", default_value_t = seconds(Limits::default().write_timeout),
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    write_timeout: u64,
    /// Seconds between the first signal to stop, when /ready says no, and the last accepted connection
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=3600))]
    stop_delay: u64,
    /// Seconds that a stop waits for the answers that are under way
    #[arg(long, value_name = "SECONDS", default_value_t = seconds(Limits::default().drain),
        value_parser = clap::value_parser!(u64).range(..=3600))]
    drain: u64,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            connections_per_client: self.max_connections_per_client,
            streams: self.max_streams,
            head: usize::try_from(self.max_head).unwrap_or(usize::MAX),
            head_timeout: Duration::from_secs(self.head_timeout),
            write_timeout: Duration::from_secs(self.write_timeout),
            drain: Duration::from_secs(self.drain),
            ..Limits::default()
        }
    }

    /// How long the server goes on after the first signal to stop.
    pub(super) fn stop_delay(&self) -> Duration {
        Duration::from_secs(self.stop_delay)
    }

    /// Lets this process open as many sockets and files as it needs, as far as the system allows.
    #[cfg(unix)]
    pub(super) fn raise_descriptors(&self) {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        // A connection may have a file or an upstream besides; the rest is for listeners, logs and watches.
        let wanted = (self.max_connections as u64).saturating_mul(2).saturating_add(64);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let Some(now) = current.filter(|current| *current < wanted) else { return };
        let reached = maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(reached), maximum });
        let reached = if raised.is_ok() { reached } else { now };
        if reached < self.max_connections as u64 {
            tracing::warn!(
                "the system allows {reached} open files, so fewer connections than the {} of --max-connections",
                self.max_connections
            );
        }
    }

    #[cfg(not(unix))]
    pub(super) fn raise_descriptors(&self) {}
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 && number <= 1_000_000 => Ok(number),
        _ => Err("write a number from 1 to 1000000".to_owned()),
    }
}
