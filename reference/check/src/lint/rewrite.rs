//! Rewrites, whose target is not matched again (STATUS-4): into what a gate closes, and out of it.

use rolegate::decide::{Decision, Outcome};
use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Conditions, Pattern, RoleCondition, Rule};
use rolegate::site::{Site, Spellings};
use rolegate::visitor::Visitor;

use super::admitted::{called, holder, stranger};
use super::advice::{Closing, Found, Proposal, answering, changed, line_at, page_rule};
use super::answers::listed;
use super::forward::is_function;
use super::names::{is_denial_page, is_login_page};
use super::narrow::at_every_spelling;
use super::scene::{Field, Scene, Visit, folder_path, name_as_path, place_of, segments, warning};
use super::ways::ways_into;

/// What is odd about where the rule at `place` leads, if it shows a page of the site.
pub(super) fn problems<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| !apply.is_redirect() && !apply.to.is_absolute())?;
    let open = rule.role().and_then(|_| target_open(scene, place, rule, apply));
    open.or_else(|| leads_into_gate(scene, place, rule, apply))
}

/// How somebody gets what a gate keeps from them.
struct Leak {
    /// What is asked for, and what is shown then.
    asked: Visit,
    shown: RequestPath,
    /// Who asks.
    visitor: Visitor,
    /// Whether that is the answer for those whom the gate denies.
    for_the_denied: bool,
}

fn leads_into_gate<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, apply: &Apply) -> Option<Found> {
    // RULES-12: no gate is for what the platform keeps for itself.
    if is_function(apply) {
        return None;
    }
    let reach = apply.to.reach();
    let gates = scene.gates_beside(rule.text.len()).iter().map(|(_, gate)| *gate);
    let mut gates = gates.filter(|gate| reach.may_meet(&gate.pattern));
    let (gate, leak) = gates.find_map(|gate| Some((gate, leak(scene, place, rule, gate)?)))?;
    let line = place_of(gate.span, rule.span);
    // RULES-9
    let (closes, help) = match gate.role() {
        Some(_) => ("gates", "a rewrite asks for the role that it names itself, and for no other".to_owned()),
        None => ("closes", format!("{line} is in error, and closes its own paths alone until it is corrected")),
    };
    let Leak { asked, shown, visitor, for_the_denied } = leak;
    let (message, visitor) = match rule.role() {
        Some(_) => (
            format!("this leads into `{}`, which {line} {closes} for others than those who get it here", gate.pattern),
            format!(
                "with {}, at `{}` what lies at `{shown}` and is denied to them there",
                called(&visitor),
                asked.address()
            ),
        ),
        None if for_the_denied => (
            format!("this shows those whom {line} denies `{shown}`, which it keeps for others"),
            format!("at `{}` what lies at `{shown}`, without being asked for a role", asked.address()),
        ),
        None => (
            format!(
                "this leads into `{}`, which {line} {closes}, and the target of a rewrite is not matched again",
                gate.pattern
            ),
            format!("at `{}` what lies at `{shown}`, without being asked for a role", asked.address()),
        ),
    };
    let found = warning(rule, Field::To, "leads-into-gate", message, visitor, help);
    if for_the_denied || (apply.status >= 400 && rule.role().is_none()) {
        let page = scene.denial_page().and_then(|page| page_rule(rule, page, 401, apply.force));
        return Some(found.proposing(page.map(|page| Proposal {
            help: format!("show those who are denied a page that is for them: `{page}`"),
            changes: vec![(place, vec![page])],
            closes: None,
        })));
    }
    // What leads to other places too is for those who get them.
    let role = gate.role().filter(|_| gate.pattern.covers(&reach) && rule.role().is_none()).cloned();
    Some(found.proposing(role.map(|role| Proposal {
        help: "add the same `Role=` here, or lead elsewhere".to_owned(),
        changes: vec![(place, vec![answering(rule, |apply| apply.conditions.role = Some(role))])],
        closes: None,
    })))
}

/// What the rule answers with to somebody to whom the gate denies it.
fn leak<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, gate: &Rule) -> Option<Leak> {
    let apply = rule.apply()?;
    scene.spend(8 * gate.text.len());
    let visitor = match (rule.role(), gate.role()) {
        // Below the gate itself that is another finding.
        (Some(own), Some(other)) if !gate.pattern.covers(&rule.pattern) => stranger(own, other)?,
        (Some(_), _) => return None,
        (None, _) => Visitor::Anonymous,
    };
    ways_into(scene, rule, &gate.pattern).into_iter().find_map(|(asked, shown)| {
        // HOST-1: a gate with a host keeps nothing on another one, and what is asked for there is asked for on its own.
        let asked = if rule.origin.is_none() && gate.origin.is_some() { asked.on_the_host_of(gate) } else { asked };
        let path = asked.path()?;
        let here = scene.answer(&asked.by(&visitor)).filter(|here| here.by == Some(place))?;
        if matches!(here.outcome, Outcome::NotFound { forced: true, .. }) && here.denied {
            return None;
        }
        let for_the_denied = here.denied && (200..300).contains(&apply.status) && is_front_page(scene, gate, &shown);
        // The page for those whom a gate turns away may well lie inside it, and is called so or not. ROLE-3, ROLE-12: no denial leads
        // back to what was denied.
        let turns_away = |at| scene.rule(at).is_some_and(|other| std::ptr::eq(other, gate));
        let is_for_them =
            || here.denials().any(turns_away) || gate.pattern.covers(&rule.pattern) || is_denial_page(shown.name());
        let is_denial = here.denied && !apply.to.takes_captures() && is_for_them();
        let is_meant = || is_exemption(scene, rule, apply, &path, &shown) || sends_to(scene, gate, &path);
        if !for_the_denied && (is_denial || is_meant()) {
            return None;
        }
        let there = scene.answer(&Visit::of(gate).at(&shown).by(&visitor))?;
        (there.denied && gate.pattern.matches(&shown) && keeps(scene, gate, &shown)).then(|| Leak {
            asked,
            shown,
            visitor: visitor.clone(),
            for_the_denied,
        })
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

/// LINT-5: whether the gate shows those whom it admits this page at the root of what it keeps.
fn is_front_page<S: Site>(scene: &Scene<'_, S>, gate: &Rule, shown: &RequestPath) -> bool {
    let (Some(role), Some(stem)) = (gate.role(), gate.pattern.stem()) else { return false };
    let name = shown.name().strip_suffix(".html").unwrap_or(shown.name());
    let root = RequestPath::of(stem);
    let is_root = name.strip_suffix("/index").unwrap_or(name) == root.name();
    is_root && gate.pattern.ends_in_splat() && {
        let visit = Visit::of(gate).by(&holder(role));
        let answers = [&root, shown].map(|path| scene.answer(&visit.at(path)));
        answers.iter().flatten().all(|answer| !answer.denied) && {
            let [at_root, at_page] =
                answers.map(|answer| answer.and_then(|answer| answer.outcome.file().map(str::to_owned)));
            scene.is_bare() || (at_root.is_some() && at_root == at_page)
        }
    }
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
        || (file(asked).is_none() && page(asked) == page(shown))
        || (!apply.to.takes_captures() && (is_login_page(shown.name()) || lies_in_own_tree(rule, apply)))
}

/// Whether those whom the gate denies are sent to this path.
fn sends_to<S: Site>(scene: &Scene<'_, S>, gate: &Rule, path: &RequestPath) -> bool {
    let visit = Visit::of(gate);
    let Some(Decision { outcome: Outcome::Redirect { location, .. }, denied: true, .. }) = scene.answer(&visit) else {
        return false;
    };
    let there = scene.follow(&visit, &location).and_then(|there| there.path());
    there.is_some_and(|there| there.same_but_for_slash(path))
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
    let folder = folder_path(&reach.fixed());
    let file = if reach.literal().is_some() {
        let path = RequestPath::of(segments(&folder));
        scene.site.file(&path).filter(|file| scene.is_public(file, &visit))?.into_owned()
    } else {
        // What can lead anywhere shows nothing in particular.
        if folder.is_empty() {
            return None;
        }
        let is_shown = |name: &&str| rule.way_to(&RequestPath::of(segments(name))).is_some();
        let mut names = scene.names_below(&format!("{folder}/")).filter(is_shown);
        names.find(|name| scene.is_public(name, &visit))?.to_owned()
    };
    let shown = name_as_path(&file);
    let message = format!("this shows `{shown}`, which is public under its own path{hosts}");
    let visitor = format!("`{shown}` under its own path{hosts}, without being asked for a role");
    let help = "the path that a rule leads to has no gate by that";
    let found = warning(rule, Field::To, "gate-target-open", message, visitor, help);
    Some(found.proposing(closing(scene, place, rule, apply, &file)))
}

/// The gates for what a role rule shows at its own path, for all whom a rule lets in that shows the same.
fn closing<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, apply: &Apply, file: &str) -> Vec<Proposal> {
    let reach = apply.to.reach();
    let role = roles_of_all(scene, rule, apply);
    let asking = changed(rule, |rule| {
        rule.origin = rule.origin.take().filter(|_| !rule.pattern.covers(&reach));
        rule.query.clear();
    });
    let asking = answering(&asking, |apply| {
        if let Some(role) = role {
            apply.conditions = Conditions::default();
            apply.conditions.role = Some(role);
        }
    });
    let lists = if reach.literal().is_some() {
        of_a_file(scene, &asking, file)
    } else {
        of_paths(scene, &asking, &reach, file)
    };
    let proposal = |gates: Vec<Rule>| Proposal {
        help: format!("where it is not for everybody, add {}", listed(&gates)),
        closes: Some(Closing::by_all(&gates)),
        changes: vec![(place, [rule.clone()].into_iter().chain(gates).collect())],
    };
    lists.into_iter().map(proposal).collect()
}

/// Those whom the rule lets in, and those whom other rules let in that show the same.
fn roles_of_all<S: Site>(scene: &Scene<'_, S>, rule: &Rule, apply: &Apply) -> Option<RoleCondition> {
    let shows_it =
        |other: &Rule| other.apply().is_some_and(|other| other.status == apply.status && other.to == apply.to);
    let others = scene.closed.iter().filter_map(|(_, other)| other.role().filter(|_| shows_it(other)));
    others.fold(rule.role().cloned(), |all, other| match (all, other) {
        (Some(RoleCondition::AnyOf(mut all)), RoleCondition::AnyOf(other)) => {
            all.extend(other.iter().filter(|role| !all.contains(role)).cloned().collect::<Vec<_>>());
            Some(RoleCondition::AnyOf(all))
        }
        _ => Some(RoleCondition::AnyToken),
    })
}

/// Gates for every spelling of one file, or for its folder, where that is a page and all the folder is for.
fn of_a_file<S: Site>(scene: &Scene<'_, S>, asking: &Rule, file: &str) -> Vec<Vec<Rule>> {
    let Some(apply) = asking.apply() else { return Vec::new() };
    let (force, conditions) = (if apply.force { "!" } else { "" }, &apply.conditions);
    let origin = asking.origin.as_ref().map(ToString::to_string).unwrap_or_default();
    let shown = name_as_path(file);
    let at = |from: &str, to: &str| line_at(asking, &format!("{origin}{from}{to} {}{force}{conditions}", apply.status));
    let spellings = Spellings::of(scene.site, file);
    let paths = spellings.iter().map(|name| RequestPath::of(segments(name)).encoded());
    let each: Option<Vec<Rule>> = paths.map(|path| at(&path, &format!(" {shown}"))).collect();
    let folder = file.strip_suffix("/index.html");
    // Nobody means the whole site with its front page.
    if folder == Some("") {
        return Vec::new();
    }
    let tree = folder.and_then(|folder| at(&format!("{}/*", name_as_path(folder)), ""));
    let tree = tree.map(|tree| at_every_spelling(scene, tree, &[]));
    let is_alone = folder.is_some_and(|folder| scene.names_below(&format!("{folder}/")).all(|name| name == file));
    let lists = if is_alone { [tree, each] } else { [each, tree] };
    lists.into_iter().flatten().collect()
}

/// Gates for all paths that a rule shows something at.
fn of_paths<S: Site>(scene: &Scene<'_, S>, asking: &Rule, reach: &Pattern, file: &str) -> Vec<Vec<Rule>> {
    let closed = changed(asking, |rule| rule.pattern = reach.clone());
    // What shows its own paths alone has a gate for them.
    let is_plain = closed.apply().is_some_and(|apply| apply.to.names_in_path().all(|name| reach.captures_name(name)))
        && closed.path_to(&RequestPath::of(segments(file))).is_none_or(|path| path.name() == file);
    is_plain.then(|| at_every_spelling(scene, closed, &[])).into_iter().collect()
}
