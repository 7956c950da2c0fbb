//! Gates that cover less than they seem to.

use rolegate::decide::{Decision, Outcome};
use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Pattern, Rule};
use rolegate::site::{Site, Spellings};
use rolegate::span::RuleFile;

use crate::catalogue;

use super::admitted::holder;
use super::advice::{Closing, Found, Proposal, changed, line_at, page_rule};
use super::forward::is_function;
use super::names::{is_denial_page, is_login_page, is_offer};
use super::scene::{Field, LOOKED_AT, Scene, Visit, folder_path, name_as_path, page_of, place_of, segments, warning};
use super::walk::is_page_for_holders;

/// What is odd about the gate at `place`, or about the query of any rule.
pub(super) fn problems<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Vec<Found> {
    let mut problems: Vec<Found> = query_key_digit(rule).into_iter().collect();
    if rule.role().is_none() || !rule.protects() {
        return problems;
    }
    problems.extend(role_with_condition(scene, place, rule));
    problems.extend(one_host(scene, place, rule));
    problems.extend(one_query(scene, place, rule));
    problems.extend(other_case(scene, rule));
    if !repeats_a_path(scene, place, rule) {
        problems.extend(one_spelling(scene, place, rule));
        problems.extend(not_beneath(scene, place, rule).or_else(|| front_page_alone(scene, place, rule)));
    }
    problems
}

/// Whether another gate for the same path stands further up, which has been spoken of.
fn repeats_a_path<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> bool {
    let visit = Visit::of(rule);
    let candidates = visit.path().map(|path| scene.candidates(&path, &visit)).unwrap_or_default();
    candidates
        .iter()
        .any(|(at, other)| *at < place && other.role().is_some() && other.protects() && other.pattern == rule.pattern)
}

fn query_key_digit(rule: &Rule) -> Option<Found> {
    let key = rule.query.iter().map(|constraint| String::from_utf8_lossy(&constraint.key));
    let key = key.into_iter().find(|key| key.starts_with(|c: char| c.is_ascii_digit()))?;
    let message = format!("the parameter `{key}` begins with a digit, where other gates look for a status");
    let begin = format!("{key}=");
    let found =
        warning(rule, Field::Beginning(&begin), "query-key-digit", message, None, catalogue::fix("query-key-digit"));
    Some(found)
}

/// ROLE-7
fn role_with_condition<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let others = rule.apply()?.conditions.others().iter();
    let (key, values) = others.filter_map(|condition| Some((condition.key.name()?, &condition.values))).next()?;
    let visit = Visit::of(rule);
    let is_shut = scene.candidates(&visit.path()?, &visit).into_iter().any(|(at, other)| {
        let Some(apply) = other.apply() else { return other.pattern.covers(&rule.pattern) };
        let conditions = &apply.conditions;
        at > place
            && other.query.is_empty()
            && other.pattern.covers(&rule.pattern)
            && conditions.others().is_empty()
            && (conditions.role.is_some() || apply.force)
    });
    // ROLE-4: what a gate further up denied stays denied where this one does not decide.
    let without = rule.role().and_then(|role| scene.answer(&visit.bare().by(&holder(role))));
    if is_shut || without.is_some_and(|without| without.denied) {
        return None;
    }
    let message = format!("`{key}` locks nobody out who holds the role, and other gates let everybody in without it");
    let condition = format!("{key}={}", values.join(","));
    let visitor = format!(
        "without the role a denial; with the role and without `{condition}`, what comes later: the file, where nothing does"
    );
    let from = &rule.pattern;
    let help = format!("for `{from}` nothing below this line turns away those who hold the role without `{condition}`");
    let begin = format!("{key}=");
    let found = warning(rule, Field::Beginning(&begin), "role-with-condition", message, visitor, help);
    let page = scene.denial_page().and_then(|page| page_rule(rule, page, 401, true));
    Some(found.proposing(page.map(|page| Proposal {
        help: format!("turn everybody else away below it: `{page}`"),
        changes: vec![(place, vec![rule.clone(), page])],
        closes: Some(Closing { but_for: None, ..Closing::by(rule) }),
    })))
}

/// HOST-1, ROLE-9
fn one_host<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let origin = rule.origin.as_ref()?;
    // What lies at its paths is not what it shows: see `gate-target-open`.
    let own = |apply: &Apply| apply.to.is_absolute() || !apply.to.takes_captures() || apply.to.reach() == rule.pattern;
    if !rule.apply().is_some_and(own) {
        return None;
    }
    let visit = Visit::of(rule);
    if is_shut(scene, rule, &visit.elsewhere()) {
        return None;
    }
    let other_scheme = visit.over_the_other_scheme();
    let twin = scene.candidates(&visit.path()?, &other_scheme).into_iter();
    let twin =
        twin.filter(|(_, other)| other.origin.is_some() && other.protects() && other.pattern.covers(&rule.pattern));
    // Of two gates for the two schemes of a host the first one speaks for both.
    let visitor = match twin.map(|(at, _)| at).next() {
        Some(at) if at < place => return None,
        Some(_) => catalogue::visitor("gate-one-host").to_owned(),
        None => {
            let sent = scene.answer(&other_scheme).is_some_and(|sent| matches!(sent.outcome, Outcome::Redirect { .. }));
            let scheme = other_scheme.place().0.name();
            let here = if sent { String::new() } else { format!(", and on this one over `{scheme}`") };
            format!("the file on every other host of the site{here}, without being asked for a role")
        }
    };
    let message =
        format!("this gate is for `{}` alone, and none covers `{}` on other hosts", origin.host(), rule.pattern);
    let help = "a gate with a host is met on that host alone";
    let found = warning(rule, Field::From, "gate-one-host", message, visitor, help);
    let everywhere = changed(rule, |rule| rule.origin = None);
    Some(found.proposing([Proposal {
        help: format!("write `{}` without scheme and host", rule.pattern),
        changes: vec![(place, vec![everywhere])],
        closes: Some(Closing::by(rule)),
    }]))
}

/// QUERY-1, QUERY-2, ROLE-9: a request with a parameter more, or without those of the gate, that gets what the gate keeps.
fn one_query<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let first = rule.query.first()?;
    let (passed, what) = past_the_query(scene, place, rule)?;
    let key = String::from_utf8_lossy(&first.key).into_owned();
    let message =
        format!("this gate is for requests with exactly these parameters, and `{}` goes past it", passed.target());
    let visitor = format!("at `{}` {what}, without being asked for a role", passed.target());
    let begin = format!("{key}=");
    let help = "with another parameter, or without these, a request is another one: a gate without parameters covers all of them";
    let found = warning(rule, Field::Beginning(&begin), "gate-one-query", message, visitor, help);
    let without = (!rule.captures_query()).then(|| changed(rule, |rule| rule.query.clear()));
    Some(found.proposing(without.map(|without| Proposal {
        help: format!("add the same gate without parameters, below it: `{without}`"),
        changes: vec![(place, vec![rule.clone(), without])],
        closes: Some(Closing::by(rule)),
    })))
}

/// So many files below a gate are asked for.
const FILES: usize = 4;

/// A visit that the gate at `place` is not for, by its query alone, and that gets what the gate keeps, and what that is.
fn past_the_query<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<(Visit, String)> {
    let gate = Visit::of(rule);
    let stem = rule.pattern.stem().unwrap_or_default();
    let below = folder_path(&stem);
    let files = scene.names_below(&below).filter(|name| rule.pattern.matches_name(name)).take(FILES);
    let files = files.map(|name| RequestPath::of(segments(name)));
    files.chain(gate.path()).find_map(|path| {
        let gate = gate.at(&path);
        let kept = scene.answer(&gate.by(&holder(rule.role()?))).filter(|kept| kept.by == Some(place))?;
        [gate.with_a_parameter(), gate.without_query()]
            .into_iter()
            .find_map(|visit| Some((what_is_kept(scene, rule, &kept, &scene.answer(&visit)?)?, visit)))
            .map(|(what, visit)| (visit, what))
    })
}

/// What of that which a gate shows somebody gets, of whom it did not ask for a role.
fn what_is_kept<S: Site>(scene: &Scene<'_, S>, rule: &Rule, kept: &Decision, got: &Decision) -> Option<String> {
    if got.denied {
        return None;
    }
    let server =
        |url: &str| url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()).map(str::to_lowercase);
    match &got.outcome {
        Outcome::Serve { file } | Outcome::Rewrite { file, status: 200..300 } => {
            (kept.outcome.file() == Some(file.as_str())).then(|| format!("`{}`", name_as_path(file)))
        }
        Outcome::Proxy { url } => match &kept.outcome {
            Outcome::Proxy { url: kept } => (server(url) == server(kept)).then(|| format!("what `{url}` answers")),
            _ => None,
        },
        Outcome::NotFound { forced: false, .. } => {
            let runs = rule.apply().is_some_and(is_function) && got.by.is_some() && got.target == kept.target;
            let own = || rule.apply().is_some_and(|apply| apply.to.reach() == rule.pattern);
            // Where nobody knows the files there may be one.
            let may_be_there =
                scene.is_bare() && ((got.by.is_none() && own()) || (got.by.is_some() && got.target == kept.target));
            (runs || may_be_there).then(|| if runs { "what the function answers" } else { "the file" }.to_owned())
        }
        _ => None,
    }
}

/// MATCH-1: paths differ by case and by the composition of characters. A gate over nothing beside a folder that looks so is meant for that.
fn other_case<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> Option<Found> {
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    let folder = folder_path(&stem) + "/";
    if scene.is_bare() || !rule.pattern.ends_in_splat() || scene.names_below(&folder).next().is_some() {
        return None;
    }
    let visit = Visit::of(rule).bare();
    let mut names = scene.names_like(&folder).filter(|name| scene.is_public(name, &visit));
    let name = names.next()?;
    let file = name_as_path(name);
    let by_case = name.to_lowercase().starts_with(&folder.to_lowercase());
    let what =
        if by_case { "in upper and lower case" } else { "in how its characters are composed, which nobody sees" };
    let message = format!("there is no file below `{folder}`, and `{file}` differs from it {what}");
    let visitor = format!("`{file}`, without being asked for a role");
    let help = if by_case {
        "a path is another one where upper and lower case differ: write `from` as the folder is called"
    } else {
        "a path is another one where a letter and its accent are one character or two: write both spellings, or call the folder by ASCII alone"
    };
    Some(warning(rule, Field::From, "gate-other-case", message, visitor, help))
}

/// Whether a visit that is not quite for the gate is decided by another gate, or by a rule that no file goes before.
fn is_shut<S: Site>(scene: &Scene<'_, S>, gate: &Rule, visit: &Visit) -> bool {
    let Some(path) = visit.path() else { return true };
    let candidates = scene.candidates(&path, visit);
    candidates.len() >= LOOKED_AT
        || candidates.iter().any(|(_, other)| {
            let closes = other.protects() || other.apply().is_some_and(|apply| apply.force);
            let for_all = other.query.is_empty() && (other.origin.is_none() || other.origin == gate.origin);
            let for_all = for_all && visit_fits(other, visit);
            closes && for_all && other.pattern.covers(&gate.pattern)
        })
}

/// A rule with a host is no answer to a visit to another one.
fn visit_fits(rule: &Rule, visit: &Visit) -> bool {
    rule.origin.is_none() || visit.place().1.is_some()
}

/// NOLEAK-3
fn one_spelling<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let is_tree = rule.pattern.ends_in_splat();
    let own = RequestPath::of(if is_tree { folder_of(rule)? } else { rule.pattern.literal()? });
    // Who logs in holds no role yet: see `gate-backwards`.
    if is_login_page(own.name()) || is_page_for_holders(scene, rule) {
        return None;
    }
    // A gate for the page alone is told by itself.
    let names_the_page = |gate: &Rule| gate.pattern.literal().is_some_and(|path| RequestPath::of(path) == own);
    if is_tree && scene.closed.iter().any(|(_, gate)| names_the_page(gate)) {
        return None;
    }
    let visit = Visit::of(rule);
    let spellings = match scene.is_bare() {
        true if is_tree => return None,
        true => presumed(rule, &own)?,
        false => served(scene, &own)?,
    };
    let open: Vec<_> =
        spellings.iter().filter(|path| !rule.pattern.matches(path) && !covered(scene, path, &visit)).collect();
    let first = open.first()?;
    let more = match open.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let what = if is_tree { format!("page at `{own}`") } else { "file of this path".to_owned() };
    let message = format!("the {what} is served at `{first}` as well{more}, and no gate names that");
    let help = "other gates look at one spelling of a path alone";
    let found = warning(rule, Field::From, "gate-one-spelling", message, None, help);
    let with = |path: &RequestPath| {
        if is_tree {
            return at_one_path(rule, path);
        }
        let (pattern, _) = Pattern::parse(&path.encoded()).ok()?;
        Some(changed(rule, |rule| rule.pattern = pattern))
    };
    let rules: Vec<Rule> = [rule.clone()].into_iter().chain(open.iter().filter_map(|path| with(path))).collect();
    let names: Vec<String> = open.iter().map(|path| format!("`{path}`")).collect();
    let help = match rules.get(1).filter(|_| is_tree) {
        Some(page) => format!("write `{page}` as well"),
        None => format!("write the same rule for {}", names.join(" and ")),
    };
    Some(found.proposing([Proposal { help, changes: vec![(place, rules)], closes: None }]))
}

/// The path of the folder that a gate closes by showing its own paths: a page may lie beside the folder, and be served there.
fn folder_of(rule: &Rule) -> Option<Vec<&str>> {
    let apply = rule.apply().filter(|_| rule.leads_to_itself())?;
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    (200..300).contains(&apply.status).then_some(stem)
}

/// The gate for a folder as one for a single path, which it shows.
fn at_one_path(rule: &Rule, path: &RequestPath) -> Option<Rule> {
    let apply = rule.apply().filter(|_| rule.origin.is_none() && rule.query.is_empty())?;
    let path = path.encoded();
    let line = format!("{path} {path} {}{}{}", apply.status, if apply.force { "!" } else { "" }, apply.conditions);
    line_at(rule, &line)
}

/// Every path at which the site serves the file of `own`.
fn served<S: Site>(scene: &Scene<'_, S>, own: &RequestPath) -> Option<Vec<RequestPath>> {
    let file = scene.site.file(own)?;
    let spellings = Spellings::of(scene.site, &file);
    Some(spellings.iter().map(|name| RequestPath::of(segments(name))).collect())
}

/// Where nobody knows the files, a rule that shows its own path is taken to stand for a page.
fn presumed(rule: &Rule, own: &RequestPath) -> Option<Vec<RequestPath>> {
    let apply = rule.apply().filter(|apply| (200..300).contains(&apply.status) && !apply.to.is_absolute())?;
    let target = apply.to.reach();
    let base = |path: &RequestPath| {
        let name = path.name();
        let name = name.strip_suffix(".html").unwrap_or(name);
        name.strip_suffix("/index").unwrap_or(name).to_owned()
    };
    let own = base(own);
    let shown = base(&RequestPath::of(target.literal()?));
    // What ends in another extension has one spelling.
    let is_page = !own.rsplit('/').next()?.contains('.');
    (own == shown && is_page && !own.is_empty())
        .then(|| ["", ".html"].map(|end| RequestPath::of(segments(&format!("{own}{end}")))).to_vec())
}

/// Whether a gate names the path, or a rule that no file goes before sends it elsewhere.
fn covered<S: Site>(scene: &Scene<'_, S>, path: &RequestPath, visit: &Visit) -> bool {
    let candidates = scene.candidates(path, visit);
    candidates.len() >= LOOKED_AT
        || candidates.iter().any(|(_, other)| {
            other.pattern.matches(path) && (other.protects() || other.apply().is_some_and(|apply| apply.force))
        })
}

/// ROLE-9: a gate for the front page, whose answer for those whom it denies is a page to log in, and no other gate.
fn front_page_alone<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let is_front = |path: &str| matches!(path, "" | "/" | "/index.html" | "/index");
    let own = RequestPath::of(rule.pattern.literal()?);
    let is_shown = rule.apply().and_then(page_of).is_some_and(|page| is_front(&page));
    let others_are_alike = scene.closed.iter().all(|(_, gate)| {
        let path = gate.pattern.literal().map(RequestPath::of);
        path.is_some_and(|path| is_front(path.name()))
    });
    if !is_front(own.name()) || !is_shown || !others_are_alike || scene.is_bare() || !scene.site.is_listed() {
        return None;
    }
    let visit = Visit::of(rule);
    let denied = scene.answer(&visit).filter(|denied| denied.denials().next() == Some(place))?;
    let by = scene.rule(denied.by?)?;
    let page = by.apply().and_then(page_of).filter(|page| is_denial_page(page))?;
    let is_for_members = |name: &&str| {
        let names =
            [name.strip_suffix(".html").unwrap_or_default(), name.strip_suffix("/index.html").unwrap_or_default()];
        let is_public = |name: &str| is_front(name) || name == "/404" || is_denial_page(name) || is_offer(name);
        name.ends_with(".html") && !names.into_iter().filter(|name| !name.is_empty()).any(is_public)
    };
    let names = scene.names_below("/").filter(is_for_members);
    let mut open = names.filter(|name| scene.is_public(name, &visit.bare()));
    let first = name_as_path(open.next()?);
    let more = match open.count() {
        0 => String::new(),
        1 => " and one more page".to_owned(),
        count => format!(" and {count} more pages"),
    };
    let message = format!("this gate covers the front page alone: `{first}`{more} can be had without a role");
    let visitor = format!("`{first}`, without being asked for a role");
    let line = place_of(by.span, rule.span);
    let role = &rule.apply()?.conditions;
    let help = match rule.span.file {
        RuleFile::Redirects => format!(
            "if the whole site is meant, write `/* 200!{role}` here, `/*` in the place of `{}` on {line}, and above both what shows `{page}` \
             and what that loads to everybody",
            by.pattern
        ),
        _ => format!(
            "if the whole site is meant, let this and {line} be for `/*`, and stand above both what shows `{page}` and what that loads to \
             everybody"
        ),
    };
    Some(warning(rule, Field::From, "gate-not-beneath", message, visitor, help))
}

/// ROLE-9
fn not_beneath<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    // A gate on the root is for the front page; nobody means the whole site with it.
    let folder = RequestPath::of(rule.pattern.fixed()).name().to_owned();
    let (visit, wide) =
        (Visit::of(rule), Pattern::parse(&format!("{}/*", rule.pattern)).ok().map(|(pattern, _)| pattern));
    let below = wide.clone().filter(|_| !folder.is_empty() && !rule.pattern.ends_in_splat())?;
    let is_below = |name: &&str| {
        let path = RequestPath::of(segments(name));
        below.matches(&path) && !rule.pattern.matches(&path)
    };
    let names = scene.names_below(&format!("{folder}/")).filter(is_below);
    let mut open = names.filter(|name| scene.is_public(name, &visit));
    let first = name_as_path(open.next()?);
    let more = match open.count() {
        0 => String::new(),
        1 => " and one more".to_owned(),
        count => format!(" and {count} more"),
    };
    let message =
        format!("this gate covers `{}` alone: `{first}`{more} below it can be had without a role", rule.pattern);
    let visitor = format!("`{first}`, without being asked for a role");
    let help = "a gate without a star covers one path";
    let found = warning(rule, Field::From, "gate-not-beneath", message, visitor, help);
    let apply = rule.apply().filter(|_| rule.leads_to_itself());
    let deep = wide.zip(apply).and_then(|(wide, apply)| {
        // RULES-5: a destination is left out for what is shown with a 2xx alone.
        let to = if (200..300).contains(&apply.status) { String::new() } else { format!(" {}/:splat", rule.pattern) };
        let line = format!("{wide}{to} {}{}{}", apply.status, if apply.force { "!" } else { "" }, apply.conditions);
        line_at(rule, &line).filter(|_| rule.origin.is_none() && rule.query.is_empty())
    });
    Some(found.proposing(deep.map(|deep| Proposal {
        help: format!("write `{}`, which covers every depth", deep.pattern),
        closes: Some(Closing::by(&deep)),
        changes: vec![(place, vec![deep])],
    })))
}
