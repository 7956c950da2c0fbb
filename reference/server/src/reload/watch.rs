//! Finds out that something has changed on disk.
//!
//! What is named may be reached through links, and a deployment often changes nothing but a link. So every link on the
//! way is watched too, and after each change the watches follow to where the links lead then.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use rolegate::site;

use super::Occasion;
use crate::config::Config;

const RULE_FILES: [&str; 3] = ["_redirects", "_headers", "netlify.toml"];

/// As many links are followed on the way to one file; the system itself follows no more.
const MOST_LINKS: usize = 40;

/// Sends [`Occasion::Changed`] for every change that can make a difference, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    told: Sender<Told>,
}

#[derive(Debug)]
enum Told {
    Event(notify::Result<Event>),
    Stop,
}

impl Watch {
    /// Watches what `config` names, and these files.
    ///
    /// # Errors
    /// Where the system does not tell, such as for want of watches.
    pub fn start(config: &Config, files: &[PathBuf], occasions: Sender<Occasion>) -> notify::Result<Watch> {
        let (told, events) = mpsc::channel();
        let sender = told.clone();
        let watcher = notify::recommended_watcher(move |event| {
            // Nobody listens any more once the watch is dropped.
            let _stopped = sender.send(Told::Event(event));
        })?;
        let mut follower = Follower {
            config: config.clone(),
            named: config.files().into_iter().chain(files.iter().cloned()).collect(),
            site: absolute(&config.site),
            files: Vec::new(),
            watcher,
            watched: Watched::default(),
            writing: BTreeSet::new(),
        };
        follower.find_places();
        follower.follow(false)?;
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || follower.run(&events, &occasions))
            .map_err(notify::Error::io)?;
        Ok(Watch { told })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The thread has ended by itself where nobody wanted to hear more.
        let _ended = self.told.send(Told::Stop);
    }
}

/// Keeps the watches where the links lead.
struct Follower {
    config: Config,
    /// What the operator names beside the site.
    named: Vec<PathBuf>,
    /// The folder that is published.
    site: PathBuf,
    /// What the operator names, and the files of the project outside that folder that count.
    files: Vec<PathBuf>,
    watcher: RecommendedWatcher,
    watched: Watched,
    /// Files that were written to and have not been closed, by their last names: the system may tell of one file by two paths.
    writing: BTreeSet<OsString>,
}

impl Follower {
    fn run(mut self, events: &Receiver<Told>, occasions: &Sender<Occasion>) {
        while let Ok(Told::Event(event)) = events.recv() {
            let (change, is_of_rules) = match &event {
                Ok(event) => {
                    self.note_writing(event);
                    (self.watched.change(event), event.paths.iter().any(|path| self.watched.must_be_whole(path)))
                }
                Err(error) => {
                    // Better to load once too often than to miss a change.
                    tracing::warn!(%error, "changes on disk may have been missed");
                    (Change::Place, true)
                }
            };
            if change == Change::None {
                continue;
            }
            // RELOAD-3: half a file says nothing about where the site is.
            if self.writing.is_empty() && (is_of_rules || change == Change::Place) {
                self.find_places();
            }
            // First, so that what changes at the new place from now on is seen, and what has changed is loaded.
            if let Err(error) = self.follow(change == Change::Place) {
                tracing::warn!(%error, "not all of the new version is watched; send SIGHUP after a change");
            }
            let occasion = if self.writing.is_empty() { Occasion::Changed } else { Occasion::Writing };
            if occasions.send(occasion).is_err() {
                return;
            }
        }
    }

    /// LAYOUT-1: what is published, and from which files, may have changed too. While a build has taken the folder away, the
    /// place where it was is watched.
    fn find_places(&mut self) {
        let files = match self.config.places() {
            Some((published, files)) => {
                self.site = absolute(&published);
                files
            }
            None => std::mem::take(&mut self.files),
        };
        self.files = self.named.iter().cloned().chain(files).collect::<BTreeSet<_>>().into_iter().collect();
    }

    /// RELOAD-3: a file is whole when whoever writes it has closed it, where the system tells of that.
    fn note_writing(&mut self, event: &Event) {
        let tells = cfg!(any(target_os = "linux", target_os = "android"));
        let names =
            event.paths.iter().filter(|path| self.watched.must_be_whole(path)).filter_map(|path| path.file_name());
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) if tells => self.writing.extend(names.map(OsString::from)),
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Create(_)
            | EventKind::Remove(_)
            | EventKind::Modify(ModifyKind::Name(_)) => {
                for name in names {
                    self.writing.remove(name);
                }
            }
            _ => {}
        }
    }

    /// Watches what is to be watched now, and nothing else; `replaced` says that another folder may have the old name.
    fn follow(&mut self, replaced: bool) -> notify::Result<()> {
        let next = Watched::of(&self.site, &self.files);
        let before = std::mem::replace(&mut self.watched, next);
        let (old, new) = (before.folders(), self.watched.folders());
        for folder in old.difference(&new) {
            // It may be gone, and its watch with it.
            let _gone = self.watcher.unwatch(folder);
        }
        let is_moved = replaced || before.real != self.watched.real;
        if is_moved {
            // Between two watches the word that a file was closed can be lost.
            self.writing.clear();
            let _gone = self.watcher.unwatch(&before.real);
        }
        // A file is replaced by renaming another one to its name, which is a change of its folder. One that lies above the other
        // has lost its watch with that.
        for folder in
            new.iter().filter(|folder| !old.contains(*folder) || (is_moved && folder.starts_with(&before.real)))
        {
            self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        if is_moved {
            self.watcher.watch(&self.watched.real, RecursiveMode::Recursive)?;
        }
        Ok(())
    }
}

/// What has changed, if it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    None,
    /// What lies in the site's folder.
    Content,
    /// Where a file or the site's folder is, or what it is.
    Place,
}

/// What makes a difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Watched {
    /// The site's folder; everything in it counts but what is never served.
    site: PathBuf,
    /// The same with links resolved.
    real: PathBuf,
    /// Single files and the site's folder, each as an entry of the folder above, with the links on the way to them.
    entries: BTreeSet<PathBuf>,
}

impl Watched {
    fn of(site: &Path, files: &[PathBuf]) -> Watched {
        let mut entries = BTreeSet::new();
        // The rule files are entries of the site's folder; what they lead to, if they are links, may be anything in it.
        for path in RULE_FILES.map(|name| site.join(name)).into_iter().filter(|path| path.is_symlink()) {
            let mut left = MOST_LINKS;
            places_on_the_way(&path, &mut entries, &mut left);
        }
        for path in files.iter().map(|file| absolute(file)).chain([site.to_owned()]) {
            let mut left = MOST_LINKS;
            places_on_the_way(&path, &mut entries, &mut left);
            entries.insert(path);
        }
        let real = std::fs::canonicalize(site).unwrap_or_else(|_| site.to_owned());
        Watched { site: site.to_owned(), real, entries }
    }

    /// The folders that are watched for one of their entries.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let above = self.entries.iter().filter_map(|entry| entry.parent());
        above.filter(|folder| *folder != self.real).map(Path::to_owned).collect()
    }

    fn change(&self, event: &Event) -> Change {
        let is_access = matches!(event.kind, EventKind::Access(_));
        if event.need_rescan() || (event.paths.is_empty() && !is_access) {
            return Change::Place;
        }
        let most = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Modify(ModifyKind::Data(_)) => {
                Change::Content
            }
            // A load opens and reads, and must not be the reason for the next one.
            EventKind::Access(_) => return Change::None,
            _ => Change::Place,
        };
        event.paths.iter().map(|path| self.change_of(path)).max().unwrap_or(Change::None).min(most)
    }

    /// Whether a file is one that is read whole before anything is decided: rules, keys and the like.
    fn must_be_whole(&self, path: &Path) -> bool {
        let is_rule_file = |site: &PathBuf| {
            path.strip_prefix(site).is_ok_and(|below| RULE_FILES.iter().any(|name| below == Path::new(name)))
        };
        is_rule_file(&self.site) || is_rule_file(&self.real) || (self.entries.contains(path) && *path != self.site)
    }

    fn change_of(&self, path: &Path) -> Change {
        let is_of_site = |site: &PathBuf| path.strip_prefix(site).is_ok_and(is_part_of_a_site);
        if self.entries.contains(path) || path == self.real {
            Change::Place
        } else if is_of_site(&self.site) || is_of_site(&self.real) {
            Change::Content
        } else {
            Change::None
        }
    }
}

/// Adds every link that is followed on the way to `path`, which is absolute, and where the way ends.
fn places_on_the_way(path: &Path, places: &mut BTreeSet<PathBuf>, left: &mut usize) {
    let mut reached = PathBuf::new();
    let mut parts = path.components();
    while let Some(part) = parts.next() {
        reached.push(part);
        let Ok(target) = std::fs::read_link(&reached) else { continue };
        let Some(fewer) = left.checked_sub(1) else { return };
        *left = fewer;
        places.insert(reached.clone());
        reached.pop();
        return places_on_the_way(&reached.join(target).join(parts.as_path()), places, left);
    }
    places.insert(reached);
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Dot files are never served (STATIC-2); the rule files are not either, and matter most.
fn is_part_of_a_site(below: &Path) -> bool {
    let name: String = below.iter().map(|part| format!("/{}", part.to_string_lossy())).collect();
    matches!(name.as_str(), "/_headers" | "/_redirects" | "/netlify.toml") || site::is_served(&name)
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind};

    use super::*;

    #[test]
    fn what_counts() {
        let entries = ["/w/site", "/s/key", "/s/..data"].map(PathBuf::from).into();
        let watched = Watched { site: "/w/site".into(), real: "/real/7".into(), entries };
        for (path, change) in [
            ("/w/site", Change::Place),
            ("/w/other", Change::None),
            ("/w/..data", Change::None),
            ("/w/site/_redirects", Change::Content),
            ("/real/7", Change::Place),
            ("/real/7/_headers", Change::Content),
            ("/real/7/a/b.html", Change::Content),
            ("/real/7/.git/index", Change::None),
            ("/real/7/a/.b.swp", Change::None),
            ("/s/key", Change::Place),
            ("/s/other", Change::None),
            ("/s/..data", Change::Place),
        ] {
            let event = |kind| Event::new(kind).add_path(path.into());
            assert_eq!(watched.change(&event(EventKind::Create(CreateKind::Any))), change, "{path}");
            assert_eq!(watched.change(&event(EventKind::Access(AccessKind::Any))), Change::None, "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn every_link_on_the_way_counts() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| std::fs::canonicalize(folder.path()).unwrap().join(name);
        std::fs::create_dir_all(at("releases/7/public")).unwrap();
        symlink("7", at("releases/latest")).unwrap();
        symlink("releases/latest", at("current")).unwrap();
        symlink("circle", at("circle")).unwrap();
        let watched = Watched::of(&at("current/public"), &[at("circle/key")]);
        let entries =
            ["circle", "circle/key", "current", "current/public", "releases/7/public", "releases/latest"].map(at);
        assert_eq!(watched.entries, entries.into());
        assert_eq!(watched.real, at("releases/7/public"));
    }
}
