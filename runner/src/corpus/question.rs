//! The two questions that the corpus asks of a gate, and which of them a run is about.
//!
//! Where a requirement comes from decides which question it belongs to: what the format's owner documents, or what the owner's packages do, is the format;
//! what an RFC demands, or what defence asks for, is the defence. A gate may do all that the format says and be easy to get past, and the other way round.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::source::{Provenance, Requirement};

/// A question that the corpus asks of a gate.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Does it do what the format says?
    #[default]
    Format,
    /// Is it hard to get past?
    Defence,
}

/// Which questions a run is about.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Profile {
    /// Both.
    #[default]
    All,
    /// One of them.
    Only(Question),
}

impl Question {
    /// Both, in the order in which they are told.
    pub const ALL: [Self; 2] = [Self::Format, Self::Defence];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Defence => "defence",
        }
    }
}

impl Requirement {
    /// The question that it belongs to. Where sources disagree about the format, it is the format that is asked about.
    #[must_use]
    pub fn question(&self) -> Question {
        match self.provenance {
            Provenance::Documented | Provenance::Observed | Provenance::Contested => Question::Format,
            Provenance::Rfc | Provenance::Hardening => Question::Defence,
        }
    }
}

impl Profile {
    /// Whether a run of this profile asks that question.
    #[must_use]
    pub fn asks(self, question: Question) -> bool {
        match self {
            Self::All => true,
            Self::Only(one) => one == question,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Only(one) => one.name(),
        })
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "all" => Ok(Self::All),
            "format" => Ok(Self::Only(Question::Format)),
            "defence" => Ok(Self::Only(Question::Defence)),
            _ => Err(format!("no profile `{name}`; write `format`, `defence` or `all`")),
        }
    }
}
