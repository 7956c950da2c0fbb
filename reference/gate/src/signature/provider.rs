//! The signature algorithm of a secret: a provider of our own for `jsonwebtoken`.
//!
//! HS256 is HMAC from the `hmac` crate. HS384 and HS512 are not there at all (TOKEN-2), and public keys bring their own
//! cryptography ([`VerifyingKey`](crate::token::VerifyingKey)). Nothing is installed for the whole process.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;

/// Whether `signature` is the HS256 signature over `message` by the holder of `key`.
///
/// A key of another family verifies nothing (TOKEN-12).
pub(crate) fn verify_hs256(key: &DecodingKey, message: &[u8], signature: &[u8]) -> bool {
    let verifier = (PROVIDER.verifier_factory)(&Algorithm::HS256, key);
    verifier.is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
}

/// The HS256 signature over `message`, for tokens that are made to try a gate; empty for a key of another family.
pub(crate) fn sign_hs256(key: &DecodingKey, message: &[u8]) -> Vec<u8> {
    hs256(key).map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec()).unwrap_or_default()
}

fn hs256(key: &DecodingKey) -> JwtResult<Hmac<Sha256>> {
    if key.family() != AlgorithmFamily::Hmac {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Hmac::new_from_slice(key.try_get_as_bytes()?).map_err(|_| ErrorKind::InvalidKeyFormat.into())
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: refuse_to_sign,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(Box::new(Hs256(hs256(key)?))),
        // TOKEN-2, TOKEN-3: no other hash over a secret, and no public key in its place.
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

/// The gate verifies and never signs.
fn refuse_to_sign(_: &Algorithm, _: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

/// HMAC with SHA-256 (RFC 7518 §3.2).
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
    fn a_secret_serves_one_algorithm_and_a_public_key_never_hmac() {
        let secret = DecodingKey::from_secret(b"secret");
        for algorithm in [
            Algorithm::HS384,
            Algorithm::HS512,
            Algorithm::RS256,
            Algorithm::PS256,
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::EdDSA,
        ] {
            assert!(verifier(&algorithm, &secret).is_err(), "{algorithm:?}");
        }
        for key in [
            DecodingKey::from_rsa_der(b"secret"),
            DecodingKey::from_ec_der(b"secret"),
            DecodingKey::from_ed_der(b"secret"),
        ] {
            assert!(verifier(&Algorithm::HS256, &key).is_err());
        }
        assert!(verifier(&Algorithm::RS256, &DecodingKey::from_ec_der(b"secret")).is_err());
        assert!(refuse_to_sign(&Algorithm::HS256, &EncodingKey::from_secret(b"secret")).is_err());
    }
}
