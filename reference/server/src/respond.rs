//! A decision becomes a response.
//!
//! The rule above all others here: what tells about a file (its entity tag, date, length, ranges) is said only where
//! that file is the answer, with status 200, to a visitor who is not denied (NOLEAK-2). Everything else is sent whole
//! and without validators, whatever conditional or range headers the request carries.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use rolegate::answer::{Answer, AnswerBody, NOT_FORWARDED, NOT_FOUND, cache_rules};
use rolegate::authorize::Manner;
use rolegate::caches::{CacheRules, Varies};
use rolegate::decide::{Decision, Outcome};
use rolegate::headers::{Fields, HeaderRules};
use rolegate::request::Request;

use crate::files::body::Body;
use crate::files::coding::Accepts;
use crate::files::entry::{self, Content, Entry, OpenError, Stored, Tagged};
use crate::files::preconditions::{Preconditions, Validators, Verdict};
use crate::files::ranges::Selection;
use crate::files::{Chosen, DirSite, File};

/// What of a request still matters once the decision is made.
#[derive(Debug)]
pub struct Ask {
    method: Method,
    preconditions: Preconditions,
    accepts: Accepts,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Method {
    Get,
    Head,
    Other,
}

impl Method {
    /// The method's name; of the others it does not matter which one it is.
    fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Other => "",
        }
    }
}

impl Ask {
    /// Reads what matters from `request`.
    pub fn of(request: &Request<'_>) -> Ask {
        let method = match request.method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => Method::Other,
        };
        Ask { method, preconditions: Preconditions::of(request), accepts: Accepts::of(request) }
    }
}

/// A response in the making; the rules that hold for all of them are applied by [`Draft::finish`].
#[derive(Debug)]
struct Draft {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    /// Whether it is a file of the site, or says that the client has it already.
    is_file: bool,
    /// HTTP-10: whether it varies with the codings that the client accepts.
    is_negotiated: bool,
}

/// What is answered, before anything of a file is touched.
enum Form<'s> {
    /// No file.
    Ready(Draft),
    /// A file of the site.
    Sent(Sent<'s>),
}

/// How a file of the site is sent.
enum Sent<'s> {
    /// As a page: whole, as it is, with any status, without validators.
    Page(&'s Arc<Entry>, StatusCode),
    /// HTTP-1, HTTP-2: as itself, to a visitor who may have it.
    File(&'s File, Chosen<'s>),
}

/// The response to a request that was decided. Waits only where a file is read from the disk.
pub async fn respond(site: &DirSite, fields: &HeaderRules, decision: &Decision, ask: &Ask) -> Response<Body> {
    let answer = match form(site, decision, ask) {
        Form::Ready(answer) => answer,
        Form::Sent(sent) => match sent.stored().content().await {
            Ok(content) => sent.with(content, ask),
            Err(error) => sent.without(error),
        },
    };
    answer.complete(fields, decision, ask)
}

/// The same, where nothing has to be waited for.
pub(crate) fn respond_at_once(
    site: &DirSite,
    fields: &HeaderRules,
    decision: &Decision,
    ask: &Ask,
) -> Option<Response<Body>> {
    let answer = match form(site, decision, ask) {
        Form::Ready(answer) => answer,
        Form::Sent(sent) => sent.with(sent.stored().at_hand()?, ask),
    };
    Some(answer.complete(fields, decision, ask))
}

/// The cache rules of what a visitor was admitted to, for the server in front that serves it.
const GATE_CACHE: HeaderName = HeaderName::from_static("x-gate-cache");
/// What the visitor gets, where the server in front takes 401 and 403 alone.
const GATE_STATUS: HeaderName = HeaderName::from_static("x-gate-status");
const GATE_LOCATION: HeaderName = HeaderName::from_static("x-gate-location");

/// AUTHORIZE-1: the server in front may serve.
pub(crate) fn admit(decision: &Decision) -> Response<Body> {
    Draft::new(StatusCode::OK, Body::default())
        .with(GATE_CACHE, cache_rules(decision).without_vary().control())
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .finish(false)
}

/// The server in front may not serve, and is told so in the manner that it takes.
pub(crate) async fn refuse_to(
    manner: Manner,
    site: &DirSite,
    fields: &HeaderRules,
    decision: &Decision,
    ask: &Ask,
) -> Response<Body> {
    match manner {
        Manner::AsIs => refuse_as_is(site, fields, decision, ask).await,
        Manner::StatusOnly => refuse_by_status(site, fields, decision, ask).await,
    }
}

/// FRONT-2: the server in front would serve what the gate has not seen. With the next version it may be another answer.
pub(crate) fn not_as_seen(manner: Manner) -> Response<Body> {
    let draft = match manner {
        Manner::AsIs => {
            Draft::text(StatusCode::FORBIDDEN, "403: this file has changed, and the gate has not seen it yet.\n")
        }
        Manner::StatusOnly => Draft::new(StatusCode::FORBIDDEN, Body::default())
            .with(GATE_STATUS, HeaderValue::from(StatusCode::FORBIDDEN.as_u16())),
    };
    draft
        .with(header::RETRY_AFTER, const { HeaderValue::from_static("1") })
        .with(header::CACHE_CONTROL, const { HeaderValue::from_static("private, no-store") })
        .finish(false)
}

/// AUTHORIZE-1: the server in front passes this answer on. It has no status that would be taken for a yes.
async fn refuse_as_is(site: &DirSite, fields: &HeaderRules, decision: &Decision, ask: &Ask) -> Response<Body> {
    let mut response = respond(site, fields, decision, ask).await;
    let status = match &decision.outcome {
        Outcome::Rewrite { status, .. } => status_code(*status),
        _ => response.status(),
    };
    let refuses = !status.is_success() && !status.is_server_error() && status != StatusCode::NOT_MODIFIED;
    *response.status_mut() = if refuses { status } else { StatusCode::FORBIDDEN };
    response
}

/// AUTHORIZE-2: 401 or 403 alone; the rest stands in fields.
async fn refuse_by_status(site: &DirSite, fields: &HeaderRules, decision: &Decision, ask: &Ask) -> Response<Body> {
    let told = refuse_as_is(site, fields, decision, ask).await;
    let status = if told.status() == StatusCode::UNAUTHORIZED { told.status() } else { StatusCode::FORBIDDEN };
    let mut answer = Draft::new(status, Body::default())
        .with(GATE_STATUS, HeaderValue::from(told.status().as_u16()))
        .with(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Some(location) = told.headers().get(header::LOCATION) {
        answer = answer.with(GATE_LOCATION, location.clone());
    }
    answer.finish(false)
}

/// The response to a request that got no decision; the connection is closed after it.
pub(crate) fn refuse(status: StatusCode, sentence: &'static str) -> Response<Body> {
    Draft::text(status, sentence)
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .with(header::CONNECTION, HeaderValue::from_static("close"))
        .finish(false)
}

/// What a decision comes to.
fn form<'s>(site: &'s DirSite, decision: &Decision, ask: &Ask) -> Form<'s> {
    let method = ask.method.name();
    match AnswerBody::of(decision, method) {
        (status, AnswerBody::Page(name)) => Form::page(site, name, status_code(status)),
        (_, AnswerBody::File(name)) => Form::file(site, name, ask),
        // PROXY-1: the server forwards such a request before it comes here; whoever has no connections cannot.
        (status, AnswerBody::Upstream(_)) => Form::Ready(Draft::text(status_code(status), NOT_FORWARDED)),
        (_, AnswerBody::Location(_) | AnswerBody::Sentence(_)) => {
            Form::Ready(Draft::from(Answer::of(decision, method)))
        }
    }
}

impl<'s> Form<'s> {
    fn page(site: &'s DirSite, name: &str, status: StatusCode) -> Form<'s> {
        site.find(name)
            .map_or_else(|| Form::Ready(Draft::not_found()), |file| Form::Sent(Sent::Page(&file.plain, status)))
    }

    fn file(site: &'s DirSite, name: &str, ask: &Ask) -> Form<'s> {
        let Some(file) = site.find(name) else { return Form::Ready(Draft::not_found()) };
        match file.choose(ask.accepts) {
            Some(chosen) => Form::Sent(Sent::File(file, chosen)),
            // HTTP-10
            None => Form::Ready(
                Draft::text(StatusCode::NOT_ACCEPTABLE, "406: this file is not there in a coding that you accept.\n")
                    .varies_with_coding(file),
            ),
        }
    }
}

impl<'s> Sent<'s> {
    /// Where the content is.
    fn stored(&self) -> Stored<'s> {
        match self {
            Sent::Page(entry, _) => entry.stored(),
            Sent::File(_, chosen) => chosen.stored,
        }
    }

    /// The answer with its content.
    fn with(&self, (content, tag): Tagged, ask: &Ask) -> Draft {
        match self {
            Sent::Page(entry, status) => {
                let body = Body::of_range(content, 0..entry.length());
                let answer = Draft::new(*status, body).with(header::CONTENT_TYPE, entry.media_type.clone());
                Draft { is_file: true, ..answer }
            }
            Sent::File(file, chosen) => conditional(file, *chosen, content, tag, ask).varies_with_coding(file),
        }
    }

    /// The answer where the content is not to be had.
    fn without(&self, error: OpenError) -> Draft {
        match (self, error) {
            (Sent::Page(_, StatusCode::NOT_FOUND), _) => Draft::not_found(),
            // Length, tag and content of one state, or none of them.
            (_, OpenError::Changed) => {
                Draft::text(StatusCode::SERVICE_UNAVAILABLE, "503: this file has changed and is not ready yet.\n")
                    .with(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
            // The file has gone since the site was opened.
            (_, OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Draft::not_found(),
            (_, OpenError::Io(error)) => {
                tracing::error!(%error, "a file of the site cannot be read");
                Draft::text(StatusCode::INTERNAL_SERVER_ERROR, "500: this file cannot be read.\n")
            }
        }
    }
}

/// HTTP-2: the representation that was chosen is what conditions and ranges speak of (RFC 9110 §13, §14).
fn conditional(file: &File, chosen: Chosen<'_>, content: Content, tag: HeaderValue, ask: &Ask) -> Draft {
    let now = SystemTime::now();
    let modified = file.plain.modified.clone().and_then(|modified| not_in_the_future(modified, now));
    let length = chosen.stored.length();
    let validators = Validators {
        tag: tag.to_str().unwrap_or_default(),
        modified: modified.as_ref().map(|(modified, _)| *modified),
        length,
    };
    let mut answer = match ask.preconditions.evaluate(validators, ask.method == Method::Head, now) {
        Verdict::NotModified => Draft::new(StatusCode::NOT_MODIFIED, Body::default()),
        Verdict::Failed => return Draft::text(StatusCode::PRECONDITION_FAILED, "412: the file has changed.\n"),
        Verdict::Send(selection) => {
            let answer = selected(&file.plain.media_type, content, length, &tag, selection);
            match chosen.coding {
                // An answer without bytes of the file has no coding.
                Some(coding) if answer.status != StatusCode::RANGE_NOT_SATISFIABLE => {
                    answer.with(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()))
                }
                _ => answer,
            }
        }
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
fn selected(media_type: &HeaderValue, content: Content, length: u64, tag: &HeaderValue, selection: Selection) -> Draft {
    match selection {
        Selection::Whole => Draft::whole(Body::of_range(content, 0..length))
            .with(header::CONTENT_TYPE, media_type.clone())
            .with(header::ACCEPT_RANGES, const { HeaderValue::from_static("bytes") }),
        Selection::One(range) => {
            let content_range = value(content_range(&range, length));
            Draft::new(StatusCode::PARTIAL_CONTENT, Body::of_range(content, range))
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
            Draft::new(StatusCode::PARTIAL_CONTENT, body)
                .with(header::CONTENT_TYPE, value(format!("multipart/byteranges; boundary={boundary}")))
        }
        Selection::Unsatisfiable => {
            Draft::text(StatusCode::RANGE_NOT_SATISFIABLE, "416: the file has no such range.\n")
                .with(header::CONTENT_RANGE, value(format!("bytes */{length}")))
        }
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

impl From<Answer<'_>> for Draft {
    /// An answer without a file in it.
    fn from(answer: Answer<'_>) -> Draft {
        let status = status_code(answer.status);
        let mut draft = match answer.body {
            AnswerBody::Sentence(sentence) => Draft::text(status, sentence),
            AnswerBody::Location(_) | AnswerBody::Page(_) | AnswerBody::File(_) | AnswerBody::Upstream(_) => {
                Draft::new(status, Body::default())
            }
        };
        draft.headers.extend(answer.fields);
        draft
    }
}

impl Draft {
    fn new(status: StatusCode, body: Body) -> Draft {
        Draft::with_room(FIELDS, status, body)
    }

    /// The whole of a file.
    fn whole(body: Body) -> Draft {
        Draft::with_room(FIELDS_OF_A_FILE, StatusCode::OK, body)
    }

    fn with_room(fields: usize, status: StatusCode, body: Body) -> Draft {
        Draft { status, headers: HeaderMap::with_capacity(fields), body, is_file: false, is_negotiated: false }
    }

    fn text(status: StatusCode, sentence: &'static str) -> Draft {
        Draft::new(status, Body::of(sentence))
            .with(header::CONTENT_TYPE, const { HeaderValue::from_static("text/plain; charset=utf-8") })
    }

    /// STATUS-6: what is said where the site has no page that says it.
    fn not_found() -> Draft {
        Draft::text(StatusCode::NOT_FOUND, NOT_FOUND)
    }

    fn varies_with_coding(self, file: &File) -> Draft {
        Draft { is_negotiated: file.is_negotiated(), ..self }
    }

    /// With what depends on the decision, and on the path.
    fn complete(mut self, fields: &HeaderRules, decision: &Decision, ask: &Ask) -> Response<Body> {
        let rules = cache_rules(decision);
        self.add_cache_rules(rules);
        self.add_site_headers(fields, decision, rules);
        self.finish(ask.method == Method::Head)
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Draft {
        self.headers.insert(name, value);
        self
    }

    /// NOLEAK-4, NOLEAK-4.conditions: no cache may show one visitor what depended on what another is or says.
    fn add_cache_rules(&mut self, rules: CacheRules) {
        self.headers.insert(header::CACHE_CONTROL, rules.control());
        let vary = match (rules.varies, self.is_negotiated) {
            (Varies::Never, true) => Some(const { HeaderValue::from_static("Accept-Encoding") }),
            (Varies::WithCookie, true) => Some(const { HeaderValue::from_static("Cookie, Accept-Encoding") }),
            (Varies::WithLanguage, true) => {
                Some(const { HeaderValue::from_static("Cookie, Accept-Language, Accept-Encoding") })
            }
            (_, false) => rules.vary(),
        };
        if let Some(vary) = vary {
            self.headers.insert(header::VARY, vary);
        }
    }

    /// HEADERS-3 to HEADERS-5: what the site's `_headers` file says about its files.
    fn add_site_headers(&mut self, fields: &HeaderRules, decision: &Decision, rules: CacheRules) {
        if !self.is_file || fields.is_empty() {
            return;
        }
        let fields = if decision.denied {
            // NOLEAK-5: what is said about one path only would tell that there is something.
            Fields::of(fields.fields_for_all())
        } else {
            match &decision.read {
                Some(target) => Fields::of(fields.fields(&target.path)),
                None => return,
            }
        };
        fields.apply(&mut self.headers, rules.keeping);
    }

    fn finish(self, is_head: bool) -> Response<Body> {
        let Draft { status, mut headers, body, .. } = self;
        let length = body.remaining();
        // RFC 9110 §15.3.5, §15.4.5: whatever the page of the rule.
        let no_content = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // RFC 9110 §8.6: the server measures what it sends; what HEAD leaves out is known here alone.
        if is_head && !no_content {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        // What has no content has nothing to sniff.
        if length > 0 {
            headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(const { HeaderValue::from_static("nosniff") });
        }
        // HTTP-1: HEAD is GET without the body.
        let mut response = Response::new(if is_head || no_content { Body::default() } else { body });
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}
