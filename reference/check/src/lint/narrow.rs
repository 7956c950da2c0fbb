//! Gates that cover fewer paths than they seem to: one spelling of a page, or a folder without what lies in it (NOLEAK-3, ROLE-9).

use rolegate::path::RequestPath;
use rolegate::rules::{Apply, Pattern, Rule};
use rolegate::site::{Site, Spellings};
use rolegate::span::RuleFile;

use super::advice::{Closing, Found, Proposal, changed, line_at};
use super::answers::{answers_of, listed};
use super::names::{is_denial_page, is_front_page, is_login_page, is_offer};
use super::scene::{Field, LOOKED_AT, Scene, Visit, folder_path, name_as_path, page_of, place_of, segments, warning};
use super::walk::is_page_for_holders;

/// What is odd about the paths of the gate at `place`.
pub(super) fn problems<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Vec<Found> {
    let beneath = not_beneath(scene, rule);
    let whole = if beneath.is_some() { deeper(scene, place, rule) } else { Vec::new() };
    let spelled = one_spelling(scene, place, rule, whole);
    let beneath = beneath.map(|found| found.proposing(deeper(scene, place, rule)));
    spelled.into_iter().chain(beneath.or_else(|| front_page_alone(scene, place, rule))).collect()
}

/// NOLEAK-3. `whole` closes the folder of the page too, where that is left open.
fn one_spelling<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule, whole: Vec<Proposal>) -> Option<Found> {
    let (own, open) = open_spellings(scene, rule, &[])?;
    // A gate for the page alone is told by itself.
    let names_the_page = |gate: &Rule| gate.pattern.literal().is_some_and(|path| RequestPath::of(path) == own);
    if rule.pattern.ends_in_splat() && scene.closed.iter().any(|(_, gate)| names_the_page(gate)) {
        return None;
    }
    let first = open.first()?;
    let more = match open.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let what =
        if rule.pattern.literal().is_some() { "file of this path".to_owned() } else { format!("page at `{own}`") };
    let message = format!("the {what} is served at `{first}` as well{more}, and no gate names that");
    let help = "other gates look at one spelling of a path alone";
    let found = warning(rule, Field::From, "gate-one-spelling", message, None, help);
    let others: Option<Vec<Rule>> = open.iter().map(|path| for_spelling(rule, path)).collect();
    let names: Vec<String> = open.iter().map(|path| format!("`{path}`")).collect();
    let each = others.map(|others| Proposal {
        help: match rule.pattern.literal() {
            Some(_) => format!("write the same rule for {}", names.join(" and ")),
            None => format!("write {} as well", listed(&others)),
        },
        changes: vec![(place, [rule.clone()].into_iter().chain(others).collect())],
        closes: None,
    });
    Some(found.proposing(whole.into_iter().chain(each)))
}

/// A path at which the gate covers a file of the site, and the paths at which that is served as well and no gate is for; the rules at
/// `gone` are none any more.
fn open_spellings<S: Site>(
    scene: &Scene<'_, S>,
    rule: &Rule,
    gone: &[usize],
) -> Option<(RequestPath, Vec<RequestPath>)> {
    let is_tree = rule.pattern.ends_in_splat();
    let Some(stem) = rule.pattern.stem() else { return open_behind_names(scene, rule, gone) };
    let own = RequestPath::of(if is_tree { folder_of(rule)? } else { stem });
    // Who logs in holds no role yet: see `gate-backwards`.
    if is_login_page(own.name()) || is_page_for_holders(scene, rule) {
        return None;
    }
    let spellings = match scene.is_bare() {
        true if is_tree => return None,
        true => presumed(rule, &own)?,
        false => served(scene, &own)?,
    };
    let open = open_of(scene, rule, spellings, gone);
    Some((own, open))
}

/// The same of a gate with names in its path: of the first file that it covers at one spelling alone.
fn open_behind_names<S: Site>(
    scene: &Scene<'_, S>,
    rule: &Rule,
    gone: &[usize],
) -> Option<(RequestPath, Vec<RequestPath>)> {
    let apply = rule.apply().filter(|apply| apply.to.takes_captures() && (200..300).contains(&apply.status))?;
    if scene.is_bare() || apply.to.is_absolute() || (!rule.leads_to_itself() && rule.pattern.ends_in_splat()) {
        return None;
    }
    let below = folder_path(&rule.pattern.fixed()) + "/";
    scene.names_below(&below).filter(|name| name.ends_with(".html")).find_map(|name| {
        scene.spend(rule.text.len() + name.len());
        let spellings = Spellings::of(scene.site, name);
        let own = spellings.iter().find(|name| rule.pattern.matches_name(name))?;
        let all = spellings.iter().map(|name| RequestPath::of(segments(name))).collect();
        let own = RequestPath::of(segments(own));
        let open = open_of(scene, rule, all, gone);
        (!open.is_empty() && !is_login_page(own.name())).then_some((own, open))
    })
}

/// Those of the paths that neither the gate nor another one is for.
fn open_of<S: Site>(scene: &Scene<'_, S>, rule: &Rule, paths: Vec<RequestPath>, gone: &[usize]) -> Vec<RequestPath> {
    let visit = Visit::of(rule);
    let is_open = |path: &RequestPath| !rule.pattern.matches(path) && !covered(scene, path, &visit, gone);
    paths.into_iter().filter(is_open).collect()
}

/// The gate for another spelling of what it covers: what it shows for one path, and what lies there for a folder.
fn for_spelling(rule: &Rule, open: &RequestPath) -> Option<Rule> {
    let pattern = match rule.pattern.stem() {
        Some(_) => Pattern::parse(&open.encoded()).ok()?.0,
        None => spelled_as(rule, open)?,
    };
    let keeps_names =
        || rule.apply().is_some_and(|apply| apply.to.names_in_path().all(|name| pattern.captures_name(name)));
    if rule.pattern.ends_in_splat() || !keeps_names() {
        return Some(rule).filter(|rule| rule.leads_to_itself()).and_then(|rule| at_own_path(rule, &pattern));
    }
    Some(changed(rule, |rule| rule.pattern = pattern))
}

/// The pattern of the rule, spelled so that it is for the path as well.
fn spelled_as(rule: &Rule, open: &RequestPath) -> Option<Pattern> {
    const ENDS: [&str; 3] = ["/index.html", "/index", ".html"];
    let text = rule.pattern.to_string();
    let text = if rule.pattern.ends_in_splat() { text.strip_suffix("/*")? } else { &text };
    let stripped = ENDS.iter().filter_map(|end| text.strip_suffix(end));
    // What stands behind a name in its segment would be a part of the name.
    let is_name = |base: &str| base.rsplit('/').next().is_some_and(|last| last.starts_with(':'));
    // The page of a folder is one of what a name stands for in it.
    let folder = text.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| is_name(text) && !folder.is_empty());
    let bases: Vec<&str> = [text].into_iter().chain(stripped).chain(folder).collect();
    let ends = ENDS.iter().copied().chain([""]);
    let texts = ends.flat_map(|end| bases.iter().map(move |base| (*base, end)));
    let plain = texts.filter(|(base, end)| !(is_name(base) && end.starts_with('.')));
    let patterns = plain.filter_map(|(base, end)| Some(Pattern::parse(&format!("{base}{end}")).ok()?.0));
    patterns.filter(|pattern| *pattern != rule.pattern).find(|pattern| pattern.matches(open))
}

/// A gate, and those for other spellings of what it covers, where the rules at `gone` are none any more.
pub(super) fn at_every_spelling<S: Site>(scene: &Scene<'_, S>, gate: Rule, gone: &[usize]) -> Vec<Rule> {
    let open = open_spellings(scene, &gate, gone).map(|(_, open)| open).unwrap_or_default();
    let others: Vec<Rule> = open.iter().filter_map(|path| for_spelling(&gate, path)).collect();
    [gate].into_iter().chain(others).collect()
}

/// The path of the folder that a gate closes by showing its own paths: a page may lie beside the folder, and be served there.
fn folder_of(rule: &Rule) -> Option<Vec<&str>> {
    let apply = rule.apply().filter(|_| rule.leads_to_itself())?;
    let stem = rule.pattern.stem().filter(|stem| !stem.is_empty())?;
    (200..300).contains(&apply.status).then_some(stem)
}

/// The gate as one for other paths, at which it shows what lies there.
pub(super) fn at_own_path(rule: &Rule, pattern: &Pattern) -> Option<Rule> {
    let apply = rule.apply().filter(|_| rule.origin.is_none() && rule.query.is_empty())?;
    let force = if apply.force { "!" } else { "" };
    // RULES-5
    let is_short = pattern.ends_in_splat() && (200..300).contains(&apply.status);
    let to = if is_short { String::new() } else { format!(" {pattern}") };
    line_at(rule, &format!("{pattern}{to} {}{force}{}", apply.status, apply.conditions))
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
fn covered<S: Site>(scene: &Scene<'_, S>, path: &RequestPath, visit: &Visit, gone: &[usize]) -> bool {
    let candidates = scene.candidates(path, visit);
    candidates.len() >= LOOKED_AT
        || candidates.iter().any(|(at, other)| {
            !gone.contains(at)
                && other.pattern.matches(path)
                && (other.protects() || other.apply().is_some_and(|apply| apply.force))
        })
}

/// ROLE-9: a gate for the front page, whose answer for those whom it denies is a page to log in, and no other gate.
fn front_page_alone<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Option<Found> {
    let own = RequestPath::of(rule.pattern.literal()?);
    let is_shown = rule.apply().and_then(page_of).is_some_and(|page| is_front_page(&page));
    let others_are_alike = scene.closed.iter().all(|(_, gate)| {
        let path = gate.pattern.literal().map(RequestPath::of);
        path.is_some_and(|path| is_front_page(path.name()))
    });
    if !is_front_page(own.name()) || !is_shown || !others_are_alike || scene.is_bare() || !scene.site.is_listed() {
        return None;
    }
    let visit = Visit::of(rule);
    let denied = scene.answer(&visit).filter(|denied| denied.denials().next() == Some(place))?;
    let by = scene.rule(denied.by?)?;
    let page = by.apply().and_then(page_of).filter(|page| is_denial_page(page))?;
    let is_for_members = |name: &&str| {
        let names =
            [name.strip_suffix(".html").unwrap_or_default(), name.strip_suffix("/index.html").unwrap_or_default()];
        let is_public = |name: &str| is_front_page(name) || name == "/404" || is_denial_page(name) || is_offer(name);
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
fn not_beneath<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> Option<Found> {
    // A gate on the root is for the front page; nobody means the whole site with it.
    let text = folder_text(rule)?;
    let folder = RequestPath::of(Pattern::parse(&text).ok()?.0.fixed()).name().to_owned();
    let below = Pattern::parse(&format!("{text}/*")).ok().map(|(below, _)| below).filter(|_| !folder.is_empty())?;
    let visit = Visit::of(rule);
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
    Some(warning(rule, Field::From, "gate-not-beneath", message, visitor, help))
}

/// A gate for all that lies below the path of the one at `place`, with the gates and the answers that go with it: in the place of that
/// one, where it shows what lies at its path, or beside it.
pub(super) fn deeper<S: Site>(scene: &Scene<'_, S>, place: usize, rule: &Rule) -> Vec<Proposal> {
    let Some((deep, apply)) = tree_of(rule).zip(rule.apply()) else { return Vec::new() };
    let answers = answers_of(scene, place, rule);
    let kept = if shows_own(scene, rule, apply) { [false, true].as_slice() } else { &[true] };
    let proposals = kept.iter().flat_map(|is_kept| {
        let own = [place];
        let gone: &[usize] = if *is_kept { &[] } else { &own };
        let all = at_every_spelling(scene, deep.clone(), gone);
        let few = (all.len() > 1).then(|| vec![deep.clone()]);
        let (rule, answers) = (&rule, &answers);
        [all].into_iter().chain(few).map(move |gates| {
            let own = is_kept.then(|| (*rule).clone());
            let written: Vec<Rule> = own.into_iter().chain(gates.iter().cloned()).collect();
            let mut help = format!("to cover every depth write {}", listed(&written));
            let mut changes = vec![(place, written)];
            for (at, answer) in answers {
                let also = |gate: &Rule| changed(answer, |answer| answer.pattern = gate.pattern.clone());
                let answers: Vec<Rule> = gates.iter().map(also).collect();
                help += &format!(", and {} in the place of {}", listed(&answers), place_of(answer.span, rule.span));
                changes.push((*at, answers));
            }
            Proposal { help, changes, closes: Some(Closing::by_all(&gates)) }
        })
    });
    proposals.collect()
}

/// The folder that a gate for one path is the page of, as its pattern; none where it covers what lies there already.
fn folder_text(rule: &Rule) -> Option<String> {
    let text = rule.pattern.to_string();
    let page = ["/index.html", "/index", ".html"].iter().find_map(|end| text.strip_suffix(end));
    let folder = page.filter(|_| rule.pattern.literal().is_some()).unwrap_or(&text).trim_end_matches('/');
    (!rule.pattern.ends_in_splat()).then(|| folder.to_owned())
}

/// The gate for all that lies below the path of this one, which shows what lies there.
fn tree_of(rule: &Rule) -> Option<Rule> {
    let apply = rule.apply().filter(|_| rule.origin.is_none() && rule.query.is_empty())?;
    let from = folder_text(rule)?;
    // RULES-5: a destination is left out for what is shown with a 2xx alone.
    let to = if (200..300).contains(&apply.status) { String::new() } else { format!(" {from}/:splat") };
    // A line has no spelling for these.
    if !apply.headers.is_empty() || apply.signed.is_some() {
        return None;
    }
    let force = if apply.force { "!" } else { "" };
    line_at(rule, &format!("{from}/*{to} {}{force}{}", apply.status, apply.conditions))
}

/// Whether a gate shows what lies at its path.
fn shows_own<S: Site>(scene: &Scene<'_, S>, rule: &Rule, apply: &Apply) -> bool {
    let own = || Some(RequestPath::of(rule.pattern.literal()?));
    let file = |path: &RequestPath| scene.site.file(path).map(std::borrow::Cow::into_owned);
    let is_same = || {
        let (own, shown) = (own()?, RequestPath::parse(page_of(apply)?.as_bytes()).ok()?);
        Some(file(&own).is_some() && file(&own) == file(&shown))
    };
    rule.leads_to_itself() || is_same() == Some(true)
}
