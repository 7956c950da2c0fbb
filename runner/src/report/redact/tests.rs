#![allow(clippy::string_slice, reason = "a test that cannot go on should stop with a message")]

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::*;
use crate::wire::Client;

const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE4OTM0NTYwMDAsImFwcF9tZXRhZGF0YSI6eyJhdXRob3JpemF0aW9uIjp7InJvbGVzIjpbImFkbWluIl19fX0.QmRzqXk2Vn8LwTzYp4Hj0aFcEs6UdIo1KxGb3MtWvN8";
const SECRET: &str = "c0nf0rm4nc3-S3cr3t/of+32=byt3s+a7b2c9!";

fn exchange(token: &str) -> Exchange {
    Exchange {
        sent: Sent {
            method: "GET".to_owned(),
            target: b"/".to_vec(),
            host: b"gate.example".to_vec(),
            headers: vec![("Cookie".to_owned(), format!("nf_jwt={token}").into_bytes())],
            body: Vec::new(),
            raw: None,
            responses: 1,
            byte_exact: false,
            linger: Duration::ZERO,
        },
        client: Client::Plain,
        answer: Answer::Closed(Vec::new()),
        started: SystemTime::UNIX_EPOCH,
        elapsed: Duration::ZERO,
    }
}

fn redactor() -> Redactor {
    Redactor::knowing(SECRET, Some(&exchange(TOKEN)), false)
}

fn each(text: &str, write: impl Fn(u8) -> String, between: &str) -> String {
    text.bytes().map(write).collect::<Vec<_>>().join(between)
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn bits(text: &[u8], width: usize, alphabet: &[u8]) -> String {
    let bits: Vec<u8> = text.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digit =
        |bits: &[u8]| bits.iter().chain([&0; 8]).take(width).fold(0_usize, |value, bit| value << 1 | usize::from(*bit));
    bits.chunks(width).map(|bits| char::from(alphabet[digit(bits)])).collect()
}

/// Ways in which a text comes back, each so that somebody can undo it.
fn ways(text: &str) -> Vec<(&'static str, String)> {
    let hex = each(text, |byte| format!("{byte:02x}"), "");
    let base64 = BASE64_STANDARD.encode(text);
    let base32 = bits(text.as_bytes(), 5, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    let half = text.len() / 2;
    vec![
        ("reversed", reversed(text)),
        ("hexadecimal", hex.clone()),
        ("hexadecimal, upper case", hex.to_uppercase()),
        ("hexadecimal, spaced", each(text, |byte| format!("{byte:02x}"), " ")),
        ("hexadecimal, colons", each(text, |byte| format!("{byte:02X}"), ":")),
        ("hexadecimal, 0x", each(text, |byte| format!("0x{byte:02x}"), ", ")),
        ("hexadecimal, reversed", reversed(&hex)),
        ("a part in hexadecimal", each(&text[3..20], |byte| format!("{byte:02x}"), "")),
        ("hexadecimal, behind a digit", format!("f{hex}")),
        (
            "a dump",
            each(text, |byte| format!("{byte:02x}"), " ")
                .as_bytes()
                .chunks(48)
                .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()))
                .collect(),
        ),
        ("base64", base64.clone()),
        ("base64url", BASE64_URL_SAFE_NO_PAD.encode(text)),
        ("base64, one further", BASE64_STANDARD.encode(format!("x{text}"))),
        ("base64, two further", BASE64_STANDARD.encode(format!("xy{text}"))),
        ("base64 of a part", BASE64_STANDARD.encode(&text[2..30])),
        ("base64 twice", BASE64_STANDARD.encode(&base64)),
        ("base64 of hexadecimal", BASE64_STANDARD.encode(&hex)),
        ("hexadecimal of base64", each(&base64, |byte| format!("{byte:02x}"), "")),
        (
            "base64 in lines",
            base64.as_bytes().chunks(76).map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap())).collect(),
        ),
        ("base64, reversed", reversed(&base64)),
        ("base64 of it reversed", BASE64_STANDARD.encode(reversed(text))),
        ("base32", base32.clone()),
        ("base32, lower case", base32.to_lowercase()),
        ("percent", each(text, |byte| format!("%{byte:02X}"), "")),
        ("percent, twice", each(text, |byte| format!("%25{byte:02x}"), "")),
        ("percent, three times", each(text, |byte| format!("%2525{byte:02x}"), "")),
        (
            "percent, here and there",
            text.bytes()
                .enumerate()
                .map(|(at, byte)| if at % 5 == 0 { format!("%{byte:02x}") } else { char::from(byte).to_string() })
                .collect(),
        ),
        ("percent u", each(text, |byte| format!("%u00{byte:02x}"), "")),
        ("base64 of percent", BASE64_STANDARD.encode(each(text, |byte| format!("%{byte:02X}"), ""))),
        ("decimal entities", each(text, |byte| format!("&#{byte};"), "")),
        ("hexadecimal entities", each(text, |byte| format!("&#x{byte:x};"), "")),
        ("entities without their end", each(text, |byte| format!("&#{byte:04}"), " ")),
        ("entities, escaped", each(text, |byte| format!("&amp;#{byte};"), "")),
        ("JSON escapes", each(text, |byte| format!("\\u{byte:04x}"), "")),
        ("JSON escapes in JSON", each(text, |byte| format!("\\\\u{byte:04X}"), "")),
        ("braces", each(text, |byte| format!("\\u{{{byte:x}}}"), "")),
        ("C escapes", each(text, |byte| format!("\\x{byte:02x}"), "")),
        ("octal escapes", each(text, |byte| format!("\\{byte:03o}"), "")),
        ("CSS escapes", each(text, |byte| format!("\\{byte:x} "), "")),
        ("quoted-printable", each(text, |byte| format!("={byte:02X}"), "")),
        ("code points", each(text, |byte| format!("U+{byte:04X}"), " ")),
        ("a list of numbers", format!("[{}]", each(text, |byte| byte.to_string(), ","))),
        ("octal numbers", each(text, |byte| format!("{byte:03o}"), " ")),
        ("binary numbers", each(text, |byte| format!("{byte:08b}"), " ")),
        ("spaced", each(text, |byte| char::from(byte).to_string(), " ")),
        ("a line for each character", each(text, |byte| char::from(byte).to_string(), "\n")),
        ("dashes", each(text, |byte| char::from(byte).to_string(), "-")),
        ("zero-width spaces", each(text, |byte| char::from(byte).to_string(), "\u{200b}")),
        ("quoted characters", format!("['{}']", each(text, |byte| char::from(byte).to_string(), "', '"))),
        ("tags", each(text, |byte| format!("<b>{}</b>", char::from(byte)), "")),
        ("colours", each(text, |byte| format!("\u{1b}[3{}m{}", byte % 8, char::from(byte)), "")),
        ("entities between", each(text, |byte| char::from(byte).to_string(), "&shy;")),
        ("UTF-16", each(text, |byte| char::from(byte).to_string(), "\0")),
        ("base64 of UTF-16", BASE64_STANDARD.encode(each(text, |byte| char::from(byte).to_string(), "\0"))),
        (
            "chunks",
            text.as_bytes()
                .chunks(5)
                .map(|chunk| format!("5\r\n{}\r\n", std::str::from_utf8(chunk).unwrap()))
                .collect(),
        ),
        (
            "lines",
            text.as_bytes().chunks(8).map(|chunk| format!("{}\r\n ", std::str::from_utf8(chunk).unwrap())).collect(),
        ),
        ("upper case", text.to_uppercase()),
        ("lower case", text.to_lowercase()),
        (
            "swapped case",
            text.chars()
                .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect(),
        ),
        ("cut in front", text[1..].to_owned()),
        ("cut at the end", text[..text.len() - 1].to_owned()),
        ("cut in the middle", format!("{}{}", &text[..half], &text[half + 1..])),
        ("another character in the middle", format!("{}~{}", &text[..half], &text[half + 1..])),
        ("two halves", format!("{} and then {}", &text[..half], &text[half..])),
        (
            "moved by thirteen",
            text.chars()
                .map(|c| match c {
                    'a'..='m' | 'A'..='M' => char::from(c as u8 + 13),
                    'n'..='z' | 'N'..='Z' => char::from(c as u8 - 13),
                    c => c,
                })
                .collect(),
        ),
        ("base64 of gzip", BASE64_STANDARD.encode(gzip(text))),
    ]
}

/// Whether `text` has nothing left that an attacker could put together.
fn holds_part(shown: &str, way: &str) -> bool {
    way.as_bytes().windows(24).any(|part| memchr::memmem::find(shown.as_bytes(), part).is_some())
}

#[test]
fn what_is_made_of_a_token_or_the_secret_is_replaced() {
    let redactor = redactor();
    let signature = TOKEN.rsplit('.').next().unwrap();
    let mut kept = Vec::new();
    for (what, text) in [("token", TOKEN), ("signature", signature), ("secret", SECRET)] {
        for (way, made) in ways(text) {
            for around in ["", "You sent ", "<p title=\"x\">Hello, \u{e9}t\u{e9}: ", "{\"a\": 1, \"token\": \""] {
                let shown = redactor.bytes(format!("{around}{made}\" and more").as_bytes());
                let shown = String::from_utf8_lossy(&shown).into_owned();
                if !shown.starts_with(around) || !shown.contains(" more") {
                    kept.push(format!("{what}, {way}: too much is gone from {around:?}: {shown}"));
                }
                if holds_part(&shown, &made)
                    || !shown.contains("<token>") && !shown.contains("<secret>") && !shown.contains("<signature>")
                {
                    kept.push(format!("{what}, {way}: {shown}"));
                }
            }
        }
    }
    assert!(kept.is_empty(), "{}\n{}", kept.len(), kept.join("\n"));
}

#[test]
fn the_bytes_of_a_signature_and_compressed_texts_are_found() {
    let redactor = redactor();
    let raw = BASE64_URL_SAFE_NO_PAD.decode(TOKEN.rsplit('.').next().unwrap()).unwrap();
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = raw.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    for text in [
        raw.clone(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
        reversed(&hex).into_bytes(),
        list.into_bytes(),
    ] {
        assert!(redactor.finds(&text), "{}", String::from_utf8_lossy(&text));
    }
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(TOKEN.as_bytes()).unwrap();
    for text in [gzip(TOKEN), zlib.finish().unwrap(), gzip(&reversed(SECRET)), [b"PK: ", &gzip(TOKEN)[..]].concat()] {
        assert!(redactor.finds(&text));
    }
    assert!(!redactor.finds(&gzip("an ordinary page, and nothing else in it")));
    // A coded body is left out whole, and so is what came on the wire of it.
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut format!("you sent {TOKEN}").as_bytes(), &mut brotli, &Default::default()).unwrap();
    let wire = [b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n", &brotli[..]].concat();
    let headers = vec![("content-encoding".to_owned(), b"br".to_vec())];
    let response = Response { status: 200, headers, body: brotli.clone(), wire, ..Response::default() };
    let shown = redactor.answer(&Answer::Response(Box::new(response)));
    assert_eq!(shown.response().unwrap().body, b"<a coded body with a secret in it>");
    assert!(
        shown.bytes().starts_with(b"HTTP/1.1 200 OK\r\n")
            && memchr::memmem::find(shown.bytes(), &brotli[..20]).is_none()
    );
}

#[test]
fn a_token_of_somebody_else_is_known_by_its_looks() {
    let redactor = Redactor::new(false);
    for (way, made) in ways(TOKEN) {
        let shape = [
            "hexadecimal",
            "base64",
            "percent",
            "decimal entities",
            "JSON escapes",
            "a list of numbers",
            "reversed",
            "base64 of gzip",
        ];
        if shape.contains(&way) {
            assert!(redactor.finds(made.as_bytes()), "{way}");
        }
    }
}

#[test]
fn ordinary_texts_stay_as_they_are() {
    let redactor = redactor();
    let digest = "sha256-47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU= e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let page = "<!doctype html><html><body><h1>Members</h1><p>gatecheck-canary-0123456789abcdef0123456789abcdef</p>"
        .repeat(300);
    let own = "app_metadata.authorization.roles says admin; {\"alg\":\"HS256\",\"typ\":\"JWT\"} is a header, and HS256 a signature";
    let lists = (0..400).map(|number: u32| (number % 256).to_string()).collect::<Vec<_>>().join(", ");
    let picture = BASE64_STANDARD.encode(
        (0..9000_u32).map(|at| u8::try_from(at.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect::<Vec<_>>(),
    );
    let filling = "a".repeat(70_000);
    for text in [
        "",
        "a",
        "status 302, Location `/login?from=/members/home`",
        digest,
        &page,
        own,
        &lists,
        &picture,
        &filling,
        "%41%42 &amp; \\u0041 =41 \\n",
    ] {
        assert_eq!(String::from_utf8(redactor.bytes(text.as_bytes())).unwrap(), text);
    }
}

#[test]
fn a_token_between_two_parts_of_a_long_text_is_found() {
    let redactor = redactor();
    for before in [PART - 100, PART - OVERLAP, PART - OVERLAP - 50, 2 * (PART - OVERLAP) - 40] {
        let text = format!("{} {} {}", "b".repeat(before), reversed(TOKEN), "c".repeat(1000));
        let shown = redactor.bytes(text.as_bytes());
        assert!(!holds_part(&String::from_utf8(shown).unwrap(), &reversed(TOKEN)), "{before}");
    }
}

#[test]
fn whoever_asks_for_secrets_gets_the_bytes() {
    let redactor = Redactor::knowing(SECRET, Some(&exchange(TOKEN)), true);
    for (_, made) in ways(TOKEN) {
        assert_eq!(redactor.bytes(made.as_bytes()), made.as_bytes());
    }
}

#[test]
fn hostile_texts_cost_a_bounded_time() {
    let redactor = redactor();
    // Each is read in many ways at once; there is no clock here, but without a bound this test would not end.
    for unit in ["%25", "&amp;", "\\\\", "41", "x\u{9c}", "H4sI", "\x1f\u{8b}\x08", "0x", "<a", "QUFB", "1 "] {
        let text = unit.repeat((PART + 5000) / unit.len());
        assert!(!redactor.bytes(text.as_bytes()).is_empty());
    }
}
