//! Stars that are no segment of their own, or not the last one (MATCH-8): what a gate closes by them, and what to write instead.

use std::collections::HashMap;

use rolegate::problem::Problem;
use rolegate::rules::{Apply, Oddity, Pattern, Rule};
use rolegate::site::{Site, Spellings};
use rolegate::span::Span;

use super::advice::{Closing, Found, Proposal, changed, line_at};
use super::answers::listed;
use super::forward::is_function;
use super::narrow::at_every_spelling;
use super::scene::{LOOKED_AT, Scene, folder_path};

const KINDS: [(Oddity, &str); 3] = [
    (Oddity::PrefixStar, "from-prefix-star"),
    (Oddity::MiddleStar, "from-middle-star"),
    (Oddity::LiteralStar, "from-literal-star"),
];

/// What reading has found; of a star of a gate with what it does there, and with what to write instead.
pub(super) fn found<S: Site>(scene: &Scene<'_, S>, read: Vec<Problem>) -> Vec<Found> {
    let with_more = |problem: Problem| {
        let Some((oddity, _)) = KINDS.iter().find(|(_, id)| *id == problem.id) else { return problem.into() };
        let Some((place, rule)) = rule_at(scene, problem.span) else { return problem.into() };
        let note = rule.role().and_then(|_| of_a_gate(rule, *oddity)).or(problem.note);
        let found = Found::from(Problem { note, ..problem });
        found.proposing(instead(scene, place, rule, *oddity))
    };
    read.into_iter().map(with_more).collect()
}

/// Whether reading finds what this is the kind of, and [`count`] counts it.
pub(super) fn is_of_reading(id: &str) -> bool {
    KINDS.iter().any(|(_, own)| *own == id)
}

/// How often each kind stands in a list.
pub(super) fn count(rules: &[Rule], kinds: &mut HashMap<&'static str, usize>) {
    for rule in rules {
        // An entry has no text.
        let text = if rule.text.is_empty() { rule.pattern.to_string() } else { String::new() };
        let from = rule.text.split_whitespace().next().unwrap_or(&text);
        if !from.strip_suffix("/*").unwrap_or(from).contains('*') {
            continue;
        }
        let path = from.split_once("://").map_or(from, |(_, rest)| rest.trim_start_matches(|c| c != '/'));
        let odd = Pattern::parse(path).map(|(_, oddities)| oddities).unwrap_or_default();
        for (_, id) in KINDS.iter().filter(|(oddity, _)| odd.contains(oddity)) {
            *kinds.entry(id).or_default() += 1;
        }
    }
}

/// The rule that a place in a file is of.
fn rule_at<'r, S: Site>(scene: &Scene<'r, S>, span: Span) -> Option<(usize, &'r Rule)> {
    // HEADERS-6: what stands for `Basic-Auth` goes before all; the others stand in the order of the files.
    let seals = scene.set().seals().len();
    let rules = scene.rules().get(seals..)?;
    let place = rules.partition_point(|rule| (rule.span.file, rule.span.start) <= (span.file, span.start));
    let place = place.checked_sub(1)?;
    let is_in = |rule: &&Rule| rule.span.file == span.file && span.start < rule.span.end;
    Some((seals + place, rules.get(place).filter(is_in)?))
}

/// What a gate closes here by such a star.
fn of_a_gate(rule: &Rule, oddity: Oddity) -> Option<String> {
    let path = rule.pattern.to_string();
    Some(match oddity {
        Oddity::PrefixStar => {
            let begin = path.strip_suffix('*')?;
            format!(
                "`{begin}`, what lies below it, and all else that begins so is for those alone whom this gate admits"
            )
        }
        Oddity::MiddleStar => {
            let example = path.replace("/*/", "/a/");
            let deeper = path.replace("/*/", "/a/b/");
            format!("`{example}`, and `{deeper}` as well, is for those alone whom this gate admits")
        }
        Oddity::LiteralStar => "this gate closes a path with a star in it, and no other: every file is open".to_owned(),
        Oddity::NotCanonical => return None,
    })
}

/// The rule, and those for the same paths around it, as they are written without such a star, where that is certain.
fn instead<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, oddity: Oddity) -> Option<Proposal> {
    let first = place.saturating_sub(LOOKED_AT);
    let near = scene.rules().iter().enumerate().skip(first).take(2 * LOOKED_AT);
    let is_alike =
        |other: &Rule| (&other.pattern, &other.origin, &other.query) == (&rule.pattern, &rule.origin, &rule.query);
    let alike: Vec<(usize, &Rule)> = near.filter(|(_, other)| is_alike(other)).collect();
    let gates = || alike.iter().filter(|(_, other)| other.role().is_some());
    if gates().next().is_none() || (oddity == Oddity::LiteralStar && !only_such_files(scene, rule)) {
        return None;
    }
    let gone: Vec<usize> = alike.iter().map(|(at, _)| *at).collect();
    let (mut changes, mut closed) = (Vec::new(), Vec::new());
    for (at, other) in &alike {
        let plain = without_star(other, oddity)?;
        let pages: Vec<Rule> = match other.role() {
            Some(_) => at_every_spelling(scene, plain, &gone),
            None => {
                let beside = closed.iter().filter(|gate: &&Rule| gate.pattern != plain.pattern);
                let also = beside.map(|gate| changed(&plain, |answer| answer.pattern = gate.pattern.clone()));
                let also: Vec<Rule> = also.collect();
                [plain].into_iter().chain(also).collect()
            }
        };
        closed.extend(pages.iter().filter(|_| other.role().is_some()).cloned());
        changes.push((*at, pages));
    }
    let is_narrower = oddity != Oddity::LiteralStar;
    if is_narrower && !leaves_nothing_open(scene, rule, &closed) {
        return None;
    }
    let written = changes.iter().flat_map(|(_, rules)| rules);
    let help = match oddity {
        Oddity::MiddleStar => format!("there is nothing at greater depth: write {}", listed(written)),
        _ => format!("a star stands at the end, as a segment of its own: write {}", listed(written)),
    };
    let leaves = is_narrower.then(|| rule.pattern.clone());
    Some(Proposal { help, closes: Some(Closing { leaves, ..Closing::by_all(&closed) }), changes })
}

/// Whether the gates cover every file that the star covers, and nothing else is fetched where they cover less.
fn leaves_nothing_open<S: Site>(scene: &Scene<'_, S>, rule: &Rule, gates: &[Rule]) -> bool {
    let begin = folder_path(&rule.pattern.fixed());
    let names: Vec<&str> = scene.names_below(&begin).collect();
    if scene.is_bare() || !scene.site.is_listed() || names.len() >= LOOKED_AT {
        return false;
    }
    let is_kept = |spelling: &str| gates.iter().any(|gate| gate.pattern.matches_name(spelling));
    let is_covered = |name: &&str| {
        let spellings = Spellings::of(scene.site, name);
        let is_closed = spellings.iter().any(|spelling| rule.pattern.matches_name(spelling));
        !is_closed || spellings.iter().all(is_kept)
    };
    let fetches = |other: &Rule| {
        let by_name = |apply: &Apply| !apply.is_redirect() && (apply.to.is_absolute() || apply.to.takes_captures());
        other.pattern != rule.pattern
            && other.role().is_none()
            && other.apply().is_some_and(|apply| by_name(apply) || is_function(apply))
            && other.pattern.may_meet(&rule.pattern)
    };
    scene.spend(scene.rules().len() * begin.len());
    names.iter().all(is_covered) && !scene.rules().iter().any(fetches)
}

/// Whether all that lies in the folder before the star ends as the pattern does.
fn only_such_files<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> bool {
    let from = written(rule);
    let Some((folder, end)) = from.split_once("/*") else { return false };
    let mut names = scene.names_below(&format!("{folder}/")).peekable();
    names.peek().is_some() && names.all(|name| name.ends_with(end))
}

/// The path of the rule as it is written, with a star for a star.
fn written(rule: &Rule) -> String {
    rule.pattern.to_string().replace("%2A", "*")
}

/// The rule for whole segments.
fn without_star(rule: &Rule, oddity: Oddity) -> Option<Rule> {
    let apply = rule.apply().filter(|apply| apply.headers.is_empty() && apply.signed.is_none())?;
    let (from, to) = (written(rule), apply.to.to_string());
    let (path, to) = match oddity {
        Oddity::PrefixStar => {
            let begin = from.strip_suffix('*').filter(|begin| begin.ends_with(char::is_alphanumeric))?;
            let is_own = [format!("{begin}/:splat"), format!("{begin}:splat")].contains(&to);
            (format!("{begin}/*"), kept(apply, is_own, &to, "")?)
        }
        Oddity::MiddleStar => {
            let (before, after) = from.split_once("/*/")?;
            let is_free = !from.contains(":name") && !to.contains(":name");
            let to = Some(to).filter(|_| is_free)?.replace(":splat", ":name");
            (format!("{before}/:name/{after}"), to)
        }
        Oddity::LiteralStar => {
            let (before, after) = from.split_once("/*").filter(|(before, _)| !before.is_empty())?;
            let is_own = [from.clone(), format!("{before}/:splat{after}")].contains(&to.replace("%2A", "*"));
            (format!("{before}/*"), kept(apply, is_own, &to, &from)?)
        }
        Oddity::NotCanonical => return None,
    };
    if path.trim_end_matches('*').contains('*') || rule.origin.is_some() || !rule.query.is_empty() {
        return None;
    }
    let to = if to.is_empty() { to } else { format!(" {to}") };
    let force = if apply.force { "!" } else { "" };
    line_at(rule, &format!("{path}{to} {}{force}{}", apply.status, apply.conditions))
}

/// The destination that stays, or none where it was the path itself.
fn kept(apply: &Apply, is_own: bool, to: &str, from: &str) -> Option<String> {
    match is_own {
        true => (200..300).contains(&apply.status).then(String::new),
        false => (!apply.to.takes_captures() && to != from).then(|| to.to_owned()),
    }
}
