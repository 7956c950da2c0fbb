//! How servers read an encoded path: each decodes, cuts and resolves in a way of its own.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::uri::Resolver;

/// What servers make of a path. Two paths are the same for one kind of server or for none.
#[derive(Debug)]
pub(crate) struct Readings {
    /// Decoded once, dots resolved as RFC 3986 says.
    pub(super) strict: String,
    /// Decoded to the end, a backslash as a slash, without parameters and what else servers cut off a segment, empty segments
    /// dropped before dots are resolved, case folded.
    pub(crate) loose: String,
}

impl Readings {
    pub(crate) fn of(path: &str) -> Readings {
        let path = path.strip_prefix('/').unwrap_or(path);
        let mut strict = Resolver::default();
        for segment in path.split('/') {
            strict.push(decoded(segment.as_bytes()));
        }
        let plain = loosely(path);
        let mut loose = Resolver::default();
        for segment in plain.split('/').map(cut).filter(|segment| !segment.is_empty()) {
            loose.push(segment);
        }
        Readings { strict: page(&strict.into_segments().0), loose: page(&loose.into_segments().0) }
    }
}

/// A text decoded to the end, a backslash as a slash, case folded.
fn loosely(text: &str) -> String {
    let plain = (0..DECODED).fold(text.to_owned(), |plain, _| decoded(plain.as_bytes()));
    plain.to_lowercase().replace('\\', "/")
}

/// FRONT-1: a segment without what servers cut off it.
fn cut(segment: &str) -> String {
    let end = segment.find([';', '?', '#', '\0']).unwrap_or(segment.len());
    let (segment, _) = segment.split_at_checked(end).unwrap_or((segment, ""));
    let trimmed = segment.trim_matches([' ', '\t']).trim_end_matches(['.', ' ']);
    if trimmed.is_empty() { segment.trim().to_owned() } else { trimmed.to_owned() }
}

/// What the loosest of servers make of one segment; `None` where that may be none, dots, or several.
pub(crate) fn loose_segment(text: &str) -> Option<String> {
    let plain = loosely(text);
    let segment = cut(&plain);
    (!plain.contains('/') && segment.contains(|c| c != '.')).then_some(segment)
}

fn decoded(text: &[u8]) -> String {
    percent_decode(text).decode_utf8_lossy().into_owned()
}

/// UPSTREAM-2: the name of a path without what servers of pages let be left out.
fn page<S: AsRef<str>>(segments: &[S]) -> String {
    let name = segments.iter().fold(String::new(), |name, segment| name + "/" + segment.as_ref());
    let name = name.strip_suffix(".html").unwrap_or(&name);
    name.strip_suffix("/index").unwrap_or(name).to_owned()
}

/// Readers who decode a text more often than this are not reckoned with: what is still escaped then is ambiguous.
const DECODED: usize = 4;

/// Whether something holds for a text as it is, and for what each reader makes of it who decodes it once more.
pub(crate) fn in_every_reading(text: &[u8], holds: impl Fn(&[u8]) -> bool) -> bool {
    let mut text = Cow::Borrowed(text);
    for _ in 0..=DECODED {
        if !holds(&text) {
            return false;
        }
        let decoded: Vec<u8> = percent_decode(&text).collect();
        if decoded.len() == text.len() {
            return true;
        }
        text = Cow::Owned(decoded);
    }
    false
}

/// Whether a text is UTF-8, so that no reader finds a separator in an overlong form, and holds no control character.
pub(crate) fn is_printable(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok_and(|text| !text.chars().any(char::is_control))
}

/// Whether a text is one segment, and one that stays what it is: parameters behind a `;`, or what looks like a query or a
/// fragment, can be cut off, and so can dots, white space and what is not seen; what is left then is neither dots nor nothing.
pub(crate) fn is_one_segment(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let is_separator = |c: char| matches!(c, '/' | '\\' | '\u{ff0f}' | '\u{ff3c}') || c.is_control();
    let name = text.split([';', '?', '#']).next().unwrap_or_default();
    !text.contains(is_separator) && name.contains(|c| !is_dot(c) && !is_blank(c))
}

/// Whether a segment of one request stays what it is for those who read Unicode in a way of their own: nothing in it reads as a
/// delimiter by compatibility, and neither white space, nor dots at its end, nor what nobody sees can be taken away from it.
pub(super) fn is_lasting(text: &str) -> bool {
    // U+FE0E and U+FE0F choose how a symbol looks, and U+200C and U+200D join letters, in names that people use.
    let is_of_script = |c: char| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
    let is_delimiter =
        |c: char| matches!(c, '\u{ff0f}' | '\u{ff3c}' | '\u{ff1b}' | '\u{37e}' | '\u{ff1f}' | '\u{ff03}' | '\u{ff05}');
    let is_lost = |c: char| is_delimiter(c) || (is_blank(c) && !c.is_whitespace() && !is_of_script(c));
    let ends_well = |c: char| !is_dot(c) && !is_blank(c);
    let seen = text.trim_end_matches(['\u{fe0e}', '\u{fe0f}']);
    !text.contains(is_lost)
        && !text.starts_with(is_blank)
        && seen.ends_with(ends_well)
        && is_one_segment(text.as_bytes())
}

/// Whether a character is a dot, or what reads as dots by compatibility (Unicode's form NFKC).
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{2024}'..='\u{2026}' | '\u{fe52}' | '\u{ff0e}')
}

/// Whether a character is white space, or one that nobody sees (Unicode's property `Default_Ignorable_Code_Point`).
fn is_blank(c: char) -> bool {
    let is_ignorable = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}');
    is_ignorable || c.is_whitespace()
}
