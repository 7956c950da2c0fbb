//! Near misses of what a gate asks for beside a path and a role: its query (QUERY-1 to QUERY-3), its language and its cookie (COND-1 to COND-3).

use crate::spellings::Spelling;

/// The requests that come near to what a gate with such a target and such header lines asks for.
#[must_use]
pub fn of(target: &str, headers: &[(String, Vec<u8>)]) -> Vec<Spelling> {
    let mut all = Vec::new();
    if !headers.is_empty() {
        all.push(Spelling::off("without-its-conditions", target, &[]));
    }
    for (at, (name, value)) in headers.iter().enumerate() {
        let value = String::from_utf8_lossy(value);
        let near = match name.to_ascii_lowercase().as_str() {
            "accept-language" => languages(&value),
            "cookie" => cookies(&value),
            _ => Vec::new(),
        };
        all.extend(near.into_iter().filter(|(_, near)| *near != value).map(|(id, near)| {
            let mut headers = headers.to_vec();
            headers.iter_mut().skip(at).take(1).for_each(|(_, value)| *value = near.clone().into_bytes());
            Spelling::off(id, target, &headers)
        }));
    }
    if let Some((path, query)) = target.split_once('?') {
        all.push(Spelling::off("without-its-query", path, headers));
        // Servers differ in how they read such a query, so that the gate may be the one that it is or another.
        let near = parameters(query).into_iter().filter(|(_, near)| near != query);
        let odd = |(id, near)| Spelling { is_exact: true, ..Spelling::off(id, &format!("{path}?{near}"), headers) };
        all.extend(near.map(odd));
    }
    all
}

fn languages(value: &str) -> Vec<(&'static str, String)> {
    vec![
        ("language-in-capitals", value.to_ascii_uppercase()),
        ("language-of-a-country", format!("{value}-AQ")),
        ("language-that-begins-alike", format!("{value}x")),
        ("language-second", format!("tlh, {value}")),
        ("language-second-and-preferred", format!("tlh;q=0.1, {value}")),
        ("language-refused", format!("{value};q=0")),
        ("language-any", "*".to_owned()),
        ("language-none", String::new()),
        ("language-another", "tlh".to_owned()),
    ]
}

fn cookies(value: &str) -> Vec<(&'static str, String)> {
    let (name, text) = value.split_once('=').unwrap_or((value, ""));
    vec![
        ("condition-cookie-in-capitals", format!("{}={text}", name.to_ascii_uppercase())),
        ("condition-cookie-empty", format!("{name}=")),
        ("condition-cookie-longer", format!("{name}x={text}")),
        ("condition-cookie-without-value", name.to_owned()),
    ]
}

/// Other queries in the place of one, each with one parameter that is not as it is asked for.
fn parameters(query: &str) -> Vec<(&'static str, String)> {
    let pairs: Vec<&str> = query.split('&').collect();
    let Some((first, rest)) = pairs.split_first() else { return Vec::new() };
    let (name, value) = first.split_once('=').unwrap_or((first, ""));
    let others = |first: String| [&[first.as_str()], rest].concat().join("&");
    let escaped = name.bytes().next().map(|byte| format!("%{byte:02x}{}", name.get(1..).unwrap_or_default()));
    let mut all = vec![
        ("parameter-twice", format!("{query}&{first}")),
        ("parameter-twice-another-last", format!("{query}&{name}={value}x")),
        ("parameter-twice-another-first", format!("{name}={value}x&{query}")),
        ("parameter-twice-empty-last", format!("{query}&{name}=")),
        ("parameter-empty", others(format!("{name}="))),
        ("parameter-without-value", others(name.to_owned())),
        ("parameter-in-capitals", others(format!("{}={value}", name.to_ascii_uppercase()))),
        ("parameter-in-brackets", others(format!("{name}[]={value}"))),
        ("parameter-longer", others(format!("{name}x={value}"))),
        ("parameter-behind-a-semicolon", others(format!("x=1;{first}"))),
        ("parameter-before-a-semicolon", others(format!("{first};x=1"))),
        ("parameter-behind-two-ampersands", format!("&&{query}")),
        ("parameter-behind-two-question-marks", format!("?{query}")),
        ("query-empty", String::new()),
    ];
    all.extend(escaped.map(|name| ("parameter-escaped", others(format!("{name}={value}")))));
    all.extend((!rest.is_empty()).then(|| ("parameter-missing", rest.join("&"))));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_of_conditions() {
        let headers = [("Accept-Language".to_owned(), b"de".to_vec()), ("Cookie".to_owned(), b"beta=x".to_vec())];
        let all = of("/a?id=1&b=2", &headers);
        let found = |id: &str| all.iter().find(|one| one.id == id).unwrap_or_else(|| panic!("{id}"));
        for (id, target) in [
            ("without-its-query", "/a"),
            ("parameter-twice", "/a?id=1&b=2&id=1"),
            ("parameter-twice-another-first", "/a?id=1x&id=1&b=2"),
            ("parameter-empty", "/a?id=&b=2"),
            ("parameter-without-value", "/a?id&b=2"),
            ("parameter-in-capitals", "/a?ID=1&b=2"),
            ("parameter-behind-a-semicolon", "/a?x=1;id=1&b=2"),
            ("parameter-escaped", "/a?%69d=1&b=2"),
            ("parameter-missing", "/a?b=2"),
            ("query-empty", "/a?"),
        ] {
            let found = found(id);
            assert_eq!(String::from_utf8_lossy(&found.target), target, "{id}");
            assert_eq!(found.headers, headers, "{id}");
        }
        assert!(found("without-its-conditions").headers.is_empty());
        for (id, language, cookie) in [
            ("language-in-capitals", "DE", "beta=x"),
            ("language-second", "tlh, de", "beta=x"),
            ("condition-cookie-in-capitals", "de", "BETA=x"),
        ] {
            let headers: Vec<&[u8]> = found(id).headers.iter().map(|(_, value)| value.as_slice()).collect();
            assert_eq!(headers, [language.as_bytes(), cookie.as_bytes()], "{id}");
        }
        assert!(of("/a", &[]).is_empty());
    }
}
