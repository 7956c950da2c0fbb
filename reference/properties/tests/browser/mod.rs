//! What a browser makes of a Location (WHATWG URL Standard).

/// The serialized URL that `reference` is, read against `base`.
pub fn resolve(base: &str, reference: &str) -> Option<String> {
    Some(url::Url::parse(base).ok()?.join(reference).ok()?.into())
}
