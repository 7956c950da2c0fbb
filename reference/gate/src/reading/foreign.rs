//! How other programs write patterns, and what these capture. None of it means anything in a rule file, where people write it all
//! the same.

/// A segment of `from` that means more elsewhere: where it begins, and what it is here.
pub(super) fn in_from(path: &str) -> Option<(usize, String)> {
    let mut start = 0;
    path.split('/').find_map(|segment| {
        let at = start;
        start += segment.len() + 1;
        if is_expression(segment) || is_enclosed(segment) {
            return Some((at, format!("`{segment}` is literal text: that segment matches, and no other")));
        }
        let is_repeated = segment.starts_with(':') && segment.len() > 2 && segment.ends_with(['*', '+']);
        let message = || format!("`{segment}` stands for one segment, and its name has the last character in it");
        is_repeated.then(|| (at, message()))
    })
}

/// A part of a destination that stands for something elsewhere.
pub(super) fn in_to(text: &str) -> Option<&str> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    path.split('/').find_map(|segment| {
        let dollar = segment.match_indices('$').map(|(at, _)| at).find(|at| {
            segment.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '{'))
        });
        let reference = dollar.and_then(|at| {
            let rest = segment.get(at..)?;
            let end = rest.find('}').map(|end| end + 1).filter(|_| rest.starts_with("${"));
            let digits = || rest.char_indices().skip(1).find(|(_, c)| !c.is_ascii_digit()).map(|(end, _)| end);
            rest.get(..end.or_else(digits).unwrap_or(rest.len()))
        });
        reference.or_else(|| is_enclosed(segment).then_some(segment))
    })
}

/// `([^.]+)$` or `(.*)`.
fn is_expression(segment: &str) -> bool {
    segment.contains('(') && segment.contains(')') && segment.contains(['*', '+', '|', '[', '?'])
}

/// `{id}`, `[...slug]` or `<int:id>`.
fn is_enclosed(segment: &str) -> bool {
    let name = [('{', '}'), ('[', ']'), ('<', '>')]
        .into_iter()
        .find_map(|(open, close)| segment.strip_prefix(open)?.strip_suffix(close));
    name.is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '*'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_elsewhere() {
        for (from, is_foreign) in [
            ("/blog/(.*)", true),
            ("/checklists/([^.]+)$", true),
            ("/old/{id}", true),
            ("/old/[slug]/x", true),
            ("/old/[...slug]", true),
            ("/old/<int:id>", true),
            ("/blog/:path*", true),
            ("/blog/:slug/*", false),
            ("/wiki/Foo_(bar)", false),
            ("/a*", false),
            ("/{}", false),
            ("/[a b]", false),
        ] {
            assert_eq!(in_from(from).is_some(), is_foreign, "{from}");
        }
        for (to, piece) in [
            ("/news/$1", Some("$1")),
            ("/news/$12.html", Some("$12")),
            ("https://a.example/${splat}/x", Some("${splat}")),
            ("/x-$1-y/z", Some("$1")),
            ("/new/{id}", Some("{id}")),
            ("/new/[slug]", Some("[slug]")),
            ("/price/$", None),
            ("/price/$usd", None),
            ("/new/:id", None),
            ("/search?filter=[a]&b=$1", None),
            ("/a{b}c", None),
        ] {
            assert_eq!(in_to(to), piece, "{to}");
        }
    }
}
