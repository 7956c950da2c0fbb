//! The reference gate on loopback, in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rolegate::claims::RolePath;
use rolegate::config::{Config, KeySource, Variables};
use rolegate::edge::{CountrySource, Edge};
use rolegate::gate::GateInForce;
use rolegate::proxy::ProxySettings;
use rolegate::request::Origin;
use rolegate::server::{Server, ServerOptions};
use rolegate::token::{Algorithm, Algorithms, KeyRing, Keys, TokenSettings, jwks};

use super::{GateError, Running, site_folder};
use crate::corpus::{PublicKeys, Settings};
use crate::deploy::Deployment;
use crate::wire::Target;

/// Starts the reference on the site of a deployment.
pub(super) async fn start(deployment: &Deployment<'_>) -> Result<Running, GateError> {
    let folder = site_folder(deployment)?;
    let not_started = |reason: String| GateError::NotStarted { site: deployment.name(), reason };
    let config = config(deployment, folder.path()).map_err(not_started)?;
    let loaded = config.load().map_err(|error| not_started(error.to_string()))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::bind(address, Arc::new(GateInForce::new(loaded.gate)), options(deployment))
        .await
        .map_err(|error| not_started(error.to_string()))?;
    let port = server.local_addr().port();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Ok(Running {
        target: Target { https: false, host: Ipv4Addr::LOCALHOST.to_string(), port, connect_to: None },
        door: None,
        log: None,
        stop: Some(Box::new(move || {
            Box::pin(async move {
                let _ = stop.send(());
                task.abort();
                drop(folder);
            })
        })),
    })
}

/// PROXY-2: whether the upstream may see the token.
fn options(deployment: &Deployment<'_>) -> ServerOptions {
    let trusted = Origin::parse(&deployment.upstream).filter(|_| deployment.settings.trust_upstream);
    let proxy = ProxySettings { trusted: trusted.into_iter().collect(), ..ProxySettings::default() };
    ServerOptions { proxy, ..ServerOptions::default() }
}

/// What an operator would say to serve this deployment.
fn config(deployment: &Deployment<'_>, folder: &std::path::Path) -> Result<Config, String> {
    let settings = &deployment.settings;
    let key = KeySource::Ring(KeyRing::from(keys(settings)?));
    let variables = Variables::Given(settings.environment.clone());
    let edge = edge(deployment)?;
    Ok(Config { variables, edge, ..Config::of(folder.to_owned(), key, token_settings(settings)?) })
}

/// Whom the gate is told to believe about a visitor.
pub(crate) fn edge(deployment: &Deployment<'_>) -> Result<Edge, String> {
    let settings = &deployment.settings;
    let trusted = settings.trusted_proxy.iter().map(|network| network.parse().map_err(|error| format!("{error}")));
    Ok(Edge {
        trusted: trusted.collect::<Result<_, String>>()?,
        country: settings.country_header.clone().map_or(CountrySource::Unknown, CountrySource::Header),
        ..Edge::default()
    })
}

/// The keys of a suite, as the reference takes them.
pub(crate) fn keys(settings: &Settings) -> Result<Keys, String> {
    let algorithms = settings.algorithms.iter().map(|name| name.parse::<Algorithm>());
    let algorithms = Algorithms::only(algorithms.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?);
    match &settings.public {
        None => Keys::hs256(settings.secret.as_bytes()).map_err(|error| error.to_string()),
        Some(PublicKeys::Pem(text)) => {
            Keys::from_pem(text.as_bytes(), &algorithms).map_err(|error| format!("the PEM text: {error}"))
        }
        Some(PublicKeys::Jwks(text)) => match jwks::parse(text.as_bytes(), &algorithms) {
            Ok(set) => Ok(set.keys),
            Err(error) => Err(format!("the JWKS document: {error}")),
        },
    }
}

/// How the reference reads the tokens of a suite.
pub(crate) fn token_settings(settings: &Settings) -> Result<TokenSettings, String> {
    let role_path: RolePath = settings.role_path.parse().map_err(|error| format!("role path: {error}"))?;
    Ok(TokenSettings {
        role_path,
        audiences: settings.audience.iter().cloned().collect(),
        issuer: settings.issuer.clone(),
        ..TokenSettings::default()
    })
}
