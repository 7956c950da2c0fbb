//! `rolegate check`: every problem of a rule file, where it stands, and what to write instead.

use std::path::PathBuf;

use clap::Args;
use rolegate::config::open_to_look;
use rolegate::{RuleFile, RuleSet, Severity, Source};

use super::{Exit, Failure, RuleArgs, counted, say};

/// Say what is wrong with the rules of a site, where, and what to write instead
#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 no error (warnings do not count); 1 at least one error; \
    2 the folder cannot be read.")]
pub(super) struct Check {
    /// The folder that holds the site and its `_redirects`
    dir: PathBuf,
    #[command(flatten)]
    rules: RuleArgs,
}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (site, rules, mut source) = open_to_look(&self.dir, self.rules.config.as_deref())?;
        source.lint(&rules, &site);
        for problem in &source.problems {
            say(&format!("{}\n", source.render(problem)))?;
        }
        say(&summary(&rules, &source))?;
        Ok(if source.count(Severity::Error) > 0 { Exit::Refused } else { Exit::Done })
    }
}

/// The one line to read when there is time for one.
fn summary(rules: &RuleSet, source: &Source) -> String {
    let there = |files: &[RuleFile]| -> Vec<String> {
        files.iter().filter(|file| source.file(**file).bytes.is_some()).map(|file| source.name(*file)).collect()
    };
    if there(&[RuleFile::Redirects, RuleFile::Toml]).is_empty() && source.problems.is_empty() {
        let name = source.name(RuleFile::Redirects);
        return format!("{name}: there is no such file, so every file of the site is public");
    }
    let files = there(&[RuleFile::Redirects, RuleFile::Toml, RuleFile::Headers]);
    let rules = counted(rules.rules().len(), "rule");
    let (errors, warnings) = (source.count(Severity::Error), source.count(Severity::Warning));
    let found = match (errors, warnings) {
        (0, 0) => "no problems".to_owned(),
        (0, _) => counted(warnings, "warning"),
        (_, 0) => counted(errors, "error"),
        _ => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    let start = if source.problems.iter().any(|problem| problem.refuses_to_start) {
        "; a gate refuses to start with these rules"
    } else {
        ""
    };
    format!("{}: {rules}, {found}{start}", files.join(", "))
}
