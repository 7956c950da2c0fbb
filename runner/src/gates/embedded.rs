//! The reference gate on loopback, in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rolegate::claims::RolePath;
use rolegate::files::DirSite;
use rolegate::gate::Gate;
use rolegate::rules::RuleSet;
use rolegate::server::{Server, ServerOptions};
use rolegate::token::{Key, TokenSettings};

use super::{GateError, Running, site_folder};
use crate::deploy::Deployment;
use crate::wire::Target;

/// Starts the reference on the site of a deployment.
pub(super) async fn start(deployment: &Deployment<'_>) -> Result<Running, GateError> {
    let folder = site_folder(deployment)?;
    let not_started = |reason: String| GateError::NotStarted { site: deployment.name(), reason };
    let gate = gate(deployment, folder.path()).map_err(not_started)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::bind(address, Arc::new(gate), ServerOptions::default())
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

fn gate(deployment: &Deployment<'_>, folder: &std::path::Path) -> Result<Gate<DirSite>, String> {
    let rules = RuleSet::parse(&deployment.rules()).rules;
    let site = DirSite::open(folder).map_err(|error| error.to_string())?;
    let key = Key::hs256(deployment.settings.secret.as_bytes()).map_err(|error| error.to_string())?;
    let role_path: RolePath = deployment.settings.role_path.parse().map_err(|error| format!("role path: {error}"))?;
    Gate::new(rules, Some(key), TokenSettings { role_path, ..TokenSettings::default() }, site)
        .map_err(|error| error.to_string())
}
