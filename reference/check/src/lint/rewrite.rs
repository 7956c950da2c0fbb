//! Rewrites, whose target is not matched again (STATUS-4): into what a gate closes, and out of it.

use rolegate::decide::Outcome;
use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Pattern, Rule};
use rolegate::site::Site;

use super::admitted::holder;
use super::advice::{Closing, Found, Proposal, answering, changed};
use super::forward::is_function;
use super::names::is_login_page;
use super::scene::{Field, Scene, Visit, name_as_path, place_of, segments, warning};

/// What is odd about where the rule at `place` leads, if it shows a page of the site.
pub(super) fn problems<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| !apply.is_redirect() && !apply.to.is_absolute())?;
    if rule.role().is_some() {
        target_open(scene, place, rule, apply)
    } else {
        leads_into_gate(scene, place, rule, apply)
    }
}

fn leads_into_gate<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, apply: &Apply) -> Option<Found> {
    // RULES-12: no gate is for what the platform keeps for itself.
    if is_function(apply) {
        return None;
    }
    let reach = apply.to.reach();
    let visit = Visit::of(rule);
    let gates = scene.gates_beside(rule.text.len()).iter().map(|(_, gate)| *gate);
    let mut gates = gates.filter(|gate| reach.may_meet(&gate.pattern));
    let (gate, asked, shown) = gates.find_map(|gate| {
        let (asked, shown) = way_into(scene, place, rule, gate, &visit)?;
        Some((gate, asked, shown))
    })?;
    let line = place_of(gate.span, rule.span);
    // RULES-9
    let (closes, help) = match gate.role() {
        Some(_) => ("gates", "a rewrite asks for the role that it names itself, and for no other".to_owned()),
        None => ("closes", format!("{line} is in error, and closes its own paths alone until it is corrected")),
    };
    let message = format!(
        "this leads into `{}`, which {line} {closes}, and the target of a rewrite is not matched again",
        gate.pattern
    );
    let visitor = format!("at `{asked}` what lies at `{shown}`, without being asked for a role");
    let found = warning(rule, Field::To, "leads-into-gate", message, visitor, help);
    // What leads to other places too is for those who get them.
    let role = gate.role().filter(|_| gate.pattern.covers(&reach)).cloned();
    Some(found.proposing(role.map(|role| Proposal {
        help: "add the same `Role=` here, or lead elsewhere".to_owned(),
        changes: vec![(place, vec![answering(rule, |apply| apply.conditions.role = Some(role))])],
        closes: None,
    })))
}

/// A path that the rule answers with what the gate denies to those who ask for it, and the path of that.
fn way_into<S: Site>(
    scene: &Scene<'_, S>,
    place: usize,
    rule: &Rule,
    gate: &Rule,
    visit: &Visit,
) -> Option<(RequestPath, RequestPath)> {
    let apply = rule.apply()?;
    scene.spend(8 * gate.text.len());
    // A file of the site says more than a made-up name.
    let file = |pattern: &Pattern| {
        let stem = pattern.stem().filter(|stem| !stem.is_empty())?;
        scene.names_below(&format!("/{}/", stem.join("/"))).next().map(|file| RequestPath::of(segments(file)))
    };
    // And what a rule leads to says more than what a wide gate is for.
    let reach = apply.to.reach();
    let of = |pattern: &Pattern| [file(pattern), Some(pattern.example(super::scene::WORD))];
    let wanted = of(&gate.pattern).into_iter().chain(of(&reach)).flatten();
    // Without a name in it a destination is one page, whatever is wanted.
    let ways = if apply.to.takes_captures() { usize::MAX } else { 1 };
    wanted.take(ways).find_map(|shown| {
        let asked = if apply.to.takes_captures() { rule.path_to(&shown)? } else { visit.path()? };
        let shown = if apply.to.takes_captures() {
            shown
        } else {
            RequestPath::parse(apply.to.substitute(&rolegate::rules::Captures::default()).path.as_bytes()).ok()?
        };
        let here = scene.answer(&visit.at(&asked))?;
        // The page for those whom a gate turns away may well lie inside it. ROLE-3, ROLE-12: no denial leads back to what was
        // denied.
        let is_refused = matches!(here.outcome, Outcome::NotFound { forced: true, .. });
        let is_denial = here.denied && (is_refused || !apply.to.takes_captures());
        if here.by != Some(place) || is_denial || is_exemption(scene, rule, apply, &asked, &shown) {
            return None;
        }
        let there = scene.answer(&Visit::of(gate).at(&shown))?;
        (there.denied && gate.pattern.matches(&shown) && keeps(scene, gate, &shown)).then_some((asked, shown))
    })
}

/// Whether those whom the gate admits get what lies at the path there; a gate that shows them something else does not keep it.
fn keeps<S: Site>(scene: &Scene<'_, S>, gate: &Rule, shown: &RequestPath) -> bool {
    let Some((role, apply)) = gate.role().zip(gate.apply()) else { return true };
    if apply.to.is_absolute() || apply.to.reach() == gate.pattern {
        return true;
    }
    let visit = Visit::of(gate).by(&holder(role));
    let file = if scene.is_bare() { None } else { scene.site.file(shown) };
    // By its own path, or by the one at which the gate shows it.
    [Some(shown.clone()), gate.path_to(shown)].into_iter().flatten().any(|path| {
        let Some(decision) = scene.answer(&visit.at(&path)) else { return true };
        let target = decision.target.as_deref().and_then(|target| RequestPath::parse(target.as_bytes()).ok());
        let leads_there = target.is_some_and(|target| target.same_but_for_slash(shown));
        decision.denied || leads_there || (file.is_some() && decision.outcome.file() == file.as_deref())
    })
}

/// Whether the rule shows what its own paths are of, or a page to log in: it stands there so that a gate is not met.
fn is_exemption<S: Site>(
    scene: &Scene<'_, S>,
    rule: &Rule,
    apply: &Apply,
    asked: &RequestPath,
    shown: &RequestPath,
) -> bool {
    let file = |path| scene.site.file(path).filter(|_| !scene.is_bare());
    let page = |path: &RequestPath| path.name().strip_suffix(".html").unwrap_or(path.name()).to_owned();
    asked.same_but_for_slash(shown)
        || file(asked).is_some_and(|own| file(shown) == Some(own))
        || (scene.is_bare() && page(asked) == page(shown))
        || (!apply.to.takes_captures() && (is_login_page(shown.name()) || lies_in_own_tree(rule, apply)))
}

fn lies_in_own_tree(rule: &Rule, apply: &Apply) -> bool {
    rule.pattern.stem().is_some_and(|stem| !stem.is_empty()) && rule.pattern.covers(&apply.to.reach())
}

/// What a role rule shows is public under its own path.
fn target_open<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, apply: &Apply) -> Option<Found> {
    let reach = apply.to.reach();
    // A gate that shows its own paths closes them; one with a host does so on that host alone.
    let is_own = rule.pattern.covers(&reach);
    if (is_own && (rule.origin.is_none() || reach == rule.pattern)) || !(200..300).contains(&apply.status) {
        return None;
    }
    // One page for a whole tree is a page for its visitors, and hides nothing.
    if rule.pattern.ends_in_splat() && !apply.to.takes_captures() {
        return None;
    }
    let visit = Visit::of(rule).without_query();
    let (visit, hosts) = if is_own { (visit.elsewhere(), " on other hosts") } else { (visit, "") };
    let stem = reach.stem()?;
    let name = format!("/{}", stem.join("/"));
    let file = if reach.ends_in_splat() {
        if stem.is_empty() {
            return None;
        }
        scene.names_below(&format!("{name}/")).find(|name| scene.is_public(name, &visit))?.to_owned()
    } else {
        let path = RequestPath::of(segments(&name));
        scene.site.file(&path).filter(|file| scene.is_public(file, &visit))?.into_owned()
    };
    let shown = name_as_path(&file);
    let message = format!("this shows `{shown}`, which is public under its own path{hosts}");
    let visitor = format!("`{shown}` under its own path{hosts}, without being asked for a role");
    let help = "the path that a rule leads to has no gate by that";
    let found = warning(rule, Field::To, "gate-target-open", message, visitor, help);
    let closed = changed(rule, |rule| {
        rule.pattern = reach.clone();
        rule.origin = rule.origin.take().filter(|_| !is_own);
        rule.query.clear();
    });
    // The names of `from` stand for nothing in another `from`, but for the splat.
    let is_plain = closed.apply().is_some_and(|apply| apply.to.names_in_path().all(|name| name == "splat"));
    Some(found.proposing(is_plain.then(|| Proposal {
        help: format!("where it is not for everybody, add `{closed}`"),
        closes: Some(Closing::by(&closed)),
        changes: vec![(place, vec![rule.clone(), closed])],
    })))
}
