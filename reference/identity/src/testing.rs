//! What the tests of this crate share.

use rolegate::mint_with_key_id;
use rolegate::token::{Keys, Secret, verify};
use rolegate::{RolePath, Time, TokenSettings};
use serde_json::{Map, Value};

use crate::Moment;
use crate::tokens::{KEY_ID, Tokens};

/// The tokens of a gate with this secret.
#[derive(Debug)]
pub struct GateTokens {
    secret: Secret,
    keys: Keys,
}

impl GateTokens {
    pub fn new(secret: &[u8]) -> GateTokens {
        GateTokens { secret: Secret::new(secret).expect("a secret"), keys: Keys::hs256(secret).expect("a secret") }
    }
}

impl Tokens for GateTokens {
    fn sign(&self, claims: &Map<String, Value>) -> String {
        mint_with_key_id(&self.secret, KEY_ID, claims)
    }

    fn read(&self, token: &str, now: Moment) -> Result<Map<String, Value>, String> {
        let settings = TokenSettings {
            role_path: RolePath::of(&["app_metadata", "roles"]).unwrap_or_default(),
            ..TokenSettings::default()
        };
        let now = Time::from_seconds(i64::try_from(now.seconds()).unwrap_or(i64::MAX));
        verify(token.as_bytes(), &self.keys, &settings, now)
            .map(|claims| claims.members().clone())
            .map_err(|error| error.to_string())
    }
}
