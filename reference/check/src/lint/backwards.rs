//! Role rules the wrong way round: what is for everybody else is for those who hold the role.

use rolegate::decide::{Decision, Outcome};
use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Captures, RoleCondition, Rule};
use rolegate::site::Site;
use rolegate::span::RuleFile;

use super::admitted::{holder, is_bare_404};
use super::advice::{Closing, Found, Proposal, answering, line_at, page_rule};
use super::forward::is_function;
use super::idle::{holds, page_for_routes};
use super::names::{is_denial_page, is_login_page, is_offer, names_nobody, names_somebody_without};
use super::roles::{is_odd, negated};
use super::scene::{Field, Scene, Visit, folder_path, name_as_path, page_of, place_of, warning};

/// Whether the rule at `place` stands the wrong way round.
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let found = for_the_denied(scene, place, rule).or_else(|| sends_away(scene, place, rule));
    found.or_else(|| page_for_others(scene, place, rule)).or_else(|| log_in_for_holders(scene, place, rule))
}

/// A role rule that shows the page to log in to those who hold the role, or turns them away, and shows nothing to all others.
fn for_the_denied<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply()?;
    let target = apply.to.substitute(&Captures::default()).path;
    let (is_page, refuses) = (is_denial_page(&target), refuses(apply));
    if apply.to.takes_captures() || !(is_page || refuses) || is_denial_page(&rule.pattern.to_string()) {
        return None;
    }
    let visit = witness(scene, rule);
    let holder = scene.answer(&visit.by(&holder(rule.role()?)))?;
    let there = scene.answer(&visit)?;
    if holder.by != Some(place) || !is_nothing(&there) {
        return None;
    }
    // Beside a gate for others it turns away those who hold another role, and where files go first they get these.
    let is_beside_a_gate = there.denials().any(|at| at != place);
    if !is_page && (is_beside_a_gate || matches!(holder.outcome, Outcome::Serve { .. })) {
        return None;
    }
    let (shown, what) = match refuses && !is_page {
        true => (
            format!("this answers those who hold the role with a {}, and nobody else", apply.status),
            format!("a {}", apply.status),
        ),
        false => (format!("this leads those who hold the role to `{target}`, and nobody else"), format!("`{target}`")),
    };
    let message = shown;
    let visitor = format!("to those who hold the role {what}, to all others a 404, as at `{}`", visit.target());
    let help =
        format!("a condition says for whom a rule is: those who hold the role; {}", right_way_round(rule, &target));
    let found = warning(rule, Field::To, "gate-backwards", message, visitor, help);
    let own = own_path(rule);
    let denied = line_at(rule, &format!("{} {} {}", rule.pattern, apply.to, apply.status));
    let both = own.zip(denied).filter(|_| rule.origin.is_none() && rule.query.is_empty());
    Some(found.proposing(both.map(|(own, denied)| {
        let denied = if apply.status == 200 { answering(&denied, |apply| apply.status = 401) } else { denied };
        Proposal {
            help: format!("write `{}`, then `{denied}` for everybody else", own.text),
            changes: vec![(place, vec![own, denied])],
            closes: None,
        }
    })))
}

/// Whether a rule says to whomever it is for that they may not see what is there.
fn refuses(apply: &Apply) -> bool {
    match apply.status {
        401 | 403 => true,
        404 | 410 => apply.force,
        _ => false,
    }
}

/// The gate that shows its own paths to those who hold the role of the rule.
fn own_path(rule: &Rule) -> Option<Rule> {
    let to = if rule.pattern.ends_in_splat() { String::new() } else { format!("{} ", rule.pattern) };
    // No value is written anew that is odd by itself.
    // Nor is what is for others shown to those who are called after having less.
    let is_for_others = |role: &str| is_odd(role) || names_somebody_without(role);
    if matches!(rule.role(), Some(RoleCondition::AnyOf(roles)) if roles.iter().any(|role| is_for_others(role))) {
        return None;
    }
    line_at(rule, &format!("{} {to}200!{}", rule.pattern, rule.apply()?.conditions))
}

/// ROLE-5: a role rule that redirects those who are not to see something, where everybody else gets it: whoever leaves the
/// token out too.
fn sends_away<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| apply.is_redirect())?;
    let role = rule.role()?;
    let page = page_of(apply).filter(|page| is_for_those_without(rule, role, page))?;
    let visit = witness(scene, rule);
    let sent = scene.answer(&visit.by(&holder(role))).filter(|sent| sent.by == Some(place))?;
    let there = scene.answer(&visit).filter(|there| shows(scene, there))?;
    if !matches!(sent.outcome, Outcome::Redirect { .. }) || scene.gate_of(&there).is_some() {
        return None;
    }
    let (whom, without) = match role {
        RoleCondition::AnyToken => ("who have a token".to_owned(), "who has none"),
        RoleCondition::AnyOf(roles) => {
            let roles: Vec<String> = roles.iter().map(|role| format!("`{role}`")).collect();
            (format!("who hold {}", roles.join(" or ")), "who holds no role or has no token")
        }
    };
    let shown = visit.target();
    let message = format!("this sends away those {whom}, and {without} gets what lies at `{shown}`");
    let visitor = format!("to those {whom} a redirect to `{page}`, to everybody else what lies at `{shown}`");
    let help = format!(
        "a condition says for whom a rule is, and none says for whom it is not: {}",
        right_way_round(rule, &page)
    );
    Some(warning(rule, Field::To, "gate-backwards", message, visitor, help))
}

/// A gate over the routes of a single-page app that shows those whom it admits files which are not there, where everybody else
/// gets the app.
fn page_for_others<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|_| rule.protects() && scene.site.is_listed() && !scene.is_bare())?;
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    let is_own = !apply.to.is_absolute() && apply.to.takes_captures() && rule.pattern.covers(&apply.to.reach());
    if !is_own || holds(scene, rule, &stem) {
        return None;
    }
    let at = page_for_routes(scene, rule)?;
    let visit = Visit::of(rule);
    let admitted = scene.answer(&visit.by(&holder(rule.role()?))).filter(|admitted| admitted.by == Some(place))?;
    if !matches!(admitted.outcome, Outcome::NotFound { .. }) {
        return None;
    }
    let other = scene.rule(at)?;
    let page = page_of(other.apply()?)?;
    let line = place_of(other.span, rule.span);
    let message = format!(
        "those who hold the role get a 404 below `{}`, and everybody else what {line} shows",
        RequestPath::of(&stem)
    );
    let visitor = format!("at `{}` a 404 with the role, and `{page}` without it", visit.target());
    let help = format!(
        "there is no file at these paths to keep, and `{page}` is for everybody: take this line out, and let the server or the \
         function that holds the data ask for the role"
    );
    let found = warning(rule, Field::To, "gate-backwards", message, visitor, help);
    let shown = page_rule(rule, &page, 200, true)
        .map(|shown| answering(&shown, |own| own.conditions = apply.conditions.clone()));
    let denied =
        scene.denial_page().filter(|denied| *denied != page).and_then(|denied| page_rule(rule, denied, 401, false));
    Some(found.proposing(shown.zip(denied).map(|(shown, denied)| Proposal {
        help: format!(
            "take this line out, or show the page to those who hold the role alone: `{shown}`, then `{denied}`"
        ),
        changes: vec![(place, vec![shown, denied])],
        closes: Some(Closing::by(rule)),
    })))
}

/// A page to log in that is shown to those alone who hold a role already.
fn log_in_for_holders<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|_| rule.protects())?;
    let own = RequestPath::of(rule.pattern.literal()?);
    let target = page_of(apply).filter(|target| is_login_page(target) && is_login_page(own.name()))?;
    let visit = Visit::of(rule);
    let there = scene.answer(&visit)?;
    if there.denials().next() != Some(place) || !is_nothing(&there) {
        return None;
    }
    let message = format!("this shows the page to log in to those who hold the role, and to nobody else: `{target}`");
    let visitor = format!("at `{}` a 404 without the role", visit.target());
    let open = answering(rule, |apply| apply.conditions.role = None);
    let how = match rule.span.file {
        RuleFile::Redirects => format!("write `{open}`"),
        _ => "take the condition out".to_owned(),
    };
    let help = format!("who logs in holds no role yet, so the page is for everybody: {how}");
    Some(warning(rule, Field::Beginning("role="), "gate-backwards", message, visitor, help))
}

/// What to write in the place of a rule that leads those to a page who are not to see its paths.
fn right_way_round(rule: &Rule, page: &str) -> String {
    let from = &rule.pattern;
    let own = if from.ends_in_splat() { String::new() } else { format!("{from} ") };
    let status = rule.apply().map(|apply| apply.status).filter(|status| *status >= 300).unwrap_or(401);
    match (rule.span.file, meant(rule)) {
        (RuleFile::Redirects, Some(roles)) => format!(
            "write `{from} {own}200! Role={roles}`, then `{from} {page} {status}!` for everybody else"
        ),
        (RuleFile::Redirects, None) => format!(
            "write `{from} {own}200! Role=…` with the role of those who may see it, then `{from} {page} {status}!` for everybody else"
        ),
        _ => "let it show its own paths to the role of those who may see them, and write this one below it without a role"
            .to_owned(),
    }
}

/// The roles that are meant where each is written with a sign that says not.
fn meant(rule: &Rule) -> Option<String> {
    let Some(RoleCondition::AnyOf(roles)) = rule.role() else { return None };
    let meant: Option<Vec<&str>> = roles.iter().map(|role| negated(role)).collect();
    Some(meant?.join(",")).filter(|meant| !meant.is_empty())
}

/// Whether what the roles or the page are called says that the rule is for those who are not to see its paths.
fn is_for_those_without(rule: &Rule, role: &RoleCondition, page: &str) -> bool {
    let roles = match role {
        RoleCondition::AnyOf(roles) => roles.as_slice(),
        RoleCondition::AnyToken => &[],
    };
    let own = rule.pattern.stem().map(|stem| stem.join("/")).unwrap_or_default();
    let turns_away = is_denial_page(page) || is_offer(page);
    let are_lesser = !roles.is_empty() && roles.iter().all(|role| names_somebody_without(role));
    // Whoever has an account needs no page to get one, and whoever pays no offer.
    if is_denial_page(&own) || is_offer(&own) {
        return false;
    }
    match (roles.is_empty(), own.is_empty()) {
        (false, _) if roles.iter().all(|role| names_nobody(role)) => true,
        // The whole site, or the front page, may well be for everybody.
        (_, true) => are_lesser && is_denial_page(page) && rule.pattern.ends_in_splat(),
        (_, false) => turns_away && (are_lesser || rule.pattern.ends_in_splat()),
    }
}

/// A visit to what lies at the paths of the rule.
fn witness<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> Visit {
    let visit = Visit::of(rule);
    let below = rule.pattern.stem().filter(|_| rule.pattern.ends_in_splat());
    let below = below.map(|stem| folder_path(&stem) + "/");
    let name = below.and_then(|below| scene.names_below(&below).next());
    match name.and_then(|name| RequestPath::parse(name_as_path(name).as_bytes()).ok()) {
        Some(path) => visit.at(&path),
        None => visit,
    }
}

/// Whether somebody is denied, and gets what says that there is nothing.
fn is_nothing(decision: &Decision) -> bool {
    let says_so =
        matches!(decision.outcome, Outcome::NotFound { forced: true, .. } | Outcome::Rewrite { status: 404 | 410, .. });
    is_bare_404(decision) || (decision.denied && says_so)
}

/// Whether there is something to get: a file, or what another server or a function answers, or, where nobody knows the files,
/// what the path is of.
fn shows<S: Site>(scene: &Scene<'_, S>, decision: &Decision) -> bool {
    match &decision.outcome {
        Outcome::Serve { .. } | Outcome::Rewrite { status: 200..300, .. } | Outcome::Proxy { .. } => true,
        Outcome::NotFound { forced: false, .. } => {
            let by = decision.by.and_then(|by| scene.rule(by)?.apply());
            by.is_some_and(|apply| (200..300).contains(&apply.status) && (scene.is_bare() || is_function(apply)))
        }
        _ => false,
    }
}
