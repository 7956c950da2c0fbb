//! Text that is mostly short: the segments of patterns, of which a long list of rules has several hundred thousand.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// How many octets lie in the text itself, so that it takes no more room than a `String` does without its content.
const SHORT: usize = 22;

/// An unchanging text. A short one is held without an allocation of its own.
#[derive(Clone)]
pub(super) enum Text {
    Short { length: u8, octets: [u8; SHORT] },
    Long(Box<str>),
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        let mut octets = [0; SHORT];
        match (octets.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(part), Ok(length)) => {
                part.copy_from_slice(text.as_bytes());
                Text::Short { length, octets }
            }
            _ => Text::Long(text.into()),
        }
    }
}

impl Text {
    /// The octets of the text.
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Text::Short { length, octets } => octets.get(..usize::from(*length)).unwrap_or_default(),
            Text::Long(text) => text.as_bytes(),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        // The octets were those of a text, so that this never falls back.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_was_made_of() {
        for text in
            ["", "a", "é", "twenty-two octets long", "twenty-three octets long", &"é".repeat(11), &"é".repeat(12)]
        {
            assert_eq!(&*Text::from(text), text);
            assert_eq!(Text::from(text).clone(), Text::from(text));
        }
        assert_ne!(Text::from("a"), Text::from("b"));
        assert_eq!(size_of::<Text>(), size_of::<String>());
    }
}
