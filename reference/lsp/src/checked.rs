//! The site that a document belongs to, with the text of open documents in the place of what is on the disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lsp_types::Uri;
use rolegate::MemorySite;
use rolegate::problem::Problem;
use rolegate::rules::{Parsed, RuleFiles, RuleSet};
use rolegate::site::Site;
use rolegate::span::RuleFile;
use rolegate_check::allow::review;
use rolegate_check::lint::{READ, lint_pages, lint_with};
use rolegate_check::map::{Map, Row, Who};
use rolegate_server::config::open_to_look;
use rolegate_server::layout::Note;
use rolegate_server::{DirSite, Source};

/// So many folders above a document may be the root of its project.
const LEVELS_UP: usize = 4;

const ALL: [RuleFile; 3] = [RuleFile::Redirects, RuleFile::Toml, RuleFile::Headers];

/// The rule file that a path is one by its name.
pub(crate) fn kind(path: &Path) -> Option<RuleFile> {
    let name = path.file_name()?.to_str()?;
    ALL.into_iter().find(|file| file.name() == name)
}

/// Each open document, by its path.
pub(crate) type Open = HashMap<PathBuf, Document>;

/// An open document.
pub(crate) struct Document {
    /// As the client spells it.
    pub(crate) uri: Uri,
    pub(crate) text: String,
}

/// Sites as they are on the disk.
#[derive(Default)]
pub(crate) struct Sites {
    /// By the path of a document.
    known: HashMap<PathBuf, Found>,
}

/// What the disk says about a document.
enum Found {
    Site(Box<(DirSite, Source)>),
    /// It belongs to no site that can be read, perhaps for this reason.
    Alone(Option<Note>),
}

/// The rule files of a site, looked at.
pub(crate) struct Checked {
    /// Those that there are, each with what it is and its text.
    pub(crate) files: Vec<(RuleFile, Uri, String)>,
    /// Those that nobody accepts.
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Vec<Note>,
    pub(crate) rules: RuleSet,
    /// The document for which the site was looked at.
    path: PathBuf,
}

impl Sites {
    /// What is on the disk may have changed.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// Looks at the site of a document, which is open.
    pub(crate) fn check(&mut self, path: &Path, kind: RuleFile, open: &Open) -> Checked {
        let found = self.known.entry(path.to_owned()).or_insert_with(|| find(path));
        let mut files = Vec::new();
        match found {
            Found::Alone(_) => {
                files.extend(open.get(path).map(|document| (kind, document.uri.clone(), document.text.clone())))
            }
            Found::Site(site) => {
                let (_, source) = site.as_ref();
                for file in ALL {
                    let own = source.file(file);
                    let document = open.iter().find(|(open, _)| is_same(open, &own.path)).map(|(_, document)| document);
                    let read = || {
                        let text = String::from_utf8_lossy(own.bytes.as_deref()?).into_owned();
                        Some((uri_of_path(&own.path)?, text))
                    };
                    let found = document.map(|document| (document.uri.clone(), document.text.clone())).or_else(read);
                    files.extend(found.map(|(uri, text)| (file, uri, text)));
                }
            }
        }
        let bytes = bytes_of(&files);
        let Parsed { rules, mut problems, .. } = RuleSet::read(bytes);
        let notes = match found {
            Found::Alone(note) => {
                problems = lint_with(problems, bytes, &rules, &MemorySite::default());
                note.iter().cloned().collect()
            }
            Found::Site(site) => {
                let (site, source) = site.as_ref();
                problems = lint_with(problems, bytes, &rules, site);
                problems.extend(lint_pages(&rules, site, |name| site.start_of(name, READ)));
                // What is typed and not saved yet is rules too.
                let is_so = |note: &&Note| rules.rules().is_empty() || !note.is_about_no_rules();
                source.layout.notes.iter().filter(is_so).cloned().collect()
            }
        };
        let problems = review(bytes, problems).problems;
        Checked { files, problems, notes, rules, path: path.to_owned() }
    }

    /// What each visitor gets for the request that the rule at `place` is for.
    pub(crate) fn row(&self, checked: &Checked, place: usize) -> Option<(Vec<Who>, Row)> {
        match self.known.get(&checked.path)? {
            Found::Alone(_) => Map::at(&checked.rules, &Anything, place),
            Found::Site(site) => Map::at(&checked.rules, &site.0, place),
        }
    }
}

/// A site of which nobody knows the files.
struct Anything;

impl Site for Anything {
    fn has(&self, _: &str) -> bool {
        false
    }
}

impl Checked {
    /// The rule files, as they are read.
    pub(crate) fn bytes(&self) -> RuleFiles<'_> {
        bytes_of(&self.files)
    }

    /// The document of a rule file.
    pub(crate) fn uri(&self, file: RuleFile) -> Option<Uri> {
        self.files.iter().find(|(own, ..)| *own == file).map(|(_, uri, _)| uri.clone())
    }
}

/// Rule files as they are read, each of those that there are.
fn bytes_of(files: &[(RuleFile, Uri, String)]) -> RuleFiles<'_> {
    let bytes = |file| files.iter().find(|(own, ..)| *own == file).map_or(&b""[..], |(_, _, text)| text.as_bytes());
    RuleFiles { redirects: bytes(RuleFile::Redirects), toml: bytes(RuleFile::Toml), headers: bytes(RuleFile::Headers) }
}

/// The path of a document; none where it lies in no file system.
pub(crate) fn path_of(uri: &Uri) -> Option<PathBuf> {
    url::Url::parse(uri.as_str()).ok()?.to_file_path().ok()
}

fn uri_of_path(path: &Path) -> Option<Uri> {
    url::Url::from_file_path(path).ok()?.as_str().parse().ok()
}

/// The site that a document belongs to: that of its own folder, or of a project above it whose rule file it is. A folder above
/// that has no `netlify.toml` is not looked into: it may hold all that its owner has.
fn find(path: &Path) -> Found {
    let mut best: Option<Box<(DirSite, Source)>> = None;
    let mut note = None;
    let own = path.parent();
    let is_project = |folder: &&Path| Some(*folder) == own || folder.join(RuleFile::Toml.name()).is_file();
    let folders = path.ancestors().skip(1).take(LEVELS_UP).filter(|folder| folder.is_dir());
    for folder in folders.filter(is_project) {
        match open_to_look(folder, None) {
            Ok((site, _, source)) => {
                let is_own = ALL.into_iter().any(|file| is_same(path, &source.file(file).path));
                let is_better =
                    best.as_ref().is_none_or(|best| best.1.toml.bytes.is_none() && source.toml.bytes.is_some());
                if is_own && is_better {
                    best = Some(Box::new((site, source)));
                }
            }
            Err(error) if note.is_none() => {
                note = Some(Note {
                    severity: rolegate::Severity::Warning,
                    message: error.to_string(),
                    help: "this file is checked alone".to_owned(),
                });
            }
            Err(_) => {}
        }
    }
    best.map_or(Found::Alone(note), Found::Site)
}

/// Whether two paths are of one file, be it one that is not there yet.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    };
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}
