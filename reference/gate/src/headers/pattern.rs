//! The paths of a `_headers` file: text, `:placeholder` for one segment, and `*` for anything, wherever it stands (HEADERS-2).

use std::ops::Range;

use crate::path::{self, Refused};

/// A path with placeholders and stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPath {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// This text and no other.
    Text(String),
    /// One or more characters up to the next slash.
    Segment,
    /// Nothing, where a segment or the path ends.
    End,
    /// Any characters, or none.
    Anything,
}

/// Why a text is no path; the range is that of the bytes at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathFault {
    pub(crate) range: Range<usize>,
    pub(crate) kind: PathFaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFaultKind {
    /// White space, which parts nothing on a path's line.
    Space,
    /// A query or a fragment.
    Delimiter,
    /// `.` or `..`.
    Dots,
    /// What no request path can hold.
    Refused(Refused),
}

impl HeaderPath {
    /// Reads a path that begins with a slash.
    ///
    /// NOLEAK-1: what it spells is compared with the canonical path of a request, so escapes are decoded, and empty
    /// segments and a slash at the end make no difference.
    pub fn parse(text: &str) -> Result<HeaderPath, PathFault> {
        let mut tokens = Tokens::default();
        let mut at = 0;
        for raw in text.split('/') {
            let range = at..at + raw.len();
            at = range.end + 1;
            let fault = |kind| PathFault { range: range.clone(), kind };
            if raw.contains(char::is_whitespace) {
                return Err(fault(PathFaultKind::Space));
            }
            if raw.contains(['?', '#']) {
                return Err(fault(PathFaultKind::Delimiter));
            }
            match raw {
                "" => {}
                "*" => tokens.extend([Token::End, Token::Anything]),
                _ if raw.starts_with(':') && raw.len() > 1 && !raw.contains('*') => {
                    tokens.text("/");
                    tokens.extend([Token::Segment]);
                }
                _ => {
                    tokens.text("/");
                    for (place, piece) in raw.split('*').enumerate() {
                        if place > 0 {
                            tokens.extend([Token::Anything]);
                        }
                        let decoded = path::decode_segment(piece.as_bytes())
                            .map_err(|refused| fault(PathFaultKind::Refused(refused)))?;
                        if !raw.contains('*') && matches!(decoded.as_ref(), "." | "..") {
                            return Err(fault(PathFaultKind::Dots));
                        }
                        tokens.text(&decoded);
                    }
                }
            }
        }
        Ok(HeaderPath { tokens: tokens.0 })
    }

    /// Whether it matches a canonical path, as [`crate::RequestPath::name`] spells it.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let (mut token, mut at) = (0, 0);
        // Where the last star stands, and where what it takes ends. Only the last one ever has to take more: the text
        // between two stars is best found as early as it comes.
        let mut star = None;
        loop {
            let stepped = match self.tokens.get(token) {
                None => (at == name.len()).then_some(at),
                // COST-1: a star at the end takes all that is left.
                Some(Token::Anything) if token + 1 == self.tokens.len() => return true,
                Some(Token::Anything) => {
                    star = Some((token + 1, at));
                    Some(at)
                }
                Some(step) => step.after(name, at),
            };
            match (stepped, &mut star) {
                (Some(_), _) if token == self.tokens.len() => return true,
                (Some(next), _) => (token, at) = (token + 1, next),
                (None, Some((behind, taken))) if *taken < name.len() => {
                    *taken += 1;
                    (token, at) = (*behind, *taken);
                }
                (None, _) => return false,
            }
        }
    }

    /// Whether it is `/*`, which matches every path.
    pub fn is_everything(&self) -> bool {
        self.tokens == [Token::End, Token::Anything]
    }
}

impl Token {
    /// The place behind this token, if it stands at `at`.
    fn after(&self, name: &[u8], at: usize) -> Option<usize> {
        let rest = name.get(at..)?;
        match self {
            Token::Text(text) => rest.starts_with(text.as_bytes()).then(|| at + text.len()),
            Token::Segment => {
                let length = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
                (length > 0).then_some(at + length)
            }
            Token::End => matches!(rest.first(), None | Some(b'/')).then_some(at),
            Token::Anything => None,
        }
    }
}

/// Tokens, with text that stands together in one.
#[derive(Default)]
struct Tokens(Vec<Token>);

impl Tokens {
    fn text(&mut self, more: &str) {
        match self.0.last_mut() {
            _ if more.is_empty() => {}
            Some(Token::Text(text)) => text.push_str(more),
            _ => self.0.push(Token::Text(more.to_owned())),
        }
    }

    fn extend(&mut self, tokens: impl IntoIterator<Item = Token>) {
        self.0.extend(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_2() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("/", &[""], &["/a"]),
            ("/*", &["", "/a", "/a/b"], &[]),
            ("/a", &["/a"], &["", "/ab", "/a/b", "/A"]),
            ("/a/", &["/a"], &["/a/b"]),
            ("//a///b", &["/a/b"], &["/a"]),
            ("/a/*", &["/a", "/a/b", "/a/b/c"], &["", "/ab"]),
            ("/a/*/c", &["/a/c", "/a/b/c", "/a/b/b/c", "/a/c/c"], &["/a", "/a/b", "/a/bc", "/ab/c"]),
            ("/a/:x", &["/a/b"], &["/a", "/a/b/c"]),
            ("/:x/b", &["/a/b"], &["/b", "/a/b/c"]),
            ("/:x/*", &["/a", "/a/b"], &[""]),
            ("/:", &["/:"], &["/a"]),
            ("/a:x", &["/a:x"], &["/ab"]),
            ("/*.js", &["/a.js", "/a/b.js", "/.js", "/a.js.js"], &["/a.json", "/js"]),
            ("/a/*.js", &["/a/b.js", "/a/b/c.js"], &["/b.js", "/a.js"]),
            ("/a*", &["/a", "/ab", "/a/b"], &["/b"]),
            ("/a*b/c", &["/ab/c", "/axb/c", "/a/b/c", "/ab/b/c"], &["/a/c", "/ab/cc"]),
            ("/*a*/:x/d", &["/a/x/d", "/ba/b/d", "/a/b/a/x/d"], &["/a/d", "/a/x"]),
            ("/**", &["/", "/a"], &[""]),
            ("/%61/%C3%A9", &["/a/é"], &["/%61/é"]),
            ("/.+(a|b)", &["/.+(a|b)"], &["/xa"]),
        ];
        for (text, yes, no) in table {
            let path = HeaderPath::parse(text).unwrap();
            for name in *yes {
                assert!(path.matches(name), "{text} matches {name}");
            }
            for name in *no {
                assert!(!path.matches(name), "{text} does not match {name}");
            }
        }
    }

    #[test]
    fn what_is_no_path() {
        for (text, range, kind) in [
            ("/a b", 1..4, PathFaultKind::Space),
            ("/a/b?c", 3..6, PathFaultKind::Delimiter),
            ("/a#b", 1..4, PathFaultKind::Delimiter),
            ("/a/../b", 3..5, PathFaultKind::Dots),
            ("/%2e", 1..4, PathFaultKind::Dots),
            ("/a/%zz", 3..6, PathFaultKind::Refused(Refused::Escape)),
            ("/%2f*", 1..5, PathFaultKind::Refused(Refused::EncodedSlash)),
        ] {
            assert_eq!(HeaderPath::parse(text), Err(PathFault { range, kind }), "{text}");
        }
    }
}
