//! Case ids never die: every id that was released is still an id, was renamed, or was retired with a reason.
//!
//! `conformance-cases/released.txt` holds the released ids, as a shell's braces would expand them: `role/denial/{no-token,bad-token/{expired,0..3}}`, a line for
//! each suite. `GATECHECK_UPDATE=1 cargo test -p gatecheck --test released` adds those of today, which is done with each release; nothing is ever taken out.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gatecheck::corpus::Corpus;

/// What stands behind a segment: the segments that may follow, and whether the id may end here.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Tree {
    ends: bool,
    below: BTreeMap<String, Tree>,
}

impl Tree {
    fn of<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        let mut tree = Self::default();
        for id in ids {
            let mut at = &mut tree;
            for segment in id.split('/') {
                at = at.below.entry(segment.to_owned()).or_default();
            }
            at.ends = true;
        }
        tree
    }

    /// Every way from here, as a shell's braces have it: segments with the same behind them share a pair.
    fn braces(&self) -> String {
        let mut groups: Vec<(&Tree, Vec<&str>)> = Vec::new();
        for (segment, tree) in &self.below {
            match groups.iter_mut().find(|(other, _)| *other == tree) {
                Some((_, segments)) => segments.push(segment),
                None => groups.push((tree, vec![segment])),
            }
        }
        let mut parts = Vec::new();
        for (tree, segments) in groups {
            let labels = ranges(&segments);
            if tree.ends {
                parts.extend(labels.iter().cloned());
            }
            if !tree.below.is_empty() {
                parts.push(format!("{}/{}", braced(&labels), tree.braces()));
            }
        }
        braced(&parts)
    }
}

fn braced(parts: &[String]) -> String {
    match parts {
        [one] if !one.contains("..") => one.clone(),
        many => format!("{{{}}}", many.join(",")),
    }
}

/// Runs of whole numbers become `first..last`.
fn ranges(segments: &[&str]) -> Vec<String> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| number.to_string() == text);
    let numbers: BTreeSet<u32> = segments.iter().filter_map(|text| number(text)).collect();
    let mut out = Vec::new();
    let mut run: Option<(u32, u32)> = None;
    for at in numbers {
        run = match run {
            Some((first, last)) if last + 1 == at => Some((first, at)),
            other => {
                out.extend(other.map(range));
                Some((at, at))
            }
        };
    }
    out.extend(run.map(range));
    out.extend(segments.iter().filter(|text| number(text).is_none()).map(|text| (*text).to_owned()));
    out
}

fn range((first, last): (u32, u32)) -> String {
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}

fn encode(ids: &BTreeSet<String>) -> String {
    let mut suites: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for id in ids {
        let parts: Vec<&str> = id.splitn(3, '/').collect();
        suites.entry(format!("{}/{}", parts[0], parts[1])).or_default().push(parts[2]);
    }
    suites.into_iter().map(|(suite, cases)| format!("{suite}/{}\n", Tree::of(cases).braces())).collect()
}

fn decode(text: &str) -> BTreeSet<String> {
    text.lines().flat_map(expand).collect()
}

/// What a shell makes of braces.
fn expand(text: &str) -> Vec<String> {
    let Some(open) = text.find('{') else { return vec![text.to_owned()] };
    let mut depth = 0;
    let mut cuts = vec![open];
    let mut close = text.len();
    for (at, c) in text.char_indices().skip(open) {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => {
                close = at;
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 1 => cuts.push(at),
            _ => {}
        }
    }
    cuts.push(close);
    let (before, after) = (&text[..open], expand(&text[close + 1..]));
    let inner = cuts.windows(2).flat_map(|cut| {
        let part = &text[cut[0] + 1..cut[1]];
        match part.split_once("..").and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?))) {
            Some((first, last)) => (first..=last).map(|number| number.to_string()).collect(),
            None => expand(part),
        }
    });
    inner.flat_map(|part| after.iter().map(move |after| format!("{before}{part}{after}"))).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance-cases")
}

#[test]
fn no_released_id_is_lost() {
    let corpus = Corpus::open(&folder()).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let file = folder().join("released.txt");
    let mut released = decode(&std::fs::read_to_string(&file).unwrap_or_default());
    let today: BTreeSet<String> = corpus.cases().map(|(_, case)| case.id.clone()).collect();
    let former: BTreeSet<&str> = corpus.cases().flat_map(|(_, case)| case.former.iter().map(String::as_str)).collect();
    let lost: Vec<&String> = released
        .iter()
        .filter(|id| !today.contains(*id) && !former.contains(id.as_str()) && corpus.retired(id).is_none())
        .collect();
    assert!(
        lost.is_empty(),
        "{} released ids are gone. Somebody's baseline, report or habit names them: give each its new id in conformance-cases/aliases.yaml (`old: new`; a written case or a suite moves what stands below it), or say why it is asked no more (`old: {{ retired: WHY }}`).\n{}",
        lost.len(),
        lost.iter().take(40).map(|id| format!("  {id}\n")).collect::<String>()
    );
    if std::env::var_os("GATECHECK_UPDATE").is_some() {
        released.extend(today);
        std::fs::write(&file, encode(&released)).unwrap();
    }
    assert!(!released.is_empty(), "{} is empty; GATECHECK_UPDATE=1 writes it", file.display());
    assert_eq!(decode(&encode(&released)), released, "the file holds what it says");
}

#[test]
fn braces_say_what_they_mean() {
    for ids in [
        &["a/b/c"][..],
        &["a/b/c", "a/b/d"],
        &["a/b/c/x", "a/b/c/y", "a/b/d/x", "a/b/d/y", "a/b/e"],
        &["a/b/bit/0", "a/b/bit/1", "a/b/bit/2", "a/b/bit/10", "a/b/bit/007"],
        &["a/b/c", "a/b/c/x", "a/c/0", "a/c/1", "a/c/0/z", "a/c/1/z"],
    ] {
        let ids: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(decode(&encode(&ids)), ids, "{}", encode(&ids));
    }
    let text = encode(&["a/b/c/x", "a/b/c/y", "a/b/d/x", "a/b/d/y", "a/b/e/0", "a/b/e/1"].map(str::to_owned).into());
    assert_eq!(text, "a/b/{{c,d}/{x,y},e/{0..1}}\n");
}
