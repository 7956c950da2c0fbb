//! One walk over a site folder: the names of what may be served, and where each file really lies (STATIC-2).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::site;

/// How deep folders may nest; deeper ones are left out, with a warning in the log.
const MAX_DEPTH: usize = 64;

/// The files of the site in `folder`: the name of each, and its real path without links.
///
/// # Errors
/// Where the folder, or a folder in it, cannot be read; the path stands in the message.
pub(super) fn walk(folder: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let root = fs::canonicalize(folder).map_err(|error| naming(folder, &error))?;
    let mut files = BTreeMap::new();
    into(&root, &mut vec![root.clone()], "", &mut files)?;
    Ok(files)
}

/// Adds what may be served of the last of `folders`, whose name in the site is `prefix`.
///
/// `folders` are the real paths from the root to here: a link to one of them would never end.
fn into(
    root: &Path,
    folders: &mut Vec<PathBuf>,
    prefix: &str,
    files: &mut BTreeMap<String, PathBuf>,
) -> io::Result<()> {
    let Some(folder) = folders.last().cloned() else { return Ok(()) };
    for item in fs::read_dir(&folder).map_err(|error| naming(&folder, &error))? {
        let item = item.map_err(|error| naming(&folder, &error))?;
        let Ok(file_name) = item.file_name().into_string() else {
            tracing::warn!(folder = %folder.display(), "a file whose name is not UTF-8 is not part of the site");
            continue;
        };
        let name = format!("{prefix}/{file_name}");
        if !site::is_served(&name) {
            continue;
        }
        let kind = item.file_type().map_err(|error| naming(&item.path(), &error))?;
        let path = if kind.is_symlink() {
            match linked(root, &item.path()) {
                Some(path) => path,
                None => {
                    tracing::warn!(name, "a link that leads out of the site, or nowhere, is not part of the site");
                    continue;
                }
            }
        } else {
            item.path()
        };
        let kind = if kind.is_symlink() { fs::metadata(&path)?.file_type() } else { kind };
        if kind.is_file() {
            files.insert(name, path);
        } else if kind.is_dir() {
            if folders.contains(&path) || folders.len() > MAX_DEPTH {
                tracing::warn!(name, "a folder that contains itself, or lies too deep, is not part of the site");
                continue;
            }
            folders.push(path);
            into(root, folders, &name, files)?;
            folders.pop();
        }
    }
    Ok(())
}

/// STATIC-2: where a link leads, if that is inside the site and something that may be served.
fn linked(root: &Path, link: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(link).ok()?;
    let inside = path.strip_prefix(root).ok()?;
    let name: String = inside.iter().map(|part| part.to_str().map(|part| format!("/{part}"))).collect::<Option<_>>()?;
    site::is_served(&name).then_some(path)
}

/// The same error with the path in its message.
pub(super) fn naming(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
