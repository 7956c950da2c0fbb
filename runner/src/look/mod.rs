//! What is seen of a deployed gate before its first case: whether it is there, whether it is the site that it is taken for, whether it has the
//! settings that the cases need, and what stands in between. What is wrong here would be wrong in every case, so it is said once.

mod probe;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use self::probe::Probe;
use crate::corpus::{Corpus, Suite};
use crate::deploy::{CANARY_MARK, MARKER_FILE, Manifest};
use crate::judge::summary;
use crate::own::cached;
use crate::refusal::Refusal;
use crate::run::Weather;
use crate::text::printable;
use crate::wire::tls::why;
use crate::wire::{Answer, Exchange, Response, Target, Trust};

/// What a check is about, in the order in which they are made.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum About {
    /// Whether there is a server.
    Server,
    /// Whether it speaks the protocol of the URL, and its certificate is trusted.
    Scheme,
    /// Whether a file of the site comes back.
    Site,
    /// Whether it is this bundle, of this corpus.
    Version,
    /// Whether a token that is signed as the manifest says is a token.
    Secret,
    /// Whether the roles are found in it.
    RolePath,
    /// Whether anything is shut.
    Gate,
    /// What stands in between: caches, limits, challenges, what changes a body or an address.
    Between,
    /// Whether its clock is right.
    Clock,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Standing {
    /// As it should be.
    Good,
    /// It may be meant so; the cases are asked.
    Odd,
    /// No case would say anything about the gate.
    Wrong,
}

/// A check, with what was seen and what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Check {
    /// What it is about.
    pub about: About,
    /// How it came out.
    pub standing: Standing,
    /// What was seen, in one clause.
    pub seen: String,
    /// What to do about it; empty where all is well.
    pub to_do: String,
}

/// What is known of the gate beforehand.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    /// Where it is.
    pub(crate) target: &'a Target,
    /// The bundle that it serves; none where it serves one suite at its root.
    pub(crate) manifest: Option<&'a Manifest>,
    /// The time limit of one answer.
    pub(crate) limit: Duration,
    /// What comes between: how fast requests may follow each other, and pauses.
    pub(crate) weather: &'a Weather,
    /// Whether the user has said that a server stands in front.
    pub(crate) behind_proxy: bool,
}

/// So many times the control is asked in a row, to see a limit.
const IN_A_ROW: usize = 20;
/// A clock that is further off than this is told, in seconds.
const OFF: i64 = 5;

/// Looks at a gate. The checks end with the first one that is wrong. `suites` are those that it serves.
pub(crate) async fn look(corpus: &Corpus, suites: &[Arc<Suite>], given: Given<'_>) -> Vec<Check> {
    let Some(probe) = Probe::new(corpus, suites, given) else {
        return vec![Check {
            about: About::Site,
            standing: Standing::Odd,
            seen: "no suite that is asked shows a closed page to somebody by an ordinary request".to_owned(),
            to_do: "nothing was looked at; the cases are asked all the same".to_owned(),
        }];
    };
    let mut checks = Vec::new();
    let page = match connected(&probe, &mut checks).await {
        Some(page) => page,
        None => return checks,
    };
    site(&probe, &page, &mut checks);
    if is_over(&checks) {
        return checks;
    }
    checks.extend(version(&probe).await);
    if is_over(&checks) {
        return checks;
    }
    checks.extend(token::secret_and_path(&probe).await);
    if is_over(&checks) {
        return checks;
    }
    checks.push(gate(&probe).await);
    between(&probe, &page, &mut checks).await;
    checks.extend(clock(&page));
    checks
}

/// The check that nothing can be asked after.
#[must_use]
pub fn wrong(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.standing == Standing::Wrong)
}

fn is_over(checks: &[Check]) -> bool {
    wrong(checks).is_some()
}

impl Check {
    pub(self) fn good(about: About, seen: impl Into<String>) -> Self {
        Self { about, standing: Standing::Good, seen: seen.into(), to_do: String::new() }
    }

    pub(self) fn odd(about: About, seen: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { about, standing: Standing::Odd, seen: seen.into(), to_do: to_do.into() }
    }

    pub(self) fn wrong(about: About, seen: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { about, standing: Standing::Wrong, seen: seen.into(), to_do: to_do.into() }
    }
}

impl About {
    /// The name in the page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Scheme => "scheme",
            Self::Site => "site",
            Self::Version => "version",
            Self::Secret => "secret",
            Self::RolePath => "role path",
            Self::Gate => "gate",
            Self::Between => "between",
            Self::Clock => "clock",
        }
    }
}

impl fmt::Display for Check {
    /// In one sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about.name(), self.seen)?;
        if self.to_do.is_empty() { Ok(()) } else { write!(f, "; {}", self.to_do) }
    }
}

/// The first answer: the page for everybody, or the closed one in the hands of its holder.
async fn connected(probe: &Probe<'_>, checks: &mut Vec<Check>) -> Option<Exchange> {
    let target = probe.given.target;
    let page = match probe.first().await {
        Ok(page) => page,
        Err(error) => {
            let about = if is_about_tls(&error) { About::Scheme } else { About::Server };
            let to_do = if about == About::Server { "start it, or name another address" } else { "" };
            checks.push(Check::wrong(about, why(&error), to_do));
            return None;
        }
    };
    checks.push(Check::good(About::Server, format!("{} answers", target.origin())));
    if !target.https && speaks_tls(probe, &page.answer).await {
        let to_do = format!("write `https://{}`", target.host_value());
        checks.push(Check::wrong(About::Scheme, "it speaks TLS there, and plain HTTP was asked", to_do));
        return None;
    }
    if let Some(elsewhere) = page.answer.response().and_then(|response| sent_elsewhere(target, response)) {
        let to_do = format!("write `{elsewhere}`");
        checks.push(Check::wrong(About::Scheme, format!("it sends everybody to {elsewhere}"), to_do));
        return None;
    }
    let trusted = match (&target.trust, target.https) {
        (_, false) => "plain HTTP",
        (Trust::Any, true) => "TLS, with whatever certificate (--insecure)",
        (Trust::Machine | Trust::Also { .. }, true) => "TLS, with a certificate that is trusted here",
    };
    checks.push(Check::good(About::Scheme, trusted));
    if page.answer.response().is_none() {
        checks.push(Check::wrong(About::Site, summary(&page.answer), "what listens there is no HTTP server"));
        return None;
    }
    Some(page)
}

fn is_about_tls(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<tokio_rustls::rustls::Error>())
}

/// Whether a server that was asked over plain HTTP speaks TLS there: its answer is a TLS alert, none, or an error of the request, and a handshake succeeds.
async fn speaks_tls(probe: &Probe<'_>, answer: &Answer) -> bool {
    let is_suspect = answer.response().is_none_or(|response| response.status == 400);
    is_suspect && probe.shakes_hands().await
}

/// Where it sends a visitor who asked for a page of the site: another scheme or host, with the same path.
fn sent_elsewhere(target: &Target, response: &Response) -> Option<String> {
    let location = response.header("location").next().filter(|_| (300..400).contains(&response.status))?;
    let origin = url::Url::parse(&target.origin()).ok()?;
    let url = origin.join(std::str::from_utf8(location).ok()?).ok()?;
    (url.origin() != origin.origin()).then(|| url.origin().ascii_serialization())
}

/// Whether the page came as it was deployed.
fn site(probe: &Probe<'_>, exchange: &Exchange, checks: &mut Vec<Check>) {
    let Some(response) = exchange.answer.response() else { return };
    let body = response.content();
    let Some(page) = &probe.page else {
        // That what came is another site shows by its marks; that it is this one, with the token.
        if holds(&body, CANARY_MARK) && !holds(&body, probe.closed.as_bytes()) {
            let to_do = format!("name it, or deploy the site of `{}`; --no-look asks all the same", probe.suite.id);
            checks.push(Check::wrong(About::Site, "another suite or bundle is deployed there", to_do));
        }
        return;
    };
    let path = &page.path;
    if holds(&body, page.canary.as_bytes()) {
        checks.push(Check::good(About::Site, format!("{path} came back with its mark")));
        if !probe.is_whole(page, &body) {
            let seen = format!("{path} came in {} bytes that are not those of the file", body.len());
            checks.push(Check::odd(About::Between, seen, "switch off what rewrites pages on their way"));
        }
        return;
    }
    if let Some(refusal) = Refusal::of(response, SystemTime::now()) {
        let to_do =
            "let this address through, ask more slowly with --rate, or ask the origin with --connect-to ADDR:PORT";
        checks.push(Check::wrong(About::Between, refusal.says(), to_do));
        return;
    }
    let seen = format!("{path} is a page for everybody, and what came is {}", summary(&exchange.answer));
    let to_do = match (holds(&body, CANARY_MARK), probe.given.manifest) {
        (true, _) => "another suite or bundle is deployed there: name it, or deploy this one".to_owned(),
        (false, Some(_)) => {
            "deploy the folder `site` of this bundle at the root, or name the URL where it is".to_owned()
        }
        (false, None) => format!("deploy the site of `{}` at the root, or name the URL where it is", probe.suite.id),
    };
    checks.push(Check::wrong(About::Site, seen, format!("{to_do}; --no-look asks all the same")));
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// Whether it is this bundle, by the file that tells.
async fn version(probe: &Probe<'_>) -> Option<Check> {
    let manifest = probe.given.manifest?;
    let asked = probe.get(MARKER_FILE).await.ok();
    let response = asked.as_ref().and_then(|exchange| exchange.answer.response());
    let told = response.filter(|response| response.status == 200);
    let told = told
        .and_then(|response| String::from_utf8(response.content().into_owned()).ok())
        .filter(|text| text.starts_with(Manifest::MARKER));
    let Some(told) = told else {
        let seen = format!("{MARKER_FILE} does not tell which bundle it is");
        return Some(Check::odd(About::Version, seen, "deploy a fresh bundle where answers are odd"));
    };
    let marker = manifest.marker();
    if told.trim() == marker.trim() {
        let corpus: String = manifest.corpus_digest.chars().take(12).collect();
        return Some(Check::good(About::Version, format!("this bundle, of the corpus {corpus}")));
    }
    let same_corpus = told.lines().nth(1) == marker.lines().nth(1);
    let to_do = "deploy this bundle afresh, or name the manifest of the one that is there with --bundle FILE";
    let seen = if same_corpus { "another bundle of this corpus" } else { "a bundle of another corpus" };
    Some(Check::wrong(About::Version, format!("{seen} is deployed there"), to_do))
}

/// Whether somebody without a token is turned away.
async fn gate(probe: &Probe<'_>) -> Check {
    let Ok(exchange) = probe.without_token().await else {
        return Check::odd(About::Gate, "it did not answer a visitor without a token", "the cases will say more");
    };
    if probe.is_let_in(&exchange) {
        let to_do = "the server may not read `_redirects` at all; the cases will say what is open";
        return Check::odd(About::Gate, "a visitor without a token is shown what is closed", to_do);
    }
    Check::good(About::Gate, format!("a visitor without a token is turned away: {}", summary(&exchange.answer)))
}

/// Caches and limits.
async fn between(probe: &Probe<'_>, page: &Exchange, checks: &mut Vec<Check>) {
    if let Some(told) = page.answer.response().and_then(server_in_front).filter(|_| !probe.given.behind_proxy) {
        let seen = format!("`{told}` names a server that often stands in front of others");
        let to_do = "where the gate is another one behind it, say --behind-proxy: what that server reads, answers or mends by itself is then not asked";
        checks.push(Check::odd(About::Between, seen, to_do));
    }
    let before_limits = checks.len();
    let mut refused = None;
    let mut told = page.answer.response().and_then(cached);
    // Where the user has bounded the rate, no limit is looked for.
    let in_a_row = if probe.given.weather.is_bounded() { 1 } else { IN_A_ROW };
    for asked in 1..=in_a_row {
        let Ok(exchange) = probe.control_at_once().await else { break };
        let Some(response) = exchange.answer.response() else { continue };
        told = told.or_else(|| cached(response));
        if let Some(refusal) = Refusal::of(response, SystemTime::now()) {
            refused = Some((asked, refusal.says()));
            break;
        }
    }
    if let Some((asked, says)) = refused {
        let to_do = "ask more slowly, for example with --rate 5";
        checks.push(Check::odd(About::Between, format!("after {asked} requests in a row {says}"), to_do));
    }
    if let Some(told) = told {
        let to_do = "what a cache answers is judged as if the gate had; ask the origin with --connect-to ADDR:PORT";
        checks.push(Check::odd(About::Between, format!("a cache had a hand in an answer ({told})"), to_do));
    }
    if checks.len() == before_limits {
        checks.push(Check::good(About::Between, format!("no limit and no cache in {}", counted(in_a_row))));
    }
}

/// The field in which a server tells that it stands in front of others, or may.
fn server_in_front(response: &Response) -> Option<String> {
    let field = |name: &str| {
        let value = response.header(name).next()?;
        Some(format!("{name}: {}", printable(value)))
    };
    let is_known = |told: &String| FRONTS.iter().any(|name| told.to_ascii_lowercase().contains(name));
    field("via").or_else(|| field("server").filter(is_known))
}

/// Servers that are used as reverse proxies, as they name themselves in `Server`.
const FRONTS: [&str; 9] =
    ["nginx", "openresty", "caddy", "haproxy", "envoy", "apache", "traefik", "cloudflare", "cloudfront"];

fn counted(requests: usize) -> String {
    if requests == 1 { "a request".to_owned() } else { format!("{requests} requests") }
}

/// Whether its clock is right, by `Date`.
fn clock(page: &Exchange) -> Option<Check> {
    let date = page.answer.response()?.header("date").next()?;
    let theirs = httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok();
    let Some(theirs) = theirs else {
        let seen = format!("its `Date` is none: {}", printable(date));
        return Some(Check::odd(About::Clock, seen, "tokens with an end may be judged wrongly"));
    };
    let seconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok())
    };
    let off = seconds(theirs)?.saturating_sub(seconds(page.started)?);
    if off.saturating_abs() <= OFF {
        return Some(Check::good(About::Clock, "right to some seconds"));
    }
    let way = if off > 0 { "ahead" } else { "behind" };
    let seen = format!("it is {} seconds {way}", off.saturating_abs());
    Some(Check::odd(About::Clock, seen, "set one of the two clocks: tokens with an end are judged by it"))
}
