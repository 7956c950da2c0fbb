//! `rolegate check`: every problem of the rule files of a site, where it stands, what a visitor gets, and what to do.

mod github;
mod html;
mod json;
mod map;
mod places;
mod repair;
mod sarif;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rolegate::{Problem, RuleFile, RuleSet, Severity};
use rolegate_check::allow::Accepted;
use rolegate_check::catalogue;
use rolegate_check::fix::Change;
use rolegate_check::lint::{READ, lint_pages, lint_with};
use rolegate_check::map::Map;
use rolegate_check::words::render_note;
use rolegate_server::config::open_to_look;
use rolegate_server::{DirSite, Source};

use super::{Exit, Failure, RuleArgs, accept, counted, rendered, say, visible};

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
    /// Show who gets what, by area of paths and visitor, file by file under the gates; problems take a line each
    #[arg(long, conflicts_with_all = ["diff", "fix"])]
    map: bool,
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
    /// Workflow commands, which GitHub shows beside the lines of a change
    Github,
    /// One page with a picture of who gets what, and the problems
    Html,
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
    /// What comments of the rule files accept.
    accepted: Vec<Accepted>,
}

impl Checked {
    fn open(dir: &Path, toml: Option<&Path>) -> Result<Checked, Failure> {
        let (site, rules, mut source) = open_to_look(dir, toml)?;
        let read = std::mem::take(&mut source.problems);
        let problems = lint_with(read, source.files(), &rules, &site);
        source.add(problems);
        source.add(lint_pages(&rules, &site, |name| site.start_of(name, READ)));
        let accepted = accept(&mut source);
        Ok(Checked { site, rules, source, accepted })
    }

    /// Every finding, in the order of files and lines, with the reason for which it is accepted.
    fn all(&self) -> Vec<(&Problem, Option<&str>)> {
        let open = self.source.problems.iter().map(|problem| (problem, None));
        let accepted = self.accepted.iter().map(|accepted| (&accepted.problem, Some(accepted.reason.as_str())));
        let mut all: Vec<_> = open.chain(accepted).collect();
        all.sort_by_key(|(problem, _)| problem.span);
        all
    }

    /// The one line to read when there is time for one.
    fn summary(&self) -> String {
        summary(self)
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
            if !repair::show(&checked)? {
                // Standard output is a diff, and an empty one.
                anstream::eprintln!("{}", nothing_to_mend(&checked, dir));
            }
            return Ok(self.exit(&checked.source));
        }
        if self.fix {
            changes = repair::write(&checked)?;
            if !changes.is_empty() {
                checked = Checked::open(dir, toml)?;
            }
        }
        match self.format {
            Format::Text if self.map => {
                let map = Map::of(&checked.rules, &checked.site);
                say(&map::text(&map, &checked.rules, &checked.source, self.all))?;
                in_short(&checked, dir, self.all)?;
            }
            Format::Text => tell(&checked, &changes, self.all)?,
            Format::Json => {
                let map = self.map.then(|| Map::of(&checked.rules, &checked.site));
                let map = map.map(|map| map::as_json(&map, &checked.rules, &checked.source));
                say(&json::report(&checked, &changes, map)?)?;
            }
            Format::Sarif => say(&sarif::report(&checked)?)?,
            Format::Github => say(&github::report(&checked, self.all))?,
            Format::Html => {
                let map = Map::of(&checked.rules, &checked.site);
                say(&html::page(&checked, &map, self.all))?;
            }
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
    let source = &checked.source;
    for change in changes {
        say(&repair::in_words(change, source))?;
    }
    if !changes.is_empty() {
        say("")?;
    }
    for note in &source.layout.notes {
        say(&format!("{}\n", render_note(note.severity, &note.message, &note.help)))?;
    }
    for Shown { problem, others } in shown(source, all) {
        let others = others.map_or_else(String::new, |others| format!("\n   = {others}"));
        say(&format!("{}{others}\n", rendered(source, problem)))?;
    }
    if all {
        for Accepted { problem, reason } in &checked.accepted {
            say(&format!("{}\n   = accepted: {}\n", rendered(source, problem), visible(reason)))?;
        }
    }
    say(&checked.summary())
}

/// Each finding in a line, below a map, and where more is said of it.
fn in_short(checked: &Checked, dir: &Path, all: bool) -> Result<(), Failure> {
    let source = &checked.source;
    let mut lines: Vec<String> = Vec::new();
    for note in &source.layout.notes {
        lines.push(format!("{}: {}", json::severity(note.severity), visible(&note.message)));
    }
    for Shown { problem, others } in shown(source, all) {
        let (name, severity) = (source.name(problem.span.file), json::severity(problem.severity));
        let others = others.map_or_else(String::new, |others| format!("; {others}"));
        let place = format!("{}:{}", visible(&name), problem.span.line);
        lines.push(format!("{place}: {severity}[{}]: {}{others}", problem.id, visible(&problem.message)));
    }
    if !lines.is_empty() {
        lines.push(format!("help: {} says what a visitor gets and what to write instead\n", told_by(dir)));
    }
    lines.push(checked.summary());
    say(&lines.join("\n"))
}

/// The command that tells the findings of a site.
fn told_by(dir: &Path) -> String {
    format!("`rolegate check {}`", visible(&dir.display().to_string()))
}

fn nothing_to_mend(checked: &Checked, dir: &Path) -> String {
    match found(&checked.source) {
        None => "nothing to mend: no problems".to_owned(),
        Some(found) => format!("nothing to mend without you: {found}, which {} tells", told_by(dir)),
    }
}

/// A problem that is shown, and where else its kind is found, if those are not shown.
struct Shown<'p> {
    problem: &'p Problem,
    others: Option<String>,
}

/// What is shown of the problems: all, or of a kind that is found many times in a file, with the same consequences, the first.
fn shown(source: &Source, all: bool) -> Vec<Shown<'_>> {
    // RULES-9: an error that says for itself what follows closes paths, or keeps gates from starting.
    let closes = |problem: &Problem| problem.severity == Severity::Error && problem.note.is_some();
    let key = |problem: &Problem| (problem.id, problem.span.file, closes(problem), problem.refuses_to_start);
    let mut lines: HashMap<(&str, RuleFile, bool, bool), Vec<usize>> = HashMap::new();
    for problem in &source.problems {
        lines.entry(key(problem)).or_default().push(problem.span.line);
    }
    let told = |problem: &'_ Problem| {
        let known = lines.get_mut(&key(problem))?;
        if all || (1..=WHOLE).contains(&known.len()) {
            return Some(None);
        }
        // What stands under a key is told once.
        let known = std::mem::take(known);
        (!known.is_empty()).then(|| Some(others(&known)))
    };
    let mut told = told;
    source.problems.iter().filter_map(|problem| Some(Shown { problem, others: told(problem)? })).collect()
}

/// How many problems and notes of one severity there are.
fn total(source: &Source, severity: Severity) -> usize {
    source.count(severity) + source.layout.notes.iter().filter(|note| note.severity == severity).count()
}

/// Whether no gate starts with what was found.
fn refuses(source: &Source) -> bool {
    source.refusal().is_some() || source.layout.refusal().is_some()
}

/// So many places, a line or several in a row, are named of a kind that is found many times.
const PLACES: usize = 12;

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
    let more: usize = ranges.iter().skip(PLACES).map(|(start, end)| end - start + 1).sum();
    let mut ranges: Vec<String> = ranges.iter().take(PLACES).map(range).collect();
    if more > 0 {
        ranges.push(format!("and {more} more"));
    }
    let times = if count == 1 { "once more".to_owned() } else { format!("{count} times more") };
    let word = if ranges.len() == 1 && !ranges.iter().any(|range| range.contains(' ')) { "line" } else { "lines" };
    format!("the same is found {times}, on {word} {}; --all shows each", ranges.join(", "))
}

fn summary(checked: &Checked) -> String {
    let Checked { rules, source, accepted, .. } = checked;
    let mut files: Vec<String> = source.there().map(|file| file.path.display().to_string()).collect();
    let published = source.layout.published.display();
    if files.is_empty() {
        files.push(published.to_string());
    }
    // LAYOUT-1
    let place = if source.is_spread() { format!("; the site is in {published}") } else { String::new() };
    // HEADERS-6: what stands for `Basic-Auth` is told as a problem.
    let rules = counted(rules.rules().len() - rules.seals().len(), "rule");
    let found = found(source).unwrap_or_else(|| "no problems".to_owned());
    let opening = accepted.iter().filter(|accepted| accepted.opens()).count();
    let accepted = match (accepted.len(), opening) {
        (0, _) => String::new(),
        (count, 0) => format!(", {count} accepted"),
        (count, opening) => format!(", {count} accepted, of which {opening} can leave a gate open"),
    };
    let fixable = match source.fixable() {
        0 => String::new(),
        count => format!("; --fix can put {count} of them right"),
    };
    let start = if refuses(source) { "; a gate refuses to start with these rules" } else { "" };
    format!("{}: {rules}, {found}{accepted}{fixable}{start}{place}", files.join(", "))
}

/// `1 error, 2 warnings`
fn found(source: &Source) -> Option<String> {
    let (errors, warnings) = (total(source, Severity::Error), total(source, Severity::Warning));
    match (errors, warnings) {
        (0, 0) => None,
        (0, _) => Some(counted(warnings, "warning")),
        (_, 0) => Some(counted(errors, "error")),
        _ => Some(format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"))),
    }
}
