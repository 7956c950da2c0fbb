//! What the placeholders and the splat of a rule stand for in one request (SUBST-1).

use std::borrow::Cow;

use crate::cost::step;

/// The captures of one match, in the order of the pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures(Vec<(Cow<'static, str>, Captured)>);

/// What one name stands for: text that is decoded, and must be encoded again for wherever it lands (SUBST-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Captured {
    /// Segments of the path. Only here is a slash a separator.
    Splat {
        /// The segments.
        segments: Vec<String>,
        /// SUBST-2: whether a slash ends them.
        trailing_slash: bool,
    },
    /// One segment, or the value of a query parameter.
    Text(Vec<u8>),
}

impl Captures {
    /// What `name` stands for.
    pub fn find(&self, name: &str) -> Option<&Captured> {
        // SUBST-1: the first capture of a repeated name wins.
        self.0.iter().inspect(|_| step(1)).find(|(known, _)| known == name).map(|(_, captured)| captured)
    }

    pub(crate) fn add_splat(&mut self, segments: &[&str], trailing_slash: bool) {
        step(segments.len());
        let segments = segments.iter().map(|segment| (*segment).to_owned()).collect();
        self.0.push((Captured::SPLAT.into(), Captured::Splat { segments, trailing_slash }));
    }

    pub(crate) fn add_text(&mut self, name: &str, text: Vec<u8>) {
        self.0.push((name.to_owned().into(), Captured::Text(text)));
    }
}

impl Captured {
    /// The name of what `*` matched.
    pub(crate) const SPLAT: &'static str = "splat";

    /// The captured text, not encoded.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Captured::Splat { segments, trailing_slash } => {
                let mut text = segments.join("/");
                if *trailing_slash {
                    text.push('/');
                }
                text.into_bytes()
            }
            Captured::Text(text) => text.clone(),
        }
    }
}
