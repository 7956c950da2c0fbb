//! The lines of a file, the fields of a line, and whether a line names a role.

use std::ops::Range;

use smallvec::SmallVec;

/// As many fields as lines mostly have at most.
const MOST_FIELDS: usize = 8;

/// A field of a line, and where in the line it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

impl Field<'_> {
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

impl From<Field<'_>> for Range<usize> {
    fn from(field: Field<'_>) -> Range<usize> {
        field.start..field.end()
    }
}

/// RULES-1: the lines of a file, each with the bytes that end it: LF, CR LF, or CR alone. A file from another
/// time that ends its lines with CR must not turn into one long comment.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(at) if rest.get(at..at + 2) == Some(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let (line, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(line)
    })
}

/// RULES-1: fields are separated by runs of spaces or tabs. RULES-2: one that starts with `#` ends the rule.
pub(crate) fn fields(line: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::with_capacity(MOST_FIELDS);
    let (mut rest, mut start) = (line, 0);
    loop {
        let end = rest.bytes().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
        // Both lie beside an ASCII character, or at the end.
        let (Some(text), after) = (rest.get(..end), rest.get(end + 1..)) else { return fields };
        if text.starts_with('#') {
            return fields;
        }
        if !text.is_empty() {
            fields.push(Field { text, start });
        }
        let Some(after) = after else { return fields };
        (rest, start) = (after, start + end + 1);
    }
}

/// Whether a field can be `to` (RULES-3).
pub(crate) fn is_destination(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("http://") || text.starts_with("https://")
}

/// RULES-9: whether a line in error names a role, in any field that is no path at its start.
///
/// A space that is none to the format, or a control character, may have joined two fields or parted one, so each field is
/// looked at both cut there and with them taken out. So may a comma and its like, where other formats have a space.
pub(crate) fn names_role(fields: &[Field<'_>]) -> bool {
    let first_is_path = fields.first().is_some_and(|field| is_destination(field.text));
    // In a URL a parameter stands behind `&`.
    let parts = fields.iter().flat_map(|field| {
        let is_url = is_destination(field.text);
        field.text.split(move |c| is_unseen(c) || matches!(c, ',' | ';') || (c == '&' && !is_url))
    });
    let mut parts = parts.skip(usize::from(first_is_path));
    parts.any(|part| is_like_role(part) || ends_like_role(part))
        || fields.iter().skip(usize::from(first_is_path)).any(|field| is_like_role_joined(field.text))
}

/// What parts a text without being seen as a space of the format.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// RULES-13: whether nobody sees a character, and nobody writes it on purpose: it joins or parts nothing in any script. (The joiners
/// U+200C and U+200D are letters' business, and so are variation selectors.)
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What is wrong with a character in a rule: it controls something, or nobody sees it.
pub(crate) fn misplaced(c: char) -> Option<String> {
    let number = u32::from(c);
    match c {
        c if c.is_control() => Some(format!("the control character U+{number:04X}")),
        c if is_invisible(c) => Some(format!("the character U+{number:04X}, which nobody sees")),
        _ => None,
    }
}

/// Whether a text is like `role` when what is not seen is taken out of it.
pub(crate) fn is_like_role_joined(text: &str) -> bool {
    text.contains(is_unseen) && is_like_role(&text.replace(is_unseen, ""))
}

/// Whether the last word of a key is like `role`, as in `X-Role=` and `user.role=`.
fn ends_like_role(text: &str) -> bool {
    let key = text.split_once(['=', ':', '\u{ff1d}', '\u{ff1a}']).map(|(key, _)| key).filter(|_| !is_destination(text));
    let last = key.and_then(|key| key.rsplit(|c: char| !c.is_alphabetic()).next());
    last.is_some_and(|word| !word.is_empty() && is_like_role(word))
}

/// A letter, sign or digit of full width as that of ASCII.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        c => c,
    }
}

/// Whether a text begins with `role` in any case, or is within one edit of `role`: its first run of letters, or all
/// that stands before its `=` or `:`, where a digit, a hyphen or a character that nobody sees may be the edit.
pub(crate) fn is_like_role(text: &str) -> bool {
    // No more of a word is looked at than tells.
    const TELLING: usize = "role".len() + 2;
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let lower = || text.chars().map(narrow).flat_map(char::to_lowercase);
    let letters = lower().skip_while(|c| !c.is_alphabetic()).take_while(|c| c.is_alphabetic());
    let key = lower().take_while(|c| !matches!(c, '=' | ':' | '\u{ff1d}' | '\u{ff1a}'));
    let is_like = |word: Word| word.starts_with(&['r', 'o', 'l', 'e']) || is_within_one_edit(&word, "role");
    is_like(letters.take(TELLING).collect()) || is_like(key.take(TELLING).collect())
}

/// The first characters of a word.
type Word = SmallVec<[char; 12]>;

/// Whether one letter inserted, left out, replaced, or two swapped, make `word` into `wanted`.
pub fn within_one_edit(word: &str, wanted: &str) -> bool {
    // A word that is longer still is none.
    is_within_one_edit(&word.chars().take(wanted.len() + 2).collect::<Word>(), wanted)
}

fn is_within_one_edit(word: &[char], wanted: &str) -> bool {
    let wanted: Word = wanted.chars().collect();
    let same = word.iter().zip(wanted.iter()).take_while(|(a, b)| a == b).count();
    let (word, wanted) = (word.get(same..).unwrap_or_default(), wanted.get(same..).unwrap_or_default());
    match (word, wanted) {
        ([], []) => true,
        ([a, b, word @ ..], [c, d, wanted @ ..]) if a == d && b == c && word == wanted => true,
        ([_, word @ ..], [_, wanted @ ..]) if word == wanted => true,
        ([_, word @ ..], wanted) if word == wanted => true,
        (word, [_, wanted @ ..]) => word == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        let all: Vec<&[u8]> = lines(b"a\nb\r\n\rc\r").collect();
        assert_eq!(all, [&b"a\n"[..], b"b\r\n", b"\r", b"c\r"]);
        assert_eq!(lines(b"").count(), 0);
    }

    #[test]
    fn fields_and_comments() {
        let texts = |line| fields(line).iter().map(|field| (field.text, field.start)).collect::<Vec<_>>();
        assert_eq!(texts(" /a\t \t/b#c  301 # /x"), [("/a", 1), ("/b#c", 6), ("301", 12)]);
        assert_eq!(texts("#/a"), []);
        assert_eq!(texts(" \t"), []);
    }

    #[test]
    fn rules_9_names() {
        for text in [
            "Role=a",
            "ROLE=a",
            "role",
            "roles=a",
            "Roles:a",
            "Rolle=a",
            "Rol=a",
            "Roel=a",
            "Rule=a",
            "Ole=a",
            "Xrole=a",
            "!Role=a",
            "\"Role=a\"",
            "Rôle=a",
            "role-name",
            "=role",
            "/roles/x",
            "R0le=a",
            "Ro-le=a",
            "Ro\u{ad}le=a",
            "\u{feff}Role=a",
            "Ｒｏｌｅ=a",
        ] {
            assert!(is_like_role(text), "{text}");
        }
        for text in ["Country=de", "302", "/login", "ro=a", "admin", "Language=en", "rules=x", "", "r"] {
            assert!(!is_like_role(text), "{text}");
        }
        assert!(!names_role(&fields("/role /b 301")));
        assert!(names_role(&fields("role/x /b 301")));
        assert!(names_role(&fields("/a\u{a0}Role=x /b 301")));
        assert!(names_role(&fields("/a /b 301 Ro\u{a0}le=x")));
        assert!(names_role(&fields("/a /b 301 Ro\u{85}le=x")));
        assert!(names_role(&fields("/a /b 301 Country=de,Role=x")));
        assert!(names_role(&fields("/a /b 301 Country=de;Role=x")));
        assert!(names_role(&fields("/a /b 301 Country=de&Role=x")));
        assert!(names_role(&fields("/a /b 301 X-Role=x")));
        assert!(names_role(&fields("/a /b 301 user.role=x")));
        assert!(names_role(&fields("/a /b 301 conditions.Role=x")));
        assert!(!names_role(&fields("/a /b?user.role=x 301")));
        assert!(!names_role(&fields("/a /b 301 Country=de Accept-Language=en")));
        assert!(names_role(&fields("/a,/b,301,Role=x")));
        assert!(!names_role(&fields("/a /b?x=1&role=2 301")));
        assert!(!names_role(&fields("/a /b 301 x # Role=x")));
    }
}
