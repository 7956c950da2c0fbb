//! The connections to upstreams: pooled, HTTP/1.1 or HTTP/2 by ALPN, TLS by the certificates that this machine trusts.

use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::connect::{Connector, Dial};
use super::stream::Upload;

/// How long an unused connection is kept: less than the five seconds after which common servers close theirs, so that a
/// request rarely meets a closing one.
const KEPT: Duration = Duration::from_secs(4);

/// How many bytes of an answer are read ahead of the visitor over HTTP/1.1.
const BUFFER: usize = 64 * 1024;

pub(super) type HttpClient = Client<HttpsConnector<Connector>, Upload>;

/// One client for each way of speaking to an upstream.
#[derive(Debug)]
pub(super) struct Clients {
    /// HTTP/2 where TLS agrees on it, else HTTP/1.1.
    pub(super) negotiated: HttpClient,
    /// HTTP/1.1 alone: only there a protocol can be switched to (RFC 9113 §8.6).
    pub(super) http1: HttpClient,
    /// HTTP/2 alone, without negotiation where there is no TLS.
    pub(super) http2: HttpClient,
}

/// Whom the gate believes to be an upstream.
#[derive(Clone, Debug, Default)]
pub enum Roots {
    /// Whom this machine trusts.
    #[default]
    Machine,
    /// Whom these certificates, and no others, vouch for.
    These(Vec<CertificateDer<'static>>),
}

impl Clients {
    /// Clients that connect by TCP within the time `connect`, or by `dial`.
    pub(super) fn new(roots: &Roots, connect: Duration, dial: Option<&Dial>) -> std::io::Result<Clients> {
        let connection = match dial {
            Some(dial) => Connector::Given(Arc::clone(dial)),
            None => Connector::Tcp(tcp(connect)),
        };
        let negotiated = connector(roots, connection.clone(), Versions::Both)?;
        let http1 = connector(roots, connection.clone(), Versions::Http1)?;
        let http2 = connector(roots, connection, Versions::Http2)?;
        let build = |connector: HttpsConnector<Connector>, http2_only: bool| {
            Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(KEPT)
                // What waits for one visitor is little; a head may have so much too.
                .http1_max_buf_size(BUFFER)
                .http2_only(http2_only)
                .build(connector)
        };
        Ok(Clients { negotiated: build(negotiated, false), http1: build(http1, false), http2: build(http2, true) })
    }
}

#[derive(Clone, Copy)]
enum Versions {
    Both,
    Http1,
    Http2,
}

fn tcp(connect: Duration) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect));
    tcp
}

/// TLS over `connection` where a URL asks for it.
fn connector(roots: &Roots, connection: Connector, versions: Versions) -> std::io::Result<HttpsConnector<Connector>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = hyper_rustls::HttpsConnectorBuilder::new();
    let builder = match roots {
        Roots::Machine => builder.with_provider_and_platform_verifier(provider)?,
        Roots::These(certificates) => {
            let mut store = RootCertStore::empty();
            for certificate in certificates {
                store.add(certificate.clone()).map_err(std::io::Error::other)?;
            }
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(std::io::Error::other)?
                .with_root_certificates(store)
                .with_no_client_auth();
            builder.with_tls_config(config)
        }
    };
    let builder = builder.https_or_http();
    Ok(match versions {
        Versions::Both => builder.enable_all_versions().wrap_connector(connection),
        Versions::Http1 => builder.enable_http1().wrap_connector(connection),
        Versions::Http2 => builder.enable_http2().wrap_connector(connection),
    })
}
