//! `rolegate serve`: the gate on a socket.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rolegate::{
    Config, DirSite, Gate, GateInForce, LoadError, Loaded, Server, ServerOptions, Severity, Source, Variables,
};
use tracing_subscriber::EnvFilter;

use super::debug::DebugArgs;
use super::edge::EdgeArgs;
use super::proxy::ProxyArgs;
use super::tokens::{Opened, TokenArgs};
use super::{Exit, Failure, counted};

/// How many problems `serve` shows; `check` shows all.
const SHOWN: usize = 20;

/// Serve the site in a folder, behind the rules of its `_redirects` file
#[derive(Args, Debug)]
#[command(after_help = "The first line on standard output is the address: `listening on http://HOST:PORT`.\n\
    The log goes to standard error, a line a request; RUST_LOG=warn makes it quiet.\n\
    Exit status: 0 stopped; 1 the rules or the secret are refused; 2 the folder cannot be read or the address not had.")]
pub(super) struct Serve {
    /// The folder that holds the site and its `_redirects`
    dir: PathBuf,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = address)]
    host: IpAddr,
    /// The port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 8888)]
    port: u16,
    /// How the log is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    tokens: TokenArgs,
    #[command(flatten)]
    edge: EdgeArgs,
    #[command(flatten)]
    debug: DebugArgs,
    #[command(flatten)]
    proxy: ProxyArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        start_log(self.log_format);
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| Failure::cannot_run(format!("cannot start worker threads: {error}")))?;
        let Opened { source: key, fresh, settings } = runtime.block_on(self.tokens.open())?;
        let config = Config {
            site: self.dir.clone(),
            key,
            tokens: settings,
            edge: self.edge.edge(),
            countries: self.edge.countries(),
            variables: Variables::Environment,
            options: self.proxy.site(),
        };
        // RULES-6: what is wrong with the rules is said at the start, also where they are refused.
        let Loaded { gate, source } = config.load().inspect_err(|error| {
            if let LoadError::Start { text, .. } | LoadError::Signature { text, .. } = error {
                show_problems(text);
            }
        })?;
        show_problems(&source);
        if let Some(warning) = gate.keys().current().warning() {
            let name = self.tokens.key_name();
            anstream::eprintln!(
                "WARNING: {warning}\n\
                 WARNING: whoever finds the secret signs tokens with any role; use 32 random octets or more in `{name}`"
            );
        }
        let options = ServerOptions {
            proxy: self.proxy.settings()?,
            authorize: self.proxy.authorize(),
            debug_page: self.debug.page()?,
            ..ServerOptions::default()
        };
        // TOKEN-12.refresh
        let _kept_fresh_to_the_end = fresh.map(|fresh| runtime.spawn(fresh.keep()));
        runtime.block_on(self.listen(gate, options))
    }

    async fn listen(&self, gate: Gate<DirSite>, options: ServerOptions) -> Result<Exit, Failure> {
        let address = SocketAddr::new(self.host, self.port);
        let cannot_listen = |error| Failure::cannot_run(format!("cannot listen on {address}: {error}"));
        let server = Server::bind(address, Arc::new(GateInForce::new(gate)), options).await.map_err(cannot_listen)?;
        let stop = stop_signal().map_err(|error| Failure::cannot_run(format!("cannot wait for signals: {error}")))?;
        {
            let mut stdout = anstream::stdout().lock();
            let said = writeln!(stdout, "listening on http://{}", server.local_addr()).and_then(|()| stdout.flush());
            if let Err(error) = said {
                tracing::debug!(%error, "nobody reads standard output");
            }
        }
        self.debug.warn(server.local_addr());
        server.run(stop).await.map_err(cannot_listen)?;
        Ok(Exit::Done)
    }
}

/// RULES-6: what is wrong with the rules is said at the start, not found out later.
fn show_problems(source: &Source) {
    for problem in source.problems.iter().take(SHOWN) {
        anstream::eprintln!("{}\n", source.render(problem));
    }
    let hidden = source.problems.len().saturating_sub(SHOWN);
    if hidden > 0 {
        anstream::eprintln!("… and {} more; `rolegate check` shows all", counted(hidden, "problem"));
    }
    let errors = source.count(Severity::Error);
    if errors > 0 {
        anstream::eprintln!(
            "WARNING: {} in {}: such a line does nothing, and where it names a role its path admits nobody",
            counted(errors, "error"),
            source.file_name
        );
    }
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("rolegate=info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    text.parse().map_err(|_| "write an IP address such as `127.0.0.1`, `0.0.0.0` or `::1`".to_owned())
}

/// Ready at the first interrupt or, on Unix, the first request to terminate.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}

/// Ready at the first interrupt.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _stops_either_way = tokio::signal::ctrl_c().await;
        tracing::info!("stopping");
    })
}
