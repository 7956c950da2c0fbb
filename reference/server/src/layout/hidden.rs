//! LAYOUT-3: files that hold rules and are not read, for where they lie or how they are called.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rolegate::near::near;
use rolegate::span::RuleFile;

use super::gates::Gates;
use super::rule_file::Place;
use super::{COPIED, Layout, Note, PUBLISHED, is_same, is_there};
use crate::config::LoadError;
use crate::disk::{self, MOST_RULES};

const ALL: [RuleFile; 3] = [RuleFile::Redirects, RuleFile::Toml, RuleFile::Headers];

/// What folders are called that hold a project each.
const PROJECTS: [&str; 6] = ["apps", "packages", "projects", "services", "sites", "websites"];
/// In a folder of more entries, no more are looked at.
const MOST_ENTRIES: usize = 1000;

/// What is said of the files around the `layout`, whose `netlify.toml` holds `toml`.
pub(super) fn notes(layout: &Layout, place: &Place<'_>, toml: Option<&[u8]>) -> Result<Vec<Note>, LoadError> {
    let known = Known { layout, toml };
    let mut notes = Vec::new();
    for folder in place.roots().into_iter().chain(place.copied()) {
        nearly_named(&folder, &known, &mut notes)?;
    }
    let copied: Vec<PathBuf> = place.copied().collect();
    let is_known =
        |folder: &Path| is_same(folder, place.published) || copied.iter().any(|other| is_same(folder, other));
    for folder in folders_below(place.published) {
        in_another_folder(&folder, "it lies below the published folder", &known, &mut notes);
    }
    // Nobody knows yet what a build copies from where.
    for root in place.others.iter().filter(|_| place.is_built) {
        let folders = folders_below(root).into_iter();
        for folder in folders.filter(|folder| !is_known(folder) && !is_another_project(folder, root)) {
            in_another_folder(&folder, OUTSIDE, &known, &mut notes);
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
            in_another_folder(&folder, OUTSIDE, &known, &mut notes);
        }
    }
    Ok(notes)
}

/// Why a file that lies beside the published folder is none of the rule files.
pub(super) const OUTSIDE: &str = "it lies outside the published folder";

fn is_another_project(folder: &Path, root: &Path) -> bool {
    let own = folder.ancestors().take_while(|above| *above != root);
    own.into_iter().any(|above| is_there(&above.join(RuleFile::Toml.name())))
}

/// The folders in a folder.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).take(MOST_ENTRIES);
    let is_looked_at = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name != ".git" && name != "node_modules") && path.is_dir()
    };
    entries.map(|entry| entry.path()).filter(is_looked_at).collect()
}

/// Folders below `folder` that may be published or copied: each folder in it, and in these the ones with a usual name.
fn folders_below(folder: &Path) -> Vec<PathBuf> {
    let mut folders = folders_in(folder);
    // The projects of a repository of several.
    let holds_projects =
        |path: &&PathBuf| path.file_name().and_then(OsStr::to_str).is_some_and(|name| PROJECTS.contains(&name));
    let projects: Vec<PathBuf> = folders.iter().filter(holds_projects).flat_map(|folder| folders_in(folder)).collect();
    folders.extend(projects);
    folders.sort();
    let usual = PUBLISHED.into_iter().chain(COPIED.into_iter().filter(|name| !PUBLISHED.contains(name)));
    let usual: Vec<&str> = usual.collect();
    folders
        .into_iter()
        .flat_map(|folder| usual.iter().map(|name| folder.join(name)).chain([folder.clone()]).collect::<Vec<_>>())
        .collect()
}

/// The files that are read.
struct Known<'a> {
    layout: &'a Layout,
    toml: Option<&'a [u8]>,
}

impl Known<'_> {
    fn is_there(&self, file: RuleFile) -> bool {
        match file {
            RuleFile::Redirects => is_there(&self.layout.redirects),
            RuleFile::Headers => is_there(&self.layout.headers),
            RuleFile::Toml => self.toml.is_some(),
        }
    }

    /// What a file closes; it is read where something is to be compared with it alone.
    fn gates(&self, file: RuleFile) -> Result<Gates, LoadError> {
        let bytes = match file {
            RuleFile::Redirects => self.layout.read(&self.layout.redirects)?,
            RuleFile::Headers => self.layout.read(&self.layout.headers)?,
            RuleFile::Toml => self.toml.map(<[u8]>::to_owned),
        };
        Ok(Gates::of(file, &bytes.unwrap_or_default()))
    }

    fn is_any_there(&self) -> bool {
        ALL.into_iter().any(|file| self.is_there(file))
    }
}

/// Rule files in a folder that may be the one that is meant. Where a file of the name is read, the other is a file like any.
fn in_another_folder(folder: &Path, why: &str, known: &Known<'_>, notes: &mut Vec<Note>) {
    // A `netlify.toml` above has been looked for already, and one below a site with rules is of another project.
    let is_looked_for = |file: &RuleFile| match file {
        RuleFile::Toml => why != OUTSIDE && !known.is_any_there(),
        RuleFile::Redirects | RuleFile::Headers => !known.is_there(*file),
    };
    for file in ALL.into_iter().filter(is_looked_for) {
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
fn nearly_named(folder: &Path, known: &Known<'_>, notes: &mut Vec<Note>) -> Result<(), LoadError> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    for (name, near) in names.iter().filter_map(|name| Some((name, near(name)?))) {
        // Where capitals do not tell names apart it is read.
        if is_there(&folder.join(near.file.name()))
            && fs::canonicalize(folder.join(near.file.name())).ok() == fs::canonicalize(folder.join(name)).ok()
        {
            continue;
        }
        let Some((path, gates)) = held(folder.join(name), near.file) else { continue };
        let is_missing = !near.is_kept && gates.are_any() && gates.are_missing_in(&known.gates(near.file)?);
        if is_missing || (!known.is_there(near.file) && (near.is_certain || gates.is_anything)) {
            let meant = near.file.name();
            let help = match near.is_otherwise {
                true => format!("if it is meant, write its rules into `{meant}`, in TOML; else remove it"),
                false => format!("if it is meant, name it `{meant}`, or put its lines there; else remove it"),
            };
            let message = format!("`{}` is not read: rules stand in a file with the name `{meant}`", path.display());
            notes.push(Note::about(is_missing, message, help));
        }
    }
    Ok(())
}

/// The regular file at `path`, if there is one that can be read, and what it closes.
fn held(path: PathBuf, file: RuleFile) -> Option<(PathBuf, Gates)> {
    let bytes = disk::read(&path, MOST_RULES).ok()?;
    Some((path, Gates::of(file, &bytes)))
}
