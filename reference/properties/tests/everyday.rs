//! RELOAD-3: what people do to a rule file every day, and whether a reload takes it without a word.
#![allow(missing_docs, reason = "a test is named for what it asserts")]

use rolegate::opens::opens;
use rolegate::{MemorySite, RuleSet};
use rolegate_properties::holds_what_was_denied;

const FILES: [&str; 12] = [
    "/index.html",
    "/404.html",
    "/login.html",
    "/about.html",
    "/posts/one.html",
    "/members/index.html",
    "/members/home.html",
    "/members-area.html",
    "/admin/index.html",
    "/admin/users.html",
    "/staff/index.html",
    "/assets/app.js",
];

const OLD: &str = "/  /de/  302  Language=de";
const MEMBERS: &str = "/members/*  /members/:splat  200!  Role=member,editor";
const LOGIN: &str = "/members/*  /login  302";
const ADMIN: &str = "/admin/*  /admin/:splat  200!  Role=admin";
const DENIED: &str = "/admin/*  /404.html  404!";
const MOVED: &str = "/old  /about  301";
const POSTS: &str = "/blog/:slug  /posts/:slug  200";
const API: &str = "/api/*  https://api.example/:splat  200";
const REST: &str = "/*  /index.html  200";

/// A file as people write it.
const FILE: [&str; 9] = [OLD, MEMBERS, LOGIN, ADMIN, DENIED, MOVED, POSTS, API, REST];

fn edited(from: &[&str], to: &[&str]) -> String {
    let text = FILE.join("\n") + "\n";
    let (from, to) = (from.join("\n") + "\n", to.join("\n") + "\n");
    assert!(text.contains(&from), "{from}");
    text.replacen(&from, &to, 1)
}

/// What is done, and the file after it.
fn harmless() -> Vec<(&'static str, String)> {
    let front = |line: &str| format!("{line}\n{}\n", FILE.join("\n"));
    let end = |line: &str| format!("{}\n{line}\n", FILE.join("\n"));
    vec![
        ("nothing", FILE.join("\n") + "\n"),
        ("a comment, and a blank line", edited(&[MEMBERS], &["# Members", "", MEMBERS])),
        ("a comment behind a gate", edited(&[MEMBERS], &[&format!("{MEMBERS}  # members")])),
        ("columns", FILE.join("\n").replace("  ", "\t\t")),
        ("two areas change places", edited(&[MEMBERS, LOGIN, ADMIN, DENIED], &[ADMIN, DENIED, MEMBERS, LOGIN])),
        ("a gate goes up", edited(&[MEMBERS, LOGIN, ADMIN], &[ADMIN, MEMBERS, LOGIN])),
        (
            "the gates go to the front",
            edited(&[OLD, MEMBERS, LOGIN, ADMIN, DENIED], &[MEMBERS, LOGIN, ADMIN, DENIED, OLD]),
        ),
        ("a redirect at the end", end("/contact  /about  301")),
        ("a redirect in front", front("/contact  /about  301")),
        ("another host in front", front("https://www.example/*  https://example/:splat  301!")),
        ("a page in front", front("/welcome  /about  200")),
        ("a forced page in front", front("/welcome  /about  200!")),
        ("a page for what is not there", edited(&[REST], &["/*  /404.html  404"])),
        ("no page for what is not there", edited(&[API, REST], &[API])),
        ("a gate in front", front("/staff/*  /staff/:splat  200!  Role=staff")),
        ("a gate at the end", end("/staff/*  /staff/:splat  200!  Role=staff")),
        (
            "a gate of a name that begins like another",
            edited(&[MEMBERS], &["/members-area/*  /members-area/:splat  200!  Role=pro", MEMBERS]),
        ),
        ("a page of such a name", edited(&[MEMBERS], &["/members-only  /members-area  200!", MEMBERS])),
        ("such an API", edited(&[MEMBERS], &["/members-api/*  https://api.example/:splat  200!", MEMBERS])),
        ("a role less", edited(&[MEMBERS], &["/members/*  /members/:splat  200!  Role=member"])),
        ("roles in another order", edited(&[MEMBERS], &["/members/*  /members/:splat  200!  Role=editor,member"])),
        ("another page to log in", edited(&[LOGIN], &["/members/*  /about  302"])),
        ("another status of it", edited(&[LOGIN], &["/members/*  /login  303"])),
        ("the page itself", edited(&[LOGIN], &["/members/*  /login  401!"])),
        ("no page to log in", edited(&[MEMBERS, LOGIN], &[MEMBERS])),
        ("a redirect leads elsewhere", edited(&[MOVED], &["/old  /blog/one  301"])),
        ("a redirect is gone", edited(&[MOVED, POSTS], &[POSTS])),
        ("another API", edited(&[API], &["/api/*  https://api2.example/v2/:splat  200"])),
        ("a landing page of a role", front("/  /admin/index.html  200!  Role=admin")),
        ("a gate within a gate", edited(&[MEMBERS], &["/members/home  /members/home  200!  Role=editor", MEMBERS])),
        ("a wider gate", edited(&[ADMIN, DENIED], &["/adm*  /404.html  404!", ADMIN, DENIED])),
    ]
}

/// What is done, and the file after it, which lets somebody see more.
fn opening() -> Vec<(&'static str, String)> {
    vec![
        ("a role more", edited(&[ADMIN], &["/admin/*  /admin/:splat  200!  Role=admin,editor"])),
        ("another role", edited(&[ADMIN], &["/admin/*  /admin/:splat  200!  Role=administrator"])),
        ("no role", edited(&[ADMIN], &["/admin/*  /admin/:splat  200!"])),
        ("no gate", edited(&[MEMBERS, LOGIN], &[LOGIN])),
        ("a gate for one page", edited(&[ADMIN, DENIED], &["/admin/users  /admin/users  200!  Role=admin", DENIED])),
        ("a gate of another name", edited(&[ADMIN], &["/admins/*  /admins/:splat  200!  Role=admin"])),
        ("a gate for a country alone", edited(&[ADMIN, DENIED], &["/admin/*  /admin/:splat  200!  Country=de"])),
        ("a page out of an area", edited(&[MEMBERS], &["/members/home  /members/home  200!", MEMBERS])),
        ("another way into an area", edited(&[MOVED], &[MOVED, "/board/*  /admin/:splat  200"])),
        ("a landing page of another role", edited(&[MOVED], &[MOVED, "/start  /admin/index.html  200  Role=member"])),
        ("a further role below", edited(&[ADMIN], &[ADMIN, "/admin/users  /admin/users  200!  Role=editor"])),
        ("an area of the API in front", edited(&[ADMIN], &["/admin/*  https://api.example/:splat  200!", ADMIN])),
    ]
}

fn found(after: &str) -> Option<String> {
    let before = FILE.join("\n") + "\n";
    let (old, new) = (RuleSet::parse(before.as_bytes()).rules, RuleSet::parse(after.as_bytes()).rules);
    let site = MemorySite::new(FILES);
    let opening = opens((&old, &site), (&new, &site), [("", ""); 0]);
    if opening.is_none() {
        holds_what_was_denied((&old, &site), (&new, &site));
    }
    opening.map(|opening| opening.to_string())
}

#[test]
fn what_opens_nothing_is_taken() {
    let doubted = harmless().into_iter().filter_map(|(done, after)| Some(format!("{done}: {}", found(&after)?)));
    assert_eq!(doubted.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn what_opens_is_not() {
    let taken = opening().into_iter().filter(|(_, after)| found(after).is_none()).map(|(done, _)| done);
    assert_eq!(taken.collect::<Vec<_>>(), [""; 0]);
}
