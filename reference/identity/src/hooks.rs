//! Event functions: programs of the site's author that are asked when a user is made, confirmed or logs in, and told when
//! an admin has changed or removed one.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::body;
use crate::user::{Metadata, User};

/// How often a function is asked before it counts as failed.
const TRIES: usize = 3;
/// How long it may take each time.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;
/// An answer with more header fields than this is none.
const MAX_FIELDS: usize = 128;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A user is about to be made.
    Validate,
    /// A user is confirmed.
    Signup,
    /// A user logs in.
    Login,
    /// An admin has changed a user.
    UserModified,
    /// An admin has removed a user.
    UserDeleted,
}

impl Event {
    /// The event's name in the document.
    pub fn name(self) -> &'static str {
        match self {
            Event::Validate => "validate",
            Event::Signup => "signup",
            Event::Login => "login",
            Event::UserModified => "usermodified",
            Event::UserDeleted => "userdeleted",
        }
    }
}

/// The metadata that a function answers with; each map replaces the whole one of the user.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// What the operator says of the user.
    pub app_metadata: Option<Metadata>,
    /// What the user says.
    pub user_metadata: Option<Metadata>,
}

impl Changes {
    /// Makes the changes.
    pub fn apply(&self, user: &mut User, now: crate::Moment) {
        if let Some(app) = &self.app_metadata
            && *app != user.app_metadata
        {
            user.app_metadata = app.clone();
            user.roles_changed_at = Some(now);
        }
        if let Some(own) = &self.user_metadata {
            user.user_metadata = Some(own.clone());
        }
    }
}

/// Why a function did not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookFault {
    /// Nobody listens there.
    Unreachable,
    /// It took too long.
    TooSlow,
    /// It answered with another status than 200, 202 or 204, or with what is no JSON document.
    Refused(u16),
}

/// Where an event function is: `http://` and an address of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    address: SocketAddr,
    authority: String,
    path: String,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// Where it leads away from this machine, or is none.
    pub fn read(url: &str) -> Result<Target, String> {
        let help = || {
            format!("`{url}` is no event function of this machine; write a URL such as `http://127.0.0.1:9000/signup`")
        };
        let rest = url.strip_prefix("http://").ok_or_else(help)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !is_plain(rest) {
            return Err(help());
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| help())?),
            _ => (authority, 80),
        };
        let host: IpAddr = match host {
            "localhost" | "127.0.0.1" => Ipv4Addr::LOCALHOST.into(),
            "[::1]" => Ipv6Addr::LOCALHOST.into(),
            _ => return Err(help()),
        };
        Ok(Target { address: (host, port).into(), authority: authority.to_owned(), path: format!("/{path}") })
    }
}

/// Asks event functions.
pub trait Caller: Send + Sync + fmt::Debug {
    /// Sends a JSON document with these header fields; the status and the body of what comes back.
    ///
    /// # Errors
    /// Where nobody listens, or it takes too long.
    fn post(&self, target: &Target, fields: &[(&str, &str)], document: &[u8]) -> io::Result<(u16, Vec<u8>)>;
}

/// Asks over HTTP/1.0, so that the answer ends with the connection and has no further framing (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug)]
pub struct Loopback;

impl Caller for Loopback {
    fn post(&self, target: &Target, fields: &[(&str, &str)], document: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let since = Instant::now();
        let mut stream = TcpStream::connect_timeout(&target.address, PATIENCE)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut message = format!(
            "POST {} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n",
            target.path,
            target.authority,
            document.len()
        );
        for (name, value) in fields {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        message.push_str("\r\n");
        let mut message = message.into_bytes();
        message.extend_from_slice(document);
        stream.write_all(&message)?;
        let mut answer = Vec::new();
        // All of it has to be there in time, however it comes.
        loop {
            let left = PATIENCE.checked_sub(since.elapsed()).filter(|left| !left.is_zero());
            stream.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
            let mut part = [0; 8192];
            let length = stream.read(&mut part)?;
            answer.extend_from_slice(part.get(..length).unwrap_or_default());
            match read_answer(&answer, length == 0) {
                Read::Whole(status, body) => return Ok((status, body)),
                Read::Goes if answer.len() <= MAX_ANSWER => {}
                Read::Goes | Read::Nonsense => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer"));
                }
            }
        }
    }
}

/// What of an answer is there.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// Status and body.
    Whole(u16, Vec<u8>),
    /// More has to come.
    Goes,
    /// No answer, or one that ends before its end.
    Nonsense,
}

/// Reads an answer, which ends where it says so, or with its connection (RFC 9112 §6.3).
fn read_answer(answer: &[u8], has_ended: bool) -> Read {
    let goes_on = if has_ended { Read::Nonsense } else { Read::Goes };
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let body = match head.parse(answer) {
        Ok(httparse::Status::Complete(length)) => answer.get(length..).unwrap_or_default(),
        Ok(httparse::Status::Partial) => return goes_on,
        Err(_) => return Read::Nonsense,
    };
    let Some((status, length)) = framing(&head) else { return Read::Nonsense };
    match length {
        Some(length) if body.len() < length => goes_on,
        None if !has_ended => Read::Goes,
        length => Read::Whole(status, body.get(..length.unwrap_or(body.len())).unwrap_or_default().to_vec()),
    }
}

/// The status of an answer, and the length of its body where it says that.
fn framing(head: &httparse::Response<'_, '_>) -> Option<(u16, Option<usize>)> {
    let (status, mut length) = (head.code?, None);
    for field in head.headers.iter() {
        if field.name.eq_ignore_ascii_case("transfer-encoding") {
            // Nobody who is asked over HTTP/1.0 answers in parts.
            return None;
        }
        if field.name.eq_ignore_ascii_case("content-length") {
            let said = std::str::from_utf8(field.value).ok()?.trim().parse().ok()?;
            if length.replace(said).is_some_and(|other| other != said) {
                return None;
            }
        }
    }
    // These have no body, whatever they say.
    Some((status, if matches!(status, 204 | 304) { Some(0) } else { length }))
}

/// Asks a function, again where it fails.
///
/// # Errors
/// How it failed the last time.
pub fn ask(
    caller: &dyn Caller,
    target: &Target,
    fields: &[(&str, &str)],
    document: &[u8],
) -> Result<Changes, HookFault> {
    let mut fault = HookFault::Unreachable;
    for _ in 0..TRIES {
        fault = match caller.post(target, fields, document) {
            Ok((200 | 202 | 204, body)) if body.iter().all(u8::is_ascii_whitespace) => return Ok(Changes::default()),
            Ok((status @ (200 | 202 | 204), body)) => match body::json(&body) {
                Ok(changes) => return Ok(changes),
                Err(_) => HookFault::Refused(status),
            },
            Ok((status, _)) => HookFault::Refused(status),
            Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                HookFault::TooSlow
            }
            // There is nobody to ask again.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(HookFault::Unreachable),
            Err(_) => HookFault::Unreachable,
        };
    }
    Err(fault)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn functions_are_on_this_machine() {
        for good in ["http://127.0.0.1:9/a?b", "http://localhost", "http://[::1]:80/x"] {
            assert!(Target::read(good).is_ok(), "{good}");
        }
        for bad in [
            "https://127.0.0.1/",
            "http://192.0.2.1/",
            "http://localhost.evil.example/",
            "http://a@127.0.0.1@evil.example/",
            "http://127.0.0.1:x/",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/a\r\nb",
            "127.0.0.1",
            "",
        ] {
            assert!(Target::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn answers() {
        let whole = |status, body: &str| Read::Whole(status, body.as_bytes().to_vec());
        for (answer, goes_on, at_its_end) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}", Read::Goes, whole(200, "{}")),
            ("HTTP/1.0 204 No Content\r\n\r\n", whole(204, ""), whole(204, "")),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}x", whole(200, "{}"), whole(200, "{}")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", Read::Goes, Read::Nonsense),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Read::Goes, Read::Nonsense),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", Read::Nonsense, Read::Nonsense),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Read::Nonsense, Read::Nonsense),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Read::Nonsense, Read::Nonsense),
            ("", Read::Goes, Read::Nonsense),
            ("HTTP/1.1 200 OK\r\n", Read::Goes, Read::Nonsense),
            ("SSH-2.0-x 200\r\n\r\n", Read::Nonsense, Read::Nonsense),
        ] {
            assert_eq!(read_answer(answer.as_bytes(), false), goes_on, "{answer:?}");
            assert_eq!(read_answer(answer.as_bytes(), true), at_its_end, "{answer:?}");
        }
    }

    /// One that says something now and then is asked no longer than one that says nothing, and one that has said all is not
    /// waited for although it keeps the connection.
    #[test]
    fn an_answer_comes_in_time_or_not_at_all() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target::read(&format!("http://{}/x", listener.local_addr().unwrap())).unwrap();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
                let (mut slow, _) = listener.accept().unwrap();
                slow.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
                while ended.recv_timeout(Duration::from_millis(200)).is_err() {
                    let _it_may_be_closed = slow.write_all(b"A: b\r\n");
                }
            });
            let since = Instant::now();
            assert_eq!(Loopback.post(&target, &[], b"{}").unwrap(), (200, b"{}".to_vec()));
            assert!(since.elapsed() < PATIENCE, "it has said all");
            let since = Instant::now();
            let kind = Loopback.post(&target, &[], b"{}").unwrap_err().kind();
            assert!(matches!(kind, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{kind}");
            assert!(since.elapsed() < PATIENCE * 2, "{:?}", since.elapsed());
            end.send(()).unwrap();
        });
    }
}
