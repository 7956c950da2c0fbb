//! Whom the gate believes about a visitor, as options of `serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rolegate::{CountrySource, Edge, Forwarding, Network};

/// Whom the gate believes about scheme, host, address and country; by default nobody but the connection.
#[derive(Args, Debug)]
#[command(next_help_heading = "Visitors")]
pub(super) struct EdgeArgs {
    /// Believe the proxies that connect from this address or network about scheme, host and address of a visitor; can be
    /// given several times. Such a proxy must set or remove each field that is believed, since a client can send it too
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    trusted_proxy: Vec<Network>,
    /// The fields in which a trusted proxy says so
    #[arg(long, value_enum, default_value_t = Fields::XForwarded)]
    forwarding: Fields,
    /// A port that visitors reach the site at, beside those of http and https and the one that it listens on; can be given
    /// several times. A rule that names a host holds at all of them, and with any other port in `Host` that host is refused
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    site_port: Vec<u16>,
    /// Take a visitor's country from this field of a trusted proxy
    #[arg(long, value_name = "NAME", requires = "trusted_proxy", conflicts_with = "geoip", value_parser = field_name)]
    country_header: Option<String>,
    /// Look a visitor's country up in this GeoIP database (MaxMind DB format, of the kind Country or City)
    #[arg(long, value_name = "FILE")]
    geoip: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fields {
    /// X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host. Behind several trusted proxies a request is refused where the
    /// latter two do not say one thing and rules name hosts
    XForwarded,
    /// The same, where each trusted proxy adds one entry to each of the three
    XForwardedAdded,
    /// The same, where the last proxy leaves one entry in X-Forwarded-Proto and in X-Forwarded-Host, whatever came to it
    XForwardedSet,
    /// Forwarded (RFC 7239)
    Forwarded,
}

impl EdgeArgs {
    pub(super) fn edge(&self) -> Edge {
        let forwarding = match self.forwarding {
            Fields::XForwarded => Forwarding::XForwarded,
            Fields::XForwardedAdded => Forwarding::XForwardedAdded,
            Fields::XForwardedSet => Forwarding::XForwardedSet,
            Fields::Forwarded => Forwarding::Forwarded,
        };
        let country = self.country_header.clone().map_or(CountrySource::Unknown, CountrySource::Header);
        Edge { trusted: self.trusted_proxy.clone(), forwarding, country, ports: self.site_port.clone() }
    }

    /// The file of the GeoIP database.
    pub(super) fn countries(&self) -> Option<PathBuf> {
        self.geoip.clone()
    }
}

fn field_name(text: &str) -> Result<String, String> {
    http::header::HeaderName::try_from(text)
        .map(|name| name.as_str().to_owned())
        .map_err(|_| "write the name of a header field such as `X-Country`".to_owned())
}
