//! JSON as a token or a key set may hold it (TOKEN-8): strict, in UTF-8, an object, and no member name twice at any depth.
//!
//! `serde_json` is strict about the grammar, refuses a byte-order mark and invalid UTF-8, and stops at a depth of 128.
//! What it does not do is refuse the second of two equal names; this module does.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why bytes are not the text of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Two members of one object have the same name.
    DuplicateName,
    /// No JSON text in UTF-8, or one that is nested too deep.
    NotJson,
    /// JSON, and no object.
    NotObject,
}

/// The members of the JSON object that `bytes` are.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Flaw> {
    let duplicate = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = AnyValue { duplicate: &duplicate }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Flaw::NotObject),
        Err(_) if duplicate.get() => Err(Flaw::DuplicateName),
        Err(_) => Err(Flaw::NotJson),
    }
}

/// Reads any JSON value, and notes whether a name came twice.
#[derive(Clone, Copy)]
struct AnyValue<'a> {
    duplicate: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for AnyValue<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(self)?;
            if members.insert(name, value).is_some() {
                self.duplicate.set(true);
                return Err(A::Error::custom("a member name stands twice"));
            }
        }
        Ok(Value::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Map<String, Value>, Flaw> {
        object(text)
    }

    #[test]
    fn strict_objects_only() {
        assert!(read(b"{}").is_ok());
        assert!(read(b" {\"a\":[{\"b\":1},{\"b\":2}],\"c\":{\"b\":null}} \n").is_ok());
        for text in ["[]", "null", "1", "\"x\"", "[1,2]"] {
            assert_eq!(read(text.as_bytes()), Err(Flaw::NotObject), "{text}");
        }
        for text in [
            "",
            "{",
            "{}{}",
            "{} x",
            "{'a':1}",
            "{a:1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":1e400}",
            "{\"a\":NaN}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":\"\\ud800\"}",
            "/**/{}",
            "\u{feff}{}",
        ] {
            assert_eq!(read(text.as_bytes()), Err(Flaw::NotJson), "{text}");
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}"), Err(Flaw::NotJson));
    }

    #[test]
    fn no_name_twice() {
        for text in ["{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":1}", "{\"x\":[{\"y\":{\"a\":1,\"b\":2,\"a\":3}}]}"] {
            assert_eq!(read(text.as_bytes()), Err(Flaw::DuplicateName), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(nested(100).as_bytes()).is_ok());
        assert_eq!(read(nested(100_000).as_bytes()), Err(Flaw::NotJson));
    }
}
