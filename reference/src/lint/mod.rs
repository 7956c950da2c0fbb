//! What can be said only of a rule among the others, and before the files of the site: warnings, none of which changes
//! what a rule does.
//!
//! What is said is tried first: wherever it can be, a request is made up and put to [`crate::decide()`], and nothing is
//! told unless the decision bears it out. Each rule costs a bounded number of look-ups, so that no file takes time in its
//! square.

mod files;
mod gate;
mod order;
mod rewrite;
mod scene;
mod walk;

use crate::problem::Problem;
use crate::rules::RuleSet;
use crate::site::Site;
use scene::Scene;

/// Everything that is odd about the rules as a list, before the files of `site`.
pub fn lint(rules: &RuleSet, site: &impl Site) -> Vec<Problem> {
    lint_first(rules, site, usize::MAX)
}

/// What is odd about the first `most` rules, among all of them.
pub fn lint_first(rules: &RuleSet, site: &impl Site, most: usize) -> Vec<Problem> {
    let scene = Scene::new(rules, site);
    let mut problems = Vec::new();
    let mut seen = order::Seen::default();
    for (place, rule) in rules.rules().iter().enumerate().take(most) {
        if let Some(problem) = order::problem(&scene, place, rule, &mut seen) {
            // Of a rule that never decides there is nothing more to say.
            problems.push(problem);
            continue;
        }
        problems.extend(gate::problems(&scene, place, rule));
        problems.extend(rewrite::problems(&scene, place, rule));
        problems.extend(files::problem(&scene, place, rule));
        problems.extend(walk::problems(&scene, place, rule));
    }
    problems
}
