//! What can be said only of a rule among the others: warnings, none of which changes what a rule does.

mod order;

use crate::problem::Problem;
use crate::rules::RuleSet;

/// Everything that is odd about the rules as a list.
pub fn lint(rules: &RuleSet) -> Vec<Problem> {
    order::problems(rules)
}
