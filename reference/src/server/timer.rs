//! The clock of one connection, for what bounds how long a request head may take.
//!
//! hyper sets such a bound before each head and takes it back with the head. With the timers of the runtime that would be
//! two visits to one lock of the whole process for each request, for a bound that is hardly ever reached. Here the
//! connection has one timer of the runtime. A later bound leaves it where it is; when it runs out before its time, it is
//! set again.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt;
use tokio::time::Sleep;

/// The clock of one connection. One bound at a time is in force: the one that was asked about last.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionTimer {
    alarm: Arc<Mutex<Option<Pin<Box<Sleep>>>>>,
}

/// Ready at the deadline.
#[derive(Debug)]
struct Bound {
    timer: ConnectionTimer,
    deadline: Instant,
}

impl rt::Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Bound { timer: self.clone(), deadline })
    }
}

impl rt::Sleep for Bound {}

impl Future for Bound {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline.into();
        let mut alarm = self.timer.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() >= deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use hyper::rt::Timer as _;

    use super::*;

    const STEP: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn every_bound_is_ready_at_its_own_time() {
        let timer = ConnectionTimer::default();
        let start = tokio::time::Instant::now();
        let bound = |steps| timer.sleep_until((start + steps * STEP).into());
        // Asked about and given up, as with a head that comes in time.
        for steps in [2, 3, 3] {
            assert!(bound(steps).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        for (steps, at) in [(5, 5), (7, 7), (1, 7), (8, 8), (8, 8)] {
            bound(steps).await;
            assert_eq!(start.elapsed(), at * STEP, "{steps}");
        }
        // A later one that is asked about first does not keep an earlier one waiting.
        assert!(bound(20).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        bound(10).await;
        assert_eq!(start.elapsed(), 10 * STEP);
    }
}
