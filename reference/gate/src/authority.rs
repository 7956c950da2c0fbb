//! Schemes, hosts and ports: the one form in which they are compared, and where they stand in a request target.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use crate::refusal::Refused;

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
        is_authority(host).then(|| Origin::new(scheme, host))
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

/// HTTP-4: scheme and authority of a target in absolute form; `None` for every other target, and where it is refused.
pub(crate) fn authority(target: &[u8]) -> Option<(Scheme, &str)> {
    let (before_path, _) = split_host(target).ok()?;
    before_path
}

/// A target in absolute form without its scheme and authority; every other target as it is.
pub fn origin_form(target: &[u8]) -> Cow<'_, [u8]> {
    match split_host(target) {
        Ok((Some(_), rest)) if rest.starts_with(b"/") => Cow::Borrowed(rest),
        // RFC 3986 §6.2.3
        Ok((Some(_), rest)) if rest.is_empty() || rest.starts_with(b"?") => Cow::Owned([b"/", rest].concat()),
        _ => Cow::Borrowed(target),
    }
}

/// HTTP-4: the scheme and authority of a target in absolute form, and what follows them.
#[expect(clippy::type_complexity, reason = "the parts of one text, for the functions above")]
pub(crate) fn split_host(bytes: &[u8]) -> Result<(Option<(Scheme, &str)>, &[u8]), Refused> {
    if bytes.starts_with(b"/") {
        return Ok((None, bytes));
    }
    let (scheme, after_scheme) = [(Scheme::Http, "http://"), (Scheme::Https, "https://")]
        .into_iter()
        .find_map(|(scheme, text)| {
            let (start, rest) = bytes.split_at_checked(text.len())?;
            start.eq_ignore_ascii_case(text.as_bytes()).then_some((scheme, rest))
        })
        .ok_or(Refused::Form)?;
    let end = after_scheme.iter().position(|byte| matches!(byte, b'/' | b'?' | b'\\')).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at_checked(end).ok_or(Refused::Form)?;
    if authority.contains(&b'@') {
        return Err(Refused::UserInfo);
    }
    let host = std::str::from_utf8(authority).map_err(|_| Refused::Authority)?;
    if !is_authority(host) {
        return Err(Refused::Authority);
    }
    Ok((Some((scheme, host)), rest))
}

/// Whether `text` can be a host with an optional port (RFC 3986 §3.2.2): labels of letters, digits, `-` and `_` with one
/// dot between them, or an address in brackets.
///
/// Narrower than `reg-name`: an escape or an empty label would be another spelling of a host that a rule names (HOST-1).
pub fn is_authority(text: &str) -> bool {
    let text = text.as_bytes();
    let is_digit = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    if let Some(bracketed) = text.strip_prefix(b"[") {
        let Some(end) = bracketed.iter().position(|byte| *byte == b']') else { return false };
        let (address, after) = bracketed.split_at(end);
        let is_address = str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok());
        return is_address && (after == b"]" || after.strip_prefix(b"]:").is_some_and(is_digit));
    }
    let mut rest = text;
    loop {
        let label = rest.iter().position(|byte| !is_of_a_label(*byte)).unwrap_or(rest.len());
        rest = match rest.get(label..) {
            _ if label == 0 => return false,
            // One dot may end it.
            Some([] | [b'.']) => return true,
            Some([b':', port @ ..] | [b'.', b':', port @ ..]) => return is_digit(port),
            Some([b'.', more @ ..]) => more,
            _ => return false,
        };
    }
}

fn is_of_a_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
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

    #[test]
    fn authorities() {
        for host in
            ["a", "a.b", "a.b.", "A-b_c.example:80", "a:", "127.0.0.1:0", "[::1]", "[::1]:", "[::ffff:1.2.3.4]:80"]
        {
            assert!(is_authority(host), "{host}");
        }
        for none in [
            "",
            ".",
            "a..b",
            ".a",
            "a..",
            ":80",
            "a:b",
            "a:80:80",
            "a b",
            "u@a",
            "a/b",
            "é",
            "[]",
            "[::1",
            "::1]",
            "::1",
            "[::1]a",
            "[::1]80",
            "[g]",
            "[1.2.3.4]",
            "[:::]",
            "[v1.a]",
            "[fe80::1%eth0]",
        ] {
            assert!(!is_authority(none), "{none}");
        }
    }

    #[test]
    fn http_4_what_stands_before_a_path() {
        for (target, before, rest) in [
            ("/a?b", None, "/a?b"),
            ("//h/a", None, "//h/a"),
            ("*", None, "*"),
            ("http://u@h/a", None, "http://u@h/a"),
            ("http://h", Some((Scheme::Http, "h")), "/"),
            ("HTTPS://H:8?q", Some((Scheme::Https, "H:8")), "/?q"),
            ("http://h//a/..", Some((Scheme::Http, "h")), "//a/.."),
            ("http://h\\a", Some((Scheme::Http, "h")), "http://h\\a"),
        ] {
            assert_eq!(authority(target.as_bytes()), before, "{target}");
            assert_eq!(origin_form(target.as_bytes()), rest.as_bytes(), "{target}");
        }
    }
}
