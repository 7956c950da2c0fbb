//! What the parts of a URI may hold as it is, what an escape means, and where dots lead (RFC 3986).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use smallvec::SmallVec;

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

/// The URL Standard's form percent-encode set; the space is put back as `+`.
pub(crate) const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// RFC 3986 §3.4: what a query may not hold as it is; of what a segment may not hold, it may hold `&`, `/` and `?`.
pub(crate) const QUERY: &AsciiSet = &SEGMENT.remove(b'&').remove(b'/').remove(b'?');

/// SUBST-3: a label of a host, in which nothing but letters, digits and `-` stands as it is.
pub(crate) const LABEL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');

/// The decoded segments of a path, borrowed from its name. Six fit in place, no more than is moved without a call.
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

/// Whether a byte of a path means itself: nothing is to decode, and nothing to refuse.
pub(crate) fn is_plain(byte: u8) -> bool {
    is(byte, PLAIN)
}

/// Whether a byte ends the path of a target, or has no place in a target at all.
pub(crate) fn ends_a_path(byte: u8) -> bool {
    is(byte, NO_PATH)
}

const PLAIN: u8 = 1;
const NO_PATH: u8 = 2;

/// What each byte may be. Every request is read with this, and most paths need nothing else.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let (mut rest, mut byte) = (kinds.as_mut_slice(), 0_u8);
    while let Some((kind, after)) = rest.split_first_mut() {
        let is_plain = byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\');
        let is_no_path = byte.is_ascii_control() || matches!(byte, b'#' | b'?');
        *kind = PLAIN * is_plain as u8 + NO_PATH * is_no_path as u8;
        (rest, byte) = (after, byte.wrapping_add(1));
    }
    kinds
};

fn is(byte: u8, kind: u8) -> bool {
    KINDS.get(usize::from(byte)).is_some_and(|kinds| kinds & kind != 0)
}

/// The place of the first such byte. A run without it is passed over as a whole, which is quicker than byte by byte.
pub(crate) fn find(byte: u8, text: &[u8]) -> Option<usize> {
    let (runs, _) = text.as_chunks::<64>();
    let is_there = |run: &&[u8; 64]| run.iter().fold(false, |found, other| found | (*other == byte));
    let passed = 64 * runs.iter().take_while(|run| !is_there(run)).count();
    text.get(passed..)?.iter().position(|other| *other == byte).map(|at| passed + at)
}

/// The byte that the two hexadecimal digits after a `%` mean, and what follows them.
pub(crate) fn escape(after_percent: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = after_percent else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(*high)? * 16 + digit(*low)?, rest))
}

/// Decodes `application/x-www-form-urlencoded` text: `+` is a space, a `%` that starts no escape is itself.
pub(crate) fn form_decode(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        plain.push(match byte {
            b'+' => b' ',
            b'%' => match escape(after) {
                Some((value, after)) => {
                    rest = after;
                    value
                }
                None => b'%',
            },
            other => *other,
        });
    }
    plain
}

/// QUERY-4: encodes text for a query value, so that it can add no `&`, `=`, `#` or control character.
pub fn form_encode(bytes: &[u8]) -> String {
    percent_encode(bytes, FORM).to_string().replace("%20", "+")
}

/// LOC-3: a raw query as a URI may hold it. Escapes stay; a `%` that starts none becomes `%25`.
pub fn clean(query: &[u8]) -> String {
    let mut text = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        text.extend(percent_encode(before, QUERY));
        text.push_str(if escape(after).is_some() { "%" } else { "%25" });
        rest = after;
    }
    text.extend(percent_encode(rest, QUERY));
    text
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(form_encode("a b+c&d=e#f%g@é/\r\n".as_bytes()), "a+b%2Bc%26d%3De%23f%25g%40%C3%A9%2F%0D%0A");
        assert_eq!(clean(b"a=b&c=%zz%20%\xff \"<>[]#/?"), "a=b&c=%25zz%20%25%FF%20%22%3C%3E%5B%5D%23/?");
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in [0, 1, 63, 64, 65, 200] {
            let mut text = vec![b'a'; length];
            assert_eq!(find(b';', &text), None, "{length}");
            text.extend(b";a;");
            assert_eq!(find(b';', &text), Some(length));
        }
    }
}
