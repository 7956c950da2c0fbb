//! Which file of a site a path names.
//!
//! STATIC-1: `/about` is served from `about`, `about.html` or `about/index.html`, with and without a trailing slash.
//! Names are compared byte for byte with a list made beforehand, so neither a file system that folds case nor a
//! link made later can open anything else.

use std::collections::BTreeSet;

use crate::path::RequestPath;

/// A site: a set of files, each with a name relative to the site, such as `/about/index.html`.
pub trait Site {
    /// The name of the file that a request for `path` is served from, pretty URLs included (STATIC-1).
    fn file(&self, path: &RequestPath) -> Option<String>;

    /// The name of the page that is shown where nothing is found, if the site has one.
    fn not_found_page(&self) -> Option<String>;
}

/// The page for what is not found (STATUS-6).
pub const NOT_FOUND_PAGE: &str = "/404.html";

/// A site that is nothing but a list of names; for tests, properties and explanations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemorySite {
    names: BTreeSet<String>,
}

impl MemorySite {
    /// A site of the files with these names, less those that are never served (STATIC-2).
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> MemorySite {
        MemorySite { names: names.into_iter().map(Into::into).filter(|name| is_served(name)).collect() }
    }
}

impl Site for MemorySite {
    fn file(&self, path: &RequestPath) -> Option<String> {
        look_up(path, |name| self.names.contains(name))
    }

    fn not_found_page(&self) -> Option<String> {
        self.names.get(NOT_FOUND_PAGE).cloned()
    }
}

/// The name of the file that `path` is served from, in a site whose names `exists` knows.
///
/// STATIC-1: the exact name, then `.html`, then `/index.html`. A trailing slash makes no difference, as it makes
/// none for rules (MATCH-2).
pub fn look_up(path: &RequestPath, exists: impl Fn(&str) -> bool) -> Option<String> {
    let name = path.name();
    let forms = if name.is_empty() {
        vec!["/index.html".to_owned()]
    } else {
        vec![name.clone(), format!("{name}.html"), format!("{name}/index.html")]
    };
    forms.into_iter().find(|form| exists(form))
}

/// NOLEAK-3: every path under which `site` serves `file`.
pub fn spellings(site: &impl Site, file: &str) -> Vec<RequestPath> {
    [Some(file), file.strip_suffix(".html"), file.strip_suffix("/index.html")]
        .into_iter()
        .flatten()
        .map(RequestPath::of_name)
        .filter(|path| site.file(path).as_deref() == Some(file))
        .collect()
}

/// STATIC-2: the rule and settings files at the root and every dot file are never served.
pub fn is_served(name: &str) -> bool {
    !matches!(name, "/_headers" | "/_redirects" | "/netlify.toml")
        && !name.split('/').any(|segment| segment.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let site = MemorySite::new(["/index.html", "/a", "/a.html", "/c/index.html"]);
        let all = |file| spellings(&site, file).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(all("/index.html"), ["/index.html", "/index", "/"]);
        assert_eq!(all("/a.html"), ["/a.html"], "`/a` serves another file");
        assert_eq!(all("/c/index.html"), ["/c/index.html", "/c/index", "/c"]);
    }
}
