//! Countries, and the database that knows them by address.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{MaxMindDbError, PathElement, Reader, WithinOptions};

use crate::disk;

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

/// A GeoIP database in the MaxMind DB format that holds countries: `country.iso_code`, as the Country, City and Enterprise
/// databases have it.
pub struct Database {
    reader: Reader<Vec<u8>>,
}

/// Why a file is no database of countries.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not in the MaxMind DB format, or damaged.
    #[error("this is no MaxMind database: {0}")]
    Format(#[from] MaxMindDbError),
    /// It is about something else than countries.
    #[error("this database ({0}) holds no countries; one of the kind Country or City is needed")]
    NoCountries(String),
}

/// How many records are looked at before a database is said to hold no country.
const SAMPLE: usize = 10_000;

impl Database {
    /// Reads the database in a file; all of it is held in memory.
    ///
    /// # Errors
    /// [`DatabaseError`]: a gate that has been told to know countries and does not would pass its rules by.
    pub fn open(file: &Path) -> Result<Database, DatabaseError> {
        Database::from_bytes(disk::read(file, disk::MOST_COUNTRIES)?)
    }

    /// The database in these bytes.
    ///
    /// # Errors
    /// [`DatabaseError`]
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Database, DatabaseError> {
        let reader = Reader::from_source(bytes)?;
        let mut records = reader.networks(WithinOptions::default())?.take(SAMPLE);
        // A damaged record is found here rather than by a visitor.
        let has_country = records.try_fold(false, |found, record| {
            Ok::<_, MaxMindDbError>(found || record?.decode_path::<&str>(&ISO_CODE)?.is_some())
        })?;
        if !has_country {
            return Err(DatabaseError::NoCountries(reader.metadata().database_type.clone()));
        }
        Ok(Database { reader })
    }

    /// The country of an address, where the database knows it.
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        let record = self.reader.lookup(address).ok()?;
        Country::parse(record.decode_path::<&str>(&ISO_CODE).ok()??.as_bytes())
    }
}

const ISO_CODE: [PathElement<'static>; 2] = [PathElement::Key("country"), PathElement::Key("iso_code")];

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("kind", &self.reader.metadata().database_type).finish_non_exhaustive()
    }
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
