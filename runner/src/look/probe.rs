//! The few requests of a look, made of the cases of one suite.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Given, holds};
use crate::corpus::request::{Form, Request, TokenRef};
use crate::corpus::source::Access;
use crate::corpus::template::Template;
use crate::corpus::{Case, Corpus, Settings, Suite};
use crate::deploy::{SiteFiles, canary};
use crate::refusal::Refusal;
use crate::run::{Place, compose, now};
use crate::wire::raw::Wire;
use crate::wire::tls::config;
use crate::wire::{Exchange, Sent, Target, Trust};

/// Nobody listens there.
const NO_LISTENER: &str = "http://127.0.0.1:9/";
/// The smallest suite there is.
const FAVOURITE: &str = "role/denial";

/// What is asked, and of whom.
pub(super) struct Probe<'a> {
    pub(super) given: Given<'a>,
    pub(super) suite: Arc<Suite>,
    prefix: String,
    wire: Wire,
    /// A case that shows a page to everybody, and the page; none where no suite has one.
    pub(super) page: Option<Page>,
    /// The case that shows a closed page to somebody with a token.
    pub(super) entry: Case,
    /// What tells that page.
    pub(super) closed: String,
}

/// A page for everybody.
pub(super) struct Page {
    case: Case,
    /// Its path as the gate has it.
    pub(super) path: String,
    /// The file that it shows.
    file: String,
    /// What tells it.
    pub(super) canary: String,
}

impl<'a> Probe<'a> {
    /// The requests that can be made of the suites of a gate; `None` where no suite has what they need, or this machine has no TLS.
    pub(super) fn new(corpus: &Corpus, suites: &[Arc<Suite>], given: Given<'a>) -> Option<Self> {
        let deployed = |suite: &&Arc<Suite>| match given.manifest {
            Some(manifest) => manifest.suites.contains_key(&suite.id),
            None => suites.iter().any(|one| one.id == suite.id),
        };
        let favourite = corpus.suites.iter().filter(deployed).filter(|suite| suite.id == FAVOURITE);
        let found = favourite.chain(corpus.suites.iter().filter(deployed)).filter_map(|suite| {
            let open = suite.cases.iter().find(|case| shows(suite, case, Access::Public));
            let entry = suite.cases.iter().find(|case| case.control == case.id || suite.case(&case.control).is_some());
            let entry = entry.and_then(|case| suite.case(&case.control));
            let entry = entry.filter(|case| shows(suite, case, Access::Protected))?;
            Some((suite, open.map(|case| Case::clone(case)), entry.clone()))
        });
        // One with a page for everybody tells more.
        let (suite, open, entry) = found.min_by_key(|(_, open, _)| open.is_none())?;
        let prefix = given.manifest.and_then(|manifest| manifest.suites.get(&suite.id)).cloned().unwrap_or_default();
        let target = given.target;
        let tls = target.https.then(|| config(&target.trust)).transpose().ok()?;
        let file_of = |case: &Case| case.expected.alternatives().find_map(|one| one.shown().map(str::to_owned));
        let closed = file_of(&entry)?;
        let mut probe = Self {
            given,
            suite: Arc::clone(suite),
            wire: Wire::new(target.clone(), tls, given.limit),
            page: None,
            closed: canary(&suite.id, &closed),
            prefix,
            entry,
        };
        if let Some(case) = open {
            let sent = probe.compose(&case, &suite.settings).ok()?;
            let (path, file) = (String::from_utf8(sent.target).ok()?, file_of(&case)?);
            probe.page = Some(Page { case, path, canary: canary(&suite.id, &file), file });
        }
        Some(probe)
    }

    /// The page for everybody, or where there is none, the closed page as its holder asks for it.
    pub(super) async fn first(&self) -> io::Result<Exchange> {
        let case = self.page.as_ref().map_or(&self.entry, |page| &page.case);
        self.send(case, &self.suite.settings).await
    }

    /// The closed page, as its holder asks for it.
    pub(super) async fn control(&self) -> io::Result<Exchange> {
        self.send(&self.entry, &self.suite.settings).await
    }

    /// The closed page, by somebody without a token.
    pub(super) async fn without_token(&self) -> io::Result<Exchange> {
        let request = Request { token: None, ..self.entry.request.clone() };
        self.send(&Case { request, ..self.entry.clone() }, &self.suite.settings).await
    }

    /// A path of the whole site.
    pub(super) async fn get(&self, path: &str) -> io::Result<Exchange> {
        let form = Form::Path(Template::parse(path).map_err(io::Error::other)?);
        let request = Request { form, token: None, ..self.entry.request.clone() };
        let case = Case { request, ..self.entry.clone() };
        let mut sent = self.compose(&case, &self.suite.settings)?;
        sent.target = path.as_bytes().to_vec();
        self.in_turn(sent).await
    }

    /// A case, with tokens as other settings make them.
    pub(super) async fn send(&self, case: &Case, settings: &Settings) -> io::Result<Exchange> {
        let sent = self.compose(case, settings)?;
        self.in_turn(sent).await
    }

    /// The closed page, as its holder asks for it; an answer that asks for a pause is one.
    pub(super) async fn control_at_once(&self) -> io::Result<Exchange> {
        let sent = self.compose(&self.entry, &self.suite.settings)?;
        self.given.weather.turn().await.map_err(io::Error::other)?;
        self.wire.exchange(sent).await
    }

    /// Sends a request, and again after each pause that an answer asks for.
    async fn in_turn(&self, sent: Sent) -> io::Result<Exchange> {
        let mut put_off = 0;
        loop {
            self.given.weather.turn().await.map_err(io::Error::other)?;
            let exchange = self.wire.exchange(sent.clone()).await?;
            let refusal = exchange.answer.response().and_then(|response| Refusal::of(response, SystemTime::now()));
            match refusal {
                Some(refusal) if self.given.weather.wait(&refusal, &mut put_off).await.is_some() => {}
                _ => return Ok(exchange),
            }
        }
    }

    fn compose(&self, case: &Case, settings: &Settings) -> io::Result<Sent> {
        let suite = Suite { settings: settings.clone(), ..(*self.suite).clone() };
        let place = Place { target: self.given.target, prefix: &self.prefix, listener: NO_LISTENER };
        compose(&suite, case, &place, now()).map_err(io::Error::other)
    }

    /// Whether a body is the whole file, byte for byte.
    pub(super) fn is_whole(&self, page: &Page, body: &[u8]) -> bool {
        SiteFiles::of(&self.suite).bodies.get(&page.file).is_some_and(|file| file == body)
    }

    /// Whether the closed page came, in a coding or without.
    pub(super) fn is_let_in(&self, exchange: &Exchange) -> bool {
        let closed = self.closed.as_bytes();
        let response = exchange.answer.response();
        holds(exchange.answer.bytes(), closed) || response.is_some_and(|response| holds(&response.content(), closed))
    }

    /// Whether a TLS handshake succeeds at the same address.
    pub(super) async fn shakes_hands(&self) -> bool {
        let target = Target { https: true, trust: Trust::Any, ..self.given.target.clone() };
        let Ok(tls) = config(&target.trust) else { return false };
        Wire::new(target, Some(tls), self.given.limit).connect().await.is_ok()
    }
}

/// Whether a case is an ordinary request that shows a file of this kind: to everybody, or to the holder of a named token.
fn shows(suite: &Suite, case: &Case, access: Access) -> bool {
    let request = &case.request;
    let has_token = matches!(&request.token, Some(TokenRef::Named(_)));
    let is_ordinary = matches!(request.form, Form::Path(_))
        && request.method == "GET"
        && request.headers.is_empty()
        && request.cookies.is_empty()
        && request.host.is_none()
        && case.before.is_empty()
        && case.of.is_none();
    let mut shown = case.expected.alternatives().map(|one| one.shown().and_then(|file| suite.files.get(file)));
    let fits = case.expected.alternatives().next().is_some()
        && shown.all(|file| file.is_some_and(|file| file.access == access));
    is_ordinary && fits && has_token == (access == Access::Protected)
}
