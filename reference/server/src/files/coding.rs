//! Content codings: which one a request prefers (RFC 9110 §12.5.3), and how a file gets into one.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use hyper::header::HeaderValue;
use rolegate::request::Request;

/// A content coding that the gate knows. The order is that of preference where a client has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    pub(super) const ALL: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    /// The name in `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }

    /// What the name of a file in this coding ends in, behind the name of the file that it is.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Gzip => ".gz",
        }
    }

    /// The bytes in this coding; none where that is not worth the trouble.
    pub(super) fn encode(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut coded = Vec::with_capacity(bytes.len() / 2);
        match self {
            Coding::Brotli => {
                let window = bytes.len().max(2).ilog2().saturating_add(1).clamp(10, 22);
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: 5,
                    lgwin: i32::try_from(window).unwrap_or(22),
                    size_hint: bytes.len(),
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*bytes, &mut coded, &parameters).ok()?;
            }
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(&mut coded, Compression::default());
                encoder.write_all(bytes).ok()?;
                encoder.finish().ok()?;
            }
        }
        (coded.len() < bytes.len() - bytes.len() / 8).then_some(coded)
    }

    /// Whether `coded` is `plain` in this coding, and nothing besides.
    ///
    /// # Errors
    /// Where `plain` cannot be read. What cannot be decoded is no coding of anything.
    pub(super) fn is_coding_of(self, coded: impl Read, plain: impl Read) -> io::Result<bool> {
        let mut coded = BufReader::new(coded);
        match self {
            Coding::Brotli => same(plain, brotli::Decompressor::new(&mut coded, CHUNK)),
            Coding::Gzip => {
                let mut decoder = GzDecoder::new(&mut coded);
                let is_same = same(plain, &mut decoder)?;
                Ok(is_same && coded.fill_buf().is_ok_and(<[u8]>::is_empty))
            }
        }
    }
}

const CHUNK: usize = 16 * 1024;

/// Whether both give the same bytes; `decoded` that cannot be read does not.
fn same(plain: impl Read, decoded: impl Read) -> io::Result<bool> {
    let (mut plain, mut decoded) = (BufReader::with_capacity(CHUNK, plain), BufReader::with_capacity(CHUNK, decoded));
    loop {
        let expected = plain.fill_buf()?;
        let Ok(found) = decoded.fill_buf() else { return Ok(false) };
        let length = expected.len().min(found.len());
        if length == 0 {
            return Ok(expected.is_empty() && found.is_empty());
        }
        if expected.get(..length) != found.get(..length) {
            return Ok(false);
        }
        plain.consume(length);
        decoded.consume(length);
    }
}

/// Whether files of this media type become shorter in a coding.
pub(super) fn is_compressible(media_type: &HeaderValue) -> bool {
    let text = media_type.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence,
            "application/javascript"
                | "application/json"
                | "application/wasm"
                | "application/xml"
                | "font/otf"
                | "font/ttf"
                | "image/bmp"
                | "image/x-icon"
        )
}

/// How much a client wants each coding: twice the thousandths of its weight, 0 where it refuses it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Accepts {
    brotli: u16,
    gzip: u16,
    identity: u16,
}

/// What is not listed is as good as nothing to choose, but not refused.
const UNLISTED: u16 = 1;

impl Accepts {
    /// Reads `Accept-Encoding`. An item that cannot be read counts as absent.
    pub(crate) fn of(request: &Request<'_>) -> Accepts {
        let mut accepts = [None; 3];
        let mut star = None;
        for line in request.header_lines("accept-encoding") {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            for item in line.split(',') {
                let Some((name, weight)) = weighed(item) else { continue };
                let [brotli, gzip, identity] = &mut accepts;
                let place = match name.to_ascii_lowercase().as_str() {
                    "br" => brotli,
                    // RFC 9110 §8.4.1.3
                    "gzip" | "x-gzip" => gzip,
                    "identity" => identity,
                    "*" => &mut star,
                    _ => continue,
                };
                *place = Some(place.unwrap_or(0).max(weight));
            }
        }
        let [brotli, gzip, identity] = accepts;
        let coded = |listed: Option<u16>| listed.or(star).unwrap_or(0);
        Accepts { brotli: coded(brotli), gzip: coded(gzip), identity: identity.or(star).unwrap_or(UNLISTED) }
    }

    /// The best of what is there: `Some(None)` for the bytes as they are, `None` where all is refused.
    pub(crate) fn choose(self, there: impl Iterator<Item = Coding>) -> Option<Option<Coding>> {
        let weight = |coding| match coding {
            Coding::Brotli => self.brotli,
            Coding::Gzip => self.gzip,
        };
        let mut best = None;
        for coding in there {
            if weight(coding) > best.map_or(0, weight) {
                best = Some(coding);
            }
        }
        match best {
            Some(coding) if weight(coding) >= self.identity => Some(Some(coding)),
            _ if self.identity > 0 => Some(None),
            _ => None,
        }
    }
}

/// One item of the list (§12.4.2): a name, and its weight from 0 to 2000.
fn weighed(item: &str) -> Option<(&str, u16)> {
    let mut parts = item.split(';').map(|part| part.trim_matches([' ', '\t']));
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = match parts.next() {
        None => 1000,
        Some(weight) => thousandths(weight.strip_prefix(['q', 'Q'])?.strip_prefix('=')?)?,
    };
    parts.next().is_none().then_some((name, 2 * weight))
}

/// §12.4.2: `0` to `1`, with up to three digits behind the point.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rolegate::request::Scheme;

    use super::*;

    #[test]
    fn rfc_9110_12_5_3() {
        let all = &Coding::ALL[..];
        let gzip = &[Coding::Gzip][..];
        let table: &[(&[&str], &[Coding], &str)] = &[
            (&[], all, "identity"),
            (&[""], all, "identity"),
            (&["gzip"], all, "gzip"),
            (&["x-gzip"], all, "gzip"),
            (&["GZIP"], all, "gzip"),
            (&["gzip, deflate, br, zstd"], all, "br"),
            (&["gzip, deflate, br, zstd"], gzip, "gzip"),
            (&["gzip, deflate, br, zstd"], &[], "identity"),
            (&["gzip", "br"], all, "br"),
            (&["br;q=0.5, gzip"], all, "gzip"),
            (&["br;q=0.001"], all, "br"),
            (&["br ; q=0.5,gzip ;q=0.501"], all, "gzip"),
            (&["br;q=0, gzip;q=0"], all, "identity"),
            (&["identity, gzip;q=0.5"], all, "identity"),
            (&["identity;q=0.5, gzip;q=0.5"], all, "gzip"),
            (&["*"], all, "br"),
            (&["*, br;q=0"], all, "gzip"),
            (&["gzip;q=0.5, *;q=0.1"], all, "gzip"),
            (&["gzip;q=0.1, *;q=0.5"], gzip, "identity"),
            (&["gzip, identity;q=0"], all, "gzip"),
            (&["gzip, *;q=0"], &[], "nothing"),
            (&["identity;q=0"], all, "nothing"),
            (&["*;q=0"], all, "nothing"),
            (&["*;q=0, identity"], all, "identity"),
            (&["deflate"], all, "identity"),
            (&["gzip;q=abc"], all, "identity"),
            (&["gzip;q=2"], all, "identity"),
            (&["gzip;q=0.0001"], all, "identity"),
            (&["gzip;q=1.001"], all, "identity"),
            (&["gzip;q=1.000"], all, "gzip"),
            (&["gzip;q=1;x=y"], all, "identity"),
            (&[",, ;, gzip"], all, "gzip"),
        ];
        for (lines, there, chosen) in table {
            let headers: Vec<_> = lines.iter().map(|line| ("Accept-Encoding", line.as_bytes())).collect();
            let request = Request {
                method: "GET",
                target: b"/",
                host: None,
                scheme: Scheme::Http,
                headers: &headers,
                country: None,
            };
            let choice = match Accepts::of(&request).choose(there.iter().copied()) {
                Some(Some(coding)) => coding.name(),
                Some(None) => "identity",
                None => "nothing",
            };
            assert_eq!(choice, *chosen, "{lines:?}");
        }
    }

    #[test]
    fn what_was_encoded_is_a_coding_of_it_and_of_nothing_else() {
        let plain = b"<p>The quick brown fox.</p>\n".repeat(2000);
        for coding in Coding::ALL {
            let coded = coding.encode(&plain).unwrap();
            assert!(coded.len() < 1000, "{coding:?}: {}", coded.len());
            let is = |coded: &[u8], plain: &[u8]| coding.is_coding_of(coded, plain).unwrap();
            assert!(is(&coded, &plain));
            assert!(!is(&coded, &plain[1..]));
            assert!(!is(&coded, &plain[..plain.len() - 1]));
            assert!(!is(&coded, &[&plain[..], b"x"].concat()));
            assert!(!is(&coded[..coded.len() / 2], &plain));
            assert!(!is(&plain, &plain));
            assert!(!is(b"", &plain));
            assert_eq!(coding.encode(b"short"), None);
        }
        let gzip = Coding::Gzip.encode(&plain).unwrap();
        assert!(!Coding::Gzip.is_coding_of(&[&gzip[..], b"x"].concat()[..], &plain[..]).unwrap());
    }
}
