//! A JSON Web Key Set (RFC 7517 §5), read strictly.
//!
//! The document must be sound as a whole. A key in it that cannot be used is passed over, as the RFC asks for, with the
//! reason: it verifies nothing. A document without any key that can be used is refused.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rolegate::cost::step;
use rolegate::token::json::{self, Flaw};
use rolegate::token::{KeyId, PublicKey};
use rolegate::{Algorithm, Keys};
use serde_json::{Map, Value};

use crate::algorithms::{Algorithms, KeyKind, Unbound};
use crate::public::{Material, Unsound, public_key};

/// A longer document is refused unread.
pub const MAX_JWKS: usize = 256 * 1024;

/// Members of a private key (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// The keys of a document, and which of its members are not used.
#[derive(Debug)]
pub struct Jwks {
    /// The keys that can be used, at least one.
    pub keys: Keys,
    /// The others.
    pub passed_over: Vec<PassedOverKey>,
}

/// A member of `keys` that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOverKey {
    /// Its place in `keys`, from 0.
    pub place: usize,
    /// Its `kid`, where that is text.
    pub kid: Option<String>,
    /// Why.
    pub why: UnusableKey,
}

impl fmt::Display for PassedOverKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kid {
            Some(kid) => write!(f, "key {} (`{}`): {}", self.place, kid.escape_debug(), self.why),
            None => write!(f, "key {}: {}", self.place, self.why),
        }
    }
}

/// Why a JSON Web Key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// `alg` is no text.
    #[error("`alg` is no text")]
    AlgorithmNotText,
    /// `alg` names another kind of key.
    #[error("`alg` is for another kind of key")]
    AlgorithmMisfit,
    /// `alg`, or the kind of key where it names none, is not among the algorithms that the operator listed.
    #[error("its algorithm is not listed")]
    AlgorithmNotListed,
    /// `alg` is not known.
    #[error("its algorithm is not supported")]
    AlgorithmUnknown,
    /// `crv` is missing or not supported.
    #[error("its curve is not supported")]
    Curve,
    /// `kid` is no text.
    #[error("`kid` is no text")]
    KeyId,
    /// `kty` is missing or not supported.
    #[error("its key type is not supported")]
    KeyType,
    /// A member is missing, no text, or no base64url without padding.
    #[error("`{0}` is missing or no base64url")]
    Member(&'static str),
    /// The member of `keys` is no object.
    #[error("it is no object")]
    NotObject,
    /// `key_ops` is there without `verify`.
    #[error("`key_ops` does not hold `verify`")]
    Operations,
    /// It has members of a private key, so others may hold it too.
    #[error("it holds private members, so whoever can read the document can sign with it")]
    Private,
    /// Another key has the same `kid` and the same algorithm, so that nothing tells which is meant.
    #[error("another key has the same `kid` and algorithm")]
    SameKeyId,
    /// A symmetric key (`oct`). TOKEN-12: secrets and public keys never mix.
    #[error("it is a secret, and secrets and public keys never mix")]
    Secret,
    /// An RSA key of a size that is not used.
    #[error("it has {0} bits; the least is 2048, the most 8192")]
    Size(usize),
    /// The numbers are no key: not on the curve, of the wrong length, or with an impossible exponent.
    #[error("its numbers are no key")]
    Unsound,
    /// `use` is there and not `sig`.
    #[error("its `use` is not `sig`")]
    Use,
    /// TOKEN-12.weak-keys: a point of small order, an encoding that is not canonical, or an RSA key with an exponent of
    /// one or a small factor.
    #[error("it is weak: anybody can make signatures for it")]
    Weak,
}

/// Why a text is no key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// It is over [`MAX_JWKS`] bytes.
    #[error("it is over 256 KiB")]
    TooLong,
    /// It is not JSON.
    #[error("it is not JSON")]
    NotJson,
    /// A member name stands twice in one object.
    #[error("it holds a member name twice")]
    DuplicateName,
    /// There is no list of keys in it.
    #[error("it is no JSON object with a list `keys`")]
    NoList,
    /// No key in it can be used.
    #[error("no key in it can be used{}", listed(.0))]
    NoKey(Vec<PassedOverKey>),
}

fn listed(passed_over: &[PassedOverKey]) -> String {
    passed_over.iter().map(|key| format!("\n  {key}")).collect()
}

/// The keys of a JWKS document.
///
/// # Errors
/// The document cannot be read, or holds no key that can be used.
pub fn parse(document: &[u8], algorithms: &Algorithms) -> Result<Jwks, JwksError> {
    if document.len() > MAX_JWKS {
        return Err(JwksError::TooLong);
    }
    let set = json::object(document).map_err(|flaw| match flaw {
        Flaw::DuplicateName => JwksError::DuplicateName,
        Flaw::NotJson => JwksError::NotJson,
        Flaw::NotObject => JwksError::NoList,
    })?;
    let Some(Value::Array(members)) = set.get("keys") else { return Err(JwksError::NoList) };

    let mut usable: Vec<(usize, PublicKey)> = Vec::new();
    let mut passed_over = Vec::new();
    step(document.len());
    for (place, member) in members.iter().enumerate() {
        match read(member, algorithms) {
            Ok(key) => usable.push((place, key)),
            Err(why) => passed_over.push(PassedOverKey { place, kid: kid(member).map(str::to_owned), why }),
        }
    }
    // TOKEN-12: `kid` picks within the set, so it has to pick one. RFC 7517 §4.5 lets keys for different algorithms share it.
    let mut count: HashMap<(&KeyId, Algorithm), usize> = HashMap::new();
    usable.iter().for_each(|(_, key)| *count.entry((&key.id, key.algorithm)).or_default() += 1);
    let is_ambiguous = |key: &PublicKey| {
        key.id != KeyId::Unnamed && count.get(&(&key.id, key.algorithm)).is_some_and(|count| *count > 1)
    };
    let ambiguous: Vec<usize> = usable.iter().filter(|(_, key)| is_ambiguous(key)).map(|(place, _)| *place).collect();
    usable.retain(|(place, _)| ambiguous.binary_search(place).is_err());
    passed_over.extend(ambiguous.into_iter().map(|place| PassedOverKey {
        place,
        kid: members.get(place).and_then(kid).map(str::to_owned),
        why: UnusableKey::SameKeyId,
    }));
    passed_over.sort_by_key(|key| key.place);
    if usable.is_empty() {
        return Err(JwksError::NoKey(passed_over));
    }
    Ok(Jwks { keys: Keys::public(usable.into_iter().map(|(_, key)| key).collect()), passed_over })
}

fn kid(member: &Value) -> Option<&str> {
    member.get("kid")?.as_str()
}

/// One JSON Web Key (RFC 7517 §4).
fn read(member: &Value, algorithms: &Algorithms) -> Result<PublicKey, UnusableKey> {
    let Value::Object(jwk) = member else { return Err(UnusableKey::NotObject) };
    let id = match jwk.get("kid") {
        None => KeyId::Unnamed,
        Some(Value::String(kid)) => KeyId::Named(kid.clone()),
        Some(_) => return Err(UnusableKey::KeyId),
    };
    let kty = jwk.get("kty").and_then(Value::as_str);
    if kty == Some("oct") || jwk.contains_key("k") {
        return Err(UnusableKey::Secret);
    }
    if PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name)) {
        return Err(UnusableKey::Private);
    }
    // RFC 7517 §4.2, §4.3
    if !matches!(jwk.get("use"), None | Some(Value::String(_))) || jwk.get("use").is_some_and(|usage| usage != "sig") {
        return Err(UnusableKey::Use);
    }
    let verifies =
        |operations: &Value| operations.as_array().is_some_and(|list| list.iter().any(|one| one == "verify"));
    if !jwk.get("key_ops").is_none_or(verifies) {
        return Err(UnusableKey::Operations);
    }
    let material = match kty {
        Some("RSA") => Material::from_rsa(&number(jwk, "n")?, &number(jwk, "e")?),
        Some("EC") => {
            let kind = match jwk.get("crv").and_then(Value::as_str) {
                Some("P-256") => KeyKind::P256,
                Some("P-384") => KeyKind::P384,
                _ => return Err(UnusableKey::Curve),
            };
            Material::from_point(kind, &number(jwk, "x")?, &number(jwk, "y")?)
        }
        Some("OKP") => match jwk.get("crv").and_then(Value::as_str) {
            Some("Ed25519") => Material::from_ed25519(&number(jwk, "x")?),
            _ => return Err(UnusableKey::Curve),
        },
        _ => return Err(UnusableKey::KeyType),
    };
    let material = material.map_err(|why| match why {
        Unsound::Size(bits) => UnusableKey::Size(bits),
        Unsound::Unusable => UnusableKey::Unsound,
        Unsound::Weak => UnusableKey::Weak,
    })?;
    let named = match jwk.get("alg") {
        None => None,
        Some(Value::String(name)) => Some(name.as_str()),
        Some(_) => return Err(UnusableKey::AlgorithmNotText),
    };
    let algorithm = algorithms.bind(material.kind, named).map_err(|why| match why {
        Unbound::Unknown => UnusableKey::AlgorithmUnknown,
        Unbound::Misfit => UnusableKey::AlgorithmMisfit,
        Unbound::NotListed => UnusableKey::AlgorithmNotListed,
    })?;
    Ok(public_key(&material, algorithm, id))
}

/// The bytes of a member in base64url without padding (RFC 7518 §2).
fn number(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, UnusableKey> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or(UnusableKey::Member(name))?;
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| !bytes.is_empty()).ok_or(UnusableKey::Member(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "75pCl6skjzEpces20XgW05GW3puc_z0ikqqa2MxxVBo";
    const Y: &str = "rfsl30eckpYd3L0FLFHIrf2pnRYy2QwVUP_GDDouEEQ";
    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// Why a P-256 key with these members more, behind a sound one, is not used; `None` where it is.
    fn why(more: &str) -> Option<UnusableKey> {
        let document = format!(r#"{{"keys":[{ED},{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"{more}}}]}}"#);
        let set = parse(document.as_bytes(), &Algorithms::default()).unwrap();
        assert!(set.passed_over.iter().all(|key| key.place == 1));
        set.passed_over.first().map(|key| key.why)
    }

    #[test]
    fn what_is_used_and_what_is_passed_over() {
        for more in
            ["", r#","use":"sig""#, r#","key_ops":["sign","verify"]"#, r#","alg":"ES256","kid":"","x5c":["AA=="]"#]
        {
            assert_eq!(why(more), None, "{more}");
        }
        for (more, expected) in [
            (r#","use":"enc""#, UnusableKey::Use),
            (r#","use":["sig"]"#, UnusableKey::Use),
            (r#","use":null"#, UnusableKey::Use),
            (r#","key_ops":[]"#, UnusableKey::Operations),
            (r#","key_ops":"verify""#, UnusableKey::Operations),
            (r#","d":null"#, UnusableKey::Private),
            (r#","k":"AQAB""#, UnusableKey::Secret),
            (r#","kid":1"#, UnusableKey::KeyId),
            (r#","alg":1"#, UnusableKey::AlgorithmNotText),
            (r#","alg":"ES384""#, UnusableKey::AlgorithmMisfit),
            (r#","alg":"HS256""#, UnusableKey::AlgorithmUnknown),
        ] {
            assert_eq!(why(more), Some(expected), "{more}");
        }
        for (key, expected) in [
            ("1".to_owned(), UnusableKey::NotObject),
            ("{}".to_owned(), UnusableKey::KeyType),
            (r#"{"kty":"oct","k":"AQAB"}"#.to_owned(), UnusableKey::Secret),
            (r#"{"kty":"oct"}"#.to_owned(), UnusableKey::Secret),
            (format!(r#"{{"kty":"EC","crv":"P-521","x":"{X}","y":"{Y}"}}"#), UnusableKey::Curve),
            (format!(r#"{{"kty":"EC","crv":"P-384","x":"{X}","y":"{Y}"}}"#), UnusableKey::Unsound),
            (format!(r#"{{"kty":"EC","crv":"P-256","x":"{Y}","y":"{X}"}}"#), UnusableKey::Unsound),
            (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}="}}"#), UnusableKey::Member("y")),
            (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}"}}"#), UnusableKey::Member("y")),
            (r#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#.to_owned(), UnusableKey::Curve),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#.to_owned(), UnusableKey::Unsound),
            (format!(r#"{{"kty":"RSA","n":"{X}","e":"AQAB"}}"#), UnusableKey::Size(256)),
            (format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"AQ{}"}}"#, "A".repeat(41)), UnusableKey::Weak),
            (rsa(256, 0xff, "AQ"), UnusableKey::Weak),
            (rsa(256, 0xff, "Ag"), UnusableKey::Weak),
            (rsa(256, 0xfe, "AQAB"), UnusableKey::Weak),
            // 2^2048 - 1 is a multiple of three.
            (rsa(256, 0xff, "AQAB"), UnusableKey::Weak),
            (rsa(1025, 0xff, "AQAB"), UnusableKey::Size(8200)),
            (rsa(1, 0xff, "AQAB"), UnusableKey::Size(8)),
            (point(0), UnusableKey::Unsound),
            (point(0xff), UnusableKey::Unsound),
        ] {
            let document = format!(r#"{{"keys":[{key}]}}"#);
            let Err(JwksError::NoKey(passed_over)) = parse(document.as_bytes(), &Algorithms::default()) else {
                panic!("{key}");
            };
            assert_eq!(passed_over.first().map(|key| key.why), Some(expected), "{key}");
        }
    }

    /// A key whose modulus has so many bytes, all but the last of which are 0xff.
    fn rsa(bytes: usize, last: u8, e: &str) -> String {
        let mut modulus = vec![0xff; bytes];
        modulus.pop();
        modulus.push(last);
        format!(r#"{{"kty":"RSA","n":"{}","e":"{e}"}}"#, URL_SAFE_NO_PAD.encode(modulus))
    }

    /// A key of P-256 whose numbers hold this byte alone: the point at infinity as some write it, and none at all.
    fn point(byte: u8) -> String {
        let number = URL_SAFE_NO_PAD.encode([byte; 32]);
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{number}","y":"{number}"}}"#)
    }

    #[test]
    fn small_rsa_keys() {
        let of = |document: &[u8]| parse(document, &Algorithms::default()).map(|set| set.keys.names());
        let sound = of(include_bytes!("../../../fuzz/corpus/jwks/seed-rsa"));
        assert_eq!(sound, Ok(vec!["RS256 `r`".to_owned()]));
        let Err(JwksError::NoKey(small)) = of(include_bytes!("../../../fuzz/corpus/jwks/seed-rsa-1024")) else {
            panic!("1024 bits are used")
        };
        assert_eq!(small.first().map(|key| key.why), Some(UnusableKey::Size(1024)));
        let listed = Algorithms::only([Algorithm::PS512]);
        let keys = parse(include_bytes!("../../../fuzz/corpus/jwks/seed-rsa"), &listed).unwrap().keys;
        assert_eq!(keys.names(), ["PS512 `r`"]);
    }

    #[test]
    fn documents() {
        let of = |document: &str| parse(document.as_bytes(), &Algorithms::default()).map(|set| set.keys.names());
        for (document, expected) in [
            ("", JwksError::NotJson),
            ("[]", JwksError::NoList),
            ("{}", JwksError::NoList),
            (r#"{"keys":{}}"#, JwksError::NoList),
            (r#"{"keys":[],"keys":[]}"#, JwksError::DuplicateName),
            (r#"{"keys":[]}"#, JwksError::NoKey(Vec::new())),
        ] {
            assert_eq!(of(document), Err(expected), "{document}");
        }
        assert_eq!(of(&" ".repeat(MAX_JWKS + 1)), Err(JwksError::TooLong));
        let twice = format!(r#"{{"keys":[{ED},{ED},{}]}}"#, ED.replace("\"ed\"", "\"other\""));
        assert_eq!(of(&twice), Ok(vec!["EdDSA `other`".to_owned()]), "of two with one name neither is used");
    }
}
