//! Hosts that a browser on somebody else's page cannot be led by: addresses, and names of this machine.
//!
//! A name of a stranger's can lead to any address (DNS rebinding), and a browser then sends that name in `Host`.

use std::net::IpAddr;

use rolegate::request::split_port;

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
