//! What an answer holds of protected files, wherever it stands in the answer.

use std::collections::BTreeSet;

use super::Scene;
use crate::corpus::expectation::Alternative;
use crate::corpus::source::Access;
use crate::deploy::{CANARY_DIGITS, CANARY_MARK, SiteFiles};
use crate::own::OwnSite;
use crate::verdict::Leak;
use crate::wire::{Exchange, Response};

/// Protected canaries in the hands of a visitor who may not have them.
#[must_use]
pub fn leaks(fitting: Option<&Alternative>, exchange: &Exchange, scene: &Scene<'_>) -> Vec<Leak> {
    found(fitting, exchange, scene).1
}

/// Protected canaries in places where they do not belong: those that this visitor may have, and those that are leaks.
pub(super) fn found(fitting: Option<&Alternative>, exchange: &Exchange, scene: &Scene<'_>) -> (Vec<Leak>, Vec<Leak>) {
    let shown_file = fitting.and_then(Alternative::shown);
    if let Some(own) = &scene.files.own {
        return (Vec::new(), found_of_own(shown_file, exchange, scene, own));
    }
    let earlier = fitting.map(|one| one.earlier_shows.as_slice()).unwrap_or_default();
    let bytes = exchange.answer.bytes();
    let (before, rest) = bytes
        .split_at_checked(exchange.answer.response().map_or(0, |response| response.earlier))
        .unwrap_or((&[], bytes));
    let mut found = Vec::new();
    let mut note = |file: &str, place: &'static str| {
        if !found.iter().any(|leak: &Leak| leak.file == file) {
            found.push(Leak { file: file.to_owned(), place: place.into() });
        }
    };
    if let Some(response) = exchange.answer.response() {
        for file in protected(&response.body, scene.files).into_iter().filter(|file| Some(*file) != shown_file) {
            note(file, "body");
        }
        let decoded = response.decoded().unwrap_or_default();
        for file in protected(&decoded.bytes, scene.files).into_iter().filter(|file| Some(*file) != shown_file) {
            note(file, "compressed body");
        }
        for (_, value) in &response.headers {
            for file in protected(value, scene.files).into_iter().filter(|file| Some(*file) != shown_file) {
                note(file, "header fields");
            }
        }
    }
    for file in protected(rest, scene.files).into_iter().filter(|file| Some(*file) != shown_file) {
        note(file, "bytes around the response");
    }
    for file in protected(before, scene.files).into_iter().filter(|file| !earlier.iter().any(|allowed| allowed == file))
    {
        note(file, "earlier responses on the connection");
    }
    found.into_iter().partition(|leak| scene.may_have.contains(&leak.file))
}

/// What of a user's files is in an answer whose visitor may not have it. Text that several files hold belongs to whoever may have one of them.
fn found_of_own(shown: Option<&str>, exchange: &Exchange, scene: &Scene<'_>, own: &OwnSite) -> Vec<Leak> {
    let may_have = |file: &str| shown == Some(file) || scene.may_have.contains(file);
    let response = exchange.answer.response();
    let decoded = response.and_then(Response::decoded).unwrap_or_default();
    let places = [
        ("body", response.map_or(&[][..], |response| &response.body)),
        ("compressed body", &decoded.bytes),
        ("bytes around the response", exchange.answer.bytes()),
    ];
    let cached =
        response.and_then(crate::own::cached).map(|says| format!(" (a cache says {says})")).unwrap_or_default();
    let leak = places.into_iter().find_map(|(place, bytes)| {
        let file = own.marks.leaked(bytes, &may_have)?;
        Some(Leak { file: file.to_owned(), place: format!("{place}{cached}").into() })
    });
    leak.into_iter().collect()
}

/// The protected files of which a canary is in the bytes.
fn protected<'a>(bytes: &[u8], files: &'a SiteFiles) -> BTreeSet<&'a str> {
    canaries(bytes)
        .filter_map(|canary| files.canaries.get(canary))
        .filter(|(_, access)| *access == Access::Protected)
        .map(|(path, _)| path.as_str())
        .collect()
}

/// The files of which a canary is in the bytes.
pub(super) fn shown<'a>(bytes: &[u8], files: &'a SiteFiles) -> Vec<&'a str> {
    canaries(bytes).filter_map(|canary| files.canaries.get(canary)).map(|(path, _)| path.as_str()).collect()
}

/// Every run of bytes that has the shape of a canary.
fn canaries(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let length = CANARY_MARK.len().saturating_add(CANARY_DIGITS);
    memchr::memmem::find_iter(bytes, CANARY_MARK)
        .filter_map(move |at| std::str::from_utf8(bytes.get(at..at.checked_add(length)?)?).ok())
}

/// Whether `needle` stands in the bytes.
pub(super) fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}
