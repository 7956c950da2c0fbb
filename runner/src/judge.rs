//! Expectation × exchange → verdict. Pure: no clock, no socket, and no knowledge of the reference gate.

use std::collections::BTreeSet;

use url::{Url, form_urlencoded};

use crate::corpus::expectation::{Alternative, Expected, HeaderExpectation, LocationExpectation};
use crate::corpus::source::Access;
use crate::corpus::template::{Fill, Piece};
use crate::deploy::{CANARY_DIGITS, CANARY_MARK, SiteFiles};
use crate::own::OwnSite;
use crate::text::printable;
use crate::upstream::Received;
use crate::verdict::{Leak, Mismatch, Verdict};
use crate::wire::{Answer, Client, End, Exchange, LONGEST_ANSWER, Response};

/// Where the exchange took place: what the judge has to know about the site.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Scheme and authority of the gate.
    pub origin: &'a str,
    /// The path prefix of the suite.
    pub prefix: &'a str,
    /// Bodies and canaries.
    pub files: &'a SiteFiles,
    /// The protected files that the visitor may have all the same: in these hands they are no leak.
    pub may_have: &'a BTreeSet<String>,
}

/// A verdict, and the alternative that fitted.
#[derive(Clone, Debug)]
pub struct Judgement<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// The alternative of the expectation that the answer fits, if any does.
    pub fitting: Option<&'a Alternative>,
}

/// Judges an exchange.
#[must_use]
pub fn judge<'a>(expected: &'a Expected, exchange: &Exchange, scene: &Scene<'_>) -> Judgement<'a> {
    let (fitting, verdict) = match expected {
        Expected::Judge(alternatives) => match best(alternatives, exchange, scene) {
            Ok(fitting) => (Some(fitting), Verdict::Pass),
            Err(mismatches) => (None, Verdict::Fail(mismatches)),
        },
        Expected::Observe { labels, .. } => {
            let found = labels
                .iter()
                .find_map(|(label, alternatives)| Some((label, best(alternatives, exchange, scene).ok()?)));
            match found {
                Some((label, fitting)) => (Some(fitting), Verdict::Observed(label.clone())),
                None => (None, Verdict::Observed(format!("something else: {}", summary(&exchange.answer)))),
            }
        }
    };
    let (owned, leaks) = found(fitting, exchange, scene);
    let (verdict, fitting) = match verdict {
        _ if !leaks.is_empty() => (Verdict::Leak(leaks), fitting),
        Verdict::Pass if !owned.is_empty() => (Verdict::Fail(owned.iter().map(misplaced).collect()), None),
        verdict => (verdict, fitting),
    };
    Judgement { verdict, fitting }
}

/// Why what another requirement says of an answer is left unproven.
pub(crate) const NO_ANSWER: &str = "there was no answer of which it could be said";

/// What another requirement says of the answer to a case: the verdict on that alone, whatever the case itself makes of the answer.
///
/// Which of several alternatives it is said of, the one that fits tells; where none fits, it is said of the answer if it is said of one alone.
#[must_use]
pub fn further(expected: &Expected, requirement: &str, exchange: &Exchange, scene: &Scene<'_>) -> Verdict {
    let unproven = |why: &str| Verdict::Unproven(why.to_owned());
    let Expected::Judge(alternatives) = expected else { return unproven("nothing is expected of this answer") };
    let fitting = best(alternatives, exchange, scene);
    if exchange.answer.response().is_none() {
        // A refusal may be without an answer, and then nothing more is said of it.
        let is_refused = fitting.is_ok_and(|fitting| !fitting.also.contains_key(requirement));
        return if is_refused { Verdict::Pass } else { unproven(NO_ANSWER) };
    }
    let said = match fitting {
        Ok(fitting) => match fitting.also.get(requirement) {
            Some(said) => said,
            None => return Verdict::Pass,
        },
        Err(_) => {
            let mut all = alternatives.iter().filter_map(|one| one.also.get(requirement));
            match (all.next(), all.next()) {
                (Some(said), None) => said,
                _ => return unproven("the answer is none of those of which it could be said"),
            }
        }
    };
    match mismatches(said, exchange, scene) {
        found if found.is_empty() => Verdict::Pass,
        found => Verdict::Fail(found),
    }
}

/// Content that should not be in an answer, although the visitor may have it.
#[must_use]
pub fn misplaced(leak: &Leak) -> Mismatch {
    Mismatch {
        what: "content".to_owned(),
        expected: format!("nothing of {} in the {}", leak.file, leak.place),
        actual: "it is there; this visitor may have it".to_owned(),
    }
}

/// What the upstream behind the gate was asked, against what the fitting alternative says of it.
///
/// Where it says nothing the request must not have got there: a gate that asks first and denies afterwards has let the visitor act.
#[must_use]
pub fn upstream(fitting: Option<&Alternative>, received: &[Received]) -> Vec<Mismatch> {
    let tell = |received: &Received| format!("{} {}", received.method, received.target);
    let mismatch = |what: &str, expected: String, actual: String| Mismatch {
        what: format!("the upstream: {what}"),
        expected,
        actual,
    };
    let expected = fitting.and_then(|one| one.upstream.as_ref());
    let (expected, one) = match (expected, received) {
        (None, []) => return Vec::new(),
        (None, [one, ..]) => return vec![mismatch("requests", "none".to_owned(), tell(one))],
        // RFC 9110 §9.2.2: a request may be sent again where that changes nothing.
        (Some(expected), [one, again @ ..]) if again.iter().all(|other| other == one) => (expected, one),
        (Some(_), other) => {
            let actual = if other.is_empty() {
                "none".to_owned()
            } else {
                other.iter().map(tell).collect::<Vec<_>>().join(", ")
            };
            return vec![mismatch("requests", "one".to_owned(), actual)];
        }
    };
    let mut found = Vec::new();
    for (what, wanted, actual) in [
        ("method", &expected.method, &one.method),
        ("request target", &expected.target, &one.target),
        ("body", &expected.body, &one.body),
    ] {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != actual) {
            found.push(mismatch(what, format!("`{wanted}`"), format!("`{}`", printable(actual.as_bytes()))));
        }
    }
    for (name, field) in &expected.headers {
        let values: Vec<String> = one.header(name).map(str::to_owned).collect();
        if !field_fits(field, &values) {
            let actual = if values.is_empty() { "absent".to_owned() } else { format!("`{}`", values.join("`, `")) };
            found.push(mismatch(name, describe_field(field), actual));
        }
    }
    found
}

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
fn early_end(end: End) -> Option<String> {
    match end {
        End::Whole => None,
        End::Closed => Some("cut off by the end of the connection".to_owned()),
        End::TimedOut => Some("not whole within the time limit".to_owned()),
        End::TooLong => Some(format!("cut here: more than {LONGEST_ANSWER} bytes came")),
    }
}

/// The first alternative that fits, or the mismatches of the one that comes nearest.
fn best<'a>(
    alternatives: &'a [Alternative],
    exchange: &Exchange,
    scene: &Scene<'_>,
) -> Result<&'a Alternative, Vec<Mismatch>> {
    let mut nearest: Option<Vec<Mismatch>> = None;
    for alternative in alternatives {
        let mismatches = mismatches(alternative, exchange, scene);
        if mismatches.is_empty() {
            return Ok(alternative);
        }
        if nearest.as_ref().is_none_or(|best| mismatches.len() < best.len()) {
            nearest = Some(mismatches);
        }
    }
    let mut nearest = nearest.unwrap_or_default();
    if alternatives.len() > 1 {
        let all: Vec<_> = alternatives.iter().map(describe).collect();
        nearest = vec![Mismatch {
            what: "answer".to_owned(),
            expected: format!("one of: {}", all.join("; ")),
            actual: summary(&exchange.answer),
        }];
    }
    Err(nearest)
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

fn describe_field(field: &HeaderExpectation) -> String {
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

/// Whether an answer is content without a head, to a request that may be read as one of HTTP/0.9. Its status cannot be told; what stands in it can.
fn is_bare(bytes: &[u8], exchange: &Exchange) -> bool {
    !bytes.starts_with(b"HTTP/") && exchange.sent.may_be_of_version_0_9()
}

fn mismatches(alternative: &Alternative, exchange: &Exchange, scene: &Scene<'_>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut say =
        |what: &str, expected: String, actual: String| found.push(Mismatch { what: what.to_owned(), expected, actual });
    let response = match &exchange.answer {
        Answer::Response(response) => response,
        Answer::Closed(bytes) if alternative.closed && (bytes.is_empty() || is_bare(bytes, exchange)) => return found,
        other => {
            say("answer", describe(alternative), summary(other));
            return found;
        }
    };
    if !alternative.status.is_empty() && !alternative.status.contains(&response.status) {
        let expected = alternative.status.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
        say("status", expected, response.status.to_string());
    }
    check_location(alternative, exchange, response, scene, &mut say);
    // A gate that does not read all of a request may reset the connection under its answer (RFC 9112 §9.6): over the byte-exact wire, and wherever it may
    // close without an answer at all.
    let may_be_reset = response.end == End::Closed && (exchange.client == Client::Raw || alternative.closed);
    if let Some(why) = early_end(response.end).filter(|_| !may_be_reset) {
        say("end", "a whole response".to_owned(), why);
    }
    let decoded = response.decoded();
    if decoded.as_ref().is_some_and(|decoded| decoded.cut) {
        say(
            "end",
            "a body of a bounded size".to_owned(),
            format!("more than {LONGEST_ANSWER} bytes behind its coding"),
        );
    }
    let readable = decoded.as_ref().map_or(response.body.as_slice(), |decoded| &decoded.bytes);
    if let (Some(file), Some(own)) = (&alternative.shows, &scene.files.own) {
        // RFC 9110 §9.3.2, §15.4.5: neither has a body that could show it.
        let bare = exchange.sent.is_head() || response.status == 304;
        if let Some(actual) = own.not_shown(file, readable).filter(|_| !bare) {
            say("body", format!("the content of {file}"), actual);
        }
    } else if let Some(file) = &alternative.shows {
        let canary = scene.files.canaries.iter().find(|(_, (path, _))| path == file).map(|(canary, _)| canary.as_str());
        if !canary.is_some_and(|canary| contains(readable, canary.as_bytes())) {
            let actual = match shown(readable, scene.files).first() {
                Some(other) => format!("{other} (status {})", response.status),
                None => format!("a body of {} bytes without it", response.body.len()),
            };
            say("body", format!("the content of {file}"), actual);
        }
    }
    for file in &alternative.hides {
        if shown(readable, scene.files).contains(&file.as_str()) {
            say("body", format!("anything but {file}"), file.clone());
        }
    }
    if let Some(part) = &alternative.part {
        let wanted = scene.files.bodies.get(&part.of).and_then(|body| body.get(part.first..=part.last));
        if wanted != Some(response.body.as_slice()) {
            say(
                "body",
                format!("bytes {} to {} of {}", part.first, part.last, part.of),
                format!("{} bytes that differ", response.body.len()),
            );
        }
    }
    if alternative.empty_body && !response.body.is_empty() {
        say("body", "no bytes".to_owned(), format!("{} bytes", response.body.len()));
    }
    if alternative.then_closed && !response.then_closed {
        say("connection", "closed after the answer".to_owned(), "still open".to_owned());
    }
    for (name, field) in &alternative.headers {
        let values: Vec<String> =
            response.header(name).map(|value| String::from_utf8_lossy(value).trim().to_owned()).collect();
        if !field_fits(field, &values) {
            let actual = if values.is_empty() {
                "absent".to_owned()
            } else {
                values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
            };
            say(name, describe_field(field), actual);
        }
    }
    found
}

fn check_location(
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

fn field_fits(field: &HeaderExpectation, values: &[String]) -> bool {
    let tokens: Vec<String> =
        values.iter().flat_map(|value| value.split(',')).map(|token| token.trim().to_ascii_lowercase()).collect();
    let has = |token: &String| {
        let token = token.to_ascii_lowercase();
        tokens.contains(&token)
    };
    if field.absent {
        return values.is_empty();
    }
    (!field.present || !values.is_empty())
        && field.is.as_ref().is_none_or(|wanted| values == std::slice::from_ref(wanted))
        && field.contains.iter().all(has)
        && (field.one_of.is_empty() || field.one_of.iter().any(has))
        && !field.lacks.iter().any(has)
}

/// Protected canaries in the hands of a visitor who may not have them.
#[must_use]
pub fn leaks(fitting: Option<&Alternative>, exchange: &Exchange, scene: &Scene<'_>) -> Vec<Leak> {
    found(fitting, exchange, scene).1
}

/// Protected canaries in places where they do not belong: those that this visitor may have, and those that are leaks.
fn found(fitting: Option<&Alternative>, exchange: &Exchange, scene: &Scene<'_>) -> (Vec<Leak>, Vec<Leak>) {
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

fn protected<'a>(bytes: &[u8], files: &'a SiteFiles) -> BTreeSet<&'a str> {
    canaries(bytes)
        .filter_map(|canary| files.canaries.get(canary))
        .filter(|(_, access)| *access == Access::Protected)
        .map(|(path, _)| path.as_str())
        .collect()
}

fn shown<'a>(bytes: &[u8], files: &'a SiteFiles) -> Vec<&'a str> {
    canaries(bytes).filter_map(|canary| files.canaries.get(canary)).map(|(path, _)| path.as_str()).collect()
}

/// Every run of bytes that has the shape of a canary.
fn canaries(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let length = CANARY_MARK.len().saturating_add(CANARY_DIGITS);
    memchr::memmem::find_iter(bytes, CANARY_MARK)
        .filter_map(move |at| std::str::from_utf8(bytes.get(at..at.checked_add(length)?)?).ok())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
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
