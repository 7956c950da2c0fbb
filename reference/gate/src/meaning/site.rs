//! Which file of a site a path names.
//!
//! STATIC-1: `/about` is served from `about`, `about.html` or `about/index.html`, with and without a trailing slash.
//! Names are compared byte for byte with a list made beforehand, so neither a file system that folds case nor a
//! link made later can open anything else.

use std::borrow::Cow;
use std::sync::Arc;

use crate::authority::Origin;
use crate::path::RequestPath;

/// A site: a set of files, each with a name relative to the site, such as `/about/index.html`.
pub trait Site {
    /// Whether the site serves a file with exactly this name.
    fn has(&self, name: &str) -> bool;

    /// The name of the file that a request for `path` is served from, pretty URLs included (STATIC-1).
    fn file<'s>(&'s self, path: &'s RequestPath) -> Option<Cow<'s, str>> {
        look_up(path, |name| self.has(name)).map(Cow::Owned)
    }

    /// The name of the page that is shown where nothing is found, if the site has one.
    fn not_found_page(&self) -> Option<String> {
        self.has(NOT_FOUND_PAGE).then(|| NOT_FOUND_PAGE.to_owned())
    }

    /// Whether the site knows which files it has. One that does not takes every path for a file, and no file wins over
    /// a rule (SHADOW-1).
    fn is_listed(&self) -> bool {
        true
    }

    /// FRONT-1: whether another server goes by the request target too, so that it has to be plain.
    fn is_read_elsewhere(&self) -> bool {
        !self.is_listed()
    }

    /// The server that has the site, where that is another one and the gate knows which.
    fn server(&self) -> Option<&Origin> {
        None
    }

    /// The names of the files, each once, in byte order; none where the site does not know them.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(std::iter::empty())
    }

    /// NOLEAK-3: further names under which the content of `file` may be served.
    fn other_names(&self, _file: &str) -> Vec<String> {
        Vec::new()
    }

    /// STATIC-4: all names of the very file that has this one, where links give it several; none where it has one alone.
    fn same_file(&self, _name: &str) -> &[Arc<str>] {
        &[]
    }
}

/// The page for what is not found (STATUS-6).
pub const NOT_FOUND_PAGE: &str = "/404.html";

/// STATIC-1: what the name of a file may have after the path that it is served from, in the order in which they win.
pub(crate) const ENDINGS: [&str; 3] = ["", ".html", "/index.html"];

/// The name of the file that `path` is served from, in a site whose names `exists` knows.
///
/// STATIC-1: the exact name, then `.html`, then `/index.html`. A trailing slash makes no difference, as it makes
/// none for rules (MATCH-2).
pub fn look_up(path: &RequestPath, exists: impl Fn(&str) -> bool) -> Option<String> {
    let name = path.name();
    let mut form = String::with_capacity(name.len() + "/index.html".len());
    // The root has no name that a file could have with nothing more, or with less than a segment.
    let mut endings = ENDINGS.into_iter().filter(|ending| !name.is_empty() || ending.starts_with('/'));
    endings.find_map(|ending| {
        form.clear();
        form.push_str(name);
        form.push_str(ending);
        exists(&form).then(|| std::mem::take(&mut form))
    })
}

/// Whether two names are of one file.
pub(crate) fn is_same_file(site: &impl Site, one: &str, other: &str) -> bool {
    one == other || site.same_file(one).iter().any(|name| **name == *other)
}

/// NOLEAK-3: every path under which a file is served, by its name.
#[derive(Clone, Debug, Default)]
pub struct Spellings<'f> {
    /// The file's own name, if there is a file.
    file: Option<&'f str>,
    /// The same without `.html`, where that serves the file.
    page: Option<&'f str>,
    /// The folder of the file, an `index.html`, where that serves it.
    folder: Option<&'f str>,
    /// Other names: of a site that does not know its files, and of what a file is a content coding of.
    others: Vec<String>,
}

impl<'f> Spellings<'f> {
    /// The paths under which `site` serves `file`.
    pub fn of(site: &impl Site, file: &'f str) -> Spellings<'f> {
        // STATIC-1: a shorter path serves the file only where none of the forms before it exists.
        let page = file.strip_suffix(".html").filter(|page| !page.ends_with('/') && !site.has(page));
        let folder = file
            .strip_suffix("/index.html")
            .filter(|folder| folder.is_empty() || (!site.has(folder) && !site.has(&[folder, ".html"].concat())));
        Spellings { file: Some(file), page, folder, others: Vec::new() }
    }

    /// These, and `names` as well.
    #[must_use]
    pub fn and(self, names: Vec<String>) -> Spellings<'f> {
        Spellings { others: names, ..self }
    }

    /// The name of each path.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let own = [self.file, self.page, self.folder].into_iter().flatten();
        own.chain(self.others.iter().map(String::as_str))
    }
}

/// STATIC-2: the rule and settings files at the root and every dot file are never served.
pub fn is_served(name: &str) -> bool {
    !matches!(name, "/_headers" | "/_redirects" | "/netlify.toml")
        && !name.split('/').any(|segment| segment.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::MemorySite;

    fn path(text: &str) -> RequestPath {
        crate::Target::parse(text.as_bytes()).unwrap().path
    }

    #[test]
    fn static_1_and_2() {
        let site = MemorySite::new([
            "/index.html",
            "/a",
            "/a.html",
            "/b.html",
            "/b/index.html",
            "/c/index.html",
            "/.env",
            "/d/.git/x",
            "/_redirects",
            "/d/_redirects",
        ]);
        for (asked, served) in [
            ("/", Some("/index.html")),
            ("/index", Some("/index.html")),
            ("/a", Some("/a")),
            ("/a/", Some("/a")),
            ("/a.html", Some("/a.html")),
            ("/b", Some("/b.html")),
            ("/b/", Some("/b.html")),
            ("/b/index", Some("/b/index.html")),
            ("/c", Some("/c/index.html")),
            ("/c/index.html/", Some("/c/index.html")),
            ("/C", None),
            ("/.env", None),
            ("/d/.git/x", None),
            ("/_redirects", None),
            ("/d/_redirects", Some("/d/_redirects")),
            ("/nothing", None),
        ] {
            assert_eq!(site.file(&path(asked)).as_deref(), served, "{asked}");
        }
    }

    #[test]
    fn noleak_3_spellings_are_those_that_serve_the_file() {
        let site = MemorySite::new(["/index.html", "/a", "/a.html", "/c/index.html", "/c/index.html.br", "/d.gz"]);
        let all = |file| Spellings::of(&site, file).iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(all("/index.html"), ["/index.html", "/index", ""]);
        assert_eq!(all("/a.html"), ["/a.html"], "`/a` serves another file");
        assert_eq!(all("/c/index.html"), ["/c/index.html", "/c/index", "/c"]);
        assert_eq!(all("/c/index.html.br"), ["/c/index.html.br"]);
        assert_eq!(site.other_names("/c/index.html.br"), ["/c/index.html", "/c/index", "/c"]);
        assert_eq!(site.other_names("/d.gz"), [""; 0], "there is no `/d`");
    }
}
