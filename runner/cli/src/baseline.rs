//! `gatecheck baseline write` and `gatecheck baseline check`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use gatecheck::baseline::{Baseline, Day, Finding, Terms, written};
use gatecheck::corpus::Corpus;
use gatecheck::exit::ExitStatus;
use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::cases;
use gatecheck::report::json::Report;
use gatecheck::report::terminal::{TerminalOptions, TerminalReporter};

use super::columns::columns;
use super::{Failure, cannot_read, mistakes, reports, say};

const STATUS: &str = "Exit status of `check`:
  0  everything in the file is true
  1  an entry fits no case, covers a case that passes, or has expired; with --report also: a finding that no entry covers
  2  the file or the report cannot be read";

/// Arguments of `gatecheck baseline`.
#[derive(Args, Debug)]
#[command(after_help = STATUS)]
pub struct BaselineArgs {
    #[command(subcommand)]
    command: BaselineCommand,
}

#[derive(Debug, Subcommand)]
enum BaselineCommand {
    /// Write a baseline that covers every finding of a report that none covers yet, to read and to take apart by reason
    Write(WriteArgs),
    /// Hold a baseline against the corpus, and against a report, without running anything
    Check(CheckArgs),
}

#[derive(Args, Debug)]
struct WriteArgs {
    /// The file to write; it must not be there yet
    file: PathBuf,
    /// The JSON report; `-` is standard input, as in `gatecheck run --format json=- | gatecheck baseline write FILE - …`
    report: String,
    /// Why these cases fail
    #[arg(long)]
    reason: String,
    /// Who answers for them
    #[arg(long)]
    owner: String,
    /// The last day on which they may, in UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<Day>,
    /// Write down leaks as well, case by case; they need --expires
    #[arg(long, requires = "expires")]
    leaks: bool,
}

#[derive(Args, Debug)]
#[command(after_help = STATUS)]
struct CheckArgs {
    /// The baseline
    file: PathBuf,
    /// A JSON report to hold it against; `-` is standard input
    #[arg(long, value_name = "REPORT")]
    report: Option<String>,
}

/// Reads a baseline.
pub(super) fn open(path: &Path) -> Result<Baseline, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let help =
            format!("write one from a JSON report with `gatecheck baseline write {name} REPORT --reason … --owner …`");
        cannot_read(&name, &error, &help)
    })?;
    Baseline::parse(&name, &text).map_err(|errors| Failure::usage(mistakes("the baseline", &errors)))
}

/// Does what the arguments say.
pub(super) fn baseline(corpus: &Arc<Corpus>, args: &BaselineArgs) -> Result<ExitStatus, Failure> {
    match &args.command {
        BaselineCommand::Write(args) => write(corpus, args),
        BaselineCommand::Check(args) => check(corpus, args),
    }
}

fn write(corpus: &Corpus, args: &WriteArgs) -> Result<ExitStatus, Failure> {
    for (name, text) in [("--reason", &args.reason), ("--owner", &args.owner)] {
        if text.trim().is_empty() {
            return Err(Failure::usage(format!("{name} is empty; a known failure has a reason and an owner")));
        }
    }
    let report = report(&args.report)?;
    let unknown = report.results.iter().filter(|result| result.known.is_none());
    let findings: BTreeSet<Finding> = unknown
        .filter(|result| matches!(result.verdict.as_str(), "fail" | "leak" | "unproven"))
        .map(|result| Finding { id: corpus.current_id(&result.id), verdict: result.verdict.clone() })
        .collect();
    let (leaks, others): (BTreeSet<Finding>, BTreeSet<Finding>) =
        findings.into_iter().partition(|finding| finding.verdict == "leak");
    let covered = if args.leaks { others.union(&leaks).cloned().collect() } else { others };
    let terms = Terms { reason: args.reason.clone(), owner: args.owner.clone(), expires: args.expires };
    let text = written(corpus, &covered, &terms);
    let name = args.file.display();
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&args.file);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())).map_err(|error| {
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => Failure::usage(format!(
                "{name} is there already; write to another file, and take over what is right (a report that was made with --baseline only has what is new)"
            )),
            _ => Failure::usage(format!("{name}: {error}")),
        }
    })?;
    let mut told = format!("{name}: {} known\n", cases(covered.len()));
    if !args.leaks && !leaks.is_empty() {
        told.push_str(&format!(
            "{} left out because they leak; mend them, or write them down with --leaks and --expires\n",
            cases(leaks.len())
        ));
    }
    say(&told);
    Ok(ExitStatus::AsExpected)
}

fn check(corpus: &Arc<Corpus>, args: &CheckArgs) -> Result<ExitStatus, Failure> {
    let baseline = open(&args.file)?;
    let today = Day::of(SystemTime::now());
    let Some(file) = &args.report else {
        let problems = baseline.problems(corpus, today);
        let mut told: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
        if problems.is_empty() {
            let covered = corpus.cases().filter(|(_, case)| baseline.names(case)).count();
            told = format!("{}: {} entries, {}\n", args.file.display(), baseline.entries.len(), cases(covered));
        }
        say(&told);
        return Ok(if problems.is_empty() { ExitStatus::AsExpected } else { ExitStatus::Findings });
    };
    let mut report = report(file)?;
    report.baseline = baseline.entries.iter().map(|entry| (**entry).clone()).collect();
    // As of today, not of the day of the report: an entry that has expired since covers nothing.
    let run =
        Aggregate::reread(&report, corpus, Some(today)).map_err(|error| Failure::usage(format!("{file}: {error}")))?;
    let terminal = TerminalReporter::new(TerminalOptions {
        all: true,
        whole: 3,
        observations: false,
        progress: false,
        columns: columns(),
    });
    say(&terminal.render(&run));
    Ok(run.exit_status())
}

fn report(file: &str) -> Result<Report, Failure> {
    let read = reports(&[file.to_owned()])?;
    read.into_iter().next().map(|named| named.report).ok_or_else(|| Failure::usage(format!("{file} is no report")))
}
