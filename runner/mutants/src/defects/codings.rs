//! Content codings: which one a client gets, and what an answer says about it (HTTP-10, NOLEAK-2).

use std::io::Write as _;

use Defect::Reply;
use flate2::Compression;
use flate2::write::GzEncoder;
use gatecheck::wire::coding::decoded;
use rolegate::decide::Decision;

use crate::scene::{Reply as Answer, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "coding/none",
        "HTTP-10.compressed",
        "nothing is compressed",
        Reply(|scene, decision, reply| {
            if reply.header("content-encoding").is_some()
                && let Some(plain) = plain(scene, decision)
            {
                reply.drop("content-encoding");
                fill(scene, reply, plain);
            }
        }),
    ),
    Mutant::new("coding/always-gzip", "HTTP-10", "a text is compressed whatever the client accepts", Reply(gzip)),
    Mutant::new(
        "coding/refusal-ignored",
        "HTTP-10",
        "a coding is taken for accepted where its name stands, whatever weight it has",
        Reply(|scene, decision, reply| {
            if accepts(scene).contains("gzip;q=0,") {
                gzip(scene, decision, reply);
            }
        }),
    ),
    Mutant::new(
        "coding/weights-ignored",
        "HTTP-10",
        "a coding is used although the client likes the plain text better",
        Reply(|scene, decision, reply| {
            if accepts(scene).contains("gzip;q=0.5") {
                gzip(scene, decision, reply);
            }
        }),
    ),
    Mutant::new(
        "coding/star-accepts-all",
        "HTTP-10",
        "a `*` accepts every coding, whatever weight it has",
        Reply(|scene, decision, reply| {
            if accepts(scene).contains("*;q=0") && !decision.denied {
                gzip(scene, decision, reply);
            }
        }),
    ),
    Mutant::new(
        "coding/empty-accepts-all",
        "HTTP-10",
        "an empty `Accept-Encoding` accepts every coding",
        Reply(|scene, decision, reply| {
            if scene.asked.header("accept-encoding").any(|value| value.trim_ascii().is_empty()) {
                gzip(scene, decision, reply);
            }
        }),
    ),
    Mutant::new(
        "coding/any-field-accepts-all",
        "HTTP-10",
        "whoever sends `Accept-Encoding` accepts gzip",
        Reply(|scene, decision, reply| {
            if matches!(accepts(scene).as_str(), "identity" | "x-unknown") {
                gzip(scene, decision, reply);
            }
        }),
    ),
    Mutant::new(
        "coding/brotli-for-gzip",
        "HTTP-10",
        "whoever accepts gzip gets Brotli",
        Reply(|scene, decision, reply| {
            if reply.header("content-encoding").as_deref() == Some("gzip")
                && let Some(plain) = plain(scene, decision)
            {
                let mut coded = Vec::new();
                let written = brotli::BrotliCompress(
                    &mut plain.as_slice(),
                    &mut coded,
                    &brotli::enc::BrotliEncoderParams::default(),
                );
                if written.is_ok() {
                    reply.set("content-encoding", "br");
                    fill(scene, reply, coded);
                }
            }
        }),
    ),
    Mutant::new(
        "coding/not-said",
        "HTTP-10",
        "a coded answer goes without `Content-Encoding`",
        Reply(|_, _, reply| reply.drop("content-encoding")),
    ),
    Mutant::new(
        "coding/coded-without-vary",
        "HTTP-10",
        "a coded answer does not say that it varies with what the client accepts",
        Reply(|_, _, reply| {
            if reply.header("content-encoding").is_some() {
                leave_out_of_vary(reply, "accept-encoding");
            }
        }),
    ),
    Mutant::new(
        "coding/plain-without-vary",
        "HTTP-10",
        "the plain form of a file that is there in a coding does not say that it varies",
        Reply(|_, _, reply| {
            if reply.header("content-encoding").is_none() {
                leave_out_of_vary(reply, "accept-encoding");
            }
        }),
    ),
    Mutant::new(
        "coding/coded-without-cookie-in-vary",
        "HTTP-10",
        "a coded page behind a role varies with the coding alone",
        Reply(|_, _, reply| {
            if reply.header("content-encoding").is_some() {
                leave_out_of_vary(reply, "cookie");
            }
        }),
    ),
    Mutant::new(
        "coding/coded-is-public",
        "HTTP-10",
        "a coded page may be stored for everybody, behind a role too",
        Reply(|_, _, reply| {
            if reply.header("content-encoding").is_some() {
                reply.set("cache-control", "public, max-age=600");
            }
        }),
    ),
    Mutant::new(
        "coding/length-of-the-plain-file",
        "HTTP-10",
        "HEAD tells the length of the plain file for a coded answer",
        Reply(|scene, decision, reply| {
            if scene.asked.method == "HEAD"
                && reply.header("content-encoding").is_some()
                && let Some(plain) = plain(scene, decision)
            {
                reply.set("content-length", plain.len().to_string());
            }
        }),
    ),
    Mutant::new(
        "coding/head-is-plain",
        "HTTP-10",
        "HEAD is answered as if the client accepted no coding",
        Reply(|scene, decision, reply| {
            if scene.asked.method == "HEAD"
                && reply.header("content-encoding").is_some()
                && let Some(plain) = plain(scene, decision)
            {
                reply.drop("content-encoding");
                reply.set("content-length", plain.len().to_string());
            }
        }),
    ),
    Mutant::new(
        "coding/range-of-the-coded-file",
        "HTTP-10",
        "a range is cut out of the coded file, and nothing says so",
        Reply(|scene, decision, reply| {
            if let (206, Some(coded)) = (reply.status, plain(scene, decision).and_then(|plain| gzipped(&plain))) {
                let length = reply.body.len();
                reply.body = coded.into_iter().cycle().take(length).collect();
            }
        }),
    ),
    Mutant::new(
        "coding/file-beside-is-a-coding",
        "HTTP-10",
        "a file `x.gz` is sent as a coding of `x` without a look at what it is",
        Reply(|scene, decision, reply| {
            let beside = decision.outcome.file().map(|file| format!("{file}.gz"));
            if let Some(bytes) = beside.filter(|_| accepts(scene).contains("gzip")).and_then(|name| scene.read(&name))
                && reply.status == 200
            {
                reply.set("content-encoding", "gzip");
                fill(scene, reply, bytes);
            }
        }),
    ),
    Mutant::new(
        "coding/negotiated-before-the-gate",
        "NOLEAK-2",
        "a visitor who accepts no coding of the protected file gets a 406 in the place of the denial",
        Reply(|scene, decision, reply| {
            let accepted = accepts(scene);
            if decision.denied && (accepted.contains("identity;q=0") || accepted == "*;q=0") {
                *reply = Answer::text(406, "Not acceptable\n");
            }
        }),
    ),
    Mutant::new(
        "coding/denial-in-a-coding",
        "NOLEAK-2",
        "a denial is in a coding where the protected file would be",
        Reply(|scene, decision, reply| {
            if decision.denied && accepts(scene).contains("gzip") {
                let coded = gzipped(&reply.body).unwrap_or_default();
                reply.set("content-encoding", "gzip");
                fill(scene, reply, coded);
            }
        }),
    ),
    Mutant::new(
        "coding/brotli-before-the-gate",
        "NOLEAK-2",
        "a visitor who accepts Brotli is let through to the coded file",
        Reply(|scene, decision, reply| {
            if decision.denied && accepts(scene) == "br" {
                reply.set("content-encoding", "br");
            }
        }),
    ),
];

/// What the client accepts, in lower case.
fn accepts(scene: &Scene<'_>) -> String {
    scene.asked.text("accept-encoding").unwrap_or_default().trim().to_ascii_lowercase()
}

/// The bytes of the file that is answered.
fn plain(scene: &Scene<'_>, decision: &Decision) -> Option<Vec<u8>> {
    scene.read(decision.outcome.file()?)
}

/// Sends a text of some length in gzip.
fn gzip(scene: &Scene<'_>, decision: &Decision, reply: &mut Answer) {
    let is_text = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/"));
    let own = reply.header("content-encoding").unwrap_or_default();
    let body = decoded(&own, &reply.body).unwrap_or_else(|| reply.body.clone());
    let is_long = plain(scene, decision).is_some_and(|plain| plain.len() > 1024 && plain == body);
    if let Some(coded) = gzipped(&body).filter(|_| is_text && is_long && reply.status == 200) {
        reply.set("content-encoding", "gzip");
        fill(scene, reply, coded);
    }
}

fn gzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Puts in a body, or its length alone where none is asked for.
fn fill(scene: &Scene<'_>, reply: &mut Answer, body: Vec<u8>) {
    reply.fill(body);
    if scene.asked.method == "HEAD" {
        reply.body.clear();
    }
}

fn leave_out_of_vary(reply: &mut Answer, name: &str) {
    if let Some(vary) = reply.header("vary") {
        let rest: Vec<&str> =
            vary.split(',').map(str::trim).filter(|other| !other.eq_ignore_ascii_case(name)).collect();
        if rest.is_empty() { reply.drop("vary") } else { reply.set("vary", rest.join(", ")) }
    }
}
