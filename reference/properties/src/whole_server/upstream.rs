//! Another server, as helpful or as hostile as the script says, at the other end of a pipe.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use hyper::Uri;
use rolegate_server::proxy::connect::Connect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::worlds::PROTECTED;

/// The upstream, and how it answers from now on.
#[derive(Clone, Debug, Default)]
pub(super) struct Upstream(Arc<AtomicUsize>);

/// The ways in which it answers.
pub(super) const MANNERS: usize = 16;
/// The first of them are whole answers at once.
pub(super) const GOOD_MANNERS: usize = 5;

impl Upstream {
    pub(super) fn answer_in_manner(&self, manner: usize) {
        self.0.store(manner, Relaxed);
    }
}

impl Connect for Upstream {
    fn connect(&self, _: &Uri) -> io::Result<DuplexStream> {
        let manner = self.0.load(Relaxed);
        if manner == 15 {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(16 * 1024);
        // Whatever goes wrong here is the gate's to answer.
        tokio::spawn(async move { answer(theirs, manner).await.ok() });
        Ok(ours)
    }
}

/// What is at the path of `target`: the byte of what is protected there, if anything.
pub(super) fn protected_at(target: &str) -> Option<u8> {
    let behind_scheme = target
        .split_once("://")
        .map_or(target, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    let path = behind_scheme.split(['?', '#']).next().unwrap_or_default();
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for segment in path.split('/').skip(1) {
        let segment: Vec<u8> = percent_encoding::percent_decode_str(segment).collect();
        match segment.as_slice() {
            b"." => {}
            b".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let first = segments.first()?;
    let name = format!("up:/{}", String::from_utf8_lossy(first));
    PROTECTED.iter().find(|(protected, ..)| *protected == name).map(|(_, byte, _)| *byte)
}

async fn answer(mut stream: DuplexStream, manner: usize) -> io::Result<()> {
    let mut read = Vec::new();
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut buf = [0; 4096];
        let more = stream.read(&mut buf).await?;
        read.extend_from_slice(buf.get(..more).unwrap_or_default());
        if more == 0 || read.len() > 64 * 1024 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&read);
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let body = [protected_at(target).unwrap_or(b'u'); 100];
    let length = format!("Content-Length: {}\r\n", body.len());
    let sent = if method == "HEAD" { &[][..] } else { &body[..] };
    let mut write = async |parts: &[&[u8]]| stream.write_all(&parts.concat()).await;
    match manner {
        0 => write(&[b"HTTP/1.1 200 OK\r\n", length.as_bytes(), b"\r\n", sent]).await?,
        1 => {
            let fields =
                b"Cache-Control: public, max-age=600\r\nETag: \"u\"\r\nExpires: Thu, 01 Jan 2099 00:00:00 GMT\r\n";
            write(&[b"HTTP/1.1 200 OK\r\n", fields, length.as_bytes(), b"\r\n", sent]).await?;
        }
        2 => {
            let fields = b"CDN-Cache-Control: max-age=600\r\nSurrogate-Control: max-age=600\r\nVary: Accept\r\n";
            write(&[b"HTTP/1.1 200 OK\r\n", fields, length.as_bytes(), b"\r\n", sent]).await?;
        }
        3 => write(&[b"HTTP/1.1 304 Not Modified\r\nCache-Control: public\r\nETag: \"u\"\r\n\r\n"]).await?,
        4 => write(&[b"HTTP/1.1 404 Not Found\r\nCache-Control: public\r\n", length.as_bytes(), b"\r\n", sent]).await?,
        5 => {
            tokio::time::sleep(Duration::from_secs(20)).await;
            write(&[b"HTTP/1.1 200 OK\r\n", length.as_bytes(), b"\r\n", sent]).await?;
        }
        6 => tokio::time::sleep(Duration::from_secs(1000)).await,
        7 => {}
        8 => {
            write(&[
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n",
                body.get(..50).unwrap_or_default(),
                b"\r\n",
            ])
            .await?;
            tokio::time::sleep(Duration::from_secs(40)).await;
            write(&[b"32\r\n", body.get(50..).unwrap_or_default(), b"\r\n0\r\nCache-Control: public\r\n\r\n"]).await?;
        }
        9 => write(&[b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n", sent]).await?,
        10 => write(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", sent]).await?,
        11 => {
            write(&[b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", sent])
                .await?
        }
        12 => {
            write(&[
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n",
                length.as_bytes(),
                b"\r\n",
                sent,
            ])
            .await?
        }
        13 => {
            let fields = b"Connection: cache-control, vary\r\nCache-Control: private\r\nVary: Cookie\r\nSet-Cookie: nf_jwt=x\r\n";
            write(&[b"HTTP/1.1 200 OK\r\n", fields, length.as_bytes(), b"\r\n", sent]).await?;
        }
        _ => {
            write(&[
                b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\n",
                length.as_bytes(),
                b"\r\n",
                sent,
                b"HTTP/1.1 200 OK\r\n\r\n",
            ])
            .await?
        }
    }
    stream.shutdown().await?;
    let mut rest = [0; 256];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
