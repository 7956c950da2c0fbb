//! The other names of a file, in a site that knows its files.

use std::collections::BTreeSet;

use crate::site::{Site, Spellings};

/// NOLEAK-3: the paths that serve the content of `file` besides its own: its other names (STATIC-4), and what it holds in a
/// content coding, or did so once: `/x.html` and `/x` for `/x.html.br`.
pub fn further_names(site: &impl Site, file: &str) -> Vec<String> {
    let is_plain = |name: &str| uncoded(site, name).is_none();
    if site.same_file(file).is_empty() && is_plain(file) {
        return Vec::new();
    }
    let with_links = |name| std::iter::once(name).chain(site.same_file(name).iter().map(AsRef::as_ref));
    let mut files: Vec<&str> = with_links(file).collect();
    let plain: Vec<&str> = files.iter().filter_map(|name| uncoded(site, name)).collect();
    files.extend(plain.into_iter().flat_map(with_links));
    let mut known = BTreeSet::from([file]);
    files.retain(|name| known.insert(name));
    files.iter().flat_map(|name| Spellings::of(site, name).iter().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The file that `name` by its ending is a content coding of.
fn uncoded<'n>(site: &impl Site, name: &'n str) -> Option<&'n str> {
    let uncoded = [".br", ".gz"].into_iter().find_map(|ending| name.strip_suffix(ending));
    uncoded.filter(|plain| site.has(plain))
}

#[cfg(test)]
mod tests {
    use crate::site::{MemorySite, Site as _, is_same_file};

    #[test]
    fn noleak_3_further_names_by_links() {
        let site = MemorySite::new(["/m/x.html.br", "/m/z.html"])
            .with_links(&["/m/x.html", "/pub/x.html", "/index.html"])
            .with_links(&["/m/x.html.gz", "/y.gz"]);
        assert_eq!(site.other_names("/m/x.html"), ["/pub/x.html", "/pub/x", "/index.html", "/index", ""]);
        assert_eq!(site.other_names("/index.html"), ["/m/x.html", "/m/x", "/pub/x.html", "/pub/x"]);
        let all = ["/m/x.html.gz", "/m/x.html", "/m/x", "/pub/x.html", "/pub/x", "/index.html", "/index", ""];
        assert_eq!(site.other_names("/y.gz"), all);
        assert_eq!(site.other_names("/m/z.html"), [""; 0]);
        assert!(is_same_file(&site, "/pub/x.html", "/index.html") && !is_same_file(&site, "/m/z.html", "/index.html"));
    }
}
