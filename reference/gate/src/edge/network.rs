//! Networks of addresses, in the notation of RFC 4632 §3.1 and RFC 4291 §2.3.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network, such as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It is no address, or no prefix length stands behind the slash.
    #[error(
        "`{0}` is no network; write an address such as `127.0.0.1`, or a network such as `10.0.0.0/8` or `fd00::/8`"
    )]
    Unreadable(String),
    /// The address has bits behind the prefix.
    #[error("`{given}` has bits behind its prefix; write `{network}`")]
    BitsBehindPrefix {
        /// The text as given.
        given: String,
        /// What it may have meant.
        network: Network,
    },
    /// It is the whole internet.
    #[error("`{0}` is every address, so every visitor could claim to be another; write the network of your proxy")]
    Everybody(String),
}

impl Network {
    /// The network of the one address `address`.
    pub fn of(address: IpAddr) -> Network {
        let address = address.to_canonical();
        Network { address, prefix: bits(address) }
    }

    /// Whether `address` lies in the network; an IPv4 address in IPv6 form is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        crate::cost::step(1);
        masked(address.to_canonical(), self.prefix) == Some(self.address)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let unreadable = || NetworkError::Unreadable(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| unreadable())?;
        let Some(prefix) = prefix else {
            return Ok(Network::of(address));
        };
        let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse::<u8>().ok().filter(|_| is_number).ok_or_else(unreadable)?;
        // An IPv4 network in IPv6 form would contain nothing: addresses are compared in their own form.
        let masked = masked(address, prefix).filter(|_| address.to_canonical() == address).ok_or_else(unreadable)?;
        if prefix == 0 {
            return Err(NetworkError::Everybody(text.to_owned()));
        }
        let network = Network { address: masked, prefix };
        if masked != address {
            return Err(NetworkError::BitsBehindPrefix { given: text.to_owned(), network });
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            // A single address is written as one.
            prefix if prefix == bits(self.address) => write!(f, "{}", self.address),
            prefix => write!(f, "{}/{prefix}", self.address),
        }
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first `prefix` bits of `address`; `None` where it has not so many.
fn masked(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    let rest = u32::from(bits(address).checked_sub(prefix)?);
    Some(match address {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) & u32::MAX.checked_shl(rest).unwrap_or_default()).into()),
        IpAddr::V6(address) => {
            IpAddr::V6((u128::from(address) & u128::MAX.checked_shl(rest).unwrap_or_default()).into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_network() {
        for (network, address, lies_in_it) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("::ffff:127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::10.0.0.1", false),
            ("128.0.0.0/1", "255.255.255.255", true),
            ("128.0.0.0/1", "127.255.255.255", false),
            ("192.0.2.7/32", "192.0.2.7", true),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe80::1", false),
            ("2001:db8::1/128", "2001:db8::1", true),
            ("8000::/1", "10.0.0.1", false),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), lies_in_it, "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network() {
        for text in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0/8",
            "fd00::/129",
            "localhost",
            "10.0.0.0/8/8",
            "010.0.0.1",
            "::ffff:10.0.0.0/104",
            " 10.0.0.1",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError::Unreadable(text.to_owned())), "{text}");
        }
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/0"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError::Everybody(text.to_owned())), "{text}");
        }
        let error = "10.1.2.3/8".parse::<Network>().unwrap_err();
        assert_eq!(error.to_string(), "`10.1.2.3/8` has bits behind its prefix; write `10.0.0.0/8`");
    }
}
