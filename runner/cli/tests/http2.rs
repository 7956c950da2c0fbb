//! Ordinary requests over HTTP/2: the reference passes, although requests that it ends a connection for share connections with others.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::path::Path;
use std::sync::Arc;

use gatecheck::corpus::Corpus;
use gatecheck::event::Event;
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::Verdict;
use gatecheck::wire::plain::HttpVersion;
use gatecheck_cli::embedded;

/// The suites with heads beyond every bound, and some of each kind beside them; the whole corpus is for `gatecheck run --http2`.
const SUITES: [&str; 9] =
    ["cookie", "jose/size", "json/depth", "path/long", "proxy", "role", "token/no-harm", "http/methods", "wire/limits"];

#[test]
fn the_reference_passes_over_http2_whatever_it_does_to_a_connection() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = Arc::new(Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}")));
    let patterns = SUITES.map(str::to_owned).to_vec();
    let options = RunOptions { patterns, http: HttpVersion::Http2, ..RunOptions::default() };
    let plan = Plan::new(&corpus, &embedded::gate(), &options).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    runtime.block_on(gatecheck::run::run(Arc::clone(&corpus), embedded::gate(), options, plan, events));
    let (mut passed, mut again, mut others) = (0, Vec::new(), Vec::new());
    while let Ok(event) = happened.try_recv() {
        let Event::CaseFinished(finished) = event else { continue };
        let id = finished.case.clone();
        if finished.attempts > 1 {
            again.push((id.clone(), finished.attempts));
        }
        match finished.verdict {
            Verdict::Pass => passed += 1,
            Verdict::Observed(_) | Verdict::Unsupported { .. } => {}
            other => others.push((id, other)),
        }
    }
    assert!(others.is_empty(), "{others:#?}");
    assert!(passed > 300, "{passed} cases pass");
    // Asked once more, and no further.
    assert!(!again.is_empty() && again.iter().all(|(_, attempts)| *attempts == 2), "{again:?}");
}
