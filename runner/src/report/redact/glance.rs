//! Texts that come again and again, as what a case expects and `status 302` do. Each is read once; then the secrets of each case are held against what was
//! read, and only a text that may have something of them is gone through again. What is told is what [`Redactor::text`] tells.

use std::collections::HashMap;

use super::dense::dense;
use super::needle::Runs;
use super::{Redactor, SECRET, TOKEN, each_reading, token_shapes, traces};

/// A longer text is gone through each time: there are few, and none comes twice.
const LONGEST: usize = 1 << 10;
/// As many texts are kept.
const MOST: usize = 8 << 10;

/// What was read of texts.
#[derive(Clone, Debug, Default)]
pub struct Glances {
    seen: HashMap<String, Glance>,
}

/// What was read of one text.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    /// The text as it is told where nothing in it is made of a secret.
    told: String,
    /// What any of its readings can have in common with a secret; none where something in it looks like a token, whoever was given it, or was not read to its end.
    runs: Option<Runs>,
    /// Whether there is something in it that a token may have been made into.
    is_dense: bool,
}

impl Glances {
    /// What [`Redactor::text`] makes of a text.
    #[must_use]
    pub fn text(&mut self, redactor: &Redactor, text: &str) -> String {
        match self.glance(redactor, text) {
            Some(glance) => glance.told.clone(),
            None => redactor.text(text),
        }
    }

    /// What [`Redactor::quoted`] makes of a text.
    #[must_use]
    pub fn quoted(&mut self, redactor: &Redactor, text: &str) -> String {
        match self.glance(redactor, text) {
            Some(glance) if !glance.is_dense => glance.told.clone(),
            _ => redactor.quoted(text),
        }
    }

    /// What was read of a text in which nothing is made of what a redactor knows.
    pub(super) fn glance(&mut self, redactor: &Redactor, text: &str) -> Option<&Glance> {
        if redactor.show_secrets || text.len() > LONGEST {
            return None;
        }
        if !self.seen.contains_key(text) && self.seen.len() < MOST {
            self.seen.insert(text.to_owned(), Glance::of(text));
        }
        self.seen.get(text).filter(|glance| glance.is_without(redactor, text))
    }
}

impl Glance {
    fn of(text: &str) -> Self {
        // What looks like a token needs no secret to be found.
        let of_nobody = Redactor::new(false);
        let told = of_nobody.text(text);
        let mut runs = Runs::default();
        let mut has_shapes = of_nobody.finds(text.as_bytes());
        let unread = each_reading(text.as_bytes(), |view, _| {
            runs.add(view);
            has_shapes |= !token_shapes(view).is_empty();
        });
        let is_read = unread.is_empty() && !has_shapes;
        Self { told, runs: is_read.then(|| runs.ready()), is_dense: !dense(text.as_bytes()).is_empty() }
    }

    /// Whether nothing in the text can be made of what a redactor knows.
    fn is_without(&self, redactor: &Redactor, text: &str) -> bool {
        let Some(runs) = &self.runs else { return false };
        redactor.known.iter().all(|(known, by)| {
            let (parts, raw) = match *by {
                SECRET => (vec![known.as_slice()], Vec::new()),
                TOKEN => traces(known),
                // A signature is known beside its token, and leaves no other traces.
                _ => Default::default(),
            };
            memchr::memmem::find(text.as_bytes(), known).is_none()
                && !parts.into_iter().any(|part| runs.may_have(part))
                && !runs.may_have_raw(&raw)
        })
    }
}
