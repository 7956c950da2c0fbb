//! Rules that are never met, because of one further up.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use rolegate::problem::{Fix, Problem};
use rolegate::rules::{Apply, Condition, ConditionKey, Conditions, RoleCondition, Rule};
use rolegate::site::Site;

use super::admitted::wider_above;
use super::advice::{Closing, Found, Proposal, answering, changed, page_rule};
use super::scene::{Field, LOOKED_AT, Scene, Visit, on_line, place_of, warning};
use super::too_late::{for_routes, leads_alike, order_meant, page_below, role_on_the_answer, with_both_roles};

/// Each rule where it was met first and where it was met last, with that place, by what it means.
pub(super) type Seen<'r> = HashMap<String, (&'r Rule, &'r Rule, usize)>;

/// What is said of a rule that never decides.
pub(super) enum Unmet {
    /// It is told.
    Told(Box<Found>),
    /// It stands there for other gates, which may not know the spelling of the one further up.
    OfOthers,
}

/// Why the rule at `place` never decides, if it never does.
pub(super) fn problem<'r, S: Site>(
    scene: &Scene<'r, S>,
    place: usize,
    rule: &'r Rule,
    seen: &mut Seen<'r>,
) -> Option<Unmet> {
    duplicate(place, rule, seen).or_else(|| Some(Unmet::Told(Box::new(unmet(scene, place, rule)?))))
}

/// What the rule says, so that two rules which say the same say it in the same words.
pub(super) fn meaning(rule: &Rule) -> String {
    let mut meaning = rule.to_string();
    if let Some(apply) = rule.apply().filter(|apply| !apply.headers.is_empty()) {
        // Writing to a text cannot fail.
        let _ = write!(meaning, " {:?}", apply.headers);
    }
    meaning
}

/// RULES-11: an exact duplicate never decides.
fn duplicate<'r>(place: usize, rule: &'r Rule, seen: &mut Seen<'r>) -> Option<Unmet> {
    rule.apply()?;
    let (first, last, last_place) = match seen.entry(meaning(rule)) {
        Entry::Vacant(entry) => {
            entry.insert((rule, rule, place));
            return None;
        }
        Entry::Occupied(entry) => entry.into_mut(),
    };
    // A line between the two that is no rule here may be one elsewhere.
    let is_next = *last_place + 1 == place;
    let follows = is_next && last.span.line + 1 == rule.span.line;
    (*last, *last_place) = (rule, place);
    if from_of(first) != from_of(rule) {
        return Some(Unmet::OfOthers);
    }
    let first = place_of(first.span, rule.span);
    let message = format!("this rule already stands on {first}, where it is met first");
    // RULES-11.duplicate-lines: where the last one counts, what stands in between is met before it.
    let (help, fix) = if follows {
        ("remove this line".to_owned(), on_line(rule, Fix::RemoveLine))
    } else if is_next {
        ("remove this line, if nothing but comments stands between the two".to_owned(), None)
    } else {
        (format!("keep one of them; other gates meet what stands between {first} and this line first"), None)
    };
    let found = warning(rule, Field::Beginning(""), "duplicate", message, None, help);
    Some(Unmet::Told(Box::new(Problem { fix, span: rule.span, ..found.problem }.into())))
}

/// `from` as it is written, where the file has lines.
fn from_of(rule: &Rule) -> &str {
    rule.text.split_whitespace().next().unwrap_or_default()
}

/// SHADOW-2: the first match is chosen before anything else, so a rule that decides for all leaves nothing to others.
fn unmet<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let visit = Visit::of(rule);
    let path = rule.pattern.example(super::scene::WORD);
    let candidates = scene.candidates(&path, &visit);
    let before = candidates.into_iter().take_while(|(at, _)| *at < place);
    let before: Vec<(usize, &Rule)> = before.collect();
    let mut first = before.iter().filter_map(|(at, above)| Some((*at, *above, leaves_nothing_to(scene, above, rule)?)));
    let (at, above, by) = first.next()?;
    let line = place_of(above.span, rule.span);
    if let Some(found) = role_on_the_answer((at, above), (place, rule)) {
        return Some(found);
    }
    // Who is denied above is asked there, and others are let in who are not to be.
    if rule.protects()
        && let Some(found) = wider_above(scene, place, rule)
    {
        return Some(found);
    }
    let asking =
        before.iter().find(|(gate, other)| *gate < at && other.role().is_some() && other.pattern.covers(&rule.pattern));
    if let Some((_, gate)) = asking.filter(|_| rule.is_sealed()) {
        let gate = place_of(gate.span, rule.span);
        let message = format!("this line has no effect: {gate} and {line} answer these paths");
        let help =
            format!("take this line out: {gate} asks for a role here already, and {line} answers everybody else");
        let found =
            warning(rule, Field::From, "rule-unreachable", message, format!("what {gate} and {line} say"), help);
        return Some(Found::from(Problem { span: rule.span, ..found.problem }));
    }
    if rule.protects() && by.conditions.role.is_none() {
        let message = format!("nobody is ever asked for a role here: {line} matches these paths first");
        let visitor = if by.force {
            format!("what {line} says, without being asked for a role")
        } else {
            format!("the file, or where there is none what {line} says, without being asked for a role")
        };
        let others =
            before.iter().find(|(gate, other)| *gate < at && other.protects() && other.pattern == rule.pattern);
        let help = match others {
            Some((_, gate)) => format!(
                "{line} answers all whom {} denies, those too who hold another role: a gate is met where it stands{}",
                place_of(gate.span, rule.span),
                with_both_roles(gate, rule)
            ),
            None => order_meant(above, rule, &line),
        };
        let found = warning(rule, Field::From, "gate-shadowed", message, visitor, help).problem;
        let found = Found::from(Problem { span: rule.span, ..found });
        // RULES-9: higher up a line in error shuts out those too whom other gates admit; to mend it comes first.
        if rule.is_sealed() {
            return Some(found);
        }
        let closes = || Some(Closing::by(rule));
        let answers = answers(scene, place, rule, above);
        if let Some(gate) = for_routes(scene, above, rule) {
            let below = page_below(scene, &gate).filter(|_| answers.is_empty());
            let changes = together_with((at, above), (place, &gate), &answers, below);
            return Some(with_routes(found, &line, &gate, rule).proposing(routes(&line, changes, rule)));
        }
        let with_answers = (!answers.is_empty()).then(|| {
            let lines: Vec<String> = answers.iter().map(|(_, answer)| place_of(answer.span, rule.span)).collect();
            let help = match is_of_another_file(above, rule) {
                true => written_above(above, rule, &answers),
                false => format!("move this line and its answer on {} above {line}", lines.join(" and ")),
            };
            Proposal { help, changes: together((at, above), (place, rule), &answers), closes: closes() }
        });
        let help = match is_of_another_file(above, rule) {
            true => written_above(above, rule, &[]),
            false => format!("move this line above {line}"),
        };
        let alone = Proposal { help, changes: together((at, above), (place, rule), &[]), closes: closes() };
        return Some(found.proposing(with_answers.into_iter().chain([alone])));
    }
    let message = format!("this rule never decides: {line} matches these paths first");
    // RULES-11.duplicate-lines: where the last of two alike counts, this line decides before it.
    let is_last = scene.last_alike(above).is_none_or(|last| last < place);
    // What is narrower was meant to go first, more likely than not; a comment in its place would hide that.
    let is_elsewhere = above.pattern != rule.pattern || above.origin != rule.origin || above.query != rule.query;
    let is_too_late = is_elsewhere && !above.is_gate() && !leads_alike(above, rule);
    let help = match is_too_late {
        true => format!(
            "{line} answers first, so the order is what is wrong: a rule for fewer paths stands above one for more, and below the gates for \
             its paths"
        ),
        false => format!("{line} goes first, so this line has no effect"),
    };
    let found = warning(rule, Field::From, "rule-unreachable", message, format!("what {line} says"), help).problem;
    let fix = removable(above, rule).filter(|_| is_last && (!is_elsewhere || above.is_gate()));
    let found = Found::from(Problem { span: rule.span, fix, ..found });
    // What answers those whom a gate denies is met where the gate is met, and comes with it.
    let is_own_gate = |gate: &Rule| {
        gate.protects() && !gate.is_sealed() && (&gate.pattern, &gate.origin) == (&rule.pattern, &rule.origin)
    };
    let own = before.iter().find(|(gate, other)| *gate > at && rule.role().is_none() && is_own_gate(other));
    if let Some((gate_at, gate)) = own.filter(|(_, gate)| leaves_nothing_to(scene, above, gate).is_some()) {
        let answers = answers(scene, *gate_at, gate, above);
        if let Some(shown) = for_routes(scene, above, gate) {
            let changes = together_with((at, above), (*gate_at, &shown), &answers, None);
            let found = Found { problem: Problem { fix: None, ..found.problem }, ..found };
            return Some(found.proposing(routes(&line, changes, gate)));
        }
        let help = match is_of_another_file(above, gate) {
            true => written_above(above, gate, &answers),
            false => format!("move it above {line} together with the gate on {}", place_of(gate.span, rule.span)),
        };
        let changes = together((at, above), (*gate_at, gate), &answers);
        let found = Found { problem: Problem { fix: None, ..found.problem }, ..found };
        return Some(found.proposing([Proposal { help, changes, closes: Some(Closing::by(gate)) }]));
    }
    let gates = || before.iter().filter(|(_, other)| other.is_gate());
    let mut proposals: Vec<Proposal> =
        gates().filter_map(|(at, gate)| joined(scene, (*at, gate), (place, rule), by)).collect();
    // What says nothing of its own has nothing to go first for.
    let may_go = is_last && is_known_as_it_is(above, rule) && !is_too_late;
    if may_go && is_elsewhere && !above.is_gate() {
        let help = format!("remove this line: {line} leads to the same place");
        proposals.push(Proposal { help, changes: vec![(place, Vec::new())], closes: None });
    }
    // What asks for no role never goes above what does, and what leads to the same place has nothing to go there for.
    let would_matter = may_go || !leads_alike(above, rule);
    if would_matter && gates().all(|(gate, _)| *gate < at) && !above.is_gate() {
        let or = if may_go { ", or remove it" } else { "" };
        let help = match is_of_another_file(above, rule) {
            true => format!("{}{or}", written_above(above, rule, &[])),
            false => format!("move this line above {line}{or}"),
        };
        proposals.push(Proposal { help, changes: together((at, above), (place, rule), &[]), closes: None });
    }
    if may_go {
        let help = "remove this line".to_owned();
        proposals.push(Proposal { help, changes: vec![(place, Vec::new())], closes: None });
    }
    Some(found.proposing(proposals))
}

/// The rules below a gate that answer those whom it denies, for the same paths, and that never decide because of `above` either.
fn answers<'r, S: Site>(scene: &Scene<'r, S>, place: usize, gate: &Rule, above: &Rule) -> Vec<(usize, &'r Rule)> {
    let below = scene.rules().iter().enumerate().skip(place + 1).take(LOOKED_AT);
    let same = |rule: &Rule| !rule.is_gate() && (&rule.pattern, &rule.origin) == (&gate.pattern, &gate.origin);
    below.filter(|(_, rule)| same(rule) && leaves_nothing_to(scene, above, rule).is_some()).collect()
}

/// Whether a rule can stand above the other in no file: the lines of `_redirects` go before all entries of `netlify.toml`.
fn is_of_another_file(above: &Rule, rule: &Rule) -> bool {
    above.span.file != rule.span.file
}

/// What moves a rule and its answers above one of another file, as lines of that.
fn written_above(above: &Rule, rule: &Rule, answers: &[(usize, &Rule)]) -> String {
    let moved = || [rule].into_iter().chain(answers.iter().map(|(_, answer)| *answer));
    let lines: Vec<String> = moved().map(|rule| format!("`{rule}`")).collect();
    let entries: Vec<String> = moved().map(|rule| place_of(rule.span, above.span)).collect();
    format!(
        "{} goes before all entries of {}: write {} above {}, and take out {}",
        above.span.file,
        rule.span.file,
        lines.join(" and "),
        place_of(above.span, rule.span),
        entries.join(" and ")
    )
}

/// The rule as a line of the file of `above`.
fn as_line(above: &Rule, rule: &Rule) -> Rule {
    Rule { span: above.span, ..changed(rule, |_| {}) }
}

/// What is said of a gate over the routes of an app, where nobody can prove what to write.
fn with_routes(found: Found, line: &str, gate: &Rule, rule: &Rule) -> Found {
    let help = format!(
        "there is no file below `{}` to keep, and {line} shows everybody the page of the app: for those alone who hold the role it would be \
         `{gate}` above {line}, and a page for everybody else below it",
        rule.pattern
    );
    Found { problem: Problem { help, ..found.problem }, ..found }
}

/// A gate over the routes of an app, with its answers, above the rule that shows the app.
fn routes(line: &str, changes: Vec<(usize, Vec<Rule>)>, gate: &Rule) -> Option<Proposal> {
    let (_, moved) = changes.first()?;
    let (_, moved) = moved.split_last()?;
    let lines: Vec<String> = moved.iter().map(|rule| format!("`{rule}`")).collect();
    // The gate alone would leave everybody else without anything.
    (lines.len() > 1).then(|| Proposal {
        help: format!(
            "there is no file below `{}`, and those who hold the role are to get the app: write {} above {line}, in the place of what \
             stands below it",
            gate.pattern,
            lines.join(" and ")
        ),
        closes: Some(Closing::by(gate)),
        changes,
    })
}

/// The same with an answer that nobody has written yet.
fn together_with(
    (at, above): (usize, &Rule),
    (place, gate): (usize, &Rule),
    answers: &[(usize, &Rule)],
    below: Option<Rule>,
) -> Vec<(usize, Vec<Rule>)> {
    let mut changes = together((at, above), (place, gate), answers);
    if let (Some((_, moved)), Some(below)) = (changes.first_mut(), below) {
        let below = if is_of_another_file(above, gate) { as_line(above, &below) } else { below };
        moved.insert(1, below);
    }
    changes
}

/// A gate and its answers moved above a rule.
fn together(
    (at, above): (usize, &Rule),
    (place, gate): (usize, &Rule),
    answers: &[(usize, &Rule)],
) -> Vec<(usize, Vec<Rule>)> {
    let moved = [gate].into_iter().chain(answers.iter().map(|(_, answer)| *answer));
    let moved = moved.map(|rule| if is_of_another_file(above, rule) { as_line(above, rule) } else { rule.clone() });
    let gone = [place].into_iter().chain(answers.iter().map(|(place, _)| *place));
    [(at, moved.chain([above.clone()]).collect())].into_iter().chain(gone.map(|place| (place, Vec::new()))).collect()
}

/// A gate that shows its own paths, and a rule for the same paths that those whom it admits never reach: one rule with the
/// role of the one and the destination of the other, and a page for everybody else.
pub(super) fn joined<S: Site>(
    scene: &Scene<'_, S>,
    (at, gate): (usize, &Rule),
    (place, rule): (usize, &Rule),
    denied: &Apply,
) -> Option<Proposal> {
    let (own, apply) = (gate.apply()?, rule.apply()?);
    let is_plain = apply.conditions == Conditions::default() && apply.headers.is_empty() && apply.signed.is_none();
    let leads_elsewhere = (200..300).contains(&apply.status) && !gate.pattern.covers(&apply.to.reach());
    let same_paths = gate.pattern == rule.pattern && gate.query == rule.query && gate.origin == rule.origin;
    if !gate.protects() || !gate.pattern.covers(&own.to.reach()) || !is_plain || !same_paths {
        return None;
    }
    if !leads_elsewhere && !apply.is_proxy() {
        return None;
    }
    let with_target = answering(gate, |own| {
        own.to = apply.to.clone();
        own.status = apply.status;
        own.force = true;
    });
    let of_denied = (!denied.to.is_absolute() && !denied.to.takes_captures()).then(|| denied.to.to_string());
    let page = of_denied.filter(|page| scene.shows(page)).or_else(|| scene.denial_page().map(str::to_owned));
    let fallback = page.and_then(|page| page_rule(gate, &page, 401, false));
    let lines: Vec<Rule> = [Some(with_target), fallback].into_iter().flatten().collect();
    let told: Vec<String> = lines.iter().map(|line| format!("`{line}`")).collect();
    let help = format!(
        "write one rule with the role and the destination in the place of {}, and take this one out: {}",
        place_of(gate.span, rule.span),
        told.join(", then ")
    );
    Some(Proposal { help, changes: vec![(at, lines), (place, Vec::new())], closes: None })
}

/// A gate also covers other spellings of its files (NOLEAK-3), which nothing decides that stands for its path alone, and what
/// it would show stays hidden from those whom it denies (ROLE-12). It leaves nothing behind only where the gate above asks
/// for the same role and shows the same.
fn removable(above: &Rule, rule: &Rule) -> Option<Fix> {
    let shows = |rule: &Rule| rule.apply().map(|apply| apply.to.clone());
    let says_the_same = || {
        (rule.role(), &rule.pattern, &rule.query, shows(rule))
            == (above.role(), &above.pattern, &above.query, shows(above))
    };
    if rule.is_gate() && !says_the_same() || !is_known_as_it_is(above, rule) {
        return None;
    }
    on_line(rule, Fix::CommentOut)
}

/// Whether every other gate that takes the path of `rule` takes it for one of `above` too. Others are known to match nothing with dot
/// segments or empty ones, to know one alone of the spellings of a letter beyond ASCII, and to tell `/a` from `/a/`.
fn is_known_as_it_is(above: &Rule, rule: &Rule) -> bool {
    let (from, other) = (from_of(above), from_of(rule));
    if from == other {
        return true;
    }
    // MATCH-8.prefix
    if other_star(from) {
        return false;
    }
    let path = from.split_once("://").map_or(from, |(_, rest)| rest.trim_start_matches(|c| c != '/'));
    let inner = path.strip_suffix('/').unwrap_or(path);
    let is_plain = from.is_ascii() && !from.contains('%');
    let is_tidy = inner.split('/').skip(1).all(|segment| !matches!(segment, "" | "." | ".."));
    let ends_alike = above.pattern.ends_in_splat() || from.ends_with('/') == other.ends_with('/');
    is_plain && is_tidy && ends_alike
}

/// Whether a star stands elsewhere than as the last segment, which other gates read otherwise.
fn other_star(from: &str) -> bool {
    from.strip_suffix("/*").unwrap_or(from).contains('*')
}

/// The answer of `above`, if it decides every request that `rule` could decide.
pub(super) fn leaves_nothing_to<'r, S: Site>(scene: &Scene<'_, S>, above: &'r Rule, rule: &Rule) -> Option<&'r Apply> {
    let apply = above.apply()?;
    let covers = (above.origin.is_none() || above.origin == rule.origin)
        && (above.query.is_empty() || above.query == rule.query)
        && above.pattern.covers(&rule.pattern);
    // RULES-9: a seal is no condition that anybody meets.
    let everybody = Conditions::default();
    let asked = rule.apply().map_or(&everybody, |apply| &apply.conditions);
    if !covers {
        return None;
    }
    scene.spend(above.text.len() + rule.text.len());
    (holds_with(&apply.conditions, asked) && !may_step_aside(scene, above, apply, rule)).then_some(apply)
}

/// Whether `wider` holds for everybody for whom `narrower` does.
fn holds_with(wider: &Conditions, narrower: &Conditions) -> bool {
    let role_holds = match (&wider.role, &narrower.role) {
        (None, _) => true,
        (Some(RoleCondition::AnyToken), other) => other.is_some(),
        (Some(RoleCondition::AnyOf(wide)), Some(RoleCondition::AnyOf(narrow))) => all_among(narrow, wide),
        (Some(_), _) => false,
    };
    role_holds
        && wider.others().iter().all(|Condition { key, values: wide }| {
            let narrow = narrower.values(*key);
            match key {
                // RULES-10
                ConditionKey::Unknown => false,
                // COND-3.role: beside a role the country is another one than without.
                ConditionKey::Country if wider.role.is_some() != narrower.role.is_some() => false,
                _ => !narrow.is_empty() && all_among(narrow, wide),
            }
        })
}

/// Whether every item of one list is one of the other; both can be long.
fn all_among(narrow: &[String], wide: &[String]) -> bool {
    if narrow.len() * wide.len() <= 64 {
        return narrow.iter().all(|item| wide.contains(item));
    }
    let wide: HashSet<&str> = wide.iter().map(String::as_str).collect();
    narrow.iter().all(|item| wide.contains(item.as_str()))
}

/// STATUS-5: whether the rule could be ignored for a path of the other one, because it would lead to itself. STATUS-5.own-tree: or
/// because the path lies in its tree, or in that of another such rule.
fn may_step_aside<S: Site>(scene: &Scene<'_, S>, above: &Rule, apply: &Apply, rule: &Rule) -> bool {
    let is_redirect = apply.is_redirect();
    is_redirect
        && (above.captures_query()
            || (scene.has_trees() && above.own_tree().is_some())
            || apply.to.reach().may_meet(&rule.pattern))
}
