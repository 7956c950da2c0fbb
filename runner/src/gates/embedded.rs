//! The reference gate on loopback, in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rolegate::claims::RolePath;
use rolegate::config::{Config, KeySource};
use rolegate::edge::{CountrySource, Edge};
use rolegate::gate::GateInForce;
use rolegate::server::{Server, ServerOptions};
use rolegate::token::TokenSettings;

use super::{GateError, Running, site_folder};
use crate::deploy::Deployment;
use crate::wire::Target;

/// Starts the reference on the site of a deployment.
pub(super) async fn start(deployment: &Deployment<'_>) -> Result<Running, GateError> {
    let folder = site_folder(deployment)?;
    let not_started = |reason: String| GateError::NotStarted { site: deployment.name(), reason };
    let config = config(deployment, folder.path()).map_err(not_started)?;
    let loaded = config.load().map_err(|error| not_started(error.to_string()))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::bind(address, Arc::new(GateInForce::new(loaded.gate)), ServerOptions::default())
        .await
        .map_err(|error| not_started(error.to_string()))?;
    let port = server.local_addr().port();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Ok(Running {
        target: Target { https: false, host: Ipv4Addr::LOCALHOST.to_string(), port, connect_to: None },
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

/// What an operator would say to serve this deployment.
fn config(deployment: &Deployment<'_>, folder: &std::path::Path) -> Result<Config, String> {
    let settings = &deployment.settings;
    let role_path: RolePath = settings.role_path.parse().map_err(|error| format!("role path: {error}"))?;
    Ok(Config {
        site: folder.to_owned(),
        key: KeySource::Secret { name: "secret".to_owned(), secret: settings.secret.as_bytes().to_vec() },
        tokens: TokenSettings { role_path, ..TokenSettings::default() },
        edge: edge(deployment)?,
        countries: None,
    })
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
