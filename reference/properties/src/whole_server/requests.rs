//! Requests as they are sent, and how a plain reader takes them.

use std::fmt;

use hyper::Uri;
use rolegate::edge::{Connection, Seen};
use rolegate::path::origin_form;
use rolegate::request::Request;
use rolegate_server::files::DirSite;
use rolegate_server::in_force::KeyedGate;

/// A request that was sent.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: Vec<u8>,
    pub(super) host: Option<String>,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    /// All that could hold a token of this visitor.
    pub(super) words: Vec<u8>,
    /// Nothing of the request is odd, so that it deserves an answer.
    pub(super) is_plain: bool,
    /// The server may end the connection after it.
    pub(super) is_last: bool,
    /// The place in the history of what was in force when its first byte was sent.
    pub(super) since: usize,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        write!(f, "{} {} for {:?}, in force since {}", self.method, text(&self.target), self.host, self.since)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, "\n{name}: {}", text(value)))
    }
}

impl Asked {
    /// Reads a whole request of HTTP/1.1; `None` where readers may differ about where it ends.
    pub(super) fn read(bytes: &[u8], since: usize) -> Option<Asked> {
        let mut lines = [httparse::EMPTY_HEADER; 128];
        let mut head = httparse::Request::new(&mut lines);
        let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else { return None };
        let (body, sent) = (bytes.get(length..).unwrap_or_default(), bytes.get(..length).unwrap_or_default());
        let fields: Vec<(String, Vec<u8>)> =
            head.headers.iter().map(|line| (line.name.to_ascii_lowercase(), line.value.to_vec())).collect();
        let named = |name: &str| {
            fields.iter().filter(|(sent, _)| sent == name).map(|(_, value)| value.as_slice()).collect::<Vec<_>>()
        };
        let ends_here = match (named("content-length").as_slice(), named("transfer-encoding").as_slice()) {
            ([], []) => body.is_empty(),
            ([digits], []) => std::str::from_utf8(digits).ok()?.parse() == Ok(body.len()),
            ([], [b"chunked"]) => body.ends_with(b"0\r\n\r\n"),
            _ => false,
        };
        let lines = sent.strip_suffix(b"\r\n\r\n")?;
        let is_in_lines = memchr::memchr_iter(b'\n', lines).all(|at| at > 0 && lines.get(at - 1) == Some(&b'\r'));
        if !ends_here || !is_in_lines {
            return None;
        }
        let method = head.method?.to_owned();
        let target = head.path?.as_bytes().to_vec();
        let hosts = named("host");
        let host = hosts.first().and_then(|host| std::str::from_utf8(host).ok()).map(str::to_owned);
        let is_plain = hosts.len() == 1
            && head.version == Some(1)
            && target.starts_with(b"/")
            && method != "CONNECT"
            && sent.len() < 4096;
        let closes =
            named("connection").iter().any(|value| value.to_ascii_lowercase().windows(5).any(|word| word == b"close"));
        let is_last = closes
            || !body.is_empty()
            || head.version == Some(0)
            || !named("expect").is_empty()
            || !named("upgrade").is_empty();
        Some(Asked { method, target, host, words: bytes.to_vec(), fields, is_plain, is_last, since })
    }

    /// A request of HTTP/2.
    pub(super) fn of_http2(method: &str, uri: &Uri, fields: Vec<(String, Vec<u8>)>, since: usize) -> Asked {
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).as_bytes().to_vec();
        let words = fields.iter().flat_map(|(_, value)| value.iter().copied().chain(*b"\n")).collect();
        let host = uri.authority().map(|authority| authority.as_str().to_owned());
        Asked { method: method.to_owned(), target, host, fields, words, is_plain: true, is_last: false, since }
    }

    /// What is to be decided about it at `gate`, if it is a request there.
    pub(super) fn seen_by<T>(
        &self,
        gate: &KeyedGate<DirSite>,
        connection: Connection,
        then: impl FnOnce(&Request<'_>, &Seen<'_>) -> T,
    ) -> Option<T> {
        let headers: Vec<(&str, &[u8])> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let seen = gate.edge().see(connection, &self.target, self.host.as_deref(), &headers, gate.rules()).ok()?;
        let target = origin_form(&self.target);
        let request = Request {
            method: &self.method,
            target: &target,
            host: seen.address,
            scheme: seen.scheme,
            headers: &headers,
            country: seen.country.as_ref().map(rolegate::edge::Country::code),
        };
        Some(then(&request, &seen))
    }
}
