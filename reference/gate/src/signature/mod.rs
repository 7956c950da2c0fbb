//! What signs and verifies: a secret for HS256, and the names of the algorithms with a public key.

mod algorithm;
mod provider;
mod secret;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use secret::{Secret, SecretError, ShortSecret};
