//! The report on a terminal: a head, a line for each rule, and what matters of the findings.

use std::fmt::Write as _;

use gatecheck::exit::ExitStatus;
use gatecheck::lines::wrapped;
use gatecheck::report::aggregate::Aggregate;
use gatecheck::text::visible;
use gatecheck::verdict::Verdict;
use owo_colors::OwoColorize as _;

use crate::verdicts::{RuleVerdict, Standing, headline, reasons, why};
use crate::{Audit, Sizes};

/// How the terminal report is written.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// How many findings of a rule are shown whole.
    pub whole: usize,
    /// How many columns there are.
    pub columns: usize,
    /// Whether rules that need no word are listed too, however many there are.
    pub all: bool,
}

/// More rules than this are listed only where something is to be said of them.
const LISTED: usize = 60;

/// What is about to be asked.
#[must_use]
pub fn head(sizes: &Sizes) -> String {
    let mut out = String::new();
    let mut row = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name:<10} {}", visible(text));
    };
    let (rules, gates) = sizes.rules;
    row("rules", &format!("{} ({})  {}", thousands(rules), count(gates, "gate"), sizes.rule_files.join(", ")));
    row("files", &format!("{}, {} of them closed to somebody", thousands(sizes.files.0), thousands(sizes.files.1)));
    row("visitors", &sizes.visitors);
    out
}

/// The whole report, with colours.
#[must_use]
pub fn render(
    audit: &Audit,
    run: &Aggregate,
    verdicts: &[RuleVerdict<'_>],
    site: Option<&str>,
    options: TableOptions,
) -> String {
    let mut out = head(&audit.sizes);
    if let Some(site) = site {
        let _ = writeln!(out, "  {:<10} {}", "this site?", visible(site));
    }
    let asked: usize = run.outcomes.keys().filter_map(|id| audit.cases.get(id)).map(|about| about.requests).sum();
    let seconds = run.pins.elapsed.as_secs_f64();
    let _ = writeln!(out, "  {:<10} {} in {}", "asked", count(asked, "request"), lasting(seconds));
    let _ = writeln!(out);
    for note in &audit.notes {
        let _ = writeln!(out, "{}  {}\n", "note".yellow(), wrapped(&visible(note), 6, options.columns));
    }
    rows(&mut out, verdicts, options);
    details(&mut out, verdicts, options);
    for failed in &run.gates_failed {
        let told = visible(&failed.to_string());
        let _ = writeln!(out, "{}  {}\n", "no gate".red().bold(), told.replace('\n', "\n  "));
    }
    for problem in &run.stale {
        let _ = writeln!(out, "{}  {}", "stale".red().bold(), visible(&problem.to_string()));
    }
    closing(&mut out, audit, run, verdicts, options);
    out
}

fn rows(out: &mut String, verdicts: &[RuleVerdict<'_>], options: TableOptions) {
    let is_plain =
        |verdict: &&RuleVerdict<'_>| matches!(verdict.standing, Standing::Shut | Standing::Acts | Standing::NotAsked);
    let few = options.all || verdicts.len() <= LISTED;
    let listed: Vec<&RuleVerdict<'_>> = verdicts.iter().filter(|verdict| few || !is_plain(verdict)).collect();
    let widest = |text: fn(&RuleVerdict<'_>) -> usize, most: usize| {
        listed.iter().map(|verdict| text(verdict)).max().unwrap_or_default().min(most)
    };
    let id = widest(|verdict| verdict.rule.id.chars().count(), 24);
    let pattern = widest(|verdict| verdict.rule.pattern.chars().count(), 26);
    let condition = widest(|verdict| verdict.rule.condition.chars().count(), 22);
    let mut last: Option<(&str, Standing)> = None;
    for verdict in &listed {
        let (rule, standing) = (verdict.rule, verdict.standing);
        let start = format!(
            "  {:<id$}  {:<pattern$}  {:<condition$}  ",
            cut(&visible(&rule.id), id),
            cut(&visible(&rule.pattern), pattern),
            cut(&visible(&rule.condition), condition)
        );
        let word = format!("{:<9}", standing.word());
        let word = match standing {
            Standing::Open => word.red().bold().to_string(),
            Standing::Otherwise | Standing::Unproven => word.red().to_string(),
            Standing::Unjudged | Standing::Unsupported => word.magenta().to_string(),
            Standing::Denied | Standing::Sampled | Standing::ClosesNothing | Standing::Contested => {
                word.yellow().to_string()
            }
            Standing::Shut => word.green().bold().to_string(),
            Standing::Acts => word.green().to_string(),
            Standing::NotAsked => word.dimmed().to_string(),
        };
        let says = match standing {
            Standing::Shut | Standing::Acts if verdict.says.is_empty() => count(verdict.requests, "request"),
            // The same sentence is said once.
            _ if last == Some((verdict.says.as_str(), standing)) => "the same".to_owned(),
            _ => visible(&verdict.says),
        };
        last = Some((verdict.says.as_str(), standing));
        let used = start.chars().count().saturating_add(10);
        let room = options.columns.saturating_sub(used);
        if says.chars().count() <= room {
            let _ = writeln!(out, "{start}{word} {says}");
        } else {
            let _ = writeln!(out, "{start}{word}");
            let _ = writeln!(out, "      {}", wrapped(&says, 6, options.columns));
        }
    }
    let hidden = verdicts.len().saturating_sub(listed.len());
    if hidden > 0 {
        let of = |wanted: Standing| verdicts.iter().filter(|verdict| verdict.standing == wanted).count();
        let _ = writeln!(
            out,
            "  and {}: {} shut, {} act as written, {} not asked (--all lists them)",
            count(hidden, "rule"),
            of(Standing::Shut),
            of(Standing::Acts),
            of(Standing::NotAsked)
        );
    }
    let _ = writeln!(out);
}

fn details(out: &mut String, verdicts: &[RuleVerdict<'_>], options: TableOptions) {
    for verdict in verdicts.iter().filter(|verdict| verdict.findings.iter().any(|(outcome, _)| outcome.known.is_none()))
    {
        let rule = verdict.rule;
        let _ =
            writeln!(out, "{} {}", format_args!("{}:{}", rule.file, rule.line).bold(), visible(&rule.text).dimmed());
        let fresh: Vec<_> = verdict.findings.iter().filter(|(outcome, _)| outcome.known.is_none()).collect();
        for (outcome, about) in fresh.iter().take(options.whole) {
            let label = outcome.verdict.name();
            let label = match outcome.verdict {
                Verdict::Leak(_) => label.to_uppercase().red().bold().to_string(),
                _ => label.red().to_string(),
            };
            let visitor = about.map(|about| about.visitor.as_str()).unwrap_or_default();
            let _ = writeln!(out, "  {label}  {}  {}", visible(visitor), outcome.id.dimmed());
            let mut row = |name: &str, text: &str| {
                let _ = writeln!(out, "    {name:<9} {}", wrapped(&visible(text), 14, options.columns.max(100)));
            };
            row("expected", outcome.expected.split("; or ").next().unwrap_or_default());
            row("got", &outcome.came);
            for reason in reasons(outcome) {
                row(if matches!(outcome.verdict, Verdict::Leak(_)) { "leaked" } else { "differs" }, &reason);
            }
            why(outcome, *about, verdict).iter().for_each(|why| row("why", why));
            if let Some(evidence) = &outcome.evidence {
                let _ = writeln!(out, "    {:<9} {}", "again", visible(&evidence.again));
            }
        }
        if fresh.len() > options.whole {
            let _ = writeln!(
                out,
                "  and {} more; --whole {} shows all of them",
                fresh.len().saturating_sub(options.whole),
                fresh.len()
            );
        }
        let _ = writeln!(out);
    }
}

fn closing(out: &mut String, audit: &Audit, run: &Aggregate, verdicts: &[RuleVerdict<'_>], options: TableOptions) {
    let mut say = |text: &str| {
        let _ = writeln!(out, "{}", wrapped(&visible(text), 2, options.columns));
    };
    let sizes = &audit.sizes;
    if !sizes.left_out.is_empty() {
        say(&left_out(sizes));
    }
    if sizes.forwarded > 0 {
        say(&forwarded(sizes));
    }
    let own = audit.corpus.suites.first().and_then(|suite| suite.own.as_ref());
    let learned = own.map_or(0, |own| own.marks.learned());
    if learned > 0 {
        say(&format!(
            "{} came to whoever may have it with other bytes than lie here: what came is looked for in what others get",
            count(learned, "closed file")
        ));
    }
    if sizes.untold > 0 {
        say(&format!(
            "{} cannot be told by bytes: they are too short, or a public file holds the same",
            count(sizes.untold, "closed file")
        ));
    }
    for (reason, cases) in run.not_asked() {
        say(&format!("not asked: {} (of the {} of this part): {reason}", count(cases, "case"), run.outcomes.len()));
    }
    run.weather.told().iter().for_each(|line| say(line));
    let respelled: usize = verdicts.iter().map(|verdict| verdict.respelled).sum();
    if respelled > 0 {
        say(&format!(
            "{} sent on to another spelling of the path: hosts differ in this, and either is accepted (STATIC-3)",
            count(respelled, "request")
        ));
    }
    let known = run.tally.summary.known.saturating_add(run.tally.known_leaks);
    if known > 0 {
        say(&format!("{} known, as the baseline says", count(known, "finding")));
    }
    let of =
        |wanted: Standing| verdicts.iter().filter(|verdict| verdict.standing == wanted && verdict.rule.is_gate).count();
    let mut parts = Vec::new();
    for (standing, word) in [
        (Standing::Open, "open"),
        (Standing::Otherwise, "otherwise than written"),
        (Standing::Unproven, "unproven"),
        (Standing::Unjudged, "without an answer"),
        (Standing::Unsupported, "unsupported"),
        (Standing::Denied, "denied, with nobody let in"),
        (Standing::Sampled, "sampled"),
        (Standing::ClosesNothing, "that close nothing"),
        (Standing::Contested, "contested"),
        (Standing::Shut, "shut"),
        (Standing::NotAsked, "not asked"),
    ] {
        let count = of(standing);
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    if parts.is_empty() {
        parts.push("none".to_owned());
    }
    let missing = if run.pins.shard.is_some() { 0 } else { audit.cases.len().saturating_sub(run.outcomes.len()) };
    let headline = match run.exit_status() {
        ExitStatus::AsExpected if missing > 0 => "NOT FINISHED".red().bold().to_string(),
        ExitStatus::AsExpected => match headline(run, verdicts) {
            (word, true) => word.yellow().bold().to_string(),
            (word, false) => word.green().bold().to_string(),
        },
        _ => run.headline().red().bold().to_string(),
    };
    let seed = run.pins.seed().map(|seed| format!(", seed {seed}")).unwrap_or_default();
    let part = run.pins.shard.map(|shard| format!(", part {shard}")).unwrap_or_default();
    let _ = writeln!(out, "{headline}  {}: gates: {}{seed}{part}", visible(&run.pins.gate), parts.join(", "));
}

/// What is left out for the budget, and what would ask it.
pub(crate) fn left_out(sizes: &Sizes) -> String {
    format!("left out for the budget: {}; --budget {} asks all", sizes.left_out.told(), sizes.budget_for_all)
}

/// What is left out because the site would forward it.
pub(crate) fn forwarded(sizes: &Sizes) -> String {
    format!(
        "left out: {} that the site would forward to another server or a function; --forwarding asks them",
        count(sizes.forwarded, "request")
    )
}

/// `1 gate`, `2,345 gates`.
#[must_use]
pub fn count(count: usize, what: &str) -> String {
    let number = thousands(count);
    if count == 1 { format!("{number} {what}") } else { format!("{number} {what}s") }
}

/// A number with commas.
#[must_use]
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A length of time for people.
#[must_use]
pub fn lasting(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 600.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_people() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!((count(1, "gate"), count(1812, "request")), ("1 gate".to_owned(), "1,812 requests".to_owned()));
        assert_eq!((lasting(1.24), lasting(93.4), lasting(3000.0)), ("1.2 s".into(), "93 s".into(), "50 min".into()));
        assert_eq!(wrapped("aaa bbb ccc", 2, 10), "aaa bbb\n  ccc");
        assert_eq!(cut("/members/of/the/club", 10), "/members/…");
    }
}
