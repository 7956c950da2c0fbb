//! What `check` finds: every trap and its near miss, and the table of all kinds of problems.
//!
//! `GATECHECK_UPDATE=1 cargo test -p rolegate-check --test lints` writes `LINTS.md` anew.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails may panic"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rolegate::{MemorySite, Problem, RuleFiles, RuleSet};
use rolegate_check::catalogue::{self, TRAPS};
use rolegate_check::lint::{lint, lint_pages, lint_with};

fn found(redirects: &str, toml: &str, files: &[&str]) -> Vec<Problem> {
    let rule_files = RuleFiles { redirects: redirects.as_bytes(), toml: toml.as_bytes(), headers: b"" };
    let parsed = RuleSet::read(rule_files);
    lint_with(parsed.problems, rule_files, &parsed.rules, &MemorySite::new(files.iter().copied()))
}

fn ids(problems: &[Problem]) -> Vec<&str> {
    let mut ids: Vec<&str> = problems.iter().map(|problem| problem.id).collect();
    ids.sort_unstable();
    ids
}

const GATE: &str = "/m/* /m/:splat 200! Role=admin\n";

/// Rules after `GATE`, files, and what is found.
const AFTER_A_GATE: &[(&str, &[&str], &[&str])] = &[
    ("", &["/m/x.html"], &[]),
    // L5: below the gate a public rule is the answer for those who are denied.
    ("/m/* /login 302", &["/m/x.html", "/login.html"], &[]),
    // L6: anything that can reach the gated tree.
    ("/p/* /m/:splat 200", &[], &["leads-into-gate"]),
    ("/p/* /:splat 200", &["/m/x.html"], &["leads-into-gate"]),
    ("/:a/p/* /:a/:splat 200", &[], &["leads-into-gate"]),
    ("/p /m/x 200", &[], &["leads-into-gate"]),
    ("/p/* /m/:splat 404", &[], &["leads-into-gate"]),
    ("/p/* /m/:splat 302", &[], &[]),
    ("/p/* /q/:splat 200", &[], &[]),
    ("/p/* https://a.example/m/:splat 200", &[], &[]),
    // What lies behind a name, or before it, and what is spelled otherwise.
    ("/p/:x /m/:x.html 200", &["/m/x.html"], &["leads-into-gate"]),
    ("/p/:x /m/:x.html 200", &[], &["leads-into-gate"]),
    ("/p/* /m/drafts/:splat.pdf 200", &["/m/a.html", "/m/drafts/z.pdf"], &["leads-into-gate"]),
    ("/p/:id /m/:id/pdf/:id.pdf 200", &["/m/7/pdf/7.pdf"], &["leads-into-gate"]),
    ("/p/* /p/../m/:splat 200", &["/m/x.html"], &["leads-into-gate"]),
    ("/p/* /m/./:splat 200", &["/m/x.html"], &["leads-into-gate"]),
    ("/p/* /m/../q/:splat 200", &["/m/x.html"], &[]),
    ("/p q=:x /m/:x 200", &["/m/x.html"], &["leads-into-gate", "query-capture-in-path"]),
    ("/p/:x /q/:x.html 200", &["/m/x.html"], &[]),
    // Holders of another role.
    ("/p/* /m/:splat 200! Role=editor", &[], &["leads-into-gate"]),
    ("/p/* /m/:splat 200! Role=admin", &[], &[]),
    ("/m/* 200! Role=editor\n/p/* /m/:splat 200! Role=editor", &[], &[]),
    ("/p/* /m/:splat 200! Role=*", &[], &["leads-into-gate"]),
    // The front page of what the gate keeps, for those whom it denies.
    ("/m/* /m/index.html 200", &["/m/index.html", "/m/x.html"], &["leads-into-gate"]),
    ("/m/* /m/index.html 200!", &["/m/index.html", "/m/x.html"], &["leads-into-gate"]),
    ("/m/* /m/index.html 200", &[], &["leads-into-gate"]),
    ("/m/* /m/ 200", &["/m/index.html", "/login.html"], &["leads-into-gate"]),
    ("/m/* /m/teaser 200!", &["/m/index.html", "/m/teaser.html"], &[]),
    ("/m/* /m/index.html 401", &["/m/index.html"], &[]),
    ("/m/* /index.html 200", &["/m/index.html", "/index.html"], &[]),
    // L16
    ("/m/ /login 404", &["/login.html"], &["fallback-misses-depth"]),
    ("/m /login 302", &[], &["fallback-misses-depth"]),
    ("/m/* /login 404", &["/login.html"], &[]),
    ("/m /login 302\n/m/* /login 404", &[], &[]),
    ("/m/deep /login 302", &[], &[]),
    // ROLE-3: a denial does not lead back to what was denied.
    ("/m/* /m/:splat 200!", &["/m/x.html"], &["gate-undone"]),
    ("/* /:splat 200!", &["/m/x.html"], &[]),
];

const FORWARDED_GATE: &str = "/m/* http://up.example/m/:splat 200! Role=admin\n";

/// Rules after `FORWARDED_GATE`, and what is found.
const AFTER_A_FORWARDED_GATE: &[(&str, &[&str])] = &[
    ("", &[]),
    ("/* http://up.example/:splat 200!", &["gate-undone"]),
    ("/* http://up.example/:splat 200", &["gate-undone"]),
    ("/m/* https://UP.example.:443/m/:splat 200!", &["gate-undone"]),
    ("/* http://up.example/:splat 200! Country=de", &["gate-undone"]),
    ("/* http://up.example/:splat 200! Role=user", &["gate-wider-below"]),
    ("/* http://other.example/:splat 200!", &[]),
    ("/* http://up.example/public/:splat 200!", &[]),
    ("/* http://up.example/:splat 302", &[]),
    ("/m/* /login 302\n/* http://up.example/:splat 200!", &[]),
    ("/m/* http://up.example/login 200!", &[]),
    // At paths that the gate does not cover.
    ("/p/* http://up.example/m/:splat 200!", &["gate-undone"]),
    ("/p/* http://up.example/:splat 200!", &["gate-undone"]),
    ("/p http://up.example/m/x 200!", &["gate-undone"]),
    ("/p http://up.example/x 200!", &[]),
    ("/p/* http://other.example/m/:splat 200!", &[]),
    ("/p/:x http://up.example/:x/secret 200!", &["gate-undone"]),
    ("/p/:x http://up.example/m/:x.pdf 200!", &["gate-undone"]),
    ("/p/* http://up.example/x/../m/:splat 200!", &["gate-undone"]),
    ("/p/* http://up.example/m/../x/:splat 200!", &[]),
    // The denied are sent to what is fetched for others.
    ("/m/* http://up.example/m/:splat 302", &["gate-undone"]),
    ("/m/* http://up.example/login 302", &[]),
    ("/m/* https://other.example/m/:splat 302", &[]),
    ("/m/* /login 302\n/m/* http://up.example/m/:splat 302", &["rule-unreachable"]),
];

/// Files of a site, one of which gates close in what follows.
const SOME: &[&str] = &["/index.html", "/login.html", "/m/x.html", "/de/index.html"];

/// The same of a site where some of it is for those who pay.
const PAID: &[&str] = &["/index.html", "/login.html", "/upgrade.html", "/premium/index.html", "/premium/x.html"];

/// The same of a site where people log in.
const LOG_IN: &[&str] = &["/index.html", "/login.html", "/404.html", "/app/index.html"];

/// Trees in one another, and pages for those who hold a role beside those for everybody else.
const NESTED: &[&str] = &["/index.html", "/login.html", "/app/index.html", "/app/x/index.html", "/other/index.html"];
const FRONT: &[&str] = &["/index.html", "/a.html", "/start.html", "/login.html", "/404.html", "/m/x.html"];
const DASHBOARD: &[&str] = &["/index.html", "/login.html", "/d/admin/index.html", "/d/user/index.html"];
const PER_ROLE: &[&str] = &["/index.html", "/d.html", "/d-pro.html", "/start.html"];

/// A site with functions, and what is found where those get one whom a gate denies.
const BUILT: &[&str] = &["/index.html", "/login.html"];
const OPEN_TWICE: &[&str] = &["gate-function-open", "gate-undone"];

/// Rules by themselves, files, and what is found.
const ALONE: &[(&str, &[&str], &[&str])] = &[
    // A forced 404 for everything, the front page too; a page that says that the site is closed is meant.
    ("/* /404.html 404!", FRONT, &["files-swallowed"]),
    ("/m/* 200! Role=a\n/* /404.html 404!", FRONT, &["files-swallowed"]),
    ("/* /404.html 404", FRONT, &[]),
    ("/ /index.html 200\n/* /404.html 404!", FRONT, &[]),
    ("/m/* /404.html 404!", FRONT, &[]),
    ("/* /404.html 404! Country=de", FRONT, &[]),
    ("https://old.example/* /404.html 404!", FRONT, &[]),
    ("/* /maintenance.html 404!", &["/index.html", "/maintenance.html"], &[]),
    // With a role one page in the place of all other files below it, be they pages or not.
    (
        "/app/* /app/index.html 200! Role=a\n/app/* /login 401!",
        &["/index.html", "/login.html", "/app/index.html", "/app/config.yml"],
        &["files-swallowed"],
    ),
    (
        "/app/* /app/index.html 200 Role=a\n/app/* /login 401!",
        &["/index.html", "/login.html", "/app/index.html", "/app/config.yml"],
        &[],
    ),
    // What stands for nothing in a destination is told once.
    ("/old/* /m/* 301", SOME, &["to-literal-star"]),
    ("/old/(.*) /m/$1 301", SOME, &["from-foreign-syntax", "to-foreign-syntax"]),
    ("/old/:id /m/:di 301", SOME, &["to-unknown-name"]),
    ("/old/[id] /m/[id] 200", SOME, &["from-foreign-syntax", "to-foreign-syntax"]),
    ("/old/{id} /m/{id} 301", SOME, &["from-foreign-syntax", "to-foreign-syntax"]),
    ("/ /de 301! Language=de\n/:path /de/:path 301! Language=de", SOME, &["chain-into-nothing"]),
    // Of several answers that ask for more than the gate the last is told.
    ("/m/* 200! Role=a\n/m/* /login 401! Language=de\n/m/* /login 401! Language=fr", SOME, &["fallback-narrower"]),
    ("/m/* 200! Role=a\n/m/* /login 401! Language=de\n/m/* /login 401!", SOME, &[]),
    // HOST-1: a gate with a host keeps nothing on others.
    ("https://a.example/* https://up.example/admin 200! Role=a\n/* /index.html 200", SOME, &["gate-one-host"]),
    ("https://a.example/m/* /m/:splat 200! Role=a\n/p /m/x 200", SOME, &["gate-one-host", "leads-into-gate"]),
    // A role behind the destination is no condition.
    ("/m/* /m/:splat?Role=admin 200!", SOME, &["query-like-role"]),
    ("/join /login?role=admin 302", SOME, &[]),
    ("/api/* https://up.example/:splat?role=admin 200", SOME, &[]),
    // L5
    ("/m/* /x 200\n/m/* /m/:splat 200! Role=a", &[], &["gate-shadowed"]),
    ("/* /x 200\n/m/* /m/:splat 200! Role=a", &[], &["gate-shadowed"]),
    ("/m/* /x 200 Country=de\n/m/* /m/:splat 200! Role=a", &[], &[]),
    ("/m/login /m/login 200\n/m/* /m/:splat 200! Role=a", &["/m/login.html"], &[]),
    // L5 for some: a file goes before an unforced rule above the gate.
    ("/* /de/:splat 302 Language=de\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &["gate-shadowed"]),
    ("/* /de/:splat 302! Language=de\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &[]),
    ("/m/* 200! Role=a\n/m/* /login 401!\n/* /de/:splat 302 Language=de", SOME, &[]),
    ("/* /de/ 302 Country=de,at\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &["gate-shadowed"]),
    ("/* /de/ 302 Cookie=c\n/m/x /m/x 200! Role=a\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &["gate-shadowed"; 2]),
    ("/* /index.html 200 Country=de\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &["gate-shadowed"]),
    ("/m/* /m/:splat 200 Cookie=beta\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &["gate-shadowed"]),
    ("http://a.example/* https://a.example/:splat 301\n/m/* 200! Role=a", SOME, &["gate-shadowed"]),
    ("https://old.example/* https://a.example/:splat 301\n/m/* 200! Role=a", SOME, &["gate-shadowed"]),
    ("https://old.example/* https://a.example/:splat 301!\n/m/* 200! Role=a", SOME, &[]),
    ("/* https://www.a.example/:splat 302\n/* /index.html 200! Role=a\n/* /login 401", SOME, &["gate-shadowed"]),
    (
        "/m/x/* /y/:splat 301\n/* 200! Role=a\n/* /login 401",
        &["/m/x/y.html", "/y/y.html", "/login.html"],
        &["files-before-rule", "gate-shadowed"],
    ),
    ("/m/x /login 301\n/m/* 200! Role=a", SOME, &["file-before-rule", "gate-shadowed"]),
    ("/m/* q=1 /login 302\n/m/* 200! Role=a", SOME, &["gate-shadowed"]),
    ("/:d/x /login 302\n/:d/:f /:d/:f 200! Role=a", SOME, &["gate-one-spelling", "gate-shadowed"]),
    ("/* /de/:splat 302 Language=de\n/m/* 200! Role=\"a\"", SOME, &["gate-shadowed", "role-punctuation"]),
    ("/m/x /login 200\n/m/* 200! Role=a", SOME, &["file-before-rule", "gate-shadowed"]),
    ("/* q=:q /de/?q=:q 301\n/m/* 200! Role=a", SOME, &["gate-shadowed"]),
    // What opens its own paths is meant to.
    ("/de/* /de/404.html 404\n/* 200! Role=a\n/* /login 401", SOME, &[]),
    ("/de/* /de/index.html 200\n/* 200! Role=a\n/* /login 401", SOME, &[]),
    // STATUS-5: a rule that leads to itself leaves the path to what comes later.
    ("/m/* /m/:splat 301\n/m/* /m/:splat 200! Role=a", &[], &["tree-ends-walk"]),
    // L7
    ("/m/* /m/:splat 200! Role=a Country=de", &[], &["role-with-condition"]),
    ("/m/* /m/:splat 200! Role=a Language=de\n/m/* /login 302", &[], &["role-with-condition"]),
    ("/m/* /m/:splat 200! Role=a Cookie=c\n/m/* /login 302!", &[], &[]),
    ("/m/* /m/:splat 200! Role=a Country=de\n/m/* /m/:splat 200! Role=b", &[], &[]),
    ("/m/* /m/:splat 200! Role=b\n/m/* /m/:splat 200! Role=a Country=de", &[], &[]),
    ("/m/* /m/:splat 200! Country=de", &[], &[]),
    // L8
    ("/x.html /x.html 200! Role=a", &["/x.html"], &["gate-one-spelling"]),
    ("/x.html /x.html 200! Role=a\n/x /x.html 200! Role=a", &["/x.html"], &[]),
    ("/x.html /x.html 200! Role=a\n/x /x.html 301!", &["/x.html"], &[]),
    ("/admin /admin 200! Role=a", &["/admin/index.html"], &["gate-one-spelling"]),
    ("/admin /admin 200! Role=a", &["/admin/index.html", "/admin/u.html"], &["gate-not-beneath", "gate-one-spelling"]),
    ("/admin /admin 200! Role=a\n/admin/* /admin/:splat 200! Role=a", &["/admin/index.html", "/admin/u.html"], &[]),
    (
        "/admin/* /admin/:splat 200! Role=a",
        &["/admin/index.html", "/admin.html", "/admin/u.html"],
        &["gate-one-spelling"],
    ),
    ("/x.pdf /x.pdf 200! Role=a", &["/x.pdf"], &[]),
    ("/x /x 200! Role=a\n/x /y 200! Role=b", &["/x.html"], &["gate-one-spelling"]),
    ("/admin /admin 200! Role=a", &[], &["gate-one-spelling"]),
    ("/x.pdf /x.pdf 200! Role=a", &[], &[]),
    ("/api https://a.example/ 200! Role=a", &[], &[]),
    // L9, L10
    ("/* /:splat 200! Role=a\n/* /login 302", &["/login.html"], &["login-page-gated"]),
    ("/* /:splat 200! Role=a\n/* / 302", &["/index.html"], &["login-page-gated"]),
    ("/login /login 200\n/* /:splat 200! Role=a\n/* /login 302", &["/login.html"], &[]),
    ("/* /:splat 200! Role=a\n/* /login.html 401", &["/login.html"], &[]),
    ("/* /:splat 200! Role=a\n/* https://login.example/ 302", &[], &[]),
    // L13
    ("/a 1id=:x /b 301", &[], &["query-key-digit"]),
    ("/a id1=:x /b 301", &[], &[]),
    // What a gate shows from another path of the site.
    (
        "/m/* /kept/:splat 200! Role=a\n/m/* /kept/:splat 200\n/kept/* /kept/:splat 200! Role=a",
        &["/kept/example.html"],
        &["gate-undone"],
    ),
    (
        "/m/* /kept/:splat 200! Role=a\n/m/* /login 401\n/kept/* /kept/:splat 200! Role=a",
        &["/kept/example.html", "/login.html"],
        &[],
    ),
    // Where a gate is in error, too.
    (
        "/m/* http://up.example/m/:splat 200! Role=a, b\n/* http://up.example/:splat 200!",
        &[],
        &["condition-empty", "gate-undone"],
    ),
    ("/m/* http://up.example/m/:splat 200! Role=a, b\n/* http://up.example/login 200!", &[], &["condition-empty"]),
    // What a query says lands in a path.
    ("/doc page=:page http://up.example/docs/:page 200!", &[], &["query-capture-in-path"]),
    ("/doc page=:page /docs/v:page.html 200", &[], &["query-capture-in-path"]),
    ("/doc page=:page /docs/:page 404", &[], &["query-capture-in-path"]),
    ("/doc page=:page /docs/:page 302", &[], &[]),
    ("/doc page=:page http://up.example/docs?page=:page 200!", &[], &[]),
    ("/doc/:page http://up.example/docs/:page 200!", &[], &[]),
    ("/doc/:page page=:page http://up.example/docs/:page 200!", &[], &[]),
    // L15
    ("https://a.example/m/* /m/:splat 200! Role=a", &[], &["gate-one-host"]),
    ("https://a.example/m/* /m/:splat 200! Role=a\n/m/* /login 302!", &[], &[]),
    ("https://a.example/m/* /x/:splat 200! Role=a\n/m/* /m/:splat 200! Role=a", &[], &[]),
    (
        "http://a.example/m/* /m/:splat 200! Role=a\nhttps://a.example/m/* /m/:splat 200! Role=a",
        &[],
        &["gate-one-host"],
    ),
    ("https://a.example/m/* /m/:splat 302", &[], &["redirect-to-itself"]),
    ("/m/* q=1 /m/:splat 200! Role=a", &[], &["gate-one-query"]),
    ("/m/* q=1 /x/:splat 200! Role=a\n/m/* /m/:splat 200! Role=a", &[], &[]),
    // What is forwarded to, whatever a gate for the same says.
    // What a role rule shows.
    ("/m/* /private/:splat 200! Role=a", &["/private/x.html"], &["gate-target-open"]),
    ("/ /private/x 200! Role=a", &["/private/x.html"], &["gate-target-open"]),
    ("/m/* /welcome 200! Role=a", &["/welcome.html"], &[]),
    ("/download/:file /files/:file 200! Role=a", &["/files/a.zip"], &["gate-target-open"]),
    ("/download/:d/:f /files/:d/:f 200! Role=a", &["/files/a.zip", "/files/b/c.zip"], &["gate-target-open"]),
    ("/download/:d/:f /files/:d/:f 200! Role=a", &["/files/a.zip"], &[]),
    ("/get id=:id /files/:id 200! Role=a", &["/files/a.zip"], &["gate-target-open", "query-capture-in-path"]),
    ("/download/:f /files/:f.pdf 200! Role=a", &["/files/a.pdf"], &["gate-target-open"]),
    ("/download/:f /files/:f.pdf 200! Role=a", &["/files/a.zip"], &[]),
    ("/d/:f /files/:f 200! Role=a\n/files/* 200! Role=a", &["/files/a.zip"], &[]),
    ("/m/* /private/:splat 200! Role=a\n/private/* /private/:splat 200! Role=a", &["/private/x.html"], &[]),
    ("/m/* /private/:splat 200! Role=a\n/private/* /404 404!", &["/private/x.html"], &[]),
    // RULES-12: a function has a path of its own.
    ("/api/* /.netlify/functions/:splat 200! Role=a", &[], &["gate-function-open"]),
    ("/api/* /.netlify/functions/:splat 200! Role=a", &["/index.html"], &["gate-function-open"]),
    ("/api/* /.netlify/functions/:splat 200", &[], &[]),
    ("/api/* /.netlify/functions/:splat 200! Role=a\n/* /index.html 200", BUILT, &["gate-function-open"]),
    ("/api/* /.netlify/functions/:splat 302! Role=a", &[], &[]),
    // Two trees for two kinds of visitors.
    ("/* /app/:splat 200! Role=a\n/* /public/:splat 200", &["/app/index.html", "/public/index.html"], &[]),
    ("/* /app/:splat 200! Role=a\n/p/* /app/:splat 200", &["/app/index.html"], &["leads-into-gate"]),
    (
        "https://admin.a.example/* /admin/:splat 200! Role=a\n/* /index.html 200",
        &["/admin/index.html", "/index.html"],
        &["gate-target-open"],
    ),
    ("https://admin.a.example/* /admin/:splat 200! Role=a\n/admin/* 200! Role=a", &["/admin/index.html"], &[]),
    // Never met.
    (
        "/* /index.html 200\n/m/* 200! Role=a\n/m/* /login 401!\n/* /index.html 200",
        SOME,
        &["duplicate", "gate-shadowed", "rule-unreachable"],
    ),
    ("/a /b 301\n/a /b 301", &[], &["duplicate"]),
    ("/a /b 301\n/a /c 301", &[], &["rule-unreachable"]),
    ("/* /index.html 200\n/a /c 301", &[], &["rule-unreachable"]),
    ("/a/* /c/:splat 301\n/a/:x /d/:x 301", &[], &["rule-unreachable"]),
    ("/a/:x /d/:x 301\n/a/* /c/:splat 301", &[], &[]),
    ("/a q=1 /b 301\n/a /c 301", &[], &[]),
    ("/a /b 301\n/a q=1 /c 301", &[], &["rule-unreachable"]),
    ("/a /b 301 Country=de\n/a /c 301", &[], &[]),
    ("/a /b 301 Country=de,at\n/a /c 301 Country=at", &[], &["rule-unreachable"]),
    // COND-3.role: beside a role the country is not the one that the visitor names.
    ("/a /b 301 Country=de\n/a /c 301! Role=a Country=de", &[], &[]),
    ("/m/* /x/:splat 200! Role=a,b\n/m/* /y/:splat 200! Role=a", &[], &["rule-unreachable"]),
    ("/m/* /x/:splat 200! Role=a\n/m/* /y/:splat 200! Role=a,b", &[], &[]),
    ("/m/* /x/:splat 200! Role=*\n/m/* /y/:splat 200! Role=a", &[], &["rule-unreachable"]),
    ("/* /login 302\n/login /x 200", &[], &[]),
    ("/* /login 302\n/logout /x 200", &[], &["rule-unreachable"]),
    ("https://a.example/* /x 302\n/a /y 302", &[], &[]),
    // Files of the site.
    ("/a /b 301", &["/a.html", "/b.html"], &["file-before-rule"]),
    ("/a /404.html 404", &["/a.html", "/404.html"], &["file-before-rule"]),
    ("/a /b 301!", &["/a.html"], &[]),
    ("/a /b 301", &["/b.html"], &[]),
    ("/a /a.html 200", &["/a.html"], &[]),
    ("/a/* /b/:splat 301", &["/a/x.html"], &["files-before-rule"]),
    ("/a/* /b/:splat 301!", &["/a/x.html"], &[]),
    ("/* /index.html 200", &["/index.html", "/x.html"], &[]),
    ("/a/* /a/404.html 404", &["/a/404.html", "/a/x.html"], &[]),
    // To what is not there, on a site that is built.
    ("/x /nope.html 200", SOME, &["target-missing"]),
    ("/old /new-page 301", SOME, &["target-missing"]),
    ("/old /new-page 301", &[], &[]),
    ("/old /new-page 301", &["/app.js"], &[]),
    ("/old /.netlify/images 301", SOME, &[]),
    ("/old /x 301\n/x /.netlify/functions/x 200", SOME, &[]),
    ("/old /x 301\n/* /index.html 200", SOME, &[]),
    ("/old /new-page 404", SOME, &[]),
    ("/m/* /m/splat 200! Role=a\n/m/* /logn 401!", SOME, &["target-missing"; 2]),
    ("/p/* /nope/:splat 200", SOME, &["target-missing"]),
    ("/p/* /nope/:splat 301", SOME, &["target-missing"]),
    ("/p/* /m/:splat 200", SOME, &[]),
    ("/p/* /:splat 200", SOME, &[]),
    ("/p/:id /n/id 200", SOME, &["target-missing"]),
    // In circles.
    ("/a /b 301\n/b /a 301", &[], &["redirect-loop"]),
    ("/a/* /b/:splat 301\n/b/* /c/:splat 301\n/c/* /a/:splat 301", &[], &["redirect-loop"]),
    // STATUS-5.own-tree
    ("/a/* /a/a/:splat 301", &[], &[]),
    ("/a/* /a/a/:splat 301\n/a/a/* /b 301", &[], &[]),
    ("/a/* /a/a/:splat 301\n/* /index.html 200", &["/index.html"], &[]),
    ("/a/* /a/a/:splat 301\n/a/a/* /a/a/:splat 200! Role=x\n/a/a/* /b 302", &[], &["tree-ends-walk"]),
    ("/a/a/* /b 301\n/a/* /a/a/:splat 301", &[], &[]),
    ("/* /en/:splat 302 Language=en\n/* /zh/:splat 302 Language=zh\n/* /en/:splat 302", &["/en/index.html"], &[]),
    ("/* /en/:splat 302 Role=x\n/en/* /en/:splat 200! Role=x\n/en/* /login 401!", &[], &["tree-ends-walk"]),
    ("/:v/* /:v/en/:splat 301", &[], &["redirect-loop"]),
    ("/a /b 302 Role=x\n/b /a 302 Role=x", &[], &["redirect-loop"]),
    ("/a /b 302 Role=x\n/b /a 302 Role=y", &[], &[]),
    ("/a /b 301\n/b /c 301", &[], &[]),
    ("/a /b 301\n/b /a 200", &[], &[]),
    ("http://a.example/* https://a.example/:splat 301!", &[], &[]),
    (
        "http://a.example/* https://a.example/:splat 301!\nhttps://a.example/* http://a.example/:splat 301!",
        &[],
        &["redirect-loop"],
    ),
    ("/* https://a.example/:splat 301!", &[], &[]),
    ("/a /a/ 301", &[], &["redirect-to-itself"]),
    ("/a/* /a/:splat 301", &[], &["redirect-to-itself"]),
    // LOC-2, STATUS-5: the query makes another request of it, once.
    ("/a /a?x=y 301", &[], &[]),
    ("/:x /example 301", &[], &[]),
    ("/* /login 302", &[], &[]),
    // A role rule that redirects protects nothing.
    ("/* site=:site /.netlify/functions/go-on?site=:site 302! Role=*\n/* /index.html 200", &["/index.html"], &[]),
    (
        "/login /dashboard/ 302! Role=user\n/dashboard/* 200! Role=user\n/dashboard/* /login 302",
        &["/login.html", "/dashboard/index.html"],
        &["login-page-gated"],
    ),
    (
        "/login /dashboard/ 302! Role=user\n/login /login 200\n/dashboard/* 200! Role=user\n/dashboard/* /login 302",
        &["/login.html", "/dashboard/index.html"],
        &[],
    ),
    ("/login /app 302! Role=user\n/p/* /login 200", &["/login.html"], &["role-redirect-hides"]),
    ("https://a.example/login /app 302! Role=user", &["/login.html"], &["role-redirect-hides"]),
    ("/login q=1 /app 302! Role=user", &["/login.html"], &["role-redirect-hides"]),
    ("/login /app 302! Role=user", &["/login.html", "/login/x.html"], &["role-redirect-hides"]),
    ("/login /app 302! Role=user\n/login /login 200", &["/login.html"], &[]),
    ("/login /app 302! Role=user", &["/index.html"], &["target-missing"]),
    ("/login /app 302! Role=user", &[], &[]),
    (
        "/m/* /signup 302\n/signup /m/ 302 Role=a",
        &["/signup.html", "/m/index.html"],
        &["files-before-rule", "role-redirect-hides"],
    ),
    // A rule below for everything shows everybody else another page.
    ("/login /app 302! Role=user\n/* /404.html 404", LOG_IN, &["role-redirect-hides"]),
    ("/login /app 302! Role=user\n/* /index.html 200", LOG_IN, &["role-redirect-hides"]),
    ("/login /app 302! Role=user\n/* / 302", LOG_IN, &["role-redirect-hides"]),
    ("/login /app 302! Role=user\n/* https://new.example/:splat 301", LOG_IN, &["role-redirect-hides"]),
    (
        "/app/* 200! Role=user\n/app/* /login 302!\n/login /app/ 302! Role=user\n/* /404.html 404",
        LOG_IN,
        &["role-redirect-hides"],
    ),
    ("/login /app 302! Role=user\n/login /login 200\n/* /404.html 404", LOG_IN, &[]),
    ("/login /app 302! Role=user\n/* /:splat 200", LOG_IN, &[]),
    ("/login /app 302! Role=user\n/login /index.html 200!", LOG_IN, &[]),
    ("/login /app 302! Role=user\n/* /404.html 404!", LOG_IN, &["files-swallowed"]),
    ("/ /app/ 302! Role=user\n/* /index.html 200", LOG_IN, &[]),
    ("/login /app 302! Role=user\n/* 200! Role=a\n/* /login.html 401", LOG_IN, &[]),
    // The page is excepted from the gate below it.
    ("/* 200! Role=a\n/* /login/ 302\n/login/* 200", &["/login/index.html", "/index.html"], &["login-page-gated"]),
    // A wider gate below.
    (
        "/admin/* 200! Role=admin\n/* 200! Role=user\n/* /login.html 401",
        &["/admin/x.html", "/login.html"],
        &["gate-wider-below"],
    ),
    ("/admin/* 200! Role=admin\n/* 200! Role=*\n/* /login.html 401", &["/login.html"], &["gate-wider-below"]),
    (
        "/admin/* 200! Role=admin\n/admin/* /login.html 401!\n/* 200! Role=user\n/* /login.html 401",
        &["/login.html"],
        &[],
    ),
    ("/admin/* 200! Role=admin\n/* 200! Role=admin\n/* /login.html 401", &["/login.html"], &[]),
    ("/m/* 200! Role=admin\n/m/* 200! Role=editor", &[], &[]),
    ("/home /admin/home 200! Role=admin\n/* 200! Role=user", &["/admin/home.html"], &[]),
    // The denied get it after all.
    ("/api/* https://api.example/:splat 200! Role=admin\n/api/* https://api.example/:splat 200", &[], &["gate-undone"]),
    ("/api/* 200! Role=admin\n/api/* /.netlify/functions/:splat 200", &[], &["gate-undone"]),
    ("/api/* 200! Role=admin\n/api/* /.netlify/functions/api 200", &[], &["gate-undone"]),
    ("/api/* 200! Role=admin\n/api/* https://api.example/:splat 200", &[], &["gate-undone"]),
    ("/api/* 200! Role=admin\n/api/* /.netlify/functions/login 200", &[], &[]),
    ("/api/* /.netlify/functions/:splat 200! Role=admin\n/api/* /login 302", &[], &["gate-function-open"]),
    // RULES-12: the same function, or one that is called after the path.
    ("/api/c /.netlify/functions/c 200! Role=a\n/api/* /.netlify/functions/:splat 200", BUILT, OPEN_TWICE),
    ("/api/c /.netlify/functions/api/c 200! Role=a\n/api/* /.netlify/functions/api/:splat 200", BUILT, OPEN_TWICE),
    ("/api/c /.netlify/functions/c 200! Role=a\n/api/* /.netlify/functions/api/:splat 200", BUILT, OPEN_TWICE),
    ("/api/c /.netlify/functions/api 200! Role=a\n/api/* /.netlify/functions/api 200", BUILT, OPEN_TWICE),
    ("/api/* /.netlify/functions/:splat 200! Role=a\n/api/* /.netlify/functions/:splat 200", BUILT, OPEN_TWICE),
    ("/api/c /.netlify/functions/c 200! Role=a\n/* /.netlify/functions/server 200", BUILT, &["gate-function-open"]),
    ("/api/c /.netlify/functions/c 200! Role=a\n/* /.netlify/functions/login 200", BUILT, &["gate-function-open"]),
    (
        "/api/c /.netlify/functions/c 200! Role=a\n/api/c /login 401!\n/api/* /.netlify/functions/:splat 200",
        BUILT,
        &["gate-function-open"],
    ),
    (
        "/api/open /.netlify/functions/open 200\n/api/* /.netlify/functions/:splat 200! Role=a",
        BUILT,
        &["gate-function-open"],
    ),
    // Holders and others would get the same.
    ("/* /index.html 200 Role=a\n/* /index.html 200", &["/index.html"], &["gate-undone"]),
    ("/* /index.html 200 Role=a\n/* / 200!", &["/index.html"], &["gate-undone"]),
    ("/app/* /app/index.html 200! Role=a\n/* /app/ 401", &["/app/index.html"], &["gate-undone", "leads-into-gate"]),
    ("/guide /guide 200! Role=a,b\n/guide /guide 200", &[], &["gate-one-spelling", "gate-undone"]),
    ("/app/* /index.html 200! Role=a\n/* /index.html 200", &["/index.html"], &["gate-undone"]),
    ("/app/* 200! Role=a\n/* /index.html 200", &["/app/index.html", "/index.html"], &[]),
    ("/app/* 200! Role=a\n/app/* / 401!", &["/app/index.html", "/index.html"], &[]),
    // RULES-9: into what a line in error closes.
    ("/m/* 200! Role=\"a\"\n/p/* /m/:splat 200", &["/m/x.html"], &["leads-into-gate", "role-punctuation"]),
    ("/m/* 200! Role=\"a\"\n/p /m/x 200", &["/m/x.html"], &["leads-into-gate", "role-punctuation"]),
    ("/m/* 200! Role=\"a\"\n/p/* /q/:splat 200", &["/m/x.html"], &["role-punctuation"]),
    ("/m/* 200! Role=\"a\"\n/m/* /m/login 401", &["/m/x.html", "/m/login.html"], &["role-punctuation"]),
    // What opens its own paths above a gate is meant to.
    ("/login /login.html 200\n/* 200! Role=a\n/* /login.html 401", &["/login.html", "/index.html"], &[]),
    ("/login /login.html 200\n/* 200! Role=a\n/* /login.html 401", &[], &[]),
    ("/signin /auth/login.html 200\n/* 200! Role=a\n/* /auth/login.html 401", &["/auth/login.html"], &[]),
    ("/in/* /in/index.html 200\n/* 200! Role=a\n/* /in/ 401", &["/in/index.html"], &[]),
    ("/free/* /paid/:splat 200\n/* 200! Role=a\n/* /login 401", &["/login.html", "/paid/x.html"], &["leads-into-gate"]),
    // Below the gate it opens nothing here.
    ("/* 200! Role=a\n/pub/* /pub/:splat 200\n/* /login.html 401", &["/login.html", "/pub/x.css"], &["gate-undone"]),
    (
        "/* 200! Role=a\n/login /login.html 200\n/* /login 302",
        &["/login.html", "/index.html"],
        &["gate-undone", "login-page-gated"],
    ),
    ("/m/* 200! Role=a\n/m/* /m/login.html 401", &["/m/login.html", "/m/x.html"], &[]),
    ("/m/* 200! Role=a\n/m/* /m/login.html 200!", &[], &[]),
    // Another case.
    ("/Admin/* 200! Role=a", &["/admin/x.html"], &["gate-other-case"]),
    ("/Admin/* 200! Role=a", &["/Admin/y.html", "/admin/x.html"], &[]),
    // A letter and its accent as one character, and as two.
    ("/priv\u{e9}/* /priv\u{e9}/:splat 200! Role=a", &["/prive\u{301}/x.html"], &["gate-other-case"]),
    ("/prive\u{301}/* /prive\u{301}/:splat 200! Role=a", &["/priv\u{e9}/x.html"], &["gate-other-case"]),
    ("/priv\u{e9}/* /priv\u{e9}/:splat 200! Role=a", &["/priv\u{e9}/x.html"], &[]),
    ("/Admin/* 200! Role=a\n/admin/* 200! Role=a", &["/admin/x.html"], &[]),
    // The page of the gate for those whom it denies.
    ("/m/* 200! Role=a\n/m/* /m/index.html 200", &["/m/index.html", "/m/x.html"], &["leads-into-gate"]),
    ("/m/* 200! Role=a\n/m/* /m/ 200!", &["/m/index.html", "/m/x.html"], &["leads-into-gate"]),
    ("/m/* 200! Role=a\n/m/* /m/teaser 200!", &["/m/index.html", "/m/teaser.html"], &[]),
    ("/Admin/* 200! Role=a", &["/adminxy/x.html"], &[]),
    // Nothing, beside what is meant.
    ("/amdin/* 200! Role=a", &["/admin/x.html", "/index.html"], &["gate-closes-nothing"]),
    ("/members-area/* 200! Role=a", &["/members/x.html"], &["gate-closes-nothing"]),
    ("/dist/admin/* 200! Role=a", &["/admin/x.html"], &["gate-closes-nothing"]),
    ("/public/de/admin/* 200! Role=a", &["/de/admin/x.html"], &["gate-closes-nothing"]),
    ("/\u{430}dmin/* 200! Role=a", &["/admin/x.html"], &["gate-closes-nothing"]),
    ("/a/amdin/* 200! Role=a", &["/a/admin/x.html"], &["gate-closes-nothing"]),
    ("/amdin /amdin 200! Role=a", &["/admin.html"], &["gate-closes-nothing"]),
    ("/amdin/* 200! Role=a\n/admin/* 200! Role=a", &["/admin/x.html"], &[]),
    ("/amdin/* 200! Role=a", &["/amdin/x.html", "/admin/x.html"], &[]),
    ("/amdin/* 200! Role=a", &["/amdin.html", "/admin/x.html"], &["gate-one-spelling"]),
    ("/staff/* 200! Role=a", &["/admin/x.html"], &[]),
    ("/amdin/* /x/:splat 200! Role=a", &["/admin/x.html"], &[]),
    ("/amdin/* 200! Role=a", &[], &[]),
    // A folder or a page is called so, and no script.
    ("/app/* 200! Role=a", &["/index.html", "/app.js"], &[]),
    ("/app /app 200! Role=a", &["/index.html", "/app.js", "/app.css"], &[]),
    ("/dist/app.js/* 200! Role=a", &["/index.html", "/app.js"], &[]),
    ("/stats/* 200! Role=a", &["/index.html", "/stats.json", "/stats-2/x.html"], &["gate-closes-nothing"]),
    ("/reprot.pdf /reprot.pdf 200! Role=a", &["/index.html", "/report.pdf"], &["gate-closes-nothing"]),
    // At its routes a single-page app has no files.
    ("/app/* 200! Role=a\n/* /index.html 200", &["/index.html", "/app.js", "/apps/x.html"], &["gate-backwards"]),
    ("/app/* /app/:splat 200 Role=a\n/* /index.html 200", BUILT, &["gate-backwards"]),
    ("/app/* 200 Role=a\n/* / 200", BUILT, &["gate-backwards"]),
    ("/app/* 200! Role=a\n/app/* /login 401\n/* /index.html 200", BUILT, &["target-missing"]),
    ("/app/* 200! Role=a\n/* /login 200", BUILT, &[]),
    ("/app/* /index.html 200! Role=a\n/app/* /login 401\n/* /index.html 200", BUILT, &[]),
    ("/app/* 200! Role=a\n/* /index.html 200", &["/index.html", "/app/x.js"], &[]),
    ("/app/* 200! Role=a\n/* /index.html 200", &[], &[]),
    ("/amdin/* 200! Role=a\n/amdin/* /index.html 200", &["/index.html", "/admin/x.html"], &["gate-closes-nothing"]),
    ("/amdin/* 200! Role=a\n/* /404.html 404", &["/404.html", "/admin/x.html"], &["gate-closes-nothing"]),
    ("/amdin/* 200! Role=a\n/* /login.html 401", &["/login.html", "/admin/x.html"], &["gate-closes-nothing"]),
    // One segment deep.
    ("/admin/:page /admin/:page 200! Role=a", &["/admin/x/y.html"], &["gate-not-beneath"]),
    ("/admin/:page /admin/:page 200! Role=a", &["/admin/x.html"], &[]),
    ("/admin/:page /admin/:page 200! Role=a\n/admin/* 200! Role=a", &["/admin/x/y.html"], &[]),
    // A page for everything.
    ("/* /index.html 200!", &["/index.html", "/app.js", "/style.css"], &["files-swallowed"]),
    (
        "/* /index.html 200! Role=a\n/* /login.html 401",
        &["/index.html", "/login.html", "/app.js"],
        &["files-swallowed"],
    ),
    ("/* /index.html 200", &["/index.html", "/app.js"], &[]),
    ("/* /index.html 200!", &["/index.html", "/x.html"], &[]),
    ("/* /:splat 200!", &["/index.html", "/app.js"], &[]),
    ("/js/* /js/:splat 200\n/* /index.html 200!", &["/index.html", "/js/app.js"], &[]),
    ("/docs/* /docs/index.html 200!", &["/docs/index.html", "/app.js"], &[]),
    // As other programs write it.
    ("/blog/(.*) /news/$1 301", &[], &["from-foreign-syntax", "to-foreign-syntax"]),
    ("/m/:path* /m/:path* 200! Role=a", &[], &["from-foreign-syntax", "to-literal-star"]),
    ("/old/[slug] /new/[slug] 301", &[], &["from-foreign-syntax", "to-foreign-syntax"]),
    // A loop goes before what other gates do.
    ("/* /en/:splat 302\n/en/* /:splat 302", &[], &["redirect-loop"]),
    // Nobody can log in.
    ("/* /index.html 200 Role=a", &["/index.html", "/x.html"], &["gate-without-way-in"]),
    ("/* /index.html 200 Role=a", &[], &["gate-without-way-in"]),
    ("/* / 200! Role=a\n/cv /cv.pdf 200", &["/index.html", "/cv.pdf"], &["gate-without-way-in"]),
    (
        "/api/* /.netlify/functions/:splat 200\n/* /.netlify/functions/server 200 Role=a,b",
        &[],
        &["gate-without-way-in"],
    ),
    ("/* /index.html 200 Role=a\n/* /login 401", &["/index.html", "/login.html"], &[]),
    ("/login /index.html 200\n/* /index.html 200 Role=a", &["/index.html"], &["leads-into-gate"]),
    ("/* /index.html 200 Role=a\n/* https://id.example/ 302", &["/index.html"], &[]),
    ("https://a.example/* /index.html 200 Role=a", &["/index.html"], &["gate-one-host"]),
    ("/* 200! Role=a", &["/index.html", "/x.html"], &[]),
    ("/* /index.html 200 Role=admin", &["/index.html", "/login.html"], &["gate-without-way-in"]),
    ("/* 200! Role=admin", &["/index.html", "/login/index.html", "/style.css"], &["gate-without-way-in"]),
    ("/* 200! Role=admin\n/* /login.html 401", &["/index.html", "/login.html"], &[]),
    ("/* 200! Role=admin\n/* https://id.example/ 302", &["/index.html", "/login.html"], &[]),
    ("/m/* 200! Role=admin", &["/m/index.html", "/login.html"], &[]),
    ("/login /login 200\n/* 200! Role=admin", &["/index.html", "/login.html"], &[]),
    ("/* 200! Role=admin", &["/index.html", "/blog/login-with-a-key.html"], &[]),
    // The wrong way round.
    ("/admin/* /login 302 Role=admin", &["/login.html"], &["gate-backwards"]),
    ("/premium/* /login.html 200! Role=promo", &["/login.html"], &["gate-backwards"]),
    ("/account /log-in 302! Role=user", &[], &["gate-backwards"]),
    ("/admin/* 200! Role=admin\n/admin/* /login 302", &["/login.html"], &[]),
    ("/login /app 302! Role=user\n/login /login 200", &["/login.html"], &[]),
    ("/admin/* /login 302 Role=admin\n/* /404.html 404", &["/login.html", "/404.html"], &["gate-backwards"]),
    ("/admin/* /login 302 Role=admin", &["/login.html", "/admin/x.html"], &["gate-backwards"]),
    // ROLE-5: there is no role of those who hold none.
    ("/premium/* /upgrade 302! Role=free\n/premium/* /premium/:splat 200", PAID, &["gate-backwards"]),
    ("/premium/* /upgrade 302! Role=free\n/premium/* /premium/:splat 200", &[], &["gate-backwards"]),
    ("/premium/* /upgrade 302! Role=basic,trial\n/* /:splat 200", PAID, &["gate-backwards"]),
    ("/premium/* /login 302! Role=guest\n/premium/* 200!", PAID, &["gate-backwards"]),
    ("/premium/* /login 302! Role=*\n/premium/* 200!", PAID, &["gate-backwards"]),
    ("/premium/* / 302! Role=!paid\n/premium/* 200!", PAID, &["gate-backwards", "role-pattern"]),
    ("/premium/ /upgrade 302! Role=free\n/premium/ /premium/ 200", PAID, &["gate-backwards"]),
    ("/premium/* /login 401! Role=anonymous\n/premium/* 200", PAID, &["gate-backwards"]),
    ("/* /login 302! Role=guest\n/* 200!", PAID, &["gate-backwards"]),
    ("/api/* /upgrade 302! Role=free\n/api/* https://api.example/:splat 200", PAID, &["gate-backwards"]),
    ("/premium/* /upgrade 302! Role=free\n/premium/* 200! Role=paid\n/premium/* /login 302!", PAID, &[]),
    ("/premium/* 200! Role=paid\n/premium/* /upgrade 302! Role=free\n/premium/* /login 302!", PAID, &[]),
    // Those who hold the role need no such page.
    ("/login /premium/ 302! Role=paid\n/login /login 200", PAID, &[]),
    ("/upgrade /login 302! Role=free\n/upgrade /upgrade 200", PAID, &[]),
    ("/ /premium/ 302! Role=paid\n/* /:splat 200", PAID, &[]),
    ("/ /upgrade 302! Role=free\n/ /index.html 200", PAID, &[]),
    ("/premium/* /new/ 302! Role=paid\n/premium/* /premium/:splat 200", &["/premium/x.html", "/new/index.html"], &[]),
    // Who logs in holds no role yet.
    ("/login /login.html 200 Role=admin", PAID, &["gate-backwards"]),
    ("/login /login 200! Role=admin\n/* /404.html 404", LOG_IN, &["gate-backwards"]),
    ("/sign-in /sign-in.html 200 Role=admin", &[], &["gate-backwards"]),
    ("/login /login 200! Role=admin\n/login https://id.example/ 302", PAID, &[]),
    ("/* 200! Role=admin\n/login /login.html 401", PAID, &[]),
    // A status that turns visitors away, for those who hold the role.
    ("/app/* /.netlify/identity 401! Role=a", LOG_IN, &["gate-backwards"]),
    ("/app/* /404.html 404! Role=a", LOG_IN, &["gate-backwards"]),
    ("/app/* /index.html 403! Role=a", LOG_IN, &["gate-backwards"]),
    ("/app/* /index.html 403! Role=a", &[], &["gate-backwards"]),
    ("/app/* 200! Role=a\n/app/* /index.html 403! Role=b", LOG_IN, &[]),
    ("/app/* /index.html 403! Role=b\n/app/* 200! Role=a", LOG_IN, &[]),
    ("/app/* /index.html 403! Role=b\n/app/* /login 401!", LOG_IN, &[]),
    // Another page for those who hold the role, at a path where a page lies.
    ("/ /app/ 200! Role=a\n/app/* 200! Role=a\n/app/* /login 401!", LOG_IN, &["role-redirect-hides"]),
    ("/app /m/app 200! Role=a\n/m/* 200! Role=a", &["/app.html", "/m/app.html"], &["role-redirect-hides"]),
    ("/ /index.html 200! Role=a", &["/index.html"], &["gate-one-spelling"]),
    ("/app /app/board 200! Role=a\n/app/* 200! Role=a", &["/app/index.html", "/app/board.html"], &[]),
    // Whoever signed up and holds no role yet.
    (
        "/app/* 200! Role=user\n/app/* /login 302!\n/login /app/ 302! Role=*\n/login /login 200",
        LOG_IN,
        &["redirect-loop"],
    ),
    // A page that another gate keeps, shown with a status that says no.
    (
        "/m/* 200! Role=admin\n/m/* /login 401!\n/premium/* 200! Role=a\n/premium/* /m/index.html 401",
        &["/m/index.html", "/login.html", "/premium/index.html"],
        &["leads-into-gate"],
    ),
    (
        "/m/* 200! Role=admin\n/m/* /login 401!\n/premium/* 200! Role=a\n/premium/* /m/x.html 404! Language=de",
        &["/m/x.html", "/login.html", "/premium/index.html"],
        &["fallback-narrower", "leads-into-gate"],
    ),
    (
        "/m/* 200! Role=admin\n/m/* /login 401!\n/premium/* 200! Role=a\n/premium/* /m/login.html 401",
        &["/m/login.html", "/login.html", "/premium/index.html"],
        &[],
    ),
    (
        "/m/p/* 200! Role=admin\n/m/p/* /m/teaser.html 401!\n/m/* 200! Role=a\n/m/* /login 401!",
        &["/m/p/x.html", "/m/teaser.html", "/login.html"],
        &[],
    ),
    // The page to log in, excepted under a placeholder, and as a route of the app.
    (
        "/:lang/login /:lang/login.html 200\n/:lang/* /:lang/:splat 200! Role=a\n/:lang/* /:lang/login 302",
        &["/de/index.html", "/de/login.html"],
        &[],
    ),
    (
        "/login /index.html 200\n/assets/* /assets/:splat 200\n/* /index.html 200! Role=a\n/* /login 302",
        &["/index.html", "/assets/app.js"],
        &[],
    ),
    // Whoever likes sends a cookie or a parameter, or says which language is theirs.
    ("/m/* token=x /m/:splat 200\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &["gate-shadowed"]),
    ("/m/* /m/:splat 200! Cookie=beta\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &["gate-shadowed"]),
    ("/m/* /m/:splat 200 Country=de\n/m/* 200! Role=a\n/m/* /login 401!", SOME, &[]),
    // Trees in the place of what all pages load.
    (
        "/* /de/:splat 200! Language=de\n/* /en/:splat 200!",
        &["/assets/app.css", "/de/index.html", "/en/index.html"],
        &["files-swallowed"; 2],
    ),
    ("/* /en/:splat 200!", &["/assets/app.css", "/en/index.html", "/en/assets/app.css"], &[]),
    ("https://en.example/* /en/:splat 200!", &["/assets/app.css", "/en/index.html"], &[]),
    ("/en/* /e/:splat 200!", &["/assets/app.css", "/e/index.html"], &[]),
    ("/* /maintenance.html 200!", &["/assets/app.css", "/index.html", "/maintenance.html"], &[]),
    ("/* /coming-soon 200!", &["/assets/app.css", "/index.html", "/coming-soon.html"], &[]),
    // Other functions.
    ("/api/* /.netlify/builders/report 200! Role=a\n/api/* /login 401!", BUILT, &["gate-function-open"]),
    // What a query has to be for a gate.
    ("/app/* id=1 /app/:splat 200! Role=a\n/app/* /login 401", LOG_IN, &["files-before-rule", "gate-one-query"]),
    ("/app/* id=1 /app/:splat 200! Role=a\n/app/* /login 401!", LOG_IN, &[]),
    ("/x id=1 https://a.example/1 200! Role=a", LOG_IN, &[]),
    ("/x id=1 https://a.example/1 200! Role=a\n/x https://a.example/ 200", LOG_IN, &["gate-one-query"]),
    ("/x id=1 /app/ 200! Role=a\n/x /login 200\n/app/* 200! Role=a", LOG_IN, &[]),
    // A role on the answer for those who are denied.
    ("/app/* /app/:splat 200!\n/app/* /login 401! Role=a", LOG_IN, &["gate-backwards"]),
    ("/app/* 200\n/app/* /login 302! Role=a", LOG_IN, &["gate-backwards"]),
    ("/app/* /app/:splat 200! Role=a\n/app/* /login 401!", LOG_IN, &[]),
    ("/app/* /app/:splat 200! Country=de\n/app/* /login 401!", LOG_IN, &[]),
    ("/app/* /app/:splat 200! Role=a\n/app/* /login 401! Country=de\n/app/* /login 401!", LOG_IN, &[]),
    // The page of a gated folder beside it, which other gates do not take for one of the folder.
    ("/m/* 200! Role=a\n/m/* /login 401", &["/login.html", "/m.html", "/m/a.html"], &["gate-one-spelling"]),
    ("/m/* /m/:splat 200! Role=a", &["/m.html", "/m/a.html"], &["gate-one-spelling"]),
    ("/m/* 200! Role=a\n/m.html /m.html 200! Role=a\n/m/* /login 401", &["/login.html", "/m.html", "/m/a.html"], &[]),
    ("/m/* 200! Role=a\n/m.html /m/ 301!\n/m/* /login 401", &["/login.html", "/m.html", "/m/a.html"], &[]),
    ("/m/* 200! Role=a\n/m/* /login 401", &["/login.html", "/m/index.html", "/m/a.html"], &[]),
    ("/m/* 200! Role=a\n/m/* /login 401", &["/login.html", "/n.html", "/m/a.html"], &[]),
    ("/m/* https://a.example/:splat 200! Role=a\n/m/* /login 401", &["/login.html", "/m.html"], &[]),
    ("/m/* 200! Role=a\n/m/* /login 401", &[], &[]),
    // A gate below a wider one.
    ("/app/* 200! Role=user\n/app/x/* 200! Role=admin\n/app/* /login 401!", NESTED, &["gate-wider-above"]),
    (
        "/app/* 200! Role=user\n/app/x/* 200! Role=admin\n/app/x/* /login 401!\n/app/* /login 401!",
        NESTED,
        &["gate-wider-above"],
    ),
    ("/app/* 200! Role=user\n/app/* /login 401!\n/app/x/* 200! Role=admin", NESTED, &["gate-wider-above"]),
    ("/app/* 200! Role=user,admin\n/app/x/* 200! Role=admin\n/app/* /login 401!", NESTED, &["gate-wider-above"]),
    ("/app/* 200! Role=*\n/app/x/* 200! Role=admin\n/app/* /login 401!", NESTED, &["gate-wider-above"]),
    ("/app/* 200! Role=user\n/app/x/* 200! Role=admin,user\n/app/* /login 401!", NESTED, &[]),
    ("/app/* 200! Role=user\n/app/x/* 200! Role=guest\n/app/* /login 401!", NESTED, &[]),
    ("/app/* 200! Role=user\n/other/* 200! Role=admin\n/app/* /login 401!", NESTED, &[]),
    ("/app/x/* 200! Role=admin\n/app/x/* /login 401!\n/app/* 200! Role=user\n/app/* /login 401!", NESTED, &[]),
    ("/app/* /app/ 200! Role=user\n/app/x/* 200! Role=admin\n/app/* /login 401!", &["/app/index.html"], &[]),
    // Another page for those who hold a role, and the one that lies at the path for everybody else.
    ("/d /d-pro 200! Role=a\n/d /d 200", PER_ROLE, &["gate-target-open", "role-redirect-hides"]),
    ("/ /d-pro 200! Role=a\n/ /index.html 200", PER_ROLE, &["gate-target-open", "role-redirect-hides"]),
    ("/ /d-pro 200! Role=a\n/ /index.html 200!", PER_ROLE, &["gate-target-open", "role-redirect-hides"]),
    (
        "/ /d-pro 200! Role=a\n/ /d 200! Role=b\n/ /index.html 200",
        PER_ROLE,
        &["gate-target-open", "gate-target-open", "role-redirect-hides"],
    ),
    ("/ /d-pro 302! Role=a\n/ /index.html 200", PER_ROLE, &[]),
    ("/d /d-pro 302! Role=a\n/d /d 200", PER_ROLE, &[]),
    (
        "/d /d-pro 200! Role=a\n/d-pro /d-pro 200! Role=a\n/d-pro.html /d-pro.html 200! Role=a\n/d /start 200",
        PER_ROLE,
        &[],
    ),
    // A permanent redirect that depends on a role.
    ("/app/* 200! Role=a\n/app/* /login 301!", LOG_IN, &["role-redirect-kept"]),
    ("/app/* 200! Role=a\n/app/* /login 308", LOG_IN, &["role-redirect-kept"]),
    ("/app/* 200! Role=a\n/app/* /login", LOG_IN, &["role-redirect-kept"]),
    (
        "/login /app/ 301! Role=a\n/login /login 200\n/app/* 200! Role=a\n/app/* /login 302!",
        LOG_IN,
        &["role-redirect-kept"],
    ),
    ("/app/* 200! Role=a\n/app/* /login 302!", LOG_IN, &[]),
    ("/old/* /app/:splat 301\n/app/* 200! Role=a\n/app/* /login 302!", LOG_IN, &[]),
    ("/app/* 200! Role=a\n/app/* /login 401!\n/old /app/ 301!", LOG_IN, &[]),
    ("/x.html /x.html 200! Role=a\n/x /x.html 301!", &["/x.html"], &[]),
    // The rest of the path behind the page to log in.
    (
        "/app/* 200! Role=a\n/app/* /login/:splat 401!",
        &["/index.html", "/login.html", "/app/x.html"],
        &["target-missing"],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login/:splat 302!",
        &["/index.html", "/login.html", "/app/x.html"],
        &["target-missing"],
    ),
    ("/app/* 200! Role=a\n/app/* /login 401!", &["/index.html", "/login.html", "/app/x.html"], &[]),
    (
        "/app/* 200! Role=a\n/app/* /login/:splat 401!",
        &["/index.html", "/login/index.html", "/login/x.html", "/app/x.html"],
        &[],
    ),
    ("/app/* 200! Role=a\n/app/* /login/:splat 401!", &[], &[]),
    (
        "/app/* 200! Role=a\n/app/* /login/:splat 302!\n/login/* /login.html 200",
        &["/index.html", "/login.html", "/app/x.html"],
        &[],
    ),
    // The front page alone, where the whole site seems to be meant.
    ("/ / 200! Role=a\n/ /login 302", FRONT, &["gate-not-beneath", "gate-one-spelling"]),
    ("/ /index.html 200! Role=a\n/ /login.html 401!", FRONT, &["gate-not-beneath", "gate-one-spelling"]),
    ("/ / 200! Role=a\n/ /start 200", FRONT, &["gate-one-spelling"]),
    ("/ / 200! Role=a\n/m/* 200! Role=a\n/ /login 302\n/m/* /login 302", FRONT, &["gate-one-spelling"]),
    (
        "/ / 200! Role=a\n/ /login 302",
        &["/index.html", "/login.html", "/404.html", "/signup/index.html"],
        &["gate-one-spelling"],
    ),
    (
        "/ /home 200! Role=a\n/home /home 200! Role=a\n/home.html /home 200! Role=a\n/ /login 302",
        &["/index.html", "/login.html", "/home.html"],
        &[],
    ),
    // A line in error that never decides.
    ("/m/* 200! Role=a\n/m/* /login 302!\n/m 200! Role=a", &[], &["rule-unreachable", "to-missing"]),
    // A negation in the place of a gate.
    ("/app/* /login 302! Role=!a", LOG_IN, &["gate-backwards", "role-pattern"]),
    // Pages to which a role rule sends those who hold the role.
    ("/d /d/admin/ 302! Role=a\n/d /login 302!", DASHBOARD, &["gate-not-beneath"]),
    (
        "/d /d/admin/ 302! Role=a\n/d /d/user/ 302! Role=b\n/d /login 302!",
        DASHBOARD,
        &["gate-not-beneath", "gate-not-beneath"],
    ),
    ("/d /d/admin/ 302! Role=a\n/d /login 302!\n/d/admin/* 200! Role=a\n/d/admin/* /login 401!", DASHBOARD, &[]),
    ("/d /d/admin/ 302! Role=a\n/d /d/user/ 302!", DASHBOARD, &[]),
    ("/d /d/admin/ 302! Role=a\n/d /login 302!", &["/login.html", "/d/x.html"], &[]),
    ("/login /d/admin/ 302! Role=a\n/login /login 200", DASHBOARD, &[]),
    // The content of gated pages in a file for scripts.
    (
        "/app/* 200! Role=a\n/app/* /login 401!",
        &["/login.html", "/app/index.html", "/page-data/app/page-data.json"],
        &["gate-data-open"],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login 401!",
        &["/login.html", "/app/x.html", "/_next/data/b/app/x.json"],
        &["gate-data-open"],
    ),
    (
        "/app/* 200! Role=a\n/page-data/app/* 200! Role=a\n/app/* /login 401!",
        &["/login.html", "/app/index.html", "/page-data/app/page-data.json"],
        &[],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login 401!",
        &["/login.html", "/app/index.html", "/page-data/index/page-data.json"],
        &[],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login 401!",
        &["/login.html", "/app/index.html", "/_next/data/b/blog.json", "/data/app.json"],
        &[],
    ),
    ("/* 200! Role=a\n/* /login 401!", &["/login.html", "/app/index.html", "/page-data/app/page-data.json"], &[]),
    // One page in the place of all others below a gate.
    ("/m/* /m/ 200! Role=a\n/m/* /login 401!", &["/login.html", "/m/index.html", "/m/b.html"], &["files-swallowed"]),
    ("/m/* / 200! Role=a\n/m/* /login 401!", &["/index.html", "/login.html", "/m/b.html"], &["files-swallowed"]),
    ("/m/* /m/ 200! Role=a\n/m/* /login 401!", &["/login.html", "/m/index.html"], &[]),
    ("/m/* /m/ 200! Role=a\n/m/* /m/denied 401!", &["/m/denied.html", "/m/index.html"], &[]),
    (
        "/m/b /m/b 200! Role=a\n/m/* /m/ 200! Role=a\n/m/* /login 401!",
        &["/login.html", "/m/index.html", "/m/b.html"],
        &[],
    ),
    ("/m/* /m/ 200 Role=a\n/m/* /login 401!", &["/login.html", "/m/index.html", "/m/b.html"], &[]),
    // A gate that redirects to its own paths, and a redirect that leads nowhere above a gate for its tree.
    ("/app/* /app/:splat 301! Role=a\n/app/* /login 302!", LOG_IN, &["tree-ends-walk"]),
    ("/app/* /app/:splat 302 Role=a\n/app/* /login 302!", LOG_IN, &["tree-ends-walk"]),
    ("/app /app 301! Role=a\n/app /login 302!", LOG_IN, &["redirect-to-itself"]),
    ("/app /app/ 301! Role=a\n/app/* /login 302!", LOG_IN, &["redirect-to-itself"]),
    ("/app/* /app/:splat 301\n/app/* 200! Role=a\n/app/* /login 302!", LOG_IN, &["tree-ends-walk"]),
    (
        "/m/* /m/:splat 302 Language=de\n/m/b/* 200! Role=a\n/m/b/* /login 302!",
        &["/m/b/x.html", "/login.html"],
        &["tree-ends-walk"],
    ),
    ("/app/* 200! Role=a\n/app/* /login 302!\n/app/* /app/:splat 301", LOG_IN, &["rule-unreachable"]),
    ("/m/* /m/:splat 301\n/app/* 200! Role=a\n/app/* /login 302!", LOG_IN, &["redirect-to-itself"]),
    ("/start /app/ 302! Role=a\n/app/* 200! Role=a\n/app/* /login 302!", LOG_IN, &[]),
    ("/a/* /app/:splat 302! Role=a\n/app/* 200! Role=a\n/app/* /login 302!", LOG_IN, &[]),
    ("/login /app/ 302! Role=a\n/login /login 200\n/app/* 200! Role=a\n/app/* /login 302!", LOG_IN, &[]),
    // Routes of an app that nobody gets, where those who hold the role are shown files.
    ("/board/* /board/:splat 200! Role=a\n/board/* /login 401!\n/* /index.html 200", LOG_IN, &["target-missing"]),
    ("/board/* /index.html 200! Role=a\n/board/* /login 401!\n/* /index.html 200", LOG_IN, &[]),
    ("/app/* 200! Role=a\n/app/* /login 401!\n/* /index.html 200", LOG_IN, &[]),
    ("/board/* 200! Role=a\n/board/* /login 401!\n/* /404.html 404", LOG_IN, &[]),
    ("/board/* 200! Role=a\n/board/* /login 401!\n/* /index.html 200 Country=de", LOG_IN, &[]),
    ("/board/* 200! Role=a\n/board/* /login 401!\n/* /index.html 200", &[], &[]),
    ("/board/* https://a.example/:splat 200! Role=a\n/board/* /login 401!\n/* /index.html 200", LOG_IN, &[]),
    // A URL behind a slash.
    ("/x /https://a.example/ 301", LOG_IN, &["to-behind-slash"]),
    ("/x/* /https://a.example/:splat 301", &[], &["to-behind-slash"]),
    ("/* /https://a.example/:splat 302\n/app/* 200! Role=a", LOG_IN, &["gate-shadowed", "to-behind-slash"]),
    ("/x /www.a.example/y 301", LOG_IN, &["to-behind-slash"]),
    ("/x /www.a.example/y 301", &["/index.html", "/www.a.example/y.html"], &[]),
    ("/x /proxy/https://a.example 301", &["/index.html"], &["target-missing"]),
    // What can never be asked for.
    ("/g/* 200! Role=user\n/g/* /signin 302! Country=!NZ", &[], &["country-unknown"]),
    // A fallback that asks for more.
    ("/guide /guide 200! Role=user\n/guide tab=a /signin 302!", &[], &["fallback-narrower", "gate-one-spelling"]),
    ("/g/* 200! Role=user\n/g/* /signin 302! Country=de", &[], &["fallback-narrower"]),
    ("/g/* 200! Role=user\n/g/* /de/signin 302! Language=de\n/g/* /signin 302!", &[], &[]),
    ("/g/* 200! Role=user\n/g/* tab=a /signin 302!\n/g/* /signin 302!", &[], &[]),
    // A chain.
    (
        "/ /fr 301! Language=fr\n/:path /fr/:path 301! Language=fr",
        &["/fr/index.html", "/index.html"],
        &["chain-into-nothing"],
    ),
    ("/old /a 301\n/a /b 301", &["/index.html"], &["chain-into-nothing", "target-missing"]),
    ("/old /a 301\n/a /b 301", &["/index.html", "/b.html"], &[]),
    ("/old /a 301\n/a /b 301", &[], &[]),
    ("/old /b 301", &["/index.html"], &["target-missing"]),
    ("/old /a 301\n/a https://a.example/ 301", &["/index.html"], &[]),
    ("/old /a 301\n/a /.netlify/images 301", &["/index.html"], &[]),
    // A star in a destination.
    ("/* /* 200 Cookie=lang", &[], &["to-literal-star"]),
    ("/a/* /b/* 301", &[], &["to-literal-star"]),
    ("/a/* https://b.example/*/x 301", &[], &["to-literal-star"]),
    ("/a/* /b/%2A 301", &[], &[]),
    ("/a /b?x=* 301", &[], &[]),
    // What is denied is hidden by any answer.
    ("/* /:splat 200! Role=*\n/* /login 200!", &["/index.html", "/login.html", "/style.css"], &[]),
    // The same under another spelling is there for other gates.
    ("/map /m 301\n/map/ /m 301", &[], &[]),
    ("/caf%C3%A9/* 200! Role=a\n/café/* 200! Role=a", &[], &[]),
    ("/map /m 301\n/map /m 301", &[], &["duplicate"]),
    // Conditions that never hold.
    ("/a /b 302 Cookie=ab_test=a", &[], &["cookie-name"]),
    ("/a /b 302 Cookie=ab_test", &[], &[]),
    ("/a /b 302 Country=UK", &[], &["country-unknown"]),
    ("/a /b 302 Country=de,USA", &[], &["country-unknown"]),
    ("/a /b 302 Country=de,US,gb", &[], &[]),
    ("/a /b 302 Language=zh_CN", &[], &["language-unknown"]),
    ("/a /b 302 Language=english,de", &[], &["language-unknown"]),
    ("/a /b 302 Language=en,zh-cn,pt-BR", &[], &[]),
    // A target inside its own `from`.
    ("/a/* /a/b/:splat 301", &["/a/x.html"], &["files-before-rule"]),
    ("/a/* /a/?url=:splat 301", &["/a/index.html", "/a/x.html"], &[]),
    ("/a/* /a 302", &["/a/index.html", "/a/x.html"], &[]),
    ("/a/* /b?url=:splat 301", &["/a/x.html"], &["files-before-rule"]),
    ("/a/* /a/login 401", &["/a/x.html", "/a/login.html"], &["files-before-rule"]),
];

/// What is found in a line by itself, which every gate reads for itself: L1 to L4, L12, L14.
const LINES: &[(&str, &[&str])] = &[
    ("/m/* /m/:splat Role=a", &["status-missing"]),
    ("/m/* /m/:splat 200! ROLE=a", &["condition-unknown"]),
    ("/m/* /m/:splat 200! Rolle=a", &["condition-unknown"]),
    ("/m/* /m/:splat 200! Role", &["bare-word"]),
    ("/m 200! Role=a", &["to-missing"]),
    ("/m/* 200! Role=a", &[]),
    ("/m/* /m/:splat 200! Role=a:b", &["role-colon"]),
    ("/m/* /m/:splat 200! Role=a, b", &["condition-empty"]),
    ("/m/* /m/:splat 200! Role=a,b", &[]),
    ("/m/* /m/:splat 200! Role=\"a\"", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role='a,b'", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=“a”", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=a;b", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=a|b", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=a&b", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=a、b", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=[a,b]", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role={a}", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=<a>", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role==a", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=Role=a", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=\\u0061", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=team.blue,site-editor_2,c++,a/b,a@b", &[]),
    // ROLE-5, ROLE-6: letter for letter.
    ("/m/* /m/:splat 200! Role=!user", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role=user,-guest", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role=admin*", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role=**", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role=*,admin", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role=*", &[]),
    ("/m/* /m/:splat 200! Role=$ADMIN", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role=${ADMIN}", &["role-punctuation"]),
    ("/m/* /m/:splat 200! Role=night%20shift", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role=admin!", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role=admin+editor", &["role-pattern"]),
    ("/m/* /m/:splat 200! Role!=guest", &["condition-unknown"]),
    ("/m/* 200! Role=admin\n/n/* 200! Role=Admin", &["role-other-case"]),
    ("/m/* 200! Role=admin\n/n/* 200! Role=admin,Admin", &[]),
    // Characters that look like those of the format.
    ("/m/\u{ff0a} /m/x 200! Role=a", &["from-look-alike"]),
    ("/m\u{ff0f}* /m/x 200! Role=a", &["from-look-alike", "from-prefix-star"]),
    ("/m/* 200\u{ff01} Role=a", &["status-invalid"]),
    ("\u{ff0f}m/* 200! Role=a", &["from-not-a-path"]),
    ("/m/caf\u{e9}/* 200! Role=a", &[]),
    // Ends of lines.
    ("# rules\r/m/* 200! Role=a\r/m/* /login 401!\r", &["line-end"]),
    ("/m/* 200! Role=a\r\n/m/* /login 401!\r\n", &[]),
    ("/m/* 200! Role=a\r", &[]),
    ("/m/* 200! Role=a\r\r\n/m/* /login 401!\r\r\n", &[]),
    // What is no destination, and one behind the status.
    ("/m/* m/:splat 200! Role=a", &["to-not-a-path"]),
    ("/m/* -> /m/:splat 200! Role=a", &["bare-word"]),
    ("/m 302! /n Role=a", &["to-missing"]),
    ("/m/* 200! Role=a // for the team", &["bare-word"]),
    ("/state /?state=:state 301", &["to-unknown-name"]),
    ("/q/* /r/:1 301", &["to-unknown-name"]),
    ("/q/* /r/:splat?a=:splat&b=x:y 301", &[]),
    ("/m/* /m/:splat 200! role=a", &[]),
];

/// L11, L12
const TOML: &[(&str, &[&str])] = &[
    ("status = 200\nforce = 'yes'", &["toml-force"]),
    ("status = '200!'", &["status-invalid"]),
    ("status = 200\nforce = true", &[]),
    ("status = 200\nforce = true\nrate_limit = { window_size = 60 }", &[]),
    ("statys = 200\nstatus = 200\nforce = true", &["toml-field-unknown"]),
];

#[test]
fn every_trap_is_found_and_its_near_miss_is_not() {
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    let mut check = |redirects: &str, toml: &str, files: &[&str], expected: &[&str]| {
        let problems = found(redirects, toml, files);
        if ids(&problems) != expected {
            wrong.push(format!("{redirects}{toml}\nfound {:?} instead of {expected:?}\n", ids(&problems)));
        }
        let entries = problems.iter().filter_map(|problem| catalogue::find(problem.id));
        seen.extend(entries.flat_map(|entry| entry.traps.iter().copied()));
    };
    for (rules, files, expected) in AFTER_A_GATE {
        check(&format!("{GATE}{rules}\n"), "", files, expected);
    }
    for (rules, expected) in AFTER_A_FORWARDED_GATE {
        check(&format!("{FORWARDED_GATE}{rules}\n"), "", &[], expected);
    }
    for (rules, files, expected) in ALONE {
        check(rules, "", files, expected);
    }
    for (line, expected) in LINES {
        check(line, "", &[], expected);
    }
    for (fields, expected) in TOML {
        let entry =
            format!("[[redirects]]\nfrom = '/m/*'\nto = '/m/:splat'\n{fields}\nconditions = {{ Role = 'a' }}\n");
        check("", &entry, &[], expected);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen, TRAPS.iter().map(|trap| trap.id).collect());
}

/// The fields `from` and `to` of an entry that is forced, and what is found.
const TOML_PATHS: &[(&str, &str, &[&str])] = &[
    ("/essays/The Role of Women.html", "/essays/the-role-of-women", &[]),
    ("/m/*", "/m/The Role", &[]),
    ("/m/* Role=a", "/m/:splat", &["toml-role-in-path"]),
    ("/m/*", "/m/:splat Role=a", &["toml-role-in-path"]),
    ("/m/*", "/m/:splat 200! role", &["toml-role-in-path"]),
    ("/m/*", "/m/:splat Role: a", &["toml-role-in-path"]),
];

#[test]
fn a_word_in_a_path_is_no_condition() {
    for (from, to, expected) in TOML_PATHS {
        let toml = format!("[[redirects]]\nfrom = '{from}'\nto = '{to}'\nstatus = 200\nforce = true\n");
        assert_eq!(ids(&found("", &toml, &[])), *expected, "{from} {to}");
    }
}

/// Rules, entries and files, a kind that is found, and the advice that is given about it: lines in the place of lines.
type Advised =
    (&'static str, &'static str, &'static [&'static str], &'static str, &'static [(usize, &'static [&'static str])]);

const FUNCTION: &str = "[[redirects]]\nfrom = '/api/*'\nto = '/.netlify/functions/:splat'\nstatus = 200\n";

const LOG_IN_AND_VIEW: &[&str] = &["/login.html", "/view.html", "/index.html"];

const ADVISED: &[Advised] = &[
    (
        "/api/config /api/config 200! Role=admin\n/api/* 200! Role=admin,staff\n/* /login.html 302",
        FUNCTION,
        &["/login.html", "/index.html"],
        "rule-unreachable",
        &[(2, &["/api/* /.netlify/functions/:splat 200! Role=admin,staff", "/api/* /login.html 401"]), (2, &[])],
    ),
    (
        "/api/* 200! Role=admin",
        FUNCTION,
        &["/index.html"],
        "gate-undone",
        &[(1, &["/api/* /.netlify/functions/:splat 200! Role=admin"]), (2, &[])],
    ),
    (
        "/api/config /.netlify/functions/config 200! Role=admin",
        FUNCTION,
        BUILT,
        "gate-undone",
        &[(1, &["/api/config /.netlify/functions/config 200! Role=admin", "/api/config /login.html 401!"])],
    ),
    (
        "/admin/* 200! Role=admin\n/* 200! Role=user\n/ /login.html 401",
        "",
        &["/login.html", "/admin/index.html"],
        "gate-wider-below",
        &[(1, &["/admin/* 200! Role=admin", "/admin/* /login.html 401!"])],
    ),
    (
        "/* /index.html 200 Role=admin",
        "",
        &["/index.html", "/login.html"],
        "gate-without-way-in",
        &[(1, &["/* /index.html 200 Role=admin", "/* /login.html 401"])],
    ),
    (
        "/app/* 200! Role=a\n/* /index.html 200",
        "",
        BUILT,
        "gate-backwards",
        &[(1, &["/app/* /index.html 200! Role=a", "/app/* /login.html 401"])],
    ),
    (
        "/premium/* /login.html 200! Role=promo",
        "",
        &["/login.html"],
        "gate-backwards",
        &[(1, &["/premium/* 200! Role=promo", "/premium/* /login.html 401"])],
    ),
    (
        "/m/* /x 200\n/m/* /m/:splat 200! Role=a",
        "",
        &["/x.html", "/m/a.html"],
        "gate-shadowed",
        &[(1, &["/m/* /m/:splat 200! Role=a", "/m/* /x 200"]), (2, &[])],
    ),
    (
        "/board/* /board/:splat 200! Role=a\n/board/* /login 401!\n/* /index.html 200",
        "",
        LOG_IN,
        "target-missing",
        &[(1, &["/board/* /index.html 200! Role=a"])],
    ),
    (
        "/app/* /app/:splat 301! Role=a\n/app/* /login 302!",
        "",
        LOG_IN,
        "tree-ends-walk",
        &[(1, &["/app/* /app/:splat 200! Role=a"])],
    ),
    ("/app/* /app/:splat 301\n/app/* 200! Role=a\n/app/* /login 302!", "", LOG_IN, "tree-ends-walk", &[(1, &[])]),
    (
        "/app/* /app/:splat 200!\n/app/* /login 401! Role=a",
        "",
        LOG_IN,
        "gate-backwards",
        &[(1, &["/app/* /app/:splat 200! Role=a"]), (2, &["/app/* /login 401!"])],
    ),
    (
        "/m/* /m/ 200! Role=a\n/m/* /login 401!",
        "",
        &["/login.html", "/m/index.html", "/m/b.html"],
        "files-swallowed",
        &[(1, &["/m/* 200! Role=a"])],
    ),
    // Forced, the answer for those whom too narrow a gate denies would turn away everybody.
    (
        "/m /m/ 200! Role=a\n/m/* /login 401",
        "",
        &["/login.html", "/m/index.html", "/m/b.html"],
        "files-before-rule",
        &[(1, &["/m/* 200! Role=a"])],
    ),
    (
        "/m /m/ 200! Role=a\n/m/* /login 302",
        "",
        &["/login.html", "/m/index.html", "/m/b.html"],
        "files-before-rule",
        &[(1, &["/m/* 200! Role=a"])],
    ),
    ("/m/* /login 401", "", &["/login.html", "/m/b.html"], "files-before-rule", &[(1, &["/m/* /login 401!"])]),
    // That an exemption below the gate is meant to open its paths nobody can prove.
    (
        "/* /:splat 200! Role=user\n/login /login 200\n/js/* /js/:splat 200\n/* /login 302",
        "",
        &["/login.html", "/index.html", "/js/a.js"],
        "login-page-gated",
        &[],
    ),
    // What is for fewer paths is meant to go first, whatever it leads to; nobody writes it to have it taken out.
    (
        "/* /index.html 200\n/api/* https://api.example/:splat 200",
        "",
        LOG_IN,
        "rule-unreachable",
        &[(1, &["/api/* https://api.example/:splat 200", "/* /index.html 200"]), (2, &[])],
    ),
    (
        "/* /index.html 200\n/api/* /.netlify/functions/:splat 200!",
        "",
        LOG_IN,
        "rule-unreachable",
        &[(1, &["/api/* /.netlify/functions/:splat 200!", "/* /index.html 200"]), (2, &[])],
    ),
    (
        "/* /index.html 200\n/old/* /app/:splat 301",
        "",
        LOG_IN,
        "rule-unreachable",
        &[(1, &["/old/* /app/:splat 301", "/* /index.html 200"]), (2, &[])],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login 401!\n/* /index.html 200\n/api/* https://api.example/:splat 200",
        "",
        LOG_IN,
        "rule-unreachable",
        &[(3, &["/api/* https://api.example/:splat 200", "/* /index.html 200"]), (4, &[])],
    ),
    // What a gate fetches from there is nobody else's.
    (
        "/m/* https://up.example/m/:splat 200! Role=a\n/* /index.html 200\n/api/* https://up.example/:splat 200",
        "",
        LOG_IN,
        "rule-unreachable",
        &[],
    ),
    // What leads to the same place is said already.
    ("/old/* /app/:splat 301\n/old/x /app/x 301", "", LOG_IN, "rule-unreachable", &[(2, &[])]),
    // At the routes of an app there is no file: those who hold the role get what they had.
    (
        "/* /index.html 200\n/board/* /board/:splat 200! Role=user\n/board/* /login 401!",
        "",
        LOG_IN,
        "gate-shadowed",
        &[
            (1, &["/board/* /index.html 200! Role=user", "/board/* /login 401!", "/* /index.html 200"]),
            (2, &[]),
            (3, &[]),
        ],
    ),
    (
        "/* /index.html 200\n/board/* /board/:splat 200! Role=user\n/board/* /login 401!",
        "",
        LOG_IN,
        "rule-unreachable",
        &[
            (1, &["/board/* /index.html 200! Role=user", "/board/* /login 401!", "/* /index.html 200"]),
            (2, &[]),
            (3, &[]),
        ],
    ),
    (
        "/* /index.html 200\n/app/* 200! Role=user\n/app/* /login 401!",
        "",
        LOG_IN,
        "gate-shadowed",
        &[(1, &["/app/* 200! Role=user", "/app/* /login 401!", "/* /index.html 200"]), (2, &[]), (3, &[])],
    ),
    (
        "/* /index.html 200\n/board/* /board/:splat 200! Role=user",
        "",
        LOG_IN,
        "gate-shadowed",
        &[(1, &["/board/* /index.html 200! Role=user", "/board/* /login.html 401", "/* /index.html 200"]), (2, &[])],
    ),
    (
        "/* /de/:splat 302 Language=de\n/m/* 200! Role=a\n/m/* /login 401!",
        "",
        SOME,
        "gate-shadowed",
        &[(1, &[]), (3, &["/m/* /login 401!", "/* /de/:splat 302 Language=de"])],
    ),
    (
        "/* /index.html 200 Country=de\n/m/* 200! Role=a\n/m/* /login 401!",
        "",
        SOME,
        "gate-shadowed",
        &[(1, &[]), (3, &["/m/* /login 401!", "/* /index.html 200 Country=de"])],
    ),
    (
        "https://old.example/* https://a.example/:splat 301\n/m/* 200! Role=a",
        "",
        SOME,
        "gate-shadowed",
        &[(1, &[]), (2, &["/m/* 200! Role=a", "https://old.example/* https://a.example/:splat 301"])],
    ),
    ("/a/* /b/:splat 301", "", &["/a/x.html"], "files-before-rule", &[(1, &["/a/* /b/:splat 301!"])]),
    (
        "/ /fr 302 Country=fr\n/m/* 200! Role=a",
        "",
        &["/index.html", "/fr.html", "/m/x.html"],
        "file-before-rule",
        &[(1, &["/ /fr 302! Country=fr"])],
    ),
    // RULES-5: a line without a destination would be one in error, which nobody passes.
    ("/a /a 404 Role=r", "", &["/a.html", "/a/b.html"], "gate-not-beneath", &[(1, &["/a/* /a/:splat 404 Role=r"])]),
    // On the host of the first line it would let those in whom that line denies.
    (
        "https://a.example/a/* /b 404! Role=s\n/:x /b 404!\n/:x https://up.example/:x 200 Role=r",
        "",
        &[],
        "gate-shadowed",
        &[],
    ),
    (
        "/login /dash/ 302! Role=user\n/dash/* 200! Role=user\n/dash/* /login 302",
        "",
        &["/login.html", "/dash/index.html"],
        "login-page-gated",
        // ROLE-3.redirect: a role rule that only redirects keeps nothing, and who is to log in holds no role yet.
        &[(1, &["/login /dash/ 302! Role=user", "/login /login 200"])],
    ),
    // A gate above what shows the same to everybody closes; where another gate denies before, it would let its own in there.
    (
        "/m/* /m/:splat 200\n/m/x/* 200! Role=a\n/m/x/* /login 401!",
        "",
        &["/index.html", "/login.html", "/m/y.html", "/m/x/z.html"],
        "gate-shadowed",
        &[(1, &["/m/x/* 200! Role=a", "/m/x/* /login 401!", "/m/* /m/:splat 200"]), (2, &[]), (3, &[])],
    ),
    (
        "/m/* 200! Role=b\n/m/* /m/:splat 200\n/m/x/* 200! Role=a",
        "",
        &["/index.html", "/login.html", "/m/y.html", "/m/x/z.html"],
        "gate-wider-above",
        &[],
    ),
    ("/pricing /account 302 Role=premium", "", &["/pricing.html", "/account.html"], "role-redirect-hides", &[]),
    // Above one of several it would answer in its place.
    (
        "/login /d/admin/ 302! Role=admin\n/login /d/user/ 302! Role=user",
        "",
        DASHBOARD,
        "role-redirect-hides",
        &[(2, &["/login /d/user/ 302! Role=user", "/login /login 200"])],
    ),
    (
        "/d/* 200! Role=admin,user\n/d/* /login 302!\n/login /d/admin/ 302! Role=admin\n/login /d/user/ 302! Role=user",
        "",
        DASHBOARD,
        "login-page-gated",
        &[(4, &["/login /d/user/ 302! Role=user", "/login /login 200"])],
    ),
    // The front page is for those who hold no role yet; of another page, to which people are sent, nobody can prove that.
    (
        "/ /d/user/ 302! Role=user\n/d/* 200! Role=user\n/d/* / 302!",
        "",
        DASHBOARD,
        "login-page-gated",
        &[(1, &["/ /d/user/ 302! Role=user", "/ / 200"])],
    ),
    (
        "/ /d/user/ 302! Role=user",
        "",
        DASHBOARD,
        "role-redirect-hides",
        &[(1, &["/ /d/user/ 302! Role=user", "/ / 200"])],
    ),
    (
        "/d/* 200! Role=user\n/d/* /a 302!\n/a /d/ 302! Role=user",
        "",
        &["/index.html", "/a.html", "/d/index.html"],
        "login-page-gated",
        &[],
    ),
    // SHADOW-1: the answer that is there is not forced.
    ("/m/* 200! Role=a Country=de\n/m/* /login 302", "", SOME, "role-with-condition", &[(2, &["/m/* /login 302!"])]),
    // What the rule says of everything may be meant of something.
    ("/* /404.html 404!", "", FRONT, "files-swallowed", &[]),
    // LINT-1: with no `!`, files would be shown that nobody is shown now.
    ("/* /index.html 200!", "", &["/index.html", "/app.js"], "files-swallowed", &[]),
    (
        "/m/* /m/index.html 200! Role=a\n/m/* /login 401!",
        "",
        &["/index.html", "/login.html", "/m/index.html", "/m/a.pdf"],
        "files-swallowed",
        &[(1, &["/m/* 200! Role=a"])],
    ),
    (
        "/login /dash/ 302! Role=user\n/dash/* 200! Role=user\n/* 200! Role=a\n/* /login 302",
        "",
        &["/login.html", "/dash/index.html"],
        "login-page-gated",
        &[(4, &["/* /login.html 401"])],
    ),
    (
        "https://admin.a.example/* /admin/:splat 200! Role=a\n/* /index.html 200",
        "",
        &["/admin/index.html", "/index.html", "/app.js"],
        "gate-target-open",
        &[(1, &["https://admin.a.example/* /admin/:splat 200! Role=a", "/admin/* /admin/:splat 200! Role=a"])],
    ),
    (
        "/* 200! Role=a\n/* /login/ 302\n/login/* 200",
        "",
        &["/login/index.html", "/index.html"],
        "login-page-gated",
        &[],
    ),
    ("/p/* /m/splat 200", "", SOME, "target-missing", &[]),
    ("/m/* /m/splat 200! Role=a", "", SOME, "target-missing", &[(1, &["/m/* /m/:splat 200! Role=a"])]),
    ("/m/* 200! Role=a\n/m/* /logn 401!", "", SOME, "target-missing", &[(2, &["/m/* /login 401!"])]),
    ("/x /nope.html 200", "", SOME, "target-missing", &[]),
    // What belongs to a gate goes with it.
    (
        "/de/* /de/404.html 404\n/de/m/* 200! Role=a\n/de/m/* /de/login 401",
        "",
        &["/de/404.html", "/de/login.html", "/de/m/x.html"],
        "rule-unreachable",
        &[(1, &["/de/m/* 200! Role=a", "/de/m/* /de/login 401", "/de/* /de/404.html 404"]), (2, &[]), (3, &[])],
    ),
    (
        "/de/* /de/404.html 404\n/de/m/* 200! Role=a\n/de/m/* /de/login 401",
        "",
        &["/de/404.html", "/de/login.html", "/de/m/x.html"],
        "gate-shadowed",
        &[(1, &["/de/m/* 200! Role=a", "/de/m/* /de/login 401", "/de/* /de/404.html 404"]), (2, &[]), (3, &[])],
    ),
    (
        "/dist/admin/* 200! Role=a",
        "",
        &["/admin/x.html", "/index.html"],
        "gate-closes-nothing",
        &[(1, &["/dist/admin/* 200! Role=a", "/admin/* 200! Role=a"])],
    ),
    (
        "/* /index.html 200! Role=a\n/* /login.html 401",
        "",
        &["/index.html", "/login.html", "/app.js"],
        "files-swallowed",
        &[(1, &["/* 200! Role=a"])],
    ),
    (
        "/m/* 200! Role=a\n/m/* /m/index.html 200",
        "",
        &["/m/index.html", "/login.html"],
        "leads-into-gate",
        &[(2, &["/m/* /login.html 401"])],
    ),
    (
        "/download/:f /files/:f 200! Role=a",
        "",
        &["/files/x.zip", "/index.html"],
        "gate-target-open",
        &[(1, &["/download/:f /files/:f 200! Role=a", "/files/:f /files/:f 200! Role=a"])],
    ),
    // The page beside the folder is for everybody.
    (
        "/login/* /index.html 404\n/:x /index.html 404 Role=x",
        "",
        &["/index.html", "/login.html"],
        "leads-into-gate",
        &[],
    ),
    (
        "/m/* 200! Role=a\n/m/* /login 401",
        "",
        &["/login.html", "/m.html", "/m/a.html"],
        "gate-one-spelling",
        &[(1, &["/m/* 200! Role=a", "/m.html /m.html 200! Role=a"])],
    ),
    (
        "/app/* 200! Role=user\n/app/x/* 200! Role=admin\n/app/* /login 401!",
        "",
        NESTED,
        "gate-wider-above",
        &[(1, &["/app/x/* 200! Role=admin", "/app/x/* /login 401!", "/app/* 200! Role=user"]), (2, &[])],
    ),
    (
        "/app/* 200! Role=user\n/app/x/* 200! Role=admin\n/app/x/* /login 401!\n/app/* /login 401!",
        "",
        NESTED,
        "gate-wider-above",
        &[(1, &["/app/x/* 200! Role=admin", "/app/x/* /login 401!", "/app/* 200! Role=user"]), (2, &[]), (3, &[])],
    ),
    (
        "/login /login 200\n/* 200! Role=user\n/app/* 200! Role=admin\n/* /login 302!",
        "",
        LOG_IN,
        "gate-wider-above",
        &[(2, &["/app/* 200! Role=admin", "/app/* /login 401!", "/* 200! Role=user"]), (3, &[])],
    ),
    ("/app/* 200! Role=user\n/app/* /login 401!\n/app/x/* 200! Role=admin", "", NESTED, "gate-wider-above", &[]),
    // Nobody is told to take a public page out.
    ("/d /d-pro 200! Role=a\n/d /d 200", "", PER_ROLE, "role-redirect-hides", &[]),
    ("/ /d-pro 200! Role=a\n/ /index.html 200!", "", PER_ROLE, "role-redirect-hides", &[]),
    ("/app/* 200! Role=a\n/app/* /login", "", LOG_IN, "role-redirect-kept", &[(2, &["/app/* /login 302"])]),
    (
        "/login /app/ 301! Role=a\n/login /login 200\n/app/* 200! Role=a\n/app/* /login 302!",
        "",
        LOG_IN,
        "role-redirect-kept",
        &[(1, &["/login /app/ 302! Role=a"])],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login/:splat 401!",
        "",
        &["/index.html", "/login.html", "/app/x.html"],
        "target-missing",
        &[(2, &["/app/* /login 401!"])],
    ),
    // No value is written anew that is odd by itself.
    ("/app/* /login 302! Role=!a", "", LOG_IN, "gate-backwards", &[]),
    ("/app/* /login 302! Role=a*", "", LOG_IN, "gate-backwards", &[]),
    (
        "/d /d/admin/ 302! Role=a\n/d /login 302!",
        "",
        DASHBOARD,
        "gate-not-beneath",
        &[(1, &["/d /d/admin/ 302! Role=a", "/d/admin/* 200! Role=a", "/d/admin/* /login 401!"])],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login 401!",
        "",
        &["/login.html", "/app/index.html", "/page-data/app/page-data.json"],
        "gate-data-open",
        &[(1, &["/app/* 200! Role=a", "/page-data/app/* 200! Role=a"])],
    ),
    // What a rule shows is closed at every spelling of its own path, for all whom a rule lets in that shows the same.
    (
        "/x /private/plan.html 200! Role=a\n/x /login 401",
        "",
        &["/login.html", "/private/plan.html", "/private/map.html"],
        "gate-target-open",
        &[(
            1,
            &[
                "/x /private/plan.html 200! Role=a",
                "/private/plan.html /private/plan.html 200! Role=a",
                "/private/plan /private/plan.html 200! Role=a",
            ],
        )],
    ),
    (
        "/x/:id /view.html?id=:id 200! Role=a\n/x/* /login 401",
        "",
        LOG_IN_AND_VIEW,
        "gate-target-open",
        &[(
            1,
            &[
                "/x/:id /view.html?id=:id 200! Role=a",
                "/view.html /view.html 200! Role=a",
                "/view /view.html 200! Role=a",
            ],
        )],
    ),
    (
        "/ /club/ 200! Role=a\n/ /login 401",
        "",
        &["/login.html", "/index.html", "/club/index.html"],
        "gate-target-open",
        &[(1, &["/ /club/ 200! Role=a", "/club/* 200! Role=a"])],
    ),
    (
        "/x/* /private/:splat 200! Role=a\n/x/* /login 302!\n/y/* /private/:splat 200! Role=b",
        "",
        &["/login.html", "/private/plan.html"],
        "gate-target-open",
        &[(1, &["/x/* /private/:splat 200! Role=a", "/private/* /private/:splat 200! Role=a,b"])],
    ),
    // Nobody closes the front page of the site.
    ("/x /index.html 200! Role=a", "", &["/index.html", "/login.html"], "gate-target-open", &[]),
    // A folder is closed together with what answers those who are denied, and with the page beside it.
    (
        "/m /m 200! Role=a\n/m /login 401",
        "",
        &["/login.html", "/m/index.html", "/m/b.html"],
        "gate-not-beneath",
        &[(1, &["/m/* 200! Role=a"]), (2, &["/m/* /login 401"])],
    ),
    (
        "/m /m 200! Role=a\n/m /login 401",
        "",
        &["/login.html", "/m/index.html", "/m/b.html"],
        "gate-one-spelling",
        &[(1, &["/m/* 200! Role=a"]), (2, &["/m/* /login 401"])],
    ),
    (
        "/m/index.html /m/index.html 200! Role=a\n/m/index.html /login 302!",
        "",
        &["/login.html", "/m/index.html", "/m/b.html"],
        "gate-not-beneath",
        &[(1, &["/m/* 200! Role=a"]), (2, &["/m/* /login 302!"])],
    ),
    (
        "/m /m.html 200! Role=a\n/m /login 401!",
        "",
        &["/login.html", "/m.html", "/m/b.html"],
        "gate-not-beneath",
        &[(1, &["/m/* 200! Role=a", "/m.html /m.html 200! Role=a"]), (2, &["/m/* /login 401!", "/m.html /login 401!"])],
    ),
    (
        "/m /app.html 200! Role=a\n/m /login 401",
        "",
        &["/login.html", "/app.html", "/m/b.html"],
        "gate-not-beneath",
        &[(1, &["/m /app.html 200! Role=a", "/m/* 200! Role=a"]), (2, &["/m/* /login 401"])],
    ),
    // Those who are denied would be sent round for ever.
    (
        "/m /m 200! Role=a\n/m /m/join 302!",
        "",
        &["/m/index.html", "/m/b.html", "/m/join.html"],
        "gate-not-beneath",
        &[],
    ),
    (
        "/m/area/* 200! Role=a\n/m/* /login 401",
        "",
        &["/login.html", "/m/index.html", "/m/area/b.html"],
        "files-before-rule",
        &[(1, &["/m/* 200! Role=a"])],
    ),
    (
        "/:c/m /:c/m/index.html 200! Role=a\n/:c/m /login 401",
        "",
        &["/login.html", "/b/m/index.html"],
        "gate-one-spelling",
        &[(
            1,
            &[
                "/:c/m /:c/m/index.html 200! Role=a",
                "/:c/m/index.html /:c/m/index.html 200! Role=a",
                "/:c/m/index /:c/m/index.html 200! Role=a",
            ],
        )],
    ),
    // Between two gates the first to be denied get what those get who have no role, or nothing.
    (
        "/m/vip/* 200! Role=a\n/m/* 200! Role=b\n/m/* /de/login 401",
        "",
        &["/de/login.html", "/en/login.html", "/m/x.html", "/m/vip/y.html"],
        "gate-wider-below",
        &[(1, &["/m/vip/* 200! Role=a", "/m/vip/* /de/login 401!"])],
    ),
    (
        "/m/vip/* 200! Role=a\n/m/* 200! Role=b",
        "",
        &["/m/x.html", "/m/vip/y.html"],
        "gate-wider-below",
        &[(1, &["/m/vip/* 200! Role=a", "/m/vip/* /404.html 404!"])],
    ),
    // What belongs to a gate for one host, or for one parameter, goes with it.
    (
        "https://in.example/* 200! Role=a\nhttps://in.example/* /login 401!",
        "",
        LOG_IN,
        "gate-one-host",
        &[(1, &["/* /:splat 200! Role=a"]), (2, &["/* /login 401!"])],
    ),
    // A server that a gate forwards to is kept at other paths by the same role.
    (
        "/app/* https://app.example/:splat 200! Role=a\n/app/* /login 401!\n/raw/* https://app.example/:splat 200",
        "",
        LOG_IN,
        "gate-undone",
        &[(3, &["/raw/* https://app.example/:splat 200 Role=a"])],
    ),
    // MATCH-8: a star is put at the end, where the files show that the gate keeps what it kept.
    (
        "/m* /m/:splat 200! Role=a\n/m* /login 401!",
        "",
        &["/login.html", "/m/index.html", "/m/b.html"],
        "from-prefix-star",
        &[(1, &["/m/* 200! Role=a"]), (2, &["/m/* /login 401!"])],
    ),
    (
        "/m* /m:splat 200! Role=a\n/m* /login 401!",
        "",
        &["/login.html", "/m.html", "/m/b.html"],
        "from-prefix-star",
        &[(1, &["/m/* 200! Role=a", "/m.html /m.html 200! Role=a"]), (2, &["/m/* /login 401!", "/m.html /login 401!"])],
    ),
    ("/m* /m/:splat 200! Role=a", "", &["/login.html", "/m/index.html", "/m-list.html"], "from-prefix-star", &[]),
    ("/m* /m/:splat 200! Role=a", "", &[], "from-prefix-star", &[]),
    ("/m* /m/:splat 200! Role=a\n/* https://up.example/:splat 200", "", &["/m/b.html"], "from-prefix-star", &[]),
    ("/m* /n/:splat 301", "", &["/n/b.html"], "from-prefix-star", &[]),
    (
        "/*/edit /:splat/edit 200! Role=a\n/*/edit /login 401!",
        "",
        &["/login.html", "/b/edit/index.html"],
        "from-middle-star",
        &[
            (
                1,
                &[
                    "/:name/edit /:name/edit 200! Role=a",
                    "/:name/edit/index.html /:name/edit 200! Role=a",
                    "/:name/edit/index /:name/edit 200! Role=a",
                ],
            ),
            (2, &["/:name/edit /login 401!", "/:name/edit/index.html /login 401!", "/:name/edit/index /login 401!"]),
        ],
    ),
    ("/*/edit /:splat/edit 200! Role=a", "", &["/login.html", "/b/c/edit.html"], "from-middle-star", &[]),
    (
        "/m/*.html /m/:splat.html 200! Role=a\n/m/*.html /login 401",
        "",
        &["/login.html", "/m/b.html", "/m/c.html"],
        "from-literal-star",
        &[(1, &["/m/* 200! Role=a"]), (2, &["/m/* /login 401"])],
    ),
    ("/m/*.html /m/:splat.html 200! Role=a", "", &["/m/b.html", "/m/c.css"], "from-literal-star", &[]),
    ("/*.html /:splat.html 200! Role=a", "", &["/login.html", "/b.html"], "from-literal-star", &[]),
    // Who is called after having less is not shown what is for others.
    ("/app/* /login 401 Role=guest", "", LOG_IN, "gate-backwards", &[]),
    // LINT-1: what would go round for ever, open what is closed, or lock out who is admitted.
    ("/blog/* /blog/new/:splat 301", "", &["/blog/a.html"], "files-before-rule", &[]),
    ("/p/* /:splat 200\n/m/* 200! Role=a", "", &["/m/x.html", "/index.html"], "leads-into-gate", &[]),
    ("/a/* /b/:splat 301\n/a/m/* 200! Role=a", "", &["/a/x.html", "/a/m/y.html"], "files-before-rule", &[]),
    // What one gate keeps is not the page for those whom another one denies, and a function that runs no more is missed.
    ("/c.html /c 200! Role=y\n/login /c 401", "", &["/c.html", "/login.html"], "file-before-rule", &[]),
    (
        "/api/config /api/config 200! Role=admin\n/api/* /.netlify/functions/:splat 200",
        "",
        &["/api/config.html", "/index.html"],
        "gate-undone",
        &[],
    ),
];

/// LINT-1
#[test]
fn advice_is_the_one_that_is_proved() {
    for (redirects, toml, files, id, edits) in ADVISED {
        let problems = found(redirects, toml, files);
        let problem = problems.iter().find(|problem| problem.id == *id).unwrap_or_else(|| panic!("{id}: {problems:?}"));
        let told = problem.advice.iter().flat_map(|advice| &advice.edits);
        let told: Vec<(usize, Vec<&str>)> =
            told.map(|edit| (edit.span.line, edit.lines.iter().map(String::as_str).collect())).collect();
        let expected: Vec<(usize, Vec<&str>)> = edits.iter().map(|(line, lines)| (*line, lines.to_vec())).collect();
        assert_eq!(told, expected, "{redirects}: {}", problem.help);
    }
}

/// Fields of an entry, a kind that is found, and what it is found at.
const PLACES: &[(&str, &str, &str)] = &[
    ("status = 302\nconditions = { Cookie = ['ab=a'] }", "cookie-name", "['ab=a']"),
    ("status = 302\n[redirects.conditions]\nLanguage = ['de']\ncountry = 'UK'", "country-unknown", "'UK'"),
    ("status = 302\n[redirects.conditions]\nLanguage = ['english']", "language-unknown", "['english']"),
    ("status = 200\nforce = true\nconditions = { Role = ['a'], Country = ['de'] }", "role-with-condition", "['de']"),
    ("status = 200\nforce = true\nquery = { q = '1' }\nconditions = { Role = ['a'] }", "gate-one-query", "'1'"),
    ("status = 301", "redirect-to-itself", "'/m/:splat'"),
];

#[test]
fn a_finding_about_a_field_of_an_entry_stands_at_its_value() {
    for (fields, id, expected) in PLACES {
        let toml = format!("[[redirects]]\nfrom = '/m/*'\nto = '/m/:splat'\n{fields}\n");
        let problems = found("", &toml, &[]);
        let problem = problems.iter().find(|problem| problem.id == *id).unwrap_or_else(|| panic!("{id}: {problems:?}"));
        assert_eq!(&toml[problem.span.start..problem.span.end], *expected, "{id}");
    }
}

/// An entry of `netlify.toml`, files, a kind that is found, and what is advised.
const ADVISED_IN_TOML: &[(&str, &[&str], &str, &str)] = &[
    (
        "from = '/app/*'\nto = '/app/:splat'\nstatus = 200\nforce = true\n[[redirects]]\nfrom = '/app/*'\nto = '/login'\nstatus = 401\n\
         conditions = { Role = ['a'] }",
        LOG_IN,
        "gate-backwards",
        "the role belongs in the entry of line 2: move the condition `Role` there",
    ),
    // The status that is left out is 301.
    (
        "from = '/app/*'\nto = '/app/:splat'\nforce = true\nconditions = { Role = ['a'] }",
        LOG_IN,
        "tree-ends-walk",
        "with the status 301 a rule redirects, and shows nothing: for a gate that shows its own paths write an entry with `from = \"/app/*\"`, \
         `to = \"/app/:splat\"`, `status = 200`",
    ),
    (
        "from = '/*'\nto = '/index.html'\nstatus = 200\nconditions = { Role = ['admin'] }",
        &["/index.html", "/login.html"],
        "gate-without-way-in",
        "below this entry: an entry with `from = \"/*\"`, `to = \"/login.html\"`, `status = 401`",
    ),
    (
        "from = '/a/*'\nto = '/b/:splat'\nstatus = 302",
        &["/a/x.html"],
        "files-before-rule",
        "write `force = true` to force the rule, or remove the files",
    ),
];

#[test]
fn advice_for_an_entry_is_in_its_words() {
    for (fields, files, id, words) in ADVISED_IN_TOML {
        let problems = found("", &format!("[[redirects]]\n{fields}\n"), files);
        let problem = problems.iter().find(|problem| problem.id == *id).unwrap_or_else(|| panic!("{id}: {problems:?}"));
        assert!(problem.help.contains(words), "{}", problem.help);
    }
}

/// Rules, and what is found in what pages load: `/login.html` and `/in/login.html`, the same.
const PAGES: &[(&str, &[&str])] = &[
    ("/* 200! Role=a\n/* /login.html 401", &["`/login.html` loads `/css/a.css`, and 1 more, which line 1 denies"]),
    (
        "/m/* 200! Role=a\n/m/* /login.html 401",
        &["loads `b.js`, which is `/m/b.js` where the page is seen at `/m/example`"],
    ),
    ("/m/* 200! Role=a\n/m/* /login 302", &[]),
    ("/m/* 200! Role=a\n/css/* 200! Role=a\n/m/* /login 302", &["loads `/css/a.css`, which line 2 denies"]),
    ("/css/* /css/:splat 200\n/b.js /b.js 200\n/* 200! Role=a\n/* /login.html 401", &[]),
    (
        "/css/* /css/:splat 200\n/*/b.js /b.js 200\n/b.js /b.js 200\n/login /login 200\n/* 200! Role=a\n/* /login 302!",
        &[],
    ),
    ("/* 200! Role=\"a\"\n/* /login.html 401", &["which line 1 denies"]),
    ("/m/* 200! Role=a\n/m/* /in/login.html 401", &["loads `b.js`, which is `/m/b.js`"]),
    ("/m/* 200! Role=a\n/m/* /other.html 401", &[]),
    ("/m/* 200! Role=a\n/m/* https://id.example/ 302", &[]),
    ("/* /login.html 401", &[]),
];

#[test]
fn what_the_page_for_the_denied_loads_is_for_them_too() {
    let names =
        ["/index.html", "/login.html", "/in/login.html", "/in/b.js", "/css/a.css", "/b.js", "/other.html", "/m/x.html"];
    let site = MemorySite::new(names);
    let page =
        b"<link rel=stylesheet href=/css/a.css><script src=b.js></script><script src=//cdn.example/x.js></script>";
    for (rules, expected) in PAGES {
        let set = RuleSet::parse(rules.as_bytes()).rules;
        let found = lint_pages(&set, &site, |name| name.ends_with("/login.html").then(|| page.to_vec()));
        assert_eq!(ids(&found), vec!["login-page-assets-gated"; expected.len()], "{rules}: {found:?}");
        for (problem, words) in found.iter().zip(*expected) {
            assert!(problem.message.contains(words), "{rules}: {}", problem.message);
        }
    }
}

/// STATIC-4
#[test]
fn a_link_into_a_gate_is_found() {
    let site = MemorySite::new(["/m/x.html", "/p/y.html"]).with_links(&["/m/a.html", "/p/a.html"]);
    for (rules, expected) in [
        ("/m/* /m/:splat 200! Role=a", vec!["link-into-gate"]),
        ("/p/* /p/:splat 200! Role=a", vec!["link-into-gate"]),
        ("/:x/a /m/a.html 200! Role=a", vec![]),
        ("/m/a /m/a.html 200! Role=a", vec!["gate-one-spelling", "link-into-gate"]),
        ("/m/* Role", vec!["link-into-gate"]),
        ("/m/* /m/:splat 200! Role=a\n/p/* /p/:splat 200! Role=a", vec![]),
        ("/m/x /m/x.html 200! Role=a", vec!["gate-one-spelling"]),
        ("/m/* /m/:splat 200!", vec![]),
    ] {
        let set = RuleSet::parse(rules.as_bytes()).rules;
        assert_eq!(ids(&lint(&set, &site)), expected, "{rules}");
    }
}

/// Rules, files, a kind that is found, and words of what is said: the message, what visitors get, and the help.
const SAID: &[(&str, &[&str], &str, [&str; 3])] = &[
    (
        "/* /:splat 200! Role=user\n/login /login 200\n/* /login 302",
        LOG_IN,
        "gate-undone",
        ["what line 1 keeps", "at `/login` a 404", "this line is meant to stand above line 1"],
    ),
    (
        "/* /:splat 200! Role=user\n/login /login 200\n/* /login 302",
        LOG_IN,
        "login-page-gated",
        [
            "which line 1 denies to them too",
            "and there a 404",
            "line 2 is to show `/login` to everybody, and stands below the gate",
        ],
    ),
    (
        "/app/* /login 401!\n/app/b/* 200! Role=a",
        LOG_IN,
        "gate-shadowed",
        ["line 1 matches these paths first", "what line 1 says", "above line 1"],
    ),
    (
        "/app/* 200! Role=gold\n/app/* /login 401!\n/app/* 200! Role=silver",
        LOG_IN,
        "gate-shadowed",
        [
            "line 2 matches",
            "what line 2 says",
            "`silver` alone never gets in; if they may see the same, name them on line 1, `Role=gold,silver`",
        ],
    ),
    (
        "/login /login 200\n/* 200! Role=a\n/* /login 302\n/login / 200! Role=a",
        LOG_IN,
        "gate-shadowed",
        ["line 1 matches", "what line 1 says", "`/login / 302! Role=a` above line 1"],
    ),
    (
        "https://a.example/* https://www.a.example/:splat 301!\nhttps://www.a.example/* https://a.example/:splat 301!",
        LOG_IN,
        "redirect-loop",
        [
            "`https://a.example/example` → `https://www.a.example/example` → `https://a.example/example`",
            "an error",
            "lead to a page",
        ],
    ),
    // SHADOW-1: a redirect that is not forced sends nobody on from a file.
    (
        "http://a.example/* https://a.example/:splat 301\nhttps://a.example/m/* 200! Role=a\nhttps://a.example/m/* /login 401!",
        SOME,
        "gate-one-host",
        ["for `a.example` alone", "and on this one over `http`, without being asked", "a gate with a host"],
    ),
    (
        "http://a.example/* https://a.example/:splat 301!\nhttps://a.example/m/* 200! Role=a\nhttps://a.example/m/* /login 401!",
        SOME,
        "gate-one-host",
        ["for `a.example` alone", "the file on every other host of the site, without being asked", "write `/m/*`"],
    ),
    (
        "https://a.example/m/* /m/:splat 200! Role=a\n/p /m/x 200",
        SOME,
        "leads-into-gate",
        ["line 1 gates", "at `https://a.example/p` what lies at `/m/x`", ""],
    ),
    (
        "/pricing /account 302! Role=user",
        &["/index.html", "/pricing.html", "/account.html"],
        "role-redirect-hides",
        [
            "gets a 404 at `/pricing`",
            "a 404 without it",
            "where the page is for everybody, a rule for the same path below shows it",
        ],
    ),
    (
        "/login /app 302! Role=user\n/* /404.html 404",
        LOG_IN,
        "role-redirect-hides",
        ["gets `/404.html` at `/login`", "`/404.html` without it", "write `/login /login 200` below this line"],
    ),
    (
        "/login /login.html 200 Role=admin",
        LOG_IN,
        "gate-backwards",
        [
            "the page to log in to those who hold the role, and to nobody else",
            "a 404 without the role",
            "`/login /login.html 200`",
        ],
    ),
    (
        "/premium/* /login 401! Role=anonymous\n/premium/* 200",
        PAID,
        "gate-backwards",
        ["to `/login`, and nobody else", "a 404", "`/premium/* 200! Role=…`"],
    ),
    (
        "/api/c /.netlify/functions/c 200! Role=a\n/api/* /.netlify/functions/:splat 200",
        &["/index.html"],
        "gate-undone",
        ["what line 1 keeps", "what the function answers", "line 1 denies are to be answered between the two"],
    ),
    (
        "/api/c /.netlify/functions/c 200! Role=a\n/* /index.html 200",
        BUILT,
        "gate-function-open",
        [
            "at `/.netlify/functions/c` as well",
            "what line 2 says: this gate runs no functions",
            "look at the token itself",
        ],
    ),
    (
        "/app/* /.netlify/identity 401! Role=a",
        LOG_IN,
        "gate-backwards",
        ["answers those who hold the role with a 401", "to all others a 404", "write `/app/* 200! Role="],
    ),
    (
        "/app/* id=1 /app/:splat 200! Role=a",
        LOG_IN,
        "gate-one-query",
        [
            "exactly these parameters, and `/app/index.html?id=1&x=1` goes past it",
            "at `/app/index.html?id=1&x=1` `/app/index.html`, without being asked",
            "add the same gate without parameters, below it: `/app/* /app/:splat 200! Role=a`",
        ],
    ),
    (
        "/x id=1 https://a.example/1 200! Role=a\n/x https://a.example/ 200",
        LOG_IN,
        "gate-one-query",
        ["`/x?id=1&x=1` goes past it", "what `https://a.example/?id=1&x=1` answers", "a gate without parameters"],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login 401!\n/app/* 200! Role=b",
        LOG_IN,
        "gate-shadowed",
        [
            "nobody is ever asked",
            "what line 2 says",
            "line 2 answers all whom line 1 denies, those too who hold another role",
        ],
    ),
    (
        "/* /index.html 200 Role=a\n/* /index.html 200",
        LOG_IN,
        "gate-undone",
        ["what line 1 keeps", "a 404", "in the place of this line: `/* /login.html 401`"],
    ),
    (
        "/* /index.html 200 Role=a\n/* /index.html 200",
        &["/index.html", "/app.js"],
        "gate-undone",
        ["what line 1 keeps", "a 404", "line 1 closes every path of the site to all who do not hold the role"],
    ),
    (
        "/app/* 200! Role=a\n/app/* /login 302!\n/login /app/ 302! Role=a",
        LOG_IN,
        "login-page-gated",
        ["where line 3 answers those who hold the role alone", "a 404", "write `/login /login 200` below line 3"],
    ),
    (
        "/x /https://a.example/ 301",
        LOG_IN,
        "to-behind-slash",
        ["of what looks like `https://a.example/`", "", "write `/x https://a.example/ 301`"],
    ),
    (
        "http://a.example/* https://a.example/:splat 301!\nhttps://a.example/* /:splat 200! Role=a\n/login /login 200",
        LOG_IN,
        "gate-one-host",
        ["for `a.example` alone", "on every other host of the site, without", "on that host alone"],
    ),
    (
        "/m/* 200! Role=admin\n/m/* /login 401!\n/premium/* 200! Role=a\n/premium/* /m/index.html 401",
        &["/m/index.html", "/login.html", "/premium/index.html"],
        "leads-into-gate",
        [
            "into `/m/*`, which line 1 gates",
            "what lies at `/m/index.html`",
            "that is for them: `/premium/* /login 401`",
        ],
    ),
    (
        "/app/* 200! Role=user\n/app/x/* 200! Role=admin\n/app/* /login 401!",
        NESTED,
        "gate-wider-above",
        [
            "line 1 has already admitted the role `user` to `/app/x`",
            "at `/app/x/example` the same",
            "put it and `/app/x/* /login 401!` above line 1",
        ],
    ),
    (
        "/d /d-pro 200! Role=a\n/d /d 200",
        PER_ROLE,
        "role-redirect-hides",
        [
            "line 1 closes `/d` to everybody else",
            "from other gates `/d.html`",
            "leave this line where it is, and send those who hold the role to their page in the place of line 1: `/d /d-pro 302! Role=a`",
        ],
    ),
    (
        "/app/* /login 302! Role=!a",
        LOG_IN,
        "gate-backwards",
        ["nobody else", "", "write `/app/* 200! Role=a`, then `/app/* /login 302!` for everybody else"],
    ),
    (
        "/ / 200! Role=a\n/ /login 302",
        FRONT,
        "gate-not-beneath",
        [
            "`/a.html` and 2 more pages can be had",
            "`/a.html`, without",
            "write `/* 200! Role=a` here, `/*` in the place of `/` on line 2",
        ],
    ),
    (
        "/m/* 200! Role=a\n/m/* /login 302!\n/m 200! Role=a",
        &[],
        "rule-unreachable",
        ["line 1 and line 2 answer these paths", "what line 1 and line 2 say", "take this line out"],
    ),
    (
        "/app/* 200! Role=a\n/app/* /signin 302!",
        LOG_IN,
        "target-missing",
        ["no file at `/signin`", "at `/app/example` a redirect to `/signin`, and there a 404", "lead to what is there"],
    ),
    (
        "/c/:name/* /c/:name/:splat 200! Role=:name\n/c/* /login 401!",
        LOG_IN,
        "role-colon",
        ["`:name` holds a colon", "", "a role is never filled in from the path: write one rule for each role"],
    ),
    ("/c/* 200! Role=team:a", LOG_IN, "role-colon", ["`team:a` holds a colon", "", "name the role without a colon"]),
    (
        "/premium/* /upgrade 302! Role=free,trial\n/premium/* 200",
        PAID,
        "gate-backwards",
        [
            "sends away those who hold `free` or `trial`, and who holds no role or has no token",
            "to everybody else what lies at `/premium/index.html`",
            "`/premium/* 200! Role=…` with the role of those who may see it, then `/premium/* /upgrade 302!`",
        ],
    ),
];

#[test]
fn what_is_said_names_what_comes_and_what_to_write() {
    for (rules, files, id, words) in SAID {
        let problems = found(rules, "", files);
        let problem = problems.iter().find(|problem| problem.id == *id).unwrap();
        let said = [problem.message.as_str(), problem.note.as_deref().unwrap_or_default(), &problem.help];
        for (said, words) in said.iter().zip(words) {
            assert!(said.contains(words), "{rules}\n{said}");
        }
    }
}

/// A gate of `netlify.toml` can stand above no line of `_redirects`.
#[test]
fn what_goes_above_a_line_of_the_other_file_is_written_there() {
    let toml = "[[redirects]]\nfrom = '/app/*'\nto = '/app/:splat'\nstatus = 200\nforce = true\nconditions = { Role = ['a'] }\n\
                [[redirects]]\nfrom = '/app/*'\nto = '/login'\nstatus = 401\n";
    let problems = found("/* /index.html 200\n", toml, LOG_IN);
    let told: Vec<(&str, &str)> = problems.iter().map(|problem| (problem.id, problem.help.as_str())).collect();
    let help = "_redirects goes before all entries of netlify.toml: write `/app/* /app/:splat 200! Role=a` and `/app/* /login 401` above \
                line 1 of _redirects, and take out line 2 of netlify.toml and line 8 of netlify.toml";
    assert_eq!(told, [("gate-shadowed", help), ("rule-unreachable", help)]);
}

/// A rule file and what is to be written instead.
const INSTEAD: &[(&str, &str, &str, &str)] = &[
    ("/ample,https://ample.example,301!", "", "to-missing", "fields are parted by spaces"),
    ("/m/*,/m/:splat,200! Role=user", "", "query-role", "fields are parted by spaces"),
    ("/.netlify/functions/x /x 200! Role=*", "", "from-reserved", "the function has to look at the token itself"),
    ("/.netlify/images /x 200! Role=*", "", "from-reserved", "choose another path"),
    ("/m/* 200\u{ff01} Role=a", "", "status-invalid", "(U+FF01) looks like `!`"),
    ("/a -> /b 301", "", "bare-word", "leave `->` out"),
    ("\"/a\" \"/b\" 301", "", "from-not-a-path", "nothing is quoted here: write `/a`"),
    ("/a \"/b\" 301", "", "to-not-a-path", "nothing is quoted here: write `/b`"),
    ("/a www.b.example/c 301", "", "to-not-a-path", "write `https://www.b.example/c`"),
    ("www.b.example/* https://b.example/:splat 301!", "", "from-not-a-path", "write `https://www.b.example/*`"),
    ("/a b.html 301", "", "to-not-a-path", "write `/b.html`"),
    ("/m/* !200 Role=a", "", "to-not-a-path", "write `200!`"),
    ("/my page /new-page 301", "", "bare-word", "a space in a path is `%20`"),
    ("/m/* 200! Role = a", "", "bare-word", "write `Role=a`"),
    ("/m/* 200! Role =a", "", "bare-word", "write `Role=a`"),
    ("/index.php?p=12 /posts/12 301", "", "from-query", "write `/index.php p=12`"),
    ("/a?b=1&c=2 /d 301", "", "from-query", "write `/a b=1 c=2`"),
    ("/a?b /d 301", "", "from-query", "write parameters as fields"),
    ("/api/* https://up.example:splat 200", "", "to-name-in-host", "write `https://up.example/:splat`"),
    (
        "",
        "[[redirects]]\nfrom = '/m/*'\nto = '/m/:splat'\nstatus = 200\nRole = ['a', 'b']\n",
        "toml-field-unknown",
        "write `conditions = { Role = [\"a\", \"b\"] }`",
    ),
    (
        "",
        "[[redirects]]\nfrom = '/m/*'\nto = '/m/:splat'\n[redirects.conditions]\nRole = ['a']\nstatus = 200\nforce = true\n",
        "condition-unknown",
        "move it above `[redirects.conditions]`",
    ),
    (
        "",
        "[[redirects]]\nfrom = '/m/*'\nto = '/m/:splat'\n[redirects.conditions]\nRole = ['a']\nstatus = '200'\nforce = 'true'\n",
        "condition-unknown",
        "move it above `[redirects.conditions]`",
    ),
    (
        "",
        "[headers]\n[headers.values]\nA = '1'\n[headers]\n[headers.values]\nB = '2'\n",
        "toml-syntax",
        "write `[[headers]]` for each",
    ),
    ("", "[redirects]\nfrom = '/a'\n[redirects]\nfrom = '/b'\n", "toml-syntax", "write `[[redirects]]` for each"),
    ("", "[build]\ncommand = 'a'\n[build]\ncommand = 'b'\n", "toml-syntax", "each key once"),
];

#[test]
fn what_is_written_wrong_is_told_with_what_to_write() {
    for (redirects, toml, id, words) in INSTEAD {
        let problems = found(redirects, toml, &[]);
        let problem = problems.iter().find(|problem| problem.id == *id);
        assert!(problem.is_some_and(|problem| problem.help.contains(words)), "{redirects}{toml}\n{problems:?}");
    }
}

#[test]
fn every_kind_is_told_somewhere_and_nothing_else() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut text = String::new();
    let mut folders = vec![reference.join("gate/src"), reference.join("check/src/lint")];
    text += &fs::read_to_string(reference.join("check/src/allow.rs")).unwrap();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                text += &fs::read_to_string(&path).unwrap();
            }
        }
    }
    let told = |id: &str| text.contains(&format!("\"{id}\""));
    let never: Vec<&str> = catalogue::all().map(|entry| entry.id).filter(|id| !told(id)).collect();
    assert_eq!(never, [""; 0], "no code tells of these");
}

#[test]
fn the_page_is_the_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../LINTS.md");
    let page = catalogue::markdown();
    if std::env::var_os("GATECHECK_UPDATE").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "LINTS.md is stale; run `GATECHECK_UPDATE=1 cargo test -p rolegate-check --test lints`");
}
