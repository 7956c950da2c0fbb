//! What a gate, or a role rule that sends visitors on, seems to keep, and what everybody gets by another address (ROLE-9).

use rolegate::path::RequestPath;
use rolegate::rules::Rule;
use rolegate::site::Site;

use super::advice::{Closing, Found, Proposal, line_at, page_rule};
use super::names::{is_denial_page, is_login_page};
use super::scene::{Field, LOOKED_AT, Scene, Visit, folder_path, name_as_path, page_of, warning};

/// What everybody gets by another address of what the rule at `place` is for.
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    rule.role()?;
    if scene.is_bare() || !scene.site.is_listed() || rule.origin.is_some() || !rule.query.is_empty() {
        return None;
    }
    if rule.protects() { data(scene, place, rule) } else { page(scene, place, rule) }
}

/// The page below its own path to which a role rule sends those who hold the role, and everybody else to a page to log in.
fn page<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| apply.is_redirect() && apply.conditions.others().is_empty())?;
    let own = RequestPath::of(rule.pattern.literal()?);
    let target = page_of(apply).filter(|target| !is_login_page(target))?;
    let path = RequestPath::parse(target.as_bytes()).ok()?;
    let is_below = !own.name().is_empty() && own.name() != "/";
    let file = scene.site.file(&path).filter(|_| is_below && path.name().starts_with(&format!("{}/", own.name())))?;
    let visit = Visit::of(rule);
    let denied = scene.answer(&visit).filter(|denied| denied.denials().any(|at| at == place))?;
    let by = scene.rule(denied.by?).filter(|by| by.role().is_none())?;
    let page = by.apply().and_then(page_of).filter(|page| is_denial_page(page))?;
    if !scene.is_public(&file, &visit.bare()) {
        return None;
    }
    let shown = name_as_path(&file);
    let message = format!(
        "who is sent to `{page}` here gets `{shown}` by its address: a redirect asks for no role where it leads"
    );
    let visitor = format!("`{shown}`, without being asked for a role");
    let folder = path.encoded();
    let gate = match file.ends_with("/index.html") {
        true => format!("{}/* 200!{}", folder.trim_end_matches('/'), apply.conditions),
        false => format!("{folder} {folder} 200!{}", apply.conditions),
    };
    let gate = line_at(rule, &gate)?;
    let answer = page_rule(&gate, &page, 401, true)?;
    let help = format!("gate the page itself: `{gate}`, then `{answer}`");
    let found = warning(rule, Field::To, "gate-not-beneath", message, visitor, help.clone());
    Some(found.proposing([Proposal {
        help,
        closes: Some(Closing::by(&gate)),
        changes: vec![(place, vec![rule.clone(), gate, answer])],
    }]))
}

/// What a build writes beside its pages for the scripts that show them: the content of gated pages, by an address of its own.
fn data<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| apply.conditions.others().is_empty())?;
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    let folder = folder_path(&stem);
    let is_page = |name: &str| name.ends_with(".html");
    let has_pages = scene.names_below(&format!("{folder}/")).any(is_page)
        || scene.site.file(&RequestPath::of(stem.iter().copied())).is_some_and(|name| is_page(&name));
    if !rule.leads_to_itself() || !has_pages {
        return None;
    }
    let visit = Visit::of(rule).bare();
    let is_tree = rule.pattern.ends_in_splat();
    let open = |prefix: &str| {
        let mut names = scene.names_below(prefix).filter(|name| name.ends_with(".json"));
        names.find(|name| scene.is_public(name, &visit))
    };
    // Where each of two kinds of builds writes it, and the gates for that.
    let gatsby = || {
        let own = format!("/page-data{folder}");
        let file = if is_tree { open(&format!("{own}/")) } else { open(&format!("{own}/page-data.json")) }?;
        let gate = match is_tree {
            true => format!("{own}/* 200!{}", apply.conditions),
            false => format!("{own}/page-data.json {own}/page-data.json 200!{}", apply.conditions),
        };
        Some((file, vec![gate]))
    };
    let next = || {
        let builds = scene.called_in("/_next/data/").into_iter().take(LOOKED_AT);
        let found = builds.filter_map(|build| {
            let own = format!("/_next/data/{build}{folder}");
            let [page, below] = [open(&format!("{own}.json")), open(&format!("{own}/")).filter(|_| is_tree)];
            Some((page.or(below)?, page.is_some(), below.is_some()))
        });
        let (file, is_page, is_below) = found.take(1).next()?;
        let own = format!("/_next/data/:build{folder}");
        let page = is_page.then(|| format!("{own}.json {own}.json 200!{}", apply.conditions));
        let below = is_below.then(|| format!("{own}/* {own}/:splat 200!{}", apply.conditions));
        Some((file, page.into_iter().chain(below).collect()))
    };
    let (file, gates) = gatsby().or_else(next)?;
    let file = name_as_path(file);
    let message = format!("`{file}` holds what the pages of this gate show, and is public");
    let visitor = format!("`{file}`, without being asked for a role");
    let gates: Vec<Rule> = gates.iter().filter_map(|gate| line_at(rule, gate)).collect();
    let lines: Vec<String> = gates.iter().map(|gate| format!("`{gate}`")).collect();
    let help = format!("gate what the build writes for its scripts too: {}", lines.join(" and "));
    let found = warning(rule, Field::From, "gate-data-open", message, visitor, help.clone());
    // Each of several closes paths of its own, and one alone is proved.
    let closes = match gates.as_slice() {
        [gate] => Some(Closing::by(gate)),
        _ => None,
    };
    let changes = vec![(place, [rule.clone()].into_iter().chain(gates).collect())];
    Some(found.proposing(closes.map(|closes| Proposal { help, changes, closes: Some(closes) })))
}
