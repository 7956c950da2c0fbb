//! `rolegate check`: every problem of the rule files of a site, where it stands, what a visitor gets, and what to do.

mod json;
mod places;
mod repair;
mod sarif;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rolegate::{RuleFile, RuleSet, Severity};
use rolegate_check::catalogue;
use rolegate_check::fix::Change;
use rolegate_check::lint::lint;
use rolegate_check::words::render_note;
use rolegate_server::config::open_to_look;
use rolegate_server::{DirSite, Source};

use super::{Exit, Failure, RuleArgs, counted, rendered, say};

/// Say what is wrong with the rules of a site, where, what a visitor gets, and what to write instead
#[derive(Args, Debug)]
#[command(after_help = "Every kind of problem is described in LINTS.md, and by --explain ID.\n\
    Exit status: 0 no error, and with --deny warnings no warning either; 1 at least one; \
    2 the folder cannot be read, or a file cannot be written.")]
pub(super) struct Check {
    /// The root of the project, with its `netlify.toml`, or the folder that is published, with its `_redirects`
    #[arg(required_unless_present = "explain")]
    dir: Option<PathBuf>,
    /// How problems are written to standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// What makes the exit status 1 besides errors
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Write into the rule files what changes nothing for any visitor: no duplicates, no rules that never decide, paths as
    /// they are read
    #[arg(long)]
    fix: bool,
    /// Show what --fix would write, as a unified diff, and write nothing
    #[arg(long, visible_alias = "dry-run", conflicts_with = "format")]
    diff: bool,
    /// Show each problem whole, where one kind is found many times in a file
    #[arg(long)]
    all: bool,
    /// Describe one kind of problem, such as `gate-shadowed`
    #[arg(long, value_name = "ID", exclusive = true)]
    explain: Option<String>,
    #[command(flatten)]
    rules: RuleArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Each with its line and a caret
    Text,
    /// One object
    Json,
    /// SARIF 2.1.0
    Sarif,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings count as errors do
    Warnings,
}

/// A site whose rule files have been looked at.
struct Checked {
    site: DirSite,
    rules: RuleSet,
    source: Source,
}

impl Checked {
    fn open(dir: &Path, toml: Option<&Path>) -> Result<Checked, Failure> {
        let (site, rules, mut source) = open_to_look(dir, toml)?;
        source.add(lint(&rules, &site));
        Ok(Checked { site, rules, source })
    }
}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if let Some(id) = &self.explain {
            return explain(id);
        }
        let Some(dir) = &self.dir else { return Err(Failure::cannot_run("there is no folder to check")) };
        let toml = self.rules.config.as_deref();
        let mut checked = Checked::open(dir, toml)?;
        let mut changes = Vec::new();
        if self.diff {
            repair::show(&checked)?;
            return Ok(self.exit(&checked.source));
        }
        if self.fix {
            changes = repair::write(&checked)?;
            if !changes.is_empty() {
                checked = Checked::open(dir, toml)?;
            }
        }
        match self.format {
            Format::Text => tell(&checked, &changes, self.all)?,
            Format::Json => say(&json::report(&checked, &changes)?)?,
            Format::Sarif => say(&sarif::report(&checked)?)?,
        }
        Ok(self.exit(&checked.source))
    }

    fn exit(&self, source: &Source) -> Exit {
        let denied = self.deny == Some(Deny::Warnings) && total(source, Severity::Warning) > 0;
        if denied || total(source, Severity::Error) > 0 { Exit::Refused } else { Exit::Done }
    }
}

fn explain(id: &str) -> Result<Exit, Failure> {
    let Some(entry) = catalogue::find(id) else {
        let known: Vec<&str> = catalogue::all().map(|entry| entry.id).collect();
        return Err(Failure::cannot_run(format!(
            "`{id}` is no kind of problem\nhelp: it is one of {}",
            known.join(", ")
        )));
    };
    say(&format!("{id}\n\n{}", entry.in_words().trim_end()))?;
    Ok(Exit::Done)
}

/// So many problems of one kind in one file are shown whole; of more the first is, and where the others are.
const WHOLE: usize = 2;

fn tell(checked: &Checked, changes: &[Change], all: bool) -> Result<(), Failure> {
    let Checked { rules, source, .. } = checked;
    for change in changes {
        say(&repair::in_words(change, source))?;
    }
    if !changes.is_empty() {
        say("")?;
    }
    for note in &source.layout.notes {
        say(&format!("{}\n", render_note(note.severity, &note.message, &note.help)))?;
    }
    let mut lines: HashMap<(&str, RuleFile), Vec<usize>> = HashMap::new();
    for problem in &source.problems {
        lines.entry((problem.id, problem.span.file)).or_default().push(problem.span.line);
    }
    for problem in &source.problems {
        let key = (problem.id, problem.span.file);
        match lines.get(&key) {
            Some(known) if all || (1..=WHOLE).contains(&known.len()) => {
                say(&format!("{}\n", rendered(source, problem)))?
            }
            // What stands under a key is told once.
            _ => {
                if let Some(known) = lines.insert(key, Vec::new()).filter(|known| !known.is_empty()) {
                    say(&rendered(source, problem))?;
                    say(&format!("{}\n", others(&known)))?;
                }
            }
        }
    }
    say(&summary(rules, source))
}

/// How many problems and notes of one severity there are.
fn total(source: &Source, severity: Severity) -> usize {
    source.count(severity) + source.layout.notes.iter().filter(|note| note.severity == severity).count()
}

/// Whether no gate starts with what was found.
fn refuses(source: &Source) -> bool {
    source.refusal().is_some() || source.layout.refusal().is_some()
}

/// Where else the kind of problem that has just been shown is found.
fn others(lines: &[usize]) -> String {
    let mut rest: Vec<usize> = lines.iter().skip(1).copied().collect();
    let count = rest.len();
    rest.dedup();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for line in rest {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == line => *end = line,
            _ => ranges.push((line, line)),
        }
    }
    let range = |(start, end): &(usize, usize)| match end - start {
        0 => start.to_string(),
        1 => format!("{start}, {end}"),
        _ => format!("{start} to {end}"),
    };
    let ranges: Vec<String> = ranges.iter().map(range).collect();
    let times = if count == 1 { "once more".to_owned() } else { format!("{count} times more") };
    let word = if ranges.len() == 1 && !ranges.iter().any(|range| range.contains(' ')) { "line" } else { "lines" };
    format!("   = the same is found {times}, on {word} {}; --all shows each", ranges.join(", "))
}

/// The one line to read when there is time for one.
fn summary(rules: &RuleSet, source: &Source) -> String {
    let mut files: Vec<String> = source.there().map(|file| file.path.display().to_string()).collect();
    let published = source.layout.published.display();
    if files.is_empty() {
        files.push(published.to_string());
    }
    // LAYOUT-1
    let place = if source.is_spread() { format!("; the site is in {published}") } else { String::new() };
    // HEADERS-6: what stands for `Basic-Auth` is told as a problem.
    let rules = counted(rules.rules().len() - rules.seals().len(), "rule");
    let (errors, warnings) = (total(source, Severity::Error), total(source, Severity::Warning));
    let found = match (errors, warnings) {
        (0, 0) => "no problems".to_owned(),
        (0, _) => counted(warnings, "warning"),
        (_, 0) => counted(errors, "error"),
        _ => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    let fixable = match source.fixable() {
        0 => String::new(),
        count => format!("; --fix can put {count} of them right"),
    };
    let start = if refuses(source) { "; a gate refuses to start with these rules" } else { "" };
    format!("{}: {rules}, {found}{fixable}{start}{place}", files.join(", "))
}
