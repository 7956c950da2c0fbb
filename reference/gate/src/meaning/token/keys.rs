//! Which key a token's header asks for.

use serde_json::{Map, Value};

use super::{Algorithm, KeyId, Keys, PublicKey, Secret, TokenError};
use crate::signature::Kind;

impl Keys {
    /// The key that a token with this header has to be signed with.
    ///
    /// # Errors
    /// TOKEN-3, TOKEN-12: `alg` is not exactly the algorithm of a key, or `kid` does not pick one.
    pub(crate) fn select(&self, header: &Map<String, Value>) -> Result<Selected<'_>, TokenError> {
        let algorithm = header.get("alg").and_then(Value::as_str);
        match &self.0 {
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
