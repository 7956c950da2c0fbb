//! Token recipe × secret × role path × now → the compact text of a token (RFC 7515 §3.1), the deliberately wrong ones included.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac as _};
use serde_json::{Map, Value};
use sha2::{Sha256, Sha384, Sha512};

use crate::corpus::Settings;
use crate::corpus::recipe::{Edit, KeyText, Mac, Part, Recipe, Recipes, Sign, Signature};
use crate::corpus::template::{Fill, Piece, Template, hex};
use crate::keys::{self, TestKey};

/// The mint of one suite at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Mint<'a> {
    /// The recipes that can be named.
    pub recipes: &'a Recipes,
    /// Secret and role path.
    pub settings: &'a Settings,
    /// Seconds since the epoch.
    pub now: i64,
    /// The URL of a listener that must see no connection.
    pub listener: &'a str,
}

/// The three parts of a token as bytes, before they are encoded.
struct Parts {
    header: Vec<u8>,
    payload: Vec<u8>,
}

impl Mint<'_> {
    /// The compact text of the token of that name.
    ///
    /// # Errors
    /// A sentence that says what in the recipe cannot be done.
    pub fn named(&self, name: &str) -> Result<Vec<u8>, String> {
        let recipe = self.recipes.find(name).ok_or_else(|| format!("no token recipe `{name}`"))?;
        self.mint(recipe)
    }

    /// The compact text of a token.
    ///
    /// # Errors
    /// A sentence that says what in the recipe cannot be done.
    pub fn mint(&self, recipe: &Recipe) -> Result<Vec<u8>, String> {
        let mut recipe = self.recipes.flatten(recipe)?;
        // Whether a character occurs in a part is chance; another claim is another throw of the dice.
        for salt in 0..64 {
            match self.assemble(&recipe) {
                Err(Unmintable::WithoutSpecial) => {
                    let text = format!("salt-{salt}-{}", ">?".repeat(salt % 3));
                    recipe.claims.insert("salt".to_owned(), Value::from(text));
                }
                Err(Unmintable::Mistake(why)) => return Err(why),
                Ok(token) => return Ok(token),
            }
        }
        Err("none of 64 tokens has a `-` or `_` in the part whose alphabet is to be changed".to_owned())
    }

    fn assemble(&self, recipe: &Recipe) -> Result<Vec<u8>, Unmintable> {
        let parts = self.parts(recipe)?;
        let canonical = [encode(&parts.header), encode(&parts.payload)];
        let (to_parts, to_token): (Vec<&Edit>, Vec<&Edit>) =
            recipe.edits.iter().partition(|edit| edit.to != Part::Token);
        let [mut header, mut payload] = canonical.clone();
        for edit in &to_parts {
            match edit.to {
                Part::Header => apply(edit, &mut header)?,
                Part::Payload => apply(edit, &mut payload)?,
                Part::Signature | Part::Token => {}
            }
        }
        let signed = match recipe.sign.unwrap_or_default() {
            Sign::Canonical => join(&canonical),
            Sign::Edited => join(&[header.clone(), payload.clone()]),
        };
        if let Some(flip) = &recipe.flip {
            match flip.part {
                Part::Header => header = encode(&flipped(&parts.header, flip.bit)),
                Part::Payload => payload = encode(&flipped(&parts.payload, flip.bit)),
                Part::Signature | Part::Token => {
                    let why =
                        "`flip` is for `header` and `payload`; for the signature write `signature: { flip-bit: n }`";
                    return Err(Unmintable::Mistake(why.to_owned()));
                }
            }
        }
        let mut signature = encode(&self.signature(recipe, &signed)?);
        for edit in to_parts.iter().filter(|edit| edit.to == Part::Signature) {
            apply(edit, &mut signature)?;
        }
        let dropped = |part: Part| recipe.edits.iter().any(|edit| edit.drop && edit.to == part);
        let kept = [(Part::Header, header), (Part::Payload, payload), (Part::Signature, signature)];
        let kept: Vec<Vec<u8>> = kept.into_iter().filter(|(part, _)| !dropped(*part)).map(|(_, text)| text).collect();
        let mut token = join(&kept);
        for edit in to_token {
            apply(edit, &mut token)?;
        }
        Ok(token)
    }

    fn parts(&self, recipe: &Recipe) -> Result<Parts, String> {
        let mut header = recipe.header.clone();
        header.retain(|name, _| !recipe.drop_header.contains(name));
        let mut claims = self.timed(&recipe.claims)?;
        if let Some(roles) = &recipe.roles {
            insert(&mut claims, &role_path(&self.settings.role_path), roles);
        }
        claims.retain(|name, _| !recipe.drop_claims.contains(name));
        let texts = Texts {
            mint: self,
            header: Value::Object(self.timed(&header)?).to_string(),
            claims: Value::Object(claims).to_string(),
        };
        let written = |text: &Option<String>, otherwise: &str| match text {
            Some(text) => Template::parse(text)?.render(&texts),
            None => Ok(otherwise.as_bytes().to_vec()),
        };
        Ok(Parts {
            header: written(&recipe.header_text, &texts.header)?,
            payload: written(&recipe.claims_text, &texts.claims)?,
        })
    }

    /// Members whose text is exactly `$(now…)` become numbers; other placeholders are filled in.
    fn timed(&self, members: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        members.iter().map(|(name, value)| Ok((name.clone(), self.timed_value(value)?))).collect()
    }

    fn timed_value(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => {
                let template = Template::parse(text)?;
                match template.as_now() {
                    Some(offset) => Value::from(self.now.saturating_add(offset)),
                    None => {
                        let texts = Texts { mint: self, header: String::new(), claims: String::new() };
                        Value::String(String::from_utf8_lossy(&template.render(&texts)?).into_owned())
                    }
                }
            }
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.timed_value(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Value::Object(self.timed(members)?),
            other => other.clone(),
        })
    }

    /// The right signature, by the key of the recipe.
    fn tag(&self, recipe: &Recipe, signed: &[u8]) -> Result<Vec<u8>, String> {
        let secret = match &recipe.key {
            Some(KeyText::Pair(pair)) => return TestKey::named(&pair.of)?.sign(pair.with, signed),
            None => self.settings.secret.as_bytes().to_vec(),
            Some(KeyText::Der(name)) => TestKey::named(name)?.der()?,
            Some(KeyText::Hex(digits)) => hex(digits)?,
            Some(KeyText::Text(text)) => {
                Template::parse(text)?.render(&Texts { mint: self, header: String::new(), claims: String::new() })?
            }
        };
        mac(recipe.mac.unwrap_or_default(), &secret, signed)
    }

    fn signature(&self, recipe: &Recipe, signed: &[u8]) -> Result<Vec<u8>, String> {
        let tag = self.tag(recipe, signed)?;
        Ok(match recipe.signature.clone().unwrap_or_default() {
            Signature::Ok => tag,
            Signature::Asn1 => keys::as_asn1(&tag),
            Signature::Empty => Vec::new(),
            Signature::Zeros => vec![0; tag.len()],
            Signature::Truncate(bytes) => tag.into_iter().take(bytes).collect(),
            Signature::Extend(digits) => tag.into_iter().chain(hex(&digits)?).collect(),
            Signature::FlipBit(bit) => flipped(&tag, bit),
            Signature::Hex(digits) => hex(&digits)?,
            Signature::Of(name) => {
                let token = self.named(&name)?;
                let last = token.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
                BASE64_URL_SAFE_NO_PAD
                    .decode(last)
                    .map_err(|error| format!("the signature of `{name}` is no base64url: {error}"))?
            }
        })
    }
}

/// Why there is no token.
enum Unmintable {
    /// The recipe cannot be followed.
    Mistake(String),
    /// A part has no character that the other alphabet writes differently.
    WithoutSpecial,
}

impl From<String> for Unmintable {
    fn from(why: String) -> Self {
        Self::Mistake(why)
    }
}

/// Fills the placeholders of texts inside a recipe.
struct Texts<'a, 'm> {
    mint: &'a Mint<'m>,
    header: String,
    claims: String,
}

impl Fill for Texts<'_, '_> {
    type Error = String;

    fn fill(&self, piece: &Piece, out: &mut Vec<u8>) -> Result<(), String> {
        match piece {
            Piece::Now(offset) => out.extend(self.mint.now.saturating_add(*offset).to_string().bytes()),
            Piece::Claims => out.extend(self.claims.bytes()),
            Piece::Header => out.extend(self.header.bytes()),
            Piece::Secret => out.extend(self.mint.settings.secret.bytes()),
            Piece::Listener => out.extend(self.mint.listener.bytes()),
            Piece::Token(name) => out.extend(self.mint.named(name)?),
            Piece::Jwk(name) => out.extend(Value::Object(TestKey::named(name)?.jwk()?).to_string().bytes()),
            Piece::Pem(name) => out.extend(TestKey::named(name)?.pem()?.bytes()),
            Piece::Host | Piece::Prefix => {
                return Err("`$(host)` and `$(prefix)` have no meaning in a token".to_owned());
            }
            Piece::Bytes(bytes) => out.extend(bytes),
            Piece::Text(text) => out.extend(text.bytes()),
        }
        Ok(())
    }
}

/// The names on the way to the roles: a JSON Pointer (RFC 6901) or names joined by dots.
#[must_use]
pub fn role_path(path: &str) -> Vec<String> {
    match path.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect(),
        None => path.split('.').map(str::to_owned).collect(),
    }
}

fn insert(members: &mut Map<String, Value>, path: &[String], value: &Value) {
    match path {
        [] => {}
        [last] => {
            members.insert(last.clone(), value.clone());
        }
        [first, rest @ ..] => {
            let inner = members.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Some(inner) = inner.as_object_mut() {
                insert(inner, rest, value);
            }
        }
    }
}

fn encode(bytes: &[u8]) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.encode(bytes).into_bytes()
}

fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.join(&b'.')
}

fn mac(kind: Mac, key: &[u8], message: &[u8]) -> Result<Vec<u8>, String> {
    let length = |_| "HMAC takes no key of this length".to_owned();
    Ok(match kind {
        Mac::HS256 => {
            Hmac::<Sha256>::new_from_slice(key).map_err(length)?.chain_update(message).finalize().into_bytes().to_vec()
        }
        Mac::HS384 => {
            Hmac::<Sha384>::new_from_slice(key).map_err(length)?.chain_update(message).finalize().into_bytes().to_vec()
        }
        Mac::HS512 => {
            Hmac::<Sha512>::new_from_slice(key).map_err(length)?.chain_update(message).finalize().into_bytes().to_vec()
        }
    })
}

/// The bytes with one bit flipped, counted from the highest bit of the first byte, modulo the length.
fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let at = bit.checked_div(8).and_then(|at| at.checked_rem(bytes.len()));
    if let Some(byte) = at.and_then(|at| out.get_mut(at)) {
        *byte ^= 0x80_u8.checked_shr(u32::try_from(bit % 8).unwrap_or_default()).unwrap_or_default();
    }
    out
}

fn apply(edit: &Edit, text: &mut Vec<u8>) -> Result<(), Unmintable> {
    let bytes = |template: &str| -> Result<Vec<u8>, String> { Template::parse(template)?.render(&BytesOnly) };
    if let Some(append) = &edit.append {
        text.extend(bytes(append)?);
    } else if let Some(prepend) = &edit.prepend {
        text.splice(0..0, bytes(prepend)?);
    } else if let (Some(insert), Some(at)) = (&edit.insert, edit.at) {
        let at = at.min(text.len());
        text.splice(at..at, bytes(insert)?);
    } else if let (Some(replace), Some(with)) = (&edit.replace, &edit.with) {
        let (old, new) = (bytes(replace)?, bytes(with)?);
        let at = text.windows(old.len().max(1)).position(|window| window == old.as_slice());
        let at = at.ok_or_else(|| format!("`replace: {replace}`: the part does not hold that text"))?;
        text.splice(at..at.saturating_add(old.len()), new);
    } else if let Some(set) = &edit.set {
        *text = bytes(set)?;
    } else if edit.alphabet.is_some() {
        if !text.iter().any(|byte| matches!(byte, b'-' | b'_')) {
            return Err(Unmintable::WithoutSpecial);
        }
        for byte in text.iter_mut() {
            *byte = match *byte {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            };
        }
    } else if let Some(bits) = edit.trailing_bits {
        set_trailing_bits(text, bits)?;
    }
    Ok(())
}

/// Sets unused bits of the last character: there are four after one byte of a group of three, two after two bytes.
fn set_trailing_bits(text: &mut [u8], bits: u8) -> Result<(), String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let unused = match text.len() % 4 {
        2 => 4,
        3 => 2,
        _ => return Err("`trailing-bits`: this part ends on a whole byte group and has no unused bits".to_owned()),
    };
    if bits == 0 || bits >= 1 << unused {
        return Err(format!("`trailing-bits`: between 1 and {} here", (1 << unused) - 1));
    }
    let last = text.last_mut().ok_or("an empty part")?;
    let value = ALPHABET.iter().position(|other| other == last).ok_or("the part does not end in base64url")?;
    *last = ALPHABET.get(value | usize::from(bits)).copied().unwrap_or(*last);
    Ok(())
}

/// Edits know bytes and text, nothing else.
struct BytesOnly;

impl Fill for BytesOnly {
    type Error = String;
    fn fill(&self, _: &Piece, _: &mut Vec<u8>) -> Result<(), String> {
        Err("an edit holds text and `$(x:…)` only".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipes(text: &str) -> Recipes {
        Recipes(serde_json::from_str(text).unwrap())
    }

    fn settings() -> Settings {
        Settings { secret: "secret".into(), ..Settings::default() }
    }

    fn decoded(part: &[u8]) -> String {
        String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    const RECIPES: &str = r#"{
        "admin": {"header": {"alg": "HS256", "typ": "JWT"}, "claims": {"exp": "$(now+60)"}, "roles": ["admin"]},
        "dropped": {"base": "admin", "drop-claims": ["exp"], "drop-header": ["typ"]},
        "written": {"base": "admin", "claims-text": "{\"exp\":$(now-1),\"was\":$(claims)}"},
        "none": {"base": "admin", "header": {"alg": "none"}, "signature": "empty"},
        "padded": {"base": "admin", "edits": [{"append": "=", "to": "signature"}]},
        "other": {"base": "admin", "roles": ["user"], "signature": {"of": "admin"}},
        "two-parts": {"base": "admin", "edits": [{"drop": true, "to": "signature"}]},
        "other-alphabet": {"base": "admin", "edits": [{"alphabet": "base64", "to": "signature"}]},
        "trailing": {"base": "admin", "edits": [{"trailing-bits": 1, "to": "signature"}]},
        "flip": {"base": "admin", "signature": {"flip-bit": 255}}
    }"#;

    fn minted(name: &str) -> Vec<Vec<u8>> {
        let recipes = recipes(RECIPES);
        let mint = Mint { recipes: &recipes, settings: &settings(), now: 1000, listener: "http://127.0.0.1:9/" };
        mint.named(name).unwrap().split(|byte| *byte == b'.').map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn recipes_change_one_thing() {
        let admin = minted("admin");
        assert_eq!(decoded(&admin[0]), r#"{"alg":"HS256","typ":"JWT"}"#);
        assert_eq!(decoded(&admin[1]), r#"{"exp":1060,"app_metadata":{"authorization":{"roles":["admin"]}}}"#);
        assert_eq!(decoded(&minted("dropped")[0]), r#"{"alg":"HS256"}"#);
        assert_eq!(decoded(&minted("dropped")[1]), r#"{"app_metadata":{"authorization":{"roles":["admin"]}}}"#);
        assert!(decoded(&minted("written")[1]).starts_with(r#"{"exp":999,"was":{"exp":1060"#));
        assert_eq!(minted("none")[2], b"");
        assert_eq!(minted("padded")[2], [admin[2].as_slice(), b"="].concat());
        assert_eq!(minted("other")[2], admin[2]);
        let (right, flip) = (
            BASE64_URL_SAFE_NO_PAD.decode(&admin[2]).unwrap(),
            BASE64_URL_SAFE_NO_PAD.decode(&minted("flip")[2]).unwrap(),
        );
        assert_eq!(right[..31], flip[..31]);
        assert_eq!(right[31] ^ flip[31], 1);
        assert_eq!(minted("two-parts").len(), 2);
        assert!(minted("other-alphabet")[2].iter().any(|byte| b"+/".contains(byte)));
        let (right, odd) = (&minted("admin")[2], &minted("trailing")[2]);
        assert_eq!(right[..42], odd[..42]);
        assert_ne!(right[42], odd[42]);
    }

    #[test]
    fn the_signature_is_hmac_sha256_as_rfc_7515_has_it() {
        // RFC 7515 appendix A.1
        let key = BASE64_URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        assert_eq!(
            encode(&mac(Mac::HS256, &key, signed.as_bytes()).unwrap()),
            b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }
}
