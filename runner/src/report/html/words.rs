//! The sentences, numbers and times of the page.

use std::time::Duration;

use crate::exit::ExitStatus;
use crate::report::aggregate::{Aggregate, Pins, timestamp};
use crate::report::cases;
use crate::report::score::Score;
use crate::verdict::Verdict;

pub(super) fn reason_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Leak(_) => "Leaked",
        Verdict::Fail(_) => "Differs",
        Verdict::Unproven(_) => "Unproven",
        _ => "Error",
    }
}

pub(super) fn tone(run: &Aggregate) -> &'static str {
    match run.exit_status() {
        ExitStatus::AsExpected if run.tally.known_leaks > 0 => "leak",
        ExitStatus::AsExpected if run.tally.should_findings.saturating_add(run.tally.summary.known) > 0 => "unproven",
        ExitStatus::AsExpected => "pass",
        ExitStatus::Findings if run.tally.new_leaks > 0 => "leak",
        ExitStatus::Findings => "fail",
        ExitStatus::Defence => "unproven",
        ExitStatus::Harness | ExitStatus::Unreachable | ExitStatus::Usage => "error",
    }
}

pub(super) fn meaning(run: &Aggregate) -> String {
    let Aggregate { tally, options, .. } = run;
    let leaks = tally.new_leaks;
    let known = tally.summary.known.saturating_add(tally.known_leaks);
    let should = if options.strict { tally.should_findings } else { 0 };
    match run.exit_status() {
        ExitStatus::AsExpected if tally.known_leaks > 0 => format!(
            "Nothing is new, but protected content does leak: {} of {} that somebody answers for.",
            cases(tally.known_leaks),
            number(known)
        ),
        ExitStatus::AsExpected if known > 0 => {
            format!(
                "Every MUST that was asked holds but for {} that somebody answers for; nothing leaked.",
                cases(known)
            )
        }
        ExitStatus::AsExpected if tally.should_findings > 0 => {
            format!(
                "Every MUST that was asked holds and nothing leaked; {} of a SHOULD did not pass.",
                cases(tally.should_findings)
            )
        }
        ExitStatus::AsExpected => "Every MUST that was asked holds, and nothing leaked.".to_owned(),
        ExitStatus::Findings if leaks > 0 => {
            let (all, told) = (tally.summary.leak, if leaks == 1 { "case" } else { "cases" });
            let advisory = match all.saturating_sub(leaks) {
                0 => String::new(),
                _ => format!(" that fail the run, and in {} in all", number(all)),
            };
            format!(
                "Protected content came back to a visitor who must not see it, in {} {told}{advisory}.",
                number(leaks)
            )
        }
        ExitStatus::Findings if run.only_stale() => {
            "Nothing new failed, but the baseline is no longer true; what to change stands below.".to_owned()
        }
        ExitStatus::Findings => {
            let count = tally.must_findings.saturating_add(should);
            format!("{} failed or could not be proven.", cases(count))
        }
        ExitStatus::Defence => {
            let Score { must_findings, should_findings, .. } = tally.scores.defence;
            let count = must_findings.saturating_add(if options.strict { should_findings } else { 0 });
            format!("It does what the format says and nothing leaked; of the defence {} did not pass.", cases(count))
        }
        ExitStatus::Unreachable => "There was no gate to ask, in whole or in part.".to_owned(),
        ExitStatus::Harness | ExitStatus::Usage => "The harness could not ask everything.".to_owned(),
    }
}

/// `2026-01-31 12:00:00 to 12:00:03 UTC (2.50 s)`.
pub(super) fn when(pins: &Pins) -> Option<String> {
    // RFC 3339 has the day in front of the `T` and parts of a second behind a dot.
    let parts = |at| {
        let stamp = timestamp(at);
        let (day, time) = stamp.split_once('T')?;
        Some((day.to_owned(), time.split('.').next()?.to_owned()))
    };
    let (day, time) = parts(pins.started?)?;
    Some(match pins.finished.and_then(parts) {
        None => format!("{day} {time} UTC"),
        Some((last, end)) if last == day => format!("{day} {time} to {end} UTC ({})", length(pins.elapsed)),
        Some((last, end)) => format!("{day} {time} to {last} {end} UTC ({})", length(pins.elapsed)),
    })
}

pub(super) fn length(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

pub(super) fn clock(offset: f64) -> String {
    if offset.abs() < 1.5 {
        format!("in step with ours ({offset:+} s)")
    } else if offset > 0.0 {
        format!("{offset} s ahead of ours")
    } else {
        format!("{} s behind ours", -offset)
    }
}

/// A number with a comma between thousands.
pub(in crate::report) fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(count), text);
        }
    }
}
