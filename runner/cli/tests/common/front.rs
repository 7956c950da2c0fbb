//! A real server in front of a gate, with an example configuration of the project; stopped when it is dropped.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server in front, over plain HTTP and over TLS.
pub struct Front {
    pub plain: SocketAddr,
    pub tls: SocketAddr,
    process: Child,
    _work: TempDir,
}

/// The servers that a configuration is there for, by the names of their programs.
pub const FRONTS: [&str; 3] = ["nginx", "haproxy", "caddy"];

impl Front {
    /// Starts the server in front of `gate`, with a certificate and its key in PEM; `None`, said aloud, where it is not installed.
    pub fn start(program: &str, gate: SocketAddr, certificate: &str, key: &str) -> Option<Self> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&folders).chain([PathBuf::from("/usr/sbin")]).collect::<Vec<_>>();
        let Some(found) = folders.iter().map(|folder| folder.join(program)).find(|path| path.is_file()) else {
            let _ = writeln!(std::io::stderr(), "SKIPPED: {program} is not installed");
            return None;
        };
        let work = tempfile::tempdir().expect("a folder");
        let at = work.path().display().to_string();
        // HAProxy wants both in one file.
        std::fs::write(work.path().join("gate.pem"), format!("{certificate}{key}")).expect("written");
        std::fs::write(work.path().join("gate.key"), key).expect("written");
        let file = match program {
            "nginx" => "nginx.conf",
            "haproxy" => "haproxy.cfg",
            _ => "Caddyfile",
        };
        let (plain, tls) = (free(), free());
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/proxy").join(file);
        let mut text = std::fs::read_to_string(example).expect("an example");
        for (marker, value) in [
            (":8080", format!(":{}", plain.port())),
            (":8443", format!(":{}", tls.port())),
            ("127.0.0.1:8888", gate.to_string()),
            ("/etc/ssl", at.clone()),
        ] {
            assert!(text.contains(marker), "{file} has no {marker} to replace");
            text = text.replace(marker, &value);
        }
        if program == "nginx" {
            let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {at}/{kind};"));
            text = text.replace("http {\n", &format!("http {{\n{}\naccess_log off;\n", folders.join("\n")));
        }
        let written = work.path().join(file);
        std::fs::write(&written, text).expect("written");
        let written = written.display().to_string();
        let global = format!("daemon off; master_process off; pid {at}/pid; error_log {at}/log;");
        let arguments = match program {
            "nginx" => vec!["-p", &at, "-c", &written, "-g", &global],
            "haproxy" => vec!["-db", "-f", &written],
            _ => vec!["run", "--adapter", "caddyfile", "--config", &written],
        };
        let log = std::fs::File::create(work.path().join("log")).expect("a log");
        let process = Command::new(found)
            .args(arguments)
            .env("HOME", work.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("started");
        let front = Self { plain, tls, process, _work: work };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(plain).is_err() || TcpStream::connect(tls).is_err() {
            let log = std::fs::read_to_string(format!("{at}/log")).unwrap_or_default();
            assert!(Instant::now() < until, "{program} does not listen: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(front)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A free port.
fn free() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port")
}
