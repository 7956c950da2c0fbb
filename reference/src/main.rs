//! `rolegate`: serves a site behind its rules, checks the rules, explains decisions.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
