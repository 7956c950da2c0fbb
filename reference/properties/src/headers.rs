//! HEADERS: any bytes can be read as a `_headers` file, and nothing in it undoes what the gate says.

use http::header::{self, HeaderMap, HeaderValue};
use rolegate::caches::Keeping;
use rolegate::headers::{Fields, HeaderPath, HeaderRules};
use rolegate::path::RequestPath;
use rolegate::rules::{Parsed, RuleFiles, RuleSet};

/// The paths that every file is asked for.
const PATHS: [&str; 10] =
    ["/", "/a", "/a/", "/a/b", "/a/b/c", "/b", "/b/a.css", "/%C3%A9", "/private/page.html", "/members/report"];

/// HEADERS-1, HEADERS-3, HEADERS-6: any bytes can be read, and where a password is asked for, the path is closed.
pub fn parse_headers(bytes: &[u8]) {
    held_to_the_rules(bytes, RuleSet::read(RuleFiles { redirects: b"", toml: b"", headers: bytes }));
}

/// HEADERS-2 to HEADERS-5, NOLEAK-4: what any bytes set can be sent, is nothing that the server says itself, and leaves an
/// answer that depended on a role to its visitor.
///
/// The first byte chooses the file: `_headers` where it is even, else `netlify.toml`.
pub fn header_answers(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first() else { return };
    let (headers, toml) = if choice % 2 == 0 { (file, &b""[..]) } else { (&b""[..], file) };
    let read = RuleSet::read(RuleFiles { redirects: b"", toml, headers });
    let rules = read.rules.headers();
    if rules.is_empty() {
        return;
    }
    for path in PATHS.into_iter().filter_map(|path| RequestPath::parse(path.as_bytes()).ok()) {
        let found: Vec<_> = rules.fields(&path).collect();
        for everywhere in rules.fields_for_all() {
            assert!(found.contains(&everywhere), "`/*` matches every path");
        }
        if !found.is_empty() {
            personal_answers_stay_personal(rules, &path);
        }
    }
}

/// HEADERS-8, HEADERS-6: any bytes can be read for their `[[headers]]`, and no password in them leaves its path open, by a
/// second reading of the file.
pub fn toml_headers(bytes: &[u8]) {
    let rules = held_to_the_rules(bytes, RuleSet::read(RuleFiles { redirects: b"", toml: bytes, headers: b"" }));
    // A second reading, by the library's own data model, where there may be a password to close a path: in plain letters,
    // or behind an escape.
    let may_ask =
        |bytes: &[u8]| bytes.contains(&b'\\') || bytes.windows(5).any(|word| word.eq_ignore_ascii_case(b"basic"));
    if !rules.unreadable_headers().is_empty() || !may_ask(bytes) {
        return;
    }
    let table = std::str::from_utf8(bytes).ok().and_then(|text| toml::from_str::<toml::Table>(text).ok());
    let entries = table.as_ref().and_then(|table| table.get("headers")).and_then(toml::Value::as_array);
    for entry in entries.into_iter().flatten() {
        let values = entry.get("values").and_then(toml::Value::as_table);
        let asks = values.is_some_and(|values| values.keys().any(|name| name.eq_ignore_ascii_case("Basic-Auth")));
        let path = entry.get("for").and_then(toml::Value::as_str).unwrap_or_default();
        if asks {
            // What does not begin with a slash is read from the root.
            let path = format!("/{}", path.trim().trim_start_matches('/'));
            let path = RequestPath::parse(path.replace(['*', ':'], "x").as_bytes());
            assert!(path.is_ok(), "a gate starts with no other path");
            assert!(path.into_iter().all(|path| rules.seals().iter().any(|rule| rule.pattern.matches(&path))));
        }
    }
}

fn held_to_the_rules(bytes: &[u8], parsed: Parsed) -> RuleSet {
    let text = std::str::from_utf8(bytes).ok();
    for problem in &parsed.problems {
        let span = problem.span;
        assert!(span.start <= span.end && span.end <= bytes.len() && span.line >= 1 && span.column >= 1);
        if let Some(text) = text {
            assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        }
    }
    super::files::kinds_are_known(&parsed.problems);
    let rules = parsed.rules;
    assert!(rules.seals().iter().all(|rule| rule.is_sealed()));
    // HEADERS-6: whoever decides by the list decides by the seals.
    assert!(rules.rules().starts_with(rules.seals()));
    rules
}

fn personal_answers_stay_personal(rules: &HeaderRules, path: &RequestPath) {
    let own = HeaderValue::from_static("private, no-store");
    for stored in [true, false] {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, own.clone());
        headers.insert(header::VARY, HeaderValue::from_static("Cookie"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        headers.insert(header::ETAG, HeaderValue::from_static("\"own\""));
        Fields::of(rules.fields(path))
            .apply(&mut headers, if stored { Keeping::ByTheVisitor } else { Keeping::Nowhere });
        let cache = headers.get(header::CACHE_CONTROL).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let cache = cache.unwrap_or_default().to_ascii_lowercase();
        assert!(cache.contains("private") || cache.contains("no-store"), "{cache}");
        assert!(!cache.contains("public") && !cache.contains("s-maxage"), "{cache}");
        assert!(stored || cache == "private, no-store", "a denial is never stored");
        let vary = headers.get(header::VARY).map(HeaderValue::as_bytes).unwrap_or_default();
        assert!(vary.starts_with(b"Cookie"));
        assert_eq!(headers.get(header::ETAG), Some(&HeaderValue::from_static("\"own\"")));
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::LOCATION, header::SET_COOKIE] {
            assert!(!headers.contains_key(name));
        }
        assert!(!headers.keys().any(|name| name.as_str().replace('-', "").starts_with("basicauth")));
        super::nothing_steers_caches(&headers);
    }
}

/// HEADERS-2, HEADERS-6: the matcher agrees with a naive one, over patterns and paths of a small alphabet, and the seal of a
/// pattern closes whatever the pattern matches.
pub fn header_paths_agree_with_oracle(bytes: &[u8]) {
    let mut halves = bytes.splitn(2, |byte| *byte == 0);
    let spell = |half: &[u8], alphabet: &[u8]| -> String {
        let letters = half.iter().take(24).filter_map(|byte| alphabet.get(usize::from(*byte) % alphabet.len()));
        std::iter::once('/').chain(letters.map(|letter| char::from(*letter))).collect()
    };
    let pattern = spell(halves.next().unwrap_or_default(), b"ab/*:/*");
    let path = spell(halves.next().unwrap_or_default(), b"ab/a/b");
    let Ok(path) = RequestPath::parse(path.as_bytes()) else { return };
    let Ok(read) = HeaderPath::parse(&pattern) else { return };
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let name = path.name();
    assert_eq!(read.matches(name), segments(&parts, name), "{pattern} {name}");
    let file = format!("{pattern}\n  Basic-Auth: a:b\n");
    let parsed = RuleSet::read(RuleFiles { redirects: b"", toml: b"", headers: file.as_bytes() }).rules;
    assert_eq!(parsed.seals().len(), 1, "{pattern}");
    if read.matches(name) {
        assert!(parsed.seals().iter().all(|rule| rule.pattern.matches(&path)), "{pattern} seals {name}");
    }
}

/// Whether the parts of a pattern match the rest of a name, which is empty or begins with a slash.
fn segments(parts: &[&str], rest: &str) -> bool {
    let Some((part, parts)) = parts.split_first() else { return rest.is_empty() };
    if *part == "*" {
        let boundary = rest.is_empty() || rest.starts_with('/');
        return boundary && suffixes(rest).any(|rest| segments(parts, rest));
    }
    let Some(rest) = rest.strip_prefix('/') else { return false };
    if part.starts_with(':') && part.len() > 1 && !part.contains('*') {
        let end = rest.find('/').unwrap_or(rest.len());
        return end > 0 && rest.get(end..).is_some_and(|rest| segments(parts, rest));
    }
    characters(part, parts, rest)
}

fn characters(part: &str, parts: &[&str], rest: &str) -> bool {
    let mut letters = part.chars();
    match letters.next() {
        None => segments(parts, rest),
        Some('*') => suffixes(rest).any(|rest| characters(letters.as_str(), parts, rest)),
        Some(letter) => rest.strip_prefix(letter).is_some_and(|rest| characters(letters.as_str(), parts, rest)),
    }
}

fn suffixes(text: &str) -> impl Iterator<Item = &str> {
    (0..=text.len()).filter_map(|at| text.get(at..))
}
