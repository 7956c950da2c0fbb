//! Who writes at the moment, so that one wait for the disk serves as many as possible.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Those who have asked for a transaction and not ended it, and those whose changes wait for the disk.
#[derive(Debug, Default)]
pub(super) struct Writers {
    state: Mutex<State>,
    all_are_there: Condvar,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    waiting: usize,
    /// How many waited for the disk the last time. They come again together, or the rest is not waited for again.
    before: usize,
}

/// One of those who write; over when this is dropped.
#[derive(Debug)]
pub(super) struct Writer<'a>(&'a Writers);

impl Writers {
    /// One more.
    pub(super) fn enter(&self) -> Writer<'_> {
        let mut state = self.lock();
        state.under_way = state.under_way.saturating_add(1);
        Writer(self)
    }

    /// Waits until nobody is under way and as many wait for the disk as the last time, and no longer than this. Who is
    /// alone does not wait.
    pub(super) fn settle(&self, time: Duration) {
        let is_late = |state: &mut State| state.under_way > 0 || state.waiting < state.before;
        let _who_is_late_comes_next = self.all_are_there.wait_timeout_while(self.lock(), time, is_late);
    }

    /// Those who wait are served. To be called while nobody can begin to wait.
    pub(super) fn served(&self) {
        let mut state = self.lock();
        state.before = std::mem::take(&mut state.waiting);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are under way.
    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.lock().under_way
    }
}

impl Writer<'_> {
    /// This one's changes wait for the disk.
    pub(super) fn waits(&self) {
        let mut state = self.0.lock();
        state.waiting = state.waiting.saturating_add(1);
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.under_way = state.under_way.saturating_sub(1);
        if state.under_way == 0 && state.waiting >= state.before {
            self.0.all_are_there.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn whoever_is_alone_does_not_wait_and_others_are_waited_for() {
        let writers = Writers::default();
        writers.settle(LONG);
        let one = writers.enter();
        writers.settle(Duration::from_millis(1));
        thread::scope(|scope| {
            let waits = scope.spawn(|| writers.settle(LONG));
            drop(one);
            waits.join().unwrap();
        });
        assert_eq!(writers.under_way(), 0);
    }

    #[test]
    fn those_of_the_last_time_are_waited_for_once() {
        let writers = Writers::default();
        let change = || writers.enter().waits();
        change();
        change();
        writers.settle(LONG);
        writers.served();
        change();
        thread::scope(|scope| {
            let waits = scope.spawn(|| writers.settle(LONG));
            change();
            waits.join().unwrap();
        });
        writers.served();
        change();
        writers.settle(Duration::from_millis(1));
        writers.served();
        change();
        writers.settle(LONG);
    }
}
