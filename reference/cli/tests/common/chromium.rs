//! A headless Chromium, driven over its debugging protocol.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// The browser that `CHROMIUM` names, or one that is found in `PATH`.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let found = folders.iter().flat_map(|folder| usual.map(|name| folder.join(name)));
    named.into_iter().chain(found).find(|path| path.is_file())
}

/// A browser with one page.
pub struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    session: String,
    calls: u64,
    /// What the browser has told unasked since the last page was opened.
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

/// A page as it was loaded.
#[derive(Debug)]
pub struct Page {
    /// The status of the document.
    pub status: u64,
    /// What a person reads.
    pub text: String,
    /// Where the browser ended up.
    pub url: String,
}

impl Browser {
    pub fn start(program: &Path) -> Browser {
        let profile = tempfile::tempdir().expect("a folder");
        let mut process = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args([
                "--remote-debugging-port=0",
                &format!("--user-data-dir={}", profile.path().display()),
                "about:blank",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let mut said = BufReader::new(process.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let address = said
            .find_map(|line| line.split_once("DevTools listening on ").map(|(_, url)| url.trim().to_owned()))
            .expect("the browser says where it listens");
        // It must never wait for a reader of what it says.
        std::thread::spawn(move || said.for_each(drop));
        let authority = address.trim_start_matches("ws://").split('/').next().unwrap_or_default();
        let stream = TcpStream::connect(authority).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        let (socket, _) = tungstenite::client(address.as_str(), stream).expect("a WebSocket");
        let mut browser =
            Browser { process, socket, session: String::new(), calls: 0, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = attached["sessionId"].as_str().expect("a session").to_owned();
        browser.call("Network.enable", &json!({}));
        browser.call("Page.enable", &json!({}));
        browser
    }

    /// Opens a URL and waits until it is loaded.
    pub fn open(&mut self, url: &str) -> Page {
        self.events.clear();
        let opened = self.call("Page.navigate", &json!({ "url": url }));
        assert!(opened.get("errorText").is_none(), "{url}: {opened}");
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.read();
            self.events.push(event);
        }
        let is_document =
            |event: &&Value| event["method"] == "Network.responseReceived" && event["params"]["type"] == "Document";
        let response = &self.events.iter().rev().find(is_document).expect("a document")["params"]["response"];
        let status = response["status"].as_u64().expect("a status");
        let text = self.run("document.body.innerText").as_str().unwrap_or_default().trim().to_owned();
        let url = self.run("location.href").as_str().unwrap_or_default().to_owned();
        Page { status, text, url }
    }

    /// Runs a script in the page, as a person does in the console, and returns what it yields.
    pub fn run(&mut self, script: &str) -> Value {
        let yielded = self.call("Runtime.evaluate", &json!({ "expression": script, "returnByValue": true }));
        assert!(yielded.get("exceptionDetails").is_none(), "{script}: {yielded}");
        yielded["result"]["value"].clone()
    }

    /// Calls a method of the protocol and returns its result.
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(message.to_string())).expect("sent");
        loop {
            let message = self.read();
            if message["id"] == self.calls {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn read(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().expect("the browser answers") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
