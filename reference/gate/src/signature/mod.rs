//! What signs and verifies: a secret for HS256, and public keys with the names of their algorithms.

mod algorithm;
mod keys;
mod provider;
mod public;
mod secret;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use keys::Keys;
pub(crate) use keys::Kind;
pub use public::{KeyId, PublicKey, VerifyingKey};
pub use secret::{Secret, SecretError, ShortSecret};
