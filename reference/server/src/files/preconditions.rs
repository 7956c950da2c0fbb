//! Conditional requests (RFC 9110 §13): the headers, and the order in which they are evaluated.

use std::time::{Duration, SystemTime};

use rolegate::request::Request;

use super::ranges::{self, Selection};

/// The conditional and range headers of one request. Most requests have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preconditions(Option<Box<Fields>>);

#[derive(Clone, Debug)]
struct Fields {
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<SystemTime>,
    if_unmodified_since: Option<SystemTime>,
    if_range: Option<String>,
    range: Option<String>,
}

/// What identifies the state of the file that is the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// The strong entity tag, quotes included.
    pub(crate) tag: &'a str,
    /// To the second, as `Last-Modified` says it.
    pub(crate) modified: Option<SystemTime>,
    /// The length of the file.
    pub(crate) length: u64,
}

/// How to answer with the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// 412
    Failed,
    /// 304
    NotModified,
    /// 200, 206 or 416
    Send(Selection),
}

impl Preconditions {
    /// Reads the headers. What cannot be read counts as absent, but an unreadable `If-Match` matches nothing.
    pub(crate) fn of(request: &Request<'_>) -> Preconditions {
        let is_one = |name: &str| {
            name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("if-")) || name.eq_ignore_ascii_case("range")
        };
        if !request.headers.iter().any(|(name, _)| is_one(name)) {
            return Preconditions(None);
        }
        Preconditions(Some(Box::new(Fields::of(request))))
    }

    /// §13.2.2: the preconditions in their order, for GET and HEAD.
    pub(crate) fn evaluate(&self, file: Validators<'_>, is_head: bool, now: SystemTime) -> Verdict {
        self.0.as_ref().map_or(Verdict::Send(Selection::Whole), |fields| fields.evaluate(file, is_head, now))
    }
}

impl Fields {
    fn of(request: &Request<'_>) -> Fields {
        // §5.3: the lines of a list field are one list.
        let list = |name: &str| {
            let lines: Vec<_> = request.header_lines(name).map(String::from_utf8_lossy).collect();
            (!lines.is_empty()).then(|| lines.join(","))
        };
        // Any other field stands once or says nothing.
        let one = |name: &str| {
            let mut lines = request.header_lines(name);
            let line = lines.next().filter(|_| lines.next().is_none())?;
            std::str::from_utf8(line).ok().map(str::to_owned)
        };
        let date = |name: &str| one(name).and_then(|value| httpdate::parse_http_date(&value).ok());
        Fields {
            if_match: list("if-match"),
            if_none_match: list("if-none-match"),
            if_modified_since: date("if-modified-since"),
            if_unmodified_since: date("if-unmodified-since"),
            if_range: one("if-range"),
            range: one("range"),
        }
    }

    fn evaluate(&self, file: Validators<'_>, is_head: bool, now: SystemTime) -> Verdict {
        // 1. If-Match, 2. else If-Unmodified-Since
        let unchanged = match (&self.if_match, self.if_unmodified_since, file.modified) {
            (Some(list), _, _) => matches(list, file.tag, Comparison::Strong),
            (None, Some(since), Some(modified)) => modified <= since,
            _ => true,
        };
        if !unchanged {
            return Verdict::Failed;
        }
        // 3. If-None-Match, 4. else If-Modified-Since
        let known = match (&self.if_none_match, self.if_modified_since, file.modified) {
            (Some(list), _, _) => matches(list, file.tag, Comparison::Weak),
            (None, Some(since), Some(modified)) => modified <= since,
            _ => false,
        };
        if known {
            return Verdict::NotModified;
        }
        // 5. Range, for GET only (§14.2), if If-Range holds
        match &self.range {
            Some(range) if !is_head && self.if_range_holds(file, now) => {
                Verdict::Send(ranges::select(range, file.length))
            }
            _ => Verdict::Send(Selection::Whole),
        }
    }

    /// §13.1.5: a tag matches by strong comparison; a date is equal to `Last-Modified` and that is strong, which
    /// §8.8.2.2 grants where it lies a second or more before now.
    fn if_range_holds(&self, file: Validators<'_>, now: SystemTime) -> bool {
        let Some(value) = &self.if_range else { return true };
        if value.contains('"') {
            return value == file.tag;
        }
        match (httpdate::parse_http_date(value), file.modified) {
            (Ok(date), Some(modified)) => {
                date == modified && now.duration_since(modified).is_ok_and(|age| age >= Duration::from_secs(1))
            }
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

/// §8.8.3.2: whether `*` or a tag of the list stands for `tag`, which is strong.
fn matches(list: &str, tag: &str, comparison: Comparison) -> bool {
    if list.trim_matches([' ', '\t']) == "*" {
        return true;
    }
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (is_weak, opaque) = match rest.strip_prefix("W/") {
            Some(opaque) => (true, opaque),
            None => (false, rest),
        };
        // A tag may hold commas, so the list is read tag by tag; behind what is no tag nothing is read.
        let Some((inside, after)) = opaque.strip_prefix('"').and_then(|opaque| opaque.split_once('"')) else {
            return false;
        };
        let is_equal = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(inside);
        if is_equal && (comparison == Comparison::Weak || !is_weak) {
            return true;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use rolegate::request::Scheme;

    use super::*;

    const OLD: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NEW: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const WHOLE: Verdict = Verdict::Send(Selection::Whole);

    fn verdict(headers: &[(&str, &str)], is_head: bool) -> Verdict {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request =
            Request { method: "GET", target: b"/", host: None, scheme: Scheme::Http, headers: &headers, country: None };
        let modified = httpdate::parse_http_date(AT).unwrap();
        let file = Validators { tag: "\"a,b\"", modified: Some(modified), length: 10 };
        Preconditions::of(&request).evaluate(file, is_head, modified + Duration::from_secs(60))
    }

    #[test]
    fn rfc_9110_13() {
        let first = || Verdict::Send(Selection::One(0..1));
        let table: &[(&[(&str, &str)], Verdict)] = &[
            (&[], WHOLE),
            (&[("If-None-Match", "\"a,b\"")], Verdict::NotModified),
            (&[("If-None-Match", "W/\"a,b\"")], Verdict::NotModified),
            (&[("If-None-Match", "\"x\", \"a,b\"")], Verdict::NotModified),
            (&[("If-None-Match", "\"x\""), ("if-none-match", "\"a,b\"")], Verdict::NotModified),
            (&[("If-None-Match", "*")], Verdict::NotModified),
            (&[("If-None-Match", "\"x\"")], WHOLE),
            (&[("If-None-Match", "a,b")], WHOLE),
            (&[("If-None-Match", "\"a")], WHOLE),
            (&[("If-None-Match", "\"x\""), ("If-Modified-Since", NEW)], WHOLE),
            (&[("If-Modified-Since", AT)], Verdict::NotModified),
            (&[("If-Modified-Since", NEW)], Verdict::NotModified),
            (&[("If-Modified-Since", OLD)], WHOLE),
            (&[("If-Modified-Since", "yesterday")], WHOLE),
            (&[("If-Modified-Since", AT), ("If-Modified-Since", AT)], WHOLE),
            (&[("If-Match", "\"a,b\"")], WHOLE),
            (&[("If-Match", "*")], WHOLE),
            (&[("If-Match", "W/\"a,b\"")], Verdict::Failed),
            (&[("If-Match", "\"x\"")], Verdict::Failed),
            (&[("If-Match", "\"a,b\""), ("If-Unmodified-Since", OLD)], WHOLE),
            (&[("If-Unmodified-Since", OLD)], Verdict::Failed),
            (&[("If-Unmodified-Since", AT)], WHOLE),
            (&[("If-Match", "\"x\""), ("If-None-Match", "\"a,b\"")], Verdict::Failed),
            (&[("Range", "bytes=0-0")], first()),
            (&[("Range", "bytes=0-0"), ("Range", "bytes=0-0")], WHOLE),
            (&[("Range", "bytes=0-0"), ("If-None-Match", "\"a,b\"")], Verdict::NotModified),
            (&[("Range", "bytes=0-0"), ("If-Range", "\"a,b\"")], first()),
            (&[("Range", "bytes=0-0"), ("If-Range", "W/\"a,b\"")], WHOLE),
            (&[("Range", "bytes=0-0"), ("If-Range", "\"x\"")], WHOLE),
            (&[("Range", "bytes=0-0"), ("If-Range", AT)], first()),
            (&[("Range", "bytes=0-0"), ("If-Range", NEW)], WHOLE),
            (&[("Range", "bytes=0-0"), ("If-Range", "soon")], WHOLE),
        ];
        for (headers, expected) in table {
            assert_eq!(verdict(headers, false), *expected, "{headers:?}");
        }
        assert_eq!(verdict(&[("Range", "bytes=0-0")], true), WHOLE, "HEAD knows no ranges");
    }
}
