//! The head of an HTTP/2 request, held to the rules that `head` holds HTTP/1.1 to.
//!
//! h2 has checked the framing: pseudo-header fields once each and in front, no field that belongs to a connection, a
//! bounded list of fields. What is left is what a gate may not guess about: for which host the request is, and for
//! which path. One thing is lost before anybody sees it: a `#` in `:path` and what follows it. Matching and look-up use
//! the same rest, so nothing comes of it.

use hyper::header::{COOKIE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request};
use rolegate::cookie::are_too_many;
use rolegate::path::is_authority;

use super::head::{Fault, Head, HeadLimits, MAX_HEADER_LINES, body_follows};

/// Makes one `Cookie` line of several (RFC 9113 §8.2.3), for the gate and for whom it forwards to.
///
/// # Errors
/// COST-2: the fields are too many or too long. That is counted first, as they stand after HPACK: a few bytes of a
/// request can name fields of many kilobytes, and hundreds of crumbs would become one line.
pub fn join_cookies(fields: &mut HeaderMap, limits: HeadLimits) -> Result<(), Fault> {
    let size: usize = fields.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len())).sum();
    let crumbs = || fields.get_all(COOKIE).iter();
    let others = fields.len().saturating_sub(crumbs().count());
    if size > limits.head || others > MAX_HEADER_LINES || are_too_many(crumbs().map(HeaderValue::as_bytes)) {
        return Err(Fault::LongHead);
    }
    let mut crumbs = crumbs();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return Ok(()) };
    let mut joined = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    // What is joined of valid values is one. If ever not, there is no cookie, and the visitor is nobody.
    match HeaderValue::from_bytes(&joined) {
        Ok(joined) => fields.insert(COOKIE, joined),
        Err(_) => fields.remove(COOKIE),
    };
    Ok(())
}

/// Reads the head of a request, whose cookies are joined already.
pub fn read<B>(request: &Request<B>, limits: HeadLimits) -> Result<Head<'_>, Fault> {
    let uri = request.uri();
    // RFC 9113 §8.3.1: every request but CONNECT has a path, and this gate connects nobody.
    let (Some(target), false) = (uri.path_and_query(), request.method() == Method::CONNECT) else {
        return Err(Fault::Malformed("a request without a path"));
    };
    let target = target.as_str().as_bytes();
    if !target.starts_with(b"/") {
        return Err(Fault::Malformed("the path does not begin with a slash"));
    }
    if target.len() > limits.target {
        return Err(Fault::LongTarget);
    }
    if uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(Fault::Malformed("the scheme is not `http` or `https`"));
    }
    let fields = request.headers();
    let size: usize = fields.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len())).sum();
    if fields.len() > MAX_HEADER_LINES || size.saturating_add(target.len()) > limits.head {
        return Err(Fault::LongHead);
    }
    let host = host(uri.authority().map(|authority| authority.as_str()), fields)?;
    let headers: Vec<(&str, &[u8])> = fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    body_follows(&headers, 1)?;
    Ok(Head { method: request.method().as_str(), target, host: Some(host), headers, last: false })
}

/// RFC 9113 §8.3.1: `:authority`, or else `Host`, and where both are sent they say the same.
fn host<'a>(authority: Option<&'a str>, fields: &'a HeaderMap) -> Result<&'a str, Fault> {
    let mut lines = fields.get_all(HOST).iter();
    let line = lines.next().map(|line| line.to_str().unwrap_or_default());
    if lines.next().is_some() {
        return Err(Fault::Malformed("more than one Host line"));
    }
    let host = match (authority, line) {
        (None, None) => return Err(Fault::Malformed("no authority")),
        (Some(authority), Some(line)) if !authority.eq_ignore_ascii_case(line) => {
            return Err(Fault::Malformed("authority and Host line differ"));
        }
        (Some(host), _) | (None, Some(host)) => host,
    };
    if is_authority(host) { Ok(host) } else { Err(Fault::Malformed("the authority names no host")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { head: 512, target: 64 };

    fn request(method: &str, uri: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn heads_that_are_read() {
        for (uri, fields, target, host) in [
            ("http://a/x?y", [("x", "y")].as_slice(), "/x?y", "a"),
            ("https://A:8/", &[("host", "a:8")], "/", "A:8"),
            ("/x", &[("host", "a")], "/x", "a"),
            ("http://[::1]/", &[("content-length", "0")], "/", "[::1]"),
        ] {
            let request = request("GET", uri, fields);
            let head = read(&request, LIMITS).unwrap();
            assert_eq!((head.target, head.host), (target.as_bytes(), Some(host)), "{uri}");
        }
    }

    #[test]
    fn heads_that_are_refused() {
        let long = format!("http://a/{}", "x".repeat(64));
        let (much, many) = ("x".repeat(512), vec![("x", "y"); 101]);
        for (method, uri, fields, fault) in [
            ("GET", long.as_str(), [].as_slice(), Fault::LongTarget),
            ("GET", "http://a/", &[("x", much.as_str())], Fault::LongHead),
            ("GET", "http://a/", &many, Fault::LongHead),
            ("GET", "/x", &[], Fault::Malformed("no authority")),
            ("GET", "http://a/", &[("host", "b")], Fault::Malformed("authority and Host line differ")),
            ("GET", "http://a/", &[("host", "a"), ("host", "a")], Fault::Malformed("more than one Host line")),
            ("GET", "http://u@a/", &[], Fault::Malformed("the authority names no host")),
            ("GET", "/", &[("host", "a b")], Fault::Malformed("the authority names no host")),
            ("GET", "ftp://a/", &[], Fault::Malformed("the scheme is not `http` or `https`")),
            ("OPTIONS", "*", &[("host", "a")], Fault::Malformed("the path does not begin with a slash")),
            ("CONNECT", "a:443", &[], Fault::Malformed("a request without a path")),
            ("CONNECT", "http://a/", &[], Fault::Malformed("a request without a path")),
            ("GET", "http://a/", &[("content-length", "x")], Fault::Malformed("Content-Length is no number")),
        ] {
            assert_eq!(read(&request(method, uri, fields), LIMITS).err(), Some(fault), "{method} {uri} {fields:?}");
        }
    }

    #[test]
    fn crumbs_make_one_cookie() {
        let with = |crumbs: &[&str]| {
            let fields: Vec<_> = crumbs.iter().map(|crumb| ("cookie", *crumb)).collect();
            let mut request = request("GET", "http://a/", &fields);
            join_cookies(request.headers_mut(), LIMITS).unwrap();
            let head = read(&request, LIMITS).unwrap();
            let lines: Vec<_> = super::super::head::named(&head.headers, "cookie").map(<[u8]>::to_vec).collect();
            lines
        };
        assert_eq!(with(&[]), Vec::<Vec<u8>>::new());
        assert_eq!(with(&["a=b"]), [b"a=b"]);
        assert_eq!(with(&["a=b", "nf_jwt=x", "c=d"]), [b"a=b; nf_jwt=x; c=d"]);
    }

    #[test]
    fn cost_2_is_counted_before_crumbs_are_joined() {
        let limits = HeadLimits { head: 32 * 1024, target: 64 };
        let join = |fields: &[(&str, &str)]| {
            let mut request = request("GET", "http://a/", fields);
            join_cookies(request.headers_mut(), limits)
        };
        let (crumb, pairs) = (("cookie", "a=b"), "a=b;".repeat(200));
        for (fields, refused) in [
            (vec![crumb; 256], false),
            (vec![crumb; 257], true),
            (vec![("cookie", pairs.as_str())], false),
            (vec![("cookie", pairs.as_str()); 2], true),
            (vec![("cookie", ";;; ;"); 200], false),
            (vec![("x", "y"); 101], true),
        ] {
            assert_eq!(join(&fields).is_err(), refused, "{} fields", fields.len());
        }
        let long = "x".repeat(4000);
        assert_eq!(join(&[("cookie", long.as_str()); 9]), Err(Fault::LongHead));
        assert_eq!(join(&[("cookie", long.as_str()); 8]), Ok(()));
    }
}
