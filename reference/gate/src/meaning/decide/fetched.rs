//! What an answer shows the content of, so held that two spellings of one thing are equal.
//!
//! What is denied stays denied wherever it lies (ROLE-12), so what is compared is what would be fetched, and not how a rule
//! spells it. Where spellings may or may not mean the same they count as the same: after a denial, that hides one answer too
//! many and never one too few.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use percent_encoding::percent_decode;

use crate::meaning::rules::Substituted;
use crate::path::{RequestPath, Resolver};
use crate::request::Origin;
use crate::site::{Site, is_same_file};

/// What an answer shows the content of.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The file of the site with this name.
    File(String),
    /// What another server has.
    Remote(Remote),
}

/// What another server has at a path, whatever the query.
#[derive(Debug)]
pub struct Remote {
    /// `None` where the site lies on a server that the gate does not know: it may be any.
    server: Option<Server>,
    path: Readings,
}

/// A server, whatever the scheme: the usual ports of both are one, since a site answers alike at either.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    host: Host,
    port: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

/// What servers make of a path. Two paths are the same for one kind of server or for none.
#[derive(Debug)]
struct Readings {
    /// Decoded once, dots resolved as RFC 3986 says.
    strict: String,
    /// Decoded to the end, a backslash as a slash, without parameters and what else servers cut off a segment, empty segments
    /// dropped before dots are resolved, case folded.
    loose: String,
}

impl Fetched {
    /// What a rule that leads to `target` shows; `None` where there is no such file.
    pub(super) fn by(target: &Substituted, site: &impl Site) -> Option<Fetched> {
        match target.origin() {
            Some(origin) => Some(Fetched::Remote(Remote::of(Some(&origin), &target.path))),
            None if !site.is_listed() => Some(Fetched::Remote(Remote::of(site.server(), &target.path))),
            None => {
                let path = RequestPath::parse(target.path.as_bytes()).ok()?;
                site.file(&path).map(|file| Fetched::File(file.into_owned()))
            }
        }
    }

    /// What lies at a path of the site, where it is served from `file`.
    pub(super) fn own(path: &RequestPath, file: Option<&str>, site: &impl Site) -> Option<Fetched> {
        if site.is_listed() {
            return file.map(|file| Fetched::File(file.to_owned()));
        }
        Some(Fetched::Remote(Remote::of(site.server(), &path.encoded())))
    }

    /// Whether both are the same thing. STATIC-4: a link is one more name of its file.
    pub(super) fn is(&self, other: &Fetched, site: &impl Site) -> bool {
        match (self, other) {
            (Fetched::File(own), Fetched::File(other)) => is_same_file(site, own, other),
            (Fetched::Remote(own), Fetched::Remote(other)) => own.is(other),
            (Fetched::File(_), Fetched::Remote(_)) | (Fetched::Remote(_), Fetched::File(_)) => false,
        }
    }

    /// Whether it lies on another server, at a path that ends in `path`; in the front page ends no other.
    pub(super) fn ends_in(&self, path: &RequestPath) -> bool {
        let own = Readings::of(&path.encoded());
        let ends_in = |path: &str, own: &str| if own.is_empty() { path.is_empty() } else { path.ends_with(own) };
        match self {
            Fetched::File(_) => false,
            Fetched::Remote(Remote { path, .. }) => {
                ends_in(&path.strict, &own.strict) || ends_in(&path.loose, &own.loose)
            }
        }
    }
}

impl Remote {
    /// What `server` has at an encoded path.
    pub fn of(server: Option<&Origin>, path: &str) -> Remote {
        Remote { server: server.map(Server::of), path: Readings::of(path) }
    }

    /// Whether both are the same thing.
    pub fn is(&self, other: &Remote) -> bool {
        let same_server = self.server.is_none() || other.server.is_none() || self.server == other.server;
        same_server && (self.path.strict == other.path.strict || self.path.loose == other.path.loose)
    }
}

impl Server {
    fn of(origin: &Origin) -> Server {
        // Over TLS or not, by the usual port or the other one, it is one server.
        let port = match origin.port() {
            None | Some("443") => "80",
            Some(port) => port,
        };
        Server { host: Host::of(origin.name()), port: port.to_owned() }
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

impl Readings {
    /// Text is decoded so often at most.
    const DECODED: usize = 4;

    fn of(path: &str) -> Readings {
        let path = path.strip_prefix('/').unwrap_or(path);
        let mut strict = Resolver::default();
        for segment in path.split('/') {
            strict.push(decoded(segment.as_bytes()));
        }
        let mut plain = path.to_owned();
        for _ in 0..Readings::DECODED {
            plain = decoded(plain.as_bytes());
        }
        let plain = plain.to_lowercase().replace('\\', "/");
        let mut loose = Resolver::default();
        // FRONT-1: what servers cut off a segment.
        let cut = |segment: &'_ str| {
            let end = segment.find([';', '?', '#', '\0']).unwrap_or(segment.len());
            let (segment, _) = segment.split_at_checked(end).unwrap_or((segment, ""));
            let trimmed = segment.trim_matches([' ', '\t']).trim_end_matches(['.', ' ']);
            if trimmed.is_empty() { segment.trim().to_owned() } else { trimmed.to_owned() }
        };
        for segment in plain.split('/').map(cut).filter(|segment| !segment.is_empty()) {
            loose.push(segment);
        }
        Readings { strict: page(&strict.into_segments().0), loose: page(&loose.into_segments().0) }
    }
}

fn decoded(text: &[u8]) -> String {
    percent_decode(text).decode_utf8_lossy().into_owned()
}

/// UPSTREAM-2: the name of a path without what servers of pages let be left out.
fn page<S: AsRef<str>>(segments: &[S]) -> String {
    let name = segments.iter().fold(String::new(), |name, segment| name + "/" + segment.as_ref());
    let name = name.strip_suffix(".html").unwrap_or(&name);
    name.strip_suffix("/index").unwrap_or(name).to_owned()
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
