//! Cookies, read as RFC 6265 §5.4 and §4.2 have them sent.

use std::collections::BTreeMap;

use crate::cost::step;
use crate::uri::find;

/// COOKIE-1: the one cookie that a token is read from.
pub const TOKEN_COOKIE: &str = "nf_jwt";

/// The pairs of a request's `Cookie` lines, in the order sent.
///
/// COOKIE-2: pairs are split at `;`, spaces and tabs around name and value are trimmed, the name ends at the first
/// `=`. What has no name disturbs nothing else.
pub fn pairs<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    lines.into_iter().flat_map(split).filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let name = trim(pair.get(..equals)?);
        let value = trim(pair.get(equals + 1..)?);
        (!name.is_empty()).then_some((name, value))
    })
}

/// COST-2: no more than so many cookies are read of one request. Browsers keep fewer for a site.
pub const MAX_COOKIES: usize = 256;

/// Whether lines hold more pairs than [`MAX_COOKIES`], blank ones aside.
pub fn are_too_many<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> bool {
    lines.into_iter().flat_map(split).filter(|pair| !trim(pair).is_empty()).nth(MAX_COOKIES).is_some()
}

/// What lies between the semicolons of a line.
fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = find(b';', line).unwrap_or(line.len());
        step(end + 1);
        rest = line.get(end + 1..);
        line.get(..end)
    })
}

/// The token that the `Cookie` lines carry.
///
/// COOKIE-3: sent twice, it counts only where all are equal: a subdomain can plant a second one.
/// COOKIE-4: an empty one is none.
pub fn token<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    // COOKIE-1: the exact name.
    let mut values = pairs(lines).filter(|(name, _)| *name == TOKEN_COOKIE.as_bytes()).map(|(_, value)| unquote(value));
    let first = values.next()?;
    (!first.is_empty() && values.all(|other| other == first)).then_some(first)
}

/// The first value of every cookie, for conditions.
pub(crate) fn jar<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> BTreeMap<&'a [u8], &'a [u8]> {
    let mut jar = BTreeMap::new();
    for (name, value) in pairs(lines) {
        jar.entry(name).or_insert_with(|| unquote(value));
    }
    jar
}

/// COOKIE-3: quotes are stripped only where both are present.
fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// RFC 9110 §5.6.3: optional white space is space and tab, and nothing else.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let cases: &[(&[&str], Option<&str>)] = &[
            (&[], None),
            (&[""], None),
            (&["nf_jwt="], None),
            (&["nf_jwt=\"\""], None),
            (&["nf_jwt"], None),
            (&["nf_jwt=a"], Some("a")),
            (&["\t nf_jwt \t=\t a ;"], Some("a")),
            (&["a=b; nf_jwt=a=b; c"], Some("a=b")),
            (&[";;=;;x;nf_jwt=a"], Some("a")),
            (&["a=b", "nf_jwt=a"], Some("a")),
            (&["nf_jwt=a", "x=y; nf_jwt=a"], Some("a")),
            (&["nf_jwt=a; nf_jwt=b"], None),
            (&["nf_jwt=; nf_jwt=b"], None),
            (&["nf_jwt=a; nf_jwt="], None),
            (&["nf_jwt=\"a\""], Some("a")),
            (&["nf_jwt=\"a"], Some("\"a")),
            (&["nf_jwt=\""], Some("\"")),
            (&["nf_jwt=%61"], Some("%61")),
            (&["nf_jwt=a, nf_jwt=b"], Some("a, nf_jwt=b")),
            (&["NF_JWT=a"], None),
            (&["xnf_jwt=a"], None),
            (&["nf_jwt2=a"], None),
            (&["__Host-nf_jwt=a"], None),
            (&["$nf_jwt=a"], None),
            (&["\u{2000}nf_jwt=a"], None),
        ];
        for (lines, expected) in cases {
            let found = token(lines.iter().map(|line| line.as_bytes()));
            assert_eq!(found, expected.map(str::as_bytes), "{lines:?}");
        }
    }
}
