//! `--rate`: requests spread over time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// Spreads requests so that no more than a number of them starts each second.
pub(super) struct Pace {
    gap: Option<Duration>,
    next: Mutex<Option<Instant>>,
    /// Whether there was ever a pause.
    paused: AtomicBool,
}

impl Pace {
    pub(super) fn new(rate: Option<f64>) -> Self {
        let gap = rate
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(rate.recip()).ok());
        Self { gap, next: Mutex::new(None), paused: AtomicBool::new(false) }
    }

    /// Lets nothing start for that long.
    pub(super) async fn pause(&self, length: Duration) {
        let mut next = self.next.lock().await;
        let until = Instant::now().checked_add(length);
        *next = (*next).max(until);
        self.paused.store(true, Ordering::Relaxed);
    }

    pub(super) async fn wait(&self) {
        if self.gap.is_none() && !self.paused.load(Ordering::Relaxed) {
            return;
        }
        let gap = self.gap.unwrap_or_default();
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let mine = next.filter(|next| *next > now).unwrap_or(now);
        *next = mine.checked_add(gap);
        drop(next);
        tokio::time::sleep_until(mine.into()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_holds_for_everybody() {
        let pace = Pace::new(None);
        let started = Instant::now();
        pace.pause(Duration::from_millis(30)).await;
        pace.wait().await;
        assert!(started.elapsed() >= Duration::from_millis(30));
    }
}
