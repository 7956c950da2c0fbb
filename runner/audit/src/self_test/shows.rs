//! Whether a broken gate shows on a site at all: the requests of the cases that are known to catch it, moved to the site, are put to it and to the sound gate.

use std::sync::Arc;
use std::time::Duration;

use gatecheck::corpus::request::Form;
use gatecheck::corpus::template::Template;
use gatecheck::corpus::{Case, Corpus, Suite};
use gatecheck::deploy::Deployment;
use gatecheck::gates::Running;
use gatecheck::run::{Place, compose};
use gatecheck::wire::raw::Wire;
use gatecheck::wire::{Answer, Sent};
use gatecheck_mutants::ground::Sites;
use gatecheck_mutants::{Defect, Mutant};

use super::gate;
use crate::Audit;
use crate::probe::Kind;

/// No more of the cases that catch a broken gate are moved.
const MOVED: usize = 60;
/// The time limit of one answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Whether the broken gate answers any of the moved requests otherwise than the sound one.
pub(super) async fn shows(
    corpus: &Corpus,
    audit: &Audit,
    mutant: &'static Mutant,
    sites: &Arc<Sites>,
    killers: &[String],
) -> bool {
    let Some(suite) = audit.corpus.suites.first() else { return false };
    let sound = Mutant::new("none", "", "nothing is wrong", Defect::None);
    let deployment = Deployment::alone(suite);
    let (Ok(broken), Ok(sound)) =
        (gate(*mutant, sites).start(&deployment).await, gate(sound, sites).start(&deployment).await)
    else {
        return false;
    };
    let (Some(first), Some(second)) = (wire(&broken), wire(&sound)) else { return false };
    let stride = killers.len().div_ceil(MOVED).max(1);
    for id in killers.iter().step_by(stride) {
        let Some((from, case)) = corpus.cases().find(|(_, case)| case.id == *id) else { continue };
        for sent in moved(audit, suite, from, case, &broken) {
            let (Ok(one), Ok(other)) = (first.exchange(sent.clone()).await, second.exchange(sent).await) else {
                continue;
            };
            if differs(&one.answer, &other.answer) {
                return true;
            }
        }
    }
    false
}

fn wire(running: &Running) -> Option<Wire> {
    running.door.clone().map(|door| Wire::within(door, LIMIT))
}

/// The request of a case as it would be asked of the site, at each of its gates.
fn moved(audit: &Audit, site: &Suite, from: &Suite, case: &Case, running: &Running) -> Vec<Sent> {
    let control = from.case(&case.control).and_then(path);
    let (Some(own), Some(control)) = (path(case), control) else { return Vec::new() };
    if !matches!(case.request.method.as_str(), "GET" | "HEAD") || case.request.body.is_some() {
        return Vec::new();
    }
    let mut gates: Vec<(&str, &str)> = Vec::new();
    for about in audit.cases.values().filter(|about| about.kind == Kind::Rule && about.admits) {
        let role =
            audit.rules.get(about.rule).and_then(|rule| rule.condition.strip_prefix("Role=")).unwrap_or_default();
        let role = role.split([',', ' ']).next().unwrap_or_default();
        if !gates.iter().any(|(target, _)| *target == about.target) {
            gates.push((&about.target, role));
        }
    }
    let bare = control.trim_end_matches(".html");
    let sent = gates.into_iter().take(2).filter_map(|(target, role)| {
        let text = if own.contains(bare) { own.replace(bare, target) } else { return None };
        let text = Template::parse(&text).ok()?;
        let form = match &case.request.form {
            Form::Path(_) | Form::Target(_) => Form::Target(text),
            Form::Raw { .. } => return None,
        };
        let request = gatecheck::corpus::request::Request { form, ..case.request.clone() };
        let recipes = from.recipes.0.iter().map(|(name, recipe)| (name.clone(), crate::tokens::for_role(recipe, role)));
        let moved = Suite {
            settings: site.settings.clone(),
            recipes: gatecheck::corpus::recipe::Recipes(recipes.collect()),
            cases: Vec::new(),
            own: None,
            ..from.clone()
        };
        let case = Case { request, ..case.clone() };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
        let place = Place { target: &running.target, prefix: "", listener: "http://127.0.0.1:1" };
        compose(&moved, &case, &place, i64::try_from(now).ok()?).ok()
    });
    sent.collect()
}

fn path(case: &Case) -> Option<String> {
    match &case.request.form {
        Form::Path(text) | Form::Target(text) => Some(text.to_string()),
        Form::Raw { .. } => None,
    }
}

fn differs(one: &Answer, other: &Answer) -> bool {
    match (one.response(), other.response()) {
        (Some(one), Some(other)) => {
            let location =
                |response: &gatecheck::wire::Response| response.header("location").next().map(<[u8]>::to_vec);
            one.status != other.status || location(one) != location(other) || one.body != other.body
        }
        (None, None) => false,
        _ => true,
    }
}
