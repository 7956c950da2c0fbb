//! What an answer says beside its content: that a cache had a hand in it.

use crate::wire::Response;

/// The fields by which caches say that they answered, with their values.
#[must_use]
pub fn cached(response: &Response) -> Option<String> {
    let told: Vec<String> = ["age", "x-cache", "cache-status", "cf-cache-status", "x-cache-status"]
        .into_iter()
        .filter_map(|name| Some((name, response.header(name).next()?)))
        .map(|(name, value)| format!("{name}: {}", crate::text::printable(value)))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_says_that_it_answered() {
        let answer = |headers: &[(&str, &str)]| Response {
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
            ..Response::default()
        };
        assert_eq!(cached(&answer(&[("age", "3"), ("x-cache", "HIT")])).as_deref(), Some("age: 3, x-cache: HIT"));
        assert_eq!(cached(&answer(&[("etag", "x")])), None);
    }
}
