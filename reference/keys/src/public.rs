//! One public key: checked when it is read, and bound to one algorithm.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc;
use rolegate::token::{KeyId, PublicKey, VerifyingKey};
use rolegate::{Algorithm, Keys};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemSyntax, PemObject as _, SectionKind};
use rustls::server::ParsedCertificate;

use crate::algorithms::{Algorithms, KeyKind, Unbound, jose};
use crate::weak::{is_weak_ed25519, is_weak_rsa};

/// RFC 7518 §3.3: a smaller RSA key must not be used.
const MIN_RSA_BITS: usize = 2048;
/// A larger one costs more time than a request may cost.
const MAX_RSA_BITS: usize = 8192;

/// A key as `jsonwebtoken` holds it, and the one algorithm that it serves.
struct Verifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerifyingKey for Verifier {
    /// That provider compares the families of algorithm and key again.
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&jose(self.algorithm), &self.key);
        verifier.is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }
}

/// The bytes of a key that has been found sound.
pub(crate) struct Material {
    pub(crate) kind: KeyKind,
    /// SubjectPublicKeyInfo, or for curves the bare point.
    bytes: Vec<u8>,
}

/// Why bytes are no key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsound {
    /// No key of a kind that is supported, or one that is broken.
    Unusable,
    /// An RSA key of so many bits.
    Size(usize),
    /// TOKEN-12.weak-keys: anybody can make signatures for it.
    Weak,
}

impl Material {
    /// The key in a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in DER.
    pub(crate) fn from_spki(der: &[u8]) -> Result<Material, Unsound> {
        if let Ok(key) = rsa::PublicKey::from_der(der) {
            let modulus = key.modulus().big_endian_without_leading_zero();
            let exponent = key.exponent().big_endian_without_leading_zero();
            return check_rsa(modulus, exponent).and_then(|()| Material::rsa(der));
        }
        let kinds: [(KeyKind, &'static dyn VerificationAlgorithm); 3] = [
            (KeyKind::P256, &ECDSA_P256_SHA256_FIXED),
            (KeyKind::P384, &ECDSA_P384_SHA384_FIXED),
            (KeyKind::Ed25519, &ED25519),
        ];
        let kind = kinds.into_iter().find(|(_, algorithm)| ParsedPublicKey::new(*algorithm, der).is_ok());
        let (kind, _) = kind.ok_or(Unsound::Unusable)?;
        // RFC 8410 §4: the point stands at the end.
        let is_weak = || der.len().checked_sub(32).and_then(|at| der.get(at..)).is_none_or(is_weak_ed25519);
        if kind == KeyKind::Ed25519 && is_weak() {
            return Err(Unsound::Weak);
        }
        Ok(Material { kind, bytes: der.to_vec() })
    }

    /// An RSA key, as big-endian numbers without leading zeros (RFC 7518 §6.3.1).
    pub(crate) fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Material, Unsound> {
        check_rsa(modulus, exponent)?;
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        let der = components.as_der().map_err(|_| Unsound::Unusable)?;
        Material::rsa(der.as_ref())
    }

    fn rsa(der: &[u8]) -> Result<Material, Unsound> {
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| Unsound::Unusable)?;
        Ok(Material { kind: KeyKind::Rsa, bytes: der.to_vec() })
    }

    /// A point on a curve (RFC 7518 §6.2.1); one that does not lie on it is refused.
    pub(crate) fn from_point(kind: KeyKind, x: &[u8], y: &[u8]) -> Result<Material, Unsound> {
        let (algorithm, bytes) = match kind {
            KeyKind::P256 => (&ECDSA_P256_SHA256_FIXED, 32),
            KeyKind::P384 => (&ECDSA_P384_SHA384_FIXED, 48),
            KeyKind::Rsa | KeyKind::Ed25519 => return Err(Unsound::Unusable),
        };
        if x.len() != bytes || y.len() != bytes {
            return Err(Unsound::Unusable);
        }
        let point = [&[0x04], x, y].concat();
        ParsedPublicKey::new(algorithm, &point).map_err(|_| Unsound::Unusable)?;
        Ok(Material { kind, bytes: point })
    }

    /// An Ed25519 key (RFC 8032 §5.1.5).
    pub(crate) fn from_ed25519(x: &[u8]) -> Result<Material, Unsound> {
        if x.len() != 32 || ParsedPublicKey::new(&ED25519, x).is_err() {
            return Err(Unsound::Unusable);
        }
        if is_weak_ed25519(x) {
            return Err(Unsound::Weak);
        }
        Ok(Material { kind: KeyKind::Ed25519, bytes: x.to_vec() })
    }
}

fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), Unsound> {
    let unused = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    let bits = (8 * modulus.len()).saturating_sub(unused);
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(Unsound::Size(bits));
    }
    if is_weak_rsa(modulus, exponent) { Err(Unsound::Weak) } else { Ok(()) }
}

/// The key of `material`, which serves `algorithm` and is asked for by tokens with `id`.
pub(crate) fn public_key(material: &Material, algorithm: Algorithm, id: KeyId) -> PublicKey {
    let key = match material.kind {
        KeyKind::Rsa => DecodingKey::from_rsa_der(&material.bytes),
        KeyKind::P256 | KeyKind::P384 => DecodingKey::from_ec_der(&material.bytes),
        KeyKind::Ed25519 => DecodingKey::from_ed_der(&material.bytes),
    };
    PublicKey { algorithm, id, key: Arc::new(Verifier { algorithm, key }) }
}

/// The one key of a PEM text: a public key, or that of a certificate. Which key a token's `kid` names does not matter.
///
/// # Errors
/// The text does not hold exactly one key that can be used.
pub fn from_pem(text: &[u8], algorithms: &Algorithms) -> Result<Keys, PemError> {
    read_pem(text, algorithms).map(|key| Keys::public(vec![key]))
}

/// The one key of a PEM text (RFC 7468): a public key, or the one that a certificate is about. Nothing else about
/// the certificate is looked at: who trusts the file trusts the key.
fn read_pem(text: &[u8], algorithms: &Algorithms) -> Result<PublicKey, PemError> {
    let mut found = None;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(PemError::from)?;
        let spki = match kind {
            SectionKind::PublicKey => der,
            SectionKind::Certificate => ParsedCertificate::try_from(&CertificateDer::from(der))
                .map_err(|_| PemError::Certificate)?
                .subject_public_key_info()
                .as_ref()
                .to_vec(),
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                return Err(PemError::Private);
            }
            _ => continue,
        };
        if found.replace(spki).is_some() {
            return Err(PemError::Several);
        }
    }
    let material = Material::from_spki(&found.ok_or(PemError::Nothing)?).map_err(|why| match why {
        Unsound::Size(bits) => PemError::Size { bits },
        Unsound::Unusable => PemError::Unusable,
        Unsound::Weak => PemError::Weak,
    })?;
    let algorithm = algorithms.bind(material.kind, None).map_err(|_: Unbound| PemError::NotListed)?;
    Ok(public_key(&material, algorithm, KeyId::Any))
}

/// Why a PEM text gives no key to verify tokens with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The certificate cannot be read.
    #[error(
        "the certificate cannot be read; write the public key itself instead, as `openssl x509 -pubkey -noout` does"
    )]
    Certificate,
    /// There is no key in it.
    #[error("there is no key in it; it needs one section `BEGIN PUBLIC KEY` or `BEGIN CERTIFICATE`")]
    Nothing,
    /// No listed algorithm can be served by such a key.
    #[error("its key is for none of the listed algorithms")]
    NotListed,
    /// There is a private key in it, which a gate has no use for.
    #[error("it holds a private key; give the gate the public one only, as `openssl pkey -pubout` writes it")]
    Private,
    /// There is more than one key in it, and nothing says which a token asks for.
    #[error("it holds several keys; write a JWKS document, where each has a `kid`")]
    Several,
    /// An RSA key of a size that is not used.
    #[error("its RSA key has {bits} bits; the least is 2048 (RFC 7518 section 3.3), the most 8192")]
    Size {
        /// The size of the modulus.
        bits: usize,
    },
    /// The text breaks RFC 7468.
    #[error("it is no PEM text ({0})")]
    Syntax(String),
    /// The key is of another kind, or broken.
    #[error("its key is no sound key of RSA, P-256, P-384 or Ed25519")]
    Unusable,
    /// Anybody can make signatures for the key.
    #[error("its key is weak, so that anybody can make signatures for it; generate another pair")]
    Weak,
}

impl From<PemSyntax> for PemError {
    fn from(error: PemSyntax) -> PemError {
        PemError::Syntax(match error {
            PemSyntax::MissingSectionEnd { .. } => "a section has no end".to_owned(),
            PemSyntax::IllegalSectionStart { .. } => "the begin of a section is malformed".to_owned(),
            PemSyntax::Base64Decode(_) => "a section is no base64".to_owned(),
            other => other.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::*;

    fn read(text: &str) -> Result<Algorithm, PemError> {
        read_pem(text.as_bytes(), &Algorithms::default()).map(|key| key.algorithm)
    }

    #[test]
    fn keys_and_certificates() {
        for (kind, algorithm) in [
            (&PKCS_ECDSA_P256_SHA256, Algorithm::ES256),
            (&PKCS_ECDSA_P384_SHA384, Algorithm::ES384),
            (&PKCS_ED25519, Algorithm::EdDSA),
        ] {
            let pair = KeyPair::generate_for(kind).unwrap();
            assert_eq!(read(&pair.public_key_pem()), Ok(algorithm));
            let certificate = CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&pair).unwrap();
            assert_eq!(read(&certificate.pem()), Ok(algorithm));
            assert_eq!(read(&format!("a comment\n{}", pair.public_key_pem().replace('\n', "\r\n"))), Ok(algorithm));
            assert_eq!(read(&pair.serialize_pem()), Err(PemError::Private));
            assert_eq!(read(&format!("{}{}", pair.public_key_pem(), certificate.pem())), Err(PemError::Several));
        }
    }

    #[test]
    fn what_is_no_key() {
        let pem = |kind: &str, text: &str| format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n");
        for (text, expected) in [
            (String::new(), PemError::Nothing),
            ("a secret".to_owned(), PemError::Nothing),
            (pem("RSA PUBLIC KEY", "AAAA"), PemError::Nothing),
            (pem("PUBLIC KEY", "AAAA"), PemError::Unusable),
            (pem("CERTIFICATE", "AAAA"), PemError::Certificate),
            ("-----BEGIN PUBLIC KEY-----\nAAAA".to_owned(), PemError::Syntax("a section has no end".to_owned())),
        ] {
            assert_eq!(read(&text), Err(expected), "{text}");
        }
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap().public_key_pem();
        let listed = Algorithms::only([Algorithm::RS256]);
        let refused = read_pem(key.as_bytes(), &listed).map(|key| key.algorithm);
        assert_eq!(refused, Err(PemError::NotListed));
    }
}
