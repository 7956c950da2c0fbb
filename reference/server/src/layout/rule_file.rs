//! LAYOUT-2: which `_redirects` and which `_headers` are those of the published folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rolegate::rules::lines;
use rolegate::span::RuleFile;

use super::build::Build;
use super::gates::Gates;
use super::hidden::OUTSIDE;
use super::project::Project;
use super::{COPIED, LayoutError, Note, is_same, is_there, read_within};
use crate::config::LoadError;
use crate::files::DirSite;

/// The folders of a site.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The folder that the operator names.
    pub(super) named: &'a Path,
    /// The folder that is published.
    pub(super) published: &'a Path,
    pub(super) is_built: bool,
    /// The root of the project and the folders that its build works in, but the published one.
    pub(super) others: Vec<PathBuf>,
    /// Whether a `netlify.toml` says what is published.
    pub(super) is_project: bool,
    /// How that file, or what lies beside it, builds the site.
    build: Build,
    /// What the rules of that file are.
    toml: Gates,
}

impl<'a> Place<'a> {
    pub(super) fn new(named: &'a Path, published: &'a Path, project: Option<&Project>) -> Place<'a> {
        let folders = project.into_iter().flat_map(|project| [&project.folder].into_iter().chain(&project.bases));
        let folders: Vec<PathBuf> = folders.cloned().collect();
        let others = folders.iter().filter(|folder| !is_same(folder, published)).cloned().collect();
        let toml = project.map(|project| Gates::of(RuleFile::Toml, &project.bytes)).unwrap_or_default();
        let commands = project.map(|project| project.commands.clone()).unwrap_or_default();
        let build = Build { commands, folders };
        Place { named, published, is_built: published.is_dir(), others, is_project: project.is_some(), build, toml }
    }

    /// RULES-15: the folders that a rule file may lie in.
    pub(super) fn roots(&self) -> Vec<PathBuf> {
        [self.published.to_owned()].into_iter().chain(self.others.iter().cloned()).collect()
    }

    /// The folders that a build copies into the published one: beside it, or beside a folder that it lies in.
    pub(super) fn copied(&self) -> impl Iterator<Item = PathBuf> {
        let is_above = |folder: &&Path| self.others.iter().any(|root| folder.starts_with(root) && folder != root);
        let between = self.published.ancestors().skip(1).take_while(is_above).map(Path::to_owned);
        let roots = self.others.iter().cloned().chain(between).collect::<BTreeSet<_>>().into_iter();
        let folders = roots.flat_map(|root| COPIED.map(|name| root.join(name)));
        folders.filter(|folder| folder.is_dir() && !is_same(folder, self.published))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        Ok(read_within(path, &self.roots())?.unwrap_or_default())
    }
}

/// Where another `_redirects` or `_headers` may lie in a project.
pub(super) fn candidates(root: &Path) -> impl Iterator<Item = PathBuf> {
    let folders = COPIED.map(|name| root.join(name)).into_iter().chain([root.to_owned()]);
    folders.flat_map(|folder| [RuleFile::Redirects, RuleFile::Headers].map(|file| folder.join(file.name())))
}

/// The file that is the `file` of the published folder, whether it is there or not.
pub(super) fn choose(file: RuleFile, place: &Place<'_>, notes: &mut Vec<Note>) -> Result<PathBuf, LoadError> {
    let own = place.published.join(file.name());
    let in_folders = |folders: &mut dyn Iterator<Item = PathBuf>| -> Vec<PathBuf> {
        folders.map(|folder| folder.join(file.name())).filter(|path| is_there(path)).collect()
    };
    let mut sources = in_folders(&mut place.copied());
    let beside = in_folders(&mut place.others.iter().cloned());
    // What a command names it copies.
    let (named, mut beside): (Vec<PathBuf>, Vec<PathBuf>) =
        beside.into_iter().partition(|path| place.build.names(path));
    sources.extend(named);
    if sources.is_empty() && beside.is_empty() {
        return Ok(own);
    }
    if is_there(&own) {
        let bytes = place.read(&own)?;
        for source in sources {
            let other = place.read(&source)?;
            if other == bytes || goes_on(&bytes, &other) {
                continue;
            }
            // LAYOUT-1: the root of the project leads to both.
            if !is_same(place.named, place.published) {
                let help = format!("build the site again, or name `{}` if that is right", place.published.display());
                return Err(several(file, vec![own, source], place, help).into());
            }
            let why = "it differs from the one in the published folder";
            let is_missing = Gates::of(file, &other).are_missing_in(&Gates::of(file, &bytes));
            notes.push(not_read(&source, why, is_missing, place.build.help(file, &own)));
        }
        left_beside(file, &beside, place, &bytes, &own, notes)?;
        return Ok(own);
    }
    let (published, mut copied) = (place.published.display(), true);
    if !place.is_built && sources.is_empty() {
        // A build may copy it from here too.
        (sources, copied) = (std::mem::take(&mut beside), false);
    }
    let Some((source, rest)) = sources.split_first() else {
        left_beside(file, &beside, place, &[], &own, notes)?;
        return Ok(own);
    };
    let bytes = place.read(source)?;
    for other in rest {
        if place.read(other)? != bytes {
            return Err(several(file, sources, place, "keep one of them".to_owned()).into());
        }
    }
    if place.is_built || !copied {
        notes.push(Note::warning(
            format!("`{}` is read as if a build had copied it into `{published}`", source.display()),
            format!("hosts read `{}` alone: see to it that the build puts it there", own.display()),
        ));
    }
    left_beside(file, &beside, place, &bytes, &own, notes)?;
    Ok(source.clone())
}

/// LAYOUT-2: whether a build has copied `source` and written lines of its own beside it: all lines of the one are in the other, in
/// their order.
fn goes_on(published: &[u8], source: &[u8]) -> bool {
    fn rules(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let lines = lines(bytes).map(<[u8]>::trim_ascii);
        lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"))
    }
    let mut published = rules(published);
    rules(source).all(|line| published.any(|other| other == line))
}

/// LAYOUT-3: files beside the published folder, which no host reads.
fn left_beside(
    file: RuleFile,
    beside: &[PathBuf],
    place: &Place<'_>,
    read: &[u8],
    own: &Path,
    notes: &mut Vec<Note>,
) -> Result<(), LoadError> {
    for path in beside {
        let bytes = place.read(path)?;
        if bytes == read {
            continue;
        }
        let (gates, in_force) = (Gates::of(file, &bytes), Gates::of(file, read));
        let is_missing = gates.are_missing_in(&in_force);
        let names = || DirSite::names_in(place.published).unwrap_or_default();
        if is_missing && gates.close_nothing(&in_force, &place.toml, &names()) {
            let message = format!(
                "`{}` is not read: {OUTSIDE}; it holds gates, and nothing that is published lies at their paths",
                path.display()
            );
            notes.push(Note::warning(message, place.build.help(file, own)));
        } else {
            notes.push(not_read(path, OUTSIDE, is_missing, place.build.help(file, own)));
        }
    }
    Ok(())
}

fn not_read(path: &Path, why: &str, is_missing: bool, help: String) -> Note {
    Note::about(is_missing, format!("`{}` is not read: {why}", path.display()), help)
}

fn several(file: RuleFile, files: Vec<PathBuf>, place: &Place<'_>, help: String) -> LayoutError {
    LayoutError::SeveralFiles { name: file.name(), files, published: place.published.to_owned(), help }
}
