//! The request target, and the one canonical path that everything else uses.
//!
//! NOLEAK-1: whatever spelling a client chooses, matching, substitution and file look-up see the same
//! [`RequestPath`]. A spelling that has no safe canonical form is refused, never repaired. What is canonical:
//!
//! * `%XX` is decoded exactly once; raw and encoded spelling are equal (MATCH-7);
//! * `.` and `..`, raw or encoded, are resolved as RFC 3986 §5.2.4 says and never lead above the root;
//! * empty segments are dropped: `//a//b` is `/a/b`;
//! * case, `;params`, trailing dots and spaces mean themselves.

mod plain;

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use smallvec::SmallVec;

pub use crate::refusal::{Ambiguity, Refused};
use crate::request::Scheme;

/// The longest request target that is read.
pub const MAX_TARGET: usize = 8 * 1024;

/// A path in canonical form: decoded segments, none of them empty, `.` or `..`, and whether a slash ends it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestPath {
    /// The decoded segments with a slash before each. No segment holds a slash, so this says where each ends.
    name: String,
    trailing_slash: bool,
}

/// The decoded segments of a path, borrowed from its name. So many lie in place, and no more than is moved without a call.
pub(crate) type Segments<'a> = SmallVec<[&'a str; 6]>;

/// The segments of a path by its name.
pub fn segments(name: &str) -> Segments<'_> {
    let mut segments = Segments::new();
    // Before the first slash there is nothing.
    let mut rest = name.strip_prefix('/');
    while let Some(open) = rest {
        // Names are short, so that a search made for long texts would take longer.
        let end = open.bytes().position(|byte| byte == b'/').unwrap_or(open.len());
        let (segment, after) = open.split_at(end);
        segments.push(segment);
        rest = after.strip_prefix('/');
    }
    segments
}

/// A request target, read (RFC 9112 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The canonical path.
    pub path: RequestPath,
    /// The query as sent, without its `?`.
    pub query: Option<Vec<u8>>,
    /// The host, with its port if one was written, of a target in absolute form (HTTP-4).
    pub host: Option<String>,
}

impl Target {
    /// Reads a request target as it stood in the request line.
    ///
    /// # Errors
    /// [`Refused`] where the bytes have no safe canonical form.
    pub fn parse(bytes: &[u8]) -> Result<Target, Refused> {
        let Parts { host, path, query } = Parts::of(bytes)?;
        // RFC 3986 §6.2.3: an empty path after an authority is `/`.
        let path = if path.is_empty() && host.is_some() { b"/" } else { path };
        Ok(Target { path: RequestPath::parse(path)?, query: query.map(<[u8]>::to_vec), host })
    }

    /// FRONT-1: as [`Target::parse`], where another server reads the target too. What it may read in another way is refused.
    ///
    /// # Errors
    /// [`Refused`] where the bytes have no safe canonical form, or are not the one way to write it.
    pub fn parse_plain(bytes: &[u8]) -> Result<Target, Refused> {
        Target::check_plain(bytes)?;
        Target::parse(bytes)
    }

    /// FRONT-1: whether every server reads the same path here.
    ///
    /// # Errors
    /// [`Refused`] where not.
    pub fn check_plain(bytes: &[u8]) -> Result<(), Refused> {
        plain::check(Parts::of(bytes)?.path)
    }
}

/// A request target, cut where everybody cuts it.
struct Parts<'a> {
    host: Option<String>,
    /// As sent; empty where a target in absolute form has none.
    path: &'a [u8],
    query: Option<&'a [u8]>,
}

impl Parts<'_> {
    fn of(bytes: &[u8]) -> Result<Parts<'_>, Refused> {
        if bytes.len() > MAX_TARGET {
            return Err(Refused::TooLong);
        }
        // The first byte that is none of a path's, and what follows it.
        let end = bytes.iter().position(|byte| is(*byte, NO_PATH));
        let (before, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if rest.contains(&b'#') {
            return Err(Refused::Fragment);
        }
        if rest.iter().any(u8::is_ascii_control) {
            return Err(Refused::Control);
        }
        let (host, path) = split_host(before)?;
        Ok(Parts { host: host.map(|(_, host)| host.to_owned()), path, query: rest.strip_prefix(b"?") })
    }
}

impl RequestPath {
    /// Reads an encoded path, which begins with a slash.
    ///
    /// # Errors
    /// [`Refused`] where the bytes have no safe canonical form.
    pub fn parse(bytes: &[u8]) -> Result<RequestPath, Refused> {
        let (name, trailing_slash) = resolve(bytes)?;
        Ok(RequestPath { name: name.into_owned(), trailing_slash })
    }

    /// The path of decoded segments, none of which is empty, `.` or `..`.
    pub fn of(segments: impl IntoIterator<Item: AsRef<str>>) -> RequestPath {
        let name = joined(segments);
        let trailing_slash = name.is_empty();
        RequestPath { name, trailing_slash }
    }

    /// The decoded segments; none for `/`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        segments(&self.name).into_iter()
    }

    /// Whether the path ends in a slash; `/` does.
    pub fn trailing_slash(&self) -> bool {
        self.trailing_slash
    }

    /// The decoded segments with a slash before each, as files are named; empty for `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The canonical percent-encoded spelling.
    pub fn encoded(&self) -> String {
        let mut text = String::new();
        for segment in self.segments() {
            text.push('/');
            text.extend(percent_encode(segment.as_bytes(), SEGMENT));
        }
        if self.trailing_slash {
            text.push('/');
        }
        text
    }

    /// Whether both are the same but for a trailing slash (MATCH-2).
    pub fn same_but_for_slash(&self, other: &RequestPath) -> bool {
        self.name == other.name
    }

    /// Whether `encoded` spells this path, a trailing slash aside; what has no canonical form spells none.
    pub(crate) fn is_spelled_by(&self, encoded: &[u8]) -> bool {
        // No path is longer than what spells it.
        self.name.len() <= encoded.len() && resolve(encoded).is_ok_and(|(name, _)| name == self.name)
    }
}

/// The name of an encoded path, and whether it ends in a slash; borrowed where the path spells itself.
fn resolve(bytes: &[u8]) -> Result<(Cow<'_, str>, bool), Refused> {
    let Some((b'/', relative)) = bytes.split_first() else {
        return Err(Refused::Form);
    };
    // Most paths are canonical as they are sent, a slash at the end aside.
    let mut before = 0;
    let is_canonical = bytes.iter().all(|byte| {
        let begins = std::mem::replace(&mut before, *byte) == b'/';
        is(*byte, if begins { INITIAL } else { PLAIN })
    });
    if is_canonical && let Ok(path) = str::from_utf8(bytes) {
        let name = path.strip_suffix('/');
        return Ok((Cow::Borrowed(name.unwrap_or(path)), name.is_some()));
    }
    let mut resolver = Resolver::default();
    for segment in relative.split(|byte| *byte == b'/') {
        resolver.push(spelled_by(segment)?);
    }
    let (segments, trailing_slash) = resolver.into_segments();
    Ok((Cow::Owned(joined(segments)), trailing_slash))
}

/// The name of the path of these segments.
fn joined(segments: impl IntoIterator<Item: AsRef<str>>) -> String {
    segments.into_iter().fold(String::new(), |name, segment| name + "/" + segment.as_ref())
}

/// A byte of a path that means itself: nothing is to decode, and nothing to refuse.
const PLAIN: u8 = 1;
/// The same, and it may begin a segment of a path in canonical form.
const INITIAL: u8 = 2;
/// A byte of a label of a host.
const HOST: u8 = 4;
/// A byte that ends the path of a target, or has no place in a target at all.
const NO_PATH: u8 = 8;

/// What each byte may be. Every request is read with this, and most paths need nothing else.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let (mut rest, mut byte) = (kinds.as_mut_slice(), 0_u8);
    while let Some((kind, after)) = rest.split_first_mut() {
        let is_plain = byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\');
        let is_initial = is_plain && !matches!(byte, b'/' | b'.');
        let is_host = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_no_path = byte.is_ascii_control() || matches!(byte, b'#' | b'?');
        *kind = PLAIN * is_plain as u8 + INITIAL * is_initial as u8 + HOST * is_host as u8 + NO_PATH * is_no_path as u8;
        (rest, byte) = (after, byte.wrapping_add(1));
    }
    kinds
};

fn is(byte: u8, kind: u8) -> bool {
    KINDS.get(usize::from(byte)).is_some_and(|kinds| kinds & kind != 0)
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encoded())
    }
}

/// RFC 3986 §3.3: what a segment may hold as it is. `&` is left out, so that text from a path that lands in a query by
/// another hand still adds no parameter.
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Collects segments and resolves dots as they come (RFC 3986 §5.2.4).
pub(crate) struct Resolver<S> {
    segments: Vec<S>,
    /// Whether the segment that came last leaves the path ending in a slash.
    open: bool,
}

impl<S> Default for Resolver<S> {
    fn default() -> Self {
        Resolver { segments: Vec::new(), open: false }
    }
}

impl<S: AsRef<str>> Resolver<S> {
    /// The next segment of a path. Empty segments count for `..` as the RFC has it, and are dropped at the end.
    pub(crate) fn push(&mut self, segment: S) {
        self.open = matches!(segment.as_ref(), "" | "." | "..");
        match segment.as_ref() {
            "." => {}
            ".." => {
                self.segments.pop();
            }
            _ => self.segments.push(segment),
        }
    }

    /// The segments that remain, and whether a slash ends them.
    pub(crate) fn into_segments(mut self) -> (Vec<S>, bool) {
        self.segments.retain(|segment| !segment.as_ref().is_empty());
        let trailing_slash = self.open || self.segments.is_empty();
        (self.segments, trailing_slash)
    }
}

/// The text that a path segment spells; decoded once (NOLEAK-1).
pub(crate) fn decode_segment(bytes: &[u8]) -> Result<String, Refused> {
    spelled_by(bytes).map(Cow::into_owned)
}

/// The text that a path segment spells, borrowed where that is the segment itself.
pub(crate) fn spelled_by(bytes: &[u8]) -> Result<Cow<'_, str>, Refused> {
    // Most segments spell themselves.
    if bytes.iter().all(|byte| is(*byte, PLAIN))
        && let Ok(text) = str::from_utf8(bytes)
    {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            plain.push(*byte);
            continue;
        }
        let (value, after) = escape(after).ok_or(Refused::Escape)?;
        if value == b'/' {
            return Err(Refused::EncodedSlash);
        }
        plain.push(value);
        rest = after;
    }
    let text = String::from_utf8(plain).map_err(|_| Refused::NotUtf8)?;
    // C0, DEL and C1.
    if text.chars().any(char::is_control) {
        return Err(Refused::Control);
    }
    if text.contains('\\') {
        return Err(Refused::Backslash);
    }
    Ok(Cow::Owned(text))
}

/// The byte that the two hexadecimal digits after a `%` mean, and what follows them.
pub(crate) fn escape(after_percent: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = after_percent else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(*high)? * 16 + digit(*low)?, rest))
}

/// HTTP-4: scheme and authority of a target in absolute form; `None` for every other target, and where it is refused.
pub(crate) fn authority(target: &[u8]) -> Option<(Scheme, &str)> {
    let (before_path, _) = split_host(target).ok()?;
    before_path
}

/// A target in absolute form without its scheme and authority; every other target as it is.
pub fn origin_form(target: &[u8]) -> Cow<'_, [u8]> {
    match split_host(target) {
        Ok((Some(_), rest)) if rest.starts_with(b"/") => Cow::Borrowed(rest),
        // RFC 3986 §6.2.3
        Ok((Some(_), rest)) if rest.is_empty() || rest.starts_with(b"?") => Cow::Owned([b"/", rest].concat()),
        _ => Cow::Borrowed(target),
    }
}

/// HTTP-4: the scheme and authority of a target in absolute form, and what follows them.
#[expect(clippy::type_complexity, reason = "the parts of one text, for the functions above")]
fn split_host(bytes: &[u8]) -> Result<(Option<(Scheme, &str)>, &[u8]), Refused> {
    if bytes.starts_with(b"/") {
        return Ok((None, bytes));
    }
    let (scheme, after_scheme) = [(Scheme::Http, "http://"), (Scheme::Https, "https://")]
        .into_iter()
        .find_map(|(scheme, text)| {
            let (start, rest) = bytes.split_at_checked(text.len())?;
            start.eq_ignore_ascii_case(text.as_bytes()).then_some((scheme, rest))
        })
        .ok_or(Refused::Form)?;
    let end = after_scheme.iter().position(|byte| matches!(byte, b'/' | b'?' | b'\\')).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at_checked(end).ok_or(Refused::Form)?;
    if authority.contains(&b'@') {
        return Err(Refused::UserInfo);
    }
    let host = std::str::from_utf8(authority).map_err(|_| Refused::Authority)?;
    if !is_authority(host) {
        return Err(Refused::Authority);
    }
    Ok((Some((scheme, host)), rest))
}

/// Whether `text` can be a host with an optional port (RFC 3986 §3.2.2): labels of letters, digits, `-` and `_` with one
/// dot between them, or an address in brackets.
///
/// Narrower than `reg-name`: an escape or an empty label would be another spelling of a host that a rule names (HOST-1).
pub fn is_authority(text: &str) -> bool {
    let text = text.as_bytes();
    let is_digit = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    if let Some(bracketed) = text.strip_prefix(b"[") {
        let Some(end) = bracketed.iter().position(|byte| *byte == b']') else { return false };
        let (address, after) = bracketed.split_at(end);
        let is_address = str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok());
        return is_address && (after == b"]" || after.strip_prefix(b"]:").is_some_and(is_digit));
    }
    let mut rest = text;
    loop {
        let label = rest.iter().position(|byte| !is(*byte, HOST)).unwrap_or(rest.len());
        rest = match rest.get(label..) {
            _ if label == 0 => return false,
            // One dot may end it.
            Some([] | [b'.']) => return true,
            Some([b':', port @ ..] | [b'.', b':', port @ ..]) => return is_digit(port),
            Some([b'.', more @ ..]) => more,
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_spelling() {
        for (sent, canonical) in [
            ("/", "/"),
            ("//", "/"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("/a//", "/a/"),
            ("//a///b", "/a/b"),
            ("/a/.", "/a/"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/../../a", "/a"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/.%2e/b", "/b"),
            ("/a//../b", "/a/b"),
            ("/a/...", "/a/..."),
            ("/%61", "/a"),
            ("/%2561", "/%2561"),
            ("/%c3%a9", "/%C3%A9"),
            ("/é", "/%C3%A9"),
            ("/a b", "/a%20b"),
            ("/a;b=c/d.", "/a;b=c/d."),
            ("/%3f%23", "/%3F%23"),
            ("/a&b", "/a%26b"),
            ("/A", "/A"),
            ("http://h", "/"),
            ("HTTPS://h:8080?q", "/"),
            ("http://h/a/%2e./b", "/b"),
        ] {
            assert_eq!(
                Target::parse(sent.as_bytes()).map(|target| target.path.encoded()),
                Ok(canonical.to_owned()),
                "{sent}"
            );
        }
    }

    #[test]
    fn refused() {
        for (sent, why) in [
            ("", Refused::Form),
            ("*", Refused::Form),
            ("a", Refused::Form),
            ("h:443", Refused::Form),
            ("ftp://h/", Refused::Form),
            ("http:/a", Refused::Form),
            ("http:///a", Refused::Authority),
            ("http://h h/", Refused::Authority),
            ("http://h:x/", Refused::Authority),
            ("http://u@h/", Refused::UserInfo),
            ("http://u:p@h", Refused::UserInfo),
            ("http://h\\@evil/", Refused::Form),
            ("http://h\\a", Refused::Form),
            ("/a#b", Refused::Fragment),
            ("/?#", Refused::Fragment),
            ("/%", Refused::Escape),
            ("/%4", Refused::Escape),
            ("/%zz", Refused::Escape),
            ("/%+1", Refused::Escape),
            ("/a%2fb", Refused::EncodedSlash),
            ("/a%2Fb", Refused::EncodedSlash),
            ("/a\\b", Refused::Backslash),
            ("/a%5cb", Refused::Backslash),
            ("/\0", Refused::Control),
            ("/%00", Refused::Control),
            ("/%0d%0a", Refused::Control),
            ("/%7f", Refused::Control),
            ("/%c2%85", Refused::Control),
            ("/\u{85}", Refused::Control),
            ("/?a\rb", Refused::Control),
            ("/%ff", Refused::NotUtf8),
            ("/%c0%ae", Refused::NotUtf8),
            ("/%ed%a0%80", Refused::NotUtf8),
        ] {
            assert_eq!(Target::parse(sent.as_bytes()), Err(why), "{sent:?}");
        }
        assert_eq!(Target::parse(&[b'/'; MAX_TARGET + 1]), Err(Refused::TooLong));
        assert_eq!(Target::parse(b"/\xff"), Err(Refused::NotUtf8));
        assert!(Target::parse(&[b'/'; MAX_TARGET]).is_ok());
    }

    #[test]
    fn a_path_has_many_spellings() {
        let path = Target::parse(b"/a/b%20c").unwrap().path;
        for same in ["/a/b%20c", "/a/b%20c/", "/a/b c", "//a/./b%20c", "/%61/b%20c", "/x/../a/b%20c"] {
            assert!(path.is_spelled_by(same.as_bytes()), "{same}");
        }
        for other in
            ["/a", "/a/b%2520c", "/a/b+c", "/A/b%20c", "/a/b%20c/d", "/b%20c/a", "a/b%20c", "/a/b%20c%", "/", ""]
        {
            assert!(!path.is_spelled_by(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn authorities() {
        for host in
            ["a", "a.b", "a.b.", "A-b_c.example:80", "a:", "127.0.0.1:0", "[::1]", "[::1]:", "[::ffff:1.2.3.4]:80"]
        {
            assert!(is_authority(host), "{host}");
        }
        for none in [
            "",
            ".",
            "a..b",
            ".a",
            "a..",
            ":80",
            "a:b",
            "a:80:80",
            "a b",
            "u@a",
            "a/b",
            "é",
            "[]",
            "[::1",
            "::1]",
            "::1",
            "[::1]a",
            "[::1]80",
            "[g]",
            "[1.2.3.4]",
            "[:::]",
            "[v1.a]",
            "[fe80::1%eth0]",
        ] {
            assert!(!is_authority(none), "{none}");
        }
    }

    #[test]
    fn http_4_what_stands_before_a_path() {
        for (target, before, rest) in [
            ("/a?b", None, "/a?b"),
            ("//h/a", None, "//h/a"),
            ("*", None, "*"),
            ("http://u@h/a", None, "http://u@h/a"),
            ("http://h", Some((Scheme::Http, "h")), "/"),
            ("HTTPS://H:8?q", Some((Scheme::Https, "H:8")), "/?q"),
            ("http://h//a/..", Some((Scheme::Http, "h")), "//a/.."),
            ("http://h\\a", Some((Scheme::Http, "h")), "http://h\\a"),
        ] {
            assert_eq!(authority(target.as_bytes()), before, "{target}");
            assert_eq!(origin_form(target.as_bytes()), rest.as_bytes(), "{target}");
        }
    }

    #[test]
    fn query_and_host() {
        let target = Target::parse(b"http://[::1]:80/a?b?c=%zz").unwrap();
        assert_eq!(target.query.as_deref(), Some(&b"b?c=%zz"[..]));
        assert_eq!(target.host.as_deref(), Some("[::1]:80"));
        assert_eq!(Target::parse(b"/a").unwrap().query, None);
        assert_eq!(Target::parse(b"/a?").unwrap().query, Some(Vec::new()));
    }
}
