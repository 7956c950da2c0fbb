//! How often somebody may try: a bucket for each client, in bounded memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Moment;

/// In this time an empty bucket fills up.
const REFILL: Duration = Duration::from_secs(300);
/// So many clients are known at a time. The one that was longest quiet is forgotten for another.
const CLIENTS: usize = 4096;

/// How long an attempt waits for those before it, which may all turn out to be failures.
const PATIENCE: Duration = Duration::from_secs(15);

/// The buckets.
#[derive(Debug)]
pub struct Attempts {
    size: u32,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
    one_ends: Condvar,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// How much of it has been used, in time that it takes to come back.
    used: Duration,
    seen: Moment,
    /// How many attempts have begun and not ended.
    under_way: u32,
}

/// An attempt that has begun; over when this is dropped.
#[derive(Debug)]
pub struct Attempt<'a> {
    attempts: &'a Attempts,
    client: IpAddr,
}

impl Attempts {
    /// Buckets of so many attempts; 0 is no limit.
    pub fn new(size: u32) -> Attempts {
        Attempts { size, buckets: Mutex::default(), one_ends: Condvar::new() }
    }

    /// How long the client waits for its next attempt; `None` where one is left.
    pub fn wait(&self, client: IpAddr, now: Moment) -> Option<Duration> {
        let price = REFILL.checked_div(self.size)?;
        let wait = self.lock().get_mut(&network(client))?.at(now).saturating_add(price).checked_sub(REFILL)?;
        (!wait.is_zero()).then_some(wait)
    }

    /// Begins an attempt that is slow: no more are under way than could all fail, however many come at once. Further ones
    /// wait until one has ended.
    ///
    /// # Errors
    /// How long the client waits for its next attempt.
    pub fn begin(&self, client: IpAddr, now: Moment) -> Result<Attempt<'_>, Duration> {
        let client = network(client);
        let Some(price) = REFILL.checked_div(self.size) else { return Ok(Attempt { attempts: self, client }) };
        let since = Instant::now();
        let mut buckets = self.lock();
        loop {
            let bucket = bucket(&mut buckets, client, now);
            let used = bucket.at(now).saturating_add(price);
            match used.checked_sub(REFILL) {
                Some(wait) if !wait.is_zero() => return Err(wait),
                _ if used.saturating_add(price.saturating_mul(bucket.under_way)) <= REFILL => {
                    bucket.under_way = bucket.under_way.saturating_add(1);
                    return Ok(Attempt { attempts: self, client });
                }
                _ => {}
            }
            let left = PATIENCE.checked_sub(since.elapsed()).ok_or(Duration::from_secs(1))?;
            (buckets, _) = self.one_ends.wait_timeout(buckets, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes an attempt.
    pub fn take(&self, client: IpAddr, now: Moment) {
        let Some(price) = REFILL.checked_div(self.size) else { return };
        let mut buckets = self.lock();
        let bucket = bucket(&mut buckets, network(client), now);
        bucket.used = bucket.at(now).saturating_add(price).min(REFILL);
        bucket.seen = now;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(bucket) = self.attempts.lock().get_mut(&self.client) {
            bucket.under_way = bucket.under_way.saturating_sub(1);
        }
        self.attempts.one_ends.notify_all();
    }
}

impl Bucket {
    fn at(&mut self, now: Moment) -> Duration {
        // A clock that was set back: what was used comes back from now on.
        self.seen = self.seen.min(now);
        self.used.saturating_sub(now.since(self.seen))
    }
}

/// The bucket of a client, for which another may be forgotten.
fn bucket(buckets: &mut HashMap<IpAddr, Bucket>, client: IpAddr, now: Moment) -> &mut Bucket {
    if buckets.len() >= CLIENTS && !buckets.contains_key(&client) {
        buckets.retain(|_, bucket| bucket.under_way > 0 || !bucket.at(now).is_zero());
        let quiet = buckets.iter().filter(|(_, bucket)| bucket.under_way == 0);
        let quiet = quiet.min_by_key(|(_, bucket)| bucket.seen).map(|(client, _)| *client);
        if let Some(quiet) = quiet.filter(|_| buckets.len() >= CLIENTS) {
            buckets.remove(&quiet);
        }
    }
    buckets.entry(client).or_insert(Bucket { used: Duration::ZERO, seen: now, under_way: 0 })
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

    /// However many come at once, no more are under way than could all fail, and who succeeds keeps nobody out.
    #[test]
    fn attempts_at_once() {
        let attempts = Attempts::new(3);
        let (client, now) = ([127, 0, 0, 1].into(), Moment::from_seconds(1000));
        let fails = || {
            let attempt = attempts.begin(client, now);
            std::thread::sleep(Duration::from_millis(5));
            attempt.is_ok().then(|| attempts.take(client, now)).is_some()
        };
        let ended: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..24).map(|_| scope.spawn(fails)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ended.iter().filter(|is_tried| **is_tried).count(), 3);
        assert_eq!(attempts.begin(client, now).map(drop), Err(Duration::from_secs(100)));
        let later = Moment::from_seconds(1400);
        std::thread::scope(|scope| {
            for _ in 0..24 {
                scope.spawn(|| attempts.begin(client, later).map(drop).unwrap());
            }
        });
        assert_eq!(attempts.wait(client, later), None);
    }

    #[test]
    fn attempts_come_back_after_a_clock_was_set_back() {
        let attempts = Attempts::new(1);
        let client = [127, 0, 0, 1].into();
        attempts.take(client, Moment::from_seconds(1_000_000));
        assert_eq!(attempts.wait(client, Moment::from_seconds(1000)), Some(REFILL));
        assert_eq!(attempts.wait(client, Moment::from_seconds(1299)), Some(Duration::from_secs(1)));
        assert_eq!(attempts.wait(client, Moment::from_seconds(1300)), None);
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
