//! Answers that are none of the gate's: whoever is in front of it, or the gate itself, wants fewer requests, or wants to see a browser first.

use std::time::{Duration, SystemTime};

use crate::wire::Response;

/// An answer that says nothing of the gate's rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// A page that asks whoever comes to prove that it is a browser.
    Challenge {
        /// What tells it: the name of a field, or a text of the page.
        mark: &'static str,
    },
    /// Requests come too fast: 429, or 503 with `Retry-After` (RFC 6585 §4, RFC 9110 §15.6.4).
    Limit {
        /// The status.
        status: u16,
        /// How long it wants to be left alone, where it says so.
        pause: Option<Duration>,
    },
    /// A server in front of a site says that what is behind it is away or overloaded (RFC 9110 §15.6.3 to §15.6.5).
    Away {
        /// The status.
        status: u16,
    },
}

/// Fields that services in front of sites set on their own pages.
const FIELDS: [&str; 3] = ["cf-mitigated", "x-vercel-mitigated", "x-amzn-waf-action"];
/// Texts of challenge pages. They count only in an answer that refuses, since services put their scripts into ordinary pages as well.
const TEXTS: [&str; 6] = [
    "/cdn-cgi/challenge-platform/",
    "<title>Just a moment...</title>",
    "_Incapsula_Resource",
    "captcha-delivery.com",
    "/.well-known/sgcaptcha/",
    "window._cf_chl_opt",
];
/// No more of a page than this is looked at.
const LOOKED_AT: usize = 64 << 10;

impl Refusal {
    /// What an answer says, if it is none of the gate's.
    #[must_use]
    pub fn of(response: &Response, now: SystemTime) -> Option<Self> {
        let first = |name| response.header(name).next().map(String::from_utf8_lossy);
        let field = FIELDS.into_iter().find(|name| {
            first(name).is_some_and(|value| ["challenge", "captcha", "deny"].iter().any(|word| value.contains(word)))
        });
        let text = || {
            let body = response.content();
            let body = body.get(..LOOKED_AT.min(body.len())).unwrap_or_default();
            TEXTS.into_iter().find(|text| memchr::memmem::find(body, text.as_bytes()).is_some())
        };
        let refuses = matches!(response.status, 403 | 429 | 503);
        if let Some(mark) = field.or_else(|| refuses.then(text).flatten()) {
            return Some(Self::Challenge { mark });
        }
        let pause = first("retry-after").and_then(|value| pause(value.trim(), now));
        let limits = response.status == 429 || (response.status == 503 && pause.is_some());
        limits.then_some(Self::Limit { status: response.status, pause })
    }

    /// The same for somebody's site, where 502, 503 and 504 are no answer of a gate either.
    #[must_use]
    pub fn of_a_site(response: &Response, now: SystemTime) -> Option<Self> {
        let status = response.status;
        Self::of(response, now).or_else(|| matches!(status, 502..=504).then_some(Self::Away { status }))
    }

    /// What it says, in one line.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::Challenge { mark } => format!("it answered with a challenge page (`{mark}`)"),
            Self::Away { status } => format!("it answered {status}: a server is away or overloaded"),
            Self::Limit { status, pause: None } => format!("it answered {status} and asked for a pause"),
            Self::Limit { status, pause: Some(pause) } => {
                format!("it answered {status} and asked for a pause of {} s", pause.as_secs())
            }
        }
    }
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn pause(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok().map(|at| at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_no_denial() {
        let answer = |status, headers: &[(&str, &str)], body: &str| Response {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
            body: body.as_bytes().to_vec(),
            ..Response::default()
        };
        let limit =
            |status, seconds: Option<u64>| Some(Refusal::Limit { status, pause: seconds.map(Duration::from_secs) });
        let challenge = |mark| Some(Refusal::Challenge { mark });
        let script = "<script src=\"/cdn-cgi/challenge-platform/x.js\"></script>";
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (status, headers, body, found) in [
            (429, &[][..], "", limit(429, None)),
            (429, &[("retry-after", "3")], "", limit(429, Some(3))),
            (503, &[("retry-after", " 0 ")], "", limit(503, Some(0))),
            (429, &[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], "", limit(429, Some(10))),
            (503, &[("retry-after", "Sun, 06 Nov 1994 08:49:27 GMT")], "", limit(503, Some(0))),
            (429, &[("retry-after", "soon")], "", limit(429, None)),
            (503, &[("retry-after", "soon")], "", None),
            (503, &[], "", None),
            (403, &[("cf-mitigated", "challenge")], "", challenge("cf-mitigated")),
            (202, &[("x-amzn-waf-action", "challenge")], "", challenge("x-amzn-waf-action")),
            (403, &[], "<title>Just a moment...</title>", challenge("<title>Just a moment...</title>")),
            (503, &[("retry-after", "3")], script, challenge("/cdn-cgi/challenge-platform/")),
            (200, &[], script, None),
            (403, &[], "", None),
            (404, &[("retry-after", "3")], "", None),
            (302, &[("retry-after", "3")], "", None),
        ] {
            assert_eq!(Refusal::of(&answer(status, headers, body), now), found, "{status} {headers:?} {body}");
        }
        for status in 500..=505 {
            let found = Refusal::of_a_site(&answer(status, &[], ""), now);
            assert_eq!(found, (502..=504).contains(&status).then_some(Refusal::Away { status }));
        }
    }
}
