//! FRONT-1, FRONT-3: what the gate admits is what was decided, whichever server reads the target.

mod queries;
mod readers;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rolegate::authorize;
use rolegate::decide::Outcome;
use rolegate::gate::Gate;
use rolegate::path::Target;
use rolegate::request::{Request, Scheme};
use rolegate::rules::RuleSet;
use rolegate::site::{Elsewhere, MemorySite, Site};
use rolegate::token::{Keys, TokenSettings};
use rolegate::visitor::Visitor;

use self::readers::{READERS, name};

const RULES: &str = "\
/members/* /members/:splat 200! Role=admin
/members/* /login 302
/secret.html 200! Role=admin
/caf%C3%A9/* 200! Role=admin
/a%20b/* 200! Role=admin
/up/members/* https://up.example/members/:splat 200! Role=admin
/up/members/* /login 302!
/asked/gated k=shut https://up.example/asked 200! Role=admin
/asked/gated https://up.example/asked 200!
/asked/served k=shut 200! Role=admin
/asked/open k=open https://up.example/asked 200!
/asked/open 200! Role=admin
/up/* https://up.example/:splat 200!
";

const FILES: [&str; 9] = [
    "/index.html",
    "/public.html",
    "/public/index.html",
    "/login.html",
    "/secret.html",
    "/members/index.html",
    "/members/home.html",
    "/café/page.html",
    "/a b/page.html",
];

/// The folders that are gated; everything below is denied.
const FOLDERS: [&str; 4] = ["/members", "/café", "/a b", "/up/members"];

static LISTED: LazyLock<Option<Gate<MemorySite>>> = LazyLock::new(|| gate(MemorySite::new(FILES)));
static UNLISTED: LazyLock<Option<Gate<Elsewhere>>> = LazyLock::new(|| gate(Elsewhere));

fn gate<S: Site>(site: S) -> Option<Gate<S>> {
    let keys = Keys::hs256(b"secret").ok()?;
    Gate::new(RuleSet::parse(RULES.as_bytes()).rules, &keys, TokenSettings::default(), site).ok()
}

/// FRONT-1, AUTHORIZE-1, UPSTREAM-1: no reading of an admitted target, by one server or by one behind another, leads to what an
/// anonymous visitor is denied; and a plain target has one reading.
pub fn front_end_paths(target: &[u8]) {
    assert!(LISTED.is_some() && UNLISTED.is_some(), "the gates of this property start");
    LISTED.iter().for_each(|gate| nothing_gated_is_admitted(gate, target));
    UNLISTED.iter().for_each(|gate| nothing_gated_is_admitted(gate, target));
    if let Ok(plain) = Target::parse_plain(target) {
        for (reader, read) in readings(target) {
            assert_eq!(
                String::from_utf8_lossy(&read),
                plain.path.name(),
                "{reader} reads another path in {}",
                target.escape_ascii()
            );
        }
    }
}

fn nothing_gated_is_admitted<S: Site>(gate: &Gate<S>, target: &[u8]) {
    let request =
        Request { method: "GET", target, host: Some("a.example"), scheme: Scheme::Https, headers: &[], country: None };
    let decision = authorize::decide(gate.rules(), &request, &Visitor::Anonymous, gate.site());
    if authorize::admits(&decision, target) {
        nothing_gated_is_read("", target, target);
        nothing_else_is_asked(target);
    }
    // The gate in front of the server that has the site, or that a rule names: it gets this and nothing else.
    let decision = gate.decide_for(&request, &Visitor::Anonymous);
    let is_shown_elsewhere = !gate.site().is_listed() && matches!(decision.outcome, Outcome::Rewrite { .. });
    if is_shown_elsewhere || matches!(decision.outcome, Outcome::Proxy { .. }) {
        nothing_else_is_asked(target);
    }
    let (folder, sent_on) = match &decision.outcome {
        Outcome::Proxy { url } => ("/up", url.strip_prefix("https://up.example").map(str::to_owned)),
        Outcome::Serve { .. } if !gate.site().is_listed() => {
            ("", Target::parse(target).ok().map(|target| target.path.encoded()))
        }
        _ => return,
    };
    nothing_gated_is_read(folder, sent_on.unwrap_or_default().as_bytes(), target);
    // A server in front that goes by the target as well.
    nothing_gated_is_read("", target, target);
}

/// FRONT-3: with the parameters that any server reads, the rules would let the visitor in as well.
fn nothing_else_is_asked(target: &[u8]) {
    let Ok(Target { path, query, .. }) = Target::parse(target) else { return };
    let query = query.unwrap_or_default();
    for (reader, read) in queries::READERS {
        let parameters = read(&query);
        let only = |value: &[u8]| parameters.iter().eq([&(b"k".to_vec(), value.to_vec())]);
        let is_shut = match path.name() {
            "/asked/gated" | "/asked/served" => only(b"shut"),
            "/asked/open" => !only(b"open"),
            _ => false,
        };
        assert!(!is_shut, "{reader} reads what is gated in {}", target.escape_ascii());
    }
}

/// No server reads a gated path in `path`, which lies below `folder` of the site.
fn nothing_gated_is_read(folder: &str, path: &[u8], target: &[u8]) {
    for (reader, read) in readings(path) {
        let name = format!("{folder}{}", String::from_utf8_lossy(&read));
        assert!(!is_gated(&name), "{reader} reads the gated path {name} in {}", target.escape_ascii());
    }
}

/// What stands on the disk under this name, or under one that a server with pretty URLs tries for it, is gated.
fn is_gated(name: &str) -> bool {
    let below = |folder: &str| name.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    FOLDERS.into_iter().any(below) || ["/secret", "/secret.html"].contains(&name)
}

/// Every name under which a server looks for a file, and a server behind another one.
fn readings(target: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut readings = Vec::new();
    let mut passed_on = BTreeSet::new();
    for (reader, read) in READERS {
        let Some(path) = read(target) else { continue };
        readings.extend(name(&path).map(|name| ((*reader).to_owned(), name)));
        if passed_on.insert(path.clone()) {
            for (behind, read_again) in READERS {
                let name = read_again(&path).and_then(|path| name(&path));
                readings.extend(name.map(|name| (format!("{behind} behind {reader}"), name)));
            }
        }
    }
    readings
}
