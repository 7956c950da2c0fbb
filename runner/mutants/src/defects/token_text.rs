//! How the text of a token is read: its parts, base64url, JSON (TOKEN-1, TOKEN-8).

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor as JsonVisitor};
use serde_json::{Map, Value};

use crate::jwt::Token;
use crate::scene::Reply as Answer;
use crate::{Defect, Mutant};

use Defect::Reply;

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "token/padding-accepted",
        "TOKEN-1",
        "padding (`=`) behind a part is accepted",
        Defect::Token(|token| recode(token, |part| Some(trim_end(part, b'=')))),
    ),
    Mutant::new(
        "token/other-alphabet-accepted",
        "TOKEN-1",
        "`+` and `/` are accepted in the place of `-` and `_`",
        Defect::Token(|token| {
            recode(token, |part| {
                let other = |byte: &u8| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                };
                Some(part.iter().map(other).collect())
            })
        }),
    ),
    Mutant::new(
        "token/white-space-accepted",
        "TOKEN-1",
        "white space inside a part is skipped",
        Defect::Token(|token| {
            recode(token, |part| Some(keep(part, |byte| !byte.is_ascii_whitespace() && byte != 0x0b)))
        }),
    ),
    Mutant::new(
        "token/other-characters-skipped",
        "TOKEN-1",
        "characters that are not base64url are skipped",
        Defect::Token(|token| {
            recode(token, |part| Some(keep(part, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))))
        }),
    ),
    Mutant::new(
        "token/stray-bits-accepted",
        "TOKEN-1.canonical-bits",
        "unused bits at the end of a part may be anything",
        Defect::Token(|token| {
            let (header, claims) = (token.header_text.clone(), token.claims_text.clone());
            let unpadded = token.parts.iter().flatten().all(|byte| *byte != b'=');
            unpadded && token.is_signed() && token.retell(header, claims)
        }),
    ),
    Mutant::new(
        "token/parts-beyond-the-third-ignored",
        "TOKEN-1",
        "what stands behind the third part is ignored",
        Defect::Token(|token| {
            let first: Vec<Vec<u8>> = token.parts.iter().take(3).cloned().collect();
            token.parts.len() > 3 && token.reread(first)
        }),
    ),
    Mutant::new(
        "token/json-serialization-accepted",
        "TOKEN-1",
        "a token in JSON serialization is accepted",
        Defect::Token(|token| {
            let Ok(Value::Object(members)) = serde_json::from_slice(&token.compact) else { return false };
            let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().as_bytes().to_vec();
            let one =
                members.get("signatures").and_then(|all| all.get(0)).and_then(Value::as_object).unwrap_or(&members);
            token.reread(vec![text(one.get("protected")), text(members.get("payload")), text(one.get("signature"))])
        }),
    ),
    Mutant::new(
        "token/bearer-accepted",
        "TOKEN-1",
        "`Bearer` in front of the token is skipped",
        Defect::Token(|token| match token.compact.split_at_checked(7) {
            Some((word, rest)) if word.eq_ignore_ascii_case(b"bearer ") => {
                let rest = rest.split(|byte| *byte == b'.').map(<[u8]>::to_vec).collect();
                token.reread(rest)
            }
            _ => false,
        }),
    ),
    Mutant::new(
        "token/last-of-two-names",
        "TOKEN-8.duplicates",
        "a member name may stand twice; the last one counts",
        Defect::Token(|token| token.is_signed_and_spelled() && token.rewrite()),
    ),
    Mutant::new(
        "token/first-of-two-names",
        "TOKEN-8",
        "a member name may stand twice; the first one counts",
        Defect::Token(|token| {
            let first = |text: &[u8]| {
                serde_json::from_slice::<First>(text).ok().and_then(|first| serde_json::to_vec(&first.0).ok())
            };
            let (Some(header), Some(claims)) = (first(&token.header_text), first(&token.claims_text)) else {
                return false;
            };
            token.is_signed_and_spelled() && token.retell(header, claims)
        }),
    ),
    Mutant::new(
        "token/json-with-trailing-commas",
        "TOKEN-8",
        "JSON with a comma behind the last member is accepted",
        Defect::Token(|token| {
            retext(token, |text| {
                let text = String::from_utf8(text.to_vec()).ok()?;
                Some(text.replace(",}", "}").replace(",]", "]").into_bytes())
            })
        }),
    ),
    Mutant::new(
        "token/json-with-comments",
        "TOKEN-8",
        "JSON with comments is accepted",
        Defect::Token(|token| {
            retext(token, |text| {
                let text = String::from_utf8(text.to_vec()).ok()?;
                let (before, rest) = text.split_once("/*")?;
                let (_, after) = rest.split_once("*/")?;
                Some(format!("{before}{after}").into_bytes())
            })
        }),
    ),
    Mutant::new(
        "token/json-with-a-tail",
        "TOKEN-8",
        "what stands behind the JSON object is ignored",
        Defect::Token(|token| {
            retext(token, |text| {
                let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
                values.next()?.ok()?;
                text.get(..values.byte_offset()).map(<[u8]>::to_vec)
            })
        }),
    ),
    Mutant::new(
        "token/json-with-a-mark",
        "TOKEN-8.byte-order-mark",
        "a byte-order mark before the JSON text is skipped",
        Defect::Token(|token| retext(token, |text| Some(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).to_vec()))),
    ),
    Mutant::new(
        "token/json-in-any-octets",
        "TOKEN-8",
        "bytes that are no UTF-8 are let through, and the JSON is read all the same",
        Defect::Token(|token| retext(token, |text| Some(String::from_utf8_lossy(text).into_owned().into_bytes()))),
    ),
    Mutant::new(
        "token/json-in-utf-16",
        "TOKEN-8",
        "JSON in UTF-16 is read",
        Defect::Token(|token| retext(token, utf16)),
    ),
    Mutant::new(
        "token/json-with-nan",
        "TOKEN-8",
        "`NaN` and `Infinity` are numbers",
        Defect::Token(|token| {
            retext(token, |text| {
                let text = String::from_utf8(text.to_vec()).ok()?;
                Some(text.replace("-Infinity", "0").replace("Infinity", "0").replace("NaN", "0").into_bytes())
            })
        }),
    ),
    Mutant::new(
        "token/json-with-control-characters",
        "TOKEN-8",
        "raw control characters inside JSON texts are accepted",
        Defect::Token(|token| {
            retext(token, |text| Some(keep(text, |byte| byte >= 0x20 || byte.is_ascii_whitespace() && byte != b'\t')))
        }),
    ),
    Mutant::new(
        "token/header-read-by-position",
        "TOKEN-8",
        "a header that is an array is read by position",
        Defect::Token(|token| match serde_json::from_slice(&token.header_text) {
            Ok(Value::Array(items)) if items.contains(&Value::from("HS256")) && token.is_signed_and_spelled() => {
                let claims = token.claims_text.clone();
                token.retell(br#"{"alg":"HS256","typ":"JWT"}"#.to_vec(), claims)
            }
            _ => false,
        }),
    ),
    Mutant::new(
        "token/claims-read-by-position",
        "TOKEN-8",
        "claims that are an array are read by position",
        Defect::Token(|token| {
            let Ok(Value::Array(items)) = serde_json::from_slice(&token.claims_text) else { return false };
            let object = items.into_iter().find_map(|item| match item {
                Value::Object(members) if members.contains_key("exp") => Some(members),
                _ => None,
            });
            let Some(object) = object else { return false };
            let (signed, header) = (token.is_signed_and_spelled(), token.header_text.clone());
            signed && token.retell(header, serde_json::to_vec(&object).unwrap_or_default())
        }),
    ),
    Mutant::new(
        "token/deep-json-is-500",
        "TOKEN-8",
        "a token whose JSON is nested deep is answered with 500",
        Reply(|scene, _, reply| {
            let Some(compact) = scene.token() else { return };
            let token = Token::read(&compact, scene.ground, scene.now);
            let deep = |text: &[u8]| text.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 128;
            if deep(&token.header_text) || deep(&token.claims_text) {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
];

fn keep(part: &[u8], wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    part.iter().copied().filter(|byte| wanted(*byte)).collect()
}

fn trim_end(mut part: &[u8], unwanted: u8) -> Vec<u8> {
    while let [rest @ .., last] = part
        && *last == unwanted
    {
        part = rest;
    }
    part.to_vec()
}

/// Reads the parts in another spelling, if that changes any of them.
fn recode(token: &mut Token<'_>, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> bool {
    let Some(parts) = token.parts.iter().map(|part| change(part)).collect::<Option<Vec<_>>>() else { return false };
    parts != token.parts && parts.len() == 3 && token.reread(parts)
}

/// Reads the JSON texts in another spelling, if that changes any of them.
fn retext(token: &mut Token<'_>, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> bool {
    let changed = |text: &[u8]| change(text).unwrap_or_else(|| text.to_vec());
    let (header, claims) = (changed(&token.header_text), changed(&token.claims_text));
    let differs = header != token.header_text || claims != token.claims_text;
    differs && token.is_signed_and_spelled() && token.retell(header, claims)
}

fn utf16(text: &[u8]) -> Option<Vec<u8>> {
    let little = match text {
        [0xff, 0xfe, ..] | [b'{', 0, ..] => true,
        [0xfe, 0xff, ..] | [0, b'{', ..] => false,
        _ => return None,
    };
    let units = text.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
    let units: Vec<u16> =
        units.map(|pair| if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }).collect();
    let text = String::from_utf16(&units).ok()?;
    Some(text.trim_start_matches('\u{feff}').as_bytes().to_vec())
}

/// JSON whose first of two equal names counts.
struct First(Value);

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FirstVisitor).map(First)
    }
}

struct FirstVisitor;

impl<'de> JsonVisitor<'de> for FirstVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, First(value))) = access.next_entry::<String, First>()? {
            members.entry(name).or_insert(value);
        }
        Ok(Value::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(First(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}
