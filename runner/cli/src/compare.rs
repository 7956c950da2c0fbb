//! `gatecheck compare`.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use gatecheck::corpus::Corpus;
use gatecheck::exit::ExitStatus;
use gatecheck::report::compare::Comparison;

use super::format::{Output, Rendering, tell};
use super::{Failure, reports};

/// More changes of one kind than this are told by number.
const MOST: usize = 20;

const STATUS: &str = "Exit status:
  0  nothing is worse
  1  a case leaks that did not, or a MUST fails, is unproven or could not be asked that was not so before
     (with --strict also: a SHOULD), and no baseline names it; a new case that does counts too
  2  a report cannot be read";

/// Arguments of `gatecheck compare`.
#[derive(Args, Debug)]
#[command(after_help = STATUS)]
pub struct CompareArgs {
    /// The JSON report of the run before; `-` is standard input
    before: String,
    /// The JSON report of the run after
    after: String,
    /// A SHOULD that fails now is worse as well
    #[arg(long)]
    strict: bool,
    /// Show every change
    #[arg(long)]
    all: bool,
    /// Write the comparison as well, any number of times; KIND is markdown or json
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<Output<Kind>>,
}

/// How a comparison can be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Json,
    Markdown,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Markdown => "markdown",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "json" => Ok(Self::Json),
            "markdown" => Ok(Self::Markdown),
            _ => Err(format!("no format `{name}`; known: {}", Self::names())),
        }
    }
}

impl Rendering for Kind {
    fn names() -> String {
        "markdown, json".to_owned()
    }

    fn goes_to_standard_output(self) -> bool {
        true
    }
}

/// Compares.
pub(super) fn compare(corpus: &Corpus, args: CompareArgs) -> Result<ExitStatus, Failure> {
    let read = reports(&[args.before, args.after])?;
    let [before, after] = read.as_slice() else { return Err(Failure::usage("name two reports")) };
    let comparison = Comparison::of(before, after, args.strict, |id| corpus.current_id(id));
    let most = if args.all { usize::MAX } else { MOST };
    tell(args.format, &comparison.terminal(most), |kind| match kind {
        Kind::Json => comparison.json().map_err(|error| Failure::harness(error.to_string())),
        Kind::Markdown => Ok(comparison.markdown(most)),
    })?;
    Ok(comparison.exit_status())
}
