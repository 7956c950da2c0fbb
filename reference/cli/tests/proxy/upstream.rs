//! An upstream on loopback that answers as a test says, byte for byte, and keeps what it was asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came in.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    /// The values of a field, joined; empty where it is absent.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" | ")
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(sent, _)| sent.eq_ignore_ascii_case(name))
    }
}

pub struct Upstream {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Upstream {
    /// Answers each request with what `answer` writes. It gets the head alone; the body is read after it.
    pub fn start(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> Upstream {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answer, kept) = (Arc::new(answer), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                std::thread::spawn(move || serve(stream, &*answer, &kept));
            }
        });
        Upstream { address, asked }
    }

    /// Answers everything with the same bytes.
    pub fn saying(bytes: &'static str) -> Upstream {
        Upstream::start(move |_, stream| stream.write_all(bytes.as_bytes()).expect("written"))
    }

    /// Answers 200 with the text `up`.
    pub fn plain() -> Upstream {
        Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup")
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// The one request that came.
    pub fn one(&self) -> Asked {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Asked, &mut TcpStream), kept: &Mutex<Vec<Asked>>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    while let Some(mut asked) = head(&mut stream) {
        asked.body = body(&asked, &mut stream);
        kept.lock().expect("no panic").push(asked.clone());
        answer(&asked, &mut stream);
    }
}

/// Reads a head, byte by byte, so that nothing behind it is taken.
fn head(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut one = [0];
        stream.read_exact(&mut one).ok()?;
        bytes.push(one[0]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(Asked { line, headers: headers.collect(), body: String::new() })
}

fn body(asked: &Asked, stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    if let Ok(length) = asked.header("content-length").parse() {
        bytes.resize(length, 0);
        if stream.read_exact(&mut bytes).is_err() {
            return "(cut)".to_owned();
        }
    } else if asked.header("transfer-encoding") == "chunked" {
        while !bytes.ends_with(b"0\r\n\r\n") {
            let mut one = [0];
            if stream.read_exact(&mut one).is_err() {
                return "(cut)".to_owned();
            }
            bytes.push(one[0]);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
