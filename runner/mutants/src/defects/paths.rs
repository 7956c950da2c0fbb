//! Two readings of one path: the rules see one spelling and the files another (NOLEAK-1).

use Defect::{Decide, Reply, Wire};
use rolegate::decide::Decision;
use rolegate::path::RequestPath;
use rolegate::rules::RuleSet;
use rolegate::visitor::Visitor;

use crate::scene::{Reply as Answer, Scene};
use crate::{Defect, Mutant};

/// Stands for what the rules do not understand.
pub(super) const OPAQUE: &str = "%E2%80%A5";

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "path/dots-unresolved-by-rules",
        "NOLEAK-1",
        "rules see `..` and `.` as names, files resolve them",
        Decide(|scene, visitor| {
            reads(scene, visitor, |path| path.split('/').any(is_dots), |path| unread(path, is_dots), str::to_owned)
        }),
    ),
    Mutant::new(
        "path/encoded-dots-unresolved-by-rules",
        "NOLEAK-1",
        "dots written as `%2e` are resolved for files, and not for rules",
        Decide(|scene, visitor| {
            let encoded = |segment: &str| {
                segment.to_lowercase().contains("%2e") && is_dots(&segment.to_lowercase().replace("%2e", "."))
            };
            reads(scene, visitor, |path| path.split('/').any(encoded), |path| unread(path, encoded), str::to_owned)
        }),
    ),
    Mutant::new(
        "path/slashes-merged-by-files-only",
        "NOLEAK-1",
        "rules see `//` as an empty name, files merge it",
        Decide(|scene, visitor| {
            reads(
                scene,
                visitor,
                |path| path.contains("//"),
                |path| path.replace("//", &format!("/{OPAQUE}/")),
                str::to_owned,
            )
        }),
    ),
    Mutant::new(
        "path/encoded-slash-decoded-by-files-only",
        "NOLEAK-1",
        "`%2F` leads to another path for files than for rules",
        Decide(|scene, visitor| swapped(scene, visitor, &["%2f", "%2F"], "/")),
    ),
    Mutant::new(
        "path/backslash-is-a-slash-for-files",
        "NOLEAK-1",
        "rules see a backslash as text, files see a slash",
        Decide(|scene, visitor| swapped(scene, visitor, &["\\", "%5c", "%5C"], "/")),
    ),
    Mutant::new(
        "path/decoded-twice-by-files",
        "NOLEAK-1",
        "rules decode a path once, files twice",
        Decide(|scene, visitor| swapped(scene, visitor, &["%25"], "%")),
    ),
    Mutant::new(
        "path/escapes-decoded-by-files-only",
        "NOLEAK-1",
        "rules see the path as it was sent, files decode it",
        Decide(|scene, visitor| {
            reads(scene, visitor, |path| path.contains('%'), |path| path.replace('%', "%25"), str::to_owned)
        }),
    ),
    Mutant::new(
        "path/parameters-dropped-by-files",
        "NOLEAK-1",
        "files drop `;…` from a name, rules do not",
        Decide(|scene, visitor| {
            reads(
                scene,
                visitor,
                |path| path.contains(';'),
                str::to_owned,
                |path| {
                    path.split('/').map(|name| name.split(';').next().unwrap_or_default()).collect::<Vec<_>>().join("/")
                },
            )
        }),
    ),
    Mutant::new(
        "path/files-in-any-case",
        "NOLEAK-1",
        "files are found without regard to case, rules are not",
        Decide(|scene, visitor| {
            let Some(name) = scene.name().filter(|_| scene.own_file().is_none()) else {
                return scene.decide(visitor);
            };
            let is_name = |file: &str| {
                [format!("{name}.html"), format!("{name}/index.html"), name.clone()]
                    .iter()
                    .any(|form| form.to_lowercase() == file.to_lowercase())
            };
            match scene.file(is_name) {
                Some(file) => reads(scene, visitor, |_| true, str::to_owned, |_| file.clone()),
                None => scene.decide(visitor),
            }
        }),
    ),
    Mutant::new(
        "path/tails-dropped-by-files",
        "NOLEAK-1",
        "files drop dots and spaces at the end of a name, rules do not",
        Decide(|scene, visitor| {
            let bare = |path: &str| {
                let mut path = path.to_owned();
                for _ in 0..4 {
                    for tail in [".", "%20", "%2e", "%2E", "%09"] {
                        path = path.strip_suffix(tail).unwrap_or(&path).to_owned();
                    }
                }
                path
            };
            reads(
                scene,
                visitor,
                |path| bare(path) != path && !path.ends_with("/.") && !path.ends_with("/.."),
                str::to_owned,
                bare,
            )
        }),
    ),
    Mutant::new(
        "path/files-end-at-nul",
        "NOLEAK-1",
        "a name ends at an encoded NUL for files, and not for rules",
        Decide(|scene, visitor| {
            reads(
                scene,
                visitor,
                |path| path.contains("%00"),
                |path| path.replace("%00", OPAQUE),
                |path| path.split("%00").next().unwrap_or_default().to_owned(),
            )
        }),
    ),
    Mutant::new(
        "path/control-characters-dropped",
        "NOLEAK-1",
        "files skip encoded control characters, rules do not",
        Decide(|scene, visitor| {
            swapped(
                scene,
                visitor,
                &["%00", "%01", "%08", "%09", "%0a", "%0A", "%0b", "%0c", "%0d", "%0D", "%1f", "%7f", "%7F"],
                "",
            )
        }),
    ),
    Mutant::new(
        "path/wide-letters-folded-by-files",
        "NOLEAK-1",
        "files fold full-width letters, rules do not",
        Decide(|scene, visitor| {
            let fold = |path: &str| {
                let decoded =
                    RequestPath::parse(path.as_bytes()).map(|path| path.name().to_owned()).unwrap_or_default();
                decoded
                    .chars()
                    .map(|c| match u32::from(c) {
                        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
                        _ => c,
                    })
                    .collect::<String>()
            };
            let differs = |path: &str| RequestPath::parse(path.as_bytes()).is_ok_and(|read| fold(path) != read.name());
            reads(scene, visitor, differs, str::to_owned, fold)
        }),
    ),
    Mutant::new(
        "path/invisible-characters-dropped-by-files",
        "NOLEAK-1",
        "files skip characters that nobody sees, rules do not",
        Decide(|scene, visitor| {
            let marks = [
                "%c2%ad",
                "%C2%AD",
                "%e2%80%8b",
                "%E2%80%8B",
                "%e2%80%8d",
                "%E2%80%8D",
                "%ef%bb%bf",
                "%EF%BB%BF",
                "%e2%80%8c",
                "%E2%80%8C",
            ];
            swapped(scene, visitor, &marks, "")
        }),
    ),
    Mutant::new(
        "path/overlong-forms-decoded-by-files",
        "NOLEAK-1",
        "files decode overlong UTF-8 (`%c0%ae` is a dot)",
        Decide(|scene, visitor| {
            let plain = |path: &str| {
                let mut text = path.to_lowercase();
                for (long, short) in [
                    ("%c0%ae", "."),
                    ("%c0%af", "/"),
                    ("%e0%80%ae", "."),
                    ("%e0%80%af", "/"),
                    ("%c1%9c", "/"),
                    ("%c0%2f", "/"),
                ] {
                    text = text.replace(long, short);
                }
                for code in 0x61..=0x7a_u32 {
                    text = text.replace(
                        &format!("%c1%{:02x}", (code & 0x3f) | 0x80),
                        &char::from_u32(code).map(String::from).unwrap_or_default(),
                    );
                }
                text
            };
            reads(
                scene,
                visitor,
                |path| plain(path) != path.to_lowercase(),
                |path| {
                    path.to_lowercase()
                        .replace("%c0", "_")
                        .replace("%c1", "_")
                        .replace("%e0", "_")
                        .replace("%80", "_")
                        .replace("%a", "_")
                        .replace("%9", "_")
                },
                plain,
            )
        }),
    ),
    Mutant::new(
        "path/escapes-of-16-bits-decoded-by-files",
        "NOLEAK-1",
        "files decode `%u002e`",
        Decide(|scene, visitor| {
            let plain = |path: &str| {
                let text = path.to_lowercase();
                let mut pieces = text.split("%u");
                let mut out = pieces.next().unwrap_or_default().to_owned();
                for piece in pieces {
                    let code = piece.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                    let code = code.map(|code| if (0xff01..=0xff5e).contains(&code) { code - 0xfee0 } else { code });
                    match code.and_then(char::from_u32) {
                        Some(c) => {
                            out.push(c);
                            out.push_str(piece.get(4..).unwrap_or_default());
                        }
                        None => out.push_str(piece),
                    }
                }
                out
            };
            reads(
                scene,
                visitor,
                |path| path.to_lowercase().contains("%u"),
                |path| path.replace("%u", OPAQUE).replace("%U", OPAQUE),
                plain,
            )
        }),
    ),
    Mutant::new(
        "path/fragment-dropped",
        "NOLEAK-1",
        "`#` and what follows it is dropped from a request target",
        Wire(|head| {
            let end = head.windows(2).position(|pair| pair == b"\r\n").unwrap_or(head.len());
            let (line, rest) = head.split_at_checked(end).unwrap_or((head, &[]));
            match (line.iter().position(|byte| *byte == b'#'), line.iter().rposition(|byte| *byte == b' ')) {
                (Some(hash), Some(version)) if hash < version => {
                    [line.get(..hash).unwrap_or_default(), line.get(version..).unwrap_or_default(), rest].concat()
                }
                _ => head.to_vec(),
            }
        }),
    ),
    Mutant::new(
        "path/slash-put-in-front",
        "NOLEAK-1",
        "a target without a slash is served without being matched",
        Decide(|scene, visitor| match scene.asked.target.first() {
            Some(first) if *first != b'/' && !scene.asked.target.contains(&b':') => {
                scene.without_rules(&scene.asked.at([b"/", scene.asked.target.as_slice()].concat()))
            }
            _ => scene.decide(visitor),
        }),
    ),
    Mutant::new(
        "path/bad-escape-is-500",
        "NOLEAK-1",
        "a `%` that starts no escape is answered with 500",
        Reply(|scene, decision, reply| {
            if decision.outcome == rolegate::Outcome::BadRequest(rolegate::Refused::Escape) {
                *reply = Answer::text(500, &format!("URIError in {} bytes\n", scene.asked.target.len()));
            }
        }),
    ),
    Mutant::new(
        "path/bad-escape-is-text",
        "NOLEAK-1",
        "files skip a `%` that starts no escape, rules do not",
        Decide(|scene, visitor| {
            let is_bad = |path: &str| RequestPath::parse(path.as_bytes()) == Err(rolegate::Refused::Escape);
            let mend = |path: &str| path.strip_suffix('%').unwrap_or(path).replace("%zz", "").replace("%%", "%");
            reads(scene, visitor, is_bad, |path| path.replace('%', OPAQUE), mend)
        }),
    ),
    Mutant::new(
        "path/query-decides",
        "NOLEAK-1",
        "a public path in the query opens a gated one",
        Decide(|scene, visitor| {
            let query = String::from_utf8_lossy(scene.asked.split().1.unwrap_or_default()).into_owned();
            let open = |file: &str| {
                file.strip_suffix(".html")
                    .is_some_and(|name| query.contains(name) && !scene.decide_at(&scene.asked.at(name), visitor).denied)
            };
            match scene.file(open) {
                Some(_) if query.contains('/') => scene.without_rules(scene.asked),
                _ => scene.decide(visitor),
            }
        }),
    ),
    Mutant::new(
        "path/static-endings-open",
        "NOLEAK-1",
        "a path that ends like a style sheet or a picture is not matched",
        Decide(|scene, visitor| {
            let raw = String::from_utf8_lossy(scene.asked.split().0).to_lowercase();
            let endings = [".css", ".js", ".png", ".ico", ".jpg", ".svg", ".txt", ".json", ".map"];
            if endings.iter().any(|ending| raw.ends_with(ending)) {
                scene.without_rules(scene.asked)
            } else {
                scene.decide(visitor)
            }
        }),
    ),
    Mutant::new(
        "path/long-paths-open",
        "NOLEAK-1",
        "a path of more than a thousand bytes is not matched",
        Decide(|scene, visitor| {
            if scene.asked.split().0.len() > 1000 { scene.without_rules(scene.asked) } else { scene.decide(visitor) }
        }),
    ),
];

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// The path with some segments made unreadable.
fn unread(path: &str, which: impl Fn(&str) -> bool) -> String {
    path.split('/').map(|segment| if which(segment) { OPAQUE } else { segment }).collect::<Vec<_>>().join("/")
}

/// Some spellings are text for the rules and something else for the files.
fn swapped(scene: &Scene<'_>, visitor: &Visitor, marks: &[&str], file_reading: &str) -> Decision {
    let put = |path: &str, with: &str| marks.iter().fold(path.to_owned(), |path, mark| path.replace(mark, with));
    reads(
        scene,
        visitor,
        |path| marks.iter().any(|mark| path.contains(mark)),
        |path| put(path, OPAQUE),
        |path| put(path, file_reading),
    )
}

/// The decision where rules and files read a path of a certain kind in two ways.
pub(super) fn reads(
    scene: &Scene<'_>,
    visitor: &Visitor,
    applies: impl Fn(&str) -> bool,
    by_rules: impl Fn(&str) -> String,
    by_files: impl Fn(&str) -> String,
) -> Decision {
    let (raw, _) = scene.asked.split();
    let text = String::from_utf8_lossy(raw).into_owned();
    if !applies(&text) {
        return scene.decide(visitor);
    }
    let Ok(matched) = RequestPath::parse(by_rules(&text).as_bytes()) else { return scene.decide(visitor) };
    let rules = scene.ground.rules.rules().iter().filter(|rule| rule.pattern.matches(&matched)).cloned();
    let asked = scene.asked.with_path(|_| by_files(&text)).unwrap_or_else(|| scene.asked.clone());
    scene.decide_as(&asked, &RuleSet::of(rules), visitor)
}
