//! The server, HTTP/1.1 and HTTP/2, with or without TLS: hyper on tokio, with a bound on everything that a client sends or leaves lying.
//!
//! One task a connection. `listener` takes it, `connection` drives it; hyper frames the messages. In HTTP/1.1 `io` keeps
//! the bytes of each request head, and `head` reads them again and refuses what is ambiguous; `http2` holds the heads of
//! HTTP/2 to the same. `answer` asks the gate in force and turns its decision into a response. Nothing about a request
//! outlives its answer. The operator's side is `operations`, `metrics` and `admin`, on a listener of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io as std_io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{Id, JoinSet};

use crate::in_force::GateInForce;
use crate::proxy::{Proxy, ProxySettings};
use listener::{Place, Places};
use mounts::Mounts;
use shares::Shares;
use tls::Tls;

mod activity;
pub mod admin;
mod answer;
#[doc(hidden)]
pub mod connection;
pub mod debug;
pub mod head;
mod hosts;
#[doc(hidden)]
pub mod http2;
mod io;
mod limits;
mod listener;
mod log;
pub mod metrics;
pub mod mounts;
pub mod operations;
mod preface;
pub(crate) mod shares;
mod standing;
mod timer;
pub mod tls;

pub use admin::Admin;
pub use answer::refuse;
pub use debug::DebugPage;
pub use limits::Limits;
pub use mounts::{Mount, Mounted};
pub use operations::Operations;

/// How a server serves.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// What its clients may cost.
    pub limits: Limits,
    /// What its operator may know.
    pub operations: Arc<Operations>,
    /// The certificate; without one the server speaks plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Where the debug page stands, if the operator wants one.
    pub debug_page: Option<DebugPage>,
    /// What the servers behind it get, and how long they may take.
    pub proxy: ProxySettings,
    /// Whether a trusted proxy is told who may see what ([`rolegate::authorize`]).
    pub authorize: bool,
    /// What is answered before the rules are asked, in this order.
    pub mounts: Vec<Arc<dyn Mount>>,
    /// The names that the server answers to, beside those of this machine; without them it answers to all.
    pub names: Option<Vec<String>>,
}

/// What every connection of a server shares.
#[derive(Debug)]
#[doc(hidden)]
pub struct Shared {
    /// The port that it listens on.
    pub port: u16,
    pub gate: Arc<GateInForce>,
    pub limits: Limits,
    pub operations: Arc<Operations>,
    pub tls: Option<Arc<Tls>>,
    pub debug_page: Option<DebugPage>,
    pub proxy: Proxy,
    /// PACE-2: the files that are open while they are sent.
    pub(crate) files: Shares<IpAddr>,
    /// Whether a trusted proxy is told who may see what.
    pub authorize: bool,
    /// What is answered before the rules are asked.
    pub(crate) mounts: Mounts,
}

impl Shared {
    /// What the connections to `port` share.
    #[doc(hidden)]
    pub fn new(port: u16, gate: Arc<GateInForce>, options: ServerOptions) -> Shared {
        let ServerOptions { limits, operations, tls, debug_page, proxy, authorize, mounts, names } = options;
        let mounts = Mounts::new(mounts, names);
        let files = Shares::new(limits.files, limits.files_per_client);
        let proxy = Proxy::new(proxy, &limits);
        Shared { port, gate, limits, operations, tls, debug_page, proxy, files, authorize, mounts }
    }
}

/// A server that listens; [`Server::run`] answers.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    gate: Arc<GateInForce>,
    options: ServerOptions,
}

impl Server {
    /// Listens on `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// Where the address is taken or may not be used.
    pub async fn bind(address: SocketAddr, gate: Arc<GateInForce>, options: ServerOptions) -> std_io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Server { listener, address, gate, options })
    }

    /// The address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is ready; then takes no further connection, waits for the answers that are under way
    /// as long as [`Limits::drain`] says, and closes what is left.
    ///
    /// # Errors
    /// None at present: a failing connection ends alone, a failing `accept` is tried again.
    pub async fn run(self, stop: impl Future<Output = ()>) -> std_io::Result<()> {
        let Server { listener, address, gate, options } = self;
        let drain = options.limits.drain;
        let places = Places::new(options.limits.connections, options.limits.connections_per_client);
        let shared = Arc::new(Shared::new(address.port(), gate, options));
        let mut connections = Connections::default();
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, peer, place) = tokio::select! {
                () = &mut stop => break,
                () = connections.ended() => continue,
                accepted = listener::accept(&listener, &places) => accepted,
            };
            // PACE-2: a proxy of the operator speaks for many.
            let place = place.or_else(|permit| {
                shared.gate.gate().edge().trusts(peer.ip().to_canonical()).then(|| Place::of_nobody(permit)).ok_or(())
            });
            let Ok(place) = place else {
                shared.operations.metrics().turned_away();
                continue;
            };
            let shared = Arc::clone(&shared);
            connections.begin(|on_stop| async move {
                let open = shared.operations.metrics().connection();
                connection::serve(stream, peer, Arc::clone(&shared), on_stop).await;
                drop((open, place));
            });
        }
        drop(listener);
        connections.end(drain).await;
        Ok(())
    }
}

/// Ready when the server stops.
#[doc(hidden)]
pub type OnStop = oneshot::Receiver<Infallible>;

/// The connections that are open.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// What each is told by that the server stops. It waits for a word of its own: one word for all would be looked at
    /// with each request, under a lock that all share.
    open: HashMap<Id, oneshot::Sender<Infallible>>,
}

impl Connections {
    fn begin<F: Future<Output = ()> + Send + 'static>(&mut self, serve: impl FnOnce(OnStop) -> F) {
        let (open, on_stop) = oneshot::channel();
        let task = self.tasks.spawn(serve(on_stop));
        self.open.insert(task.id(), open);
    }

    /// Waits until one has ended; for ever where none is open.
    async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => self.open.remove(&id),
            Some(Err(failed)) => self.open.remove(&failed.id()),
            None => std::future::pending().await,
        };
    }

    /// A connection that is waiting for a request ends at once, one that is answering ends after the answer, and what is
    /// left after `drain` is closed.
    async fn end(mut self, drain: Duration) {
        self.open.clear();
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(drain, drained).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "closing connections that did not end in time");
        }
        self.tasks.shutdown().await;
    }
}
