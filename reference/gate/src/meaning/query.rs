//! Queries: parameters as forms write them (QUERY-1 to QUERY-4).

use std::collections::HashMap;

use crate::cost::step;
use crate::uri::form_decode;

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
}
