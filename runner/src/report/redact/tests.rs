#![allow(clippy::string_slice, reason = "a test that cannot go on should stop with a message")]

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::*;
use crate::wire::Client;

const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE4OTM0NTYwMDAsImFwcF9tZXRhZGF0YSI6eyJhdXRob3JpemF0aW9uIjp7InJvbGVzIjpbImFkbWluIl19fX0.QmRzqXk2Vn8LwTzYp4Hj0aFcEs6UdIo1KxGb3MtWvN8";
pub(super) const SECRET: &str = "c0nf0rm4nc3-S3cr3t/of+32=byt3s+a7b2c9!";

pub(super) fn exchange(token: &str) -> Exchange {
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

pub(super) fn each(text: &str, write: impl Fn(u8) -> String, between: &str) -> String {
    text.bytes().map(write).collect::<Vec<_>>().join(between)
}

pub(super) fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

pub(super) fn bits(text: &[u8], width: usize, alphabet: &[u8]) -> String {
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

/// Four bytes as five digits; fewer at the end are so many digits and one.
fn base85(text: &str, alphabet: &[u8]) -> String {
    let group = |bytes: &[u8]| {
        let number = bytes.iter().chain([&0; 4]).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let digits = [4, 3, 2, 1, 0].map(|power| char::from(alphabet[(number / 85_u32.pow(power) % 85) as usize]));
        digits.iter().take(bytes.len() + 1).collect::<String>()
    };
    text.as_bytes().chunks(4).map(group).collect()
}

fn uuencode(text: &str) -> String {
    let alphabet: Vec<u8> = (b' '..=b'_').map(|digit| if digit == b' ' { b'`' } else { digit }).collect();
    let line = |bytes: &[u8]| {
        let whole = [bytes, &[0; 2][..(3 - bytes.len() % 3) % 3]].concat();
        format!("{}{}\n", char::from(alphabet[bytes.len()]), bits(&whole, 6, &alphabet))
    };
    let lines: String = text.as_bytes().chunks(45).map(line).collect();
    format!("begin 644 x\n{lines}`\nend\n")
}

/// The digits of a text, as one number, in another base.
fn in_base(text: &str, digits: &[u8]) -> String {
    let mut number = text.as_bytes().to_vec();
    let mut out = Vec::new();
    while number.iter().any(|byte| *byte != 0) {
        let rest = number.iter_mut().fold(0_usize, |rest, byte| {
            let value = rest << 8 | usize::from(*byte);
            *byte = u8::try_from(value / digits.len()).unwrap();
            value % digits.len()
        });
        out.push(digits[rest]);
    }
    out.reverse();
    String::from_utf8(out).unwrap()
}

/// Every letter and digit of ASCII as the one of these characters that is as far from theirs.
fn moved(text: &str, upper: u32, lower: u32, digit: u32) -> String {
    let to = |base: u32, at: u8| char::from_u32(base + u32::from(at)).unwrap();
    let one = |c: u8| match c {
        b'A'..=b'Z' => to(upper, c - b'A'),
        b'a'..=b'z' => to(lower, c - b'a'),
        b'0'..=b'9' => to(digit, c - b'0'),
        c => char::from(c),
    };
    text.bytes().map(one).collect()
}

fn caesar(text: &str, by: u8) -> String {
    let turned = |c: u8, first: u8| char::from((c - first + by) % 26 + first);
    let one = |c: u8| match c {
        b'a'..=b'z' => turned(c, b'a'),
        b'A'..=b'Z' => turned(c, b'A'),
        c => char::from(c),
    };
    text.bytes().map(one).collect()
}

fn deflate(text: &str) -> Vec<u8> {
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    deflate.write_all(text.as_bytes()).unwrap();
    deflate.finish().unwrap()
}

/// Ways that no reading undoes, and some that one does.
fn odd_ways(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut text.as_bytes(), &mut brotli, &Default::default()).unwrap();
    let all = |first: u8, last: u8| (first..=last).collect::<Vec<u8>>();
    let url = &[&all(b'0', b'9')[..], &all(b'a', b'z'), &all(b'A', b'Z')].concat();
    let z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let rfc1924 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let soft_lines = text.as_bytes().chunks(9).map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>();
    let texts = [
        ("base64 of deflate", BASE64_STANDARD.encode(deflate(text))),
        ("base64 of brotli", BASE64_STANDARD.encode(&brotli)),
        ("ascii85", base85(text, &all(b'!', b'u'))),
        ("ascii85 in its brackets", format!("<~{}~>", base85(text, &all(b'!', b'u')))),
        ("z85", base85(text, z85)),
        ("base85 of RFC 1924", base85(text, rfc1924)),
        ("percent of base85", each(&base85(text, rfc1924), |byte| format!("%{byte:02X}"), "")),
        ("uuencode", uuencode(text)),
        ("base62", in_base(text, url)),
        ("base58", in_base(text, b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")),
        ("base36", in_base(text, &url[..36])),
        ("base45", in_base(text, b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")),
        ("moved by three", caesar(text, 3)),
        ("moved by twenty, in lower case", caesar(&text.to_lowercase(), 20)),
        ("moved by three, in lines of eight", {
            let moved = caesar(text, 3);
            moved.as_bytes().chunks(8).map(|part| String::from_utf8_lossy(part) + "\n").collect()
        }),
        (
            "the other end of the alphabet",
            text.bytes()
                .map(|c| {
                    char::from(if c.is_ascii_lowercase() {
                        219 - c
                    } else if c.is_ascii_uppercase() {
                        155 - c
                    } else {
                        c
                    })
                })
                .collect(),
        ),
        ("moved by 47", text.bytes().map(|c| char::from((c - 33 + 47) % 94 + 33)).collect()),
        ("full-width", moved(text, 0xff21, 0xff41, 0xff10)),
        ("bold", moved(text, 0x1d400, 0x1d41a, 0x1d7ce)),
        ("in circles", moved(text, 0x24b6, 0x24d0, 0x30)),
        ("with accents", each(text, |byte| format!("{}\u{301}", char::from(byte)), "")),
        ("quoted-printable", soft_lines.join("=\r\n")),
        ("UTF-16 as hexadecimal", text.bytes().map(|byte| format!("00{byte:02x}")).collect()),
        ("UTF-16 as hexadecimal, the other way round", text.bytes().map(|byte| format!("{byte:02X}00")).collect()),
        ("percent, six times", each(text, |byte| format!("%2525252525{byte:02x}"), "")),
    ];
    let mut all: Vec<(&str, Vec<u8>)> = texts.map(|(way, made)| (way, made.into_bytes())).into();
    all.push(("deflate", deflate(text)));
    all.push(("brotli", brotli));
    all.push(("every bit turned", text.bytes().map(|byte| !byte).collect()));
    all
}

#[test]
fn what_a_token_may_have_been_made_into_does_not_stay_in_an_answer() {
    let redactor = redactor();
    let signature = TOKEN.rsplit('.').next().unwrap();
    let mut kept = Vec::new();
    for (what, text) in [("token", TOKEN), ("signature", signature)] {
        for (way, made) in odd_ways(text) {
            for around in ["", "You have sent this: ", "<p title=\"x\">Hello, \u{e9}t\u{e9}: "] {
                let shown = redactor.answered(&[around.as_bytes(), &made, b" and more"].concat());
                let is_left = made.windows(24).any(|part| memchr::memmem::find(&shown, part).is_some());
                // Some characters beside it may be taken for part of it.
                let before = around.get(..around.len() / 3).unwrap_or_default();
                if is_left || !shown.starts_with(before.as_bytes()) || !shown.ends_with(b"ore") {
                    kept.push(format!("{what}, {way}: {}", String::from_utf8_lossy(&shown)));
                }
            }
        }
    }
    assert!(kept.is_empty(), "{}\n{}", kept.len(), kept.join("\n"));
}

/// Whoever the token is of: signatures are bytes by chance, and the net has to hold for nearly all of them.
#[test]
fn hardly_any_signature_slips_through() {
    use sha2::{Digest as _, Sha256};
    let (mut slipped, mut asked) = (Vec::new(), 0_usize);
    for seed in 0..24_u8 {
        let signature = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest([seed]));
        let body = TOKEN.rsplit_once('.').unwrap().0;
        let redactor = Redactor::knowing(SECRET, Some(&exchange(&format!("{body}.{signature}"))), false);
        for (way, made) in odd_ways(&signature) {
            asked += 1;
            let shown = redactor.answered(&[b"<p>", &made[..], b"</p> and more"].concat());
            if made.windows(24).any(|part| memchr::memmem::find(&shown, part).is_some()) {
                slipped.push(format!("{way}: {}", String::from_utf8_lossy(&shown)));
            }
        }
    }
    assert!(slipped.len() * 50 <= asked, "{} of {asked}\n{}", slipped.len(), slipped.join("\n"));
}

#[test]
fn an_answer_can_be_read() {
    let redactor = redactor();
    let page = "<!doctype html>\n<meta charset=\"utf-8\">\n<link rel=\"stylesheet\" href=\"/assets/css/site.min.css?v=12\">\n<script src=\"https://cdn.example.com/lib/3.2.1/x.js\"></script>\n<p>canary-0123456789abcdef0123456789abcdef</p>\n<p>Protected: only a visitor whom the gate admits may see this.</p>\n<a href=\"/members/home?from=%2Fmembers%2F&amp;lang=en-GB\">Back</a> 2026-11-30T12:16:01.123Z 3f2504e0-4f89-11d3-9a0c-0305e82c3301";
    let head = "HTTP/1.1 302 Found\r\nContent-Type: text/html; charset=UTF-8\r\nCache-Control: private, no-store, max-age=0\r\nDate: Mon, 30 Nov 2026 12:16:01 GMT\r\nETag: W/\"5f3c-18c9a7d2b40\"\r\nStrict-Transport-Security: max-age=31536000; includeSubDomains\r\nLocation: https://gate.example/login?next=%2Fmembers%2Fhome%3Fa%3D1\r\n\r\n";
    let json = "{\"error\":\"invalid_token\",\"error_description\":\"the token is expired (401)\",\"roles\":[\"admin\"],\"exp\":1893456000}";
    let script = "document.querySelector('.menu').addEventListener('click',function(e){e.preventDefault();this.classList.toggle('open')});";
    for text in [page, head, json, script, "status 302, Location `/login?from=/members/home`"] {
        assert_eq!(String::from_utf8(redactor.answered(text.as_bytes())).unwrap(), text);
    }
    // What was asked for is told as it came back, whatever it looks like.
    let mut odd = exchange(TOKEN);
    odd.sent.target = b"/x9Kq2;Zv7.Jw3,Qp8!Xc5~Lb4?Tn6".to_vec();
    let redactor = Redactor::knowing(SECRET, Some(&odd), false);
    assert_eq!(redactor.answered(b"no x9Kq2;Zv7.Jw3,Qp8!Xc5~Lb4?Tn6 here"), b"no x9Kq2;Zv7.Jw3,Qp8!Xc5~Lb4?Tn6 here");
    // Whoever sent no token can have none back.
    let nobody = Redactor::knowing(SECRET, Some(&exchange("")), false);
    let digest = b"sha256-47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert_eq!(nobody.answered(digest), digest);
}

#[test]
fn a_glance_tells_what_the_redactor_tells() {
    let (known, other) = (redactor(), Redactor::knowing("another-s3cr3t-0f-s0me-length", None, false));
    let mut glances = Glances::default();
    let signature = TOKEN.rsplit('.').next().unwrap();
    let odd = [signature, SECRET].map(odd_ways).into_iter().flatten();
    let odd = odd.map(|(_, made)| String::from_utf8_lossy(&made).into_owned());
    let usual = [signature, SECRET, &TOKEN[..60]].map(ways).into_iter().flatten().map(|(_, made)| made);
    for text in odd.chain(usual) {
        let text = format!("status 302, Location `/login?{text}`");
        // Whoever looks first decides nothing for the others.
        for redactor in [&other, &known, &other] {
            assert_eq!(glances.text(redactor, &text), redactor.text(&text));
            assert_eq!(glances.quoted(redactor, &text), redactor.quoted(&text));
        }
    }
    let text = "`denied` (status 302, Location `/login`)";
    assert!(glances.glance(&known, text).is_some(), "it is not gone through for each secret");
    assert_eq!(glances.text(&known, text), text);
}

#[test]
fn what_is_too_much_is_left_out() {
    let redactor = redactor();
    // Behind more beginnings than anybody tries, or more than is made of one.
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(reversed(TOKEN).as_bytes()).unwrap();
    let behind = [&b"x\x9c ".repeat(110)[..], &zlib.finish().unwrap()].concat();
    assert!(redactor.bytes(&behind).ends_with(UNREAD.as_bytes()));
    let long = gzip(&format!("{}{TOKEN}", "not a thing. ".repeat(100_000)));
    assert_eq!(redactor.bytes(&long), UNREAD.as_bytes());
    // More readings than there is time for.
    let much = format!("{}{}", "%2541 &amp;lt; \\\\u0041 ".repeat(3000), BASE64_STANDARD.encode(gzip(TOKEN)));
    let shown = redactor.bytes(much.as_bytes());
    assert!(!holds_part(&String::from_utf8(shown).unwrap(), &BASE64_STANDARD.encode(gzip(TOKEN))));
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
