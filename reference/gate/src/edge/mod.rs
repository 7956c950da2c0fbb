//! What the rim knows of a visitor: scheme, host, address and country, from the connection and, where the operator
//! named a proxy, from what that proxy says.
//!
//! A pure function of connection, headers and settings. Any client can send any field, so a forwarding field or a
//! country field counts on one condition only: the connection comes from an address that the operator trusts (HOST-2,
//! COND-3). What a trusted proxy passes on can still have been written by a client in front of it, so of a chain of
//! addresses the last one that is *not* trusted is the visitor's; what stands left of it proves nothing. A chain that
//! cannot be read leaves the visitor's address unknown, never the proxy's own.
//!
//! Some proxies add to a list, some set it, some pass it on. Which entry of `X-Forwarded-Host` is the proxy's and which the
//! client's cannot be seen in it, so by default an entry counts where all of these lead to it, and where rules name hosts a
//! request with any other is refused (HOST-2.lists).

pub(crate) mod addresses;
mod country;
mod forwarded;
pub mod marks;
mod network;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use crate::authority::{self, is_authority};
use crate::request::{Origin, Scheme};
use crate::rule_set::RuleSet;
use addresses::UnknownPort;
use forwarded::{Hop, Node};

pub use country::{Countries, Country};
pub use network::{Network, NetworkError};

/// Whom the gate believes, and about what. By default nobody.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    /// The networks that the operator's proxies connect from.
    pub trusted: Vec<Network>,
    /// The fields that those proxies write.
    pub forwarding: Forwarding,
    /// Where the visitor's country comes from.
    pub country: CountrySource,
    /// HOST-3: the ports of the site's own addresses, beside that of the scheme and that of the listener.
    pub ports: Vec<u16>,
}

/// The fields in which a trusted proxy tells about the request that it got.
///
/// One family or the other, never both: a proxy that writes the one passes the other on as a client sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`, which nearly all proxies write. The last proxy has
    /// written the last entry; behind several an entry of the latter two counts where each of them says the same.
    #[default]
    XForwarded,
    /// The same, and each proxy adds one entry to each of them.
    XForwardedAdded,
    /// The same, and the last proxy leaves one entry in `X-Forwarded-Proto` and one in `X-Forwarded-Host`, whatever came to
    /// it.
    XForwardedSet,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// COND-3: where the visitor's country comes from.
#[derive(Clone, Debug, Default)]
pub enum CountrySource {
    /// Nowhere: it is unknown, and no country condition holds by it.
    #[default]
    Unknown,
    /// A field of this name, written by a trusted proxy.
    Header(String),
    /// A database, asked for the visitor's address.
    Database(Arc<dyn Countries>),
}

/// What the socket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The address at its other end.
    pub peer: IpAddr,
    /// Whether it is encrypted.
    pub scheme: Scheme,
    /// The port that it came to.
    pub port: u16,
}

/// What the gate takes for true about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The scheme that the visitor used.
    pub scheme: Scheme,
    /// The host that the visitor asked.
    pub host: Option<&'a str>,
    /// That host as the rules name it (HOST-3).
    pub address: Option<&'a str>,
    /// The visitor's address; `None` where a proxy does not say it, or not readably.
    pub client: Option<IpAddr>,
    /// The visitor's country, where a source is configured and knows it.
    pub country: Option<Country>,
    /// Whether the request came through a proxy that the operator trusts.
    pub through_proxy: bool,
}

/// Which scheme or host is asked cannot be told; the request gets no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unclear(
    /// What, as a sentence for the log.
    pub &'static str,
);

impl Seen<'_> {
    /// Nothing but what `connection` says, of a request that came through a trusted proxy.
    pub fn nothing(connection: Connection) -> Seen<'static> {
        let Connection { scheme, .. } = connection;
        Seen { scheme, host: None, address: None, client: None, country: None, through_proxy: true }
    }
}

impl Edge {
    /// What counts as true about a request for `target` with these headers, for a gate with these rules; `host` is the value
    /// of its one `Host` line.
    ///
    /// # Errors
    /// [`Unclear`] where a trusted proxy names a scheme or host that is none, and where rules name hosts and nobody can tell
    /// which one is asked. Guessing could pass a rule by.
    pub fn see<'a>(
        &self,
        connection: Connection,
        target: &'a [u8],
        host: Option<&'a str>,
        headers: &[(&'a str, &'a [u8])],
        rules: &'a RuleSet,
    ) -> Result<Seen<'a>, Unclear> {
        let peer = connection.peer.to_canonical();
        // HOST-2
        let mut seen = if self.trusts(peer) {
            self.through_proxy(connection.scheme, target, host, headers, rules)?
        } else {
            let country = match &self.country {
                CountrySource::Database(database) => database.country(peer),
                // COND-3: whoever sends the field is not the one who may.
                CountrySource::Header(_) | CountrySource::Unknown => None,
            };
            // HTTP-4
            let host = authority::authority(target).map(|(_, host)| host).or(host);
            Seen { scheme: connection.scheme, host, address: host, client: Some(peer), country, through_proxy: false }
        };
        // HOST-3
        if let Some(host) = seen.host.filter(|_| rules.names_origins()) {
            let is_own = |port| port == connection.port || self.ports.contains(&port);
            let address = rules.address(seen.scheme, host, is_own);
            seen.address = Some(address.map_err(|UnknownPort| Unclear(UNKNOWN_PORT))?);
        }
        Ok(seen)
    }

    fn through_proxy<'a>(
        &self,
        scheme: Scheme,
        target: &'a [u8],
        host: Option<&'a str>,
        headers: &[(&'a str, &'a [u8])],
        rules: &RuleSet,
    ) -> Result<Seen<'a>, Unclear> {
        let told = match self.forwarding {
            Forwarding::Forwarded => self.forwarded(headers)?,
            _ => self.x_forwarded(headers),
        };
        // HOST-2.lists: what nobody can tell matters where rules are decided by it.
        let names_origins = rules.names_origins();
        let scheme = told.scheme.clear(names_origins)?.map(self::scheme).transpose()?.unwrap_or(scheme);
        let said = told.host.clear(names_origins)?.map(authority).transpose()?.or(host);
        // HTTP-4: the proxy went by one of these, and which one is not known.
        let absolute = authority::authority(target);
        if let Some((other_scheme, other)) = absolute {
            let differs = |host: &str| Origin::new(scheme, host) != Origin::new(scheme, other);
            if other_scheme != scheme || said.is_some_and(differs) || host.is_some_and(differs) {
                return Err(Unclear(
                    "through a trusted proxy comes a URL for a target, and other fields name another host",
                ));
            }
        }
        let host = said.or(absolute.map(|(_, host)| host));
        let country = match &self.country {
            CountrySource::Database(database) => told.client.and_then(|client| database.country(client)),
            CountrySource::Header(name) => one_line(headers, name).and_then(Country::parse),
            CountrySource::Unknown => None,
        };
        Ok(Seen { scheme, host, address: host, client: told.client, country, through_proxy: true })
    }

    /// Whether the operator's proxies connect from `address`.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    fn x_forwarded<'a>(&self, headers: &[(&'a str, &'a [u8])]) -> Told<'a> {
        let addresses = forwarded::list(headers, "x-forwarded-for");
        let chain: Vec<Node> = addresses.iter().map(|entry| Node::parse(entry)).collect();
        let (place, client) = self.client(&chain);
        let hop = |name| self.entry(&forwarded::list(headers, name), place);
        Told { client, scheme: hop("x-forwarded-proto"), host: hop("x-forwarded-host") }
    }

    /// HOST-2.lists: what a list says of the hop that the visitor made, with `nearer` proxies behind the one that they came to.
    ///
    /// The last entry is a proxy's, whatever the others are.
    fn entry<'a>(&self, entries: &[&'a [u8]], nearer: usize) -> Said<'a> {
        let Some(last) = entries.last().copied() else { return Said::Nothing };
        let of_the_hop = entries.iter().rev().nth(nearer).copied();
        let clear = match self.forwarding {
            Forwarding::XForwardedSet => Some(last).filter(|_| entries.len() == 1),
            Forwarding::XForwardedAdded => of_the_hop,
            _ => {
                let of_proxies = || entries.iter().rev().take(nearer.saturating_add(1));
                of_the_hop.filter(|_| of_proxies().all(|entry| entry.eq_ignore_ascii_case(last)))
            }
        };
        clear.map_or(Said::Unclear(last), Said::Clear)
    }

    fn forwarded<'a>(&self, headers: &[(&'a str, &'a [u8])]) -> Result<Told<'a>, Unclear> {
        let hops = forwarded::hops(headers).ok_or(Unclear("`Forwarded` cannot be read"))?;
        let chain: Vec<Node> = hops.iter().map(|hop| hop.node.map_or(Node::Unknown, Node::parse)).collect();
        let (place, client) = self.client(&chain);
        // A proxy behind the one that the visitor came to speaks of a hop between the two.
        let said = |part: fn(&Hop<'a>) -> Option<&'a [u8]>| {
            let own = hops.iter().rev().nth(place).and_then(part);
            let nearer = || hops.iter().rev().take(place).find_map(part);
            own.map(Said::Clear).or_else(|| nearer().map(Said::Unclear)).unwrap_or(Said::Nothing)
        };
        Ok(Told { client, scheme: said(|hop| hop.proto), host: said(|hop| hop.host) })
    }

    /// The visitor's address in a chain of them, and its place counted from the right: the last entry that is no trusted
    /// proxy, since each entry was written by the one right of it. Where all are trusted, the first.
    fn client(&self, chain: &[Node]) -> (usize, Option<IpAddr>) {
        let is_proxy = |node: &Node| matches!(node, Node::Address(address) if self.trusts(*address));
        let mut from_the_right = chain.iter().rev().enumerate();
        let visitor = from_the_right.clone().find(|(_, node)| !is_proxy(node)).or_else(|| from_the_right.next_back());
        match visitor {
            Some((place, Node::Address(address))) => (place, Some(*address)),
            Some((place, Node::Unknown)) => (place, None),
            None => (0, None),
        }
    }
}

const UNKNOWN_PORT: &str = "the host is one that rules name, and its port is none of the site's; name the port with --site-port, \
     or let the proxy send the host without a port";

/// What trusted proxies say.
struct Told<'a> {
    client: Option<IpAddr>,
    scheme: Said<'a>,
    host: Said<'a>,
}

/// What trusted proxies say of one thing.
#[derive(Clone, Copy)]
enum Said<'a> {
    /// No word.
    Nothing,
    /// This.
    Clear(&'a [u8]),
    /// Something of which nobody can tell who wrote it, or about which hop; this is what the last proxy left.
    Unclear(&'a [u8]),
}

impl<'a> Said<'a> {
    /// What is said; an error where it `matters` and is not clear.
    fn clear(self, matters: bool) -> Result<Option<&'a [u8]>, Unclear> {
        match self {
            Said::Nothing => Ok(None),
            Said::Unclear(_) if matters => Err(Unclear(
                "trusted proxies do not say clearly which host or scheme the visitor asked, and rules name hosts; say with \
                 --forwarding how they write it",
            )),
            Said::Clear(said) | Said::Unclear(said) => Ok(Some(said)),
        }
    }
}

fn scheme(name: &[u8]) -> Result<Scheme, Unclear> {
    match name.to_ascii_lowercase().as_slice() {
        b"http" | b"ws" => Ok(Scheme::Http),
        b"https" | b"wss" => Ok(Scheme::Https),
        _ => Err(Unclear("the scheme that a trusted proxy names is neither `http` nor `https`")),
    }
}

fn authority(host: &[u8]) -> Result<&str, Unclear> {
    std::str::from_utf8(host)
        .ok()
        // Some proxies leave out the brackets of an IPv6 address with its port.
        .filter(|host| is_authority(host) || host.parse::<Ipv6Addr>().is_ok())
        .ok_or(Unclear("the host that a trusted proxy names is none"))
}

/// The value of a field that is there once; of two lines nobody can tell which one the proxy wrote.
fn one_line<'a>(headers: &[(&'a str, &'a [u8])], name: &str) -> Option<&'a [u8]> {
    let mut lines = headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    lines.next().filter(|_| lines.next().is_none())
}

#[cfg(test)]
mod tests;
