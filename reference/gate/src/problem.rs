//! What is wrong with a line of a rule file, where, and what to write instead (RULES-6).

use crate::span::Span;

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The line is not in force as written.
    Error,
    /// The line is in force, and may not mean what its author thinks.
    Warning,
}

/// One finding about one place in a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable name of the kind of problem, in kebab case.
    pub id: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The text at fault.
    pub span: Span,
    /// What is wrong, in one lower-case sentence.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// What this gate does for visitors, where the catalogue cannot say it so exactly: a sealed path, a gate that does
    /// not start, the file that is served.
    pub note: Option<String>,
    /// What `check --fix` writes instead. There is none where the change could open a path to anybody.
    pub fix: Option<Fix>,
    /// RULES-9: the line names a role, and not even its path can be read, so no gate starts with this file.
    pub refuses_to_start: bool,
    /// LINT-1: the change that `help` proposes, where one has been proved.
    pub advice: Option<Advice>,
    /// What `help` names to write, where it names one thing. Nobody has proved it yet: what may be told is `advice`.
    pub instead: Vec<Replacement>,
}

/// A change to the rules that mends a finding, opens nothing to anybody who was denied, locks nobody out who was admitted,
/// and brings no new finding (LINT-1). It is for the author to make: it does change what visitors get.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Advice {
    /// What is written in the place of which rules and lines.
    pub edits: Vec<Edit>,
    /// What is written in the place of what is in error in `netlify.toml`, where there is no rule to say it by.
    pub texts: Vec<Replacement>,
}

/// Lines in the place of one rule, or of one line that is in error.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edit {
    /// The rule, as [`crate::Rule::span`] says it; the line without white space around it.
    pub span: Span,
    /// The lines, in the form of `_redirects`, of a line of `_headers` in that of its file; none where the rule or the line goes.
    pub lines: Vec<String>,
}

/// A text in the place of bytes of a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replacement {
    /// The bytes that go; none where the text is put between two.
    pub span: Span,
    /// What stands there instead.
    pub text: String,
}

/// A change to the file in which a problem was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Make a comment of the line that the problem's span begins on. Its author wrote it for something.
    CommentOut,
    /// Take out the line that the problem's span begins on, with what ends it.
    RemoveLine,
}

/// What makes a comment of a line.
pub const COMMENT: &str = "# ";
