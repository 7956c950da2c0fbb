//! Tokens: JSON Web Tokens in compact serialization (RFC 7515, RFC 7519), signed with HS256 by a secret, or by a public key
//! with the one algorithm that the key is for.
//!
//! Every check stands in [`authenticate`] and [`Verified::check`], in the order in which it is made. The signature of a
//! secret is checked by `jsonwebtoken` over a provider of our own (`crate::signature`), that of a public key by the
//! [`VerifyingKey`] behind it. That crate's own `decode` is not used, since it reads the clock, allows a leeway, ignores
//! `crit` and `nbf`, and lets the last of two equal names win.

mod keys;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::claims::Claims;
use crate::cost::step;
use crate::role_path::RolePath;
use json::Flaw;

pub use crate::json;
pub use crate::refusal::{Part, TokenError};
pub use crate::signature::{
    Algorithm, KeyId, Keys, PublicKey, Secret, SecretError, ShortSecret, UnknownAlgorithm, VerifyingKey,
};
pub use crate::time::Time;

/// COOKIE-4: a longer token is rejected unread.
pub const MAX_TOKEN: usize = 8 * 1024;

/// How tokens are read. The default is the strict reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenSettings {
    /// Where the roles stand (CLAIM-1).
    pub role_path: RolePath,
    /// How long after `exp`, and before `nbf`, a token still counts (TOKEN-5); none by default.
    pub leeway: Duration,
    /// Whether a token without `exp` is accepted (TOKEN-5); no by default.
    pub accept_missing_exp: bool,
    /// Whether a token without `typ` is accepted (TOKEN-7); no by default.
    pub accept_missing_typ: bool,
    /// TOKEN-9: one of them has to be among the token's `aud`; not looked at where there is none.
    pub audiences: Vec<String>,
    /// TOKEN-9: what `iss` has to be; not looked at where there is none.
    pub issuer: Option<String>,
}

/// The claims of `token`, if it is valid at the time `now`.
///
/// # Errors
/// The first check that fails, in the order of the text.
pub fn verify(token: &[u8], keys: &Keys, settings: &TokenSettings, now: Time) -> Result<Claims, TokenError> {
    authenticate(token, keys, settings)?.check(settings, now)
}

/// The token, if it is sound and signed by one of `keys`. That depends on neither the settings nor the time once it is so,
/// and may be remembered as long as the keys are these; [`Verified::check`] asks for the rest.
///
/// # Errors
/// The first check that fails, in the order of the text.
pub fn authenticate(token: &[u8], keys: &Keys, settings: &TokenSettings) -> Result<Verified, TokenError> {
    if keys.is_empty() {
        return Err(TokenError::NoKey);
    }
    // COOKIE-4
    if token.len() > MAX_TOKEN {
        return Err(TokenError::TooLong);
    }

    step(token.len());
    // TOKEN-1: three parts of base64url, no padding, no other character, no stray trailing bits.
    let parts = split(token)?;
    let header_json = decode(parts.header, Part::Header)?;
    let payload_json = decode(parts.payload, Part::Payload)?;
    let signature = decode(parts.signature, Part::Signature)?;

    // TOKEN-8: a JSON object, strictly.
    let header = object(&header_json, Part::Header)?;
    // TOKEN-2, TOKEN-3: the key is found by the header, and serves its own algorithm alone.
    let key = keys.select(&header)?;
    // TOKEN-4: nothing critical is understood. Of what names a key only `kid` has been read, and only to pick among public
    // keys (TOKEN-12); `jwk`, `jku`, `x5u` and `x5c` are never read.
    if header.contains_key("crit") {
        return Err(TokenError::Critical);
    }
    if !matches!(header.get("b64"), None | Some(Value::Bool(true))) {
        return Err(TokenError::UnencodedPayload);
    }
    // TOKEN-7
    let type_is_named = check_type(&header, settings)?;

    // TOKEN-2: over the bytes as received, in constant time.
    if !key.verifies(parts.message, &signature) {
        return Err(TokenError::Signature);
    }

    // Only now is the payload looked into. TOKEN-8
    let payload = Arc::new(object(&payload_json, Part::Payload)?);
    Ok(Verified { type_is_named, payload })
}

/// A token that is sound and signed by a key of the set; whether it counts, settings and time say.
#[derive(Clone, Debug)]
pub struct Verified {
    /// TOKEN-7: whether the header says `typ`.
    type_is_named: bool,
    payload: Arc<Map<String, Value>>,
}

impl Verified {
    /// The claims, if the token counts by `settings` at the time `now`: looked at for every request, whether the token is
    /// seen for the first time or not.
    ///
    /// # Errors
    /// The first check that fails, in the order of the text.
    pub fn check(&self, settings: &TokenSettings, now: Time) -> Result<Claims, TokenError> {
        let Verified { type_is_named, payload } = self;
        // TOKEN-7
        if !type_is_named && !settings.accept_missing_typ {
            return Err(TokenError::MissingType);
        }
        // TOKEN-5, TOKEN-6: `iat` is not checked.
        check_expiration(payload, settings, now)?;
        check_not_before(payload, settings, now)?;
        // TOKEN-9
        check_audience(payload, settings)?;
        check_issuer(payload, settings)?;
        Ok(Claims::new(Arc::clone(payload)))
    }

    /// The members of the payload.
    pub fn payload(&self) -> &Map<String, Value> {
        &self.payload
    }
}

/// RFC 7515 §7.1, compact serialization.
struct Parts<'a> {
    /// Header and payload with the dot between them: what is signed.
    message: &'a [u8],
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

fn split(token: &[u8]) -> Result<Parts<'_>, TokenError> {
    let mut parts = token.split(|byte| *byte == b'.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Parts);
    };
    let message = token.get(..header.len() + 1 + payload.len()).ok_or(TokenError::Parts)?;
    Ok(Parts { message, header, payload, signature })
}

fn decode(bytes: &[u8], part: Part) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(bytes).map_err(|_| TokenError::Base64(part))
}

fn object(text: &[u8], part: Part) -> Result<Map<String, Value>, TokenError> {
    json::object(text).map_err(|flaw| match flaw {
        Flaw::DuplicateName => TokenError::DuplicateName(part),
        Flaw::NotJson => TokenError::NotJson(part),
        Flaw::NotObject => TokenError::NotObject(part),
    })
}

/// RFC 8725 §3.11; RFC 7515 §4.1.9: media types are compared in any case, `application/` may be left out. Whether there
/// is a type.
fn check_type(header: &Map<String, Value>, settings: &TokenSettings) -> Result<bool, TokenError> {
    match header.get("typ") {
        None if settings.accept_missing_typ => Ok(false),
        None => Err(TokenError::MissingType),
        Some(Value::String(typ)) if typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("application/jwt") => {
            Ok(true)
        }
        Some(_) => Err(TokenError::Type),
    }
}

/// RFC 7519 §4.1.4: valid while now < exp.
fn check_expiration(payload: &Map<String, Value>, settings: &TokenSettings, now: Time) -> Result<(), TokenError> {
    match payload.get("exp") {
        None if settings.accept_missing_exp => Ok(()),
        None => Err(TokenError::MissingExpiration),
        Some(Value::Number(exp)) => {
            if now.earlier(settings.leeway).is_before(exp) {
                Ok(())
            } else {
                Err(TokenError::Expired)
            }
        }
        Some(_) => Err(TokenError::NotNumericDate("exp")),
    }
}

/// RFC 7519 §4.1.5: valid from nbf on.
fn check_not_before(payload: &Map<String, Value>, settings: &TokenSettings, now: Time) -> Result<(), TokenError> {
    match payload.get("nbf") {
        None => Ok(()),
        Some(Value::Number(nbf)) => {
            if now.later(settings.leeway).is_before(nbf) {
                Err(TokenError::NotYetValid)
            } else {
                Ok(())
            }
        }
        Some(_) => Err(TokenError::NotNumericDate("nbf")),
    }
}

/// RFC 7519 §4.1.3: a text, or a list of texts. A list that holds anything else is malformed.
fn check_audience(payload: &Map<String, Value>, settings: &TokenSettings) -> Result<(), TokenError> {
    if settings.audiences.is_empty() {
        return Ok(());
    }
    let wanted = |audience: &Value| settings.audiences.iter().any(|wanted| audience == wanted);
    match payload.get("aud") {
        Some(one @ Value::String(_)) if wanted(one) => Ok(()),
        Some(Value::Array(several)) if several.iter().all(Value::is_string) && several.iter().any(wanted) => Ok(()),
        _ => Err(TokenError::Audience),
    }
}

/// RFC 7519 §4.1.1: compared byte for byte.
fn check_issuer(payload: &Map<String, Value>, settings: &TokenSettings) -> Result<(), TokenError> {
    match &settings.issuer {
        Some(issuer) if payload.get("iss").is_none_or(|found| found != issuer) => Err(TokenError::Issuer),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
