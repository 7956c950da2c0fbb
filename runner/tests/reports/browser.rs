//! The HTML report in a real browser, headless, where there is one: `CHROMIUM` names it, or it is found in `PATH`.
//!
//! A page of the test holds the report in frames of a phone's and a desk's width, drives it through its fragment and its controls, and writes
//! down what it finds; `--dump-dom` brings that back. The report itself is not changed for it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::matrix::Matrix;
use gatecheck::report::merge::Named;
use gatecheck::report::{Kind, html};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::run::{aggregate, corpus, no_gate, with_known};

const PROBE: &str = include_str!("probe.html");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    width: u32,
    file: String,
    fragment: String,
    overflow: i64,
    fetched: Vec<String>,
    sections: Vec<String>,
    rows: usize,
    findings: Vec<String>,
    cases: usize,
    requirements: usize,
    shown: String,
    empty: bool,
    ground: String,
    scripts: usize,
    pwned: bool,
    smallest: f64,
    opened: Vec<String>,
    hash: String,
}

fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let found = folders.iter().flat_map(|folder| usual.map(|name| folder.join(name)));
    named.into_iter().chain(found).chain([PathBuf::from("/usr/bin/chromium")]).find(|path| path.is_file())
}

/// What the test page finds in the report.
fn look(browser: &Path) -> Vec<Seen> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("report.html"), Kind::Html.render(&aggregate()).unwrap()).unwrap();
    std::fs::write(folder.path().join("known.html"), Kind::Html.render(&with_known()).unwrap()).unwrap();
    std::fs::write(folder.path().join("matrix.html"), html::matrix::render(&matrix())).unwrap();
    std::fs::write(folder.path().join("probe.html"), PROBE).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--allow-file-access-from-files",
            "--window-size=1400,1000",
        ])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("file://{}", folder.path().join("probe.html").display()))
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = page.split_once("<pre id=\"seen\">").unwrap_or_else(|| {
        panic!("the browser brought nothing back: {page}\n{}", String::from_utf8_lossy(&output.stderr))
    });
    let seen = rest.split('<').next().unwrap_or_default();
    let seen = percent_decode_str(seen).decode_utf8().unwrap();
    serde_json::from_str(&seen).unwrap_or_else(|error| panic!("{error}: {seen}"))
}

/// The run beside one that had no gate.
fn matrix() -> Matrix {
    let named = |file: &str, run: &Aggregate| {
        let report = serde_json::from_str(&Kind::Json.render(run).unwrap()).unwrap();
        Named { file: file.to_owned(), report }
    };
    Matrix::of(&[named("one.json", &aggregate()), named("two.json", &no_gate())], &corpus())
}

#[test]
fn no_page_names_anything_to_fetch() {
    for page in [
        Kind::Html.render(&aggregate()).unwrap(),
        Kind::Html.render(&with_known()).unwrap(),
        html::matrix::render(&matrix()),
    ] {
        assert!(page.contains("default-src 'none'"));
        for word in ["<link", "<img", "<iframe", "<script src", "@import", "url(", "href=\"http", "href=\"//"] {
            // A link to where a requirement is explained is followed by whoever clicks on it, and fetched by nobody.
            let without_links = page.replace(concat!("href=\"", env!("CARGO_PKG_HOMEPAGE"), "requirements/#"), "");
            assert!(!without_links.contains(word), "{word}");
        }
    }
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(browser) = browser() else {
        // Not `eprintln`: the test harness would swallow it.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no browser for the HTML report; install chromium, or name one in CHROMIUM"
        );
        return;
    };
    let all = look(&browser);
    assert_eq!(all.len(), 46, "twenty-three looks at two widths");
    let run = aggregate();
    let (cases, findings) = (run.outcomes.len(), run.findings().len());
    let mut grounds = Vec::new();
    for seen in &all {
        assert!(seen.overflow <= 0, "nothing is wider than the page: {seen:?}");
        assert_eq!((seen.scripts, seen.pwned), (1, false), "no script but ours: {seen:?}");
        assert!(seen.smallest >= 11.0, "every text can be read: {seen:?}");
        assert!([390, 1280].contains(&seen.width));
        assert!(seen.fetched.is_empty(), "nothing is fetched: {seen:?}");
        let ids: Vec<&str> = seen.findings.iter().map(String::as_str).collect();
        let sections: Vec<&str> = seen.sections.iter().map(String::as_str).collect();
        match seen.file.as_str() {
            "known.html" => {
                known(seen, &ids, &sections);
                continue;
            }
            "matrix.html" => {
                let rows = match seen.fragment.as_str() {
                    "#q=no+such+thing" => 0,
                    "#q=gets in" => 1,
                    // Of one requirement both gates could not be asked a case.
                    "click differ" => 5,
                    _ => 6,
                };
                assert_eq!(seen.rows, rows, "{seen:?}");
                continue;
            }
            _ => {}
        }
        match seen.fragment.as_str() {
            "" => {
                assert_eq!((ids.len(), seen.cases, seen.requirements), (findings, cases, 7));
                assert_eq!(seen.shown, format!("{cases} cases"));
            }
            "#verdict=leak" | "#q=HOSTILE&verdict=leak" | "#q=looked+up+100%25+nobody" | "click leak" => {
                let expected =
                    if seen.fragment.contains("nobody") { vec![] } else { vec!["role/denial/hostile-answer"] };
                assert_eq!(ids, expected, "{seen:?}");
                if seen.fragment == "click leak" {
                    assert_eq!(seen.hash, "#verdict=leak");
                }
            }
            "#verdict=fail,unproven" => {
                assert_eq!(ids, ["http/odd/nul-in-target", "role/denial/proves-nothing", "http/odd/should-be-so"]);
                assert_eq!((seen.cases, seen.shown.as_str()), (3, "3 of 9 cases"));
            }
            "#level=SHOULD" => assert_eq!((ids, seen.cases), (vec!["http/odd/should-be-so"], 1)),
            "#q=gets in" => assert_eq!((ids.len(), seen.requirements), (0, 1), "a sentence is found: {seen:?}"),
            "#q=no+such+thing" => assert!(seen.empty && ids.is_empty() && seen.cases == 0, "{seen:?}"),
            "#case=http%2Fodd%2Fnul-in-target" => {
                assert!(seen.opened.contains(&"http/odd/nul-in-target".to_owned()), "{seen:?}");
            }
            "#theme=dark" | "#theme=light" => grounds.push((seen.fragment.clone(), seen.ground.clone())),
            "type admitted" => {
                assert_eq!((seen.cases, seen.hash.as_str()), (1, "#q=role-1+admin-is-admitted"), "{seen:?}");
            }
            other => panic!("nobody looks at {other}"),
        }
    }
    grounds.sort();
    grounds.dedup();
    assert_eq!(grounds.len(), 2, "dark and light: {grounds:?}");
    assert_ne!(grounds[0].1, grounds[1].1);
}

/// The report with known failures: they have a section of their own, and what is stale is there whatever the filter says.
fn known(seen: &Seen, ids: &[&str], sections: &[&str]) {
    let both = ["findings", "known", "requirements"];
    match seen.fragment.as_str() {
        "" => assert_eq!((ids.len(), sections), (5, &both[..]), "{seen:?}"),
        "#verdict=known" => {
            assert_eq!(ids, ["http/odd/should-be-so", "http/odd/nul-in-target"], "{seen:?}");
            assert_eq!(sections, both);
        }
        "#verdict=leak" => assert_eq!((ids, sections), (&["role/denial/hostile-answer"][..], &both[..]), "{seen:?}"),
        "#verdict=unproven" => {
            assert_eq!(
                (ids, sections),
                (&["role/denial/proves-nothing"][..], &["findings", "requirements"][..]),
                "{seen:?}"
            );
        }
        "#case=http%2Fodd%2Fnul-in-target" => {
            assert!(seen.opened.contains(&"http/odd/nul-in-target".to_owned()), "{seen:?}");
        }
        other => panic!("nobody looks at {other}"),
    }
}
