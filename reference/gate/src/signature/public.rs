//! Public keys, whoever brings the cryptography (TOKEN-12).

use std::fmt;
use std::sync::Arc;

use super::Algorithm;

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
