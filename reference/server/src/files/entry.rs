//! One file of an opened site: what was read of it when the site was opened, and what is known of it since.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::header::HeaderValue;
use sha2::{Digest, Sha256};

use super::walk::naming;
use crate::disk::open_regular;

/// A change that follows another this closely may leave the same times behind, so a file that was so young when it was
/// read is read again at the next opening.
const CLOCK_TICK: Duration = Duration::from_secs(2);
/// How often a file that changes while it is read is read again before the site counts as unreadable.
const ATTEMPTS: usize = 5;
/// How much of a long file is digested at once.
const CHUNK: usize = 64 * 1024;

/// A file of the site, in one state.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The real path, without links, as it was when the site was opened.
    path: PathBuf,
    stamp: Stamp,
    /// When the stamp was taken.
    seen: SystemTime,
    /// The media type by the file's extension.
    pub(crate) media_type: HeaderValue,
    /// When the file was changed, in whole seconds, and the same as `Last-Modified` says it.
    pub(crate) modified: Option<(SystemTime, HeaderValue)>,
    state: State,
    /// What the file was when it was last read whole and had the content that it has here.
    found_again: Mutex<Option<Stamp>>,
    /// PACE-2: held by whoever reads the file whole, so that many who ask at once have it read once.
    reading: Arc<tokio::sync::Mutex<()>>,
    /// How often it was read whole.
    #[cfg(test)]
    digested: std::sync::atomic::AtomicUsize,
}

#[derive(Debug)]
enum State {
    /// The content is part of the opened site.
    Kept(Bytes, HeaderValue),
    /// The content is read when it is sent; the tag is known once it was asked for.
    OnDisk(OnceLock<HeaderValue>),
}

/// What must stay equal for a file to count as unchanged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    pub(super) length: u64,
    modified: Option<SystemTime>,
    /// When the file was made, where the system tells.
    created: Option<SystemTime>,
    identity: Identity,
}

/// Which file it is, and when anything about it changed, its other times included.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Identity = ();

/// Which file it is, whatever its names.
pub(super) type FileId = (u64, u64);

/// Which file `metadata` is of, where the system tells.
pub(super) fn file_id(metadata: &Metadata) -> Option<FileId> {
    Stamp::of(metadata).file_id()
}

/// Where the bytes of an answer are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stored<'s> {
    /// In memory, with their entity tag: a digest of the content (RFC 9110 §8.8.3), quotes included.
    AtHand(&'s Bytes, &'s HeaderValue),
    /// In a file that is opened when it is sent.
    OnDisk(&'s Arc<Entry>),
}

/// The content of a file that is about to be the answer.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    /// A file that is open, and the entry that it is of.
    OnDisk(File, Arc<Entry>),
}

/// Why the content of a file is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The file has changed since the site was opened.
    #[error("the file has changed since the site was opened")]
    Changed,
    /// What the file system says.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Stamp {
    /// The stamp of a file that is `metadata`.
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let identity = ();
        Stamp { length: metadata.len(), modified: metadata.modified().ok(), created: metadata.created().ok(), identity }
    }

    /// Which file it is of, where the system tells.
    pub(super) fn file_id(&self) -> Option<FileId> {
        #[cfg(unix)]
        let id = Some((self.identity.0, self.identity.1));
        #[cfg(not(unix))]
        let id = None;
        id
    }

    /// Whether an open file still has the content that it had. That it has got another name, or none, is no change.
    pub(super) fn same_content(&self, other: &Stamp) -> bool {
        (self.length, self.modified) == (other.length, other.modified)
    }

    /// RELOAD-3: whether both are of one file, whatever was written to it in between. The number of a file that is gone is given
    /// to another one, which was made later. Some systems do not say when, and one of layers says when it copied the file into
    /// the upper one; there the same file has the same content.
    pub(super) fn is_same_file(&self, other: &Stamp) -> bool {
        let made_together = self.created.is_some() && self.created == other.created;
        self.has_number_of(other) && (made_together || self.same_content(other))
    }

    /// Whether both are of one file with one content, as far as can be told without reading it.
    pub(super) fn is_unchanged(&self, other: &Stamp) -> bool {
        self.same_content(other) && (cfg!(not(unix)) || self.has_number_of(other))
    }

    fn has_number_of(&self, other: &Stamp) -> bool {
        self.file_id().is_some_and(|id| other.file_id() == Some(id))
    }

    /// The latest of the times.
    fn latest(&self) -> Option<SystemTime> {
        #[cfg(unix)]
        let changed = u64::try_from(self.identity.2)
            .ok()
            .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        #[cfg(not(unix))]
        let changed = None;
        self.modified.max(changed)
    }
}

/// The content of an answer, and its entity tag.
pub(crate) type Tagged = (Content, HeaderValue);

/// Content that is in memory; neither it nor the tag is copied.
fn whole(bytes: &Bytes, tag: &HeaderValue) -> Tagged {
    (Content::Whole(bytes.clone()), tag.clone())
}

impl Stored<'_> {
    /// Bytes of the content.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Stored::AtHand(bytes, _) => bytes.len() as u64,
            Stored::OnDisk(entry) => entry.length(),
        }
    }

    /// The content, where nothing has to be waited for.
    pub(crate) fn at_hand(&self) -> Option<Tagged> {
        match self {
            Stored::AtHand(bytes, tag) => Some(whole(bytes, tag)),
            Stored::OnDisk(_) => None,
        }
    }

    /// The content; what is not at hand is opened, and digested when it is first asked for.
    ///
    /// # Errors
    /// [`OpenError`] where a file that is not kept has changed, gone, or cannot be read.
    pub(crate) async fn content(&self) -> Result<Tagged, OpenError> {
        let entry = match self {
            Stored::AtHand(bytes, tag) => return Ok(whole(bytes, tag)),
            Stored::OnDisk(entry) => Arc::clone(entry),
        };
        let for_now = Arc::clone(&entry);
        let opened = tokio::task::spawn_blocking(move || for_now.open_at_once()).await.map_err(io::Error::from)?;
        if let Some(opened) = opened {
            return opened;
        }
        // PACE-2: who waits for a turn holds no thread, and who leaves gives up no turn that is taken.
        let turn = Arc::clone(&entry.reading).lock_owned().await;
        let open = move || {
            let _turn = turn;
            entry.open()
        };
        tokio::task::spawn_blocking(open).await.map_err(io::Error::from)?
    }
}

impl Entry {
    /// Reads the file at `path`, whole if `keep` says so.
    ///
    /// # Errors
    /// Where it cannot be read, or changes again and again while it is read; the path stands in the message.
    pub(super) fn read(path: PathBuf, name: &str, keep: bool) -> io::Result<Entry> {
        for _ in 0..ATTEMPTS {
            let seen = SystemTime::now();
            let mut file = open(&path)?;
            let stamp = Stamp::of(&file.metadata()?);
            let state = if keep {
                let mut bytes = Vec::with_capacity(usize::try_from(stamp.length).unwrap_or_default());
                (&mut file).take(stamp.length.saturating_add(1)).read_to_end(&mut bytes)?;
                // A length of one state and a content of another never come together.
                if bytes.len() as u64 != stamp.length || Stamp::of(&file.metadata()?) != stamp {
                    continue;
                }
                let tag = entity_tag(&Sha256::digest(&bytes));
                State::Kept(bytes.into(), tag)
            } else {
                State::OnDisk(OnceLock::new())
            };
            let modified = stamp.modified.and_then(in_seconds);
            let media_type = media_type(name);
            return Ok(Entry {
                path,
                stamp,
                seen,
                media_type,
                modified,
                state,
                found_again: Mutex::default(),
                reading: Arc::default(),
                #[cfg(test)]
                digested: std::sync::atomic::AtomicUsize::default(),
            });
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, format!("`{}` changes while it is read", path.display())))
    }

    /// Whether the file at `path` with this stamp is what this entry was read from, for certain.
    pub(super) fn is_still(&self, path: &Path, stamp: Stamp) -> bool {
        let settled = |latest: SystemTime| latest.checked_add(CLOCK_TICK).is_some_and(|settled| settled < self.seen);
        self.path == path && self.stamp == stamp && stamp.latest().is_some_and(settled)
    }

    /// What the file was when it was seen.
    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The content, to be read from its start.
    ///
    /// # Errors
    /// Where the file is not kept, and has changed, gone, or cannot be read.
    pub(super) fn reader(&self) -> Result<Box<dyn Read>, OpenError> {
        match &self.state {
            State::Kept(bytes, _) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
            State::OnDisk(_) => Ok(Box::new(self.open_unchanged()?)),
        }
    }

    /// The content, where it is part of the opened site.
    pub(super) fn kept(&self) -> Option<&Bytes> {
        match &self.state {
            State::Kept(bytes, _) => Some(bytes),
            State::OnDisk(_) => None,
        }
    }

    /// The length of the content, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.stamp.length
    }

    /// Where the content is.
    pub(crate) fn stored(self: &Arc<Self>) -> Stored<'_> {
        match &self.state {
            State::Kept(bytes, tag) => Stored::AtHand(bytes, tag),
            State::OnDisk(_) => Stored::OnDisk(self),
        }
    }

    /// The content, to be read from the disk where it is not kept, and its tag, which is computed once.
    fn open(self: &Arc<Self>) -> Result<Tagged, OpenError> {
        let known = match &self.state {
            State::Kept(bytes, tag) => return Ok(whole(bytes, tag)),
            State::OnDisk(known) => known,
        };
        let mut file = self.open_unchanged()?;
        let tag = match known.get() {
            Some(tag) => tag.clone(),
            None => self.digest(&mut file)?,
        };
        self.check(&file)?;
        Ok((Content::OnDisk(file, Arc::clone(self)), known.get_or_init(|| tag).clone()))
    }

    /// The same, where the file need not be read whole first.
    fn open_at_once(self: &Arc<Self>) -> Option<Result<Tagged, OpenError>> {
        let tag = match &self.state {
            State::Kept(bytes, tag) => return Some(Ok(whole(bytes, tag))),
            State::OnDisk(known) => known.get()?,
        };
        let opened = open(&self.path).map_err(OpenError::from);
        match opened.and_then(|file| self.check(&file).map(|()| file)) {
            Ok(file) => Some(Ok((Content::OnDisk(file, Arc::clone(self)), tag.clone()))),
            Err(OpenError::Changed) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn open_unchanged(&self) -> Result<File, OpenError> {
        let mut file = open(&self.path)?;
        if self.check(&file).is_err() {
            self.find_again(&mut file)?;
        }
        Ok(file)
    }

    fn check(&self, file: &File) -> Result<(), OpenError> {
        let now = Stamp::of(&file.metadata()?);
        let found_again = *self.found_again.lock().unwrap_or_else(PoisonError::into_inner);
        if now == self.stamp || found_again == Some(now) { Ok(()) } else { Err(OpenError::Changed) }
    }

    /// FRONT-2: whether the file has the content that was seen. Who writes it anew can set its time as it was, so where more has
    /// changed than tells, it is read; of one that was never read nothing is known then.
    pub(super) fn is_as_seen(&self, now: &Stamp) -> bool {
        let is_known = match &self.state {
            State::Kept(..) => true,
            State::OnDisk(known) => known.get().is_some(),
        };
        let again = || open(&self.path).is_ok_and(|mut file| self.is_found_again(&mut file, now));
        *now == self.stamp || (is_known && self.stamp.is_unchanged(now) && again())
    }

    fn is_found_again(&self, file: &mut File, now: &Stamp) -> bool {
        let is_it = file.metadata().is_ok_and(|metadata| Stamp::of(&metadata) == *now);
        is_it && self.is_still_in(file)
    }

    /// Whether an open file has the content that was seen; its place may be another one afterwards. For blocking threads alone.
    pub(super) fn is_still_in(&self, file: &mut File) -> bool {
        if self.check(file).is_ok() {
            return true;
        }
        // PACE-2: it is read once for all who send it.
        let _turn = self.reading.blocking_lock();
        self.check(file).is_ok() || self.find_again(file).is_ok()
    }

    /// Reads a file of which more has changed than tells: it may have got another owner, mode or link, and still be the same.
    fn find_again(&self, file: &mut File) -> Result<(), OpenError> {
        let now = Stamp::of(&file.metadata()?);
        if !self.stamp.is_unchanged(&now) {
            return Err(OpenError::Changed);
        }
        let tag = self.digest(file)?;
        let known = match &self.state {
            State::Kept(_, known) => known,
            State::OnDisk(known) => known.get_or_init(|| tag.clone()),
        };
        if *known != tag || Stamp::of(&file.metadata()?) != now {
            return Err(OpenError::Changed);
        }
        *self.found_again.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    fn digest(&self, file: &mut File) -> io::Result<HeaderValue> {
        #[cfg(test)]
        self.digested.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        digest(file)
    }

    #[cfg(test)]
    pub(super) fn digested(&self) -> usize {
        self.digested.load(std::sync::atomic::Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn seem_read_later(&mut self) {
        self.seen += 2 * CLOCK_TICK;
    }
}

/// STATIC-2: opens what lies at `path`, unless a link has taken its place, or that of a folder above it.
fn open(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| naming(path, &error);
    if fs::canonicalize(path).map_err(named)? != path || !fs::symlink_metadata(path).map_err(named)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    // RULES-15: what takes its place now is no reason to wait.
    open_regular(path).map(|(file, _)| file).map_err(named)
}

fn digest(file: &mut File) -> io::Result<HeaderValue> {
    file.rewind()?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => digest.update(chunk.get(..n).unwrap_or_default()),
        }
    }
    file.rewind()?;
    Ok(entity_tag(&digest.finalize()))
}

/// 128 bits of the digest are enough to tell the states of one file apart.
pub(super) fn entity_tag(digest: &[u8]) -> HeaderValue {
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or(digest)));
    header_value(tag)
}

/// RFC 9110 §8.8.2.1: a time in whole seconds, and how `Last-Modified` says it.
pub(crate) fn in_seconds(time: SystemTime) -> Option<(SystemTime, HeaderValue)> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some((time, header_value(httpdate::fmt_http_date(time))))
}

/// The media type by the file's extension; text is UTF-8.
fn media_type(name: &str) -> HeaderValue {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    let is_text = guess.type_() == "text";
    header_value(if is_text {
        format!("{}; charset=utf-8", guess.essence_str())
    } else {
        guess.essence_str().to_owned()
    })
}

/// Tags, dates and media types are visible ASCII, so that this never falls back.
fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
