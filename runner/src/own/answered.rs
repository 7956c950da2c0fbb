//! What an answer says beside its content: that the site wants to be left alone for a while, or that a cache had a hand in it.

use std::time::{Duration, SystemTime};

use crate::wire::Response;

/// A site that does not answer the question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What it says, in one line.
    pub says: String,
    /// How long it wants to be left alone, where it says so.
    pub pause: Option<Duration>,
}

/// Whether an answer is no answer of the gate: the site has had too many requests (429, or 503 with `Retry-After`), or wants to see a browser first.
#[must_use]
pub fn refusal(response: &Response, now: SystemTime) -> Option<Refusal> {
    let first = |name| response.header(name).next().map(String::from_utf8_lossy);
    let pause = first("retry-after").and_then(|value| pause(value.trim(), now));
    if response.status == 429 || (response.status == 503 && pause.is_some()) {
        return Some(Refusal { says: format!("it answered {} and asked for a pause", response.status), pause });
    }
    // Marks that services in front of sites set on their own pages.
    let challenge = ["cf-mitigated", "x-vercel-mitigated", "x-amzn-waf-action"].into_iter().find(|name| {
        first(name).is_some_and(|value| ["challenge", "captcha", "deny"].iter().any(|word| value.contains(word)))
    });
    challenge.map(|name| Refusal { says: format!("it answered with a challenge page (`{name}`)"), pause: None })
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn pause(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok().map(|at| at.duration_since(now).unwrap_or_default())
}

/// The fields by which caches say that they answered, with their values.
#[must_use]
pub fn cached(response: &Response) -> Option<String> {
    let told: Vec<String> = ["age", "x-cache", "cache-status", "cf-cache-status", "x-cache-status"]
        .into_iter()
        .filter_map(|name| Some((name, response.header(name).next()?)))
        .map(|(name, value)| format!("{name}: {}", crate::text::printable(value)))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_no_denial() {
        let answer = |status, headers: &[(&str, &str)]| Response {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
            ..Response::default()
        };
        let pause = |seconds| Some(Some(Duration::from_secs(seconds)));
        for (status, headers, found) in [
            (429, &[][..], Some(None)),
            (429, &[("retry-after", "3")], pause(3)),
            (503, &[("retry-after", "Thu, 01 Jan 1970 00:00:09 GMT")], pause(9)),
            (503, &[], None),
            (403, &[("cf-mitigated", "challenge")], Some(None)),
            (403, &[], None),
            (404, &[("retry-after", "3")], None),
        ] {
            let seen = refusal(&answer(status, headers), SystemTime::UNIX_EPOCH).map(|refusal| refusal.pause);
            assert_eq!(seen, found, "{status} {headers:?}");
        }
        assert_eq!(cached(&answer(200, &[("age", "3"), ("x-cache", "HIT")])).as_deref(), Some("age: 3, x-cache: HIT"));
    }
}
