//! Reading: the bytes of `_redirects` and `netlify.toml` in; an ordered list of rules and a list of problems out.
//!
//! Reading never fails as a whole (RULES-6). Every line is accounted for: it is a rule, an error, a comment or blank.

pub mod columns;
mod conditions;
mod destination;
pub(crate) mod fields;
mod file;
mod foreign;
pub(crate) mod from;
mod instead;
pub mod netlify_toml;
mod parse;
pub(crate) mod parts;
pub(crate) mod pattern;
mod spelled;
mod toml;

pub use fields::{lines, within_one_edit};
pub use parse::MAX_LINE;
pub use pattern::{Oddity, PatternFault, PatternFaultKind};

pub(crate) use file::Read;
use netlify_toml::Document;

use crate::problem::Problem;
use crate::rule_set::RuleSet;
use crate::span::Span;

/// Whether a destination holds a star, or what stands for something in another program: text like any other here (SUBST-6).
pub fn holds_literal_pattern(destination: &str) -> bool {
    foreign::in_to(destination).is_some() || instead::of_star_in_destination(destination).is_some()
}

/// What the rule files of a site hold.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The rules in force, in list order.
    pub rules: RuleSet,
    /// What is wrong with the files, in the order of their lines.
    pub problems: Vec<Problem>,
    /// Every line of `_redirects`, in order; together they are the whole file.
    pub lines: Vec<Line>,
}

/// One line of a rule file, with what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes of the line.
    pub span: Span,
    /// What the line is.
    pub kind: LineKind,
}

/// What a line of a rule file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Nothing but white space.
    Blank,
    /// A comment.
    Comment,
    /// A line in error that put no rule into force.
    Error,
    /// The rule at this place of the list.
    Rule(usize),
}

/// Reads a `_redirects` file and a `netlify.toml`.
///
/// TOML-2: the rules of `_redirects` come first, and all are in force.
pub(crate) fn read(redirects: &[u8], toml: &Document<'_>) -> Read {
    let mut read = file::read(redirects);
    let below = toml::read(toml);
    read.rules.extend(below.rules);
    read.unreadable.extend(below.unreadable);
    read.problems.extend(below.problems);
    read
}
