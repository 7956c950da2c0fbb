//! What the benches share: rule lists of any size, a site, and the tokens of a visitor.
#![forbid(unsafe_code)]

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rolegate::site::MemorySite;
use sha2::Sha256;

/// The secret of every bench, of the length that RFC 7518 §3.2 asks for.
pub const SECRET: &[u8] = b"a secret for benches, 32 octets.";

/// The time of every bench, in seconds since 1970.
pub const NOW: u32 = 1_800_000_000;

/// A rule file of `count` rules, the last two of which gate `/members/*`; the ones before are for other paths.
#[must_use]
pub fn rules(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count.saturating_sub(2) {
        let _ = writeln!(text, "/archive/{}/page-{number} /news/{number} 301", 1990 + number % 30);
    }
    text.push_str("/members/* /members/:splat 200! Role=admin\n/members/* /login 302\n");
    text
}

/// A rule file of `count` rules for other hosts, and the two of [`rules`] behind them.
#[must_use]
pub fn hosts(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count.saturating_sub(2) {
        let _ = writeln!(text, "https://old-{number}.example/* https://www.example/:splat 301");
    }
    text.push_str("/members/* /members/:splat 200! Role=admin\n/members/* /login 302\n");
    text
}

/// A rule file of `count` rules for other query parameters of the gated path, and the two of [`rules`] behind them.
#[must_use]
pub fn queries(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count.saturating_sub(2) {
        let _ = writeln!(text, "/members/home id={number} /news/{number} 301");
    }
    text.push_str("/members/* /members/:splat 200! Role=admin\n/members/* /login 302\n");
    text
}

/// A small site with a file behind the gate.
#[must_use]
pub fn site() -> MemorySite {
    MemorySite::new(["/index.html", "/login.html", "/members/home.html", "/404.html"])
}

/// The `Cookie` line of a visitor with the role `admin`, with a token as an identity provider makes them, valid until `exp`.
///
/// # Errors
/// None: every secret is a key of HMAC.
pub fn cookie(exp: u64) -> Result<String, hmac::digest::InvalidLength> {
    let payload = format!(
        r#"{{"exp":{exp},"sub":"0b6a4f6e-1f0a-4c0e-9d5b-6d0c3f2a1b7e","email":"someone@gated.example","app_metadata":{{"provider":"email","authorization":{{"roles":["admin"]}}}},"user_metadata":{{"full_name":"Some One"}}}}"#
    );
    let message =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#), URL_SAFE_NO_PAD.encode(payload));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET)?.chain_update(&message).finalize();
    Ok(format!("nf_jwt={message}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes())))
}

/// A rule file of `lines` lines, as sites have them: pages that moved, a few gates, a comment now and then.
#[must_use]
pub fn rule_file(lines: usize) -> String {
    let mut text = String::new();
    for line in 0..lines {
        // Writing to a text cannot fail.
        let _ = match line % 10 {
            0 => writeln!(text, "# section {line}"),
            1 => writeln!(text, "/members/{line}/* /members/{line}/:splat 200! Role=admin,editor-{line}"),
            2 => writeln!(text, "/members/{line}/* /login 302"),
            3 => writeln!(text, "/news/:year/:slug/{line} /archive/{line}/:year/:slug 301"),
            4 => writeln!(text, "/shop id=:id page={line} /products/{line}/:id 301!"),
            5 => writeln!(text, "/de/seite-{line}/%C3%BCber /de/ueber/{line} 302 Language=de Country=de,at"),
            6 => writeln!(text, "/old/path/to/page-{line}.html\t/new/path/to/page-{line}\t301"),
            _ => writeln!(text, "/blog/{line} /posts/an-article-with-a-name-{line}"),
        };
    }
    text
}
