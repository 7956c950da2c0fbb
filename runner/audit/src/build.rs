//! What was chosen becomes a corpus of one suite: the rules are its requirements, the requests its cases, and a holder whom a gate lets in is the control of
//! that gate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gatecheck::corpus::expectation::Expected;
use gatecheck::corpus::question::Question;
use gatecheck::corpus::recipe::Recipes;
use gatecheck::corpus::request::{Carrier, Form, Request, TokenRef};
use gatecheck::corpus::source::{Access, Level, OneOrMany, Provenance, Requirement, Sides};
use gatecheck::corpus::template::{Piece, Template};
use gatecheck::corpus::{Case, Corpus, Suite};
use gatecheck::own::marks::{Marks, Named};
use gatecheck::own::{FoundOut, OwnSite};
use sha2::{Digest, Sha256};

use crate::expect::{Context, wanted};
use crate::ground::ShownAnyway;
use crate::model::{Answer, RuleView, Said, Who};
use crate::probe::{From, Kind, Probe, Probes};
use crate::spellings::{Trick, Version};
use crate::visitors::Visitor;
use crate::{AboutCase, AboutRule, Audit, Seen, Sizes, Wish};

/// How many paths with nothing behind them are looked at where a field seems to describe a closed file.
const LOOKED_FOR: usize = 3;

/// The id of the one suite.
pub const SUITE: &str = "site";

/// The corpus of what was chosen; `marks` tell the closed files.
pub(super) fn audit(seen: &Seen, wish: &Wish, from: &From<'_>, probes: Probes, marks: Marks) -> Audit {
    let names = names(&seen.model.views);
    let mut builder = Builder {
        seen,
        wish,
        names: &names,
        cases: Vec::new(),
        about: BTreeMap::new(),
        forwarded: 0,
        asks_country: seen.model.views.iter().any(|view| view.asks_country),
    };
    for probe in &probes.chosen {
        builder.add(probe);
    }
    let Builder { mut cases, about, forwarded, .. } = builder;
    // The control of a gate is the first request of somebody whom it lets in.
    let mut controls: BTreeMap<usize, String> = BTreeMap::new();
    for case in &cases {
        let Some(about) = about.get(&case.id).filter(|about| about.kind == Kind::Rule && !about.is_stranger) else {
            continue;
        };
        let lets_in = seen.model.views.get(about.rule).is_some_and(|view| view.is_gate) && !about.denies;
        if lets_in && matches!(case.expected, Expected::Judge(_)) {
            controls.entry(about.rule).or_insert_with(|| case.id.clone());
        }
    }
    for case in &mut cases {
        let control = about.get(&case.id).and_then(|about| controls.get(&about.rule));
        case.control = control.cloned().unwrap_or_default();
    }
    let mut left_out = probes.left_out_by_rule();
    let rules = seen.model.views.iter().enumerate().map(|(place, view)| AboutRule {
        id: format!("{}:{}", short(&view.file), view.line),
        file: view.file.clone(),
        line: view.line,
        pattern: view.pattern.clone(),
        condition: view.condition.clone(),
        text: view.text.clone(),
        is_gate: view.is_gate,
        contested: view.contested,
        not_asked: not_asked(from, place, view, wish),
        has_holder: controls.contains_key(&place),
        files: seen.ground.behind.get(&place).map(|(closed, _)| *closed).unwrap_or_default(),
        closes_nothing: closes_nothing(seen, place, view),
        left_out: left_out.remove(&place).unwrap_or_default(),
    });
    let rules: Vec<AboutRule> = rules.collect();
    let untold = marks.told().1;
    let own = OwnSite {
        folder: seen.model.published.clone(),
        marks,
        may_have: seen.ground.may_have.clone(),
        tokens: Arc::clone(&wish.given),
        is_alike: wish.is_alike,
        strangers: seen.visitors.controls(),
        open: seen.ground.open.clone(),
        nothing: seen.nothing_behind_gates(LOOKED_FOR),
        found_out: FoundOut::default(),
        keeps_cookies: about.iter().filter(|(_, one)| one.kind == Kind::Session).map(|(id, _)| id.clone()).collect(),
        stages: about.iter().map(|(id, about)| (id.clone(), about.kind.stage())).collect(),
    };
    let requests: usize = about.values().map(|about| about.requests).sum();
    let sizes = Sizes {
        rules: (rules.len(), rules.iter().filter(|rule| rule.is_gate).count()),
        rule_files: rules.iter().map(|rule| rule.file.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
        files: (seen.model.files().count(), seen.ground.closed.len()),
        untold,
        visitors: seen.visitors.told(),
        requests,
        left_out: probes.left_out(),
        budget_for_all: probes.budget_for_all(),
        by_kind: probes.counts,
        forwarded,
    };
    let notes = notes(seen, wish, &rules);
    let corpus = corpus(seen, wish, &rules, cases, own);
    Audit { corpus: Arc::new(corpus), cases: about, rules, notes, sizes }
}

fn not_asked(from: &From<'_>, place: usize, view: &RuleView, wish: &Wish) -> Option<String> {
    if view.forwards && !view.is_gate && !wish.forwarding {
        return Some("it leads to another server or to a function; --forwarding asks it".to_owned());
    }
    from.why_not(place)
}

/// Why a gate closes nothing, if it does not. What a gate forwards to may lie elsewhere.
fn closes_nothing(seen: &Seen, place: usize, view: &RuleView) -> Option<&'static str> {
    if !view.is_gate || view.forwards {
        return None;
    }
    match seen.ground.behind.get(&place) {
        None | Some((0, _)) if view.redirects => Some("it says where its visitors are sent, and closes no file"),
        Some((0, opened)) if *opened > 0 && view.asks_more => {
            Some("every file behind it is shown to everybody who does not meet its conditions, or by another rule")
        }
        Some((0, opened)) if *opened > 0 => Some("every file behind it is shown to everybody by another rule"),
        None | Some((0, _)) => Some("no file of this folder lies behind it"),
        Some(_) => None,
    }
}

fn notes(seen: &Seen, wish: &Wish, rules: &[AboutRule]) -> Vec<String> {
    let mut notes = seen.model.notes.clone();
    let mut gates = rules.iter().filter(|rule| rule.is_gate).peekable();
    if gates.peek().is_none() {
        notes.push(
            "nothing is closed by the rules: no rule asks for a role, so everybody may have every file".to_owned(),
        );
    } else if gates.all(|gate| gate.closes_nothing.is_some()) {
        notes.push(
            "nothing is closed by the rules: there are gates, and everybody may have every file all the same"
                .to_owned(),
        );
    }
    for ShownAnyway { file, rule: place, .. } in seen.ground.shown_anyway.iter().take(5) {
        let rule = seen.model.views.get(*place).map(|view| format!("{}:{}", view.file, view.line)).unwrap_or_default();
        notes.push(format!(
            "{rule} shows {file} to everybody, although a gate stands before its own path: as the rules are written this is no leak (`rolegate check` says more)"
        ));
    }
    let named = |role: &String| seen.model.views.iter().any(|view| view.roles.contains(role));
    let unnamed: Vec<&str> =
        wish.given_roles.iter().filter(|role| !role.is_empty() && !named(role)).map(String::as_str).collect();
    if !unnamed.is_empty() {
        notes.push(format!("no rule asks for {}: the token for it is not used", unnamed.join(", ")));
    }
    if wish.host.is_some() && seen.visitors.holders().next().is_none() && rules.iter().any(|rule| rule.is_gate) {
        notes.push(
            "nobody is let in here, so it is not known whether closed files are deployed as they lie in the folder: one that is built otherwise is not told by its bytes, whoever gets it"
                .to_owned(),
        );
    }
    if !seen.visitors.lacking.is_empty() {
        notes.push(format!(
            "nobody here holds {}: say --secret-env NAME, or --token ROLE=FILE, and it is asked who is let in",
            seen.visitors.lacking.join(", ")
        ));
    }
    notes
}

/// What tells the closed files of a site.
pub(super) fn marks(seen: &Seen) -> Marks {
    let public = seen.ground.public.iter().map(|name| Named { name: name.clone(), access: Access::Public });
    let closed = seen.ground.closed.keys().map(|name| Named { name: name.clone(), access: Access::Protected });
    let files: Vec<Named> = public.chain(closed).collect();
    Marks::of(&files, |name| seen.model.content(name))
}

/// A short name of each rule that stays when other lines come and go.
fn names(views: &[RuleView]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let plain = |text: &str| -> String {
        let kept = text.trim_matches('/').chars().map(|letter| match letter {
            '/' | ' ' => '.',
            '*' => '+',
            letter if letter.is_ascii_alphanumeric() || "-_:=,".contains(letter) => letter,
            _ => '_',
        });
        kept.collect()
    };
    views
        .iter()
        .map(|view| {
            let mut name = plain(&view.pattern);
            if name.is_empty() {
                name.push_str("root");
            }
            if !view.condition.is_empty() {
                name.push('@');
                name.push_str(&plain(&view.condition));
            }
            let count = seen.entry(name.clone()).or_default();
            *count = count.saturating_add(1);
            if *count > 1 { format!("{name}~{count}") } else { name }
        })
        .collect()
}

fn short(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

struct Builder<'a> {
    seen: &'a Seen,
    wish: &'a Wish,
    names: &'a [String],
    cases: Vec<Case>,
    about: BTreeMap<String, AboutCase>,
    forwarded: usize,
    /// Whether any rule asks for a country.
    asks_country: bool,
}

impl Builder<'_> {
    fn add(&mut self, probe: &Probe) {
        let model = &self.seen.model;
        let said = model.decide(&probe.ask, &probe.visitor.who);
        if said.answer == Answer::Forwarded && !self.wish.forwarding {
            self.forwarded = self.forwarded.saturating_add(probe.requests());
            return;
        }
        let Some(view) = model.views.get(probe.rule) else { return };
        let otherwise = self.otherwise(probe);
        let conditional = probe.ask.headers.iter().any(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name.starts_with("if-") || name == "range"
        });
        // STATUS-4: whether what a rule leads to is asked of the rules again. Where that comes to the same, nobody disagrees.
        let again = match &said.answer {
            Answer::Shown { file, .. } if said.by.is_some() => {
                let own = model.decide(&self.seen.way.ask(crate::ground::path_of(file)), &probe.visitor.who);
                (own.denied && own.answer != said.answer).then_some("STATUS-4")
            }
            _ => None,
        };
        let target = String::from_utf8_lossy(&probe.ask.target);
        let witness = self.seen.ground.witnesses.get(probe.rule).and_then(Option::as_ref);
        let at_the_gate = witness.map(|one| model.decide(&one.ask, &probe.visitor.who));
        let context = Context {
            target: &target,
            writing: probe.writing,
            at_the_gate: at_the_gate.as_ref(),
            is_near_miss: probe.kind == Kind::Spelling && !probe.visitor.is_stranger,
            contested: view.contested.or(again),
            conditional,
            otherwise: otherwise.as_ref(),
        };
        let wanted = wanted(&said, context);
        let own_host = self.seen.way.host.as_ref();
        let Some(request) = request(probe, &probe.visitor, own_host) else { return };
        let name = self.names.get(probe.rule).map_or("rule", String::as_str);
        let label = if probe.label.is_empty() { String::new() } else { format!("/{}", plain_label(&probe.label)) };
        let mut id = format!("{SUITE}/{name}/{}{label}/{}", probe.kind.name(), plain_label(&probe.visitor.id));
        let mut number = 1_usize;
        while self.about.contains_key(&id) {
            number = number.saturating_add(1);
            id = format!("{SUITE}/{name}/{}{label}/{}~{number}", probe.kind.name(), plain_label(&probe.visitor.id));
        }
        self.about.insert(
            id.clone(),
            AboutCase {
                rule: probe.rule,
                kind: probe.kind,
                visitor: probe.visitor.words.clone(),
                is_stranger: probe.visitor.is_stranger,
                target: told(&probe.ask.target, probe.kind),
                admits: matches!(&said.answer, Answer::Shown { file, .. } if self.seen.ground.closed.contains_key(file)),
                denies: said.denied,
                redirects: matches!(said.answer, Answer::Redirect { .. }),
                is_telling: probe.kind == Kind::Rule
                    && !probe.visitor.is_stranger
                    && model.decide(&probe.ask, &Who::Nobody).answer != said.answer,
                requests: probe.requests(),
                if_leaked: if_leaked(probe, &said),
            },
        );
        self.cases.push(Case {
            id,
            former: Vec::new(),
            written_id: format!("{name}/{}", probe.kind.name()),
            file: Some(view.file.clone()),
            line: view.line,
            expect_line: view.line,
            requirements: vec![requirement_id(view)],
            level: wanted.level,
            question: Question::Format,
            // What a finding means depends on what came back: the audit's own reports say it.
            why: None,
            family: None,
            sources: Vec::new(),
            quotes: Vec::new(),
            of: None,
            features: Vec::new(),
            control: String::new(),
            holder: None,
            before: probe.before.iter().filter_map(|visitor| self::request(probe, visitor, own_host)).collect(),
            over_http2: probe.version == Version::Http2,
            request,
            expected: wanted.expected,
        });
    }

    /// What the request would get if the visitor came from the country that a rule asks for.
    fn otherwise(&self, probe: &Probe) -> Option<Said> {
        let model = &self.seen.model;
        if !self.asks_country {
            return None;
        }
        let country = model.made(probe.rule, crate::model::Model::word()).and_then(|made| made.country);
        let ask = crate::model::Ask { country: country.or_else(|| Some("US".to_owned())), ..probe.ask.clone() };
        Some(model.decide(&ask, &probe.visitor.who))
    }
}

/// What it means if content comes back that the visitor may not have.
fn if_leaked(probe: &Probe, said: &Said) -> &'static str {
    match (probe.kind, probe.trick) {
        (Kind::Cache, _) => crate::verdicts::CACHED,
        (Kind::Session, _) => "A cookie that the site gives to everybody opens the gate without a token.",
        (Kind::Token, _) if probe.visitor.is_stranger => "A token counts that must not, or what stands beside it.",
        _ if said.answer == Answer::NotFound && !said.denied => "Where nothing lies, the site hands out a closed file.",
        (_, Trick::Path) => "The gate is on one spelling of the path, and the site hands out the file by another.",
        (_, Trick::Way) => {
            "The gate does not look at requests of another method or version, for a part, in a coding or with a condition."
        }
        (_, Trick::Conditions) => "The gate stands before those alone who meet its other conditions.",
        (_, Trick::Field) if said.denied => "A header field that anybody can send opens the gate.",
        (_, Trick::Field) => {
            "The site serves what a header field names, and the gate is for the path that was asked for."
        }
        _ if said.denied && !probe.visitor.is_stranger => "The gate lets in whoever holds another role.",
        _ if said.denied && probe.visitor.recipe.is_some() => "A token counts that must not.",
        (Kind::File, _) if said.denied => "The gate does not stand before this name of the file.",
        _ if said.denied => "The gate is open.",
        _ => "What is shown here is not what the rules name.",
    }
}

/// A request target for people. A query with a token in it is no reading matter.
fn told(target: &[u8], kind: Kind) -> String {
    let target = String::from_utf8_lossy(target).into_owned();
    match target.split_once('?') {
        Some((path, _)) if kind == Kind::Token => path.to_owned(),
        _ => target,
    }
}

fn plain_label(label: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_.~/:".contains(letter) { letter } else { '_' };
    label.trim_matches('/').chars().map(plain).collect()
}

fn requirement_id(view: &RuleView) -> String {
    format!("{}:{}", short(&view.file), view.line)
}

/// The request of a probe as a visitor sends it; none where its target is no text that a case can hold.
fn request(probe: &Probe, visitor: &Visitor, own_host: Option<&String>) -> Option<Request> {
    let target = String::from_utf8(probe.ask.target.clone()).ok()?;
    let text = Template::text(&target);
    if probe.version == Version::Old {
        return Some(raw(&old(probe, visitor, &target)));
    }
    let form = if probe.is_exact || !is_ordinary(&target) { Form::Target(text) } else { Form::Path(text) };
    let mut headers = Vec::new();
    for (name, value) in &probe.ask.headers {
        headers.push((name.clone(), literal(value)));
    }
    Some(Request {
        form,
        method: probe.ask.method.clone(),
        token: visitor.recipe.clone().map(TokenRef::Named),
        carrier: Carrier::default(),
        cookies: Vec::new(),
        headers,
        host: probe.ask.host.as_ref().filter(|host| Some(*host) != own_host).map(|host| Template::text(host)),
        body: None,
    })
}

/// The request in HTTP/1.0 (RFC 1945 §5), which keeps no connection.
fn old(probe: &Probe, visitor: &Visitor, target: &str) -> Vec<Piece> {
    let text = |text: &str| Piece::Text(text.to_owned());
    let host = probe.ask.host.as_ref().map_or(Piece::Host, |host| text(host));
    let mut pieces = vec![text(&format!("{} {target} HTTP/1.0\r\nHost: ", probe.ask.method)), host, text("\r\n")];
    for (name, value) in &probe.ask.headers {
        pieces.extend([text(&format!("{name}: ")), Piece::Bytes(value.clone()), text("\r\n")]);
    }
    if let Some(recipe) = &visitor.recipe {
        let cookie = format!("Cookie: {}=", gatecheck::corpus::TOKEN_COOKIE);
        pieces.extend([text(&cookie), Piece::Token(recipe.clone()), text("\r\n")]);
    }
    pieces.push(text("\r\n"));
    pieces
}

fn raw(pieces: &[Piece]) -> Request {
    Request {
        form: Form::Raw { bytes: Template::of(pieces), responses: 1 },
        method: "GET".to_owned(),
        token: None,
        carrier: Carrier::default(),
        cookies: Vec::new(),
        headers: Vec::new(),
        host: None,
        body: None,
    }
}

/// Whether an ordinary client sends the target as it stands.
fn is_ordinary(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    target.starts_with('/')
        && !target.starts_with("//")
        && path.split('/').all(|segment| {
            let lower = segment.to_ascii_lowercase().replace("%2e", ".");
            lower != "." && lower != ".."
        })
        && target.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>`{}|^#'".contains(&byte))
}

/// Bytes as they are.
fn literal(bytes: &[u8]) -> Template {
    match std::str::from_utf8(bytes) {
        Ok(text) => Template::text(text),
        Err(_) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Template::parse(&format!("$(x:{digits})")).unwrap_or_default()
        }
    }
}

fn corpus(seen: &Seen, wish: &Wish, rules: &[AboutRule], cases: Vec<Case>, own: OwnSite) -> Corpus {
    let mut known = BTreeSet::new();
    let requirement = |rule: &AboutRule| Requirement {
        id: rule.id.clone(),
        level: if rule.contested.is_some() { Level::Survey } else { Level::Must },
        provenance: Provenance::Documented,
        sides: Sides::One,
        sentence: rule.text.clone(),
        says: Vec::new(),
        quote: OneOrMany::default(),
        opens: None,
        note: None,
        no_case: None,
    };
    let requirements: Vec<Requirement> =
        rules.iter().filter(|rule| known.insert(rule.id.clone())).map(requirement).collect();
    let texts = &seen.model.texts;
    let mut digest = Sha256::new()
        .chain_update("gatecheck audit\0")
        .chain_update(&texts.redirects)
        .chain_update("\0")
        .chain_update(&texts.toml)
        .chain_update("\0")
        .chain_update(&texts.headers);
    for name in seen.model.files() {
        digest.update(name);
        digest.update("\0");
    }
    for case in &cases {
        digest.update(&case.id);
        digest.update("\0");
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let toml = String::from_utf8_lossy(&texts.toml).into_owned();
    let headers = String::from_utf8_lossy(&texts.headers).into_owned();
    let suite = Suite {
        id: SUITE.to_owned(),
        file: rules.first().map(|rule| rule.file.clone()).unwrap_or_default(),
        digest: digest.clone(),
        title: format!("The site in {}", wish.site.display()),
        about: None,
        standalone: Some("it is a site of its own".to_owned()),
        may_refuse: None,
        meant_for: Vec::new(),
        settings: wish.settings(),
        rules: texts.redirects.clone(),
        toml: (!toml.is_empty()).then(|| gatecheck::own::toml_without_publish(&toml)),
        headers: (!headers.is_empty()).then_some(headers),
        mark_rules: false,
        files: BTreeMap::new(),
        own: Some(Arc::new(own)),
        recipes: Recipes(seen.visitors.recipes.0.clone()),
        cases: cases.into_iter().map(Arc::new).collect(),
    };
    Corpus {
        origin: wish.site.display().to_string(),
        digest,
        requirements,
        families: Vec::new(),
        aliases: Vec::new(),
        suites: vec![Arc::new(suite)],
    }
}
