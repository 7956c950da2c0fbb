//! Does the audit find what is broken? Sites of different shape, each behind every broken gate of the self-test.
//!
//! A broken gate *shows* on a site if the audit finds it there, or if a request of a corpus case that catches it, moved to the site, is answered otherwise than
//! by the sound gate. It *leaks* if such an answer holds what the sound gate keeps, and it leaks to strangers if that is so for a request that needs no secret:
//! a moved one that is made with another secret, or one of the audit's own without a token.
//! What leaks and is not found is named, and so is what shows.

mod shows;
pub mod sites;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gatecheck::corpus::{Corpus, DEFAULT_ROLE_PATH, DEFAULT_SECRET};
use gatecheck::event::Event;
use gatecheck::gates::Gate;
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
use crate::{Audit, Seen, Wish, leaves_out};

/// Of the broken gates that leak on a site, at least so many of a hundred are to be found with the secret.
pub const WITH_SECRET: usize = 95;
/// Of those that leak to strangers, at least so many of a hundred without it.
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
    /// Only each so-manieth of them; all with 1.
    pub every: usize,
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
    /// Those that leak and are found with the secret.
    pub leaks_found: usize,
    /// Those that leak to somebody who does not know the secret.
    pub open: usize,
    /// Those of them that are found without it.
    pub open_found: usize,
    /// What shows and is not found, by id and what is wrong with it; what leaks as well.
    pub missed: Vec<(&'static str, &'static str)>,
    /// What leaks and is not found.
    pub missed_leaks: Vec<&'static str>,
    /// What leaks to strangers and is not found without the secret.
    pub missed_open: Vec<&'static str>,
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
    /// Whether a request without a token got it.
    leak_to_everybody: bool,
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
    let mutants: Vec<&'static Mutant> = gatecheck_mutants::all().filter(wanted).step_by(options.every.max(1)).collect();
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
            let found = try_gate(if moved.at_all { &with } else { &look }, gate(*mutant, &sites), true).await;
            // What only a token shows that the secret has signed cannot be found without it.
            let is_open = moved.leaks_to_strangers || found.leak_to_everybody;
            let blind = if is_open { try_gate(&without, gate(*mutant, &sites), true).await } else { Found::default() };
            drop(turn);
            (mutant, found, moved, blind)
        });
    }
    while let Some(trial) = trials.join_next().await {
        let (mutant, found, moved, blind) = trial.map_err(|error| error.to_string())?;
        if found.not_started || !(moved.at_all || found.anything) {
            continue;
        }
        let leaks = moved.leaks || found.leak || blind.leak;
        let open = moved.leaks_to_strangers || found.leak_to_everybody;
        let add = |count: &mut usize, holds: bool| *count = count.saturating_add(usize::from(holds));
        add(&mut figures.shows, true);
        add(&mut figures.found, found.anything);
        add(&mut figures.leaks, leaks);
        add(&mut figures.leaks_found, leaks && found.anything);
        add(&mut figures.open, open);
        add(&mut figures.open_found, open && blind.anything);
        if !found.anything {
            figures.missed.push((mutant.id, mutant.says));
            figures.missed_leaks.extend(leaks.then_some(mutant.id));
        }
        figures.missed_open.extend((open && !blind.anything).then_some(mutant.id));
    }
    figures.missed.sort_unstable();
    figures.missed_leaks.sort_unstable();
    figures.missed_open.sort_unstable();
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
    let options = RunOptions { timeout: Duration::from_secs(5), without: leaves_out(), ..RunOptions::default() };
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
                        found.leak_to_everybody |= audit.cases.get(id).is_some_and(|about| about.is_everybody());
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
            Event::GateFailed(_) => found.not_started = true,
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
            && enough(one.leaks_found, one.leaks, WITH_SECRET)
            && enough(one.open_found, one.open, WITHOUT_SECRET)
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
        "  {:<11} {:>6} {:>6} {:>8}  {:>6} {:>6} {:>8}  {:>9} {:>7} {:>8}  alarms",
        "site", "shows", "found", "", "leaks", "found", "", "strangers", "found", ""
    );
    let mut sum = Figures { site: "all", ..Figures::default() };
    for one in all {
        for (sum, count) in [
            (&mut sum.shows, one.shows),
            (&mut sum.found, one.found),
            (&mut sum.leaks, one.leaks),
            (&mut sum.leaks_found, one.leaks_found),
            (&mut sum.open, one.open),
            (&mut sum.open_found, one.open_found),
        ] {
            *sum = sum.saturating_add(count);
        }
        sum.alarms.extend(one.alarms.iter().cloned());
    }
    for one in all.iter().chain([&sum]) {
        let _ = writeln!(
            out,
            "  {:<11} {:>6} {:>6} {:>8}  {:>6} {:>6} {:>8}  {:>9} {:>7} {:>8}  {}",
            one.site,
            one.shows,
            one.found,
            share(one.found, one.shows),
            one.leaks,
            one.leaks_found,
            share(one.leaks_found, one.leaks),
            one.open,
            one.open_found,
            share(one.open_found, one.open),
            one.alarms.len()
        );
    }
    let mut missed: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for one in all {
        one.missed.iter().for_each(|mutant| missed.entry(*mutant).or_default().push(one.site));
    }
    for ((id, says), sites) in missed {
        let leaks = all.iter().any(|one| one.missed_leaks.contains(&id));
        let _ = writeln!(
            out,
            "{}  {id}  on {}: {says}",
            if leaks { "LEAK not found" } else { "not found" },
            sites.join(", ")
        );
    }
    for one in all.iter().filter(|one| !one.missed_open.is_empty()) {
        let _ = writeln!(out, "not found without the secret  on {}: {}", one.site, one.missed_open.join(", "));
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
        "{word}  {} sites; of what leaks at least {WITH_SECRET} % are to be found with the secret, of what leaks to strangers at least {WITHOUT_SECRET} % without it; {seconds:.0} s",
        all.len()
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What leaks, and to whom, is told by the two gates: one broken gate of each kind.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_leaks_and_to_whom_is_told_by_the_gates() {
        let corpus = Arc::new(Corpus::embedded().unwrap());
        for (mutant, shows, leaks, open) in [
            // Whatever is forged opens the gate.
            ("open/any-bad-token", 1, 1, 1),
            // Only a token that the secret has signed shows it.
            ("token/exp-ignored", 1, 1, 0),
            // It keeps out whom it should let in, and hands out nothing.
            ("claim/first-role-only", 1, 0, 0),
            // The site has no rule for a country.
            ("condition/country-with-case", 0, 0, 0),
        ] {
            let options = Options {
                mutants: vec![mutant.to_owned()],
                every: 1,
                sites: vec!["tutorial".to_owned()],
                at_once: 1,
                budget: 60,
            };
            assert!(gatecheck_mutants::all().any(|one| one.id == mutant), "{mutant}");
            let all = hold(&corpus, &options).await.unwrap();
            let [figures] = all.as_slice() else { panic!("{all:?}") };
            assert_eq!((figures.shows, figures.leaks, figures.open), (shows, leaks, open), "{mutant}");
            assert!(figures.alarms.is_empty(), "{figures:?}");
        }
    }

    #[test]
    fn the_figures_are_of_what_leaks() {
        let one = Figures {
            site: "x",
            shows: 50,
            found: 30,
            leaks: 20,
            leaks_found: 19,
            open: 10,
            open_found: 7,
            ..Figures::default()
        };
        assert!(is_good(std::slice::from_ref(&one)));
        for other in [
            Figures { leaks_found: 18, ..one.clone() },
            Figures { open_found: 6, ..one.clone() },
            Figures { alarms: vec!["x".to_owned()], ..one.clone() },
            Figures { unjudged: 1, ..one.clone() },
        ] {
            assert!(!is_good(std::slice::from_ref(&other)), "{other:?}");
        }
        let text = render(&[Figures { missed: vec![("a/b", "c")], missed_leaks: vec!["a/b"], ..one }], 1.0);
        assert!(text.contains("LEAK not found  a/b  on x: c") && text.contains("95.0 %"), "{text}");
    }
}
