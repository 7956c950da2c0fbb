//! Forced rules that show a page in the place of what that page needs, or lead to where that is not.

use rolegate::decide::Outcome;
use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Conditions, Rule};
use rolegate::site::Site;
use rolegate::visitor::Visitor;

use super::admitted::holder;
use super::advice::{Found, Proposal, line_at};
use super::names::{is_denial_page, stands_for_all};
use super::scene::{Field, LOOKED_AT, Scene, Visit, folder_path, name_as_path, page_of, segments, warning};

/// Whether scripts and style sheets of the site are never served, since the rule at `place` shows a page instead.
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| apply.force)?;
    if apply.status == 404 {
        return by_a_404(scene, place, rule, apply);
    }
    if !(200..300).contains(&apply.status) {
        return None;
    }
    if apply.to.takes_captures() {
        return by_a_tree(scene, place, rule, apply);
    }
    // A site that is closed for a while shows nothing else, on purpose.
    let page = page_of(apply).filter(|page| rule.pattern.ends_in_splat() && !stands_for_all(page))?;
    if !scene.site.is_listed() {
        return None;
    }
    let visit = Visit::of(rule).without_query().by(&rule.role().map_or(Visitor::Anonymous, holder));
    let is_swallowed = |name: &&&str| {
        let path = RequestPath::of(segments(name));
        rule.pattern.matches(&path)
            && scene.answer(&visit.at(&path)).is_some_and(|decision| {
                let is_other = decision.outcome.file().is_some_and(|file| file != **name);
                // SHADOW-3: what is denied is hidden from them by any answer.
                decision.by == Some(place)
                    && !decision.denied
                    && is_other
                    && matches!(decision.outcome, Outcome::Rewrite { .. } | Outcome::Serve { .. })
            })
    };
    let swallowed: Vec<&&str> = scene.assets().iter().filter(is_swallowed).take(LOOKED_AT).collect();
    if swallowed.is_empty() {
        return pages(scene, place, rule, apply, &page, |name| is_swallowed(&name));
    }
    let first = name_as_path(swallowed.first()?);
    let more = match swallowed.len() {
        1 => " is".to_owned(),
        2 => " and one more are".to_owned(),
        count => format!(" and {} more are", count - 1),
    };
    let message = format!("this shows `{page}` in the place of every file: `{first}`{more} never served");
    let who = if rule.role().is_some() { "with the role, " } else { "" };
    let visitor =
        format!("{who}at `{first}` what lies at `{page}`, which a browser does not take for a script or a style sheet");
    let help = "a forced rule goes before every file; files go first where it is not forced";
    let found = warning(rule, Field::From, "files-swallowed", message, visitor, help);
    let own = rule.role().and_then(|_| own_paths(rule, apply));
    Some(found.proposing(own.map(|own| Proposal {
        help: format!("write `{own}`, which shows those who hold the role the files themselves"),
        changes: vec![(place, vec![own])],
        closes: None,
    })))
}

/// A forced rule that says of everything that it is not there, the front page too.
fn by_a_404<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, apply: &Apply) -> Option<Found> {
    let page = page_of(apply).filter(|page| is_for_all(rule, apply) && !stands_for_all(page))?;
    let visit = Visit::of(rule);
    let front = RequestPath::parse(b"/").ok()?;
    let file = scene.site.file(&front).filter(|_| scene.site.is_listed())?;
    let decision = scene.answer(&visit.at(&front)).filter(|decision| decision.by == Some(place) && !decision.denied)?;
    if decision.outcome.file() == Some(file.as_ref()) {
        return None;
    }
    let message = format!("this says of every path that nothing is there: `{}` is never served", name_as_path(&file));
    let visitor = format!("at `/` what lies at `{page}`, with the status 404, and so wherever no rule above answers");
    let help = "a forced rule goes before every file; files go first where it is not forced";
    Some(warning(rule, Field::From, "files-swallowed", message, visitor, help))
}

/// Whether the rule is for everybody and the whole site.
fn is_for_all(rule: &Rule, apply: &Apply) -> bool {
    let is_whole = rule.pattern.stem().is_some_and(|stem| stem.is_empty()) && rule.pattern.ends_in_splat();
    is_whole && rule.origin.is_none() && rule.query.is_empty() && apply.conditions == Conditions::default()
}

/// A gate that shows those who hold the role one page in the place of all other files below it, so that nobody sees these.
fn pages<S: Site>(
    scene: &Scene<'_, S>,
    place: usize,
    rule: &Rule,
    apply: &Apply,
    page: &str,
    is_swallowed: impl Fn(&&str) -> bool,
) -> Option<Found> {
    rule.role()?;
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    // What rules lead to is seen by their visitors.
    let is_led_to = |name: &str| {
        let path = name_as_path(name);
        let leads =
            |rule: &Rule| rule.apply().and_then(page_of).and_then(|page| scene.page_at(&page)) == Some(path.clone());
        let near = scene.rules().get(place.saturating_sub(LOOKED_AT)..).unwrap_or_default();
        is_denial_page(name) || near.iter().take(2 * LOOKED_AT).any(leads)
    };
    let names = scene.names_below(&(folder_path(&stem) + "/"));
    let hidden: Vec<&str> = names.filter(|name| is_swallowed(name) && !is_led_to(name)).collect();
    let first = name_as_path(hidden.first()?);
    let what = if hidden.iter().all(|name| name.ends_with(".html")) { "page" } else { "file" };
    let more = match hidden.len() {
        1 => " is".to_owned(),
        2 => " and one more are".to_owned(),
        count => format!(" and {} more are", count - 1),
    };
    let message =
        format!("this shows those who hold the role `{page}` in the place of every {what}: `{first}`{more} never seen");
    let visitor = format!("with the role, at `{first}` what lies at `{page}`");
    let help = "a destination without `:splat` is one page for all paths";
    let found = warning(rule, Field::To, "files-swallowed", message, visitor, help);
    Some(found.proposing(own_paths(rule, apply).map(|own| Proposal {
        help: format!("write `{own}`, which shows those who hold the role the {what}s themselves"),
        changes: vec![(place, vec![own])],
        closes: None,
    })))
}

/// A forced rule for the whole site that leads into a tree which has no scripts and style sheets, where others that lie outside it are
/// asked for.
fn by_a_tree<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, apply: &Apply) -> Option<Found> {
    let is_whole = rule.origin.is_none() && rule.pattern.stem()?.is_empty() && rule.pattern.ends_in_splat();
    let reach = apply.to.reach();
    let tree = reach.stem().filter(|stem| is_whole && !stem.is_empty() && !apply.to.is_absolute())?;
    let tree = folder_path(&tree) + "/";
    let is_asset = |name: &str| [".js", ".mjs", ".css"].iter().any(|end| name.ends_with(end));
    let mut below = scene.names_below(&tree).peekable();
    if !scene.site.is_listed() || below.peek().is_none() || below.any(is_asset) {
        return None;
    }
    let visit = Visit::of(rule).by(&rule.role().map_or(Visitor::Anonymous, holder));
    let (first, target) = scene.assets().iter().filter(|name| !name.starts_with(&tree)).find_map(|name| {
        let path = RequestPath::of(segments(name));
        let decision = scene.answer(&visit.at(&path)).filter(|decision| decision.by == Some(place))?;
        let is_missing = !decision.denied && matches!(decision.outcome, Outcome::NotFound { .. });
        Some((path, decision.target.filter(|_| is_missing)?))
    })?;
    let message =
        format!("this leads every script and style sheet into `{tree}`, which has none: `{first}` is never served");
    let visitor = format!("at `{first}` a 404: there is no file at `{target}`");
    let help = "a forced rule goes before every file; files go first where it is not forced";
    Some(warning(rule, Field::From, "files-swallowed", message, visitor, help))
}

/// The gate that shows its own paths.
fn own_paths(rule: &Rule, apply: &Apply) -> Option<Rule> {
    let line = format!("{} {}!{}", rule.pattern, apply.status, apply.conditions);
    line_at(rule, &line).filter(|_| rule.origin.is_none() && rule.query.is_empty())
}
