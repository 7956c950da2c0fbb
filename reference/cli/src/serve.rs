//! `rolegate serve`: the gate on a socket.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rolegate::Severity;
use rolegate_check::allow::UNUSED;
use rolegate_check::lint::lint_first;
use rolegate_server::reload::{Occasion, Reloader, Watch};
use rolegate_server::server::tls::{Tls, TlsError};
use rolegate_server::{
    Admin, Config, GateInForce, LoadError, Loaded, Operations, Server, ServerOptions, Source, Variables,
};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::debug::DebugArgs;
use super::edge::EdgeArgs;
use super::identity::{self, IdentityArgs};
use super::limits::LimitArgs;
use super::proxy::ProxyArgs;
use super::signals::{Signal, Signals};
use super::tokens::{Opened, TokenArgs};
use super::{Exit, Failure, RuleArgs, accept, counted, rendered, warn};

/// At the start only so many rules are linted; `check` lints all.
const LINTED: usize = 5_000;
/// How many problems `serve` shows; `check` shows all.
const SHOWN: usize = 20;

/// Serve the site in a folder, behind its rules
#[derive(Args, Debug)]
#[command(
    after_help = "The first line on standard output is the address: `listening on http://HOST:PORT`, or `https://`.\n\
    The log goes to standard error, a line a request; RUST_LOG=warn makes it quiet.\n\
    SIGHUP loads rules, secret, certificate and site again; what is refused is said, and the version in force stays.\n\
    SIGTERM or SIGINT stops after the answers under way; a second one ends at once.\n\
    Exit status: 0 stopped; 1 the rules or the secret are refused; 2 the folder cannot be read or the address not had."
)]
pub(super) struct Serve {
    /// The root of the project, with its `netlify.toml`, or the folder that is published, with its `_redirects`
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
    /// The address and port of a listener for the operator: /metrics, /health and /ready; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<SocketAddr>,
    /// A name that the operator's listener is asked by, beside its address and localhost; can be given several times. With any
    /// other in `Host` it answers 421, so that no page of a stranger's reads it through a name that leads here
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "admin")]
    admin_name: Vec<String>,
    /// The file of the certificate chain in PEM; the gate then speaks HTTPS, and HTTP/2 with clients that can
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The file of the certificate's private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Load rules, secret, certificate and site again when their files change; SIGHUP does so at any time
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    tokens: TokenArgs,
    #[command(flatten)]
    edge: EdgeArgs,
    #[command(flatten)]
    debug: DebugArgs,
    #[command(flatten)]
    proxy: ProxyArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    identity: IdentityArgs,
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
        let (key, settings) = self.identity.keys(key, settings, self.tokens.names_role_path())?;
        let config = Config {
            site: self.dir.clone(),
            netlify_toml: self.rules.config.clone(),
            key,
            tokens: settings,
            edge: self.edge.edge(),
            countries: self.edge.countries(),
            variables: Variables::Environment,
            options: self.proxy.site(),
            lint: Some(|rules, site, source| {
                source.add(lint_first(rules, site, LINTED));
                accept(source);
                // More is found than is looked for here.
                source.problems.retain(|problem| problem.id != UNUSED);
            }),
        };
        // RULES-6: what is wrong with the rules is said at the start, also where they are refused.
        let tls = self.tls()?;
        let tls_files: Vec<PathBuf> = tls.iter().flat_map(|tls| tls.files()).collect();
        let (told, occasions) = mpsc::channel();
        // Before the first load, so that no change falls between the two.
        let watch =
            self.watch.then(|| Watch::start(&config, &tls_files, told.clone())).transpose().map_err(|error| {
                Failure::cannot_run(format!(
                    "cannot watch `{}` for changes: {error}\n\
                 help: leave out --watch and send SIGHUP after a change, or raise the system's limit of watches",
                    self.dir.display()
                ))
            })?;
        let Loaded { gate, source } = config.load().inspect_err(|error| {
            if let LoadError::Start { text, .. } | LoadError::Signature { text, .. } = error {
                show_problems(text);
            }
        })?;
        show_problems(&source);
        warn(&source.layout.notes);
        if let Some(warning) = gate.keys().current().warning() {
            let name = self.tokens.key_name();
            anstream::eprintln!(
                "WARNING: {warning}\n\
                 WARNING: whoever finds the secret signs tokens with any role; use 32 random bytes or more in `{name}`"
            );
        }
        say_where(&source);
        let identity = self.identity.open(&config.key, self.host, &self.dir, &source.layout.published)?;
        let gate = Arc::new(GateInForce::new(gate));
        let operations = Arc::new(Operations::default());
        let reloader = Reloader::new(config, &source, Arc::clone(&gate), Arc::clone(&operations)).with_tls(tls.clone());
        drop(source);
        thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || reloader.run(&occasions))
            .map_err(|error| Failure::cannot_run(format!("cannot start a thread: {error}")))?;
        let (mounts, names) = identity.as_ref().map(|identity| identity.mounts(&gate)).unzip();
        let options = ServerOptions {
            limits: self.limits.within_the_system(),
            operations,
            tls,
            debug_page: self.debug.page()?,
            proxy: self.proxy.settings()?,
            authorize: self.proxy.authorize(),
            mounts: mounts.unwrap_or_default(),
            names,
        };
        // TOKEN-12.refresh
        let counted = Arc::clone(&options.operations);
        let _kept_fresh_to_the_end =
            fresh.map(|fresh| runtime.spawn(fresh.keep(move |had| counted.metrics().keys_refreshed(had))));
        let ended = runtime.block_on(self.listen(gate, options, &told, identity.as_ref()));
        // A second signal does not wait for files that are still being read.
        runtime.shutdown_background();
        drop(watch);
        ended
    }

    fn tls(&self) -> Result<Option<Arc<Tls>>, Failure> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        match Tls::open(certificate.clone(), key.clone()) {
            Ok(tls) => Ok(Some(Arc::new(tls))),
            Err(error @ TlsError::File { .. }) => Err(Failure::cannot_run(error.to_string())),
            Err(error) => Err(Failure::refused(error.to_string())),
        }
    }

    async fn listen(
        &self,
        gate: Arc<GateInForce>,
        options: ServerOptions,
        reload: &mpsc::Sender<Occasion>,
        identity: Option<&identity::Opened>,
    ) -> Result<Exit, Failure> {
        let address = SocketAddr::new(self.host, self.port);
        let cannot_listen = |error| Failure::cannot_run(format!("cannot listen on {address}: {error}"));
        let operations = Arc::clone(&options.operations);
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let server = Server::bind(address, gate, options).await.map_err(cannot_listen)?;
        let mut signals =
            Signals::new().map_err(|error| Failure::cannot_run(format!("cannot wait for signals: {error}")))?;
        if let Some(address) = self.admin {
            let admin = Admin::bind(address, Arc::clone(&operations))
                .await
                .map_err(|error| Failure::cannot_run(format!("cannot listen on {address}: {error}")))?
                .named(self.admin_name.clone());
            tracing::info!("metrics, health and readiness on http://{}", admin.local_addr());
            // It goes on to the end of the process, so that a stop can be watched.
            tokio::spawn(admin.run());
        }
        // Before the address is told: whoever reads it may ask for the users at once.
        let _to_the_end = identity.map(|identity| identity.leave_word(scheme, server.local_addr())).transpose()?;
        {
            let mut stdout = anstream::stdout().lock();
            let said =
                writeln!(stdout, "listening on {scheme}://{}", server.local_addr()).and_then(|()| stdout.flush());
            if let Err(error) = said {
                tracing::debug!(%error, "nobody reads standard output");
            }
        }
        self.debug.warn(scheme, server.local_addr());
        if let Some(identity) = identity {
            identity.say(scheme, server.local_addr());
        }
        let (stop, stopped) = watch::channel(false);
        let mut served = std::pin::pin!(server.run(stopping(stopped, self.limits.stop_delay())));
        loop {
            tokio::select! {
                ended = &mut served => return ended.map(|()| Exit::Done).map_err(cannot_listen),
                signal = signals.next() => match signal {
                    Signal::Reload => {
                        // The reloader lives as long as this process.
                        let _listens = reload.send(Occasion::Told);
                    }
                    Signal::Stop if stop.send_replace(true) => {
                        tracing::warn!("the second signal: ending at once");
                        return Ok(Exit::Done);
                    }
                    Signal::Stop => {
                        tracing::info!("stopping after the answers under way; a second signal ends at once");
                        operations.stopping();
                    }
                }
            }
        }
    }
}

/// Ready some time after the word to stop, during which a load balancer learns of it.
async fn stopping(mut told: watch::Receiver<bool>, delay: Duration) {
    // The sender lives until the server has stopped. What comes back would keep it from saying anything more.
    drop(told.wait_for(|told| *told).await);
    tokio::time::sleep(delay).await;
}

/// RULES-6: what is wrong with the rules is said at the start, not found out later.
fn show_problems(source: &Source) {
    for problem in source.problems.iter().take(SHOWN) {
        anstream::eprintln!("{}\n", rendered(source, problem));
    }
    let hidden = source.problems.len().saturating_sub(SHOWN);
    if hidden > 0 {
        anstream::eprintln!("… and {} more; `rolegate check` shows all", counted(hidden, "problem"));
    }
    let errors = source.count(Severity::Error);
    if errors > 0 {
        anstream::eprintln!(
            "WARNING: {} in the rules: such a rule does nothing, and where it names a role its path admits nobody",
            counted(errors, "error")
        );
    }
}

/// LAYOUT-1: where the site and its rules were found, if that is not what was named.
fn say_where(source: &Source) {
    if source.is_spread() {
        let rules = source.there().map(|file| file.path.display().to_string()).collect::<Vec<_>>().join(", ");
        tracing::info!(site = %source.layout.published.display(), rules, "what is served, and by which rules");
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
