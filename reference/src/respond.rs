//! A decision becomes a response.
//!
//! The rule above all others here: what tells about a file (its entity tag, date, length, ranges) is said only where
//! that file is the answer, with status 200, to a visitor who is not denied (NOLEAK-2). Everything else is sent whole
//! and without validators, whatever conditional or range headers the request carries.

use std::io;
use std::time::SystemTime;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::authorize::Manner;
use crate::decide::{Decision, Outcome};
use crate::files::body::Body;
use crate::files::coding::Accepts;
use crate::files::entry::{self, OpenError};
use crate::files::preconditions::{Preconditions, Validators, Verdict};
use crate::files::ranges::Selection;
use crate::files::{DirSite, File, Representation};
use crate::headers::Fields;
use crate::path::Target;
use crate::request::Request;
use crate::site::Site;

/// What of a request still matters once the decision is made.
#[derive(Debug)]
pub struct Ask {
    method: Method,
    preconditions: Preconditions,
    accepts: Accepts,
    target: Box<[u8]>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Method {
    Get,
    Head,
    Other,
}

impl Ask {
    /// Reads what matters from `request`.
    pub fn of(request: &Request<'_>) -> Ask {
        let method = match request.method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => Method::Other,
        };
        Ask {
            method,
            preconditions: Preconditions::of(request),
            accepts: Accepts::of(request),
            target: request.target.into(),
        }
    }
}

/// A response in the making; the rules that hold for all of them are applied by [`Answer::finish`].
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    /// Whether it is a file of the site, or says that the client has it already.
    is_file: bool,
}

/// The response to a request that was decided. Waits only where a file is read from the disk.
pub async fn respond(site: &DirSite, decision: &Decision, ask: &Ask) -> Response<Body> {
    let answer = match answer(site, decision, ask).await {
        Ok(answer) => answer,
        // Length, tag and content of one state, or none of them.
        Err(OpenError::Changed) => {
            Answer::text(StatusCode::SERVICE_UNAVAILABLE, "503: this file has changed and is not ready yet.\n")
                .with(header::RETRY_AFTER, HeaderValue::from_static("1"))
        }
        // The file has gone since the site was opened.
        Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => not_found(site, None).await,
        Err(OpenError::Io(error)) => {
            tracing::error!(%error, "a file of the site cannot be read");
            Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "500: this file cannot be read.\n")
        }
    };
    answer.with_cache_rules(decision).with_site_headers(site, decision, ask).finish(ask.method == Method::Head)
}

/// The cache rules of what a visitor was admitted to, for the server in front that serves it.
const GATE_CACHE: HeaderName = HeaderName::from_static("x-gate-cache");
/// What the visitor gets, where the server in front takes 401 and 403 alone.
const GATE_STATUS: HeaderName = HeaderName::from_static("x-gate-status");
const GATE_LOCATION: HeaderName = HeaderName::from_static("x-gate-location");

/// AUTHORIZE-1: the server in front may serve.
pub(crate) fn admit(decision: &Decision) -> Response<Body> {
    let (rules, _) = cache_rules(decision);
    Answer::new(StatusCode::OK, Body::default())
        .with(GATE_CACHE, HeaderValue::from_static(rules))
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .finish(false)
}

/// The server in front may not serve, and is told so in the manner that it takes.
pub(crate) async fn refuse_to(manner: Manner, site: &DirSite, decision: &Decision, ask: &Ask) -> Response<Body> {
    match manner {
        Manner::AsIs => refuse_as_is(site, decision, ask).await,
        Manner::StatusOnly => refuse_by_status(site, decision, ask).await,
    }
}

/// AUTHORIZE-1: the server in front passes this answer on. It has no status that would be taken for a yes.
async fn refuse_as_is(site: &DirSite, decision: &Decision, ask: &Ask) -> Response<Body> {
    let mut response = respond(site, decision, ask).await;
    let status = match &decision.outcome {
        Outcome::Rewrite { status, .. } => status_code(*status),
        _ => response.status(),
    };
    let refuses = !status.is_success() && !status.is_server_error() && status != StatusCode::NOT_MODIFIED;
    *response.status_mut() = if refuses { status } else { StatusCode::FORBIDDEN };
    response
}

/// AUTHORIZE-2: 401 or 403 alone; the rest stands in fields.
async fn refuse_by_status(site: &DirSite, decision: &Decision, ask: &Ask) -> Response<Body> {
    let told = refuse_as_is(site, decision, ask).await;
    let status = if told.status() == StatusCode::UNAUTHORIZED { told.status() } else { StatusCode::FORBIDDEN };
    let mut answer = Answer::new(status, Body::default())
        .with(GATE_STATUS, HeaderValue::from(told.status().as_u16()))
        .with(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Some(location) = told.headers().get(header::LOCATION) {
        answer = answer.with(GATE_LOCATION, location.clone());
    }
    answer.finish(false)
}

/// The response to a request that got no decision; the connection is closed after it.
pub(crate) fn refuse(status: StatusCode, sentence: &'static str) -> Response<Body> {
    Answer::text(status, sentence)
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .with(header::CONNECTION, HeaderValue::from_static("close"))
        .finish(false)
}

async fn answer(site: &DirSite, decision: &Decision, ask: &Ask) -> Result<Answer, OpenError> {
    match &decision.outcome {
        Outcome::BadRequest(refused) => Ok(match refused.status() {
            414 => Answer::text(StatusCode::URI_TOO_LONG, "414: this address is too long.\n"),
            _ => Answer::text(StatusCode::BAD_REQUEST, "400: this address cannot be read.\n"),
        }),
        Outcome::NotFound { page, .. } => Ok(not_found(site, page.as_deref()).await),
        // PROXY-1: the server forwards such a request before it comes here; whoever has no connections cannot.
        Outcome::Proxy { .. } => Ok(Answer::text(
            StatusCode::NOT_IMPLEMENTED,
            "501: this address is forwarded to another server, which is not done here.\n",
        )),
        // STATUS-1: without a body, so nothing of the request is repeated in one.
        Outcome::Redirect { status, location } => Ok(match HeaderValue::try_from(location.as_str()) {
            Ok(location) => Answer::new(status_code(*status), Body::default()).with(header::LOCATION, location),
            // LOC-3: a value that is no header value never leaves; the decision has made sure that it is one.
            Err(_) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "500: this answer cannot be sent.\n"),
        }),
        // NOLEAK-2, HTTP-1: a denied visitor gets the denial response for every method and every header.
        Outcome::Rewrite { status: 200, file } | Outcome::Serve { file } if !decision.denied => {
            file_answer(site, file, ask).await
        }
        Outcome::Serve { file } => page(site, file, StatusCode::OK).await,
        // STATUS-3
        Outcome::Rewrite { status, file } => page(site, file, status_code(*status)).await,
    }
}

/// NOLEAK-4: the cache rules of an answer, and whether it varies with the cookie.
fn cache_rules(decision: &Decision) -> (&'static str, bool) {
    if decision.denied {
        ("private, no-store", true)
    } else if decision.role_dependent {
        ("private, max-age=0, must-revalidate", true)
    } else {
        ("public, max-age=0, must-revalidate", false)
    }
}

/// STATUS-6: the site's own page, else a plain sentence.
async fn not_found(site: &DirSite, name: Option<&str>) -> Answer {
    if let Some(name) = name
        && let Ok(answer) = page(site, name, StatusCode::NOT_FOUND).await
    {
        return answer;
    }
    Answer::text(StatusCode::NOT_FOUND, "404: there is nothing at this address.\n")
}

/// A file as a page: whole, as it is, with any status, without validators.
async fn page(site: &DirSite, name: &str, status: StatusCode) -> Result<Answer, OpenError> {
    let entry = &find(site, name)?.plain;
    let (content, _) = entry.content().await?;
    let body = Body::of_range(content, 0..entry.length());
    let answer = Answer::new(status, body).with(header::CONTENT_TYPE, entry.media_type.clone());
    Ok(Answer { is_file: true, ..answer })
}

/// HTTP-1, HTTP-2: the file itself, to a visitor who may have it.
async fn file_answer(site: &DirSite, name: &str, ask: &Ask) -> Result<Answer, OpenError> {
    if ask.method == Method::Other {
        let answer = Answer::text(StatusCode::METHOD_NOT_ALLOWED, "405: this address answers GET and HEAD only.\n");
        return Ok(answer.with(header::ALLOW, HeaderValue::from_static("GET, HEAD")));
    }
    let file = find(site, name)?;
    let answer = match file.represent(ask.accepts).await? {
        Some(representation) => conditional(file, representation, ask),
        // HTTP-10
        None => Answer::text(StatusCode::NOT_ACCEPTABLE, "406: this file is not there in a coding that you accept.\n"),
    };
    if !file.is_negotiated() {
        return Ok(answer);
    }
    Ok(answer.with(header::VARY, HeaderValue::from_static("Accept-Encoding")))
}

fn find<'s>(site: &'s DirSite, name: &str) -> Result<&'s File, OpenError> {
    site.find(name).ok_or(OpenError::Io(io::ErrorKind::NotFound.into()))
}

/// HTTP-2: the representation that was chosen is what conditions and ranges speak of (RFC 9110 §13, §14).
fn conditional(file: &File, chosen: Representation, ask: &Ask) -> Answer {
    let now = SystemTime::now();
    let modified = file.plain.modified.clone().and_then(|modified| not_in_the_future(modified, now));
    let tag = chosen.tag.clone();
    let validators = Validators {
        tag: tag.to_str().unwrap_or_default(),
        modified: modified.as_ref().map(|(modified, _)| *modified),
        length: chosen.length,
    };
    let mut answer = match ask.preconditions.evaluate(validators, ask.method == Method::Head, now) {
        Verdict::NotModified => Answer::new(StatusCode::NOT_MODIFIED, Body::default()),
        Verdict::Failed => return Answer::text(StatusCode::PRECONDITION_FAILED, "412: the file has changed.\n"),
        Verdict::Send(selection) => selected(&file.plain.media_type, chosen, selection),
    };
    if answer.status != StatusCode::RANGE_NOT_SATISFIABLE {
        answer.is_file = true;
        answer = answer.with(header::ETAG, tag);
        if let Some((_, modified)) = modified {
            answer = answer.with(header::LAST_MODIFIED, modified);
        }
    }
    answer
}

/// RFC 9110 §15.3.7 and §15.5.17: the whole representation, a range, several, or none.
fn selected(media_type: &HeaderValue, chosen: Representation, selection: Selection) -> Answer {
    let Representation { content, length, tag, coding } = chosen;
    let answer = match selection {
        Selection::Whole => Answer::whole(Body::of_range(content, 0..length))
            .with(header::CONTENT_TYPE, media_type.clone())
            .with(header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        Selection::One(range) => {
            let content_range = value(content_range(&range, length));
            Answer::new(StatusCode::PARTIAL_CONTENT, Body::of_range(content, range))
                .with(header::CONTENT_TYPE, media_type.clone())
                .with(header::CONTENT_RANGE, content_range)
        }
        Selection::Several(ranges) => {
            // The tag is a digest of the content, so the content cannot hold it but by intent, and then its author
            // deceives only those who trust the author.
            let boundary: String =
                tag.to_str().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
            let media_type = media_type.to_str().unwrap_or_default();
            let parts = ranges.into_iter().map(|range| {
                let head = format!(
                    "\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {}\r\n\r\n",
                    content_range(&range, length)
                );
                (head, range)
            });
            let body = Body::of_parts(content, parts.collect(), format!("\r\n--{boundary}--\r\n"));
            Answer::new(StatusCode::PARTIAL_CONTENT, body)
                .with(header::CONTENT_TYPE, value(format!("multipart/byteranges; boundary={boundary}")))
        }
        Selection::Unsatisfiable => {
            return Answer::text(StatusCode::RANGE_NOT_SATISFIABLE, "416: the file has no such range.\n")
                .with(header::CONTENT_RANGE, value(format!("bytes */{length}")));
        }
    };
    match coding {
        Some(coding) => answer.with(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name())),
        None => answer,
    }
}

fn content_range(range: &std::ops::Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1))
}

/// RFC 9110 §8.8.2.1: no date in the future.
fn not_in_the_future(modified: (SystemTime, HeaderValue), now: SystemTime) -> Option<(SystemTime, HeaderValue)> {
    if modified.0 <= now { Some(modified) } else { entry::in_seconds(now) }
}

/// What is made of numbers, dates and tags here is visible ASCII, so that this never falls back.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Rules hold statuses from 200 to 599 only, so this never fails there.
fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// As many header fields as most answers have.
const FIELDS: usize = 6;
/// As many as the answer that is a file mostly has.
const FIELDS_OF_A_FILE: usize = 12;

impl Answer {
    fn new(status: StatusCode, body: Body) -> Answer {
        Answer { status, headers: HeaderMap::with_capacity(FIELDS), body, is_file: false }
    }

    /// The whole of a file.
    fn whole(body: Body) -> Answer {
        let headers = HeaderMap::with_capacity(FIELDS_OF_A_FILE);
        Answer { status: StatusCode::OK, headers, body, is_file: false }
    }

    fn text(status: StatusCode, sentence: &'static str) -> Answer {
        Answer::new(status, Body::of(sentence))
            .with(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Answer {
        self.headers.insert(name, value);
        self
    }

    /// NOLEAK-4: no cache may show one visitor what depended on the role of another.
    fn with_cache_rules(self, decision: &Decision) -> Answer {
        let (rules, varies) = cache_rules(decision);
        let vary = match (varies, self.headers.contains_key(header::VARY)) {
            (true, true) => "Cookie, Accept-Encoding",
            (true, false) => "Cookie",
            (false, _) => return self.with(header::CACHE_CONTROL, HeaderValue::from_static(rules)),
        };
        self.with(header::CACHE_CONTROL, HeaderValue::from_static(rules))
            .with(header::VARY, HeaderValue::from_static(vary))
    }

    /// HEADERS-3 to HEADERS-5: what the site's `_headers` file says about its files.
    fn with_site_headers(mut self, site: &DirSite, decision: &Decision, ask: &Ask) -> Answer {
        let rules = site.headers();
        if !self.is_file || rules.is_empty() {
            return self;
        }
        let fields = if decision.denied {
            // NOLEAK-5: what is said about one path only would tell that there is something.
            Fields::of(rules.fields_for_all())
        } else {
            match Target::parse(&ask.target) {
                Ok(target) => Fields::of(rules.fields(&target.path)),
                Err(_) => return self,
            }
        };
        fields.apply(&mut self.headers, decision.denied || decision.role_dependent, !decision.denied);
        self
    }

    fn finish(self, is_head: bool) -> Response<Body> {
        let Answer { status, mut headers, body, .. } = self;
        // RFC 9110 §8.6: none of these has a length to tell.
        if !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            let length = match body.remaining() {
                // What a redirect says, without making a text for it.
                0 => HeaderValue::from_static("0"),
                length => length.into(),
            };
            headers.insert(header::CONTENT_LENGTH, length);
        }
        headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
        // HTTP-1: HEAD is GET without the body.
        let mut response = Response::new(if is_head { Body::default() } else { body });
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}
