//! `Basic-Auth`, a gate of a kind that this one does not have (HEADERS-6).

use super::ParsedHeaders;
use crate::problem::{Problem, Severity};
use crate::reading::parts::seal;
use crate::rules::Pattern;
use crate::span::{RuleFile, Span};
use crate::words;

/// Whether a line, or the name of a field, means `Basic-Auth`, however it is written.
pub(super) fn is_asked_for(line: &str) -> bool {
    letters(line).take(NAME.len()).eq(NAME.chars())
}

/// Whether `Basic-Auth` may stand anywhere in a line.
pub(super) fn is_mentioned(line: &str) -> bool {
    letters(line).collect::<String>().contains(NAME)
}

const NAME: &str = "basicauth";

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase)
}

/// Whether the path under which a file is read has been sealed.
#[derive(Debug, Default)]
pub(super) struct Closed(bool);

/// Seals `path` for the `Basic-Auth` at `span`. Where there is no path that can be read, no gate starts.
///
/// RULES-14: a second one under the same path seals nothing more, however often it comes.
pub(super) fn close(parsed: &mut ParsedHeaders, span: Span, path: Option<&str>, closed: &mut Closed) {
    let message = words::message::BASIC_AUTH.to_owned();
    let help = "close the path with a rule in `_redirects` that asks for a role, and take this line out".to_owned();
    let note = match path {
        Some(_) if closed.0 => "nobody is admitted to the path above until this line is gone as well".to_owned(),
        Some(path) => {
            let pattern = Pattern::covering_star(path);
            let note = format!("nobody is admitted to `{pattern}` until this line is gone");
            let file = if span.file == RuleFile::Toml { "netlify.toml" } else { "_headers" };
            closed.0 = true;
            let text = format!("{path} (`Basic-Auth` in `{file}`)");
            parsed.seals.push(seal(span, text, (None, pattern)));
            note
        }
        None => {
            parsed.unreadable.push(span);
            "this line stands under no path that can be read, so no gate starts with this file".to_owned()
        }
    };
    parsed.problems.push(Problem {
        id: "basic-auth",
        severity: Severity::Error,
        span,
        message,
        help,
        note: Some(note),
        fix: None,
        refuses_to_start: path.is_none(),
        advice: None,
        instead: Vec::new(),
    });
}
