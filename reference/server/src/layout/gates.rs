//! Which gates a rule file holds, so that it is known what is open where it is not read.

use std::collections::BTreeSet;

use rolegate::rules::{RuleFiles, RuleSet};
use rolegate::span::RuleFile;

/// What a rule file closes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gates {
    /// Each gate and each seal, as a line.
    lines: BTreeSet<String>,
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
        // Fields are parted by any white space.
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Gates {
            lines: gates.map(|rule| line(&rule.text)).collect(),
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
        self.is_unreadable && !read.is_unreadable || !self.lines.is_subset(&read.lines)
    }
}
