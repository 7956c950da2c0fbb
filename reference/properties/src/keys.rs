//! Key sets, and what can never come of them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rolegate::token::{Keys, Time, TokenError, TokenSettings, verify};
use rolegate_keys::Algorithms;
use rolegate_keys::jwks::{self, Jwks};
use serde_json::{Map, Value};
use sha2::Sha256;

/// A key whose other half has been thrown away.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE75pCl6skjzEpces20XgW05GW3puc
/z0ikqqa2MxxVBqt+yXfR5ySlh3cvQUsUcit/amdFjLZDBVQ/8YMOi4QRA==
-----END PUBLIC KEY-----
";

/// TOKEN-12: no document harms; what is read from one is public, sound and accounted for; and nobody who knows no key
/// can sign for one of them.
///
/// The input is a document, or a header and a document with a line end between them.
pub fn jwks(bytes: &[u8]) {
    let (_, document) = header_and_document(bytes);
    match jwks::parse(document, &Algorithms::default()) {
        Ok(set) => {
            every_member_is_accounted_for(document, &set);
            if set.keys.names().iter().any(|name| name.starts_with("EdDSA")) {
                nobody_can_sign(&set.keys);
            }
        }
        Err(error) => assert!(is_printable(&error.to_string()), "a control character reaches the terminal"),
    }
    // What has no section of PEM holds no key.
    if memchr::memmem::find(document, b"-----BEGIN").is_some()
        && let Err(error) = rolegate_keys::from_pem(document, &Algorithms::default())
    {
        assert!(is_printable(&error.to_string()), "a control character reaches the terminal");
    }
}

/// TOKEN-12.never-mix: no token that is signed with anything of a document as a secret verifies, whatever its header says.
///
/// The input is that of [`jwks`].
pub fn jwks_confusion(bytes: &[u8]) {
    let (header, document) = header_and_document(bytes);
    if let Ok(set) = jwks::parse(document, &Algorithms::default()) {
        for secret in secrets(document) {
            never_verifies(&set.keys, header, &secret);
        }
    }
    static KEYS: LazyLock<Option<Keys>> =
        LazyLock::new(|| rolegate_keys::from_pem(PUBLIC_KEY.as_bytes(), &Algorithms::default()).ok());
    if let Some(keys) = &*KEYS {
        for secret in [PUBLIC_KEY.as_bytes(), PUBLIC_KEY.trim_end().as_bytes(), document, b""] {
            never_verifies(keys, header, secret);
        }
    }
}

fn header_and_document(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default()),
        None => (br#"{"alg":"HS256","typ":"JWT"}"#, bytes),
    }
}

/// TOKEN-12.weak-keys: the signature of Ed25519 that anybody can write down, R the neutral element and S nothing, holds
/// for no message.
fn nobody_can_sign(keys: &Keys) {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"EdDSA","typ":"JWT"}"#);
    let signature = URL_SAFE_NO_PAD.encode([&[1][..], &[0; 63]].concat());
    for number in 0..8 {
        let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{}}}"#, 1_700_000_001 + number));
        let token = format!("{header}.{payload}.{signature}");
        let verdict = verify(token.as_bytes(), keys, &TokenSettings::default(), Time::from_seconds(0));
        assert!(verdict.is_err(), "a signature of nobody verifies");
    }
}

fn every_member_is_accounted_for(document: &[u8], set: &Jwks) {
    let plain: Value = serde_json::from_slice(document).unwrap_or_default();
    let members = plain.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names = set.keys.names();
    assert!(!names.is_empty() && !set.keys.is_empty(), "a set without a key was accepted");
    assert_eq!(names.len() + set.passed_over.len(), members.len(), "a key is used or passed over, one of both");
    for passed in &set.passed_over {
        assert!(passed.place < members.len() && is_printable(&passed.to_string()));
    }
    let passed_over = |place: usize| set.passed_over.iter().any(|passed| passed.place == place);
    for (_, member) in members.iter().enumerate().filter(|(place, _)| !passed_over(*place)) {
        let text = |name: &str| member.get(name).and_then(Value::as_str);
        assert!(matches!(text("kty"), Some("RSA" | "EC" | "OKP")), "{member}");
        assert!(member.get("d").is_none() && member.get("k").is_none(), "a secret was used: {member}");
        assert!(member.get("use").is_none_or(|usage| usage == "sig"), "{member}");
        if text("kty") == Some("RSA") {
            let bytes = text("n").and_then(|n| URL_SAFE_NO_PAD.decode(n).ok()).unwrap_or_default();
            assert!(bytes.len() >= 256 && bytes.first().is_some_and(|first| *first >= 0x80 || bytes.len() > 256));
        }
    }
}

/// What an attacker who knows the document could take for a secret: the document, each of its keys, each text in them,
/// and the bytes that a text stands for.
fn secrets(document: &[u8]) -> Vec<Vec<u8>> {
    let plain: Value = serde_json::from_slice(document).unwrap_or_default();
    let members = plain.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut secrets = vec![document.to_vec(), Vec::new()];
    for member in members.iter().take(4) {
        secrets.push(member.to_string().into_bytes());
        for text in member.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_str).take(8) {
            secrets.push(text.as_bytes().to_vec());
            secrets.extend(URL_SAFE_NO_PAD.decode(text));
        }
    }
    secrets
}

fn never_verifies(keys: &Keys, header: &[u8], secret: &[u8]) {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(br#"{"exp":1700000001}"#));
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret) else { return };
    let tag = URL_SAFE_NO_PAD.encode(mac.chain_update(&message).finalize().into_bytes());
    let token = format!("{message}.{tag}");
    let verdict = verify(token.as_bytes(), keys, &TokenSettings::default(), Time::from_seconds(0));
    assert!(verdict.is_err(), "a MAC was taken for a signature");
    if header == br#"{"alg":"HS256","typ":"JWT"}"# {
        assert_eq!(verdict, Err(TokenError::Algorithm));
    }
}

fn is_printable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n')
}
