//! A site folder, opened: the names of its files, and the content of all that are not too long.
//!
//! A request never becomes a path of the file system. It becomes a canonical name, the name is looked up in the
//! index, and the index knows what was seen when the site was opened. So a file system that folds case, a link made
//! later, or a `..` in whatever spelling cannot open anything else (STATIC-2, NOLEAK-1).
//!
//! An opened site is a snapshot. Files that are added, changed or removed later are seen by [`DirSite::reopen`].

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolegate::path::RequestPath;
use rolegate::request::Origin;
use rolegate::site::{self, Elsewhere, Site, names_to_find};
use rolegate::speed::Paths;

pub mod body;
pub(crate) mod coding;
pub(crate) mod entry;
mod file;
pub(crate) mod preconditions;
pub(crate) mod ranges;
mod walk;

use entry::{Entry, FileId, Stamp};
pub(crate) use file::Chosen;
#[doc(hidden)]
pub use file::File;
use walk::Walked;

/// The site in a folder. A clone shares the content.
#[derive(Clone, Debug)]
pub struct DirSite {
    folder: PathBuf,
    options: SiteOptions,
    files: Files,
    links: Links,
    paths: Paths,
    /// Files of earlier versions that this one has under no name; the last ones.
    departed: Vec<SeenFile>,
}

/// So many files that are gone are known again when they come back under another name.
const MOST_DEPARTED: usize = 100_000;

/// A file as it was when a site was opened.
#[derive(Clone, Debug)]
struct SeenFile {
    name: Arc<str>,
    stamp: Stamp,
}

/// The files of a site by their names.
type Files = BTreeMap<Arc<str>, Arc<File>>;
/// For each file of several names all of them.
type Links = HashMap<Arc<str>, Arc<[Arc<str>]>>;

/// How a site is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOptions {
    /// How many bytes of content are kept in memory, the shortest files first. What does not fit is read from the disk
    /// whenever it is sent.
    pub memory: u64,
    /// A file of more bytes than this is read from the disk whenever it is sent.
    pub longest: u64,
    /// Another server has the files: the folder holds the rules alone, and no file of it is part of the site.
    pub elsewhere: bool,
    /// The server that has the files, where it is known: what is denied there is told from what others have at the same path.
    pub server: Option<Origin>,
    /// Whether files are sent in a content coding to those who accept one: a precompressed file beside it, or one made
    /// when the site is opened of text that is kept. What is made counts as `memory`.
    pub compress: bool,
}

impl Default for SiteOptions {
    fn default() -> SiteOptions {
        SiteOptions { memory: 64 * 1024 * 1024, longest: 1024 * 1024, elsewhere: false, server: None, compress: true }
    }
}

impl DirSite {
    /// Opens the site in `folder`.
    ///
    /// Dot files, `_redirects`, `_headers`, `netlify.toml`, links that lead out of the folder or to one of these,
    /// and whatever is no regular file are not part of the site (STATIC-2). A link inside the folder is one more name of
    /// what it leads to, and so is a hard link (STATIC-4).
    ///
    /// # Errors
    /// Where the folder, or a file or folder in it, cannot be read; the path stands in the message.
    pub fn open(folder: impl AsRef<Path>) -> io::Result<DirSite> {
        DirSite::open_with(folder, SiteOptions::default())
    }

    /// Opens the site in `folder` as `options` say.
    ///
    /// # Errors
    /// As [`DirSite::open`].
    pub fn open_with(folder: impl AsRef<Path>, options: SiteOptions) -> io::Result<DirSite> {
        DirSite::after(&Files::new(), folder.as_ref(), options)
    }

    fn after(before: &Files, folder: &Path, options: SiteOptions) -> io::Result<DirSite> {
        let (files, links) = read(folder, &options, before)?;
        let paths = Paths::of(files.keys());
        Ok(DirSite { folder: folder.to_owned(), options, files, links, paths, departed: Vec::new() })
    }

    /// Opens the site again as it now is. Only files that are new or may have changed are read.
    ///
    /// # Errors
    /// As [`DirSite::open`]; this site stays as it is.
    pub fn reopen(&self) -> io::Result<DirSite> {
        self.reopen_in(&self.folder)
    }

    /// Opens the site again, which now lies in `folder`.
    ///
    /// # Errors
    /// As [`DirSite::reopen`].
    pub fn reopen_in(&self, folder: &Path) -> io::Result<DirSite> {
        let mut next = DirSite::after(&self.files, folder, self.options.clone())?;
        next.departed = self.gone_in(&next);
        Ok(next)
    }

    /// The names that the files of a site in `folder` would have, in byte order, none of which is opened.
    ///
    /// # Errors
    /// As [`DirSite::open`].
    pub(crate) fn names_in(folder: &Path) -> io::Result<Vec<String>> {
        Ok(walk::walk(folder)?.files.into_keys().collect())
    }

    /// The names of the site's files, each relative to the site with a slash in front, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(AsRef::as_ref)
    }

    /// Each file with content, by its name, as it was when the site was opened.
    fn seen(&self) -> impl Iterator<Item = SeenFile> {
        let stamps =
            self.files.iter().map(|(name, file)| SeenFile { name: Arc::clone(name), stamp: file.plain.stamp() });
        stamps.filter(|file| file.stamp.length > 0)
    }

    /// RELOAD-3: the files of this site that had another name in `before`, or in a version before that: the name there and the
    /// name here. What was out of sight for a while is as closed as it was.
    pub(crate) fn moved_since(&self, before: &DirSite) -> Vec<(Arc<str>, Arc<str>)> {
        let mut here: HashMap<FileId, Vec<SeenFile>> = HashMap::new();
        for file in self.seen() {
            if let Some(id) = file.stamp.file_id() {
                here.entry(id).or_default().push(file);
            }
        }
        let mut moved = Vec::new();
        for was in before.departed.iter().cloned().chain(before.seen()) {
            let now = was.stamp.file_id().and_then(|id| here.get(&id)).into_iter().flatten();
            let now = now.filter(|now| was.stamp.is_same_file(&now.stamp) && was.name != now.name);
            moved.extend(now.map(|now| (Arc::clone(&was.name), Arc::clone(&now.name))));
        }
        moved
    }

    /// The first `most` bytes of a file; none where it cannot be read.
    pub fn start_of(&self, name: &str, most: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.files.get(name)?.plain.reader().ok()?.take(most).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The files of this site, and of those before it, that `next` has under no name.
    fn gone_in(&self, next: &DirSite) -> Vec<SeenFile> {
        let there: HashSet<FileId> = next.seen().filter_map(|file| file.stamp.file_id()).collect();
        let is_gone = |file: &SeenFile| file.stamp.file_id().is_some_and(|id| !there.contains(&id));
        let mut gone: Vec<SeenFile> = self.departed.iter().cloned().chain(self.seen()).filter(is_gone).collect();
        gone.drain(..gone.len().saturating_sub(MOST_DEPARTED));
        gone
    }

    /// FRONT-2: whether another server that serves this folder finds for `path` what was seen when the site was opened, and
    /// nothing else.
    ///
    /// The disk is read. Of a site that another server has nothing is seen.
    pub(crate) fn is_as_seen(&self, path: &RequestPath) -> bool {
        let names = names_to_find(path.name());
        let mut no_folders: Vec<&str> = Vec::new();
        names.iter().all(|name| {
            if no_folders.iter().any(|other| name.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))) {
                return true;
            }
            let now = match fs::metadata(self.folder.join(name.trim_start_matches('/'))) {
                Ok(metadata) if metadata.is_dir() => return true,
                Ok(metadata) => Some(Stamp::of(&metadata)),
                Err(error) if is_nowhere(&error) => None,
                Err(_) => return false,
            };
            no_folders.push(name);
            let Some(now) = now else { return true };
            let Some(seen) = self.files.get(name.as_str()).map(|file| &file.plain) else { return false };
            now.length == 0 || seen.is_as_seen(&now)
        })
    }

    /// The file with this name of the index, to answer with it.
    pub fn find(&self, name: &str) -> Option<&File> {
        self.files.get(name).map(Arc::as_ref)
    }
}

impl Site for DirSite {
    fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    fn file<'s>(&'s self, path: &'s RequestPath) -> Option<Cow<'s, str>> {
        if self.options.elsewhere { Elsewhere.file(path) } else { self.paths.file(path).map(Cow::Borrowed) }
    }

    fn is_listed(&self) -> bool {
        !self.options.elsewhere
    }

    fn server(&self) -> Option<&Origin> {
        self.options.server.as_ref()
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(DirSite::names(self))
    }

    fn other_names(&self, file: &str) -> Vec<String> {
        if self.options.elsewhere { Elsewhere.other_names(file) } else { site::further_names(self, file) }
    }

    fn same_file(&self, name: &str) -> &[Arc<str>] {
        self.links.get(name).map(AsRef::as_ref).unwrap_or_default()
    }
}

/// The files of a site, those of `before` that have not changed among them.
fn read(folder: &Path, options: &SiteOptions, before: &Files) -> io::Result<(Files, Links)> {
    if options.elsewhere {
        return Ok((Files::new(), Links::new()));
    }
    let mut found = Vec::new();
    let Walked { files, hidden } = walk::walk(folder)?;
    for (name, path) in files {
        // What goes away while the site is opened is not part of it.
        if let Some(metadata) = unless_gone(fs::metadata(&path).map_err(|error| walk::naming(&path, &error)))? {
            let stamp = Stamp::of(&metadata);
            // STATIC-2
            if stamp.file_id().is_some_and(|id| hidden.contains(&id)) {
                tracing::warn!(name, "a further name of a rule file or a dot file is not part of the site");
                continue;
            }
            found.push((stamp, name, path));
        }
    }
    let links = links(&found)?;
    found.sort_by(|(a, a_name, _), (b, b_name, _)| (a.length, a_name).cmp(&(b.length, b_name)));
    let mut left = options.memory;
    let mut entries = BTreeMap::new();
    let mut shortest_first = Vec::new();
    for (stamp, name, path) in found {
        let rest = left.checked_sub(stamp.length).filter(|_| stamp.length <= options.longest);
        let keep = rest.is_some();
        left = rest.unwrap_or(left);
        let known = before.get(name.as_str()).map(|file| &file.plain);
        let unchanged = known.filter(|entry| entry.kept().is_some() == keep && entry.is_still(&path, stamp));
        let entry = match unchanged {
            Some(entry) => Some(Arc::clone(entry)),
            None => unless_gone(Entry::read(path, &name, keep))?.map(Arc::new),
        };
        if let Some(entry) = entry {
            shortest_first.push(name.clone());
            entries.insert(name, entry);
        }
    }
    let mut files = Files::new();
    for name in shortest_first {
        let Some(entry) = entries.get(&name) else { continue };
        let beside = if options.compress { file::beside(&name, &entries) } else { Vec::new() };
        let unchanged = before.get(name.as_str()).filter(|file| file.is_made_of(entry, &beside));
        let file = match unchanged {
            Some(file) => Arc::clone(file),
            None if options.compress => Arc::new(File::coded(Arc::clone(entry), beside, left)),
            None => Arc::new(File::plain(Arc::clone(entry))),
        };
        left = left.saturating_sub(file.made());
        files.insert(name.into(), file);
    }
    Ok((files, links))
}

/// Which file it is: what the system says, or else where it really lies.
type Identity = (Option<FileId>, Option<PathBuf>);

/// STATIC-4: the names of each file that has several.
///
/// # Errors
/// Where one has too many.
fn links(found: &[(Stamp, String, PathBuf)]) -> io::Result<Links> {
    let mut names: HashMap<Identity, Vec<(bool, &str, &Path)>> = HashMap::new();
    // A file without content has nothing that could be seen under another name.
    for (stamp, name, path) in found.iter().filter(|(stamp, ..)| stamp.length > 0) {
        let id = stamp.file_id();
        let path_alone = if id.is_none() { Some(path.clone()) } else { None };
        let is_further = !path.to_str().is_some_and(|path| path.ends_with(name.as_str()));
        names.entry((id, path_alone)).or_default().push((is_further, name, path));
    }
    let mut links = Links::new();
    for mut names in names.into_values().filter(|names| names.len() > 1) {
        // Its own name first.
        names.sort();
        if let Some((_, _, path)) = names.get(walk::MOST_NAMES) {
            return Err(walk::many_names(path));
        }
        let all: Arc<[Arc<str>]> = names.into_iter().map(|(_, name, _)| name.into()).collect();
        links.extend(all.iter().map(|name| (Arc::clone(name), Arc::clone(&all))));
    }
    Ok(links)
}

/// Whether an error says that there is no file of this name, and cannot be one.
fn is_nowhere(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
