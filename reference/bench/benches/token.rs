//! What a token costs: from the cookie lines to the roles, with a signature that is checked and one that is remembered.
#![allow(missing_docs, clippy::expect_used, reason = "a bench that cannot start may panic")]

use std::hint::black_box;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rolegate::mint;
use rolegate::{Keys, Secret, Time, TokenSettings};
use rolegate_keys::Algorithms;
use rolegate_server::key_ring::RememberingKeys;
use serde_json::{Map, Value, json};

const SECRET: &[u8] = b"a secret of more than thirty-two octets";

/// What an identity service writes.
fn claims() -> Map<String, Value> {
    let claims = json!({
        "sub": "8d3e5b0e-6f0a-4f1c-9d2a-1a2b3c4d5e6f", "aud": "https://example.com/", "iss": "https://issuer.example/",
        "iat": 1_700_000_000, "exp": 1_700_003_600, "email": "someone@example.com",
        "app_metadata": { "provider": "email", "authorization": { "roles": ["admin", "editor"] } },
        "user_metadata": { "full_name": "Some One" },
    });
    claims.as_object().cloned().expect("an object")
}

fn token(algorithm: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let header = json!({ "alg": algorithm, "typ": "JWT", "kid": "2026-01" }).to_string();
    let message =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(Value::Object(claims()).to_string()));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

fn tokens(c: &mut Criterion) {
    let (now, settings) = (Time::from_seconds(1_700_000_001), TokenSettings::default());
    let mut group = c.benchmark_group("token");

    let keys = RememberingKeys::from(Keys::hs256(SECRET).expect("a secret"));
    let hs256 = mint(&Secret::new(SECRET).expect("a secret"), &claims());
    let cookie = format!("theme=dark; nf_jwt={hs256}; session=0123456789abcdef");
    group.bench_function("no token", |b| {
        b.iter(|| keys.identify([black_box(&b"theme=dark"[..])], &settings, now));
    });
    group.bench_function("HS256, seen for the first time", |b| {
        let check = |keys: RememberingKeys| keys.verify(black_box(hs256.as_bytes()), &settings, now).expect("valid");
        b.iter_batched(|| RememberingKeys::from(Keys::hs256(SECRET).expect("a secret")), check, BatchSize::SmallInput);
    });
    group.bench_function("HS256, remembered", |b| {
        b.iter(|| keys.verify(black_box(hs256.as_bytes()), &settings, now).expect("valid"));
    });
    group.bench_function("HS256, cookie to roles", |b| {
        b.iter(|| keys.identify([black_box(cookie.as_bytes())], &settings, now));
    });
    group.bench_function("HS256, another's signature", |b| {
        let other = Keys::hs256(b"another secret of more than thirty-two octets").expect("a secret");
        let other = RememberingKeys::from(other);
        b.iter(|| other.verify(black_box(hs256.as_bytes()), &settings, now).expect_err("refused"));
    });

    let random = SystemRandom::new();
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let ed25519 = Ed25519KeyPair::generate().expect("a key");
    let es256 = token("ES256", |message| p256.sign(&random, message).expect("a signature").as_ref().to_vec());
    let eddsa = token("EdDSA", |message| ed25519.sign(message).as_ref().to_vec());
    let rs256 = token("RS256", |message| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
        signature
    });
    for (name, token, key) in [
        ("RS256", rs256, pem(rsa.public_key().as_der().expect("DER").as_ref())),
        ("ES256", es256, pem(p256.public_key().as_der().expect("DER").as_ref())),
        ("EdDSA", eddsa, pem(ed25519.public_key().as_der().expect("DER").as_ref())),
    ] {
        let read = || rolegate_keys::from_pem(key.as_bytes(), &Algorithms::default()).expect("a key");
        let fresh = || RememberingKeys::from(read());
        group.bench_function(format!("{name}, seen for the first time"), |b| {
            let check =
                |keys: RememberingKeys| keys.verify(black_box(token.as_bytes()), &settings, now).expect("valid");
            b.iter_batched(fresh, check, BatchSize::SmallInput);
        });
        group.bench_function(format!("{name}, remembered"), |b| {
            let keys = fresh();
            b.iter(|| keys.verify(black_box(token.as_bytes()), &settings, now).expect("valid"));
        });
    }
    group.finish();
}

criterion_group!(benches, tokens);
criterion_main!(benches);
