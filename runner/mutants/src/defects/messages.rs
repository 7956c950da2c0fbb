//! How a request is read off the connection (HTTP-1, HTTP-3).

use std::sync::PoisonError;

use Defect::{Visitor as Who, Wire};
use rolegate::visitor::Visitor;

use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "message/host-may-be-missing",
        "HTTP-3",
        "a request without `Host` is answered",
        Wire(|head| {
            let fields = fields(head);
            if fields.iter().any(|line| is(line, "host")) {
                head.to_vec()
            } else {
                insert(head, b"Host: localhost\r\n")
            }
        }),
    ),
    Mutant::new(
        "message/host-may-come-twice",
        "HTTP-3",
        "of two `Host` lines the first counts",
        Wire(|head| first_only(head, "host")),
    ),
    Mutant::new(
        "message/host-may-be-odd",
        "HTTP-3",
        "a `Host` that is no host is not looked at",
        Wire(|head| {
            map(head, |line| {
                if is(line, "host") {
                    line.iter()
                        .map(|byte| {
                            if b" /@?#,\\".contains(byte) && line.iter().position(|other| other == byte) > Some(5) {
                                b'x'
                            } else {
                                *byte
                            }
                        })
                        .collect()
                } else {
                    line.to_vec()
                }
            })
        }),
    ),
    Mutant::new(
        "message/bare-carriage-returns",
        "HTTP-3",
        "a bare carriage return ends a line",
        Wire(|head| {
            let mut out = Vec::new();
            for (at, byte) in head.iter().enumerate() {
                out.push(*byte);
                if *byte == b'\r' && head.get(at.saturating_add(1)) != Some(&b'\n') {
                    out.push(b'\n');
                }
            }
            out
        }),
    ),
    Mutant::new(
        "message/space-before-the-colon",
        "HTTP-3",
        "white space before the colon of a header field is skipped",
        Wire(|head| {
            map(head, |line| match line.iter().position(|byte| *byte == b':') {
                Some(colon) if !line.starts_with(b" ") && !line.starts_with(b"\t") => {
                    let (name, rest) = line.split_at_checked(colon).unwrap_or((line, &[]));
                    [name.trim_ascii_end(), rest].concat()
                }
                _ => line.to_vec(),
            })
        }),
    ),
    Mutant::new(
        "message/folded-lines",
        "HTTP-3",
        "a header field may go on in the next line",
        Wire(|head| {
            let mut out = Vec::new();
            let mut rest = head;
            while let Some((first, after)) = rest.split_first() {
                if rest.starts_with(b"\r\n ") || rest.starts_with(b"\r\n\t") {
                    out.push(b' ');
                    rest = rest.get(3..).unwrap_or_default();
                } else {
                    out.push(*first);
                    rest = after;
                }
            }
            out
        }),
    ),
    Mutant::new(
        "message/length-beside-a-coding",
        "HTTP-3",
        "`Content-Length` beside `Transfer-Encoding` is ignored",
        Wire(|head| {
            let coded = fields(head).iter().any(|line| is(line, "transfer-encoding"));
            if coded { without(head, "content-length") } else { head.to_vec() }
        }),
    ),
    Mutant::new(
        "message/length-twice",
        "HTTP-3",
        "of two `Content-Length` lines the first counts",
        Wire(|head| first_only(head, "content-length")),
    ),
    Mutant::new(
        "message/coding-unknown",
        "HTTP-3",
        "a `Transfer-Encoding` that nobody knows is ignored",
        Wire(|head| {
            let known = fields(head)
                .iter()
                .filter(|line| is(line, "transfer-encoding"))
                .all(|line| line.to_ascii_lowercase().ends_with(b": chunked"));
            if known { head.to_vec() } else { without(head, "transfer-encoding") }
        }),
    ),
    Mutant::new(
        "message/version-of-any-kind",
        "HTTP-3",
        "a request of a version that does not exist is answered",
        Wire(|head| {
            let end = head.windows(2).position(|pair| pair == b"\r\n").unwrap_or(head.len());
            let (line, rest) = head.split_at_checked(end).unwrap_or((head, &[]));
            let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            match words.as_slice() {
                [method, target, version] if version.len() > 3 && !version.starts_with(b"HTTP/1.") => {
                    [method, b" ".as_slice(), target, b" HTTP/1.1", rest].concat()
                }
                _ => head.to_vec(),
            }
        }),
    ),
    Mutant::new(
        "message/control-characters-dropped",
        "HTTP-3",
        "control characters in header fields are dropped",
        Wire(|head| {
            head.iter()
                .copied()
                .filter(|byte| !(*byte < 0x20 && !matches!(byte, b'\r' | b'\n' | b'\t') || *byte == 0x7f))
                .collect()
        }),
    ),
    Mutant::new(
        "message/visitor-of-the-connection",
        "HTTP-5",
        "who the first request of a connection came from holds for those behind it",
        Who(|scene| {
            let mut first = scene.memory.visitor.lock().unwrap_or_else(PoisonError::into_inner);
            let visitor = scene.visitor();
            match (&*first, &visitor) {
                (Some(kept), Visitor::Anonymous | Visitor::Rejected(_)) => kept.clone(),
                _ => first.insert(visitor).clone(),
            }
        }),
    )
    .remembering(),
];

/// The lines of a head behind the first, without what ends them.
pub(super) fn fields(head: &[u8]) -> Vec<Vec<u8>> {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec()).filter(|line| !line.is_empty()).collect()
}

pub(super) fn is(line: &[u8], name: &str) -> bool {
    line.split_at_checked(name.len())
        .is_some_and(|(start, rest)| start.eq_ignore_ascii_case(name.as_bytes()) && rest.starts_with(b":"))
}

/// The head with a field right behind the request line.
fn insert(head: &[u8], field: &[u8]) -> Vec<u8> {
    let start = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    let rest = head.get(start..).unwrap_or_default();
    match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let at = start + end + 1;
            [head.get(..at).unwrap_or_default(), field, head.get(at..).unwrap_or_default()].concat()
        }
        None => head.to_vec(),
    }
}

/// The head with every field line changed; the request line and the end stay.
pub(super) fn map(head: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let bare = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line);
        let end = line.get(bare.len()..).unwrap_or_default();
        if at == 0 || bare.is_empty() {
            out.extend_from_slice(line);
        } else {
            out.extend(change(bare));
            out.extend_from_slice(end);
        }
    }
    out
}

fn filter(head: &[u8], mut keep: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let bare = line.trim_ascii_end();
        if at == 0 || bare.is_empty() || keep(bare) {
            out.extend_from_slice(line);
        }
    }
    out
}

fn first_only(head: &[u8], name: &str) -> Vec<u8> {
    let mut seen = 0;
    filter(head, |line| {
        seen += usize::from(is(line, name));
        !is(line, name) || seen == 1
    })
}

pub(super) fn without(head: &[u8], name: &str) -> Vec<u8> {
    filter(head, |line| !is(line, name))
}
