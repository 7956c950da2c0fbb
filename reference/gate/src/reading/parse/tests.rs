use super::*;
use crate::problem::Severity;
use crate::rules::{LineKind, RuleSet};

/// Each rule as it prints, with ` (sealed)` where it is; then the ids of the problems.
fn read(text: &str) -> (Vec<String>, Vec<&'static str>) {
    let parsed = RuleSet::parse(text.as_bytes());
    let rules = parsed.rules.rules().iter().map(ToString::to_string).collect();
    (rules, parsed.problems.iter().map(|problem| problem.id).collect())
}

#[test]
fn rules() {
    for (line, printed) in [
        ("/a /b", "/a /b 301"),
        ("  /a\t \t/b  200!  ", "/a /b 200!"),
        ("/a /b # comment", "/a /b 301"),
        ("/a /b#c 302 #", "/a /b#c 302"),
        ("/a/* 200", "/a/* /a/:splat 200"),
        ("/a/:x/* 200! Role=admin,b", "/a/:x/* /a/:x/:splat 200! Role=admin,b"),
        ("https://A.example:443/x/* 200", "https://a.example/x/* /x/:splat 200"),
        ("/a role.x=1 k= v=:w /b", ""),
        ("/a k= v=:w _escaped_=/about /b", "/a k= v=:w _escaped_=%2Fabout /b 301"),
        ("/a /b 302 role=a country=DE language=en Cookie=c", "/a /b 302 Role=a Country=DE Language=en Cookie=c"),
        ("/a /b 302 Role=*", "/a /b 302 Role=*"),
        ("/a https://b.example/ 200 signed=KEY Role=x", "/a https://b.example/ 200 Role=x Sign=KEY"),
        ("/a%2A/%3Ab/c%20d /x:b", "/a%2A/%3Ab/c%20d /x:b 301"),
        ("/a /.netlify/functions/x 200", "/a /.netlify/functions/x 200"),
        ("\u{feff}/a /b", "/a /b 301"),
    ] {
        let (rules, problems) = read(line);
        if printed.is_empty() {
            assert_eq!(problems, ["query-role"], "{line}");
        } else {
            assert_eq!((rules, problems), (vec![printed.to_owned()], vec![]), "{line}");
        }
    }
}

#[test]
fn rules_9_no_line_that_names_a_role_leaves_its_path_open() {
    for (line, sealed) in [
        ("/a/* /b Role=x", "/a/*"),
        ("/a/* /b 200! ROLE=x", "/a/*"),
        ("/a/* /b 200! Rolle=x", "/a/*"),
        ("/a/* /b 200! roles=x", "/a/*"),
        ("/a/* /b 200! Role:x", "/a/*"),
        ("/a/* /b 200! Role", "/a/*"),
        ("/a/* /b 200! Role=", "/a/*"),
        ("/a/* /b 200! Role=x,", "/a/*"),
        ("/a/* /b 200! Role=x, y", "/a/*"),
        ("/a/* /b 200! Role = x", "/a/*"),
        ("/a/* /b 200! Role=x Role=y", "/a/*"),
        ("/a/* /b 200! Role=x Typo=y", "/a/*"),
        ("/a/* https://b.example/ 200! Role=x Sign=a-b", "/a/*"),
        ("/a/* https://b.example/ 200! Role=x Sign=A signed=A", "/a/*"),
        ("/a/* /b 200!! Role=x", "/a/*"),
        ("/a/* /b 2OO! Role=x", "/a/*"),
        ("/a 200! Role=x", "/a"),
        ("/a/* 302! Role=x", "/a/*"),
        ("/a/* Role=x", "/a/*"),
        ("/a/* //b 200! Role=x", "/a/*"),
        ("/a/* https://:splat/ 200! Role=x", "/a/*"),
        ("/a/** /b 200! Role=x", "/a/*"),
        ("/a%2f* /b 200! Role=x", "/a*"),
        ("/.netlify/a /b 200! Role=x", "/.netlify/a"),
        ("https://h.example/a /b Role=x", "https://h.example/a"),
        ("https://h h/a /b 200 Role=x", "https://h/"),
        ("https://u@h/a /b 200 Role=x", "/a"),
        ("/a/*\u{a0}/b 200! Role=x", "/a/*"),
        ("/a/* /b 200!\u{2003}Role=x", "/a/*"),
        ("/a/*\u{0}/b 200! Role=x", "/a/*"),
        ("a/* /b 600! Role=x", "/a/*"),
        ("/a/*, /b 200!, Role=x", "/a/*"),
        ("/a/*,/b,200!,Role=x", "/a/*"),
        ("/a/* /b 200! Country=de,Role=x", "/a/*"),
        ("/a/* /b 200! Country=de;Role=x", "/a/*"),
        ("/a/* /b 200! Country=de&Role=x", "/a/*"),
        ("/a/* /b 200! Language=de,Rolle=x", "/a/*"),
        ("/a/* /b 200! X-Role=x", "/a/*"),
        ("/a/* /b 200! user.role=x", "/a/*"),
        ("/a/* /b 200! Ｒｏｌｅ=x", "/a/*"),
        ("/a/* /b 200! Cookie=a,role:x", "/a/*"),
        ("/a/?* /b 200! Role=x", "/a/*"),
        ("/a/?x=1 /b 200! Role=x", "/a/*"),
        ("/a/h?x /b 200! Role=x", "/a/h*"),
        ("/a/#x /b 200! Rolle=x", "/a/*"),
        ("/a/\u{a0}* /b 200! Role=x", "/a/*"),
        ("/a/x\u{a0}y /b 200! Role=x", "/a/x*"),
        ("/a/b*.html /b 200! Roel=x", "/a/b*"),
        ("/a/{id}/c /b 200! Roel=x", "/a/*"),
        ("/a/x(.*) /b 200! Roel=x", "/a/*"),
    ] {
        let parsed = RuleSet::parse(line.as_bytes());
        let rules: Vec<String> = parsed.rules.rules().iter().map(ToString::to_string).collect();
        assert_eq!(rules, [format!("{sealed} Role")], "{line}");
        assert!(parsed.problems.iter().all(|problem| problem.severity == Severity::Error && problem.note.is_some()));
    }
    for line in [
        "a.b/* /b 200! Role=x",
        "a /b 200! Role=x",
        "HTTPS://h/a /b 200 Role=x",
        "*/a /b 200! role",
        "Role=x /a /b 200!",
    ] {
        let parsed = RuleSet::parse(line.as_bytes());
        assert_eq!(parsed.rules.unreadable().len(), 1, "{line}");
        assert!(parsed.rules.rules().is_empty() && parsed.problems[0].refuses_to_start);
    }
}

#[test]
fn rules_6_lines_and_columns() {
    let parsed = RuleSet::parse("\u{feff}# c\r\n\r\n/ok /x\r\n\t/é /b 999\r/c".as_bytes());
    let places: Vec<_> =
        parsed.problems.iter().map(|problem| (problem.span.line, problem.span.column, problem.id)).collect();
    assert_eq!(places, [(4, 8, "status-invalid"), (4, 11, "line-end"), (5, 1, "to-missing")]);
    let kinds: Vec<_> = parsed.lines.iter().map(|line| line.kind).collect();
    assert_eq!(kinds, [LineKind::Comment, LineKind::Blank, LineKind::Rule(0), LineKind::Error, LineKind::Error]);
}

#[test]
fn rules_14_long_files_and_long_lines() {
    let many: String = (0..100_000).map(|n| format!("/a/{n}/:x/* /b/{n}/:splat 200! Role=r{n}\n")).collect();
    let parsed = RuleSet::parse(many.as_bytes());
    assert_eq!((parsed.rules.rules().len(), parsed.problems.len()), (100_000, 0));
    let long = format!("/a/* /{} 200! Role=x", "b".repeat(MAX_LINE));
    assert_eq!(read(&long), (vec!["/a/* Role".to_owned()], vec!["line-too-long"]));
}

#[test]
fn query_1_a_parameter_stands_once_among_however_many() {
    for count in [1, FEW - 1, FEW, FEW + 1, 3 * FEW] {
        let parameters: String = (0..count).map(|number| format!(" k{number}={number}")).collect();
        assert_eq!(read(&format!("/a{parameters} /b")).1, Vec::<&str>::new(), "{count}");
        for repeated in 0..count {
            assert_eq!(
                read(&format!("/a{parameters} k{repeated}=x /b")).1,
                ["query-key-repeated"],
                "{count} {repeated}"
            );
        }
    }
}

#[test]
fn rules_3_a_fault_behind_an_added_slash_stands_where_it_is() {
    for (line, place) in [("re/caf%Cd /b", 6..9), ("  a/%2F /b", 4..7), ("/re/caf%Cd /b", 7..10)] {
        let parsed = RuleSet::parse(line.as_bytes());
        let problem = parsed.problems.iter().find(|problem| problem.severity == Severity::Error).unwrap();
        assert_eq!(problem.span.start..problem.span.end, place, "{line}: {problem:?}");
    }
}
