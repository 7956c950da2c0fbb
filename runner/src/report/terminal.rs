//! What a person reads: a progress bar while it runs, then the causes, a table by requirement, and one line. Single findings are told where they are few, or
//! asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;

use super::aggregate::Aggregate;
use super::cases;
use super::causes::Row;
use super::evidence::shortened;
use super::outcome::{Outcome, rank};
use crate::event::Event;
use crate::exit::ExitStatus;
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
            Event::GateFailed(_) | Event::Looked(_) | Event::Weather(_) => {}
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
        causes(&mut out, run);
        table(&mut out, run);
        let told = run.findings().iter().filter(|outcome| !outcome.is_told_elsewhere(run)).count();
        if self.options.all || told <= FEW {
            self.findings(&mut out, run);
        } else {
            let _ = writeln!(out, "{}\n", format_args!("{told} findings; --all tells each of them").dimmed());
        }
        known(&mut out, run);
        stale(&mut out, run);
        self.observations(&mut out, run);
        self.closing(&mut out, run);
        out
    }

    fn findings(&self, out: &mut String, run: &Aggregate) {
        let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in run.findings() {
            if !outcome.is_told_elsewhere(run) {
                groups.entry(outcome.requirement()).or_default().push(outcome);
            }
        }
        for chapter in run.chapters() {
            let requirement = chapter.requirement;
            let Some(mut group) = groups.remove(requirement.id.as_str()) else { continue };
            group.sort_by_key(|outcome| rank(&outcome.verdict));
            let _ = writeln!(out, "{} {}", requirement.id.bold(), requirement.level.as_str().dimmed());
            let _ = writeln!(out, "  {}", wrap(&requirement.sentence, 2));
            let _ = writeln!(out);
            for outcome in group.iter().take(self.options.whole) {
                finding(out, outcome, run.is_of_a_url());
            }
            let rest: Vec<_> = group.iter().skip(self.options.whole).collect();
            if !rest.is_empty() {
                let _ = writeln!(out, "  and {} more of {}:", rest.len(), requirement.id);
                for outcome in rest.iter().take(20) {
                    let _ = writeln!(out, "    {} {}", label(&outcome.verdict), outcome.id);
                }
                if rest.len() > 20 {
                    let _ = writeln!(
                        out,
                        "    … and {} more; --whole {} shows all of them",
                        rest.len().saturating_sub(20),
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
        for ((feature, reason), count) in run.unsupported() {
            let _ = writeln!(out, "not asked: {} for lack of `{feature}`: {}", cases(count), visible(reason));
        }
        for (reason, count) in run.not_asked() {
            let _ = writeln!(out, "not asked: {}: {}", cases(count), visible(reason));
        }
        for line in run.weather.told() {
            let _ = writeln!(out, "{line}");
        }
        for (suite, reason) in &run.left_out {
            let _ = writeln!(out, "left out: {suite}: {}", visible(reason));
        }
        for (invariant, reason) in &run.without {
            let _ = writeln!(out, "not checked: {}: {}", invariant.name(), visible(reason));
        }
        if run.outcomes.values().any(|outcome| outcome.evidence.is_some()) && !run.options.show_secrets {
            let _ = writeln!(out, "{}", "tokens are left out of the command lines; --show-secrets puts them in, gatecheck show CASE explains a case".dimmed());
        }
        let summary = &run.tally.summary;
        if !self.options.observations && summary.observed > 0 {
            let _ = writeln!(
                out,
                "{}",
                format_args!("{} observations where the sources disagree; --observed lists them", summary.observed)
                    .dimmed()
            );
        }
        let verdict = match run.exit_status() {
            ExitStatus::AsExpected if run.tally.known_leaks > 0 => run.headline().red().bold().to_string(),
            ExitStatus::AsExpected if run.tally.should_findings.saturating_add(summary.known) > 0 => {
                run.headline().yellow().bold().to_string()
            }
            ExitStatus::AsExpected => run.headline().green().bold().to_string(),
            _ => run.headline().red().bold().to_string(),
        };
        let seconds = run.pins.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = if seconds > 0.0 { summary.total() as f64 / seconds } else { 0.0 };
        let seed = run.pins.seed().map(|seed| format!(", seed {seed}")).unwrap_or_default();
        let part = run.pins.shard.map(|shard| format!(", part {shard}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "{verdict}  {}: {} in {seconds:.2} s ({rate:.0} cases/s), corpus {}{seed}{part}",
            visible(&run.pins.gate),
            run.told(),
            run.pins.short_digest()
        );
    }
}

/// What is wrong, in at most ten lines, each with its smallest example.
fn causes(out: &mut String, run: &Aggregate) {
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
        let says = visible(&cause.says);
        let _ = writeln!(
            out,
            "{number:>2}. {}  {}",
            wrap(&says, 4).bold(),
            format_args!("{}, {}", cause.requirement, cases(cause.cases.len())).dimmed()
        );
        for (row, said) in cause.rows(run) {
            let said = if row == Row::Again { shortened(&said, AGAIN) } else { said.into_owned() };
            let _ = writeln!(out, "    {:<9} {}", row.name(), visible(&said));
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
fn table(out: &mut String, run: &Aggregate) {
    let chapters: Vec<_> = run.chapters().into_iter().filter(|chapter| chapter.findings() > 0).collect();
    if chapters.is_empty() {
        return;
    }
    let width = chapters.iter().map(|chapter| chapter.requirement.id.len()).max().unwrap_or(0);
    for chapter in &chapters {
        let requirement = chapter.requirement;
        let counts: Vec<String> = chapter
            .summary
            .by_weight()
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        let _ = writeln!(
            out,
            "{:width$}  {:6}  {:7}  {}",
            requirement.id,
            requirement.level.as_str().dimmed(),
            requirement.question().name().dimmed(),
            counts.join(", ")
        );
    }
    let _ = writeln!(out);
}

/// What a baseline covers, by entry; every leak by its id.
fn known(out: &mut String, run: &Aggregate) {
    for (entry, outcomes) in run.known() {
        let _ = writeln!(out, "{} {}  {}", "known".yellow().bold(), cases(outcomes.len()), entry.at().dimmed());
        let _ = writeln!(out, "  {}", wrap(&visible(&entry.told()), 2));
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
fn stale(out: &mut String, run: &Aggregate) {
    for problem in &run.stale {
        let _ = writeln!(out, "{}  {}", "stale".red().bold(), visible(&problem.to_string()));
    }
    if !run.stale.is_empty() {
        let _ = writeln!(out);
    }
}

/// `stays` says whether the gate is still there when this is read.
fn finding(out: &mut String, outcome: &Outcome, stays: bool) {
    let _ = writeln!(
        out,
        "  {} {}  {}",
        label(&outcome.verdict),
        outcome.id.bold(),
        format_args!("{}:{}", outcome.path(), outcome.line).dimmed()
    );
    let mut row = |name: &str, text: &str| {
        let _ = writeln!(out, "    {name:<9} {}", visible(text));
    };
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
        row("again", &format!("gatecheck again {}", outcome.id));
        // A gate that the runner started is gone with its port.
        if stays {
            row("by hand", &evidence.again);
        }
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

/// Text broken at 110 columns, continued at `indent`.
fn wrap(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column.saturating_add(length) > 110 {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            out.push(' ');
        }
        out.push_str(word);
        column = column.saturating_add(length).saturating_add(1);
    }
    out
}

fn bar(cases: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} cases  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(cases).unwrap_or(u64::MAX)).with_style(style)
}
