//! What is counted with every request.
//!
//! Each thread counts for itself, and whoever asks adds up. A number that all threads add to would travel from core to
//! core with every request.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Unit;
use rolegate::decide::{Decision, Outcome};
use thread_local::ThreadLocal;

/// The classes of a status, in order.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The outcomes, in the order of [`outcome_place`]; the last one is a request that got no decision.
const OUTCOMES: [&str; 7] = ["bad_request", "not_found", "proxy", "redirect", "rewrite", "serve", "refused"];
const REFUSED: usize = 6;

/// Upper bounds in microseconds. The gate itself needs a few; the long ones are for what it forwards.
const DURATIONS: [u32; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 10_000, 50_000, 250_000, 1_000_000, 5_000_000, 30_000_000];

/// What is counted with every request, by all threads.
#[derive(Debug, Default)]
pub(super) struct Requests {
    threads: ThreadLocal<Counted>,
}

/// What one thread has counted. Nobody else adds to it, and it shares no line of a cache with what others add to.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counted {
    /// By outcome and class of the status.
    answers: [[AtomicU64; CLASSES.len()]; OUTCOMES.len()],
    denials: AtomicU64,
    /// By the first bound that is not below the duration; the last place is for those above all bounds.
    durations: [AtomicU64; DURATIONS.len() + 1],
    /// All durations together.
    nanoseconds: AtomicU64,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
    status: &'static str,
}

impl Requests {
    /// A request was decided and answered.
    pub(super) fn answered(&self, decision: &Decision, status: StatusCode, took: Duration) {
        let counted = self.threads.get_or_default();
        counted.answer(outcome_place(&decision.outcome), status);
        if decision.denied {
            add(&counted.denials, 1);
        }
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let place = DURATIONS.iter().take_while(|bound| u64::from(**bound) * 1_000 < nanoseconds).count();
        counted.durations.get(place).into_iter().for_each(|durations| add(durations, 1));
        add(&counted.nanoseconds, nanoseconds);
    }

    /// A request got no decision.
    pub(super) fn refused(&self, status: StatusCode) {
        self.threads.get_or_default().answer(REFUSED, status);
    }

    /// What all threads have counted of one thing.
    fn sum(&self, of: impl Fn(&Counted) -> Option<&AtomicU64>) -> u64 {
        self.threads.iter().filter_map(of).map(|counter| counter.load(Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl Counted {
    fn answer(&self, outcome: usize, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        let answers = self.answers.get(outcome).and_then(|classes| classes.get(class));
        answers.into_iter().for_each(|answers| add(answers, 1));
    }
}

/// Adds to what this thread alone adds to.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(more), Relaxed);
}

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests answered, by outcome and class of the status.";
        let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for (at, outcome) in OUTCOMES.into_iter().enumerate() {
            for (class, status) in CLASSES.into_iter().enumerate() {
                let answers = self.sum(|counted| counted.answers.get(at)?.get(class));
                ConstCounter::new(answers).encode(family.encode_family(&Labels { outcome, status })?)?;
            }
        }
        let help = "Requests denied because a role was missing.";
        let denials = encoder.encode_descriptor("denials", help, None, MetricType::Counter)?;
        ConstCounter::new(self.sum(|counted| Some(&counted.denials))).encode(denials)?;
        let help = "Time from the head of a request to the head of its answer.";
        let unit = Unit::Seconds;
        let mut duration = encoder.encode_descriptor("request_duration", help, Some(&unit), MetricType::Histogram)?;
        let bounds = DURATIONS.into_iter().map(|microseconds| f64::from(microseconds) / 1e6).chain([f64::MAX]);
        let durations: Vec<(f64, u64)> = bounds
            .enumerate()
            .map(|(place, bound)| (bound, self.sum(|counted| counted.durations.get(place))))
            .collect();
        let seconds = Duration::from_nanos(self.sum(|counted| Some(&counted.nanoseconds))).as_secs_f64();
        let count = durations.iter().map(|(_, count)| count).sum();
        duration.encode_histogram::<NoLabelSet>(seconds, count, &durations, None)
    }
}

fn outcome_place(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::BadRequest(_) => 0,
        Outcome::NotFound { .. } => 1,
        Outcome::Proxy { .. } => 2,
        Outcome::Redirect { .. } => 3,
        Outcome::Rewrite { .. } => 4,
        Outcome::Serve { .. } => 5,
    }
}
