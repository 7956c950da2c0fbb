//! What clients may cost, on the command line.

use std::time::Duration;

use clap::Args;
use rolegate_server::Limits;

/// What clients may cost.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Connections at a time; further ones wait in the queue of the system
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().connections, value_parser = at_least_one)]
    max_connections: usize,
    /// Connections at a time from one IPv4 address or IPv6 /64; further ones are closed. A trusted proxy has as many as it likes
    #[arg(long, value_name = "NUMBER", default_value_t = per_client(), value_parser = at_least_one)]
    max_connections_per_client: usize,
    /// Requests at a time on one HTTP/2 connection
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().streams,
        value_parser = clap::value_parser!(u32).range(1..))]
    max_streams: u32,
    /// Files at a time that are read from the disk while they are sent; further requests wait, and are answered 503 in the end
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().files, value_parser = at_least_one)]
    max_files: usize,
    /// Those of them for one client: an IPv4 address or IPv6 /64, behind a trusted proxy the one that it names
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().files_per_client, value_parser = at_least_one)]
    max_files_per_client: usize,
    /// Those of them for one HTTP/2 connection
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().files_per_connection, value_parser = at_least_one)]
    max_files_per_connection: usize,
    /// Forwarded requests at a time, tunnels included; further ones wait for --connect-timeout, and are answered 503 then
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().forwarded, value_parser = at_least_one)]
    max_forwarded: usize,
    /// Those of them from one client to one upstream
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().forwarded_per_client, value_parser = at_least_one)]
    max_forwarded_per_client: usize,
    /// Bytes a second that a client has to take of an answer, on average over --write-timeout, and to send of a body that is
    /// forwarded, over --answer-timeout; with 0 a single byte in that time is enough
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().rate)]
    min_rate: u64,
    /// Bytes of a request head; a longer one is answered 431
    #[arg(long, value_name = "BYTES", default_value_t = 32 * 1024,
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
            connections_per_client: Some(self.max_connections_per_client),
            files: self.max_files,
            files_per_client: self.max_files_per_client,
            files_per_connection: self.max_files_per_connection,
            forwarded: self.max_forwarded,
            forwarded_per_client: self.max_forwarded_per_client,
            rate: self.min_rate,
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

    /// The limits, after this process was let open as many sockets and files as it needs. Where the system allows fewer,
    /// each limit gets its part of them, so that none takes what another one needs.
    pub(super) fn within_the_system(&self) -> Limits {
        let limits = self.limits();
        let wanted = descriptors(&limits);
        let reached = raise_descriptors(wanted);
        if reached >= wanted {
            return limits;
        }
        let limits = within(reached, limits);
        tracing::warn!(
            "the system allows {reached} open files of the {wanted} that the limits need: {} connections, {} files and {} \
             forwarded requests at a time",
            limits.connections,
            limits.files,
            limits.forwarded
        );
        limits
    }
}

/// Descriptors for listeners, logs, watches and whatever else is not counted.
const RESERVED: usize = 64;

/// How many descriptors these limits need.
fn descriptors(limits: &Limits) -> u64 {
    [limits.files, limits.forwarded, RESERVED].into_iter().fold(limits.connections, usize::saturating_add) as u64
}

/// The limits, in the same proportions, within so many descriptors.
fn within(reached: u64, limits: Limits) -> Limits {
    let of = descriptors(&limits).saturating_sub(RESERVED as u64).max(1);
    let room = reached.saturating_sub(RESERVED as u64);
    let part = |number: usize| {
        let part = u128::from(room).saturating_mul(number as u128) / u128::from(of);
        usize::try_from(part).unwrap_or(number).clamp(1, number)
    };
    Limits {
        connections: part(limits.connections),
        files: part(limits.files),
        forwarded: part(limits.forwarded),
        ..limits
    }
}

/// Asks the system for so many descriptors; how many there are then.
#[cfg(unix)]
fn raise_descriptors(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(now) = current.filter(|current| *current < wanted) else { return wanted };
    let reached = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(reached), maximum });
    if raised.is_ok() { reached } else { now }
}

#[cfg(not(unix))]
fn raise_descriptors(wanted: u64) -> u64 {
    wanted
}

fn per_client() -> usize {
    Limits::default().connections_per_client.unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_arrives_at_its_limit() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            limits: LimitArgs,
        }
        let line = "serve --max-connections 11 --max-connections-per-client 12 --max-streams 13 --max-files 14 \
            --max-files-per-client 15 --max-files-per-connection 16 --max-forwarded 17 --max-forwarded-per-client 18 \
            --min-rate 19 --max-head 2000 --head-timeout 21 --write-timeout 22 --stop-delay 23 --drain 24";
        let given = <Line as clap::Parser>::try_parse_from(line.split_whitespace()).unwrap().limits;
        let limits = given.limits();
        let seconds = Duration::from_secs;
        assert_eq!((limits.connections, limits.connections_per_client, limits.streams), (11, Some(12), 13));
        assert_eq!((limits.files, limits.files_per_client, limits.files_per_connection), (14, 15, 16));
        assert_eq!((limits.forwarded, limits.forwarded_per_client), (17, 18));
        assert_eq!((limits.rate, limits.head), (19, 2000));
        assert_eq!((limits.head_timeout, limits.write_timeout, limits.drain), (seconds(21), seconds(22), seconds(24)));
        assert_eq!(given.stop_delay(), seconds(23));
    }

    #[test]
    fn fewer_descriptors_are_shared_out() {
        let limits = Limits { connections: 1000, files: 500, forwarded: 500, ..Limits::default() };
        assert_eq!(descriptors(&limits), 2064);
        for (reached, shares) in [(2064, (1000, 500, 500)), (1064, (500, 250, 250)), (10, (1, 1, 1))] {
            let Limits { connections, files, forwarded, .. } = within(reached, limits.clone());
            assert_eq!((connections, files, forwarded), shares, "{reached}");
            assert!(reached < 67 || descriptors(&within(reached, limits.clone())) <= reached);
        }
    }
}
