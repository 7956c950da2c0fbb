//! `rolegate serve --identity --git`: the gateway in the gate's own origin, by the gate's own tokens. What it answers in full
//! is tested in `reference/identity/tests/`. Needs git; says aloud where there is none.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;
#[path = "../../identity/tests/git_gateway/repository.rs"]
mod repository;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Client, sign, site};
use repository::{git, has_git};

/// Ends with the test.
struct Gate(Child);

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(site: &Path, identity: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("rolegate"));
    command.arg("serve").arg(site).args(["--port", "0", "--identity"]).arg(identity).args(more);
    command.env("JWT_SECRET", common::SECRET).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn bearer(roles: &[&str]) -> String {
    let exp = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + 3600;
    let claims =
        serde_json::json!({ "exp": exp, "sub": "1", "email": "ada@site.example", "app_metadata": { "roles": roles } });
    format!("Bearer {}", sign(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string()))
}

#[test]
fn the_gateway_goes_by_the_tokens_of_the_gate() {
    if !has_git() {
        return;
    }
    let folder = site(&[("index.html", "home"), ("content/a.md", "a")]);
    let identity = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "start"]);
    let repository = folder.path().display().to_string();

    let refused =
        serve(folder.path(), identity.path(), &["--git", &repository, "--git-content", "_redirects"]).output();
    let refused = refused.expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("`_redirects` decides who gets in"), "{said}");

    let options = ["--git", repository.as_str(), "--git-roles", "editor"];
    let mut gate = Gate(serve(folder.path(), identity.path(), &options).spawn().expect("it starts"));
    let mut line = String::new();
    let mut said = BufReader::new(gate.0.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let note = said.find(|line| line.starts_with("git gateway: ")).expect("a note");
    assert_eq!(note, "git gateway: editors may write `content`, `static/uploads` of branch `main`, and nothing else");
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || said.for_each(|line| drop(tell.send(line))));
    BufReader::new(gate.0.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on http://").expect("the address").parse().expect("an address");
    // PACE-2: the body of a visitor who may send none is not waited for.
    for token in [None, Some(bearer(&["reader"]))] {
        let token = token.map(|token| format!("Authorization: {token}\r\n")).unwrap_or_default();
        let mut client = Client::connect(address);
        let head =
            "POST /.netlify/git/github/git/blobs HTTP/1.1\r\nHost: site.localhost\r\nContent-Length: 13000000\r\n";
        client.send(format!("{head}{token}\r\n{{").as_bytes());
        assert_eq!(client.response(false).status, 401);
    }
    let ask = |target: &str, token: Option<String>| {
        let mut fields = vec![("Host", "site.localhost")];
        fields.extend(token.as_deref().map(|token| ("Authorization", token)));
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut client = Client::connect(address);
        client.send(format!("GET {target} HTTP/1.1\r\n{}\r\n", fields.concat()).as_bytes());
        let response = client.response(false);
        (response.status, response.body)
    };
    let (status, body) = ask("/.netlify/git/settings", None);
    assert_eq!((status, body.contains("This endpoint requires a Bearer token")), (401, true), "{body}");
    let (status, body) = ask("/.netlify/git/settings", Some(bearer(&[])));
    assert_eq!((status, body.contains(r#""roles":["editor"]"#)), (200, true), "{body}");
    let (status, body) = ask("/.netlify/git/github/branches/main", Some(bearer(&["visitor"])));
    assert_eq!((status, body.contains("your role doesn't allow access")), (401, true), "{body}");
    // What the CMS asks for where its own settings name no branch.
    let (status, body) = ask("/.netlify/git/github/branches/master", Some(bearer(&["editor"])));
    assert_eq!((status, body.contains(r#""message":"Not Found""#)), (404, true), "{body}");
    let hint = told.iter().find(|line| line.contains("master")).expect("a hint in the log");
    assert!(hint.contains("should be `main`"), "{hint}");
    let (status, body) = ask("/.netlify/git/github/git/trees/main:content", Some(bearer(&["editor"])));
    assert_eq!((status, body.contains(r#""path":"a.md""#)), (200, true), "{body}");
}
