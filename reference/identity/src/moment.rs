//! Points in time.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds. Shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(u64);

impl Moment {
    /// The moment so many microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Moment {
        Moment(micros)
    }

    /// The moment so many seconds after the epoch.
    pub const fn from_seconds(seconds: u64) -> Moment {
        Moment(seconds.saturating_mul(1_000_000))
    }

    /// The clock of this machine; for the rim alone, everything else takes the time from its [`crate::Call`]. A clock before
    /// 1970 is broken and counts as the epoch.
    pub fn now() -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Seconds since the epoch, rounded down.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; nothing where it is not after it.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// How far this is from `other`, before or after it. What is good for a time is good so far from its making and no
    /// further: a moment that lies far ahead is of a clock that was set back, and nothing lasts until that is caught up with.
    pub fn apart(self, other: Moment) -> Duration {
        self.since(other).max(other.since(self))
    }

    /// The moment `life` later.
    #[must_use]
    pub fn after(self, life: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(life.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The moment to the second, for a person: `2025-11-29 21:00:00 UTC`.
    pub fn in_words(self) -> String {
        let date = i64::try_from(self.seconds()).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        date.unwrap_or_default().format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// The same as the standard library has it, for dates of header fields.
    pub fn system_time(self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_micros(self.0)).unwrap_or(UNIX_EPOCH)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = i64::try_from(self.0).ok().and_then(DateTime::from_timestamp_micros).unwrap_or_default();
        f.write_str(&date.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_rfc_3339() {
        assert_eq!(Moment::from_seconds(1_764_450_000).to_string(), "2025-11-29T21:00:00.000000Z");
        assert_eq!(Moment::from_seconds(1_764_450_000).in_words(), "2025-11-29 21:00:00 UTC");
        assert_eq!(Moment::from_micros(1).to_string(), "1970-01-01T00:00:00.000001Z");
        let later = Moment::from_seconds(10).after(Duration::from_secs(5));
        assert_eq!(later.since(Moment::from_seconds(10)), Duration::from_secs(5));
        assert_eq!(Moment::from_seconds(10).since(later), Duration::ZERO);
        assert_eq!(Moment::from_seconds(10).apart(later), Duration::from_secs(5));
        assert_eq!(later.apart(Moment::from_seconds(10)), Duration::from_secs(5));
    }
}
