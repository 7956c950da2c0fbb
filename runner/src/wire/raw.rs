//! The byte-exact wire: HTTP/1.1 over TCP, TLS or memory; what is given is what is sent, and every byte that comes back is kept.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::BufMut as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::memory::Door;
use super::{AFTERMATH, Answer, Client, End, Exchange, LONGEST_ANSWER, Response, Sent, Target};

/// There is room for as many bytes, at the least, whenever something is read.
const AT_ONCE: usize = 4 << 10;

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

/// An open connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    limit: Duration,
    /// What has come for this exchange and was not told of an earlier one.
    came: Vec<u8>,
    /// How much of it was read as responses.
    read: usize,
    /// When the wait for more ends.
    deadline: Instant,
    /// Why no more is read.
    stop: Option<End>,
    /// How long what comes apart may be on its way.
    moment: Duration,
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
        let moment = match &self.way {
            Way::Network { .. } => AFTERMATH,
            // What is written to memory is there with it.
            Way::Memory(_) => Duration::ZERO,
        };
        let (limit, came, deadline) = (self.limit, Vec::new(), Instant::now());
        Ok(Connection { stream, limit, came, read: 0, deadline, stop: None, moment })
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
            response.then_closed = connection.aftermath(exchange.sent.linger, response.wire.len()).await;
            response.wire.append(&mut connection.came);
            if connection.stop == Some(End::TooLong) {
                response.end = End::TooLong;
            }
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
        self.came.drain(..self.read.min(self.came.len()));
        self.read = 0;
        self.stop = None;
        self.deadline = later(started, self.limit);
        let bytes = sent.bytes();
        // A gate may answer and close before it has read everything; then writing fails, and the answer is what counts.
        let writing = async {
            let _ = self.stream.write_all(&bytes).await;
            let _ = self.stream.flush().await;
        };
        if tokio::time::timeout_at(self.deadline.into(), writing).await.is_err() {
            self.deadline = later(Instant::now(), AFTERMATH);
        }
        let mut last: Option<Response> = None;
        for _ in 0..sent.responses.max(1) {
            let earlier = self.read;
            let next = self.read_response(&sent).await;
            let ended = next.as_ref().is_none_or(|response| response.end != End::Whole);
            last = match (next, self.stop) {
                (Some(response), _) => Some(Response { earlier, ..response }),
                (None, Some(End::TimedOut | End::TooLong)) => None,
                (None, _) => last,
            };
            if ended {
                break;
            }
        }
        if sent.raw.is_none()
            && let Some(response) = &mut last
            && sent.is_answered_without_content(response.status)
        {
            (response.body, response.end) = self.read_behind(response).await;
        }
        let answer = match (last, self.stop) {
            (Some(mut response), _) => {
                let rest = self.came.split_off(self.read.min(self.came.len()));
                response.wire = std::mem::replace(&mut self.came, rest);
                Answer::Response(Box::new(response))
            }
            (None, stop) => {
                let came = std::mem::take(&mut self.came);
                match stop {
                    Some(End::TimedOut) => Answer::TimedOut(came),
                    Some(End::TooLong) => Answer::TooLong(came),
                    _ => Answer::Closed(came),
                }
            }
        };
        self.read = 0;
        Exchange { sent, client: Client::Raw, answer, started: at, elapsed: started.elapsed() }
    }

    /// Whether nothing has come that was not read as an answer, and nothing has ended.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.came.is_empty() && self.stop.is_none()
    }

    /// Reads what comes after an answer of `before` bytes, until nothing has come for `gap`; whether the connection then ended.
    async fn aftermath(&mut self, gap: Duration, before: usize) -> bool {
        let end = later(Instant::now(), self.limit.max(gap));
        self.stop = None;
        self.until_silence(gap, end, before).await;
        self.stop == Some(End::Closed)
    }

    /// Reads until nothing has come for `gap`, until `end` at the latest; `before` bytes of the exchange are kept elsewhere.
    async fn until_silence(&mut self, gap: Duration, end: Instant, before: usize) {
        loop {
            self.deadline = later(Instant::now(), gap).min(end);
            if !self.more_beside(before).await {
                break;
            }
        }
    }

    /// Reads more bytes; false at the end of the stream, of the time, or beyond the bound, and `stop` says which.
    async fn more(&mut self) -> bool {
        self.more_beside(0).await
    }

    /// The same where `before` bytes of the exchange are kept elsewhere.
    async fn more_beside(&mut self, before: usize) -> bool {
        let room = LONGEST_ANSWER.saturating_sub(self.came.len().saturating_add(before));
        if self.stop.is_none() && room == 0 {
            self.stop = Some(End::TooLong);
        }
        // A stream that always has something would never let the timer be asked.
        if self.stop.is_none() && Instant::now() >= self.deadline {
            self.stop = Some(End::TimedOut);
        }
        if self.stop.is_some() {
            return false;
        }
        // Otherwise a buffer that is full grows by a few bytes, and each of them is a call.
        self.came.reserve(AT_ONCE.min(room));
        let mut buffer = (&mut self.came).limit(room);
        match tokio::time::timeout_at(self.deadline.into(), self.stream.read_buf(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => {}
            Ok(_) => self.stop = Some(End::Closed),
            Err(_) => self.stop = Some(End::TimedOut),
        }
        self.stop.is_none()
    }

    /// What has come and was not read yet.
    fn rest(&self) -> &[u8] {
        self.came.get(self.read..).unwrap_or_default()
    }

    /// Reads on until `count` bytes are there to be read, as far as they come.
    async fn fill(&mut self, count: usize) -> bool {
        while self.rest().len() < count {
            if !self.more().await {
                return false;
            }
        }
        true
    }

    /// The next `count` bytes, or as many as are there.
    fn take(&mut self, count: usize) -> &[u8] {
        let from = self.read;
        self.read = from.saturating_add(count).min(self.came.len());
        self.came.get(from..self.read).unwrap_or_default()
    }

    async fn read_response(&mut self, sent: &Sent) -> Option<Response> {
        loop {
            let mut response = self.read_head().await?;
            if (100..200).contains(&response.status) && response.status != 101 {
                continue;
            }
            (response.body, response.end) = self.read_body(&response, sent).await;
            return Some(response);
        }
    }

    async fn read_head(&mut self) -> Option<Response> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; 256];
            let mut head = httparse::Response::new(&mut fields);
            match head.parse(self.rest()) {
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
                    self.take(length);
                    return Some(response);
                }
                Ok(httparse::Status::Partial) if self.more().await => {}
                Ok(httparse::Status::Partial) => return None,
                Err(_) => {
                    self.listen().await;
                    return None;
                }
            }
        }
    }

    /// What is no HTTP has no end of its own: it is read as long as it flows, since something may lie in it.
    async fn listen(&mut self) {
        let end = self.deadline;
        self.until_silence(AFTERMATH, end, 0).await;
        // Silence is the end of it.
        if self.stop == Some(End::TimedOut) && Instant::now() < end {
            self.stop = Some(End::Closed);
        }
    }

    /// What stands behind an answer that has no content, and how it came to its end. A gate that sends some all the same shows it to whoever looks, so it is read
    /// as the content that it is; an ordinary client would throw it away.
    async fn read_behind(&mut self, response: &Response) -> (Vec<u8>, End) {
        let until = self.deadline;
        let gap = if response.says_close() { AFTERMATH } else { self.moment };
        self.until_silence(gap, until, 0).await;
        let stop = self.stop;
        if stop == Some(End::TimedOut) {
            self.stop = None;
        }
        self.deadline = until;
        let content = self.take(usize::MAX).to_vec();
        let end = match stop {
            Some(End::TooLong) => End::TooLong,
            Some(End::TimedOut) if !content.is_empty() && Instant::now() >= until => End::TimedOut,
            // Silence, or the end of the connection, is what was waited for.
            _ => End::Whole,
        };
        if !content.is_empty() {
            // Where the next answer would begin, nobody knows.
            self.stop = Some(End::Closed);
        }
        (content, end)
    }

    async fn read_body(&mut self, response: &Response, sent: &Sent) -> (Vec<u8>, End) {
        if sent.is_answered_without_content(response.status) {
            return (Vec::new(), End::Whole);
        }
        let chunked = response
            .header("transfer-encoding")
            .last()
            .is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
        if chunked {
            let mut body = Vec::new();
            let end = self.read_chunks(&mut body).await;
            return (body, end);
        }
        let length = response
            .header("content-length")
            .next()
            .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse::<usize>().ok());
        let end = match length {
            Some(length) if self.fill(length).await => End::Whole,
            Some(_) => self.stopped(),
            None => {
                while self.more().await {}
                match self.stopped() {
                    End::Closed => End::Whole,
                    other => other,
                }
            }
        };
        (self.take(length.unwrap_or(usize::MAX)).to_vec(), end)
    }

    /// Why nothing more came.
    fn stopped(&self) -> End {
        self.stop.unwrap_or(End::Closed)
    }

    async fn read_chunks(&mut self, body: &mut Vec<u8>) -> End {
        loop {
            match httparse::parse_chunk_size(self.rest()) {
                Ok(httparse::Status::Complete((start, 0))) => {
                    self.take(start);
                    return self.read_trailers().await;
                }
                Ok(httparse::Status::Complete((start, size))) => {
                    let size = usize::try_from(size).unwrap_or(usize::MAX);
                    let end = start.saturating_add(size).saturating_add(2);
                    let whole = self.fill(end).await;
                    let chunk = self.take(end);
                    let data =
                        chunk.get(start..start.saturating_add(size)).or_else(|| chunk.get(start..)).unwrap_or_default();
                    body.extend_from_slice(data);
                    if !whole {
                        return self.stopped();
                    }
                }
                Ok(httparse::Status::Partial) if self.more().await => {}
                Ok(httparse::Status::Partial) => {
                    self.take(usize::MAX);
                    return self.stopped();
                }
                // What follows is no chunk; the answer ends with what can be read of it.
                Err(_) => {
                    self.take(usize::MAX);
                    return End::Closed;
                }
            }
        }
    }

    /// Trailer lines up to the empty one; they stay in the bytes that are searched for canaries.
    async fn read_trailers(&mut self) -> End {
        loop {
            let line = self.rest().iter().position(|byte| *byte == b'\n');
            match line {
                Some(end) => {
                    let line = self.take(end.saturating_add(1));
                    if line == b"\r\n" || line == b"\n" {
                        return End::Whole;
                    }
                }
                None if self.more().await => {}
                None => {
                    self.take(usize::MAX);
                    return self.stopped();
                }
            }
        }
    }
}

/// A time that is `wait` after another.
fn later(at: Instant, wait: Duration) -> Instant {
    at.checked_add(wait).unwrap_or(at)
}
