//! The paths that Git Gateway lets an author write.

use percent_encoding::percent_decode_str;
use rolegate_identity::git::path::Writable;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The content folders of the property.
const CONTENT: [&str; 2] = ["content", "static/uploads"];
/// What decides who gets in, as the operator of any server would list it.
const GATES: [&str; 7] = ["_redirects", "_headers", "netlify.toml", "netlify", "functions", "edge-functions", "admin"];
/// What a digit or lower-case letter stands for in a seed that is written by hand; every other character is itself.
const PIECES: [&str; 36] = [
    "content/",
    "static/uploads/",
    "/",
    ".",
    "..",
    "_redirects",
    "netlify.toml",
    ".git",
    "admin",
    "functions",
    "a",
    "B",
    "\\",
    ":",
    "%2e",
    "%2f",
    "~1",
    " ",
    "\u{200c}",
    "\u{feff}",
    "\u{301}",
    "\u{e9}",
    "\u{ff0f}",
    "\u{ff0e}",
    "\u{2024}",
    "\u{2025}",
    "\u{131}",
    "\u{130}",
    "\u{17f}",
    "\u{212a}",
    "GIT",
    "_HEADERS",
    "\0",
    "\n",
    "\u{ff3f}",
    ".md",
];

/// No path that an author may write lies outside of the content folders, or is one that decides who gets in, whatever the
/// next reader makes of its characters. None of the readers here shares code with the check.
pub fn git_tree_paths(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let spelled: String = text.chars().map(piece).collect();
    for path in [text.as_ref(), spelled.as_str()] {
        holds(path);
    }
}

fn piece(character: char) -> String {
    let place = character.to_digit(36).filter(|_| !character.is_ascii_uppercase());
    let piece = place.and_then(|place| PIECES.get(usize::try_from(place).ok()?));
    piece.map_or_else(|| character.to_string(), |piece| (*piece).to_owned())
}

fn holds(path: &str) {
    let Ok(writable) = Writable::new(&CONTENT.map(str::to_owned), &[]) else {
        return;
    };
    let Ok(accepted) = writable.admit(path) else {
        return;
    };
    assert_eq!(accepted.as_str(), path, "the path that is written is the one that was sent");
    let steps: Vec<&str> = accepted.steps().map(|(_, name)| name).collect();
    assert_eq!(steps.join("/"), path, "the steps lead to the path");
    for first in READERS {
        for second in READERS {
            for third in READERS {
                let read = third(second(first(path.to_owned())));
                assert!(is_content(&read), "`{}` is read as `{}`", path.escape_default(), read.escape_default());
            }
        }
    }
}

/// A way in which somebody reads a name.
type Reader = fn(String) -> String;

const READERS: [Reader; 13] = [
    |path| path,
    |path| path.to_lowercase(),
    |path| path.to_uppercase(),
    |path| path.nfc().collect(),
    |path| path.nfd().collect(),
    |path| path.nfkc().collect(),
    |path| path.nfkd().filter(|c| !is_combining_mark(*c)).collect(),
    |path| path.replace('\\', "/"),
    |path| percent_decode_str(&path).decode_utf8_lossy().into_owned(),
    // What HFS+ leaves out of names, and what ends one for a program written in C.
    |path| {
        path.replace(
            |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'),
            "",
        )
    },
    |path| path.split('\0').next().unwrap_or_default().to_owned(),
    // Windows: the stream after a colon, and dots and spaces at the end of a name.
    |path| each(&path, |name| name.split(':').next().unwrap_or_default()),
    |path| each(&path, |name| name.trim_end_matches(['.', ' '])),
];

fn each(path: &str, read: impl Fn(&str) -> &str) -> String {
    path.split('/').map(read).collect::<Vec<_>>().join("/")
}

/// Whether a server that resolves dots and goes by case as little as possible takes this for content.
fn is_content(path: &str) -> bool {
    let mut names: Vec<String> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                if names.pop().is_none() {
                    return false;
                }
            }
            name => names.push(name.to_lowercase()),
        }
    }
    let is_gate = names.iter().any(|name| {
        let is_short = name.split_once('~').is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
        name.starts_with('.') || is_short || name.contains(char::is_control) || GATES.contains(&name.as_str())
    });
    let within = |folder: &str| {
        let folder: Vec<&str> = folder.split('/').collect();
        names.len() >= folder.len() && names.iter().zip(&folder).all(|(name, wanted)| name == wanted)
    };
    !is_gate && CONTENT.iter().any(|folder| within(folder))
}
