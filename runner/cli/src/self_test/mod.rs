//! `gatecheck self-test`.

mod render;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use gatecheck::corpus::Corpus;
use gatecheck::exit::ExitStatus;
use gatecheck_audit::self_test::sites::SHAPES;
use gatecheck_mutants::Mutant;
use gatecheck_mutants::matrix::Matrix;
use gatecheck_mutants::measured::{Measured, measure};
use gatecheck_mutants::session::{Measure, TestPlan, carry_out};
use gatecheck_mutants::teeth::{reasons, teeth};
use gatecheck_mutants::trial::Trials;

use super::embedded::EmbeddedGate;
use super::{Failure, say};

/// Arguments of `gatecheck self-test`.
#[derive(Args, Debug)]
pub struct SelfTestArgs {
    /// Only cases that fit one of these patterns
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Only broken gates whose id begins so
    #[arg(long = "broken-gate", alias = "mutant", value_name = "START")]
    broken_gates: Vec<String>,
    /// Measure the whole kill matrix: ask every broken gate every case. Without it only changed suites and new broken gates are measured
    #[arg(long)]
    matrix: bool,
    /// Write the kill matrix to this file: what it holds (or, where it is new, what is built in) with what was measured
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Only measure how well causes are named, on this many gates with one defect, with two and with three
    #[arg(long, value_name = "N")]
    causes: Option<usize>,
    /// How many gates are tried at a time
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = at_once)]
    at_once: usize,
    /// Try `gatecheck audit` instead: sites of different shape, each behind every broken gate
    #[arg(long, conflicts_with_all = ["matrix", "keep", "format"])]
    audit: bool,
    /// With `--audit`: only the sites of these names
    #[arg(long, value_name = "NAME", requires = "audit")]
    site: Vec<String>,
    /// With `--audit`: the budget of each audit
    #[arg(long, value_name = "N", requires = "audit", default_value_t = 6000)]
    budget: usize,
    /// With `--audit`: only each N-th broken gate, for a look that is over soon
    #[arg(long, value_name = "N", requires = "audit", default_value_t = 1)]
    every: usize,
    /// Write the result as well: `json=PATH`
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<String>,
}

/// Tries the corpus on gates that are known to be wrong.
pub(super) fn self_test(corpus: Arc<Corpus>, args: &SelfTestArgs) -> Result<ExitStatus, Failure> {
    if args.audit {
        return audit(&corpus, args);
    }
    let paths = args
        .format
        .iter()
        .map(|format| match format.split_once('=') {
            Some(("json", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ => Err(Failure::usage(format!("--format {format}: write `json=PATH`"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(count) = args.causes {
        return causes(&corpus, count);
    }
    let plan = test_plan(&corpus, args)?;
    let reasons = reasons().map_err(Failure::harness)?;
    let started = Instant::now();
    let trials = Arc::new(Trials::new(Arc::clone(&corpus), args.patterns.clone()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::harness(error.to_string()))?;
    let outcome = runtime.block_on(carry_out(&trials, &plan));
    runtime.shutdown_background();
    let teeth = teeth(&corpus, &outcome.matrix, &reasons);
    say(&render::text(&outcome, &teeth, &corpus, started.elapsed()));
    if let Some(path) = &args.keep {
        write(path, &outcome.matrix.write(&corpus))?;
    }
    for path in paths {
        let text = serde_json::to_string_pretty(&render::json(&outcome, &teeth, &corpus))
            .map_err(|error| Failure::harness(error.to_string()))?;
        write(&path, &format!("{text}\n"))?;
    }
    Ok(if outcome.is_clean() && teeth.are_sound() { ExitStatus::AsExpected } else { ExitStatus::Findings })
}

/// Tries the audit on sites behind gates that are known to be wrong.
fn audit(corpus: &Arc<Corpus>, args: &SelfTestArgs) -> Result<ExitStatus, Failure> {
    wanted(args)?;
    let sites = SHAPES.iter().map(|shape| shape.name);
    if let Some(name) = args.site.iter().find(|name| !sites.clone().any(|site| site == name.as_str())) {
        let sites: Vec<_> = sites.map(|site| format!("`{site}`")).collect();
        return Err(Failure::usage(format!("no site is called `{name}`; write one of {}", sites.join(", "))));
    }
    let options = gatecheck_audit::self_test::Options {
        mutants: args.broken_gates.clone(),
        every: args.every,
        sites: args.site.clone(),
        at_once: args.at_once,
        budget: args.budget,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::harness(error.to_string()))?;
    let started = Instant::now();
    let figures = runtime.block_on(gatecheck_audit::self_test::hold(corpus, &options)).map_err(Failure::harness)?;
    runtime.shutdown_background();
    say(&gatecheck_audit::self_test::render(&figures, started.elapsed().as_secs_f64()));
    Ok(if gatecheck_audit::self_test::is_good(&figures) { ExitStatus::AsExpected } else { ExitStatus::Findings })
}

/// How well causes are named: at least nine of ten defects that show among the first five, and at most one of twenty named that is none.
fn causes(corpus: &Arc<Corpus>, count: usize) -> Result<ExitStatus, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::harness(error.to_string()))?;
    let matrix = Matrix::kept(corpus);
    let mut good = true;
    for size in [1_usize, 2, 3] {
        let measured = runtime.block_on(measure(corpus, &matrix, size, count, 7));
        for note in &measured.notes {
            say(&format!("  {note}\n"));
        }
        say(&format!("{size} at a time: {measured}\n"));
        let Measured { true_ones, named, told, wrong, .. } = measured;
        good &= named.saturating_mul(10) >= true_ones.saturating_mul(9) && wrong.saturating_mul(20) <= told;
    }
    runtime.shutdown_background();
    Ok(if good { ExitStatus::AsExpected } else { ExitStatus::Findings })
}

/// The broken gates that are named, or all.
fn wanted(args: &SelfTestArgs) -> Result<Vec<&'static Mutant>, Failure> {
    let wanted = |mutant: &&Mutant| {
        args.broken_gates.is_empty() || args.broken_gates.iter().any(|start| mutant.id.starts_with(start.as_str()))
    };
    let mutants: Vec<&'static Mutant> = gatecheck_mutants::all().filter(wanted).collect();
    if mutants.is_empty() { Err(Failure::usage("no broken gate has an id that begins so")) } else { Ok(mutants) }
}

fn at_once(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("0 gates at a time try nothing; write 1 or more".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is no number of gates; write for example 12")),
    }
}

fn test_plan(corpus: &Corpus, args: &SelfTestArgs) -> Result<TestPlan, Failure> {
    let mutants = wanted(args)?;
    for pattern in &args.patterns {
        if !corpus.cases().any(|(_, case)| case.matches(pattern)) {
            return Err(Failure::usage(corpus.nothing_fits(pattern)));
        }
    }
    let measure = match (args.matrix, args.patterns.is_empty()) {
        (true, _) => Measure::All,
        (false, true) => Measure::News,
        (false, false) => Measure::Nothing,
    };
    let kept = match args.keep.as_deref().filter(|path| path.exists()) {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            Matrix::read(&text, corpus)
        }
        None => Matrix::kept(corpus),
    };
    Ok(TestPlan { mutants, measure, kept, reference: Arc::new(EmbeddedGate), at_once: args.at_once })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::harness(format!("{}: {error}", path.display())))
}
