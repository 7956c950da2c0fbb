//! Why a visitor who should be let in is not: another secret, another place of the roles, another place of the token.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::probe::Probe;
use super::{About, Check};
use crate::corpus::request::{Carrier, Request};
use crate::corpus::{Case, DEFAULT_ROLE_PATH, Settings};
use crate::judge::summary;

/// Where issuers put roles.
const ROLE_PATHS: [&str; 5] =
    [DEFAULT_ROLE_PATH, "app_metadata.roles", "roles", "user_metadata.roles", "app_metadata.role"];

/// Whether a visitor with the right token is let in; where not, what else would let them in.
pub(super) async fn secret_and_path(probe: &Probe<'_>) -> Vec<Check> {
    let own = &probe.suite.settings;
    let answer = probe.control().await;
    if answer.as_ref().is_ok_and(|exchange| probe.is_let_in(exchange)) {
        let how = if own.public.is_some() { "the key of the manifest" } else { "the secret of the manifest" };
        return vec![
            Check::good(About::Secret, format!("a token that is signed with {how} lets its holder in")),
            Check::good(About::RolePath, format!("the roles are found at `{}`", own.role_path)),
        ];
    }
    let came = answer.map_or_else(|error| error.to_string(), |exchange| summary(&exchange.answer));
    for path in ROLE_PATHS.into_iter().filter(|path| *path != own.role_path) {
        let settings = Settings { role_path: path.to_owned(), ..own.clone() };
        if lets_in(probe, &probe.entry, &settings).await {
            return vec![
                Check::good(About::Secret, "a token with roles elsewhere lets its holder in"),
                Check::wrong(
                    About::RolePath,
                    format!("the gate reads roles at `{path}`"),
                    format!("tell it the role path `{}`", own.role_path),
                ),
            ];
        }
    }
    if own.public.is_none() {
        for (secret, what) in other_secrets(&own.secret) {
            if lets_in(probe, &probe.entry, &Settings { secret, ..own.clone() }).await {
                return vec![Check::wrong(About::Secret, format!("the gate's secret is {what}"), TELL)];
            }
        }
    }
    let request = Request { carrier: Carrier::Authorization, ..probe.entry.request.clone() };
    if lets_in(probe, &Case { request, ..probe.entry.clone() }, own).await {
        let to_do = "have it read the cookie `nf_jwt`";
        return vec![Check::wrong(
            About::Secret,
            "the gate reads the token in `Authorization`, not in the cookie",
            to_do,
        )];
    }
    let seen = format!("a token that is signed as the manifest says does not let its holder in: {came}");
    vec![Check::wrong(About::Secret, seen, format!("{TELL}; --no-look asks all the same"))]
}

const TELL: &str = "tell the gate the secret and the role path of the manifest, byte for byte";

/// Secrets that a gate has by mistake, with what they are.
fn other_secrets(secret: &str) -> Vec<(String, &'static str)> {
    let decoded = BASE64_STANDARD.decode(secret).or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(secret)).ok();
    let mut others = vec![
        (format!("{secret}\n"), "this one with the end of its line"),
        (format!("\"{secret}\""), "this one in quotes"),
        (String::new(), "empty"),
    ];
    others.extend(
        decoded.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| (text, "this one decoded from Base64")),
    );
    others
}

async fn lets_in(probe: &Probe<'_>, case: &Case, settings: &Settings) -> bool {
    probe.send(case, settings).await.is_ok_and(|exchange| probe.is_let_in(&exchange))
}
