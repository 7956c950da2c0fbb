//! What a gate has to be told for a suite: the keys of tokens, where the roles stand, who tokens are from and for, and whom it believes about a visitor.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::source::{JwkSource, SettingsSource};
use super::{DEFAULT_ROLE_PATH, DEFAULT_SECRET};
use crate::keys::TestKey;

/// What a gate has to be told.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Settings {
    /// The HS256 secret. A gate that is told public keys is not told it.
    pub secret: String,
    /// Where the roles stand.
    pub role_path: String,
    /// The public keys that tokens are verified with, in the place of the secret.
    pub public: Option<PublicKeys>,
    /// The algorithms that the public keys may serve; empty where the keys say it.
    pub algorithms: Vec<String>,
    /// What the token's `aud` has to hold.
    pub audience: Option<String>,
    /// What the token's `iss` has to be.
    pub issuer: Option<String>,
    /// The networks whose proxies it trusts.
    pub trusted_proxy: Vec<String>,
    /// The field in which a trusted proxy names the visitor's country.
    pub country_header: Option<String>,
    /// Whether the runner's upstream may see the token.
    pub trust_upstream: bool,
    /// Environment variables that rules name.
    pub environment: BTreeMap<String, String>,
}

/// Public keys as a gate is given them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PublicKeys {
    /// The text of a JWKS document (RFC 7517 §5).
    Jwks(String),
    /// One key as PEM text (RFC 7468).
    Pem(String),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secret: DEFAULT_SECRET.to_owned(),
            role_path: DEFAULT_ROLE_PATH.to_owned(),
            public: None,
            algorithms: Vec::new(),
            audience: None,
            issuer: None,
            trusted_proxy: Vec::new(),
            country_header: None,
            trust_upstream: false,
            environment: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The settings as a suite has written them.
    ///
    /// # Errors
    /// A sentence: no such test key, or keys in two forms.
    pub(super) fn understand(source: SettingsSource) -> Result<Self, String> {
        let public = match (source.public_key, source.jwks) {
            (None, None) => None,
            (Some(name), None) => Some(PublicKeys::Pem(TestKey::named(&name)?.pem()?)),
            (None, Some(keys)) => {
                let keys = keys.into_iter().map(jwk).collect::<Result<Vec<_>, _>>()?;
                Some(PublicKeys::Jwks(json!({ "keys": keys }).to_string()))
            }
            (Some(_), Some(_)) => return Err("`settings` has either `public-key` or `jwks`".to_owned()),
        };
        let default = Self::default();
        Ok(Self {
            secret: source.secret.unwrap_or(default.secret),
            role_path: source.role_path.unwrap_or(default.role_path),
            public,
            algorithms: source.algorithms.0,
            audience: source.audience,
            issuer: source.issuer,
            trusted_proxy: source.trusted_proxy.0,
            country_header: source.country_header,
            trust_upstream: source.trust_upstream,
            environment: source.environment,
        })
    }

    /// The PEM text of the public key, where the gate is given one.
    #[must_use]
    pub fn pem(&self) -> Option<&str> {
        match &self.public {
            Some(PublicKeys::Pem(text)) => Some(text),
            _ => None,
        }
    }

    /// The JWKS document, where the gate is given one.
    #[must_use]
    pub fn jwks(&self) -> Option<&str> {
        match &self.public {
            Some(PublicKeys::Jwks(text)) => Some(text),
            _ => None,
        }
    }
}

fn jwk(source: JwkSource) -> Result<Value, String> {
    let (key, set, drop) = match source {
        JwkSource::Name(name) => (Some(name), Map::new(), Vec::new()),
        JwkSource::Edited(edited) => (edited.key, edited.set, edited.drop),
    };
    let mut members = key.map_or_else(|| Ok(Map::new()), |name| TestKey::named(&name)?.jwk())?;
    members.extend(set);
    members.retain(|name, _| !drop.contains(name));
    Ok(Value::Object(members))
}
