//! Texts that others wrote, made fit to be shown: what would act on a terminal, reorder the text around it or not be seen at all stands as an escape.

use std::fmt::Write as _;

/// Characters that are no letters, marks or signs of a line: format characters (Unicode category Cf), what is drawn as nothing by default
/// (Default_Ignorable_Code_Point), line and paragraph separators, and noncharacters. Control characters are told apart by [`char::is_control`].
const HIDING: [(u32, u32); 33] = [
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xe000, 0xf8ff),
    (0xfdd0, 0xfdef),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0xfffe, 0xffff),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1345f),
    (0x16fe4, 0x16fe4),
    (0x1bca0, 0x1bca3),
    (0x1d159, 0x1d159),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
    (0xf0000, 0xfffff),
    (0x10_0000, 0x10_ffff),
];

/// Whether a character hides, or moves what stands around it.
#[must_use]
pub fn hides(c: char) -> bool {
    let code = u32::from(c);
    code > 0x7f
        && (c.is_control()
            || code & 0xfffe == 0xfffe
            || HIDING.iter().any(|(first, last)| (*first..=*last).contains(&code)))
}

/// A text in which nothing hides: `\u{202e}` and its like, and control characters other than a line feed and a tab, are escaped.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) || (c.is_control() && !matches!(c, '\n' | '\t')) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Bytes as a person can read them on one line: text as it is, the rest escaped.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => out.push_str("\\r"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() || hides(c) => out.extend(c.escape_unicode()),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The text of a JSON value in which nothing hides: what does is written as JSON escapes, so that whoever reads the value gets the same.
///
/// Outside its strings JSON has ASCII alone, so every such character stands in a string.
#[must_use]
pub fn visible_json(text: String) -> String {
    if !text.chars().any(|c| c == '\u{7f}' || hides(c)) {
        return text;
    }
    let mut out = String::with_capacity(text.len().saturating_add(64));
    for c in text.chars() {
        if c == '\u{7f}' || hides(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that acts on a terminal, on the order of a text, or on nothing that can be seen.
    const HIDDEN: &[u32] = &[
        0x01, 0x1b, 0x7f, 0x80, 0x85, 0x9b, 0x9f, 0xad, 0x034f, 0x061c, 0x115f, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e,
        0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0x206f,
        0x2800, 0x3164, 0xe000, 0xfe0f, 0xfeff, 0xfff9, 0xfffe, 0xffff, 0x1d173, 0x1ffff, 0xe0001, 0xe0020, 0xe007f,
        0xe0100, 0xf0000, 0x10ffff,
    ];

    #[test]
    fn nothing_hides() {
        for code in HIDDEN {
            let c = char::from_u32(*code).unwrap();
            let (text, escape) = (format!("a{c}b"), format!("a\\u{{{code:x}}}b"));
            assert_eq!(visible(&text), escape);
            assert_eq!(printable(text.as_bytes()), escape);
            let json = visible_json(serde_json::to_string(&text).unwrap());
            assert!(!json.chars().any(|c| hides(c) || c.is_control()), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text, "{json}");
        }
        for plain in ["naïve 日本 — “quoted” … é e\u{301} ✓ 🚪", "a\n\tb", ""] {
            assert_eq!(visible(plain), plain);
            assert_eq!(visible_json(serde_json::to_string(plain).unwrap()), serde_json::to_string(plain).unwrap());
        }
        assert_eq!(printable(b"a\r\n\tb\xff"), "a\\r\\n\\tb\\xff");
    }
}
