//! What tokens are verified with, and which key a token's header asks for.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Algorithm, Secret, SecretError, ShortSecret, TokenError};

/// What tokens are verified with: nothing, one secret, or public keys; never a secret and public keys (TOKEN-12).
#[derive(Clone, Debug, Default)]
pub struct Keys {
    kind: Kind,
}

#[derive(Clone, Debug, Default)]
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

    /// The secret of these bytes, for HS256.
    ///
    /// # Errors
    /// ROLE-10: see [`Secret::new`].
    pub fn hs256(secret: &[u8]) -> Result<Keys, SecretError> {
        Secret::new(secret).map(Keys::from)
    }

    /// These public keys; which of them a token asks for, its header says.
    pub fn public(keys: Vec<PublicKey>) -> Keys {
        Keys::of(Kind::Public(keys))
    }

    fn of(kind: Kind) -> Keys {
        Keys { kind }
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
            // TOKEN-3: the one algorithm, in its one spelling. TOKEN-4: a secret has no `kid`, so a token's is not read.
            Kind::Secret(secret) if algorithm == Some("HS256") => Ok(Selected::Secret(secret)),
            Kind::Secret(_) => Err(TokenError::Algorithm),
            Kind::Public(keys) => {
                let algorithm = algorithm.and_then(|name| name.parse().ok()).ok_or(TokenError::Algorithm)?;
                pick(keys, algorithm, header.get("kid")).map(Selected::Public)
            }
        }
    }
}

/// A public key that serves one algorithm. Whoever makes one has checked it: `rolegate-keys` does.
#[derive(Clone)]
pub struct PublicKey {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Which tokens ask for the key.
    pub id: KeyId,
    /// What verifies signatures.
    pub key: Arc<dyn VerifyingKey>,
}

/// The cryptography of one public key.
pub trait VerifyingKey: Send + Sync {
    /// Whether `signature` is one of the holder of this key over `message`, by the one algorithm that the key serves.
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool;
}

/// Which tokens ask for a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyId {
    /// The only key there is: whatever `kid` a token has.
    Any,
    /// A key of a set: the tokens with this `kid`.
    Named(String),
    /// A key of a set without `kid`: the tokens without one.
    Unnamed,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("algorithm", &self.algorithm).field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            KeyId::Any => write!(f, "{} (any `kid`)", self.algorithm),
            KeyId::Named(kid) => write!(f, "{} `{}`", self.algorithm, kid.escape_debug()),
            KeyId::Unnamed => write!(f, "{} (no `kid`)", self.algorithm),
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
    pub(crate) fn verifies(self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Selected::Secret(secret) => secret.verifies(message, signature),
            Selected::Public(key) => key.key.verifies(message, signature),
        }
    }
}
