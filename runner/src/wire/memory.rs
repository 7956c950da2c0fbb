//! Connections inside this process, for a gate that this process serves: the same bytes without sockets.

use std::io;

use tokio::io::DuplexStream;
use tokio::sync::mpsc;

/// How many bytes may be under way in each direction.
const BUFFER: usize = 4 * 1024;

/// Where a client knocks.
#[derive(Clone, Debug)]
pub struct Door(mpsc::UnboundedSender<DuplexStream>);

/// Where the gate takes the connections that were opened.
#[derive(Debug)]
pub struct Porch(mpsc::UnboundedReceiver<DuplexStream>);

/// A door and the porch behind it.
#[must_use]
pub fn door() -> (Door, Porch) {
    let (knock, knocks) = mpsc::unbounded_channel();
    (Door(knock), Porch(knocks))
}

impl Door {
    /// Opens a connection.
    ///
    /// # Errors
    /// The gate is gone.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        self.0.send(theirs).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(ours)
    }
}

impl Porch {
    /// The next connection; none when every door is gone.
    pub async fn accept(&mut self) -> Option<DuplexStream> {
        self.0.recv().await
    }
}
