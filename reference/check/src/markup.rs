//! What an HTML page loads so that it looks and works as it should: style sheets and scripts. No more of HTML is read than
//! that takes.

use rolegate::path::RequestPath;

/// What a page loads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// Where its URLs begin, if it says so.
    base: Option<String>,
    /// As the page writes them, in that order, each once.
    pub(crate) urls: Vec<String>,
}

impl Loaded {
    /// The path at which a browser asks for `url` that has the page at the path `page`; none where that is another site.
    pub(crate) fn path(&self, page: &str, url: &str) -> Option<RequestPath> {
        let base = self.base.as_deref().map_or_else(|| Some(page.to_owned()), |base| joined(page, base))?;
        RequestPath::parse(joined(&base, url)?.as_bytes()).ok()
    }
}

/// RFC 3986 §5.2.2: the path of a reference that is read at `base`; none where it names a scheme or a host.
fn joined(base: &str, url: &str) -> Option<String> {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let has_scheme = url.split('/').next().is_some_and(|first| first.contains(':'));
    if has_scheme || url.starts_with("//") {
        return None;
    }
    if url.starts_with('/') {
        return Some(url.to_owned());
    }
    let folder = base.rfind('/').and_then(|slash| base.get(..=slash)).unwrap_or("/");
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in url.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let end = if url.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    Some(format!("/{}{end}", segments.join("/")))
}

/// What the page loads.
pub(crate) fn loaded(page: &str) -> Loaded {
    let mut found = Loaded::default();
    let mut rest = page;
    while let Some((_, tag)) = rest.split_once('<') {
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, behind)| behind);
            continue;
        }
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
        let (attributes, behind) = attributes(tag.get(name.len()..).unwrap_or_default());
        let value = |wanted: &str| {
            attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
        };
        let is_sheet = || {
            let rel = value("rel").unwrap_or_default();
            rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("stylesheet"))
        };
        let url = match name.as_str() {
            "link" if is_sheet() => value("href"),
            "script" => value("src"),
            "base" => {
                found.base = found.base.take().or_else(|| value("href").map(str::to_owned));
                None
            }
            _ => None,
        };
        let url = url.filter(|url| !url.is_empty()).map(|url| url.replace("&amp;", "&"));
        found.urls.extend(url.filter(|url| !found.urls.contains(url)));
        rest = behind;
        // What stands in a script or a style is no markup.
        if matches!(name.as_str(), "script" | "style") {
            let end = format!("</{name}");
            let at = rest.as_bytes().windows(end.len()).position(|window| window.eq_ignore_ascii_case(end.as_bytes()));
            rest = at.and_then(|at| rest.get(at..)).unwrap_or_default();
        }
    }
    found
}

/// The attributes of a tag, and what stands behind it.
fn attributes(mut rest: &str) -> (Vec<(&str, &str)>, &str) {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(behind) = rest.strip_prefix('>') {
            return (found, behind);
        }
        // A name is at least one character, so that each round takes some of the text.
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=');
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let length = rest.get(first..).and_then(|rest| rest.find(is_end)).map_or(rest.len(), |at| first + at);
        let (name, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = behind;
        let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else {
            found.push((name, ""));
            continue;
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, behind) = match quote {
            Some(quote) => value.get(1..).unwrap_or_default().split_once(quote).unwrap_or((value, "")),
            None => {
                let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len());
                value.split_at_checked(end).unwrap_or((value, ""))
            }
        };
        found.push((name, value));
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pages_load() {
        for (page, urls) in [
            (r#"<link rel="stylesheet" href="/a.css"><script src=b.js></script>"#, vec!["/a.css", "b.js"]),
            ("<LINK HREF='a.css?v=1&amp;w=2' REL='preload StyleSheet'/>", vec!["a.css?v=1&w=2"]),
            ("<link rel=icon href=/i.png><img src=/p.png><a href=/q>", vec![]),
            (
                "<!-- <script src=/a.js></script> --><script>'<script src=/b.js>'</script><script\nsrc = '/c.js' defer>",
                vec!["/c.js"],
            ),
            ("<style>a::before { content: '<script src=/a.js>' }</STYLE><script src=/b.js>", vec!["/b.js"]),
            ("<script src=/a.js></script><script src=/a.js></script>", vec!["/a.js"]),
            ("<script src=\"/a.js", vec!["\"/a.js"]),
            ("<link rel=stylesheet href>< = > <é \u{1f600}=>", vec![]),
            ("<", vec![]),
        ] {
            assert_eq!(loaded(page).urls, urls, "{page}");
        }
    }

    #[test]
    fn where_a_browser_asks() {
        for (base, page, url, path) in [
            (None, "/m/login", "style.css", Some("/m/style.css")),
            (None, "/m/login/", "../a/./b.js?v=1#x", Some("/m/a/b.js")),
            (None, "/", "../../x", Some("/x")),
            (None, "/m/x", "/s.css", Some("/s.css")),
            (None, "/m/x", "https://cdn.example/s.css", None),
            (None, "/m/x", "//cdn.example/s.css", None),
            (None, "/m/x", "data:text/css,a", None),
            (Some("/"), "/m/x", "s.css", Some("/s.css")),
            (Some("sub/"), "/m/x", "s.css", Some("/m/sub/s.css")),
            (Some("https://cdn.example/"), "/m/x", "s.css", None),
        ] {
            let loaded = Loaded { base: base.map(str::to_owned), urls: Vec::new() };
            let found = loaded.path(page, url).map(|path| path.encoded());
            assert_eq!(found.as_deref(), path, "{base:?} {page} {url}");
        }
    }
}
