//! `gatecheck merge`: the parts of a run become one.

use std::sync::Arc;

use clap::Args;
use gatecheck::corpus::Corpus;
use gatecheck::exit::{ExitStatus, HELP};
use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::merge;
use gatecheck::report::terminal::{TerminalOptions, TerminalReporter};

use super::columns::columns;
use super::format::{Output, tell};
use super::{Failure, reports};

/// Arguments of `gatecheck merge`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct MergeArgs {
    /// The JSON reports of all parts, in any order
    #[arg(required = true, value_name = "REPORT")]
    reports: Vec<String>,
    /// Write a report of the whole run, any number of times; the kinds are those of `gatecheck run`
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<Output>,
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

/// Merges.
pub(super) fn merge(corpus: &Arc<Corpus>, args: MergeArgs) -> Result<ExitStatus, Failure> {
    let parts = reports(&args.reports)?;
    let whole = merge::merge(&parts, corpus).map_err(|error| {
        let lines: Vec<String> = error.0.iter().map(|line| format!("  {line}")).collect();
        Failure::usage(format!("these are not the parts of one run:\n{}", lines.join("\n")))
    })?;
    let run = Aggregate::reread(&whole, corpus, None).map_err(|error| Failure::usage(error.to_string()))?;
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
