//! The exit statuses of `gatecheck`, in one place.

use std::process::{ExitCode, Termination};

/// How the program ends.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ExitStatus {
    /// 0: every MUST passed or is known to fail, nothing leaked that is not known, everything asked was answered.
    AsExpected,
    /// 1: a MUST of the format failed, was left unproven, or protected content leaked (with `--strict` also: a SHOULD failed), and no baseline says so; or a baseline is no
    /// longer true. `compare`: something is worse.
    Findings,
    /// 2: the command line cannot be understood, or names a case, gate or file that does not exist.
    Usage,
    /// 3: the gate did not start, cannot be reached, or is not the one that is meant: nothing was asked of it.
    Unreachable,
    /// 4: a fault of the corpus or of the harness itself.
    Harness,
    /// 5: every MUST of the format passed and nothing leaked, but a MUST of the defence failed or was left unproven (with `--strict` also: a SHOULD), or the
    /// gate ended by itself more than once.
    Defence,
}

impl ExitStatus {
    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::AsExpected => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Harness => 4,
            Self::Defence => 5,
        }
    }
}

impl Termination for ExitStatus {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// The table for `--help`.
pub const HELP: &str = "Exit status:
  0  every MUST passed and nothing leaked, but for what --baseline names
  1  a MUST of the format failed, was left unproven, or protected content leaked (with --strict also: a SHOULD failed);
     or --baseline is no longer true. `compare`: something is worse
  2  the command line is wrong
  3  the gate did not start or cannot be reached
  4  a fault of the corpus or of the harness
  5  the format is done and nothing leaked, but a MUST of the defence failed or was left unproven, or the gate ended
     by itself more than once";
