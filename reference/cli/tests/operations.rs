//! What an operator does with the running command: asks whether it is ready, reloads it, stops it.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use common::{SEED_RULES, seed_site, token, write};

struct Gate {
    child: Child,
    public: String,
    admin: String,
    log: Arc<Mutex<String>>,
}

impl Gate {
    fn start(folder: &Path, arguments: &[&str]) -> Gate {
        let secret = folder.join(".secret");
        std::fs::write(&secret, "secret").unwrap();
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("rolegate"))
            .arg("serve")
            .arg(folder)
            .args(["--port", "0", "--admin", "127.0.0.1:0", "--log-format", "json", "--secret-file"])
            .arg(secret)
            .args(arguments)
            .env_remove("RUST_LOG")
            .env_remove("JWT_SECRET")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let public = first.trim().strip_prefix("listening on http://").expect("an address").to_owned();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut gate = Gate { child, public, admin: String::new(), log };
        gate.admin = gate.until(|gate| {
            let log = gate.log();
            let (_, rest) = log.split_once("readiness on http://")?;
            Some(rest.split('"').next()?.to_owned())
        });
        gate
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    fn until<T>(&self, mut found: impl FnMut(&Gate) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "in vain; the log says: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The log comes through a pipe, so a line may be read after what it tells of.
    fn until_logged(&self, text: &str) {
        self.until(|gate| gate.log().contains(text).then_some(()));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("sent");
    }

    fn ready(&self) -> String {
        ask(&self.admin, "/ready", "")
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(address: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_broken_version_is_reported_and_the_old_one_stays() {
    let folder = seed_site();
    let gate = Gate::start(folder.path(), &[]);
    assert!(gate.ready().ends_with("\r\n\r\nready\n"), "{}", gate.ready());
    assert!(ask(&gate.admin, "/health", "").starts_with("HTTP/1.1 200 "));
    assert!(ask(&gate.public, "/metrics", "").starts_with("HTTP/1.1 404 "), "not on the public port");

    write(folder.path(), "_redirects", "www.testauth.example/* /testauth/:splat 200! Role=admin\n");
    gate.signal(Signal::HUP);
    let ready = gate.until(|gate| Some(gate.ready()).filter(|ready| ready.contains("older version")));
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.contains("line 1"), "{ready}");
    assert!(ask(&gate.admin, "/metrics", "").contains("\nrolegate_reload_failing 1\n"));
    gate.until_logged("the old one stays in force");
    assert!(ask(&gate.public, "/testauth/deep/page", "").starts_with("HTTP/1.1 404 "), "the old gate still stands");

    write(folder.path(), "_redirects", &format!("{SEED_RULES}/new /testlogin 302 Contry=de\n/now / 302\n"));
    gate.signal(Signal::HUP);
    gate.until(|gate| ask(&gate.public, "/now", "").starts_with("HTTP/1.1 302 ").then_some(()));
    gate.until(|gate| gate.ready().ends_with("\r\n\r\nready\n").then_some(()));
    gate.until_logged("Contry");
}

#[test]
fn admin_1_the_operators_listener_is_asked_by_its_own_names() {
    let folder = seed_site();
    let gate = Gate::start(folder.path(), &["--admin-name", "gate.internal"]);
    let port = gate.admin.rsplit(':').next().unwrap();
    for (host, status) in [
        (format!("localhost:{port}"), "200"),
        (format!("Gate.Internal:{port}"), "200"),
        (format!("evil.example:{port}"), "421"),
        (format!("127.0.0.1.evil.example:{port}"), "421"),
    ] {
        for path in ["/metrics", "/health", "/ready"] {
            let mut stream = TcpStream::connect(&gate.admin).expect("connected");
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host} {path}: {answer}");
            assert_eq!(
                answer.contains("rolegate_") || answer.ends_with("ready\n"),
                status == "200" && path != "/health"
            );
        }
    }
}

#[test]
fn an_upstream_that_does_not_answer_is_counted() {
    let folder = seed_site();
    // Nobody listens where a listener has just been.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    write(folder.path(), "_redirects", &format!("/api/* http://{gone}/:splat 200\n"));
    let gate = Gate::start(folder.path(), &[]);
    assert!(ask(&gate.public, "/api/x", "").starts_with("HTTP/1.1 502 "));
    assert!(ask(&gate.admin, "/metrics", "").contains("\nrolegate_upstream_errors_total 1\n"));
}

#[test]
fn what_is_counted_and_logged_holds_no_secret() {
    let folder = seed_site();
    let gate = Gate::start(folder.path(), &[]);
    let sent = token(&["admin"]);
    let admitted = ask(&gate.public, "/testauth/?a=query", &format!("Cookie: nf_jwt={sent}\r\n"));
    assert!(admitted.starts_with("HTTP/1.1 200 "), "{admitted}");
    ask(&gate.public, "/testauth/", "Cookie: nf_jwt=bad.token.here\r\n");
    ask(&gate.public, "/%zz", "");
    let metrics = ask(&gate.admin, "/metrics", "");
    for line in [
        "rolegate_requests_total{outcome=\"rewrite\",status=\"2xx\"} 1",
        "rolegate_requests_total{outcome=\"bad_request\",status=\"4xx\"} 1",
        "rolegate_denials_total 1",
        "rolegate_request_duration_seconds_count 3",
    ] {
        assert!(metrics.lines().any(|have| have == line), "{line}\n{metrics}");
    }
    let all = gate.until(|gate| Some(gate.log()).filter(|log| log.matches("\"outcome\"").count() == 3)) + &metrics;
    for hidden in [sent.as_str(), "bad.token.here", "query", "admin\"", "testauth/?", "nf_jwt"] {
        assert!(!all.contains(hidden), "{hidden}: {all}");
    }
}

#[test]
fn a_stop_is_announced_and_a_second_signal_does_not_wait() {
    let folder = seed_site();
    let mut gate = Gate::start(folder.path(), &["--stop-delay", "3600"]);
    gate.signal(Signal::TERM);
    gate.until(|gate| gate.ready().starts_with("HTTP/1.1 503 ").then_some(()));
    assert!(ask(&gate.public, "/", "").starts_with("HTTP/1.1 200 "), "it goes on for a while");
    gate.signal(Signal::TERM);
    assert_eq!(gate.child.wait().unwrap().code(), Some(0));

    let mut gate = Gate::start(folder.path(), &[]);
    gate.signal(Signal::INT);
    assert_eq!(gate.child.wait().unwrap().code(), Some(0));
}
