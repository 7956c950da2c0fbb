//! The fields that proxies write: `Forwarded` (RFC 7239) and the lists of `X-Forwarded-*`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::cookie::trim;

/// One end of a connection, as a proxy names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// An address; its port does not matter.
    Address(IpAddr),
    /// `unknown`, an obfuscated identifier (RFC 7239 §6), or something else that is no address.
    Unknown,
}

impl Node {
    /// An address with or without port: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`.
    pub(super) fn parse(text: &[u8]) -> Node {
        let address = std::str::from_utf8(text).ok().and_then(|text| {
            let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
            let in_brackets = || {
                let inner = text.strip_prefix('[')?.strip_suffix(']')?;
                inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
            };
            text.parse::<IpAddr>().ok().or_else(with_port).or_else(in_brackets)
        });
        address.map_or(Node::Unknown, |address| Node::Address(address.to_canonical()))
    }
}

/// The entries of a comma list over all lines of the field `name` (RFC 9110 §5.3).
pub(super) fn list<'a>(headers: &[(&'a str, &'a [u8])], name: &str) -> Vec<&'a [u8]> {
    lines(headers, name).flat_map(|line| line.split(|byte| *byte == b',')).map(trim).collect()
}

/// One element of `Forwarded`: what one proxy says about the request that it got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hop<'a> {
    /// `for`: who sent it.
    pub(super) node: Option<&'a [u8]>,
    /// `proto`: over which scheme.
    pub(super) proto: Option<&'a [u8]>,
    /// `host`: for which host.
    pub(super) host: Option<&'a [u8]>,
}

/// The elements of `Forwarded` in the order of the proxies; `None` where the field breaks the grammar of RFC 7239 §4.
///
/// Each line is read on its own, so that a quote which a client leaves open cannot swallow the line of a proxy.
pub(super) fn hops<'a>(headers: &[(&'a str, &'a [u8])]) -> Option<Vec<Hop<'a>>> {
    let mut hops = Vec::new();
    for line in lines(headers, "forwarded") {
        let mut rest = trim(line);
        loop {
            let (hop, behind) = element(rest)?;
            hops.push(hop);
            match behind.split_first() {
                None => break,
                Some((_, behind)) => rest = trim(behind),
            }
        }
    }
    Some(hops)
}

/// One element, and what stands behind it: nothing, or a comma and more.
fn element(mut rest: &[u8]) -> Option<(Hop<'_>, &[u8])> {
    let mut hop = Hop::default();
    loop {
        rest = trim(rest);
        if !matches!(rest.first(), None | Some(b';' | b',')) {
            let equals = rest.iter().position(|byte| *byte == b'=')?;
            let (name, behind) = rest.split_at_checked(equals)?;
            if !is_token(name) {
                return None;
            }
            let (value, behind) = value(behind.get(1..)?)?;
            rest = trim(behind);
            let place = match name.to_ascii_lowercase().as_slice() {
                b"for" => Some(&mut hop.node),
                b"proto" => Some(&mut hop.proto),
                b"host" => Some(&mut hop.host),
                _ => None,
            };
            // RFC 7239 §4: no parameter twice in one element.
            if place.is_some_and(|place| place.replace(value).is_some()) {
                return None;
            }
        }
        match rest.split_first() {
            None | Some((b',', _)) => return Some((hop, rest)),
            Some((b';', behind)) => rest = behind,
            Some(_) => return None,
        }
    }
}

/// A token or a quoted string, and what stands behind it.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(quoted) = text.strip_prefix(b"\"") {
        let end = quoted.iter().position(|byte| *byte == b'"')?;
        let (inner, behind) = quoted.split_at_checked(end)?;
        // No address, scheme or host needs an escape, and one could hide where the text ends.
        let is_plain = !inner.contains(&b'\\') && inner.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e));
        return is_plain.then_some((inner, behind.get(1..)?));
    }
    let end = text.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(value, _)| !value.is_empty())
}

fn lines<'h, 'a>(headers: &'h [(&'a str, &'a [u8])], name: &'h str) -> impl Iterator<Item = &'a [u8]> + 'h {
    headers.iter().filter(move |(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

/// RFC 9110 §5.6.2
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes() {
        for (text, address) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:4711", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("", None),
            ("unknown", None),
            ("_hidden", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:x", None),
            ("192.0.2", None),
            ("192.0.2.01", None),
            ("[192.0.2.1]", None),
            ("2001:db8::1%eth0", None),
            ("192.0.2.1 192.0.2.2", None),
        ] {
            let expected = address.map_or(Node::Unknown, |address| Node::Address(address.parse().unwrap()));
            assert_eq!(Node::parse(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn hops_as_rfc_7239_has_them() {
        fn read(lines: &[&str]) -> Option<Vec<String>> {
            let headers: Vec<(&str, &[u8])> = lines.iter().map(|line| ("Forwarded", line.as_bytes())).collect();
            let part =
                |part: Option<&[u8]>| part.map_or("-".to_owned(), |text| String::from_utf8_lossy(text).into_owned());
            let hops = hops(&headers)?;
            Some(hops.iter().map(|hop| format!("{} {} {}", part(hop.node), part(hop.proto), part(hop.host))).collect())
        }
        let table: &[(&[&str], Option<&[&str]>)] = &[
            (&[], Some(&[])),
            (&[""], Some(&["- - -"])),
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"], Some(&["192.0.2.60 http -"])),
            (&["For=\"[2001:db8:cafe::17]:4711\""], Some(&["[2001:db8:cafe::17]:4711 - -"])),
            (&["for=192.0.2.43, for=198.51.100.17"], Some(&["192.0.2.43 - -", "198.51.100.17 - -"])),
            (&["for=_gazonk", "HOST=a.example;for=unknown"], Some(&["_gazonk - -", "unknown - a.example"])),
            (&["for=1.1.1.1 ; host=\"a.example:80\" ,for=2.2.2.2"], Some(&["1.1.1.1 - a.example:80", "2.2.2.2 - -"])),
            (&["host=\"a,b;c=d\""], Some(&["- - a,b;c=d"])),
            (&["for=1.1.1.1;;proto=http;"], Some(&["1.1.1.1 http -"])),
            (&["for=a;for=b"], None),
            (&["for"], None),
            (&["for="], None),
            (&["=a"], None),
            (&["for =a"], None),
            (&["for=[::1]"], None),
            (&["for=a b"], None),
            (&["host=\"a"], None),
            (&["host=\"a\\\"b\""], None),
            (&["host=\"a\"b"], None),
            // A quote left open by a client, in front of what the proxy appends.
            (&["for=1.1.1.1;host=\", for=2.2.2.2;host=\"a.example\""], None),
        ];
        for (lines, expected) in table {
            let expected = expected.map(|hops| hops.iter().map(|hop| (*hop).to_owned()).collect());
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }
}
