//! LAYOUT-1: the folder of a `netlify.toml`, and which folder that file publishes.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Component, Path, PathBuf};

use rolegate::netlify_toml::TomlFile;
use rolegate::problem::Severity;
use rolegate::rules::within_one_edit;
use rolegate::span::RuleFile;
use toml::de::{DeTable, DeValue};

use super::gates::Gates;
use super::{LayoutError, Note, PUBLISHED, is_same, is_there, read_named, read_within};
use crate::config::LoadError;

/// A folder so far up may hold the `netlify.toml` that publishes a folder.
const MOST_LEVELS_UP: usize = 3;
/// Where a file says what is published whatever the context.
const BUILD: &str = "`[build]`";
/// The context of the site that visitors see, which goes before the others.
const PRODUCTION: &str = "`[context.production]`";

/// A folder with a `netlify.toml`, and what that file says about folders.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) folder: PathBuf,
    pub(super) toml: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// Each folder that is published, by where the file says so.
    folders: BTreeMap<String, PathBuf>,
    /// The folders that a build works in.
    pub(super) bases: Vec<PathBuf>,
    /// What builds it.
    pub(super) commands: Vec<String>,
    /// What is wrong with what it says about folders.
    faults: Vec<Note>,
    /// It publishes a folder outside its own.
    outside: Option<LayoutError>,
}

impl Project {
    /// The project of the file that the operator names.
    pub(super) fn named(toml: &Path) -> Result<Project, LoadError> {
        Ok(Project::of(toml.to_owned(), read_named(toml)?))
    }

    /// The project whose root is `folder`, if it is one.
    fn at(folder: &Path) -> Result<Option<Project>, LoadError> {
        let toml = folder.join(RuleFile::Toml.name());
        Ok(read_within(&toml, &[folder.to_owned()])?.map(|bytes| Project::of(toml, bytes)))
    }

    fn of(toml: PathBuf, bytes: Vec<u8>) -> Project {
        let folder = toml.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let mut project = Project {
            folder,
            toml,
            bytes: Vec::new(),
            folders: BTreeMap::new(),
            bases: Vec::new(),
            commands: Vec::new(),
            faults: Vec::new(),
            outside: None,
        };
        let text = std::str::from_utf8(TomlFile::new(&bytes).bytes());
        match text.ok().and_then(|text| DeTable::parse(text).ok()) {
            Some(root) => project.read(root.get_ref()),
            // What else is wrong with it is told where its rules are read.
            None if memchr::memmem::find(&bytes, b"publish").is_some() => {
                let help = "correct the file; `check` shows where".to_owned();
                project.fault("it cannot be read, and it says which folder is published", help);
            }
            None => {}
        }
        Project { bytes, ..project }
    }

    fn read(&mut self, root: &DeTable<'_>) {
        let mut places = Vec::new();
        if let Some(build) = table(root, "build") {
            places.push((BUILD.to_owned(), build));
        }
        for (name, context) in table(root, "context").into_iter().flatten() {
            let Some(context) = context.get_ref().as_table() else { continue };
            let said = format!("`[context.{}]`", name.get_ref());
            // It says so itself, or in a table of its own.
            places.push((said.clone(), context));
            places.extend(table(context, "build").map(|build| (said, build)));
        }
        if value(root, "publish").is_some() {
            let (message, help) =
                ("`publish` stands above all tables, where it says nothing", "write it below `[build]`");
            self.faults.push(Note::warning(format!("{message}, in `{}`", self.toml.display()), help.to_owned()));
        }
        let base = table(root, "build").and_then(|build| self.text(build, "base", BUILD)).unwrap_or_default();
        for (said, table) in places {
            for key in table.keys().map(|key| key.get_ref().as_ref()) {
                if !key.eq_ignore_ascii_case("publish") && within_one_edit(&key.to_lowercase(), "publish") {
                    self.fault(&format!("nobody reads `{key}` of {said}"), "write `publish`".to_owned());
                }
            }
            self.commands.extend(value(table, "command").and_then(|command| command.as_str()).map(str::to_owned));
            let own_base = self.text(table, "base", &said);
            let publish = self.text(table, "publish", &said);
            if own_base.is_none() && publish.is_none() {
                continue;
            }
            let (base, publish) = (own_base.unwrap_or_else(|| base.clone()), publish.unwrap_or_default());
            // A base is told from the root of the repository, which is further up where this folder is the base.
            let is_base =
                self.folder.ends_with(base.trim_matches('/')) && !self.folder.join(base.trim_matches('/')).exists();
            let base = if is_base { String::new() } else { base };
            let below_base = below(&self.folder, &base);
            match below_base.as_deref().and_then(|folder| below(folder, &publish)) {
                Some(folder) => drop(self.folders.insert(said, folder)),
                None => {
                    let publish = if below_base.is_none() { base } else { publish };
                    self.outside.get_or_insert(LayoutError::Outside { toml: self.toml.clone(), publish });
                }
            }
            self.bases.extend(below_base.filter(|folder| *folder != self.folder && !self.bases.contains(folder)));
        }
    }

    fn text(&mut self, table: &DeTable<'_>, key: &str, said: &str) -> Option<String> {
        let value = value(table, key)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.fault(&format!("`{key}` of {said} is no text"), format!("write `{key} = \"…\"`"));
        }
        text
    }

    fn fault(&mut self, what: &str, help: String) {
        let message = format!("nobody knows what `{}` publishes: {what}", self.toml.display());
        self.faults.push(Note { severity: Severity::Error, message, help });
    }

    /// Whether `folder` is the root of this project, a folder that it builds in, or one that it publishes.
    pub(super) fn is_about(&self, folder: &Path) -> bool {
        self.is_root(folder) || self.publishes(folder)
    }

    fn is_root(&self, folder: &Path) -> bool {
        is_same(&self.folder, folder) || self.bases.iter().any(|base| is_same(base, folder))
    }

    fn publishes(&self, folder: &Path) -> bool {
        self.folders.values().any(|published| is_same(published, folder))
    }

    /// The folder that is meant by `named`, which this project is about.
    pub(super) fn published(&self, named: &Path, notes: &mut Vec<Note>) -> Result<PathBuf, LayoutError> {
        notes.extend(self.faults.iter().cloned());
        if let Some(outside) = &self.outside {
            return Err(outside.clone());
        }
        self.refuse_two(named)?;
        // Whoever names a folder that is published means it.
        if self.publishes(named) {
            return Ok(named.to_owned());
        }
        let in_force = self.folders.get(PRODUCTION).or_else(|| self.folders.get(BUILD));
        let others = || self.folders.iter().filter(|(_, folder)| Some(*folder) != in_force);
        match in_force {
            Some(folder) => {
                notes.extend(others().map(|(said, other)| {
                    Note::warning(
                        format!("{said} publishes `{}`, and `{}` is looked at", other.display(), folder.display()),
                        "name the other folder to look at that one".to_owned(),
                    )
                }));
                Ok(if is_same(folder, named) { named.to_owned() } else { folder.clone() })
            }
            // Of a file that nobody can read nobody knows whether it says so.
            None if self.folders.is_empty() && !self.faults.is_empty() => Ok(named.to_owned()),
            None if self.folders.is_empty() => {
                notes.extend(self.may_publish_another(named));
                Ok(named.to_owned())
            }
            None => {
                let folders = self.folders.iter().map(|(said, folder)| (said.clone(), folder.clone()));
                let folders = folders.chain([("otherwise".to_owned(), named.to_owned())]).collect();
                Err(LayoutError::SeveralFolders { toml: self.toml.clone(), folders })
            }
        }
    }

    /// LAYOUT-3: where the file says nothing, it may be said elsewhere, and rules for a folder below close nothing here.
    fn may_publish_another(&self, named: &Path) -> Option<Note> {
        let has_page = |folder: &Path| folder.join("index.html").is_file();
        let other = PUBLISHED.iter().map(|name| named.join(name)).find(|folder| has_page(folder))?;
        if has_page(named) {
            return None;
        }
        let gates = Gates::of(RuleFile::Toml, &self.bytes).are_any();
        let (toml, other) = (self.toml.display(), other.display());
        let message = format!("`{toml}` does not say which folder is published, and `{other}` has the pages");
        let help = "write `publish` into its `[build]`: that folder, or `.` for the one of the file".to_owned();
        Some(Note::about(gates, message, help))
    }

    /// A folder that the build works in, or that is published, may have a `netlify.toml` of its own.
    fn refuse_two(&self, named: &Path) -> Result<(), LayoutError> {
        let folders = self.bases.iter().chain(self.folders.values()).map(|folder| folder.join(RuleFile::Toml.name()));
        for other in folders.filter(|other| is_there(other) && !is_same(other, &self.toml)) {
            if fs::read(&other).ok().as_ref() != Some(&self.bytes) {
                return Err(LayoutError::SeveralFiles {
                    name: RuleFile::Toml.name(),
                    files: vec![self.toml.clone(), other],
                    published: named.to_owned(),
                    help: "keep one of them, or name one with `--config`".to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// The project that `folder` is the root of, or that builds or publishes it.
pub(super) fn around(folder: &Path, notes: &mut Vec<Note>) -> Result<Option<Project>, LoadError> {
    let mut not_read: Vec<Project> = Vec::new();
    let own = Project::at(folder)?;
    for above in folders_above(folder) {
        let Some(project) = Project::at(&above)? else { continue };
        if project.is_about(folder) {
            // One that has a file of its own as well is told by `refuse_two`.
            return Ok(Some(project));
        }
        not_read.push(project);
    }
    if own.is_some() {
        return Ok(own);
    }
    // LAYOUT-3: the nearest may be meant, and so may any that holds a gate.
    for (place, project) in not_read.iter().enumerate() {
        let gates = Gates::of(RuleFile::Toml, &project.bytes).are_any();
        if place > 0 && !gates {
            continue;
        }
        let toml = project.toml.display();
        let said = match project.folders.values().next() {
            Some(other) => format!("it publishes `{}`", other.display()),
            None => "it does not say that it publishes this folder".to_owned(),
        };
        let help = format!(
            "write `publish` into its `[build]`, or `--config {toml}`, if it is meant; put an empty `{}` into `{}` if it is not",
            RuleFile::Toml.name(),
            folder.display()
        );
        notes.push(Note::about(gates, format!("`{toml}` is not read: {said}"), help));
    }
    Ok(None)
}

/// The folders above, by the name of `folder` and by where it really is, the nearest first.
fn folders_above(folder: &Path) -> Vec<PathBuf> {
    let here = env::current_dir().unwrap_or_default();
    let mut above: Vec<PathBuf> = Vec::new();
    for path in [std::path::absolute(folder), fs::canonicalize(folder)].into_iter().flatten() {
        // `..` in a name says nothing about what is above.
        if path.components().any(|part| part == Component::ParentDir) {
            continue;
        }
        for folder in path.ancestors().skip(1).take(MOST_LEVELS_UP) {
            if !above.iter().any(|other| is_same(other, folder)) {
                above.push(folder.to_owned());
            }
        }
    }
    // Messages and reports name a file from where the operator stands.
    let from_here = |path: PathBuf| match path.strip_prefix(&here) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.to_owned(),
        Err(_) => path,
    };
    above.into_iter().map(from_here).collect()
}

/// The table under a name, which may begin with a capital.
fn table<'t>(parent: &'t DeTable<'_>, key: &str) -> Option<&'t DeTable<'t>> {
    value(parent, key)?.as_table()
}

fn value<'t>(parent: &'t DeTable<'_>, key: &str) -> Option<&'t DeValue<'t>> {
    let is_it = |name: &str| name == key || (name.eq_ignore_ascii_case(key) && name.get(1..) == key.get(1..));
    parent.iter().find(|(name, _)| is_it(name.get_ref())).map(|(_, value)| value.get_ref())
}

/// The folder `path` in `folder`, as the owner's tool reads it: slashes at the beginning do not count. `None` where it leads out.
fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut names = Vec::new();
    for part in Path::new(path.trim().trim_start_matches('/')).components() {
        match part {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::ParentDir => drop(names.pop()?),
            Component::Prefix(_) | Component::RootDir => return None,
        }
    }
    Some(names.into_iter().fold(folder.to_owned(), |folder, name| folder.join(name)))
}
