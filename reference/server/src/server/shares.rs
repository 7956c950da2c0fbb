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

/// So many places in all, and so many for each `K`.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    all: Arc<Semaphore>,
    each: usize,
    taken: Taken<K>,
}

/// Those who have places, or wait for one.
type Taken<K> = Arc<Mutex<HashMap<K, Weak<Semaphore>>>>;

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_one: Option<Box<dyn Debug + Send + Sync>>,
}

/// A part of what one `K` may have; its entry goes with the last part.
#[derive(Debug)]
struct Part<K: Eq + Hash + Debug> {
    permit: Option<OwnedSemaphorePermit>,
    key: K,
    taken: Taken<K>,
}

impl<K: Clone + Debug + Eq + Hash + Send + Sync + 'static> Shares<K> {
    pub(crate) fn new(all: usize, each: usize) -> Shares<K> {
        let most = |number: usize| number.min(Semaphore::MAX_PERMITS);
        Shares { all: Arc::new(Semaphore::new(most(all))), each: most(each), taken: Arc::default() }
    }

    /// A place for `key`, which is waited for as long as `patience`; a place of nobody's own where there is no key.
    pub(crate) async fn place(&self, key: Option<K>, patience: Duration) -> Option<Place> {
        timeout(patience, self.wait(key)).await.ok().flatten()
    }

    async fn wait(&self, key: Option<K>) -> Option<Place> {
        let mut of_one = None;
        if let Some(key) = key {
            // The part of the one comes first, so that whoever waits for it holds nothing that others wait for.
            let semaphore = self.of(&key);
            let mut part = Part { permit: None, key, taken: Arc::clone(&self.taken) };
            // Neither semaphore is ever closed.
            part.permit = Some(semaphore.acquire_owned().await.ok()?);
            of_one = Some(Box::new(part) as Box<dyn Debug + Send + Sync>);
        }
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Place { _of_all: of_all, _of_one: of_one })
    }

    fn of(&self, key: &K) -> Arc<Semaphore> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = taken.get(key).and_then(Weak::upgrade) {
            return semaphore;
        }
        let semaphore = Arc::new(Semaphore::new(self.each));
        taken.insert(key.clone(), Arc::downgrade(&semaphore));
        semaphore
    }
}

impl<K: Eq + Hash + Debug> Drop for Part<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Given back under the lock, so that nobody finds the entry in between.
        self.permit = None;
        if taken.get(&self.key).is_some_and(|semaphore| semaphore.strong_count() == 0) {
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
}
