//! PROXY-1: `x-nf-sign`, by which an upstream knows that a request came through the gate. Pure: time is a parameter.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::HeaderValue;
use rolegate::span::Span;
use rolegate::token::Time;
use serde_json::json;
use sha2::Sha256;

/// How long a signature is valid, in seconds.
const LIFE: i64 = 5 * 60;

/// What a signature says about the site, beside who issued it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteClaims {
    /// `site_url`: the address that the site is known by.
    pub url: Option<String>,
    /// `netlify_id`: the id of the site.
    pub id: Option<String>,
    /// `deploy_context`: `production`, `dev` or whatever the operator calls it.
    pub context: String,
}

impl Default for SiteClaims {
    /// What the format owner's own local server says.
    fn default() -> SiteClaims {
        SiteClaims { url: None, id: None, context: "dev".to_owned() }
    }
}

/// The secrets of the signed rules, by the name of the environment variable that holds each.
#[derive(Clone, Default)]
pub struct Signatures {
    secrets: BTreeMap<String, Vec<u8>>,
}

/// A rule that cannot be signed as it asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable `{name}`, which signs the requests of this rule, is not set or is empty")]
pub struct MissingSecret {
    /// The rule.
    pub span: Span,
    /// The variable that it names.
    pub name: String,
}

impl Signatures {
    /// Reads the secret of every signed rule through `variable`. `named` holds the place of each, and the variable it names.
    ///
    /// # Errors
    /// [`MissingSecret`]: a request that its rule wants signed never goes unsigned.
    pub fn of<'r>(
        named: impl IntoIterator<Item = (Span, &'r str)>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Signatures, MissingSecret> {
        let mut secrets = BTreeMap::new();
        for (span, name) in named {
            let secret = variable(name).map(OsString::into_encoded_bytes).unwrap_or_default();
            if secret.trim_ascii().is_empty() {
                return Err(MissingSecret { span, name: name.to_owned() });
            }
            secrets.insert(name.to_owned(), secret);
        }
        Ok(Signatures { secrets })
    }

    /// The signature that the variable `name` makes at `now`; `None` where it holds no secret.
    pub fn sign(&self, name: &str, claims: &SiteClaims, now: Time) -> Option<HeaderValue> {
        let secret = self.secrets.get(name)?;
        let now = now.seconds();
        let mut payload =
            json!({ "iss": "netlify", "iat": now, "exp": now.saturating_add(LIFE), "deploy_context": claims.context });
        let optional = [("netlify_id", &claims.id), ("site_url", &claims.url)];
        if let Some(members) = payload.as_object_mut() {
            for (name, value) in optional {
                members.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
            }
        }
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(json!({ "alg": "HS256", "typ": "JWT" })), encode(payload));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(message.as_bytes());
        let text = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Signatures {
    /// The names alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use rolegate::span::RuleFile;

    use super::*;

    const SPAN: Span = Span { file: RuleFile::Redirects, start: 0, end: 1, line: 1, column: 1 };

    #[test]
    fn what_a_signature_says() {
        let variable = |name: &str| (name == "SECRET").then(|| OsString::from("s3cret"));
        let signatures = Signatures::of([(SPAN, "SECRET")], variable).unwrap();
        let claims = SiteClaims { url: Some("https://site.example".to_owned()), ..SiteClaims::default() };
        let value = signatures.sign("SECRET", &claims, Time::from_seconds(1_000)).unwrap();
        assert!(value.is_sensitive());
        let token = value.to_str().unwrap();
        let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&parts[0]).unwrap(),
            json!({ "alg": "HS256", "typ": "JWT" })
        );
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&parts[1]).unwrap(),
            json!({ "iss": "netlify", "iat": 1_000, "exp": 1_300, "deploy_context": "dev", "site_url": "https://site.example" })
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(b"s3cret").unwrap();
        mac.update(token.rsplit_once('.').unwrap().0.as_bytes());
        mac.verify_slice(&parts[2]).unwrap();
        assert_eq!(signatures.sign("OTHER", &claims, Time::from_seconds(0)), None);
        assert_eq!(format!("{signatures:?}"), "{\"SECRET\"}");
    }

    #[test]
    fn a_missing_or_blank_secret_is_refused() {
        for value in [None, Some(""), Some(" \n")] {
            let missing = Signatures::of([(SPAN, "NAME")], |_| value.map(OsString::from)).unwrap_err();
            assert_eq!(missing.name, "NAME");
        }
    }
}
