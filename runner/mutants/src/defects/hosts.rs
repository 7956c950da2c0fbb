//! Scheme, host, and header fields that claim something else (HOST-1 to HOST-3, HTTP-4).

use Defect::{Decide, Request, RuleList, Wire};
use rolegate::decide::Decision;
use rolegate::rules::Rule;
use rolegate::visitor::Visitor;

use super::messages::{fields, is, map, without};
use crate::scene::{Asked, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "host/ignored",
        "HOST-1",
        "the host of a rule is ignored",
        RuleList(|mut rules| {
            rules.iter_mut().for_each(|rule| rule.origin = None);
            rules
        }),
    ),
    Mutant::new(
        "host/rules-for-hosts-dropped",
        "HOST-1",
        "a rule for a host never matches",
        RuleList(|mut rules| {
            rules.retain(|rule| rule.origin.is_none());
            rules
        }),
    ),
    Mutant::new(
        "host/compared-with-case",
        "HOST-1",
        "hosts are compared with regard to case",
        Request(|asked| {
            if asked.host.as_ref().is_some_and(|host| host.chars().any(|c| c.is_ascii_uppercase())) {
                asked.host = Some("other.invalid".to_owned());
            }
        }),
    ),
    Mutant::new(
        "host/port-counts",
        "HOST-1",
        "a host with the port of its scheme is another host",
        Request(|asked| {
            if asked.host.as_ref().is_some_and(|host| host.ends_with(":80")) {
                asked.host = Some("other.invalid".to_owned());
            }
        }),
    ),
    Mutant::new(
        "host/port-never-counts",
        "HOST-1",
        "the port of a host is dropped",
        Request(|asked| {
            asked.host = asked.host.as_ref().map(|host| host.split(':').next().unwrap_or_default().to_owned());
        }),
    ),
    Mutant::new(
        "host/subdomains-match",
        "HOST-1",
        "a rule for a host matches its subdomains",
        Decide(|scene, visitor| {
            let host = scene.asked.host.clone().unwrap_or_default().to_lowercase();
            let covering = scene.ground.rules.rules().iter().filter_map(|rule| rule.origin.as_ref());
            let parent =
                covering.map(|origin| origin.host().to_owned()).find(|name| host.ends_with(&format!(".{name}")));
            match parent {
                Some(parent) => scene.decide_at(&Asked { host: Some(parent), ..scene.asked.clone() }, visitor),
                None => scene.decide(visitor),
            }
        }),
    ),
    Mutant::new(
        "host/scheme-ignored",
        "HOST-1",
        "a rule for `https` matches over `http`",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let secure = scene.decide_at(&Asked { https: true, ..scene.asked.clone() }, visitor);
            if secure.by != decision.by { secure } else { decision }
        }),
    ),
    Mutant::new(
        "host/forwarded-host-believed",
        "HOST-2",
        "`X-Forwarded-Host` is believed",
        Request(|asked| {
            if let Some(host) = asked.text("x-forwarded-host") {
                asked.host = Some(host);
            }
        }),
    ),
    Mutant::new(
        "host/forwarded-believed",
        "HOST-2",
        "`Forwarded` is believed",
        Request(|asked| {
            let host = asked.text("forwarded").and_then(|value| {
                value
                    .split([';', ','])
                    .find_map(|pair| pair.trim().strip_prefix("host=").map(|host| host.trim_matches('"').to_owned()))
            });
            if let Some(host) = host {
                asked.host = Some(host);
            }
        }),
    ),
    Mutant::new(
        "host/forwarded-scheme-believed",
        "HOST-2",
        "`X-Forwarded-Proto` is believed",
        Request(|asked| asked.https |= asked.text("x-forwarded-proto").is_some_and(|scheme| scheme.contains("https"))),
    ),
    Mutant::new(
        "host/rewritten-url-served",
        "HOST-2",
        "the path in `X-Original-URL` is served in the place of the one that was matched",
        Decide(|scene, visitor| served(scene, visitor, &["x-original-url", "x-rewrite-url"])),
    ),
    Mutant::new(
        "host/rewritten-url-matched",
        "HOST-2",
        "the path in `X-Original-URL` is matched in the place of the one that is served",
        Decide(|scene, visitor| matched(scene, visitor, &["x-original-url", "x-rewrite-url"])),
    ),
    Mutant::new(
        "host/forwarded-path-matched",
        "HOST-2",
        "the path in `X-Forwarded-Uri` is matched in the place of the one that is served",
        Decide(|scene, visitor| matched(scene, visitor, &["x-forwarded-uri", "x-forwarded-path"])),
    ),
    Mutant::new(
        "host/internal-request-believed",
        "HOST-2",
        "a request that says it comes from the middleware itself is not matched",
        Decide(|scene, visitor| match scene.asked.text("x-middleware-subrequest") {
            Some(_) => scene.without_rules(scene.asked),
            None => scene.decide(visitor),
        }),
    ),
    Mutant::new(
        "host/loopback-trusted",
        "HOST-2",
        "a visitor who claims to come from 127.0.0.1 is not matched",
        Decide(|scene, visitor| {
            let claims = ["x-forwarded-for", "x-real-ip", "client-ip"]
                .iter()
                .any(|name| scene.asked.text(name).as_deref() == Some("127.0.0.1"));
            if claims { scene.without_rules(scene.asked) } else { scene.decide(visitor) }
        }),
    ),
    Mutant::new(
        "host/method-by-header",
        "HOST-2",
        "`X-HTTP-Method-Override` changes the method",
        Request(|asked| {
            let names = ["x-http-method-override", "x-http-method", "x-method-override"];
            if let Some(method) = names.iter().find_map(|name| asked.text(name)) {
                asked.method = method;
            }
        }),
    ),
    Mutant::new(
        "host/absolute-form-unmatched",
        "HTTP-4",
        "a target in absolute form is served without being matched",
        Decide(|scene, visitor| match scene.target().and_then(|target| target.host) {
            Some(_) => scene.without_rules(scene.asked),
            None => scene.decide(visitor),
        }),
    ),
    Mutant::new(
        "host/absolute-form-by-host-line",
        "HTTP-4",
        "the `Host` line counts although the target names another host",
        Request(|asked| {
            let Ok(target) = rolegate::Target::parse(&asked.target) else { return };
            if target.host.is_some() {
                let query = target.query.map(|query| [b"?".to_vec(), query].concat()).unwrap_or_default();
                asked.target = [target.path.encoded().into_bytes(), query].concat();
                asked.host = asked.text("host").or(asked.host.take());
            }
        }),
    ),
    Mutant::new(
        "host/absolute-form-refused",
        "HTTP-4",
        "a target in absolute form is not found",
        Request(|asked| {
            if !asked.target.starts_with(b"/") {
                asked.target = b"/nothing/of/that/name".to_vec();
            }
        }),
    ),
    Mutant::new(
        "host/trusted-proxy-not-believed",
        "HOST-2.trusted",
        "scheme and host that a trusted proxy names are ignored",
        Request(|asked| {
            asked.host = asked.text("host").or(asked.host.take());
            asked.https = false;
        }),
    ),
    Mutant::new(
        "host/first-entry-of-the-chain",
        "HOST-2.trusted",
        "of the hosts and schemes that a trusted proxy passes on, the first one counts, which a client wrote",
        Request(|asked| {
            let first =
                |asked: &Asked, name| asked.text(name).and_then(|list| list.split(',').next().map(str::to_owned));
            if let Some(host) = first(asked, "x-forwarded-host").filter(|_| asked.host != asked.text("host")) {
                asked.host = Some(host.trim().to_owned());
            }
        }),
    ),
    Mutant::new(
        "host/unknown-port-is-another-host",
        "HOST-3",
        "a host with a port that the site does not have is a host without rules",
        Wire(|head| {
            map(head, |line| {
                let colon = line.iter().rposition(|byte| *byte == b':').unwrap_or(line.len());
                let (name, port) = line.split_at(colon);
                let digits = port.strip_prefix(b":").unwrap_or(port).trim_ascii_start();
                let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
                let number = digits.get(zeros..).unwrap_or_default();
                // The host of a rule that names a port, and the one of the scheme.
                let is_known =
                    matches!(number, b"" | b"80") || name.ends_with(b"port.example") || name.ends_with(b"odd.example");
                let has_port = name.contains(&b':') && number.iter().all(u8::is_ascii_digit);
                if is(line, "host") && has_port && !is_known { b"Host: other.invalid".to_vec() } else { line.to_vec() }
            })
        }),
    ),
    Mutant::new(
        "host/first-of-fewer-entries",
        "HOST-2.lists",
        "the first entry of `X-Forwarded-Host` and of `X-Forwarded-Proto` counts, whoever wrote it",
        Wire(|head| {
            let first = |line: &[u8]| line.split(|byte| *byte == b',').next().unwrap_or_default().to_vec();
            let of_client = ["x-forwarded-host", "x-forwarded-proto"];
            let kept =
                map(head, |line| if of_client.iter().any(|name| is(line, name)) { first(line) } else { line.to_vec() });
            without(&kept, "x-forwarded-for")
        }),
    ),
    Mutant::new(
        "host/several-proxies-not-heard",
        "HOST-2.lists",
        "behind several proxies nothing counts but the `Host` line",
        Wire(|head| {
            let several = fields(head).iter().any(|line| is(line, "x-forwarded-for") && line.contains(&b','));
            if several { without(head, "x-forwarded-host") } else { head.to_vec() }
        }),
    ),
    Mutant::new(
        "host/last-of-fewer-entries",
        "HOST-2.lists",
        "the last entry of `X-Forwarded-Host` counts, also where it is about another hop than the visitor's",
        Wire(|head| without(head, "x-forwarded-for")),
    ),
    Mutant::new(
        "host/url-goes-before-the-proxy",
        "HTTP-4.proxied",
        "a URL for a target goes before what a trusted proxy says",
        Wire(|head| {
            let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
            let host = target.strip_prefix(b"http://").and_then(|rest| rest.split(|byte| *byte == b'/').next());
            match host {
                None => head.to_vec(),
                Some(host) => map(&without(head, "x-forwarded-host"), |line| {
                    if is(line, "host") { [b"Host: ", host].concat() } else { line.to_vec() }
                }),
            }
        }),
    ),
];

/// The path of a header field, if there is one.
fn named(asked: &Asked, fields: &[&str]) -> Option<Asked> {
    let value = fields.iter().find_map(|name| asked.text(name))?;
    let path = match value.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/").to_owned(),
        None => value,
    };
    path.starts_with('/').then(|| asked.at(path))
}

/// What is matched is what was asked for; what is served is what the field names.
fn served(scene: &Scene<'_>, visitor: &Visitor, fields: &[&str]) -> Decision {
    match named(scene.asked, fields) {
        Some(other) if !scene.decide(visitor).denied => scene.without_rules(&other),
        _ => scene.decide(visitor),
    }
}

/// What is matched is what the field names; what is served is what was asked for.
fn matched(scene: &Scene<'_>, visitor: &Visitor, fields: &[&str]) -> Decision {
    let gates = |asked: &Asked| {
        let path = rolegate::Target::parse(&asked.target).ok().map(|target| target.path);
        let covers =
            |rule: &Rule| rule.role().is_some() && path.as_ref().is_some_and(|path| rule.pattern.matches(path));
        scene.ground.rules.rules().iter().any(covers)
    };
    match named(scene.asked, fields) {
        Some(other) if !gates(&other) => scene.without_rules(scene.asked),
        _ => scene.decide(visitor),
    }
}
