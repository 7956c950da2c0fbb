//! `Location` as a browser resolves it, against the one that is expected.

use url::{Url, form_urlencoded};

use super::Scene;
use crate::corpus::expectation::{Alternative, LocationExpectation};
use crate::corpus::template::{Fill, Piece};
use crate::text::printable;
use crate::wire::{Exchange, Response};

/// What is wrong with the `Location` of a response.
pub(super) fn check_location(
    alternative: &Alternative,
    exchange: &Exchange,
    response: &Response,
    scene: &Scene<'_>,
    say: &mut impl FnMut(&str, String, String),
) {
    let locations: Vec<&[u8]> = response.header("location").collect();
    let redirect_expected =
        alternative.location.is_some() || alternative.status.iter().any(|status| (300..400).contains(status));
    if locations.len() > 1 {
        say("Location", "one line".to_owned(), format!("{} lines", locations.len()));
    }
    let Some(location) = locations.first() else {
        if let Some(expected) = &alternative.location {
            let expected = match expected {
                LocationExpectation::Any => "any".to_owned(),
                LocationExpectation::Is(target) => format!("`{target}`"),
                LocationExpectation::Spelled(_) => "another spelling of the path".to_owned(),
            };
            say("Location", expected, "none".to_owned());
        }
        return;
    };
    if !redirect_expected && !alternative.status.is_empty() {
        say("Location", "none".to_owned(), format!("`{}`", printable(location)));
        return;
    }
    // Where nothing can be compared, nothing fits.
    let Some(base) = request_url(exchange, scene) else {
        say(
            "Location",
            "one that can be resolved".to_owned(),
            format!("an answer of `{}`, which is no origin", scene.origin),
        );
        return;
    };
    let actual = base.join(&String::from_utf8_lossy(location)).ok();
    if let Some(LocationExpectation::Is(target)) = &alternative.location {
        let filled = target.render(&Places(scene)).map(|target| String::from_utf8_lossy(&target).into_owned());
        let placed = filled.as_ref().ok().map(|target| match target.starts_with('/') && !target.starts_with("//") {
            true => format!("{}{target}", scene.prefix),
            false => target.clone(),
        });
        let expected = placed.as_ref().and_then(|target| base.join(target).ok());
        if expected.is_none() || expected.as_ref().map(comparable) != actual.as_ref().map(comparable) {
            let told = placed.unwrap_or_else(|| target.to_string());
            say("Location", format!("`{told}`"), format!("`{}`", printable(location)));
        }
    }
    if let Some(LocationExpectation::Spelled(spellings)) = &alternative.location {
        let placed = spellings.iter().filter_map(|one| base.join(&format!("{}{one}", scene.prefix)).ok());
        let fits = actual
            .as_ref()
            .is_some_and(|actual| *actual != base && placed.into_iter().any(|one| is_respelled(actual, &one)));
        if !fits {
            say("Location", "another spelling of the path".to_owned(), format!("`{}`", printable(location)));
        }
    }
    if alternative.same_origin && actual.as_ref().map(Url::origin).as_ref() != Some(&base.origin()) {
        let read_as = actual.map_or_else(|| "no URL".to_owned(), |url| url.to_string());
        say(
            "Location",
            "on this origin".to_owned(),
            format!("`{}`, which a browser reads as {read_as}", printable(location)),
        );
    }
}

/// The URL of the request as a browser would have it; for odd targets the root of the site.
fn request_url(exchange: &Exchange, scene: &Scene<'_>) -> Option<Url> {
    let root = Url::parse(&format!("{}/", scene.origin)).ok()?;
    let target = std::str::from_utf8(&exchange.sent.target)
        .ok()
        .filter(|target| target.starts_with('/') && !target.starts_with("//") && !target.starts_with("/\\"));
    match target {
        Some(target) => root.join(target).ok().or(Some(root)),
        None => Some(root),
    }
}

/// What two resolved locations are compared by: everything, with the path decoded as far as it is safe and the query as form data.
fn comparable(url: &Url) -> (String, String, Vec<(String, String)>, Option<String>) {
    let query = form_urlencoded::parse(url.query().unwrap_or_default().as_bytes()).into_owned().collect();
    (url.origin().ascii_serialization(), normal_path(url.path()), query, url.fragment().map(str::to_owned))
}

/// Whether a location is this spelling, with no other parameters than those of the request. Some may be lost, and their order is the host's.
fn is_respelled(actual: &Url, spelling: &Url) -> bool {
    let ((origin, path, mut given, fragment), wanted) = (comparable(actual), comparable(spelling));
    let mut kept = wanted.2;
    given.retain(|pair| match kept.iter().position(|one| one == pair) {
        Some(at) => {
            kept.swap_remove(at);
            false
        }
        None => true,
    });
    (origin, path, fragment) == (wanted.0, wanted.1, wanted.3) && given.is_empty()
}

/// Escapes of unreserved characters are decoded and the others written in upper case (RFC 3986 §6.2.2).
fn normal_path(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~!$'()*+,;=:@&".contains(&byte) => {
                out.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            Some(byte) => {
                out.push_str(&format!("%{byte:02X}"));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Placeholders in an expected Location.
struct Places<'a>(&'a Scene<'a>);

impl Fill for Places<'_> {
    type Error = ();

    fn fill(&self, piece: &Piece, out: &mut Vec<u8>) -> Result<(), ()> {
        match piece {
            Piece::Host => out.extend(self.0.origin.split_once("://").map_or("", |(_, host)| host).bytes()),
            Piece::Prefix => out.extend(self.0.prefix.bytes()),
            _ => return Err(()),
        }
        Ok(())
    }
}
