//! What tokens are verified with.

use super::{PublicKey, Secret, SecretError, ShortSecret};

/// What tokens are verified with: nothing, one secret, or public keys; never a secret and public keys (TOKEN-12).
#[derive(Clone, Debug, Default)]
pub struct Keys(pub(crate) Kind);

#[derive(Clone, Debug, Default)]
pub(crate) enum Kind {
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
        Keys(Kind::Public(keys))
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Kind::None)
    }

    /// ROLE-10: what is weak about the secret.
    pub fn warning(&self) -> Option<ShortSecret> {
        match &self.0 {
            Kind::Secret(secret) => secret.warning(),
            Kind::None | Kind::Public(_) => None,
        }
    }

    /// The keys in words: `HS256`, or algorithm and `kid` of each public key.
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            Kind::None => Vec::new(),
            Kind::Secret(_) => vec!["HS256".to_owned()],
            Kind::Public(keys) => keys.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<Secret> for Keys {
    fn from(secret: Secret) -> Keys {
        Keys(Kind::Secret(secret))
    }
}
