//! What a person, and a program, is told about a decision.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that fails may panic")]

use rolegate::{Explanation, MemorySite, Request, RuleSet, Scheme, Visitor, decide_by_walk};

const RULES: &str = "\
# the members' area
/old/* /new/:splat
/public /about 302
/members/* /members/:splat 200! Role=admin,editor
/members/* /login 302
/store id=:id /goods/:id 301
/sealed/* /sealed/:splat Role=admin
https://b.example/* /b 302!
/country /de 302! Country=de
/login /login 302
";

fn explain(target: &str, visitor: &Visitor) -> Explanation {
    let rules = RuleSet::parse(RULES.as_bytes()).rules;
    let site = MemorySite::new(["/404.html", "/login.html", "/public.html", "/members/home.html", "/sealed/x.html"]);
    let target = target.as_bytes();
    let request =
        Request { method: "GET", target, host: Some("a.example"), scheme: Scheme::Https, headers: &[], country: None };
    Explanation::new(&rules, &decide_by_walk(&rules, &request, visitor, &site))
}

#[test]
fn text() {
    for (name, target, roles) in [
        ("denied", "/members/home", None),
        ("admitted", "/members/home", Some("editor")),
        ("missing", "/members/none", Some("admin")),
        ("shadowed", "/public", None),
        ("redirected", "/old/a?q=1", None),
        ("query", "/store?id=7", None),
        ("sealed", "/sealed/x", Some("admin")),
        ("loop", "/login", None),
        ("condition", "/country", None),
        ("refused", "/members%2Fhome", None),
        ("no-rule", "/nothing", None),
    ] {
        let visitor = roles.map_or(Visitor::Anonymous, |role| Visitor::with_roles([role]));
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots/explain" }, {
            insta::assert_snapshot!(name, explain(target, &visitor).text());
        });
    }
}

#[test]
fn json() {
    let explanation = explain("/members/home", &Visitor::Anonymous);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots/explain" }, {
        insta::assert_json_snapshot!("json-denied", explanation);
    });
}
