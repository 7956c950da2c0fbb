//! A token made here, for whoever tests a gate by hand. The gate itself never signs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::token::Secret;

/// The compact text of an HS256 token with these claims (RFC 7515 §3.1, RFC 7519 §7.1).
pub fn mint(secret: &Secret, claims: &Map<String, Value>) -> String {
    sign(secret, &json!({ "alg": "HS256", "typ": "JWT" }), claims)
}

/// The same with `kid` in the header (RFC 7515 §4.1.4).
pub fn mint_with_key_id(secret: &Secret, key_id: &str, claims: &Map<String, Value>) -> String {
    sign(secret, &json!({ "alg": "HS256", "kid": key_id, "typ": "JWT" }), claims)
}

fn sign(secret: &Secret, header: &Value, claims: &Map<String, Value>) -> String {
    let claims = Value::Object(claims.clone()).to_string();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(secret.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::RolePath;
    use crate::token::{Keys, Time, TokenSettings, verify};

    #[test]
    fn a_gate_with_the_same_secret_takes_it() {
        let path: RolePath = "/https:~1~1a.example~1roles".parse().unwrap();
        let mut claims = Map::from_iter([("exp".to_owned(), Value::from(11))]);
        path.set(&mut claims, &["admin"]).unwrap();
        let token = mint(&Secret::new(b"secret").unwrap(), &claims);
        let settings = TokenSettings { role_path: path.clone(), ..TokenSettings::default() };
        let keys = Keys::hs256(b"secret").unwrap();
        let verified = verify(token.as_bytes(), &keys, &settings, Time::from_seconds(10)).unwrap();
        assert!(verified.roles(&path).contains("admin"));
        let named = mint_with_key_id(&Secret::new(b"secret").unwrap(), "a", &claims);
        assert!(named.starts_with(&URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"a","typ":"JWT"}"#)));
        assert!(verify(named.as_bytes(), &keys, &settings, Time::from_seconds(10)).is_ok());
        assert!(verify(token.as_bytes(), &keys, &settings, Time::from_seconds(11)).is_err());
        assert!(verify(token.as_bytes(), &Keys::hs256(b"other").unwrap(), &settings, Time::from_seconds(10)).is_err());
    }
}
