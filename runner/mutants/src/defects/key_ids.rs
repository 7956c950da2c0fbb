//! Which key of a set a token's `kid` picks, and which keys of a set are used at all (TOKEN-12.kid, TOKEN-12.key-set).

use serde_json::{Map, Value};

use super::keys::{says, to_first, under};
use crate::jwt::{Hash, Token};
use crate::public::RingKey;
use crate::{Defect, Mutant};

use Defect::KeySet;

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "keys/kid-ignored",
        "TOKEN-12.kid",
        "`kid` is not looked at; every key of the algorithm is tried",
        Defect::Token(|token| under(token, has_alg)),
    ),
    Mutant::new(
        "keys/unknown-kid-tries-all",
        "TOKEN-12.kid",
        "where no key has the `kid`, every key of the algorithm is tried",
        Defect::Token(|token| is_unknown(token) && under(token, has_alg)),
    ),
    Mutant::new(
        "keys/kid-of-another-key-tries-all",
        "TOKEN-12.kid",
        "where the key that `kid` names does not verify the token, the others are tried",
        Defect::Token(|token| kid(token).is_some() && !is_unknown(token) && under(token, has_alg)),
    ),
    Mutant::new(
        "keys/kid-in-any-case",
        "TOKEN-12.kid",
        "`kid` is compared without regard to case",
        Defect::Token(|token| by_kid(token, |own, asked| own.eq_ignore_ascii_case(asked))),
    ),
    Mutant::new(
        "keys/kid-trimmed",
        "TOKEN-12.kid",
        "white space around a `kid` is taken away",
        Defect::Token(|token| by_kid(token, |own, asked| own == asked.trim())),
    ),
    Mutant::new(
        "keys/kid-by-its-beginning",
        "TOKEN-12.kid",
        "a `kid` that begins with the one of a key picks it",
        Defect::Token(|token| by_kid(token, |own, asked| asked.starts_with(own))),
    ),
    Mutant::new(
        "keys/kid-up-to-a-nul",
        "TOKEN-12.kid",
        "a `kid` is read up to a NUL or the end of a line",
        Defect::Token(|token| by_kid(token, |own, asked| asked.split(['\0', '\r', '\n']).next() == Some(own))),
    ),
    Mutant::new(
        "keys/kid-of-another-type-is-none",
        "TOKEN-12.kid",
        "a `kid` that is no text counts as none",
        Defect::Token(|token| token.header.get("kid").is_some_and(|kid| !kid.is_string()) && under(token, has_alg)),
    ),
    Mutant::new(
        "keys/kid-in-a-list",
        "TOKEN-12.kid",
        "the first text of a list is read as the `kid`",
        Defect::Token(|token| {
            let first = token.header.get("kid").and_then(|kid| kid.get(0)?.as_str().map(str::to_owned));
            first.is_some_and(|first| under(token, |_, key| key.kid.as_deref() == Some(first.as_str())))
        }),
    ),
    Mutant::new(
        "keys/kid-is-a-place",
        "TOKEN-12.kid",
        "a `kid` that is a number picks the key at that place",
        Defect::Token(|token| {
            let place = token.header.get("kid").map(|kid| kid.as_str().map_or_else(|| kid.to_string(), str::to_owned));
            place.as_deref() == Some("0") && to_first(token) && token.is_signed()
        }),
    ),
    Mutant::new(
        "keys/kid-empty-is-none",
        "TOKEN-12.kid",
        "an empty `kid` counts as none",
        Defect::Token(|token| kid(token).as_deref() == Some("") && under(token, has_alg)),
    ),
    Mutant::new(
        "keys/key-without-kid-for-all",
        "TOKEN-12.kid",
        "a key without a `kid` is used for tokens with any",
        Defect::Token(|token| {
            token.header.contains_key("kid") && under(token, |token, key| key.kid.is_none() && has_alg(token, key))
        }),
    ),
    Mutant::new(
        "keys/unknown-kid-unchecked",
        "TOKEN-12.kid",
        "where no key has the `kid`, the signature is not checked",
        Defect::Token(|token| is_unknown(token) && to_first(token) && token.with_right_alg()),
    ),
    Mutant::new(
        "keys/unknown-kid-is-an-empty-secret",
        "TOKEN-12.kid",
        "where no key has the `kid`, an empty key takes its place",
        Defect::Token(|token| {
            let empty = [b"".as_slice(), b"\0"].iter().any(|key| token.is_signed_with(Hash::Sha256, key));
            is_unknown(token) && empty && to_first(token) && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "keys/without-kid-unchecked",
        "TOKEN-12",
        "the signature of a token without `kid` is not checked",
        Defect::Token(|token| {
            let alg = token.alg().unwrap_or_default().to_owned();
            let is_set = token.ring().is_some_and(|ring| ring.is_set);
            let same = token.ring().and_then(|ring| ring.keys.iter().find(|key| key.algorithm.name() == alg));
            let without = is_set && !token.header.contains_key("kid");
            let kid = same.and_then(|key| key.kid.clone());
            without && kid.is_some_and(|kid| token.header.insert("kid".to_owned(), kid.into()).is_none())
        }),
    ),
    Mutant::new(
        "keys/first-key-only",
        "TOKEN-12.kid",
        "only the first key of a set is used",
        KeySet(|keys| keys.truncate(1)),
    ),
    Mutant::new(
        "keys/unusable-key-unchecked",
        "TOKEN-12.key-set",
        "where `kid` names a key that cannot be read, the signature is not checked",
        Defect::Token(|token| {
            let Some(ring) = token.ring() else { return false };
            let unread = kid(token).filter(|kid| !ring.keys.iter().any(|key| key.kid.as_ref() == Some(kid)));
            let named = unread.is_some_and(|kid| ring.written().iter().any(|key| says(key, "kid", &kid)));
            named && to_first(token) && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "keys/set-ends-at-a-bad-key",
        "TOKEN-12.key-set",
        "a key that cannot be used takes those behind it along",
        KeySet(|keys| {
            let bad = keys.iter().position(|key| key.get("use").is_some_and(|usage| usage != "sig"));
            keys.truncate(bad.unwrap_or(keys.len()));
        }),
    ),
    Mutant::new(
        "keys/use-ignored",
        "TOKEN-12.key-set",
        "a key whose `use` is encryption verifies tokens",
        KeySet(|keys| without(keys, "use", |usage| usage.is_string())),
    ),
    Mutant::new(
        "keys/use-of-another-type-ignored",
        "TOKEN-12.key-set",
        "a `use` that is no text counts as none",
        KeySet(|keys| without(keys, "use", |usage| !usage.is_string())),
    ),
    Mutant::new(
        "keys/operations-ignored",
        "TOKEN-12.key-set",
        "a key whose `key_ops` lack `verify` verifies tokens",
        KeySet(|keys| without(keys, "key_ops", |_| true)),
    ),
    Mutant::new(
        "keys/private-members-ignored",
        "TOKEN-12.key-set",
        "a key whose private half stands in the set is used",
        KeySet(|keys| without(keys, "d", |_| true)),
    ),
    Mutant::new(
        "keys/kind-ignored",
        "TOKEN-12.key-set",
        "a key of an unknown `kty` is taken for one of its curve",
        KeySet(|keys| {
            for key in keys.iter_mut().filter(|key| key.contains_key("crv") && !says(key, "kty", "OKP")) {
                key.insert("kty".to_owned(), Value::from("EC"));
            }
        }),
    ),
    Mutant::new(
        "keys/alg-of-the-key-ignored",
        "TOKEN-12.key-set",
        "what a key says about its algorithm is not looked at",
        KeySet(|keys| {
            for key in keys.iter_mut().filter(|key| says(key, "kty", "EC")) {
                key.remove("alg");
            }
        }),
    ),
    Mutant::new(
        "keys/curve-by-length",
        "TOKEN-12.key-set",
        "the curve of a key is told by its length, whatever `crv` says",
        KeySet(|keys| {
            for key in keys.iter_mut().filter(|key| says(key, "kty", "EC")) {
                let is_short = key.get("x").and_then(Value::as_str).is_some_and(|x| x.len() == 43);
                key.insert("crv".to_owned(), Value::from(if is_short { "P-256" } else { "P-384" }));
            }
        }),
    ),
];

fn kid(token: &Token<'_>) -> Option<String> {
    token.header.get("kid").and_then(Value::as_str).map(str::to_owned)
}

/// Whether the token has a `kid` that no key of the set has.
fn is_unknown(token: &Token<'_>) -> bool {
    let Some(ring) = token.ring().filter(|ring| ring.is_set) else { return false };
    let written = ring.written();
    kid(token).is_some_and(|kid| !written.iter().any(|key| says(key, "kid", &kid)))
}

fn has_alg(token: &Token<'_>, key: &RingKey) -> bool {
    token.alg() == Some(key.algorithm.name().as_str())
}

/// A key whose `kid` fits that of the token in a looser way.
fn by_kid(token: &mut Token<'_>, fits: impl Fn(&str, &str) -> bool) -> bool {
    let Some(asked) = kid(token) else { return false };
    under(token, |token, key| key.kid.as_deref().is_some_and(|own| fits(own, &asked)) && has_alg(token, key))
}

fn without(keys: &mut [Map<String, Value>], name: &str, drop: impl Fn(&Value) -> bool) {
    for key in keys {
        if key.get(name).is_some_and(&drop) {
            key.remove(name);
        }
    }
}
