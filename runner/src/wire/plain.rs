//! The ordinary client: reqwest without redirects, cookies, proxies or decompression.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use http_body_util::BodyExt as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

use super::{Answer, Client, End, Exchange, LONGEST_ANSWER, Response, Sent, Target, Trust};

/// The HTTP version that the client speaks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HttpVersion {
    /// HTTP/1.1
    #[default]
    Http1,
    /// HTTP/2, with prior knowledge where there is no TLS.
    Http2,
}

/// An ordinary client for one gate.
#[derive(Clone, Debug)]
pub struct Plain {
    clients: Clients,
    target: Target,
}

/// The ordinary clients of a run, whatever gate they ask.
#[derive(Clone, Debug)]
pub struct Clients {
    usual: reqwest::Client,
    /// Opens a connection for each request. Only HTTP/2 needs it: there the usual one sends many requests at once over one connection.
    apart: Option<reqwest::Client>,
}

/// How the ordinary client behaves, whatever gate it asks.
#[derive(Clone, Copy, Debug)]
pub struct PlainOptions<'a> {
    /// The HTTP version.
    pub version: HttpVersion,
    /// The time limit of one answer.
    pub limit: Duration,
    /// The gate, if it runs already: whether it speaks TLS, with which certificates, and what address to connect to.
    pub remote: Option<&'a Target>,
}

impl Clients {
    /// Clients that any number of gates can be asked with: setting one up reads the certificates of the machine, so once is enough.
    ///
    /// # Errors
    /// The TLS set-up of this machine.
    pub fn new(options: PlainOptions<'_>) -> Result<Self, String> {
        let usual = builder(options).build().map_err(|error| chain(&error))?;
        let apart = || builder(options).pool_max_idle_per_host(0).build().map_err(|error| chain(&error));
        let apart = (options.version == HttpVersion::Http2).then(apart).transpose()?;
        Ok(Self { usual, apart })
    }

    /// Clients that open a connection for each request, whatever the version.
    ///
    /// # Errors
    /// The TLS set-up of this machine.
    pub fn apart(options: PlainOptions<'_>) -> Result<Self, String> {
        let usual = builder(options).pool_max_idle_per_host(0).build().map_err(|error| chain(&error))?;
        Ok(Self { usual, apart: None })
    }
}

fn builder(options: PlainOptions<'_>) -> reqwest::ClientBuilder {
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(options.limit)
        .tcp_nodelay(true)
        .retry(reqwest::retry::never());
    builder = match options.remote.filter(|target| target.https).map(|target| &target.trust) {
        // Nothing is asked over TLS, and to read what this machine trusts takes milliseconds.
        None => builder.tls_certs_only([]),
        Some(Trust::Machine) => builder,
        Some(Trust::Also { authorities, .. }) => {
            builder.tls_certs_merge(authorities.iter().filter_map(|one| reqwest::Certificate::from_der(one).ok()))
        }
        Some(Trust::Any) => builder.tls_danger_accept_invalid_certs(true),
    };
    builder = match options.version {
        HttpVersion::Http1 => builder.http1_only(),
        HttpVersion::Http2 if options.remote.is_some_and(|target| target.https) => builder,
        HttpVersion::Http2 => builder.http2_prior_knowledge(),
    };
    if let Some(target) = options.remote
        && let Some(address) = target.connect_to
    {
        builder = builder.resolve(&target.host, address);
    }
    builder
}

impl Plain {
    /// The ordinary way to `target`.
    #[must_use]
    pub fn new(target: Target, clients: Clients) -> Self {
        Self { clients, target }
    }

    /// Whether requests share a connection, so that what one of them does to it can cost another its answer.
    #[must_use]
    pub fn shares_connections(&self) -> bool {
        self.clients.apart.is_some()
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// The gate cannot be reached, or the request cannot be said in this client's terms.
    pub async fn exchange(&self, sent: Sent) -> io::Result<Exchange> {
        self.exchange_by(&self.clients.usual, sent).await
    }

    /// The same on a connection that no other request is on.
    ///
    /// # Errors
    /// As [`Plain::exchange`] has them.
    pub async fn exchange_apart(&self, sent: Sent) -> io::Result<Exchange> {
        self.exchange_by(self.clients.apart.as_ref().unwrap_or(&self.clients.usual), sent).await
    }

    async fn exchange_by(&self, client: &reqwest::Client, sent: Sent) -> io::Result<Exchange> {
        let (at, started) = (SystemTime::now(), Instant::now());
        let request = self.request(&sent).map_err(io::Error::other)?;
        let answer = match client.execute(request).await {
            Ok(response) => answer(response).await,
            Err(error) if error.is_connect() => {
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, chain(&error)));
            }
            Err(error) if error.is_timeout() => Answer::TimedOut(Vec::new()),
            Err(_) => Answer::Closed(Vec::new()),
        };
        Ok(Exchange { sent, client: Client::Plain, answer, started: at, elapsed: started.elapsed() })
    }

    fn request(&self, sent: &Sent) -> Result<reqwest::Request, String> {
        let url = format!("{}{}", self.target.origin(), String::from_utf8_lossy(&sent.target));
        let url: reqwest::Url = url.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let method = reqwest::Method::from_bytes(sent.method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = reqwest::Request::new(method, url);
        let mut headers = HeaderMap::new();
        if sent.host != self.target.host_value().as_bytes() {
            headers
                .insert(reqwest::header::HOST, HeaderValue::from_bytes(&sent.host).map_err(|error| error.to_string())?);
        }
        for (name, value) in &sent.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| format!("header `{name}`: {error}"))?;
            let value = HeaderValue::from_bytes(value)
                .map_err(|error| format!("header `{name}`: {error}; send it with `target` instead of `path`"))?;
            headers.append(name, value);
        }
        *request.headers_mut() = headers;
        if !sent.body.is_empty() {
            *request.body_mut() = Some(sent.body.clone().into());
        }
        Ok(request)
    }
}

async fn answer(response: reqwest::Response) -> Answer {
    let mut result = Response {
        status: response.status().as_u16(),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        ..Response::default()
    };
    result.wire.extend_from_slice(format!("{:?} {}\r\n", response.version(), response.status()).as_bytes());
    for (name, value) in &result.headers {
        result.wire.extend_from_slice(&line(name.as_bytes(), value));
    }
    result.wire.extend_from_slice(b"\r\n");
    // Frame by frame: what has come is kept whatever comes of the rest.
    let mut body = hyper::Response::<reqwest::Body>::from(response).into_body();
    loop {
        if result.wire.len() > LONGEST_ANSWER {
            cut(&mut result);
            break;
        }
        match body.frame().await {
            None => break,
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    result.wire.extend_from_slice(data);
                    result.body.extend_from_slice(data);
                }
                for (name, value) in frame.trailers_ref().into_iter().flatten() {
                    result.wire.extend_from_slice(&line(name.as_str().as_bytes(), value.as_bytes()));
                }
            }
            Some(Err(error)) => {
                result.end = if error.is_timeout() { End::TimedOut } else { End::Closed };
                break;
            }
        }
    }
    Answer::Response(Box::new(result))
}

fn line(name: &[u8], value: &[u8]) -> Vec<u8> {
    [name, b": ", value, b"\r\n"].concat()
}

/// Takes away what is beyond the bound.
fn cut(response: &mut Response) {
    let beyond = response.wire.len().saturating_sub(LONGEST_ANSWER);
    response.wire.truncate(LONGEST_ANSWER);
    response.body.truncate(response.body.len().saturating_sub(beyond));
    response.end = End::TooLong;
}

/// An error with all its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
