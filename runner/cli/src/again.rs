//! `gatecheck again CASE`: one case once more, with both sides.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gatecheck::corpus::{Case, Corpus, Suite};
use gatecheck::event::{Event, Finished};
use gatecheck::exit::{ExitStatus, HELP};
use gatecheck::gates::Gate;
use gatecheck::judge::summary;
use gatecheck::report::evidence::{block, shortened};
use gatecheck::report::outcome::expected;
use gatecheck::report::redact::Redactor;
use gatecheck::run::{Plan, RunOptions};
use gatecheck::text::visible;
use gatecheck::verdict::{Fault, Verdict};
use owo_colors::OwoColorize;
use tokio::sync::mpsc;

use super::config::{Config, ConfigArgs};
use super::gate::{GateArgs, asked, gate, serves};
use super::last::{Last, recall};
use super::settings::timeout;
use super::show::one_case;
use super::{Failure, reports, say};

/// Arguments of `gatecheck again`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct AgainArgs {
    /// The full id of the case, or a pattern that fits exactly one
    case: String,
    /// The URL of a running gate; without it and without options that name a gate, the gate of the last run is asked
    url: Option<String>,
    /// Ask the gate of this JSON report; one that a gate file describes is named by `--gate` as well
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["url", "launch", "broken_gate"])]
    report: Option<String>,
    #[command(flatten)]
    gate: GateArgs,
    /// Time limit of one answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = timeout)]
    timeout: Duration,
    /// Let tokens and secrets stand in what is shown
    #[arg(long)]
    show_secrets: bool,
}

/// Asks a case again and shows what was sent, what was expected, what came and what is made of it.
pub(super) fn again(corpus: Arc<Corpus>, args: &AgainArgs) -> Result<ExitStatus, Failure> {
    // What is not there is told before a gate is looked for.
    one_case(&corpus, &args.case)?;
    let chosen = chosen(args)?;
    std::env::set_current_dir(&chosen.folder)
        .map_err(|error| Failure::usage(format!("{}: {error}", chosen.folder.display())))?;
    let gate = gate(&chosen.gate, chosen.url.as_deref())?;
    let name = gate.name();
    let corpus = asked(&corpus, &gate)?;
    let (suite, case) = one_case(&corpus, &args.case)?;
    let options = RunOptions {
        patterns: vec![case.id.clone()],
        jobs: 1,
        timeout: args.timeout,
        serves: serves(&chosen.gate, &corpus)?,
        behind_proxy: chosen.gate.behind_proxy,
        tells_prints: true,
        ..RunOptions::default()
    };
    let stays = matches!(gate, Gate::Remote(_));
    let plan = Plan::new(&corpus, &gate, &options).map_err(|error| Failure::usage(error.to_string()))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::harness(error.to_string()))?;
    let (events, mut happened) = mpsc::unbounded_channel();
    runtime.block_on(gatecheck::run::run(Arc::clone(&corpus), gate, options, plan, events));
    runtime.shutdown_background();
    let (mut found, mut printed) = (None, String::new());
    while let Ok(event) = happened.try_recv() {
        match event {
            Event::CaseFinished(finished) if finished.case.id() == case.id => found = Some(*finished),
            Event::Printed(text) => printed = text,
            _ => {}
        }
    }
    let finished = found.ok_or_else(|| Failure::harness(format!("`{}` was not asked", case.id)))?;
    let keeps_up = format!("gatecheck serve {}{}", suite.id, chosen.gate.told());
    say(&format!("{}\n", visible(&name).dimmed()));
    let shown = Shown { suite, case, keeps_up: (!stays).then_some(keeps_up.as_str()), printed: &printed };
    say(&shown.render(&finished, args.show_secrets));
    Ok(match finished.verdict {
        Verdict::Pass | Verdict::Observed(_) | Verdict::Unsupported { .. } => ExitStatus::AsExpected,
        Verdict::Fail(_) | Verdict::Leak(_) | Verdict::Unproven(_) => ExitStatus::Findings,
        Verdict::Error(Fault::Harness(_)) => ExitStatus::Harness,
        Verdict::Error(_) => ExitStatus::Unreachable,
    })
}

/// The gate: the one that is named, the one of the report, or the one of the last run.
fn chosen(args: &AgainArgs) -> Result<Last, Failure> {
    let here = || std::env::current_dir().map_err(|error| Failure::harness(error.to_string()));
    if args.url.is_some() || args.gate.names_one() {
        return Ok(Last { folder: here()?, url: args.url.clone(), gate: args.gate.clone() });
    }
    let Some(file) = &args.report else {
        let here = here()?;
        return match (recall(), ConfigArgs::default().open()?) {
            // The last run was of this folder, or there is nothing here that names a gate.
            (last, Config { url, gate, .. })
                if (url.is_some() || gate.names_one()) && last.as_ref().map_or(true, |last| last.folder != here) =>
            {
                Ok(Last { folder: here, url, gate })
            }
            (last, _) => last,
        };
    };
    let mut found = reports(std::slice::from_ref(file))?;
    let report = found.pop().ok_or_else(|| Failure::harness("no report"))?.report;
    let target = report.run.as_ref().map(|run| run.target.clone()).unwrap_or_default();
    let mut gate = args.gate.clone();
    let url = match target.split_once("://") {
        Some((scheme, rest)) if matches!(scheme, "http" | "https") && !target.contains('{') => {
            let (origin, address) = rest.split_once(" at ").unwrap_or((rest, ""));
            gate.connect_to = gate.connect_to.or(address.parse().ok());
            // What a bundle serves is told by what it does not.
            if gate.suite.is_none() && gate.bundle.is_none() && !report.left_out.is_empty() {
                gate.bundle = Some(String::new());
            }
            Some(format!("{scheme}://{origin}"))
        }
        _ => None,
    };
    if url.is_none() && target != "embedded" {
        if let Some(id) = target.strip_prefix("broken gate ") {
            gate.broken_gate = Some(id.to_owned());
        } else if target.split_whitespace().next() == Some(report.gate.as_str()) {
            gate.launch = Some(target);
        } else {
            let why = format!(
                "{file}: the gate `{}` is described by a gate file; name the file as well: --gate FILE",
                report.gate
            );
            return Err(Failure::usage(why));
        }
    }
    Ok(Last { folder: here()?, url, gate })
}

/// No more lines than this are shown of an answer.
const LINES: usize = 60;

/// What is shown of a case beside its answer.
struct Shown<'a> {
    suite: &'a Suite,
    case: &'a Case,
    /// The command that keeps the gate up; none where it stays up anyway.
    keeps_up: Option<&'a str>,
    /// What the gate has printed meanwhile.
    printed: &'a str,
}

impl Shown<'_> {
    fn render(&self, finished: &Finished, show_secrets: bool) -> String {
        let Self { suite, case, .. } = self;
        let mut out = String::new();
        let redactor = Redactor::knowing(&suite.settings.secret, finished.exchange.as_ref(), show_secrets);
        let _ = writeln!(out, "{}  {}", case.id.bold(), case.level.as_str().dimmed());
        let _ = writeln!(out, "conformance-cases/{}:{}", suite.file, case.line);
        let target = finished.target.as_ref();
        if let Some(exchange) = &finished.exchange {
            let to = target.map(|target| format!("to {}", target.origin())).unwrap_or_default();
            section(&mut out, &format!("Sent {to}"), &lines(&redactor.sent(&exchange.sent).bytes()));
        }
        section(&mut out, "Expected", &[visible(&redactor.text(&expected(&case.expected)))]);
        if let Some(exchange) = &finished.exchange {
            let took = format!("Came in {:.1} ms", exchange.elapsed.as_secs_f64() * 1e3);
            let came = match exchange.answer.bytes() {
                [] => vec![summary(&exchange.answer)],
                _ => lines(redactor.answer(&exchange.answer).bytes()),
            };
            section(&mut out, &took, &came);
        }
        let verdict = redactor.verdict(&finished.verdict);
        section(&mut out, &format!("Verdict: {}", verdict.name()), &reasons(&verdict));
        if let (Some(why), true) = (&case.why, verdict.is_finding()) {
            section(&mut out, "A gate that fails", std::slice::from_ref(why));
        }
        let printed = last_lines(&redactor.quoted(self.printed));
        if verdict.is_finding() && !printed.is_empty() {
            section(&mut out, "The gate printed", &printed);
        }
        if let (Some(exchange), Some(target)) = (&finished.exchange, target) {
            let same = visible(&redactor.sent(&exchange.sent).reproduce(target, true));
            let first = self
                .keeps_up
                .map(|command| format!("{command}   keeps the gate up, and prints its address and its tokens; then"));
            section(&mut out, "The same by hand", &first.into_iter().chain([same]).collect::<Vec<_>>());
        }
        out
    }
}

/// Why a case got its verdict, line by line.
fn reasons(verdict: &Verdict) -> Vec<String> {
    let why = match verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Fail(mismatches) => mismatches.iter().map(ToString::to_string).collect(),
        Verdict::Leak(leaks) => leaks.iter().map(ToString::to_string).collect(),
        Verdict::Error(fault) => vec![fault.to_string()],
        Verdict::Unproven(why) | Verdict::Observed(why) => vec![why.clone()],
        Verdict::Unsupported { feature, reason } => vec![format!("{feature}: {reason}")],
    };
    why.iter().flat_map(|text| visible(text).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// No more lines than this are shown of what a gate has printed.
const PRINTED: usize = 20;

/// The last lines that hold something.
fn last_lines(text: &str) -> Vec<String> {
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = all.len().saturating_sub(PRINTED);
    all.iter().skip(from).map(|line| shortened(line, 400)).collect()
}

fn section(out: &mut String, title: &str, lines: &[String]) {
    let _ = writeln!(out, "\n{}", title.bold());
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

/// Bytes as lines, as many as a person reads.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = block(bytes.strip_suffix(b"\n").unwrap_or(bytes));
    let all: Vec<&str> = text.lines().collect();
    let mut shown: Vec<String> = all.iter().take(LINES).map(|line| shortened(line, 400)).collect();
    if all.len() > LINES {
        shown.push(format!("… ({} more lines)", all.len().saturating_sub(LINES)));
    }
    shown
}
