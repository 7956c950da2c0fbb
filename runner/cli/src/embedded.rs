//! The reference gate on loopback, in this process.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use gatecheck::deploy::Deployment;
use gatecheck::gates::{Gate, GateError, InProcess, Running, site_folder};
use gatecheck::wire::{Target, Trust};
use gatecheck_mutants::reference::{edge, keys, token_settings};
use rolegate::request::Origin;
use rolegate_server::config::{Config, KeySource, Variables};
use rolegate_server::in_force::GateInForce;
use rolegate_server::key_ring::KeyRing;
use rolegate_server::proxy::ProxySettings;
use rolegate_server::server::{Server, ServerOptions};

/// The reference gate of this version.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedGate;

/// The embedded reference as the gate of a run.
#[must_use]
pub fn gate() -> Gate {
    Gate::InProcess(Arc::new(EmbeddedGate))
}

impl InProcess for EmbeddedGate {
    fn name(&self) -> String {
        format!("rolegate {} (embedded)", env!("CARGO_PKG_VERSION"))
    }

    fn stated(&self) -> String {
        "embedded".to_owned()
    }

    fn has_socket(&self) -> bool {
        true
    }

    fn start<'a>(
        &'a self,
        deployment: &'a Deployment<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Running, GateError>> + Send + 'a>> {
        Box::pin(start(deployment))
    }
}

async fn start(deployment: &Deployment<'_>) -> Result<Running, GateError> {
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
    let target =
        Target { https: false, host: Ipv4Addr::LOCALHOST.to_string(), port, connect_to: None, trust: Trust::default() };
    Ok(Running::at(target, async move {
        let _ = stop.send(());
        task.abort();
        drop(folder);
    }))
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
