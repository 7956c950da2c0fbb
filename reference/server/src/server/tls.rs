//! TLS from files: certificate chain and key in PEM, read again on reload.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::disk;

/// The protocols that a client may choose from, the preferred one first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The certificate in force, with the files that it comes from.
#[derive(Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    in_force: ArcSwap<ServerConfig>,
}

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{}` holds no {wanted} in PEM: {error}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// Why not.
        error: pem::Error,
    },
    /// They do not belong together, or are of a kind that TLS does not take.
    #[error("`{}` and `{}` cannot be used for TLS: {error}", certificate.display(), key.display())]
    Refused {
        /// The file of the certificate chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
}

impl Tls {
    /// Reads the certificate chain and its key.
    ///
    /// # Errors
    /// Where a file cannot be read, holds something else, or the two do not belong together.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Tls, TlsError> {
        let in_force = ArcSwap::from(read(&certificate, &key)?);
        Ok(Tls { certificate, key, in_force })
    }

    /// The files that it is read from.
    pub fn files(&self) -> [PathBuf; 2] {
        [self.certificate.clone(), self.key.clone()]
    }

    /// What is in the files now; nothing changes for connections yet.
    pub(crate) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        read(&self.certificate, &self.key)
    }

    /// Puts another certificate in force, for every connection from now on.
    pub(crate) fn replace(&self, loaded: Arc<ServerConfig>) {
        self.in_force.store(loaded);
    }

    /// What a connection that begins now is served with.
    pub(crate) fn in_force(&self) -> Arc<ServerConfig> {
        self.in_force.load_full()
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let holds_no = |path: &Path, wanted, error| TlsError::Pem { path: path.to_owned(), wanted, error };
    let chain = CertificateDer::pem_slice_iter(&file(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| holds_no(certificate, "certificate", error))?;
    if chain.is_empty() {
        return Err(holds_no(certificate, "certificate", pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_slice(&file(key)?).map_err(|error| holds_no(key, "private key", error))?;
    let refused = |error| TlsError::Refused { certificate: certificate.to_owned(), key: key.to_owned(), error };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(refused)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

fn file(path: &Path) -> Result<Vec<u8>, TlsError> {
    disk::read(path, disk::MOST_KEYS).map_err(|error| TlsError::File { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_and_what_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (one, two) = (make(), make());
        let certificate = write("c.pem", &one.cert.pem());
        let key = write("k.pem", &one.signing_key.serialize_pem());
        let other_key = write("o.pem", &two.signing_key.serialize_pem());
        let tls = Tls::open(certificate.clone(), key.clone()).unwrap();
        assert_eq!(tls.in_force().alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);

        let why = |certificate: &Path, key: &Path| Tls::open(certificate.into(), key.into()).unwrap_err().to_string();
        let nowhere = folder.path().join("nowhere");
        assert!(why(&nowhere, &key).starts_with("cannot read `"));
        assert!(why(&key, &key).contains("holds no certificate in PEM"));
        assert!(why(&certificate, &certificate).contains("holds no private key in PEM"));
        assert!(why(&certificate, &other_key).contains("cannot be used for TLS"));
    }
}
