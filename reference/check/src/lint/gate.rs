//! Gates that cover less than they seem to.

use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Pattern, Rule, RuleSet};
use rolegate::site::{Site, Spellings};

use crate::catalogue;

use super::admitted::holder;
use super::advice::{Closing, Found, Proposal, changed, page_rule};
use super::names::is_login_page;
use super::scene::{Field, LOOKED_AT, Scene, Visit, name_as_path, segments, warning};

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
        problems.extend(not_beneath(scene, place, rule));
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
        None => format!(
            "the file on every other host of the site, and on this one over `{}`, without being asked for a role",
            other_scheme.place().0.name()
        ),
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

/// QUERY-1, ROLE-9
fn one_query<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let first = rule.query.first()?;
    if is_shut(scene, rule, &Visit::of(rule).without_query()) {
        return None;
    }
    let key = String::from_utf8_lossy(&first.key).into_owned();
    let message =
        format!("this gate is for requests with these parameters alone, and none covers `{}` without", rule.pattern);
    let begin = format!("{key}=");
    let help = "a gate with parameters is met by requests with exactly these";
    let found = warning(rule, Field::Beginning(&begin), "gate-one-query", message, None, help);
    let without = (!rule.captures_query()).then(|| changed(rule, |rule| rule.query.clear()));
    Some(found.proposing(without.map(|without| Proposal {
        help: format!("add the same gate without parameters, below it: `{without}`"),
        changes: vec![(place, vec![rule.clone(), without])],
        closes: Some(Closing::by(rule)),
    })))
}

/// MATCH-1: paths differ by case and by the composition of characters. A gate over nothing beside a folder that looks so is meant for that.
fn other_case<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> Option<Found> {
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    let folder = format!("/{}/", stem.join("/"));
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
    let own = RequestPath::of(rule.pattern.literal()?);
    // Who logs in holds no role yet: see `gate-backwards`.
    if is_login_page(own.name()) {
        return None;
    }
    let visit = Visit::of(rule);
    let spellings = if scene.is_bare() { presumed(rule, &own)? } else { served(scene, &own)? };
    let open: Vec<_> = spellings.iter().filter(|path| **path != own && !covered(scene, path, &visit)).collect();
    let first = open.first()?;
    let more = match open.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let message = format!("the file of this path is served at `{first}` as well{more}, and no gate names that");
    let help = "other gates look at one spelling of a path alone";
    let found = warning(rule, Field::From, "gate-one-spelling", message, None, help);
    let with = |path: &RequestPath| {
        let (pattern, _) = Pattern::parse(&path.encoded()).ok()?;
        Some(changed(rule, |rule| rule.pattern = pattern))
    };
    let rules: Vec<Rule> = [rule.clone()].into_iter().chain(open.iter().filter_map(|path| with(path))).collect();
    let names: Vec<String> = open.iter().map(|path| format!("`{path}`")).collect();
    Some(found.proposing([Proposal {
        help: format!("write the same rule for {}", names.join(" and ")),
        changes: vec![(place, rules)],
        closes: None,
    }]))
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
    let apply = rule.apply().filter(|apply| !apply.to.is_absolute() && apply.to.reach() == rule.pattern);
    let deep = wide.zip(apply).and_then(|(wide, apply)| {
        // RULES-5: a destination is left out for what is shown with a 2xx alone.
        let to = if (200..300).contains(&apply.status) { String::new() } else { format!(" {}/:splat", rule.pattern) };
        let line = format!("{wide}{to} {}{}{}", apply.status, if apply.force { "!" } else { "" }, apply.conditions);
        let parsed = RuleSet::parse(line.as_bytes()).rules;
        let deep = parsed.rules().first().filter(|_| rule.origin.is_none() && rule.query.is_empty())?;
        Some(Rule { span: rule.span, ..deep.clone() })
    });
    Some(found.proposing(deep.map(|deep| Proposal {
        help: format!("write `{}`, which covers every depth", deep.pattern),
        closes: Some(Closing::by(&deep)),
        changes: vec![(place, vec![deep])],
    })))
}
