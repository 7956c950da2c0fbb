//! The signature algorithms with a public key (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1), and which keys may serve them.

use std::fmt;
use std::str::FromStr;

use jsonwebtoken::Algorithm as Jose;

/// A signature algorithm with a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA over P-256 with SHA-256.
    ES256,
    /// ECDSA over P-384 with SHA-384.
    ES384,
    /// EdDSA over Ed25519.
    EdDSA,
}

/// Every algorithm; of those that one key could serve, the first is taken for a key that names none.
const ALL: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

impl Algorithm {
    /// The name in `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::RS256 => "RS256",
            Algorithm::RS384 => "RS384",
            Algorithm::RS512 => "RS512",
            Algorithm::PS256 => "PS256",
            Algorithm::PS384 => "PS384",
            Algorithm::PS512 => "PS512",
            Algorithm::ES256 => "ES256",
            Algorithm::ES384 => "ES384",
            Algorithm::EdDSA => "EdDSA",
        }
    }

    /// The kind of key that serves it.
    pub(crate) fn kind(self) -> KeyKind {
        match self {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => KeyKind::Rsa,
            Algorithm::ES256 => KeyKind::P256,
            Algorithm::ES384 => KeyKind::P384,
            Algorithm::EdDSA => KeyKind::Ed25519,
        }
    }

    pub(super) fn jose(self) -> Jose {
        match self {
            Algorithm::RS256 => Jose::RS256,
            Algorithm::RS384 => Jose::RS384,
            Algorithm::RS512 => Jose::RS512,
            Algorithm::PS256 => Jose::PS256,
            Algorithm::PS384 => Jose::PS384,
            Algorithm::PS512 => Jose::PS512,
            Algorithm::ES256 => Jose::ES256,
            Algorithm::ES384 => Jose::ES384,
            Algorithm::EdDSA => Jose::EdDSA,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text is not the name of an [`Algorithm`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no algorithm with a public key; write one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA"
)]
pub struct UnknownAlgorithm(pub String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// TOKEN-3: the exact spelling.
    fn from_str(name: &str) -> Result<Algorithm, UnknownAlgorithm> {
        let found = ALL.into_iter().find(|algorithm| algorithm.name() == name);
        found.ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

/// What a public key is a key of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// The algorithms that keys may serve (TOKEN-2). By default all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithms(Vec<Algorithm>);

impl Default for Algorithms {
    fn default() -> Algorithms {
        Algorithms(ALL.to_vec())
    }
}

impl Algorithms {
    /// These algorithms and no other; all of them where none is listed.
    pub fn only(listed: impl IntoIterator<Item = Algorithm>) -> Algorithms {
        let listed: Vec<Algorithm> = listed.into_iter().collect();
        if listed.is_empty() { Algorithms::default() } else { Algorithms(listed) }
    }

    /// The one algorithm that a key serves: what it names, where that fits it; else the first that fits it, which for an
    /// RSA key is RS256 unless others are listed.
    pub(super) fn bind(&self, kind: KeyKind, named: Option<&str>) -> Result<Algorithm, Unbound> {
        match named {
            None => self.0.iter().copied().find(|algorithm| algorithm.kind() == kind).ok_or(Unbound::NotListed),
            Some(name) => match name.parse::<Algorithm>() {
                Ok(algorithm) if algorithm.kind() != kind => Err(Unbound::Misfit),
                Ok(algorithm) if self.0.contains(&algorithm) => Ok(algorithm),
                Ok(_) => Err(Unbound::NotListed),
                Err(_) => Err(Unbound::Unknown),
            },
        }
    }
}

/// Why a key can serve no algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unbound {
    Unknown,
    Misfit,
    NotListed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for algorithm in ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
            assert_eq!(format!("{:?}", algorithm.jose()), algorithm.name());
        }
        for name in ["", "rs256", "RS256 ", "HS256", "none", "ES512", "Ed25519", "EDDSA"] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm(name.to_owned())), "{name}");
        }
    }

    #[test]
    fn a_key_is_bound_to_one_algorithm() {
        let any = Algorithms::default();
        let some = Algorithms::only([Algorithm::PS384, Algorithm::ES256]);
        for (allowed, kind, named, bound) in [
            (&any, KeyKind::Rsa, None, Ok(Algorithm::RS256)),
            (&any, KeyKind::Rsa, Some("PS512"), Ok(Algorithm::PS512)),
            (&any, KeyKind::P384, None, Ok(Algorithm::ES384)),
            (&any, KeyKind::P384, Some("ES256"), Err(Unbound::Misfit)),
            (&any, KeyKind::Ed25519, Some("Ed448"), Err(Unbound::Unknown)),
            (&any, KeyKind::Rsa, Some("HS256"), Err(Unbound::Unknown)),
            (&any, KeyKind::Rsa, Some("RSA-OAEP"), Err(Unbound::Unknown)),
            (&some, KeyKind::Rsa, None, Ok(Algorithm::PS384)),
            (&some, KeyKind::Rsa, Some("RS256"), Err(Unbound::NotListed)),
            (&some, KeyKind::Ed25519, None, Err(Unbound::NotListed)),
        ] {
            assert_eq!(allowed.bind(kind, named), bound, "{kind:?} {named:?}");
        }
        assert_eq!(Algorithms::only([]), any);
    }
}
