use super::*;
use crate::request::Scheme;
use crate::rules::RuleSet;

/// The texts of the candidates of a target that is asked of `host`.
fn found<'r>(rules: &'r RuleSet, host: &str, target: &str) -> Vec<&'r str> {
    let target = crate::Target::parse(target.as_bytes()).unwrap();
    let parameters = target.query.as_deref().map(Parameters::parse).unwrap_or_default();
    let mut look_up = rules.index.look_up(Some(&Origin::new(Scheme::Https, host)), &parameters);
    let segments: Vec<&str> = target.path.segments().collect();
    look_up.path(&segments);
    look_up.path(&segments);
    look_up.candidates().map(|at| rules.rules()[at].text.as_str()).collect()
}

#[test]
fn candidates_come_in_list_order_and_leave_out_the_rest() {
    let froms = [
        "/a/b", "/a/*", "/:x/b", "/c", "/*", "/a*", "/a/*/b", "/a/*/*", "/a/b/c", "/", "/ab*", "/é*", "/:x/:y", "/*/z",
    ];
    let text: String = froms.iter().map(|from| format!("{from} /t\n")).collect();
    let rules = RuleSet::parse(text.as_bytes()).rules;
    for (path, expected) in [
        ("/a/b", &["/a/b", "/a/*", "/:x/b", "/*", "/a*", "/a/*/b", "/a/*/*", "/:x/:y"][..]),
        ("/", &["/*", "/"]),
        ("/c", &["/c", "/*"]),
        ("/abc", &["/*", "/a*", "/ab*"]),
        ("/q/z", &["/*", "/:x/:y", "/*/z"]),
        ("/éa", &["/*", "/é*"]),
    ] {
        let expected: Vec<String> = expected.iter().map(|from| format!("{from} /t")).collect();
        assert_eq!(found(&rules, "a.example", path), expected, "{path}");
    }
}

#[test]
fn hosts_and_parameters_leave_out_what_they_do_not_match() {
    let rules = [
        "/a id=1 /t",
        "https://a.example/a /t",
        "/a id=:x /t",
        "https://b.example/* /t",
        "/a k=1 id=2 /t",
        "/a id=2 k=1 /t",
        "/a /t",
        "https://a.example/* id=1 /t",
    ];
    let set = RuleSet::parse(rules.join("\n").as_bytes()).rules;
    for (host, target, expected) in [
        ("a.example", "/a", &[1, 6][..]),
        ("c.example", "/a", &[6]),
        ("b.example", "/a?id", &[3, 6]),
        ("a.example", "/a?id=1", &[0, 1, 2, 6, 7]),
        ("c.example", "/a?id=2&k=1", &[2, 4, 5, 6]),
        ("c.example", "/a?k=1", &[4, 6]),
    ] {
        let expected: Vec<&str> = expected.iter().map(|at| rules[*at]).collect();
        assert_eq!(found(&set, host, target), expected, "{host} {target}");
    }
}
