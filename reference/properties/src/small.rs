//! Small alphabets: any bytes become rules, paths and sites that meet each other often.
//!
//! A digit or lower-case letter picks by its place in `0123456789abc…`, so that a seed can be written by hand; any other
//! byte picks by its value.

use std::fmt;

/// Bytes, read as picks. Where they end, the first of every alphabet is picked.
pub(super) struct Picks<'a>(pub(super) &'a [u8]);

impl Picks<'_> {
    pub(super) fn number(&mut self) -> usize {
        let Some((byte, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        char::from(*byte)
            .to_digit(36)
            .filter(|_| !byte.is_ascii_uppercase())
            .and_then(|digit| usize::try_from(digit).ok())
            .unwrap_or(usize::from(*byte))
    }

    pub(super) fn pick(&mut self, alphabet: &[&'static str]) -> &'static str {
        let place = self.number().checked_rem(alphabet.len()).unwrap_or_default();
        alphabet.get(place).copied().unwrap_or_default()
    }

    fn path(&mut self, alphabet: &[&'static str]) -> String {
        let length = self.number() % 5;
        let segments: String = (0..length).map(|_| format!("/{}", self.pick(alphabet))).collect();
        if segments.is_empty() { "/".to_owned() } else { segments }
    }
}

const ORACLE_PATTERN: &[&str] = &["a", "*", ":x", "b", "a*", ":y", "ab", "b*", ":"];
const ORACLE_PATH: &[&str] = &["a", "b", "ab", "c", ":x", "*"];

/// A pattern and a path, without escapes and dots, which the oracle does not know.
pub(super) fn pattern_and_path(bytes: &[u8]) -> (String, String) {
    let mut picks = Picks(bytes);
    (picks.path(ORACLE_PATTERN), picks.path(ORACLE_PATH))
}

const FROM: &[&str] = &["a", "*", "b", ":x", "a.html", "index.html", "index", "404", "a*", "..", "%61", "", "**"];
const QUERY: &[&str] = &["", "", "", " q=1", " q=:x", " q=", " role=x"];
const TO: &[&str] = &[
    " /a",
    " /:splat",
    " /b",
    " /:x",
    " /a/index.html",
    " /404.html",
    " /b/:splat",
    " /a?q=:x#:splat",
    " https://a.example/:splat",
    " https://:x.example/a",
    "",
    " //b",
    " /../:splat",
    " /a/b/:x",
    " https://A.example.:443/:splat",
    " http://a.example/b/../:splat",
    " https://a.example/b/:x",
    " https://b.example/:splat",
];
const STATUS: &[&str] = &["", " 200", " 200!", " 301", " 302!", " 404", " 401!", " 2OO"];
const CONDITIONS: &[&str] = &[
    "",
    "",
    " Role=r",
    " Role=s",
    " Role=r,s",
    " Role=*",
    " Role=r Country=de",
    " Role",
    " ROLE=r",
    " Role=r, s",
    " Cookie=c",
    " Typo=r",
    " Language=de",
    " Country=de",
];
const REQUEST: &[&str] = &[
    "a",
    "b",
    "a.html",
    "index.html",
    "index",
    "404",
    "404.html",
    "%61",
    "..",
    ".",
    "",
    "%2e%2e",
    "ab",
    "c",
    "b.html",
    "%2Fa",
    "\\a",
];
const REQUEST_QUERY: &[&str] = &["", "", "?q=1", "?q=", "?q", "?q=1&z=2", "?q=%26&q=/"];
const ENDS: &[&str] = &["", "/"];
pub(super) const FILES: &[&str] = &[
    "/a",
    "/a.html",
    "/a/index.html",
    "/b.html",
    "/b/index.html",
    "/404.html",
    "/index.html",
    "/a/b",
    "/a/b.html",
    "/index/index.html",
];

/// A site, its rules and a request.
pub(super) struct Case {
    pub(super) rules: String,
    pub(super) files: Vec<&'static str>,
    pub(super) target: String,
}

impl Case {
    pub(super) fn new(bytes: &[u8]) -> Case {
        let mut picks = Picks(bytes);
        let target = picks.path(REQUEST) + picks.pick(ENDS) + picks.pick(REQUEST_QUERY);
        let files = (0..picks.number() % 6).map(|_| picks.pick(FILES)).collect();
        let mut rules = String::new();
        while !picks.0.is_empty() && rules.len() < 2000 {
            rules += &picks.path(FROM);
            rules += picks.pick(QUERY);
            rules += picks.pick(TO);
            rules += picks.pick(STATUS);
            rules += picks.pick(CONDITIONS);
            rules.push('\n');
        }
        Case { rules, files, target }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GET {}\nfiles {}\n{}", self.target, self.files.join(" "), self.rules)
    }
}

/// `good` with one byte put in, taken out or replaced, or cut off, as `bytes` say.
pub(super) fn edit(good: &[u8], bytes: &[u8]) -> Vec<u8> {
    let [kind, high, low, value, ..] = bytes else {
        return good.to_vec();
    };
    let place = usize::from(u16::from_be_bytes([*high, *low])).checked_rem(good.len()).unwrap_or_default();
    let (before, after) = good.split_at_checked(place).unwrap_or((good, &[]));
    let rest = after.get(1..).unwrap_or_default();
    match kind % 4 {
        0 => [before, &[*value], rest].concat(),
        1 => [before, &[*value], after].concat(),
        2 => [before, rest].concat(),
        _ => before.to_vec(),
    }
}
