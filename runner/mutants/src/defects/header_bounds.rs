//! What the site's own header fields may not do: frame an answer, undo what a gate says, or stand for a password (HEADERS-4 to HEADERS-6).

use Defect::{Decide, HeaderText, Reply};
use rolegate::decide::Decision;
use rolegate::span::RuleFile;
use rolegate::visitor::Visitor;

use super::headers::{by_path, in_another_spelling, is_extra, lines, of_the_path, of_the_site, raw, star_inside};
use crate::scene::{Reply as Answer, Scene};
use crate::{Defect, Mutant};

/// Names that caches have made up.
const MADE_UP: [&str; 8] = [
    "akamai-cache-control",
    "fastly-cache-control",
    "netlify-vary",
    "no-vary-search",
    "x-accel-expires",
    "x-litespeed-cache-control",
    "x-varnish-ttl",
    "x_accel_expires",
];

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "headers/content-coding-may-be-set",
        "HEADERS-4",
        "the site may say in which coding and which range a file is sent",
        Reply(|scene, _, reply| may_set(scene, reply, &["content-encoding", "content-range"])),
    ),
    Mutant::new(
        "headers/connection-may-be-set",
        "HEADERS-4",
        "the site may set `Trailer` and `Upgrade`",
        Reply(|scene, _, reply| may_set(scene, reply, &["trailer", "upgrade"])),
    ),
    Mutant::new(
        "headers/framing-may-be-set",
        "HEADERS-4",
        "the site may set `Transfer-Encoding`",
        Reply(|scene, _, reply| may_set(scene, reply, &["transfer-encoding"])),
    ),
    Mutant::new(
        "headers/length-may-be-set",
        "HEADERS-4",
        "the site may set `Content-Length`",
        Reply(|scene, _, reply| may_set(scene, reply, &["content-length"])),
    ),
    Mutant::new(
        "headers/location-may-be-set",
        "HEADERS-4",
        "the site may set `Location`",
        Reply(|scene, _, reply| may_set(scene, reply, &["location"])),
    ),
    Mutant::new(
        "headers/cache-rules-before-the-gates",
        "HEADERS-5",
        "the site's `Cache-Control` counts for gated pages too",
        Reply(|scene, decision, reply| {
            if decision.role_dependent && !decision.denied {
                site_says(scene, reply, "cache-control");
            }
        }),
    ),
    Mutant::new(
        "headers/cache-rules-for-denials",
        "HEADERS-5",
        "the site's `Cache-Control` counts for denials",
        Reply(|scene, decision, reply| {
            if decision.denied {
                site_says(scene, reply, "cache-control");
            }
        }),
    ),
    Mutant::new(
        "headers/rules-for-shared-caches-kept",
        "HEADERS-5",
        "`CDN-Cache-Control` of the site goes out with gated pages",
        Reply(|scene, decision, reply| {
            if decision.role_dependent && !decision.denied {
                site_says(scene, reply, "cdn-cache-control");
            }
        }),
    ),
    Mutant::new(
        "headers/steering-fields-kept",
        "NOLEAK-4.steering",
        "of the site's fields for caches, only those that RFC 9111 and RFC 9213 name stay away from gated pages",
        Reply(|scene, decision, reply| {
            if decision.role_dependent && !decision.denied {
                for name in MADE_UP {
                    site_says(scene, reply, name);
                }
            }
        }),
    ),
    Mutant::new(
        "headers/steering-fields-with-denials",
        "NOLEAK-4.steering",
        "of the site's fields for caches, only those that RFC 9111 and RFC 9213 name stay away from denials",
        Reply(|scene, decision, reply| {
            if decision.denied {
                for name in MADE_UP {
                    site_says(scene, reply, name);
                }
            }
        }),
    ),
    Mutant::new(
        "headers/rules-for-shared-caches-with-denials",
        "HEADERS-5",
        "`CDN-Cache-Control` of the site goes out with denials",
        Reply(|scene, decision, reply| {
            if decision.denied {
                site_says(scene, reply, "cdn-cache-control");
            }
        }),
    ),
    Mutant::new(
        "headers/vary-replaced",
        "HEADERS-5",
        "the site's `Vary` takes the place of the gate's own",
        Reply(|scene, decision, reply| {
            if decision.role_dependent && !decision.denied {
                site_says(scene, reply, "vary");
            }
        }),
    ),
    Mutant::new(
        "headers/fields-of-the-page-with-its-denial",
        "HEADERS-5",
        "a denied visitor gets the fields of the page",
        Reply(|scene, decision, reply| {
            if decision.denied {
                for (name, value) in of_the_path(scene).into_iter().filter(|(name, _)| is_extra(name)) {
                    reply.set(&name, value);
                }
            }
        }),
    ),
    Mutant::new(
        "headers/password-told",
        "HEADERS-6",
        "`Basic-Auth` is sent as a field",
        Reply(|scene, _, reply| {
            let text = raw(scene);
            let line = text.lines().find_map(|line| line.trim().strip_prefix("Basic-Auth:"));
            line.iter().for_each(|value| reply.set("basic-auth", value.trim()));
        }),
    ),
    Mutant::new(
        "headers/any-password-opens",
        "HEADERS-6",
        "whatever password is sent opens the page",
        Decide(|scene, visitor| opened(scene, visitor, scene.asked.header("authorization").next().is_some())),
    ),
    Mutant::new(
        "headers/token-opens-passwords",
        "HEADERS-6",
        "a valid token opens a page that asks for a password",
        Decide(|scene, visitor| opened(scene, visitor, visitor.roles().is_some())),
    ),
    Mutant::new(
        "headers/password-by-the-path-as-it-was-sent",
        "HEADERS-6",
        "the password is asked for under one spelling of the path",
        Decide(|scene, visitor| opened(scene, visitor, in_another_spelling(scene))),
    ),
    Mutant::new(
        "headers/password-by-one-name",
        "HEADERS-6",
        "the password is not asked for under the name that the file has on disk",
        Decide(|scene, visitor| opened(scene, visitor, scene.asked.split().0.ends_with(b".html"))),
    ),
    Mutant::new(
        "headers/basic-auth-in-one-case",
        "HEADERS-6",
        "`basic-auth` in lower case is no password",
        HeaderText(|text| {
            lines(
                text,
                |line| if line.trim_start().starts_with("basic-auth:") { String::new() } else { line.to_owned() },
            )
        }),
    ),
    Mutant::new(
        "headers/passwords-of-wild-paths-passed-over",
        "HEADERS-6",
        "`Basic-Auth` under a path with a `*` in its middle is passed over",
        HeaderText(|text| by_path(text, |path| if star_inside(path) { Vec::new() } else { vec![path.to_owned()] })),
    ),
];

/// Puts what the site says, the last of it, in the place of what the gate says.
fn site_says(scene: &Scene<'_>, reply: &mut Answer, name: &str) {
    let mut said = of_the_site(scene).into_iter().filter(|(own, _)| own == name);
    said.next_back().into_iter().for_each(|(_, value)| reply.set(name, value));
}

/// Sets what stands in the file under exactly this path and these names.
fn may_set(scene: &Scene<'_>, reply: &mut Answer, names: &[&str]) {
    if reply.status != 200 {
        return;
    }
    let path = String::from_utf8_lossy(scene.asked.split().0).into_owned();
    let text = raw(scene);
    let mut is_here = false;
    for line in text.lines() {
        if line.starts_with('/') {
            is_here = line == path;
        } else if let Some((name, value)) = line.split_once(':').filter(|_| is_here) {
            let name = name.trim().to_ascii_lowercase();
            if names.contains(&name.as_str()) {
                reply.set(&name, value.trim());
            }
        }
    }
}

/// The decision without the passwords, if so.
fn opened(scene: &Scene<'_>, visitor: &Visitor, opens: bool) -> Decision {
    scene.decide_with(visitor, |rule| !opens || rule.span.file != RuleFile::Headers)
}
