//! A decision becomes a response.
//!
//! The rule above all others here: what tells about a file (its entity tag, date, length, ranges) is said only where
//! that file is the answer, with status 200, to a visitor who is not denied (NOLEAK-2). Everything else is sent whole
//! and without validators, whatever conditional or range headers the request carries.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::decide::{Decision, Outcome};
use crate::files::body::Body;
use crate::files::preconditions::{Preconditions, Validators, Verdict};
use crate::files::ranges::Selection;
use crate::files::{DirSite, OpenFile};
use crate::request::Request;

/// What of a request still matters once the decision is made.
#[derive(Debug)]
pub struct Ask {
    method: Method,
    preconditions: Preconditions,
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
        Ask { method, preconditions: Preconditions::of(request) }
    }
}

/// A response in the making; the rules that hold for all of them are applied by [`Answer::finish`].
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Body,
}

/// The response to a request that was decided.
pub async fn respond(site: &DirSite, decision: &Decision, ask: &Ask) -> Response<Body> {
    let answer = match answer(site, decision, ask).await {
        Ok(answer) => answer,
        // The file has gone since the site was opened.
        Err(error) if error.kind() == io::ErrorKind::NotFound => not_found(site, None).await,
        Err(error) => {
            tracing::error!(%error, "a file of the site cannot be read");
            Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "500: this file cannot be read.\n")
        }
    };
    answer.with_cache_rules(decision).finish(ask.method == Method::Head)
}

/// The response to a request that got no decision; the connection is closed after it.
pub(crate) fn refuse(status: StatusCode, sentence: &'static str) -> Response<Body> {
    Answer::text(status, sentence)
        .with(header::CACHE_CONTROL, "no-store")
        .with(header::CONNECTION, "close")
        .finish(false)
}

async fn answer(site: &DirSite, decision: &Decision, ask: &Ask) -> io::Result<Answer> {
    match &decision.outcome {
        Outcome::BadRequest(refused) => Ok(match refused.status() {
            414 => Answer::text(StatusCode::URI_TOO_LONG, "414: this address is too long.\n"),
            _ => Answer::text(StatusCode::BAD_REQUEST, "400: this address cannot be read.\n"),
        }),
        Outcome::NotFound { page, .. } => Ok(not_found(site, page.as_deref()).await),
        Outcome::Proxy { .. } => Ok(Answer::text(
            StatusCode::NOT_IMPLEMENTED,
            "501: this address is forwarded to another server, which this gate does not do.\n",
        )),
        // STATUS-1: without a body, so nothing of the request is repeated in one.
        Outcome::Redirect { status, location } => Ok(Answer {
            status: status_code(*status),
            headers: vec![(header::LOCATION, location.clone())],
            body: Body::default(),
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

/// STATUS-6: the site's own page, else a plain sentence.
async fn not_found(site: &DirSite, name: Option<&str>) -> Answer {
    if let Some(name) = name
        && let Ok(answer) = page(site, name, StatusCode::NOT_FOUND).await
    {
        return answer;
    }
    Answer::text(StatusCode::NOT_FOUND, "404: there is nothing at this address.\n")
}

/// A file as a page: whole, with any status, without validators.
async fn page(site: &DirSite, name: &str, status: StatusCode) -> io::Result<Answer> {
    let file = site.open_file(name).await?;
    Ok(Answer {
        status,
        headers: vec![(header::CONTENT_TYPE, file.media_type)],
        body: Body::of_range(file.content, 0..file.length),
    })
}

/// HTTP-1, HTTP-2: the file itself, to a visitor who may have it.
async fn file_answer(site: &DirSite, name: &str, ask: &Ask) -> io::Result<Answer> {
    if ask.method == Method::Other {
        let answer = Answer::text(StatusCode::METHOD_NOT_ALLOWED, "405: this address answers GET and HEAD only.\n");
        return Ok(answer.with(header::ALLOW, "GET, HEAD"));
    }
    let file = site.open_file(name).await?;
    let now = SystemTime::now();
    let modified = file.modified.and_then(|modified| to_the_second(modified, now));
    let validators = Validators { tag: &file.tag, modified, length: file.length };
    let mut headers = vec![(header::ETAG, file.tag.clone())];
    if let Some(modified) = modified {
        headers.push((header::LAST_MODIFIED, httpdate::fmt_http_date(modified)));
    }
    let verdict = ask.preconditions.evaluate(validators, ask.method == Method::Head, now);
    let mut answer = match verdict {
        Verdict::NotModified => Answer { status: StatusCode::NOT_MODIFIED, headers: Vec::new(), body: Body::default() },
        Verdict::Failed => return Ok(Answer::text(StatusCode::PRECONDITION_FAILED, "412: the file has changed.\n")),
        Verdict::Send(selection) => selected(file, selection),
    };
    if answer.status != StatusCode::RANGE_NOT_SATISFIABLE {
        answer.headers.append(&mut headers);
    }
    Ok(answer)
}

/// RFC 9110 §15.3.7 and §15.5.17: the whole file, a range, several, or none.
fn selected(file: OpenFile, selection: Selection) -> Answer {
    let length = file.length;
    match selection {
        Selection::Whole => Answer {
            status: StatusCode::OK,
            headers: vec![(header::CONTENT_TYPE, file.media_type), (header::ACCEPT_RANGES, "bytes".to_owned())],
            body: Body::of_range(file.content, 0..length),
        },
        Selection::One(range) => Answer {
            status: StatusCode::PARTIAL_CONTENT,
            headers: vec![
                (header::CONTENT_TYPE, file.media_type),
                (header::CONTENT_RANGE, content_range(&range, length)),
            ],
            body: Body::of_range(file.content, range),
        },
        Selection::Several(ranges) => {
            // The tag is a digest of the content, so the content cannot hold it but by intent, and then its author
            // deceives only those who trust the author.
            let boundary: String = file.tag.chars().filter(char::is_ascii_alphanumeric).collect();
            let parts = ranges.into_iter().map(|range| {
                let head = format!(
                    "\r\n--{boundary}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
                    file.media_type,
                    content_range(&range, length)
                );
                (head, range)
            });
            Answer {
                status: StatusCode::PARTIAL_CONTENT,
                headers: vec![(header::CONTENT_TYPE, format!("multipart/byteranges; boundary={boundary}"))],
                body: Body::of_parts(file.content, parts.collect(), format!("\r\n--{boundary}--\r\n")),
            }
        }
        Selection::Unsatisfiable => {
            Answer::text(StatusCode::RANGE_NOT_SATISFIABLE, "416: the file has no such range.\n")
                .with(header::CONTENT_RANGE, &format!("bytes */{length}"))
        }
    }
}

fn content_range(range: &std::ops::Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1))
}

/// RFC 9110 §8.8.2.1: a date in whole seconds, and none in the future.
fn to_the_second(modified: SystemTime, now: SystemTime) -> Option<SystemTime> {
    let seconds = modified.min(now).duration_since(UNIX_EPOCH).ok()?.as_secs();
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Rules hold statuses from 200 to 599 only, so this never fails there.
fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl Answer {
    fn text(status: StatusCode, sentence: &'static str) -> Answer {
        Answer {
            status,
            headers: vec![(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned())],
            body: Body::of(sentence),
        }
    }

    fn with(mut self, name: HeaderName, value: &str) -> Answer {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// NOLEAK-4: no cache may show one visitor what depended on the role of another.
    fn with_cache_rules(self, decision: &Decision) -> Answer {
        if decision.denied {
            self.with(header::CACHE_CONTROL, "private, no-store").with(header::VARY, "Cookie")
        } else if decision.role_dependent {
            self.with(header::CACHE_CONTROL, "private, max-age=0, must-revalidate").with(header::VARY, "Cookie")
        } else {
            self.with(header::CACHE_CONTROL, "public, max-age=0, must-revalidate")
        }
    }

    fn finish(self, is_head: bool) -> Response<Body> {
        let length = self.body.remaining();
        // HTTP-1: HEAD is GET without the body.
        let mut response = Response::new(if is_head { Body::default() } else { self.body });
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            // LOC-3: a value that is no header value never leaves; the decision has made sure that it is one.
            match HeaderValue::try_from(value) {
                Ok(value) => {
                    headers.insert(name, value);
                }
                Err(_) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, "500: this answer cannot be sent.\n"),
            }
        }
        // RFC 9110 §8.6: none of these has a length to tell.
        if !matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}
