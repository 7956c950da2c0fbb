//! The smallest site that the CMS can work in: its page, and below their prefixes the identity service and Git Gateway.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rolegate_identity::{Call, Handler, Moment, Reply};
use serde_json::json;

/// A server on loopback; it ends with the test.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    site: Arc<Site>,
}

#[derive(Debug)]
struct Site {
    handlers: Vec<Box<dyn Handler>>,
    folder: PathBuf,
    cms: PathBuf,
    workflow: bool,
    asked: Mutex<Vec<String>>,
}

impl Server {
    pub fn start(handlers: Vec<Box<dyn Handler>>, folder: PathBuf, cms: PathBuf, workflow: bool) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let site = Arc::new(Site { handlers, folder, cms, workflow, asked: Mutex::default() });
        let served = site.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let site = served.clone();
                thread::spawn(move || site.serve(stream));
            }
        });
        Server { address, site }
    }

    /// The address to open; on a name below `localhost` the CMS does as on a public site.
    pub fn origin(&self) -> String {
        format!("http://site.localhost:{}", self.address.port())
    }

    /// Status, method and path of everything that the two services were asked.
    pub fn asked(&self) -> Vec<String> {
        self.site.asked.lock().expect("no panic").clone()
    }
}

impl Site {
    fn serve(&self, stream: TcpStream) {
        let Ok(copy) = stream.try_clone() else {
            return;
        };
        let mut reader = BufReader::new(copy);
        while let Some((method, target, headers, body)) = request(&mut reader) {
            let reply = self.answer(&method, &target, headers, body);
            let mut head = format!("HTTP/1.1 {}\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
            for (name, value) in &reply.headers {
                head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("visible ASCII")));
            }
            head.push_str("\r\n");
            let mut stream = &stream;
            if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&reply.body)).is_err() {
                return;
            }
        }
    }

    fn answer(&self, method: &Method, target: &str, headers: HeaderMap, body: Bytes) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        for handler in &self.handlers {
            let Some(rest) = path.strip_prefix(handler.prefix()) else {
                continue;
            };
            if body.len() > handler.body_limit(method, rest) {
                return Reply::too_large();
            }
            let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
            let call = Call {
                method: method.clone(),
                path: rest.to_owned(),
                query: query.to_owned(),
                origin: format!("http://{host}"),
                headers,
                body,
                client: [127, 0, 0, 1].into(),
                now: Moment::now(),
            };
            let reply = handler.answer(&call);
            self.asked.lock().expect("no panic").push(format!("{} {method} {rest}", reply.status.as_u16()));
            return reply;
        }
        let ok = http::StatusCode::OK;
        let file = |path: PathBuf, kind: &str| {
            let body = fs::read(path).expect("a file");
            Reply { body: body.into(), ..Reply::empty(ok) }.with(http::header::CONTENT_TYPE, kind)
        };
        match path {
            "/admin/" => file(self.folder.join("admin.html"), "text/html; charset=utf-8"),
            "/admin/decap-cms.js" => file(self.cms.clone(), "text/javascript; charset=utf-8"),
            "/admin/config.yml" => {
                let mut config = fs::read_to_string(self.folder.join("config.yml")).expect("a file");
                if self.workflow {
                    config.push_str("publish_mode: editorial_workflow\n");
                }
                Reply { body: config.into(), ..Reply::empty(ok) }.with(http::header::CONTENT_TYPE, "text/yaml")
            }
            "/status.json" => {
                Reply::json(ok, &json!({ "components": [{ "name": "Git Gateway", "status": "operational" }] }))
            }
            _ => Reply::error(http::StatusCode::NOT_FOUND, "Not Found"),
        }
    }
}

/// The next request of a connection.
fn request(reader: &mut impl BufRead) -> Option<(Method, String, HeaderMap, Bytes)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let (method, target) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let mut headers = HeaderMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.trim()).ok()?);
    }
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, target, headers, body.into()))
}
