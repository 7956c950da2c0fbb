//! `gatecheck matrix`.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use gatecheck::corpus::Corpus;
use gatecheck::exit::ExitStatus;
use gatecheck::report::html;
use gatecheck::report::matrix::{IN_WORDS, Matrix};

use super::format::{Output, Rendering, tell};
use super::{Failure, reports};

const STATUS: &str = "Exit status: 0, whatever the gates do; 2 if a report cannot be read.";

/// Arguments of `gatecheck matrix`.
#[derive(Args, Debug)]
#[command(after_help = STATUS)]
pub struct MatrixArgs {
    /// JSON reports, one a gate; `-` is standard input
    #[arg(required = true, value_name = "REPORT")]
    reports: Vec<String>,
    /// Only the requirements in which the gates do not stand alike
    #[arg(long)]
    differing: bool,
    /// Write the matrix as well, any number of times; KIND is markdown or html
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<Output<Kind>>,
}

/// How a matrix can be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Html,
    Markdown,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Html => "html",
            Self::Markdown => "markdown",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "html" => Ok(Self::Html),
            "markdown" => Ok(Self::Markdown),
            _ => Err(format!("no format `{name}`; known: {}", Self::names())),
        }
    }
}

impl Rendering for Kind {
    fn names() -> String {
        "markdown, html".to_owned()
    }

    fn goes_to_standard_output(self) -> bool {
        self == Self::Markdown
    }
}

/// Sets the reports side by side.
pub(super) fn matrix(corpus: &Corpus, args: MatrixArgs) -> Result<ExitStatus, Failure> {
    let mut matrix = Matrix::of(&reports(&args.reports)?, corpus);
    if args.differing {
        matrix = matrix.differing();
    }
    let text = if matrix.gates.len() > IN_WORDS { matrix.narrow() } else { matrix.terminal() };
    tell(args.format, &text, |kind| {
        Ok(match kind {
            Kind::Html => html::matrix::render(&matrix),
            Kind::Markdown => matrix.markdown(),
        })
    })?;
    Ok(ExitStatus::AsExpected)
}
