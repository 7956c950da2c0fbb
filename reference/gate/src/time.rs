//! Points in time, and whether they lie before the date of a claim (RFC 7519 §2).

use std::time::Duration;

use serde_json::Number;

use crate::claims::Claims;

/// A point in time, as seconds and nanoseconds since 1970-01-01T00:00:00Z without leap seconds (RFC 7519 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

impl Time {
    /// The time `seconds` after the epoch.
    pub fn from_seconds(seconds: i64) -> Time {
        Time { seconds, nanoseconds: 0 }
    }

    /// The same time, `nanoseconds` later; what would reach the next second counts as the last nanosecond before it.
    pub fn plus_nanoseconds(self, nanoseconds: u32) -> Time {
        Time { nanoseconds: self.nanoseconds.saturating_add(nanoseconds).min(999_999_999), ..self }
    }

    /// Seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// The moment so much before this time.
    pub(crate) fn earlier(self, by: Duration) -> Moment {
        Moment(self.as_nanoseconds().saturating_sub(nanoseconds(by)))
    }

    /// The moment so much after this time.
    pub(crate) fn later(self, by: Duration) -> Moment {
        Moment(self.as_nanoseconds().saturating_add(nanoseconds(by)))
    }

    fn as_nanoseconds(self) -> i128 {
        i128::from(self.seconds) * NANOSECONDS + i128::from(self.nanoseconds)
    }
}

/// Nanoseconds since the epoch, so many that no leeway leads out of their range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(i128);

const NANOSECONDS: i128 = 1_000_000_000;

fn nanoseconds(span: Duration) -> i128 {
    i128::try_from(span.as_nanos()).unwrap_or(i128::MAX)
}

impl Moment {
    /// Whether the time lies before `date`, a number of seconds. Fractions are compared, not rounded away.
    pub(crate) fn is_before(self, date: &Number) -> bool {
        let Moment(nanoseconds) = self;
        let whole = date.as_i64().map(i128::from).or_else(|| date.as_u64().map(i128::from));
        if let Some(seconds) = whole {
            return nanoseconds < seconds * NANOSECONDS;
        }
        // A number with a fraction or an exponent. No number at all is never in the future: fail closed for `exp`.
        let Some(date) = date.as_f64().filter(|date| date.is_finite()) else {
            return false;
        };
        let (date_seconds, date_rest) = (date.floor(), (date - date.floor()) * 1e9);
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates; both ends lie beyond every time")]
        let date_seconds = date_seconds as i128;
        let (seconds, rest) = (nanoseconds.div_euclid(NANOSECONDS), nanoseconds.rem_euclid(NANOSECONDS));
        #[expect(clippy::cast_precision_loss, reason = "less than 2^30, which a double holds exactly")]
        let rest = rest as f64;
        seconds < date_seconds || (seconds == date_seconds && rest < date_rest)
    }
}

impl Claims {
    /// `exp` in whole seconds, rounded down: until then the token has not run out (TOKEN-5).
    pub fn expiration(&self) -> Option<i64> {
        let exp = self.member("exp")?;
        // A float is cut off at the ends of the range.
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and a fraction is rounded down before")]
        exp.as_i64().or_else(|| exp.as_f64().map(|exp| exp.floor() as i64))
    }
}
