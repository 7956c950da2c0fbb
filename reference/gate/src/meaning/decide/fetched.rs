//! What an answer shows the content of: what is denied stays denied wherever it lies (ROLE-12), so what is compared is what
//! would be fetched, and not how a rule spells it.

use crate::elsewhere::remote::Remote;
use crate::meaning::rules::Substituted;
use crate::path::RequestPath;
use crate::site::{Site, is_same_file};

/// What an answer shows the content of.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The file of the site with this name.
    File(String),
    /// What another server has.
    Remote(Remote),
}

impl Fetched {
    /// What a rule that leads to `target` shows; `None` where there is no such file.
    pub(super) fn by(target: &Substituted, site: &impl Site) -> Option<Fetched> {
        match target.origin() {
            Some(origin) => Some(Fetched::Remote(Remote::of(Some(&origin), &target.path))),
            None if !site.is_listed() => Some(Fetched::Remote(Remote::of(site.server(), &target.path))),
            None => {
                let path = RequestPath::parse(target.path.as_bytes()).ok()?;
                site.file(&path).map(|file| Fetched::File(file.into_owned()))
            }
        }
    }

    /// What lies at a path of the site, where it is served from `file`.
    pub(super) fn own(path: &RequestPath, file: Option<&str>, site: &impl Site) -> Option<Fetched> {
        if site.is_listed() {
            return file.map(|file| Fetched::File(file.to_owned()));
        }
        Some(Fetched::Remote(Remote::of(site.server(), &path.encoded())))
    }

    /// Whether both are the same thing. STATIC-4: a link is one more name of its file.
    pub(super) fn is(&self, other: &Fetched, site: &impl Site) -> bool {
        match (self, other) {
            (Fetched::File(own), Fetched::File(other)) => is_same_file(site, own, other),
            (Fetched::Remote(own), Fetched::Remote(other)) => own.is(other),
            (Fetched::File(_), Fetched::Remote(_)) | (Fetched::Remote(_), Fetched::File(_)) => false,
        }
    }

    /// Whether it lies on another server, at a path that ends in `path`; in the front page ends no other.
    pub(super) fn ends_in(&self, path: &RequestPath) -> bool {
        matches!(self, Fetched::Remote(remote) if remote.ends_in(path))
    }
}
