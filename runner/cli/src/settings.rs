//! How a gate is asked: numbers that mean something, whether they stand on the command line or in `gatecheck.toml`.

use std::time::Duration;

/// How a gate is asked; what is not said is left to the command.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    pub(super) jobs: Option<usize>,
    pub(super) rate: Option<f64>,
    pub(super) timeout: Option<Duration>,
    pub(super) retries: Option<u32>,
    pub(super) http2: bool,
    pub(super) strict: bool,
}

/// How many requests may be under way at once.
///
/// # Errors
/// What to write instead.
pub(super) fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("0 requests at once ask nothing; write 1 or more".to_owned()),
        Ok(jobs) => Ok(jobs),
        Err(_) => Err(format!("`{text}` is no number of requests; write for example 16")),
    }
}

/// How many requests an audit may send.
///
/// # Errors
/// What to write instead.
pub(super) fn budget(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => {
            Err("a budget of 0 requests asks nothing; write 1 or more, or --plan to see what would be asked".to_owned())
        }
        Ok(budget) => Ok(budget),
        Err(_) => Err(format!("`{text}` is no number of requests; write for example 2000")),
    }
}

/// How many requests may be sent in a second.
///
/// # Errors
/// What to write instead.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| {
        format!(
            "`{text}` is no number of requests a second above zero; write for example 20, or leave it out for no bound"
        )
    })
}

/// The time limit of one answer, written in seconds.
///
/// # Errors
/// What to write instead.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let limit = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let limit = limit.filter(|limit| !limit.is_zero());
    limit.ok_or_else(|| format!("`{text}` is no number of seconds above zero; write for example 5"))
}

/// How often a request is sent again when the connection itself fails.
///
/// # Errors
/// What to write instead.
pub(super) fn retries(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is no number of times; write 0 or more, for example 2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_something_or_is_refused_with_what_to_write() {
        assert_eq!((jobs("1"), retries("0")), (Ok(1), Ok(0)));
        assert_eq!((rate("0.5"), timeout("0.25")), (Ok(0.5), Ok(Duration::from_millis(250))));
        for told in [
            jobs("0").map(|_| ()),
            jobs("-1").map(|_| ()),
            jobs("\"16\"").map(|_| ()),
            rate("0").map(|_| ()),
            rate("-1").map(|_| ()),
            rate("NaN").map(|_| ()),
            rate("inf").map(|_| ()),
            timeout("0").map(|_| ()),
            timeout("-0.1").map(|_| ()),
            timeout("1e300").map(|_| ()),
            retries("-1").map(|_| ()),
            retries("1.5").map(|_| ()),
        ] {
            assert!(told.as_ref().is_err_and(|why| why.contains("write ")), "{told:?}");
        }
    }
}
