//! Which protocol a client speaks on a connection without TLS: HTTP/2 with prior knowledge begins with a fixed text.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// What every HTTP/2 connection begins with (RFC 9113 §3.4). It is no request that HTTP/1.1 would answer.
const HTTP2: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first bytes of a connection, which were read to see what follows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Preface {
    bytes: [u8; HTTP2.len()],
    length: usize,
}

impl Preface {
    /// Reads no further than to the first byte that tells; `None` where the client has ended before it.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Preface>> {
        let mut preface = Preface::default();
        while HTTP2.starts_with(preface.bytes()) && !preface.is_http2() {
            let rest = preface.bytes.get_mut(preface.length..).unwrap_or_default();
            match stream.read(rest).await? {
                0 if preface.length == 0 => return Ok(None),
                0 => break,
                read => preface.length = preface.length.saturating_add(read),
            }
        }
        Ok(Some(preface))
    }

    /// Whether the client speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.bytes() == HTTP2
    }

    /// What was read.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_tells() {
        for (sent, http2, read) in [
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest".as_slice(), true, 24),
            (b"GET / HTTP/1.1\r\n\r\n", false, 18),
            (b"PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\n", false, 24),
            (b"P", false, 1),
        ] {
            let preface = Preface::read(&mut &*sent).await.unwrap().unwrap();
            assert_eq!((preface.is_http2(), preface.bytes()), (http2, &sent[..read]));
        }
        assert!(Preface::read(&mut b"".as_slice()).await.unwrap().is_none());
    }
}
