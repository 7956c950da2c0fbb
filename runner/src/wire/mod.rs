//! Requests as they are sent and answers as they come back.
//!
//! Two clients: [`plain`] is an ordinary HTTP client (reqwest); [`raw`] writes the bytes it is given and changes none, for targets and whole
//! requests that an ordinary client would repair. The report says which one was used. Both are bounded alike, in bytes ([`LONGEST_ANSWER`]) and in time. A gate of this process is asked through [`memory`].

pub mod coding;
pub mod memory;
pub mod plain;
pub mod raw;
pub mod tls;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use self::coding::Decoded;
pub use self::tls::Trust;

/// Where a gate listens.
#[derive(Clone, Debug)]
pub struct Target {
    /// `http` or `https`.
    pub https: bool,
    /// The host name or address as it goes into `Host`, without port.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The address to connect to, if it is not what the name resolves to (`--connect-to`).
    pub connect_to: Option<SocketAddr>,
    /// Which certificates are taken.
    pub trust: Trust,
}

/// One request, every byte decided.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The request target.
    pub target: Vec<u8>,
    /// The value of `Host`.
    pub host: Vec<u8>,
    /// Header lines without `Host`, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// The whole request, if it is a raw one; the fields above are then empty.
    pub raw: Option<Vec<u8>>,
    /// How many responses to read on the connection.
    pub responses: usize,
    /// Whether an ordinary client must not touch it.
    pub byte_exact: bool,
    /// How long to wait for the end of the connection after the answer to a raw request.
    pub linger: Duration,
}

/// No more bytes than this are read of one answer, by either client: interim responses, head, framing, body and trailers together. No more than this come out
/// of a coded body. What came is looked through for leaks, and the report says that there was more.
pub const LONGEST_ANSWER: usize = 4 << 20;
/// How long to listen for bytes after the last answer to a raw request.
pub const AFTERMATH: Duration = Duration::from_millis(25);
/// How long a gate gets to close a connection where the case says that it must.
pub const CLOSING: Duration = Duration::from_secs(2);

/// The client that sent a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Client {
    /// The ordinary HTTP client.
    Plain,
    /// The byte-exact wire.
    Raw,
}

/// A request and what came back.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The request.
    pub sent: Sent,
    /// Who sent it.
    pub client: Client,
    /// What came back.
    pub answer: Answer,
    /// When the first byte was sent, by the clock of this machine.
    pub started: SystemTime,
    /// From the first byte sent to the last byte received.
    pub elapsed: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The connection ended without a response; these bytes came.
    Closed(Vec<u8>),
    /// A response.
    Response(Box<Response>),
    /// Nothing, or not all, within the time limit; these bytes came.
    TimedOut(Vec<u8>),
    /// More than [`LONGEST_ANSWER`] without a response in it; these bytes came first.
    TooLong(Vec<u8>),
}

/// How a response came to its end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum End {
    /// The connection ended before the response did.
    Closed,
    /// The time limit came before its end.
    TimedOut,
    /// It was longer than [`LONGEST_ANSWER`]; the rest was not read.
    TooLong,
    /// As its framing says.
    #[default]
    Whole,
}

/// A response, decoded and as it came.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header lines in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
    /// Every byte that came on the connection, as far as the client gives them: the status line and headers are written anew by the plain client.
    pub wire: Vec<u8>,
    /// How many bytes of `wire` belong to earlier responses on the same connection.
    pub earlier: usize,
    /// Whether the connection ended after the answer to a raw request, within the time that was waited for it.
    pub then_closed: bool,
    /// How it came to its end: unless that is [`End::Whole`], the body and what follows it are as far as they came.
    pub end: End,
}

impl Target {
    /// The value of `Host`: the port is left out where it is the scheme's own.
    #[must_use]
    pub fn host_value(&self) -> String {
        let own = if self.https { 443 } else { 80 };
        if self.port == own { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Scheme and authority.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.host_value())
    }
}

impl Response {
    /// Whether another request may follow on the same connection.
    #[must_use]
    pub fn keeps_connection(&self) -> bool {
        let delimited = self.header("content-length").next().is_some()
            || self.header("transfer-encoding").next().is_some()
            || has_no_content(self.status);
        !self.says_close() && delimited && self.end == End::Whole
    }

    /// Whether the server says that it closes the connection.
    #[must_use]
    pub fn says_close(&self) -> bool {
        self.header("connection").any(|value| value.to_ascii_lowercase().windows(5).any(|word| word == b"close"))
    }

    /// The body without its codings, if it has any that are known; the framing in chunks is undone already.
    #[must_use]
    pub fn decoded(&self) -> Option<Decoded> {
        // RFC 9112 §7: transfer codings come over content codings.
        let fields = self.header("content-encoding").chain(self.header("transfer-encoding"));
        let list = fields.map(String::from_utf8_lossy).collect::<Vec<_>>().join(",");
        let codings: Vec<&str> =
            list.split(',').filter(|coding| !coding.trim().eq_ignore_ascii_case("chunked")).collect();
        coding::undo(&codings.join(","), &self.body)
    }

    /// The body as it is read: without its codings where they are known, else as it came.
    #[must_use]
    pub fn content(&self) -> Cow<'_, [u8]> {
        self.decoded().map_or(Cow::Borrowed(&self.body), |decoded| Cow::Owned(decoded.bytes))
    }

    /// The values of a header field, by lower-case name.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.headers.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_slice())
    }
}

impl Answer {
    /// The response, if there is one.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Response(response) => Some(response),
            Self::Closed(_) | Self::TimedOut(_) | Self::TooLong(_) => None,
        }
    }

    /// Every byte that came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Response(response) => &response.wire,
            Self::Closed(bytes) | Self::TimedOut(bytes) | Self::TooLong(bytes) => bytes,
        }
    }

    /// The same without what is beyond the first `most` bytes of its body and of what came on the connection.
    #[must_use]
    pub fn shortened(mut self, most: usize) -> Self {
        let cut = |bytes: &mut Vec<u8>| {
            bytes.truncate(most);
            bytes.shrink_to_fit();
        };
        match &mut self {
            Self::Response(response) => {
                cut(&mut response.body);
                cut(&mut response.wire);
            }
            Self::Closed(bytes) | Self::TimedOut(bytes) | Self::TooLong(bytes) => cut(bytes),
        }
        self
    }
}

impl Sent {
    /// A GET of `path` that either client may send, without further header lines.
    #[must_use]
    pub fn get(target: &Target, path: impl Into<Vec<u8>>) -> Sent {
        Sent {
            method: "GET".to_owned(),
            target: path.into(),
            host: target.host_value().into_bytes(),
            headers: Vec::new(),
            body: Vec::new(),
            raw: None,
            responses: 1,
            byte_exact: false,
            linger: AFTERMATH,
        }
    }

    /// Whether the answer has no body because the request asks for none (RFC 9110 §9.3.2).
    #[must_use]
    pub fn is_head(&self) -> bool {
        match &self.raw {
            Some(raw) => raw.starts_with(b"HEAD "),
            None => self.method == "HEAD",
        }
    }

    /// Whether an answer to it with this status ends with its head, and has no content (RFC 9112 §6.3).
    #[must_use]
    pub fn is_answered_without_content(&self, status: u16) -> bool {
        self.is_head() || has_no_content(status)
    }

    /// Whether a server that takes a lone line feed for the end of a line (RFC 9112 §2.2) reads a request line without a version: one of HTTP/0.9, whose answer
    /// is content without a head.
    #[must_use]
    pub fn may_be_of_version_0_9(&self) -> bool {
        let bytes = self.bytes();
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.len() < bytes.len() && !line.ends_with(b"\r") && memchr::memmem::find(line, b" HTTP/").is_none()
    }

    /// The bytes of the request as HTTP/1.1 has them.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(&self.target);
        out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        out.extend_from_slice(&self.host);
        out.extend_from_slice(b"\r\n");
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        if !self.body.is_empty() && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            out.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }

    /// A command line that sends the same request, secrets left out unless `show_secrets`.
    #[must_use]
    pub fn reproduce(&self, target: &Target, show_secrets: bool) -> String {
        if self.raw.is_some() {
            let bytes = printf(&redact(&self.bytes(), show_secrets));
            let (host, port) = match target.connect_to {
                Some(address) => (address.ip().to_string(), address.port()),
                None => (target.host.clone(), target.port),
            };
            let client = if target.https {
                format!("openssl s_client -quiet -servername {} -connect {host}:{port}", target.host)
            } else {
                format!("nc {host} {port}")
            };
            return format!("printf {} | {client}", quote(&bytes));
        }
        let mut line = String::from("curl -isS --path-as-is");
        line.push_str(&target.trust.for_curl());
        if let Some(address) = target.connect_to {
            let _ = write!(line, " --connect-to {}", quote(&format!("{}:{}:{address}", target.host, target.port)));
        }
        if self.method == "HEAD" {
            line.push_str(" -I");
        } else if self.method != "GET" {
            let _ = write!(line, " -X {}", quote(&self.method));
        }
        let mut url = format!("{}{}", target.origin(), String::from_utf8_lossy(&self.target));
        if self.byte_exact {
            let _ = write!(line, " --request-target {}", ansi_quote(&self.target));
            url = format!("{}/", target.origin());
        }
        if self.host != target.host_value().as_bytes() {
            let _ = write!(line, " -H {}", ansi_quote(&[b"Host: ", self.host.as_slice()].concat()));
        }
        for (name, value) in &self.headers {
            let value = redact(value, show_secrets);
            let field = [name.as_bytes(), b": ", &value].concat();
            let _ = write!(line, " -H {}", ansi_quote(&field));
        }
        if !self.body.is_empty() {
            let _ = write!(line, " --data-binary {}", ansi_quote(&self.body));
        }
        let _ = write!(line, " {}", quote(&url));
        line
    }
}

fn has_no_content(status: u16) -> bool {
    matches!(status, 204 | 304)
}

/// Bytes with everything that looks like a token (three base64url runs joined by dots, or what follows `nf_jwt=`) replaced.
#[must_use]
pub fn redact(bytes: &[u8], show_secrets: bool) -> Vec<u8> {
    const NAME: &[u8] = b"nf_jwt=";
    if show_secrets {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if rest.starts_with(NAME) {
            out.extend_from_slice(NAME);
            rest = rest.get(NAME.len()..).unwrap_or_default();
            let value =
                rest.iter().take_while(|byte| !matches!(byte, b';' | b'\r' | b'\n' | b' ' | b'"' | b'&')).count();
            if value > 0 {
                out.extend_from_slice(b"<token>");
            }
            rest = rest.get(value..).unwrap_or_default();
        } else if rest.starts_with(b"eyJ") || rest.starts_with(b"ewog") {
            let value = rest
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'='))
                .count();
            out.extend_from_slice(b"<token>");
            rest = rest.get(value..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out
}

fn printf(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'\r' => out.push_str("\\r"),
            b'\n' => out.push_str("\\n"),
            b'%' => out.push_str("%%"),
            b'\\' => out.push_str("\\\\"),
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Single quotes where that is enough, `$'…'` where a byte needs an escape.
fn ansi_quote(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return quote(&String::from_utf8_lossy(bytes));
    }
    let mut out = String::from("$'");
    for byte in bytes {
        match byte {
            b'\'' => out.push_str("\\'"),
            b'\\' => out.push_str("\\\\"),
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_redacted_wherever_they_stand() {
        for (text, want) in [
            ("nf_jwt=eyJhbGciOi.eyJ.abc; a=b", "nf_jwt=<token>; a=b"),
            ("GET /?nf_jwt=abc&x=1 HTTP/1.1", "GET /?nf_jwt=<token>&x=1 HTTP/1.1"),
            ("Bearer eyJhbGciOi.eyJ.abc", "Bearer <token>"),
            ("nf_jwt=", "nf_jwt="),
        ] {
            assert_eq!(String::from_utf8(redact(text.as_bytes(), false)).unwrap(), want);
            assert_eq!(redact(text.as_bytes(), true), text.as_bytes());
        }
    }

    #[test]
    fn a_curl_line_goes_where_the_run_went() {
        let address = Some(([203, 0, 113, 7], 8443).into());
        let target =
            Target { https: true, host: "gate.example".into(), port: 443, connect_to: address, trust: Trust::Any };
        assert_eq!(
            Sent::get(&target, "/a").reproduce(&target, false),
            "curl -isS --path-as-is -k --connect-to 'gate.example:443:203.0.113.7:8443' 'https://gate.example/a'"
        );
    }

    #[test]
    fn a_curl_line_can_be_pasted() {
        let target =
            Target { https: false, host: "127.0.0.1".into(), port: 8080, connect_to: None, trust: Trust::default() };
        let sent = Sent {
            method: "POST".into(),
            headers: vec![("Cookie".into(), b"nf_jwt=abc".to_vec())],
            byte_exact: true,
            ..Sent::get(&target, b"/a/../b'\xff")
        };
        assert_eq!(
            sent.reproduce(&target, false),
            r"curl -isS --path-as-is -X 'POST' --request-target $'/a/../b\'\xff' -H 'Cookie: nf_jwt=<token>' 'http://127.0.0.1:8080/'"
        );
    }
}
