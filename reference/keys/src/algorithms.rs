//! Which algorithm a public key serves.

use jsonwebtoken::Algorithm as Jose;
use rolegate::Algorithm;

/// What `jsonwebtoken` calls an algorithm.
pub(crate) fn jose(algorithm: Algorithm) -> Jose {
    match algorithm {
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

/// What a public key is a key of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl KeyKind {
    /// The kind of key that serves `algorithm`.
    pub(crate) fn of(algorithm: Algorithm) -> KeyKind {
        match algorithm {
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
}

/// The algorithms that keys may serve (TOKEN-2). By default all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithms(Vec<Algorithm>);

impl Default for Algorithms {
    fn default() -> Algorithms {
        Algorithms(Algorithm::ALL.to_vec())
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
    pub(crate) fn bind(&self, kind: KeyKind, named: Option<&str>) -> Result<Algorithm, Unbound> {
        match named {
            None => self.0.iter().copied().find(|algorithm| KeyKind::of(*algorithm) == kind).ok_or(Unbound::NotListed),
            Some(name) => match name.parse::<Algorithm>() {
                Ok(algorithm) if KeyKind::of(algorithm) != kind => Err(Unbound::Misfit),
                Ok(algorithm) if self.0.contains(&algorithm) => Ok(algorithm),
                Ok(_) => Err(Unbound::NotListed),
                Err(_) => Err(Unbound::Unknown),
            },
        }
    }
}

/// Why a key can serve no algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unbound {
    Unknown,
    Misfit,
    NotListed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(format!("{:?}", jose(algorithm)), algorithm.name());
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
