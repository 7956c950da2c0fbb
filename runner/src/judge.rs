//! Expectation × exchange → verdict. Pure: no clock, no socket, and no knowledge of the reference gate.

use std::collections::BTreeSet;

use crate::corpus::expectation::{Alternative, Expected, HeaderExpectation};
use crate::deploy::SiteFiles;
use crate::text::printable;
use crate::upstream::Received;
use crate::verdict::{END, Leak, Mismatch, NO_BYTES, Verdict};
use crate::wire::{Answer, Client, End, Exchange, LONGEST_ANSWER, Response};

mod leaks;
mod location;
mod words;

use leaks::{found, holds, shown};
use location::check_location;
use words::describe_field;

pub use leaks::leaks;
pub(crate) use words::early_end;
pub use words::{describe, summary};

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
        say(END, "a whole response".to_owned(), why);
    }
    check_body(alternative, exchange, response, scene, &mut say);
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

/// What stands in the body, behind its content coding, against the files that it is to show or to hide.
fn check_body(
    alternative: &Alternative,
    exchange: &Exchange,
    response: &Response,
    scene: &Scene<'_>,
    say: &mut impl FnMut(&str, String, String),
) {
    let decoded = response.decoded();
    if decoded.as_ref().is_some_and(|decoded| decoded.cut) {
        say(END, "a body of a bounded size".to_owned(), format!("more than {LONGEST_ANSWER} bytes behind its coding"));
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
        if !canary.is_some_and(|canary| holds(readable, canary.as_bytes())) {
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
        say("body", NO_BYTES.to_owned(), format!("{} bytes", response.body.len()));
    }
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
