//! Content and transfer codings undone, so that what lies in a compressed body is seen too.

use std::io::Read;

use super::LONGEST_ANSWER;

/// More codings than this are not undone, one over the other: each can make much of little.
const MOST_CODINGS: usize = 8;

/// What came out of a coded body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Decoded {
    /// As many bytes as can be had of a body that is cut off or broken, at most [`LONGEST_ANSWER`].
    pub bytes: Vec<u8>,
    /// Whether there was more than is read.
    pub cut: bool,
}

/// The bytes behind the codings that `codings` names; as many as can be had, within the bound. None where a coding is not known, or none is named.
#[must_use]
pub fn decoded(codings: &str, body: &[u8]) -> Option<Vec<u8>> {
    undo(codings, body).map(|decoded| decoded.bytes)
}

/// The bytes behind the codings that `codings` names, with commas between, in the order in which they were applied (RFC 9110 §8.4). None where a coding is
/// not known, or none is named.
#[must_use]
pub fn undo(codings: &str, body: &[u8]) -> Option<Decoded> {
    let named: Vec<String> = codings.split(',').map(|coding| coding.trim().to_ascii_lowercase()).collect();
    if named.iter().all(String::is_empty) {
        return None;
    }
    let mut out = Decoded { bytes: body.to_vec(), cut: false };
    let applied = named.iter().rev().filter(|coding| !matches!(coding.as_str(), "" | "identity"));
    for (count, coding) in applied.enumerate() {
        if count >= MOST_CODINGS {
            return Some(Decoded { cut: true, ..out });
        }
        let (bytes, cut) = undone(coding, &out.bytes)?;
        out = Decoded { bytes, cut: out.cut || cut };
    }
    Some(out)
}

fn undone(coding: &str, bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    Some(match coding {
        // A window beyond RFC 7932 would be one of a GiB.
        "br" if bytes.first().is_some_and(|first| first & 0x7f == 0x11) => (Vec::new(), true),
        "br" => readable(brotli::Decompressor::new(bytes, 4096)),
        "gzip" | "x-gzip" => readable(flate2::read::MultiGzDecoder::new(bytes)),
        // Some servers leave out the wrapping that RFC 9110 §8.4.1.2 asks for, and clients read that too.
        "deflate" => match readable(flate2::read::ZlibDecoder::new(bytes)) {
            (nothing, _) if nothing.is_empty() => readable(flate2::read::DeflateDecoder::new(bytes)),
            found => found,
        },
        _ => return None,
    })
}

/// What can be read, and whether there was more.
fn readable(reader: impl Read) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let most = u64::try_from(LONGEST_ANSWER).unwrap_or(u64::MAX).saturating_add(1);
    // What came before an error counts.
    let _ = reader.take(most).read_to_end(&mut bytes);
    let cut = bytes.len() > LONGEST_ANSWER;
    bytes.truncate(LONGEST_ANSWER);
    (bytes, cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::BrotliCompress(&mut &bytes[..], &mut out, &Default::default()).unwrap();
        out
    }

    #[test]
    fn what_was_coded_is_read() {
        let coded = gzip(b"canary");
        let twice = brotli(&coded);
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        bare.write_all(b"canary").unwrap();
        let bare = bare.finish().unwrap();
        for (codings, body, found) in [
            ("gzip", &coded[..], Some(&b"canary"[..])),
            ("X-GZIP", &coded, Some(b"canary")),
            ("identity, gzip", &coded, Some(b"canary")),
            ("gzip, br", &twice, Some(b"canary")),
            ("deflate", &bare, Some(b"canary")),
            ("gzip", b"canary", Some(b"")),
            ("zstd", &coded, None),
            ("", &coded, None),
        ] {
            let found = found.map(|bytes| Decoded { bytes: bytes.to_vec(), cut: false });
            assert_eq!(undo(codings, body), found, "{codings}");
        }
        let cut_off = undo("gzip", &coded[..coded.len() - 4]).unwrap();
        assert_eq!(cut_off, Decoded { bytes: b"canary".to_vec(), cut: false }, "cut off");
    }

    #[test]
    fn nothing_makes_much_of_little() {
        let long = vec![b'a'; LONGEST_ANSWER + 1];
        for (codings, body) in [
            ("gzip", gzip(&long)),
            ("br", brotli(&long)),
            ("gzip, gzip", gzip(&gzip(&long))),
            ("gzip, br", brotli(&gzip(&long))),
            ("gzip", gzip(&[]).into_iter().chain(gzip(&long)).collect()),
        ] {
            let found = undo(codings, &body).unwrap();
            assert!(found.cut && found.bytes.len() == LONGEST_ANSWER, "{codings}: {} {}", found.cut, found.bytes.len());
        }
        let exact = undo("gzip", &gzip(&long[1..])).unwrap();
        assert!(!exact.cut && exact.bytes.len() == LONGEST_ANSWER);
        // A window of a GiB, and more codings than anybody means.
        assert_eq!(undo("br", &[0x11, 0x1e, 0xff, 0xff]), Some(Decoded { bytes: Vec::new(), cut: true }));
        let mut body = b"canary".to_vec();
        for _ in 0..MOST_CODINGS {
            body = gzip(&body);
        }
        assert_eq!(undo(&["gzip"; MOST_CODINGS].join(","), &body).unwrap().bytes, b"canary");
        assert!(undo(&["gzip"; MOST_CODINGS + 1].join(","), &gzip(&body)).unwrap().cut);
    }
}
