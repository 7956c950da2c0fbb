//! One request as the gate sees it: bytes as they were sent, not interpreted yet.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The scheme of the connection that a request came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme's name in a URL, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port that is left out of an authority (RFC 9110 §4.2.1, §4.2.2).
    pub fn default_port(self) -> &'static str {
        match self {
            Scheme::Http => "80",
            Scheme::Https => "443",
        }
    }
}

/// A scheme and a host, in the form in which both sides of HOST-1 are compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: String,
}

impl Origin {
    /// The origin of `host`, which may carry a port.
    ///
    /// HOST-1: case and the default port make no difference; nor do the dot that ends a fully qualified name, zeros before a
    /// port, and the spellings of one IPv6 address, which would otherwise be ways around a rule.
    pub fn new(scheme: Scheme, host: &str) -> Origin {
        let host = host.to_ascii_lowercase();
        let (name, port) = split_port(&host);
        let name = name.strip_suffix('.').unwrap_or(name);
        let six = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name).parse::<Ipv6Addr>();
        let name = six.map_or(Cow::Borrowed(name), |address| Cow::Owned(format!("[{address}]")));
        let port = port.trim_start_matches('0');
        let host =
            if port.is_empty() || port == scheme.default_port() { name.into_owned() } else { format!("{name}:{port}") };
        Origin { scheme, host }
    }

    /// Reads `http://host` or `https://host:port`; a slash may end it.
    pub fn parse(text: &str) -> Option<Origin> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let (scheme, host) = [(Scheme::Http, "http://"), (Scheme::Https, "https://")]
            .into_iter()
            .find_map(|(scheme, prefix)| Some((scheme, text.strip_prefix(prefix)?)))?;
        crate::path::is_authority(host).then(|| Origin::new(scheme, host))
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case, with its port where that is not the default one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without its port.
    pub fn name(&self) -> &str {
        split_port(&self.host).0
    }

    /// The port where it is not the default one, if it can be one.
    pub fn port(&self) -> Option<&str> {
        Some(split_port(&self.host).1).filter(|port| !port.is_empty())
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)
    }
}

/// A host and the port behind it; an empty text where there is none. An IPv6 address without brackets has none.
pub fn split_port(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') && (name.ends_with(']') || !name.contains(':')) => (name, port),
        _ => (host, ""),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_1_one_address_has_one_form() {
        for (host, same) in [
            ("A.Example", "a.example"),
            ("a.example.", "a.example"),
            ("a.example:", "a.example"),
            ("a.example:80", "a.example"),
            ("a.example.:0080", "a.example"),
            ("a.example:443", "a.example:443"),
            ("a.example:08081", "a.example:8081"),
            ("[::1]", "[::1]"),
            ("[0:0::0:1]:80", "[::1]"),
            ("[2001:DB8::0001]:8081", "[2001:db8::1]:8081"),
            ("::1", "[::1]"),
            ("2001:db8::80", "[2001:db8::80]"),
        ] {
            let origin = Origin::new(Scheme::Http, host);
            assert_eq!(origin.host(), same, "{host}");
            let (name, port) = (origin.name(), origin.port().map(|port| format!(":{port}")).unwrap_or_default());
            assert_eq!(format!("{name}{port}"), same, "{host}");
        }
    }
}
