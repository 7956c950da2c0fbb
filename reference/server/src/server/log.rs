//! What the log says about a request. TOKEN-11: no query, no header, and not why a token failed.

use std::time::Instant;

use hyper::StatusCode;
use rolegate::decide::{Decision, Outcome};
use rolegate::path::Target;
use rolegate::rules::RuleSet;

use super::head::Fault;

/// Whether anybody reads what is said about requests.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(tracing::Level::INFO)
}

/// The canonical path as the log shows it; empty where there is none.
pub(crate) fn path(decision: &Decision, target: &[u8]) -> String {
    match &decision.read {
        Some(read) => read.path.to_string(),
        // FRONT-1: what is refused because others read it in another way has a path all the same.
        None => Target::parse(target).map(|target| target.path.to_string()).unwrap_or_default(),
    }
}

/// One line for a request that was decided.
pub(crate) fn answered(
    rules: &RuleSet,
    method: &str,
    path: &str,
    decision: &Decision,
    status: StatusCode,
    started: Instant,
) {
    let rule = decision.by.and_then(|by| rules.rules().get(by)).map(|rule| rule.span.line);
    tracing::info!(
        method,
        path,
        status = status.as_u16(),
        outcome = outcome(&decision.outcome),
        rule,
        denied = decision.denied,
        // A number of 128 bits would be written as text.
        millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    );
}

/// One line for a request head that got no decision.
pub(crate) fn refused(fault: Fault, status: StatusCode) {
    let why = if let Fault::Malformed(why) = fault { why } else { "a limit is exceeded" };
    tracing::info!(status = status.as_u16(), why, "refused");
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::BadRequest(_) => "bad-request",
        Outcome::NotFound { forced: true, .. } => "not-found (forced)",
        Outcome::NotFound { .. } => "not-found",
        Outcome::Proxy { .. } => "proxy",
        Outcome::Redirect { .. } => "redirect",
        Outcome::Rewrite { .. } => "rewrite",
        Outcome::Serve { .. } => "serve",
    }
}
