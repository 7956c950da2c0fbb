//! How tokens are verified, by each command that does.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::Row;
use crate::common::{sign, site, token, token_by};
use crate::gate::{Gate, file, name, said};

const COMMANDS: &str = "serve, explain, token verify";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

pub const ROWS: &[Row] = &[
    (COMMANDS, "--provider", |command| {
        let token = claims(json!({ "exp": soon(), "app_metadata": { "roles": ["admin"] } }));
        opens(command, &[], &["--provider", "identity"], &token);
    }),
    (COMMANDS, "--domain", |command| {
        let token = claims(json!({ "exp": soon(), "iss": "https://t.example/", "aud": "a", "r": ["admin"] }));
        let auth0 = ["--provider", "auth0", "--audience", "a", "--role-path", "r", "--secret-env", "JWT_SECRET"];
        opens(command, &auth0, &["--domain", "t.example"], &token);
    }),
    (COMMANDS, "--secret-env", |command| {
        opens(command, &[], &["--secret-env", "PATH"], &by(&std::env::var("PATH").unwrap()))
    }),
    (COMMANDS, "--secret-file", |command| {
        let (_folder, file) = file("another secret\n");
        opens(command, &[], &["--secret-file", &file], &by("another secret"));
    }),
    (COMMANDS, "--public-key", |command| {
        let pair = pair();
        let (_folder, file) = file(pem(&pair));
        opens(command, &[], &["--public-key", &file], &signed(&pair));
    }),
    (COMMANDS, "--jwks", |command| {
        let pair = pair();
        let (_folder, file) = file(key_set(&pair));
        opens(command, &[], &["--jwks", &file], &signed(&pair));
    }),
    (COMMANDS, "--algorithm", |command| {
        let pair = pair();
        let (_folder, file) = file(key_set(&pair));
        shuts(command, &["--jwks", &file], &["--algorithm", "ES384"], &signed(&pair));
        assert!(admits(command, &["--jwks", &file, "--algorithm", "ES256"], &signed(&pair)));
    }),
    (COMMANDS, "--audience", |command| shuts(command, &[], &["--audience", "a"], &token(&["admin"]))),
    (COMMANDS, "--issuer", |command| shuts(command, &[], &["--issuer", "me"], &token(&["admin"]))),
    (COMMANDS, "--role-path", |command| {
        opens(command, &[], &["--role-path", "r"], &claims(json!({ "exp": soon(), "r": ["admin"] })));
    }),
    (COMMANDS, "--leeway", |command| {
        let mut late = roles();
        late["exp"] = (soon() - 3600 - 60).into();
        opens(command, &[], &["--leeway", "300"], &claims(late));
    }),
    (COMMANDS, "--accept-missing-exp", |command| opens(command, &[], &["--accept-missing-exp"], &claims(roles()))),
    (COMMANDS, "--accept-missing-typ", |command| {
        let mut claims = roles();
        claims["exp"] = soon().into();
        opens(command, &[], &["--accept-missing-typ"], &sign(r#"{"alg":"HS256"}"#, &claims.to_string()));
    }),
];

/// The token lets its bearer in with the option, and not without.
fn opens(command: &str, always: &[&str], option: &[&str], token: &str) {
    assert!(!admits(command, always, token), "{command} without {option:?}");
    assert!(admits(command, &[always, option].concat(), token), "{command} with {option:?}");
}

/// The token lets its bearer in without the option, and not with it.
fn shuts(command: &str, always: &[&str], option: &[&str], token: &str) {
    assert!(admits(command, always, token), "{command} without {option:?}");
    assert!(!admits(command, &[always, option].concat(), token), "{command} with {option:?}");
}

/// Whether whoever brings the token gets what is there for the role `admin`.
fn admits(command: &str, options: &[&str], token: &str) -> bool {
    let folder = site(&[("_redirects", "/members/* /members/:splat 200! Role=admin\n"), ("members/index.html", "in")]);
    match command {
        "serve" => Gate::try_start(folder.path(), options).is_ok_and(|gate| {
            let answer = gate.get("/members/", &[("Cookie", &format!("nf_jwt={token}"))]);
            (answer.status, answer.body.as_str()) == (200, "in")
        }),
        "explain" => {
            let (_, said) =
                said(&[&["explain", name(&folder), "/members/", "--json", "--token", token], options].concat());
            said.contains(r#""status":200"#)
        }
        _ => {
            let (status, said) = said(&[&["token", "verify", token], options].concat());
            (status, said.contains("role `admin`")) == (0, true)
        }
    }
}

fn soon() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_secs() + 3600
}

fn roles() -> Value {
    json!({ "app_metadata": { "authorization": { "roles": ["admin"] } } })
}

fn claims(claims: Value) -> String {
    sign(HEADER, &claims.to_string())
}

fn by(secret: &str) -> String {
    token_by(secret, "admin")
}

fn pair() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")
}

fn signed(pair: &EcdsaKeyPair) -> String {
    let mut claims = roles();
    claims["exp"] = soon().into();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn key_set(pair: &EcdsaKeyPair) -> String {
    // An uncompressed point: 4, then both coordinates.
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": x, "y": y }] }).to_string()
}

fn pem(pair: &EcdsaKeyPair) -> String {
    // RFC 5480: the head of a SubjectPublicKeyInfo for P-256, then the point.
    let head = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let text = base64::engine::general_purpose::STANDARD.encode([&head, pair.public_key().as_ref()].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}
