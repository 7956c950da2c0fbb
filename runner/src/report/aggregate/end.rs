//! How a run ends, and the run in a line.

use super::{Aggregate, timestamp};
use crate::corpus::question::Question;
use crate::exit::ExitStatus;
use crate::report::{Tally, counts};
use crate::verdict::Verdict;

impl Aggregate {
    /// How many of the planned cases have no verdict, because the run was cut short.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.pins.planned.saturating_sub(self.outcomes.len())
    }

    /// Whether no case of the run was asked, for want of a feature or because none is selected. A part of a run may have nothing to ask.
    #[must_use]
    pub fn asked_nothing(&self) -> bool {
        self.pins.shard.is_none()
            && self.outcomes.values().all(|outcome| matches!(outcome.verdict, Verdict::Unsupported { .. }))
    }

    /// Whether the gate ended by itself again and again. That no request takes it away (HTTP-11) is a question of the defence; once may be chance.
    #[must_use]
    pub fn keeps_going_down(&self) -> bool {
        self.weather.went_down > 1 && self.pins.conditions.profile.asks(Question::Defence)
    }

    /// How the run ends. One that was cut short or asked nothing, and found nothing, is no pass.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match self.tally.exit_status(self.options.strict) {
            ExitStatus::AsExpected if self.missing() > 0 => ExitStatus::Harness,
            ExitStatus::AsExpected if self.asked_nothing() => ExitStatus::Unreachable,
            ExitStatus::AsExpected if self.keeps_going_down() => ExitStatus::Defence,
            status => status,
        }
    }

    /// The whole run in a word or two.
    #[must_use]
    pub fn headline(&self) -> &'static str {
        match self.exit_status() {
            ExitStatus::AsExpected if self.tally.known_leaks > 0 => "pass, with known leaks",
            ExitStatus::AsExpected if self.tally.should_findings > 0 => "pass, with findings",
            ExitStatus::AsExpected if self.tally.summary.known > 0 => "pass, with known failures",
            ExitStatus::AsExpected => "pass",
            ExitStatus::Findings if self.tally.new_leaks > 0 => "LEAK",
            ExitStatus::Findings if self.only_stale() => "STALE BASELINE",
            ExitStatus::Findings => "FAIL",
            ExitStatus::Defence => "FORMAT PASS, DEFENCE FAIL",
            ExitStatus::Unreachable if self.gates_failed.is_empty() && self.asked_nothing() => "NOTHING ASKED",
            ExitStatus::Unreachable => "NO GATE",
            ExitStatus::Harness if self.missing() > 0 => "CUT SHORT",
            ExitStatus::Harness | ExitStatus::Usage => "HARNESS FAULT",
        }
    }

    /// Whether nothing fails the run but a baseline that is no longer true.
    #[must_use]
    pub fn only_stale(&self) -> bool {
        let Tally { new_leaks, must_findings, should_findings, stale, .. } = self.tally;
        stale > 0 && new_leaks == 0 && must_findings == 0 && !(self.options.strict && should_findings > 0)
    }

    /// What pins the run down, as every format that has room tells it: name and value.
    #[must_use]
    pub fn stamp(&self) -> Vec<(&'static str, String)> {
        let pins = &self.pins;
        let mut rows = vec![
            ("gate", pins.gate.clone()),
            ("target", pins.target.clone()),
            ("corpus", format!("{} {}", pins.corpus_version, pins.corpus_digest)),
            ("runner", format!("gatecheck {}", pins.runner_version)),
        ];
        rows.extend(pins.seed().map(|seed| ("seed", seed)));
        rows.extend(pins.shard.map(|shard| ("shard", shard.to_string())));
        rows.extend(pins.started.map(|at| ("started", timestamp(at))));
        rows.extend(pins.finished.map(|at| ("finished", timestamp(at))));
        rows.extend(self.clock_offset().map(|offset| ("clock offset", format!("{offset} s"))));
        rows
    }

    /// The whole run in one line: verdict, counts, and what pins it down.
    #[must_use]
    pub fn colophon(&self) -> String {
        let told = self.stamp().into_iter().map(|(name, value)| match name {
            "gate" => value,
            "runner" => value,
            _ => format!("{name} {value}"),
        });
        let verdict = format!("{}: {}", self.headline(), self.told());
        std::iter::once(verdict).chain(told).collect::<Vec<_>>().join(", ")
    }

    /// What came of both questions, and the counts, in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let asked = self.outcomes.len();
        let part = match self.missing() {
            0 => String::new(),
            _ => format!("{asked} of {} cases were asked · ", self.pins.planned),
        };
        format!("{part}{} ({})", self.score_line(), counts(&self.tally.summary))
    }

    /// `format 9,412/9,430 · defence 3,981/4,310 · 0 leaks`
    #[must_use]
    pub fn score_line(&self) -> String {
        self.tally.scores.told(self.tally.summary.leak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::question::Profile;
    use crate::event::{Event, Weather};
    use crate::shard::Shard;

    #[test]
    fn a_gate_that_keeps_going_down_does_not_pass() {
        for (times, profile, ends) in [
            (0, Profile::All, ExitStatus::AsExpected),
            (1, Profile::All, ExitStatus::AsExpected),
            (2, Profile::All, ExitStatus::Defence),
            (2, Profile::Only(Question::Defence), ExitStatus::Defence),
            (2, Profile::Only(Question::Format), ExitStatus::AsExpected),
        ] {
            let mut run = Aggregate::default();
            // A part of a run may have nothing to ask.
            run.pins.shard = Shard::new(1, 2);
            run.pins.conditions.profile = profile;
            (0..times).for_each(|_| run.note(&Event::Weather(Weather::WentDown)));
            assert_eq!(run.exit_status(), ends, "{times} times, {profile}");
        }
    }
}
