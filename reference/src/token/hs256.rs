//! HMAC with SHA-256 (RFC 7518 §3.2), as the only algorithm that `jsonwebtoken` has in this process.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;

/// A secret that tokens are verified with. Bound to HS256: it serves no other algorithm (TOKEN-2).
#[derive(Clone)]
pub struct Key {
    key: DecodingKey,
    octets: usize,
}

/// Why a secret is refused (ROLE-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no octet in it.
    #[error("the secret is empty")]
    Empty,
    /// There is nothing but white space in it.
    #[error("the secret is nothing but white space")]
    WhiteSpace,
}

/// ROLE-10: a secret that works, and is shorter than RFC 7518 §3.2 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret has {octets} octets; RFC 7518 section 3.2 asks for at least 32, and a short one can be guessed offline"
)]
pub struct ShortKey {
    /// How many octets the secret has.
    pub octets: usize,
}

impl Key {
    /// The key of these octets, taken as they are (TOKEN-2).
    ///
    /// # Errors
    /// ROLE-10: an empty secret, and one of nothing but white space, is refused.
    pub fn hs256(secret: &[u8]) -> Result<Key, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::Empty);
        }
        if String::from_utf8_lossy(secret).chars().all(char::is_whitespace) {
            return Err(KeyError::WhiteSpace);
        }
        // Only the first call in a process installs the provider; a second has nothing to do.
        let _already_installed = PROVIDER.install_default();
        Ok(Key { key: DecodingKey::from_secret(secret), octets: secret.len() })
    }

    /// ROLE-10: what is weak about this key.
    pub fn warning(&self) -> Option<ShortKey> {
        (self.octets < 32).then_some(ShortKey { octets: self.octets })
    }

    /// Whether `signature`, in base64url, is that of this key over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = std::str::from_utf8(signature) else {
            return false;
        };
        jsonwebtoken::crypto::verify(signature, message, &self.key, Algorithm::HS256).unwrap_or(false)
    }
}

impl fmt::Debug for Key {
    /// TOKEN-11: the secret is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("octets", &self.octets).finish_non_exhaustive()
    }
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: refuse_to_sign,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// TOKEN-2, TOKEN-3: every other algorithm, and every other kind of key, is refused.
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    if *algorithm != Algorithm::HS256 || key.family() != AlgorithmFamily::Hmac {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let mac = Hmac::new_from_slice(key.try_get_as_bytes()?).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    Ok(Box::new(Hs256(mac)))
}

/// The gate verifies and never signs.
fn refuse_to_sign(_: &Algorithm, _: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

struct Hs256(Hmac<Sha256>);

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        // `verify_slice` asks for the whole signature and compares in constant time.
        self.0.clone().chain_update(message).verify_slice(signature).map_err(SignatureError::from_source)
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets() {
        assert_eq!(Key::hs256(b"").unwrap_err(), KeyError::Empty);
        for blank in [" ", "\t\r\n ", "\u{a0}", "\u{3000}"] {
            assert_eq!(Key::hs256(blank.as_bytes()).unwrap_err(), KeyError::WhiteSpace);
        }
        assert_eq!(Key::hs256(b"secret").unwrap().warning(), Some(ShortKey { octets: 6 }));
        assert_eq!(Key::hs256(&[7; 32]).unwrap().warning(), None);
        assert_eq!(format!("{:?}", Key::hs256(b"secret").unwrap()), "Key { octets: 6, .. }");
    }

    /// RFC 7515, appendix A.1.
    #[test]
    fn the_example_of_rfc_7515() {
        use base64::Engine as _;
        let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let key = Key::hs256(&secret).unwrap();
        let message = b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(key.verifies(message, signature));
        assert!(!key.verifies(message, b""));
        assert!(!key.verifies(message, &signature[..40]));
        assert!(!key.verifies(&message[1..], signature));
    }

    #[test]
    fn no_other_algorithm_and_no_other_key() {
        let secret = DecodingKey::from_secret(b"secret");
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(verifier(&algorithm, &secret).is_err());
        }
        assert!(verifier(&Algorithm::HS256, &DecodingKey::from_rsa_der(b"secret")).is_err());
        assert!(refuse_to_sign(&Algorithm::HS256, &EncodingKey::from_secret(b"secret")).is_err());
    }
}
