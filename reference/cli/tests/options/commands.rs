//! The options of `serve` itself, and of the commands that end by themselves.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::Row;
use crate::common::{SECRET, seed_site, site, token, write};
use crate::gate::{Gate, file, name, rolegate, said};

pub const ROWS: &[Row] = &[
    ("serve", "--host", |_| {
        // Not every system has more than one address of loopback; then the address is named.
        match Gate::try_start(seed_site().path(), &["--host", "127.0.0.2"]) {
            Ok(gate) => assert_eq!(gate.address.ip().to_string(), "127.0.0.2"),
            Err(said) => assert!(said.contains("cannot listen on 127.0.0.2:0"), "{said}"),
        }
    }),
    ("serve", "--port", |_| {
        let port = crate::common::front::free().port();
        assert_eq!(Gate::start(seed_site().path(), &["--port", &port.to_string()]).address.port(), port);
    }),
    ("serve", "--log-format", |_| {
        let folder = seed_site();
        let gate = Gate::start(folder.path(), &["--log-format", "json"]);
        gate.get("/style.css", &[]);
        let line = gate.until(|gate| Some(gate.log().lines().find(|line| line.contains("/style.css"))?.to_owned()));
        let line: Value = serde_json::from_str(&line).expect("JSON");
        assert!(line["status"] == 200 && line["millis"].is_u64(), "{line}");
    }),
    ("serve", "--admin", |_| {
        let folder = seed_site();
        let gate = Gate::start(folder.path(), &["--admin", "127.0.0.1:0"]);
        assert!(ask(gate.admin(), "localhost", "/ready").starts_with("HTTP/1.1 200 "));
    }),
    ("serve", "--admin-name", |_| {
        let folder = seed_site();
        for (options, status) in [(["--admin-name", "a.example"].as_slice(), 200), (&[], 421)] {
            let gate = Gate::start(folder.path(), &[&["--admin", "127.0.0.1:0"], options].concat());
            let answer = ask(gate.admin(), "a.example", "/ready");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
    }),
    ("serve", "--tls-cert", |_| speaks_tls()),
    ("serve", "--tls-key", |_| speaks_tls()),
    ("serve", "--watch", |_| {
        let folder = seed_site();
        let gate = Gate::start(folder.path(), &["--watch"]);
        assert_eq!(gate.get("/style.css", &[]).body, "0123456789");
        write(folder.path(), "style.css", "new");
        gate.until(|gate| (gate.get("/style.css", &[]).body == "new").then_some(()));
    }),
    ("serve, explain, check", "--config", |command| {
        let folder = seed_site();
        let (_folder, file) = file("[[redirects]]\nfrom = \"/moved\"\nto = \"/\"\nstatus = 302\nforze = true\n");
        let option = ["--config", file.as_str()];
        match command {
            "serve" => assert_eq!(Gate::start(folder.path(), &option).get("/moved", &[]).status, 302),
            "explain" => {
                let (_, said) = said(&[&["explain", name(&folder), "/moved"], option.as_slice()].concat());
                assert!(said.contains("302 redirect to /"), "{said}");
            }
            _ => {
                let (_, said) = said(&[&["check", name(&folder)], option.as_slice()].concat());
                assert!(said.contains("forze"), "{said}");
            }
        }
    }),
    ("serve", "--debug-page", |_| {
        let folder = seed_site();
        let gate = Gate::start(folder.path(), &["--debug-page", "/__gate/debug"]);
        assert_eq!(gate.get("/__gate/debug", &[]).status, 200);
        let tls = TlsFiles::made();
        let [cert, certificate, key, private] = tls.options();
        let options = ["--debug-page", "/__gate/debug", cert, certificate, key, private];
        let gate = Gate::start(folder.path(), &options);
        gate.until(|gate| {
            gate.log().contains(&format!("the debug page https://{}/__gate/debug", gate.address)).then_some(())
        });
    }),
    ("serve", "--debug-page-for", |_| {
        let folder = seed_site();
        let options = ["--debug-page", "/__gate/debug", "--debug-page-for", "192.0.2.0/24"];
        assert_eq!(Gate::start(folder.path(), &options).get("/__gate/debug", &[]).status, 404);
    }),
    ("check", "--format", |_| {
        let (status, said) = said(&["check", name(&seed_site()), "--format", "json"]);
        let report: Value = serde_json::from_str(&said).expect("JSON");
        assert!(status == 0 && report.is_object(), "{said}");
    }),
    ("check", "--deny", |_| {
        let folder = site(&[("_redirects", TWICE)]);
        assert_eq!(said(&["check", name(&folder)]).0, 0);
        assert_eq!(said(&["check", name(&folder), "--deny", "warnings"]).0, 1);
    }),
    ("check", "--fix", |_| {
        let folder = site(&[("_redirects", TWICE)]);
        said(&["check", name(&folder), "--fix"]);
        assert_eq!(redirects(folder.path()).lines().count(), 1);
    }),
    ("check", "--diff", |_| shows_the_change("--diff")),
    ("check", "--dry-run", |_| shows_the_change("--dry-run")),
    ("check", "--all", |_| {
        let folder = site(&[("_redirects", &"/a b c d\n".repeat(40))]);
        let few = said(&["check", name(&folder)]).1.len();
        assert!(said(&["check", name(&folder), "--all"]).1.len() > few);
    }),
    ("check", "--map", |_| {
        let (_, said) = said(&["check", name(&seed_site()), "--map"]);
        assert!(said.contains("/testauth/deep/page"), "{said}");
    }),
    ("check", "--explain", |_| {
        let (status, said) = said(&["check", "--explain", "gate-shadowed"]);
        assert!(status == 0 && said.contains("gate-shadowed"), "{said}");
    }),
    ("lsp", "--stdio", |_| {
        // The server ends with what it reads.
        rolegate(&["lsp", "--stdio"]).write_stdin("").assert().stderr("");
    }),
    ("explain", "--role", |_| explains("/r", &["--role", "admin"])),
    ("explain", "--token", |_| explains("/r", &["--token", &token(&["admin"])])),
    ("explain", "--method", |_| {
        let (_, said) = said(&["explain", name(&seed_site()), "/", "--method", "HEAD"]);
        assert!(said.starts_with("HEAD / by an anonymous visitor"), "{said}");
    }),
    ("explain", "--host", |_| explains("/h", &["--host", "a.example"])),
    ("explain", "--country", |_| explains("/c", &["--country", "DE"])),
    ("explain", "--language", |_| explains("/l", &["--language", "fr"])),
    ("explain", "--cookie", |_| explains("/k", &["--cookie", "club=1"])),
    ("explain", "--requests", |_| {
        let (_folder, file) = file("{\"path\":\"/\"}\n{\"path\":\"/r\"}\n");
        let (status, said) = said(&["explain", name(&seed_site()), "--json", "--requests", &file]);
        assert_eq!((status, said.lines().count()), (0, 2), "{said}");
    }),
    ("explain", "--json", |_| {
        let (_, said) = said(&["explain", name(&seed_site()), "/", "--json"]);
        assert_eq!(serde_json::from_str::<Value>(&said).expect("JSON")["status"], 200);
    }),
    ("token inspect", "--role-path", |_| {
        let claims = r#"{"r":["admin"]}"#;
        let token = crate::common::sign(r#"{"alg":"HS256","typ":"JWT"}"#, claims);
        let with = said(&["token", "inspect", &token, "--role-path", "r"]).1;
        assert!(with.contains("`admin`") && !said(&["token", "inspect", &token]).1.contains("`admin`"), "{with}");
    }),
    ("token new", "--role", |_| {
        let roles = ["--role", "admin", "--role", "editor"];
        assert_eq!(new(&roles)["app_metadata"]["authorization"]["roles"], serde_json::json!(["admin", "editor"]));
    }),
    ("token new", "--expires", |_| {
        let life = |token: Value| token["exp"].as_i64().expect("a time");
        assert!(life(new(&["--expires", "2d"])) - life(new(&[])) > 86_400);
    }),
    ("token new", "--no-exp", |_| assert_eq!(new(&["--no-exp"])["exp"], Value::Null)),
    ("token new", "--claim", |_| assert_eq!(new(&["--claim", "iss=me"])["iss"], "me")),
    ("token new", "--role-path", |_| {
        assert_eq!(new(&["--role", "admin", "--role-path", "a.b"])["a"]["b"][0], "admin");
    }),
    ("token new", "--secret-env", |_| {
        let path = std::env::var("PATH").expect("text");
        let made = said(&["token", "new", "--secret-env", "PATH"]).1;
        let [header, payload, _] = made.trim().splitn(3, '.').collect::<Vec<_>>().try_into().expect("three parts");
        let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64");
        assert_eq!(crate::common::sign_parts(header, &payload, path.as_bytes()), made.trim());
    }),
    ("token new", "--secret-stdin", |_| {
        let made = rolegate(&["token", "new", "--role", "admin", "--secret-stdin"])
            .env_remove("JWT_SECRET")
            .write_stdin(format!("{SECRET}\n"))
            .output()
            .expect("it runs");
        let made = String::from_utf8(made.stdout).expect("UTF-8");
        assert_eq!(said(&["token", "verify", made.trim()]).0, 0, "{made}");
    }),
    ("token new", "--cookie", |_| {
        let said = said(&["token", "new", "--cookie"]).1;
        assert!(said.starts_with("Set-Cookie: nf_jwt=") && said.contains("curl --cookie"), "{said}");
    }),
];

/// The same rule twice: a warning, and something to mend.
const TWICE: &str = "/a /b 302\n/a /b 302\n";

fn redirects(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("_redirects")).expect("a file")
}

/// The option tells what would be written, and writes nothing.
fn shows_the_change(option: &str) {
    let folder = site(&[("_redirects", TWICE)]);
    let (_, said) = said(&["check", name(&folder), option]);
    assert!(said.contains("-/a /b 302") && redirects(folder.path()) == TWICE, "{said}");
}

/// A rule with a condition decides about whoever is described so, and about nobody else.
fn explains(path: &str, option: &[&str]) {
    let folder = site(&[(
        "_redirects",
        "/r /seen 302 Role=admin\nhttps://a.example/h /seen 302\n/c /seen 302 Country=de\n/l /seen 302 Language=fr\n\
         /k /seen 302 Cookie=club\nhttp://a.example/h /seen 302\n",
    )]);
    for (option, is_seen) in [(option, true), (&[], false)] {
        let (_, said) = said(&[&["explain", name(&folder), path, "--json"], option].concat());
        assert_eq!(said.contains(r#""location":"/seen""#), is_seen, "{option:?}: {said}");
    }
}

/// The claims of a new token.
fn new(options: &[&str]) -> Value {
    let (status, made) = said(&[&["token", "new"], options].concat());
    assert_eq!(status, 0, "{made}");
    let payload = URL_SAFE_NO_PAD.decode(made.split('.').nth(1).expect("three parts")).expect("base64");
    serde_json::from_slice(&payload).expect("JSON")
}

fn ask(address: std::net::SocketAddr, host: &str, path: &str) -> String {
    let mut client = crate::common::Client::connect(address);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes());
    client.until_closed()
}

/// Both options are needed; with them the gate speaks TLS with the certificate.
fn speaks_tls() {
    let folder = seed_site();
    let tls = TlsFiles::made();
    let gate = Gate::start(folder.path(), &tls.options());
    assert_eq!(gate.scheme, "https");
    let mut stream = tls.connect(&gate, "http/1.1");
    stream.write_all(b"GET /style.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).expect("an answer");
    assert!(answer.ends_with("0123456789"), "{answer}");
}

/// A certificate for `localhost` and its key, in files.
pub struct TlsFiles {
    pub certificate: String,
    key: String,
    root: CertificateDer<'static>,
    _folder: tempfile::TempDir,
}

impl TlsFiles {
    pub fn made() -> TlsFiles {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "cert.pem", &made.cert.pem());
        write(folder.path(), "key.pem", &made.signing_key.serialize_pem());
        let [certificate, key] = ["cert.pem", "key.pem"].map(|file| folder.path().join(file).display().to_string());
        TlsFiles { certificate, key, root: made.cert.der().clone(), _folder: folder }
    }

    pub fn options(&self) -> [&str; 4] {
        ["--tls-cert", &self.certificate, "--tls-key", &self.key]
    }

    /// A connection that believes the certificate.
    pub fn connect(&self, gate: &Gate, protocol: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        StreamOwned::new(client, gate.client().stream)
    }
}
