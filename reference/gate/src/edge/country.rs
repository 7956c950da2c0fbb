//! Countries, and who knows them by address.

use std::fmt;
use std::net::IpAddr;

/// A country by its code of two letters (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// The country that `text` names, in any case; `None` where it is no code of two letters.
    pub fn parse(text: &[u8]) -> Option<Country> {
        match text.trim_ascii() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Some(Country([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// The code in upper case.
    pub fn code(&self) -> &str {
        // Two ASCII letters always are UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({})", self.code())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whoever knows the country of an address, such as a database.
pub trait Countries: fmt::Debug + Send + Sync {
    /// The country of `address`, if it is known.
    fn country(&self, address: IpAddr) -> Option<Country>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for (text, code) in [
            ("de", Some("DE")),
            ("AQ", Some("AQ")),
            (" us ", Some("US")),
            ("", None),
            ("d", None),
            ("deu", None),
            ("T1", None),
            ("dé", None),
        ] {
            assert_eq!(
                Country::parse(text.as_bytes()).map(|country| country.code().to_owned()).as_deref(),
                code,
                "{text}"
            );
        }
    }
}
