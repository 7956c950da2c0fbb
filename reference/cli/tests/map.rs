//! `rolegate check`: who gets what, the page of it, workflow commands, and comments that accept findings.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use serde_json::Value;
use tempfile::TempDir;

use common::site;

fn check(folder: &TempDir, arguments: &[&str]) -> (i32, String) {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("rolegate");
    command.arg("check").arg(folder.path()).args(arguments).env("NO_COLOR", "1");
    let output = command.output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8_lossy(&output.stdout).replace(folder.path().to_str().expect("UTF-8"), "SITE");
    (output.status.code().expect("a status"), text)
}

#[test]
fn names_of_files_turn_no_terminal_round() {
    let folder = site(&[("_redirects", "/m/* 200! Role=a\n"), ("m/a\u{202e}b\u{9b}c\u{e0041}.html", "")]);
    let (_, text) = check(&folder, &["--format", "json", "--map", "--all"]);
    assert!(text.contains(r"a\u202eb\u009bc\udb40\udc41.html"), "{text}");
    assert!(serde_json::from_str::<Value>(&text).is_ok());
}

fn json(folder: &TempDir, arguments: &[&str]) -> Value {
    let (_, stdout) = check(folder, &[&["--format", "json"], arguments].concat());
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// Two areas, one within the other, a forward, a function, a rule of `netlify.toml`, and a name that would be markup.
fn members() -> TempDir {
    let many: Vec<(String, &str)> = (10..22).map(|page| (format!("members/archive/{page}.html"), "")).collect();
    let mut files = vec![
        (
            "_redirects",
            "/members/board/* 200! Role=board\n\
             /members/board/* /denied.html 403!\n\
             /members/* 200! Role=member,board,staff\n\
             /members/* /login?from=menu&next=:splat 302\n\
             /api/* https://api.example.com/:splat 200! Role=staff\n\
             https://shop.example/offers/* /offers/:splat 200! Role=member\n\
             /old/:page /new/:page 301\n",
        ),
        (
            "netlify.toml",
            "[[redirects]]\nfrom = '/report'\nto = '/.netlify/functions/report'\nstatus = 200\nforce = true\n\
             conditions = { Role = ['admin'] }\n",
        ),
        ("index.html", ""),
        ("login.html", ""),
        ("denied.html", ""),
        ("style.css", ""),
        ("offers/spring.html", ""),
        ("members/index.html", ""),
        ("members/<b>.html", ""),
        ("members/plan.html", ""),
        ("members/board/minutes.html", ""),
    ];
    files.extend(many.iter().map(|(name, content)| (name.as_str(), *content)));
    site(&files)
}

#[test]
fn who_gets_what_as_text() {
    let folder = members();
    let (status, text) = check(&folder, &["--map"]);
    assert_eq!(status, 0);
    insta::assert_snapshot!("map_text", text);
    let (_, all) = check(&folder, &["--map", "--all"]);
    for told in ["/members/archive/10", "/members/archive/21", "/style.css", "/old/:page, any other path"] {
        assert!(all.contains(told), "{told}: {all}");
    }
    assert!(!text.contains("/members/archive/21") && text.contains("… "), "{text}");
}

#[test]
fn below_the_map_each_finding_has_its_line() {
    let many: String = (0..4).map(|at| format!("/x{at}/foo* /y{at} 301\n")).collect();
    let folder = site(&[
        ("_redirects", &format!("/m/* 200! Role=member\n/m/ /login 302\n{many}/e /f 3000\n")),
        ("m/plan.html", ""),
        ("login.html", ""),
    ]);
    let (status, text) = check(&folder, &["--map"]);
    assert_eq!(status, 1);
    insta::assert_snapshot!("map_findings", text);
    let (_, all) = check(&folder, &["--map", "--all"]);
    assert_eq!(all.matches("warning[from-prefix-star]").count(), 4, "{all}");
    // Nothing found, nothing said.
    let folder = site(&[("_redirects", "/a /b 301\n")]);
    let (_, text) = check(&folder, &["--map"]);
    assert!(text.ends_with("\nSITE/_redirects: 1 rule, no problems\n") && !text.contains("help"), "{text}");
}

#[test]
fn who_gets_what_as_json() {
    let folder = members();
    let report = json(&folder, &["--map"]);
    assert!(json(&folder, &[]).get("map").is_none());
    let map = &report["map"];
    let visitors: Vec<&Value> = map["visitors"].as_array().expect("a list").iter().map(|who| &who["kind"]).collect();
    assert_eq!(visitors, ["anonymous", "role", "role", "role", "role", "other"]);
    assert_eq!(map["visitors"][4]["role"], "admin");
    let areas = map["areas"].as_array().expect("a list");
    let paths: Vec<&str> = areas.iter().map(|area| area["paths"].as_str().expect("a text")).collect();
    assert_eq!(paths, ["/members/board/*", "/members/*", "/api/*", "https://shop.example/offers/*", "/report"]);
    let minutes = &areas[0]["rows"][0];
    assert_eq!(minutes["file"], "/members/board/minutes.html");
    let classes: Vec<&str> = minutes["gets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|gets| gets["class"].as_str().expect("a text"))
        .collect();
    assert_eq!(classes, ["instead", "open", "instead", "instead", "instead", "instead"]);
    assert_eq!((&minutes["gets"][0]["status"], &minutes["gets"][0]["by"]["line"]), (&403.into(), &2.into()));
    assert_eq!((&map["not_asked"], &map["further_roles"]), (&0.into(), &0.into()));
    // Each row says something of each visitor.
    for row in areas.iter().flat_map(|area| area["rows"].as_array().expect("a list")) {
        assert_eq!(row["gets"].as_array().expect("a list").len(), 6, "{row}");
    }
}

#[test]
fn the_page_is_one_file_that_escapes_what_it_shows() {
    let folder = members();
    let (status, page) = check(&folder, &["--format", "html"]);
    assert_eq!(status, 0);
    let style = page.find("<style>").expect("a style")..page.find("</style>").expect("its end");
    let mut shown = page.clone();
    shown.replace_range(style, "<style>…");
    insta::assert_snapshot!("map_html", shown.replace("><", ">\n<"));
    assert!(page.contains("from=menu&amp;next=") && !page.contains("<b>"));
    for never in ["<script", "http-equiv", "<link", "<img", "@import", "url("] {
        assert!(!page.contains(never), "{never}");
    }
    let markup = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    // Void elements have no end; the rest is well-formed, so a text that is put in ended nothing.
    let markup = with_ends(markup);
    roxmltree::Document::parse(&markup).unwrap_or_else(|error| panic!("{error}: {markup}"));
}

/// `<meta …>` with an end, so that the page reads as XML.
fn with_ends(markup: &str) -> String {
    let mut parts = markup.split("<meta ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += "<meta ";
        text += &part.replacen('>', "/>", 1);
    }
    text
}

#[test]
fn workflow_commands_point_at_the_lines() {
    let folder = site(&[
        (
            "_redirects",
            "/a /b 301\n/a /b 301\n/x, y: z%0A /q 301\n/m/* /m/:splat 200! Role=a\n\
             /p/1 /m/1 200\n/p/2 /m/2 200\n/p/3 /m/3 200\n",
        ),
        ("m/x.html", ""),
    ]);
    let (status, text) = check(&folder, &["--format", "github"]);
    assert_eq!(status, 1);
    insta::assert_snapshot!("check_github", text);
    let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("::")).collect();
    let last_error = commands.iter().rposition(|line| line.starts_with("::error ")).expect("an error");
    let first_warning = commands.iter().position(|line| line.starts_with("::warning ")).expect("a warning");
    assert!(last_error < first_warning, "{text}");
    // Nothing else is a command, and each is one line.
    assert_eq!(text.lines().count(), commands.len() + 1, "{text}");
}

const ACCEPTED: &str = "\
# rolegate: allow leads-into-gate the preview is meant for everybody
/preview/* /m/:splat 200
/m/* /m/:splat 200! Role=admin
/m/ /login 302 # rolegate: allow fallback-misses-depth only the front page leads to the login
";

#[test]
fn a_comment_accepts_a_finding_and_the_summary_counts_it() {
    let folder = site(&[("_redirects", ACCEPTED), ("m/x.html", ""), ("login.html", "")]);
    let (status, text) = check(&folder, &["--deny", "warnings"]);
    assert_eq!((status, text.lines().count()), (0, 1), "{text}");
    assert!(text.contains("3 rules, no problems, 2 accepted, of which 2 can leave a gate open"), "{text}");
    let (_, all) = check(&folder, &["--all"]);
    assert!(all.contains("   = accepted: the preview is meant for everybody"), "{all}");

    let report = json(&folder, &[]);
    assert_eq!((&report["warnings"], &report["accepted"], &report["accepted_open"]), (&0.into(), &2.into(), &2.into()));
    assert_eq!(report["problems"][0]["accepted"], "the preview is meant for everybody");
    let (_, sarif) = check(&folder, &["--format", "sarif"]);
    let sarif: Value = serde_json::from_str(&sarif).expect("JSON");
    let suppression = &sarif["runs"][0]["results"][0]["suppressions"][0];
    assert_eq!(
        (&suppression["kind"], &suppression["justification"]),
        (&"inSource".into(), &"the preview is meant for everybody".into())
    );
    let (_, github) = check(&folder, &["--format", "github"]);
    assert!(!github.contains("::"), "{github}");
    let (_, page) = check(&folder, &["--format", "html"]);
    assert!(page.contains("the preview is meant for everybody"), "{page}");
}

#[test]
fn a_comment_that_accepts_nothing_is_told() {
    let folder = site(&[(
        "_redirects",
        "# rolegate: allow gate-shadowed it was once\n/a /b 301\n# rolegate: allow leads-into-gates it is meant\n\
         # rolegate: allow duplicate\n/a /b 301\n",
    )]);
    let (status, text) = check(&folder, &["--deny", "warnings"]);
    assert_eq!(status, 1);
    insta::assert_snapshot!("check_allow", text);
    // What is accepted is not mended either.
    let folder = site(&[("_redirects", "/a /b 301\n# rolegate: allow duplicate generated\n/a /b 301\n/a /b 301\n")]);
    let (_, diff) = check(&folder, &["--diff"]);
    assert_eq!(diff.lines().filter(|line| line.starts_with('-') && !line.starts_with("---")).count(), 1, "{diff}");
}
