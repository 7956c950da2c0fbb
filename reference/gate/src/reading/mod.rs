//! Reading: the bytes of `_redirects` and `netlify.toml` in; an ordered list of rules and a list of problems out.
//!
//! Reading never fails as a whole (RULES-6). Every line is accounted for: it is a rule, an error, a comment or blank.

pub mod columns;
mod destination;
mod fields;
mod file;
pub mod netlify_toml;
mod parse;
mod parts;
pub(crate) mod pattern;
mod spelled;
mod toml;
mod values;

pub use fields::{lines, within_one_edit};
pub use parse::MAX_LINE;
pub use pattern::{Oddity, PatternFault, PatternFaultKind};

use crate::problem::Problem;
use crate::rules::RuleSet;
use crate::span::Span;

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

impl RuleSet {
    /// Reads a `_redirects` file. RULES-6: good rules and problems come back together.
    pub fn parse(bytes: &[u8]) -> Parsed {
        RuleSet::read(bytes, &[])
    }

    /// Reads a `_redirects` file and a `netlify.toml`; one that is not there is empty.
    ///
    /// TOML-2: the rules of `_redirects` come first, and all are in force.
    pub fn read(redirects: &[u8], toml: &[u8]) -> Parsed {
        let mut read = file::read(redirects);
        if !toml.is_empty() {
            let toml = toml::read(toml);
            read.rules.extend(toml.rules);
            read.unreadable.extend(toml.unreadable);
            read.problems.extend(toml.problems);
        }
        let file::Read { rules, unreadable, problems, lines } = read;
        Parsed { rules: RuleSet::new(rules, unreadable), problems, lines }
    }
}
