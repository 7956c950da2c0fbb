//! The program `gatecheck`: the command line is understood here and carried out by one module a command; [`embedded`] is the gate that it brings along.
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

mod again;
mod audit;
mod baseline;
mod bundle;
mod columns;
mod compare;
mod config;
pub mod embedded;
mod format;
mod gate;
mod init;
mod last;
pub mod list;
mod look;
mod manual;
mod matrix;
mod merge;
mod part;
mod report;
mod resume;
mod run;
mod self_test;
mod serve;
mod settings;
mod show;
mod watch;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Parser, Subcommand};

use gatecheck::corpus::{Corpus, LoadError};
use gatecheck::exit::{ExitStatus, HELP};
use gatecheck::report::json::Report;
use gatecheck::report::merge::Named;
use gatecheck::text::visible;

/// Checks role gates (Netlify-style `_redirects` with `Role=`, a JSON Web Token in the cookie `nf_jwt`) against a corpus of cases.
#[derive(Debug, Parser)]
#[command(name = "gatecheck", version, after_help = HELP, max_term_width = 110)]
pub struct Cli {
    /// Use the corpus in this folder; otherwise the one of the checkout around the current folder, otherwise the one that is built in
    #[arg(long, global = true, value_name = "DIR")]
    corpus: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the corpus against a gate and say what is wrong and why
    Run(Box<run::RunArgs>),
    /// Write a small `gatecheck.toml` that says which gate `gatecheck run` asks, by options or by asking you
    Init(init::InitArgs),
    /// Ask a deployed site whether the rules in its folder hold there: is it shut? Only for sites that are yours, or that you may test
    Audit(Box<audit::AuditArgs>),
    /// Put the parts of a run together that `run --shard` made, and write every report of the whole
    Merge(merge::MergeArgs),
    /// Ask one case once more and show both sides: what was sent and expected, what came and what is made of it
    Again(Box<again::AgainArgs>),
    /// Keep a gate up on the site of one suite, and print its address and its tokens
    Serve(serve::ServeArgs),
    /// Render a saved run again, in the terminal or in any format
    Report(report::ReportArgs),
    /// Write a file of known failures from a report, or hold one against a report
    Baseline(baseline::BaselineArgs),
    /// Say what changed from one run to another
    Compare(compare::CompareArgs),
    /// Set the reports of several gates side by side, requirement by requirement
    Matrix(matrix::MatrixArgs),
    /// List cases, suites, requirements or families
    List(list::ListArgs),
    /// Show one case: requirement, request as sent, token decoded, expectation, where it stands
    Show(show::ShowArgs),
    /// Try the corpus on broken gates, idle gates and the reference: does it catch, and does it catch nothing else?
    SelfTest(self_test::SelfTestArgs),
    /// Write deployable sites that hold the suites, for a gate that cannot be launched from here
    Bundle(bundle::BundleArgs),
    /// Write the completions of a shell to standard output
    Completions(manual::CompletionsArgs),
    /// Write a manual page to standard output, as `man -l -` reads it
    Man(manual::ManArgs),
}

/// A mistake of the user or of the world, with the status that the program ends with.
#[derive(Debug)]
pub struct Failure {
    status: ExitStatus,
    message: String,
}

impl Failure {
    fn usage(message: impl Into<String>) -> Self {
        Self { status: ExitStatus::Usage, message: message.into() }
    }

    fn harness(message: impl Into<String>) -> Self {
        Self { status: ExitStatus::Harness, message: message.into() }
    }
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitStatus {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::AsExpected };
        }
    };
    // A corpus with mistakes is no reason to go without completions or a manual page.
    let corpus = || corpus(cli.corpus.as_deref());
    let outcome = match cli.command {
        Command::Run(args) => corpus().and_then(|corpus| run::run(&corpus, *args)),
        Command::Init(args) => init::init(&args),
        Command::Audit(args) => corpus().and_then(|corpus| audit::audit(&corpus, *args)),
        Command::Merge(args) => corpus().and_then(|corpus| merge::merge(&corpus, args)),
        Command::Again(args) => corpus().and_then(|corpus| again::again(corpus, &args)),
        Command::Serve(args) => corpus().and_then(|corpus| serve::serve(corpus, &args)),
        Command::Report(args) => corpus().and_then(|corpus| report::report(&corpus, args)),
        Command::Baseline(args) => corpus().and_then(|corpus| baseline::baseline(&corpus, &args)),
        Command::Compare(args) => corpus().and_then(|corpus| compare::compare(&corpus, args)),
        Command::Matrix(args) => corpus().and_then(|corpus| matrix::matrix(&corpus, args)),
        Command::List(args) => corpus().and_then(|corpus| list::list(&corpus, &args)),
        Command::Show(args) => corpus().and_then(|corpus| show::show(&corpus, &args)),
        Command::SelfTest(args) => corpus().and_then(|corpus| self_test::self_test(corpus, &args)),
        Command::Bundle(args) => corpus().and_then(|corpus| bundle::bundle(&corpus, &args)),
        Command::Completions(args) => Ok(manual::completions(&args)),
        Command::Man(args) => manual::man(&args),
    };
    outcome.unwrap_or_else(|failure| tell_failure(&failure))
}

/// Says what went wrong on standard error, and with which status the program ends for it.
fn tell_failure(failure: &Failure) -> ExitStatus {
    let _ = writeln!(anstream::stderr().lock(), "gatecheck: {}", visible(&failure.message));
    failure.status
}

/// Prints text to standard output; a closed pipe is no fault.
fn say(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Tells something beside what the program is asked for.
fn note(text: &str) {
    let _ = writeln!(
        anstream::stderr().lock(),
        "{}",
        gatecheck::lines::wrapped_behind(&format!("note: {text}"), 0, 6, columns::columns())
    );
}

/// The JSON reports in files; `-` is standard input.
fn reports(files: &[String]) -> Result<Vec<Named>, Failure> {
    files
        .iter()
        .map(|file| {
            let text = text_of(file)?;
            let report: Report = serde_json::from_str(&text).map_err(|error| {
                Failure::usage(format!(
                    "{file} is no report: {error}; write one with `gatecheck run --format json={file}`"
                ))
            })?;
            Ok(Named { file: file.clone(), report: report.with_visible_texts() })
        })
        .collect()
}

/// The text of a file; `-` is standard input.
fn text_of(file: &str) -> Result<String, Failure> {
    let read = if file == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    read.map_err(|error| cannot_read(file, &error, &format!("write one with `gatecheck run --format json={file}`")))
}

/// A file that cannot be read; where there is none, `help` says where one comes from.
fn cannot_read(name: &str, error: &std::io::Error, help: &str) -> Failure {
    let help = if error.kind() == std::io::ErrorKind::NotFound { format!("; {help}") } else { String::new() };
    Failure::usage(format!("{name}: {error}{help}"))
}

/// Many mistakes at once, under one line that says where.
fn mistakes(place: &str, errors: &[LoadError]) -> String {
    let lines: Vec<_> = errors.iter().map(|error| format!("  {error}")).collect();
    let count = if errors.len() == 1 { "a mistake".to_owned() } else { format!("{} mistakes", errors.len()) };
    format!("{place} has {count}:\n{}", lines.join("\n"))
}

/// The corpus that was asked for.
fn corpus(folder: Option<&Path>) -> Result<Arc<Corpus>, Failure> {
    let found = folder.map(Path::to_path_buf).or_else(checkout);
    let loaded = match &found {
        Some(folder) => Corpus::open(folder),
        None => Corpus::embedded(),
    };
    loaded.map(Arc::new).map_err(|errors| {
        let place = found.map_or_else(|| "the built-in corpus".to_owned(), |folder| folder.display().to_string());
        Failure::harness(mistakes(&place, &errors))
    })
}

/// The corpus of the checkout that the current folder belongs to.
fn checkout() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .map(|folder| folder.join("conformance-cases"))
        .find(|folder| folder.join("requirements.yaml").is_file())
}
