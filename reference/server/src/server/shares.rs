//! What all clients share and none may have all of: places for connections, files that are open while they are sent,
//! requests at an upstream.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// For each place so many may wait. A request that waits holds its head and what has come of its body, so that not all wait that like.
const WAITING: usize = 4;

/// So many places in all, and so many for each `K`.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    all: Arc<Line>,
    each: usize,
    taken: Taken<K>,
}

/// Places, and the line of those who wait for one.
#[derive(Debug)]
struct Line {
    /// Who has a place or waits for one.
    room: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Those who have places, or wait for one.
type Taken<K> = Arc<Mutex<HashMap<K, Weak<Line>>>>;

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_all: Stand,
    _of_one: Option<Box<dyn Debug + Send + Sync>>,
}

/// A place in a line that was waited for.
#[derive(Debug)]
struct Stand {
    _room: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// A part of what one `K` may have; its entry goes with the last part.
#[derive(Debug)]
struct Part<K: Eq + Hash + Debug> {
    stand: Option<Stand>,
    line: Option<Arc<Line>>,
    key: K,
    taken: Taken<K>,
}

impl Line {
    fn new(places: usize) -> Arc<Line> {
        let semaphore = |number: usize| Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS)));
        let room = semaphore(places.saturating_mul(WAITING.saturating_add(1)));
        Arc::new(Line { room, places: semaphore(places) })
    }

    /// Waits for a place; `None` at once where too many wait already.
    async fn stand(&self) -> Option<Stand> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(Stand { _room: room, _place: place })
    }
}

impl<K: Clone + Debug + Eq + Hash + Send + Sync + 'static> Shares<K> {
    pub(crate) fn new(all: usize, each: usize) -> Shares<K> {
        Shares { all: Line::new(all), each, taken: Arc::default() }
    }

    /// A place for `key`, which is waited for as long as `patience`; a place of nobody's own where there is no key. `None` at once where
    /// too many wait already.
    pub(crate) async fn place(&self, key: Option<K>, patience: Duration) -> Option<Place> {
        timeout(patience, self.wait(key)).await.ok().flatten()
    }

    async fn wait(&self, key: Option<K>) -> Option<Place> {
        let mut of_one = None;
        if let Some(key) = key {
            // The part of the one comes first, so that whoever waits for it holds nothing that others wait for.
            let line = self.of(&key);
            let mut part = Part { stand: None, line: Some(Arc::clone(&line)), key, taken: Arc::clone(&self.taken) };
            let stand = line.stand().await;
            drop(line);
            part.stand = Some(stand?);
            of_one = Some(Box::new(part) as Box<dyn Debug + Send + Sync>);
        }
        Some(Place { _of_all: self.all.stand().await?, _of_one: of_one })
    }

    fn of(&self, key: &K) -> Arc<Line> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = taken.get(key).and_then(Weak::upgrade) {
            return line;
        }
        let line = Line::new(self.each);
        taken.insert(key.clone(), Arc::downgrade(&line));
        line
    }
}

impl<K: Eq + Hash + Debug> Drop for Part<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Given back under the lock, so that nobody finds the entry in between.
        (self.stand, self.line) = (None, None);
        if taken.get(&self.key).is_some_and(|line| line.strong_count() == 0) {
            taken.remove(&self.key);
        }
    }
}

/// Whom an address belongs to: in IPv6 whoever has one address has all of its /64.
pub(crate) fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        IpAddr::V4(address) => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn one_has_its_share_and_no_more() {
        let shares = Shares::new(3, 2);
        let one = shares.place(Some('a'), PATIENCE).await;
        let two = shares.place(Some('a'), PATIENCE).await;
        assert!(one.is_some() && two.is_some());
        assert!(shares.place(Some('a'), PATIENCE).await.is_none());
        let other = shares.place(Some('b'), PATIENCE).await;
        assert!(other.is_some());
        assert!(shares.place(None, PATIENCE).await.is_none(), "all are taken");
        let (waited, ()) = tokio::join!(shares.place(Some('a'), PATIENCE), async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(one);
        });
        assert!(waited.is_some(), "a place that is given back goes to who waits");
        drop((waited, two, other));
        assert!(shares.taken.lock().unwrap().is_empty());
        assert!(shares.place(None, PATIENCE).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn not_all_may_wait() {
        let shares = Arc::new(Shares::new(3, 2));
        let held = [shares.place(Some('a'), PATIENCE).await, shares.place(Some('a'), PATIENCE).await];
        let wait = |key| {
            let shares = Arc::clone(&shares);
            tokio::spawn(async move { shares.place(key, PATIENCE).await.is_some() })
        };
        let waiting: Vec<_> = (0..2 * WAITING).map(|_| wait(Some('a'))).collect();
        tokio::task::yield_now().await;
        let start = tokio::time::Instant::now();
        assert!(shares.place(Some('a'), PATIENCE).await.is_none());
        assert_eq!(start.elapsed(), Duration::ZERO, "one more waits");
        assert!(shares.place(Some('b'), PATIENCE).await.is_some(), "another client is served");
        drop(held);
        for one in waiting {
            assert!(one.await.unwrap(), "who waited in time is served");
        }
        assert!(shares.taken.lock().unwrap().is_empty());
    }
}
