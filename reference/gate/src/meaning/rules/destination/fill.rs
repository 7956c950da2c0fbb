//! What names in a destination become: text of the request, encoded for the place where it lands (SUBST-3 to SUBST-5).

use percent_encoding::percent_encode;

use super::Part;
use crate::cost::step;
use crate::elsewhere::readings::{in_every_reading, is_one_segment, is_printable};
use crate::meaning::rules::captures::{Captured, Captures};
use crate::uri::{LABEL, Resolver, SEGMENT, form_encode};

pub(crate) fn fill(parts: &[Part], captures: &Captures, encode: impl Fn(&Captured) -> String) -> String {
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
pub(crate) fn lacks_a_label(host: &[Part], captures: &Captures) -> bool {
    host.iter().any(|part| match part {
        Part::Literal(_) => false,
        Part::Capture(name) => captures.find(name).is_none_or(|captured| captured.text().is_empty()),
    })
}

/// SUBST-4: whether text that the request has supplied makes, alone or with what stands beside it, a segment of dots.
pub(crate) fn climbs(path: &[Part], captures: &Captures) -> bool {
    pieces(path, captures).iter().any(|piece| piece.supplied && is_dots(&piece.text))
}

/// SUBST-5: whether readers could disagree about where the segments of a path end that the request has supplied, or about
/// their being dots.
pub(crate) fn is_ambiguous(path: &[Part], captures: &Captures) -> bool {
    let names = path.iter().filter_map(|part| match part {
        Part::Literal(_) => None,
        Part::Capture(name) => captures.find(name),
    });
    let is_text = |text: &[u8]| in_every_reading(text, is_printable);
    let all_text = |captured: &Captured| match captured {
        Captured::Splat { segments, .. } => segments.iter().all(|segment| is_text(segment.as_bytes())),
        Captured::Text(text) => is_text(text),
    };
    let mut pieces = pieces(path, captures).into_iter().filter(|piece| piece.holds_text);
    !(names.into_iter().all(all_text) && pieces.all(|piece| in_every_reading(piece.text.as_bytes(), is_one_segment)))
}

/// What stands between two slashes of a filled path. A slash that the rule's author has escaped is one, too: what is read
/// below it is no less a place of its own.
#[derive(Default)]
struct Piece {
    /// Encoded.
    text: String,
    /// Whether any of it, or the slash before it, comes from the request.
    supplied: bool,
    /// Whether it holds text of the request. A splat may be empty, and may end in a slash (SUBST-2).
    holds_text: bool,
}

fn pieces(path: &[Part], captures: &Captures) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    for part in path {
        let captured = match part {
            Part::Literal(_) => None,
            Part::Capture(name) => captures.find(name),
        };
        let text = match part {
            Part::Literal(text) => {
                ["%2F", "%2f", "%5C", "%5c"].iter().fold(text.clone(), |text, slash| text.replace(slash, "/"))
            }
            Part::Capture(_) => captured.map(encode_for_path).unwrap_or_default(),
        };
        for (at, text) in text.split('/').enumerate() {
            if at > 0 {
                pieces.push(std::mem::take(&mut piece));
            }
            piece.text.push_str(text);
            piece.supplied |= captured.is_some();
            piece.holds_text |= match captured {
                None => false,
                Some(Captured::Splat { .. }) => !text.is_empty(),
                Some(Captured::Text(_)) => true,
            };
        }
    }
    pieces.push(piece);
    pieces
}

/// Whether a segment is `.` or `..`, escaped or not (RFC 3986 §6.2.2.3).
fn is_dots(segment: &str) -> bool {
    // Most segments are none, which is plain to see.
    segment.starts_with(['.', '%'])
        && segment.len() <= "%2e%2e".len()
        && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// SUBST-3: adds no `?`, `#`, `&`, control character; and a `/` only where the splat has one.
pub(crate) fn encode_for_path(captured: &Captured) -> String {
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
pub(crate) fn encode_for_query(captured: &Captured) -> String {
    form_encode(&captured.text())
}

/// SUBST-3: nothing but letters, digits and `-` stands in a host as it is.
pub(crate) fn encode_for_host(captured: &Captured) -> String {
    percent_encode(&captured.text(), LABEL).to_string()
}

/// Whether a local path is plainly what [`canonical`] makes of it: no segment but perhaps the last is empty, and none
/// begins as dots do.
pub(crate) fn is_canonical(path: &str) -> bool {
    path.starts_with('/') && !path.as_bytes().windows(2).any(|pair| matches!(pair, [b'/', b'/' | b'.' | b'%']))
}

/// SUBST-3, SUBST-4: a local path without dot segments and empty segments, so that it begins with exactly one slash
/// and leads nowhere above the root. Other escapes stay as they are.
pub(crate) fn canonical(path: &str) -> String {
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
