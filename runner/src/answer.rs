//! The class of an answer: the few facts by which the answers of two gates to one case are the same, whatever else differs.

use std::collections::BTreeSet;

use url::Url;

use crate::deploy::canary;
use crate::event::Finished;
use crate::verdict::{ABSENT, Verdict};
use crate::wire::{Answer, Response, Target};

/// The class of an answer.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Class {
    /// The status; none where no response came.
    status: Option<u16>,
    /// Where a redirect leads: path and query on this site, the whole URL elsewhere.
    location: Option<String>,
    /// The files of the site whose content came.
    shows: BTreeSet<String>,
    /// The fields and invariants that were found wanting, and which of the fields did not come at all.
    fields: BTreeSet<String>,
    /// Whether the control of the case passed: a gate that turns everybody away turns nobody away for what the case is about.
    is_proven: bool,
}

impl Class {
    /// The class of the answer to a case; none where nothing was sent.
    #[must_use]
    pub fn of(finished: &Finished) -> Option<Self> {
        let (suite, case) = (finished.case.suite(), finished.case.case());
        let exchange = finished.exchange.as_ref()?;
        let response = exchange.answer.response();
        let shows = suite.files.keys().filter(|path| holds(&exchange.answer, &canary(&suite.id, path)));
        // What another requirement says of an answer is one fact about it, and not which answer it is.
        let counts = |what: &str| case.of.is_none() || differs(&finished.verdict, what);
        Some(Self {
            status: response.filter(|_| counts("status")).map(|response| response.status),
            location: response
                .filter(|_| counts("Location"))
                .and_then(|response| location(response, finished.target.as_ref()?)),
            shows: shows.filter(|_| counts("body")).cloned().collect(),
            fields: fields(&finished.verdict),
            is_proven: finished.is_proven,
        })
    }
}

fn holds(answer: &Answer, text: &str) -> bool {
    let finds = |bytes: &[u8]| memchr::memmem::find(bytes, text.as_bytes()).is_some();
    finds(answer.bytes())
        || answer.response().is_some_and(|response| {
            finds(&response.body) || response.decoded().is_some_and(|decoded| finds(&decoded.bytes))
        })
}

fn location(response: &Response, target: &Target) -> Option<String> {
    let text = String::from_utf8_lossy(response.header("location").next()?).into_owned();
    let origin = Url::parse(&target.origin()).ok()?;
    let Ok(url) = origin.join(&text) else { return Some(text) };
    Some(if url.origin() == origin.origin() {
        url.as_str().strip_prefix(&target.origin()).unwrap_or(url.as_str()).to_owned()
    } else {
        url.into()
    })
}

fn differs(verdict: &Verdict, what: &str) -> bool {
    matches!(verdict, Verdict::Fail(mismatches) if mismatches.iter().any(|one| one.what == what))
}

/// Status, `Location` and content stand in the class itself.
fn fields(verdict: &Verdict) -> BTreeSet<String> {
    const OF_THE_ANSWER: [&str; 6] = ["answer", "body", "content", "end", "location", "status"];
    let Verdict::Fail(mismatches) = verdict else { return BTreeSet::new() };
    let name = |what: &str| what.to_ascii_lowercase();
    mismatches
        .iter()
        .map(|one| one.invariant().map_or_else(|| name(&one.what), |invariant| invariant.name().to_owned()))
        .zip(mismatches)
        .filter(|(what, _)| !OF_THE_ANSWER.contains(&what.as_str()))
        .map(|(what, one)| if one.is_absent() { format!("{what} {ABSENT}") } else { what })
        .collect()
}
