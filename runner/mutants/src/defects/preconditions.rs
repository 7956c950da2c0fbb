//! Conditional and range requests, for those who may see the file (HTTP-2) and those who may not (NOLEAK-2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::scene::{Asked, Reply as Answer, Scene};
use crate::{Defect, Mutant};

use Defect::{Reply, Request};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "precondition/known-before-the-gate",
        "NOLEAK-2",
        "`If-None-Match: *` tells a denied visitor that the file exists",
        Reply(|scene, decision, reply| {
            if decision.denied
                && scene.asked.text("if-none-match").as_deref() == Some("*")
                && scene.own_file().is_some()
            {
                *reply = Answer { status: 304, ..Answer::default() };
            }
        }),
    ),
    Mutant::new(
        "precondition/failed-before-the-gate",
        "NOLEAK-2",
        "a denied visitor gets 412 for a condition on the file",
        Reply(|scene, decision, reply| {
            if decision.denied
                && scene.asked.text("if-match").is_some_and(|tag| tag != "*")
                && scene.own_file().is_some()
            {
                *reply = Answer::text(412, "Precondition failed\n");
            }
        }),
    ),
    Mutant::new(
        "precondition/date-before-the-gate",
        "NOLEAK-2",
        "`If-Modified-Since` tells a denied visitor when the file changed",
        Reply(|scene, decision, reply| {
            if decision.denied && scene.asked.text("if-modified-since").is_some() && scene.own_file().is_some() {
                *reply = Answer { status: 304, ..Answer::default() };
            }
        }),
    ),
    Mutant::new(
        "precondition/tag-on-a-denial",
        "NOLEAK-2",
        "a denial carries the `ETag` of the file that it hides",
        Reply(|scene, decision, reply| {
            if let (true, Some(body)) = (decision.denied, hidden(scene)) {
                let digest = Sha256::digest(&body);
                reply.set("etag", format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default())));
            }
        }),
    ),
    Mutant::new(
        "precondition/date-on-a-denial",
        "NOLEAK-2",
        "a denial carries the `Last-Modified` of the file that it hides",
        Reply(|scene, decision, reply| {
            let path = scene.own_file().map(|file| scene.ground.site.folder().join(file.trim_start_matches('/')));
            let modified = path.and_then(|path| path.metadata().ok()).and_then(|metadata| metadata.modified().ok());
            if let (true, Some(modified)) = (decision.denied, modified) {
                reply.set("last-modified", httpdate::fmt_http_date(modified));
            }
        }),
    ),
    Mutant::new(
        "precondition/length-on-a-denial",
        "NOLEAK-2",
        "HEAD tells a denied visitor the length of the file",
        Reply(|scene, decision, reply| {
            if let (true, "HEAD", Some(body)) = (decision.denied, scene.asked.method.as_str(), hidden(scene)) {
                reply.set("content-length", body.len().to_string());
            }
        }),
    ),
    Mutant::new(
        "range/before-the-gate",
        "NOLEAK-2",
        "a denied visitor gets a part of the file",
        Reply(|scene, decision, reply| {
            if let (true, Some(_), Some(body)) = (decision.denied, scene.asked.text("range"), hidden(scene)) {
                let part = body.get(..body.len().min(400)).unwrap_or_default().to_vec();
                *reply = Answer { status: 206, ..Answer::default() };
                reply.set("content-range", format!("bytes 0-{}/{}", part.len().saturating_sub(1), body.len()));
                reply.fill(part);
            }
        }),
    ),
    Mutant::new(
        "range/length-before-the-gate",
        "NOLEAK-2",
        "a range beyond the end tells a denied visitor the length of the file",
        Reply(|scene, decision, reply| {
            if let (true, Some(_), Some(body)) = (decision.denied, scene.asked.text("range"), hidden(scene)) {
                *reply = Answer::text(416, "No such range\n");
                reply.set("content-range", format!("bytes */{}", body.len()));
            }
        }),
    ),
    Mutant::new(
        "precondition/ignored",
        "HTTP-2",
        "`If-None-Match` is ignored",
        Request(|asked| without(asked, &["if-none-match"])),
    ),
    Mutant::new(
        "precondition/if-match-ignored",
        "HTTP-2",
        "`If-Match` is ignored",
        Request(|asked| without(asked, &["if-match"])),
    ),
    Mutant::new(
        "precondition/date-before-tag",
        "HTTP-2",
        "a date counts although a tag is given",
        Request(|asked| {
            if asked.text("if-modified-since").is_some() {
                without(asked, &["if-none-match"]);
            }
        }),
    ),
    Mutant::new(
        "precondition/any-tag-is-known",
        "HTTP-2",
        "every `If-None-Match` says that the file is known",
        Reply(|scene, _, reply| {
            if reply.status == 200 && scene.asked.text("if-none-match").is_some() {
                *reply = Answer { status: 304, ..Answer::default() };
            }
        }),
    ),
    Mutant::new(
        "precondition/any-date-is-known",
        "HTTP-2",
        "every `If-Modified-Since` says that the file is known",
        Reply(|scene, _, reply| {
            if reply.status == 200 && scene.asked.text("if-modified-since").is_some() {
                *reply = Answer { status: 304, ..Answer::default() };
            }
        }),
    ),
    Mutant::new(
        "precondition/odd-date-is-400",
        "HTTP-2",
        "a date that cannot be read is answered with 400",
        Reply(|scene, decision, reply| {
            let odd =
                scene.asked.text("if-modified-since").is_some_and(|date| httpdate::parse_http_date(&date).is_err());
            if odd && !decision.denied {
                *reply = Answer::text(400, "Bad date\n");
            }
        }),
    ),
    Mutant::new(
        "precondition/on-a-redirect",
        "HTTP-2",
        "a condition is evaluated although the answer is a redirect",
        Reply(|scene, _, reply| {
            if (300..400).contains(&reply.status) && scene.asked.text("if-none-match").is_some() {
                *reply = Answer { status: 304, ..Answer::default() };
            }
        }),
    ),
    Mutant::new(
        "precondition/304-with-a-body",
        "HTTP-2",
        "a 304 has a body",
        Reply(|_, _, reply| {
            if reply.status == 304 {
                reply.status = 200;
                reply.fill(Vec::new());
            }
        }),
    ),
    Mutant::new(
        "range/one-octet-short",
        "HTTP-2",
        "a range comes without its last byte",
        Reply(|_, _, reply| {
            if reply.status == 206 {
                let mut body = reply.body.clone();
                body.pop();
                reply.fill(body);
            }
        }),
    ),
    Mutant::new(
        "range/with-status-200",
        "HTTP-2",
        "a part of a file is sent with the status 200",
        Reply(|_, _, reply| {
            if reply.status == 206 {
                reply.status = 200;
                reply.drop("content-range");
            }
        }),
    ),
    Mutant::new(
        "range/suffix-read-as-a-prefix",
        "HTTP-2",
        "`bytes=-5` is read as the first bytes",
        Request(|asked| {
            for (_, value) in asked.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("range")) {
                let text = String::from_utf8_lossy(value).into_owned();
                if let Some(count) = text.strip_prefix("bytes=-").and_then(|count| count.parse::<u64>().ok()) {
                    *value = format!("bytes=0-{}", count.saturating_sub(1)).into_bytes();
                }
            }
        }),
    ),
    Mutant::new(
        "range/without-regard-to-if-range",
        "HTTP-2",
        "`If-Range` is ignored",
        Request(|asked| without(asked, &["if-range"])),
    ),
    Mutant::new(
        "range/beyond-the-end-is-500",
        "HTTP-2",
        "a range beyond the end of a file is answered with 500",
        Reply(|_, _, reply| {
            if reply.status == 416 {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "range/malformed-is-416",
        "HTTP-2",
        "a `Range` that cannot be read is answered with 416",
        Reply(|scene, _, reply| {
            let odd = scene.asked.text("range").is_some_and(|range| {
                !range.starts_with("bytes=")
                    || range.contains(|c: char| c.is_ascii_alphabetic() && !"bytes".contains(c))
            });
            if odd && reply.status == 200 {
                *reply = Answer::text(416, "No such range\n");
            }
        }),
    ),
];

/// The bytes of the file that a denial hides.
fn hidden(scene: &Scene<'_>) -> Option<Vec<u8>> {
    scene.own_file().and_then(|file| scene.read(&file))
}

fn without(asked: &mut Asked, names: &[&str]) {
    asked.headers.retain(|(name, _)| !names.iter().any(|other| name.eq_ignore_ascii_case(other)));
}
