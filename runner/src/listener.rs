//! A listener on loopback that hostile tokens name in `jku`, `x5u` and `kid`. A gate that connects to it let a token choose where keys come from (TOKEN-4).

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::verdict::{Fault, Mismatch, Verdict};

/// How long a gate gets to betray itself after its answer.
const GRACE: Duration = Duration::from_millis(30);

/// Counts connections.
pub struct Listener {
    url: String,
    seen: Arc<AtomicUsize>,
}

impl Listener {
    /// Opens the listener; where this machine has no free port its URL is empty, and its cases are errors.
    pub async fn open() -> Self {
        let seen = Arc::new(AtomicUsize::new(0));
        let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await else {
            return Self { url: String::new(), seen };
        };
        let url = listener.local_addr().map(|address| format!("http://{address}/")).unwrap_or_default();
        let count = Arc::clone(&seen);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { url, seen }
    }

    /// Its URL, with a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether nobody has called, after a moment.
    pub async fn verdict(&self) -> Verdict {
        if self.url.is_empty() {
            return Verdict::Error(Fault::Harness("no free port on loopback for the listener".to_owned()));
        }
        tokio::time::sleep(GRACE).await;
        match self.seen.load(Ordering::Relaxed) {
            0 => Verdict::Pass,
            calls => Verdict::Fail(vec![Mismatch {
                what: "calls to the listener that the token names".to_owned(),
                expected: "none".to_owned(),
                actual: calls.to_string(),
            }]),
        }
    }
}
