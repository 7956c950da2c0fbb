//! The clock of this machine; what decides takes the time as a parameter.

use std::time::{SystemTime, UNIX_EPOCH};

use rolegate::token::Time;

/// The time of this moment.
pub fn now() -> Time {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => {
            let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            Time::from_seconds(seconds).plus_nanoseconds(since.subsec_nanos())
        }
        // A clock before 1970 is broken. At the end of time every token has expired: fail closed.
        Err(_) => Time::from_seconds(i64::MAX),
    }
}
