//! One request as the gate sees it: bytes as they were sent, not interpreted yet.

use crate::authority::Scheme;

/// One request. HOST-2: scheme and host are those that [`crate::edge`] takes for true; no header changes them behind it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method as sent. The decision does not depend on it (HTTP-1).
    pub method: &'a str,
    /// The request target as sent, in origin or absolute form (RFC 9112 §3.2).
    pub target: &'a [u8],
    /// The host as rules name it, with port where one is named; a target in absolute form overrides it.
    pub host: Option<&'a str>,
    /// The scheme that the visitor used.
    pub scheme: Scheme,
    /// Header lines in the order sent; names are compared ASCII case-insensitively.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The visitor's country, from a source that the operator trusts (COND-3).
    pub country: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// The values of every line of the header `name`, in the order sent.
    pub fn header_lines(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The `Cookie` lines in the order sent.
    pub fn cookie_lines(&self) -> impl Iterator<Item = &'a [u8]> {
        self.header_lines("cookie")
    }
}
