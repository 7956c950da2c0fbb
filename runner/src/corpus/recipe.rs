//! Token recipes: a base, and the one thing that is different about this token.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::suggest::nearest;

/// How a token is made. Every field but `base` changes something about the base.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// The recipe that this one changes.
    #[serde(default)]
    pub base: Option<String>,
    /// One sentence.
    #[serde(default)]
    pub about: Option<String>,
    /// JOSE header members to set.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// Claims to set.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// JOSE header members to leave out.
    #[serde(default)]
    pub drop_header: Vec<String>,
    /// Claims to leave out.
    #[serde(default)]
    pub drop_claims: Vec<String>,
    /// Any JSON value, put at the role path of the suite.
    #[serde(default, deserialize_with = "present")]
    pub roles: Option<Value>,
    /// The header's JSON text, written by hand.
    #[serde(default)]
    pub header_text: Option<String>,
    /// The payload's JSON text, written by hand.
    #[serde(default)]
    pub claims_text: Option<String>,
    /// Another key than the secret.
    #[serde(default)]
    pub key: Option<KeyText>,
    /// The hash of the HMAC, whatever `alg` says.
    #[serde(default)]
    pub mac: Option<Mac>,
    /// What is done to the signature.
    #[serde(default)]
    pub signature: Option<Signature>,
    /// A bit of a part, flipped after signing.
    #[serde(default)]
    pub flip: Option<Flip>,
    /// Edits of the encoded text.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Whether the signature is over the parts before or after the edits.
    #[serde(default)]
    pub sign: Option<Sign>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A key given in the recipe.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyText {
    /// The public half of a test key, as the bytes of its DER form (SubjectPublicKeyInfo): a secret that everybody knows.
    Der(String),
    /// Bytes in hexadecimal.
    Hex(String),
    /// A test key, whose private half signs.
    Pair(PairKey),
    /// Text; `$(secret)` stands for the secret.
    Text(String),
}

/// A test key that signs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairKey {
    /// The name of the test key: `rsa`, `rsa-2`, or a name that starts with `p256`, `p384` or `ed25519`.
    pub of: String,
    /// The algorithm that it signs with, whatever `alg` says.
    pub with: PairAlgorithm,
}

/// A signature algorithm with a key pair.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub enum PairAlgorithm {
    /// ECDSA over P-256 with SHA-256.
    ES256,
    /// ECDSA over P-384 with SHA-384.
    ES384,
    /// EdDSA over Ed25519.
    EdDSA,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
}

impl PairAlgorithm {
    /// The algorithm of that name in `alg`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(Value::from(name)).ok()
    }

    /// The name in `alg`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

/// What the signature is computed with.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
pub enum Mac {
    /// HMAC with SHA-256.
    #[default]
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
}

/// What is done to the signature.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// The two numbers of an ECDSA signature as an ASN.1 structure instead of side by side.
    Asn1,
    /// No bytes.
    Empty,
    /// The right bytes, followed by these (hexadecimal).
    Extend(String),
    /// One bit flipped; bit 0 is the highest of the first byte.
    FlipBit(usize),
    /// These bytes (hexadecimal).
    Hex(String),
    /// The signature of another token.
    Of(String),
    /// The right one.
    #[default]
    Ok,
    /// The first bytes only.
    Truncate(usize),
    /// As many zero bytes as the right one has.
    Zeros,
}

/// A part of the compact serialization (RFC 7515 §3.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The JOSE header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
    /// The whole compact text, after joining with dots.
    Token,
}

/// One bit of a part's bytes, flipped after signing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// `header` or `payload`.
    pub part: Part,
    /// Bit 0 is the highest of the first byte; counted modulo the length.
    pub bit: usize,
}

/// One edit of the encoded text; exactly one of `append`, `prepend`, `insert`, `replace`, `set`, `drop`, `alphabet`, `trailing-bits`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Edit {
    /// Text put after the part.
    #[serde(default)]
    pub append: Option<String>,
    /// Text put before the part.
    #[serde(default)]
    pub prepend: Option<String>,
    /// Text put at `at`.
    #[serde(default)]
    pub insert: Option<String>,
    /// The character index of `insert`; beyond the end means the end.
    #[serde(default)]
    pub at: Option<usize>,
    /// Text replaced by `with`, at its first occurrence.
    #[serde(default)]
    pub replace: Option<String>,
    /// The replacement.
    #[serde(default)]
    pub with: Option<String>,
    /// Text that takes the place of the whole part.
    #[serde(default)]
    pub set: Option<String>,
    /// `true`: the part is left out together with its dot.
    #[serde(default)]
    pub drop: bool,
    /// `base64`: `+` and `/` in place of `-` and `_`; the token is minted so that at least one of them occurs.
    #[serde(default)]
    pub alphabet: Option<Alphabet>,
    /// This many of the unused bits of the last character are set (RFC 4648 §3.5).
    #[serde(default)]
    pub trailing_bits: Option<u8>,
    /// Which part.
    pub to: Part,
}

/// The alphabet that a part is written in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// RFC 4648 §4, with `+` and `/`.
    Base64,
}

/// What the signature is over.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// The parts before the edits.
    #[default]
    Canonical,
    /// The parts as edited.
    Edited,
}

/// Recipes by name: those of `tokens.yaml`, then those of a suite.
#[derive(Clone, Debug, Default)]
pub struct Recipes(pub BTreeMap<String, Recipe>);

impl Recipes {
    /// The recipe of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Recipe> {
        self.0.get(name)
    }

    /// A recipe with everything that its bases say filled in.
    ///
    /// # Errors
    /// A sentence: an unknown base, or a circle of bases.
    pub fn flatten(&self, recipe: &Recipe) -> Result<Recipe, String> {
        self.flatten_at_depth(recipe, 0)
    }

    fn flatten_at_depth(&self, recipe: &Recipe, depth: usize) -> Result<Recipe, String> {
        let Some(base_name) = &recipe.base else { return Ok(recipe.clone()) };
        if depth > 16 {
            return Err(format!("the bases of this recipe go round in a circle at `{base_name}`"));
        }
        let base = self.find(base_name).ok_or_else(|| unknown(base_name, self.0.keys()))?;
        Ok(overlay(self.flatten_at_depth(base, depth.saturating_add(1))?, recipe))
    }
}

/// “no recipe `x`; …”, with the nearest known name.
pub fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    match nearest(name, known.map(String::as_str)) {
        Some(near) => format!("no token recipe `{name}`; did you mean `{near}`?"),
        None => format!("no token recipe `{name}`; recipes stand in `tokens.yaml` or under `tokens` of the suite"),
    }
}

fn overlay(mut base: Recipe, change: &Recipe) -> Recipe {
    for (name, value) in &change.header {
        base.drop_header.retain(|dropped| dropped != name);
        base.header.insert(name.clone(), value.clone());
    }
    for (name, value) in &change.claims {
        base.drop_claims.retain(|dropped| dropped != name);
        base.claims.insert(name.clone(), value.clone());
    }
    base.drop_header.extend(change.drop_header.iter().cloned());
    base.drop_claims.extend(change.drop_claims.iter().cloned());
    base.edits.extend(change.edits.iter().cloned());
    base.about = change.about.clone().or(base.about);
    base.roles = change.roles.clone().or(base.roles);
    base.header_text = change.header_text.clone().or(base.header_text);
    base.claims_text = change.claims_text.clone().or(base.claims_text);
    base.key = change.key.clone().or(base.key);
    base.mac = change.mac.or(base.mac);
    base.signature = change.signature.clone().or(base.signature);
    base.flip = change.flip.clone().or(base.flip);
    base.sign = change.sign.or(base.sign);
    base
}
