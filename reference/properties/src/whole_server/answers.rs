//! Answers, read off the bytes of a connection as a plain client does (RFC 9112 §6.3), and what of protected files is in them.

use std::io::Read as _;

use flate2::read::GzDecoder;
use hyper::header::HeaderMap;

use super::worlds::{PROTECTED, Worlds};

/// An answer, or as much of it as came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// The beginning of what a server has sent.
#[derive(Debug)]
pub(super) enum Next {
    /// More must come first.
    Partial,
    /// An interim answer of so many bytes.
    Interim(usize),
    /// An answer of so many bytes.
    Whole(Answer, usize),
    /// An answer, and behind it another protocol.
    Switched(Answer),
}

impl Answer {
    pub(super) fn of(status: u16, headers: &HeaderMap, body: Vec<u8>) -> Answer {
        let fields =
            headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
        Answer { status, fields, body }
    }

    /// The lines of a field, joined.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let mut lines =
            self.fields.iter().filter(|(sent, _)| sent == name).map(|(_, value)| String::from_utf8_lossy(value));
        let first = lines.next()?.into_owned();
        Some(lines.fold(first, |joined, line| joined + ", " + &line))
    }

    /// The places of the protected files that something in this answer is of: bytes, or a validator.
    pub(super) fn of_protected(&self, worlds: &Worlds) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let tag = self.field("etag");
        let tagged = worlds.tags.iter().filter(|(known, _)| tag.as_ref() == Some(known)).map(|(_, place)| *place);
        found.extend(tagged);
        let coding = self.field("content-encoding");
        for part in self.parts() {
            // A few bytes of one coding are those of another, so that only the entity tag tells them apart.
            let is_it = |bytes: &[u8]| !part.is_empty() && is_within(part, bytes);
            let of_tag = worlds.coded.iter().find(|coded| tag.as_ref() == Some(&coded.tag) && is_it(&coded.bytes));
            let coded = of_tag.or_else(|| worlds.coded.iter().find(|coded| part.len() > 12 && is_it(&coded.bytes)));
            match coded {
                Some(coded) => found.push(coded.of),
                None => found.extend(protected_in(&decoded(part, coding.as_deref()))),
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The contents of the parts of a multipart body, or the body.
    fn parts(&self) -> Vec<&[u8]> {
        let kind = self.field("content-type").unwrap_or_default();
        let Some(boundary) = kind.strip_prefix("multipart/byteranges; boundary=") else { return vec![&self.body] };
        let boundary = format!("\r\n--{boundary}");
        let mut parts = Vec::new();
        let mut rest = self.body.as_slice();
        while let Some(at) = memchr::memmem::find(rest, boundary.as_bytes()) {
            let (before, after) = rest.split_at_checked(at).unwrap_or_default();
            parts.push(content(before));
            rest = after.get(boundary.len()..).unwrap_or_default();
        }
        parts.push(content(rest));
        parts
    }
}

fn content(part: &[u8]) -> &[u8] {
    memchr::memmem::find(part, b"\r\n\r\n").and_then(|at| part.get(at + 4..)).unwrap_or_default()
}

fn is_within(part: &[u8], whole: &[u8]) -> bool {
    memchr::memmem::find(whole, part).is_some()
}

/// As much as can be decoded; what is in no coding, as it is.
fn decoded(part: &[u8], coding: Option<&str>) -> Vec<u8> {
    let mut decoded = Vec::new();
    // An error in the middle leaves what came before it.
    match coding {
        Some("gzip") => drop(GzDecoder::new(part).read_to_end(&mut decoded)),
        Some("br") => drop(brotli::Decompressor::new(part, 4096).read_to_end(&mut decoded)),
        _ => decoded.extend_from_slice(part),
    }
    decoded
}

/// The protected files that one of these bytes is of.
fn protected_in(bytes: &[u8]) -> Vec<usize> {
    let is_there = |byte: u8| memchr::memchr(byte, bytes).is_some();
    PROTECTED.iter().enumerate().filter(|(_, (_, byte, _))| is_there(*byte)).map(|(place, _)| place).collect()
}

/// The protected files that a run of bytes is of, in what may be anything: frames, compressed headers, other protocols.
pub(super) fn protected_in_noise(bytes: &[u8]) -> Vec<usize> {
    let runs = bytes.windows(12).filter(|window| window.iter().all(|byte| Some(byte) == window.first()));
    let found: Vec<u8> = runs.filter_map(|run| run.first().copied()).collect();
    protected_in(&found)
}

/// The answer that `bytes` begin with; `ended`: no more will come.
pub(super) fn next(bytes: &[u8], is_head: bool, ended: bool) -> Next {
    let mut lines = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Response::new(&mut lines);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Next::Partial,
        Err(error) => {
            assert!(bytes.is_empty(), "no answer: {error}: {}", String::from_utf8_lossy(bytes));
            return Next::Partial;
        }
    };
    let status = head.code.unwrap_or_default();
    let fields: Vec<(String, Vec<u8>)> =
        head.headers.iter().map(|line| (line.name.to_ascii_lowercase(), line.value.to_vec())).collect();
    let mut answer = Answer { status, fields, body: Vec::new() };
    if status == 101 {
        return Next::Switched(answer);
    }
    if (100..200).contains(&status) {
        return Next::Interim(length);
    }
    let rest = bytes.get(length..).unwrap_or_default();
    let (body, end) = match framing(&answer, is_head) {
        Framing::Length(expected) => match rest.get(..expected) {
            Some(body) => (body.to_vec(), Some(expected)),
            None => (rest.to_vec(), None),
        },
        Framing::Chunked => chunked(rest),
        Framing::UntilTheEnd => (rest.to_vec(), ended.then_some(rest.len())),
    };
    answer.body = body;
    match end {
        Some(end) => Next::Whole(answer, length + end),
        // What came before the connection broke counts.
        None if ended => Next::Whole(answer, bytes.len()),
        None => Next::Partial,
    }
}

enum Framing {
    Length(usize),
    Chunked,
    UntilTheEnd,
}

fn framing(answer: &Answer, is_head: bool) -> Framing {
    let (length, coding) = (answer.field("content-length"), answer.field("transfer-encoding"));
    assert!(length.is_none() || coding.is_none(), "an answer is framed in two ways");
    match (length, coding) {
        _ if is_head || matches!(answer.status, 204 | 304) => Framing::Length(0),
        (Some(length), _) => {
            let length = length.parse();
            assert!(length.is_ok(), "the length of an answer is no number");
            Framing::Length(length.unwrap_or_default())
        }
        (None, Some(_)) => Framing::Chunked,
        (None, None) => Framing::UntilTheEnd,
    }
}

/// The content, and where it ends if it does.
fn chunked(bytes: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut content = Vec::new();
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(rest) else {
            return (content, None);
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length == 0 {
            // Trailer fields end with an empty line.
            let trailer = rest.get(start..).unwrap_or_default();
            let end = if trailer.starts_with(b"\r\n") {
                Some(2)
            } else {
                memchr::memmem::find(trailer, b"\r\n\r\n").map(|at| at + 4)
            };
            return (content, end.map(|end| at + start + end));
        }
        let chunk = rest.get(start..).unwrap_or_default();
        content.extend_from_slice(chunk.get(..length).unwrap_or(chunk));
        if chunk.len() < length.saturating_add(2) {
            return (content, None);
        }
        at += start + length + 2;
    }
}
