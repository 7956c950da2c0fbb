//! LAYOUT-3: files that hold rules and are not read, for where they lie or how they are called.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::gates::Gates;
use super::rule_file::Place;
use super::{COPIED, Layout, Note, PUBLISHED, is_there};
use crate::config::LoadError;
use crate::disk::{self, MOST_RULES};
use crate::rules::within_one_edit;
use crate::span::RuleFile;

const ALL: [RuleFile; 3] = [RuleFile::Redirects, RuleFile::Toml, RuleFile::Headers];

/// Endings that a file gets from an editor or a tool that shows no endings.
const MEANT: [&str; 4] = [".txt", ".md", ".html", ".rtf"];
/// Endings of a copy that somebody keeps.
const KEPT: [&str; 7] = ["~", ".bak", ".old", ".orig", ".save", ".example", ".sample"];

/// What is said of the files around the `layout`, whose `netlify.toml` holds `toml`.
pub(super) fn notes(layout: &Layout, place: &Place<'_>, toml: Option<&[u8]>) -> Result<Vec<Note>, LoadError> {
    let mut known = Known { read: Vec::new() };
    for file in ALL {
        let bytes = match file {
            RuleFile::Redirects => layout.read(&layout.redirects)?,
            RuleFile::Headers => layout.read(&layout.headers)?,
            RuleFile::Toml => toml.map(<[u8]>::to_owned),
        };
        known.read.push((file, bytes.map(|bytes| Gates::of(file, &bytes))));
    }
    let mut notes = Vec::new();
    for folder in place.roots().into_iter().chain(place.copied()) {
        nearly_named(&folder, &known, &mut notes);
    }
    if place.others.is_empty() {
        let below = PUBLISHED.into_iter().chain(COPIED.into_iter().filter(|name| !PUBLISHED.contains(name)));
        for name in below {
            in_another_folder(&place.published.join(name), "it lies below the published folder", &known, &mut notes);
        }
    }
    if !place.is_project {
        let published = fs::canonicalize(place.published).unwrap_or_default();
        let is_like_built = published.file_name().and_then(OsStr::to_str).is_some_and(|name| PUBLISHED.contains(&name));
        let above = published.parent().map(Path::to_owned);
        let beside = above.iter().flat_map(|above| COPIED.map(|name| above.join(name)));
        let beside =
            beside.filter(|folder| is_like_built && fs::canonicalize(folder).is_ok_and(|path| path != published));
        for folder in above.iter().cloned().chain(beside) {
            in_another_folder(&folder, "it lies outside the published folder", &known, &mut notes);
        }
    }
    Ok(notes)
}

/// What the files hold that are read.
struct Known {
    read: Vec<(RuleFile, Option<Gates>)>,
}

impl Known {
    fn of(&self, file: RuleFile) -> Option<&Gates> {
        self.read.iter().find(|(other, _)| *other == file).and_then(|(_, gates)| gates.as_ref())
    }

    fn is_any_there(&self) -> bool {
        self.read.iter().any(|(_, gates)| gates.is_some())
    }
}

/// Rule files in a folder that may be the one that is meant. Where a file of the name is read, the other is a file like any.
fn in_another_folder(folder: &Path, why: &str, known: &Known, notes: &mut Vec<Note>) {
    // A `netlify.toml` above has been looked for already.
    let files = ALL.into_iter().filter(|file| known.of(*file).is_none());
    for file in files.filter(|file| *file != RuleFile::Toml || why.contains("below")) {
        let Some((path, gates)) = held(folder.join(file.name()), file) else { continue };
        if gates.are_any() || (gates.is_anything && !known.is_any_there()) {
            let help = format!(
                "name `{}` if that is what is published; put an empty `{}` into the published folder if it is not meant",
                folder.display(),
                file.name()
            );
            notes.push(Note::about(gates.are_any(), format!("`{}` is not read: {why}", path.display()), help));
        }
    }
}

/// Files in `folder` whose names are nearly those of rule files.
fn nearly_named(folder: &Path, known: &Known, notes: &mut Vec<Note>) {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    for (name, near) in names.iter().filter_map(|name| Some((name, near(name)?))) {
        // A file system that does not tell capitals apart reads it.
        if is_there(&folder.join(near.file.name()))
            && fs::canonicalize(folder.join(near.file.name())).ok() == fs::canonicalize(folder.join(name)).ok()
        {
            continue;
        }
        let Some((path, gates)) = held(folder.join(name), near.file) else { continue };
        let nothing = Gates::default();
        let read = known.of(near.file);
        let is_missing = !near.is_kept && gates.are_missing_in(read.unwrap_or(&nothing));
        if is_missing || (read.is_none() && (near.is_certain || gates.is_anything)) {
            let meant = near.file.name();
            let help = format!("if it is meant, name it `{meant}`, or put its lines there; else remove it");
            let message = format!("`{}` is not read: rules stand in a file with the name `{meant}`", path.display());
            notes.push(Note::about(is_missing, message, help));
        }
    }
}

/// The regular file at `path`, if there is one that can be read, and what it closes.
fn held(path: PathBuf, file: RuleFile) -> Option<(PathBuf, Gates)> {
    let bytes = disk::read(&path, MOST_RULES).ok()?;
    Some((path, Gates::of(file, &bytes)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Near {
    pub(super) file: RuleFile,
    /// No other file is called so, whatever it holds.
    pub(super) is_certain: bool,
    /// A copy that somebody keeps, and does not mean to be read.
    pub(super) is_kept: bool,
}

/// The rule file whose name `name` is but for case, an ending, what stands in front, and one letter too many, too few, other
/// or swapped. `None` for the name itself too.
pub(super) fn near(name: &str) -> Option<Near> {
    if ALL.iter().any(|file| file.name() == name) {
        return None;
    }
    let lower = name.trim().to_lowercase();
    let without = |text: &str, endings: &[&str]| {
        endings.iter().find_map(|ending| text.strip_suffix(ending).filter(|rest| !rest.is_empty()).map(str::to_owned))
    };
    let kept = without(&lower, &KEPT);
    let is_kept = kept.is_some();
    let whole = kept.unwrap_or(lower);
    let toml = RuleFile::Toml.name();
    let short = without(&whole, &MEANT);
    if within_one_edit(&whole, toml) || short.is_some_and(|short| short == toml) || whole == "netlify.tml" {
        return Some(Near { file: RuleFile::Toml, is_certain: true, is_kept });
    }
    let bare = without(&whole, &MEANT).unwrap_or_else(|| whole.clone());
    let stem = bare.trim_start_matches(['_', '-', '.']);
    let is_marked = stem.len() < bare.len();
    [(RuleFile::Redirects, "redirects"), (RuleFile::Headers, "headers")].into_iter().find_map(|(file, meant)| {
        let is_it =
            stem == meant || meant.strip_suffix('s') == Some(stem) || (is_marked && within_one_edit(stem, meant));
        is_it.then_some(Near { file, is_certain: is_marked && !is_kept, is_kept })
    })
}
