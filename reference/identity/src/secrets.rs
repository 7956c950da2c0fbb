//! Texts that open something, and what is kept of them: a digest, never the text.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The SHA-256 of a token, by which it is looked up. A token has 128 random bits, so a plain digest cannot be turned back.
pub type TokenDigest = [u8; 32];

/// There is no randomness to be had. Nothing is made then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// Random bytes.
///
/// # Errors
/// Where the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A fresh token: 16 random bytes in base64url, 22 characters, which need no escaping in a URL or a form.
///
/// # Errors
/// Where there is no randomness.
pub fn token() -> Result<String, NoRandomness> {
    random::<16>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// A fresh id, a UUID of version 4 (RFC 9562 §5.4).
///
/// # Errors
/// Where there is no randomness.
pub fn id() -> Result<Uuid, NoRandomness> {
    random::<16>().map(|bytes| uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// What is kept of a token.
pub fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// The SHA-256 of `bytes` in lower-case hexadecimal digits.
pub fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The refresh token that follows `token`. It can be found again by whoever has `token` and the key, so that two tabs that
/// refresh at once get the same one, although only digests are stored.
pub fn successor(key: &[u8], token: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"the refresh token after ");
    mac.update(token.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.get(..16).map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 22);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(id().unwrap().get_version_num(), 4);
        assert_eq!(successor(b"k", &one), successor(b"k", &one));
        assert_ne!(successor(b"k", &one), successor(b"l", &one));
        assert_ne!(successor(b"k", &one), successor(b"k", &other));
        assert_eq!(successor(b"k", &one).unwrap().len(), 22);
        assert_eq!(hex_digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(same(b"a", b"a") && !same(b"a", b"b") && !same(b"a", b"ab"));
    }
}
