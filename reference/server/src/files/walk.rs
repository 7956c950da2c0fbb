//! One walk over a site folder: the names of what may be served, and where each file really lies (STATIC-2).
//!
//! Links inside the site are further names of what they lead to, and a gate may stand on any of them. So no name is left out
//! but those that go round and round: a site in which links which lead to links make too many names is not opened (STATIC-4).
//! Each real folder is read once.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rolegate::site;

use super::entry::{FileId, file_id};

/// How deep folders may nest, by all their names.
const MAX_DEPTH: usize = 64;
/// So many names a folder or a file has at most.
pub(super) const MOST_NAMES: usize = 64;
/// A site of more names than this is not opened.
const MOST_FILES: usize = 1_000_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The name of each file, and its real path without links.
    pub(super) files: BTreeMap<String, PathBuf>,
    /// What the rule files and the dot files are, under whatever name.
    pub(super) hidden: HashSet<FileId>,
}

/// The files of the site in `folder`.
///
/// # Errors
/// Where the folder, or a folder in it, cannot be read, or has too many names; the path stands in the message. And where there
/// are too many files.
pub(super) fn walk(folder: &Path) -> io::Result<Walked> {
    let root = fs::canonicalize(folder).map_err(|error| naming(folder, &error))?;
    let mut walk = Walk::default();
    for name in ["_redirects", "_headers", "netlify.toml"] {
        walk.found.hidden.extend(fs::metadata(root.join(name)).ok().as_ref().and_then(file_id));
    }
    let mut own = vec![Place { name: String::new(), depth: 0, above: None, path: root.clone() }];
    // Last, so that what lies in a folder has its own name before any other; the shortest first.
    let mut linked = VecDeque::new();
    while let Some(place) = own.pop().or_else(|| linked.pop_front()) {
        walk.enter(&root, &place, &mut own, &mut linked)?;
    }
    Ok(walk.found)
}

/// A folder under one of its names.
struct Place {
    name: String,
    path: PathBuf,
    /// How many folders lie above.
    depth: usize,
    above: Option<Rc<Above>>,
}

/// The real paths of the folders above: a link to one of them would never end.
struct Above {
    path: PathBuf,
    next: Option<Rc<Above>>,
}

impl Above {
    fn holds(self: &Rc<Self>, path: &Path) -> bool {
        std::iter::successors(Some(self), |above| above.next.as_ref()).any(|above| above.path == path)
    }
}

/// What lies in a real folder.
struct Listing {
    items: Rc<[Item]>,
    /// How many names the folder has got.
    names: usize,
}

struct Item {
    name: String,
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    LinkedFolder,
}

#[derive(Default)]
struct Walk {
    found: Walked,
    listings: HashMap<PathBuf, Listing>,
}

impl Walk {
    /// Adds what may be served of a folder under one of its names.
    fn enter(
        &mut self,
        root: &Path,
        place: &Place,
        own: &mut Vec<Place>,
        linked: &mut VecDeque<Place>,
    ) -> io::Result<()> {
        let items = self.listing(root, place)?;
        let above = Rc::new(Above { path: place.path.clone(), next: place.above.clone() });
        for item in items.iter() {
            let name = format!("{}/{}", place.name, item.name);
            if !site::is_served(&name) {
                continue;
            }
            if item.kind == Kind::File {
                self.found.files.insert(name, item.path.clone());
                if self.found.files.len() > MOST_FILES {
                    let error = format!("it has more than {MOST_FILES} files, by all their names");
                    return Err(naming(root, &io::Error::other(error)));
                }
                continue;
            }
            if above.holds(&item.path) {
                tracing::warn!(name, "a link to a folder in which it lies is not part of the site");
                continue;
            }
            if place.depth >= MAX_DEPTH {
                let error = io::Error::other(format!("`{name}` lies in more than {MAX_DEPTH} folders; move it up"));
                return Err(naming(&item.path, &error));
            }
            let above = Some(Rc::clone(&above));
            let place = Place { name, path: item.path.clone(), depth: place.depth + 1, above };
            if item.kind == Kind::LinkedFolder { linked.push_back(place) } else { own.push(place) }
        }
        Ok(())
    }

    /// What lies in a folder, which gets one more name.
    fn listing(&mut self, root: &Path, place: &Place) -> io::Result<Rc<[Item]>> {
        if let Some(known) = self.listings.get_mut(&place.path) {
            known.names += 1;
            return if known.names > MOST_NAMES { Err(many_names(&place.path)) } else { Ok(Rc::clone(&known.items)) };
        }
        let items: Rc<[Item]> = list(root, &place.path, &mut self.found.hidden)?.into();
        self.listings.insert(place.path.clone(), Listing { items: Rc::clone(&items), names: 1 });
        Ok(items)
    }
}

/// What lies in a real folder, in the order of the names.
fn list(root: &Path, folder: &Path, hidden: &mut HashSet<FileId>) -> io::Result<Vec<Item>> {
    let mut items = Vec::new();
    for item in fs::read_dir(folder).map_err(|error| naming(folder, &error))? {
        let item = item.map_err(|error| naming(folder, &error))?;
        let Ok(name) = item.file_name().into_string() else {
            tracing::warn!(folder = %folder.display(), "a file whose name is not UTF-8 is not part of the site");
            continue;
        };
        let path = item.path();
        let kind = item.file_type().map_err(|error| naming(&path, &error))?;
        if name.starts_with('.') {
            let metadata = fs::symlink_metadata(&path).ok().filter(|_| kind.is_file());
            hidden.extend(metadata.filter(|metadata| metadata.len() > 0).as_ref().and_then(file_id));
            continue;
        }
        let (path, kind) = if kind.is_symlink() {
            // What goes away in between leads nowhere.
            let target = linked(root, &path).and_then(|real| Some((fs::metadata(&real).ok()?.file_type(), real)));
            let Some((kind, real)) = target else {
                tracing::warn!(link = %path.display(), "a link that leads out of the site, or nowhere, is not part of the site");
                continue;
            };
            let kind = if kind.is_dir() { Some(Kind::LinkedFolder) } else { kind.is_file().then_some(Kind::File) };
            (real, kind)
        } else {
            let kind = if kind.is_dir() { Some(Kind::Folder) } else { kind.is_file().then_some(Kind::File) };
            (path, kind)
        };
        let Some(kind) = kind else {
            tracing::warn!(path = %path.display(), "what is neither a file nor a folder is not part of the site");
            continue;
        };
        items.push(Item { name, path, kind });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(items)
}

/// STATIC-2: where a link leads, if that is inside the site and something that may be served.
fn linked(root: &Path, link: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(link).ok()?;
    let inside = path.strip_prefix(root).ok()?;
    let name: String = inside.iter().map(|part| part.to_str().map(|part| format!("/{part}"))).collect::<Option<_>>()?;
    site::is_served(&name).then_some(path)
}

/// STATIC-4: a gate on any name closes all of them, so none is left out.
pub(super) fn many_names(path: &Path) -> io::Error {
    let error = format!("it has more than {MOST_NAMES} names by links; use copies in place of some links");
    naming(path, &io::Error::other(error))
}

/// The same error with the path in its message.
pub(super) fn naming(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
