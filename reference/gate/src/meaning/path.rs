//! The request target, and the one canonical path that everything else uses.
//!
//! NOLEAK-1: whatever spelling a client chooses, matching, substitution and file look-up see the same
//! [`RequestPath`]. A spelling that has no safe canonical form is refused, never repaired. What is canonical:
//!
//! * `%XX` is decoded exactly once; raw and encoded spelling are equal (MATCH-7);
//! * `.` and `..`, raw or encoded, are resolved as RFC 3986 §5.2.4 says and never lead above the root;
//! * empty segments are dropped: `//a//b` is `/a/b`;
//! * case, `;params`, trailing dots and spaces mean themselves.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_encode;

use crate::authority::split_host;
pub use crate::refusal::{Ambiguity, Refused};
use crate::uri::{Resolver, SEGMENT, ends_a_path, escape, is_plain, segments};

/// The longest request target that is read.
pub const MAX_TARGET: usize = 8 * 1024;

/// A path in canonical form: decoded segments, none of them empty, `.` or `..`, and whether a slash ends it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestPath {
    /// The decoded segments with a slash before each. No segment holds a slash, so this says where each ends.
    name: String,
    trailing_slash: bool,
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
}

/// A request target, cut where everybody cuts it.
pub(crate) struct Parts<'a> {
    host: Option<String>,
    /// As sent; empty where a target in absolute form has none.
    pub(crate) path: &'a [u8],
    query: Option<&'a [u8]>,
}

impl Parts<'_> {
    pub(crate) fn of(bytes: &[u8]) -> Result<Parts<'_>, Refused> {
        if bytes.len() > MAX_TARGET {
            return Err(Refused::TooLong);
        }
        // The first byte that is none of a path's, and what follows it.
        let end = bytes.iter().position(|byte| ends_a_path(*byte));
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
        let Some((b'/', relative)) = bytes.split_first() else {
            return Err(Refused::Form);
        };
        // Most paths are canonical as they are sent, a slash at the end aside.
        let mut before = 0;
        let is_canonical = bytes.iter().all(|byte| {
            let begins = std::mem::replace(&mut before, *byte) == b'/';
            is_plain(*byte) && !(begins && matches!(byte, b'/' | b'.'))
        });
        if is_canonical && let Ok(path) = str::from_utf8(bytes) {
            let name = path.strip_suffix('/');
            return Ok(RequestPath { name: name.unwrap_or(path).to_owned(), trailing_slash: name.is_some() });
        }
        let mut resolver = Resolver::default();
        for segment in relative.split(|byte| *byte == b'/') {
            resolver.push(decode_segment(segment)?);
        }
        let (segments, trailing_slash) = resolver.into_segments();
        Ok(RequestPath { name: joined(segments), trailing_slash })
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
}

/// The name of the path of these segments.
fn joined(segments: impl IntoIterator<Item: AsRef<str>>) -> String {
    segments.into_iter().fold(String::new(), |name, segment| name + "/" + segment.as_ref())
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encoded())
    }
}

/// The text that a path segment spells, decoded once (NOLEAK-1); borrowed where that is the segment itself.
pub(crate) fn decode_segment(bytes: &[u8]) -> Result<Cow<'_, str>, Refused> {
    // Most segments spell themselves.
    if bytes.iter().all(|byte| is_plain(*byte))
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
        let is_spelled_by =
            |text: &str| RequestPath::parse(text.as_bytes()).is_ok_and(|other| other.same_but_for_slash(&path));
        for same in ["/a/b%20c", "/a/b%20c/", "/a/b c", "//a/./b%20c", "/%61/b%20c", "/x/../a/b%20c"] {
            assert!(is_spelled_by(same), "{same}");
        }
        for other in
            ["/a", "/a/b%2520c", "/a/b+c", "/A/b%20c", "/a/b%20c/d", "/b%20c/a", "a/b%20c", "/a/b%20c%", "/", ""]
        {
            assert!(!is_spelled_by(other), "{other}");
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
