//! Which public key a token is verified with, and how (TOKEN-12).

use gatecheck::corpus::recipe::PairAlgorithm;
use gatecheck::keys::as_asn1;
use serde_json::{Map, Value};

use crate::jwt::{Hash, Token, decode};
use crate::public::RingKey;
use crate::{Defect, Mutant};

use Defect::KeySet;

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "keys/signature-unchecked",
        "TOKEN-12",
        "the signature of a public key is not checked",
        Defect::Token(|token| token.parts.len() == 3 && is_public(token)),
    ),
    Mutant::new(
        "keys/signature-empty",
        "TOKEN-12",
        "an empty signature of a public key counts as a right one",
        Defect::Token(|token| token.parts.len() == 3 && token.signature.is_empty() && is_public(token)),
    ),
    Mutant::new(
        "keys/signature-of-zeros",
        "TOKEN-12",
        "an ECDSA signature of two zeros is right for every message",
        Defect::Token(|token| {
            let zeros = !token.signature.is_empty() && token.signature.iter().all(|byte| *byte == 0);
            zeros && alg_begins(token, "ES") && is_public(token)
        }),
    ),
    Mutant::new(
        "keys/signature-with-a-zero",
        "TOKEN-12",
        "an ECDSA signature with a zero in one half is right for every message",
        Defect::Token(|token| {
            let halves = token.signature.split_at(token.signature.len() / 2);
            let zero = |half: &[u8]| !half.is_empty() && half.iter().all(|byte| *byte == 0);
            alg_begins(token, "ES") && zero(halves.0) != zero(halves.1) && is_public(token)
        }),
    ),
    Mutant::new(
        "keys/signature-beyond-the-order",
        "TOKEN-12",
        "the numbers of an ECDSA signature may be the order of the curve or more, which is a zero again",
        Defect::Token(|token| {
            let (r, s) = token.signature.split_at(token.signature.len() / 2);
            let beyond = |half: &[u8]| half.len() == 32 && half.starts_with(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
            alg_begins(token, "ES256") && (beyond(r) || beyond(s)) && is_public(token)
        }),
    ),
    Mutant::new(
        "keys/signature-with-a-tail",
        "TOKEN-12",
        "bytes behind the signature of a public key are ignored",
        Defect::Token(|token| {
            let Some(length) = token.ring().map(|_| token.right_signature().len()) else { return false };
            let is_longer = length > 0 && token.signature.len() > length;
            is_longer && {
                token.signature.truncate(length);
                token.is_signed()
            }
        }),
    ),
    Mutant::new(
        "keys/signature-in-asn1",
        "TOKEN-12",
        "an ECDSA signature may come in the form of TLS",
        Defect::Token(|token| {
            let Some(raw) = from_asn1(&token.signature).filter(|_| is_public(token)) else { return false };
            token.signature = raw;
            token.is_signed()
        }),
    ),
    Mutant::new(
        "keys/eddsa-unchecked",
        "TOKEN-12",
        "an EdDSA signature is compared by its length alone",
        Defect::Token(|token| token.alg() == Some("EdDSA") && token.signature.len() == 64 && is_public(token)),
    ),
    Mutant::new(
        "keys/weak-key-believed",
        "TOKEN-12.weak-keys",
        "a key of small order is used like any other, and the signature of nobody is right for it",
        Defect::Token(|token| {
            let written = token.ring().map(|ring| ring.written()).unwrap_or_default();
            let kid = token.header.get("kid");
            let named = written.iter().find(|key| kid.is_some() && key.get("kid") == kid);
            let is_of_nobody = token
                .signature
                .split_first()
                .is_some_and(|(first, rest)| *first == 1 && rest.len() == 63 && rest.iter().all(|byte| *byte == 0));
            let is_foreign = named.is_some_and(|key| says(key, "crv", "Ed25519") && RingKey::read(key).is_none());
            is_of_nobody && is_foreign && token.alg() == Some("EdDSA") && to_first(token) && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "keys/without-eddsa",
        "TOKEN-12",
        "EdDSA is not supported",
        KeySet(|keys| keys.retain(|key| !says(key, "kty", "OKP"))),
    ),
    Mutant::new(
        "keys/without-es384",
        "TOKEN-12",
        "ES384 is not supported",
        KeySet(|keys| keys.retain(|key| !says(key, "crv", "P-384"))),
    ),
    Mutant::new(
        "keys/without-pss",
        "TOKEN-12",
        "PS256 and its like are not supported",
        KeySet(|keys| {
            keys.retain(|key| !key.get("alg").and_then(Value::as_str).is_some_and(|alg| alg.starts_with("PS")))
        }),
    ),
    Mutant::new(
        "keys/only-256",
        "TOKEN-12",
        "of the RSA algorithms only those with SHA-256 are supported",
        KeySet(|keys| {
            keys.retain(|key| {
                let alg = key.get("alg").and_then(Value::as_str).unwrap_or_default();
                !says(key, "kty", "RSA") || alg.ends_with("256")
            });
        }),
    ),
    Mutant::new(
        "keys/list-ignored",
        "TOKEN-2",
        "a key of the set verifies tokens with an algorithm that the operator did not list",
        Defect::Token(|token| {
            let lists = token.ring().is_some_and(|ring| !ring.listed.is_empty());
            lists && is_public(token) && token.is_signed() && to_first(token) && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "keys/alg-ignored",
        "TOKEN-12.one-algorithm",
        "`alg` is not looked at where the key says what it is for",
        Defect::Token(|token| token.ring().is_some() && token.is_signed() && token.with_right_alg()),
    ),
    Mutant::new(
        "keys/alg-from-the-header",
        "TOKEN-12.one-algorithm",
        "an RSA key serves whatever RSA algorithm the header names",
        Defect::Token(|token| {
            let named = token.alg().and_then(PairAlgorithm::named);
            let fits = named.zip(picked(token)).is_some_and(|(alg, key)| {
                token.message().is_some_and(|message| key.key.verifies(alg, &message, &token.signature))
            });
            fits && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "keys/padding-by-trial",
        "TOKEN-12.one-algorithm",
        "an RSA signature is right if it is one of any RSA algorithm",
        Defect::Token(|token| {
            let Some(key) = picked(token).filter(|_| token.has_right_alg()) else {
                return false;
            };
            let all = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
            let message = token.message().unwrap_or_default();
            let mut algorithms = all.into_iter().filter_map(PairAlgorithm::named);
            algorithms.any(|alg| key.key.verifies(alg, &message, &token.signature))
        }),
    ),
    Mutant::new(
        "keys/any-key-whatever-the-header",
        "TOKEN-12.one-algorithm",
        "every key of the set is tried with its own algorithm, whatever the header says",
        Defect::Token(|token| under(token, |_, _| true) && token.with_right_alg()),
    ),
    Mutant::new(
        "keys/pem-as-secret",
        "TOKEN-12.never-mix",
        "`alg` HS256 makes the text of the public key a secret",
        Defect::Token(|token| {
            let secret = token.secret().to_vec();
            hmac(token, &[secret.clone(), [secret, b"\n".to_vec()].concat()])
        }),
    ),
    Mutant::new(
        "keys/der-as-secret",
        "TOKEN-12.never-mix",
        "`alg` HS256 makes the bytes of the public key a secret",
        Defect::Token(|token| {
            let der = picked(token).and_then(|key| key.key.der().ok());
            der.is_some_and(|der| hmac(token, &[der]))
        }),
    ),
    Mutant::new(
        "keys/jwk-as-secret",
        "TOKEN-12.never-mix",
        "`alg` HS256 makes the JSON text of the public key a secret",
        Defect::Token(|token| {
            let jwk = picked(token).and_then(|key| key.key.jwk().ok());
            jwk.is_some_and(|jwk| hmac(token, &[Value::Object(jwk).to_string().into_bytes()]))
        }),
    ),
    Mutant::new(
        "keys/empty-secret-beside-them",
        "TOKEN-12.never-mix",
        "a gate that has public keys takes HS256 with an empty secret",
        Defect::Token(|token| hmac(token, &[Vec::new()])),
    ),
    Mutant::new(
        "keys/mac-for-a-signature",
        "TOKEN-12.never-mix",
        "under RS256 a MAC with the public key is taken for a signature",
        Defect::Token(|token| {
            let der = picked(token).and_then(|key| key.key.der().ok()).unwrap_or_default();
            let keys = [token.secret().to_vec(), der];
            alg_begins(token, "RS")
                && is_public(token)
                && keys.iter().any(|key| token.is_signed_with(Hash::Sha256, key))
        }),
    ),
    Mutant::new(
        "keys/secret-beside-them",
        "TOKEN-12.never-mix",
        "the secret stays in force beside the public keys",
        Defect::Token(|token| {
            let secret = token.secret_of_others().to_vec();
            hmac(token, &[secret])
        }),
    ),
    Mutant::new(
        "keys/secret-of-the-set",
        "TOKEN-12.never-mix",
        "a secret in the key set verifies HS256, whatever the `kid`",
        Defect::Token(|token| {
            let written = token.ring().map(|ring| ring.written()).unwrap_or_default();
            let secrets = written.iter().filter_map(|key| key.get("k").and_then(Value::as_str));
            let secrets: Vec<Vec<u8>> = secrets.map(|key| decode(key.as_bytes())).collect();
            hmac(token, &secrets)
        }),
    ),
    Mutant::new(
        "keys/key-from-the-token",
        "TOKEN-4",
        "a public key in the header (`jwk`, `jwks`) verifies the token that brings it",
        Defect::Token(|token| {
            let jwk = token.header.get("jwk").or(token.header.get("jwks").and_then(|set| set.get("keys")?.get(0)));
            let brought = jwk.and_then(Value::as_object).and_then(RingKey::read);
            let message = token.message().unwrap_or_default();
            token.ring().is_some() && brought.is_some_and(|key| key.verifies(&message, &token.signature))
        }),
    ),
];

/// Whether the gate has public keys, and the header names one of them and its algorithm.
fn is_public(token: &Token<'_>) -> bool {
    token.ring().is_some() && token.has_right_alg()
}

fn picked<'a>(token: &Token<'a>) -> Option<&'a RingKey> {
    token.ring()?.picked(&token.header)
}

fn alg_begins(token: &Token<'_>, start: &str) -> bool {
    token.alg().is_some_and(|alg| alg.starts_with(start))
}

/// Whether one of these secrets has signed a token of HS256 and its like, which a gate with public keys never takes.
fn hmac(token: &mut Token<'_>, secrets: &[Vec<u8>]) -> bool {
    let hash = match token.alg() {
        Some("HS256") => Hash::Sha256,
        Some("HS384") => Hash::Sha384,
        Some("HS512") => Hash::Sha512,
        _ => return false,
    };
    secrets.iter().any(|secret| token.is_signed_with(hash, secret)) && to_first(token) && token.with_right_alg()
}

/// Makes the first key of the gate the one that the header names.
pub(super) fn to_first(token: &mut Token<'_>) -> bool {
    let first = token.ring().and_then(|ring| ring.keys.first());
    first.is_some_and(|key| name(token, key))
}

/// Finds a key of the set whose signature the token has, and makes it the one that the header names.
pub(super) fn under(token: &mut Token<'_>, wanted: impl Fn(&Token<'_>, &RingKey) -> bool) -> bool {
    let Some(ring) = token.ring().filter(|ring| ring.is_set) else { return false };
    let message = token.message().unwrap_or_default();
    let found = ring.keys.iter().find(|key| wanted(token, key) && key.verifies(&message, &token.signature));
    found.is_some_and(|key| name(token, key))
}

fn name(token: &mut Token<'_>, key: &RingKey) -> bool {
    match &key.kid {
        Some(kid) => token.header.insert("kid".to_owned(), Value::from(kid.as_str())),
        None => token.header.remove("kid"),
    };
    true
}

/// Whether a member of a JSON Web Key is this text.
pub(super) fn says(key: &Map<String, Value>, name: &str, text: &str) -> bool {
    key.get(name).and_then(Value::as_str) == Some(text)
}

/// The two numbers side by side, of a signature in ASN.1.
fn from_asn1(signature: &[u8]) -> Option<Vec<u8>> {
    let [0x30, _, rest @ ..] = signature else { return None };
    let number = |bytes: &[u8]| -> Option<(Vec<u8>, usize)> {
        let [0x02, length, rest @ ..] = bytes else { return None };
        let number = rest.get(..usize::from(*length))?;
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        Some((number.get(zeros..)?.to_vec(), usize::from(*length).saturating_add(2)))
    };
    let (r, length) = number(rest)?;
    let (s, _) = number(rest.get(length..)?)?;
    let width: usize = if r.len().max(s.len()) > 32 { 48 } else { 32 };
    let raw: Vec<u8> =
        [r, s].into_iter().flat_map(|number| [vec![0; width.saturating_sub(number.len())], number].concat()).collect();
    (as_asn1(&raw) == signature).then_some(raw)
}
