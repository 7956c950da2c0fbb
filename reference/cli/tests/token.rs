//! `rolegate token`, and keys from a file or a URL, as a person meets them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rolegate::{RolePath, Time};
use rolegate_check::inspect::Inspection;

use common::site;

const SECRET: &str = "a long secret that stands in no message";

/// Seconds since the epoch.
fn now() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_secs()
}

fn rolegate(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("rolegate");
    command.args(arguments).env_remove("JWT_SECRET").env_remove("RUST_LOG").env("NO_COLOR", "1").env("COLUMNS", "100");
    command.timeout(std::time::Duration::from_secs(30));
    command
}

fn said(command: &mut assert_cmd::Command) -> String {
    let output = command.output().expect("it runs");
    format!(
        "exit status: {}\n--- stdout ---\n{}--- stderr ---\n{}",
        output.status.code().expect("a status"),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key")
}

/// An EdDSA token with this header and these claims.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(pair().sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn key_set() -> String {
    let x = URL_SAFE_NO_PAD.encode(pair().public_key().as_ref());
    format!(
        r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"one","x":"{x}"}},{{"kty":"oct","kid":"two","k":"AQAB"}}]}}"#
    )
}

/// Serves one answer to whoever asks on loopback, as long as the test lasts.
fn serve(status: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/jwks.json", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn inspect_says_what_stands_in_a_token() {
    let at = Time::from_seconds(1_700_000_000);
    let text = |token: &str| Inspection::new(token, &RolePath::default(), at).text();
    let made = |header: &str, claims: &str| signed(header, claims);
    let mut all = String::new();
    for (title, token) in [
        (
            "a token that is valid for an hour",
            made(
                r#"{"alg":"HS256","typ":"JWT"}"#,
                r#"{"sub":"visitor-1","iat":1700000000,"exp":1700003600,"app_metadata":{"authorization":{"roles":["admin","editor"]}}}"#,
            ),
        ),
        (
            "one of an identity service, expired, copied with its cookie name",
            "nf_jwt=".to_owned()
                + &made(
                    r#"{"alg":"HS256","kid":"nf-ident","typ":"JWT"}"#,
                    r#"{"exp":1699989200,"sub":"a","email":"a@b.example","app_metadata":{"provider":"email","roles":["admin"]}}"#,
                ),
        ),
        (
            "one with everything wrong",
            made(
                r#"{"alg":"none","crit":["x"],"jwk":{}}"#,
                r#"{"exp":"tomorrow","nbf":1800000000,"name":"\u001b[2J\u202e","https://x.example/roles":["admin"]}"#,
            ),
        ),
        ("milliseconds, and a public key", made(r#"{"alg":"RS256","typ":"at+jwt"}"#, r#"{"exp":1700003600000}"#)),
        ("no token", "hello".to_owned()),
        ("nothing", String::new()),
        ("an encrypted one", "eyJhbGciOiJkaXIifQ..AA.AA.AA".to_owned()),
        ("a part twice", "eyJhIjoxLCJhIjoxfQ.W10.".to_owned()),
    ] {
        all.push_str(&format!("==== {title}\n{}\n", text(&token)));
    }
    assert!(!all.chars().any(|c| c.is_control() && c != '\n'), "a control character reaches the terminal");
    insta::assert_snapshot!("token_inspect", all);
}

#[test]
fn inspect_reads_standard_input() {
    let token = signed(r#"{"alg":"HS256","typ":"JWT"}"#, "{}");
    let said = said(rolegate(&["token", "inspect"]).write_stdin(format!("{token}\n")));
    assert!(said.starts_with("exit status: 0") && said.contains("HS256"), "{said}");
}

#[test]
fn a_new_token_is_taken_and_never_shows_its_secret() {
    let new = |arguments: &[&str]| {
        let output = rolegate(&[&["token", "new"], arguments].concat()).env("JWT_SECRET", SECRET).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let verify = |token: &str, arguments: &[&str]| {
        said(rolegate(&[&["token", "verify", token], arguments].concat()).env("JWT_SECRET", SECRET))
    };
    let token = new(&["--role", "admin", "--role", "x y", "--claim", "sub=me", "--claim", "n=1"]);
    let answer = verify(&token, &[]);
    assert!(answer.starts_with("exit status: 0\n--- stdout ---\nvalid: roles `admin`, `x y`; until "), "{answer}");
    assert!(!answer.contains(SECRET));

    let endless = new(&["--role", "admin", "--no-exp"]);
    assert!(verify(&endless, &[]).contains("not valid: the token has no expiration time\nhelp: "));
    assert!(verify(&endless, &["--accept-missing-exp"]).contains("valid: role `admin`; without an end"));

    let cookie = new(&["--role", "admin", "--cookie", "--expires", "15m"]);
    let (set, curl) = cookie.split_once('\n').expect("two lines");
    assert!(set.starts_with("Set-Cookie: nf_jwt=") && set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=900"));
    assert!(curl.starts_with("curl --cookie 'nf_jwt="));

    let piped = rolegate(&["token", "new", "--secret-stdin"]).write_stdin(format!("{SECRET}\n")).output().unwrap();
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert!(verify(piped.trim_end(), &[]).contains("valid: no role at"));
}

#[test]
fn what_new_and_verify_refuse() {
    let wrong = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA";
    let mut all = String::new();
    for arguments in [
        ["token", "new", "--role", "admin"].as_slice(),
        &["token", "new", "--expires", "soon"],
        &["token", "new", "--claim", "x"],
        &["token", "verify", wrong],
        &["token", "verify", "--public-key", "/nowhere/key.pem", wrong],
        &["token", "verify", "--jwks", "http://keys.example/", wrong],
        &["token", "verify", "--provider", "auth0", wrong],
        &["token", "verify", "--public-key", "a", "--secret-env", "B", wrong],
    ] {
        all.push_str(&format!("$ rolegate {}\n{}\n", arguments.join(" "), said(&mut rolegate(arguments))));
    }
    for token in [wrong, "hello", "a.b.c", ""] {
        let answer = said(rolegate(&["token", "verify"]).env("JWT_SECRET", SECRET).write_stdin(token));
        all.push_str(&format!("$ rolegate token verify <<< '{token}'\n{answer}\n"));
    }
    insta::assert_snapshot!("token_refused", all);
}

#[test]
fn keys_of_a_url() {
    let claims = format!(r#"{{"exp":{},"app_metadata":{{"authorization":{{"roles":["admin"]}}}}}}"#, now() + 3600);
    let verify = |url: &str, header: &str| {
        said(&mut rolegate(&["token", "verify", "--jwks", url, &signed(header, &claims)])).replace(url, "URL")
    };
    let url = serve("200 OK", key_set());
    let answer = verify(&url, r#"{"alg":"EdDSA","typ":"JWT","kid":"one"}"#);
    assert!(answer.contains("valid: role `admin`; until ") && answer.starts_with("exit status: 0"), "{answer}");
    let mut all = String::new();
    for header in [r#"{"alg":"EdDSA","typ":"JWT","kid":"two"}"#, r#"{"alg":"HS256","typ":"JWT","kid":"one"}"#] {
        all.push_str(&format!("==== {header}\n{}\n", verify(&url, header)));
    }
    for (status, body) in [
        ("200 OK", "<html>log in first</html>".to_owned()),
        ("200 OK", r#"{"keys":[{"kty":"oct","kid":"one","k":"AQAB"}]}"#.to_owned()),
        ("200 OK", format!(r#"{{"keys":[],"more":"{}"}}"#, "a".repeat(300 * 1024))),
        ("302 Found", String::new()),
        ("503 Service Unavailable", String::new()),
    ] {
        let shown: String = body.chars().take(60).collect();
        all.push_str(&format!("==== {status} {shown}\n{}\n", verify(&serve(status, body), r#"{"alg":"EdDSA"}"#)));
    }
    insta::assert_snapshot!("token_keys_of_a_url", all);
}

#[test]
fn serve_takes_public_keys_from_a_file_and_a_url() {
    let folder = site(&[
        ("_redirects", "/members/* /members/:splat 200! Role=admin\n/members/* /login 302\n"),
        ("members/home.html", "the members' page"),
        ("login.html", "please log in"),
    ]);
    let keys = folder.path().join(".keys.json");
    std::fs::write(&keys, key_set()).unwrap();
    let claims = format!(r#"{{"exp":{},"app_metadata":{{"authorization":{{"roles":["admin"]}}}}}}"#, now() + 3600);
    let good = signed(r#"{"alg":"EdDSA","typ":"JWT","kid":"one"}"#, &claims);
    let secret = URL_SAFE_NO_PAD.decode("AQAB").unwrap();
    let confused = common::sign_parts(
        &URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT","kid":"two"}"#),
        claims.as_bytes(),
        &secret,
    );
    for source in [keys.display().to_string(), serve("200 OK", key_set())] {
        let mut gate = Command::new(assert_cmd::cargo::cargo_bin!("rolegate"))
            .args(["serve", folder.path().to_str().unwrap(), "--port", "0", "--jwks", &source])
            .env_remove("JWT_SECRET")
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(gate.stdout.take().unwrap()), &mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("the address").to_owned();
        let ask = |token: &str| {
            let mut stream = std::net::TcpStream::connect(&address).unwrap();
            write!(
                stream,
                "GET /members/home HTTP/1.1\r\nHost: a\r\nCookie: nf_jwt={token}\r\nConnection: close\r\n\r\n"
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        assert!(ask(&good).contains("the members' page"), "{source}");
        assert!(ask(&confused).starts_with("HTTP/1.1 302"), "{source}");
        gate.kill().unwrap();
        gate.wait().unwrap();
    }
}
