//! What is seen of a deployed gate before its first case: each mistake that would be in every case is one sentence.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::text;
use gatecheck::deploy::{MARKER_FILE, Manifest};
use rolegate::rules::RuleSet;
use rolegate::token::{Keys, TokenSettings};
use rolegate_server::GateInForce;
use rolegate_server::files::DirSite;
use rolegate_server::in_force::KeyedGate;
use rolegate_server::server::Server;

fn gatecheck(arguments: &[&str]) -> Output {
    common::gatecheck(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), env!("CARGO_TARGET_TMPDIR"))
        .args(arguments)
        .output()
        .unwrap()
}

/// A bundle of a few suites on disk.
struct Bundle {
    _folder: tempfile::TempDir,
    site: PathBuf,
    file: String,
    manifest: Manifest,
}

impl Bundle {
    fn write() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let written = gatecheck(&["bundle", &out.display().to_string(), "role", "match/splat"]);
        assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
        let file = out.join("bundle-1/manifest.json").display().to_string();
        let manifest = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        Self { site: out.join("bundle-1/site"), _folder: folder, file, manifest }
    }
}

/// How the gate differs from what the manifest says.
#[derive(Clone, Copy, Default)]
struct Odd<'a> {
    secret: Option<&'a str>,
    role_path: Option<&'a str>,
    has_no_rules: bool,
}

/// The reference on the bundle: its URL.
fn serve(runtime: &tokio::runtime::Runtime, bundle: &Bundle, odd: Odd<'_>) -> String {
    let rules = if odd.has_no_rules { Vec::new() } else { std::fs::read(bundle.site.join("_redirects")).unwrap() };
    let keys = Keys::hs256(odd.secret.unwrap_or(&bundle.manifest.secret).as_bytes()).unwrap();
    let settings = TokenSettings {
        role_path: odd.role_path.unwrap_or(&bundle.manifest.role_path).parse().unwrap(),
        ..TokenSettings::default()
    };
    let site = DirSite::open(bundle.site.clone()).unwrap();
    let gate = KeyedGate::new(RuleSet::parse(&rules).rules, keys, settings, site).unwrap();
    let server = Server::bind(([127, 0, 0, 1], 0).into(), GateInForce::new(gate).into(), Default::default());
    let server = runtime.block_on(server).unwrap();
    let url = format!("http://{}", server.local_addr());
    runtime.spawn(server.run(std::future::pending()));
    url
}

/// A server that gives every request the same answer.
fn canned(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

/// The run is not begun, and one sentence says why, in the report and on the page.
fn is_stopped(output: &Output, says: &[&str]) {
    let (out, page) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{out}{page}");
    for says in says {
        assert!(page.contains(says), "{says}: {page}");
        assert!(out.contains(says), "{says}: {out}");
    }
    assert!(page.contains("wrong  "), "{page}");
    assert_eq!(out.matches(says[0]).count(), 1, "it is said once: {out}");
    assert!(out.contains("NO GATE"), "{out}");
}

#[test]
fn a_gate_that_is_the_right_one_is_told_so_and_asked() {
    let (runtime, bundle) = (tokio::runtime::Runtime::new().unwrap(), Bundle::write());
    let url = serve(&runtime, &bundle, Odd::default());
    let run = gatecheck(&["run", &url, "--bundle", &bundle.file, "role/denial"]);
    let page = text(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{}{page}", text(&run.stdout));
    for about in ["server", "scheme", "site", "version", "secret", "role path", "gate", "between", "clock"] {
        assert!(page.contains(&format!("ok     {about}")), "{about}: {page}");
    }
    let blind = gatecheck(&["run", &url, "--bundle", &bundle.file, "role/denial", "--no-look"]);
    assert_eq!((blind.status.code(), text(&blind.stderr).contains("Looked at")), (Some(0), false));
}

#[test]
fn wrong_settings_are_one_sentence_that_says_what_to_do() {
    let (runtime, bundle) = (tokio::runtime::Runtime::new().unwrap(), Bundle::write());
    let with_newline = format!("{}\n", bundle.manifest.secret);
    for (odd, says) in [
        (
            Odd { secret: Some("a secret that nobody has told to anybody here"), ..Odd::default() },
            &["does not let its holder in", "tell the gate the secret and the role path of the manifest"][..],
        ),
        (Odd { secret: Some(&with_newline), ..Odd::default() }, &["this one with the end of its line"]),
        (
            Odd { role_path: Some("app_metadata.roles"), ..Odd::default() },
            &["the gate reads roles at `app_metadata.roles`", "`app_metadata.authorization.roles`"],
        ),
    ] {
        let url = serve(&runtime, &bundle, odd);
        is_stopped(&gatecheck(&["run", &url, "--bundle", &bundle.file]), says);
    }
    let url = serve(&runtime, &bundle, Odd { has_no_rules: true, ..Odd::default() });
    let open = gatecheck(&["run", &url, "--bundle", &bundle.file, "role/denial"]);
    assert_eq!(open.status.code(), Some(1), "what is open is a finding: {}", text(&open.stdout));
    assert!(text(&open.stderr).contains("a visitor without a token is shown what is closed"), "{}", text(&open.stderr));
}

#[test]
fn a_suite_without_a_page_for_everybody_is_looked_at_too() {
    const SUITE: &str = "match/trailing-slash";
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    assert_eq!(gatecheck(&["bundle", &out.display().to_string(), SUITE]).status.code(), Some(0));
    let site = out.join("bundle-1/site");
    let manifest = std::fs::read_to_string(out.join("bundle-1/manifest.json")).unwrap();
    let bundle =
        Bundle { _folder: folder, file: String::new(), manifest: serde_json::from_str(&manifest).unwrap(), site };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = serve(&runtime, &bundle, Odd::default());
    let run = gatecheck(&["run", &url, "--suite", SUITE]);
    let page = text(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{}{page}", text(&run.stdout));
    for about in ["server", "scheme", "secret", "role path", "gate", "between", "clock"] {
        assert!(page.contains(&format!("ok     {about}")), "{about}: {page}");
    }
    let url = serve(&runtime, &bundle, Odd { secret: Some("a secret that nobody has told"), ..Odd::default() });
    is_stopped(&gatecheck(&["run", &url, "--suite", SUITE]), &["does not let its holder in"]);
    let nothing = canned("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    is_stopped(&gatecheck(&["run", &nothing, "--suite", SUITE]), &["does not let its holder in"]);
}

#[test]
fn a_server_that_may_stand_in_front_is_told() {
    let (runtime, bundle) = (tokio::runtime::Runtime::new().unwrap(), Bundle::write());
    let url = serve(&runtime, &bundle, Odd::default());
    let gate = url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let front = format!("http://{}", listener.local_addr().unwrap());
    // It passes each request on, and puts its name into the answer.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), Ok(mut behind)) = (stream, std::net::TcpStream::connect(&gate)) else { continue };
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).replacen("\r\n", "\r\nConnection: close\r\n", 1);
                let _ = behind.write_all(head.as_bytes());
                let mut answer = Vec::new();
                let _ = behind.read_to_end(&mut answer);
                let answer = String::from_utf8_lossy(&answer).replacen("\r\n", "\r\nVia: 1.1 front\r\n", 1);
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    let asked = |more: &[&str]| {
        let run = gatecheck(&[&["run", &front, "--bundle", &bundle.file, "role/denial"], more].concat());
        text(&run.stderr)
    };
    let page = asked(&[]);
    assert!(page.contains("`via: 1.1 front` names a server") && page.contains("say --behind-proxy"), "{page}");
    assert!(!asked(&["--behind-proxy"]).contains("names a server"), "it is said already");
}

#[test]
fn another_site_or_bundle_is_one_sentence() {
    let (runtime, bundle) = (tokio::runtime::Runtime::new().unwrap(), Bundle::write());
    let nothing = canned("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let run = gatecheck(&["run", &nothing, "--bundle", &bundle.file]);
    is_stopped(&run, &["deploy the folder `site` of this bundle at the root"]);
    let run = gatecheck(&["run", &nothing, "--suite", "role/denial"]);
    is_stopped(&run, &["deploy the site of `role/denial` at the root"]);
    let limited =
        canned("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    is_stopped(&gatecheck(&["run", &limited, "--bundle", &bundle.file]), &["ask more slowly with --rate"]);
    let moved = canned(
        "HTTP/1.1 301 Moved\r\nLocation: https://www.gate.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    is_stopped(&gatecheck(&["run", &moved, "--bundle", &bundle.file]), &["write `https://www.gate.example`"]);
    let other = Manifest { corpus_digest: "0".repeat(64), ..bundle.manifest.clone() };
    std::fs::write(bundle.site.join(MARKER_FILE.trim_start_matches('/')), other.marker()).unwrap();
    // The gate may read its files when it starts.
    let url = serve(&runtime, &bundle, Odd::default());
    let run = gatecheck(&["run", &url, "--bundle", &bundle.file]);
    is_stopped(&run, &["a bundle of another corpus", "deploy this bundle afresh"]);
}
