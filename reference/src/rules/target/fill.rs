//! What names in a destination become: text of the request, encoded for the place where it lands (SUBST-3, SUBST-4).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::super::captures::{Captured, Captures};
use super::Part;
use crate::cost::step;
use crate::path::{Resolver, SEGMENT};
use crate::query;

pub(super) fn fill(parts: &[Part], captures: &Captures, encode: impl Fn(&Captured) -> String) -> String {
    parts.iter().fold(String::new(), |text, part| match part {
        Part::Literal(literal) => text + literal,
        // Every name in a destination is one that its pattern captures.
        Part::Capture(name) => {
            let filled = captures.find(name).map(&encode).unwrap_or_default();
            step(filled.len());
            text + &filled
        }
    })
}

/// SUBST-3: whether the text for a label of the host is empty: `https://:splat/a` must not become `https:///a`.
pub(super) fn lacks_a_label(host: &[Part], captures: &Captures) -> bool {
    host.iter().any(|part| match part {
        Part::Literal(_) => false,
        Part::Capture(name) => captures.find(name).is_none_or(|captured| captured.text().is_empty()),
    })
}

/// SUBST-4: whether text that the request has supplied makes, alone or with what stands beside it, a segment of dots.
pub(super) fn climbs(path: &[Part], captures: &Captures) -> bool {
    let mut segment = String::new();
    let mut supplied = false;
    for part in path {
        let text = match part {
            Part::Literal(text) => text.clone(),
            Part::Capture(name) => {
                supplied = true;
                captures.find(name).map(encode_for_path).unwrap_or_default()
            }
        };
        let mut pieces = text.split('/');
        segment.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            if supplied && is_dots(&segment) {
                return true;
            }
            segment = piece.to_owned();
            supplied = matches!(part, Part::Capture(_));
        }
    }
    supplied && is_dots(&segment)
}

/// Whether a segment is `.` or `..`, escaped or not (RFC 3986 §6.2.2.3).
fn is_dots(segment: &str) -> bool {
    // Most segments are none, which is plain to see.
    segment.starts_with(['.', '%'])
        && segment.len() <= "%2e%2e".len()
        && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// SUBST-3: adds no `?`, `#`, `&`, control character; and a `/` only where the splat has one.
pub(super) fn encode_for_path(captured: &Captured) -> String {
    match captured {
        Captured::Splat { segments, trailing_slash } => {
            let mut text = String::new();
            for (at, segment) in segments.iter().enumerate() {
                if at > 0 {
                    text.push('/');
                }
                text.extend(percent_encode(segment.as_bytes(), SEGMENT));
            }
            if *trailing_slash {
                text.push('/');
            }
            text
        }
        Captured::Text(text) => percent_encode(text, SEGMENT).to_string(),
    }
}

/// QUERY-4
pub(super) fn encode_for_query(captured: &Captured) -> String {
    query::form_encode(&captured.text())
}

/// SUBST-3: nothing but letters, digits and `-` stands in a host as it is.
pub(super) fn encode_for_host(captured: &Captured) -> String {
    const LABEL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');
    percent_encode(&captured.text(), LABEL).to_string()
}

/// Whether a local path is plainly what [`canonical`] makes of it: no segment but perhaps the last is empty, and none
/// begins as dots do.
pub(super) fn is_canonical(path: &str) -> bool {
    path.starts_with('/') && !path.as_bytes().windows(2).any(|pair| matches!(pair, [b'/', b'/' | b'.' | b'%']))
}

/// SUBST-3, SUBST-4: a local path without dot segments and empty segments, so that it begins with exactly one slash
/// and leads nowhere above the root. Other escapes stay as they are.
pub(super) fn canonical(path: &str) -> String {
    let mut resolver = Resolver::default();
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        let dots = || segment.to_ascii_lowercase().replace("%2e", ".");
        resolver.push(if is_dots(segment) { dots() } else { segment.to_owned() });
    }
    let (segments, trailing_slash) = resolver.into_segments();
    let mut text = segments.iter().fold(String::new(), |text, segment| text + "/" + segment);
    if trailing_slash {
        text.push('/');
    }
    text
}
