//! HOST-2, COND-3: whom the server believes about a visitor.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::sync::Arc;

use rolegate::edge::{CountrySource, Edge, Forwarding};
use rolegate_server::geoip::{Database, DatabaseError};

use common::{Running, mmdb, site};

const RULES: &str = "\
/where               /germany   200!  Country=de
/where               /elsewhere 200!
https://a.example/*  /secure    200!
http://a.example/*   /plain     200!
/*                   /other     200!
";

fn folder() -> tempfile::TempDir {
    site(&[
        ("_redirects", RULES),
        ("germany.html", "germany"),
        ("elsewhere.html", "elsewhere"),
        ("secure.html", "secure"),
        ("plain.html", "plain"),
        ("other.html", "other"),
    ])
}

fn edge(trusted: &str, country: CountrySource) -> Edge {
    Edge { trusted: vec![trusted.parse().unwrap()], forwarding: Forwarding::XForwarded, country, ports: Vec::new() }
}

#[test]
fn fields_count_from_a_trusted_proxy_alone() {
    let folder = folder();
    let header = || CountrySource::Header("x-country".to_owned());
    let said = [("X-Country", "de"), ("X-Forwarded-Host", "a.example"), ("X-Forwarded-Proto", "https")];
    let believed = Running::with_edge(folder.path(), edge("127.0.0.1", header()));
    assert_eq!(believed.get("/where", &[("X-Country", "de")]).body, "germany");
    assert_eq!(believed.get("/where", &[("X-Country", "fr")]).body, "elsewhere");
    assert_eq!(believed.get("/x", &said).body, "secure");
    assert_eq!(believed.get("/x", &said[..2]).body, "plain");
    assert_eq!(believed.get("/x", &[("X-Forwarded-Proto", "gopher")]).status, 400);

    for settings in [Edge::default(), edge("192.0.2.0/24", header())] {
        let stranger = Running::with_edge(folder.path(), settings);
        assert_eq!(stranger.get("/where", &said).body, "elsewhere");
        assert_eq!(stranger.get("/x", &said).body, "other");
        assert_eq!(stranger.get("/x", &[("X-Forwarded-Proto", "gopher")]).status, 200);
    }
}

#[test]
fn countries_from_a_database() {
    let folder = folder();
    let bytes = mmdb::countries(&[("192.0.2.0/24", "DE"), ("198.51.100.0/24", "FR"), ("2001:db8::/32", "DE")]);
    let database = || CountrySource::Database(Arc::new(Database::from_bytes(bytes.clone()).unwrap()));
    let proxied = Running::with_edge(folder.path(), edge("127.0.0.1", database()));
    for (address, shown) in [
        ("192.0.2.7", "germany"),
        ("192.0.2.7:4711", "germany"),
        ("[2001:db8::7]:4711", "germany"),
        ("::ffff:192.0.2.7", "germany"),
        ("198.51.100.7", "elsewhere"),
        ("203.0.113.7", "elsewhere"),
        ("192.0.2.7, 198.51.100.7", "elsewhere"),
        ("198.51.100.7, 192.0.2.7", "germany"),
        ("192.0.2.7, unknown", "elsewhere"),
    ] {
        assert_eq!(proxied.get("/where", &[("X-Forwarded-For", address)]).body, shown, "{address}");
    }
    assert_eq!(proxied.get("/where", &[]).body, "elsewhere", "a proxy that does not say whom it speaks for");

    let local = mmdb::countries(&[("127.0.0.0/8", "DE")]);
    let source = CountrySource::Database(Arc::new(Database::from_bytes(local).unwrap()));
    let direct = Running::with_edge(folder.path(), Edge { country: source, ..Edge::default() });
    assert_eq!(direct.get("/where", &[]).body, "germany", "the address of the connection");
    assert_eq!(direct.get("/where", &[("X-Forwarded-For", "203.0.113.7")]).body, "germany");
}

#[test]
fn what_is_no_database_of_countries() {
    let countries = mmdb::countries(&[("192.0.2.0/24", "DE")]);
    assert!(matches!(Database::from_bytes(b"no database".to_vec()), Err(DatabaseError::Format(_))));
    assert!(matches!(Database::from_bytes(countries[..40].to_vec()), Err(DatabaseError::Format(_))));
    let other = mmdb::without_countries(&[("192.0.2.0/24", "Example")]);
    assert!(matches!(Database::from_bytes(other), Err(DatabaseError::NoCountries(kind)) if kind == "Test-ASN"));
    let nowhere = std::path::Path::new("/nowhere/countries.mmdb");
    assert!(matches!(Database::open(nowhere), Err(DatabaseError::Io(_))));
}

#[test]
fn what_the_command_line_says_about_mistakes() {
    let folder = folder();
    common::write(folder.path(), "countries.mmdb", "no database");
    let site = folder.path().to_str().unwrap();
    let database = format!("{site}/countries.mmdb");
    let mut all = String::new();
    for options in [
        ["--trusted-proxy", "0.0.0.0/0"].as_slice(),
        &["--trusted-proxy", "10.1.2.3/8"],
        &["--trusted-proxy", "proxy.example"],
        &["--country-header", "X-Country"],
        &["--trusted-proxy", "10.0.0.1", "--country-header", "X Country"],
        &["--geoip", &database],
        &["--geoip", "/nowhere/countries.mmdb"],
        &["--debug-page", "debug"],
        &["--debug-page-for", "10.0.0.0/8"],
    ] {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("rolegate");
        command
            .args(["serve", site, "--port", "0"])
            .args(options)
            .env("NO_COLOR", "1")
            .env("JWT_SECRET", common::SECRET);
        let output = command.timeout(std::time::Duration::from_secs(30)).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        let said = String::from_utf8_lossy(&output.stderr).replace(site, "SITE");
        let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("WARNING: ") && !line.is_empty()).collect();
        all.push_str(&format!("$ {}\n{}\n\n", options.join(" ").replace(site, "SITE"), said.join("\n")));
    }
    insta::assert_snapshot!("mistakes", all);
}

#[cfg(unix)]
#[test]
fn countries_and_the_debug_page_from_the_command_line() {
    use std::io::{BufRead, BufReader, Read, Write};

    let folder = folder();
    let file = folder.path().join("countries.mmdb");
    std::fs::write(&file, mmdb::countries(&[("127.0.0.0/8", "DE")])).unwrap();
    let mut gate = std::process::Command::new(assert_cmd::cargo::cargo_bin!("rolegate"))
        .args(["serve", folder.path().to_str().unwrap(), "--port", "0", "--debug-page", "/__gate/debug", "--geoip"])
        .arg(&file)
        .env("RUST_LOG", "off")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(gate.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").expect("the address").to_owned();
    let get = |path: &str| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let (country, page) = (get("/where"), get("/__gate/debug?path=/where"));
    gate.kill().unwrap();
    let mut said = String::new();
    gate.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    gate.wait().unwrap();
    assert!(country.ends_with("germany"), "{country}");
    assert!(page.contains("200 rewrite, showing /germany.html"), "{page}");
    assert!(said.contains(&format!("WARNING: the debug page http://{address}/__gate/debug shows")), "{said}");
}
