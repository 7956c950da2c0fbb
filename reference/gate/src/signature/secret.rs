//! A secret shared with whoever signs the tokens, for HS256 alone.

use std::fmt;

use jsonwebtoken::DecodingKey;

use super::provider;

/// A secret that tokens are verified with. Bound to HS256: it serves no other algorithm (TOKEN-2).
#[derive(Clone)]
pub struct Secret {
    key: DecodingKey,
    length: usize,
}

/// Why a secret is refused (ROLE-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no byte in it.
    #[error("the secret is empty")]
    Empty,
    /// There is nothing but white space in it.
    #[error("the secret is nothing but white space")]
    WhiteSpace,
}

/// ROLE-10: a secret that works, and is shorter than RFC 7518 §3.2 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret has {}; RFC 7518 section 3.2 asks for at least 32, and a short one can be guessed offline", in_words(*.bytes)
)]
pub struct ShortSecret {
    /// How many bytes the secret has.
    pub bytes: usize,
}

fn in_words(bytes: usize) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

impl Secret {
    /// The secret of these bytes, taken as they are (TOKEN-2).
    ///
    /// # Errors
    /// ROLE-10: an empty secret, and one of nothing but white space, is refused.
    pub fn new(bytes: &[u8]) -> Result<Secret, SecretError> {
        if bytes.is_empty() {
            return Err(SecretError::Empty);
        }
        if String::from_utf8_lossy(bytes).chars().all(char::is_whitespace) {
            return Err(SecretError::WhiteSpace);
        }
        Ok(Secret { key: DecodingKey::from_secret(bytes), length: bytes.len() })
    }

    /// ROLE-10: what is weak about this secret.
    pub fn warning(&self) -> Option<ShortSecret> {
        (self.length < 32).then_some(ShortSecret { bytes: self.length })
    }

    /// The signature of this secret over `message`.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        provider::sign_hs256(&self.key, message)
    }

    /// Whether `signature` is that of this secret over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        provider::verify_hs256(&self.key, message, signature)
    }
}

impl fmt::Debug for Secret {
    /// TOKEN-11: the secret is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets() {
        assert_eq!(Secret::new(b"").unwrap_err(), SecretError::Empty);
        for blank in [" ", "\t\r\n ", "\u{a0}", "\u{3000}"] {
            assert_eq!(Secret::new(blank.as_bytes()).unwrap_err(), SecretError::WhiteSpace);
        }
        assert_eq!(Secret::new(b"secret").unwrap().warning(), Some(ShortSecret { bytes: 6 }));
        for (secret, told) in [("s", "the secret has 1 byte;"), ("secret", "the secret has 6 bytes;")] {
            let warning = Secret::new(secret.as_bytes()).unwrap().warning().unwrap().to_string();
            assert!(warning.starts_with(told), "{warning}");
        }
        assert_eq!(Secret::new(&[7; 32]).unwrap().warning(), None);
        assert_eq!(format!("{:?}", Secret::new(b"secret").unwrap()), "Secret { length: 6, .. }");
    }

    /// RFC 7515, appendix A.1.
    #[test]
    fn the_example_of_rfc_7515() {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let secret = Secret::new(&decode(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        ))
        .unwrap();
        let message = b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert!(secret.verifies(message, &signature));
        assert!(!secret.verifies(message, &[]));
        assert!(!secret.verifies(message, &signature[..30]));
        assert!(!secret.verifies(&message[1..], &signature));
    }
}
