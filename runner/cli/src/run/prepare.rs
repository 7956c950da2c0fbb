//! What a run asks of which gate, by its arguments and by `gatecheck.toml`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gatecheck::corpus::patterns::Patterns;
use gatecheck::corpus::{Case, Corpus};
use gatecheck::exit::ExitStatus;
use gatecheck::gates::Gate;
use gatecheck::report::aggregate::ReportOptions;
use gatecheck::run::order::Order;
use gatecheck::run::{Plan, PlanError, RunOptions};
use gatecheck::wire::plain::HttpVersion;
use gatecheck_mutants::quick::without;

use super::RunArgs;
use crate::config::Config;
use crate::gate::{self, GateArgs};
use crate::part::part;
use crate::resume::Resumed;
use crate::settings::Settings;
use crate::{Failure, last};

/// How many requests may be under way at once, if nothing is said.
const JOBS: usize = 16;
/// The time limit of one answer, if nothing is said.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a request to a gate elsewhere is sent again when its connection fails, if nothing is said.
const RETRIES: u32 = 2;

/// A run that can begin.
pub(super) struct Asking {
    /// The corpus as it is written.
    pub(super) written: Arc<Corpus>,
    /// The corpus as this gate is asked.
    pub(super) corpus: Arc<Corpus>,
    pub(super) gate: Gate,
    pub(super) options: RunOptions,
    pub(super) plan: Plan,
    /// The run that goes on, if one does.
    pub(super) resumed: Option<Resumed>,
    /// Whether a SHOULD counts.
    pub(super) strict: bool,
    /// Whether somebody else made the gate. The reference is what known defects are defects of.
    pub(super) of_others: bool,
    /// Whether nothing is asked but what failed before, so that nothing can pass that speaks against a defect.
    pub(super) only_failures: bool,
}

/// Whether there is anything to ask.
pub(super) enum Prepared {
    Asking(Box<Asking>),
    Nothing(ExitStatus),
}

/// Reads what is asked of which gate.
///
/// # Errors
/// What the arguments name is not there, or cannot be together.
pub(super) fn prepare(corpus: Arc<Corpus>, args: &RunArgs, config: &Config) -> Result<Prepared, Failure> {
    let written = match args.as_reference {
        true => Arc::new(Arc::unwrap_or_clone(corpus).held_to_the_reference()),
        false => corpus,
    };
    let (url, patterns) = sorted(&args.what)?;
    let (url, named) = config.gate(url, &args.gate)?;
    let settings = settings(args, &config.settings);
    let gate = gate::gate(&named, url.as_deref())?;
    let corpus = gate::asked(&written, &gate)?;
    let Some(patterns) = selected(&corpus, &gate, args, config, patterns)? else {
        return Ok(Prepared::Nothing(ExitStatus::AsExpected));
    };
    if let Gate::Launch(file) = &gate {
        file.without_key().iter().for_each(|why| crate::note(why));
    }
    let resumed = args.resume.as_deref().map(|file| Resumed::open(file, &corpus)).transpose()?;
    if let Some(resumed) = &resumed {
        if !patterns.is_empty() {
            return Err(Failure::usage("--resume asks what the report lacks; leave the patterns out"));
        }
        if resumed.left.is_empty() {
            crate::say("nothing is left to ask in this run; `gatecheck report` shows it\n");
            let options = ReportOptions { strict: settings.strict, ..ReportOptions::default() };
            return Ok(Prepared::Nothing(resumed.report(&corpus, options)?.exit_status()));
        }
    }
    let options = options(args, config, &settings, &corpus, &gate, &named, patterns)?;
    let options = match &resumed {
        Some(resumed) => resumed.options(&gate, options)?,
        None => options,
    };
    last::remember(url.as_deref(), &named);
    let plan = plan(&corpus, &gate, &options, args, config)?;
    let of_others = url.is_some() || (named.names_one() && !named.is_embedded());
    let (strict, only_failures) = (settings.strict, args.only_failed.is_some());
    let asking = Asking { written, corpus, gate, options, plan, resumed, strict, of_others, only_failures };
    Ok(Prepared::Asking(Box::new(asking)))
}

/// The URL, if there is one, and the patterns.
fn sorted(what: &[String]) -> Result<(Option<String>, Vec<String>), Failure> {
    let (mut urls, patterns): (Vec<String>, Vec<String>) = what.iter().cloned().partition(|word| word.contains("://"));
    let url = urls.pop();
    if !urls.is_empty() {
        return Err(Failure::usage("one URL at a time"));
    }
    Ok((url, patterns))
}

/// What the command line says, before what the configuration says.
fn settings(args: &RunArgs, config: &Settings) -> Settings {
    Settings {
        jobs: args.jobs.or(config.jobs),
        rate: args.rate.or(config.rate),
        timeout: args.timeout.or(config.timeout),
        retries: args.retries.or(config.retries),
        http2: args.http2 || config.http2,
        strict: args.strict || config.strict,
    }
}

/// The patterns that select what is asked; none where nothing is left to ask.
fn selected(
    corpus: &Corpus,
    gate: &Gate,
    args: &RunArgs,
    config: &Config,
    mut patterns: Vec<String>,
) -> Result<Option<Vec<String>>, Failure> {
    if patterns.is_empty() && args.resume.is_none() {
        patterns.clone_from(&config.cases);
    }
    if args.quick {
        patterns = quick(corpus, gate, &patterns);
        if patterns.is_empty() {
            return Err(Failure::usage("none of the cases of --quick is selected; leave out --quick, or the patterns"));
        }
    }
    if let Some(file) = &args.only_failed {
        patterns = failed(corpus, file, &patterns)?;
        if patterns.is_empty() {
            crate::say(&format!("nothing that failed in {file} is selected: there is nothing to ask again\n"));
            return Ok(None);
        }
        crate::note(
            "only what failed before is asked; which defect is behind it is told by a run that asks the rest as well",
        );
    }
    Ok(Some(patterns))
}

/// The cases of `--quick` that fit one of the patterns. A gate that lacks features is asked others in the place of those that it cannot be asked.
fn quick(corpus: &Corpus, gate: &Gate, patterns: &[String]) -> Vec<String> {
    let lacks = gate.unsupported();
    if lacks.is_empty() || matches!(gate, Gate::Remote(_)) {
        return corpus.quick(patterns);
    }
    let chosen = without(corpus, &lacks.keys().map(String::as_str).collect());
    let wanted = Patterns::new(patterns);
    let cases = corpus.cases().map(|(_, case)| case);
    cases.filter(|case| chosen.contains(&case.id) && wanted.fit(case)).map(|case| case.id.clone()).collect()
}

fn options(
    args: &RunArgs,
    config: &Config,
    settings: &Settings,
    corpus: &Corpus,
    gate: &Gate,
    named: &GateArgs,
    mut patterns: Vec<String>,
) -> Result<RunOptions, Failure> {
    let serves = gate::serves(named, corpus)?;
    if !args.quick {
        patterns.extend(named.suite.clone());
    }
    let without = args.without.iter().map(|invariant| (*invariant, "switched off with --without".to_owned()));
    Ok(RunOptions {
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
        without: without.chain(gate.without()).collect(),
        longest_pause: Duration::from_secs(args.longest_pause),
        user_agent: None,
        open_page: None,
        look: !args.no_look,
        behind_proxy: named.behind_proxy,
        tells_prints: false,
    })
}

fn plan(
    corpus: &Arc<Corpus>,
    gate: &Gate,
    options: &RunOptions,
    args: &RunArgs,
    config: &Config,
) -> Result<Plan, Failure> {
    let plan = Plan::new(corpus, gate, options).map_err(|error| {
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
    Ok(plan)
}

/// The cases that failed in a report, under the ids that they have now; those alone that fit a pattern, where there are any.
fn failed(corpus: &Corpus, file: &str, patterns: &[String]) -> Result<Vec<String>, Failure> {
    let mut report = crate::reports(&[file.to_owned()])?;
    let results = report.pop().map(|named| named.report.results).unwrap_or_default();
    let ids: BTreeSet<String> =
        results.iter().filter(|result| result.is_finding()).map(|result| corpus.current_id(&result.id)).collect();
    let selected = |case: &Case| patterns.is_empty() || patterns.iter().any(|pattern| case.matches(pattern));
    let cases = corpus.cases().filter(|(_, case)| ids.contains(&case.id) && selected(case));
    Ok(cases.map(|(_, case)| case.id.clone()).collect())
}
