//! `gatecheck run`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gatecheck::corpus::Corpus;
use gatecheck::corpus::question::Profile;
use gatecheck::exit::{ExitStatus, HELP};
use gatecheck::invariants::Invariant;
use gatecheck::lines::wrapped_behind;
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::report::terminal::{TerminalOptions, TerminalReporter};
use gatecheck::run::LONGEST_PAUSE;

use super::columns::columns;
use super::config::ConfigArgs;
use super::format::{Output, Outputs};
use super::gate::GateArgs;
use super::part::BY_THE_ENGINE;
use super::watch::watching;
use super::{Failure, settings};

mod follow;
mod prepare;

pub(super) use follow::each_event;
use follow::{Followed, Following};
use prepare::{Prepared, prepare};

/// Arguments of `gatecheck run`.
#[derive(Args, Clone, Debug)]
#[command(after_help = HELP)]
pub struct RunArgs {
    /// The URL of a running gate, and patterns that select cases: an id or the start of one (`role/denial`), a glob (`token/*`), a requirement
    /// (`ROLE-3`) or a glob over requirements (`TOKEN-*`), a family. Without a URL the embedded reference is started; without a pattern every case is run
    #[arg(value_name = "URL | PATTERN")]
    what: Vec<String>,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Ask the few hundred cases that catch most broken gates, for the first answer in seconds; patterns narrow it down
    #[arg(long, conflicts_with = "only_failed")]
    quick: bool,
    /// Ask a gate at a URL without looking first whether it is there, is the site that is meant and has its settings
    #[arg(long)]
    no_look: bool,
    /// Ask ordinary requests over HTTP/2
    #[arg(long)]
    http2: bool,
    /// How many requests may be under way at once [default: 16]
    #[arg(long, value_name = "N", value_parser = settings::jobs)]
    jobs: Option<usize>,
    /// At most this many requests a second
    #[arg(long, value_name = "N", value_parser = settings::rate)]
    rate: Option<f64>,
    /// Time limit of one answer, in seconds [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = settings::timeout)]
    timeout: Option<Duration>,
    /// How often a request is sent again when the connection itself fails; the report shows the attempts, and no more than a twentieth of all requests are
    /// sent again [default: 2 for a URL, 0 for a gate that is started here]
    #[arg(long, value_name = "N", value_parser = settings::retries)]
    retries: Option<u32>,
    /// The longest pause that the gate may ask for, in seconds (429, or 503 with `Retry-After`); what asks for more is not asked
    #[arg(long, value_name = "SECONDS", default_value_t = LONGEST_PAUSE.as_secs())]
    longest_pause: u64,
    /// Failures that are known: a YAML file; they are asked and told, and do not fail the run. An entry that is no longer true does (see `gatecheck baseline`)
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Ask only what failed, leaked, was left unproven or could not be asked in this JSON report; patterns narrow it down
    #[arg(long, value_name = "REPORT", conflicts_with = "shard")]
    only_failed: Option<String>,
    /// Run again whenever this file, or a file in this folder, changes: a gate while it is written; any number of times
    #[arg(long, value_name = "PATH", conflicts_with_all = ["resume", "shard"])]
    watch: Vec<PathBuf>,
    /// Go on with a run that was cut short: ask what this JSON report of it lacks, and report on the whole
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["only_failed", "quick", "shard", "baseline"])]
    resume: Option<String>,
    /// Ask one of the two questions alone: `format` (does it do what the format says?), `defence` (is it hard to get past?) or `all` [default: all]
    #[arg(long, value_name = "QUESTION")]
    profile: Option<Profile>,
    /// Ask only this part of the selected cases, so that several jobs can share a run; `gatecheck merge` puts the JSON reports together. Without a value, the
    /// part that the variables of the CI engine name (`CI_NODE_INDEX`, `JOB_COMPLETION_INDEX` and the like)
    #[arg(long, value_name = "I/N", num_args = 0..=1, default_missing_value = BY_THE_ENGINE)]
    shard: Option<String>,
    /// Shuffle by this number; a run without it draws one and tells it
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u32>,
    /// Write a report as well, any number of times; KIND is json, ndjson, junit, tap, sarif, markdown, annotations, badge-json, badge-svg, har or
    /// html, and `-` as PATH is standard output
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<Output>,
    /// Do not check this invariant, for any case
    #[arg(long, value_name = "INVARIANT")]
    without: Vec<Invariant>,
    /// Tell every finding by itself, not only causes and a table
    #[arg(long)]
    all: bool,
    /// With --all: how many cases of one requirement are shown whole
    #[arg(long, value_name = "N", default_value_t = 3)]
    whole: usize,
    /// List what the gate does where the sources disagree
    #[arg(long)]
    observed: bool,
    /// Where the sources disagree, hold the gate to what the reference chose: for a gate that is to behave like it in everything
    #[arg(long)]
    as_reference: bool,
    /// Stop at the first case that leaks, or that fails the run
    #[arg(long)]
    fail_fast: bool,
    /// A SHOULD that fails fails the run
    #[arg(long)]
    strict: bool,
    /// Let tokens and secrets stand in the report
    #[arg(long)]
    show_secrets: bool,
}

/// Runs the corpus; again and again where somebody watches.
pub(super) fn run(corpus: &Arc<Corpus>, args: RunArgs) -> Result<ExitStatus, Failure> {
    if args.watch.is_empty() {
        return run_once(Arc::clone(corpus), args);
    }
    watching(&args.watch, || run_once(Arc::clone(corpus), args.clone()))
}

fn run_once(corpus: Arc<Corpus>, args: RunArgs) -> Result<ExitStatus, Failure> {
    let config = args.config.open()?;
    let asking = match prepare(corpus, &args, &config)? {
        Prepared::Asking(asking) => asking,
        Prepared::Nothing(status) => return Ok(status),
    };
    let whole = asking.written.len();
    let baseline = args.baseline.as_deref().or(config.baseline.as_deref()).map(super::baseline::open).transpose()?;
    let options = ReportOptions { show_secrets: args.show_secrets, strict: asking.strict };
    let report = match &asking.resumed {
        Some(resumed) => resumed.report(&asking.corpus, options)?,
        None => Aggregate::new(options).knowing(baseline.unwrap_or_default()),
    };
    let terminal = TerminalReporter::new(TerminalOptions {
        all: args.all,
        whole: args.whole,
        observations: args.observed,
        progress: std::io::stderr().is_terminal(),
        columns: columns(),
    });
    let outputs = Outputs::open(config.reports.into_iter().chain(args.format).collect())?;
    let Followed { report, terminal, outputs, interrupted } =
        Following { report, terminal, outputs, fail_fast: args.fail_fast }.follow(*asking)?;
    let mut told = terminal.render(&report);
    if args.quick {
        let said = format!(
            "quick: {} of {} cases, those that catch most broken gates; without --quick all are asked",
            report.outcomes.len(),
            whole
        );
        told.push_str(&wrapped_behind(&said, 0, 2, columns()));
        told.push('\n');
    }
    outputs.finish(&told, &report)?;
    if interrupted {
        return Err(Failure::harness(format!(
            "the run was interrupted: {} of {} cases were not asked; `--resume` goes on with a JSON report of it",
            report.missing(),
            report.pins.planned
        )));
    }
    Ok(report.exit_status())
}

/// How long the tasks of a run that stopped early may take to end.
pub(super) const ENDING: Duration = Duration::from_secs(5);

/// Waits until somebody asks the program to stop: Ctrl-C, or a polite `kill`.
pub(super) async fn interruption() {
    #[cfg(unix)]
    let polite = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let polite = std::future::pending::<Option<()>>();
    tokio::select! {
        asked = tokio::signal::ctrl_c() => if asked.is_err() { std::future::pending().await },
        _ = polite => {}
    }
}
