//! The folders of a site as people have them: the commands take the root of the project or the folder that is published.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use common::{Client, SECRET, request, site, token, write};

const TOML: &str = "[build]\npublish = \"public\"\n\n[[redirects]]\nfrom = \"/beta/*\"\nto = \"/beta/:splat\"\nstatus = 200\n\
    force = true\nconditions = { Role = [\"admin\"] }\n";
const GATE: &str = "/beta/* /beta/:splat 200! Role=admin\n";

/// A project as many are: the rules at its root, the pages in `public`.
fn project() -> TempDir {
    site(&[("netlify.toml", TOML), ("public/index.html", "home"), ("public/beta/index.html", "the secret")])
}

fn rolegate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("rolegate"));
    command.args(arguments).current_dir(folder).env("JWT_SECRET", SECRET).env("NO_COLOR", "1").env_remove("RUST_LOG");
    command
}

/// Exit status, standard output and standard error of a command that ends.
fn said(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let output = rolegate(folder.path(), arguments).output().expect("it runs");
    let root = std::fs::canonicalize(folder.path()).expect("there");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(root.to_str().expect("UTF-8"), "SITE");
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

/// A gate that the command has started, stopped when it is dropped.
struct Served {
    process: Child,
    address: String,
}

impl Served {
    fn start(folder: &TempDir, named: &str) -> Served {
        let mut command = rolegate(folder.path(), &["serve", named, "--port", "0"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("read");
        let address = line.trim().strip_prefix("listening on http://").expect("an address").to_owned();
        Served { process, address }
    }

    fn get(&self, target: &str, cookie: &str) -> (u16, String) {
        let mut client = Client::connect(self.address.parse().expect("an address"));
        client.send(request("GET", target, &[("Cookie", cookie)]).as_bytes());
        let answer = client.response(false);
        (answer.status, answer.body)
    }

    /// Stops the gate; what it said on standard error.
    fn stop(mut self) -> String {
        let _gone = self.process.kill();
        let mut text = String::new();
        for line in BufReader::new(self.process.stderr.take().expect("piped")).lines().map_while(Result::ok) {
            text = text + &line + "\n";
        }
        text
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}

#[test]
fn layout_1_serve_gates_by_either_name() {
    let folder = project();
    let admin = format!("nf_jwt={}", token(&["admin"]));
    for named in [".", "public", "./public/"] {
        let gate = Served::start(&folder, named);
        assert_eq!(gate.get("/", ""), (200, "home".to_owned()), "{named}");
        assert_eq!(gate.get("/beta/", "").0, 404, "{named}");
        assert_eq!(gate.get("/beta/", &admin), (200, "the secret".to_owned()), "{named}");
        for hidden in ["/public/beta/", "/public/", "/netlify.toml"] {
            assert_eq!(gate.get(hidden, &admin).0, 404, "{named}: {hidden}");
        }
        let log = gate.stop();
        assert!(log.contains("what is served, and by which rules") && log.contains("netlify.toml"), "{named}: {log}");
    }
}

#[test]
fn layout_1_check_and_explain_say_what_they_read() {
    let folder = project();
    let (status, stdout, _) = said(&folder, &["check", "."]);
    assert_eq!((status, stdout.as_str()), (0, "./netlify.toml: 1 rule, no problems; the site is in ./public\n"));
    let (status, stdout, _) = said(&folder, &["check", "public"]);
    assert_eq!((status, stdout.as_str()), (0, "./netlify.toml: 1 rule, no problems; the site is in public\n"));
    for named in [".", "public"] {
        let (_, stdout, _) = said(&folder, &["check", named, "--format", "json"]);
        let report: Value = serde_json::from_str(&stdout).expect("JSON");
        assert!(report["published"].as_str().is_some_and(|name| name.ends_with("public")), "{report:#}");
        assert_eq!((&report["built"], &report["notes"]), (&Value::Bool(true), &Value::Array(Vec::new())));
        let (status, stdout, _) = said(&folder, &["explain", named, "/beta/"]);
        assert!(status == 0 && stdout.contains("404"), "{named}: {stdout}");
        let (_, stdout, _) = said(&folder, &["explain", named, "/beta/", "--role", "admin"]);
        assert!(stdout.contains("/beta/index.html"), "{named}: {stdout}");
    }
}

#[test]
fn layout_1_a_project_that_is_not_built() {
    let folder = site(&[("netlify.toml", TOML), ("src/index.md", "")]);
    let (status, _, stderr) = said(&folder, &["serve", ".", "--port", "0"]);
    assert_eq!(
        (status, stderr.as_str()),
        (
            2,
            "error: `./netlify.toml` publishes `./public`, and there is no such folder: build the site first, or name the folder \
             that is served\n"
        )
    );
    let (status, stdout, _) = said(&folder, &["check", "."]);
    assert_eq!(status, 0);
    insta::assert_snapshot!("layout_not_built", stdout);
    let (status, stdout, stderr) = said(&folder, &["explain", ".", "/beta/x"]);
    assert!(status == 0 && stdout.contains("404") && stderr.contains("nobody knows which files"), "{stdout}{stderr}");
    // Its rules are looked at all the same.
    write(folder.path(), "netlify.toml", &TOML.replace("200", "\"200!\""));
    let (status, stdout, _) = said(&folder, &["check", "."]);
    assert!(status == 1 && stdout.contains("netlify.toml:7:"), "{stdout}");
}

#[test]
fn layout_3_a_gate_that_is_not_in_force_keeps_a_gate_from_starting() {
    let published = "[build]\npublish = \"public\"\n";
    for (files, named) in [
        ([("netlify.toml", published), ("_redirects", GATE), ("public/beta/index.html", "x")], "."),
        ([("netlify.toml", published), ("_redirects", GATE), ("public/beta/index.html", "x")], "public"),
        ([("netlify.toml", ""), ("public/_redirects", GATE), ("public/beta/index.html", "x")], "."),
        ([("a.html", ""), ("_redirects", GATE), ("public/beta/index.html", "x")], "public"),
        ([("a.html", ""), ("public/_redirect", GATE), ("public/beta/index.html", "x")], "public"),
        ([("_headers", ""), ("static/_redirects", GATE), ("public/beta/index.html", "x")], "public"),
    ] {
        let folder = site(&files);
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        let (status, _, stderr) = said(&folder, &["serve", named, "--port", "0"]);
        let is_said = stderr.contains("it holds gates, and what they close would be open\nhelp: ");
        assert!(status == 1 && is_said, "{names:?} {named}: {status} {stderr}");
        let (status, stdout, _) = said(&folder, &["check", named]);
        assert!(
            status == 1 && stdout.contains("it holds gates") && stdout.contains("1 error"),
            "{names:?} {named}: {stdout}"
        );
        let (status, stdout, _) = said(&folder, &["explain", named, "/beta/"]);
        assert!(status == 1 && stdout.is_empty(), "{names:?} {named}: {stdout}");
    }
    let folder = site(&[("netlify.toml", published), ("_redirects", GATE), ("public/beta/index.html", "x")]);
    insta::assert_snapshot!("layout_left_out", said(&folder, &["check", "."]).1);
    let (status, stdout, _) = said(&folder, &["check", ".", "--format", "json"]);
    let report: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!((status, &report["errors"], &report["refuses_to_start"]), (1, &Value::from(1), &Value::Bool(true)));
    assert_eq!(report["notes"][0]["severity"], "error");
    let (status, stdout, _) = said(&folder, &["check", ".", "--format", "sarif"]);
    let sarif: Value = serde_json::from_str(&stdout).expect("JSON");
    let notifications = &sarif["runs"][0]["invocations"][0]["toolConfigurationNotifications"];
    assert_eq!((status, &notifications[0]["level"]), (1, &Value::from("error")), "{sarif:#}");
}

#[test]
fn layout_3_a_site_without_rules_is_said() {
    let folder = site(&[("index.html", "home")]);
    let gate = Served::start(&folder, ".");
    assert_eq!(gate.get("/", "").0, 200);
    let log = gate.stop();
    assert!(log.contains("WARNING: there are no rules for `.`, so every file is public"), "{log}");
    let (status, stdout, _) = said(&folder, &["check", "."]);
    assert!(status == 0 && stdout.contains("there are no rules for `.`"), "{stdout}");
    assert_eq!(said(&folder, &["check", ".", "--deny", "warnings"]).0, 1);
    // What has been said aloud already is not said of a folder that has rules.
    let folder = site(&[("_redirects", GATE), ("index.html", "home")]);
    let log = Served::start(&folder, ".").stop();
    assert!(!log.contains("there are no rules") && !log.contains("what is served"), "{log}");
}

#[test]
fn toml_1_a_list_under_another_name_is_an_error() {
    let toml = TOML.replace("[[redirects]]", "[[redirect]]");
    let folder = site(&[("netlify.toml", &toml), ("public/beta/index.html", "x")]);
    let (status, stdout, _) = said(&folder, &["check", "."]);
    assert!(status == 1 && stdout.contains("toml-misplaced"), "{stdout}");
    assert_eq!(Served::start(&folder, ".").get("/beta/", "").0, 404, "sealed");
}
