//! A server behind the gate, on loopback: rules name it `$(upstream)`. It keeps what it was asked, and that is what a case is judged by:
//! what an admitted request has become on its way, and that a denied one has not come at all.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// What rules write where the URL of the upstream belongs.
pub const PLACEHOLDER: &str = "$(upstream)";
/// The field that tells which case a request belongs to. It is end-to-end, so a gate passes it on.
pub const ASK: &str = "X-Gatecheck-Ask";

/// The longest request that the upstream reads.
const LONGEST: usize = 4 << 20;
/// No more requests than this are kept for one value of [`ASK`].
const MOST_KEPT: usize = 3;
/// No more connections than this are served at once; a gate may open any number.
const MOST_CONNECTIONS: usize = 64;
/// How long it waits for the rest of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// What tells caches of many kinds to keep an answer for everybody.
const FOR_CACHES: &str = "Cache-Control: public, s-maxage=600\r\nCache-Control: max-age=600\r\n\
    Expires: Thu, 01 Jan 2099 00:00:00 GMT\r\nPragma: public\r\nAge: 1\r\n\
    X-Accel-Expires: 600\r\nX_Accel_Expires: 600\r\nX-Accel-Redirect: /kept\r\n\
    Akamai-Cache-Control: max-age=600\r\nFastly-Cache-Control: max-age=600\r\nVercel-CDN-Cache-Control: max-age=600\r\n\
    X-LiteSpeed-Cache-Control: public, max-age=600\r\nSurrogate-Control: max-age=600\r\nEdge-Control: cache-maxage=600\r\n\
    CF-Edge-Cache: cache\r\nX-Varnish-TTL: 600\r\nNetlify-Vary: query\r\nNo-Vary-Search: params\r\n\
    Surrogate-Key: kept\r\nCache-Tag: kept\r\nNetlify-Cache-Tag: kept\r\n";

/// A request as it came through the gate.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The request target.
    pub target: String,
    /// Header lines in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: String,
}

/// The server, and what it was asked.
pub struct Upstream {
    url: String,
    asked: Arc<Mutex<BTreeMap<String, Vec<Received>>>>,
    next: AtomicU64,
}

impl Upstream {
    /// Opens the server; where this machine has no free port its URL is empty, and no gate starts that needs it.
    pub async fn open() -> Self {
        let asked: Arc<Mutex<BTreeMap<String, Vec<Received>>>> = Arc::default();
        let next = AtomicU64::new(1);
        let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await else {
            return Self { url: String::new(), asked, next };
        };
        let url = listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default();
        let kept = Arc::clone(&asked);
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        tokio::spawn(async move {
            while let (Ok(place), Ok((stream, _))) =
                (Arc::clone(&places).acquire_owned().await, listener.accept().await)
            {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(PATIENCE, serve(stream, &kept)).await;
                    drop(place);
                });
            }
        });
        Self { url, asked, next }
    }

    /// Scheme and authority, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A value for [`ASK`] that no other request has. What comes with it is kept until it is read.
    pub fn next_ask(&self) -> String {
        let ask = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(ask.clone(), Vec::new());
        ask
    }

    /// What came with this value of [`ASK`]; nothing more is kept for it.
    #[must_use]
    pub fn received(&self, ask: &str) -> Vec<Received> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(ask).unwrap_or_default()
    }
}

impl Received {
    /// The values of a field.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(sent, _)| sent == name).map(|(_, value)| value.as_str())
    }
}

async fn serve(mut stream: TcpStream, asked: &Mutex<BTreeMap<String, Vec<Received>>>) {
    let mut bytes = Vec::new();
    while let Some(received) = read(&mut stream, &mut bytes).await {
        let ask = received.header(&ASK.to_ascii_lowercase()).next().unwrap_or_default().to_owned();
        let answer = answer(&received);
        // What nobody waits for is not kept: a gate could send without end.
        if let Some(kept) = asked.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&ask)
            && kept.len() < MOST_KEPT
        {
            kept.push(received);
        }
        let Some(answer) = answer else { return };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One request off the front of `bytes`, more of which are read as needed.
async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Received> {
    loop {
        if let Some((received, length)) = parse(bytes) {
            bytes.drain(..length.min(bytes.len()));
            return Some(received);
        }
        if bytes.len() > LONGEST || stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// A whole request and its length; `None` while some of it is missing, and for what is no request.
fn parse(bytes: &[u8]) -> Option<(Received, usize)> {
    let mut lines = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut lines);
    let Ok(httparse::Status::Complete(head)) = request.parse(bytes) else { return None };
    let mut received = Received {
        method: request.method?.to_owned(),
        target: request.path?.to_owned(),
        headers: Vec::new(),
        body: String::new(),
    };
    for line in request.headers.iter() {
        let value = String::from_utf8_lossy(line.value).into_owned();
        received.headers.push((line.name.to_ascii_lowercase(), value));
    }
    let rest = bytes.get(head..)?;
    let chunked = received.header("transfer-encoding").any(|coding| coding.eq_ignore_ascii_case("chunked"));
    let length = received.header("content-length").find_map(|length| length.parse::<usize>().ok()).unwrap_or_default();
    let (body, taken) = if chunked { dechunked(rest)? } else { (rest.get(..length)?.to_vec(), length) };
    received.body = String::from_utf8_lossy(&body).into_owned();
    Some((received, head.saturating_add(taken)))
}

/// RFC 9112 §7.1: the body in chunks, and how many bytes it took.
fn dechunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0_usize);
    loop {
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(bytes.get(at..)?) else {
            return None;
        };
        at = at.checked_add(line)?;
        let size = usize::try_from(size).ok()?;
        let end = at.checked_add(size)?;
        body.extend_from_slice(bytes.get(at..end)?);
        // The line end behind the chunk; trailer fields are not expected.
        at = end.checked_add(2)?;
        bytes.get(..at)?;
        if size == 0 {
            return Some((body, at));
        }
    }
}

/// What a path is answered with; `None`: nothing, and the connection is closed.
fn answer(received: &Received) -> Option<String> {
    let path = received.target.split('?').next().unwrap_or_default();
    let with = |status: &str, fields: &str, body: &str| {
        let body = if received.method == "HEAD" { "" } else { body };
        let length = "from the upstream\n".len();
        Some(format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{fields}\r\n{body}"))
    };
    let body = "from the upstream\n";
    let conditional = received.header("if-none-match").next().is_some();
    match path.rsplit('/').next().unwrap_or_default() {
        "cut" => None,
        "no-http" => Some("220 mail.example ready\r\n\r\n".to_owned()),
        "switched" => Some("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n".to_owned()),
        "missing" => with("404 Not Found", "", body),
        "moved" => with("302 Found", "Location: /elsewhere\r\n", body),
        "public" => with("200 OK", "Cache-Control: public, max-age=600\r\nCDN-Cache-Control: max-age=600\r\n", body),
        "kept-gone" => with("410 Gone", FOR_CACHES, body),
        "kept-unchanged" if conditional => Some(format!("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n{FOR_CACHES}\r\n")),
        "kept" | "kept-unchanged" => with("200 OK", FOR_CACHES, body),
        "kept-by-the-visitor" => {
            with("200 OK", "Cache-Control: max-age=600\r\nCache-Control: max-age=60\r\nVary: *\r\n", body)
        }
        "kept-afterwards" => Some(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-Accel-Expires\r\n\r\n\
             12\r\nfrom the upstream\n\r\n0\r\nX-Accel-Expires: 600\r\nCDN-Cache-Control: max-age=600\r\n\r\n"
                .to_owned(),
        ),
        "hop-by-hop" => with(
            "200 OK",
            "Connection: keep-alive, x-hop\r\nKeep-Alive: timeout=9\r\nX-Hop: 1\r\nProxy-Authenticate: Basic\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n",
            body,
        ),
        "streamed" => Some(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfrom \r\nd\r\nthe upstream\n\r\n0\r\n\r\n"
                .to_owned(),
        ),
        "hinted" => with("103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK", "", body),
        _ => with("200 OK", "", body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let text = "POST /a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET";
        let (received, length) = parse(text.as_bytes()).unwrap();
        assert_eq!(
            (received.method.as_str(), received.target.as_str(), received.body.as_str()),
            ("POST", "/a?b", "abc")
        );
        assert!(text.as_bytes()[length..] == *b"GET");
        for end in 0..length {
            assert_eq!(parse(&text.as_bytes()[..end]), None, "{end}");
        }
        let text = "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd";
        assert_eq!(parse(text.as_bytes()).map(|(received, _)| received.body), Some("abc".to_owned()));
    }
}
