//! Where visitors end up who go where they are sent.

use std::borrow::Cow;

use rolegate::decide::{Decision, Outcome, PassedOver};
use rolegate::path::RequestPath;
use rolegate::problem::Problem;
use rolegate::rules::{Apply, Effect, Rule};
use rolegate::site::Site;
use rolegate::span::{RuleFile, Span};
use rolegate::visitor::Visitor;

use super::admitted::{holder, is_bare_404};
use super::advice::{Closing, Found, Proposal, answering, changed, line_at, page_rule};
use super::backwards;
use super::chains::{circle, into_nothing};
use super::entry::in_toml;
use super::forward::would_except;
use super::missing::url_behind_a_slash;
use super::scene::{
    Field, LOOKED_AT, Scene, Visit, WORD, folder_path, name_as_path, page_of, place_of, segments, warning,
};

/// So many redirects one after the other are followed.
pub(super) const HOPS: usize = 8;

/// What is odd about where the rule at `place` sends visitors.
pub(super) fn problems<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply()?;
    if rule.role().is_none()
        && let Some(problem) = misses_depth(scene, place, rule)
    {
        return Some(problem);
    }
    if !apply.is_redirect() {
        return another_for_members(scene, place, rule);
    }
    let found = to_itself(scene, place, rule).or_else(|| login_page_gated(scene, place, rule));
    let found = found.or_else(|| hides_page(scene, place, rule));
    let found = found.or_else(|| {
        let visit = Visit::of(rule);
        let asked = match circle(scene, place, rule, &visit) {
            Ok(problem) => return Some(problem),
            Err(asked) => asked,
        };
        // Whoever holds no role that was asked for on the way goes the same way.
        let admits = |at: &usize, holder| scene.rule(*at).and_then(Rule::role).is_some_and(|role| role.holds(holder));
        // Whoever has signed up may hold a token and no role that a rule names.
        let newcomer = [Visitor::with_roles(Vec::<String>::new())];
        let mut holders =
            scene.holders.iter().chain(&newcomer).filter(|holder| asked.iter().any(|at| admits(at, holder)));
        holders.find_map(|holder| circle(scene, place, rule, &visit.by(holder)).ok())
    });
    found.or_else(|| tree_ends_walk(scene, place, rule)).or_else(|| into_nothing(scene, place, rule))
}

/// An answer for those whom the gate above denies, at the root of the gate alone.
fn misses_depth<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let own = rule.pattern.literal()?;
    let visit = Visit::of(rule);
    let gate = scene.candidates(&visit.path()?, &visit).into_iter().find_map(|(at, other)| {
        let is_root = other.pattern.ends_in_splat() && other.pattern.stem().as_ref() == Some(&own);
        (at < place && other.role().is_some() && other.protects() && is_root).then_some(other)
    })?;
    // At the root it does answer.
    if scene.answer(&visit)?.by != Some(place) {
        return None;
    }
    let deep = Visit::of(gate);
    let decision = scene.answer(&deep)?;
    if decision.by.is_some() || !decision.denied {
        return None;
    }
    let line = place_of(gate.span, rule.span);
    let message = format!("those whom {line} denies are answered at `{}` alone", rule.pattern);
    let visitor =
        format!("at `{}` what this line says; at deeper paths, such as `{}`, a 404", rule.pattern, deep.target());
    let help = format!("below `{}` nothing answers them", rule.pattern);
    let found = warning(rule, Field::From, "fallback-misses-depth", message, visitor, help);
    let deep = changed(rule, |rule| rule.pattern = gate.pattern.clone());
    Some(found.proposing([Proposal {
        help: format!("write `{}`, which covers every path that the gate closes", gate.pattern),
        changes: vec![(place, vec![deep])],
        closes: None,
    }]))
}

/// Those whom a gate denies are sent to what is denied to them, with nothing to answer in its place.
fn login_page_gated<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let visit = Visit::of(rule);
    let decision = scene.answer(&visit)?;
    let Outcome::Redirect { location, .. } = &decision.outcome else { return None };
    if decision.by != Some(place) || !decision.denied {
        return None;
    }
    let mut next = scene.follow(&visit, location)?;
    let mut there = scene.answer(&next)?;
    for _ in 0..HOPS {
        let Outcome::Redirect { location, .. } = &there.outcome else { break };
        next = scene.follow(&next, location)?;
        there = scene.answer(&next)?;
    }
    // ROLE-3: no rule answers, or one that leads back to what is denied.
    if !there.denied || !matches!(there.outcome, Outcome::NotFound { forced: true, .. }) {
        return None;
    }
    // NOLEAK-3: from one spelling of a file to another, so that the gate is met, is no way to a page to log in.
    let file = |visit: &Visit| visit.path().and_then(|path| scene.site.file(&path).map(Cow::into_owned));
    if file(&visit).is_some_and(|own| file(&next) == Some(own)) {
        return None;
    }
    let page = next.path()?;
    let Some(gate) = scene.gate_of(&there) else {
        return for_holders_alone(scene, rule, &page, there.denials().next()?);
    };
    let candidates = scene.candidates(&page, &next).into_iter();
    let too_late = candidates.filter(|(_, other)| would_except(scene, other, gate)).map(|(_, other)| other).next();
    let gate = place_of(gate.span, rule.span);
    let message = format!("this sends those who are denied to `{page}`, which {gate} denies to them too");
    let visitor = format!("a redirect to `{page}`, and there a 404");
    let help = format!("the page and what it loads have to be open to those who are denied: {gate} covers `{page}`");
    let found = warning(rule, Field::To, "login-page-gated", message, visitor, help);
    if let Some(other) = too_late {
        let other = place_of(other.span, rule.span);
        let help = format!(
            "{other} is to show `{page}` to everybody, and stands below the gate: it is meant to stand above {gate}, and so is what shows what the page loads"
        );
        return Some(Found { problem: Problem { help, ..found.problem }, ..found });
    }
    let target = format!("{page}");
    let shown = scene.page_at(&target).and_then(|file| {
        let shown = page_rule(rule, &file, 401, rule.apply().is_some_and(|apply| apply.force))?;
        Some(changed(rule, |own| own.effect = shown.effect))
    });
    Some(found.proposing(shown.map(|shown| Proposal {
        help: format!("show the page in the place of what is denied: `{shown}`"),
        changes: vec![(place, vec![shown])],
        closes: None,
    })))
}

/// Those who are denied are sent to a page that a role rule answers for those alone who hold the role, by sending them on.
fn for_holders_alone<S: Site>(scene: &Scene<'_, S>, rule: &Rule, page: &RequestPath, at: usize) -> Option<Found> {
    let redirect = scene.rule(at)?;
    let line = place_of(redirect.span, rule.span);
    let message =
        format!("this sends those who are denied to `{page}`, where {line} answers those who hold the role alone");
    let visitor = format!("a redirect to `{page}`, and there a 404");
    let help =
        format!("a role rule that redirects leaves a 404 to everybody else: nothing below {line} shows them `{page}`");
    let found = warning(rule, Field::To, "login-page-gated", message, visitor, help);
    Some(found.proposing(shown_below(scene, at, rule.span)))
}

/// ROLE-3.redirect: a rule below those that send the holders of roles on from a path, which shows everybody else what lies there. Above
/// one of them it would answer in its place.
fn shown_below<S: Site>(scene: &Scene<'_, S>, at: usize, from: Span) -> Option<Proposal> {
    let first = scene.rule(at).filter(|first| first.origin.is_none() && first.query.is_empty())?;
    let sends = |other: &Rule| {
        let is_alike = (&other.pattern, &other.origin, &other.query) == (&first.pattern, &first.origin, &first.query);
        is_alike && other.role().is_some() && !other.protects()
    };
    let mut below = scene.rules().iter().enumerate().skip(at).take(LOOKED_AT);
    let (last, redirect) = below.rfind(|(_, other)| sends(other))?;
    let to = if first.pattern.ends_in_splat() { String::new() } else { format!("{} ", first.pattern) };
    let shown = line_at(redirect, &format!("{} {to}200", first.pattern))?;
    let place = if redirect.span == from { "this line".to_owned() } else { place_of(redirect.span, from) };
    Some(Proposal {
        help: format!("write `{shown}` below {place}"),
        changes: vec![(last, vec![redirect.clone(), shown])],
        closes: None,
    })
}

/// A role rule that redirects those who hold the role, and leaves nothing of a page that is there to everybody else.
fn hides_page<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    rule.role()?;
    if scene.is_bare() || !scene.site.is_listed() {
        return None;
    }
    let visit = Visit::of(rule);
    let own = rule.pattern.literal().map(RequestPath::of).filter(|own| scene.site.file(own).is_some());
    let below = || {
        let stem = rule.pattern.stem().filter(|_| rule.pattern.ends_in_splat())?;
        let below = folder_path(&stem) + "/";
        let name = scene.names_below(&below).next()?;
        Some(RequestPath::of(segments(name)))
    };
    let is_own = own.is_some();
    let path = own.or_else(below)?;
    let decision = scene.answer(&visit.at(&path))?;
    let first = decision.denials().next();
    if first != Some(place) || scene.gate_of(&decision).is_some() {
        return None;
    }
    let gets = instead_of_file(scene, &path, &decision)?;
    // What those were to get who do not hold the role is said there.
    if backwards::problem(scene, place, rule).is_some() {
        return None;
    }
    // Whoever leads visitors there is told the same.
    let leads_there = |other: &Rule| other.role().is_none() && other.apply().is_some_and(|apply| apply.is_redirect());
    let mut others = scene.rules().iter().enumerate().take(LOOKED_AT).filter(|(_, other)| leads_there(other));
    if others.any(|(at, other)| login_page_gated(scene, at, other).is_some_and(|found| names(&found, &path))) {
        return None;
    }
    let message = format!("everybody who does not hold the role gets {gets} at `{path}`, although the page is there");
    let visitor = format!("at `{path}` a redirect with the role, and {gets} without it");
    let why = "a role rule denies those who do not hold the role, also where it redirects the others";
    let help = format!("{why}; where the page is for everybody, a rule for the same path below shows it to them");
    let found = warning(rule, Field::From, "role-redirect-hides", message, visitor, help);
    let shown = shown_below(scene, place, rule.span).filter(|_| is_own);
    Some(found.proposing(shown.map(|shown| Proposal { help: format!("{why}: {}", shown.help), ..shown })))
}

/// A role rule that shows those who hold the role another page than the one that lies at its path, and leaves nothing of that one to
/// everybody else.
fn another_for_members<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let page = shows_another(scene, rule)?;
    let visit = Visit::of(rule);
    let decision = scene.answer(&visit)?;
    if !is_bare_404(&decision) || !decision.denials().eq([place]) {
        return None;
    }
    let path = visit.path()?;
    let message = format!("everybody who does not hold the role gets a 404 at `{path}`, although a page is there");
    let visitor = format!("at `{path}` `{page}` with the role, and a 404 without it");
    let help = "a role rule closes its path to everybody else, and what lies there too: below it a rule can show them another page, \
                and a redirect for those who hold the role leaves the path to a rule for everybody else";
    Some(warning(rule, Field::From, "role-redirect-hides", message, visitor, help))
}

/// The page that a gate shows at a path where another one lies, which is for everybody else by all that can be told: the front page
/// of the site, or one of the same name.
pub(super) fn shows_another<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> Option<String> {
    let page = page_for_holders(scene, rule)?;
    let own = RequestPath::of(rule.pattern.literal()?);
    let shown = RequestPath::parse(page.as_bytes()).ok()?;
    let is_for_others =
        own.segments().next().is_none_or(str::is_empty) || own.segments().last() == shown.segments().last();
    is_for_others.then_some(page)
}

/// The page that a gate shows at a path where another one lies. It keeps nothing of that one.
fn page_for_holders<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> Option<String> {
    let apply = rule.apply().filter(|apply| rule.protects() && (200..300).contains(&apply.status))?;
    let own = RequestPath::of(rule.pattern.literal()?);
    let page = page_of(apply)?;
    let shown = RequestPath::parse(page.as_bytes()).ok()?;
    if scene.is_bare() || !scene.site.is_listed() {
        return None;
    }
    let [there, other] = [&own, &shown].map(|path| scene.site.file(path));
    (there.is_some() && other.is_some() && there != other).then_some(page)
}

/// Whether a gate shows another page than the one that lies at its path.
pub(super) fn is_page_for_holders<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> bool {
    page_for_holders(scene, rule).is_some()
}

/// ROLE-3: a rule that shows the page of a path below gates which show those who hold a role another one there. It leads back to what
/// was asked for, so everybody else gets nothing here, and the page from other gates.
pub(super) fn page_for_the_others<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let page = page_of(rule.apply()?)?;
    if !scene.closed.iter().any(|(at, gate)| *at < place && gate.pattern == rule.pattern) {
        return None;
    }
    let visit = Visit::of(rule);
    let decision = scene.answer(&visit).filter(|decision| decision.by == Some(place))?;
    if !decision.denied || !matches!(decision.outcome, Outcome::NotFound { .. }) {
        return None;
    }
    let path = visit.path()?;
    let own = scene.site.file(&path)?;
    let shown = scene.page_at(&page)?;
    let gates: Vec<&Rule> = decision.denials().filter_map(|at| scene.rule(at)).collect();
    let is_page_per_role = |gate: &&Rule| gate.pattern == rule.pattern && is_page_for_holders(scene, gate);
    if shown != name_as_path(&own) || gates.is_empty() || !gates.iter().all(is_page_per_role) {
        return None;
    }
    let lines: Vec<String> = gates.iter().map(|gate| place_of(gate.span, rule.span)).collect();
    let lines = lines.join(" and ");
    let verb = if gates.len() == 1 { "closes" } else { "close" };
    let message =
        format!("here this shows nothing: {lines} {verb} `{path}` to everybody else, and the page that lies there too");
    let visitor = format!("at `{path}` a 404 without the role; from other gates `{shown}`");
    let sent: Vec<String> = gates.iter().map(|gate| changed(gate, redirect)).map(|gate| format!("`{gate}`")).collect();
    let help = told(
        &format!(
            "leave this line where it is, and send those who hold the role to their page in the place of {lines}: {}",
            sent.join(" and ")
        ),
        rule,
    );
    Some(warning(rule, Field::To, "role-redirect-hides", message, visitor, help))
}

/// Lets a role rule send those who hold the role to what it shows them.
fn redirect(gate: &mut Rule) {
    if let Effect::Apply(apply) = &mut gate.effect {
        (apply.status, apply.force) = (302, true);
    }
}

/// What somebody who is denied gets at the path of a file, unless it is the file, or what a rule says that goes before files.
fn instead_of_file<S: Site>(scene: &Scene<'_, S>, path: &RequestPath, decision: &Decision) -> Option<String> {
    if decision.by.and_then(|by| scene.rule(by)?.apply()).is_some_and(|apply| apply.force) {
        return None;
    }
    match &decision.outcome {
        Outcome::NotFound { page: None, .. } => Some("a 404".to_owned()),
        Outcome::NotFound { page: Some(file), .. } | Outcome::Rewrite { file, .. } | Outcome::Serve { file } => {
            let is_it = scene.site.file(path).is_some_and(|own| own == file.as_str());
            (!is_it).then(|| format!("`{}`", name_as_path(file)))
        }
        Outcome::Redirect { location, .. } => Some(format!("a redirect to `{location}`")),
        Outcome::Proxy { url } => Some(format!("what `{url}` answers")),
        Outcome::BadRequest(_) => None,
    }
}

fn names(found: &Found, path: &RequestPath) -> bool {
    found.problem.message.contains(&format!("`{path}`"))
}

/// STATUS-5: a redirect that would lead to where it came from is ignored.
fn to_itself<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let visitor = rule.role().map_or(Visitor::Anonymous, holder);
    let passes_over = |visit: &Visit| {
        let decision = scene.answer(&visit.by(&visitor));
        decision.is_some_and(|decision| decision.passed_over.contains(&(place, PassedOver::Loop)))
    };
    // A word may happen to be where the rule leads; two are not.
    if ![WORD, "another-example"].iter().all(|word| passes_over(&Visit::with_word(rule, word))) {
        return None;
    }
    if let Some(apply) = rule.apply().filter(|_| rule.role().is_some()) {
        return Some(admits_nobody(place, rule, apply));
    }
    if let Some(found) = ends_walk_in_its_tree(scene, place, rule, passes_over) {
        return Some(found);
    }
    let message = "this leads to where it came from, so it is ignored".to_owned();
    let help = "lead elsewhere; a slash at the end makes no other path";
    Some(warning(rule, Field::To, "redirect-to-itself", message, None, help))
}

/// STATUS-5.own-tree: a role rule that redirects to its own paths, where one that shows them is meant. Other gates end the walk below a
/// star, so that nothing is asked for a role there.
fn admits_nobody(place: usize, rule: &Rule, apply: &Apply) -> Found {
    let message = "this sends those who hold the role to where they are, so it lets nobody in".to_owned();
    let shown = answering(rule, |own| (own.status, own.force) = (200, true));
    let (id, visitor) = match rule.pattern.ends_in_splat() {
        true => (
            "tree-ends-walk",
            "what comes later, with the role too; from other gates the file, with the role or without",
        ),
        false => ("redirect-to-itself", "what comes later, with the role too"),
    };
    let help = format!(
        "with the status {} a rule redirects, and shows nothing: for a gate that shows its own paths write `{shown}`",
        apply.status
    );
    let found = warning(rule, Field::To, id, message, visitor.to_owned(), told(&help, &shown));
    let closes = Some(Closing::by(&shown));
    found.proposing([Proposal { help, changes: vec![(place, vec![shown])], closes }])
}

/// A rule in a text, as the file spells it that the rule is for.
fn told(help: &str, rule: &Rule) -> String {
    if rule.span.file == RuleFile::Toml { in_toml(help, [rule].into_iter()) } else { help.to_owned() }
}

/// The same of a redirect for everybody above a gate for some of its paths.
fn ends_walk_in_its_tree<S: Site>(
    scene: &Scene<'_, S>,
    place: usize,
    rule: &Rule,
    passes_over: impl Fn(&Visit) -> bool,
) -> Option<Found> {
    let is_met = |gate: &Rule| Visit::of(gate).path().is_some_and(|path| passes_over(&Visit::of(rule).at(&path)));
    let mut below = scene.gates_beside(rule.text.len()).iter().filter(|(at, gate)| {
        *at > place && rule.pattern.ends_in_splat() && gate.query.is_empty() && gate.pattern.may_meet(&rule.pattern)
    });
    let (at, gate) = below.find(|(_, gate)| is_met(gate))?;
    let line = place_of(gate.span, rule.span);
    let message = format!(
        "this leads to where it came from, so it does not act, and other gates then do not look at {line}, which closes what lies there"
    );
    let visitor = format!("at `{}` what {line} says; from other gates the file, or a 404", Visit::of(gate).target());
    let help = "a redirect into its own tree leads nowhere, and other gates end their walk here".to_owned();
    let found = warning(rule, Field::To, "tree-ends-walk", message, visitor, help);
    let out = Proposal {
        help: "take this line out: it leads nowhere".to_owned(),
        changes: vec![(place, Vec::new())],
        closes: None,
    };
    let changes = vec![(place, vec![(*gate).clone(), rule.clone()]), (*at, Vec::new())];
    let above = Proposal { help: format!("move {line} above this one"), changes, closes: Some(Closing::by(gate)) };
    Some(found.proposing([out, above]))
}

/// STATUS-5.own-tree: other gates end the walk where this one goes on, so what stands below acts here alone.
fn tree_ends_walk<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let tree = rule.own_tree().filter(|_| rule.apply().and_then(url_behind_a_slash).is_none())?;
    let path = RequestPath::of(tree.segments().chain([WORD]));
    let visit = Visit::of(rule).at(&path);
    if !rule.pattern.matches(&path) {
        return None;
    }
    // Whoever is answered above does not come here.
    if scene.answer(&visit)?.by.is_some_and(|by| by < place) {
        return None;
    }
    let (at, gate) = scene.candidates(&path, &visit).into_iter().find(|(at, other)| {
        let is_below = *at > place && other.own_tree().is_none() && other.query.is_empty();
        is_below && other.protects() && other.pattern.matches(&path)
    })?;
    let line = place_of(gate.span, rule.span);
    let message = format!(
        "below `{tree}` this does not act, and other gates then do not look at {line}, which closes what lies there"
    );
    let visitor = format!("at `{path}` what {line} says; from other gates the file, or a 404");
    let help = "a gate is met where it stands, and other gates end their walk here".to_owned();
    let found = warning(rule, Field::To, "tree-ends-walk", message, visitor, help);
    let changes = vec![(place, vec![gate.clone(), rule.clone()]), (at, Vec::new())];
    let help = format!("move {line} above this one");
    Some(found.proposing([Proposal { help, changes, closes: Some(Closing::by(gate)) }]))
}
