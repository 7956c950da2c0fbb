//! What reading names to write in the place of what is in error: for each kind of error the smallest file, and the file as the proved
//! edit writes it, or why there is none (LINT-1, RULES-9).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::collections::BTreeSet;

use rolegate::span::RuleFile;
use rolegate::{MemorySite, Problem, RuleFiles, RuleSet, Severity};
use rolegate_check::lint::lint_with;
use rolegate_check::{catalogue, entries};

const FILES: &[&str] = &["/index.html", "/m/x.html", "/m/index.html", "/b.html", "/login.html", "/a.html"];

const OTHER_READING: &str = "something else may be meant";
const NOT_SAID: &str = "nobody says what was meant";
const OPENS: &str = "it would open what is sealed to more than those whom the line names";

/// A kind, a line of `_redirects`, and the line as the edit writes it, or why there is none.
type Row = (&'static str, &'static str, Result<&'static str, &'static str>);

const REDIRECTS: &[Row] = &[
    ("bare-word", "/m/* 200 ! Role=admin", Ok("/m/* 200! Role=admin")),
    ("bare-word", "/m/* 200! ! Role=admin", Err(OTHER_READING)),
    ("bare-word", "/m/* 200! Role = admin", Ok("/m/* 200! Role=admin")),
    ("bare-word", "/m/* 200! Role =admin", Ok("/m/* 200! Role=admin")),
    ("bare-word", "/m/* 200! Role: admin", Ok("/m/* 200! Role=admin")),
    ("bare-word", "/m/* 200! role:admin", Ok("/m/* 200! Role=admin")),
    ("bare-word", "/m/* 200! Role: admin, editor", Ok("/m/* 200! Role=admin,editor")),
    ("bare-word", "/m/* 200! Role=admin ,editor", Ok("/m/* 200! Role=admin,editor")),
    ("bare-word", "/m/* 200! Role=admin , editor", Ok("/m/* 200! Role=admin,editor")),
    ("bare-word", "/m/* 200! Role admin", Err(OTHER_READING)),
    ("bare-word", "/m/* 200! Role=admin editor", Err(OTHER_READING)),
    ("bare-word", "/m/* 200! Role = admin editor", Err(OTHER_READING)),
    ("bare-word", "/m/* 200! Role = 'admin'", Err("it is quoted besides")),
    ("condition-empty", "/m/* 200! Role=[admin, editor]", Err("it stands in brackets besides")),
    ("bare-word", "/m/* 200! Group: admin", Err(NOT_SAID)),
    ("bare-word", "/m/* 200! /m/:splat Role=admin", Ok("/m/* /m/:splat 200! Role=admin")),
    ("bare-word", "/m/* 200! Role=admin /m/:splat", Ok("/m/* /m/:splat 200! Role=admin")),
    ("bare-word", "/m/* /m/:splat 200! /login Role=admin", Err(OTHER_READING)),
    ("bare-word", "/m/* 200! Role=admin // the team", Ok("/m/* 200! Role=admin # the team")),
    ("bare-word", "/m/* 200! Role=admin //the team", Ok("/m/* 200! Role=admin # the team")),
    ("bare-word", "/old -> /b 301", Ok("/old /b 301")),
    ("bare-word", "/my page /b 301", Err(NOT_SAID)),
    ("condition-empty", "/m/* 200! Role=admin, editor", Ok("/m/* 200! Role=admin,editor")),
    ("condition-empty", "/m/* 200! Role= admin", Ok("/m/* 200! Role=admin")),
    ("condition-empty", "/m/* 200! Role=admin,", Err(NOT_SAID)),
    ("condition-empty", "/m/* 200! Role=", Err(NOT_SAID)),
    ("condition-empty", "/m/* 200! Role=a, Country=de", Err(NOT_SAID)),
    ("condition-repeated", "/m/* 200! Role=admin Role=editor", Err("one of the two may be asked for, or both")),
    ("condition-unknown", "/m/* 200! Roles=admin", Ok("/m/* 200! Role=admin")),
    ("condition-unknown", "/m/* 200! ROLE=admin,editor", Ok("/m/* 200! Role=admin,editor")),
    ("condition-unknown", "/m/* 200! Rolle=*", Ok("/m/* 200! Role=*")),
    ("condition-unknown", "/m/* 200! Role!=guest", Err("a role rule names those whom it lets in")),
    ("condition-unknown", "/m/* 200! Roles=admin Country=de", Err(OPENS)),
    ("condition-unknown", "/m/* 200! Group=admin", Err(NOT_SAID)),
    ("condition-unknown", "/old /b 302 Contry=de", Ok("/old /b 302 Country=de")),
    ("control-character", "/m/*\u{200b} 200! Role=admin", Ok("/m/* 200! Role=admin")),
    ("control-character", "/m/* 200! Ro\u{ad}le=adm\u{200b}in", Ok("/m/* 200! Role=admin")),
    ("control-character", "/m/* 200!\u{b}Role=admin", Err("it may have parted two words")),
    ("from-backslash", "/old\\a /b 301", Ok("/old/a /b 301")),
    ("from-backslash", "/m\\* 200! Role=admin", Err(OPENS)),
    ("from-control", "/old%0A /b 301", Err(NOT_SAID)),
    ("from-double-star", "/m/** /m/:splat 200! Role=admin", Ok("/m/* /m/:splat 200! Role=admin")),
    ("from-double-star", "/m** /m/:splat 200! Role=admin", Err(OTHER_READING)),
    ("from-double-star", "/m/**/x /m/x 200! Role=admin", Err(OTHER_READING)),
    ("from-encoded-slash", "/old%2fa /b 301", Ok("/old/a /b 301")),
    ("from-escape", "/100% /b 301", Ok("/100%25 /b 301")),
    ("from-escape", "/m/100%/* /b 200! Role=admin", Err(OPENS)),
    ("from-fragment", "/old#a /b 301", Err(OTHER_READING)),
    ("from-host", "https://a_b!/old /b 301", Err(NOT_SAID)),
    ("from-many-stars", "/*/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a /b 301", Err(NOT_SAID)),
    ("from-not-a-path", "\"/m/*\" \"/m/:splat\" 200! Role=admin", Ok("/m/* /m/:splat 200! Role=admin")),
    ("from-not-a-path", "'/old' /b 301", Ok("/old /b 301")),
    ("from-not-a-path", "\u{ff0f}m/* /m/:splat 200! Role=admin", Ok("/m/* /m/:splat 200! Role=admin")),
    ("from-not-a-path", "www.a.example/* /b 301", Err("a path alone may be meant")),
    ("from-not-a-path", "X-Frame-Options: DENY", Err("it belongs into another file")),
    ("from-query", "/old?p=1&q=2 /b 301", Ok("/old p=1 q=2 /b 301")),
    ("from-query", "/old?p /b 301", Err(OTHER_READING)),
    ("from-query", "/m/x?p=1 /m/x 200! Role=admin", Err(OPENS)),
    ("from-reserved", "/.netlify/functions/x /b 200! Role=admin", Err("no rule is met there")),
    ("from-utf8", "/%E9 /b 301", Err("nobody says in which encoding it is")),
    ("line-too-long", "/", Err("what is to be left out nobody says")),
    ("query-key-empty", "/old =1 /b 301", Err(NOT_SAID)),
    ("query-key-repeated", "/old p=1 p=2 /b 301", Err("one of the two may be meant")),
    ("query-role", "/m/* Role=admin /m/:splat 200!", Ok("/m/* /m/:splat 200! Role=admin")),
    ("query-role", "/m/* Role=admin 200!", Ok("/m/* 200! Role=admin")),
    ("query-role", "/m/* role=:role /m/:splat 200!", Err(OTHER_READING)),
    ("query-role", "/m/* Role=admin /m/:splat", Err(NOT_SAID)),
    ("role-punctuation", "/m/* 200! Role=\"admin\"", Ok("/m/* 200! Role=admin")),
    ("role-punctuation", "/m/* 200! Role=admin;editor", Ok("/m/* 200! Role=admin,editor")),
    ("role-punctuation", "/m/* 200! Role=admin|editor", Ok("/m/* 200! Role=admin,editor")),
    ("role-punctuation", "/m/* 200! Role=[\"admin\",'editor']", Ok("/m/* 200! Role=admin,editor")),
    ("role-punctuation", "/m/* 200! Role=\u{201c}admin\u{201d}", Ok("/m/* 200! Role=admin")),
    ("role-punctuation", "/m/* 200! Role=R&D", Err("it may be the name of one")),
    ("role-punctuation", "/m/* 200! Role=admin&&editor", Err("both may be asked for")),
    ("role-punctuation", "/m/* 200! Role=admin=editor", Err(OTHER_READING)),
    ("role-punctuation", "/m/* 200! Role=admin(boss)", Err(OTHER_READING)),
    ("role-punctuation", "/m/* 200! Role=${ROLE}", Err("nothing stands in the place of a variable")),
    ("role-punctuation", "/m/* 200! Role=\"the admin\"", Err(OTHER_READING)),
    ("role-punctuation", "/m/* 200! Country=de;Role=admin", Err(OPENS)),
    ("role-punctuation", "/m/x /b 302 Role=\"admin\"", Err(OPENS)),
    ("role-punctuation", "/m/* id=1 /m/:splat 200! Role=\"admin\"", Err(OPENS)),
    ("role-punctuation", "/m/* 200! Role=\"admin\"\n/m/* 200! Role=editor", Err(OPENS)),
    ("role-punctuation", "/m/* 200! Role=\"admin\"\n/* 200! Role=editor", Err(OPENS)),
    ("role-punctuation", "/m/* 200! Role=\"admin\"\n/m/* /b/:splat 200", Err(OPENS)),
    ("role-punctuation", "/n/* 200! Role=editor\n/m/* /n/:splat 200! Role=\"admin\"", Err(OPENS)),
    ("role-punctuation", "/m/* 200! Role=\"admin\"\n/m/* /login 401!", Ok("/m/* 200! Role=admin\n/m/* /login 401!")),
    ("sign-variable", "/old https://up.example/ 200 Sign=A-B", Err(NOT_SAID)),
    ("status-invalid", "/m/* 200\u{ff01} Role=admin", Ok("/m/* 200! Role=admin")),
    ("status-invalid", "/m/* /m/:splat 20 Role=admin", Err(NOT_SAID)),
    ("status-missing", "/m/* /m/:splat Role=admin 200!", Ok("/m/* /m/:splat 200! Role=admin")),
    ("status-missing", "/m/* /m/:splat Role=admin", Err("one of several statuses")),
    ("to-absolute", "/old https://up.example/ 404", Err(OTHER_READING)),
    ("to-host", "/old https://a_b!/ 301", Err(NOT_SAID)),
    (
        "to-missing",
        "/m/x 200! Role=admin",
        Err("other gates would serve `/m/x.html` beside it, which is a finding of its own"),
    ),
    ("to-missing", "/login/:x 200! Role=admin", Ok("/login/:x /login/:x 200! Role=admin")),
    ("to-missing", "/old 301 /b", Ok("/old /b 301")),
    ("to-missing", "/old 301", Err(NOT_SAID)),
    ("to-missing", "/old,/b,301", Ok("/old /b 301")),
    ("to-name-in-host", "/old/* https://up.example:splat 301", Ok("/old/* https://up.example/:splat 301")),
    ("to-name-in-host", "/old/:x https://up-:x.example/ 301", Err(NOT_SAID)),
    ("to-name-in-upstream", "/old/:x https://:x.example/ 200", Err(OTHER_READING)),
    ("to-not-a-path", "/old www.b.example/c 301", Ok("/old https://www.b.example/c 301")),
    ("to-not-a-path", "/old b.html 301", Ok("/old /b.html 301")),
    ("to-not-a-path", "/old c.html 301", Err("there is no such file")),
    ("to-not-a-path", "/old \"/b\" 301", Ok("/old /b 301")),
    ("to-not-a-path", "/m/* !200 Role=admin", Ok("/m/* 200! Role=admin")),
    ("to-not-a-path", "// what is old", Ok("# what is old")),
    ("to-not-a-path", "/* what is old */", Ok("# what is old")),
    ("to-not-a-path", "/old there 301", Err(NOT_SAID)),
    ("to-other-site", "/old //b.example/ 301", Err(OTHER_READING)),
    ("too-many-captures", "/old", Err("which of them are needed nobody says")),
    ("white-space", "/old\u{a0}/b 301", Err("the space may belong to a path")),
    // LINT-1: what shows a page to all would stand above a gate.
    (
        "to-not-a-path",
        "/m/* \"/b.html\" 200\n/m/* 200! Role=admin",
        Err("a public rule would stand above a gate that it meets"),
    ),
];

/// The fields of an entry but `from` and `to`.
const ENTRIES: &[Row] = &[
    (
        "condition-comma",
        "status = 200\nforce = true\nconditions = { Role = ['admin,editor'] }",
        Ok("status = 200\nforce = true\nconditions = { Role = [\"admin\", \"editor\"] }"),
    ),
    (
        "condition-empty",
        "status = 200\nforce = true\nconditions = { Role = ['admin', ''] }",
        Ok("status = 200\nforce = true\nconditions = { Role = [\"admin\"] }"),
    ),
    ("condition-empty", "status = 200\nforce = true\nconditions = { Role = 'admin,' }", Err(NOT_SAID)),
    (
        "condition-unknown",
        "status = 200\nforce = true\n[redirects.conditions]\nRoles = ['admin']",
        Ok("status = 200\nforce = true\n[redirects.conditions]\nRole = [\"admin\"]"),
    ),
    (
        "condition-unknown",
        "[redirects.conditions]\nRole = ['admin']\nstatus = 200\nforce = true",
        Ok("status = 200\nforce = true\n[redirects.conditions]\nRole = ['admin']"),
    ),
    (
        "control-character",
        "status = 200\nforce = true\nconditions = { Role = ['ad\u{200b}min'] }",
        Ok("status = 200\nforce = true\nconditions = { Role = ['admin'] }"),
    ),
    ("header-name", "status = 200\nheaders = { 'X A' = 'b' }", Err(NOT_SAID)),
    ("header-of-the-connection", "status = 200\nheaders = { Host = 'b' }", Err("what it was for would be lost unsaid")),
    ("header-repeated", "status = 200\nheaders = { X-A = 'b', x-a = 'c' }", Err("one of the two may be meant")),
    (
        "role-punctuation",
        "status = 200\nforce = true\nconditions = { Role = ['\"admin\"'] }",
        Ok("status = 200\nforce = true\nconditions = { Role = [\"admin\"] }"),
    ),
    (
        "role-punctuation",
        "status = 200\nforce = true\nconditions = { Role = 'admin;editor' }",
        Ok("status = 200\nforce = true\nconditions = { Role = \"admin,editor\" }"),
    ),
    (
        "status-invalid",
        "  status = '200!'\n  conditions = { Role = ['admin'] }",
        Ok("  status = 200\n  force = true\n  conditions = { Role = ['admin'] }"),
    ),
    ("status-invalid", "status = '200!'\nforce = false\nconditions = { Role = ['admin'] }", Err(OTHER_READING)),
    ("toml-field-repeated", "status = 200\norigin = '/x'", Err("one of the two may be meant")),
    (
        "toml-field-unknown",
        "status = 200\nforce = true\nRole = ['admin']",
        Ok("status = 200\nforce = true\nconditions = { Role = [\"admin\"] }"),
    ),
    (
        "toml-field-unknown",
        "status = 200\nforce = true\ncondition = { Role = ['admin'] }",
        Ok("status = 200\nforce = true\nconditions = { Role = ['admin'] }"),
    ),
    (
        "toml-force",
        "status = 200\nforce = 'true'\nconditions = { Role = ['admin'] }",
        Ok("status = 200\nforce = true\nconditions = { Role = ['admin'] }"),
    ),
    ("toml-force", "status = 200\nforce = 1\nconditions = { Role = ['admin'] }", Err(NOT_SAID)),
    (
        "toml-syntax",
        "status = 200\nforce = true\n[redirects.conditions]\nRole = teacher # those of the school",
        Ok("status = 200\nforce = true\n[redirects.conditions]\nRole = \"teacher\" # those of the school"),
    ),
    (
        "toml-syntax",
        "status = 200\nforce = true\n[redirects.conditions]\nRole = admin",
        Ok("status = 200\nforce = true\n[redirects.conditions]\nRole = \"admin\""),
    ),
    (
        "toml-syntax",
        "status = 200!\nconditions = { Role = ['admin'] }",
        Ok("status = 200\nforce = true\nconditions = { Role = ['admin'] }"),
    ),
    (
        "toml-syntax",
        "status = 200\nforce = true\n[redirects.conditions]\nRole = [admin]",
        Err("what stands in the list nobody says"),
    ),
    (
        "toml-type",
        "status = 200\nforce = true\nconditions = { Role = 5 }",
        Ok("status = 200\nforce = true\nconditions = { Role = \"5\" }"),
    ),
    ("toml-type", "status = 200\nforce = true\nconditions = 'Role=admin'", Err("the help is an example")),
    (
        "white-space",
        "status = 200\nforce = true\nconditions = { Role = [' admin'] }",
        Ok("status = 200\nforce = true\nconditions = { Role = [\"admin\"] }"),
    ),
];

/// Whole files of the name `netlify.toml`.
const TOML: &[Row] = &[
    ("from-missing", "[[redirects]]\nto = '/b'\n", Err(NOT_SAID)),
    ("invalid-utf8", "", Err("nobody says in which encoding it is")),
    (
        "to-not-a-path",
        "[[redirects]]\nfrom = '/old'\nto = 'www.b.example'\n",
        Ok("[[redirects]]\nfrom = '/old'\nto = 'https://www.b.example'\n"),
    ),
    (
        "toml-headers",
        "[headers]\nfor = '/a'\n",
        Err("the entries would stand in it as they are, and nobody has read them"),
    ),
    (
        "toml-misplaced",
        "[[redirect]]\nfrom = '/m/*'\nconditions = { Role = ['admin'] }\n",
        Err("each heading would be written anew"),
    ),
    ("toml-redirects", "[redirects]\nfrom = '/old'\nto = '/b'\n", Ok("[[redirects]]\nfrom = '/old'\nto = '/b'\n")),
    ("toml-redirects", "redirects = ['/a /b']\n", Err(NOT_SAID)),
    ("toml-role-in-path", "[[redirects]]\nfrom = '/m/* Role=admin'\nto = '/m/:splat'\n", Err("the help is an example")),
    (
        "toml-syntax",
        "[redirects]\nfrom = '/old'\nto = '/b'\n[redirects]\nfrom = '/older'\nto = '/b'\n",
        Ok("[[redirects]]\nfrom = '/old'\nto = '/b'\n[[redirects]]\nfrom = '/older'\nto = '/b'\n"),
    ),
    ("toml-syntax", "[[redirects]]\nfrom = /old\nto = '/b'\n", Ok("[[redirects]]\nfrom = \"/old\"\nto = '/b'\n")),
    ("toml-syntax", "[[redirects]\n", Err(NOT_SAID)),
    (
        "toml-syntax",
        "[[redirects]]\nfrom = '/old'\nto = '/b'\nforce = True\n",
        Ok("[[redirects]]\nfrom = '/old'\nto = '/b'\nforce = true\n"),
    ),
];

/// Whole files of the name `_headers`.
const HEADERS: &[Row] = &[
    ("basic-auth", "/a\n  Basic-Auth: a:b\n", Err("a password is no role")),
    ("header-value", "/a\n  X-A:\n", Err(OTHER_READING)),
    ("header-reserved", "/a\n  Content-Length: 5\n  X-A: b\n", Ok("/a\n  X-A: b\n")),
    ("header-reserved", "/a\n  Location: /b\n", Err("it belongs into another file")),
    ("no-colon", "/a\n  X-A b\n", Err(OTHER_READING)),
    ("no-path", "X-A: b\n", Err(NOT_SAID)),
    ("not-utf-8", "", Err("nobody says in which encoding it is")),
    ("path-dots", "/a/../b\n  X-A: b\n", Err("what is meant may be another path")),
    ("path-query", "/a?b=1\n  X-A: b\n", Ok("/a\n  X-A: b\n")),
    ("path-space", "/a X-A: b\n", Err(OTHER_READING)),
    ("path-unreadable", "/a%zz\n  X-A: b\n", Err(NOT_SAID)),
    ("rule-in-headers", "/m/* 200! Role=admin\n", Err("where it goes in another file nobody says")),
    ("too-many-names", "", Err("which of them are needed nobody says")),
    ("url-for-path", "https://a.example/a\n  X-A: b\n", Ok("/a\n  X-A: b\n")),
    ("url-for-path", "https://a.example\n  X-A: b\n", Err(NOT_SAID)),
];

fn found(files: RuleFiles<'_>) -> Vec<Problem> {
    let parsed = RuleSet::read(files);
    lint_with(parsed.problems, files, &parsed.rules, &MemorySite::new(FILES.iter().copied()))
}

fn files(file: RuleFile, text: &str) -> RuleFiles<'_> {
    let none = RuleFiles { redirects: b"", toml: b"", headers: b"" };
    match file {
        RuleFile::Redirects => RuleFiles { redirects: text.as_bytes(), ..none },
        RuleFile::Toml => RuleFiles { toml: text.as_bytes(), ..none },
        RuleFile::Headers => RuleFiles { headers: text.as_bytes(), ..none },
    }
}

/// The file as the advice on the first problem of a kind writes it.
fn edited(file: RuleFile, text: &str, id: &str) -> Option<String> {
    let problems = found(files(file, text));
    assert!(problems.iter().all(|problem| problem.instead.is_empty()), "{text}: what is not proved is not told");
    let told = || problems.iter().map(|problem| format!("{}: {}", problem.id, problem.help)).collect::<Vec<_>>();
    let Some(problem) = problems.iter().find(|problem| problem.id == id) else { return Some(format!("{:?}", told())) };
    let mut written = entries::written(problem.advice.as_ref()?, files(file, text)).unwrap();
    written.sort_by_key(|(_, change)| std::cmp::Reverse((change.range.start, change.range.end)));
    let mut after = text.to_owned();
    for (of, change) in written {
        assert_eq!(of, file);
        after.replace_range(change.range, &change.text);
    }
    let left = found(files(file, &after));
    let still = left.iter().find(|problem| problem.severity == Severity::Error);
    Some(still.map_or(after, |problem| format!("{problem:?}")))
}

fn look(file: RuleFile, rows: &[Row], whole: impl Fn(&str) -> String, wrong: &mut Vec<String>) {
    for (id, text, expected) in rows.iter().filter(|(_, text, _)| text.len() > 1 && *text != "/old") {
        let (text, expected) = (whole(text), expected.ok().map(&whole));
        let after = edited(file, &text, id);
        if after != expected {
            wrong.push(format!("{id} {text:?}\n  is      {after:?}\n  expected {expected:?}"));
        }
    }
}

#[test]
fn lint_1_errors_have_the_one_edit_that_is_proved() {
    let mut wrong = Vec::new();
    look(RuleFile::Redirects, REDIRECTS, |line| format!("{line}\n"), &mut wrong);
    let entry = |fields: &str| format!("[[redirects]]\nfrom = '/m/*'\nto = '/m/:splat'\n{fields}\n");
    look(RuleFile::Toml, ENTRIES, entry, &mut wrong);
    look(RuleFile::Toml, TOML, str::to_owned, &mut wrong);
    look(RuleFile::Headers, HEADERS, str::to_owned, &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_error_stands_in_the_table() {
    let told: BTreeSet<&str> = [REDIRECTS, ENTRIES, TOML, HEADERS].concat().iter().map(|(id, ..)| *id).collect();
    let errors = catalogue::all().filter(|entry| entry.severity == Severity::Error).map(|entry| entry.id);
    // No line of a file is blank and one of these.
    let missing: Vec<&str> = errors.filter(|id| *id != "blank" && !told.contains(id)).collect();
    assert_eq!(missing, [""; 0], "of these the table says nothing");
}
