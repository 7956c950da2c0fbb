//! `--rate`: requests spread over time.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// Spreads requests so that no more than a number of them starts each second.
pub(super) struct Pace {
    gap: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(rate: Option<f64>) -> Self {
        let gap = rate
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(rate.recip()).ok());
        Self { gap, next: Mutex::new(None) }
    }

    pub(super) async fn wait(&self) {
        let Some(gap) = self.gap else { return };
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let mine = next.filter(|next| *next > now).unwrap_or(now);
        *next = mine.checked_add(gap);
        drop(next);
        tokio::time::sleep_until(mine.into()).await;
    }
}
