//! Upstreams over TLS, in HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rolegate::request::Origin;
use rolegate_server::proxy::{ProxySettings, Roots};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{OPEN, gate};

/// Says which version it was asked in.
async fn version(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(format!("{:?}", request.version()).into())))
}

/// A server for `localhost` with these protocols, and the certificate that vouches for it.
fn start(protocols: &[&str]) -> (SocketAddr, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a configuration");
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (said, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            said.send(listener.local_addr().expect("an address")).expect("heard");
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service_fn(version)).await;
                });
            }
        });
    });
    (address.recv().expect("an address"), certificate)
}

#[test]
fn tls_with_and_without_http_2() {
    for (protocols, version) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
    {
        let (address, certificate) = start(protocols);
        let origin = format!("https://localhost:{}", address.port());
        let roots = Roots::These(vec![certificate]);
        let known = gate(OPEN, &origin, ProxySettings { roots, ..ProxySettings::default() });
        let answer = known.get("/api/a", &[]);
        assert_eq!((answer.status, answer.body.as_str()), (200, version), "{protocols:?}");
        // Nobody whom this machine trusts vouches for it.
        assert_eq!(gate(OPEN, &origin, ProxySettings::default()).get("/api/a", &[]).status, 502);
        // The certificate is for another name.
        let other = gate(OPEN, &format!("https://{address}"), ProxySettings::default());
        assert_eq!(other.get("/api/a", &[]).status, 502);
    }
}

#[test]
fn http_2_without_tls_where_the_operator_says_so() {
    let (said, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            said.send(listener.local_addr().expect("an address")).expect("heard");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service_fn(version)).await;
                });
            }
        });
    });
    let origin = format!("http://{}", address.recv().expect("an address"));
    let http2 = vec![Origin::parse(&origin).unwrap()];
    let gate = gate(OPEN, &origin, ProxySettings { http2, ..ProxySettings::default() });
    assert_eq!(gate.get("/api/a", &[]).body, "HTTP/2.0");
}
