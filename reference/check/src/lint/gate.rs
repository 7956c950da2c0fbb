//! Gates that cover less than they seem to: by a condition, a host, a parameter, or upper and lower case.

use rolegate::decide::{Decision, Outcome};
use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Conditions, Rule};
use rolegate::site::Site;

use crate::catalogue;

use super::admitted::holder;
use super::advice::{Closing, Found, Proposal, answering, changed, page_rule};
use super::answers::answers_of;
use super::forward::is_function;
use super::narrow;
use super::scene::{Field, LOOKED_AT, Scene, Visit, folder_path, name_as_path, place_of, segments, warning};

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
        problems.extend(narrow::problems(scene, place, rule));
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
    let closes = || Some(Closing { but_for: None, ..Closing::by(rule) });
    // SHADOW-1: an answer that is not forced leaves the file to those whom this line did not deny.
    let is_plain = |apply: &Apply| !apply.force && apply.conditions == Conditions::default();
    let mut answers = answers_of(scene, place, rule).into_iter();
    let weak = answers.find(|(_, answer)| answer.apply().is_some_and(is_plain));
    let forced = weak.map(|(at, answer)| {
        let forced = answering(answer, |apply| apply.force = true);
        Proposal {
            help: format!("turn everybody else away on {}: `{forced}`", place_of(answer.span, rule.span)),
            changes: vec![(at, vec![forced])],
            closes: closes(),
        }
    });
    let page = scene.denial_page().and_then(|page| page_rule(rule, page, 401, true));
    let page = page.map(|page| Proposal {
        help: format!("turn everybody else away below it: `{page}`"),
        changes: vec![(place, vec![rule.clone(), page])],
        closes: closes(),
    });
    Some(found.proposing(forced.into_iter().chain(page)))
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
            // SHADOW-1: where a redirect is not forced, files go before it.
            let below = folder_path(&rule.pattern.fixed()) + "/";
            let files = scene.names_below(&below).filter(|name| rule.pattern.matches_name(name)).take(FILES);
            let files = files.map(|name| other_scheme.at(&RequestPath::of(segments(name))));
            let is_sent = |visit: Visit| {
                scene.answer(&visit).is_some_and(|sent| matches!(sent.outcome, Outcome::Redirect { .. }))
            };
            let sent = files.chain([other_scheme.clone()]).all(is_sent);
            let scheme = other_scheme.place().0.name();
            let here = if sent { String::new() } else { format!(", and on this one over `{scheme}`") };
            format!("the file on every other host of the site{here}, without being asked for a role")
        }
    };
    let message =
        format!("this gate is for `{}` alone, and none covers `{}` on other hosts", origin.host(), rule.pattern);
    let help = "a gate with a host is met on that host alone";
    let found = warning(rule, Field::From, "gate-one-host", message, visitor, help);
    let everywhere = |rule: &Rule| changed(rule, |rule| rule.origin = None);
    let (mut help, mut changes) =
        (format!("write `{}` without scheme and host", rule.pattern), vec![(place, vec![everywhere(rule)])]);
    for (at, answer) in answers_of(scene, place, rule) {
        help += &format!(", and so on {}", place_of(answer.span, rule.span));
        changes.push((at, vec![everywhere(answer)]));
    }
    Some(found.proposing([Proposal { help, changes, closes: Some(Closing::by(rule)) }]))
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
    let without = |rule: &Rule| changed(rule, |rule| rule.query.clear());
    let gate = (!rule.captures_query()).then(|| without(rule));
    Some(found.proposing(gate.map(|gate| {
        let mut help = format!("add the same gate without parameters, below it: `{gate}`");
        let mut changes = vec![(place, vec![rule.clone(), gate])];
        for (at, answer) in answers_of(scene, place, rule) {
            let wide = without(answer);
            help += &format!(", and `{wide}` below {}", place_of(answer.span, rule.span));
            changes.push((at, vec![answer.clone(), wide]));
        }
        Proposal { help, changes, closes: Some(Closing::by(rule)) }
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
