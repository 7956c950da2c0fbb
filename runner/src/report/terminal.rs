//! What a person reads: a progress bar while it runs, then the findings grouped by requirement, then one line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;

use super::json::{actual, expected};
use super::{Summary, Tally};
use crate::corpus::{Case, Corpus, Suite};
use crate::event::{Event, Finished};
use crate::exit::ExitStatus;
use crate::invariants::Invariant;
use crate::judge::summary as came_back;
use crate::verdict::Verdict;

/// How much is shown.
#[derive(Clone, Copy, Debug)]
pub struct TerminalOptions {
    /// Whether tokens and secrets may stand in the report.
    pub show_secrets: bool,
    /// How many cases of one requirement are shown whole; the others by id.
    pub whole: usize,
    /// Whether the SURVEY observations are listed.
    pub observations: bool,
    /// Whether a SHOULD counts.
    pub strict: bool,
    /// Whether a progress bar is drawn.
    pub progress: bool,
}

/// Folds events into the terminal report.
pub struct TerminalReporter {
    options: TerminalOptions,
    corpus: Option<Arc<Corpus>>,
    gate: String,
    left_out: BTreeMap<String, String>,
    without: BTreeMap<Invariant, String>,
    tally: Tally,
    findings: Vec<Finished>,
    observed: Vec<Finished>,
    unsupported: BTreeMap<(String, String), usize>,
    gates_failed: Vec<String>,
    elapsed: Duration,
    bar: Option<ProgressBar>,
}

impl TerminalReporter {
    /// A reporter that has seen nothing yet.
    #[must_use]
    pub fn new(options: TerminalOptions) -> Self {
        Self {
            options,
            corpus: None,
            gate: String::new(),
            left_out: BTreeMap::new(),
            without: BTreeMap::new(),
            tally: Tally::default(),
            findings: Vec::new(),
            observed: Vec::new(),
            unsupported: BTreeMap::new(),
            gates_failed: Vec::new(),
            elapsed: Duration::ZERO,
            bar: None,
        }
    }

    /// Takes an event in.
    pub fn note(&mut self, event: &Event) {
        self.tally.note(event, self.corpus.as_deref());
        match event {
            Event::RunStarted(started) => {
                self.corpus = Some(Arc::clone(&started.corpus));
                self.gate.clone_from(&started.gate);
                self.left_out.clone_from(&started.left_out);
                self.without.clone_from(&started.without);
                self.bar = self.options.progress.then(|| bar(started.cases));
            }
            Event::CaseFinished(finished) => {
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                    let bad = self.tally.summary.fail.saturating_add(self.tally.summary.leak);
                    bar.set_message(if bad == 0 { String::new() } else { format!("{bad} findings") });
                }
                match &finished.verdict {
                    verdict if verdict.is_finding() => self.findings.push(Finished::clone(finished)),
                    Verdict::Observed(_) => self.observed.push(Finished::clone(finished)),
                    Verdict::Unsupported { feature, reason } => {
                        let count = self.unsupported.entry((feature.clone(), reason.clone())).or_default();
                        *count = count.saturating_add(1);
                    }
                    _ => {}
                }
            }
            Event::GateFailed { reason } => self.gates_failed.push(reason.clone()),
            Event::RunFinished { elapsed } => {
                self.elapsed = *elapsed;
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }

    /// How the run ends.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        self.tally.exit_status(self.options.strict)
    }

    /// The whole report, with colours (the caller's stream takes them away where they do not belong).
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        let Some(corpus) = &self.corpus else { return out };
        self.findings(&mut out, corpus);
        self.gates(&mut out);
        self.observations(&mut out, corpus);
        self.closing(&mut out, corpus);
        out
    }

    fn findings(&self, out: &mut String, corpus: &Corpus) {
        let mut groups: BTreeMap<&str, Vec<(&Suite, &Case, &Finished)>> = BTreeMap::new();
        for finished in &self.findings {
            let found =
                corpus.suites.get(finished.suite).and_then(|suite| Some((suite, suite.cases.get(finished.case)?)));
            // Cases without a gate to ask are told once, with the gate.
            if finished.exchange.is_none() && finished.attempts == 0 && !self.gates_failed.is_empty() {
                continue;
            }
            if let Some((suite, case)) = found {
                groups
                    .entry(case.requirements.first().map_or("", String::as_str))
                    .or_default()
                    .push((suite, case, finished));
            }
        }
        for requirement in &corpus.requirements {
            let Some(mut group) = groups.remove(requirement.id.as_str()) else { continue };
            group.sort_by_key(|(_, case, finished)| (rank(&finished.verdict), case.id.clone()));
            let _ = writeln!(out, "{} {}", requirement.id.bold(), requirement.level.as_str().dimmed());
            let _ = writeln!(out, "  {}", wrap(&requirement.sentence, 2));
            let _ = writeln!(out);
            for (suite, case, finished) in group.iter().take(self.options.whole) {
                self.finding(out, suite, case, finished);
            }
            let rest: Vec<_> = group.iter().skip(self.options.whole).collect();
            if !rest.is_empty() {
                let _ = writeln!(out, "  and {} more of {}:", rest.len(), requirement.id);
                for (_, case, finished) in rest.iter().take(20) {
                    let _ = writeln!(out, "    {} {}", label(&finished.verdict), case.id);
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

    fn finding(&self, out: &mut String, suite: &Suite, case: &Case, finished: &Finished) {
        let _ = writeln!(
            out,
            "  {} {}  {}",
            label(&finished.verdict),
            case.id.bold(),
            format_args!("conformance-cases/{}:{}", suite.file, case.line).dimmed()
        );
        let mut row = |name: &str, text: &str| {
            let _ = writeln!(out, "    {name:<9} {text}");
        };
        row("expected", &expected(&case.expected));
        match (&finished.verdict, &finished.exchange) {
            (Verdict::Error(fault), _) => row("error", &fault.to_string()),
            (verdict, Some(exchange)) => {
                row("got", &came_back(&exchange.answer));
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
            (_, None) => row("got", &actual(finished)),
        }
        if let Some(why) = &case.why {
            row("why", why);
        }
        if finished.attempts > 1 {
            row("attempts", &finished.attempts.to_string());
        }
        if let (Some(exchange), Some(target)) = (&finished.exchange, &finished.target) {
            row("again", &exchange.sent.reproduce(target, self.options.show_secrets));
        }
        let _ = writeln!(out);
    }

    fn gates(&self, out: &mut String) {
        for reason in &self.gates_failed {
            let _ = writeln!(out, "{}  {}\n", "no gate".red().bold(), reason.replace('\n', "\n  "));
        }
    }

    fn observations(&self, out: &mut String, corpus: &Corpus) {
        if !self.options.observations || self.observed.is_empty() {
            return;
        }
        let _ = writeln!(out, "{}", "Observed, where the sources disagree".bold());
        let mut rows: Vec<(String, String, String)> = self
            .observed
            .iter()
            .filter_map(|finished| {
                let case = corpus.suites.get(finished.suite)?.cases.get(finished.case)?;
                let Verdict::Observed(what) = &finished.verdict else { return None };
                Some((case.requirements.first()?.clone(), case.id.clone(), what.clone()))
            })
            .collect();
        rows.sort();
        for (requirement, id, what) in rows {
            let _ = writeln!(out, "  {requirement:<26} {id}  {}", what.cyan());
        }
        let _ = writeln!(out);
    }

    fn closing(&self, out: &mut String, corpus: &Corpus) {
        for ((feature, reason), count) in &self.unsupported {
            let _ = writeln!(out, "not asked: {} for lack of `{feature}`: {reason}", cases(*count));
        }
        for (suite, reason) in &self.left_out {
            let _ = writeln!(out, "left out: {suite}: {reason}");
        }
        for (invariant, reason) in &self.without {
            let _ = writeln!(out, "not checked: {}: {reason}", invariant.name());
        }
        if self.findings.iter().any(|finished| finished.exchange.is_some()) && !self.options.show_secrets {
            let _ = writeln!(out, "{}", "tokens are left out of the command lines; --show-secrets puts them in, gatecheck show CASE explains a case".dimmed());
        }
        if !self.options.observations && !self.observed.is_empty() {
            let _ = writeln!(
                out,
                "{}",
                format_args!("{} observations where the sources disagree; --observed lists them", self.observed.len())
                    .dimmed()
            );
        }
        let verdict = match self.exit_status() {
            ExitStatus::AsExpected if self.tally.should_findings > 0 => {
                "pass, with findings".yellow().bold().to_string()
            }
            ExitStatus::AsExpected => "pass".green().bold().to_string(),
            ExitStatus::Findings if self.tally.summary.leak > 0 => "LEAK".red().bold().to_string(),
            ExitStatus::Findings => "FAIL".red().bold().to_string(),
            ExitStatus::Unreachable => "NO GATE".red().bold().to_string(),
            ExitStatus::Harness | ExitStatus::Usage => "HARNESS FAULT".red().bold().to_string(),
        };
        let total = self.tally.summary.total();
        let seconds = self.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = if seconds > 0.0 { total as f64 / seconds } else { 0.0 };
        let _ = writeln!(
            out,
            "{verdict}  {}: {} in {seconds:.2} s ({rate:.0} cases/s), corpus {}",
            self.gate,
            counts(&self.tally.summary),
            corpus.digest.get(..12).unwrap_or(&corpus.digest)
        );
    }
}

/// `1,234 pass, 2 leak`: pass always, the others where there are any, in order of weight.
#[must_use]
pub fn counts(summary: &Summary) -> String {
    let mut parts = vec![format!("{} pass", summary.pass)];
    for (name, count) in [
        ("leak", summary.leak),
        ("fail", summary.fail),
        ("unproven", summary.unproven),
        ("error", summary.error),
        ("unsupported", summary.unsupported),
        ("observed", summary.observed),
    ] {
        if count > 0 || name == "leak" {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.join(", ")
}

/// `1 case`, `2 cases`.
#[must_use]
pub fn cases(count: usize) -> String {
    if count == 1 { "1 case".to_owned() } else { format!("{count} cases") }
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Leak(_) => 0,
        Verdict::Fail(_) => 1,
        Verdict::Error(_) => 2,
        _ => 3,
    }
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
