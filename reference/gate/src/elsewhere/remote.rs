//! What another server has at a path, so held that two spellings of one thing are equal.
//!
//! Where spellings may or may not mean the same they count as the same: after a denial, that hides one answer too many and
//! never one too few (ROLE-12).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::readings::Readings;
use crate::authority::Origin;
use crate::path::RequestPath;

/// What another server has at a path, whatever the query.
#[derive(Debug)]
pub struct Remote {
    /// `None` where the site lies on a server that the gate does not know: it may be any.
    server: Option<Server>,
    path: Readings,
}

/// A server, whatever the scheme: the usual ports of both are one, since a site answers alike at either.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server {
    host: Host,
    port: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

impl Remote {
    /// What `server` has at an encoded path.
    pub fn of(server: Option<&Origin>, path: &str) -> Remote {
        Remote { server: server.map(Server::of), path: Readings::of(path) }
    }

    /// Whether it lies at a path that ends in `path`; in the front page ends no other.
    pub(crate) fn ends_in(&self, path: &RequestPath) -> bool {
        let own = Readings::of(&path.encoded());
        let ends_in = |path: &str, own: &str| if own.is_empty() { path.is_empty() } else { path.ends_with(own) };
        ends_in(&self.path.strict, &own.strict) || ends_in(&self.path.loose, &own.loose)
    }

    /// Whether both are the same thing.
    pub fn is(&self, other: &Remote) -> bool {
        let same_server = Server::may_be_one(self.server.as_ref(), other.server.as_ref());
        same_server && (self.path.strict == other.path.strict || self.path.loose == other.path.loose)
    }
}

impl Server {
    pub(crate) fn of(origin: &Origin) -> Server {
        // Over TLS or not, by the usual port or the other one, it is one server.
        let port = match origin.port() {
            None | Some("443") => "80",
            Some(port) => port,
        };
        Server { host: Host::of(origin.name()), port: port.to_owned() }
    }

    /// Whether two servers may be one; what is not known may be any.
    pub(crate) fn may_be_one(one: Option<&Server>, other: Option<&Server>) -> bool {
        one.is_none() || other.is_none() || one == other
    }
}

impl Host {
    /// An address is the same in every spelling; all names and addresses of this machine are one.
    fn of(name: &str) -> Host {
        let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let address = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().ok().map(|address| address.to_canonical()),
            None => ipv4(name).map(IpAddr::V4),
        };
        let is_here = name == "localhost" || name.ends_with(".localhost");
        match address {
            Some(address) if !address.is_loopback() && !address.is_unspecified() => Host::Address(address),
            None if !is_here => Host::Name(name.to_owned()),
            _ => Host::Address(Ipv4Addr::LOCALHOST.into()),
        }
    }
}

/// An IPv4 address as resolvers read it: one to four numbers, decimal, octal or hexadecimal, the last of which stands for all
/// bytes that are left.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let number = |text: &str| match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (None, Some(digits)) if !digits.is_empty() => u32::from_str_radix(digits, 8).ok(),
        (None, _) => text.parse().ok(),
    };
    let numbers: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    let room = 32_u32.checked_sub(8 * u32::try_from(first.len()).ok()?).filter(|room| *room > 0)?;
    if first.iter().any(|number| *number > 255) || u64::from(*last) >= 1_u64 << room {
        return None;
    }
    let bytes = first.iter().zip([24, 16, 8]).map(|(number, place)| number << place);
    Some(Ipv4Addr::from(bytes.fold(*last, |address, byte| address | byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Remote {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        Remote::of(Origin::parse(&format!("{scheme}://{host}")).as_ref(), path)
    }

    #[test]
    fn spellings_of_one_thing() {
        let all = [
            "http://up.example/m/home",
            "http://UP.example/m/home",
            "http://up.example./m/home",
            "http://up.example:80/m/home",
            "http://up.example:080/m/home",
            "http://up.example:/m/home",
            "https://up.example/m/home",
            "https://up.example:443/m/home",
            "http://up.example/m/home/",
            "http://up.example//m//home",
            "http://up.example/m/./home",
            "http://up.example/m/x/../home",
            "http://up.example/x/%2e%2e/m/home",
            "http://up.example/m/%68ome",
            "http://up.example/m/%2568ome",
            "http://up.example/m%2Fhome",
            "http://up.example/m%5Chome",
            "http://up.example/m;a=b/home;c",
            "http://up.example/M/Home",
            "http://up.example/m/home.html",
            "http://up.example/m/home/index.html",
            "http://up.example/m/home/index",
            "http://up.example//x//../m/home",
            "http://up.example/x//../m/home",
            "http://up.example/m/home.",
            "http://up.example/m/home%20",
            "http://up.example/m./home",
            "http://up.example/m/home%3Fx",
            "http://up.example/m/home%23x",
            "http://up.example/m/home%00",
            "http://up.example/m/home?",
        ];
        for url in all {
            assert!(remote(url).is(&remote(all[0])) && remote(all[0]).is(&remote(url)), "{url}");
        }
        for url in [
            "http://up.example:8080/m/home",
            "http://other.example/m/home",
            "http://up.example/m/home2",
            "http://up.example/m",
            "http://up.example/m/home/x",
            "http://up.example/home",
        ] {
            assert!(!remote(url).is(&remote(all[0])), "{url}");
        }
        let unknown = Remote::of(None, "/m/home");
        assert!(unknown.is(&remote(all[0])) && remote(all[0]).is(&unknown) && !unknown.is(&remote("http://a/m")));
    }

    #[test]
    fn spellings_of_one_host() {
        for (a, b, same) in [
            ("127.0.0.1:3000", "localhost:3000", true),
            ("127.0.0.1:3000", "a.localhost:3000", true),
            ("127.0.0.1:3000", "[::1]:3000", true),
            ("127.0.0.1:3000", "[0:0:0:0:0:0:0:1]:3000", true),
            ("127.0.0.1:3000", "[::ffff:127.0.0.1]:3000", true),
            ("127.0.0.1:3000", "[::ffff:7f00:1]:3000", true),
            ("127.0.0.1:3000", "127.1:3000", true),
            ("127.0.0.1:3000", "2130706433:3000", true),
            ("127.0.0.1:3000", "0x7f000001:3000", true),
            ("127.0.0.1:3000", "0177.0.0.1:3000", true),
            ("127.0.0.1:3000", "0.0.0.0:3000", true),
            ("127.0.0.1:3000", "127.0.0.1:3001", false),
            ("127.0.0.1:3000", "192.0.2.1:3000", false),
            ("192.0.2.1", "192.0.513", true),
            ("192.0.2.1", "0xc0.0.2.1", true),
            ("192.0.2.1", "[::ffff:192.0.2.1]", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("[2001:db8::1]", "[2001:DB8:0:0:0:0:0:1]:80", true),
            ("[2001:db8::1]", "[2001:db8::2]", false),
            ("1.2.3.4.5", "1.2.3.4", false),
            ("256.1.1.1", "0.1.1.1", false),
            ("localhost.example", "localhost", false),
        ] {
            let at = |host: &str| remote(&format!("http://{host}/x"));
            assert_eq!(at(a).is(&at(b)), same, "{a} {b}");
        }
    }
}
