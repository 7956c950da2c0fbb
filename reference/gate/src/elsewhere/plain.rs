//! Whether every reader of a path reads the same one.
//!
//! FRONT-1: servers make a path canonical each in its own way: they merge slashes before they resolve dots or after it,
//! decode before that or after it, drop parameters, turn backslashes round, decode again. What the gate decides about one
//! reading means nothing for a server that serves by another. So nothing is made canonical here: a path is *plain* if it is
//! written as all of them would write it, and any other is refused.

use super::readings::is_lasting;
use crate::path::{Ambiguity, Parts, Refused, Target, decode_segment};
use crate::uri::escape;

impl Target {
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
        check(Parts::of(bytes)?.path)
    }
}

/// FRONT-1: whether the path of a request target is plain. A slash may end it.
///
/// # Errors
/// [`Refused::Ambiguous`] for what is read in two ways, or why the path has no canonical form at all.
fn check(path: &[u8]) -> Result<(), Refused> {
    let relative = path.strip_prefix(b"/").ok_or(Refused::Ambiguous(Ambiguity::Unrooted))?;
    if relative.is_empty() {
        return Ok(());
    }
    let relative = relative.strip_suffix(b"/").unwrap_or(relative);
    relative.split(|byte| *byte == b'/').try_for_each(check_segment)
}

fn check_segment(segment: &[u8]) -> Result<(), Refused> {
    let text = decode_segment(segment)?;
    let ambiguity = as_written(segment).or_else(|| as_read(&text));
    ambiguity.map_or(Ok(()), |ambiguity| Err(Refused::Ambiguous(ambiguity)))
}

/// What the spelling of a segment leaves open.
fn as_written(segment: &[u8]) -> Option<Ambiguity> {
    if segment.is_empty() {
        return Some(Ambiguity::Empty);
    }
    if !segment.iter().all(u8::is_ascii_graphic) {
        return Some(Ambiguity::NotAscii);
    }
    let escapes = segment.split(|byte| *byte == b'%').skip(1);
    escapes.filter_map(|rest| Some((rest.first_chunk::<2>()?, escape(rest)?.0))).find_map(|(digits, value)| {
        if digits.iter().any(u8::is_ascii_lowercase) {
            return Some(Ambiguity::LowerCase);
        }
        let is_unreserved = value.is_ascii_alphanumeric() || matches!(value, b'-' | b'.' | b'_' | b'~');
        is_unreserved.then_some(Ambiguity::Needless)
    })
}

/// What the decoded text of a segment leaves open.
fn as_read(text: &str) -> Option<Ambiguity> {
    if matches!(text, "." | "..") {
        return Some(Ambiguity::Dots);
    }
    if text.contains(';') {
        return Some(Ambiguity::Parameter);
    }
    if text.contains(['?', '#']) {
        return Some(Ambiguity::Delimiter);
    }
    if text.trim() != text || text.ends_with('.') || !is_lasting(text) {
        return Some(Ambiguity::Tail);
    }
    // Two hexadecimal digits make an escape, and `%u` is one of 16 bits for some.
    let mut behind_percents = text.split('%').skip(1);
    let is_escape = |rest: &str| escape(rest.as_bytes()).is_some() || rest.starts_with(['u', 'U']);
    behind_percents.any(is_escape).then_some(Ambiguity::EscapedTwice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.html",
            "/a.b/c",
            "/.a/..b/...c",
            "/a%20b",
            "/%C3%A9",
            "/100%25",
            "/100%25.html",
            "/a%26b&c",
            "/me@x",
            "/me%40x",
            "/a,b",
            "/a:b",
            "/~a",
            "/[a]",
            "/a+b%2B",
            "/A",
            "/%D9%85%DB%8C%E2%80%8C%D8%AE",
            "/%E2%9D%A4%EF%B8%8F",
            "/%E2%80%A6a",
            "/%EF%BC%A1",
        ] {
            assert_eq!(check(path.as_bytes()), Ok(()), "{path}");
        }
    }

    #[test]
    fn read_in_two_ways() {
        use Ambiguity::{
            Delimiter, Dots, Empty, EscapedTwice, LowerCase, Needless, NotAscii, Parameter, Tail, Unrooted,
        };
        for (path, why) in [
            ("", Unrooted),
            ("//", Empty),
            ("///", Empty),
            ("//a", Empty),
            ("/a//", Empty),
            ("/a//b", Empty),
            ("/a//../b", Empty),
            ("/.", Dots),
            ("/./", Dots),
            ("/a/..", Dots),
            ("/a/../b", Dots),
            ("/a/.../b", Tail),
            ("/%2E%2E/a", Needless),
            ("/.%2E", Needless),
            ("/%2e./a", LowerCase),
            ("/%61", Needless),
            ("/a%7E", Needless),
            ("/%c3%a9", LowerCase),
            ("/%C3%a9", LowerCase),
            ("/é", NotAscii),
            ("/a b", NotAscii),
            ("/a;b", Parameter),
            ("/..;/a", Parameter),
            ("/a%3B", Parameter),
            ("/a%3F", Delimiter),
            ("/a%3Fb/..", Delimiter),
            ("/a%23", Delimiter),
            ("/a.", Tail),
            ("/a./b", Tail),
            ("/a%20", Tail),
            ("/a%20/b", Tail),
            ("/%20a", Tail),
            ("/a%C2%A0", Tail),
            ("/%E2%80%A5/n", Tail),
            ("/..%E2%80%8B/n", Tail),
            ("/%EF%BC%8E%EF%BC%8E/n", Tail),
            ("/n%EF%BC%8E", Tail),
            ("/..%EF%BC%8Fn", Tail),
            ("/..%EF%BC%BCn", Tail),
            ("/n%EF%BC%9Ba", Tail),
            ("/n%EF%BC%9Fx", Tail),
            ("/n%E2%80%8B/x", Tail),
            ("/n%E2%80%8Bx", Tail),
            ("/%E2%80%AEn", Tail),
            ("/%EF%BB%BFn", Tail),
            ("/n%C2%AD", Tail),
            ("/n%E2%80%A8", Tail),
            ("/n%E2%80%8D", Tail),
            ("/%2561", EscapedTwice),
            ("/%252F", EscapedTwice),
            ("/%25%32%66", Needless),
            ("/%25252e", EscapedTwice),
            ("/%25u002f", EscapedTwice),
            ("/a%25U0", EscapedTwice),
        ] {
            assert_eq!(check(path.as_bytes()), Err(Refused::Ambiguous(why)), "{path}");
        }
        for (path, why) in [
            ("/a%2Fb", Refused::EncodedSlash),
            ("/a%5Cb", Refused::Backslash),
            ("/a\\b", Refused::Backslash),
            ("/%00", Refused::Control),
            ("/%C0%AE", Refused::NotUtf8),
            ("/%", Refused::Escape),
        ] {
            assert_eq!(check(path.as_bytes()), Err(why), "{path}");
        }
    }
}
