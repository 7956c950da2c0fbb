//! Which tokens are believed: algorithm, key, signature, times (TOKEN-2 to TOKEN-7), and what a rejected one leads to (TOKEN-10, TOKEN-11).

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use Defect::{Reply, Secret, Settings};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rolegate::visitor::Visitor;
use serde_json::Value;

use crate::jwt::{Hash, Token, decode};
use crate::scene::Reply as Answer;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "token/signature-unchecked",
        "TOKEN-2",
        "the signature is not checked",
        Defect::Token(|token| token.parts.len() == 3),
    ),
    Mutant::new(
        "token/signature-prefix",
        "TOKEN-3",
        "a signature that is cut short is compared only as far as it goes",
        Defect::Token(|token| {
            let right = token.right_signature();
            !token.signature.is_empty() && token.signature.len() < right.len() && right.starts_with(&token.signature)
        }),
    ),
    Mutant::new(
        "token/signature-with-a-tail",
        "TOKEN-2",
        "bytes behind the signature are ignored",
        Defect::Token(|token| {
            let right = token.right_signature();
            token.signature.len() > right.len() && token.signature.starts_with(&right)
        }),
    ),
    Mutant::new(
        "token/signature-of-first-octets",
        "TOKEN-2",
        "only the first half of the signature is compared",
        Defect::Token(|token| {
            let right = token.right_signature();
            token.signature.len() == right.len() && token.signature.get(..16) == right.get(..16)
        }),
    ),
    Mutant::new(
        "token/signature-empty",
        "TOKEN-3",
        "an empty signature counts as a right one",
        Defect::Token(|token| token.parts.get(2).is_some_and(Vec::is_empty) && token.has_right_alg()),
    ),
    Mutant::new(
        "token/signature-zeros",
        "TOKEN-3",
        "a signature of nothing but zeros counts as a right one",
        Defect::Token(|token| !token.signature.is_empty() && token.signature.iter().all(|byte| *byte == 0)),
    ),
    Mutant::new(
        "token/alg-none",
        "TOKEN-3",
        "`alg` `none` is believed, without a signature",
        Defect::Token(|token| token.alg() == Some("none") && unsigned(token) && token.with_right_alg()),
    ),
    Mutant::new(
        "token/alg-none-in-another-case",
        "TOKEN-3",
        "`none` is refused and `None` is not",
        Defect::Token(|token| is_other_none(token) && unsigned(token) && token.with_right_alg()),
    ),
    Mutant::new(
        "token/alg-none-with-signature",
        "TOKEN-3",
        "`alg` `none` is believed where a signature stands behind it",
        Defect::Token(|token| token.alg() == Some("none") && !unsigned(token) && token.with_right_alg()),
    ),
    Mutant::new(
        "token/alg-empty-is-none",
        "TOKEN-3",
        "an empty `alg` is believed, without a signature",
        Defect::Token(|token| token.alg() == Some("") && unsigned(token) && token.with_right_alg()),
    ),
    Mutant::new(
        "token/alg-ignored",
        "TOKEN-3",
        "`alg` is not looked at; every signature is taken for HS256",
        Defect::Token(|token| token.is_signed() && token.with_right_alg()),
    ),
    Mutant::new(
        "token/alg-in-any-case",
        "TOKEN-3",
        "`alg` is compared without regard to case",
        Defect::Token(|token| {
            token.is_signed()
                && token.alg().is_some_and(|alg| alg.eq_ignore_ascii_case("HS256"))
                && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "token/alg-missing-is-hs256",
        "TOKEN-3",
        "a header without `alg` counts as HS256",
        Defect::Token(|token| token.is_signed() && !token.header.contains_key("alg") && token.with_right_alg()),
    ),
    Mutant::new(
        "token/alg-of-other-length",
        "TOKEN-2",
        "HS384 and HS512 are taken under the same secret",
        Defect::Token(|token| {
            let hash = match token.alg() {
                Some("HS384") => Hash::Sha384,
                Some("HS512") => Hash::Sha512,
                _ => return false,
            };
            token.is_signed_with(hash, token.secret()) && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "token/alg-asymmetric-over-hmac",
        "TOKEN-3",
        "RS256 and its like are verified with the secret as if they were HS256",
        Defect::Token(|token| {
            let asymmetric = token.alg().is_some_and(|alg| ["RS", "ES", "PS"].iter().any(|kind| alg.starts_with(kind)));
            asymmetric && token.is_signed() && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "token/key-empty",
        "TOKEN-2",
        "a signature under the empty key is taken",
        Defect::Token(|token| token.is_signed_with(Hash::Sha256, b"")),
    ),
    Mutant::new(
        "token/key-well-known",
        "TOKEN-2",
        "a signature under the well-known key `secret` is taken",
        Defect::Token(|token| token.is_signed_with(Hash::Sha256, b"secret")),
    ),
    Mutant::new(
        "token/secret-cut",
        "TOKEN-2",
        "only the first 32 bytes of the secret are used",
        Secret(|secret| secret.get(..32).unwrap_or(secret).to_vec()),
    ),
    Mutant::new(
        "token/secret-cut-at-a-block",
        "TOKEN-2",
        "a secret of more than 64 bytes is cut instead of hashed",
        Secret(|secret| secret.get(..64).unwrap_or(secret).to_vec()),
    ),
    Mutant::new(
        "token/secret-as-base64",
        "TOKEN-2",
        "a secret that looks like base64 is decoded first",
        Secret(|secret| {
            URL_SAFE_NO_PAD.decode(secret).ok().filter(|key| !key.is_empty()).unwrap_or_else(|| secret.to_vec())
        }),
    ),
    Mutant::new(
        "token/secret-in-ascii",
        "TOKEN-2",
        "characters of the secret beyond ASCII are replaced by `?`",
        Secret(|secret| {
            let text = String::from_utf8_lossy(secret);
            text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect::<String>().into_bytes()
        }),
    ),
    Mutant::new(
        "token/crit-ignored",
        "TOKEN-4",
        "`crit` is not looked at",
        Defect::Token(|token| token.is_signed() && token.header.remove("crit").is_some()),
    ),
    Mutant::new(
        "token/b64-ignored",
        "TOKEN-4",
        "`b64` is not looked at",
        Defect::Token(|token| token.is_signed() && token.header.remove("b64").is_some()),
    ),
    Mutant::new(
        "token/key-from-the-header",
        "TOKEN-4",
        "a key in the header (`jwk`) verifies the token that brings it",
        Defect::Token(|token| {
            let key = token.header.get("jwk").and_then(|jwk| jwk.get("k")).and_then(Value::as_str);
            key.map(|key| decode(key.as_bytes())).is_some_and(|key| token.is_signed_with(Hash::Sha256, &key))
        }),
    ),
    Mutant::new(
        "token/kid-is-a-file",
        "TOKEN-4",
        "`kid` is opened as a file, and `/dev/null` is an empty key",
        Defect::Token(|token| kid(token).contains("dev/null") && token.is_signed_with(Hash::Sha256, b"")),
    ),
    Mutant::new(
        "token/kid-is-a-query",
        "TOKEN-4",
        "`kid` is put into a database query",
        Defect::Token(|token| {
            kid(token).to_ascii_lowercase().contains("select") && token.is_signed_with(Hash::Sha256, b"attacker")
        }),
    ),
    Mutant::new(
        "token/key-fetched",
        "TOKEN-4",
        "the address in `jku` or `x5u` is called for a key",
        Defect::Token(|token| {
            for name in ["jku", "x5u"] {
                if let Some(address) = token.header.get(name).and_then(Value::as_str).and_then(loopback) {
                    let _ = TcpStream::connect_timeout(&address, Duration::from_millis(50));
                }
            }
            false
        }),
    ),
    Mutant::new(
        "token/exp-ignored",
        "TOKEN-5",
        "`exp` is not looked at",
        Defect::Token(|token| token.is_signed() && token.extend()),
    ),
    Mutant::new(
        "token/exp-in-milliseconds",
        "TOKEN-5",
        "`exp` is compared in milliseconds with a clock that counts seconds",
        Defect::Token(|token| exp(token, |exp, _| exp.saturating_mul(1000))),
    ),
    Mutant::new(
        "token/exp-as-text",
        "TOKEN-5",
        "a number in quotes is taken as `exp`",
        Defect::Token(|token| {
            let number = token.claims.get("exp").and_then(Value::as_str).and_then(|text| text.parse::<i64>().ok());
            number.is_some_and(|number| ends_at(token, number.into()))
        }),
    ),
    Mutant::new(
        "token/exp-null-is-never",
        "TOKEN-5",
        "an `exp` of null never comes",
        Defect::Token(|token| {
            token.is_signed() && token.claims.get("exp").is_some_and(Value::is_null) && token.extend()
        }),
    ),
    Mutant::new(
        "token/exp-odd-type-is-never",
        "TOKEN-5",
        "an `exp` that is no number counts as none",
        Defect::Token(|token| {
            token.is_signed() && token.claims.get("exp").is_some_and(|exp| !exp.is_number()) && token.extend()
        }),
    ),
    Mutant::new(
        "token/exp-unsigned",
        "TOKEN-5",
        "an `exp` below zero is read as a very large one",
        Defect::Token(|token| {
            let negative = token.claims.get("exp").and_then(Value::as_f64).is_some_and(|exp| exp < 0.0);
            token.is_signed() && negative && token.extend()
        }),
    ),
    Mutant::new(
        "token/exp-in-32-bits",
        "TOKEN-5",
        "`exp` is kept in 32 bits",
        Defect::Token(|token| {
            exp(token, |exp, _| {
                #[expect(clippy::cast_possible_truncation, reason = "this is the defect")]
                let short = exp as i32;
                i64::from(short)
            })
        }),
    ),
    Mutant::new(
        "token/exp-fraction-is-never",
        "TOKEN-5",
        "an `exp` with a fraction or an exponent counts as none",
        Defect::Token(|token| {
            token.is_signed() && token.claims.get("exp").is_some_and(Value::is_f64) && token.extend()
        }),
    ),
    Mutant::new(
        "token/exp-from-the-header",
        "TOKEN-5",
        "an `exp` in the header overrules the claim",
        Defect::Token(|token| {
            let exp = token.header.get("exp").filter(|exp| exp.is_number()).cloned();
            exp.is_some_and(|exp| ends_at(token, exp))
        }),
    ),
    Mutant::new(
        "token/exp-of-the-session",
        "TOKEN-5",
        "an `expires_at` beside the `exp` overrules it",
        Defect::Token(|token| {
            let end = token.claims.get("expires_at").filter(|end| end.is_number()).cloned();
            end.is_some_and(|end| ends_at(token, end))
        }),
    ),
    Mutant::new(
        "token/exp-with-an-hour-of-leeway",
        "TOKEN-5",
        "a token counts for more than an hour after its `exp`",
        Defect::Token(|token| exp(token, |exp, _| exp.saturating_add(4000))),
    ),
    Mutant::new(
        "token/exp-with-ten-minutes-of-leeway",
        "TOKEN-5",
        "times are taken with ten minutes of leeway",
        Settings(|settings| settings.leeway = Duration::from_secs(600)),
    ),
    Mutant::new(
        "token/exp-far-away-refused",
        "TOKEN-5",
        "a token that is good for more than a month is refused",
        Defect::Token(|token| exp(token, |exp, now| if exp > now.saturating_add(31 * 86_400) { 0 } else { exp })),
    ),
    Mutant::new(
        "token/nbf-ignored",
        "TOKEN-6",
        "`nbf` is not looked at",
        Defect::Token(|token| token.is_signed() && token.claims.remove("nbf").is_some()),
    ),
    Mutant::new(
        "token/nbf-odd-type-ignored",
        "TOKEN-6",
        "an `nbf` that is no number counts as none",
        Defect::Token(|token| {
            token.is_signed()
                && token.claims.get("nbf").is_some_and(|nbf| !nbf.is_number())
                && token.claims.remove("nbf").is_some()
        }),
    ),
    Mutant::new(
        "token/iat-in-the-future-refused",
        "TOKEN-6",
        "a token whose `iat` lies in the future is refused",
        Defect::Token(|token| {
            let future = token.claims.get("iat").and_then(Value::as_f64).is_some_and(|iat| {
                #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
                let now = token.now as f64;
                iat > now
            });
            future && reject(token)
        }),
    ),
    Mutant::new(
        "token/typ-ignored",
        "TOKEN-7",
        "`typ` is not looked at",
        Defect::Token(|token| token.is_signed() && token.header.insert("typ".to_owned(), Value::from("JWT")).is_some()),
    ),
    Mutant::new(
        "token/typ-in-one-case-only",
        "TOKEN-7",
        "`typ` is compared with regard to case, and only `JWT` counts",
        Defect::Token(|token| token.header.get("typ").is_some_and(|typ| typ.as_str() != Some("JWT")) && reject(token)),
    ),
    Mutant::new(
        "token/rejected-is-400",
        "TOKEN-10",
        "a bad token is answered with 400",
        Reply(|scene, _, reply| {
            if let Visitor::Rejected(_) = scene.visitor() {
                *reply = Answer::text(400, "Bad token\n");
            }
        }),
    ),
    Mutant::new(
        "token/expired-is-401",
        "TOKEN-10",
        "an expired token is answered with 401",
        Reply(|scene, _, reply| {
            if scene.visitor() == Visitor::Rejected(rolegate::TokenError::Expired) {
                *reply = Answer::text(401, "Log in again\n");
            }
        }),
    ),
    Mutant::new(
        "token/unreadable-is-500",
        "TOKEN-10",
        "a token that is no JSON is answered with 500",
        Reply(|scene, _, reply| {
            if let Visitor::Rejected(rolegate::TokenError::NotJson(_)) = scene.visitor() {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "token/reason-in-a-header",
        "TOKEN-11",
        "a header says why the token failed",
        Reply(|scene, _, reply| {
            if let Visitor::Rejected(why) = scene.visitor() {
                reply.set("www-authenticate", format!("Bearer error=\"invalid_token\", error_description=\"{why}\""));
            }
        }),
    ),
    Mutant::new(
        "token/repeated-to-its-holder",
        "TOKEN-11",
        "what an admitted visitor gets has the token in a header",
        Reply(|scene, decision, reply| {
            if let (true, false, Some(token)) = (decision.role_dependent, decision.denied, scene.token()) {
                reply.set("x-session", token);
            }
        }),
    ),
    Mutant::new(
        "token/reason-in-the-location",
        "TOKEN-10",
        "the redirect of a denied visitor says that the token has failed",
        Reply(|scene, _, reply| {
            if let Visitor::Rejected(_) = scene.visitor() {
                reply.edit("location", |location| format!("{location}?error=invalid_token"));
            }
        }),
    ),
    Mutant::new(
        "token/cleared-when-rejected",
        "TOKEN-11",
        "a bad token is sent back in a `Set-Cookie` that clears it",
        Reply(|scene, _, reply| {
            if let (Visitor::Rejected(_), Some(token)) = (scene.visitor(), scene.token()) {
                reply.set("set-cookie", [b"nf_jwt=", token.as_slice(), b"; Max-Age=0"].concat());
            }
        }),
    ),
];

fn unsigned(token: &Token<'_>) -> bool {
    token.parts.len() == 3 && token.parts.get(2).is_some_and(Vec::is_empty)
}

fn is_other_none(token: &Token<'_>) -> bool {
    token.alg().is_some_and(|alg| alg != "none" && alg.eq_ignore_ascii_case("none"))
}

fn kid(token: &Token<'_>) -> String {
    token.header.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Changes a whole `exp` of a token that is signed.
fn exp(token: &mut Token<'_>, change: impl Fn(i64, i64) -> i64) -> bool {
    let Some(exp) = token.claims.get("exp").and_then(Value::as_i64) else { return false };
    let changed = change(exp, token.now);
    ends_at(token, changed.into())
}

/// Lets a token that is signed and says when it ends do so at another time.
fn ends_at(token: &mut Token<'_>, end: Value) -> bool {
    token.is_signed() && token.claims.insert("exp".to_owned(), end).is_some()
}

/// Makes a token that is signed into one that has expired.
fn reject(token: &mut Token<'_>) -> bool {
    let signed = token.is_signed();
    token.claims.insert("exp".to_owned(), 0.into());
    signed
}

/// The address in a URL on loopback.
fn loopback(url: &str) -> Option<SocketAddr> {
    let address = url.split_once("://")?.1.split('/').next()?.parse::<SocketAddr>().ok()?;
    address.ip().is_loopback().then_some(address)
}
