//! A site folder: one walk when it is opened, then an index of exact names.
//!
//! A request never becomes a path of the file system. It becomes a canonical name, the name is looked up in the
//! index, and the index knows the real path that was seen when the site was opened. So a file system that folds
//! case, a link made later, or a `..` in whatever spelling cannot open anything else (STATIC-2, NOLEAK-1).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::path::RequestPath;
use crate::site::{self, NOT_FOUND_PAGE, Site};

pub mod body;
pub(crate) mod preconditions;
pub(crate) mod ranges;

/// Files up to this size are read whole; longer ones are streamed.
const READ_WHOLE: u64 = 64 * 1024;
/// How deep folders may nest; deeper ones are left out, with a warning in the log.
const MAX_DEPTH: usize = 64;

/// The site in a folder.
#[derive(Debug)]
pub struct DirSite {
    files: BTreeMap<String, Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// The real path, without links, as it was when the site was opened.
    path: PathBuf,
    media_type: String,
    /// The entity tag of a long file, with the state of the file that it belongs to.
    tag: Mutex<Option<(Stamp, String)>>,
}

/// What must stay equal for a file to count as unchanged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

/// A file that is about to be the answer.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) content: Content,
    pub(crate) length: u64,
    pub(crate) media_type: String,
    /// A strong entity tag, quotes included: a digest of the content (RFC 9110 §8.8.3).
    pub(crate) tag: String,
    pub(crate) modified: Option<SystemTime>,
}

#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    OnDisk(File),
}

impl DirSite {
    /// Opens the site in `folder`: walks it once and keeps the names of what may be served.
    ///
    /// Dot files, `_redirects`, `_headers`, `netlify.toml`, links that lead out of the folder or to one of these,
    /// and whatever is no regular file are not part of the site (STATIC-2). A file that is added later is not
    /// either; one whose content changes is served as it then is.
    ///
    /// # Errors
    /// Where the folder, or a folder in it, cannot be read; the path stands in the message.
    pub fn open(folder: impl AsRef<Path>) -> io::Result<DirSite> {
        let root = real_path(folder.as_ref())?;
        let mut files = BTreeMap::new();
        walk(&root, &mut vec![root.clone()], "", &mut files)?;
        Ok(DirSite { files })
    }

    /// The names of the site's files, each relative to the site with a slash in front, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Opens the file with this name of the index, to answer with it.
    pub(crate) async fn open_file(&self, name: &str) -> io::Result<OpenFile> {
        let entry = Arc::clone(self.files.get(name).ok_or(io::ErrorKind::NotFound)?);
        tokio::task::spawn_blocking(move || entry.open()).await?
    }
}

impl Site for DirSite {
    fn file(&self, path: &RequestPath) -> Option<String> {
        site::look_up(path, |name| self.files.contains_key(name))
    }

    fn not_found_page(&self) -> Option<String> {
        self.files.contains_key(NOT_FOUND_PAGE).then(|| NOT_FOUND_PAGE.to_owned())
    }
}

/// Adds what may be served of the last of `folders`, whose name in the site is `prefix`.
///
/// `folders` are the real paths from the root to here: a link to one of them would never end.
fn walk(
    root: &Path,
    folders: &mut Vec<PathBuf>,
    prefix: &str,
    files: &mut BTreeMap<String, Arc<Entry>>,
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
            files.insert(name, Arc::new(Entry { media_type: media_type(&file_name), path, tag: Mutex::default() }));
        } else if kind.is_dir() {
            if folders.contains(&path) || folders.len() > MAX_DEPTH {
                tracing::warn!(name, "a folder that contains itself, or lies too deep, is not part of the site");
                continue;
            }
            folders.push(path);
            walk(root, folders, &name, files)?;
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

impl Entry {
    fn open(&self) -> io::Result<OpenFile> {
        // STATIC-2: a link that has taken the place of the file, or of a folder above it, since the site was opened.
        if fs::canonicalize(&self.path)? != self.path || !fs::symlink_metadata(&self.path)?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let stamp = Stamp { length: metadata.len(), modified: metadata.modified().ok() };
        let (content, length, tag) = if stamp.length <= READ_WHOLE {
            let mut bytes = Vec::new();
            (&mut file).take(READ_WHOLE + 1).read_to_end(&mut bytes)?;
            let tag = entity_tag(Sha256::digest(&bytes).as_slice());
            let length = bytes.len() as u64;
            (Content::Whole(bytes.into()), length, tag)
        } else {
            let tag = self.long_tag(stamp, &mut file)?;
            (Content::OnDisk(file), stamp.length, tag)
        };
        Ok(OpenFile { content, length, media_type: self.media_type.clone(), tag, modified: stamp.modified })
    }

    /// The tag of a long file is computed once for each state of the file.
    fn long_tag(&self, stamp: Stamp, file: &mut File) -> io::Result<String> {
        let known = self.tag.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, tag)) = known
            && of == stamp
        {
            return Ok(tag);
        }
        let mut digest = Sha256::new();
        let mut chunk = vec![0; READ_WHOLE as usize];
        loop {
            match file.read(&mut chunk)? {
                0 => break,
                n => digest.update(chunk.get(..n).unwrap_or_default()),
            }
        }
        file.rewind()?;
        let tag = entity_tag(digest.finalize().as_slice());
        *self.tag.lock().unwrap_or_else(PoisonError::into_inner) = Some((stamp, tag.clone()));
        Ok(tag)
    }
}

/// 128 bits of the digest are enough to tell the states of one file apart.
fn entity_tag(digest: &[u8]) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or(digest)))
}

/// The media type by the file's extension; text is UTF-8.
fn media_type(file_name: &str) -> String {
    let guess = mime_guess::from_path(file_name).first_or_octet_stream();
    let is_text = guess.type_() == "text";
    if is_text { format!("{}; charset=utf-8", guess.essence_str()) } else { guess.essence_str().to_owned() }
}

fn real_path(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path).map_err(|error| naming(path, &error))
}

fn naming(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &[u8])]) -> (tempfile::TempDir, DirSite) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let site = DirSite::open(folder.path()).unwrap();
        (folder, site)
    }

    #[test]
    fn the_index_holds_what_may_be_served() {
        let (_folder, site) = site(&[
            ("index.html", b""),
            ("a/b.html", b""),
            ("_redirects", b""),
            ("_headers", b""),
            ("netlify.toml", b""),
            (".env", b""),
            ("a/.git/config", b""),
            ("Ä.html", b""),
        ]);
        assert_eq!(site.names().collect::<Vec<_>>(), ["/a/b.html", "/index.html", "/Ä.html"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_inside() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let (folder, _) = site(&[("a/b.html", b"b"), (".env", b"x"), ("_redirects", b"x")]);
        for (target, link) in [
            (outside.path().join("secret"), "out"),
            (outside.path().to_owned(), "outdir"),
            (folder.path().join(".env"), "env"),
            (folder.path().join("_redirects"), "rules"),
            (folder.path().join("a"), "inside"),
            (folder.path().to_owned(), "a/loop"),
            (folder.path().join("nowhere"), "dangling"),
        ] {
            symlink(target, folder.path().join(link)).unwrap();
        }
        let site = DirSite::open(folder.path()).unwrap();
        assert_eq!(site.names().collect::<Vec<_>>(), ["/a/b.html", "/inside/b.html"]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_made_later_opens_nothing() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("b.html"), "secret").unwrap();
        let (folder, site) = site(&[("a/b.html", b"b")]);
        assert!(site.open_file("/a/b.html").await.is_ok());
        fs::rename(folder.path().join("a"), folder.path().join("c")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("a")).unwrap();
        assert!(site.open_file("/a/b.html").await.is_err());
    }

    #[tokio::test]
    async fn tags_follow_the_content() {
        let long = vec![b'x'; 100_000];
        let (folder, site) = site(&[("a.txt", b"one"), ("b", &long)]);
        let first = site.open_file("/a.txt").await.unwrap();
        assert_eq!((first.length, first.media_type.as_str()), (3, "text/plain; charset=utf-8"));
        fs::write(folder.path().join("a.txt"), "two").unwrap();
        assert_ne!(site.open_file("/a.txt").await.unwrap().tag, first.tag);
        let file = site.open_file("/b").await.unwrap();
        assert_eq!((file.length, file.media_type.as_str()), (100_000, "application/octet-stream"));
        assert!(matches!(file.content, Content::OnDisk(_)));
        assert_eq!(site.open_file("/b").await.unwrap().tag, file.tag);
        assert!(site.open_file("/none").await.is_err());
    }
}
