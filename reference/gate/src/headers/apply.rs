//! How the site's own header fields get into an answer, and which of them do not.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::caches::{self, Keeping};

/// HEADERS-4: what the server says about the message and the connection, and what the gate says about a file's state.
pub(super) fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: &[&str] = &[
        "accept-ranges",
        "age",
        "allow",
        "alt-svc",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "date",
        "etag",
        "keep-alive",
        "last-modified",
        "location",
        "proxy-authenticate",
        "proxy-connection",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    ];
    RESERVED.contains(&name.as_str())
}

/// The site's own fields for one answer.
#[derive(Debug, Default)]
pub struct Fields {
    cache: Option<HeaderValue>,
    vary: Vec<HeaderValue>,
    others: Vec<(HeaderName, HeaderValue)>,
}

impl Fields {
    /// Sorts the fields of the file. Of a name that comes twice the later counts.
    pub fn of<'a>(fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Fields {
        let mut sorted = Fields::default();
        for (name, value) in fields {
            if *name == header::CACHE_CONTROL {
                sorted.cache = Some(value.clone());
            } else if *name == header::VARY {
                sorted.vary.push(value.clone());
            } else {
                sorted.others.push((name.clone(), value.clone()));
            }
        }
        sorted
    }

    /// Adds them to an answer whose own fields are complete.
    ///
    /// `keeping`: who may keep it. Of what is for nobody's cache the site says nothing, and of what is the visitor's own no more than that.
    pub fn apply(self, headers: &mut HeaderMap, keeping: Keeping) {
        let personal = keeping != Keeping::ByAnybody;
        for (name, value) in self.others {
            // The parts of a multipart answer have types of their own.
            let is_multipart = || {
                let own = headers.get(header::CONTENT_TYPE);
                own.is_some_and(|own| own.as_bytes().starts_with(b"multipart/byteranges"))
            };
            let is_body_less = || !headers.contains_key(header::CONTENT_TYPE);
            let keeps_own = name == header::CONTENT_TYPE && (is_multipart() || is_body_less());
            let is_refused = is_reserved(&name) || (personal && caches::steers_caches(&name));
            if !keeps_own && !is_refused {
                headers.insert(name, value);
            }
        }
        // HEADERS-5, NOLEAK-4
        let may_say = |cache: &HeaderValue| keeping != Keeping::Nowhere && (!personal || caches::is_private(cache));
        if let Some(cache) = self.cache.filter(may_say) {
            headers.insert(header::CACHE_CONTROL, cache);
        }
        let own = headers.get(header::VARY).cloned().filter(|own| !own.is_empty());
        let all: Vec<&[u8]> = own.iter().chain(&self.vary).map(HeaderValue::as_bytes).collect();
        if !self.vary.is_empty()
            && let Ok(all) = HeaderValue::from_bytes(&all.join(&b", "[..]))
        {
            headers.insert(header::VARY, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_5() {
        let own = "private, max-age=0, must-revalidate";
        for (cache, keeping, sent) in [
            ("public, max-age=60", Keeping::ByAnybody, "public, max-age=60"),
            ("public, max-age=60", Keeping::ByTheVisitor, own),
            ("max-age=60", Keeping::ByTheVisitor, own),
            ("private=\"set-cookie\", max-age=60", Keeping::ByTheVisitor, own),
            ("x=\"a, private\", max-age=60", Keeping::ByTheVisitor, own),
            ("private, s-maxage=60", Keeping::ByTheVisitor, own),
            ("private, x: public", Keeping::ByTheVisitor, own),
            ("no-store, must-understand", Keeping::ByTheVisitor, own),
            ("private, max-age=60", Keeping::ByTheVisitor, "private, max-age=60"),
            ("No-Store", Keeping::ByTheVisitor, "No-Store"),
            ("private, max-age=60", Keeping::Nowhere, own),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(own));
            headers.insert(header::VARY, HeaderValue::from_static("Cookie"));
            let [cdn, accel] = ["netlify-cdn-cache-control", "x-accel-expires"].map(HeaderName::from_static);
            let fields = [
                (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
                (cdn.clone(), HeaderValue::from_static("public, s-maxage=60")),
                (accel.clone(), HeaderValue::from_static("600")),
                (header::VARY, HeaderValue::from_static("Accept-Language")),
                (header::CONTENT_TYPE, HeaderValue::from_static("text/plain")),
            ];
            Fields::of(fields.iter().map(|(name, value)| (name, value))).apply(&mut headers, keeping);
            assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), sent, "{cache}");
            assert_eq!(headers.get(header::VARY).unwrap(), "Cookie, Accept-Language");
            assert_eq!([&cdn, &accel].map(|name| headers.contains_key(name)), [keeping == Keeping::ByAnybody; 2]);
            assert!(!headers.contains_key(header::CONTENT_TYPE), "an answer without a body has no type");
        }
    }
}
