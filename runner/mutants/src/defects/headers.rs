//! The site's own header fields: which are read, and for which path (HEADERS-1 to HEADERS-3).

use Defect::{HeaderText, Reply};
use rolegate::decide::Outcome;
use rolegate::path::Target;

use crate::scene::Scene;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new("headers/not-read", "HEADERS-1", "`_headers` is not read", HeaderText(|_| String::new())),
    Mutant::new(
        "headers/value-cut-at-a-colon",
        "HEADERS-1",
        "a value ends at its first colon",
        HeaderText(|text| {
            lines(text, |line| {
                let is_field = !line.trim_start().starts_with(['/', '#']);
                match line.match_indices(':').nth(1).and_then(|(at, _)| line.split_at_checked(at)) {
                    Some((before, _)) if is_field && line.starts_with(' ') => format!("{before}\n"),
                    _ => line.to_owned(),
                }
            })
        }),
    ),
    Mutant::new(
        "headers/value-cut-at-a-hash",
        "HEADERS-1",
        "a `#` in a value begins a comment",
        HeaderText(|text| {
            lines(text, |line| match line.split_once(" #") {
                Some((before, _)) if !before.trim().is_empty() => format!("{before}\n"),
                _ => line.to_owned(),
            })
        }),
    ),
    Mutant::new(
        "headers/indent-needed",
        "HEADERS-1",
        "a field that is not indented is not read",
        HeaderText(|text| {
            lines(text, |line| {
                let is_field = line.starts_with(char::is_alphabetic) && !line.contains("://");
                if is_field { String::new() } else { line.to_owned() }
            })
        }),
    ),
    Mutant::new(
        "headers/bad-line-ends-the-file",
        "HEADERS-1",
        "what stands below a line that cannot be read is not read",
        HeaderText(|text| {
            let is_bad = |line: &&str| {
                let line = line.trim();
                !line.is_empty() && !line.starts_with(['/', '#']) && !line.contains(':')
            };
            let mut until = String::new();
            text.split_inclusive('\n').take_while(|line| !is_bad(line)).for_each(|line| until.push_str(line));
            until
        }),
    ),
    Mutant::new(
        "headers/url-is-a-field",
        "HEADERS-1",
        "the URL of a block for another host is read as a field",
        Reply(|scene, _, reply| {
            let text = raw(scene);
            if let Some(rest) =
                text.lines().find_map(|line| line.strip_prefix("https:")).filter(|_| reply.status == 200)
            {
                reply.set("https", rest.trim());
            }
        }),
    ),
    Mutant::new(
        "headers/not-for-head",
        "HEADERS-1",
        "the site's fields are left out of answers to HEAD",
        Reply(|scene, _, reply| {
            if scene.asked.method == "HEAD" {
                of_the_site(scene).iter().for_each(|(name, _)| reply.drop(name));
            }
        }),
    ),
    Mutant::new(
        "headers/with-200-only",
        "HEADERS-1",
        "pages with another status than 200 go without the site's fields",
        Reply(|scene, decision, reply| {
            if reply.status != 200 && !decision.denied {
                of_the_site(scene).iter().for_each(|(name, _)| reply.drop(name));
            }
        }),
    ),
    Mutant::new(
        "headers/denials-without-any",
        "HEADERS-1",
        "what a denied visitor gets is without the fields that the whole site has",
        Reply(|scene, decision, reply| {
            if decision.denied {
                of_the_site(scene).iter().filter(|(name, _)| is_extra(name)).for_each(|(name, _)| reply.drop(name));
            }
        }),
    ),
    Mutant::new(
        "headers/gated-pages-without-any",
        "HEADERS-1",
        "what an admitted visitor gets is without the site's fields",
        Reply(|scene, decision, reply| {
            if decision.role_dependent && !decision.denied {
                of_the_site(scene).iter().filter(|(name, _)| is_extra(name)).for_each(|(name, _)| reply.drop(name));
            }
        }),
    ),
    Mutant::new(
        "headers/cache-control-not-taken",
        "HEADERS-1",
        "the site's `Cache-Control` never counts",
        HeaderText(|text| {
            lines(text, |line| {
                let is_cache = line.trim_start().to_ascii_lowercase().starts_with("cache-control:");
                if is_cache { String::new() } else { line.to_owned() }
            })
        }),
    ),
    Mutant::new(
        "headers/for-every-path",
        "HEADERS-2",
        "every block counts for the whole site",
        HeaderText(|text| by_path(text, |_| vec!["/*".to_owned()])),
    ),
    Mutant::new(
        "headers/placeholders-as-text",
        "HEADERS-2",
        "a `:name` in a path stands for itself",
        HeaderText(|text| by_path(text, |path| vec![path.replace("/:", "/%3A")])),
    ),
    Mutant::new(
        "headers/placeholder-for-all-that-follows",
        "HEADERS-2",
        "a `:name` in a path stands for everything behind it",
        HeaderText(|text| {
            by_path(text, |path| {
                vec![path.split_once("/:").map_or(path.to_owned(), |(before, _)| format!("{before}/*"))]
            })
        }),
    ),
    Mutant::new(
        "headers/star-at-the-end-only",
        "HEADERS-2",
        "a `*` in the middle of a path stands for itself",
        HeaderText(|text| by_path(text, |path| if star_inside(path) { Vec::new() } else { vec![path.to_owned()] })),
    ),
    Mutant::new(
        "headers/star-behind-a-slash-only",
        "HEADERS-2",
        "a `*` that ends a name stands for itself",
        HeaderText(|text| {
            by_path(text, |path| {
                let ends_a_name = path.ends_with('*') && !path.ends_with("/*");
                if ends_a_name { Vec::new() } else { vec![path.to_owned()] }
            })
        }),
    ),
    Mutant::new(
        "headers/star-for-one-segment",
        "HEADERS-2",
        "a `*` at the end of a path stands for one segment",
        HeaderText(|text| {
            by_path(text, |path| match path.strip_suffix("/*") {
                Some(folder) if !folder.is_empty() => vec![format!("{folder}/:one"), folder.to_owned()],
                _ => vec![path.to_owned()],
            })
        }),
    ),
    Mutant::new(
        "headers/star-for-something",
        "HEADERS-2",
        "a `*` at the end of a path does not stand for nothing",
        HeaderText(|text| {
            by_path(text, |path| match path.strip_suffix("/*") {
                Some(folder) if !folder.is_empty() => vec![format!("{folder}/:one"), format!("{folder}/:one/*")],
                _ => vec![path.to_owned()],
            })
        }),
    ),
    Mutant::new(
        "headers/slash-at-the-end-counts",
        "HEADERS-2",
        "a block for `/page/` does not count for `/page`",
        HeaderText(|text| {
            by_path(text, |path| if path.len() > 1 && path.ends_with('/') { Vec::new() } else { vec![path.to_owned()] })
        }),
    ),
    Mutant::new(
        "headers/escapes-as-text",
        "HEADERS-2",
        "an escape in the path of a block stands for itself",
        HeaderText(|text| by_path(text, |path| if path.contains('%') { Vec::new() } else { vec![path.to_owned()] })),
    ),
    Mutant::new(
        "headers/by-the-file",
        "HEADERS-2",
        "the fields are those of the file that is shown, not of the path that was asked for",
        Reply(|scene, decision, reply| {
            if let Outcome::Rewrite { status: 200, file } = &decision.outcome
                && !decision.role_dependent
            {
                for (name, value) in at(scene, file.trim_end_matches(".html").as_bytes()) {
                    reply.set(&name, value);
                }
            }
        }),
    ),
    Mutant::new(
        "headers/by-the-path-as-it-was-sent",
        "HEADERS-2",
        "the path of a block is compared with the one that was sent, in whatever spelling",
        Reply(|scene, _, reply| {
            if in_another_spelling(scene) {
                of_the_path(scene).iter().for_each(|(name, _)| reply.drop(name));
            }
        }),
    ),
    Mutant::new(
        "headers/last-value-of-a-name",
        "HEADERS-3",
        "of a name that comes again under the same path the last value counts",
        HeaderText(|text| once_a_block(text, |lines| lines.reverse())),
    ),
    Mutant::new(
        "headers/first-value-of-a-name",
        "HEADERS-3",
        "of a name that comes again under the same path the first value counts",
        HeaderText(|text| once_a_block(text, |_| {})),
    ),
];

/// The text of `_headers`.
pub(super) fn raw(scene: &Scene<'_>) -> String {
    scene.read("/_headers").map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The fields of the site for the path of the request.
pub(super) fn of_the_site(scene: &Scene<'_>) -> Vec<(String, Vec<u8>)> {
    at(scene, &scene.asked.target)
}

/// The fields of the site for a path.
fn at(scene: &Scene<'_>, path: &[u8]) -> Vec<(String, Vec<u8>)> {
    let Ok(target) = Target::parse(path) else { return Vec::new() };
    let fields = scene.ground.site.rules.headers().fields(&target.path);
    fields.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// Those that not every path has.
pub(super) fn of_the_path(scene: &Scene<'_>) -> Vec<(String, Vec<u8>)> {
    let mut fields = of_the_site(scene);
    let for_all: Vec<&str> =
        scene.ground.site.rules.headers().fields_for_all().map(|(name, _)| name.as_str()).collect();
    fields.retain(|(name, _)| !for_all.contains(&name.as_str()));
    fields
}

/// Whether a field says nothing that the gate says itself.
pub(super) fn is_extra(name: &str) -> bool {
    !matches!(name, "cache-control" | "vary") && !name.ends_with("cdn-cache-control")
}

pub(super) fn star_inside(path: &str) -> bool {
    path.strip_suffix('*').unwrap_or(path).contains('*')
}

/// The file with every line changed.
pub(super) fn lines(text: &str, change: impl Fn(&str) -> String) -> String {
    text.split_inclusive('\n').map(change).collect()
}

/// The file with every block under other paths; under none it is left out.
pub(super) fn by_path(text: &str, paths: impl Fn(&str) -> Vec<String>) -> String {
    let mut out = String::new();
    for (path, lines) in blocks(text) {
        let paths = path.map_or_else(
            || vec![String::new()],
            |path| if path.starts_with('/') { paths(path) } else { vec![path.to_owned()] },
        );
        for path in paths {
            out.push_str(&format!("{path}\n{}\n", lines.join("\n")));
        }
    }
    out
}

pub(super) fn in_another_spelling(scene: &Scene<'_>) -> bool {
    let sent = scene.asked.split().0.strip_suffix(b"/").unwrap_or(scene.asked.split().0);
    scene.path().is_some_and(|path| path.name().as_bytes() != sent) || scene.asked.split().0.len() > sent.len()
}

/// The blocks of the file: a path, and the lines below it; what stands before the first has none.
fn blocks(text: &str) -> Vec<(Option<&str>, Vec<&str>)> {
    let mut blocks = vec![(None, Vec::new())];
    for line in text.lines() {
        if line.starts_with('/') || line.contains("://") && !line.starts_with(' ') {
            blocks.push((Some(line.trim()), Vec::new()));
        } else if let Some((_, lines)) = blocks.last_mut() {
            lines.push(line);
        }
    }
    blocks
}

/// The file where each name counts once in a block: the first in the order that `order` makes.
fn once_a_block(text: &str, order: impl Fn(&mut Vec<&str>)) -> String {
    let mut out = String::new();
    for (path, mut lines) in blocks(text) {
        order(&mut lines);
        let mut names = Vec::new();
        lines.retain(|line| {
            let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
            let is_new = name.is_empty() || !names.contains(&name);
            names.push(name);
            is_new
        });
        out.push_str(&format!("{}\n{}\n", path.unwrap_or_default(), lines.join("\n")));
    }
    out
}
