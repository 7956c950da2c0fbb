//! `rolegate check`: the forms in which problems are written, and what `--fix` does to files.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::io::Write as _;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use common::{seed_site, site};

fn check(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("rolegate");
    command.arg("check").arg(folder.path()).args(arguments).env("NO_COLOR", "1");
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(folder.path().to_str().expect("UTF-8"), "SITE");
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

fn json(folder: &TempDir, arguments: &[&str]) -> Value {
    let (_, stdout, stderr) = check(folder, &[&["--format", "json"], arguments].concat());
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"))
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("read")
}

/// A mark, characters of several bytes, three ways to end a line, and a second file.
const REDIRECTS: &str = "\u{feff}/日本//ü /b 301\r\n\
    /m/* /m/:splat 200! ROLE=ü\r\n\
    \t/x /ü 301 # 日本\r/x /ü 301\n\
    /m/p /login 302\n";
const TOML: &str = "[[redirects]]\nfrom = \"/é//é\" # ü\nto = \"/ü\"\n[[redirects]]\nfrom = '/ü'\nforce = 'ja'\n";

fn mixed() -> TempDir {
    site(&[("_redirects", REDIRECTS), ("netlify.toml", TOML), ("_headers", "/ü ü\n"), ("m/p.html", "")])
}

/// RULES-15: `check` is asked before `serve`, and says what keeps that from starting.
#[cfg(unix)]
#[test]
fn what_is_no_rule_file_is_an_error() {
    use std::os::unix::fs::symlink;

    for name in ["_redirects", "_headers", "netlify.toml"] {
        for (target, why) in [
            ("nowhere", "a link that leads nowhere"),
            ("/dev/zero", "a link that leads out of the site"),
            ("/proc/self/environ", "a link that leads out of the site"),
            ("m", "not a regular file"),
        ] {
            let folder = site(&[("m/x.html", "")]);
            symlink(target, folder.path().join(name)).expect("linked");
            let (status, stdout, stderr) = check(&folder, &[]);
            assert_eq!(status, 2, "{name} to {target}: {stdout}{stderr}");
            assert!(stderr.contains(&format!("SITE/{name}")) && stderr.contains(why), "{name} to {target}: {stderr}");
            assert!(!stderr.contains("PATH="));
        }
        let folder = site(&[("m/x.html", "")]);
        match std::process::Command::new("mkfifo").arg(folder.path().join(name)).status() {
            Ok(made) if made.success() => {}
            _ => {
                let _ = writeln!(std::io::stderr(), "SKIPPED: there is no mkfifo");
                continue;
            }
        }
        let (status, _, stderr) = check(&folder, &[]);
        assert!(status == 2 && stderr.contains("not a regular file"), "{name}: {stderr}");
    }
    // The one that the operator names.
    let folder = site(&[("m/x.html", "")]);
    for (named, why) in
        [("/dev/zero", "not a regular file"), ("/proc/self/environ", "more or less than the system says")]
    {
        let (status, stdout, stderr) = check(&folder, &["--config", named]);
        let is_there = Path::new(named).exists();
        assert!(!is_there || (status == 2 && stderr.contains(why)), "{named}: {stdout}{stderr}");
        assert!(!stderr.contains("PATH=") && !stdout.contains("PATH="));
    }
    // A longer file than is read.
    let folder = site(&[("_redirects", &"#".repeat(17 * 1024 * 1024))]);
    let (status, _, stderr) = check(&folder, &[]);
    assert!(status == 2 && stderr.contains("more than 16 MiB"), "{stderr}");
}

/// STATIC-4
#[cfg(unix)]
#[test]
fn a_link_into_a_gate_is_said() {
    let folder = site(&[("_redirects", "/m/* /m/:splat 200! Role=admin\n"), ("m/x.html", "x")]);
    std::os::unix::fs::symlink("m", folder.path().join("pub")).expect("linked");
    let (status, stdout, _) = check(&folder, &["--deny", "warnings"]);
    assert!(status == 1 && stdout.contains("link-into-gate") && stdout.contains("/pub/x.html"), "{stdout}");
}

#[test]
fn a_messy_file_as_a_person_reads_it() {
    let folder = site(&[
        (
            "_redirects",
            "# our site\n\
             /blog/* /news/:splat 301\n\
             /blog/old /news/old 301\n\
             /admin /admin 200! Role=admin\n\
             /shop//* /shop/:splat 200! Role=customer Country=de\n\
             /a /b 301\n\
             /b /a 301\n\
             /preview/* /:splat 200\n\
             https://www.example.com/intern/* /intern/:splat 200! Role=staff\n\
             /members/* /members/:splat Role=member\n\
             /x /y 301\n\
             /x /y 301\n\
             /app/* /private/:splat 200! Role=member\n\
             /files/ /login 302\n",
        ),
        ("admin/index.html", ""),
        ("admin/users.html", ""),
        ("blog/index.html", ""),
        ("private/plan.html", ""),
    ]);
    let (status, stdout, _) = check(&folder, &[]);
    assert_eq!(status, 1);
    insta::assert_snapshot!("check_messy", stdout);
    let (_, diff, _) = check(&folder, &["--diff"]);
    insta::assert_snapshot!("check_diff", diff);
}

#[test]
fn json_and_sarif_have_one_shape_and_name_the_same_places() {
    let folder = mixed();
    let report = json(&folder, &[]);
    insta::assert_snapshot!(
        "check_json",
        serde_json::to_string_pretty(&report).expect("JSON").replace(folder.path().to_str().expect("UTF-8"), "SITE")
    );
    let (_, stdout, _) = check(&folder, &["--format", "sarif"]);
    insta::assert_snapshot!("check_sarif", stdout);

    let sarif: Value = serde_json::from_str(&stdout).expect("JSON");
    let run = &sarif["runs"][0];
    let (problems, results) =
        (report["problems"].as_array().expect("a list"), run["results"].as_array().expect("a list"));
    assert_eq!(problems.len(), results.len());
    for (problem, result) in problems.iter().zip(results) {
        let file = problem["file"].as_str().expect("a name");
        let text = read(folder.path(), file.rsplit('/').next().expect("a name"));
        let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("small");
        let (start, end) = (number(&problem["start"]), number(&problem["end"]));
        // Counted by hand: what stands at lines and columns is what stands at the bytes.
        let at = |line: &Value, column: &Value| place(&text, file, number(line), number(column));
        assert_eq!(at(&problem["line"], &problem["column"]), start, "{problem:#}");
        assert_eq!(at(&problem["end_line"], &problem["end_column"]), end, "{problem:#}");
        let region = &result["locations"][0]["physicalLocation"]["region"];
        for (mine, other) in
            [("line", "startLine"), ("column", "startColumn"), ("end_line", "endLine"), ("start", "byteOffset")]
        {
            assert_eq!(problem[mine], region[other], "{mine}");
        }
        assert_eq!(number(&region["byteLength"]), end - start);
        assert_eq!(result["ruleId"], problem["id"]);
        let kind = &run["tool"]["driver"]["rules"][number(&result["ruleIndex"])];
        assert_eq!(kind["id"], problem["id"]);
        if let Some(fix) = problem["fix"].as_object() {
            let replacement = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
            assert_eq!(replacement["deletedRegion"]["byteOffset"], fix["start"]);
            assert!(text.is_char_boundary(number(&fix["start"])) && text.is_char_boundary(number(&fix["end"])));
        }
    }
}

/// The byte at a line and a column, counted without the program's help.
fn place(text: &str, file: &str, line: usize, column: usize) -> usize {
    let toml = file.ends_with(".toml");
    let marked = text.replace("\r\n", "\n\n").replace('\r', if toml { "\r" } else { "\n" });
    let mut lines = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    for (at, byte) in marked.bytes().enumerate() {
        let is_first_of_two = bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
        if byte == b'\n' && !is_first_of_two {
            lines.push(start);
            start = at + 1;
        }
    }
    lines.push(start);
    let start = lines[line - 1];
    let mark = if start == 0 && text.starts_with('\u{feff}') { 3 } else { 0 };
    text[start + mark..].char_indices().nth(column - 1).map_or(text.len(), |(at, _)| start + mark + at)
}

#[test]
fn fix_writes_what_changes_nothing_and_leaves_the_rest() {
    let folder = mixed();
    let before = json(&folder, &[]);
    let (status, stdout, _) = check(&folder, &["--fix"]);
    insta::assert_snapshot!("check_fix", stdout);
    assert_eq!(status, 1, "errors are left");
    let after = json(&folder, &["--fix"]);
    assert_eq!((&before["fixable"], &after["fixable"]), (&Value::from(1), &Value::from(0)));
    assert_eq!(after["fixed"], Value::Array(Vec::new()), "the second time there is nothing to do");
    assert_eq!(before["rules"].as_u64().unwrap() - 1, after["rules"].as_u64().unwrap());
    assert_eq!(read(folder.path(), "_redirects"), REDIRECTS.replace("\r/x /ü 301\n", "\r"));
    assert_eq!(read(folder.path(), "netlify.toml"), TOML);
    let left = std::fs::read_dir(folder.path()).expect("read").count();
    assert_eq!(left, 4, "no other file is left behind");
}

#[cfg(unix)]
#[test]
fn fix_keeps_permissions_and_links_and_says_what_it_cannot_write() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = site(&[("kept/rules", "/a /b 301\n/a /b 301\n")]);
    let (link, file) = (folder.path().join("_redirects"), folder.path().join("kept/rules"));
    symlink("kept/rules", &link).expect("a link");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).expect("permitted");
    let fixed = json(&folder, &["--fix"]);
    assert_eq!(fixed["fixed"][0]["before"], "/a /b 301");
    assert_eq!(read(folder.path(), "kept/rules"), "/a /b 301\n");
    assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o640);
}

#[test]
fn diff_writes_nothing() {
    let folder = mixed();
    for arguments in [["--diff"].as_slice(), &["--fix", "--dry-run"]] {
        let (_, stdout, _) = check(&folder, arguments);
        assert!(stdout.contains("-\t/x /ü 301") || stdout.contains("-/x /ü 301"), "{stdout}");
        assert_eq!(read(folder.path(), "_redirects"), REDIRECTS);
    }
}

#[test]
fn a_diff_of_nothing_is_empty_and_says_so_beside_it() {
    let folder = site(&[("_redirects", "/a /b 301\n")]);
    let (status, stdout, stderr) = check(&folder, &["--diff"]);
    assert_eq!((status, stdout.as_str(), stderr.as_str()), (0, "", "nothing to mend: no problems\n"));
    let folder = site(&[("_redirects", "/m/* 200! Role=member\n/m/ /login 302\n"), ("m/x.html", "")]);
    let (status, stdout, stderr) = check(&folder, &["--diff"]);
    assert_eq!((status, stdout.as_str()), (0, ""));
    assert_eq!(stderr, "nothing to mend without you: 1 warning, which `rolegate check SITE` tells\n");
}

#[test]
fn a_kind_that_is_found_many_times_is_told_once() {
    let rules: String = (0..40).map(|at| format!("/x{at}/foo* /y{at} 301\n")).collect();
    let folder = site(&[("_redirects", &rules)]);
    let (_, text, _) = check(&folder, &[]);
    assert_eq!(text.matches("warning[from-prefix-star]").count(), 1, "{text}");
    assert!(text.contains("found 39 times more, on lines 2 to 40; --all shows each"), "{text}");
    assert!(text.contains("40 rules, 40 warnings"), "{text}");
    let (_, text, _) = check(&folder, &["--all"]);
    assert_eq!(text.matches("warning[from-prefix-star]").count(), 40);
    assert_eq!(json(&folder, &[])["problems"].as_array().expect("a list").len(), 40);
}

#[test]
fn of_a_kind_that_is_found_on_many_lines_a_few_are_named() {
    let rules: String = (0..40).map(|at| format!("/x{at}/foo* /y{at} 301\n/z{at} /y 301\n")).collect();
    let (_, text, _) = check(&site(&[("_redirects", &rules)]), &[]);
    let told = "39 times more, on lines 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, and 27 more; --all shows each";
    assert!(text.contains(told), "{text}");
}

#[test]
fn warnings_can_be_denied() {
    let folder = seed_site();
    assert_eq!(check(&folder, &[]).0, 0);
    assert_eq!(check(&folder, &["--deny", "warnings"]).0, 1);
    let clean = site(&[("_redirects", "/a /b 301\n")]);
    assert_eq!(check(&clean, &["--deny", "warnings", "--format", "sarif"]).0, 0);
}

#[test]
fn one_kind_is_explained() {
    let explain = |id: &str| {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("rolegate");
        let output = command.args(["check", "--explain", id]).env("NO_COLOR", "1").output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (status, text) = explain("leads-into-gate");
    assert_eq!(status, Some(0));
    assert!(text.starts_with("leads-into-gate\n\nWarning (L6): ") && text.contains("\n- Visitor: "), "{text}");
    let (status, text) = explain("nonsense");
    assert_eq!(status, Some(2));
    assert!(text.contains("gate-shadowed"), "{text}");
}

#[test]
fn no_number_of_rules_takes_time_in_its_square() {
    let each: [fn(usize) -> String; 3] = [
        |_| "/a/* /b/:splat 301\n".to_owned(),
        |at| format!("/a/* /x{at}/:splat 200! Role=r{at} Country=de\n"),
        |at| if at % 2 == 0 { format!("/n{at} /x 302\n") } else { format!("/x /y{at} 302 Role=r{at}\n") },
    ];
    for rule in each {
        let text: String = (0..20_000).map(rule).collect();
        let folder = site(&[("_redirects", &text)]);
        let started = std::time::Instant::now();
        json(&folder, &[]);
        assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    }
}
