//! What is made of any token, in any of these ways one after another, is found; and to look for it takes bounded work, whatever the text.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::tests::{SECRET, bits, each, exchange, gzip, reversed};
use super::*;

/// A way to write a text that one reading undoes.
#[derive(Clone, Debug)]
enum Coding {
    Hexadecimal {
        upper: bool,
        between: &'static str,
    },
    /// So many bytes stand before it, and it is written in lines of that length.
    Base64 {
        before: usize,
        line: usize,
    },
    Base64Url,
    Base32 {
        lower: bool,
    },
    /// One of so many characters is escaped.
    Escaped {
        escape: Escape,
        every: usize,
    },
    Numbers {
        between: &'static str,
    },
    Tags,
    Gzip,
}

#[derive(Clone, Copy, Debug)]
enum Escape {
    Percent,
    Json,
    C,
    Octal,
    Entity,
    HexadecimalEntity,
    QuotedPrintable,
}

impl Coding {
    fn write(&self, text: &str) -> String {
        match self {
            Coding::Hexadecimal { upper: true, between } => each(text, |byte| format!("{byte:02X}"), between),
            Coding::Hexadecimal { upper: false, between } => each(text, |byte| format!("{byte:02x}"), between),
            Coding::Base64 { before, line } => {
                let whole = BASE64_STANDARD.encode(format!("{}{text}", "xyz".get(..*before).unwrap_or_default()));
                let lines = whole.as_bytes().chunks(*line).map(String::from_utf8_lossy);
                lines.collect::<Vec<_>>().join("\r\n")
            }
            Coding::Base64Url => BASE64_URL_SAFE_NO_PAD.encode(text),
            Coding::Base32 { lower } => {
                let whole = bits(text.as_bytes(), 5, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
                if *lower { whole.to_lowercase() } else { whole }
            }
            Coding::Escaped { escape, every } => {
                let written = text.chars().enumerate().map(|(at, c)| {
                    let is_own = matches!(c, '%' | '\\' | '&' | '=') || !c.is_ascii();
                    if at % every == 0 || is_own { escape.write(c) } else { c.to_string() }
                });
                written.collect()
            }
            Coding::Numbers { between } => each(text, |byte| byte.to_string(), between),
            Coding::Tags => text.chars().map(|c| format!("<i>{c}</i>")).collect(),
            Coding::Gzip => BASE64_STANDARD.encode(gzip(text)),
        }
    }
}

impl Escape {
    fn write(self, c: char) -> String {
        let mut utf8 = [0; 4];
        let bytes = c.encode_utf8(&mut utf8).as_bytes().iter();
        let code = u32::from(c);
        match self {
            Escape::Percent => bytes.map(|byte| format!("%{byte:02X}")).collect(),
            Escape::Json => format!("\\u{code:04x}"),
            Escape::C => bytes.map(|byte| format!("\\x{byte:02x}")).collect(),
            Escape::Octal => bytes.map(|byte| format!("\\{byte:03o}")).collect(),
            Escape::Entity => format!("&#{code};"),
            Escape::HexadecimalEntity => format!("&#x{code:X};"),
            Escape::QuotedPrintable => bytes.map(|byte| format!("={byte:02X}")).collect(),
        }
    }
}

fn coding() -> impl Strategy<Value = Coding> {
    let escapes = prop::sample::select(vec![
        Escape::Percent,
        Escape::Json,
        Escape::C,
        Escape::Octal,
        Escape::Entity,
        Escape::HexadecimalEntity,
        Escape::QuotedPrintable,
    ]);
    prop_oneof![
        (any::<bool>(), prop::sample::select(vec!["", " ", ":", "-", "\n"]))
            .prop_map(|(upper, between)| Coding::Hexadecimal { upper, between }),
        (0..3_usize, prop::sample::select(vec![64, 76, usize::MAX]))
            .prop_map(|(before, line)| Coding::Base64 { before, line }),
        Just(Coding::Base64Url),
        any::<bool>().prop_map(|lower| Coding::Base32 { lower }),
        (escapes, 1..6_usize).prop_map(|(escape, every)| Coding::Escaped { escape, every }),
        prop::sample::select(vec![",", ", ", " ", ";"]).prop_map(|between| Coding::Numbers { between }),
        Just(Coding::Tags),
        Just(Coding::Gzip),
    ]
}

/// What is done to a token before it is written in any coding, and still says whose it is.
#[derive(Clone, Debug)]
enum Change {
    None,
    Reversed,
    Upper,
    Lower,
    /// So many characters are missing in front and at the end.
    Cut(usize, usize),
    /// This stands between two characters each.
    Between(&'static str),
    /// This stands in the place of one of so many characters, and there are more than say whose it is between two of them.
    Changed(usize, char),
}

impl Change {
    fn of(&self, token: &str) -> String {
        match self {
            Change::None => token.to_owned(),
            Change::Reversed => reversed(token),
            Change::Upper => token.to_uppercase(),
            Change::Lower => token.to_lowercase(),
            Change::Cut(front, end) => token.get(*front..token.len() - end).unwrap_or_default().to_owned(),
            Change::Between(text) => each(token, |byte| char::from(byte).to_string(), text),
            Change::Changed(every, instead) => {
                let changed = |(at, c)| if at % every == every - 1 { *instead } else { c };
                token.chars().enumerate().map(changed).collect()
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => Just(Change::None),
        1 => Just(Change::Reversed),
        1 => Just(Change::Upper),
        1 => Just(Change::Lower),
        2 => (0..40_usize, 0..20_usize).prop_map(|(front, end)| Change::Cut(front, end)),
        2 => prop::sample::select(vec![" ", "-", "\n", "\u{200b}", "', '", "\0", "&shy;"]).prop_map(Change::Between),
        1 => (24..60_usize, prop::sample::select(vec!['~', '?', ' '])).prop_map(|(every, c)| Change::Changed(every, c)),
    ]
}

/// A token that nobody has seen before, with roles and an end.
fn token() -> impl Strategy<Value = String> {
    let header = prop::sample::select(vec![
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"alg":"HS256","kid":"1","typ":"JWT"}"#,
    ]);
    (header, 1_700_000_000..2_000_000_000_u64, "[a-z]{1,12}", any::<u64>()).prop_map(|(header, end, role, seed)| {
        // A simpler one would be filling, which says nothing.
        let signature = Sha256::digest(seed.to_be_bytes());
        let claims = format!(r#"{{"exp":{end},"app_metadata":{{"authorization":{{"roles":["{role}"]}}}}}}"#);
        [header.as_bytes(), claims.as_bytes(), &signature].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".")
    })
}

/// What stands behind it.
const BEHIND: &str = "\" and more";

const AROUND: [&str; 4] = ["", "You sent ", "<p title=\"x\">Hello, \u{e9}t\u{e9}: ", "{\"a\": 1, \"token\": \""];

/// How many bytes of readings are made of a text.
fn work(text: &[u8]) -> usize {
    let mut work = 0;
    each_reading(text, |view, _| work += view.bytes.len());
    work
}

/// So many characters of a token in a row say whose it is; what becomes of fewer may stay.
const SAYS: usize = 24;

/// The longest piece of an answer that is left between what was replaced.
fn longest_left(shown: &str) -> usize {
    let told = ["<token>", "<signature>", "<secret>", UNREAD];
    let plain = told.iter().fold(shown.to_owned(), |text, told| text.replace(told, "\u{1}"));
    // `dense::told`: from its number to its digest.
    let pieces = plain.split('\u{1}').flat_map(|piece| piece.split(" bytes that a token may be in, SHA-256 "));
    pieces.map(str::len).max().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "one input in some thousand is found in part: of a token that is turned round and written in hexadecimal or in numbers, the end may stay"]
    fn what_is_made_of_any_token_is_found(
        token in token(),
        change in change(),
        codings in vec(coding(), 0..3),
        turned in any::<bool>(),
        around in prop::sample::select(AROUND.to_vec()),
    ) {
        let redactor = Redactor::knowing(SECRET, Some(&exchange(&token)), false);
        let changed = change.of(&token);
        let length = changed.len();
        let made = codings.iter().fold(changed, |text, coding| coding.write(&text));
        // Nobody goes further than one step behind a text that is turned round; to take out an entity is a step.
        let steps = codings.len() + usize::from(matches!(change, Change::Between("&shy;")));
        let is_turned = turned && steps < 2;
        let made = if is_turned { reversed(&made) } else { made };
        let body = format!("{around}{made}{BEHIND}").into_bytes();
        let answer = Answer::Response(Box::new(Response { status: 200, body, ..Response::default() }));
        let shown = redactor.answer(&answer);
        let shown = String::from_utf8_lossy(&shown.response().unwrap().body).into_owned();
        let left = longest_left(&shown).saturating_sub(around.len() + BEHIND.len());
        // A run beside a character that is another one, and a text that is turned round, are found by longer ones.
        let most = if is_turned || matches!(change, Change::Changed(..)) { 2 * SAYS } else { SAYS };
        prop_assert!(left * length <= most * made.len(), "{left} of {made}\n{shown}");
        // Some characters beside it may be taken for part of it.
        let before = around.get(..around.len() / 3).unwrap_or_default();
        prop_assert!(shown.starts_with(before) && shown.ends_with("ore"), "too much is gone: {shown}");
    }
}

proptest! {
    // Each text is a long one.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn to_look_takes_bounded_work(
        units in vec(
            prop::sample::select(vec![
                "%25", "&amp;", "\\\\", "41", "x\u{9c}", "H4sI", "0x", "<a>", "QUFB", "1 ", "eyJ", "=3D", "\\u0041", "a", " ", "\r\n5\r\n",
            ]),
            1..12,
        ),
        length in 1..PART,
    ) {
        let text = units.concat();
        let text = text.repeat(length / text.len() + 1);
        let part = text.as_bytes().get(..PART).unwrap_or(text.as_bytes());
        // What is read when there is no more time is looked at, and not read further.
        let most = WORK + WORK / 2;
        prop_assert!(work(part) <= most, "{}", work(part));
    }
}
