//! Where the files of a site lie: the folder that is published, and the rule files for it.
//!
//! A site is named by the root of its project or by the folder that is published; either leads to the other (LAYOUT-1). A rule
//! file that a build copies into the published folder counts as if it were there already (LAYOUT-2). Where two readings are
//! possible nobody guesses; what looks like rules and is not read is said aloud, and where it holds a gate no gate starts
//! without it (LAYOUT-3).

mod build;
mod gates;
mod hidden;
mod project;
mod rule_file;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rolegate::problem::Severity;
use rolegate::span::RuleFile;

use crate::config::LoadError;
use crate::disk::{self, MOST_RULES};
use project::{Project, around};
use rule_file::{Place, candidates, choose};

/// The folders of a project whose files common site generators copy into the published one as they are.
const COPIED: [&str; 7] = ["static", "public", "src", "source", "assets", "www", "content"];
/// Where the published files of a project commonly lie.
const PUBLISHED: [&str; 8] = ["public", "dist", "_site", "build", "out", "site", "www", "output"];

/// The folder that is published, and the rule files for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The folder whose files are served.
    pub published: PathBuf,
    /// Whether that folder is there. Where it is not, the project has not been built, and nobody knows its files.
    pub is_built: bool,
    /// Where `_redirects` is looked for.
    pub redirects: PathBuf,
    /// Where `netlify.toml` is looked for.
    pub toml: PathBuf,
    /// Where `_headers` is looked for.
    pub headers: PathBuf,
    /// What whoever named the folder should know.
    pub notes: Vec<Note>,
    /// The folders that rule files may lie in, or a link of theirs may lead to (RULES-15).
    roots: Vec<PathBuf>,
}

/// Something about where files lie, as whoever named the folder is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// [`Severity::Error`]: rules that are meant are not in force, and a path would be open without them.
    pub severity: Severity,
    /// What is so, in one lower-case sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// Why nobody can say which files are meant. The message is one line, with what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The published folder is not there.
    #[error(
        "`{}` publishes `{}`, and there is no such folder: build the site first, or name the folder that is served",
        toml.display(), published.display()
    )]
    NotBuilt {
        /// The file that says so.
        toml: PathBuf,
        /// The folder.
        published: PathBuf,
    },
    /// `publish` leads out of the project.
    #[error("`{}` publishes `{publish}`, which lies outside its folder: write a folder below it", toml.display())]
    Outside {
        /// The file that says so.
        toml: PathBuf,
        /// What it says.
        publish: String,
    },
    /// Several folders may be meant.
    #[error("`{}` publishes {}: name the folder that is meant", toml.display(), in_words(folders))]
    SeveralFolders {
        /// The file that says so.
        toml: PathBuf,
        /// Each folder, with where the file says so.
        folders: Vec<(String, PathBuf)>,
    },
    /// Several rule files may be meant.
    #[error("{} could each be the `{name}` of `{}`, and they differ: {help}", listed(files), published.display())]
    SeveralFiles {
        /// The name of a rule file.
        name: &'static str,
        /// The files.
        files: Vec<PathBuf>,
        /// The folder that is published.
        published: PathBuf,
        /// What to do.
        help: String,
    },
    /// LAYOUT-3: a gate that somebody wrote is not in force.
    #[error("{}: {}", .0.message, .0.help)]
    LeftOut(Note),
}

fn in_words(folders: &[(String, PathBuf)]) -> String {
    let folders = folders.iter().map(|(said, folder)| format!("`{}` ({said})", folder.display()));
    folders.collect::<Vec<_>>().join(" and ")
}

fn listed(files: &[PathBuf]) -> String {
    files.iter().map(|file| format!("`{}`", file.display())).collect::<Vec<_>>().join(" and ")
}

/// LAYOUT-3
const NO_RULES: &str = "there are no rules for";

impl Note {
    /// Whether it says that a site has not a single rule.
    pub fn is_about_no_rules(&self) -> bool {
        self.message.starts_with(NO_RULES)
    }

    fn warning(message: String, help: String) -> Note {
        Note { severity: Severity::Warning, message, help }
    }

    /// An error where what is left out holds a gate.
    fn about(left_out: bool, message: String, help: String) -> Note {
        let (severity, why) = match left_out {
            true => (Severity::Error, "; it holds gates, and what they close would be open"),
            false => (Severity::Warning, ""),
        };
        Note { severity, message: message + why, help }
    }
}

/// The folder that is there in the place of one whose path below the root begins with the same folders twice, and what `publish` would
/// say of it: `publish` counts from `base`, and people write it as if it counted from the root.
fn base_said_twice(root: &Path, published: &Path) -> Option<(PathBuf, String)> {
    let parts: Vec<_> = published.strip_prefix(root).ok()?.components().collect();
    (1..=parts.len() / 2).find_map(|length| {
        let (base, rest) = parts.split_at_checked(length)?;
        let publish = rest.strip_prefix(base).map(|rest| rest.iter().collect::<PathBuf>())?;
        let folder = root.join(rest.iter().collect::<PathBuf>());
        (folder.is_dir() && !publish.as_os_str().is_empty()).then(|| (folder, publish.display().to_string()))
    })
}

impl Layout {
    /// The layout of the site that `named` leads to: the root of its project, or the folder that is published. `toml` is the
    /// `netlify.toml` that the operator names, where it is not the one of the project. What the `netlify.toml` holds comes
    /// with it, so that the folders and the rules are those of one version.
    ///
    /// # Errors
    /// Where a folder is missing, a file cannot be read, or two readings are possible.
    pub(crate) fn find(named: &Path, toml: Option<&Path>) -> Result<(Layout, Option<Vec<u8>>), LoadError> {
        if !named.is_dir() {
            return Err(LoadError::NoFolder(named.to_owned()));
        }
        let mut notes = Vec::new();
        let project = match toml {
            Some(toml) => Some(Project::named(toml)?).filter(|project| project.is_about(named)),
            None => around(named, &mut notes)?,
        };
        let published = match &project {
            Some(project) => project.published(named, &mut notes)?,
            None => named.to_owned(),
        };
        let place = Place::new(named, &published, project.as_ref());
        let redirects = choose(RuleFile::Redirects, &place, &mut notes)?;
        let headers = choose(RuleFile::Headers, &place, &mut notes)?;
        let (toml, bytes) = match (project, toml) {
            (Some(project), _) => (project.toml, Some(project.bytes)),
            (None, Some(toml)) => (toml.to_owned(), Some(read_named(toml)?)),
            (None, None) => (named.join(RuleFile::Toml.name()), None),
        };
        let is_built = place.is_built;
        if !is_built {
            let unknown = "until then every path may be a file";
            let help = match toml.parent().and_then(|root| base_said_twice(root, &published)) {
                Some((folder, publish)) => format!(
                    "`publish` counts from `base`: if `{}` is meant, write `publish = \"{publish}\"`; {unknown}",
                    folder.display()
                ),
                None => format!("build the site; {unknown}"),
            };
            let missing = format!("`{}` is not there, so nobody knows which files the site has", published.display());
            notes.push(Note::warning(missing, help));
        }
        let is_own = is_same(&redirects, &published.join(RuleFile::Redirects.name()));
        if let Some(other) = build::may_be_published(named, &PUBLISHED).filter(|_| !place.is_project && is_own) {
            let (name, rules) = (other.file_name().unwrap_or_default().display(), redirects.display());
            notes.push(Note::warning(
                format!("`{}` has pages and no `_redirects`: if it is what is published, nothing of `{rules}` is in force there", other.display()),
                format!("name `{}` if that is what is published, and write `publish = \"{name}\"` into the `[build]` of a `netlify.toml`", other.display()),
            ));
        }
        let roots = place.roots();
        let layout = Layout { published: published.clone(), is_built, redirects, toml, headers, notes, roots };
        let notes = hidden::notes(&layout, &place, bytes.as_deref())?;
        Ok((Layout { notes: [layout.notes, notes].concat(), ..layout }, bytes))
    }

    /// What the rule file at `path` of this layout holds; `None` where there is none (RULES-15).
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, LoadError> {
        read_within(path, &self.roots)
    }

    /// LAYOUT-3: why no gate starts.
    pub fn refusal(&self) -> Option<&Note> {
        self.notes.iter().find(|note| note.severity == Severity::Error)
    }

    /// LAYOUT-3: what to say of a site without a single rule.
    pub(crate) fn say_that_there_are_no_rules(&mut self) {
        if self.refusal().is_none() && self.is_built {
            let published = self.published.display();
            let help = format!("write them into `{}`, or name the folder that holds them", self.redirects.display());
            self.notes.push(Note::warning(format!("{NO_RULES} `{published}`, so every file is public"), help));
        }
    }

    /// Every file and folder outside the published one that makes another layout when it comes, goes or changes, and that lies
    /// in a folder that is there.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        let own = [&self.redirects, &self.toml, &self.headers].map(Clone::clone);
        let others = self.roots.iter().filter(|root| !is_same(root, &self.published)).flat_map(|root| {
            let folders = COPIED.map(|name| root.join(name));
            candidates(root).chain(folders).chain([root.join(RuleFile::Toml.name())])
        });
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let is_watchable =
            |path: &PathBuf| path.parent().is_some_and(|folder| folder.is_dir() && !is_same(folder, &self.published));
        own.into_iter().chain(others).map(absolute).filter(is_watchable).collect()
    }
}

/// Whether both are the same file or folder, or would be if they were there.
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// RULES-15
fn read_within(path: &Path, roots: &[PathBuf]) -> Result<Option<Vec<u8>>, LoadError> {
    disk::read_within(path, roots, MOST_RULES).map_err(|error| file_error(path, error))
}

/// RULES-15: the file that the operator names, which lies anywhere.
fn read_named(path: &Path) -> Result<Vec<u8>, LoadError> {
    disk::read(path, MOST_RULES).map_err(|error| file_error(path, error))
}

fn file_error(path: &Path, error: io::Error) -> LoadError {
    LoadError::File { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests;
