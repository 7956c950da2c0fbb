//! Reads one request head as it was sent, and refuses what no gate may guess about.
//!
//! hyper gives a service a request that it has already tidied: the fragment is gone from the
//! target, `GET admin` has become an authority with an empty path, a missing or a second `Host`
//! line goes unremarked, and `Content-Length` next to `Transfer-Encoding` is silently dropped. Each of these is
//! a place where another server in the chain may read the request differently, so the gate wants
//! the bytes. This module parses them with `httparse`, the parser hyper itself uses, so both
//! agree on where a head ends (HTTP-3, NOLEAK-1).

use std::mem::MaybeUninit;

use httparse::Status;
use rolegate::cookie::are_too_many;
use rolegate::path::is_authority;

/// What one request head may cost.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Bytes of the whole head, empty lines before it included.
    pub head: usize,
    /// Bytes of the request target.
    pub target: usize,
}

/// The most header lines that a head may have; hyper is told the same number.
pub const MAX_HEADER_LINES: usize = 100;

/// One request head, borrowed from the bytes on the wire.
#[derive(Debug)]
pub struct Head<'a> {
    /// The method as sent; methods are case-sensitive (RFC 9110 §9.1).
    pub method: &'a str,
    /// The request target as sent, fragment included.
    pub target: &'a [u8],
    /// The value of the one `Host` line, if there is one.
    pub host: Option<&'a str>,
    /// The header lines as sent, in their order.
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// The connection ends after the answer: a body follows that nobody will read, or the client
    /// expects a change of protocol or an interim answer.
    pub last: bool,
}

/// Why a head gets no decision. The connection is closed after the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// 400: malformed or ambiguous, with the sentence for the log.
    Malformed(&'static str),
    /// 414: the target is longer than the limit.
    LongTarget,
    /// 431: the head is longer than the limit, or has too many lines or cookies.
    LongHead,
}

/// Reads the first request head in `bytes`.
///
/// Returns the head, or the fault that it has, and the number of bytes that it takes, so that
/// the next head of a pipeline starts behind it. `None` where no whole head is there.
pub fn first(bytes: &[u8], limits: HeadLimits) -> Option<(Result<Head<'_>, Fault>, usize)> {
    let mut lines = [const { MaybeUninit::uninit() }; MAX_HEADER_LINES];
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, &mut lines) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return None,
        // hyper has refused such a head before any service saw it; if the two ever disagree,
        // nothing behind this point may be read as a request.
        Err(httparse::Error::TooManyHeaders) => return Some((Err(Fault::LongHead), bytes.len())),
        Err(_) => return Some((Err(Fault::Malformed("not a request head")), bytes.len())),
    };
    let whole = bytes.get(..length)?;
    let (Some(method), Some(path), Some(minor)) = (request.method, request.path, request.version) else {
        return None;
    };
    let head = check(whole, method, path.as_bytes(), minor, request.headers, limits);
    Some((head, length))
}

/// HTTP-3: every check that hyper leaves to its service.
fn check<'a>(
    whole: &'a [u8],
    method: &'a str,
    target: &'a [u8],
    minor: u8,
    lines: &[httparse::Header<'a>],
    limits: HeadLimits,
) -> Result<Head<'a>, Fault> {
    if target.len() > limits.target {
        return Err(Fault::LongTarget);
    }
    if whole.len() > limits.head {
        return Err(Fault::LongHead);
    }
    if has_bare_line_feed(whole) {
        return Err(Fault::Malformed("a line ends in a bare line feed"));
    }
    if target.contains(&b'#') {
        return Err(Fault::Malformed("the request target holds a fragment"));
    }
    // RFC 9110 §9.3.6: any answer with a 2xx would say that the tunnel is there.
    if method == "CONNECT" {
        return Err(Fault::Malformed("a request for a tunnel, and this gate connects nobody"));
    }
    let headers: Vec<(&str, &[u8])> = lines.iter().map(|line| (line.name, line.value)).collect();
    // COST-2
    if are_too_many(named(&headers, "cookie")) {
        return Err(Fault::LongHead);
    }
    let host = host(&headers, minor)?;
    let body = body_follows(&headers, minor)?;
    let last = body || named(&headers, "expect").next().is_some() || named(&headers, "upgrade").next().is_some();
    Ok(Head { method, target, host, headers, last })
}

/// RFC 9112 §3.2: exactly one valid `Host` line in HTTP/1.1; HTTP/1.0 may leave it out.
fn host<'a>(headers: &[(&'a str, &'a [u8])], minor: u8) -> Result<Option<&'a str>, Fault> {
    let mut lines = named(headers, "host");
    let Some(value) = lines.next() else {
        return if minor == 0 { Ok(None) } else { Err(Fault::Malformed("no Host line")) };
    };
    if lines.next().is_some() {
        return Err(Fault::Malformed("more than one Host line"));
    }
    match std::str::from_utf8(value) {
        Ok(host) if is_authority(host) => Ok(Some(host)),
        _ => Err(Fault::Malformed("the Host line names no host")),
    }
}

/// RFC 9112 §6: whether bytes of a body follow, or why nobody can tell where they would end.
pub(crate) fn body_follows(headers: &[(&str, &[u8])], minor: u8) -> Result<bool, Fault> {
    let mut lengths = named(headers, "content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Fault::Malformed("more than one Content-Length line"));
    }
    let mut codings = named(headers, "transfer-encoding");
    let coding = codings.next();
    if let Some(coding) = coding {
        if length.is_some() {
            return Err(Fault::Malformed("Content-Length together with Transfer-Encoding"));
        }
        if minor == 0 {
            return Err(Fault::Malformed("Transfer-Encoding in HTTP/1.0"));
        }
        // A list of codings, or an unknown one, is read differently by different servers.
        if codings.next().is_some() || !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(Fault::Malformed("Transfer-Encoding is something else than `chunked`"));
        }
        return Ok(true);
    }
    match length {
        None => Ok(false),
        Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            // A number that one server cuts at 64 bits and the next does not.
            match std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok()) {
                Some(length) => Ok(length > 0),
                None => Err(Fault::Malformed("Content-Length is too large for any body")),
            }
        }
        Some(_) => Err(Fault::Malformed("Content-Length is no number")),
    }
}

/// RFC 9112 §2.2 lets a server take a bare line feed as the end of a line; a server in front of
/// the gate may not, so the gate does not either.
fn has_bare_line_feed(whole: &[u8]) -> bool {
    let start = whole.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    let lines = whole.get(start..).unwrap_or_default();
    memchr::memchr_iter(b'\n', lines)
        .any(|at| at.checked_sub(1).and_then(|before| lines.get(before)).is_none_or(|before| *before != b'\r'))
}

/// The values of the header lines called `name`; names ignore ASCII case (RFC 9110 §5.1).
pub(crate) fn named<'h, 'a>(headers: &'h [(&'a str, &'a [u8])], name: &'h str) -> impl Iterator<Item = &'a [u8]> + 'h {
    headers.iter().filter(move |(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { head: 512, target: 64 };

    fn read(bytes: &str) -> Result<(String, bool), Fault> {
        let (head, _) = first(bytes.as_bytes(), LIMITS).expect("a whole head");
        head.map(|head| (String::from_utf8_lossy(head.target).into_owned(), head.last))
    }

    #[test]
    fn heads_that_are_read() {
        let table: &[(&str, &str, bool)] = &[
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", false),
            ("\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", "/x", false),
            ("GET / HTTP/1.0\r\n\r\n", "/", false),
            ("GET / HTTP/1.1\r\nhOsT: [::1]:80\r\n\r\n", "/", false),
            ("GET http://a/x HTTP/1.1\r\nHost: a:\r\n\r\n", "http://a/x", false),
            ("GET /..%2f?a= HTTP/1.1\r\nHost: a\r\n\r\n", "/..%2f?a=", false),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", "/", false),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "/", true),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "/", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "/", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n", "/", true),
        ];
        for (bytes, target, last) in table {
            assert_eq!(read(bytes), Ok(((*target).to_owned(), *last)), "{bytes:?}");
        }
    }

    #[test]
    fn heads_that_are_refused() {
        let long_target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(64));
        let long_head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(512));
        let table: &[(&str, Fault)] = &[
            (&long_target, Fault::LongTarget),
            (&long_head, Fault::LongHead),
            (
                "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n",
                Fault::Malformed("a request for a tunnel, and this gate connects nobody"),
            ),
            ("GET / HTTP/1.1\r\n\r\n", Fault::Malformed("no Host line")),
            ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", Fault::Malformed("more than one Host line")),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Fault::Malformed("the Host line names no host")),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Fault::Malformed("the Host line names no host")),
            ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Fault::Malformed("the Host line names no host")),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Fault::Malformed("the Host line names no host")),
            ("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", Fault::Malformed("the Host line names no host")),
            ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Fault::Malformed("the Host line names no host")),
            ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Fault::Malformed("the request target holds a fragment")),
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", Fault::Malformed("a line ends in a bare line feed")),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                Fault::Malformed("Content-Length together with Transfer-Encoding"),
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                Fault::Malformed("more than one Content-Length line"),
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
                Fault::Malformed("Content-Length is no number"),
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n",
                Fault::Malformed("Content-Length is too large for any body"),
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                Fault::Malformed("Transfer-Encoding is something else than `chunked`"),
            ),
            ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::Malformed("Transfer-Encoding in HTTP/1.0")),
        ];
        for (bytes, fault) in table {
            assert_eq!(read(bytes), Err(*fault), "{bytes:?}");
        }
    }

    #[test]
    fn cost_2_cookies() {
        let limits = HeadLimits { head: 32 * 1024, target: 64 };
        for (lines, pairs, refused) in
            [(1, 256, false), (2, 128, false), (1, 257, true), (3, 86, true), (1, 9_000, true)]
        {
            let line = format!("Cookie: ;; {}\r\n", "a=b;".repeat(pairs));
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", line.repeat(lines));
            let (read, _) = first(head.as_bytes(), limits).expect("a whole head");
            assert_eq!(read.is_err_and(|fault| fault == Fault::LongHead), refused, "{lines} lines of {pairs}");
        }
    }

    #[test]
    fn a_pipeline_is_cut_where_each_head_ends() {
        let pipeline = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3";
        let (one, length) = first(pipeline, LIMITS).expect("a whole head");
        assert_eq!(one.expect("read").target, b"/1");
        let rest = &pipeline[length..];
        let (two, length) = first(rest, LIMITS).expect("a whole head");
        assert_eq!(two.expect("read").target, b"/2");
        assert!(first(&rest[length..], LIMITS).is_none());
    }
}
