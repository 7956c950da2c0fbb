//! Queries: parameters as forms write them (QUERY-1 to QUERY-4).

use std::collections::HashMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::cost::step;
use crate::path::escape;

/// The parameters of one request: for each key its value, `None` where no `=` was written.
///
/// A parameter sent more than once counts with its last value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(HashMap<Vec<u8>, Option<Vec<u8>>>);

impl Parameters {
    /// Reads a raw query, which stood after the `?`.
    pub fn parse(query: &[u8]) -> Parameters {
        step(query.len());
        Parameters(
            query
                .split(|byte| *byte == b'&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
                    Some(at) => (form_decode(pair.get(..at).unwrap_or_default()), pair.get(at + 1..).map(form_decode)),
                    None => (form_decode(pair), None),
                })
                .collect(),
        )
    }

    /// How many different keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every key with its value, but for those without one (QUERY-3), in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().filter_map(|(key, value)| Some((key.as_slice(), value.as_deref()?)))
    }

    /// The value of `key`. QUERY-3: a bare `?key` has none.
    pub fn value(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.get(key)?.as_deref()
    }
}

/// Decodes `application/x-www-form-urlencoded` text: `+` is a space, a `%` that starts no escape is itself.
pub(crate) fn form_decode(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        plain.push(match byte {
            b'+' => b' ',
            b'%' => match escape(after) {
                Some((value, after)) => {
                    rest = after;
                    value
                }
                None => b'%',
            },
            other => *other,
        });
    }
    plain
}

/// QUERY-4: encodes text for a query value, so that it can add no `&`, `=`, `#` or control character.
pub fn form_encode(bytes: &[u8]) -> String {
    percent_encode(bytes, FORM).to_string().replace("%20", "+")
}

/// LOC-3: a raw query as a URI may hold it. Escapes stay; a `%` that starts none becomes `%25`.
pub fn clean(query: &[u8]) -> String {
    let mut text = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        text.extend(percent_encode(before, QUERY));
        text.push_str(if escape(after).is_some() { "%" } else { "%25" });
        rest = after;
    }
    text.extend(percent_encode(rest, QUERY));
    text
}

/// The URL Standard's form percent-encode set; the space is put back as `+`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// RFC 3986 §3.4: what a query may not hold as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/')
    .remove(b'?');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let parameters = Parameters::parse(b"a=1&b=&c&&a=2&d=x%20y+z%zz&%65=%3d=&K=v&=empty");
        assert_eq!(parameters.len(), 7);
        for (key, value) in [
            ("a", Some("2")),
            ("b", Some("")),
            ("c", None),
            ("d", Some("x y z%zz")),
            ("e", Some("==")),
            ("K", Some("v")),
            ("k", None),
            ("", Some("empty")),
        ] {
            assert_eq!(parameters.value(key.as_bytes()), value.map(str::as_bytes), "{key}");
        }
        assert!(Parameters::parse(b"").is_empty());
        assert!(Parameters::parse(b"&&").is_empty());
        assert_eq!(Parameters::parse(b"a=1&a").value(b"a"), None);
    }

    #[test]
    fn encodings() {
        assert_eq!(form_encode("a b+c&d=e#f%g@é/\r\n".as_bytes()), "a+b%2Bc%26d%3De%23f%25g%40%C3%A9%2F%0D%0A");
        assert_eq!(clean(b"a=b&c=%zz%20%\xff \"<>[]#/?"), "a=b&c=%25zz%20%25%FF%20%22%3C%3E%5B%5D%23/?");
    }
}
