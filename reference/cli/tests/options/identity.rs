//! The identity service of `serve`, the repository that editors save to, and the users.

use std::path::Path;

use serde_json::Value;

use crate::Row;
use crate::commands::TlsFiles;
use crate::common::{Response, request, site};
use crate::gate::{Gate, name, rolegate, said};
use crate::repository::{has_git, work_tree};

/// Every command about users has both options, wherever they stand.
const USERS: &str = "identity user, identity user add, identity user invite, identity user role, identity user confirm, \
                     identity user list, identity user remove, identity user import";
const ADA: &str = "ada@site.example";

pub const ROWS: &[Row] = &[
    ("serve", "--identity", |_| {
        let service = Service::start(&[]);
        assert_eq!(service.gate.get("/.netlify/identity/health", &[]).status, 200);
        assert!(service.folder.path().join("identity.redb").is_file());
    }),
    ("serve", "--identity-name", |_| {
        Service::start(&["--identity-name", "club"]).gate.until_logged("open http://club.localhost:");
    }),
    ("serve", "--identity-token-life", |_| {
        let answer = Service::start(&["--identity-token-life", "77"]).log_in();
        assert_eq!(json(&answer)["expires_in"], 77, "{answer:?}");
    }),
    ("serve", "--identity-autoconfirm", |_| {
        assert_eq!(Service::start(&["--identity-autoconfirm"]).settings()["autoconfirm"], true);
    }),
    ("serve", "--identity-strict", |_| {
        // A refresh token that nobody knows ends the session; GoTrue leaves the cookie.
        for (options, clears) in [(["--identity-strict"].as_slice(), false), (&[], true)] {
            let answer = Service::start(options).call("/token", "grant_type=refresh_token&refresh_token=unknown");
            assert_eq!(!answer.header("set-cookie").is_empty(), clears, "{options:?}: {answer:?}");
        }
    }),
    ("serve", "--identity-cookie", |_| {
        for (who, comes) in [("asked", false), ("always", true)] {
            let answer = Service::start(&["--identity-cookie", who]).log_in();
            assert_eq!(answer.header("set-cookie").contains("nf_jwt="), comes, "{who}: {answer:?}");
        }
    }),
    ("serve", "--identity-provider", |_| {
        assert_eq!(Service::start(&["--identity-provider", "github"]).settings()["external"]["github"], true);
    }),
    ("serve", "--identity-public", |_| {
        let tls = TlsFiles::made();
        for (options, status) in [(["--identity-public", "a.example"].as_slice(), 200), (&[], 421)] {
            let service = Service::start(&[tls.options().as_slice(), options].concat());
            let mut stream = tls.connect(&service.gate, "http/1.1");
            let head = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
            std::io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
            let mut answer = String::new();
            std::io::Read::read_to_string(&mut stream, &mut answer).expect("an answer");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{options:?}: {answer}");
        }
    }),
    ("serve", "--git", |_| saves(&[], "editors may write `content`, `static/uploads` of branch `main`")),
    ("serve", "--git-roles", |_| {
        let Some((_repository, service)) = git(&["--git-roles", "editor"]) else { return };
        let service = service.expect("it starts");
        let bearer = format!("Bearer {}", json(&service.log_in())["access_token"].as_str().expect("a token"));
        let settings = service.gate.get("/.netlify/git/settings", &[("Authorization", &bearer)]);
        assert_eq!(json(&settings)["roles"], serde_json::json!(["editor"]));
    }),
    ("serve", "--git-content", |_| saves(&["--git-content", "content/posts"], "editors may write `content/posts` of")),
    ("serve", "--git-allow-gate-file", |_| {
        // As content it is refused; it has to be said for the very file.
        let Some((_repository, refused)) = git(&["--git-content", "_redirects"]) else { return };
        let refused = refused.err().expect("refused");
        assert!(refused.contains("`_redirects` decides who gets in"), "{refused}");
        saves(&["--git-allow-gate-file", "_redirects"], "editors may write `_redirects`, so they decide who gets in");
        let both = ["--git-content", "_redirects", "--git-allow-gate-file", "_redirects"];
        saves(&both, "editors may write `_redirects`, so they decide who gets in");
    }),
    (USERS, "--identity", |command| {
        let (status, said) = said(&[user(command), vec!["--identity", "/nowhere/at/all"]].concat());
        assert!(status == 2 && said.contains("there is no folder `/nowhere/at/all`"), "{said}");
    }),
    (USERS, "--site", |command| {
        let folder = tempfile::tempdir().expect("a folder");
        let line = [user(command), vec!["--identity", name(&folder), "--site", "https://a.example"]].concat();
        let (status, said) = said(&line);
        // The other commands have nobody to act on here, and write no link.
        let is_done = ["add", "invite", "list", "user"].contains(&command.split(' ').next_back().expect("a word"));
        assert!(status == i32::from(!is_done) || !is_done && status == 2, "{said}");
        assert_eq!(said.contains("https://a.example"), command.ends_with("invite"), "{said}");
    }),
    ("identity user add, identity user invite", "--role", |command| {
        let folder = tempfile::tempdir().expect("a folder");
        let (status, said_first) =
            said(&[user(command), vec!["--identity", name(&folder), "--role", "rower,cox"]].concat());
        assert_eq!(status, 0, "{said_first}");
        let users = said(&["identity", "user", "list", "--identity", name(&folder)]).1;
        assert!(users.contains("rower") && users.contains("cox"), "{users}");
    }),
    ("identity user add", "--password-stdin", |_| {
        let service = Service::start(&[]);
        assert_eq!(json(&service.log_in())["token_type"], "bearer");
    }),
    ("identity user list", "--filter", |_| {
        let folder = tempfile::tempdir().expect("a folder");
        for email in [ADA, "grace@site.example"] {
            assert_eq!(said(&["identity", "user", "add", email, "--identity", name(&folder)]).0, 0);
        }
        let users = said(&["identity", "user", "list", "--filter", "grace", "--identity", name(&folder)]).1;
        assert!(users.contains("grace@") && !users.contains(ADA), "{users}");
    }),
];

/// The words of a command about users, with what it needs.
fn user(command: &str) -> Vec<&str> {
    let mut words: Vec<&str> = command.split(' ').collect();
    match words.last().copied() {
        Some("user") => words.push("list"),
        Some("list") => {}
        Some("import") => words.push("/nowhere/export.json"),
        _ => words.push(ADA),
    }
    words
}

/// A gate with its identity service.
struct Service {
    gate: Gate,
    folder: tempfile::TempDir,
}

impl Service {
    fn start(options: &[&str]) -> Service {
        let site = site(&[("index.html", "home")]);
        Service::of(site.path(), options).expect("it starts")
    }

    fn of(site: &Path, options: &[&str]) -> Result<Service, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let gate = Gate::try_start(site, &[&["--identity", name(&folder)], options].concat())?;
        Ok(Service { gate, folder })
    }

    fn settings(&self) -> Value {
        json(&self.gate.get("/.netlify/identity/settings", &[]))
    }

    /// A form that is sent to the service.
    fn call(&self, path: &str, form: &str) -> Response {
        let head = request(
            "POST",
            &format!("/.netlify/identity{path}"),
            &[("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", &form.len().to_string())],
        );
        let mut client = self.gate.client();
        client.send(format!("{head}{form}").as_bytes());
        client.response(false)
    }

    /// What comes for a user whose password is known.
    fn log_in(&self) -> Response {
        rolegate(&["identity", "user", "add", ADA, "--password-stdin", "--identity", name(&self.folder)])
            .write_stdin("a long password\n")
            .assert()
            .success();
        self.call("/token", "grant_type=password&username=ada%40site.example&password=a+long+password")
    }
}

fn json(answer: &Response) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

/// A service over a repository, or what it says where it does not start; nothing, said aloud, where there is no git.
fn git(options: &[&str]) -> Option<(tempfile::TempDir, Result<Service, String>)> {
    if !has_git() {
        return None;
    }
    let repository = work_tree(&[("index.html", "home"), ("_redirects", ""), ("content/posts/a.md", "a")]);
    let service = Service::of(repository.path(), &[&["--git", name(&repository)], options].concat());
    Some((repository, service))
}

/// The gateway starts with these options, and says so.
fn saves(options: &[&str], says: &str) {
    let Some((_repository, service)) = git(options) else { return };
    service.expect("it starts").gate.until_logged(says);
}
