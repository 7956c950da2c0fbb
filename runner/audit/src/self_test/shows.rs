//! Whether a broken gate shows on a site at all: the requests of the cases that are known to catch it, moved to the site, are put to it and to the sound gate.
//! No list says what shows and what leaks; the two gates say it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gatecheck::corpus::request::Form;
use gatecheck::corpus::source::Level;
use gatecheck::corpus::template::Template;
use gatecheck::corpus::{Case, Corpus, Settings, Suite};
use gatecheck::deploy::Deployment;
use gatecheck::gates::Running;
use gatecheck::own::OwnSite;
use gatecheck::run::{Place, compose};
use gatecheck::wire::raw::Wire;
use gatecheck::wire::{Answer, Response, Sent};
use gatecheck_mutants::ground::Sites;
use gatecheck_mutants::{Defect, Mutant};

use super::gate;
use crate::Audit;
use crate::moved::Home;
use crate::probe::Kind;
use crate::tokens::UNKNOWN;

/// No more of the cases that catch a broken gate are moved.
const MOVED: usize = 60;
/// The time limit of one answer.
const LIMIT: Duration = Duration::from_secs(5);

/// How a broken gate shows on a site.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Shows {
    /// It answers some request otherwise than the sound gate.
    pub(super) at_all: bool,
    /// It hands out what the sound gate keeps.
    pub(super) leaks: bool,
    /// The same to somebody who does not know the secret of the site: with the same request, made with another secret.
    pub(super) leaks_to_strangers: bool,
}

/// How the broken gate shows, by the moved requests.
pub(super) async fn shows(
    corpus: &Corpus,
    audit: &Audit,
    mutant: &'static Mutant,
    sites: &Arc<Sites>,
    killers: &[String],
) -> Shows {
    let mut shows = Shows::default();
    let Some(suite) = audit.corpus.suites.first() else { return shows };
    let Some(own) = &suite.own else { return shows };
    let sound = Mutant::new("none", "", "nothing is wrong", Defect::None);
    let deployment = Deployment::alone(suite);
    let (Ok(broken), Ok(sound)) =
        (gate(*mutant, sites).start(&deployment).await, gate(sound, sites).start(&deployment).await)
    else {
        return shows;
    };
    let (Some(first), Some(second)) = (wire(&broken), wire(&sound)) else { return shows };
    let stride = killers.len().div_ceil(MOVED).max(1);
    let stranger = Settings { secret: UNKNOWN.to_owned(), ..suite.settings.clone() };
    for id in killers.iter().step_by(stride) {
        let Some((from, case)) = corpus.cases().find(|(_, case)| case.id == *id) else { continue };
        // What the issuer alone can make, and gives to one who holds the role, is no way in: the audit does not ask it.
        let is_of_a_holder = case.holder.is_some() || (case.level == Level::Should && case.request.carries_token());
        for (settings, knows) in [(&suite.settings, true), (&stranger, false)] {
            for sent in moved(audit, settings, from, case, &broken) {
                let (Ok(one), Ok(other)) = (first.exchange(sent.clone()).await, second.exchange(sent.clone()).await)
                else {
                    continue;
                };
                let leaks = holds(own, &other.answer, &BTreeSet::new()).is_none()
                    && leaks_to(own, &one.answer, &second, &sent).await;
                shows.at_all |= differs(&one.answer, &other.answer);
                shows.leaks |= leaks && !(knows && is_of_a_holder);
                shows.leaks_to_strangers |= leaks && !knows;
            }
        }
        if shows.leaks_to_strangers {
            break;
        }
    }
    shows
}

/// A closed file of which something stands in an answer, and which the visitor may not have.
fn holds(own: &OwnSite, answer: &Answer, may_have: &BTreeSet<String>) -> Option<String> {
    let decoded = answer.response().and_then(Response::decoded).unwrap_or_default();
    let leaked = |bytes: &[u8]| own.marks.leaked(bytes, &|name: &str| may_have.contains(name)).map(str::to_owned);
    leaked(answer.bytes()).or_else(|| leaked(&decoded.bytes))
}

/// Whether an answer holds what the visitor may not have. What the sound gate shows to the same cookies, asked for plainly, is no leak in their hands, whatever
/// condition or part the request asked for besides.
async fn leaks_to(own: &OwnSite, answer: &Answer, sound: &Wire, sent: &Sent) -> bool {
    let mut may_have = BTreeSet::new();
    while let Some(file) = holds(own, answer, &may_have) {
        let headers = sent.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")).cloned().collect();
        let plain = Sent {
            method: "GET".to_owned(),
            target: crate::ground::path_of(&file).into_bytes(),
            headers,
            ..sent.clone()
        };
        let shown = match sound.exchange(plain).await {
            Ok(exchange) => exchange.answer.response().is_some_and(|response| {
                let body = response.content();
                own.marks.is_whole(&file, &body) || own.marks.shows(&file, &body)
            }),
            Err(_) => false,
        };
        if !shown || !may_have.insert(file) {
            return true;
        }
    }
    false
}

fn wire(running: &Running) -> Option<Wire> {
    running.door.clone().map(|door| Wire::within(door, LIMIT))
}

/// The request of a case as it would be asked of the site, at each of its gates.
fn moved(audit: &Audit, settings: &Settings, from: &Suite, case: &Case, running: &Running) -> Vec<Sent> {
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
        let home = Home::of(from, settings, role);
        let token = case.request.token.as_ref().map(|token| home.token(token));
        let request = gatecheck::corpus::request::Request { form, token, ..case.request.clone() };
        let moved = Suite {
            settings: settings.clone(),
            recipes: home.recipes(from),
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
