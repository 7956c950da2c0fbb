//! Word of a service that runs, for commands that need it: who has the store open, and the operator's token for it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Failure;

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a service runs, in a file that its owner alone reads. The file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    path: PathBuf,
}

/// What the file says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Word {
    /// The address that it listens on.
    pub(super) address: SocketAddr,
    /// `http` or `https`.
    pub(super) scheme: String,
    /// The origin of the site.
    pub(super) site: String,
    /// What the admin API takes from the operator, as long as the service runs.
    pub(super) token: String,
}

impl Running {
    pub(super) fn leave(
        folder: &Path,
        address: SocketAddr,
        scheme: &str,
        site: &str,
        token: &str,
    ) -> Result<Running, Failure> {
        let path = file(folder);
        let word = Word { address, scheme: scheme.to_owned(), site: site.to_owned(), token: token.to_owned() };
        let cannot = |error: io::Error| Failure::cannot_run(format!("cannot write `{}`: {error}", path.display()));
        let text = serde_json::to_vec(&word).map_err(|error| cannot(error.into()))?;
        // Left by a service that was killed; it may be readable for others.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
            _ => {}
        }
        super::private(&path).and_then(|mut file| file.write_all(&text)).map_err(cannot)?;
        Ok(Running { path })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever finds it asks an address at which nobody is.
        let _it_may_stay = fs::remove_file(&self.path);
    }
}

/// What the service in this folder has left.
pub(super) fn word(folder: &Path) -> Option<Word> {
    serde_json::from_slice(&fs::read(file(folder)).ok()?).ok()
}

fn file(folder: &Path) -> PathBuf {
    folder.join("running.json")
}

impl Word {
    /// Asks the service; status and body.
    pub(super) fn ask(&self, method: &str, target: &str, document: &str) -> io::Result<(u16, Vec<u8>)> {
        let host = self.site.split_once("://").map_or(self.site.as_str(), |(_, host)| host);
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let message = format!(
            "{method} /.netlify/identity{target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{document}",
            self.token,
            document.len()
        );
        stream.write_all(message.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(64 * 1024 * 1024).read_to_end(&mut answer)?;
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let status = answer.get(9..12).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        match (status, head) {
            (Some(status), Some(head)) => Ok((status, answer.get(head + 4..).unwrap_or_default().to_vec())),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "this is no answer of the service")),
        }
    }
}
