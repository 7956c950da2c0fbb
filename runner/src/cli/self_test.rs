//! `gatecheck self-test`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use owo_colors::OwoColorize as _;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Failure, say};
use crate::corpus::Corpus;
use crate::exit::ExitStatus;
use crate::mutants::diagnosis::suspects;
use crate::mutants::matrix::Matrix;
use crate::mutants::trial::{Court, Fate, Trial};
use crate::mutants::{Mutant, idle};

/// Arguments of `gatecheck self-test`.
#[derive(Args, Debug)]
pub struct SelfTestArgs {
    /// Only cases that fit one of these patterns
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Only broken gates whose id begins so
    #[arg(long, value_name = "START")]
    mutant: Vec<String>,
    /// Ask every broken gate every case instead of stopping at the first that catches it, and measure the diagnosis
    #[arg(long)]
    matrix: bool,
    /// With --matrix: write which cases catch which broken gate to this file
    #[arg(long, value_name = "FILE", requires = "matrix")]
    keep: Option<PathBuf>,
    /// How many gates are tried at a time
    #[arg(long, value_name = "N", default_value_t = 12)]
    at_once: usize,
    /// Write the result as well: `json=PATH`
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<String>,
}

/// What came of the self-test.
struct Outcome {
    fates: Vec<Fate>,
    /// Gate to the cases that it passes.
    proven: BTreeMap<&'static str, BTreeSet<String>>,
    alarms: Vec<(&'static str, Trial)>,
}

/// Tries the corpus on gates that are known to be wrong.
pub(super) fn self_test(corpus: Arc<Corpus>, args: &SelfTestArgs) -> Result<ExitStatus, Failure> {
    let paths = args
        .format
        .iter()
        .map(|format| match format.split_once('=') {
            Some(("json", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ => Err(Failure::usage(format!("--format {format}: write `json=PATH`"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mutants: Vec<&'static Mutant> = crate::mutants::all()
        .filter(|mutant| {
            args.mutant.is_empty() || args.mutant.iter().any(|start| mutant.id.starts_with(start.as_str()))
        })
        .collect();
    if mutants.is_empty() {
        return Err(Failure::usage("no broken gate has an id that begins so"));
    }
    for pattern in &args.patterns {
        if !corpus.cases().any(|(_, case)| case.matches(pattern)) {
            return Err(Failure::usage(format!("no case fits `{pattern}`; `gatecheck list` shows the ids")));
        }
    }
    let started = Instant::now();
    let court = Arc::new(Court::new(Arc::clone(&corpus), args.patterns.clone()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::harness(error.to_string()))?;
    let outcome = runtime.block_on(try_all(&court, &mutants, args));
    runtime.shutdown_background();
    let mut matrix = Matrix::kept(&corpus);
    if args.matrix {
        for fate in &outcome.fates {
            matrix.note(fate.mutant.id, fate.killers.clone());
        }
    }
    say(&render(&outcome, &corpus, &matrix, args, started.elapsed().as_secs_f64()));
    if let Some(path) = &args.keep {
        std::fs::write(path, matrix.write(&corpus))
            .map_err(|error| Failure::harness(format!("{}: {error}", path.display())))?;
    }
    for path in paths {
        let text = serde_json::to_string_pretty(&report(&outcome, &corpus))
            .map_err(|error| Failure::harness(error.to_string()))?;
        std::fs::write(&path, format!("{text}\n"))
            .map_err(|error| Failure::harness(format!("{}: {error}", path.display())))?;
    }
    Ok(if outcome.is_clean() { ExitStatus::AsExpected } else { ExitStatus::Findings })
}

async fn try_all(court: &Arc<Court>, mutants: &[&'static Mutant], args: &SelfTestArgs) -> Outcome {
    let known = Arc::new(Matrix::kept(court.corpus()));
    let turns = Arc::new(Semaphore::new(args.at_once.max(1)));
    let mut fates = JoinSet::new();
    for mutant in mutants.iter().copied() {
        let (court, known, turns, matrix) = (Arc::clone(court), Arc::clone(&known), Arc::clone(&turns), args.matrix);
        fates.spawn(async move {
            let _turn = turns.acquire_owned().await;
            if matrix { court.whole(mutant).await } else { court.kill(mutant, &known).await }
        });
    }
    let mut idles = JoinSet::new();
    for (name, habit) in idle::ALL.iter().copied() {
        let (court, turns) = (Arc::clone(court), Arc::clone(&turns));
        idles.spawn(async move {
            let _turn = turns.acquire_owned().await;
            (name, court.idle(name, habit).await.passed)
        });
    }
    let alarms = vec![
        ("the reference", court.reference().await),
        ("the reference, served as the broken gates are", court.sound().await),
    ];
    let mut fates = fates.join_all().await;
    fates.sort_by_key(|fate| fate.mutant.id);
    Outcome { fates, proven: idles.join_all().await.into_iter().collect(), alarms }
}

impl Outcome {
    fn survivors(&self) -> impl Iterator<Item = &Fate> {
        self.fates.iter().filter(|fate| fate.killers.is_empty())
    }

    fn alarms(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.alarms.iter().flat_map(|(gate, trial)| {
            let unjudged = trial.unjudged.iter().map(|(case, _)| case);
            trial.found.iter().chain(unjudged).chain(&trial.not_started).map(move |what| (*gate, what.as_str()))
        })
    }

    fn is_clean(&self) -> bool {
        self.survivors().next().is_none()
            && self.alarms().next().is_none()
            && self.proven.values().all(BTreeSet::is_empty)
    }
}

fn render(outcome: &Outcome, corpus: &Corpus, matrix: &Matrix, args: &SelfTestArgs, seconds: f64) -> String {
    let mut out = String::new();
    for fate in &outcome.fates {
        let killers: Vec<&str> = fate.killers.iter().map(String::as_str).collect();
        let first = killers.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let more =
            if killers.len() > 3 { format!(" and {} more", killers.len().saturating_sub(3)) } else { String::new() };
        let row = format!("{:<46} {:<22}", fate.mutant.id, fate.mutant.requirement);
        if killers.is_empty() {
            let _ = writeln!(out, "{row} {}  {}", "SURVIVES".red().bold(), fate.mutant.says);
        } else if fate.by_its_own {
            let _ = writeln!(out, "{row} {}", format_args!("{first}{more}").dimmed());
        } else {
            let _ = writeln!(out, "{row} {} {}", "by others:".yellow(), format_args!("{first}{more}").dimmed());
        }
        for reason in fate.not_started.iter().take(1) {
            let _ = writeln!(out, "{:<46} {reason}", "");
        }
    }
    for (gate, passed) in outcome.proven.iter().filter(|(_, passed)| !passed.is_empty()) {
        let requirements: BTreeSet<&str> = corpus
            .cases()
            .filter(|(_, case)| passed.contains(&case.id))
            .filter_map(|(_, case)| case.requirements.first().map(String::as_str))
            .collect();
        let _ = writeln!(
            out,
            "{} the idle gate {gate} passes {} cases of {}:",
            "PROOF".red().bold(),
            passed.len(),
            requirements.into_iter().collect::<Vec<_>>().join(", ")
        );
        for case in passed.iter().take(10) {
            let _ = writeln!(out, "    {case}");
        }
    }
    for (gate, what) in outcome.alarms() {
        let _ = writeln!(out, "{} on {gate}: {what}", "FALSE ALARM".red().bold());
    }
    let others = outcome.fates.iter().filter(|fate| !fate.killers.is_empty() && !fate.by_its_own).count();
    let survivors = outcome.survivors().count();
    let proofs = outcome.proven.values().filter(|passed| !passed.is_empty()).count();
    if args.matrix {
        let (right, wrong) = diagnosis(outcome, corpus, matrix);
        for (mutant, named) in &wrong {
            let _ = writeln!(out, "{:<46} is taken for {named}", mutant);
        }
        let _ = writeln!(out, "diagnosis: {right} of {} named first", right.saturating_add(wrong.len()));
    }
    let verdict = if outcome.is_clean() { "pass".green().bold().to_string() } else { "FAIL".red().bold().to_string() };
    let _ = writeln!(
        out,
        "{verdict}  {} broken gates: {} caught ({others} by cases of other requirements only), {survivors} survive; {} idle gates: {proofs} pass something; {} false alarms; {} cases, {seconds:.0} s",
        outcome.fates.len(),
        outcome.fates.len().saturating_sub(survivors),
        outcome.proven.len(),
        outcome.alarms().count(),
        corpus.len(),
    );
    out
}

/// For how many mutants the diagnosis of their own failures names them first, and what the others are taken for.
fn diagnosis(outcome: &Outcome, corpus: &Corpus, matrix: &Matrix) -> (usize, Vec<(&'static str, &'static str)>) {
    let asked: BTreeSet<&str> = corpus.cases().map(|(_, case)| case.id.as_str()).collect();
    let mut right = 0_usize;
    let mut wrong = Vec::new();
    for fate in outcome.fates.iter().filter(|fate| !fate.killers.is_empty()) {
        let failed: BTreeSet<&str> = fate.killers.iter().map(String::as_str).collect();
        match suspects(matrix, &asked, &failed).first() {
            Some(suspect) if suspect.mutant.id == fate.mutant.id => right = right.saturating_add(1),
            other => wrong.push((fate.mutant.id, other.map_or("nothing known", |suspect| suspect.mutant.id))),
        }
    }
    (right, wrong)
}

fn report(outcome: &Outcome, corpus: &Corpus) -> serde_json::Value {
    json!({
        "corpus-digest": corpus.digest,
        "mutants": outcome.fates.iter().map(|fate| json!({
            "id": fate.mutant.id,
            "requirement": fate.mutant.requirement,
            "says": fate.mutant.says,
            "killed-by-its-own": fate.by_its_own,
            "killed-by": fate.killers,
        })).collect::<Vec<_>>(),
        "idle-gates": outcome.proven,
        "false-alarms": outcome.alarms().map(|(gate, case)| json!({ "gate": gate, "case": case })).collect::<Vec<_>>(),
    })
}
