//! Whether the other side of a body keeps up (PACE-1). Pure: time is a parameter.
//!
//! One byte now and then keeps a connection, a file and an upstream for ever, so that something has come is no measure.
//! What counts is how much has moved in the time that was waited *for that side*; while the gate itself reads from a disk
//! or waits for somebody else, nobody is late.

use std::time::Duration;

use tokio::time::Instant;

/// How much has to move in which time of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    /// How long is waited.
    pub(crate) patience: Duration,
    /// How many bytes have to move in that time, at least one.
    pub(crate) least: u64,
}

/// What one side has moved, and how long it was waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    measure: Measure,
    waiting_since: Option<Instant>,
    waited: Duration,
    moved: u64,
}

impl Measure {
    /// `rate` bytes a second, on average over `patience`.
    pub(crate) fn new(patience: Duration, rate: u64) -> Measure {
        let bytes = patience.as_millis().saturating_mul(u128::from(rate)) / 1000;
        Measure { patience, least: u64::try_from(bytes).unwrap_or(u64::MAX).max(1) }
    }
}

impl Pace {
    /// Nothing has moved, and nobody is waited for.
    pub(crate) fn new(measure: Measure) -> Pace {
        Pace { measure, waiting_since: None, waited: Duration::ZERO, moved: 0 }
    }

    /// The other side is waited for from now on, if it was not before.
    pub(crate) fn wait(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// The other side is no longer waited for.
    pub(crate) fn rest(&mut self, now: Instant) {
        if let Some(since) = self.waiting_since.take() {
            self.waited = self.waited.saturating_add(now.saturating_duration_since(since));
        }
    }

    /// The other side has moved `bytes`. Enough of them, and its time begins anew.
    pub(crate) fn moved(&mut self, bytes: u64, now: Instant) {
        self.moved = self.moved.saturating_add(bytes);
        if self.moved >= self.measure.least {
            self.moved = 0;
            self.waited = Duration::ZERO;
            self.waiting_since = self.waiting_since.map(|_| now);
        }
    }

    /// All has moved that there was: nothing is held against it.
    pub(crate) fn clear(&mut self) {
        *self = Pace::new(self.measure);
    }

    /// When the other side is late, if no more moves until then; `None` while nobody waits for it.
    pub(crate) fn late_at(&self) -> Option<Instant> {
        self.waiting_since.map(|since| since + self.measure.patience.saturating_sub(self.waited))
    }

    /// How long it has been waited for since enough has moved.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        let waiting = self.waiting_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.waited.saturating_add(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// When it is late, in seconds after the beginning.
    fn late_after(steps: &[(char, u64, u64)]) -> Option<u64> {
        let start = Instant::now();
        let mut pace = Pace::new(Measure::new(30 * SECOND, 10));
        for (step, at, bytes) in steps {
            let now = start + u32::try_from(*at).unwrap() * SECOND;
            match step {
                'w' => pace.wait(now),
                'r' => pace.rest(now),
                'm' => pace.moved(*bytes, now),
                _ => pace.clear(),
            }
        }
        pace.late_at().map(|late| (late - start).as_secs())
    }

    #[test]
    fn who_is_late_and_when() {
        for (steps, late) in [
            ([].as_slice(), None),
            (&[('w', 5, 0)], Some(35)),
            // Waiting again is still waiting.
            (&[('w', 5, 0), ('w', 9, 0)], Some(35)),
            // A byte now and then is not enough; 300 are.
            (&[('w', 0, 0), ('m', 7, 1), ('w', 7, 0), ('m', 14, 1)], Some(30)),
            (&[('w', 0, 0), ('m', 7, 299), ('m', 20, 1)], Some(50)),
            // While the gate has something else to do, nobody is late; what was waited before still counts.
            (&[('w', 0, 0), ('r', 20, 0)], None),
            (&[('w', 0, 0), ('r', 20, 0), ('w', 100, 0)], Some(110)),
            (&[('w', 0, 0), ('r', 20, 0), ('m', 90, 300), ('w', 100, 0)], Some(130)),
            (&[('w', 0, 0), ('m', 20, 299), ('c', 20, 0), ('w', 21, 0)], Some(51)),
        ] {
            assert_eq!(late_after(steps), late, "{steps:?}");
        }
        assert_eq!(Measure::new(SECOND / 4, 10).least, 2);
        assert_eq!(Measure::new(SECOND, 0).least, 1);
    }
}
