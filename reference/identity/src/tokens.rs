//! Access tokens, as the gate signs and reads them.
//!
//! The gate has the secret and the one reading of a token. This crate asks it, so that no token is good here and bad
//! there.

use std::fmt;

use rolegate::token::verify;
use rolegate::{Keys, Secret, SecretError, Time, TokenSettings, mint_with_key_id};
use serde_json::{Map, Value};

use crate::{Call, Moment};

/// What is said of a token without [`subject`].
pub(crate) const NOBODYS: &str = "Invalid token: it names no user";

/// The `kid` of Identity's tokens.
pub const KEY_ID: &str = "nf-ident";

/// Signs tokens and reads them, with the secret of the gate.
pub trait Tokens: Send + Sync + fmt::Debug {
    /// A token with these claims: HS256, and [`KEY_ID`] as `kid`.
    fn sign(&self, claims: &Map<String, Value>) -> String;

    /// The claims of a token whose signature, type and times are good.
    ///
    /// # Errors
    /// Why the token is not good, in words that may be told to whoever sent it.
    fn read(&self, token: &str, now: Moment) -> Result<Map<String, Value>, String>;
}

/// The tokens of a gate with one secret, whose reading this is.
#[derive(Debug)]
pub struct SecretTokens {
    secret: Secret,
    keys: Keys,
}

impl SecretTokens {
    /// The tokens under this secret.
    ///
    /// # Errors
    /// Where the secret is none (ROLE-10).
    pub fn new(secret: &[u8]) -> Result<SecretTokens, SecretError> {
        Ok(SecretTokens { secret: Secret::new(secret)?, keys: Keys::hs256(secret)? })
    }
}

impl Tokens for SecretTokens {
    fn sign(&self, claims: &Map<String, Value>) -> String {
        mint_with_key_id(&self.secret, KEY_ID, claims)
    }

    fn read(&self, token: &str, now: Moment) -> Result<Map<String, Value>, String> {
        let now = Time::from_seconds(i64::try_from(now.seconds()).unwrap_or(i64::MAX));
        verify(token.as_bytes(), &self.keys, &TokenSettings::default(), now)
            .map(|claims| claims.members().clone())
            .map_err(|error| error.to_string())
    }
}

/// Whom a token is about. What else the service signs with the secret of the gate, such as the state of an external log-in,
/// names nobody, so it is no token of a visitor's.
pub fn subject(claims: &Map<String, Value>) -> Option<&str> {
    claims.get("sub").and_then(Value::as_str).filter(|sub| !sub.is_empty())
}

/// The bearer token of a request (RFC 6750 §2.1), if the one `Authorization` field has that form.
pub fn bearer(call: &Call) -> Option<&str> {
    let value = call.header("authorization")?;
    let token = value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer "))?;
    (!token.is_empty() && !token.contains(char::is_whitespace)).then_some(token)
}

/// The roles of the list in `app_metadata.roles`, as Git Gateway reads them.
pub fn roles(claims: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let roles = claims.get("app_metadata").and_then(|data| data.get("roles")).and_then(Value::as_array);
    roles.into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use serde_json::json;

    use super::*;

    fn call(authorization: &[&'static str]) -> Call {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append("authorization", value.parse().unwrap());
        }
        Call {
            method: Method::GET,
            path: String::new(),
            query: String::new(),
            headers,
            body: Bytes::new(),
            origin: "http://site.localhost:8888".to_owned(),
            home: "http://site.localhost:8888".to_owned(),
            client: [127, 0, 0, 1].into(),
            now: Moment::from_seconds(10),
        }
    }

    #[test]
    fn what_a_bearer_token_is() {
        for (fields, expected) in [
            (["Bearer a.b.c"].as_slice(), Some("a.b.c")),
            (&["bearer a"], Some("a")),
            (&["BEARER a"], None),
            (&["Bearer "], None),
            (&["Bearer a b"], None),
            (&["Bearer  a"], None),
            (&["Basic YTpi"], None),
            (&["Bearer a", "Bearer b"], None),
            (&[], None),
        ] {
            assert_eq!(bearer(&call(fields)), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let tokens = SecretTokens::new(b"secret").unwrap();
        let claims = json!({ "exp": 11, "app_metadata": { "roles": ["admin", 1, "editor"] } });
        let token = tokens.sign(claims.as_object().unwrap());
        let read = tokens.read(&token, Moment::from_seconds(10)).unwrap();
        assert_eq!(roles(&read).collect::<Vec<_>>(), ["admin", "editor"]);
        assert!(tokens.read(&token, Moment::from_seconds(11)).is_err());
        assert!(SecretTokens::new(b"other").unwrap().read(&token, Moment::from_seconds(10)).is_err());
    }
}
