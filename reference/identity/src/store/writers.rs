//! Who writes at the moment, so that one wait for the disk serves as many as possible.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Those who have asked for a transaction and not ended it.
#[derive(Debug, Default)]
pub(super) struct Writers {
    under_way: Mutex<usize>,
    is_none: Condvar,
}

/// One of them; over when this is dropped.
#[derive(Debug)]
pub(super) struct Writer<'a>(&'a Writers);

impl Writers {
    /// One more.
    pub(super) fn enter(&self) -> Writer<'_> {
        let mut under_way = self.lock();
        *under_way = under_way.saturating_add(1);
        Writer(self)
    }

    /// Waits until nobody is under way, and no longer than this. Who is alone does not wait.
    pub(super) fn settle(&self, time: Duration) {
        let _who_is_late_comes_next = self.is_none.wait_timeout_while(self.lock(), time, |under_way| *under_way > 0);
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let mut under_way = self.0.lock();
        *under_way = under_way.saturating_sub(1);
        if *under_way == 0 {
            self.0.is_none.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn whoever_is_alone_does_not_wait_and_others_are_waited_for() {
        let writers = Writers::default();
        writers.settle(Duration::MAX);
        let one = writers.enter();
        writers.settle(Duration::from_millis(1));
        thread::scope(|scope| {
            let waits = scope.spawn(|| writers.settle(Duration::from_secs(3600)));
            drop(one);
            waits.join().unwrap();
        });
        assert_eq!(*writers.lock(), 0);
    }
}
