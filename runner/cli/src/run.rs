//! `gatecheck run`.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use gatecheck::corpus::question::Profile;
use gatecheck::corpus::source::Level;
use gatecheck::corpus::{Case, Corpus};
use gatecheck::event::Event;
use gatecheck::exit::{ExitStatus, HELP};
use gatecheck::gates::Gate;
use gatecheck::invariants::Invariant;
use gatecheck::lines::wrapped_behind;
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::report::terminal::{TerminalOptions, TerminalReporter};
use gatecheck::run::order::Order;
use gatecheck::run::{LONGEST_PAUSE, Plan, PlanError, RunOptions};
use gatecheck::verdict::Verdict;
use gatecheck::wire::plain::HttpVersion;
use gatecheck_mutants::diagnosis::Watch;
use tokio::sync::mpsc;

use super::columns::columns;
use super::config::ConfigArgs;
use super::format::{Output, Outputs};
use super::gate::GateArgs;
use super::part::{BY_THE_ENGINE, part};
use super::resume::Resumed;
use super::settings::{self, Settings};
use super::watch::watching;
use super::{Failure, gate, last, look};

/// Arguments of `gatecheck run`.
#[derive(Args, Clone, Debug)]
#[command(after_help = HELP)]
pub struct RunArgs {
    /// The URL of a running gate, and patterns that select cases: an id or the start of one (`role/denial`), a glob (`token/*`), a requirement
    /// (`ROLE-3`) or a glob over requirements (`TOKEN-*`), a family. Without a URL the embedded reference is started; without a pattern every case is run
    #[arg(value_name = "URL | PATTERN")]
    what: Vec<String>,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Ask the few hundred cases that catch most broken gates, for the first answer in seconds; patterns narrow it down
    #[arg(long, conflicts_with = "only_failed")]
    quick: bool,
    /// Ask a gate at a URL without looking first whether it is there, is the site that is meant and has its settings
    #[arg(long)]
    no_look: bool,
    /// Ask ordinary requests over HTTP/2
    #[arg(long)]
    http2: bool,
    /// How many requests may be under way at once [default: 16]
    #[arg(long, value_name = "N", value_parser = settings::jobs)]
    jobs: Option<usize>,
    /// At most this many requests a second
    #[arg(long, value_name = "N", value_parser = settings::rate)]
    rate: Option<f64>,
    /// Time limit of one answer, in seconds [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = settings::timeout)]
    timeout: Option<Duration>,
    /// How often a request is sent again when the connection itself fails; the report shows the attempts, and no more than a twentieth of all requests are
    /// sent again [default: 2 for a URL, 0 for a gate that is started here]
    #[arg(long, value_name = "N", value_parser = settings::retries)]
    retries: Option<u32>,
    /// The longest pause that the gate may ask for, in seconds (429, or 503 with `Retry-After`); what asks for more is not asked
    #[arg(long, value_name = "SECONDS", default_value_t = LONGEST_PAUSE.as_secs())]
    longest_pause: u64,
    /// Failures that are known: a YAML file; they are asked and told, and do not fail the run. An entry that is no longer true does (see `gatecheck baseline`)
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Ask only what failed, leaked, was left unproven or could not be asked in this JSON report; patterns narrow it down
    #[arg(long, value_name = "REPORT", conflicts_with = "shard")]
    only_failed: Option<String>,
    /// Run again whenever this file, or a file in this folder, changes: a gate while it is written; any number of times
    #[arg(long, value_name = "PATH", conflicts_with_all = ["resume", "shard"])]
    watch: Vec<PathBuf>,
    /// Go on with a run that was cut short: ask what this JSON report of it lacks, and report on the whole
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["only_failed", "quick", "shard", "baseline"])]
    resume: Option<String>,
    /// Ask one of the two questions alone: `format` (does it do what the format says?), `defence` (is it hard to get past?) or `all` [default: all]
    #[arg(long, value_name = "QUESTION")]
    profile: Option<Profile>,
    /// Ask only this part of the selected cases, so that several jobs can share a run; `gatecheck merge` puts the JSON reports together. Without a value, the
    /// part that the variables of the CI engine name (`CI_NODE_INDEX`, `JOB_COMPLETION_INDEX` and the like)
    #[arg(long, value_name = "I/N", num_args = 0..=1, default_missing_value = BY_THE_ENGINE)]
    shard: Option<String>,
    /// Shuffle by this number; a run without it draws one and tells it
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u32>,
    /// Write a report as well, any number of times; KIND is json, ndjson, junit, tap, sarif, markdown, annotations, badge-json, badge-svg, har or
    /// html, and `-` as PATH is standard output
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<Output>,
    /// Do not check this invariant, for any case
    #[arg(long, value_name = "INVARIANT")]
    without: Vec<Invariant>,
    /// Tell every finding by itself, not only causes and a table
    #[arg(long)]
    all: bool,
    /// With --all: how many cases of one requirement are shown whole
    #[arg(long, value_name = "N", default_value_t = 3)]
    whole: usize,
    /// List what the gate does where the sources disagree
    #[arg(long)]
    observed: bool,
    /// Where the sources disagree, hold the gate to what the reference chose: for a gate that is to behave like it in everything
    #[arg(long)]
    as_reference: bool,
    /// Stop at the first case that leaks, or that fails the run
    #[arg(long)]
    fail_fast: bool,
    /// A SHOULD that fails fails the run
    #[arg(long)]
    strict: bool,
    /// Let tokens and secrets stand in the report
    #[arg(long)]
    show_secrets: bool,
}

/// How many requests may be under way at once, if nothing is said.
const JOBS: usize = 16;
/// The time limit of one answer, if nothing is said.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a request to a gate elsewhere is sent again when its connection fails, if nothing is said.
const RETRIES: u32 = 2;

/// Runs the corpus; again and again where somebody watches.
pub(super) fn run(corpus: &Arc<Corpus>, args: RunArgs) -> Result<ExitStatus, Failure> {
    if args.watch.is_empty() {
        return run_once(Arc::clone(corpus), args);
    }
    watching(&args.watch, || run_once(Arc::clone(corpus), args.clone()))
}

fn run_once(corpus: Arc<Corpus>, args: RunArgs) -> Result<ExitStatus, Failure> {
    let corpus = match args.as_reference {
        true => Arc::new(Arc::unwrap_or_clone(corpus).held_to_the_reference()),
        false => corpus,
    };
    let mut patterns = Vec::new();
    let mut url = None;
    for word in &args.what {
        if word.contains("://") {
            if url.replace(word.clone()).is_some() {
                return Err(Failure::usage("one URL at a time"));
            }
        } else {
            patterns.push(word.clone());
        }
    }
    let config = args.config.open()?;
    let (url, named) = config.gate(url, &args.gate)?;
    let settings = Settings {
        jobs: args.jobs.or(config.settings.jobs),
        rate: args.rate.or(config.settings.rate),
        timeout: args.timeout.or(config.settings.timeout),
        retries: args.retries.or(config.settings.retries),
        http2: args.http2 || config.settings.http2,
        strict: args.strict || config.settings.strict,
    };
    if patterns.is_empty() && args.resume.is_none() {
        patterns.clone_from(&config.cases);
    }
    if args.quick {
        patterns = corpus.quick(&patterns);
        if patterns.is_empty() {
            return Err(Failure::usage("none of the cases of --quick is selected; leave out --quick, or the patterns"));
        }
    }
    if let Some(file) = &args.only_failed {
        patterns = failed(&corpus, file, &patterns)?;
        if patterns.is_empty() {
            super::say(&format!("nothing that failed in {file} is selected: there is nothing to ask again\n"));
            return Ok(ExitStatus::AsExpected);
        }
    }
    let whole = corpus.len();
    let gate = gate::gate(&named, url.as_deref())?;
    if let Gate::Launch(file) = &gate {
        file.without_key().iter().for_each(|why| super::note(why));
    }
    let written = Arc::clone(&corpus);
    let corpus = match &gate {
        Gate::Launch(file) => Arc::new(file.asked((*corpus).clone()).map_err(Failure::usage)?),
        _ => corpus,
    };
    let resumed = args.resume.as_deref().map(|file| Resumed::open(file, &corpus)).transpose()?;
    if let Some(resumed) = &resumed {
        if !patterns.is_empty() {
            return Err(Failure::usage("--resume asks what the report lacks; leave the patterns out"));
        }
        if resumed.left.is_empty() {
            super::say("nothing is left to ask in this run; `gatecheck report` shows it\n");
            let run = resumed.report(&corpus, ReportOptions { strict: settings.strict, ..ReportOptions::default() })?;
            return Ok(run.exit_status());
        }
    }
    let serves = gate::serves(&named, &corpus)?;
    if !args.quick {
        patterns.extend(named.suite.clone());
    }
    let options = RunOptions {
        patterns,
        profile: args.profile.or(config.profile).unwrap_or_default(),
        shard: part(args.shard.as_deref())?,
        seed: Some(args.seed.unwrap_or_else(Order::fresh_seed)),
        jobs: settings.jobs.unwrap_or(JOBS),
        timeout: settings.timeout.unwrap_or(TIMEOUT),
        rate: settings.rate,
        retries: settings.retries.unwrap_or(if matches!(gate, Gate::Remote(_)) { RETRIES } else { 0 }),
        http: if settings.http2 { HttpVersion::Http2 } else { HttpVersion::Http1 },
        serves,
        without: args
            .without
            .iter()
            .map(|invariant| (*invariant, "switched off with --without".to_owned()))
            .chain(gate.without())
            .collect(),
        longest_pause: Duration::from_secs(args.longest_pause),
        user_agent: None,
        open_page: None,
        look: !args.no_look,
        behind_proxy: named.behind_proxy,
    };
    let options = match &resumed {
        Some(resumed) => resumed.options(&gate, options)?,
        None => options,
    };
    last::remember(url.as_deref(), &named);
    let plan = Plan::new(&corpus, &gate, &options).map_err(|error| {
        Failure::usage(match &error {
            PlanError::NothingSelected(pattern) => {
                format!("{}{}", config.place_of(pattern), corpus.nothing_fits(pattern))
            }
            _ => error.to_string(),
        })
    })?;
    if plan.cases() == 0 && options.shard.is_none() {
        let selected = if args.quick { "no case of --quick" } else { "no case that is selected" };
        return Err(Failure::usage(format!("{selected} is among what this gate serves: there is nothing to ask")));
    }
    let baseline = args
        .baseline
        .as_deref()
        .or(config.baseline.as_deref())
        .map(super::baseline::open)
        .transpose()?
        .unwrap_or_default();
    let mut outputs = Outputs::open(config.reports.into_iter().chain(args.format).collect())?;
    let options_of_report = ReportOptions { show_secrets: args.show_secrets, strict: settings.strict };
    let mut report = match &resumed {
        Some(resumed) => resumed.report(&corpus, options_of_report)?,
        None => Aggregate::new(options_of_report).knowing(baseline),
    };
    let mut terminal = TerminalReporter::new(TerminalOptions {
        all: args.all,
        whole: args.whole,
        observations: args.observed,
        progress: std::io::stderr().is_terminal(),
        columns: columns(),
    });
    // The reference is what known defects are defects of.
    let of_others = url.is_some() || (named.names_one() && !named.is_embedded());
    let mut watch = of_others.then(|| Watch::new(written));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::harness(error.to_string()))?;
    let began = Instant::now();
    let interrupted = runtime
        .block_on(async {
            let (events, mut happened) = mpsc::unbounded_channel();
            let running = tokio::spawn(gatecheck::run::run(corpus, gate, options, plan, events));
            let mut interruption = pin!(interruption());
            let interrupted = loop {
                let event = tokio::select! {
                    event = happened.recv() => event,
                    () = interruption.as_mut() => {
                        running.abort();
                        break true;
                    }
                };
                let Some(event) = event else { break false };
                if let Event::Looked(checks) = &event {
                    look::show(checks);
                }
                if let Some(watch) = &mut watch {
                    watch.note(&event);
                }
                report.note(&event);
                terminal.note(&event, &report);
                outputs.note(&event, &report);
                if args.fail_fast && fails_the_run(&event, settings.strict) {
                    running.abort();
                    break false;
                }
            };
            if report.missing() > 0 {
                // What was asked is told, and that it is not all.
                let end = Event::RunFinished { at: SystemTime::now(), elapsed: began.elapsed() };
                report.note(&end);
                terminal.note(&end, &report);
                outputs.note(&end, &report);
            }
            match running.await {
                // Nobody but this loop stops it.
                Err(error) if error.is_cancelled() => Ok(interrupted),
                ended => ended.map(|()| interrupted),
            }
        })
        .map_err(|error| Failure::harness(format!("the run ended early: {error}")))?;
    let named = watch.as_ref().map(|watch| runtime.block_on(watch.causes()));
    report.explain(&named.unwrap_or_default());
    // A run that stopped early has gates that still run: they end with the tasks that keep them.
    runtime.shutdown_timeout(ENDING);
    let mut told = terminal.render(&report);
    if args.quick {
        let said = format!(
            "quick: {} of {} cases, those that catch most broken gates; without --quick all are asked",
            report.outcomes.len(),
            whole
        );
        told.push_str(&wrapped_behind(&said, 0, 2, columns()));
        told.push('\n');
    }
    outputs.finish(&told, &report)?;
    if interrupted {
        return Err(Failure::harness(format!(
            "the run was interrupted: {} of {} cases were not asked; `--resume` goes on with a JSON report of it",
            report.missing(),
            report.pins.planned
        )));
    }
    Ok(report.exit_status())
}

/// How long the tasks of a run that stopped early may take to end.
pub(super) const ENDING: Duration = Duration::from_secs(5);

/// Waits until somebody asks the program to stop: Ctrl-C, or a polite `kill`.
pub(super) async fn interruption() {
    #[cfg(unix)]
    let polite = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let polite = std::future::pending::<Option<()>>();
    tokio::select! {
        asked = tokio::signal::ctrl_c() => if asked.is_err() { std::future::pending().await },
        _ = polite => {}
    }
}

/// Whether a case ended so that the run has failed: a leak, or a miss of what binds.
fn fails_the_run(event: &Event, strict: bool) -> bool {
    let Event::CaseFinished(finished) = event else { return false };
    let level = finished.case.case().level;
    match finished.verdict {
        Verdict::Leak(_) => level != Level::Should || strict,
        Verdict::Fail(_) => level == Level::Must || (strict && level == Level::Should),
        _ => false,
    }
}

/// The cases that failed in a report, under the ids that they have now; those alone that fit a pattern, where there are any.
fn failed(corpus: &Corpus, file: &str, patterns: &[String]) -> Result<Vec<String>, Failure> {
    let mut report = super::reports(&[file.to_owned()])?;
    let results = report.pop().map(|named| named.report.results).unwrap_or_default();
    let ids: BTreeSet<String> =
        results.iter().filter(|result| result.is_finding()).map(|result| corpus.current_id(&result.id)).collect();
    let selected = |case: &Case| patterns.is_empty() || patterns.iter().any(|pattern| case.matches(pattern));
    let cases = corpus.cases().filter(|(_, case)| ids.contains(&case.id) && selected(case));
    Ok(cases.map(|(_, case)| case.id.clone()).collect())
}
