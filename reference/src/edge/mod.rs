//! What the rim knows of a visitor: scheme, host, address and country, from the connection and, where the operator
//! named a proxy, from what that proxy says.
//!
//! A pure function of connection, headers and settings. Any client can send any field, so a forwarding field or a
//! country field counts on one condition only: the connection comes from an address that the operator trusts (HOST-2,
//! COND-3). What a trusted proxy passes on can still have been written by a client in front of it, so of a chain of
//! addresses the last one that is *not* trusted is the visitor's; what stands left of it proves nothing. A chain that
//! cannot be read leaves the visitor's address unknown, never the proxy's own.

mod country;
mod forwarded;
mod network;

use std::net::IpAddr;
use std::sync::Arc;

use crate::path::is_authority;
use crate::request::Scheme;
use forwarded::{Hop, Node};

pub use country::{Country, Database, DatabaseError};
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
}

/// The fields in which a trusted proxy tells about the request that it got.
///
/// One family or the other, never both: a proxy that writes the one passes the other on as a client sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`, which nearly all proxies write.
    #[default]
    XForwarded,
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
    Database(Arc<Database>),
}

/// What the socket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The address at its other end.
    pub peer: IpAddr,
    /// Whether it is encrypted.
    pub scheme: Scheme,
}

/// What the gate takes for true about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The scheme that the visitor used.
    pub scheme: Scheme,
    /// The host that the visitor asked.
    pub host: Option<&'a str>,
    /// The visitor's address; `None` where a proxy does not say it, or not readably.
    pub client: Option<IpAddr>,
    /// The visitor's country, where a source is configured and knows it.
    pub country: Option<Country>,
    /// Whether the request came through a proxy that the operator trusts.
    pub through_proxy: bool,
}

/// A trusted proxy says something that cannot be read; the request gets no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unclear(
    /// What, as a sentence for the log.
    pub &'static str,
);

impl Edge {
    /// What counts as true about a request with these headers; `host` is the value of its one `Host` line.
    ///
    /// # Errors
    /// [`Unclear`] where a trusted proxy names a scheme or host that is none. Guessing could pass a rule by.
    pub fn see<'a>(
        &self,
        connection: Connection,
        host: Option<&'a str>,
        headers: &[(&'a str, &'a [u8])],
    ) -> Result<Seen<'a>, Unclear> {
        let peer = connection.peer.to_canonical();
        // HOST-2
        if !self.trusts(peer) {
            let country = match &self.country {
                CountrySource::Database(database) => database.country(peer),
                // COND-3: whoever sends the field is not the one who may.
                CountrySource::Header(_) | CountrySource::Unknown => None,
            };
            return Ok(Seen { scheme: connection.scheme, host, client: Some(peer), country, through_proxy: false });
        }
        let told = match self.forwarding {
            Forwarding::XForwarded => self.x_forwarded(headers)?,
            Forwarding::Forwarded => self.forwarded(headers)?,
        };
        let country = match &self.country {
            CountrySource::Database(database) => told.client.and_then(|client| database.country(client)),
            CountrySource::Header(name) => one_line(headers, name).and_then(Country::parse),
            CountrySource::Unknown => None,
        };
        Ok(Seen {
            scheme: told.scheme.unwrap_or(connection.scheme),
            host: told.host.or(host),
            client: told.client,
            country,
            through_proxy: true,
        })
    }

    /// Whether the operator's proxies connect from `address`.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    fn x_forwarded<'a>(&self, headers: &[(&'a str, &'a [u8])]) -> Result<Told<'a>, Unclear> {
        let addresses = forwarded::list(headers, "x-forwarded-for");
        let chain: Vec<Node> = addresses.iter().map(|entry| Node::parse(entry)).collect();
        let (place, client) = self.client(&chain);
        // Proxies that append to these lists write one entry a hop, as to the addresses; others leave one entry.
        let hop = |name| {
            let entries = forwarded::list(headers, name);
            entries.len().checked_sub(1).and_then(|last| entries.get(last.saturating_sub(place)).copied())
        };
        Ok(Told {
            client,
            scheme: hop("x-forwarded-proto").map(scheme).transpose()?,
            host: hop("x-forwarded-host").map(authority).transpose()?,
        })
    }

    fn forwarded<'a>(&self, headers: &[(&'a str, &'a [u8])]) -> Result<Told<'a>, Unclear> {
        let hops = forwarded::hops(headers).ok_or(Unclear("`Forwarded` cannot be read"))?;
        let chain: Vec<Node> = hops.iter().map(|hop| hop.node.map_or(Node::Unknown, Node::parse)).collect();
        let (place, client) = self.client(&chain);
        let hop: Option<&Hop<'a>> = hops.iter().rev().nth(place);
        Ok(Told {
            client,
            scheme: hop.and_then(|hop| hop.proto).map(scheme).transpose()?,
            host: hop.and_then(|hop| hop.host).map(authority).transpose()?,
        })
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

/// What a trusted proxy says.
struct Told<'a> {
    client: Option<IpAddr>,
    scheme: Option<Scheme>,
    host: Option<&'a str>,
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
        .filter(|host| is_authority(host))
        .ok_or(Unclear("the host that a trusted proxy names is none"))
}

/// The value of a field that is there once; of two lines nobody can tell which one the proxy wrote.
fn one_line<'a>(headers: &[(&'a str, &'a [u8])], name: &str) -> Option<&'a [u8]> {
    let mut lines = headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    lines.next().filter(|_| lines.next().is_none())
}

#[cfg(test)]
mod tests;
