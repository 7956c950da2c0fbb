//! The byte-exact wire: HTTP/1.1 over TCP, TLS or memory; what is given is what is sent, and every octet that comes back is kept.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::memory::Door;
use super::{Answer, Client, Exchange, Response, Sent, Target};

/// No more than this is read of one answer.
const ANSWER_LIMIT: usize = 8 << 20;

/// A byte stream, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections to one gate.
#[derive(Clone)]
pub struct Wire {
    way: Way,
    limit: Duration,
}

#[derive(Clone)]
enum Way {
    Network { target: Target, tls: Option<Arc<ClientConfig>> },
    Memory(Door),
}

/// An open connection, with what has come on it and was not yet read as a response.
pub struct Connection {
    stream: Box<dyn Stream>,
    came: Vec<u8>,
    limit: Duration,
}

impl Wire {
    /// A wire to `target`; `limit` bounds each answer.
    #[must_use]
    pub fn new(target: Target, tls: Option<Arc<ClientConfig>>, limit: Duration) -> Self {
        Self { way: Way::Network { target, tls }, limit }
    }

    /// A wire to a gate of this process.
    #[must_use]
    pub fn within(door: Door, limit: Duration) -> Self {
        Self { way: Way::Memory(door), limit }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// The gate cannot be reached.
    pub async fn connect(&self) -> io::Result<Connection> {
        let stream: Box<dyn Stream> = match &self.way {
            Way::Network { target, tls } => tokio::time::timeout(self.limit, dial(target, tls.as_ref()))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?,
            Way::Memory(door) => Box::new(door.connect()?),
        };
        Ok(Connection { stream, came: Vec::new(), limit: self.limit })
    }

    /// Sends one request on a connection of its own.
    ///
    /// # Errors
    /// The gate cannot be reached. What happens after the connection stands is the gate's answer, not an error.
    pub async fn exchange(&self, sent: Sent) -> io::Result<Exchange> {
        let mut connection = self.connect().await?;
        let mut exchange = connection.exchange(sent).await;
        if exchange.sent.raw.is_some()
            && let Answer::Response(response) = &mut exchange.answer
        {
            response.then_closed = connection.aftermath(exchange.sent.linger).await;
            response.wire.append(&mut connection.came);
        }
        Ok(exchange)
    }
}

async fn dial(target: &Target, tls: Option<&Arc<ClientConfig>>) -> io::Result<Box<dyn Stream>> {
    let tcp = match target.connect_to {
        Some(address) => TcpStream::connect(address).await?,
        None => TcpStream::connect((target.host.trim_matches(['[', ']']), target.port)).await?,
    };
    tcp.set_nodelay(true)?;
    Ok(match tls {
        None => Box::new(tcp),
        Some(config) => {
            let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
            Box::new(TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?)
        }
    })
}

impl Connection {
    /// Sends one request and reads its answer (or, for a raw one, the last of its answers).
    pub async fn exchange(&mut self, sent: Sent) -> Exchange {
        let (at, started) = (SystemTime::now(), Instant::now());
        let octets = sent.octets();
        let limit = self.limit;
        let mut wire = Vec::new();
        let conversation = async {
            // A gate may answer and close before it has read everything; then writing fails, and the answer is what counts.
            let _ = self.stream.write_all(&octets).await;
            let _ = self.stream.flush().await;
            let mut last = None;
            for _ in 0..sent.responses.max(1) {
                let earlier = wire.len();
                match self.read_response(sent.is_head(), &mut wire).await {
                    Some(response) => last = Some(Response { earlier, ..response }),
                    None => break,
                }
            }
            last
        };
        let outcome = tokio::time::timeout(limit, conversation).await;
        let answer = match outcome {
            Ok(Some(mut response)) => {
                response.wire = wire;
                Answer::Response(Box::new(response))
            }
            Ok(None) => {
                wire.append(&mut self.came);
                Answer::Closed(wire)
            }
            Err(_) => {
                wire.append(&mut self.came);
                Answer::TimedOut(wire)
            }
        };
        Exchange { sent, client: Client::Raw, answer, started: at, elapsed: started.elapsed() }
    }

    /// Reads what comes after the answer; whether the connection then ended.
    async fn aftermath(&mut self, wait: Duration) -> bool {
        loop {
            match tokio::time::timeout(wait, self.more()).await {
                Ok(true) => {}
                Ok(false) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Reads more octets; false at the end of the stream or beyond the limit.
    async fn more(&mut self) -> bool {
        if self.came.len() >= ANSWER_LIMIT {
            return false;
        }
        matches!(self.stream.read_buf(&mut self.came).await, Ok(count) if count > 0)
    }

    /// Moves the first `count` octets that came to `wire`.
    fn take(&mut self, count: usize, wire: &mut Vec<u8>) -> Vec<u8> {
        let rest = self.came.split_off(count.min(self.came.len()));
        let taken = std::mem::replace(&mut self.came, rest);
        wire.extend_from_slice(&taken);
        taken
    }

    async fn read_response(&mut self, to_head: bool, wire: &mut Vec<u8>) -> Option<Response> {
        loop {
            let mut response = self.read_head(wire).await?;
            if (100..200).contains(&response.status) && response.status != 101 {
                continue;
            }
            response.body = self.read_body(&response, to_head, wire).await;
            return Some(response);
        }
    }

    async fn read_head(&mut self, wire: &mut Vec<u8>) -> Option<Response> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; 256];
            let mut head = httparse::Response::new(&mut fields);
            match head.parse(&self.came) {
                Ok(httparse::Status::Complete(length)) => {
                    let response = Response {
                        status: head.code.unwrap_or_default(),
                        headers: head
                            .headers
                            .iter()
                            .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
                            .collect(),
                        ..Response::default()
                    };
                    self.take(length, wire);
                    return Some(response);
                }
                Ok(httparse::Status::Partial) if self.more().await => {}
                _ => return None,
            }
        }
    }

    async fn read_body(&mut self, response: &Response, to_head: bool, wire: &mut Vec<u8>) -> Vec<u8> {
        // RFC 9112 §6.3
        if to_head || matches!(response.status, 204 | 304) {
            return Vec::new();
        }
        let chunked = response
            .header("transfer-encoding")
            .last()
            .is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
        if chunked {
            return self.read_chunks(wire).await;
        }
        let length = response
            .header("content-length")
            .next()
            .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse::<usize>().ok());
        match length {
            Some(length) => {
                while self.came.len() < length && self.more().await {}
                self.take(length, wire)
            }
            None => {
                while self.more().await {}
                self.take(self.came.len(), wire)
            }
        }
    }

    async fn read_chunks(&mut self, wire: &mut Vec<u8>) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            match httparse::parse_chunk_size(&self.came) {
                Ok(httparse::Status::Complete((start, size))) => {
                    let size = usize::try_from(size).unwrap_or(ANSWER_LIMIT);
                    let end = start.saturating_add(size).saturating_add(2);
                    if size == 0 {
                        self.take(start, wire);
                        self.read_trailers(wire).await;
                        return body;
                    }
                    while self.came.len() < end && self.more().await {}
                    let chunk = self.take(end, wire);
                    let data =
                        chunk.get(start..start.saturating_add(size)).or_else(|| chunk.get(start..)).unwrap_or_default();
                    body.extend_from_slice(data);
                    if chunk.len() < end {
                        return body;
                    }
                }
                Ok(httparse::Status::Partial) if self.more().await => {}
                _ => return body,
            }
        }
    }

    /// Trailer lines up to the empty one; they stay in the octets that are searched for canaries.
    async fn read_trailers(&mut self, wire: &mut Vec<u8>) {
        loop {
            let line = self.came.iter().position(|octet| *octet == b'\n');
            match line {
                Some(end) => {
                    let line = self.take(end.saturating_add(1), wire);
                    if line == b"\r\n" || line == b"\n" {
                        return;
                    }
                }
                None if self.more().await => {}
                None => return,
            }
        }
    }
}
