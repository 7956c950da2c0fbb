//! What an answer says to caches, and what of it may stay where the answer depended on a role (NOLEAK-4, HEADERS-5).
//!
//! One reading for both ways: for the header fields of the site's own files and for those of an upstream. Every cache has
//! names of its own, and new ones come, so a field is known by the words that its name is made of and not by a list of
//! whole names. A name too many costs a hint to a cache; a name too few shows a page to everybody.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Words that speak of caching wherever they stand in a name: `X-Cache-TTL`, `Netlify-CDN-Cache-Control`, `No-Vary-Search`.
const WORDS: [&str; 16] = [
    "cdn",
    "edge",
    "esi",
    "expires",
    "litespeed",
    "lscache",
    "purge",
    "skey",
    "surrogate",
    "tags",
    "ttl",
    "variant",
    "variants",
    "varnish",
    "vary",
    "xkey",
];

/// Names of caches that have fields of their own; each stands first, or behind `X`: `Akamai-…`, `X-Fastly-…`, `X-Accel-…`.
const CACHES: [&str; 11] =
    ["accel", "akamai", "cloudfront", "fastly", "incap", "lsc", "netlify", "section", "squid", "sucuri", "vercel"];

/// Whole names that no word gives away; each stands so, or behind `X`.
const NAMES: [&str; 3] = ["key", "pragma", "vc-enabled"];

/// Whether a field may tell a cache to keep an answer, for how long, or under which key, beside `Cache-Control` and `Vary`,
/// which are read. RFC 9213 (targeted fields), RFC 9111 §5.3 and §5.4, and the names that caches have made up.
pub fn steers_caches(name: &HeaderName) -> bool {
    if matches!(*name, header::CACHE_CONTROL | header::VARY) {
        return false;
    }
    // Some servers read `_` as `-`.
    let name = name.as_str().replace('_', "-");
    let words = || name.split('-');
    let is_of_a_cache = words().find(|word| *word != "x").is_some_and(|first| CACHES.contains(&first));
    name.contains("cache")
        || NAMES.contains(&name.strip_prefix("x-").unwrap_or(&name))
        || is_of_a_cache
        || words().any(|word| WORDS.contains(&word))
}

/// Whether a `Cache-Control` keeps shared caches out: it says so in plain words, and nothing to the contrary.
pub fn is_private(cache: &HeaderValue) -> bool {
    let text = cache.to_str().unwrap_or_default().to_ascii_lowercase();
    let has = |wanted: &str| text.split(',').any(|directive| directive.trim() == wanted);
    // Anywhere, so that a cache which reads a malformed list more kindly finds nothing in it.
    let shares = ["public", "s-maxage"].iter().any(|word| text.contains(word));
    // RFC 9111 §5.2.2.3: a cache that knows the status takes no notice of `no-store` beside `must-understand`.
    let stores_nothing = has("no-store") && !text.contains("must-understand");
    // A quoted string could hide a directive in a list that is split at commas, or seem to hold one.
    (has("private") || stores_nothing) && !shares && !text.contains('"')
}

/// Who may keep an answer, and for which requests a cache may use it again (NOLEAK-4, NOLEAK-4.conditions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRules {
    /// Who may keep it.
    pub keeping: Keeping,
    /// What of a request it depended on.
    pub varies: Varies,
}

/// Who may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Every cache, for as long as the answer says.
    ByAnybody,
    /// The visitor's own cache, for as long as the answer says.
    ByTheVisitor,
    /// None.
    Nowhere,
}

/// RFC 9110 §12.5.5: the fields of a request that an answer depended on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varies {
    /// None: it is the same for everybody who asks at this address.
    Never,
    /// `Cookie`
    WithCookie,
    /// `Cookie`, with which a visitor chooses a language, and `Accept-Language`.
    WithLanguage,
}

impl CacheRules {
    /// The `Cache-Control` of an answer of the gate's own.
    pub fn control(self) -> HeaderValue {
        match self.keeping {
            Keeping::ByAnybody => const { HeaderValue::from_static("public, max-age=0, must-revalidate") },
            Keeping::ByTheVisitor => const { HeaderValue::from_static("private, max-age=0, must-revalidate") },
            Keeping::Nowhere => const { HeaderValue::from_static("private, no-store") },
        }
    }

    /// The `Vary` of an answer of the gate's own, where there is one.
    pub fn vary(self) -> Option<HeaderValue> {
        match self.varies {
            Varies::Never => None,
            Varies::WithCookie => Some(const { HeaderValue::from_static("Cookie") }),
            Varies::WithLanguage => Some(const { HeaderValue::from_static("Cookie, Accept-Language") }),
        }
    }

    /// The rules for whoever cannot say what the answer varies with: what is not for everybody is the visitor's own.
    pub fn without_vary(self) -> CacheRules {
        match (self.keeping, self.varies) {
            (Keeping::ByAnybody, Varies::WithCookie | Varies::WithLanguage) => {
                CacheRules { keeping: Keeping::ByTheVisitor, ..self }
            }
            _ => self,
        }
    }

    /// Holds the fields of an answer that somebody else made to these rules, whatever it says itself.
    pub fn restrict(self, fields: &mut HeaderMap) {
        if self.keeping != Keeping::ByAnybody {
            keep_apart(fields, self.keeping);
        }
        for name in self.varies.names() {
            // Beside `*` too: not every cache heeds it.
            let mut lines = fields.get_all(header::VARY).iter();
            let is_named = lines.any(|line| {
                line.as_bytes().split(|byte| *byte == b',').any(|own| own.trim_ascii().eq_ignore_ascii_case(name))
            });
            if !is_named && let Ok(name) = HeaderValue::from_bytes(name) {
                fields.append(header::VARY, name);
            }
        }
    }
}

impl Varies {
    fn names(self) -> &'static [&'static [u8]] {
        match self {
            Varies::Never => &[],
            Varies::WithCookie => &[b"Cookie"],
            Varies::WithLanguage => &[b"Cookie", b"Accept-Language"],
        }
    }
}

/// NOLEAK-4: no shared cache keeps this answer.
fn keep_apart(fields: &mut HeaderMap, keeping: Keeping) {
    let steering: Vec<HeaderName> = fields.keys().filter(|name| steers_caches(name)).cloned().collect();
    for name in steering {
        fields.remove(&name);
    }
    let control = match lifetime(fields) {
        Lifetime::Seconds(age) if keeping != Keeping::Nowhere => format!("private, max-age={age}, must-revalidate"),
        Lifetime::Seconds(_) | Lifetime::NotStored => "private, no-store".to_owned(),
    };
    if let Ok(control) = HeaderValue::try_from(control) {
        fields.insert(header::CACHE_CONTROL, control);
    }
}

/// What the `Cache-Control` lines of an answer come to for a private cache.
enum Lifetime {
    NotStored,
    Seconds(u32),
}

/// Of what is said twice the shorter counts, and what cannot be read is no time at all.
fn lifetime(fields: &HeaderMap) -> Lifetime {
    let lines = fields.get_all(header::CACHE_CONTROL).iter();
    let text = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase()).collect::<Vec<_>>();
    let text = text.join(",");
    if text.contains("no-store") {
        return Lifetime::NotStored;
    }
    if text.contains("no-cache") {
        return Lifetime::Seconds(0);
    }
    let ages = text.split(',').filter_map(|one| one.trim().strip_prefix("max-age"));
    let seconds = ages.map(|age| age.trim().strip_prefix('=').and_then(|age| age.trim().parse().ok()).unwrap_or(0));
    Lifetime::Seconds(seconds.min().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_fields_steer_caches() {
        for name in [
            "age-of-cache",
            "akamai-cache-control",
            "akamai-x-cache-on",
            "cache-status",
            "cache-tag",
            "cache-tags",
            "cdn-cache-control",
            "cdn-tag",
            "cdn_cache_control",
            "cf-cache-status",
            "cf-edge-cache",
            "cloudflare-cdn-cache-control",
            "edge-cache-tag",
            "edge-control",
            "expires",
            "fastly-cache-control",
            "fastly-restarts",
            "key",
            "netlify-cache-tag",
            "netlify-cdn-cache-control",
            "netlify-vary",
            "no-vary-search",
            "pragma",
            "surrogate-control",
            "surrogate-key",
            "variant-key",
            "variants",
            "vercel-cache-tag",
            "vercel-cdn-cache-control",
            "x-accel-expires",
            "x-accel-redirect",
            "x_accel_expires",
            "x-akamai-edgescape",
            "x-cache",
            "x-cache-control",
            "x-cache-key",
            "x-cacheable",
            "x-do-esi",
            "x-edge-control",
            "x-esi",
            "x-fastly-ttl",
            "x-key",
            "x-litespeed-cache-control",
            "x-litespeed-tag",
            "x-lscache",
            "x-nginx-cache",
            "x-original-cache-control",
            "x-proxy-cache",
            "x-purge-key",
            "x-section-io-id",
            "x-magento-tags",
            "x-surrogate-key",
            "x-tags",
            "x-ttl",
            "x-varnish-ttl",
            "x-vary-by",
            "x-vc-cacheable",
            "x-vc-enabled",
            "x-vc-ttl",
            "xkey",
        ] {
            assert!(steers_caches(&HeaderName::from_static(name)), "{name}");
        }
        for name in [
            "accept-ranges",
            "age",
            "cache-control",
            "content-language",
            "content-location",
            "content-type",
            "date",
            "etag",
            "last-modified",
            "link",
            "location",
            "set-cookie",
            "strict-transport-security",
            "vary",
            "warning",
            "x-content-type-options",
            "x-frame-options",
            "x-request-id",
            "x-robots-tag",
        ] {
            assert!(!steers_caches(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn what_stays_of_cache_control() {
        for (lines, kept) in [
            (["max-age=60", "max-age=9"].as_slice(), "private, max-age=9, must-revalidate"),
            (&["public, max-age=60"], "private, max-age=60, must-revalidate"),
            (&["max-age=60", "x, no-store"], "private, no-store"),
            (&["max-age=60, no-cache=\"set-cookie\""], "private, max-age=0, must-revalidate"),
            (&["max-age=\"60\""], "private, max-age=0, must-revalidate"),
            (&["max-age = 60"], "private, max-age=60, must-revalidate"),
            (&["max-age=60, max-age=x"], "private, max-age=0, must-revalidate"),
            (&["max-age=99999999999"], "private, max-age=0, must-revalidate"),
            (&["no-store, must-understand"], "private, no-store"),
            (&[], "private, max-age=0, must-revalidate"),
        ] {
            for (keeping, wanted) in [(Keeping::ByTheVisitor, kept), (Keeping::Nowhere, "private, no-store")] {
                let mut fields = HeaderMap::new();
                for line in lines {
                    fields.append(header::CACHE_CONTROL, HeaderValue::from_static(line));
                }
                fields.append(header::VARY, HeaderValue::from_static("*"));
                CacheRules { keeping, varies: Varies::WithCookie }.restrict(&mut fields);
                assert_eq!(fields.get_all(header::CACHE_CONTROL).iter().collect::<Vec<_>>(), [wanted], "{lines:?}");
                assert_eq!(fields.get_all(header::VARY).iter().collect::<Vec<_>>(), ["*", "Cookie"]);
            }
        }
    }

    #[test]
    fn what_an_answer_varies_with() {
        for (varies, own, all) in [
            (Varies::Never, [].as_slice(), [].as_slice()),
            (Varies::WithCookie, &[], &["Cookie"]),
            (Varies::WithLanguage, &[], &["Cookie", "Accept-Language"]),
            (Varies::WithLanguage, &["accept-LANGUAGE , x"], &["accept-LANGUAGE , x", "Cookie"]),
            (Varies::WithLanguage, &["*"], &["*", "Cookie", "Accept-Language"]),
            (Varies::WithLanguage, &["x", "cookie,accept-language"], &["x", "cookie,accept-language"]),
        ] {
            let mut fields = HeaderMap::new();
            let control = HeaderValue::from_static("public, max-age=600");
            fields.insert(header::CACHE_CONTROL, control.clone());
            for line in own {
                fields.append(header::VARY, HeaderValue::from_static(line));
            }
            let rules = CacheRules { keeping: Keeping::ByAnybody, varies };
            rules.restrict(&mut fields);
            assert_eq!(fields.get_all(header::VARY).iter().collect::<Vec<_>>(), all, "{varies:?} {own:?}");
            assert_eq!(fields.get(header::CACHE_CONTROL), Some(&control));
            let is_for_all = rules.without_vary().keeping == Keeping::ByAnybody;
            assert_eq!(is_for_all, rules.vary().is_none(), "{varies:?}");
        }
    }

    #[test]
    fn what_keeps_shared_caches_out() {
        for (cache, keeps_out) in [
            ("private", true),
            ("Private, max-age=60", true),
            ("no-store", true),
            ("no-store, must-understand", false),
            ("private, no-store, must-understand", true),
            ("max-age=60", false),
            ("private, s-maxage=60", false),
            ("private=\"set-cookie\"", false),
            ("x=\"a, private\"", false),
            ("no-cache", false),
        ] {
            assert_eq!(is_private(&HeaderValue::from_static(cache)), keeps_out, "{cache}");
        }
    }
}
