//! What stands below a gate for its own paths, and answers those whom it denies: where the gate comes to cover other paths, that goes
//! along.

use rolegate::rules::Rule;
use rolegate::site::Site;

use super::scene::{LOOKED_AT, Scene};

/// The rules below the gate at `place` that ask for no role and are for the same paths, each with its place.
pub(super) fn answers_of<'r, S: Site>(scene: &Scene<'r, S>, place: usize, gate: &Rule) -> Vec<(usize, &'r Rule)> {
    let below = scene.rules().iter().enumerate().skip(place + 1).take(LOOKED_AT);
    let is_for_them = |rule: &Rule| {
        !rule.is_gate() && (&rule.pattern, &rule.origin, &rule.query) == (&gate.pattern, &gate.origin, &gate.query)
    };
    below.filter(|(_, rule)| is_for_them(rule)).collect()
}

/// Rules in words: each as the line that is written, with `and` before the last one.
pub(super) fn listed<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> String {
    let lines: Vec<String> = rules.into_iter().map(|rule| format!("`{}`", rule.text)).collect();
    match lines.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}
