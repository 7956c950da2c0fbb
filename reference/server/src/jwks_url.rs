//! The JWKS document at a URL, kept fresh (TOKEN-12.refresh).
//!
//! The URL is the operator's: nothing in a token chooses it (TOKEN-4). A token can at most bring the next look forward,
//! and never to less than [`Schedule::least`] after the last one. What is fetched takes the place of the keys in force
//! whole, and only if it is a sound document; otherwise those stay.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::header::{ACCEPT, CACHE_CONTROL, HeaderMap, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rolegate_keys::Algorithms;
use rolegate_keys::jwks::{self, Jwks, JwksError, MAX_JWKS, PassedOverKey};

use crate::key_ring::KeyRing;

/// When the document is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The least time between two looks, whatever tokens name.
    pub least: Duration,
    /// The time between two looks where the answer does not say how long it is fresh.
    pub usual: Duration,
    /// The longest time between two looks, whatever the answer says.
    pub most: Duration,
    /// How long one look may take.
    pub patience: Duration,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule {
            least: Duration::from_secs(30),
            usual: Duration::from_secs(10 * 60),
            most: Duration::from_secs(60 * 60),
            patience: Duration::from_secs(10),
        }
    }
}

impl Schedule {
    /// How long an answer with these headers is kept (RFC 9111 §5.2.2.1), within the bounds.
    fn fresh_for(&self, headers: &HeaderMap) -> Duration {
        let mut directives = headers
            .get_all(CACHE_CONTROL)
            .into_iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','));
        let stated = directives.find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok());
        stated.map_or(self.usual, Duration::from_secs).clamp(self.least, self.most.max(self.least))
    }
}

/// Why a URL is not one that keys are fetched from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no URL that keys are fetched from; write one that starts with `https://`, without user and password (`http://` is for this machine alone, such as http://127.0.0.1:8080/jwks.json)"
)]
pub struct JwksUrlError(pub String);

/// Why a document could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or a broken one.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("no whole answer within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// An answer with another status than 200; redirects are not followed.
    #[error("the answer is {0}, not 200")]
    Status(StatusCode),
    /// The body is no key set.
    #[error("the answer is no key set: {0}")]
    Document(#[from] JwksError),
}

/// The URL of a JWKS document.
#[derive(Clone, Debug)]
pub struct JwksUrl {
    url: Uri,
    algorithms: Algorithms,
    schedule: Schedule,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

/// One look at the document.
struct Look {
    document: Bytes,
    jwks: Jwks,
    fresh_for: Duration,
}

impl JwksUrl {
    /// The document at `url`, whose keys may serve these algorithms.
    ///
    /// # Errors
    /// The URL is not absolute, or would be fetched over a network without TLS.
    pub fn new(url: &str, algorithms: Algorithms, schedule: Schedule) -> Result<JwksUrl, JwksUrlError> {
        let refused = || JwksUrlError(url.to_owned());
        let parsed: Uri = url.parse().map_err(|_| refused())?;
        // hyper would not send a name and a password, and messages would show them.
        if parsed.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(refused());
        }
        let is_local = matches!(parsed.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match parsed.scheme_str() {
            Some("https") => {}
            Some("http") if is_local => {}
            _ => return Err(refused()),
        }
        let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .and_then(ConfigBuilderExt::try_with_platform_verifier)
            .map_err(|_| refused())?
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().enable_http2().build();
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(JwksUrl { url: parsed, algorithms, schedule, client })
    }

    /// Looks at the document once: a ring with its keys, and what in it is not used.
    ///
    /// # Errors
    /// The document cannot be had, or holds no key that can be used.
    pub async fn open(self) -> Result<(KeyRing, Vec<PassedOverKey>, FreshKeys), FetchError> {
        let Look { document, jwks, fresh_for } = self.look().await?;
        let ring = KeyRing::from(jwks.keys);
        let fresh = FreshKeys { source: self, ring: ring.clone(), document, wait: fresh_for };
        Ok((ring, jwks.passed_over, fresh))
    }

    async fn look(&self) -> Result<Look, FetchError> {
        let patience = self.schedule.patience;
        let (headers, document) =
            tokio::time::timeout(patience, self.get()).await.map_err(|_| FetchError::TooSlow(patience))??;
        let jwks = jwks::parse(&document, &self.algorithms)?;
        Ok(Look { document, jwks, fresh_for: self.schedule.fresh_for(&headers) })
    }

    async fn get(&self) -> Result<(HeaderMap, Bytes), FetchError> {
        let unreachable = |error: &dyn std::error::Error| FetchError::Unreachable(innermost(error));
        let request = Request::get(self.url.clone())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("rolegate/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|error| unreachable(&error))?;
        let response = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_JWKS).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { JwksError::TooLong.into() } else { unreachable(error.as_ref()) }
        })?;
        Ok((head.headers, body.to_bytes()))
    }
}

/// The keys of a document, and the duty to look at it again.
#[derive(Debug)]
pub struct FreshKeys {
    source: JwksUrl,
    ring: KeyRing,
    document: Bytes,
    wait: Duration,
}

impl FreshKeys {
    /// Looks at the document again and again, for ever, and tells `looked` each time whether it could be had. A task for
    /// the side.
    pub async fn keep(self, looked: impl Fn(bool)) {
        let FreshKeys { source, ring, document, wait } = self;
        let source = &source;
        keep(ring, source.schedule, document, wait, || source.look(), looked).await;
    }
}

/// TOKEN-12.refresh: new keys take the place of those in the ring whole; a look that fails changes nothing.
async fn keep<F: Future<Output = Result<Look, FetchError>>>(
    ring: KeyRing,
    schedule: Schedule,
    mut document: Bytes,
    mut wait: Duration,
    look: impl Fn() -> F,
    looked: impl Fn(bool),
) {
    loop {
        // However many tokens name an unknown key, and whenever: not before.
        tokio::time::sleep(schedule.least).await;
        tokio::select! {
            () = ring.missed() => tracing::info!("a token names a key that is not known; looking for it"),
            () = tokio::time::sleep(wait.saturating_sub(schedule.least)) => {}
        }
        let look = look().await;
        looked(look.is_ok());
        match look {
            Ok(look) => {
                wait = look.fresh_for;
                if look.document != document {
                    tracing::info!(keys = look.jwks.keys.names().join(", "), "new keys");
                    for key in &look.jwks.passed_over {
                        tracing::warn!(%key, "a key is not used");
                    }
                    ring.replace(look.jwks.keys);
                    document = look.document;
                }
            }
            Err(error) => {
                wait = schedule.usual.min(wait);
                tracing::warn!(%error, "keys could not be fetched; those at hand stay");
            }
        }
    }
}

/// The sentence at the bottom of an error, which is the one that says something.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let open = |url| JwksUrl::new(url, Algorithms::default(), Schedule::default());
        for url in ["https://a.example/k", "http://127.0.0.1:1/k", "http://[::1]/k", "http://localhost:80/"] {
            assert!(open(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "/k",
            "a.example/k",
            "http://a.example/k",
            "file:///k",
            "http://127.0.0.1.a.example/k",
            "https://u:p@a.example/k",
        ] {
            assert_eq!(open(url).unwrap_err(), JwksUrlError(url.to_owned()));
        }
    }

    const ONE: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    fn answer(document: &str) -> Result<Look, FetchError> {
        let jwks = jwks::parse(document.as_bytes(), &Algorithms::default())?;
        Ok(Look { document: Bytes::copy_from_slice(document.as_bytes()), jwks, fresh_for: Duration::from_secs(600) })
    }

    /// The looks that are made in an hour in which a token names an unknown key so often, and the keys in the end.
    async fn an_hour(
        misses_every: Option<Duration>,
        answers: impl Fn(usize) -> Result<Look, FetchError>,
    ) -> (usize, Vec<String>) {
        let first = answer(ONE).unwrap();
        let ring = KeyRing::from(first.jwks.keys);
        let looks = std::cell::Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            std::future::ready(answers(looks.get()))
        };
        let missing = async {
            let Some(every) = misses_every else { return std::future::pending().await };
            loop {
                ring.note_missed();
                tokio::time::sleep(every).await;
            }
        };
        tokio::select! {
            () = keep(ring.clone(), Schedule::default(), first.document, first.fresh_for, look, |_| {}) => {}
            () = missing => {}
            () = tokio::time::sleep(Duration::from_secs(3600)) => {}
        }
        (looks.get(), ring.current().names())
    }

    #[tokio::test(start_paused = true)]
    async fn no_number_of_tokens_makes_it_look_more_often() {
        let (looks, _) = an_hour(None, |_| answer(ONE)).await;
        assert!((5..=6).contains(&looks), "every ten minutes: {looks}");
        for every in [50, 1_000, 20_000] {
            let (looks, _) = an_hour(Some(Duration::from_millis(every)), |_| answer(ONE)).await;
            assert!((60..=120).contains(&looks), "every half minute at most: {looks}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_or_is_rubbish_changes_nothing() {
        for rubbish in ["", "[]", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AQAB","kid":"one"}]}"#] {
            let (looks, keys) = an_hour(None, |_| answer(rubbish)).await;
            assert!(looks > 1);
            assert_eq!(keys, ["EdDSA `one`"], "{rubbish}");
        }
        let (_, keys) = an_hour(None, |_| Err(FetchError::Status(StatusCode::BAD_GATEWAY))).await;
        assert_eq!(keys, ["EdDSA `one`"]);
    }

    #[tokio::test(start_paused = true)]
    async fn new_keys_take_the_place_of_the_old() {
        let two = ONE.replace("one", "two");
        let (_, keys) = an_hour(None, |look| if look < 3 { answer("") } else { answer(&two) }).await;
        assert_eq!(keys, ["EdDSA `two`"]);
    }

    #[test]
    fn freshness() {
        let schedule = Schedule::default();
        for (value, seconds) in [
            ("max-age=120", 120),
            ("public, max-age=120, must-revalidate", 120),
            ("max-age=0", 30),
            ("max-age=31536000", 3600),
            ("max-age=x", 600),
            ("no-store", 600),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())]);
            assert_eq!(schedule.fresh_for(&headers), Duration::from_secs(seconds), "{value}");
        }
        assert_eq!(schedule.fresh_for(&HeaderMap::new()), schedule.usual);
    }
}
