//! Two servers read one path or query in two ways (FRONT-1, FRONT-3), or two parts of one server do (NOLEAK-1).

use std::collections::BTreeMap;

use Defect::Decide;
use rolegate::decide::{Decision, Outcome};
use rolegate::path::RequestPath;
use rolegate::visitor::Visitor;
use url::form_urlencoded;

use super::paths::{OPAQUE, reads};
use crate::scene::Scene;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "path/slashes-merged-before-dots-by-files",
        "NOLEAK-1",
        "files merge `//` before they resolve `..`, and rules do not",
        Decide(|scene, visitor| reads(scene, visitor, |path| path.contains("//"), str::to_owned, merged)),
    ),
    Mutant::new(
        "path/slashes-merged-before-dots-by-rules",
        "NOLEAK-1",
        "rules merge `//` before they resolve `..`, and files do not",
        Decide(|scene, visitor| reads(scene, visitor, |path| path.contains("//"), merged, str::to_owned)),
    ),
    Mutant::new(
        "path/host-behind-two-slashes-dropped-by-files",
        "NOLEAK-1",
        "files take what stands behind two slashes at the start for a host, rules for a name",
        Decide(|scene, visitor| {
            reads(
                scene,
                visitor,
                |path| path.starts_with("//"),
                |path| path.replacen("//", &format!("/{OPAQUE}/"), 1),
                |path| {
                    let behind = path.trim_start_matches('/').split_once('/').map_or("", |(_, rest)| rest);
                    format!("/{behind}")
                },
            )
        }),
    ),
    Mutant::new(
        "path/files-end-at-an-escaped-delimiter",
        "NOLEAK-1",
        "files read the decoded path again, and end it at a `?` or `#` that was escaped",
        Decide(|scene, visitor| {
            let marks = ["%3F", "%3f", "%23"];
            reads(
                scene,
                visitor,
                |path| marks.iter().any(|mark| path.contains(mark)),
                |path| marks.iter().fold(path.to_owned(), |path, mark| path.replace(mark, OPAQUE)),
                |path| {
                    let end = marks.iter().filter_map(|mark| path.find(mark)).min();
                    path.get(..end.unwrap_or(path.len())).unwrap_or(path).to_owned()
                },
            )
        }),
    ),
    Mutant::new(
        "proxy/path-as-it-was-sent",
        "PROXY-1",
        "the rule is matched in one spelling, and what the `*` stands for is forwarded in the one that was sent",
        Decide(|scene, visitor| {
            let written = scene.path().map(|path| path.encoded()).unwrap_or_default();
            let sent = String::from_utf8_lossy(scene.asked.split().0).into_owned();
            let asked = scene.asked.with_path(|_| written.clone()).unwrap_or_else(|| scene.asked.clone());
            edited(scene.decide_at(&asked, visitor), |url| url.replace(&written, &sent))
        }),
    ),
    Mutant::new(
        "front/slashes-merged-before-dots-when-forwarded",
        "FRONT-1",
        "for the rules `..` takes away an empty name, and what is forwarded has its slashes merged first",
        Decide(|scene, visitor| {
            let written = scene.path().map(|path| path.encoded()).unwrap_or_default();
            let sent = String::from_utf8_lossy(scene.asked.split().0).into_owned();
            let read_again = RequestPath::parse(merged(&sent).as_bytes()).map(|path| path.encoded()).unwrap_or(sent);
            let asked = scene.asked.with_path(|_| written.clone()).unwrap_or_else(|| scene.asked.clone());
            edited(scene.decide_at(&asked, visitor), |url| url.replace(&written, &read_again))
        }),
    ),
    Mutant::new(
        "front/parameters-forwarded",
        "FRONT-1",
        "a `;` and what follows it is forwarded as a part of the name, which the server behind the rule drops",
        Decide(|scene, visitor| forwarded(scene, visitor, &[(";", "_1_"), ("%3B", "_2_")])),
    ),
    Mutant::new(
        "front/escapes-of-escapes-forwarded",
        "FRONT-1",
        "an escape of an escape is forwarded, which the server behind the rule decodes twice",
        Decide(|scene, visitor| forwarded(scene, visitor, &[("%25", "_1_")])),
    ),
    Mutant::new(
        "front/parameters-of-the-query-read-once",
        "FRONT-3",
        "of a parameter that comes twice the last one counts for the rules, any other spelling is another name, and the query is forwarded as it came",
        Decide(|scene, visitor| {
            let (path, Some(query)) = scene.asked.split() else { return scene.decide(visitor) };
            let pairs: BTreeMap<_, _> =
                form_urlencoded::parse(query).map(|(name, value)| (opaque(&name), opaque(&value))).collect();
            let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            let asked = scene.asked.at([path, b"?", written.as_bytes()].concat());
            edited(scene.decide_at(&asked, visitor), |url| url.replace(&written, &String::from_utf8_lossy(query)))
        }),
    ),
];

/// A text that nobody reads in two ways: what is not of lower-case letters alone, as digits of its bytes.
fn opaque(text: &str) -> String {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return text.to_owned();
    }
    text.bytes().fold("x".to_owned(), |opaque, byte| format!("{opaque}{byte:02x}"))
}

/// The path with neighbouring slashes made one.
fn merged(path: &str) -> String {
    let mut path = path.to_owned();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

/// The decision with another URL, where it is to forward.
fn edited(mut decision: Decision, edit: impl Fn(&str) -> String) -> Decision {
    if let Outcome::Proxy { url } = &mut decision.outcome {
        *url = edit(url);
    }
    decision
}

/// The decision where marks in the path are letters for the gate, and go on as they came.
fn forwarded(scene: &Scene<'_>, visitor: &Visitor, marks: &[(&str, &str)]) -> Decision {
    let lettered = |path: &str| marks.iter().fold(path.to_owned(), |path, (mark, letters)| path.replace(mark, letters));
    match scene.asked.with_path(lettered) {
        Some(asked) => edited(scene.decide_at(&asked, visitor), |url| {
            marks.iter().fold(url.to_owned(), |url, (mark, letters)| url.replace(letters, mark))
        }),
        None => scene.decide(visitor),
    }
}
