//! The database that knows countries by address (COND-3).

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{MaxMindDbError, PathElement, Reader, WithinOptions};
use rolegate::edge::{Countries, Country};

use crate::disk;

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
}

impl Countries for Database {
    fn country(&self, address: IpAddr) -> Option<Country> {
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
