//! Unforced rules behind files of the site (SHADOW-1).

use rolegate::decide::Outcome;
use rolegate::path::RequestPath;
use rolegate::problem::Problem;
use rolegate::rules::{Apply, Captures, Rule};
use rolegate::site::Site;

use super::advice::{Closing, Found, Proposal, answering};
use super::names::is_denial_page;
use super::narrow;
use super::scene::{Field, Scene, Visit, folder_path, name_as_path, page_of, place_of, warning};

/// Whether files are served instead of what the rule at `place` says.
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| !apply.force && apply.conditions.role.is_none())?;
    if !scene.site.is_listed() || !rule.query.is_empty() {
        return None;
    }
    if rule.pattern.ends_in_splat() { many(scene, place, rule, apply) } else { one(scene, place, rule, apply) }
}

/// The file of the one path that the rule is for.
fn one<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, apply: &Apply) -> Option<Found> {
    rule.pattern.literal()?;
    let visit = Visit::of(rule);
    let decision = scene.answer(&visit)?;
    let (Outcome::Serve { file }, Some(by), false) = (decision.outcome, decision.by, decision.role_dependent) else {
        return None;
    };
    if by != place || (200..300).contains(&apply.status) && leads_to(scene, apply, &file) {
        return None;
    }
    let message =
        format!("`{}` is a file of the site, and it is served instead of what this rule says", name_as_path(&file));
    let visitor = format!("`{}`, with the status 200", name_as_path(&file));
    let help = "a file goes before a rule that is not forced";
    let found = warning(rule, Field::From, "file-before-rule", message, visitor, help);
    Some(found.proposing(forced(place, rule, apply, "or remove the file or the rule")))
}

fn leads_to<S: Site>(scene: &Scene<'_, S>, apply: &Apply, file: &str) -> bool {
    let target = apply.to.substitute(&Captures::default());
    let path = RequestPath::parse(target.path.as_bytes()).ok().filter(|_| !apply.to.is_absolute());
    path.is_some_and(|path| scene.site.file(&path).as_deref() == Some(file))
}

/// The files below a splat. A page or a not-found page for what is no file is what an unforced splat is for; that a tree
/// has moved, or is closed, is not.
fn many<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, apply: &Apply) -> Option<Found> {
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    if (200..300).contains(&apply.status) || apply.status == 404 || rule.origin.is_some() {
        return None;
    }
    // To one path below itself: forced it would go round for ever, so it is meant for what is no file.
    let to = apply.to.reach();
    if apply.is_redirect() && !apply.to.is_absolute() && to.literal().is_some() && rule.pattern.covers(&to) {
        return None;
    }
    let visit = Visit::of(rule);
    let file = scene.names_below(&(folder_path(&stem) + "/")).find(|name| {
        let path = RequestPath::parse(name_as_path(name).as_bytes()).ok();
        let decision = path.and_then(|path| scene.answer(&visit.at(&path)));
        decision.is_some_and(|decision| {
            decision.by == Some(place) && !decision.role_dependent && matches!(decision.outcome, Outcome::Serve { .. })
        })
    })?;
    let file = name_as_path(file);
    let message = format!("files below this path, such as `{file}`, are served instead of what this rule says");
    let visitor = format!("`{file}`, with the status 200; what this rule says only where there is no file");
    let help = "files go before a rule that is not forced";
    let found = warning(rule, Field::From, "files-before-rule", message, visitor, help);
    if let Some((at, gate)) = narrower_gate(scene, place, rule, apply) {
        let line = place_of(gate.span, rule.span);
        let help = format!(
            "{line} asks for the role at fewer paths than this line answers: widen the gate first; forced, this line would turn away those who \
             hold the role as well"
        );
        let found = Found { problem: Problem { help, ..found.problem }, ..found };
        return Some(found.proposing(wider(scene, (at, gate), rule, &line)));
    }
    Some(found.proposing(forced(place, rule, apply, "or remove the files")))
}

/// The gate further up for some of the paths alone at which the rule turns visitors away.
fn narrower_gate<'r, S: Site>(
    scene: &Scene<'r, S>,
    place: usize,
    rule: &Rule,
    apply: &Apply,
) -> Option<(usize, &'r Rule)> {
    let turns_away = apply.status >= 400 || page_of(apply).is_some_and(|page| is_denial_page(&page));
    let mut gates = scene.closed.iter().copied().filter(|(at, _)| *at < place && turns_away);
    gates.find(|(_, gate)| gate.pattern.may_meet(&rule.pattern) && !gate.pattern.covers(&rule.pattern))
}

/// What widens the gate at `at` to all that lies below its path, or to all that the rule answers.
fn wider<S: Site>(scene: &Scene<'_, S>, (at, gate): (usize, &Rule), rule: &Rule, line: &str) -> Vec<Proposal> {
    let deep = narrow::deeper(scene, at, gate);
    let deep = deep.into_iter().map(|proposal| Proposal { help: format!("on {line} {}", proposal.help), ..proposal });
    let is_tree = gate.pattern.ends_in_splat() && gate.leads_to_itself();
    let as_wide = narrow::at_own_path(gate, &rule.pattern).filter(|_| is_tree).map(|wide| Proposal {
        help: format!("where all of it is for those who hold the role, write `{wide}` on {line}"),
        closes: Some(Closing::by(&wide)),
        changes: vec![(at, vec![wide])],
    });
    deep.chain(as_wide).collect()
}

/// The rule with a `!`. Where it leads back to its own paths it would be in the way of what it leads to.
fn forced(place: usize, rule: &Rule, apply: &Apply, or: &str) -> Option<Proposal> {
    let leads_back = !apply.to.is_absolute() && apply.to.reach().may_meet(&rule.pattern);
    if leads_back || rule.captures_query() {
        return None;
    }
    let help = format!("write `{}!` to force the rule, {or}", apply.status);
    let changes = vec![(place, vec![answering(rule, |apply| apply.force = true)])];
    let closes = (apply.status >= 400).then(|| Closing { but_for: None, ..Closing::by(rule) });
    Some(Proposal { help, changes, closes })
}
