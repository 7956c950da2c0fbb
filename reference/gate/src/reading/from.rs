//! `from`: where a rule is in force, and what a rule in error covers.

use std::borrow::Cow;

use super::destination::split_scheme;
use super::fields::{self, Field};
use super::instead::{self, Instead};
use super::parts::{Fault, Remarks};
use super::pattern::{Oddity, PatternFault, PatternFaultKind};
use crate::authority::is_authority;
use crate::path::Refused;
use crate::problem::Severity;
use crate::reach::tidy;
use crate::request::{Origin, Scheme};
use crate::rules::Pattern;
use crate::words;

/// Where a rule is in force: scheme and host, if it names one, and path.
pub(crate) type Covered = (Option<Origin>, Pattern);

/// RULES-9: what a rule in error covers by its `from`, if that can be read at all; all that begins so where the text
/// is cut short.
pub(crate) fn covering(from: &str, cut_short: bool) -> Option<Covered> {
    let (from, cut_short) = match from.find(|c| fields::is_invisible(c) || (c != ' ' && fields::is_unseen(c))) {
        Some(at) => (from.get(..at).unwrap_or_default(), true),
        None => (from, cut_short),
    };
    let (origin, path) = split_from(from)?;
    let origin = match origin {
        // A host that cannot be read is every host.
        Some((scheme, host)) if is_authority(host) => Some(Origin::new(scheme, host)),
        _ => None,
    };
    let path = &*path;
    let pattern = if cut_short {
        Pattern::covering(path, path.len())
    } else {
        match Pattern::parse(path) {
            Ok((pattern, oddities)) => match doubtful_from(path, &oddities) {
                Some(at) => Pattern::covering(path, at),
                None => pattern,
            },
            Err(fault) => fault.covering,
        }
    };
    Some((origin, pattern))
}

/// Where a path begins to say something that may have been meant otherwise: by a star that is literal text, or in the language of
/// another program.
fn doubtful_from(path: &str, oddities: &[Oddity]) -> Option<usize> {
    let star = if oddities.contains(&Oddity::LiteralStar) { path.find('*') } else { None };
    let foreign = super::foreign::in_from(path).map(|(at, _)| at);
    star.into_iter().chain(foreign).min()
}

/// `from`: HOST-1 for a URL, MATCH-1 to MATCH-8 for its path.
pub(crate) fn read_from(field: Field<'_>, remarks: &mut Remarks) -> Result<(Option<Origin>, Pattern), Fault> {
    let Some((origin, path)) = split_from(field.text) else {
        return Err(Fault::at(
            field,
            "from-not-a-path",
            format!("`{}` is not a path", field.text),
            instead::of_no_path(field.text),
        ));
    };
    let origin = match origin {
        Some((_, host)) if !is_authority(host) => {
            let message = format!("`{host}` is not a host");
            return Err(Fault::at(field, "from-host", message, words::help::FROM_HOST));
        }
        other => other.map(|(scheme, host)| Origin::new(scheme, host)),
    };
    let path = &*path;
    // A slash that was added stands in no file.
    let place = |at: usize| (field.end() + at).saturating_sub(path.len()).max(field.start);
    let (pattern, oddities) = Pattern::parse(path).map_err(|fault| from_fault(&fault, path, place))?;
    if is_path_without_slash(field.text) {
        let message = format!("`{}` does not begin with a slash, and is read as `{path}`", field.text);
        let help = Instead::new(format!("write `{path}`"), path);
        remarks.push((Severity::Warning, Fault::at(field, "from-without-slash", message, help)));
    }
    if let Some(message) = instead::of_look_alike(path) {
        let help = "if the one of the format is meant, write that; else write it as an escape, such as `%EF%BC%8A`";
        remarks.push((Severity::Warning, Fault::at(field, "from-look-alike", message, help)));
    }
    let foreign = super::foreign::in_from(path);
    if let Some((at, message)) = &foreign {
        let help = instead::of_foreign_segment(path, *at);
        remarks.push((Severity::Warning, Fault::at(field, "from-foreign-syntax", message.clone(), help)));
    }
    // RULES-14: one remark of a kind speaks for all of the field.
    for oddity in oddities {
        if foreign.is_some() && matches!(oddity, Oddity::LiteralStar | Oddity::PrefixStar) {
            continue;
        }
        let (id, message, help) = oddity_text(oddity, path, &pattern);
        let fault = Fault::at(field, id, message, help);
        let fault = match oddity {
            Oddity::NotCanonical => fault.writing(place(0)..field.end(), tidy(path, &pattern)),
            Oddity::LiteralStar | Oddity::MiddleStar | Oddity::PrefixStar => fault,
        };
        remarks.push((Severity::Warning, fault));
    }
    // RULES-12
    if pattern.is_reserved() {
        return Err(Fault::at(
            field,
            "from-reserved",
            "a rule cannot begin with `/.netlify`, which the platform keeps for itself",
            instead::of_reserved(path),
        ));
    }
    Ok((origin, pattern))
}

pub(crate) type RawOrigin<'a> = Option<(Scheme, &'a str)>;

/// Scheme and host, if any, and the path.
pub(crate) fn split_from(text: &str) -> Option<(RawOrigin<'_>, Cow<'_, str>)> {
    if text.starts_with('/') {
        return Some((None, text.into()));
    }
    if is_path_without_slash(text) {
        return Some((None, format!("/{text}").into()));
    }
    let (scheme, rest) = split_scheme(text)?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    Some((Some((scheme, host)), if path.is_empty() { "/" } else { path }.into()))
}

/// RULES-3.slash: whether a text can be nothing but a path whose first slash is left out: a star, or a segment that is no host and
/// the rest of a path.
fn is_path_without_slash(text: &str) -> bool {
    let is_plain =
        |segment: &str| segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    text == "*" || text.split_once('/').is_some_and(|(first, _)| !first.is_empty() && is_plain(first))
}

fn from_fault(fault: &PatternFault, path: &str, place: impl Fn(usize) -> usize) -> Fault {
    let whole = place(0)..place(path.len());
    let written = match fault.kind {
        PatternFaultKind::Segment(Refused::Backslash | Refused::EncodedSlash) => Some(instead::with_slashes(path)),
        PatternFaultKind::Segment(Refused::Escape) => Some(instead::with_percent_signs(path)),
        _ => None,
    };
    let (id, message, help) = match fault.kind {
        PatternFaultKind::DoubleStar => {
            let range = place(fault.start)..place(fault.end.min(path.len()));
            let found = Fault::at(range, "from-double-star", words::message::FROM_DOUBLE_STAR, "");
            return found.told(whole, instead::of_double_star(path));
        }
        PatternFaultKind::Fragment => {
            ("from-fragment", "a request never holds a fragment, so `from` cannot", words::help::FROM_FRAGMENT)
        }
        PatternFaultKind::Query => ("from-query", words::message::FROM_QUERY, words::help::FROM_QUERY),
        PatternFaultKind::ManyNames => (
            "too-many-captures",
            "`from` holds more than 32 placeholders",
            "write fewer, or `/*` for what follows the last one that is needed",
        ),
        PatternFaultKind::ManyStars => (
            "from-many-stars",
            "more than 32 segments follow the first `*` of this path, which is not at its end",
            words::help::FROM_MANY_STARS,
        ),
        PatternFaultKind::Segment(Refused::Backslash) => {
            ("from-backslash", "`from` holds a backslash", "no request that holds one is answered; write `/`")
        }
        PatternFaultKind::Segment(Refused::EncodedSlash) => {
            ("from-encoded-slash", "`from` holds an encoded slash", "no request that holds one is answered; write `/`")
        }
        PatternFaultKind::Segment(Refused::Control) => (
            "from-control",
            "`from` holds an encoded control character",
            "no request that holds one is answered; leave it out",
        ),
        PatternFaultKind::Segment(Refused::NotUtf8) => ("from-utf8", words::message::FROM_UTF8, words::help::FROM_UTF8),
        PatternFaultKind::Segment(_) => ("from-escape", "`%` starts no escape here", words::help::FROM_ESCAPE),
    };
    let end = fault.end.min(path.len());
    let found = Fault::at(place(fault.start)..place(end), id, message, help);
    match written {
        Some(written) => found.writing(whole, written),
        None => found,
    }
}

/// Id, message and help of what is odd about a path.
pub(super) fn oddity_text(oddity: Oddity, path: &str, pattern: &Pattern) -> (&'static str, String, String) {
    match oddity {
        Oddity::LiteralStar => (
            "from-literal-star",
            "this `*` is literal text: it matches a star and nothing else".to_owned(),
            instead::of_literal_star(path),
        ),
        Oddity::MiddleStar => (
            "from-middle-star",
            "a `*` in the middle of a path is not documented; here it matches one or more segments".to_owned(),
            instead::of_middle_star(path),
        ),
        Oddity::NotCanonical => (
            "from-not-canonical",
            "no request keeps dot segments or empty segments".to_owned(),
            format!("write `{}`, which is how this is read", tidy(path, pattern)),
        ),
        Oddity::PrefixStar => (
            "from-prefix-star",
            "a `*` that is not a segment of its own is not documented; here it matches everything that begins so"
                .to_owned(),
            instead::of_prefix_star(path),
        ),
    }
}
