//! The JSON of a token, against a plain reader and a plain search for names that stand twice.

use std::collections::HashSet;

use rolegate::token::json::{Flaw, object};
use serde_json::Value;

/// TOKEN-8: the reader of the token accepts what a plain reader accepts, with the same value, where it is an object that
/// holds no name twice at any depth; and nothing else.
pub fn token_json(bytes: &[u8]) {
    let read = object;
    let strict = read(bytes);
    let plain = serde_json::from_slice::<Value>(bytes);
    let repeats = plain.is_ok() && repeats_a_name(bytes);
    match (&strict, &plain) {
        (Ok(members), Ok(Value::Object(plainly))) => {
            assert_eq!(members, plainly, "both readers see the same members");
            assert!(!repeats, "a name that stands twice was read");
        }
        (Err(Flaw::DuplicateName), Ok(_)) => assert!(repeats, "no name stands twice"),
        (Err(Flaw::NotObject), Ok(value)) => assert!(!value.is_object() && !repeats),
        // A name stood twice before the fault, or the fault came first.
        (Err(Flaw::DuplicateName | Flaw::NotJson), Err(_)) => {}
        _ => assert!(strict.is_err() && plain.is_err(), "{strict:?} but {plain:?}"),
    }

    // White space around a text means nothing; a byte-order mark and a second text do.
    let around = [b" \t\r\n", bytes, b" \t\r\n"].concat();
    assert_eq!(read(&around), strict);
    assert!(read(&[b"\xef\xbb\xbf", bytes].concat()).is_err(), "a byte-order mark was read over");
    assert!(strict.is_err() || read(&[bytes, b"{}"].concat()).is_err(), "a second text was read over");

    // The text inside another one: a name that stands twice is found at any depth, and only then.
    let inside = read(&[b"{\"a\":[{\"a\":", bytes, b"}],\"b\":null}"].concat());
    let (is_deep, deepest) = (depth(bytes) > 100, inside.is_ok());
    match (&plain, inside) {
        (Ok(_), Err(Flaw::DuplicateName)) => assert!(repeats, "no name stands twice"),
        (Ok(_), _) => assert!(is_deep || deepest != repeats, "deeper inside, a name that stands twice was read"),
        // Such a text can close what stands around it and open it again: `1},{"a":1`.
        (Err(_), _) => {}
    }
    let twice = read(&[b"{\"a\":", bytes, b",\"b\":0,\"a\":", bytes, b"}"].concat());
    assert!(plain.is_err() || twice.is_err(), "the same name was read twice");
}

/// How deep arrays and objects stand in each other, at most: every opening bracket counts.
fn depth(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| matches!(byte, b'{' | b'[')).count()
}

/// Whether an object in a valid JSON text holds two equal names. The text is known to be valid, so a string is a name
/// where a colon follows.
fn repeats_a_name(text: &[u8]) -> bool {
    let mut objects: Vec<HashSet<String>> = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'{' | b'[' => objects.push(HashSet::new()),
            b'}' | b']' => drop(objects.pop()),
            b'"' => {
                let (string, after) = after.split_at(length_of_string(after));
                rest = after;
                let after = after.get(1..).unwrap_or_default().trim_ascii_start();
                if after.first() == Some(&b':') {
                    let quoted = [b"\"", string, b"\""].concat();
                    let name = serde_json::from_slice::<String>(&quoted).unwrap_or_default();
                    if objects.last_mut().is_some_and(|names| !names.insert(name)) {
                        return true;
                    }
                }
                rest = rest.get(1..).unwrap_or_default();
            }
            _ => {}
        }
    }
    false
}

/// How many bytes come before the quotation mark that ends a string.
fn length_of_string(text: &[u8]) -> usize {
    let mut escaped = false;
    text.iter()
        .position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        })
        .unwrap_or(text.len())
}
