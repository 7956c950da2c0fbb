//! The commands, as a person or a script meets them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{SECRET, seed_site, site, token};

/// The command with nothing in its environment that could change the outcome.
fn rolegate(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("rolegate");
    command.args(arguments).env_remove("JWT_SECRET").env_remove("RUST_LOG").env("NO_COLOR", "1").env("COLUMNS", "100");
    command.timeout(std::time::Duration::from_secs(30));
    command
}

/// Exit status, standard output and standard error, with the site's folder taken out.
fn said(folder: &Path, command: &mut assert_cmd::Command) -> String {
    let output = command.output().expect("it runs");
    let text = format!(
        "exit status: {}\n--- stdout ---\n{}--- stderr ---\n{}",
        output.status.code().expect("a status"),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    text.replace(folder.to_str().expect("UTF-8"), "SITE")
}

fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().expect("UTF-8")
}

#[test]
fn check_shows_every_problem_with_its_place_and_its_fix() {
    let folder = site(&[(
        "_redirects",
        "# the members' area\n\
         /members/* /members/:splat 200! Role=admin\n\
         /a\n\
         /b /c 302 role\n\
         /d /e 999\n\
         /f /g 302 Contry=de\n\
         /shop/* /members/:splat 200 Roles=admin, editor\n\
         /api/* https://api.example/:splat 200\n",
    )]);
    insta::assert_snapshot!("check_problems", said(folder.path(), &mut rolegate(&["check", path(&folder)])));
}

#[test]
fn check_without_errors() {
    let folder = seed_site();
    insta::assert_snapshot!("check_clean", said(folder.path(), &mut rolegate(&["check", path(&folder)])));
    let folder = site(&[("index.html", "")]);
    insta::assert_snapshot!("check_no_rules", said(folder.path(), &mut rolegate(&["check", path(&folder)])));
    let folder = site(&[("_redirects", "/api/* https://api.example/:splat 200\n")]);
    insta::assert_snapshot!("check_warning", said(folder.path(), &mut rolegate(&["check", path(&folder)])));
}

#[test]
fn a_folder_that_cannot_be_read_is_status_2() {
    let folder = site(&[("file", "")]);
    let nowhere = format!("{}/nowhere", path(&folder));
    let file = format!("{}/file", path(&folder));
    for arguments in [["check", &nowhere].as_slice(), &["serve", &file, "--port", "0"], &["explain", &nowhere, "/"]] {
        let said = said(folder.path(), &mut rolegate(arguments));
        assert!(said.starts_with("exit status: 2") && said.contains("is not a folder that can be read"), "{said}");
    }
}

#[test]
fn wrong_usage_is_status_2() {
    let folder = seed_site();
    for arguments in [
        ["nonsense"].as_slice(),
        &[],
        &["check"],
        &["explain", path(&folder)],
        &["explain", path(&folder), "/", "--role", "a", "--token", "b"],
        &["explain", path(&folder), "--requests", "-"],
        &["explain", path(&folder), "/", "--requests", "-", "--json"],
        &["explain", path(&folder), "--requests", "/nowhere/at/all", "--json"],
        &["serve", path(&folder), "--port", "70000"],
        &["serve", path(&folder), "--host", "example.org"],
        &["serve", path(&folder), "--leeway", "301"],
        &["serve", path(&folder), "--role-path", "a..b"],
        &["serve", path(&folder), "--secret", "secret"],
        &["serve", path(&folder), "--pass-method", "TRACE"],
        &["serve", path(&folder), "--pass-method", "CONNECT"],
        &["serve", path(&folder), "--pass-field", "X-Original-Url", "--trusted-proxy", "127.0.0.1"],
        &["serve", path(&folder), "--pass-field", "Accept", "--trusted-proxy", "127.0.0.1"],
        &["serve", path(&folder), "--pass-field", "X-Real-IP"],
        &["serve", path(&folder), "--elsewhere"],
        &["serve", path(&folder), "--authorize"],
        &["serve", path(&folder), "--tls-cert", "cert.pem"],
        &["serve", path(&folder), "--upstream", "a.example/path"],
        &["serve", path(&folder), "--connect-timeout", "0"],
        &["serve", path(&folder), "--max-head", "1"],
        &["serve", path(&folder), "--identity-public", "a.example"],
    ] {
        rolegate(arguments).assert().code(2);
    }
    rolegate(&["--help"]).assert().code(0);
    rolegate(&["--version"]).assert().code(0);
}

#[test]
fn explain_in_words() {
    let folder = seed_site();
    let expired = common::sign(r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"exp":1}"#);
    let site = path(&folder);
    let all = [
        ["explain", site, "/testauth/"].as_slice(),
        &["explain", site, "/testauth/deep/page?x=1", "--role", "editor", "--role", "admin"],
        &["explain", site, "/testauth/deep/page"],
        &["explain", site, "/testauth/", "--token", &expired],
        &["explain", site, "/testauth/", "--token", &token(&["admin"])],
        &["explain", site, "/style.css"],
        &["explain", site, "/a%2fb"],
    ]
    .map(|arguments| {
        let said = said(folder.path(), rolegate(arguments).env("JWT_SECRET", SECRET));
        format!(
            "$ {}\n{said}",
            arguments[2..].join(" ").replace(&expired, "EXPIRED").replace(&token(&["admin"]), "ADMIN")
        )
    });
    insta::with_settings!({filters => vec![(r"--token eyJ\S+", "--token ADMIN")]}, {
        insta::assert_snapshot!("explain_text", all.join("\n"));
    });
}

#[test]
fn explain_as_json() {
    let folder = seed_site();
    let site = path(&folder);
    let all = [
        ["explain", site, "/testauth/", "--json"].as_slice(),
        &["explain", site, "/testauth/x", "--json", "--role", "admin"],
        &["explain", site, "/%zz", "--json"],
    ]
    .map(|arguments| said(folder.path(), &mut rolegate(arguments)));
    insta::assert_snapshot!("explain_json", all.join("\n"));
}

#[test]
fn explain_answers_each_line_of_a_file_of_requests() {
    let folder = seed_site();
    let cookie = format!("nf_jwt={}", token(&["admin"]));
    let lines = [
        r#"{"path":"/testauth/","roles":["admin"]}"#.to_owned(),
        r#"{"path":"/testauth/","roles":[]}"#.to_owned(),
        format!(r#"{{"path":"/testauth/","token":"{}"}}"#, token(&["admin"])),
        format!(r#"{{"path":"/testauth/","headers":{{"cookie":"{cookie}"}}}}"#),
        format!(r#"{{"path":"/testauth/","headers":{{"Cookie":["a=b","{cookie}"]}}}}"#),
        r#"{"path":"/testauth/","token":"x"}"#.to_owned(),
        r#"{"path":"/","query":"a=b","method":"HEAD","host":"example.org"}"#.to_owned(),
        r#"{"path":"/?a","query":"b"}"#.to_owned(),
        r#"{"path":"/","roles":[],"token":"x"}"#.to_owned(),
        r#"{"path":"/","rolez":["admin"]}"#.to_owned(),
        r#"{"path":"/","path":"/testauth/"}"#.to_owned(),
        r#"{"path":"/""#.to_owned(),
        r#"["/"]"#.to_owned(),
        String::new(),
        r#"{"method":"GET"}"#.to_owned(),
        r#"{"path":"/"}"#.to_owned(),
    ];
    let arguments = ["explain", path(&folder), "--requests", "-", "--json"];
    let input = lines.join("\n");
    let with_secret = said(folder.path(), rolegate(&arguments).env("JWT_SECRET", SECRET).write_stdin(input.clone()));
    insta::assert_snapshot!("explain_requests", with_secret);
    assert_eq!(with_secret.lines().count(), lines.len() + 3, "one line out for each line in");
    // From a file, and through another variable, the same.
    let file = folder.path().join("requests.jsonl");
    std::fs::write(&file, input).expect("written");
    let file = file.to_str().expect("UTF-8");
    let arguments = ["explain", path(&folder), "--requests", file, "--json", "--secret-env", "ANOTHER"];
    assert_eq!(said(folder.path(), rolegate(&arguments).env("ANOTHER", SECRET)), with_secret);
    // Without the secret a token cannot be judged, and that is said.
    let said = said(folder.path(), &mut rolegate(&["explain", path(&folder), "/testauth/", "--token", "x"]));
    assert!(said.starts_with("exit status: 1"), "{said}");
    assert!(said.contains("a token is verified with the secret, and `JWT_SECRET` is not set"), "{said}");
}

#[test]
fn serve_refuses_what_would_leave_the_site_open() {
    let folder = seed_site();
    let arguments = ["serve", path(&folder), "--port", "0"];
    let mut all = vec![
        said(folder.path(), &mut rolegate(&arguments)),
        said(folder.path(), rolegate(&arguments).env("JWT_SECRET", "")),
        said(folder.path(), rolegate(&arguments).env("JWT_SECRET", " \n")),
        said(folder.path(), &mut rolegate(&["serve", path(&folder), "--secret-env", "NOT_SET"])),
    ];
    let folder = site(&[("_redirects", "www.members.example/* /members/:splat 200! Role=admin\n")]);
    let arguments = ["serve", path(&folder), "--port", "0"];
    all.push(said(folder.path(), rolegate(&arguments).env("JWT_SECRET", SECRET)));
    let arguments = ["explain", path(&folder), "/members/"];
    all.push(said(folder.path(), &mut rolegate(&arguments)));
    insta::assert_snapshot!("serve_refuses", all.join("\n"));
}

#[cfg(unix)]
#[test]
fn serve_says_where_answers_and_stops() {
    let folder = seed_site();
    let mut gate = Command::new(assert_cmd::cargo::cargo_bin!("rolegate"))
        .args(["serve", path(&folder), "--port", "0", "--secret-env", "THE_SECRET"])
        .env("THE_SECRET", SECRET)
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::new(gate.stdout.take().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("listening on http://").expect("the address").to_owned();

    let token = token(&["admin"]);
    for cookie in [format!("nf_jwt={token}"), format!("nf_jwt={token}x")] {
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        let head = format!(
            "GET /testauth/?nf_jwt={token} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        );
        std::io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with(if cookie.ends_with('x') { "HTTP/1.1 404" } else { "HTTP/1.1 200" }), "{answer}");
        assert!(!answer.contains(&token));
    }

    let pid = gate.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    let mut log = String::new();
    gate.stderr.take().expect("piped").read_to_string(&mut log).expect("read");
    assert_eq!(gate.wait().expect("it ends").code(), Some(0));
    assert!(log.contains("RFC 7518"), "a short secret is warned about: {log}");
    assert!(log.contains("path=\"/testauth/\"") && log.contains("status=200") && log.contains("rule=1"), "{log}");
    // TOKEN-11
    let signature = token.rsplit('.').next().expect("three parts");
    assert!(!log.contains(signature) && !log.contains("signature"), "{log}");
}

#[test]
fn a_headers_file_is_checked_and_a_password_closes_its_path() {
    let folder = site(&[
        ("_redirects", "/a /b 302\n"),
        ("_headers", "/private/*\n  Basic-Auth: alice:secret\n/*\n  Content-Length: 1\n"),
        ("private/page.html", "page"),
    ]);
    let text = said(folder.path(), &mut rolegate(&["check", path(&folder)]));
    for expected in [
        "exit status: 1\n",
        "nobody is admitted to `/private/*`",
        "`Content-Length` is what the server itself says",
        "SITE/_redirects, SITE/_headers: 1 rule, 2 errors",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
