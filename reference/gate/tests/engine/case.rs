//! Rule files and requests at random, over what both gates can read.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleText {
    pub host: &'static str,
    pub from: &'static str,
    pub query: &'static str,
    pub to: &'static str,
    pub status: &'static str,
    pub force: bool,
    pub role: &'static str,
    pub condition: &'static str,
}

impl RuleText {
    pub fn text(&self) -> String {
        let RuleText { host, from, query, to, status, force, role, condition } = self;
        let force = if *force { "!" } else { "" };
        let words = [format!("{host}{from}"), query.to_string(), to.to_string(), format!("{status}{force}")];
        let words = words.into_iter().chain([role.to_string(), condition.to_string()]);
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub path: String,
    pub query: &'static str,
    pub roles: Option<&'static [&'static str]>,
    pub language: &'static str,
    pub country: &'static str,
    pub cookies: &'static [&'static str],
}

impl Ask {
    pub fn json(&self) -> Value {
        let Ask { path, query, roles, language, country, cookies } = self;
        json!({ "path": path, "query": query, "roles": roles, "language": language, "country": country, "cookies": cookies })
    }
}

pub fn text_of(rules: &[RuleText]) -> String {
    rules.iter().fold(String::new(), |mut text, rule| {
        let _ = writeln!(text, "{}", rule.text());
        text
    })
}

const HOST: &[&str] = &["", "", "", "", "", "", "https://site.example", "http://site.example", "https://other.example"];
const FROM: &[&str] = &[
    "/*", "/*", "/a/*", "/a/*", "/b/*", "/a/b/*", "/:x/*", "/:x/b/*", "/a/:x/*", "/a", "/b", "/a/b", "/:x", "/a/:x",
    "/:x/:y", "/",
];
const PLAIN: &[&str] = &["/a", "/b", "/c", "/a/b", "/c/d", "/", "https://up.example/c", "https://site.example/c"];
const SPLAT: &[&str] =
    &["/:splat", "/a/:splat", "/b/:splat", "/a/b/:splat", "/c/:splat", "/c/:splat/d", "https://up.example/:splat"];
const STATUS: &[&str] = &["200", "200", "200", "301", "302", "302", "404", "401"];
const ROLE: &[&str] = &["", "", "", "", "Role=r", "Role=r", "Role=s", "Role=r,s", "Role=*"];
const CONDITION: &[&str] =
    &["", "", "", "", "", "", "Country=de", "Country=de,at", "Language=en", "Language=fr,de", "Cookie=c", "Cookie=c,d"];
const ROLES: &[Option<&[&str]>] = &[None, None, Some(&["r"]), Some(&["s"]), Some(&["r", "s"]), Some(&["t"]), Some(&[])];
const SEGMENT: &[&str] = &["a", "b", "c", "d", "ab"];

pub fn rule(dice: &mut Dice) -> RuleText {
    let from = dice.pick(FROM);
    let query = dice.pick(&["", "", "", "", "", "", "q=1", "q=:q"]);
    let to = match dice.below(4) {
        0 if from.contains(":x") => dice.pick(&["/c/:x", "/:x", "/:x/d"]),
        1 if query == "q=:q" => "/c/:q",
        0..3 if from.ends_with('*') => dice.pick(SPLAT),
        _ => dice.pick(PLAIN),
    };
    // Nobody shows a page of another server as an error of this one.
    let status = match dice.pick(STATUS) {
        "404" | "401" if to.starts_with("https:") => "302",
        status => status,
    };
    RuleText {
        host: dice.pick(HOST),
        from,
        query,
        to,
        status,
        force: dice.below(2) == 0,
        role: dice.pick(ROLE),
        condition: dice.pick(CONDITION),
    }
}

pub fn ask(dice: &mut Dice) -> Ask {
    let depth = dice.pick(&[0, 1, 1, 2, 2, 2, 3]);
    let path: String = (0..depth).map(|_| format!("/{}", dice.pick(SEGMENT))).collect();
    Ask {
        path: if path.is_empty() { "/".to_owned() } else { path },
        query: dice.pick(&["", "", "", "q=1", "q=2"]),
        roles: dice.pick(ROLES),
        language: dice.pick(&["en", "fr", "de", "es"]),
        country: dice.pick(&["de", "at", "us"]),
        cookies: dice.pick(&[&[][..], &[], &["c"], &["d"]]),
    }
}
