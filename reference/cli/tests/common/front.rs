//! A real server in front of the gate, stopped when it is dropped.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Client, Response, request};

/// A server in front.
pub struct Front {
    pub address: SocketAddr,
    process: Child,
    _work: TempDir,
}

/// The text of an example in `reference/examples/`, with the ports and the folder in it replaced.
pub fn example(name: &str, front: SocketAddr, gate: SocketAddr, site: &Path) -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name))
        .expect("an example");
    for marker in [":8080", "127.0.0.1:8888"] {
        assert!(text.contains(marker), "{name} has no {marker} to replace");
    }
    text.replace(":8080", &format!(":{}", front.port()))
        .replace("127.0.0.1:8888", &gate.to_string())
        .replace("/srv/site", &site.display().to_string())
}

/// A free port.
pub fn free() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port")
}

impl Front {
    pub fn nginx(address: SocketAddr, text: &str) -> Option<Front> {
        Front::start("nginx", address, |work| {
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {}/{kind};", work.display()));
            let text = text.replace("http {\n", &format!("http {{\n{}\naccess_log off;\n", temporary.join("\n")));
            let file = written(work, "nginx.conf", &text);
            let global = format!("daemon off; master_process off; pid {}/pid; error_log stderr;", work.display());
            vec!["-p".into(), work.display().to_string(), "-c".into(), file, "-g".into(), global]
        })
    }

    pub fn caddy(address: SocketAddr, text: &str) -> Option<Front> {
        Front::start("caddy", address, |work| {
            let file = written(work, "Caddyfile", text);
            vec!["run".into(), "--adapter".into(), "caddyfile".into(), "--config".into(), file]
        })
    }

    pub fn haproxy(address: SocketAddr, text: &str) -> Option<Front> {
        Front::start("haproxy", address, |work| vec!["-db".into(), "-f".into(), written(work, "haproxy.cfg", text)])
    }

    pub fn apache(address: SocketAddr, text: &str) -> Option<Front> {
        Front::start("apache2", address, |work| {
            let root =
                format!("ServerRoot {0}\nDefaultRuntimeDir {0}\nPidFile {0}/pid\nErrorLog /dev/stderr", work.display());
            let modules = ["mpm_event", "authz_core", "authz_host", "dir", "headers", "proxy", "proxy_http"]
                .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"));
            let site = written(work, "site.conf", text);
            let text = format!(
                "{root}\n{}\nServerName localhost\nUser www-data\nGroup www-data\nInclude {site}\n",
                modules.join("\n")
            );
            vec!["-X".into(), "-f".into(), written(work, "whole.conf", &text)]
        })
    }

    /// `None`, said aloud, where `program` is not installed.
    fn start(program: &str, address: SocketAddr, arguments: impl Fn(&Path) -> Vec<String>) -> Option<Front> {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .chain([PathBuf::from("/usr/sbin")])
            .map(|folder| folder.join(program))
            .find(|path| path.is_file());
        let Some(found) = found else {
            let _ = writeln!(std::io::stderr(), "SKIPPED: {program} is not installed");
            return None;
        };
        let work = tempfile::tempdir().expect("a folder");
        let log = std::fs::File::create(work.path().join("log")).expect("a log");
        let process = Command::new(found)
            .args(arguments(work.path()))
            .env("HOME", work.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("started");
        let front = Front { address, process, _work: work };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            let log = std::fs::read_to_string(front._work.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "{program} does not listen: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(front)
    }

    pub fn get(&self, target: &str, headers: &[(&str, &str)]) -> Response {
        self.send("GET", target, headers)
    }

    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let mut client = Client::connect(self.address);
        client.send(request(method, target, headers).as_bytes());
        client.response(method == "HEAD")
    }

    /// The answer to this request line, with `host` in `Host`; `None` where the server in front closes without one.
    pub fn ask(&self, target: &str, host: &str, headers: &[(&str, &str)]) -> Option<Response> {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut client = Client::connect(self.address);
        client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\n\r\n").as_bytes());
        let whole = client.until_closed();
        let (head, body) = whole.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Response { status, headers: Vec::new(), body: body.to_owned() })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn written(work: &Path, name: &str, text: &str) -> String {
    let file = work.join(name);
    std::fs::write(&file, text).expect("written");
    file.display().to_string()
}
