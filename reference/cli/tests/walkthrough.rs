//! The walk-through of the guide, as it is written there, in a real browser.
//!
//! Each command of the section runs in a shell, in a folder of the test; the cookie is set and the pages are opened in a
//! headless Chromium, where there is one: `CHROMIUM` names it, or it is found in `PATH`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]
#![cfg(unix)]

#[path = "common/chromium.rs"]
mod chromium;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chromium::{Browser, find};

const GUIDE: &str = include_str!("../../../docs/gate-my-site.md");

/// The heading of the section in the guide.
const SECTION: &str = "## Try it: a page for members";

/// The commands of the section, without their prompts, in order.
fn commands() -> Vec<String> {
    let (_, section) = GUIDE.split_once(SECTION).expect("the section is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter_map(|line| line.strip_prefix("$ "));
    // What stands for the browser is asked by `gatecheck-cli`, which runs the commands of every page.
    let lines = lines.take_while(|line| !line.starts_with("curl"));
    lines.map(|line| line.split("   # ").next().unwrap_or_default().trim_end().to_owned()).collect()
}

/// A shell in `folder` that finds the `rolegate` of this build, and says of nothing else where it is.
fn shell(folder: &Path, command: &str) -> Command {
    let program = Path::new(assert_cmd::cargo::cargo_bin!("rolegate"));
    let bin = program.parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("PATH", format!("{}:{path}", bin.display()));
    shell.env_remove("RUST_LOG").env("NO_COLOR", "1").env("JWT_SECRET", "secret");
    shell
}

/// A gate that is ended with the test.
struct Gate(Child, String);

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_walk_through_of_the_guide() {
    let folder = tempfile::tempdir().expect("a folder");
    let commands = commands();
    let mut gate = None;
    let mut token = None;
    for command in &commands {
        if command.starts_with("cargo install") {
            continue; // The test's own build stands for it.
        }
        if command.starts_with("export ") {
            assert_eq!(command, "export JWT_SECRET=secret", "`shell` sets it for every command");
            continue;
        }
        if command.starts_with("rolegate serve") {
            let mut child = shell(folder.path(), &format!("exec {command} --port 0"))
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts");
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
            let origin = line.trim().strip_prefix("listening on ").expect("the address").to_owned();
            gate = Some(Gate(child, origin));
            continue;
        }
        let output = shell(folder.path(), command).output().expect("it runs");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        if command.starts_with("rolegate token new") {
            token = Some(String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned());
        }
    }
    let rules = std::fs::read_to_string(folder.path().join("site/_redirects")).expect("the rules");
    assert_eq!(
        rules, "/testauth/* /testauth/:splat 200! Role=admin\n/testauth/ /testlogin 404\n",
        "those of the tutorial"
    );
    let origin = gate.as_ref().expect("the section starts a gate").1.clone();
    let token = token.expect("the section makes a token");

    let Some(program) = find() else {
        // Not `eprintln`: the test harness would swallow it.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no browser for the walk-through; install chromium, or name one in CHROMIUM"
        );
        return;
    };
    let mut browser = Browser::start(&program);
    let without = browser.open(&format!("{origin}/testauth/"));
    assert_eq!((without.status, without.text.as_str()), (404, "Please log in"), "the login page, with status 404");
    // As the guide has the reader do it in the console of the browser.
    browser.run(&format!("document.cookie = 'nf_jwt={token}; path=/'"));
    let with = browser.open(&format!("{origin}/testauth/"));
    assert_eq!((with.status, with.text.as_str()), (200, "Members only"), "in, with the role");
    assert!(with.url.ends_with("/testauth/"), "no redirect: {}", with.url);
    browser.run("document.cookie = 'nf_jwt=; path=/; max-age=0'");
    let again = browser.open(&format!("{origin}/testauth/"));
    assert_eq!((again.status, again.text.as_str()), (404, "Please log in"), "logged out");
}
