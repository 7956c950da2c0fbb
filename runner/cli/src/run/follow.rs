//! A run as it goes: each event to the report, the terminal and the files, until all is asked or somebody stops it.

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use gatecheck::corpus::Corpus;
use gatecheck::corpus::source::Level;
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::terminal::TerminalReporter;
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::Verdict;
use gatecheck_mutants::diagnosis::Watch;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::prepare::Asking;
use super::{ENDING, interruption};
use crate::format::Outputs;
use crate::{Failure, look};

/// What takes the events of a run in.
pub(super) struct Following {
    pub(super) report: Aggregate,
    pub(super) terminal: TerminalReporter,
    pub(super) outputs: Outputs,
    /// Whether the first case that leaks, or fails the run, is the last.
    pub(super) fail_fast: bool,
}

/// A run that has ended.
pub(super) struct Followed {
    pub(super) report: Aggregate,
    pub(super) terminal: TerminalReporter,
    pub(super) outputs: Outputs,
    /// Whether somebody stopped it.
    pub(super) interrupted: bool,
}

impl Following {
    /// Asks what there is to ask, and says in the end what is wrong with the gate.
    ///
    /// # Errors
    /// A task of the run failed.
    pub(super) fn follow(mut self, asking: Asking) -> Result<Followed, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::harness(error.to_string()))?;
        let only_failures = asking.only_failures;
        let mut watch = (asking.of_others && !only_failures).then(|| Watch::new(asking.written.clone()));
        let interrupted = runtime
            .block_on(self.until_the_end(asking, &mut watch))
            .map_err(|error| Failure::harness(format!("the run ended early: {error}")))?;
        let named = watch.as_ref().map(|watch| runtime.block_on(watch.causes()));
        match only_failures {
            true => self.report.explain_failures(),
            false => self.report.explain(&named.unwrap_or_default()),
        }
        // A run that stopped early has gates that still run: they end with the tasks that keep them.
        runtime.shutdown_timeout(ENDING);
        let Self { report, terminal, outputs, .. } = self;
        Ok(Followed { report, terminal, outputs, interrupted })
    }

    /// Takes events in to the last; whether somebody stopped the run.
    async fn until_the_end(&mut self, asking: Asking, watch: &mut Option<Watch>) -> Result<bool, JoinError> {
        let Asking { corpus, gate, options, plan, strict, .. } = asking;
        let began = Instant::now();
        let ended = each_event(corpus, gate, options, plan, |event| {
            if let Event::Looked(checks) = event {
                look::show(checks);
            }
            if let Some(watch) = watch {
                watch.note(event);
            }
            self.note(event);
            match self.fail_fast && fails_the_run(event, strict) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
        .await;
        if self.report.missing() > 0 {
            // What was asked is told, and that it is not all.
            self.note(&Event::RunFinished { at: SystemTime::now(), elapsed: began.elapsed() });
        }
        ended
    }

    fn note(&mut self, event: &Event) {
        self.report.note(event);
        self.terminal.note(event, &self.report);
        self.outputs.note(event, &self.report);
    }
}

/// Runs a plan and gives `note` what happens, until all is asked, `note` has had enough, or somebody stops it; whether somebody did.
pub(crate) async fn each_event(
    corpus: Arc<Corpus>,
    gate: Gate,
    options: RunOptions,
    plan: Plan,
    mut note: impl FnMut(&Event) -> ControlFlow<()>,
) -> Result<bool, JoinError> {
    let (events, mut happened) = mpsc::unbounded_channel();
    let running = tokio::spawn(gatecheck::run::run(corpus, gate, options, plan, events));
    let mut interruption = pin!(interruption());
    let interrupted = loop {
        let event = tokio::select! {
            event = happened.recv() => event,
            () = interruption.as_mut() => {
                running.abort();
                break true;
            }
        };
        let Some(event) = event else { break false };
        if note(&event).is_break() {
            running.abort();
            break false;
        }
    };
    match running.await {
        // Nobody but this loop stops it.
        Err(error) if error.is_cancelled() => Ok(interrupted),
        ended => ended.map(|()| interrupted),
    }
}

/// Whether a case ended so that the run has failed: a leak, or a miss of what binds.
fn fails_the_run(event: &Event, strict: bool) -> bool {
    let Event::CaseFinished(finished) = event else { return false };
    let level = finished.case.case().level;
    match finished.verdict {
        Verdict::Leak(_) => level != Level::Should || strict,
        Verdict::Fail(_) => level == Level::Must || (strict && level == Level::Should),
        _ => false,
    }
}
