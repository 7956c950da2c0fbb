//! What is fetched from other servers, as any of them could read the path.

use percent_encoding::percent_decode;
use rolegate::decide::{Outcome, decide};
use rolegate::query::form_encode;
use rolegate::rules::RuleSet;
use rolegate::site::{Elsewhere, Site};
use rolegate::visitor::Visitor;

use super::small::Picks;

/// Segments of a destination: alone, in several, beside other text, and where text and text become an escape.
const SEGMENTS: &[&str] = &[
    ":y", ":x", ":splat", "view", "v:y", ":y.html", ":x-:y", ".:y", ":y.", "x%2F:y", "x%5C:y", "%:y", "%25:y",
    "x%252:y", "a:splat", ":splat:y", "%2e:y", ";:y", ":y;",
];

/// SUBST-5, PROXY-1: whatever text a request supplies, whoever reads the path that is fetched finds it below the folder that the
/// rule names, and as many segments in it as there would be with plain words.
///
/// The input is picks for the destination and the text for `:x`, `*` and `:y`, a line each.
pub fn forwarded(bytes: &[u8]) {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (picks, x, splat, y) = (line(), line(), line(), line());
    let mut picks = Picks(picks);
    let length = picks.number() % 4 + 1;
    let to: String = (0..length).map(|_| format!("/{}", picks.pick(SEGMENTS))).collect();
    let target = |x: &str, splat: &str, y: &str| format!("/{x}/{splat}?q={y}");
    let supplied = target(&escaped(x, b""), &escaped(splat, b"/"), &form_encode(y));
    // The same request with a plain word in each place.
    let plain = target("w", &splat_in_words(&supplied), "w");
    let forward = format!("/:x/* q=:y http://up.example/docs{to} 200!");
    // A page of a site that lies elsewhere.
    let show = format!("/:x/* q=:y /docs{to} 404!");
    for rule in [forward, show] {
        let [path, expected] = [&supplied, &plain].map(|target| path_of(&rule, target, &Elsewhere));
        everybody_reads_it_so(&rule, &supplied, path, expected);
    }
}

fn everybody_reads_it_so(rule: &str, supplied: &str, path: Option<String>, expected: Option<String>) {
    let (Some(path), Some(expected)) = (path, expected) else { return };
    for reader in Reader::all() {
        let (read, expected) = (reader.read(&path), reader.read(&expected));
        assert!(
            read.first().is_some_and(|first| first == b"docs") && read.len() == expected.len(),
            "{rule}\n{supplied} fetches {path}\n{reader:?} finds {read:?}"
        );
    }
}

/// What a rule alone makes of a request: the path that is fetched.
fn path_of(rule: &str, target: &str, site: &impl Site) -> Option<String> {
    let rules = RuleSet::parse(rule.as_bytes()).rules;
    let decision = decide(rules.rules(), &super::request(target.as_bytes()), &Visitor::Anonymous, site);
    let fetched = match decision.outcome {
        Outcome::Proxy { url } => url.strip_prefix("http://up.example").map(str::to_owned),
        Outcome::Rewrite { .. } => decision.target,
        _ => None,
    };
    fetched.and_then(|fetched| fetched.split(['?', '#']).next().map(str::to_owned))
}

/// As many words as the splat of a request has segments, with its slash at the end.
fn splat_in_words(target: &str) -> String {
    let Ok(target) = rolegate::path::Target::parse(target.as_bytes()) else { return String::new() };
    let count = target.path.segments().count().saturating_sub(1);
    let words = vec!["w"; count].join("/");
    if target.path.trailing_slash() && count > 0 { words + "/" } else { words }
}

fn escaped(bytes: &[u8], raw: &[u8]) -> String {
    let escape = |byte: &u8| if raw.contains(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") };
    bytes.iter().map(escape).collect()
}

/// A server that finds a file, by one way of reading paths.
#[derive(Clone, Copy, Debug)]
struct Reader {
    /// How often it decodes, before anything else.
    decodes: usize,
    /// Whether `\` is `/`.
    backslash: bool,
    /// Whether `;` and what follows it is cut off.
    parameters: bool,
    /// Whether dots and spaces at the end of a segment are cut off.
    tails: bool,
    /// Whether slashes are merged before dots are resolved.
    merges_first: bool,
}

impl Reader {
    fn all() -> impl Iterator<Item = Reader> {
        (0..64_usize).map(|choice| Reader {
            decodes: choice & 3,
            backslash: choice & 4 != 0,
            parameters: choice & 8 != 0,
            tails: choice & 16 != 0,
            merges_first: choice & 32 != 0,
        })
    }

    fn read(self, path: &str) -> Vec<Vec<u8>> {
        let mut text = path.as_bytes().to_vec();
        for _ in 0..self.decodes {
            text = overlong(&percent_decode(&text).collect::<Vec<u8>>());
        }
        let is_slash = |byte: &u8| *byte == b'/' || (self.backslash && *byte == b'\\');
        let mut found: Vec<Vec<u8>> = Vec::new();
        for segment in text.split(is_slash) {
            let segment = if self.parameters { segment.split(|byte| *byte == b';').next() } else { Some(segment) };
            let segment = segment.unwrap_or_default();
            match segment {
                b"." => {}
                b".." => drop(found.pop()),
                b"" if self.merges_first => {}
                _ => found.push(if self.tails { without_tail(segment) } else { segment.to_vec() }),
            }
        }
        found.retain(|segment| !segment.is_empty());
        found
    }
}

/// Slashes, backslashes and dots of two bytes, as lenient decoders of UTF-8 read them; a text ends before NUL.
fn overlong(text: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    let mut rest = text.split(|byte| *byte == 0).next().unwrap_or_default();
    while let Some((byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (lead @ (0xc0 | 0xc1), [next @ 0x80..=0xbf, after @ ..]) => (((lead & 1) << 6) | (next & 0x3f), after),
            _ => (*byte, after),
        };
        read.push(byte);
        rest = after;
    }
    read
}

fn without_tail(segment: &[u8]) -> Vec<u8> {
    let kept = segment.iter().rposition(|byte| !matches!(byte, b'.' | b' ')).map_or(0, |at| at + 1);
    segment.get(..kept).unwrap_or_default().to_vec()
}
