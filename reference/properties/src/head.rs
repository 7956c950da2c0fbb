//! Request heads, against `httparse` for where one ends and against a naive reading of its lines for what it says.

use httparse::Status;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Uri};
use rolegate_server::server::head::{Fault, Head, HeadLimits, MAX_HEADER_LINES, first};
use rolegate_server::server::http2;

/// What a server allows that nobody has configured.
const LIMITS: HeadLimits = HeadLimits { head: 32 * 1024, target: 8 * 1024 };
/// Limits that a fuzzer reaches.
const NARROW: HeadLimits = HeadLimits { head: 96, target: 16 };

/// HTTP-3: a head ends where `httparse` says; one that is read says the same to a naive reader, names one host, and
/// leaves no doubt about a body.
pub fn http_head(bytes: &[u8]) {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADER_LINES];
    let parsed = httparse::Request::new(&mut lines).parse(bytes);
    let read = first(bytes, LIMITS);
    let Some((head, length)) = read else {
        assert_eq!(parsed, Ok(Status::Partial), "a head that is there was not seen");
        return;
    };
    match parsed {
        Ok(Status::Complete(end)) => assert_eq!(length, end, "the head ends elsewhere"),
        Ok(Status::Partial) => assert!(head.is_err(), "half a head was read"),
        Err(_) => assert!(head.is_err() && length == bytes.len(), "what is no head was read, or its rest is kept"),
    }
    if let Ok(head) = &head {
        says_the_same_to_a_naive_reader(head, bytes.get(..length).unwrap_or_default());
        says_the_same_over_http2(head);
    }

    // What follows changes nothing, and what is cut off is not read.
    let followed = [bytes.get(..length).unwrap_or_default(), b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    if let (Ok(head), Some((again, same_length))) = (&head, first(&followed, LIMITS)) {
        let again = again.map(|again| (again.method, again.target, again.host, again.last, again.headers));
        assert_eq!(again, Ok((head.method, head.target, head.host, head.last, head.headers.clone())));
        assert_eq!(same_length, length, "what follows moves the end of the head");
        let next =
            first(followed.get(length..).unwrap_or_default(), LIMITS).map(|(next, _)| next.map(|next| next.target));
        assert_eq!(next, Some(Ok(&b"/next"[..])), "the next head is not the one that follows");
        for cut in [length - 1, length / 2] {
            assert!(first(bytes.get(..cut).unwrap_or_default(), LIMITS).is_none(), "half a head was read");
        }
    }

    // Narrower limits add faults and change nothing else.
    if let Some((narrow, same_length)) = first(bytes, NARROW) {
        assert_eq!(same_length, length);
        match narrow {
            Ok(narrow) => {
                assert!(length <= NARROW.head && narrow.target.len() <= NARROW.target, "a limit is not kept");
                assert_eq!(Some(narrow.target), head.ok().map(|head| head.target));
            }
            Err(Fault::LongTarget | Fault::LongHead) => {}
            Err(fault) => assert_eq!(Some(fault), head.err()),
        }
    }
}

/// RFC 9113 §8.3.1: what a head says does not depend on the version that it came by.
fn says_the_same_over_http2(head: &Head<'_>) {
    let Some(request) = over_http2(head) else { return };
    let read = http2::read(&request, LIMITS).map(|head| (head.method, head.target, head.host, head.headers));
    let mut fields: Vec<(String, &[u8])> = head
        .headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .map(|(name, value)| (name.to_ascii_lowercase(), *value))
        .collect();
    // The library keeps the order of lines with one name, and no other.
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    let read = read.map(|(method, target, host, headers)| {
        let mut headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.sort_by(|(one, _), (other, _)| one.cmp(other));
        (method, target, host, headers)
    });
    assert_eq!(read, Ok((head.method, head.target, head.host, fields)), "HTTP/2 says something else");
}

/// The request as a client sends it over HTTP/2, where it can be sent so.
fn over_http2(head: &Head<'_>) -> Option<Request<()>> {
    if !head.target.starts_with(b"/") {
        return None;
    }
    let uri = Uri::builder().scheme("http").authority(head.host?).path_and_query(head.target).build().ok()?;
    let mut request = Request::builder().method(head.method).uri(uri).body(()).ok()?;
    for (name, value) in head.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        let (name, value) = (HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?);
        request.headers_mut().append(name, value);
    }
    Some(request)
}

/// RFC 9112 §2 to §6, read off the bytes of a head that was accepted.
fn says_the_same_to_a_naive_reader(head: &Head<'_>, whole: &[u8]) {
    let text: String = whole.iter().map(|byte| char::from(*byte)).collect();
    let text = text.trim_start_matches(['\r', '\n']);
    let (lines, rest) = text.split_once("\r\n\r\n").unwrap_or_default();
    assert_eq!(rest, "", "the first empty line ends the head");
    assert!(!lines.replace("\r\n", "").contains(['\r', '\n', '\0']), "a line ends twice");

    let mut lines = lines.split("\r\n");
    let request_line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = request_line.as_slice() else {
        assert_eq!(request_line.len(), 3, "{request_line:?}");
        return;
    };
    let as_text = |bytes: &[u8]| -> String { bytes.iter().map(|byte| char::from(*byte)).collect() };
    assert_eq!((head.method, as_text(head.target).as_str()), (*method, *target));
    assert!(is_token(method), "{method:?} is no method");
    assert!(
        !target.is_empty() && !target.contains(|c: char| c == '#' || c == ' ' || c.is_ascii_control()),
        "{target:?}"
    );
    assert!(["HTTP/1.0", "HTTP/1.1"].contains(version), "{version:?}");

    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap_or_default();
            assert!(is_token(name), "{line:?} has no name");
            (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
        })
        .collect();
    let read: Vec<(String, String)> =
        head.headers.iter().map(|(name, value)| ((*name).to_owned(), as_text(value))).collect();
    assert_eq!(read, headers, "the header lines were read otherwise");

    let named = |name: &str| -> Vec<&str> {
        headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    };
    // RFC 9112 §3.2
    let hosts = named("host");
    assert!(hosts.len() == 1 || (hosts.is_empty() && *version == "HTTP/1.0"), "{hosts:?}");
    assert_eq!(head.host, hosts.first().copied());
    for host in hosts {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        assert!(!host.is_empty() && !host.starts_with([':', '.']) && host.chars().all(plain), "{host:?} is no host");
    }
    // RFC 9112 §6.3
    let (lengths, codings) = (named("content-length"), named("transfer-encoding"));
    assert!(lengths.len() + codings.len() <= 1, "two ways to say where the body ends");
    assert!(
        lengths.iter().all(|length| !length.is_empty() && length.chars().all(|c| c.is_ascii_digit())),
        "{lengths:?}"
    );
    assert!(
        codings.iter().all(|coding| coding.eq_ignore_ascii_case("chunked") && *version == "HTTP/1.1"),
        "{codings:?}"
    );
    let body = !codings.is_empty() || lengths.iter().any(|length| !length.trim_start_matches('0').is_empty());
    let more = !named("expect").is_empty() || !named("upgrade").is_empty();
    assert_eq!(head.last, body || more, "whether the connection goes on");
}

/// RFC 9110 §5.6.2
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}
