//! What other servers make of a path: a site that another server has (UPSTREAM-2), a target that another server reads
//! as well (FRONT-1) and its query (FRONT-3), and what lies on another server (ROLE-12).

pub(crate) mod parameters;
mod plain;
pub(crate) mod readings;
pub(crate) mod remote;

use std::borrow::Cow;

use crate::path::RequestPath;
use crate::site::Site;

/// A site that another server has. Nobody here knows its files, so every path may name one.
///
/// NOLEAK-3: `/x`, `/x.html`, `/x/index.html` and `/x/index` count as one file, as they are on a server that knows pretty URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere;

impl Site for Elsewhere {
    fn has(&self, _name: &str) -> bool {
        false
    }

    /// The shortest spelling stands for the file.
    fn file<'s>(&'s self, path: &'s RequestPath) -> Option<Cow<'s, str>> {
        Some(Cow::Borrowed(shortest_elsewhere(path.name())))
    }

    fn is_listed(&self) -> bool {
        false
    }

    fn other_names(&self, file: &str) -> Vec<String> {
        names_elsewhere(file)
    }
}

/// UPSTREAM-2: what a server with pretty URLs may append to a path, before it looks for a file, and then once more.
const APPENDED: [&str; 4] = [".html", "/index", "/index.html", "/.html"];

/// UPSTREAM-2: every other path that a server with pretty URLs may take for this one, which is their shortest spelling.
pub(crate) fn names_elsewhere(shortest: &str) -> Vec<String> {
    let once: Vec<String> = APPENDED
        .iter()
        .filter(|end| !shortest.is_empty() || end.starts_with('/'))
        .map(|end| format!("{shortest}{end}"))
        .collect();
    let twice: Vec<String> =
        once.iter().flat_map(|name| APPENDED.iter().map(move |end| format!("{name}{end}"))).collect();
    once.into_iter().chain(twice).collect()
}

/// FRONT-2: the names of all files that a server with pretty URLs may find for the path with this name, each folder before
/// what lies in it.
pub fn names_to_find(name: &str) -> Vec<String> {
    let shortest = shortest_elsewhere(name);
    let mut names: Vec<String> = std::iter::once(shortest.to_owned()).chain(names_elsewhere(shortest)).collect();
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
    names
}

/// The shortest path that a server with pretty URLs may take for this one.
pub(crate) fn shortest_elsewhere(name: &str) -> &str {
    let name = name.strip_suffix(".html").unwrap_or(name);
    name.strip_suffix("/index").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Spellings;

    fn path(text: &str) -> RequestPath {
        crate::Target::parse(text.as_bytes()).unwrap().path
    }

    #[test]
    fn noleak_3_a_site_elsewhere_has_every_spelling() {
        for asked in ["/a/x", "/a/x/", "/a/x.html", "/a/x/index", "/a/x/index.html"] {
            let path = path(asked);
            let file = Elsewhere.file(&path).unwrap_or_default();
            assert_eq!(file, "/a/x", "{asked}");
            let others = Elsewhere.other_names(&file);
            let spellings = Spellings::of(&Elsewhere, &file).and(others);
            let all = spellings.iter().map(str::to_owned).collect::<Vec<_>>();
            assert!(
                all.starts_with(&["/a/x", "/a/x.html", "/a/x/index", "/a/x/index.html"].map(String::from)),
                "{asked}"
            );
            for name in ["/a/x.html.html", "/a/x/index/index.html", "/a/x/index.html/index.html", "/a/x/.html"] {
                assert!(all.iter().any(|other| other == name), "{asked} may be {name}");
            }
        }
        for asked in ["/", "/index", "/index.html"] {
            assert_eq!(Elsewhere.file(&path(asked)).as_deref(), Some(""), "{asked}");
            let others = Elsewhere.other_names("");
            for name in ["/index", "/index.html", "/index/index.html"] {
                assert!(others.iter().any(|other| other == name), "{asked} may be {name}");
            }
        }
    }
}
