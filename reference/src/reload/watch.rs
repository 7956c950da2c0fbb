//! Finds out that something has changed on disk.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use notify::event::EventKind;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::Occasion;
use crate::config::Config;
use crate::site;

/// Sends [`Occasion::Changed`] for every change that can make a difference, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
}

/// What makes a difference.
#[derive(Clone, Debug)]
struct Watched {
    /// The site's folder, with and without links resolved; everything in it counts but what is never served.
    sites: [PathBuf; 2],
    /// Single files, and the site's folder as one entry of the folder above.
    entries: Vec<PathBuf>,
}

impl Watch {
    /// Watches what `config` names, and these files.
    ///
    /// # Errors
    /// Where the system does not tell, such as for want of watches.
    pub fn start(config: &Config, files: &[PathBuf], occasions: Sender<Occasion>) -> notify::Result<Watch> {
        let watched = Watched::of(config, files);
        let folders: Vec<PathBuf> =
            watched.entries.iter().filter_map(|entry| Some(entry.parent()?.to_owned())).collect();
        let site = watched.sites.last().cloned().unwrap_or_default();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let counts = match &event {
                Ok(event) => watched.counts(event),
                Err(error) => {
                    // Better to load once too often than to miss a change.
                    tracing::warn!(%error, "changes on disk may have been missed");
                    true
                }
            };
            if counts {
                // Nobody listens any more once the server stops.
                let _stopping = occasions.send(Occasion::Changed);
            }
        })?;
        watcher.watch(&site, RecursiveMode::Recursive)?;
        for folder in folders {
            // A file is replaced by renaming another one to its name, which is a change of its folder.
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Watch { _watcher: watcher })
    }
}

impl Watched {
    fn of(config: &Config, files: &[PathBuf]) -> Watched {
        let site = std::path::absolute(&config.site).unwrap_or_else(|_| config.site.clone());
        let real = std::fs::canonicalize(&site).unwrap_or_else(|_| site.clone());
        let entries = std::iter::once(site.clone())
            .chain(config.files().into_iter().chain(files.iter().cloned()))
            .map(|file| std::path::absolute(&file).unwrap_or(file));
        Watched { entries: entries.collect(), sites: [site, real] }
    }

    fn counts(&self, event: &Event) -> bool {
        // A load opens and reads, and must not be the reason for the next one.
        if matches!(event.kind, EventKind::Access(_)) {
            return false;
        }
        event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(|path| self.is_about(path))
    }

    fn is_about(&self, path: &Path) -> bool {
        self.entries.iter().any(|entry| entry == path || are_swapped_together(entry, path))
            || self.sites.iter().any(|site| path.strip_prefix(site).is_ok_and(is_part_of_a_site))
    }
}

/// Kubernetes mounts a secret as links through `..data`, and replaces only that one.
fn are_swapped_together(entry: &Path, path: &Path) -> bool {
    entry.parent() == path.parent() && path.file_name() == Some(OsStr::new("..data"))
}

/// Dot files are never served (STATIC-2); the rule files are not either, and matter most.
fn is_part_of_a_site(below: &Path) -> bool {
    let name: String = below.iter().map(|part| format!("/{}", part.to_string_lossy())).collect();
    matches!(name.as_str(), "/_headers" | "/_redirects" | "/netlify.toml") || site::is_served(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind};

    #[test]
    fn what_counts() {
        let watched =
            Watched { sites: ["/w/site".into(), "/real/7".into()], entries: vec!["/w/site".into(), "/s/key".into()] };
        for (path, counts) in [
            ("/w/site", true),
            ("/w/other", false),
            ("/w/..data", true),
            ("/w/site/_redirects", true),
            ("/real/7/_headers", true),
            ("/real/7/a/b.html", true),
            ("/real/7/.git/index", false),
            ("/real/7/a/.b.swp", false),
            ("/s/key", true),
            ("/s/other", false),
            ("/s/..data", true),
        ] {
            let event = |kind| Event::new(kind).add_path(path.into());
            assert_eq!(watched.counts(&event(EventKind::Create(CreateKind::Any))), counts, "{path}");
            assert!(!watched.counts(&event(EventKind::Access(AccessKind::Any))), "{path}");
        }
    }
}
