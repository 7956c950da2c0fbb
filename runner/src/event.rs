//! What happens in a run, as reporters see it. Reporters know nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::corpus::question::Profile;
use crate::corpus::{CaseRef, Corpus};
use crate::invariants::Invariant;
use crate::look::Check;
use crate::report::no_gate::NoGate;
use crate::shard::Shard;
use crate::verdict::Verdict;
use crate::wire::plain::HttpVersion;
use crate::wire::{Answer, Exchange, Target};

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A case has its verdict.
    CaseFinished(Box<Finished>),
    /// A gate could not be started or reached; its cases follow as errors.
    GateFailed(NoGate),
    /// Something came between the runner and the gate, and a request is sent again.
    Weather(Weather),
    /// A gate that runs already was looked at, before the first case.
    Looked(Vec<Check>),
    /// What a gate that was started here has printed since it listened; only where [`crate::run::RunOptions::tells_prints`] asks for it.
    Printed(String),
    /// Everything is done.
    RunFinished {
        /// By the clock of this machine.
        at: SystemTime,
        /// From start to end.
        elapsed: Duration,
    },
    /// The plan stands.
    RunStarted(Started),
}

/// What comes between the runner and a gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Weather {
    /// A connection dropped under a request.
    Dropped,
    /// An answer asked for a pause, and nobody asks for so long.
    Pause {
        /// 429 or 503.
        status: u16,
        /// How long.
        length: Duration,
    },
    /// A gate that was started here went down under requests of which none takes it down alone, and was started again.
    WentDown,
}

/// The plan of a run.
#[derive(Clone, Debug)]
pub struct Started {
    /// The name of the gate.
    pub gate: String,
    /// What was asked for, as stated: a URL, a command line, `embedded`.
    pub target: String,
    /// By the clock of this machine.
    pub at: SystemTime,
    /// The corpus.
    pub corpus: Arc<Corpus>,
    /// How many cases will be finished.
    pub cases: usize,
    /// How many times a gate is started.
    pub starts: usize,
    /// Which part of the selection is asked; all if there is none.
    pub shard: Option<Shard>,
    /// What the order is shuffled by; as written if there is none.
    pub seed: Option<u32>,
    /// What verdicts can depend on beside the gate and the corpus.
    pub conditions: Conditions,
    /// Suites that are left out, with the reason.
    pub left_out: BTreeMap<String, String>,
    /// Invariants that are not checked, with the reason.
    pub without: BTreeMap<Invariant, String>,
}

/// What verdicts can depend on beside the gate and the corpus; the parts of one run agree on it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conditions {
    /// Which cases: patterns as [`crate::corpus::Case::matches`] has them; none means all.
    pub patterns: Vec<String>,
    /// The HTTP version of ordinary requests.
    pub http: HttpVersion,
    /// The time limit of one answer.
    pub timeout: Duration,
    /// How often a request is sent again when the connection itself failed.
    pub retries: u32,
    /// Which questions are asked.
    pub profile: Profile,
}

/// How long an answer was, in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lengths {
    /// The body.
    pub body: usize,
    /// All that came on the connection.
    pub wire: usize,
}

impl Lengths {
    /// The lengths of an answer.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        Self { body: answer.response().map_or(0, |response| response.body.len()), wire: answer.bytes().len() }
    }
}

/// A case with its verdict.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The case.
    pub case: CaseRef,
    /// The judgement.
    pub verdict: Verdict,
    /// What was sent and what came back, if anything was; of the answer no more than a report needs.
    pub exchange: Option<Exchange>,
    /// How long the answer was, before it was shortened.
    pub lengths: Lengths,
    /// Where it was sent.
    pub target: Option<Target>,
    /// Whether the control of the case passed: what else was answered says little where it did not.
    pub is_proven: bool,
    /// How often the request was sent: more than once only where the gate went down, where the connection failed and `--retries` allows it, or
    /// where a connection that it shared with others ended.
    pub attempts: u32,
}
