//! What can be said about a case once its answer is there.

use std::borrow::Cow;
use std::fmt;

use crate::invariants::{CONTENT, Invariant, METADATA, SECRETS, UNIFORM};

/// The judgement on one case, worst first in meaning: a leak outranks every other finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The harness or the way to the gate is at fault, and nothing can be said about the gate.
    Error(Fault),
    /// The answer differs from every alternative of the expectation.
    Fail(Vec<Mismatch>),
    /// Protected content came back to a visitor who must not see it.
    Leak(Vec<Leak>),
    /// A SURVEY case: what the gate does.
    Observed(String),
    /// As expected.
    Pass,
    /// As expected, but the control failed, so it proves nothing.
    Unproven(String),
    /// The gate says that it lacks a feature.
    Unsupported {
        /// The feature.
        feature: String,
        /// The reason that the gate file gives.
        reason: String,
    },
}

/// Why a case has no judgement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The request cannot be made.
    Harness(String),
    /// The gate, or whoever is in front of it, did not answer the question: it wants to be left alone, or drops connections.
    NotAsked(String),
    /// There is no gate to ask.
    Unreachable(String),
}

/// One difference between an expectation and an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mismatch {
    /// What differs, for example `status`.
    pub what: String,
    /// What the case expects.
    pub expected: String,
    /// What came back.
    pub actual: String,
}

/// Where protected content came through.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leak {
    /// The protected file.
    pub file: String,
    /// The place in the answer.
    pub place: Cow<'static, str>,
}

/// How the reason begins why a case proves nothing whose control did not pass; the id of the control follows.
pub(crate) const CONTROL: &str = "the control `";
/// What differs where the control is no longer admitted right after a request.
pub(crate) const AFTER: &str = "the control right after";

/// What differs where the gate does not start on the site of the suite.
pub(crate) const REFUSAL: &str = "the start of the gate";
/// What differs where a response is not whole.
pub(crate) const END: &str = "end";
/// What is expected of the body of an answer that has none.
pub(crate) const NO_BYTES: &str = "no bytes";
/// What came of a field that did not.
pub(crate) const ABSENT: &str = "absent";
/// What differs where the gate is no longer there after a request.
pub(crate) const DOWN: &str = "the gate";

impl Mismatch {
    /// Whether it says that the control was no longer admitted right after the request.
    pub(crate) fn is_of_liveness(&self) -> bool {
        self.what.starts_with(AFTER)
    }

    /// The invariant that it says was broken; none where the answer differs from what the case expects.
    #[must_use]
    pub fn invariant(&self) -> Option<Invariant> {
        match self.what.as_str() {
            what if what.starts_with(AFTER) => Some(Invariant::Liveness),
            what if what.starts_with(UNIFORM) => Some(Invariant::Uniform),
            SECRETS => Some(Invariant::Secrets),
            METADATA => Some(Invariant::Metadata),
            CONTENT => Some(Invariant::NoContent),
            _ => None,
        }
    }

    /// Whether it says no more than that something came behind an answer that ends with its head.
    pub(crate) fn is_of_content_behind(&self) -> bool {
        self.what == END || self.expected == NO_BYTES
    }

    /// Whether it says that the gate did not start on the site.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.what == REFUSAL
    }

    /// Whether it says that a field is missing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.actual == ABSENT
    }

    /// The names of the parameters of a query that a `Location` has behind the place that was expected; none where it differs otherwise.
    #[must_use]
    pub fn added_query(&self) -> Option<Vec<&str>> {
        fn quoted(text: &str) -> Option<&str> {
            text.strip_prefix('`')?.strip_suffix('`')
        }
        let (expected, actual) = (quoted(&self.expected)?, quoted(&self.actual)?);
        let border = if expected.contains('?') { '&' } else { '?' };
        let query = actual.strip_prefix(expected)?.strip_prefix(border)?;
        let is_place = self.what == "Location" && !query.is_empty();
        is_place.then(|| query.split('&').map(|one| one.split('=').next().unwrap_or_default()).collect())
    }

    /// Whether it says that the gate went down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.what == DOWN
    }
}

impl Verdict {
    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::Fail(_) => "fail",
            Self::Leak(_) => "leak",
            Self::Observed(_) => "observed",
            Self::Pass => "pass",
            Self::Unproven(_) => "unproven",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// Every text in it that comes from a gate or from elsewhere.
    pub fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Pass => Vec::new(),
            Self::Error(Fault::Harness(why) | Fault::NotAsked(why) | Fault::Unreachable(why))
            | Self::Unproven(why)
            | Self::Observed(why) => vec![why],
            Self::Fail(mismatches) => {
                mismatches.iter_mut().flat_map(|one| [&mut one.what, &mut one.expected, &mut one.actual]).collect()
            }
            Self::Leak(leaks) => leaks.iter_mut().map(|leak| &mut leak.file).collect(),
            Self::Unsupported { reason, .. } => vec![reason],
        }
    }

    /// Whether a person should look at it.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        matches!(self, Self::Error(_) | Self::Fail(_) | Self::Leak(_) | Self::Unproven(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Harness(why) => write!(f, "the request cannot be made: {why}"),
            Self::NotAsked(why) => write!(f, "not asked: {why}"),
            Self::Unreachable(why) => write!(f, "no gate to ask: {why}"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.what, self.expected, self.actual)
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protected {} in the {}", self.file, self.place)
    }
}
