//! The clock of one connection, for what bounds how long a request head may take.
//!
//! hyper asks for such a bound whenever it begins to wait for a head, and takes it back with the head. With a timer of the
//! runtime for each, that would be two visits to one lock of the whole process with every request, for a bound that is
//! hardly ever reached. Here hyper's bound is a number, and the connection has one timer, which looks at the number when it
//! runs out: mostly there is a later one by then, and the timer is set again.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt;
use tokio::time::{Instant, sleep_until};

/// The clock of one connection. hyper has it for its timer; the tap, which knows when a head has come and when none will,
/// stops it.
#[derive(Clone, Debug)]
pub(crate) struct HeadClock(Arc<Bound>);

#[derive(Debug)]
struct Bound {
    opened: Instant,
    /// When the head has to be there, in nanoseconds after `opened`; [`NONE`] where none is awaited. Seen by one task only.
    head_by: AtomicU64,
}

/// No connection is open for so long.
const NONE: u64 = u64::MAX;

/// What hyper is given to wait for. Never ready: the connection waits for [`HeadClock::ran_out`].
#[derive(Debug)]
struct Never;

impl HeadClock {
    /// The clock of a connection that opens now.
    pub(crate) fn new() -> HeadClock {
        HeadClock(Arc::new(Bound { opened: Instant::now(), head_by: AtomicU64::new(NONE) }))
    }

    /// The head is there, or none will come.
    pub(crate) fn stop(&self) {
        self.0.head_by.store(NONE, Relaxed);
    }

    /// Ready once a head has not come in its time, where each has `patience`.
    pub(crate) async fn ran_out(&self, patience: Duration) {
        loop {
            let now = Instant::now();
            let next = match self.head_by() {
                Some(head_by) if head_by <= now => return,
                Some(head_by) => head_by,
                // A head that is awaited from now on has at least so long.
                None => now + patience,
            };
            sleep_until(next).await;
        }
    }

    fn head_by(&self) -> Option<Instant> {
        let after = Some(self.0.head_by.load(Relaxed)).filter(|after| *after != NONE);
        after.map(|after| self.0.opened + Duration::from_nanos(after))
    }
}

impl rt::Timer for HeadClock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        let after = Instant::from(deadline).duration_since(self.0.opened).as_nanos();
        self.0.head_by.store(u64::try_from(after).unwrap_or(NONE), Relaxed);
        Box::pin(Never)
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }
}

impl rt::Sleep for Never {}

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use hyper::rt::Timer as _;

    use super::*;

    const STEP: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn every_head_has_its_time_and_no_more() {
        let clock = HeadClock::new();
        let start = Instant::now();
        let opened = std::pin::pin!(clock.ran_out(5 * STEP));
        let runs = async {
            // Awaited and come in time; awaited anew.
            for at in 1..20 {
                drop(clock.sleep(5 * STEP));
                sleep_until(start + at * STEP).await;
                clock.stop();
            }
            // None is awaited.
            sleep_until(start + 100 * STEP).await;
            let mut bound = clock.sleep(5 * STEP);
            assert!(bound.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        };
        tokio::join!(opened, runs);
        assert_eq!(start.elapsed(), 105 * STEP);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_has_used_up_its_budget_still_waits_no_longer() {
        let clock = HeadClock::new();
        let start = Instant::now();
        drop(clock.sleep(STEP));
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::coop::consume_budget().await;
        }
        let ran_out = tokio::time::timeout(10 * STEP, clock.ran_out(STEP)).await;
        assert_eq!((ran_out, start.elapsed()), (Ok(()), STEP));
    }
}
