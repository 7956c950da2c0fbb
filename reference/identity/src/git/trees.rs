//! How a tree is made from another one and a list of changes, and what a change may be.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use super::path::{TreePath, Writable, folded};
use super::program::{GitError, Run};
use super::repository::{Change, Kind, Oid, Repository};

/// The most changes of one request.
pub const MOST_CHANGES: usize = 1000;
/// The most folders that changes of one request may lie in.
const MOST_FOLDERS: usize = 200;

/// What shall become of a path.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The path.
    pub path: TreePath,
    /// Its content; none removes it.
    pub blob: Option<Oid>,
}

/// Makes the tree that `base` is with these edits; or says, for a person, why not.
///
/// # Errors
/// Where git fails.
pub fn edited(repository: &Repository, base: &Oid, edits: &[Edit]) -> Result<Result<Oid, String>, GitError> {
    let tree = format!("{base}^{{tree}}");
    let Some(root) = repository.object(tree)? else {
        return Ok(Err("Tree SHA does not exist".to_owned()));
    };
    if let Err(reason) = blobs_are_there(repository, edits)? {
        return Ok(Err(reason));
    }
    // What is removed goes first, so that a file can become a folder, or change its case.
    let mut ordered: Vec<&Edit> = edits.iter().collect();
    ordered.sort_by_key(|edit| edit.blob.is_some());
    let mut folders = Folders { repository, root: &root.oid, listed: HashMap::new() };
    let mut lines = Vec::new();
    for edit in ordered {
        let applied = match &edit.blob {
            None => folders.remove(&edit.path)?,
            Some(_) => folders.put(&edit.path)?,
        };
        match (applied, &edit.blob) {
            (Err(reason), _) => return Ok(Err(reason)),
            (Ok(false), _) => {}
            (Ok(true), Some(blob)) => lines.push(format!("100644 {blob}\t{}", edit.path)),
            (Ok(true), None) => lines.push(format!("0 {}\t{}", base.none(), edit.path)),
        }
    }
    if lines.is_empty() {
        return Ok(Ok(root.oid));
    }
    let index = repository.index();
    let written = written(repository, &root.oid, &lines, &index);
    // It is not there where git made none.
    let _ = fs::remove_file(&index);
    written.map(Ok)
}

fn written(repository: &Repository, root: &Oid, lines: &[String], index: &std::path::Path) -> Result<Oid, GitError> {
    let git = repository.git();
    let input: String = lines.iter().map(|line| format!("{line}\0")).collect();
    git.answer(Run::new(&["read-tree", root.as_str()]).with_index(index))?;
    git.answer(Run::new(&["update-index", "-z", "--index-info"]).with_index(index).reading(input.as_bytes()))?;
    repository.oid("write-tree", Run::new(&["write-tree"]).with_index(index))
}

fn blobs_are_there(repository: &Repository, edits: &[Edit]) -> Result<Result<(), String>, GitError> {
    let blobs: Vec<String> = edits.iter().filter_map(|edit| edit.blob.as_ref().map(Oid::to_string)).collect();
    let found = repository.objects(&blobs)?;
    let absent = found.iter().zip(&blobs).find(|(found, _)| !found.as_ref().is_some_and(|it| it.kind == Kind::Blob));
    Ok(absent.map_or(Ok(()), |(_, name)| Err(format!("tree.sha {name} is not a valid blob"))))
}

/// The folders of a tree that changes lie in, as far as they are asked for, with what has been changed in them.
struct Folders<'a> {
    repository: &'a Repository,
    root: &'a Oid,
    listed: HashMap<String, BTreeMap<String, String>>,
}

impl Folders<'_> {
    /// Removes a file; says whether there was one. What is no ordinary file is not an author's to remove.
    fn remove(&mut self, path: &TreePath) -> Result<Result<bool, String>, GitError> {
        let (holder, file) = path.split();
        for (folder, name) in path.steps() {
            let is_last = (folder, name) == (holder, file);
            match self.mode(folder, name)?.as_deref() {
                None => return Ok(Ok(false)),
                Some("040000") if !is_last => {}
                Some("100644" | "100755") if is_last => {}
                Some(_) => {
                    return Ok(Err(format!("`{path}` is no ordinary file, or does not lie in ordinary folders")));
                }
            }
        }
        if let Some(listed) = self.listed.get_mut(holder) {
            listed.remove(file);
        }
        Ok(Ok(true))
    }

    /// Puts a file; says that there is something to do.
    fn put(&mut self, path: &TreePath) -> Result<Result<bool, String>, GitError> {
        let steps: Vec<(String, String)> = path.steps().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let last = steps.len().saturating_sub(1);
        for (at, (folder, name)) in steps.iter().enumerate() {
            if self.listed.len() > MOST_FOLDERS {
                return Ok(Err(format!("a request changes files of at most {MOST_FOLDERS} folders")));
            }
            let wanted = if at == last { "100644" } else { "040000" };
            match self.mode(folder, name)?.as_deref() {
                Some("100644" | "100755") if at == last => {}
                Some("040000") if at < last => {}
                Some(_) if at == last => return Ok(Err(format!("`{path}` is a folder or a link, and no file"))),
                Some(_) => return Ok(Err(format!("`{path}` leads through `{name}`, which is no folder"))),
                None => {
                    let fold = folded(name);
                    let listed = self.listed.entry(folder.clone()).or_default();
                    if let Some(same) = listed.keys().find(|there| folded(there) == fold) {
                        return Ok(Err(format!("`{path}`: `{name}` and `{same}` are one name to some file systems")));
                    }
                }
            }
            self.listed.entry(folder.clone()).or_default().insert(name.clone(), wanted.to_owned());
        }
        Ok(Ok(true))
    }

    fn mode(&mut self, folder: &str, name: &str) -> Result<Option<String>, GitError> {
        if !self.listed.contains_key(folder) {
            let listed = self.list(folder)?;
            self.listed.insert(folder.to_owned(), listed);
        }
        Ok(self.listed.get(folder).and_then(|listed| listed.get(name)).cloned())
    }

    fn list(&self, folder: &str) -> Result<BTreeMap<String, String>, GitError> {
        let object = self.repository.object(format!("{}:{folder}", self.root))?;
        let Some(tree) = object.filter(|object| object.kind == Kind::Tree) else {
            return Ok(BTreeMap::new());
        };
        let entries = self.repository.entries(tree.oid.as_str(), false)?;
        let named = |path: Vec<u8>| String::from_utf8_lossy(&path).into_owned();
        Ok(entries.into_iter().map(|entry| (named(entry.path), entry.mode)).collect())
    }
}

/// Why these changes are not an author's to make; for a person.
pub fn refused(changes: &[Change], writable: &Writable) -> Option<String> {
    changes.iter().find_map(|change| {
        let Ok(path) = std::str::from_utf8(&change.path) else {
            return Some("a path is not UTF-8".to_owned());
        };
        let (was, is) = (change.old_mode.as_str(), change.new_mode.as_str());
        let was_file = matches!(was, "000000" | "100644" | "100755");
        let is_file = matches!(is, "000000" | "100644") || (is == "100755" && was == is);
        match writable.admit(path) {
            Err(error) => Some(error.to_string()),
            Ok(path) if !was_file || !is_file => Some(format!("`{path}` is no ordinary file (mode 100644)")),
            Ok(_) => None,
        }
    })
}
