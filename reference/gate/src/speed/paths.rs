//! Which file each path is served from, as a table.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::hash::Quick;
use crate::meaning::site::ENDINGS;
use crate::path::RequestPath;

/// Which file each path is served from, worked out once for a whole site. It agrees with [`look_up`](crate::site::look_up) on every path.
#[derive(Clone, Debug, Default)]
pub struct Paths(HashSet<Served, Quick>);

/// A path and its file; known by the path.
#[derive(Clone, Debug)]
struct Served {
    file: Arc<str>,
    /// A path is how its file's name begins, and this is its length.
    length: usize,
}

impl Paths {
    /// The paths of files with these names.
    pub fn of<'n>(names: impl Iterator<Item = &'n Arc<str>> + Clone) -> Paths {
        let mut paths = Paths::default();
        for ending in ENDINGS {
            for (path, file) in names.clone().filter_map(|file| Some((file.strip_suffix(ending)?, file))) {
                // A path that is served already keeps its file.
                paths.0.insert(Served { file: Arc::clone(file), length: path.len() });
            }
        }
        paths
    }

    /// The name of the file that `path` is served from.
    pub fn file(&self, path: &RequestPath) -> Option<&str> {
        self.0.get(path.name()).map(|served| served.file.as_ref())
    }
}

impl Served {
    fn path(&self) -> &str {
        self.file.get(..self.length).unwrap_or_default()
    }
}

impl Borrow<str> for Served {
    fn borrow(&self) -> &str {
        self.path()
    }
}

impl Hash for Served {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path().hash(state);
    }
}

impl PartialEq for Served {
    fn eq(&self, other: &Served) -> bool {
        self.path() == other.path()
    }
}

impl Eq for Served {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{MemorySite, Site as _};

    fn path(text: &str) -> RequestPath {
        crate::Target::parse(text.as_bytes()).unwrap().path
    }

    #[test]
    fn static_1_worked_out_once() {
        let ends = ["", ".html", "/index.html", "/index", "/index.html/index.html", ".html.html", "/a", "/a.html"];
        let all: Vec<Arc<str>> = ["/a", "/index", "/é"]
            .iter()
            .flat_map(|start| ends.iter().map(move |end| format!("{start}{end}").into()))
            .chain(["/index.html".into()])
            .collect();
        // Sites of all of these files, of every second, third, fifth or seventh, and of all but those.
        for (step, first) in [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (5, 0), (5, 3), (7, 2)] {
            let (some, others) = all.iter().enumerate().partition::<Vec<_>, _>(|(at, _)| at % step == first);
            for names in [some, others] {
                let names = || names.iter().map(|(_, name)| *name);
                let (paths, site) = (Paths::of(names()), MemorySite::new(names().map(|name| name.as_ref())));
                for asked in all.iter().map(|name| name.as_ref()).chain(["/", "/index.html/", "/A", "/.html", "/a/b"]) {
                    let asked = path(asked);
                    assert_eq!(
                        paths.file(&asked),
                        site.file(&asked).as_deref(),
                        "{asked} of {:?}",
                        names().collect::<Vec<_>>()
                    );
                }
            }
        }
    }
}
