//! Which gates a rule file holds, so that it is known what is open where it is not read.

use std::collections::BTreeMap;

use rolegate::MemorySite;
use rolegate::rules::{Pattern, Rule, RuleFiles, RuleSet};
use rolegate::site::Spellings;
use rolegate::span::RuleFile;

/// What a rule file closes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gates {
    /// The paths of each gate and each seal, by its line.
    lines: BTreeMap<String, Pattern>,
    /// What rules forward, or put together of what was asked for, which is in no list of files.
    fetched: Vec<Pattern>,
    /// A line that names a role or asks for a password cannot be read (RULES-9, HEADERS-6).
    is_unreadable: bool,
    /// There is a rule, a block of header fields, or an error that may be one.
    pub(super) is_anything: bool,
}

impl Gates {
    /// The gates of a file that is called for what it holds.
    pub(super) fn of(file: RuleFile, bytes: &[u8]) -> Gates {
        let none = RuleFiles { redirects: b"", toml: b"", headers: b"" };
        let rules = RuleSet::read(match file {
            RuleFile::Redirects => RuleFiles { redirects: bytes, ..none },
            RuleFile::Toml => RuleFiles { toml: bytes, ..none },
            RuleFile::Headers => RuleFiles { headers: bytes, ..none },
        });
        let rules = rules.rules;
        let gates = rules.rules().iter().filter(|rule| rule.is_gate());
        let fetches = |rule: &&Rule| {
            let mut apply = rule.apply().into_iter().filter(|apply| !apply.is_redirect());
            apply.any(|apply| {
                apply.to.is_absolute() || apply.to.takes_captures() || apply.to.to_string().starts_with("/.")
            })
        };
        // Fields are parted by any white space.
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Gates {
            lines: gates.map(|rule| (line(&rule.text), rule.pattern.clone())).collect(),
            fetched: rules.rules().iter().filter(fetches).map(|rule| rule.pattern.clone()).collect(),
            is_unreadable: !rules.unreadable().is_empty() || !rules.unreadable_headers().is_empty(),
            is_anything: !rules.rules().is_empty() || !rules.headers().is_empty(),
        }
    }

    /// Whether there is any.
    pub(super) fn are_any(&self) -> bool {
        self.is_unreadable || !self.lines.is_empty()
    }

    /// Whether one of these is not among `read`, so that what it closes is open.
    pub(super) fn are_missing_in(&self, read: &Gates) -> bool {
        self.is_unreadable && !read.is_unreadable || self.missing_in(read).next().is_some()
    }

    fn missing_in<'a>(&'a self, read: &'a Gates) -> impl Iterator<Item = &'a Pattern> {
        self.lines.iter().filter(|(line, _)| !read.lines.contains_key(*line)).map(|(_, pattern)| pattern)
    }

    /// Whether every gate that is not among `read` is for paths at which nothing lies: no file with one of `names`, and nothing
    /// that a rule of `read` or `others` fetches. Where there is no file at all, nobody knows which there will be.
    pub(super) fn close_nothing(&self, read: &Gates, others: &Gates, names: &[String]) -> bool {
        let site = MemorySite::new(names.iter().map(String::as_str));
        let mut missing = self.missing_in(read);
        let lies_there = |pattern: &Pattern, name: &String| {
            let spellings = Spellings::of(&site, name);
            spellings.iter().any(|spelling| pattern.matches_name(spelling))
        };
        let is_fetched = |pattern: &Pattern| read.fetched.iter().chain(&others.fetched).any(|to| to.may_meet(pattern));
        !self.is_unreadable
            && !names.is_empty()
            && missing.all(|pattern| !is_fetched(pattern) && !names.iter().any(|name| lies_there(pattern, name)))
    }
}
