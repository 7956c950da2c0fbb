//! Rules that show or lead to what is not there.

use rolegate::decide::Outcome;
use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Conditions, Rule, holds_literal_pattern};
use rolegate::site::Site;
use rolegate::visitor::Visitor;

use super::admitted::holder;
use super::advice::{Found, Proposal, leading_to};
use super::forward::is_function;
use super::idle::page_for_routes;
use super::scene::{Field, Scene, Visit, folder_path, name_as_path, page_of, place_of, segments, warning};
use super::too_late::for_routes;

/// Names that differ in more letters are not taken for one another.
const LETTERS: usize = 2;

/// What is missing where the rule at `place` leads, on a site that is built: one that has a front page.
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    if let Some(found) = behind_a_slash(scene, place, rule) {
        return Some(found);
    }
    if let Some(found) = routes_of_an_app(scene, place, rule) {
        return Some(found);
    }
    if let Some(found) = page_with_a_rest(scene, place, rule) {
        return Some(found);
    }
    let apply = rule.apply().filter(|apply| !apply.to.is_absolute() && !is_function(apply))?;
    // What is not found, or gone, is said without a page as well.
    let says_so = matches!(apply.status, 404 | 410);
    // Of a gate that shows its own paths another finding speaks.
    let is_own = rule.protects() && apply.to.reach() == rule.pattern;
    let front = RequestPath::parse(b"/").ok()?;
    if says_so || is_own || scene.is_bare() || !scene.site.is_listed() || scene.site.file(&front).is_none() {
        return None;
    }
    // SUBST-1, SUBST-6: what stands for nothing in a destination is told where it is read.
    let literal = || RequestPath::parse(page_of(apply)?.as_bytes()).ok();
    let is_literal = |path: RequestPath| holds_literal_pattern(path.name());
    let is_told = apply.to.unknown_name().is_some() || holds_literal_pattern(&apply.to.to_string());
    if is_told || literal().is_some_and(is_literal) {
        return None;
    }
    let shown = where_nothing_is(scene, rule, apply)?;
    let visitor = rule.role().map_or(Visitor::Anonymous, holder);
    let visit = Visit::of(rule).by(&visitor);
    let decision = scene.answer(&visit).filter(|decision| decision.by == Some(place))?;
    match &decision.outcome {
        Outcome::NotFound { forced: false, .. } => {}
        Outcome::Redirect { location, .. } => {
            let there = scene.answer(&scene.follow(&visit, location)?)?;
            let is_nothing = there.by.is_none() && !there.denied && matches!(there.outcome, Outcome::NotFound { .. });
            is_nothing.then_some(())?;
        }
        _ => return None,
    }
    let what = if apply.to.takes_captures() { "there is no file below" } else { "there is no file at" };
    let message = format!("{what} `{shown}`, where this leads");
    let with = if rule.role().is_some() { "with the role " } else { "" };
    let visitor = match &decision.outcome {
        Outcome::Redirect { location, .. } => {
            format!("{with}at `{}` a redirect to `{location}`, and there a 404", visit.target())
        }
        _ => format!("{with}a 404 at `{}`", visit.target()),
    };
    let found = warning(rule, Field::To, "target-missing", message, visitor, "lead to what is there");
    let meant = forgotten_colon(rule, apply).or_else(|| near(scene, &shown).filter(|_| !apply.to.takes_captures()));
    Some(found.proposing(meant.and_then(|meant| {
        let mended = leading_to(rule, &meant)?;
        Some(Proposal {
            help: format!("lead to `{meant}`, if that is meant: `{mended}`"),
            changes: vec![(place, vec![mended])],
            closes: None,
        })
    })))
}

/// An answer for those whom a gate denies that puts the rest of the path behind the page for them: at the root of the gate alone that
/// page is there.
fn page_with_a_rest<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let apply = rule.apply().filter(|apply| !apply.to.is_absolute() && !is_function(apply))?;
    if rule.role().is_some() || scene.is_bare() || !scene.site.is_listed() {
        return None;
    }
    let [own, reach] = [rule.pattern.clone(), apply.to.reach()];
    let [own, page] = [&own, &reach].map(|pattern| pattern.stem().filter(|_| pattern.ends_in_splat()));
    let (own, page) = (own?, page.filter(|page| !page.is_empty())?);
    let page = RequestPath::of(page);
    scene.site.file(&page)?;
    if scene.names_below(&format!("{}/", page.name())).next().is_some() {
        return None;
    }
    let visit = Visit::of(rule);
    let below = folder_path(&own) + "/";
    let (asked, target) = scene.names_below(&below).find_map(|name| {
        let asked = visit.at(&RequestPath::of(segments(name)));
        let decision = scene.answer(&asked).filter(|decision| decision.by == Some(place) && decision.denied)?;
        let target = match &decision.outcome {
            Outcome::NotFound { forced: false, .. } => decision.target.clone()?,
            Outcome::Redirect { location, .. } => {
                let there = scene.answer(&scene.follow(&asked, location)?)?;
                let is_nothing = there.by.is_none() && matches!(there.outcome, Outcome::NotFound { .. });
                is_nothing.then(|| location.clone())?
            }
            _ => return None,
        };
        Some((asked.target().to_owned(), target))
    })?;
    let message = format!("at `{asked}` this leads to `{target}`, and there is nothing: the page is `{page}`");
    let visitor = match apply.is_redirect() {
        true => format!("at `{asked}` a redirect to `{target}`, and there a 404, without the role"),
        false => format!("at `{asked}` a 404 without the role"),
    };
    let help = "one page answers all who are denied, so its destination has no `:splat`";
    let found = warning(rule, Field::To, "target-missing", message, visitor, help);
    let mended = leading_to(rule, &page.encoded())?;
    Some(found.proposing([Proposal {
        help: format!("write `{mended}`, which leads all who are denied to the page"),
        changes: vec![(place, vec![mended])],
        closes: None,
    }]))
}

/// The URL that stands behind the slash of a destination, which makes a path of it.
pub(super) fn url_behind_a_slash(apply: &Apply) -> Option<String> {
    let to = apply.to.to_string();
    let rest = to.strip_prefix('/')?;
    let is_url = ["http:/", "https:/"].iter().any(|begin| rest.starts_with(begin));
    let is_host =
        rest.strip_prefix("www.").is_some_and(|host| host.split('/').next().is_some_and(|host| host.contains('.')));
    match (is_url, is_host && !apply.to.is_absolute()) {
        (true, _) => {
            let (scheme, path) = rest.split_once(":/")?;
            Some(format!("{scheme}://{}", path.trim_start_matches('/')))
        }
        (false, true) => Some(format!("https://{rest}")),
        (false, false) => None,
    }
}

/// A destination that is a URL but for the slash that it begins with.
fn behind_a_slash<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let url = url_behind_a_slash(rule.apply()?)?;
    let folder = rule.apply()?.to.reach().fixed().first().map(|first| format!("/{first}/"))?;
    if scene.names_below(&folder).next().is_some() {
        return None;
    }
    let message = format!("the slash makes a path of this site of what looks like `{url}`");
    let help = "a destination on another host begins with `http://` or `https://`, and one that begins with a slash is a path of this site";
    let found = warning(rule, Field::To, "to-behind-slash", message, None, help);
    Some(found.proposing(leading_to(rule, &url).map(|mended| Proposal {
        help: format!("if another host is meant, write `{mended}`"),
        changes: vec![(place, vec![mended])],
        closes: None,
    })))
}

/// A gate over the routes of a single-page app, at which no file lies, above the rule that shows the app: nobody gets the app there.
fn routes_of_an_app<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let role = rule.role().filter(|_| rule.protects())?;
    let visit = Visit::of(rule);
    // Where everybody else gets the app, `gate-backwards` speaks of it.
    if page_for_routes(scene, rule).is_some() {
        return None;
    }
    let shows_app = |below: &Rule| {
        let is_for_all = below.apply().is_some_and(|apply| apply.conditions == Conditions::default());
        let is_wider = below.pattern != rule.pattern && below.pattern.covers(&rule.pattern);
        if is_for_all && is_wider && below.query.is_empty() { for_routes(scene, below, rule) } else { None }
    };
    let below = scene.candidates(&visit.path()?, &visit).into_iter().filter(|(at, _)| *at > place);
    let (app, shown) = below.filter_map(|(_, below)| Some((below, shows_app(below)?))).next()?;
    let admitted = scene.answer(&visit.by(&holder(role))).filter(|admitted| admitted.by == Some(place))?;
    if !matches!(admitted.outcome, Outcome::NotFound { .. }) {
        return None;
    }
    let folder = folder_path(&rule.pattern.stem()?) + "/";
    let (line, page) = (place_of(app.span, rule.span), page_of(app.apply()?)?);
    let message = format!(
        "there is no file below `{folder}`, so those who hold the role get a 404 there, and nobody gets the app"
    );
    let visitor = format!("with the role a 404 at `{}`", visit.target());
    let help =
        format!("at the paths of an app that are no files {line} shows `{page}`, and this line stands before it");
    let found = warning(rule, Field::Beginning("role="), "target-missing", message, visitor, help);
    Some(found.proposing([Proposal {
        help: format!("show the app to those who hold the role, as {line} does to others elsewhere: `{shown}`"),
        changes: vec![(place, vec![shown])],
        closes: None,
    }]))
}

/// The path of the page that the rule leads to, or the folder, if there is no file.
fn where_nothing_is<S: Site>(scene: &Scene<'_, S>, rule: &Rule, apply: &Apply) -> Option<String> {
    scene.spend(rule.text.len());
    // What the platform serves lies in no folder.
    let is_there = |path: &str| {
        let is_file = || RequestPath::parse(path.as_bytes()).is_ok_and(|path| scene.site.file(&path).is_some());
        path.starts_with("/.") || is_file()
    };
    if let Some(page) = page_of(apply) {
        return (!is_there(&page)).then_some(page);
    }
    let reach = apply.to.reach();
    let stem = reach.stem().filter(|stem| reach.ends_in_splat() && !stem.is_empty())?;
    let folder = format!("/{}", stem.join("/"));
    let below = format!("{folder}/");
    (!is_there(&folder) && scene.names_below(&below).next().is_none()).then_some(below)
}

/// The destination with a colon before what `from` captures, where it stands as a word of the path.
fn forgotten_colon(rule: &Rule, apply: &Apply) -> Option<String> {
    let page = page_of(apply)?;
    let is_name = |segment: &str| match segment {
        "splat" => rule.pattern.ends_in_splat(),
        name => rule.pattern.captures_name(name),
    };
    let mended =
        page.split('/').map(|segment| if is_name(segment) { format!(":{segment}") } else { segment.to_owned() });
    let mended: Vec<String> = mended.collect();
    Some(mended.join("/")).filter(|mended| *mended != page)
}

/// The page that is called almost so, in the same folder.
fn near<S: Site>(scene: &Scene<'_, S>, shown: &str) -> Option<String> {
    let path = RequestPath::parse(shown.as_bytes()).ok()?;
    let own: Vec<&str> = path.segments().collect();
    let (last, folder) = own.split_last()?;
    let prefix = folder_path(folder) + "/";
    let called = |name: &str| name.trim_end_matches(".html").to_lowercase();
    let wanted = called(last);
    let letters = wanted.chars().count();
    let names = scene.names_below(&prefix).filter_map(|name| {
        scene.spend(name.len() + shown.len());
        let rest: Vec<&str> = segments(name.get(prefix.len()..)?).collect();
        let known = match rest.as_slice() {
            [one] | [one, "index.html"] => *one,
            _ => return None,
        };
        let known = called(known);
        // Each letter more or less is one that differs.
        if known.chars().count().abs_diff(letters) > LETTERS {
            return None;
        }
        let far = strsim::osa_distance(&wanted, &known);
        let page = || {
            let page = name_as_path(name);
            page.strip_suffix("/index.html").or_else(|| page.strip_suffix(".html")).unwrap_or(&page).to_owned()
        };
        (far <= LETTERS && far < letters.div_ceil(2)).then(|| (far, page()))
    });
    names.min().map(|(_, page)| page)
}
