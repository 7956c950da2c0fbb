use rolegate::MemorySite;

use super::*;

fn map(rules: &str, files: &[&str]) -> Map {
    Map::of(&RuleSet::parse(rules.as_bytes()).rules, &MemorySite::new(files.iter().copied()))
}

/// An area as lines: its paths and places, then each row with the answers.
fn lines(map: &Map) -> Vec<String> {
    let rows = |rows: &[Row]| {
        let row = |row: &Row| {
            let gets: Vec<String> =
                row.gets.iter().map(|gets| format!("{}: {}", gets.class.name(), gets.words())).collect();
            let when = row.when.iter().map(|when| format!(" {when}")).collect::<String>();
            format!("  {}{when} = {}", row.label, gets.join(" | "))
        };
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let areas = map.areas.iter().flat_map(|area| {
        std::iter::once(format!("{} {:?}", area.paths, area.gates.iter().collect::<Vec<_>>()))
            .chain(rows(&area.rows))
            .chain(rows(&area.ways).into_iter().map(|row| format!("  way{row}")))
    });
    areas.chain(["everybody".to_owned()]).chain(rows(&map.everybody)).collect()
}

#[test]
fn lint_4_who_gets_what() {
    let rules = "/admin/* /admin/:splat 200! Role=admin,staff\n/admin/* /login 302\n/old /new 301\n";
    let map = map(rules, &["/admin/index.html", "/admin/u.html", "/login.html", "/index.html"]);
    let words: Vec<&str> = map.visitors.iter().map(Who::words).collect();
    assert_eq!(words, ["anonymous", "admin", "staff", "another role"]);
    assert_eq!(
        lines(&map),
        [
            "/admin/* [0]",
            "  /admin = sent: 302 → /login | open: the file | open: the file | sent: 302 → /login",
            "  /admin/u = sent: 302 → /login | open: the file | open: the file | sent: 302 → /login",
            "  any other path = sent: 302 → /login | nothing: 404, no file /admin/example | nothing: 404, no file /admin/example | sent: 302 → /login",
            "everybody",
            "  / = open: the file",
            "  /login = open: the file",
            "  /old = sent: 301 → /new",
        ]
    );
}

#[test]
fn lint_4_every_cell_is_the_decision_for_its_visitor() {
    let rules = "/a/* 200! Role=r1,r2\n/a/b/* 200! Role=r3\n/a/* /login 401\n/c/* /a/:splat 200! Role=*\n/c/* 200! Role=r4\n\
        /d /e 302! Role=r5\n/d /login 200! Role=r1 Country=de\n/* 200! Role=r6,r2\n/s/* 200! Role=\"r1\"\n";
    let files =
        ["/a/x.html", "/a/b/y.html", "/c/z.html", "/d.html", "/e.html", "/s/s.html", "/login.html", "/index.html"];
    let (rules, site) = (RuleSet::parse(rules.as_bytes()).rules, MemorySite::new(files));
    let map = Map::of(&rules, &site);
    let Visitors { tokens, .. } = Visitors::of(&rules);
    assert!(map.areas.len() > 4, "{:#?}", lines(&map));
    for row in map.areas.iter().flat_map(|area| area.rows.iter().chain(&area.ways)) {
        for (visitor, gets) in tokens.iter().zip(&row.gets) {
            let decision = rolegate::decide(&rules, &request(&row.asked, &headers(&row.asked)), visitor, &site);
            assert_eq!(
                **gets,
                Gets::of(&decision, row.file.as_deref(), &row.asked.target),
                "{} {visitor:?}",
                row.label
            );
        }
    }
}

#[test]
fn lint_4_the_narrowest_gate_names_the_area() {
    let rules = "/admin/* 200! Role=admin\n/* 200! Role=user\n/* /login.html 401\n";
    let map = map(rules, &["/admin/x.html", "/login.html"]);
    assert_eq!(
        lines(&map),
        [
            "/admin/* [0, 1]",
            "  /admin/x = instead: 401 /login.html | open: the file | open: the file | instead: 401 /login.html",
            "  any other path = instead: 401 /login.html | nothing: 404, no file /admin/example | nothing: 404, no file /admin/example | instead: 401 /login.html",
            "/* [1]",
            "  /login = closed: denied, 404 | closed: denied, 404 | open: the file | closed: denied, 404",
            "  any other path = instead: 401 /login.html | instead: 401 /login.html | nothing: 404, no file /example | instead: 401 /login.html",
            "everybody",
        ]
    );
}

#[test]
fn lint_4_hosts_conditions_functions_and_seals() {
    let rules = "https://b.example/m/* /m/:splat 200! Role=a\n/api/* /.netlify/functions/:splat 200! Role=a\n\
        /de /de.html 200! Role=a Country=de\n/s/* /s/:splat 200! ROLE=a\n/up/* https://up.example/:splat 200! Role=a\n";
    let map = map(rules, &["/m/x.html", "/de.html", "/s/y.html"]);
    assert_eq!(
        lines(&map),
        [
            "https://b.example/m/* [0]",
            "  https://b.example/m/x = closed: denied, 404 | open: the file | closed: denied, 404",
            "  any other path = closed: denied, 404 | nothing: 404, no file /m/example | closed: denied, 404",
            "  way  /m/x = open: the file | open: the file | open: the file",
            "/api/* [1]",
            "  any other path = closed: denied, 404 | open: runs /.netlify/functions/example | closed: denied, 404",
            "  way  /.netlify/functions/example = open: runs /.netlify/functions/example | \
             open: runs /.netlify/functions/example | open: runs /.netlify/functions/example",
            "/de [2]",
            "  /de = closed: denied, 404 | open: the file | closed: denied, 404",
            "  /de Country=de = closed: denied, 404 | open: the file | closed: denied, 404",
            "/s/* [3]",
            "  /s/y = closed: denied, 404 | closed: denied, 404 | closed: denied, 404",
            "  any other path = closed: denied, 404 | closed: denied, 404 | closed: denied, 404",
            "/up/* [4]",
            "  any other path = closed: denied, 404 | open: forwarded to https://up.example/example | closed: denied, 404",
            "everybody",
        ]
    );
}

#[test]
fn lint_4_files_are_asked_with_what_rules_ask_for() {
    let rules = "/beta/* /beta/:splat 200! Cookie=beta\n/beta/* 200! Role=b\n/beta/* /login 302!\n\
        /fr/* 200! Country=fr Role=s\n/fr/* /login 302!\n";
    let map = map(rules, &["/beta/b.html", "/fr/index.html", "/login.html"]);
    let lines = lines(&map);
    let has = |line: &str| assert!(lines.iter().any(|other| other.trim_start() == line), "{line}\n{lines:#?}");
    has("/beta/b = sent: 302 → /login | open: the file | sent: 302 → /login | sent: 302 → /login");
    has("way  /beta/b Cookie=beta = open: the file | open: the file | open: the file | open: the file");
    has("/fr Country=fr = sent: 302 → /login | sent: 302 → /login | open: the file | sent: 302 → /login");
}

#[test]
fn lint_4_what_leads_behind_a_gate_stands_in_its_area() {
    let rules = "/members/* 200! Role=m\n/members/* /login 302!\n/preview/* /members/:splat 200\n\
        /y /members/a 200\n/k/* /members/:splat 200! Role=k\n/free/* /pages/:splat 200\n";
    let map = map(rules, &["/members/a.html", "/login.html", "/pages/b.html"]);
    let area = map.areas.iter().find(|area| area.paths == "/members/*").unwrap();
    let everybody_gets = |label: &str| {
        let row = area.ways.iter().find(|row| row.label == label);
        let row = row.unwrap_or_else(|| panic!("{label}: {:#?}", lines(&map)));
        assert_eq!(row.gets.len(), map.visitors.len(), "{label}");
        assert!(row.gets.iter().all(|gets| gets.words() == "shows /members/a.html"), "{label}: {row:?}");
    };
    everybody_gets("/preview/a.html");
    everybody_gets("/y");
    let other = map.areas.iter().find(|area| area.paths == "/k/*").unwrap();
    let row = other.rows.iter().find(|row| row.label == "/k/a.html").unwrap();
    let words: Vec<String> = row.gets.iter().map(|gets| gets.words()).collect();
    assert_eq!(words, ["denied, 404", "denied, 404", "shows /members/a.html", "denied, 404"]);
    assert!(map.everybody.iter().all(|row| row.label != "/free/b.html"), "it is kept by nobody");
}

/// Rules, files, the paths of an area, and the ways beside its gates.
type Ways = (&'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const WAYS: &[Ways] = &[
    // A rule above that a file goes before, for some.
    (
        "/* /beta/:splat 200 Cookie=beta\n/m/* 200! Role=a\n/m/* /login 401",
        &["/m/x.html", "/login.html"],
        "/m/*",
        &["/m/x Cookie=beta = open: the file"],
    ),
    (
        "http://a.example/* https://a.example/:splat 301\n/m/* 200! Role=a",
        &["/m/x.html"],
        "/m/*",
        &["http://a.example/m/x = open: the file"],
    ),
    ("http://a.example/* https://a.example/:splat 301!\n/m/* 200! Role=a", &["/m/x.html"], "/m/*", &[]),
    // What a gate shows lies open at its own path, and what sends visitors there.
    (
        "/app/* /files/:splat 200! Role=a\n/y /files/x 302\n/z /other 302",
        &["/files/x.html", "/other.html"],
        "/app/*",
        &["/files/x = open: the file", "/y = sent: 302 → /files/x"],
    ),
    // A page that stands for many paths is one.
    ("/app/* /index.html 200! Role=a\n/* /index.html 200", &["/index.html"], "/app/*", &["/ = open: the file"]),
    // Functions, and what other servers are asked for.
    (
        "/api/* /.netlify/functions/:splat 200! Role=a",
        &["/index.html"],
        "/api/*",
        &["/.netlify/functions/example = open: runs /.netlify/functions/example"],
    ),
    (
        "/s/* https://up.example/s/:splat 200! Role=a\n/o/* https://up.example/s/:splat 200\n\
         /p https://up.example/s/deep/x 302\n/q/* https://up.example/q/:splat 200",
        &["/index.html"],
        "/s/*",
        &[
            "/o/*, any other path = open: forwarded to https://up.example/s/example",
            "/p = sent: 302 → https://up.example/s/deep/x",
        ],
    ),
    // A gate for others, under another name; those whom both admit are no news.
    (
        "/m/* 200! Role=a\n/k/* /m/:splat 200! Role=a,b",
        &["/m/x.html"],
        "/m/*",
        &["/k/x.html = closed: denied, 404 | open: shows /m/x.html | open: shows /m/x.html | closed: denied, 404"],
    ),
    ("/m/* 200! Role=a\n/k/* /m/:splat 200! Role=a", &["/m/x.html"], "/m/*", &[]),
    ("/m/* 200! Role=a\n/m/* /login 401", &["/m/x.html", "/login.html"], "/m/*", &[]),
];

#[test]
fn lint_4_ways_beside_a_gate() {
    for (rules, files, paths, expected) in WAYS {
        let map = map(rules, files);
        let area = map.areas.iter().find(|area| area.paths == *paths).unwrap();
        let visitors = map.visitors.len();
        let told: Vec<String> = area
            .ways
            .iter()
            .map(|row| {
                assert_eq!(row.gets.len(), visitors, "{rules}: {}", row.label);
                let mut gets: Vec<String> =
                    row.gets.iter().map(|gets| format!("{}: {}", gets.class.name(), gets.words())).collect();
                if gets.iter().all(|one| Some(one) == gets.first()) {
                    gets.truncate(1);
                }
                let when = row.when.iter().map(|when| format!(" {when}")).collect::<String>();
                format!("{}{when} = {}", row.label, gets.join(" | "))
            })
            .collect();
        assert_eq!(told, *expected, "{rules}");
    }
}

#[test]
fn lint_4_of_many_rules_that_ask_for_more_those_count_that_have_a_say() {
    let languages: String = (0..500).map(|at| format!("/x{at}/* /en/:splat 302! Language=en\n")).collect();
    let rules = format!("{languages}/m/a /b 302! Language=fr Role=m\n/m/* 200! Role=m\n");
    let map = map(&rules, &["/m/a.html", "/m/c.html", "/x499/y.html"]);
    assert_eq!(map.not_asked, 0);
    let lines = lines(&map);
    let has = |line: &str| assert!(lines.iter().any(|other| other.trim_start() == line), "{line}\n{lines:#?}");
    has("/m/a Language=fr = closed: denied, 404 | sent: 302 → /b | closed: denied, 404");
    has("/x499/y Language=en = sent: 302 → /en/y");
    // More than are asked about at one file.
    let many: String = (0..40).map(|at| format!("/* /b 302! Cookie=c{at}\n")).collect();
    assert_eq!(super::tests::map(&many, &["/a.html"]).not_asked, 8);
}

#[test]
fn lint_4_rules_that_lead_elsewhere_cost_nothing_at_a_file() {
    let others: String = (0..3000).map(|at| format!("/x{at}/* /y{at}/:splat 200\n")).collect();
    let files: Vec<String> = (0..1500).map(|at| format!("/m/f{at}.html")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let map = map(&format!("/m/* 200! Role=m\n{others}/z/* /m/:splat 200\n"), &files);
    assert_eq!(map.not_asked, 0);
    let area = map.areas.iter().find(|area| area.paths == "/m/*").unwrap();
    assert_eq!(area.ways.iter().filter(|row| row.label.starts_with("/z/")).count(), 1500);
}

#[test]
fn lint_4_names_at_and_below_a_path() {
    let names = ["/a", "/a!b", "/a/b", "/a/c/d", "/a0", "/b/a"].map(str::to_owned);
    let found = |path: &str| {
        let (own, below) = asker::at_and_below(&names, path);
        (own.map(String::as_str), below.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(found("/a"), (Some("/a"), vec!["/a/b", "/a/c/d"]));
    assert_eq!(found("/b"), (None, vec!["/b/a"]));
    assert_eq!(found("/c"), (None, vec![]));
    assert_eq!(found("").1.len(), names.len());
}

#[test]
fn lint_4_many_rules_that_lead_to_many_files_are_not_all_asked() {
    let rules: String = (0..2000).map(|at| format!("/x{at}/* /m/:splat 200\n")).collect();
    let files: Vec<String> = (0..2000).map(|at| format!("/m/f{at}.html")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let map = map(&format!("/m/* 200! Role=m\n{rules}"), &files);
    assert!(map.not_asked > 0, "what was left out is said");
    let rows: usize = map.areas.iter().map(|area| area.rows.len() + area.ways.len()).sum();
    assert!((2000..40_000).contains(&rows), "{rows}");
    // One gate that shows all files of a site elsewhere has a row for each.
    let map = self::map("/app/* /m/:splat 200! Role=m\n", &files);
    assert!(map.not_asked == 0 && map.areas.iter().any(|area| area.rows.len() > 2000), "{:?}", map.not_asked);
}

#[test]
fn lint_4_what_nobody_can_meet_has_no_row() {
    let map = map("/m/* 200! Role=a\n/* /403.html 403 Country=!NZ\n", &["/m/x.html", "/403.html"]);
    let rows = map.areas.iter().flat_map(|area| &area.rows);
    assert!(rows.chain(&map.everybody).all(|row| row.when.is_empty()), "{map:?}");
}

#[test]
fn lint_4_what_is_too_much_is_said() {
    let rules: String = (0..2000).map(|role| format!("/* 200! Role=r{role}\n")).collect();
    let map = map(&rules, &["/x.html"]);
    assert_eq!((map.visitors.len(), map.further_roles, map.areas.len(), map.not_asked), (26, 1976, 0, 2));
}

#[test]
fn lint_4_what_a_rule_gives() {
    let rules = RuleSet::parse(b"/m/* /m/:splat 200! Role=a\n/m/* /login 302\n").rules;
    let (visitors, row) = Map::at(&rules, &MemorySite::new(["/m/example.html"]), 0).unwrap();
    let told: Vec<String> =
        visitors.iter().zip(&row.gets).map(|(who, gets)| format!("{} {}", who.words(), gets.words())).collect();
    assert_eq!(told, ["anonymous 302 → /login", "a the file", "another role 302 → /login"]);
    assert_eq!(Map::at(&rules, &MemorySite::default(), 9), None);
    // Of a file that is there.
    let rules = RuleSet::parse(b"/* /index.html 200\n/m/* /m/:splat 200! Role=a\n").rules;
    let (_, row) = Map::at(&rules, &MemorySite::new(["/index.html", "/m/x.html"]), 1).unwrap();
    assert_eq!((row.asked.target.as_str(), row.gets[0].words().as_str()), ("/m/x", "the file"));
}
