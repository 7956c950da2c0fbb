//! Every kind of problem that a rule file can have: what it means, what a visitor gets, and what to do about it.
//!
//! A table and nothing else. The files that find problems name them by id; a property holds that no other id is ever
//! told, and a test that each is told somewhere. `LINTS.md` is this table as a page.

mod files;
mod lints;
mod rules;

use std::fmt::Write as _;

use rolegate::Severity;

/// One kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of the kind, in kebab case; it never changes its meaning.
    pub id: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The traps of [`TRAPS`] that it is a sign of.
    pub traps: &'static [&'static str],
    /// What is the matter, as one sentence.
    pub meaning: &'static str,
    /// What a visitor gets from this gate, where the line that is found says nothing more exact.
    pub visitor: &'static str,
    /// What a visitor gets from other gates, where that is known to differ.
    pub elsewhere: Option<&'static str>,
    /// Whether they do so where an error has no consequences of its own here, too: where the line names no role.
    pub elsewhere_always: bool,
    /// What to do.
    pub fix: &'static str,
}

impl Entry {
    const fn error(id: &'static str, meaning: &'static str, visitor: &'static str, fix: &'static str) -> Entry {
        Entry {
            id,
            severity: Severity::Error,
            traps: &[],
            meaning,
            visitor,
            elsewhere: None,
            elsewhere_always: false,
            fix,
        }
    }

    const fn warning(id: &'static str, meaning: &'static str, visitor: &'static str, fix: &'static str) -> Entry {
        Entry {
            id,
            severity: Severity::Warning,
            traps: &[],
            meaning,
            visitor,
            elsewhere: None,
            elsewhere_always: false,
            fix,
        }
    }

    const fn trap(self, traps: &'static [&'static str]) -> Entry {
        Entry { traps, ..self }
    }

    const fn elsewhere(self, elsewhere: &'static str) -> Entry {
        Entry { elsewhere: Some(elsewhere), ..self }
    }

    const fn elsewhere_always(self, elsewhere: &'static str) -> Entry {
        Entry { elsewhere: Some(elsewhere), elsewhere_always: true, ..self }
    }
}

/// A way in which rules are known to leave open, on one gate or another, what they seem to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// `L1` to `L16`.
    pub id: &'static str,
    /// What is written.
    pub written: &'static str,
    /// What gates are known to make of it.
    pub happens: &'static str,
}

/// The traps that `check` looks for.
pub const TRAPS: [Trap; 16] = [
    trap("L1", "no status before `Role=`", "the rule is dropped: public"),
    trap("L2", "`ROLE=`, `Rolle=` or any other unknown condition", "the rule never matches: public"),
    trap("L3", "`Role` without `=`", "the rule applies to everybody"),
    trap("L4", "an exact `from` without `to`", "the rule is dropped: public"),
    trap("L5", "an unforced rule above the gate, for the same path", "the file is served"),
    trap("L6", "a rewrite or a forward from elsewhere into what is gated", "the file is served"),
    trap("L7", "a role and a country, language or cookie on one rule", "the other condition fails first: public"),
    trap("L8", "an exact gate on one spelling, such as `/x.html` or `/admin`", "the other spellings are public"),
    trap("L9", "a gate over `/*` and a login page below it", "the login page is a 404"),
    trap("L10", "`/* / 302` as the answer to those whom a `/*` gate denies", "everything is a 404"),
    trap(
        "L11",
        "`force = \"yes\"` or `status = \"200!\"` in `netlify.toml`",
        "the rule does nothing, or is not forced",
    ),
    trap("L12", "a role name with a colon, a space or a comma", "the role never matches"),
    trap("L13", "a query parameter that begins with a digit", "the rule is dropped: public"),
    trap("L14", "`Role=a, b`", "the second role is lost, or an empty role is accepted"),
    trap("L15", "a gate for one host", "the other hosts of the site are public"),
    trap("L16", "an answer for the denied that has no splat", "deeper paths are a 404 instead of the login page"),
];

const fn trap(id: &'static str, written: &'static str, happens: &'static str) -> Trap {
    Trap { id, written, happens }
}

/// What other gates make of a line that this one seals (RULES-9), where nothing more exact is known.
const SEALED_ELSEWHERE: &str = "such a line is dropped, and everybody gets the file";

/// Every kind of problem, in the order of the pages on which they are told.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    rules::ENTRIES.iter().chain(files::ENTRIES).chain(lints::ENTRIES)
}

/// The kind of problem with this id.
pub fn find(id: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.id == id)
}

/// What to do about problems of this kind, where nothing more exact is known.
pub(crate) fn fix(id: &str) -> &'static str {
    find(id).map_or("", |entry| entry.fix)
}

/// What a visitor gets from this gate, where the line that is found says nothing more exact.
pub(crate) fn visitor(id: &str) -> &'static str {
    find(id).map_or("", |entry| entry.visitor)
}

/// What other gates are known to do about a problem that says for itself what this one does, or does not.
pub(super) fn elsewhere(id: &str, severity: Severity, says_for_itself: bool) -> Option<&'static str> {
    let entry = find(id)?;
    match severity {
        Severity::Warning => entry.elsewhere,
        // Most errors without consequences of their own name no role, and close nothing on any gate.
        Severity::Error => {
            (says_for_itself || entry.elsewhere_always).then(|| entry.elsewhere.unwrap_or(SEALED_ELSEWHERE))
        }
    }
}

/// The table as a page in Markdown.
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    for Trap { id, written, happens } in &TRAPS {
        let ids: Vec<String> = all().filter(|e| e.traps.contains(id)).map(|e| format!("[`{0}`](#{0})", e.id)).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(page, "| {id} | {} | {} | {} |", cell(written), cell(happens), ids.join(", "));
    }
    for (title, entries) in [
        ("Lines and entries", rules::ENTRIES),
        ("Files and headers", files::ENTRIES),
        ("Rules among each other, and before the files", lints::ENTRIES),
    ] {
        let _ = write!(page, "\n## {title}\n");
        for entry in entries {
            let _ = write!(page, "\n### {}\n\n{}", entry.id, entry.in_words());
        }
    }
    page + TAIL
}

const HEAD: &str = "\
# What `rolegate check` finds

Written by `GATECHECK_UPDATE=1 cargo test -p rolegate-check --test lints`;
`rolegate check --explain ID` says the same of one kind.

An **error** is a line that is not in force as it is written. Where it names a role, its path is
sealed: nobody is admitted until it is corrected. A **warning** is a line that is in force and may
not mean what its author thinks. “Other gates” are those that serve the same files; what they do was
observed or is documented, and differs from one to the next.

## Ways to leave a gate open

| trap | written | what gates make of it | found as |
| --- | --- | --- | --- |
";

const TAIL: &str = "
## As JSON

`rolegate check DIR --format json` writes one object. Members may be added; none changes its meaning
unless `version` grows.

- `version`: 1.
- `published`: the folder whose files the rules are for; `built`: whether it is there; where it is
  not, every path may be a file.
- `files`: the rule files that there are; `rules`: how many rules are in force.
- `errors`, `warnings`, `fixable`: how many problems and notes there are of each, and how many
  `--fix` can put right; `accepted`, `accepted_open`: how many more comments of the files accept,
  and how many of those can leave a gate open; `refuses_to_start`: whether no gate starts with these
  files.
- `notes`: what is odd about where the files lie, each with `severity`, `message` and `help`. In
  SARIF they are notifications of the invocation.
- `problems`, in the order of files and lines, each with
  - `file`, `line`, `column`, `end_line`, `end_column`: from 1, in characters, the end after the
    last of them; `start`, `end`: the same in bytes from the start of the file;
  - `id`, `severity` (`error` or `warning`), `traps`;
  - `message`, `visitor`, `other_gates` (or `null`), `help`; `refuses_to_start`; `accepted`: the
    reason that a comment gives, or `null`;
  - `fix`: `null`, or the `text` to write in place of the bytes from `start` to `end`;
  - `advice`: `null`, or the change that `help` proposes, which is proved: for each rule that changes
    or line in error `file`, `line` and the `lines` in its place, none where it goes. A change to
    `netlify.toml` has no lines;
  - `edits`: `null`, or the same change, whichever file it is in, as bytes: `file`, `start`, `end` and
    the `text` to write there.
- `fixed`: what `--fix` has just written: `file`, `line` before anything was written, `ids`,
  `before`, `after` (`null` where the line was taken out).
- `map`, with `--map`: who gets what. `visitors`, each with `kind` (`anonymous`, `role`, `other`:
  with a role that no rule names) and `role`; `areas`, each with `paths`, `gates` (the lines that
  have a say), `rows`, and `ways`: rows for other paths, hosts or conditions, by which what lies or
  is shown there is given to somebody to whom it is not given there; `everybody`: the rows at which no gate has one. A row has `label`, `when`
  (what else has to be so), `target`, `scheme`, `host`, `file` (the one at the path, or `null`) and
  `gets`: one for each visitor, in their order, in `everybody` one for all. That has `class`
  (`open`, `sent`, `instead`, `closed`, `nothing`), `status`, `what` (the file, location, URL or
  function), `words`, and `by`: the rule that decides. `further_roles` and `not_asked` count what is
  left out.

## Accepting a finding

`# rolegate: allow ID reason` on a line of its own accepts the findings of that kind at the next
rule; behind a rule of `_redirects` those of its line; in `netlify.toml` those of the entry that it
stands in or before. Several ids stand with commas between them. The reason is required. What is
accepted is no warning and no error; the summary counts it, `--all` shows it, and SARIF has it as
suppressed. A comment that accepts nothing is a finding itself.
";

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

impl Entry {
    /// The entry as a person reads it, below its id.
    pub fn in_words(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
        };
        let traps = if self.traps.is_empty() { String::new() } else { format!(" ({})", self.traps.join(", ")) };
        let mut text = format!("{severity}{traps}: {}.\n\n- Visitor: {}.\n", self.meaning, self.visitor);
        if let Some(elsewhere) = self.elsewhere {
            let _ = writeln!(text, "- Other gates: {elsewhere}.");
        }
        let _ = writeln!(text, "- Fix: {}.", self.fix);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_in_kebab_case_and_every_trap_has_one() {
        let mut ids: Vec<&str> = all().map(|entry| entry.id).collect();
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')));
        ids.sort_unstable();
        let before = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), before);
        for trap in &TRAPS {
            assert!(all().any(|entry| entry.traps.contains(&trap.id)), "{}", trap.id);
        }
        for entry in all() {
            assert!(entry.traps.iter().all(|id| TRAPS.iter().any(|trap| trap.id == *id)), "{}", entry.id);
            for text in [entry.meaning, entry.visitor, entry.fix].into_iter().chain(entry.elsewhere) {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.starts_with(char::is_uppercase), "{text}");
            }
        }
    }
}
