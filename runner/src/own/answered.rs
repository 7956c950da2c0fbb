//! What an answer says beside its content: that a cache had a hand in it.

use crate::wire::Response;

/// The fields by which caches say that an answer is one they kept, with their values. One that says that it asked is none.
#[must_use]
pub fn cached(response: &Response) -> Option<String> {
    let kept = |name: &str, value: &str| match name {
        "age" => value.trim().parse::<u64>().is_ok_and(|seconds| seconds > 0),
        _ => {
            let value = value.to_ascii_lowercase();
            ["hit", "stale", "updating", "revalidated"].iter().any(|word| value.contains(word))
        }
    };
    let told: Vec<String> = ["age", "x-cache", "cache-status", "cf-cache-status", "x-cache-status"]
        .into_iter()
        .filter_map(|name| Some((name, crate::text::printable(response.header(name).next()?))))
        .filter(|(name, value)| kept(name, value))
        .map(|(name, value)| format!("{name}: {value}"))
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
        for (headers, told) in [
            (&[("age", "3"), ("x-cache", "HIT")][..], Some("age: 3, x-cache: HIT")),
            (&[("age", "0"), ("cache-status", "\"x\"; hit")], Some("cache-status: \"x\"; hit")),
            (&[("age", "0"), ("x-cache", "MISS")], None),
            (&[("etag", "x")], None),
        ] {
            assert_eq!(cached(&answer(headers)).as_deref(), told, "{headers:?}");
        }
    }
}
