//! Does the audit find what is broken? Sites of different shape, each behind every broken gate of the self-test.
//!
//! A broken gate *shows* on a site if the audit finds it there, or if a request of a corpus case that catches it, moved to the site, is answered otherwise than
//! by the sound gate. What shows and is not found is named.

mod shows;
pub mod sites;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gatecheck::corpus::{Corpus, DEFAULT_ROLE_PATH, DEFAULT_SECRET};
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::invariants::Invariant;
use gatecheck::own::NoTokens;
use gatecheck::run::{Plan, RunOptions};
use gatecheck::verdict::Verdict;
use gatecheck_mutants::gate::BrokenGate;
use gatecheck_mutants::ground::Sites;
use gatecheck_mutants::matrix::Matrix;
use gatecheck_mutants::{Defect, Mutant};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use self::sites::{SHAPES, Shape};
use crate::{Audit, Seen, Wish};

/// Of the broken gates that show on a site, at least so many of a hundred are to be found with the secret.
pub const WITH_SECRET: usize = 95;
/// Of those that leak, at least so many of a hundred without it.
pub const WITHOUT_SECRET: usize = 70;

/// After a finding that is no leak so many further cases are waited for, to see whether it leaks too.
const FURTHER: usize = 300;
/// The budget of the look at a gate that no moved case tells from the sound one.
const LOOK: usize = 300;

/// What is tried.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only broken gates whose id begins so.
    pub mutants: Vec<String>,
    /// Only sites of these names.
    pub sites: Vec<String>,
    /// How many gates are tried at a time.
    pub at_once: usize,
    /// The budget of each audit.
    pub budget: usize,
}

/// How the broken gates of one site fared.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The site.
    pub site: &'static str,
    /// Those that show on it.
    pub shows: usize,
    /// Those that are found with the secret.
    pub found: usize,
    /// Those that leak on it.
    pub leaks: usize,
    /// Those that leak and are found without the secret.
    pub found_without: usize,
    /// What shows and is not found, by id and what is wrong with it.
    pub missed: Vec<(&'static str, &'static str)>,
    /// What leaks and is not found without the secret.
    pub missed_without: Vec<&'static str>,
    /// What the sound gate is blamed for.
    pub alarms: Vec<String>,
    /// Cases without a judgement at the sound gate.
    pub unjudged: usize,
}

/// What became of one gate.
#[derive(Clone, Debug, Default)]
struct Found {
    anything: bool,
    leak: bool,
    findings: Vec<String>,
    unjudged: usize,
    not_started: bool,
}

/// Tries every broken gate on every site.
///
/// # Errors
/// A site cannot be written or read.
pub async fn hold(corpus: &Arc<Corpus>, options: &Options) -> Result<Vec<Figures>, String> {
    let wanted = |mutant: &&Mutant| {
        options.mutants.is_empty() || options.mutants.iter().any(|start| mutant.id.starts_with(start.as_str()))
    };
    let mutants: Vec<&'static Mutant> = gatecheck_mutants::all().filter(wanted).collect();
    let matrix = Matrix::kept(corpus);
    let rows = matrix.rows();
    let killers: BTreeMap<&'static str, Vec<String>> = mutants
        .iter()
        .map(|mutant| (mutant.id, rows.get(mutant.id).into_iter().flatten().map(|case| (*case).to_owned()).collect()))
        .collect();
    let mut all = Vec::new();
    for shape in
        SHAPES.iter().filter(|shape| options.sites.is_empty() || options.sites.iter().any(|name| name == shape.name))
    {
        all.push(on_site(corpus, shape, &mutants, &killers, options).await?);
    }
    Ok(all)
}

async fn on_site(
    corpus: &Arc<Corpus>,
    shape: &Shape,
    mutants: &[&'static Mutant],
    killers: &BTreeMap<&'static str, Vec<String>>,
    options: &Options,
) -> Result<Figures, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    shape.write(folder.path()).map_err(|error| format!("{}: {error}", shape.name))?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default();
    let wish = |secret: Option<&str>, budget: usize| Wish {
        site: folder.path().to_owned(),
        netlify_toml: None,
        secret: secret.map(str::to_owned),
        role_path: DEFAULT_ROLE_PATH.to_owned(),
        issuer: None,
        audience: None,
        given_roles: BTreeSet::new(),
        given: Arc::new(NoTokens),
        budget,
        seed: 1,
        forwarding: false,
        host: None,
        origin: "http://127.0.0.1:8080".to_owned(),
        https: false,
        is_alike: true,
        now,
    };
    let audit = |secret: Option<&str>, budget: usize| -> Result<Audit, String> {
        let wish = wish(secret, budget);
        Ok(Seen::of(&wish).map_err(|error| format!("{}: {error}", shape.name))?.audit(&wish, corpus))
    };
    let with = Arc::new(audit(Some(DEFAULT_SECRET), options.budget)?);
    let without = Arc::new(audit(None, options.budget)?);
    let look = Arc::new(audit(Some(DEFAULT_SECRET), options.budget.min(LOOK))?);
    let sites = Arc::new(Sites::default());
    let sound = Mutant::new("none", "", "nothing is wrong", Defect::None);
    let mut figures = Figures { site: shape.name, ..Figures::default() };
    for audit in [&with, &without] {
        let found = try_gate(audit, gate(sound, &sites), false).await;
        figures.alarms.extend(found.findings);
        figures.unjudged = figures.unjudged.saturating_add(found.unjudged);
    }
    let turns = Arc::new(Semaphore::new(options.at_once.max(1)));
    let mut trials = JoinSet::new();
    for mutant in mutants {
        let turn = Arc::clone(&turns).acquire_owned().await.map_err(|error| error.to_string())?;
        let (with, without, look) = (Arc::clone(&with), Arc::clone(&without), Arc::clone(&look));
        let (sites, corpus) = (Arc::clone(&sites), Arc::clone(corpus));
        let killers = killers.get(mutant.id).cloned().unwrap_or_default();
        let mutant: &'static Mutant = mutant;
        trials.spawn(async move {
            // Most broken gates are broken in what a site does not have: a look is enough to see that nothing shows.
            let moved = shows::shows(&corpus, &with, mutant, &sites, &killers).await;
            let found = try_gate(if moved { &with } else { &look }, gate(*mutant, &sites), true).await;
            let shows = moved || found.anything || found.not_started;
            let blind = if shows { try_gate(&without, gate(*mutant, &sites), true).await } else { Found::default() };
            drop(turn);
            (mutant, found, shows, blind)
        });
    }
    while let Some(trial) = trials.join_next().await {
        let (mutant, found, shows, blind) = trial.map_err(|error| error.to_string())?;
        if !shows || found.not_started {
            continue;
        }
        figures.shows = figures.shows.saturating_add(1);
        if found.anything {
            figures.found = figures.found.saturating_add(1);
        } else {
            figures.missed.push((mutant.id, mutant.says));
        }
        if found.leak || blind.leak {
            figures.leaks = figures.leaks.saturating_add(1);
            if blind.anything {
                figures.found_without = figures.found_without.saturating_add(1);
            } else {
                figures.missed_without.push(mutant.id);
            }
        }
    }
    figures.missed.sort_unstable();
    figures.missed_without.sort_unstable();
    Ok(figures)
}

fn gate(mutant: Mutant, sites: &Arc<Sites>) -> Gate {
    Gate::InProcess(Arc::new(WithSecret(BrokenGate::new(mutant, Arc::clone(sites)))))
}

/// A broken gate that is told the secret of the sites, though the audit may not know it.
#[derive(Debug)]
struct WithSecret(BrokenGate);

impl gatecheck::gates::InProcess for WithSecret {
    fn name(&self) -> String {
        self.0.name()
    }

    fn start<'a>(
        &'a self,
        deployment: &'a gatecheck::deploy::Deployment<'a>,
    ) -> std::pin::Pin<
        Box<dyn Future<Output = Result<gatecheck::gates::Running, gatecheck::gates::GateError>> + Send + 'a>,
    > {
        Box::pin(async move {
            let settings =
                gatecheck::corpus::Settings { secret: DEFAULT_SECRET.to_owned(), ..deployment.settings.clone() };
            let told = gatecheck::deploy::Deployment { settings, ..deployment.clone() };
            self.0.start(&told).await
        })
    }
}

/// Audits a gate: to the end, or to the first leak where `hunting`. A finding that is no leak does not end the hunt at once, since it is to be known what leaks.
async fn try_gate(audit: &Audit, gate: Gate, hunting: bool) -> Found {
    let why = "an audit asks each question once".to_owned();
    let options = RunOptions {
        timeout: Duration::from_secs(5),
        without: [Invariant::Liveness, Invariant::Uniform].into_iter().map(|one| (one, why.clone())).collect(),
        ..RunOptions::default()
    };
    let mut found = Found::default();
    // How many cases were finished since the first finding.
    let mut since = 0_usize;
    let Ok(plan) = Plan::new(&audit.corpus, &gate, &options) else { return found };
    let (events, mut happened) = mpsc::unbounded_channel();
    let running = tokio::spawn(gatecheck::run::run(Arc::clone(&audit.corpus), gate, options, plan, events));
    while let Some(event) = happened.recv().await {
        match event {
            Event::CaseFinished(finished) => {
                let id = finished.case.id();
                match &finished.verdict {
                    Verdict::Leak(_) => {
                        found.leak = true;
                        found.anything = true;
                        found.findings.push(format!("{id}: {}", gatecheck::report::outcome::actual(&finished)));
                    }
                    Verdict::Fail(_) | Verdict::Unproven(_) => {
                        found.anything = true;
                        found.findings.push(format!("{id}: {}", gatecheck::report::outcome::actual(&finished)));
                    }
                    Verdict::Error(_) => found.unjudged = found.unjudged.saturating_add(1),
                    _ => {}
                }
            }
            Event::GateFailed { .. } => found.not_started = true,
            _ => {}
        }
        since = since.saturating_add(usize::from(found.anything));
        if hunting && (found.leak || since > FURTHER) {
            break;
        }
    }
    running.abort();
    let _ = running.await;
    found
}

/// Whether the figures are good enough.
#[must_use]
pub fn is_good(all: &[Figures]) -> bool {
    let enough = |found: usize, of: usize, share: usize| found.saturating_mul(100) >= of.saturating_mul(share);
    all.iter().all(|one| {
        one.alarms.is_empty()
            && one.unjudged == 0
            && enough(one.found, one.shows, WITH_SECRET)
            && enough(one.found_without, one.leaks, WITHOUT_SECRET)
    })
}

/// The figures as a person reads them.
#[must_use]
pub fn render(all: &[Figures], seconds: f64) -> String {
    let mut out = String::new();
    let share = |found: usize, of: usize| match found.saturating_mul(1000).checked_div(of) {
        None => "-".to_owned(),
        Some(share) => format!("{}.{} %", share / 10, share % 10),
    };
    let _ = writeln!(
        out,
        "  {:<12} {:>6} {:>6} {:>8}   {:>6} {:>14} {:>8}   alarms",
        "site", "shows", "found", "", "leaks", "found blindly", ""
    );
    let mut sum = Figures { site: "all", ..Figures::default() };
    for one in all {
        sum.shows = sum.shows.saturating_add(one.shows);
        sum.found = sum.found.saturating_add(one.found);
        sum.leaks = sum.leaks.saturating_add(one.leaks);
        sum.found_without = sum.found_without.saturating_add(one.found_without);
        sum.alarms.extend(one.alarms.iter().cloned());
    }
    for one in all.iter().chain([&sum]) {
        let _ = writeln!(
            out,
            "  {:<12} {:>6} {:>6} {:>8}   {:>6} {:>14} {:>8}   {}",
            one.site,
            one.shows,
            one.found,
            share(one.found, one.shows),
            one.leaks,
            one.found_without,
            share(one.found_without, one.leaks),
            one.alarms.len()
        );
    }
    let mut missed: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for one in all {
        one.missed.iter().for_each(|mutant| missed.entry(*mutant).or_default().push(one.site));
    }
    for ((id, says), sites) in missed {
        let _ = writeln!(out, "not found  {id}  on {}: {says}", sites.join(", "));
    }
    for one in all.iter().filter(|one| !one.missed_without.is_empty()) {
        let _ = writeln!(out, "not found blindly  on {}: {}", one.site, one.missed_without.join(", "));
    }
    for alarm in sum.alarms.iter().take(20) {
        let _ = writeln!(out, "false alarm  {alarm}");
    }
    for one in all.iter().filter(|one| one.unjudged > 0) {
        let _ = writeln!(out, "without a judgement on {}: {} cases", one.site, one.unjudged);
    }
    let word = if is_good(all) { "pass" } else { "FAIL" };
    let _ = writeln!(
        out,
        "{word}  {} sites; of what shows at least {WITH_SECRET} % are to be found with the secret, of what leaks at least {WITHOUT_SECRET} % without it; {seconds:.0} s",
        all.len()
    );
    out
}
