//! `gatecheck report`: a saved run is told again.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gatecheck::corpus::Corpus;
use gatecheck::exit::{ExitStatus, HELP};
use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::terminal::{TerminalOptions, TerminalReporter};

use super::columns::columns;
use super::format::{Output, tell};
use super::{Failure, reports};

/// Arguments of `gatecheck report`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct ReportArgs {
    /// The JSON report of a run; `-` is standard input
    report: String,
    /// Write a report as well, any number of times; the kinds are those of `gatecheck run`
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<Output>,
    /// Failures that are known, in the place of those that the report names
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Tell every finding by itself, not only causes and a table
    #[arg(long)]
    all: bool,
    /// With --all: how many cases of one requirement are shown whole
    #[arg(long, value_name = "N", default_value_t = 3)]
    whole: usize,
    /// List what the gate does where the sources disagree
    #[arg(long)]
    observed: bool,
}

/// Tells a saved run; the status is that of the run.
pub(super) fn report(corpus: &Arc<Corpus>, args: ReportArgs) -> Result<ExitStatus, Failure> {
    let mut saved = reports(std::slice::from_ref(&args.report))?;
    let mut saved = saved.pop().ok_or_else(|| Failure::harness("no report"))?.report;
    if let Some(path) = &args.baseline {
        saved.baseline = super::baseline::open(path)?.entries.iter().map(|entry| (**entry).clone()).collect();
    }
    let run =
        Aggregate::reread(&saved, corpus, None).map_err(|error| Failure::usage(format!("{}: {error}", args.report)))?;
    let terminal = TerminalReporter::new(TerminalOptions {
        all: args.all,
        whole: args.whole,
        observations: args.observed,
        progress: false,
        columns: columns(),
    });
    tell(args.format, &terminal.render(&run), |kind| {
        kind.render(&run).map_err(|error| Failure::harness(format!("{kind}: {error}")))
    })?;
    Ok(run.exit_status())
}
