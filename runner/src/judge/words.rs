//! Expectations and answers in a few words.

use crate::corpus::expectation::{Alternative, HeaderExpectation, LocationExpectation};
use crate::text::printable;
use crate::wire::{Answer, End, LONGEST_ANSWER};

/// One line that says what came back.
#[must_use]
pub fn summary(answer: &Answer) -> String {
    match answer {
        Answer::Closed(bytes) if bytes.is_empty() => "connection closed without a response".to_owned(),
        Answer::Closed(bytes) => {
            format!("no whole response, only {} bytes: {}", bytes.len(), printable(bytes.get(..80).unwrap_or(bytes)))
        }
        Answer::TimedOut(_) => "no answer within the time limit".to_owned(),
        Answer::TooLong(bytes) => format!("no response in the first {} bytes, and more", bytes.len()),
        Answer::Response(response) => {
            let location = response.header("location").next();
            let location = location.map(|value| format!(", Location `{}`", printable(value))).unwrap_or_default();
            let end = early_end(response.end).map(|why| format!(", {why}")).unwrap_or_default();
            format!("status {}{location}{end}", response.status)
        }
    }
}

/// Why a response is not whole, if it is not.
pub(crate) fn early_end(end: End) -> Option<String> {
    match end {
        End::Whole => None,
        End::Closed => Some("cut off by the end of the connection".to_owned()),
        End::TimedOut => Some("not whole within the time limit".to_owned()),
        End::TooLong => Some(format!("cut here: more than {LONGEST_ANSWER} bytes came")),
    }
}

/// An alternative in a few words.
#[must_use]
pub fn describe(alternative: &Alternative) -> String {
    let mut parts = Vec::new();
    match alternative.status.as_slice() {
        [] => {}
        [one] => parts.push(format!("status {one}")),
        many => parts.push(format!("status {}", many.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "))),
    }
    match &alternative.location {
        Some(LocationExpectation::Any) => parts.push("a Location".to_owned()),
        Some(LocationExpectation::Is(target)) => parts.push(format!("Location `{target}`")),
        Some(LocationExpectation::Spelled(_)) => parts.push("Location with another spelling of the path".to_owned()),
        None => {}
    }
    if alternative.same_origin {
        parts.push("on this origin".to_owned());
    }
    if let Some(file) = alternative.shown() {
        parts.push(format!("showing {file}"));
    }
    if alternative.empty_body {
        parts.push("no body".to_owned());
    }
    for (name, field) in &alternative.headers {
        parts.push(format!("{name} {}", describe_field(field)));
    }
    if alternative.upstream.is_some() {
        parts.push("forwarded".to_owned());
    }
    if alternative.then_closed {
        parts.push("then closed".to_owned());
    }
    if alternative.closed {
        parts.push("or closed without a response".to_owned());
    }
    let text = parts.join(", ");
    match &alternative.name {
        Some(name) => format!("`{name}` ({text})"),
        None => text,
    }
}

/// What is expected of a field, in a few words.
pub(super) fn describe_field(field: &HeaderExpectation) -> String {
    if let Some(value) = &field.is {
        format!("is `{value}`")
    } else if field.absent {
        "absent".to_owned()
    } else if !field.contains.is_empty() {
        format!("with {}", field.contains.join(" and "))
    } else if !field.one_of.is_empty() {
        format!("with {}", field.one_of.join(" or "))
    } else if !field.lacks.is_empty() {
        format!("without {}", field.lacks.join(" or "))
    } else {
        "present".to_owned()
    }
}
