//! What a person reads: a progress bar while it runs, then the causes, a table by requirement, and one line. Single findings are told where they are few, or
//! asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;

use super::aggregate::Aggregate;
use super::causes::Row;
use super::evidence::shortened;
use super::outcome::{Outcome, rank};
use super::{BY_ID, cases, leaks_title};
use crate::event::Event;
use crate::exit::ExitStatus;
use crate::lines::{wrapped, wrapped_behind, wrapped_command};
use crate::text::visible;
use crate::verdict::Verdict;

/// As many findings as this are told by themselves without being asked for.
const FEW: usize = 3;
/// A longer command line is cut where a cause is told.
const AGAIN: usize = 600;
/// More known failures of one entry than this are told by number.
const KNOWN_BY_ID: usize = 5;

/// How much is shown.
#[derive(Clone, Copy, Debug)]
pub struct TerminalOptions {
    /// Whether every finding is told by itself.
    pub all: bool,
    /// How many cases of one requirement are shown whole; the others by id.
    pub whole: usize,
    /// Whether the SURVEY observations are listed.
    pub observations: bool,
    /// Whether a progress bar is drawn.
    pub progress: bool,
    /// How many columns there are.
    pub columns: usize,
}

/// A progress bar while the run goes, and its report at the end.
pub struct TerminalReporter {
    options: TerminalOptions,
    bar: Option<ProgressBar>,
}

impl TerminalReporter {
    /// A reporter that has seen nothing yet.
    #[must_use]
    pub fn new(options: TerminalOptions) -> Self {
        Self { options, bar: None }
    }

    /// Moves the bar; `run` has taken the event in already.
    pub fn note(&mut self, event: &Event, run: &Aggregate) {
        match event {
            Event::RunStarted(started) => self.bar = self.options.progress.then(|| bar(started.cases)),
            Event::CaseFinished(_) => {
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                    let bad = run.tally.summary.fail.saturating_add(run.tally.new_leaks);
                    bar.set_message(if bad == 0 { String::new() } else { format!("{bad} findings") });
                }
            }
            Event::GateFailed(_) | Event::Looked(_) | Event::Printed(_) | Event::Weather(_) => {}
            Event::RunFinished { .. } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }

    /// The whole report, with colours (the caller's stream takes them away where they do not belong).
    #[must_use]
    pub fn render(&self, run: &Aggregate) -> String {
        let mut out = String::new();
        for failed in &run.gates_failed {
            let told = visible(&failed.to_string());
            let _ = writeln!(out, "{}  {}\n", "no gate".red().bold(), told.replace('\n', "\n  "));
        }
        let told = run.findings().iter().filter(|outcome| !outcome.is_told_elsewhere(run)).count();
        let each = self.options.all || told <= FEW;
        self.leaks(&mut out, run, each);
        causes(&mut out, run, self.options.columns);
        table(&mut out, run, self.options.columns);
        if each {
            self.findings(&mut out, run);
        } else {
            let _ = writeln!(out, "{}\n", format_args!("{told} findings; --all tells each of them").dimmed());
        }
        self.known(&mut out, run);
        self.stale(&mut out, run);
        self.observations(&mut out, run);
        self.closing(&mut out, run);
        out
    }

    /// The leaks that no cause explains, which are told first. `each` says whether every finding is told by itself.
    fn leaks(&self, out: &mut String, run: &Aggregate, each: bool) {
        let leaks = run.unexplained_leaks();
        if leaks.is_empty() {
            return;
        }
        let _ = writeln!(out, "{}\n", wrapped(&leaks_title(run, leaks.len()), 0, self.options.columns).bold());
        let (whole, rest) = leaks.split_at_checked(if each { leaks.len() } else { FEW }).unwrap_or((&leaks, &[]));
        for outcome in whole {
            self.finding(out, outcome, run);
        }
        for outcome in rest.iter().take(BY_ID) {
            let _ = writeln!(out, "  {} {}", label(&outcome.verdict), outcome.id);
        }
        if rest.len() > BY_ID {
            let _ = writeln!(out, "  … and {} more", rest.len().saturating_sub(BY_ID));
        }
        if !rest.is_empty() {
            let _ = writeln!(out);
        }
    }

    fn findings(&self, out: &mut String, run: &Aggregate) {
        let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        let leaks: BTreeSet<&str> = run.unexplained_leaks().iter().map(|outcome| outcome.id.as_str()).collect();
        for outcome in run.findings() {
            if !outcome.is_told_elsewhere(run) && !leaks.contains(outcome.id.as_str()) {
                groups.entry(outcome.requirement()).or_default().push(outcome);
            }
        }
        for chapter in run.chapters() {
            let requirement = chapter.requirement;
            let Some(mut group) = groups.remove(requirement.id.as_str()) else { continue };
            group.sort_by_key(|outcome| rank(&outcome.verdict));
            let _ = writeln!(out, "{} {}", requirement.id.bold(), requirement.level.as_str().dimmed());
            let _ = writeln!(out, "  {}\n", wrapped(&requirement.sentence, 2, self.options.columns));
            for outcome in group.iter().take(self.options.whole) {
                self.finding(out, outcome, run);
            }
            let rest: Vec<_> = group.iter().skip(self.options.whole).collect();
            if !rest.is_empty() {
                let _ = writeln!(out, "  and {} more of {}:", rest.len(), requirement.id);
                for outcome in rest.iter().take(BY_ID) {
                    let _ = writeln!(out, "    {} {}", label(&outcome.verdict), outcome.id);
                }
                if rest.len() > BY_ID {
                    let _ = writeln!(
                        out,
                        "    … and {} more; --whole {} shows all of them",
                        rest.len().saturating_sub(BY_ID),
                        group.len()
                    );
                }
                let _ = writeln!(out);
            }
        }
    }

    fn observations(&self, out: &mut String, run: &Aggregate) {
        if !self.options.observations || run.tally.summary.observed == 0 {
            return;
        }
        let _ = writeln!(out, "{}", "Observed, where the sources disagree".bold());
        let mut rows: Vec<(&str, &str, &str)> = run
            .outcomes
            .values()
            .filter_map(|outcome| match &outcome.verdict {
                Verdict::Observed(what) => Some((outcome.requirement(), outcome.id.as_str(), what.as_str())),
                _ => None,
            })
            .collect();
        rows.sort_unstable();
        for (requirement, id, what) in rows {
            let _ = writeln!(out, "  {requirement:<26} {id}  {}", visible(what).cyan());
        }
        let _ = writeln!(out);
    }

    fn closing(&self, out: &mut String, run: &Aggregate) {
        let columns = self.options.columns;
        let mut lines: Vec<String> = Vec::new();
        for ((feature, reason), count) in run.unsupported() {
            lines.push(format!("not asked: {} for lack of `{feature}`: {}", cases(count), visible(reason)));
        }
        for (reason, count) in run.not_asked() {
            lines.push(format!("not asked: {}: {}", cases(count), visible(reason)));
        }
        lines.extend(run.weather.told());
        for (suite, reason) in &run.left_out {
            lines.push(format!("left out: {suite}: {}", visible(reason)));
        }
        for (invariant, reason) in &run.without {
            lines.push(format!("not checked: {}: {}", invariant.name(), visible(reason)));
        }
        for line in lines {
            let _ = writeln!(out, "{}", wrapped_behind(&line, 0, 2, columns));
        }
        let summary = &run.tally.summary;
        if run.outcomes.values().any(|outcome| outcome.evidence.is_some()) && !run.options.show_secrets {
            let said = "tokens are left out of the command lines; --show-secrets puts them in, gatecheck show CASE explains a case";
            let _ = writeln!(out, "{}", wrapped_behind(said, 0, 2, columns).dimmed());
        }
        if !self.options.observations && summary.observed > 0 {
            let said = format!("{} observations where the sources disagree; --observed lists them", summary.observed);
            let _ = writeln!(out, "{}", wrapped_behind(&said, 0, 2, columns).dimmed());
        }
        let headline = run.headline();
        let verdict = match run.exit_status() {
            ExitStatus::AsExpected if run.tally.known_leaks > 0 => headline.red().bold().to_string(),
            ExitStatus::AsExpected if run.tally.should_findings.saturating_add(summary.known) > 0 => {
                headline.yellow().bold().to_string()
            }
            ExitStatus::AsExpected => headline.green().bold().to_string(),
            _ => headline.red().bold().to_string(),
        };
        let seconds = run.pins.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = if seconds > 0.0 { summary.total() as f64 / seconds } else { 0.0 };
        let seed = run.pins.seed().map(|seed| format!(", seed {seed}")).unwrap_or_default();
        let part = run.pins.shard.map(|shard| format!(", part {shard}")).unwrap_or_default();
        let said = format!(
            "{}: {} in {seconds:.2} s ({rate:.0} cases/s), corpus {}{seed}{part}",
            visible(&run.pins.gate),
            run.told(),
            run.pins.short_digest()
        );
        let from = headline.chars().count().saturating_add(2);
        let _ = writeln!(out, "{verdict}  {}", wrapped_behind(&said, from, 2, columns));
    }

    /// What a baseline covers, by entry; every leak by its id.
    fn known(&self, out: &mut String, run: &Aggregate) {
        for (entry, outcomes) in run.known() {
            let _ = writeln!(out, "{} {}  {}", "known".yellow().bold(), cases(outcomes.len()), entry.at().dimmed());
            let _ = writeln!(out, "  {}", wrapped(&visible(&entry.told()), 2, self.options.columns));
            let leaks = outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Leak(_))).count();
            let most = leaks.max(KNOWN_BY_ID);
            for outcome in outcomes.iter().take(most) {
                let _ = writeln!(out, "    {} {}", label(&outcome.verdict), outcome.id);
            }
            if outcomes.len() > most {
                let _ = writeln!(out, "    … and {} more", outcomes.len().saturating_sub(most));
            }
            let _ = writeln!(out);
        }
    }

    /// What is no longer true in a baseline.
    fn stale(&self, out: &mut String, run: &Aggregate) {
        for problem in &run.stale {
            let said = wrapped(&visible(&problem.to_string()), 7, self.options.columns);
            let _ = writeln!(out, "{}  {said}", "stale".red().bold());
        }
        if !run.stale.is_empty() {
            let _ = writeln!(out);
        }
    }

    fn finding(&self, out: &mut String, outcome: &Outcome, run: &Aggregate) {
        let place = format!("{}:{}", outcome.path(), outcome.line);
        let used = outcome.id.chars().count().saturating_add(place.chars().count()).saturating_add(13);
        let gap = if used > self.options.columns { "\n    " } else { "  " };
        let _ = writeln!(out, "  {} {}{gap}{}", label(&outcome.verdict), outcome.id.bold(), place.dimmed());
        let mut row = |name: &str, text: &str| row(out, name, text, self.options.columns);
        row("expected", &outcome.expected);
        match (&outcome.verdict, &outcome.evidence) {
            (Verdict::Error(fault), _) => row("error", &fault.to_string()),
            (verdict, Some(_)) => {
                row("got", &outcome.came);
                match verdict {
                    Verdict::Fail(mismatches) => mismatches
                        .iter()
                        .filter(|mismatch| mismatch.what != "answer" && mismatch.what != "status")
                        .for_each(|mismatch| row("differs", &mismatch.to_string())),
                    Verdict::Leak(leaks) => leaks.iter().for_each(|leak| row("leaked", &leak.to_string())),
                    Verdict::Unproven(why) => row("unproven", why),
                    _ => {}
                }
            }
            (_, None) => row("got", &outcome.actual()),
        }
        if let Some(why) = &outcome.why {
            row("why", why);
        }
        if outcome.attempts > 1 {
            row("attempts", &outcome.attempts.to_string());
        }
        if let Some(evidence) = &outcome.evidence {
            command(out, "again", &format!("gatecheck again {}", outcome.id), self.options.columns);
            // A gate that the runner started is gone with its port.
            if run.is_of_a_url() {
                command(out, "by hand", &evidence.again, self.options.columns);
            }
        }
        let _ = writeln!(out);
    }
}

/// Where the text of a row begins.
const BEHIND_NAMES: usize = 14;

fn row(out: &mut String, name: &str, text: &str, columns: usize) {
    let _ = writeln!(out, "    {name:<9} {}", wrapped(&visible(text), BEHIND_NAMES, columns));
}

fn command(out: &mut String, name: &str, text: &str, columns: usize) {
    let _ = writeln!(out, "    {name:<9} {}", wrapped_command(&visible(text), BEHIND_NAMES, columns));
}

/// What is wrong, in at most ten lines, each with its smallest example.
fn causes(out: &mut String, run: &Aggregate, columns: usize) {
    if run.causes.is_empty() {
        return;
    }
    let explained = run.explained();
    let _ = writeln!(
        out,
        "{}\n",
        format_args!(
            "What is wrong: {} for {} of {}",
            number_of_causes(run.causes.len()),
            explained,
            findings(run.findings().len())
        )
        .bold()
    );
    for (number, cause) in (1..).zip(&run.causes) {
        let count = format!("{}, {}", cause.requirement, cases(cause.cases.len()));
        let says = wrapped(&visible(&cause.says), 4, columns);
        let end = says.lines().last().map_or(0, |line| line.chars().count());
        // The first line has the number in front of it, the others the indent.
        let end = if says.contains('\n') { end } else { end.saturating_add(4) };
        let gap = if end.saturating_add(count.len()).saturating_add(2) > columns { "\n    " } else { "  " };
        let _ = writeln!(out, "{number:>2}. {}{gap}{}", says.bold(), count.dimmed());
        for (kind, said) in cause.rows(run) {
            match kind {
                Row::Again => command(out, kind.name(), &shortened(&said, AGAIN), columns),
                _ => row(out, kind.name(), &said, columns),
            }
        }
        let _ = writeln!(out);
    }
}

fn number_of_causes(count: usize) -> String {
    if count == 1 { "1 cause".to_owned() } else { format!("{count} causes") }
}

fn findings(count: usize) -> String {
    if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") }
}

/// How each requirement stands that has a finding.
fn table(out: &mut String, run: &Aggregate, columns: usize) {
    let chapters: Vec<_> =
        run.chapters().into_iter().filter(|chapter| chapter.findings() > 0 && chapter.tells(run)).collect();
    if chapters.is_empty() {
        return;
    }
    let width = chapters.iter().map(|chapter| chapter.requirement.id.len()).max().unwrap_or(0);
    for chapter in &chapters {
        let requirement = chapter.requirement;
        let _ = writeln!(
            out,
            "{:width$}  {:6}  {:7}  {}",
            requirement.id,
            requirement.level.as_str().dimmed(),
            requirement.question().name().dimmed(),
            wrapped(&chapter.counted().join(", "), width.saturating_add(19), columns)
        );
    }
    let _ = writeln!(out);
}

fn label(verdict: &Verdict) -> String {
    let name = format!("{:<8}", verdict.name());
    match verdict {
        Verdict::Leak(_) => name.to_uppercase().red().bold().to_string(),
        Verdict::Fail(_) => name.red().to_string(),
        Verdict::Error(_) => name.magenta().to_string(),
        _ => name.yellow().to_string(),
    }
}

fn bar(cases: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} cases  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(cases).unwrap_or(u64::MAX)).with_style(style)
}
