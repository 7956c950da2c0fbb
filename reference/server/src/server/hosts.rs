//! Hosts that a browser on somebody else's page cannot be led by: addresses, and names of this machine.
//!
//! A name of a stranger's can lead to any address (DNS rebinding), and a browser then sends that name in `Host`.

use std::net::IpAddr;

use rolegate::request::{Scheme, split_port};

/// Whether `host` is this machine by a name or address of its own.
pub(super) fn is_this_machine(host: &str) -> bool {
    is_localhost(host) || address(host).is_some_and(|address| address.is_loopback())
}

/// Whether no stranger's name is in `host`: it is an address, `localhost` or one of `names`.
pub(super) fn is_nobody_elses(host: &str, names: &[String]) -> bool {
    let name = name(host);
    is_localhost(host) || address(host).is_some() || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Whether `host` is a name or address of this machine, a name below `localhost`, which leads nowhere else (RFC 6761 §6.3),
/// or one of `names`.
pub(super) fn is_own(host: &str, names: &[String]) -> bool {
    let name = name(host);
    let is_below_localhost = || {
        let end = name.len().checked_sub(".localhost".len());
        end.and_then(|end| name.get(end..)).is_some_and(|end| end.eq_ignore_ascii_case(".localhost"))
            && rolegate::path::is_authority(host)
    };
    is_this_machine(host) || is_below_localhost() || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// The host by a port at which this site answers: that of the scheme, or one that `is_own` knows; else that of the listener.
/// Whoever sends a request can name any, and another program can listen there.
pub(super) fn by_own_port(host: &str, scheme: Scheme, listener: u16, is_own: impl Fn(u16) -> bool) -> String {
    let (name, port) = split_port(host);
    let usual = scheme.default_port();
    if port.is_empty() || port == usual {
        return name.to_owned();
    }
    let port = port.parse().ok().filter(|port| is_own(*port)).unwrap_or(listener);
    if port.to_string() == usual { name.to_owned() } else { format!("{name}:{port}") }
}

fn is_localhost(host: &str) -> bool {
    name(host).eq_ignore_ascii_case("localhost")
}

fn address(host: &str) -> Option<IpAddr> {
    let name = split_port(host).0;
    let six = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    six.unwrap_or(name).parse().ok().filter(|address: &IpAddr| six.is_none() || address.is_ipv6())
}

/// The host without its port and the dot that may end it.
fn name(host: &str) -> &str {
    let name = split_port(host).0;
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_answers_to() {
        let names = ["site.example".to_owned()];
        for (host, own) in [
            ("localhost:1", true),
            ("site.localhost:8888", true),
            ("Site.LocalHost.", true),
            ("127.0.0.1", true),
            ("[::1]:8888", true),
            ("SITE.example:443", true),
            ("192.0.2.1", false),
            ("site.localhost.evil.example", false),
            ("evil-localhost", false),
            ("a b.localhost", false),
            ("a.site.example", false),
            ("", false),
        ] {
            assert_eq!(is_own(host, &names), own, "{host}");
        }
    }

    #[test]
    fn ports_that_are_the_sites() {
        for (host, scheme, expected) in [
            ("site.localhost:8888", Scheme::Http, "site.localhost:8888"),
            ("site.localhost:08888", Scheme::Http, "site.localhost:8888"),
            ("site.localhost:9000", Scheme::Http, "site.localhost:9000"),
            ("site.localhost:9999", Scheme::Http, "site.localhost:8888"),
            ("site.localhost:0", Scheme::Http, "site.localhost:8888"),
            ("site.localhost:99999", Scheme::Http, "site.localhost:8888"),
            ("site.localhost:x", Scheme::Http, "site.localhost:8888"),
            ("site.localhost:443", Scheme::Http, "site.localhost:8888"),
            ("site.localhost:80", Scheme::Http, "site.localhost"),
            ("site.localhost:", Scheme::Http, "site.localhost"),
            ("site.localhost", Scheme::Https, "site.localhost"),
            ("site.localhost:443", Scheme::Https, "site.localhost"),
            ("[::1]:9999", Scheme::Http, "[::1]:8888"),
            ("[::1]", Scheme::Http, "[::1]"),
        ] {
            let own = by_own_port(host, scheme, 8888, |port| matches!(port, 8888 | 9000));
            assert_eq!(own, expected, "{host}");
        }
        assert_eq!(by_own_port("a.localhost:9", Scheme::Https, 443, |_| false), "a.localhost");
    }

    #[test]
    fn whose_hosts_are() {
        let names = ["gate.internal".to_owned()];
        for (host, this_machine, nobody_elses) in [
            ("localhost", true, true),
            ("LocalHost.:8080", true, true),
            ("127.0.0.1:9", true, true),
            ("127.9.9.9", true, true),
            ("[::1]:9", true, true),
            ("192.0.2.1:9", false, true),
            ("[2001:db8::1]", false, true),
            ("Gate.Internal:9", false, true),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("evil-localhost", false, false),
            ("gate.internal.evil.example", false, false),
            ("127.1", false, false),
            ("0x7f000001", false, false),
            ("2130706433", false, false),
            ("[127.0.0.1]", false, false),
            ("", false, false),
            ("localhost:80:80", false, false),
        ] {
            assert_eq!(is_this_machine(host), this_machine, "{host}");
            assert_eq!(is_nobody_elses(host, &names), nobody_elses, "{host}");
        }
    }
}
