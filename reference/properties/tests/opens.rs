//! What a new version of the rules opens, as a table.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that fails may panic")]

use std::borrow::Cow;

use rolegate::opens::opens;
use rolegate::path::RequestPath;
use rolegate::request::Origin;
use rolegate::site::{Elsewhere, Site};
use rolegate::{MemorySite, RuleFiles, RuleSet};
use rolegate_properties::holds_what_was_denied;

const FILES: [&str; 7] =
    ["/index.html", "/404.html", "/login.html", "/m/index.html", "/m/x.html", "/m/deep/y.html", "/free.html"];

fn found(before: &str, after: &str) -> Option<String> {
    let (old, new) = (RuleSet::parse(before.as_bytes()).rules, RuleSet::parse(after.as_bytes()).rules);
    let site = MemorySite::new(FILES);
    let none: [(&str, &str); 0] = [];
    let opening = opens((&old, &site), (&new, &site), none);
    if opening.is_none() {
        holds_what_was_denied((&old, &site), (&new, &site));
    }
    opening.map(|opening| opening.to_string())
}

const GATE: &str = "/m/* /m/:splat 200! Role=admin\n";

const THERE: &str = "/m/* http://127.0.0.1:81/m/:splat 200! Role=admin\n";
const HOST: &str = "https://a.example/m/* /m/:splat 200! Role=admin\n";

/// What opens of a site that another server has.
#[test]
fn what_opens_elsewhere() {
    let site = At(Origin::parse("http://127.0.0.1:81").unwrap());
    let found = |before: &str, more: &str| {
        let after = format!("{before}{more}");
        let (old, new) = (RuleSet::parse(before.as_bytes()).rules, RuleSet::parse(after.as_bytes()).rules);
        let none: [(&str, &str); 0] = [];
        opens((&old, &site), (&new, &site), none)
    };
    for more in [
        "/x http://127.0.0.1:81/m/home 200!\n",
        "/x http://localhost:81/m/home 200!\n",
        "/x http://2130706433:81/m/home.html 200!\n",
        "/x/* http://127.0.0.1:81/m/:splat 200!\n",
        "/x/* http://127.0.0.1:81/M/:splat 200!\n",
        "/x /m/home 200!\n",
        "/x /m;a/home 200!\n",
        "/x /%256D/home 200!\n",
        "/x/* /M/:splat 200!\n",
    ] {
        assert!(found(GATE, more).is_some(), "{more}");
    }
    for more in [
        "/x http://127.0.0.1:82/m/home 200!\n",
        "/x http://127.0.0.1:81/login 200!\n",
        "/x /login 200!\n",
        "/x /membership 200!\n",
        "/x/* /y/:splat 200!\n",
        "/x /m/home 200! Role=admin\n",
        // Whoever asks for it by this path gets what is there.
        "/x /M/home 200!\n",
    ] {
        assert!(found(GATE, more).is_none(), "{more} {:?}", found(GATE, more));
    }
    let asked = "/m/home k=v /m/home 200! Role=admin\n";
    assert!(found(asked, "/x /m/home 200!\n").is_some());
}

/// A site that this server has.
struct At(Origin);

impl Site for At {
    fn has(&self, name: &str) -> bool {
        Elsewhere.has(name)
    }

    fn file<'p>(&'p self, path: &'p RequestPath) -> Option<Cow<'p, str>> {
        Elsewhere.file(path).map(|file| Cow::Owned(file.into_owned()))
    }

    fn is_listed(&self) -> bool {
        false
    }

    fn server(&self) -> Option<&Origin> {
        Some(&self.0)
    }

    fn other_names(&self, file: &str) -> Vec<String> {
        Elsewhere.other_names(file)
    }
}

#[test]
fn what_opens() {
    for (before, after) in [
        (GATE, ""),
        (GATE, "/m/* /m/:splat 200!\n"),
        (GATE, "/m/* /m/:splat 200! Role=admin,editor\n"),
        (GATE, "/m/* /m/:splat 200! Role=*\n"),
        (GATE, "/m/:x /m/:x 200! Role=admin\n"),
        (GATE, "/m /m 200! Role=admin\n"),
        (GATE, "/m/* q=1 /m/:splat 200! Role=admin\n"),
        (GATE, "https://a.example/m/* /m/:splat 200! Role=admin\n"),
        // Something in front of it.
        (GATE, "/m/x /m/x 200!\n/m/* /m/:splat 200! Role=admin\n"),
        (GATE, "/m/x /login 301\n/m/* /m/:splat 200! Role=admin\n"),
        (GATE, "/m/x /m/x 200! Role=editor\n/m/* /m/:splat 200! Role=admin\n"),
        (GATE, "/* https://up.example/:splat 200!\n/m/* /m/:splat 200! Role=admin\n"),
        // A role more below it.
        (GATE, "/m/* /m/:splat 200! Role=admin\n/m/x /m/x 200! Role=editor\n"),
        // Round it.
        (GATE, "/m/* /m/:splat 200! Role=admin\n/n/* /m/:splat 200!\n"),
        (GATE, "/m/* /m/:splat 200! Role=admin\n/n /m/x 200!\n"),
        (GATE, "/m/* /m/:splat 200! Role=admin\n/n/* /m/:splat 200! Role=editor\n"),
        (GATE, "/m/* /m/:splat 200! Role=admin\n/n/* /:splat 404!\n"),
        (GATE, "/m/* /m/:splat 200! Role=admin\n/n p=:p /:p 200!\n"),
        // Sealed lines, and passwords.
        ("/m/* Role\n", GATE),
        ("/m/* Role\n", ""),
        ("/m/x /m/x 200! Role=a:b, c\n", "/m/x /m/x 200!\n"),
        // One spelling.
        ("/m/x.html /m/x.html 200! Role=admin\n", "/free /login 301\n"),
        // Order: what was never reached is.
        (
            "/m/* /m/:splat 200! Role=admin\n/m/* /login 302!\n/m/* /m/:splat 200! Role=editor\n",
            "/m/* /m/:splat 200! Role=admin\n/m/* /m/:splat 200! Role=editor\n",
        ),
        ("/n/* /login 302!\n/n/* /m/:splat 200!\n/m/* Role\n", "/n/* /m/:splat 200!\n/m/* Role\n"),
        // Another server.
        ("/api/* https://up.example/:splat 200! Role=admin\n", "/api/* https://up.example/:splat 200!\n"),
        (
            "/api/* https://up.example/:splat 200! Role=admin\n",
            "/api/* https://up.example/:splat 200! Role=admin\n/b/* https://UP.example:443/:splat 200!\n",
        ),
        // The same thing there, by another spelling.
        (THERE, "/x http://localhost:81/m/home 200\n"),
        (THERE, "/x http://2130706433:81/m/home 200\n"),
        (THERE, "/x http://0x7f000001:81/m/home 200\n"),
        (THERE, "/x http://127.1:81/m/home 200\n"),
        (THERE, "/x http://127.0.0.1:81/M/home 200\n"),
        (THERE, "/x/* http://127.0.0.1:81/M/:splat 200\n"),
        (THERE, "/x http://127.0.0.1:81/%256D/home 200\n"),
        (THERE, "/x http://127.0.0.1:81/q/..%5Cm/home 200\n"),
        (THERE, "/x/* http://127.0.0.1:81/q/..%5Cm/:splat 200\n"),
        (THERE, "/x http://127.0.0.1:81/;a/m/home 200\n"),
        // A gate for one host.
        (HOST, "/n /m/x 200!\n"),
        (HOST, "https://a.example/n /m/x 200!\n"),
        // SHADOW-3: a new gate lets an unforced rule act that a file went before.
        ("/m/* Role\n/free /m/x 200\n", "/free /free 200! Role=admin\n/m/* Role\n/free /m/x 200\n"),
        // Half of a name.
        (GATE, "/m/* /m/:splat 200! Role=adm\n"),
    ] {
        let after = if [THERE, HOST].contains(&before) { format!("{before}{after}") } else { after.to_owned() };
        let after = after.as_str();
        assert!(found(before, after).is_some(), "nothing is found\nbefore:\n{before}after:\n{after}");
    }
}

#[test]
fn what_opens_nothing() {
    let long: String = (0..50).map(|n| format!("/old/{n} /new/{n} 301\n")).collect();
    for (before, after) in [
        ("", "/a /b 301\n"),
        ("/a /b 301\n", ""),
        (GATE, GATE),
        (GATE, "# a comment\n\n/m/* /m/:splat 200! Role=admin # why\n"),
        (GATE, "/a /b 301\n/m/* /m/:splat 200! Role=admin\n/c /d 302\n"),
        (GATE, "/* /:splat 200! Role=admin\n"),
        (GATE, "/m/* /elsewhere/:splat 200! Role=admin\n"),
        ("/m/* /m/:splat 200! Role=admin,editor\n", GATE),
        ("/m/* /m/:splat 200! Role=*\n", GATE),
        (GATE, "/m/* Role\n"),
        ("/m/* q=1 /m/:splat 200! Role=admin\n", GATE),
        ("/m/* q=1 /m/:splat 200! Role=admin\n", "/m/* q=:q /m/:splat 200! Role=admin\n"),
        (GATE, "/m/* /login 302!\n/m/* /m/:splat 200! Role=admin\n"),
        (GATE, "/m/* /login 503!\n/m/* /m/:splat 200! Role=admin\n"),
        (GATE, "/m/* /m/:splat 200! Role=admin\n/m/* /login 401\n/* /index.html 200\n"),
        (
            "/m/* /m/:splat 200! Role=admin,editor\n",
            "/m/* /m/:splat 200! Role=admin\n/m/* /m/:splat 200! Role=editor\n",
        ),
        // A page for those whom the gate of the whole site turns away.
        (
            "/a /b 301\n/* /:splat 200! Role=admin\n/* /login.html 401\n",
            "/* /:splat 200! Role=admin\n/* /login.html 401\n",
        ),
        ("/x/* /m/:splat 200\n/m/* Role\n", "/a /b 301\n/x/* /m/:splat 200\n/m/* Role\n"),
        // A gate that two others below it cover is taken out.
        (
            "/m/deep/* /m/deep/:splat 200! Role=admin\n/m/* /m/:splat 200! Role=admin\n/m/* /m/:splat 200! Role=editor\n",
            "/m/* /m/:splat 200! Role=admin\n/m/* /m/:splat 200! Role=editor\n",
        ),
    ] {
        assert_eq!(found(before, after), None, "before:\n{before}after:\n{after}");
        assert_eq!(found(&format!("{long}{before}"), &format!("{long}{after}")), None);
    }
}

#[test]
fn what_is_said() {
    let said = found(&format!("\n{GATE}"), "").unwrap_or_default();
    assert_eq!(
        said,
        "`/m/…` would open to visitors without the role `admin`, whom line 2 of _redirects turned away before"
    );
}

#[test]
fn files_that_a_gate_no_longer_covers() {
    let rules = RuleSet::parse(b"/m/x /m/x 200! Role=admin\n/n/* /n/:splat 200! Role=admin\n").rules;
    let find = |old: &MemorySite, new: &MemorySite, moved: &[(&str, &str)]| {
        opens((&rules, old), (&rules, new), moved.iter().copied()).map(|opening| opening.path)
    };
    let old = MemorySite::new(["/m/x.html", "/n/y.html"]);
    assert_eq!(find(&old, &old, &[]), None);
    // NOLEAK-3: `/m/x` is another file now, so the gate on it no longer covers `/m/x.html`.
    assert_eq!(find(&old, &MemorySite::new(["/m/x", "/m/x.html"]), &[]), Some("/m/x.html".to_owned()));
    // STATIC-4: the link is taken away, and what it led to stays.
    let linked = MemorySite::new(["/a"]).with_links(&["/n/y.html", "/p/y.html"]);
    assert_eq!(find(&linked, &MemorySite::new(["/p/y.html"]), &[]), Some("/p/y.html".to_owned()));
    assert_eq!(find(&linked, &linked, &[]), None);
    // The folder has another name for a moment.
    let moved = MemorySite::new(["/m/x.html", "/n.old/y.html"]);
    assert_eq!(find(&old, &moved, &[("/n/y.html", "/n.old/y.html")]), Some("/n.old/y.html".to_owned()));
    let moved = MemorySite::new(["/m/x.html", "/n/z.html"]);
    assert_eq!(find(&old, &moved, &[("/n/y.html", "/n/z.html")]), None);
    assert_eq!(find(&old, &MemorySite::new(["/m/x.html", "/new.html"]), &[]), None, "new files are the owner's");
}

/// SHADOW-3: a file makes a gate cover `/b`, so that the unforced rule there acts, which another file went before.
#[test]
fn a_file_that_lets_a_rule_act() {
    let rules = RuleSet::parse(b"/b.html /b.html 200! Role=admin\n/n/* Role\n/b /n/y.html 200\n").rules;
    let one = MemorySite::new(["/b/index.html", "/n/y.html"]);
    let other = MemorySite::new(["/b.html", "/n/y.html"]);
    let none: [(&str, &str); 0] = [];
    assert!(opens((&rules, &one), (&rules, &other), none).is_some());
    assert_eq!(opens((&rules, &one), (&rules, &one), none), None);
}

/// STATIC-1: a file is served under a shorter path as soon as what went before it there is gone.
#[test]
fn a_file_that_comes_out_from_behind_another() {
    let find = |first: &str, gone: &str, left: &str| {
        let rules =
            RuleSet::parse(format!("{first}/a/* /b 302! Role=r\n/m/* /m/:splat 200! Role=r\n").as_bytes()).rules;
        let (old, new) = (MemorySite::new([gone, left]), MemorySite::new([left]));
        let none: [(&str, &str); 0] = [];
        opens((&rules, &old), (&rules, &new), none).map(|opening| opening.path)
    };
    let unforced = "/a /x 200\n/m /x 200\n";
    assert_eq!(find(unforced, "/a.html", "/a/index.html"), Some("/a".to_owned()));
    assert_eq!(find(unforced, "/m.html", "/m/index.html"), Some("/m".to_owned()));
    assert_eq!(find("", "/m.html", "/m/index.html"), None);
    assert_eq!(find(unforced, "/n.html", "/n/index.html"), None);
}

/// SHADOW-1: where a file is gone, an unforced rule acts that it went before; and a gate that covered a path by the file covers it no
/// more, so that a forced one does.
#[test]
fn a_file_that_is_gone_lets_a_rule_act() {
    let gates = "/m/* /m/:splat 200! Role=admin\n/o.html /o.html 200! Role=editor\nhttps://a.example/h Role=admin\n";
    let up = "/up/* https://up.example/in/:splat 200! Role=admin\n";
    let find = |rule: &str, gone: &str| {
        let rules = RuleSet::parse(format!("{gates}{up}{rule}").as_bytes()).rules;
        let files = ["/index.html", "/m/x.html", "/m/de.html", "/o.html", "/free.html", "/h.html"];
        let (old, new) = (MemorySite::new(files.into_iter().chain([gone])), MemorySite::new(files));
        let none: [(&str, &str); 0] = [];
        opens((&rules, &old), (&rules, &new), none).map(|opening| opening.path)
    };
    for (rule, gone) in [
        ("/a /m/x 200\n", "/a.html"),
        ("/a /m/x 404\n", "/a/index.html"),
        ("/a/* /m/:splat 200\n", "/a/x.html"),
        ("/:x/c /m/:x 200 Role=editor\n", "/x/c.html"),
        ("https://a.example/a/* /:splat 200 Cookie=c\n", "/a/h.html"),
        ("/a.html /m/x 200! Role=editor\n", "/a.html"),
        ("/a/* https://up.example/in/:splat 200\n", "/a/x.html"),
        ("/a/* https://up.example/IN/:splat 200\n", "/a/x.html"),
        ("/a/* https://up.example/%2569n/:splat 200\n", "/a/x.html"),
        ("/a/* https://up.example/in;b/:splat 200\n", "/a/x.html"),
    ] {
        assert!(find(rule, gone).is_some(), "{rule} without {gone}");
    }
    for (rule, gone) in [
        ("/* /index.html 200\n", "/assets/app.1a2b.js"),
        ("/a /m/x 302\n", "/a.html"),
        ("/a/* /free/:splat 200\n", "/a/x.html"),
        ("/a/* /m/:splat 200 Role=admin\n", "/a/x.html"),
        ("/a/* /m/:splat 200\n", "/a/new.html"),
        ("/a/* /m/x.html 200\n", "/a/x.html"),
        ("/m/* /m/de.html 401! Country=de\n", "/m/y.html"),
        ("/a/* https://up.example/out/:splat 200\n", "/a/x.html"),
        ("/a/* https://up.example/in-and-out/:splat 200\n", "/a/x.html"),
        ("/* /h.html 200\n", "/a.html"),
    ] {
        assert_eq!(find(rule, gone), None, "{rule} without {gone}");
    }
}

/// Every beginning of a rule file, and every file without one of its lines.
#[test]
fn a_file_that_is_cut_opens_nothing() {
    let rules = "\
        # rules\n/public/* /:splat 301!\n/m/deep/* /m/deep/:splat 200! Role=editor,admin\n\
        /m/* /m/:splat 200! Role=admin Country=de\n/m/* /login 302\n/x.html Role\n\
        https://a.example/a/* /b/:splat 200! Role=s\n/q q=1 /m/x 200! Role=admin\n\
        /api/* https://up.example/:splat 200! Role=*\n/a/* /login.html 401!\n/* /index.html 200\n";
    let headers = "/b/*\n  Basic-Auth: a:b\n/free\n  X-A: b\n";
    let site = MemorySite::new(FILES.into_iter().chain(["/x.html", "/a/b.html", "/b/b.html", "/a/x"]));
    let read = |redirects: &[u8], headers: &[u8]| {
        let set = RuleSet::read(RuleFiles { redirects, toml: b"", headers }).rules;
        (set.unreadable().is_empty() && set.unreadable_headers().is_empty()).then_some(set)
    };
    let whole = read(rules.as_bytes(), headers.as_bytes()).unwrap();
    let none: [(&str, &str); 0] = [];
    let mut taken = 0;
    let mut check = |rules: &[u8], headers: &[u8]| {
        let Some(cut) = read(rules, headers) else { return };
        if opens((&whole, &site), (&cut, &site), none).is_none() {
            taken += 1;
            holds_what_was_denied((&whole, &site), (&cut, &site));
        }
    };
    for end in 0..=rules.len() {
        check(&rules.as_bytes()[..end], headers.as_bytes());
    }
    for end in 0..=headers.len() {
        check(rules.as_bytes(), &headers.as_bytes()[..end]);
    }
    let lines: Vec<&str> = rules.split_inclusive('\n').collect();
    for (from, to) in (0..lines.len()).flat_map(|from| (from + 1..=lines.len()).map(move |to| (from, to))) {
        let rest: String = lines[..from].iter().chain(&lines[to..]).copied().collect();
        check(rest.as_bytes(), headers.as_bytes());
    }
    assert!(taken > 3, "{taken}: not every version is refused");
}
