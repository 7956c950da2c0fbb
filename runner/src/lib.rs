//! Gatecheck: runs the conformance corpus against a role gate and says what is wrong and why.
//!
//! This crate knows no gate but those that it launches, reaches at a URL, or is handed as [`gates::InProcess`]. The program `gatecheck`, with the
//! reference gate embedded, is `gatecheck-cli`; the gates that are broken on purpose are `gatecheck-mutants`.
//!
//! The life of a run, in the order in which the data flows:
//!
//! 1. [`corpus`]: `requirements.yaml`, `tokens.yaml` and the suites become a [`corpus::Corpus`]; every case knows its file and line.
//! 2. [`deploy`]: suites become a site on disk (rules, files with canaries, settings), alone or moved under path prefixes into one bundle.
//! 3. [`gates`]: a gate is started on that site, or is already running somewhere.
//!    [`look`] says what is seen of such a gate before its first case.
//! 4. [`mint`] and [`wire`]: a case, its token recipe and the time of day become bytes; what comes back is an [`wire::Exchange`].
//! 5. [`judge`]: an expectation and an exchange become a [`verdict::Verdict`]. Pure: no clock, no socket, and no knowledge of the reference gate.
//! 6. [`invariants`]: what must hold for every refused request is checked by asking again.
//! 7. [`event`] and [`report`]: verdicts become events, and events become what a person or a program reads; [`baseline`] holds the failures that somebody
//!    answers for; [`text`] lets nothing hide in what is shown, and [`suggest`] says what a mistyped word may
//!    have meant; [`exit`] has the last word;
//!    [`schema`] describes every file that is read or written.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test that cannot go on should stop with a message"
    )
)]

pub mod answer;
pub mod baseline;
pub mod corpus;
pub mod deploy;
pub mod event;
pub mod exit;
pub mod gates;
pub mod invariants;
pub mod judge;
pub mod keys;
pub mod lines;
pub mod listener;
pub mod look;
pub mod mint;
pub mod own;
pub mod refusal;
pub mod report;
pub mod run;
pub mod schema;
pub mod shard;
pub mod suggest;
pub mod text;
pub mod upstream;
pub mod verdict;
pub mod wire;
