//! TLS for the byte-exact wire: rustls with the certificates that this machine trusts, as the ordinary client has them.

use std::io;
use std::sync::Arc;

use rustls_platform_verifier::{BuilderVerifierExt, Verifier};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// Which certificates of a gate are taken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Trust {
    /// Those that this machine trusts.
    #[default]
    Machine,
    /// Those, and those of the authorities in a file.
    Also {
        /// The file, as it was named.
        file: String,
        /// The certificates of the authorities.
        authorities: Arc<[CertificateDer<'static>]>,
    },
    /// Any, for gates under test with one of their own.
    Any,
}

impl Trust {
    /// Those that this machine trusts, and those of the authorities in a PEM text.
    ///
    /// # Errors
    /// The text holds no certificate, or a broken one.
    pub fn also(file: &str, pem: &[u8]) -> Result<Self, String> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let authorities = read.map_err(|error| format!("{file}: {error}"))?;
        if authorities.is_empty() {
            return Err(format!(
                "{file} holds no certificate; it is a PEM file, which begins `-----BEGIN CERTIFICATE-----`"
            ));
        }
        Ok(Self::Also { file: file.to_owned(), authorities: authorities.into() })
    }

    /// The options of curl that say the same, each behind a space.
    #[must_use]
    pub(super) fn for_curl(&self) -> String {
        match self {
            Self::Machine => String::new(),
            Self::Also { file, .. } => format!(" --cacert {}", super::quote(file)),
            Self::Any => " -k".to_owned(),
        }
    }
}

/// The configuration for a client that takes these certificates.
///
/// # Errors
/// The TLS set-up of this machine.
pub fn config(trust: &Trust) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let custom = |verifier: Arc<dyn ServerCertVerifier>| {
        builder.clone().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
    };
    let mut config = match trust {
        Trust::Machine => builder.with_platform_verifier()?.with_no_client_auth(),
        Trust::Also { authorities, .. } => {
            custom(Arc::new(Verifier::new_with_extra_roots(authorities.iter().cloned(), provider)?))
        }
        Trust::Any => custom(Arc::new(Unchecked(provider))),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Why no connection came about, in words that say what to do where TLS is the reason.
#[must_use]
pub fn why(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(inner) = inner else { return error.to_string() };
    match inner {
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            format!(
                "its certificate is for another name ({inner}); use the name of the certificate, with --connect-to ADDR:PORT where it leads elsewhere, or take any certificate with --insecure"
            )
        }
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            format!("its certificate has expired ({inner}); renew it, or take any with --insecure")
        }
        // The verifier has no name of its own for it.
        Error::InvalidCertificate(CertificateError::Other(other)) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is one of an authority, which no server may show, so that --ca cannot help; make one that is none, as with `openssl req … -addext basicConstraints=critical,CA:FALSE`, or take any with --insecure"
                .to_owned()
        }
        Error::InvalidCertificate(_) => format!(
            "its certificate is not trusted here ({inner}); name the certificate of its authority with --ca FILE (of another one, where one is named), or take any with --insecure"
        ),
        Error::InvalidMessage(_) => {
            format!("what answers does not speak TLS ({inner}); write `http://` if it speaks plain HTTP")
        }
        _ => format!("TLS: {inner}"),
    }
}

/// Takes any certificate; signatures are still checked.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
