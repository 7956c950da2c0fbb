//! What can be said only of a rule among the others, and before the files of the site: warnings, none of which changes
//! what a rule does.
//!
//! What is said is tried first: wherever it can be, a request is made up and put to [`rolegate::decide()`], and nothing is
//! told unless the decision bears it out; nor is it said what to write instead, unless that is proved (`advice`). Each rule costs a bounded number of look-ups, so that no file takes time in its
//! square.

mod admitted;
mod advice;
mod answers;
mod backwards;
mod by_address;
mod bypass;
mod chains;
mod entry;
mod files;
mod forward;
mod gate;
mod idle;
mod links;
mod loads;
mod mended;
mod missing;
mod names;
mod narrow;
mod no_worse;
mod order;
mod permanent;
mod rewrite;
mod roles;
mod scene;
mod shadowed;
mod stars;
mod swallowed;
mod too_late;
mod tried;
mod values;
mod walk;
mod way_in;
mod ways;

use std::cell::OnceCell;

use rolegate::problem::Problem;
use rolegate::rules::{Rule, RuleFiles, RuleSet};
use rolegate::site::Site;

use crate::catalogue;
use advice::{Found, Kinds};
use scene::{Field, Scene, warning};

pub use loads::{READ, lint_pages};

/// Advice is proved for lists of which to look at takes no more than such a part of what may be compared.
const PROVED_WITH: usize = 6;

/// Everything that is odd about the rules as a list, before the files of `site`.
pub fn lint(rules: &RuleSet, site: &impl Site) -> Vec<Problem> {
    lint_first(rules, site, usize::MAX)
}

/// What is odd about the first `most` rules, among all of them.
pub fn lint_first(rules: &RuleSet, site: &impl Site, most: usize) -> Vec<Problem> {
    let scene = Scene::new(rules, site);
    let found = look(&scene, most);
    proved(&scene, found, most)
}

/// What reading has found in the files, with advice where some is proved, and everything that is odd about their rules as a list.
pub fn lint_with(read: Vec<Problem>, files: RuleFiles<'_>, rules: &RuleSet, site: &impl Site) -> Vec<Problem> {
    let scene = Scene::new(rules, site);
    let mut before = mended::Before::of(&read);
    let mut found = stars::found(&scene, read);
    found.extend(look(&scene, usize::MAX));
    before.looked = advice::kinds(&found, scene.rules());
    let mut problems = proved(&scene, found, usize::MAX);
    mended::prove(&scene, files, &before, &mut problems, |changed| again(&scene, changed, usize::MAX));
    problems
}

fn proved<S: Site>(scene: &Scene<'_, S>, found: Vec<Found>, most: usize) -> Vec<Problem> {
    advice::proved(scene, found, |changed| again(scene, changed, most))
}

/// What is found of a changed list, of each kind.
fn again<S: Site>(scene: &Scene<'_, S>, changed: &RuleSet, most: usize) -> Option<Kinds> {
    // As much is compared as in the list itself, so that as much of the changed one is looked at. RULES-14: a list that takes more than
    // a part of it is looked at once.
    let changed = Scene::new(changed, scene.site);
    let whole = changed.left();
    let kinds = advice::kinds(&look(&changed, most), changed.rules());
    (changed.left() > whole - whole / PROVED_WITH).then_some(kinds)
}

/// The same without advice, for those who read what can be written without any: see [`crate::fix`].
pub(crate) fn lint_without_advice(rules: &RuleSet, site: &impl Site) -> Vec<Problem> {
    look(&Scene::new(rules, site), usize::MAX).into_iter().map(|found| found.problem).collect()
}

fn look<S: Site>(scene: &Scene<'_, S>, most: usize) -> Vec<Found> {
    let mut problems = Vec::new();
    let mut seen = order::Seen::default();
    let bypasses = OnceCell::new();
    let spelled = OnceCell::new();
    // HEADERS-6: what stands for `Basic-Auth` is no rule that anybody wrote; its problem is told where it stands.
    for (place, rule) in scene.rules().iter().enumerate().skip(scene.set().seals().len()).take(most) {
        // RULES-14
        if scene.is_used_up() {
            problems.push(stopped(rule));
            break;
        }
        problems.extend(values::problems(rule));
        if rule.role().is_some() {
            let spelled = spelled.get_or_init(|| roles::Spelled::of(scene.rules()));
            problems.extend(roles::problems(spelled, rule));
        }
        problems.extend(roles::behind_the_destination(rule));
        // Of a rule that never decides there is nothing more to say.
        match order::problem(scene, place, rule, &mut seen) {
            Some(order::Unmet::Told(problem)) => {
                problems.push(*problem);
                continue;
            }
            Some(order::Unmet::OfOthers) => continue,
            None => {}
        }
        if rule.protects() {
            let bypasses = bypasses.get_or_init(|| bypass::bypasses(scene));
            problems.extend(bypass::problem(scene, bypasses, place, rule));
        }
        problems.extend(gate::problems(scene, place, rule));
        problems.extend(idle::problem(scene, place, rule));
        problems.extend(swallowed::problem(scene, place, rule));
        problems.extend(links::problem(scene, rule));
        problems.extend(rewrite::problems(scene, place, rule));
        problems.extend(forward::problems(scene, place, rule));
        problems.extend(admitted::problems(scene, place, rule));
        problems.extend(files::problem(scene, place, rule));
        problems.extend(missing::problem(scene, place, rule));
        problems.extend(walk::problems(scene, place, rule));
        problems.extend(by_address::problem(scene, place, rule));
        problems.extend(permanent::problem(scene, place, rule));
    }
    problems
}

/// RULES-14: what is said where the rules are so many in each other's way that to compare them all would take for ever.
fn stopped(rule: &Rule) -> Found {
    let message = "from here on the rules are not compared with each other: too many match the same paths".to_owned();
    let id = "lints-stopped";
    warning(rule, Field::From, id, message, None, catalogue::fix(id))
}
