//! The HTTP/1.1 server: hyper on tokio, with a bound on everything that a client sends or leaves lying.
//!
//! One task a connection. `listener` takes it, `connection` drives it; hyper frames the messages; `io` keeps the bytes
//! of each request head, `head` reads them again and refuses what is ambiguous; `answer` asks the gate in force and
//! turns its decision into a response. Nothing about a request outlives its answer.

use std::io as std_io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::gate::GateInForce;
use crate::proxy::{Proxy, ProxySettings};

mod answer;
mod connection;
pub mod debug;
pub mod head;
mod io;
mod limits;
mod listener;
mod log;

pub use answer::refuse;
pub use debug::DebugPage;
pub use limits::Limits;

/// How a server serves.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// What its clients may cost.
    pub limits: Limits,
    /// Where the debug page stands, if the operator wants one.
    pub debug_page: Option<DebugPage>,
    /// What the servers behind it get, and how long they may take.
    pub proxy: ProxySettings,
    /// Whether a trusted proxy is told who may see what ([`crate::authorize`]).
    pub authorize: bool,
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
        let Server { listener, gate, options, .. } = self;
        let ServerOptions { limits, debug_page, proxy, authorize } = options;
        let debug_page = debug_page.map(Arc::new);
        let proxy = Arc::new(Proxy::new(proxy));
        let places = Arc::new(Semaphore::new(limits.connections));
        let (stopping, on_stop) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, place) = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener::accept(&listener, &places) => accepted,
            };
            let (gate, proxy, debug_page) = (Arc::clone(&gate), Arc::clone(&proxy), debug_page.clone());
            let (limits, on_stop) = (limits.clone(), on_stop.clone());
            connections.spawn(async move {
                connection::serve(stream, &gate, &proxy, authorize, debug_page.as_deref(), &limits, on_stop).await;
                drop(place);
            });
        }
        drop(listener);
        // A connection that is waiting for a request ends at once, one that is answering ends after the answer.
        stopping.send_replace(());
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.drain, drained).await.is_err() {
            tracing::warn!(connections = connections.len(), "closing connections that did not end in time");
        }
        connections.shutdown().await;
        Ok(())
    }
}
