//! The identity service in the gate's own origin, with the published clients of Netlify Identity.
//!
//! What needs Node.js and Chromium runs where `npm ci` has been run in `reference/identity/tests/clients`, and says aloud
//! where it does not.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic, and says aloud what it skips"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/identity-site/site");

/// A gate with its identity service.
struct Gate {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Gate {
    fn start(options: &[&str]) -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let (process, port) = Gate::run(folder.path(), options);
        Gate { process, port, folder }
    }

    fn run(folder: &Path, options: &[&str]) -> (Child, u16) {
        let mut process = rolegate()
            .args(["serve", SAMPLE, "--port", "0", "--identity"])
            .arg(folder.join("identity"))
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit_once(':').expect(&line).1.parse().unwrap();
        (process, port)
    }

    /// Stops the gate, throws its users away, and starts it again.
    fn lose_users(&mut self, options: &[&str]) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::remove_file(self.identity().join("identity.redb")).unwrap();
        (self.process, self.port) = Gate::run(self.folder.path(), options);
    }

    fn identity(&self) -> PathBuf {
        self.folder.path().join("identity")
    }

    fn ask(&self, host: &str, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let (line, fields) = head.split_once('\n').unwrap_or((head, ""));
        let fields: String = fields.lines().map(|field| format!("{field}\r\n")).collect();
        let port = self.port;
        let host = if host.is_empty() { String::new() } else { format!("Host: {host}:{port}\r\n") };
        let message = format!(
            "{line} HTTP/1.1\r\n{host}{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(message.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn user(&self, line: &[&str]) -> String {
        let ran =
            rolegate().args(["identity", "user"]).args(line).arg("--identity").arg(self.identity()).output().unwrap();
        assert!(ran.status.success(), "{line:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn rolegate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
    command.env_remove("JWT_SECRET").env("RUST_LOG", "rolegate=warn");
    command
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {answer}"))
}

/// The text of a JSON member of an answer.
fn member<'a>(answer: &'a str, name: &str) -> &'a str {
    let (_, rest) = answer.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("no {name}: {answer}"));
    rest.split_once('"').unwrap().0
}

#[test]
fn the_gate_takes_the_tokens_of_the_service() {
    let gate = Gate::start(&[]);
    let added = gate.user(&["add", "ada@b.example"]);
    let password = added.trim().rsplit_once(' ').unwrap().1.to_owned();
    let form = format!("grant_type=password&username=ada%40b.example&password={password}");
    let log_in = || gate.ask("site.localhost", "POST /.netlify/identity/token\nX-Use-Cookie: 1", &form);
    let page = |cookies: &str| status(&gate.ask("site.localhost", &format!("GET /testauth/{cookies}"), ""));
    assert_eq!(page(""), 404);
    let answer = log_in();
    assert_eq!(status(&answer), 200, "{answer}");
    let old = member(&answer, "access_token").to_owned();
    assert_eq!(page(&format!("\nCookie: nf_jwt={old}")), 404, "without the role");
    assert!(gate.user(&["role", "ada@b.example", "admin"]).contains("ada@b.example: admin"));
    assert_eq!(page(&format!("\nCookie: nf_jwt={old}")), 404, "the cookie is from before");
    let new = member(&log_in(), "access_token").to_owned();
    assert_eq!(page(&format!("\nCookie: nf_jwt={new}")), 200);
    // Two cookies of one name are nobody's.
    assert_eq!(page(&format!("\nCookie: nf_jwt={new}; nf_jwt={old}")), 404);
    assert_eq!(gate.user(&["list"]), "ada@b.example\tadmin\tconfirmed\n");
    // A token of the seed's kind is for an external provider.
    gate.user(&["remove", "ada@b.example"]);
    assert_eq!(gate.user(&["list"]), "");
}

/// PACE-2: whoever lets a body be waited for takes no turn from others.
#[test]
fn bodies_that_do_not_come_keep_nobody_out() {
    let gate = Gate::start(&[]);
    let mut slow: Vec<TcpStream> = (0..80)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", gate.port)).unwrap();
            let head = format!(
                "POST /.netlify/identity/signup HTTP/1.1\r\nHost: localhost:{}\r\nContent-Length: 60000\r\n\r\n{{",
                gate.port
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(status(&gate.ask("localhost", "GET /.netlify/identity/settings", "")), 200);
    assert_eq!(status(&gate.ask("localhost", "POST /.netlify/identity/token", "grant_type=password")), 400);
    for stream in &mut slow {
        stream.set_nonblocking(true).unwrap();
        let waits = stream.read(&mut [0; 1]).unwrap_err();
        assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock, "nobody has been answered, so nobody was waited for");
    }
}

/// The secret in the folder goes with the users. One that is given belongs to whoever gives it: what was signed with it is
/// good until it runs out.
#[test]
fn a_store_that_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "a secret of somebody's").unwrap();
    let given = ["--secret-file", secret.to_str().unwrap()];
    for (options, page, user) in [(&[] as &[&str], 404, 401), (&given, 200, 404)] {
        let mut gate = Gate::start(options);
        let added = gate.user(&["add", "ada@b.example", "--role", "admin"]);
        let password = added.trim().rsplit_once(' ').unwrap().1.to_owned();
        let form = format!("grant_type=password&username=ada%40b.example&password={password}");
        let answer = gate.ask("site.localhost", "POST /.netlify/identity/token", &form);
        let (access, refresh) = (member(&answer, "access_token"), member(&answer, "refresh_token"));
        let cookie = format!("GET /testauth/\nCookie: nf_jwt={access}");
        assert_eq!(status(&gate.ask("site.localhost", &cookie, "")), 200);
        gate.lose_users(options);
        assert_eq!(status(&gate.ask("site.localhost", &cookie, "")), page, "{options:?}");
        let bearer = format!("GET /.netlify/identity/user\nAuthorization: Bearer {access}");
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        for (answer, expected, says) in [
            (gate.ask("site.localhost", &bearer, ""), user, "\"msg\":"),
            (gate.ask("site.localhost", "POST /.netlify/identity/token", &form), 400, "\"error\":\"invalid_grant\""),
        ] {
            assert_eq!(status(&answer), expected, "{options:?}: {answer}");
            assert!(answer.contains("set-cookie: nf_jwt=; Path=/; ") && answer.contains(says), "{answer}");
        }
        // The next start finds users, and keeps the secret.
        gate.user(&["add", "ada@b.example", "--role", "admin"]);
        let kept = std::fs::read(gate.identity().join("secret")).unwrap_or_default();
        gate.process.kill().unwrap();
        gate.process.wait().unwrap();
        (gate.process, gate.port) = Gate::run(gate.folder.path(), options);
        assert_eq!(std::fs::read(gate.identity().join("secret")).unwrap_or_default(), kept);
    }
}

#[test]
fn who_asks_by_whose_name() {
    let gate = Gate::start(&[]);
    for (host, path, expected) in [
        ("site.localhost", "/", 200),
        ("localhost", "/", 200),
        ("127.0.0.1", "/.netlify/identity/health", 200),
        ("evil.example", "/", 421),
        ("evil.example", "/.netlify/identity/health", 421),
        ("site.localhost.evil.example", "/", 421),
        ("operator.localhost", "/", 200),
        ("operator.localhost", "/.netlify/identity/health", 404),
        ("site.localhost", "/.netlify/identityx", 404),
        ("site.localhost", "/.netlify/identity", 404),
    ] {
        assert_eq!(status(&gate.ask(host, &format!("GET {path}"), "")), expected, "{host}{path}");
    }
    let page = gate.ask("operator.localhost", "GET /", "");
    assert!(page.contains("Nobody is here yet") && page.contains("frame-ancestors 'none'"), "{page}");
    assert!(!gate.ask("site.localhost", "GET /", "").contains("Nobody is here yet"));
    // Through a proxy that nobody named, and from a page of somebody else's.
    assert_eq!(status(&gate.ask("operator.localhost", "GET /\nX-Forwarded-For: 192.0.2.1", "")), 404);
    for origin in ["", "\nOrigin: http://site.localhost", "\nOrigin: null"] {
        let sent = gate.ask("operator.localhost", &format!("POST /users{origin}"), "email=a%40b&how=invite");
        assert_eq!(status(&sent), 403, "{origin}");
    }
    let long = "x".repeat(65 * 1024);
    let answer = gate.ask("site.localhost", "POST /.netlify/identity/token", &long);
    assert_eq!(status(&answer), 413, "{}", answer.lines().next().unwrap_or_default());
}

/// Nobody sets the address in somebody else's mail, and no log holds what opens anything, whatever is logged. The line with the
/// link of a mail is for the operator.
#[test]
fn where_mails_lead_and_what_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = rolegate();
    command.env("RUST_LOG", "trace").args([
        "serve",
        SAMPLE,
        "--port",
        "0",
        "--identity-provider",
        "github",
        "--identity",
    ]);
    command.arg(folder.path().join("identity")).stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit_once(':').expect(&line).1.parse().unwrap();
    let mut gate = Gate { process, port, folder };
    let mailed = |what: &str| {
        let mut mails: Vec<_> =
            std::fs::read_dir(gate.identity().join("mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
        mails.sort();
        let text = std::fs::read_to_string(mails.last().unwrap()).unwrap();
        let link = text.trim().rsplit_once("\r\n").unwrap().1.to_owned();
        let start = format!("http://site.localhost:{port}/#{what}=");
        link.strip_prefix(&start).unwrap_or_else(|| panic!("{link}")).to_owned()
    };
    let api = |line: &str, body: &str| gate.ask("site.localhost", line, body);
    let forged =
        "X-Forwarded-Host: evil.example\nX-Forwarded-Proto: https\nForwarded: host=evil.example\nX-Forwarded-Port: 1";
    let asked = r#"{"email":"ada@b.example","password":"a very secret password"}"#;
    let made = api(&format!("POST /.netlify/identity/signup\n{forged}"), asked);
    assert_eq!(status(&made), 200, "{made}");
    let confirmation = mailed("confirmation_token");
    let verified = api("POST /.netlify/identity/verify", &format!(r#"{{"type":"signup","token":"{confirmation}"}}"#));
    let (access, first) = (member(&verified, "access_token"), member(&verified, "refresh_token"));
    let form = format!("grant_type=refresh_token&refresh_token={first}");
    let refreshed = api("POST /.netlify/identity/token\nX-Use-Cookie: 1", &form);
    let second = member(&refreshed, "refresh_token");
    assert_eq!(status(&api(&format!("GET /.netlify/identity/user\nAuthorization: Bearer {access}"), "")), 200);
    assert_eq!(status(&api(&format!("GET /testauth/\nCookie: nf_jwt={access}"), "")), 404);
    assert_eq!(status(&api(&format!("POST /.netlify/identity/token?refresh_token={second}"), "")), 400);
    let recover = format!("POST http://evil.example:{port}/.netlify/identity/recover");
    assert!([400, 421].contains(&status(&api(&recover, r#"{"email":"ada@b.example"}"#))));
    assert_eq!(
        status(&api(&format!("POST /.netlify/identity/recover\n{forged}"), r#"{"email":"ada@b.example"}"#)),
        200
    );
    let recovery = mailed("recovery_token");
    // Who asks can name any port, and somebody else can listen there.
    for port in ["1", "0", "99999"] {
        let recover = format!("POST http://site.localhost:{port}/.netlify/identity/recover");
        assert_eq!(status(&api(&recover, r#"{"email":"ada@b.example"}"#)), 200, "{port}");
        mailed("recovery_token");
    }
    let invited = format!("GET /.netlify/identity/authorize?provider=github&invite_token={confirmation}");
    assert_eq!(status(&api(&invited, "")), 404);
    let authorized = api("GET /.netlify/identity/authorize?provider=github\nReferer: http://evil.example/", "");
    let (_, state) = authorized.split_once("?state=").unwrap_or_else(|| panic!("{authorized}"));
    let state = state.lines().next().unwrap();
    let denied = api(&format!("GET /.netlify/identity/callback?error=access_denied&state={state}"), "");
    assert!(denied.contains(&format!("location: http://site.localhost:{port}/#error=access_denied")), "{denied}");
    // A token that browsers drop is told of, without what stands in it.
    let said = format!(r#"{{"data":{{"about":"{}"}}}}"#, "a-long-story".repeat(300));
    assert_eq!(status(&api(&format!("PUT /.netlify/identity/user\nAuthorization: Bearer {access}"), &said)), 200);
    let form = "grant_type=password&username=ada%40b.example&password=a+very+secret+password";
    assert_eq!(status(&api("POST /.netlify/identity/token", form)), 200);
    gate.process.kill().unwrap();
    gate.process.wait().unwrap();
    let operator = std::fs::read_to_string(gate.identity().join("running.json")).unwrap();
    let secret = std::fs::read_to_string(gate.identity().join("secret")).unwrap();
    let logged = std::fs::read_to_string(log).unwrap();
    assert!(logged.contains("/.netlify/identity/verify"), "{logged}");
    let logged: Vec<&str> = logged.lines().filter(|line| !line.starts_with("mail to ")).collect();
    let operators = member(&operator, "token");
    assert!(logged.iter().any(|line| line.contains("the token is near the 4096 bytes that a cookie may have")));
    let story = "a-long-story";
    for opens in
        [&confirmation, &recovery, access, first, second, state, operators, &secret, "a very secret password", story]
    {
        assert!(!logged.iter().any(|line| line.contains(opens)), "{opens} is in the log");
    }
}

/// The page that mails lead to is one that the gate does not shut, or the operator hears of it.
#[test]
fn mails_that_lead_to_a_shut_page() {
    for (rules, is_told) in [
        ("/* 200! Role=admin\n", true),
        ("/* 200! Role=admin\n/* /login 302\n", false),
        ("/members/* 200! Role=admin\n", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        std::fs::create_dir(&site).unwrap();
        std::fs::write(site.join("index.html"), "home").unwrap();
        std::fs::write(site.join("_redirects"), rules).unwrap();
        let mut command = rolegate();
        command.arg("serve").arg(&site).args(["--port", "0", "--identity"]).arg(folder.path().join("identity"));
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        process.kill().unwrap();
        let said = process.wait_with_output().unwrap().stderr;
        let said = String::from_utf8_lossy(&said);
        assert_eq!(said.contains("warning: links in mails open `/`"), is_told, "{rules}{said}");
    }
}

#[test]
fn users_without_a_service_that_runs() {
    let mut gate = Gate::start(&[]);
    // By the address that the operator says, and not by the one where it runs.
    let site = format!("http://127.0.0.1:{}", gate.port);
    gate.user(&["invite", "ada@b.example", "--site", &format!("{site}/")]);
    let mails = std::fs::read_dir(gate.identity().join("mail")).unwrap();
    let mails: String = mails.map(|mail| std::fs::read_to_string(mail.unwrap().path()).unwrap()).collect();
    assert!(mails.contains(&format!("\r\n{site}/#invite_token=")), "{mails}");
    gate.user(&["role", "ada@b.example", "editor,cox", "admin"]);
    assert_eq!(gate.user(&["list"]), "ada@b.example\teditor, cox, admin\tnot confirmed\n");
    gate.user(&["role", "ada@b.example", "admin"]);
    gate.process.kill().unwrap();
    gate.process.wait().unwrap();
    // Killed, with word of it left behind.
    assert!(gate.identity().join("running.json").exists());
    assert_eq!(gate.user(&["list"]), "ada@b.example\tadmin\tnot confirmed\n");
    gate.user(&["confirm", "ada@b.example"]);
    let export = gate.folder.path().join("export.json");
    std::fs::write(&export, r#"[{"email":"old@b.example","encrypted_password":"$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"}]"#).unwrap();
    gate.user(&["import", export.to_str().unwrap()]);
    assert_eq!(gate.user(&["list"]), "ada@b.example\tadmin\tconfirmed\nold@b.example\tno roles\tnot confirmed\n");
    assert_eq!(std::fs::read(gate.identity().join(".gitignore")).unwrap(), b"*\n", "nobody commits them by accident");
    for file in ["identity.redb", "secret"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(gate.identity().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} is its owner's");
    }
}

/// The tutorial's readers paste a token of an external provider's form, signed with `secret`. With the service the roles stand
/// elsewhere, so that it opens nothing even where the secret is the same one, and `token inspect` says where they are.
#[test]
fn the_token_that_the_tutorial_pastes_opens_nothing() {
    let made = rolegate().args(["token", "new", "--role", "admin"]).env("JWT_SECRET", "secret").output().unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let cookie = format!("GET /testauth/\nCookie: nf_jwt={token}");
    let path = ["--role-path", "app_metadata.authorization.roles"];
    let given = ["--secret-file", secret.to_str().unwrap(), path[0], path[1]];
    for (options, expected) in [(&given[..0], 404), (&given[..2], 404), (&given[..], 200)] {
        let gate = Gate::start(options);
        assert_eq!(status(&gate.ask("127.0.0.1", &cookie, "")), expected, "{options:?}");
    }
    let said = rolegate().args(["token", "inspect", "--role-path", "app_metadata.roles", &token]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.contains("looks like roles stands at `app_metadata.authorization.roles`"), "{said}");
}

/// What the threat model names as what holds a promise is there, by the name that it has there.
#[test]
fn the_threat_model_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut text = String::new();
    let mut folders: Vec<PathBuf> =
        ["identity/src", "identity/tests", "cli/tests", "server/src", "properties", "../fuzz/fuzz_targets"]
            .map(|folder| root.join(folder))
            .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.extend((entry.file_name() != "node_modules").then_some(path));
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "mjs") {
                text.push_str(&format!("fn {}(\n", path.file_stem().unwrap().display()));
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let model = std::fs::read_to_string(root.join("identity/SECURITY.md")).unwrap();
    let held: Vec<&str> =
        model.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | ")).map(|row| row.1).collect();
    let names: Vec<&str> = held.iter().flat_map(|held| held.split('`').skip(1).step_by(2)).collect();
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        let is_there = text.contains(&format!("fn {name}(")) || name.contains(' ') && text.contains(name);
        assert!(is_there, "there is no `{name}`");
    }
}

/// Visitors choose their own names, and their addresses where nothing is confirmed.
#[test]
fn a_user_is_found_among_many_who_look_alike() {
    let folder = tempfile::tempdir().unwrap();
    let user = |line: &[&str]| {
        let ran =
            rolegate().args(["identity", "user"]).args(line).arg("--identity").arg(folder.path()).output().unwrap();
        assert!(ran.status.success(), "{line:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let alike = |number: usize| {
        format!(r#",{{"email":"ada@b.example{number}","user_metadata":{{"full_name":"ada@b.example"}}}}"#)
    };
    let export = folder.path().join("export.json");
    for (first, others) in [("ada@b.example", 0..1100), ("eve@b.example", 1100..1101)] {
        let others: String = others.map(alike).collect();
        std::fs::write(&export, format!(r#"[{{"email":"{first}"}}{others}]"#)).unwrap();
        user(&["import", export.to_str().unwrap()]);
    }
    assert!(user(&["role", "ada@b.example", "member"]).starts_with("ada@b.example: member"));
    assert!(user(&["role", "ada@b.example1099", "member"]).starts_with("ada@b.example1099: member"));
    assert_eq!(user(&["list", "--filter", "ada@"]).lines().filter(|line| line.contains("member")).count(), 2);
}

#[test]
fn what_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    std::fs::create_dir(&site).unwrap();
    std::fs::write(site.join("index.html"), "home").unwrap();
    let inside = site.join("identity");
    let outside = folder.path().join("identity");
    for (line, why) in [
        (vec!["--identity", inside.to_str().unwrap()], "lies in the folder that is published"),
        (vec!["--identity", outside.to_str().unwrap(), "--host", "0.0.0.0"], "serves this machine alone"),
        (vec!["--identity", outside.to_str().unwrap(), "--identity-provider", "myspace"], "there is no provider"),
        (vec!["--identity", outside.to_str().unwrap(), "--identity-name", "operator"], "operator's page"),
        (vec!["--identity-autoconfirm"], "--identity"),
        (vec!["--identity", outside.to_str().unwrap(), "--jwks", "keys.json"], "cannot be used with"),
    ] {
        let ran = rolegate().arg("serve").arg(&site).args(&line).args(["--port", "0"]).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success() && said.contains(why), "{line:?}: {said}");
        assert!(!inside.exists(), "nothing is written where anybody could fetch it");
    }
}

#[test]
fn gotrue_js() {
    client("gotrue.mjs", &[], None);
}

#[test]
fn netlify_identity_in_node() {
    client("netlify-identity.mjs", &[], None);
}

#[test]
fn netlify_identity_in_a_browser() {
    in_a_browser("netlify-identity-browser.mjs", &[], None);
}

/// With the pictures that the guide tells of, in the folder that `PICTURES` names or in one that is thrown away.
#[test]
fn the_widget_of_version_2() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("PICTURES").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    if !in_a_browser("widget.mjs", &["v2"], Some(&pictures)) {
        return;
    }
    let mut made: Vec<String> =
        std::fs::read_dir(&pictures).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    made.sort();
    let guide =
        std::fs::read_to_string(Path::new(SAMPLE).join("../../../../docs/identity-on-your-machine.md")).unwrap();
    let told = guide.split_once("$ ls pictures\n").expect("the guide lists them").1.split_once("\n```").unwrap().0;
    assert_eq!(made.join("\n"), told);
    for name in made {
        let picture = std::fs::read(pictures.join(&name)).unwrap();
        let width = u32::from_be_bytes(picture[16..20].try_into().unwrap());
        assert!(name.ends_with(&format!("-{width}.png")) && picture.len() > 4096, "{name} is {width} pixels wide");
    }
}

/// What `docs/identity-on-your-machine.md` has its reader do, from an empty folder on.
#[test]
fn the_guide_is_walked_through() {
    in_a_browser("page.mjs", &[], None);
}

#[test]
fn the_sample_site_has_the_rules_of_the_tutorial() {
    let rules = std::fs::read_to_string(Path::new(SAMPLE).join("_redirects")).unwrap();
    assert_eq!(rules, "/testauth/* /testauth/:splat 200! Role=admin\n/testauth/ /testlogin 404\n");
}

#[test]
fn the_widget_of_version_1() {
    in_a_browser("widget.mjs", &["v1"], None);
}

/// A minute of it is waited through. Tests begin in the order of their names, and this one has to be among the first, so that
/// the others run meanwhile.
#[test]
fn a_session_outlives_its_token() {
    in_a_browser("sessions.mjs", &[], None);
}

/// Runs a script that needs Chromium; whether it was run.
fn in_a_browser(script: &str, line: &[&str], pictures: Option<&Path>) -> bool {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let found = folders.iter().flat_map(|folder| names.map(|name| folder.join(name))).any(|path| path.is_file());
    if !found && std::env::var_os("CHROMIUM").is_none() {
        skipped(script, "there is no Chromium");
        return false;
    }
    client(script, line, pictures)
}

/// Runs a script of the published clients; whether it was run. What it has been through it says in lines of its own.
fn client(script: &str, line: &[&str], pictures: Option<&Path>) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../identity/tests/clients");
    if !folder.join("node_modules").is_dir() {
        skipped(script, "run `npm ci --ignore-scripts` in reference/identity/tests/clients");
        return false;
    }
    let mut command = Command::new("node");
    command.current_dir(&folder).arg(script).args(line).env("ROLEGATE", env!("CARGO_BIN_EXE_rolegate"));
    match pictures {
        Some(pictures) => command.env("PICTURES", pictures),
        None => command.env_remove("PICTURES"),
    };
    let Ok(ran) = command.output() else {
        skipped(script, "there is no Node.js");
        return false;
    };
    let (said, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{script}:\n{said}\n{wrong}");
    print!("{said}");
    true
}

fn skipped(script: &str, why: &str) {
    // Not `eprintln`: the test harness would swallow it.
    let _ = writeln!(std::io::stderr(), "SKIPPED {script}: {why}");
}
