//! A token taken apart, for defects that read it otherwise: what they let pass is put into the form that the reference accepts and signed anew, so that
//! every other check of the reference stays in force.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rolegate::token::{Time, TokenSettings};
use serde_json::{Map, Value};
use sha2::{Sha256, Sha384, Sha512};

use super::ground::Ground;
use super::public::PublicRing;

/// Decodes without regard to padding and stray bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A token in front of a gate that knows the secret.
#[derive(Debug)]
pub struct Token<'a> {
    /// The text as it came.
    pub compact: Vec<u8>,
    /// The parts between its dots.
    pub parts: Vec<Vec<u8>>,
    /// The bytes of the header, where the first part decodes.
    pub header_text: Vec<u8>,
    /// The bytes of the payload, where the second part decodes.
    pub claims_text: Vec<u8>,
    /// The members of the header; the last of two equal names counts.
    pub header: Map<String, Value>,
    /// The members of the payload; the last of two equal names counts.
    pub claims: Map<String, Value>,
    /// The bytes of the signature, where the third part decodes.
    pub signature: Vec<u8>,
    /// Seconds since the epoch.
    pub now: i64,
    came_header: Map<String, Value>,
    came_claims: Map<String, Value>,
    ground: &'a Ground,
}

/// A hash under HMAC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl<'a> Token<'a> {
    /// Takes a token apart as far as it goes.
    #[must_use]
    pub fn read(compact: &[u8], ground: &'a Ground, now: Time) -> Self {
        let parts: Vec<Vec<u8>> = compact.split(|byte| *byte == b'.').map(<[u8]>::to_vec).collect();
        let part = |at: usize| parts.get(at).and_then(|part| LENIENT.decode(part).ok()).unwrap_or_default();
        let (header_text, claims_text, signature) = (part(0), part(1), part(2));
        let (header, claims) = (members(&header_text), members(&claims_text));
        Self {
            came_header: header.clone(),
            came_claims: claims.clone(),
            header,
            claims,
            compact: compact.to_vec(),
            parts,
            header_text,
            claims_text,
            signature,
            now: now.seconds(),
            ground,
        }
    }

    /// What was signed, if the token has three parts.
    #[must_use]
    pub fn message(&self) -> Option<Vec<u8>> {
        match self.parts.as_slice() {
            [header, payload, _] => Some([header.as_slice(), b".", payload].concat()),
            _ => None,
        }
    }

    /// Whether the signature is that of the secret, or of the public key that the header names, over the bytes as they came.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.message().is_some_and(|message| self.verifies(&message, &self.signature))
    }

    /// Whether it is signed and each part is spelled as base64url is: whoever reads JSON otherwise need not read that otherwise too.
    #[must_use]
    pub fn is_signed_and_spelled(&self) -> bool {
        self.parts.iter().all(|part| URL_SAFE_NO_PAD.decode(part).is_ok()) && self.is_signed()
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.ground.public {
            Some(ring) => ring.picked(&self.header).is_some_and(|key| key.verifies(message, signature)),
            None => !signature.is_empty() && mac(Hash::Sha256, &self.ground.secret, message) == signature,
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.ground.public {
            Some(ring) => ring.picked(&self.header).map(|key| key.sign(message)).unwrap_or_default(),
            None => mac(Hash::Sha256, &self.ground.secret, message),
        }
    }

    /// Whether the signature is that of this key and hash.
    #[must_use]
    pub fn is_signed_with(&self, hash: Hash, key: &[u8]) -> bool {
        self.message().is_some_and(|message| !self.signature.is_empty() && mac(hash, key, &message) == self.signature)
    }

    /// The signature that the secret gives, or the public key that the header names.
    #[must_use]
    pub fn right_signature(&self) -> Vec<u8> {
        self.message().map(|message| self.sign(&message)).unwrap_or_default()
    }

    /// What the gate was given for a key: the secret, or the text of its public keys.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        self.ground.public.as_ref().map_or(&self.ground.secret, |ring| &ring.text)
    }

    /// The public keys of the gate, where it has any.
    #[must_use]
    pub fn ring(&self) -> Option<&'a PublicRing> {
        self.ground.public.as_ref()
    }

    /// The secret that a gate with public keys was not given.
    #[must_use]
    pub fn secret_of_others(&self) -> &[u8] {
        &self.ground.secret
    }

    /// How the gate reads tokens.
    #[must_use]
    pub fn settings(&self) -> &'a TokenSettings {
        &self.ground.settings
    }

    /// Reads the token again from other parts, and says whether it is signed: with the secret over these parts, or over those that came.
    pub fn reread(&mut self, parts: Vec<Vec<u8>>) -> bool {
        let came = self.message();
        let again = Self::read(&parts.join(&b'.'), self.ground, Time::from_seconds(self.now));
        let over_received = came.is_some_and(|came| again.verifies(&came, &again.signature));
        let signed = again.is_signed() || over_received;
        let readable = !again.header.is_empty() && !again.claims.is_empty();
        *self = again;
        signed && readable
    }

    /// `alg` as text.
    #[must_use]
    pub fn alg(&self) -> Option<&str> {
        self.header.get("alg").and_then(Value::as_str)
    }

    /// The one algorithm of the secret, or of the public key that the header names.
    fn right_alg(&self) -> Option<String> {
        match &self.ground.public {
            Some(ring) => ring.picked(&self.header).map(|key| key.algorithm.name()),
            None => Some("HS256".to_owned()),
        }
    }

    /// Whether `alg` is that algorithm.
    #[must_use]
    pub fn has_right_alg(&self) -> bool {
        self.right_alg().is_some_and(|right| Some(right.as_str()) == self.alg())
    }

    /// Puts that algorithm into the header.
    pub fn with_right_alg(&mut self) -> bool {
        self.right_alg().is_some_and(|alg| {
            self.header.insert("alg".to_owned(), Value::from(alg));
            !self.claims.is_empty()
        })
    }

    /// Sets `exp` to an hour from now.
    pub fn extend(&mut self) -> bool {
        self.claims.insert("exp".to_owned(), Value::from(self.now.saturating_add(3600)));
        true
    }

    /// What stands at a path of names.
    #[must_use]
    pub fn claim(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.claims.get(*first)?, |value, name| value.get(*name))
    }

    /// What stands where the roles are looked for.
    #[must_use]
    pub fn roles(&self) -> Option<&Value> {
        let path: Vec<&str> = self.ground.role_path.iter().map(String::as_str).collect();
        self.claim(&path)
    }

    /// The names on the way to the roles.
    #[must_use]
    pub fn role_path(&self) -> &[String] {
        &self.ground.role_path
    }

    /// Puts roles where they are looked for.
    pub fn grant(&mut self, roles: Value) -> bool {
        let mut value = roles;
        for name in self.ground.role_path.iter().skip(1).rev() {
            value = Value::Object(Map::from_iter([(name.clone(), value)]));
        }
        if let Some(first) = self.ground.role_path.first() {
            self.claims.insert(first.clone(), value);
        }
        true
    }

    /// Reads other JSON texts in the place of those that came, if both are objects.
    pub fn retell(&mut self, header_text: Vec<u8>, claims_text: Vec<u8>) -> bool {
        let encode = |text: &[u8]| URL_SAFE_NO_PAD.encode(text).into_bytes();
        let parts = [encode(&header_text), encode(&claims_text), encode(&self.signature)];
        *self = Self::read(&parts.join(&b'.'), self.ground, Time::from_seconds(self.now));
        !self.header.is_empty() && !self.claims.is_empty()
    }

    /// Writes both JSON texts anew from their members.
    pub fn rewrite(&mut self) -> bool {
        let text = |members| serde_json::to_vec(members).unwrap_or_default();
        let (header, claims) = (text(&self.header), text(&self.claims));
        !self.header.is_empty() && !self.claims.is_empty() && self.retell(header, claims)
    }

    /// The token, signed: each part as it came, or anew where its members were changed.
    #[must_use]
    pub fn mint(&self) -> Vec<u8> {
        let part = |at: usize, members: &Map<String, Value>, came: &Map<String, Value>| {
            if members == came {
                return self.parts.get(at).cloned().unwrap_or_default();
            }
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(members).unwrap_or_default()).into_bytes()
        };
        let (header, claims) = (part(0, &self.header, &self.came_header), part(1, &self.claims, &self.came_claims));
        let message = [header, b".".to_vec(), claims].concat();
        let signature = URL_SAFE_NO_PAD.encode(self.sign(&message));
        [message, b".".to_vec(), signature.into_bytes()].concat()
    }
}

/// The members of the object that a JSON text is; none where it is none.
#[must_use]
pub fn members(text: &[u8]) -> Map<String, Value> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// The bytes that a part spells, without regard to padding and stray bits.
#[must_use]
pub fn decode(part: &[u8]) -> Vec<u8> {
    LENIENT.decode(part).unwrap_or_default()
}

/// HMAC.
#[must_use]
pub fn mac(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    let result =
        match hash {
            Hash::Sha256 => Hmac::<Sha256>::new_from_slice(key)
                .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec()),
            Hash::Sha384 => Hmac::<Sha384>::new_from_slice(key)
                .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec()),
            Hash::Sha512 => Hmac::<Sha512>::new_from_slice(key)
                .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec()),
        };
    result.unwrap_or_default()
}
