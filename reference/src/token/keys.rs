//! What tokens are verified with, and which key a token's header asks for.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::algorithm::{Algorithm, Algorithms};
use super::memory::Memory;
use super::public::{KeyId, PemError, PublicKey};
use super::{Secret, SecretError, ShortSecret, TokenError};

/// What tokens are verified with: nothing, one secret, or public keys; never a secret and public keys (TOKEN-12).
#[derive(Debug, Default)]
pub struct Keys {
    kind: Kind,
    /// The tokens that these keys have verified.
    memory: Memory,
}

#[derive(Debug, Default)]
enum Kind {
    #[default]
    None,
    Secret(Secret),
    Public(Vec<PublicKey>),
}

impl Keys {
    /// No key at all: no token verifies.
    pub fn none() -> Keys {
        Keys::default()
    }

    /// The secret of these octets, for HS256.
    ///
    /// # Errors
    /// ROLE-10: see [`Secret::new`].
    pub fn hs256(secret: &[u8]) -> Result<Keys, SecretError> {
        Secret::new(secret).map(Keys::from)
    }

    /// The one key of a PEM text: a public key, or that of a certificate. Which key a token's `kid` names does not matter.
    ///
    /// # Errors
    /// The text does not hold exactly one key that can be used.
    pub fn from_pem(text: &[u8], algorithms: &Algorithms) -> Result<Keys, PemError> {
        PublicKey::from_pem(text, algorithms).map(|key| Keys::public(vec![key]))
    }

    pub(super) fn public(keys: Vec<PublicKey>) -> Keys {
        Keys::of(Kind::Public(keys))
    }

    fn of(kind: Kind) -> Keys {
        Keys { kind, memory: Memory::default() }
    }

    /// The tokens that these keys have verified. New keys begin with nothing.
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        matches!(self.kind, Kind::None)
    }

    /// ROLE-10: what is weak about the secret.
    pub fn warning(&self) -> Option<ShortSecret> {
        match &self.kind {
            Kind::Secret(secret) => secret.warning(),
            Kind::None | Kind::Public(_) => None,
        }
    }

    /// The keys in words: `HS256`, or algorithm and `kid` of each public key.
    pub fn names(&self) -> Vec<String> {
        match &self.kind {
            Kind::None => Vec::new(),
            Kind::Secret(_) => vec!["HS256".to_owned()],
            Kind::Public(keys) => keys.iter().map(ToString::to_string).collect(),
        }
    }

    /// The key that a token with this header has to be signed with.
    ///
    /// # Errors
    /// TOKEN-3, TOKEN-12: `alg` is not exactly the algorithm of a key, or `kid` does not pick one.
    pub(crate) fn select(&self, header: &Map<String, Value>) -> Result<Selected<'_>, TokenError> {
        let algorithm = header.get("alg").and_then(Value::as_str);
        match &self.kind {
            Kind::None => Err(TokenError::NoKey),
            // TOKEN-3: the one algorithm, in its one spelling. TOKEN-4: `kid` is not looked at.
            Kind::Secret(secret) if algorithm == Some("HS256") => Ok(Selected::Secret(secret)),
            Kind::Secret(_) => Err(TokenError::Algorithm),
            Kind::Public(keys) => {
                let algorithm = algorithm.and_then(|name| name.parse().ok()).ok_or(TokenError::Algorithm)?;
                pick(keys, algorithm, header.get("kid")).map(Selected::Public)
            }
        }
    }
}

/// TOKEN-12: `kid` picks within the set, and the key that it picks serves its own algorithm alone.
fn pick<'a>(keys: &'a [PublicKey], algorithm: Algorithm, kid: Option<&Value>) -> Result<&'a PublicKey, TokenError> {
    let mut named = keys.iter().filter(|key| match (&key.id, kid) {
        (KeyId::Any, _) | (_, None) => true,
        (KeyId::Named(id), Some(kid)) => kid == id,
        (KeyId::Unnamed, Some(_)) => false,
    });
    let mut found = None;
    let mut is_known = false;
    if let Some(first) = named.next() {
        is_known = true;
        for key in std::iter::once(first).chain(named).filter(|key| key.algorithm == algorithm) {
            // Without `kid` there can be several, and a token does not get to try one after the other.
            if found.replace(key).is_some() {
                return Err(TokenError::AmbiguousKey);
            }
        }
    }
    found.ok_or(if is_known { TokenError::Algorithm } else { TokenError::UnknownKey })
}

impl From<Secret> for Keys {
    fn from(secret: Secret) -> Keys {
        Keys::of(Kind::Secret(secret))
    }
}

/// The one key that a token is verified with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Selected<'a> {
    Secret(&'a Secret),
    Public(&'a PublicKey),
}

impl Selected<'_> {
    /// TOKEN-2: whether `signature` is that of this key over `message`.
    pub(crate) fn verifies(self, message: &[u8], signature: &Vec<u8>) -> bool {
        match self {
            Selected::Secret(secret) => secret.verifies(message, signature),
            Selected::Public(key) => key.verifies(message, signature),
        }
    }
}

/// The keys in force. Clones share them; new ones take their place whole, so that a request that has read the ring once
/// sees one set of keys.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: Arc<ArcSwap<Keys>>,
    missed: Arc<Notify>,
}

impl KeyRing {
    /// The keys in force at this moment.
    pub fn current(&self) -> Guard<Arc<Keys>> {
        self.current.load()
    }

    /// Puts `keys` in the place of those in force.
    pub fn replace(&self, keys: Keys) {
        self.current.store(Arc::new(keys));
    }

    /// Notes that a token named a key that is not in force. Whoever keeps the keys fresh may then look for it; any number
    /// of notes until then count as one.
    pub fn note_missed(&self) {
        self.missed.notify_one();
    }

    /// Ready when a token has named a key that is not in force, since the last time.
    pub async fn missed(&self) {
        self.missed.notified().await;
    }
}

impl From<Keys> for KeyRing {
    fn from(keys: Keys) -> KeyRing {
        KeyRing { current: Arc::new(ArcSwap::from_pointee(keys)), missed: Arc::new(Notify::new()) }
    }
}
