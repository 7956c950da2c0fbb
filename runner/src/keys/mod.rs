//! The key pairs of the corpus, by name.
//!
//! They are test keys and public as a whole: those of curves are derived from their names, those of RSA lie beside this file. So a
//! bundle that is deployed today can be judged tomorrow, and no run waits for a key. A gate that trusts one outside a test trusts everybody.
//!
//! The kind of a key is its name up to the first hyphen: `p256`, `p256-2` and `p256-of-an-attacker` are three keys of P-256.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPublicKeyUncompressedBin, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha384};

use crate::corpus::recipe::PairAlgorithm;

/// A key pair of the corpus.
#[derive(Debug)]
pub struct TestKey {
    name: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "Rsa",
            Self::P256(_) => "P256",
            Self::P384(_) => "P384",
            Self::Ed25519(_) => "Ed25519",
        })
    }
}

/// What cannot go wrong, because the keys are fixed; said all the same.
fn broken(what: impl fmt::Display) -> String {
    format!("a test key cannot be used: {what}")
}

impl TestKey {
    /// Whether there is a key of that name.
    ///
    /// # Errors
    /// A sentence: the name starts with no kind of key that there is.
    pub fn check_name(name: &str) -> Result<(), String> {
        let kind = name.split('-').next().unwrap_or_default();
        if matches!(name, "rsa" | "rsa-2") || matches!(kind, "p256" | "p384" | "ed25519") {
            return Ok(());
        }
        Err(format!(
            "no test key `{name}`; write `rsa`, `rsa-2`, or a name that starts with `p256`, `p384` or `ed25519`, such as `p256-2`"
        ))
    }

    /// The key of that name.
    ///
    /// # Errors
    /// A sentence: the name starts with no kind of key that there is.
    pub fn named(name: &str) -> Result<Self, String> {
        Self::check_name(name)?;
        let pair = match (name.split('-').next().unwrap_or_default(), name) {
            (_, "rsa") => rsa(include_str!("rsa.test-key"))?,
            ("p256", _) => {
                let scalar = Sha256::digest(format!("gatecheck test key {name}"));
                let key = agreement::PrivateKey::from_private_key(&ECDH_P256, &scalar).map_err(broken)?;
                Pair::P256(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &scalar, &key)?)
            }
            ("p384", _) => {
                let scalar = Sha384::digest(format!("gatecheck test key {name}"));
                let key = agreement::PrivateKey::from_private_key(&ECDH_P384, &scalar).map_err(broken)?;
                Pair::P384(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, &scalar, &key)?)
            }
            ("ed25519", _) => {
                let seed = Sha256::digest(format!("gatecheck test key {name}"));
                Pair::Ed25519(Ed25519KeyPair::from_seed_unchecked(&seed).map_err(broken)?)
            }
            _ => rsa(include_str!("rsa-2.test-key"))?,
        };
        Ok(Self { name: name.to_owned(), pair })
    }

    /// The signature over `message`, as JSON Web Signatures have it (RFC 7518 §3, RFC 8037 §3.1).
    ///
    /// # Errors
    /// A sentence: the algorithm is for another kind of key.
    pub fn sign(&self, algorithm: PairAlgorithm, message: &[u8]) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        let encoding: &'static dyn RsaEncoding = match (&self.pair, algorithm) {
            (Pair::P256(pair), PairAlgorithm::ES256) | (Pair::P384(pair), PairAlgorithm::ES384) => {
                return Ok(pair.sign(&random, message).map_err(broken)?.as_ref().to_vec());
            }
            (Pair::Ed25519(pair), PairAlgorithm::EdDSA) => return Ok(pair.sign(message).as_ref().to_vec()),
            (Pair::Rsa(_), PairAlgorithm::RS256) => &RSA_PKCS1_SHA256,
            (Pair::Rsa(_), PairAlgorithm::RS384) => &RSA_PKCS1_SHA384,
            (Pair::Rsa(_), PairAlgorithm::RS512) => &RSA_PKCS1_SHA512,
            (Pair::Rsa(_), PairAlgorithm::PS256) => &RSA_PSS_SHA256,
            (Pair::Rsa(_), PairAlgorithm::PS384) => &RSA_PSS_SHA384,
            (Pair::Rsa(_), PairAlgorithm::PS512) => &RSA_PSS_SHA512,
            _ => return Err(format!("the test key `{}` cannot sign with {algorithm:?}", self.name)),
        };
        let Pair::Rsa(pair) = &self.pair else { return Err(broken("no RSA key")) };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &random, message, &mut signature).map_err(broken)?;
        Ok(signature)
    }

    /// Whether a signature over `message` is that of this key; never where the algorithm is for another kind of key.
    #[must_use]
    pub fn verifies(&self, algorithm: PairAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let verifying: &'static dyn VerificationAlgorithm = match (&self.pair, algorithm) {
            (Pair::P256(_), PairAlgorithm::ES256) => &ECDSA_P256_SHA256_FIXED,
            (Pair::P384(_), PairAlgorithm::ES384) => &ECDSA_P384_SHA384_FIXED,
            (Pair::Ed25519(_), PairAlgorithm::EdDSA) => &ED25519,
            (Pair::Rsa(_), PairAlgorithm::RS256) => &RSA_PKCS1_2048_8192_SHA256,
            (Pair::Rsa(_), PairAlgorithm::RS384) => &RSA_PKCS1_2048_8192_SHA384,
            (Pair::Rsa(_), PairAlgorithm::RS512) => &RSA_PKCS1_2048_8192_SHA512,
            (Pair::Rsa(_), PairAlgorithm::PS256) => &RSA_PSS_2048_8192_SHA256,
            (Pair::Rsa(_), PairAlgorithm::PS384) => &RSA_PSS_2048_8192_SHA384,
            (Pair::Rsa(_), PairAlgorithm::PS512) => &RSA_PSS_2048_8192_SHA512,
            _ => return false,
        };
        let public = self.der().ok().and_then(|der| ParsedPublicKey::new(verifying, der).ok());
        public.is_some_and(|public| public.verify_sig(message, signature).is_ok())
    }

    /// The public key as SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// None for the keys that there are.
    pub fn der(&self) -> Result<Vec<u8>, String> {
        let der: PublicKeyX509Der<'static> = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        }
        .map_err(broken)?;
        Ok(der.as_ref().to_vec())
    }

    /// The public key as PEM text (RFC 7468 §13), with a line end at its end.
    ///
    /// # Errors
    /// None for the keys that there are.
    pub fn pem(&self) -> Result<String, String> {
        let text = BASE64_STANDARD.encode(self.der()?);
        let lines: Vec<String> =
            text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        Ok(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
    }

    /// The public key as a JSON Web Key (RFC 7517) with `kid`, the name, and without `alg`.
    ///
    /// # Errors
    /// None for the keys that there are.
    pub fn jwk(&self) -> Result<Map<String, Value>, String> {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let point = |pair: &EcdsaKeyPair, curve: &str| {
            let bytes = pair.public_key().as_ref();
            let (x, y) = bytes.get(1..).unwrap_or_default().split_at(bytes.len() / 2);
            json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y), "kid": self.name })
        };
        let jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let numbers: RsaPublicKeyComponents<Vec<u8>> = pair.public_key().into();
                json!({ "kty": "RSA", "n": text(&numbers.n), "e": text(&numbers.e), "kid": self.name })
            }
            Pair::P256(pair) => point(pair, "P-256"),
            Pair::P384(pair) => point(pair, "P-384"),
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()), "kid": self.name })
            }
        };
        match jwk {
            Value::Object(members) => Ok(members),
            _ => Err(broken("no JSON object")),
        }
    }
}

fn rsa(file: &str) -> Result<Pair, String> {
    let text: String = file.lines().filter(|line| !line.starts_with('#')).collect();
    let der = BASE64_STANDARD.decode(text).map_err(broken)?;
    Ok(Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).map_err(broken)?)))
}

fn ecdsa(
    algorithm: &'static aws_lc_rs::signature::EcdsaSigningAlgorithm,
    scalar: &[u8],
    key: &agreement::PrivateKey,
) -> Result<EcdsaKeyPair, String> {
    let public = key.compute_public_key().map_err(broken)?;
    let point: EcPublicKeyUncompressedBin<'_> = public.as_be_bytes().map_err(broken)?;
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point.as_ref()).map_err(broken)
}

/// A raw ECDSA signature, the two numbers side by side, as the ASN.1 structure that TLS and most other protocols use (RFC 3279 §2.2.3).
#[must_use]
pub fn as_asn1(raw: &[u8]) -> Vec<u8> {
    let (r, s) = raw.split_at(raw.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [tagged(0x30, &body)].concat()
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut bytes = number.get(zeros..).unwrap_or_default().to_vec();
    if bytes.first().is_none_or(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    tagged(0x02, &bytes)
}

/// For fewer than 128 bytes, which two numbers of P-384 stay under.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[tag, length], content].concat()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1;

    use super::*;

    #[test]
    fn keys_sign_and_their_public_halves_verify() {
        for (name, algorithm) in [
            ("rsa", PairAlgorithm::RS512),
            ("rsa-2", PairAlgorithm::PS384),
            ("p256", PairAlgorithm::ES256),
            ("p384", PairAlgorithm::ES384),
            ("ed25519-2", PairAlgorithm::EdDSA),
        ] {
            let key = TestKey::named(name).unwrap();
            let signature = key.sign(algorithm, b"message").unwrap();
            assert!(key.verifies(algorithm, b"message", &signature), "{name}");
            assert!(!key.verifies(algorithm, b"another", &signature), "{name}");
            assert!(key.pem().unwrap().lines().all(|line| line.len() <= 64));
        }
        let key = TestKey::named("p256").unwrap();
        let signature = as_asn1(&key.sign(PairAlgorithm::ES256, b"message").unwrap());
        let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.der().unwrap()).unwrap();
        assert!(public.verify_sig(b"message", &signature).is_ok());
    }

    #[test]
    fn names() {
        let der = |name| TestKey::named(name).unwrap().der().unwrap();
        assert_eq!(der("p384"), der("p384"));
        assert_ne!(der("p384"), der("p384-2"));
        assert_ne!(der("rsa"), der("rsa-2"));
        for name in ["", "rsa-3", "dsa", "P256"] {
            assert!(TestKey::named(name).is_err(), "{name}");
        }
        assert!(TestKey::named("p256").unwrap().sign(PairAlgorithm::RS256, b"").is_err());
    }
}
