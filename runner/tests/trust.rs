//! Whose certificates are taken, over loopback: those of this machine, those of a named authority, any; and what is said where one is not.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::sync::Arc;
use std::time::Duration;

use gatecheck::corpus::Corpus;
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::run::{Plan, RunOptions, run};
use gatecheck::verdict::Verdict;
use gatecheck::wire::plain::{Clients, HttpVersion, Plain, PlainOptions};
use gatecheck::wire::raw::Wire;
use gatecheck::wire::tls::{config, why};
use gatecheck::wire::{Sent, Target, Trust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const LIMIT: Duration = Duration::from_secs(20);

/// A server for `localhost` whose certificate an authority of its own has signed: its port, and that authority's certificate.
async fn server() -> (u16, String) {
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&authority).unwrap().pem();
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (port, pem)
}

fn target(host: &str, port: u16, trust: &Trust) -> Target {
    let connect_to = Some(([127, 0, 0, 1], port).into());
    Target { https: true, host: host.to_owned(), port, connect_to, trust: trust.clone() }
}

/// The status over the byte-exact wire and through the ordinary client, or why there is none.
async fn asked(target: &Target) -> (Result<u16, String>, Result<u16, String>) {
    let wire = Wire::new(target.clone(), Some(config(&target.trust).unwrap()), LIMIT);
    let exact = wire.exchange(Sent::get(target, "/")).await;
    let options = PlainOptions { version: HttpVersion::Http1, limit: LIMIT, remote: Some(target) };
    let plain = Plain::new(target.clone(), Clients::new(options).unwrap());
    let ordinary = plain.exchange(Sent::get(target, "/")).await;
    let status = |exchange: gatecheck::wire::Exchange| exchange.answer.response().map_or(0, |response| response.status);
    (exact.map(status).map_err(|error| why(&error)), ordinary.map(status).map_err(|error| error.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_taken_from_whom_the_user_says() {
    let (port, pem) = server().await;
    let named = Trust::also("ca.pem", pem.as_bytes()).unwrap();
    for trust in [&named, &Trust::Any] {
        assert_eq!(asked(&target("localhost", port, trust)).await, (Ok(204), Ok(204)), "{trust:?}");
    }
    let (exact, ordinary) = asked(&target("localhost", port, &Trust::Machine)).await;
    let exact = exact.unwrap_err();
    assert!(
        exact.contains("is not trusted here") && exact.contains("--ca FILE") && exact.contains("--insecure"),
        "{exact}"
    );
    assert!(ordinary.is_err());
    let (exact, _) = asked(&target("gate.example", port, &named)).await;
    assert!(exact.clone().unwrap_err().contains("is for another name"), "{exact:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_speak_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    let (exact, _) = asked(&target("localhost", port, &Trust::Any)).await;
    assert!(exact.clone().unwrap_err().contains("write `http://`"), "{exact:?}");
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    assert!(Trust::also("ca.pem", b"nothing").unwrap_err().contains("ca.pem holds no certificate"));
}

#[test]
fn the_line_for_curl_reaches_the_same_gate() {
    for (trust, option) in [(Trust::Machine, ""), (Trust::Any, " -k")] {
        let target = target("gate.example", 8443, &trust);
        let line = Sent::get(&target, "/").reproduce(&target, true);
        let start = format!("curl -isS --path-as-is{option} --connect-to 'gate.example:8443:127.0.0.1:8443' ");
        assert!(line.starts_with(&start), "{line}");
    }
}

/// Why a gate at an address is not asked at all, as a run says it.
async fn not_asked(target: Target) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance-cases");
    let corpus = Arc::new(Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}")));
    let options =
        RunOptions { patterns: vec!["role/denial".to_owned()], look: true, timeout: LIMIT, ..RunOptions::default() };
    let gate = Gate::Remote(target);
    let plan = Plan::new(&corpus, &gate, &options).unwrap();
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    run(corpus, gate, options, plan, events).await;
    let mut reasons = Vec::new();
    while let Ok(event) = happened.try_recv() {
        match event {
            Event::GateFailed(failed) => reasons.push(failed.reason),
            Event::CaseFinished(finished) => assert!(matches!(finished.verdict, Verdict::Error(_)), "{finished:?}"),
            _ => {}
        }
    }
    reasons
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_scheme_or_certificate_is_one_sentence_before_the_first_case() {
    let (port, _) = server().await;
    for (https, says) in [(false, "write `https://localhost:"), (true, "--ca FILE")] {
        let reasons = not_asked(Target { https, ..target("localhost", port, &Trust::Machine) }).await;
        assert!(matches!(reasons.as_slice(), [one] if one.contains(says)), "{reasons:?}");
    }
}
