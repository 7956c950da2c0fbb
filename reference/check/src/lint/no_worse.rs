//! Whether a changed list of rules is worse for anybody than it was, as far as can be asked (LINT-1).

use std::collections::HashSet;

use rolegate::decide::{Decision, Outcome};
use rolegate::path::RequestPath;
use rolegate::rules::{Rule, is_of_a_function};
use rolegate::site::Site;
use rolegate::visitor::Visitor;

use super::advice::Closing;
use super::forward::is_function;
use super::names::is_login_page;
use super::scene::{Scene, Visit, name_as_path};
use super::tried::visits;
use super::way_in;

/// What a visitor gets of the site or of another server.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Content {
    File(String),
    Url(String),
}

fn content(decision: &Decision) -> Option<Content> {
    match &decision.outcome {
        Outcome::Proxy { url } => Some(Content::Url(url.clone())),
        // A destination that is no file here is still one elsewhere.
        Outcome::NotFound { page: None, forced: false } => {
            decision.target.clone().filter(|_| !decision.denied).map(Content::Url)
        }
        outcome => outcome.file().map(|file| Content::File(file.to_owned())),
    }
}

/// What a change has to do with.
pub(super) struct Changed<'c> {
    /// The rules that go or are changed, and those in their place.
    pub(super) touched: Vec<&'c Rule>,
    /// The places of the first of these in the list as it was.
    pub(super) places: Vec<usize>,
    /// What is closed on purpose.
    pub(super) closes: Option<&'c Closing>,
    /// RULES-9: the places in the new list of role rules that stand where something was sealed: whom they name they admit.
    pub(super) mended: Vec<usize>,
}

/// Whether nobody whom the rules denied gets anything for it, and nobody whom they admitted is denied.
pub(super) fn is_no_worse<S: Site>(before: &Scene<'_, S>, after: &Scene<'_, S>, changed: &Changed<'_>) -> bool {
    let closes = changed.closes;
    let visits = visits(before, &changed.touched);
    let mut visitors = vec![Visitor::Anonymous, Visitor::with_roles(["a role that no rule names"])];
    visitors.extend(before.holders.iter().cloned());
    // Of a line that is sealed nobody knows the roles.
    visitors.extend(after.holders.iter().filter(|holder| !before.holders.contains(holder)).cloned());
    // Where no gate fetches anything, what is fetched is kept from nobody who is not denied.
    let fetches = |gate: &Rule| gate.is_proxy() || gate.apply().is_none_or(is_function);
    let any_fetches = before.rules().iter().any(|gate| gate.is_gate() && fetches(gate));
    visitors.iter().all(|visitor| {
        let answers = visits.iter().map(|visit| {
            let visit = visit.by(visitor);
            Some((before.answer(&visit)?, after.answer(&visit)?, visit))
        });
        let Some(answers) = answers.collect::<Option<Vec<_>>>() else { return false };
        // What somebody gets behind a rule that turned them away is theirs at that place alone: on another host it may be kept.
        let given = answers.iter().filter(|(was, _, _)| !was.denied);
        let had: HashSet<Content> = given.filter_map(|(was, _, _)| content(was)).collect();
        // The pages that say so to those who are denied are theirs, too, and so is one to log in.
        let pages: HashSet<Content> = answers
            .iter()
            .filter(|(was, _, _)| by_a_page(before, was))
            .filter_map(|(was, _, _)| content(was))
            .collect();
        if closes.is_some_and(|closes| keeps_nothing(before, closes, visitor, &answers)) {
            return false;
        }
        answers.iter().all(|(was, is, visit)| {
            let admitted = !was.denied && was.by.and_then(|by| before.rule(by)).is_some_and(|by| by.role().is_some());
            let is_closed_on_purpose = || {
                closes.is_some_and(|closes| {
                    let is_for_them = closes.but_for.as_ref().is_some_and(|role| role.holds(visitor));
                    closes.is_for(visit)
                        && !(is.denied && is_for_them)
                        && (closes.to_the_admitted || !admitted || !is.denied)
                })
            };
            // Whoever a role rule has let in is let in still, also where there is nothing to see.
            let turned_away = admitted && is.denied && !is_closed_on_purpose();
            let opened = content(is).is_some_and(|shown| {
                // A role admits to what no other gate keeps from its holder.
                let admitted =
                    !was.denied && !is.denied && is.role_dependent && !is_kept_by_name(before, visit, &shown);
                let logs_in = matches!(&shown, Content::File(file) if is_login_page(file));
                let by = is.by.and_then(|by| after.rule(by));
                let is_way_in = || by.is_some_and(|by| way_in::shows_way_in(before, by));
                let is_page = (by_a_page(after, is) && (logs_in || pages.contains(&shown))) || is_way_in();
                let fetches = !was.denied && !is.denied && !any_fetches && is_fetched(is);
                let is_new = content(was).as_ref() != Some(&shown) && !had.contains(&shown);
                is_new && !admitted && !is_page && !fetches && !before_gets(before, visit, &shown)
            });
            // A page that a rule leads to and that is not there yet is no denial; one that was there is missed.
            let is_changed = was.by.is_some_and(|by| changed.places.contains(&by));
            let is_missing = is.by.is_none() || (was.outcome.file().is_some() && !is_changed && !is_fetched(is));
            let is_nothing = is.denied || (matches!(is.outcome, Outcome::NotFound { .. }) && is_missing);
            let was_something = !was.denied && is_something(was);
            let locked_out = was_something
                && is_nothing
                && was.outcome != is.outcome
                && !is_closed_on_purpose()
                && !is_kept(before, visit, was)
                && !closes.is_some_and(|closes| gets_by_name(after, closes, visit, was));
            let undenied = was.denied && !is.denied && content(is).is_some();
            (!opened && !locked_out && !turned_away && !undenied) || is_let_in(after, changed, visitor, visit, is)
        })
    })
}

/// Whether a rule that is mended admits the visitor, who holds the role that it names, to what no other gate keeps.
fn is_let_in<S: Site>(
    after: &Scene<'_, S>,
    changed: &Changed<'_>,
    visitor: &Visitor,
    visit: &Visit,
    is: &Decision,
) -> bool {
    let by = is.by.filter(|by| changed.mended.contains(by)).and_then(|by| after.rule(by));
    let holds = by.and_then(Rule::role).is_some_and(|role| role.holds(visitor));
    let is_kept = || content(is).is_some_and(|shown| is_kept_by_name(after, visit, &shown));
    holds && !is.denied && !is_kept()
}

/// Whether another server or a function answers.
fn is_fetched(decision: &Decision) -> bool {
    matches!(decision.outcome, Outcome::Proxy { .. }) || decision.target.as_deref().is_some_and(is_of_a_function)
}

/// Whether there is an answer; a function runs elsewhere.
fn is_something(decision: &Decision) -> bool {
    is_fetched(decision) || !matches!(decision.outcome, Outcome::NotFound { .. })
}

/// Whether those for whom something is closed to others got something there, and get nothing at all any more.
fn keeps_nothing<S: Site>(
    before: &Scene<'_, S>,
    closes: &Closing,
    visitor: &Visitor,
    answers: &[(Decision, Decision, Visit)],
) -> bool {
    if before.is_bare() || !closes.but_for.as_ref().is_some_and(|role| role.holds(visitor)) {
        return false;
    }
    let there = || answers.iter().filter(|(_, _, visit)| closes.is_for(visit));
    let gets = |decision: &Decision| !decision.denied && is_something(decision);
    there().any(|(was, _, _)| gets(was)) && !there().any(|(_, is, _)| gets(is))
}

/// Whether a page that says that something is denied is what came.
fn by_a_page<S: Site>(scene: &Scene<'_, S>, decision: &Decision) -> bool {
    decision.by.and_then(|by| scene.rule(by)).is_some_and(is_denial_page)
}

/// Whether the visitor got a file by its own path already.
fn before_gets<S: Site>(before: &Scene<'_, S>, visit: &Visit, shown: &Content) -> bool {
    by_name(before, visit, shown).is_some_and(|decision| content(&decision).as_ref() == Some(shown))
}

/// Whether what the visitor got is denied under its own path.
fn is_kept<S: Site>(before: &Scene<'_, S>, visit: &Visit, was: &Decision) -> bool {
    let Some(file) = was.outcome.file() else { return false };
    // What lies at the path is not given away there.
    if visit.path().is_some_and(|path| before.site.file(&path).is_some_and(|own| own == file)) {
        return false;
    }
    is_kept_by_name(before, visit, &Content::File(file.to_owned()))
}

/// Whether the visitor gets the file that was shown by its own name, where a gate ends since there is none.
fn gets_by_name<S: Site>(after: &Scene<'_, S>, closes: &Closing, visit: &Visit, was: &Decision) -> bool {
    let is_left = |path: RequestPath| {
        closes.leaves.as_ref().is_some_and(|leaves| leaves.matches(&path)) && after.site.file(&path).is_none()
    };
    let shown = was.outcome.file().map(|file| Content::File(file.to_owned()));
    visit.path().is_some_and(is_left) && shown.is_some_and(|shown| before_gets(after, visit, &shown))
}

/// Whether a file is denied to the visitor under its own path.
fn is_kept_by_name<S: Site>(before: &Scene<'_, S>, visit: &Visit, shown: &Content) -> bool {
    by_name(before, visit, shown).is_some_and(|decision| decision.denied)
}

/// What the visitor gets who asks for a file by its own path.
fn by_name<S: Site>(before: &Scene<'_, S>, visit: &Visit, shown: &Content) -> Option<Decision> {
    let Content::File(file) = shown else { return None };
    let path = RequestPath::parse(name_as_path(file).as_bytes()).ok()?;
    before.answer(&visit.at(&path).without_query())
}

/// Whether the rule shows a fixed page of the site with a status that says no.
pub(super) fn is_denial_page(rule: &Rule) -> bool {
    rule.role().is_none()
        && rule.apply().is_some_and(|apply| {
            (400..500).contains(&apply.status) && !apply.to.is_absolute() && !apply.to.takes_captures()
        })
}
