//! How often somebody may try: a bucket for each client, in bounded memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Moment;

/// In this time an empty bucket fills up.
const REFILL: Duration = Duration::from_secs(300);
/// So many clients are known at a time. The one that was longest quiet is forgotten for another.
const CLIENTS: usize = 4096;

/// The buckets.
#[derive(Debug)]
pub struct Attempts {
    size: u32,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// How much of it has been used, in time that it takes to come back.
    used: Duration,
    seen: Moment,
}

impl Attempts {
    /// Buckets of so many attempts; 0 is no limit.
    pub fn new(size: u32) -> Attempts {
        Attempts { size, buckets: Mutex::default() }
    }

    /// How long the client waits for its next attempt; `None` where one is left.
    pub fn wait(&self, client: IpAddr, now: Moment) -> Option<Duration> {
        let price = REFILL.checked_div(self.size)?;
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let used = buckets.get(&network(client))?.at(now).saturating_add(price);
        used.checked_sub(REFILL).filter(|wait| !wait.is_zero())
    }

    /// Takes an attempt.
    pub fn take(&self, client: IpAddr, now: Moment) {
        let Some(price) = REFILL.checked_div(self.size) else { return };
        let client = network(client);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CLIENTS && !buckets.contains_key(&client) {
            buckets.retain(|_, bucket| !bucket.at(now).is_zero());
            let quiet = buckets.iter().min_by_key(|(_, bucket)| bucket.seen).map(|(client, _)| *client);
            if let Some(quiet) = quiet.filter(|_| buckets.len() >= CLIENTS) {
                buckets.remove(&quiet);
            }
        }
        let bucket = buckets.entry(client).or_insert(Bucket { used: Duration::ZERO, seen: now });
        *bucket = Bucket { used: bucket.at(now).saturating_add(price).min(REFILL), seen: now };
    }
}

impl Bucket {
    fn at(&self, now: Moment) -> Duration {
        self.used.saturating_sub(now.since(self.seen))
    }
}

/// Whoever has an IPv6 address has a whole /64 of them.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64)).into(),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_back() {
        let attempts = Attempts::new(3);
        let (one, other) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let at = |seconds: u64| Moment::from_seconds(1000 + seconds);
        for _ in 0..3 {
            assert_eq!(attempts.wait(one, at(0)), None);
            attempts.take(one, at(0));
        }
        assert_eq!(attempts.wait(one, at(99)), Some(Duration::from_secs(1)));
        assert_eq!(attempts.wait(other, at(0)), None);
        assert_eq!(attempts.wait(one, at(100)), None);
        attempts.take(one, at(100));
        assert_eq!(attempts.wait(one, at(199)), Some(Duration::from_secs(1)));
        assert_eq!(attempts.wait(one, at(200)), None);
        assert_eq!(Attempts::new(0).wait(one, at(0)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::new(1);
        for client in 0..10_000_u32 {
            attempts.take(IpAddr::V4(client.into()), Moment::from_seconds(1));
        }
        assert!(attempts.buckets.lock().unwrap().len() <= CLIENTS);
        let six = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network(six("2001:db8::1")), network(six("2001:db8::2:3")));
        assert_ne!(network(six("2001:db8::1")), network(six("2001:db8:0:1::1")));
    }
}
