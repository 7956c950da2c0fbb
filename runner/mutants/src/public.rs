//! The public keys of a suite as the broken gates see them: with their private halves, which the runner has, so that a token that a defect lets
//! pass can be signed anew by the very key that its header names, and every other check of the reference stays in force.

use std::sync::OnceLock;

use gatecheck::corpus::recipe::PairAlgorithm;
use gatecheck::corpus::{PublicKeys, Settings};
use gatecheck::keys::TestKey;
use serde_json::{Map, Value};

use super::jwt::members;

/// The keys that the corpus puts into its settings.
const NAMES: [&str; 20] = [
    "rsa",
    "rsa-2",
    "p256",
    "p256-2",
    "p256-3",
    "p256-4",
    "p256-5",
    "p256-6",
    "p256-7",
    "p256-8",
    "p256-9",
    "p256-10",
    "p256-11",
    "p256-12",
    "p384",
    "p384-2",
    "p384-3",
    "ed25519",
    "ed25519-2",
    "ed25519-3",
];

/// The public keys of a suite.
#[derive(Debug)]
pub struct PublicRing {
    /// The text that the gate is given: of a JWKS document, or of one key in PEM.
    pub text: Vec<u8>,
    /// Whether that is a document, in which `kid` picks a key.
    pub is_set: bool,
    /// The keys, in their order.
    pub keys: Vec<RingKey>,
    /// The algorithms that the operator listed; none where the keys say it.
    pub listed: Vec<PairAlgorithm>,
}

/// One key of a suite.
#[derive(Debug)]
pub struct RingKey {
    /// Its `kid`, where it has one that is text.
    pub kid: Option<String>,
    /// The algorithm that it serves.
    pub algorithm: PairAlgorithm,
    /// The key, both halves.
    pub key: &'static TestKey,
}

impl PublicRing {
    /// The public keys that settings name, if they name any.
    #[must_use]
    pub fn of(settings: &Settings) -> Option<Self> {
        let listed: Vec<PairAlgorithm> =
            settings.algorithms.iter().filter_map(|name| PairAlgorithm::named(name)).collect();
        match settings.public.as_ref()? {
            PublicKeys::Pem(text) => {
                let key = known().iter().map(|(_, key)| *key).find(|key| key.pem().as_ref() == Ok(text));
                let ring_key = |key: &'static TestKey| {
                    let usual = key.jwk().ok().and_then(|jwk| usual(&jwk))?;
                    Some(RingKey { kid: None, algorithm: listed.first().copied().unwrap_or(usual), key })
                };
                Some(Self {
                    text: text.clone().into_bytes(),
                    is_set: false,
                    keys: key.and_then(ring_key).into_iter().collect(),
                    listed,
                })
            }
            PublicKeys::Jwks(text) => {
                let text = text.clone().into_bytes();
                let keys = written(&text).iter().filter_map(RingKey::read).collect();
                Some(Self { text, is_set: true, keys, listed })
            }
        }
    }

    /// The members of the document as they are written; none for a key in PEM.
    #[must_use]
    pub fn written(&self) -> Vec<Map<String, Value>> {
        written(&self.text)
    }

    /// The key that a token with this header is to be verified with.
    #[must_use]
    pub fn picked(&self, header: &Map<String, Value>) -> Option<&RingKey> {
        if !self.is_set {
            return self.keys.first();
        }
        match header.get("kid") {
            Some(kid) => self.keys.iter().find(|key| key.kid.as_deref() == kid.as_str() && key.kid.is_some()),
            None => {
                let wanted = header.get("alg").and_then(Value::as_str).and_then(PairAlgorithm::named);
                self.keys.iter().find(|key| Some(key.algorithm) == wanted)
            }
        }
    }
}

impl RingKey {
    /// A key of a document, whether the reference would use it or not; none where nobody knows its private half.
    #[must_use]
    pub fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let number = jwk.get("n").or(jwk.get("x"))?.as_str()?;
        let key = known().iter().find(|(known, _)| known == number).map(|(_, key)| *key)?;
        let named = jwk.get("alg").and_then(Value::as_str).and_then(PairAlgorithm::named);
        let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        Some(Self { kid, algorithm: named.or_else(|| usual(&key.jwk().ok()?))?, key })
    }

    /// Whether a signature is that of this key and its algorithm.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verifies(self.algorithm, message, signature)
    }

    /// The signature of this key and its algorithm.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(self.algorithm, message).unwrap_or_default()
    }
}

fn written(text: &[u8]) -> Vec<Map<String, Value>> {
    let keys = members(text).remove("keys").unwrap_or_default();
    serde_json::from_value(keys).unwrap_or_default()
}

/// The algorithm of a key that names none.
fn usual(jwk: &Map<String, Value>) -> Option<PairAlgorithm> {
    match (jwk.get("kty")?.as_str()?, jwk.get("crv").and_then(Value::as_str)) {
        ("RSA", _) => Some(PairAlgorithm::RS256),
        ("EC", Some("P-256")) => Some(PairAlgorithm::ES256),
        ("EC", _) => Some(PairAlgorithm::ES384),
        _ => Some(PairAlgorithm::EdDSA),
    }
}

/// The keys of the corpus, each with the number in its JSON Web Key that no other has.
fn known() -> &'static [(String, &'static TestKey)] {
    static KNOWN: OnceLock<Vec<(String, &'static TestKey)>> = OnceLock::new();
    static KEYS: OnceLock<Vec<TestKey>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| NAMES.iter().filter_map(|name| TestKey::named(name).ok()).collect());
    KNOWN.get_or_init(|| {
        let number = |key: &'static TestKey| {
            let jwk = key.jwk().ok()?;
            Some((jwk.get("n").or(jwk.get("x"))?.as_str()?.to_owned(), key))
        };
        keys.iter().filter_map(number).collect()
    })
}
