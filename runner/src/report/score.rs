//! What came of the two questions: how many cases of each passed, and what failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::html::number;
use super::outcome::Outcome;
use crate::corpus::question::Question;
use crate::corpus::source::Level;

/// What came of one question. Cases that nothing is prescribed for, and those that the gate has no feature for, count nowhere.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Score {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that were asked.
    pub asked: usize,
    /// MUST cases that failed or were left unproven, and are not known.
    pub must_findings: usize,
    /// SHOULD cases that failed, leaked or were left unproven, and are not known.
    pub should_findings: usize,
}

/// What came of both questions.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Scores {
    /// Does it do what the format says?
    pub format: Score,
    /// Is it hard to get past?
    pub defence: Score,
}

impl Scores {
    /// What came of a question.
    #[must_use]
    pub fn of(&self, question: Question) -> Score {
        match question {
            Question::Format => self.format,
            Question::Defence => self.defence,
        }
    }

    /// Counts one case.
    pub fn count(&mut self, outcome: &Outcome) {
        let score = match outcome.question {
            Question::Format => &mut self.format,
            Question::Defence => &mut self.defence,
        };
        score.count(outcome.standing(), outcome.level);
    }

    /// `format 9,412/9,430 · defence 3,981/4,310 · 0 leaks`; a question that was not asked is left out.
    #[must_use]
    pub fn told(&self, leaks: usize) -> String {
        let asked = Question::ALL.into_iter().filter(|one| self.of(*one).asked > 0);
        let mut parts: Vec<String> = asked.map(|one| format!("{} {}", one.name(), self.of(one).told())).collect();
        parts.push(if leaks == 1 { "1 leak".to_owned() } else { format!("{} leaks", number(leaks)) });
        parts.join(" · ")
    }
}

impl Score {
    /// `9,412/9,430`
    #[must_use]
    pub fn told(&self) -> String {
        format!("{}/{}", number(self.passed), number(self.asked))
    }

    /// Counts a case by the name under which it stands in reports.
    pub fn count(&mut self, standing: &str, level: Level) {
        if level == Level::Survey || matches!(standing, "observed" | "unsupported") {
            return;
        }
        self.asked = self.asked.saturating_add(1);
        let slot = match (standing, level) {
            ("pass", _) => &mut self.passed,
            ("fail" | "unproven", Level::Must) => &mut self.must_findings,
            ("fail" | "unproven" | "leak", Level::Should) => &mut self.should_findings,
            _ => return,
        };
        *slot = slot.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_questions_in_one_line() {
        let mut scores = Scores::default();
        assert_eq!(scores.told(0), "0 leaks");
        for (standing, level, times) in [
            ("pass", Level::Must, 9412),
            ("fail", Level::Must, 18),
            ("observed", Level::Survey, 7),
            ("unsupported", Level::Must, 3),
        ] {
            (0..times).for_each(|_| scores.format.count(standing, level));
        }
        assert_eq!(scores.told(0), "format 9,412/9,430 · 0 leaks");
        (0..3981).for_each(|_| scores.defence.count("pass", Level::Should));
        (0..329).for_each(|_| scores.defence.count("leak", Level::Should));
        assert_eq!(scores.told(1), "format 9,412/9,430 · defence 3,981/4,310 · 1 leak");
        assert_eq!((scores.format.must_findings, scores.defence.should_findings), (18, 329));
    }
}
