//! The keys in force, with what they have verified, replaced whole while the gate runs.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use rolegate::claims::Claims;
use rolegate::token::{Keys, Time, TokenError, TokenSettings, authenticate};
use rolegate::visitor::{Visitor, identify_by};
use tokio::sync::Notify;

use crate::memory::Memory;

/// One set of keys, and the tokens that it has verified. New keys begin with nothing.
#[derive(Debug, Default)]
pub struct RememberingKeys {
    keys: Keys,
    memory: Memory,
}

impl RememberingKeys {
    /// The claims of `token`, if it is valid at the time `now`: as [`rolegate::token::verify`], which pays for each token
    /// once.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, token: &[u8], settings: &TokenSettings, now: Time) -> Result<Claims, TokenError> {
        // What depends on neither the settings nor the time is so for good, as long as the keys are these.
        if let Some(verified) = self.memory.recall(token) {
            return verified.check(settings, now);
        }
        let verified = authenticate(token, &self.keys, settings)?;
        self.memory.remember(token, &verified);
        verified.check(settings, now)
    }

    /// The visitor that the `Cookie` lines of a request speak of.
    pub fn identify<'a>(
        &self,
        cookie_lines: impl IntoIterator<Item = &'a [u8]>,
        settings: &TokenSettings,
        now: Time,
    ) -> Visitor {
        identify_by(cookie_lines, settings, |token| self.verify(token, settings, now))
    }
}

impl Deref for RememberingKeys {
    type Target = Keys;

    fn deref(&self) -> &Keys {
        &self.keys
    }
}

impl From<Keys> for RememberingKeys {
    fn from(keys: Keys) -> RememberingKeys {
        RememberingKeys { keys, memory: Memory::default() }
    }
}

/// The keys in force. Clones share them; new ones take their place whole, so that a request that has read the ring once
/// sees one set of keys.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: Arc<ArcSwap<RememberingKeys>>,
    missed: Arc<Notify>,
}

impl KeyRing {
    /// The keys in force at this moment.
    pub fn current(&self) -> Guard<Arc<RememberingKeys>> {
        self.current.load()
    }

    /// Puts `keys` in the place of those in force.
    pub fn replace(&self, keys: Keys) {
        self.current.store(Arc::new(keys.into()));
    }

    /// Notes that a token named a key that is not in force. Whoever keeps the keys fresh may then look for it; any number
    /// of notes until then count as one.
    pub fn note_missed(&self) {
        self.missed.notify_one();
    }

    /// Ready when a token has named a key that is not in force, since the last time.
    pub async fn missed(&self) {
        self.missed.notified().await;
    }
}

impl From<Keys> for KeyRing {
    fn from(keys: Keys) -> KeyRing {
        KeyRing { current: Arc::new(ArcSwap::from_pointee(keys.into())), missed: Arc::new(Notify::new()) }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use rolegate_keys::{Algorithms, jwks};
    use serde_json::json;

    use super::*;

    /// A key pair for EdDSA, and the set that holds its public half under the name `one`.
    fn pair(seed: u8) -> (Ed25519KeyPair, String) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x }] });
        (pair, set.to_string())
    }

    fn keys_of(set: &str) -> Keys {
        jwks::parse(set.as_bytes(), &Algorithms::default()).unwrap().keys
    }

    /// What is remembered about a token is its signature, under these keys, and nothing else.
    #[test]
    fn a_remembered_token_still_ends_and_goes_with_its_keys() {
        let (pair, set) = pair(7);
        let (header, payload) =
            (r#"{"alg":"EdDSA","typ":"JWT","kid":"one"}"#, r#"{"exp":1700000100,"nbf":1700000000}"#);
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes())));
        let ring = KeyRing::from(keys_of(&set));
        let at = |seconds| {
            ring.current().verify(token.as_bytes(), &TokenSettings::default(), Time::from_seconds(seconds)).map(|_| ())
        };
        for _ in 0..2 {
            assert_eq!(at(1_700_000_050), Ok(()));
            assert_eq!(at(1_700_000_100), Err(TokenError::Expired));
            assert_eq!(at(1_699_999_999), Err(TokenError::NotYetValid));
        }
        let edited = token.replace(&URL_SAFE_NO_PAD.encode(payload), &URL_SAFE_NO_PAD.encode(r#"{"exp":1800000000}"#));
        let now = Time::from_seconds(1_700_000_050);
        let of_edited = ring.current().verify(edited.as_bytes(), &TokenSettings::default(), now).map(|_| ());
        assert_eq!(of_edited, Err(TokenError::Signature));

        // The same `kid`, another key.
        ring.replace(keys_of(&self::pair(8).1));
        assert_eq!(at(1_700_000_050), Err(TokenError::Signature));
        ring.replace(Keys::hs256(b"secret").unwrap());
        assert_eq!(at(1_700_000_050), Err(TokenError::Algorithm));
        ring.replace(keys_of(&set));
        assert_eq!(at(1_700_000_050), Ok(()));
    }
}
