//! The `Location` of a redirect (LOC-1 to LOC-3).

use crate::{Defect, Mutant};

use Defect::Reply;

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "location/query-dropped",
        "LOC-2",
        "a redirect loses the query of the request",
        Reply(|_, decision, reply| {
            if let Some(target) = &decision.target {
                reply.edit("location", |_| target.clone());
            }
        }),
    ),
    Mutant::new(
        "location/query-added-to-its-own",
        "LOC-2",
        "the query of the request is added to the query that the target has",
        Reply(|scene, decision, reply| {
            let own = decision.target.as_ref().is_some_and(|target| target.contains('?'));
            let query = String::from_utf8_lossy(scene.asked.split().1.unwrap_or_default()).into_owned();
            if own && !query.is_empty() && query.is_ascii() {
                reply.edit("location", |location| {
                    let (start, fragment) = location
                        .split_once('#')
                        .map_or((location.as_str(), String::new()), |(start, rest)| (start, format!("#{rest}")));
                    format!("{start}&{query}{fragment}")
                });
            }
        }),
    ),
    Mutant::new(
        "location/query-wins-over-its-own",
        "LOC-2",
        "the query of the request replaces the query that the target has",
        Reply(|scene, decision, reply| {
            let own = decision.target.as_ref().is_some_and(|target| target.contains('?'));
            let query = String::from_utf8_lossy(scene.asked.split().1.unwrap_or_default()).into_owned();
            if own && !query.is_empty() && query.is_ascii() {
                reply
                    .edit("location", |location| format!("{}?{query}", location.split('?').next().unwrap_or_default()));
            }
        }),
    ),
    Mutant::new(
        "location/fragment-dropped",
        "LOC-2",
        "the fragment of a target is dropped",
        Reply(|_, _, reply| {
            reply.edit("location", |location| location.split('#').next().unwrap_or_default().to_owned())
        }),
    ),
    Mutant::new(
        "location/fragment-before-query",
        "LOC-2",
        "the query of the request is put behind the fragment of the target",
        Reply(|_, decision, reply| {
            let fragment = decision.target.as_ref().and_then(|target| Some(target.split_once('#')?.1.to_owned()));
            if let Some(fragment) = fragment {
                reply.edit("location", |location| match location.split_once('?') {
                    Some((path, rest)) => format!("{path}#{fragment}?{}", rest.split('#').next().unwrap_or_default()),
                    None => location,
                });
            }
        }),
    ),
    Mutant::new(
        "location/without-its-first-slash",
        "LOC-1",
        "`Location` is written without the slash at its start",
        Reply(|_, _, reply| {
            reply.edit("location", |location| {
                location.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&location).to_owned()
            });
        }),
    ),
    Mutant::new(
        "location/with-a-slash-at-its-end",
        "LOC-1",
        "`Location` gets a slash at its end",
        Reply(|_, _, reply| {
            reply.edit("location", |location| {
                if location.contains(['?', '#']) || location.ends_with('/') { location } else { location + "/" }
            });
        }),
    ),
    Mutant::new(
        "location/in-lower-case",
        "LOC-1",
        "`Location` is written in lower case",
        Reply(|_, _, reply| reply.edit("location", |location| location.to_lowercase())),
    ),
    Mutant::new(
        "location/on-the-host-line",
        "LOC-1",
        "`Location` names a host that the visitor did not ask for",
        Reply(|_, _, reply| {
            reply.edit("location", |location| {
                if location.starts_with('/') { format!("http://localhost{location}") } else { location }
            });
        }),
    ),
    Mutant::new(
        "location/host-from-a-header",
        "HOST-2",
        "`Location` names the host that `X-Forwarded-Host` claims",
        Reply(|scene, _, reply| {
            if let Some(host) = scene.asked.text("x-forwarded-host") {
                reply.edit("location", |location| {
                    if location.starts_with('/') { format!("http://{host}{location}") } else { location }
                });
            }
        }),
    ),
    Mutant::new(
        "location/raw-characters",
        "LOC-3",
        "characters beyond ASCII stand in `Location` as they are",
        Reply(|_, _, reply| {
            if let Some(location) = reply.header("location") {
                reply.set("location", decoded(&location, |byte| byte >= 0x80));
            }
        }),
    ),
    Mutant::new(
        "location/raw-spaces",
        "LOC-3",
        "spaces stand in `Location` as they are",
        Reply(|_, _, reply| reply.edit("location", |location| location.replace("%20", " "))),
    ),
    Mutant::new(
        "location/raw-quotes",
        "LOC-3",
        "quotes and angle brackets stand in `Location` as they are",
        Reply(|_, _, reply| {
            if let Some(location) = reply.header("location") {
                reply.set("location", decoded(&location, |byte| b"\"<>".contains(&byte)));
            }
        }),
    ),
    Mutant::new(
        "location/twice",
        "LOC-1",
        "a redirect has two `Location` lines",
        Reply(|_, _, reply| {
            if let Some(location) = reply.header("location") {
                reply.headers.push(("location".to_owned(), location.into_bytes()));
            }
        }),
    ),
    Mutant::new(
        "location/on-every-answer",
        "STATUS-3",
        "a page with an error status carries a `Location`",
        Reply(|_, decision, reply| {
            if let (true, Some(target)) = (reply.status >= 400 && decision.by.is_some(), &decision.target) {
                reply.set("location", target.clone());
            }
        }),
    ),
];

/// The text with the escapes of some bytes undone.
fn decoded(text: &str, raw: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|byte| raw(*byte)) {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}
