//! Content codings undone, so that what lies in a compressed body is seen too.

use std::io::Read;

/// No more octets than this come out of one body.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The octets behind the codings that `content_encoding` names; as many as can be had of a body that is cut off or broken. None where a coding is
/// not known, or none is named.
#[must_use]
pub fn decoded(content_encoding: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut octets = body.to_vec();
    let mut codings = content_encoding.split(',').map(str::trim).filter(|coding| !coding.is_empty()).peekable();
    codings.peek()?;
    // RFC 9110 §8.4: in the order in which they were applied.
    for coding in codings.rev().collect::<Vec<_>>() {
        octets = match coding.to_ascii_lowercase().as_str() {
            "br" => readable(brotli::Decompressor::new(octets.as_slice(), 4096)),
            "gzip" | "x-gzip" => readable(flate2::read::MultiGzDecoder::new(octets.as_slice())),
            "deflate" => readable(flate2::read::ZlibDecoder::new(octets.as_slice())),
            "identity" => octets,
            _ => return None,
        };
    }
    Some(octets)
}

fn readable(reader: impl Read) -> Vec<u8> {
    let mut octets = Vec::new();
    // What came before an error counts.
    let _ = reader.take(LONGEST).read_to_end(&mut octets);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_was_coded_is_read() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(b"canary").unwrap();
        let gzip = gzip.finish().unwrap();
        let mut brotli = Vec::new();
        brotli::BrotliCompress(&mut &gzip[..], &mut brotli, &Default::default()).unwrap();
        for (coding, body, found) in [
            ("gzip", &gzip[..], Some(&b"canary"[..])),
            ("X-GZIP", &gzip, Some(b"canary")),
            ("identity, gzip", &gzip, Some(b"canary")),
            ("gzip, br", &brotli, Some(b"canary")),
            ("gzip", b"canary", Some(b"")),
            ("zstd", &gzip, None),
            ("", &gzip, None),
        ] {
            assert_eq!(decoded(coding, body).as_deref(), found, "{coding}");
        }
        assert_eq!(decoded("gzip", &gzip[..gzip.len() - 4]).as_deref(), Some(&b"canary"[..]), "cut off");
    }
}
