//! `check --fix` and `check --diff`: what would be written into `_redirects`, and writing it.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use rolegate::RuleFile;
use rolegate_check::fix::{Change, Fixed, fix};
use rolegate_server::Source;

use super::{Checked, Failure, say};

/// Lines around a change.
const CONTEXT: usize = 3;

/// Writes what is fixed into the files; what has changed comes back.
pub(super) fn write(checked: &Checked) -> Result<Vec<Change>, Failure> {
    let Fixed { redirects, changes } = fixed(checked);
    if !changes.is_empty() {
        let file = checked.source.file(RuleFile::Redirects);
        replace(&file.path, file.bytes(), &redirects)
            .map_err(|error| Failure::cannot_run(format!("cannot write `{}`: {error}", file.path.display())))?;
    }
    Ok(changes)
}

/// Shows what would be written; whether there is anything.
pub(super) fn show(checked: &Checked) -> Result<bool, Failure> {
    let Fixed { changes, .. } = fixed(checked);
    if changes.is_empty() {
        return Ok(false);
    }
    let name = visible(checked.source.name(RuleFile::Redirects).as_bytes());
    say(unified(&name, checked.source.redirects.bytes(), &changes).trim_end_matches('\n'))?;
    Ok(true)
}

/// A change as a person reads it.
pub(super) fn in_words(change: &Change, source: &Source) -> String {
    let place = format!("{}:{}", source.name(RuleFile::Redirects), change.line);
    // RULES-13: a byte-order mark is no part of the first rule.
    let rule = |line: &[u8]| visible(line).trim_matches(['\u{feff}', ' ', '\t']).to_owned();
    let (before, ids) = (rule(&change.before), change.ids.join(", "));
    match &change.after {
        None => format!("{place}: took out `{before}` ({ids})"),
        Some(after) => format!("{place}: wrote `{}` in place of `{before}` ({ids})", rule(after)),
    }
}

fn fixed(checked: &Checked) -> Fixed {
    let Checked { source, site, .. } = checked;
    fix(source.redirects.bytes(), source.toml.bytes(), site)
}

/// Puts a new file in the place of `path`, whole or not at all. One that is no longer what was read stays.
fn replace(path: &Path, before: &[u8], after: &[u8]) -> io::Result<()> {
    // A link stays a link.
    let path = fs::canonicalize(path)?;
    if fs::read(&path)? != before {
        return Err(io::Error::other("it has changed since it was read"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = write_new(&fresh, after, &path).and_then(|()| fs::rename(&fresh, &path));
    if written.is_err() {
        // Nothing more can be done about a file that cannot be taken away either.
        let _stays = fs::remove_file(&fresh);
    }
    written
}

fn write_new(fresh: &Path, bytes: &[u8], old: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(fresh)?;
    file.set_permissions(fs::metadata(old)?.permissions())?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The changes as `diff -u` writes them.
fn unified(name: &str, bytes: &[u8], changes: &[Change]) -> String {
    let places = super::places::Places::new(RuleFile::Redirects, bytes);
    let line = |number: usize| visible(bytes.get(places.line(number)).unwrap_or_default());
    let last = places.count();
    let mut text = format!("--- {name}\n+++ {name}\n");
    let mut removed = 0;
    let mut rest = changes;
    while let Some(first) = rest.first() {
        // Changes whose surroundings touch are shown as one.
        let near =
            rest.windows(2).take_while(|pair| matches!(pair, [a, b] if b.line.saturating_sub(a.line) <= 2 * CONTEXT));
        let (hunk, after) = rest.split_at_checked(near.count() + 1).unwrap_or((rest, &[]));
        rest = after;
        let start = first.line.saturating_sub(CONTEXT).max(1);
        let end = hunk.last().map_or(first.line, |change| change.line).saturating_add(CONTEXT).min(last);
        let taken = hunk.iter().filter(|change| change.after.is_none()).count();
        let (old, new) = ((end + 1).saturating_sub(start), (end + 1).saturating_sub(start + taken));
        // An empty side is named by the line before it.
        let new_start = (start - removed).saturating_sub(usize::from(new == 0));
        // Writing to a text cannot fail.
        let _ = writeln!(text, "@@ -{start},{old} +{new_start},{new} @@");
        removed += taken;
        let mut left = hunk.iter().peekable();
        for number in start..=end {
            let change = left.next_if(|change| change.line == number);
            let sign = if change.is_some() { '-' } else { ' ' };
            let _ = writeln!(text, "{sign}{}", line(number));
            if let Some(after) = change.and_then(|change| change.after.as_ref()) {
                let _ = writeln!(text, "+{}", visible(after));
            }
        }
    }
    text
}

/// A line without what ends it; control characters are made visible, so that a rule file cannot write to the terminal.
fn visible(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\r', '\n']);
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
