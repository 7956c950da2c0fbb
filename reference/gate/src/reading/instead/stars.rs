//! Stars that are no splat, and what other programs write for them: what to write instead.

use super::Instead;
use crate::words;

/// What to write instead of a `from` that ends in letters and a star.
pub(in crate::reading) fn of_prefix_star(path: &str) -> String {
    let before = path.trim_end_matches('/').trim_end_matches('*');
    let (folder, name) = before.rsplit_once('/').unwrap_or_default();
    match (folder, name.ends_with(char::is_alphanumeric)) {
        _ if before.contains('*') => words::help::FROM_PREFIX_STAR.to_owned(),
        (_, true) => format!("write `{before}/*` for what lies below `{before}`, or list the paths"),
        ("", false) => words::help::FROM_PREFIX_STAR.to_owned(),
        (folder, false) => format!("write `{folder}/*` for all that lies below `{folder}`, or list the paths"),
    }
}

/// What to write instead of a `from` with a star among letters.
pub(in crate::reading) fn of_literal_star(path: &str) -> String {
    let before = path.split('*').next().unwrap_or_default();
    let ending =
        path.strip_prefix("/*.").filter(|ending| !ending.is_empty() && ending.chars().all(char::is_alphanumeric));
    if let Some(ending) = ending {
        return format!(
            "no rule is for what ends in `.{ending}`: a star stands at the end of a path, as a segment of its own, so write a rule for each \
             folder, such as `/folder/*`, or for each page; write `%2A` if a star is meant"
        );
    }
    match before.rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => {
            format!("write `{folder}/*` for all that lies below `{folder}`, or `%2A` if a star is meant")
        }
        _ => words::help::FROM_LITERAL_STAR.to_owned(),
    }
}

/// What to write instead of a `from` with a star as a segment that is not the last.
pub(in crate::reading) fn of_middle_star(path: &str) -> String {
    match path.split("/*/").collect::<Vec<_>>().as_slice() {
        ["", rest] if !rest.contains('*') => format!("write `/:name/{rest}` for one segment"),
        [before, rest] if !rest.contains('*') => {
            format!("write `{before}/:name/{rest}` for one segment, or `{before}/*` for all that lies below `{before}`")
        }
        _ => words::help::FROM_MIDDLE_STAR.to_owned(),
    }
}

/// What to write instead of a `from` with two stars beside each other.
pub(in crate::reading) fn of_double_star(path: &str) -> Instead {
    let (before, after) = path.split_once("**").unwrap_or((path, ""));
    let folder = before.trim_end_matches('/');
    let written = format!("{folder}/*");
    let help = match (folder, after) {
        _ if folder.contains('*') => return words::help::FROM_DOUBLE_STAR.into(),
        ("", after) if !after.is_empty() => return words::help::FROM_DOUBLE_STAR.into(),
        _ => format!("write `{written}`: it covers every depth"),
    };
    // What follows the stars, and letters before them, may mean less than that.
    let is_all = after.is_empty() && before.ends_with('/');
    Instead { help, text: is_all.then_some(written) }
}

/// What to write instead of a `from` in which the segment at `at` is written as other programs do.
pub(in crate::reading) fn of_foreign_segment(path: &str, at: usize) -> String {
    let folder = path.get(..at).unwrap_or_default().trim_end_matches('/');
    if folder.is_empty() || folder.contains('*') {
        return words::help::FROM_FOREIGN_SYNTAX.to_owned();
    }
    format!("write `{folder}/:name` for one segment, or `{folder}/*` for all that lies below `{folder}`")
}

/// What to write instead of a star in the path of a destination, if there is one.
pub(in crate::reading) fn of_star_in_destination(text: &str) -> Option<String> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let at = path.find('*')?;
    let meant = path.strip_suffix("/*").filter(|stem| !stem.contains('*'));
    Some(match meant {
        Some(stem) => {
            format!("write `{stem}/:splat` for what the star of `from` stands for, or `%2A` if a star is meant")
        }
        None => {
            let before = path.get(..at).unwrap_or_default();
            format!(
                "after `{before}`, write `:splat` for what the star of `from` stands for, or `%2A` if a star is meant"
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars() {
        for (of, path, instead) in [
            (of_prefix_star as fn(&str) -> String, "/admin*", "write `/admin/*` for"),
            (of_prefix_star, "/blog/post-*", "write `/blog/*` for"),
            (of_prefix_star, "/post-*", "list the paths"),
            (of_prefix_star, "/*/a*", "list the paths"),
            (of_literal_star, "/admin/*.html", "write `/admin/*` for"),
            (of_literal_star, "/*.html", "as a segment of its own"),
            (of_middle_star, "/a/*/b", "write `/a/:name/b` for one segment, or `/a/*`"),
            (of_middle_star, "/*/b", "write `/:name/b` for one segment"),
            (of_middle_star, "/a/*/b/*", "write `:name`"),
            (|path| of_double_star(path).help, "/admin/**", "write `/admin/*`:"),
            (|path| of_double_star(path).help, "/**", "write `/*`:"),
            (|path| of_double_star(path).help, "/**/x", "at the end"),
        ] {
            let help = of(path);
            assert!(help.contains(instead), "{path}: {help}");
        }
        // Nobody is told to gate the whole site where a part of it is meant.
        for path in ["/post-*", "/*/a*"] {
            assert!(!of_prefix_star(path).contains("`/*`"), "{path}");
        }
    }
}
