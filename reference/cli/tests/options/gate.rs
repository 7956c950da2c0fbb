//! The program, once to its end and as a gate that serves.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{Client, Response, SECRET, request};

/// The program with nothing in its environment that could change the outcome, but for the secret.
pub fn rolegate(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("rolegate");
    command.args(arguments).env("JWT_SECRET", SECRET).env_remove("RUST_LOG").env("NO_COLOR", "1");
    command.timeout(Duration::from_secs(60));
    command
}

/// Exit status, standard output and standard error of a command that ends.
pub fn said(arguments: &[&str]) -> (i32, String) {
    let output = rolegate(arguments).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("a status"), String::from_utf8_lossy(&text).into_owned())
}

/// `rolegate serve`, until it is dropped.
pub struct Gate {
    pub child: Child,
    /// `http` or `https`.
    pub scheme: String,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Gate {
    /// Starts it on a free port of loopback; what it says before it ends, where it does not start.
    pub fn try_start(site: &Path, arguments: &[&str]) -> Result<Gate, String> {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("rolegate"));
        command.arg("serve").arg(site);
        if !arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        Gate::run(command.args(arguments))
    }

    pub fn start(site: &Path, arguments: &[&str]) -> Gate {
        Gate::try_start(site, arguments).unwrap_or_else(|said| panic!("{arguments:?}: {said}"))
    }

    /// Waits for the address that `command` tells.
    pub fn run(command: &mut Command) -> Result<Gate, String> {
        command.env("JWT_SECRET", SECRET).env("API_SECRET", SECRET).env("NO_COLOR", "1").env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().expect("piped")).lines(), Arc::clone(&log));
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let told = line.trim().strip_prefix("listening on ").and_then(|url| url.split_once("://"));
        let Some((scheme, address)) = told else {
            child.wait().expect("it ends");
            reader.join().expect("no panic");
            return Err(log.lock().unwrap().clone());
        };
        Ok(Gate { child, scheme: scheme.to_owned(), address: address.parse().expect("an address"), log })
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub fn get(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.ask("GET", target, fields)
    }

    pub fn ask(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut client = self.client();
        client.send(request(method, target, fields).as_bytes());
        client.response(method == "HEAD")
    }

    /// The answer to a request for this host.
    pub fn at(&self, host: &str, target: &str) -> Response {
        let mut client = self.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        client.response(false)
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits for something that comes by another way than an answer.
    pub fn until<T>(&self, mut found: impl FnMut(&Gate) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "in vain; the log says: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn until_logged(&self, text: &str) {
        self.until(|gate| gate.log().contains(text).then_some(()));
    }

    /// The address of the operator's listener.
    pub fn admin(&self) -> SocketAddr {
        self.until(|gate| {
            let log = gate.log();
            log.split_once("readiness on http://")?.1.lines().next()?.parse().ok()
        })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file in a folder of its own, which goes with what is returned.
pub fn file(content: impl AsRef<[u8]>) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("file");
    std::fs::write(&path, content).expect("written");
    let path = path.display().to_string();
    (folder, path)
}

/// The name of a folder, as an argument.
pub fn name(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().expect("UTF-8")
}
